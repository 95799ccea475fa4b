/* log_roll.c - from one segment to the next. */
#include "base/diag.h"
#include "base/mem.h"
#include "seg/log_private.h"

enum err log_roll_end(struct log *log, struct errmsg *why)
{
    enum err err = ERR_OK;

    if (!log_active(log)->exists)
        return ERR_OK;
    if (log_active(log)->size > 0)
        err = index_time_append(log, why);
    if (err == ERR_OK)
        err = index_spill(log, why);
    if (err == ERR_OK)
        err = index_make(log, why);
    return err;
}

/* Files of a crash at this base would be read as ours. */
static enum err remove_stale(struct log *log, int64_t base, struct errmsg *why)
{
    char path[SEG_PATH_MOST];
    enum err err = ERR_OK;

    for (int i = 0; i < SEG_KINDS && err == ERR_OK; i++) {
        err = log_file_path(log, base, seg_kind_suffix((enum seg_kind)i), path,
                            why);
        if (err == ERR_OK)
            err = io_unlink(log_fs(log), path, why);
    }
    return err;
}

enum err log_roll_to(struct log *log, int64_t base, int64_t now_ms,
                     struct errmsg *why)
{
    struct segment next = { .base = base,
                            .max_time = LOG_NO_TIMESTAMP,
                            .max_time_offset = base,
                            .exists = true };
    struct seg_file *file;
    enum err err = remove_stale(log, base, why);

    if (err == ERR_OK)
        err = log_file_get(log, base, SEG_LOG, true, &file, why);
    if (err != ERR_OK)
        return err;
    if (log->config.preallocate &&
        log_fs(log)->fallocate(log_fs(log), seg_file_fd(file),
                               log->config.segment_bytes) != 0)
        err = io_fail(why, "preallocate a segment of", log->name);
    seg_file_unref(&file);
    if (err != ERR_OK)
        return err;
    lock_take(&log->lock);
    log_segment_add(log, &next);
    lock_give(&log->lock);
    log->time_last = LOG_NO_TIMESTAMP;
    log->time_last_offset = base;
    log_active_reset(log, now_ms);
    diag_debug("event=log_rolled partition=%s segment=%020lld", log->name,
               (long long)base);
    return ERR_OK;
}

/* End the active segment and begin one at `base`. Under `writer`. */
enum err log_roll_over(struct log *log, int64_t base, int64_t now_ms,
                       struct errmsg *why)
{
    enum err err;

    if (log_active(log)->base == base) /* it is empty: nothing to end */
        return ERR_OK;
    err = log_roll_end(log, why);
    if (err == ERR_OK)
        err = log_small_write(log, false, why);
    if (err == ERR_OK)
        err = log_snapshot_take(log, base, why);
    if (err == ERR_OK)
        err = log_roll_to(log, base, now_ms, why);
    return err;
}

enum err log_roll(struct log *log, int64_t now_ms, struct errmsg *why)
{
    enum err err;

    lock_take(&log->writer);
    err = log_usable(log, why);
    if (err == ERR_OK)
        err = log_failed(
            log, log_roll_over(log, atomic_load(&log->end), now_ms, why), why);
    lock_give(&log->writer);
    return err;
}
