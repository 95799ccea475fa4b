/* api_table.h - which API is served by which function.
 *
 * The one list; ApiVersions answers from it, and net calls by it. The handler
 * of an API lives in a file of its own, api_<name>.c, includes this header, and
 * is declared by its row here. What has no row is neither served nor
 * advertised.
 */
#ifndef GREGOR_API_TABLE_H
#define GREGOR_API_TABLE_H

#include "net/net.h"

/* clang-format off */
#define API_HANDLERS(X) \
    X(PRODUCE, produce) \
    X(FETCH, fetch) \
    X(LIST_OFFSETS, list_offsets) \
    X(METADATA, metadata) \
    X(UPDATE_METADATA, update_metadata) \
    X(LEADER_AND_ISR, leader_and_isr) \
    X(STOP_REPLICA, stop_replica) \
    X(CONTROLLED_SHUTDOWN, controlled_shutdown) \
    X(ALTER_PARTITION, alter_partition) \
    X(ALLOCATE_PRODUCER_IDS, allocate_producer_ids) \
    X(OFFSET_COMMIT, offset_commit) \
    X(OFFSET_FETCH, offset_fetch) \
    X(FIND_COORDINATOR, find_coordinator) \
    X(JOIN_GROUP, join_group) \
    X(HEARTBEAT, heartbeat) \
    X(LEAVE_GROUP, leave_group) \
    X(SYNC_GROUP, sync_group) \
    X(DESCRIBE_GROUPS, describe_groups) \
    X(LIST_GROUPS, list_groups) \
    X(API_VERSIONS, api_versions) \
    X(CREATE_TOPICS, create_topics) \
    X(DELETE_TOPICS, delete_topics) \
    X(DELETE_RECORDS, delete_records) \
    X(INIT_PRODUCER_ID, init_producer_id) \
    X(OFFSET_FOR_LEADER_EPOCH, offset_for_leader_epoch) \
    X(DESCRIBE_LOG_DIRS, describe_log_dirs) \
    X(CREATE_PARTITIONS, create_partitions) \
    X(DESCRIBE_CLUSTER, describe_cluster) \
    X(DESCRIBE_PRODUCERS, describe_producers) \
    X(DELETE_GROUPS, delete_groups) \
    X(OFFSET_DELETE, offset_delete) \
    X(DESCRIBE_CONFIGS, describe_configs) \
    X(ALTER_CONFIGS, alter_configs) \
    X(INCREMENTAL_ALTER_CONFIGS, incremental_alter_configs)
/* clang-format on */

#define X(key, name) void api_##name(struct request *request);
API_HANDLERS(X)
#undef X

/* The handler of an API key, or NULL. */
api_fn *api_handler(int16_t key);

#endif
