/* group_load.c - reading a partition of the offsets topic into its shard.
 *
 *   1. The log is read from its start to its end, some MiB at a time, in order:
 *      later records replace earlier ones, a null value removes.
 *   2. Commits inside a transaction wait for its marker.
 *   3. The finished groups are given to the shard in one go, and members are
 *      expected from then on.
 *
 * While LOADING nobody else looks at the groups, so nothing is locked but the
 * question whether all this is still wanted. A record of a kind not known is
 * left out with one line; a log that cannot be read, or holds a batch that is
 * damaged, leaves the shard FAILED, so that no consumer takes "no offset", or
 * an older one, for an answer.
 */
#include "group/group_shard.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "broker.h"
#include "config/config.h"
#include "wire/errors.h"

/* A batch may inflate to this much (offsets.topic.compression.codec). */
#define LOAD_INFLATED_MOST ((uint64_t)1 << 30)
#define LOAD_ARENA_MOST ((size_t)1 << 30)

struct load {
    struct job job;
    struct group_shard *shard;
    uint32_t life;
    struct map by_id; /* groups made so far */
    struct list all;
    struct group *last; /* found last */
    struct map open;    /* group_txn, by producer */
    struct arena arena; /* for one group's record */
    struct batch_reader reader;
    int64_t wall_ms;
    size_t records, bad;
    int64_t bytes;
    uint8_t *buffer;
    size_t room;
};

/* -- groups being made ---------------------------------------------------- */

static bool group_is(const struct map_link *link, const void *key)
{
    return bytes_equal(group_id(CONTAINER_OF(link, struct group, link)),
                       *(const struct bytes *)key);
}

static struct group *load_find(struct load *load, struct bytes id)
{
    struct map_link *link;

    if (load->last && bytes_equal(group_id(load->last), id))
        return load->last;
    link =
        map_find(&load->by_id, bytes_hash(id, load->by_id.seed), group_is, &id);
    if (link)
        load->last = CONTAINER_OF(link, struct group, link);
    return link ? load->last : NULL;
}

static struct group *load_get(struct load *load, struct bytes id)
{
    struct group *group = load_find(load, id);

    if (group)
        return group;
    group = group_new(id, load->wall_ms);
    map_put(&load->by_id, &group->link, bytes_hash(id, load->by_id.seed));
    list_append(&load->all, &group->all);
    load->last = group;
    return group;
}

static void load_drop(struct load *load, struct group *group)
{
    if (load->last == group)
        load->last = NULL;
    map_remove(&load->by_id, &group->link);
    list_remove(&group->all);
    group_unref(&group);
}

/* -- transactions --------------------------------------------------------- */

static bool txn_is(const struct map_link *link, const void *key)
{
    return CONTAINER_OF(link, struct group_txn, open)->producer_id ==
           *(const int64_t *)key;
}

static struct group_txn *open_find(const struct load *load, int64_t producer_id)
{
    struct map_link *link = map_find(
        &load->open, map_hash_int((uint64_t)producer_id, load->open.seed),
        txn_is, &producer_id);

    return link ? CONTAINER_OF(link, struct group_txn, open) : NULL;
}

static struct group_txn *txn_get(struct load *load, struct group *group,
                                 int64_t producer_id)
{
    struct group_txn *txn = group_txn_find(&group->txns, producer_id);

    if (txn)
        return txn;
    txn = group_txn_get(&group->txns, producer_id);
    txn->group = group;
    map_put(&load->open, &txn->open,
            map_hash_int((uint64_t)producer_id, load->open.seed));
    return txn;
}

/* One producer may have committed for several groups. */
static void on_marker(struct load *load, const struct batch *batch)
{
    struct batch_marker marker;
    bool commit = batch_marker_find(batch->bytes, &marker) == ERR_OK &&
                  marker.type == BATCH_COMMIT;
    struct group_txn *txn;

    while ((txn = open_find(load, batch->header.producer_id)) != NULL) {
        map_remove(&load->open, &txn->open);
        group_txn_end(&txn->group->txns, &txn->group->offsets, txn->producer_id,
                      commit);
    }
}

