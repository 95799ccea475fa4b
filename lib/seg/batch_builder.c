/* batch_builder.c - new batches of magic 2, record by record. */
#include "seg/batch.h"

#include "seg/batch_parse.h"

/* Encoded lengths of varints, needed before the record that starts with its
 * own length. */
static uint32_t varlong_size(int64_t v)
{
    uint64_t z = (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
    unsigned bits = 64 - (unsigned)__builtin_clzll(z | 1);

    return (bits + 6) / 7;
}

static uint64_t bytes_size(struct bytes b)
{
    return varlong_size(bytes_is_null(b) ? -1 : (int64_t)b.len) + b.len;
}

struct batch_spec batch_spec_make(void)
{
    return (struct batch_spec){
        .leader_epoch = BATCH_NO_EPOCH,
        .delete_horizon = BATCH_NO_TIMESTAMP,
        .append_time = BATCH_NO_TIMESTAMP,
        .producer_id = BATCH_NO_PRODUCER_ID,
        .producer_epoch = BATCH_NO_EPOCH,
        .base_sequence = BATCH_NO_SEQUENCE,
        .last_offset_delta = -1,
    };
}

struct batch_spec batch_spec_like(const struct batch_header *header)
{
    return (struct batch_spec){
        .base_offset = header->base_offset,
        .leader_epoch = header->leader_epoch,
        .attributes = header->attributes,
        .delete_horizon = batch_delete_horizon(header),
        .append_time = batch_has_append_time(header) ? header->max_timestamp
                                                     : BATCH_NO_TIMESTAMP,
        .producer_id = header->producer_id,
        .producer_epoch = header->producer_epoch,
        .base_sequence = header->base_sequence,
        .last_offset_delta = header->last_offset_delta,
    };
}

void batch_builder_init(struct batch_builder *builder)
{
    *builder = (struct batch_builder){ .start = 0 };
    codec_writer_init(&builder->codec);
}

void batch_builder_fini(struct batch_builder *builder)
{
    codec_writer_fini(&builder->codec);
    batch_builder_init(builder);
}

enum err batch_builder_start(struct batch_builder *builder,
                             const struct batch_spec *spec, struct wr *out)
{
    builder->spec = *spec;
    builder->out = out;
    builder->start = out->len;
    builder->base_timestamp = BATCH_NO_TIMESTAMP;
    if (spec->attributes & BATCH_DELETE_HORIZON)
        builder->base_timestamp = spec->delete_horizon;
    builder->max_timestamp = BATCH_NO_TIMESTAMP;
    builder->last_offset = spec->base_offset - 1;
    builder->count = 0;
    builder->inflated = 0;
    wr_room(out, BATCH_HEADER);
    builder->err = codec_writer_start(
        &builder->codec, (enum codec)(spec->attributes & BATCH_CODEC_MASK),
        false, out);
    if (builder->err == ERR_OK)
        builder->err = out->err;
    return builder->err;
}

/* Write a length and the bytes; -1 for null. `head` may hold what comes before
 * the length; it is the batch itself where nothing is compressed. */
static void builder_bytes(struct batch_builder *builder, struct wr *head,
                          struct bytes b)
{
    wr_varint(head, bytes_is_null(b) ? -1 : (int32_t)b.len);
    if (head == builder->out) {
        wr_raw(head, b.at, b.len);
        return;
    }
    codec_writer_write(&builder->codec, bytes_make(head->data, head->len));
    codec_writer_write(&builder->codec, b);
    head->len = 0;
}

static void builder_parts(struct batch_builder *builder, struct wr *head,
                          int64_t timestamp_delta, int32_t offset_delta,
                          const struct batch_record *record, int32_t body)
{
    wr_varint(head, body);
    wr_i8(head, 0);
    wr_varlong(head, timestamp_delta);
    wr_varint(head, offset_delta);
    builder_bytes(builder, head, record->key);
    builder_bytes(builder, head, record->value);
    wr_varint(head, record->n_headers);
}

static void builder_record(struct batch_builder *builder,
                           int64_t timestamp_delta, int32_t offset_delta,
                           const struct batch_record *record)
{
    /* The largest piece between bytes: length, attributes, timestamp, offset,
     * key length. It never grows. */
    uint8_t room[5 + 1 + 10 + 5 + 5];
    struct wr head = { .data = room,
                       .size = sizeof room,
                       .limit = sizeof room };
    bool plain = (builder->spec.attributes & BATCH_CODEC_MASK) == CODEC_NONE;
    uint64_t body = 1 + (uint64_t)varlong_size(timestamp_delta) +
                    varlong_size(offset_delta) + bytes_size(record->key) +
                    bytes_size(record->value) +
                    varlong_size(record->n_headers) + record->headers.len;

    if (body > INT32_MAX) {
        builder->err = ERR_LIMIT;
        return;
    }
    builder_parts(builder, plain ? builder->out : &head, timestamp_delta,
                  offset_delta, record, (int32_t)body);
    codec_writer_write(&builder->codec, bytes_make(head.data, head.len));
    codec_writer_write(&builder->codec, record->headers);
    builder->inflated += body + varlong_size((int64_t)body);
}

void batch_builder_add(struct batch_builder *builder,
                       const struct batch_record *record)
{
    int64_t delta;

    if (builder->err != ERR_OK)
        return;
    if (record->offset <= builder->last_offset ||
        __builtin_sub_overflow(record->offset, builder->spec.base_offset,
                               &delta) ||
        delta > INT32_MAX || builder->count == INT32_MAX) {
        builder->err = ERR_INVALID;
        return;
    }
    if (builder->count == 0 &&
        (builder->spec.attributes & BATCH_DELETE_HORIZON) == 0)
        builder->base_timestamp = record->timestamp;
    builder_record(builder,
                   (int64_t)((uint64_t)record->timestamp -
                             (uint64_t)builder->base_timestamp),
                   (int32_t)delta, record);
    builder->count++;
    builder->last_offset = record->offset;
    if (record->timestamp > builder->max_timestamp)
        builder->max_timestamp = record->timestamp;
}

static struct batch_header builder_header(const struct batch_builder *builder)
{
    const struct batch_spec *spec = &builder->spec;
    int32_t last = (int32_t)(builder->last_offset - spec->base_offset);

    return (struct batch_header){
        .base_offset = spec->base_offset,
        .length =
            (int32_t)(builder->out->len - builder->start - BATCH_OVERHEAD),
        .leader_epoch = spec->leader_epoch,
        .magic = 2,
        .attributes = spec->attributes,
        .last_offset_delta =
            spec->last_offset_delta < 0 ? last : spec->last_offset_delta,
        .base_timestamp = builder->base_timestamp,
        .max_timestamp = spec->attributes & BATCH_APPEND_TIME
                             ? spec->append_time
                             : builder->max_timestamp,
        .producer_id = spec->producer_id,
        .producer_epoch = spec->producer_epoch,
        .base_sequence = spec->base_sequence,
        .count = builder->count,
    };
}

enum err batch_builder_finish(struct batch_builder *builder,
                              struct batch_header *header)
{
    struct wr *out = builder->out;
    struct batch_header mine;
    enum err err = codec_writer_finish(&builder->codec);

    if (builder->err != ERR_OK)
        return builder->err;
    builder->err = err;
    if (err == ERR_OK && out->len - builder->start > INT32_MAX)
        builder->err = ERR_LIMIT;
    if (builder->err != ERR_OK)
        return builder->err;
    mine = builder_header(builder);
    if (mine.count == 0) {
        out->len = builder->start;
    } else {
        uint8_t *at = out->data + builder->start;

        batch_header_write(at, &mine);
        batch_seal(at, out->len - builder->start);
        err = batch_header_read(bytes_make(at, BATCH_HEADER), &mine);
    }
    if (header != NULL)
        *header = mine;
    return err;
}

void batch_write_empty(struct wr *out, const struct batch_header *like)
{
    struct batch_header header = *like;
    size_t start = out->len;

    header.length = BATCH_HEADER - BATCH_OVERHEAD;
    header.magic = 2;
    header.attributes = (int16_t)(like->attributes & ~BATCH_CODEC_MASK);
    header.base_timestamp = batch_delete_horizon(like);
    header.count = 0;
    if (wr_room(out, BATCH_HEADER) == NULL)
        return;
    batch_header_write(out->data + start, &header);
    batch_seal(out->data + start, BATCH_HEADER);
}
