/* group_state.c - a group's life, its phases, and answers to those who wait. */
#include "group/group_inside.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "wire/errors.h"

#define FROM(p) (1u << GROUP_##p)

static const struct {
    const char *name;
    unsigned from; /* phases it may follow */
} phases[] = {
    [GROUP_EMPTY] = { "Empty", FROM(PREPARING) },
    [GROUP_PREPARING] = { "PreparingRebalance",
                          FROM(EMPTY) | FROM(COMPLETING) | FROM(STABLE) },
    [GROUP_COMPLETING] = { "CompletingRebalance", FROM(PREPARING) },
    [GROUP_STABLE] = { "Stable", FROM(COMPLETING) },
    [GROUP_DEAD] = { "Dead", FROM(EMPTY) | FROM(PREPARING) | FROM(COMPLETING) |
                                 FROM(STABLE) | FROM(DEAD) },
};

const char *group_phase_name(enum group_phase phase)
{
    return phases[phase].name;
}

void group_move(struct group *group, enum group_phase to, struct group_env *env)
{
    assert(phases[to].from & (1u << group->phase));
    group->phase = to;
    group->phase_ms = env->wall_ms;
}

/* -- life ----------------------------------------------------------------- */

struct group *group_new(struct bytes id, int64_t wall_ms)
{
    struct group *group = mem_need(sizeof *group + id.len + 1);

    group->refs = 1;
    group->phase = GROUP_EMPTY;
    group->phase_ms = wall_ms;
    group->protocol_type = BYTES_NULL;
    group->protocol = BYTES_NULL;
    list_init(&group->all);
    list_init(&group->timer.link);
    list_init(&group->txns);
    list_init(&group->members);
    list_init(&group->pending);
    map_init(&group->by_id);
    map_init(&group->by_instance);
    map_init(&group->tallies);
    map_init(&group->pending_by_id);
    group->join_due_us = GROUP_NEVER;
    group->sync_due_us = GROUP_NEVER;
    group->due_us = GROUP_NEVER;
    group->id_len = id.len;
    if (id.len > 0)
        memcpy(group->id, id.at, id.len);
    return group;
}

struct group *group_ref(struct group *group)
{
    group->refs++;
    return group;
}

static void group_free(struct group *group)
{
    assert(list_is_empty(&group->all) && list_is_empty(&group->timer.link));
    LIST_EACH(link, &group->members) {
        struct group_member *member =
            CONTAINER_OF(link, struct group_member, link);

        group_member_remove(group, member);
        group_member_free(&member);
    }
    LIST_EACH(link, &group->pending) {
        struct group_pending *p =
            CONTAINER_OF(link, struct group_pending, link);

        group_pending_remove(group, bytes_make(p->id, p->len));
    }
    LIST_EACH(link, &group->txns) {
        struct group_txn *txn = CONTAINER_OF(link, struct group_txn, link);

        group_txn_free(&txn);
    }
    group_offsets_fini(&group->offsets);
    group_disown(&group->protocol_type);
    group_disown(&group->protocol);
    map_fini(&group->by_id);
    map_fini(&group->by_instance);
    map_fini(&group->tallies);
    map_fini(&group->pending_by_id);
    mem_free(group);
}

void group_unref(struct group **group)
{
    struct group *g = *group;

    *group = NULL;
    if (g && --g->refs == 0)
        group_free(g);
}

/* -- answers -------------------------------------------------------------- */

void group_refuse_join(void *waiter, struct bytes member_id, int16_t error,
                       struct group_env *env)
{
    const struct group_join_answer answer = {
        .error = error,
        .generation = -1,
        .protocol_type = BYTES_NULL,
        .protocol = BYTES_NULL,
        .leader = BYTES(""),
        .member_id = member_id,
    };

    env->on_join(env, waiter, &answer);
}

void group_refuse_sync(void *waiter, int16_t error, struct group_env *env)
{
    const struct group_sync_answer answer = {
        .error = error,
        .protocol_type = BYTES_NULL,
        .protocol = BYTES_NULL,
        .assignment = BYTES(""),
    };

    env->on_sync(env, waiter, &answer);
}

void group_answer_join(struct group *group, struct group_member *member,
                       const struct group_join_answer *answer,
                       struct group_env *env)
{
    void *waiter = member->join_waiter;

    if (!waiter)
        return;
    member->join_waiter = NULL;
    group->n_awaiting--;
    env->on_join(env, waiter, answer);
}

bool group_answer_sync(struct group_member *member,
                       const struct group_sync_answer *answer,
                       struct group_env *env)
{
    void *waiter = member->sync_waiter;

    if (!waiter)
        return false;
    member->sync_waiter = NULL;
    env->on_sync(env, waiter, answer);
    return true;
}

/* A client that lost its connection asks again on a new one, under the same id:
 * the request left behind must not wait for ever. */
void group_wait_join(struct group *group, struct group_member *member,
                     void *waiter, struct group_env *env)
{
    if (member->join_waiter) {
        group_refuse_join(member->join_waiter, member->id,
                          KAFKA_REBALANCE_IN_PROGRESS, env);
        group->n_awaiting--;
    }
    member->join_waiter = waiter;
    group->n_awaiting++;
}

