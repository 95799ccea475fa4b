/* brokers.c - brokers that come, go, or come back anew.
 *
 * /brokers/ids is read whole and compared with the context. A higher czxid
 * under a known id is a broker that was away for a moment: dead first, then
 * new.
 */
#include "base/diag.h"
#include "controller/internal.h"

/* -- reading /brokers/ids ------------------------------------------------- */

static void broker_read(struct controller *ctl, struct ctl_op *op)
{
    struct seen_broker *seen = op->arg;
    struct errmsg why;

    if (op->op.err != ERR_OK)
        return;
    /* Texts lie in the arena, so the znode's bytes may go. */
    if (znode_broker_read(flow_copy(ctl, op->op.data), &ctl->flow.arena,
                          &seen->data, &why) != ERR_OK) {
        diag_error("event=broker_znode_malformed broker=%d reason=\"%s\" "
                   "remedy=\"restart that broker\"",
                   seen->id, why.text);
        return;
    }
    seen->there = true;
    seen->czxid = op->op.stat.czxid;
    seen->version = op->op.stat.version;
}

static void brokers_get_step(struct controller *ctl)
{
    struct work *work = &ctl->work;
    struct seen_brokers *seen = flow_take(ctl, 1, sizeof *seen);

    seen->list = flow_take(ctl, work->n_names + 1, sizeof *seen->list);
    work->seen = seen;
    for (size_t i = 0; i < work->n_names; i++) {
        struct znode_path path;
        int64_t id;

        if (!bytes_to_int64(work->names[i], 0, INT32_MAX, &id))
            continue;
        seen->list[seen->n].id = (int32_t)id;
        ctl_get(ctl, znode_path_broker(&path, (int32_t)id), NULL, broker_read,
                &seen->list[seen->n++]);
    }
}

static void brokers_list_step(struct controller *ctl)
{
    load_names(ctl, ZNODE_BROKER_IDS, &ctl->brokers_watch);
}

void brokers_read(struct controller *ctl)
{
    flow_then(ctl, brokers_list_step);
    flow_then(ctl, brokers_get_step);
}

struct seen_broker *broker_seen(const struct controller *ctl, int32_t id)
{
    struct seen_brokers *seen = ctl->work.seen;

    for (size_t i = 0; i < seen->n; i++)
        if (seen->list[i].id == id && seen->list[i].there)
            return &seen->list[i];
    return NULL;
}

/* -- in and out of the context -------------------------------------------- */

struct ctl_watch *broker_watch_get(struct controller *ctl,
                                   struct ctx_broker *broker)
{
    struct ctl_watch *watch = broker->watch;

    if (watch == NULL) {
        watch = mem_need(sizeof *watch);
        ctl_watch_init(watch, ctl, EVENT_BROKER_MODIFIED);
        watch->broker = broker->id;
        broker->watch = watch;
    }
    return watch;
}

void broker_watch_drop(struct controller *ctl, struct ctx_broker *broker)
{
    struct ctl_watch *watch = broker->watch;

    if (watch == NULL)
        return;
    ctl->world.coord->watch_cancel(ctl->world.coord, &watch->watch);
    broker->watch = NULL;
    mem_free(watch);
}

/* The watch is set after the data was read: look whether it still is that. */
static void broker_watched(struct controller *ctl, struct ctl_op *op)
{
    const struct seen_broker *seen = op->arg;

    if (op->op.err == ERR_OK && op->op.stat.czxid == seen->czxid &&
        op->op.stat.version != seen->version)
        ctl_event_put_broker(ctl, EVENT_BROKER_MODIFIED, seen->id);
}

void broker_add(struct controller *ctl, const struct seen_broker *seen)
{
    struct ctx_broker *broker =
        ctx_broker_put(&ctl->context, seen->id, seen->czxid, &seen->data);
    struct znode_path path;

    broker->version = seen->version;
    broker->shutting_down = false;
    channel_open(ctl, broker);
    ctl_exists(ctl, znode_path_broker(&path, seen->id),
               broker_watch_get(ctl, broker), broker_watched,
               (void *)(uintptr_t)seen);
}

void broker_drop(struct controller *ctl, struct ctx_broker *broker)
{
    broker_watch_drop(ctl, broker);
    channel_close(ctl, broker);
    ctx_broker_drop(&ctl->context, broker->id);
}

/* -- failure -------------------------------------------------------------- */

static bool is_gone(const struct controller *ctl, int32_t broker)
{
    for (size_t i = 0; i < ctl->work.n_brokers; i++)
        if (ctl->work.brokers[i] == broker)
            return true;
    return false;
}

/* Partitions whose leader went: offline, then elect for all that wait. */
static void leaders_gone_step(struct controller *ctl)
{
    bool any = false;

    for (struct ctx_walk w = { 0 }; ctx_walk_next(&ctl->context, &w);) {
        struct ctx_partition *p = w.p;

        if (p->state == PARTITION_ONLINE && is_gone(ctl, p->leader)) {
            ctx_partition_move(p, PARTITION_OFFLINE);
            any = true;
        }
    }
    ctl->work.any = any;
    partitions_elect_waiting(ctl);
}

