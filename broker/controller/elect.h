/* elect.h - who becomes leader: strategies as functions over the context.
 *
 * As Kafka 3.7 chooses (PartitionLeaderElectionAlgorithms). Every success
 * raises the leader epoch by one; that and the writing are the caller's.
 *
 * Threads: any that may read the context.
 */
#ifndef GREGOR_CTL_ELECT_H
#define GREGOR_CTL_ELECT_H

#include "controller/context.h"

enum elect_strategy {
    ELECT_OFFLINE,   /* first assigned replica that is online and in the ISR */
    ELECT_PREFERRED, /* head of the assignment, if online and in the ISR */
    ELECT_SHUTDOWN   /* as offline, away from brokers that shut down */
};

struct election {
    int32_t leader;
    const int32_t *isr; /* in the arena */
    size_t n_isr;
    int8_t recovery;           /* leader recovery state to write */
    const int32_t *recipients; /* of LeaderAndIsr; in the arena */
    size_t n_recipients;
};

/* True and `*out` when there is a leader to be had. `unclean`: with strategy
 * OFFLINE and no online replica in the ISR, take the first online one (and, if
 * `recovering`, mark it so). */
bool elect(const struct context *ctx, const struct ctx_partition *p,
           enum elect_strategy strategy, bool unclean, bool recovering,
           struct arena *arena, struct election *out);

/* The first election of a new partition: first online replica leads, all online
 * ones are in the ISR. False: none is online. */
bool elect_first(const struct context *ctx, const struct ctx_partition *p,
                 struct arena *arena, struct election *out);

/* True when an offline election of this partition depends on whether unclean
 * ones are allowed: no member of the ISR is online. */
bool elect_needs_unclean(const struct context *ctx,
                         const struct ctx_partition *p);

#endif
