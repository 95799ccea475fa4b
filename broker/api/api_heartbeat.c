/* api_heartbeat.c - Heartbeat: a member lives, and learns of a new round. */
#include "api/api_group.h"
#include "api/api_table.h"
#include "group/group.h"
#include "wire/errors.h"
#include "wire/msg_heartbeat.h"

void api_heartbeat(struct request *request)
{
    const struct wire_heartbeat_request *in = request_read(request);
    struct wire_heartbeat_response out;

    if (!in)
        return;
    wire_heartbeat_response_init(&out);
    out.error_code =
        api_group_static_refused(request, in->group_instance_id)
            ? KAFKA_UNSUPPORTED_VERSION
            : groups_heartbeat(request->broker->groups, in->group_id,
                               in->member_id, in->group_instance_id,
                               in->generation_id, request->arrived_us);
    if (out.error_code == KAFKA_NONE)
        request_expect_no_hurry(request);
    request_reply(request, &out);
}
