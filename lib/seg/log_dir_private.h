/* log_dir_private.h - the inside of a log directory; private to seg. */
#ifndef GREGOR_SEG_LOG_DIR_PRIVATE_H
#define GREGOR_SEG_LOG_DIR_PRIVATE_H

#include <stdatomic.h>

#include "base/list.h"
#include "base/lock.h"
#include "base/map.h"
#include "seg/log_dir.h"
#include "seg/seg_io.h"

/* What a checkpoint said about a partition at start. */
struct dir_point {
    struct map_link link;
    char *topic;
    int32_t partition;
    int64_t recovery; /* -1: not said */
    int64_t start;
    int64_t high;
    int64_t clean;
    bool closed; /* closed cleanly by this process */
};

/* A file or directory that waits to be removed. */
struct dir_waste {
    struct list link;
    int64_t due_ms;
    bool directory;
    char path[];
};

enum { DIR_CHECKPOINTS = 4 };

struct log_dir {
    const struct fs *fs;
    struct seg_files *files;
    char *path;
    int lock_fd;
    bool was_clean;
    bool loaded;           /* log_dir_loaded() was said */
    _Atomic bool unsynced; /* closed logs wrote without fsync: one syncfs(2)
                              serves them all */
    bool any_unclean;      /* a log of it was not closed cleanly */
    _Atomic bool offline;
    struct log_dir_meta meta;
    struct lock lock; /* guards what follows */
    struct list logs; /* open ones: struct log, member link */
    size_t n_logs;
    struct list waste;             /* in no order */
    struct map points;             /* of known logs that are not open */
    struct log_dir_entry *entries; /* same; names owned */
    size_t n_entries;
    size_t size_entries;
    uint64_t
        written[DIR_CHECKPOINTS]; /* hash of each checkpoint as last written */
    struct lock checkpoint_lock[DIR_CHECKPOINTS]; /* one writer of a file */
    log_dir_offline_fn *on_offline;
    void *on_offline_context;
};

/* Names in a log directory (log_dir_names.c). */
enum dir_name {
    DIR_NAME_LOG,
    DIR_NAME_FUTURE,
    DIR_NAME_DELETE,
    DIR_NAME_STRAY,
    DIR_NAME_IGNORED, /* remote-log-index-cache */
    DIR_NAME_BAD,
};

/* What a name in an entry of log.dirs stands for; `*topic` (a slice of it) and
 * `*partition` are set for those of a log. */
enum dir_name dir_name_read(const char *name, struct bytes *topic,
                            int32_t *partition);

/* "<topic>-<p>.<32 hex>-delete", cut to 255 bytes. */
void dir_name_delete(char name[static 256], const char *topic,
                     int32_t partition);

/* What the checkpoints said of a partition: -1 where nothing. `closed` when it
 * needs no recovery. */
void dir_point_find(struct log_dir *dir, struct bytes topic, int32_t partition,
                    struct dir_point *out);

/* The partition is open, or gone: its line comes from the log, or not at all.
 */
void dir_point_forget(struct log_dir *dir, struct bytes topic,
                      int32_t partition);

/* A log is open in the directory; its point is forgotten. */
struct log;
void dir_log_add(struct log_dir *dir, struct log *log);

/* It is no more. A cleanly closed one leaves its point for the last
 * checkpoint; an abandoned one keeps the directory from being marked clean. */
enum dir_gone { DIR_CLOSED, DIR_ABANDONED, DIR_DELETED };
void dir_log_remove(struct log_dir *dir, struct log *log, enum dir_gone gone);

/* Queue a path for removal. */
void dir_waste_add(struct log_dir *dir, const char *path, bool directory,
                   int64_t due_ms);

/* Read meta.properties. */
MUST_USE enum err dir_meta_read(struct log_dir *dir, struct errmsg *why);

/* Read the checkpoints into dir->points. */
MUST_USE enum err dir_points_read(struct log_dir *dir, struct errmsg *why);
void dir_points_fini(struct log_dir *dir);

/* Names of the files. */
#define DIR_LOCK ".lock"
#define DIR_CLEAN ".kafka_cleanshutdown"
#define DIR_META "meta.properties"
#define DIR_RECOVERY "recovery-point-offset-checkpoint"
#define DIR_START "log-start-offset-checkpoint"
#define DIR_HIGH "replication-offset-checkpoint"
#define DIR_CLEANED "cleaner-offset-checkpoint"

#endif
