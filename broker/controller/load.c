/* load.c - topics and partition states out of ZooKeeper into the context.
 *
 * Reads are pipelined, 2,000 at a time; what they bring goes into the context
 * as it comes. A znode that makes no sense leaves its topic or partition out,
 * with one line that names it, and does not stop the rest.
 */
#include "base/diag.h"
#include "controller/internal.h"

enum { READS_MAX = 2000 };

/* -- names ---------------------------------------------------------------- */

static void names_listed(struct controller *ctl, struct ctl_op *op)
{
    struct work *work = &ctl->work;

    work->names = NULL;
    work->n_names = 0;
    if (op->op.err == ERR_ABSENT)
        return;
    if (op->op.err != ERR_OK) {
        diag_warn("event=controller_list_failed reason=\"%s\"",
                  err_words(op->op.err));
        return;
    }
    work->names = flow_take(ctl, op->op.n_children, sizeof *work->names);
    work->n_names = op->op.n_children;
    for (size_t i = 0; i < work->n_names; i++)
        work->names[i] = flow_copy(ctl, op->op.children[i]);
}

void load_names(struct controller *ctl, const char *path,
                struct ctl_watch *watch)
{
    ctl_children(ctl, path, watch, names_listed, NULL);
}

/* -- watches -------------------------------------------------------------- */

struct ctl_watch *topic_watch_get(struct controller *ctl,
                                  struct ctx_topic *topic)
{
    struct ctl_watch *watch = topic->watch;

    if (watch == NULL) {
        watch = mem_need(sizeof *watch);
        ctl_watch_init(watch, ctl, EVENT_TOPIC_MODIFIED);
        watch->topic = topic;
        topic->watch = watch;
    }
    return watch;
}

void topic_watch_drop(struct controller *ctl, struct ctx_topic *topic)
{
    struct ctl_watch *watch = topic->watch;

    if (watch == NULL)
        return;
    ctl->world.coord->watch_cancel(ctl->world.coord, &watch->watch);
    topic->watch = NULL;
    mem_free(watch);
}

/* -- topics --------------------------------------------------------------- */

static void id_written(struct controller *ctl, struct ctl_op *op)
{
    const struct ctx_topic *topic = op->arg;

    (void)ctl;
    if (op->op.err != ERR_OK)
        diag_warn("event=topic_id_write_failed topic=%.*s reason=\"%s\"",
                  BYTES_ARG(topic->name), err_words(op->op.err));
}

/* Topics made before 2.8, or by tools that know no ids. */
static void id_make(struct controller *ctl, struct ctx_topic *topic,
                    struct znode_topic *data)
{
    struct zk_part *parts = flow_take(ctl, 2, sizeof *parts);
    struct znode_path path;
    struct wr w;

    data->id = uuid_random();
    ctx_topic_set_id(&ctl->context, topic, data->id);
    wr_init(&w, ZNODE_DATA_MAX);
    znode_topic_write(&w, data);
    parts[1] = (struct zk_part){
        .kind = ZK_PART_SET,
        .path = flow_path(ctl, znode_path_topic(&path, topic->name)),
        .data = flow_copy(ctl, bytes_make(w.data, w.len)),
        .version = -1,
    };
    wr_fini(&w);
    ctl_guarded(ctl, parts, 2, id_written, topic);
}

static bool assign_all(struct ctx_topic *topic, const struct znode_topic *data)
{
    for (size_t i = 0; i < data->n_partitions; i++) {
        if (ctx_partition_assign(topic, &data->partitions[i]) == ERR_OK)
            continue;
        diag_error("event=topic_znode_refused topic=%.*s partition=%d "
                   "reason=\"partition number or replica list out of bounds\" "
                   "remedy=\"mend the topic's znode\"",
                   BYTES_ARG(topic->name), data->partitions[i].partition);
        return false;
    }
    return true;
}

bool topic_parse(struct controller *ctl, struct ctx_topic *topic,
                 struct bytes data, struct znode_topic *out)
{
    struct errmsg why;

    if (znode_topic_read(data, &ctl->flow.arena, out, &why) == ERR_OK)
        return true;
    diag_error("event=topic_znode_malformed topic=%.*s reason=\"%s\" "
               "remedy=\"mend the topic's znode\"",
               BYTES_ARG(topic->name), why.text);
    return false;
}

