/* server.c - start and stop of one broker, in order. See server.h.
 *
 * A failed start takes down what was started, in reverse; every stage's end is
 * written so that it may be called when its beginning never was.
 */
#include "server_private.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "api/api_table.h"
#include "api/producer_ids.h"
#include "api/topic_wait.h"
#include "base/clock.h"
#include "base/diag.h"
#include "controller/controller.h"
#include "group/group.h"
#include "bounds.h"
#include "metadata/metadata.h"

/* -- settings handed down -----------------------------------------------------
 */

void server_log_config(const struct config *cfg,
                       const struct topic_config *topic, struct log_config *out)
{
    log_config_init(out);
    out->segment_bytes = topic->segment_bytes;
    out->segment_ms = topic->segment_ms;
    out->segment_jitter_ms = topic->segment_jitter_ms;
    out->segment_index_bytes = topic->segment_index_bytes;
    out->index_interval_bytes = topic->index_interval_bytes;
    out->preallocate = topic->preallocate;
    out->cleanup_delete = topic->cleanup_delete;
    out->cleanup_compact = topic->cleanup_compact;
    out->retention_bytes = topic->retention_bytes;
    out->retention_ms = topic->retention_ms;
    out->file_delete_delay_ms = topic->file_delete_delay_ms;
    out->min_compaction_lag_ms = topic->min_compaction_lag_ms;
    out->max_compaction_lag_ms = topic->max_compaction_lag_ms;
    out->delete_retention_ms = topic->delete_retention_ms;
    out->min_cleanable_dirty_ratio = topic->min_cleanable_dirty_ratio;
    out->flush_messages = topic->flush_messages;
    out->flush_ms = topic->flush_ms;
    out->max_message_bytes = topic->max_message_bytes;
    out->min_insync_replicas = topic->min_insync_replicas;
    out->timestamp_append_time = topic->timestamp_log_append;
    out->timestamp_before_max_ms = topic->timestamp_before_max_ms;
    out->timestamp_after_max_ms = topic->timestamp_after_max_ms;
    out->compression =
        topic->compression == TOPIC_PRODUCER ? -1 : (int8_t)topic->compression;
    out->unclean_leader_election = topic->unclean_leader_election;
    out->message_downconversion = topic->message_downconversion;
    out->producer_expiration_ms =
        (int32_t)config_int64(cfg, CFG_PRODUCER_ID_EXPIRATION_MS);
}

/* The settings of a topic whose log is about to be made or loaded. */
static void topic_settings_load(void *context, struct bytes topic,
                                struct log_config *config)
{
    struct server *server = context;
    struct topic_config resolved;

    if (overrides_topics_load(server->broker.overrides, &topic, 1) != ERR_OK)
        return;
    overrides_topic_config(server->broker.overrides, topic, &resolved);
    server_log_config(server->config, &resolved, config);
}

/* What is in force of log.cleaner.* now. */
static void cleaner_settings(void *context, struct cleaner_config *out)
{
    const struct server *server = context;
    const struct config *cfg = server->config;

    out->enable = config_bool(cfg, CFG_LOG_CLEANER_ENABLE);
    out->threads = (unsigned)config_int64(cfg, CFG_LOG_CLEANER_THREADS);
    out->map_bytes =
        (size_t)config_int64(cfg, CFG_LOG_CLEANER_DEDUPE_BUFFER_SIZE);
    out->map_load = config_double(cfg, CFG_LOG_CLEANER_IO_BUFFER_LOAD_FACTOR);
    out->io_bytes = (size_t)config_int64(cfg, CFG_LOG_CLEANER_IO_BUFFER_SIZE);
    out->bytes_per_second =
        config_double(cfg, CFG_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND);
    out->backoff_ms = config_int64(cfg, CFG_LOG_CLEANER_BACKOFF_MS);
}

static void settings_changed(struct overrides_observer *observer,
                             struct bytes topic)
{
    struct server *server = CONTAINER_OF(observer, struct server, on_config);
    struct topic_config resolved;
    struct log_config config;

    overrides_topic_config(server->broker.overrides, topic, &resolved);
    server_log_config(server->config, &resolved, &config);
    if (bytes_is_null(topic)) {
        replicas_defaults_set(server->broker.replicas, &config);
        server_quota_changed(server);
    } else {
        replicas_topic_config_set(server->broker.replicas, topic, &config);
    }
}

