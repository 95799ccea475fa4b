/* batch.c - batch headers: read, written, patched, checked, walked. */
#include "seg/batch.h"

#include <assert.h>

#include "seg/batch_parse.h"
#include "wire/rd.h"

enum { BATCH_LEAST_LENGTH = BATCH_LEAST_0 - BATCH_OVERHEAD };

enum err batch_peek(struct bytes bytes, size_t *size, int8_t *magic)
{
    struct rd r = rd_make(bytes);

    rd_i64(&r);
    int32_t length = rd_i32(&r);
    rd_i32(&r);
    *magic = rd_i8(&r);
    if (r.err != ERR_OK)
        return r.err;
    if (length < BATCH_LEAST_LENGTH)
        return ERR_FORMAT;
    *size = (size_t)length + BATCH_OVERHEAD;
    return *magic < 0 || *magic > 2 ? ERR_VERSION : ERR_OK;
}

/* After base offset, length, epoch, magic and CRC of magic 2. */
static void batch_header_read_2(struct rd *r, struct batch_header *h)
{
    h->leader_epoch = rd_i32(r);
    h->magic = rd_i8(r);
    h->crc = rd_u32(r);
    h->attributes = rd_i16(r);
    h->last_offset_delta = rd_i32(r);
    h->base_timestamp = rd_i64(r);
    h->max_timestamp = rd_i64(r);
    h->producer_id = rd_i64(r);
    h->producer_epoch = rd_i16(r);
    h->base_sequence = rd_i32(r);
    h->count = rd_i32(r);
}

/* The same for one message of magic 0 or 1. */
static void batch_header_read_1(struct rd *r, struct batch_header *h)
{
    h->leader_epoch = BATCH_NO_EPOCH;
    h->crc = rd_u32(r);
    h->magic = rd_i8(r);
    h->attributes = rd_u8(r);
    h->last_offset_delta = 0;
    h->max_timestamp = h->magic >= 1 ? rd_i64(r) : BATCH_NO_TIMESTAMP;
    h->base_timestamp = h->max_timestamp;
    h->producer_id = BATCH_NO_PRODUCER_ID;
    h->producer_epoch = BATCH_NO_EPOCH;
    h->base_sequence = BATCH_NO_SEQUENCE;
    h->count = batch_codec(h) == CODEC_NONE ? 1 : -1;
}

enum err batch_header_read(struct bytes bytes, struct batch_header *header)
{
    static const size_t least[] = { BATCH_LEAST_0, BATCH_LEAST_1,
                                    BATCH_HEADER };
    struct rd r = rd_make(bytes);
    size_t size;
    int8_t magic;
    enum err err = batch_peek(bytes, &size, &magic);

    if (err != ERR_OK)
        return err;
    if (size < least[magic])
        return ERR_FORMAT;
    header->base_offset = rd_i64(&r);
    header->length = rd_i32(&r);
    if (magic == 2)
        batch_header_read_2(&r, header);
    else
        batch_header_read_1(&r, header);
    return r.err;
}

static uint32_t batch_u32(const uint8_t *at)
{
    uint32_t v;

    memcpy(&v, at, 4);
    return be32toh(v);
}

/* Each writes a big-endian number and gives the place behind it. */
static uint8_t *batch_put_16(uint8_t *at, int16_t v)
{
    uint16_t be = htobe16((uint16_t)v);

    memcpy(at, &be, 2);
    return at + 2;
}

static uint8_t *batch_put_32(uint8_t *at, uint32_t v)
{
    v = htobe32(v);
    memcpy(at, &v, 4);
    return at + 4;
}

static uint8_t *batch_put_64(uint8_t *at, int64_t v)
{
    uint64_t be = htobe64((uint64_t)v);

    memcpy(at, &be, 8);
    return at + 8;
}

