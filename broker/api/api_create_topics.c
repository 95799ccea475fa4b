/* api_create_topics.c - CreateTopics: plan, write to ZooKeeper, wait for
 * leaders.
 *
 * Only the active controller's broker serves it (else NOT_CONTROLLER). Each
 * topic has its own error; the answer leaves when this broker's metadata knows
 * a leader for every partition of all topics that were made, or at the deadline
 * with REQUEST_TIMED_OUT for those that are not ready.
 */
#include <stdio.h>

#include "api/api_topics.h"
#include "api/names_twice.h"
#include "api/topic_plan.h"
#include "api/topic_wait.h"
#include "api/topic_write.h"
#include "api/api_table.h"
#include "broker.h"
#include "config/config.h"
#include "controller/controller.h"
#include "wire/errors.h"
#include "wire/msg_create_topics.h"

struct create {
    const struct wire_create_topics_request *in;
    struct topic_plan *plans; /* parallel to in->topics */
    struct topic_wait wait;
};

typedef struct wire_create_topics_request_topics topic_in;
typedef struct wire_create_topics_response_topics topic_out;

/* One for each topic, marked where a name is not the only one; NULL when the
 * arena is full. */
static const struct named *names_of(struct arena *arena,
                                    const struct wire_create_topics_request *in)
{
    struct named *names = arena_array(arena, in->n_topics, sizeof *names);

    for (size_t i = 0; names && i < in->n_topics; i++)
        names[i].name = in->topics[i].name;
    return names && names_mark_twice(arena, names, in->n_topics) ? names : NULL;
}

static int by_partition(const void *a, const void *b)
{
    const struct znode_replicas *x = a, *y = b;

    return (x->partition > y->partition) - (x->partition < y->partition);
}

/* The assignment the client gave, sorted. */
static int16_t plan_given(struct topic_plan *plan, struct arena *arena,
                          const topic_in *in, struct errmsg *why)
{
    if (in->num_partitions != -1 || in->replication_factor != -1) {
        err_set(
            why, ERR_INVALID,
            "Both numPartitions or replicationFactor and replicasAssignments "
            "were set. Both cannot be used at the same time.");
        return KAFKA_INVALID_REQUEST;
    }
    plan->partitions =
        arena_array(arena, in->n_assignments, sizeof *plan->partitions);
    if (plan->partitions == NULL)
        return KAFKA_INVALID_REQUEST;
    plan->n_partitions = in->n_assignments;
    for (size_t i = 0; i < in->n_assignments; i++) {
        plan->partitions[i].partition = in->assignments[i].partition_index;
        plan->partitions[i].replicas = in->assignments[i].broker_ids;
        plan->partitions[i].n_replicas = in->assignments[i].n_broker_ids;
    }
    qsort(plan->partitions, plan->n_partitions, sizeof *plan->partitions,
          by_partition);
    return KAFKA_NONE;
}

int16_t topic_plan_counts(struct topic_plan *plan, struct request *request,
                          int64_t n_partitions, int64_t factor,
                          struct errmsg *why)
{
    const struct config *cfg = request->broker->config;
    uint32_t random[2];
    int16_t error;

    if (n_partitions == -1)
        n_partitions = config_int64(cfg, CFG_NUM_PARTITIONS);
    if (factor == -1)
        factor = config_int64(cfg, CFG_DEFAULT_REPLICATION_FACTOR);
    if (n_partitions <= 0) {
        err_set(why, ERR_INVALID,
                "Number of partitions must be larger than 0.");
        return KAFKA_INVALID_PARTITIONS;
    }
    if (n_partitions > TOPIC_PARTITIONS_MOST) {
        err_set(why, ERR_LIMIT,
                "Number of partitions is above %d, more "
                "than one topic's znode can hold.",
                TOPIC_PARTITIONS_MOST);
        return KAFKA_INVALID_PARTITIONS;
    }
    plan->partitions = arena_array(&request->arena, (size_t)n_partitions,
                                   sizeof *plan->partitions);
    if (plan->partitions == NULL)
        return KAFKA_INVALID_PARTITIONS;
    plan->n_partitions = (size_t)n_partitions;
    struct uuid u = uuid_random();
    memcpy(random, u.b + 8, sizeof random);
    struct meta_cluster *cluster = metadata_cluster(request->broker->metadata);
    uint32_t n = cluster->n_brokers ? (uint32_t)cluster->n_brokers : 1;
    error = topic_assign(&request->arena, cluster, n_partitions, factor, 0,
                         random[0] % n, random[1] % n, plan->partitions, why);
    meta_cluster_unref(cluster);
    return error;
}

