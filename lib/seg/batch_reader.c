/* batch_reader.c - the records of one batch, of any magic.
 *
 *   magic 2, plain        slices of the batch
 *   magic 2, compressed   slices of the window
 *   magic 0, 1, plain     the message is its own batch: one record
 *   magic 0, 1, wrapper   inner messages, slices of the window
 */
#include "seg/batch.h"

#include "base/mem.h"
#include "seg/batch_parse.h"
#include "seg/batch_window.h"
#include "seg/msgset_parse.h"
#include "wire/rd.h"

void batch_reader_init(struct batch_reader *reader)
{
    *reader = (struct batch_reader){ .err = ERR_ABSENT };
    codec_reader_init(&reader->codec);
}

void batch_reader_fini(struct batch_reader *reader)
{
    codec_reader_fini(&reader->codec);
    mem_free(reader->window);
    batch_reader_init(reader);
}

static enum err reader_inflate(struct batch_reader *reader, struct bytes bytes)
{
    const struct batch_header *h = &reader->batch.header;

    batch_window_clear(reader);
    return codec_reader_start(&reader->codec, batch_codec(h), h->magic == 0,
                              bytes, reader->limit);
}

/* -- wrappers of magic 0 and 1 -----------------------------------------------
 */

/* Offset and size of the next inner message, not consumed; its size is at
 * least that of the smallest one. ERR_ABSENT when no whole one follows, even if
 * some bytes do: old writers left them there, and Kafka passes over them. */
static enum err inner_peek(struct batch_reader *reader, int64_t *offset,
                           size_t *size)
{
    enum err err = batch_window_need(reader, BATCH_OVERHEAD);

    if (err != ERR_OK)
        return err;
    struct rd r = rd_make(bytes_make(batch_window_at(reader), BATCH_OVERHEAD));
    *offset = rd_i64(&r);
    int32_t n = rd_i32(&r);
    if (n < BATCH_LEAST_0 - BATCH_OVERHEAD)
        return ERR_RECORD;
    *size = (size_t)n + BATCH_OVERHEAD;
    return ERR_OK;
}

/* Walk the wrapper once to learn the offset of its last message. */
static enum err inner_last(struct batch_reader *reader, struct bytes value,
                           int64_t *last)
{
    enum err err = reader_inflate(reader, value);
    bool any = false;

    while (err == ERR_OK) {
        int64_t offset;
        size_t size;

        err = inner_peek(reader, &offset, &size);
        if (err == ERR_OK)
            err = batch_window_skip(reader, size);
        if (err == ERR_OK) {
            *last = offset;
            any = true;
        }
    }
    if (err == ERR_ABSENT)
        return any ? ERR_OK : ERR_RECORD;
    return err;
}

static enum err wrapper_start(struct batch_reader *reader)
{
    const struct batch_header *h = &reader->batch.header;
    struct bytes bytes = reader->batch.bytes;
    struct msgset_message message;
    int64_t last = 0;
    enum err err;

    err = msgset_message_read(
        bytes_make(bytes.at + BATCH_OVERHEAD, bytes.len - BATCH_OVERHEAD),
        &message);
    if (err != ERR_OK || bytes_is_null(message.value) ||
        batch_codec(h) == CODEC_ZSTD)
        return ERR_RECORD;
    reader->inner_base = 0;
    if (h->magic == 1) {
        err = inner_last(reader, message.value, &last);
        if (err != ERR_OK)
            return err;
        /* Some old clients send 0 here: then the inner offsets stand. */
        if (h->base_offset != 0) {
            if (h->base_offset < last)
                return ERR_RECORD;
            reader->inner_base =
                (int64_t)((uint64_t)h->base_offset - (uint64_t)last);
        }
    }
    return reader_inflate(reader, message.value);
}

static enum err message_record(const struct batch_reader *reader,
                               struct bytes bytes, int64_t offset,
                               struct batch_record *record)
{
    const struct batch_header *h = &reader->batch.header;
    struct msgset_message m;

    if (msgset_message_read(bytes, &m) != ERR_OK)
        return ERR_RECORD;
    if (reader->wrapper && (m.attributes & BATCH_CODEC_MASK) != 0)
        return ERR_RECORD; /* nothing nests deeper */
    *record = (struct batch_record){
        .offset = offset,
        .timestamp = m.timestamp,
        .sequence = BATCH_NO_SEQUENCE,
        .attributes = m.attributes,
        .magic = m.magic,
        .size = (uint32_t)(bytes.len + BATCH_OVERHEAD),
        .key = m.key,
        .value = m.value,
    };
    if (reader->wrapper && m.magic == 1 && batch_has_append_time(h))
        record->timestamp = h->max_timestamp;
    return ERR_OK;
}

static enum err wrapper_next(struct batch_reader *reader,
                             struct batch_record *record)
{
    int64_t offset;
    size_t size;
    enum err err = inner_peek(reader, &offset, &size);

    if (err == ERR_OK)
        err = batch_window_need(reader, size);
    if (err == ERR_ABSENT && reader->done == 0)
        return ERR_RECORD;
    if (err != ERR_OK)
        return err;
    struct bytes message = bytes_make(batch_window_at(reader) + BATCH_OVERHEAD,
                                      size - BATCH_OVERHEAD);
    reader->window_at += size;
    offset = (int64_t)((uint64_t)offset + (uint64_t)reader->inner_base);
    return message_record(reader, message, offset, record);
}

