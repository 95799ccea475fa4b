/* api_describe_cluster.c - DescribeCluster: brokers, controller, cluster id. */
#include "api/api_table.h"
#include "broker.h"
#include "api/acl_bits.h"
#include "metadata/metadata.h"
#include "wire/errors.h"
#include "wire/msg_describe_cluster.h"

enum { ENDPOINT_BROKERS = 1, ENDPOINT_CONTROLLERS = 2 };

void api_describe_cluster(struct request *request)
{
    const struct wire_describe_cluster_request *in = request_read(request);
    struct wire_describe_cluster_response response;
    struct meta_cluster *cluster;

    if (in == NULL)
        return;
    wire_describe_cluster_response_init(&response);
    response.cluster_id = BYTES("");
    response.endpoint_type = in->endpoint_type;
    if (in->endpoint_type != ENDPOINT_BROKERS) {
        response.error_code = in->endpoint_type == ENDPOINT_CONTROLLERS
                                  ? KAFKA_MISMATCHED_ENDPOINT_TYPE
                                  : KAFKA_UNSUPPORTED_ENDPOINT_TYPE;
        response.error_message =
            arena_format(&request->arena,
                         "The request was sent to an endpoint of type BROKER, "
                         "but we wanted an endpoint of type %d",
                         in->endpoint_type);
        request_reply(request, &response);
        return;
    }
    cluster = metadata_cluster(request->broker->metadata);
    response.cluster_id = bytes_of(request->broker->cluster_id);
    response.controller_id = cluster->controller_id;
    response.brokers = arena_array(&request->arena, cluster->n_brokers,
                                   sizeof *response.brokers);
    for (size_t i = 0; response.brokers && i < cluster->n_brokers; i++) {
        const struct meta_broker *b = &cluster->brokers[i];
        const struct meta_endpoint *at =
            meta_endpoint_find(b, request->listener->name);
        struct wire_describe_cluster_response_brokers *out;

        if (at == NULL)
            continue;
        out = &response.brokers[response.n_brokers++];
        out->broker_id = b->id;
        out->host = bytes_of(at->host);
        out->port = at->port;
        out->rack = bytes_of(b->rack);
    }
    if (in->include_cluster_authorized_operations)
        response.cluster_authorized_operations = ACL_BITS_CLUSTER;
    request_reply(request, &response);
    meta_cluster_unref(cluster);
}
