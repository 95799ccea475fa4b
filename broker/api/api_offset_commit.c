/* api_offset_commit.c - OffsetCommit: a group stores how far it has read.
 *
 * Partitions that do not exist are answered at once; the others become one
 * batch of the offsets topic, and the answer leaves when that is stored.
 * Version 0 is from before there was such a topic: its offsets lie in
 * ZooKeeper.
 */
#include "api/api_group.h"
#include "api/api_table.h"
#include "api/zk_offsets.h"
#include "base/clock.h"
#include "group/group.h"
#include "metadata/metadata.h"
#include "wire/errors.h"
#include "wire/msg_offset_commit.h"

typedef struct wire_offset_commit_request request_in;
typedef struct wire_offset_commit_request_topics topic_in;
typedef struct wire_offset_commit_request_topics_partitions partition_in;

struct commit {
    struct groups_commit groups;
    const request_in *in;
};

/* Characters of Java, which counts UTF-16 units, are at least as many bytes. */
static bool metadata_fits(const struct request *request, struct bytes metadata)
{
    size_t most = (size_t)config_int64(request->broker->config,
                                       CFG_OFFSET_METADATA_MAX_BYTES);
    size_t units = 0;

    if (metadata.len <= most)
        return true;
    for (size_t i = 0; i < metadata.len; i++) {
        units += (metadata.at[i] & 0xc0) != 0x80; /* a character begins */
        units += metadata.at[i] >= 0xf0;          /* one of two units */
    }
    return units <= most;
}

/* Old clients may say how long an offset is kept: what is over already goes
 * with the next sweep. */
static int64_t expire_ms(const request_in *in, int64_t now_ms)
{
    int64_t at_ms;

    if (in->retention_time_ms == -1)
        return -1;
    if (__builtin_add_overflow(now_ms, in->retention_time_ms, &at_ms))
        return INT64_MAX;
    return at_ms > 0 ? at_ms : 0;
}

static void fill_item(const struct request *request, const request_in *in,
                      const struct meta_topic *topic, const topic_in *t,
                      const partition_in *p, int64_t now_ms,
                      struct groups_commit_item *item)
{
    *item = (struct groups_commit_item){
        .topic = t->name,
        .partition = p->partition_index,
        .commit = {
            .offset = p->committed_offset,
            .leader_epoch = p->committed_leader_epoch,
            .metadata = bytes_is_null(p->committed_metadata)
                            ? BYTES("")
                            : p->committed_metadata,
            .commit_ms = p->commit_timestamp == -1 ? now_ms
                                                   : p->commit_timestamp,
            .expire_ms = expire_ms(in, now_ms),
        },
    };
    if (!topic || !meta_partition_find(topic, item->partition))
        item->error = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    item->too_large = !metadata_fits(request, item->commit.metadata);
    if (request->version == 0 && item->too_large && item->error == KAFKA_NONE)
        item->error = KAFKA_OFFSET_METADATA_TOO_LARGE; /* no group to ask */
}

static void answer(struct request *request)
{
    const struct commit *c = request->park;
    const struct groups_commit_item *item = c->groups.items;
    struct arena *arena = &request->arena;
    struct wire_offset_commit_response out;

    wire_offset_commit_response_init(&out);
    out.topics = arena_array(arena, c->in->n_topics, sizeof *out.topics);
    for (size_t i = 0; out.topics && i < c->in->n_topics; i++) {
        const topic_in *t = &c->in->topics[i];
        struct wire_offset_commit_response_topics *to =
            &out.topics[out.n_topics++];

        to->name = t->name;
        to->partitions =
            arena_array(arena, t->n_partitions, sizeof *to->partitions);
        for (size_t j = 0; to->partitions && j < t->n_partitions; j++, item++) {
            to->partitions[j].partition_index = item->partition;
            to->partitions[j].error_code = item->error;
            to->n_partitions++;
        }
    }
    if (arena->err == ERR_OK)
        request_reply(request, &out);
    else
        request_close(request, "the request needs too much memory");
}

static struct commit *commit_new(struct request *request, const request_in *in)
{
    struct arena *arena = &request->arena;
    struct commit *c = arena_take(arena, sizeof *c);
    int64_t now_ms = clock_wall_ms();
    size_t n = 0;

    for (size_t i = 0; i < in->n_topics; i++)
        n += in->topics[i].n_partitions;
    /* an item, its answer, and what the write needs */
    arena->limit_bytes += n * 2 * sizeof *c->groups.items + 4096;
    if (!c)
        return NULL;
    c->in = in;
    c->groups = (struct groups_commit){
        .request = request,
        .group_id = in->group_id,
        .member_id = in->member_id,
        .instance_id = in->group_instance_id,
        .generation = in->generation_id_or_member_epoch,
        .now_ms = now_ms,
        .items = arena_array(arena, n, sizeof *c->groups.items),
        .on_done = answer,
    };
    if (!c->groups.items)
        return NULL;
    for (size_t i = 0; i < in->n_topics; i++) {
        const topic_in *t = &in->topics[i];
        struct meta_topic *topic =
            metadata_topic_find(request->broker->metadata, t->name);

        for (size_t j = 0; j < t->n_partitions; j++)
            fill_item(request, in, topic, t, &t->partitions[j], now_ms,
                      &c->groups.items[c->groups.n++]);
        if (topic)
            meta_topic_unref(topic);
    }
    return c;
}

static bool any_left(const struct commit *c)
{
    for (size_t i = 0; i < c->groups.n; i++)
        if (c->groups.items[i].error == KAFKA_NONE)
            return true;
    return false;
}

static void refuse_all(struct commit *c, int16_t error)
{
    for (size_t i = 0; i < c->groups.n; i++)
        c->groups.items[i].error = error;
}

void api_offset_commit(struct request *request)
{
    const request_in *in = request_read(request);
    struct commit *c;

    if (!in)
        return;
    c = commit_new(request, in);
    if (!c) {
        request_close(request, "the request needs too much memory");
        return;
    }
    request->park = c;
    if (api_group_static_refused(request, in->group_instance_id))
        refuse_all(c, KAFKA_UNSUPPORTED_VERSION);
    if (!any_left(c))
        answer(request);
    else if (request->version == 0)
        zk_offsets_commit(&c->groups);
    else
        groups_commit(request->broker->groups, &c->groups);
}
