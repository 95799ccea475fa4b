/* kadmin_command.c - what each command of the admin server tells. */
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "keeper/kinfo.h"
#include "keeper/kserver.h"

typedef bool command_fn(struct keeper *keeper, struct bytes query,
                        struct kjson *json, char error[static 256]);

static bool run_configuration(struct keeper *keeper, struct bytes query,
                              struct kjson *json, char error[static 256])
{
    const struct keeper_config *c = &keeper->config;

    (void)query;
    (void)error;
    kjson_int(json, "client_port", c->client_port);
    kjson_text(json, "data_dir", bytes_of(keeper->snap_dir));
    kjson_text(json, "data_log_dir", bytes_of(keeper->log_dir));
    kjson_int(json, "tick_time", c->tick_time_ms);
    kjson_int(json, "max_client_cnxns", c->max_client_cnxns);
    kjson_int(json, "min_session_timeout", c->min_session_ms);
    kjson_int(json, "max_session_timeout", c->max_session_ms);
    kjson_int(json, "server_id", 0);
    kjson_int(json, "client_port_listen_backlog", c->listen_backlog);
    return true;
}

/* -- connections ----------------------------------------------------------- */

static void connection(struct kjson *json, const struct kpeer *peer, bool brief)
{
    const struct kpeer_stats *s = &peer->stats;

    kjson_object(json, NULL);
    kjson_text(json, "remote_socket_address",
               bytes_of(peer->address + (peer->address[0] == '/')));
    kjson_int(json, "interest_ops", 1);
    kjson_int(json, "outstanding_requests", 0);
    kjson_int(json, "packets_received", (int64_t)s->received);
    kjson_int(json, "packets_sent", (int64_t)s->sent);
    if (!brief) {
        kjson_int(json, "session_id", peer->session_id);
        kjson_text(json, "last_operation", bytes_of(kinfo_op_name(s->last_op)));
        kjson_int(json, "established", peer->since_wall_ms);
        kjson_int(json, "session_timeout", peer->timeout_ms);
        kjson_int(json, "last_cxid", s->last_cxid);
        kjson_int(json, "last_zxid", s->last_zxid);
        kjson_int(json, "last_response_time", s->last_response_ms);
        kjson_int(json, "last_latency", s->latency_last_ms);
        kjson_int(json, "min_latency", s->latency_min_ms);
        kjson_int(json, "avg_latency", kinfo_average(s));
        kjson_int(json, "max_latency", s->latency_max_ms);
    }
    kjson_end(json);
}

/* It came through secureClientPort: TLS on clientPort is not told apart. */
static bool is_secure(const struct keeper *keeper, const struct kpeer *peer)
{
    const struct kconn *conn = CONTAINER_OF(peer, const struct kconn, peer);

    return conn->tls != NULL && !keeper->config.port_unification;
}

static void connections(struct keeper *keeper, struct kjson *json, bool brief)
{
    static const char *const names[] = { "connections", "secure_connections" };

    for (int secure = 0; secure < 2; secure++) {
        kjson_array(json, names[secure]);
        for (struct list *l = keeper->core.peers.next; l != &keeper->core.peers;
             l = l->next) {
            const struct kpeer *peer = CONTAINER_OF(l, struct kpeer, link);

            if (is_secure(keeper, peer) == (secure == 1))
                connection(json, peer, brief);
        }
        kjson_end(json);
    }
}

static bool run_connections(struct keeper *keeper, struct bytes query,
                            struct kjson *json, char error[static 256])
{
    (void)query;
    (void)error;
    connections(keeper, json, false);
    return true;
}

static bool run_connection_stat_reset(struct keeper *keeper, struct bytes query,
                                      struct kjson *json,
                                      char error[static 256])
{
    (void)query;
    (void)json;
    (void)error;
    for (struct list *l = keeper->core.peers.next; l != &keeper->core.peers;
         l = l->next)
        kpeer_stats_reset(CONTAINER_OF(l, struct kpeer, link));
    return true;
}

/* -- the server ------------------------------------------------------------ */

static bool run_nothing(struct keeper *keeper, struct bytes query,
                        struct kjson *json, char error[static 256])
{
    (void)keeper;
    (void)query;
    (void)json;
    (void)error;
    return true;
}

