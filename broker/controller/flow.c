/* flow.c - the driver: events, steps, operations. See internal.h.
 *
 * There is one place that decides what runs next, flow_go(). It is called when
 * an event arrives, when the last operation of a step has come back, and when a
 * slice of 5 ms is over (through a posted job, so that the sessions on the same
 * loop get their turn). It never nests: called from inside a step it does
 * nothing, the running driver looks again by itself.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/diag.h"
#include "controller/internal.h"

enum { FLOW_ARENA_MAX = 1 << 30 };

static void resume(struct job *job)
{
    struct flow *flow = CONTAINER_OF(job, struct flow, resume);

    flow->resume_posted = false;
    flow_go(CONTAINER_OF(flow, struct controller, flow));
}

void flow_init(struct controller *ctl)
{
    struct flow *flow = &ctl->flow;

    memset(flow, 0, sizeof *flow);
    list_init(&flow->pending);
    arena_init(&flow->arena, FLOW_ARENA_MAX);
    flow->resume.run = resume;
}

static void forget_operations(struct controller *ctl)
{
    LIST_EACH(l, &ctl->flow.pending) {
        struct ctl_op *op = CONTAINER_OF(l, struct ctl_op, link);

        ctl->world.coord->op_cancel(ctl->world.coord, &op->op);
        list_remove(l);
    }
}

void flow_fini(struct controller *ctl)
{
    forget_operations(ctl);
    arena_fini(&ctl->flow.arena);
}

void flow_then(struct controller *ctl, step_fn *step)
{
    assert(ctl->flow.depth < FLOW_STEPS_MAX);
    ctl->flow.steps[ctl->flow.depth++] = step;
}

bool flow_is_late(struct controller *ctl)
{
    return ctl->world.exec->now_us(ctl->world.exec) - ctl->flow.started_us >
           FLOW_SLICE_US;
}

void *flow_take(struct controller *ctl, size_t count, size_t size)
{
    void *p = arena_array(&ctl->flow.arena, count, size);

    if (p == NULL) {
        /* What the cluster's znodes hold does not fit into memory: there is
         * nothing a controller could do without it. */
        diag_error("event=controller_out_of_memory bytes=%zu "
                   "remedy=\"give the broker more memory\"",
                   ctl->flow.arena.used_bytes);
        abort();
    }
    return p;
}

struct bytes flow_copy(struct controller *ctl, struct bytes b)
{
    uint8_t *copy;

    if (b.at == NULL)
        return b;
    copy = flow_take(ctl, b.len + 1, 1);
    if (b.len > 0)
        memcpy(copy, b.at, b.len);
    return bytes_make(copy, b.len);
}

const char *flow_path(struct controller *ctl, const char *path)
{
    return (const char *)flow_copy(ctl, bytes_of(path)).at;
}

void ctl_abort(struct controller *ctl, const char *why)
{
    if (ctl->flow.aborted)
        return;
    ctl->flow.aborted = true;
    ctl->flow.why = why;
}

/* Turn the steps a call has put on top of the stack, so that the first of them
 * runs first. */
static void steps_turn(struct flow *flow, size_t from)
{
    for (size_t a = from, b = flow->depth; a + 1 < b; a++, b--) {
        step_fn *step = flow->steps[a];

        flow->steps[a] = flow->steps[b - 1];
        flow->steps[b - 1] = step;
    }
}

/* -- driver --------------------------------------------------------------- */

/* The event is over: free what belongs to it. */
static void event_end(struct controller *ctl)
{
    if (ctl->work.event != NULL)
        ctl_event_free(ctl->work.event);
    memset(&ctl->work, 0, sizeof ctl->work);
    memset(&ctl->update, 0, sizeof ctl->update);
    ctl->flow.on_abort = NULL;
    arena_reset(&ctl->flow.arena);
}

static void abort_now(struct controller *ctl)
{
    void (*on_abort)(struct controller *) = ctl->flow.on_abort;

    forget_operations(ctl);
    ctl->flow.depth = 0;
    ctl->flow.on_abort = NULL;
    ctl->flow.aborted = false;
    ctl_resign(ctl, ctl->flow.why);
    if (on_abort != NULL)
        on_abort(ctl);
}

static void external_begin(struct controller *ctl)
{
    struct controller_event *event = ctl->work.event->external;

    ctl->external_running = true;
    event->run(event, ctl->active && !ctl->electing);
}

