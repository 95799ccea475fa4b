/* request.c - from a frame to a handler, and from its answer to the replies.
 *
 * Request structs and their arenas are used again and again: a busy connection
 * does not go through malloc for them.
 */
#include <assert.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "net/frame.h"
#include "net/net_in.h"

/* Values of TCP_QUICKACK; see tcp(7) and tcp_sock_set_quickack(). */
enum {
    ACK_WITH_ANSWERS = 0,
    ACK_NOW = 2, /* what is not acknowledged yet; else it is as above */
};

static struct request_in *in_of(struct request *request)
{
    return CONTAINER_OF(request, struct request_in, request);
}

/* -- life ---------------------------------------------------------------------
 */

static struct request_in *request_take(struct conn *conn)
{
    struct reactor *reactor = conn->reactor;
    struct request_in *in;

    if (list_is_empty(&reactor->free_requests)) {
        in = mem_need(sizeof *in);
        list_init(&in->link);
    } else {
        in = CONTAINER_OF(reactor->free_requests.prev, struct request_in, link);
        list_remove(&in->link);
        reactor->n_free_requests--;
    }
    list_append(&reactor->requests, &in->link);
    in->request.conn = conn;
    in->request.reactor = reactor;
    in->request.broker = reactor->net->broker;
    in->request.listener = conn->listener;
    in->request.client_host = bytes_of(conn->host);
    in->request.arrived_us = loop_now_us(reactor->loop);
    in->request.on_post = NULL;
    in->request.park = NULL;
    return in;
}

static void request_free(struct request_in *in)
{
    list_remove(&in->link);
    arena_fini(&in->request.arena);
    mem_free(in);
}

static void frame_drop(struct request_in *in)
{
    struct reactor *reactor = in->request.reactor;

    if (in->frame.data == NULL)
        return;
    bufs_give(&reactor->bufs, &in->frame);
    reactor->net->budget.serving[in->kind]--;
    reactor_budget_give(reactor, in->kind, in->counted);
}

void request_drop_frame(struct request *request)
{
    frame_drop(in_of(request));
    request->body = BYTES_NULL;
}

/* The handler is done with it, whatever the outcome. */
static void request_end(struct request_in *in)
{
    struct conn *conn = in->request.conn;
    struct reactor *reactor = conn->reactor;

    assert(conn->request == in);
    frame_drop(in);
    conn->request = NULL;
    if (!conn->no_hurry)
        conn->n_no_hurry = 0;
    else if (conn->n_no_hurry < NET_NO_HURRY)
        conn->n_no_hurry++;
    conn->no_hurry = false;
    arena_reset(&in->request.arena);
    if (reactor->n_free_requests < NET_REQUESTS_KEPT) {
        list_remove(&in->link);
        list_append(&reactor->free_requests, &in->link);
        reactor->n_free_requests++;
    } else {
        request_free(in);
    }
    if (conn->state == CONN_DEAD)
        list_append(&reactor->conns[CONN_DEAD], &conn->link);
    else if (!conn->in_handler)
        reactor_later(reactor, conn);
}

void requests_trim(struct reactor *reactor, size_t keep)
{
    while (reactor->n_free_requests > keep) {
        request_free(
            CONTAINER_OF(reactor->free_requests.next, struct request_in, link));
        reactor->n_free_requests--;
    }
}

size_t requests_drop_all(struct reactor *reactor)
{
    size_t n = 0;

    LIST_EACH(link, &reactor->requests) {
        struct request_in *in = CONTAINER_OF(link, struct request_in, link);
        struct conn *conn = in->request.conn;

        frame_drop(in);
        request_free(in);
        conn->request = NULL;
        conn_free(conn);
        n++;
    }
    return n;
}

/* -- arrival ------------------------------------------------------------------
 */

/* Whom it is for; NULL when nobody takes it, which has been said then. */
static api_fn *request_handler(struct request_in *in, uint32_t len)
{
    struct request *request = &in->request;
    struct conn *conn = request->conn;
    struct frame_head head;
    enum err err = frame_read_head(bytes_make(in->frame.data, len), &head);
    api_fn *handler = NULL;

    request->api = wire_api_find(head.key);
    if (request->api != NULL)
        handler = conn->reactor->net->config.handler(head.key);
    if (handler == NULL) {
        CONN_LINE(conn, "API key %d (version %d) is not served", head.key,
                  head.version);
        return NULL;
    }
    if (head.key != WIRE_API_VERSIONS && (head.version < request->api->min ||
                                          head.version > request->api->max)) {
        CONN_LINE(conn, "version %d of %s is not served (%d to %d are)",
                  head.version, request->api->name, request->api->min,
                  request->api->max);
        return NULL;
    }
    if (err != ERR_OK) {
        CONN_LINE(conn,
                  "the header of its %s request (version %d, %u bytes) is "
                  "malformed",
                  request->api->name, head.version, len);
        return NULL;
    }
    request->version = head.version;
    request->correlation_id = head.correlation_id;
    request->body = head.body;
    request->client_id = arena_copy(&request->arena, head.client_id);
    return handler;
}

