/* conn.c - one connection: its state, and what it waits for.
 *
 * conn_go_on() is the driver: send what waits, then read and serve, send again,
 * and conn_settle() derives from what is left in which state that leaves the
 * connection, in which list it belongs and what to wait for. Nothing else
 * touches those.
 *
 * While a handler has the request, or replies wait, readability is of no use:
 * it is switched off only when it shows (one system call), since mostly it does
 * not before we can read again.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/net_in.h"

static void conn_settle(struct conn *conn, bool progress);

static void conn_on_ready(struct loop_io *io, unsigned ready)
{
    struct conn *conn = CONTAINER_OF(io, struct conn, io);
    bool waits = conn->state == CONN_BUSY || conn->state == CONN_SENDING;

    if ((ready & LOOP_READ) && waits)
        conn->heard = true;
    if ((ready & LOOP_WRITE) || !waits)
        conn_go_on(conn, ready & LOOP_READ);
    else
        conn_settle(conn, false);
}

static void host_text(const struct in6_addr *addr, char *text, size_t size)
{
    if (IN6_IS_ADDR_V4MAPPED(addr))
        inet_ntop(AF_INET, &addr->s6_addr[12], text, (socklen_t)size);
    else
        inet_ntop(AF_INET6, addr, text, (socklen_t)size);
}

struct conn *conn_new(const struct listener *listener, int fd,
                      const struct in6_addr *addr, uint16_t port)
{
    struct conn *conn = mem_need(sizeof *conn);

    conn->listener = listener;
    conn->io.fd = fd;
    conn->addr = *addr;
    conn->port = port;
    host_text(addr, conn->host, sizeof conn->host);
    list_init(&conn->link);
    list_init(&conn->turn_link);
    return conn;
}

void conn_attach(struct conn *conn, struct reactor *reactor)
{
    conn->reactor = reactor;
    loop_io_init(&conn->io, reactor->loop, conn->io.fd, conn_on_ready);
    conn->window_us = loop_now_us(reactor->loop);
    conn->weight = 0;
    reactor_keep_on(reactor);
    conn_settle(conn, true);
}

/* Between two requests, with nothing on its way: let another reactor have it.
 */
static void conn_move(struct conn *conn, struct reactor *to)
{
    struct reactor *from = conn->reactor;
    int fd = conn->io.fd;

    loop_io_fini(&conn->io);
    conn->io.fd = fd;
    list_remove(&conn->link);
    list_remove(&conn->turn_link);
    reactor_take(to, conn); /* counted there before it is none of ours */
    from->n_conns--;
    net_on_gone(from->net); /* it may have ended there meanwhile */
}

/* An answer has left: is it better off elsewhere? */
static void conn_gather(struct conn *conn, size_t sent)
{
    struct reactor *to;

    if (sent == 0 || conn->state != CONN_IDLE ||
        !list_is_empty(&conn->turn_link))
        return;
    conn->weight += sent / NET_WEIGHT_BYTES;
    to = gather_where(conn);
    if (to != NULL)
        conn_move(conn, to);
}

void conn_free(struct conn *conn)
{
    assert(conn->state == CONN_DEAD && conn->request == NULL);
    list_remove(&conn->link);
    conn->reactor->n_conns--;
    net_on_gone(conn->reactor->net);
    mem_free(conn);
}

void conn_close(struct conn *conn)
{
    struct reactor *reactor = conn->reactor;
    int fd = conn->io.fd;

    if (conn->state == CONN_DEAD)
        return;
    loop_io_fini(&conn->io);
    close(fd);
    conn_drop_input(conn);
    out_free(&conn->out);
    if (conn->state == CONN_STARVED)
        reactor->n_starved--;
    conn->state = CONN_DEAD;
    list_remove(&conn->turn_link);
    list_remove(&conn->link);
    /* with a request it waits for the handler to end it */
    if (conn->request == NULL)
        list_append(&reactor->conns[CONN_DEAD], &conn->link);
    quota_leave(&reactor->net->quota,
                (size_t)(conn->listener - reactor->net->config.listeners),
                &conn->addr);
    acceptor_on_slot(reactor->net->acceptor);
}

static enum conn_state conn_state_now(const struct conn *conn)
{
    if (conn->request != NULL)
        return CONN_BUSY;
    if (conn->out != NULL)
        return CONN_SENDING;
    if (conn->starved)
        return CONN_STARVED;
    return conn->need > 0 || conn->head_got > 0 ? CONN_FRAME : CONN_IDLE;
}

static unsigned conn_wants(const struct conn *conn)
{
    unsigned want = conn->heard ? 0 : LOOP_READ;

    if (conn->state == CONN_STARVED)
        return 0;
    if (conn->out != NULL)
        want |= LOOP_WRITE;
    return want;
}

/* `progress`: bytes moved, so the state's deadline begins anew. */
static void conn_settle(struct conn *conn, bool progress)
{
    struct reactor *reactor = conn->reactor;
    enum conn_state state = conn_state_now(conn);

    if (state != conn->state || progress || list_is_empty(&conn->link)) {
        if (conn->state == CONN_STARVED)
            reactor->n_starved--;
        if (state == CONN_STARVED)
            reactor->n_starved++;
        conn->state = (uint8_t)state;
        conn->active_us = loop_now_us(reactor->loop);
        list_remove(&conn->link);
        list_append(&reactor->conns[state], &conn->link);
    }
    if (state != CONN_BUSY && state != CONN_SENDING)
        conn->heard = false;
    loop_io_set_unhurried(&conn->io, state == CONN_IDLE && conn->drained &&
                                         conn->n_no_hurry == NET_NO_HURRY);
    loop_io_want(&conn->io, conn_wants(conn));
}

/* Send what the socket takes. False: the connection is closed now. Afterwards
 * conn->out is NULL when nothing waits. */
static bool conn_flush(struct conn *conn, size_t *sent)
{
    enum err err;

    if (conn->out == NULL)
        return true;
    err = out_flush(conn->out, conn->io.fd, NET_TURN_BYTES, sent);
    if (err == ERR_OK) {
        reactor_out_give(conn->reactor, &conn->out);
        return true;
    }
    if (err == ERR_AGAIN || err == ERR_LIMIT)
        return true;
    if (err == ERR_IO)
        CONN_LINE(conn, "a file of its answer could not be read or has become "
                        "shorter");
    conn_close(conn);
    return false;
}

void conn_go_on(struct conn *conn, bool readable)
{
    size_t sent = 0;
    bool read = readable || conn->heard || conn->stash.data != NULL;

    if (conn->state == CONN_DEAD || !conn_flush(conn, &sent))
        return;
    if (conn->out == NULL && conn->request == NULL) {
        if (conn->reactor->is_draining) {
            conn_close(conn);
            return;
        }
        bool more = read && conn_read(conn);

        if (conn->state == CONN_DEAD || !conn_flush(conn, &sent))
            return;
        if (more && conn->out == NULL && conn->request == NULL)
            reactor_later(conn->reactor, conn);
    } else {
        read = false;
    }
    conn_settle(conn, read || sent > 0);
    conn_gather(conn, sent);
}

void conn_expire(struct conn *conn)
{
    if (conn->state == CONN_FRAME)
        CONN_LINE(conn, "it sent %u of %u bytes of a request and then nothing",
                  conn->got, conn->need);
    else if (conn->state == CONN_SENDING)
        CONN_LINE(conn, "it does not read its answers");
    else
        diag_debug("event=connection_idle peer=%s:%u listener=%s", conn->host,
                   (unsigned)conn->port, conn->listener->name);
    conn_close(conn);
}
