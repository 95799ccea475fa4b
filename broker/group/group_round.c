/* group_round.c - a rebalance: from "all come back" to "all have their part".
 *
 *   1. group_rebalance(): members learn of it by their heartbeats (and those
 * who wait for a part, at once), and join again.
 *   2. When all members wait, and nobody is expected who was given an id, or
 * the largest rebalance timeout is over, the round is complete. The very first
 *      round of a group waits a little for more members instead.
 *   3. Who did not come is out, unless static; the leader stays if it came.
 *   4. All are told; the leader hands in an assignment (group_sync.c).
 *
 * What goes wrong: nobody comes back, and only static members are left: they
 * are waited for once more, until their session ends. A member that was told
 * the round but does not sync in time is removed, and a new round begins.
 */
#include "group/group_inside.h"

#include <assert.h>

#include "base/mem.h"
#include "wire/errors.h"

/* Clients may ask for no rebalance timeout at all; that must not become a loop
 * that waits for nobody. */
enum { AGAIN_LEAST_MS = 100 };

static int32_t rebalance_ms(const struct group *group)
{
    int32_t most = 0;

    LIST_EACH(link, (struct list *)(uintptr_t)&group->members) {
        const struct group_member *m =
            CONTAINER_OF(link, struct group_member, link);

        if (m->rebalance_ms > most)
            most = m->rebalance_ms;
    }
    return most;
}

static void forget_sync(struct group *group)
{
    if (group->n_sync_due > 0)
        LIST_EACH(link, &group->members)
            CONTAINER_OF(link, struct group_member, link)->sync_due = false;
    group->n_sync_due = 0;
    group->sync_due_us = GROUP_NEVER;
}

static void join_until(struct group *group, int64_t ms,
                       const struct group_env *env)
{
    group->join_due_us = group_after(env, ms);
    group_due(group, group->join_due_us);
}

/* -- 1: begin ------------------------------------------------------------- */

static void begin(struct group *group, struct bytes member, const char *reason,
                  struct group_env *env)
{
    int32_t all = rebalance_ms(group);

    if (group->phase == GROUP_COMPLETING)
        group_hand_out(group, NULL, KAFKA_REBALANCE_IN_PROGRESS, env);
    forget_sync(group);
    group->initial = group->phase == GROUP_EMPTY;
    group_move(group, GROUP_PREPARING, env);
    env->note(env, group, "rebalance", member, bytes_of(reason));
    if (group->initial) {
        group->came_more = false;
        group->delay_ms = env->rules.initial_delay_ms;
        group->delay_left_ms =
            all > group->delay_ms ? all - group->delay_ms : 0;
        join_until(group, group->delay_ms, env);
        return;
    }
    join_until(group, all, env);
    group_try_complete(group, env);
}

void group_rebalance(struct group *group, struct bytes member,
                     const char *reason, struct group_env *env)
{
    if (group->phase != GROUP_PREPARING && group->phase != GROUP_DEAD)
        begin(group, member, reason, env);
}

/* -- 2: complete ---------------------------------------------------------- */

static void remove_absent(struct group *group, struct group_env *env)
{
    LIST_EACH(link, &group->members) {
        struct group_member *m = CONTAINER_OF(link, struct group_member, link);

        if (m->join_waiter || group_member_is_static(m))
            continue;
        env->note(env, group, "member_absent", m->id, BYTES_NULL);
        group_member_remove(group, m);
        group_member_free(&m);
    }
}

/* The leader came, or another one is it now; false when nobody came. */
static bool elect(struct group *group)
{
    if (!group->leader)
        return false;
    if (group->leader->join_waiter)
        return true;
    LIST_EACH(link, &group->members) {
        struct group_member *m = CONTAINER_OF(link, struct group_member, link);

        if (m->join_waiter) {
            group->leader = m;
            return true;
        }
    }
    return false;
}

static void next_generation(struct group *group, enum group_phase phase,
                            struct group_env *env)
{
    struct bytes protocol =
        phase == GROUP_EMPTY ? BYTES_NULL : group_own(group_choose(group));

    /* After the largest one comes 0: nothing below may be told. */
    group->generation =
        group->generation == INT32_MAX ? 0 : group->generation + 1;
    group_disown(&group->protocol);
    group->protocol = protocol;
    group->join_due_us = GROUP_NEVER;
    group->initial = false;
    group_move(group, phase, env);
    forget_sync(group);
}

static void end_empty(struct group *group, struct group_env *env)
{
    struct group_store *store = mem_need(sizeof *store);

    next_generation(group, GROUP_EMPTY, env);
    store->why = GROUP_STORE_EMPTY;
    store->generation = group->generation;
    store->old_id = store->new_id = store->told_leader = BYTES_NULL;
    env->note(env, group, "empty", BYTES_NULL, BYTES_NULL);
    env->store(env, group, store);
}

