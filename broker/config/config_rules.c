/* config_rules.c - what must hold between keys, as Kafka demands at start. */
#include <string.h>

#include "config/config_in.h"

static int64_t get(const struct config *cfg, enum config_key key)
{
    return config_int64(cfg, key);
}

static enum err check_broker_id(const struct config *cfg, struct errmsg *why)
{
    int64_t id = get(cfg, CFG_BROKER_ID), node = get(cfg, CFG_NODE_ID);
    int64_t most = get(cfg, CFG_RESERVED_BROKER_MAX_ID);
    enum config_key key =
        config_in_file(cfg, CFG_BROKER_ID) ? CFG_BROKER_ID : CFG_NODE_ID;

    if (config_in_file(cfg, CFG_BROKER_ID) &&
        config_in_file(cfg, CFG_NODE_ID) && id != node)
        return config_refuse(cfg, CFG_NODE_ID, why,
                             "node.id is another name for broker.id and must "
                             "agree with it");
    if (config_bool(cfg, CFG_BROKER_ID_GENERATION_ENABLE)) {
        if (id < -1 || id > most)
            return config_refuse(cfg, key, why,
                                 "must be from -1 to reserved.broker.max.id "
                                 "(%lld)",
                                 (long long)most);
    } else if (id < 0) {
        return config_refuse(cfg, key, why,
                             "must be 0 or more while "
                             "broker.id.generation.enable is false");
    }
    return ERR_OK;
}

static enum err check_kraft(const struct config *cfg, struct errmsg *why)
{
    const char *roles = config_text(cfg, CFG_PROCESS_ROLES);
    const char *names = config_text(cfg, CFG_CONTROLLER_LISTENER_NAMES);

    if (roles != NULL && *roles != '\0')
        return config_refuse(
            cfg, CFG_PROCESS_ROLES, why,
            "this broker works with ZooKeeper, not with KRaft; "
            "remove it and set zookeeper.connect");
    if (names != NULL && *names != '\0')
        return config_refuse(cfg, CFG_CONTROLLER_LISTENER_NAMES, why,
                             "must be empty when not running with KRaft");
    return ERR_OK;
}

static enum err check_log_dirs(struct config *cfg, struct errmsg *why)
{
    enum config_key key =
        config_text(cfg, CFG_LOG_DIRS) ? CFG_LOG_DIRS : CFG_LOG_DIR;
    struct bytes rest = bytes_of(config_text(cfg, key)), item;
    size_t most = rest.len / 2 + 1;

    cfg->log_dirs = arena_array(&cfg->arena, most, sizeof *cfg->log_dirs);
    while (cfg->log_dirs != NULL && conf_list_next(&rest, &item)) {
        struct bytes dir = item;
        char *copy;

        while (dir.len > 1 && dir.at[dir.len - 1] == '/')
            dir.len--;
        if (dir.len == 0)
            continue;
        copy = arena_take(&cfg->arena, dir.len + 1);
        if (copy == NULL)
            break;
        memcpy(copy, dir.at, dir.len);
        for (size_t i = 0; i < cfg->n_log_dirs; i++)
            if (strcmp(cfg->log_dirs[i], copy) == 0)
                return config_refuse(cfg, key, why, "%s is there twice", copy);
        cfg->log_dirs[cfg->n_log_dirs++] = copy;
    }
    if (cfg->arena.err != ERR_OK)
        return err_set(why, cfg->arena.err, "not enough memory");
    if (cfg->n_log_dirs == 0)
        return config_refuse(cfg, key, why, "at least one directory is needed");
    return ERR_OK;
}

static enum err check_replication(const struct config *cfg, struct errmsg *why)
{
    int64_t wait = get(cfg, CFG_REPLICA_FETCH_WAIT_MAX_MS);
    int64_t acks = get(cfg, CFG_OFFSETS_COMMIT_REQUIRED_ACKS);

    if (wait > get(cfg, CFG_REPLICA_SOCKET_TIMEOUT_MS))
        return config_refuse(cfg, CFG_REPLICA_FETCH_WAIT_MAX_MS, why,
                             "must not be above replica.socket.timeout.ms");
    if (wait > get(cfg, CFG_REPLICA_LAG_TIME_MAX_MS))
        return config_refuse(cfg, CFG_REPLICA_FETCH_WAIT_MAX_MS, why,
                             "must not be above replica.lag.time.max.ms");
    if (acks < -1 || acks > get(cfg, CFG_OFFSETS_TOPIC_REPLICATION_FACTOR))
        return config_refuse(cfg, CFG_OFFSETS_COMMIT_REQUIRED_ACKS, why,
                             "must be from -1 to "
                             "offsets.topic.replication.factor");
    return ERR_OK;
}

