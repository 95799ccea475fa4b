/* budget.h - a bound on the bytes that all unfinished and unanswered frames
 * hold together.
 *
 * Counted is what has been received, not what was announced. Two accounts:
 * frames of at most 16 KiB (which free memory when they are served: fetches of
 * followers, control requests, acknowledgements) have one of their own.
 *
 * At the bound a connection stops reading; whoever brings an account below its
 * bound again says so, and the reactors let those that wait go on. Reading may
 * overshoot by one recv for each reactor. When no request is being served, so
 * that all is held by unfinished frames, each reactor lets one of them go on in
 * spite of the bound: else they would wait for each other.
 *
 * Threads: any.
 */
#ifndef GREGOR_NET_BUDGET_H
#define GREGOR_NET_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

enum { BUDGET_SMALL_FRAME = 16 * 1024 };

enum budget_kind { BUDGET_SMALL, BUDGET_LARGE };

struct budget {
    _Atomic size_t used[2];    /* bytes, by kind */
    _Atomic size_t serving[2]; /* requests that hold some of them */
    size_t most[2];
};

static inline void budget_init(struct budget *budget, size_t most)
{
    *budget = (struct budget){ .most = { most / 8 + 1, most } };
}

static inline enum budget_kind budget_kind_of(size_t frame_len)
{
    return frame_len <= BUDGET_SMALL_FRAME ? BUDGET_SMALL : BUDGET_LARGE;
}

static inline bool budget_has_room(const struct budget *budget,
                                   enum budget_kind kind)
{
    return budget->used[kind] < budget->most[kind];
}

static inline void budget_take(struct budget *budget, enum budget_kind kind,
                               size_t n)
{
    atomic_fetch_add(&budget->used[kind], n);
}

/* True when whoever waits may look again. */
static inline bool budget_give(struct budget *budget, enum budget_kind kind,
                               size_t n)
{
    size_t before = atomic_fetch_sub(&budget->used[kind], n);

    return before >= budget->most[kind];
}

#endif
