/* clean_range.c - what of a log there is to compact. */
#include "seg/clean.h"

#include "base/diag.h"
#include "base/mem.h"
#include "seg/log_private.h"

/* A copy of the row; the last one is the active segment. */
static struct segment *row_copy(struct log *log, uint32_t *n)
{
    struct segment *row;

    lock_take(&log->lock);
    *n = log->n_segments;
    row = mem_need_array(*n, sizeof *row);
    memcpy(row, log->segments, *n * sizeof *row);
    lock_give(&log->lock);
    return row;
}

/* The segment that holds `offset`; 0 when it lies before all. */
static uint32_t row_find(const struct segment *row, uint32_t n, int64_t offset)
{
    uint32_t i = 0;

    while (i + 1 < n && row[i + 1].base <= offset)
        i++;
    return i;
}

/* A checkpoint outside of the log says nothing: all of it is dirty. */
static int64_t first_dirty(struct log *log, const struct log_config *config)
{
    int64_t clean = atomic_load(&log->clean);
    int64_t start = atomic_load(&log->start);

    if (clean == LOG_NO_OFFSET)
        return start;
    if (clean >= start && clean <= atomic_load(&log->end))
        return clean;
    if (clean > start || !config->cleanup_delete)
        diag_warn("event=clean_point_reset partition=%s from=%lld to=%lld",
                  log->name, (long long)clean, (long long)start);
    atomic_store(&log->clean, start);
    return start;
}

/* The base of the first dirty segment that min.compaction.lag.ms protects. */
static enum err first_young(struct log *log, const struct segment *row,
                            uint32_t n, uint32_t from, int64_t oldest_ms,
                            int64_t *base, struct errmsg *why)
{
    *base = INT64_MAX;
    for (uint32_t i = from; i + 1 < n; i++) {
        int64_t largest;
        enum err err = log_segment_largest(log, &row[i], &largest, NULL, why);

        if (err != ERR_OK)
            return err;
        if (largest > oldest_ms) {
            *base = row[i].base;
            break;
        }
    }
    return ERR_OK;
}

static enum err first_batch_time(struct log *log, const struct segment *segment,
                                 int64_t *time, struct errmsg *why)
{
    uint8_t raw[BATCH_HEADER];
    struct batch_header header;
    struct seg_file *file;
    size_t got;
    enum err err;

    *time = LOG_NO_TIMESTAMP;
    if (segment->size == 0)
        return ERR_OK;
    err = log_file_get(log, segment->base, SEG_LOG, false, &file, why);
    if (err != ERR_OK)
        return err;
    err = io_read(log_fs(log), seg_file_fd(file), raw, sizeof raw, 0, &got);
    seg_file_unref(&file);
    if (err == ERR_OK)
        err = batch_header_read(bytes_make(raw, got), &header);
    if (err == ERR_OK)
        *time = header.max_timestamp;
    return err == ERR_OK || scan_is_damage(err)
               ? ERR_OK
               : err_set(why, err, "read a segment of %s", log->name);
}

/* By how much the oldest dirty record is overdue. */
static enum err overdue(struct log *log, const struct segment *row, uint32_t n,
                        uint32_t from, int64_t until_ms, int64_t *overdue_ms,
                        struct errmsg *why)
{
    int64_t earliest = INT64_MAX;

    for (uint32_t i = from; i + 1 < n; i++) {
        int64_t time;
        enum err err = first_batch_time(log, &row[i], &time, why);

        if (err != ERR_OK)
            return err;
        if (time > 0 && time < earliest)
            earliest = time;
    }
    *overdue_ms = earliest < until_ms ? until_ms - earliest : 0;
    return ERR_OK;
}

static int64_t sum(const struct segment *row, uint32_t n, int64_t from,
                   int64_t to)
{
    int64_t bytes = 0;

    for (uint32_t i = 0; i < n && row[i].base < to; i++)
        if (row[i].base >= from)
            bytes += row[i].size;
    return bytes;
}

static enum err range_of(struct log *log, const struct segment *row, uint32_t n,
                         int64_t now_ms, struct log_clean_range *range,
                         struct errmsg *why)
{
    struct log_config config;
    int64_t limit, young, from_base;
    uint32_t from;
    enum err err = ERR_OK;

    log_config_get(log, &config);
    range->first_dirty = first_dirty(log, &config);
    from = row_find(row, n, range->first_dirty);
    limit = log_last_stable(log);
    if (limit > row[n - 1].base)
        limit = row[n - 1].base;
    if (config.min_compaction_lag_ms > 0) {
        err = first_young(log, row, n, from,
                          now_ms - config.min_compaction_lag_ms, &young, why);
        limit = young < limit ? young : limit;
    }
    if (limit < range->first_dirty)
        limit = range->first_dirty;
    /* Whole segments only. */
    range->uncleanable = row[row_find(row, n, limit)].base;
    if (err == ERR_OK && config.max_compaction_lag_ms < now_ms)
        err = overdue(log, row, n, from, now_ms - config.max_compaction_lag_ms,
                      &range->overdue_ms, why);
    from_base = row[from].base;
    range->clean_bytes = sum(row, n, INT64_MIN, range->first_dirty);
    if (range->first_dirty < range->uncleanable)
        range->cleanable_bytes = sum(row, n, from_base, range->uncleanable);
    return err;
}

enum err log_clean_range_find(struct log *log, int64_t now_ms,
                              struct log_clean_range *range, struct errmsg *why)
{
    uint32_t look, n;
    enum err err;

    do {
        struct segment *row;

        *range = (struct log_clean_range){ .refused = atomic_load(
                                               &log->clean_refused) };
        err = log_look(log, false, &look);
        if (err != ERR_OK)
            break;
        row = row_copy(log, &n);
        err = range_of(log, row, n, now_ms, range, why);
        mem_free(row);
    } while (!log_looked(log, look));
    return err;
}

bool log_clean_is_due(struct log *log, const struct log_clean_range *range)
{
    struct log_config config;

    log_config_get(log, &config);
    if (!config.cleanup_compact || range->refused ||
        range->cleanable_bytes == 0)
        return false;
    return range->overdue_ms > 0 ||
           log_clean_ratio(range) > config.min_cleanable_dirty_ratio;
}
