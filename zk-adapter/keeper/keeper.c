/* keeper.c - start, the turn of the loop, stop. */
#include "keeper/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "keeper/krecover.h"
#include "keeper/kserver.h"
#include "keeper/kwords.h"

void kserver_time(struct keeper *keeper)
{
    keeper->core.now_ms = clock_mono_us() / 1000;
    keeper->core.wall_ms = clock_wall_ms();
}

/* -- the loop -------------------------------------------------------------- */

static void on_turn(struct loop_hook *hook)
{
    struct keeper *keeper = CONTAINER_OF(hook, struct keeper, turn);

    kbatch_submit(keeper, false);
    if (keeper->tls != NULL)
        kshake_turn(keeper);
    kconn_resume(keeper);
    kconn_flush(keeper);
    kbatch_submit(keeper, true);
    krestore_turn(keeper);
    ksnap_job_turn(keeper);
}

static int64_t until_next_tick_us(const struct keeper *keeper)
{
    int64_t tick_us = (int64_t)keeper->config.tick_time_ms * 1000;
    int64_t left = tick_us - clock_mono_us() % tick_us;

    return left < 1000000 ? left : 1000000;
}

/* Buckets of sessions end at whole ticks. Whoever was stopped for longer than a
 * tick first hears what lies in the sockets: one more turn. */
static void on_tick(struct loop_timer *timer)
{
    struct keeper *keeper = CONTAINER_OF(timer, struct keeper, tick);
    int64_t gap;
    bool more = false;

    kserver_time(keeper);
    gap = keeper->core.now_ms - keeper->last_tick_ms;
    keeper->last_tick_ms = keeper->core.now_ms;
    if (gap > keeper->config.tick_time_ms + 1000) {
        loop_timer_set(timer, 20000);
        return;
    }
    kconn_sweep(keeper);
    if (!keeper->core.hold) {
        more = kcore_expire(&keeper->core);
        more = kcore_clean(&keeper->core) || more;
    }
    kpurge_turn(keeper);
    loop_timer_set(timer, more ? 0 : until_next_tick_us(keeper));
}

static void on_retry(struct loop_timer *timer)
{
    kbatch_retry(CONTAINER_OF(timer, struct keeper, retry));
}

/* Nothing to do but to make a turn happen. */
static void on_resume(struct loop_timer *timer)
{
    (void)timer;
}

static void on_stop(struct job *job)
{
    struct keeper *keeper = CONTAINER_OF(job, struct keeper, stop);

    loop_timer_stop(&keeper->tick);
    loop_timer_stop(&keeper->retry);
    loop_timer_stop(&keeper->resume);
    krestore_end(keeper);
    kadmin_stop(keeper);
    kconn_close_all(keeper);
    loop_hook_remove(&keeper->turn);
    loop_stop(keeper->loop);
}

static void *thread_run(void *arg)
{
    struct keeper *keeper = arg;

    loop_run(keeper->loop);
    return NULL;
}

/* -- start ----------------------------------------------------------------- */

static char *version_dir(const char *dir)
{
    size_t size = strlen(dir) + 16;
    char *path = mem_need(size);

    (void)snprintf(path, size, "%s/version-2", dir);
    return path;
}

static enum err config_copy(struct keeper *keeper,
                            const struct keeper_config *config,
                            struct errmsg *why)
{
    keeper_config_copy(&keeper->config, config);
    return keeper_config_finish(&keeper->config, why);
}

static struct keeper *keeper_new(void)
{
    struct keeper *keeper = mem_need(sizeof *keeper);

    klisteners_init(keeper);
    keeper->lock_fds[0] = -1;
    keeper->lock_fds[1] = -1;
    keeper->log.fd = -1;
    list_init(&keeper->conns);
    list_init(&keeper->dead);
    list_init(&keeper->strangers);
    list_init(&keeper->paused);
    list_init(&keeper->shaking);
    keeper->shakes_left = K_SHAKES_A_TURN;
    keeper->stop.run = on_stop;
    return keeper;
}

/* Free what was built, however far it got. Nothing runs. */
static void keeper_free(struct keeper *keeper)
{
    if (keeper->sync_pool != NULL)
        pool_free(&keeper->sync_pool);
    if (keeper->snap_pool != NULL)
        pool_free(&keeper->snap_pool);
    if (keeper->log.dir != NULL)
        klog_fini(&keeper->log);
    wr_fini(&keeper->batch.records);
    if (keeper->core.config != NULL)
        kcore_fini(&keeper->core);
    if (keeper->loop != NULL)
        loop_free(&keeper->loop);
    for (int i = 0; i < 2; i++)
        if (keeper->lock_fds[i] >= 0)
            close(keeper->lock_fds[i]);
    ktls_free(&keeper->tls);
    map_fini(&keeper->plain.addresses);
    map_fini(&keeper->secure.addresses);
    keeper_config_fini(&keeper->config);
    mem_free(keeper->snap_dir);
    mem_free(keeper->log_dir);
    mem_free(keeper->scratch);
    mem_free(keeper);
}

