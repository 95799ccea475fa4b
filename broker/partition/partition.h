/* partition.h - one partition on this broker: leader or follower.
 *
 *     produce ─▶ append lane ─▶ log ─▶ log end ─▶ high watermark
 *                                          │            │
 *                         followers' fetches            consumers' fetches,
 *                                          │            acks=-1, DeleteRecords
 *                                          └ parked waits ┘
 *
 * A partition is counted: the map of replicas.h holds one reference, whoever
 * works with it another. What it says (leader, epochs, ISR, high watermark) is
 * behind a lock that is held for microseconds and never across a system call.
 *
 * Appending goes through a lane. Who finds the lane idle writes what waits in
 * it, outside the lock; others only put their batch in and are told. So any
 * number of reactors append to one partition and none waits for another.
 *
 *     reactor 1: put ─ take all ─ write ─ publish ─ take all ─ write ─ publish
 *     reactor 2:            put, goes on                  told ◀┘
 *
 * Whoever must wait parks: a `struct park` for the request, and one `struct
 * park_wait` for each partition, lent until the request has detached them. A
 * change on the partition claims the park and posts the request to its reactor,
 * once, however many partitions change; no callback runs under the lock.
 *
 * Threads: any, but for the functions that say control lane: they run one at a
 * time, in the pool.
 */
#ifndef GREGOR_PARTITION_H
#define GREGOR_PARTITION_H

#include <stdatomic.h>

#include "base/bytes.h"
#include "base/list.h"
#include "base/lock.h"
#include "base/map.h"
#include "net/net.h"
#include "seg/seg.h"
#include "seg/validate.h"

struct replicas;       /* replicas.h */
struct topic_settings; /* replicas.h */

/* -- what waits ---------------------------------------------------------------
 */

enum park_for {
    PARK_END,    /* the log end passes `offset` (followers' fetches) */
    PARK_HIGH,   /* the high watermark passes `offset` (fetches) */
    PARK_STABLE, /* the last stable offset passes `offset` (read committed) */
    PARK_ACKED,  /* the high watermark is at least `offset` (acks=-1) */
    PARK_LOW,    /* the low watermark is at least `offset` (DeleteRecords) */
};

/* A request that waits for any, or for all, of some partitions. In its arena.
 */
struct park {
    struct request *request;                  /* NULL: on_ready instead */
    void (*on_wake)(struct request *request); /* on its reactor */
    void (*on_ready)(struct park *park);      /* any thread, no lock held */
    /* Fetch: bytes that are still missing; produce, DeleteRecords: partitions
     * that are. At 0 or below the request is woken. */
    _Atomic int64_t missing;
    _Atomic bool claimed; /* someone has posted, or the owner took it back */
    struct park *next;    /* in a waker's own list */
};

/* One partition it waits for. Belongs to the partition while attached. */
struct park_wait {
    struct list link;
    struct park *park;
    int64_t offset; /* see enum park_for; for fetches: how far bytes
                       were counted, moves on with what arrives */
    enum park_for what;
    bool met; /* the condition came true, or the wait is void:
                 leader gone, partition deleted; read after
                 partition_detach() */
};

/* Make a park ready (again) with nothing attached. */
void park_init(struct park *park, struct request *request,
               void (*on_wake)(struct request *request), int64_t missing);

/* The same for one that belongs to no request: on_ready is called by whoever
 * claims it. */
void park_init_call(struct park *park, void (*on_ready)(struct park *park),
                    int64_t missing);

/* Take the wake-up for the owner (its deadline came). False: somebody posted
 * on_wake already, and it will come. */
MUST_USE bool park_claim(struct park *park);

/* -- appends ------------------------------------------------------------------
 */

struct append {
    struct append *next;   /* the lane's */
    struct log_append set; /* in: at, size, origin; the rest is the lane's. The
                              batch is validated and borrowed until done */
    /* given */
    int16_t acks;   /* -1: refuse below min.insync.replicas */
    bool may_block; /* large: not to be written on a reactor */
    bool on_pool;   /* the caller is a pool thread */
    /* Instead of a batch (set.at is NULL): called alone in the lane. */
    void (*run)(struct append *append);
    void (*on_done)(struct append *append); /* any thread, no lock held */
    void *owner;                            /* the caller's */
    /* results */
    int16_t error;      /* enum kafka_error; duplicates are NONE */
    bool duplicate;     /* appended before; set.first_offset is of then */
    int64_t end_offset; /* what the high watermark must reach */
    int64_t log_start;  /* log start offset, -1 unknown */
    bool acked;         /* the high watermark is there already */
};

