/* zk_offsets.c - see zk_offsets.h.
 *
 *     reactor: list ──▶ coordination loop: one operation each ──▶ reactor:
 * answer
 */
#include "api/zk_offsets.h"

#include <assert.h>

#include "broker.h"
#include "client/zk.h"
#include "metadata/metadata.h"
#include "wire/errors.h"
#include "wire/msg_offset_fetch.h"
#include "znode/znode.h"

struct step {
    struct zk_op op;
    struct work *work;
    struct bytes topic;
    int32_t partition;
    int64_t offset; /* to be written, or read; -1 none */
    int16_t error;
    bool made; /* the path was made */
};

struct work {
    struct job job;
    struct request *request;
    struct groups_commit *commit; /* NULL: a fetch */
    const struct wire_offset_fetch_request *fetch;
    struct bytes group_id;
    struct step *steps;
    size_t n;
    size_t open; /* not ended, and one; coordination loop */
    void (*on_done)(struct request *request);
};

static int16_t error_of(enum err err)
{
    return err == ERR_OK ? KAFKA_NONE : KAFKA_UNKNOWN_SERVER_ERROR;
}

static void step_end(struct step *step, enum err err)
{
    struct work *work = step->work;

    step->error = error_of(err);
    if (--work->open == 0)
        request_post(work->request, work->on_done);
}

/* Names that make no path are the client's fault. */
static const char *path_of(const struct step *step, struct znode_path *path)
{
    return znode_path_consumer_offset(path, step->work->group_id, step->topic,
                                      step->partition);
}

/* -- commit --------------------------------------------------------------- */

static void set(struct step *step);

static void on_made(struct zk_op *op)
{
    struct step *step = CONTAINER_OF(op, struct step, op);

    if (op->err != ERR_OK)
        step_end(step, op->err);
    else
        set(step);
}

static void on_set(struct zk_op *op)
{
    struct step *step = CONTAINER_OF(op, struct step, op);
    struct znode_path path;

    if (op->err != ERR_ABSENT || step->made) {
        step_end(step, op->err);
        return;
    }
    step->made = true;
    step->op = (struct zk_op){ .on_done = on_made, .retry = true };
    zk_make_path(step->work->request->broker->zk, &step->op,
                 path_of(step, &path));
}

static void set(struct step *step)
{
    struct znode_path path;
    struct wr text;

    wr_init(&text, 64);
    znode_number_write(&text, step->offset);
    step->op = (struct zk_op){ .on_done = on_set, .retry = true };
    zk_set(step->work->request->broker->zk, &step->op, path_of(step, &path),
           bytes_make(text.data, text.len), -1);
    wr_fini(&text);
}

/* -- fetch ---------------------------------------------------------------- */

static void on_got(struct zk_op *op)
{
    struct step *step = CONTAINER_OF(op, struct step, op);
    struct errmsg why;

    step->offset = -1;
    if (op->err == ERR_OK && znode_number_read(op->data, INT64_MIN, INT64_MAX,
                                               &step->offset, &why) != ERR_OK)
        op->err = ERR_FORMAT;
    step_end(step, op->err == ERR_ABSENT ? ERR_OK : op->err);
}

/* -- both ----------------------------------------------------------------- */

static void run(struct job *job)
{
    struct work *work = CONTAINER_OF(job, struct work, job);

    work->open = 1;
    for (size_t i = 0; i < work->n; i++) {
        struct step *step = &work->steps[i];
        struct znode_path path;

        if (step->error != KAFKA_NONE)
            continue;
        work->open++;
        if (!path_of(step, &path)) {
            step_end(step, ERR_INVALID);
        } else if (work->commit) {
            set(step);
        } else {
            step->op = (struct zk_op){ .on_done = on_got };
            zk_get(work->request->broker->zk, &step->op, path.text, NULL);
        }
    }
    if (--work->open == 0)
        request_post(work->request, work->on_done);
}

static struct work *work_new(struct request *request, size_t n)
{
    struct arena *arena = &request->arena;
    struct work *work;

