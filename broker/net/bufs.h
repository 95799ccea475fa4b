/* bufs.h - memory for frames, reused.
 *
 * A fresh 1 MiB mapping for each request costs three times a reused one (the
 * kernel clears its pages), so what large frames give back is kept for the next
 * ones, by size class; what lay idle for a whole interval between two trims
 * goes back to the system, so an idle broker keeps nothing.
 *
 *   <= 32 KiB         malloc
 *   classes           mapped, kept in lists; untouched pages cost nothing
 *   > largest class   mapped, never kept; grows as bytes come
 *
 * Threads: one set for each reactor; the reactor's thread only.
 */
#ifndef GREGOR_NET_BUFS_H
#define GREGOR_NET_BUFS_H

#include "base/bytes.h"
#include "base/err.h"

enum {
    BUFS_CLASSES = 6,
    BUFS_MALLOC_MOST = 32 * 1024,
    BUFS_IDLE_MOST = 64 * 1024 * 1024, /* bytes kept idle, all classes */
};

struct buf {
    uint8_t *data; /* NULL: none */
    size_t size;   /* bytes that may be used */
};

struct bufs_idle {
    struct bufs_idle *next;
};

struct bufs {
    struct bufs_idle *idle[BUFS_CLASSES];
    size_t n_idle[BUFS_CLASSES];
    size_t least[BUFS_CLASSES]; /* fewest idle since the last trim */
    size_t idle_bytes;
};

/* Nothing kept. The end gives back what lies idle: nothing may be out then. */
void bufs_init(struct bufs *bufs);
void bufs_fini(struct bufs *bufs);

/* Memory for a frame of `len` bytes. Up to the largest class it holds the frame
 * whole; above, it begins small and buf_grow() is called as bytes come.
 * ERR_NOMEM. */
MUST_USE enum err bufs_take(struct bufs *bufs, size_t len, struct buf *buf);

/* Give it back and leave none; none is fine. */
void bufs_give(struct bufs *bufs, struct buf *buf);

/* Make room for more than `used` bytes of a frame of `len` (at least one more):
 * doubles, at most to `len`. ERR_NOMEM: the buffer is as it was. */
MUST_USE enum err buf_grow(struct buf *buf, size_t used, size_t len);

/* Give back to the system what was not needed since the last trim. True while
 * something is kept. */
bool bufs_trim(struct bufs *bufs);

#endif
