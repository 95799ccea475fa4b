/* clean.c - compaction of one log: map, groups, copies.
 *
 *   clean ─▶ map the dirty part ─▶ groups of segments ─▶ for each: copy, swap
 *
 * Everything is read through references to files, so nothing here holds up
 * anybody; whether the segments are still what they were is asked once more
 * when they are exchanged (clean_swap.c).
 */
#include "seg/clean.h"

#include "base/diag.h"
#include "base/mem.h"
#include "seg/clean_out.h"

enum { FORGET_BYTES = 8 << 20 }; /* taken out of the page cache at once */

/* A smaller log may well be read from the page cache soon, as by a consumer
 * that starts with all of it. A larger one only drives out what is. */
#define BYPASS_FROM (UINT64_C(1) << 30)

struct clean {
    struct log *log;
    const struct log_clean_range *range;
    const struct log_clean_options *options;
    struct log_clean_stats *stats;
    struct log_config config;
    struct segment *row; /* segments below the uncleanable offset; owned */
    uint32_t n;
    bool bypass;          /* the page cache */
    uint32_t truncations; /* the log's count when the row was copied */
    int64_t now_ms;
    struct clean_map map;
    struct clean_txns txns;
    struct clean_filter filter;
    int64_t old_horizon_ms; /* magic 0, 1: tombstones of segments that were
                               modified up to then go */
};

static enum err go_on(const struct clean *c, size_t bytes, struct errmsg *why)
{
    if (c->options->go_on == NULL ||
        c->options->go_on(c->options->context, bytes))
        return ERR_OK;
    return err_set(why, ERR_CLOSED, "compaction of %s was ended", c->log->name);
}

/* -- reading segments ---------------------------------------------------------
 */

static enum err walk_start(struct clean *c, const struct segment *segment,
                           uint32_t position, struct scan *scan,
                           struct seg_file **file, struct errmsg *why)
{
    enum err err =
        log_file_get(c->log, segment->base, SEG_LOG, false, file, why);

    if (err == ERR_OK) {
        scan_init(scan, log_fs(c->log), seg_file_fd(*file), position,
                  segment->size, true);
        if (c->options->io_bytes > 0)
            scan->window = c->options->io_bytes;
    }
    /* Retention was faster. */
    return err == ERR_ABSENT ? ERR_AGAIN : err;
}

/* Whether the error is no matter of the bytes. */
static bool is_no_damage(enum err err)
{
    return err == ERR_IO || err == ERR_SPACE || err == ERR_DENIED ||
           err == ERR_NOMEM || err == ERR_LIMIT || err == ERR_CLOSED ||
           err == ERR_AGAIN || err == ERR_BUSY;
}

/* What ended a walk: ERR_ABSENT at the segment's end is well. */
static enum err walk_end(struct clean *c, const struct segment *segment,
                         struct scan *scan, struct seg_file **file,
                         enum err err, struct errmsg *why)
{
    if (err == ERR_ABSENT)
        err = scan->end == segment->size ? ERR_OK : ERR_SHORT;
    if (err != ERR_OK && !is_no_damage(err))
        err = err_set(why, ERR_CORRUPT, "%s/%s/%020lld.log near byte %u: %s",
                      c->log->dir->path, c->log->name, (long long)segment->base,
                      scan->position, err_words(err));
    scan_fini(scan);
    seg_file_unref(file);
    return err;
}

/* -- map ----------------------------------------------------------------------
 */

/* A key that is not in the map yet. */
struct key_at {
    struct clean_key key;
    int64_t offset;
};

static enum err put_keys(struct clean *c, const struct key_at *keys, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (!clean_map_put(&c->map, &keys[i].key, keys[i].offset))
            return ERR_BUSY;
    return ERR_OK;
}

/* Put the keys of a batch. ERR_BUSY when the map is full. */
static enum err map_batch(struct clean *c, const struct batch *batch)
{
    struct batch_reader *reader = &c->filter.reader;
    struct batch_record record;
    struct key_at keys[CLEAN_AHEAD];
    unsigned n = 0;
    enum err err = batch_reader_start(reader, batch->bytes, UINT64_C(1) << 31);

