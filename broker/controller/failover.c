/* failover.c - what a controller does first, in Kafka's order.
 *
 *   /feature · old notifications · brokers, topics, states into the context ·
 *   deletions · UpdateMetadata with brokers alone, so that brokers know each
 *   other before they hear of leaders · replicas online (LeaderAndIsr) and
 *   offline · partitions: elect where the leader is gone · deletions and
 *   preferred elections that wait
 */
#include "base/diag.h"
#include "controller/internal.h"

/* -- /feature ------------------------------------------------------------- */

static void feature_written(struct controller *ctl, struct ctl_op *op)
{
    (void)ctl;
    if (op->op.err != ERR_OK && op->op.err != ERR_EXISTS)
        diag_warn("event=feature_write_failed reason=\"%s\"",
                  err_words(op->op.err));
}

static void feature_write(struct controller *ctl, struct znode_features *f,
                          bool create)
{
    struct wr w;

    f->version = ctl->settings.feature_version;
    f->enabled = ctl->settings.feature_enabled;
    wr_init(&w, ZNODE_DATA_MAX);
    znode_features_write(&w, f);
    if (create)
        ctl_create(ctl, ZNODE_FEATURE, bytes_make(w.data, w.len),
                   feature_written, NULL);
    else
        ctl_set(ctl, ZNODE_FEATURE, bytes_make(w.data, w.len), -1,
                feature_written, NULL);
    wr_fini(&w);
}

static void feature_read(struct controller *ctl, struct ctl_op *op)
{
    struct znode_features f = { 0 };
    struct errmsg why;

    if (op->op.err == ERR_ABSENT) {
        feature_write(ctl, &f, true);
        return;
    }
    if (op->op.err != ERR_OK)
        return;
    if (znode_features_read(op->op.data, &ctl->flow.arena, &f, &why) !=
        ERR_OK) {
        diag_error("event=feature_znode_malformed reason=\"%s\" "
                   "remedy=\"delete /feature\"",
                   why.text);
        return;
    }
    if (f.version != ctl->settings.feature_version ||
        f.enabled != ctl->settings.feature_enabled)
        feature_write(ctl, &f, false);
}

static void feature_step(struct controller *ctl)
{
    ctl_get(ctl, ZNODE_FEATURE, NULL, feature_read, NULL);
}

/* -- notifications of an earlier time ------------------------------------- */

static void log_dirs_list_step(struct controller *ctl)
{
    load_names(ctl, ZNODE_LOG_DIR_EVENTS, &ctl->log_dir_watch);
}

static void log_dirs_delete_step(struct controller *ctl)
{
    notifications_delete(ctl, ZNODE_LOG_DIR_EVENTS);
}

static void isrs_list_step(struct controller *ctl)
{
    load_names(ctl, ZNODE_ISR_CHANGES, &ctl->isr_watch);
}

static void isrs_delete_step(struct controller *ctl)
{
    notifications_delete(ctl, ZNODE_ISR_CHANGES);
}

/* -- context -------------------------------------------------------------- */

static void brokers_step(struct controller *ctl)
{
    for (size_t i = 0; i < ctl->work.seen->n; i++)
        if (ctl->work.seen->list[i].there)
            broker_add(ctl, &ctl->work.seen->list[i]);
}

static void topics_list_step(struct controller *ctl)
{
    load_names(ctl, ZNODE_TOPICS, &ctl->topics_watch);
}

static void deletions_list_step(struct controller *ctl)
{
    load_names(ctl, ZNODE_DELETE_TOPICS, &ctl->deletions_watch);
}

static void first_metadata_step(struct controller *ctl)
{
    batch_send_brokers(ctl, NULL);
}

/* -- replicas ------------------------------------------------------------- */

static size_t replicas_init(struct controller *ctl, struct ctx_topic *topic,
                            int32_t index, struct ctx_partition *p)
{
    size_t offline = 0;

    for (int i = 0; i < p->n_replicas; i++) {
        int32_t broker = ctx_replicas(p)[i];

        if (ctx_replica_is_online(&ctl->context, p, broker, false)) {
            ctx_replica_init(p, i, REPLICA_ONLINE);
            batch_add_lai(ctl, topic, index, broker, false);
        } else {
            ctx_replica_init(p, i, REPLICA_INELIGIBLE);
            offline++;
        }
    }
    /* Told to all brokers, also where no replica is online. */
    batch_add_um(ctl, topic, index);
    return offline;
}

static void offline_gather(struct ctx_topic *topic, int32_t index,
                           struct ctx_partition *p, struct state_item *items,
                           size_t *n)
{
    for (int i = 0; i < p->n_replicas; i++)
        if (ctx_replica_state(p, i) == REPLICA_INELIGIBLE)
            items[(*n)++] = (struct state_item){ .topic = topic,
                                                 .index = index,
                                                 .broker = ctx_replicas(p)[i] };
}

static void replicas_step(struct controller *ctl)
{
    struct state_item *items;
    size_t n = 0;

    for (struct ctx_walk w = { 0 }; ctx_walk_next(&ctl->context, &w);)
        n += replicas_init(ctl, w.topic, w.index, w.p);
    items = update_items(ctl, n);
    n = 0;
    for (struct ctx_walk w = { 0 }; ctx_walk_next(&ctl->context, &w);)
        offline_gather(w.topic, w.index, w.p, items, &n);
    replicas_offline(ctl);
}

/* -- partitions ----------------------------------------------------------- */

static void partitions_step(struct controller *ctl)
{
    for (struct ctx_walk w = { 0 }; ctx_walk_next(&ctl->context, &w);) {
        struct ctx_partition *p = w.p;

        ctx_partition_move(p, PARTITION_NEW);
        if (!ctx_has_state(p))
            continue;
        if (p->leader >= 0 &&
            ctx_replica_is_online(&ctl->context, p, p->leader, false))
            ctx_partition_move(p, PARTITION_ONLINE);
        else
            ctx_partition_move(p, PARTITION_OFFLINE);
    }
    partitions_elect_waiting(ctl);
}

static void done_step(struct controller *ctl)
{
    ctl->electing = false;
    diag_info("event=controller_ready broker=%d epoch=%d brokers=%zu "
              "topics=%zu",
              ctl->settings.broker_id, ctl->epoch, ctl->context.n_brokers,
              ctl->context.by_name.count);
    preferred_znode_begin(ctl);
    if (ctl->settings.rebalance)
        preferred_timer_start(ctl, 5000000);
}

void failover_begin(struct controller *ctl)
{
    flow_then(ctl, feature_step);
    flow_then(ctl, log_dirs_list_step);
    flow_then(ctl, log_dirs_delete_step);
    flow_then(ctl, isrs_list_step);
    flow_then(ctl, isrs_delete_step);
    flow_then(ctl, brokers_read);
    flow_then(ctl, brokers_step);
    flow_then(ctl, topics_list_step);
    flow_then(ctl, load_topics);
    flow_then(ctl, load_states);
    flow_then(ctl, deletions_list_step);
    flow_then(ctl, deletions_mark);
    flow_then(ctl, first_metadata_step);
    flow_then(ctl, replicas_step);
    flow_then(ctl, batch_send);
    flow_then(ctl, partitions_step);
    flow_then(ctl, batch_send);
    flow_then(ctl, deletions_resume);
    flow_then(ctl, done_step);
}
