/* replicas.h - all partitions on this broker, their log directories and their
 * upkeep.
 *
 *     replicas ── map ──▶ (topic, index) ─▶ partition ─▶ log
 *              ├─ log directories (log.dirs)
 *              ├─ settings of topics, shared by their partitions
 *              └─ schedule: retention, flush, checkpoints, sweeping
 *
 * Life: replicas_open() takes the directories; the owner settles broker and
 * cluster id (log_dir_meta_check()); replicas_load() loads or recovers all
 * logs; replicas_start() begins the upkeep. Partitions are hosted from their
 * first LeaderAndIsr on. replicas_stop() flushes, writes checkpoints and marks
 * the directories clean. The pool needs two threads at least: the control lane
 * may wait for an append that another one writes.
 *
 * Threads: lookups from any thread. replicas_apply() and
 * replicas_stop_replicas() on the control lane. Life-cycle functions on one
 * thread that may block.
 */
#ifndef GREGOR_REPLICAS_H
#define GREGOR_REPLICAS_H

#include "partition/cleaner.h"
#include "partition/partition.h"

struct broker;
struct config;
struct fetch_sessions;

/* A topic's resolved configuration; counted, never changed. */
struct topic_settings {
    _Atomic uint32_t refs;
    struct log_config log;
};

/* A copy, with one reference. */
struct topic_settings *topic_settings_new(const struct log_config *config);
struct topic_settings *topic_settings_ref(struct topic_settings *settings);
/* Leaves NULL; NULL is fine. */
void topic_settings_unref(struct topic_settings **settings);

struct replicas_config {
    struct broker *broker;       /* id, pool, metadata, coord_loop */
    const struct fs *fs;         /* fs_real() */
    const char *const *log_dirs; /* log.dirs, in order; copied */
    size_t n_log_dirs;
    struct log_config defaults; /* of a topic without overrides */
    unsigned recovery_threads;  /* num.recovery.threads.per.data.dir */
    size_t open_files;          /* segment files kept open at most */
    int64_t retention_check_ms; /* log.retention.check.interval.ms */
    int64_t
        recovery_checkpoint_ms;  /* log.flush.offset.checkpoint.interval.ms */
    int64_t start_checkpoint_ms; /* log.flush.start.offset.checkpoint... */
    int64_t high_checkpoint_ms;  /* replica.high.watermark.checkpoint... */
    int64_t flush_check_ms;      /* log.flush.scheduler.interval.ms */
    int64_t producer_check_ms;   /* producer.id.expiration.check.interval.ms */
    int64_t lag_max_ms;          /* replica.lag.time.max.ms */
    size_t fetch_sessions;       /* max.incremental.fetch.session.cache.slots */
    struct cleaner_config cleaner; /* log.cleaner.* at start */
    /* What is in force of log.cleaner.* now: asked before each compaction, any
     * thread; `threads` and `enable` stay as at start. NULL: as at start. */
    void (*cleaner_config)(void *context, struct cleaner_config *config);
    /* What is in force for a topic whose log is about to be made or loaded:
     * `config` holds the defaults and is changed where the topic has overrides.
     * Pool threads; may block. NULL: no topic has any. */
    void (*topic_config)(void *context, struct bytes topic,
                         struct log_config *config);
    /* A directory went offline: tell the controller; when it was the last one,
     * end the process. Any thread; must not block. NULL: nobody to tell. */
    void (*on_offline)(void *context, const char *path, bool last);
    void *context;
};

/* Kafka 3.7's defaults; broker, fs and log_dirs are the caller's to fill. */
void replicas_config_init(struct replicas_config *config);

struct replicas;

/* -- life
 * ---------------------------------------------------------------------- */

/* Lock and read all directories. A directory that cannot be used is left out
 * with one line, as in Kafka, but for one that another process holds, or when
 * none is left. Errors as log_dir_open(). */
MUST_USE enum err replicas_open(struct replicas **replicas,
                                const struct replicas_config *config,
                                struct errmsg *why);

/* The directories that are in use; for meta.properties. */
struct log_dir *const *replicas_dirs(const struct replicas *replicas,
                                     size_t *n);

/* Load, or recover, all logs, in parallel. Blocks. On failure only
 * replicas_free() may follow. */
MUST_USE enum err replicas_load(struct replicas *replicas, struct errmsg *why);

/* Begin the upkeep on the broker's coordination loop and pool. */
void replicas_start(struct replicas *replicas);