/* A deleted topic's settings are forgotten with its first partition; a new
 * topic of that name brings its own. */
static void partition_removed(struct metadata_observer *observer,
                              struct bytes topic, int32_t partition)
{
    struct server *server = CONTAINER_OF(observer, struct server, on_metadata);

    if (partition == 0)
        overrides_topic_drop(server->broker.overrides, topic);
}

static void metadata_updated(struct metadata_observer *observer)
{
    (void)observer; /* only removals matter here */
}

static void directory_offline(void *context, const char *path, bool last)
{
    (void)context;
    diag_error(
        "event=log_dir_offline path=%s remedy=\"mend or replace the disk, then "
        "restart the broker\"",
        path);
    if (last) {
        diag_error("event=no_log_dir_left effect=\"the broker ends\"");
        _exit(1);
    }
}

/* -- stages of the start ------------------------------------------------------
 */

static void raise_open_files(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) == 0 &&
        files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &files) != 0)
            diag_warn("event=open_files_limit_kept limit=%llu why=\"%s\"",
                      (unsigned long long)files.rlim_cur, strerror(errno));
    }
}

static enum err catch_signals(struct server *server, struct errmsg *why)
{
    sigset_t set;

    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    server->signal_fd = signalfd(-1, &set, SFD_CLOEXEC);
    server->step.event_fd = eventfd(0, EFD_CLOEXEC);
    if (server->signal_fd < 0 || server->step.event_fd < 0)
        return err_set(why, ERR_IO, "signalfd, eventfd: %s", strerror(errno));
    return ERR_OK;
}

static void *coord_main(void *arg)
{
    loop_run(arg);
    return NULL;
}

static enum err start_threads(struct server *server, struct errmsg *why)
{
    struct broker *broker = &server->broker;
    unsigned n = (unsigned)config_int64(server->config, CFG_NUM_IO_THREADS);
    /* At least two: a job of the control lane may wait for another's append. */
    enum err err = pool_new(&broker->pool, "io", n < 2 ? 2 : n, why);

    if (err != ERR_OK)
        return err;
    lane_init(&broker->control_lane, broker->pool);
    server_quota_init(server);
    err = loop_new(&broker->coord_loop, "coordination", why);
    if (err != ERR_OK)
        return err;
    server_session_init(server);
    if (pthread_create(&server->coord_thread, NULL, coord_main,
                       broker->coord_loop) != 0)
        return err_set(why, ERR_NOMEM, "no thread for the coordination loop");
    pthread_setname_np(server->coord_thread, "coordination");
    server->coord_runs = true;
    return ERR_OK;
}

static enum err start_keeper(struct server *server, struct errmsg *why)
{
    const struct config_zookeeper *at = config_zookeeper(server->config);
    struct keeper_config config;
    char port[16];
    enum err err = ERR_OK;

    if (!at->embedded)
        return ERR_OK;
    keeper_config_init(&config);
    snprintf(port, sizeof port, "%d", at->embedded_port);
    struct conf_pair first[] = {
        { BYTES("clientPort"), bytes_of(port) },
        { BYTES("clientPortAddress"), BYTES("127.0.0.1") },
        { BYTES("maxClientCnxns"), BYTES("0") },
    };
    for (size_t i = 0; i < sizeof first / sizeof first[0] && err == ERR_OK; i++)
        err = keeper_config_set(&config, first[i].name, first[i].value, why);
    for (size_t i = 0; i < at->n_keeper && err == ERR_OK; i++)
        err = keeper_config_set(&config, at->keeper[i].name,
                                at->keeper[i].value, why);
    if (err == ERR_OK && config.data_dir == NULL) {
        size_t n;
        char path[SERVER_PATH_MAX];

        /* Beside the logs, not among them: Kafka refuses foreign directories.
         */
        snprintf(path, sizeof path, "%s-keeper",
                 config_log_dirs(server->config, &n)[0]);
        err = keeper_config_set(&config, BYTES("dataDir"), bytes_of(path), why);
    }
    if (err == ERR_OK)
        err = keeper_start(&server->keeper, &config, why);
    keeper_config_fini(&config);
    if (err != ERR_OK)
        err_prefix(why, "embedded coordination service");
    return err;
}

