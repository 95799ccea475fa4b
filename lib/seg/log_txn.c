/* log_txn.c - the index of aborted transactions, and who asks it.
 *
 *     .txnindex: entries of 34 bytes, in the order of their markers
 *     | version i16 = 0 | producer id | first offset | marker's offset |
 *     | last stable offset when it ended |                  each i64
 *
 * The file is there only when a transaction was aborted in the segment.
 */
#include <errno.h>

#include "base/mem.h"
#include "seg/log_private.h"
#include "wire/rd.h"

enum { CHUNK = 128 }; /* entries read at once */

void txn_entry_write(uint8_t at[static TXN_ENTRY],
                     const struct txn_entry *entry)
{
    uint64_t fields[4] = { htobe64((uint64_t)entry->producer_id),
                           htobe64((uint64_t)entry->first_offset),
                           htobe64((uint64_t)entry->last_offset),
                           htobe64((uint64_t)entry->last_stable) };

    memset(at, 0, 2);
    memcpy(at + 2, fields, sizeof fields);
}

enum err txn_entry_read(const uint8_t at[static TXN_ENTRY],
                        struct txn_entry *entry)
{
    struct rd r = rd_make(bytes_make(at, TXN_ENTRY));
    int16_t version = rd_i16(&r);

    entry->producer_id = rd_i64(&r);
    entry->first_offset = rd_i64(&r);
    entry->last_offset = rd_i64(&r);
    entry->last_stable = rd_i64(&r);
    return version > 0 ? ERR_VERSION : r.err;
}

/* Count the entries of a segment; 0 when there is no file. */
static enum err txn_count(struct log *log, int64_t base, bool cached,
                          struct seg_file **file, uint32_t *n,
                          struct errmsg *why)
{
    struct segment segment;
    struct fs_stat st;
    uint32_t i;
    enum err err;

    *file = NULL;
    *n = 0;
    if (!log_segment_find(log, base, &segment) || segment.n_txn == 0)
        return ERR_OK;
    if (cached && segment.n_txn == UNKNOWN_COUNT)
        return ERR_AGAIN;
    err = log_file_get(log, base, SEG_TXNINDEX, false, file, why);
    if (err == ERR_ABSENT)
        return ERR_OK;
    if (err != ERR_OK)
        return err;
    *n = segment.n_txn;
    if (*n != UNKNOWN_COUNT)
        return ERR_OK;
    if (log_fs(log)->fstat(log_fs(log), seg_file_fd(*file), &st) != 0) {
        err = io_fail(why, "stat .txnindex of", log->name);
        seg_file_unref(file);
        return err;
    }
    *n = (uint32_t)(st.size / TXN_ENTRY);
    lock_take(&log->lock);
    i = log_segment_at(log, base);
    if (log->segments[i].base == base &&
        log->segments[i].n_txn == UNKNOWN_COUNT)
        log->segments[i].n_txn = *n;
    lock_give(&log->lock);
    return ERR_OK;
}

enum err txn_index_each(struct log *log, int64_t base, bool cached,
                        txn_each_fn *each, void *context, struct errmsg *why)
{
    uint8_t chunk[CHUNK * TXN_ENTRY];
    struct txn_entry entry;
    struct seg_file *file;
    uint32_t n;
    enum err err = txn_count(log, base, cached, &file, &n, why);

    for (uint32_t i = 0; err == ERR_OK && i < n; i += CHUNK) {
        uint32_t part = n - i < CHUNK ? n - i : CHUNK;
        size_t got = 0;

        err = cached ? io_read_cached(log_fs(log), seg_file_fd(file), chunk,
                                      (size_t)part * TXN_ENTRY,
                                      (int64_t)i * TXN_ENTRY, &got)
                     : io_read(log_fs(log), seg_file_fd(file), chunk,
                               (size_t)part * TXN_ENTRY, (int64_t)i * TXN_ENTRY,
                               &got);
        if (err != ERR_OK && err != ERR_AGAIN)
            err = io_fail(why, "read .txnindex of", log->name);
        for (uint32_t k = 0; err == ERR_OK && (k + 1) * TXN_ENTRY <= got; k++) {
            err = txn_entry_read(chunk + (size_t)k * TXN_ENTRY, &entry);
            if (err == ERR_OK)
                err = each(context, &entry);
        }
    }
    seg_file_unref(&file);
    return err;
}

enum err txn_index_append(struct log *log,
                          const struct txn_completed *completed,
                          struct errmsg *why)
{
    int64_t base = log_active(log)->base;
    struct txn_entry entry = { completed->producer_id, completed->first_offset,
                               completed->last_offset, completed->last_stable };
    uint8_t raw[TXN_ENTRY];
    struct seg_file *file;
    uint32_t n;
    enum err err = txn_count(log, base, false, &file, &n, why);

    if (err == ERR_OK && file == NULL)
        err = log_file_get(log, base, SEG_TXNINDEX, true, &file, why);
    if (err != ERR_OK)
        return err;
    txn_entry_write(raw, &entry);
    err = io_write(log_fs(log), seg_file_fd(file), raw, sizeof raw,
                   (int64_t)n * TXN_ENTRY);
    if (err != ERR_OK)
        err = io_fail(why, "write .txnindex of", log->name);
    seg_file_unref(&file);
    if (err != ERR_OK)
        return err;
    lock_take(&log->lock);
    log_active(log)->n_txn = n + 1;
    lock_give(&log->lock);
    return ERR_OK;
}

