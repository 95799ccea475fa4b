/* fake_exec.h - jobs and timers whose order and time the test decides.
 *
 * Threads: one.
 */
#ifndef GREGOR_TESTS_FAKE_EXEC_H
#define GREGOR_TESTS_FAKE_EXEC_H

#include "loop/exec.h"

struct fake_exec {
    struct exec exec;         /* pass this to what is tested */
    struct job *first, *last; /* posted, oldest first */
    struct list timers;       /* set ones, in no order */
    int64_t now_us;           /* the time of the moment */
    int64_t wall_ms;          /* at now_us 0 */
};

void fake_exec_init(struct fake_exec *exec);

/* Run the oldest posted job. False: none. */
bool fake_exec_step(struct fake_exec *exec);

/* Take a posted job out again: its object goes without having run. */
void fake_exec_forget(struct fake_exec *exec, struct job *job);

/* Move the time to the next timer and run it. False: none is set. */
bool fake_exec_skip(struct fake_exec *exec);

/* Move the time on; timers that come due are run in their order, with all jobs
 * they post. */
void fake_exec_pass(struct fake_exec *exec, int64_t delay_us);

#endif
