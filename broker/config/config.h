/* config.h - the broker's configuration and what topics make of it.
 *
 * Kafka's own keys and defaults (3.7). Values come in layers; the first that
 * has the key (or one of its synonyms) wins:
 *
 *     /config/brokers/<id> · /config/brokers/<default> · --override · file
 *     · default                          (topics: /config/topics/<t> before)
 *
 * config_open() reads the file, checks every value and the rules between them;
 * later only config_apply() changes anything. Numbers are read in one load from
 * an array; they are what is in force, with synonyms resolved: of
 * log.retention.* read CFG_LOG_RETENTION_MS, of log.roll.* CFG_LOG_ROLL_MS, and
 * so on.
 *
 * Threads: reading from any; config_apply() from one thread at a time. Texts of
 * the file and of defaults stay valid until config_close(); those of a dynamic
 * layer only until it is replaced: see config_texts_take().
 */
#ifndef GREGOR_CONFIG_H
#define GREGOR_CONFIG_H

#include "base/bytes.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/config_keys.h"

struct config;

/* -- reading -------------------------------------------------------------- */

struct config_source_env {
    const char *file;             /* server.properties; NULL: overrides only */
    const char *const *overrides; /* "key=value", after the file; NULL ends */
    const char *kafka_opts;       /* $KAFKA_OPTS, for JVM settings that would be
                                     silently lost; NULL: unset */
    const char *host_name;        /* this machine's, where an advertised host is
                                     not said */
};

/* Read and check. Unknown keys are warned about (one line each) and kept.
 * ERR_INVALID "server.properties:12: num.partitions=0: must be an integer of at
 * least 1"; ERR_ABSENT, ERR_DENIED, ERR_IO for the file. */
MUST_USE enum err config_open(struct config **cfg,
                              const struct config_source_env *env,
                              struct errmsg *why);
/* Leaves NULL; NULL is fine. All texts end with it. */
void config_close(struct config **cfg);

/* -- values in force ------------------------------------------------------ */

/* Of int, short, long; null is INT64_MIN unless a rule of Kafka's gives it a
 * value (zookeeper.connection.timeout.ms, log.*.ms, ...). */
int64_t config_int64(const struct config *cfg, enum config_key key);
/* False for null. */
bool config_bool(const struct config *cfg, enum config_key key);
/* 0 for null. */
double config_double(const struct config *cfg, enum config_key key);
/* Any type as text, of this key itself (log.retention.ms is NULL while only
 * .hours is set); NULL for null. Also secrets: do not log. */
const char *config_text(const struct config *cfg, enum config_key key);
/* A key that is in no table, or listener-prefixed ("super.users",
 * "listener.name.int.sasl.jaas.config"): what the layers hold, or NULL. */
const char *config_extra(const struct config *cfg, const char *name);
/* `key` as listener `name` sees it: listener.name.<lower name>.<key> first. */
const char *config_listener_text(const struct config *cfg, const char *name,
                                 enum config_key key);

/* -- what several keys say together --------------------------------------- */

struct config_listener {
    const char *name; /* upper case */
    int16_t protocol; /* 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL */
    const char *host; /* to bind; "" all interfaces; no brackets */
    int port;         /* 0: one the kernel chooses */
    bool advertised;
    const char *advertised_host; /* "" in the file: the machine's name */
    int advertised_port;         /* 0: the bound port */
    bool inter_broker;
    bool control_plane;
};

/* In the order of `listeners`; valid as long as `cfg`, as of the start. */
const struct config_listener *config_listeners(const struct config *cfg,
                                               size_t *n);

/* log.dirs, or log.dir: absolute or as written, trailing slashes removed. */
const char *const *config_log_dirs(const struct config *cfg, size_t *n);

/* max.connections.per.ip.overrides: one "host:count" of it. */
struct config_ip_limit {
    const char *host; /* name or address, not resolved; "": this machine */
    int32_t most;     /* below 0, as 0: none */
};

