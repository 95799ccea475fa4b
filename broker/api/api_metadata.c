/* api_metadata.c - Metadata: brokers, topics, leaders; topics made on the way.
 *
 * The answer is made from one immutable view of each topic. A topic that is
 * asked for by name, unknown, and allowed to be created, is planned and written
 * to ZooKeeper by this very broker (any broker may); then the answer waits a
 * moment for the leader, so that most clients need not ask again. If it does
 * not come in time the topic is answered with LEADER_NOT_AVAILABLE, as Kafka
 * always does.
 */
#include "api/acl_bits.h"
#include "api/api_topics.h"
#include "api/names_twice.h"
#include "api/topic_wait.h"
#include "api/topic_write.h"
#include "api/api_table.h"
#include "base/clock.h"
#include "broker.h"
#include "config/config.h"
#include "config/overrides.h"
#include "wire/errors.h"
#include "wire/msg_metadata.h"

enum {
    METADATA_LEADER_WAIT_MS = 1000,
    METADATA_FRESH_US =
        10 * 1000 * 1000 /* after the start: see is_introduced() */
};

typedef struct wire_metadata_response_topics topic_out;
typedef struct wire_metadata_response_topics_partitions partition_out;

struct view {
    struct request *request;
    const struct wire_metadata_request *in;
    struct wire_metadata_response response;
    struct meta_cluster *cluster;
    struct meta_topic **held; /* references to give back after the answer */
    size_t n_held;
    struct named *names;      /* those asked for; not when all are */
    struct topic_plan **made; /* by index of those asked for; NULL: not made */
    struct topic_plan *plans; /* topics to be made */
    size_t n_plans;
    struct topic_wait wait;
};

/* -- partitions ----------------------------------------------------------- */

/* The replica can be reached on the listener the request came in on. */
static bool is_reachable(const struct view *view, int32_t broker)
{
    const struct meta_broker *b = meta_broker_find(view->cluster, broker);

    return b != NULL &&
           meta_endpoint_find(b, view->request->listener->name) != NULL;
}

static int16_t leader_error(const struct view *view, int32_t leader)
{
    if (is_reachable(view, leader))
        return KAFKA_NONE;
    if (meta_broker_find(view->cluster, leader) == NULL ||
        view->request->version < 6)
        return KAFKA_LEADER_NOT_AVAILABLE;
    return KAFKA_LISTENER_NOT_FOUND;
}

/* Version 0 leaves out replicas that cannot be reached, and says so. */
static size_t keep_reachable(const struct view *view, const int32_t *in,
                             size_t n, int32_t **out)
{
    size_t kept = 0;

    *out = arena_array(&view->request->arena, n, sizeof **out);
    for (size_t i = 0; *out && i < n; i++) {
        if (is_reachable(view, in[i]))
            (*out)[kept++] = in[i];
    }
    return kept;
}

static void fill_offline(const struct view *view,
                         const struct meta_partition *p, partition_out *out)
{
    size_t n = 0;

    for (size_t i = 0; i < p->n_replicas; i++)
        n += !is_reachable(view, p->replicas[i]);
    if (n == 0 && p->n_offline == 0)
        return;
    out->offline_replicas = arena_array(&view->request->arena, p->n_replicas,
                                        sizeof *out->offline_replicas);
    for (size_t i = 0; out->offline_replicas && i < p->n_replicas; i++) {
        bool offline = !is_reachable(view, p->replicas[i]);

        for (size_t j = 0; j < p->n_offline; j++)
            offline |= p->offline[j] == p->replicas[i];
        if (offline)
            out->offline_replicas[out->n_offline_replicas++] = p->replicas[i];
    }
}

static void fill_partition(const struct view *view,
                           const struct meta_partition *p, partition_out *out)
{
    wire_metadata_response_topics_partitions_init(out);
    out->partition_index = p->index;
    out->leader_epoch = p->leader_epoch;
    out->error_code = leader_error(view, p->leader);
    out->leader_id = out->error_code == KAFKA_NONE ? p->leader : -1;
    /* The writer does not change what it is given. */
    out->replica_nodes = (int32_t *)(uintptr_t)p->replicas;
    out->n_replica_nodes = p->n_replicas;
    out->isr_nodes = (int32_t *)(uintptr_t)p->isr;
    out->n_isr_nodes = p->n_isr;
    fill_offline(view, p, out);
    if (view->request->version > 0)
        return;
    out->n_replica_nodes =
        keep_reachable(view, p->replicas, p->n_replicas, &out->replica_nodes);
    out->n_isr_nodes = keep_reachable(view, p->isr, p->n_isr, &out->isr_nodes);
    if (out->error_code == KAFKA_NONE &&
        (out->n_replica_nodes < p->n_replicas || out->n_isr_nodes < p->n_isr))
        out->error_code = KAFKA_REPLICA_NOT_AVAILABLE;
}

