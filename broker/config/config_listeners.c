/* config_listeners.c - listeners, what is advertised for them, and which one
 * brokers use among themselves.
 *
 * Names are upper-cased. `port`, `host.name`, `advertised.host.name` and
 * `advertised.port`, gone since Kafka 3.0 but still written by old images,
 * stand in for the lists when those are not set.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "config/config_in.h"

enum { LISTENERS_MAX = 64 };

static const char *const protocols[] = { "PLAINTEXT", "SSL", "SASL_PLAINTEXT",
                                         "SASL_SSL" };

static const char *keep(struct config *cfg, struct bytes b, bool upper)
{
    char *copy = arena_take(&cfg->arena, b.len + 1);

    for (size_t i = 0; copy != NULL && i < b.len; i++)
        copy[i] = (char)(upper ? toupper(b.at[i]) : b.at[i]);
    return copy ? copy : "";
}

static int16_t protocol_number(const char *name)
{
    for (int16_t i = 0; i < 4; i++)
        if (strcmp(name, protocols[i]) == 0)
            return i;
    return -1;
}

/* The protocol of a listener name by listener.security.protocol.map; -1: none,
 * -2: the map itself is malformed. */
static int16_t protocol_of(struct config *cfg, const char *name)
{
    struct bytes rest =
        bytes_of(config_text(cfg, CFG_LISTENER_SECURITY_PROTOCOL_MAP));
    struct bytes item;
    int16_t found = -1;

    while (conf_list_next(&rest, &item)) {
        const uint8_t *colon = item.len ? memchr(item.at, ':', item.len) : NULL;
        size_t n = colon ? (size_t)(colon - item.at) : 0;
        int16_t protocol;

        if (item.len == 0)
            continue;
        if (colon == NULL)
            return -2;
        protocol = protocol_number(
            keep(cfg, bytes_make(colon + 1, item.len - n - 1), true));
        if (protocol < 0)
            return -2;
        if (strcmp(keep(cfg, bytes_make(item.at, n), true), name) == 0)
            found = protocol;
    }
    return found;
}

struct parsed {
    const char *name, *host;
    int port;
};

static bool parse_port(struct bytes text, int *port)
{
    int64_t v;

    if (!bytes_to_int64(text, 0, 65535, &v))
        return false;
    *port = (int)v;
    return true;
}

/* "NAME://host:port", the host perhaps empty or in brackets. */
static bool parse_one(struct config *cfg, struct bytes item, struct parsed *out)
{
    const uint8_t *at = memmem(item.at, item.len, "://", 3);
    struct bytes host;
    size_t n;

    if (at == NULL || at == item.at)
        return false;
    out->name = keep(cfg, bytes_make(item.at, (size_t)(at - item.at)), true);
    at += 3;
    n = item.len - (size_t)(at - item.at);
    while (n > 0 && at[n - 1] != ':')
        n--;
    if (n == 0)
        return false;
    if (!parse_port(bytes_make(at + n, item.len - (size_t)(at - item.at) - n),
                    &out->port))
        return false;
    host = bytes_make(at, n - 1);
    if (host.len >= 2 && host.at[0] == '[' && host.at[host.len - 1] == ']')
        host = bytes_make(host.at + 1, host.len - 2);
    for (size_t i = 0; i < host.len; i++)
        if (!isalnum(host.at[i]) && strchr("-%._:", host.at[i]) == NULL)
            return false;
    out->host = keep(cfg, host, false);
    return true;
}

static size_t parse_list(struct config *cfg, const char *text,
                         struct parsed *out, bool *ok)
{
    struct bytes rest = bytes_of(text), item;
    size_t n = 0;

    *ok = true;
    while (*ok && conf_list_next(&rest, &item)) {
        if (item.len == 0)
            continue;
        *ok = n < LISTENERS_MAX && parse_one(cfg, item, &out[n]);
        n += *ok;
    }
    return n;
}

/* -- rules ------------------------------------------------------------- */

static bool is_v6(const char *host)
{
    return strchr(host, ':') != NULL;
}

