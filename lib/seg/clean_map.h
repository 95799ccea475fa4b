/* clean_map.h - key -> last offset, of bounded size; private to seg.
 *
 * Keys are not kept, only 128 bits of keyed hash (SipHash-2-4) each: two keys
 * that met would cost a record, and nobody who does not know the random seed
 * can make them meet. 24 bytes a key, as in Apache Kafka, so both compact as
 * much with the same memory.
 *
 * A large map is in no cache, and each key is somewhere else in it. So a key is
 * announced by clean_map_key() some time before it is put or looked up; whoever
 * has several announces up to CLEAN_AHEAD of them, and waits for memory once.
 *
 * Threads: one at a time.
 */
#ifndef GREGOR_SEG_CLEAN_MAP_H
#define GREGOR_SEG_CLEAN_MAP_H

#include "base/bytes.h"
#include "base/err.h"

struct clean_slot {
    uint64_t hash[2];
    int64_t offset; /* + 1; 0: the slot is free */
};

struct clean_map {
    struct clean_slot *slots; /* pages come as they are touched */
    size_t n_slots;
    size_t most;    /* keys it takes */
    size_t used;    /* keys in it */
    int64_t latest; /* everything up to here is in the map; -1 nothing */
    uint64_t seed[2];
};

/* An empty map of at most `bytes`, filled up to `load`; smaller when it will
 * never see more than `records`. ERR_NOMEM. */
MUST_USE enum err clean_map_init(struct clean_map *map, size_t bytes,
                                 double load, uint64_t records);
void clean_map_fini(struct clean_map *map);

/* Keys announced at once: about as many as a core can wait for. */
enum { CLEAN_AHEAD = 32 };

/* A key as a map knows it. */
struct clean_key {
    uint64_t hash[2];
};

/* Announce a key; it need not be there, now or later. */
struct clean_key clean_map_key(const struct clean_map *map, struct bytes key);

/* Set the offset of a key. False when the map takes no more (also of a key that
 * it has, as Apache Kafka does it). */
MUST_USE bool clean_map_put(struct clean_map *map, const struct clean_key *key,
                            int64_t offset);

/* The offset of a key; -1 when it is not there. */
int64_t clean_map_get(const struct clean_map *map, const struct clean_key *key);

#endif
