/* fake_exec.c - see fake_exec.h. */
#include "tests/support/fake_exec.h"

#include <stddef.h>
#include <string.h>

static struct fake_exec *fake_of(struct exec *exec)
{
    return CONTAINER_OF(exec, struct fake_exec, exec);
}

static void fake_post(struct exec *exec, struct job *job)
{
    struct fake_exec *fake = fake_of(exec);

    job->next = NULL;
    if (fake->last != NULL)
        fake->last->next = job;
    else
        fake->first = job;
    fake->last = job;
}

static void fake_timer_init(struct exec *exec, struct loop_timer *timer,
                            loop_timer_fn *on_due)
{
    (void)exec;
    memset(timer, 0, sizeof *timer);
    list_init(&timer->link);
    timer->on_due = on_due;
}

static void fake_timer_set(struct exec *exec, struct loop_timer *timer,
                           int64_t delay_us)
{
    struct fake_exec *fake = fake_of(exec);

    list_remove(&timer->link);
    timer->due_us = fake->now_us + (delay_us > 0 ? delay_us : 0);
    list_append(&fake->timers, &timer->link);
}

static void fake_timer_stop(struct exec *exec, struct loop_timer *timer)
{
    (void)exec;
    list_remove(&timer->link);
}

static int64_t fake_now_us(struct exec *exec)
{
    return fake_of(exec)->now_us;
}

static int64_t fake_wall_ms(struct exec *exec)
{
    return fake_of(exec)->wall_ms + fake_of(exec)->now_us / 1000;
}

void fake_exec_init(struct fake_exec *exec)
{
    memset(exec, 0, sizeof *exec);
    list_init(&exec->timers);
    exec->wall_ms = 1700000000000;
    exec->exec = (struct exec){
        .post = fake_post,
        .timer_init = fake_timer_init,
        .timer_set = fake_timer_set,
        .timer_stop = fake_timer_stop,
        .now_us = fake_now_us,
        .wall_ms = fake_wall_ms,
    };
}

bool fake_exec_step(struct fake_exec *exec)
{
    struct job *job = exec->first;

    if (job == NULL)
        return false;
    exec->first = job->next;
    if (exec->first == NULL)
        exec->last = NULL;
    job->next = NULL;
    job->run(job);
    return true;
}

void fake_exec_forget(struct fake_exec *exec, struct job *job)
{
    struct job *before = NULL;

    for (struct job *j = exec->first; j != NULL; before = j, j = j->next) {
        if (j != job)
            continue;
        if (before != NULL)
            before->next = j->next;
        else
            exec->first = j->next;
        if (exec->last == j)
            exec->last = before;
        return;
    }
}

static struct loop_timer *earliest(struct fake_exec *exec)
{
    struct loop_timer *first = NULL;

    LIST_EACH(l, &exec->timers) {
        struct loop_timer *timer = CONTAINER_OF(l, struct loop_timer, link);

        if (first == NULL || timer->due_us < first->due_us)
            first = timer;
    }
    return first;
}

static void run_timer(struct fake_exec *exec, struct loop_timer *timer)
{
    if (timer->due_us > exec->now_us)
        exec->now_us = timer->due_us;
    list_remove(&timer->link);
    timer->on_due(timer);
}

bool fake_exec_skip(struct fake_exec *exec)
{
    struct loop_timer *timer = earliest(exec);

    if (timer == NULL)
        return false;
    run_timer(exec, timer);
    return true;
}

void fake_exec_pass(struct fake_exec *exec, int64_t delay_us)
{
    int64_t until = exec->now_us + delay_us;
    struct loop_timer *timer;

    while ((timer = earliest(exec)) != NULL && timer->due_us <= until) {
        run_timer(exec, timer);
        while (fake_exec_step(exec))
            ;
    }
    exec->now_us = until;
}
