/* batch.h - record batches: header, iteration, records, building.
 *
 *     0          8       12      16    17   21        61
 *     | base     | length| leader|magic| crc| attrs.. | records ...
 *     | offset   |       | epoch | = 2 |    |         |
 *                  length counts from here ▲12 to the end
 *                                     crc covers ▲21 to the end
 *
 * Base offset and leader epoch lie outside the CRC (KIP-98): a leader writes
 * them over in place. Attributes and max timestamp lie inside; changing them
 * makes the CRC anew from the header alone (codec_crc32c_exchange()).
 *
 * Logs that Apache Kafka wrote long ago also hold messages of magic 0 and 1,
 * where one message, or one compressed wrapper, plays the batch. Everything
 * below that reads takes all three; what writes makes magic 2 (msgset.h makes
 * the old ones).
 *
 * All functions work on bytes in memory and never look beyond the range they
 * were given. Threads: pure functions; a reader or builder belongs to one
 * thread at a time.
 */
#ifndef GREGOR_SEG_BATCH_H
#define GREGOR_SEG_BATCH_H

#include "base/bytes.h"
#include "base/err.h"
#include "codec/codec.h"
#include "wire/wr.h"

enum {
    BATCH_HEADER = 61,   /* bytes of a magic 2 header */
    BATCH_PREFIX = 17,   /* bytes that tell size and magic, for every magic */
    BATCH_OVERHEAD = 12, /* bytes before those that `length` counts */
    BATCH_LEGACY_HEADER = 26, /* magic 0, 1: bytes batch_header_read() needs */
    BATCH_LEAST_0 = 26, /* smallest message of magic 0, overhead included */
    BATCH_LEAST_1 = 34, /* same for magic 1 */
};

enum {
    BATCH_CODEC_MASK = 0x07,
    BATCH_APPEND_TIME = 0x08, /* max timestamp is every record's timestamp */
    BATCH_TRANSACTIONAL = 0x10,
    BATCH_CONTROL = 0x20,
    BATCH_DELETE_HORIZON = 0x40, /* base timestamp is the delete horizon, ms */
};

#define BATCH_NO_TIMESTAMP INT64_C(-1)
#define BATCH_NO_PRODUCER_ID INT64_C(-1)
#define BATCH_NO_SEQUENCE (-1)
#define BATCH_NO_EPOCH (-1)

/* A decoded header. For magic 0 and 1 the fields that do not exist there have
 * the value in brackets. */
struct batch_header {
    int64_t base_offset;       /* first offset; [offset of the message, which
                                  for a wrapper is its LAST inner offset] */
    int32_t length;            /* bytes after this field, as on the wire */
    int32_t leader_epoch;      /* -1 none [-1] */
    int8_t magic;              /* 0, 1, 2 */
    uint32_t crc;              /* as stored */
    int16_t attributes;        /* [those of the message: codec, time type] */
    int32_t last_offset_delta; /* last offset - base offset [0] */
    int64_t base_timestamp;    /* ms, or the delete horizon [timestamp, -1] */
    int64_t max_timestamp;     /* ms [timestamp; -1 for magic 0] */
    int64_t producer_id;       /* -1 none [-1] */
    int16_t producer_epoch;    /* -1 none [-1] */
    int32_t base_sequence;     /* -1 none [-1] */
    int32_t count;             /* records; 0 for a kept empty batch; [-1, or 1
                                  for an uncompressed message] */
};

/* One whole batch in memory. */
struct batch {
    struct batch_header header;
    struct bytes bytes; /* header and records; borrowed */
};

/* Bytes of the whole batch. */
static inline size_t batch_size(const struct batch_header *h)
{
    return (size_t)(uint32_t)h->length + BATCH_OVERHEAD;
}

/* Offset of the last record (of a batch that compaction thinned out: of the
 * last it once had), and the one after it. Wrap round instead of overflowing
 * when a header that was not validated says so. */
static inline int64_t batch_last_offset(const struct batch_header *h)
{
    return (int64_t)((uint64_t)h->base_offset +
                     (uint64_t)(int64_t)h->last_offset_delta);
}

static inline int64_t batch_next_offset(const struct batch_header *h)
{
    return (int64_t)((uint64_t)batch_last_offset(h) + 1);
}

