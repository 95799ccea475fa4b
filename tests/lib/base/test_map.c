/* The hash map, beside a plain array that cannot be wrong. */
#include "base/map.h"

#include "base/list.h"
#include "tests/support/unit.h"

enum { KEYS = 3000 };

struct item {
    struct map_link link;
    uint64_t key;
    bool in;
};

static bool item_is(const struct map_link *link, const void *key)
{
    return CONTAINER_OF(link, struct item, link)->key == *(const uint64_t *)key;
}

static uint64_t hash(const struct map *map, uint64_t key)
{
    return map_hash_int(key, map->seed);
}

static struct map_link *find(const struct map *map, uint64_t key)
{
    return map_find(map, hash(map, key), item_is, &key);
}

START_TEST(an_empty_map_has_nothing_and_takes_no_memory)
{
    struct map map;

    map_init(&map);
    ck_assert_ptr_null(map.chains);
    ck_assert_ptr_null(find(&map, 1));
    ck_assert_ptr_null(map_next(&map, NULL));
    map_fini(&map);
}
END_TEST

START_TEST(what_was_put_is_found_until_it_is_removed)
{
    static struct item items[KEYS];
    struct map map;
    uint64_t random = 1;

    map_init(&map);
    for (int step = 0; step < 40000; step++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        /* Fill for a while, then drain, so that it grows and shrinks. */
        bool filling = step / 8000 % 2 == 0;
        struct item *item = &items[(random >> 33) % KEYS];

        item->key = (uint64_t)(item - items);
        if (!item->in && (filling || random >> 61 == 0)) {
            map_put(&map, &item->link, hash(&map, item->key));
            item->in = true;
        } else if (item->in && (!filling || random >> 61 == 0)) {
            map_remove(&map, &item->link);
            item->in = false;
        }
        ck_assert_ptr_eq(find(&map, item->key), item->in ? &item->link : NULL);
    }
    size_t count = 0;
    for (uint64_t key = 0; key < KEYS; key++) {
        ck_assert_ptr_eq(find(&map, key),
                         items[key].in ? &items[key].link : NULL);
        count += items[key].in;
    }
    ck_assert_uint_eq(map.count, count);
    map_fini(&map);
}
END_TEST

START_TEST(equal_hashes_are_told_apart_by_the_key)
{
    struct item items[40];
    struct map map;

    map_init(&map);
    for (uint64_t i = 0; i < 40; i++) {
        items[i].key = i;
        map_put(&map, &items[i].link, 7);
    }
    for (uint64_t i = 0; i < 40; i++)
        ck_assert_ptr_eq(map_find(&map, 7, item_is, &i), &items[i].link);
    map_remove(&map, &items[20].link);
    ck_assert_ptr_null(map_find(&map, 7, item_is, &items[20].key));
    ck_assert_uint_eq(map.count, 39);
    map_fini(&map);
}
END_TEST

START_TEST(a_walk_meets_every_element_once)
{
    static struct item items[KEYS];
    struct map map;
    size_t met = 0;

    map_init(&map);
    for (uint64_t i = 0; i < KEYS; i++) {
        items[i].key = i;
        map_put(&map, &items[i].link, hash(&map, i));
    }
    for (struct map_link *l = map_next(&map, NULL); l != NULL;
         l = map_next(&map, l)) {
        struct item *item = CONTAINER_OF(l, struct item, link);

        ck_assert(!item->in);
        item->in = true;
        met++;
    }
    ck_assert_uint_eq(met, KEYS);
    map_fini(&map);
}
END_TEST

START_TEST(an_emptied_map_gives_most_of_its_memory_back)
{
    static struct item items[KEYS];
    struct map map;

    map_init(&map);
    for (uint64_t i = 0; i < KEYS; i++) {
        items[i].key = i;
        map_put(&map, &items[i].link, hash(&map, i));
    }
    ck_assert_uint_ge(map.size, KEYS);
    for (uint64_t i = 0; i < KEYS; i++)
        map_remove(&map, &items[i].link);
    ck_assert_uint_le(map.size, 16);
    map_fini(&map);
}
END_TEST

UNIT_MAIN("map", an_empty_map_has_nothing_and_takes_no_memory,
          what_was_put_is_found_until_it_is_removed,
          equal_hashes_are_told_apart_by_the_key,
          a_walk_meets_every_element_once,
          an_emptied_map_gives_most_of_its_memory_back)