/* One port twice is right only for one IPv4 and one IPv6 address. */
static const char *check_distinct(const struct parsed *p, size_t n,
                                  bool need_ports)
{
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < i; j++) {
            if (strcmp(p[i].name, p[j].name) == 0)
                return "each listener must have a different name";
            if (need_ports && p[i].port == p[j].port && p[i].port != 0 &&
                (*p[i].host == '\0' || *p[j].host == '\0' ||
                 is_v6(p[i].host) == is_v6(p[j].host)))
                return "each listener must have a different port, unless one "
                       "has an IPv4 and the other an IPv6 address";
        }
    return NULL;
}

static enum err take_listeners(struct config *cfg, const char *text,
                               struct errmsg *why)
{
    struct parsed p[LISTENERS_MAX];
    bool ok;
    size_t n = parse_list(cfg, text, p, &ok);
    const char *because = check_distinct(p, n, true);

    if (!ok || n == 0)
        return config_refuse(
            cfg, CFG_LISTENERS, why,
            "must be NAME://host:port,... with ports from 0 to "
            "65535");
    if (because != NULL)
        return config_refuse(cfg, CFG_LISTENERS, why, "%s", because);
    cfg->listeners = arena_array(&cfg->arena, n, sizeof *cfg->listeners);
    cfg->n_listeners = cfg->listeners ? n : 0;
    for (size_t i = 0; i < cfg->n_listeners; i++) {
        struct config_listener *l = &cfg->listeners[i];

        l->name = p[i].name;
        l->host = p[i].host;
        l->port = p[i].port;
        l->advertised_host = "";
        l->protocol = protocol_of(cfg, l->name);
        if (l->protocol == -2)
            return config_refuse(cfg, CFG_LISTENER_SECURITY_PROTOCOL_MAP, why,
                                 "must be NAME:PROTOCOL,... with PLAINTEXT, "
                                 "SSL, SASL_PLAINTEXT or SASL_SSL");
        if (l->protocol < 0)
            return config_refuse(cfg, CFG_LISTENERS, why,
                                 "the name %s is not in "
                                 "listener.security.protocol.map",
                                 l->name);
    }
    return ERR_OK;
}

static struct config_listener *find(struct config *cfg, const char *name)
{
    for (size_t i = 0; i < cfg->n_listeners; i++)
        if (strcmp(cfg->listeners[i].name, name) == 0)
            return &cfg->listeners[i];
    return NULL;
}

/* Nothing said: the listeners themselves; a listener on all interfaces is
 * advertised under the machine's name. */
static enum err advertise_all(struct config *cfg, struct errmsg *why)
{
    for (size_t i = 0; i < cfg->n_listeners; i++) {
        struct config_listener *l = &cfg->listeners[i];

        if (strcmp(l->host, "0.0.0.0") == 0)
            return config_refuse(cfg, CFG_LISTENERS, why,
                                 "0.0.0.0 cannot be advertised: set "
                                 "advertised.listeners");
        l->advertised = true;
        l->advertised_host = *l->host ? l->host : cfg->host_name;
        l->advertised_port = l->port;
    }
    return ERR_OK;
}

static enum err take_advertised(struct config *cfg, const char *text,
                                struct errmsg *why)
{
    struct parsed p[LISTENERS_MAX];
    bool ok;
    size_t n = parse_list(cfg, text, p, &ok);
    const char *because = check_distinct(p, n, false);

    if (!ok || n == 0)
        return config_refuse(
            cfg, CFG_ADVERTISED_LISTENERS, why,
            "must be NAME://host:port,... with ports from 0 to "
            "65535");
    if (because != NULL)
        return config_refuse(cfg, CFG_ADVERTISED_LISTENERS, why, "%s", because);
    for (size_t i = 0; i < n; i++) {
        struct config_listener *l = find(cfg, p[i].name);

        if (l == NULL)
            return config_refuse(cfg, CFG_ADVERTISED_LISTENERS, why,
                                 "the name %s is not among the listeners",
                                 p[i].name);
        if (strcmp(p[i].host, "0.0.0.0") == 0)
            return config_refuse(cfg, CFG_ADVERTISED_LISTENERS, why,
                                 "0.0.0.0 is no address one can connect to");
        l->advertised = true;
        l->advertised_host = *p[i].host ? p[i].host : cfg->host_name;
        l->advertised_port = p[i].port;
    }
    return ERR_OK;
}