/* What the attributes say; 5 to 7 are no codec that exists, and refused by
 * whoever inflates. */
static inline enum codec batch_codec(const struct batch_header *h)
{
    return (enum codec)(h->attributes & BATCH_CODEC_MASK);
}

/* Holds markers of the broker, which no consumer is shown. Magic 2 only. */
static inline bool batch_is_control(const struct batch_header *h)
{
    return h->magic >= 2 && (h->attributes & BATCH_CONTROL) != 0;
}

/* Part of a transaction, or its marker. Magic 2 only. */
static inline bool batch_is_transactional(const struct batch_header *h)
{
    return h->magic >= 2 && (h->attributes & BATCH_TRANSACTIONAL) != 0;
}

/* All records have the batch's max timestamp (LogAppendTime). Not in magic 0.
 */
static inline bool batch_has_append_time(const struct batch_header *h)
{
    return h->magic >= 1 && (h->attributes & BATCH_APPEND_TIME) != 0;
}

/* The delete horizon in ms, or BATCH_NO_TIMESTAMP. */
static inline int64_t batch_delete_horizon(const struct batch_header *h)
{
    return h->magic >= 2 && (h->attributes & BATCH_DELETE_HORIZON)
               ? h->base_timestamp
               : BATCH_NO_TIMESTAMP;
}

/* Written by an idempotent or transactional producer, or a marker for one. */
static inline bool batch_has_producer(const struct batch_header *h)
{
    return h->producer_id > BATCH_NO_PRODUCER_ID;
}

/* `sequence` moved on by `by` >= 0; 2147483647 is followed by 0. */
static inline int32_t batch_sequence_add(int32_t sequence, int32_t by)
{
    return (int32_t)(((uint32_t)sequence + (uint32_t)by) & 0x7fffffffu);
}

/* Sequence of the last record; -1 when the batch has none. */
static inline int32_t batch_last_sequence(const struct batch_header *h)
{
    return h->base_sequence == BATCH_NO_SEQUENCE
               ? BATCH_NO_SEQUENCE
               : batch_sequence_add(h->base_sequence, h->last_offset_delta);
}

/* -- header ------------------------------------------------------------------
 */

/* Size and magic of the batch that begins at `bytes`; needs BATCH_PREFIX bytes
 * of it. Says nothing about the rest; `*size` may exceed what there is.
 *
 * ERR_SHORT    fewer than BATCH_PREFIX bytes
 * ERR_FORMAT   a size below the least for any batch
 * ERR_VERSION  a magic that is none of 0, 1, 2 (`*size` is set) */
MUST_USE enum err batch_peek(struct bytes bytes, size_t *size, int8_t *magic);

/* Decode the header; `bytes` may end after it (BATCH_HEADER bytes, for magic 0
 * and 1 BATCH_LEGACY_HEADER). Errors as batch_peek(); ERR_FORMAT also for a
 * size below the least of its magic. Checks no CRC. */
MUST_USE enum err batch_header_read(struct bytes bytes,
                                    struct batch_header *header);

/* Write the 61 bytes of a magic 2 header at `at`, as the struct says them
 * (crc included, not computed). */
void batch_header_write(uint8_t at[static BATCH_HEADER],
                        const struct batch_header *header);

/* Whether the stored CRC is that of the bytes; `bytes` is one whole batch.
 *
 * ERR_CORRUPT  it is not
 * ERR_SHORT    the batch is not whole; ERR_FORMAT, ERR_VERSION as above */
MUST_USE enum err batch_check(struct bytes bytes);

/* Compute and store the CRC of a whole magic 2 batch of `size` bytes. */
void batch_seal(uint8_t *at, size_t size);

/* Write base offset and leader epoch over in place; the CRC stays right. For
 * magic 0 and 1 the offset alone is written. */
void batch_patch_offset(uint8_t *at, int64_t base_offset, int32_t leader_epoch);

/* Set attributes and max timestamp of a magic 2 batch in place and make the CRC
 * anew, without reading the records. The stored CRC must be right before. */
void batch_patch_times(uint8_t *at, size_t size, int16_t attributes,
                       int64_t max_timestamp);

/* As batch_patch_times() for the base timestamp too (delete horizon); the
 * records' deltas are not touched. */
void batch_patch_header(uint8_t *at, size_t size, int16_t attributes,
                        int64_t base_timestamp, int64_t max_timestamp);

