/* log_read.c - plans: which bytes of which file answer a fetch. */
#include "base/mem.h"
#include "seg/log_private.h"

struct place {
    struct segment segment;
    uint32_t position;
    uint32_t size; /* of the batch there; 0: not known */
    bool active;
};

/* Where the batch that holds `offset` begins: maybe in a later segment, when
 * the rest of this one was compacted away. At the segment's end: nowhere. */
static enum err find(struct log *log, int64_t offset, bool cached,
                     struct place *place, struct errmsg *why)
{
    int64_t at = offset;
    enum err err;

    for (;;) {
        log_segment_of(log, at, &place->segment, &at, &place->active);
        err = log_find_position(log, &place->segment, offset, cached,
                                &place->position, &place->size, why);
        if (err != ERR_OK || place->position < place->segment.size ||
            place->active)
            return err;
    }
}

/* Where in the segment of `place` the bytes below `limit` end. `enough`: a
 * position beyond which it need not be known. */
static enum err find_limit(struct log *log, const struct place *place,
                           int64_t limit, uint32_t enough, bool cached,
                           uint32_t *end, struct errmsg *why)
{
    struct segment holds;
    int64_t next;
    uint32_t position, size;
    bool active;
    enum err err;

    *end = place->segment.size;
    if (limit >= atomic_load(&log->end))
        return ERR_OK;
    log_segment_of(log, limit, &holds, &next, &active);
    if (holds.base != place->segment.base)
        return ERR_OK;
    err = log_find_position(log, &place->segment, limit, true, &position, &size,
                            why);
    if (err == ERR_OK) {
        *end = position;
        return ERR_OK;
    }
    if (err != ERR_AGAIN)
        return err;
    /* Not at hand. Often the index alone says that it lies far beyond. */
    err = index_lookup(log, place->segment.base, limit, cached, &position, why);
    if (err == ERR_OK && position > enough) {
        *end = position;
        return ERR_OK;
    }
    if (err == ERR_OK)
        err = log_find_position(log, &place->segment, limit, cached, end, &size,
                                why);
    return err;
}

/* Bytes of the batch at the plan's start. */
static enum err first_size(struct log *log, struct seg_file *file,
                           const struct place *place, bool cached,
                           uint32_t *size)
{
    uint8_t head[BATCH_PREFIX];
    size_t got, bytes;
    int8_t magic;
    enum err err;

    *size = place->size;
    if (place->size > 0)
        return ERR_OK;
    err = cached ? io_read_cached(log_fs(log), seg_file_fd(file), head,
                                  sizeof head, place->position, &got)
                 : io_read(log_fs(log), seg_file_fd(file), head, sizeof head,
                           place->position, &got);
    if (err == ERR_OK)
        err = batch_peek(bytes_make(head, got), &bytes, &magic);
    if (err == ERR_OK)
        *size = bytes > INT32_MAX ? INT32_MAX : (uint32_t)bytes;
    return err;
}

static enum err make_plan(struct log *log, const struct place *place,
                          uint32_t end, uint32_t max_bytes, unsigned flags,
                          struct log_plan *plan, struct errmsg *why)
{
    bool cached = (flags & LOG_READ_NO_BLOCK) != 0;
    uint32_t there = end - place->position, size;
    enum err err = log_file_get(log, place->segment.base, SEG_LOG, false,
                                &plan->file, why);

    if (err != ERR_OK)
        return err;
    plan->base = place->segment.base;
    plan->position = place->position;
    plan->length = there < max_bytes ? there : max_bytes;
    if (plan->length < there) {
        err = first_size(log, plan->file, place, cached, &size);
        if (err != ERR_OK) {
            seg_file_unref(&plan->file);
            return err == ERR_AGAIN
                       ? err
                       : err_set(why, err, "%s/%s/%020lld.log at byte %u",
                                 log->dir->path, log->name,
                                 (long long)place->segment.base,
                                 place->position);
        }
        size = size < there ? size : there;
        plan->incomplete = max_bytes < size;
        if (plan->incomplete && (flags & LOG_READ_ONE)) {
            plan->length = size;
            plan->incomplete = false;
        }
    }
    if (plan->length == 0)
        seg_file_unref(&plan->file);
    return ERR_OK;
}

/* Bytes from the end that count as just written. */
enum { HOT_BYTES = 8 << 20 };

static enum err try_read(struct log *log, int64_t offset, int64_t limit,
                         uint32_t max_bytes, unsigned flags,
                         struct log_plan *plan, struct errmsg *why)
{
    bool cached = (flags & LOG_READ_NO_BLOCK) != 0;
    int64_t end = atomic_load(&log->end);
    struct place place;
    uint32_t limit_at, cuts;
    enum err err;

    *plan = (struct log_plan){ .file = NULL };
    limit = limit < end ? limit : end;
    if (offset < atomic_load(&log->start) || offset > end)
        return err_set(why, ERR_RANGE, "offset %lld is not within [%lld, %lld]",
                       (long long)offset, (long long)atomic_load(&log->start),
                       (long long)end);
    lock_take(&log->lock);
    cuts = log->truncations;
    lock_give(&log->lock);
    if (offset >= limit || (max_bytes == 0 && !(flags & LOG_READ_ONE)))
        return ERR_OK;
    err = find(log, offset, cached, &place, why);
    if (err != ERR_OK || place.position >= place.segment.size)
        return err;
    err = find_limit(log, &place, limit,
                     place.position > UINT32_MAX - max_bytes
                         ? UINT32_MAX
                         : place.position + max_bytes,
                     cached, &limit_at, why);
    if (err != ERR_OK || limit_at <= place.position)
        return err;
    err = make_plan(log, &place, limit_at, max_bytes, flags, plan, why);
    if (err != ERR_OK)
        return err;
    plan->hot =
        place.active && place.segment.size - place.position <= HOT_BYTES;
    lock_take(&log->lock);
    /* A reader that got all up to the limit comes back for the limit. */
    if (plan->length == limit_at - place.position && log->truncations == cuts &&
        log_active(log)->base == place.segment.base)
        log_mark(log, limit, limit_at);
    lock_give(&log->lock);
    return ERR_OK;
}

/* Attempts to read while segments are being removed. */
enum { TRIES = 4 };

enum err log_read(struct log *log, int64_t offset, int64_t limit,
                  uint32_t max_bytes, unsigned flags, struct log_plan *plan,
                  struct errmsg *why)
{
    uint32_t look;
    int tries = 0;
    enum err err;

    /* A file may vanish between being looked up and being opened: retention
     * has raised the log start then, or a truncation has lowered the end. And
     * when compaction exchanged files meanwhile, nothing found counts. */
    for (;;) {
        *plan = (struct log_plan){ .file = NULL };
        err = log_look(log, (flags & LOG_READ_NO_BLOCK) != 0, &look);
        if (err != ERR_OK)
            return err;
        err = try_read(log, offset, limit, max_bytes, flags, plan, why);
        if (!log_looked(log, look)) {
            seg_file_unref(&plan->file);
            continue;
        }
        if (err != ERR_ABSENT || ++tries == TRIES)
            return err == ERR_ABSENT ? ERR_IO : err;
    }
}

enum err log_plan_load(struct log *log, const struct log_plan *plan,
                       uint8_t *at, size_t *n, struct errmsg *why)
{
    enum err err;

    *n = 0;
    if (plan->file == NULL)
        return ERR_OK;
    err = io_read(log_fs(log), seg_file_fd(plan->file), at, plan->length,
                  plan->position, n);
    if (err != ERR_OK)
        return err_set(why, err, "read a segment of %s", log->name);
    return ERR_OK;
}