    while (err == ERR_OK) {
        err = batch_reader_next(reader, &record);
        if (err != ERR_OK)
            break;
        if (bytes_is_null(record.key) || record.offset < c->range->first_dirty)
            continue;
        keys[n].key = clean_map_key(&c->map, record.key);
        keys[n++].offset = record.offset;
        if (n == CLEAN_AHEAD) {
            err = put_keys(c, keys, n);
            n = 0;
        }
    }
    return err == ERR_ABSENT ? put_keys(c, keys, n) : err;
}

static enum err map_one(struct clean *c, struct clean_txns *txns,
                        const struct batch *batch)
{
    const struct batch_header *h = &batch->header;
    struct txn_entry entry;
    bool needless, has_entry;
    enum err err = ERR_OK;

    if (batch_is_control(h))
        err = clean_txns_control(txns, batch, &needless, &has_entry, &entry);
    else if (!clean_txns_data(txns, h))
        err = map_batch(c, batch);
    if (err == ERR_OK && batch_last_offset(h) >= c->range->first_dirty)
        c->map.latest = batch_last_offset(h);
    return err;
}

static enum err map_segment(struct clean *c, struct clean_txns *txns,
                            uint32_t i, struct errmsg *why)
{
    const struct segment *segment = &c->row[i];
    int64_t next = i + 1 < c->n ? c->row[i + 1].base : c->range->uncleanable;
    struct seg_file *file;
    struct batch batch;
    struct scan scan;
    uint32_t position = 0;
    enum err err = ERR_OK;

    if (c->range->first_dirty > segment->base)
        err = index_lookup(c->log, segment->base, c->range->first_dirty, false,
                           &position, why);
    if (err == ERR_OK)
        err = walk_start(c, segment, position, &scan, &file, why);
    if (err != ERR_OK)
        return err;
    while ((err = scan_next(&scan, &batch)) == ERR_OK) {
        err = map_one(c, txns, &batch);
        c->stats->map_bytes += batch.bytes.len;
        if (err == ERR_OK)
            err = go_on(c, batch.bytes.len, why);
        if (err != ERR_OK)
            break;
    }
    err = walk_end(c, segment, &scan, &file, err, why);
    /* Offsets that were compacted away at its end are done, too. */
    if (err == ERR_OK && c->map.latest < next - 1)
        c->map.latest = next - 1;
    return err;
}

static enum err build_map(struct clean *c, struct errmsg *why)
{
    int64_t from = c->range->first_dirty, to = c->range->uncleanable;
    struct clean_txns txns;
    enum err err = clean_map_init(&c->map, c->options->map_bytes,
                                  c->options->map_load, (uint64_t)(to - from));

    if (err == ERR_OK)
        err = clean_txns_load(&txns, c->log, from, to, why);
    if (err != ERR_OK)
        return err;
    for (uint32_t i = 0; i < c->n && err == ERR_OK; i++)
        if (i + 1 == c->n || c->row[i + 1].base > from)
            err = map_segment(c, &txns, i, why);
    clean_txns_fini(&txns);
    c->stats->keys = c->map.used;
    return err == ERR_BUSY ? ERR_OK : err; /* full: the rest comes later */
}

/* -- copy ---------------------------------------------------------------------
 */

static enum err modified(struct clean *c, const struct segment *segment,
                         int64_t *ms, struct errmsg *why)
{
    char path[SEG_PATH_MOST];
    struct fs_stat st;
    enum err err = log_file_path(c->log, segment->base, ".log", path, why);

    if (err != ERR_OK)
        return err;
    if (log_fs(c->log)->stat(log_fs(c->log), path, &st) != 0) {
        err = io_fail(why, "stat", path);
        return err == ERR_ABSENT ? ERR_AGAIN : err;
    }
    *ms = st.mtime_ms;
    return ERR_OK;
}

static enum err copy_batch(struct clean *c, const struct batch *batch,
                           struct clean_out *out, struct errmsg *why)
{
    struct clean_kept kept;
    size_t before = out->data.len, bytes;
    enum err err = clean_filter_batch(&c->filter, batch, &out->data, &kept);

