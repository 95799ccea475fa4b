/* map.h - a hash map whose links live inside the elements.
 *
 * Open hashing over a power-of-two table of chains; grows at a load of one,
 * shrinks at an eighth. Keys are hashed by the caller (bytes_hash() with a
 * random seed where a peer chooses the keys), and compared by a function:
 *
 *     struct topic { struct map_link link; struct bytes name; ... };
 *     static bool topic_is(const struct map_link *l, const void *key) {...}
 *     link = map_find(&map, bytes_hash(name, map.seed), topic_is, &name);
 *
 * Threads: one at a time; the owner locks.
 */
#ifndef GREGOR_BASE_MAP_H
#define GREGOR_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_link {
    struct map_link *next; /* in the same chain */
    uint64_t hash;         /* as given to map_put() */
};

struct map {
    struct map_link **chains; /* NULL until the first put */
    size_t size;              /* chains, a power of two, or 0 */
    size_t count;             /* elements */
    uint64_t seed;            /* random; for bytes_hash() */
};

typedef bool map_is_fn(const struct map_link *link, const void *key);

/* An empty map with a random seed. */
void map_init(struct map *map);

/* Free the table; the elements must be out or not be used through it again. */
void map_fini(struct map *map);

/* The element with this hash for which `is` holds, or NULL. */
struct map_link *map_find(const struct map *map, uint64_t hash, map_is_fn *is,
                          const void *key);

/* Add an element that is not in any map; equal keys are the caller's matter. */
void map_put(struct map *map, struct map_link *link, uint64_t hash);

/* Take an element out; it must be in. */
void map_remove(struct map *map, struct map_link *link);

/* The next element in table order after `link`; NULL starts, NULL ends. The
 * map must not change while walked, but the element that was returned before
 * the last one may be removed once its successor is known. */
struct map_link *map_next(const struct map *map, const struct map_link *link);

/* A well mixed hash of an integer key. */
static inline uint64_t map_hash_int(uint64_t key, uint64_t seed)
{
    key ^= seed;
    key = (key ^ (key >> 30)) * 0xbf58476d1ce4e5b9u;
    key = (key ^ (key >> 27)) * 0x94d049bb133111ebu;
    return key ^ (key >> 31);
}

#endif