/* All of them in the arena; of equal hosts the last counts. ERR_NOMEM; what is
 * malformed never comes into force. */
MUST_USE enum err config_ip_limits(const struct config *cfg,
                                   struct arena *arena,
                                   struct config_ip_limit **out, size_t *n,
                                   struct errmsg *why);

/* inter.broker.protocol.version as a number that can be compared. */
enum config_ibp {
    IBP_0_8_0 = 800,
    IBP_0_9_0 = 900,
    IBP_0_10_0_IV1 = 1001,
    IBP_0_11_0_IV0 = 1100,
    IBP_0_11_0_IV2 = 1102,
    IBP_2_0_IV1 = 20001,
    IBP_2_2_IV0 = 20200,
    IBP_2_4_IV1 = 20401,
    IBP_2_7_IV0 = 20700,
    IBP_2_7_IV1 = 20701,
    IBP_2_7_IV2 = 20702,
    IBP_2_8_IV0 = 20800,
    IBP_3_0_IV0 = 30000,
    IBP_3_0_IV1 = 30001,
    IBP_3_2_IV0 = 30200,
    IBP_3_3_IV0 = 30300,
    IBP_3_4_IV0 = 30400,
    IBP_3_7_IV4 = 30704
};
/* 10000 * major + 100 * minor + IV, and 100 * x + 10 * y + IV for 0.x.y. Any
 * version Kafka knows may come out, so compare with >= only. */
int config_ibp(const struct config *cfg);

/* Where the coordination service is. */
struct config_zookeeper {
    bool embedded;      /* zookeeper.connect=embedded[:port][/chroot] */
    int embedded_port;  /* 2181 by default; 0: one the kernel chooses */
    const char *hosts;  /* "h:p,h:p"; "" when embedded */
    const char *chroot; /* "" or "/x/y" */
    const struct conf_pair *keeper; /* keeper.* keys, prefix removed */
    size_t n_keeper;
};

/* As of the start; texts valid as long as `cfg`. */
const struct config_zookeeper *config_zookeeper(const struct config *cfg);

/* -- dynamic layers ------------------------------------------------------- */

enum config_layer { /* numbers of DescribeConfigs' ConfigSource */
                    CONFIG_TOPIC = 1,
                    CONFIG_BROKER = 2,  /* /config/brokers/<id> */
                    CONFIG_CLUSTER = 3, /* /config/brokers/<default> */
                    CONFIG_FILE = 4,
                    CONFIG_DEFAULT = 5
};

/* Replace a dynamic layer (CONFIG_BROKER or CONFIG_CLUSTER) by these pairs.
 * Static and malformed entries, and passwords (they lie there encrypted), are
 * left out with a line each; unknown names are kept for config_extra(). */
void config_apply(struct config *cfg, enum config_layer layer,
                  const struct conf_pair *pairs, size_t n);

/* Would these pairs be accepted as the whole of the layer? For AlterConfigs:
 * ERR_INVALID with Kafka's sentence (static key, bad value, security key
 * without listener prefix, per-broker key cluster wide, thread counts more than
 * doubled or halved). */
MUST_USE enum err config_check(const struct config *cfg,
                               enum config_layer layer,
                               const struct conf_pair *pairs, size_t n,
                               struct errmsg *why);

/* Between these two a dynamic layer stays: whoever may be given a text of one,
 * by config_text(), config_extra(), config_listener_text(), topic_value() or as
 * a synonym, copies it or is done with it before giving back. config_apply()
 * waits meanwhile. Not nested, nothing else of this header in between, and no
 * other lock: that of the overrides is taken before this one. */
void config_texts_take(const struct config *cfg);
void config_texts_give(const struct config *cfg);

/* -- describing ----------------------------------------------------------- */

/* One place a value comes from, for DescribeConfigs. */
struct config_synonym {
    const char *name;
    struct bytes value; /* may be null; borrowed from the configuration or
                           from the overrides passed in */
    enum config_layer source;
};

enum { CONFIG_SYNONYMS_MAX = 20 };