    if (err == ERR_OK && kept.has_entry)
        err = clean_out_abort(out, &kept.entry);
    if (err != ERR_OK)
        return err;
    bytes = out->data.len - before;
    c->stats->bytes_read += batch->bytes.len;
    c->stats->bytes_kept += bytes;
    if (kept.any)
        err = clean_out_note(out, &kept, why);
    return err == ERR_OK ? go_on(c, batch->bytes.len + bytes, why) : err;
}

/* What is copied soon goes for good. Its pages, read twice, would outlive
 * others in the page cache. From the start each time, as a large page goes only
 * when all of it is named. */
static void forget(const struct clean *c, const struct seg_file *file,
                   uint32_t to)
{
    if (c->bypass)
        log_fs(c->log)->forget(log_fs(c->log), seg_file_fd(file), 0, to);
}

static enum err copy_segment(struct clean *c, const struct segment *segment,
                             struct clean_out *out, int64_t *modified_ms,
                             struct errmsg *why)
{
    struct seg_file *file;
    struct batch batch;
    struct scan scan;
    uint32_t forgotten = 0;
    enum err err = modified(c, segment, modified_ms, why);

    if (err == ERR_OK)
        err = walk_start(c, segment, 0, &scan, &file, why);
    if (err != ERR_OK)
        return err;
    c->filter.keep_old_deletes = *modified_ms > c->old_horizon_ms;
    while ((err = scan_next(&scan, &batch)) == ERR_OK) {
        err = copy_batch(c, &batch, out, why);
        if (err != ERR_OK)
            break;
        if (scan.position - forgotten >= FORGET_BYTES) {
            forget(c, file, scan.position);
            forgotten = scan.position;
        }
    }
    if (err == ERR_ABSENT)
        forget(c, file, segment->size);
    return walk_end(c, segment, &scan, &file, err, why);
}

static enum err copy_group(struct clean *c, const struct segment *group,
                           uint32_t n, struct errmsg *why)
{
    struct errmsg ignored;
    struct clean_out out;
    int64_t modified_ms = 0;
    enum err err, dropped;

    lock_take(&c->log->lock);
    clean_filter_tails(&c->filter, &c->log->producers);
    lock_give(&c->log->lock);
    err = clean_out_start(&out, c->log, group[0].base, &c->config,
                          c->options->io_bytes, c->bypass, why);
    for (uint32_t i = 0; i < n && err == ERR_OK; i++)
        err = copy_segment(c, &group[i], &out, &modified_ms, why);
    if (err == ERR_OK)
        err = clean_out_finish(&out, modified_ms, why);
    if (err == ERR_OK)
        err = clean_out_swap(&out, group, n, c->truncations, c->now_ms, why);
    dropped = clean_out_drop(&out, &ignored);
    /* A .cleaned that stays behind would undo the next exchange, should the
     * process die in it. */
    return dropped == ERR_OK ? err : log_failed(c->log, ERR_IO, &ignored);
}

/* -- groups -------------------------------------------------------------------
 */

static int64_t file_size(struct clean *c, const struct segment *segment,
                         enum seg_kind kind)
{
    char path[SEG_PATH_MOST];
    struct fs_stat st;

    if (log_file_path(c->log, segment->base, seg_kind_suffix(kind), path,
                      NULL) != ERR_OK ||
        log_fs(c->log)->stat(log_fs(c->log), path, &st) != 0)
        return 0;
    return st.size;
}

/* How many segments from `at` on fit into one. */
static uint32_t group_size(struct clean *c, uint32_t at)
{
    int64_t most_index = c->config.segment_index_bytes;
    int64_t bytes = c->row[at].size;
    int64_t index = file_size(c, &c->row[at], SEG_INDEX);
    int64_t time = file_size(c, &c->row[at], SEG_TIMEINDEX);
    uint32_t n = 1;

    while (at + n < c->n) {
        const struct segment *next = &c->row[at + n];
        int64_t end =
            at + n + 1 < c->n ? c->row[at + n + 1].base : c->range->uncleanable;

        bytes += next->size;
        index += file_size(c, next, SEG_INDEX);
        time += file_size(c, next, SEG_TIMEINDEX);
        if (bytes > c->config.segment_bytes || index > most_index ||
            time > most_index ||
            (next->size > 0 && end - 1 - c->row[at].base > INT32_MAX))
            break;
        n++;
    }
    return n;
}

