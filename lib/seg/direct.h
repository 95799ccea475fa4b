/* direct.h - a new file, written in order past the page cache; private to seg.
 *
 *     | written ....... | on its way | being filled | free |
 *     0                              position
 *
 * A file of gigabytes that nobody may ever read costs the page cache as much:
 * pages others had in it, a copy, and on a virtual machine that gives free
 * memory back, ten times the copy for each page that it must ask for anew. What
 * is written here goes from two buffers of 1 MiB to the disk: a thread writes
 * the one while the other is filled.
 *
 * A file system that cannot do it, or a last piece that is no whole page, is
 * written as ever. Nothing is synced.
 *
 * Threads: one at a time, besides its own; that one is there from init to fini.
 */
#ifndef GREGOR_SEG_DIRECT_H
#define GREGOR_SEG_DIRECT_H

#include <stddef.h>

#include "base/lock.h"
#include "seg/fs.h"

struct direct {
    const struct fs *fs;
    int fd;           /* borrowed up to fini */
    bool on;          /* past the page cache */
    uint8_t *memory;  /* owned; both stages; NULL when never `on` */
    uint8_t *stage;   /* being filled; begins with a page */
    uint8_t *other;   /* free, or the thread's while it is `busy` */
    size_t staged;    /* bytes in the stage */
    int64_t position; /* in the file, of the stage */
    int64_t other_at; /* in the file, of the other */
    bool threaded;    /* the thread runs: */
    pthread_t thread;
    struct lock lock;    /* for what follows */
    pthread_cond_t turn; /* it changed */
    bool busy;           /* the thread has `other` to write */
    bool stopping;
    int errnum; /* why its last write failed; 0: it did not */
};

/* Begin with an empty file, past the page cache when `wanted` and possible. */
void direct_init(struct direct *direct, const struct fs *fs, int fd,
                 bool wanted);

/* Wait for the thread's end; to be called before the file is closed. Again it
 * does nothing. */
void direct_fini(struct direct *direct);

/* Take `n` bytes more. errno says what an error was; it may be that of an
 * earlier piece. */
MUST_USE enum err direct_write(struct direct *direct, const uint8_t *at,
                               size_t n);

/* Write what is left of them, and wait for all; no more may come. */
MUST_USE enum err direct_finish(struct direct *direct);

#endif
