/* deletion.c - topics that are deleted.
 *
 *   marked ─▶ partitions to NONE, all brokers forget (leader -2) ─▶ replicas
 *   stopped and deleted (StopReplica) ─ all answered ─▶ znodes go, in one multi
 *
 * A replica that cannot be deleted now (broker away, directory failed, an error
 * as answer) makes the topic ineligible; it is tried again when a broker
 * starts. Nothing is written before the last step, so a new controller begins
 * again from /admin/delete_topics.
 */
#include "base/diag.h"
#include "controller/internal.h"

/* -- names below /admin/delete_topics ------------------------------------- */

/* Delete these children: unknown topics, or all when deletion is disabled. */
static void marks_delete(struct controller *ctl, const struct bytes *names,
                         size_t n)
{
    const char **paths = flow_take(ctl, n, sizeof *paths);
    size_t n_paths = 0;

    for (size_t i = 0; i < n; i++) {
        struct znode_path path;

        if (znode_path_delete_topic(&path, names[i]) != NULL)
            paths[n_paths++] = flow_path(ctl, path.text);
    }
    ctl_delete_all(ctl, paths, n_paths);
}

static void partitions_forget(struct ctx_topic *topic)
{
    for (size_t i = 0; i < topic->n_partitions; i++) {
        struct ctx_partition *p = &topic->partitions[i];

        if (p->n_replicas == 0 || p->state == PARTITION_NONE)
            continue;
        ctx_partition_move(p, PARTITION_OFFLINE);
    }
}

void deletions_mark(struct controller *ctl)
{
    struct work *work = &ctl->work;
    struct bytes *drop = flow_take(ctl, work->n_names, sizeof *drop);
    size_t n_drop = 0;

    for (size_t i = 0; i < work->n_names; i++) {
        struct ctx_topic *topic = ctx_topic_find(&ctl->context, work->names[i]);

        if (topic == NULL || !ctl->settings.delete_topics) {
            drop[n_drop++] = work->names[i];
        } else if (!topic->to_delete) {
            diag_info("event=topic_deletion_queued topic=%.*s",
                      BYTES_ARG(topic->name));
            topic->to_delete = true;
            ctl->context.n_to_delete++;
        }
    }
    marks_delete(ctl, drop, n_drop);
}

void topic_deletion_begin(struct controller *ctl)
{
    load_names(ctl, ZNODE_DELETE_TOPICS, &ctl->deletions_watch);
    flow_then(ctl, deletions_mark);
    flow_then(ctl, deletions_resume);
}

/* -- beginning ------------------------------------------------------------ */

static bool is_reassigning(const struct ctx_topic *topic)
{
    for (size_t i = 0; i < topic->n_partitions; i++)
        if (topic->partitions[i].n_adding + topic->partitions[i].n_removing > 0)
            return true;
    return false;
}

static bool has_offline_replica(const struct controller *ctl,
                                const struct ctx_topic *topic)
{
    for (size_t i = 0; i < topic->n_partitions; i++) {
        const struct ctx_partition *p = &topic->partitions[i];

        for (int r = 0; r < p->n_replicas; r++)
            if (!ctx_replica_is_online(&ctl->context, p, ctx_replicas(p)[r],
                                       false))
                return true;
    }
    return false;
}

/* First half, told in a batch of its own: brokers forget the topic. */
static void topic_forget(struct controller *ctl, struct ctx_topic *topic)
{
    partitions_forget(topic);
    for (size_t i = 0; i < topic->n_partitions; i++) {
        struct ctx_partition *p = &topic->partitions[i];

        if (p->n_replicas == 0)
            continue;
        if (p->state == PARTITION_OFFLINE)
            ctx_partition_move(p, PARTITION_NONE);
        batch_add_um(ctl, topic, (int32_t)i);
    }
    topic->deleting = true;
}

/* Bring the replica to OFFLINE, from wherever it is. */
static bool replica_to_offline(struct ctx_partition *p, int place)
{
    switch (ctx_replica_state(p, place)) {
    case REPLICA_NEW:
    case REPLICA_ONLINE:
    case REPLICA_OFFLINE:
    case REPLICA_INELIGIBLE:
        ctx_replica_move(p, place, REPLICA_OFFLINE);
        return true;
    case REPLICA_NONE:
        ctx_replica_init(p, place, REPLICA_OFFLINE);
        return true;
    case REPLICA_DELETING:
    case REPLICA_DELETED:
        break;
    }
    return false;
}

