/* log_index.c - offset and time index: look up, add, cut.
 *
 * Indexes are read from their files, never mapped: an idle log costs nothing.
 * A look-up halves the range by single entries until it fits into one block,
 * then reads the block. Entries of the active segment wait in memory and are
 * written in groups; a crash loses them, and recovery makes them again.
 */
#include <errno.h>

#include "base/mem.h"
#include "seg/log_private.h"
#include "wire/rd.h"

enum { BLOCK = 4096 };

static uint32_t get_u32(const uint8_t *at)
{
    uint32_t v;

    memcpy(&v, at, 4);
    return be32toh(v);
}

static int64_t get_i64(const uint8_t *at)
{
    uint64_t v;

    memcpy(&v, at, 8);
    return (int64_t)be64toh(v);
}

static void put_u32(uint8_t *at, uint32_t v)
{
    v = htobe32(v);
    memcpy(at, &v, 4);
}

static void put_i64(uint8_t *at, int64_t v)
{
    uint64_t u = htobe64((uint64_t)v);

    memcpy(at, &u, 8);
}

/* -- reading files
 * ------------------------------------------------------------------ */

/* How an index is searched: `after` says whether the entry lies beyond what is
 * looked for. */
struct index_shape {
    enum seg_kind kind;
    uint32_t entry; /* bytes */
    bool (*after)(const uint8_t *entry, int64_t target);
};

static bool offset_after(const uint8_t *entry, int64_t target)
{
    return (int64_t)get_u32(entry) > target;
}

static bool position_after(const uint8_t *entry, int64_t target)
{
    return (int64_t)get_u32(entry + 4) > target;
}

static bool time_after(const uint8_t *entry, int64_t target)
{
    return get_i64(entry) > target;
}

/* For cutting the time index: by offset. */
static bool time_offset_after(const uint8_t *entry, int64_t target)
{
    return (int64_t)get_u32(entry + 8) > target;
}

static const struct index_shape offset_shape = { SEG_INDEX, INDEX_ENTRY,
                                                 offset_after };
static const struct index_shape position_shape = { SEG_INDEX, INDEX_ENTRY,
                                                   position_after };
static const struct index_shape time_shape = { SEG_TIMEINDEX, TIME_ENTRY,
                                               time_after };
static const struct index_shape time_offset_shape = { SEG_TIMEINDEX, TIME_ENTRY,
                                                      time_offset_after };

static uint32_t *count_of(struct segment *segment, enum seg_kind kind)
{
    return kind == SEG_INDEX ? &segment->n_index : &segment->n_time;
}

static enum err read_at(const struct fs *fs, int fd, bool cached, void *at,
                        size_t n, int64_t position)
{
    size_t got = 0;
    enum err err = cached ? io_read_cached(fs, fd, at, n, position, &got)
                          : io_read(fs, fd, at, n, position, &got);

    return err != ERR_OK ? err : got == n ? ERR_OK : ERR_SHORT;
}

/* Entries of a file. Apache Kafka sets its files aside full of zeros and trims
 * them later; after a crash the zeros may be there: they are no entries. */
static enum err count_entries(const struct fs *fs, int fd, uint32_t entry,
                              uint32_t *n)
{
    uint8_t raw[TIME_ENTRY], zeros[TIME_ENTRY] = { 0 };
    uint32_t low = 0, high;
    struct fs_stat st;
    enum err err;

    if (fs->fstat(fs, fd, &st) != 0)
        return err_from_errno(errno);
    high =
        st.size / entry > INT32_MAX ? INT32_MAX : (uint32_t)(st.size / entry);
    *n = high;
    if (high == 0)
        return ERR_OK;
    err = read_at(fs, fd, false, raw, entry, (int64_t)(high - 1) * entry);
    if (err != ERR_OK || memcmp(raw, zeros, entry) != 0)
        return err;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        err = read_at(fs, fd, false, raw, entry, (int64_t)middle * entry);
        if (err != ERR_OK)
            return err;
        if (memcmp(raw, zeros, entry) == 0)
            high = middle;
        else
            low = middle + 1;
    }
    *n = low;
    return ERR_OK;
}

/* The file and the count of its entries; `*file` NULL and 0 when it is not
 * there. */
static enum err index_open(struct log *log, const struct segment *segment,
                           enum seg_kind kind, uint32_t entry,
                           struct seg_file **file, uint32_t *n,
                           struct errmsg *why)
{
    struct segment copy = *segment;
    uint32_t i;
    enum err err;

