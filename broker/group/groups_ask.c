/* groups_ask.c - members' requests: join, sync, heartbeat, leave. */
#include "group/group_shard.h"

#include <stdio.h>
#include <sys/random.h>

#include "base/diag.h"
#include "base/mem.h"
#include "broker.h"
#include "config/config.h"
#include "wire/errors.h"
#include "wire/msg_heartbeat.h"
#include "wire/msg_join_group.h"
#include "wire/msg_leave_group.h"
#include "wire/msg_sync_group.h"

/* -- join ----------------------------------------------------------------- */

enum { UUID_WORDS_LEN = 36 };

/* "<client or instance>-<random UUID>", as Kafka makes them. */
static struct bytes member_id_make(struct arena *arena, struct bytes prefix)
{
    uint8_t r[16] = { 0 };
    char text[UUID_WORDS_LEN + 1];
    size_t at = 0;

    if (getrandom(r, sizeof r, 0) != (ssize_t)sizeof r)
        diag_error("event=no_randomness effect=\"member ids may repeat\"");
    r[6] = (uint8_t)((r[6] & 0x0f) | 0x40);
    r[8] = (uint8_t)((r[8] & 0x3f) | 0x80);
    for (size_t i = 0; i < sizeof r; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%02x",
                               i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                               r[i]);
    return arena_format(arena, "%.*s-%s", BYTES_ARG(prefix), text);
}

static struct group_member *
fresh_member(struct request *request, const struct wire_join_group_request *in)
{
    struct arena *arena = &request->arena;
    struct group_protocol *protocols =
        arena_array(arena, in->n_protocols, sizeof *protocols);
    struct group_member_spec spec = {
        .instance_id = in->group_instance_id,
        .client_id =
            bytes_is_null(request->client_id) ? BYTES("") : request->client_id,
        .client_host =
            arena_format(arena, "/%.*s", BYTES_ARG(request->client_host)),
        .protocols = protocols,
        .n_protocols = in->n_protocols,
        .session_ms = in->session_timeout_ms,
        .rebalance_ms = in->rebalance_timeout_ms,
    };

    spec.id = member_id_make(arena, bytes_is_null(in->group_instance_id)
                                        ? spec.client_id
                                        : in->group_instance_id);
    if (request->version == 0) /* it has none of its own */
        spec.rebalance_ms = in->session_timeout_ms;
    if (!protocols || arena->err != ERR_OK)
        return NULL;
    for (size_t i = 0; i < in->n_protocols; i++)
        protocols[i] = (struct group_protocol){ in->protocols[i].name,
                                                in->protocols[i].metadata };
    return group_member_new(&spec);
}

static bool session_allowed(const struct groups *groups, int32_t ms)
{
    const struct config *cfg = groups->broker->config;

    return ms >= config_int64(cfg, CFG_GROUP_MIN_SESSION_TIMEOUT_MS) &&
           ms <= config_int64(cfg, CFG_GROUP_MAX_SESSION_TIMEOUT_MS);
}

/* In Kafka's order: where, then how. */
static void join_enter(struct groups *groups, struct bytes group_id_,
                       int32_t session_ms, struct group_join *join)
{
    struct group_shard *shard = NULL;
    struct group *group = NULL;
    struct shard_env env;
    int16_t error = groups_enter_named(groups, group_id_, &shard);
    bool entered = error == KAFKA_NONE;

    if (entered)
        shard_env_init(&env, shard);
    if (entered && !session_allowed(groups, session_ms))
        error = KAFKA_INVALID_SESSION_TIMEOUT;
    /* Kafka takes it, and can neither answer it nor describe the group. */
    if (error == KAFKA_NONE && join->fresh->id.len > INT16_MAX)
        error = KAFKA_INVALID_REQUEST;
    if (error == KAFKA_NONE) {
        group = join->member_id.len == 0
                    ? shard_get(shard, group_id_, env.env.wall_ms)
                    : shard_find(shard, group_id_);
        if (!group)
            error = KAFKA_UNKNOWN_MEMBER_ID;
    }
    if (group) {
        group_join(group, join, &env.env);
        shard_arm(shard, group);
    } else {
        const struct group_join_answer refused = {
            .error = error,
            .generation = -1,
            .protocol_type = BYTES_NULL,
            .protocol = BYTES_NULL,
            .leader = BYTES(""),
            .member_id = join->member_id,
        };

        shard_on_join(NULL, join->waiter, &refused);
    }
    if (entered)
        shard_leave(shard);
}

