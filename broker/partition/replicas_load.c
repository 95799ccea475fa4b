/* replicas_load.c - all logs at start and at the end, and work in parallel.
 *
 * Loading is bound by system calls on cold directories and, after a crash, by
 * reading what was not flushed; both overlap well. Every directory's logs are
 * one list of work; pool threads and the caller take from it.
 */
#include "partition/partition_private.h"

#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "broker.h"

/* -- in parallel
 * ------------------------------------------------------------------ */

struct crew {
    _Atomic uint32_t refs; /* caller and helpers; the last one frees */
    _Atomic size_t next;   /* index to take */
    _Atomic size_t done;   /* indexes that are through */
    size_t n;
    void (*each)(void *context, size_t i);
    void *context;
    struct gate *gate;
};

struct helper {
    struct job job;
    struct crew *crew;
};

static void crew_leave(struct crew *crew)
{
    if (atomic_fetch_sub(&crew->refs, 1) == 1)
        mem_free(crew);
}

static void crew_work(struct crew *crew)
{
    size_t i;

    while ((i = atomic_fetch_add(&crew->next, 1)) < crew->n) {
        crew->each(crew->context, i);
        if (atomic_fetch_add(&crew->done, 1) + 1 == crew->n)
            gate_notify(crew->gate);
    }
}

/* A helper that starts late finds nothing to do, and may outlive the work. */
static void help(struct job *job)
{
    struct helper *helper = CONTAINER_OF(job, struct helper, job);
    struct crew *crew = helper->crew;

    mem_free(helper);
    crew_work(crew);
    crew_leave(crew);
}

void replicas_parallel(struct replicas *r, size_t n, unsigned threads,
                       void (*each)(void *context, size_t i), void *context)
{
    struct crew *crew = mem_need(sizeof *crew);

    atomic_init(&crew->refs, 1);
    atomic_init(&crew->next, 0);
    atomic_init(&crew->done, 0);
    crew->n = n;
    crew->each = each;
    crew->context = context;
    crew->gate = &r->gate;
    for (unsigned i = 1; i < threads && i < n; i++) {
        struct helper *helper = mem_need(sizeof *helper);

        helper->job.run = help;
        helper->crew = crew;
        atomic_fetch_add(&crew->refs, 1);
        pool_submit(r->broker->pool, &helper->job);
    }
    crew_work(crew);
    lock_take(&r->gate.lock);
    while (atomic_load(&crew->done) < n)
        gate_wait(&r->gate);
    lock_give(&r->gate.lock);
    crew_leave(crew);
}

/* -- loading
 * ---------------------------------------------------------------------- */

struct load_one {
    struct log_dir *dir;
    const struct log_dir_entry *entry;
};

struct load {
    struct replicas *replicas;
    struct load_one *of;
    size_t n;
    int64_t now_ms;
    struct lock lock; /* for the two below */
    enum err err;     /* first failure that forbids to start */
    struct errmsg why;
};

static void load_failed(struct load *load, const struct load_one *one,
                        enum err err, const struct errmsg *why)
{
    /* The disk's failures took the directory offline; others stop the start. */
    if (log_dir_offline(one->dir)) {
        diag_error("event=log_not_loaded path=%s/%s reason=\"%s\"",
                   log_dir_path(one->dir), one->entry->name, why->text);
        return;
    }
    lock_take(&load->lock);
    if (load->err == ERR_OK) {
        load->err = err;
        load->why = *why;
    }
    lock_give(&load->lock);
}

static void load_log(void *context, size_t i)
{
    struct load *load = context;
    struct replicas *r = load->replicas;
    const struct load_one *one = &load->of[i];
    struct topic_settings *settings;
    struct partition *p;
    struct errmsg why = { "" };
    struct log *log;
    enum err err;

    settings = replicas_settings(r, one->entry->topic);
    err = log_open(&log, one->dir, one->entry->topic, one->entry->partition,
                   LOG_OPEN_EXISTING, &settings->log, load->now_ms, &why);
    if (err != ERR_OK) {
        topic_settings_unref(&settings);
        load_failed(load, one, err, &why);
        return;
    }
    p = partition_new(r, one->entry->topic, one->entry->partition);
    if (!replicas_put(r, p)) {
        err = err_set(&why, ERR_EXISTS,
                      "%s/%s: the log is in two directories; remove one",
                      log_dir_path(one->dir), one->entry->name);
        topic_settings_unref(&settings);
        log_abandon(&log);
        load_failed(load, one, err, &why);
    } else {
        partition_set_log(p, log, settings);
    }
    partition_unref(&p);
}

