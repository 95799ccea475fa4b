/* server_quota.c - the limits of connections, from the configuration to the
 * net: at the start, and again whenever kafka-configs changes one.
 *
 * Hosts in max.connections.per.ip.overrides are resolved when they are read, as
 * in Kafka: at the start one that is unknown ends it, later the limits stay as
 * they were, with a line.
 */
#include "server_private.h"

#include <netdb.h>
#include <string.h>

#include "base/diag.h"

/* -- hosts
 * --------------------------------------------------------------------- */

static void take_address(const struct addrinfo *ai, uint8_t addr[16])
{
    if (ai->ai_family == AF_INET) {
        memset(addr, 0, 10);
        memset(addr + 10, 0xff, 2);
        memcpy(
            addr + 12,
            &((const struct sockaddr_in *)(const void *)ai->ai_addr)->sin_addr,
            4);
    } else {
        memcpy(addr,
               &((const struct sockaddr_in6 *)(const void *)ai->ai_addr)
                    ->sin6_addr,
               16);
    }
}

/* The first address of a host, of IPv4 before IPv6 as Java does. */
static enum err resolve(const char *host, uint8_t addr[16], struct errmsg *why)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *all = NULL;
    const struct addrinfo *best;
    int rc = getaddrinfo(*host ? host : "127.0.0.1", NULL, &hints, &all);

    if (rc != 0)
        return err_set(why, ERR_ABSENT,
                       "max.connections.per.ip.overrides: host %s: %s", host,
                       gai_strerror(rc));
    best = all;
    for (const struct addrinfo *ai = all; ai != NULL; ai = ai->ai_next) {
        if (ai->ai_family == AF_INET) {
            best = ai;
            break;
        }
    }
    take_address(best, addr);
    freeaddrinfo(all);
    return ERR_OK;
}

/* -- reading
 * ------------------------------------------------------------------- */

static enum err read_exceptions(const struct config *cfg,
                                struct server_quota *quota, struct errmsg *why)
{
    struct config_ip_limit *from;
    struct net_ip_limit *to;
    size_t n;
    enum err err = config_ip_limits(cfg, &quota->arena, &from, &n, why);

    if (err != ERR_OK)
        return err;
    to = arena_array(&quota->arena, n + 1, sizeof *to);
    if (to == NULL)
        return err_set(why, ERR_NOMEM, "limits of connections");
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        to[i].most = from[i].most;
        err = resolve(from[i].host, to[i].addr, why);
    }
    quota->limits.exceptions = to;
    quota->limits.n_exceptions = n;
    return err;
}

/* A listener's own limit, else the broker's. */
static int32_t listener_most(const struct config *cfg, const char *name,
                             enum config_key key)
{
    struct conf_value value;
    enum err err;

    config_texts_take(cfg);
    err = conf_check(config_key_row(key),
                     bytes_of(config_listener_text(cfg, name, key)), &value,
                     NULL);
    config_texts_give(cfg);
    /* values were checked before they came into force */
    return err == ERR_OK ? (int32_t)value.number : NET_NO_LIMIT;
}

enum err server_quota_read(const struct server *server,
                           struct server_quota *quota, struct errmsg *why)
{
    const struct config *cfg = server->config;
    size_t n;
    const struct config_listener *listeners = config_listeners(cfg, &n);
    int32_t *own, *rates;

    arena_init(&quota->arena, SIZE_MAX / 2);
    quota->limits = (struct net_quota){
        .most = (int32_t)config_int64(cfg, CFG_MAX_CONNECTIONS),
        .per_ip = (int32_t)config_int64(cfg, CFG_MAX_CONNECTIONS_PER_IP),
        .rate = (int32_t)config_int64(cfg, CFG_MAX_CONNECTION_CREATION_RATE),
        .rate_windows = (int32_t)config_int64(cfg, CFG_QUOTA_WINDOW_NUM),
        .rate_window_ms =
            config_int64(cfg, CFG_QUOTA_WINDOW_SIZE_SECONDS) * 1000,
    };
    own = arena_array(&quota->arena, n, sizeof *own);
    rates = arena_array(&quota->arena, n, sizeof *rates);
    if (own == NULL || rates == NULL)
        return err_set(why, ERR_NOMEM, "limits of connections");
    for (size_t i = 0; i < n; i++) {
        own[i] = listener_most(cfg, listeners[i].name, CFG_MAX_CONNECTIONS);
        rates[i] = listener_most(cfg, listeners[i].name,
                                 CFG_MAX_CONNECTION_CREATION_RATE);
    }
    quota->limits.listeners = own;
    quota->limits.rates = rates;
    return read_exceptions(cfg, quota, why);
}

/* -- changes
 * ------------------------------------------------------------------- */

static void quota_apply(struct job *job)
{
    struct server *server = CONTAINER_OF(job, struct server, quota_job);
    struct server_quota quota;
    struct errmsg why;

    server->quota_waiting = false;
    if (server_quota_read(server, &quota, &why) == ERR_OK) {
        lock_take(&server->net_lock);
        if (server->net_runs)
            net_quota_set(server->broker.net, &quota.limits);
        lock_give(&server->net_lock);
    } else {
        diag_warn("event=connection_limits_not_changed reason=\"%s\" "
                  "remedy=\"correct them with kafka-configs\"",
                  why.text);
    }
    arena_fini(&quota.arena);
}

void server_quota_changed(struct server *server)
{
    if (!atomic_exchange(&server->quota_waiting, true))
        lane_submit(&server->quota_lane, &server->quota_job);
}

void server_quota_init(struct server *server)
{
    lane_init(&server->quota_lane, server->broker.pool);
    lock_init(&server->net_lock);
    server->quota_job.run = quota_apply;
}

void server_quota_fini(struct server *server)
{
    lane_fini(&server->quota_lane);
    lock_fini(&server->net_lock);
}
