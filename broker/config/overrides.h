/* overrides.h - configuration that lives in ZooKeeper: topics' and brokers'.
 *
 * Keeps what /config/topics/<t>, /config/brokers/<id> and /config/brokers/
 * <default> hold, follows /config/changes, and gives every thread the
 * configuration in force for a topic.
 *
 *     /config/changes ─watch─▶ coordination loop ─▶ entries (name → pairs)
 *                                                     │ short lock
 *     any thread:  overrides_topic_config() ◀─────────┘
 *
 * A topic nobody asked about yet is not known; whoever is about to create or
 * load its log calls overrides_topics_load() first, on a pool thread.
 */
#ifndef GREGOR_CONFIG_OVERRIDES_H
#define GREGOR_CONFIG_OVERRIDES_H

#include "base/bytes.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/mem.h"
#include "config/config.h"
#include "loop/loop.h"

struct broker;
struct overrides;

/* Knows nothing before overrides_start(). `broker` is borrowed: config, zk,
 * coord_loop. */
MUST_USE enum err overrides_new(struct overrides **ov, struct broker *broker);
/* Once the coordination loop has ended, or on it. Leaves NULL; NULL is fine. */
void overrides_free(struct overrides **ov);

/* Coordination loop, connected: read the brokers' entries and apply them to the
 * configuration, read those of all topics, then `on_done` on the loop. */
void overrides_start(struct overrides *ov, struct job *on_done);

/* Coordination loop, once this broker is registered: follow the changes. Also
 * after each new session (then all newer notifications are executed). */
void overrides_follow(struct overrides *ov);

/* Make sure that each of these topics is known: reads from ZooKeeper what is
 * missing and waits for it. Pool threads only (blocks as long as ZooKeeper is
 * away). ERR_CLOSED while the broker stops. */
MUST_USE enum err overrides_topics_load(struct overrides *ov,
                                        const struct bytes *topics, size_t n);

/* The configuration in force for a topic: the broker's when the topic has no
 * overrides or is not known. Any thread. */
void overrides_topic_config(struct overrides *ov, struct bytes topic,
                            struct topic_config *out);

/* The overrides themselves, copied into the arena. Any thread. */
void overrides_topic_pairs(struct overrides *ov, struct bytes topic,
                           struct arena *arena, struct conf_pair **pairs,
                           size_t *n);

/* How many topics are known; whether this one is. Any thread. */
size_t overrides_topic_count(struct overrides *ov);
bool overrides_topic_known(struct overrides *ov, struct bytes topic);

/* A topic was created or altered here with these overrides, or deleted: known
 * at once, before any notification. Any thread. */
void overrides_topic_put(struct overrides *ov, struct bytes topic,
                         const struct conf_pair *pairs, size_t n);
void overrides_topic_drop(struct overrides *ov, struct bytes topic);

/* This broker's own layer, or the cluster's, was written by this broker: in
 * force at once, observers told. Coordination loop. */
void overrides_layer_put(struct overrides *ov, enum config_layer layer,
                         const struct conf_pair *pairs, size_t n);

/* What a layer (CONFIG_BROKER, CONFIG_CLUSTER) held when it was last read,
 * copied into the arena. Any thread. */
void overrides_layer_pairs(struct overrides *ov, enum config_layer layer,
                           struct arena *arena, struct conf_pair **pairs,
                           size_t *n);

/* Told after a topic's overrides changed, or (topic null) after the broker's
 * own layers did. Called on the coordination loop; must be quick and post
 * elsewhere. The struct is the caller's for the life of `ov`. */
struct overrides_observer {
    struct overrides_observer *next;
    void (*on_change)(struct overrides_observer *observer, struct bytes topic);
};
/* Before overrides_follow(): nothing locks the list. */
void overrides_observe(struct overrides *ov,
                       struct overrides_observer *observer);

#endif
