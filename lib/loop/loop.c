/* loop.c - the turn, timers, the mailbox, hooks, the loop's thread.
 *
 * How posting and sleeping meet: the owner says "asleep", then looks into the
 * mailbox once more; a poster puts its job in, then looks whether the owner
 * sleeps. With both in one total order (sequentially consistent atomics) at
 * least one sees the other, so no job is left lying; and a busy loop is posted
 * to without a system call.
 *
 * The mailbox is a stack that is taken whole and turned round: posting is one
 * compare-and-swap, and there is nothing to free, so nothing to recycle
 * wrongly.
 */
#include "loop/loop.h"

#include <assert.h>
#include <sched.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "loop/loop_in.h"

/* -- life ----------------------------------------------------------------- */

static void loop_on_wake(struct loop_io *io, unsigned ready)
{
    uint64_t count;
    ssize_t n = read(io->fd, &count, sizeof count);

    (void)n; /* a wake-up that came twice finds it empty */
    (void)ready;
}

static void loop_on_alarm(struct loop_io *io, unsigned ready)
{
    uint64_t count;
    ssize_t n = read(io->fd, &count, sizeof count);

    (void)n;
    (void)ready;
    io->loop->alarm_us = INT64_MAX;
}

static enum err loop_open(struct loop *loop, struct errmsg *why)
{
    struct event_config *config = event_config_new();
    int fd;

    if (config == NULL)
        return err_set(why, ERR_NOMEM, "loop %s: no memory", loop->name);
    /* one thread, and our own timers */
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_set_flag(config, EVENT_BASE_FLAG_NO_CACHE_TIME);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    if (loop->base == NULL)
        return err_set(why, ERR_IO, "loop %s: no event base: %s", loop->name,
                       strerror(errno));
    fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (fd < 0)
        return err_set(why, ERR_IO, "loop %s: eventfd: %s", loop->name,
                       strerror(errno));
    loop_io_init(&loop->wake, loop, fd, loop_on_wake);
    loop_io_want(&loop->wake, LOOP_READ);
    fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (fd < 0)
        return err_set(why, ERR_IO, "loop %s: timerfd: %s", loop->name,
                       strerror(errno));
    loop_io_init(&loop->alarm, loop, fd, loop_on_alarm);
    loop_io_want(&loop->alarm, LOOP_READ);
    return ERR_OK;
}

enum err loop_new(struct loop **out, const char *name, struct errmsg *why)
{
    struct loop *loop = mem_need(sizeof *loop);
    enum err err;

    (void)snprintf(loop->name, sizeof loop->name, "%s", name);
    list_init(&loop->hooks);
    loop->wake.fd = -1;
    loop->alarm.fd = -1;
    unhurried_init(&loop->unhurried);
    loop->alarm_us = INT64_MAX;
    wheel_init(&loop->wheel, clock_mono_us());
    err = loop_open(loop, why);
    if (err != ERR_OK)
        loop_free(&loop);
    else
        *out = loop;
    return err;
}

static void io_close(struct loop_io *io)
{
    int fd = io->fd;

    loop_io_fini(io);
    if (fd >= 0)
        close(fd);
}

void loop_free(struct loop **loop)
{
    struct loop *dead = *loop;

    if (dead == NULL)
        return;
    assert(!dead->running && !dead->threaded);
    while (atomic_load(&dead->posters) > 0)
        sched_yield(); /* somebody is about to write to the descriptor */
    unhurried_fini(&dead->unhurried);
    io_close(&dead->wake);
    io_close(&dead->alarm);
    if (dead->base != NULL)
        event_base_free(dead->base);
    mem_free(dead);
    *loop = NULL;
}

bool loop_is_mine(const struct loop *loop)
{
    return !loop->running || pthread_equal(loop->owner, pthread_self());
}

/* -- time ----------------------------------------------------------------- */

void loop_wake_now(struct loop *loop)
{
    if (loop->now_fresh)
        return;
    loop->asleep = false; /* what is posted from here on is seen this turn */
    loop->now_us = clock_mono_us();
    loop->now_fresh = true;
}

int64_t loop_now_us(const struct loop *loop)
{
    return loop->now_fresh ? loop->now_us : clock_mono_us();
}

void loop_timer_init(struct loop_timer *timer, struct loop *loop,
                     loop_timer_fn *on_due)
{
    *timer = (struct loop_timer){ .loop = loop, .on_due = on_due };
    list_init(&timer->link);
}

void loop_timer_set(struct loop_timer *timer, int64_t delay_us)
{
    int64_t now = loop_now_us(timer->loop);

    assert(loop_is_mine(timer->loop));
    list_remove(&timer->link);
    if (delay_us <= 0) /* the next turn, not the next whole millisecond */
        timer->due_us = timer->loop->wheel.tick * 1000;
    else
        timer->due_us = delay_us > INT64_MAX - now ? INT64_MAX : now + delay_us;
    wheel_put(&timer->loop->wheel, timer);
}

void loop_timer_stop(struct loop_timer *timer)
{
    list_remove(&timer->link);
}

static void loop_run_timers(struct loop *loop)
{
    struct list due;

    list_init(&due);
    wheel_take_due(&loop->wheel, loop->now_us, &due);
    /* a timer may stop another one that is due in the same turn */
    while (!list_is_empty(&due)) {
        struct loop_timer *timer =
            CONTAINER_OF(due.next, struct loop_timer, link);

        list_remove(&timer->link);
        timer->on_due(timer);
    }
}

