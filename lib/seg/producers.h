/* producers.h - what a partition knows of its producers; private to seg.
 *
 * Keeps the last five batches of each producer (duplicates are answered with
 * their first offset), its epoch, its open transaction, and the transactions
 * whose marker is not yet below the high watermark. Pure: no file, no lock.
 *
 *     check   says what an append would meet; changes nothing
 *     apply   takes a batch that was written into account
 *
 * Rules: KIP-98, KIP-360, KIP-447 as Apache Kafka 3.7 follows them.
 */
#ifndef GREGOR_SEG_PRODUCERS_H
#define GREGOR_SEG_PRODUCERS_H

#include "base/err.h"
#include "base/map.h"
#include "seg/batch.h"
#include "seg/log.h"

enum { PRODUCER_BATCHES = 5 };

struct producer_batch {
    int64_t last_offset;
    int64_t timestamp; /* largest of the batch, ms */
    int32_t last_sequence;
    int32_t offset_delta; /* last - first offset */
};

struct producer {
    struct map_link link; /* in producers.map, by id */
    int64_t id;
    int64_t last_timestamp;    /* ms; -1 none */
    int64_t txn_first_offset;  /* of the open transaction; -1 none */
    int32_t coordinator_epoch; /* of its last marker; -1 none */
    int16_t epoch;             /* -1 none known */
    uint8_t n_batches;         /* kept, at the epoch above */
    struct producer_batch batches[PRODUCER_BATCHES]; /* oldest first */
};

struct txn {
    int64_t first_offset;
    int64_t last_offset; /* of the marker; -1 while open */
    int64_t producer_id;
};

/* Transactions by first offset. */
struct txns {
    struct txn *items; /* owned; NULL while none */
    uint32_t n;
    uint32_t size;
};

struct producers {
    struct map map;   /* by id */
    struct txns open; /* undecided */
    struct txns
        closed; /* decided; the marker is not below the high watermark */
};

/* The end of a transaction, out of a control batch. */
struct txn_marker {
    bool present; /* the batch has a commit or abort marker */
    bool abort;
    int32_t coordinator_epoch;
    int64_t timestamp; /* ms */
};

/* An aborted or committed transaction that a batch completed. */
struct txn_completed {
    bool present; /* there was an open one */
    bool abort;
    int64_t producer_id;
    int64_t first_offset;
    int64_t last_offset; /* of the marker */
    int64_t last_stable; /* where READ_COMMITTED ends after it */
};

/* An empty state without memory; and all memory given back. */
void producers_init(struct producers *producers);
void producers_fini(struct producers *producers);

/* Forget all. */
void producers_clear(struct producers *producers);

/* NULL: not known. Good until the next call that changes the state. */
struct producer *producers_find(const struct producers *producers, int64_t id);

/* What appending this batch of a producer would meet. `marker` says what a
 * control batch holds. ERR_DUPLICATE fills `old`.
 *
 * ERR_DUPLICATE, ERR_SEQUENCE, ERR_FENCED, ERR_CONFLICT, ERR_TXN_STATE as
 * log_append() says; LOG_REPLICA meets none of them but ERR_TXN_STATE. */
MUST_USE enum err producers_check(const struct producers *producers,
                                  const struct batch_header *header,
                                  const struct txn_marker *marker,
                                  enum log_origin origin,
                                  struct producer_batch *old);

/* Take a batch into account whose offsets are final. `completed` says which
 * transaction it ended; it then waits in `closed`. Batches without a producer
 * id change nothing. */
void producers_apply(struct producers *producers,
                     const struct batch_header *header,
                     const struct txn_marker *marker,
                     struct txn_completed *completed);

/* Put an entry of a snapshot; `from` without link. A known id is replaced. */
void producers_put(struct producers *producers, const struct producer *from);

/* The first offset of the oldest transaction that is open, or closed by a
 * marker not below the high watermark; -1 none. */
int64_t producers_first_unstable(const struct producers *producers);

/* Closed transactions whose marker lies below `offset` are stable. */
void producers_stable(struct producers *producers, int64_t offset);

/* Forget producers without open transaction that are older than `expire_ms`. */
void producers_expire(struct producers *producers, int64_t now_ms,
                      int64_t expire_ms);

/* Without an open transaction, and `expire_ms` or more since its last batch. */
bool producer_is_expired(const struct producer *producer, int64_t now_ms,
                         int64_t expire_ms);

/* First sequence of a kept batch. */
int32_t producer_first_sequence(const struct producer_batch *batch);

/* Read the marker of a whole control batch; `marker->present` is false when it
 * is another kind of control batch, or an empty one.
 * ERR_RECORD, ERR_CODEC, ERR_NOMEM... when it cannot be read. */
MUST_USE enum err txn_marker_read(const struct batch *batch,
                                  struct txn_marker *marker);

#endif
