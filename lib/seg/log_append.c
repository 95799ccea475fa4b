/* log_append.c - batches get their offsets and go to the file.
 *
 *   for each set:   headers are read, the producer state is asked (nothing
 *                   changes yet), offsets are written into the batches
 *   a group of them: one write
 *   then:           facts, producer state, indexes; the LEO last
 *
 * A group ends where a roll is due, and before a second batch of a producer
 * that is in it: its check needs what the first one will have changed. So a
 * write that fails leaves nothing to be undone but the file's tail.
 */
#include <errno.h>

#include "base/mem.h"
#include "seg/log_private.h"

enum { GROUP_MOST = 64 };

/* A set on its way into the log. */
struct entry {
    struct log_append *set;
    int64_t max_time;        /* largest timestamp of its batches */
    int64_t max_time_offset; /* last offset of the batch that has it */
    int64_t producer_id;     /* CLIENT, COORDINATOR; -1 none */
};

struct group {
    struct entry entries[GROUP_MOST];
    size_t n;
    size_t bytes;
    int64_t end; /* LEO after it */
    bool rolled; /* a segment was ended on the way */
};

/* -- check
 * ------------------------------------------------------------------------ */

/* Replicated batches keep their offsets, which must rise from the end on. */
static enum err check_replica(struct entry *e, int64_t end, struct errmsg *why)
{
    struct log_append *set = e->set;
    struct batch_iter iter = batch_iter_make(bytes_make(set->at, set->size));
    struct batch batch;
    int64_t last = LOG_NO_OFFSET;
    bool first = true;
    enum err err;

    while ((err = batch_iter_next(&iter, &batch)) == ERR_OK) {
        const struct batch_header *h = &batch.header;
        int64_t from = h->magic >= 2 ? h->base_offset : batch_last_offset(h);

        if (first) {
            set->first_offset = from;
            if (from < end)
                return err_set(why, ERR_RANGE,
                               "offset %lld comes again, the log ends at %lld",
                               (long long)from, (long long)end);
        }
        if (batch_last_offset(h) <= last || batch_last_offset(h) < from)
            return err_set(why, ERR_RANGE, "offset %lld follows %lld",
                           (long long)batch_last_offset(h), (long long)last);
        last = batch_last_offset(h);
        if (first || h->max_timestamp > e->max_time) {
            e->max_time = h->max_timestamp;
            e->max_time_offset = last;
        }
        first = false;
    }
    if (err != ERR_ABSENT || first)
        return err_set(why, ERR_FORMAT, "not whole batches");
    set->last_offset = last;
    set->timestamp = e->max_time;
    return ERR_OK;
}

static enum err check_producer(struct log *log, struct entry *e,
                               const struct batch *batch)
{
    struct txn_marker marker = { .present = false };
    struct producer_batch old;
    enum err err;

    if (!batch_has_producer(&batch->header))
        return ERR_OK;
    err = txn_marker_read(batch, &marker);
    if (err != ERR_OK)
        return ERR_FORMAT;
    lock_take(&log->lock);
    err = producers_check(&log->producers, &batch->header, &marker,
                          e->set->origin, &old);
    lock_give(&log->lock);
    if (err == ERR_DUPLICATE) {
        e->set->first_offset = old.last_offset - old.offset_delta;
        e->set->last_offset = old.last_offset;
        e->set->timestamp = old.timestamp;
    }
    e->producer_id = batch->header.producer_id;
    return err;
}

/* One batch of a producer or coordinator: it gets its offsets here. */
static enum err check_leader(struct log *log, struct entry *e, int64_t end,
                             struct errmsg *why)
{
    struct log_append *set = e->set;
    struct batch_iter iter = batch_iter_make(bytes_make(set->at, set->size));
    struct batch batch;
    enum err err = batch_iter_next(&iter, &batch);

    if (err != ERR_OK || iter.left.len > 0 || batch.header.magic < 2 ||
        batch.header.last_offset_delta < 0)
        return err_set(why, ERR_FORMAT, "not one batch of magic 2");
    err = check_producer(log, e, &batch);
    if (err != ERR_OK)
        return err_set(why, err, "producer %lld, epoch %d, sequence %d: %s",
                       (long long)batch.header.producer_id,
                       batch.header.producer_epoch, batch.header.base_sequence,
                       err_words(err));
    if (end > INT64_MAX - 1 - batch.header.last_offset_delta)
        return err_set(why, ERR_RANGE, "offsets are used up");
    set->first_offset = end;
    set->last_offset = end + batch.header.last_offset_delta;
    set->timestamp = batch.header.max_timestamp;
    e->max_time = batch.header.max_timestamp;
    e->max_time_offset = set->last_offset;
    batch_patch_offset(set->at, end, set->leader_epoch);
    return ERR_OK;
}

