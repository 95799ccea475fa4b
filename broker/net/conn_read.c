/* conn_read.c - from the socket to whole frames.
 *
 * Between frames, one recv() brings up to 64 KiB into the reactor's scratch
 * memory: mostly a whole small request, or several, which are copied to buffers
 * of their own (a handler may keep one for long). Where large frames come one
 * after another, only the four bytes of the length are read that way and all
 * else goes straight from the socket to its place.
 *
 * What was received and cannot be served yet, since a handler still has the
 * request before it, is put aside in the stash.
 */
#include <endian.h>
#include <errno.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "net/frame.h"
#include "net/net_in.h"

/* What one turn has done for this connection. */
struct turn {
    size_t bytes;
    unsigned requests;
};

static bool may_go_on(const struct conn *conn, const struct turn *turn)
{
    if (conn->state == CONN_DEAD || conn->request != NULL || conn->starved)
        return false;
    if (conn->out != NULL &&
        (conn->out->wr.len >= NET_OUT_SOFT || conn->out->wr.n_cuts > 0))
        return false;
    return turn->bytes < NET_TURN_BYTES && turn->requests < NET_TURN_REQUESTS;
}

static void drop_frame(struct conn *conn)
{
    struct reactor *reactor = conn->reactor;

    if (reactor->favoured == conn)
        reactor->favoured = NULL;
    bufs_give(&reactor->bufs, &conn->frame);
    reactor_budget_give(reactor, budget_kind_of(conn->need), conn->counted);
    conn->need = 0;
    conn->got = 0;
    conn->counted = 0;
    conn->head_got = 0;
}

static void drop_stash(struct conn *conn)
{
    if (conn->stash.data == NULL)
        return;
    mem_free(conn->stash.data);
    reactor_budget_give(conn->reactor, BUDGET_LARGE, conn->stash.end);
    conn->stash = (struct stash){ .data = NULL };
}

void conn_drop_input(struct conn *conn)
{
    drop_frame(conn);
    drop_stash(conn);
}

/* The four bytes of the length are there. */
static bool begin_frame(struct conn *conn)
{
    size_t most = conn->reactor->net->config.request_max_bytes;
    uint32_t be;
    int32_t len;

    memcpy(&be, conn->head, 4);
    len = (int32_t)be32toh(be);
    if (frame_check_length(len, most) != ERR_OK) {
        CONN_LINE(conn,
                  "%d is no length of a request (socket.request.max.bytes "
                  "is %zu); it looks like %s",
                  len, most, frame_guess(conn->head));
        conn_close(conn);
        return false;
    }
    conn->need = (uint32_t)len;
    conn->bulky = len > BUDGET_SMALL_FRAME;
    return true;
}

/* Memory for at least one more byte of the frame. */
static bool make_room(struct conn *conn)
{
    struct reactor *reactor = conn->reactor;
    enum err err = ERR_OK;

    if (!reactor_may_read(reactor, conn, budget_kind_of(conn->need))) {
        conn->starved = true;
        return false;
    }
    if (conn->frame.data == NULL)
        err = bufs_take(&reactor->bufs, conn->need, &conn->frame);
    else if (conn->got == conn->frame.size)
        err = buf_grow(&conn->frame, conn->got, conn->need);
    if (err == ERR_OK)
        return true;
    CONN_LINE(conn, "no memory for a request of %u bytes", conn->need);
    conn_close(conn);
    return false;
}

/* How many bytes of the frame fit into the memory it has now. */
static size_t frame_room(const struct conn *conn)
{
    size_t end = conn->need < conn->frame.size ? conn->need : conn->frame.size;

    return end - conn->got;
}

/* `n` more bytes of the frame are in place; serve it when it is whole. */
static void frame_got(struct conn *conn, size_t n, struct turn *turn)
{
    struct buf frame = conn->frame;
    uint32_t need = conn->need;

    conn->got += (uint32_t)n;
    conn->counted += (uint32_t)n;
    turn->bytes += n;
    budget_take(&conn->reactor->net->budget, budget_kind_of(need), n);
    if (conn->got < need)
        return;
    if (conn->reactor->favoured == conn)
        conn->reactor->favoured = NULL;
    conn->frame = (struct buf){ NULL, 0 };
    conn->need = 0;
    conn->got = 0;
    conn->counted = 0;
    conn->head_got = 0;
    turn->requests++;
    conn->weight += 1 + need / NET_WEIGHT_BYTES;
    conn_serve(conn, &frame, need);
}