/* The row of a table (conf.h): name, type, default, what is allowed. Static. */
const struct conf_key *config_key_row(enum config_key key);
const struct conf_key *topic_key_row(enum topic_key key);
/* -1 when there is no such key. */
int config_key_find(struct bytes name);
int topic_key_find(struct bytes name);

/* All places that hold the key or one that means the same, winner first: [0]
 * tells where the value in force comes from. As Kafka's, the list begins with
 * the first place that has the key by its own name; with log.retention.hours
 * alone, log.retention.ms has none. Returns how many, at most
 * CONFIG_SYNONYMS_MAX; 0: the value is a default. */
size_t config_synonyms(const struct config *cfg, enum config_key key,
                       struct config_synonym *out);
/* The same for a topic with these overrides. */
size_t topic_synonyms(const struct config *cfg, enum topic_key key,
                      const struct conf_pair *overrides, size_t n,
                      struct config_synonym *out);

/* The value in force for a topic, in the topic key's own unit, as text in the
 * arena (config_text() gives that of a broker key). */
struct bytes topic_value(const struct config *cfg, enum topic_key key,
                         const struct conf_pair *overrides, size_t n,
                         struct arena *arena);

/* May it be changed while the broker runs (DescribeConfigs' read_only)? */
bool config_is_dynamic(enum config_key key);

/* Pairs of the file that are in no table, in file order: DescribeConfigs lists
 * them too, as strings, sensitive. */
const struct conf_pair *config_unknown(const struct config *cfg, size_t *n);

/* -- topics --------------------------------------------------------------- */

enum topic_compression { /* compression.type; numbers 0-4 as in batches */
                         TOPIC_UNCOMPRESSED = 0,
                         TOPIC_GZIP = 1,
                         TOPIC_SNAPPY = 2,
                         TOPIC_LZ4 = 3,
                         TOPIC_ZSTD = 4,
                         TOPIC_PRODUCER = 5 /* keep what the producer chose */
};

/* What is in force for one topic; plain data, copied freely. */
struct topic_config {
    int64_t retention_ms;       /* -1: for ever */
    int64_t retention_bytes;    /* -1: no bound */
    int64_t local_retention_ms; /* -2 as retention_ms */
    int64_t local_retention_bytes;
    int64_t segment_ms;
    int64_t segment_jitter_ms;
    int64_t flush_messages;
    int64_t flush_ms;
    int64_t delete_retention_ms;
    int64_t file_delete_delay_ms;
    int64_t min_compaction_lag_ms;
    int64_t max_compaction_lag_ms;
    int64_t timestamp_before_max_ms; /* difference.max.ms already applied */
    int64_t timestamp_after_max_ms;
    double min_cleanable_dirty_ratio;
    int32_t segment_bytes;
    int32_t segment_index_bytes;
    int32_t index_interval_bytes;
    int32_t max_message_bytes;
    int32_t min_insync_replicas;
    enum topic_compression compression;
    bool cleanup_delete, cleanup_compact;
    bool timestamp_log_append; /* message.timestamp.type=LogAppendTime */
    bool preallocate;
    bool unclean_leader_election;
    bool message_downconversion;
    bool remote_storage;
};

/* Defaults of the broker, overridden by the pairs of /config/topics/<t>.
 * Unknown names are ignored, malformed values fall back to the broker's with a
 * line (the znode may have been written by anyone). */
void topic_config_resolve(const struct config *cfg,
                          const struct conf_pair *overrides, size_t n,
                          struct topic_config *out);

/* Would these pairs be accepted as a topic's overrides? For CreateTopics and
 * AlterConfigs. With Kafka's sentences: ERR_ABSENT "Unknown topic config name:
 * x", ERR_INVALID "Invalid value ...", ERR_CONFLICT for values that contradict
 * each other. */
MUST_USE enum err topic_config_check(const struct config *cfg,
                                     const struct conf_pair *overrides,
                                     size_t n, struct errmsg *why);

#endif
