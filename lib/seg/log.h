/* log.h - the log of one partition.
 *
 *     segment 0      segment 1               active segment
 *     |b|b|b|b|b|b|  |b|b|b|b|b|b|b|b|b|b|   |b|b|b|b|b|b|b|
 *          ▲log start                  ▲LSO      ▲HW         ▲LEO
 *
 * A log is a row of segments, each a file of record batches with an offset
 * index, a time index, and when needed an index of aborted transactions; beside
 * them lie snapshots of the producer state and the leader epochs. Files and
 * rules are Apache Kafka's byte for byte, so that each can start on what the
 * other left.
 *
 * Appending gives out offsets; reading gives plans (file, position, length),
 * never bytes. What was appended is readable up to the log end offset (LEO) at
 * once; how far a client may read (high watermark, last stable offset) is kept
 * here but decided by the partition.
 *
 * Nothing of a log lies on disk but its directory until something is appended:
 * files are made with the first batch.
 *
 * Threads: log_append(), log_truncate(), log_reset(), log_roll() exclude each
 * other by a lock that is held while they write; the partition's append lane
 * sees to it that nobody waits there. Everything else may be called from any
 * thread meanwhile: facts that change lie under a short lock or are atomic.
 * "Blocks" below means: may wait for the disk.
 */
#ifndef GREGOR_SEG_LOG_H
#define GREGOR_SEG_LOG_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "seg/batch.h"
#include "seg/log_config.h"
#include "seg/log_dir.h"
#include "seg/seg_file.h"

struct log;

#define LOG_NO_TIMESTAMP INT64_C(-1)
#define LOG_NO_OFFSET INT64_C(-1)

/* -- life
 * ---------------------------------------------------------------------- */

enum log_open_mode {
    LOG_OPEN_EXISTING, /* ERR_ABSENT when the directory is not there */
    LOG_OPEN_CREATE,   /* made when it is not there (one mkdir, no fsync) */
};

/* Open a log: load it, or recover it when its directory was not cleanly shut
 * down. Blocks.
 *
 * topic   copied.
 * config  copied.
 *
 * ERR_CORRUPT  what cannot be rebuilt is damaged; `why` names file, position,
 *              remedy
 * ERR_ABSENT, ERR_IO, ERR_SPACE, ERR_NOMEM, ERR_DENIED
 * A failing disk takes the directory offline. */
MUST_USE enum err log_open(struct log **log, struct log_dir *dir,
                           struct bytes topic, int32_t partition,
                           enum log_open_mode mode,
                           const struct log_config *config, int64_t now_ms,
                           struct errmsg *why);

/* As log_open() for a directory of any name (a `-future` one). */
MUST_USE enum err log_open_named(struct log **log, struct log_dir *dir,
                                 const char *name, struct bytes topic,
                                 int32_t partition, enum log_open_mode mode,
                                 const struct log_config *config,
                                 int64_t now_ms, struct errmsg *why);

/* Flush, write the producer snapshot, epochs and index tails, and free the log;
 * `*log` is NULL in any case. An error (nothing acknowledged is lost by it, the
 * next start recovers) keeps the directory from being marked clean. Blocks.
 * Reading plans stay good. */
MUST_USE enum err log_close(struct log **log, struct errmsg *why);

/* Free without writing anything: after a failed disk. */
void log_abandon(struct log **log);

/* Rename the directory to `<topic>-<p>.<hex>-delete`, queue it for removal
 * after file.delete.delay.ms and free the log; `*log` is NULL in any case.
 * Later calls of other threads must have ended. Blocks. */
MUST_USE enum err log_delete(struct log **log, int64_t now_ms,
                             struct errmsg *why);

/* Rename the directory (a future log takes its place). `name` is copied. */
MUST_USE enum err log_rename(struct log *log, const char *name,
                             struct errmsg *why);

/* Whose log this is, and in which entry of log.dirs it lies: never changes,
 * lives as long as the log. */
struct bytes log_topic(const struct log *log);
int32_t log_partition(const struct log *log);
struct log_dir *log_dir_of(const struct log *log);

/* A copy of the settings; setting them takes effect with the next append, and
 * waits for one that is being written. */
void log_config_get(struct log *log, struct log_config *config);
void log_config_set(struct log *log, const struct log_config *config);