/* Two servers on one directory would cut each other's logs. The lock is on the
 * directory itself and goes with the process. */
static enum err dir_lock(const char *dir, int *fd, struct errmsg *why)
{
    *fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return err_set(why, err_from_errno(errno), "open %s: %s", dir,
                       strerror(errno));
    if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
        return ERR_OK;
    return errno == EWOULDBLOCK
               ? err_set(why, ERR_BUSY,
                         "%s is used by another server: stop it, "
                         "or set another dataDir",
                         dir)
               : err_set(why, err_from_errno(errno), "lock %s: %s", dir,
                         strerror(errno));
}

static enum err dirs_take(struct keeper *keeper, struct errmsg *why)
{
    enum err err = ERR_OK;

    if (keeper->config.autocreate) {
        err = krecover_mkdirs(keeper->snap_dir, why);
        if (err == ERR_OK)
            err = krecover_mkdirs(keeper->log_dir, why);
    }
    if (err == ERR_OK)
        err = dir_lock(keeper->snap_dir, &keeper->lock_fds[0], why);
    if (err == ERR_OK && strcmp(keeper->snap_dir, keeper->log_dir) != 0)
        err = dir_lock(keeper->log_dir, &keeper->lock_fds[1], why);
    return err;
}

/* Takes over `sasl`. */
static enum err data_open(struct keeper *keeper, struct ksasl *sasl,
                          struct errmsg *why)
{
    int64_t now_us = clock_mono_us();
    struct krecover_result result;
    enum err err;

    keeper->snap_dir = version_dir(keeper->config.data_dir);
    keeper->log_dir = version_dir(keeper->config.data_log_dir);
    kcore_init(&keeper->core, &keeper->config, now_us / 1000, clock_wall_ms());
    keeper->core.sasl = sasl;
    err = dirs_take(keeper, why);
    if (err == ERR_OK)
        err = krecover(&keeper->core, keeper->snap_dir, keeper->log_dir,
                       &result, why);
    if (err != ERR_OK)
        return err;
    keeper->core.word = kword_answer;
    klog_init(&keeper->log, keeper->log_dir,
              (int64_t)keeper->config.pre_alloc_kb * 1024,
              keeper->config.force_sync);
    if (keeper->config.log_size_kb > 0)
        keeper->log.size_most = keeper->config.log_size_kb * 1024;
    diag_info("event=keeper_recovered dir=%s nodes=%zu sessions=%zu "
              "zxid=0x%llx records=%llu ms=%lld",
              keeper->snap_dir, keeper->core.tree.n,
              keeper->core.sessions.by_id.count,
              (unsigned long long)keeper->core.zxid,
              (unsigned long long)result.records,
              (long long)((clock_mono_us() - now_us) / 1000));
    kmetric_add(&keeper->core.metrics, KM_dbinittime,
                (clock_mono_us() - now_us) / 1000, 1);
    if (result.records > 0)
        kmetric_add(&keeper->core.metrics, KM_startup_txns_loaded,
                    (int64_t)result.records, 1);
    keeper->last_snapshot_ms = clock_wall_ms();
    keeper->last_snapshot =
        result.snapshot_zxid < 0 ? keeper->core.zxid : result.snapshot_zxid;
    return result.snapshot_zxid < 0 ? ksnap_first(keeper, why) : ERR_OK;
}

/* What a client must bring: certificates, passwords. Before any file of data is
 * touched, so that a wrong setting changes nothing. */
static enum err security_open(struct keeper *keeper, struct ksasl **sasl,
                              struct errmsg *why)
{
    const struct keeper_config *config = &keeper->config;
    enum err err = ERR_OK;

    if (keeper_config_has_tls(config))
        err = ktls_new(&keeper->tls, config, why);
    if (err == ERR_OK)
        err = ksasl_load(sasl, config, why);
    if (err == ERR_OK && config->require_sasl && *sasl == NULL)
        err = err_set(why, ERR_INVALID,
                      "sessionRequireClientSASLAuth=true, but there are no "
                      "users: set java.security.auth.login.config to a JAAS "
                      "file with a section Server");
    return err;
}

