/* krecover.h - from a data directory to a core that may serve.
 *
 * Threads: the one that starts the keeper, before its loop runs. Blocks. */
#ifndef GREGOR_KEEPER_KRECOVER_H
#define GREGOR_KEEPER_KRECOVER_H

#include "keeper/kcore.h"

struct krecover_result {
    bool fresh;            /* there was nothing: snapshot.0 is to be written */
    uint64_t records;      /* replayed */
    int64_t snapshot_zxid; /* of the one loaded; -1: none */
    /* Newer ones, which could not be loaded; during the recovery only. */
    int64_t *skipped;
    size_t n_skipped;
};

/* Load the newest good snapshot, replay the logs, cut a torn tail, drop
 * ephemerals of dead sessions. `snap_dir` and `log_dir` are the version-2
 * directories, which exist. ERR_CORRUPT with file, position and remedy. */
MUST_USE enum err krecover(struct kcore *core, const char *snap_dir,
                           const char *log_dir, struct krecover_result *result,
                           struct errmsg *why);

/* What a core needs once its tree and its sessions are loaded: ephemerals of
 * sessions that are gone leave, quotas are counted. */
void krecover_settle(struct kcore *core);

/* The files "<prefix><hex>" of a directory, numbers ascending, each once;
 * snapshots also with a suffix of their compression. Free *zxids. */
MUST_USE enum err krecover_list(const char *dir, const char *prefix,
                                int64_t **zxids, size_t *n, struct errmsg *why);

/* Make a directory and those above it. */
MUST_USE enum err krecover_mkdirs(const char *dir, struct errmsg *why);

#endif
