/* api_describe_producers.c - the producers a partition knows. */
#include "api/api_table.h"
#include "api/topic_plan.h"
#include "broker.h"
#include "metadata/metadata.h"
#include "partition/replicas.h"
#include "wire/errors.h"
#include "wire/msg_describe_producers.h"

typedef struct wire_describe_producers_request request_in;
typedef struct wire_describe_producers_request_topics topic_in;
typedef struct wire_describe_producers_response response_out;
typedef struct wire_describe_producers_response_topics topic_out;
typedef struct wire_describe_producers_response_topics_partitions partition_out;

static void list(struct request *request, struct log *log, partition_out *out)
{
    struct log_producer *found;
    size_t n;

    if (log_producers(log, &request->arena, &found, &n) != ERR_OK)
        return;
    out->active_producers =
        arena_array(&request->arena, n, sizeof *out->active_producers);
    for (size_t i = 0; out->active_producers && i < n; i++) {
        out->active_producers[i].producer_id = found[i].producer_id;
        out->active_producers[i].producer_epoch = found[i].epoch;
        out->active_producers[i].last_sequence = found[i].last_sequence;
        out->active_producers[i].last_timestamp = found[i].last_timestamp;
        out->active_producers[i].coordinator_epoch = found[i].coordinator_epoch;
        out->active_producers[i].current_txn_start_offset =
            found[i].txn_first_offset;
        out->n_active_producers++;
    }
}

/* Followers answer too. */
static void answer(struct request *request, struct bytes topic, int32_t index,
                   partition_out *out)
{
    struct partition_view view;
    struct partition *partition;

    out->error_code =
        replicas_get(request->broker->replicas, topic, index, &partition);
    if (!partition)
        return;
    out->error_code = partition_enter(partition, -1, false, &view);
    if (out->error_code == KAFKA_NONE) {
        list(request, view.log, out);
        partition_leave(partition);
    }
    partition_unref(&partition);
}

static void refuse(struct arena *arena, struct bytes topic, partition_out *out)
{
    struct errmsg why = { "This server does not host this topic-partition." };

    out->error_code = topic_name_check(topic, &why);
    if (out->error_code == KAFKA_NONE)
        out->error_code = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    out->error_message = arena_copy(arena, bytes_of(why.text));
}

static bool is_known(const struct request *request, struct bytes topic)
{
    struct meta_topic *t =
        metadata_topic_find(request->broker->metadata, topic);

    if (t)
        meta_topic_unref(t);
    return t != NULL;
}

void api_describe_producers(struct request *request)
{
    const request_in *in = request_read(request);
    struct arena *arena = &request->arena;
    response_out out;

    if (!in)
        return;
    wire_describe_producers_response_init(&out);
    out.topics = arena_array(arena, in->n_topics, sizeof *out.topics);
    for (size_t i = 0; out.topics && i < in->n_topics; i++) {
        const topic_in *t = &in->topics[i];
        topic_out *to = &out.topics[out.n_topics++];
        bool known = is_known(request, t->name);

        to->name = t->name;
        to->partitions =
            arena_array(arena, t->n_partition_indexes, sizeof *to->partitions);
        for (size_t j = 0; to->partitions && j < t->n_partition_indexes; j++) {
            partition_out *p = &to->partitions[to->n_partitions++];

            wire_describe_producers_response_topics_partitions_init(p);
            p->partition_index = t->partition_indexes[j];
            if (known)
                answer(request, t->name, p->partition_index, p);
            else
                refuse(arena, t->name, p);
        }
    }
    if (arena->err == ERR_OK)
        request_reply(request, &out);
    else
        request_close(request, "the request needs too much memory");
}
