/* convert.h - old clients: records turned from one magic into another.
 *
 *   up    message sets of magic 0 and 1 (Produce v0-v2) become one magic 2
 *         batch; validate.h does it on the way, see there
 *   down  batches of the log become magic 1 (Fetch v2, v3) or magic 0 (v0, v1):
 *         headers are dropped, control batches left out, offsets and
 *         compression kept
 *
 * A zstd batch cannot be told to such clients. When it is the first, the answer
 * is UNSUPPORTED_COMPRESSION_TYPE; else what lies before it is sent.
 *
 * Threads: a converter belongs to one thread at a time. Conversion inflates and
 * deflates: it belongs into the pool.
 */
#ifndef GREGOR_SEG_CONVERT_H
#define GREGOR_SEG_CONVERT_H

#include "seg/batch.h"
#include "seg/msgset.h"

struct converter {
    struct batch_reader reader;
    struct msgset_builder builder;
};

/* An idle converter, without memory; what it took is kept for the next call
 * until converter_fini(). */
void converter_init(struct converter *converter);
void converter_fini(struct converter *converter);

/* The magic that records in a Fetch answer of this version may have at most:
 * 0 for v0 and v1, 1 for v2 and v3, 2 from v4 on. */
int8_t convert_fetch_magic(int16_t fetch_version);

/* Convert a range of the log, as read for a fetch, down to `magic` (0 or 1).
 *
 * batches       whole batches, perhaps cut within the last one (that part is
 *               left out); CRCs are believed.
 * fetch_offset  records below it are left out of uncompressed batches, because
 *               old clients ask from the middle of what is one batch here.
 * limit         inflated bytes of one batch at most.
 * out           gets the message sets at its end. When the range held batches
 *               but none of them could be told (control batches alone), it gets
 *               12 bytes that look like a message too large for the fetch, as
 *               Kafka sends. Its limit bounds the answer: at least one batch is
 *               converted or the call fails; a later one that does not fit any
 *               more ends the conversion.
 * consumed      out: bytes of `batches` that were converted or skipped.
 *
 * ERR_CODEC  the first batch to tell is zstd (UNSUPPORTED_COMPRESSION_TYPE)
 * ERR_LIMIT  the first one does not fit, or inflates beyond `limit`
 * ERR_RECORD, ERR_FORMAT, ERR_SHORT  the first one is malformed
 * ERR_NOMEM */
MUST_USE enum err convert_down(struct converter *converter,
                               struct bytes batches, int8_t magic,
                               int64_t fetch_offset, uint64_t limit,
                               struct wr *out, size_t *consumed);

/* Called with each record and its number, from 0; the record is borrowed. */
typedef enum err convert_each_fn(void *context, int32_t index,
                                 const struct batch_record *record);

/* Convert what a Produce v0-v2 request held into one magic 2 batch.
 *
 * sets          one compressed wrapper, or uncompressed messages; all of one
 *               magic below 2; at least one.
 * spec          base offset (first record's), epoch, codec, append time of the
 *               new batch. Records get consecutive offsets from there.
 * each          called for every record before it is added, with its position;
 *               may be NULL. Its error ends the conversion and is returned.
 *               The record's offset is the one it had.
 * header        out: what was written.
 *
 * ERR_RECORD  several messages when one is compressed; a compressed one inside
 *             a wrapper; magics mixed; an empty wrapper; malformed
 * ERR_CORRUPT a message inside a wrapper has a wrong CRC
 * ERR_LIMIT, ERR_FORMAT, ERR_SHORT, ERR_NOMEM */
MUST_USE enum err convert_up(struct batch_reader *reader,
                             struct batch_builder *builder, struct bytes sets,
                             const struct batch_spec *spec, uint64_t limit,
                             convert_each_fn *each, void *context,
                             struct wr *out, struct batch_header *header);

#endif
