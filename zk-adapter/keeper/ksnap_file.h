/* ksnap_file.h - the file of a snapshot: written once, front to back.
 *
 * It grows beside a log that is synced many times a second. Pages of it that
 * wait in the page cache would be carried by the log's syncs (a journal commit
 * writes out what was newly allocated, whose file it is does not matter) and
 * make every writer wait; so they never get there: bytes go from a buffer
 * straight to the disk, in pieces that leave room for a sync in between. Where
 * the file system can not do that, they go through the page cache, and are
 * pushed to the disk piece by piece.
 *
 *     file:   | written, on the disk | staged |
 *                                    ^ position, a multiple of the piece
 *
 * Threads: one at a time; the calls block as long as the disk does.
 */
#ifndef GREGOR_KEEPER_KSNAP_FILE_H
#define GREGOR_KEEPER_KSNAP_FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/err.h"

struct ksnap_file {
    int fd;          /* -1: not open */
    bool direct;     /* past the page cache */
    uint8_t *stage;  /* bytes not written yet: one piece, aligned */
    size_t staged;   /* how many */
    off_t position;  /* where they go */
    off_t allocated; /* bytes the file has on disk */
};

/* A file that is not open. */
void ksnap_file_init(struct ksnap_file *file);

/* Create the file, or empty it. ERR_IO, ERR_SPACE ..., ERR_NOMEM. */
MUST_USE enum err ksnap_file_open(struct ksnap_file *file, const char *name,
                                  struct errmsg *why);

/* Append bytes. After an error only ksnap_file_close() makes sense. */
MUST_USE enum err ksnap_file_write(struct ksnap_file *file, struct bytes b,
                                   struct errmsg *why);

/* All was appended: write the rest and sync the file. */
MUST_USE enum err ksnap_file_finish(struct ksnap_file *file,
                                    struct errmsg *why);

/* Close it, as far as it got; no harm when it is not open. */
void ksnap_file_close(struct ksnap_file *file);

#endif
