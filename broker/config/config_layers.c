/* config_layers.c - which layer wins, and what is in force.
 *
 * Texts are kept per layer and key; what is in force is computed anew from them
 * whenever a layer changes, and stored key by key. Readers may so see one key
 * of a change before another, as in Kafka.
 */
#include <string.h>

#include "base/diag.h"
#include "config/config_in.h"

#define HOUR_MS ((int64_t)3600 * 1000)
#define MINUTE_MS ((int64_t)60 * 1000)

static const struct layer *layer_of(const struct config *cfg,
                                    enum config_layer which)
{
    return atomic_load(&cfg->layers[which]);
}

static const char *text_in(const struct config *cfg, enum config_layer which,
                           enum config_key key)
{
    const struct layer *layer = layer_of(cfg, which);

    return layer ? layer->by_key[key] : NULL;
}

bool config_in_file(const struct config *cfg, enum config_key key)
{
    return text_in(cfg, CONFIG_FILE, key) != NULL;
}

static void layer_free(struct layer *layer)
{
    if (layer == NULL)
        return;
    arena_fini(&layer->arena);
    mem_free(layer->pairs);
    mem_free(layer);
}

void config_layer_put(struct config *cfg, enum config_layer which,
                      struct layer *layer)
{
    struct layer *old = atomic_exchange(&cfg->layers[which], layer);

    config_resolve(cfg);
    layer_free(old); /* no text in force is of it any more */
}

void config_layers_free(struct config *cfg)
{
    for (int which = 0; which <= CONFIG_FILE; which++)
        layer_free(atomic_load(&cfg->layers[which]));
}

void config_texts_take(const struct config *cfg)
{
    lock_take(&((struct config *)(uintptr_t)cfg)->lock);
}

void config_texts_give(const struct config *cfg)
{
    lock_give(&((struct config *)(uintptr_t)cfg)->lock);
}

/* -- values ------------------------------------------------------------ */

static const char *winner(const struct config *cfg, enum config_key key)
{
    for (int which = CONFIG_BROKER; which <= CONFIG_FILE; which++) {
        const char *text = text_in(cfg, (enum config_layer)which, key);

        if (text != NULL)
            return text;
    }
    return config_table[key].default_text;
}

static int64_t number(const struct config *cfg, enum config_key key)
{
    return atomic_load_explicit(&cfg->number[key], memory_order_relaxed);
}

static void put(struct config *cfg, enum config_key key, int64_t value)
{
    atomic_store_explicit(&cfg->number[key], value, memory_order_relaxed);
    atomic_store_explicit(&cfg->real[key], (double)value, memory_order_relaxed);
}

static bool is_null(const struct config *cfg, enum config_key key)
{
    return number(cfg, key) == INT64_MIN;
}

static int64_t times(int64_t n, int64_t unit)
{
    return n < 0 ? -1 : n > INT64_MAX / unit ? INT64_MAX : n * unit;
}

/* Milliseconds win over minutes, minutes over hours; below 0 is for ever. */
static void resolve_times(struct config *cfg)
{
    if (is_null(cfg, CFG_LOG_RETENTION_MS))
        put(cfg, CFG_LOG_RETENTION_MS,
            is_null(cfg, CFG_LOG_RETENTION_MINUTES)
                ? times(number(cfg, CFG_LOG_RETENTION_HOURS), HOUR_MS)
                : times(number(cfg, CFG_LOG_RETENTION_MINUTES), MINUTE_MS));
    if (number(cfg, CFG_LOG_RETENTION_MS) < 0)
        put(cfg, CFG_LOG_RETENTION_MS, -1);
    if (is_null(cfg, CFG_LOG_ROLL_MS))
        put(cfg, CFG_LOG_ROLL_MS,
            times(number(cfg, CFG_LOG_ROLL_HOURS), HOUR_MS));
    if (is_null(cfg, CFG_LOG_ROLL_JITTER_MS))
        put(cfg, CFG_LOG_ROLL_JITTER_MS,
            times(number(cfg, CFG_LOG_ROLL_JITTER_HOURS), HOUR_MS));
    if (is_null(cfg, CFG_LOG_FLUSH_INTERVAL_MS))
        put(cfg, CFG_LOG_FLUSH_INTERVAL_MS,
            number(cfg, CFG_LOG_FLUSH_SCHEDULER_INTERVAL_MS));
}

