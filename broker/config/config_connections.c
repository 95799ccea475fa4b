/* config_connections.c - max.connections.per.ip.overrides, and what a change of
 * the limits of connections must heed.
 *
 * An exception is "host:count"; the last colon parts them, so that IPv6 needs
 * no brackets. Kafka takes a count below 0 (nobody), an empty host (this
 * machine) and empty items at the end; so do we.
 */
#include <string.h>

#include "config/config_in.h"

#define KEY "max.connections.per.ip.overrides"

static struct bytes trimmed(struct bytes text)
{
    while (text.len > 0 && text.at[0] <= ' ')
        text = bytes_make(text.at + 1, text.len - 1);
    while (text.len > 0 && text.at[text.len - 1] <= ' ')
        text.len--;
    return text;
}

static bool is_host(struct bytes host)
{
    static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ-%._:";

    for (size_t i = 0; i < host.len; i++)
        if (host.at[i] == 0 || strchr(allowed, host.at[i]) == NULL)
            return false;
    return true;
}

static enum err read_one(struct bytes item, struct arena *arena,
                         struct config_ip_limit *out, struct errmsg *why)
{
    const uint8_t *colon =
        item.len > 0 ? memrchr(item.at, ':', item.len) : NULL;
    struct bytes host, count;
    int64_t most;
    char *copy;

    if (colon == NULL)
        return err_set(why, ERR_INVALID, "\"%.*s\" is not host:count",
                       BYTES_ARG(item));
    host = trimmed(bytes_make(item.at, (size_t)(colon - item.at)));
    count = trimmed(
        bytes_make(colon + 1, item.len - (size_t)(colon + 1 - item.at)));
    if (!bytes_to_int64(count, INT32_MIN, INT32_MAX, &most))
        return err_set(why, ERR_INVALID, "\"%.*s\" is not a count",
                       BYTES_ARG(count));
    if (!is_host(host))
        return err_set(why, ERR_INVALID, "\"%.*s\" is not a host",
                       BYTES_ARG(host));
    copy = arena_take(arena, host.len + 1);
    if (copy == NULL)
        return err_set(why, ERR_NOMEM, "too many exceptions");
    memcpy(copy, host.at, host.len);
    copy[host.len] = '\0';
    *out = (struct config_ip_limit){ .host = copy, .most = (int32_t)most };
    return ERR_OK;
}

/* The text without empty items at its end. */
static struct bytes without_tail(struct bytes text)
{
    text = trimmed(text);
    while (text.len > 0 && text.at[text.len - 1] == ',')
        text = trimmed(bytes_make(text.at, text.len - 1));
    return text;
}

enum err config_read_ip_limits(struct bytes text, struct arena *arena,
                               struct config_ip_limit **out, size_t *n,
                               struct errmsg *why)
{
    struct bytes rest = without_tail(text);
    size_t most = 1;

    *n = 0;
    for (size_t i = 0; i < rest.len; i++)
        most += rest.at[i] == ',';
    *out = arena_array(arena, most, sizeof **out);
    if (*out == NULL)
        return err_set(why, ERR_NOMEM, "too many exceptions");
    while (rest.len > 0) {
        const uint8_t *comma = memchr(rest.at, ',', rest.len);
        size_t len = comma != NULL ? (size_t)(comma - rest.at) : rest.len;
        enum err err = read_one(trimmed(bytes_make(rest.at, len)), arena,
                                &(*out)[*n], why);

        if (err != ERR_OK)
            return err;
        (*n)++;
        rest = comma != NULL ? bytes_make(comma + 1, rest.len - len - 1)
                             : bytes_make(rest.at, 0);
    }
    return ERR_OK;
}

enum err config_check_ip_limits(struct bytes text, size_t *n,
                                struct errmsg *why)
{
    struct config_ip_limit *limits;
    struct arena arena;
    enum err err;