void conn_serve(struct conn *conn, const struct buf *frame, uint32_t len)
{
    struct request_in *in = request_take(conn);
    api_fn *handler;

    in->frame = *frame;
    in->counted = len;
    in->kind = budget_kind_of(len);
    conn->reactor->net->budget.serving[in->kind]++;
    /* what is decoded may be larger than its bytes, but not without end */
    in->request.arena.limit_bytes = (size_t)NET_ARENA_LEAST + (size_t)len * 2;
    conn->request = in;
    conn->in_handler = true;
    handler = request_handler(in, len);
    if (handler != NULL) {
        handler(&in->request);
    } else {
        conn_close(conn);
        request_end(in);
    }
    conn->in_handler = false;
}

void *request_read(struct request *request)
{
    const struct wire_message *message = &request->api->request;
    struct rd r = rd_make(request->body);
    void *out = arena_take(&request->arena, message->size);
    enum err err = ERR_NOMEM;

    if (out != NULL)
        err = message->read(&r, request->version, &request->arena, out);
    if (err == ERR_OK)
        return out;
    CONN_LINE(request->conn,
              "its %s request version %d of %zu bytes is "
              "malformed (%s)",
              request->api->name, request->version, request->body.len,
              err_words(err));
    conn_close(request->conn);
    request_end(in_of(request));
    return NULL;
}

/* -- answers ------------------------------------------------------------------
 */

/* Header and body behind what `out` holds already. On failure `out` is as it
 * was. */
static enum err reply_write(struct out *out, const struct request *request,
                            const void *response)
{
    struct wr *w = &out->wr;
    size_t begin = w->len;
    size_t n_cuts = w->n_cuts;
    uint64_t cut_bytes = w->cut_bytes;
    uint64_t total;
    enum err err;

    wr_i32(w, 0);
    wr_i32(w, request->correlation_id);
    if (wire_response_header_version(request->api->key, request->version) >= 1)
        wr_uvarint(w, 0);
    request->api->response.write(w, request->version, response);
    total = w->len - begin - 4 + (w->cut_bytes - cut_bytes);
    err = w->err;
    if (err == ERR_OK && total > INT32_MAX)
        err = ERR_LIMIT;
    if (err == ERR_OK)
        wr_patch_i32(w, begin, (int32_t)total);
    else
        out_cut_back(out, begin, n_cuts);
    return err;
}

void request_reply(struct request *request, const void *response)
{
    struct conn *conn = request->conn;
    enum err err;

    if (conn->out == NULL)
        conn->out = reactor_out_take(conn->reactor);
    err = reply_write(conn->out, request, response);
    if (conn->state == CONN_DEAD) { /* the file references go back */
        out_free(&conn->out);
    } else if (err != ERR_OK) {
        CONN_LINE(conn, "the answer to its %s request is too large (%s)",
                  request->api->name, err_words(err));
        conn_close(conn);
    }
    request_end(in_of(request));
}

static void set_quickack(const struct conn *conn, int value)
{
    (void)setsockopt(conn->io.fd, IPPROTO_TCP, TCP_QUICKACK, &value,
                     sizeof value);
}

void request_expect_wait(struct request *request)
{
    const struct conn *conn = request->conn;

    if (conn->state == CONN_DEAD)
        return;
    set_quickack(conn, ACK_NOW);
    /* the first leaves it undone where nothing was to be acknowledged */
    set_quickack(conn, ACK_WITH_ANSWERS);
}

void request_expect_no_hurry(struct request *request)
{
    request->conn->no_hurry = true;
}

void request_reply_none(struct request *request)
{
    request_end(in_of(request));
}

void request_close(struct request *request, const char *why)
{
    CONN_LINE(request->conn, "%s (%s request)", why, request->api->name);
    conn_close(request->conn);
    request_end(in_of(request));
}

/* -- from elsewhere
 * ------------------------------------------------------------ */

static void request_on_post(struct job *job)
{
    struct request *request = CONTAINER_OF(job, struct request, job);

    request->on_post(request);
}

void request_post(struct request *request, void (*fn)(struct request *))
{
    request->on_post = fn;
    request->job.run = request_on_post;
    loop_post(request->reactor->loop, &request->job);
}

struct loop *request_loop(const struct request *request)
{
    return request->reactor->loop;
}
