/* log_info.c - questions to a log, its settings, marks and epochs. */
#include "seg/log_private.h"

struct bytes log_topic(const struct log *log)
{
    return bytes_of(log->topic);
}

int32_t log_partition(const struct log *log)
{
    return log->partition;
}

struct log_dir *log_dir_of(const struct log *log)
{
    return log->dir;
}

void log_config_get(struct log *log, struct log_config *config)
{
    lock_take(&log->lock);
    *config = log->config;
    lock_give(&log->lock);
}

void log_config_set(struct log *log, const struct log_config *config)
{
    lock_take(&log->writer);
    lock_take(&log->lock);
    log->config = *config;
    lock_give(&log->lock);
    lock_give(&log->writer);
}

int64_t log_start_offset(const struct log *log)
{
    return atomic_load(&log->start);
}

int64_t log_end_offset(const struct log *log)
{
    return atomic_load(&log->end);
}

int64_t log_high_watermark(const struct log *log)
{
    return atomic_load(&log->high);
}

int64_t log_recovery_point(const struct log *log)
{
    return atomic_load(&log->recovery);
}

int64_t log_high_watermark_set(struct log *log, int64_t offset)
{
    int64_t start = atomic_load(&log->start), end = atomic_load(&log->end);

    offset = offset < start ? start : offset > end ? end : offset;
    atomic_store(&log->high, offset);
    if (atomic_load(&log->has_closed_txns)) {
        lock_take(&log->lock);
        producers_stable(&log->producers, offset);
        log_unstable_update(log);
        lock_give(&log->lock);
    }
    return offset;
}

int64_t log_first_unstable(const struct log *log)
{
    return atomic_load(&log->unstable);
}

int64_t log_last_stable(const struct log *log)
{
    int64_t unstable = atomic_load(&log->unstable);
    int64_t high = atomic_load(&log->high);

    return unstable >= 0 && unstable < high ? unstable : high;
}

int64_t log_size(struct log *log)
{
    int64_t bytes = 0;

    lock_take(&log->lock);
    for (uint32_t i = 0; i < log->n_segments; i++)
        bytes += log->segments[i].size;
    lock_give(&log->lock);
    return bytes;
}

/* -- distance
 * ---------------------------------------------------------------------------
 */

/* Bytes of the log before `offset`, as well as memory can tell. Under `lock`.
 */
static int64_t bytes_before(const struct log *log, int64_t offset)
{
    uint32_t at = log_segment_at(log, offset);
    const struct segment *segment = &log->segments[at];
    bool active = at + 1 == log->n_segments;
    int64_t end = active ? atomic_load(&log->end) : log->segments[at + 1].base;
    int64_t bytes = 0;

    for (uint32_t i = 0; i < at; i++)
        bytes += log->segments[i].size;
    if (offset >= end)
        return bytes + segment->size;
    if (offset <= segment->base)
        return bytes;
    for (uint32_t i = 0; active && log->hot != NULL && i < log->hot->n_marks;
         i++)
        if (log->hot->marks[i].offset == offset)
            return bytes + log->hot->marks[i].position;
    return bytes +
           (int64_t)((double)segment->size * (double)(offset - segment->base) /
                     (double)(end - segment->base));
}

int64_t log_bytes_between(struct log *log, int64_t from, int64_t to)
{
    int64_t bytes;

    if (from >= to)
        return 0;
    lock_take(&log->lock);
    bytes = bytes_before(log, to) - bytes_before(log, from);
    lock_give(&log->lock);
    return bytes > 0 ? bytes : 1;
}

/* -- leader epochs
 * ------------------------------------------------------------------------ */

void log_epoch_assign(struct log *log, int32_t epoch, int64_t start)
{
    lock_take(&log->lock);
    epochs_assign(&log->epochs, epoch, start);
    lock_give(&log->lock);
}

int32_t log_epoch_latest(struct log *log)
{
    int32_t epoch;

    lock_take(&log->lock);
    epoch = epochs_latest(&log->epochs);
    lock_give(&log->lock);
    return epoch;
}

int32_t log_epoch_at(struct log *log, int64_t offset)
{
    int32_t epoch;

    lock_take(&log->lock);
    epoch = epochs_at(&log->epochs, offset);
    lock_give(&log->lock);
    return epoch;
}

void log_epoch_end(struct log *log, int32_t epoch, int32_t *found,
                   int64_t *end_offset)
{
    lock_take(&log->lock);
    epochs_end(&log->epochs, epoch, atomic_load(&log->end), found, end_offset);
    lock_give(&log->lock);
}
