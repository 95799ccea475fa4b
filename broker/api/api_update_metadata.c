/* api_update_metadata.c - UpdateMetadata: the controller tells what the cluster
 * looks like. */
#include "api/api_table.h"
#include "api/offload.h"
#include "broker.h"
#include "metadata/metadata.h"
#include "wire/errors.h"
#include "wire/msg_update_metadata.h"

static void work(struct request *request, const void *message, void *response)
{
    const struct wire_update_metadata_request *in = message;
    struct wire_update_metadata_response *out = response;

    out->error_code = control_epochs_check(
        request->broker, request->api->name, in->controller_id,
        in->controller_epoch, in->broker_epoch);
    if (out->error_code == KAFKA_NONE)
        metadata_update(request->broker->metadata, in);
}

void api_update_metadata(struct request *request)
{
    offload_to_control_lane(request, work);
}
