/* msgset.c - sets of magic 0 and 1, message by message. */
#include "seg/msgset.h"

enum { MSGSET_LEAST_MAGIC_0 = 14, MSGSET_LEAST_MAGIC_1 = 22 };

void msgset_builder_init(struct msgset_builder *builder)
{
    *builder = (struct msgset_builder){ .start = 0 };
    codec_writer_init(&builder->deflate);
}

void msgset_builder_fini(struct msgset_builder *builder)
{
    codec_writer_fini(&builder->deflate);
    msgset_builder_init(builder);
}

/* Bytes of a message after offset and size, without key and value. */
static uint32_t msgset_least(const struct msgset_builder *builder)
{
    return builder->magic == 0 ? MSGSET_LEAST_MAGIC_0 : MSGSET_LEAST_MAGIC_1;
}

static int8_t msgset_attributes(const struct msgset_builder *builder,
                                enum codec codec)
{
    int append =
        builder->magic >= 1 && builder->append_time ? BATCH_APPEND_TIME : 0;

    return (int8_t)((int)codec | append);
}

enum err msgset_builder_start(struct msgset_builder *builder, int8_t magic,
                              enum codec codec, bool append_time,
                              int64_t append_time_ms, struct wr *out)
{
    builder->out = out;
    builder->start = out->len;
    builder->magic = magic;
    builder->codec = codec;
    builder->append_time = append_time;
    builder->append_time_ms = append_time_ms;
    builder->max_timestamp = BATCH_NO_TIMESTAMP;
    builder->count = 0;
    if (codec == CODEC_ZSTD) {
        builder->err = ERR_CODEC;
        return ERR_CODEC;
    }
    if (codec != CODEC_NONE)
        wr_room(out, BATCH_OVERHEAD + msgset_least(builder));
    builder->err =
        codec_writer_start(&builder->deflate, codec, magic == 0, out);
    if (builder->err == ERR_OK)
        builder->err = out->err;
    return builder->err;
}

/* Everything up to the key; the CRC is 0 until it is known. */
static void msgset_head(struct wr *head, int64_t offset, uint32_t size,
                        uint32_t crc, int8_t magic, int8_t attributes,
                        int64_t timestamp)
{
    head->len = 0;
    wr_i64(head, offset);
    wr_u32(head, size);
    wr_u32(head, crc);
    wr_i8(head, magic);
    wr_i8(head, attributes);
    if (magic >= 1)
        wr_i64(head, timestamp);
}

static void msgset_length(struct wr *w, struct bytes b)
{
    wr_i32(w, bytes_is_null(b) ? -1 : (int32_t)b.len);
}

static void msgset_message(struct msgset_builder *builder, int64_t offset,
                           uint32_t size, int64_t timestamp,
                           const struct batch_record *record)
{
    uint8_t room[BATCH_OVERHEAD + MSGSET_LEAST_MAGIC_1];
    uint8_t more[4];
    struct wr head = { .data = room,
                       .size = sizeof room,
                       .limit = sizeof room };
    struct wr tail = { .data = more,
                       .size = sizeof more,
                       .limit = sizeof more };
    int8_t attributes = msgset_attributes(builder, CODEC_NONE);
    uint32_t crc;

    msgset_head(&head, offset, size, 0, builder->magic, attributes, timestamp);
    msgset_length(&head, record->key);
    msgset_length(&tail, record->value);
    crc = codec_crc32(0, bytes_make(room + 16, head.len - 16));
    crc = codec_crc32(crc, record->key);
    crc = codec_crc32(crc, bytes_make(more, 4));
    crc = codec_crc32(crc, record->value);
    wr_patch_i32(&head, BATCH_OVERHEAD, (int32_t)crc);
    codec_writer_write(&builder->deflate, bytes_make(room, head.len));
    codec_writer_write(&builder->deflate, record->key);
    codec_writer_write(&builder->deflate, bytes_make(more, 4));
    codec_writer_write(&builder->deflate, record->value);
}

void msgset_builder_add(struct msgset_builder *builder,
                        const struct batch_record *record)
{
    int64_t timestamp =
        builder->append_time ? builder->append_time_ms : record->timestamp;
    uint64_t size =
        (uint64_t)msgset_least(builder) + record->key.len + record->value.len;
    int64_t offset = record->offset;

    if (builder->err != ERR_OK)
        return;
    if (size > INT32_MAX || builder->count == INT32_MAX) {
        builder->err = ERR_LIMIT;
        return;
    }
    if (builder->count == 0)
        builder->base_offset = offset;
    else if (offset <= builder->last_offset) {
        builder->err = ERR_INVALID;
        return;
    }
    builder->last_offset = offset;
    if (builder->magic >= 1 && builder->codec != CODEC_NONE)
        offset = (int64_t)((uint64_t)offset - (uint64_t)builder->base_offset);
    msgset_message(builder, offset, (uint32_t)size, timestamp, record);
    builder->count++;
    if (builder->magic >= 1 && timestamp > builder->max_timestamp)
        builder->max_timestamp = timestamp;
}

/* Fill in the wrapper, whose room was left at the start. */
static void msgset_wrap(struct msgset_builder *builder)
{
    struct wr *out = builder->out;
    uint8_t *at = out->data + builder->start;
    size_t size = out->len - builder->start;
    size_t head_size = BATCH_OVERHEAD + msgset_least(builder);
    struct wr head = { .data = at, .size = head_size, .limit = head_size };

    msgset_head(&head, builder->last_offset, (uint32_t)(size - BATCH_OVERHEAD),
                0, builder->magic, msgset_attributes(builder, builder->codec),
                builder->append_time ? builder->append_time_ms
                                     : builder->max_timestamp);
    wr_i32(&head, -1);
    wr_i32(&head, (int32_t)(size - head_size));
    wr_patch_i32(&head, BATCH_OVERHEAD,
                 (int32_t)codec_crc32(0, bytes_make(at + 16, size - 16)));
}

enum err msgset_builder_finish(struct msgset_builder *builder)
{
    enum err err;

    if (builder->err == ERR_CODEC)
        return ERR_CODEC;
    err = codec_writer_finish(&builder->deflate);
    if (builder->err == ERR_OK)
        builder->err = err;
    if (builder->err == ERR_OK &&
        builder->out->len - builder->start > INT32_MAX)
        builder->err = ERR_LIMIT;
    if (builder->err != ERR_OK)
        return builder->err;
    if (builder->count == 0)
        builder->out->len = builder->start;
    else if (builder->codec != CODEC_NONE)
        msgset_wrap(builder);
    return ERR_OK;
}
