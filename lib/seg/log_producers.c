/* log_producers.c - the producer state of a log and its snapshot files.
 *
 *     %020d.snapshot    state up to (exclusive) that offset
 *
 * One is written at each roll, at a clean close and after recovery. Loading
 * takes the latest good one and reads the headers of what follows.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/diag.h"
#include "base/mem.h"
#include "seg/log_private.h"
#include "seg/snapshot.h"

void log_unstable_update(struct log *log)
{
    int64_t first = producers_first_unstable(&log->producers);
    int64_t start = atomic_load(&log->start);

    if (first >= 0 && first < start)
        first = start;
    atomic_store(&log->unstable, first);
    atomic_store(&log->has_closed_txns, log->producers.closed.n > 0);
}

enum err log_producers_apply(struct log *log, const struct batch *batch,
                             bool write_txn, struct errmsg *why)
{
    struct txn_marker marker = { .present = false };
    struct txn_completed completed;
    enum err err;

    if (!batch_has_producer(&batch->header))
        return ERR_OK;
    err = txn_marker_read(batch, &marker);
    if (err != ERR_OK)
        return err;
    lock_take(&log->lock);
    producers_apply(&log->producers, &batch->header, &marker, &completed);
    lock_give(&log->lock);
    if (completed.present && completed.abort && write_txn)
        return txn_index_append(log, &completed, why);
    return ERR_OK;
}

/* -- the list of snapshot files
 * ------------------------------------------------------- */

void log_snapshot_note(struct log *log, int64_t offset)
{
    uint32_t at = log->n_snapshots;

    while (at > 0 && log->snapshots[at - 1] > offset)
        at--;
    if (at > 0 && log->snapshots[at - 1] == offset)
        return;
    log->snapshots = mem_need_more(log->snapshots, log->n_snapshots + 1,
                                   sizeof *log->snapshots);
    memmove(log->snapshots + at + 1, log->snapshots + at,
            (log->n_snapshots - at) * sizeof *log->snapshots);
    log->snapshots[at] = offset;
    log->n_snapshots++;
}

static void snapshot_drop(struct log *log, uint32_t at)
{
    log->n_snapshots--;
    memmove(log->snapshots + at, log->snapshots + at + 1,
            (log->n_snapshots - at) * sizeof *log->snapshots);
}

void log_snapshot_forget(struct log *log, int64_t offset)
{
    for (uint32_t i = 0; i < log->n_snapshots; i++)
        if (log->snapshots[i] == offset) {
            snapshot_drop(log, i);
            return;
        }
}

static enum err snapshot_unlink(struct log *log, int64_t offset,
                                struct errmsg *why)
{
    char path[SEG_PATH_MOST];
    enum err err = log_file_path(log, offset, ".snapshot", path, why);

    return err != ERR_OK ? err : io_unlink(log_fs(log), path, why);
}

enum err log_snapshots_cut(struct log *log, int64_t below, int64_t above,
                           struct errmsg *why)
{
    for (uint32_t i = log->n_snapshots; i > 0; i--) {
        int64_t offset = log->snapshots[i - 1];
        enum err err;

        if (offset <= above && offset > below)
            continue;
        err = snapshot_unlink(log, offset, why);
        if (err != ERR_OK)
            return err;
        snapshot_drop(log, i - 1);
    }
    return ERR_OK;
}

/* -- write
 * ----------------------------------------------------------------------------
 */

enum err log_snapshot_take(struct log *log, int64_t offset, struct errmsg *why)
{
    char dir[SEG_PATH_MOST], name[64];
    struct wr w;
    enum err err;

    if (offset <= log->snapshot_last)
        return ERR_OK;
    err = log_own_path(log, dir, why);
    if (err != ERR_OK)
        return err;
    snprintf(name, sizeof name, "%020lld.snapshot", (long long)offset);
    wr_init(&w, SNAPSHOT_BYTES_MOST);
    lock_take(&log->lock);
    snapshot_write(&w, &log->producers);
    log->files_dirty = true;
    log->small_dirty = true;
    lock_give(&log->lock);
    err = w.err != ERR_OK
              ? err_set(why, w.err, "too many producers for %s", name)
              : io_replace(log_fs(log), dir, name, bytes_make(w.data, w.len),
                           false, why);
    wr_fini(&w);
    if (err != ERR_OK)
        return err;
    log_snapshot_note(log, offset);
    log->snapshot_last = offset;
    return ERR_OK;
}

/* -- load
 * -----------------------------------------------------------------------------
 */

static enum err snapshot_load_one(struct log *log, int64_t offset,
                                  int64_t now_ms, struct errmsg *why)
{
    char path[SEG_PATH_MOST];
    uint8_t *data;
    size_t len;
    enum err err = log_file_path(log, offset, ".snapshot", path, why);

    if (err == ERR_OK)
        err = io_load(log_fs(log), path, SNAPSHOT_BYTES_MOST, &data, &len, why);
    if (err != ERR_OK)
        return err;
    lock_take(&log->lock);
    err = snapshot_read(bytes_make(data ? data : (const uint8_t *)"", len),
                        now_ms, log->config.producer_expiration_ms,
                        &log->producers);
    lock_give(&log->lock);
    mem_free(data);
    if (err == ERR_OK)
        return ERR_OK;
    diag_warn("event=snapshot_damaged file=%s reason=\"%s\" "
              "consequence=\"it is removed, an older one is used\"",
              path, err_words(err));
    return ERR_CORRUPT;
}

