/* clean_out.c - the segment that compaction writes, up to its last sync. */
#include "seg/clean_out.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/mem.h"

enum {
    WRITE_BYTES = 1 << 20, /* written at once by default */
    SYNC_BYTES = 8 << 20,  /* brought to the disk in the background at once */
};

/* Transactions aborted in one segment, at most: a GiB of markers has fewer. */
#define TXN_BYTES_MOST ((size_t)512 << 20)

static enum err cleaned_path(const struct clean_out *out, enum seg_kind kind,
                             char path[static SEG_PATH_MOST],
                             struct errmsg *why)
{
    char suffix[32];

    (void)snprintf(suffix, sizeof suffix, "%s.cleaned", seg_kind_suffix(kind));
    return log_file_path(out->log, out->base, suffix, path, why);
}

static enum err create(const struct clean_out *out, enum seg_kind kind, int *fd,
                       struct errmsg *why)
{
    const struct fs *fs = log_fs(out->log);
    char path[SEG_PATH_MOST];
    enum err err = cleaned_path(out, kind, path, why);

    if (err != ERR_OK)
        return err;
    *fd = fs->open(fs, path, O_RDWR | O_CREAT | O_TRUNC, 0644);
    return *fd < 0 ? io_fail(why, "create", path) : ERR_OK;
}

enum err clean_out_start(struct clean_out *out, struct log *log, int64_t base,
                         const struct log_config *config, size_t io_bytes,
                         bool direct, struct errmsg *why)
{
    size_t most = (size_t)config->segment_index_bytes;
    enum err err;

    *out = (struct clean_out){ .log = log,
                               .base = base,
                               .fd = -1,
                               .files = true,
                               .max_time = LOG_NO_TIMESTAMP,
                               .max_time_offset = base,
                               .last_time = LOG_NO_TIMESTAMP };
    out->interval = (uint32_t)config->index_interval_bytes;
    out->io_bytes = io_bytes > 0 ? io_bytes : WRITE_BYTES;
    wr_init(&out->data, SIZE_MAX);
    wr_init(&out->indexes[SEG_INDEX], most - most % INDEX_ENTRY);
    wr_init(&out->indexes[SEG_TIMEINDEX], most - most % TIME_ENTRY);
    wr_init(&out->indexes[SEG_TXNINDEX], TXN_BYTES_MOST);
    err = create(out, SEG_LOG, &out->fd, why);
    if (err == ERR_OK)
        direct_init(&out->way, log_fs(log), out->fd, direct);
    return err;
}

/* -- adding -------------------------------------------------------------------
 */

static enum err write_data(struct clean_out *out, struct errmsg *why)
{
    const struct fs *fs = log_fs(out->log);
    enum err err;

    if (out->data.len == 0)
        return ERR_OK;
    err = direct_write(&out->way, out->data.data, out->data.len);
    if (err != ERR_OK)
        return io_fail(why, "write a compacted segment of", out->log->name);
    out->written += out->data.len;
    out->data.len = 0;
    /* So that the sync at the end finds little left to wait for. */
    if (out->written - out->begun >= SYNC_BYTES) {
        fs->begin_sync(fs, out->fd, (int64_t)out->begun,
                       (int64_t)(out->written - out->begun));
        out->begun = out->written;
    }
    return ERR_OK;
}

/* An index that is full takes no more, as looking up copes with any gap. */
static bool has_room(const struct wr *w, size_t entry)
{
    return w->limit - w->len >= entry;
}

static void time_entry(struct clean_out *out, size_t spare)
{
    struct wr *w = &out->indexes[SEG_TIMEINDEX];

    if (out->max_time <= out->last_time || !has_room(w, TIME_ENTRY + spare))
        return;
    wr_i64(w, out->max_time);
    wr_i32(w, (int32_t)(out->max_time_offset - out->base));
    out->last_time = out->max_time;
}

enum err clean_out_note(struct clean_out *out, const struct clean_kept *kept,
                        struct errmsg *why)
{
    struct wr *index = &out->indexes[SEG_INDEX];
    uint64_t end = out->written + out->data.len;

