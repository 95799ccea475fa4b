/* log_rig.h - a log in a directory of its own, for tests.
 *
 * log_rig_start() makes the directory and opens one log, "orders-0"; a test may
 * change `rig.config` and open it anew. log_rig_stop() closes all, checks that
 * no file stayed open in the cache, and removes the directory.
 *
 * Failures of what is not tested end the test.
 */
#ifndef GREGOR_TESTS_LOG_RIG_H
#define GREGOR_TESTS_LOG_RIG_H

#include "seg/seg.h"

struct log_rig {
    const struct fs *fs;
    char path[64];
    struct seg_files *files;
    struct log_dir *dir;
    struct log *log;
    struct log_config config;
    int64_t now_ms;
    struct wr batch; /* the batch that was made last */
};

void log_rig_start(struct log_rig *rig);
/* The same on another file system. */
void log_rig_start_on(struct log_rig *rig, const struct fs *fs);
void log_rig_stop(struct log_rig *rig);

/* Leave everything as kill -9 would. */
void log_rig_kill(struct log_rig *rig);
/* Clean stop. */
void log_rig_close(struct log_rig *rig);
/* Open directory and log. */
void log_rig_open(struct log_rig *rig);
MUST_USE enum err log_rig_try_open(struct log_rig *rig, struct errmsg *why);

/* What a batch is to be; zero is a plain one. */
struct log_rig_batch {
    int count;          /* records; 0 means 1 */
    int64_t timestamp;  /* of the first record; each next one +1; 0: now */
    size_t value_bytes; /* 0: a few */
    bool producer;      /* with the three below */
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t sequence;
    bool transactional;
    bool commit, abort; /* a marker instead of records */
    int32_t coordinator_epoch;
    int codec;           /* enum codec */
    int64_t base_offset; /* LOG_REPLICA */
    int32_t leader_epoch;
};

/* Make it; the bytes are in rig->batch until the next one. */
void log_rig_make(struct log_rig *rig, const struct log_rig_batch *spec);

/* Make and append; the set tells how it went. */
struct log_append log_rig_append(struct log_rig *rig, enum log_origin origin,
                                 const struct log_rig_batch *spec);

/* Append `n` plain records, each in a batch of its own. */
void log_rig_fill(struct log_rig *rig, int n);

/* All bytes from `offset` up to the LEO, segment by segment; freed by the
 * caller. */
uint8_t *log_rig_read(struct log_rig *rig, int64_t offset, size_t *n);

/* Check that each offset in [from, to) is there once, with the value that
 * log_rig_make() gave it. */
void log_rig_check(struct log_rig *rig, int64_t from, int64_t to);

/* A file of the log, "%020d<suffix>"; NULL when it is not there. */
uint8_t *log_rig_file(struct log_rig *rig, int64_t base, const char *suffix,
                      size_t *n);
bool log_rig_has(struct log_rig *rig, const char *name);
void log_rig_put(struct log_rig *rig, const char *name, const void *at,
                 size_t n);

#endif
