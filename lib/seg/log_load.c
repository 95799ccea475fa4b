/* log_load.c - from files to a log.
 *
 *   1  index files without their .log go
 *   2  after a clean stop: the end is found from the last index entry on;
 *      else, or where an index is missing: recovery (log_recover.c)
 *   3  an end below the log start: all goes, and the log begins there
 *   4  log start, epochs and snapshots are brought in line with the segments
 */
#include "base/diag.h"
#include "base/mem.h"
#include "seg/log_private.h"

/* Up to this size the end is looked for from the beginning of the file, which
 * costs less than asking the index. */
enum { SMALL_SEGMENT = 64 * 1024 };

static enum err unlink_file(struct log *log, int64_t base, const char *suffix,
                            struct errmsg *why)
{
    char path[SEG_PATH_MOST];
    enum err err = log_file_path(log, base, suffix, path, why);

    return err != ERR_OK ? err : io_unlink(log_fs(log), path, why);
}

static enum err remove_orphans(struct log *log, const struct found *found,
                               struct errmsg *why)
{
    enum err err = ERR_OK;

    for (int i = SEG_INDEX; i < SEG_KINDS && err == ERR_OK; i++) {
        const char *suffix = seg_kind_suffix((enum seg_kind)i);

        if ((found->kinds & (1u << i)) == 0)
            continue;
        diag_warn("event=orphan_index partition=%s offset=%lld suffix=%s "
                  "consequence=removed",
                  log->name, (long long)found->base, suffix);
        err = unlink_file(log, found->base, suffix, why);
    }
    return err;
}

static enum err segment_make(struct log *log, const struct found *found,
                             struct segment *segment, struct errmsg *why)
{
    char path[SEG_PATH_MOST];
    struct fs_stat st;
    enum err err = log_file_path(log, found->base, ".log", path, why);

    if (err != ERR_OK)
        return err;
    if (log_fs(log)->stat(log_fs(log), path, &st) != 0)
        return io_fail(why, "stat", path);
    if (st.size > INT32_MAX)
        return err_set(why, ERR_CORRUPT,
                       "%s has %lld bytes, more than a segment can; remedy: "
                       "move it away",
                       path, (long long)st.size);
    *segment = (struct segment){
        .base = found->base,
        .max_time = UNKNOWN_TIME,
        .size = (uint32_t)st.size,
        .n_txn = found->kinds & (1u << SEG_TXNINDEX) ? UNKNOWN_COUNT : 0,
        .exists = true,
        .has_index =
            (found->kinds & ((1u << SEG_INDEX) | (1u << SEG_TIMEINDEX))) != 0,
    };
    if (segment->has_index)
        segment->n_index = segment->n_time = UNKNOWN_COUNT;
    return ERR_OK;
}

struct txn_walk {
    int64_t base;
};

static enum err txn_sane(void *context, const struct txn_entry *entry)
{
    struct txn_walk *walk = context;

    return entry->last_offset < walk->base ? ERR_FORMAT : ERR_OK;
}

/* Where an index is missing or damaged, recovery begins no later than there. */
static enum err check_indexes(struct log *log, const struct segment *segment,
                              unsigned kinds, bool last, bool clean,
                              int64_t *recovery, struct errmsg *why)
{
    struct txn_walk walk = { segment->base };
    const char *what = NULL;
    enum err err;

    if ((kinds & (1u << SEG_INDEX)) == 0 && segment->size > 0 &&
        (clean || !last))
        what = "missing .index";
    if (segment->n_txn != 0) {
        err = txn_index_each(log, segment->base, false, txn_sane, &walk, why);
        if (err == ERR_FORMAT || err == ERR_VERSION)
            what = "damaged .txnindex";
        else if (err != ERR_OK)
            return err;
    }
    if (what == NULL || *recovery <= segment->base)
        return ERR_OK;
    diag_warn("event=index_rebuild partition=%s segment=%020lld reason=\"%s\"",
              log->name, (long long)segment->base, what);
    *recovery = segment->base;
    return ERR_OK;
}