static bool can_go_offline(enum replica_state state)
{
    return state == REPLICA_NEW || state == REPLICA_ONLINE ||
           state == REPLICA_OFFLINE || state == REPLICA_INELIGIBLE;
}

/* Replicas of topics under deletion: their deletion fails for now. */
static void replica_fail_deletion(struct ctx_topic *topic,
                                  struct ctx_partition *p, int place)
{
    enum replica_state state = ctx_replica_state(p, place);

    if (state == REPLICA_DELETING || state == REPLICA_OFFLINE)
        ctx_replica_move(p, place, REPLICA_INELIGIBLE);
    topic->ineligible = true;
}

static void replicas_gone_step(struct controller *ctl)
{
    struct state_item *items;
    size_t n = 0;

    for (struct ctx_walk w = { 0 }; ctx_walk_next(&ctl->context, &w);) {
        for (size_t b = 0; b < ctl->work.n_brokers; b++)
            n += ctx_replica_place(w.p, ctl->work.brokers[b]) >= 0;
    }
    items = update_items(ctl, n);
    n = 0;
    for (struct ctx_walk w = { 0 }; ctx_walk_next(&ctl->context, &w);) {
        struct ctx_partition *p = w.p;

        for (size_t b = 0; b < ctl->work.n_brokers; b++) {
            int place = ctx_replica_place(p, ctl->work.brokers[b]);

            if (place < 0)
                continue;
            if (w.topic->deleting)
                replica_fail_deletion(w.topic, p, place);
            else if (can_go_offline(ctx_replica_state(p, place)))
                items[n++] =
                    (struct state_item){ .topic = w.topic,
                                         .index = w.index,
                                         .broker = ctl->work.brokers[b] };
        }
    }
    ctl->update.n_items = n;
    replicas_offline(ctl);
}

static void failure_end_step(struct controller *ctl)
{
    /* Nothing moved: brokers still have to hear of the shorter list. */
    if (ctl->work.n_brokers > 0)
        batch_add_um_brokers(ctl);
    batch_send(ctl);
}

/* work.brokers are out of the context already. */
static void failure_step(struct controller *ctl)
{
    if (ctl->work.n_brokers == 0)
        return;
    flow_then(ctl, leaders_gone_step);
    flow_then(ctl, batch_send);
    flow_then(ctl, replicas_gone_step);
    flow_then(ctl, failure_end_step);
}

/* -- start-up ------------------------------------------------------------- */

static bool is_new(struct controller *ctl, struct ctx_broker *broker)
{
    const struct seen_broker *seen = broker_seen(ctl, broker->id);

    return seen != NULL && seen->joined;
}

static bool is_old(struct controller *ctl, struct ctx_broker *broker)
{
    return !is_new(ctl, broker);
}

static void replicas_online(struct controller *ctl, const struct ctx_walk *w,
                            int32_t broker)
{
    struct ctx_partition *p = w->p;
    int place = ctx_replica_place(p, broker);

    if (place < 0)
        return;
    ctx_replica_set_dir_failed(p, place, false);
    if (w->topic->deleting || !can_go_offline(ctx_replica_state(p, place)))
        return;
    ctx_replica_move(p, place, REPLICA_ONLINE);
    batch_add_lai(ctl, w->topic, w->index, broker, false);
    batch_add_um(ctl, w->topic, w->index);
}

static void startup_elect_step(struct controller *ctl)
{
    partitions_elect_waiting(ctl);
}

static void topics_eligible_step(struct controller *ctl)
{
    struct ctx_topic *topic = NULL;

    while ((topic = ctx_topic_next(&ctl->context, topic)) != NULL)
        if (topic->to_delete)
            topic->ineligible = false;
    flow_then(ctl, deletions_resume);
}

static void startup_tell_step(struct controller *ctl)
{
    struct seen_brokers *seen = ctl->work.seen;

    /* The old ones first hear of the new broker, the new one of everything. */
    batch_send_brokers(ctl, is_old);
    for (size_t b = 0; b < ctl->context.n_brokers; b++)
        if (is_new(ctl, ctl->context.brokers[b]))
            batch_send_all_metadata(ctl, ctl->context.brokers[b]);
    for (size_t s = 0; s < seen->n; s++) {
        if (!seen->list[s].joined)
            continue;
        for (struct ctx_walk w = { 0 }; ctx_walk_next(&ctl->context, &w);)
            replicas_online(ctl, &w, seen->list[s].id);
    }
}

/* Those seen and not in the context. */
static void startup_step(struct controller *ctl)
{
    struct seen_brokers *seen = ctl->work.seen;
    bool any = false;

    for (size_t i = 0; i < seen->n; i++) {
        struct seen_broker *s = &seen->list[i];

        if (!s->there || ctx_broker_find(&ctl->context, s->id) != NULL)
            continue;
        diag_info("event=broker_joined broker=%d epoch=%lld", s->id,
                  (long long)s->czxid);
        broker_add(ctl, s);
        s->joined = true;
        any = true;
    }
    if (!any)
        return;
    flow_then(ctl, startup_tell_step);
    flow_then(ctl, batch_send);
    flow_then(ctl, startup_elect_step);
    flow_then(ctl, batch_send);
    flow_then(ctl, topics_eligible_step);
}

