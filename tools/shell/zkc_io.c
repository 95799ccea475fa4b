/* zkc_io.c - the socket under a session, and frames on it. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tools/shell/zkc_in.h"

int64_t zkc_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* As tls_conn_read() and tls_conn_write(), on either kind of connection: bytes
 * moved; 0: not now; -1: over. */
static ssize_t moved(ssize_t n)
{
    if (n > 0)
        return n;
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static ssize_t move_out(struct zkc *zkc, const void *at, size_t n)
{
    return zkc->conn != NULL ? tls_conn_write(zkc->conn, at, n)
                             : moved(send(zkc->fd, at, n, MSG_NOSIGNAL));
}

static ssize_t move_in(struct zkc *zkc, void *at, size_t n)
{
    return zkc->conn != NULL ? tls_conn_read(zkc->conn, at, n)
                             : moved(recv(zkc->fd, at, n, 0));
}

void zkc_frame_begin(struct zkc *zkc)
{
    zkc->out.len = 0;
    zkc->out.err = ERR_OK;
    wr_i32(&zkc->out, 0);
}

enum err zkc_frame_send(struct zkc *zkc)
{
    struct wr *w = &zkc->out;
    size_t sent = 0;

    if (w->err != ERR_OK)
        return w->err;
    wr_patch_i32(w, 0, (int32_t)(w->len - 4));
    while (sent < w->len) {
        struct pollfd out = { zkc->fd, POLLOUT, 0 };
        ssize_t n = move_out(zkc, w->data + sent, w->len - sent);

        if (n < 0)
            return ERR_NET;
        sent += (size_t)n;
        if (n == 0 && poll(&out, 1, zkc->timeout_ms) == 0)
            return ERR_TIMEOUT;
    }
    zkc->sent_ms = zkc_now_ms();
    return ERR_OK;
}

/* A whole frame at the front of what was received. */
static enum err take_frame(struct zkc *zkc, struct bytes *frame)
{
    struct rd r;
    int32_t len;

    if (zkc->in_len < 4)
        return ERR_AGAIN;
    r = rd_make(bytes_make(zkc->in, zkc->in_len));
    len = rd_i32(&r);
    if (len < 0 || len > ZKC_FRAME_MOST)
        return ERR_LIMIT;
    if (r.left < (size_t)len)
        return ERR_AGAIN;
    *frame = bytes_make(r.at, (size_t)len);
    zkc->in_used = 4 + (size_t)len;
    return ERR_OK;
}

/* Take what is there, or ERR_AGAIN. */
static enum err receive(struct zkc *zkc)
{
    ssize_t n;

    if (zkc->in_size - zkc->in_len < 65536) {
        size_t size = zkc->in_size ? zkc->in_size * 2 : 1 << 17;
        uint8_t *more = mem_try_more(zkc->in, size, 1);

        if (more == NULL)
            return ERR_NOMEM;
        zkc->in = more;
        zkc->in_size = size;
    }
    n = move_in(zkc, zkc->in + zkc->in_len, zkc->in_size - zkc->in_len);
    if (n <= 0)
        return n == 0 ? ERR_AGAIN : ERR_NET;
    zkc->in_len += (size_t)n;
    zkc->heard_ms = zkc_now_ms();
    return ERR_OK;
}

enum err zkc_frame_read(struct zkc *zkc, int wait_ms, struct bytes *frame)
{
    int64_t end = zkc_now_ms() + wait_ms;

    if (zkc->in_used > 0) {
        zkc->in_len -= zkc->in_used;
        memmove(zkc->in, zkc->in + zkc->in_used, zkc->in_len);
        zkc->in_used = 0;
    }
    for (;;) {
        struct pollfd in = { zkc->fd, POLLIN, 0 };
        enum err err = take_frame(zkc, frame);
        int64_t left;
        int ready;

        if (err != ERR_AGAIN)
            return err;
        /* Before waiting: TLS may hold bytes that the socket no longer has. */
        err = receive(zkc);
        if (err == ERR_OK)
            continue;
        if (err != ERR_AGAIN)
            return err;
        if (zkc->conn != NULL && tls_conn_wants_write(zkc->conn))
            in.events = POLLOUT;
        left = end - zkc_now_ms();
        ready = poll(&in, 1, left > 0 ? (int)left : 0);
        if (ready == 0)
            return ERR_AGAIN;
        if (ready < 0 && errno != EINTR)
            return ERR_NET;
    }
}
