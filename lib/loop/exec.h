/* exec.h - running things later, as a table of functions.
 *
 * What decides (controller, registration) posts jobs and sets timers through
 * this table, so that tests and the simulation choose the order and move the
 * time (tests/support/fake_exec.h). The meaning is that of loop.h.
 *
 * Threads: post from any; all else on the loop's thread.
 */
#ifndef GREGOR_LOOP_EXEC_H
#define GREGOR_LOOP_EXEC_H

#include "loop/loop.h"

struct exec {
    void (*post)(struct exec *exec, struct job *job);
    void (*timer_init)(struct exec *exec, struct loop_timer *timer,
                       loop_timer_fn *on_due);
    void (*timer_set)(struct exec *exec, struct loop_timer *timer,
                      int64_t delay_us);
    void (*timer_stop)(struct exec *exec, struct loop_timer *timer);
    int64_t (*now_us)(struct exec *exec);  /* monotonic */
    int64_t (*wall_ms)(struct exec *exec); /* since 1970 */
};

/* The real table: a loop, and the machine's clock (also within a turn). */
struct exec_loop {
    struct exec exec;
    struct loop *loop;
};

/* Fill the table for `loop`, which is borrowed and must outlive it. */
void exec_loop_init(struct exec_loop *exec, struct loop *loop);

#endif
