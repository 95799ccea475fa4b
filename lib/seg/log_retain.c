/* log_retain.c - what is old, too much, or below the log start goes. */
#include "base/diag.h"
#include "base/mem.h"
#include "seg/log_private.h"

/* -- deciding
 * ----------------------------------------------------------------------- */

/* Whether the segment at `i` may go at all: below the high watermark, and not
 * the active one while that is empty. */
static bool may_go(const struct log_segment_fact *facts, size_t n, size_t i,
                   int64_t high_watermark)
{
    return i < n && high_watermark >= facts[i].next &&
           (i + 1 < n || facts[i].bytes > 0);
}

size_t log_retention_choose(const struct log_segment_fact *facts, size_t n,
                            const struct log_config *config,
                            int64_t high_watermark, int64_t log_start,
                            int64_t now_ms)
{
    int64_t total = 0, over;
    size_t k = 0;

    /* Below the log start; the active segment has no successor to say so. */
    while (k + 1 < n && may_go(facts, n, k, high_watermark) &&
           facts[k].next <= log_start)
        k++;
    if (!config->cleanup_delete)
        return k;
    for (size_t i = k; i < n; i++)
        total += facts[i].bytes;
    if (config->retention_bytes >= 0 && total >= config->retention_bytes) {
        over = total - config->retention_bytes;
        while (may_go(facts, n, k, high_watermark) && facts[k].bytes <= over)
            over -= facts[k++].bytes;
    }
    while (config->retention_ms >= 0 && may_go(facts, n, k, high_watermark) &&
           now_ms - facts[k].largest_ms > config->retention_ms)
        k++;
    return k;
}

/* -- doing
 * -------------------------------------------------------------------------- */

static enum err gather_once(struct log *log, struct log_segment_fact *facts,
                            size_t size, size_t *n, struct errmsg *why)
{
    int64_t at = 0;
    bool last = false;
    enum err err = ERR_OK;

    *n = 0;
    while (err == ERR_OK && !last && *n < size) {
        struct log_segment_fact *fact = &facts[*n];
        struct segment segment;

        log_segment_of(log, at, &segment, &at, &last);
        fact->base = segment.base;
        fact->next = at;
        fact->bytes = segment.size;
        err = log_segment_largest(log, &segment, &fact->largest_ms,
                                  &fact->modified_ms, why);
        ++*n;
    }
    return err;
}

/* Compaction may replace segments at any time; `look` says of what state the
 * facts are. */
static enum err gather(struct log *log, struct log_segment_fact *facts,
                       size_t size, size_t *n, uint32_t *look,
                       struct errmsg *why)
{
    enum err err;

    do {
        err = log_look(log, false, look);
        if (err == ERR_OK)
            err = gather_once(log, facts, size, n, why);
    } while (!log_looked(log, *look));
    return err;
}

static size_t count(struct log *log)
{
    size_t n;

    lock_take(&log->lock);
    n = log->n_segments;
    lock_give(&log->lock);
    return n;
}

enum err log_segment_facts(struct log *log, struct arena *arena,
                           struct log_segment_fact **facts, size_t *n,
                           struct errmsg *why)
{
    size_t size = count(log);
    uint32_t look;

    *n = 0;
    *facts = arena_array(arena, size, sizeof **facts);
    return *facts == NULL ? arena->err
                          : gather(log, *facts, size, n, &look, why);
}

static void raise_start(struct log *log, int64_t offset)
{
    if (offset <= atomic_load(&log->start))
        return;
    atomic_store(&log->start, offset);
    if (atomic_load(&log->high) < offset)
        atomic_store(&log->high, offset);
    epochs_cut_start(&log->epochs, offset);
    producers_stable(&log->producers, offset);
    log_unstable_update(log);
}

/* Take the first segments whose base is below `keep` out of the row. Under
 * `writer`, as it moves the active one. */
static struct segment *take_head(struct log *log, int64_t keep, uint32_t *n)
{
    struct segment *gone;

    lock_take(&log->lock);
    *n = 0;
    while (*n + 1 < log->n_segments && log->segments[*n].base < keep)
        ++*n;
    gone = mem_need_array(*n > 0 ? *n : 1, sizeof *gone);
    memcpy(gone, log->segments, *n * sizeof *gone);
    raise_start(log, keep);
    log_segment_take(log, 0, *n);
    lock_give(&log->lock);
    return gone;
}

static enum err remove_head(struct log *log,
                            const struct log_segment_fact *last, bool all,
                            uint32_t look, int64_t now_ms, size_t *removed,
                            struct errmsg *why)
{
    struct segment *gone;
    uint32_t n;
    enum err err;

    lock_take(&log->writer);
    err = log_usable(log, why);
    if (err == ERR_OK && !log_looked(log, look)) {
        lock_give(&log->writer);
        return ERR_OK; /* other segments now: the next round chooses anew */
    }
    if (err == ERR_OK && all)
        err = log_roll_over(log, atomic_load(&log->end), now_ms, why);
    if (err != ERR_OK) {
        lock_give(&log->writer);
        return err;
    }
    gone = take_head(log, last->next, &n);
    lock_give(&log->writer);
    for (uint32_t i = 0; i < n && err == ERR_OK; i++) {
        diag_info("event=segment_removed partition=%s segment=%020lld "
                  "bytes=%u reason=retention",
                  log->name, (long long)gone[i].base, gone[i].size);
        err = log_segment_remove(log, &gone[i], false, now_ms, why);
    }
    mem_free(gone);
    *removed = n;
    if (err != ERR_OK || n == 0)
        return err;
    lock_take(&log->writer);
    err = log_snapshots_cut(log, last->next - 1, INT64_MAX, why);
    lock_give(&log->writer);
    return err;
}

enum err log_retain(struct log *log, int64_t now_ms, size_t *removed,
                    struct errmsg *why)
{
    size_t size = count(log), n, k, gone = 0;
    struct log_segment_fact *facts = mem_need_array(size, sizeof *facts);
    struct log_config config;
    uint32_t look;
    enum err err = log_usable(log, why);

    if (err == ERR_OK)
        err = gather(log, facts, size, &n, &look, why);
    if (err == ERR_OK) {
        log_config_get(log, &config);
        k = log_retention_choose(facts, n, &config, atomic_load(&log->high),
                                 atomic_load(&log->start), now_ms);
        if (k > 0)
            err = remove_head(log, &facts[k - 1], k == n, look, now_ms, &gone,
                              why);
    }
    mem_free(facts);
    if (removed != NULL)
        *removed = gone;
    return log_failed(log, err, why);
}

enum err log_start_raise(struct log *log, int64_t offset, struct errmsg *why)
{
    enum err err = log_usable(log, why);

    if (err != ERR_OK)
        return err;
    lock_take(&log->lock);
    if (offset > atomic_load(&log->high))
        err = err_set(why, ERR_RANGE,
                      "offset %lld is above the high watermark %lld",
                      (long long)offset, (long long)atomic_load(&log->high));
    else
        raise_start(log, offset);
    lock_give(&log->lock);
    return err;
}
