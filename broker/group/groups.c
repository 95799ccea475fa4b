/* groups.c - the coordinator's life: what it observes, its loop, its schedules.
 */
#include "group/group_shard.h"

#include <assert.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "broker.h"
#include "config/config.h"
#include "wire/errors.h"

/* -- leadership ----------------------------------------------------------- */

static void lead(struct group_shard *shard, struct partition *partition,
                 int32_t leader_epoch)
{
    bool load = false;

    lock_take(&shard->lock);
    shard->leader_epoch = leader_epoch;
    if (shard->phase == SHARD_NONE || shard->phase == SHARD_FAILED) {
        partition_unref(&shard->partition);
        shard->partition = partition_ref(partition);
        shard->phase = SHARD_LOADING;
        shard->life++;
        load = true;
    }
    lock_give(&shard->lock);
    if (load)
        shard_load_later(shard, shard->life);
}

static void leave(struct group_shard *shard)
{
    bool had_groups;

    lock_take(&shard->lock);
    had_groups = shard->phase == SHARD_READY;
    shard->phase = SHARD_NONE;
    shard->life++;
    partition_unref(&shard->partition);
    lock_give(&shard->lock);
    if (had_groups)
        shard_unload_later(shard);
}

/* Control lane. Kafka keeps what it has loaded when a leader is told that it is
 * leader still, in a new epoch; so do we. */
static void on_replica(struct replicas_observer *observer, struct bytes topic,
                       int32_t index, struct partition *partition, bool leads,
                       int32_t leader_epoch)
{
    struct groups *groups = CONTAINER_OF(observer, struct groups, on_replica);
    struct group_shard *shard;

    if (!bytes_is(topic, GROUP_TOPIC) || !atomic_load(&groups->active))
        return;
    if (leads) {
        lead(groups_shard_get(groups, index), partition, leader_epoch);
        return;
    }
    shard = groups_shard(groups, index);
    if (shard)
        leave(shard);
}

/* -- metadata ------------------------------------------------------------- */

/* The number of partitions decides where a group belongs; the first one known
 * holds, as in Kafka, until the topic is gone. */
static void on_update(struct metadata_observer *observer)
{
    struct groups *groups = CONTAINER_OF(observer, struct groups, on_metadata);
    struct meta_topic *topic =
        metadata_topic_find(groups->broker->metadata, BYTES(GROUP_TOPIC));
    int32_t n = 0;

    if (topic) {
        n = (int32_t)topic->n_partitions;
        meta_topic_unref(topic);
    }
    if (n == 0 || atomic_load(&groups->n_partitions) == 0)
        atomic_store(&groups->n_partitions, n);
}

static void on_removed(struct metadata_observer *observer, struct bytes topic,
                       int32_t partition)
{
    struct groups *groups = CONTAINER_OF(observer, struct groups, on_metadata);
    bool post;

    lock_take(&groups->gone_lock);
    group_offsets_expect(&groups->gone, topic, partition);
    post = !groups->gone_posted && atomic_load(&groups->active);
    groups->gone_posted |= post;
    lock_give(&groups->gone_lock);
    if (post)
        pool_submit(groups->broker->pool, &groups->gone_job);
}

/* -- the loop ------------------------------------------------------------- */

static void look(struct groups *groups)
{
    int64_t now_us = clock_mono_us(), next = GROUP_NEVER;
    const struct shard_table *table;

    atomic_store(&groups->armed_us, GROUP_NEVER);
    table = atomic_load(&groups->table);
    for (int32_t i = 0; i < table->n; i++) {
        struct group_shard *shard =
            __atomic_load_n(&table->of[i], __ATOMIC_ACQUIRE);
        int64_t due;

        if (!shard)
            continue;
        due = atomic_load(&shard->due_us);
        if (due <= now_us)
            due = shard_tick(shard, now_us);
        if (due < next)
            next = due;
    }
    loop_timer_stop(&groups->tick);
    if (next == GROUP_NEVER)
        return;
    atomic_store(&groups->armed_us, next);
    loop_timer_set(&groups->tick, next - clock_mono_us());
}

static void on_tick(struct loop_timer *timer)
{
    look(CONTAINER_OF(timer, struct groups, tick));
}

static void on_wake(struct job *job)
{
    struct groups *groups = CONTAINER_OF(job, struct groups, wake);

    atomic_store(&groups->waking, false);
    look(groups);
}

static void on_expiry(struct loop_timer *timer)
{
    struct groups *groups = CONTAINER_OF(timer, struct groups, expiry);

    if (!atomic_exchange(&groups->expiring, true))
        pool_submit(groups->broker->pool, &groups->expire);
    loop_timer_set(timer,
                   config_int64(groups->broker->config,
                                CFG_OFFSETS_RETENTION_CHECK_INTERVAL_MS) *
                       1000);
}

/* -- life ----------------------------------------------------------------- */

enum err groups_new(struct groups **out, struct broker *broker,
                    struct errmsg *why)
{
    struct groups *groups = mem_need(sizeof *groups);
    struct loop *loop;
    enum err err = loop_new(&loop, "groups", why);

