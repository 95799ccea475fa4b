/* preferred.c - giving leadership back to the first assigned replica, and
 * elections that become possible when unclean ones are allowed.
 */
#include "base/diag.h"
#include "controller/internal.h"

static bool wants_preferred(const struct controller *ctl,
                            const struct ctx_topic *topic,
                            const struct ctx_partition *p)
{
    int32_t head;

    if (p->n_replicas == 0 || !ctx_has_state(p) || topic->to_delete)
        return false;
    head = ctx_replicas(p)[0];
    return p->leader != head && ctx_isr_has(p, head) &&
           ctx_replica_is_online(&ctl->context, p, head, false);
}

static void elect_step(struct controller *ctl)
{
    partitions_elect(ctl, ELECT_PREFERRED);
}

/* -- by the clock --------------------------------------------------------- */

/* Of the partitions that prefer this broker, do too many have another leader?
 */
static bool is_imbalanced(struct controller *ctl, int32_t broker)
{
    struct ctx_topic *topic = NULL;
    size_t prefer = 0;
    size_t elsewhere = 0;

    while ((topic = ctx_topic_next(&ctl->context, topic)) != NULL) {
        for (size_t i = 0; i < topic->n_partitions && !topic->to_delete; i++) {
            const struct ctx_partition *p = &topic->partitions[i];

            if (p->n_replicas == 0 || ctx_replicas(p)[0] != broker)
                continue;
            prefer++;
            elsewhere += p->leader != broker;
        }
    }
    return prefer > 0 &&
           elsewhere * 100 > prefer * (size_t)ctl->settings.rebalance_percent;
}

static void gather(struct controller *ctl, int32_t broker,
                   struct state_item *items, size_t *n)
{
    struct ctx_topic *topic = NULL;

    while ((topic = ctx_topic_next(&ctl->context, topic)) != NULL)
        for (size_t i = 0; i < topic->n_partitions; i++) {
            const struct ctx_partition *p = &topic->partitions[i];

            if (!wants_preferred(ctl, topic, p) || ctx_replicas(p)[0] != broker)
                continue;
            if (items != NULL)
                items[*n] =
                    (struct state_item){ .topic = topic, .index = (int32_t)i };
            (*n)++;
        }
}

void preferred_timer_begin(struct controller *ctl)
{
    struct context *ctx = &ctl->context;
    bool *wanted = flow_take(ctl, ctx->n_brokers, sizeof *wanted);
    struct state_item *items;
    size_t n = 0;

    preferred_timer_start(ctl, ctl->settings.rebalance_us);
    for (size_t b = 0; b < ctx->n_brokers; b++) {
        wanted[b] = is_imbalanced(ctl, ctx->brokers[b]->id);
        if (wanted[b])
            gather(ctl, ctx->brokers[b]->id, NULL, &n);
    }
    if (n == 0)
        return;
    items = update_items(ctl, n);
    n = 0;
    for (size_t b = 0; b < ctx->n_brokers; b++)
        if (wanted[b])
            gather(ctl, ctx->brokers[b]->id, items, &n);
    diag_info("event=preferred_election partitions=%zu", n);
    flow_then(ctl, elect_step);
    flow_then(ctl, batch_send);
}

void preferred_timer_start(struct controller *ctl, int64_t delay_us)
{
    ctl->world.exec->timer_set(ctl->world.exec, &ctl->preferred_timer,
                               delay_us);
}

/* -- by /admin/preferred_replica_election --------------------------------- */

static void znode_delete_step(struct controller *ctl)
{
    const char **paths = flow_take(ctl, 1, sizeof *paths);

    paths[0] = ZNODE_PREFERRED_ELECTION;
    ctl_delete_all(ctl, paths, 1);
}

static void znode_read(struct controller *ctl, struct ctl_op *op)
{
    struct znode_partition *parts = NULL;
    struct state_item *items;
    struct errmsg why;
    size_t n = 0;
    size_t n_items = 0;

    if (op->op.err != ERR_OK)
        return;
    if (znode_partitions_read(op->op.data, &ctl->flow.arena, &parts, &n,
                              &why) != ERR_OK)
        n = 0;
    items = update_items(ctl, n);
    for (size_t i = 0; i < n; i++) {
        struct ctx_topic *topic = ctx_topic_find(&ctl->context, parts[i].topic);
        const struct ctx_partition *p =
            topic ? ctx_partition_find(topic, parts[i].partition) : NULL;

        if (p != NULL && wants_preferred(ctl, topic, p))
            items[n_items++] =
                (struct state_item){ .topic = topic,
                                     .index = parts[i].partition };
    }
    ctl->update.n_items = n_items;
    flow_then(ctl, elect_step);
    flow_then(ctl, batch_send);
    flow_then(ctl, znode_delete_step);
}

static void watched(struct controller *ctl, struct ctl_op *op)
{
    if (op->op.err == ERR_OK)
        ctl_get(ctl, ZNODE_PREFERRED_ELECTION, NULL, znode_read, NULL);
}

void preferred_znode_begin(struct controller *ctl)
{
    ctl_exists(ctl, ZNODE_PREFERRED_ELECTION, &ctl->preferred_watch, watched,
               NULL);
}

/* -- unclean elections became possible ------------------------------------ */

static void waiting_step(struct controller *ctl)
{
    partitions_elect_waiting(ctl);
}

void unclean_enabled_begin(struct controller *ctl)
{
    flow_then(ctl, waiting_step);
    flow_then(ctl, batch_send);
}
