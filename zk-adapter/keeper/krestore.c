/* krestore.c - the steps of a restore, on the loop; see krestore.h. */
#include "keeper/krestore.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "keeper/kjson.h"
#include "keeper/kserver.h"

/* -- answers --------------------------------------------------------------- */

/* `error` NULL: none is told. */
static void tell(struct khttp_conn *conn, int status, const char *error,
                 int64_t zxid)
{
    struct kjson json;

    conn->status = status;
    conn->type = "application/json";
    kjson_init(&json, &conn->body);
    kjson_object(&json, NULL);
    if (status == 200)
        kjson_int(&json, "last_zxid", zxid);
    kjson_text(&json, "command", BYTES("restore"));
    if (error != NULL)
        kjson_text(&json, "error", bytes_of(error));
    else
        kjson_null(&json, "error");
    kjson_end(&json);
}

static void answer(struct krestore *r, int status, const char *error,
                   int64_t zxid)
{
    struct khttp_conn *conn = r->conn;

    r->conn = NULL;
    if (conn == NULL)
        return;
    tell(conn, status, error, zxid);
    khttp_answer(conn);
}

/* -- the end of one -------------------------------------------------------- */

static void fresh_free(struct krestore *r)
{
    if (r->fresh == NULL)
        return;
    kcore_fini(r->fresh);
    mem_free(r->fresh);
    r->fresh = NULL;
}

static void files_close(struct krestore *r)
{
    if (r->fd >= 0)
        close(r->fd);
    r->fd = -1;
    ksnap_file_close(&r->file);
    if (r->temp != NULL && !r->renamed)
        unlink(r->temp);
    mem_free(r->temp);
    r->temp = NULL;
}

static void submit(struct krestore *r)
{
    r->err = ERR_OK;
    r->why.text[0] = '\0';
    pool_submit(r->keeper->snap_pool, &r->work);
}

/* Clients are heard again, in the next turn. */
static void let_go(struct keeper *keeper)
{
    keeper->core.hold = false;
    loop_timer_set(&keeper->resume, 0);
}

/* What is left of it goes; a tree takes its time. */
static void clear(struct krestore *r)
{
    files_close(r);
    r->state = KRESTORE_IDLE;
    if (r->fresh == NULL)
        return;
    r->state = KRESTORE_FREE;
    submit(r);
}

/* Nothing has changed. */
static void fail(struct krestore *r)
{
    char text[sizeof r->why.text + 64];

    kmetric_count(&r->keeper->core.metrics, KM_restore_error_count, 1);
    diag_error("event=keeper_restore_failed error=\"%s\" remedy=\"send a whole "
               "snapshot; the data is as it was\"",
               r->why.text);
    (void)snprintf(text, sizeof text, "The data is as it was: %s", r->why.text);
    let_go(r->keeper);
    clear(r);
    answer(r, 500, text, 0);
}

/* -- the body -------------------------------------------------------------- */

/* Is there room for it, for the snapshot made of it, and then some? */
static bool has_room(const struct keeper *keeper, int64_t size)
{
    struct statvfs fs;

    uint64_t need = 2 * (uint64_t)size + K_RESTORE_SPARE;

    return statvfs(keeper->snap_dir, &fs) == 0 && fs.f_frsize > 0 &&
           fs.f_bavail >= need / fs.f_frsize;
}

/* A file that goes with the process: its name is gone before its bytes come. */
static int nameless(const char *dir)
{
    char *name = ksnap_name(dir, "new-restore.", 0, CODEC_NONE);
    int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd >= 0)
        unlink(name);
    mem_free(name);
    return fd;
}

static bool refuse(struct keeper *keeper, struct khttp_conn *conn, int status,
                   const char *error)
{
    if (status == 429)
        kmetric_count(&keeper->core.metrics, KM_restore_rate_limited_count, 1);
    else if (error != NULL)
        diag_warn("event=keeper_restore_refused error=\"%s\"", error);
    tell(conn, status, error, 0);
    return false;
}

bool krestore_begin(struct keeper *keeper, struct khttp_conn *conn)
{
    struct krestore *r = &keeper->restore;
    int64_t now_us = clock_mono_us();

    if (!keeper->config.admin_restore)
        return refuse(keeper, conn, 503, NULL);
    if (r->state != KRESTORE_IDLE ||
        (r->asked_us != 0 && keeper->config.admin_rate_ms > 0 &&
         (now_us - r->asked_us) / 1000 <= keeper->config.admin_rate_ms))
        return refuse(keeper, conn, 429, NULL);
    if (conn->body_left > K_RESTORE_MOST)
        return refuse(keeper, conn, 413, "The snapshot is too large");
    if (!has_room(keeper, conn->body_left))
        return refuse(keeper, conn, 500, "There is no room for it in dataDir");
    r->fd = nameless(keeper->snap_dir);
    if (r->fd < 0)
        return refuse(keeper, conn, 500, "No file can be made in dataDir");
    r->asked_us = now_us;
    r->state = KRESTORE_BODY;
    r->conn = conn;
    r->size = conn->body_left;
    r->got = 0;
    conn->taking = true;
    return true;
}

bool krestore_take(struct keeper *keeper, struct khttp_conn *conn,
                   struct bytes piece)
{
    struct krestore *r = &keeper->restore;
    struct errmsg why;

    if (klog_write_at(r->fd, piece, r->got, &why) == ERR_OK) {
        r->got += (int64_t)piece.len;
        return true;
    }
    r->conn = NULL;
    clear(r);
    kmetric_count(&keeper->core.metrics, KM_restore_error_count, 1);
    return refuse(keeper, conn, 500, why.text);
}

