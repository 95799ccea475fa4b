/* topic_write.c - creating topics and marking them for deletion.
 *
 * Order of a creation, as Kafka's: the topic's configuration first, then the
 * topic znode, whose creation is what the controller sees. The topic's absence
 * is read before the configuration is written, so that a creation that comes
 * too late does not harm the topic that is there.
 */
#include "api/topic_write.h"

#include "broker.h"
#include "config/overrides.h"
#include "wire/errors.h"
#include "wire/wr.h"

enum {
    TOPIC_PAYLOAD_MOST = 1000 * 1000
}; /* below ZooKeeper's jute.maxbuffer */

struct topic_write *topic_write_new(struct request *request,
                                    struct topic_plan *plans, size_t n)
{
    struct topic_write *write = arena_take(&request->arena, sizeof *write);
    struct topic_step *steps = arena_array(&request->arena, n, sizeof *steps);

    if (write == NULL || steps == NULL)
        return NULL;
    write->steps = steps;
    write->n = n;
    for (size_t i = 0; i < n; i++) {
        steps[i].write = write;
        steps[i].plan = &plans[i];
    }
    return write;
}

static void write_close(struct topic_write *write)
{
    if (--write->open == 0)
        request_post(write->request, write->on_done);
}

static void write_run(struct job *job)
{
    struct topic_write *write = CONTAINER_OF(job, struct topic_write, job);

    write->open = 1; /* this function's own, so that it ends last */
    for (size_t i = 0; i < write->n; i++) {
        if (write->steps[i].plan->error != KAFKA_NONE)
            continue;
        write->open++;
        write->step(&write->steps[i]);
    }
    write_close(write);
}

void topic_write_start(struct topic_write *write, struct request *request)
{
    write->request = request;
    write->job.run = write_run;
    loop_post(request->broker->coord_loop, &write->job);
}

void topic_step_end(struct topic_step *step, int16_t error, const char *message)
{
    struct errmsg why;

    if (error != KAFKA_NONE) {
        err_set(&why, ERR_OK, "%s", message);
        topic_plan_fail(step->plan, &step->write->request->arena, error, &why);
    }
    write_close(step->write);
}

void topic_step_fail(struct topic_step *step)
{
    const struct topic_plan *plan = step->plan;
    struct errmsg why;

    if (step->op.err == ERR_EXISTS) {
        err_set(&why, ERR_EXISTS, "Topic '%.*s' already exists.",
                BYTES_ARG(plan->name));
        topic_step_end(step, KAFKA_TOPIC_ALREADY_EXISTS, why.text);
        return;
    }
    if (step->op.err == ERR_ABSENT) {
        topic_step_end(step, KAFKA_UNKNOWN_TOPIC_OR_PARTITION,
                       "This server does not host this topic-partition.");
        return;
    }
    err_set(&why, step->op.err, "ZooKeeper: %s", err_words(step->op.err));
    topic_step_end(step, KAFKA_UNKNOWN_SERVER_ERROR, why.text);
}

static struct topic_step *step_of(struct zk_op *op)
{
    return CONTAINER_OF(op, struct topic_step, op);
}

static struct zk *step_zk(const struct topic_step *step)
{
    return step->write->request->broker->zk;
}

static void step_begin_op(struct topic_step *step, zk_op_fn *on_done)
{
    step->op = (struct zk_op){ .on_done = on_done, .retry = true };
}

/* -- create --------------------------------------------------------------- */

static void create_topic_done(struct zk_op *op)
{
    struct topic_step *step = step_of(op);
    const struct topic_plan *plan = step->plan;

    /* Sent twice, the second may meet the first: only a create of this very
     * topic id would be ours, and that is what the metadata will show. */
    if (op->err == ERR_OK || (op->err == ERR_EXISTS && op->retried)) {
        overrides_topic_put(step->write->request->broker->overrides, plan->name,
                            plan->configs, plan->n_configs);
        topic_step_end(step, KAFKA_NONE, "");
        return;
    }
    topic_step_fail(step);
}

static void create_topic(struct topic_step *step)
{
    const struct topic_plan *plan = step->plan;
    struct znode_topic topic = { plan->id, plan->partitions,
                                 plan->n_partitions };
    struct znode_path path;
    struct wr w;

    wr_init(&w, TOPIC_PAYLOAD_MOST);
    znode_topic_write(&w, &topic);
    if (w.err != ERR_OK) {
        topic_step_end(step, KAFKA_INVALID_PARTITIONS,
                       "The topic has more "
                       "partitions than one znode can hold (1 MB of JSON).");
    } else {
        step_begin_op(step, create_topic_done);
        zk_create(step_zk(step), &step->op, znode_path_topic(&path, plan->name),
                  bytes_make(w.data, w.len), ZK_PERSISTENT);
    }
    wr_fini(&w);
}

static void create_config(struct topic_step *step, bool fresh);

static void create_config_done(struct zk_op *op)
{
    struct topic_step *step = step_of(op);

    if (op->err == ERR_ABSENT)
        create_config(step, true);
    else if (op->err == ERR_EXISTS)
        create_config(step, false);
    else if (op->err != ERR_OK)
        topic_step_fail(step);
    else
        create_topic(step);
}

/* Set the configuration of a topic, or create it when there is none. */
static void create_config(struct topic_step *step, bool fresh)
{
    const struct topic_plan *plan = step->plan;
    struct znode_path path;
    struct wr w;

    wr_init(&w, TOPIC_PAYLOAD_MOST);
    znode_config_write(&w, plan->configs, plan->n_configs);
    if (w.err != ERR_OK) {
        topic_step_end(step, KAFKA_INVALID_CONFIG,
                       "The configuration is too "
                       "large for a znode.");
    } else {
        step_begin_op(step, create_config_done);
        const char *at = znode_path_config_topic(&path, plan->name);
        if (fresh)
            zk_create(step_zk(step), &step->op, at, bytes_make(w.data, w.len),
                      ZK_PERSISTENT);
        else
            zk_set(step_zk(step), &step->op, at, bytes_make(w.data, w.len), -1);
    }
    wr_fini(&w);
}

static void create_absent_done(struct zk_op *op)
{
    struct topic_step *step = step_of(op);

    if (op->err == ERR_ABSENT) {
        create_config(step, true);
    } else {
        if (op->err == ERR_OK)
            op->err = ERR_EXISTS;
        topic_step_fail(step);
    }
}

void topic_step_create(struct topic_step *step)
{
    struct znode_path path;

    step_begin_op(step, create_absent_done);
    zk_exists(step_zk(step), &step->op,
              znode_path_topic(&path, step->plan->name), NULL);
}

/* -- delete --------------------------------------------------------------- */

static void delete_done(struct zk_op *op)
{
    struct topic_step *step = step_of(op);

    if (op->err == ERR_OK || op->err == ERR_EXISTS)
        topic_step_end(step, KAFKA_NONE, ""); /* marked already: the same */
    else
        topic_step_fail(step);
}

static void delete_present_done(struct zk_op *op)
{
    struct topic_step *step = step_of(op);
    struct znode_path path;

    if (op->err != ERR_OK) {
        topic_step_fail(step);
        return;
    }
    step_begin_op(step, delete_done);
    zk_create(step_zk(step), &step->op,
              znode_path_delete_topic(&path, step->plan->name), BYTES_NULL,
              ZK_PERSISTENT);
}

void topic_step_delete(struct topic_step *step)
{
    struct znode_path path;

    step_begin_op(step, delete_present_done);
    zk_exists(step_zk(step), &step->op,
              znode_path_topic(&path, step->plan->name), NULL);
}
