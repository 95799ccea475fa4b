/* codec.h - the four compressions of Kafka's records, and two checksums.
 *
 * Inflating streams: a reader is given compressed bytes, and is asked again and
 * again to fill a window of the caller's. What a header inside the bytes
 * announces is never allocated; memory follows what has really arrived, and the
 * inflated bytes of one stream are bounded by a limit the caller names.
 *
 *     compressed bytes ──▶ codec_reader ──▶ window, window, window ...
 * ERR_ABSENT write, write ... ──▶ codec_writer ──▶ struct wr
 *
 * Formats, as Apache Kafka's Java client reads and writes them:
 *   gzip    RFC 1952; further members may follow, other trailing bytes end it
 *   snappy  written in the container of snappy-java (82 "SNAPPY" 00, version,
 *           then chunks); read in that container and as one raw block
 *   lz4     frame format with independent blocks; 64 KiB blocks when writing.
 *           The header checksum of magic 0 messages is computed over the frame
 *           magic too: written so, and not looked at when reading
 *   zstd    frames; the window may be at most 2^27 bytes
 *
 * Memory while reading: gzip 44 KB; lz4 one block (at most 4 MiB, and at most
 * 255 times its compressed size); snappy one block (at most 22 times its
 * compressed size); zstd its window (at most 2^27), touched as it fills.
 *
 * Threads: a reader or writer belongs to one thread at a time.
 */
#ifndef GREGOR_CODEC_CODEC_H
#define GREGOR_CODEC_CODEC_H

#include "base/bytes.h"
#include "base/err.h"
#include "wire/wr.h"

/* The number is what bits 0-2 of a batch's attributes hold. */
enum codec {
    CODEC_NONE = 0,
    CODEC_GZIP = 1,
    CODEC_SNAPPY = 2,
    CODEC_LZ4 = 3,
    CODEC_ZSTD = 4,
};
#define CODEC_MOST 4 /* 5, 6 and 7 are not assigned */

/* "none", "gzip", ...; static storage. "unknown" for a number not assigned. */
const char *codec_name(enum codec codec);

/* The codec of a `compression.type` value ("uncompressed" and "none" are
 * CODEC_NONE); false if it names none ("producer" does not). */
bool codec_from_name(struct bytes name, enum codec *codec);

/* -- inflating ---------------------------------------------------------------
 */

struct codec_reader {
    enum codec codec;   /* of the stream being read */
    bool lz4_loose;     /* magic 0: do not look at the header checksum */
    bool begun;         /* the stream's first header was read */
    bool ended;         /* the stream's end was seen */
    bool inside;        /* zstd, gzip: a frame or member is unfinished */
    bool xerial;        /* snappy: chunks of the container are being read */
    enum err err;       /* first failure of this stream; sticks */
    struct bytes left;  /* compressed bytes not looked at yet; borrowed */
    uint64_t limit;     /* inflated bytes this stream may give */
    uint64_t given;     /* inflated bytes given so far */
    void *gzip;         /* z_stream; owned; NULL until needed */
    void *zstd;         /* ZSTD_DCtx; owned; NULL until needed */
    uint8_t *block;     /* snappy, lz4: one inflated block; owned */
    size_t block_size;  /* bytes allocated at block */
    struct bytes ready; /* part of block (or of the input) not given yet */
    uint32_t lz4_block; /* largest block of this frame */
    uint8_t lz4_flags;  /* FLG byte of this frame */
};

/* An idle reader; takes no memory. */
void codec_reader_init(struct codec_reader *reader);

/* Begin a stream; what an earlier one left in memory is used again.
 *
 * input   the compressed bytes; borrowed until the last read.
 * magic0  the bytes come from a magic 0 message (see lz4 above).
 * limit   inflated bytes it may give; one more is ERR_LIMIT.
 *
 * ERR_CODEC  a codec number that is not assigned
 * ERR_NOMEM */
