/* group_join.c - JoinGroup: who may come in, and what it sets off.
 *
 *   no member id ── static, known instance ──▶ takes the old member's place
 *        │        └─ static, new ────────────▶ member
 *        └─ dynamic ── id required ──▶ given an id, comes again with it
 * (KIP-394) └─ old client ───▶ member member id ── was given out ──▶ member └─
 * member ──▶ joins the round, or is told the running one
 */
#include "group/group_inside.h"

#include <assert.h>

#include "base/mem.h"
#include "wire/errors.h"

/* Is there room? An existing member is kept out only of a round that is full.
 */
static bool has_room(const struct group *group, struct bytes member_id,
                     const struct group_env *env)
{
    const struct group_member *member =
        member_id.len > 0 ? group_member_find(group, member_id) : NULL;

    switch (group->phase) {
    case GROUP_EMPTY:
    case GROUP_DEAD:
        return true;
    case GROUP_PREPARING:
        return (member && member->join_waiter) ||
               group->n_awaiting < env->rules.size_max;
    case GROUP_COMPLETING:
    case GROUP_STABLE:
        return member || group_size(group) < env->rules.size_max;
    }
    return true;
}

/* Kafka takes the member out without a round of its own: the next heartbeat of
 * the one that is told so, or the end of the round, sorts it out. */
static void turn_away(struct group *group, struct group_join *join,
                      struct group_env *env)
{
    struct group_member *member = group_member_find(group, join->member_id);

    if (member) {
        const struct group_sync_answer full = {
            .error = KAFKA_UNKNOWN_MEMBER_ID,
            .protocol_type = BYTES_NULL,
            .protocol = BYTES_NULL,
            .assignment = BYTES(""),
        };

        assert(!member->join_waiter);
        group_answer_sync(member, &full, env);
        group_member_remove(group, member);
        group_member_free(&member);
    } else {
        group_pending_remove(group, join->member_id);
    }
    group_refuse_join(join->waiter, BYTES(""), KAFKA_GROUP_MAX_SIZE_REACHED,
                      env);
}

static void add(struct group *group, struct group_join *join, struct bytes id,
                struct group_env *env)
{
    struct group_member *member = join->fresh;

    join->fresh = NULL;
    if (!bytes_equal(member->id, id)) {
        group_disown(&member->id);
        member->id = group_own(id);
    }
    if (group->phase == GROUP_PREPARING && group->generation == 0)
        group->came_more = true;
    if (group_size(group) == 0) {
        struct bytes type = group_own(join->protocol_type);

        group_disown(&group->protocol_type);
        group->protocol_type = type;
    }
    member->is_new = true;
    group_member_add(group, member);
    group_wait_join(group, member, join->waiter, env);
    /* It cannot send heartbeats while it waits: only a long time is held
     * against it, lest clients that give up and come again fill the group. */
    member->deadline_us = group_after(env, GROUP_NEW_MEMBER_MS);
    group_due(group, member->deadline_us);
    group_rebalance(group, member->id, "a member joins", env);
}

/* -- static members (KIP-345) --------------------------------------------- */

/* A part for everybody as it is now: only the id changes. */
static struct group_store *static_store(const struct group *group,
                                        struct bytes old_id,
                                        struct bytes new_id,
                                        struct bytes told_leader, bool may_skip)
{
    struct group_store *store = mem_need(sizeof *store);

    store->why = GROUP_STORE_STATIC;
    store->generation = group->generation;
    store->old_id = group_own(old_id);
    store->new_id = group_own(new_id);
    store->told_leader = group_own(told_leader);
    store->may_skip = may_skip;
    return store;
}

static void fence(struct group *group, struct group_member *member,
                  struct group_env *env)
{
    const struct group_sync_answer fenced = {
        .error = KAFKA_FENCED_INSTANCE_ID,
        .protocol_type = BYTES_NULL,
        .protocol = BYTES_NULL,
        .assignment = BYTES(""),
    };

    if (member->join_waiter) {
        group_refuse_join(member->join_waiter, member->id,
                          KAFKA_FENCED_INSTANCE_ID, env);
        member->join_waiter = NULL;
        group->n_awaiting--;
    }
    group_answer_sync(member, &fenced, env);
}

static void replace(struct group *group, struct group_member *member,
                    struct group_join *join, struct group_env *env)
{
    struct bytes old_id = group_own(member->id);
    struct bytes leader =
        group->leader ? group_own(group->leader->id) : BYTES_NULL;

