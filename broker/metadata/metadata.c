/* metadata.c - UpdateMetadata's memory.
 *
 * An update is worked out first, without the lock: for each topic it names, a
 * new entry is made from the old one and the partitions sent. Then cluster and
 * entries are exchanged under the lock in one go, so that no reader sees half
 * an update; what was replaced is given back afterwards. Only the control lane
 * updates, so reading old entries while preparing needs no lock.
 *
 * An entry is one piece of memory: topic, partitions, their id lists, name.
 */
#include "metadata/metadata.h"

#include <assert.h>
#include <stdlib.h>

#include "base/diag.h"
#include "base/list.h"
#include "base/lock.h"
#include "base/map.h"
#include "base/mem.h"
#include "metadata/metadata_entry.h"
#include "wire/msg_update_metadata.h"

/* A topic's place in the maps; carries one reference. */
struct slot {
    struct map_link by_name;
    struct map_link by_id;        /* only while the topic has an id */
    struct map_link by_collision; /* name with '.' as '_' */
    struct meta_topic *topic;
};

struct metadata {
    struct lock lock; /* guards all but the observers */
    struct map by_name;
    struct map by_id;
    struct map by_collision;
    struct meta_cluster *cluster;
    struct lock observer_lock; /* guards the list, held while they are told */
    struct metadata_observer *observers;
};

/* One exchange that an update has worked out. */
struct exchange {
    struct bytes name;        /* the request's */
    struct meta_topic *topic; /* new; NULL: remove. Later: the old one */
};

static bool slot_is_name(const struct map_link *link, const void *key)
{
    const struct slot *slot = CONTAINER_OF(link, struct slot, by_name);

    return bytes_equal(slot->topic->name, *(const struct bytes *)key);
}

static bool slot_is_id(const struct map_link *link, const void *key)
{
    const struct slot *slot = CONTAINER_OF(link, struct slot, by_id);

    return uuid_equal(slot->topic->id, *(const struct uuid *)key);
}

static uint8_t collision_byte(uint8_t c)
{
    return c == '.' ? '_' : c;
}

static uint64_t collision_hash(struct bytes name, uint64_t seed)
{
    uint64_t hash = seed;

    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ collision_byte(name.at[i])) * 0x100000001b3u;
    return map_hash_int(hash, seed);
}

static bool slot_collides(const struct map_link *link, const void *key)
{
    const struct slot *slot = CONTAINER_OF(link, struct slot, by_collision);
    struct bytes name = *(const struct bytes *)key;

    if (slot->topic->name.len != name.len ||
        bytes_equal(slot->topic->name, name))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (collision_byte(name.at[i]) !=
            collision_byte(slot->topic->name.at[i]))
            return false;
    return true;
}

static struct slot *slot_find(const struct metadata *md, struct bytes name)
{
    struct map_link *link;

    link = map_find(&md->by_name, bytes_hash(name, md->by_name.seed),
                    slot_is_name, &name);
    return link ? CONTAINER_OF(link, struct slot, by_name) : NULL;
}

static struct meta_topic *topic_ref(struct meta_topic *topic)
{
    atomic_fetch_add_explicit(&topic->refs, 1, memory_order_relaxed);
    return topic;
}

/* -- life cycle ----------------------------------------------------------- */

enum err metadata_new(struct metadata **owner)
{
    struct metadata *md = mem_need(sizeof *md);

    lock_init(&md->lock);
    lock_init(&md->observer_lock);
    map_init(&md->by_name);
    map_init(&md->by_id);
    map_init(&md->by_collision);
    md->cluster = meta_cluster_empty();
    *owner = md;
    return ERR_OK;
}

static void slot_index_id(struct metadata *md, struct slot *slot)
{
    if (!uuid_is_zero(slot->topic->id))
        map_put(&md->by_id, &slot->by_id,
                bytes_hash(bytes_make(slot->topic->id.b, 16), md->by_id.seed));
}

static void slot_unindex_id(struct metadata *md, struct slot *slot)
{
    if (!uuid_is_zero(slot->topic->id))
        map_remove(&md->by_id, &slot->by_id);
}

/* Takes the place of nothing; the topic's reference passes to the slot. */
static void slot_add(struct metadata *md, struct meta_topic *topic)
{
    struct slot *slot = mem_need(sizeof *slot);

    slot->topic = topic;
    map_put(&md->by_name, &slot->by_name,
            bytes_hash(topic->name, md->by_name.seed));
    map_put(&md->by_collision, &slot->by_collision,
            collision_hash(topic->name, md->by_collision.seed));
    slot_index_id(md, slot);
}

/* The topic's reference passes to the caller. */
static struct meta_topic *slot_remove(struct metadata *md, struct slot *slot)
{
    struct meta_topic *topic = slot->topic;

    map_remove(&md->by_name, &slot->by_name);
    map_remove(&md->by_collision, &slot->by_collision);
    slot_unindex_id(md, slot);
    mem_free(slot);
    return topic;
}

void metadata_free(struct metadata **owner)
{
    struct metadata *md = *owner;
    struct map_link *link;

    if (md == NULL)
        return;
    while ((link = map_next(&md->by_name, NULL)) != NULL)
        meta_topic_unref(
            slot_remove(md, CONTAINER_OF(link, struct slot, by_name)));
    map_fini(&md->by_name);
    map_fini(&md->by_id);
    map_fini(&md->by_collision);
    meta_cluster_unref(md->cluster);
    lock_fini(&md->lock);
    lock_fini(&md->observer_lock);
    mem_free(md);
    *owner = NULL;
}

/* -- updates -------------------------------------------------------------- */

