/* snapshot.h - producer state as a file; private to seg.
 *
 *     | version i16 = 1 | crc u32 | count i32 | entries of 46 bytes ... |
 *                       crc-32c covers ▲6 to the end
 *     entry: producer id 8, epoch 2, last sequence 4, last offset 8,
 *            offset delta 4, timestamp 8, coordinator epoch 4, open
 *            transaction's first offset 8
 *
 * Named %020d.snapshot by the offset up to which (exclusive) it holds. Only the
 * last batch of a producer is in it. Pure.
 */
#ifndef GREGOR_SEG_SNAPSHOT_H
#define GREGOR_SEG_SNAPSHOT_H

#include "seg/producers.h"
#include "wire/wr.h"

enum { SNAPSHOT_HEAD = 10, SNAPSHOT_ENTRY = 46 };

/* Largest file that is read (1.4 million producers). */
#define SNAPSHOT_BYTES_MOST ((size_t)64 << 20)

/* Write the state, by producer id. */
void snapshot_write(struct wr *w, const struct producers *producers);

/* Put the entries into `producers`, but those expired.
 * ERR_SHORT, ERR_FORMAT, ERR_VERSION, ERR_CORRUPT: nothing was put. */
MUST_USE enum err snapshot_read(struct bytes file, int64_t now_ms,
                                int64_t expire_ms, struct producers *producers);

/* Called with each entry in order; borrowed for the call. */
typedef void snapshot_each_fn(void *context, const struct producer *producer);

/* All entries, for tools. Errors as snapshot_read(), before the first call. */
MUST_USE enum err snapshot_each(struct bytes file, snapshot_each_fn *each,
                                void *context);

#endif
