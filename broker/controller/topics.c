/* topics.c - topics that appear, vanish or grow.
 *
 * A listing of /brokers/topics is compared with the context by a mark: topics
 * that did not get this listing's mark are gone. New ones are read, and made:
 * NewPartition, NewReplica, OnlinePartition, OnlineReplica.
 */
#include "base/diag.h"
#include "controller/internal.h"

static void create_begin_step(struct controller *ctl)
{
    partitions_create(ctl);
}

static void create_end_step(struct controller *ctl)
{
    for (size_t t = 0; t < ctl->work.n_topics; t++) {
        struct ctx_topic *topic = ctl->work.topics[t];

        for (size_t i = 0; i < topic->n_partitions; i++) {
            struct ctx_partition *p = &topic->partitions[i];

            for (int r = 0; r < p->n_replicas; r++)
                if (ctx_replica_state(p, r) == REPLICA_NEW)
                    ctx_replica_move(p, r, REPLICA_ONLINE);
        }
    }
}

/* Partitions of work.topics that are not in the state machine yet. */
static void create_step(struct controller *ctl)
{
    bool any = false;

    for (size_t t = 0; t < ctl->work.n_topics; t++) {
        struct ctx_topic *topic = ctl->work.topics[t];

        for (size_t i = 0; i < topic->n_partitions; i++) {
            struct ctx_partition *p = &topic->partitions[i];

            if (p->n_replicas == 0 || p->state != PARTITION_NONE)
                continue;
            any = true;
            ctx_partition_move(p, PARTITION_NEW);
            for (int r = 0; r < p->n_replicas; r++)
                if (ctx_replica_state(p, r) == REPLICA_NONE)
                    ctx_replica_move(p, r, REPLICA_NEW);
        }
    }
    if (!any)
        return;
    flow_then(ctl, create_begin_step);
    flow_then(ctl, create_end_step);
    flow_then(ctl, batch_send);
}

/* -- the list ------------------------------------------------------------- */

static void vanished(struct controller *ctl)
{
    struct ctx_topic *topic = ctx_topic_next(&ctl->context, NULL);

    while (topic != NULL) {
        struct ctx_topic *next = ctx_topic_next(&ctl->context, topic);

        if (topic->mark != ctl->mark) {
            diag_warn("event=topic_vanished topic=%.*s "
                      "reason=\"its znode was deleted by somebody else\"",
                      BYTES_ARG(topic->name));
            topic_watch_drop(ctl, topic);
            ctx_topic_drop(&ctl->context, topic);
        }
        topic = next;
    }
}

static void compare_step(struct controller *ctl)
{
    size_t known = 0;

    ctl->mark++;
    for (size_t i = 0; i < ctl->work.n_names; i++) {
        struct ctx_topic *topic =
            ctx_topic_find(&ctl->context, ctl->work.names[i]);

        if (topic == NULL)
            continue;
        topic->mark = ctl->mark;
        known++;
    }
    if (known < ctl->context.by_name.count)
        vanished(ctl);
    flow_then(ctl, load_topics);
    flow_then(ctl, create_step);
}

void topic_change_begin(struct controller *ctl)
{
    load_names(ctl, ZNODE_TOPICS, &ctl->topics_watch);
    flow_then(ctl, compare_step);
}

/* -- expansion ------------------------------------------------------------ */

static void restored(struct controller *ctl, struct ctl_op *op)
{
    (void)ctl;
    (void)op;
}

/* A topic that is being deleted must not grow: the old list is written back. */
static void restore(struct controller *ctl, struct ctx_topic *topic,
                    const struct znode_topic *read)
{
    struct znode_topic old = { .id = topic->id };
    struct zk_part *parts = flow_take(ctl, 2, sizeof *parts);
    struct znode_path path;
    struct wr w;

    old.partitions = flow_take(ctl, read->n_partitions, sizeof *old.partitions);
    for (size_t i = 0; i < read->n_partitions; i++)
        if (ctx_partition_find(topic, read->partitions[i].partition) != NULL)
            old.partitions[old.n_partitions++] = read->partitions[i];
    if (old.n_partitions == read->n_partitions)
        return;
    wr_init(&w, ZNODE_DATA_MAX);
    znode_topic_write(&w, &old);
    parts[1] = (struct zk_part){
        .kind = ZK_PART_SET,
        .path = flow_path(ctl, znode_path_topic(&path, topic->name)),
        .data = flow_copy(ctl, bytes_make(w.data, w.len)),
        .version = -1,
    };
    wr_fini(&w);
    ctl_guarded(ctl, parts, 2, restored, NULL);
}

static void modified_read(struct controller *ctl, struct ctl_op *op)
{
    struct ctx_topic *topic = op->arg;
    struct znode_topic read;

    if (op->op.err != ERR_OK || !topic_parse(ctl, topic, op->op.data, &read))
        return;
    if (topic->to_delete) {
        restore(ctl, topic, &read);
        return;
    }
    /* Only partitions that were not known: assignments of the others change
     * by reassignment alone. */
    for (size_t i = 0; i < read.n_partitions; i++) {
        const struct znode_replicas *r = &read.partitions[i];

        if (ctx_partition_find(topic, r->partition) == NULL &&
            ctx_partition_assign(topic, r) != ERR_OK)
            diag_error("event=topic_znode_refused topic=%.*s partition=%d "
                       "reason=\"partition number or replica list out of "
                       "bounds\" remedy=\"mend the topic's znode\"",
                       BYTES_ARG(topic->name), r->partition);
    }
    ctl->work.topics = flow_take(ctl, 1, sizeof(struct ctx_topic *));
    ctl->work.topics[0] = topic;
    ctl->work.n_topics = 1;
    flow_then(ctl, create_step);
}

void topic_modified_begin(struct controller *ctl)
{
    struct ctx_topic *topic =
        ctx_topic_find(&ctl->context, bytes_of(ctl->work.event->topic));
    struct znode_path path;

    if (topic == NULL)
        return;
    ctl_get(ctl, znode_path_topic(&path, topic->name),
            topic_watch_get(ctl, topic), modified_read, topic);
}