/* Take frames from bytes in memory, as far as we may; gives how many were
 * used. */
static size_t feed(struct conn *conn, const uint8_t *at, size_t n,
                   struct turn *turn)
{
    size_t used = 0;

    while (used < n && may_go_on(conn, turn)) {
        size_t k;

        if (conn->need == 0) {
            conn->head[conn->head_got++] = at[used++];
            if (conn->head_got == 4 && !begin_frame(conn))
                break;
            continue;
        }
        if (!make_room(conn))
            break;
        k = frame_room(conn);
        if (k > n - used)
            k = n - used;
        memcpy(conn->frame.data + conn->got, at + used, k);
        used += k;
        frame_got(conn, k, turn);
    }
    return used;
}

static void put_aside(struct conn *conn, const uint8_t *at, size_t n)
{
    conn->stash.data = mem_try(n);
    if (conn->stash.data == NULL) {
        CONN_LINE(conn, "no memory for %zu bytes that it sent ahead", n);
        conn_close(conn);
        return;
    }
    memcpy(conn->stash.data, at, n);
    conn->stash.at = 0;
    conn->stash.end = (uint32_t)n;
    budget_take(&conn->reactor->net->budget, BUDGET_LARGE, n);
}

static void feed_stash(struct conn *conn, struct turn *turn)
{
    struct stash *stash = &conn->stash;

    if (stash->data == NULL)
        return;
    size_t used =
        feed(conn, stash->data + stash->at, stash->end - stash->at, turn);
    if (conn->state == CONN_DEAD)
        return; /* it is gone already */
    stash->at += (uint32_t)used;
    if (stash->at == stash->end)
        drop_stash(conn);
}

/* What recv() said: bytes, 0 for "nothing now", or the connection is closed. */
static size_t received(struct conn *conn, ssize_t n)
{
    if (n > 0)
        return (size_t)n;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return 0;
    diag_debug("event=connection_ended peer=%s:%u listener=%s got=%u of=%u",
               conn->host, (unsigned)conn->port, conn->listener->name,
               conn->got, conn->need);
    conn_close(conn);
    return 0;
}

/* Straight into the frame. True when the socket may hold more. */
static bool recv_frame(struct conn *conn, struct turn *turn)
{
    size_t want;
    size_t n;

    if (!make_room(conn))
        return false;
    want = frame_room(conn);
    if (want > NET_RECV_MOST)
        want = NET_RECV_MOST;
    n = received(conn, recv(conn->io.fd, conn->frame.data + conn->got, want,
                            MSG_DONTWAIT));
    if (n > 0)
        frame_got(conn, n, turn);
    return n == want;
}

/* Lengths, and small frames whole. True when the socket may hold more. */
static bool recv_scratch(struct conn *conn, struct turn *turn)
{
    struct reactor *reactor = conn->reactor;
    size_t want = NET_SCRATCH;
    size_t used;
    size_t n;

    if (!reactor_may_read(reactor, conn, BUDGET_SMALL)) {
        conn->starved = true;
        return false;
    }
    if (conn->bulky || !budget_has_room(&reactor->net->budget, BUDGET_LARGE))
        want = 4u - conn->head_got;
    n = received(conn, recv(conn->io.fd, reactor->scratch, want, MSG_DONTWAIT));
    if (n == 0)
        return false;
    used = feed(conn, reactor->scratch, n, turn);
    if (used < n && conn->state != CONN_DEAD)
        put_aside(conn, reactor->scratch + used, n - used);
    return n == want;
}

bool conn_read(struct conn *conn)
{
    struct turn turn = { 0 };
    bool more = true;

    conn->starved = false;
    feed_stash(conn, &turn);
    while (more && conn->stash.data == NULL && may_go_on(conn, &turn)) {
        if (conn->need > 0)
            more = recv_frame(conn, &turn);
        else
            more = recv_scratch(conn, &turn);
    }
    conn->drained = !more;
    if (conn->reactor->favoured == conn && conn->need == 0)
        conn->reactor->favoured = NULL; /* it had nothing to send */
    return conn->stash.data != NULL && conn->request == NULL && !conn->starved;
}
