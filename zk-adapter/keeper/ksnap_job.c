/* ksnap_job.c - snapshots beside the service, and the purge of old files.
 *
 * 1. Right after a batch was handed over, so that no record waits: the name's
 *    zxid is taken and the next batch is told to start a new log file.
 * 2. Each turn gathers nodes for half a millisecond; full chunks are written by
 *    a thread of their own, so that commits do not queue behind them.
 * 3. When everything the nodes may show is durable, the file is sealed, synced
 *    and renamed. Until then it has a name no reader looks at. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "keeper/krecover.h"
#include "keeper/kserver.h"

enum { NODES_AT_ONCE = 64, NAME_ROOM = 64 };

static char *path_in(const char *dir, const char *prefix, int64_t zxid)
{
    size_t size = strlen(dir) + NAME_ROOM;
    char *name = mem_need(size);

    (void)snprintf(name, size, "%s/%s%llx", dir, prefix,
                   (unsigned long long)zxid);
    return name;
}

static void job_name(struct ksnap_job *job)
{
    const struct keeper *keeper = job->keeper;

    job->codec = ksnap_codec(keeper->config.snap_compression);
    job->temp = ksnap_name(keeper->snap_dir, "new-snapshot.", job->snap.zxid,
                           job->codec);
    job->name =
        ksnap_name(keeper->snap_dir, "snapshot.", job->snap.zxid, job->codec);
    wr_init(&job->packed, INT32_MAX);
    codec_writer_init(&job->packer);
    job->packing = false;
}

/* -- the thread's part ----------------------------------------------------- */

/* What of the chunk goes to the file: itself, or what its deflating gave. */
static enum err chunk_pack(struct ksnap_job *job, struct bytes *ready)
{
    enum err err = ERR_OK;

    *ready = bytes_make(job->chunk.data, job->chunk.len);
    if (job->codec == CODEC_NONE)
        return ERR_OK;
    job->packed.len = 0;
    if (!job->packing)
        err = codec_writer_start(&job->packer, job->codec, false, &job->packed);
    job->packing = true;
    if (err == ERR_OK)
        codec_writer_write(&job->packer, *ready);
    if (err == ERR_OK && job->last)
        err = codec_writer_finish(&job->packer);
    if (err == ERR_OK && job->packed.err != ERR_OK)
        err = job->packed.err;
    *ready = bytes_make(job->packed.data, job->packed.len);
    return err == ERR_OK
               ? ERR_OK
               : err_set(&job->why, err, "deflating: %s", err_words(err));
}

static enum err chunk_write(struct ksnap_job *job)
{
    struct bytes ready;
    enum err err;

    job->sum = ksnap_sum(job->sum, bytes_make(job->chunk.data, job->chunk.len));
    if (job->last)
        ksnap_seal(&job->chunk, job->sum, job->snap.zxid);
    if (job->chunk.err != ERR_OK)
        return err_set(&job->why, job->chunk.err, "no memory");
    err = chunk_pack(job, &ready);
    if (err != ERR_OK)
        return err;
    return ksnap_file_write(&job->file, ready, &job->why);
}

static enum err file_finish(struct ksnap_job *job)
{
    enum err err = ksnap_file_finish(&job->file, &job->why);

    if (err != ERR_OK)
        return err;
    if (rename(job->temp, job->name) != 0)
        return err_set(&job->why, err_from_errno(errno), "rename: %s",
                       strerror(errno));
    return ERR_OK;
}

static void job_write(struct job *at)
{
    struct ksnap_job *job = CONTAINER_OF(at, struct ksnap_job, write);

    job->err = ERR_OK;
    if (job->file.fd < 0)
        job->err = ksnap_file_open(&job->file, job->temp, &job->why);
    if (job->err == ERR_OK)
        job->err = chunk_write(job);
    if (job->err == ERR_OK && job->last)
        job->err = file_finish(job);
    if (job->err == ERR_OK && job->last)
        job->err = klog_sync_dir(job->keeper->snap_dir, &job->why);
    loop_post(job->keeper->loop, &job->done);
}

/* -- the loop's part ------------------------------------------------------- */

