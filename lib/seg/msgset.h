/* msgset.h - messages of magic 0 and 1, written.
 *
 *     | offset 8 | size 4 | crc 4 | magic 1 | attributes 1 | timestamp 8 (v1) |
 *     | key 4+n | value 4+n |          crc (CRC-32) covers magic to the end
 *
 * An uncompressed set is one message after the other. A compressed set is one
 * wrapper message whose value is such a set, compressed; its offset is that of
 * the last message in it. Offsets inside are absolute in magic 0, and count
 * from the first message on in magic 1 (KIP-31). Reading them is batch.h's.
 *
 * Threads: a builder belongs to one thread at a time.
 */
#ifndef GREGOR_SEG_MSGSET_H
#define GREGOR_SEG_MSGSET_H

#include "seg/batch.h"

struct msgset_builder {
    struct wr *out;         /* borrowed until finish */
    size_t start;           /* where in `out` the set begins */
    int8_t magic;           /* 0 or 1 */
    enum codec codec;       /* not zstd */
    bool append_time;       /* magic 1: time type of the set */
    int64_t append_time_ms; /* its timestamp then */
    struct codec_writer deflate;
    int64_t base_offset;   /* of the first message */
    int64_t last_offset;   /* of the last one added */
    int64_t max_timestamp; /* of those added, at least -1 */
    int32_t count;         /* messages added */
    enum err err;          /* first failure; sticks */
};

/* An idle builder; takes no memory. */
void msgset_builder_init(struct msgset_builder *builder);

/* Begin a set at the end of `out`. With append time every message has
 * `append_time_ms` as timestamp; else its record's.
 * ERR_CODEC  zstd, or not assigned;  ERR_NOMEM, ERR_LIMIT */
MUST_USE enum err msgset_builder_start(struct msgset_builder *builder,
                                       int8_t magic, enum codec codec,
                                       bool append_time, int64_t append_time_ms,
                                       struct wr *out);

/* Add a record: offset, timestamp, key, value; headers are lost, magic 0 loses
 * the timestamp too. A failure sticks. */
void msgset_builder_add(struct msgset_builder *builder,
                        const struct batch_record *record);

/* Finish; a set without messages leaves `out` as it was. Errors as
 * batch_builder_finish(). */
MUST_USE enum err msgset_builder_finish(struct msgset_builder *builder);

/* Give back all memory. */
void msgset_builder_fini(struct msgset_builder *builder);

#endif
