/* group_record.c - records of __consumer_offsets, out and in. */
#include "group/group_record.h"

#include "base/mem.h"
#include "config/config.h"
#include "wire/msg_group_metadata_key.h"
#include "wire/msg_offset_commit_key.h"
#include "wire/msg_offset_commit_value.h"

enum {
    KEY_OFFSET_MOST = 1, /* 0 and 1 are equal */
    KEY_GROUP = 2,
    VALUE_OFFSET_MOST = 4,
    VALUE_GROUP_MOST = 4,
};

/* One batch; the topic's max.message.bytes decides later. */
#define BATCH_MOST ((size_t)256 << 20)

/* Most batches are a commit of a few partitions. */
enum { BATCH_FIRST = 1024 };

/* Inter-broker versions at which the values changed. */
enum {
    IBP_0_10_1_IV0 = 1010,
    IBP_2_1_IV0 = 20100,
    IBP_2_1_IV1 = 20101,
    IBP_2_3_IV0 = 20300
};

/* -- writing -------------------------------------------------------------- */

void group_batch_start(struct group_batch *batch, enum codec codec, int ibp,
                       int64_t now_ms)
{
    struct batch_spec spec = batch_spec_make();

    *batch = (struct group_batch){ .ibp = ibp, .now_ms = now_ms };
    wr_init(&batch->bytes, BATCH_MOST);
    wr_reserve(&batch->bytes, BATCH_FIRST);
    wr_init(&batch->scratch, BATCH_MOST);
    batch_builder_init(&batch->builder);
    spec.attributes = (int16_t)codec;
    batch->err = batch_builder_start(&batch->builder, &spec, &batch->bytes);
}

/* The scratch holds the key up to `split`, then the value, unless that is null.
 */
static void add(struct group_batch *batch, size_t split, bool has_value)
{
    const struct wr *s = &batch->scratch;
    struct batch_record record = {
        .offset = (int64_t)batch->n,
        .timestamp = batch->now_ms,
        .sequence = -1,
        .magic = 2,
    };

    if (batch->err == ERR_OK)
        batch->err = s->err;
    if (batch->err != ERR_OK)
        return;
    record.key = bytes_make(s->data, split);
    record.value =
        has_value ? bytes_make(s->data + split, s->len - split) : BYTES_NULL;
    batch_builder_add(&batch->builder, &record);
    batch->n++;
}

static int16_t commit_version(const struct group_batch *batch,
                              const struct group_commit *commit)
{
    if (batch->ibp < IBP_2_1_IV0 || commit->expire_ms >= 0)
        return 1;
    return batch->ibp < IBP_2_1_IV1 ? 2 : 3;
}

void group_batch_offset(struct group_batch *batch, struct bytes group_id,
                        struct bytes topic, int32_t partition,
                        const struct group_commit *commit)
{
    const struct wire_offset_commit_key key = { group_id, topic, partition };
    struct wr *s = &batch->scratch;
    size_t split;

    s->len = 0;
    wr_i16(s, KEY_OFFSET_MOST);
    wire_offset_commit_key_write(s, KEY_OFFSET_MOST, &key);
    split = s->len;
    if (commit) {
        int16_t version = commit_version(batch, commit);
        struct wire_offset_commit_value value;

        wire_offset_commit_value_init(&value);
        value.offset = commit->offset;
        value.leader_epoch = commit->leader_epoch;
        value.metadata = commit->metadata;
        value.commit_timestamp = commit->commit_ms;
        value.expire_timestamp = commit->expire_ms;
        wr_i16(s, version);
        wire_offset_commit_value_write(s, version, &value);
    }
    add(batch, split, commit != NULL);
}

static void write_group_key(struct wr *s, struct bytes group_id)
{
    const struct wire_group_metadata_key key = { group_id };

    s->len = 0;
    wr_i16(s, KEY_GROUP);
    wire_group_metadata_key_write(s, KEY_GROUP, &key);
}

void group_batch_group_gone(struct group_batch *batch, struct bytes group_id)
{
    write_group_key(&batch->scratch, group_id);
    add(batch, batch->scratch.len, false);
}

static int16_t group_version(const struct group_batch *batch)
{
    if (batch->ibp < IBP_0_10_1_IV0)
        return 0;
    if (batch->ibp < IBP_2_1_IV0)
        return 1;
    return batch->ibp < IBP_2_3_IV0 ? 2 : 3;
}

static struct bytes not_null(struct bytes b)
{
    return bytes_is_null(b) ? BYTES("") : b;
}