    *file = NULL;
    *n = segment->has_index ? *count_of(&copy, kind) : 0;
    if (*n == 0)
        return ERR_OK;
    err = log_file_get(log, segment->base, kind, false, file, why);
    if (err == ERR_ABSENT) {
        *n = 0;
        err = ERR_OK;
    } else if (err != ERR_OK) {
        return err;
    } else if (*n == UNKNOWN_COUNT) {
        err = count_entries(log_fs(log), seg_file_fd(*file), entry, n);
        if (err != ERR_OK) {
            seg_file_unref(file);
            return err_set(why, err, "read an index of %s at %lld", log->name,
                           (long long)segment->base);
        }
    } else {
        return ERR_OK;
    }
    lock_take(&log->lock);
    i = log_segment_at(log, segment->base);
    if (log->segments[i].base == segment->base &&
        *count_of(&log->segments[i], kind) == UNKNOWN_COUNT)
        *count_of(&log->segments[i], kind) = *n;
    lock_give(&log->lock);
    return ERR_OK;
}

/* Count of leading entries that are not after `target`. The file may have been
 * cut meanwhile: what cannot be read counts as after. */
static enum err search(const struct fs *fs, int fd,
                       const struct index_shape *shape, uint32_t n, bool cached,
                       int64_t target, uint32_t *slot, uint8_t *entry)
{
    uint8_t block[BLOCK];
    uint32_t low = 0, high = n;
    enum err err;

    while ((high - low) * shape->entry > BLOCK) {
        uint32_t middle = low + (high - low) / 2;

        err = read_at(fs, fd, cached, block, shape->entry,
                      (int64_t)middle * shape->entry);
        if (err != ERR_OK && err != ERR_SHORT)
            return err;
        if (err == ERR_SHORT || shape->after(block, target)) {
            high = middle;
        } else {
            low = middle + 1;
            memcpy(entry, block, shape->entry);
        }
    }
    *slot = low;
    if (low == high)
        return ERR_OK;
    err = read_at(fs, fd, cached, block, (size_t)(high - low) * shape->entry,
                  (int64_t)low * shape->entry);
    if (err == ERR_SHORT)
        return ERR_OK;
    for (uint32_t i = 0; err == ERR_OK && i < high - low; i++) {
        const uint8_t *at = block + (size_t)i * shape->entry;

        if (shape->after(at, target))
            break;
        memcpy(entry, at, shape->entry);
        *slot = low + i + 1;
    }
    return err;
}

/* -- look up
 * -------------------------------------------------------------------------- */

/* Pending entries of the active segment. Under `lock`. */
static bool pending_lookup(const struct log *log, uint32_t relative,
                           uint32_t *position)
{
    const struct hot *hot = log->hot;
    uint32_t low = 0, high = hot == NULL ? 0 : hot->n_index;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (hot->index[middle].relative <= relative)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0)
        return false;
    *position = hot->index[low - 1].position;
    return true;
}

static int64_t relative_of(int64_t base, int64_t offset)
{
    return offset < base               ? -1
           : offset - base > INT32_MAX ? INT32_MAX
                                       : offset - base;
}

enum err index_lookup(struct log *log, int64_t base, int64_t offset,
                      bool cached, uint32_t *position, struct errmsg *why)
{
    int64_t relative = relative_of(base, offset);
    uint8_t entry[INDEX_ENTRY] = { 0 };
    struct segment segment;
    struct seg_file *file;
    uint32_t i, n, slot;
    bool found;
    enum err err;

    *position = 0;
    if (relative < 0)
        return ERR_OK;
    lock_take(&log->lock);
    i = log_segment_at(log, base);
    segment = log->segments[i];
    found = segment.base != base ||
            (i + 1 == log->n_segments &&
             pending_lookup(log, (uint32_t)relative, position));
    lock_give(&log->lock);
    if (found)
        return ERR_OK;
    if (cached && segment.n_index == UNKNOWN_COUNT)
        return ERR_AGAIN;
    err = index_open(log, &segment, SEG_INDEX, INDEX_ENTRY, &file, &n, why);
    if (err != ERR_OK || file == NULL)
        return err;
    err = search(log_fs(log), seg_file_fd(file), &offset_shape, n, cached,
                 relative, &slot, entry);
    seg_file_unref(&file);
    if (err != ERR_OK)
        return err == ERR_AGAIN ? err
                                : err_set(why, err, "read %s/%020lld.index",
                                          log->name, (long long)base);
    if (slot > 0)
        *position = get_u32(entry + 4);
    return ERR_OK;
}

/* The first entry at or beyond `position` among the pending ones of the active
 * segment. Under `lock`. */
