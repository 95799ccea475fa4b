/* config_check.c - may this be put into a dynamic layer?
 *
 * The sentences are Kafka's in kind: AlterConfigs hands them to people.
 */
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "config/config_in.h"

#define LISTENER_PREFIX "listener.name."

/* Keys that exist in dynamic layers only. */
static const struct conf_key dynamic_only[] = {
    { "leader.replication.throttled.rate", CONF_LONG, "9223372036854775807", 0,
      1e300, NULL, CONF_PER_BROKER, 0, "" },
    { "follower.replication.throttled.rate", CONF_LONG, "9223372036854775807",
      0, 1e300, NULL, CONF_PER_BROKER, 0, "" },
    { "replica.alter.log.dirs.io.max.bytes.per.second", CONF_LONG,
      "9223372036854775807", 0, 1e300, NULL, CONF_PER_BROKER, 0, "" },
};

struct bytes config_listener_base(struct bytes name)
{
    size_t n = sizeof LISTENER_PREFIX - 1;
    const uint8_t *dot;

    if (name.len <= n || memcmp(name.at, LISTENER_PREFIX, n) != 0)
        return BYTES_NULL;
    dot = memchr(name.at + n, '.', name.len - n);
    if (dot == NULL)
        return BYTES_NULL;
    n = (size_t)(dot - name.at) + 1;
    return bytes_make(name.at + n, name.len - n);
}

/* The row of a name, of its base key when it is listener-prefixed (with or
 * without a SASL mechanism in between), or of a dynamic-only key. */
static const struct conf_key *find_row(struct bytes name, int *key)
{
    struct bytes base = config_listener_base(name);
    const uint8_t *dot;

    *key = config_key_find(name);
    if (*key >= 0)
        return &config_table[*key];
    for (size_t i = 0; i < sizeof dynamic_only / sizeof *dynamic_only; i++)
        if (bytes_is(name, dynamic_only[i].name))
            return &dynamic_only[i];
    while (!bytes_is_null(base)) {
        int found = config_key_find(base);

        if (found >= 0)
            return &config_table[found];
        dot = memchr(base.at, '.', base.len);
        base = dot ? bytes_make(dot + 1, base.len - (size_t)(dot - base.at) - 1)
                   : BYTES_NULL;
    }
    return NULL;
}

enum err config_check_one(struct bytes name, struct bytes value, int *key,
                          struct errmsg *why)
{
    const struct conf_key *row = find_row(name, key);
    struct conf_value checked;
    enum err err;

    if (row == NULL)
        return ERR_OK;
    err = conf_check(row, value, &checked, why);
    if (err == ERR_OK &&
        (row == &config_table[CFG_INTER_BROKER_PROTOCOL_VERSION] ||
         row == &config_table[CFG_LOG_MESSAGE_FORMAT_VERSION]) &&
        config_version_number(checked.text) == 0)
        return err_set(why, ERR_INVALID,
                       "Invalid value %.*s for configuration %s: Version %.*s "
                       "is not a valid version",
                       BYTES_ARG(value), row->name, BYTES_ARG(value));
    return err;
}

/* -- rules of dynamic layers ------------------------------------------- */

static bool is_tls_key(int key)
{
    return key >= 0 && config_table[key].scope != CONF_STATIC &&
           strncmp(config_table[key].name, "ssl.", 4) == 0;
}

static enum err check_scope(enum config_layer layer, struct bytes name, int key,
                            struct errmsg *why)
{
    struct bytes base = config_listener_base(name);
    int base_key = bytes_is_null(base) ? -1 : config_key_find(base);

    if (key >= 0 && config_table[key].scope == CONF_STATIC)
        return err_set(why, ERR_INVALID,
                       "Cannot update these configs dynamically: Set(%.*s)",
                       BYTES_ARG(name));
    if (is_tls_key(key))
        return err_set(why, ERR_INVALID,
                       "These security configs can be dynamically updated only "
                       "per-listener using the listener prefix: Set(%.*s)",
                       BYTES_ARG(name));
    if (layer != CONFIG_CLUSTER)
        return ERR_OK;
    if ((key >= 0 && config_table[key].scope == CONF_PER_BROKER) ||
        (!bytes_is_null(base) &&
         (base_key < 0 || config_table[base_key].scope != CONF_CLUSTER)))
        return err_set(why, ERR_INVALID,
                       "Cannot update these configs at default cluster level, "
                       "broker id must be specified: Set(%.*s)",
                       BYTES_ARG(name));
    return ERR_OK;
}

