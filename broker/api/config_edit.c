/* config_edit.c - what an edit makes of a resource's overrides. */
#include "api/config_edit.h"

#include <stdio.h>
#include <string.h>

#include "broker.h"
#include "wire/errors.h"

/* There are fewer keys than that, and none may stand twice; and a longer list
 * than that is none of theirs. More would only cost time on the loop. */
enum { CHANGES_MOST = 500, LIST_MOST = INT16_MAX };

/* Names that nobody knows are kept as well, in Kafka too, but not for ever. */
enum { PAIRS_MOST = 2000 };

__attribute__((format(printf, 4, 5))) static void
edit_fail(struct config_edit *edit, struct arena *arena, int16_t error,
          const char *format, ...)
{
    struct errmsg why;
    va_list args;

    va_start(args, format);
    vsnprintf(why.text, sizeof why.text, format, args);
    va_end(args);
    edit->error = error;
    edit->message = arena_copy(arena, bytes_of(why.text));
}

int16_t config_resource_layer(const struct request *request, struct bytes name,
                              enum config_asker asker, enum config_layer *layer,
                              struct errmsg *why)
{
    static const char *const allowed[] = {
        [CONFIG_ALTER] = ",",
        [CONFIG_DESCRIBE] = " or empty string,",
        [CONFIG_LOGGER] = "",
    };
    int64_t id;

    if (name.len == 0 && asker == CONFIG_LOGGER) {
        err_set(why, ERR_INVALID, "Broker id must not be empty");
        return KAFKA_INVALID_REQUEST;
    }
    if (name.len == 0) {
        *layer = CONFIG_CLUSTER;
        return KAFKA_NONE;
    }
    if (!bytes_to_int64(name, INT32_MIN, INT32_MAX, &id)) {
        err_set(why, ERR_INVALID, "%s id must be an integer, but it is: %.*s",
                asker == CONFIG_ALTER ? "Node" : "Broker", BYTES_ARG(name));
        return KAFKA_INVALID_REQUEST;
    }
    if (id != request->broker->id) {
        err_set(why, ERR_INVALID,
                "Unexpected broker id, expected %d%s but received %.*s",
                request->broker->id, allowed[asker], BYTES_ARG(name));
        return KAFKA_INVALID_REQUEST;
    }
    *layer = CONFIG_BROKER;
    return KAFKA_NONE;
}

static const struct conf_key *key_row(int8_t type, struct bytes name)
{
    int key =
        type == RESOURCE_TOPIC ? topic_key_find(name) : config_key_find(name);

    if (key < 0)
        return NULL;
    return type == RESOURCE_TOPIC ? topic_key_row((enum topic_key)key)
                                  : config_key_row((enum config_key)key);
}

static struct conf_pair *pair_find(struct config_edit *edit, struct bytes name)
{
    for (size_t i = 0; i < edit->n_pairs; i++) {
        if (bytes_equal(edit->pairs[i].name, name))
            return &edit->pairs[i];
    }
    return NULL;
}

static void pair_put(struct config_edit *edit, struct bytes name,
                     struct bytes value)
{
    struct conf_pair *pair = pair_find(edit, name);

    if (pair == NULL)
        pair = &edit->pairs[edit->n_pairs++];
    *pair = (struct conf_pair){ name, value };
}

static void pair_drop(struct config_edit *edit, struct bytes name)
{
    struct conf_pair *pair = pair_find(edit, name);

    if (pair != NULL)
        *pair = edit->pairs[--edit->n_pairs];
}

static bool list_has(struct bytes list, struct bytes item)
{
    struct bytes rest = list, one;

    while (conf_list_next(&rest, &one)) {
        if (bytes_equal(one, item))
            return true;
    }
    return false;
}

/* APPEND adds the items that are not there, SUBTRACT takes out those given. */
static struct bytes list_edit(struct arena *arena, struct bytes old,
                              struct bytes items, bool append)
{
    struct bytes rest = append ? items : old, item;
    struct bytes out = append ? old : BYTES("");

    if (bytes_is_null(out))
        out = BYTES("");
    while (conf_list_next(&rest, &item)) {
        if (item.len == 0 || list_has(append ? out : items, item))
            continue;
        out = out.len ? arena_format(arena, "%.*s,%.*s", BYTES_ARG(out),
                                     BYTES_ARG(item))
                      : item;
    }
    return out;
}

static void change_list(struct config_edit *edit, struct arena *arena,
                        const struct config_change *change)
{
    const struct conf_key *row = key_row(edit->type, change->name);
    bool append = change->operation == CONFIG_APPEND;
    const struct conf_pair *pair = pair_find(edit, change->name);
    struct bytes old;

    if (row == NULL || row->type != CONF_LIST) {
        edit_fail(edit, arena, KAFKA_INVALID_CONFIG,
                  "Config value %s is not allowed for config key: %.*s",
                  append ? "append" : "subtract", BYTES_ARG(change->name));
        return;
    }
    if (change->value.len > LIST_MOST) {
        edit_fail(edit, arena, KAFKA_INVALID_CONFIG,
                  "The list for config key %.*s is longer than %d bytes.",
                  BYTES_ARG(change->name), LIST_MOST);
        return;
    }
    old = pair ? pair->value : bytes_of(row->default_text);
    pair_put(edit, change->name, list_edit(arena, old, change->value, append));
}

