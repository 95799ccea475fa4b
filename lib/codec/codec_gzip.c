/* codec_gzip.c - gzip members, through zlib.
 *
 * As Java's reader does, one member may follow another, and what follows a
 * member without looking like one ends the stream.
 */
#include "codec/codec_impl.h"

#include <limits.h>
#include <zlib.h>

#include "base/mem.h"

enum {
    GZIP_WINDOW_BITS = 15 + 16, /* largest window; gzip header and trailer */
    GZIP_MEM_LEVEL = 8,
    GZIP_BLOCK = 16 * 1024,
    GZIP_PIECE = 8 * 1024,
};

enum err codec_gzip_start(struct codec_reader *reader)
{
    if (reader->gzip != NULL)
        return ERR_OK;
    z_stream *z = mem_need(sizeof *z);
    if (inflateInit2(z, GZIP_WINDOW_BITS) != Z_OK) {
        mem_free(z);
        return ERR_NOMEM;
    }
    reader->gzip = z;
    return ERR_OK;
}

/* At a member's begin: whether there is one. */
static enum err gzip_member(struct codec_reader *reader)
{
    struct bytes left = reader->left;

    if (reader->begun &&
        (left.len < 2 || left.at[0] != 0x1f || left.at[1] != 0x8b))
        return ERR_ABSENT;
    if (left.len == 0)
        return ERR_SHORT;
    if (inflateReset(reader->gzip) != Z_OK)
        return ERR_INTERNAL;
    reader->begun = true;
    reader->inside = true;
    return ERR_OK;
}

/* One call of zlib: ERR_OK when it moved on. */
static enum err gzip_step(struct codec_reader *reader, uint8_t *window,
                          size_t size, size_t *n)
{
    z_stream *z = reader->gzip;
    uInt had = reader->left.len > UINT_MAX ? UINT_MAX : (uInt)reader->left.len;
    uInt room = size > UINT_MAX ? UINT_MAX : (uInt)size;
    int rc;

    z->next_in = (z_const Bytef *)(uintptr_t)reader->left.at;
    z->avail_in = had;
    z->next_out = window;
    z->avail_out = room;
    rc = inflate(z, Z_NO_FLUSH);
    codec_reader_skip(reader, had - z->avail_in);
    *n = room - z->avail_out;
    if (rc == Z_STREAM_END)
        reader->inside = false;
    else if (rc == Z_MEM_ERROR)
        return ERR_NOMEM;
    else if (rc == Z_BUF_ERROR)
        return reader->left.len == 0 ? ERR_SHORT : ERR_FORMAT;
    else if (rc != Z_OK)
        return ERR_FORMAT;
    return ERR_OK;
}

enum err codec_gzip_read(struct codec_reader *reader, uint8_t *window,
                         size_t size, size_t *n)
{
    enum err err = ERR_OK;

    while (err == ERR_OK && *n == 0) {
        if (!reader->inside)
            err = gzip_member(reader);
        else
            err = gzip_step(reader, window, size, n);
    }
    return err;
}

void codec_gzip_reader_fini(struct codec_reader *reader)
{
    if (reader->gzip == NULL)
        return;
    inflateEnd(reader->gzip);
    mem_free(reader->gzip);
    reader->gzip = NULL;
}

void codec_gzip_write_start(struct codec_writer *writer)
{
    codec_writer_block(writer, GZIP_BLOCK, 0);
    if (writer->gzip != NULL) {
        if (deflateReset(writer->gzip) != Z_OK)
            writer->err = ERR_INTERNAL;
        return;
    }
    z_stream *z = mem_need(sizeof *z);
    if (deflateInit2(z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS,
                     GZIP_MEM_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK) {
        mem_free(z);
        writer->err = ERR_NOMEM;
        return;
    }
    writer->gzip = z;
}

static void gzip_deflate(struct codec_writer *writer, int flush)
{
    z_stream *z = writer->gzip;
    uint8_t piece[GZIP_PIECE];
    int rc;

    z->next_in = writer->block;
    z->avail_in = (uInt)writer->block_len;
    do {
        z->next_out = piece;
        z->avail_out = sizeof piece;
        rc = deflate(z, flush);
        if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR) {
            codec_writer_fail(writer, ERR_INTERNAL);
            return;
        }
        wr_raw(writer->out, piece, sizeof piece - z->avail_out);
    } while (z->avail_out == 0 && writer->out->err == ERR_OK);
}

void codec_gzip_write_block(struct codec_writer *writer)
{
    gzip_deflate(writer, Z_NO_FLUSH);
}

void codec_gzip_write_finish(struct codec_writer *writer)
{
    gzip_deflate(writer, Z_FINISH);
}

void codec_gzip_writer_fini(struct codec_writer *writer)
{
    if (writer->gzip == NULL)
        return;
    deflateEnd(writer->gzip);
    mem_free(writer->gzip);
    writer->gzip = NULL;
}
