/* group_shard.c - finding a group, under its shard's lock, and its deadlines.
 */
#include "group/group_shard.h"

#include <assert.h>

#include "base/clock.h"
#include "base/mem.h"
#include "broker.h"
#include "config/config.h"
#include "wire/errors.h"

/* -- the table ------------------------------------------------------------ */

struct group_shard *groups_shard(struct groups *groups, int32_t index)
{
    const struct shard_table *table = atomic_load(&groups->table);

    return index >= 0 && index < table->n ? table->of[index] : NULL;
}

/* Readers do not lock: a table that is full is replaced, and kept. It doubles,
 * so all old ones together are as large as the newest. */
static void grow(struct groups *groups, int32_t index)
{
    struct shard_table *old = atomic_load(&groups->table), *table;
    int32_t n = old->n * 2 > index + 1 ? old->n * 2 : index + 1;

    table = mem_need(sizeof *table + (size_t)n * sizeof(struct group_shard *));
    table->older = old;
    table->n = n;
    memcpy(table->of, old->of, (size_t)old->n * sizeof(struct group_shard *));
    atomic_store(&groups->table, table);
}

struct group_shard *groups_shard_get(struct groups *groups, int32_t index)
{
    struct group_shard *shard = groups_shard(groups, index);

    if (shard)
        return shard;
    if (index >= atomic_load(&groups->table)->n)
        grow(groups, index);
    shard = mem_need(sizeof *shard);
    shard->groups = groups;
    shard->index = index;
    lock_init(&shard->lock);
    map_init(&shard->by_id);
    list_init(&shard->all);
    list_init(&shard->queue);
    list_init(&shard->waiting);
    wheel_init(&shard->wheel, clock_mono_us());
    atomic_init(&shard->due_us, GROUP_NEVER);
    __atomic_store_n(&atomic_load(&groups->table)->of[index], shard,
                     __ATOMIC_RELEASE);
    return shard;
}

/* -- an event ------------------------------------------------------------- */

void shard_env_init(struct shard_env *env, struct group_shard *shard)
{
    const struct config *cfg = shard->groups->broker->config;

    *env = (struct shard_env){
        .shard = shard,
        .env = {
            .rules = {
                .session_min_ms = (int32_t)config_int64(
                    cfg, CFG_GROUP_MIN_SESSION_TIMEOUT_MS),
                .session_max_ms = (int32_t)config_int64(
                    cfg, CFG_GROUP_MAX_SESSION_TIMEOUT_MS),
                .initial_delay_ms = (int32_t)config_int64(
                    cfg, CFG_GROUP_INITIAL_REBALANCE_DELAY_MS),
                .size_max = (size_t)config_int64(cfg, CFG_GROUP_MAX_SIZE),
            },
            .now_us = clock_mono_us(),
            .wall_ms = clock_wall_ms(),
            .on_join = shard_on_join,
            .on_sync = shard_on_sync,
            .store = shard_store,
            .note = shard_note,
        },
    };
}

int16_t groups_enter(struct groups *groups, struct bytes group_id,
                     struct group_shard **shard)
{
    int32_t n = atomic_load(&groups->n_partitions);
    struct group_shard *s;
    int16_t error = KAFKA_NONE;

    if (!atomic_load(&groups->active))
        return KAFKA_COORDINATOR_NOT_AVAILABLE;
    s = n > 0 ? groups_shard(groups, group_partition(group_id, n)) : NULL;
    if (!s)
        return KAFKA_NOT_COORDINATOR;
    lock_take(&s->lock);
    if (s->phase == SHARD_LOADING)
        error = KAFKA_COORDINATOR_LOAD_IN_PROGRESS;
    else if (s->phase == SHARD_FAILED)
        error = KAFKA_COORDINATOR_NOT_AVAILABLE;
    else if (s->phase == SHARD_NONE)
        error = KAFKA_NOT_COORDINATOR;
    if (error != KAFKA_NONE)
        lock_give(&s->lock);
    *shard = s;
    return error;
}

int16_t groups_enter_named(struct groups *groups, struct bytes group_id,
                           struct group_shard **shard)
{
    if (group_id.len == 0)
        return KAFKA_INVALID_GROUP_ID;
    return groups_enter(groups, group_id, shard);
}

void shard_leave(struct group_shard *shard)
{
    bool write = !shard->writing && !list_is_empty(&shard->queue);

    lock_give(&shard->lock);
    if (write)
        shard_pump(shard);
}

