/* wheel.h - timers sorted by when they are due, in steps of one millisecond.
 *
 * A wheel of 256 slots holds what is due within the next 256 ticks; three
 * coarser ones of 64 slots (256 ms, 16 s, 17 min a slot) hold the rest, which
 * falls down a wheel when its time comes near ("cascade"). Putting and taking
 * out is a list operation; finding the next tick looks at one bit a slot.
 *
 *     near [256]   far[0] [64]    far[1] [64]    far[2] [64]
 *     1 tick       2^8 ticks      2^14 ticks     2^20 ticks      a slot
 *
 * Nothing here reads a clock: the caller says how late it is. A tick is a
 * millisecond of the monotonic clock, rounded up for what is due, down for what
 * has passed: so nothing is ever early.
 *
 * Threads: one at a time.
 */
#ifndef GREGOR_LOOP_WHEEL_H
#define GREGOR_LOOP_WHEEL_H

#include <stdint.h>

#include "base/list.h"

enum {
    WHEEL_NEAR_BITS = 8,
    WHEEL_NEAR = 1 << WHEEL_NEAR_BITS,
    WHEEL_FAR_BITS = 6,
    WHEEL_FAR = 1 << WHEEL_FAR_BITS,
    WHEEL_FARS = 3,
};

struct wheel {
    int64_t tick;        /* all up to here was handed out */
    struct list overdue; /* put when it was due already */
    struct list near[WHEEL_NEAR];
    struct list far[WHEEL_FARS][WHEEL_FAR];
    uint64_t near_bits[WHEEL_NEAR / 64]; /* 0: the slot is empty */
    uint64_t far_bits[WHEEL_FARS];
};

struct loop_timer;

/* An empty wheel at monotonic time `now_us`. */
void wheel_init(struct wheel *wheel, int64_t now_us);

/* Put a timer that is in no list at its due_us. Taking out is
 * list_remove(&timer->link), at any time. */
void wheel_put(struct wheel *wheel, struct loop_timer *timer);

/* Move all that is due at `now_us` to the end of `due`, earliest tick first. */
void wheel_take_due(struct wheel *wheel, int64_t now_us, struct list *due);

/* Monotonic microseconds before which nothing is due (a coarse slot may give an
 * earlier time than its timers'); INT64_MAX when the wheel is empty. */
int64_t wheel_next_us(struct wheel *wheel);

#endif