    arena_init(&arena, SIZE_MAX / 2);
    err = config_read_ip_limits(text, &arena, &limits, n, why);
    arena_fini(&arena);
    return err;
}

enum err config_ip_limits(const struct config *cfg, struct arena *arena,
                          struct config_ip_limit **out, size_t *n,
                          struct errmsg *why)
{
    enum err err;

    config_texts_take(cfg);
    err = config_read_ip_limits(
        bytes_of(config_text(cfg, CFG_MAX_CONNECTIONS_PER_IP_OVERRIDES)), arena,
        out, n, why);
    config_texts_give(cfg);
    if (err != ERR_OK)
        err_prefix(why, KEY);
    return err;
}

/* -- changes while the broker runs
 * ----------------------------------------------- */

/* A listener without slots could not be asked for any again. */
static enum err check_positive(struct bytes name, struct bytes value,
                               struct errmsg *why)
{
    static const enum config_key keys[] = { CFG_MAX_CONNECTIONS,
                                            CFG_MAX_CONNECTION_CREATION_RATE };
    struct bytes base = config_listener_base(name);
    int64_t number;

    if (bytes_is_null(base))
        base = name;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (bytes_is(base, config_table[keys[i]].name) &&
            bytes_to_int64(value, INT64_MIN, INT64_MAX, &number) && number <= 0)
            return err_set(why, ERR_INVALID,
                           "Invalid value org.apache.kafka.common.config."
                           "ConfigException: Invalid %s %lld for configuration "
                           "Invalid dynamic configuration",
                           config_table[keys[i]].name, (long long)number);
    return ERR_OK;
}

enum err config_check_connections(struct bytes name, struct bytes value,
                                  struct errmsg *why)
{
    struct errmsg because;
    size_t n;

    if (bytes_is(name, KEY) &&
        config_check_ip_limits(value, &n, &because) != ERR_OK)
        return err_set(why, ERR_INVALID,
                       "Error parsing configuration property '" KEY "': %s",
                       because.text);
    return check_positive(name, value, why);
}

/* What would be in force with these pairs as the whole of layer `which`. */
static struct bytes value_with(const struct config *cfg,
                               enum config_layer which,
                               const struct conf_pair *pairs, size_t n,
                               enum config_key key)
{
    for (int at = CONFIG_BROKER; at <= CONFIG_FILE; at++) {
        const struct layer *layer = atomic_load(&cfg->layers[at]);

        for (size_t i = 0; at == (int)which && i < n; i++)
            if (bytes_is(pairs[i].name, config_table[key].name))
                return pairs[i].value;
        if (at != (int)which && layer != NULL && layer->by_key[key] != NULL)
            return bytes_of(layer->by_key[key]);
    }
    return bytes_of(config_table[key].default_text);
}

static enum err check_nobody(const struct config *cfg, enum config_layer layer,
                             const struct conf_pair *pairs, size_t n,
                             struct errmsg *why)
{
    struct bytes per_ip =
        value_with(cfg, layer, pairs, n, CFG_MAX_CONNECTIONS_PER_IP);
    struct bytes except =
        value_with(cfg, layer, pairs, n, CFG_MAX_CONNECTIONS_PER_IP_OVERRIDES);
    size_t exceptions = 0;
    int64_t most;
    enum err err;

    if (!bytes_to_int64(per_ip, 0, INT32_MAX, &most) || most != 0)
        return ERR_OK;
    err = config_check_ip_limits(except, &exceptions, why);
    if (err == ERR_OK && exceptions == 0)
        err = err_set(why, ERR_INVALID,
                      "requirement failed: max.connections.per.ip can be set "
                      "to zero only if " KEY " property is set.");
    return err;
}

enum err config_check_nobody(const struct config *cfg, enum config_layer layer,
                             const struct conf_pair *pairs, size_t n,
                             struct errmsg *why)
{
    enum err err;

    config_texts_take(cfg);
    err = check_nobody(cfg, layer, pairs, n, why);
    config_texts_give(cfg);
    return err;
}
