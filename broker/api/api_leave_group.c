/* api_leave_group.c - LeaveGroup: members say goodbye. */
#include "api/api_table.h"
#include "broker.h"
#include "group/group.h"
#include "wire/msg_leave_group.h"

void api_leave_group(struct request *request)
{
    const struct wire_leave_group_request *in = request_read(request);
    struct wire_leave_group_response out;

    if (!in)
        return;
    wire_leave_group_response_init(&out);
    groups_leave(request->broker->groups, request, in, &out);
    if (request->arena.err == ERR_OK)
        request_reply(request, &out);
    else
        request_close(request, "the request needs too much memory");
}