static int16_t plan_configs(struct topic_plan *plan, struct request *request,
                            const topic_in *in, struct errmsg *why)
{
    plan->configs =
        arena_array(&request->arena, in->n_configs, sizeof *plan->configs);
    if (plan->configs == NULL)
        return KAFKA_INVALID_CONFIG;
    plan->n_configs = in->n_configs;
    for (size_t i = 0; i < in->n_configs; i++)
        plan->configs[i] =
            (struct conf_pair){ in->configs[i].name, in->configs[i].value };
    if (topic_config_check(request->broker->config, plan->configs,
                           plan->n_configs, why) != ERR_OK)
        return KAFKA_INVALID_CONFIG;
    return KAFKA_NONE;
}

static int16_t refuse_null(const topic_in *in, struct errmsg *why)
{
    struct bytes names = BYTES_NULL;
    char text[300];
    size_t len = 0;

    for (size_t i = 0; i < in->n_configs; i++) {
        if (!bytes_is_null(in->configs[i].value))
            continue;
        names = in->configs[i].name;
        if (len < sizeof text)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s%.*s",
                                    len > 0 ? "," : "", BYTES_ARG(names));
    }
    if (bytes_is_null(names))
        return KAFKA_NONE;
    err_set(why, ERR_INVALID, "Null value not supported for topic configs: %s",
            text);
    return KAFKA_INVALID_CONFIG;
}

static int16_t refuse_existing(const struct topic_plan *plan,
                               struct request *request, struct errmsg *why)
{
    struct meta_topic *there =
        metadata_topic_find(request->broker->metadata, plan->name);

    if (there == NULL)
        return KAFKA_NONE;
    meta_topic_unref(there);
    err_set(why, ERR_EXISTS, "Topic '%.*s' already exists.",
            BYTES_ARG(plan->name));
    return KAFKA_TOPIC_ALREADY_EXISTS;
}

int16_t topic_plan_name(struct topic_plan *plan, struct request *request,
                        struct errmsg *why)
{
    struct meta_topic *other;
    int16_t error = topic_name_check(plan->name, why);

    if (error == KAFKA_NONE)
        error = refuse_existing(plan, request, why);
    if (error != KAFKA_NONE)
        return error;
    plan->id = uuid_random();
    other = metadata_collision_find(request->broker->metadata, plan->name);
    if (other != NULL) {
        err_set(why, ERR_EXISTS,
                "Topic '%.*s' collides with existing "
                "topics: %.*s",
                BYTES_ARG(plan->name), BYTES_ARG(other->name));
        meta_topic_unref(other);
        return KAFKA_INVALID_TOPIC_EXCEPTION;
    }
    return KAFKA_NONE;
}

/* In Kafka's order, for a request with several faults is told one of them. */
static int16_t plan_make(struct topic_plan *plan, struct request *request,
                         const topic_in *in, struct errmsg *why)
{
    bool given = in->n_assignments > 0;
    int16_t error = refuse_existing(plan, request, why);

    if (error == KAFKA_NONE)
        error = refuse_null(in, why);
    if (error == KAFKA_NONE)
        error = given ? plan_given(plan, &request->arena, in, why)
                      : topic_plan_counts(plan, request, in->num_partitions,
                                          in->replication_factor, why);
    if (error == KAFKA_NONE)
        error = topic_plan_name(plan, request, why);
    if (error == KAFKA_NONE && given)
        error = topic_assignment_check(plan->partitions, plan->n_partitions, 0,
                                       why);
    if (error == KAFKA_NONE)
        error = plan_configs(plan, request, in, why);
    return error;
}

/* -- the answer ----------------------------------------------------------- */

static void answer_configs(struct request *request,
                           const struct topic_plan *plan, topic_out *out)
{
    out->configs =
        arena_array(&request->arena, TOPIC_KEY_COUNT, sizeof *out->configs);
    if (out->configs == NULL)
        return;
    for (int key = 0; key < TOPIC_KEY_COUNT; key++) {
        const struct conf_key *row = topic_key_row((enum topic_key)key);
        struct config_synonym synonyms[CONFIG_SYNONYMS_MAX];
        struct wire_create_topics_response_topics_configs *c;

        if (row->flags & CONF_INTERNAL)
            continue;
        size_t n = topic_synonyms(request->broker->config, (enum topic_key)key,
                                  plan->configs, plan->n_configs, synonyms);
        c = &out->configs[out->n_configs++];
        c->name = bytes_of(row->name);
        c->value = topic_value(request->broker->config, (enum topic_key)key,
                               plan->configs, plan->n_configs, &request->arena);
        c->config_source =
            (int8_t)(n > 0 ? synonyms[0].source : CONFIG_DEFAULT);
        c->is_sensitive = conf_is_secret(row);
    }
}