static enum err open_directories(struct server *server, struct errmsg *why)
{
    const struct config *cfg = server->config;
    struct replicas_config config;
    struct topic_config topic;

    replicas_config_init(&config);
    config.broker = &server->broker;
    config.fs = fs_real();
    config.log_dirs = config_log_dirs(cfg, &config.n_log_dirs);
    topic_config_resolve(cfg, NULL, 0, &topic);
    server_log_config(cfg, &topic, &config.defaults);
    config.recovery_threads =
        (unsigned)config_int64(cfg, CFG_NUM_RECOVERY_THREADS_PER_DATA_DIR);
    config.open_files = LIMIT_OPEN_SEGMENT_FILES;
    config.retention_check_ms =
        config_int64(cfg, CFG_LOG_RETENTION_CHECK_INTERVAL_MS);
    config.recovery_checkpoint_ms =
        config_int64(cfg, CFG_LOG_FLUSH_OFFSET_CHECKPOINT_INTERVAL_MS);
    config.start_checkpoint_ms =
        config_int64(cfg, CFG_LOG_FLUSH_START_OFFSET_CHECKPOINT_INTERVAL_MS);
    config.high_checkpoint_ms =
        config_int64(cfg, CFG_REPLICA_HIGH_WATERMARK_CHECKPOINT_INTERVAL_MS);
    config.flush_check_ms =
        config_int64(cfg, CFG_LOG_FLUSH_SCHEDULER_INTERVAL_MS);
    config.producer_check_ms =
        config_int64(cfg, CFG_PRODUCER_ID_EXPIRATION_CHECK_INTERVAL_MS);
    config.lag_max_ms = config_int64(cfg, CFG_REPLICA_LAG_TIME_MAX_MS);
    config.fetch_sessions = (size_t)config_int64(
        cfg, CFG_MAX_INCREMENTAL_FETCH_SESSION_CACHE_SLOTS);
    cleaner_settings(server, &config.cleaner);
    config.cleaner_config = cleaner_settings;
    config.topic_config = topic_settings_load;
    config.on_offline = directory_offline;
    config.context = server;
    return replicas_open(&server->broker.replicas, &config, why);
}

static void overrides_read(struct job *job)
{
    struct server *server = CONTAINER_OF(job, struct server, step_job);

    server_step_done(server, ERR_OK, NULL);
}

static void read_overrides(struct server *server)
{
    server->step_job.run = overrides_read;
    overrides_start(server->broker.overrides, &server->step_job);
}

static enum err start_net(struct server *server, struct net_config *config,
                          struct errmsg *why)
{
    struct broker *broker = &server->broker;
    struct server_quota quota;
    enum err err = server_quota_read(server, &quota, why);

    config->quota = quota.limits;
    if (err == ERR_OK)
        err = net_start(&broker->net, broker, config, why);
    arena_fini(&quota.arena);
    lock_take(&server->net_lock);
    server->net_runs = err == ERR_OK;
    lock_give(&server->net_lock);
    return err;
}

static void stop_net(struct server *server)
{
    lock_take(&server->net_lock);
    server->net_runs = false;
    lock_give(&server->net_lock);
    net_stop(&server->broker.net, LIMIT_STOP_GRACE_MS);
}

static enum err bind_listeners(struct server *server, struct errmsg *why)
{
    const struct config *cfg = server->config;
    struct broker *broker = &server->broker;
    size_t n;
    const struct config_listener *from = config_listeners(cfg, &n);
    struct net_config config = {
        .reactors = (unsigned)config_int64(cfg, CFG_NUM_NETWORK_THREADS),
        .request_max_bytes =
            (size_t)config_int64(cfg, CFG_SOCKET_REQUEST_MAX_BYTES),
        .send_buffer = (int)config_int64(cfg, CFG_SOCKET_SEND_BUFFER_BYTES),
        .receive_buffer =
            (int)config_int64(cfg, CFG_SOCKET_RECEIVE_BUFFER_BYTES),
        .backlog = (int)config_int64(cfg, CFG_SOCKET_LISTEN_BACKLOG_SIZE),
        .idle_us = config_int64(cfg, CFG_CONNECTIONS_MAX_IDLE_MS) * 1000,
        .memory_budget = LIMIT_REQUEST_MEMORY,
        .handler = api_handler,
    };
    enum err err;

