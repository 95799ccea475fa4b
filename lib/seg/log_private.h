/* log_private.h - the inside of a log; private to seg.
 *
 * Two locks. `writer` is held by whoever changes files at the end of the log
 * (append, roll, truncate, reset), also while writing. `lock` guards the facts
 * below for readers; it is short and never held across a system call. Who holds
 * `writer` may read without `lock` what only writers change (marked W).
 *
 * Small on purpose: a broker has ten thousand of these. What only a busy log
 * needs lies in `struct hot`, which is made with the first append.
 */
#ifndef GREGOR_SEG_LOG_PRIVATE_H
#define GREGOR_SEG_LOG_PRIVATE_H

#include <stdatomic.h>

#include "base/list.h"
#include "base/lock.h"
#include "seg/epochs.h"
#include "seg/log.h"
#include "seg/log_dir_private.h"
#include "seg/producers.h"
#include "seg/seg_files.h"
#include "seg/seg_io.h"

#define UNKNOWN_COUNT UINT32_MAX
#define UNKNOWN_TIME INT64_MIN

enum { INDEX_ENTRY = 8, TIME_ENTRY = 12, TXN_ENTRY = 34 };

/* One segment: facts about its files. */
struct segment {
    int64_t base;            /* first offset; its name */
    int64_t max_time;        /* largest timestamp so far, -1 none; UNKNOWN_TIME:
                                ask the time index */
    int64_t max_time_offset; /* offset recorded for it */
    uint32_t size;           /* bytes of .log */
    uint32_t n_index;        /* entries of .index in the file; UNKNOWN_COUNT */
    uint32_t n_time;         /* entries of .timeindex in the file; same */
    uint32_t n_txn;          /* entries of .txnindex; same; 0: no file */
    bool exists;             /* .log is there (not before the first append) */
    bool has_index;          /* .index or .timeindex may be there */
};

/* Entries of the active segment's indexes that are not in the files yet. */
struct index_entry {
    uint32_t relative;
    uint32_t position;
};

struct time_entry {
    int64_t timestamp;
    uint32_t relative;
};

/* An offset whose position is known exactly. */
struct mark {
    int64_t offset;
    uint32_t position; /* in the active segment */
};

enum { MARKS = 24 };

struct hot {
    struct mark marks[MARKS]; /* of the active segment; a ring */
    uint32_t next_mark;
    uint32_t n_marks;
    struct index_entry *index; /* pending entries; owned */
    struct time_entry *time;
    uint32_t n_index;
    uint32_t n_time;
    uint32_t size_index; /* entries allocated */
    uint32_t size_time;
};

/* Pending entries at most, before they are written. */
enum { PENDING_MOST = 128 };

struct log {
    struct log_dir *dir;
    struct list link; /* in dir->logs */
    char *name;       /* of the directory; owned; changes by rename only */
    char *topic;      /* owned */
    int32_t partition;
    _Atomic uint64_t number; /* in the cache of open files; a new one when names
                               may come again, see log_renumber() */
    struct lock lock;
    struct lock writer;

    _Atomic int64_t end;          /* LEO */
    _Atomic int64_t start;        /* log start offset */
    _Atomic int64_t high;         /* high watermark */
    _Atomic int64_t unstable;     /* first unstable offset, -1 none */
    _Atomic int64_t recovery;     /* recovery point */
    _Atomic bool has_closed_txns; /* producers.closed is not empty */
    _Atomic bool failed;          /* takes no more */
    _Atomic int64_t clean;        /* compacted up to here, -1 never */
    _Atomic bool clean_refused;   /* compaction met what it cannot handle */
    _Atomic uint32_t swaps;       /* counts twice for each group of segments
                                     replaced; odd: files are being renamed */

    /* Under `lock`; changed under both (W). */
    struct segment *segments; /* owned; by base; the last one is active */
    uint32_t n_segments;      /* at least 1 */
    uint32_t size_segments;
    struct hot *hot;      /* owned; NULL until the first append */
    uint32_t truncations; /* counts; a flush that saw one proves nothing */
    struct producers producers;
    struct epochs epochs;
    struct log_config config;

    /* Under `writer`. */
    int64_t first_time;       /* active: first batch's largest timestamp; -1
                                 none; UNKNOWN_TIME */
    int64_t created_ms;       /* active: when it was made or loaded */
    int64_t jitter_ms;        /* active: subtracted from segment.ms */
    int64_t time_last;        /* active: timestamp of the last .timeindex
                                 entry, -1 none; UNKNOWN_TIME */
    int64_t time_last_offset; /* active: its offset */
    uint32_t since_index;     /* bytes appended since the last index entry */
    int64_t *snapshots;       /* offsets of snapshot files; owned; rising */
    uint32_t n_snapshots;
    int64_t snapshot_last; /* offset of the last one taken, or log start */