MUST_USE enum err codec_reader_start(struct codec_reader *reader,
                                     enum codec codec, bool magic0,
                                     struct bytes input, uint64_t limit);

/* Inflate up to `size` bytes into `window`; `*n` says how many came, at least
 * one unless size is 0.
 *
 * ERR_ABSENT  the stream has ended, rightly; `*n` is 0
 * ERR_SHORT   it ends in the middle
 * ERR_FORMAT  it is malformed
 * ERR_LIMIT   it gives more than the limit, or wants a larger zstd window
 * ERR_NOMEM
 * After an error `*n` is 0 and every further read says the same. */
MUST_USE enum err codec_reader_read(struct codec_reader *reader,
                                    uint8_t *window, size_t size, size_t *n);

/* Give back all memory; the reader is idle again. */
void codec_reader_fini(struct codec_reader *reader);

/* Inflate a whole stream to the end of `out`, whose limit is the bound too.
 * Errors as codec_reader_read(), ERR_LIMIT also when `out` is full. */
MUST_USE enum err codec_inflate(enum codec codec, bool magic0,
                                struct bytes input, struct wr *out);

/* -- deflating ---------------------------------------------------------------
 */

struct codec_writer {
    enum codec codec;
    struct wr *out;    /* borrowed until finish */
    enum err err;      /* first failure; sticks */
    void *gzip;        /* z_stream; owned; NULL until needed */
    void *zstd;        /* ZSTD_CCtx; owned; NULL until needed */
    uint8_t *block;    /* bytes waiting for a full block, and behind them
                          room for that block deflated; owned */
    size_t block_room; /* bytes allocated at block */
    size_t block_len;  /* bytes waiting */
    size_t block_full; /* bytes of a full block of this codec */
};

/* An idle writer; takes no memory. */
void codec_writer_init(struct codec_writer *writer);

/* Begin a stream at the end of `out`. CODEC_NONE copies.
 * ERR_CODEC  not assigned;  ERR_NOMEM */
MUST_USE enum err codec_writer_start(struct codec_writer *writer,
                                     enum codec codec, bool magic0,
                                     struct wr *out);

/* Add bytes to the stream. A failure sticks and is told by finish. */
void codec_writer_write(struct codec_writer *writer, struct bytes bytes);

/* End the stream; the writer may start the next one.
 * ERR_LIMIT   `out` is full
 * ERR_NOMEM
 * ERR_INTERNAL  the library failed */
MUST_USE enum err codec_writer_finish(struct codec_writer *writer);

/* Give back all memory; a stream not finished is left as it is. */
void codec_writer_fini(struct codec_writer *writer);

/* Deflate bytes as one stream to the end of `out`; errors as finish. */
MUST_USE enum err codec_deflate(enum codec codec, bool magic0,
                                struct bytes bytes, struct wr *out);

/* -- checksums ---------------------------------------------------------------
 */

/* CRC-32C (Castagnoli; RFC 3720), as in batches of magic 2. `crc` is that of
 * the bytes before, 0 to begin: crc32c(0, "123456789") is 0xe3069283. */
uint32_t codec_crc32c(uint32_t crc, struct bytes bytes);

/* CRC-32 (zlib), as in messages of magic 0 and 1; 0 to begin. */
uint32_t codec_crc32(uint32_t crc, struct bytes bytes);

/* The CRC-32C of A followed by B, from those of A and of B. */
uint32_t codec_crc32c_join(uint32_t crc_a, uint32_t crc_b, uint64_t len_b);

/* The CRC-32C of bytes whose head was changed in place, without reading the
 * rest: `crc` is that of old head and rest, `len_rest` the bytes after the
 * head. Old and new head have the same length. Costs about a microsecond. */
uint32_t codec_crc32c_exchange(uint32_t crc, struct bytes old_head,
                               struct bytes new_head, uint64_t len_rest);

#endif