static void job_forget(struct ksnap_job *job)
{
    ksnap_stop(&job->snap);
    ksnap_file_close(&job->file);
    mem_free(job->temp);
    mem_free(job->name);
    job->temp = job->name = NULL;
    wr_fini(&job->chunk);
    wr_fini(&job->packed);
    codec_writer_fini(&job->packer);
    job->state = KSNAP_IDLE;
    job->last = false;
}

static void job_submit(struct ksnap_job *job)
{
    job->busy = true;
    pool_submit(job->keeper->snap_pool, &job->write);
}

static void job_done(struct job *at)
{
    struct ksnap_job *job = CONTAINER_OF(at, struct ksnap_job, done);

    int64_t now_us = clock_mono_us();

    job->busy = false;
    job->chunk.len = 0;
    job->rest_until_us = now_us + K_SNAP_REST * (now_us - job->started_us);
    if (job->err != ERR_OK) {
        diag_error("event=keeper_snapshot_failed file=%s error=\"%s\" "
                   "remedy=\"make room in dataDir; the log keeps everything "
                   "until the next one\"",
                   job->temp, job->why.text);
        unlink(job->temp);
        job_forget(job);
        kadmin_snapshot_done(job->keeper, NULL, 0);
    } else if (job->state == KSNAP_SEALED) {
        diag_info("event=keeper_snapshot file=%s ms=%lld", job->name,
                  (long long)((now_us - job->started_us) / 1000));
        kmetric_add(&job->keeper->core.metrics, KM_snapshottime,
                    (now_us - job->started_us) / 1000, 1);
        job->keeper->last_snapshot_ms = clock_wall_ms();
        job->keeper->last_snapshot = job->snap.zxid;
        kadmin_snapshot_done(job->keeper, job->name, job->snap.zxid);
        job_forget(job);
    }
}

static void next_due(struct keeper *keeper)
{
    uint64_t half = (uint64_t)keeper->config.snap_count / 2;

    /* Spread, so that servers started together do not snapshot together. */
    keeper->snap_records =
        half + map_hash_int((uint64_t)clock_mono_us(), keeper->core.tree.seed) %
                   (half + 1);
}

/* However fast the records come, snapshots take a tenth of the time at most. */
static bool is_due(const struct keeper *keeper)
{
    const struct kcore *core = &keeper->core;
    int64_t bytes = keeper->config.snap_size_kb * 512;

    if (keeper->snap.rest_until_us > core->now_ms * 1000)
        return false;
    return core->want_snapshot || core->records > keeper->snap_records ||
           (bytes > 0 && core->record_bytes > (uint64_t)bytes);
}

static void job_start(struct keeper *keeper)
{
    struct ksnap_job *job = &keeper->snap;
    struct kcore *core = &keeper->core;

    wr_init(&job->chunk, INT32_MAX);
    ksnap_start(&job->snap, core, &job->chunk);
    job_name(job);
    job->sum = KSNAP_SUM_FIRST;
    job->why.text[0] = '\0';
    job->started_us = clock_mono_us();
    job->state = KSNAP_NODES;
    core->records = 0;
    core->record_bytes = 0;
    core->want_snapshot = false;
    keeper->want_roll = true;
    next_due(keeper);
}

static void gather(struct ksnap_job *job)
{
    int64_t until = clock_mono_us() + K_SNAP_SLICE_US;
    bool more = true;

    while (more && job->chunk.len < K_SNAP_CHUNK && clock_mono_us() < until)
        more = ksnap_more(&job->snap, &job->chunk, NODES_AT_ONCE);
    if (!more) {
        ksnap_end(&job->snap, &job->chunk);
        job->end_zxid = job->keeper->core.zxid;
        job->state = KSNAP_WAIT;
    } else if (job->chunk.len >= K_SNAP_CHUNK) {
        job_submit(job);
    } else {
        loop_timer_set(&job->keeper->resume, 0);
    }
}

void ksnap_job_turn(struct keeper *keeper)
{
    struct ksnap_job *job = &keeper->snap;

    if (job->state == KSNAP_IDLE && !keeper->core.hold &&
        keeper->core.log.len == 0 && is_due(keeper))
        job_start(keeper);
    if (job->state == KSNAP_NODES && !job->busy)
        gather(job);
    if (job->state == KSNAP_WAIT && !job->busy &&
        keeper->core.durable_zxid >= job->end_zxid) {
        job->state = KSNAP_SEALED;
        job->last = true;
        job_submit(job);
    }
}

