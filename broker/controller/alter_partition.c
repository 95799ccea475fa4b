/* alter_partition.c - leaders change their ISR through the controller.
 *
 * Checks in Kafka's order; the leader epoch stays, the partition epoch becomes
 * the version of the state znode. Whatever comes out, the brokers hear of the
 * partitions that were asked about.
 */
#include "controller/internal.h"
#include "controller/requests.h"
#include "wire/errors.h"
#include "wire/msg_alter_partition.h"

typedef struct wire_alter_partition_request alter_request;
typedef struct wire_alter_partition_request_topics alter_topic;
typedef struct wire_alter_partition_request_topics_partitions alter_partition;
typedef struct wire_alter_partition_response alter_response;
typedef struct wire_alter_partition_response_topics answer_topic;
typedef struct wire_alter_partition_response_topics_partitions answer_partition;

/* The ISR asked for, whichever field the version has. */
static const int32_t *wanted_isr(struct controller *ctl,
                                 const alter_partition *in, size_t *n)
{
    int32_t *isr;

    if (in->n_new_isr_with_epochs == 0) {
        *n = in->n_new_isr;
        return in->new_isr;
    }
    *n = in->n_new_isr_with_epochs;
    isr = flow_take(ctl, *n, sizeof *isr);
    for (size_t i = 0; i < *n; i++)
        isr[i] = in->new_isr_with_epochs[i].broker_id;
    return isr;
}

static bool is_current(const struct ctx_partition *p, const alter_partition *in,
                       const int32_t *isr, size_t n)
{
    return in->leader_epoch == p->leader_epoch &&
           in->leader_recovery_state == p->recovery && n == p->n_isr &&
           (n == 0 || memcmp(isr, ctx_isr(p), n * sizeof *isr) == 0);
}

/* KAFKA_NONE with *write false: answered as it is. */
static int16_t check(struct controller *ctl, const struct ctx_partition *p,
                     const alter_partition *in, int16_t version,
                     const int32_t *isr, size_t n, bool *write)
{
    *write = false;
    if (p == NULL || !ctx_has_state(p))
        return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    if (in->leader_epoch > p->leader_epoch ||
        in->partition_epoch > p->zk_version)
        return KAFKA_NOT_CONTROLLER;
    if (in->leader_epoch < p->leader_epoch)
        return KAFKA_FENCED_LEADER_EPOCH;
    if (is_current(p, in, isr, n))
        return KAFKA_NONE;
    if (in->partition_epoch < p->zk_version)
        return KAFKA_INVALID_UPDATE_VERSION;
    if ((in->leader_recovery_state == 1 && n > 1) ||
        (in->leader_recovery_state == 1 && p->recovery == 0) ||
        in->leader_recovery_state < 0 || in->leader_recovery_state > 1)
        return KAFKA_INVALID_REQUEST;
    for (size_t i = 0; i < n; i++)
        if (!ctx_broker_is_live(&ctl->context, isr[i]))
            return version >= 2 ? KAFKA_INELIGIBLE_REPLICA
                                : KAFKA_OPERATION_NOT_ATTEMPTED;
    *write = true;
    return KAFKA_NONE;
}

static void decide(struct controller *ctl, struct state_item *item,
                   struct ctx_partition *p)
{
    const struct ctl_request *r =
        CONTAINER_OF(ctl->work.event->external, struct ctl_request, event);
    const alter_partition *in = item->arg;
    size_t n;
    const int32_t *isr = wanted_isr(ctl, in, &n);
    bool write = false;

    if (item->tries > 0)
        item->error = KAFKA_INVALID_UPDATE_VERSION;
    else
        item->error = check(ctl, p, in, r->version, isr, n, &write);
    if (item->error != KAFKA_NONE) {
        item->status = ITEM_FAILED;
        return;
    }
    item->status = write ? ITEM_WRITE : ITEM_KEPT;
    item->next = (struct znode_state){
        .leader = p->leader,
        .leader_epoch = p->leader_epoch,
        .isr = (int32_t *)(uintptr_t)isr,
        .n_isr = n,
        .controller_epoch = ctl->epoch,
        .recovery = in->leader_recovery_state,
    };
}

/* -- the answer ----------------------------------------------------------- */

