/* log_segments.c - the row of segments. */
#include <errno.h>
#include <stdio.h>

#include "base/mem.h"
#include "seg/log_private.h"

uint32_t log_segment_at(const struct log *log, int64_t offset)
{
    uint32_t low = 0, high = log->n_segments;

    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;

        if (log->segments[middle].base <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct segment log_active_copy(struct log *log)
{
    struct segment copy;

    lock_take(&log->lock);
    copy = *log_active(log);
    lock_give(&log->lock);
    return copy;
}

void log_segment_add(struct log *log, const struct segment *segment)
{
    if (log->n_segments == log->size_segments) {
        log->size_segments =
            log->n_segments < 4 ? log->n_segments + 1 : log->n_segments * 2;
        log->segments = mem_need_more(log->segments, log->size_segments,
                                      sizeof *log->segments);
    }
    log->segments[log->n_segments++] = *segment;
}

void log_segment_take(struct log *log, uint32_t at, uint32_t n)
{
    log->n_segments -= n;
    for (uint32_t i = at; i < log->n_segments; i++)
        log->segments[i] = log->segments[i + n];
}

bool log_segment_find(struct log *log, int64_t base, struct segment *out)
{
    uint32_t i;
    bool found;

    lock_take(&log->lock);
    i = log_segment_at(log, base);
    found = log->segments[i].base == base;
    if (found)
        *out = log->segments[i];
    lock_give(&log->lock);
    return found;
}

void log_segment_of(struct log *log, int64_t offset, struct segment *out,
                    int64_t *next, bool *active)
{
    uint32_t i;

    lock_take(&log->lock);
    i = log_segment_at(log, offset);
    *out = log->segments[i];
    *active = i + 1 == log->n_segments;
    *next = *active ? atomic_load(&log->end) : log->segments[i + 1].base;
    lock_give(&log->lock);
}

/* `<base><suffix>` becomes `<base><suffix>.deleted` and waits. */
static enum err remove_file(struct log *log, int64_t base, const char *suffix,
                            int64_t due_ms, struct errmsg *why)
{
    char from[SEG_PATH_MOST], to[SEG_PATH_MOST + 16];
    enum err err = log_file_path(log, base, suffix, from, why);

    if (err != ERR_OK)
        return err;
    snprintf(to, sizeof to, "%s.deleted", from);
    if (log_fs(log)->rename(log_fs(log), from, to) != 0)
        return errno == ENOENT ? ERR_OK : io_fail(why, "rename", from);
    dir_waste_add(log->dir, to, false, due_ms);
    return ERR_OK;
}

enum err log_segment_remove(struct log *log, const struct segment *segment,
                            bool snapshot, int64_t now_ms, struct errmsg *why)
{
    int64_t base = segment->base;
    int64_t delay, due;
    enum err err = ERR_OK;

    lock_take(&log->lock);
    delay = log->config.file_delete_delay_ms;
    lock_give(&log->lock);
    due = delay > INT64_MAX - now_ms ? INT64_MAX : now_ms + delay;
    seg_files_drop(log->dir->files, log->number, base);
    for (int kind = 0; kind < SEG_KINDS && err == ERR_OK; kind++) {
        if (kind == SEG_TXNINDEX && segment->n_txn == 0)
            continue;
        err = remove_file(log, base, seg_kind_suffix((enum seg_kind)kind), due,
                          why);
    }
    if (err == ERR_OK && snapshot) {
        err = remove_file(log, base, ".snapshot", due, why);
        log_snapshot_forget(log, base);
    }
    lock_take(&log->lock);
    log->files_dirty = true;
    lock_give(&log->lock);
    return err;
}

enum err log_look(struct log *log, bool cached, uint32_t *look)
{
    while ((*look = atomic_load(&log->swaps)) % 2 != 0) {
        if (cached)
            return ERR_AGAIN;
        lock_take(&log->writer);
        lock_give(&log->writer);
    }
    return ERR_OK;
}

bool log_looked(const struct log *log, uint32_t look)
{
    return atomic_load(&log->swaps) == look;
}

enum err log_segment_max_time(struct log *log, int64_t base, int64_t *time,
                              int64_t *offset, struct errmsg *why)
{
    struct segment segment;
    uint32_t i;
    enum err err;

    *time = LOG_NO_TIMESTAMP;
    *offset = base;
    if (!log_segment_find(log, base, &segment))
        return ERR_OK;
    if (segment.max_time != UNKNOWN_TIME) {
        *time = segment.max_time;
        *offset = segment.max_time_offset;
        return ERR_OK;
    }
    err = index_time_last(log, base, time, offset, why);
    if (err != ERR_OK)
        return err;
    lock_take(&log->lock);
    i = log_segment_at(log, base);
    if (log->segments[i].base == base &&
        log->segments[i].max_time == UNKNOWN_TIME) {
        log->segments[i].max_time = *time;
        log->segments[i].max_time_offset = *offset;
    }
    lock_give(&log->lock);
    return ERR_OK;
}
