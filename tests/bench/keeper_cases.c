/* keeper_cases.c - single situations of a ZooKeeper-protocol server.
 *
 *     keeper_cases first PORT
 *         connect until a create is answered; prints answered_at, in seconds of
 *         the monotonic clock.
 *     keeper_cases pause PORT SECONDS
 *         a reader and a writer, one request at a time each, beside whatever
 * the server does meanwhile; prints what they waited. keeper_cases storm PORT
 * TICK_MS SESSIONS WATCHERS sessions with one ephemeral each fall silent within
 * one tick while the watchers watch 100 of them each and a reader reads; prints
 * the time from the first event to the last, and the reader's waits meanwhile.
 *     keeper_cases close PORT NODES
 *         one session makes NODES ephemerals below one node and closes, while a
 *         reader reads; prints the close's duration and the reader's waits.
 * Then the children are made again by another session and listed.
 */
#include <fcntl.h>
#include <pthread.h>
#include <sys/epoll.h>

#include "keeper_client.h"

enum { EACH = 100, TIMEOUT_TICKS = 3, AT_ONCE = 64, TIMEOUT_LONG_MS = 40000 };

const char *const kc_name = "keeper_cases";

/* -- somebody beside it ---------------------------------------------------- */

/* A client in a thread of its own: asks, waits, asks again. */
struct steady {
    pthread_t thread;
    struct kc c;
    int type;
    char path[64];
    volatile bool stop;
    struct kc_samples samples;
};

static void *steady_run(void *arg)
{
    struct steady *steady = arg;

    while (!steady->stop) {
        kc_ask(&steady->c, steady->type, steady->path, 100, 0);
        kc_settle(&steady->c, kc_sample, &steady->samples);
        if (steady->type == KC_GET)
            usleep(200); /* it shall see the server, not fill it */
    }
    return NULL;
}

static void steady_start(struct steady *steady, int port, int type)
{
    memset(steady, 0, sizeof *steady);
    steady->type = type;
    snprintf(steady->path, sizeof steady->path, "/steady-%d", type);
    kc_need(&steady->c, port, TIMEOUT_LONG_MS);
    steady->c.may_exist = true;
    kc_ask(&steady->c, KC_CREATE, steady->path, 100, 0);
    kc_settle(&steady->c, NULL, NULL);
    if (pthread_create(&steady->thread, NULL, steady_run, steady) != 0)
        kc_die("thread");
}

static void steady_stop(struct steady *steady, const char *name)
{
    steady->stop = true;
    pthread_join(steady->thread, NULL);
    kc_print_samples(name, &steady->samples);
    kc_close(&steady->c);
}

/* -- first, pause ---------------------------------------------------------- */

static int first(int port)
{
    struct kc c;

    while (!kc_open(&c, port, TIMEOUT_LONG_MS))
        usleep(500);
    c.may_exist = true;
    kc_ask(&c, KC_CREATE, "/first", 10, 0);
    kc_settle(&c, NULL, NULL);
    printf("answered_at %.6f\n", (double)kc_now_us() / 1e6);
    return 0;
}

static int pause_seen(int port, double seconds)
{
    struct steady reader;
    struct steady writer;

    steady_start(&reader, port, KC_GET);
    steady_start(&writer, port, KC_SET);
    usleep((useconds_t)(seconds * 1e6));
    steady_stop(&reader, "reader");
    steady_stop(&writer, "writer");
    return 0;
}

/* -- storm ----------------------------------------------------------------- */

static void node_name(char *path, size_t size, unsigned i)
{
    snprintf(path, size, "/storm/ephemeral-%u", i);
}

/* Ask on many connections at once, then wait for all. */
static void in_turns(struct kc *conns, unsigned n,
                     void (*ask)(struct kc *c, unsigned i))
{
    for (unsigned at = 0; at < n; at += AT_ONCE) {
        unsigned to = n - at > AT_ONCE ? at + AT_ONCE : n;

        for (unsigned i = at; i < to; i++) {
            ask(&conns[i], i);
            kc_flush(&conns[i]);
        }
        for (unsigned i = at; i < to; i++)
            kc_settle(&conns[i], NULL, NULL);
    }
}

static void ask_ephemeral(struct kc *c, unsigned i)
{
    char path[64];

    node_name(path, sizeof path, i);
    kc_ask(c, KC_CREATE, path, 0, 1);
}

static void ask_watches(struct kc *c, unsigned i)
{
    char path[64];

    for (unsigned k = 0; k < EACH; k++) {
        node_name(path, sizeof path, i * EACH + k);
        kc_ask(c, KC_GET, path, 0, 1);
    }
}

/* The server counts a session's life in ticks of the monotonic clock: signs of
 * life that all come early in one tick end in one tick. */
static void fall_silent(struct kc *sessions, unsigned n, unsigned tick_ms)
{
    int64_t tick_us = tick_ms * 1000ll;

    usleep((useconds_t)(tick_us - kc_now_us() % tick_us + 1000));
    int64_t began_us = kc_now_us();
    for (unsigned i = 0; i < n; i++) {
        kc_ask(&sessions[i], KC_PING, "", 0, 0);
        kc_flush(&sessions[i]);
    }
    if ((kc_now_us() - began_us) > tick_us / 2)
        fprintf(stderr, "%s: the pings took more than half a tick\n", kc_name);
}

