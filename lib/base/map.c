/* map.c - the chains of map.h. */
#include "base/map.h"

#include <assert.h>
#include <sys/random.h>

#include "base/mem.h"

enum { MAP_FIRST = 16 };

void map_init(struct map *map)
{
    *map = (struct map){ 0 };
    ssize_t n = getrandom(&map->seed, sizeof map->seed, 0);
    assert(n == (ssize_t)sizeof map->seed);
}

void map_fini(struct map *map)
{
    mem_free(map->chains);
    map->chains = NULL;
    map->size = 0;
    map->count = 0;
}

struct map_link *map_find(const struct map *map, uint64_t hash, map_is_fn *is,
                          const void *key)
{
    if (map->size == 0)
        return NULL;
    struct map_link *link = map->chains[hash & (map->size - 1)];
    while (link != NULL && !(link->hash == hash && is(link, key)))
        link = link->next;
    return link;
}

static void map_resize(struct map *map, size_t size)
{
    struct map_link **chains = mem_need_array(size, sizeof *chains);

    for (size_t i = 0; i < map->size; i++) {
        struct map_link *link = map->chains[i];

        while (link != NULL) {
            struct map_link *next = link->next;
            struct map_link **chain = &chains[link->hash & (size - 1)];

            link->next = *chain;
            *chain = link;
            link = next;
        }
    }
    mem_free(map->chains);
    map->chains = chains;
    map->size = size;
}

void map_put(struct map *map, struct map_link *link, uint64_t hash)
{
    if (map->count >= map->size)
        map_resize(map, map->size ? map->size * 2 : MAP_FIRST);
    struct map_link **chain = &map->chains[hash & (map->size - 1)];
    link->hash = hash;
    link->next = *chain;
    *chain = link;
    map->count++;
}

void map_remove(struct map *map, struct map_link *link)
{
    assert(map->count > 0);
    struct map_link **at = &map->chains[link->hash & (map->size - 1)];
    while (*at != link) {
        assert(*at != NULL);
        at = &(*at)->next;
    }
    *at = link->next;
    link->next = NULL;
    map->count--;
    if (map->size > MAP_FIRST && map->count < map->size / 8)
        map_resize(map, map->size / 2);
}

struct map_link *map_next(const struct map *map, const struct map_link *link)
{
    size_t i = 0;

    if (link != NULL) {
        if (link->next != NULL)
            return link->next;
        i = (link->hash & (map->size - 1)) + 1;
    }
    for (; i < map->size; i++) {
        if (map->chains[i] != NULL)
            return map->chains[i];
    }
    return NULL;
}