static void list_logs(struct load *load)
{
    struct replicas *r = load->replicas;
    size_t n, total = 0;

    for (size_t i = 0; i < r->n_dirs; i++) {
        log_dir_entries(r->dirs[i], &n);
        total += n;
    }
    load->of = mem_need_array(total + 1, sizeof *load->of);
    for (size_t i = 0; i < r->n_dirs; i++) {
        const struct log_dir_entry *entries = log_dir_entries(r->dirs[i], &n);

        for (size_t j = 0; j < n; j++)
            if (entries[j].kind == LOG_DIR_LOG)
                load->of[load->n++] =
                    (struct load_one){ r->dirs[i], &entries[j] };
    }
}

enum err replicas_load(struct replicas *r, struct errmsg *why)
{
    struct load load = { .replicas = r, .now_ms = clock_wall_ms() };
    int64_t began = clock_mono_us();
    unsigned threads;

    lock_init(&load.lock);
    list_logs(&load);
    /* Kafka's setting counts threads for each directory; more than its default
     * of one never hurts here, for the pool is idle at start. */
    threads = r->config.recovery_threads * (unsigned)r->n_dirs;
    replicas_parallel(r, load.n, threads < 4 ? 4 : threads, load_log, &load);
    for (size_t i = 0; i < r->n_dirs; i++)
        log_dir_loaded(r->dirs[i]);
    mem_free(load.of);
    lock_fini(&load.lock);
    if (load.err != ERR_OK) {
        *why = load.why;
        return load.err;
    }
    if (load.n > 0)
        diag_info("event=logs_loaded logs=%zu took_ms=%lld", load.n,
                  (long long)((clock_mono_us() - began) / 1000));
    return ERR_OK;
}

/* -- stopping
 * --------------------------------------------------------------------- */

struct stop {
    struct partition **all;
    size_t n;
};

static void stop_one(void *context, size_t i)
{
    struct stop *stop = context;
    struct partition *p = stop->all[i];
    struct errmsg why = { "" };
    struct log *log;
    enum err err;

    partition_close(p, PARTITION_DELETED);
    log = partition_take_log(p);
    if (!log)
        return;
    if (log_dir_offline(log_dir_of(log))) {
        log_abandon(&log);
        return;
    }
    err = log_close(&log, &why);
    if (err != ERR_OK)
        diag_error("event=log_close_failed topic=%s partition=%d "
                   "reason=\"%s\" remedy=\"the next start recovers it\"",
                   p->topic, p->index, why.text);
}

static void close_dirs(struct replicas *r)
{
    struct errmsg why = { "" };

    for (size_t i = 0; i < r->n_dirs; i++) {
        bool clean = !log_dir_offline(r->dirs[i]);
        char *path = mem_need_text(bytes_of(log_dir_path(r->dirs[i])));

        if (log_dir_close(&r->dirs[i], clean, &why) != ERR_OK)
            diag_error("event=log_dir_close_failed path=%s reason=\"%s\" "
                       "remedy=\"the next start recovers its logs\"",
                       path, why.text);
        mem_free(path);
    }
    r->n_dirs = 0;
}

void replicas_drain(struct replicas *r)
{
    struct partition **all;
    size_t n;

    atomic_store(&r->draining, true);
    replicas_all(r, &all, &n);
    for (size_t i = 0; i < n; i++) {
        partition_stop(all[i]);
        partition_unref(&all[i]);
    }
    mem_free(all);
}

static void end_jobs(struct replicas *r)
{
    cleaner_stop(&r->cleaner);
    upkeep_stop(r);
    lock_take(&r->gate.lock);
    while (atomic_load(&r->jobs) != 0)
        gate_wait(&r->gate);
    lock_give(&r->gate.lock);
}

void replicas_abandon(struct replicas *r)
{
    end_jobs(r);
    replicas_close_unclean(r);
}

void replicas_stop(struct replicas *r)
{
    struct stop stop;

    end_jobs(r);
    replicas_all(r, &stop.all, &stop.n);
    replicas_parallel(r, stop.n, 8, stop_one, &stop);
    for (size_t i = 0; i < stop.n; i++) {
        replicas_drop(r, stop.all[i]);
        partition_unref(&stop.all[i]);
    }
    mem_free(stop.all);
    close_dirs(r);
}
