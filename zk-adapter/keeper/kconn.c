/* kconn.c - the connections: read, send, close.
 *
 * Frames are handled straight from the read buffer; only an unfinished one is
 * copied aside, and its room grows with what has arrived, not with what was
 * announced. A peer that does not read gets no more requests read. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

#include "keeper/kserver.h"

struct kaddress {
    struct map_link link;
    int32_t n;
    uint8_t len;
    uint8_t bytes[16];
};

static void conn_close(struct kconn *conn);

/* -- addresses ------------------------------------------------------------- */

static bool address_is(const struct map_link *link, const void *key)
{
    const struct kaddress *a = CONTAINER_OF(link, const struct kaddress, link);
    const struct bytes *b = key;

    return a->len == b->len && memcmp(a->bytes, b->at, b->len) == 0;
}

/* The raw address; a v4 one mapped into v6 counts as v4. */
static struct bytes address_raw(const struct sockaddr_storage *ss,
                                uint16_t *port)
{
    const uint8_t *at = (const uint8_t *)ss;
    struct sockaddr_in6 six;

    memcpy(&six, ss, sizeof six); /* the port is at the same place in both */
    *port = ntohs(six.sin6_port);
    if (six.sin6_family == AF_INET)
        return bytes_make(at + offsetof(struct sockaddr_in, sin_addr), 4);
    at += offsetof(struct sockaddr_in6, sin6_addr);
    return IN6_IS_ADDR_V4MAPPED(&six.sin6_addr) ? bytes_make(at + 12, 4)
                                                : bytes_make(at, 16);
}

static struct kaddress *address_take(struct klistener *listener,
                                     struct bytes raw)
{
    uint64_t hash = bytes_hash(raw, listener->addresses.seed);
    struct map_link *link =
        map_find(&listener->addresses, hash, address_is, &raw);
    struct kaddress *a;

    if (link != NULL) {
        a = CONTAINER_OF(link, struct kaddress, link);
    } else {
        a = mem_need(sizeof *a);
        a->len = (uint8_t)raw.len;
        memcpy(a->bytes, raw.at, raw.len);
        map_put(&listener->addresses, &a->link, hash);
    }
    a->n++;
    return a;
}

static void address_give(struct klistener *listener, struct kaddress *a)
{
    if (--a->n > 0)
        return;
    map_remove(&listener->addresses, &a->link);
    mem_free(a);
}

/* -- output ---------------------------------------------------------------- */

/* The one place that decides what a connection waits for. */
static void conn_want(struct kconn *conn)
{
    unsigned want = 0;

    if (conn->phase != KCONN_OPEN) {
        if (list_is_empty(&conn->shaking))
            want = conn->shake_writes ? LOOP_WRITE : LOOP_READ;
        loop_io_want(&conn->io, want);
        return;
    }
    if (conn->peer.close == KPEER_OPEN && !conn->peer.paused)
        want |= LOOP_READ;
    if (kpeer_sendable(&conn->peer).len > 0)
        want |= LOOP_WRITE;
    if (conn->tls != NULL && tls_conn_wants_write(conn->tls))
        want |= LOOP_WRITE;
    loop_io_want(&conn->io, want);
}

static bool conn_send_tls(struct kconn *conn)
{
    for (;;) {
        struct bytes b = kpeer_sendable(&conn->peer);
        ssize_t n = b.len ? tls_conn_write(conn->tls, b.at, b.len) : 0;

        if (n <= 0)
            return n == 0;
        kpeer_sent(&conn->peer, (size_t)n);
    }
}

