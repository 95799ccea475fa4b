/* klog.h - the transaction log as files: append, sync, roll, preallocate.
 *
 * Batches of whole records go to the end of the current file and are synced
 * before klog_append() returns. A file is named by the first zxid in it and
 * comes into being whole: header and first batch are written under a temporary
 * name, synced, renamed, and the directory is synced; so no reader ever meets a
 * log without a record.
 *
 * A failed write is cut back to the last whole record. A failed sync is never
 * repeated: what the kernel did with those pages is unknown, so the batch goes
 * to a new file.
 *
 * A small batch is followed by zeros as far as the next ones will go: to write
 * where something was written before changes no more than bytes, so their syncs
 * need not wait for the file system's journal, only for the disk. Readers stop
 * at the first zero.
 *
 *     | records | batch | zeros, on disk |  allocated  |
 *                       ^ position       ^ written
 *
 * Threads: one at a time (keeper sync, or the loop while that is idle); the
 * calls block as long as the disk.
 */
#ifndef GREGOR_KEEPER_KLOG_H
#define GREGOR_KEEPER_KLOG_H

#include "base/bytes.h"
#include "base/err.h"

struct klog {
    char *dir;         /* .../version-2 */
    int fd;            /* -1: the next batch opens a new file */
    int64_t position;  /* end of the good records */
    int64_t written;   /* end of what was ever written: records or zeros */
    int64_t allocated; /* bytes the file has on disk */
    int64_t step;      /* how much is allocated next */
    int64_t step_most; /* preAllocSize in bytes */
    int64_t size_most; /* a larger file is the last of its kind; 0: none */
    bool force_sync;
    bool low; /* the last preallocation failed for want of space */
};

/* Opens nothing: the first batch makes a file. `dir` is copied. */
void klog_init(struct klog *log, const char *dir, int64_t pre_alloc_bytes,
               bool force_sync);
/* Closes the file, cut to its records. */
void klog_fini(struct klog *log);

/* Append records and make them durable. `zxid` is that of the first one.
 * ERR_SPACE, ERR_IO: nothing of it counts; the same batch may be tried again.
 */
MUST_USE enum err klog_append(struct klog *log, struct bytes records,
                              int64_t zxid, struct errmsg *why);

/* The next batch starts a new file. */
void klog_roll(struct klog *log);

/* Make room for more; false (and log->low) while the disk is full. */
bool klog_reserve(struct klog *log);

/* Sync a directory, so that names in it survive. */
MUST_USE enum err klog_sync_dir(const char *dir, struct errmsg *why);

/* Write all bytes at a position. */
MUST_USE enum err klog_write_at(int fd, struct bytes b, int64_t position,
                                struct errmsg *why);

#endif
