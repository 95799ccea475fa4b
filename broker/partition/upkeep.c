/* upkeep.c - what has to be done to logs now and then.
 *
 * Each task is a timer on the coordination loop that sends a job to the pool
 * and is set again when the job is back; so a slow disk delays its own next
 * round, and nothing else.
 *
 *     timer ─▶ pool: task->work() ─▶ loop: set the timer again
 */
#include "partition/partition_private.h"

#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "broker.h"

enum {
    FIRST_MS = 30000, /* Kafka's initial delay of all of them */
    SWEEP_MS = 1000,  /* shortest time between two looks for what to remove */
    SWEEP_IDLE_MS = 60000, /* and longest */
};

struct task {
    struct loop_timer timer;
    struct job out;  /* in the pool */
    struct job back; /* on the loop */
    struct upkeep *upkeep;
    void (*work)(struct task *task);
    int64_t first_ms;
    int64_t every_ms; /* INT64_MAX: never */
    bool running;     /* loop: a job is out */
};

enum { TASKS = 7 };

struct upkeep {
    struct replicas *replicas;
    struct job start; /* on the loop; the stop may come before it ran */
    struct job stop;
    struct task tasks[TASKS];
    bool stopping; /* loop */
    bool stopped;  /* under the gate's lock */
};

/* -- tasks
 * -------------------------------------------------------------------------- */

/* Call `each` for every log, while nobody closes it. */
static void each_log(struct replicas *r,
                     void (*each)(struct log *log, struct partition *p,
                                  int64_t now_ms))
{
    struct partition **all;
    size_t n;

    replicas_all(r, &all, &n);
    for (size_t i = 0; i < n; i++) {
        struct log *log = partition_use_log(all[i]);

        if (log) {
            each(log, all[i], clock_wall_ms());
            partition_leave(all[i]);
        }
        partition_unref(&all[i]);
    }
    mem_free(all);
}

static void retain_one(struct log *log, struct partition *p, int64_t now_ms)
{
    struct errmsg why = { "" };
    size_t n = 0;

    if (log_retain(log, now_ms, &n, &why) != ERR_OK)
        diag_error("event=retention_failed topic=%s partition=%d reason=\"%s\"",
                   p->topic, p->index, why.text);
    else if (n > 0)
        diag_info("event=segments_removed topic=%s partition=%d segments=%zu "
                  "log_start=%lld",
                  p->topic, p->index, n, (long long)log_start_offset(log));
}

static void work_retention(struct task *task)
{
    each_log(task->upkeep->replicas, retain_one);
}

static void flush_one(struct log *log, struct partition *p, int64_t now_ms)
{
    struct errmsg why = { "" };

    if (log_flush_due_ms(log) <= now_ms &&
        log_flush(log, now_ms, &why) != ERR_OK)
        diag_error("event=flush_failed topic=%s partition=%d reason=\"%s\"",
                   p->topic, p->index, why.text);
}

static void work_flush(struct task *task)
{
    each_log(task->upkeep->replicas, flush_one);
}

static void expire_one(struct log *log, struct partition *p, int64_t now_ms)
{
    (void)p;
    log_producers_expire(log, now_ms);
}

static void work_expire(struct task *task)
{
    each_log(task->upkeep->replicas, expire_one);
}

static void each_dir(struct task *task,
                     enum err (*write)(struct log_dir *dir, struct errmsg *why))
{
    struct replicas *r = task->upkeep->replicas;
    struct errmsg why = { "" };

    for (size_t i = 0; i < r->n_dirs; i++)
        if (!log_dir_offline(r->dirs[i]) && write(r->dirs[i], &why) != ERR_OK)
            diag_error("event=checkpoint_failed path=%s reason=\"%s\"",
                       log_dir_path(r->dirs[i]), why.text);
}

static void work_recovery_points(struct task *task)
{
    each_dir(task, log_dir_write_recovery_points);
    /* A truncation lowers these, too. */
    each_dir(task, log_dir_write_clean_points);
}

static void work_log_starts(struct task *task)
{
    each_dir(task, log_dir_write_log_starts);
}

static void work_high_watermarks(struct task *task)
{
    each_dir(task, log_dir_write_high_watermarks);
}

