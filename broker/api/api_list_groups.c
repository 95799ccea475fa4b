/* api_list_groups.c - ListGroups: the groups this broker coordinates. */
#include "api/api_table.h"
#include "broker.h"
#include "group/group.h"
#include "wire/msg_list_groups.h"

void api_list_groups(struct request *request)
{
    const struct wire_list_groups_request *in = request_read(request);
    struct wire_list_groups_response out;

    if (!in)
        return;
    wire_list_groups_response_init(&out);
    groups_list(request->broker->groups, &request->arena, in, &out);
    if (request->arena.err == ERR_OK)
        request_reply(request, &out);
    else
        request_close(request, "the answer needs too much memory");
}
