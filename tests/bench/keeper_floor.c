/* keeper_floor.c - the least a ZooKeeper-protocol server must do.
 *
 *     keeper_floor DIR
 *
 * Prints its port, then answers every request with canned bytes of the right
 * length: no tree, no session, no check. With a DIR other than "-", requests
 * that change something are appended to a file there and answered when one
 * fdatasync for all of the turn has come back. One thread, epoll. What a real
 * server takes beyond this is its own work.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "keeper_client.h"

enum { BUF = 1 << 20, CONNS_MOST = 4096, LOG_AHEAD = 64 << 20 };
enum { STAT = 68, VALUE = 100 };

const char *const kc_name = "keeper_floor";

struct conn {
    uint8_t *in;
    uint8_t *out;
    size_t in_len, out_len;
    bool hello;
};

static struct conn conns[CONNS_MOST];
static int log_fd = -1;
static off_t log_at, log_end;
static uint8_t *batch;
static size_t batch_len;

static void put(struct conn *c, const uint8_t *frame, size_t body)
{
    uint8_t *out = c->out + c->out_len;
    uint32_t be = htobe32((uint32_t)(16 + body));

    memset(out, 0, 20 + body);
    memcpy(out, &be, 4);
    memcpy(out + 4, frame + 4, 4); /* xid */
    c->out_len += 20 + body;
}

static void welcome(struct conn *c)
{
    uint8_t *out = c->out + c->out_len;

    memset(out, 0, 41);
    out[3] = 37;
    out[39] = 16;
    c->out_len += 41;
    c->hello = true;
}

static void frame_answer(struct conn *c, const uint8_t *frame, size_t len)
{
    uint32_t type;

    if (!c->hello) {
        welcome(c);
        return;
    }
    memcpy(&type, frame + 8, 4);
    type = be32toh(type);
    if (type == KC_GET) {
        put(c, frame, 4 + VALUE + STAT);
        return;
    }
    if (log_fd >= 0) {
        memcpy(batch + batch_len, frame, len);
        batch_len += len;
    }
    if (type == KC_CREATE) {
        uint32_t path_len;

        memcpy(&path_len, frame + 12, 4);
        put(c, frame, 4 + be32toh(path_len));
    } else {
        put(c, frame, type == KC_SET ? STAT : 0);
    }
}

static bool conn_read(struct conn *c, int fd)
{
    ssize_t n = recv(fd, c->in + c->in_len, BUF / 2 - c->in_len, MSG_DONTWAIT);
    size_t at = 0;

    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    c->in_len += (size_t)n;
    while (c->in_len - at >= 4 && c->out_len < BUF / 2) {
        uint32_t len;

        memcpy(&len, c->in + at, 4);
        len = be32toh(len);
        if (len > BUF / 4)
            return false;
        if (c->in_len - at - 4 < len)
            break;
        frame_answer(c, c->in + at, 4 + len);
        at += 4 + len;
    }
    memmove(c->in, c->in + at, c->in_len - at);
    c->in_len -= at;
    return true;
}

static void conn_send(struct conn *c, int fd)
{
    size_t done = 0;

    while (done < c->out_len) {
        ssize_t n = send(fd, c->out + done, c->out_len - done, MSG_NOSIGNAL);

        if (n <= 0)
            break; /* it went away; the next read tells */
        done += (size_t)n;
    }
    c->out_len = 0;
}

static void batch_sync(void)
{
    if (batch_len == 0)
        return;
    if (log_at + (off_t)batch_len > log_end) {
        if (posix_fallocate(log_fd, log_end, LOG_AHEAD) != 0)
            kc_die("allocate");
        log_end += LOG_AHEAD;
    }
    if (pwrite(log_fd, batch, batch_len, log_at) != (ssize_t)batch_len ||
        fdatasync(log_fd) != 0)
        kc_die("log");
    log_at += (off_t)batch_len;
    batch_len = 0;
}

static void conn_come(int ep, int listener)
{
    int fd = accept(listener, NULL, NULL);
    struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };
    int on = 1;

    if (fd < 0 || fd >= CONNS_MOST)
        kc_die("accept");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (conns[fd].in == NULL) {
        conns[fd].in = malloc(BUF);
        conns[fd].out = malloc(BUF);
    }
    conns[fd].in_len = conns[fd].out_len = 0;
    conns[fd].hello = false;
    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

static void serve(int listener)
{
    struct epoll_event events[256];
    struct epoll_event e = { .events = EPOLLIN, .data.fd = listener };
    int ep = epoll_create1(0);

    epoll_ctl(ep, EPOLL_CTL_ADD, listener, &e);
    for (;;) {
        int ready = epoll_wait(ep, events, 256, -1);

        for (int i = 0; i < ready; i++) {
            int fd = events[i].data.fd;

            if (fd == listener)
                conn_come(ep, fd);
            else if (!conn_read(&conns[fd], fd))
                close(fd);
        }
        batch_sync();
        for (int i = 0; i < ready; i++)
            if (events[i].data.fd != listener)
                conn_send(&conns[events[i].data.fd], events[i].data.fd);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t len = sizeof sin;
    int listener = socket(AF_INET, SOCK_STREAM, 0);

    if (argc != 2)
        return 2;
    if (strcmp(argv[1], "-") != 0) {
        char name[4096];

        snprintf(name, sizeof name, "%s/floor.log", argv[1]);
        log_fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
        batch = malloc((size_t)CONNS_MOST * BUF / 2);
        if (log_fd < 0 || batch == NULL)
            kc_die(name);
    }
    if (bind(listener, (struct sockaddr *)&sin, sizeof sin) != 0 ||
        listen(listener, 128) != 0 ||
        getsockname(listener, (struct sockaddr *)&sin, &len) != 0)
        kc_die("listen");
    printf("port %u\n", ntohs(sin.sin_port));
    fflush(stdout);
    serve(listener);
    return 0;
}
