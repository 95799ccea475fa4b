/* group_offsets.c - a table of committed offsets. See group_offsets.h.
 *
 * Both levels are sorted arrays: small, walked in order, and found in by
 * halving. Commits and loading touch the same topic many times in a row, and
 * partitions mostly in ascending order, so the topic found last and the end of
 * its array are looked at first.
 */
#include "group/group_offsets.h"

#include <assert.h>

#include "base/mem.h"

/* -- topics --------------------------------------------------------------- */

/* Where the topic is, or belongs. */
static size_t topic_place(const struct group_offsets *offsets,
                          struct bytes name, bool *found)
{
    size_t low = 0, high = offsets->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = bytes_compare(group_topic_name(offsets->topics[mid]), name);

        if (c == 0) {
            *found = true;
            return mid;
        }
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    *found = false;
    return low;
}

struct group_topic *group_offsets_topic(struct group_offsets *offsets,
                                        struct bytes topic)
{
    size_t at;
    bool found;

    if (offsets->last < offsets->n &&
        bytes_equal(group_topic_name(offsets->topics[offsets->last]), topic))
        return offsets->topics[offsets->last];
    at = topic_place(offsets, topic, &found);
    if (!found)
        return NULL;
    offsets->last = at;
    return offsets->topics[at];
}

static struct group_topic *topic_get(struct group_offsets *offsets,
                                     struct bytes name)
{
    struct group_topic *topic = group_offsets_topic(offsets, name);
    bool found;
    size_t at;

    if (topic)
        return topic;
    at = topic_place(offsets, name, &found);
    if (offsets->n == offsets->room) {
        size_t room = offsets->room ? offsets->room * 2 : 2;

        offsets->topics =
            mem_need_more(offsets->topics, room, sizeof(struct group_topic *));
        offsets->room = room;
    }
    topic = mem_need(sizeof *topic + name.len + 1);
    topic->len = name.len;
    if (name.len > 0)
        memcpy(topic->name, name.at, name.len);
    memmove(&offsets->topics[at + 1], &offsets->topics[at],
            (offsets->n - at) * sizeof(struct group_topic *));
    offsets->topics[at] = topic;
    offsets->n++;
    offsets->last = at;
    return topic;
}

static void topic_free(struct group_topic *topic)
{
    for (size_t i = 0; i < topic->n; i++)
        mem_free(topic->of[i].extra);
    mem_free(topic->of);
    mem_free(topic);
}

void group_offsets_fini(struct group_offsets *offsets)
{
    for (size_t i = 0; i < offsets->n; i++)
        topic_free(offsets->topics[i]);
    mem_free(offsets->topics);
    *offsets = (struct group_offsets){ 0 };
}

/* -- entries -------------------------------------------------------------- */

