/* produce.h - a Produce request on its way (private to api_produce*.c).
 *
 *     decode ─▶ find ─▶ check ─▶ append ─▶ (wait for the ISR) ─▶ answer
 *                          │
 *                          └─ in the pool when something has to be inflated,
 *                             converted, or is large while the disk is slow
 *
 * Each partition goes its own way to a result; the request goes on when all
 * have one. A batch stays in the frame it came in until it is in the log.
 */
#ifndef GREGOR_API_PRODUCE_H
#define GREGOR_API_PRODUCE_H

#include "api/leader_hint.h"
#include "partition/replicas.h"
#include "wire/msg_produce.h"

struct produce_part {
    struct append append;
    struct partition *partition; /* a reference; NULL: only `error` */
    struct validate_rules rules;
    struct park_wait wait;
    struct wr rewritten; /* the batch, when it was made anew */
    uint8_t *at;         /* in the frame */
    size_t size;
    int32_t index;
    int16_t error;
    bool appended;                  /* something is in the log */
    int64_t base_offset;            /* -1 none */
    int64_t append_time;            /* -1 none */
    int64_t log_start;              /* -1 not told */
    struct bytes message;           /* null: none */
    struct validate_error *refused; /* single records, in the arena */
    size_t n_refused;
};

struct produce_topic {
    struct bytes name; /* in the frame; in the arena once parked */
    struct produce_part *parts;
    size_t n_parts;
};

struct produce {
    struct request *request;
    struct job job; /* in the pool */
    int16_t acks;
    int32_t timeout_ms;
    bool has_txn_id;
    bool on_pool; /* now on a pool thread */
    struct produce_topic *topics;
    size_t n_topics;
    struct produce_part *parts; /* of all topics, in a row */
    size_t n_parts;
    _Atomic size_t left; /* appends not done yet, and one */
    void (*on_appended)(struct request *request); /* when none is left */
    struct park park;
    struct loop_timer timer;
};

/* Find, check and append one partition's records; `left` counts the append when
 * another thread finishes it. */
void produce_part_run(struct produce *produce, struct produce_part *part,
                      struct validator *validator);

/* Reply, or not (acks=0); the request is gone afterwards. */
void produce_answer(struct produce *produce);

#endif
