/* partitions.c - the partition state machine.
 *
 *   NONE ─▶ NEW ─▶ ONLINE ◀─▶ OFFLINE ─▶ NONE
 *
 * NEW ─▶ ONLINE makes the znodes and the first leader; OFFLINE ─▶ ONLINE and
 * ONLINE ─▶ ONLINE elect. Each is an update (update.c) whose decide function is
 * a strategy of elect.c; what was written then goes into the batch.
 */
#include "base/diag.h"
#include "controller/internal.h"

/* -- what the elections may do -------------------------------------------- */

/* Whether unclean elections are allowed, by topic: read from its znode only for
 * topics that have a partition without a live ISR member. */
struct unclean {
    struct ctx_topic *topic;
    bool allowed;
};

struct unclean_set {
    struct unclean *list;
    size_t n;
};

static bool unclean_default(struct controller *ctl)
{
    return ctl->settings.unclean != NULL &&
           ctl->settings.unclean(ctl->settings.unclean_arg);
}

static void unclean_read(struct controller *ctl, struct ctl_op *op)
{
    struct unclean *unclean = op->arg;
    struct conf_pair *pairs;
    struct errmsg why;
    size_t n;

    if (op->op.err != ERR_OK || znode_config_read(op->op.data, &ctl->flow.arena,
                                                  &pairs, &n, &why) != ERR_OK)
        return;
    for (size_t i = 0; i < n; i++)
        if (bytes_is(pairs[i].name, "unclean.leader.election.enable"))
            unclean->allowed = bytes_is(pairs[i].value, "true");
}

static bool unclean_allowed(const struct controller *ctl,
                            const struct ctx_topic *topic)
{
    const struct unclean_set *set = ctl->work.unclean;

    for (size_t i = 0; set != NULL && i < set->n; i++)
        if (set->list[i].topic == topic)
            return set->list[i].allowed;
    return false;
}

/* Reads the configuration of the topics that need it. */
static void unclean_step(struct controller *ctl)
{
    struct unclean_set *set = flow_take(ctl, 1, sizeof *set);
    struct update *u = &ctl->update;
    struct ctx_topic *last = NULL;

    set->list = flow_take(ctl, u->n_items, sizeof *set->list);
    for (size_t i = 0; i < u->n_items; i++) {
        struct state_item *item = &u->items[i];
        struct ctx_partition *p = ctx_partition_find(item->topic, item->index);
        struct znode_path path;

        /* Items of a topic stand together. */
        if (item->topic == last || p == NULL ||
            !elect_needs_unclean(&ctl->context, p))
            continue;
        last = item->topic;
        set->list[set->n] =
            (struct unclean){ item->topic, unclean_default(ctl) };
        ctl_get(ctl, znode_path_config_topic(&path, item->topic->name), NULL,
                unclean_read, &set->list[set->n++]);
    }
    ctl->work.unclean = set;
}

/* -- decisions ------------------------------------------------------------ */

static void item_elected(struct controller *ctl, struct state_item *item,
                         const struct election *e, int32_t leader_epoch)
{
    item->next = (struct znode_state){
        .leader = e->leader,
        .leader_epoch = leader_epoch,
        .isr = (int32_t *)(uintptr_t)e->isr,
        .n_isr = e->n_isr,
        .controller_epoch = ctl->epoch,
        .recovery = e->recovery,
    };
    item->recipients = e->recipients;
    item->n_recipients = e->n_recipients;
    item->status = ITEM_WRITE;
}

static void decide_election(struct controller *ctl, struct state_item *item,
                            struct ctx_partition *p)
{
    enum elect_strategy strategy = ctl->work.strategy;
    struct election e;

    if (!elect(&ctl->context, p, strategy, unclean_allowed(ctl, item->topic),
               ctl->settings.recovery_state, &ctl->flow.arena, &e)) {
        item->status = ITEM_FAILED;
        return;
    }
    item_elected(ctl, item, &e, p->leader_epoch + 1);
}

static void decide_first(struct controller *ctl, struct state_item *item,
                         struct ctx_partition *p)
{
    struct election e;

