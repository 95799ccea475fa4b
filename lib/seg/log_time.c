/* log_time.c - offsets by time. */
#include "base/mem.h"
#include "seg/log_private.h"

/* Inflated bytes of one batch that are looked at for one offset. */
#define INFLATE_MOST (UINT64_C(1) << 31)

/* What a record must be to be the one. */
struct wanted {
    int64_t at_least; /* timestamp */
    int64_t from;     /* offset */
};

/* The first such record of a batch; ERR_ABSENT when there is none. */
static enum err find_record(const struct batch *batch,
                            const struct wanted *wanted, struct log_offset *out)
{
    struct batch_reader reader;
    struct batch_record record;
    enum err err;

    batch_reader_init(&reader);
    err = batch_reader_start(&reader, batch->bytes, INFLATE_MOST);
    while (err == ERR_OK) {
        err = batch_reader_next(&reader, &record);
        if (err == ERR_OK && record.timestamp >= wanted->at_least &&
            record.offset >= wanted->from) {
            out->offset = record.offset;
            out->timestamp = record.timestamp;
            out->leader_epoch = batch->header.leader_epoch;
            break;
        }
    }
    batch_reader_fini(&reader);
    return err;
}

/* Read one batch whole, of which the scan gave the header. */
static enum err load_batch(const struct fs *fs, int fd, uint32_t position,
                           const struct batch *head, uint8_t **bytes)
{
    size_t size = batch_size(&head->header), got;
    enum err err;

    *bytes = mem_try(size);
    if (*bytes == NULL)
        return ERR_NOMEM;
    err = io_read(fs, fd, *bytes, size, position, &got);
    if (err == ERR_OK && got < size)
        err = ERR_SHORT;
    if (err != ERR_OK) {
        mem_free(*bytes);
        *bytes = NULL;
    }
    return err;
}

static enum err search_segment(struct log *log, const struct segment *segment,
                               const struct wanted *wanted, int64_t limit,
                               struct log_offset *out, struct errmsg *why)
{
    int64_t time, offset;
    struct seg_file *file;
    struct batch batch;
    struct scan scan;
    uint32_t position;
    enum err err;

    if (segment->size == 0)
        return ERR_ABSENT;
    err = index_time_lookup(log, segment->base, wanted->at_least, &time,
                            &offset, why);
    /* An entry says: nothing larger at or before its offset. One with just this
     * timestamp may stand after the record. */
    if (err == ERR_OK && time == wanted->at_least)
        err = index_time_lookup(log, segment->base, wanted->at_least - 1, &time,
                                &offset, why);
    if (offset < wanted->from)
        offset = wanted->from;
    if (err == ERR_OK)
        err = index_lookup(log, segment->base, offset, false, &position, why);
    if (err == ERR_OK)
        err = log_file_get(log, segment->base, SEG_LOG, false, &file, why);
    if (err != ERR_OK)
        return err;
    scan_init(&scan, log_fs(log), seg_file_fd(file), position, segment->size,
              false);
    for (;;) {
        uint8_t *bytes;

        position = scan.position;
        err = scan_next(&scan, &batch);
        if (err != ERR_OK || batch.header.base_offset >= limit)
            break;
        if (batch.header.max_timestamp < wanted->at_least ||
            batch_last_offset(&batch.header) < wanted->from)
            continue;
        err = load_batch(log_fs(log), seg_file_fd(file), position, &batch,
                         &bytes);
        if (err != ERR_OK)
            break;
        batch.bytes = bytes_make(bytes, batch_size(&batch.header));
        err = find_record(&batch, wanted, out);
        mem_free(bytes);
        if (err != ERR_ABSENT)
            break;
    }
    scan_fini(&scan);
    seg_file_unref(&file);
    if (err != ERR_OK && err != ERR_ABSENT)
        err = err_set(why, scan_is_damage(err) ? ERR_CORRUPT : err,
                      "%s/%s/%020lld.log at byte %u: %s", log->dir->path,
                      log->name, (long long)segment->base, position,
                      err_words(err));
    return err;
}

/* The largest timestamp of a segment; the file's mtime when it has none. */
enum err log_segment_largest(struct log *log, const struct segment *segment,
                             int64_t *largest, int64_t *modified,
                             struct errmsg *why)
{
    char path[SEG_PATH_MOST];
    struct fs_stat st;
    int64_t offset;
    enum err err =
        log_segment_max_time(log, segment->base, largest, &offset, why);

    if (err != ERR_OK || (*largest >= 0 && modified == NULL))
        return err;
    err = log_file_path(log, segment->base, ".log", path, why);
    if (err != ERR_OK)
        return err;
    if (log_fs(log)->stat(log_fs(log), path, &st) != 0)
        st.mtime_ms = 0; /* not made yet, or gone */
    if (modified != NULL)
        *modified = st.mtime_ms;
    if (*largest < 0)
        *largest = st.mtime_ms;
    return ERR_OK;
}

static enum err offset_by_time(struct log *log, int64_t timestamp,
                               struct log_offset *out, struct errmsg *why)
{
    struct wanted wanted = { timestamp, atomic_load(&log->start) };
    int64_t at = wanted.from, limit = atomic_load(&log->end), largest;
    struct segment segment;
    bool last = false;
    enum err err;

    *out = (struct log_offset){ LOG_NO_OFFSET, LOG_NO_TIMESTAMP, -1 };
    while (!last) {
        log_segment_of(log, at, &segment, &at, &last);
        err = log_segment_largest(log, &segment, &largest, NULL, why);
        if (err != ERR_OK)
            return err;
        if (largest < timestamp)
            continue;
        err = search_segment(log, &segment, &wanted, limit, out, why);
        if (err != ERR_ABSENT)
            return err;
        /* Its records are below the log start, or without timestamps. */
    }
    return ERR_OK;
}

static enum err offset_max_time(struct log *log, struct log_offset *out,
                                struct errmsg *why)
{
    int64_t at = atomic_load(&log->start), best = LOG_NO_TIMESTAMP;
    struct segment segment, holds = { .size = 0 };
    struct wanted wanted = { 0, at };
    bool last = false;
    enum err err;

    *out = (struct log_offset){ LOG_NO_OFFSET, LOG_NO_TIMESTAMP, -1 };
    while (!last) {
        int64_t time, offset;

        log_segment_of(log, at, &segment, &at, &last);
        err = log_segment_max_time(log, segment.base, &time, &offset, why);
        if (err != ERR_OK)
            return err;
        if (time > best) {
            best = time;
            holds = segment;
        }
    }
    if (best < 0)
        return ERR_OK;
    wanted.at_least = best;
    err =
        search_segment(log, &holds, &wanted, atomic_load(&log->end), out, why);
    return err == ERR_ABSENT ? ERR_OK : err;
}

enum err log_offset_by_time(struct log *log, int64_t timestamp,
                            struct log_offset *out, struct errmsg *why)
{
    uint32_t look;
    enum err err;

    do {
        err = log_look(log, false, &look);
        if (err == ERR_OK)
            err = offset_by_time(log, timestamp, out, why);
    } while (!log_looked(log, look));
    return err;
}

enum err log_offset_max_time(struct log *log, struct log_offset *out,
                             struct errmsg *why)
{
    uint32_t look;
    enum err err;

    do {
        err = log_look(log, false, &look);
        if (err == ERR_OK)
            err = offset_max_time(log, out, why);
    } while (!log_looked(log, look));
    return err;
}
