/* api_join_group.c - JoinGroup: become a member, or join the next round. */
#include "api/api_group.h"
#include "api/api_table.h"
#include "group/group.h"
#include "wire/errors.h"
#include "wire/msg_join_group.h"

void api_join_group(struct request *request)
{
    const struct wire_join_group_request *in = request_read(request);
    struct wire_join_group_response out;

    if (!in)
        return;
    if (!api_group_static_refused(request, in->group_instance_id)) {
        groups_join(request->broker->groups, request, in);
        return;
    }
    wire_join_group_response_init(&out);
    out.error_code = KAFKA_UNSUPPORTED_VERSION;
    out.protocol_name = request->version < 7 ? BYTES("") : BYTES_NULL;
    request_reply(request, &out);
}