/* -- groups --------------------------------------------------------------- */

static bool group_is(const struct map_link *link, const void *key)
{
    const struct group *group = CONTAINER_OF(link, struct group, link);

    return bytes_equal(group_id(group), *(const struct bytes *)key);
}

struct group *shard_find(const struct group_shard *shard, struct bytes id)
{
    struct map_link *link = map_find(
        &shard->by_id, bytes_hash(id, shard->by_id.seed), group_is, &id);

    return link ? CONTAINER_OF(link, struct group, link) : NULL;
}

void shard_put(struct group_shard *shard, struct group *group)
{
    map_put(&shard->by_id, &group->link,
            bytes_hash(group_id(group), shard->by_id.seed));
    list_append(&shard->all, &group->all);
}

struct group *shard_get(struct group_shard *shard, struct bytes id,
                        int64_t wall_ms)
{
    struct group *group = shard_find(shard, id);

    if (!group) {
        group = group_new(id, wall_ms);
        shard_put(shard, group);
    }
    return group;
}

void shard_remove(struct group_shard *shard, struct group *group)
{
    map_remove(&shard->by_id, &group->link);
    list_remove(&group->all);
    list_remove(&group->timer.link);
    group_unref(&group);
}

/* -- deadlines ------------------------------------------------------------ */

/* The loop sleeps until armed_us; while it is looking that is "never", so that
 * whoever brings a deadline then wakes it once more. */
void shard_due(struct group_shard *shard, int64_t at_us)
{
    struct groups *groups = shard->groups;

    if (at_us >= atomic_load(&shard->due_us))
        return;
    atomic_store(&shard->due_us, at_us);
    if (at_us < atomic_load(&groups->armed_us) &&
        !atomic_exchange(&groups->waking, true))
        loop_post(groups->loop, &groups->wake);
}

void shard_arm(struct group_shard *shard, struct group *group)
{
    bool is_set = !list_is_empty(&group->timer.link);

    if (is_set && group->timer.due_us == group->due_us)
        return;
    list_remove(&group->timer.link);
    if (group->due_us == GROUP_NEVER)
        return;
    group->timer.due_us = group->due_us;
    wheel_put(&shard->wheel, &group->timer);
    shard_due(shard, group->due_us);
}

static void expire_groups(struct group_shard *shard, int64_t now_us)
{
    struct shard_env env;
    struct list due;

    list_init(&due);
    wheel_take_due(&shard->wheel, now_us, &due);
    if (list_is_empty(&due))
        return;
    shard_env_init(&env, shard);
    env.env.now_us = now_us;
    while (!list_is_empty(&due)) {
        struct loop_timer *timer =
            CONTAINER_OF(due.next, struct loop_timer, link);
        struct group *group = CONTAINER_OF(timer, struct group, timer);

        list_remove(&timer->link);
        group_expire(group, &env.env);
        shard_arm(shard, group);
    }
}

/* Writes whose time is up and that nobody has woken yet. */
static void take_late_writes(struct group_shard *shard, int64_t now_us,
                             struct list *late)
{
    while (!list_is_empty(&shard->waiting)) {
        struct group_write *write =
            CONTAINER_OF(shard->waiting.next, struct group_write, link);

        if (write->due_us > now_us)
            return;
        list_remove(&write->link);
        if (park_claim(&write->park)) /* else its waker is on the way */
            list_append(late, &write->link);
    }
}

static int64_t next_due(struct group_shard *shard)
{
    int64_t next = wheel_next_us(&shard->wheel);

    if (!list_is_empty(&shard->waiting)) {
        const struct group_write *write =
            CONTAINER_OF(shard->waiting.next, struct group_write, link);

        if (write->due_us < next)
            next = write->due_us;
    }
    return next;
}

int64_t shard_tick(struct group_shard *shard, int64_t now_us)
{
    struct list late;
    int64_t next;

    list_init(&late);
    lock_take(&shard->lock);
    if (shard->phase == SHARD_READY)
        expire_groups(shard, now_us);
    take_late_writes(shard, now_us, &late);
    next = shard->phase == SHARD_READY || !list_is_empty(&shard->waiting)
               ? next_due(shard)
               : GROUP_NEVER;
    atomic_store(&shard->due_us, next);
    shard_leave(shard);
    while (!list_is_empty(&late)) {
        struct group_write *write =
            CONTAINER_OF(late.next, struct group_write, link);

        list_remove(&write->link);
        group_write_settle(write);
    }
    return next;
}
