/* group_sweep.c - offsets that go: expired, of deleted topics, or told to.
 *
 * Each leaves a tombstone, written without waiting for other replicas, as in
 * Kafka: one that is lost is written again by the next leader's sweep. A group
 * of which nothing is left goes too. Groups are swept in turn, a few under the
 * lock at a time: the first of the shard's list is looked at and put at its
 * end.
 */
#include "group/group_shard.h"

#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "broker.h"
#include "config/config.h"
#include "wire/errors.h"

enum { SWEEP_SLICE = 64 };

typedef bool wants_fn(const struct group *group,
                      const struct group_topic *topic,
                      const struct group_offset *offset, const void *context);

/* -- one group ------------------------------------------------------------ */

static bool is_over(const struct group *group)
{
    return group->phase == GROUP_EMPTY && group->offsets.n_entries == 0 &&
           list_is_empty(&group->txns) && list_is_empty(&group->pending);
}

static void forget_pending(struct group *group, struct group_topic *topic,
                           const struct group_offset *offset)
{
    LIST_EACH(link, &group->txns) {
        struct group_txn *txn = CONTAINER_OF(link, struct group_txn, link);

        group_offsets_remove(&txn->offsets, group_topic_name(topic),
                             offset->partition);
    }
}

/* Made when there is something to write. */
struct tombstones {
    struct group_shard *shard;
    struct group_batch batch;
    bool started;
};

static struct group_batch *tombstones_batch(struct tombstones *t)
{
    if (!t->started)
        shard_batch(t->shard, &t->batch);
    t->started = true;
    return &t->batch;
}

static size_t forget_topic(struct group *group, struct group_topic *topic,
                           wants_fn *wants, const void *context,
                           struct tombstones *tombstones)
{
    size_t gone = 0;

    for (size_t i = topic->n; i-- > 0;) {
        const struct group_offset *offset = &topic->of[i];

        if (!wants(group, topic, offset, context))
            continue;
        forget_pending(group, topic, offset);
        if (group_offset_is_set(offset)) {
            group_batch_offset(tombstones_batch(tombstones), group_id(group),
                               group_topic_name(topic), offset->partition,
                               NULL);
            gone++;
        }
        group_offsets_remove_at(&group->offsets, topic, i);
    }
    return gone;
}

static void tombstones_write(struct tombstones *t, struct group *group)
{
    struct group_write *write;

    if (!t->started)
        return;
    write = mem_need(sizeof *write);
    if (group_batch_finish(&t->batch) != ERR_OK)
        wr_fini(&t->batch.bytes);
    shard_write(t->shard, write, &t->batch, group, 1);
    group_batch_fini(&t->batch);
}

static void bury(struct group_shard *shard, struct group *group)
{
    struct shard_env env;

    shard_env_init(&env, shard);
    group_bury(group, &env.env);
    diag_debug("event=group_removed group=\"%.*s\"",
               BYTES_ARG(group_id(group)));
    shard_remove(shard, group);
}

size_t shard_forget(struct group_shard *shard, struct group *group,
                    wants_fn *wants, const void *context)
{
    struct tombstones tombstones = { .shard = shard };
    size_t gone = 0, n = group->offsets.n_entries;
    bool over;

    for (size_t i = 0; i < group->offsets.n; i++)
        gone += forget_topic(group, group->offsets.topics[i], wants, context,
                             &tombstones);
    if (group->offsets.n_entries < n)
        group_offsets_trim(&group->offsets);
    over = is_over(group);
    if (over && group->generation > 0)
        group_batch_group_gone(tombstones_batch(&tombstones), group_id(group));
    tombstones_write(&tombstones, group);
    if (over)
        bury(shard, group);
    return gone;
}

/* -- all groups of a shard ------------------------------------------------ */

typedef size_t sweep_fn(struct group_shard *shard, struct group *group,
                        const void *context);

static size_t sweep(struct group_shard *shard, sweep_fn *visit,
                    const void *context)
{
    size_t gone = 0, left = SIZE_MAX;

    while (left > 0) {
        lock_take(&shard->lock);
        if (shard->phase != SHARD_READY) {
            lock_give(&shard->lock);
            break;
        }
        if (left > shard->by_id.count)
            left = shard->by_id.count;
        for (int i = 0; i < SWEEP_SLICE && left > 0; i++, left--) {
            struct group *group =
                CONTAINER_OF(shard->all.next, struct group, all);

            list_remove(&group->all);
            list_append(&shard->all, &group->all);
            gone += visit(shard, group, context);
        }
        shard_leave(shard);
    }
    return gone;
}

static size_t sweep_all(struct groups *groups, sweep_fn *visit,
                        const void *context)
{
    int32_t n = atomic_load(&groups->table)->n;
    size_t gone = 0;

    for (int32_t i = 0; i < n && atomic_load(&groups->active); i++) {
        struct group_shard *shard = groups_shard(groups, i);

        if (shard)
            gone += sweep(shard, visit, context);
    }
    return gone;
}

/* -- expiry --------------------------------------------------------------- */

struct expiry {
    int64_t now_ms;
    int64_t retention_ms;
    bool known; /* what members ask for, of the group being looked at */
};

static bool wants_expired(const struct group *group,
                          const struct group_topic *topic,
                          const struct group_offset *offset,
                          const void *context)
{
    const struct expiry *expiry = context;

    return group_offset_expired(group, expiry->known, topic, offset,
                                expiry->now_ms, expiry->retention_ms);
}

static size_t forget_expired(struct group_shard *shard, struct group *group,
                             const void *context)
{
    struct expiry expiry = *(const struct expiry *)context;

    expiry.known = group->phase == GROUP_STABLE &&
                   group->offsets.n_committed > 0 &&
                   group_mark_asked(group, &group->offsets);
    return shard_forget(shard, group, wants_expired, &expiry);
}

void groups_expire_job(struct job *job)
{
    struct groups *groups = CONTAINER_OF(job, struct groups, expire);
    const struct config *cfg = groups->broker->config;
    struct expiry expiry = {
        .now_ms = clock_wall_ms(),
        .retention_ms =
            config_int64(cfg, CFG_OFFSETS_RETENTION_MINUTES) * 60 * 1000,
    };
    size_t gone = sweep_all(groups, forget_expired, &expiry);

    if (gone > 0)
        diag_info("event=offsets_expired offsets=%zu", gone);
    atomic_store(&groups->expiring, false);
}

/* -- deleted topics ------------------------------------------------------- */

static bool wants_gone(const struct group *group,
                       const struct group_topic *topic,
                       const struct group_offset *offset, const void *context)
{
    /* A table of names and partitions, nothing committed in it; finding in it
     * only remembers where it was last. */
    struct group_offsets *gone = (struct group_offsets *)(uintptr_t)context;

    (void)group;
    return group_offsets_find(gone, group_topic_name(topic),
                              offset->partition) != NULL;
}

static size_t forget_gone(struct group_shard *shard, struct group *group,
                          const void *context)
{
    return shard_forget(shard, group, wants_gone, context);
}

void groups_gone_job(struct job *job)
{
    struct groups *groups = CONTAINER_OF(job, struct groups, gone_job);
    struct group_offsets gone;
    size_t n;

    lock_take(&groups->gone_lock);
    gone = groups->gone;
    groups->gone = (struct group_offsets){ 0 };
    groups->gone_posted = false;
    lock_give(&groups->gone_lock);
    n = sweep_all(groups, forget_gone, &gone);
    if (n > 0)
        diag_info("event=offsets_of_deleted_topics offsets=%zu", n);
    group_offsets_fini(&gone);
}