/* -- a partition --------------------------------------------------------------
 */

enum partition_state {
    PARTITION_LOADED,  /* its log was found at start; not hosted before the
                          first LeaderAndIsr */
    PARTITION_ONLINE,  /* hosted: leader, follower, or about to become */
    PARTITION_OFFLINE, /* its log directory failed */
    PARTITION_DELETED, /* no longer in the map; references may linger */
};

/* What the leader knows of one other replica. */
struct follower {
    int32_t id;
    bool in_sync;             /* in the ISR */
    int64_t log_end;          /* -1 unknown; the offset it fetched last */
    int64_t log_start;        /* -1 unknown */
    int64_t broker_epoch;     /* of its last fetch, -1 unknown */
    int64_t caught_up_ms;     /* wall clock of the last moment it was */
    int64_t fetch_ms;         /* wall clock of its last fetch */
    int64_t fetch_leader_end; /* our log end at its last fetch */
};

struct partition {
    struct map_link link; /* in the map of replicas */
    _Atomic uint32_t refs;
    _Atomic uint32_t users;    /* of `log`, right now */
    _Atomic bool closed;       /* nobody may become a user any more */
    struct replicas *replicas; /* borrowed */
    int32_t index;
    uint16_t topic_len; /* of `topic` */

    struct lock lock;                /* for all below */
    uint8_t state;                   /* enum partition_state */
    bool lane_busy;                  /* someone writes */
    bool changing;                   /* control lane: in the request at hand */
    struct log *log;                 /* NULL: none (yet, or any more) */
    struct topic_settings *settings; /* counted; NULL without a log */
    struct uuid topic_id;            /* zero: unknown */
    int32_t leader;                  /* broker id; -1 none */
    int32_t leader_epoch;            /* -1 before the first LeaderAndIsr */
    int32_t controller_epoch;        /* that made the last decision */
    int32_t partition_epoch;         /* zkVersion; 0 before */
    int64_t epoch_start; /* log end when we became leader; -1 follower */
    int32_t *ids;        /* owned: replicas, then ISR, adding, removing */
    uint16_t n_replicas, n_isr, n_adding, n_removing;
    uint16_t n_followers;       /* leader only */
    struct follower *followers; /* owned; the other replicas; leader only */
    struct append *lane_first;  /* waiting, oldest first */
    struct append *lane_last;
    struct list waits; /* park_wait: fetches */
    struct list acks;  /* park_wait: PARK_ACKED, PARK_LOW */
    char topic[];      /* name, NUL-terminated */
};

static inline struct bytes partition_topic(const struct partition *partition)
{
    return bytes_make(partition->topic, partition->topic_len);
}

/* A partition with one reference, without a log, leader epoch -1. */
struct partition *partition_new(struct replicas *replicas, struct bytes topic,
                                int32_t index);
/* One more; any thread. */
struct partition *partition_ref(struct partition *partition);
/* Give a reference back and leave NULL. */
void partition_unref(struct partition **partition);

/* -- reading ------------------------------------------------------------------
 */

/* One consistent look. */
struct partition_view {
    struct log *log; /* in use until partition_leave() */
    int32_t leader;
    int32_t leader_epoch;
    int64_t epoch_start; /* -1: not leader */
    int64_t log_start, high_watermark, last_stable, log_end;
    struct uuid topic_id;
};

/* Look, if the partition is here to be read from, and keep its log from being
 * closed. To be followed by partition_leave() soon: not while a request waits
 * for other things than the disk.
 *
 * current_epoch   leader epoch the client knows; -1: not told
 * leader_only     refuse when this broker is not the leader
 *
 * Returns enum kafka_error: NONE, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH,
 * NOT_LEADER_OR_FOLLOWER, KAFKA_STORAGE_ERROR; nothing to leave after errors.
 */
int16_t partition_enter(struct partition *partition, int32_t current_epoch,
                        bool leader_only, struct partition_view *view);
/* One for each partition_enter() that returned NONE. The log may be closed from
 * then on; the caller's reference holds. */
void partition_leave(struct partition *partition);

/* The log alone, in any state, hosted or not; NULL when there is none. Followed
 * by partition_leave() unless NULL. */
struct log *partition_use_log(struct partition *partition);

/* True while this broker leads it (a moment's answer). */
bool partition_is_leader(struct partition *partition);

/* -- appending ----------------------------------------------------------------
 */