static enum err check(struct log *log, struct entry *e, int64_t end,
                      struct errmsg *why)
{
    if (e->set->size > (size_t)log->config.segment_bytes)
        return err_set(why, ERR_TOO_LARGE,
                       "%zu bytes are more than segment.bytes=%d", e->set->size,
                       log->config.segment_bytes);
    return e->set->origin == LOG_REPLICA ? check_replica(e, end, why)
                                         : check_leader(log, e, end, why);
}

/* -- roll
 * -------------------------------------------------------------------------- */

/* The largest timestamp of the segment's first batch. */
static enum err first_time(struct log *log, int64_t *time, struct errmsg *why)
{
    struct segment active = log_active_copy(log);
    uint8_t head[BATCH_HEADER];
    struct batch_header header;
    struct seg_file *file;
    size_t got;
    enum err err;

    if (log->first_time == UNKNOWN_TIME) {
        err = log_file_get(log, active.base, SEG_LOG, false, &file, why);
        if (err != ERR_OK)
            return err;
        err =
            io_read(log_fs(log), seg_file_fd(file), head, sizeof head, 0, &got);
        seg_file_unref(&file);
        if (err != ERR_OK)
            return err_set(why, err, "read a segment of %s", log->name);
        log->first_time =
            batch_header_read(bytes_make(head, got), &header) == ERR_OK
                ? header.max_timestamp
                : LOG_NO_TIMESTAMP;
    }
    *time = log->first_time;
    return ERR_OK;
}

static int64_t roll_after_ms(const struct log *log)
{
    int64_t after = log->config.segment_ms;

    if (log->config.cleanup_compact &&
        log->config.max_compaction_lag_ms < after)
        after = log->config.max_compaction_lag_ms;
    return after - log->jitter_ms;
}

/* Whether this set wants a new segment, given that the group precedes it. */
static enum err wants_roll(struct log *log, const struct group *group,
                           const struct entry *e, int64_t now_ms, bool *roll,
                           struct errmsg *why)
{
    const struct segment *active = log_active(log);
    size_t size = active->size + group->bytes;
    int64_t first = LOG_NO_TIMESTAMP, waited;
    enum err err = ERR_OK;

    *roll = false;
    if (size == 0) {
        *roll = e->set->last_offset - active->base > INT32_MAX;
        return ERR_OK;
    }
    if (size + e->set->size > (size_t)log->config.segment_bytes ||
        e->set->last_offset - active->base > INT32_MAX ||
        index_is_full(log, 0)) {
        *roll = true;
        return ERR_OK;
    }
    if (roll_after_ms(log) == INT64_MAX)
        return ERR_OK;
    if (active->size == 0)
        first = group->entries[0].max_time;
    else
        err = first_time(log, &first, why);
    if (err != ERR_OK)
        return err;
    waited = first >= 0 ? e->max_time - first : now_ms - log->created_ms;
    *roll = waited > roll_after_ms(log);
    return ERR_OK;
}

static enum err roll_for(struct log *log, const struct entry *e, int64_t now_ms,
                         struct errmsg *why)
{
    int64_t end = atomic_load(&log->end), base = e->set->first_offset;

    /* Magic 0 and 1 do not tell their first offset. */
    if (e->set->origin == LOG_REPLICA &&
        (e->set->size < BATCH_PREFIX || e->set->at[16] < 2))
        base = e->set->last_offset - INT32_MAX;
    return log_roll_over(log, base > end ? base : end, now_ms, why);
}

/* -- write
 * ------------------------------------------------------------------------- */

/* The segment's file; the first one of a log is made here. */
static enum err active_file(struct log *log, struct seg_file **file,
                            struct errmsg *why)
{
    struct segment *active = log_active(log);
    enum err err;