struct cut_walk {
    int64_t offset;
    uint32_t keep;
};

static enum err cut_each(void *context, const struct txn_entry *entry)
{
    struct cut_walk *walk = context;

    if (entry->last_offset >= walk->offset)
        return ERR_ABSENT;
    walk->keep++;
    return ERR_OK;
}

enum err txn_index_cut(struct log *log, int64_t offset, struct errmsg *why)
{
    int64_t base = log_active(log)->base;
    struct cut_walk walk = { offset, 0 };
    struct seg_file *file;
    enum err err;

    if (log_active(log)->n_txn == 0)
        return ERR_OK;
    err = txn_index_each(log, base, false, cut_each, &walk, why);
    if (err != ERR_OK && err != ERR_ABSENT && err != ERR_VERSION)
        return err;
    err = log_file_get(log, base, SEG_TXNINDEX, false, &file, why);
    if (err == ERR_OK) {
        if (log_fs(log)->ftruncate(log_fs(log), seg_file_fd(file),
                                   (int64_t)walk.keep * TXN_ENTRY) != 0)
            err = io_fail(why, "truncate .txnindex of", log->name);
        seg_file_unref(&file);
    } else if (err == ERR_ABSENT) {
        err = ERR_OK;
    }
    if (err != ERR_OK)
        return err;
    lock_take(&log->lock);
    /* An empty file stays one: later entries go there. */
    log_active(log)->n_txn = walk.keep > 0 ? walk.keep : UNKNOWN_COUNT;
    lock_give(&log->lock);
    return ERR_OK;
}

/* -- for Fetch
 * ------------------------------------------------------------------------ */

struct aborted_walk {
    struct arena *arena;
    struct log_aborted *found;
    size_t n;
    size_t size;
    int64_t from;
    int64_t to;
};

static enum err aborted_each(void *context, const struct txn_entry *entry)
{
    struct aborted_walk *walk = context;

    if (entry->last_offset >= walk->from && entry->first_offset < walk->to) {
        if (walk->n == walk->size) {
            size_t size = walk->size == 0 ? 8 : walk->size * 2;
            struct log_aborted *more =
                arena_array(walk->arena, size, sizeof *more);

            if (more == NULL)
                return walk->arena->err;
            if (walk->n > 0)
                memcpy(more, walk->found, walk->n * sizeof *more);
            walk->found = more;
            walk->size = size;
        }
        walk->found[walk->n++] =
            (struct log_aborted){ entry->producer_id, entry->first_offset };
    }
    /* What was stable then covers all that is asked for: done. */
    return entry->last_stable >= walk->to ? ERR_EXISTS : ERR_OK;
}

/* From the segment that holds `at` on. */
static enum err aborted_walk(struct log *log, int64_t at, bool cached,
                             struct aborted_walk *walk, struct errmsg *why)
{
    struct segment segment;
    bool last = false;
    enum err err = ERR_OK;

    while (err == ERR_OK && !last) {
        log_segment_of(log, at, &segment, &at, &last);
        if (segment.n_txn != 0)
            err = txn_index_each(log, segment.base, cached, aborted_each, walk,
                                 why);
    }
    return err == ERR_EXISTS ? ERR_OK : err;
}

enum err log_aborted_find(struct log *log, int64_t from, int64_t to,
                          struct arena *arena, struct log_aborted **aborted,
                          size_t *n, struct errmsg *why)
{
    struct aborted_walk walk = { .arena = arena, .from = from, .to = to };
    uint32_t look;
    enum err err;

    do {
        walk.n = 0;
        err = log_look(log, false, &look);
        if (err == ERR_OK)
            err = aborted_walk(log, from, false, &walk, why);
    } while (!log_looked(log, look));
    *aborted = walk.found;
    *n = walk.n;
    return err;
}

/* Whether this segment or a later one has aborted transactions. */
static bool any_from(struct log *log, int64_t base)
{
    bool any = false;

    lock_take(&log->lock);
    for (uint32_t i = log->n_segments; i > 0 && !any; i--) {
        if (log->segments[i - 1].base < base)
            break;
        any = log->segments[i - 1].n_txn != 0;
    }
    lock_give(&log->lock);
    return any;
}

enum err log_plan_aborted(struct log *log, const struct log_plan *plan,
                          int64_t from, unsigned flags, struct arena *arena,
                          struct log_aborted **aborted, size_t *n,
                          struct errmsg *why)
{
    bool cached = (flags & LOG_READ_NO_BLOCK) != 0;
    struct aborted_walk walk = { .arena = arena, .from = from };
    uint32_t look;
    enum err err;

    *n = 0;
    *aborted = NULL;
    if (plan->file == NULL || !any_from(log, plan->base))
        return ERR_OK;
    do {
        walk.n = 0;
        err = log_look(log, cached, &look);
        if (err != ERR_OK)
            return err;
        err = index_beyond(log, plan->base,
                           (uint32_t)plan->position + plan->length, cached,
                           &walk.to, why);
        if (err == ERR_OK)
            err = aborted_walk(log, plan->base, cached, &walk, why);
    } while (!log_looked(log, look));
    *aborted = walk.found;
    *n = err == ERR_OK ? walk.n : 0;
    return err;
}