    server->listeners = mem_need_array(n, sizeof *server->listeners);
    for (size_t i = 0; i < n; i++) {
        if (from[i].protocol != 0)
            return err_set(why, ERR_INVALID,
                           "listener %s: only PLAINTEXT listeners "
                           "are served in this version; change listeners or "
                           "listener.security.protocol.map",
                           from[i].name);
        server->listeners[i] = (struct listener){
            .name = from[i].name,
            .protocol = from[i].protocol,
            .host = from[i].host,
            .port = from[i].port,
            .advertised_host =
                from[i].advertised ? from[i].advertised_host : NULL,
            .advertised_port = from[i].advertised_port,
        };
        if (from[i].inter_broker) {
            broker->inter_broker = &server->listeners[i];
            config.inter_broker = i;
        }
    }
    broker->listeners = config.listeners = server->listeners;
    broker->n_listeners = config.n_listeners = n;
    err = start_net(server, &config, why);
    for (size_t i = 0; err == ERR_OK && i < n; i++) {
        server->listeners[i].port = net_port(broker->net, i);
        if (server->listeners[i].advertised_port == 0)
            server->listeners[i].advertised_port = server->listeners[i].port;
    }
    return err;
}

/* What /brokers/ids/N will say. */
static void describe_self(struct server *server)
{
    const struct broker *broker = &server->broker;
    struct znode_broker *self = &server->self;
    int ibp = config_ibp(server->config);

    self->version = ibp >= IBP_2_7_IV0 ? 5 : ibp >= IBP_0_10_0_IV1 ? 4 : 2;
    self->endpoints =
        mem_need_array(broker->n_listeners, sizeof *self->endpoints);
    for (size_t i = 0; i < broker->n_listeners; i++) {
        const struct listener *l = &broker->listeners[i];

        if (l->advertised_host == NULL)
            continue;
        self->endpoints[self->n_endpoints++] =
            (struct znode_endpoint){ bytes_of(l->name), l->protocol,
                                     bytes_of(l->advertised_host),
                                     l->advertised_port };
    }
    self->rack = bytes_of(config_text(server->config, CFG_BROKER_RACK));
    self->jmx_port = -1;
}

static void begin_work(struct server *server)
{
    controller_start(server->broker.controller);
    overrides_follow(server->broker.overrides);
    server_step_done(server, ERR_OK, NULL);
}

static enum err server_start(struct server *server, struct errmsg *why)
{
    struct broker *broker = &server->broker;
    enum err err;

    if ((err = catch_signals(server, why)) != ERR_OK ||
        (err = start_threads(server, why)) != ERR_OK ||
        (err = open_directories(server, why)) != ERR_OK ||
        (err = start_keeper(server, why)) != ERR_OK ||
        (err = server_connect(server, why)) != ERR_OK ||
        (err = server_identify(server, why)) != ERR_OK ||
        (err = overrides_new(&broker->overrides, broker)) != ERR_OK ||
        (err = server_on_coord(server, read_overrides, why)) != ERR_OK ||
        (err = replicas_load(broker->replicas, why)) != ERR_OK ||
        (err = metadata_new(&broker->metadata)) != ERR_OK ||
        (err = topic_waits_new(&broker->topic_waits, broker)) != ERR_OK ||
        (err = groups_new(&broker->groups, broker, why)) != ERR_OK ||
        (err = bind_listeners(server, why)) != ERR_OK ||
        (err = controller_new(&broker->controller, broker, why)) != ERR_OK)
        return err;
    broker->producer_ids = producer_ids_new(broker);
    describe_self(server);
    if ((err = server_register(server, why)) != ERR_OK)
        return err;
    server->on_config.on_change = settings_changed;
    overrides_observe(broker->overrides, &server->on_config);
    server->on_metadata.on_removed = partition_removed;
    server->on_metadata.on_update = metadata_updated;
    metadata_observe(broker->metadata, &server->on_metadata);
    if ((err = server_on_coord(server, begin_work, why)) != ERR_OK)
        return err;
    replicas_start(broker->replicas);
    broker->started_us = clock_mono_us();
    net_accept(broker->net);
    return ERR_OK;
}

/* -- the stop
 * ------------------------------------------------------------------ */

static void controller_stopped(struct job *job)
{
    struct server *server = CONTAINER_OF(job, struct server, step_job);

    server_step_done(server, ERR_OK, NULL);
}

