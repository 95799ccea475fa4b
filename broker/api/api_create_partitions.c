/* api_create_partitions.c - CreatePartitions: a topic grows.
 *
 * The topic znode is read, extended and written back under its version; the
 * controller sees the change and makes the partitions. Existing partitions keep
 * their assignment.
 */
#include "api/api_topics.h"
#include "api/names_twice.h"
#include "api/topic_wait.h"
#include "api/topic_write.h"
#include "api/api_table.h"
#include "broker.h"
#include "controller/controller.h"
#include "wire/errors.h"
#include "wire/msg_create_partitions.h"

enum { GROW_PAYLOAD_MOST = 1000 * 1000 };

struct grow {
    const struct wire_create_partitions_request *in;
    struct topic_plan *plans;
    struct topic_wait wait;
};

static void grow_answer(struct request *request, const struct grow *grow)
{
    struct wire_create_partitions_response response;

    wire_create_partitions_response_init(&response);
    response.n_results = grow->in->n_topics;
    response.results = arena_array(&request->arena, response.n_results,
                                   sizeof *response.results);
    for (size_t i = 0; response.results && i < response.n_results; i++) {
        struct wire_create_partitions_response_results *out =
            &response.results[i];

        wire_create_partitions_response_results_init(out);
        out->name = grow->in->topics[i].name;
        out->error_code = grow->plans[i].error;
        out->error_message = grow->plans[i].message;
    }
    if (request->arena.err != ERR_OK)
        request_close(request, "CreatePartitions: the answer is too large");
    else
        request_reply(request, &response);
}

static bool grow_is_done(struct topic_wait *wait)
{
    const struct grow *grow = wait->arg;

    for (size_t i = 0; i < grow->in->n_topics; i++) {
        if (grow->plans[i].error == KAFKA_NONE &&
            !topic_plan_is_led(wait->request->broker->metadata,
                               &grow->plans[i]))
            return false;
    }
    return true;
}

static void grow_end(struct topic_wait *wait, bool timed_out)
{
    struct grow *grow = wait->arg;

    for (size_t i = 0; timed_out && i < grow->in->n_topics; i++) {
        struct topic_plan *plan = &grow->plans[i];

        if (plan->error == KAFKA_NONE &&
            (grow->in->timeout_ms <= 0 ||
             !topic_plan_is_led(wait->request->broker->metadata, plan)))
            plan->error = KAFKA_REQUEST_TIMED_OUT;
    }
    grow_answer(wait->request, grow);
}

static void grow_written(struct request *request)
{
    struct topic_write *write = request->park;
    struct grow *grow = write->arg;

    if (grow->in->validate_only) {
        grow_answer(request, grow);
        return;
    }
    grow->wait.arg = grow;
    grow->wait.is_done = grow_is_done;
    grow->wait.on_end = grow_end;
    topic_wait_start(&grow->wait, request, grow->in->timeout_ms);
}

/* -- on the coordination loop --------------------------------------------- */

typedef struct wire_create_partitions_request_topics grow_in;

static void grow_set_done(struct zk_op *op)
{
    struct topic_step *step = CONTAINER_OF(op, struct topic_step, op);

    if (op->err == ERR_OK)
        topic_step_end(step, KAFKA_NONE, "");
    else if (op->err == ERR_CONFLICT)
        topic_step_end(step, KAFKA_REASSIGNMENT_IN_PROGRESS,
                       "The topic's assignment was changed by somebody else at "
                       "this moment; try again.");
    else
        topic_step_fail(step);
}

static void tell_absent(struct bytes name, struct errmsg *why)
{
    err_set(why, ERR_ABSENT, "The topic '%.*s' does not exist.",
            BYTES_ARG(name));
}

static bool is_reassigning(const struct znode_topic *topic)
{
    for (size_t i = 0; i < topic->n_partitions; i++) {
        if (topic->partitions[i].n_adding || topic->partitions[i].n_removing)
            return true;
    }
    return false;
}

/* Brokers that are not there, each once, in order of appearance; of many, the
 * first ones. */
static int16_t refuse_unknown(const grow_in *in,
                              const struct meta_cluster *cluster,
                              struct errmsg *why)
{
    int32_t unknown[64];
    struct znode_replicas list = { .replicas = unknown };
    size_t seen = 0;
    char text[400];

    for (size_t i = 0; i < in->n_assignments; i++)
        for (size_t j = 0; j < in->assignments[i].n_broker_ids; j++) {
            int32_t id = in->assignments[i].broker_ids[j];

            if (seen == sizeof unknown / sizeof *unknown ||
                meta_broker_find(cluster, id) != NULL)
                continue;
            seen++;
            unknown[list.n_replicas++] = id;
            list.n_replicas -= topic_replicas_twice(&list);
        }
    if (list.n_replicas == 0)
        return KAFKA_NONE;
    topic_replicas_show(&list, text, sizeof text);
    err_set(why, ERR_INVALID, "Unknown broker(s) in replica assignment: %s.",
            text);
    return KAFKA_INVALID_REPLICA_ASSIGNMENT;
}