/* The topic id of partition.metadata; zero when there is none yet. */
struct uuid log_topic_id(struct log *log);

/* Remember the topic id; it is written before the first append and with the
 * next flush at latest. ERR_CONFLICT when another one is there. */
MUST_USE enum err log_topic_id_set(struct log *log, struct uuid id,
                                   struct errmsg *why);

/* -- where things are
 * ------------------------------------------------------------ */

/* One moment's value of each, without a lock; asked one after another they need
 * not fit together while somebody appends or cuts. The log start is the first
 * offset that may be read. */
int64_t log_start_offset(const struct log *log);
int64_t
log_end_offset(const struct log *log); /* LEO: that of the next record */
int64_t log_high_watermark(const struct log *log);

/* Set the high watermark; it is cut to [log start, LEO]. Gives what it became.
 */
int64_t log_high_watermark_set(struct log *log, int64_t offset);

/* The first offset that READ_COMMITTED must not see by transactions alone;
 * LOG_NO_OFFSET when none. */
int64_t log_first_unstable(const struct log *log);

/* min(high watermark, first unstable offset): where READ_COMMITTED ends. */
int64_t log_last_stable(const struct log *log);

/* First offset not known to be flushed. */
int64_t log_recovery_point(const struct log *log);

/* Bytes of all segments; for DescribeLogDirs and retention. */
int64_t log_size(struct log *log);

/* Bytes from the batch that holds `from` up to `to` (both within the log; LEO
 * is fine), for fetch.min.bytes. Never reads a file: an estimate from the
 * indexes in memory that is exact for what was appended lately, and at least 1
 * when from < to. */
int64_t log_bytes_between(struct log *log, int64_t from, int64_t to);

/* -- append
 * -------------------------------------------------------------------- */

enum log_origin {
    LOG_CLIENT,      /* sequence, epoch and transaction rules checked */
    LOG_COORDINATOR, /* markers, group and transaction records: epoch only */
    LOG_REPLICA,     /* batches as the leader has them; offsets are kept */
};

/* One set of batches to append. */
struct log_append {
    /* In */
    uint8_t *at;            /* whole magic 2 batches, validated; offsets and
                               leader epoch are written over in place unless
                               the origin is LOG_REPLICA (which may also hold
                               magic 0 and 1). Borrowed for the call */
    size_t size;            /* bytes */
    enum log_origin origin; /* CLIENT and COORDINATOR: exactly one batch */
    int32_t leader_epoch;   /* >= 0, for CLIENT and COORDINATOR */
    /* Out */
    enum err err;         /* see below */
    int64_t first_offset; /* of the set; of the old one when ERR_DUPLICATE */
    int64_t last_offset;  /* same */
    int64_t timestamp;    /* largest timestamp of the set; that of the old
                             batch when ERR_DUPLICATE; ms, -1 none */
};

/* What an appender wants to know after a group. */
struct log_appended {
    int64_t end_offset; /* LEO now */
    bool flush_due;     /* flush.messages reached: call log_flush() before
                           acknowledging */
    bool rolled;        /* a segment was ended: have log_flush_rolled() run in
                           the pool, some time */
};

/* Append `n` sets in order, with one write where possible. Each set succeeds or
 * fails by itself (`err`):
 *
 *     ERR_OK         appended; visible below the LEO
 *     ERR_DUPLICATE  it was appended before: success with the old offsets
 *     ERR_SEQUENCE   OUT_OF_ORDER_SEQUENCE_NUMBER
 *     ERR_FENCED     INVALID_PRODUCER_EPOCH
 *     ERR_CONFLICT   TRANSACTION_COORDINATOR_FENCED
 *     ERR_TXN_STATE  INVALID_TXN_STATE
 *     ERR_TOO_LARGE  RECORD_LIST_TOO_LARGE: above segment.bytes
 *     ERR_RANGE      LOG_REPLICA: offsets do not rise, or begin below the LEO
 *     ERR_FORMAT     not whole batches, or not one where one is due
 *     ERR_SPACE      no space: nothing of it is in the log; the log lives
 *     ERR_IO         the disk failed; the directory is offline, reads may work
 *     ERR_CLOSED, ERR_NOMEM
 *
 * The result says ERR_OK when no set met a disk failure. Blocks as long as the
 * page cache does. `done` may be NULL. */
