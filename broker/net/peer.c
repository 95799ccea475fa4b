/* peer.c - a peer's calls: queues, deadlines, completion. */
#include <assert.h>

#include "net/peer_in.h"

static void peer_release(struct peer *peer)
{
    arena_fini(&peer->arena);
    mem_free(peer->buf);
    mem_free(peer->hello.frame);
    mem_free(peer->host);
    mem_free(peer->client_id);
    mem_free(peer);
}

void peer_enter(struct peer *peer)
{
    peer->depth++;
}

void peer_leave(struct peer *peer)
{
    if (--peer->depth == 0 && peer->dead)
        peer_release(peer);
}

void peer_done(struct peer *peer, struct peer_call *call, enum err err,
               const void *response)
{
    mem_free(call->frame);
    call->frame = NULL;
    call->err = err;
    call->response = response;
    call->version = call->frame_version;
    if (err != ERR_OK && call->why.text[0] == '\0')
        err_set(&call->why, err, "%s:%d: %s", peer->host, peer->port,
                err_words(err));
    if (call == &peer->hello)
        return;
    peer_enter(peer);
    call->on_done(call); /* it may be gone now, or in a list again */
    peer_leave(peer);
}

static struct peer_call *first_call(const struct list *calls)
{
    return list_is_empty(calls)
               ? NULL
               : CONTAINER_OF(calls->next, struct peer_call, link);
}

/* Complete all that is in `calls` now; what callbacks add stays. The caller has
 * entered. */
static void done_all(struct peer *peer, struct list *calls, enum err first,
                     enum err others)
{
    struct list mine;
    struct peer_call *call;
    enum err err = first;

    list_init(&mine);
    list_move_all(&mine, calls);
    while ((call = first_call(&mine)) != NULL) {
        list_remove(&call->link);
        if (err == ERR_NET || err == ERR_TIMEOUT)
            err_set(&call->why, err, "%s:%d: %s", peer->host, peer->port,
                    peer->trouble.text[0] ? peer->trouble.text
                                          : err_words(err));
        peer_done(peer, call, err, NULL);
        err = others;
    }
}

void peer_kick(struct peer *peer)
{
    if (!peer->dead && !loop_timer_is_set(&peer->kick))
        loop_timer_set(&peer->kick, 0);
}

void peer_break(struct peer *peer, enum err first)
{
    peer_enter(peer);
    peer_disconnect(peer);
    peer->state = PEER_BACKOFF;
    loop_timer_set(&peer->step, peer->backoff_us);
    done_all(peer, &peer->sent, first, ERR_NET);
    if (peer->impatient && !peer->dead)
        done_all(peer, &peer->waiting, ERR_NET, ERR_NET);
    peer_leave(peer);
}

/* -- deadlines
 * ------------------------------------------------------------------ */

static void earliest(const struct list *calls, int64_t *due_us)
{
    LIST_EACH(link, calls) {
        struct peer_call *call = CONTAINER_OF(link, struct peer_call, link);

        if (call->due_us < *due_us)
            *due_us = call->due_us;
    }
}

static void peer_set_deadline(struct peer *peer)
{
    int64_t due_us = INT64_MAX;

    earliest(&peer->waiting, &due_us);
    earliest(&peer->sent, &due_us);
    if (due_us == INT64_MAX)
        loop_timer_stop(&peer->deadline);
    else
        loop_timer_set(&peer->deadline, due_us - loop_now_us(peer->loop));
}

static void take_due(struct peer *peer, struct list *from, struct list *to)
{
    int64_t now = loop_now_us(peer->loop);

    LIST_EACH(link, from) {
        struct peer_call *call = CONTAINER_OF(link, struct peer_call, link);

        if (call->due_us > now)
            continue;
        list_remove(link);
        list_append(to, link);
    }
}

static void peer_on_deadline(struct loop_timer *timer)
{
    struct peer *peer = CONTAINER_OF(timer, struct peer, deadline);
    struct peer_call *first = first_call(&peer->waiting);
    struct list late;

    peer_enter(peer);
    list_init(&late);
    take_due(peer, &peer->sent, &late);
    bool unanswered = !list_is_empty(&late);
    take_due(peer, &peer->waiting, &late);
    /* half a frame cannot be taken back: then the stream is out of step */
    bool torn = peer->out_at > 0 && first != first_call(&peer->waiting);
    done_all(peer, &late, ERR_TIMEOUT, ERR_TIMEOUT);
    if (!peer->dead && (unanswered || torn)) {
        err_set(&peer->trouble, ERR_NET, "an answer did not come in time");
        peer_break(peer, ERR_NET);
    }
    if (!peer->dead)
        peer_set_deadline(peer);
    peer_leave(peer);
}

/* -- the queues
 * ------------------------------------------------------------------- */

static void peer_on_kick(struct loop_timer *timer)
{
    struct peer *peer = CONTAINER_OF(timer, struct peer, kick);

    peer_enter(peer);
    while (!list_is_empty(&peer->failed) && !peer->dead) {
        struct peer_call *call = first_call(&peer->failed);

        list_remove(&call->link);
        peer_done(peer, call, call->err, NULL);
    }
    if (!peer->dead && !list_is_empty(&peer->waiting)) {
        if (peer->state == PEER_IDLE)
            peer_connect(peer);
        else if (peer->state == PEER_READY && peer_flush(peer) != ERR_OK)
            peer_break(peer, ERR_NET);
    }
    if (!peer->dead)
        peer_set_deadline(peer);
    peer_leave(peer);
}

