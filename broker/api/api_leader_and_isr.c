/* api_leader_and_isr.c - LeaderAndIsr: this broker leads or follows partitions.
 */
#include "api/api_table.h"
#include "api/offload.h"
#include "base/clock.h"
#include "base/diag.h"
#include "broker.h"
#include "partition/replicas.h"
#include "wire/errors.h"
#include "wire/msg_leader_and_isr.h"

typedef struct wire_leader_and_isr_request request_in;
typedef struct wire_leader_and_isr_response response_out;

static size_t count(const request_in *in)
{
    size_t n = in->n_ungrouped_partition_states;

    for (size_t i = 0; i < in->n_topic_states; i++)
        n += in->topic_states[i].n_partition_states;
    return n;
}

static struct replicas_change from_ungrouped(
    const struct wire_leader_and_isr_request_ungrouped_partition_states *s)
{
    return (struct replicas_change){
        .topic = s->topic_name,
        .index = s->partition_index,
        .change = {
            .controller_epoch = s->controller_epoch,
            .leader = s->leader,
            .leader_epoch = s->leader_epoch,
            .partition_epoch = s->partition_epoch,
            .is_new = s->is_new,
            .replicas = s->replicas,
            .n_replicas = s->n_replicas,
            .isr = s->isr,
            .n_isr = s->n_isr,
        },
    };
}

static struct replicas_change from_state(
    const struct wire_leader_and_isr_request_topic_states *t,
    const struct wire_leader_and_isr_request_topic_states_partition_states *s)
{
    return (struct replicas_change){
        .topic = t->topic_name,
        .index = s->partition_index,
        .change = {
            .controller_epoch = s->controller_epoch,
            .leader = s->leader,
            .leader_epoch = s->leader_epoch,
            .partition_epoch = s->partition_epoch,
            .topic_id = t->topic_id,
            .is_new = s->is_new,
            .replicas = s->replicas,
            .n_replicas = s->n_replicas,
            .isr = s->isr,
            .n_isr = s->n_isr,
            .adding = s->adding_replicas,
            .n_adding = s->n_adding_replicas,
            .removing = s->removing_replicas,
            .n_removing = s->n_removing_replicas,
        },
    };
}

static void list(const request_in *in, struct replicas_change *changes)
{
    for (size_t i = 0; i < in->n_ungrouped_partition_states; i++)
        *changes++ = from_ungrouped(&in->ungrouped_partition_states[i]);
    for (size_t i = 0; i < in->n_topic_states; i++)
        for (size_t j = 0; j < in->topic_states[i].n_partition_states; j++)
            *changes++ = from_state(&in->topic_states[i],
                                    &in->topic_states[i].partition_states[j]);
}

/* Up to version 4: one list, by name. */
static void tell_flat(struct arena *arena, response_out *out,
                      const struct replicas_change *changes, size_t n)
{
    out->partition_errors =
        arena_array(arena, n, sizeof *out->partition_errors);
    if (!out->partition_errors)
        return;
    out->n_partition_errors = n;
    for (size_t i = 0; i < n; i++) {
        out->partition_errors[i].topic_name = changes[i].topic;
        out->partition_errors[i].partition_index = changes[i].index;
        out->partition_errors[i].error_code = changes[i].error;
    }
}

/* From version 5 on: by topic id, in the request's own grouping. */
static void tell_topics(struct arena *arena, response_out *out,
                        const request_in *in,
                        const struct replicas_change *changes)
{
    out->topics = arena_array(arena, in->n_topic_states, sizeof *out->topics);
    if (!out->topics)
        return;
    for (size_t i = 0; i < in->n_topic_states; i++) {
        struct wire_leader_and_isr_response_topics *t = &out->topics[i];
        size_t n = in->topic_states[i].n_partition_states;

        t->topic_id = in->topic_states[i].topic_id;
        t->partition_errors =
            arena_array(arena, n, sizeof *t->partition_errors);
        if (!t->partition_errors)
            return;
        t->n_partition_errors = n;
        for (size_t j = 0; j < n; j++, changes++) {
            t->partition_errors[j].partition_index = changes->index;
            t->partition_errors[j].error_code = changes->error;
        }
        out->n_topics++;
    }
}

static void work(struct request *request, const void *message, void *response)
{
    const request_in *in = message;
    response_out *out = response;
    struct broker *broker = request->broker;
    int64_t began = clock_mono_us();
    size_t n = count(in), failed = 0;
    struct replicas_change *changes =
        arena_array(&request->arena, n, sizeof *changes);

    if (!changes)
        return;
    list(in, changes);
    out->error_code =
        control_epochs_check(broker, request->api->name, in->controller_id,
                             in->controller_epoch, in->broker_epoch);
    if (out->error_code == KAFKA_NONE)
        replicas_apply(broker->replicas, changes, n);
    else
        for (size_t i = 0; i < n; i++)
            changes[i].error = out->error_code;
    for (size_t i = 0; i < n; i++)
        failed += changes[i].error != KAFKA_NONE;
    diag_info("event=leader_and_isr controller=%d controller_epoch=%d "
              "partitions=%zu failed=%zu error=%s took_ms=%lld",
              in->controller_id, in->controller_epoch, n, failed,
              kafka_error_name(out->error_code),
              (long long)((clock_mono_us() - began) / 1000));
    if (request->version < 5)
        tell_flat(&request->arena, out, changes, n);
    else
        tell_topics(&request->arena, out, in, changes);
}

void api_leader_and_isr(struct request *request)
{
    offload_to_control_lane(request, work);
}