/* -- topics --------------------------------------------------------------- */

/* Describe a topic; its reference is kept until the answer is written. */
static void fill_topic(struct view *view, struct meta_topic *topic,
                       topic_out *out)
{
    wire_metadata_response_topics_init(out);
    out->name = topic->name;
    out->topic_id = topic->id;
    out->is_internal = topic_is_internal(topic->name);
    out->partitions = arena_array(&view->request->arena, topic->n_partitions,
                                  sizeof *out->partitions);
    if (out->partitions != NULL)
        out->n_partitions = topic->n_partitions;
    for (size_t i = 0; i < out->n_partitions; i++)
        fill_partition(view, &topic->partitions[i], &out->partitions[i]);
    if (view->in->include_topic_authorized_operations)
        out->topic_authorized_operations = ACL_BITS_TOPIC;
    view->held[view->n_held++] = topic;
}

static void fill_missing(const struct view *view, struct bytes name,
                         struct uuid id, int16_t error, topic_out *out)
{
    wire_metadata_response_topics_init(out);
    out->name = name;
    if (bytes_is_null(name) && view->request->version < 12)
        out->name = BYTES("");
    out->topic_id = id;
    out->error_code = error;
    out->is_internal = !bytes_is_null(name) && topic_is_internal(name);
    if (view->in->include_topic_authorized_operations)
        out->topic_authorized_operations = ACL_BITS_TOPIC;
}

static int16_t missing_error(const struct view *view, size_t i,
                             struct bytes name)
{
    const struct topic_plan *plan = view->made[i];

    if (topic_name_check(name, NULL) != KAFKA_NONE)
        return KAFKA_INVALID_TOPIC_EXCEPTION;
    if (plan == NULL)
        return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    if (plan->error == KAFKA_NONE || plan->error == KAFKA_TOPIC_ALREADY_EXISTS)
        return KAFKA_LEADER_NOT_AVAILABLE;
    return plan->error;
}

static void fill_asked(struct view *view, size_t i, topic_out *out)
{
    const struct wire_metadata_request_topics *asked = &view->in->topics[i];
    struct metadata *md = view->request->broker->metadata;
    bool by_id = view->request->version >= 12 && bytes_is_null(asked->name);
    struct meta_topic *topic = by_id
                                   ? metadata_topic_find_id(md, asked->topic_id)
                                   : metadata_topic_find(md, asked->name);

    if (topic != NULL)
        fill_topic(view, topic, out);
    else if (by_id)
        fill_missing(view, BYTES_NULL, asked->topic_id, KAFKA_UNKNOWN_TOPIC_ID,
                     out);
    else
        fill_missing(view, asked->name, (struct uuid){ { 0 } },
                     missing_error(view, i, asked->name), out);
}

static bool asks_all(const struct view *view)
{
    return view->in->topics_null ||
           (view->request->version == 0 && view->in->n_topics == 0);
}

static void fill_all(struct view *view)
{
    struct meta_topic **all;
    size_t n;

    metadata_topics(view->request->broker->metadata, &all, &n);
    view->held = arena_array(&view->request->arena, n, sizeof(*view->held));
    view->response.topics =
        arena_array(&view->request->arena, n, sizeof *view->response.topics);
    for (size_t i = 0; i < n; i++) {
        if (view->held != NULL && view->response.topics != NULL)
            fill_topic(view, all[i],
                       &view->response.topics[view->response.n_topics++]);
        else
            meta_topic_unref(all[i]);
    }
    mem_free(all);
}

static void fill_brokers(struct view *view)
{
    view->response.brokers =
        arena_array(&view->request->arena, view->cluster->n_brokers,
                    sizeof *view->response.brokers);
    for (size_t i = 0; view->response.brokers && i < view->cluster->n_brokers;
         i++) {
        const struct meta_broker *b = &view->cluster->brokers[i];
        const struct meta_endpoint *at =
            meta_endpoint_find(b, view->request->listener->name);
        struct wire_metadata_response_brokers *out;

        if (at == NULL)
            continue;
        out = &view->response.brokers[view->response.n_brokers++];
        out->node_id = b->id;
        out->host = bytes_of(at->host);
        out->port = at->port;
        out->rack = bytes_of(b->rack);
    }
}