    arena->limit_bytes += n * (sizeof *work->steps + 128) + 4096;
    work = arena_take(arena, sizeof *work);
    if (!work)
        return NULL;
    work->steps = arena_array(arena, n, sizeof *work->steps);
    work->request = request;
    work->job.run = run;
    return work->steps ? work : NULL;
}

static void committed(struct request *request)
{
    struct work *work = request->park;
    struct groups_commit *commit = work->commit;

    for (size_t i = 0; i < work->n; i++)
        commit->items[i].error = work->steps[i].error;
    request->park = commit;
    commit->on_done(request);
}

void zk_offsets_commit(struct groups_commit *commit)
{
    struct request *request = commit->request;
    struct work *work = work_new(request, commit->n);

    if (!work) {
        request_close(request, "the request needs too much memory");
        return;
    }
    work->commit = commit;
    work->group_id = commit->group_id;
    work->on_done = committed;
    for (size_t i = 0; i < commit->n; i++)
        work->steps[work->n++] = (struct step){
            .work = work,
            .topic = commit->items[i].topic,
            .partition = commit->items[i].partition,
            .offset = commit->items[i].commit.offset,
            .error = commit->items[i].error,
        };
    request->park = work;
    loop_post(request->broker->coord_loop, &work->job);
}

static void fetched(struct request *request)
{
    const struct work *work = request->park;
    const struct step *step = work->steps;
    struct arena *arena = &request->arena;
    struct wire_offset_fetch_response out;

    wire_offset_fetch_response_init(&out);
    out.topics = arena_array(arena, work->fetch->n_topics, sizeof *out.topics);
    for (size_t i = 0; out.topics && i < work->fetch->n_topics; i++) {
        size_t n = work->fetch->topics[i].n_partition_indexes;
        struct wire_offset_fetch_response_topics *to =
            &out.topics[out.n_topics++];

        to->name = work->fetch->topics[i].name;
        to->partitions = arena_array(arena, n, sizeof *to->partitions);
        for (size_t j = 0; to->partitions && j < n; j++, step++) {
            struct wire_offset_fetch_response_topics_partitions *p =
                &to->partitions[to->n_partitions++];

            wire_offset_fetch_response_topics_partitions_init(p);
            p->partition_index = step->partition;
            p->committed_offset = step->offset;
            p->metadata = BYTES("");
            p->error_code = step->error;
            if (step->offset < 0 && step->error == KAFKA_NONE)
                p->error_code = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
        }
    }
    if (arena->err == ERR_OK)
        request_reply(request, &out);
    else
        request_close(request, "the answer needs too much memory");
}

static void list_topic(struct work *work, struct bytes name,
                       const int32_t *partitions, size_t n)
{
    struct meta_topic *topic =
        metadata_topic_find(work->request->broker->metadata, name);

    for (size_t i = 0; i < n; i++)
        work->steps[work->n++] = (struct step){
            .work = work,
            .topic = name,
            .partition = partitions[i],
            .offset = -1,
            .error = topic && meta_partition_find(topic, partitions[i])
                         ? KAFKA_NONE
                         : KAFKA_UNKNOWN_TOPIC_OR_PARTITION,
        };
    if (topic)
        meta_topic_unref(topic);
}

void zk_offsets_fetch(struct request *request,
                      const struct wire_offset_fetch_request *in)
{
    struct work *work;
    size_t n = 0;

    for (size_t i = 0; i < in->n_topics; i++)
        n += in->topics[i].n_partition_indexes;
    work = work_new(request, n);
    if (!work) {
        request_close(request, "the request needs too much memory");
        return;
    }
    work->fetch = in;
    work->group_id = in->group_id;
    work->on_done = fetched;
    for (size_t i = 0; i < in->n_topics; i++)
        list_topic(work, in->topics[i].name, in->topics[i].partition_indexes,
                   in->topics[i].n_partition_indexes);
    request->park = work;
    loop_post(request->broker->coord_loop, &work->job);
}
