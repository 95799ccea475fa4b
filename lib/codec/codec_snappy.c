/* codec_snappy.c - snappy in its two dresses.
 *
 *   raw        one snappy block and nothing else (librdkafka, Go clients)
 *   container  82 "SNAPPY" 00 | i32 version | i32 oldest reader's version |
 *              { i32 length | snappy block } ...          (snappy-java; Java)
 *
 * A snappy block is inflated as a whole, since it may refer to any byte of what
 * came before. Its announced length is believed only up to what so many
 * compressed bytes can hold: the densest element turns 3 bytes into 64.
 */
#include "codec/codec_impl.h"

#include <snappy-c.h>

#include "base/mem.h"
#include "wire/rd.h"

enum {
    SNAPPY_HEADER = 16,
    SNAPPY_VERSION = 1,
    SNAPPY_DENSEST = 22,      /* 64 / 3, rounded up */
    SNAPPY_BLOCK = 32 * 1024, /* what snappy-java writes */
    SNAPPY_BLOCK_DEFLATED = 32 + SNAPPY_BLOCK + SNAPPY_BLOCK / 6,
};

static const uint8_t snappy_magic[8] = {
    0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0
};

static bool snappy_has_header(struct bytes left)
{
    return left.len >= SNAPPY_HEADER &&
           memcmp(left.at, snappy_magic, sizeof snappy_magic) == 0;
}

static enum err snappy_header(struct codec_reader *reader)
{
    struct rd r = rd_make(reader->left);

    rd_take(&r, sizeof snappy_magic);
    if (rd_i32(&r) < SNAPPY_VERSION)
        return ERR_FORMAT;
    codec_reader_skip(reader, SNAPPY_HEADER);
    return ERR_OK;
}

/* Inflate one block into reader->ready. */
static enum err snappy_block(struct codec_reader *reader, struct bytes block)
{
    size_t size;
    enum err err;

    if (snappy_uncompressed_length((const char *)block.at, block.len, &size) !=
        SNAPPY_OK)
        return ERR_FORMAT;
    if (size / SNAPPY_DENSEST > block.len)
        return ERR_FORMAT;
    if (size > reader->limit - reader->given)
        return ERR_LIMIT;
    err = codec_reader_block(reader, size ? size : 1);
    if (err != ERR_OK)
        return err;
    if (snappy_uncompress((const char *)block.at, block.len,
                          (char *)reader->block, &size) != SNAPPY_OK)
        return ERR_FORMAT;
    reader->ready = bytes_make(reader->block, size);
    return ERR_OK;
}

/* The next chunk of the container; another header may stand in its place,
 * where two streams were put one after the other. */
static enum err snappy_chunk(struct codec_reader *reader)
{
    struct rd r = rd_make(reader->left);
    int32_t len = rd_i32(&r);

    if (reader->left.len == 0)
        return ERR_ABSENT;
    if (snappy_has_header(reader->left))
        return snappy_header(reader);
    if (r.err != ERR_OK)
        return ERR_SHORT;
    if (len < 0)
        return ERR_FORMAT;
    if ((size_t)len > r.left)
        return ERR_SHORT;
    codec_reader_skip(reader, 4);
    const uint8_t *at = codec_reader_skip(reader, (size_t)len);
    return snappy_block(reader, bytes_make(at, (size_t)len));
}

static enum err snappy_begin(struct codec_reader *reader)
{
    reader->begun = true;
    reader->xerial = snappy_has_header(reader->left);
    if (reader->xerial)
        return snappy_header(reader);
    if (reader->left.len == 0)
        return ERR_SHORT;
    size_t len = reader->left.len;
    const uint8_t *at = codec_reader_skip(reader, len);
    return snappy_block(reader, bytes_make(at, len));
}

enum err codec_snappy_read(struct codec_reader *reader, uint8_t *window,
                           size_t size, size_t *n)
{
    enum err err = ERR_OK;

    while (err == ERR_OK && reader->ready.len == 0) {
        if (!reader->begun)
            err = snappy_begin(reader);
        else
            err = reader->xerial ? snappy_chunk(reader) : ERR_ABSENT;
    }
    if (err == ERR_OK)
        *n = codec_reader_give(reader, window, size);
    return err;
}

void codec_snappy_write_start(struct codec_writer *writer)
{
    codec_writer_block(writer, SNAPPY_BLOCK, SNAPPY_BLOCK_DEFLATED);
    wr_raw(writer->out, snappy_magic, sizeof snappy_magic);
    wr_i32(writer->out, SNAPPY_VERSION);
    wr_i32(writer->out, SNAPPY_VERSION);
}

void codec_snappy_write_block(struct codec_writer *writer)
{
    char *deflated = (char *)writer->block + writer->block_full;
    size_t len = SNAPPY_BLOCK_DEFLATED;

    if (snappy_compress((const char *)writer->block, writer->block_len,
                        deflated, &len) != SNAPPY_OK) {
        codec_writer_fail(writer, ERR_INTERNAL);
        return;
    }
    wr_i32(writer->out, (int32_t)len);
    wr_raw(writer->out, deflated, len);
}
