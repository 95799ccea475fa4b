/* topic_config.c - what the broker's values and a topic's overrides make of a
 * topic.
 */
#include <stdio.h>
#include <string.h>

#include "base/diag.h"
#include "config/config_in.h"

const struct conf_key *topic_key_row(enum topic_key key)
{
    return &topic_table[key];
}

int topic_key_find(struct bytes name)
{
    for (int key = 0; key < TOPIC_KEY_COUNT; key++)
        if (bytes_is(name, topic_table[key].name))
            return key;
    return -1;
}

/* -- checking ---------------------------------------------------------- */

/* "*", or partition:broker,... with empty items between. */
static bool is_throttle_list(struct bytes text)
{
    struct bytes rest = text, item;
    int64_t v;

    if (bytes_is(text, "*"))
        return true;
    while (conf_list_next(&rest, &item)) {
        const uint8_t *colon = item.len ? memchr(item.at, ':', item.len) : NULL;
        size_t n = colon ? (size_t)(colon - item.at) : 0;

        if (item.len > 0 &&
            (colon == NULL ||
             !bytes_to_int64(bytes_make(item.at, n), 0, INT32_MAX, &v) ||
             !bytes_to_int64(bytes_make(colon + 1, item.len - n - 1), 0,
                             INT32_MAX, &v)))
            return false;
    }
    return true;
}

static enum err check_one(enum topic_key key, struct bytes text,
                          struct conf_value *value, struct errmsg *why)
{
    enum err err = conf_check(&topic_table[key], text, value, why);

    if (err != ERR_OK)
        return err;
    if (key == TOPIC_MESSAGE_FORMAT_VERSION &&
        config_version_number(value->text) == 0)
        return err_set(why, ERR_INVALID,
                       "Invalid value %.*s for configuration "
                       "message.format.version: Version %.*s is not a valid "
                       "version",
                       BYTES_ARG(text), BYTES_ARG(text));
    if ((key == TOPIC_LEADER_REPLICATION_THROTTLED_REPLICAS ||
         key == TOPIC_FOLLOWER_REPLICATION_THROTTLED_REPLICAS) &&
        !is_throttle_list(value->text))
        return err_set(why, ERR_INVALID,
                       "Invalid value [%.*s] for configuration %s: %s must be "
                       "the literal '*' or a list of replicas in the "
                       "following format: [partitionId]:[brokerId],"
                       "[partitionId]:[brokerId],...",
                       BYTES_ARG(value->text), topic_table[key].name,
                       topic_table[key].name);
    return ERR_OK;
}

/* -- resolving --------------------------------------------------------- */

/* All keys of one topic, as values. */
struct resolved {
    struct conf_value values[TOPIC_KEY_COUNT];
};

static void resolve(const struct config *cfg, const struct conf_pair *overrides,
                    size_t n, struct resolved *r)
{
    for (int key = 0; key < TOPIC_KEY_COUNT; key++) {
        int broker = topic_broker_key[key];
        struct conf_value *v = &r->values[key];

        if (broker < 0) {
            err_ignore(conf_check(&topic_table[key],
                                  bytes_of(topic_table[key].default_text), v,
                                  NULL),
                       "a default is right by a test");
            continue;
        }
        v->number = config_int64(cfg, (enum config_key)broker);
        v->real = config_double(cfg, (enum config_key)broker);
        v->text = bytes_of(config_text(cfg, (enum config_key)broker));
        v->is_null = false;
    }
    for (size_t i = 0; i < n; i++) {
        int key = topic_key_find(overrides[i].name);
        struct conf_value value;
        struct errmsg why = { "" };

        if (key < 0)
            continue;
        if (check_one((enum topic_key)key, overrides[i].value, &value, &why) ==
            ERR_OK)
            r->values[key] = value;
        else
            DIAG_SELDOM(DIAG_WARN,
                        "event=topic_override_ignored reason=\"%s\" "
                        "remedy=\"correct it with kafka-configs\"",
                        why.text);
    }
}

static enum topic_compression compression_of(struct bytes text)
{
    static const struct {
        const char *name;
        enum topic_compression which;
    } names[] = {
        { "uncompressed", TOPIC_UNCOMPRESSED },
        { "gzip", TOPIC_GZIP },
        { "snappy", TOPIC_SNAPPY },
        { "lz4", TOPIC_LZ4 },
        { "zstd", TOPIC_ZSTD },
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (bytes_is(text, names[i].name))
            return names[i].which;
    return TOPIC_PRODUCER;
}

static bool list_has(struct bytes list, const char *word)
{
    struct bytes item;

    while (conf_list_next(&list, &item))
        if (bytes_is(item, word))
            return true;
    return false;
}

void topic_config_resolve(const struct config *cfg,
                          const struct conf_pair *overrides, size_t n,
                          struct topic_config *out)
{
    struct resolved r;
    int64_t difference;

