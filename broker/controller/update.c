/* update.c - writing partition states: decide, write, and again on conflict.
 *
 *   DECIDE ─▶ WRITE ─▶ SENT ─▶ WRITTEN
 *     ▲  └─▶ KEPT, FAILED  └─▶ CONFLICT ─┬─▶ WRITTEN (it was our own write)
 *     └──────────────────────────────────┘  read again, decide again
 *
 * Decisions are made on what the context remembers; the version in the guard
 * says whether that was right, so nothing is read before it is written. Writes
 * are gathered into multis below 400 KB, all sent at once. A multi that fails
 * on one version is repeated in singles, so that one partition that somebody
 * else changed does not hold up the rest.
 *
 * A connection lost in between makes the client send a multi again; the second
 * try then conflicts with the first, and reading shows that the znode already
 * holds what was to be written.
 */
#include <assert.h>

#include "base/diag.h"
#include "controller/internal.h"

enum {
    MULTI_BYTES_MAX = 400 * 1024,
    TRIES_MAX = 10,
    STATE_BYTES_MAX = 1 << 20
};

/* The items of one multi, and where their own part is. */
struct group {
    struct state_item **items;
    size_t *part;
    size_t n;
    struct zk_part *parts;
    size_t n_parts;
    size_t bytes;
    size_t size; /* room for items; parts have 3 each and the check */
};

struct state_item *update_items(struct controller *ctl, size_t n)
{
    ctl->update.items = flow_take(ctl, n, sizeof *ctl->update.items);
    ctl->update.n_items = n;
    return ctl->update.items;
}

static void fail(struct state_item *item, const char *what)
{
    diag_warn("event=partition_state_write_failed topic=%.*s partition=%d "
              "reason=\"%s\"",
              BYTES_ARG(item->topic->name), item->index, what);
    item->status = ITEM_FAILED;
}

static bool same_state(const struct znode_state *a, const struct znode_state *b)
{
    return a->leader == b->leader && a->leader_epoch == b->leader_epoch &&
           a->controller_epoch == b->controller_epoch &&
           a->recovery == b->recovery && a->n_isr == b->n_isr &&
           (a->n_isr == 0 ||
            memcmp(a->isr, b->isr, a->n_isr * sizeof *a->isr) == 0);
}

static void written(struct state_item *item, int32_t version)
{
    struct ctx_partition *p = ctx_partition_find(item->topic, item->index);

    ctx_partition_set_state(p, &item->next, version);
    item->topic->has_dir = true;
    item->status = ITEM_WRITTEN;
}

/* -- decide --------------------------------------------------------------- */

static void write_step(struct controller *ctl);
static void again_step(struct controller *ctl);

static void decide_step(struct controller *ctl)
{
    struct update *u = &ctl->update;

    for (; u->cursor < u->n_items; u->cursor++) {
        struct state_item *item = &u->items[u->cursor];
        struct ctx_partition *p;

        if (item->status != ITEM_DECIDE)
            continue;
        if (flow_is_late(ctl)) {
            flow_then(ctl, decide_step);
            return;
        }
        p = ctx_partition_find(item->topic, item->index);
        if (p == NULL)
            item->status = ITEM_FAILED;
        else
            u->decide(ctl, item, p);
    }
    u->cursor = 0;
    flow_then(ctl, write_step);
    flow_then(ctl, again_step);
}

/* -- write ---------------------------------------------------------------- */

static void group_done(struct controller *ctl, struct ctl_op *op)
{
    struct group *g = op->arg;
    enum err err = op->op.err;

    (void)ctl;
    for (size_t i = 0; i < g->n; i++) {
        struct state_item *item = g->items[i];

        if (err == ERR_OK) {
            const struct zk_part *part = &g->parts[g->part[i]];

            written(item, part->kind == ZK_PART_SET ? part->stat.version : 0);
        } else if (g->n > 1) {
            item->single = true;
            item->status = ITEM_WRITE;
        } else if (err == ERR_CONFLICT || err == ERR_EXISTS) {
            item->status = ITEM_CONFLICT;
        } else {
            fail(item, err_words(err));
        }
    }
}

static struct group *group_new(struct controller *ctl, size_t size)
{
    struct group *g = flow_take(ctl, 1, sizeof *g);

    g->size = size;
    g->items = flow_take(ctl, size, sizeof(struct state_item *));
    g->part = flow_take(ctl, size, sizeof *g->part);
    g->parts = flow_take(ctl, size * 3 + 1, sizeof *g->parts);
    g->n_parts = 1;
    return g;
}

static void group_send(struct controller *ctl, struct group *g)
{
    ctl_guarded(ctl, g->parts, g->n_parts, group_done, g);
}

static void part_create(struct controller *ctl, struct group *g,
                        const char *path, struct bytes data)
{
    struct zk_part *part = &g->parts[g->n_parts++];

    *part = (struct zk_part){ .kind = ZK_PART_CREATE,
                              .data = data,
                              .path = flow_path(ctl, path),
                              .mode = ZK_PERSISTENT };
    g->bytes += strlen(path) + data.len + 64;
}

static struct bytes state_data(struct controller *ctl,
                               const struct znode_state *state)
{
    struct wr w;
    struct bytes data;

    wr_init(&w, STATE_BYTES_MAX);
    znode_state_write(&w, state);
    data = flow_copy(ctl, bytes_make(w.data, w.len));
    wr_fini(&w);
    return data;
}

