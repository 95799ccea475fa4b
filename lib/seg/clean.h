/* clean.h - compaction: of each key the last record stays.
 *
 *     | clean ............ | dirty ................... | not yet | active |
 *     0                    first_dirty                 uncleanable
 *
 *   1  map    the dirty part is read, as far as the map's memory goes: key ->
 *             last offset
 *   2  group  segments from the first on are put together, as long as the sum
 *             fits into one
 *   3  copy   each group is copied without what is superseded to one `.cleaned`
 *   4  swap   which takes the group's place, by renames that a start after a
 *             crash finishes or undoes (log_swap.c)
 *
 * Rules are those of Apache Kafka 3.7, and on the same input the same records
 * stay, at the same offsets. Readers are not disturbed: plans keep the old
 * files; appends wait for the renames alone, not for the copying.
 *
 * How far a log is compacted is kept with it, and written by
 * log_dir_write_clean_points().
 *
 * Threads: one log_clean() a log at a time; everything else may go on.
 */
#ifndef GREGOR_SEG_CLEAN_H
#define GREGOR_SEG_CLEAN_H

#include "seg/log.h"

/* What there is to compact. */
struct log_clean_range {
    int64_t first_dirty;     /* offset from which it was not compacted yet */
    int64_t uncleanable;     /* first offset that must not be touched; a
                                segment's base */
    int64_t clean_bytes;     /* of segments before first_dirty */
    int64_t cleanable_bytes; /* of segments in between */
    int64_t overdue_ms;      /* by so much a record is older than
                                max.compaction.lag.ms; 0: none is */
    bool refused;            /* an earlier log_clean() met damage: leave it */
};

/* Share of the log that is dirty, 0 to 1. */
static inline double log_clean_ratio(const struct log_clean_range *range)
{
    int64_t all = range->clean_bytes + range->cleanable_bytes;

    return all == 0 ? 0 : (double)range->cleanable_bytes / (double)all;
}

/* Find the range by the log's settings now. Blocks when lag settings are in
 * force, as they want timestamps. */
MUST_USE enum err log_clean_range_find(struct log *log, int64_t now_ms,
                                       struct log_clean_range *range,
                                       struct errmsg *why);

/* Whether the settings ask for compaction of this range now. */
bool log_clean_is_due(struct log *log, const struct log_clean_range *range);

struct log_clean_options {
    size_t map_bytes; /* memory for keys; 24 bytes each. Taken as touched */
    double map_load;  /* how full the map may become, above 0, below 1 */
    size_t io_bytes;  /* read at once, and written at once; 0: 1 MiB. A batch
                         that is larger takes as much as it has */
    uint64_t bypass_from; /* a log of so many bytes is written past the page
                             cache, with 2 MiB more, and leaves it while it is
                             read; 0: 1 GiB */
    /* Called after each piece of `bytes` read and written; may block (a
     * throttle). False: give up with ERR_CLOSED. NULL: go on. */
    bool (*go_on)(void *context, size_t bytes);
    void *context;
};

struct log_clean_stats {
    int64_t next_dirty;    /* compacted up to here, exclusive */
    uint64_t map_bytes;    /* read for the map */
    uint64_t bytes_read;   /* copied from */
    uint64_t bytes_kept;   /* written */
    uint64_t records_read; /* seen while copying */
    uint64_t records_kept;
    uint64_t keys;   /* in the map */
    uint64_t no_key; /* records without a key, which are dropped */
};

/* Compact the range as far as the map's memory goes. Blocks for long.
 *
 * ERR_CLOSED   go_on() said no
 * ERR_AGAIN    the log was truncated, or retention took a segment, meanwhile
 * ERR_CORRUPT  a batch is damaged; the range says `refused` from now on
 * ERR_SPACE, ERR_NOMEM, ERR_IO (the directory is offline)
 * Whatever came before stays done; the rest is as it was. */
MUST_USE enum err log_clean(struct log *log,
                            const struct log_clean_range *range,
                            const struct log_clean_options *options,
                            int64_t now_ms, struct log_clean_stats *stats,
                            struct errmsg *why);

#endif