static enum err check_network(const struct config *cfg, struct errmsg *why)
{
    struct bytes except =
        bytes_of(config_text(cfg, CFG_MAX_CONNECTIONS_PER_IP_OVERRIDES));
    struct errmsg because;
    size_t exceptions;
    int64_t queued = get(cfg, CFG_QUEUED_MAX_REQUEST_BYTES);

    if (get(cfg, CFG_CONNECTION_FAILED_AUTHENTICATION_DELAY_MS) >=
            get(cfg, CFG_CONNECTIONS_MAX_IDLE_MS) &&
        get(cfg, CFG_CONNECTIONS_MAX_IDLE_MS) > 0)
        return config_refuse(cfg, CFG_CONNECTION_FAILED_AUTHENTICATION_DELAY_MS,
                             why, "must be below connections.max.idle.ms");
    if (queued > 0 && queued < get(cfg, CFG_SOCKET_REQUEST_MAX_BYTES))
        return config_refuse(cfg, CFG_QUEUED_MAX_REQUEST_BYTES, why,
                             "must be 0 or less, or at least "
                             "socket.request.max.bytes");
    if (config_check_ip_limits(except, &exceptions, &because) != ERR_OK)
        return config_refuse(cfg, CFG_MAX_CONNECTIONS_PER_IP_OVERRIDES, why,
                             "must be host:count,...: %s", because.text);
    if (get(cfg, CFG_MAX_CONNECTIONS_PER_IP) == 0 && exceptions == 0)
        return config_refuse(cfg, CFG_MAX_CONNECTIONS_PER_IP, why,
                             "may be 0 only with exceptions in "
                             "max.connections.per.ip.overrides");
    return ERR_OK;
}

static enum err check_cleaner(const struct config *cfg, struct errmsg *why)
{
    int64_t threads = get(cfg, CFG_LOG_CLEANER_THREADS);

    if (threads > 0 &&
        get(cfg, CFG_LOG_CLEANER_DEDUPE_BUFFER_SIZE) / threads <= 1024 * 1024)
        return config_refuse(cfg, CFG_LOG_CLEANER_DEDUPE_BUFFER_SIZE, why,
                             "must be above 1 MiB for each of "
                             "log.cleaner.threads");
    return ERR_OK;
}

/* With SASL between brokers, its mechanism must be offered on that listener. */
static enum err check_sasl(const struct config *cfg, struct errmsg *why)
{
    const char *mechanism =
        config_text(cfg, CFG_SASL_MECHANISM_INTER_BROKER_PROTOCOL);

    for (size_t i = 0; i < cfg->n_listeners; i++) {
        const struct config_listener *l = &cfg->listeners[i];
        struct bytes rest, item;
        bool found = false;

        if (!l->inter_broker || l->protocol < 2)
            continue;
        rest = bytes_of(
            config_listener_text(cfg, l->name, CFG_SASL_ENABLED_MECHANISMS));
        while (conf_list_next(&rest, &item))
            found |= bytes_is(item, mechanism);
        if (!found)
            return config_refuse(cfg, CFG_SASL_MECHANISM_INTER_BROKER_PROTOCOL,
                                 why,
                                 "must be among sasl.enabled.mechanisms of "
                                 "the listener between brokers");
    }
    return ERR_OK;
}

enum err config_check_rules(struct config *cfg, struct errmsg *why)
{
    enum err (*const rules[])(const struct config *, struct errmsg *) = {
        check_broker_id, check_kraft,   check_replication,
        check_network,   check_cleaner, check_sasl
    };
    enum err err = check_log_dirs(cfg, why);

    for (size_t i = 0; err == ERR_OK && i < sizeof rules / sizeof *rules; i++)
        err = rules[i](cfg, why);
    return err;
}

const char *const *config_log_dirs(const struct config *cfg, size_t *n)
{
    *n = cfg->n_log_dirs;
    return cfg->log_dirs;
}
