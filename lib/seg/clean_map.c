/* clean_map.c - key -> last offset: open addressing over 24-byte slots. */
#include "seg/clean_map.h"

#include <endian.h>
#include <sys/mman.h>
#include <sys/random.h>

/* Bytes of map from which on large pages pay. */
#define HUGE_FROM ((size_t)8 << 20)

static inline uint64_t rotate(uint64_t v, unsigned by)
{
    return v << by | v >> (64 - by);
}

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 = rotate(s->v2, 32);
}

static inline void sip_word(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    sip_round(s);
    s->v0 ^= word;
}

static uint64_t sip_end(struct sip *s)
{
    for (int i = 0; i < 4; i++)
        sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* SipHash-2-4 with 128 bits of output (Aumasson, Bernstein). */
static void hash_key(const struct clean_map *map, struct bytes key,
                     uint64_t hash[2])
{
    struct sip s = { map->seed[0] ^ 0x736f6d6570736575u,
                     map->seed[1] ^ 0x646f72616e646f6du ^ 0xee,
                     map->seed[0] ^ 0x6c7967656e657261u,
                     map->seed[1] ^ 0x7465646279746573u };
    const uint8_t *at = key.at;
    size_t left = key.len;
    uint64_t word;

    for (; left >= 8; left -= 8, at += 8) {
        memcpy(&word, at, 8);
        sip_word(&s, le64toh(word));
    }
    word = 0;
    if (left > 0)
        memcpy(&word, at, left);
    sip_word(&s, le64toh(word) | (uint64_t)key.len << 56);
    s.v2 ^= 0xee;
    hash[0] = sip_end(&s);
    s.v1 ^= 0xdd;
    hash[1] = sip_end(&s);
}

enum err clean_map_init(struct clean_map *map, size_t bytes, double load,
                        uint64_t records)
{
    size_t slots = bytes / sizeof *map->slots;

    *map = (struct clean_map){ .latest = -1 };
    /* Kafka counts its slots with 31 bits. */
    slots = slots > INT32_MAX ? INT32_MAX : slots;
    map->most = (size_t)((double)slots * load);
    if (map->most == 0)
        map->most = 1;
    if (records < map->most) {
        map->most = (size_t)records + 1;
        slots = (size_t)((double)map->most / load) + 1;
    }
    map->n_slots = slots > map->most ? slots : map->most + 1;
    if (getrandom(map->seed, sizeof map->seed, 0) != (ssize_t)sizeof map->seed)
        return ERR_IO;
    map->slots =
        mmap(NULL, map->n_slots * sizeof *map->slots, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map->slots == MAP_FAILED) {
        map->slots = NULL;
        return ERR_NOMEM;
    }
    /* Keys are scattered: small pages would cost a walk of the page table for
     * nearly each of them. */
    if (map->n_slots * sizeof *map->slots >= HUGE_FROM)
        (void)madvise(map->slots, map->n_slots * sizeof *map->slots,
                      MADV_HUGEPAGE);
    return ERR_OK;
}

void clean_map_fini(struct clean_map *map)
{
    if (map->slots != NULL)
        munmap(map->slots, map->n_slots * sizeof *map->slots);
    map->slots = NULL;
}

/* Where the search for a key begins. */
static size_t home(const struct clean_map *map, const uint64_t hash[2])
{
    return (size_t)(((unsigned __int128)hash[0] * map->n_slots) >> 64);
}

struct clean_key clean_map_key(const struct clean_map *map, struct bytes key)
{
    const struct clean_slot *slot;
    struct clean_key made;

    hash_key(map, key, made.hash);
    slot = &map->slots[home(map, made.hash)];
    /* One slot of four lies in two cache lines. */
    __builtin_prefetch(slot, 1);
    __builtin_prefetch(&slot->offset, 1);
    return made;
}

/* The slot of the key, or the free one where it belongs; there is always one.
 */
static struct clean_slot *find(const struct clean_map *map,
                               const uint64_t hash[2])
{
    size_t i = home(map, hash);

    while (map->slots[i].offset != 0 && (map->slots[i].hash[0] != hash[0] ||
                                         map->slots[i].hash[1] != hash[1]))
        if (++i == map->n_slots)
            i = 0;
    return &map->slots[i];
}

bool clean_map_put(struct clean_map *map, const struct clean_key *key,
                   int64_t offset)
{
    struct clean_slot *slot;

    if (map->used >= map->most)
        return false;
    slot = find(map, key->hash);
    if (slot->offset == 0) {
        slot->hash[0] = key->hash[0];
        slot->hash[1] = key->hash[1];
        map->used++;
    }
    slot->offset = offset + 1;
    map->latest = offset;
    return true;
}

int64_t clean_map_get(const struct clean_map *map, const struct clean_key *key)
{
    return find(map, key->hash)->offset - 1;
}
