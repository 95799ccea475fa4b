/* group_write.c - batches on their way into the log, and what follows.
 *
 *   queued (lock held) ─▶ append lane ─▶ there ─▶ (ISR has it) ─▶ told to the
 *                            │                         │          group;
 * answers └── refused, late ────────┴─▶ the same, with an error
 *
 * Nothing here runs under the partition's lock, nothing but the last step under
 * the shard's.
 */
#include "group/group_shard.h"

#include <assert.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "broker.h"
#include "config/config.h"
#include "wire/errors.h"

/* -- errors --------------------------------------------------------------- */

static int16_t common_error(int16_t error)
{
    switch (error) {
    case KAFKA_UNKNOWN_TOPIC_OR_PARTITION:
    case KAFKA_NOT_ENOUGH_REPLICAS:
    case KAFKA_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
        return KAFKA_COORDINATOR_NOT_AVAILABLE;
    case KAFKA_NOT_LEADER_OR_FOLLOWER:
    case KAFKA_KAFKA_STORAGE_ERROR:
        return KAFKA_NOT_COORDINATOR;
    default:
        return error;
    }
}

static bool is_too_large(int16_t error)
{
    return error == KAFKA_MESSAGE_TOO_LARGE ||
           error == KAFKA_RECORD_LIST_TOO_LARGE ||
           error == KAFKA_INVALID_FETCH_SIZE;
}

static int16_t group_error(int16_t error)
{
    if (is_too_large(error))
        return KAFKA_UNKNOWN_SERVER_ERROR;
    if (error == KAFKA_REQUEST_TIMED_OUT)
        return KAFKA_REBALANCE_IN_PROGRESS;
    return common_error(error);
}

static int16_t commit_error(int16_t error)
{
    if (is_too_large(error))
        return KAFKA_INVALID_COMMIT_OFFSET_SIZE;
    return common_error(error);
}

/* -- the end -------------------------------------------------------------- */

static void commit_ended(struct group_write *w, int16_t error)
{
    struct groups_commit *c = w->commit;
    int64_t at =
        error == KAFKA_NONE ? w->append.set.first_offset : GROUP_OFFSET_NONE;

    for (size_t i = 0; i < c->n; i++) {
        struct groups_commit_item *item = &c->items[i];

        if (item->error != KAFKA_NONE)
            continue;
        if (w->group->phase != GROUP_DEAD)
            group_offsets_ended(&w->group->offsets, item->topic,
                                item->partition, &item->commit, at);
        item->error = commit_error(error);
    }
}

static void write_end(struct group_write *w, int16_t error)
{
    struct group_shard *shard = w->shard;
    struct groups_commit *commit = w->commit;
    struct shard_env env;

    if (error != KAFKA_NONE)
        DIAG_SELDOM(DIAG_WARN,
                    "event=group_write_failed partition=%d bytes=%zu error=%s",
                    shard->index, w->bytes.len, kafka_error_name(error));
    lock_take(&shard->lock);
    if (w->store) {
        shard_env_init(&env, shard);
        group_stored(w->group, w->store, group_error(error), &env.env);
        if (w->group->phase != GROUP_DEAD)
            shard_arm(shard, w->group);
    }
    if (commit)
        commit_ended(w, error);
    group_unref(&w->group);
    wr_fini(&w->bytes);
    partition_unref(&w->partition);
    if (!w->in_arena)
        mem_free(w);
    shard_leave(shard);
    if (commit && atomic_exchange(&commit->turn, COMMIT_ENDED) == COMMIT_LEFT)
        request_post(commit->request, commit->on_done);
}

/* -- waiting for the ISR -------------------------------------------------- */

void group_write_settle(struct group_write *w)
{
    int16_t error;

    partition_detach(w->partition, &w->wait);
    error = partition_acked(w->partition, w->append.end_offset);
    lock_take(&w->shard->lock);
    list_remove(&w->link);
    lock_give(&w->shard->lock);
    write_end(w, error);
}

static void on_ready(struct park *park)
{
    group_write_settle(CONTAINER_OF(park, struct group_write, park));
}