/* -- iteration over a byte range ---------------------------------------------
 */

struct batch_iter {
    struct bytes left; /* bytes not walked yet */
    size_t position;   /* bytes walked: where the next batch begins */
};

/* Walk over `bytes`, which begin with a batch and are borrowed for the walk. */
static inline struct batch_iter batch_iter_make(struct bytes bytes)
{
    return (struct batch_iter){ bytes, 0 };
}

/* The next whole batch; its CRC is not checked.
 *
 * ERR_ABSENT   the range ends here, at a batch's end
 * ERR_SHORT    it ends within a batch (usual at the end of a fetch's answer)
 * ERR_FORMAT, ERR_VERSION  as batch_header_read()
 * After an error the iterator stays where it is. */
MUST_USE enum err batch_iter_next(struct batch_iter *iter, struct batch *batch);

/* -- records -----------------------------------------------------------------
 */

struct batch_record {
    int64_t offset;       /* absolute */
    int64_t timestamp;    /* ms; the append time where the batch has that */
    int32_t sequence;     /* -1 none */
    int8_t attributes;    /* magic 2: unused by now; magic 0, 1: message's */
    int8_t magic;         /* magic 0, 1: of the (inner) message itself */
    uint32_t size;        /* bytes of the record as encoded, length included */
    struct bytes key;     /* may be null */
    struct bytes value;   /* may be null: a tombstone */
    int32_t n_headers;    /* >= 0; 0 for magic 0 and 1 */
    struct bytes headers; /* encoded; walk with batch_record_header() */
};

/* Take the next header off `*headers` (a copy of record.headers). The key is
 * never null; the value may be. ERR_ABSENT when none is left; ERR_FORMAT cannot
 * happen for a record that a reader gave. */
MUST_USE enum err batch_record_header(struct bytes *headers, struct bytes *key,
                                      struct bytes *value);

/* Window through which compressed records are read. */
#define BATCH_WINDOW ((size_t)32 * 1024)

struct batch_reader {
    struct batch batch;        /* being read */
    enum err err;              /* first failure of this batch; sticks */
    int32_t done;              /* records given */
    bool wrapper;              /* magic 0, 1: inner messages are being read */
    int64_t inner_base;        /* magic 1 wrapper: added to inner offsets */
    struct bytes left;         /* uncompressed: bytes not read yet */
    struct codec_reader codec; /* compressed: the stream */
    uint8_t *window;           /* owned; inflated bytes, NULL until needed */
    size_t window_size;        /* bytes allocated */
    size_t window_at;          /* first byte not consumed */
    size_t window_end;         /* bytes filled */
    uint64_t limit;            /* inflated bytes a batch may give */
};

/* An idle reader; takes no memory. */
void batch_reader_init(struct batch_reader *reader);

/* Begin with one whole batch of any magic; memory of an earlier one is used
 * again.
 *
 * limit  inflated bytes the batch may give, and so the bound on the memory for
 *        its largest record; the window is BATCH_WINDOW, and larger only while
 *        a larger record's bytes really arrive.
 *
 * ERR_CODEC, ERR_NOMEM, ERR_SHORT, ERR_FORMAT, ERR_VERSION
 * A magic 1 wrapper is inflated twice, once to find its last inner offset. */
MUST_USE enum err batch_reader_start(struct batch_reader *reader,
                                     struct bytes bytes, uint64_t limit);

/* The next record. Its slices point into the batch's bytes when it is not
 * compressed; else into the reader, until the next call.
 *
 * ERR_ABSENT  all records were given, and nothing follows them
 * ERR_RECORD  a record, or their count or sum, is malformed
 * ERR_FORMAT, ERR_SHORT  the compressed stream is
 * ERR_LIMIT   more inflated bytes than allowed;  ERR_NOMEM */
MUST_USE enum err batch_reader_next(struct batch_reader *reader,
                                    struct batch_record *record);

/* Give back all memory; the reader is idle again. */
void batch_reader_fini(struct batch_reader *reader);

/* -- building magic 2 --------------------------------------------------------
 */