    if (log->topic_id_dirty) {
        err = log_small_write(log, false, why);
        if (err != ERR_OK)
            return err;
    }
    err = log_file_get(log, active->base, SEG_LOG, !active->exists, file, why);
    if (err != ERR_OK || active->exists)
        return err;
    lock_take(&log->lock);
    active->exists = true;
    lock_give(&log->lock);
    if (log->config.preallocate &&
        log_fs(log)->fallocate(log_fs(log), seg_file_fd(*file),
                               log->config.segment_bytes) != 0) {
        seg_file_unref(file);
        return io_fail(why, "preallocate a segment of", log->name);
    }
    return ERR_OK;
}

static enum err write_group(struct log *log, const struct group *group,
                            struct errmsg *why)
{
    struct iovec iov[GROUP_MOST];
    struct segment *active = log_active(log);
    struct seg_file *file;
    enum err err = active_file(log, &file, why);

    if (err != ERR_OK)
        return err;
    for (size_t i = 0; i < group->n; i++) {
        iov[i].iov_base = group->entries[i].set->at;
        iov[i].iov_len = group->entries[i].set->size;
    }
    err = io_writev(log_fs(log), seg_file_fd(file), iov, (int)group->n,
                    active->size);
    if (err != ERR_OK) {
        int errnum = errno;

        /* What was written in part must not be found by a recovery. */
        if (log_fs(log)->ftruncate(log_fs(log), seg_file_fd(file),
                                   active->size) != 0)
            err = ERR_IO;
        errno = errnum;
        err = err_set(why, err == ERR_SPACE ? ERR_SPACE : ERR_IO,
                      "write %s/%s/%020lld.log: %s", log->dir->path, log->name,
                      (long long)active->base, err_words(err));
    }
    seg_file_unref(&file);
    return err;
}

/* -- take into account
 * --------------------------------------------------------------- */

static enum err take_batches(struct log *log, const struct entry *e,
                             struct errmsg *why)
{
    struct batch_iter iter =
        batch_iter_make(bytes_make(e->set->at, e->set->size));
    struct batch batch;
    enum err err = ERR_OK;

    while (err == ERR_OK && batch_iter_next(&iter, &batch) == ERR_OK) {
        if (batch.header.magic < 2) {
            /* The format went back: epochs no longer say where to cut. */
            lock_take(&log->lock);
            epochs_clear(&log->epochs);
            lock_give(&log->lock);
            continue;
        }
        lock_take(&log->lock);
        epochs_assign(&log->epochs, batch.header.leader_epoch,
                      batch.header.base_offset);
        lock_give(&log->lock);
        err = log_producers_apply(log, &batch, true, why);
    }
    return err;
}

/* The set lies at `position` now. */
static enum err take_entry(struct log *log, const struct entry *e,
                           uint32_t position, struct errmsg *why)
{
    struct segment *active = log_active(log);
    enum err err;

    if (position == 0)
        log->first_time = e->max_time;
    if (active->max_time == UNKNOWN_TIME) {
        int64_t time, offset;

        err = log_segment_max_time(log, active->base, &time, &offset, why);
        if (err != ERR_OK)
            return err;
    }
    lock_take(&log->lock);
    if (e->max_time > active->max_time) {
        active->max_time = e->max_time;
        active->max_time_offset = e->max_time_offset;
    }
    if (log->hot == NULL)
        log->hot = mem_need(sizeof *log->hot);
    log_mark(log, e->set->first_offset, position);
    lock_give(&log->lock);
    err = take_batches(log, e, why);
    if (err == ERR_OK &&
        log->since_index > (uint32_t)log->config.index_interval_bytes) {
        err = index_append(log, e->set->last_offset, position, why);
        log->since_index = 0;
    }
    log->since_index += (uint32_t)e->set->size;
    return err;
}

static void group_fail(struct group *group, enum err err)
{
    for (size_t i = 0; i < group->n; i++)
        group->entries[i].set->err = err;
    group->n = 0;
    group->bytes = 0;
}

/* Write what is gathered. A failure of the disk is returned; no space is not
 * one, and only told to the sets. */
static enum err group_write(struct log *log, struct group *group,
                            struct errmsg *why)
{
    struct segment *active = log_active(log);
    uint32_t position = active->size;
    enum err err;

