/* config.c - reading the configuration at start.
 *
 * In order: the file and the overrides are parsed; each value is checked
 * against its key; then Java's habits that cannot be honoured are refused, and
 * the rules between keys are checked. The first thing that is wrong stops the
 * start with one line that names its place.
 */
#include "config/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "config/config_in.h"

#define OVERRIDES "--override"

enum { ARENA_LIMIT = 4 * 1024 * 1024 };

/* -- messages ---------------------------------------------------------- */

static bool is_override(const struct config *cfg, const struct property *p)
{
    return (size_t)(p - cfg->file.items) >= cfg->n_from_file;
}

/* "server.properties:12: key=value", secrets hidden. */
static void place_of(const struct config *cfg, const struct property *p,
                     bool secret, char *text, size_t size)
{
    struct bytes value = secret ? BYTES("[hidden]") : p->value;

    if (is_override(cfg, p))
        snprintf(text, size, OVERRIDES " %.*s=%.*s", BYTES_ARG(p->name),
                 BYTES_ARG(value));
    else
        snprintf(text, size, "%s:%u: %.*s=%.*s", cfg->file.file, p->line,
                 BYTES_ARG(p->name), BYTES_ARG(value));
}

enum err config_refuse(const struct config *cfg, enum config_key key,
                       struct errmsg *why, const char *format, ...)
{
    const struct conf_key *row = &config_table[key];
    const struct property *p = properties_find(&cfg->file, row->name);
    char place[256], words[256];
    va_list args;

    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    if (p != NULL)
        place_of(cfg, p, conf_is_secret(row), place, sizeof place);
    else
        snprintf(place, sizeof place, "%s=%s (the default)", row->name,
                 row->default_text ? row->default_text : "");
    return err_set(why, ERR_INVALID, "%s: %s", place, words);
}

/* -- the file's layer -------------------------------------------------- */

/* Names that are in no table but mean something. */
static bool is_known_elsewhere(struct bytes name)
{
    static const char *const names[] = { "super.users",
                                         "allow.everyone.if.no.acl.found",
                                         "port",
                                         "host.name",
                                         "advertised.port",
                                         "advertised.host.name",
                                         "gregor.log.level" };
    static const char *const prefixes[] = { "listener.name.", "keeper.",
                                            "authorizer.", "gregor." };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (bytes_is(name, names[i]))
            return true;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        size_t n = strlen(prefixes[i]);

        if (name.len > n && memcmp(name.at, prefixes[i], n) == 0)
            return true;
    }
    return false;
}

static enum err refuse_value(const struct config *cfg, const struct property *p,
                             int key, const struct errmsg *because,
                             struct errmsg *why)
{
    char place[256], allowed[256];

    if (key < 0 || key == CFG_INTER_BROKER_PROTOCOL_VERSION ||
        key == CFG_LOG_MESSAGE_FORMAT_VERSION) {
        place_of(cfg, p, key < 0, place, sizeof place);
        return err_set(why, ERR_INVALID, "%s: %s", place, because->text);
    }
    conf_allowed(&config_table[key], allowed, sizeof allowed);
    place_of(cfg, p, conf_is_secret(&config_table[key]), place, sizeof place);
    return err_set(why, ERR_INVALID, "%s: must be %s", place, allowed);
}

static void take_unknown(struct config *cfg, const struct property *p)
{
    char place[256];

    place_of(cfg, p, true, place, sizeof place);
    diag_warn(
        "event=unknown_setting place=\"%s\" remedy=\"remove it, or correct "
        "its name; it has no effect\"",
        place);
}

/* Every entry whose name no later one repeats: it is the one that counts. */
static enum err take_entries(struct config *cfg, struct layer *layer,
                             struct errmsg *why)
{
    for (size_t i = 0; i < cfg->file.n; i++) {
        const struct property *p = &cfg->file.items[i];
        struct errmsg because = { "" };
        int key;

        if (properties_find(&cfg->file, (const char *)p->name.at) != p)
            continue;
        if (config_check_one(p->name, p->value, &key, &because) != ERR_OK)
            return refuse_value(cfg, p, key, &because, why);
        layer->pairs[layer->n].name = p->name;
        layer->pairs[layer->n++].value = p->value;
        if (key >= 0) {
            layer->by_key[key] = (const char *)p->value.at;
            continue;
        }
        cfg->unknown[cfg->n_unknown].name = p->name;
        cfg->unknown[cfg->n_unknown++].value = p->value;
        if (!is_known_elsewhere(p->name))
            take_unknown(cfg, p);
    }
    return ERR_OK;
}