/* -- records -------------------------------------------------------------- */

static enum err on_offset(struct load *load, const struct batch_header *header,
                          const struct group_record_key *key,
                          const struct batch_record *record, int64_t first)
{
    struct group *group;
    struct group_offsets *offsets;
    struct group_commit commit;
    enum err err;

    if (bytes_is_null(record->value)) {
        group = load_find(load, key->group);
        if (!group)
            return ERR_OK;
        if (batch_is_transactional(header)) {
            struct group_txn *txn =
                group_txn_find(&group->txns, header->producer_id);

            if (txn)
                group_offsets_remove(&txn->offsets, key->topic, key->partition);
        } else {
            group_offsets_remove(&group->offsets, key->topic, key->partition);
        }
        return ERR_OK;
    }
    err = group_record_commit_read(record->value, &commit);
    if (err != ERR_OK)
        return err;
    group = load_get(load, key->group);
    offsets = batch_is_transactional(header)
                  ? &txn_get(load, group, header->producer_id)->offsets
                  : &group->offsets;
    return group_offsets_put(offsets, key->topic, key->partition, &commit,
                             first);
}

/* A group as it was written: its offsets stay, its members are exchanged. */
static enum err on_members(struct load *load, struct group *group,
                           const struct wire_group_metadata_value *value)
{
    for (size_t i = 0; i < value->n_members; i++) {
        const struct wire_group_metadata_value_members *m = &value->members[i];
        const struct group_protocol protocol = { bytes_is_null(value->protocol)
                                                     ? BYTES("")
                                                     : value->protocol,
                                                 m->subscription };
        const struct group_member_spec spec = {
            .id = m->member_id,
            .instance_id = m->group_instance_id,
            .client_id = m->client_id,
            .client_host = m->client_host,
            .protocols = &protocol,
            .n_protocols = 1,
            .session_ms = m->session_timeout,
            .rebalance_ms = m->rebalance_timeout,
        };
        struct group_member *member = group_member_new(&spec);

        if (!member)
            return ERR_NOMEM;
        if (m->assignment.len > 0) {
            uint8_t *copy = mem_try(m->assignment.len);

            if (!copy) {
                group_member_free(&member);
                return ERR_NOMEM;
            }
            memcpy(copy, m->assignment.at, m->assignment.len);
            member->assignment = bytes_make(copy, m->assignment.len);
        }
        if (!group_restore_member(group, member))
            group_member_free(&member);
    }
    (void)load;
    return ERR_OK;
}

/* The offsets and open transactions of the old one go over to the new one. */
static void inherit(struct group *to, struct group *from)
{
    to->offsets = from->offsets;
    from->offsets = (struct group_offsets){ 0 };
    list_move_all(&to->txns, &from->txns);
    LIST_EACH(link, &to->txns)
        CONTAINER_OF(link, struct group_txn, link)->group = to;
}

static enum err on_group(struct load *load, const struct group_record_key *key,
                         const struct batch_record *record)
{
    struct group *old = load_find(load, key->group), *group;
    struct wire_group_metadata_value value;
    enum err err = ERR_OK;

    arena_reset(&load->arena);
    if (!bytes_is_null(record->value))
        err = group_record_group_read(record->value, &load->arena, &value);
    if (err != ERR_OK || (!old && bytes_is_null(record->value)))
        return err;
    group = group_new(key->group, load->wall_ms);
    if (old) {
        inherit(group, old);
        load_drop(load, old);
    }
    map_put(&load->by_id, &group->link,
            bytes_hash(key->group, load->by_id.seed));
    list_append(&load->all, &group->all);
    load->last = group;
    if (bytes_is_null(record->value))
        return ERR_OK; /* without offsets it goes in the end */
    group_restore(group, value.generation, value.protocol_type, value.protocol,
                  value.current_state_timestamp);
    err = on_members(load, group, &value);
    /* Kept until all is read: the last one of a group counts. */
    group->leader = NULL;
    if (!bytes_is_null(value.leader))
        group->leader = group_member_find(group, value.leader);
    if (!group->leader && group_size(group) > 0)
        group->leader =
            CONTAINER_OF(group->members.next, struct group_member, link);
    return err;
}

