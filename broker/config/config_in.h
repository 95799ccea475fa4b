/* config_in.h - inside the configuration: layers, values in force, tables. */
#ifndef GREGOR_CONFIG_IN_H
#define GREGOR_CONFIG_IN_H

#include <stdatomic.h>

#include "base/lock.h"
#include "base/properties.h"
#include "config/config.h"

/* What one source says. Never changed after it was put in place. */
struct layer {
    struct arena arena;      /* dynamic layers: holds the texts */
    struct conf_pair *pairs; /* all, in order; texts NUL-terminated */
    size_t n;
    const char *by_key[CONFIG_KEY_COUNT]; /* NULL: not here */
};

struct config {
    struct properties file; /* the file, then the overrides */
    size_t n_from_file;     /* entries before the first override */
    char *host_name;
    struct arena arena; /* what is made at start */
    struct lock lock;   /* config_apply() against itself, and against whoever
                           borrows texts */
    _Atomic(struct layer *) layers[CONFIG_FILE + 1]; /* NULL: empty */
    _Atomic(const char *) text[CONFIG_KEY_COUNT];    /* of the key itself */
    _Atomic int64_t number[CONFIG_KEY_COUNT];        /* in force */
    _Atomic double real[CONFIG_KEY_COUNT];
    struct config_listener *listeners;
    size_t n_listeners;
    const char **log_dirs;
    size_t n_log_dirs;
    int ibp;
    struct config_zookeeper zookeeper;
    struct conf_pair *unknown;
    size_t n_unknown;
};

extern const struct conf_key config_table[CONFIG_KEY_COUNT];
extern const struct conf_key topic_table[TOPIC_KEY_COUNT];
extern const int topic_broker_key[TOPIC_KEY_COUNT];

/* config_layers.c */
void config_resolve(struct config *cfg);
/* Is there a value of this key in the file? */
bool config_in_file(const struct config *cfg, enum config_key key);
/* Put it in the place of what was there, have it in force, and free the other.
 */
void config_layer_put(struct config *cfg, enum config_layer which,
                      struct layer *layer);
/* At the end; no text of a layer may be in use. */
void config_layers_free(struct config *cfg);
/* The keys that mean the same, winner first; at most 3, the count returned. */
size_t config_same_meaning(enum config_key key, enum config_key out[3]);

/* config_check.c: a value of `name` for any source, the base key of a
 * listener-prefixed one included; -1 as *key when it is in no table. */
enum err config_check_one(struct bytes name, struct bytes value, int *key,
                          struct errmsg *why);
/* "listener.name.<x>.<key>": the part after <x>; else null. */
struct bytes config_listener_base(struct bytes name);

/* config_listeners.c, config_zookeeper.c, config_rules.c */
/* Each reads or checks a part of what is in force at start. ERR_INVALID with
 * file, line, key and what is allowed; ERR_NOMEM. */
enum err config_read_listeners(struct config *cfg, struct errmsg *why);
enum err config_read_zookeeper(struct config *cfg, struct errmsg *why);
/* Settings that need a JVM (TLS and SASL to ZooKeeper, migration to KRaft) are
 * refused instead of being lost. `kafka_opts` may be NULL. */
enum err config_refuse_java(const struct config *cfg, const char *kafka_opts,
                            struct errmsg *why);
/* What keys demand of each other. */
enum err config_check_rules(struct config *cfg, struct errmsg *why);

/* config_connections.c: the text of max.connections.per.ip.overrides;
 * ERR_INVALID with what is wrong. The second only counts. */
MUST_USE enum err config_read_ip_limits(struct bytes text, struct arena *arena,
                                        struct config_ip_limit **out, size_t *n,
                                        struct errmsg *why);
MUST_USE enum err config_check_ip_limits(struct bytes text, size_t *n,
                                         struct errmsg *why);
/* May a dynamic layer hold this value (any key), and all these together? */
MUST_USE enum err config_check_connections(struct bytes name,
                                           struct bytes value,
                                           struct errmsg *why);
MUST_USE enum err config_check_nobody(const struct config *cfg,
                                      enum config_layer layer,
                                      const struct conf_pair *pairs, size_t n,
                                      struct errmsg *why);

/* A sentence about one key: "server.properties:3: key=value: must be ...". */
enum err config_refuse(const struct config *cfg, enum config_key key,
                       struct errmsg *why, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* "3.7", "3.7-IV2", "0.10.1" as a number; 0: Kafka knows no such version. */
int config_version_number(struct bytes text);

#endif
