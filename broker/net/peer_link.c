/* peer_link.c - a peer's connection: name, socket, sending, receiving. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/diag.h"
#include "net/peer_in.h"

/* -- names
 * ------------------------------------------------------------------------ */

/* A look-up in the pool; it outlives the peer when that goes meanwhile. */
struct resolve {
    struct job job;
    struct loop *loop;
    struct peer *peer; /* loop's thread only; NULL: nobody waits */
    char *host;
    int port;
    struct addrinfo *found;
    int rc; /* of getaddrinfo() */
};

static int look_up(const char *host, int port, int flags,
                   struct addrinfo **found)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_NUMERICSERV | flags };
    char service[8];

    (void)snprintf(service, sizeof service, "%u", (unsigned)port & 0xffffu);
    return getaddrinfo(host, service, &hints, found);
}

static void peer_connect_next(struct peer *peer);

static void resolve_on_done(struct job *job)
{
    struct resolve *resolve = CONTAINER_OF(job, struct resolve, job);
    struct peer *peer = resolve->peer;

    if (peer == NULL) {
        if (resolve->found != NULL)
            freeaddrinfo(resolve->found);
    } else {
        peer_enter(peer);
        peer->resolve = NULL;
        peer->addrs = resolve->found;
        peer->next_addr = resolve->found;
        if (resolve->rc != 0)
            err_set(&peer->trouble, ERR_NET, "its name has no address: %s",
                    gai_strerror(resolve->rc));
        peer_connect_next(peer);
        peer_leave(peer);
    }
    mem_free(resolve->host);
    mem_free(resolve);
}

static void resolve_in_pool(struct job *job)
{
    struct resolve *resolve = CONTAINER_OF(job, struct resolve, job);

    resolve->rc = look_up(resolve->host, resolve->port, 0, &resolve->found);
    job->run = resolve_on_done;
    loop_post(resolve->loop, job);
}

static void resolve_start(struct peer *peer)
{
    struct resolve *resolve = mem_need(sizeof *resolve);

    resolve->job.run = resolve_in_pool;
    resolve->loop = peer->loop;
    resolve->peer = peer;
    resolve->host = mem_need_text(bytes_of(peer->host));
    resolve->port = peer->port;
    peer->resolve = resolve;
    pool_submit(peer->pool, &resolve->job);
}

static void forget_addrs(struct peer *peer)
{
    if (peer->addrs != NULL)
        freeaddrinfo(peer->addrs);
    peer->addrs = NULL;
    peer->next_addr = NULL;
}

/* -- the socket
 * --------------------------------------------------------------------- */

static void close_socket(struct peer *peer)
{
    int fd = peer->io.fd;

    if (fd < 0)
        return;
    loop_io_fini(&peer->io);
    close(fd);
}

void peer_disconnect(struct peer *peer)
{
    close_socket(peer);
    if (peer->resolve != NULL)
        peer->resolve->peer = NULL;
    peer->resolve = NULL;
    forget_addrs(peer);
    loop_timer_stop(&peer->step);
    list_remove(&peer->hello.link); /* nobody is told of it */
    peer->ranged = false;
    peer->out_at = 0;
    peer->need = 0;
    peer->got = 0;
    peer->head_got = 0;
}

static void peer_connected(struct peer *peer)
{
    int error = 0;
    socklen_t len = sizeof error;

    getsockopt(peer->io.fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0) {
        err_set(&peer->trouble, ERR_NET, "%s", strerror(error));
        close_socket(peer);
        peer_connect_next(peer);
        return;
    }
    forget_addrs(peer);
    peer_hello_start(peer);
}

static void peer_receive(struct peer *peer);

static void peer_on_ready(struct loop_io *io, unsigned ready)
{
    struct peer *peer = CONTAINER_OF(io, struct peer, io);

    peer_enter(peer);
    if (peer->state == PEER_CONNECTING) {
        peer_connected(peer);
    } else {
        if ((ready & LOOP_WRITE) && peer_flush(peer) != ERR_OK)
            peer_break(peer, ERR_NET);
        else if (ready & LOOP_READ)
            peer_receive(peer);
    }
    peer_leave(peer);
}