static void group_add_state(struct controller *ctl, struct group *g,
                            struct state_item *item,
                            const struct ctx_partition *p)
{
    struct znode_path path;
    struct bytes data = state_data(ctl, &item->next);
    const char *text = znode_path_state(&path, item->topic->name, item->index);

    g->items[g->n] = item;
    g->part[g->n] = g->n_parts;
    g->n++;
    item->status = ITEM_SENT;
    if (!ctx_has_state(p)) {
        part_create(ctl, g, text, data);
        return;
    }
    g->parts[g->n_parts++] = (struct zk_part){ .kind = ZK_PART_SET,
                                               .data = data,
                                               .path = flow_path(ctl, text),
                                               .version = p->zk_version };
    g->bytes += strlen(text) + data.len + 64;
}

static void group_add_parents(struct controller *ctl, struct group *g,
                              struct state_item *item)
{
    struct znode_path path;

    if (!item->topic->has_dir) {
        part_create(ctl, g, znode_path_partitions(&path, item->topic->name),
                    BYTES_NULL);
        /* If this multi fails, all that follow do, and are sent one by one. */
        item->topic->has_dir = true;
    }
    part_create(ctl, g,
                znode_path_partition(&path, item->topic->name, item->index),
                BYTES_NULL);
}

static void parent_made(struct controller *ctl, struct ctl_op *op)
{
    (void)ctl;
    if (op->op.err != ERR_OK && op->op.err != ERR_EXISTS)
        diag_warn("event=partition_parent_failed path=%s reason=%s",
                  op->parts[1].path, err_name(op->op.err));
}

static void parent_send(struct controller *ctl, const char *path)
{
    struct zk_part *parts = flow_take(ctl, 2, sizeof *parts);

    parts[1] = (struct zk_part){ .kind = ZK_PART_CREATE,
                                 .path = flow_path(ctl, path),
                                 .mode = ZK_PERSISTENT };
    ctl_guarded(ctl, parts, 2, parent_made, NULL);
}

static void single_send(struct controller *ctl, struct state_item *item,
                        const struct ctx_partition *p)
{
    struct group *g = group_new(ctl, 1);
    struct znode_path path;

    if (!ctx_has_state(p)) {
        parent_send(ctl, znode_path_partitions(&path, item->topic->name));
        parent_send(
            ctl, znode_path_partition(&path, item->topic->name, item->index));
    }
    group_add_state(ctl, g, item, p);
    group_send(ctl, g);
}

static void write_step(struct controller *ctl)
{
    struct update *u = &ctl->update;
    struct group *g = NULL;

    for (; u->cursor < u->n_items; u->cursor++) {
        struct state_item *item = &u->items[u->cursor];
        const struct ctx_partition *p;

        if (item->status != ITEM_WRITE)
            continue;
        p = ctx_partition_find(item->topic, item->index);
        if (item->single) {
            single_send(ctl, item, p);
            continue;
        }
        if (g == NULL) {
            size_t left = u->n_items - u->cursor;

            g = group_new(ctl, left < 1000 ? left : 1000);
        }
        if (!ctx_has_state(p))
            group_add_parents(ctl, g, item);
        group_add_state(ctl, g, item, p);
        if (g->n == g->size || g->bytes > MULTI_BYTES_MAX) {
            group_send(ctl, g);
            g = NULL;
        }
    }
    if (g != NULL)
        group_send(ctl, g);
    u->cursor = 0;
}

/* -- conflicts ------------------------------------------------------------ */

static void reloaded(struct controller *ctl, struct ctl_op *op)
{
    struct state_item *item = op->arg;
    struct ctx_partition *p = ctx_partition_find(item->topic, item->index);
    struct znode_state state;
    struct errmsg why = { "" };
    enum err err = op->op.err;

    if (err == ERR_OK)
        err = znode_state_read(op->op.data, &ctl->flow.arena, &state, &why);
    if (err != ERR_OK) {
        fail(item, why.text[0] ? why.text : err_words(err));
        return;
    }
    if (state.controller_epoch > ctl->epoch) {
        ctl_abort(ctl, "newer_controller_epoch");
        return;
    }
    if (same_state(&state, &item->next)) {
        written(item, op->op.stat.version);
        return;
    }
    ctx_partition_set_state(p, &state, op->op.stat.version);
    if (++item->tries >= TRIES_MAX)
        fail(item, "it changes faster than it can be written");
    else
        item->status = ITEM_DECIDE;
}

static void loop_step(struct controller *ctl);

/* What is left: singles to write, conflicts to read. */
static void again_step(struct controller *ctl)
{
    struct update *u = &ctl->update;

    for (size_t i = 0; i < u->n_items; i++) {
        struct state_item *item = &u->items[i];
        struct znode_path path;

        if (item->status != ITEM_CONFLICT)
            continue;
        ctl_get(ctl, znode_path_state(&path, item->topic->name, item->index),
                NULL, reloaded, item);
    }
    flow_then(ctl, loop_step);
}

static void loop_step(struct controller *ctl)
{
    struct update *u = &ctl->update;

    for (size_t i = 0; i < u->n_items; i++) {
        enum item_status status = u->items[i].status;

        assert(status != ITEM_SENT);
        if (status == ITEM_DECIDE || status == ITEM_WRITE ||
            status == ITEM_CONFLICT) {
            flow_then(ctl, decide_step);
            return;
        }
    }
}

void update_run(struct controller *ctl, decide_fn *decide)
{
    ctl->update.decide = decide;
    ctl->update.cursor = 0;
    flow_then(ctl, decide_step);
}