static size_t entry_place(const struct group_topic *topic, int32_t partition,
                          bool *found)
{
    size_t low = 0, high = topic->n;

    *found = false;
    if (high > 0 && topic->of[high - 1].partition < partition)
        return high;
    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (topic->of[mid].partition == partition) {
            *found = true;
            return mid;
        }
        if (topic->of[mid].partition < partition)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct group_offset *group_offsets_find(struct group_offsets *offsets,
                                        struct bytes topic, int32_t partition)
{
    struct group_topic *t = group_offsets_topic(offsets, topic);
    bool found = false;
    size_t at = t ? entry_place(t, partition, &found) : 0;

    return found ? &t->of[at] : NULL;
}

static struct group_offset *entry_get(struct group_offsets *offsets,
                                      struct bytes name, int32_t partition)
{
    struct group_topic *topic = topic_get(offsets, name);
    bool found;
    size_t at = entry_place(topic, partition, &found);

    if (found)
        return &topic->of[at];
    if (topic->n == topic->room) {
        size_t room = topic->room ? topic->room * 2 : 1;

        topic->of = mem_need_more(topic->of, room, sizeof *topic->of);
        topic->room = room;
    }
    memmove(&topic->of[at + 1], &topic->of[at],
            (topic->n - at) * sizeof *topic->of);
    topic->of[at] = (struct group_offset){ .partition = partition,
                                           .leader_epoch = -1,
                                           .offset = -1,
                                           .log_offset = GROUP_OFFSET_NONE };
    topic->n++;
    offsets->n_entries++;
    return &topic->of[at];
}

void group_offsets_remove_at(struct group_offsets *offsets,
                             struct group_topic *topic, size_t i)
{
    if (group_offset_is_set(&topic->of[i]))
        offsets->n_committed--;
    mem_free(topic->of[i].extra);
    memmove(&topic->of[i], &topic->of[i + 1],
            (topic->n - i - 1) * sizeof *topic->of);
    topic->n--;
    offsets->n_entries--;
}

void group_offsets_trim(struct group_offsets *offsets)
{
    size_t kept = 0;

    for (size_t i = 0; i < offsets->n; i++) {
        if (offsets->topics[i]->n > 0)
            offsets->topics[kept++] = offsets->topics[i];
        else
            topic_free(offsets->topics[i]);
    }
    offsets->n = kept;
}

bool group_offsets_remove(struct group_offsets *offsets, struct bytes topic,
                          int32_t partition)
{
    struct group_topic *t = group_offsets_topic(offsets, topic);
    bool found = false, was_set;
    size_t at = t ? entry_place(t, partition, &found) : 0;

    if (!found)
        return false;
    was_set = group_offset_is_set(&t->of[at]);
    group_offsets_remove_at(offsets, t, at);
    if (t->n == 0)
        group_offsets_trim(offsets);
    return was_set;
}

/* -- commits -------------------------------------------------------------- */

static enum err extra_set(struct group_offset *entry,
                          const struct group_commit *commit)
{
    struct group_offset_extra *extra;

    if (commit->metadata.len == 0 && commit->expire_ms < 0) {
        mem_free(entry->extra);
        entry->extra = NULL;
        return ERR_OK;
    }
    if (!entry->extra || entry->extra->len != commit->metadata.len) {
        extra = mem_try(sizeof *extra + commit->metadata.len);
        if (!extra)
            return ERR_NOMEM;
        mem_free(entry->extra);
        entry->extra = extra;
    }
    entry->extra->expire_ms = commit->expire_ms < 0 ? -1 : commit->expire_ms;
    entry->extra->len = commit->metadata.len;
    if (commit->metadata.len > 0)
        memcpy(entry->extra->metadata, commit->metadata.at,
               commit->metadata.len);
    return ERR_OK;
}

static enum err entry_set(struct group_offsets *offsets,
                          struct group_offset *entry,
                          const struct group_commit *commit, int64_t log_offset)
{
    assert(log_offset != GROUP_OFFSET_NONE);
    if (group_offset_is_set(entry) && entry->log_offset > log_offset)
        return ERR_OK;
    if (extra_set(entry, commit) != ERR_OK)
        return ERR_NOMEM;
    if (!group_offset_is_set(entry))
        offsets->n_committed++;
    entry->leader_epoch = commit->leader_epoch;
    entry->offset = commit->offset;
    entry->commit_ms = commit->commit_ms;
    entry->log_offset = log_offset;
    return ERR_OK;
}

void group_offsets_expect(struct group_offsets *offsets, struct bytes topic,
                          int32_t partition)
{
    entry_get(offsets, topic, partition)->pending++;
}

void group_offsets_ended(struct group_offsets *offsets, struct bytes topic,
                         int32_t partition, const struct group_commit *commit,
                         int64_t log_offset)
{
    struct group_offset *entry = group_offsets_find(offsets, topic, partition);

    if (entry && entry->pending > 0)
        entry->pending--;
    if (log_offset != GROUP_OFFSET_NONE) {
        if (!entry)
            entry = entry_get(offsets, topic, partition);
        /* What is in the log must be told: better none than a stale one. */
        if (entry_set(offsets, entry, commit, log_offset) != ERR_OK)
            group_offsets_remove(offsets, topic, partition);
    } else if (entry && entry->pending == 0 && !group_offset_is_set(entry)) {
        group_offsets_remove(offsets, topic, partition);
    }
}

enum err group_offsets_put(struct group_offsets *offsets, struct bytes topic,
                           int32_t partition, const struct group_commit *commit,
                           int64_t log_offset)
{
    return entry_set(offsets, entry_get(offsets, topic, partition), commit,
                     log_offset);
}

/* -- inside transactions -------------------------------------------------- */

struct group_txn *group_txn_find(struct list *txns, int64_t producer_id)
{
    LIST_EACH(link, txns) {
        struct group_txn *txn = CONTAINER_OF(link, struct group_txn, link);

        if (txn->producer_id == producer_id)
            return txn;
    }
    return NULL;
}

struct group_txn *group_txn_get(struct list *txns, int64_t producer_id)
{
    struct group_txn *txn = group_txn_find(txns, producer_id);

    if (txn)
        return txn;
    txn = mem_need(sizeof *txn);
    txn->producer_id = producer_id;
    list_init(&txn->link);
    list_append(txns, &txn->link);
    return txn;
}

void group_txn_free(struct group_txn **txn)
{
    list_remove(&(*txn)->link);
    group_offsets_fini(&(*txn)->offsets);
    mem_free(*txn);
    *txn = NULL;
}

bool group_offsets_unstable(struct group_offsets *offsets, struct list *txns,
                            struct bytes topic, int32_t partition)
{
    const struct group_offset *offset =
        group_offsets_find(offsets, topic, partition);

    if (offset && offset->pending > 0)
        return true;
    LIST_EACH(link, txns) {
        struct group_txn *txn = CONTAINER_OF(link, struct group_txn, link);

        if (group_offsets_find(&txn->offsets, topic, partition))
            return true;
    }
    return false;
}

void group_txn_end(struct list *txns, struct group_offsets *offsets,
                   int64_t producer_id, bool commit)
{
    struct group_txn *txn = group_txn_find(txns, producer_id);

    if (!txn)
        return;
    for (size_t i = 0; commit && i < txn->offsets.n; i++) {
        struct group_topic *topic = txn->offsets.topics[i];

        for (size_t j = 0; j < topic->n; j++) {
            struct group_offset *o = &topic->of[j];
            struct group_commit c = { o->offset, o->leader_epoch,
                                      group_offset_metadata(o), o->commit_ms,
                                      group_offset_expire_ms(o) };

            if (group_offset_is_set(o) &&
                group_offsets_put(offsets, group_topic_name(topic),
                                  o->partition, &c, o->log_offset) != ERR_OK)
                group_offsets_remove(offsets, group_topic_name(topic),
                                     o->partition);
        }
    }
    group_txn_free(&txn);
}
