/* lock.h - the only door to locks.
 *
 * Lock order in the broker: group or transaction, partition, log; never two
 * partitions at once; no system call, no callback and no completion under a
 * partition's lock. Everything takes its locks through these names, so that a
 * build for simulation can turn them into checks.
 */
#ifndef GREGOR_BASE_LOCK_H
#define GREGOR_BASE_LOCK_H

#include <assert.h>
#include <pthread.h>

struct lock {
    pthread_mutex_t mutex;
};

/* A free lock; not recursive: whoever holds it must not take it again. */
static inline void lock_init(struct lock *lock)
{
    int rc = pthread_mutex_init(&lock->mutex, NULL);
    assert(rc == 0);
    (void)rc;
}

/* Nobody holds it or waits for it. */
static inline void lock_fini(struct lock *lock)
{
    pthread_mutex_destroy(&lock->mutex);
}

/* Wait until it is free and hold it; given back by the same thread. */
static inline void lock_take(struct lock *lock)
{
    int rc = pthread_mutex_lock(&lock->mutex);
    assert(rc == 0);
    (void)rc;
}

/* Free it and wake one that waits; the caller holds it. */
static inline void lock_give(struct lock *lock)
{
    int rc = pthread_mutex_unlock(&lock->mutex);
    assert(rc == 0);
    (void)rc;
}

#endif
