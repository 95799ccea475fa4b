/* clean_out.h - the segment that compaction writes; private to seg.
 *
 *     start ─▶ add, add, ... ─▶ finish ─▶ swap
 *                 └──────┴──────────┴─▶ drop
 *
 * Files are `<base>.log.cleaned` and so on, until clean_out_swap() puts them in
 * the place of the segments they stand for.
 *
 * Threads: one at a time.
 */
#ifndef GREGOR_SEG_CLEAN_OUT_H
#define GREGOR_SEG_CLEAN_OUT_H

#include "seg/clean_filter.h"
#include "seg/direct.h"

struct clean_out {
    struct log *log;
    int64_t base;
    uint32_t interval; /* index.interval.bytes */
    size_t io_bytes;   /* written at once */
    int fd;            /* of .log.cleaned; -1: not open */
    struct direct way; /* by which they are written to it */
    bool files;        /* there may be .cleaned files */
    struct wr data;    /* batches not written yet */
    uint64_t written;  /* bytes of .log on their way */
    uint64_t begun;    /* of them, those begun to be synced */
    uint64_t noted;    /* .log bytes that clean_out_note() has seen */
    uint32_t since;    /* bytes since the last index entry */
    struct wr indexes[SEG_KINDS]; /* entries; [SEG_LOG] is not used */
    int64_t max_time;             /* of the batches; -1 none */
    int64_t max_time_offset;
    int64_t last_time; /* of the last .timeindex entry; -1 none */
};

/* Begin a segment; `io_bytes` 0: the default; `direct`: past the page cache, if
 * that can be. Errors leave nothing but what clean_out_drop() removes. */
MUST_USE enum err clean_out_start(struct clean_out *out, struct log *log,
                                  int64_t base, const struct log_config *config,
                                  size_t io_bytes, bool direct,
                                  struct errmsg *why);

/* A batch was put at the end of out->data: index it, and write when there is
 * enough. */
MUST_USE enum err clean_out_note(struct clean_out *out,
                                 const struct clean_kept *kept,
                                 struct errmsg *why);

/* An aborted transaction is still there. */
MUST_USE enum err clean_out_abort(struct clean_out *out,
                                  const struct txn_entry *entry);

/* All was added: write and sync the files; they get this modification time. */
MUST_USE enum err clean_out_finish(struct clean_out *out, int64_t modified_ms,
                                   struct errmsg *why);

/* Take the place of these segments. `truncations`: what the log counted when
 * they were read. ERR_AGAIN when they are not what they were. The files are the
 * log's afterwards. */
MUST_USE enum err clean_out_swap(struct clean_out *out,
                                 const struct segment *old, size_t n,
                                 uint32_t truncations, int64_t now_ms,
                                 struct errmsg *why);

/* Free the memory, and remove the files unless they are the log's. An error is
 * a failing disk. */
MUST_USE enum err clean_out_drop(struct clean_out *out, struct errmsg *why);

#endif
