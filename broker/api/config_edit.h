/* config_edit.h - one resource of AlterConfigs or IncrementalAlterConfigs.
 *
 * Both APIs become edits: a list of operations on a resource's overrides, or
 * all of them anew. config_edit_merge() decides what the overrides will be; the
 * rest brings that to ZooKeeper: the entity first, then a notification, and
 * takes it over here at once.
 *
 * Threads: filled on the request's reactor, then the coordination loop's until
 * on_done comes back on the reactor.
 */
#ifndef GREGOR_CONFIG_EDIT_H
#define GREGOR_CONFIG_EDIT_H

#include "base/conf.h"
#include "client/zk.h"
#include "config/config.h"
#include "net/net.h"

enum { /* DescribeConfigs' resource types */
       RESOURCE_TOPIC = 2,
       RESOURCE_BROKER = 4,
       RESOURCE_BROKER_LOGGER = 8
};

enum config_operation {
    CONFIG_SET = 0,
    CONFIG_DELETE = 1,
    CONFIG_APPEND = 2,
    CONFIG_SUBTRACT = 3
};

struct config_change {
    struct bytes name;
    struct bytes value; /* null allowed for CONFIG_DELETE only */
    int8_t operation;   /* enum config_operation */
};

struct config_edits;

struct config_edit {
    struct zk_op op;
    struct config_edits *all;
    int8_t type;       /* resource type */
    struct bytes name; /* topic, broker id, or "" for the cluster */
    const struct config_change *changes;
    size_t n_changes;
    struct conf_pair *pairs; /* what the overrides will be */
    size_t n_pairs;
    int16_t error;        /* enum kafka_error */
    struct bytes message; /* null: none */
};

struct config_edits {
    struct job job;
    struct request *request;
    struct config_edit *edits;
    size_t n;
    size_t open;
    bool replace; /* AlterConfigs: all overrides anew */
    bool validate_only;
    void (*on_done)(struct request *request);
    void *arg;
};

/* `n` empty edits in the request's arena; NULL when it is full. */
struct config_edits *config_edits_new(struct request *request, size_t n);

/* Check the resources and go; on_done comes always, on the reactor, also from
 * inside, unless the request had to be closed here for lack of memory.
 * request->park is this struct then. */
void config_edits_start(struct config_edits *edits);

/* What `old` becomes by the edit's changes, into edit->pairs. Sets the edit's
 * error. Decides only. */
void config_edit_merge(struct config_edit *edit, struct arena *arena,
                       const struct config *cfg, bool replace,
                       const struct conf_pair *old, size_t n_old);

/* What can be said of an edit's changes alone: none twice, none to null.
 * KAFKA_INVALID_REQUEST with a sentence, or KAFKA_NONE. */
int16_t config_changes_check(const struct config_edit *edit,
                             struct errmsg *why);

/* Who asks about a broker's resource: the sentences differ. */
enum config_asker { CONFIG_ALTER, CONFIG_DESCRIBE, CONFIG_LOGGER };

/* The layer a BROKER resource stands for; the empty name, which no logger has,
 * is the whole cluster's. KAFKA_INVALID_REQUEST when it is not this broker's.
 */
int16_t config_resource_layer(const struct request *request, struct bytes name,
                              enum config_asker asker, enum config_layer *layer,
                              struct errmsg *why);

#endif