    if (ctx_has_state(p)) {
        /* A controller before us came as far as the znode. */
        item->is_new = false;
        ctl->work.strategy = ELECT_OFFLINE;
        decide_election(ctl, item, p);
        return;
    }
    item->is_new = true;
    if (!elect_first(&ctl->context, p, &ctl->flow.arena, &e)) {
        diag_warn("event=partition_without_replica topic=%.*s partition=%d "
                  "reason=\"no assigned broker is alive\"",
                  BYTES_ARG(item->topic->name), item->index);
        item->status = ITEM_FAILED;
        return;
    }
    item_elected(ctl, item, &e, 0);
}

/* -- afterwards ----------------------------------------------------------- */

static void finish_step(struct controller *ctl)
{
    struct update *u = &ctl->update;

    for (size_t i = 0; i < u->n_items; i++) {
        struct state_item *item = &u->items[i];
        struct ctx_partition *p = ctx_partition_find(item->topic, item->index);

        if (item->status != ITEM_WRITTEN)
            continue;
        ctx_partition_move(p, PARTITION_ONLINE);
        ctl->work.any = true;
        for (size_t r = 0; r < item->n_recipients; r++)
            batch_add_lai(ctl, item->topic, item->index, item->recipients[r],
                          item->is_new);
        batch_add_um(ctl, item->topic, item->index);
        diag_debug("event=leader_elected topic=%.*s partition=%d leader=%d "
                   "epoch=%d",
                   BYTES_ARG(item->topic->name), item->index, p->leader,
                   p->leader_epoch);
    }
    ctl->work.unclean = NULL;
}

static void elect_step(struct controller *ctl)
{
    update_run(ctl, decide_election);
}

void partitions_elect(struct controller *ctl, enum elect_strategy strategy)
{
    ctl->work.strategy = strategy;
    if (strategy == ELECT_OFFLINE)
        flow_then(ctl, unclean_step);
    flow_then(ctl, elect_step);
    flow_then(ctl, finish_step);
}

static void first_step(struct controller *ctl)
{
    update_run(ctl, decide_first);
}

void partitions_create(struct controller *ctl)
{
    struct state_item *items;
    size_t n = 0;

    for (size_t t = 0; t < ctl->work.n_topics; t++)
        n += ctl->work.topics[t]->n_partitions;
    items = update_items(ctl, n);
    n = 0;
    for (size_t t = 0; t < ctl->work.n_topics; t++) {
        struct ctx_topic *topic = ctl->work.topics[t];

        for (size_t i = 0; i < topic->n_partitions; i++) {
            if (topic->partitions[i].n_replicas == 0 ||
                topic->partitions[i].state != PARTITION_NEW)
                continue;
            items[n++] =
                (struct state_item){ .topic = topic, .index = (int32_t)i };
        }
    }
    ctl->update.n_items = n;
    flow_then(ctl, first_step);
    flow_then(ctl, finish_step);
}

/* -- whatever waits for a leader ------------------------------------------ */

static bool waits(const struct ctx_topic *topic, const struct ctx_partition *p)
{
    return p->n_replicas > 0 && !topic->to_delete &&
           (p->state == PARTITION_NEW || p->state == PARTITION_OFFLINE);
}

/* Partitions in state NEW have no znode yet: their first election; the others
 * by the strategy. */
static void decide_waiting(struct controller *ctl, struct state_item *item,
                           struct ctx_partition *p)
{
    if (ctx_has_state(p))
        decide_election(ctl, item, p);
    else
        decide_first(ctl, item, p);
}

static void waiting_step(struct controller *ctl)
{
    update_run(ctl, decide_waiting);
}

static size_t waiting_count(const struct context *ctx)
{
    struct ctx_topic *topic = NULL;
    size_t n = 0;

    while ((topic = ctx_topic_next(ctx, topic)) != NULL)
        for (size_t i = 0; i < topic->n_partitions; i++)
            n += waits(topic, &topic->partitions[i]);
    return n;
}

void partitions_elect_waiting(struct controller *ctl)
{
    struct ctx_topic *topic = NULL;
    struct state_item *items = update_items(ctl, waiting_count(&ctl->context));
    size_t n = 0;

    while ((topic = ctx_topic_next(&ctl->context, topic)) != NULL)
        for (size_t i = 0; i < topic->n_partitions; i++)
            if (waits(topic, &topic->partitions[i]))
                items[n++] =
                    (struct state_item){ .topic = topic, .index = (int32_t)i };
    ctl->work.strategy = ELECT_OFFLINE;
    flow_then(ctl, unclean_step);
    flow_then(ctl, waiting_step);
    flow_then(ctl, finish_step);
}
