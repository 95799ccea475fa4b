/* groups_commit.c - offsets in and out: OffsetCommit, OffsetFetch. */
#include "group/group_shard.h"

#include "base/mem.h"
#include "broker.h"
#include "config/config.h"
#include "wire/errors.h"
#include "wire/msg_offset_fetch.h"

/* -- commit --------------------------------------------------------------- */

static void commit_refuse(struct groups_commit *commit, int16_t error)
{
    for (size_t i = 0; i < commit->n; i++)
        if (commit->items[i].error == KAFKA_NONE)
            commit->items[i].error = error;
    commit->on_done(commit->request);
}

/* The records depend on nothing but the request: made before the lock. */
static enum err commit_batch(struct groups *groups,
                             const struct groups_commit *commit,
                             struct group_batch *batch)
{
    const struct config *cfg = groups->broker->config;
    size_t n = 0;

    group_batch_start(
        batch,
        (enum codec)config_int64(cfg, CFG_OFFSETS_TOPIC_COMPRESSION_CODEC),
        config_ibp(cfg), commit->now_ms);
    for (size_t i = 0; i < commit->n; i++) {
        const struct groups_commit_item *item = &commit->items[i];

        if (item->error != KAFKA_NONE || item->too_large)
            continue;
        group_batch_offset(batch, commit->group_id, item->topic,
                           item->partition, &item->commit);
        n++;
    }
    return n > 0 ? group_batch_finish(batch) : ERR_OK;
}

static int16_t commit_check(struct group_shard *shard,
                            const struct groups_commit *commit,
                            struct shard_env *env, struct group **group)
{
    *group = shard_find(shard, commit->group_id);
    if (!*group) {
        if (commit->generation >= 0)
            return KAFKA_ILLEGAL_GENERATION;
        *group = shard_get(shard, commit->group_id, env->env.wall_ms);
    }
    return group_commit_check(*group, commit->member_id, commit->instance_id,
                              commit->generation, &env->env);
}

/* How many are to be written; the others have their error. */
static size_t commit_expect(struct group *group, struct groups_commit *commit)
{
    size_t n = 0;

    for (size_t i = 0; i < commit->n; i++) {
        struct groups_commit_item *item = &commit->items[i];

        if (item->error != KAFKA_NONE)
            continue;
        if (item->too_large) {
            item->error = KAFKA_OFFSET_METADATA_TOO_LARGE;
            continue;
        }
        group_offsets_expect(&group->offsets, item->topic, item->partition);
        n++;
    }
    return n;
}

static void commit_enter(struct groups *groups, struct groups_commit *commit,
                         struct group_write *write, struct group_batch *batch)
{
    const struct config *cfg = groups->broker->config;
    struct group_shard *shard;
    struct group *group;
    struct shard_env env;
    size_t n = 0;
    int16_t error = groups_enter(groups, commit->group_id, &shard);

    if (error != KAFKA_NONE) {
        group_batch_fini(batch);
        commit_refuse(commit, error);
        return;
    }
    shard_env_init(&env, shard);
    error = commit_check(shard, commit, &env, &group);
    if (error == KAFKA_NONE) {
        n = commit_expect(group, commit);
        shard_arm(shard, group);
    }
    if (n > 0) {
        write->commit = commit;
        write->in_arena = true;
        shard_write(
            shard, write, batch, group,
            (int16_t)config_int64(cfg, CFG_OFFSETS_COMMIT_REQUIRED_ACKS));
    }
    group_batch_fini(batch);
    shard_leave(shard);
    if (n == 0)
        commit_refuse(commit, error);
    else if (atomic_exchange(&commit->turn, COMMIT_LEFT) == COMMIT_ENDED)
        commit->on_done(commit->request);
}

void groups_commit(struct groups *groups, struct groups_commit *commit)
{
    struct group_write *write =
        arena_take(&commit->request->arena, sizeof *write);
    struct group_batch batch;
    size_t n = 0;

    for (size_t i = 0; i < commit->n; i++)
        n += commit->items[i].error == KAFKA_NONE;
    if (!write || n == 0) {
        commit_refuse(commit, KAFKA_UNKNOWN_SERVER_ERROR);
        return;
    }
    if (commit_batch(groups, commit, &batch) != ERR_OK) {
        group_batch_fini(&batch);
        commit_refuse(commit, KAFKA_INVALID_COMMIT_OFFSET_SIZE);
        return;
    }
    commit_enter(groups, commit, write, &batch);
}

