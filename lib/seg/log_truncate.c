/* log_truncate.c - a follower cuts what its leader does not have.
 *
 * From the end to the front, so that a crash in between leaves no gap: later
 * segments go first, then the tail of the one that holds the offset.
 */
#include <errno.h>

#include "base/diag.h"
#include "base/mem.h"
#include "seg/log_private.h"

/* Take the last segment out of the row, then its files away. */
static enum err remove_last(struct log *log, int64_t now_ms, struct errmsg *why)
{
    struct segment last;

    lock_take(&log->lock);
    last = *log_active(log);
    log_segment_take(log, log->n_segments - 1, 1);
    log->truncations++;
    if (log->hot != NULL) {
        log->hot->n_index = log->hot->n_time = 0;
        log->hot->n_marks = log->hot->next_mark = 0;
    }
    lock_give(&log->lock);
    log->time_last = UNKNOWN_TIME;
    return log_segment_remove(log, &last, true, now_ms, why);
}

/* The largest timestamp left: the last time index entry, and what follows it.
 */
static enum err find_max_time(struct log *log, struct errmsg *why)
{
    struct segment *active = log_active(log);
    int64_t time, offset;
    struct seg_file *file;
    struct batch batch;
    struct scan scan;
    uint32_t position = 0;
    enum err err = index_time_last(log, active->base, &time, &offset, why);

    if (err == ERR_OK && active->size > 0) {
        err = index_lookup(log, active->base, offset, false, &position, why);
        if (err == ERR_OK)
            err = log_file_get(log, active->base, SEG_LOG, false, &file, why);
        if (err != ERR_OK)
            return err;
        scan_init(&scan, log_fs(log), seg_file_fd(file), position, active->size,
                  false);
        while ((err = scan_next(&scan, &batch)) == ERR_OK)
            if (batch.header.max_timestamp > time) {
                time = batch.header.max_timestamp;
                offset = batch_last_offset(&batch.header);
            }
        scan_fini(&scan);
        seg_file_unref(&file);
        if (err == ERR_ABSENT)
            err = ERR_OK;
    }
    if (err != ERR_OK)
        return err;
    lock_take(&log->lock);
    active->max_time = time;
    active->max_time_offset = offset;
    lock_give(&log->lock);
    return ERR_OK;
}

static enum err cut_active(struct log *log, int64_t offset, int64_t now_ms,
                           struct errmsg *why)
{
    struct segment copy = log_active_copy(log);
    struct seg_file *file;
    uint32_t position = 0, size;
    enum err err;

    if (copy.size > 0) {
        err =
            log_find_position(log, &copy, offset, false, &position, &size, why);
        if (err != ERR_OK)
            return err;
    }
    err = index_cut(log, offset, why);
    if (err == ERR_OK)
        err = txn_index_cut(log, offset, why);
    if (err != ERR_OK)
        return err;
    if (position < copy.size) {
        lock_take(&log->lock);
        log_active(log)->size = position;
        lock_give(&log->lock);
        err = log_file_get(log, copy.base, SEG_LOG, false, &file, why);
        if (err != ERR_OK)
            return err;
        if (log_fs(log)->ftruncate(log_fs(log), seg_file_fd(file), position) !=
            0)
            err = io_fail(why, "truncate a segment of", log->name);
        seg_file_unref(&file);
        if (err != ERR_OK)
            return err;
    }
    {
        int64_t first = log->first_time;

        log_active_reset(log, now_ms);
        if (position > 0)
            log->first_time = first;
    }
    return find_max_time(log, why);
}

static enum err rebuild_producers(struct log *log, int64_t end, int64_t now_ms,
                                  struct errmsg *why)
{
    int64_t from;
    enum err err = log_snapshots_cut(log, atomic_load(&log->start), end, why);

    if (err != ERR_OK)
        return err;
    lock_take(&log->lock);
    producers_clear(&log->producers);
    lock_give(&log->lock);
    err = log_snapshot_load(log, end, now_ms, &from, why);
    if (err == ERR_OK)
        err = log_producers_replay(log, from, end, why);
    lock_take(&log->lock);
    /* What is left lies below the high watermark, or will be again soon. */
    producers_stable(&log->producers, atomic_load(&log->high));
    log_unstable_update(log);
    lock_give(&log->lock);
    return err;
}

