/* fetch_read.c - planning what a fetch gets.
 *
 * Limits as Kafka's: partitions in order take from the response's limit; the
 * first that has anything gets at least one whole batch, however large (from v3
 * on); who comes when nothing is left gets its offsets told and no records.
 */
#include "api/fetch.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "broker.h"
#include "wire/errors.h"

/* Bytes at the head of a batch that tell its size. */
enum { SIZE_BYTES = 12 };

static int16_t error_of(enum err err)
{
    switch ((int)err) {
    case ERR_OK:
        return KAFKA_NONE;
    case ERR_RANGE:
        return KAFKA_OFFSET_OUT_OF_RANGE;
    case ERR_IO:
    case ERR_CLOSED:
        return KAFKA_KAFKA_STORAGE_ERROR;
    default:
        return KAFKA_UNKNOWN_SERVER_ERROR;
    }
}

static void plan_drop(struct log_plan *plan)
{
    seg_file_unref(&plan->file);
    plan->length = 0;
}

void fetch_release(struct fetch *f)
{
    fetch_drop_plans(f);
    for (size_t i = 0; i < f->n_items; i++)
        partition_unref(&f->items[i].partition);
    fetch_context_close(&f->context);
}

void fetch_drop_plans(struct fetch *f)
{
    for (size_t i = 0; i < f->n_items; i++) {
        plan_drop(&f->items[i].plan);
        mem_free(f->items[i].converted);
        f->items[i].converted = NULL;
        f->items[i].converted_len = 0;
    }
}

/* -- one partition
 * ----------------------------------------------------------------- */

/* Whether the fetcher's log leaves ours (KIP-595). Says so in the item, or
 * gives an error; false: all is well. */
static bool diverges(struct fetch_item *item, const struct partition_view *view)
{
    const struct fetch_want *want = item->want;
    int32_t epoch;
    int64_t end;

    if (want->last_fetched_epoch < 0)
        return false;
    log_epoch_end(view->log, want->last_fetched_epoch, &epoch, &end);
    if (epoch < 0 || end < 0 || want->offset < view->log_start) {
        item->error = KAFKA_OFFSET_OUT_OF_RANGE;
        return true;
    }
    if (epoch >= want->last_fetched_epoch && end >= want->offset)
        return false;
    item->diverging = true;
    item->diverging_epoch = epoch;
    item->diverging_end = end;
    return true;
}

/* Whether the plan is cut within its first batch. Only a plan that was filled
 * to the brim can be; then the batch's head is looked at. */
static bool first_is_cut(const struct log_plan *plan, uint32_t max)
{
    uint8_t head[SIZE_BYTES];
    uint32_t length;

    if (plan->length < max)
        return false;
    if (plan->length < SIZE_BYTES)
        return true;
    if (pread(seg_file_fd(plan->file), head, sizeof head, plan->position) !=
        (ssize_t)sizeof head)
        return true;
    memcpy(&length, head + 8, sizeof length);
    return (uint64_t)be32toh(length) + SIZE_BYTES > plan->length;
}

/* Bytes of a cold range that are brought in before sendfile meets them. */
enum { WARM_BYTES = 1024 * 1024 };

/* Make sure that sending will not wait for the disk: true when the range is, or
 * (in the pool) now comes, into the page cache. */
static bool warm(const struct fetch *f, const struct log_plan *plan)
{
    const struct fs *fs = replicas_config(f->replicas)->fs;
    int fd = seg_file_fd(plan->file);
    uint8_t byte;

    if (plan->hot)
        return true;
    if (!f->blocking)
        return fs->pread_cached(fs, fd, &byte, 1, plan->position) == 1 &&
               fs->pread_cached(fs, fd, &byte, 1,
                                plan->position + plan->length - 1) == 1;
    readahead(fd, plan->position,
              plan->length < WARM_BYTES ? plan->length : WARM_BYTES);
    return true;
}

static enum err plan_read(struct fetch *f, struct fetch_item *item,
                          const struct partition_view *view, uint32_t max,
                          bool one)
{
    const struct fetch_want *want = item->want;
    unsigned flags =
        (one ? LOG_READ_ONE : 0u) | (f->blocking ? 0u : LOG_READ_NO_BLOCK);
    struct errmsg why = { "" };
    enum err err;

    if (want->offset < view->log_start || want->offset > view->log_end)
        return ERR_RANGE;
    if (max == 0 && !one)
        return ERR_OK;
    err = log_read(view->log, want->offset, item->bound, max, flags,
                   &item->plan, &why);
    if (err == ERR_IO)
        DIAG_SELDOM(DIAG_ERROR,
                    "event=read_failed topic=%s partition=%d "
                    "reason=\"%s\"",
                    item->partition->topic, item->partition->index, why.text);
    if (err != ERR_OK || !item->plan.file)
        return err;
    if (!warm(f, &item->plan))
        return ERR_AGAIN;
    if (!one && !f->hard_limit && first_is_cut(&item->plan, max))
        plan_drop(&item->plan);
    return ERR_OK;
}

