/* seg_file.h - open files of segments, counted, and few at a time.
 *
 * A `struct seg_file` is one open descriptor with a count of references. Who
 * holds a reference may read and sendfile(2) from it, whatever happens to the
 * log meanwhile: roll, retention, truncation of other parts, deletion, close.
 * The descriptor is closed with the last reference. (Truncation below a range
 * that was planned before shows as a short read; the reader ends its answer.)
 *
 *     log ── find ──▶ seg_files: (log, base offset, kind) ─▶ seg_file ─▶ fd
 *                     bounded, least recently used goes        ▲
 *     fetch plan ───────────── reference ──────────────────────┘
 *
 * Logs keep no files open themselves. They ask the cache, which opens on first
 * use and, above its bound, forgets the least recently used one. So 10,000 idle
 * partitions cost no descriptor.
 *
 * Threads: any.
 */
#ifndef GREGOR_SEG_FILE_H
#define GREGOR_SEG_FILE_H

#include "seg/fs.h"

struct seg_file;
struct seg_files;

/* A cache over `fs` (borrowed, outlives it) that keeps at most `limit` files
 * open for logs; files that plans refer to come on top. `limit` at least 16. */
struct seg_files *seg_files_new(const struct fs *fs, size_t limit);

/* Forget all files and free the cache; references that are out stay good. */
void seg_files_free(struct seg_files **files);

/* Files open now in the cache, for metrics. */
size_t seg_files_count(struct seg_files *files);

/* One more reference; gives back `file`. */
struct seg_file *seg_file_ref(struct seg_file *file);

/* Give one back and leave NULL; NULL is fine. The last one closes. */
void seg_file_unref(struct seg_file **file);

/* The descriptor; good as long as the reference is held. Not to be closed,
 * not to be written. */
int seg_file_fd(const struct seg_file *file);

#endif