/* What to check a batch against before it is appended. Fills what the topic's
 * configuration says; topic borrows the partition's memory. NONE,
 * NOT_LEADER_OR_FOLLOWER, KAFKA_STORAGE_ERROR. */
int16_t partition_rules(struct partition *partition,
                        struct validate_rules *rules);

/* Put a batch into the lane.
 *
 * True: it is done, results are in `append`, on_done is not called.
 * False: another thread writes it; on_done comes, perhaps before this returns.
 * When the lane was idle the caller's thread writes to the page cache, unless
 * the batch may_block and the caller is no pool thread. */
MUST_USE bool partition_append(struct partition *partition,
                               struct append *append);

/* Whether a transaction of the producer is open here. */
bool partition_txn_is_open(struct partition *partition, int64_t producer_id);

/* -- followers ----------------------------------------------------------------
 */

struct follower_fetch {
    int32_t id;
    int64_t broker_epoch; /* -1 not told */
    int64_t offset;       /* fetch offset: it has all before */
    int64_t log_start;    /* -1 not told */
    int64_t leader_end;   /* log end at the time of the read */
    int64_t now_ms;
};

/* Whether the replica is one of the assigned followers: NONE, or
 * UNKNOWN_LEADER_EPOCH (with an epoch in the request) or
 * NOT_LEADER_OR_FOLLOWER. */
int16_t partition_follower_check(struct partition *partition, int32_t id,
                                 bool has_epoch);

/* Note a follower's progress; may move the high watermark and wake who waits.
 */
void partition_follower_fetched(struct partition *partition,
                                const struct follower_fetch *fetch);

/* -- waiting ------------------------------------------------------------------
 */

/* Attach a wait. When its condition holds already (or the partition does not
 * lead any more and `what` needs a leader) it is not attached, `met` is set and
 * false is returned. Bytes that came since `offset` was noted are counted off
 * `missing` at once; when that is used up, false is returned too. */
MUST_USE bool partition_attach(struct partition *partition,
                               struct park_wait *wait);

/* Take a wait back; harmless when it is not attached. */
void partition_detach(struct partition *partition, struct park_wait *wait);

/* After acks=-1 was met: NONE, NOT_ENOUGH_REPLICAS_AFTER_APPEND,
 * NOT_LEADER_OR_FOLLOWER, or REQUEST_TIMED_OUT while the high watermark is
 * below `offset`. */
int16_t partition_acked(struct partition *partition, int64_t offset);

/* Smallest log start of the live replicas; *error as partition_enter(). */
int64_t partition_low_watermark(struct partition *partition, int16_t *error);

/* Move the log start for DeleteRecords (-1: to the high watermark); leader
 * only. NONE, OFFSET_OUT_OF_RANGE, POLICY_VIOLATION (not
 * cleanup.policy=delete), NOT_LEADER_OR_FOLLOWER, KAFKA_STORAGE_ERROR. May
 * block on the disk. *target is what the low watermark must reach. */
int16_t partition_delete_records(struct partition *partition, int64_t offset,
                                 int64_t *target);

/* -- changes, control lane
 * ----------------------------------------------------- */

/* What LeaderAndIsr says of one partition. Arrays are borrowed. */
struct partition_change {
    int32_t controller_epoch, leader, leader_epoch, partition_epoch;
    struct uuid topic_id; /* zero: none */
    bool is_new;
    const int32_t *replicas, *isr, *adding, *removing;
    size_t n_replicas, n_isr, n_adding, n_removing;
};

/* Become leader or follower; the log must be there (replicas.h makes it). An
 * older partition epoch changes nothing. */
void partition_change(struct partition *partition,
                      const struct partition_change *change);

/* Give the partition its log and settings; both pass to it. */
void partition_set_log(struct partition *partition, struct log *log,
                       struct topic_settings *settings);

/* Exchange the settings; the reference passes to the partition. May let the
 * high watermark move. */
void partition_set_settings(struct partition *partition,
                            struct topic_settings *settings);

/* Stopped without deletion: wake who waits, so that each looks again. */
void partition_stop(struct partition *partition);

/* Go OFFLINE or DELETED: nobody enters any more, no append starts, who waits is
 * woken. Any thread; does not block. */
void partition_close(struct partition *partition, enum partition_state state);

/* Wait until nobody uses the log of a closed partition, and take it out; NULL
 * when it had none. Blocks for as long as a read or an append in flight. */
struct log *partition_take_log(struct partition *partition);

#endif
