/* log_recover.c - after a crash.
 *
 * What lies below the recovery point was flushed and is trusted. From there on
 * each batch is read and checked; the first bad one, and all after it, goes.
 * Indexes, epochs and the producer state are made anew from what is read:
 *
 *     snapshot ≤ R ──headers──▶ R (recovery point) ──batches, CRC──▶ end
 *                     last index entry ≤ R ▲ the scan begins here, so that
 *                                            the time index is right, too
 *
 * Should the index entry not lead to a valid batch, the whole segment is read.
 */
#include "base/diag.h"
#include "base/mem.h"
#include "seg/log_private.h"

struct recovery {
    struct log *log;
    int64_t from;      /* producer state: apply from this offset on */
    uint32_t position; /* scan from here */
    int64_t next;      /* the lowest offset that may come next */
    uint32_t indexed;  /* position of the last index entry */
    bool cut;          /* bytes were cut off */
};

static enum err take_batch(struct recovery *r, const struct batch *batch,
                           uint32_t position, struct errmsg *why)
{
    const struct batch_header *h = &batch->header;
    struct log *log = r->log;
    struct segment *active = log_active(log);
    int64_t last = batch_last_offset(h);
    enum err err = ERR_OK;

    /* Magic 0 and 1 tell only their last offset. */
    if (last < r->next || last < h->base_offset ||
        (h->magic >= 2 && h->base_offset < r->next) ||
        last - active->base > INT32_MAX)
        return ERR_RANGE;
    r->next = last + 1;
    if (position == 0)
        log->first_time = h->max_timestamp;
    if (active->max_time == UNKNOWN_TIME ||
        h->max_timestamp > active->max_time) {
        active->max_time = h->max_timestamp;
        active->max_time_offset = last;
    }
    if (position - r->indexed > (uint32_t)log->config.index_interval_bytes) {
        err = index_append(log, last, position, why);
        r->indexed = position;
    }
    if (err == ERR_OK && h->magic >= 2) {
        if (h->leader_epoch > epochs_latest(&log->epochs))
            epochs_assign(&log->epochs, h->leader_epoch, h->base_offset);
        if (h->base_offset >= r->from)
            err = log_producers_apply(log, batch, true, why);
    }
    return err;
}

static enum err cut_file(struct recovery *r, struct seg_file *file,
                         uint32_t position, enum err reason, struct errmsg *why)
{
    struct log *log = r->log;
    struct segment *active = log_active(log);

    r->cut = true;
    diag_warn("event=log_cut partition=%s segment=%020lld position=%u "
              "bytes=%u next_offset=%lld reason=\"%s\"",
              log->name, (long long)active->base, position,
              active->size - position, (long long)r->next, err_words(reason));
    if (log_fs(log)->ftruncate(log_fs(log), seg_file_fd(file), position) != 0)
        return io_fail(why, "truncate a segment of", log->name);
    active->size = position;
    return ERR_OK;
}

/* Read the active segment from r->position on. */
static enum err recover_active(struct recovery *r, struct errmsg *why)
{
    struct log *log = r->log;
    struct segment *active = log_active(log);
    struct seg_file *file;
    struct batch batch;
    struct scan scan;
    uint32_t position = r->position;
    bool first = true;
    enum err err;

    if (active->size == 0)
        return ERR_OK;
    err = log_file_get(log, active->base, SEG_LOG, false, &file, why);
    if (err != ERR_OK)
        return err;
    scan_init(&scan, log_fs(log), seg_file_fd(file), position, active->size,
              true);
    for (;; first = false) {
        position = scan.position;
        err = scan_next(&scan, &batch);
        if (err == ERR_OK && first && position > 0 &&
            batch.header.base_offset > r->from)
            err = ERR_RANGE;
        if (err == ERR_OK)
            err = take_batch(r, &batch, position, why);
        if (err != ERR_OK)
            break;
    }
    if (err == ERR_ABSENT && scan.end == active->size)
        err = ERR_OK;
    else if (err == ERR_ABSENT)
        err = ERR_SHORT; /* the file is shorter than its size said */
    if (scan_is_damage(err) && first && r->position > 0)
        err = ERR_CONFLICT; /* the index led us astray */
    else if (scan_is_damage(err))
        err = cut_file(r, file, position, err, why);
    scan_fini(&scan);
    seg_file_unref(&file);
    return err;
}

/* Bring producer state, indexes and position to offset `at` of the active
 * segment, which is where recovery begins. */
static enum err begin_at(struct recovery *r, int64_t at, int64_t now_ms,
                         struct errmsg *why)
{
    struct log *log = r->log;
    struct segment *active = log_active(log);
    int64_t from, time, offset;
    enum err err;

