/* direct.h - a new file, written in order past the page cache; private to seg.
 *
 *     | written .............. | staged ...... | free |
 *     0                    position                    position + 1 MiB
 *
 * A file of gigabytes that nobody may ever read costs the page cache as much:
 * pages others had in it, a copy, and on a virtual machine that gives free
 * memory back, ten times the copy for each page that it must ask for anew. What
 * is written here takes one buffer, and goes from there to the disk.
 *
 * A file system that cannot do it, or a last piece that is no whole page, is
 * written as ever. Nothing is synced.
 *
 * Threads: one at a time.
 */
#ifndef GREGOR_SEG_DIRECT_H
#define GREGOR_SEG_DIRECT_H

#include <stddef.h>

#include "seg/fs.h"

struct direct {
    const struct fs *fs;
    int fd;           /* borrowed */
    bool on;          /* past the page cache */
    uint8_t *memory;  /* owned; NULL when not `on` from the first */
    uint8_t *stage;   /* in it, where a page begins */
    size_t staged;    /* bytes in the stage */
    int64_t position; /* in the file, of the stage; all before is written */
};

/* Begin with an empty file, past the page cache when `wanted` and possible. */
void direct_init(struct direct *direct, const struct fs *fs, int fd,
                 bool wanted);
void direct_fini(struct direct *direct);

/* Take `n` bytes more. errno says what an error was. */
MUST_USE enum err direct_write(struct direct *direct, const uint8_t *at,
                               size_t n);

/* Write what is left of them; no more may come. */
MUST_USE enum err direct_finish(struct direct *direct);

#endif