static bool peer_try(struct peer *peer, const struct addrinfo *addr)
{
    int one = 1;
    int fd =
        socket(addr->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0) {
        err_set(&peer->trouble, ERR_NET, "%s", strerror(errno));
        return false;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    if (connect(fd, addr->ai_addr, addr->ai_addrlen) != 0 &&
        errno != EINPROGRESS) {
        err_set(&peer->trouble, ERR_NET, "%s", strerror(errno));
        close(fd);
        return false;
    }
    loop_io_init(&peer->io, peer->loop, fd, peer_on_ready);
    loop_io_want(&peer->io, LOOP_WRITE);
    peer->state = PEER_CONNECTING;
    return true;
}

static void peer_connect_next(struct peer *peer)
{
    while (peer->next_addr != NULL) {
        const struct addrinfo *addr = peer->next_addr;

        peer->next_addr = addr->ai_next;
        if (peer_try(peer, addr))
            return;
    }
    DIAG_SELDOM(DIAG_WARN, "event=peer_unreachable peer=%s:%d reason=\"%s\"",
                peer->host, peer->port, peer->trouble.text);
    peer_break(peer, ERR_NET);
}

void peer_connect(struct peer *peer)
{
    loop_timer_set(&peer->step, PEER_CONNECT_US);
    if (look_up(peer->host, peer->port, AI_NUMERICHOST, &peer->addrs) == 0) {
        peer->next_addr = peer->addrs;
        peer_connect_next(peer);
        return;
    }
    peer->addrs = NULL;
    peer->state = PEER_RESOLVING;
    resolve_start(peer);
}

/* -- sending
 * ----------------------------------------------------------------------------
 */

/* The frames that may be sent now; while the handshake is under way its own
 * only. */
static size_t gather(const struct peer *peer, struct iovec *iov)
{
    size_t most = peer->state == PEER_HELLO ? 1 : PEER_GATHER;
    size_t at = peer->out_at;
    size_t n = 0;

    LIST_EACH(link, &peer->waiting) {
        struct peer_call *call = CONTAINER_OF(link, struct peer_call, link);

        if (n == most)
            break;
        iov[n++] = (struct iovec){ call->frame + at, call->frame_len - at };
        at = 0;
    }
    return n;
}

/* `n` bytes left: whole frames go over to the calls that wait for an answer. */
static void peer_sent(struct peer *peer, size_t n)
{
    while (n > 0) {
        struct peer_call *call =
            CONTAINER_OF(peer->waiting.next, struct peer_call, link);
        size_t left = call->frame_len - peer->out_at;

        if (n < left) {
            peer->out_at += n;
            return;
        }
        n -= left;
        peer->out_at = 0;
        mem_free(call->frame);
        call->frame = NULL;
        list_remove(&call->link);
        list_append(&peer->sent, &call->link);
    }
}

enum err peer_flush(struct peer *peer)
{
    while (!list_is_empty(&peer->waiting)) {
        struct iovec iov[PEER_GATHER];
        struct msghdr message = { .msg_iov = iov };
        ssize_t n;

        if (peer->state == PEER_HELLO &&
            peer->waiting.next != &peer->hello.link)
            break; /* the others wait for its answer */
        message.msg_iovlen = gather(peer, iov);
        n = sendmsg(peer->io.fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
            err_set(&peer->trouble, ERR_NET, "%s", strerror(errno));
            return ERR_NET;
        }
        if (n < 0) {
            loop_io_want(&peer->io, LOOP_READ | LOOP_WRITE);
            return ERR_OK;
        }
        peer_sent(peer, (size_t)n);
    }
    loop_io_want(&peer->io, LOOP_READ);
    return ERR_OK;
}

/* -- receiving
 * -----------------------------------------------------------------------------
 */

/* Decode the answer for `call`. */
static enum err decode(struct peer *peer, struct peer_call *call, struct rd *r,
                       void **out)
{
    const struct wire_api *api = wire_api_find(call->key);
    enum err err;

    /* what is decoded may be larger than its bytes, but not without end */
    peer->arena.limit_bytes = 64ul * 1024 * 1024 + (size_t)peer->need * 4;
    if (wire_response_header_version(call->key, call->frame_version) >= 1)
        rd_skip_tags(r);
    *out = arena_take(&peer->arena, api->response.size);
    if (*out == NULL)
        return ERR_NOMEM;
    err = r->err != ERR_OK
              ? r->err
              : api->response.read(r, call->frame_version, &peer->arena, *out);
    if (err != ERR_OK)
        err_set(&call->why, ERR_FORMAT,
                "%s:%d: its answer to %s version %d is "
                "malformed (%s)",
                peer->host, peer->port, api->name, call->frame_version,
                err_words(err));
    return err;
}

static void bad_stream(struct peer *peer, const char *what)
{
    err_set(&peer->trouble, ERR_NET, "%s", what);
    diag_warn("event=peer_closed peer=%s:%d reason=\"%s\"", peer->host,
              peer->port, what);
    peer_break(peer, ERR_NET);
}

/* A whole answer is there. */
static void peer_answered(struct peer *peer)
{
    struct rd r = rd_make(bytes_make(peer->buf, peer->need));
    int32_t correlation_id = rd_i32(&r);
    struct peer_call *call;
    void *response = NULL;
    enum err err;

    if (list_is_empty(&peer->sent)) {
        bad_stream(peer, "it sent an answer that nobody asked for");
        return;
    }
    call = CONTAINER_OF(peer->sent.next, struct peer_call, link);
    if (call->correlation_id != correlation_id) {
        bad_stream(peer, "its answers are out of order");
        return;
    }
    list_remove(&call->link);
    if (call == &peer->hello) {
        if (!peer_hello_read(peer, &r))
            bad_stream(peer, "its answer to ApiVersions is malformed");
    } else {
        err = decode(peer, call, &r, &response);
        peer_done(peer, call, err == ERR_OK ? ERR_OK : ERR_FORMAT,
                  err == ERR_OK ? response : NULL);
        if (err != ERR_OK && !peer->dead)
            bad_stream(peer, "an answer of it is malformed");
    }
    arena_reset(&peer->arena);
}

static bool peer_begin(struct peer *peer)
{
    uint32_t be;

    memcpy(&be, peer->head, 4);
    peer->need = be32toh(be);
    peer->got = 0;
    if (peer->need >= 4 && peer->need <= peer->response_max)
        return true;
    peer->need = 0;
    bad_stream(peer, "it sent an answer of an absurd length");
    return false;
}

/* Memory for more of the answer: grows as bytes come, not as announced. */
static bool peer_room(struct peer *peer)
{
    size_t size = peer->buf_size > 0 ? peer->buf_size * 2 : PEER_BUF_FIRST;
    uint8_t *buf;

    if (peer->got < peer->buf_size)
        return true;
    buf = mem_try_more(peer->buf, size, 1);
    if (buf == NULL) {
        bad_stream(peer, "no memory for its answer");
        return false;
    }
    peer->buf = buf;
    peer->buf_size = size;
    return true;
}

static void peer_finish(struct peer *peer)
{
    peer_answered(peer);
    if (peer->dead)
        return;
    peer->need = 0;
    peer->head_got = 0;
    if (peer->buf_size > PEER_BUF_KEEP) {
        mem_free(peer->buf);
        peer->buf = NULL;
        peer->buf_size = 0;
    }
    loop_timer_set(&peer->keep, PEER_KEEP_US);
}

static void peer_receive(struct peer *peer)
{
    for (int i = 0; i < PEER_TURN && peer->io.fd >= 0; i++) {
        uint8_t *to = peer->head + peer->head_got;
        size_t want = 4u - peer->head_got;
        ssize_t n;

        if (peer->need > 0) {
            if (!peer_room(peer))
                return;
            to = peer->buf + peer->got;
            want = peer->buf_size < peer->need ? peer->buf_size : peer->need;
            want -= peer->got;
        }
        n = recv(peer->io.fd, to, want, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            if (peer->state == PEER_HELLO)
                peer->hello_version = 0; /* as those before 0.10.2 say it */
            err_set(&peer->trouble, ERR_NET, "%s",
                    n < 0 ? strerror(errno) : "it closed the connection");
            peer_break(peer, ERR_NET);
            return;
        }
        if (peer->need > 0) {
            peer->got += (uint32_t)n;
            if (peer->got == peer->need)
                peer_finish(peer);
        } else {
            peer->head_got = (uint8_t)(peer->head_got + n);
            if (peer->head_got == 4 && !peer_begin(peer))
                return;
        }
    }
}
