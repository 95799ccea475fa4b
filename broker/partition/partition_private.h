/* partition_private.h - what the files of this folder share.
 *
 * Functions that end in _locked want the partition's lock held.
 */
#ifndef GREGOR_PARTITION_PRIVATE_H
#define GREGOR_PARTITION_PRIVATE_H

#include "partition/gate.h"
#include "partition/replicas.h"

enum {
    LANE_GROUP = 64,  /* batches written at once at most */
    LANE_ROUNDS = 16, /* groups a reactor writes for others in one go */
};

struct replicas {
    struct replicas_config config; /* log_dirs point to `paths` */
    char **paths;                  /* owned */
    struct broker *broker;
    struct seg_files *files;
    struct log_dir **dirs; /* usable ones; NULL entries: none */
    size_t n_dirs;
    struct fetch_sessions *sessions;

    struct lock lock;                /* for the map and the defaults */
    struct map map;                  /* partitions by topic and index */
    struct topic_settings *defaults; /* of topics without overrides */

    struct gate gate;                 /* lanes and logs becoming quiet */
    _Atomic bool draining;            /* nobody may wait any more */
    _Atomic int64_t slow_until_us;    /* writes go to the pool before this */
    _Atomic int64_t stalled_until_us; /* also small ones */
    _Atomic size_t jobs;     /* of ours in the pool: failed directories,
                                new defaults */
    struct upkeep *upkeep;   /* NULL: not started */
    struct cleaner *cleaner; /* NULL: not started, or not enabled */
    struct replicas_observer *observers; /* told on the control lane */
};

/* -- waking
 * --------------------------------------------------------------------- */

/* Parks claimed under the lock, to be posted after it. */
struct wakes {
    struct park *first;
};

/* Look at everything that waits against the log's offsets. */
void partition_wake_locked(struct partition *partition, struct wakes *wakes);
/* Void all waits: leadership or the partition is gone. */
void partition_void_locked(struct partition *partition, struct wakes *wakes);
/* Post what was claimed. No lock held. */
void wakes_post(struct wakes *wakes);

/* -- high watermark
 * --------------------------------------------------------------- */

/* Hosted, with a log, and led by this broker. */
bool partition_leads_locked(const struct partition *partition);
/* min.insync.replicas in force: at most the replica count. */
int32_t partition_min_isr_locked(const struct partition *partition);
/* Move the high watermark if it can move; true when it did. */
bool partition_advance_locked(struct partition *partition, int64_t now_ms);
/* Smallest log start of the live replicas. */
int64_t partition_low_locked(const struct partition *partition);
/* NONE or NOT_ENOUGH_REPLICAS_AFTER_APPEND once the high watermark is there. */
int16_t partition_acked_locked(const struct partition *partition);

/* Make followers and ids what a change says; leader only for followers. */
void partition_assign_locked(struct partition *partition,
                             const struct partition_change *change,
                             bool leader);
/* Forget what was known of the followers' progress at an epoch's start. */
void partition_followers_reset_locked(struct partition *partition,
                                      int64_t now_ms, int64_t leader_end,
                                      bool new_leader);

/* -- lane
 * -------------------------------------------------------------------------- */

/* Run `run(context)` in the lane, alone, on the calling thread or another; back
 * when it is done. Not on a reactor. */
void partition_in_lane(struct partition *partition, void (*run)(void *context),
                       void *context);

/* -- replicas
 * ---------------------------------------------------------------------- */

/* Find in the map in any state, referenced, or NULL. */
struct partition *replicas_lookup(struct replicas *replicas, struct bytes topic,
                                  int32_t index);
/* Put a new partition into the map, which takes a reference; false when there
 * is one of that name already. */
bool replicas_put(struct replicas *replicas, struct partition *partition);
/* Take it out of the map and give that reference back. */
void replicas_drop(struct replicas *replicas, struct partition *partition);
/* A reference to the settings a topic's first log is opened with. Blocks. */
struct topic_settings *replicas_settings(struct replicas *replicas,
                                         struct bytes topic);
/* Close logs and directories without a trace. */
void replicas_close_unclean(struct replicas *replicas);
/* Called by a directory that failed. */
void replicas_on_offline(void *context, struct log_dir *dir);

/* Run `each(context, i)` for i in [0, n) on up to `threads` pool threads, this
 * one included; back when all are done. */
void replicas_parallel(struct replicas *replicas, size_t n, unsigned threads,
                       void (*each)(void *context, size_t i), void *context);

/* Blocks until nothing of the schedule runs; the coordination loop must. None
 * is fine. */
void upkeep_stop(struct replicas *replicas);

#endif
