/* clean_txns.h - transactions while a log is walked for compaction; private.
 *
 * Whoever walks the batches of a log in order tells each one; the answer says
 * whether data belongs to an aborted transaction, and whether a marker still
 * ends anything that is there.
 *
 * Threads: one at a time.
 */
#ifndef GREGOR_SEG_CLEAN_TXNS_H
#define GREGOR_SEG_CLEAN_TXNS_H

#include "base/map.h"
#include "seg/log_private.h"

struct clean_txns {
    struct txn_entry *aborted; /* owned; by first offset */
    size_t n_aborted;
    size_t next;     /* the first one not begun yet */
    struct map open; /* begun and not ended, by producer id */
};

/* Load the aborted transactions that have anything in [from, to). After an
 * error it is empty. */
MUST_USE enum err clean_txns_load(struct clean_txns *txns, struct log *log,
                                  int64_t from, int64_t to, struct errmsg *why);
void clean_txns_fini(struct clean_txns *txns);

/* A batch that is no control batch: true when its transaction was aborted. */
bool clean_txns_data(struct clean_txns *txns, const struct batch_header *h);

/* A control batch: `*needless` when nothing is left of what it ends. `*entry`
 * is set when it aborts something that is left, and `*has_entry`. Errors as
 * txn_marker_read(). */
MUST_USE enum err clean_txns_control(struct clean_txns *txns,
                                     const struct batch *batch, bool *needless,
                                     bool *has_entry, struct txn_entry *entry);

#endif