/* What a new batch's header says, as far as the records do not. */
struct batch_spec {
    int64_t base_offset;
    int32_t leader_epoch;
    int16_t attributes;        /* codec, append time, transactional, control,
                                  delete horizon */
    int64_t delete_horizon;    /* ms; used with BATCH_DELETE_HORIZON: becomes
                                  the base timestamp */
    int64_t append_time;       /* ms; used with BATCH_APPEND_TIME: becomes the
                                  max timestamp */
    int64_t producer_id;       /* -1 none */
    int16_t producer_epoch;    /* -1 none */
    int32_t base_sequence;     /* -1 none */
    int32_t last_offset_delta; /* -1: that of the last record added; else kept
                                  as given (compaction) */
};

/* A spec without producer, epoch, append time; offset 0, uncompressed. */
struct batch_spec batch_spec_make(void);

/* The spec that makes a batch like the one described (compaction): same base
 * offset, deltas' end, attributes, producer, epochs, append time, horizon. */
struct batch_spec batch_spec_like(const struct batch_header *header);

struct batch_builder {
    struct batch_spec spec;
    struct wr *out; /* borrowed until finish */
    size_t start;   /* where in `out` the batch begins */
    struct codec_writer codec;
    int64_t base_timestamp; /* of the first record, or the horizon */
    int64_t max_timestamp;  /* of the records added, at least -1 */
    int64_t last_offset;    /* of the last record added */
    int32_t count;          /* records added */
    uint64_t inflated;      /* bytes of records before compression */
    enum err err;           /* first failure; sticks */
};

/* An idle builder; takes no memory. */
void batch_builder_init(struct batch_builder *builder);

/* Begin a batch at the end of `out`. ERR_CODEC, ERR_NOMEM, ERR_LIMIT. */
MUST_USE enum err batch_builder_start(struct batch_builder *builder,
                                      const struct batch_spec *spec,
                                      struct wr *out);

/* Add a record: offset, timestamp, key, value and headers are used. Offsets
 * rise, and lie in [base offset, base offset + 2^31). A failure sticks and is
 * told by finish. */
void batch_builder_add(struct batch_builder *builder,
                       const struct batch_record *record);

/* Write the header and the CRC. `header` (may be NULL) gets what was written.
 * When no record was added, nothing stays in `out` and header->count is 0: an
 * empty batch is batch_write_empty()'s business.
 *
 * ERR_LIMIT    `out` is full
 * ERR_INVALID  an offset did not rise, or is out of range
 * ERR_NOMEM, ERR_INTERNAL
 * After an error `out` keeps a useless tail from `builder->start` on. */
MUST_USE enum err batch_builder_finish(struct batch_builder *builder,
                                       struct batch_header *header);

/* Give back all memory. */
void batch_builder_fini(struct batch_builder *builder);

/* Write a batch of no records that keeps what `like` says: offsets, sequence,
 * producer, epochs, max timestamp; uncompressed; count 0. (Compaction keeps a
 * live producer's last batch so.) The base timestamp is that of `like` when it
 * holds a delete horizon, else -1. A failure is `out->err`. */
void batch_write_empty(struct wr *out, const struct batch_header *like);

/* -- control batches ---------------------------------------------------------
 */

enum batch_control {
    BATCH_ABORT = 0,
    BATCH_COMMIT = 1,
    BATCH_LEADER_CHANGE = 2,
    BATCH_SNAPSHOT_HEADER = 3,
    BATCH_SNAPSHOT_FOOTER = 4,
};

struct batch_marker {
    int16_t type;              /* enum batch_control, or one not known here */
    int32_t coordinator_epoch; /* abort, commit; else -1 */
};

/* Decode the record of a control batch, as a reader gave it.
 * ERR_RECORD  key or value is too short, or has a negative version. */
MUST_USE enum err batch_marker_read(const struct batch_record *record,
                                    struct batch_marker *marker);

/* Same from the whole control batch (uncompressed, as markers are; ERR_CODEC
 * else). Errors also as batch_reader_next(). Takes no memory. */
MUST_USE enum err batch_marker_find(struct bytes bytes,
                                    struct batch_marker *marker);

/* Write the batch that ends a transaction: one control record, transactional,
 * base offset 0 and leader epoch -1 (batch_patch_offset() sets them). A failure
 * is `out->err`. */
void batch_write_marker(struct wr *out, bool commit, int64_t producer_id,
                        int16_t producer_epoch, int32_t coordinator_epoch,
                        int64_t timestamp_ms);

#endif
