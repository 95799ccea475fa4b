/* api_stop_replica.c - StopReplica: this broker stops, and perhaps deletes,
 * partitions. */
#include "api/api_table.h"
#include "api/offload.h"
#include "base/diag.h"
#include "broker.h"
#include "partition/replicas.h"
#include "wire/errors.h"
#include "wire/msg_stop_replica.h"

typedef struct wire_stop_replica_request request_in;
typedef struct wire_stop_replica_response response_out;

enum { EPOCH_NONE = -1 };

static size_t count(const request_in *in)
{
    size_t n = in->n_ungrouped_partitions;

    for (size_t i = 0; i < in->n_topics; i++)
        n += in->topics[i].n_partition_indexes;
    for (size_t i = 0; i < in->n_topic_states; i++)
        n += in->topic_states[i].n_partition_states;
    return n;
}

static void list(const request_in *in, struct replicas_stop_one *stops)
{
    for (size_t i = 0; i < in->n_ungrouped_partitions; i++)
        *stops++ = (struct replicas_stop_one){
            in->ungrouped_partitions[i].topic_name,
            in->ungrouped_partitions[i].partition_index, EPOCH_NONE,
            in->delete_partitions, KAFKA_NONE
        };
    for (size_t i = 0; i < in->n_topics; i++)
        for (size_t j = 0; j < in->topics[i].n_partition_indexes; j++)
            *stops++ = (struct replicas_stop_one){
                in->topics[i].name, in->topics[i].partition_indexes[j],
                EPOCH_NONE, in->delete_partitions, KAFKA_NONE
            };
    for (size_t i = 0; i < in->n_topic_states; i++) {
        const struct wire_stop_replica_request_topic_states *t =
            &in->topic_states[i];

        for (size_t j = 0; j < t->n_partition_states; j++)
            *stops++ = (struct replicas_stop_one){
                t->topic_name, t->partition_states[j].partition_index,
                t->partition_states[j].leader_epoch,
                t->partition_states[j].delete_partition, KAFKA_NONE
            };
    }
}

static void work(struct request *request, const void *message, void *response)
{
    const request_in *in = message;
    response_out *out = response;
    struct broker *broker = request->broker;
    size_t n = count(in);
    struct replicas_stop_one *stops =
        arena_array(&request->arena, n, sizeof *stops);

    if (!stops)
        return;
    list(in, stops);
    out->error_code =
        control_epochs_check(broker, request->api->name, in->controller_id,
                             in->controller_epoch, in->broker_epoch);
    if (out->error_code != KAFKA_NONE)
        return;
    replicas_stop_replicas(broker->replicas, stops, n);
    diag_info("event=stop_replica controller=%d controller_epoch=%d "
              "partitions=%zu",
              in->controller_id, in->controller_epoch, n);
    out->partition_errors =
        arena_array(&request->arena, n, sizeof *out->partition_errors);
    for (size_t i = 0; out->partition_errors && i < n; i++) {
        out->partition_errors[i].topic_name = stops[i].topic;
        out->partition_errors[i].partition_index = stops[i].index;
        out->partition_errors[i].error_code = stops[i].error;
        out->n_partition_errors++;
    }
}

void api_stop_replica(struct request *request)
{
    offload_to_control_lane(request, work);
}
