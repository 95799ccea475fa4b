/* api_offset_delete.c - OffsetDelete: forget a group's offsets of single
 * partitions (KIP-496). */
#include "api/api_table.h"
#include "broker.h"
#include "group/group.h"
#include "metadata/metadata.h"
#include "wire/errors.h"
#include "wire/msg_offset_delete.h"

typedef struct wire_offset_delete_request request_in;
typedef struct wire_offset_delete_response response_out;

/* The partitions that exist, in a row. */
struct wanted {
    struct bytes *topics;
    int32_t *partitions;
    int16_t *errors;
    int16_t **results; /* where each error belongs */
    size_t n;
};

static bool wanted_init(struct wanted *wanted, struct arena *arena, size_t n)
{
    wanted->topics = arena_array(arena, n, sizeof *wanted->topics);
    wanted->partitions = arena_array(arena, n, sizeof *wanted->partitions);
    wanted->errors = arena_array(arena, n, sizeof *wanted->errors);
    wanted->results = arena_array(arena, n, sizeof(int16_t *));
    wanted->n = 0;
    return arena->err == ERR_OK;
}

static void fill_topic(struct request *request,
                       const struct wire_offset_delete_request_topics *in,
                       struct wire_offset_delete_response_topics *out,
                       struct wanted *wanted)
{
    struct meta_topic *topic =
        metadata_topic_find(request->broker->metadata, in->name);

    out->name = in->name;
    out->partitions =
        arena_array(&request->arena, in->n_partitions, sizeof *out->partitions);
    for (size_t i = 0; out->partitions && i < in->n_partitions; i++) {
        struct wire_offset_delete_response_topics_partitions *to =
            &out->partitions[out->n_partitions++];

        to->partition_index = in->partitions[i].partition_index;
        if (!topic || !meta_partition_find(topic, to->partition_index)) {
            to->error_code = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
            continue;
        }
        wanted->topics[wanted->n] = in->name;
        wanted->partitions[wanted->n] = to->partition_index;
        wanted->results[wanted->n++] = &to->error_code;
    }
    if (topic)
        meta_topic_unref(topic);
}

static void work(struct request *request, const request_in *in,
                 response_out *out)
{
    struct wanted wanted;
    size_t n = 0;

    for (size_t i = 0; i < in->n_topics; i++)
        n += in->topics[i].n_partitions;
    out->topics =
        arena_array(&request->arena, in->n_topics, sizeof *out->topics);
    if (!out->topics || !wanted_init(&wanted, &request->arena, n))
        return;
    for (size_t i = 0; i < in->n_topics; i++)
        fill_topic(request, &in->topics[i], &out->topics[out->n_topics++],
                   &wanted);
    out->error_code = groups_delete_offsets(
        request->broker->groups, in->group_id, wanted.topics, wanted.partitions,
        wanted.errors, wanted.n);
    if (out->error_code != KAFKA_NONE)
        out->n_topics = 0;
    for (size_t i = 0; out->error_code == KAFKA_NONE && i < wanted.n; i++)
        *wanted.results[i] = wanted.errors[i];
}

void api_offset_delete(struct request *request)
{
    const request_in *in = request_read(request);
    response_out out;

    if (!in)
        return;
    wire_offset_delete_response_init(&out);
    work(request, in, &out);
    if (request->arena.err == ERR_OK)
        request_reply(request, &out);
    else
        request_close(request, "the request needs too much memory");
}