/* Have the kernel wake us for the next timer. An alarm that rings too early is
 * left as it is: deadlines mostly move away, and each change is a system call.
 */
static void loop_set_alarm(struct loop *loop, int64_t next_us)
{
    struct itimerspec at = { 0 };

    if (next_us >= loop->alarm_us)
        return;
    at.it_value.tv_sec = next_us / 1000000;
    at.it_value.tv_nsec = next_us % 1000000 * 1000;
    if (next_us <= 0)
        at.it_value.tv_nsec = 1; /* all zero would mean "off" */
    timerfd_settime(loop->alarm.fd, TFD_TIMER_ABSTIME, &at, NULL);
    loop->alarm_us = next_us;
}

/* -- mailbox -------------------------------------------------------------- */

static void loop_wake(struct loop *loop)
{
    static const uint64_t one = 1;

    if (loop->asleep && atomic_exchange(&loop->asleep, false)) {
        ssize_t n = write(loop->wake.fd, &one, sizeof one);
        (void)n; /* full means: it will wake anyway */
    }
}

void loop_post(struct loop *loop, struct job *job)
{
    struct job *newest;

    /* The loop may run the job, and even end, before we have woken it. */
    atomic_fetch_add(&loop->posters, 1);
    newest = loop->mail;
    do {
        job->next = newest;
    } while (!atomic_compare_exchange_weak(&loop->mail, &newest, job));
    loop_wake(loop);
    atomic_fetch_sub(&loop->posters, 1);
}

/* Run what was posted up to now; what these jobs post waits for the next turn,
 * so that descriptors have theirs. */
static void loop_run_mail(struct loop *loop)
{
    struct job *newest = atomic_exchange(&loop->mail, NULL);
    struct job *oldest = NULL;

    while (newest != NULL) {
        struct job *job = newest;

        newest = job->next;
        job->next = oldest;
        oldest = job;
    }
    while (oldest != NULL) {
        struct job *job = oldest;

        oldest = job->next;
        job->next = NULL;
        job->run(job);
    }
}

/* -- the turn -------------------------------------------------------------- */

void loop_hook_add(struct loop *loop, struct loop_hook *hook)
{
    list_append(&loop->hooks, &hook->link);
}

void loop_hook_remove(struct loop_hook *hook)
{
    list_remove(&hook->link);
}

/* A mark in the list goes in front of the walk: so a hook may remove any. */
static void loop_run_hooks(struct loop *loop)
{
    struct list mark;

    list_prepend(&loop->hooks, &mark);
    while (mark.next != &loop->hooks) {
        struct loop_hook *hook =
            CONTAINER_OF(mark.next, struct loop_hook, link);

        list_remove(&mark);
        list_prepend(&hook->link, &mark);
        hook->on_turn(hook);
    }
    list_remove(&mark);
}

/* Wait for descriptors and run their callbacks; the first that runs has called
 * loop_wake_now(). */
static void loop_wait(struct loop *loop, bool may_sleep)
{
    int64_t next_us = wheel_next_us(&loop->wheel);
    int flags = EVLOOP_ONCE;

    if (may_sleep && next_us > loop_now_us(loop)) {
        loop_set_alarm(loop, next_us);
        loop->asleep = true;
    }
    if (!loop->asleep || loop->mail != NULL || loop->stopping)
        flags |= EVLOOP_NONBLOCK;
    loop->now_fresh = false;
    event_base_loop(loop->base, flags);
    loop_wake_now(loop);
}

static void loop_turn_once(struct loop *loop, bool may_sleep)
{
    loop_wait(loop, may_sleep);
    loop_run_mail(loop);
    loop_run_timers(loop);
    loop_run_hooks(loop);
}

static void loop_own(struct loop *loop)
{
    assert(!loop->running);
    loop->owner = pthread_self();
    loop->running = true;
}

static void loop_disown(struct loop *loop)
{
    loop->now_fresh = false;
    loop->running = false;
}

void loop_run(struct loop *loop)
{
    loop_own(loop);
    do {
        loop_turn_once(loop, true);
    } while (!loop->stopping);
    while (loop->mail != NULL) {
        loop_run_mail(loop);
        loop_run_hooks(loop);
    }
    loop->stopping = false;
    loop_disown(loop);
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
    loop_wake(loop);
}

static void turn_on_late(struct loop_timer *timer)
{
    (void)timer; /* it was there to end the wait */
}

void loop_turn(struct loop *loop, int64_t wait_us)
{
    struct loop_timer late;

    loop_own(loop);
    loop_timer_init(&late, loop, turn_on_late);
    if (wait_us > 0)
        loop_timer_set(&late, wait_us);
    loop_turn_once(loop, wait_us != 0);
    loop_timer_stop(&late);
    loop_disown(loop);
}

/* -- a thread for it --------------------------------------------------------
 */

static void *loop_thread(void *arg)
{
    struct loop *loop = arg;

    pthread_setname_np(pthread_self(), loop->name);
    loop_run(loop);
    return NULL;
}

enum err loop_start(struct loop *loop, struct errmsg *why)
{
    int rc;

    assert(!loop->threaded);
    rc = pthread_create(&loop->thread, NULL, loop_thread, loop);
    if (rc != 0)
        return err_set(why, ERR_IO, "no thread for %s: %s", loop->name,
                       strerror(rc));
    loop->threaded = true;
    return ERR_OK;
}

void loop_join(struct loop *loop)
{
    if (!loop->threaded)
        return;
    pthread_join(loop->thread, NULL);
    loop->threaded = false;
}