static bool pending_beyond(const struct log *log, uint32_t position,
                           uint32_t *relative)
{
    const struct hot *hot = log->hot;

    for (uint32_t i = 0; hot != NULL && i < hot->n_index; i++)
        if (hot->index[i].position >= position) {
            *relative = hot->index[i].relative;
            return true;
        }
    return false;
}

/* The same in the file: `*found` says whether there is one. */
static enum err file_beyond(struct log *log, const struct segment *segment,
                            uint32_t position, bool cached, bool *found,
                            uint32_t *relative, struct errmsg *why)
{
    uint8_t entry[INDEX_ENTRY];
    struct seg_file *file;
    uint32_t n, slot;
    enum err err;

    *found = false;
    if (cached && segment->has_index && segment->n_index == UNKNOWN_COUNT)
        return ERR_AGAIN;
    err = index_open(log, segment, SEG_INDEX, INDEX_ENTRY, &file, &n, why);
    if (err != ERR_OK || file == NULL)
        return err;
    err = search(log_fs(log), seg_file_fd(file), &position_shape, n, cached,
                 (int64_t)position - 1, &slot, entry);
    if (err == ERR_OK && slot < n) {
        err = read_at(log_fs(log), seg_file_fd(file), cached, entry,
                      sizeof entry, (int64_t)slot * INDEX_ENTRY);
        *found = err == ERR_OK;
        *relative = get_u32(entry);
        if (err == ERR_SHORT) /* cut meanwhile: counts as not there */
            err = ERR_OK;
    }
    seg_file_unref(&file);
    return err == ERR_OK || err == ERR_AGAIN
               ? err
               : err_set(why, err, "read %s/%020lld.index", log->name,
                         (long long)segment->base);
}

enum err index_beyond(struct log *log, int64_t base, uint32_t position,
                      bool cached, int64_t *offset, struct errmsg *why)
{
    uint32_t i, relative = 0, pending_relative = 0;
    bool found = false, pending, active;
    struct segment segment;
    enum err err = ERR_OK;

    lock_take(&log->lock);
    i = log_segment_at(log, base);
    segment = log->segments[i];
    active = i + 1 == log->n_segments;
    *offset = active ? atomic_load(&log->end) : log->segments[i + 1].base;
    pending = active && pending_beyond(log, position, &pending_relative);
    lock_give(&log->lock);
    if (segment.base == base)
        err = file_beyond(log, &segment, position, cached, &found, &relative,
                          why);
    if (err != ERR_OK)
        return err;
    if (found)
        *offset = base + relative;
    else if (pending)
        *offset = base + pending_relative;
    return ERR_OK;
}

enum err index_time_lookup(struct log *log, int64_t base, int64_t timestamp,
                           int64_t *found, int64_t *offset, struct errmsg *why)
{
    uint8_t entry[TIME_ENTRY] = { 0 };
    struct segment segment;
    struct seg_file *file;
    uint32_t i, n, slot;
    bool pending = false;
    enum err err;

    *found = LOG_NO_TIMESTAMP;
    *offset = base;
    lock_take(&log->lock);
    i = log_segment_at(log, base);
    segment = log->segments[i];
    if (segment.base == base && i + 1 == log->n_segments && log->hot != NULL)
        for (uint32_t k = log->hot->n_time; k > 0 && !pending; k--)
            if (log->hot->time[k - 1].timestamp <= timestamp) {
                *found = log->hot->time[k - 1].timestamp;
                *offset = base + log->hot->time[k - 1].relative;
                pending = true;
            }
    lock_give(&log->lock);
    if (pending || segment.base != base)
        return ERR_OK;
    err = index_open(log, &segment, SEG_TIMEINDEX, TIME_ENTRY, &file, &n, why);
    if (err != ERR_OK || file == NULL)
        return err;
    err = search(log_fs(log), seg_file_fd(file), &time_shape, n, false,
                 timestamp, &slot, entry);
    seg_file_unref(&file);
    if (err != ERR_OK)
        return err_set(why, err, "read %s/%020lld.timeindex", log->name,
                       (long long)base);
    if (slot > 0) {
        *found = get_i64(entry);
        *offset = base + get_u32(entry + 8);
    }
    return ERR_OK;
}

enum err index_time_last(struct log *log, int64_t base, int64_t *timestamp,
                         int64_t *offset, struct errmsg *why)
{
    return index_time_lookup(log, base, INT64_MAX, timestamp, offset, why);
}

/* -- add
 * ------------------------------------------------------------------------------
 */

static uint32_t entries_most(const struct log *log, uint32_t entry)
{
    return (uint32_t)log->config.segment_index_bytes / entry;
}