static void event_begin(struct controller *ctl, struct ctl_event *event)
{
    static step_fn *const handlers[N_EVENTS] = {
        [EVENT_ELECT] = elect_begin,
        [EVENT_BROKER_CHANGE] = broker_change_begin,
        [EVENT_BROKER_MODIFIED] = broker_modified_begin,
        [EVENT_TOPIC_CHANGE] = topic_change_begin,
        [EVENT_TOPIC_MODIFIED] = topic_modified_begin,
        [EVENT_TOPIC_DELETION] = topic_deletion_begin,
        [EVENT_ISR_CHANGE] = isr_change_begin,
        [EVENT_LOG_DIR_EVENT] = log_dir_event_begin,
        [EVENT_PREFERRED_ZNODE] = preferred_znode_begin,
        [EVENT_PREFERRED_TIMER] = preferred_timer_begin,
        [EVENT_UNCLEAN_ENABLED] = unclean_enabled_begin,
        [EVENT_STORAGE_ERRORS] = storage_errors_begin,
        [EVENT_STOP_ANSWERS] = stop_answers_begin,
        [EVENT_EXTERNAL] = external_begin,
    };
    static const bool when_inactive[N_EVENTS] = {
#define X(kind, inactive) [EVENT_##kind] = (inactive),
        CTL_EVENTS(X)
#undef X
    };

    ctl->queued[event->kind]--;
    if (!ctl->active && !when_inactive[event->kind]) {
        ctl_event_free(event);
        return;
    }
    ctl->work.event = event;
    handlers[event->kind](ctl);
}

/* One thing; false: nothing can go on now. */
static bool go_once(struct controller *ctl)
{
    struct flow *flow = &ctl->flow;
    size_t from;

    if (flow->aborted) {
        abort_now(ctl);
        return true;
    }
    if (!list_is_empty(&flow->pending))
        return false;
    if (flow->depth > 0) {
        step_fn *step = flow->steps[--flow->depth];

        from = flow->depth;
        step(ctl);
        steps_turn(flow, from);
        return true;
    }
    if (ctl->external_running)
        return false;
    if (ctl->work.event != NULL) {
        event_end(ctl);
        return true;
    }
    if (list_is_empty(&ctl->events) || ctl->stopping)
        return false;
    from = flow->depth;
    {
        struct list *first = ctl->events.next;

        list_remove(first);
        event_begin(ctl, CONTAINER_OF(first, struct ctl_event, link));
    }
    steps_turn(flow, from);
    return true;
}

void flow_go_later(struct controller *ctl)
{
    if (ctl->flow.resume_posted)
        return;
    ctl->flow.resume_posted = true;
    ctl->world.exec->post(ctl->world.exec, &ctl->flow.resume);
}

void flow_go(struct controller *ctl)
{
    struct flow *flow = &ctl->flow;

    if (flow->driving)
        return;
    flow->driving = true;
    flow->started_us = ctl->world.exec->now_us(ctl->world.exec);
    while (go_once(ctl)) {
        if (flow_is_late(ctl) && !flow->aborted) {
            flow_go_later(ctl);
            break;
        }
    }
    flow->driving = false;
}

/* -- operations ----------------------------------------------------------- */

static void op_done(struct zk_op *zk_op)
{
    struct ctl_op *op = CONTAINER_OF(zk_op, struct ctl_op, op);
    struct controller *ctl = op->ctl;
    size_t from = ctl->flow.depth;

    list_remove(&op->link);
    if (zk_op->err == ERR_EXPIRED || zk_op->err == ERR_CLOSED)
        ctl_abort(ctl, "session_lost");
    else if (!ctl->flow.aborted)
        op->on_done(ctl, op);
    steps_turn(&ctl->flow, from);
    flow_go(ctl);
}

static struct ctl_op *op_new(struct controller *ctl, ctl_op_fn *on_done,
                             void *arg)
{
    struct ctl_op *op = flow_take(ctl, 1, sizeof *op);

    op->op.on_done = op_done;
    op->ctl = ctl;
    op->on_done = on_done;
    op->arg = arg;
    list_append(&ctl->flow.pending, &op->link);
    return op;
}

void ctl_get(struct controller *ctl, const char *path, struct ctl_watch *watch,
             ctl_op_fn *on_done, void *arg)
{
    struct ctl_op *op = op_new(ctl, on_done, arg);

    ctl->world.coord->get(ctl->world.coord, &op->op, path,
                          watch ? &watch->watch : NULL);
}

void ctl_exists(struct controller *ctl, const char *path,
                struct ctl_watch *watch, ctl_op_fn *on_done, void *arg)
{
    struct ctl_op *op = op_new(ctl, on_done, arg);