static void answer_fill(struct ctl_request *r, answer_partition *out,
                        const struct state_item *item)
{
    const struct ctx_partition *p =
        item->topic ? ctx_partition_find(item->topic, item->index) : NULL;

    wire_alter_partition_response_topics_partitions_init(out);
    out->partition_index = item->index;
    out->error_code = item->error;
    if (item->status == ITEM_FAILED && item->error == KAFKA_NONE)
        out->error_code = KAFKA_INVALID_UPDATE_VERSION;
    if (out->error_code != KAFKA_NONE || p == NULL)
        return;
    out->leader_id = p->leader;
    out->leader_epoch = p->leader_epoch;
    out->isr = arena_array(r->arena, p->n_isr, sizeof *out->isr);
    if (out->isr != NULL) {
        memcpy(out->isr, ctx_isr(p), p->n_isr * sizeof *out->isr);
        out->n_isr = p->n_isr;
    }
    out->leader_recovery_state = p->recovery;
    out->partition_epoch = p->zk_version;
}

static void answer_all(struct controller *ctl, struct ctl_request *r)
{
    const alter_request *in = r->in;
    alter_response *out = r->out;
    const struct state_item *item = ctl->update.items;

    out->topics = arena_array(r->arena, in->n_topics, sizeof *out->topics);
    for (size_t t = 0; out->topics != NULL && t < in->n_topics; t++) {
        const alter_topic *topic = &in->topics[t];
        answer_topic *answer = &out->topics[out->n_topics++];

        wire_alter_partition_response_topics_init(answer);
        answer->topic_name = topic->topic_name;
        answer->topic_id = topic->topic_id;
        answer->partitions = arena_array(r->arena, topic->n_partitions,
                                         sizeof *answer->partitions);
        for (size_t i = 0; i < topic->n_partitions; i++, item++)
            if (answer->partitions != NULL)
                answer_fill(r, &answer->partitions[answer->n_partitions++],
                            item);
    }
}

static struct ctl_request *request_of(struct controller *ctl)
{
    return CONTAINER_OF(ctl->work.event->external, struct ctl_request, event);
}

static void finish(struct ctl_request *r)
{
    controller_event_done(&r->event);
    r->on_done(r);
}

static void finish_step(struct controller *ctl)
{
    struct ctl_request *r = request_of(ctl);
    struct update *u = &ctl->update;

    ctl->flow.on_abort = NULL;
    for (size_t i = 0; i < u->n_items; i++)
        if (u->items[i].topic != NULL)
            batch_add_um(ctl, u->items[i].topic, u->items[i].index);
    answer_all(ctl, r);
    batch_send(ctl);
    finish(r);
}

static void aborted(struct controller *ctl)
{
    struct ctl_request *r = request_of(ctl);

    ((alter_response *)r->out)->error_code = KAFKA_NOT_CONTROLLER;
    finish(r);
}

/* -- the event ------------------------------------------------------------ */

static void items_fill(struct controller *ctl, const struct ctl_request *r,
                       struct state_item *item)
{
    const alter_request *in = r->in;

    for (size_t t = 0; t < in->n_topics; t++) {
        alter_topic *topic = &in->topics[t];
        struct ctx_topic *found =
            r->version >= 2 ? ctx_topic_find_id(&ctl->context, topic->topic_id)
                            : ctx_topic_find(&ctl->context, topic->topic_name);

        for (size_t i = 0; i < topic->n_partitions; i++, item++) {
            *item = (struct state_item){
                .topic = found,
                .index = topic->partitions[i].partition_index,
                .arg = &topic->partitions[i],
            };
            if (found != NULL && ctx_partition_find(found, item->index) != NULL)
                continue;
            item->status = ITEM_FAILED;
            item->error = found == NULL && r->version >= 2
                              ? KAFKA_UNKNOWN_TOPIC_ID
                              : KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
        }
    }
}

static int16_t check_whole(const struct controller *ctl,
                           const alter_request *in, bool active)
{
    const struct ctx_broker *broker;

    if (!active)
        return KAFKA_NOT_CONTROLLER;
    broker = ctx_broker_find(&ctl->context, in->broker_id);
    if (broker == NULL || broker->epoch != in->broker_epoch)
        return KAFKA_STALE_BROKER_EPOCH;
    return KAFKA_NONE;
}

static void run(struct controller_event *event, bool active)
{
    struct ctl_request *r = CONTAINER_OF(event, struct ctl_request, event);
    struct controller *ctl = event->ctl;
    const alter_request *in = r->in;
    alter_response *out = r->out;
    size_t n = 0;

    out->error_code = check_whole(ctl, in, active);
    if (out->error_code != KAFKA_NONE) {
        finish(r);
        return;
    }
    for (size_t t = 0; t < in->n_topics; t++)
        n += in->topics[t].n_partitions;
    items_fill(ctl, r, update_items(ctl, n));
    ctl->flow.on_abort = aborted;
    update_run(ctl, decide);
    flow_then(ctl, finish_step);
}

void controller_alter_partition(struct controller *ctl, struct ctl_request *r)
{
    r->event.run = run;
    controller_submit(ctl, &r->event);
}
