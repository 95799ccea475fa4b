/* loop.h - one thread's rhythm: events, timers, jobs from others, end of turn.
 *
 * libevent is wrapped here once. A loop belongs to the thread that runs it; the
 * only calls other threads may make are loop_post() and loop_stop().
 *
 * One turn: wait for descriptors, timers and the mailbox · run their callbacks
 * · run the turn hooks (flush gathered replies, release what died). A callback
 * must not block; a long piece of work goes to a pool (pool.h).
 *
 * Everything asynchronous is a struct inside the caller's object, lent from
 * start to callback; a callback never comes before the call that asked for it
 * has returned.
 */
#ifndef GREGOR_LOOP_LOOP_H
#define GREGOR_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

struct loop;
struct event; /* libevent's; only loop_io.c looks inside */

/* A new loop, not running. ERR_NOMEM, ERR_IO (no descriptor left). */
MUST_USE enum err loop_new(struct loop **loop, const char *name,
                           struct errmsg *why);

/* Free a loop that does not run; all its io and timers must be stopped. */
void loop_free(struct loop **loop);

/* Run until loop_stop(). The calling thread becomes the owner. */
void loop_run(struct loop *loop);

/* Make loop_run() return after the current turn; any thread. Jobs posted
 * before are run first, and those that these post. When nothing runs, the next
 * loop_run() returns after one turn. */
void loop_stop(struct loop *loop);

/* One turn that waits at most `wait_us` for something to happen (below 0: for
 * ever), on the calling thread, which owns the loop meanwhile. For tests, and
 * for start and stop sequences that have no thread of their own. */
void loop_turn(struct loop *loop, int64_t wait_us);

/* A thread with the loop's name that runs it. ERR_IO: no thread to be had. */
MUST_USE enum err loop_start(struct loop *loop, struct errmsg *why);

/* Wait until the thread of loop_start() has ended (after loop_stop()). */
void loop_join(struct loop *loop);

/* True on the owner's thread (or before anyone runs it). */
bool loop_is_mine(const struct loop *loop);

/* Monotonic microseconds, read once a turn (each time while nothing runs). */
int64_t loop_now_us(const struct loop *loop);

/* -- descriptors ---------------------------------------------------------- */

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

#define LOOP_UNHURRIED_US (10 * 1000) /* loop_io_set_unhurried() */

struct loop_io;
typedef void loop_io_fn(struct loop_io *io, unsigned ready);

struct loop_io {
    struct loop *loop;
    struct event *event;  /* level-triggered; NULL while nothing is wanted */
    loop_io_fn *on_ready; /* called with those of `want` that are ready; errors
                             and hang-ups show as all of `want`; may fini and
                             free the object around it */
    int fd;               /* -1: none; not owned */
    unsigned want;        /* bits asked for last */
    bool unhurried;       /* as was said last */
    bool in_set;          /* of the unhurried; no event then */
    struct list shown_link; /* of those that a look into the set has shown */
};

/* Tie a descriptor to a loop; nothing is wanted yet. */
void loop_io_init(struct loop_io *io, struct loop *loop, int fd,
                  loop_io_fn *on_ready);

/* Say what to wait for (bits, 0 for nothing). Cheap when nothing changes; a
 * change costs one system call. Readiness that was seen but not told yet may be
 * told in a later turn then. */
void loop_io_want(struct loop_io *io, unsigned want);

/* Whether that it can be read, while nothing else is wanted, may be told up to
 * LOOP_UNHURRIED_US late: those of which it is true are told of together where
 * they are many, so the loop wakes seldom for them (unhurried.c). They are
 * told once of each arrival: say it only of one that was read until there was
 * nothing left, and take it back when on_ready leaves something. False to begin
 * with, and after loop_io_fini(). Owner thread only. Cheap when nothing
 * changes; a change costs two system calls. */
void loop_io_set_unhurried(struct loop_io *io, bool unhurried);

/* Stop waiting and forget the descriptor (does not close it). Also right after
 * the descriptor was closed and its number reused, as long as the new one was
 * not given to this loop yet. */
void loop_io_fini(struct loop_io *io);

/* -- timers --------------------------------------------------------------- */

struct loop_timer;
typedef void loop_timer_fn(struct loop_timer *timer);

/* Deadlines are kept in a timing wheel of 1 ms slots (wheel.h): setting and
 * stopping cost nothing to speak of, so each parked request may have one. A
 * timer fires at most 1 ms late (plus the turn), never early; both counted from
 * loop_now_us(). on_due may set it again, or free the object around it. */
struct loop_timer {
    struct list link; /* in a wheel slot, or alone */
    struct loop *loop;
    loop_timer_fn *on_due;
    int64_t due_us; /* monotonic */
};

/* A timer that does not run. `on_due` is called on the loop's thread when it is
 * due; it may set the timer again, or free it. The loop is borrowed. */
void loop_timer_init(struct loop_timer *timer, struct loop *loop,
                     loop_timer_fn *on_due);

/* (Re)start it; a delay of 0 or less means the next turn. */
void loop_timer_set(struct loop_timer *timer, int64_t delay_us);

/* Stop it; no harm when it does not run. */
void loop_timer_stop(struct loop_timer *timer);

/* Does it run? False already while on_due is called. */
static inline bool loop_timer_is_set(const struct loop_timer *timer)
{
    return !list_is_empty(&timer->link);
}

/* -- jobs from anywhere --------------------------------------------------- */

struct job;
typedef void job_fn(struct job *job);

/* A piece of work lent to a loop or a pool until `run` is called, once. The
 * callee may free the object around it. */
struct job {
    struct job *next; /* in a mailbox; NULL when idle */
    job_fn *run;
};

/* Run `job` on the loop's thread, in order of posting; any thread, never
 * blocks, wakes the loop at most once a batch and only when it sleeps. Must not
 * be posted again before it ran. */
void loop_post(struct loop *loop, struct job *job);

/* -- end of turn ---------------------------------------------------------- */

/* Called once at the end of each turn, in order of adding; stays until removed
 * (a hook may remove any). Owner thread only. */
struct loop_hook {
    struct list link;
    void (*on_turn)(struct loop_hook *hook);
};

/* Add a hook whose on_turn is set, and which is in no loop; the struct stays
 * the caller's, and where it is. */
void loop_hook_add(struct loop *loop, struct loop_hook *hook);
/* No harm when it was removed before. */
void loop_hook_remove(struct loop_hook *hook);

#endif
