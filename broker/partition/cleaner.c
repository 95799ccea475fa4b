/* cleaner.c - compaction: which logs, when, and how fast.
 *
 * Choosing looks at every log that has the compact policy: how much of it is
 * dirty (log_clean_range_find()). One thread chooses at a time, and notes what
 * it took in its own slot, which the others leave alone.
 */
#include "partition/cleaner.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "partition/partition_private.h"
#include "seg/clean.h"

enum {
    SMALLEST_IO = 64 * 1024, /* bytes read at once at least */
    LEAST_PAUSE_MS = 10,
    THROTTLE_STEP_US = 20 * 1000, /* shorter waits are saved up */
};

struct cleaner_thread {
    struct cleaner *cleaner;
    pthread_t thread;
    struct partition *partition; /* being compacted; under cleaner->lock */
};

struct cleaner {
    struct replicas *replicas;
    struct lock choosing; /* one thread chooses at a time */
    struct lock lock;     /* for all below */
    pthread_cond_t wake;  /* monotonic clock */
    bool stopping;
    struct cleaner_config config;
    int64_t paid_until_us; /* throttle: what was moved is paid up to here */
    unsigned n;            /* threads wanted */
    unsigned started;      /* and had */
    struct cleaner_thread threads[];
};

void cleaner_config_init(struct cleaner_config *config)
{
    *config = (struct cleaner_config){
        .enable = true,
        .threads = 1,
        .map_bytes = 134217728,
        .map_load = 0.9,
        .io_bytes = 524288,
        .bytes_per_second = 1.7976931348623157e308,
        .backoff_ms = 15000,
    };
}

/* -- waiting ------------------------------------------------------------------
 */

/* Wait until then, or until told to stop. Under `lock`; false: stop. */
static bool wait_until(struct cleaner *cleaner, int64_t due_us)
{
    struct timespec due = { .tv_sec = due_us / 1000000,
                            .tv_nsec = due_us % 1000000 * 1000 };

    while (!cleaner->stopping && clock_mono_us() < due_us)
        if (pthread_cond_timedwait(&cleaner->wake, &cleaner->lock.mutex,
                                   &due) == ETIMEDOUT)
            break;
    return !cleaner->stopping;
}

static bool pause_for(struct cleaner *cleaner, int64_t ms)
{
    int64_t now = clock_mono_us();
    bool on;

    lock_take(&cleaner->lock);
    on = wait_until(cleaner, ms > (INT64_MAX - now) / 1000 ? INT64_MAX
                                                           : now + ms * 1000);
    lock_give(&cleaner->lock);
    return on;
}

/* log_clean_options.go_on: bytes cost time at the configured rate, which all
 * threads share. */
static bool go_on(void *context, size_t bytes)
{
    struct cleaner_thread *thread = context;
    struct cleaner *cleaner = thread->cleaner;
    int64_t now;
    double cost;
    bool on;

    if (atomic_load(&thread->partition->closed))
        return false;
    lock_take(&cleaner->lock);
    on = !cleaner->stopping;
    cost = (double)bytes * 1e6 / cleaner->config.bytes_per_second;
    if (on && cost > 1e-3) {
        now = clock_mono_us();
        if (cleaner->paid_until_us < now)
            cleaner->paid_until_us = now;
        cleaner->paid_until_us += cost < 1e12 ? (int64_t)cost : (int64_t)1e12;
        if (cleaner->paid_until_us - now > THROTTLE_STEP_US)
            on = wait_until(cleaner, cleaner->paid_until_us);
    }
    lock_give(&cleaner->lock);
    return on;
}

/* -- choosing -----------------------------------------------------------------
 */

static bool is_taken(struct cleaner *cleaner, const struct partition *p)
{
    bool taken = false;

    lock_take(&cleaner->lock);
    for (unsigned i = 0; i < cleaner->n; i++)
        taken |= cleaner->threads[i].partition == p;
    lock_give(&cleaner->lock);
    return taken;
}

static bool is_compacted(struct log *log)
{
    struct log_config config;

    log_config_get(log, &config);
    return config.cleanup_compact;
}