static void resolve_rest(struct config *cfg)
{
    int64_t difference =
        number(cfg, CFG_LOG_MESSAGE_TIMESTAMP_DIFFERENCE_MAX_MS);

    if (is_null(cfg, CFG_ZOOKEEPER_CONNECTION_TIMEOUT_MS))
        put(cfg, CFG_ZOOKEEPER_CONNECTION_TIMEOUT_MS,
            number(cfg, CFG_ZOOKEEPER_SESSION_TIMEOUT_MS));
    if (is_null(cfg, CFG_NUM_REPLICA_ALTER_LOG_DIRS_THREADS))
        put(cfg, CFG_NUM_REPLICA_ALTER_LOG_DIRS_THREADS,
            (int64_t)cfg->n_log_dirs);
    if (number(cfg, CFG_LOG_MESSAGE_TIMESTAMP_BEFORE_MAX_MS) == INT64_MAX)
        put(cfg, CFG_LOG_MESSAGE_TIMESTAMP_BEFORE_MAX_MS, difference);
    if (number(cfg, CFG_LOG_MESSAGE_TIMESTAMP_AFTER_MAX_MS) == INT64_MAX)
        put(cfg, CFG_LOG_MESSAGE_TIMESTAMP_AFTER_MAX_MS, difference);
    if (number(cfg, CFG_BROKER_ID) < 0 && number(cfg, CFG_NODE_ID) >= 0)
        put(cfg, CFG_BROKER_ID, number(cfg, CFG_NODE_ID));
}

void config_resolve(struct config *cfg)
{
    for (int key = 0; key < CONFIG_KEY_COUNT; key++) {
        const char *text = winner(cfg, (enum config_key)key);
        struct conf_value value = { .is_null = true };

        /* what is in a layer was checked; a default is right by a test */
        if (text != NULL)
            err_ignore(
                conf_check(&config_table[key], bytes_of(text), &value, NULL),
                "checked before");
        atomic_store(&cfg->text[key], text);
        atomic_store(&cfg->real[key], value.real);
        atomic_store(&cfg->number[key],
                     text == NULL ? INT64_MIN : value.number);
    }
    resolve_times(cfg);
    resolve_rest(cfg);
}

int64_t config_int64(const struct config *cfg, enum config_key key)
{
    return number(cfg, key);
}

bool config_bool(const struct config *cfg, enum config_key key)
{
    return number(cfg, key) > 0;
}

double config_double(const struct config *cfg, enum config_key key)
{
    return atomic_load_explicit(&cfg->real[key], memory_order_relaxed);
}

const char *config_text(const struct config *cfg, enum config_key key)
{
    return atomic_load(&cfg->text[key]);
}

const char *config_extra(const struct config *cfg, const char *name)
{
    for (int which = CONFIG_BROKER; which <= CONFIG_FILE; which++) {
        const struct layer *layer = layer_of(cfg, (enum config_layer)which);

        for (size_t i = layer ? layer->n : 0; i > 0; i--)
            if (bytes_is(layer->pairs[i - 1].name, name))
                return (const char *)layer->pairs[i - 1].value.at;
    }
    return NULL;
}

/* -- describing -------------------------------------------------------- */

size_t config_same_meaning(enum config_key key, enum config_key out[3])
{
    static const enum config_key sets[][3] = {
        { CFG_LOG_RETENTION_MS, CFG_LOG_RETENTION_MINUTES,
          CFG_LOG_RETENTION_HOURS },
        { CFG_LOG_ROLL_MS, CFG_LOG_ROLL_HOURS, CFG_LOG_ROLL_HOURS },
        { CFG_LOG_ROLL_JITTER_MS, CFG_LOG_ROLL_JITTER_HOURS,
          CFG_LOG_ROLL_JITTER_HOURS },
        { CFG_LOG_FLUSH_INTERVAL_MS, CFG_LOG_FLUSH_SCHEDULER_INTERVAL_MS,
          CFG_LOG_FLUSH_SCHEDULER_INTERVAL_MS },
    };

    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        bool in = key == sets[i][0] || key == sets[i][1] || key == sets[i][2];

        if (key == CFG_LOG_FLUSH_SCHEDULER_INTERVAL_MS)
            break; /* stands for itself when it is asked about */
        if (in) {
            memcpy(out, sets[i], sizeof sets[i]);
            return sets[i][1] == sets[i][2] ? 2 : 3;
        }
    }
    out[0] = key;
    return 1;
}

size_t config_synonyms(const struct config *cfg, enum config_key key,
                       struct config_synonym *out)
{
    enum config_key same[3];
    size_t n_same = config_same_meaning(key, same), n = 0, skip = 0;

    for (int which = CONFIG_BROKER; which <= CONFIG_DEFAULT; which++) {
        for (size_t i = 0; i < n_same; i++) {
            const char *text =
                which == CONFIG_DEFAULT
                    ? config_table[same[i]].default_text
                    : text_in(cfg, (enum config_layer)which, same[i]);

            if (text == NULL)
                continue;
            out[n].name = config_table[same[i]].name;
            out[n].value = bytes_of(text);
            out[n++].source = (enum config_layer)which;
        }
    }
    while (skip < n && out[skip].name != config_table[key].name)
        skip++;
    memmove(out, out + skip, (n - skip) * sizeof *out);
    return n - skip;
}

bool config_is_dynamic(enum config_key key)
{
    return config_table[key].scope != CONF_STATIC;
}

const struct conf_key *config_key_row(enum config_key key)
{
    return &config_table[key];
}

int config_key_find(struct bytes name)
{
    for (int key = 0; key < CONFIG_KEY_COUNT; key++)
        if (bytes_is(name, config_table[key].name))
            return key;
    return -1;
}