    config_texts_take(cfg);
    resolve(cfg, overrides, n, &r);
#define NUMBER(key) r.values[TOPIC_##key].number
#define TEXT(key) r.values[TOPIC_##key].text
    difference = NUMBER(MESSAGE_TIMESTAMP_DIFFERENCE_MAX_MS);
    *out = (struct topic_config){
        .retention_ms = NUMBER(RETENTION_MS),
        .retention_bytes = NUMBER(RETENTION_BYTES),
        .local_retention_ms = NUMBER(LOCAL_RETENTION_MS),
        .local_retention_bytes = NUMBER(LOCAL_RETENTION_BYTES),
        .segment_ms = NUMBER(SEGMENT_MS),
        .segment_jitter_ms = NUMBER(SEGMENT_JITTER_MS),
        .flush_messages = NUMBER(FLUSH_MESSAGES),
        .flush_ms = NUMBER(FLUSH_MS),
        .delete_retention_ms = NUMBER(DELETE_RETENTION_MS),
        .file_delete_delay_ms = NUMBER(FILE_DELETE_DELAY_MS),
        .min_compaction_lag_ms = NUMBER(MIN_COMPACTION_LAG_MS),
        .max_compaction_lag_ms = NUMBER(MAX_COMPACTION_LAG_MS),
        .timestamp_before_max_ms = NUMBER(MESSAGE_TIMESTAMP_BEFORE_MAX_MS),
        .timestamp_after_max_ms = NUMBER(MESSAGE_TIMESTAMP_AFTER_MAX_MS),
        .min_cleanable_dirty_ratio =
            r.values[TOPIC_MIN_CLEANABLE_DIRTY_RATIO].real,
        .segment_bytes = (int32_t)NUMBER(SEGMENT_BYTES),
        .segment_index_bytes = (int32_t)NUMBER(SEGMENT_INDEX_BYTES),
        .index_interval_bytes = (int32_t)NUMBER(INDEX_INTERVAL_BYTES),
        .max_message_bytes = (int32_t)NUMBER(MAX_MESSAGE_BYTES),
        .min_insync_replicas = (int32_t)NUMBER(MIN_INSYNC_REPLICAS),
        .compression = compression_of(TEXT(COMPRESSION_TYPE)),
        .cleanup_delete = list_has(TEXT(CLEANUP_POLICY), "delete"),
        .cleanup_compact = list_has(TEXT(CLEANUP_POLICY), "compact"),
        .timestamp_log_append =
            bytes_is(TEXT(MESSAGE_TIMESTAMP_TYPE), "LogAppendTime"),
        .preallocate = NUMBER(PREALLOCATE) != 0,
        .unclean_leader_election = NUMBER(UNCLEAN_LEADER_ELECTION_ENABLE) != 0,
        .message_downconversion = NUMBER(MESSAGE_DOWNCONVERSION_ENABLE) != 0,
        .remote_storage = NUMBER(REMOTE_STORAGE_ENABLE) != 0,
    };
    config_texts_give(cfg);
#undef NUMBER
#undef TEXT
    if (out->timestamp_before_max_ms == INT64_MAX)
        out->timestamp_before_max_ms = difference;
    if (out->timestamp_after_max_ms == INT64_MAX)
        out->timestamp_after_max_ms = difference;
}

enum err topic_config_check(const struct config *cfg,
                            const struct conf_pair *overrides, size_t n,
                            struct errmsg *why)
{
    struct topic_config all;

    for (size_t i = 0; i < n; i++) {
        int key = topic_key_find(overrides[i].name);
        struct conf_value value;
        enum err err;

        if (key < 0)
            return err_set(why, ERR_ABSENT, "Unknown topic config name: %.*s",
                           BYTES_ARG(overrides[i].name));
        err = check_one((enum topic_key)key, overrides[i].value, &value, why);
        if (err != ERR_OK)
            return err;
    }
    topic_config_resolve(cfg, overrides, n, &all);
    if (all.min_compaction_lag_ms > all.max_compaction_lag_ms)
        return err_set(why, ERR_CONFLICT,
                       "conflict topic config setting min.compaction.lag.ms "
                       "(%lld) > max.compaction.lag.ms (%lld)",
                       (long long)all.min_compaction_lag_ms,
                       (long long)all.max_compaction_lag_ms);
    if (all.remote_storage)
        return err_set(
            why, ERR_INVALID,
            "Tiered Storage functionality is disabled in the broker. "
            "Topic cannot be configured with remote log storage.");
    return ERR_OK;
}

/* -- describing -------------------------------------------------------- */

size_t topic_synonyms(const struct config *cfg, enum topic_key key,
                      const struct conf_pair *overrides, size_t n,
                      struct config_synonym *out)
{
    int broker = topic_broker_key[key];
    size_t used = 0;

    for (size_t i = n; i > 0; i--) {
        if (!bytes_is(overrides[i - 1].name, topic_table[key].name))
            continue;
        out[0].name = topic_table[key].name;
        out[0].value = overrides[i - 1].value;
        out[0].source = CONFIG_TOPIC;
        used = 1;
        break;
    }
    if (broker < 0)
        return used;
    return used + config_synonyms(cfg, (enum config_key)broker, out + used);
}

struct bytes topic_value(const struct config *cfg, enum topic_key key,
                         const struct conf_pair *overrides, size_t n,
                         struct arena *arena)
{
    struct resolved r;
    const struct conf_value *v = &r.values[key];

    resolve(cfg, overrides, n, &r);
    if (topic_table[key].type == CONF_INT || topic_table[key].type == CONF_LONG)
        return arena_format(arena, "%lld", (long long)v->number);
    return arena_copy(arena, v->text);
}
