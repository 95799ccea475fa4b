/* fetch_answer.c - what a fetch says in the end. */
#include "api/fetch.h"

#include "base/clock.h"
#include "broker.h"
#include "wire/errors.h"

typedef struct wire_fetch_response_responses topic_out;
typedef struct wire_fetch_response_responses_partitions partition_out;

/* Clients up to v5 do not know KAFKA_STORAGE_ERROR; this makes them look for
 * the leader anew. */
static int16_t error_for(int16_t version, int16_t error)
{
    if (error == KAFKA_KAFKA_STORAGE_ERROR && version <= 5)
        return KAFKA_NOT_LEADER_OR_FOLLOWER;
    return error;
}

/* Topics compressed with zstd are not told to who cannot know it (KIP-110). */
static int16_t check_codec(const struct fetch *f, struct fetch_item *item)
{
    struct partition *p = item->partition;
    bool zstd;

    if (!p || f->request->version >= 10 || item->error != KAFKA_NONE)
        return item->error;
    lock_take(&p->lock);
    zstd = p->settings && p->settings->log.compression == CODEC_ZSTD;
    lock_give(&p->lock);
    return zstd ? KAFKA_UNSUPPORTED_COMPRESSION_TYPE : KAFKA_NONE;
}

static struct wire_records take_records(struct fetch_item *item)
{
    struct wire_records records = { .mem = BYTES("") };

    if (item->converted) {
        records.mem = bytes_make(item->converted, item->converted_len);
    } else if (item->plan.file) {
        records.file = item->plan.file; /* the reply gives it back */
        records.position = item->plan.position;
        records.length = item->plan.length;
        item->plan.file = NULL;
    }
    return records;
}

static void fill_aborted(struct fetch *f, const struct fetch_item *item,
                         partition_out *out)
{
    out->aborted_transactions_null =
        item->error != KAFKA_UNKNOWN_TOPIC_OR_PARTITION &&
        item->error != KAFKA_UNKNOWN_TOPIC_ID &&
        (!f->committed ||
         item->error != KAFKA_NONE); /* as Apache Kafka's are */
    if (item->n_aborted == 0)
        return;
    out->aborted_transactions = arena_array(&f->request->arena, item->n_aborted,
                                            sizeof *out->aborted_transactions);
    if (!out->aborted_transactions)
        return;
    out->n_aborted_transactions = item->n_aborted;
    for (size_t i = 0; i < item->n_aborted; i++) {
        out->aborted_transactions[i].producer_id = item->aborted[i].producer_id;
        out->aborted_transactions[i].first_offset =
            item->aborted[i].first_offset;
    }
}

static void fill(struct fetch *f, struct fetch_item *item,
                 struct leader_hints *hints, partition_out *out)
{
    int16_t version = f->request->version;

    wire_fetch_response_responses_partitions_init(out);
    out->partition_index = item->want->partition;
    out->error_code = error_for(version, item->error);
    out->high_watermark = item->high_watermark;
    out->last_stable_offset = item->last_stable;
    out->log_start_offset = item->log_start;
    if (item->diverging) {
        out->diverging_epoch.epoch = item->diverging_epoch;
        out->diverging_epoch.end_offset = item->diverging_end;
    }
    if (version >= 16 && (item->error == KAFKA_NOT_LEADER_OR_FOLLOWER ||
                          item->error == KAFKA_FENCED_LEADER_EPOCH))
        leader_hint(f->request, hints, item->want->topic, item->want->partition,
                    &out->current_leader.leader_id,
                    &out->current_leader.leader_epoch);
    fill_aborted(f, item, out);
    out->records = take_records(item);
}

/* Ask the session which items go into the answer. */
static bool *choose(struct fetch *f, struct wire_fetch_response *response)
{
    struct arena *arena = &f->request->arena;
    struct fetch_told *told = arena_array(arena, f->n_items, sizeof *told);
    bool *include = arena_array(arena, f->n_items, sizeof *include);

    if (!told || !include)
        return NULL;
    for (size_t i = 0; i < f->n_items; i++) {
        struct fetch_item *item = &f->items[i];

        item->error = check_codec(f, item);
        if (item->error != KAFKA_NONE) {
            seg_file_unref(&item->plan.file);
            item->n_aborted = 0;
        }
        told[i] = (struct fetch_told){
            .error = item->error,
            .has_records = item->plan.file || item->converted_len > 0,
            .diverging = item->diverging,
            .high_watermark = item->high_watermark,
            .log_start = item->log_start,
        };
    }
    fetch_context_answer(replicas_fetch_sessions(f->replicas), &f->context,
                         told, include, clock_wall_ms(), &response->error_code,
                         &response->session_id);
    return include;
}