void groups_join(struct groups *groups, struct request *request,
                 const struct wire_join_group_request *in)
{
    struct arena *arena = &request->arena;
    struct wire_join_group_response *out = arena_take(arena, sizeof *out);
    struct bytes id = arena_copy(arena, in->group_id);
    int32_t session_ms = in->session_timeout_ms;
    struct group_join join = {
        .member_id = arena_copy(arena, in->member_id),
        .instance_id = arena_copy(arena, in->group_instance_id),
        .protocol_type = arena_copy(arena, in->protocol_type),
        .reason = arena_copy(arena, in->reason),
        .id_required =
            request->version >= 4 && bytes_is_null(in->group_instance_id),
        .may_skip = request->version >= 9,
        .fresh = fresh_member(request, in),
        .waiter = request,
    };

    if (!out || !join.fresh || arena->err != ERR_OK) {
        group_member_free(&join.fresh);
        request_close(request, "the request needs too much memory");
        return;
    }
    wire_join_group_response_init(out);
    request->park = out;
    request_drop_frame(request); /* it may wait for long */
    if (join.member_id.len > 0 || !join.id_required)
        request_expect_wait(request); /* else it is given an id now */
    join_enter(groups, id, session_ms, &join);
    group_member_free(&join.fresh);
}

/* -- sync ----------------------------------------------------------------- */

static struct group_store *parts_of(struct arena *arena,
                                    const struct wire_sync_group_request *in)
{
    struct group_part *parts =
        arena_array(arena, in->n_assignments, sizeof *parts);

    if (!parts)
        return NULL;
    for (size_t i = 0; i < in->n_assignments; i++)
        parts[i] = (struct group_part){ in->assignments[i].member_id,
                                        in->assignments[i].assignment };
    return group_store_new(parts, in->n_assignments);
}

static void sync_enter(struct groups *groups, struct bytes id,
                       struct group_sync *sync)
{
    struct group_shard *shard = NULL;
    struct group *group = NULL;
    struct shard_env env;
    int16_t error = groups_enter_named(groups, id, &shard);
    bool entered = error == KAFKA_NONE;

    if (entered)
        shard_env_init(&env, shard);
    /* Old clients do not expect to be told of loading here. */
    if (error == KAFKA_COORDINATOR_LOAD_IN_PROGRESS)
        error = KAFKA_REBALANCE_IN_PROGRESS;
    if (entered) {
        group = shard_find(shard, id);
        if (!group)
            error = KAFKA_UNKNOWN_MEMBER_ID;
    }
    if (group) {
        group_sync(group, sync, &env.env);
        shard_arm(shard, group);
    } else {
        const struct group_sync_answer refused = {
            .error = error,
            .protocol_type = BYTES_NULL,
            .protocol = BYTES_NULL,
            .assignment = BYTES(""),
        };

        shard_on_sync(NULL, sync->waiter, &refused);
    }
    if (entered)
        shard_leave(shard);
}

