/* gate.h - a pool thread waits until others are through.
 *
 * For the control lane and life-cycle functions only: no reactor ever waits.
 */
#ifndef GREGOR_GATE_H
#define GREGOR_GATE_H

#include "base/lock.h"

struct gate {
    struct lock lock;
    pthread_cond_t changed;
};

static inline void gate_init(struct gate *gate)
{
    int rc = pthread_cond_init(&gate->changed, NULL);
    assert(rc == 0);
    (void)rc;
    lock_init(&gate->lock);
}

static inline void gate_fini(struct gate *gate)
{
    lock_fini(&gate->lock);
    pthread_cond_destroy(&gate->changed);
}

/* The gate's lock must be held; it is let go meanwhile. */
static inline void gate_wait(struct gate *gate)
{
    int rc = pthread_cond_wait(&gate->changed, &gate->lock.mutex);
    assert(rc == 0);
    (void)rc;
}

/* Let all who wait look again. */
static inline void gate_notify(struct gate *gate)
{
    lock_take(&gate->lock);
    pthread_cond_broadcast(&gate->changed);
    lock_give(&gate->lock);
}

#endif