    if (group->n == 0)
        return ERR_OK;
    err = log_failed(log, write_group(log, group, why), why);
    if (err != ERR_OK) {
        group_fail(group, err);
        group->end = atomic_load(&log->end);
        return err == ERR_IO ? err : ERR_OK;
    }
    /* From here on the batches are in the log; an index that cannot be written
     * takes the directory offline, but does not undo them. */
    for (size_t i = 0; i < group->n && err == ERR_OK; i++) {
        err = take_entry(log, &group->entries[i], position, why);
        position += (uint32_t)group->entries[i].set->size;
    }
    /* Size and end at once: a reader that takes the one for the other would be
     * given what is not there yet, and be refused when it asks for the next. */
    lock_take(&log->lock);
    active->size += (uint32_t)group->bytes;
    atomic_store(&log->end, group->end);
    log_mark(log, group->end, active->size);
    log_unstable_update(log);
    lock_give(&log->lock);
    /* Half taken into account is as bad as a dead disk. */
    err = log_failed(log, err == ERR_SPACE || err == ERR_NOMEM ? ERR_IO : err,
                     why);
    if (err != ERR_OK)
        group_fail(group, err);
    group->n = 0;
    group->bytes = 0;
    return err == ERR_IO ? err : ERR_OK;
}

static bool group_has(const struct group *group, int64_t producer_id)
{
    for (size_t i = 0; producer_id >= 0 && i < group->n; i++)
        if (group->entries[i].producer_id == producer_id)
            return true;
    return false;
}

/* The producer of a set that is checked against the state; -1 none. */
static int64_t producer_of(const struct log_append *set)
{
    struct batch_header header;

    if (set->origin == LOG_REPLICA ||
        batch_header_read(bytes_make(set->at, set->size), &header) != ERR_OK ||
        header.magic < 2)
        return BATCH_NO_PRODUCER_ID;
    return header.producer_id;
}

/* Check one set and put it into the group, which is written before when it must
 * be. Only failures of the disk are returned. */
static enum err group_add(struct log *log, struct group *group,
                          struct log_append *set, int64_t now_ms,
                          struct errmsg *why)
{
    struct entry e = { .set = set, .producer_id = BATCH_NO_PRODUCER_ID };
    bool roll = false;
    enum err err = ERR_OK;

    if (group->n == GROUP_MOST || group_has(group, producer_of(set)) ||
        (group->n > 0 && index_is_full(log, (uint32_t)group->n)))
        err = group_write(log, group, why);
    if (err != ERR_OK) {
        set->err = err;
        return err;
    }
    set->err = check(log, &e, group->end, why);
    if (set->err != ERR_OK)
        return ERR_OK;
    err = wants_roll(log, group, &e, now_ms, &roll, why);
    if (err == ERR_OK && roll) {
        err = group_write(log, group, why);
        if (err == ERR_OK && group->end != set->first_offset &&
            set->origin != LOG_REPLICA) {
            /* The group before it found no space: its offsets are free. */
            batch_patch_offset(set->at, group->end, set->leader_epoch);
            set->last_offset += group->end - set->first_offset;
            e.max_time_offset = set->last_offset;
            set->first_offset = group->end;
        }
        if (err == ERR_OK)
            err = roll_for(log, &e, now_ms, why);
        group->rolled = true;
    }
    err = log_failed(log, err, why);
    if (err != ERR_OK) {
        set->err = err;
        return err == ERR_IO ? err : ERR_OK;
    }
    group->entries[group->n++] = e;
    group->bytes += set->size;
    group->end = set->last_offset + 1;
    return ERR_OK;
}

enum err log_append(struct log *log, struct log_append *const *sets, size_t n,
                    int64_t now_ms, struct log_appended *done,
                    struct errmsg *why)
{
    struct group group = { .n = 0 };
    enum err err;
    size_t i = 0;

    lock_take(&log->writer);
    err = log_usable(log, why);
    group.end = atomic_load(&log->end);
    for (; i < n && err == ERR_OK; i++)
        err = group_add(log, &group, sets[i], now_ms, why);
    if (err == ERR_OK)
        err = group_write(log, &group, why);
    else
        group_fail(&group, err);
    for (; i < n; i++)
        sets[i]->err = err;
    if (done != NULL) {
        done->end_offset = atomic_load(&log->end);
        done->rolled = group.rolled;
        lock_take(&log->lock);
        done->flush_due =
            done->end_offset - log->flushed_end >= log->config.flush_messages;
        lock_give(&log->lock);
    }
    lock_give(&log->writer);
    return err;
}
