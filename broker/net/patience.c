/* patience.c - a busy broker lets others finish what they do.
 *
 * When something arrives the kernel may take a core from whoever runs, for the
 * reactor that waits for it. While there is little to do, that makes answers
 * fast. While there is much, and no core is idle, it makes them dear: client
 * and broker take the core from each other for one request at a time, and to
 * change costs as much as to answer. So the reactors of a busy broker ask to be
 * woken without that (SCHED_BATCH): they go on when the other sleeps or has had
 * its slice, a few milliseconds, and then find several requests at once. Their
 * share of the cores stays what it was, and where a core is idle nothing
 * changes.
 *
 * Whoever starts the broker in a class of its own choice keeps that.
 */
#include <sched.h>

#include "net/net_in.h"

enum {
    BUSY_PERCENT = 60, /* of a core, all reactors together */
    CALM_PERCENT = 45, /* not busy any more */
};

void patience_choose(struct reactor *reactor)
{
    const struct sched_param none = { .sched_priority = 0 };
    int used = gather_used_percent(reactor->net);
    bool patient = used > (reactor->patient ? CALM_PERCENT : BUSY_PERCENT);

    if (patient == reactor->patient ||
        sched_getscheduler(0) != (patient ? SCHED_OTHER : SCHED_BATCH))
        return;
    if (sched_setscheduler(0, patient ? SCHED_BATCH : SCHED_OTHER, &none) == 0)
        reactor->patient = patient;
}