static int16_t check_replicas(const struct znode_replicas *p,
                              struct errmsg *why)
{
    char text[400];

    if (p->n_replicas == 0) {
        err_set(why, ERR_INVALID,
                "Cannot have replication factor of 0 for partition id %d.",
                p->partition);
        return KAFKA_INVALID_REPLICA_ASSIGNMENT;
    }
    if (!topic_replicas_twice(p))
        return KAFKA_NONE;
    topic_replicas_show(p, text, sizeof text);
    err_set(why, ERR_INVALID,
            "Duplicate brokers not allowed in replica assignment: %s for "
            "partition id %d.",
            text, p->partition);
    return KAFKA_INVALID_REPLICA_ASSIGNMENT;
}

/* All new partitions have as many replicas as partition 0. */
static int16_t check_factor(const struct znode_replicas *partitions, size_t n,
                            size_t factor, struct errmsg *why)
{
    int32_t bad[64], factors[64];
    struct znode_replicas ids = { .replicas = bad },
                          counts = { .replicas = factors };
    char ids_text[200], counts_text[200];

    for (size_t i = 0; i < n && ids.n_replicas < 64; i++) {
        if (partitions[i].n_replicas == factor)
            continue;
        bad[ids.n_replicas++] = partitions[i].partition;
        factors[counts.n_replicas++] = (int32_t)partitions[i].n_replicas;
    }
    if (ids.n_replicas == 0)
        return KAFKA_NONE;
    topic_replicas_show(&ids, ids_text, sizeof ids_text);
    topic_replicas_show(&counts, counts_text, sizeof counts_text);
    err_set(why, ERR_INVALID,
            "Inconsistent replication factor between partitions, partition 0 "
            "has %zu while partitions [%s] have replication factors [%s], "
            "respectively.",
            factor, ids_text, counts_text);
    return KAFKA_INVALID_REPLICA_ASSIGNMENT;
}

/* The new partitions as the client gave them, behind those that are there. */
static int16_t grow_given(const grow_in *in, struct znode_replicas *out,
                          int32_t first, size_t n, size_t factor,
                          const struct meta_cluster *cluster,
                          struct errmsg *why)
{
    int16_t error = refuse_unknown(in, cluster, why);

    if (error != KAFKA_NONE)
        return error;
    if (in->n_assignments != n) {
        err_set(why, ERR_INVALID,
                "Increasing the number of partitions by "
                "%zu but %zu assignments provided.",
                n, in->n_assignments);
        return KAFKA_INVALID_REPLICA_ASSIGNMENT;
    }
    for (size_t i = 0; error == KAFKA_NONE && i < n; i++) {
        out[i].partition = first + (int32_t)i;
        out[i].replicas = in->assignments[i].broker_ids;
        out[i].n_replicas = in->assignments[i].n_broker_ids;
        if (out[i].n_replicas > cluster->n_brokers) /* one is there twice */
            out[i].n_replicas = cluster->n_brokers + 1;
        error = check_replicas(&out[i], why);
    }
    return error != KAFKA_NONE ? error : check_factor(out, n, factor, why);
}

static int16_t grow_assign(struct topic_step *step, struct znode_topic *topic,
                           const grow_in *in, struct errmsg *why)
{
    struct request *request = step->write->request;
    size_t old = topic->n_partitions;
    size_t n = (size_t)in->count - old;
    size_t factor = topic->partitions[0].n_replicas;
    struct meta_cluster *cluster = metadata_cluster(request->broker->metadata);
    struct znode_replicas *all =
        arena_array(&request->arena, old + n, sizeof *all);
    uint32_t start = 0;
    int16_t error = KAFKA_INVALID_PARTITIONS;

    if (all != NULL) {
        memcpy(all, topic->partitions, old * sizeof *all);
        for (size_t i = 0; i < cluster->n_brokers; i++) {
            if (factor && cluster->brokers[i].id == all[0].replicas[0])
                start = (uint32_t)i;
        }
        if (!in->assignments_null)
            error = grow_given(in, all + old, (int32_t)old, n, factor, cluster,
                               why);
        else
            error = topic_assign(&request->arena, cluster, (int64_t)n,
                                 (int64_t)factor, (int32_t)old, start, start,
                                 all + old, why);
        topic->partitions = all;
        topic->n_partitions = old + n;
    }
    meta_cluster_unref(cluster);
    return error;
}

/* Extend what was read; KAFKA_NONE when it may be written. */
static int16_t grow_extend(struct topic_step *step, struct znode_topic *topic,
                           struct errmsg *why)
{
    const grow_in *in = step->arg;