/* -- fetch ---------------------------------------------------------------- */

typedef struct wire_offset_fetch_request_groups_topics topic_in;
typedef struct wire_offset_fetch_response_groups_topics topic_out;
typedef struct wire_offset_fetch_response_groups_topics_partitions
    partition_out;

/* Of one answer: millions of partitions, however often the request names a
 * group. */
#define FETCH_MOST ((size_t)256 << 20)

static void fetch_one(struct arena *arena, struct group *group,
                      struct bytes topic, int32_t partition, bool stable,
                      partition_out *out)
{
    const struct group_offset *offset =
        group ? group_offsets_find(&group->offsets, topic, partition) : NULL;

    wire_offset_fetch_response_groups_topics_partitions_init(out);
    out->partition_index = partition;
    out->committed_offset = -1;
    out->committed_leader_epoch = -1;
    out->metadata = BYTES("");
    if (group && stable &&
        group_offsets_unstable(&group->offsets, &group->txns, topic,
                               partition)) {
        out->error_code = KAFKA_UNSTABLE_OFFSET_COMMIT;
    } else if (offset && group_offset_is_set(offset)) {
        out->committed_offset = offset->offset;
        out->committed_leader_epoch = offset->leader_epoch;
        out->metadata = arena_copy(arena, group_offset_metadata(offset));
    }
}

static void fetch_asked(struct arena *arena, struct group *group, bool stable,
                        const topic_in *topics, size_t n,
                        struct wire_offset_fetch_response_groups *out)
{
    out->topics = arena_array(arena, n, sizeof *out->topics);
    for (size_t i = 0; out->topics && i < n; i++) {
        topic_out *to = &out->topics[out->n_topics++];

        to->name = topics[i].name;
        to->partitions = arena_array(arena, topics[i].n_partition_indexes,
                                     sizeof *to->partitions);
        for (size_t j = 0; to->partitions && j < topics[i].n_partition_indexes;
             j++)
            fetch_one(arena, group, to->name, topics[i].partition_indexes[j],
                      stable, &to->partitions[to->n_partitions++]);
    }
}

static void fetch_all(struct arena *arena, struct group *group, bool stable,
                      struct wire_offset_fetch_response_groups *out)
{
    const struct group_offsets *offsets = &group->offsets;

    out->topics = arena_array(arena, offsets->n, sizeof *out->topics);
    for (size_t i = 0; out->topics && i < offsets->n; i++) {
        const struct group_topic *topic = offsets->topics[i];
        topic_out *to = &out->topics[out->n_topics];

        to->name = arena_copy(arena, group_topic_name(topic));
        to->partitions = arena_array(arena, topic->n, sizeof *to->partitions);
        for (size_t j = 0; to->partitions && j < topic->n; j++)
            if (group_offset_is_set(&topic->of[j]))
                fetch_one(arena, group, to->name, topic->of[j].partition,
                          stable, &to->partitions[to->n_partitions++]);
        out->n_topics += to->n_partitions > 0;
    }
}

void groups_fetch(struct groups *groups, struct arena *arena,
                  const struct wire_offset_fetch_request_groups *in,
                  bool require_stable,
                  struct wire_offset_fetch_response_groups *out)
{
    struct group_shard *shard;
    struct group *group;

    out->group_id = in->group_id;
    out->error_code = groups_enter(groups, in->group_id, &shard);
    if (out->error_code != KAFKA_NONE)
        return;
    arena->limit_bytes = FETCH_MOST;
    group = shard_find(shard, in->group_id);
    if (!in->topics_null)
        fetch_asked(arena, group, require_stable, in->topics, in->n_topics,
                    out);
    else if (group)
        fetch_all(arena, group, require_stable, out);
    shard_leave(shard);
}