MUST_USE enum err log_append(struct log *log, struct log_append *const *sets,
                             size_t n, int64_t now_ms,
                             struct log_appended *done, struct errmsg *why);

/* Whether a transaction of this producer is open here: when not, its first
 * transactional append wants verification by the coordinator (KIP-890). */
bool log_txn_is_open(struct log *log, int64_t producer_id);

/* Start a new segment now, unless the active one is empty. Blocks. */
MUST_USE enum err log_roll(struct log *log, int64_t now_ms, struct errmsg *why);

/* -- read
 * ---------------------------------------------------------------------- */

enum log_read_flags {
    LOG_READ_ONE = 1,      /* at least one whole batch, however large */
    LOG_READ_NO_BLOCK = 2, /* ERR_AGAIN instead of reading a file (the end of
                              the log that was appended lately needs none) */
};

/* A plan: what to send. */
struct log_plan {
    struct seg_file *file; /* a reference, the caller's; NULL: nothing there */
    int64_t base;          /* of the segment that it lies in */
    int64_t position;      /* byte where the batch that holds `offset` begins */
    uint32_t length;       /* bytes; the last batch may be cut */
    bool incomplete;       /* max_bytes cuts the first batch; Fetch then sends
                              nothing, unless a hard limit is asked for */
    bool hot;              /* lies at the end of the log: in the page cache
                              unless memory was short */
};

/* Plan a read of batches from `offset` on, that end below `limit`.
 *
 * limit      exclusive: LEO, high watermark or last stable offset; larger than
 *            the LEO means the LEO.
 * max_bytes  at most that many, except LOG_READ_ONE.
 *
 * The first batch may begin below `offset` (the client skips). A plan lies in
 * one segment. An empty plan (file NULL, ERR_OK) says: nothing below the limit.
 *
 * ERR_RANGE  below the log start or above the LEO
 * ERR_AGAIN  LOG_READ_NO_BLOCK, and a file would have to be read
 * ERR_IO, ERR_NOMEM, ERR_CLOSED. Blocks on cold pages of indexes and headers.
 */
MUST_USE enum err log_read(struct log *log, int64_t offset, int64_t limit,
                           uint32_t max_bytes, unsigned flags,
                           struct log_plan *plan, struct errmsg *why);

/* Read the bytes of a plan into memory (down-conversion, group loading). Gives
 * the count read: less than planned when the log was truncated meanwhile. */
MUST_USE enum err log_plan_load(struct log *log, const struct log_plan *plan,
                                uint8_t *at, size_t *n, struct errmsg *why);

/* One aborted transaction, as Fetch tells it. */
struct log_aborted {
    int64_t producer_id;
    int64_t first_offset;
};

/* Aborted transactions that overlap [from, to), oldest first, in the arena.
 * Blocks when there are any aborted ones in these segments. */
MUST_USE enum err log_aborted_find(struct log *log, int64_t from, int64_t to,
                                   struct arena *arena,
                                   struct log_aborted **aborted, size_t *n,
                                   struct errmsg *why);

/* Aborted transactions that Fetch tells with a plan made for offset `from`:
 * those whose marker is not below it and that began before what the plan holds
 * ends. Where that is, the offset index says: it is as coarse as Kafka's.
 * `flags` as for the plan: with LOG_READ_NO_BLOCK ERR_AGAIN instead of waiting.
 */
MUST_USE enum err log_plan_aborted(struct log *log, const struct log_plan *plan,
                                   int64_t from, unsigned flags,
                                   struct arena *arena,
                                   struct log_aborted **aborted, size_t *n,
                                   struct errmsg *why);

/* An offset with its timestamp and leader epoch. */
struct log_offset {
    int64_t offset;       /* LOG_NO_OFFSET: none */
    int64_t timestamp;    /* ms; LOG_NO_TIMESTAMP: none */
    int32_t leader_epoch; /* -1: not known */
};

/* The first record whose timestamp is >= `timestamp`. Blocks. */
MUST_USE enum err log_offset_by_time(struct log *log, int64_t timestamp,
                                     struct log_offset *out,
                                     struct errmsg *why);

/* The record with the largest timestamp. Blocks. */
MUST_USE enum err log_offset_max_time(struct log *log, struct log_offset *out,
                                      struct errmsg *why);

/* -- leader epochs
 * --------------------------------------------------------------- */

