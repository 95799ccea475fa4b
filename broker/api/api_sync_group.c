/* api_sync_group.c - SyncGroup: hand in the assignment, get one's part.
 *
 * From version 5 on protocol type and name have to be told (KIP-559). */
#include "api/api_group.h"
#include "api/api_table.h"
#include "group/group.h"
#include "wire/errors.h"
#include "wire/msg_sync_group.h"

static void refuse(struct request *request, int16_t error)
{
    struct wire_sync_group_response out;

    wire_sync_group_response_init(&out);
    out.error_code = error;
    request_reply(request, &out);
}

void api_sync_group(struct request *request)
{
    const struct wire_sync_group_request *in = request_read(request);

    if (!in)
        return;
    if (api_group_static_refused(request, in->group_instance_id))
        refuse(request, KAFKA_UNSUPPORTED_VERSION);
    else if (request->version >= 5 && (bytes_is_null(in->protocol_type) ||
                                       bytes_is_null(in->protocol_name)))
        refuse(request, KAFKA_INCONSISTENT_GROUP_PROTOCOL);
    else
        groups_sync(request->broker->groups, request, in);
}