void ksnap_job_init(struct keeper *keeper)
{
    struct ksnap_job *job = &keeper->snap;

    job->keeper = keeper;
    ksnap_file_init(&job->file);
    job->write.run = job_write;
    job->done.run = job_done;
    next_due(keeper);
}

/* The loop has ended and the thread is idle. */
void ksnap_job_stop(struct keeper *keeper)
{
    struct ksnap_job *job = &keeper->snap;

    if (job->state == KSNAP_IDLE)
        return;
    if (job->state != KSNAP_SEALED || job->err != ERR_OK)
        unlink(job->temp);
    job_forget(job);
}

/* Does the first log file, which is synced before the first answer leaves, make
 * the snapshot's name durable as well? */
static bool log_syncs_name(const struct keeper *keeper)
{
    return keeper->config.force_sync &&
           strcmp(keeper->snap_dir, keeper->log_dir) == 0;
}

/* The first snapshot of a new directory, without which logs are not trusted. */
enum err ksnap_first(struct keeper *keeper, struct errmsg *why)
{
    struct ksnap_job job = { .keeper = keeper,
                             .sum = KSNAP_SUM_FIRST,
                             .last = true };
    enum err err;

    wr_init(&job.chunk, INT32_MAX);
    ksnap_start(&job.snap, &keeper->core, &job.chunk);
    while (ksnap_more(&job.snap, &job.chunk, NODES_AT_ONCE))
        continue;
    ksnap_end(&job.snap, &job.chunk);
    job_name(&job);
    err = ksnap_file_open(&job.file, job.temp, &job.why);
    if (err == ERR_OK)
        err = chunk_write(&job);
    if (err == ERR_OK)
        err = file_finish(&job);
    if (err == ERR_OK && !log_syncs_name(keeper))
        err = klog_sync_dir(keeper->snap_dir, &job.why);
    if (err != ERR_OK)
        err_set(why, err, "%s: %s", job.temp, job.why.text);
    job_forget(&job);
    return err;
}

/* -- purge ----------------------------------------------------------------- */

static void remove_some(const char *dir, const char *prefix,
                        const int64_t *zxids, size_t n)
{
    bool snaps = strcmp(prefix, "snapshot.") == 0;

    for (size_t i = 0; i < n; i++) {
        char *name = path_in(dir, prefix, zxids[i]);

        if (snaps ? ksnap_name_remove(dir, zxids[i]) : unlink(name) == 0)
            diag_info("event=keeper_purged file=%s", name);
        else
            diag_warn("event=keeper_purge_failed file=%s error=\"%s\"", name,
                      strerror(errno));
        mem_free(name);
    }
}

/* Keep the newest snapshots, and every log that may hold a change after the
 * oldest of them: also the one that starts before it. */
static void purge_run(struct job *at)
{
    struct keeper *keeper = CONTAINER_OF(at, struct keeper, purge);
    size_t retain = (size_t)keeper->config.purge_retain;
    int64_t *snaps = NULL;
    int64_t *logs = NULL;
    size_t n_snaps = 0;
    size_t n_logs = 0;
    size_t drop = 0;

    if (krecover_list(keeper->snap_dir, "snapshot.", &snaps, &n_snaps, NULL) ==
            ERR_OK &&
        krecover_list(keeper->log_dir, "log.", &logs, &n_logs, NULL) ==
            ERR_OK &&
        n_snaps > retain) {
        int64_t oldest = snaps[n_snaps - retain];

        while (drop + 1 < n_logs && logs[drop + 1] <= oldest)
            drop++;
        remove_some(keeper->log_dir, "log.", logs, drop);
        remove_some(keeper->snap_dir, "snapshot.", snaps, n_snaps - retain);
    }
    mem_free(snaps);
    mem_free(logs);
}

void kpurge_turn(struct keeper *keeper)
{
    if (keeper->config.purge_hours == 0 ||
        keeper->core.now_ms < keeper->purge_due_ms)
        return;
    keeper->purge_due_ms =
        keeper->core.now_ms + (int64_t)keeper->config.purge_hours * 3600 * 1000;
    keeper->purge.run = purge_run;
    pool_submit(keeper->snap_pool, &keeper->purge);
}