static enum err loop_open(struct keeper *keeper, struct errmsg *why)
{
    enum err err = loop_new(&keeper->loop, "keeper", why);

    if (err == ERR_OK)
        err = pool_new(&keeper->sync_pool, "keeper-sync", 1, why);
    if (err == ERR_OK)
        err = pool_new(&keeper->snap_pool, "keeper-snap", 1, why);
    if (err != ERR_OK)
        return err;
    keeper->scratch = mem_need(K_SCRATCH);
    kbatch_init(keeper);
    ksnap_job_init(keeper);
    krestore_init(keeper);
    loop_timer_init(&keeper->tick, keeper->loop, on_tick);
    loop_timer_init(&keeper->retry, keeper->loop, on_retry);
    loop_timer_init(&keeper->resume, keeper->loop, on_resume);
    keeper->turn.on_turn = on_turn;
    loop_hook_add(keeper->loop, &keeper->turn);
    kserver_time(keeper);
    keeper->last_tick_ms = keeper->core.now_ms;
    loop_timer_set(&keeper->tick, until_next_tick_us(keeper));
    err = klisteners_open(keeper, why);
    return err == ERR_OK ? kadmin_start(keeper, why) : err;
}

static void loop_close(struct keeper *keeper)
{
    if (keeper->loop == NULL || keeper->scratch == NULL)
        return;
    loop_timer_stop(&keeper->tick);
    loop_hook_remove(&keeper->turn);
    kadmin_stop(keeper);
}

/* Signals are the main program's: the thread is born with all of them blocked.
 */
static enum err thread_start(struct keeper *keeper, struct errmsg *why)
{
    sigset_t all;
    sigset_t old;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&keeper->thread, NULL, thread_run, keeper);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0)
        return err_set(why, err_from_errno(rc), "thread: %s", strerror(rc));
    keeper->running = true;
    return ERR_OK;
}

enum err keeper_start(struct keeper **out, const struct keeper_config *config,
                      struct errmsg *why)
{
    struct keeper *keeper = keeper_new();
    struct ksasl *sasl = NULL;
    enum err err = config_copy(keeper, config, why);

    if (err == ERR_OK)
        err = security_open(keeper, &sasl, why);
    if (err == ERR_OK)
        err = data_open(keeper, sasl, why);
    else
        ksasl_free(&sasl);
    if (err == ERR_OK)
        err = loop_open(keeper, why);
    if (err == ERR_OK)
        err = thread_start(keeper, why);
    if (err != ERR_OK) {
        loop_close(keeper);
        klisteners_close(keeper);
        keeper_free(keeper);
        return err;
    }
    diag_info("event=keeper_started port=%u dir=%s", keeper->plain.port,
              keeper->snap_dir);
    if (keeper->tls != NULL)
        diag_info("event=keeper_tls secure_port=%u also_on_port=%u",
                  keeper->secure.port,
                  config->port_unification ? keeper->plain.port : 0);
    *out = keeper;
    return ERR_OK;
}

uint16_t keeper_port(const struct keeper *keeper)
{
    return keeper->plain.port;
}

uint16_t keeper_secure_port(const struct keeper *keeper)
{
    return keeper->secure.port;
}

uint16_t keeper_admin_port(const struct keeper *keeper)
{
    return keeper->admin.commands.port;
}

uint16_t keeper_metrics_port(const struct keeper *keeper)
{
    return keeper->admin.metrics.port;
}

/* What was applied but not yet handed over was never answered; it is written
 * all the same, so that a stop loses nothing a client may have sent. */
static void flush_rest(struct keeper *keeper)
{
    struct kcore *core = &keeper->core;
    struct errmsg why;
    struct bytes rest = bytes_make(core->log.data, core->log.len);

    if (keeper->batch.err != ERR_OK || rest.len == 0)
        return;
    if (klog_append(&keeper->log, rest, core->syncing_zxid + 1, &why) != ERR_OK)
        diag_warn("event=keeper_last_batch_lost error=\"%s\"", why.text);
}

void keeper_stop(struct keeper **at)
{
    struct keeper *keeper = *at;

    *at = NULL;
    if (keeper == NULL)
        return;
    loop_post(keeper->loop, &keeper->stop);
    pthread_join(keeper->thread, NULL);
    pool_free(&keeper->sync_pool);
    pool_free(&keeper->snap_pool);
    flush_rest(keeper);
    ksnap_job_stop(keeper);
    krestore_stop(keeper);
    diag_info("event=keeper_stopped dir=%s zxid=0x%llx", keeper->snap_dir,
              (unsigned long long)keeper->core.zxid);
    keeper_free(keeper);
}
