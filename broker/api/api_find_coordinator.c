/* api_find_coordinator.c - FindCoordinator: which broker to ask about a group.
 *
 * The broker that leads the group's partition of __consumer_offsets. The topic
 * is made on first use, once as many brokers live as its replication factor
 * asks; the request that finds it missing makes it, and all that come meanwhile
 * wait a moment for its leaders, so that most clients need not ask again.
 */
#include "api/api_table.h"
#include "api/api_topics.h"
#include "api/topic_wait.h"
#include "api/topic_write.h"
#include "broker.h"
#include "config/config.h"
#include "group/group.h"
#include "wire/errors.h"
#include "wire/msg_find_coordinator.h"

enum {
    KEY_GROUP = 0,
    KEY_TRANSACTION = 1,
    LEADER_WAIT_MS = 1000,
};

/* The plan of a topic with as many partitions as there can be. */
#define PLAN_MOST ((size_t)64 << 20)

struct find {
    struct request *request;
    const struct wire_find_coordinator_request *in;
    struct topic_plan plan;
    struct topic_wait wait;
};

struct found {
    int16_t error;
    const char *message;
    int32_t id;
    struct bytes host;
    int32_t port;
};

/* -- answering ------------------------------------------------------------ */

static struct found not_available(void)
{
    return (struct found){ KAFKA_COORDINATOR_NOT_AVAILABLE,
                           "The coordinator is not available.", -1, BYTES(""),
                           -1 };
}

static struct found find_group(const struct find *f,
                               const struct meta_topic *topic,
                               const struct meta_cluster *cluster,
                               struct bytes key)
{
    const struct meta_partition *partition;
    const struct meta_broker *broker;
    const struct meta_endpoint *at;

    if (!topic || topic->n_partitions == 0)
        return not_available();
    partition = meta_partition_find(
        topic, group_partition(key, (int32_t)topic->n_partitions));
    broker = partition ? meta_broker_find(cluster, partition->leader) : NULL;
    at = broker ? meta_endpoint_find(broker, f->request->listener->name) : NULL;
    if (!at)
        return not_available();
    return (struct found){ KAFKA_NONE, "NONE", broker->id,
                           arena_copy(&f->request->arena, bytes_of(at->host)),
                           at->port };
}

static struct found find_key(const struct find *f,
                             const struct meta_topic *topic,
                             const struct meta_cluster *cluster,
                             struct bytes key)
{
    if (f->in->key_type == KEY_GROUP)
        return find_group(f, topic, cluster, key);
    if (f->in->key_type == KEY_TRANSACTION)
        return (struct found){ KAFKA_UNSUPPORTED_VERSION,
                               "This broker does not coordinate transactions.",
                               -1, BYTES(""), -1 };
    return (struct found){ KAFKA_INVALID_REQUEST,
                           "This most likely occurs because of a request being "
                           "malformed by the client library or the message "
                           "was sent to an incompatible broker. See the "
                           "broker logs for more details.",
                           -1, BYTES(""), -1 };
}

static void fill_many(const struct find *f, const struct meta_topic *topic,
                      const struct meta_cluster *cluster,
                      struct wire_find_coordinator_response *out)
{
    size_t n = f->in->n_coordinator_keys;

    out->coordinators =
        arena_array(&f->request->arena, n, sizeof *out->coordinators);
    for (size_t i = 0; out->coordinators && i < n; i++) {
        struct found found =
            find_key(f, topic, cluster, f->in->coordinator_keys[i]);
        struct wire_find_coordinator_response_coordinators *to =
            &out->coordinators[out->n_coordinators++];

        wire_find_coordinator_response_coordinators_init(to);
        to->key = f->in->coordinator_keys[i];
        to->node_id = found.id;
        to->host = found.host;
        to->port = found.port;
        to->error_code = found.error;
        to->error_message =
            found.error == KAFKA_NONE ? BYTES("") : bytes_of(found.message);
    }
}