static bool is_null(const struct config_change *change)
{
    return change->operation != CONFIG_DELETE && bytes_is_null(change->value);
}

int16_t config_changes_check(const struct config_edit *edit, struct errmsg *why)
{
    const struct config_change *changes = edit->changes;
    char nulls[300] = "";
    size_t len = 0;

    if (edit->n_changes > CHANGES_MOST) {
        err_set(why, ERR_LIMIT,
                "%zu configurations for one resource, more than the %d that "
                "are allowed.",
                edit->n_changes, CHANGES_MOST);
        return KAFKA_INVALID_REQUEST;
    }
    for (size_t i = 0; i < edit->n_changes; i++)
        for (size_t j = 0; j < i; j++)
            if (bytes_equal(changes[i].name, changes[j].name)) {
                err_set(why, ERR_INVALID, "Error due to duplicate config keys");
                return KAFKA_INVALID_REQUEST;
            }
    for (size_t i = 0; i < edit->n_changes; i++)
        if (is_null(&changes[i]) && len < sizeof nulls)
            len += (size_t)snprintf(nulls + len, sizeof nulls - len, "%s%.*s",
                                    len > 0 ? ", " : "",
                                    BYTES_ARG(changes[i].name));
    for (size_t i = 0; i < edit->n_changes; i++)
        if (changes[i].name.len > 0 &&
            memchr(changes[i].name.at, 0, changes[i].name.len) != NULL) {
            /* none of ours, and no name in JSON for our reader */
            err_set(why, ERR_INVALID, "A config name with a zero byte");
            return KAFKA_INVALID_REQUEST;
        }
    if (len == 0)
        return KAFKA_NONE;
    err_set(why, ERR_INVALID, "Null value not supported for : %s", nulls);
    return KAFKA_INVALID_REQUEST;
}

static void change_apply(struct config_edit *edit, struct arena *arena,
                         const struct config_change *change)
{
    switch (change->operation) {
    case CONFIG_SET:
        pair_put(edit, change->name, change->value);
        break;
    case CONFIG_DELETE:
        pair_drop(edit, change->name);
        break;
    case CONFIG_APPEND:
    case CONFIG_SUBTRACT:
        change_list(edit, arena, change);
        break;
    default:
        edit_fail(edit, arena, KAFKA_INVALID_REQUEST,
                  "Unknown config operation %d", change->operation);
    }
}

void config_edit_merge(struct config_edit *edit, struct arena *arena,
                       const struct config *cfg, bool replace,
                       const struct conf_pair *old, size_t n_old)
{
    struct errmsg why = { "" };
    enum config_layer layer =
        edit->name.len == 0 ? CONFIG_CLUSTER : CONFIG_BROKER;
    enum err err;

    edit->pairs =
        arena_array(arena, n_old + edit->n_changes, sizeof *edit->pairs);
    edit->n_pairs = 0;
    edit->error = config_changes_check(edit, &why);
    if (edit->error != KAFKA_NONE) {
        edit->message = arena_copy(arena, bytes_of(why.text));
        return;
    }
    if (edit->pairs == NULL) {
        edit->error = KAFKA_INVALID_REQUEST;
        return;
    }
    for (size_t i = 0; !replace && i < n_old; i++) /* no name stands twice */
        edit->pairs[edit->n_pairs++] =
            (struct conf_pair){ arena_copy(arena, old[i].name),
                                arena_copy(arena, old[i].value) };
    for (size_t i = 0; edit->error == KAFKA_NONE && i < edit->n_changes; i++)
        change_apply(edit, arena, &edit->changes[i]);
    if (edit->error == KAFKA_NONE && edit->n_pairs > PAIRS_MOST &&
        edit->n_pairs > n_old)
        edit_fail(edit, arena, KAFKA_INVALID_REQUEST,
                  "More than %d configurations for one resource.", PAIRS_MOST);
    if (edit->error != KAFKA_NONE)
        return;
    if (edit->type == RESOURCE_TOPIC)
        err = topic_config_check(cfg, edit->pairs, edit->n_pairs, &why);
    else
        err = config_check(cfg, layer, edit->pairs, edit->n_pairs, &why);
    if (err == ERR_OK)
        return;
    if (edit->type != RESOURCE_TOPIC)
        edit_fail(edit, arena, KAFKA_INVALID_REQUEST, "%s", why.text);
    else if (err == ERR_INVALID) /* about one value: Kafka names the topic */
        edit_fail(edit, arena, KAFKA_INVALID_CONFIG,
                  "Invalid config value for resource "
                  "ConfigResource(type=TOPIC, name='%.*s'): %s",
                  BYTES_ARG(edit->name), why.text);
    else
        edit_fail(edit, arena, KAFKA_INVALID_CONFIG, "%s", why.text);
}
