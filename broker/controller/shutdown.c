/* shutdown.c - a broker wants to stop: its leaders move first.
 */
#include "base/diag.h"
#include "controller/internal.h"
#include "controller/requests.h"
#include "wire/errors.h"
#include "wire/msg_controlled_shutdown.h"

typedef struct wire_controlled_shutdown_request shutdown_request;
typedef struct wire_controlled_shutdown_response shutdown_response;
typedef struct wire_controlled_shutdown_response_remaining_partitions
    remaining_partition;

static struct ctl_request *request_of(struct controller *ctl)
{
    return CONTAINER_OF(ctl->work.event->external, struct ctl_request, event);
}

static int32_t broker_of(struct controller *ctl)
{
    return ((const shutdown_request *)request_of(ctl)->in)->broker_id;
}

static void finish(struct ctl_request *r)
{
    controller_event_done(&r->event);
    r->on_done(r);
}

static void aborted(struct controller *ctl)
{
    struct ctl_request *r = request_of(ctl);

    ((shutdown_response *)r->out)->error_code = KAFKA_STALE_CONTROLLER_EPOCH;
    finish(r);
}

/* -- led ------------------------------------------------------------------ */

static bool leads(const struct ctx_partition *p, int32_t broker)
{
    return p->n_replicas > 1 && ctx_has_state(p) && p->leader == broker;
}

static void led_step(struct controller *ctl)
{
    int32_t broker = broker_of(ctl);
    struct state_item *items;
    size_t n = 0;

    for (struct ctx_walk w = { 0 }; ctx_walk_next(&ctl->context, &w);)
        n += leads(w.p, broker);
    items = update_items(ctl, n);
    n = 0;
    for (struct ctx_walk w = { 0 }; ctx_walk_next(&ctl->context, &w);) {
        if (leads(w.p, broker))
            items[n++] =
                (struct state_item){ .topic = w.topic, .index = w.index };
    }
    partitions_elect(ctl, ELECT_SHUTDOWN);
}

/* -- followed ------------------------------------------------------------- */

struct followed {
    struct state_item *items;
    size_t n;
};

static bool follows(const struct ctx_topic *topic,
                    const struct ctx_partition *p, int32_t broker)
{
    int place = ctx_replica_place(p, broker);

    return place >= 0 && p->n_replicas > 1 && !topic->deleting &&
           ctx_has_state(p) && p->leader != broker &&
           (ctx_replica_state(p, place) == REPLICA_ONLINE ||
            ctx_replica_state(p, place) == REPLICA_NEW);
}

/* Found before the elections, which make more of them. */
static void followed_find(struct controller *ctl)
{
    int32_t broker = broker_of(ctl);
    struct followed *followed = flow_take(ctl, 1, sizeof *followed);
    size_t n = 0;

    for (struct ctx_walk w = { 0 }; ctx_walk_next(&ctl->context, &w);)
        n += follows(w.topic, w.p, broker);
    followed->items = flow_take(ctl, n, sizeof *followed->items);
    for (struct ctx_walk w = { 0 }; ctx_walk_next(&ctl->context, &w);) {
        if (follows(w.topic, w.p, broker))
            followed->items[followed->n++] = (struct state_item){
                .topic = w.topic, .index = w.index, .broker = broker
            };
    }
    ctl->work.private_ = followed;
}

static void stop_step(struct controller *ctl)
{
    const struct followed *f = ctl->work.private_;

    for (size_t i = 0; i < f->n; i++)
        batch_add_stop(ctl, f->items[i].topic, f->items[i].index,
                       f->items[i].broker, false);
}

static void offline_step(struct controller *ctl)
{
    const struct followed *f = ctl->work.private_;

    ctl->update.items = f->items;
    ctl->update.n_items = f->n;
    replicas_offline(ctl);
}

/* -- the answer ----------------------------------------------------------- */

static void finish_step(struct controller *ctl)
{
    struct ctl_request *r = request_of(ctl);
    shutdown_response *out = r->out;
    int32_t broker = broker_of(ctl);
    size_t n = 0;

    ctl->flow.on_abort = NULL;
    for (struct ctx_walk w = { 0 }; ctx_walk_next(&ctl->context, &w);)
        n += !w.topic->to_delete && leads(w.p, broker);
    out->remaining_partitions =
        arena_array(r->arena, n, sizeof(remaining_partition));
    for (struct ctx_walk w = { 0 }; ctx_walk_next(&ctl->context, &w);) {
        if (w.topic->to_delete || !leads(w.p, broker) ||
            out->remaining_partitions == NULL)
            continue;
        out->remaining_partitions[out->n_remaining_partitions++] =
            (remaining_partition){
                .topic_name = arena_copy(r->arena, w.topic->name),
                .partition_index = w.index,
            };
    }
    diag_info("event=controlled_shutdown broker=%d remaining=%zu", broker, n);
    finish(r);
}

static int16_t check(const struct controller *ctl, const shutdown_request *in,
                     bool active)
{
    const struct ctx_broker *broker;

    if (!active)
        return KAFKA_STALE_CONTROLLER_EPOCH;
    broker = ctx_broker_find(&ctl->context, in->broker_id);
    if (broker == NULL)
        return in->broker_epoch == -1 ? KAFKA_BROKER_NOT_AVAILABLE
                                      : KAFKA_UNKNOWN_SERVER_ERROR;
    if (in->broker_epoch != -1 && in->broker_epoch < broker->epoch)
        return KAFKA_STALE_BROKER_EPOCH;
    return KAFKA_NONE;
}

static void run(struct controller_event *event, bool active)
{
    struct ctl_request *r = CONTAINER_OF(event, struct ctl_request, event);
    struct controller *ctl = event->ctl;
    const shutdown_request *in = r->in;
    shutdown_response *out = r->out;

    out->error_code = check(ctl, in, active);
    if (out->error_code != KAFKA_NONE) {
        finish(r);
        return;
    }
    ctx_broker_find(&ctl->context, in->broker_id)->shutting_down = true;
    ctl->flow.on_abort = aborted;
    followed_find(ctl);
    flow_then(ctl, led_step);
    flow_then(ctl, batch_send);
    flow_then(ctl, stop_step);
    flow_then(ctl, batch_send);
    flow_then(ctl, offline_step);
    flow_then(ctl, batch_send);
    flow_then(ctl, finish_step);
}

void controller_controlled_shutdown(struct controller *ctl,
                                    struct ctl_request *r)
{
    r->event.run = run;
    controller_submit(ctl, &r->event);
}
