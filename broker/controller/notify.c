/* notify.c - notifications by sequential znodes: ISR changes of leaders with an
 * inter-broker version below 2.7-IV2, and log directories that failed.
 */
#include "base/diag.h"
#include "controller/internal.h"

void notifications_delete(struct controller *ctl, const char *parent)
{
    const char **paths = flow_take(ctl, ctl->work.n_names, sizeof *paths);
    size_t n = 0;

    for (size_t i = 0; i < ctl->work.n_names; i++) {
        struct znode_path path;

        if (znode_path_child(&path, parent, ctl->work.names[i]) != NULL)
            paths[n++] = flow_path(ctl, path.text);
    }
    ctl_delete_all(ctl, paths, n);
}

static void contents_get(struct controller *ctl, const char *parent,
                         ctl_op_fn *on_done)
{
    for (size_t i = 0; i < ctl->work.n_names; i++) {
        struct znode_path path;

        if (znode_path_child(&path, parent, ctl->work.names[i]) != NULL)
            ctl_get(ctl, path.text, NULL, on_done, NULL);
    }
}

/* -- ISR changes ---------------------------------------------------------- */

struct reload {
    struct ctx_topic *topic;
    int32_t index;
};

static void state_reloaded(struct controller *ctl, struct ctl_op *op)
{
    const struct reload *r = op->arg;
    struct ctx_partition *p = ctx_partition_find(r->topic, r->index);
    struct znode_state state;
    struct errmsg why;

    if (p == NULL || op->op.err != ERR_OK ||
        znode_state_read(op->op.data, &ctl->flow.arena, &state, &why) != ERR_OK)
        return;
    ctx_partition_set_state(p, &state, op->op.stat.version);
    batch_add_um(ctl, r->topic, r->index);
}

static void isr_read(struct controller *ctl, struct ctl_op *op)
{
    struct znode_partition *parts;
    struct errmsg why;
    size_t n;

    if (op->op.err != ERR_OK ||
        znode_partitions_read(op->op.data, &ctl->flow.arena, &parts, &n,
                              &why) != ERR_OK)
        return;
    for (size_t i = 0; i < n; i++) {
        struct ctx_topic *topic = ctx_topic_find(&ctl->context, parts[i].topic);
        struct reload *r;
        struct znode_path path;

        if (topic == NULL ||
            ctx_partition_find(topic, parts[i].partition) == NULL)
            continue;
        r = flow_take(ctl, 1, sizeof *r);
        *r = (struct reload){ topic, parts[i].partition };
        ctl_get(ctl, znode_path_state(&path, topic->name, r->index), NULL,
                state_reloaded, r);
    }
}

static void isr_contents_step(struct controller *ctl)
{
    contents_get(ctl, ZNODE_ISR_CHANGES, isr_read);
}

static void isr_delete_step(struct controller *ctl)
{
    notifications_delete(ctl, ZNODE_ISR_CHANGES);
}

void isr_change_begin(struct controller *ctl)
{
    load_names(ctl, ZNODE_ISR_CHANGES, &ctl->isr_watch);
    flow_then(ctl, isr_contents_step);
    flow_then(ctl, batch_send);
    flow_then(ctl, isr_delete_step);
}

/* -- log directories ------------------------------------------------------ */

static void event_read(struct controller *ctl, struct ctl_op *op)
{
    struct work *work = &ctl->work;
    struct errmsg why;
    int32_t broker;

    if (op->op.err != ERR_OK ||
        znode_log_dir_event_read(op->op.data, &broker, &why) != ERR_OK)
        return;
    for (size_t i = 0; i < work->n_brokers; i++)
        if (work->brokers[i] == broker)
            return;
    work->brokers[work->n_brokers++] = broker;
}

static void events_contents_step(struct controller *ctl)
{
    ctl->work.brokers =
        flow_take(ctl, ctl->work.n_names + 1, sizeof *ctl->work.brokers);
    contents_get(ctl, ZNODE_LOG_DIR_EVENTS, event_read);
}

/* Each of the broker's replicas is told again what it is; its answers tell
 * which of them lie on the failed directory. */
static void ask_step(struct controller *ctl)
{
    struct ctx_topic *topic = NULL;

    while ((topic = ctx_topic_next(&ctl->context, topic)) != NULL) {
        for (size_t i = 0; i < topic->n_partitions && !topic->deleting; i++)
            for (size_t b = 0; b < ctl->work.n_brokers; b++)
                if (topic->partitions[i].n_replicas > 0 &&
                    ctx_replica_place(&topic->partitions[i],
                                      ctl->work.brokers[b]) >= 0)
                    batch_add_lai(ctl, topic, (int32_t)i, ctl->work.brokers[b],
                                  false);
    }
}

static void events_delete_step(struct controller *ctl)
{
    notifications_delete(ctl, ZNODE_LOG_DIR_EVENTS);
}

void log_dir_event_begin(struct controller *ctl)
{
    load_names(ctl, ZNODE_LOG_DIR_EVENTS, &ctl->log_dir_watch);
    flow_then(ctl, events_contents_step);
    flow_then(ctl, ask_step);
    flow_then(ctl, batch_send);
    flow_then(ctl, events_delete_step);
}
