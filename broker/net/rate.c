/* rate.c - events in windows of time. */
#include "net/rate.h"

#include "base/mem.h"

void rate_fini(struct rate *rate)
{
    mem_free(rate->windows);
}

static void window_begin(struct rate_window *window, int64_t now_ms)
{
    *window = (struct rate_window){ .begin_ms = now_ms };
}

static void rate_advance(struct rate *rate, const struct rate_limit *limit,
                         int64_t now_ms)
{
    if (rate->n > 0)
        rate->current = (rate->current + 1) % (size_t)limit->windows;
    if (rate->current >= rate->n) {
        rate->n = rate->current + 1;
        rate->windows =
            mem_need_more(rate->windows, rate->n, sizeof *rate->windows);
    }
    window_begin(&rate->windows[rate->current], now_ms);
}

/* A window that lies behind all that is looked at counts as one that begins. */
static void rate_forget(struct rate *rate, const struct rate_limit *limit,
                        int64_t now_ms)
{
    for (size_t i = 0; i < rate->n; i++)
        if ((now_ms - rate->windows[i].begin_ms) / limit->window_ms >=
            limit->windows)
            window_begin(&rate->windows[i], now_ms);
}

static double elapsed_ms(const struct rate *rate,
                         const struct rate_limit *limit, int64_t now_ms)
{
    int64_t oldest = now_ms;
    int64_t elapsed;
    int64_t missing;

    for (size_t i = 0; i < rate->n; i++)
        if (rate->windows[i].begin_ms < oldest)
            oldest = rate->windows[i].begin_ms;
    elapsed = now_ms - oldest;
    missing = limit->windows - 1 - elapsed / limit->window_ms;
    if (missing > 0)
        return (double)elapsed + (double)missing * (double)limit->window_ms;
    return elapsed > 0 ? (double)elapsed : 1;
}

int64_t rate_count(struct rate *rate, const struct rate_limit *limit,
                   int64_t now_ms)
{
    double events = 0;
    double wait_ms;

    if (rate->n == 0 ||
        now_ms - rate->windows[rate->current].begin_ms >= limit->window_ms)
        rate_advance(rate, limit, now_ms);
    rate->windows[rate->current].events++;
    rate_forget(rate, limit, now_ms);
    for (size_t i = 0; i < rate->n; i++)
        events += (double)rate->windows[i].events;
    if (limit->most <= 0)
        return limit->window_ms;
    wait_ms = events * 1000 / limit->most - elapsed_ms(rate, limit, now_ms);
    if (wait_ms >= (double)limit->window_ms)
        return limit->window_ms;
    return wait_ms > 0 ? (int64_t)(wait_ms + 0.5) : 0;
}
