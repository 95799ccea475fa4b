/* clean_swap.c - a compacted segment takes the place of those it stands for.
 *
 *   1  .cleaned becomes .swap, .log first    a crash: undone, as a .cleaned is
 *                                            left (nothing is lost: 2 has not
 *                                            begun)
 *   2  the old files become .deleted         a crash: finished, as a .log.swap
 *   3  .swap loses its suffix, .log first    and no .cleaned is there
 *   4  the row of segments is exchanged
 *
 * All under the log's `writer`, so that neither truncation nor retention comes
 * between; an append waits for these renames. That files and row do not match
 * meanwhile, readers see by log->swaps (log_look()).
 */
#include "seg/clean_out.h"

#include <errno.h>
#include <stdio.h>

#include "base/mem.h"

/* Rename `<base><kind><from>` to `<base><kind><to>`, for all kinds there are.
 */
static enum err rename_all(const struct clean_out *out, const char *from,
                           const char *to, struct errmsg *why)
{
    const struct fs *fs = log_fs(out->log);
    char old[SEG_PATH_MOST], new[SEG_PATH_MOST], suffix[32];
    enum err err = ERR_OK;

    for (int i = 0; i < SEG_KINDS && err == ERR_OK; i++) {
        const char *kind = seg_kind_suffix((enum seg_kind)i);

        if (i == SEG_TXNINDEX && out->indexes[i].len == 0)
            continue;
        (void)snprintf(suffix, sizeof suffix, "%s%s", kind, from);
        err = log_file_path(out->log, out->base, suffix, old, why);
        (void)snprintf(suffix, sizeof suffix, "%s%s", kind, to);
        if (err == ERR_OK)
            err = log_file_path(out->log, out->base, suffix, new, why);
        if (err == ERR_OK && fs->rename(fs, old, new) != 0)
            err = io_fail(why, "rename", old);
    }
    return err;
}

/* The index in the row of the first old segment, when all are as they were. */
static bool still_there(struct log *log, const struct segment *old, size_t n,
                        uint32_t truncations, uint32_t *at)
{
    bool same;

    lock_take(&log->lock);
    *at = log_segment_at(log, old[0].base);
    same = log->truncations == truncations && *at + n < log->n_segments;
    for (size_t i = 0; i < n && same; i++)
        same = log->segments[*at + i].base == old[i].base &&
               log->segments[*at + i].size == old[i].size;
    lock_give(&log->lock);
    return same;
}

static void exchange(struct clean_out *out, uint32_t at, size_t n)
{
    struct log *log = out->log;
    struct segment segment = {
        .base = out->base,
        .max_time = out->max_time,
        .max_time_offset = out->max_time_offset,
        .size = (uint32_t)out->written,
        .n_index = (uint32_t)(out->indexes[SEG_INDEX].len / INDEX_ENTRY),
        .n_time = (uint32_t)(out->indexes[SEG_TIMEINDEX].len / TIME_ENTRY),
        .n_txn = (uint32_t)(out->indexes[SEG_TXNINDEX].len / TXN_ENTRY),
        .exists = true,
        .has_index = true,
    };

    /* From here on names lead to new files; what a reader opened by an old name
     * must not be taken for them. */
    log_renumber(log);
    lock_take(&log->lock);
    log->segments[at] = segment;
    log_segment_take(log, at + 1, (uint32_t)n - 1);
    log->files_dirty = true;
    atomic_fetch_add(&log->swaps, 1);
    lock_give(&log->lock);
}

static enum err swap(struct clean_out *out, const struct segment *old, size_t n,
                     uint32_t at, int64_t now_ms, struct errmsg *why)
{
    enum err err;

    /* From here on the files are a matter of the next start, should one of the
     * renames fail: a .swap without its .cleaned would look complete. */
    out->files = false;
    err = rename_all(out, ".cleaned", ".swap", why);
    /* A snapshot at the first base stays: it is a segment's base still. */
    for (size_t i = 0; i < n && err == ERR_OK; i++)
        err = log_segment_remove(out->log, &old[i], i > 0, now_ms, why);
    if (err == ERR_OK)
        err = rename_all(out, ".swap", "", why);
    if (err == ERR_OK)
        exchange(out, at, n);
    return err;
}

enum err clean_out_swap(struct clean_out *out, const struct segment *old,
                        size_t n, uint32_t truncations, int64_t now_ms,
                        struct errmsg *why)
{
    struct log *log = out->log;
    char dir[SEG_PATH_MOST];
    uint32_t at;
    enum err err;

    lock_take(&log->writer);
    err = log_usable(log, why);
    if (err == ERR_OK && !still_there(log, old, n, truncations, &at))
        err =
            err_set(why, ERR_AGAIN, "segments of %s went meanwhile", log->name);
    if (err == ERR_OK) {
        atomic_fetch_add(&log->swaps, 1);
        err = swap(out, old, n, at, now_ms, why);
        if (err != ERR_OK) {
            /* The names are halfway: only a new start can tell. */
            atomic_fetch_add(&log->swaps, 1);
            err = log_failed(log, err == ERR_SPACE ? ERR_IO : err, why);
        }
    }
    lock_give(&log->writer);
    if (err != ERR_OK)
        return err;
    err = log_own_path(log, dir, why);
    return err == ERR_OK ? io_sync_path(log_fs(log), dir, true, why) : err;
}