void krestore_go(struct keeper *keeper, struct khttp_conn *conn)
{
    struct krestore *r = &keeper->restore;

    (void)conn;
    r->state = KRESTORE_LOAD;
    r->started_us = clock_mono_us();
    diag_info("event=keeper_restore_started bytes=%lld", (long long)r->got);
    submit(r);
}

void krestore_gone(struct keeper *keeper, const struct khttp_conn *conn)
{
    struct krestore *r = &keeper->restore;

    if (r->conn != conn)
        return;
    r->conn = NULL;
    if (r->state == KRESTORE_BODY)
        clear(r);
}

/* -- the thread -------------------------------------------------------------
 */

static void work_run(struct job *at)
{
    struct krestore *r = CONTAINER_OF(at, struct krestore, work);

    if (r->state == KRESTORE_LOAD) {
        r->err = krestore_load(r);
        if (r->err != ERR_OK)
            fresh_free(r);
    } else if (r->state == KRESTORE_COMMIT) {
        r->err = krestore_commit(r);
    } else {
        fresh_free(r);
    }
    loop_post(r->keeper->loop, &r->done);
}

/* -- the loop's part ------------------------------------------------------- */

static void work_done(struct job *at)
{
    struct krestore *r = CONTAINER_OF(at, struct krestore, done);

    if (r->state == KRESTORE_FREE) {
        r->state = KRESTORE_IDLE;
    } else if (r->state == KRESTORE_COMMIT && r->renamed && r->err != ERR_OK) {
        diag_error("event=keeper_restore_waits error=\"%s\" remedy=\"mend the "
                   "disk; nobody is served until then\"",
                   r->why.text);
        loop_timer_set(&r->again, K_RETRY_US);
    } else if (r->err != ERR_OK) {
        fail(r);
    } else {
        r->state = r->state == KRESTORE_LOAD ? KRESTORE_DRAIN : KRESTORE_SWAP;
    }
}

static void on_again(struct loop_timer *timer)
{
    submit(CONTAINER_OF(timer, struct krestore, again));
}

/* From here on nothing is logged, until the trees have changed places. */
static void drain(struct krestore *r)
{
    struct keeper *keeper = r->keeper;
    struct kcore *core = &keeper->core;

    if (!core->hold && keeper->snap.state != KSNAP_IDLE)
        return;
    core->hold = true;
    if (core->refuse_writes) {
        (void)err_set(&r->why, ERR_SPACE, "the log takes no more writes");
        fail(r);
        return;
    }
    if (core->log.len > 0 || keeper->batch.busy)
        return;
    r->zxid = core->zxid > r->most_zxid ? core->zxid : r->most_zxid;
    r->zxid++;
    r->zxid += (uint32_t)r->zxid == 0; /* that would begin an epoch */
    r->state = KRESTORE_COMMIT;
    submit(r);
}

static void core_change(struct krestore *r)
{
    struct keeper *keeper = r->keeper;
    struct kcore *core = &keeper->core;

    ktree_swap(&core->tree, &r->fresh->tree);
    ksessions_swap(&core->sessions, &r->fresh->sessions,
                   keeper->config.min_session_ms, core->now_ms);
    core->n_limits = r->fresh->n_limits;
    core->counted = NULL;
    core->counted_zxid = 0;
    core->zxid = core->durable_zxid = core->syncing_zxid = r->zxid;
    core->acl_zxid = core->quota_zxid = 0;
    core->records = 0;
    core->record_bytes = 0;
    keeper->want_roll = true;
    keeper->last_snapshot = r->zxid;
    keeper->last_snapshot_ms = clock_wall_ms();
}

static void swap(struct krestore *r)
{
    struct keeper *keeper = r->keeper;
    int64_t ms = (clock_mono_us() - r->started_us) / 1000;

    kserver_time(keeper);
    kconn_end_all(keeper);
    core_change(r);
    kmetric_add(&keeper->core.metrics, KM_restore_time, ms, 1);
    diag_info(
        "event=keeper_restored zxid=0x%llx snapshot_zxid=0x%llx nodes=%zu "
        "sessions=%zu ms=%lld",
        (unsigned long long)r->zxid, (unsigned long long)r->snapshot_zxid,
        keeper->core.tree.n, keeper->core.sessions.by_id.count, (long long)ms);
    let_go(keeper);
    clear(r);
    answer(r, 200, NULL, r->snapshot_zxid < 0 ? r->zxid : r->snapshot_zxid);
}

void krestore_turn(struct keeper *keeper)
{
    struct krestore *r = &keeper->restore;

    if (r->state == KRESTORE_DRAIN)
        drain(r);
    else if (r->state == KRESTORE_SWAP)
        swap(r);
}

void krestore_init(struct keeper *keeper)
{
    struct krestore *r = &keeper->restore;

    r->keeper = keeper;
    r->fd = -1;
    ksnap_file_init(&r->file);
    r->work.run = work_run;
    r->done.run = work_done;
    loop_timer_init(&r->again, keeper->loop, on_again);
}

void krestore_end(struct keeper *keeper)
{
    loop_timer_stop(&keeper->restore.again);
}

void krestore_stop(struct keeper *keeper)
{
    struct krestore *r = &keeper->restore;

    if (r->keeper == NULL)
        return;
    files_close(r);
    fresh_free(r);
}