/* We lead with this epoch, which begins at `start` (the LEO). Does nothing when
 * it is known already. */
void log_epoch_assign(struct log *log, int32_t epoch, int64_t start);

/* The latest epoch, -1 none. */
int32_t log_epoch_latest(struct log *log);

/* The epoch of the record at `offset`, -1 not known. */
int32_t log_epoch_at(struct log *log, int64_t offset);

/* OffsetForLeaderEpoch: the largest known epoch <= `epoch`, and where it ends.
 * Both -1 when nothing is known about it. */
void log_epoch_end(struct log *log, int32_t epoch, int32_t *found,
                   int64_t *end_offset);

/* -- cut
 * ------------------------------------------------------------------------ */

/* Cut everything from `offset` on, as a follower does; beyond the LEO nothing
 * happens. A batch that spans `offset` goes whole. `offset` below the first
 * segment is log_reset() at `offset`. Blocks. Afterwards the caller has
 * log_dir_write_recovery_points() run, as the one on disk may be too high. */
MUST_USE enum err log_truncate(struct log *log, int64_t offset, int64_t now_ms,
                               struct errmsg *why);

/* Drop everything and start anew at `offset`. Blocks. */
MUST_USE enum err log_reset(struct log *log, int64_t offset, int64_t now_ms,
                            struct errmsg *why);

/* DeleteRecords: move the log start to `offset`, which must not exceed the high
 * watermark (ERR_RANGE). Lower than the log start: nothing happens. The files
 * go with the next log_retain(). */
MUST_USE enum err log_start_raise(struct log *log, int64_t offset,
                                  struct errmsg *why);

/* -- retention
 * -------------------------------------------------------------------- */

/* What the choice needs to know of a segment. */
struct log_segment_fact {
    int64_t base;        /* first offset */
    int64_t next;        /* first offset of the following segment, or LEO */
    int64_t bytes;       /* of the .log file */
    int64_t largest_ms;  /* largest timestamp, or the file's mtime */
    int64_t modified_ms; /* the file's mtime; 0 when there is no file */
};

/* How many segments, oldest first, may go; decides only. `facts` are in order,
 * the last one is the active segment. */
size_t log_retention_choose(const struct log_segment_fact *facts, size_t n,
                            const struct log_config *config,
                            int64_t high_watermark, int64_t log_start,
                            int64_t now_ms);

/* Facts of all segments, in order, in the arena (ListOffsets 0, metrics).
 * Blocks. */
MUST_USE enum err log_segment_facts(struct log *log, struct arena *arena,
                                    struct log_segment_fact **facts, size_t *n,
                                    struct errmsg *why);

/* Do what retention asks for now; `*n` (may be NULL) counts segments removed.
 * Blocks. */
MUST_USE enum err log_retain(struct log *log, int64_t now_ms, size_t *n,
                             struct errmsg *why);

/* -- durability
 * -------------------------------------------------------------------- */

/* Make everything below the LEO survive a power cut, and move the recovery
 * point there. Batches appended meanwhile are not delayed. Blocks on fsync. */
MUST_USE enum err log_flush(struct log *log, int64_t now_ms,
                            struct errmsg *why);

/* Flush the segments that take no more appends: after a roll, in the pool.
 * Moves the recovery point to the base of the active one. Blocks on fsync. */
MUST_USE enum err log_flush_rolled(struct log *log, int64_t now_ms,
                                   struct errmsg *why);

/* When flush.ms wants the next flush; INT64_MAX: never, or nothing to flush. */
int64_t log_flush_due_ms(struct log *log);

/* -- producers
 * --------------------------------------------------------------------- */

/* A producer that is known here, as DescribeProducers tells it. */
struct log_producer {
    int64_t producer_id;
    int16_t epoch;
    int32_t last_sequence;     /* -1 none */
    int64_t last_timestamp;    /* ms */
    int32_t coordinator_epoch; /* -1 none */
    int64_t txn_first_offset;  /* of the open transaction, -1 none */
};

/* All known producers, in the arena, by producer id. */
MUST_USE enum err log_producers(struct log *log, struct arena *arena,
                                struct log_producer **producers, size_t *n);

/* Forget producers without an open transaction whose last timestamp is older
 * than producer.id.expiration.ms. Cheap when there are none. */
void log_producers_expire(struct log *log, int64_t now_ms);

#endif
