/* log_find.c - where in a file an offset begins.
 *
 * Offsets that were appended or asked for lately are remembered exactly, so
 * that a consumer at the end of the log needs no look at any file. Else the
 * index says where to begin, and headers are read from there.
 */
#include "seg/log_private.h"

void log_mark(struct log *log, int64_t offset, uint32_t position)
{
    struct hot *hot = log->hot;

    if (hot == NULL)
        return;
    for (uint32_t i = 0; i < hot->n_marks; i++)
        if (hot->marks[i].offset == offset)
            return;
    hot->marks[hot->next_mark] = (struct mark){ offset, position };
    hot->next_mark = (hot->next_mark + 1) % MARKS;
    if (hot->n_marks < MARKS)
        hot->n_marks++;
}

/* Under `lock`: the position, when it is known. */
static bool find_mark(const struct log *log, int64_t base, int64_t offset,
                      uint32_t *position)
{
    const struct hot *hot = log->hot;

    if (hot == NULL || log_active(log)->base != base)
        return false;
    for (uint32_t i = 0; i < hot->n_marks; i++)
        if (hot->marks[i].offset == offset) {
            *position = hot->marks[i].position;
            return true;
        }
    return false;
}

/* Read headers from `*position` on until the batch whose last offset is not
 * below `offset`. Only what is in the page cache when `cached`. */
static enum err walk(const struct fs *fs, int fd, uint32_t end, int64_t offset,
                     bool cached, uint32_t *position, uint32_t *size)
{
    uint8_t chunk[8192];
    uint32_t at = *position, from = *position;
    size_t got = 0;
    enum err err;

    *size = 0;
    while (at < end) {
        size_t skip = at - from;
        struct batch_header header;
        size_t n;

        if (got < skip + BATCH_HEADER && got < skip + (end - at)) {
            n = end - at < sizeof chunk ? end - at : sizeof chunk;
            from = at;
            err = cached ? io_read_cached(fs, fd, chunk, n, at, &got)
                         : io_read(fs, fd, chunk, n, at, &got);
            if (err != ERR_OK)
                return err;
            skip = 0;
        }
        err = batch_header_read(bytes_make(chunk + skip, got - skip), &header);
        if (err != ERR_OK)
            return err;
        n = batch_size(&header);
        if (n > end - at)
            return ERR_SHORT;
        if (batch_last_offset(&header) >= offset) {
            *size = (uint32_t)n;
            break;
        }
        at += (uint32_t)n;
    }
    *position = at;
    return ERR_OK;
}

enum err log_find_position(struct log *log, const struct segment *segment,
                           int64_t offset, bool cached, uint32_t *position,
                           uint32_t *size, struct errmsg *why)
{
    struct seg_file *file;
    bool known;
    enum err err;

    *position = 0;
    *size = 0;
    if (segment->size == 0)
        return ERR_OK;
    lock_take(&log->lock);
    known = find_mark(log, segment->base, offset, position);
    lock_give(&log->lock);
    if (known)
        return ERR_OK;
    err = index_lookup(log, segment->base, offset, cached, position, why);
    if (err != ERR_OK)
        return err;
    if (*position > segment->size)
        *position = 0; /* an entry of a later time */
    err = log_file_get(log, segment->base, SEG_LOG, false, &file, why);
    if (err != ERR_OK)
        return err;
    err = walk(log_fs(log), seg_file_fd(file), segment->size, offset, cached,
               position, size);
    if (scan_is_damage(err) && *position > 0) {
        /* A damaged index must not make the log unreadable. */
        *position = 0;
        err = walk(log_fs(log), seg_file_fd(file), segment->size, offset,
                   cached, position, size);
    }
    seg_file_unref(&file);
    if (err != ERR_OK && err != ERR_AGAIN)
        return err_set(why, err, "%s/%s/%020lld.log: no batch for offset %lld",
                       log->dir->path, log->name, (long long)segment->base,
                       (long long)offset);
    return err;
}