/* Second half: stop, then delete. Two requests, as brokers of any make know
 * that order. */
static void replicas_stop(struct controller *ctl, struct ctx_topic *topic)
{
    for (size_t i = 0; i < topic->n_partitions; i++) {
        struct ctx_partition *p = &topic->partitions[i];

        for (int r = 0; r < p->n_replicas; r++)
            if (replica_to_offline(p, r))
                batch_add_stop(ctl, topic, (int32_t)i, ctx_replicas(p)[r],
                               false);
    }
}

static void replicas_delete(struct controller *ctl, struct ctx_topic *topic)
{
    for (size_t i = 0; i < topic->n_partitions; i++) {
        struct ctx_partition *p = &topic->partitions[i];

        for (int r = 0; r < p->n_replicas; r++) {
            if (ctx_replica_state(p, r) != REPLICA_OFFLINE)
                continue;
            ctx_replica_move(p, r, REPLICA_DELETING);
            batch_add_stop(ctl, topic, (int32_t)i, ctx_replicas(p)[r], true);
        }
    }
}

static void gather(struct controller *ctl)
{
    struct ctx_topic *topic = NULL;
    struct work *work = &ctl->work;

    work->topics =
        flow_take(ctl, ctl->context.n_to_delete, sizeof(struct ctx_topic *));
    work->n_topics = 0;
    while ((topic = ctx_topic_next(&ctl->context, topic)) != NULL) {
        if (!topic->to_delete)
            continue;
        if (is_reassigning(topic) || has_offline_replica(ctl, topic))
            topic->ineligible = true;
        if (!topic->ineligible)
            work->topics[work->n_topics++] = topic;
        else
            diag_info("event=topic_deletion_waits topic=%.*s "
                      "reason=\"a replica is offline or being reassigned\"",
                      BYTES_ARG(topic->name));
    }
}

static void stop_step(struct controller *ctl)
{
    for (size_t t = 0; t < ctl->work.n_topics; t++)
        replicas_stop(ctl, ctl->work.topics[t]);
}

static void delete_step(struct controller *ctl)
{
    for (size_t t = 0; t < ctl->work.n_topics; t++)
        replicas_delete(ctl, ctl->work.topics[t]);
}

static void complete_step(struct controller *ctl);

void deletions_resume(struct controller *ctl)
{
    if (ctl->context.n_to_delete == 0)
        return;
    gather(ctl);
    for (size_t t = 0; t < ctl->work.n_topics; t++)
        if (!ctl->work.topics[t]->deleting)
            topic_forget(ctl, ctl->work.topics[t]);
    flow_then(ctl, batch_send);
    flow_then(ctl, stop_step);
    flow_then(ctl, batch_send);
    flow_then(ctl, delete_step);
    flow_then(ctl, batch_send);
    flow_then(ctl, complete_step);
}

/* -- completing ----------------------------------------------------------- */

static bool all_deleted(const struct ctx_topic *topic)
{
    for (size_t i = 0; i < topic->n_partitions; i++)
        for (int r = 0; r < topic->partitions[i].n_replicas; r++)
            if (ctx_replica_state(&topic->partitions[i], r) != REPLICA_DELETED)
                return false;
    return true;
}

/* What is below a topic's znode, listed, since anybody may have put more there:
 * /partitions, its children, their children. */
struct subtree {
    struct ctx_topic *topic;
    const char **paths; /* children before parents */
    size_t n, size;
};

static void subtree_add(struct controller *ctl, struct subtree *tree,
                        const char *path)
{
    if (tree->n == tree->size) {
        size_t size = tree->size ? tree->size * 2 : 64;
        const char **more = flow_take(ctl, size, sizeof *more);

        if (tree->n > 0)
            memcpy(more, tree->paths, tree->n * sizeof *more);
        tree->paths = more;
        tree->size = size;
    }
    tree->paths[tree->n++] = path;
}

struct listing {
    struct subtree *tree;
    const char *path;
};

