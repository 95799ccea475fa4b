/* log_dir.h - one entry of log.dirs.
 *
 *     <dir>/.lock                              held while open
 *           .kafka_cleanshutdown               there: the last stop was clean
 *           meta.properties                    which broker, which cluster
 *           recovery-point-offset-checkpoint   first offset not known flushed
 *           log-start-offset-checkpoint        where DeleteRecords left it
 *           replication-offset-checkpoint      high watermarks
 *           cleaner-offset-checkpoint          compaction's progress
 *           <topic>-<p>/                       a log
 *           <topic>-<p>.<32 hex>-delete/       waits to be removed
 *           <topic>-<p>.<32 hex>-future/       AlterReplicaLogDirs' target
 *           <topic>-<p>.<32 hex>-stray/        left alone
 *
 * Life: log_dir_open() takes the lock, remembers and removes the clean marker,
 * reads the checkpoints, and lists what is there. The owner then opens each
 * listed log (log_open(), any number of threads), and says log_dir_loaded().
 * While running it calls the checkpoint functions and log_dir_sweep() now and
 * then. At a clean stop: log_close() each log, then log_dir_close(dir, true).
 *
 * A disk that fails takes its directory offline, as in Apache Kafka: every call
 * on its logs that would write fails with ERR_IO from then on;
 * log_dir_offline() tells, and `on_offline` was called once.
 *
 * Threads: any, after log_dir_open() has returned.
 */
#ifndef GREGOR_SEG_LOG_DIR_H
#define GREGOR_SEG_LOG_DIR_H

#include "base/bytes.h"
#include "base/err.h"
#include "seg/fs.h"
#include "seg/seg_file.h"

struct log_dir;

enum log_dir_kind {
    LOG_DIR_LOG,    /* <topic>-<p> */
    LOG_DIR_FUTURE, /* <topic>-<p>.<hex>-future */
};

/* A log that was found at start. */
struct log_dir_entry {
    enum log_dir_kind kind;
    const char *name;   /* of the directory; owned by the log_dir until
                           log_dir_loaded() */
    struct bytes topic; /* slice of name */
    int32_t partition;
};

/* What meta.properties says. */
struct log_dir_meta {
    bool present;         /* there is a file */
    int32_t broker_id;    /* -1: the file names none */
    char cluster_id[128]; /* "": the file names none */
};

/* Open a directory, creating it (and its parents) when absent.
 *
 * path    absolute or relative; copied, trailing slashes removed.
 * files   cache for the logs' files; borrowed, outlives the directory.
 *
 * ERR_BUSY    another process holds `.lock`
 * ERR_FORMAT  a directory in it has a name that is none of the above, or
 *             meta.properties is malformed or of a version other than 0
 * ERR_IO, ERR_DENIED, ERR_SPACE, ERR_NOMEM
 * `why` names path, reason and remedy. */
MUST_USE enum err log_dir_open(struct log_dir **dir, const struct fs *fs,
                               struct seg_files *files, const char *path,
                               struct errmsg *why);

/* Stop using the directory and free it; all its logs must be closed or freed.
 * With `clean` the checkpoints are written first and `.kafka_cleanshutdown`
 * last; that fails (ERR_IO...) when a log of it was not closed cleanly. The
 * directory is gone either way, `*dir` is NULL. */
MUST_USE enum err log_dir_close(struct log_dir **dir, bool clean,
                                struct errmsg *why);

/* The path as opened, for messages and DescribeLogDirs (absolute). */
const char *log_dir_path(const struct log_dir *dir);

/* Whether the last stop was clean. */
bool log_dir_was_clean(const struct log_dir *dir);

/* The logs found at start, in no order; NULL after log_dir_loaded(). */
const struct log_dir_entry *log_dir_entries(const struct log_dir *dir,
                                            size_t *n);

/* All listed logs are opened: forget the lists and checkpoints read. */
void log_dir_loaded(struct log_dir *dir);

/* Logs open in it now (new replicas go to the directory with the fewest). */
size_t log_dir_count(struct log_dir *dir);

/* Total and usable bytes of the file system (statvfs). */
MUST_USE enum err log_dir_space(const struct log_dir *dir, int64_t *total,
                                int64_t *usable);

/* -- meta.properties ----------------------------------------------------------
 */

/* What the file said at open. */
const struct log_dir_meta *log_dir_meta(const struct log_dir *dir);

/* Judge the files of all directories together, as Apache Kafka does.
 *
 * configured_id  broker.id of the configuration, -1: none
 * cluster_id     that of /cluster/id; null: not known yet, not judged
 * broker_id      out: the id to use, or -1: none is known, generate one
 *
 * ERR_CONFLICT  cluster ids or broker ids differ (from each other, from the
 *               configuration, from ZooKeeper); `why` names the files. */
MUST_USE enum err log_dir_meta_check(struct log_dir *const *dirs, size_t n,
                                     int32_t configured_id,
                                     struct bytes cluster_id,
                                     int32_t *broker_id, struct errmsg *why);

/* Write meta.properties v0 unless it says so already; unknown keys of an
 * existing file are kept. */
MUST_USE enum err log_dir_meta_write(struct log_dir *dir, int32_t broker_id,
                                     struct bytes cluster_id,
                                     struct errmsg *why);

/* -- while running ------------------------------------------------------------
 */

/* Write a checkpoint of all open logs: recovery points (every
 * log.flush.offset.checkpoint.interval.ms), log starts (every
 * log.flush.start.offset.checkpoint.interval.ms), high watermarks (every
 * replica.high.watermark.checkpoint.interval.ms). Nothing is written when
 * nothing changed since the last time. A failure takes the directory offline.
 * May block on fsync. */
MUST_USE enum err log_dir_write_recovery_points(struct log_dir *dir,
                                                struct errmsg *why);
MUST_USE enum err log_dir_write_log_starts(struct log_dir *dir,
                                           struct errmsg *why);
MUST_USE enum err log_dir_write_high_watermarks(struct log_dir *dir,
                                                struct errmsg *why);
/* How far logs are compacted: after each log_clean(), and after a truncation.
 */
MUST_USE enum err log_dir_write_clean_points(struct log_dir *dir,
                                             struct errmsg *why);

/* Remove files and directories whose delay has passed. Gives the time at which
 * it should be called next, INT64_MAX when nothing waits. May block. */
int64_t log_dir_sweep(struct log_dir *dir, int64_t now_ms);

/* -- failure ------------------------------------------------------------------
 */

/* Whether the directory is offline. */
bool log_dir_offline(const struct log_dir *dir);

/* Take it offline (the first call counts); a line is written. */
void log_dir_fail(struct log_dir *dir, const char *reason);

/* Called once, from the thread that met the failure, when the directory goes
 * offline. Must not call back into the directory or its logs but to ask. */
typedef void log_dir_offline_fn(void *context, struct log_dir *dir);
void log_dir_on_offline(struct log_dir *dir, log_dir_offline_fn *fn,
                        void *context);

#endif