static void lower(_Atomic int64_t *value, int64_t to)
{
    if (atomic_load(value) > to)
        atomic_store(value, to);
}

static enum err truncate_to(struct log *log, int64_t offset, int64_t now_ms,
                            struct errmsg *why)
{
    enum err err = ERR_OK;

    lock_take(&log->lock);
    log->truncations++;
    lower(&log->high, offset);
    lower(&log->recovery, offset);
    atomic_store(&log->end, offset);
    epochs_cut_end(&log->epochs, offset);
    if (log->flushed_end > offset)
        log->flushed_end = offset;
    lock_give(&log->lock);
    while (err == ERR_OK && log->n_segments > 1 &&
           log_active(log)->base > offset)
        err = remove_last(log, now_ms, why);
    log_renumber(log);
    if (err == ERR_OK)
        err = cut_active(log, offset, now_ms, why);
    lower(&log->clean, log_active(log)->base);
    lower(&log->start, offset);
    if (err == ERR_OK)
        err = rebuild_producers(log, offset, now_ms, why);
    if (err == ERR_OK)
        err = log_small_write(log, false, why);
    return err;
}

/* The new segment may have the name of an old one, so all go first: a crash in
 * between leaves an empty log, which begins at the checkpointed start. */
static enum err reset_at(struct log *log, int64_t offset, int64_t now_ms,
                         struct errmsg *why)
{
    struct segment old;
    enum err err = ERR_OK;

    lock_take(&log->lock);
    log->truncations++;
    epochs_clear(&log->epochs);
    producers_clear(&log->producers);
    lower(&log->recovery, offset);
    lock_give(&log->lock);
    while (err == ERR_OK && log->n_segments > 1)
        err = remove_last(log, now_ms, why);
    if (err == ERR_OK)
        err = log_snapshots_cut(log, INT64_MAX, 0, why);
    if (err != ERR_OK)
        return err;
    old = log_active_copy(log);
    err = log_segment_remove(log, &old, true, now_ms, why);
    log_renumber(log);
    if (err == ERR_OK)
        err = log_roll_to(log, offset, now_ms, why);
    if (err != ERR_OK)
        return err;
    lock_take(&log->lock);
    log_segment_take(log, 0, 1);
    if (log->hot != NULL)
        log->hot->n_index = log->hot->n_time = 0;
    atomic_store(&log->start, offset);
    atomic_store(&log->end, offset);
    atomic_store(&log->high, offset);
    lower(&log->clean, offset);
    log->flushed_end = offset;
    log_unstable_update(log);
    lock_give(&log->lock);
    log->snapshot_last = offset;
    return log_small_write(log, false, why);
}

enum err log_truncate(struct log *log, int64_t offset, int64_t now_ms,
                      struct errmsg *why)
{
    enum err err;

    if (offset < 0)
        return err_set(why, ERR_INVALID, "truncate to %lld", (long long)offset);
    lock_take(&log->writer);
    err = log_usable(log, why);
    if (err == ERR_OK && offset >= atomic_load(&log->end)) {
        lock_take(&log->lock);
        epochs_cut_end(&log->epochs, atomic_load(&log->end));
        lock_give(&log->lock);
    } else if (err == ERR_OK) {
        diag_info("event=log_truncate partition=%s from=%lld to=%lld",
                  log->name, (long long)atomic_load(&log->end),
                  (long long)offset);
        err = offset < log->segments[0].base
                  ? reset_at(log, offset, now_ms, why)
                  : truncate_to(log, offset, now_ms, why);
        err = log_failed(log, err, why);
    }
    lock_give(&log->writer);
    return err;
}

enum err log_reset(struct log *log, int64_t offset, int64_t now_ms,
                   struct errmsg *why)
{
    enum err err;

    if (offset < 0)
        return err_set(why, ERR_INVALID, "reset to %lld", (long long)offset);
    lock_take(&log->writer);
    err = log_usable(log, why);
    if (err == ERR_OK) {
        diag_info("event=log_reset partition=%s from=%lld to=%lld", log->name,
                  (long long)atomic_load(&log->end), (long long)offset);
        err = log_failed(log, reset_at(log, offset, now_ms, why), why);
    }
    lock_give(&log->writer);
    return err;
}
