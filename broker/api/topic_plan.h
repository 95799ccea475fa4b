/* topic_plan.h - what a new topic will look like: names, counts, assignments.
 *
 * Decides only; nothing here meets ZooKeeper. Rules and messages follow Kafka's
 * topic creation.
 */
#ifndef GREGOR_TOPIC_PLAN_H
#define GREGOR_TOPIC_PLAN_H

#include "base/bytes.h"
#include "base/conf.h"
#include "base/mem.h"
#include "metadata/metadata.h"
#include "znode/znode.h"

/* One topic on its way into ZooKeeper; lives in a request's arena. */
struct topic_plan {
    struct bytes name;
    struct uuid id;
    struct znode_replicas *partitions; /* assignment, ascending partition */
    size_t n_partitions;
    struct conf_pair *configs; /* overrides */
    size_t n_configs;
    int16_t error;        /* enum kafka_error; 0: go on */
    struct bytes message; /* for the client; null: the default */
};

/* KAFKA_NONE, or KAFKA_INVALID_TOPIC_EXCEPTION with a sentence. */
int16_t topic_name_check(struct bytes name, struct errmsg *why);

/* __consumer_offsets and __transaction_state. */
bool topic_is_internal(struct bytes name);

/* Give `n_partitions` partitions from `first_partition` on `factor` replicas
 * each: leaders go round the brokers, followers are spread with a shift that
 * grows each round; where all brokers name a rack, the round alternates racks
 * and no rack holds two replicas before each has one (KIP-36). `start` and
 * `shift` are random numbers for a new topic; for more partitions of a topic,
 * the position of its first leader, and the same shift (Kafka).
 * KAFKA_INVALID_PARTITIONS, KAFKA_INVALID_REPLICATION_FACTOR (with a sentence),
 * or KAFKA_NONE. */
int16_t topic_assign(struct arena *arena, const struct meta_cluster *cluster,
                     int64_t n_partitions, int64_t factor,
                     int32_t first_partition, uint32_t start, uint32_t shift,
                     struct znode_replicas *out, struct errmsg *why);

/* The brokers of one partition, "0, 1, 2", for messages; cut where it does not
 * fit. */
void topic_replicas_show(const struct znode_replicas *p, char *text,
                         size_t size);

/* Whether a broker is there twice. At most a thousand replicas. */
bool topic_replicas_twice(const struct znode_replicas *p);

/* Check an assignment a client gave: partitions 0..n-1, each with the same
 * number of different replicas. KAFKA_INVALID_REPLICA_ASSIGNMENT. */
int16_t topic_assignment_check(const struct znode_replicas *partitions,
                               size_t n, int32_t first_partition,
                               struct errmsg *why);

/* Copy the error's text, if any, into the plan. */
void topic_plan_fail(struct topic_plan *plan, struct arena *arena,
                     int16_t error, const struct errmsg *why);

#endif