void groups_sync(struct groups *groups, struct request *request,
                 const struct wire_sync_group_request *in)
{
    struct arena *arena = &request->arena;
    struct wire_sync_group_response *out = arena_take(arena, sizeof *out);
    struct bytes id = arena_copy(arena, in->group_id);
    struct group_sync sync = {
        .member_id = arena_copy(arena, in->member_id),
        .instance_id = arena_copy(arena, in->group_instance_id),
        .generation = in->generation_id,
        .protocol_type = arena_copy(arena, in->protocol_type),
        .protocol = arena_copy(arena, in->protocol_name),
        .store = parts_of(arena, in),
        .waiter = request,
    };

    if (!out || !sync.store || arena->err != ERR_OK) {
        group_store_free(&sync.store);
        request_close(request, "the request needs too much memory");
        return;
    }
    wire_sync_group_response_init(out);
    request->park = out;
    request_drop_frame(request);
    sync_enter(groups, id, &sync);
    group_store_free(&sync.store);
}

/* -- heartbeat ------------------------------------------------------------ */

int16_t groups_heartbeat(struct groups *groups, struct bytes id,
                         struct bytes member_id, struct bytes instance_id,
                         int32_t generation, int64_t now_us)
{
    struct group_env env = { .now_us = now_us }; /* it asks for nothing else */
    struct group_shard *shard;
    struct group *group;
    int16_t error = groups_enter_named(groups, id, &shard);

    if (error == KAFKA_COORDINATOR_LOAD_IN_PROGRESS)
        return KAFKA_NONE; /* nobody is late while we read */
    if (error != KAFKA_NONE)
        return error;
    group = shard_find(shard, id);
    if (group) {
        error =
            group_heartbeat(group, member_id, instance_id, generation, &env);
        shard_arm(shard, group);
    } else {
        error = KAFKA_UNKNOWN_MEMBER_ID;
    }
    shard_leave(shard);
    return error;
}

/* -- leave ---------------------------------------------------------------- */

struct leaver {
    struct bytes member_id, instance_id, reason;
};

static size_t leavers_of(struct request *request,
                         const struct wire_leave_group_request *in,
                         struct leaver **leavers)
{
    size_t n = request->version < 3 ? 1 : in->n_members;

    *leavers = arena_array(&request->arena, n, sizeof **leavers);
    if (!*leavers)
        return 0;
    if (request->version < 3)
        **leavers = (struct leaver){ in->member_id, BYTES_NULL, BYTES_NULL };
    for (size_t i = 0; request->version >= 3 && i < n; i++)
        (*leavers)[i] = (struct leaver){ in->members[i].member_id,
                                         in->members[i].group_instance_id,
                                         in->members[i].reason };
    return n;
}

static void leave_fill(const struct leaver *leaver, int16_t error,
                       struct wire_leave_group_response *out)
{
    struct wire_leave_group_response_members *to =
        &out->members[out->n_members++];

    wire_leave_group_response_members_init(to);
    to->member_id = leaver->member_id;
    to->group_instance_id = leaver->instance_id;
    to->error_code = error;
}

void groups_leave(struct groups *groups, struct request *request,
                  const struct wire_leave_group_request *in,
                  struct wire_leave_group_response *out)
{
    struct leaver *leavers;
    size_t n = leavers_of(request, in, &leavers);
    struct group_shard *shard;
    struct group *group;
    struct shard_env env;

    out->members = arena_array(&request->arena, n, sizeof *out->members);
    if (!out->members || !leavers)
        return;
    out->error_code = groups_enter_named(groups, in->group_id, &shard);
    if (out->error_code != KAFKA_NONE)
        return;
    shard_env_init(&env, shard);
    group = shard_find(shard, in->group_id);
    for (size_t i = 0; i < n; i++) {
        int16_t error = KAFKA_UNKNOWN_MEMBER_ID;

        if (group)
            error =
                group_leave(group, leavers[i].member_id, leavers[i].instance_id,
                            leavers[i].reason, &env.env);
        leave_fill(&leavers[i], error, out);
    }
    if (group)
        shard_arm(shard, group);
    shard_leave(shard);
    if (request->version < 3) /* there is one, and no list */
        out->error_code = out->members[0].error_code;
}
