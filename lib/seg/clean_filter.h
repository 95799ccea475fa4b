/* clean_filter.h - what compaction keeps of a batch; private to seg.
 *
 * Decides record by record, and writes what stays:
 *
 *     all of it stays              the bytes as they are
 *     some of it stays             a new batch: same base offset, last offset,
 *                                  producer, sequence, epoch, codec
 *     a tombstone or a needless    as above, with the delete horizon: from then
 *     marker stays                 on the next compaction drops it
 *     nothing stays                no batch; or an empty one, when it is the
 *                                  last of a producer that is alive
 *
 * Needs no log and no file. Threads: one at a time.
 */
#ifndef GREGOR_SEG_CLEAN_FILTER_H
#define GREGOR_SEG_CLEAN_FILTER_H

#include "seg/clean_map.h"
#include "seg/clean_txns.h"
#include "seg/msgset.h"

/* The last batch of a producer that is alive. */
struct clean_tail {
    struct map_link link;
    int64_t producer_id;
    int64_t last_offset; /* of its last data; -1: its last batch is a marker */
    int16_t epoch;
};

/* A record that has been read, and is not judged yet. */
struct clean_doubt {
    struct clean_key key;
    int64_t offset;
    size_t at; /* which one of its batch, from 0 */
    bool tombstone;
};

struct clean_filter {
    /* The owner's to set, and to change between batches: */
    const struct clean_map *map;
    struct clean_txns *txns;
    int64_t now_ms;
    int64_t delete_retention_ms;
    bool keep_old_deletes; /* magic 0, 1: tombstones stay */
    /* Counts: */
    uint64_t records_read;
    uint64_t records_kept;
    uint64_t no_key;
    /* Its own: */
    struct map tails; /* of struct clean_tail */
    struct batch_reader reader;
    struct batch_builder builder;
    struct msgset_builder old_builder;
    uint8_t *keep;    /* a bit for each record of the batch; owned */
    size_t keep_size; /* bytes of it */
    struct clean_doubt doubts[CLEAN_AHEAD];
    unsigned n_doubts;
};

/* What became of a batch. */
struct clean_kept {
    bool any;               /* something was written */
    int64_t last_offset;    /* of it */
    int64_t max_timestamp;  /* of its records; -1 none */
    bool has_entry;         /* an aborted transaction is still there: */
    struct txn_entry entry; /* for the new .txnindex */
};

/* An idle filter; takes no memory. */
void clean_filter_init(struct clean_filter *filter);
void clean_filter_fini(struct clean_filter *filter);

/* Take the tails of these producers, instead of what it had. Under the lock
 * that guards them. */
void clean_filter_tails(struct clean_filter *filter,
                        const struct producers *producers);

/* Judge one whole batch, and write what stays of it at the end of `out`.
 * ERR_RECORD, ERR_FORMAT, ERR_SHORT, ERR_CODEC  it is damaged
 * ERR_LIMIT, ERR_NOMEM */
MUST_USE enum err clean_filter_batch(struct clean_filter *filter,
                                     const struct batch *batch, struct wr *out,
                                     struct clean_kept *kept);

#endif