static int64_t await_events(struct kc *watchers, unsigned n, unsigned want)
{
    struct epoll_event events[128];
    int ep = epoll_create1(0);
    int64_t first_us = 0;
    unsigned came = 0;
    int64_t until_us = kc_now_us() + 120000000;

    for (unsigned i = 0; i < n; i++) {
        struct epoll_event e = { .events = EPOLLIN, .data.u32 = i };

        epoll_ctl(ep, EPOLL_CTL_ADD, watchers[i].fd, &e);
    }
    while (came < want) {
        int ready = epoll_wait(ep, events, 128, 1000);

        for (unsigned i = 0; ready == 0 && i < n; i++) {
            kc_ask(&watchers[i], KC_PING, "", 0, 0);
            kc_flush(&watchers[i]);
        }
        for (int k = 0; k < ready; k++) {
            struct kc *c = &watchers[events[k].data.u32];

            came -= c->events;
            kc_read(c, NULL);
            kc_take(c, NULL, NULL);
            came += c->events;
        }
        if (came > 0 && first_us == 0)
            first_us = kc_now_us();
        if (kc_now_us() > until_us)
            kc_die("events");
    }
    close(ep);
    return kc_now_us() - first_us;
}

static int storm(int port, unsigned tick_ms, unsigned n, unsigned n_watchers)
{
    struct kc *sessions = calloc(n, sizeof *sessions);
    struct kc *watchers = calloc(n_watchers, sizeof *watchers);
    struct steady reader;

    if (n < n_watchers * EACH)
        return 2;
    for (unsigned i = 0; i < n_watchers; i++)
        kc_need(&watchers[i], port, TIMEOUT_LONG_MS);
    kc_ask(&watchers[0], KC_CREATE, "/storm", 0, 0);
    kc_settle(&watchers[0], NULL, NULL);
    for (unsigned i = 0; i < n; i++)
        kc_need(&sessions[i], port, TIMEOUT_LONG_MS);
    in_turns(sessions, n, ask_ephemeral);
    in_turns(watchers, n_watchers, ask_watches);
    fall_silent(sessions, n, tick_ms);
    /* They have 40 s; the reader is to see the end of it, and the watchers must
     * not fall silent themselves. */
    for (int s = 0; s < TIMEOUT_LONG_MS / 1000 - 3; s++) {
        usleep(1000000);
        for (unsigned i = 0; i < n_watchers; i++) {
            kc_ask(&watchers[i], KC_PING, "", 0, 0);
            kc_flush(&watchers[i]);
        }
    }
    steady_start(&reader, port, KC_GET);
    printf("events_us %lld\n",
           (long long)await_events(watchers, n_watchers, n_watchers * EACH));
    steady_stop(&reader, "reader");
    return 0;
}

/* -- close ----------------------------------------------------------------- */

static void make_below(struct kc *c, unsigned n, uint32_t mode)
{
    for (unsigned i = 0; i < n; i++) {
        char path[64];

        snprintf(path, sizeof path, "/close/%u", i);
        kc_ask(c, KC_CREATE, path, 0, mode);
        if (i % AT_ONCE == 0)
            kc_settle(c, NULL, NULL);
    }
    kc_settle(c, NULL, NULL);
}

static int close_many(int port, unsigned n)
{
    struct kc owner;
    struct steady reader;
    int64_t began_us;
    uint8_t bye[12] = { 0, 0, 0, 8, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xf5 };
    uint32_t be;
    bool closed = false;

    kc_need(&owner, port, TIMEOUT_LONG_MS);
    owner.may_exist = true;
    kc_ask(&owner, KC_CREATE, "/close", 0, 0);
    make_below(&owner, n, 1);
    steady_start(&reader, port, KC_GET);
    usleep(300000);
    be = htobe32(++owner.asked);
    memcpy(bye + 4, &be, 4);
    memcpy(kc_room(&owner, sizeof bye), bye, sizeof bye);
    began_us = kc_now_us();
    kc_flush(&owner);
    while (owner.answered != owner.asked && !closed)
        if (kc_read(&owner, &closed))
            kc_take(&owner, NULL, NULL);
    printf("close_us %lld\n", (long long)(kc_now_us() - began_us));
    usleep(300000);
    steady_stop(&reader, "reader");
    kc_close(&owner);
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[1] : "";
    int port = argc > 2 ? atoi(argv[2]) : 0;

    if (strcmp(what, "first") == 0)
        return first(port);
    if (strcmp(what, "pause") == 0 && argc == 4)
        return pause_seen(port, atof(argv[3]));
    if (strcmp(what, "storm") == 0 && argc == 6)
        return storm(port, (unsigned)atoi(argv[3]), (unsigned)atoi(argv[4]),
                     (unsigned)atoi(argv[5]));
    if (strcmp(what, "close") == 0 && argc == 4)
        return close_many(port, (unsigned)atoi(argv[3]));
    fprintf(stderr, "usage: keeper_cases first|pause|storm|close PORT ...\n");
    return 2;
}
