/* clock.h - time, as a table that tests can replace.
 *
 * What decides takes the time as an argument. What needs to read it often is
 * given a `struct clock`; the real one is clock_real(), the stepped one of the
 * tests lives in tests/.
 */
#ifndef GREGOR_BASE_CLOCK_H
#define GREGOR_BASE_CLOCK_H

#include <stdint.h>

struct clock {
    int64_t (*mono_us)(const struct clock *clock); /* monotonic, microseconds */
    int64_t (*wall_ms)(
        const struct clock *clock); /* since 1970, milliseconds */
};

/* The machine's clock; static storage. */
const struct clock *clock_real(void);

/* Monotonic microseconds of the machine (CLOCK_MONOTONIC). */
int64_t clock_mono_us(void);

/* Wall-clock milliseconds since 1970 of the machine. */
int64_t clock_wall_ms(void);

#endif