static bool run_stat_reset(struct keeper *keeper, struct bytes query,
                           struct kjson *json, char error[static 256])
{
    (void)query;
    (void)json;
    (void)error;
    kcore_stats_reset(&keeper->core);
    return true;
}

static bool run_dirs(struct keeper *keeper, struct bytes query,
                     struct kjson *json, char error[static 256])
{
    (void)query;
    (void)error;
    kjson_int(json, "datadir_size",
              (int64_t)kinfo_dir_size(keeper->config.data_dir));
    kjson_int(json, "logdir_size",
              (int64_t)kinfo_dir_size(keeper->config.data_log_dir));
    return true;
}

static void response_sizes(struct kjson *json, const char *key,
                           const struct kcore_stats *s)
{
    kjson_object(json, key);
    kjson_int(json, "last_buffer_size", s->response_last);
    kjson_int(json, "min_buffer_size", s->response_min);
    kjson_int(json, "max_buffer_size", s->response_max);
    kjson_end(json);
}

static bool run_server_stats(struct keeper *keeper, struct bytes query,
                             struct kjson *json, char error[static 256])
{
    const struct kcore *core = &keeper->core;
    const struct kcore_stats *s = &core->stats;
    double average =
        s->latency_n ? (double)s->latency_sum_ms / (double)s->latency_n : 0.0;

    (void)query;
    (void)error;
    kjson_text(json, "version", BYTES(KINFO_VERSION));
    kjson_bool(json, "read_only", false);
    kjson_object(json, "server_stats");
    kjson_int(json, "packets_sent", (int64_t)s->sent);
    kjson_int(json, "packets_received", (int64_t)s->received);
    kjson_int(json, "fsync_threshold_exceed_count", (int64_t)s->slow_syncs);
    response_sizes(json, "client_response_stats", s);
    kjson_int(json, "data_dir_size",
              (int64_t)kinfo_dir_size(keeper->config.data_dir));
    kjson_int(json, "log_dir_size",
              (int64_t)kinfo_dir_size(keeper->config.data_log_dir));
    kjson_bool(json, "provider_null", false);
    kjson_int(json, "last_processed_zxid", core->durable_zxid);
    kjson_int(json, "outstanding_requests", (int64_t)core->batch_records);
    kjson_text(json, "server_state", BYTES("standalone"));
    kjson_double(json, "avg_latency",
                 (double)(int64_t)(average * 10000 + 0.5) / 10000);
    kjson_int(json, "max_latency", s->latency_max_ms);
    kjson_int(json, "min_latency", s->latency_min_ms);
    kjson_int(json, "num_alive_client_connections", (int64_t)core->n_peers);
    kjson_int(json, "uptime", core->now_ms - core->started_ms);
    kjson_int(json, "auth_failed_count", (int64_t)s->auth_failed);
    kjson_int(json, "non_mtlsremote_conn_count", 0);
    kjson_int(json, "non_mtlslocal_conn_count", 0);
    kjson_end(json);
    response_sizes(json, "client_response", s);
    kjson_int(json, "node_count", (int64_t)core->tree.n + 1);
    return true;
}

static bool run_stats(struct keeper *keeper, struct bytes query,
                      struct kjson *json, char error[static 256])
{
    (void)run_server_stats(keeper, query, json, error);
    connections(keeper, json, true);
    return true;
}

static void monitor_one(void *to, const struct ksample *s)
{
    char name[512];

    if (s->none)
        return;
    if (s->key_in_front)
        (void)snprintf(name, sizeof name, "%.*s_%s", BYTES_ARG(s->key),
                       s->family);
    else if (s->label != NULL)
        (void)snprintf(name, sizeof name, "%s{%s=\"%.*s\"}", s->family,
                       s->label, BYTES_ARG(s->key));
    else
        (void)snprintf(name, sizeof name, "%s%s%s", s->before, s->family,
                       s->after);
    if (s->is_double)
        kjson_double(to, name, s->d);
    else
        kjson_int(to, name, s->i);
}

