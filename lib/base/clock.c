/* clock.c - the machine's clock. */
#include "base/clock.h"

#include <time.h>

int64_t clock_mono_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

int64_t clock_wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t real_mono_us(const struct clock *clock)
{
    (void)clock;
    return clock_mono_us();
}

static int64_t real_wall_ms(const struct clock *clock)
{
    (void)clock;
    return clock_wall_ms();
}

const struct clock *clock_real(void)
{
    static const struct clock real = { real_mono_us, real_wall_ms };

    return &real;
}