static void create_answer(struct request *request, struct create *create)
{
    struct wire_create_topics_response response;

    wire_create_topics_response_init(&response);
    response.n_topics = create->in->n_topics;
    response.topics = arena_array(&request->arena, response.n_topics,
                                  sizeof *response.topics);
    for (size_t i = 0; response.topics && i < response.n_topics; i++) {
        const struct topic_plan *plan = &create->plans[i];
        topic_out *out = &response.topics[i];

        wire_create_topics_response_topics_init(out);
        out->name = create->in->topics[i].name;
        out->error_code = plan->error;
        out->error_message = plan->message;
        if (plan->error != KAFKA_NONE)
            continue;
        if (!create->in->validate_only)
            out->topic_id = plan->id;
        out->num_partitions = (int32_t)plan->n_partitions;
        out->replication_factor = (int16_t)plan->partitions[0].n_replicas;
        if (request->version >= 5)
            answer_configs(request, plan, out);
    }
    if (request->arena.err != ERR_OK)
        request_close(request, "CreateTopics: the answer is too large");
    else
        request_reply(request, &response);
}

bool topic_plan_is_led(struct metadata *md, const struct topic_plan *plan)
{
    struct meta_topic *topic = metadata_topic_find(md, plan->name);
    size_t led = 0;

    if (topic == NULL)
        return false;
    for (size_t p = 0; p < topic->n_partitions; p++)
        led += topic->partitions[p].leader >= 0;
    meta_topic_unref(topic);
    return led >= plan->n_partitions;
}

static bool create_is_done(struct topic_wait *wait)
{
    const struct create *create = wait->arg;

    for (size_t i = 0; i < create->in->n_topics; i++) {
        if (create->plans[i].error == KAFKA_NONE &&
            !topic_plan_is_led(wait->request->broker->metadata,
                               &create->plans[i]))
            return false;
    }
    return true;
}

static void create_end(struct topic_wait *wait, bool timed_out)
{
    struct create *create = wait->arg;
    struct request *request = wait->request;

    for (size_t i = 0; timed_out && i < create->in->n_topics; i++) {
        struct topic_plan *plan = &create->plans[i];

        if (plan->error == KAFKA_NONE &&
            (create->in->timeout_ms <= 0 ||
             !topic_plan_is_led(request->broker->metadata, plan)))
            plan->error = KAFKA_REQUEST_TIMED_OUT;
    }
    create_answer(request, create);
}

static void create_written(struct request *request)
{
    struct topic_write *write = request->park;
    struct create *create = write->arg;

    create->wait.arg = create;
    create->wait.is_done = create_is_done;
    create->wait.on_end = create_end;
    topic_wait_start(&create->wait, request, create->in->timeout_ms);
}

void api_create_topics(struct request *request)
{
    const struct wire_create_topics_request *in = request_read(request);
    bool active = controller_is_active(request->broker->controller);
    struct topic_write *write;
    struct create *create;

    if (in == NULL)
        return;
    create = arena_take(&request->arena, sizeof *create);
    struct topic_plan *plans =
        arena_array(&request->arena, in->n_topics, sizeof *plans);
    write = topic_write_new(request, plans, in->n_topics);
    const struct named *names = names_of(&request->arena, in);
    if (create == NULL || plans == NULL || write == NULL || names == NULL) {
        request_close(request, "CreateTopics: too many topics in one request");
        return;
    }
    *create = (struct create){ .in = in, .plans = plans };
    for (size_t i = 0; i < in->n_topics; i++) {
        struct errmsg why = { "" };
        int16_t error = KAFKA_NOT_CONTROLLER;

        plans[i].name = in->topics[i].name;
        if (active && names[i].twice) {
            error = KAFKA_INVALID_REQUEST;
            err_set(&why, ERR_EXISTS, "Found multiple entries for this topic.");
        } else if (active) {
            error = plan_make(&plans[i], request, &in->topics[i], &why);
        }
        topic_plan_fail(&plans[i], &request->arena, error, &why);
    }
    if (!active || in->validate_only) {
        create_answer(request, create);
        return;
    }
    write->step = topic_step_create;
    write->on_done = create_written;
    write->arg = create;
    request->park = write;
    topic_write_start(write, request);
}