void group_wait_sync(struct group_member *member, void *waiter,
                     struct group_env *env)
{
    if (member->sync_waiter)
        group_refuse_sync(member->sync_waiter, KAFKA_REBALANCE_IN_PROGRESS,
                          env);
    member->sync_waiter = waiter;
}

struct group_join_answer group_round(const struct group *group,
                                     const struct group_member *member)
{
    return (struct group_join_answer){
        .error = KAFKA_NONE,
        .generation = group->generation,
        .protocol_type = group->protocol_type,
        .protocol = group->protocol,
        .leader = group->leader ? group->leader->id : BYTES(""),
        .member_id = member->id,
        .members = group->leader == member ? group : NULL,
    };
}

/* -- the end -------------------------------------------------------------- */

void group_unload(struct group *group, struct group_env *env)
{
    const struct group_sync_answer gone = {
        .error = KAFKA_NOT_COORDINATOR,
        .protocol_type = BYTES_NULL,
        .protocol = BYTES_NULL,
        .assignment = BYTES(""),
    };

    group_move(group, GROUP_DEAD, env);
    LIST_EACH(link, &group->members) {
        struct group_member *member =
            CONTAINER_OF(link, struct group_member, link);

        if (member->join_waiter) {
            group_refuse_join(member->join_waiter, member->id,
                              KAFKA_NOT_COORDINATOR, env);
            member->join_waiter = NULL;
            group->n_awaiting--;
        }
        group_answer_sync(member, &gone, env);
    }
    group->join_due_us = group->sync_due_us = group->due_us = GROUP_NEVER;
}

void group_bury(struct group *group, struct group_env *env)
{
    assert(group_size(group) == 0);
    group_move(group, GROUP_DEAD, env);
    group->due_us = GROUP_NEVER;
}

/* -- loading -------------------------------------------------------------- */

void group_restore(struct group *group, int32_t generation,
                   struct bytes protocol_type, struct bytes protocol,
                   int64_t phase_ms)
{
    group->generation = generation;
    group->phase_ms = phase_ms;
    group_disown(&group->protocol_type);
    group_disown(&group->protocol);
    if (protocol_type.len > 0)
        group->protocol_type = group_own(protocol_type);
    group->protocol = group_own(protocol);
}

bool group_restore_member(struct group *group, struct group_member *member)
{
    if (group_member_find(group, member->id) ||
        (group_member_is_static(member) &&
         group_instance_find(group, member->instance_id)))
        return false;
    group_member_add(group, member);
    return true;
}

void group_restored(struct group *group, struct bytes leader_id,
                    struct group_env *env)
{
    struct group_member *leader =
        bytes_is_null(leader_id) ? NULL : group_member_find(group, leader_id);

    if (group_size(group) == 0)
        return;
    if (leader)
        group->leader = leader;
    group->phase = GROUP_STABLE; /* as it was when it was written */
    LIST_EACH(link, &group->members)
        group_expect(group, CONTAINER_OF(link, struct group_member, link), env);
    /* More than is allowed now: sort it out in a round, in which all may commit
     * before some have to go. */
    if (group_size(group) > env->rules.size_max)
        group_rebalance(group, BYTES_NULL, "group.max.size was lowered", env);
}

/* -- invariants ----------------------------------------------------------- */

#define HOLDS(what)                                                            \
    do {                                                                       \
        if (!(what))                                                           \
            abort();                                                           \
    } while (0)

void group_check(const struct group *group)
{
    size_t members = 0, awaiting = 0, sync_due = 0, statics = 0, pending = 0;
    bool leader = false;

    for (const struct list *link = group->members.next; link != &group->members;
         link = link->next) {
        const struct group_member *m =
            CONTAINER_OF(link, struct group_member, link);

        members++;
        awaiting += m->join_waiter != NULL;
        sync_due += m->sync_due;
        statics += group_member_is_static(m);
        leader |= group->leader == m;
        HOLDS(group_member_find(group, m->id) == m);
        HOLDS(!group_member_is_static(m) ||
              group_instance_find(group, m->instance_id) == m);
        HOLDS(!group_is_pending(group, m->id));
        HOLDS(m->deadline_us >= group->due_us || group->phase == GROUP_DEAD);
        HOLDS(!m->sync_waiter || group->phase == GROUP_COMPLETING);
        /* whoever is expected by nobody waits for something with an end */
        HOLDS(m->deadline_us != GROUP_NEVER || m->join_waiter ||
              m->sync_waiter || group->phase == GROUP_DEAD);
    }
    for (const struct list *link = group->pending.next; link != &group->pending;
         link = link->next)
        pending++;
    HOLDS(members == group->by_id.count);
    HOLDS(statics == group->by_instance.count);
    HOLDS(pending == group->pending_by_id.count);
    HOLDS(awaiting == group->n_awaiting);
    HOLDS(sync_due == group->n_sync_due);
    HOLDS(leader == (members > 0));
    HOLDS(group->phase != GROUP_EMPTY || members == 0);
    HOLDS(members > 0 ||
          (group->phase != GROUP_STABLE && group->phase != GROUP_COMPLETING));
    HOLDS((group->phase == GROUP_PREPARING) ==
          (group->join_due_us != GROUP_NEVER));
    HOLDS(group->join_due_us >= group->due_us || group->phase == GROUP_DEAD);
    HOLDS(group->sync_due_us >= group->due_us || group->phase == GROUP_DEAD);
}
