/* topic_internal.c - what Kafka's own topics look like when they are made on
 * first use: __consumer_offsets and __transaction_state. */
#include "api/api_topics.h"
#include "broker.h"
#include "config/config.h"

void topic_plan_internal(struct topic_plan *plan, struct request *request,
                         int64_t *n_partitions, int64_t *factor)
{
    const struct config *cfg = request->broker->config;
    bool offsets = bytes_is(plan->name, "__consumer_offsets");
    struct arena *arena = &request->arena;
    size_t n = 0;

    if (!topic_is_internal(plan->name))
        return;
    *n_partitions =
        config_int64(cfg, offsets ? CFG_OFFSETS_TOPIC_NUM_PARTITIONS
                                  : CFG_TRANSACTION_STATE_LOG_NUM_PARTITIONS);
    *factor = config_int64(
        cfg, offsets ? CFG_OFFSETS_TOPIC_REPLICATION_FACTOR
                     : CFG_TRANSACTION_STATE_LOG_REPLICATION_FACTOR);
    plan->configs = arena_array(arena, 5, sizeof *plan->configs);
    if (plan->configs == NULL)
        return;
    plan->configs[n++] =
        (struct conf_pair){ BYTES("cleanup.policy"), BYTES("compact") };
    plan->configs[n++] = (struct conf_pair){ BYTES("compression.type"),
                                             offsets ? BYTES("producer")
                                                     : BYTES("uncompressed") };
    plan->configs[n++] = (struct conf_pair){
        BYTES("segment.bytes"),
        arena_format(arena, "%lld",
                     (long long)config_int64(
                         cfg, offsets
                                  ? CFG_OFFSETS_TOPIC_SEGMENT_BYTES
                                  : CFG_TRANSACTION_STATE_LOG_SEGMENT_BYTES))
    };
    if (!offsets) {
        plan->configs[n++] =
            (struct conf_pair){ BYTES("unclean.leader.election.enable"),
                                BYTES("false") };
        plan->configs[n++] = (struct conf_pair){
            BYTES("min.insync.replicas"),
            arena_format(
                arena, "%lld",
                (long long)config_int64(cfg, CFG_TRANSACTION_STATE_LOG_MIN_ISR))
        };
    }
    plan->n_configs = n;
}
