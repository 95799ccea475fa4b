/* keeper_client.h - a raw ZooKeeper-protocol client for load programs.
 *
 * Requests are built into one buffer and sent by kc_flush(); kc_take() finds
 * the whole frames that came. Answers are counted, not decoded: an error code
 * in one ends the program, because a load that fails measures nothing. No
 * library, one thread, blocking sockets. `kc_name` goes in front of messages.
 */
#ifndef GREGOR_BENCH_KEEPER_CLIENT_H
#define GREGOR_BENCH_KEEPER_CLIENT_H

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { KC_CREATE = 1, KC_GET = 4, KC_SET = 5, KC_PING = 11 };
enum { KC_FLIGHT_MOST = 1024, KC_FRAME_MOST = 64 << 20 };
enum { KC_NODE_EXISTS = -110 };

extern const char *const kc_name;

struct kc {
    int fd;
    uint8_t *out; /* requests not sent yet */
    size_t out_len, out_size;
    uint8_t *in; /* the unfinished frame, and room behind it */
    size_t in_len, in_size;
    int64_t sent_us[KC_FLIGHT_MOST]; /* ring by request number */
    uint32_t asked;                  /* number of the last request */
    uint32_t answered;               /* of the last answer */
    uint32_t events;                 /* watch events that came */
    bool may_exist;                  /* a create may find its node there */
};

static inline int64_t kc_now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000000ll + ts.tv_nsec / 1000;
}

static inline void kc_die(const char *what)
{
    fprintf(stderr, "%s: %s: %s\n", kc_name, what,
            errno ? strerror(errno) : "not as it should be");
    exit(1);
}

/* -- requests -------------------------------------------------------------- */

static inline uint8_t *kc_room(struct kc *c, size_t n)
{
    uint8_t *at;

    if (c->out_size - c->out_len < n) {
        c->out_size = (c->out_len + n) * 2;
        c->out = realloc(c->out, c->out_size);
        if (c->out == NULL)
            kc_die("memory");
    }
    at = c->out + c->out_len;
    c->out_len += n;
    return at;
}

static inline void kc_put32(struct kc *c, uint32_t v)
{
    v = htobe32(v);
    memcpy(kc_room(c, 4), &v, 4);
}

static inline void kc_put_bytes(struct kc *c, const void *p, size_t n)
{
    kc_put32(c, (uint32_t)n);
    if (n > 0)
        memcpy(kc_room(c, n), p, n);
}

static inline void kc_put_zeros(struct kc *c, size_t n)
{
    kc_put32(c, (uint32_t)n);
    memset(kc_room(c, n), 0, n);
}

/* One request about `path`: KC_CREATE with `len` zero bytes and `flag` as its
 * mode, KC_SET with the same bytes, KC_GET with `flag` as its watch, KC_PING.
 */
static inline void kc_ask(struct kc *c, int type, const char *path, size_t len,
                          uint32_t flag)
{
    size_t at = c->out_len;
    uint32_t be;

    kc_put32(c, 0);
    kc_put32(c, type == KC_PING ? (uint32_t)-2 : ++c->asked);
    kc_put32(c, (uint32_t)type);
    if (type != KC_PING)
        kc_put_bytes(c, path, strlen(path));
    if (type == KC_CREATE) {
        kc_put_zeros(c, len);
        kc_put32(c, 1);
        kc_put32(c, 31);
        kc_put_bytes(c, "world", 5);
        kc_put_bytes(c, "anyone", 6);
        kc_put32(c, flag);
    } else if (type == KC_SET) {
        kc_put_zeros(c, len);
        kc_put32(c, UINT32_MAX);
    } else if (type == KC_GET) {
        *kc_room(c, 1) = flag != 0;
    }
    be = htobe32((uint32_t)(c->out_len - at - 4));
    memcpy(c->out + at, &be, 4);
    if (type != KC_PING)
        c->sent_us[c->asked % KC_FLIGHT_MOST] = kc_now_us();
}

static inline void kc_flush(struct kc *c)
{
    size_t done = 0;

    while (done < c->out_len) {
        ssize_t n = send(c->fd, c->out + done, c->out_len - done, MSG_NOSIGNAL);

        if (n < 0 && errno != EINTR)
            kc_die("send");
        done += n > 0 ? (size_t)n : 0;
    }
    c->out_len = 0;
}

/* -- answers --------------------------------------------------------------- */

/* What to do with each answer: microseconds since its request left. */
typedef void kc_answer_fn(void *to, uint32_t took_us);

static inline void kc_frame(struct kc *c, const uint8_t *frame, uint32_t len,
                            kc_answer_fn *answer, void *to)
{
    uint32_t word;
    int32_t xid;
    int32_t code;

    if (len < 16)
        return; /* the handshake's is longer, and nothing else is shorter */
    memcpy(&word, frame, 4);
    xid = (int32_t)be32toh(word);
    memcpy(&word, frame + 12, 4);
    code = (int32_t)be32toh(word);
    if (xid == -1) {
        c->events++;
        return;
    }
    if (xid == -2)
        return;
    errno = 0;
    if (xid != (int32_t)++c->answered)
        kc_die("an answer out of order");
    if (code != 0 && !(code == KC_NODE_EXISTS && c->may_exist))
        kc_die("an answer with an error");
    if (answer != NULL)
        answer(to, (uint32_t)(kc_now_us() -
                              c->sent_us[c->answered % KC_FLIGHT_MOST]));
}

