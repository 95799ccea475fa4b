/* exec.c - the real table of exec.h: a loop of loop.h. */
#include "loop/exec.h"

#include "base/clock.h"

static struct loop *loop_of(struct exec *exec)
{
    return CONTAINER_OF(exec, struct exec_loop, exec)->loop;
}

static void real_post(struct exec *exec, struct job *job)
{
    loop_post(loop_of(exec), job);
}

static void real_timer_init(struct exec *exec, struct loop_timer *timer,
                            loop_timer_fn *on_due)
{
    loop_timer_init(timer, loop_of(exec), on_due);
}

static void real_timer_set(struct exec *exec, struct loop_timer *timer,
                           int64_t delay_us)
{
    (void)exec;
    loop_timer_set(timer, delay_us);
}

static void real_timer_stop(struct exec *exec, struct loop_timer *timer)
{
    (void)exec;
    loop_timer_stop(timer);
}

static int64_t real_now_us(struct exec *exec)
{
    (void)exec;
    return clock_mono_us();
}

static int64_t real_wall_ms(struct exec *exec)
{
    (void)exec;
    return clock_wall_ms();
}

void exec_loop_init(struct exec_loop *exec, struct loop *loop)
{
    exec->loop = loop;
    exec->exec = (struct exec){
        .post = real_post,
        .timer_init = real_timer_init,
        .timer_set = real_timer_set,
        .timer_stop = real_timer_stop,
        .now_us = real_now_us,
        .wall_ms = real_wall_ms,
    };
}
