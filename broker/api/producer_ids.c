/* producer_ids.c - one block in use, the next one asked for in time.
 *
 *     producer_ids_take() ── has one ──▶ gives it; past 90 %: ask for the next
 *             │ has none
 *             └▶ waits in a line, with a deadline ◀── the block that comes
 *
 * The asking is a state of its own: nothing, on its way, or pausing before it
 * is tried again (no controller known, an error, another controller meanwhile).
 */
#include "api/producer_ids.h"

#include <assert.h>
#include <stdio.h>

#include "base/diag.h"
#include "base/lock.h"
#include "base/mem.h"
#include "broker.h"
#include "metadata/metadata.h"
#include "net/net.h"
#include "wire/apis.h"
#include "wire/errors.h"
#include "wire/msg_allocate_producer_ids.h"

enum {
    RETRY_US = 50 * 1000,       /* Kafka's pause between attempts */
    WAIT_US = 10 * 1000 * 1000, /* for a block; then COORDINATOR_LOAD_... */
    PREFETCH_PERCENT = 90,
    HOST_MOST = 256
};

struct block {
    int64_t next; /* id to be given out next */
    int64_t end;  /* exclusive; next == end: empty */
    int64_t len;
};

struct producer_ids {
    struct broker *broker;
    struct lock lock;
    struct block block, spare; /* in use; fetched ahead */
    struct list waiting;       /* struct producer_ids_call */
    bool wanted;               /* the job is on its way, or asking goes on */
    struct job job;            /* begins the asking */

    /* coordination loop */
    struct peer *peer;
    char host[HOST_MOST]; /* where the peer goes */
    int port;
    struct peer_call call;
    struct loop_timer again;
    struct loop_timer overdue; /* for those who wait */
    bool closed;
};

static void ask(struct producer_ids *ids);

/* -- giving out -------------------------------------------------------------
 */

static bool block_take(struct producer_ids *ids, int64_t *id)
{
    if (ids->block.next == ids->block.end) {
        ids->block = ids->spare;
        ids->spare = (struct block){ 0 };
    }
    if (ids->block.next == ids->block.end)
        return false;
    *id = ids->block.next++;
    return true;
}

/* Under the lock: whether the next block should be asked for now. */
static bool is_low(const struct producer_ids *ids)
{
    const struct block *b = &ids->block;

    return ids->spare.next == ids->spare.end &&
           (b->len - (b->end - b->next)) * 100 >= b->len * PREFETCH_PERCENT;
}

bool producer_ids_take(struct producer_ids *ids, struct producer_ids_call *call,
                       int64_t *id)
{
    bool taken, begin = false;

    lock_take(&ids->lock);
    taken = list_is_empty(&ids->waiting) && block_take(ids, id);
    if (!taken)
        list_append(&ids->waiting, &call->link);
    if (!ids->wanted && (!taken || is_low(ids)))
        begin = ids->wanted = true;
    lock_give(&ids->lock);
    if (begin)
        loop_post(ids->broker->coord_loop, &ids->job);
    return taken;
}

/* Serve those who wait from the block that came. Coordination loop. */
static void serve_waiting(struct producer_ids *ids)
{
    struct list done;

    list_init(&done);
    lock_take(&ids->lock);
    LIST_EACH(link, &ids->waiting) {
        struct producer_ids_call *call =
            CONTAINER_OF(link, struct producer_ids_call, link);

        if (!block_take(ids, &call->id))
            break;
        list_remove(link);
        list_append(&done, link);
    }
    lock_give(&ids->lock);
    LIST_EACH(link, &done) {
        struct producer_ids_call *call =
            CONTAINER_OF(link, struct producer_ids_call, link);

        list_remove(link);
        call->err = ERR_OK;
        call->on_done(call);
    }
}

static void fail_waiting(struct producer_ids *ids, enum err err)
{
    struct list all;

    list_init(&all);
    lock_take(&ids->lock);
    list_move_all(&all, &ids->waiting);
    lock_give(&ids->lock);
    LIST_EACH(link, &all) {
        struct producer_ids_call *call =
            CONTAINER_OF(link, struct producer_ids_call, link);

        list_remove(link);
        call->err = err;
        call->on_done(call);
    }
}

static void on_overdue(struct loop_timer *timer)
{
    fail_waiting(CONTAINER_OF(timer, struct producer_ids, overdue), ERR_BUSY);
}

/* -- asking -----------------------------------------------------------------
 */

static void on_again(struct loop_timer *timer)
{
    ask(CONTAINER_OF(timer, struct producer_ids, again));
}