static void view_answer(struct view *view)
{
    struct request *request = view->request;

    wire_metadata_response_init(&view->response);
    view->cluster = metadata_cluster(request->broker->metadata);
    view->n_held = 0;
    fill_brokers(view);
    view->response.cluster_id = bytes_of(request->broker->cluster_id);
    view->response.controller_id = view->cluster->controller_id;
    if (asks_all(view)) {
        fill_all(view);
    } else {
        size_t n = view->in->n_topics;

        view->held = arena_array(&request->arena, n, sizeof(*view->held));
        view->response.topics =
            arena_array(&request->arena, n, sizeof *view->response.topics);
        for (size_t i = 0; view->held && view->response.topics && i < n; i++) {
            if (!view->names[i].again)
                fill_asked(view, i,
                           &view->response.topics[view->response.n_topics++]);
        }
    }
    if (view->in->include_cluster_authorized_operations)
        view->response.cluster_authorized_operations = ACL_BITS_CLUSTER;

    /* The reply may end the request and its arena: keep what is given back. */
    struct meta_cluster *cluster = view->cluster;
    size_t n_held = view->n_held;
    struct meta_topic **held = mem_need_array(n_held, sizeof(*held));
    if (n_held > 0)
        memcpy(held, view->held, n_held * sizeof(*held));
    if (request->arena.err != ERR_OK)
        request_close(request, "Metadata: the answer is too large");
    else
        request_reply(request, &view->response);
    for (size_t i = 0; i < n_held; i++)
        meta_topic_unref(held[i]);
    mem_free(held);
    meta_cluster_unref(cluster);
}

/* -- topics made on the way ----------------------------------------------- */

static bool view_is_done(struct topic_wait *wait)
{
    const struct view *view = wait->arg;

    for (size_t i = 0; i < view->n_plans; i++) {
        int16_t error = view->plans[i].error;

        if ((error == KAFKA_NONE || error == KAFKA_TOPIC_ALREADY_EXISTS) &&
            !topic_plan_is_led(wait->request->broker->metadata,
                               &view->plans[i]))
            return false;
    }
    return true;
}

static void view_end(struct topic_wait *wait, bool timed_out)
{
    (void)timed_out;
    view_answer(wait->arg);
}

static void view_written(struct request *request)
{
    struct topic_write *write = request->park;
    struct view *view = write->arg;

    view->wait.arg = view;
    view->wait.is_done = view_is_done;
    view->wait.on_end = view_end;
    topic_wait_start(&view->wait, request, METADATA_LEADER_WAIT_MS);
}

static void plan_missing(struct view *view, size_t i)
{
    struct bytes name = view->in->topics[i].name;
    struct request *request = view->request;
    struct topic_plan *plan = &view->plans[view->n_plans];
    struct meta_cluster *cluster = metadata_cluster(request->broker->metadata);
    bool nobody = cluster->n_brokers == 0; /* no UpdateMetadata yet */
    int64_t n_partitions = -1, factor = -1;
    struct errmsg why = { "" };
    int16_t error;

    meta_cluster_unref(cluster);
    if (topic_name_check(name, NULL) != KAFKA_NONE)
        return;
    view->made[i] = plan;
    *plan = (struct topic_plan){ .name = name };
    error = nobody ? KAFKA_LEADER_NOT_AVAILABLE
                   : topic_plan_name(plan, request, &why);
    if (error == KAFKA_NONE) {
        topic_plan_internal(plan, request, &n_partitions, &factor);
        error = topic_plan_counts(plan, request, n_partitions, factor, &why);
    }
    topic_plan_fail(plan, &request->arena, error, &why);
    view->n_plans++;
}

/* Plan what is unknown and may be created. */
static void view_plan(struct view *view)
{
    struct request *request = view->request;
    bool allowed =
        config_bool(request->broker->config, CFG_AUTO_CREATE_TOPICS_ENABLE) &&
        (request->version < 4 || view->in->allow_auto_topic_creation);

    if (asks_all(view) || !allowed)
        return;
    for (size_t i = 0; i < view->in->n_topics; i++) {
        struct bytes name = view->in->topics[i].name;
        struct meta_topic *topic;

        if (bytes_is_null(name) || view->names[i].again)
            continue;
        topic = metadata_topic_find(request->broker->metadata, name);
        if (topic != NULL) {
            meta_topic_unref(topic);
            continue;
        }
        if (view->plans == NULL)
            view->plans = arena_array(&request->arena, view->in->n_topics,
                                      sizeof *view->plans);
        if (view->plans == NULL)
            return;
        plan_missing(view, i);
    }
}

