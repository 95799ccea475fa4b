/* rate.h - how often a second something happened lately, and how long to wait
 * when that is too often.
 *
 * Counted as Kafka counts for its quotas: in a few windows of time that are
 * used in turn. A rate is what all of them counted, over the time since the
 * oldest began, and over all but one whole window at least: so one burst after
 * a long silence may fill the budget of all windows.
 *
 *     begin ...       now
 *     |  7  |  0  |  2 ┆   3 windows of 1 s: 9 events in 2.4 s
 *
 * A window begins with the first event after the one before it is over.
 *
 * Threads: one at a time.
 */
#ifndef GREGOR_NET_RATE_H
#define GREGOR_NET_RATE_H

#include <stddef.h>
#include <stdint.h>

struct rate_limit {
    int32_t most;      /* events a second; 0: one in each `window_ms` */
    int32_t windows;   /* counted over; 1 or more */
    int64_t window_ms; /* length of one; also the longest wait */
};

struct rate {
    struct rate_window {
        int64_t begin_ms;
        int64_t events;
    } * windows; /* NULL: nothing happened yet */
    size_t n;
    size_t current;
};

/* All zero is a rate at which nothing happened. */
void rate_fini(struct rate *rate);

/* One more happened now (monotonic). How many ms until the rate is at the limit
 * again if nothing else happens; 0: it is not above. */
int64_t rate_count(struct rate *rate, const struct rate_limit *limit,
                   int64_t now_ms);

#endif
