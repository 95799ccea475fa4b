/* log_open.c - a log comes to life. */
#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

#include "base/diag.h"
#include "base/mem.h"
#include "seg/log_private.h"

static struct log *log_new(struct log_dir *dir, const char *name,
                           struct bytes topic, int32_t partition,
                           const struct log_config *config, int64_t now_ms)
{
    struct log *log = mem_need(sizeof *log);

    log->dir = dir;
    list_init(&log->link);
    log->name = mem_need_text(bytes_of(name));
    log->topic = mem_need_text(topic);
    log->partition = partition;
    atomic_init(&log->number, seg_files_number(dir->files));
    lock_init(&log->lock);
    lock_init(&log->writer);
    atomic_init(&log->end, 0);
    atomic_init(&log->start, 0);
    atomic_init(&log->high, 0);
    atomic_init(&log->unstable, LOG_NO_OFFSET);
    atomic_init(&log->recovery, 0);
    atomic_init(&log->has_closed_txns, false);
    atomic_init(&log->failed, false);
    atomic_init(&log->clean, LOG_NO_OFFSET);
    atomic_init(&log->clean_refused, false);
    atomic_init(&log->swaps, 0);
    producers_init(&log->producers);
    log->config = *config;
    log->flushed_ms = now_ms;
    return log;
}

void log_free(struct log *log)
{
    for (uint32_t i = 0; i < log->n_segments; i++)
        if (log->segments[i].exists)
            seg_files_drop(log->dir->files, log->number, log->segments[i].base);
    if (log->hot != NULL) {
        mem_free(log->hot->index);
        mem_free(log->hot->time);
        mem_free(log->hot);
    }
    mem_free(log->segments);
    mem_free(log->snapshots);
    producers_fini(&log->producers);
    epochs_fini(&log->epochs);
    lock_fini(&log->lock);
    lock_fini(&log->writer);
    mem_free(log->name);
    mem_free(log->topic);
    mem_free(log);
}

/* Random in [0, min(jitter, segment.ms)): so that logs made together do not
 * roll together. */
static int64_t jitter(const struct log_config *config)
{
    int64_t most = config->segment_jitter_ms < config->segment_ms
                       ? config->segment_jitter_ms
                       : config->segment_ms;
    uint64_t random = 0;

    if (most <= 0 ||
        getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        return 0;
    return (int64_t)(random % (uint64_t)most);
}

void log_active_reset(struct log *log, int64_t now_ms)
{
    bool empty = log_active(log)->size == 0;

    log->first_time = empty ? LOG_NO_TIMESTAMP : UNKNOWN_TIME;
    log->created_ms = now_ms;
    log->jitter_ms = jitter(&log->config);
    log->since_index = 0;
    lock_take(&log->lock);
    if (log->hot != NULL)
        log->hot->n_marks = log->hot->next_mark = 0;
    lock_give(&log->lock);
}

static void open_fresh(struct log *log, int64_t now_ms)
{
    struct segment first = { .base = 0,
                             .max_time = LOG_NO_TIMESTAMP,
                             .max_time_offset = 0 };

    log_segment_add(log, &first);
    log_active_reset(log, now_ms);
    log->time_last = LOG_NO_TIMESTAMP;
    log->parent_dirty = true;
}

static enum err open_existing(struct log *log, int64_t now_ms,
                              struct errmsg *why)
{
    struct dir_point point;
    struct listing listing;
    int64_t high;
    enum err err = listing_read(log, &listing, why);

    if (err == ERR_OK && listing.has_swap) {
        listing_fini(&listing);
        err = log_swap_finish(log, why);
        if (err == ERR_OK)
            err = listing_read(log, &listing, why);
    }
    if (err != ERR_OK)
        return err;
    dir_point_find(log->dir, bytes_of(log->topic), log->partition, &point);
    err = log_small_read(log, listing.has_epochs, listing.has_metadata, why);
    if (err == ERR_OK)
        err = log_load(log, &listing, &point, now_ms, why);
    listing_fini(&listing);
    if (err != ERR_OK)
        return err;
    high = log_high_watermark_set(log, point.high < 0 ? 0 : point.high);
    (void)high;
    atomic_store(&log->clean, point.clean);
    log->flushed_end = atomic_load(&log->recovery);
    return ERR_OK;
}

enum err log_open_named(struct log **out, struct log_dir *dir, const char *name,
                        struct bytes topic, int32_t partition,
                        enum log_open_mode mode,
                        const struct log_config *config, int64_t now_ms,
                        struct errmsg *why)
{
    char path[SEG_PATH_MOST];
    struct log *log;
    bool fresh = false;
    enum err err;

    if (log_dir_offline(dir))
        return err_set(why, ERR_IO, "%s is offline", dir->path);
    err = io_path(path, dir->path, name, why);
    if (err != ERR_OK)
        return err;
    if (mode == LOG_OPEN_CREATE) {
        fresh = dir->fs->mkdir(dir->fs, path, 0755) == 0;
        if (!fresh && errno != EEXIST) {
            err = io_fail(why, "create", path);
            if (err == ERR_IO)
                log_dir_fail(dir, why ? why->text : "mkdir");
            return err;
        }
    }
    log = log_new(dir, name, topic, partition, config, now_ms);
    if (fresh)
        open_fresh(log, now_ms);
    else
        err = open_existing(log, now_ms, why);
    if (err != ERR_OK) {
        if (err == ERR_IO)
            log_dir_fail(dir, why ? why->text : err_words(err));
        log_free(log);
        return err;
    }
    dir_log_add(dir, log);
    *out = log;
    return ERR_OK;
}

enum err log_open(struct log **log, struct log_dir *dir, struct bytes topic,
                  int32_t partition, enum log_open_mode mode,
                  const struct log_config *config, int64_t now_ms,
                  struct errmsg *why)
{
    char name[300];
    int n = snprintf(name, sizeof name, "%.*s-%d", BYTES_ARG(topic), partition);

    if (n < 0 || n > 255 || memchr(topic.at, '/', topic.len) != NULL ||
        topic.len == 0)
        return err_set(why, ERR_INVALID, "a bad topic name: %.*s",
                       BYTES_ARG(topic));
    return log_open_named(log, dir, name, topic, partition, mode, config,
                          now_ms, why);
}
