/* api_describe_groups.c - DescribeGroups: state and members, for operators. */
#include "api/acl_bits.h"
#include "api/api_table.h"
#include "broker.h"
#include "group/group.h"
#include "wire/errors.h"
#include "wire/msg_describe_groups.h"

void api_describe_groups(struct request *request)
{
    const struct wire_describe_groups_request *in = request_read(request);
    struct arena *arena = &request->arena;
    struct wire_describe_groups_response out;

    if (!in)
        return;
    wire_describe_groups_response_init(&out);
    out.groups = arena_array(arena, in->n_groups, sizeof *out.groups);
    for (size_t i = 0; out.groups && i < in->n_groups; i++) {
        struct wire_describe_groups_response_groups *to =
            &out.groups[out.n_groups++];

        wire_describe_groups_response_groups_init(to);
        groups_describe(request->broker->groups, arena, in->groups[i], to);
        if (in->include_authorized_operations && to->error_code == KAFKA_NONE)
            to->authorized_operations = ACL_BITS_GROUP;
    }
    if (arena->err == ERR_OK)
        request_reply(request, &out);
    else
        request_close(request, "the answer needs too much memory");
}