bool index_is_full(struct log *log, uint32_t more)
{
    struct segment active = log_active_copy(log);
    uint32_t pending_index = more + (log->hot ? log->hot->n_index : 0);
    uint32_t pending_time = more + (log->hot ? log->hot->n_time : 0);
    /* Not counted yet: there cannot be more than batches. */
    uint32_t bound = active.size / BATCH_LEAST_0;
    uint32_t index = active.n_index == UNKNOWN_COUNT ? bound : active.n_index;
    uint32_t time = active.n_time == UNKNOWN_COUNT ? bound : active.n_time;
    uint32_t most_time = entries_most(log, TIME_ENTRY);

    return index + pending_index >= entries_most(log, INDEX_ENTRY) ||
           time + pending_time + 1 >= most_time;
}

/* Find out what is not known yet of the active segment's indexes. */
static enum err resolve(struct log *log, struct errmsg *why)
{
    struct segment copy = log_active_copy(log);
    struct seg_file *file;
    uint32_t n;
    enum err err = ERR_OK;

    if (copy.n_index == UNKNOWN_COUNT) {
        err = index_open(log, &copy, SEG_INDEX, INDEX_ENTRY, &file, &n, why);
        seg_file_unref(&file);
    }
    if (err == ERR_OK && copy.n_time == UNKNOWN_COUNT) {
        err = index_open(log, &copy, SEG_TIMEINDEX, TIME_ENTRY, &file, &n, why);
        seg_file_unref(&file);
    }
    if (err == ERR_OK && log->time_last == UNKNOWN_TIME)
        err = index_time_last(log, copy.base, &log->time_last,
                              &log->time_last_offset, why);
    return err;
}

enum err index_time_append(struct log *log, struct errmsg *why)
{
    struct segment *active = log_active(log);
    int64_t time, offset;
    enum err err = resolve(log, why);

    if (err == ERR_OK)
        err = log_segment_max_time(log, active->base, &time, &offset, why);
    if (err != ERR_OK || time <= log->time_last)
        return err;
    lock_take(&log->lock);
    if (log->hot == NULL)
        log->hot = mem_need(sizeof *log->hot);
    if (log->hot->n_time == log->hot->size_time) {
        log->hot->size_time =
            log->hot->size_time == 0 ? 8 : log->hot->size_time * 2;
        log->hot->time = mem_need_more(log->hot->time, log->hot->size_time,
                                       sizeof *log->hot->time);
    }
    log->hot->time[log->hot->n_time++] =
        (struct time_entry){ time,
                             (uint32_t)relative_of(active->base, offset) };
    lock_give(&log->lock);
    log->time_last = time;
    log->time_last_offset = offset;
    return ERR_OK;
}

enum err index_append(struct log *log, int64_t offset, uint32_t position,
                      struct errmsg *why)
{
    struct segment *active = log_active(log);
    enum err err = resolve(log, why);

    if (err != ERR_OK)
        return err;
    lock_take(&log->lock);
    if (log->hot == NULL)
        log->hot = mem_need(sizeof *log->hot);
    if (log->hot->n_index == log->hot->size_index) {
        log->hot->size_index =
            log->hot->size_index == 0 ? 8 : log->hot->size_index * 2;
        log->hot->index = mem_need_more(log->hot->index, log->hot->size_index,
                                        sizeof *log->hot->index);
    }
    log->hot->index[log->hot->n_index++] =
        (struct index_entry){ (uint32_t)relative_of(active->base, offset),
                              position };
    lock_give(&log->lock);
    err = index_time_append(log, why);
    if (err == ERR_OK && log->hot->n_index >= PENDING_MOST)
        err = index_spill(log, why);
    /* They stay in memory until there is space again. */
    return err == ERR_SPACE ? ERR_OK : err;
}

/* -- write
 * ----------------------------------------------------------------------------
 */

static enum err spill(struct log *log, enum seg_kind kind, const uint8_t *at,
                      uint32_t entry, uint32_t n, struct errmsg *why)
{
    struct segment active = log_active_copy(log);
    struct seg_file *file;
    enum err err = log_file_get(log, active.base, kind, true, &file, why);

    if (err != ERR_OK)
        return err;
    lock_take(&log->lock);
    log_active(log)->has_index = true;
    lock_give(&log->lock);
    err = io_write(log_fs(log), seg_file_fd(file), at, (size_t)n * entry,
                   (int64_t)*count_of(&active, kind) * entry);
    if (err != ERR_OK)
        err = io_fail(why, "write", seg_kind_suffix(kind));
    seg_file_unref(&file);
    return err;
}

