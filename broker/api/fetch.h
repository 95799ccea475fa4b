/* fetch.h - a Fetch request on its way (private to api_fetch*.c).
 *
 *     open ─▶ read ──enough──▶ (convert) ─▶ answer
 *              │ ▲                ▲
 *              │ └─ pool, when a file must be read first
 *              └─not enough─▶ parked ─woken or due─▶ read again
 *
 * Reading makes plans (file, position, length), never bytes. The steps run on
 * the request's reactor; those that may block run once more in the pool, while
 * nobody else touches the struct.
 */
#ifndef GREGOR_API_FETCH_H
#define GREGOR_API_FETCH_H

#include "api/fetch_session.h"
#include "api/leader_hint.h"
#include "partition/replicas.h"

/* What one partition has to say. */
struct fetch_item {
    const struct fetch_want *want;
    struct partition *partition; /* a reference; NULL: only `error` */
    struct park_wait wait;
    int16_t error;
    bool unknown; /* to the cluster: no reason to answer at
                     once while others wait, as in Kafka */
    bool diverging;
    int32_t diverging_epoch;
    int64_t diverging_end;
    int64_t high_watermark; /* -1 unknown; also below */
    int64_t last_stable;
    int64_t log_start;
    int64_t bound;               /* where this fetch must stop reading */
    struct log_plan plan;        /* file NULL: no records */
    struct log_aborted *aborted; /* read committed */
    size_t n_aborted;
    uint8_t *converted; /* owned; records for old clients */
    size_t converted_len;
};

struct fetch {
    struct request *request;
    struct replicas *replicas;
    struct fetch_context context;
    struct fetch_item *items; /* one for each of context.wants */
    size_t n_items;
    size_t n_known; /* of items the cluster knows */
    struct park park;
    struct loop_timer timer; /* max_wait */
    struct job job;          /* in the pool */

    int32_t replica; /* -1: a consumer */
    int64_t replica_epoch;
    int32_t max_wait_ms;
    int64_t min_bytes;
    int64_t max_bytes;
    bool committed;  /* isolation level READ_COMMITTED */
    bool hard_limit; /* v0-v2: not even one batch above it */
    bool leader_only;
    bool again;    /* woken: followers' progress is noted
                      already, and whatever is there is sent */
    bool blocking; /* in the pool: may read files */
    bool parked;

    int64_t bytes; /* of all plans */
    bool failed;   /* some item has an error */
    bool diverged;
    bool must_block; /* a file has to be read: off to the pool */
};

static inline bool fetch_is_follower(const struct fetch *f)
{
    return f->replica >= 0;
}

/* Plan a read of every item, within the limits; fills all results. Sets
 * must_block, and leaves what was planned, when it may not go on here. */
void fetch_read_all(struct fetch *fetch);

/* Give back all plans and what reading allocated. */
void fetch_drop_plans(struct fetch *fetch);

/* Give back everything the request holds outside of its arena. */
void fetch_release(struct fetch *fetch);

/* Turn the plans into old message sets (v0-v3). May block. */
void fetch_convert(struct fetch *fetch);

/* Reply; the request is gone afterwards. */
void fetch_answer(struct fetch *fetch);

#endif
