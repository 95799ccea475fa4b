/* context.h - what the controller knows of the cluster, in memory.
 *
 *     context ── topics by name, by id ──▶ ctx_topic ── partitions[]
 *             └─ brokers[] (ascending id) ──▶ ctx_broker
 *
 * A partition is one struct of 64 bytes: epochs, states, and its id lists side
 * by side, inside the struct up to eight words (replication factor 3), else in
 * one piece of memory:
 *
 *     | replicas | isr | adding | removing | state of each replica (bytes) |
 *
 * Nothing in here meets the outside; state machines and strategies are
 * functions over it.
 *
 * Threads: one (the coordination loop's).
 */
#ifndef GREGOR_CTL_CONTEXT_H
#define GREGOR_CTL_CONTEXT_H

#include "base/bytes.h"
#include "base/map.h"
#include "base/mem.h"
#include "znode/znode.h"

enum {
    NO_LEADER = -1,
    LEADER_DURING_DELETE = -2,
    EPOCH_DURING_DELETE = -2,
    EPOCH_UNKNOWN = -1
};

/* clang-format off */
enum partition_state {
    PARTITION_NONE,    /* NonExistentPartition */
    PARTITION_NEW,     /* known, no state znode yet */
    PARTITION_ONLINE,  /* has a leader */
    PARTITION_OFFLINE  /* had one */
};

enum replica_state {
    REPLICA_NONE,
    REPLICA_NEW,
    REPLICA_ONLINE,
    REPLICA_OFFLINE,
    REPLICA_DELETING,   /* ReplicaDeletionStarted */
    REPLICA_DELETED,    /* ReplicaDeletionSuccessful */
    REPLICA_INELIGIBLE  /* ReplicaDeletionIneligible */
};
/* clang-format on */

enum { REPLICA_DIR_OFFLINE = 0x80 }; /* beside the state: its log dir failed */

enum {
    CTX_INLINE_WORDS = 8,
    CTX_REPLICAS_MAX = 10000,
    CTX_PARTITIONS_MAX = 200000
}; /* of one topic */

struct ctx_partition {
    int32_t leader; /* NO_LEADER: none */
    int32_t leader_epoch;
    int32_t controller_epoch; /* of the last write of the state znode */
    int32_t zk_version;       /* its version, the partition epoch; -1: there is
                                 no state znode (no leadership info) */
    uint8_t state;            /* enum partition_state */
    int8_t recovery;          /* 0 RECOVERED, 1 RECOVERING */
    bool in_update;           /* gathered for the next UpdateMetadata */
    uint8_t unused;
    uint16_t n_replicas; /* 0: the partition does not exist */
    uint16_t n_isr, n_adding, n_removing;
    union {
        int32_t in[CTX_INLINE_WORDS];
        int32_t *out;
    } words;
};

struct ctx_topic {
    struct map_link by_name;
    struct map_link by_id;            /* only while it has an id */
    struct bytes name;                /* NUL-terminated behind its end */
    struct uuid id;                   /* zero: none */
    struct ctx_partition *partitions; /* by index; may have holes */
    size_t n_partitions;
    bool has_dir;    /* its /partitions znode is known to exist */
    bool to_delete;  /* queued for deletion */
    bool deleting;   /* deletion has begun */
    bool ineligible; /* deletion waits for a broker or reassignment */
    uint32_t mark;   /* of the last listing it was seen in */
    void *watch;     /* the controller's, on its znode; NULL: none */
};

struct ctx_broker {
    int32_t id;
    int64_t epoch;   /* czxid of its znode */
    int32_t version; /* of its znode, to know a change */
    bool shutting_down;
    struct znode_endpoint *endpoints;
    size_t n_endpoints;
    struct bytes rack;  /* null: none */
    struct arena arena; /* endpoints and rack lie here */
    void *channel;      /* the controller's */
    void *watch;        /* the controller's */
};

struct context {
    struct map by_name;
    struct map by_id;
    struct ctx_broker **brokers; /* ascending id; live and shutting down */
    size_t n_brokers;
    size_t n_to_delete; /* topics queued for deletion */
};

/* No topics, no brokers. */
void context_init(struct context *ctx);
/* Frees all; watches and channels must be gone. */
void context_fini(struct context *ctx);

/* -- brokers -------------------------------------------------------------- */

/* NULL: not in ZooKeeper when it was last read. */
struct ctx_broker *ctx_broker_find(const struct context *ctx, int32_t id);
/* Add or, if it is there, replace its endpoints and rack. */
struct ctx_broker *ctx_broker_put(struct context *ctx, int32_t id,
                                  int64_t epoch,
                                  const struct znode_broker *data);
/* It must be there; channel and watch are the controller's to end before. */
void ctx_broker_drop(struct context *ctx, int32_t id);
/* In ZooKeeper and not shutting down. */
bool ctx_broker_is_live(const struct context *ctx, int32_t id);
/* The endpoint on a listener, or NULL. */
const struct znode_endpoint *ctx_endpoint_find(const struct ctx_broker *broker,
                                               const char *listener);