static enum err find_aborted(struct fetch *f, struct fetch_item *item,
                             const struct partition_view *view)
{
    struct errmsg why = { "" };

    item->n_aborted = 0;
    if (!f->committed || !item->plan.file)
        return ERR_OK;
    return log_plan_aborted(view->log, &item->plan, item->want->offset,
                            f->blocking ? 0u : LOG_READ_NO_BLOCK,
                            &f->request->arena, &item->aborted,
                            &item->n_aborted, &why);
}

static int64_t bound_of(const struct fetch *f, const struct partition_view *v)
{
    return fetch_is_follower(f) ? v->log_end
           : f->committed       ? v->last_stable
                                : v->high_watermark;
}

static void note_follower(struct fetch *f, struct fetch_item *item,
                          const struct partition_view *view)
{
    struct follower_fetch fetched = {
        .id = f->replica,
        .broker_epoch = f->replica_epoch,
        .offset = item->want->offset,
        .log_start = item->want->log_start,
        .leader_end = view->log_end,
        .now_ms = clock_wall_ms(),
    };

    partition_follower_fetched(item->partition, &fetched);
}

static int16_t check_follower(const struct fetch *f,
                              const struct fetch_item *item)
{
    if (!fetch_is_follower(f))
        return KAFKA_NONE;
    return partition_follower_check(item->partition, f->replica,
                                    item->want->current_epoch >= 0);
}

/* Results of an entered partition. */
static enum err read_entered(struct fetch *f, struct fetch_item *item,
                             const struct partition_view *view, uint32_t max,
                             bool one)
{
    enum err err = ERR_OK;

    item->high_watermark = view->high_watermark;
    item->last_stable = view->last_stable;
    item->log_start = view->log_start;
    item->bound = bound_of(f, view);
    item->error = check_follower(f, item);
    if (item->error != KAFKA_NONE || diverges(item, view))
        return ERR_OK;
    err = plan_read(f, item, view, max, one);
    if (err == ERR_OK)
        err = find_aborted(f, item, view);
    if (err == ERR_AGAIN)
        return err;
    item->error = error_of(err);
    if (err == ERR_OK && fetch_is_follower(f) && !f->again)
        note_follower(f, item, view);
    return ERR_OK;
}

static void forget(struct fetch_item *item)
{
    plan_drop(&item->plan);
    item->high_watermark = item->last_stable = item->log_start = -1;
    item->n_aborted = 0;
}

static void read_one(struct fetch *f, struct fetch_item *item, int64_t limit,
                     bool one)
{
    const struct fetch_want *want = item->want;
    struct partition_view view;
    int64_t max = want->max_bytes < limit ? want->max_bytes : limit;

    item->diverging = false;
    if (want->max_bytes < 0) { /* Kafka has no better word for it either */
        item->error = KAFKA_UNKNOWN_SERVER_ERROR;
        return;
    }
    item->error = partition_enter(item->partition, want->current_epoch,
                                  f->leader_only, &view);
    if (item->error != KAFKA_NONE)
        return;
    if (!uuid_is_zero(want->id) && !uuid_is_zero(view.topic_id) &&
        !uuid_equal(want->id, view.topic_id))
        item->error = KAFKA_INCONSISTENT_TOPIC_ID;
    else if (read_entered(f, item, &view, (uint32_t)max, one) == ERR_AGAIN)
        f->must_block = true;
    partition_leave(item->partition);
    if (item->error != KAFKA_NONE)
        forget(item);
}

/* -- all
 * ---------------------------------------------------------------------------
 */

void fetch_read_all(struct fetch *f)
{
    int64_t limit = f->max_bytes < 0 ? 0 : f->max_bytes;
    bool one = !f->hard_limit;

    f->bytes = 0;
    f->failed = f->diverged = f->must_block = false;
    for (size_t i = 0; i < f->n_items; i++) {
        struct fetch_item *item = &f->items[i];

        if (item->partition) {
            read_one(f, item, limit, one);
            if (f->must_block)
                return;
        }
        f->failed |= item->error != KAFKA_NONE && !item->unknown;
        f->diverged |= item->diverging;
        f->bytes += item->plan.length;
        limit = limit > item->plan.length ? limit - item->plan.length : 0;
        if (item->plan.length > 0)
            one = false;
    }
}
