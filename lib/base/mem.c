/* mem.c - the memory policy and the arena.
 *
 * An arena is a list of chunks. The first one is small (most requests need no
 * more), later ones double up to 64 KiB; a piece larger than that gets a chunk
 * of its own. Reset keeps the oldest chunk, so a busy connection does not go
 * through malloc for every request.
 */
#include "base/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ARENA_ALIGN = 16,
    ARENA_FIRST = 2048 - 32,
    ARENA_CHUNK_MOST = 64 * 1024,
    MAP_LEAST = 256 * 1024,
    TRIM_LEAST = 1024 * 1024,
};

struct arena_chunk {
    struct arena_chunk *next; /* older chunk */
    size_t size;              /* bytes in data */
    size_t used;              /* bytes given out */
    _Alignas(ARENA_ALIGN) uint8_t data[];
};

void mem_start(void)
{
#ifdef __GLIBC__
    /* it says no to what it cannot do, and goes on as before */
    (void)mallopt(M_MMAP_THRESHOLD, MAP_LEAST);
    (void)mallopt(M_TRIM_THRESHOLD, TRIM_LEAST);
#endif
}

static void mem_out(size_t size)
{
    fprintf(stderr,
            "FATAL event=out_of_memory bytes=%zu remedy=\"give the "
            "process more memory or lower its limits\"\n",
            size);
    abort();
}

void *mem_need(size_t size)
{
    void *p = calloc(1, size);

    if (p == NULL)
        mem_out(size);
    return p;
}

void *mem_need_array(size_t count, size_t size)
{
    void *p = calloc(count ? count : 1, size ? size : 1);

    if (p == NULL)
        mem_out(size);
    return p;
}

void *mem_need_more(void *old, size_t count, size_t size)
{
    void *p = reallocarray(old, count ? count : 1, size);

    if (p == NULL)
        mem_out(size);
    return p;
}

void *mem_try(size_t size)
{
    return malloc(size ? size : 1);
}

void *mem_try_more(void *old, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return realloc(old, bytes ? bytes : 1);
}

char *mem_need_text(struct bytes b)
{
    char *text = mem_need(b.len + 1);

    if (b.len)
        memcpy(text, b.at, b.len);
    return text;
}

void mem_free(void *p)
{
    free(p);
}

void arena_init(struct arena *arena, size_t limit_bytes)
{
    *arena = (struct arena){ .limit_bytes = limit_bytes };
}

void arena_reset(struct arena *arena)
{
    while (arena->chunks != NULL && arena->chunks->next != NULL) {
        struct arena_chunk *chunk = arena->chunks;

        arena->chunks = chunk->next;
        free(chunk);
    }
    if (arena->chunks != NULL) {
        if (arena->chunks->size > ARENA_CHUNK_MOST) {
            free(arena->chunks);
            arena->chunks = NULL;
        } else {
            arena->chunks->used = 0;
        }
    }
    arena->used_bytes = 0;
    arena->err = ERR_OK;
}

void arena_fini(struct arena *arena)
{
    while (arena->chunks != NULL) {
        struct arena_chunk *chunk = arena->chunks;

        arena->chunks = chunk->next;
        free(chunk);
    }
    *arena = (struct arena){ .limit_bytes = arena->limit_bytes };
}

static struct arena_chunk *arena_grow(struct arena *arena, size_t need)
{
    size_t size = ARENA_FIRST;

    if (arena->chunks != NULL) {
        size = arena->chunks->size * 2;
        if (size > ARENA_CHUNK_MOST)
            size = ARENA_CHUNK_MOST;
    }
    if (size < need)
        size = need;
    struct arena_chunk *chunk = malloc(sizeof *chunk + size);
    if (chunk == NULL)
        return NULL;
    chunk->size = size;
    chunk->used = 0;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *arena_take(struct arena *arena, size_t size)
{
    size_t need;
    struct arena_chunk *chunk = arena->chunks;

    if (arena->err != ERR_OK)
        return NULL;
    if (size > arena->limit_bytes ||
        arena->used_bytes > arena->limit_bytes - size) {
        arena->err = ERR_LIMIT;
        return NULL;
    }
    need = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    if (chunk == NULL || need > chunk->size - chunk->used) {
        chunk = arena_grow(arena, need);
        if (chunk == NULL) {
            arena->err = ERR_NOMEM;
            return NULL;
        }
    }
    void *p = chunk->data + chunk->used;
    chunk->used += need;
    arena->used_bytes += size;
    memset(p, 0, need);
    return p;
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;

    if (__builtin_mul_overflow(count, size, &bytes)) {
        if (arena->err == ERR_OK)
            arena->err = ERR_LIMIT;
        return NULL;
    }
    return arena_take(arena, bytes);
}

struct bytes arena_copy(struct arena *arena, struct bytes b)
{
    if (bytes_is_null(b))
        return BYTES_NULL;
    uint8_t *p = arena_take(arena, b.len);
    if (p == NULL)
        return BYTES_NULL;
    if (b.len)
        memcpy(p, b.at, b.len);
    return bytes_make(p, b.len);
}

struct bytes arena_format(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_list again;
    char *text;
    int n;

    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    text = n < 0 ? NULL : arena_take(arena, (size_t)n + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)n + 1, format, again);
    va_end(again);
    return text ? bytes_make(text, (size_t)n) : BYTES_NULL;
}