static bool same_topic(const struct fetch *f, const struct fetch_want *a,
                       const struct fetch_want *b)
{
    return f->context.by_id ? uuid_equal(a->id, b->id)
                            : bytes_equal(a->topic, b->topic);
}

/* Partitions in order; those of one topic in a row share an entry. */
static bool build(struct fetch *f, const bool *include,
                  struct leader_hints *hints,
                  struct wire_fetch_response *response)
{
    struct arena *arena = &f->request->arena;
    const struct fetch_want *last = NULL;
    partition_out *partitions;
    topic_out *topic = NULL;
    size_t n = 0;

    for (size_t i = 0; i < f->n_items; i++)
        n += include[i];
    partitions = arena_array(arena, n, sizeof *partitions);
    response->responses = arena_array(arena, n, sizeof *response->responses);
    if (!partitions || !response->responses)
        return false;
    for (size_t i = 0; i < f->n_items; i++) {
        const struct fetch_want *want = f->items[i].want;

        if (!include[i])
            continue;
        if (!last || !same_topic(f, last, want)) {
            topic = &response->responses[response->n_responses++];
            topic->topic = want->topic;
            topic->topic_id = want->id;
            topic->partitions = partitions;
        }
        last = want;
        fill(f, &f->items[i], hints, partitions++);
        topic->n_partitions++;
    }
    return true;
}

static void fill_endpoints(struct fetch *f, const struct leader_hints *hints,
                           struct wire_fetch_response *response)
{
    response->node_endpoints = arena_array(&f->request->arena, hints->n,
                                           sizeof *response->node_endpoints);
    for (size_t i = 0; response->node_endpoints && i < hints->n; i++) {
        response->node_endpoints[i].node_id = hints->nodes[i].id;
        response->node_endpoints[i].host = hints->nodes[i].host;
        response->node_endpoints[i].port = hints->nodes[i].port;
        response->node_endpoints[i].rack = hints->nodes[i].rack;
        response->n_node_endpoints++;
    }
}

/* Files that were handed to a response that will not be sent. */
static void take_back(struct wire_fetch_response *response)
{
    for (size_t i = 0; i < response->n_responses; i++) {
        topic_out *topic = &response->responses[i];

        for (size_t j = 0; j < topic->n_partitions; j++) {
            struct seg_file *file = topic->partitions[j].records.file;

            seg_file_unref(&file);
        }
    }
}

/* Converted records are the heap's, and outlive the arena by the reply. */
static uint8_t **collect_converted(struct fetch *f, size_t *n)
{
    uint8_t **buffers = NULL;

    *n = 0;
    for (size_t i = 0; i < f->n_items; i++) {
        if (!f->items[i].converted)
            continue;
        if (!buffers)
            buffers = mem_need_array(f->n_items, sizeof *buffers);
        buffers[(*n)++] = f->items[i].converted;
        f->items[i].converted = NULL;
    }
    return buffers;
}

void fetch_answer(struct fetch *f)
{
    struct request *request = f->request;
    struct wire_fetch_response response;
    struct leader_hints hints = { 0 };
    uint8_t **buffers;
    size_t n_buffers;
    bool *include;
    bool ok;

    wire_fetch_response_init(&response);
    include = choose(f, &response);
    ok = include && build(f, include, &hints, &response);
    if (ok)
        fill_endpoints(f, &hints, &response);
    ok = ok && request->arena.err == ERR_OK;
    if (!ok)
        take_back(&response);
    buffers = collect_converted(f, &n_buffers);
    fetch_release(f);
    if (ok)
        request_reply(request, &response);
    else
        request_close(request, "a fetch needs too much memory");
    for (size_t i = 0; i < n_buffers; i++)
        mem_free(buffers[i]);
    mem_free(buffers);
}
