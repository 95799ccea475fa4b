/* mem.h - the memory policy, and arenas for what lives as long as a request.
 *
 * mem_need()  small things whose size we chose: never NULL; when memory is out,
 *             the process ends with one clear line.
 * mem_try()   anything whose size came from outside (a frame, a count, a file):
 *             NULL when there is none; the request fails, the broker lives.
 * arena       many small pieces that all go at once. Overflow of its ceiling,
 *             or lack of memory, is a flag that sticks: take pieces in a row
 *             and ask `arena->err` once at the end.
 *
 * Threads: an arena belongs to one thread at a time.
 */
#ifndef GREGOR_BASE_MEM_H
#define GREGOR_BASE_MEM_H

#include "base/bytes.h"
#include "base/err.h"

/* Set the allocator's policy, once, before there are threads: a block from 256
 * KiB on is a mapping of its own, gone when it is freed, and a heap that has a
 * mebibyte free at its end shrinks. By default both bounds rise with what is
 * freed, up to 64 MiB, so that a few large requests stay resident for ever. */
void mem_start(void);

/* Zeroed memory; never NULL. `size` must be above 0. Free with mem_free(). */
void *mem_need(size_t size) __attribute__((malloc, returns_nonnull));

/* Zeroed array of `count` elements; never NULL. */
void *mem_need_array(size_t count, size_t size)
    __attribute__((malloc, returns_nonnull));

/* Grow or shrink to `count` elements of `size`; new elements are not zeroed.
 * Never NULL. `old` may be NULL. */
void *mem_need_more(void *old, size_t count, size_t size)
    __attribute__((returns_nonnull));

/* Memory whose size came from outside, not zeroed; NULL when there is none. */
MUST_USE void *mem_try(size_t size) __attribute__((malloc));

/* As mem_need_more(), but NULL when there is none; then `old` stays valid. */
MUST_USE void *mem_try_more(void *old, size_t count, size_t size);

/* A NUL-terminated copy of the bytes; never NULL (null becomes ""). */
char *mem_need_text(struct bytes b) __attribute__((malloc, returns_nonnull));

/* Free what any of the above gave; NULL is fine. */
void mem_free(void *p);

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first; NULL: nothing taken yet */
    size_t used_bytes;          /* taken since the last reset */
    size_t limit_bytes;         /* ceiling for used_bytes */
    enum err err; /* first failure: ERR_NOMEM, ERR_LIMIT; sticks */
};

/* An empty arena with a ceiling; takes no memory yet. */
void arena_init(struct arena *arena, size_t limit_bytes);

/* Give back everything, keep the first chunk for the next use. */
void arena_reset(struct arena *arena);

/* Give back everything, the chunks too. */
void arena_fini(struct arena *arena);

/* Zeroed, 16-byte aligned piece; NULL after a failure (see `arena->err`).
 * `size` 0 gives a valid pointer that must not be read. */
MUST_USE void *arena_take(struct arena *arena, size_t size);

/* Zeroed array; the product is checked. NULL after a failure. */
MUST_USE void *arena_array(struct arena *arena, size_t count, size_t size);

/* A copy of the bytes in the arena; null stays null. After a failure the
 * result is null. */
struct bytes arena_copy(struct arena *arena, struct bytes b);

/* Formatted text in the arena; null bytes after a failure. */
struct bytes arena_format(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
