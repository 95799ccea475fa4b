/* znode_order.c - the order of keys in what Kafka writes.
 *
 * Kafka's JSON comes from hash maps, so the order of keys follows from their
 * hashes. Readers do not care; but bytes that are equal to Kafka's spare others
 * a difference to wonder about, and our tests an exception.
 *
 * String.hashCode() is the sum of 31^(n-1-i) * unit over the UTF-16 units.
 * java.util.Properties (a ConcurrentHashMap) and Scala's mutable HashMap spread
 * it by h ^ h >>> 16 over a table of a power of two, at least 16, that doubles
 * once three quarters are taken; within a slot Properties keep the order of
 * insertion, Scala sorts by the spread hash. Scala's immutable HashMap is a
 * trie of 32-way nodes over another mix of the hash: a node's own entries come
 * before those of its children.
 */
#include <stdlib.h>

#include "znode/znode_in.h"

struct hashed {
    size_t index;  /* in the keys */
    uint32_t hash; /* spread or mixed */
    uint32_t bucket;
};

static uint32_t add_unit(uint32_t h, uint32_t unit)
{
    return h * 31 + unit;
}

static uint32_t java_hash(struct bytes b)
{
    uint32_t h = 0;

    for (size_t i = 0; i < b.len;) {
        uint32_t c = b.at[i++];
        unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;

        c &= more == 3 ? 7 : more == 2 ? 15 : more == 1 ? 31 : 0xff;
        for (; more > 0 && i < b.len; more--)
            c = c << 6 | (b.at[i++] & 0x3f);
        if (c < 0x10000) {
            h = add_unit(h, c);
        } else {
            h = add_unit(h, 0xd800 + ((c - 0x10000) >> 10));
            h = add_unit(h, 0xdc00 + ((c - 0x10000) & 0x3ff));
        }
    }
    return h;
}

static int by_bucket(const void *a, const void *b)
{
    const struct hashed *x = a, *y = b;

    if (x->bucket != y->bucket)
        return x->bucket < y->bucket ? -1 : 1;
    if (x->hash != y->hash)
        return (int32_t)x->hash < (int32_t)y->hash ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static struct hashed *hash_all(const struct bytes *keys, size_t n)
{
    struct hashed *all = mem_need_array(n + 1, sizeof *all);

    for (size_t i = 0; i < n; i++) {
        all[i].index = i;
        all[i].hash = java_hash(keys[i]);
    }
    return all;
}

static void order_by_table(const struct bytes *keys, size_t n, size_t *order,
                           bool sorted_slots)
{
    struct hashed *all = hash_all(keys, n);
    size_t table = 16;

    while (n >= table / 4 * 3)
        table *= 2;
    for (size_t i = 0; i < n; i++) {
        all[i].hash ^= all[i].hash >> 16;
        all[i].bucket = all[i].hash & (uint32_t)(table - 1);
        if (!sorted_slots)
            all[i].hash = 0;
    }
    qsort(all, n, sizeof *all, by_bucket);
    for (size_t i = 0; i < n; i++)
        order[i] = all[i].index;
    mem_free(all);
}

void znode_order_properties(const struct bytes *keys, size_t n, size_t *order)
{
    order_by_table(keys, n, order, false);
}

void znode_order_scala(const struct bytes *keys, size_t n, size_t *order)
{
    order_by_table(keys, n, order, true);
}

/* -- the trie ---------------------------------------------------------- */

static uint32_t trie_mix(uint32_t h)
{
    h += ~(h << 9);
    h ^= h >> 14;
    h += h << 4;
    return h ^ h >> 10;
}

/* Where the run of entries in the slot of `all[i]` ends. */
static size_t slot_end(const struct hashed *all, size_t n, size_t i)
{
    size_t end = i + 1;

    while (end < n && all[end].bucket == all[i].bucket)
        end++;
    return end;
}

/* `all` holds the entries of one node, `shift` is its level. Entries alone in
 * their slot come first, by slot; then the children, by slot. */
static void walk_trie(struct hashed *all, size_t n, unsigned shift,
                      size_t **order)
{
    for (size_t i = 0; i < n; i++)
        all[i].bucket = shift < 32 ? all[i].hash >> shift & 31 : (uint32_t)i;
    qsort(all, n, sizeof *all, by_bucket);
    for (size_t i = 0; i < n; i = slot_end(all, n, i))
        if (slot_end(all, n, i) == i + 1)
            *(*order)++ = all[i].index;
    for (size_t i = 0, end; i < n; i = end) {
        end = slot_end(all, n, i);
        if (end > i + 1) { /* a child, which may reorder its own part */
            walk_trie(all + i, end - i, shift + 5, order);
        }
    }
}

void znode_order_trie(const struct bytes *keys, size_t n, size_t *order)
{
    struct hashed *all;

    if (n <= 4) {
        for (size_t i = 0; i < n; i++)
            order[i] = i;
        return;
    }
    all = hash_all(keys, n);
    for (size_t i = 0; i < n; i++)
        all[i].hash = trie_mix(all[i].hash);
    walk_trie(all, n, 0, &order);
    mem_free(all);
}
