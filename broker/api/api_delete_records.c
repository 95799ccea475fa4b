/* api_delete_records.c - DeleteRecords: move the start of partitions forward.
 *
 * The leader moves its log start in the pool; the answer waits until all live
 * replicas have followed (the low watermark), or for the timeout. */
#include "api/api_table.h"
#include "broker.h"
#include "metadata/metadata.h"
#include "partition/replicas.h"
#include "wire/errors.h"
#include "wire/msg_delete_records.h"

typedef struct wire_delete_records_request request_in;
typedef struct wire_delete_records_response response_out;
typedef struct wire_delete_records_response_topics_partitions partition_out;

struct part {
    struct partition *partition; /* a reference, or NULL */
    struct park_wait wait;
    partition_out *out;
    int64_t offset; /* asked for */
    int64_t target; /* to be reached by the low watermark */
    bool waits;
};

struct delete_records {
    struct request *request;
    struct job job;
    struct park park;
    struct loop_timer timer;
    response_out out;
    struct part *parts;
    size_t n_parts;
    int32_t timeout_ms;
};

static bool is_internal(struct bytes topic)
{
    return bytes_is(topic, "__consumer_offsets") ||
           bytes_is(topic, "__transaction_state");
}

static int16_t find(struct request *request, struct bytes topic, int32_t index,
                    struct partition **partition)
{
    struct meta_topic *t =
        metadata_topic_find(request->broker->metadata, topic);
    bool known = t && meta_partition_find(t, index);

    if (t)
        meta_topic_unref(t);
    if (!known)
        return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    if (is_internal(topic))
        return KAFKA_INVALID_TOPIC_EXCEPTION;
    return replicas_get(request->broker->replicas, topic, index, partition);
}

/* The answer's structs, one part for each partition in them. */
static bool prepare(struct delete_records *d, const request_in *in)
{
    struct arena *arena = &d->request->arena;
    size_t n = 0;

    for (size_t i = 0; i < in->n_topics; i++)
        n += in->topics[i].n_partitions;
    d->parts = arena_array(arena, n, sizeof *d->parts);
    wire_delete_records_response_init(&d->out);
    d->out.topics = arena_array(arena, in->n_topics, sizeof *d->out.topics);
    if (!d->parts || !d->out.topics)
        return false;
    d->out.n_topics = in->n_topics;
    for (size_t i = 0; i < in->n_topics; i++) {
        struct wire_delete_records_response_topics *t = &d->out.topics[i];

        t->name = in->topics[i].name;
        t->n_partitions = in->topics[i].n_partitions;
        t->partitions =
            arena_array(arena, t->n_partitions, sizeof *t->partitions);
        if (!t->partitions)
            return false;
        for (size_t j = 0; j < t->n_partitions; j++) {
            struct part *part = &d->parts[d->n_parts++];

            part->out = &t->partitions[j];
            part->offset = in->topics[i].partitions[j].offset;
            part->out->partition_index =
                in->topics[i].partitions[j].partition_index;
            part->out->low_watermark = -1;
            list_init(&part->wait.link);
        }
    }
    return true;
}

static void reply(struct delete_records *d)
{
    for (size_t i = 0; i < d->n_parts; i++)
        partition_unref(&d->parts[i].partition);
    request_reply(d->request, &d->out);
}

/* The wait is over; ask each partition that was waited for. */
static void settle(struct delete_records *d)
{
    loop_timer_stop(&d->timer);
    for (size_t i = 0; i < d->n_parts; i++) {
        struct part *part = &d->parts[i];
        int64_t low;

        if (!part->waits)
            continue;
        partition_detach(part->partition, &part->wait);
        low = partition_low_watermark(part->partition, &part->out->error_code);
        if (part->out->error_code == KAFKA_NONE && low < part->target)
            part->out->error_code = KAFKA_REQUEST_TIMED_OUT;
        part->out->low_watermark = low;
    }
    reply(d);
}

static void wake(struct request *request)
{
    settle(request->park);
}

static void on_due(struct loop_timer *timer)
{
    struct delete_records *d =
        CONTAINER_OF(timer, struct delete_records, timer);

    if (park_claim(&d->park))
        settle(d);
}

/* Back on the reactor: wait where the replicas have not followed yet. */
static void deleted(struct request *request)
{
    struct delete_records *d = request->park;

    park_init(&d->park, request, wake, 1);
    for (size_t i = 0; i < d->n_parts; i++) {
        struct part *part = &d->parts[i];

        if (!part->waits)
            continue;
        part->wait.park = &d->park;
        part->wait.what = PARK_LOW;
        part->wait.offset = part->target;
        atomic_fetch_add(&d->park.missing, 1);
        if (!partition_attach(part->partition, &part->wait))
            atomic_fetch_sub(&d->park.missing, 1);
    }
    if (atomic_fetch_sub(&d->park.missing, 1) == 1) {
        if (park_claim(&d->park))
            settle(d);
        return;
    }
    loop_timer_init(&d->timer, request_loop(request), on_due);
    loop_timer_set(&d->timer,
                   d->timeout_ms > 0 ? (int64_t)d->timeout_ms * 1000 : 0);
}

static void in_pool(struct job *job)
{
    struct delete_records *d = CONTAINER_OF(job, struct delete_records, job);

    for (size_t i = 0; i < d->n_parts; i++) {
        struct part *part = &d->parts[i];

        if (!part->partition)
            continue;
        part->out->error_code = partition_delete_records(
            part->partition, part->offset, &part->target);
        part->waits = part->out->error_code == KAFKA_NONE;
    }
    request_post(d->request, deleted);
}

void api_delete_records(struct request *request)
{
    const request_in *in = request_read(request);
    struct delete_records *d;

    if (!in)
        return;
    d = arena_take(&request->arena, sizeof *d);
    if (d) {
        d->request = request;
        d->timeout_ms = in->timeout_ms;
        loop_timer_init(&d->timer, request_loop(request), on_due);
    }
    if (!d || !prepare(d, in)) {
        request_close(request, "the request needs too much memory");
        return;
    }
    for (size_t i = 0, at = 0; i < in->n_topics; i++)
        for (size_t j = 0; j < in->topics[i].n_partitions; j++, at++)
            d->parts[at].out->error_code =
                find(request, in->topics[i].name,
                     in->topics[i].partitions[j].partition_index,
                     &d->parts[at].partition);
    request->park = d;
    d->job.run = in_pool;
    pool_submit(request->broker->pool, &d->job);
}