static enum err on_record(struct load *load, const struct batch_header *header,
                          const struct batch_record *record, int64_t first)
{
    struct group_record_key key;
    enum err err = bytes_is_null(record->key)
                       ? ERR_FORMAT
                       : group_record_key_read(record->key, &key);

    if (err != ERR_OK)
        return err;
    switch (key.kind) {
    case GROUP_RECORD_OFFSET:
        return on_offset(load, header, &key, record, first);
    case GROUP_RECORD_GROUP:
        return on_group(load, &key, record);
    case GROUP_RECORD_OTHER:
        break;
    }
    return ERR_OK;
}

/* -- batches -------------------------------------------------------------- */

static void bad_record(struct load *load, int64_t offset, enum err err)
{
    load->bad++;
    DIAG_SELDOM(DIAG_WARN,
                "event=group_record_unreadable partition=%d offset=%" PRId64
                " error=%s effect=\"the record is left out\"",
                load->shard->index, offset, err_name(err));
}

/* ERR_NOMEM ends the loading; all else is told and left out. */
static enum err on_batch(struct load *load, const struct batch *batch)
{
    struct batch_record record;
    int64_t first = -1;
    enum err err;

    if (batch_is_control(&batch->header)) {
        on_marker(load, batch);
        return ERR_OK;
    }
    err = batch_reader_start(&load->reader, batch->bytes, LOAD_INFLATED_MOST);
    while (err == ERR_OK &&
           (err = batch_reader_next(&load->reader, &record)) == ERR_OK) {
        if (first < 0)
            first = record.offset;
        load->records++;
        err = on_record(load, &batch->header, &record, first);
        if (err == ERR_NOMEM)
            return err;
        if (err != ERR_OK)
            bad_record(load, record.offset, err);
        err = ERR_OK;
    }
    if (err == ERR_NOMEM)
        return err;
    if (err != ERR_ABSENT)
        bad_record(load, batch->header.base_offset, err);
    return ERR_OK;
}

/* All whole batches of the buffer; *next is where to go on. A batch that is not
 * what was written ends the loading: an older offset than the one in it, told
 * as if it were the last, would be worse than none. */
static enum err on_bytes(struct load *load, struct bytes bytes, int64_t *next,
                         struct errmsg *why)
{
    struct batch_iter iter = batch_iter_make(bytes);
    struct batch batch;
    enum err err;

    while ((err = batch_iter_next(&iter, &batch)) == ERR_OK) {
        if (batch_next_offset(&batch.header) <= *next)
            continue;
        if (batch_check(batch.bytes) != ERR_OK)
            return err_set(why, ERR_CORRUPT,
                           "the batch at offset %" PRId64
                           " has another checksum than it says",
                           batch.header.base_offset);
        err = on_batch(load, &batch);
        if (err != ERR_OK)
            return err;
        *next = batch_next_offset(&batch.header);
    }
    return err == ERR_ABSENT || err == ERR_SHORT ? ERR_OK : err;
}

static bool still_wanted(const struct load *load)
{
    struct group_shard *shard = load->shard;
    bool wanted;

    lock_take(&shard->lock);
    wanted = shard->phase == SHARD_LOADING && shard->life == load->life &&
             atomic_load(&shard->groups->active);
    lock_give(&shard->lock);
    return wanted;
}