static void work_sweep(struct task *task)
{
    struct replicas *r = task->upkeep->replicas;
    int64_t now = clock_wall_ms(), next = INT64_MAX;

    for (size_t i = 0; i < r->n_dirs; i++) {
        int64_t due = log_dir_sweep(r->dirs[i], now);

        if (due < next)
            next = due;
    }
    task->every_ms = next - now < SWEEP_MS        ? SWEEP_MS
                     : next - now > SWEEP_IDLE_MS ? SWEEP_IDLE_MS
                                                  : next - now;
}

/* -- rhythm
 * ------------------------------------------------------------------------- */

static void maybe_stopped(struct upkeep *u)
{
    struct gate *gate = &u->replicas->gate;

    for (size_t i = 0; i < TASKS; i++)
        if (u->tasks[i].running)
            return;
    lock_take(&gate->lock);
    u->stopped = true;
    pthread_cond_broadcast(&gate->changed);
    lock_give(&gate->lock);
}

static void task_back(struct job *job)
{
    struct task *task = CONTAINER_OF(job, struct task, back);

    task->running = false;
    if (task->upkeep->stopping)
        maybe_stopped(task->upkeep);
    else
        loop_timer_set(&task->timer, task->every_ms * 1000);
}

static void task_out(struct job *job)
{
    struct task *task = CONTAINER_OF(job, struct task, out);

    task->work(task);
    loop_post(task->upkeep->replicas->broker->coord_loop, &task->back);
}

static void task_due(struct loop_timer *timer)
{
    struct task *task = CONTAINER_OF(timer, struct task, timer);

    task->running = true;
    task->out.run = task_out;
    task->back.run = task_back;
    pool_submit(task->upkeep->replicas->broker->pool, &task->out);
}

static void on_start(struct job *job)
{
    struct upkeep *u = CONTAINER_OF(job, struct upkeep, start);

    for (size_t i = 0; i < TASKS; i++) {
        struct task *task = &u->tasks[i];

        loop_timer_init(&task->timer, u->replicas->broker->coord_loop,
                        task_due);
        if (task->every_ms < INT64_MAX / 1000)
            loop_timer_set(&task->timer, task->first_ms * 1000);
    }
}

static void on_stop(struct job *job)
{
    struct upkeep *u = CONTAINER_OF(job, struct upkeep, stop);

    u->stopping = true;
    for (size_t i = 0; i < TASKS; i++)
        loop_timer_stop(&u->tasks[i].timer);
    maybe_stopped(u);
}

void replicas_start(struct replicas *r)
{
    const struct replicas_config *c = &r->config;
    struct upkeep *u = mem_need(sizeof *u);
    struct task tasks[TASKS] = {
        { .work = work_retention, .every_ms = c->retention_check_ms },
        { .work = work_flush, .every_ms = c->flush_check_ms },
        { .work = work_expire, .every_ms = c->producer_check_ms },
        { .work = work_recovery_points, .every_ms = c->recovery_checkpoint_ms },
        { .work = work_log_starts, .every_ms = c->start_checkpoint_ms },
        { .work = work_high_watermarks, .every_ms = c->high_checkpoint_ms },
        { .work = work_sweep, .every_ms = SWEEP_IDLE_MS },
    };

    assert(!r->upkeep);
    for (size_t i = 0; i < TASKS; i++) {
        tasks[i].upkeep = u;
        tasks[i].first_ms = FIRST_MS;
        u->tasks[i] = tasks[i];
    }
    /* High watermarks are written from the start; what a crash left to remove
     * has waited long enough. */
    u->tasks[5].first_ms = c->high_checkpoint_ms;
    u->tasks[6].first_ms = SWEEP_MS;
    u->replicas = r;
    u->start.run = on_start;
    r->upkeep = u;
    loop_post(r->broker->coord_loop, &u->start);
    r->cleaner = cleaner_start(r);
}

void upkeep_stop(struct replicas *r)
{
    struct upkeep *u = r->upkeep;

    if (!u)
        return;
    u->stop.run = on_stop;
    loop_post(r->broker->coord_loop, &u->stop);
    lock_take(&r->gate.lock);
    while (!u->stopped)
        gate_wait(&r->gate);
    lock_give(&r->gate.lock);
    r->upkeep = NULL;
    mem_free(u);
}
