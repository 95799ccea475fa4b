/* codec_zstd.c - zstd frames; one may follow another. */
#include "codec/codec_impl.h"

#include <zstd.h>
#include <zstd_errors.h>

enum {
    ZSTD_WINDOW_LOG_MOST = 27, /* what the Java client's library accepts */
    ZSTD_BLOCK = 16 * 1024,
    ZSTD_PIECE = 16 * 1024,
};

static enum err zstd_err(size_t rc)
{
    ZSTD_ErrorCode code = ZSTD_getErrorCode(rc);

    if (code == ZSTD_error_frameParameter_windowTooLarge)
        return ERR_LIMIT;
    return code == ZSTD_error_memory_allocation ? ERR_NOMEM : ERR_FORMAT;
}

enum err codec_zstd_start(struct codec_reader *reader)
{
    if (reader->zstd == NULL)
        reader->zstd = ZSTD_createDCtx();
    if (reader->zstd == NULL)
        return ERR_NOMEM;
    size_t rc =
        ZSTD_DCtx_reset(reader->zstd, ZSTD_reset_session_and_parameters);
    if (!ZSTD_isError(rc))
        rc = ZSTD_DCtx_setParameter(reader->zstd, ZSTD_d_windowLogMax,
                                    ZSTD_WINDOW_LOG_MOST);
    return ZSTD_isError(rc) ? ERR_INTERNAL : ERR_OK;
}

enum err codec_zstd_read(struct codec_reader *reader, uint8_t *window,
                         size_t size, size_t *n)
{
    ZSTD_outBuffer out = { window, size, 0 };

    while (out.pos == 0) {
        ZSTD_inBuffer in = { reader->left.at, reader->left.len, 0 };
        size_t rc;

        if (!reader->inside && in.size == 0)
            return reader->begun ? ERR_ABSENT : ERR_SHORT;
        reader->begun = true;
        rc = ZSTD_decompressStream(reader->zstd, &out, &in);
        if (ZSTD_isError(rc))
            return zstd_err(rc);
        codec_reader_skip(reader, in.pos);
        reader->inside = rc != 0;
        if (in.pos == 0 && out.pos == 0 && rc != 0)
            return in.size == 0 ? ERR_SHORT : ERR_FORMAT;
    }
    *n = out.pos;
    return ERR_OK;
}

void codec_zstd_reader_fini(struct codec_reader *reader)
{
    ZSTD_freeDCtx(reader->zstd);
    reader->zstd = NULL;
}

void codec_zstd_write_start(struct codec_writer *writer)
{
    codec_writer_block(writer, ZSTD_BLOCK, 0);
    if (writer->zstd == NULL)
        writer->zstd = ZSTD_createCCtx();
    if (writer->zstd == NULL)
        writer->err = ERR_NOMEM;
    else if (ZSTD_isError(
                 ZSTD_CCtx_reset(writer->zstd, ZSTD_reset_session_only)))
        writer->err = ERR_INTERNAL;
}

static void zstd_deflate(struct codec_writer *writer, ZSTD_EndDirective end)
{
    ZSTD_inBuffer in = { writer->block, writer->block_len, 0 };
    uint8_t piece[ZSTD_PIECE];
    size_t rc;

    do {
        ZSTD_outBuffer out = { piece, sizeof piece, 0 };

        rc = ZSTD_compressStream2(writer->zstd, &out, &in, end);
        if (ZSTD_isError(rc)) {
            codec_writer_fail(writer, ERR_INTERNAL);
            return;
        }
        wr_raw(writer->out, piece, out.pos);
    } while ((in.pos < in.size || (end == ZSTD_e_end && rc != 0)) &&
             writer->out->err == ERR_OK);
}

void codec_zstd_write_block(struct codec_writer *writer)
{
    zstd_deflate(writer, ZSTD_e_continue);
}

void codec_zstd_write_finish(struct codec_writer *writer)
{
    zstd_deflate(writer, ZSTD_e_end);
}

void codec_zstd_writer_fini(struct codec_writer *writer)
{
    ZSTD_freeCCtx(writer->zstd);
    writer->zstd = NULL;
}