static enum err read_overrides(struct config *cfg, const char *const *overrides,
                               struct errmsg *why)
{
    cfg->n_from_file = cfg->file.n;
    for (; overrides != NULL && *overrides != NULL; overrides++) {
        const char *equals = strchr(*overrides, '=');
        enum err err;

        if (equals == NULL || equals == *overrides)
            return err_set(why, ERR_INVALID, OVERRIDES " %s: must be key=value",
                           *overrides);
        err = properties_add(
            &cfg->file, bytes_make(*overrides, (size_t)(equals - *overrides)),
            bytes_of(equals + 1), 0);
        if (err != ERR_OK)
            return err_set(why, err, OVERRIDES ": %s", err_words(err));
    }
    return ERR_OK;
}

static enum err read_file(struct config *cfg,
                          const struct config_source_env *env,
                          struct errmsg *why)
{
    struct layer *layer;
    enum err err = ERR_OK;

    if (env->file != NULL)
        err = properties_load(&cfg->file, why);
    if (err == ERR_OK)
        err = read_overrides(cfg, env->overrides, why);
    if (err != ERR_OK)
        return err;
    if (properties_find(&cfg->file, "config.providers") != NULL)
        return err_set(why, ERR_INVALID,
                       "%s: config.providers: Java classes cannot be loaded "
                       "here; write the values themselves",
                       cfg->file.file);
    layer = mem_need(sizeof *layer);
    layer->pairs = mem_need_array(cfg->file.n + 1, sizeof *layer->pairs);
    cfg->unknown = mem_need_array(cfg->file.n + 1, sizeof *cfg->unknown);
    config_layer_put(cfg, CONFIG_FILE, layer);
    return take_entries(cfg, layer, why);
}

/* -- life -------------------------------------------------------------- */

static enum err check_all(struct config *cfg,
                          const struct config_source_env *env,
                          struct errmsg *why)
{
    enum err err;

    config_resolve(cfg);
    cfg->ibp = config_version_number(
        bytes_of(config_text(cfg, CFG_INTER_BROKER_PROTOCOL_VERSION)));
    err = config_refuse_java(cfg, env->kafka_opts, why);
    if (err == ERR_OK)
        err = config_read_listeners(cfg, why);
    if (err == ERR_OK)
        err = config_check_rules(cfg, why);
    if (err == ERR_OK)
        err = config_read_zookeeper(cfg, why);
    if (err == ERR_OK)
        config_resolve(cfg); /* some values follow from what was read */
    return err;
}

enum err config_open(struct config **out, const struct config_source_env *env,
                     struct errmsg *why)
{
    struct config *cfg = mem_need(sizeof *cfg);
    enum err err;

    properties_init(&cfg->file, env->file ? env->file : "configuration");
    arena_init(&cfg->arena, ARENA_LIMIT);
    lock_init(&cfg->lock);
    cfg->host_name =
        mem_need_text(bytes_of(env->host_name ? env->host_name : "localhost"));
    err = read_file(cfg, env, why);
    if (err == ERR_OK)
        err = check_all(cfg, env, why);
    if (err != ERR_OK)
        config_close(&cfg);
    *out = cfg;
    return err;
}

void config_close(struct config **out)
{
    struct config *cfg = *out;

    if (cfg == NULL)
        return;
    config_layers_free(cfg);
    properties_fini(&cfg->file);
    arena_fini(&cfg->arena);
    lock_fini(&cfg->lock);
    mem_free(cfg->host_name);
    mem_free(cfg->unknown);
    mem_free(cfg);
    *out = NULL;
}

int config_ibp(const struct config *cfg)
{
    return cfg->ibp;
}

const struct config_zookeeper *config_zookeeper(const struct config *cfg)
{
    return &cfg->zookeeper;
}

const struct conf_pair *config_unknown(const struct config *cfg, size_t *n)
{
    *n = cfg->n_unknown;
    return cfg->unknown;
}