    /* Under `lock`. */
    struct uuid topic_id;        /* zero: none */
    _Atomic bool topic_id_dirty; /* not in the file */
    bool files_dirty;    /* names in the directory changed since a sync */
    bool parent_dirty;   /* the directory itself was made */
    bool small_dirty;    /* small files written without sync */
    int64_t flushed_ms;  /* time of the last flush, or of open */
    int64_t flushed_end; /* LEO then, for flush.messages */
};

/* The segment that is appended to; an open log has one. */
static inline struct segment *log_active(const struct log *log)
{
    return &log->segments[log->n_segments - 1];
}

/* The file system of its directory. */
static inline const struct fs *log_fs(const struct log *log)
{
    return log->dir->fs;
}

/* -- names (log_files.c)
 * --------------------------------------------------------- */

/* "<dir>/<log>/%020d<suffix>" */
MUST_USE enum err log_file_path(const struct log *log, int64_t base,
                                const char *suffix,
                                char path[static SEG_PATH_MOST],
                                struct errmsg *why);

/* "<dir>/<log>" */
MUST_USE enum err log_own_path(const struct log *log,
                               char path[static SEG_PATH_MOST],
                               struct errmsg *why);

/* ".log", ".index" ...; static. */
const char *seg_kind_suffix(enum seg_kind kind);

/* Read "%020d<suffix>"; false when the name is not of that form. `*suffix`
 * points into name. */
bool log_file_name_read(const char *name, int64_t *base, const char **suffix);

/* -- open files (log_files.c)
 * ------------------------------------------------------ */

/* A reference to a file of the segment at `base`. */
MUST_USE enum err log_file_get(struct log *log, int64_t base,
                               enum seg_kind kind, bool create,
                               struct seg_file **file, struct errmsg *why);

/* Segments were removed whose names may be used again. A reader may be about to
 * put an old file into the cache: it does so under the old number. Call it
 * after the old files were renamed, before new ones are made. Under `writer`.
 */
void log_renumber(struct log *log);

/* A disk failure: take the directory offline. Gives back `err`; ERR_NOMEM,
 * ERR_LIMIT and ERR_SPACE are no failures of the disk. */
enum err log_failed(struct log *log, enum err err, const struct errmsg *why);

/* ERR_IO when the directory is offline or the log has failed. */
MUST_USE enum err log_usable(struct log *log, struct errmsg *why);

/* -- segments in memory (log_segments.c)
 * ------------------------------------------- */

/* Index of the segment that holds `offset`: the last one whose base is not
 * above; 0 when it lies before all. Under `lock`. */
uint32_t log_segment_at(const struct log *log, int64_t offset);

/* A copy of the active segment: readers fill in what was not known. */
struct segment log_active_copy(struct log *log);

/* Put a segment at the end. Under `lock`. */
void log_segment_add(struct log *log, const struct segment *segment);

/* Take `n` segments out, from the one at `at`. Under `lock`. */
void log_segment_take(struct log *log, uint32_t at, uint32_t n);

/* A copy of the segment with this base; false when it is gone. */
bool log_segment_find(struct log *log, int64_t base, struct segment *out);

/* A copy of the segment that holds `offset`, and the base of the next one (LEO
 * for the active one). */
void log_segment_of(struct log *log, int64_t offset, struct segment *out,
                    int64_t *next, bool *active);

/* Rename the files of a segment to *.deleted and queue their removal. Its
 * snapshot goes along when `snapshot`. */
MUST_USE enum err log_segment_remove(struct log *log,
                                     const struct segment *segment,
                                     bool snapshot, int64_t now_ms,
                                     struct errmsg *why);

/* Who reads the files of segments that are not active looks twice: what was
 * found counts only when no files were exchanged meanwhile. log_look() waits
 * for an exchange that is going on (a few renames), or, with `cached`, gives
 * ERR_AGAIN. Not under `writer`. */
MUST_USE enum err log_look(struct log *log, bool cached, uint32_t *look);
bool log_looked(const struct log *log, uint32_t look);

/* The largest timestamp of a segment and its offset, from the time index when
 * not known yet. (-1, base) when there is none. */
MUST_USE enum err log_segment_max_time(struct log *log, int64_t base,
                                       int64_t *time, int64_t *offset,
                                       struct errmsg *why);

/* The largest timestamp of a segment, or the mtime of its file (log_time.c).
 * `modified` may be NULL. */
MUST_USE enum err log_segment_largest(struct log *log,
                                      const struct segment *segment,
                                      int64_t *largest, int64_t *modified,
                                      struct errmsg *why);

/* -- indexes (log_index.c)
 * ----------------------------------------------------------- */

/* Greatest entry of .index <= `offset`: where to begin looking; position 0 when
 * there is none. `cached`: ERR_AGAIN instead of waiting for the disk. */
