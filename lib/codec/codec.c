/* codec.c - what all compressions share: names, limits, windows, blocks. */
#include "codec/codec.h"

#include <assert.h>

#include "base/mem.h"
#include "codec/codec_impl.h"

/* A block larger than this is given back when the next stream begins. */
enum { CODEC_BLOCK_KEPT = 8 * 1024 * 1024 };

static const char *const codec_names[] = { "none", "gzip", "snappy", "lz4",
                                           "zstd" };

const char *codec_name(enum codec codec)
{
    return (unsigned)codec <= CODEC_MOST ? codec_names[codec] : "unknown";
}

bool codec_from_name(struct bytes name, enum codec *codec)
{
    if (bytes_is(name, "uncompressed")) {
        *codec = CODEC_NONE;
        return true;
    }
    for (unsigned i = 0; i <= CODEC_MOST; i++) {
        if (bytes_is(name, codec_names[i])) {
            *codec = (enum codec)i;
            return true;
        }
    }
    return false;
}

/* -- inflating ---------------------------------------------------------------
 */

void codec_reader_init(struct codec_reader *reader)
{
    *reader = (struct codec_reader){ .codec = CODEC_NONE };
}

enum err codec_reader_start(struct codec_reader *reader, enum codec codec,
                            bool magic0, struct bytes input, uint64_t limit)
{
    reader->codec = codec;
    reader->lz4_loose = magic0;
    reader->begun = false;
    reader->ended = false;
    reader->inside = false;
    reader->xerial = false;
    reader->left = input;
    reader->limit = limit;
    reader->given = 0;
    reader->ready = BYTES_NULL;
    reader->err = ERR_OK;
    if (reader->block_size > CODEC_BLOCK_KEPT) {
        mem_free(reader->block);
        reader->block = NULL;
        reader->block_size = 0;
    }
    switch (codec) {
    case CODEC_NONE:
    case CODEC_SNAPPY:
    case CODEC_LZ4:
        break;
    case CODEC_GZIP:
        reader->err = codec_gzip_start(reader);
        break;
    case CODEC_ZSTD:
        reader->err = codec_zstd_start(reader);
        break;
    default:
        reader->err = ERR_CODEC;
        break;
    }
    return reader->err;
}

static enum err codec_none_read(struct codec_reader *reader, uint8_t *window,
                                size_t size, size_t *n)
{
    if (size > reader->left.len)
        size = reader->left.len;
    if (size == 0)
        return ERR_ABSENT;
    memcpy(window, codec_reader_skip(reader, size), size);
    *n = size;
    return ERR_OK;
}

static enum err codec_reader_pull(struct codec_reader *reader, uint8_t *window,
                                  size_t size, size_t *n)
{
    switch (reader->codec) {
    case CODEC_NONE:
        return codec_none_read(reader, window, size, n);
    case CODEC_GZIP:
        return codec_gzip_read(reader, window, size, n);
    case CODEC_SNAPPY:
        return codec_snappy_read(reader, window, size, n);
    case CODEC_LZ4:
        return codec_lz4_read(reader, window, size, n);
    case CODEC_ZSTD:
        return codec_zstd_read(reader, window, size, n);
    default:
        return ERR_CODEC;
    }
}

enum err codec_reader_read(struct codec_reader *reader, uint8_t *window,
                           size_t size, size_t *n)
{
    uint64_t may = reader->limit - reader->given;

    *n = 0;
    if (reader->err != ERR_OK || size == 0)
        return reader->err;
    /* One byte more than allowed is asked for, to see whether it comes. */
    if (size > may)
        size = (size_t)may + 1;
    reader->err = codec_reader_pull(reader, window, size, n);
    if (reader->err == ERR_OK && *n > may)
        reader->err = ERR_LIMIT;
    if (reader->err != ERR_OK)
        *n = 0;
    reader->given += *n;
    return reader->err;
}

void codec_reader_fini(struct codec_reader *reader)
{
    codec_gzip_reader_fini(reader);
    codec_zstd_reader_fini(reader);
    mem_free(reader->block);
    codec_reader_init(reader);
}

size_t codec_reader_give(struct codec_reader *reader, uint8_t *window,
                         size_t size)
{
    if (size > reader->ready.len)
        size = reader->ready.len;
    if (size != 0)
        memcpy(window, reader->ready.at, size);
    reader->ready.at += size;
    reader->ready.len -= size;
    return size;
}

