/* pool.c - worker threads, and lanes in front of them. */
#include "loop/pool.h"

#include <assert.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct pool {
    struct lock lock;
    pthread_cond_t work; /* a job came, or the end */
    struct job *first;   /* waiting, oldest first */
    struct job *last;
    unsigned idle; /* threads that wait for work */
    bool ending;
    _Atomic size_t backlog;
    _Atomic unsigned submitters; /* threads inside pool_submit() */
    unsigned n_threads;
    char name[12];
    pthread_t threads[];
};

/* The next job, or NULL when all is done and the pool ends. */
static struct job *pool_take(struct pool *pool)
{
    struct job *job;

    lock_take(&pool->lock);
    while (pool->first == NULL && !pool->ending) {
        pool->idle++;
        pthread_cond_wait(&pool->work, &pool->lock.mutex);
        pool->idle--;
    }
    job = pool->first;
    if (job != NULL) {
        pool->first = job->next;
        job->next = NULL;
    }
    lock_give(&pool->lock);
    return job;
}

static void *pool_thread(void *arg)
{
    struct pool *pool = arg;
    struct job *job;

    while ((job = pool_take(pool)) != NULL) {
        job->run(job);
        atomic_fetch_sub(&pool->backlog, 1);
    }
    return NULL;
}

enum err pool_new(struct pool **out, const char *name, unsigned threads,
                  struct errmsg *why)
{
    struct pool *pool = mem_need(sizeof *pool + threads * sizeof(pthread_t));

    assert(threads > 0);
    lock_init(&pool->lock);
    pthread_cond_init(&pool->work, NULL);
    (void)snprintf(pool->name, sizeof pool->name, "%s", name);
    for (unsigned i = 0; i < threads; i++) {
        char label[16];
        int rc = pthread_create(&pool->threads[i], NULL, pool_thread, pool);

        if (rc != 0) {
            pool_free(&pool);
            return err_set(why, ERR_IO, "no thread for pool %s: %s", name,
                           strerror(rc));
        }
        pool->n_threads++;
        (void)snprintf(label, sizeof label, "%s-%u", pool->name, i % 1000);
        pthread_setname_np(pool->threads[i], label);
    }
    *out = pool;
    return ERR_OK;
}

void pool_free(struct pool **pool)
{
    struct pool *dead = *pool;

    if (dead == NULL)
        return;
    lock_take(&dead->lock);
    dead->ending = true;
    pthread_cond_broadcast(&dead->work);
    lock_give(&dead->lock);
    for (unsigned i = 0; i < dead->n_threads; i++)
        pthread_join(dead->threads[i], NULL);
    while (dead->submitters > 0)
        sched_yield(); /* its job has run, but its signal is still to come */
    pthread_cond_destroy(&dead->work);
    lock_fini(&dead->lock);
    mem_free(dead);
    *pool = NULL;
}

void pool_submit(struct pool *pool, struct job *job)
{
    bool asleep;

    /* the job may run, and the pool even be freed, before we have signalled */
    atomic_fetch_add(&pool->submitters, 1);
    atomic_fetch_add(&pool->backlog, 1);
    job->next = NULL;
    lock_take(&pool->lock);
    if (pool->first == NULL)
        pool->first = job;
    else
        pool->last->next = job;
    pool->last = job;
    asleep = pool->idle > 0;
    lock_give(&pool->lock);
    /* not under the lock: whoever wakes would wait for it at once */
    if (asleep)
        pthread_cond_signal(&pool->work);
    atomic_fetch_sub(&pool->submitters, 1);
}

size_t pool_backlog(const struct pool *pool)
{
    return pool->backlog;
}

/* -- lanes ------------------------------------------------------------------
 */

/* One job of the line; then the lane queues up in the pool again, behind what
 * others submitted meanwhile. The lane stays `running` until the job is done,
 * so a second thread never takes the next one too early. */
static void lane_run(struct job *self)
{
    struct lane *lane = CONTAINER_OF(self, struct lane, job);
    struct job *job;
    bool more;

    lock_take(&lane->lock);
    job = lane->first;
    lane->first = job->next;
    job->next = NULL;
    lock_give(&lane->lock);

    job->run(job);

    lock_take(&lane->lock);
    more = lane->first != NULL;
    lane->running = more;
    if (more)
        pool_submit(lane->pool, &lane->job);
    lock_give(&lane->lock);
}

void lane_init(struct lane *lane, struct pool *pool)
{
    *lane = (struct lane){ .pool = pool, .job = { .run = lane_run } };
    lock_init(&lane->lock);
}

void lane_fini(struct lane *lane)
{
    bool running;

    /* the last job has run, but its thread may not have said so yet */
    do {
        lock_take(&lane->lock);
        running = lane->running;
        lock_give(&lane->lock);
        if (running)
            sched_yield();
    } while (running);
    lock_fini(&lane->lock);
}

void lane_submit(struct lane *lane, struct job *job)
{
    job->next = NULL;
    lock_take(&lane->lock);
    if (lane->first == NULL)
        lane->first = job;
    else
        lane->last->next = job;
    lane->last = job;
    if (!lane->running) {
        lane->running = true;
        pool_submit(lane->pool, &lane->job);
    }
    lock_give(&lane->lock);
}