/* How much a partition wants it: below 0 not at all. */
static double urgency(struct cleaner *cleaner, struct partition *p,
                      struct log_clean_range *range)
{
    struct errmsg why = { "" };
    double ratio = -1;
    struct log *log;
    enum err err;

    if (is_taken(cleaner, p))
        return -1;
    log = partition_use_log(p);
    if (log == NULL)
        return -1;
    if (is_compacted(log) && !log_dir_offline(log_dir_of(log))) {
        err = log_clean_range_find(log, clock_wall_ms(), range, &why);
        if (err != ERR_OK)
            diag_warn("event=compaction_skipped topic=%s partition=%d "
                      "reason=\"%s\"",
                      p->topic, p->index,
                      why.text[0] ? why.text : err_words(err));
        else if (log_clean_is_due(log, range))
            ratio = log_clean_ratio(range);
    }
    partition_leave(p);
    return ratio;
}

/* Take the dirtiest partition that is due, referenced; NULL when none is. */
static struct partition *choose(struct cleaner_thread *thread,
                                struct log_clean_range *range)
{
    struct cleaner *cleaner = thread->cleaner;
    struct partition **all, *best = NULL;
    double most = -1;
    size_t n;

    lock_take(&cleaner->choosing);
    replicas_all(cleaner->replicas, &all, &n);
    for (size_t i = 0; i < n; i++) {
        struct log_clean_range its;
        double want = urgency(cleaner, all[i], &its);

        if (want > most) {
            most = want;
            *range = its;
            partition_unref(&best);
            best = partition_ref(all[i]);
        }
        partition_unref(&all[i]);
    }
    mem_free(all);
    lock_take(&cleaner->lock);
    thread->partition = best;
    lock_give(&cleaner->lock);
    lock_give(&cleaner->choosing);
    return best;
}

/* -- doing --------------------------------------------------------------------
 */

static void say_done(const struct partition *p,
                     const struct log_clean_range *range,
                     const struct log_clean_stats *stats, int64_t took_us)
{
    diag_info("event=log_compacted topic=%s partition=%d from=%lld to=%lld "
              "bytes=%llu bytes_kept=%llu records=%llu records_kept=%llu "
              "keys=%llu ms=%lld mb_per_s=%.1f",
              p->topic, p->index, (long long)range->first_dirty,
              (long long)stats->next_dirty,
              (unsigned long long)stats->bytes_read,
              (unsigned long long)stats->bytes_kept,
              (unsigned long long)stats->records_read,
              (unsigned long long)stats->records_kept,
              (unsigned long long)stats->keys, (long long)(took_us / 1000),
              took_us > 0 ? (double)stats->bytes_read / (double)took_us : 0.0);
    if (stats->no_key > 0)
        diag_warn("event=records_without_key topic=%s partition=%d "
                  "records=%llu consequence=\"compaction dropped them\"",
                  p->topic, p->index, (unsigned long long)stats->no_key);
}

static void say_failed(const struct partition *p, enum err err,
                       const struct errmsg *why)
{
    const char *words = why->text[0] ? why->text : err_words(err);

    if (err == ERR_CLOSED || err == ERR_AGAIN)
        diag_debug("event=compaction_ended topic=%s partition=%d "
                   "reason=\"%s\"",
                   p->topic, p->index, words);
    else if (err == ERR_CORRUPT)
        diag_error("event=compaction_refused topic=%s partition=%d "
                   "reason=\"%s\" consequence=\"it is kept whole\" "
                   "remedy=\"delete the records before that offset, or "
                   "replicate the partition anew; then restart\"",
                   p->topic, p->index, words);
    else
        diag_error("event=compaction_failed topic=%s partition=%d "
                   "reason=\"%s\"",
                   p->topic, p->index, words);
}

static struct log_clean_options options_of(struct cleaner_thread *thread)
{
    struct cleaner *cleaner = thread->cleaner;
    const struct replicas_config *rc = &cleaner->replicas->config;
    struct cleaner_config config = rc->cleaner;
    size_t io;

