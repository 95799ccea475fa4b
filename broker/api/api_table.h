/* api_table.h - which API is served by which function.
 *
 * The one list; ApiVersions answers from it, and net calls by it. The handler of
 * an API lives in a file of its own, api_<name>.c, includes this header, and is
 * declared by its row here. What has no row is neither served nor advertised.
 */
#ifndef GREGOR_API_TABLE_H
#define GREGOR_API_TABLE_H

#include "net/net.h"

/* clang-format off */
#define API_HANDLERS(X) \
    X(METADATA, metadata) \
    X(API_VERSIONS, api_versions) \
    X(CREATE_TOPICS, create_topics) \
    X(DELETE_TOPICS, delete_topics) \
    X(CREATE_PARTITIONS, create_partitions) \
    X(DESCRIBE_CLUSTER, describe_cluster) \
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
