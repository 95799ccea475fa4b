/* epochs.h - which leader epoch began where; private to seg.
 *
 *     epoch  0 ........ 3 ............. 4 ...
 *     start  0          120             400
 *
 * Epochs and starts rise strictly. Pure: no file, no lock; the log keeps both.
 * `dirty` says that leader-epoch-checkpoint differs from what is here.
 */
#ifndef GREGOR_SEG_EPOCHS_H
#define GREGOR_SEG_EPOCHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct epoch_entry {
    int32_t epoch; /* >= 0 */
    int64_t start; /* its first offset */
};

struct epochs {
    struct epoch_entry *entries; /* owned; in order; NULL while empty */
    uint32_t n;
    uint32_t size; /* entries allocated */
    bool dirty;    /* differs from the file */
};

/* Free the entries; the struct is empty, and `dirty` is not set. (An empty one
 * is zeroed memory.) */
void epochs_fini(struct epochs *epochs);

/* The epoch begins at `start`. Entries that it contradicts (a later epoch, or
 * the same start or a later one) go. Nothing happens when the latest entry has
 * this epoch and begins no later. */
void epochs_assign(struct epochs *epochs, int32_t epoch, int64_t start);

/* The log ends at `end` now (exclusive): entries that begin there or later go.
 */
void epochs_cut_end(struct epochs *epochs, int64_t end);

/* The log starts at `start` now. */
void epochs_cut_start(struct epochs *epochs, int64_t start);

/* Forget all entries; `dirty` when there were any. */
void epochs_clear(struct epochs *epochs);

/* The latest epoch; -1 none. */
int32_t epochs_latest(const struct epochs *epochs);

/* The epoch of the record at `offset`; -1 none. */
int32_t epochs_at(const struct epochs *epochs, int64_t offset);

/* OffsetForLeaderEpoch, see log_epoch_end(). */
void epochs_end(const struct epochs *epochs, int32_t epoch, int64_t log_end,
                int32_t *found, int64_t *end);

#endif
