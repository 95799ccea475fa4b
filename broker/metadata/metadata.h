/* metadata.h - what this broker knows of the cluster: UpdateMetadata's memory.
 *
 * Topics are immutable, counted entries; an update replaces whole entries. A
 * reader takes a reference under a short lock and then reads as long as it
 * likes; nobody waits for the controller.
 *
 *     metadata ── topics by name ──▶ meta_topic (refs, partitions[])
 *              ├─ topics by id   ──┘
 *              └─ meta_cluster (refs, brokers[], controller id)
 *
 * Threads: any; updates come from the control lane only (one at a time).
 */
#ifndef GREGOR_METADATA_H
#define GREGOR_METADATA_H

#include <stdatomic.h>

#include "base/bytes.h"
#include "base/err.h"

struct wire_update_metadata_request;

struct meta_endpoint {
    const char *listener; /* upper case name */
    int16_t protocol;     /* 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL */
    const char *host;
    int32_t port;
};

struct meta_broker {
    int32_t id;
    const char *rack; /* NULL: none */
    const struct meta_endpoint *endpoints;
    size_t n_endpoints;
};

struct meta_cluster { /* all live brokers; replaced whole */
    _Atomic uint32_t refs;
    int32_t controller_id;       /* -1: unknown */
    struct meta_broker *brokers; /* ascending id */
    size_t n_brokers;
};

struct meta_partition {
    int32_t index;
    int32_t controller_epoch;
    int32_t leader; /* -1: none */
    int32_t leader_epoch;
    int32_t zk_version; /* partition epoch */
    const int32_t *replicas;
    const int32_t *isr;
    const int32_t *offline;
    uint16_t n_replicas, n_isr, n_offline;
};

struct meta_topic {
    _Atomic uint32_t refs;
    struct bytes name;                       /* NUL-terminated behind its end */
    struct uuid id;                          /* zero: none */
    const struct meta_partition *partitions; /* ascending index; gaps possible
                                                while a topic is being made */
    size_t n_partitions;
};

struct metadata;

/* Knows nothing: no topic, no broker, controller -1. */
MUST_USE enum err metadata_new(struct metadata **owner);
/* Entries that are still referenced outlive it. Leaves NULL; NULL is fine. */
void metadata_free(struct metadata **owner);

/* Apply one UpdateMetadata request whole: brokers are replaced, partitions
 * merged, leader -2 removes. Then calls the observers. */
void metadata_update(struct metadata *md,
                     const struct wire_update_metadata_request *update);

/* Referenced entry or NULL; give it back with meta_topic_unref(). */
struct meta_topic *metadata_topic_find(struct metadata *md, struct bytes name);
/* NULL for the zero id. */
struct meta_topic *metadata_topic_find_id(struct metadata *md, struct uuid id);
/* The last one frees it. Any thread. */
void meta_topic_unref(struct meta_topic *topic);

/* NULL when the partition is not known. */
const struct meta_partition *meta_partition_find(const struct meta_topic *topic,
                                                 int32_t index);

/* All topics, each referenced, in no order; `*topics` is freed with
 * mem_free() by the caller after unref of each. */
void metadata_topics(struct metadata *md, struct meta_topic ***topics,
                     size_t *n);
/* Of the moment. */
size_t metadata_topic_count(struct metadata *md);
/* A topic that exists already and would collide in metric names ('.' and '_'
 * are equal there); referenced or NULL. */
struct meta_topic *metadata_collision_find(struct metadata *md,
                                           struct bytes name);

/* The brokers of the moment, referenced; never NULL. */
struct meta_cluster *metadata_cluster(struct metadata *md);
/* The last one frees it. Any thread. */
void meta_cluster_unref(struct meta_cluster *cluster);
/* Borrowed from `cluster`; NULL: it is not live. */
const struct meta_broker *meta_broker_find(const struct meta_cluster *cluster,
                                           int32_t id);
/* The broker's endpoint on a listener, or NULL. */
const struct meta_endpoint *meta_endpoint_find(const struct meta_broker *broker,
                                               const char *listener);

/* Called on the control lane's thread after each update (to re-check what waits
 * for it, e.g. CreateTopics); must be quick and post elsewhere. The struct is
 * the caller's until metadata_unobserve(). */
struct metadata_observer {
    struct metadata_observer *next;
    void (*on_update)(struct metadata_observer *observer);
    /* Before that, for each partition that was removed; NULL: not of interest.
     */
    void (*on_removed)(struct metadata_observer *observer, struct bytes topic,
                       int32_t partition);
};
/* Any thread, not from inside a call. After unobserve none comes any more. */
void metadata_observe(struct metadata *md, struct metadata_observer *observer);
void metadata_unobserve(struct metadata *md,
                        struct metadata_observer *observer);

#endif