static void exchange_apply(struct metadata *md, struct exchange *exchange)
{
    struct slot *slot = slot_find(md, exchange->name);
    struct meta_topic *topic = exchange->topic;

    if (slot == NULL) {
        if (topic != NULL)
            slot_add(md, topic);
        exchange->topic = NULL;
    } else if (topic == NULL) {
        exchange->topic = slot_remove(md, slot);
    } else {
        slot_unindex_id(md, slot);
        exchange->topic = slot->topic;
        slot->topic = topic;
        slot_index_id(md, slot);
    }
}

static size_t prepare(const struct metadata *md, struct meta_change *changes,
                      size_t n_changes, struct exchange *exchanges)
{
    size_t n = 0;

    for (size_t i = 0, end; i < n_changes; i = end) {
        struct bytes name = changes[i].name;
        struct slot *slot = slot_find(md, name);

        for (end = i + 1; end < n_changes; end++)
            if (!bytes_equal(changes[end].name, name))
                break;
        exchanges[n].name = name;
        exchanges[n].topic =
            meta_topic_merge(slot ? slot->topic : NULL, &changes[i], end - i);
        n++;
    }
    return n;
}

enum { LEADER_REMOVED = -2 };

static void observers_tell(struct metadata *md,
                           const struct meta_change *changes, size_t n)
{
    struct metadata_observer *next;

    lock_take(&md->observer_lock);
    for (struct metadata_observer *o = md->observers; o != NULL; o = next) {
        next = o->next;
        for (size_t i = 0; o->on_removed != NULL && i < n; i++)
            if (changes[i].partition.leader == LEADER_REMOVED)
                o->on_removed(o, changes[i].name, changes[i].partition.index);
        o->on_update(o);
    }
    lock_give(&md->observer_lock);
}

void metadata_update(struct metadata *md,
                     const struct wire_update_metadata_request *update)
{
    struct meta_change *changes;
    size_t n_changes = meta_changes_of(update, &changes);
    struct exchange *exchanges =
        mem_need_array(n_changes + 1, sizeof *exchanges);
    struct meta_cluster *cluster = meta_cluster_of(update);
    struct meta_cluster *old;
    size_t n = prepare(md, changes, n_changes, exchanges);

    lock_take(&md->lock);
    old = md->cluster;
    md->cluster = cluster;
    for (size_t i = 0; i < n; i++)
        exchange_apply(md, &exchanges[i]);
    lock_give(&md->lock);

    meta_cluster_unref(old);
    for (size_t i = 0; i < n; i++)
        if (exchanges[i].topic != NULL)
            meta_topic_unref(exchanges[i].topic);
    mem_free(exchanges);
    observers_tell(md, changes, n_changes);
    mem_free(changes);
}

/* -- readers -------------------------------------------------------------- */

struct meta_topic *metadata_topic_find(struct metadata *md, struct bytes name)
{
    struct slot *slot;
    struct meta_topic *topic;

    lock_take(&md->lock);
    slot = slot_find(md, name);
    topic = slot ? topic_ref(slot->topic) : NULL;
    lock_give(&md->lock);
    return topic;
}

struct meta_topic *metadata_topic_find_id(struct metadata *md, struct uuid id)
{
    struct map_link *link;
    struct meta_topic *topic = NULL;

    if (uuid_is_zero(id))
        return NULL;
    lock_take(&md->lock);
    link =
        map_find(&md->by_id, bytes_hash(bytes_make(id.b, 16), md->by_id.seed),
                 slot_is_id, &id);
    if (link != NULL)
        topic = topic_ref(CONTAINER_OF(link, struct slot, by_id)->topic);
    lock_give(&md->lock);
    return topic;
}

struct meta_topic *metadata_collision_find(struct metadata *md,
                                           struct bytes name)
{
    struct map_link *link;
    struct meta_topic *topic = NULL;

    lock_take(&md->lock);
    link =
        map_find(&md->by_collision, collision_hash(name, md->by_collision.seed),
                 slot_collides, &name);
    if (link != NULL)
        topic = topic_ref(CONTAINER_OF(link, struct slot, by_collision)->topic);
    lock_give(&md->lock);
    return topic;
}

void metadata_topics(struct metadata *md, struct meta_topic ***topics,
                     size_t *n)
{
    struct map_link *link = NULL;

    *n = 0;
    lock_take(&md->lock);
    *topics =
        mem_need_array(md->by_name.count + 1, sizeof(struct meta_topic *));
    while ((link = map_next(&md->by_name, link)) != NULL)
        (*topics)[(*n)++] =
            topic_ref(CONTAINER_OF(link, struct slot, by_name)->topic);
    lock_give(&md->lock);
}

size_t metadata_topic_count(struct metadata *md)
{
    size_t n;

    lock_take(&md->lock);
    n = md->by_name.count;
    lock_give(&md->lock);
    return n;
}

struct meta_cluster *metadata_cluster(struct metadata *md)
{
    struct meta_cluster *cluster;

    lock_take(&md->lock);
    cluster = md->cluster;
    atomic_fetch_add_explicit(&cluster->refs, 1, memory_order_relaxed);
    lock_give(&md->lock);
    return cluster;
}

/* -- observers ------------------------------------------------------------ */

void metadata_observe(struct metadata *md, struct metadata_observer *observer)
{
    lock_take(&md->observer_lock);
    observer->next = md->observers;
    md->observers = observer;
    lock_give(&md->observer_lock);
}

void metadata_unobserve(struct metadata *md, struct metadata_observer *observer)
{
    lock_take(&md->observer_lock);
    for (struct metadata_observer **at = &md->observers; *at != NULL;
         at = &(*at)->next) {
        if (*at == observer) {
            *at = observer->next;
            break;
        }
    }
    lock_give(&md->observer_lock);
}
