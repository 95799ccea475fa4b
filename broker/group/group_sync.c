/* group_sync.c - SyncGroup: the leader's assignment is stored, then handed out.
 */
#include "group/group_inside.h"

#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "wire/errors.h"

/* -- parts ---------------------------------------------------------------- */

static int by_member(const void *a, const void *b)
{
    return bytes_compare(((const struct group_part *)a)->member_id,
                         ((const struct group_part *)b)->member_id);
}

struct group_store *group_store_new(const struct group_part *parts, size_t n)
{
    struct group_store *store = mem_need(sizeof *store);
    size_t size = n * sizeof *parts;
    uint8_t *at;

    store->old_id = store->new_id = store->told_leader = BYTES_NULL;
    for (size_t i = 0; i < n; i++)
        size += parts[i].member_id.len + parts[i].assignment.len;
    store->parts = mem_try(size + 1);
    if (!store->parts) {
        mem_free(store);
        return NULL;
    }
    store->n_parts = n;
    at = (uint8_t *)&store->parts[n];
    for (size_t i = 0; i < n; i++) {
        const struct bytes from[2] = { parts[i].member_id,
                                       parts[i].assignment };
        struct bytes to[2];

        for (size_t j = 0; j < 2; j++) {
            to[j] = bytes_make(at, from[j].len);
            if (from[j].len > 0)
                memcpy(at, from[j].at, from[j].len);
            at += from[j].len;
        }
        store->parts[i] = (struct group_part){ to[0], to[1] };
    }
    qsort(store->parts, n, sizeof *store->parts, by_member);
    return store;
}

void group_store_free(struct group_store **store)
{
    if (!*store)
        return;
    mem_free((*store)->parts);
    group_disown(&(*store)->old_id);
    group_disown(&(*store)->new_id);
    group_disown(&(*store)->told_leader);
    mem_free(*store);
    *store = NULL;
}

struct bytes group_store_part(const struct group_store *store,
                              struct bytes member_id)
{
    const struct group_part key = { member_id, BYTES_NULL };
    const struct group_part *part =
        store->n_parts == 0 ? NULL
                            : bsearch(&key, store->parts, store->n_parts,
                                      sizeof key, by_member);

    return part ? part->assignment : BYTES("");
}

/* -- the request ---------------------------------------------------------- */

static int16_t check(const struct group *group, const struct group_sync *sync,
                     struct group_member **member)
{
    int16_t error;

    if (group->phase == GROUP_DEAD)
        return KAFKA_COORDINATOR_NOT_AVAILABLE;
    error =
        group_member_check(group, sync->member_id, sync->instance_id, member);
    if (error != KAFKA_NONE)
        return error;
    if (sync->generation != group->generation)
        return KAFKA_ILLEGAL_GENERATION;
    if ((!bytes_is_null(sync->protocol_type) &&
         !bytes_equal(sync->protocol_type, group->protocol_type)) ||
        (!bytes_is_null(sync->protocol) &&
         !bytes_equal(sync->protocol, group->protocol)))
        return KAFKA_INCONSISTENT_GROUP_PROTOCOL;
    return KAFKA_NONE;
}

static void sync_completing(struct group *group, struct group_member *member,
                            struct group_sync *sync, struct group_env *env)
{
    struct group_store *store = sync->store;

    group_wait_sync(member, sync->waiter, env);
    group_sync_arrived(group, member);
    if (group->leader != member)
        return;
    sync->store = NULL;
    store->why = GROUP_STORE_ASSIGNMENT;
    store->generation = group->generation;
    env->store(env, group, store);
}

static void sync_stable(struct group *group, struct group_member *member,
                        const struct group_sync *sync, struct group_env *env)
{
    const struct group_sync_answer answer = {
        .error = KAFKA_NONE,
        .protocol_type = group->protocol_type,
        .protocol = group->protocol,
        .assignment =
            bytes_is_null(member->assignment) ? BYTES("") : member->assignment,
    };

    group_sync_arrived(group, member);
    env->on_sync(env, sync->waiter, &answer);
    group_expect(group, member, env);
}

void group_sync(struct group *group, struct group_sync *sync,
                struct group_env *env)
{
    struct group_member *member = NULL;
    int16_t error = check(group, sync, &member);

    if (error != KAFKA_NONE) {
        group_refuse_sync(sync->waiter, error, env);
        return;
    }
    switch (group->phase) {
    case GROUP_PREPARING:
        group_refuse_sync(sync->waiter, KAFKA_REBALANCE_IN_PROGRESS, env);
        break;
    case GROUP_COMPLETING:
        sync_completing(group, member, sync, env);
        break;
    case GROUP_STABLE:
        sync_stable(group, member, sync, env);
        break;
    case GROUP_EMPTY:
    case GROUP_DEAD:
        group_refuse_sync(sync->waiter, KAFKA_UNKNOWN_MEMBER_ID, env);
        break;
    }
}

/* -- when it is stored ---------------------------------------------------- */

/* Another round may have begun meanwhile: then this one does not matter any
 * more, and who waited was told. */
static void assignment_stored(struct group *group, struct group_store *store,
                              int16_t error, struct group_env *env)
{
    if (group->phase != GROUP_COMPLETING ||
        group->generation != store->generation)
        return;
    group_hand_out(group, store, error, env);
    if (error == KAFKA_NONE)
        group_move(group, GROUP_STABLE, env);
    else
        group_rebalance(group, BYTES_NULL, "the assignment was not stored",
                        env);
}

static void static_failed(struct group *group, struct group_member *member,
                          struct group_store *store, int16_t error,
                          struct group_env *env)
{
    struct group_join_answer answer = group_round(group, member);

    answer.error = error;
    answer.member_id = BYTES("");
    answer.leader =
        bytes_is_null(store->told_leader) ? BYTES("") : store->told_leader;
    answer.members = NULL;
    group_answer_join(group, member, &answer, env);
    if (!group_member_find(group, store->old_id))
        group_member_rename(group, member, store->old_id);
    group_expect(group, member, env);
}

static void static_stored(struct group *group, struct group_store *store,
                          int16_t error, struct group_env *env)
{
    struct group_member *member = group_member_find(group, store->new_id);
    struct group_join_answer answer;

    /* A round that began meanwhile answers it. */
    if (!member || !member->join_waiter || group->phase != GROUP_STABLE ||
        group->generation != store->generation)
        return;
    if (error != KAFKA_NONE) {
        static_failed(group, member, store, error, env);
        return;
    }
    answer = group_round(group, member);
    if (store->may_skip) { /* KIP-814 */
        answer.skip_assignment = group->leader == member;
    } else {
        /* So that an old client does not take itself for the leader and shares
         * out what nobody would be told of. */
        answer.leader =
            bytes_is_null(store->told_leader) ? BYTES("") : store->told_leader;
        answer.members = NULL;
    }
    group_answer_join(group, member, &answer, env);
    group_expect(group, member, env);
}

void group_stored(struct group *group, struct group_store *store, int16_t error,
                  struct group_env *env)
{
    switch (store->why) {
    case GROUP_STORE_ASSIGNMENT:
        assignment_stored(group, store, error, env);
        break;
    case GROUP_STORE_STATIC:
        static_stored(group, store, error, env);
        break;
    case GROUP_STORE_EMPTY:
        /* Lost with a crash, the generation before is loaded, and its members
         * run into their session timeouts. */
        if (error != KAFKA_NONE)
            env->note(env, group, "empty_not_stored", BYTES_NULL,
                      bytes_of(kafka_error_name(error)));
        break;
    }
    group_store_free(&store);
}