static void tell_round(struct group *group, struct group_env *env)
{
    next_generation(group, GROUP_COMPLETING, env);
    env->note(env, group, "generation", group->leader->id, BYTES_NULL);
    LIST_EACH(link, &group->members) {
        struct group_member *m = CONTAINER_OF(link, struct group_member, link);
        struct group_join_answer answer = group_round(group, m);

        group_answer_join(group, m, &answer, env);
        group_expect(group, m, env);
        m->is_new = false;
        m->sync_due = true;
        group->n_sync_due++;
    }
    group->sync_due_us = group_after(env, rebalance_ms(group));
    group_due(group, group->sync_due_us);
}

static void complete(struct group *group, struct group_env *env)
{
    int64_t wait_ms;

    remove_absent(group, env);
    wait_ms = rebalance_ms(group);
    if (!elect(group) && group_size(group) > 0) {
        env->note(env, group, "nobody_rejoined", BYTES_NULL, BYTES_NULL);
        group->initial = false;
        join_until(group, wait_ms > AGAIN_LEAST_MS ? wait_ms : AGAIN_LEAST_MS,
                   env);
        return;
    }
    if (group_size(group) == 0)
        end_empty(group, env);
    else
        tell_round(group, env);
}

void group_try_complete(struct group *group, struct group_env *env)
{
    if (group->phase != GROUP_PREPARING || group->initial)
        return;
    if (group->n_awaiting == group_size(group) &&
        list_is_empty(&group->pending))
        complete(group, env);
}

void group_join_over(struct group *group, struct group_env *env)
{
    assert(group->phase == GROUP_PREPARING);
    if (group->initial && group->came_more && group->delay_left_ms > 0) {
        int32_t delay = env->rules.initial_delay_ms < group->delay_left_ms
                            ? env->rules.initial_delay_ms
                            : group->delay_left_ms;
        int32_t before = group->delay_ms;

        group->came_more = false;
        group->delay_ms = delay;
        group->delay_left_ms =
            group->delay_left_ms > before ? group->delay_left_ms - before : 0;
        join_until(group, delay, env);
        return;
    }
    complete(group, env);
}

/* -- 4: parts ------------------------------------------------------------- */

void group_sync_arrived(struct group *group, struct group_member *member)
{
    if (!member->sync_due)
        return;
    member->sync_due = false;
    if (--group->n_sync_due == 0)
        group->sync_due_us = GROUP_NEVER;
}

void group_hand_out(struct group *group, const struct group_store *store,
                    int16_t error, struct group_env *env)
{
    bool ok = error == KAFKA_NONE;

    assert(group->phase == GROUP_COMPLETING);
    LIST_EACH(link, &group->members) {
        struct group_member *m = CONTAINER_OF(link, struct group_member, link);
        struct group_sync_answer answer;

        group_disown(&m->assignment);
        if (ok)
            m->assignment = group_own(group_store_part(store, m->id));
        answer = (struct group_sync_answer){
            .error = error,
            .protocol_type = ok ? group->protocol_type : BYTES_NULL,
            .protocol = ok ? group->protocol : BYTES_NULL,
            .assignment = ok ? m->assignment : BYTES(""),
        };
        /* Its session may have ended while it waited for the leader. */
        if (group_answer_sync(m, &answer, env))
            group_expect(group, m, env);
    }
}

void group_lose(struct group *group, struct group_member *member,
                const char *reason, struct group_env *env)
{
    struct bytes id = group_own(member->id);
    const struct group_sync_answer unknown = {
        .error = KAFKA_UNKNOWN_MEMBER_ID,
        .protocol_type = BYTES_NULL,
        .protocol = BYTES_NULL,
        .assignment = BYTES(""),
    };

    env->note(env, group, "member_gone", id, bytes_of(reason));
    if (member->join_waiter) {
        group_refuse_join(member->join_waiter, BYTES(""),
                          KAFKA_UNKNOWN_MEMBER_ID, env);
        member->join_waiter = NULL;
        group->n_awaiting--;
    }
    group_answer_sync(member, &unknown, env);
    group_member_remove(group, member);
    group_member_free(&member);
    switch (group->phase) {
    case GROUP_STABLE:
    case GROUP_COMPLETING:
        group_rebalance(group, id, reason, env);
        break;
    case GROUP_PREPARING:
        group_try_complete(group, env);
        break;
    case GROUP_EMPTY:
    case GROUP_DEAD:
        break;
    }
    group_disown(&id);
}
