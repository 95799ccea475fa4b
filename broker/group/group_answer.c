/* group_answer.c - what the machine decides, on its way to clients and
 * operator.
 *
 * A parked request is nobody's but the coordinator's: so its answer is written
 * into its arena here, under the shard's lock, on whichever thread; its reactor
 * only sends it.
 */
#include "group/group_shard.h"

#include "base/diag.h"
#include "wire/msg_join_group.h"
#include "wire/msg_sync_group.h"

/* Beside what the request itself may take: the members of a group were taken in
 * one by one, and may be many. */
#define ANSWER_MOST ((size_t)1 << 30)

static void send(struct request *request)
{
    if (request->arena.err != ERR_OK)
        request_close(request, "the answer needs too much memory");
    else
        request_reply(request, request->park);
}

static void fill_members(struct arena *arena, const struct group *group,
                         struct wire_join_group_response *out)
{
    out->members = arena_array(arena, group_size(group), sizeof *out->members);
    if (!out->members)
        return;
    for (const struct list *link = group->members.next; link != &group->members;
         link = link->next) {
        const struct group_member *m =
            CONTAINER_OF(link, struct group_member, link);
        struct wire_join_group_response_members *to =
            &out->members[out->n_members++];
        struct bytes metadata = group_member_metadata(m, group->protocol);

        wire_join_group_response_members_init(to);
        to->member_id = arena_copy(arena, m->id);
        to->group_instance_id = arena_copy(arena, m->instance_id);
        to->metadata =
            bytes_is_null(metadata) ? BYTES("") : arena_copy(arena, metadata);
    }
}

void shard_on_join(struct group_env *env, void *waiter,
                   const struct group_join_answer *answer)
{
    struct request *request = waiter;
    struct wire_join_group_response *out = request->park;
    struct arena *arena = &request->arena;

    (void)env;
    arena->limit_bytes = ANSWER_MOST;
    out->error_code = answer->error;
    out->generation_id = answer->generation;
    out->protocol_type = arena_copy(arena, answer->protocol_type);
    out->protocol_name = arena_copy(arena, answer->protocol);
    if (bytes_is_null(out->protocol_name) && request->version < 7)
        out->protocol_name = BYTES("");
    out->leader = arena_copy(arena, answer->leader);
    out->member_id = arena_copy(arena, answer->member_id);
    out->skip_assignment = answer->skip_assignment;
    if (answer->members)
        fill_members(arena, answer->members, out);
    request_post(request, send);
}

void shard_on_sync(struct group_env *env, void *waiter,
                   const struct group_sync_answer *answer)
{
    struct request *request = waiter;
    struct wire_sync_group_response *out = request->park;
    struct arena *arena = &request->arena;

    (void)env;
    arena->limit_bytes = ANSWER_MOST;
    out->error_code = answer->error;
    out->protocol_type = arena_copy(arena, answer->protocol_type);
    out->protocol_name = arena_copy(arena, answer->protocol);
    out->assignment = bytes_is_null(answer->assignment)
                          ? BYTES("")
                          : arena_copy(arena, answer->assignment);
    request_post(request, send);
}

void shard_note(struct group_env *env, const struct group *group,
                const char *what, struct bytes member, struct bytes reason)
{
    (void)env;
    diag_info("event=group_%s group=\"%.*s\" state=%s generation=%d members=%zu"
              " member=\"%.*s\" reason=\"%.*s\"",
              what, BYTES_ARG(group_id(group)), group_phase_name(group->phase),
              group->generation, group_size(group), BYTES_ARG(member),
              BYTES_ARG(reason));
}
