/* group_alive.c - signs of life, farewells, and deadlines that passed. */
#include "group/group_inside.h"

#include "wire/errors.h"

int16_t group_heartbeat(struct group *group, struct bytes member_id,
                        struct bytes instance_id, int32_t generation,
                        struct group_env *env)
{
    struct group_member *member;
    int16_t error;

    if (group->phase == GROUP_DEAD)
        return KAFKA_COORDINATOR_NOT_AVAILABLE;
    error = group_member_check(group, member_id, instance_id, &member);
    if (error != KAFKA_NONE)
        return error;
    if (generation != group->generation)
        return KAFKA_ILLEGAL_GENERATION;
    group_expect(group, member, env);
    return group->phase == GROUP_PREPARING ? KAFKA_REBALANCE_IN_PROGRESS
                                           : KAFKA_NONE;
}

/* -- farewells ------------------------------------------------------------ */

int16_t group_leave(struct group *group, struct bytes member_id,
                    struct bytes instance_id, struct bytes reason,
                    struct group_env *env)
{
    struct group_member *member;
    int16_t error;

    if (group->phase == GROUP_DEAD)
        return KAFKA_COORDINATOR_NOT_AVAILABLE;
    (void)reason;
    if (member_id.len == 0) {
        member = bytes_is_null(instance_id)
                     ? NULL
                     : group_instance_find(group, instance_id);
        if (!member)
            return KAFKA_UNKNOWN_MEMBER_ID;
    } else if (group_pending_remove(group, member_id)) {
        group_try_complete(group, env);
        return KAFKA_NONE;
    } else {
        error = group_member_check(group, member_id, instance_id, &member);
        if (error != KAFKA_NONE)
            return error;
    }
    group_lose(group, member, "it left", env);
    return KAFKA_NONE;
}

/* -- commits -------------------------------------------------------------- */

int16_t group_commit_check(struct group *group, struct bytes member_id,
                           struct bytes instance_id, int32_t generation,
                           struct group_env *env)
{
    struct group_member *member;
    int16_t error;

    if (group->phase == GROUP_DEAD)
        return KAFKA_COORDINATOR_NOT_AVAILABLE;
    /* Consumers without a group, and tools, while nobody is in it. */
    if (generation < 0 && group->phase == GROUP_EMPTY)
        return KAFKA_NONE;
    if (generation < 0 && member_id.len == 0 && bytes_is_null(instance_id))
        return KAFKA_UNKNOWN_MEMBER_ID;
    error = group_member_check(group, member_id, instance_id, &member);
    if (error != KAFKA_NONE)
        return error;
    if (generation != group->generation)
        return KAFKA_ILLEGAL_GENERATION;
    if (group->phase == GROUP_COMPLETING)
        return KAFKA_REBALANCE_IN_PROGRESS;
    group_expect(group, member, env);
    return KAFKA_NONE;
}

/* -- deadlines ------------------------------------------------------------ */

static struct group_pending *pending_late(const struct group *group,
                                          int64_t now_us)
{
    LIST_EACH(link, (struct list *)(uintptr_t)&group->pending) {
        struct group_pending *p =
            CONTAINER_OF(link, struct group_pending, link);

        if (p->deadline_us <= now_us)
            return p;
    }
    return NULL;
}

/* Who waits for a round to go on need not be heard of meanwhile, except for a
 * new one: see GROUP_NEW_MEMBER_MS. */
static struct group_member *member_late(struct group *group, int64_t now_us)
{
    LIST_EACH(link, &group->members) {
        struct group_member *m = CONTAINER_OF(link, struct group_member, link);

        if (m->deadline_us > now_us)
            continue;
        if (m->is_new || (!m->join_waiter && !m->sync_waiter))
            return m;
        m->deadline_us = GROUP_NEVER;
    }
    return NULL;
}

static void sync_over(struct group *group, struct group_env *env)
{
    LIST_EACH(link, &group->members) {
        struct group_member *m = CONTAINER_OF(link, struct group_member, link);

        if (!m->sync_due)
            continue;
        env->note(env, group, "member_without_sync", m->id, BYTES_NULL);
        if (m->join_waiter) {
            group_refuse_join(m->join_waiter, BYTES(""),
                              KAFKA_UNKNOWN_MEMBER_ID, env);
            m->join_waiter = NULL;
            group->n_awaiting--;
        }
        group_member_remove(group, m);
        group_member_free(&m);
    }
    group->sync_due_us = GROUP_NEVER;
    group_rebalance(group, BYTES_NULL, "members did not sync", env);
}

static void find_due(struct group *group)
{
    group->due_us = group->join_due_us < group->sync_due_us
                        ? group->join_due_us
                        : group->sync_due_us;
    LIST_EACH(link, &group->members)
        group_due(group,
                  CONTAINER_OF(link, struct group_member, link)->deadline_us);
    LIST_EACH(link, &group->pending)
        group_due(group,
                  CONTAINER_OF(link, struct group_pending, link)->deadline_us);
}

void group_expire(struct group *group, struct group_env *env)
{
    struct group_pending *pending;
    struct group_member *member;

    if (group->phase == GROUP_DEAD)
        return;
    while ((pending = pending_late(group, env->now_us)) != NULL) {
        group_pending_remove(group, bytes_make(pending->id, pending->len));
        group_try_complete(group, env);
    }
    while ((member = member_late(group, env->now_us)) != NULL)
        group_lose(group, member, "it was not heard of", env);
    if (group->join_due_us <= env->now_us)
        group_join_over(group, env);
    if (group->sync_due_us <= env->now_us)
        sync_over(group, env);
    find_due(group);
}