static void stop_controller(struct server *server)
{
    server->step_job.run = controller_stopped;
    controller_stop(server->broker.controller, &server->step_job);
}

static void free_on_coord(struct server *server)
{
    producer_ids_free(&server->broker.producer_ids);
    controller_free(&server->broker.controller);
    overrides_free(&server->broker.overrides);
    server_step_done(server, ERR_OK, NULL);
}

static void server_stop(struct server *server, bool started)
{
    struct broker *broker = &server->broker;
    struct errmsg why;

    server->stopping = true;
    if (started)
        server_leave(server);
    if (broker->groups != NULL)
        groups_stop(broker->groups);
    if (broker->replicas != NULL)
        replicas_drain(broker->replicas);
    if (broker->topic_waits != NULL)
        topic_waits_stop(broker->topic_waits);
    if (broker->net != NULL)
        stop_net(server);
    if (started)
        replicas_stop(broker->replicas);
    if (server->coord_runs) {
        if (broker->controller != NULL)
            err_ignore(server_on_coord(server, stop_controller, &why),
                       "ending");
        err_ignore(server_on_coord(server, free_on_coord, &why), "ending");
        server_disconnect(server);
    }
    if (broker->pool != NULL) {
        pool_free(&broker->pool);
        server_quota_fini(server);
    }
    if (server->coord_runs) {
        loop_stop(broker->coord_loop);
        pthread_join(server->coord_thread, NULL);
    }
    if (broker->coord_loop != NULL)
        loop_free(&broker->coord_loop);
    groups_free(&broker->groups);
    topic_waits_free(&broker->topic_waits);
    if (broker->replicas != NULL)
        replicas_free(&broker->replicas);
    if (broker->metadata != NULL)
        metadata_free(&broker->metadata);
    keeper_stop(&server->keeper);
    mem_free(server->self.endpoints);
    mem_free(server->listeners);
    config_close(&server->config);
}

static void say_where(const struct server *server)
{
    const struct broker *broker = &server->broker;
    const struct config_zookeeper *at = config_zookeeper(server->config);
    size_t n;
    const char *const *dirs = config_log_dirs(server->config, &n);

    for (size_t i = 0; i < broker->n_listeners; i++)
        diag_info("event=listening listener=%s address=%s:%d",
                  broker->listeners[i].name,
                  broker->listeners[i].host[0] ? broker->listeners[i].host
                                               : "*",
                  broker->listeners[i].port);
    if (at->embedded)
        diag_info("event=coordination service=embedded address=127.0.0.1:%u",
                  (unsigned)keeper_port(server->keeper));
    else
        diag_info("event=coordination service=zookeeper address=%s%s",
                  at->hosts, at->chroot);
    diag_info("event=data log_dir=%s log_dirs=%zu cluster_id=%s", dirs[0], n,
              broker->cluster_id);
    diag_info("[KafkaServer id=%d] started", broker->id);
}

int server_main(const char *file, const char *const *overrides)
{
    struct server server = { .signal_fd = -1 };
    char host[256] = "localhost";
    struct errmsg why = { "" };
    struct config_source_env env = {
        .file = file,
        .overrides = overrides,
        .kafka_opts = getenv("KAFKA_OPTS"),
        .host_name = host,
    };
    enum err err;

    atomic_store(&server.broker.epoch, -1);
    atomic_store(&server.broker.features_epoch, -1);
    if (gethostname(host, sizeof host - 1) != 0)
        snprintf(host, sizeof host, "localhost");
    err = config_open(&server.config, &env, &why);
    if (err != ERR_OK) {
        diag_error("event=configuration_refused why=\"%s\"", why.text);
        return 1;
    }
    server.broker.config = server.config;
    raise_open_files();
    err = server_start(&server, &why);
    if (err != ERR_OK && !server.interrupted)
        diag_error("event=start_failed why=\"%s\"",
                   why.text[0] ? why.text : err_words(err));
    if (err == ERR_OK) {
        say_where(&server);
        while (server_step_wait(&server, &why) != ERR_CLOSED)
            ;
        diag_info("event=stopping why=\"%s\"", why.text);
    }
    server_stop(&server, err == ERR_OK);
    diag_info("[KafkaServer id=%d] shut down completed", server.broker.id);
    return err == ERR_OK || server.interrupted ? 0 : 1;
}
