/* produce_answer.c - what a Produce request is told. */
#include "api/produce.h"

#include "base/diag.h"
#include "wire/errors.h"

typedef struct wire_produce_response_responses topic_out;
typedef struct wire_produce_response_responses_partition_responses part_out;

static void fill_refused(struct arena *arena, const struct produce_part *part,
                         part_out *out)
{
    if (part->n_refused == 0)
        return;
    out->record_errors =
        arena_array(arena, part->n_refused, sizeof *out->record_errors);
    if (!out->record_errors)
        return;
    out->n_record_errors = part->n_refused;
    for (size_t i = 0; i < part->n_refused; i++) {
        out->record_errors[i].batch_index = part->refused[i].index;
        out->record_errors[i].batch_index_error_message =
            part->refused[i].message;
    }
}

static void fill(struct produce *p, const struct produce_topic *topic,
                 const struct produce_part *part, struct leader_hints *hints,
                 part_out *out)
{
    wire_produce_response_responses_partition_responses_init(out);
    out->index = part->index;
    out->error_code = part->error;
    out->base_offset = part->base_offset;
    out->log_append_time_ms = part->append_time;
    out->log_start_offset = part->log_start;
    out->error_message = part->message;
    fill_refused(&p->request->arena, part, out);
    if (p->request->version >= 10 &&
        part->error == KAFKA_NOT_LEADER_OR_FOLLOWER)
        leader_hint(p->request, hints, topic->name, part->index,
                    &out->current_leader.leader_id,
                    &out->current_leader.leader_epoch);
}

static bool build(struct produce *p, struct wire_produce_response *response,
                  struct leader_hints *hints)
{
    struct arena *arena = &p->request->arena;
    part_out *parts = arena_array(arena, p->n_parts, sizeof *parts);

    response->responses =
        arena_array(arena, p->n_topics, sizeof *response->responses);
    if (!parts || !response->responses)
        return false;
    response->n_responses = p->n_topics;
    for (size_t i = 0; i < p->n_topics; i++) {
        const struct produce_topic *topic = &p->topics[i];
        topic_out *out = &response->responses[i];

        out->name = topic->name;
        out->partition_responses = parts;
        out->n_partition_responses = topic->n_parts;
        for (size_t j = 0; j < topic->n_parts; j++)
            fill(p, topic, &topic->parts[j], hints, parts++);
    }
    response->node_endpoints =
        arena_array(arena, hints->n, sizeof *response->node_endpoints);
    for (size_t i = 0; response->node_endpoints && i < hints->n; i++) {
        response->node_endpoints[i].node_id = hints->nodes[i].id;
        response->node_endpoints[i].host = hints->nodes[i].host;
        response->node_endpoints[i].port = hints->nodes[i].port;
        response->node_endpoints[i].rack = hints->nodes[i].rack;
        response->n_node_endpoints++;
    }
    return arena->err == ERR_OK;
}

/* Back to what the request held outside of its arena. */
static void release(struct produce *p)
{
    for (size_t i = 0; i < p->n_parts; i++) {
        partition_unref(&p->parts[i].partition);
        wr_fini(&p->parts[i].rewritten);
    }
}

/* Who asked for no answer learns of an error by losing the connection. */
static void answer_none(struct request *request, int16_t error)
{
    char why[96];

    if (error == KAFKA_NONE) {
        request_reply_none(request);
        return;
    }
    if (snprintf(why, sizeof why, "a produce request with acks=0 failed: %s",
                 kafka_error_name(error)) > 0)
        request_close(request, why);
    else
        request_close(request, "a produce request with acks=0 failed");
}

void produce_answer(struct produce *p)
{
    struct request *request = p->request;
    struct wire_produce_response response;
    struct leader_hints hints = { 0 };
    int16_t error = KAFKA_NONE;

    for (size_t i = 0; i < p->n_parts && error == KAFKA_NONE; i++)
        error = p->parts[i].error;
    if (p->acks == 0) {
        release(p);
        answer_none(request, error);
        return;
    }
    wire_produce_response_init(&response);
    if (build(p, &response, &hints)) {
        release(p);
        request_reply(request, &response);
    } else {
        release(p);
        request_close(request, "a produce answer needs too much memory");
    }
}