/* The end of the log, from the headers of the active segment. */
static enum err find_end(struct log *log, int64_t *end, struct errmsg *why)
{
    struct segment *active = log_active(log);
    struct seg_file *file;
    struct batch batch;
    struct scan scan;
    uint32_t position = 0;
    bool all = active->size <= SMALL_SEGMENT;
    enum err err = ERR_OK;

    *end = active->base;
    if (active->size == 0)
        return ERR_OK;
    if (!all)
        err = index_lookup(log, active->base, INT64_MAX, false, &position, why);
    if (err == ERR_OK)
        err = log_file_get(log, active->base, SEG_LOG, false, &file, why);
    if (err != ERR_OK)
        return err;
    all = position == 0;
    scan_init(&scan, log_fs(log), seg_file_fd(file), position, active->size,
              false);
    while ((err = scan_next(&scan, &batch)) == ERR_OK) {
        *end = batch_next_offset(&batch.header);
        if (!all)
            continue;
        if (scan.position == batch_size(&batch.header))
            log->first_time = batch.header.max_timestamp;
        if (active->max_time == UNKNOWN_TIME ||
            batch.header.max_timestamp > active->max_time) {
            active->max_time = batch.header.max_timestamp;
            active->max_time_offset = batch_last_offset(&batch.header);
        }
    }
    scan_fini(&scan);
    seg_file_unref(&file);
    if (err == ERR_ABSENT)
        return ERR_OK;
    return err_set(why, err, "%s/%s/%020lld.log: %s at byte %u", log->dir->path,
                   log->name, (long long)active->base, err_words(err),
                   scan.position);
}

/* Keep snapshots at segment bases, and the latest one beyond them. */
static enum err tidy_snapshots(struct log *log, struct errmsg *why)
{
    int64_t newest = log_active(log)->base;
    bool kept_stray = false;
    enum err err = ERR_OK;

    for (uint32_t i = log->n_snapshots; i > 0 && err == ERR_OK; i--) {
        int64_t offset = log->snapshots[i - 1];

        if (log->segments[log_segment_at(log, offset)].base == offset)
            continue;
        if (!kept_stray && offset >= newest) {
            kept_stray = true;
            continue;
        }
        err = unlink_file(log, offset, ".snapshot", why);
        log_snapshot_forget(log, offset);
    }
    return err;
}

static enum err load_clean(struct log *log, const struct segment *segments,
                           size_t n, int64_t *end, struct errmsg *why)
{
    enum err err;

    for (size_t i = 0; i < n; i++)
        log_segment_add(log, &segments[i]);
    log->first_time = UNKNOWN_TIME;
    err = find_end(log, end, why);
    if (err != ERR_OK)
        log->n_segments = 0;
    return err;
}

/* Drop all segments: they lie below the log start. */
static enum err start_anew(struct log *log, int64_t start, int64_t now_ms,
                           struct errmsg *why)
{
    enum err err = ERR_OK;

    diag_warn("event=log_below_start partition=%s end=%lld start=%lld "
              "consequence=\"its segments are removed\"",
              log->name, (long long)atomic_load(&log->end), (long long)start);
    while (log->n_segments > 0 && err == ERR_OK) {
        struct segment last = *log_active(log);

        err = log_segment_remove(log, &last, true, now_ms, why);
        log->n_segments--;
    }
    producers_clear(&log->producers);
    epochs_clear(&log->epochs);
    if (err == ERR_OK)
        err = log_snapshots_cut(log, INT64_MAX, 0, why);
    if (err == ERR_OK)
        err = log_roll_to(log, start, now_ms, why);
    atomic_store(&log->end, start);
    return err;
}

static enum err load_producers(struct log *log, bool clean, int64_t now_ms,
                               struct errmsg *why)
{
    int64_t from, end = atomic_load(&log->end);
    bool any = log->n_snapshots > 0;
    enum err err = log_snapshot_load(log, end, now_ms, &from, why);