enum err codec_reader_block(struct codec_reader *reader, size_t size)
{
    if (size <= reader->block_size)
        return ERR_OK;
    mem_free(reader->block);
    reader->block = mem_try(size);
    reader->block_size = reader->block ? size : 0;
    return reader->block ? ERR_OK : ERR_NOMEM;
}

enum err codec_inflate(enum codec codec, bool magic0, struct bytes input,
                       struct wr *out)
{
    struct codec_reader reader;
    uint8_t window[16 * 1024];
    size_t n;
    enum err err;

    codec_reader_init(&reader);
    err = codec_reader_start(&reader, codec, magic0, input,
                             out->limit - out->len);
    while (err == ERR_OK) {
        err = codec_reader_read(&reader, window, sizeof window, &n);
        wr_raw(out, window, n);
        if (err == ERR_OK)
            err = out->err;
    }
    codec_reader_fini(&reader);
    return err == ERR_ABSENT ? ERR_OK : err;
}

/* -- deflating ---------------------------------------------------------------
 */

void codec_writer_init(struct codec_writer *writer)
{
    *writer = (struct codec_writer){ .codec = CODEC_NONE };
}

void codec_writer_block(struct codec_writer *writer, size_t full, size_t behind)
{
    if (full + behind > writer->block_room) {
        mem_free(writer->block);
        writer->block = mem_need(full + behind);
        writer->block_room = full + behind;
    }
    writer->block_full = full;
}

enum err codec_writer_start(struct codec_writer *writer, enum codec codec,
                            bool magic0, struct wr *out)
{
    writer->codec = codec;
    writer->out = out;
    writer->err = ERR_OK;
    writer->block_len = 0;
    switch (codec) {
    case CODEC_NONE:
        break;
    case CODEC_GZIP:
        codec_gzip_write_start(writer);
        break;
    case CODEC_SNAPPY:
        codec_snappy_write_start(writer);
        break;
    case CODEC_LZ4:
        codec_lz4_write_start(writer, magic0);
        break;
    case CODEC_ZSTD:
        codec_zstd_write_start(writer);
        break;
    default:
        writer->err = ERR_CODEC;
        break;
    }
    return writer->err;
}

static void codec_writer_push(struct codec_writer *writer)
{
    if (writer->err != ERR_OK || writer->out->err != ERR_OK)
        return;
    switch (writer->codec) {
    case CODEC_GZIP:
        codec_gzip_write_block(writer);
        break;
    case CODEC_SNAPPY:
        codec_snappy_write_block(writer);
        break;
    case CODEC_LZ4:
        codec_lz4_write_block(writer);
        break;
    case CODEC_ZSTD:
        codec_zstd_write_block(writer);
        break;
    case CODEC_NONE:
    default:
        break;
    }
    writer->block_len = 0;
}

void codec_writer_write(struct codec_writer *writer, struct bytes bytes)
{
    if (writer->codec == CODEC_NONE) {
        wr_raw(writer->out, bytes.at, bytes.len);
        return;
    }
    while (bytes.len != 0 && writer->err == ERR_OK &&
           writer->out->err == ERR_OK) {
        size_t n = writer->block_full - writer->block_len;

        if (n > bytes.len)
            n = bytes.len;
        memcpy(writer->block + writer->block_len, bytes.at, n);
        writer->block_len += n;
        bytes.at += n;
        bytes.len -= n;
        if (writer->block_len == writer->block_full)
            codec_writer_push(writer);
    }
}

enum err codec_writer_finish(struct codec_writer *writer)
{
    if (writer->block_len != 0)
        codec_writer_push(writer);
    if (writer->err == ERR_OK && writer->out->err == ERR_OK) {
        if (writer->codec == CODEC_GZIP)
            codec_gzip_write_finish(writer);
        else if (writer->codec == CODEC_LZ4)
            codec_lz4_write_finish(writer);
        else if (writer->codec == CODEC_ZSTD)
            codec_zstd_write_finish(writer);
    }
    return writer->err != ERR_OK ? writer->err : writer->out->err;
}

void codec_writer_fini(struct codec_writer *writer)
{
    codec_gzip_writer_fini(writer);
    codec_zstd_writer_fini(writer);
    mem_free(writer->block);
    codec_writer_init(writer);
}

enum err codec_deflate(enum codec codec, bool magic0, struct bytes bytes,
                       struct wr *out)
{
    struct codec_writer writer;
    enum err err;

    codec_writer_init(&writer);
    err = codec_writer_start(&writer, codec, magic0, out);
    if (err == ERR_OK) {
        codec_writer_write(&writer, bytes);
        err = codec_writer_finish(&writer);
    }
    codec_writer_fini(&writer);
    return err;
}