    if (rc->cleaner_config != NULL)
        rc->cleaner_config(rc->context, &config);
    lock_take(&cleaner->lock);
    cleaner->config = config;
    lock_give(&cleaner->lock);
    io = config.io_bytes / cleaner->n / 2;
    return (struct log_clean_options){
        .map_bytes = config.map_bytes / cleaner->n,
        .map_load =
            config.map_load > 0 && config.map_load < 1 ? config.map_load : 0.9,
        .io_bytes = io > SMALLEST_IO ? io : SMALLEST_IO,
        .go_on = go_on,
        .context = thread,
    };
}

/* True when something was achieved: it is worth looking for more at once. */
static bool clean_log(struct cleaner_thread *thread, struct partition *p,
                      struct log *log, const struct log_clean_range *range)
{
    struct log_clean_options options = options_of(thread);
    struct log_clean_stats stats;
    struct errmsg why = { "" };
    int64_t began = clock_mono_us();
    enum err err =
        log_clean(log, range, &options, clock_wall_ms(), &stats, &why);

    if (err == ERR_OK) {
        say_done(p, range, &stats, clock_mono_us() - began);
        err = log_dir_write_clean_points(log_dir_of(log), &why);
    }
    if (err != ERR_OK)
        say_failed(p, err, &why);
    return err == ERR_CORRUPT ||
           (err == ERR_OK && stats.next_dirty > range->first_dirty);
}

static bool clean_one(struct cleaner_thread *thread)
{
    struct log_clean_range range;
    struct partition *p = choose(thread, &range);
    struct log *log = p == NULL ? NULL : partition_use_log(p);
    bool more = false;

    if (log != NULL) {
        more = clean_log(thread, p, log, &range);
        partition_leave(p);
    }
    lock_take(&thread->cleaner->lock);
    thread->partition = NULL;
    lock_give(&thread->cleaner->lock);
    partition_unref(&p);
    return more;
}

static int64_t backoff_ms(struct cleaner *cleaner)
{
    int64_t ms;

    lock_take(&cleaner->lock);
    ms = cleaner->config.backoff_ms;
    lock_give(&cleaner->lock);
    return ms > LEAST_PAUSE_MS ? ms : LEAST_PAUSE_MS;
}

static void *cleaner_main(void *context)
{
    struct cleaner_thread *thread = context;

    while (pause_for(thread->cleaner,
                     clean_one(thread) ? 0 : backoff_ms(thread->cleaner)))
        ;
    return NULL;
}

/* -- life ---------------------------------------------------------------------
 */

struct cleaner *cleaner_start(struct replicas *replicas)
{
    const struct cleaner_config *config = &replicas->config.cleaner;
    struct cleaner *cleaner;
    pthread_condattr_t attr;
    unsigned started = 0;

    if (!config->enable || config->threads == 0)
        return NULL;
    cleaner = mem_need(sizeof *cleaner +
                       config->threads * sizeof cleaner->threads[0]);
    cleaner->replicas = replicas;
    cleaner->config = *config;
    lock_init(&cleaner->choosing);
    lock_init(&cleaner->lock);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&cleaner->wake, &attr);
    pthread_condattr_destroy(&attr);
    cleaner->n = config->threads;
    for (unsigned i = 0; i < config->threads; i++) {
        struct cleaner_thread *thread = &cleaner->threads[i];

        thread->cleaner = cleaner;
        if (pthread_create(&thread->thread, NULL, cleaner_main, thread) != 0) {
            diag_error("event=no_thread for=cleaner started=%u wanted=%u "
                       "remedy=\"raise the limit of threads\"",
                       i, config->threads);
            break;
        }
        pthread_setname_np(thread->thread, "cleaner");
        started++;
    }
    lock_take(&cleaner->lock);
    cleaner->started = started;
    lock_give(&cleaner->lock);
    return cleaner;
}

void cleaner_stop(struct cleaner **out)
{
    struct cleaner *cleaner = *out;

    if (cleaner == NULL)
        return;
    *out = NULL;
    lock_take(&cleaner->lock);
    cleaner->stopping = true;
    pthread_cond_broadcast(&cleaner->wake);
    lock_give(&cleaner->lock);
    for (unsigned i = 0; i < cleaner->started; i++)
        pthread_join(cleaner->threads[i].thread, NULL);
    pthread_cond_destroy(&cleaner->wake);
    lock_fini(&cleaner->lock);
    lock_fini(&cleaner->choosing);
    mem_free(cleaner);
}