/* Handle the whole frames that are there; the answers to requests among them.
 */
static inline unsigned kc_take(struct kc *c, kc_answer_fn *answer, void *to)
{
    size_t at = 0;
    uint32_t before = c->answered;

    while (c->in_len - at >= 4) {
        uint32_t len;

        memcpy(&len, c->in + at, 4);
        len = be32toh(len);
        if (len > KC_FRAME_MOST)
            kc_die("a frame too long");
        if (c->in_len - at - 4 < len)
            break;
        kc_frame(c, c->in + at + 4, len, answer, to);
        at += 4 + len;
    }
    memmove(c->in, c->in + at, c->in_len - at);
    c->in_len -= at;
    return c->answered - before;
}

/* Read once; false when nothing was there (a socket that does not block) or the
 * server closed the connection, which `closed` tells when it is not NULL and
 * ends the program when it is. */
static inline bool kc_read(struct kc *c, bool *closed)
{
    ssize_t n;

    if (c->in_size - c->in_len < 64 << 10) {
        c->in_size = c->in_size * 2 + (128 << 10);
        c->in = realloc(c->in, c->in_size);
        if (c->in == NULL)
            kc_die("memory");
    }
    n = recv(c->fd, c->in + c->in_len, c->in_size - c->in_len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0 && closed != NULL) {
        *closed = true;
        return false;
    }
    if (n <= 0)
        kc_die("recv");
    c->in_len += (size_t)n;
    return true;
}

/* Wait until everything asked was answered. */
static inline void kc_settle(struct kc *c, kc_answer_fn *answer, void *to)
{
    kc_flush(c);
    while (c->answered != c->asked)
        if (kc_read(c, NULL))
            kc_take(c, answer, to);
}

/* -- coming ---------------------------------------------------------------- */

/* For how long a socket waits for bytes; 0: for ever. */
static inline void kc_patience(const struct kc *c, int seconds)
{
    struct timeval most = { .tv_sec = seconds };

    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
}

/* A connection with a session; false when nobody listens or answers yet. The
 * source address is another one, because a connection to a port nobody listens
 * at may otherwise be given that very port, and meet itself. */
static inline bool kc_open(struct kc *c, int port, uint32_t timeout_ms)
{
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_port = htons((uint16_t)port),
                               .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct sockaddr_in own = { .sin_family = AF_INET,
                               .sin_addr = { htonl(INADDR_LOOPBACK + 1) } };
    uint8_t hello[49] = { 0, 0, 0, 45 };
    uint8_t answer[4 + 37];
    uint32_t be = htobe32(timeout_ms);
    size_t got = 0;
    int on = 1;

    memset(c, 0, sizeof *c);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0)
        kc_die("socket");
    memcpy(hello + 16, &be, 4);
    hello[31] = 16;
    if (bind(c->fd, (struct sockaddr *)&own, sizeof own) != 0 ||
        connect(c->fd, (struct sockaddr *)&sin, sizeof sin) != 0)
        goto close_fd;
    kc_patience(c, 2);
    if (send(c->fd, hello, sizeof hello, MSG_NOSIGNAL) != sizeof hello)
        goto close_fd;
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    while (got < sizeof answer) {
        ssize_t n = recv(c->fd, answer + got, sizeof answer - got, 0);

        if (n <= 0)
            goto close_fd;
        got += (size_t)n;
    }
    kc_patience(c, 0);
    return true;

close_fd:
    close(c->fd);
    return false;
}

static inline void kc_need(struct kc *c, int port, uint32_t timeout_ms)
{
    if (!kc_open(c, port, timeout_ms))
        kc_die("connect");
}

static inline void kc_close(struct kc *c)
{
    close(c->fd);
    free(c->out);
    free(c->in);
}

/* -- figures --------------------------------------------------------------- */

struct kc_samples {
    uint32_t *at;
    size_t n, size;
};

static inline void kc_sample(void *to, uint32_t took_us)
{
    struct kc_samples *samples = to;

    if (samples->n == samples->size) {
        samples->size = samples->size ? samples->size * 2 : 1 << 16;
        samples->at = realloc(samples->at, samples->size * sizeof *samples->at);
        if (samples->at == NULL)
            kc_die("memory");
    }
    samples->at[samples->n++] = took_us;
}

static inline int kc_by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a;
    uint32_t y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static inline void kc_print_samples(const char *what,
                                    struct kc_samples *samples)
{
    size_t n = samples->n;

    if (n > 0)
        qsort(samples->at, n, sizeof *samples->at, kc_by_size);
    printf("%s_p50_us %u\n", what, n ? samples->at[n / 2] : 0);
    printf("%s_p99_us %u\n", what, n ? samples->at[n * 99 / 100] : 0);
    printf("%s_max_us %u\n", what, n ? samples->at[n - 1] : 0);
}

#endif