static void block_came(struct producer_ids *ids,
                       const struct wire_allocate_producer_ids_response *answer)
{
    struct block fresh = {
        .next = answer->producer_id_start,
        .end = answer->producer_id_start + answer->producer_id_len,
        .len = answer->producer_id_len,
    };
    bool more;

    loop_timer_stop(&ids->overdue);
    lock_take(&ids->lock);
    if (ids->block.next == ids->block.end)
        ids->block = fresh;
    else
        ids->spare = fresh;
    lock_give(&ids->lock);
    serve_waiting(ids);
    lock_take(&ids->lock);
    more = !list_is_empty(&ids->waiting);
    ids->wanted = more;
    lock_give(&ids->lock);
    if (more)
        loop_timer_set(&ids->again, 0);
}

static void on_answer(struct peer_call *call)
{
    struct producer_ids *ids = CONTAINER_OF(call, struct producer_ids, call);
    const struct wire_allocate_producer_ids_response *answer = call->response;

    if (ids->closed)
        return;
    if (call->err == ERR_OK && answer->error_code == KAFKA_NONE &&
        answer->producer_id_len > 0 && answer->producer_id_start >= 0 &&
        answer->producer_id_start <= INT64_MAX - answer->producer_id_len) {
        block_came(ids, answer);
        return;
    }
    DIAG_SELDOM(DIAG_WARN,
                "event=no_producer_ids controller=%s:%d why=\"%s\" "
                "effect=\"tried again; idempotent producers wait\"",
                ids->host, ids->port,
                call->err == ERR_OK ? kafka_error_name(answer->error_code)
                                    : err_name(call->err));
    loop_timer_set(&ids->again, RETRY_US);
}

/* Point the peer at the controller of the moment; false: nobody knows one. */
static bool find_controller(struct producer_ids *ids)
{
    struct broker *broker = ids->broker;
    struct meta_cluster *cluster = metadata_cluster(broker->metadata);
    const struct meta_broker *b =
        meta_broker_find(cluster, cluster->controller_id);
    const struct meta_endpoint *at =
        b ? meta_endpoint_find(b, broker->inter_broker->name) : NULL;
    bool moved = at != NULL && (ids->peer == NULL || at->port != ids->port ||
                                strcmp(at->host, ids->host) != 0);
    struct errmsg why;

    if (moved) {
        struct peer_config config = { .client_id = broker->client_id,
                                      .handshake = true,
                                      .backoff_us = RETRY_US };

        if (ids->peer != NULL)
            peer_free(&ids->peer);
        snprintf(ids->host, sizeof ids->host, "%s", at->host);
        ids->port = at->port;
        config.host = ids->host;
        config.port = ids->port;
        if (peer_new(&ids->peer, broker->coord_loop, broker->pool, &config,
                     &why) != ERR_OK)
            ids->peer = NULL;
    }
    meta_cluster_unref(cluster);
    return at != NULL && ids->peer != NULL;
}

static void ask(struct producer_ids *ids)
{
    struct wire_allocate_producer_ids_request request;

    if (ids->closed)
        return;
    if (!loop_timer_is_set(&ids->overdue))
        loop_timer_set(&ids->overdue, WAIT_US);
    if (!find_controller(ids)) {
        loop_timer_set(&ids->again, RETRY_US);
        return;
    }
    wire_allocate_producer_ids_request_init(&request);
    request.broker_id = ids->broker->id;
    request.broker_epoch = atomic_load(&ids->broker->epoch);
    ids->call = (struct peer_call){ .key = WIRE_ALLOCATE_PRODUCER_IDS,
                                    .version = 0,
                                    .on_done = on_answer };
    peer_send(ids->peer, &ids->call, &request);
}

static void begin(struct job *job)
{
    ask(CONTAINER_OF(job, struct producer_ids, job));
}

/* -- life -------------------------------------------------------------------
 */

struct producer_ids *producer_ids_new(struct broker *broker)
{
    struct producer_ids *ids = mem_need(sizeof *ids);

    ids->broker = broker;
    ids->job.run = begin;
    lock_init(&ids->lock);
    list_init(&ids->waiting);
    loop_timer_init(&ids->again, broker->coord_loop, on_again);
    loop_timer_init(&ids->overdue, broker->coord_loop, on_overdue);
    return ids;
}

void producer_ids_free(struct producer_ids **out)
{
    struct producer_ids *ids = *out;

    if (ids == NULL)
        return;
    ids->closed = true;
    loop_timer_stop(&ids->again);
    loop_timer_stop(&ids->overdue);
    if (ids->peer != NULL)
        peer_free(&ids->peer);
    fail_waiting(ids, ERR_CLOSED);
    lock_fini(&ids->lock);
    mem_free(ids);
    *out = NULL;
}
