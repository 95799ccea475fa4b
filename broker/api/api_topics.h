/* api_topics.h - what the topic APIs share: planning a topic for a request.
 *
 * All on the request's reactor; results and texts live in its arena.
 */
#ifndef GREGOR_API_TOPICS_H
#define GREGOR_API_TOPICS_H

#include <assert.h>
#include <stdlib.h>

#include "api/topic_plan.h"
#include "net/net.h"

/* A znode of 1 MB of JSON holds about this many partitions with one replica. */
enum { TOPIC_PARTITIONS_MOST = 60000 };

/* The name is valid, new, and collides with none; gives the plan its id.
 * Returns enum kafka_error, with a sentence. */
int16_t topic_plan_name(struct topic_plan *plan, struct request *request,
                        struct errmsg *why);

/* Assign `n_partitions` (-1: num.partitions) with `factor` replicas each (-1:
 * default.replication.factor). Returns enum kafka_error, with a sentence. */
int16_t topic_plan_counts(struct topic_plan *plan, struct request *request,
                          int64_t n_partitions, int64_t factor,
                          struct errmsg *why);

/* For an internal topic, set counts and overrides as the configuration wants
 * them; does nothing for others. */
void topic_plan_internal(struct topic_plan *plan, struct request *request,
                         int64_t *n_partitions, int64_t *factor);

/* This broker's metadata knows a leader for each of the plan's partitions. */
bool topic_plan_is_led(struct metadata *md, const struct topic_plan *plan);

#endif