static void write_wait(struct group_write *w)
{
    struct group_shard *shard = w->shard;
    const struct config *cfg = shard->groups->broker->config;
    bool claimed = false;

    lock_take(&shard->lock);
    w->due_us = clock_mono_us() +
                config_int64(cfg, CFG_OFFSETS_COMMIT_TIMEOUT_MS) * 1000;
    list_append(&shard->waiting, &w->link);
    shard_due(shard, w->due_us);
    park_init_call(&w->park, on_ready, 1);
    w->wait.park = &w->park;
    w->wait.what = PARK_ACKED;
    w->wait.offset = w->append.end_offset;
    if (!partition_attach(w->partition, &w->wait))
        claimed = park_claim(&w->park);
    lock_give(&shard->lock);
    if (claimed)
        group_write_settle(w);
}

/* -- appending ------------------------------------------------------------ */

static void on_appended(struct append *append)
{
    struct group_write *w = append->owner;

    if (append->error == KAFKA_NONE && w->acks == -1 && !append->acked)
        write_wait(w);
    else
        write_end(w, append->error);
}

static int16_t check(struct group_write *w, bool stale)
{
    struct validate_rules rules;
    int16_t error;

    if (stale)
        return KAFKA_NOT_LEADER_OR_FOLLOWER;
    error = partition_rules(w->partition, &rules);
    if (error == KAFKA_NONE &&
        (w->bytes.len == 0 || w->bytes.len > rules.max_message_bytes))
        error = KAFKA_MESSAGE_TOO_LARGE;
    return error;
}

static void write_begin(struct group_write *w, bool stale)
{
    int16_t error = check(w, stale);

    if (error != KAFKA_NONE) {
        write_end(w, error);
        return;
    }
    w->append = (struct append){
        .set = { .at = w->bytes.data,
                 .size = w->bytes.len,
                 .origin = LOG_COORDINATOR },
        .acks = w->acks,
        .may_block = !replicas_may_write_inline(
            w->shard->groups->broker->replicas, w->bytes.len),
        .on_done = on_appended,
        .owner = w,
    };
    if (partition_append(w->partition, &w->append))
        on_appended(&w->append);
}

void shard_pump(struct group_shard *shard)
{
    lock_take(&shard->lock);
    if (shard->writing) {
        lock_give(&shard->lock);
        return;
    }
    shard->writing = true;
    while (!list_is_empty(&shard->queue)) {
        struct group_write *w =
            CONTAINER_OF(shard->queue.next, struct group_write, link);
        bool stale = w->life != shard->life || shard->phase != SHARD_READY;

        list_remove(&w->link);
        lock_give(&shard->lock);
        write_begin(w, stale);
        lock_take(&shard->lock);
    }
    shard->writing = false;
    lock_give(&shard->lock);
}

/* -- queueing ------------------------------------------------------------- */

void shard_batch(const struct group_shard *shard, struct group_batch *batch)
{
    const struct config *cfg = shard->groups->broker->config;

    group_batch_start(
        batch,
        (enum codec)config_int64(cfg, CFG_OFFSETS_TOPIC_COMPRESSION_CODEC),
        config_ibp(cfg), clock_wall_ms());
}

void shard_write(struct group_shard *shard, struct group_write *w,
                 struct group_batch *batch, struct group *group, int16_t acks)
{
    w->shard = shard;
    w->group = group_ref(group);
    w->partition = partition_ref(shard->partition);
    w->life = shard->life;
    w->acks = acks;
    w->bytes = batch->bytes;
    wr_init(&batch->bytes, 0);
    list_init(&w->link);
    list_append(&shard->queue, &w->link);
}

static int16_t acks_of(const struct group_shard *shard)
{
    return (int16_t)config_int64(shard->groups->broker->config,
                                 CFG_OFFSETS_COMMIT_REQUIRED_ACKS);
}

void shard_store(struct group_env *env, struct group *group,
                 struct group_store *store)
{
    struct group_shard *shard = CONTAINER_OF(env, struct shard_env, env)->shard;
    struct group_write *w = mem_need(sizeof *w);
    struct group_batch batch;

    shard_batch(shard, &batch);
    group_batch_group(&batch, group, store);
    w->store = store;
    if (group_batch_finish(&batch) != ERR_OK) {
        /* Not to be had: an empty one is refused like one that is too large. */
        diag_error("event=group_not_stored group=%.*s members=%zu error=%s",
                   BYTES_ARG(group_id(group)), group_size(group),
                   err_name(batch.err));
        wr_fini(&batch.bytes);
    }
    shard_write(shard, w, &batch, group, acks_of(shard));
    group_batch_fini(&batch);
}