void batch_header_write(uint8_t at[static BATCH_HEADER],
                        const struct batch_header *header)
{
    uint8_t *p = at;

    p = batch_put_64(p, header->base_offset);
    p = batch_put_32(p, (uint32_t)header->length);
    p = batch_put_32(p, (uint32_t)header->leader_epoch);
    *p++ = (uint8_t)header->magic;
    p = batch_put_32(p, header->crc);
    p = batch_put_16(p, header->attributes);
    p = batch_put_32(p, (uint32_t)header->last_offset_delta);
    p = batch_put_64(p, header->base_timestamp);
    p = batch_put_64(p, header->max_timestamp);
    p = batch_put_64(p, header->producer_id);
    p = batch_put_16(p, header->producer_epoch);
    p = batch_put_32(p, (uint32_t)header->base_sequence);
    p = batch_put_32(p, (uint32_t)header->count);
    assert(p == at + BATCH_HEADER);
}

enum err batch_check(struct bytes bytes)
{
    struct batch_header header;
    enum err err = batch_header_read(bytes, &header);
    uint32_t crc;

    if (err != ERR_OK)
        return err;
    size_t size = batch_size(&header);
    if (size > bytes.len)
        return ERR_SHORT;
    if (header.magic == 2)
        crc = codec_crc32c(0, bytes_make(bytes.at + BATCH_AT_ATTRIBUTES,
                                         size - BATCH_AT_ATTRIBUTES));
    else
        crc = codec_crc32(
            0, bytes_make(bytes.at + BATCH_AT_MAGIC, size - BATCH_AT_MAGIC));
    return crc == header.crc ? ERR_OK : ERR_CORRUPT;
}

void batch_seal(uint8_t *at, size_t size)
{
    assert(size >= BATCH_HEADER);
    batch_put_32(at + BATCH_AT_CRC,
                 codec_crc32c(0, bytes_make(at + BATCH_AT_ATTRIBUTES,
                                            size - BATCH_AT_ATTRIBUTES)));
}

void batch_patch_offset(uint8_t *at, int64_t base_offset, int32_t leader_epoch)
{
    batch_put_64(at, base_offset);
    if (at[BATCH_AT_MAGIC] == 2)
        batch_put_32(at + BATCH_AT_EPOCH, (uint32_t)leader_epoch);
}

/* Below this many bytes reading them all is quicker than the arithmetic. */
enum { BATCH_RESEAL = 32 * 1024 };

void batch_patch_header(uint8_t *at, size_t size, int16_t attributes,
                        int64_t base_timestamp, int64_t max_timestamp)
{
    enum { FROM = BATCH_AT_ATTRIBUTES, TO = BATCH_AT_MAX_TIMESTAMP + 8 };
    uint8_t old[TO - FROM];

    assert(size >= BATCH_HEADER && at[BATCH_AT_MAGIC] == 2);
    memcpy(old, at + FROM, sizeof old);
    batch_put_16(at + BATCH_AT_ATTRIBUTES, attributes);
    batch_put_64(at + BATCH_AT_BASE_TIMESTAMP, base_timestamp);
    batch_put_64(at + BATCH_AT_MAX_TIMESTAMP, max_timestamp);
    if (size < BATCH_RESEAL) {
        batch_seal(at, size);
        return;
    }
    batch_put_32(at + BATCH_AT_CRC,
                 codec_crc32c_exchange(
                     batch_u32(at + BATCH_AT_CRC), bytes_make(old, sizeof old),
                     bytes_make(at + FROM, sizeof old), size - TO));
}

void batch_patch_times(uint8_t *at, size_t size, int16_t attributes,
                       int64_t max_timestamp)
{
    struct rd r = rd_make(bytes_make(at + BATCH_AT_BASE_TIMESTAMP, 8));

    batch_patch_header(at, size, attributes, rd_i64(&r), max_timestamp);
}

enum err batch_iter_next(struct batch_iter *iter, struct batch *batch)
{
    enum err err;

    if (iter->left.len == 0)
        return ERR_ABSENT;
    err = batch_header_read(iter->left, &batch->header);
    if (err != ERR_OK)
        return err;
    size_t size = batch_size(&batch->header);
    if (size > iter->left.len)
        return ERR_SHORT;
    batch->bytes = bytes_make(iter->left.at, size);
    iter->left.at += size;
    iter->left.len -= size;
    iter->position += size;
    return ERR_OK;
}
