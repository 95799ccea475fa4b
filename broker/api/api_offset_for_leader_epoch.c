/* api_offset_for_leader_epoch.c - where a leader epoch ended. */
#include "api/api_table.h"
#include "broker.h"
#include "partition/replicas.h"
#include "wire/errors.h"
#include "wire/msg_offset_for_leader_epoch.h"

typedef struct wire_offset_for_leader_epoch_request request_in;
typedef struct wire_offset_for_leader_epoch_request_topics topic_in;
typedef struct wire_offset_for_leader_epoch_request_topics_partitions
    partition_in;
typedef struct wire_offset_for_leader_epoch_response response_out;
typedef struct wire_offset_for_leader_epoch_response_topics topic_out;
typedef struct wire_offset_for_leader_epoch_response_topics_partitions
    partition_out;

static void answer(struct request *request, struct bytes topic,
                   const partition_in *p, partition_out *out)
{
    struct partition_view view;
    struct partition *partition;

    wire_offset_for_leader_epoch_response_topics_partitions_init(out);
    out->partition = p->partition;
    out->error_code = replicas_get(request->broker->replicas, topic,
                                   p->partition, &partition);
    if (!partition)
        return;
    out->error_code =
        partition_enter(partition, p->current_leader_epoch, true, &view);
    if (out->error_code == KAFKA_NONE) {
        log_epoch_end(view.log, p->leader_epoch, &out->leader_epoch,
                      &out->end_offset);
        partition_leave(partition);
    }
    partition_unref(&partition);
}

void api_offset_for_leader_epoch(struct request *request)
{
    const request_in *in = request_read(request);
    struct arena *arena = &request->arena;
    response_out out;

    if (!in)
        return;
    wire_offset_for_leader_epoch_response_init(&out);
    out.topics = arena_array(arena, in->n_topics, sizeof *out.topics);
    for (size_t i = 0; out.topics && i < in->n_topics; i++) {
        const topic_in *t = &in->topics[i];
        topic_out *to = &out.topics[out.n_topics++];

        to->topic = t->topic;
        to->partitions =
            arena_array(arena, t->n_partitions, sizeof *to->partitions);
        for (size_t j = 0; to->partitions && j < t->n_partitions; j++)
            answer(request, t->topic, &t->partitions[j],
                   &to->partitions[to->n_partitions++]);
    }
    if (arena->err == ERR_OK)
        request_reply(request, &out);
    else
        request_close(request, "the request needs too much memory");
}
