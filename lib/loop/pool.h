/* pool.h - threads for what may block: disk, names, inflating, closing.
 *
 * A pool runs jobs (loop.h) first in, first out, on `threads` threads. A lane
 * is a line of jobs in front of a pool that run one after another, in order,
 * but never two at once: control requests share one, a keeper's log another.
 *
 * The result goes back by loop_post() of another job (or the same struct) to
 * the loop that owns the object; nothing of the object is touched by both.
 *
 * Threads: pool_submit() and lane_submit() from any thread; they never block.
 */
#ifndef GREGOR_LOOP_POOL_H
#define GREGOR_LOOP_POOL_H

#include "base/lock.h"
#include "loop/loop.h"

struct pool;

/* Start `threads` (at least 1) threads named "<name>-<n>". */
MUST_USE enum err pool_new(struct pool **pool, const char *name,
                           unsigned threads, struct errmsg *why);

/* Run what was submitted, then end the threads and free all. Whoever submitted
 * a job that ran may still be about to return. */
void pool_free(struct pool **pool);

/* Run `job` on one of the threads. */
void pool_submit(struct pool *pool, struct job *job);

/* Jobs waiting or running now (a moment's figure, for limits and metrics). */
size_t pool_backlog(const struct pool *pool);

struct lane {
    struct lock lock;
    struct pool *pool;
    struct job *first; /* waiting, oldest first */
    struct job *last;
    struct job job; /* what the pool runs: the next of the line */
    bool running;
};

/* An empty lane before `pool`, which is borrowed and must outlive it. */
void lane_init(struct lane *lane, struct pool *pool);
/* All jobs of the lane must have run (to the point where they said so). */
void lane_fini(struct lane *lane);

/* Run `job` on the pool after all that was submitted to this lane before. */
void lane_submit(struct lane *lane, struct job *job);

#endif