static enum err make_room(struct load *load, size_t size)
{
    uint8_t *more;

    if (size <= load->room)
        return ERR_OK;
    more = mem_try_more(load->buffer, size, 1);
    if (!more)
        return ERR_NOMEM;
    load->buffer = more;
    load->room = size;
    return ERR_OK;
}

/* Read what there is from *next on; ERR_ABSENT: nothing. */
static enum err load_piece(struct load *load, struct log *log, int64_t *next,
                           struct errmsg *why)
{
    uint32_t most = (uint32_t)config_int64(load->shard->groups->broker->config,
                                           CFG_OFFSETS_LOAD_BUFFER_SIZE);
    struct log_plan plan = { .file = NULL };
    int64_t before = *next;
    size_t n;
    enum err err;

    err = log_read(log, *next, log_end_offset(log), most, LOG_READ_ONE, &plan,
                   why);
    if (err != ERR_OK)
        return err;
    if (!plan.file)
        return ERR_ABSENT;
    err = make_room(load, plan.length);
    if (err == ERR_OK)
        err = log_plan_load(log, &plan, load->buffer, &n, why);
    seg_file_unref(&plan.file);
    if (err == ERR_OK) {
        load->bytes += (int64_t)n;
        err = on_bytes(load, bytes_make(load->buffer, n), next, why);
    }
    if (err == ERR_OK && *next == before)
        return err_set(why, ERR_CORRUPT, "no whole batch at offset %" PRId64,
                       before);
    return err;
}

/* ERR_CLOSED: not wanted any more. */
static enum err load_log(struct load *load, struct partition *partition,
                         struct errmsg *why)
{
    struct log *log = partition_use_log(partition);
    int64_t next;
    enum err err = ERR_OK;

    if (!log)
        return err_set(why, ERR_CLOSED, "the partition has no log");
    next = log_start_offset(log);
    while (err == ERR_OK && next < log_end_offset(log)) {
        if (!still_wanted(load)) {
            err = ERR_CLOSED;
            break;
        }
        err = load_piece(load, log, &next, why);
    }
    partition_leave(partition);
    return err == ERR_ABSENT ? ERR_OK : err;
}

/* -- the end -------------------------------------------------------------- */

/* Groups of which nothing is left but a tombstone. */
static void drop_empty(struct load *load)
{
    LIST_EACH(link, &load->all) {
        struct group *group = CONTAINER_OF(link, struct group, all);

        if (group_size(group) == 0 && group->generation == 0 &&
            group->offsets.n_entries == 0 && list_is_empty(&group->txns) &&
            bytes_is_null(group->protocol_type))
            load_drop(load, group);
    }
}

static void start_group(struct load *load, struct group *group,
                        struct shard_env *env)
{
    struct bytes leader = BYTES_NULL;

    (void)load;
    if (group->leader)
        leader = group->leader->id;
    group_restored(group, leader, &env->env);
}

static bool hand_over(struct load *load)
{
    struct group_shard *shard = load->shard;
    struct shard_env env;
    bool wanted;

    drop_empty(load);
    lock_take(&shard->lock);
    wanted = shard->phase == SHARD_LOADING && shard->life == load->life;
    if (wanted) {
        shard_env_init(&env, shard);
        map_fini(&shard->by_id);
        shard->by_id = load->by_id;
        map_init(&load->by_id);
        list_move_all(&shard->all, &load->all);
        shard->phase = SHARD_READY;
        LIST_EACH(link, &shard->all) {
            struct group *group = CONTAINER_OF(link, struct group, all);

            start_group(load, group, &env);
            shard_arm(shard, group);
        }
    }
    shard_leave(shard);
    return wanted;
}