    if (err != ERR_OK)
        return err;
    /* After a clean stop no snapshot means: no producer. */
    if (clean && !any) {
        log->snapshot_last = end;
        return ERR_OK;
    }
    return log_producers_replay(log, from, end, why);
}

static enum err load_segments(struct log *log, const struct segment *segments,
                              size_t n, bool clean, int64_t recovery,
                              int64_t now_ms, struct errmsg *why)
{
    int64_t end = 0;
    enum err err;

    if (clean) {
        err = load_clean(log, segments, n, &end, why);
        if (err == ERR_OK) {
            atomic_store(&log->end, end);
            atomic_store(&log->recovery, end);
            return load_producers(log, true, now_ms, why);
        }
        if (!scan_is_damage(err))
            return err;
        diag_warn("event=log_damaged partition=%s reason=\"%s\" "
                  "consequence=\"its last segment is recovered\"",
                  log->name, why ? why->text : "");
        recovery = segments[n - 1].base;
    }
    return log_recover(log, segments, n, recovery, now_ms, why);
}

enum err log_load(struct log *log, const struct listing *listing,
                  const struct dir_point *point, int64_t now_ms,
                  struct errmsg *why)
{
    struct segment *segments =
        mem_need_array(listing->n > 0 ? listing->n : 1, sizeof *segments);
    int64_t start = point->start < 0 ? 0 : point->start;
    int64_t recovery = point->closed         ? INT64_MAX
                       : point->recovery < 0 ? 0
                                             : point->recovery;
    bool clean = point->closed;
    size_t n = 0, n_logs = 0;
    enum err err = ERR_OK;

    for (size_t i = 0; i < listing->n; i++)
        n_logs += listing->items[i].kinds & 1u;
    atomic_store(&log->start, start);
    for (size_t i = 0; i < listing->n && err == ERR_OK; i++) {
        const struct found *found = &listing->items[i];

        if (found->snapshot)
            log_snapshot_note(log, found->base);
        if ((found->kinds & (1u << SEG_LOG)) == 0) {
            err = remove_orphans(log, found, why);
            continue;
        }
        err = segment_make(log, found, &segments[n], why);
        if (err != ERR_OK)
            break;
        if (segments[n].n_txn != 0 || (found->kinds & (1u << SEG_INDEX)) == 0) {
            log_segment_add(log, &segments[n]);
            err = check_indexes(log, &segments[n], found->kinds,
                                n + 1 == n_logs, clean, &recovery, why);
            segments[n] = log->segments[--log->n_segments];
        }
        n++;
    }
    if (recovery != INT64_MAX)
        clean = false;
    if (err == ERR_OK && n > 0)
        err = load_segments(log, segments, n, clean, recovery, now_ms, why);
    mem_free(segments);
    if (err != ERR_OK)
        return err;
    if (n > 0 && atomic_load(&log->end) < start) {
        err = start_anew(log, start, now_ms, why);
    } else if (n == 0) {
        struct segment first = { .base = start,
                                 .max_time = LOG_NO_TIMESTAMP,
                                 .max_time_offset = start };

        if (start > 0)
            err = log_roll_to(log, start, now_ms, why);
        else
            log_segment_add(log, &first);
        atomic_store(&log->end, start);
    }
    if (err != ERR_OK)
        return err;
    if (start < log->segments[0].base)
        atomic_store(&log->start, log->segments[0].base);
    if (atomic_load(&log->recovery) > atomic_load(&log->end))
        atomic_store(&log->recovery, atomic_load(&log->end));
    epochs_cut_end(&log->epochs, atomic_load(&log->end));
    epochs_cut_start(&log->epochs, start);
    err = tidy_snapshots(log, why);
    {
        int64_t first_time = log->first_time;

        log->time_last = UNKNOWN_TIME;
        log_active_reset(log, now_ms);
        if (log_active(log)->size > 0)
            log->first_time = first_time;
    }
    log_unstable_update(log);
    return err;
}