static enum err choose_inter_broker(struct config *cfg, struct errmsg *why)
{
    const char *name = config_text(cfg, CFG_INTER_BROKER_LISTENER_NAME);
    enum config_key key = CFG_INTER_BROKER_LISTENER_NAME;
    struct config_listener *l;

    if (name != NULL && config_in_file(cfg, CFG_SECURITY_INTER_BROKER_PROTOCOL))
        return config_refuse(cfg, key, why,
                             "only one of inter.broker.listener.name and "
                             "security.inter.broker.protocol may be set");
    if (name == NULL) {
        key = CFG_SECURITY_INTER_BROKER_PROTOCOL;
        name = config_text(cfg, key);
    }
    l = find(cfg, keep(cfg, bytes_of(name), true));
    if (l == NULL || !l->advertised)
        return config_refuse(cfg, key, why,
                             "no advertised listener has this name; brokers "
                             "need one to reach each other (set "
                             "inter.broker.listener.name)");
    l->inter_broker = true;
    return ERR_OK;
}

static enum err choose_control_plane(struct config *cfg, struct errmsg *why)
{
    const char *name = config_text(cfg, CFG_CONTROL_PLANE_LISTENER_NAME);
    struct config_listener *l;

    if (name == NULL)
        return ERR_OK;
    l = find(cfg, keep(cfg, bytes_of(name), true));
    if (l == NULL || !l->advertised || l->inter_broker)
        return config_refuse(
            cfg, CFG_CONTROL_PLANE_LISTENER_NAME, why,
            "must be an advertised listener other than the one "
            "between brokers");
    l->control_plane = true;
    return ERR_OK;
}

/* -- old keys ---------------------------------------------------------- */

static const char *old_style(struct config *cfg, const char *host_key,
                             const char *port_key)
{
    const char *host = config_extra(cfg, host_key);
    const char *port = config_extra(cfg, port_key);
    struct bytes made;

    if (host == NULL && port == NULL)
        return NULL;
    made = arena_format(&cfg->arena, "PLAINTEXT://%s:%s", host ? host : "",
                        port ? port : "9092");
    return made.at ? keep(cfg, made, false) : NULL;
}

enum err config_read_listeners(struct config *cfg, struct errmsg *why)
{
    const char *listeners = config_text(cfg, CFG_LISTENERS);
    const char *advertised = config_text(cfg, CFG_ADVERTISED_LISTENERS);
    enum err err;

    if (!config_in_file(cfg, CFG_LISTENERS)) {
        const char *old = old_style(cfg, "host.name", "port");
        listeners = old ? old : listeners;
    }
    if (advertised == NULL)
        advertised = old_style(cfg, "advertised.host.name", "advertised.port");
    err = take_listeners(cfg, listeners, why);
    if (err == ERR_OK)
        err = advertised ? take_advertised(cfg, advertised, why)
                         : advertise_all(cfg, why);
    if (err == ERR_OK)
        err = choose_inter_broker(cfg, why);
    if (err == ERR_OK)
        err = choose_control_plane(cfg, why);
    if (err == ERR_OK && cfg->arena.err != ERR_OK)
        err = err_set(why, cfg->arena.err, "not enough memory");
    return err;
}

const struct config_listener *config_listeners(const struct config *cfg,
                                               size_t *n)
{
    *n = cfg->n_listeners;
    return cfg->listeners;
}

const char *config_listener_text(const struct config *cfg, const char *name,
                                 enum config_key key)
{
    char full[300];
    const char *text;
    int n = snprintf(full, sizeof full, "listener.name.%s.%s", name,
                     config_table[key].name);

    for (size_t i = 14; name[i - 14] != '\0' && i < sizeof full; i++)
        full[i] = (char)tolower((unsigned char)full[i]);
    text = n > 0 && (size_t)n < sizeof full ? config_extra(cfg, full) : NULL;
    return text ? text : config_text(cfg, key);
}