/* -- the event ------------------------------------------------------------ */

static void compare_step(struct controller *ctl)
{
    struct work *work = &ctl->work;
    struct context *ctx = &ctl->context;

    work->brokers = flow_take(ctl, ctx->n_brokers + 1, sizeof *work->brokers);
    work->n_brokers = 0;
    for (size_t i = ctx->n_brokers; i-- > 0;) {
        struct ctx_broker *broker = ctx->brokers[i];
        const struct seen_broker *seen = broker_seen(ctl, broker->id);

        if (seen != NULL && seen->czxid == broker->epoch)
            continue;
        diag_info("event=broker_left broker=%d epoch=%lld bounced=%d",
                  broker->id, (long long)broker->epoch, seen != NULL);
        work->brokers[work->n_brokers++] = broker->id;
        broker_drop(ctl, broker);
    }
    flow_then(ctl, failure_step);
    flow_then(ctl, startup_step);
}

void broker_change_begin(struct controller *ctl)
{
    flow_then(ctl, brokers_read);
    flow_then(ctl, compare_step);
}

/* -- endpoints changed ---------------------------------------------------- */

static void modified_read(struct controller *ctl, struct ctl_op *op)
{
    int32_t id = ctl->work.event->broker;
    struct ctx_broker *broker = ctx_broker_find(&ctl->context, id);
    struct znode_broker data;
    struct errmsg why;

    if (op->op.err != ERR_OK || broker == NULL ||
        op->op.stat.czxid != broker->epoch ||
        znode_broker_read(op->op.data, &ctl->flow.arena, &data, &why) != ERR_OK)
        return;
    if (ctx_broker_is_same(broker, &data))
        return;
    ctx_broker_put(&ctl->context, id, broker->epoch, &data);
    broker->version = op->op.stat.version;
    channel_close(ctl, broker);
    channel_open(ctl, broker);
    batch_add_um_brokers(ctl);
}

void broker_modified_begin(struct controller *ctl)
{
    int32_t id = ctl->work.event->broker;
    struct ctx_broker *broker = ctx_broker_find(&ctl->context, id);
    struct znode_path path;

    if (broker == NULL)
        return;
    ctl_get(ctl, znode_path_broker(&path, id), broker_watch_get(ctl, broker),
            modified_read, NULL);
    flow_then(ctl, batch_send);
}

/* -- log directories that failed ------------------------------------------ */

static void storage_elect_step(struct controller *ctl)
{
    partitions_elect_waiting(ctl);
}

static void storage_offline_step(struct controller *ctl)
{
    struct ctl_event *event = ctl->work.event;
    struct state_item *items = update_items(ctl, event->n_answers);
    size_t n = 0;

    for (size_t i = 0; i < event->n_answers; i++) {
        struct ctl_answer *a = &event->answers[i];
        struct ctx_topic *topic = ctx_topic_find(&ctl->context, a->topic);
        struct ctx_partition *p =
            topic ? ctx_partition_find(topic, a->index) : NULL;
        int place = p ? ctx_replica_place(p, event->broker) : -1;

        if (place < 0 || a->ok)
            continue;
        if (topic->deleting)
            replica_fail_deletion(topic, p, place);
        else if (can_go_offline(ctx_replica_state(p, place)))
            items[n++] = (struct state_item){ .topic = topic,
                                              .index = a->index,
                                              .broker = event->broker };
    }
    ctl->update.n_items = n;
    replicas_offline(ctl);
}

void storage_errors_begin(struct controller *ctl)
{
    struct ctl_event *event = ctl->work.event;
    bool any = false;

    for (size_t i = 0; i < event->n_answers; i++) {
        struct ctl_answer *a = &event->answers[i];
        struct ctx_topic *topic = ctx_topic_find(&ctl->context, a->topic);
        struct ctx_partition *p =
            topic ? ctx_partition_find(topic, a->index) : NULL;
        int place = p ? ctx_replica_place(p, event->broker) : -1;

        if (place < 0)
            continue;
        ctx_replica_set_dir_failed(p, place, !a->ok);
        if (a->ok)
            continue;
        diag_warn("event=replica_dir_failed topic=%.*s partition=%d broker=%d",
                  BYTES_ARG(a->topic), a->index, event->broker);
        any = true;
        if (p->state == PARTITION_ONLINE && p->leader == event->broker)
            ctx_partition_move(p, PARTITION_OFFLINE);
    }
    if (!any)
        return;
    flow_then(ctl, storage_elect_step);
    flow_then(ctl, batch_send);
    flow_then(ctl, storage_offline_step);
    flow_then(ctl, batch_send);
}