    ctl->world.coord->exists(ctl->world.coord, &op->op, path,
                             watch ? &watch->watch : NULL);
}

void ctl_children(struct controller *ctl, const char *path,
                  struct ctl_watch *watch, ctl_op_fn *on_done, void *arg)
{
    struct ctl_op *op = op_new(ctl, on_done, arg);

    ctl->world.coord->children(ctl->world.coord, &op->op, path,
                               watch ? &watch->watch : NULL);
}

void ctl_create(struct controller *ctl, const char *path, struct bytes data,
                ctl_op_fn *on_done, void *arg)
{
    struct ctl_op *op = op_new(ctl, on_done, arg);

    op->op.retry = true;
    ctl->world.coord->create(ctl->world.coord, &op->op, path, data,
                             ZK_PERSISTENT);
}

void ctl_set(struct controller *ctl, const char *path, struct bytes data,
             int32_t version, ctl_op_fn *on_done, void *arg)
{
    struct ctl_op *op = op_new(ctl, on_done, arg);

    op->op.retry = true;
    ctl->world.coord->set(ctl->world.coord, &op->op, path, data, version);
}

void ctl_multi(struct controller *ctl, struct zk_part *parts, size_t n,
               ctl_op_fn *on_done, void *arg)
{
    struct ctl_op *op = op_new(ctl, on_done, arg);

    op->op.retry = true;
    op->parts = parts;
    op->n_parts = n;
    ctl->world.coord->multi(ctl->world.coord, &op->op, parts, n);
}

struct guarded {
    ctl_op_fn *on_done;
    void *arg;
};

static void guarded_done(struct controller *ctl, struct ctl_op *op)
{
    struct guarded *guarded = op->arg;

    if (op->op.err != ERR_OK && op->op.failed_part == 0 &&
        (op->op.err == ERR_CONFLICT || op->op.err == ERR_ABSENT)) {
        ctl_abort(ctl, "epoch_check_failed");
        return;
    }
    op->arg = guarded->arg;
    guarded->on_done(ctl, op);
}

void ctl_guarded(struct controller *ctl, struct zk_part *parts, size_t n,
                 ctl_op_fn *on_done, void *arg)
{
    struct guarded *guarded = flow_take(ctl, 1, sizeof *guarded);

    guarded->on_done = on_done;
    guarded->arg = arg;
    parts[0] = (struct zk_part){ .kind = ZK_PART_CHECK,
                                 .path = ZNODE_CONTROLLER_EPOCH,
                                 .version = ctl->epoch_zk_version };
    ctl_multi(ctl, parts, n, guarded_done, guarded);
}

/* -- deleting many -------------------------------------------------------- */

enum { DELETE_PARTS_MAX = 2000, DELETE_BYTES_MAX = 256 * 1024 };

static void delete_some(struct controller *ctl, const char *const *paths,
                        size_t n);

static void delete_done(struct controller *ctl, struct ctl_op *op)
{
    size_t n = op->n_parts - 1;
    size_t bad = op->op.failed_part;
    const char **rest;

    if (op->op.err == ERR_OK || n == 0)
        return;
    if (op->op.err != ERR_ABSENT) {
        diag_warn("event=controller_delete_failed path=%s reason=%s",
                  op->parts[bad].path, err_name(op->op.err));
        /* Left for the next one who comes by; the others still go. */
    }
    /* Again, without the one that is gone. */
    rest = flow_take(ctl, n, sizeof *rest);
    n = 0;
    for (size_t i = 1; i < op->n_parts; i++)
        if (i != bad)
            rest[n++] = op->parts[i].path;
    delete_some(ctl, rest, n);
}

static void delete_some(struct controller *ctl, const char *const *paths,
                        size_t n)
{
    struct zk_part *parts;

    if (n == 0)
        return;
    parts = flow_take(ctl, n + 1, sizeof *parts);
    for (size_t i = 0; i < n; i++)
        parts[i + 1] = (struct zk_part){ .kind = ZK_PART_DELETE,
                                         .path = paths[i],
                                         .version = -1 };
    ctl_guarded(ctl, parts, n + 1, delete_done, NULL);
}

void ctl_delete_all(struct controller *ctl, const char *const *paths, size_t n)
{
    for (size_t i = 0, end; i < n; i = end) {
        size_t bytes = 0;

        for (end = i;
             end < n && end - i < DELETE_PARTS_MAX && bytes < DELETE_BYTES_MAX;
             end++)
            bytes += strlen(paths[end]) + 32;
        delete_some(ctl, paths + i, end - i);
    }
}