static bool run_monitor(struct keeper *keeper, struct bytes query,
                        struct kjson *json, char error[static 256])
{
    const struct keeper_config *c = &keeper->config;

    (void)query;
    (void)error;
    kjson_text(json, "version", BYTES(KINFO_VERSION));
    kjson_text(json, "server_state", BYTES("standalone"));
    kmetrics_each(&keeper->core,
                  c->prometheus ? KMETRIC_PROMETHEUS : KMETRIC_PLAIN,
                  c->prometheus && c->metrics_process, monitor_one, json);
    return true;
}

static bool run_is_read_only(struct keeper *keeper, struct bytes query,
                             struct kjson *json, char error[static 256])
{
    (void)keeper;
    (void)query;
    (void)error;
    kjson_bool(json, "read_only", false);
    return true;
}

static bool run_last_snapshot(struct keeper *keeper, struct bytes query,
                              struct kjson *json, char error[static 256])
{
    (void)query;
    (void)error;
    kjson_format(json, "zxid", "%llx",
                 (unsigned long long)keeper->last_snapshot);
    kjson_int(json, "timestamp", keeper->last_snapshot_ms / 1000);
    return true;
}

/* The file as it was read, but for what opens doors: whoever asks here has not
 * said who he is. */
static bool run_initial_configuration(struct keeper *keeper, struct bytes query,
                                      struct kjson *json,
                                      char error[static 256])
{
    const char *text = keeper->config.file_text;
    struct wr open;

    (void)query;
    (void)error;
    wr_init(&open, K_ARENA_MOST);
    while (text != NULL && *text != '\0') {
        size_t len = strcspn(text, "\n");
        size_t key = strcspn(text, "=:\n");
        bool secret = false;

        for (size_t i = 0; i < key; i++)
            secret = secret || strncasecmp(text + i, "password", 8) == 0 ||
                     strncasecmp(text + i, "superDigest", 11) == 0;
        /* A value may go on in the next line. */
        while (secret && len > 0 && text[len - 1] == '\\' && text[len] == '\n')
            len += 1 + strcspn(text + len + 1, "\n");
        wr_raw(&open, text, secret ? key : len);
        if (secret)
            wr_raw(&open, "=***", 4);
        text += len;
        if (*text == '\n')
            wr_raw(&open, text++, 1);
    }
    kjson_text(json, "initial_configuration",
               open.data ? bytes_make(open.data, open.len) : BYTES(""));
    wr_fini(&open);
    return true;
}

static void environment_one(void *to, const char *key, const char *value)
{
    kjson_text(to, key, bytes_of(value));
}

static bool run_environment(struct keeper *keeper, struct bytes query,
                            struct kjson *json, char error[static 256])
{
    (void)keeper;
    (void)query;
    (void)error;
    kinfo_environment(environment_one, json);
    return true;
}

static void property_one(void *to, const char *key, const char *value)
{
    if (strncmp(key, "user.", 5) == 0 ||
        (strncmp(key, "os.", 3) == 0 && strncmp(key, "os.memory", 9) != 0))
        kjson_text(to, key, bytes_of(value));
}

static bool run_system_properties(struct keeper *keeper, struct bytes query,
                                  struct kjson *json, char error[static 256])
{
    (void)keeper;
    (void)query;
    (void)error;
    kjson_text(json, "file.encoding", BYTES("UTF-8"));
    kjson_text(json, "file.separator", BYTES("/"));
    kjson_text(json, "line.separator", BYTES("\n"));
    kjson_text(json, "path.separator", BYTES(":"));
    kinfo_environment(property_one, json);
    return true;
}

static bool run_get_trace_mask(struct keeper *keeper, struct bytes query,
                               struct kjson *json, char error[static 256])
{
    (void)query;
    (void)error;
    kjson_int(json, "tracemask", keeper->core.trace_mask);
    return true;
}

static bool run_set_trace_mask(struct keeper *keeper, struct bytes query,
                               struct kjson *json, char error[static 256])
{
    struct bytes value = khttp_parameter(query, "traceMask");

