/* keeper_load.c - steady load for a ZooKeeper-protocol server.
 *
 *     keeper_load PORT OP CONNECTIONS IN_FLIGHT SECONDS [BYTES [PID]]
 *     keeper_load PORT fill NODES BYTES
 *
 * OP: get, set, create. Each connection keeps IN_FLIGHT requests outstanding;
 * connection n works on the node /load/n, or creates below it. Lines of a name
 * and a value come out: requests per second, p50, p99 and longest answer, the
 * CPU of this program and (with PID) of the server, in microseconds for each.
 *
 * fill makes NODES nodes below /fill, a thousand below each of its children.
 */
#include <sys/epoll.h>

#include "keeper_client.h"

enum { FILL_CONNECTIONS = 16, FILL_IN_FLIGHT = 64, FILL_BELOW = 1000 };

const char *const kc_name = "keeper_load";

struct load {
    int type;
    unsigned n, in_flight;
    size_t bytes;
    struct kc *conns;
    struct kc_samples samples;
    uint64_t done;
};

static void ask(struct load *load, unsigned i)
{
    struct kc *c = &load->conns[i];
    char path[64];

    if (load->type == KC_CREATE)
        snprintf(path, sizeof path, "/load/%u/%d-%u", i, getpid(), c->asked);
    else
        snprintf(path, sizeof path, "/load/%u", i);
    kc_ask(c, load->type, path, load->bytes, 0);
}

static void prepare(struct load *load, int port)
{
    for (unsigned i = 0; i < load->n; i++) {
        struct kc *c = &load->conns[i];
        char path[64];

        snprintf(path, sizeof path, "/load/%u", i);
        kc_need(c, port, 30000);
        c->may_exist = true;
        kc_ask(c, KC_CREATE, "/load", 0, 0);
        kc_ask(c, KC_CREATE, path, load->bytes, 0);
        kc_settle(c, NULL, NULL);
        c->may_exist = false;
    }
}

static void run(struct load *load, int64_t until_us)
{
    struct epoll_event events[256];
    int ep = epoll_create1(0);

    for (unsigned i = 0; i < load->n; i++) {
        struct epoll_event e = { .events = EPOLLIN, .data.u32 = i };

        epoll_ctl(ep, EPOLL_CTL_ADD, load->conns[i].fd, &e);
        for (unsigned k = 0; k < load->in_flight; k++)
            ask(load, i);
        kc_flush(&load->conns[i]);
    }
    while (kc_now_us() < until_us) {
        int ready = epoll_wait(ep, events, 256, 100);

        for (int k = 0; k < ready; k++) {
            unsigned i = events[k].data.u32;

            kc_read(&load->conns[i], NULL);
            unsigned got = kc_take(&load->conns[i], kc_sample, &load->samples);
            load->done += got;
            while (got-- > 0)
                ask(load, i);
            kc_flush(&load->conns[i]);
        }
    }
    close(ep);
}

/* User and system microseconds a process has used, in the kernel's ticks. */
static double cpu_us(const char *pid)
{
    char name[64];
    char text[1024];
    unsigned long user;
    unsigned long sys;
    FILE *f;
    size_t n;

    snprintf(name, sizeof name, "/proc/%s/stat", pid);
    f = fopen(name, "r");
    if (f == NULL)
        kc_die(name);
    n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    char *at = strrchr(text, ')');
    if (at == NULL || sscanf(at + 1,
                             " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
                             "%lu %lu",
                             &user, &sys) != 2)
        kc_die(name);
    return (double)(user + sys) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static double own_cpu_us(void)
{
    struct rusage use;

    getrusage(RUSAGE_SELF, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1e6 +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec);
}

static int steady(struct load *load, double seconds, const char *pid)
{
    int64_t began_us = kc_now_us();
    double own_us = own_cpu_us();
    double server_us = pid ? cpu_us(pid) : 0;

    run(load, began_us + (int64_t)(seconds * 1e6));
    seconds = (double)(kc_now_us() - began_us) / 1e6;
    if (load->done == 0)
        kc_die("no answer");
    printf("ops_per_s %.0f\n", (double)load->done / seconds);
    kc_print_samples("answer", &load->samples);
    printf("client_cpu_us %.3f\n",
           (own_cpu_us() - own_us) / (double)load->done);
    if (pid != NULL)
        printf("server_cpu_us %.3f\n",
               (cpu_us(pid) - server_us) / (double)load->done);
    return 0;
}

/* -- fill ------------------------------------------------------------------ */

static void fill_some(struct kc *c, unsigned from, unsigned to, size_t bytes)
{
    for (unsigned i = from; i < to; i++) {
        char path[64];

        snprintf(path, sizeof path, "/fill/%u/node-%u", i / FILL_BELOW, i);
        kc_ask(c, KC_CREATE, path, bytes, 0);
    }
    kc_flush(c);
}

static int fill(int port, unsigned nodes, size_t bytes)
{
    static struct kc conns[FILL_CONNECTIONS];
    int64_t began_us = kc_now_us();

    for (unsigned i = 0; i < FILL_CONNECTIONS; i++) {
        kc_need(&conns[i], port, 30000);
        conns[i].may_exist = true;
    }
    kc_ask(&conns[0], KC_CREATE, "/fill", 0, 0);
    for (unsigned i = 0; i < nodes / FILL_BELOW + 1; i++) {
        char path[64];

        snprintf(path, sizeof path, "/fill/%u", i);
        kc_ask(&conns[0], KC_CREATE, path, 0, 0);
        if (i % FILL_IN_FLIGHT == 0)
            kc_settle(&conns[0], NULL, NULL);
    }
    kc_settle(&conns[0], NULL, NULL);
    for (unsigned at = 0; at < nodes;) {
        for (unsigned i = 0; i < FILL_CONNECTIONS && at < nodes; i++) {
            unsigned to =
                nodes - at > FILL_IN_FLIGHT ? at + FILL_IN_FLIGHT : nodes;

            kc_settle(&conns[i], NULL, NULL);
            fill_some(&conns[i], at, to, bytes);
            at = to;
        }
    }
    for (unsigned i = 0; i < FILL_CONNECTIONS; i++)
        kc_settle(&conns[i], NULL, NULL);
    printf("seconds %.3f\n", (double)(kc_now_us() - began_us) / 1e6);
    return 0;
}

int main(int argc, char **argv)
{
    struct load load = { .bytes = 100 };

    if (argc == 5 && strcmp(argv[2], "fill") == 0)
        return fill(atoi(argv[1]), (unsigned)atoi(argv[3]),
                    (size_t)atoi(argv[4]));
    if (argc < 6) {
        fprintf(stderr, "usage: keeper_load PORT get|set|create CONNECTIONS "
                        "IN_FLIGHT SECONDS [BYTES [PID]]\n"
                        "       keeper_load PORT fill NODES BYTES\n");
        return 2;
    }
    load.type = strcmp(argv[2], "get") == 0   ? KC_GET
                : strcmp(argv[2], "set") == 0 ? KC_SET
                                              : KC_CREATE;
    load.n = (unsigned)atoi(argv[3]);
    load.in_flight = (unsigned)atoi(argv[4]);
    if (argc > 6)
        load.bytes = (size_t)atoi(argv[6]);
    if (load.n == 0 || load.in_flight == 0 || load.in_flight >= KC_FLIGHT_MOST)
        return 2;
    load.conns = calloc(load.n, sizeof *load.conns);
    prepare(&load, atoi(argv[1]));
    return steady(&load, atof(argv[5]), argc > 7 ? argv[7] : NULL);
}