    if (err != ERR_OK) {
        mem_free(groups);
        return err;
    }
    groups->broker = broker;
    groups->loop = loop;
    atomic_init(&groups->active, true);
    atomic_init(&groups->table, mem_need(sizeof(struct shard_table)));
    atomic_init(&groups->armed_us, GROUP_NEVER);
    for (size_t i = 0; i < GROUP_LANES; i++)
        lane_init(&groups->lanes[i], broker->pool);
    loop_timer_init(&groups->tick, loop, on_tick);
    loop_timer_init(&groups->expiry, loop, on_expiry);
    groups->wake.run = on_wake;
    groups->expire.run = groups_expire_job;
    groups->gone_job.run = groups_gone_job;
    lock_init(&groups->gone_lock);
    groups->on_replica.on_change = on_replica;
    groups->on_metadata.on_update = on_update;
    groups->on_metadata.on_removed = on_removed;
    loop_timer_set(
        &groups->expiry,
        config_int64(broker->config, CFG_OFFSETS_RETENTION_CHECK_INTERVAL_MS) *
            1000);
    err = loop_start(loop, why);
    if (err != ERR_OK) {
        groups_free(&groups);
        return err;
    }
    replicas_observe(broker->replicas, &groups->on_replica);
    metadata_observe(broker->metadata, &groups->on_metadata);
    *out = groups;
    return ERR_OK;
}

/* All who wait are told; what is on its way into the log may still end. */
static void stop_shard(struct group_shard *shard, struct list *late)
{
    struct shard_env env;

    lock_take(&shard->lock);
    shard_env_init(&env, shard);
    LIST_EACH(link, &shard->all) { /* also those about to be unloaded */
        struct group *group = CONTAINER_OF(link, struct group, all);

        group_unload(group, &env.env);
        shard_remove(shard, group);
    }
    shard->phase = SHARD_NONE;
    shard->life++;
    LIST_EACH(link, &shard->waiting) {
        struct group_write *write =
            CONTAINER_OF(link, struct group_write, link);

        list_remove(link);
        if (park_claim(&write->park))
            list_append(late, &write->link);
    }
    lock_give(&shard->lock);
}

static void on_end(struct job *job)
{
    struct groups *groups = CONTAINER_OF(job, struct groups, end);
    const struct shard_table *table = atomic_load(&groups->table);
    struct list late;

    list_init(&late);
    for (int32_t i = 0; i < table->n; i++)
        if (table->of[i])
            stop_shard(table->of[i], &late);
    while (!list_is_empty(&late)) {
        struct group_write *write =
            CONTAINER_OF(late.next, struct group_write, link);

        list_remove(&write->link);
        group_write_settle(write);
    }
    loop_timer_stop(&groups->tick);
    loop_timer_stop(&groups->expiry);
    loop_stop(groups->loop);
}

void groups_stop(struct groups *groups)
{
    if (!atomic_exchange(&groups->active, false))
        return;
    metadata_unobserve(groups->broker->metadata, &groups->on_metadata);
    groups->end.run = on_end;
    loop_post(groups->loop, &groups->end);
    loop_join(groups->loop);
}

static void shard_free(struct group_shard *shard)
{
    LIST_EACH(link, &shard->all) {
        struct group *group = CONTAINER_OF(link, struct group, all);

        shard_remove(shard, group);
    }
    assert(list_is_empty(&shard->queue) && list_is_empty(&shard->waiting));
    partition_unref(&shard->partition);
    map_fini(&shard->by_id);
    lock_fini(&shard->lock);
    mem_free(shard);
}

void groups_free(struct groups **out)
{
    struct groups *groups = *out;
    struct shard_table *table, *older;

    if (!groups)
        return;
    *out = NULL;
    table = atomic_load(&groups->table);
    for (int32_t i = 0; i < table->n; i++)
        if (table->of[i])
            shard_free(table->of[i]);
    for (; table; table = older) {
        older = table->older;
        mem_free(table);
    }
    loop_timer_stop(&groups->tick);
    loop_timer_stop(&groups->expiry);
    loop_free(&groups->loop);
    for (size_t i = 0; i < GROUP_LANES; i++)
        lane_fini(&groups->lanes[i]);
    group_offsets_fini(&groups->gone);
    lock_fini(&groups->gone_lock);
    mem_free(groups);
}

/* -- the offsets topic ---------------------------------------------------- */

bool groups_create_begin(struct groups *groups)
{
    atomic_store(&groups->warned, false);
    return !atomic_exchange(&groups->creating, true);
}

void groups_create_end(struct groups *groups)
{
    atomic_store(&groups->creating, false);
}

void groups_create_wait(struct groups *groups, size_t live, int64_t wanted)
{
    if (atomic_exchange(&groups->warned, true))
        return;
    diag_warn("event=offsets_topic_not_created live_brokers=%zu "
              "offsets.topic.replication.factor=%lld "
              "remedy=\"start more brokers, or lower the factor\"",
              live, (long long)wanted);
}