/* Only who holds `writer` changes what is pending, so it may be read here
 * without `lock`; readers find an entry in memory until it is in the file. */
enum err index_spill(struct log *log, struct errmsg *why)
{
    struct hot *hot = log->hot;
    uint8_t *raw;
    enum err err = ERR_OK;

    if (hot == NULL || (hot->n_index == 0 && hot->n_time == 0))
        return ERR_OK;
    err = resolve(log, why);
    if (err != ERR_OK)
        return err;
    raw = mem_need((size_t)hot->n_index * INDEX_ENTRY +
                   (size_t)hot->n_time * TIME_ENTRY);
    for (uint32_t i = 0; i < hot->n_index; i++) {
        put_u32(raw + (size_t)i * INDEX_ENTRY, hot->index[i].relative);
        put_u32(raw + (size_t)i * INDEX_ENTRY + 4, hot->index[i].position);
    }
    if (hot->n_index > 0)
        err = spill(log, SEG_INDEX, raw, INDEX_ENTRY, hot->n_index, why);
    for (uint32_t i = 0; i < hot->n_time; i++) {
        put_i64(raw + (size_t)i * TIME_ENTRY, hot->time[i].timestamp);
        put_u32(raw + (size_t)i * TIME_ENTRY + 8, hot->time[i].relative);
    }
    if (err == ERR_OK && hot->n_time > 0)
        err = spill(log, SEG_TIMEINDEX, raw, TIME_ENTRY, hot->n_time, why);
    mem_free(raw);
    if (err != ERR_OK)
        return err;
    lock_take(&log->lock);
    log_active(log)->n_index += hot->n_index;
    log_active(log)->n_time += hot->n_time;
    hot->n_index = hot->n_time = 0;
    mem_free(hot->index);
    mem_free(hot->time);
    hot->index = NULL;
    hot->time = NULL;
    hot->size_index = hot->size_time = 0;
    lock_give(&log->lock);
    return ERR_OK;
}

enum err index_make(struct log *log, struct errmsg *why)
{
    static const enum seg_kind kinds[] = { SEG_INDEX, SEG_TIMEINDEX };
    struct segment active = log_active_copy(log);

    for (size_t i = 0; i < 2; i++) {
        struct seg_file *file;
        enum err err;

        if (*count_of(&active, kinds[i]) != 0 &&
            *count_of(&active, kinds[i]) != UNKNOWN_COUNT)
            continue;
        err = log_file_get(log, active.base, kinds[i], true, &file, why);
        if (err != ERR_OK)
            return err;
        seg_file_unref(&file);
    }
    lock_take(&log->lock);
    log_active(log)->has_index = true;
    lock_give(&log->lock);
    return ERR_OK;
}

static enum err cut_one(struct log *log, const struct index_shape *shape,
                        int64_t relative, struct errmsg *why)
{
    struct segment copy = log_active_copy(log);
    uint8_t entry[TIME_ENTRY];
    struct seg_file *file;
    uint32_t n, slot = 0;
    enum err err;

    if (!copy.has_index)
        return ERR_OK;
    /* Whatever is in the file counts: zeros of a crash go, too. */
    *count_of(&copy, shape->kind) = UNKNOWN_COUNT;
    err = index_open(log, &copy, shape->kind, shape->entry, &file, &n, why);
    if (err != ERR_OK)
        return err;
    if (file != NULL) {
        err = search(log_fs(log), seg_file_fd(file), shape, n, false,
                     relative - 1, &slot, entry);
        if (err == ERR_OK &&
            log_fs(log)->ftruncate(log_fs(log), seg_file_fd(file),
                                   (int64_t)slot * shape->entry) != 0)
            err = io_fail(why, "truncate", seg_kind_suffix(shape->kind));
        seg_file_unref(&file);
    }
    if (err != ERR_OK)
        return err;
    lock_take(&log->lock);
    *count_of(log_active(log), shape->kind) = slot;
    lock_give(&log->lock);
    return ERR_OK;
}

enum err index_cut(struct log *log, int64_t offset, struct errmsg *why)
{
    int64_t base = log_active(log)->base;
    int64_t relative = relative_of(base, offset);
    enum err err;

    err = index_spill(log, why);
    if (err == ERR_OK)
        err = cut_one(log, &offset_shape, relative < 0 ? 0 : relative, why);
    if (err == ERR_OK)
        err =
            cut_one(log, &time_offset_shape, relative < 0 ? 0 : relative, why);
    if (err == ERR_OK)
        err = index_time_last(log, base, &log->time_last,
                              &log->time_last_offset, why);
    return err;
}