    if (end > INT32_MAX)
        return err_set(why, ERR_RANGE, "a compacted segment is too large");
    if (kept->last_offset < out->base ||
        kept->last_offset - out->base > INT32_MAX)
        return err_set(why, ERR_RANGE,
                       "offset %lld is too far from the segment's base %lld",
                       (long long)kept->last_offset, (long long)out->base);
    if (kept->max_timestamp > out->max_time) {
        out->max_time = kept->max_timestamp;
        out->max_time_offset = kept->last_offset;
    }
    if (out->since > out->interval && has_room(index, INDEX_ENTRY)) {
        wr_i32(index, (int32_t)(kept->last_offset - out->base));
        wr_i32(index, (int32_t)out->noted);
        time_entry(out, TIME_ENTRY);
        out->since = 0;
    }
    out->since += (uint32_t)(end - out->noted);
    out->noted = end;
    if (index->err != ERR_OK || out->indexes[SEG_TIMEINDEX].err != ERR_OK)
        return ERR_NOMEM;
    return out->data.len >= out->io_bytes ? write_data(out, why) : ERR_OK;
}

enum err clean_out_abort(struct clean_out *out, const struct txn_entry *entry)
{
    uint8_t *at = wr_room(&out->indexes[SEG_TXNINDEX], TXN_ENTRY);

    if (at == NULL)
        return out->indexes[SEG_TXNINDEX].err;
    txn_entry_write(at, entry);
    return ERR_OK;
}

/* -- finishing ----------------------------------------------------------------
 */

static enum err write_index(struct clean_out *out, enum seg_kind kind,
                            struct errmsg *why)
{
    const struct fs *fs = log_fs(out->log);
    const struct wr *w = &out->indexes[kind];
    int fd;
    enum err err;

    if (kind == SEG_TXNINDEX && w->len == 0)
        return ERR_OK; /* that one is there only when it says something */
    err = create(out, kind, &fd, why);
    if (err != ERR_OK)
        return err;
    if (w->len > 0)
        err = io_write(fs, fd, w->data, w->len, 0);
    if (err != ERR_OK)
        err = io_fail(why, "write an index of", out->log->name);
    else if (fs->fdatasync(fs, fd) != 0)
        err = io_fail(why, "sync an index of", out->log->name);
    fs->close(fs, fd);
    return err;
}

enum err clean_out_finish(struct clean_out *out, int64_t modified_ms,
                          struct errmsg *why)
{
    const struct fs *fs = log_fs(out->log);
    char path[SEG_PATH_MOST];
    enum err err = write_data(out, why);

    if (err == ERR_OK && direct_finish(&out->way) != ERR_OK)
        err = io_fail(why, "write a compacted segment of", out->log->name);
    time_entry(out, 0);
    if (err == ERR_OK && out->indexes[SEG_TIMEINDEX].err != ERR_OK)
        err = ERR_NOMEM;
    if (err == ERR_OK && fs->fdatasync(fs, out->fd) != 0)
        err = io_fail(why, "sync a compacted segment of", out->log->name);
    direct_fini(&out->way);
    fs->close(fs, out->fd);
    out->fd = -1;
    for (int kind = SEG_INDEX; kind < SEG_KINDS && err == ERR_OK; kind++)
        err = write_index(out, (enum seg_kind)kind, why);
    if (err == ERR_OK)
        err = cleaned_path(out, SEG_LOG, path, why);
    if (err == ERR_OK && fs->utimes(fs, path, modified_ms) != 0)
        err = io_fail(why, "set the time of", path);
    return err;
}

enum err clean_out_drop(struct clean_out *out, struct errmsg *why)
{
    char path[SEG_PATH_MOST];
    enum err err = ERR_OK;

    direct_fini(&out->way);
    if (out->fd >= 0)
        log_fs(out->log)->close(log_fs(out->log), out->fd);
    out->fd = -1;
    for (int kind = 0; kind < SEG_KINDS && out->files && err == ERR_OK;
         kind++) {
        err = cleaned_path(out, (enum seg_kind)kind, path, why);
        if (err == ERR_OK)
            err = io_unlink(log_fs(out->log), path, why);
    }
    wr_fini(&out->data);
    for (int kind = 0; kind < SEG_KINDS; kind++)
        wr_fini(&out->indexes[kind]);
    return err;
}