static enum err copy_all(struct clean *c, struct errmsg *why)
{
    int64_t end = c->map.latest + 1;
    enum err err = clean_txns_load(&c->txns, c->log, 0, end, why);
    uint32_t n;

    if (err != ERR_OK)
        return err;
    /* What lies beyond the map's end is not touched. */
    while (c->n > 0 && c->row[c->n - 1].base >= end)
        c->n--;
    c->filter.map = &c->map;
    c->filter.txns = &c->txns;
    c->filter.now_ms = c->now_ms;
    c->filter.delete_retention_ms = c->config.delete_retention_ms;
    for (uint32_t at = 0; at < c->n && err == ERR_OK; at += n) {
        n = group_size(c, at);
        err = copy_group(c, &c->row[at], n, why);
    }
    clean_txns_fini(&c->txns);
    if (err == ERR_OK) {
        c->stats->next_dirty = end;
        atomic_store(&c->log->clean, end);
    }
    return err;
}

/* -- all ----------------------------------------------------------------------
 */

static void copy_row(struct clean *c)
{
    struct log *log = c->log;
    uint64_t bytes = 0, from = c->options->bypass_from;

    lock_take(&log->lock);
    c->truncations = log->truncations;
    while (c->n + 1 < log->n_segments &&
           log->segments[c->n].base < c->range->uncleanable)
        c->n++;
    c->row = mem_need_array(c->n > 0 ? c->n : 1, sizeof *c->row);
    memcpy(c->row, log->segments, c->n * sizeof *c->row);
    lock_give(&log->lock);
    for (uint32_t i = 0; i < c->n; i++)
        bytes += c->row[i].size;
    c->bypass = bytes >= (from > 0 ? from : BYPASS_FROM);
}

/* Tombstones of magic 0 and 1 know no horizon: the time at which the compacted
 * part was modified last stands in. */
static enum err find_old_horizon(struct clean *c, struct errmsg *why)
{
    const struct segment *last = NULL;
    int64_t modified_ms = 0;
    enum err err;

    for (uint32_t i = 0; i < c->n; i++)
        if (c->row[i].base < c->range->first_dirty)
            last = &c->row[i];
    if (last == NULL)
        return ERR_OK;
    err = modified(c, last, &modified_ms, why);
    if (err == ERR_OK)
        c->old_horizon_ms = modified_ms - c->config.delete_retention_ms;
    return err;
}

static enum err settle(struct clean *c, enum err err, struct errmsg *why)
{
    switch ((int)err) {
    case ERR_OK:
    case ERR_CLOSED:
    case ERR_AGAIN:
    case ERR_SPACE:
    case ERR_NOMEM:
        return err;
    case ERR_CORRUPT:
        atomic_store(&c->log->clean_refused, true);
        return err;
    case ERR_LIMIT:
        atomic_store(&c->log->clean_refused, true);
        return err_set(why, ERR_CORRUPT, "a batch of %s is too large",
                       c->log->name);
    default:
        return log_failed(c->log, err, why);
    }
}

enum err log_clean(struct log *log, const struct log_clean_range *range,
                   const struct log_clean_options *options, int64_t now_ms,
                   struct log_clean_stats *stats, struct errmsg *why)
{
    struct clean c = { .log = log,
                       .range = range,
                       .options = options,
                       .stats = stats,
                       .now_ms = now_ms };
    enum err err = log_usable(log, why);

    *stats = (struct log_clean_stats){ .next_dirty = range->first_dirty };
    if (err != ERR_OK)
        return err;
    log_config_get(log, &c.config);
    clean_filter_init(&c.filter);
    copy_row(&c);
    if (c.n > 0 && range->first_dirty < range->uncleanable) {
        err = find_old_horizon(&c, why);
        if (err == ERR_OK)
            err = build_map(&c, why);
        if (err == ERR_OK)
            err = copy_all(&c, why);
    }
    stats->records_read = c.filter.records_read;
    stats->records_kept = c.filter.records_kept;
    stats->no_key = c.filter.no_key;
    clean_map_fini(&c.map);
    clean_filter_fini(&c.filter);
    mem_free(c.row);
    return settle(&c, err, why);
}