MUST_USE enum err index_lookup(struct log *log, int64_t base, int64_t offset,
                               bool cached, uint32_t *position,
                               struct errmsg *why);

/* An offset not below what lies before `position` of a segment: that of the
 * first index entry at or beyond it, else the next segment's base or the LEO.
 * As coarse as the index is. `cached`: ERR_AGAIN instead of waiting for the
 * disk. */
MUST_USE enum err index_beyond(struct log *log, int64_t base, uint32_t position,
                               bool cached, int64_t *offset,
                               struct errmsg *why);

/* Greatest entry of .timeindex <= `timestamp`; (-1, base) when there is none.
 */
MUST_USE enum err index_time_lookup(struct log *log, int64_t base,
                                    int64_t timestamp, int64_t *found,
                                    int64_t *offset, struct errmsg *why);

/* Last entry of .timeindex; (-1, base) when there is none. */
MUST_USE enum err index_time_last(struct log *log, int64_t base,
                                  int64_t *timestamp, int64_t *offset,
                                  struct errmsg *why);

/* Active segment: note an entry, where due (6.5): `offset` is the last one of
 * the append that starts at `position`. Under `writer`. */
MUST_USE enum err index_append(struct log *log, int64_t offset,
                               uint32_t position, struct errmsg *why);

/* Active segment: note the largest timestamp when it is not there yet. */
MUST_USE enum err index_time_append(struct log *log, struct errmsg *why);

/* Active segment: write what is pending. */
MUST_USE enum err index_spill(struct log *log, struct errmsg *why);

/* Active segment: make .index and .timeindex when they are not there. */
MUST_USE enum err index_make(struct log *log, struct errmsg *why);

/* Active segment: forget pending entries and cut the files so that no entry
 * with an offset >= `offset` remains. */
MUST_USE enum err index_cut(struct log *log, int64_t offset,
                            struct errmsg *why);

/* Whether an index of the active segment takes no more, after `more` entries.
 */
bool index_is_full(struct log *log, uint32_t more);

/* One entry of .txnindex. */
struct txn_entry {
    int64_t producer_id;
    int64_t first_offset;
    int64_t last_offset; /* of the marker */
    int64_t last_stable;
};

/* One entry of a .txnindex, as on disk. */
void txn_entry_write(uint8_t at[static TXN_ENTRY],
                     const struct txn_entry *entry);
/* ERR_VERSION */
MUST_USE enum err txn_entry_read(const uint8_t at[static TXN_ENTRY],
                                 struct txn_entry *entry);

/* Append an aborted transaction to the active segment's .txnindex. */
MUST_USE enum err txn_index_append(struct log *log,
                                   const struct txn_completed *completed,
                                   struct errmsg *why);

/* Called for each entry in order; ERR_OK goes on, anything else ends. `cached`:
 * ERR_AGAIN instead of waiting for the disk. */
typedef enum err txn_each_fn(void *context, const struct txn_entry *entry);
MUST_USE enum err txn_index_each(struct log *log, int64_t base, bool cached,
                                 txn_each_fn *each, void *context,
                                 struct errmsg *why);

/* Active segment: drop entries from the first one on whose marker is not below
 * `offset`. */
MUST_USE enum err txn_index_cut(struct log *log, int64_t offset,
                                struct errmsg *why);

/* -- finding (log_find.c)
 * -------------------------------------------------------------- */

/* Remember that `offset` begins at `position` of the active segment. Under
 * `lock`. */
void log_mark(struct log *log, int64_t offset, uint32_t position);

/* The position of the first batch of the segment whose last offset is not below
 * `offset`, and its size. `*position` is the segment's size and `*size` 0 when
 * there is none. */
MUST_USE enum err log_find_position(struct log *log,
                                    const struct segment *segment,
                                    int64_t offset, bool cached,
                                    uint32_t *position, uint32_t *size,
                                    struct errmsg *why);

/* -- scanning (log_scan.c)
 * -------------------------------------------------------------- */

/* Walk batches of a file. */
struct scan {
    const struct fs *fs;
    int fd;
    uint32_t position; /* of the next batch */
    uint32_t end;      /* do not look beyond */
    bool whole;        /* give whole batches and check their CRC */
    size_t window;     /* bytes read at once */
    uint8_t *buffer;   /* owned */
    size_t size;       /* bytes allocated */
    uint32_t at;       /* file position of buffer[0] */
    size_t len;        /* bytes in the buffer */
};

/* Walk over the batches in [from, end) of `fd`, which stays the caller's;
 * `whole` asks for their records too. */
void scan_init(struct scan *scan, const struct fs *fs, int fd, uint32_t from,
               uint32_t end, bool whole);
void scan_fini(struct scan *scan);