static void answer(struct find *f)
{
    struct request *request = f->request;
    struct metadata *md = request->broker->metadata;
    struct meta_topic *topic = metadata_topic_find(md, BYTES(GROUP_TOPIC));
    struct meta_cluster *cluster = metadata_cluster(md);
    struct wire_find_coordinator_response out;

    wire_find_coordinator_response_init(&out);
    if (request->version >= 4) {
        fill_many(f, topic, cluster, &out);
    } else {
        struct found found = find_key(f, topic, cluster, f->in->key);

        out.error_code = found.error;
        out.error_message = bytes_of(found.message);
        out.node_id = found.id;
        out.host = found.host;
        out.port = found.port;
    }
    if (topic)
        meta_topic_unref(topic);
    meta_cluster_unref(cluster);
    if (request->arena.err == ERR_OK)
        request_reply(request, &out);
    else
        request_close(request, "the request needs too much memory");
}

/* -- the topic ------------------------------------------------------------ */

static bool topic_is_led(struct topic_wait *wait)
{
    struct metadata *md = wait->request->broker->metadata;
    struct meta_topic *topic = metadata_topic_find(md, BYTES(GROUP_TOPIC));
    bool led = topic != NULL;

    for (size_t i = 0; led && i < topic->n_partitions; i++)
        led = topic->partitions[i].leader >= 0;
    if (topic)
        meta_topic_unref(topic);
    return led;
}

static void wait_over(struct topic_wait *wait, bool timed_out)
{
    (void)timed_out;
    answer(wait->arg);
}

static void await_leaders(struct find *f)
{
    f->wait.arg = f;
    f->wait.is_done = topic_is_led;
    f->wait.on_end = wait_over;
    topic_wait_start(&f->wait, f->request, LEADER_WAIT_MS);
}

static void written(struct request *request)
{
    struct topic_write *write = request->park;

    groups_create_end(request->broker->groups);
    await_leaders(write->arg);
}

/* True when the request is on its way to create the topic. */
static bool create(struct find *f)
{
    struct request *request = f->request;
    struct topic_write *write;
    struct errmsg why = { "" };
    int64_t n_partitions = -1, factor = -1;
    int16_t error;

    request->arena.limit_bytes = PLAN_MOST;
    f->plan.name = BYTES(GROUP_TOPIC);
    error = topic_plan_name(&f->plan, request, &why);
    if (error == KAFKA_NONE) {
        topic_plan_internal(&f->plan, request, &n_partitions, &factor);
        error =
            topic_plan_counts(&f->plan, request, n_partitions, factor, &why);
    }
    topic_plan_fail(&f->plan, &request->arena, error, &why);
    write = error == KAFKA_NONE ? topic_write_new(request, &f->plan, 1) : NULL;
    if (!write)
        return false;
    write->step = topic_step_create;
    write->on_done = written;
    write->arg = f;
    request->park = write;
    topic_write_start(write, request);
    return true;
}

static void begin(struct find *f)
{
    struct broker *broker = f->request->broker;
    struct meta_cluster *cluster = metadata_cluster(broker->metadata);
    int64_t wanted =
        config_int64(broker->config, CFG_OFFSETS_TOPIC_REPLICATION_FACTOR);
    size_t live = cluster->n_brokers;

    meta_cluster_unref(cluster);
    if (live == 0) { /* nobody has told us of the cluster yet */
        answer(f);
    } else if ((int64_t)live < wanted) {
        groups_create_wait(broker->groups, live, wanted);
        answer(f);
    } else if (!groups_create_begin(broker->groups)) {
        await_leaders(f); /* somebody else makes it */
    } else if (!create(f)) {
        groups_create_end(broker->groups);
        answer(f);
    }
}

static bool topic_is_known(const struct request *request)
{
    struct meta_topic *topic =
        metadata_topic_find(request->broker->metadata, BYTES(GROUP_TOPIC));

    if (topic)
        meta_topic_unref(topic);
    return topic != NULL;
}

void api_find_coordinator(struct request *request)
{
    const struct wire_find_coordinator_request *in = request_read(request);
    struct find *f;

    if (!in)
        return;
    f = arena_take(&request->arena, sizeof *f);
    if (!f) {
        request_close(request, "the request needs too much memory");
        return;
    }
    f->request = request;
    f->in = in;
    if (in->key_type != KEY_GROUP || topic_is_known(request))
        answer(f);
    else
        begin(f);
}