static enum err message_next(struct batch_reader *reader,
                             struct batch_record *record)
{
    struct bytes bytes = reader->batch.bytes;

    if (reader->wrapper)
        return wrapper_next(reader, record);
    if (reader->done != 0)
        return ERR_ABSENT;
    return message_record(
        reader,
        bytes_make(bytes.at + BATCH_OVERHEAD, bytes.len - BATCH_OVERHEAD),
        reader->batch.header.base_offset, record);
}

/* -- magic 2 -----------------------------------------------------------------
 */

static struct bytes raw_bytes(const uint8_t *at, int32_t len)
{
    return len < 0 ? BYTES_NULL : bytes_make(at, (size_t)len);
}

static void raw_record(const struct batch_header *h,
                       const struct batch_raw *raw, const uint8_t *from,
                       const uint8_t *to, struct batch_record *record)
{
    int64_t timestamp =
        (int64_t)((uint64_t)h->base_timestamp + (uint64_t)raw->timestamp_delta);

    *record = (struct batch_record){
        .offset = (int64_t)((uint64_t)h->base_offset +
                            (uint64_t)(int64_t)raw->offset_delta),
        .timestamp = batch_has_append_time(h) ? h->max_timestamp : timestamp,
        .sequence =
            h->base_sequence < 0
                ? BATCH_NO_SEQUENCE
                : batch_sequence_add(h->base_sequence, raw->offset_delta),
        .attributes = raw->attributes,
        .magic = h->magic,
        .size = (uint32_t)(to - from),
        .key = raw_bytes(raw->key, raw->key_len),
        .value = raw_bytes(raw->value, raw->value_len),
        .n_headers = raw->n_headers,
        .headers = bytes_make(raw->headers, (size_t)(to - raw->headers)),
    };
}

static enum err plain_next(struct batch_reader *reader,
                           struct batch_record *record)
{
    const uint8_t *from = reader->left.at;
    const uint8_t *at = from;
    struct batch_raw raw;

    if (!batch_parse_record(&at, from + reader->left.len, &raw))
        return ERR_RECORD;
    reader->left.at = at;
    reader->left.len -= (size_t)(at - from);
    raw_record(&reader->batch.header, &raw, from, at, record);
    return ERR_OK;
}

static enum err inflated_next(struct batch_reader *reader,
                              struct batch_record *record)
{
    enum err err = batch_window_need(reader, 5); /* the longest length */
    struct batch_raw raw;
    int32_t body;

    if (err != ERR_OK && err != ERR_ABSENT)
        return err;
    const uint8_t *from = batch_window_at(reader);
    const uint8_t *at = from;
    if (!batch_parse_varint(&at, from + batch_window_here(reader), &body) ||
        body < 0)
        return ERR_RECORD;
    size_t head = (size_t)(at - from);
    err = batch_window_need(reader, head + (size_t)body);
    if (err != ERR_OK)
        return err == ERR_ABSENT ? ERR_RECORD : err;
    from = batch_window_at(reader);
    at = from + head;
    reader->window_at += head + (size_t)body;
    if (!batch_parse_body(at, at + body, &raw))
        return ERR_RECORD;
    raw_record(&reader->batch.header, &raw, from, at + body, record);
    return ERR_OK;
}

static bool reader_is_plain(const struct batch_reader *reader)
{
    return batch_codec(&reader->batch.header) == CODEC_NONE;
}

/* After the last record nothing may follow. A batch of no records is not looked
 * into. */
static enum err record_end(struct batch_reader *reader)
{
    enum err err;

    if (reader->batch.header.count == 0)
        return ERR_ABSENT;
    if (reader_is_plain(reader))
        return reader->left.len == 0 ? ERR_ABSENT : ERR_RECORD;
    err = batch_window_need(reader, 1);
    return err == ERR_OK ? ERR_RECORD : err;
}

/* -- both --------------------------------------------------------------------
 */

static enum err reader_start(struct batch_reader *reader, struct bytes bytes)
{
    struct batch_iter iter = batch_iter_make(bytes);
    enum err err = batch_iter_next(&iter, &reader->batch);

    if (err != ERR_OK)
        return err == ERR_ABSENT ? ERR_SHORT : err;
    bytes = reader->batch.bytes;
    if (reader->batch.header.magic < 2) {
        reader->wrapper = !reader_is_plain(reader);
        return reader->wrapper ? wrapper_start(reader) : ERR_OK;
    }
    if (reader->batch.header.count < 0)
        return ERR_RECORD;
    reader->left =
        bytes_make(bytes.at + BATCH_HEADER, bytes.len - BATCH_HEADER);
    if (reader_is_plain(reader))
        return ERR_OK;
    return reader_inflate(reader, reader->left);
}

enum err batch_reader_start(struct batch_reader *reader, struct bytes bytes,
                            uint64_t limit)
{
    reader->done = 0;
    reader->wrapper = false;
    reader->limit = limit;
    reader->err = reader_start(reader, bytes);
    return reader->err;
}

enum err batch_reader_next(struct batch_reader *reader,
                           struct batch_record *record)
{
    const struct batch_header *h = &reader->batch.header;

    if (reader->err != ERR_OK)
        return reader->err;
    if (h->magic < 2)
        reader->err = message_next(reader, record);
    else if (reader->done >= h->count)
        reader->err = record_end(reader);
    else if (reader_is_plain(reader))
        reader->err = plain_next(reader, record);
    else
        reader->err = inflated_next(reader, record);
    if (reader->err == ERR_OK)
        reader->done++;
    return reader->err;
}