/* Pools are never more than doubled or halved in one step. */
static enum err check_threads(const struct config *cfg, int key,
                              struct bytes value, struct errmsg *why)
{
    static const enum config_key pools[] = {
        CFG_NUM_IO_THREADS,       CFG_NUM_NETWORK_THREADS,
        CFG_NUM_REPLICA_FETCHERS, CFG_NUM_RECOVERY_THREADS_PER_DATA_DIR,
        CFG_BACKGROUND_THREADS,   CFG_LOG_CLEANER_THREADS
    };
    const char *because = NULL;
    int64_t old, new;

    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
        if (key != (int)pools[i] ||
            !bytes_to_int64(value, INT32_MIN, INT32_MAX, &new))
            continue;
        old = config_int64(cfg, pools[i]);
        if (new == old)
            continue;
        if (new <= 0)
            because = "value should be at least 1";
        else if (new < old / 2)
            because = "value should be at least half the current value";
        else if (new > old * 2)
            because = "value should not be greater than double the current "
                      "value";
        if (because != NULL)
            return err_set(why, ERR_INVALID,
                           "Dynamic thread count update validation failed for "
                           "%s=%lld: %s %lld",
                           config_table[key].name, (long long)new, because,
                           (long long)old);
    }
    return ERR_OK;
}

enum err config_check(const struct config *cfg, enum config_layer layer,
                      const struct conf_pair *pairs, size_t n,
                      struct errmsg *why)
{
    for (size_t i = 0; i < n; i++) {
        int key;
        enum err err =
            config_check_one(pairs[i].name, pairs[i].value, &key, why);

        if (err == ERR_OK)
            err = check_scope(layer, pairs[i].name, key, why);
        if (err == ERR_OK)
            err = check_threads(cfg, key, pairs[i].value, why);
        if (err == ERR_OK)
            err = config_check_connections(pairs[i].name, pairs[i].value, why);
        if (err != ERR_OK)
            return err;
    }
    return config_check_nobody(cfg, layer, pairs, n, why);
}

/* -- taking what ZooKeeper holds --------------------------------------- */

/* Passwords lie there encrypted with password.encoder.secret. */
static const char *why_not(enum config_layer layer,
                           const struct conf_pair *pair, int *key,
                           struct errmsg *why)
{
    int found;
    const struct conf_key *row = find_row(pair->name, &found);

    *key = found;
    if (row != NULL && conf_is_secret(row))
        return "passwords in dynamic configuration are not read";
    if (config_check_one(pair->name, pair->value, key, why) != ERR_OK ||
        check_scope(layer, pair->name, *key, why) != ERR_OK ||
        config_check_connections(pair->name, pair->value, why) != ERR_OK)
        return why->text;
    return NULL;
}

static struct bytes copy_text(struct arena *arena, struct bytes b)
{
    char *copy = arena_take(arena, b.len + 1);

    if (copy == NULL)
        return BYTES_NULL;
    if (b.len > 0)
        memcpy(copy, b.at, b.len);
    return bytes_make(copy, b.len);
}

static bool same_pairs(const struct layer *layer, const struct conf_pair *pairs,
                       size_t n)
{
    if (layer == NULL || layer->n != n)
        return layer == NULL && n == 0;
    for (size_t i = 0; i < n; i++)
        if (!bytes_equal(layer->pairs[i].name, pairs[i].name) ||
            !bytes_equal(layer->pairs[i].value, pairs[i].value))
            return false;
    return true;
}

void config_apply(struct config *cfg, enum config_layer which,
                  const struct conf_pair *pairs, size_t n)
{
    struct layer *layer;

    lock_take(&cfg->lock);
    if (same_pairs(atomic_load(&cfg->layers[which]), pairs, n)) {
        lock_give(&cfg->lock);
        return;
    }
    layer = mem_need(sizeof *layer);
    arena_init(&layer->arena, SIZE_MAX / 2);
    layer->pairs = mem_need_array(n + 1, sizeof *layer->pairs);
    for (size_t i = 0; i < n; i++) {
        struct errmsg why = { "" };
        struct conf_pair *own = &layer->pairs[layer->n];
        int key;
        const char *because = why_not(which, &pairs[i], &key, &why);

        if (because != NULL) {
            diag_warn("event=dynamic_config_ignored key=%.*s layer=%s "
                      "reason=\"%s\"",
                      BYTES_ARG(pairs[i].name),
                      which == CONFIG_BROKER ? "broker" : "cluster", because);
            continue;
        }
        own->name = copy_text(&layer->arena, pairs[i].name);
        own->value = copy_text(&layer->arena, pairs[i].value);
        if (layer->arena.err != ERR_OK)
            break; /* no memory: what was copied so far is in force */
        layer->n++;
        if (key >= 0)
            layer->by_key[key] = (const char *)own->value.at;
    }
    config_layer_put(cfg, which, layer);
    lock_give(&cfg->lock);
}
