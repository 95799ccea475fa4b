/* log_scan.c - walk the batches of a file.
 *
 * One buffer slides over the file. Where only headers are wanted, the records
 * between two of them are skipped without being read, unless they came along.
 */
#include "base/mem.h"
#include "seg/log_private.h"

enum { SCAN_HEADERS = 64 * 1024, SCAN_WHOLE = 1024 * 1024 };

void scan_init(struct scan *scan, const struct fs *fs, int fd, uint32_t from,
               uint32_t end, bool whole)
{
    *scan = (struct scan){ .fs = fs,
                           .fd = fd,
                           .position = from,
                           .end = end,
                           .whole = whole,
                           .window = whole ? SCAN_WHOLE : SCAN_HEADERS,
                           .at = from };
}

void scan_fini(struct scan *scan)
{
    mem_free(scan->buffer);
    scan->buffer = NULL;
}

/* Bytes of the buffer from the scan's position on. */
static struct bytes have(const struct scan *scan)
{
    size_t skip;

    if (scan->position < scan->at)
        return bytes_make("", 0);
    skip = scan->position - scan->at;
    if (skip >= scan->len)
        return bytes_make("", 0);
    return bytes_make(scan->buffer + skip, scan->len - skip);
}

/* See to it that `n` bytes from the position on are in the buffer, or all up to
 * the end. */
static enum err need(struct scan *scan, size_t n)
{
    uint32_t left = scan->end - scan->position;
    struct bytes kept = have(scan);
    size_t want = scan->window, got = 0;
    enum err err;

    if (kept.len >= n || kept.len == left)
        return ERR_OK;
    want = want > n ? want : n;
    want = want < left ? want : left;
    if (want > scan->size) {
        uint8_t *more = mem_try(want);

        if (more == NULL)
            return ERR_NOMEM;
        if (kept.len > 0)
            memcpy(more, kept.at, kept.len);
        mem_free(scan->buffer);
        scan->buffer = more;
        scan->size = want;
    } else if (kept.len > 0) {
        memmove(scan->buffer, kept.at, kept.len);
    }
    scan->at = scan->position;
    scan->len = kept.len;
    err = io_read(scan->fs, scan->fd, scan->buffer + kept.len, want - kept.len,
                  (int64_t)scan->position + (int64_t)kept.len, &got);
    if (err != ERR_OK)
        return err;
    scan->len += got;
    if (got < want - kept.len) /* the file is shorter than was said */
        scan->end = scan->position + (uint32_t)scan->len;
    return ERR_OK;
}

enum err scan_next(struct scan *scan, struct batch *batch)
{
    uint32_t left = scan->end - scan->position;
    size_t size;
    enum err err;

    if (left == 0)
        return ERR_ABSENT;
    err = need(scan, BATCH_HEADER);
    if (err != ERR_OK)
        return err;
    left = scan->end - scan->position;
    if (left == 0)
        return ERR_ABSENT;
    err = batch_header_read(have(scan), &batch->header);
    if (err != ERR_OK)
        return err;
    size = batch_size(&batch->header);
    if (size > left)
        return ERR_SHORT;
    if (scan->whole || batch_is_control(&batch->header)) {
        err = need(scan, size);
        if (err != ERR_OK)
            return err;
        if (have(scan).len < size)
            return ERR_SHORT;
    }
    batch->bytes = have(scan);
    if (batch->bytes.len > size)
        batch->bytes.len = size;
    if (scan->whole) {
        err = batch_check(batch->bytes);
        if (err != ERR_OK)
            return err;
    }
    scan->position += (uint32_t)size;
    return ERR_OK;
}
