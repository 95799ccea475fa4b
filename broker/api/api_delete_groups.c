/* api_delete_groups.c - DeleteGroups: forget empty groups and their offsets. */
#include "api/api_table.h"
#include "broker.h"
#include "group/group.h"
#include "wire/msg_delete_groups.h"

void api_delete_groups(struct request *request)
{
    const struct wire_delete_groups_request *in = request_read(request);
    struct wire_delete_groups_response out;

    if (!in)
        return;
    wire_delete_groups_response_init(&out);
    out.results =
        arena_array(&request->arena, in->n_groups_names, sizeof *out.results);
    for (size_t i = 0; out.results && i < in->n_groups_names; i++) {
        struct wire_delete_groups_response_results *to =
            &out.results[out.n_results++];

        wire_delete_groups_response_results_init(to);
        to->group_id = in->groups_names[i];
        to->error_code =
            groups_delete(request->broker->groups, in->groups_names[i]);
    }
    if (request->arena.err == ERR_OK)
        request_reply(request, &out);
    else
        request_close(request, "the request needs too much memory");
}
