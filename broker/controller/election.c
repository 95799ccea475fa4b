/* election.c - who is controller: /controller and /controller_epoch.
 *
 *   look at /controller ─┬─ somebody else's: remember the id (resign)
 *                        ├─ ours, and we act: nothing
 *                        ├─ ours, but we do not act (a failed start, or a long
 *                        │  silence): delete it, look again
 *                        └─ absent: read the epoch, then in one multi create
 *                           /controller and raise /controller_epoch
 *
 * The multi decides. When it fails, or its answer was lost and it was sent
 * again, reading both tells whether it was ours after all: the ephemeral
 * belongs to our session and the epoch is the one we wrote.
 */
#include <assert.h>

#include "base/diag.h"
#include "controller/internal.h"

enum { ELECT_RETRY_US = 1000000 };

struct candidacy {
    bool present; /* /controller */
    int32_t id;
    int64_t owner;
    bool has_epoch; /* /controller_epoch */
    int64_t epoch;
    int32_t version;
    bool checking;  /* the multi was sent; now we look who won */
    int64_t wanted; /* the epoch it was to write */
};

static void look_step(struct controller *ctl);
static void seen_step(struct controller *ctl);
static void epoch_step(struct controller *ctl);
static void stand_step(struct controller *ctl);

static void retry_later(struct controller *ctl, const char *what, enum err err)
{
    diag_warn("event=controller_election_failed at=%s reason=\"%s\" next=retry",
              what, err_words(err));
    ctl->world.exec->timer_set(ctl->world.exec, &ctl->retry_timer,
                               ELECT_RETRY_US);
}

void elect_begin(struct controller *ctl)
{
    ctl->work.private_ = flow_take(ctl, 1, sizeof(struct candidacy));
    flow_then(ctl, look_step);
}

/* -- looking -------------------------------------------------------------- */

static void controller_read(struct controller *ctl, struct ctl_op *op)
{
    struct candidacy *c = ctl->work.private_;
    struct znode_controller found;
    struct errmsg why;

    c->present = false;
    if (op->op.err == ERR_ABSENT)
        return;
    c->present = true;
    c->id = -1;
    c->owner = op->op.stat.ephemeral_owner;
    if (op->op.err != ERR_OK)
        return;
    if (znode_controller_read(op->op.data, &found, &why) == ERR_OK)
        c->id = found.broker;
    else
        diag_error("event=controller_znode_malformed path=/controller "
                   "reason=\"%s\" remedy=\"delete the znode\"",
                   why.text);
}

static void ignore_result(struct controller *ctl, struct ctl_op *op)
{
    (void)ctl;
    (void)op;
}

static void look_step(struct controller *ctl)
{
    ctl_exists(ctl, ZNODE_CONTROLLER, &ctl->controller_watch, ignore_result,
               NULL);
    ctl_get(ctl, ZNODE_CONTROLLER, NULL, controller_read, NULL);
    flow_then(ctl, seen_step);
}

static bool is_ours(struct controller *ctl, const struct candidacy *c)
{
    int64_t session = ctl->world.coord->session_id(ctl->world.coord);

    return c->present && c->id == ctl->settings.broker_id &&
           c->owner == session && session != 0;
}

static void seen_step(struct controller *ctl)
{
    struct candidacy *c = ctl->work.private_;

    if (!c->present) {
        ctl->active_id = -1;
        ctl_resign(ctl, "controller_znode_gone");
        flow_then(ctl, epoch_step);
        flow_then(ctl, stand_step);
        return;
    }
    ctl->active_id = c->id;
    if (!is_ours(ctl, c)) {
        ctl_resign(ctl, "another_controller");
        return;
    }
    if (ctl->active)
        return;
    diag_warn("event=controller_left_over action=delete");
    {
        struct zk_part *parts = flow_take(ctl, 1, sizeof *parts);

        parts[0] = (struct zk_part){ .kind = ZK_PART_DELETE,
                                     .path = ZNODE_CONTROLLER,
                                     .version = -1 };
        ctl_multi(ctl, parts, 1, ignore_result, NULL);
    }
    flow_then(ctl, look_step);
}

/* -- standing ------------------------------------------------------------- */

static void epoch_read(struct controller *ctl, struct ctl_op *op)
{
    struct candidacy *c = ctl->work.private_;
    struct errmsg why;

    c->has_epoch = false;
    if (op->op.err != ERR_OK)
        return;
    c->version = op->op.stat.version;
    if (znode_number_read(op->op.data, 0, INT32_MAX - 1, &c->epoch, &why) ==
        ERR_OK)
        c->has_epoch = true;
    else
        diag_error("event=controller_znode_malformed path=/controller_epoch "
                   "reason=\"%s\" remedy=\"set it to the highest epoch known\"",
                   why.text);
}

static void epoch_read_step(struct controller *ctl)
{
    ctl_get(ctl, ZNODE_CONTROLLER_EPOCH, NULL, epoch_read, NULL);
}

static void epoch_create_step(struct controller *ctl)
{
    struct candidacy *c = ctl->work.private_;

    if (c->has_epoch)
        return;
    ctl_create(ctl, ZNODE_CONTROLLER_EPOCH, BYTES("0"), ignore_result, NULL);
    flow_then(ctl, epoch_read_step);
}