static bool conn_send(struct kconn *conn)
{
    if (conn->tls != NULL)
        return conn_send_tls(conn);
    for (;;) {
        struct bytes b = kpeer_sendable(&conn->peer);
        ssize_t n;

        if (b.len == 0)
            return true;
        n = send(conn->io.fd, b.at, b.len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK;
        kpeer_sent(&conn->peer, (size_t)n);
    }
}

static void conn_settle(struct kconn *conn)
{
    struct kpeer *peer = &conn->peer;

    if (peer->close == KPEER_DEAD || !conn_send(conn) ||
        (peer->close == KPEER_LAST && kpeer_unsent(peer) == 0)) {
        conn_close(conn);
        return;
    }
    if (peer->close == KPEER_LAST && list_is_empty(&conn->hello)) {
        /* It may take its time to read the rest, but not for ever. */
        peer->since_ms = conn->keeper->core.now_ms;
        list_append(&conn->keeper->strangers, &conn->hello);
    } else if (peer->close == KPEER_OPEN && peer->hello) {
        list_remove(&conn->hello);
    }
    if (peer->paused && list_is_empty(&conn->paused))
        list_append(&conn->keeper->paused, &conn->paused);
    conn_want(conn);
}

void kconn_flush(struct keeper *keeper)
{
    struct list *dirty = &keeper->core.dirty;

    while (!list_is_empty(dirty)) {
        struct kpeer *peer = CONTAINER_OF(dirty->next, struct kpeer, dirty);

        list_remove(&peer->dirty);
        conn_settle(CONTAINER_OF(peer, struct kconn, peer));
    }
    while (!list_is_empty(&keeper->dead)) {
        struct kconn *conn =
            CONTAINER_OF(keeper->dead.next, struct kconn, link);

        list_remove(&conn->link);
        mem_free(conn);
    }
}

static void conn_close(struct kconn *conn)
{
    struct keeper *keeper = conn->keeper;
    int fd = conn->io.fd;

    loop_io_fini(&conn->io);
    kshake_end(conn);
    tls_conn_free(&conn->tls, conn->peer.close != KPEER_DEAD);
    close(fd);
    kpeer_fini(&keeper->core, &conn->peer);
    address_give(conn->listener, conn->address);
    list_remove(&conn->hello);
    list_remove(&conn->paused);
    list_remove(&conn->link);
    list_append(&keeper->dead, &conn->link);
    mem_free(conn->in);
    conn->in = NULL;
    conn->peer.close = KPEER_DEAD;
    conn->listener->n_conns--;
}

/* -- input ----------------------------------------------------------------- */

/* Keep what was not consumed. */
static bool in_keep(struct kconn *conn, struct bytes rest)
{
    if (rest.len == 0) {
        mem_free(conn->in);
        conn->in = NULL;
        conn->in_len = conn->in_size = 0;
        return true;
    }
    if (conn->in != NULL && rest.at >= conn->in &&
        rest.at < conn->in + conn->in_size) {
        memmove(conn->in, rest.at, rest.len);
    } else {
        uint8_t *in = mem_try(rest.len);

        if (in == NULL)
            return false;
        memcpy(in, rest.at, rest.len);
        mem_free(conn->in);
        conn->in = in;
        conn->in_size = rest.len;
    }
    conn->in_len = rest.len;
    return true;
}

static void conn_feed(struct kconn *conn, struct bytes in)
{
    struct kpeer *peer = &conn->peer;
    size_t need;
    size_t used = kcore_feed(&conn->keeper->core, peer, in, &need);

    if (peer->close != KPEER_OPEN) {
        kpeer_end(&conn->keeper->core, peer, peer->close);
        return;
    }
    if (!in_keep(conn, bytes_make(in.at + used, in.len - used)))
        kpeer_end(&conn->keeper->core, peer, KPEER_DEAD);
    else if (peer->paused || (peer->hello && !list_is_empty(&conn->hello)))
        kpeer_end(&conn->keeper->core, peer, KPEER_OPEN);
}

/* Room to append `more` to the unfinished frame: doubles with what has come. */
static bool in_grow(struct kconn *conn, size_t more)
{
    size_t size = conn->in_size;
    uint8_t *in;

    if (conn->in_len + more <= size)
        return true;
    size = size < 4096 ? 8192 : size * 2;
    if (size < conn->in_len + more)
        size = conn->in_len + more;
    in = mem_try_more(conn->in, size, 1);
    if (in == NULL)
        return false;
    conn->in = in;
    conn->in_size = size;
    return true;
}

static void conn_read(struct kconn *conn)
{
    struct keeper *keeper = conn->keeper;
    bool aside = conn->in_len > 0;
    uint8_t *at;
    size_t room;
    ssize_t n;

    if (aside && !in_grow(conn, 1)) {
        kpeer_end(&keeper->core, &conn->peer, KPEER_DEAD);
        return;
    }
    at = aside ? conn->in + conn->in_len : keeper->scratch;
    room = aside ? conn->in_size - conn->in_len : K_SCRATCH;
    n = recv(conn->io.fd, at, room, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n <= 0) {
        kpeer_end(&keeper->core, &conn->peer, KPEER_DEAD);
        return;
    }
    if (aside) {
        conn->in_len += (size_t)n;
        conn_feed(conn, bytes_make(conn->in, conn->in_len));
    } else {
        conn_feed(conn, bytes_make(keeper->scratch, (size_t)n));
    }
}

/* TLS is read a record at a time, and always whole records: what OpenSSL holds
 * back would wake nobody. */
static void conn_read_tls(struct kconn *conn)
{
    struct keeper *keeper = conn->keeper;
    struct kpeer *peer = &conn->peer;
    size_t got = 0;
    ssize_t n;

    do {
        n = tls_conn_read(conn->tls, keeper->scratch + got, K_SCRATCH - got);
        if (n > 0)
            got += (size_t)n;
    } while (n > 0 && K_SCRATCH - got >= TLS_RECORD);
    if (got > 0 && conn->in_len > 0) {
        if (!in_grow(conn, got)) {
            kpeer_end(&keeper->core, peer, KPEER_DEAD);
            return;
        }
        memcpy(conn->in + conn->in_len, keeper->scratch, got);
        conn->in_len += got;
        conn_feed(conn, bytes_make(conn->in, conn->in_len));
    } else if (got > 0) {
        conn_feed(conn, bytes_make(keeper->scratch, got));
    }
    if (n < 0)
        kpeer_end(&keeper->core, peer, KPEER_DEAD);
}

static void on_ready(struct loop_io *io, unsigned ready)
{
    struct kconn *conn = CONTAINER_OF(io, struct kconn, io);

    kserver_time(conn->keeper);
    if (conn->phase != KCONN_OPEN) {
        kshake_ready(conn);
        return;
    }
    if (conn->tls != NULL && tls_conn_wants_write(conn->tls))
        ready |= LOOP_READ; /* what the read waited for */
    if ((ready & LOOP_READ) && conn->peer.close == KPEER_OPEN &&
        !conn->peer.paused)
        conn->tls ? conn_read_tls(conn) : conn_read(conn);
    if (ready & LOOP_WRITE)
        kpeer_end(&conn->keeper->core, &conn->peer, conn->peer.close);
}

/* Requests that waited for room in an output or in the log. */
void kconn_resume(struct keeper *keeper)
{
    LIST_EACH(link, &keeper->paused) {
        struct kconn *conn = CONTAINER_OF(link, struct kconn, paused);

        if (keeper->core.hold || keeper->core.log.len > K_BATCH_PAUSE)
            return;
        if (kpeer_unsent(&conn->peer) > K_OUT_PAUSE)
            continue;
        list_remove(&conn->paused);
        conn->peer.paused = false;
        conn_feed(conn, bytes_make(conn->in, conn->in_len));
        kpeer_end(&keeper->core, &conn->peer, conn->peer.close);
    }
}

/* -- coming and going ------------------------------------------------------ */

uint16_t kconn_port(const struct sockaddr_storage *ss)
{
    uint16_t port;

    (void)address_raw(ss, &port);
    return port;
}

void kconn_new(struct klistener *listener, int fd,
               const struct sockaddr_storage *ss)
{
    struct keeper *keeper = listener->keeper;
    struct kconn *conn = mem_need(sizeof *conn);
    uint16_t port;
    struct bytes raw = address_raw(ss, &port);
    char ip[INET6_ADDRSTRLEN];
    char name[64];
    int on = 1;

    inet_ntop(raw.len == 4 ? AF_INET : AF_INET6, raw.at, ip, sizeof ip);
    (void)snprintf(name, sizeof name, raw.len == 4 ? "/%s:%u" : "/[%s]:%u", ip,
                   port);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (keeper->config.tcp_keepalive)
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    conn->keeper = keeper;
    conn->listener = listener;
    conn->phase = listener->first;
    list_init(&conn->shaking);
    list_init(&conn->paused);
    list_append(&keeper->conns, &conn->link);
    list_append(&keeper->strangers, &conn->hello);
    conn->address = address_take(listener, raw);
    kpeer_init(&keeper->core, &conn->peer, bytes_of(ip), name);
    loop_io_init(&conn->io, keeper->loop, fd, on_ready);
    loop_io_want(&conn->io, LOOP_READ);
    listener->n_conns++;
}

bool kconn_may_come(const struct klistener *listener,
                    const struct sockaddr_storage *ss)
{
    const struct keeper *keeper = listener->keeper;
    const struct keeper_config *config = &keeper->config;
    uint16_t port;
    struct bytes raw = address_raw(ss, &port);
    struct map_link *link;

    if (config->max_cnxns > 0 && listener->n_conns >= (size_t)config->max_cnxns)
        return false;
    if (config->max_client_cnxns == 0)
        return true;
    link =
        map_find(&listener->addresses,
                 bytes_hash(raw, listener->addresses.seed), address_is, &raw);
    return link == NULL || CONTAINER_OF(link, struct kaddress, link)->n <
                               config->max_client_cnxns;
}

/* End connections that never said hello, and those that were left behind by
 * their session. */
void kconn_sweep(struct keeper *keeper)
{
    int64_t limit = keeper->core.now_ms - keeper->config.sessionless_ms;

    LIST_EACH(link, &keeper->strangers) {
        struct kconn *conn = CONTAINER_OF(link, struct kconn, hello);

        if (conn->peer.since_ms > limit)
            break;
        kmetric_count(&keeper->core.metrics, KM_sessionless_connections_expired,
                      1);
        kpeer_end(&keeper->core, &conn->peer, KPEER_DEAD);
    }
    klisteners_wake(keeper);
}

void kconn_end_all(struct keeper *keeper)
{
    LIST_EACH(link, &keeper->conns)
        kpeer_end(&keeper->core, &CONTAINER_OF(link, struct kconn, link)->peer,
                  KPEER_DEAD);
    kconn_flush(keeper);
}

void kconn_close_all(struct keeper *keeper)
{
    LIST_EACH(link, &keeper->conns)
        conn_close(CONTAINER_OF(link, struct kconn, link));
    kconn_flush(keeper);
    klisteners_close(keeper);
}