enum err log_snapshot_load(struct log *log, int64_t end, int64_t now_ms,
                           int64_t *from, struct errmsg *why)
{
    while (log->n_snapshots > 0 && log->snapshots[log->n_snapshots - 1] > end) {
        enum err err =
            snapshot_unlink(log, log->snapshots[log->n_snapshots - 1], why);

        if (err != ERR_OK)
            return err;
        log->n_snapshots--;
    }
    while (log->n_snapshots > 0) {
        int64_t offset = log->snapshots[log->n_snapshots - 1];
        enum err err = snapshot_load_one(log, offset, now_ms, why);

        if (err == ERR_OK) {
            *from = offset;
            log->snapshot_last = offset;
            return ERR_OK;
        }
        if (err != ERR_CORRUPT && err != ERR_LIMIT && err != ERR_ABSENT)
            return err;
        err = snapshot_unlink(log, offset, why);
        if (err != ERR_OK)
            return err;
        log->n_snapshots--;
    }
    *from = atomic_load(&log->start);
    log->snapshot_last = *from;
    return ERR_OK;
}

static enum err replay_segment(struct log *log, const struct segment *segment,
                               int64_t from, int64_t to, struct errmsg *why)
{
    struct seg_file *file;
    struct batch batch;
    struct scan scan;
    uint32_t position = 0, size;
    enum err err = ERR_OK;

    if (segment->size == 0)
        return ERR_OK;
    if (from > segment->base)
        err =
            log_find_position(log, segment, from, false, &position, &size, why);
    if (err == ERR_OK)
        err = log_file_get(log, segment->base, SEG_LOG, false, &file, why);
    if (err != ERR_OK)
        return err;
    scan_init(&scan, log_fs(log), seg_file_fd(file), position, segment->size,
              false);
    for (;;) {
        err = scan_next(&scan, &batch);
        if (err != ERR_OK || batch.header.base_offset >= to)
            break;
        err = log_producers_apply(log, &batch, false, why);
        if (err != ERR_OK)
            break;
    }
    if (err == ERR_ABSENT)
        err = ERR_OK;
    if (scan_is_damage(err))
        err = err_set(why, ERR_CORRUPT,
                      "%s/%s/%020lld.log is damaged at byte %u (%s), below "
                      "what was flushed; remedy: restore the file, or remove "
                      "the partition's directory to have it replicated anew",
                      log->dir->path, log->name, (long long)segment->base,
                      scan.position, err_words(err));
    scan_fini(&scan);
    seg_file_unref(&file);
    return err;
}

enum err log_producers_replay(struct log *log, int64_t from, int64_t to,
                              struct errmsg *why)
{
    enum err err = ERR_OK;

    for (uint32_t i = log_segment_at(log, from);
         err == ERR_OK && i < log->n_segments; i++) {
        struct segment segment = log->segments[i];

        if (segment.base >= to)
            break;
        err = replay_segment(log, &segment, from, to, why);
    }
    return err;
}

/* -- questions
 * ------------------------------------------------------------------------ */

bool log_txn_is_open(struct log *log, int64_t producer_id)
{
    const struct producer *producer;
    bool open;

    lock_take(&log->lock);
    producer = producers_find(&log->producers, producer_id);
    open = producer != NULL && producer->txn_first_offset >= 0;
    lock_give(&log->lock);
    return open;
}

static int by_id(const void *a, const void *b)
{
    const struct log_producer *x = a, *y = b;

    return (x->producer_id > y->producer_id) -
           (x->producer_id < y->producer_id);
}

enum err log_producers(struct log *log, struct arena *arena,
                       struct log_producer **producers, size_t *n)
{
    enum err err = ERR_OK;

    *n = 0;
    lock_take(&log->lock);
    *producers =
        arena_array(arena, log->producers.map.count, sizeof **producers);
    if (*producers == NULL)
        err = arena->err;
    for (struct map_link *link = map_next(&log->producers.map, NULL);
         err == ERR_OK && link != NULL;
         link = map_next(&log->producers.map, link)) {
        const struct producer *p = CONTAINER_OF(link, struct producer, link);

        (*producers)[(*n)++] = (struct log_producer){
            .producer_id = p->id,
            .epoch = p->epoch,
            .last_sequence = p->n_batches > 0
                                 ? p->batches[p->n_batches - 1].last_sequence
                                 : BATCH_NO_SEQUENCE,
            .last_timestamp = p->last_timestamp,
            .coordinator_epoch = p->coordinator_epoch,
            .txn_first_offset = p->txn_first_offset,
        };
    }
    lock_give(&log->lock);
    if (err == ERR_OK && *n > 0)
        qsort(*producers, *n, sizeof **producers, by_id);
    return err;
}

void log_producers_expire(struct log *log, int64_t now_ms)
{
    lock_take(&log->lock);
    producers_expire(&log->producers, now_ms,
                     log->config.producer_expiration_ms);
    lock_give(&log->lock);
}