static void fill_member(const struct group *group, const struct group_member *m,
                        const struct group_store *store,
                        struct wire_group_metadata_value_members *out)
{
    wire_group_metadata_value_members_init(out);
    out->member_id = m->id;
    out->group_instance_id = m->instance_id;
    out->client_id = m->client_id;
    out->client_host = m->client_host;
    out->rebalance_timeout = m->rebalance_ms;
    out->session_timeout = m->session_ms;
    out->subscription = not_null(group_member_metadata(m, group->protocol));
    out->assignment = store->why == GROUP_STORE_ASSIGNMENT
                          ? group_store_part(store, m->id)
                          : not_null(m->assignment);
}

void group_batch_group(struct group_batch *batch, const struct group *group,
                       const struct group_store *store)
{
    struct wire_group_metadata_value value;
    struct wr *s = &batch->scratch;
    int16_t version = group_version(batch);
    size_t split;

    write_group_key(s, group_id(group));
    split = s->len;
    wire_group_metadata_value_init(&value);
    value.protocol_type = not_null(group->protocol_type);
    value.generation = group->generation;
    value.protocol = group->protocol;
    value.leader = group->leader ? group->leader->id : BYTES_NULL;
    value.current_state_timestamp = group->phase_ms;
    value.members = mem_try(group_size(group) * sizeof *value.members + 1);
    if (!value.members) {
        batch->err = ERR_NOMEM;
        return;
    }
    for (const struct list *link = group->members.next; link != &group->members;
         link = link->next)
        fill_member(group, CONTAINER_OF(link, struct group_member, link), store,
                    &value.members[value.n_members++]);
    wr_i16(s, version);
    wire_group_metadata_value_write(s, version, &value);
    mem_free(value.members);
    add(batch, split, true);
}

enum err group_batch_finish(struct group_batch *batch)
{
    enum err err = batch_builder_finish(&batch->builder, NULL);

    return batch->err != ERR_OK ? batch->err : err;
}

void group_batch_fini(struct group_batch *batch)
{
    batch_builder_fini(&batch->builder);
    wr_fini(&batch->scratch);
    wr_fini(&batch->bytes);
}

/* -- reading -------------------------------------------------------------- */

enum err group_record_key_read(struct bytes key, struct group_record_key *out)
{
    struct rd r = rd_make(key);
    int16_t version = rd_i16(&r);
    struct wire_offset_commit_key offset;
    struct wire_group_metadata_key group;
    enum err err = r.err;

    *out = (struct group_record_key){ .kind = GROUP_RECORD_OTHER };
    if (err != ERR_OK)
        return err;
    if (version >= 0 && version <= KEY_OFFSET_MOST) {
        err = wire_offset_commit_key_read(&r, version, NULL, &offset);
        if (err == ERR_OK)
            *out = (struct group_record_key){ GROUP_RECORD_OFFSET, offset.group,
                                              offset.topic, offset.partition };
    } else if (version == KEY_GROUP) {
        err = wire_group_metadata_key_read(&r, version, NULL, &group);
        if (err == ERR_OK)
            *out = (struct group_record_key){ .kind = GROUP_RECORD_GROUP,
                                              .group = group.group };
    }
    return err;
}

enum err group_record_commit_read(struct bytes value, struct group_commit *out)
{
    struct rd r = rd_make(value);
    int16_t version = rd_i16(&r);
    struct wire_offset_commit_value v;
    enum err err = r.err;

    if (err != ERR_OK)
        return err;
    if (version < 0 || version > VALUE_OFFSET_MOST)
        return ERR_VERSION;
    wire_offset_commit_value_init(&v);
    err = wire_offset_commit_value_read(&r, version, NULL, &v);
    if (err != ERR_OK)
        return err;
    *out = (struct group_commit){ v.offset, v.leader_epoch, v.metadata,
                                  v.commit_timestamp, v.expire_timestamp };
    if (v.expire_timestamp < -1) /* long over, and not "none" */
        out->expire_ms = 0;
    return ERR_OK;
}

enum err group_record_group_read(struct bytes value, struct arena *arena,
                                 struct wire_group_metadata_value *out)
{
    struct rd r = rd_make(value);
    int16_t version = rd_i16(&r);
    enum err err = r.err;

    if (err != ERR_OK)
        return err;
    if (version < 0 || version > VALUE_GROUP_MOST)
        return ERR_VERSION;
    wire_group_metadata_value_init(out);
    err = wire_group_metadata_value_read(&r, version, arena, out);
    /* Version 0 has none: it stays at -1. */
    for (size_t i = 0; err == ERR_OK && i < out->n_members; i++)
        if (out->members[i].rebalance_timeout < 0)
            out->members[i].rebalance_timeout = out->members[i].session_timeout;
    return err;
}
