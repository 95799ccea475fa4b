/* validate.h - what a leader checks before it appends what a client sent.
 *
 * Given is what the `records` field of a Produce request held for one
 * partition. The result is always one magic 2 batch, with base offset 0 and
 * leader epoch -1 or whatever the client sent there: the log writes both over
 * when it gives out offsets (batch_patch_offset()).
 *
 *   as it came    the usual case: a pass over the records, no copy, no memory.
 *                 Attributes and max timestamp may be changed in place
 *                 (append time, or a max timestamp that the records do not
 * have) rewritten     topic's compression.type differs, offsets inside are not
 *                 consecutive, or the client sent magic 0 or 1: a new batch is
 *                 written to `rewrite`
 *
 * The rules are those of Apache Kafka 3.7, with these differences: a record's
 * length must be exact also inside a compressed batch; magic 2 with gaps
 * between its offsets is rewritten (Kafka appends it as it is when
 * uncompressed, and fails when compressed); and where Kafka fails with a server
 * error because of what the client sent, there is a code that says so.
 *
 *   returned       Kafka's code                 when
 *   ERR_RECORD     INVALID_RECORD               malformed, or a rule was broken
 *   ERR_TIMESTAMP  INVALID_TIMESTAMP            out of range; append time set
 *   ERR_CORRUPT    CORRUPT_MESSAGE              CRC, impossible size, magic
 *   ERR_TOO_LARGE  MESSAGE_TOO_LARGE            batch above max_message_bytes
 *   ERR_CODEC      UNSUPPORTED_COMPRESSION_TYPE zstd before Produce v7; 5, 6, 7
 *   ERR_LIMIT      MESSAGE_TOO_LARGE            inflates beyond inflate_limit
 *   ERR_NOMEM      (as the broker decides)
 *
 * Compressed batches are inflated: whoever must not block asks
 * validate_is_costly() first and hands them to the pool.
 *
 * Threads: a validator belongs to one thread at a time.
 */
#ifndef GREGOR_SEG_VALIDATE_H
#define GREGOR_SEG_VALIDATE_H

#include "base/mem.h"
#include "seg/batch.h"

/* Record errors listed at most; further ones are only counted. */
#define VALIDATE_ERRORS_MOST 1000

/* Inflated bytes of one batch at most, unless the caller says otherwise. */
#define VALIDATE_INFLATE_LIMIT (UINT64_C(1) << 30)

enum validate_origin {
    VALIDATE_CLIENT,      /* a producer */
    VALIDATE_COORDINATOR, /* our group or transaction coordinator: control
                             batches and any count are allowed */
};

struct validate_rules {
    struct bytes topic; /* for messages */
    int32_t partition;  /* for messages */
    enum validate_origin origin;
    int16_t produce_version;    /* of the request; 32767 for our own appends */
    int64_t now_ms;             /* the append time */
    bool append_time;           /* message.timestamp.type=LogAppendTime */
    int64_t before_max_ms;      /* message.timestamp.before.max.ms */
    int64_t after_max_ms;       /* message.timestamp.after.max.ms */
    bool compacted;             /* cleanup.policy has compact: keys required */
    bool keep_codec;            /* compression.type=producer */
    enum codec codec;           /* else: the topic's codec */
    uint32_t max_message_bytes; /* of one batch, before and after rewriting */
    uint64_t inflate_limit;     /* bytes; VALIDATE_INFLATE_LIMIT */
};

/* Rules of a topic with default configuration, for tests and our own appends:
 * create time, any timestamp, codec kept, 1048588 bytes. */
struct validate_rules validate_rules_make(void);

/* One record that was refused. */
struct validate_error {
    int32_t index;        /* position in the batch, from 0 */
    struct bytes message; /* for people; in the arena */
};

struct validate_result {
    uint8_t *at;                 /* the batch to append: in the input, or in
                                    `rewrite`; NULL when there was none (Produce
                                    v0-v2 with an empty set: not an error) */
    size_t size;                 /* bytes of it */
    struct batch_header header;  /* of it, as it is now */
    bool rewritten;              /* it lies in `rewrite` */
    int32_t count;               /* records */
    int64_t max_timestamp;       /* ms; the append time; -1 none */
    int32_t max_timestamp_delta; /* offset of the first record that has it, less
                                 the base offset; of the last record with append
                                 time; -1 when max_timestamp is -1 */
    uint64_t inflated;           /* bytes of records before compression */
    /* After ERR_RECORD and ERR_TIMESTAMP, when single records were refused: */
    struct bytes message;          /* for error_message; null: none to send */
    struct validate_error *errors; /* for record_errors, in the arena */
    size_t n_errors;               /* at most VALIDATE_ERRORS_MOST */
    uint64_t n_refused;            /* all of them */
};

struct validator {
    struct batch_reader reader; /* for compressed and old batches */
    struct batch_builder builder;
};

/* An idle validator; takes no memory until something compressed comes. */
void validator_init(struct validator *validator);
void validator_fini(struct validator *validator);

/* Whether validating would inflate or convert: anything but one uncompressed
 * magic 2 batch for a topic that keeps it so. Looks at the first header only.
 */
bool validate_is_costly(const struct validate_rules *rules,
                        struct bytes records);

/* Check the records of one partition and make them ready to append.
 *
 * records, len  what the client sent; may be changed in place, also on failure
 *               of a later step of the caller's (the change is idempotent).
 *               len 0 (null or empty) is ERR_RECORD from v3 on. Bytes after the
 *               last whole batch are cut off, as Kafka does.
 * arena         for messages only; nothing is taken while all is well.
 * rewrite       an empty buffer for a new batch; its limit is raised or lowered
 *               to max_message_bytes. Must live as long as result->at.
 * result        always written.
 *
 * Errors: the table above. On failure nothing must be appended. */
MUST_USE enum err validate_records(struct validator *validator,
                                   const struct validate_rules *rules,
                                   uint8_t *records, size_t len,
                                   struct arena *arena, struct wr *rewrite,
                                   struct validate_result *result);

/* What a follower checks of one fetched batch: size, magic, CRC. Errors as
 * batch_check(). Offsets are the log's business. */
MUST_USE enum err validate_replica_batch(struct bytes batch);

#endif
