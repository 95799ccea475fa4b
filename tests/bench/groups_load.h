/* groups_load.h - requests and connections of groups.c: one thread, one epoll.
 *
 * A request is built in one buffer and written at once; answers are found by
 * their correlation id, which is the index of who asked.
 */
#ifndef GREGOR_BENCH_GROUPS_LOAD_H
#define GREGOR_BENCH_GROUPS_LOAD_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
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

enum { BUFFER = 1 << 12, ID = 128, HEAD = 8 /* length, correlation id */ };

enum {
    COMMIT = 8,
    OFFSET_FETCH = 9,
    JOIN = 11,
    HEARTBEAT = 12,
    LEAVE = 13,
    SYNC = 14
};

enum { NO_ERROR = 0, REBALANCE_IN_PROGRESS = 27 };

static inline void die(const char *what)
{
    perror(what);
    exit(1);
}

static inline double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* -- a process's time ----------------------------------------------------- */

struct cpu {
    double user_s, system_s;
};

/* What the process has used so far; closing connections is not in it as long
 * as they are open. */
static inline struct cpu cpu_of(int pid)
{
    unsigned long long user = 0, system = 0;
    char path[64], text[1024];
    const char *end;
    FILE *f;
    size_t n;

    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    f = fopen(path, "r");
    if (!f)
        die(path);
    n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    end = strrchr(text, ')');
    if (!end || sscanf(end,
                       ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u "
                       "%llu %llu",
                       &user, &system) != 2)
        die(path);
    return (struct cpu){ (double)user / (double)sysconf(_SC_CLK_TCK),
                         (double)system / (double)sysconf(_SC_CLK_TCK) };
}

/* -- writing -------------------------------------------------------------- */

static uint8_t out[1 << 22];
static size_t len;

static inline void i16(int v)
{
    out[len++] = (uint8_t)(v >> 8);
    out[len++] = (uint8_t)v;
}
static inline void i32(int32_t v)
{
    i16(v >> 16);
    i16(v);
}
static inline void i64(int64_t v)
{
    i32((int32_t)(v >> 32));
    i32((int32_t)v);
}
static inline void str(const char *s)
{
    size_t n = strlen(s);

    i16((int)n);
    memcpy(out + len, s, n);
    len += n;
}

static inline void begin(int key, int version, int who)
{
    len = 4;
    i16(key);
    i16(version);
    i32(who);
    str("bench");
}

/* -- connections ---------------------------------------------------------- */

struct conn {
    int fd;
    size_t have, size;
    uint8_t *in;
};

static int epfd;

static inline void send_all(struct conn *c)
{
    size_t n = len;

    len = 0;
    i32((int32_t)(n - 4));
    for (size_t at = 0; at < n;) {
        ssize_t w = write(c->fd, out + at, n - at);

        if (w <= 0)
            die("write");
        at += (size_t)w;
    }
}

static inline void open_conn(struct conn *c, const char *host, int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port) };
    struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.ptr = c };
    int on = 1;

    inet_pton(AF_INET, host, &to.sin_addr);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (void *)&to, sizeof to) != 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_ctl(epfd, EPOLL_CTL_ADD, c->fd, &event);
    c->size = BUFFER;
    c->in = malloc(c->size);
}

static inline int16_t get16(const uint8_t *p)
{
    return (int16_t)(p[0] << 8 | p[1]);
}

static inline int32_t get32(const uint8_t *p)
{
    return (int32_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
                     (uint32_t)p[2] << 8 | p[3]);
}

static inline int64_t get64(const uint8_t *p)
{
    return (int64_t)((uint64_t)(uint32_t)get32(p) << 32 |
                     (uint32_t)get32(p + 4));
}

/* A string of an answer, into ID bytes; what follows it. */
static inline const uint8_t *take_str(const uint8_t *p, char *to)
{
    int n = get16(p);

    if (n >= ID) {
        fprintf(stderr, "a string of %d bytes\n", n);
        exit(1);
    }
    if (n > 0)
        memcpy(to, p + 2, (size_t)n);
    to[n > 0 ? n : 0] = 0;
    return p + 2 + (n > 0 ? n : 0);
}

/* Called with each answer: from its length on. */
typedef void answer_fn(struct conn *c, const uint8_t *answer);

/* Hand out what one look brings; whether there may be more. */
static inline bool take_some(struct conn *c, answer_fn *on)
{
    size_t at = 0, room = c->size - c->have;
    ssize_t n = recv(c->fd, c->in + c->have, room, MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return false;
    if (n <= 0)
        die("the broker closed the connection");
    c->have += (size_t)n;
    while (c->have - at >= 4) {
        size_t whole = (size_t)get32(c->in + at) + 4;

        if (c->have - at < whole) {
            if (whole > c->size)
                c->in = realloc(c->in, c->size = whole);
            break;
        }
        on(c, c->in + at);
        at += whole;
    }
    c->have -= at;
    memmove(c->in, c->in + at, c->have);
    return (size_t)n == room;
}

/* Wait for answers and hand them out. The kernel tells of each arrival once: so
 * it need not look again at those that were served, which would be part of what
 * is measured. */
static inline void turn(int wait_ms, answer_fn *on)
{
    struct epoll_event events[256];
    int n = epoll_wait(epfd, events, 256, wait_ms);

    for (int i = 0; i < n; i++)
        while (take_some(events[i].data.ptr, on))
            continue;
}

/* As many open files as are allowed. */
static inline int files_most(void)
{
    struct rlimit files;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    return files.rlim_cur > 1000000 ? 1000000 : (int)files.rlim_cur;
}

#endif