static void peer_on_step(struct loop_timer *timer)
{
    struct peer *peer = CONTAINER_OF(timer, struct peer, step);

    peer_enter(peer);
    if (peer->state != PEER_BACKOFF) {
        err_set(&peer->trouble, ERR_TIMEOUT, "no connection in %lld s",
                (long long)(PEER_CONNECT_US / 1000000));
        peer_break(peer, ERR_NET);
    } else {
        peer->state = PEER_IDLE;
        if (!list_is_empty(&peer->waiting))
            peer_connect(peer);
    }
    peer_leave(peer);
}

static void peer_on_keep(struct loop_timer *timer)
{
    struct peer *peer = CONTAINER_OF(timer, struct peer, keep);

    if (!list_is_empty(&peer->sent)) {
        loop_timer_set(timer, PEER_KEEP_US);
        return;
    }
    mem_free(peer->buf);
    peer->buf = NULL;
    peer->buf_size = 0;
    arena_fini(&peer->arena);
}

enum err peer_encode(struct peer *peer, struct peer_call *call, int16_t version,
                     const void *request)
{
    const struct wire_api *api = wire_api_find(call->key);
    int16_t header = wire_request_header_version(call->key, version);
    enum err err;
    struct wr w;

    if (api == NULL || version < api->min || version > api->max)
        return err_set(&call->why, ERR_VERSION, "API %d has no version %d",
                       call->key, version);
    wr_init(&w, INT32_MAX);
    wr_i32(&w, 0);
    wr_i16(&w, call->key);
    wr_i16(&w, version);
    wr_i32(&w, call->correlation_id);
    if (header >= 1)
        wr_string(&w, false, bytes_of(peer->client_id));
    if (header >= 2)
        wr_uvarint(&w, 0);
    api->request.write(&w, version, request);
    err = w.err == ERR_OK && w.n_cuts > 0 ? ERR_INVALID : w.err;
    if (err != ERR_OK) {
        wr_fini(&w);
        return err_set(&call->why, err, "%s request: %s", api->name,
                       err_words(err));
    }
    wr_patch_i32(&w, 0, (int32_t)w.len - 4);
    mem_free(call->frame);
    call->frame = w.data;
    call->frame_len = w.len;
    call->frame_version = version;
    mem_free(w.cuts);
    return ERR_OK;
}

void peer_send(struct peer *peer, struct peer_call *call, const void *request)
{
    int64_t timeout = call->timeout_us > 0 ? call->timeout_us : PEER_TIMEOUT_US;
    int16_t version = call->version;
    enum err err;

    assert(!peer->dead && loop_is_mine(peer->loop));
    call->frame = NULL;
    call->response = NULL;
    call->why.text[0] = '\0';
    call->correlation_id = peer->correlation_id++;
    call->frame_version = call->version;
    call->due_us = loop_now_us(peer->loop) + timeout;
    list_init(&call->link);
    err = peer_version(peer, call, &version);
    if (err == ERR_OK)
        err = peer_encode(peer, call, version, request);
    call->err = err;
    list_append(err == ERR_OK ? &peer->waiting : &peer->failed, &call->link);
    peer_kick(peer);
}

/* -- life
 * ---------------------------------------------------------------------------
 */

enum err peer_new(struct peer **out, struct loop *loop, struct pool *pool,
                  const struct peer_config *config, struct errmsg *why)
{
    struct peer *peer;

    if (config->port < 1 || config->port > 65535 || config->host[0] == '\0')
        return err_set(why, ERR_INVALID, "no address of a broker: \"%s:%d\"",
                       config->host, config->port);
    peer = mem_need(sizeof *peer);
    peer->loop = loop;
    peer->pool = pool;
    peer->host = mem_need_text(bytes_of(config->host));
    peer->client_id = mem_need_text(bytes_of(config->client_id));
    peer->port = config->port;
    peer->handshake = config->handshake;
    peer->impatient = config->impatient;
    peer->backoff_us = config->backoff_us;
    peer->response_max =
        config->response_max > 0 ? config->response_max : PEER_RESPONSE_MOST;
    peer->io.fd = -1;
    peer->hello_version = wire_api_find(WIRE_API_VERSIONS)->max;
    loop_timer_init(&peer->kick, loop, peer_on_kick);
    list_init(&peer->waiting);
    list_init(&peer->sent);
    list_init(&peer->failed);
    list_init(&peer->hello.link);
    loop_timer_init(&peer->step, loop, peer_on_step);
    loop_timer_init(&peer->deadline, loop, peer_on_deadline);
    loop_timer_init(&peer->keep, loop, peer_on_keep);
    arena_init(&peer->arena, SIZE_MAX);
    *out = peer;
    return ERR_OK;
}

void peer_free(struct peer **peer)
{
    struct peer *dead = *peer;

    if (dead == NULL)
        return;
    *peer = NULL;
    peer_enter(dead);
    dead->dead = true; /* peer_send() is not allowed any more */
    peer_disconnect(dead);
    loop_timer_stop(&dead->kick);
    loop_timer_stop(&dead->step);
    loop_timer_stop(&dead->deadline);
    loop_timer_stop(&dead->keep);
    done_all(dead, &dead->sent, ERR_CLOSED, ERR_CLOSED);
    done_all(dead, &dead->waiting, ERR_CLOSED, ERR_CLOSED);
    done_all(dead, &dead->failed, ERR_CLOSED, ERR_CLOSED);
    peer_leave(dead);
}