static void load_failed(struct load *load, enum err err,
                        const struct errmsg *why)
{
    struct group_shard *shard = load->shard;

    lock_take(&shard->lock);
    if (shard->phase == SHARD_LOADING && shard->life == load->life) {
        shard->phase = SHARD_FAILED;
        diag_error("event=group_load_failed topic=" GROUP_TOPIC " partition=%d "
                   "error=%s reason=\"%s\" remedy=\"look at the log directory "
                   "named above; move the leadership away and back to load it "
                   "again\"",
                   shard->index, err_name(err), why->text);
    }
    lock_give(&shard->lock);
}

static void load_free(struct load *load)
{
    LIST_EACH(link, &load->all)
        load_drop(load, CONTAINER_OF(link, struct group, all));
    map_fini(&load->by_id);
    map_fini(&load->open);
    arena_fini(&load->arena);
    batch_reader_fini(&load->reader);
    mem_free(load->buffer);
    mem_free(load);
}

static struct partition *partition_of(struct load *load)
{
    struct group_shard *shard = load->shard;
    struct partition *partition = NULL;

    lock_take(&shard->lock);
    if (shard->phase == SHARD_LOADING && shard->life == load->life)
        partition = partition_ref(shard->partition);
    lock_give(&shard->lock);
    return partition;
}

static void run(struct job *job)
{
    struct load *load = CONTAINER_OF(job, struct load, job);
    struct partition *partition = partition_of(load);
    int64_t began = clock_mono_us();
    struct errmsg why = { "" };
    enum err err;

    if (partition) {
        load->wall_ms = clock_wall_ms();
        err = load_log(load, partition, &why);
        partition_unref(&partition);
        if (err == ERR_OK) {
            size_t groups = load->by_id.count;

            if (hand_over(load) && load->records > 0)
                diag_info("event=groups_loaded partition=%d groups=%zu "
                          "records=%zu unreadable=%zu bytes=%" PRId64
                          " took_ms=%" PRId64,
                          load->shard->index, groups, load->records, load->bad,
                          load->bytes, (clock_mono_us() - began) / 1000);
        } else if (err != ERR_CLOSED || why.text[0]) {
            load_failed(load, err, &why);
        }
    }
    load_free(load);
}

void shard_load_later(struct group_shard *shard, uint32_t life)
{
    struct load *load = mem_need(sizeof *load);

    load->job.run = run;
    load->shard = shard;
    load->life = life;
    map_init(&load->by_id);
    map_init(&load->open);
    list_init(&load->all);
    arena_init(&load->arena, LOAD_ARENA_MOST);
    batch_reader_init(&load->reader);
    lane_submit(&shard->groups->lanes[shard->index % GROUP_LANES], &load->job);
}

/* -- unloading ------------------------------------------------------------ */

enum { UNLOAD_SLICE = 64 };

struct unload {
    struct job job;
    struct group_shard *shard;
};

static bool unload_slice(struct group_shard *shard, size_t *groups)
{
    struct shard_env env;
    bool more;

    lock_take(&shard->lock);
    shard_env_init(&env, shard);
    for (int i = 0; i < UNLOAD_SLICE && !list_is_empty(&shard->all); i++) {
        struct group *group = CONTAINER_OF(shard->all.next, struct group, all);

        group_unload(group, &env.env);
        shard_remove(shard, group);
        (*groups)++;
    }
    more = !list_is_empty(&shard->all);
    lock_give(&shard->lock);
    return more;
}

static void unload_run(struct job *job)
{
    struct unload *unload = CONTAINER_OF(job, struct unload, job);
    size_t groups = 0;

    while (unload_slice(unload->shard, &groups))
        ;
    if (groups > 0)
        diag_info("event=groups_unloaded partition=%d groups=%zu",
                  unload->shard->index, groups);
    mem_free(unload);
}

void shard_unload_later(struct group_shard *shard)
{
    struct unload *unload = mem_need(sizeof *unload);

    unload->job.run = unload_run;
    unload->shard = shard;
    lane_submit(&shard->groups->lanes[shard->index % GROUP_LANES],
                &unload->job);
}