/* Mark what is asked for again: it is answered once. False: no memory. */
static bool view_name(struct view *view)
{
    const struct wire_metadata_request *in = view->in;
    struct arena *arena = &view->request->arena;

    view->names = arena_array(arena, in->n_topics, sizeof *view->names);
    view->made = arena_array(arena, in->n_topics, sizeof(*view->made));
    for (size_t i = 0; view->names && i < in->n_topics; i++) {
        bool by_id = bytes_is_null(in->topics[i].name);

        view->names[i].kind = by_id;
        view->names[i].name = by_id ? bytes_make(in->topics[i].topic_id.b, 16)
                                    : in->topics[i].name;
    }
    return view->names && view->made &&
           names_mark_twice(arena, view->names, in->n_topics);
}

/* Versions 10 and 11 carry topic ids but do not serve them (KIP-516). */
static bool asks_by_id_too_early(const struct view *view)
{
    if (view->request->version < 10 || view->request->version >= 12)
        return false;
    for (size_t i = 0; i < view->in->n_topics; i++) {
        if (bytes_is_null(view->in->topics[i].name) ||
            !uuid_is_zero(view->in->topics[i].topic_id))
            return true;
    }
    return false;
}

static void answer_invalid(struct view *view)
{
    wire_metadata_response_init(&view->response);
    view->response.topics =
        arena_array(&view->request->arena, view->in->n_topics,
                    sizeof *view->response.topics);
    for (size_t i = 0; view->response.topics && i < view->in->n_topics; i++)
        fill_missing(view, view->in->topics[i].name,
                     view->in->topics[i].topic_id, KAFKA_INVALID_REQUEST,
                     &view->response.topics[view->response.n_topics++]);
    request_reply(view->request, &view->response);
}

/* -- a broker that knows nobody yet -----------------------------------------
 */

static void view_begin(struct view *view)
{
    struct request *request = view->request;

    view_plan(view);
    struct topic_write *write =
        view->n_plans ? topic_write_new(request, view->plans, view->n_plans)
                      : NULL;
    if (write == NULL) {
        view_answer(view);
        return;
    }
    write->step = topic_step_create;
    write->on_done = view_written;
    write->arg = view;
    request->park = write;
    topic_write_start(write, request);
}

/* What ZooKeeper listed at the start has come from the controller too: an
 * answer before that would say that topics are gone which are there. */
static bool knows_its_topics(const struct view *view)
{
    const struct broker *broker = view->request->broker;

    if (asks_all(view))
        return metadata_topic_count(broker->metadata) >=
               overrides_topic_count(broker->overrides);
    for (size_t i = 0; i < view->in->n_topics; i++) {
        struct bytes name = view->in->topics[i].name;
        struct meta_topic *topic;

        if (bytes_is_null(name) ||
            !overrides_topic_known(broker->overrides, name))
            continue;
        topic = metadata_topic_find(broker->metadata, name);
        if (topic == NULL)
            return false;
        meta_topic_unref(topic);
    }
    return true;
}

/* The controller's first UpdateMetadata have come. */
static bool is_introduced(struct topic_wait *wait)
{
    const struct broker *broker = wait->request->broker;
    struct meta_cluster *cluster = metadata_cluster(broker->metadata);
    bool known = cluster->n_brokers > 0;

    meta_cluster_unref(cluster);
    if (known && clock_mono_us() - broker->started_us < METADATA_FRESH_US)
        known = knows_its_topics(wait->arg);
    return known;
}

static void introduced(struct topic_wait *wait, bool timed_out)
{
    (void)timed_out;
    view_begin(wait->arg);
}

/* In its first milliseconds a broker has not heard from the controller. An
 * answer without brokers would make clients pause for a second, one without the
 * topics they had would make them give up; so wait for the news. */
static void view_wait_for_news(struct view *view)
{
    view->wait.arg = view;
    view->wait.is_done = is_introduced;
    view->wait.on_end = introduced;
    topic_wait_start(&view->wait, view->request, METADATA_LEADER_WAIT_MS);
}

void api_metadata(struct request *request)
{
    const struct wire_metadata_request *in = request_read(request);

    if (in == NULL)
        return;
    struct view *view = arena_take(&request->arena, sizeof *view);
    if (view == NULL) {
        request_close(request, "Metadata: no memory");
        return;
    }
    view->request = request;
    view->in = in;
    if (!view_name(view)) {
        request_close(request, "Metadata: too many topics in one request");
        return;
    }
    if (asks_by_id_too_early(view)) {
        answer_invalid(view);
        return;
    }
    view_wait_for_news(view);
}