    if (topic->n_partitions == 0) {
        tell_absent(in->name, why);
        return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    }
    if (is_reassigning(topic)) {
        err_set(why, ERR_BUSY,
                "A partition reassignment is in progress "
                "for the topic '%.*s'.",
                BYTES_ARG(in->name));
        return KAFKA_REASSIGNMENT_IN_PROGRESS;
    }
    if ((int64_t)in->count == (int64_t)topic->n_partitions) {
        err_set(why, ERR_INVALID, "Topic already has %zu partitions.",
                topic->n_partitions);
        return KAFKA_INVALID_PARTITIONS;
    }
    if ((int64_t)in->count < (int64_t)topic->n_partitions) {
        err_set(why, ERR_INVALID,
                "Topic currently has %zu partitions, "
                "which is higher than the requested %d.",
                topic->n_partitions, in->count);
        return KAFKA_INVALID_PARTITIONS;
    }
    if (in->count > TOPIC_PARTITIONS_MOST) {
        err_set(why, ERR_LIMIT,
                "Number of partitions is above %d, more "
                "than one topic's znode can hold.",
                TOPIC_PARTITIONS_MOST);
        return KAFKA_INVALID_PARTITIONS;
    }
    return grow_assign(step, topic, in, why);
}

static void grow_got(struct zk_op *op)
{
    struct topic_step *step = CONTAINER_OF(op, struct topic_step, op);
    struct request *request = step->write->request;
    const struct grow *grow = step->write->arg;
    struct znode_topic topic;
    struct znode_path path;
    struct errmsg why = { "" };
    struct wr w;
    int16_t error;

    if (op->err == ERR_ABSENT) {
        tell_absent(step->plan->name, &why);
        topic_step_end(step, KAFKA_UNKNOWN_TOPIC_OR_PARTITION, why.text);
        return;
    }
    if (op->err != ERR_OK) {
        topic_step_fail(step);
        return;
    }
    if (znode_topic_read(op->data, &request->arena, &topic, &why) != ERR_OK) {
        topic_step_end(step, KAFKA_UNKNOWN_SERVER_ERROR, why.text);
        return;
    }
    error = grow_extend(step, &topic, &why);
    step->plan->n_partitions = topic.n_partitions;
    if (error != KAFKA_NONE || grow->in->validate_only) {
        topic_step_end(step, error, why.text);
        return;
    }
    wr_init(&w, GROW_PAYLOAD_MOST);
    znode_topic_write(&w, &topic);
    if (w.err != ERR_OK) {
        topic_step_end(step, KAFKA_INVALID_PARTITIONS,
                       "The topic would have more "
                       "partitions than one znode can hold (1 MB of JSON).");
    } else {
        int32_t version = op->stat.version;

        step->op = (struct zk_op){ .on_done = grow_set_done, .retry = true };
        zk_set(request->broker->zk, &step->op,
               znode_path_topic(&path, step->plan->name),
               bytes_make(w.data, w.len), version);
    }
    wr_fini(&w);
}

static void grow_begin(struct topic_step *step)
{
    struct znode_path path;

    step->op = (struct zk_op){ .on_done = grow_got, .retry = true };
    zk_get(step->write->request->broker->zk, &step->op,
           znode_path_topic(&path, step->plan->name), NULL);
}

static int16_t grow_refusal(const struct request *request,
                            const struct named *topic, struct errmsg *why)
{
    if (!controller_is_active(request->broker->controller))
        return KAFKA_NOT_CONTROLLER;
    if (topic->twice) {
        err_set(why, ERR_INVALID, "Duplicate topic in request.");
        return KAFKA_INVALID_REQUEST;
    }
    if (topic_name_check(topic->name, NULL) != KAFKA_NONE) {
        tell_absent(topic->name, why);
        return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    }
    return KAFKA_NONE;
}

void api_create_partitions(struct request *request)
{
    const struct wire_create_partitions_request *in = request_read(request);

    if (in == NULL)
        return;
    struct grow *grow = arena_take(&request->arena, sizeof *grow);
    struct topic_plan *plans =
        arena_array(&request->arena, in->n_topics, sizeof *plans);
    struct topic_write *write = topic_write_new(request, plans, in->n_topics);
    struct named *names =
        arena_array(&request->arena, in->n_topics, sizeof *names);
    for (size_t i = 0; names && i < in->n_topics; i++)
        names[i].name = in->topics[i].name;
    if (grow == NULL || plans == NULL || write == NULL || names == NULL ||
        !names_mark_twice(&request->arena, names, in->n_topics)) {
        request_close(request,
                      "CreatePartitions: too many topics in one request");
        return;
    }
    *grow = (struct grow){ .in = in, .plans = plans };
    for (size_t i = 0; i < in->n_topics; i++) {
        struct errmsg why = { "" };
        int16_t error = grow_refusal(request, &names[i], &why);

        plans[i].name = in->topics[i].name;
        topic_plan_fail(&plans[i], &request->arena, error, &why);
        write->steps[i].arg = &in->topics[i];
    }
    write->step = grow_begin;
    write->on_done = grow_written;
    write->arg = grow;
    request->park = write;
    topic_write_start(write, request);
}