    fence(group, member, env);
    group_member_rename(group, member, join->fresh->id);
    env->note(env, group, "member_replaced", member->id, join->reason);
    group_expect(group, member, env);
    group_member_update(group, member, join->fresh);
    group_wait_join(group, member, join->waiter, env);
    if (group->phase == GROUP_STABLE &&
        bytes_equal(group->protocol, group_choose(group)))
        env->store(
            env, group,
            static_store(group, old_id, member->id, leader, join->may_skip));
    else if (group->phase == GROUP_PREPARING)
        group_try_complete(group, env);
    else /* the leader may be sharing out to the old id */
        group_rebalance(group, member->id, "a static member came back", env);
    group_disown(&old_id);
    group_disown(&leader);
}

/* -- new members ---------------------------------------------------------- */

static void join_new(struct group *group, struct group_join *join,
                     struct group_env *env)
{
    struct group_member *known;

    if (!bytes_is_null(join->instance_id)) {
        known = group_instance_find(group, join->instance_id);
        if (known)
            replace(group, known, join, env);
        else
            add(group, join, join->fresh->id, env);
        return;
    }
    if (!join->id_required) {
        add(group, join, join->fresh->id, env);
        return;
    }
    group_pending_add(group, join->fresh->id,
                      group_after(env, join->fresh->session_ms));
    group_refuse_join(join->waiter, join->fresh->id, KAFKA_MEMBER_ID_REQUIRED,
                      env);
}

/* -- members -------------------------------------------------------------- */

static void update(struct group *group, struct group_member *member,
                   struct group_join *join, const char *reason,
                   struct group_env *env)
{
    group_member_update(group, member, join->fresh);
    group_wait_join(group, member, join->waiter, env);
    group_rebalance(group, member->id, reason, env);
}

static void tell_running(struct group *group, struct group_member *member,
                         struct group_join *join, struct group_env *env)
{
    struct group_join_answer answer = group_round(group, member);

    env->on_join(env, join->waiter, &answer);
}

static void join_member(struct group *group, struct group_join *join,
                        struct group_env *env)
{
    struct group_member *member;
    int16_t error =
        group_member_check(group, join->member_id, join->instance_id, &member);
    bool same;

    if (error != KAFKA_NONE) {
        group_refuse_join(join->waiter, join->member_id, error, env);
        return;
    }
    same = group_protocols_equal(member->protocols, join->fresh->protocols);
    switch (group->phase) {
    case GROUP_PREPARING:
        update(group, member, join, "", env);
        break;
    case GROUP_COMPLETING:
        if (same) /* it did not get the answer */
            tell_running(group, member, join, env);
        else
            update(group, member, join, "a member has other metadata", env);
        break;
    case GROUP_STABLE:
        if (group->leader == member)
            update(group, member, join, "the leader joins again", env);
        else if (!same)
            update(group, member, join, "a member has other metadata", env);
        else
            tell_running(group, member, join, env);
        break;
    case GROUP_EMPTY:
    case GROUP_DEAD:
        group_refuse_join(join->waiter, join->member_id,
                          KAFKA_UNKNOWN_MEMBER_ID, env);
        break;
    }
}

void group_join(struct group *group, struct group_join *join,
                struct group_env *env)
{
    struct bytes told = join->member_id.len > 0 ? join->member_id : BYTES("");

    if (group->phase == GROUP_DEAD) {
        group_refuse_join(join->waiter, told, KAFKA_COORDINATOR_NOT_AVAILABLE,
                          env);
    } else if (!has_room(group, join->member_id, env)) {
        turn_away(group, join, env);
    } else if (!group_supports(group, join->protocol_type,
                               join->fresh->protocols)) {
        group_refuse_join(join->waiter, told, KAFKA_INCONSISTENT_GROUP_PROTOCOL,
                          env);
    } else if (join->member_id.len == 0) {
        join_new(group, join, env);
    } else if (group_is_pending(group, join->member_id)) {
        /* Only dynamic members are given ids beforehand. */
        if (!bytes_is_null(join->instance_id))
            group_refuse_join(join->waiter, told, KAFKA_UNKNOWN_MEMBER_ID, env);
        else
            add(group, join, join->member_id, env);
    } else {
        join_member(group, join, env);
    }
    group_try_complete(group, env);
}