/* Same endpoints, protocols and rack? */
bool ctx_broker_is_same(const struct ctx_broker *broker,
                        const struct znode_broker *data);

/* -- topics --------------------------------------------------------------- */

/* NULL: not known; no topic has the zero id. */
struct ctx_topic *ctx_topic_find(const struct context *ctx, struct bytes name);
struct ctx_topic *ctx_topic_find_id(const struct context *ctx, struct uuid id);
/* A topic without partitions; the name is copied and must not be there yet. The
 * context owns it until ctx_topic_drop(). */
struct ctx_topic *ctx_topic_add(struct context *ctx, struct bytes name,
                                struct uuid id);
/* Another id, or the zero one for none; found by it from now on. */
void ctx_topic_set_id(struct context *ctx, struct ctx_topic *topic,
                      struct uuid id);
/* Take it out and free it with its partitions; its watch must be gone. */
void ctx_topic_drop(struct context *ctx, struct ctx_topic *topic);
/* Walk all topics; NULL starts, NULL ends. */
struct ctx_topic *ctx_topic_next(const struct context *ctx,
                                 const struct ctx_topic *topic);

/* A walk over all partitions that exist; begins as { 0 }. */
struct ctx_walk {
    struct ctx_topic *topic;
    int32_t index;
    struct ctx_partition *p;
};

/* On to the next one; false: there are no more. Topics must not come or go
 * meanwhile. */
bool ctx_walk_next(const struct context *ctx, struct ctx_walk *walk);

/* -- partitions ----------------------------------------------------------- */

/* NULL when it does not exist. */
struct ctx_partition *ctx_partition_find(const struct ctx_topic *topic,
                                         int32_t index);
/* Set the assignment; makes the partition when it is new (state NONE, without
 * leadership). Replicas that stay keep their state, new ones have REPLICA_NONE.
 * ERR_LIMIT: an index or count beyond the bounds above. Pointers to partitions
 * of the topic may move. */
MUST_USE enum err ctx_partition_assign(struct ctx_topic *topic,
                                       const struct znode_replicas *assignment);

static inline int32_t *ctx_words_(const struct ctx_partition *p);

static inline size_t ctx_n_words(const struct ctx_partition *p)
{
    return (size_t)p->n_replicas + p->n_isr + p->n_adding + p->n_removing +
           ((size_t)p->n_replicas + 3) / 4;
}

static inline int32_t *ctx_words_(const struct ctx_partition *p)
{
    return ctx_n_words(p) <= CTX_INLINE_WORDS ? (int32_t *)p->words.in
                                              : p->words.out;
}

static inline const int32_t *ctx_replicas(const struct ctx_partition *p)
{
    return ctx_words_(p);
}

static inline const int32_t *ctx_isr(const struct ctx_partition *p)
{
    return ctx_words_(p) + p->n_replicas;
}

static inline const int32_t *ctx_adding(const struct ctx_partition *p)
{
    return ctx_words_(p) + p->n_replicas + p->n_isr;
}

static inline const int32_t *ctx_removing(const struct ctx_partition *p)
{
    return ctx_words_(p) + p->n_replicas + p->n_isr + p->n_adding;
}

/* Place of a broker in the assignment; -1: not there. */
int ctx_replica_place(const struct ctx_partition *p, int32_t broker);

/* State of the replica at a place, and whether its directory failed. */
enum replica_state ctx_replica_state(const struct ctx_partition *p, int place);
/* `place` as ctx_replica_place() gives it, here and below; never -1. */
bool ctx_replica_dir_failed(const struct ctx_partition *p, int place);
/* The one function that changes it; the move must be a valid one. */
void ctx_replica_move(struct ctx_partition *p, int place,
                      enum replica_state to);
/* Beside the state, which stays; LeaderAndIsr's answers tell (KIP-112). */
void ctx_replica_set_dir_failed(struct ctx_partition *p, int place,
                                bool failed);
/* A replica found at failover or created: any state, from NONE. */
void ctx_replica_init(struct ctx_partition *p, int place,
                      enum replica_state state);

/* Likewise for partitions. */
void ctx_partition_move(struct ctx_partition *p, enum partition_state to);

/* What the state znode holds now. */
void ctx_partition_set_state(struct ctx_partition *p,
                             const struct znode_state *state,
                             int32_t zk_version);

/* In the ISR as it was last read or written. */
bool ctx_isr_has(const struct ctx_partition *p, int32_t broker);
/* Broker is live (or, if asked for, shutting down) and the directory good. */
bool ctx_replica_is_online(const struct context *ctx,
                           const struct ctx_partition *p, int32_t broker,
                           bool or_shutting_down);
/* Has leadership info: a state znode was read or written. */
static inline bool ctx_has_state(const struct ctx_partition *p)
{
    return p->zk_version >= 0;
}

#endif
