/* kbatch.c - the open batch goes to disk, one at a time.
 *
 * While keeper sync writes one batch, the next one gathers: so the number of
 * syncs follows the disk, not the number of requests. When there is one client
 * only, and it sends one change at a time, nothing gathers and nobody else
 * waits: then the loop writes itself, which saves waking a thread twice. Not
 * after a slow sync: who comes meanwhile would wait for the disk as well.
 *
 * A batch that can not be written stays where it is, its answers behind their
 * gates, and is tried again every second; meanwhile new writes are refused and
 * reads go on. */
#include "base/clock.h"
#include "base/diag.h"
#include "keeper/kserver.h"

static void batch_write(struct job *job)
{
    struct kbatch *batch = CONTAINER_OF(job, struct kbatch, write);
    struct keeper *keeper = batch->keeper;

    batch->why.text[0] = '\0';
    batch->err = ERR_OK;
    if (batch->roll)
        klog_roll(&keeper->log);
    if (batch->records.len > 0)
        batch->err = klog_append(
            &keeper->log, bytes_make(batch->records.data, batch->records.len),
            batch->first_zxid, &batch->why);
    else
        klog_reserve(&keeper->log);
    batch->low = keeper->log.low;
    loop_post(keeper->loop, &batch->done);
}

static void count_sync(struct keeper *keeper, int64_t took_us)
{
    int64_t ms = took_us / 1000;

    keeper->batch.slow = took_us > K_SLOW_US;
    kmetric_add(&keeper->core.metrics, KM_fsynctime, ms, 1);
    if (ms <= keeper->config.fsync_warning_ms)
        return;
    keeper->core.stats.slow_syncs++;
    DIAG_SELDOM(DIAG_WARN, "event=keeper_slow_sync ms=%lld bytes=%zu",
                (long long)ms, keeper->batch.records.len);
}

static void batch_failed(struct keeper *keeper)
{
    struct kbatch *batch = &keeper->batch;

    if (!keeper->core.refuse_writes)
        diag_error("event=keeper_log_failed error=\"%s\" remedy=\"make room or "
                   "mend the disk; writes are refused until then\"",
                   batch->why.text);
    keeper->core.refuse_writes = true;
    loop_timer_set(&keeper->retry, K_RETRY_US);
}

static void batch_done(struct job *job)
{
    struct kbatch *batch = CONTAINER_OF(job, struct kbatch, done);
    struct keeper *keeper = batch->keeper;
    struct kcore *core = &keeper->core;

    kserver_time(keeper);
    if (batch->err != ERR_OK) {
        batch_failed(keeper);
        return;
    }
    batch->roll = false;
    if (batch->records.len > 0) {
        count_sync(keeper, clock_mono_us() - batch->started_us);
        batch->records.len = 0;
        if (batch->records.size > (1u << 20))
            wr_fini(&batch->records);
        kcore_durable(core);
    }
    batch->busy = false;
    if (batch->low != core->refuse_writes) {
        core->refuse_writes = batch->low;
        if (batch->low)
            diag_error("event=keeper_disk_full dir=%s remedy=\"make room; "
                       "writes are refused until then\"",
                       keeper->log_dir);
        else
            diag_info("event=keeper_writes_resumed dir=%s", keeper->log_dir);
    }
    if (batch->low)
        loop_timer_set(&keeper->retry, K_RETRY_US);
}

/* Try the batch that failed again, or see whether the disk has room again. */
void kbatch_retry(struct keeper *keeper)
{
    struct kbatch *batch = &keeper->batch;

    if (!batch->busy) {
        batch->busy = true;
        batch->records.len = 0;
    }
    batch->started_us = clock_mono_us();
    pool_submit(keeper->sync_pool, &batch->write);
}

/* One client only, and one change of it. */
static bool is_lone(const struct keeper *keeper, int64_t first_zxid)
{
    return keeper->conns.next == keeper->conns.prev &&
           keeper->core.zxid == first_zxid;
}

void kbatch_submit(struct keeper *keeper, bool flushed)
{
    struct kbatch *batch = &keeper->batch;
    int64_t first = keeper->core.syncing_zxid + 1;
    bool by_loop = !batch->slow && is_lone(keeper, first);

    if (batch->busy || (by_loop && !flushed) ||
        !kcore_take_batch(&keeper->core, &batch->records))
        return;
    /* it looks for room as well; and is lent to one thread at a time */
    loop_timer_stop(&keeper->retry);
    batch->busy = true;
    batch->first_zxid = first;
    batch->roll = keeper->want_roll;
    keeper->want_roll = false;
    batch->started_us = clock_mono_us();
    if (by_loop)
        batch_write(&batch->write);
    else
        pool_submit(keeper->sync_pool, &batch->write);
}

void kbatch_init(struct keeper *keeper)
{
    struct kbatch *batch = &keeper->batch;

    batch->keeper = keeper;
    batch->write.run = batch_write;
    batch->done.run = batch_done;
    wr_init(&batch->records, INT32_MAX);
}
