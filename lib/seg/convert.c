/* convert.c - between magic 2 and its ancestors. */
#include "seg/convert.h"

#include "seg/msgset_parse.h"

void converter_init(struct converter *converter)
{
    batch_reader_init(&converter->reader);
    msgset_builder_init(&converter->builder);
}

void converter_fini(struct converter *converter)
{
    batch_reader_fini(&converter->reader);
    msgset_builder_fini(&converter->builder);
}

int8_t convert_fetch_magic(int16_t fetch_version)
{
    if (fetch_version <= 1)
        return 0;
    return fetch_version <= 3 ? 1 : 2;
}

/* -- down --------------------------------------------------------------------
 */

/* Kafka's answer when there is something, but nothing an old client could be
 * told: the head of a message that claims to be longer than the answer. */
static void convert_filler(struct wr *out)
{
    wr_i64(out, -1);
    wr_i32(out, BATCH_HEADER);
}

static enum err convert_down_records(struct converter *converter,
                                     const struct batch *batch, int8_t magic,
                                     int64_t fetch_offset, uint64_t limit,
                                     struct wr *out)
{
    const struct batch_header *h = &batch->header;
    enum codec codec = batch_codec(h);
    struct batch_record record;
    enum err err, ended;

    err = batch_reader_start(&converter->reader, batch->bytes, limit);
    if (err == ERR_OK)
        err = msgset_builder_start(&converter->builder, magic, codec,
                                   batch_has_append_time(h), h->max_timestamp,
                                   out);
    if (err != ERR_OK)
        return err;
    while ((err = batch_reader_next(&converter->reader, &record)) == ERR_OK) {
        if (codec != CODEC_NONE || record.offset >= fetch_offset)
            msgset_builder_add(&converter->builder, &record);
        if (converter->builder.err != ERR_OK || out->err != ERR_OK)
            break; /* do not inflate what cannot be told */
    }
    ended = msgset_builder_finish(&converter->builder);
    if (err != ERR_OK && err != ERR_ABSENT)
        return err;
    return ended;
}

static enum err convert_down_batch(struct converter *converter,
                                   const struct batch *batch, int8_t magic,
                                   int64_t fetch_offset, uint64_t limit,
                                   struct wr *out)
{
    const struct batch_header *h = &batch->header;

    if (batch_is_control(h))
        return ERR_OK;
    if (batch_codec(h) == CODEC_ZSTD)
        return ERR_CODEC;
    if (h->magic <= magic) {
        wr_raw(out, batch->bytes.at, batch->bytes.len);
        return out->err;
    }
    return convert_down_records(converter, batch, magic, fetch_offset, limit,
                                out);
}

enum err convert_down(struct converter *converter, struct bytes batches,
                      int8_t magic, int64_t fetch_offset, uint64_t limit,
                      struct wr *out, size_t *consumed)
{
    struct batch_iter iter = batch_iter_make(batches);
    size_t start = out->len;
    struct batch batch;
    enum err err;

    *consumed = 0;
    while ((err = batch_iter_next(&iter, &batch)) == ERR_OK) {
        size_t before = out->len;

        err = convert_down_batch(converter, &batch, magic, fetch_offset, limit,
                                 out);
        if (err != ERR_OK) {
            out->len = before;
            out->err = err == ERR_NOMEM ? ERR_NOMEM : ERR_OK;
            break;
        }
        *consumed = iter.position;
    }
    if (out->len != start && err != ERR_NOMEM)
        return ERR_OK;
    if (err != ERR_ABSENT && err != ERR_SHORT)
        return err;
    if (*consumed != 0)
        convert_filler(out);
    return out->err;
}

/* -- up ----------------------------------------------------------------------
 */

struct convert_up {
    struct batch_reader *reader;
    struct batch_builder *builder;
    convert_each_fn *each;
    void *context;
    int8_t magic;  /* of the first message */
    int32_t index; /* records so far */
};

/* Messages inside a wrapper have a CRC each, of the bytes behind it. */
static enum err convert_inner_check(const struct batch_reader *reader,
                                    const struct batch_record *record)
{
    size_t size = record->size - BATCH_OVERHEAD;

    if (!reader->wrapper)
        return ERR_OK;
    const uint8_t *end = reader->window + reader->window_at;
    return msgset_message_check(bytes_make(end - size, size)) ? ERR_OK
                                                              : ERR_CORRUPT;
}

static enum err convert_up_batch(struct convert_up *up, struct bytes bytes,
                                 uint64_t limit)
{
    struct batch_record record;
    enum err err = batch_reader_start(up->reader, bytes, limit);

    while (err == ERR_OK) {
        err = batch_reader_next(up->reader, &record);
        if (err != ERR_OK)
            break;
        if (record.magic != up->magic)
            return ERR_RECORD;
        err = convert_inner_check(up->reader, &record);
        if (err == ERR_OK && up->each != NULL)
            err = up->each(up->context, up->index, &record);
        if (err != ERR_OK)
            break;
        record.offset = up->builder->last_offset + 1;
        batch_builder_add(up->builder, &record);
        err = up->builder->err != ERR_OK ? up->builder->err
                                         : up->builder->out->err;
        up->index++;
    }
    return err == ERR_ABSENT ? ERR_OK : err;
}

enum err convert_up(struct batch_reader *reader, struct batch_builder *builder,
                    struct bytes sets, const struct batch_spec *spec,
                    uint64_t limit, convert_each_fn *each, void *context,
                    struct wr *out, struct batch_header *header)
{
    struct batch_iter iter = batch_iter_make(sets);
    struct convert_up up = { reader, builder, each, context, -1, 0 };
    bool compressed = false;
    struct batch batch;
    enum err err = batch_builder_start(builder, spec, out);

    if (err != ERR_OK)
        return err;
    while ((err = batch_iter_next(&iter, &batch)) == ERR_OK) {
        compressed |= batch_codec(&batch.header) != CODEC_NONE;
        if (up.magic >= 0 && (compressed || batch.header.magic != up.magic))
            return ERR_RECORD;
        up.magic = batch.header.magic;
        if (up.magic > 1)
            return ERR_RECORD;
        err = convert_up_batch(&up, batch.bytes, limit);
        if (err != ERR_OK)
            return err;
    }
    if (err != ERR_ABSENT)
        return err;
    if (up.index == 0)
        return ERR_RECORD;
    return batch_builder_finish(builder, header);
}
