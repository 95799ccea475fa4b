/* codec_lz4.c - lz4 frames, as Kafka's own reader and writer understand them.
 *
 *     | magic 4 | FLG | BD | content size 8? | HC | { block } | 0 4 | xxh 4? |
 *     block: | u32 length, top bit: stored | bytes | xxh 4? |    little endian
 *
 * The frame is walked here and not by the library, because magic 0 messages
 * carry a header checksum that no library accepts, because blocks that refer to
 * earlier ones are refused (Kafka refuses them: each block must stand alone),
 * and because one block, not the frame, is then all the memory needed.
 * A checksum of the whole content is skipped, as Kafka does.
 */
#include "codec/codec_impl.h"

#include <lz4.h>

#include "base/mem.h"

enum {
    LZ4_MAGIC = 0x184d2204,
    LZ4_FLG_RESERVED = 0x03,
    LZ4_FLG_CONTENT_SUM = 0x04,
    LZ4_FLG_CONTENT_SIZE = 0x08,
    LZ4_FLG_BLOCK_SUM = 0x10,
    LZ4_FLG_INDEPENDENT = 0x20,
    LZ4_FLG_VERSION = 0x40, /* of bits 6 and 7 */
    LZ4_BD_64K = 4 << 4,
    LZ4_DENSEST = 255, /* one byte of match length adds 255 bytes */
    LZ4_BLOCK = 64 * 1024,
};

#define LZ4_STORED 0x80000000u

static uint32_t lz4_u32(const uint8_t *at)
{
    uint32_t v;

    memcpy(&v, at, 4);
    return le32toh(v);
}

static void lz4_put_u32(struct wr *out, uint32_t v)
{
    v = htole32(v);
    wr_raw(out, &v, 4);
}

static enum err lz4_header(struct codec_reader *reader)
{
    struct bytes left = reader->left;
    size_t len = 2;

    if (left.len < 7)
        return ERR_SHORT;
    uint8_t flg = left.at[4];
    uint8_t bd = left.at[5];
    if (lz4_u32(left.at) != LZ4_MAGIC || (flg & LZ4_FLG_RESERVED) != 0 ||
        (flg & 0xc0) != LZ4_FLG_VERSION || (flg & LZ4_FLG_INDEPENDENT) == 0 ||
        (bd & 0x8f) != 0 || bd < LZ4_BD_64K)
        return ERR_FORMAT;
    if (flg & LZ4_FLG_CONTENT_SIZE)
        len += 8;
    if (left.len < 4 + len + 1)
        return ERR_SHORT;
    uint8_t sum = (uint8_t)(codec_xxh32(bytes_make(left.at + 4, len)) >> 8);
    if (!reader->lz4_loose && left.at[4 + len] != sum)
        return ERR_FORMAT;
    reader->lz4_flags = flg;
    reader->lz4_block = 1u << (2 * (bd >> 4) + 8);
    reader->begun = true;
    codec_reader_skip(reader, 4 + len + 1);
    return ERR_OK;
}

static enum err lz4_inflate(struct codec_reader *reader, struct bytes block)
{
    size_t most = reader->lz4_block;
    enum err err;
    int size;

    if (most / LZ4_DENSEST > block.len)
        most = block.len * LZ4_DENSEST;
    err = codec_reader_block(reader, most);
    if (err != ERR_OK)
        return err;
    size = LZ4_decompress_safe((const char *)block.at, (char *)reader->block,
                               (int)block.len, (int)most);
    if (size < 0)
        return ERR_FORMAT;
    reader->ready = bytes_make(reader->block, (size_t)size);
    return ERR_OK;
}

static enum err lz4_end(struct codec_reader *reader)
{
    if (reader->lz4_flags & LZ4_FLG_CONTENT_SUM && reader->left.len < 4)
        return ERR_SHORT;
    reader->ended = true;
    return ERR_ABSENT;
}

static enum err lz4_block(struct codec_reader *reader)
{
    size_t sum = reader->lz4_flags & LZ4_FLG_BLOCK_SUM ? 4 : 0;

    if (reader->left.len < 4)
        return ERR_SHORT;
    uint32_t word = lz4_u32(codec_reader_skip(reader, 4));
    uint32_t len = word & ~LZ4_STORED;
    if (len == 0)
        return lz4_end(reader);
    if (len > reader->lz4_block)
        return ERR_FORMAT;
    if (len + sum > reader->left.len)
        return ERR_SHORT;
    struct bytes block = bytes_make(codec_reader_skip(reader, len), len);
    if (sum && codec_xxh32(block) != lz4_u32(codec_reader_skip(reader, sum)))
        return ERR_FORMAT;
    if ((word & LZ4_STORED) == 0)
        return lz4_inflate(reader, block);
    reader->ready = block;
    return ERR_OK;
}

enum err codec_lz4_read(struct codec_reader *reader, uint8_t *window,
                        size_t size, size_t *n)
{
    enum err err = reader->begun ? ERR_OK : lz4_header(reader);

    while (err == ERR_OK && reader->ready.len == 0)
        err = lz4_block(reader);
    if (err == ERR_OK)
        *n = codec_reader_give(reader, window, size);
    return err;
}

void codec_lz4_write_start(struct codec_writer *writer, bool magic0)
{
    uint8_t head[7] = {
        0x04,       0x22, 0x4d, 0x18, LZ4_FLG_VERSION | LZ4_FLG_INDEPENDENT,
        LZ4_BD_64K, 0
    };
    struct bytes summed = bytes_make(head + 4, 2);

    if (magic0)
        summed = bytes_make(head, 6);
    head[6] = (uint8_t)(codec_xxh32(summed) >> 8);
    codec_writer_block(writer, LZ4_BLOCK, LZ4_COMPRESSBOUND(LZ4_BLOCK));
    wr_raw(writer->out, head, sizeof head);
}

void codec_lz4_write_block(struct codec_writer *writer)
{
    char *deflated = (char *)writer->block + writer->block_full;
    int len = LZ4_compress_default((const char *)writer->block, deflated,
                                   (int)writer->block_len,
                                   LZ4_COMPRESSBOUND(LZ4_BLOCK));

    if (len <= 0) {
        codec_writer_fail(writer, ERR_INTERNAL);
    } else if ((size_t)len >= writer->block_len) {
        lz4_put_u32(writer->out, (uint32_t)writer->block_len | LZ4_STORED);
        wr_raw(writer->out, writer->block, writer->block_len);
    } else {
        lz4_put_u32(writer->out, (uint32_t)len);
        wr_raw(writer->out, deflated, (size_t)len);
    }
}

void codec_lz4_write_finish(struct codec_writer *writer)
{
    lz4_put_u32(writer->out, 0);
}
