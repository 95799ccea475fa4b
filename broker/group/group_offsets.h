/* group_offsets.h - the offsets a group has committed, kept small.
 *
 *     offsets ── topics, by name ─▶ "orders" ── ascending partition ─▶ offset
 *
 * An entry is 48 bytes; metadata and an explicit expiry, which few commits
 * have, lie beside it. An entry may be there without a committed offset: while
 * the first commit of its partition is on its way into the log.
 *
 * Where two commits of a partition meet, the one further behind in the log wins
 * (log_offset), in whichever order they are heard of.
 *
 * Threads: those of the group.
 */
#ifndef GREGOR_GROUP_OFFSETS_H
#define GREGOR_GROUP_OFFSETS_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/list.h"
#include "base/map.h"

#define GROUP_OFFSET_NONE INT64_C(-1)

/* Seldom had. */
struct group_offset_extra {
    int64_t expire_ms; /* wall clock; -1: by the broker's retention */
    size_t len;        /* of the metadata */
    uint8_t metadata[];
};

struct group_offset {
    int32_t partition;
    int32_t leader_epoch; /* -1 not known */
    int64_t offset;
    int64_t commit_ms;  /* wall clock */
    int64_t log_offset; /* of the batch it lies in; GROUP_OFFSET_NONE:
                                nothing is committed (yet) */
    uint32_t pending;   /* commits on their way into the log */
    struct group_offset_extra *extra; /* owned; NULL: none */
};

struct group;

struct group_topic {
    size_t n, room;
    struct group_offset *of; /* ascending partition; owned */
    bool asked; /* a member asks for it: as group_mark_asked() saw it last */
    size_t len;
    uint8_t name[];
};

struct group_offsets {
    struct group_topic **topics; /* ascending name; owned */
    size_t n, room;
    size_t last;      /* index found last */
    size_t n_entries; /* also those without a committed offset */
    size_t n_committed;
};

/* What a commit says. */
struct group_commit {
    int64_t offset;
    int32_t leader_epoch;  /* -1 none */
    struct bytes metadata; /* never null */
    int64_t commit_ms;
    int64_t expire_ms; /* -1 none */
};

static inline struct bytes group_topic_name(const struct group_topic *topic)
{
    return bytes_make(topic->name, topic->len);
}

static inline struct bytes group_offset_metadata(const struct group_offset *o)
{
    return o->extra ? bytes_make(o->extra->metadata, o->extra->len) : BYTES("");
}

static inline int64_t group_offset_expire_ms(const struct group_offset *o)
{
    return o->extra ? o->extra->expire_ms : -1;
}

static inline bool group_offset_is_set(const struct group_offset *o)
{
    return o->log_offset != GROUP_OFFSET_NONE;
}

/* Zeroed memory is an empty table. Give back all memory. */
void group_offsets_fini(struct group_offsets *offsets);

/* The entry, or NULL. Entries move: good until the next change. */
struct group_offset *group_offsets_find(struct group_offsets *offsets,
                                        struct bytes topic, int32_t partition);

/* The topic, or NULL. */
struct group_topic *group_offsets_topic(struct group_offsets *offsets,
                                        struct bytes topic);

/* A commit of this partition is on its way. */
void group_offsets_expect(struct group_offsets *offsets, struct bytes topic,
                          int32_t partition);

/* It has ended: stored at `log_offset`, or not (GROUP_OFFSET_NONE). */
void group_offsets_ended(struct group_offsets *offsets, struct bytes topic,
                         int32_t partition, const struct group_commit *commit,
                         int64_t log_offset);

/* Set it, unless one from further behind in the log is there. ERR_NOMEM: the
 * old one is still there. */
MUST_USE enum err group_offsets_put(struct group_offsets *offsets,
                                    struct bytes topic, int32_t partition,
                                    const struct group_commit *commit,
                                    int64_t log_offset);

/* Forget it; true when an offset was committed. */
bool group_offsets_remove(struct group_offsets *offsets, struct bytes topic,
                          int32_t partition);

/* Forget the i-th entry of a topic; the entries behind it move up, and a topic
 * that has none left stays until group_offsets_trim(). */
void group_offsets_remove_at(struct group_offsets *offsets,
                             struct group_topic *topic, size_t i);
/* Drop topics without entries. */
void group_offsets_trim(struct group_offsets *offsets);

/* -- inside transactions -------------------------------------------------- */

/* What a producer committed inside a transaction that has not ended. */
struct group_txn {
    struct list link;     /* in group.txns */
    struct map_link open; /* the loader's: by producer, over all groups */
    struct group *group;  /* the loader's too */
    int64_t producer_id;
    struct group_offsets offsets;
};

/* NULL: none of this producer is open. */
struct group_txn *group_txn_find(struct list *txns, int64_t producer_id);
/* Found, or made. */
struct group_txn *group_txn_get(struct list *txns, int64_t producer_id);
/* Take it out of its list and free it with its offsets; leaves NULL. */
void group_txn_free(struct group_txn **txn);
/* Might another offset of this partition be committed soon: is a commit on its
 * way, or in a transaction that has not ended? */
bool group_offsets_unstable(struct group_offsets *offsets, struct list *txns,
                            struct bytes topic, int32_t partition);
/* The transaction has ended: its offsets become the group's, or are dropped. */
void group_txn_end(struct list *txns, struct group_offsets *offsets,
                   int64_t producer_id, bool commit);

#endif
