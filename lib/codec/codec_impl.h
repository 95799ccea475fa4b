/* codec_impl.h - what each compression gives to codec.c; private to the folder.
 *
 * Inflating: `read` is called with size > 0 and answers as codec_reader_read()
 * does, without minding the limit (but it allocates nothing beyond it).
 * Deflating: `start` is called with nothing waiting; `block` deflates the
 * block_len bytes at writer->block (1 to block_full of them); `finish` ends the
 * stream. All three leave failures in writer->err or writer->out->err.
 * The `fini` of both give back what the library holds, also when nothing was
 * started.
 */
#ifndef GREGOR_CODEC_CODEC_IMPL_H
#define GREGOR_CODEC_CODEC_IMPL_H

#include "codec/codec.h"

enum err codec_gzip_start(struct codec_reader *reader);
enum err codec_gzip_read(struct codec_reader *reader, uint8_t *window,
                         size_t size, size_t *n);
void codec_gzip_reader_fini(struct codec_reader *reader);
void codec_gzip_write_start(struct codec_writer *writer);
void codec_gzip_write_block(struct codec_writer *writer);
void codec_gzip_write_finish(struct codec_writer *writer);
void codec_gzip_writer_fini(struct codec_writer *writer);

enum err codec_snappy_read(struct codec_reader *reader, uint8_t *window,
                           size_t size, size_t *n);
void codec_snappy_write_start(struct codec_writer *writer);
void codec_snappy_write_block(struct codec_writer *writer);

enum err codec_lz4_read(struct codec_reader *reader, uint8_t *window,
                        size_t size, size_t *n);
void codec_lz4_write_start(struct codec_writer *writer, bool magic0);
void codec_lz4_write_block(struct codec_writer *writer);
void codec_lz4_write_finish(struct codec_writer *writer);

enum err codec_zstd_start(struct codec_reader *reader);
enum err codec_zstd_read(struct codec_reader *reader, uint8_t *window,
                         size_t size, size_t *n);
void codec_zstd_reader_fini(struct codec_reader *reader);
void codec_zstd_write_start(struct codec_writer *writer);
void codec_zstd_write_block(struct codec_writer *writer);
void codec_zstd_write_finish(struct codec_writer *writer);
void codec_zstd_writer_fini(struct codec_writer *writer);

/* Move `n` bytes off the front of what is left; n <= left.len. */
static inline const uint8_t *codec_reader_skip(struct codec_reader *reader,
                                               size_t n)
{
    const uint8_t *at = reader->left.at;

    reader->left.at += n;
    reader->left.len -= n;
    return at;
}

/* Give up to `size` bytes of what is ready; how many. */
size_t codec_reader_give(struct codec_reader *reader, uint8_t *window,
                         size_t size);

/* Make reader->block at least `size` bytes; its content is lost. */
enum err codec_reader_block(struct codec_reader *reader, size_t size);

/* Have a block of `full` bytes, and `behind` bytes of room after it. */
void codec_writer_block(struct codec_writer *writer, size_t full,
                        size_t behind);

/* A failure of a library: remember the first one. */
static inline void codec_writer_fail(struct codec_writer *writer, enum err err)
{
    if (writer->err == ERR_OK)
        writer->err = err;
}

/* xxHash, 32 bits, seed 0: checksums of lz4 frames. */
uint32_t codec_xxh32(struct bytes bytes);

#endif