    lock_take(&log->lock);
    producers_clear(&log->producers);
    lock_give(&log->lock);
    err = log_snapshot_load(log, at, now_ms, &from, why);
    if (err == ERR_OK)
        err = log_producers_replay(log, from, at, why);
    r->from = at;
    r->position = 0;
    r->next = active->base;
    active->max_time = LOG_NO_TIMESTAMP;
    active->max_time_offset = active->base;
    log->time_last = UNKNOWN_TIME;
    if (err == ERR_OK && at > active->base)
        err = index_lookup(log, active->base, at - 1, false, &r->position, why);
    if (r->position >= active->size)
        r->position = 0;
    r->indexed = r->position;
    if (err == ERR_OK)
        err = index_cut(log, r->position > 0 ? at : active->base, why);
    if (err == ERR_OK)
        err = txn_index_cut(log, at, why);
    if (err == ERR_OK && r->position > 0) {
        err = index_time_last(log, active->base, &time, &offset, why);
        active->max_time = time;
        active->max_time_offset = offset;
    }
    return err;
}

/* The segment that holds the recovery point. */
static enum err recover_first(struct recovery *r, int64_t at, int64_t now_ms,
                              struct errmsg *why)
{
    enum err err = begin_at(r, at, now_ms, why);

    if (err == ERR_OK || scan_is_damage(err))
        err = err == ERR_OK ? recover_active(r, why) : ERR_CONFLICT;
    if (err != ERR_CONFLICT)
        return err;
    diag_warn("event=index_mistrusted partition=%s segment=%020lld "
              "consequence=\"the whole segment is recovered\"",
              r->log->name, (long long)log_active(r->log)->base);
    err = begin_at(r, log_active(r->log)->base, now_ms, why);
    return err == ERR_OK ? recover_active(r, why) : err;
}

/* A later one: everything in it is new. */
static enum err recover_next(struct recovery *r, const struct segment *segment,
                             struct errmsg *why)
{
    struct log *log = r->log;
    enum err err = log_roll_end(log, why);

    if (err == ERR_OK && segment->base > r->next)
        r->next = segment->base;
    if (err == ERR_OK && segment->base < r->next)
        return ERR_RANGE;
    if (err == ERR_OK)
        err = log_snapshot_take(log, segment->base, why);
    if (err != ERR_OK)
        return err;
    log_segment_add(log, segment);
    log_active(log)->max_time = LOG_NO_TIMESTAMP;
    log_active(log)->max_time_offset = segment->base;
    log->time_last = UNKNOWN_TIME;
    log->first_time = UNKNOWN_TIME;
    r->from = segment->base;
    r->position = 0;
    r->indexed = 0;
    err = index_cut(log, segment->base, why);
    if (err == ERR_OK)
        err = txn_index_cut(log, segment->base, why);
    return err == ERR_OK ? recover_active(r, why) : err;
}

static enum err remove_rest(struct log *log, const struct segment *segments,
                            size_t n, int64_t now_ms, struct errmsg *why)
{
    enum err err = ERR_OK;

    for (size_t i = n; i > 0 && err == ERR_OK; i--) {
        diag_warn("event=segment_removed partition=%s segment=%020lld "
                  "reason=\"it follows a damaged one\"",
                  log->name, (long long)segments[i - 1].base);
        err = log_segment_remove(log, &segments[i - 1], true, now_ms, why);
    }
    return err;
}

/* Headers to read again at most, before a snapshot is worth its file. */
enum { SNAPSHOT_WORTH_BYTES = 1 << 20 };

enum err log_recover(struct log *log, const struct segment *segments, size_t n,
                     int64_t recovery_point, int64_t now_ms, struct errmsg *why)
{
    struct recovery r = { .log = log };
    int64_t at;
    size_t k = 0;
    enum err err;

    while (k + 1 < n && segments[k + 1].base <= recovery_point)
        k++;
    for (size_t i = 0; i <= k; i++)
        log_segment_add(log, &segments[i]);
    at = recovery_point > segments[k].base ? recovery_point : segments[k].base;
    log->first_time = UNKNOWN_TIME;
    err = recover_first(&r, at, now_ms, why);
    for (k++; k < n && err == ERR_OK && !r.cut; k++) {
        err = recover_next(&r, &segments[k], why);
        if (err == ERR_RANGE) { /* overlaps the one before */
            r.cut = true;
            err = ERR_OK;
            break;
        }
    }
    if (err == ERR_OK && r.cut)
        err = remove_rest(log, segments + k, n - k, now_ms, why);
    if (err != ERR_OK)
        return err;
    atomic_store(&log->end, r.next);
    atomic_store(&log->recovery,
                 recovery_point < r.next ? recovery_point : r.next);
    if (log->producers.map.count > 0 ||
        log_active(log)->size > SNAPSHOT_WORTH_BYTES)
        err = log_snapshot_take(log, r.next, why);
    return err;
}
