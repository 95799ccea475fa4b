/* log_flush.c - what was appended survives a power cut.
 *
 * Files are synced through references, without any lock, so appends go on. The
 * recovery point moves afterwards, unless the log was cut meanwhile.
 *
 * The index of the active segment is not synced with each flush: recovery does
 * not trust it beyond what the batches confirm. That of an ended one is.
 */
#include <errno.h>

#include "base/mem.h"
#include "seg/log_private.h"

static enum err sync_file(struct log *log, int64_t base, enum seg_kind kind,
                          struct errmsg *why)
{
    struct seg_file *file;
    enum err err = log_file_get(log, base, kind, false, &file, why);

    if (err == ERR_ABSENT)
        return ERR_OK;
    if (err != ERR_OK)
        return err;
    if (log_fs(log)->fdatasync(log_fs(log), seg_file_fd(file)) != 0)
        err = io_fail(why, "sync a file of", log->name);
    seg_file_unref(&file);
    return err;
}

static enum err sync_segment(struct log *log, const struct segment *segment,
                             bool active, struct errmsg *why)
{
    enum err err;

    if (!segment->exists)
        return ERR_OK;
    err = sync_file(log, segment->base, SEG_LOG, why);
    if (err == ERR_OK && !active && segment->has_index)
        err = sync_file(log, segment->base, SEG_INDEX, why);
    if (err == ERR_OK && !active && segment->has_index)
        err = sync_file(log, segment->base, SEG_TIMEINDEX, why);
    if (err == ERR_OK && segment->n_txn != 0)
        err = sync_file(log, segment->base, SEG_TXNINDEX, why);
    return err;
}

static enum err sync_segments(struct log *log, int64_t from, int64_t to,
                              struct errmsg *why)
{
    struct segment segment;
    int64_t at = from;
    bool active = false;
    enum err err = ERR_OK;

    while (err == ERR_OK && !active && at < to) {
        log_segment_of(log, at, &segment, &at, &active);
        err = sync_segment(log, &segment, active, why);
    }
    return err;
}

/* Small files written without sync, and names of files. */
static enum err sync_names(struct log *log, struct errmsg *why)
{
    static const char *const small[] = { "partition.metadata",
                                         "leader-epoch-checkpoint" };
    char dir[SEG_PATH_MOST], path[SEG_PATH_MOST];
    bool files, parent, smalls;
    enum err err = log_own_path(log, dir, why);

    lock_take(&log->lock);
    files = log->files_dirty;
    parent = log->parent_dirty;
    smalls = log->small_dirty;
    log->files_dirty = log->parent_dirty = log->small_dirty = false;
    lock_give(&log->lock);
    for (size_t i = 0; err == ERR_OK && smalls && i < 2; i++) {
        err = io_path(path, dir, small[i], why);
        if (err == ERR_OK)
            err = io_sync_path(log_fs(log), path, false, why);
        if (err == ERR_ABSENT)
            err = ERR_OK;
    }
    if (err == ERR_OK && (files || smalls))
        err = io_sync_path(log_fs(log), dir, true, why);
    if (err == ERR_OK && parent)
        err = io_sync_path(log_fs(log), log->dir->path, true, why);
    return err;
}

static enum err flush_to(struct log *log, int64_t to, int64_t now_ms,
                         struct errmsg *why)
{
    int64_t from = atomic_load(&log->recovery);
    uint32_t cuts;
    enum err err;

    lock_take(&log->lock);
    cuts = log->truncations;
    lock_give(&log->lock);
    err = log_small_write(log, false, why);
    if (err == ERR_OK && from < to)
        err = sync_segments(log, from, to, why);
    if (err == ERR_OK)
        err = sync_names(log, why);
    if (err != ERR_OK)
        return err;
    lock_take(&log->lock);
    if (log->truncations == cuts) {
        if (atomic_load(&log->recovery) < to)
            atomic_store(&log->recovery, to);
        if (log->flushed_end < to)
            log->flushed_end = to;
        log->flushed_ms = now_ms;
    }
    lock_give(&log->lock);
    return ERR_OK;
}

enum err log_flush(struct log *log, int64_t now_ms, struct errmsg *why)
{
    enum err err = log_usable(log, why);

    if (err != ERR_OK)
        return err;
    return log_failed(log, flush_to(log, atomic_load(&log->end), now_ms, why),
                      why);
}

enum err log_flush_rolled(struct log *log, int64_t now_ms, struct errmsg *why)
{
    enum err err = log_usable(log, why);
    int64_t base;

    if (err != ERR_OK)
        return err;
    lock_take(&log->lock);
    base = log_active(log)->base;
    lock_give(&log->lock);
    return log_failed(log, flush_to(log, base, now_ms, why), why);
}

int64_t log_flush_due_ms(struct log *log)
{
    int64_t due = INT64_MAX;

    lock_take(&log->lock);
    if (atomic_load(&log->end) > atomic_load(&log->recovery) &&
        log->config.flush_ms < INT64_MAX - log->flushed_ms)
        due = log->flushed_ms + log->config.flush_ms;
    lock_give(&log->lock);
    return due;
}