    if (bytes_is_null(value)) {
        (void)snprintf(error, 256,
                       "setTraceMask requires long traceMask argument");
        return false;
    }
    if (!bytes_to_int64(value, INT64_MIN, INT64_MAX,
                        &keeper->core.trace_mask)) {
        (void)snprintf(error, 256,
                       "setTraceMask requires long traceMask argument, got "
                       "%.*s",
                       (int)(value.len < 100 ? value.len : 100),
                       (const char *)value.at);
        return false;
    }
    return run_get_trace_mask(keeper, query, json, error);
}

/* -- of ensembles ---------------------------------------------------------- */

static bool run_leader(struct keeper *keeper, struct bytes query,
                       struct kjson *json, char error[static 256])
{
    (void)keeper;
    (void)query;
    (void)json;
    (void)snprintf(error, 256, "server is not initialized");
    return false;
}

static bool run_observers(struct keeper *keeper, struct bytes query,
                          struct kjson *json, char error[static 256])
{
    (void)keeper;
    (void)query;
    (void)error;
    kjson_int(json, "synced_observers", 0);
    kjson_array(json, "observers");
    kjson_end(json);
    return true;
}

static bool run_voting_view(struct keeper *keeper, struct bytes query,
                            struct kjson *json, char error[static 256])
{
    (void)keeper;
    (void)query;
    (void)error;
    kjson_object(json, "current_config");
    kjson_end(json);
    return true;
}

static bool run_zabstate(struct keeper *keeper, struct bytes query,
                         struct kjson *json, char error[static 256])
{
    (void)keeper;
    (void)query;
    (void)error;
    kjson_bool(json, "voting", false);
    kjson_text(json, "zabstate", BYTES(""));
    return true;
}

/* -- lists ----------------------------------------------------------------- */

static bool run_hash(struct keeper *keeper, struct bytes query,
                     struct kjson *json, char error[static 256])
{
    (void)keeper;
    (void)query;
    (void)error;
    kjson_array(json, "digests");
    kjson_end(json);
    return true;
}

static struct bytes number_key(char room[static 32], int64_t n)
{
    return bytes_make(room, (size_t)snprintf(room, 32, "%lld", (long long)n));
}

static void node_text(struct kjson *json, const struct ktree_node *node)
{
    size_t len = ktree_path_len(node);
    uint8_t *path = mem_need(len);

    ktree_path(node, path, len);
    kjson_text(json, NULL, bytes_make(path, len));
    mem_free(path);
}

static bool run_dump(struct keeper *keeper, struct bytes query,
                     struct kjson *json, char error[static 256])
{
    const struct kcore *core = &keeper->core;
    struct map_link *link = NULL;
    char room[32];
    size_t n;
    struct kinfo_expiry *list = kinfo_sessions(core, &n);

    (void)query;
    (void)error;
    kjson_object(json, "expiry_time_to_session_ids");
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || list[i].at_ms != list[i - 1].at_ms)
            kjson_array_at(json, number_key(room, list[i].at_ms));
        kjson_int(json, NULL, list[i].id);
        if (i + 1 == n || list[i].at_ms != list[i + 1].at_ms)
            kjson_end(json);
    }
    mem_free(list);
    kjson_end(json);
    kjson_object(json, "session_id_to_ephemeral_paths");
    while ((link = map_next(&core->tree.owners, link)) != NULL) {
        struct ktree_owner *owner =
            CONTAINER_OF(link, struct ktree_owner, link);

        kjson_array_at(json, number_key(room, owner->session));
        for (struct list *l = owner->nodes.next; l != &owner->nodes;
             l = l->next)
            node_text(json, &CONTAINER_OF(l, struct ktree_owned, link)->node);
        kjson_end(json);
    }
    kjson_end(json);
    return true;
}

static bool run_watches(struct keeper *keeper, struct bytes query,
                        struct kjson *json, char error[static 256])
{
    char room[32];