/* The broker is about to stop: whoever waits on a partition is woken and
 * answered with what there is, and nobody begins to wait any more. Before
 * net_stop(), which drops requests that are not answered. Any thread. */
void replicas_drain(struct replicas *replicas);

/* End the upkeep; close all logs, write checkpoints and clean markers. Reactors
 * and control lane must be idle, pool and coordination loop still running.
 * Blocks. */
void replicas_stop(struct replicas *replicas);

/* End the upkeep, and close all as if the process had been killed: nothing is
 * flushed or written. Conditions as replicas_stop(). */
void replicas_abandon(struct replicas *replicas);

/* Free all. Once the pool has ended (a job of ours may still be returning). */
void replicas_free(struct replicas **out);

/* -- finding
 * ------------------------------------------------------------------- */

/* A hosted partition, referenced, or NULL. */
struct partition *replicas_find(struct replicas *replicas, struct bytes topic,
                                int32_t index);

/* A hosted partition, referenced; or why there is none: KAFKA_STORAGE_ERROR
 * (offline directory), NOT_LEADER_OR_FOLLOWER (known to the cluster, hosted
 * elsewhere), UNKNOWN_TOPIC_OR_PARTITION. */
int16_t replicas_get(struct replicas *replicas, struct bytes topic,
                     int32_t index, struct partition **out);

/* All partitions with a log, each referenced, in no order; the array is freed
 * with mem_free() by the caller after unref of each. */
void replicas_all(struct replicas *replicas, struct partition ***partitions,
                  size_t *n);

/* Borrowed; as long as `replicas`. */
struct fetch_sessions *replicas_fetch_sessions(struct replicas *replicas);
/* As opened; `defaults` are those of the start. */
const struct replicas_config *replicas_config(const struct replicas *replicas);

/* Whether a batch of this size may be written on a reactor's thread: the last
 * writes to the page cache were quick, or it is small and none of them stalled,
 * which would keep all connections of the reactor waiting. */
bool replicas_may_write_inline(struct replicas *replicas, size_t size);
/* A write took so long; what replicas_may_write_inline() goes by. */
void replicas_note_write(struct replicas *replicas, int64_t took_us);

/* -- changes
 * ------------------------------------------------------------------- */

/* One partition of a LeaderAndIsr request. */
struct replicas_change {
    struct bytes topic;
    int32_t index;
    struct partition_change change;
    int16_t error; /* out: enum kafka_error */
};

/* Apply a request whose epochs were checked; each gets its own error. Logs are
 * made in parallel in the pool. Control lane; blocks. */
void replicas_apply(struct replicas *replicas, struct replicas_change *changes,
                    size_t n);

/* Told of each partition that LeaderAndIsr or StopReplica has changed, after it
 * is in force, on the control lane; must be quick. The struct is the caller's
 * until replicas_stop(). */
struct replicas_observer {
    struct replicas_observer *next;
    /* leads: this broker leads it now, in leader_epoch (-1: not told). The
     * partition is borrowed; NULL: it was stopped, or deleted. */
    void (*on_change)(struct replicas_observer *observer, struct bytes topic,
                      int32_t index, struct partition *partition, bool leads,
                      int32_t leader_epoch);
};
/* Before the first LeaderAndIsr. */
void replicas_observe(struct replicas *replicas,
                      struct replicas_observer *observer);

/* One partition of a StopReplica request. */
struct replicas_stop_one {
    struct bytes topic;
    int32_t index;
    int32_t leader_epoch; /* -1 none, -2 the topic is being deleted */
    bool deleted;         /* remove the log too */
    int16_t error;        /* out */
};
/* Stop or delete them: NONE also for one that is not here, FENCED_LEADER_EPOCH,
 * KAFKA_STORAGE_ERROR. A deleted one is found no more at once, and its log is
 * handed to log_delete() before this returns. Control lane; blocks. */
void replicas_stop_replicas(struct replicas *replicas,
                            struct replicas_stop_one *of, size_t n);

/* A topic's configuration changed: all its partitions take it on. Any thread;
 * does not block. */
void replicas_topic_config_set(struct replicas *replicas, struct bytes topic,
                               const struct log_config *config);

/* The broker's defaults changed; all topics are asked for again, in the pool.
 * Any thread; does not block. */
void replicas_defaults_set(struct replicas *replicas,
                           const struct log_config *defaults);

#endif