static void epoch_step(struct controller *ctl)
{
    flow_then(ctl, epoch_read_step);
    flow_then(ctl, epoch_create_step);
}

static void won(struct controller *ctl, int64_t epoch, int32_t version)
{
    ctl->epoch = (int32_t)epoch;
    ctl->epoch_zk_version = version;
    ctl->session = ctl->world.coord->session_id(ctl->world.coord);
    ctl->active_id = ctl->settings.broker_id;
    ctl->electing = true;
    ctl->active = true;
    diag_info("event=controller_elected broker=%d epoch=%d",
              ctl->settings.broker_id, ctl->epoch);
    failover_begin(ctl);
}

/* After a multi that did not simply succeed. */
static void check_step(struct controller *ctl)
{
    struct candidacy *c = ctl->work.private_;

    if (is_ours(ctl, c) && c->has_epoch && c->epoch == c->wanted) {
        won(ctl, c->epoch, c->version);
        return;
    }
    /* Whoever it was, the watch on /controller tells when it goes. */
    ctl->active_id = c->present ? c->id : -1;
    if (!c->present)
        flow_then(ctl, look_step);
}

static void stood(struct controller *ctl, struct ctl_op *op)
{
    struct candidacy *c = ctl->work.private_;
    enum err err = op->op.err;

    if (err == ERR_OK) {
        won(ctl, c->wanted, c->version + 1);
        return;
    }
    if (err != ERR_EXISTS && err != ERR_CONFLICT && err != ERR_LOST) {
        retry_later(ctl, "/controller", err);
        return;
    }
    c->checking = true;
    ctl_get(ctl, ZNODE_CONTROLLER, NULL, controller_read, NULL);
    ctl_get(ctl, ZNODE_CONTROLLER_EPOCH, NULL, epoch_read, NULL);
    flow_then(ctl, check_step);
}

static struct bytes written(struct controller *ctl, struct wr *w)
{
    struct bytes data = flow_copy(ctl, bytes_make(w->data, w->len));

    wr_fini(w);
    return data;
}

static void stand_step(struct controller *ctl)
{
    struct candidacy *c = ctl->work.private_;
    struct zk_part *parts = flow_take(ctl, 2, sizeof *parts);
    struct znode_controller self = {
        .broker = ctl->settings.broker_id,
        .timestamp_ms = ctl->world.exec->wall_ms(ctl->world.exec),
        .kraft_epoch = -1,
    };
    struct wr w;

    if (!c->has_epoch) {
        retry_later(ctl, "/controller_epoch", ERR_FORMAT);
        return;
    }
    c->wanted = c->epoch + 1;
    wr_init(&w, 4096);
    znode_controller_write(&w, &self);
    parts[0] = (struct zk_part){ .kind = ZK_PART_CREATE,
                                 .path = ZNODE_CONTROLLER,
                                 .data = written(ctl, &w),
                                 .mode = ZK_EPHEMERAL };
    wr_init(&w, 4096);
    znode_number_write(&w, c->wanted);
    parts[1] = (struct zk_part){ .kind = ZK_PART_SET,
                                 .path = ZNODE_CONTROLLER_EPOCH,
                                 .data = written(ctl, &w),
                                 .version = c->version };
    ctl_multi(ctl, parts, 2, stood, NULL);
}

/* -- resigning ------------------------------------------------------------ */

static void watches_cancel(struct controller *ctl)
{
    struct ctl_watch *watches[] = {
        &ctl->brokers_watch, &ctl->topics_watch,  &ctl->deletions_watch,
        &ctl->isr_watch,     &ctl->log_dir_watch, &ctl->preferred_watch
    };

    for (size_t i = 0; i < sizeof watches / sizeof watches[0]; i++)
        ctl->world.coord->watch_cancel(ctl->world.coord, &watches[i]->watch);
}

static void events_drop(struct controller *ctl)
{
    LIST_EACH(l, &ctl->events) {
        struct ctl_event *event = CONTAINER_OF(l, struct ctl_event, link);

        if (event->kind == EVENT_ELECT || event->kind == EVENT_EXTERNAL)
            continue;
        list_remove(l);
        ctl->queued[event->kind]--;
        ctl_event_free(event);
    }
}

static void context_drop(struct controller *ctl)
{
    struct ctx_topic *topic = NULL;

    while ((topic = ctx_topic_next(&ctl->context, topic)) != NULL)
        topic_watch_drop(ctl, topic);
    for (size_t i = 0; i < ctl->context.n_brokers; i++) {
        broker_watch_drop(ctl, ctl->context.brokers[i]);
        channel_close(ctl, ctl->context.brokers[i]);
    }
    context_fini(&ctl->context);
    context_init(&ctl->context);
    batch_fini(&ctl->batch);
}

void ctl_resign(struct controller *ctl, const char *why)
{
    if (!ctl->active)
        return;
    ctl->active = false;
    ctl->electing = false;
    diag_info("event=controller_resigned broker=%d epoch=%d reason=%s",
              ctl->settings.broker_id, ctl->epoch, why);
    ctl->epoch = 0;
    ctl->session = 0;
    ctl->world.exec->timer_stop(ctl->world.exec, &ctl->preferred_timer);
    watches_cancel(ctl);
    events_drop(ctl);
    context_drop(ctl);
}