static void list_below(struct controller *ctl, struct subtree *tree,
                       const char *path);

/* Parents are listed before their children are known: paths are gathered top
 * down and deleted in reverse. */
static void listed(struct controller *ctl, struct ctl_op *op)
{
    struct listing *l = op->arg;

    if (op->op.err != ERR_OK)
        return;
    subtree_add(ctl, l->tree, l->path);
    for (size_t i = 0; i < op->op.n_children; i++) {
        struct znode_path path;

        if (znode_path_child(&path, l->path, op->op.children[i]) != NULL)
            list_below(ctl, l->tree, flow_path(ctl, path.text));
    }
}

static void list_below(struct controller *ctl, struct subtree *tree,
                       const char *path)
{
    struct listing *l = flow_take(ctl, 1, sizeof *l);

    *l = (struct listing){ tree, path };
    ctl_children(ctl, path, NULL, listed, l);
}

static void drop_step(struct controller *ctl)
{
    for (size_t t = 0; t < ctl->work.n_topics; t++) {
        struct ctx_topic *topic = ctl->work.topics[t];

        diag_info("event=topic_deleted topic=%.*s", BYTES_ARG(topic->name));
        topic_watch_drop(ctl, topic);
        ctx_topic_drop(&ctl->context, topic);
    }
}

static void znodes_delete_step(struct controller *ctl)
{
    struct subtree *trees = ctl->work.private_;

    for (size_t t = 0; t < ctl->work.n_topics; t++) {
        struct subtree *tree = &trees[t];
        struct znode_path path;
        const char **order = flow_take(ctl, tree->n + 2, sizeof *order);
        size_t n = 0;

        for (size_t i = tree->n; i-- > 0;)
            order[n++] = tree->paths[i];
        if (znode_path_config_topic(&path, tree->topic->name) != NULL)
            order[n++] = flow_path(ctl, path.text);
        if (znode_path_delete_topic(&path, tree->topic->name) != NULL)
            order[n++] = flow_path(ctl, path.text);
        ctl_delete_all(ctl, order, n);
    }
    flow_then(ctl, drop_step);
}

static void complete_step(struct controller *ctl)
{
    struct ctx_topic *topic = NULL;
    struct work *work = &ctl->work;
    struct subtree *trees;

    work->topics =
        flow_take(ctl, ctl->context.n_to_delete, sizeof(struct ctx_topic *));
    work->n_topics = 0;
    while ((topic = ctx_topic_next(&ctl->context, topic)) != NULL)
        if (topic->deleting && all_deleted(topic))
            work->topics[work->n_topics++] = topic;
    if (work->n_topics == 0)
        return;
    trees = flow_take(ctl, work->n_topics, sizeof *trees);
    work->private_ = trees;
    for (size_t t = 0; t < work->n_topics; t++) {
        struct znode_path path;

        trees[t].topic = work->topics[t];
        list_below(
            ctl, &trees[t],
            flow_path(ctl, znode_path_topic(&path, work->topics[t]->name)));
    }
    flow_then(ctl, znodes_delete_step);
}

/* -- answers -------------------------------------------------------------- */

void stop_answers_begin(struct controller *ctl)
{
    struct ctl_event *event = ctl->work.event;
    bool any = false;

    for (size_t i = 0; i < event->n_answers; i++) {
        struct ctl_answer *a = &event->answers[i];
        struct ctx_topic *topic = ctx_topic_find(&ctl->context, a->topic);
        struct ctx_partition *p =
            topic ? ctx_partition_find(topic, a->index) : NULL;
        int place = p ? ctx_replica_place(p, event->broker) : -1;

        if (place < 0 || !topic->deleting ||
            ctx_replica_state(p, place) != REPLICA_DELETING)
            continue;
        any = true;
        if (a->ok) {
            ctx_replica_move(p, place, REPLICA_DELETED);
            continue;
        }
        diag_warn("event=replica_deletion_failed topic=%.*s partition=%d "
                  "broker=%d",
                  BYTES_ARG(a->topic), a->index, event->broker);
        ctx_replica_move(p, place, REPLICA_INELIGIBLE);
        topic->ineligible = true;
    }
    if (any)
        flow_then(ctl, complete_step);
}
