/* keeper_load.c - raw load for a ZooKeeper-protocol server.
 *
 *     keeper_load PORT OP CONNECTIONS IN_FLIGHT SECONDS [BYTES [FIRST]]
 *
 * OP: get, set, create. Each connection keeps IN_FLIGHT requests outstanding.
 * Connection n works on the node /load/(FIRST + n). One line comes out:
 * operations per second, p50 and p99 in microseconds, and the CPU of this
 * process per operation. One thread, epoll, no library.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FLIGHT_MOST = 1024, BUF = 1 << 20, SAMPLES_MOST = 1 << 24 };

struct conn {
    int fd;
    unsigned number;
    uint8_t *out;
    size_t out_len;
    uint8_t *in;
    size_t in_len;
    int64_t sent_us[FLIGHT_MOST]; /* ring by request number */
    uint32_t asked;
    uint32_t answered;
};

static const char *op = "get";
static size_t value_len = 100;
static unsigned in_flight = 1;
static uint32_t *samples;
static size_t n_samples;

static int64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000ll + ts.tv_nsec / 1000;
}

static void die(const char *what)
{
    fprintf(stderr, "keeper_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* -- requests -------------------------------------------------------------- */

static void put32(struct conn *c, uint32_t v)
{
    v = htobe32(v);
    memcpy(c->out + c->out_len, &v, 4);
    c->out_len += 4;
}

static void put_bytes(struct conn *c, const void *p, size_t n)
{
    put32(c, (uint32_t)n);
    memcpy(c->out + c->out_len, p, n);
    c->out_len += n;
}

static void put_create(struct conn *c, const char *path, size_t len)
{
    static uint8_t value[BUF / 4];

    put_bytes(c, path, strlen(path));
    put_bytes(c, value, len);
    put32(c, 1);
    put32(c, 31);
    put_bytes(c, "world", 5);
    put_bytes(c, "anyone", 6);
    put32(c, 0);
}

static void put_request(struct conn *c, int type, const char *path)
{
    static uint8_t value[BUF / 4];
    size_t at = c->out_len;
    uint32_t len;

    put32(c, 0);
    put32(c, ++c->asked);
    put32(c, (uint32_t)type);
    if (type == 1) {
        put_create(c, path, value_len);
    } else {
        put_bytes(c, path, strlen(path));
        if (type == 5) {
            put_bytes(c, value, value_len);
            put32(c, UINT32_MAX);
        } else {
            c->out[c->out_len++] = 0;
        }
    }
    len = htobe32((uint32_t)(c->out_len - at - 4));
    memcpy(c->out + at, &len, 4);
    c->sent_us[c->asked % FLIGHT_MOST] = now_us();
}

static void ask(struct conn *c)
{
    char path[64];

    snprintf(path, sizeof path, "/load/%u", c->number);
    if (strcmp(op, "get") == 0) {
        put_request(c, 4, path);
    } else if (strcmp(op, "set") == 0) {
        put_request(c, 5, path);
    } else {
        snprintf(path, sizeof path, "/load/%u/%d-%u", c->number, getpid(),
                 c->asked);
        put_request(c, 1, path);
    }
}

/* -- sockets --------------------------------------------------------------- */

static void flush(struct conn *c)
{
    size_t done = 0;

    while (done < c->out_len) {
        ssize_t n = send(c->fd, c->out + done, c->out_len - done, MSG_NOSIGNAL);

        if (n < 0)
            die("send");
        done += (size_t)n;
    }
    c->out_len = 0;
}

/* Whole frames that have come; returns how many. */
static unsigned take(struct conn *c, bool count)
{
    size_t at = 0;
    unsigned n = 0;

    while (c->in_len - at >= 4) {
        uint32_t len;

        memcpy(&len, c->in + at, 4);
        len = be32toh(len);
        if (c->in_len - at - 4 < len)
            break;
        at += 4 + len;
        n++;
        if (count) {
            int64_t took = now_us() - c->sent_us[++c->answered % FLIGHT_MOST];

            if (n_samples < SAMPLES_MOST)
                samples[n_samples++] = (uint32_t)took;
        }
    }
    memmove(c->in, c->in + at, c->in_len - at);
    c->in_len -= at;
    return n;
}

static unsigned receive(struct conn *c, bool count)
{
    ssize_t n = recv(c->fd, c->in + c->in_len, BUF - c->in_len, 0);

    if (n <= 0)
        die("recv");
    c->in_len += (size_t)n;
    return take(c, count);
}

static void open_conn(struct conn *c, int port, unsigned number)
{
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr = { htonl(INADDR_LOOPBACK) } };
    uint8_t hello[49] = { 0, 0, 0, 45 };
    int on = 1;

    c->number = number;
    c->out = malloc(BUF);
    c->in = malloc(BUF);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(c->fd, (struct sockaddr *)&sin, sizeof sin) != 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    hello[18] = 0x75; /* timeout 30000 ms */
    hello[19] = 0x30;
    hello[31] = 16;
    if (send(c->fd, hello, sizeof hello, 0) != sizeof hello)
        die("hello");
    while (receive(c, false) == 0)
        continue;
}

static void prepare(struct conn *c)
{
    char path[64];

    put_request(c, 1, "/load");
    flush(c);
    while (receive(c, false) == 0)
        continue;
    snprintf(path, sizeof path, "/load/%u", c->number);
    put_request(c, 1, path);
    flush(c);
    while (receive(c, false) == 0)
        continue;
    c->answered = c->asked;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static uint64_t run(struct conn *conns, unsigned n, int64_t until)
{
    struct epoll_event events[256];
    int ep = epoll_create1(0);
    uint64_t done = 0;

    for (unsigned i = 0; i < n; i++) {
        struct epoll_event e = { .events = EPOLLIN, .data.u32 = i };

        epoll_ctl(ep, EPOLL_CTL_ADD, conns[i].fd, &e);
        for (unsigned k = 0; k < in_flight; k++)
            ask(&conns[i]);
        flush(&conns[i]);
    }
    while (now_us() < until) {
        int ready = epoll_wait(ep, events, 256, 100);

        for (int i = 0; i < ready; i++) {
            struct conn *c = &conns[events[i].data.u32];
            unsigned got = receive(c, true);

            done += got;
            while (got-- > 0)
                ask(c);
            flush(c);
        }
    }
    close(ep);
    return done;
}

int main(int argc, char **argv)
{
    unsigned n;
    unsigned first = 0;
    int64_t began;
    double seconds;
    struct rusage use;

    if (argc < 6) {
        fprintf(stderr, "usage: keeper_load PORT get|set|create CONNECTIONS "
                        "IN_FLIGHT SECONDS [BYTES [FIRST]]\n");
        return 2;
    }
    op = argv[2];
    n = (unsigned)atoi(argv[3]);
    in_flight = (unsigned)atoi(argv[4]);
    seconds = atof(argv[5]);
    if (argc > 6)
        value_len = (size_t)atoi(argv[6]);
    if (argc > 7)
        first = (unsigned)atoi(argv[7]);
    assert(in_flight > 0 && in_flight < FLIGHT_MOST && value_len < BUF / 4);
    samples = malloc(SAMPLES_MOST * sizeof *samples);
    struct conn *conns = calloc(n, sizeof *conns);
    for (unsigned i = 0; i < n; i++) {
        open_conn(&conns[i], atoi(argv[1]), first + i);
        prepare(&conns[i]);
    }
    began = now_us();
    uint64_t done = run(conns, n, began + (int64_t)(seconds * 1e6));
    seconds = (double)(now_us() - began) / 1e6;
    qsort(samples, n_samples, sizeof *samples, by_size);
    getrusage(RUSAGE_SELF, &use);
    printf("%s connections=%u in_flight=%u ops_per_s=%.0f p50_us=%u p99_us=%u "
           "max_us=%u "
           "client_cpu_us=%.2f\n",
           op, n, in_flight, (double)done / seconds,
           n_samples ? samples[n_samples / 2] : 0,
           n_samples ? samples[n_samples * 99 / 100] : 0,
           n_samples ? samples[n_samples - 1] : 0,
           (double)((use.ru_utime.tv_sec + use.ru_stime.tv_sec) * 1000000 +
                    use.ru_utime.tv_usec + use.ru_stime.tv_usec) /
               (double)done);
    return 0;
}