/* The next batch; `position` moves behind it. Its bytes are whole when `whole`
 * was asked for, or for control batches; else they may be cut after the header.
 *
 * ERR_ABSENT   the end
 * ERR_SHORT, ERR_FORMAT, ERR_VERSION, ERR_CORRUPT  no valid batch begins here
 * ERR_IO, ERR_NOMEM */
MUST_USE enum err scan_next(struct scan *scan, struct batch *batch);

/* Whether the error says that the bytes are bad, not the disk. */
static inline bool scan_is_damage(enum err err)
{
    return err == ERR_SHORT || err == ERR_FORMAT || err == ERR_VERSION ||
           err == ERR_CORRUPT || err == ERR_RECORD || err == ERR_RANGE;
}

/* -- producer state (log_producers.c)
 * ----------------------------------------------------- */

/* Recompute log->unstable. Under `lock`. */
void log_unstable_update(struct log *log);

/* Write a snapshot at `offset` unless there is one as late. Under `writer`. */
MUST_USE enum err log_snapshot_take(struct log *log, int64_t offset,
                                    struct errmsg *why);

/* Delete snapshot files beyond `above` (exclusive) and not above `below`. */
MUST_USE enum err log_snapshots_cut(struct log *log, int64_t below,
                                    int64_t above, struct errmsg *why);

/* Load the latest good snapshot that is not above `end`; damaged ones are
 * deleted. `*from`: where to go on from. */
MUST_USE enum err log_snapshot_load(struct log *log, int64_t end,
                                    int64_t now_ms, int64_t *from,
                                    struct errmsg *why);

/* Read batches of [from, to) again into the producer state. */
MUST_USE enum err log_producers_replay(struct log *log, int64_t from,
                                       int64_t to, struct errmsg *why);

/* Apply one batch; `write_txn`: aborted ones go to the active .txnindex. */
MUST_USE enum err log_producers_apply(struct log *log,
                                      const struct batch *batch, bool write_txn,
                                      struct errmsg *why);

/* A snapshot of the producer state for `offset` is on disk now, or no more. */
void log_snapshot_note(struct log *log, int64_t offset);
void log_snapshot_forget(struct log *log, int64_t offset);

/* -- small files (log_small.c)
 * -------------------------------------------------------------- */

/* Write partition.metadata and leader-epoch-checkpoint where they differ. */
MUST_USE enum err log_small_write(struct log *log, bool sync,
                                  struct errmsg *why);

/* Read both. ERR_FORMAT when one is malformed. */
MUST_USE enum err log_small_read(struct log *log, bool has_epochs,
                                 bool has_metadata, struct errmsg *why);

/* -- life
 * ------------------------------------------------------------------------------------
 */

/* A file of a segment that the listing showed (log_listing.c). */
struct found {
    int64_t base;
    unsigned kinds; /* bit (1 << enum seg_kind) */
    bool snapshot;
};

struct listing {
    struct found *items; /* owned; by base */
    size_t n;
    size_t size;
    bool has_epochs;   /* leader-epoch-checkpoint */
    bool has_metadata; /* partition.metadata */
    bool has_swap;     /* *.swap or *.cleaned: see log_swap.c */
};

/* List the log's directory; *.deleted and *.tmp go at once. ERR_ABSENT. */
MUST_USE enum err listing_read(struct log *log, struct listing *listing,
                               struct errmsg *why);
void listing_fini(struct listing *listing);

/* Finish or undo what a compaction or a split was at when the process died. */
MUST_USE enum err log_swap_finish(struct log *log, struct errmsg *why);

/* Load what the listing showed (log_load.c). `point`: what the checkpoints say
 * of the log. */
MUST_USE enum err log_load(struct log *log, const struct listing *listing,
                           const struct dir_point *point, int64_t now_ms,
                           struct errmsg *why);

/* Recover `segments` from the recovery point on (log_recover.c). Those before
 * it are in the log already. */
MUST_USE enum err log_recover(struct log *log, const struct segment *segments,
                              size_t n, int64_t recovery_point, int64_t now_ms,
                              struct errmsg *why);

/* Start a segment at `base`, which becomes the active one (log_roll.c). Under
 * `writer`. */
MUST_USE enum err log_roll_to(struct log *log, int64_t base, int64_t now_ms,
                              struct errmsg *why);

/* End the active segment and begin one at `base`; nothing when it begins there
 * already. Under `writer`. */
MUST_USE enum err log_roll_over(struct log *log, int64_t base, int64_t now_ms,
                                struct errmsg *why);

/* The active segment takes no more: its indexes are completed and written. */
MUST_USE enum err log_roll_end(struct log *log, struct errmsg *why);

/* Set what is remembered of the active segment after loading or cutting. */
void log_active_reset(struct log *log, int64_t now_ms);

/* Free the struct; nothing is written. */
void log_free(struct log *log);

#endif