    (void)query;
    (void)error;
    kjson_object(json, "session_id_to_watched_paths");
    for (struct list *l = keeper->core.peers.next; l != &keeper->core.peers;
         l = l->next) {
        struct kpeer *peer = CONTAINER_OF(l, struct kpeer, link);

        if (!kinfo_peer_watches(peer))
            continue;
        kjson_array_at(json, number_key(room, peer->session_id));
        for (struct list *m = peer->watcher.watches.next;
             m != &peer->watcher.watches; m = m->next) {
            const struct kwatch *watch =
                CONTAINER_OF(m, struct kwatch, of_peer);

            if (kwatch_in_data(watch->modes))
                kjson_text(json, NULL,
                           bytes_make(watch->path->text, watch->path->len));
        }
        kjson_end(json);
    }
    kjson_end(json);
    return true;
}

static bool run_watches_by_path(struct keeper *keeper, struct bytes query,
                                struct kjson *json, char error[static 256])
{
    struct map_link *link = NULL;

    (void)query;
    (void)error;
    kjson_object(json, "path_to_session_ids");
    while ((link = map_next(&keeper->core.watches.by_path, link)) != NULL) {
        struct kwatch_path *path = CONTAINER_OF(link, struct kwatch_path, link);

        if (!kinfo_path_is_watched(path))
            continue;
        kjson_array_at(json, bytes_make(path->text, path->len));
        for (struct list *l = path->watches.next; l != &path->watches;
             l = l->next) {
            struct kwatch *watch = CONTAINER_OF(l, struct kwatch, of_path);

            if (kwatch_in_data(watch->modes))
                kjson_int(json, NULL,
                          CONTAINER_OF(watch->owner, struct kpeer, watcher)
                              ->session_id);
        }
        kjson_end(json);
    }
    kjson_end(json);
    return true;
}

static bool run_watch_summary(struct keeper *keeper, struct bytes query,
                              struct kjson *json, char error[static 256])
{
    struct kinfo_watches sum = kinfo_watches(&keeper->core);

    (void)query;
    (void)error;
    kjson_int(json, "num_connections", (int64_t)sum.peers);
    kjson_int(json, "num_paths", (int64_t)sum.paths);
    kjson_int(json, "num_total_watches", (int64_t)sum.total);
    return true;
}

/* -- which one ------------------------------------------------------------- */

/* In order of their first names: /commands lists them so. */
static const struct kadmin_command commands[] = {
    { { "configuration", "conf", "config" }, run_configuration },
    { { "connection_stat_reset", "crst" }, run_connection_stat_reset },
    { { "connections", "cons" }, run_connections },
    { { "dirs" }, run_dirs },
    { { "dump" }, run_dump },
    { { "environment", "env", "envi" }, run_environment },
    { { "get_trace_mask", "gtmk" }, run_get_trace_mask },
    { { "hash" }, run_hash },
    { { "initial_configuration", "icfg" }, run_initial_configuration },
    { { "is_read_only", "isro" }, run_is_read_only },
    { { "last_snapshot", "lsnp" }, run_last_snapshot },
    { { "leader", "lead" }, run_leader },
    { { "monitor", "mntr" }, run_monitor },
    { { "observer_connection_stat_reset", "orst" }, run_nothing },
    { { "observers", "obsr" }, run_observers },
    { { "restore", "rest" }, NULL },
    { { "ruok" }, run_nothing },
    { { "server_stats", "srvr" }, run_server_stats },
    { { "set_trace_mask", "stmk" }, run_set_trace_mask },
    { { "snapshot", "snap" }, NULL },
    { { "stat_reset", "srst" }, run_stat_reset },
    { { "stats", "stat" }, run_stats },
    { { "system_properties", "sysp" }, run_system_properties },
    { { "voting_view" }, run_voting_view },
    { { "watch_summary", "wchs" }, run_watch_summary },
    { { "watches", "wchc" }, run_watches },
    { { "watches_by_path", "wchp" }, run_watches_by_path },
    { { "zabstate" }, run_zabstate },
};

const struct kadmin_command *kadmin_command_at(size_t i)
{
    return i < sizeof commands / sizeof commands[0] ? &commands[i] : NULL;
}

const struct kadmin_command *kadmin_command_find(struct bytes name)
{
    const struct kadmin_command *c;

    for (size_t i = 0; (c = kadmin_command_at(i)) != NULL; i++)
        for (size_t k = 0; k < 4 && c->names[k] != NULL; k++)
            if (bytes_is(name, c->names[k]))
                return c;
    return NULL;
}