static void topic_read(struct controller *ctl, struct ctl_op *op)
{
    struct ctx_topic *topic = op->arg;
    struct znode_topic data;

    if (op->op.err == ERR_LIMIT) {
        /* More topics than one session can watch: known, but its expansion is
         * seen at the next failover only. */
        DIAG_SELDOM(DIAG_WARN, "event=topic_not_watched topic=%.*s",
                    BYTES_ARG(topic->name));
        {
            struct znode_path path;

            ctl_get(ctl, znode_path_topic(&path, topic->name), NULL, topic_read,
                    topic);
        }
        return;
    }
    if (op->op.err != ERR_OK || !topic_parse(ctl, topic, op->op.data, &data) ||
        !assign_all(topic, &data)) {
        topic_watch_drop(ctl, topic);
        ctx_topic_drop(&ctl->context, topic);
        return;
    }
    if (!uuid_is_zero(data.id))
        ctx_topic_set_id(&ctl->context, topic, data.id);
    else if (ctl->settings.topic_ids)
        id_make(ctl, topic, &data);
    ctl->work.topics[ctl->work.n_topics++] = topic;
}

static void topics_step(struct controller *ctl)
{
    struct work *work = &ctl->work;
    struct uuid none = { { 0 } };
    size_t out = 0;

    for (; work->cursor < work->n_names && out < READS_MAX; work->cursor++) {
        struct bytes name = work->names[work->cursor];
        struct ctx_topic *topic = ctx_topic_find(&ctl->context, name);
        struct znode_path path;

        if (topic != NULL || znode_path_topic(&path, name) == NULL)
            continue;
        topic = ctx_topic_add(&ctl->context, name, none);
        topic->mark = ctl->mark;
        ctl_get(ctl, path.text, topic_watch_get(ctl, topic), topic_read, topic);
        out++;
    }
    if (work->cursor < work->n_names)
        flow_then(ctl, topics_step);
}

void load_topics(struct controller *ctl)
{
    struct work *work = &ctl->work;

    work->topics = flow_take(ctl, work->n_names, sizeof(struct ctx_topic *));
    work->n_topics = 0;
    work->cursor = 0;
    flow_then(ctl, topics_step);
}

/* -- states --------------------------------------------------------------- */

struct place {
    struct ctx_topic *topic;
    int32_t index;
};

static void state_read(struct controller *ctl, struct ctl_op *op)
{
    const struct place *place = op->arg;
    struct ctx_partition *p = ctx_partition_find(place->topic, place->index);
    struct znode_state state;
    struct errmsg why;
    enum err err = op->op.err;

    if (err == ERR_OK)
        err = znode_state_read(op->op.data, &ctl->flow.arena, &state, &why);
    if (err == ERR_ABSENT)
        return;
    if (err != ERR_OK) {
        diag_error("event=state_znode_malformed topic=%.*s partition=%d "
                   "reason=\"%s\" remedy=\"mend the state znode\"",
                   BYTES_ARG(place->topic->name), place->index,
                   op->op.err == ERR_OK ? why.text : err_words(err));
        return;
    }
    place->topic->has_dir = true;
    ctx_partition_set_state(p, &state, op->op.stat.version);
}

struct state_cursor {
    size_t topic, index;
};

static void states_step(struct controller *ctl)
{
    struct work *work = &ctl->work;
    struct state_cursor *at = work->private_;
    size_t out = 0;

    for (; at->topic < work->n_topics; at->topic++, at->index = 0) {
        struct ctx_topic *topic = work->topics[at->topic];

        for (; at->index < topic->n_partitions; at->index++) {
            struct place *place;
            struct znode_path path;

            if (topic->partitions[at->index].n_replicas == 0)
                continue;
            if (out == READS_MAX) {
                flow_then(ctl, states_step);
                return;
            }
            place = flow_take(ctl, 1, sizeof *place);
            *place = (struct place){ topic, (int32_t)at->index };
            ctl_get(ctl, znode_path_state(&path, topic->name, place->index),
                    NULL, state_read, place);
            out++;
        }
    }
}

void load_states(struct controller *ctl)
{
    ctl->work.private_ = flow_take(ctl, 1, sizeof(struct state_cursor));
    flow_then(ctl, states_step);
}
