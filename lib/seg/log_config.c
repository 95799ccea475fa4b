/* log_config.c - defaults of Apache Kafka 3.7. */
#include "seg/log_config.h"

#include <string.h>

void log_config_init(struct log_config *config)
{
    memset(config, 0, sizeof *config);
    config->segment_bytes = 1 << 30;
    config->segment_ms = INT64_C(604800000);
    config->segment_jitter_ms = 0;
    config->segment_index_bytes = 10 << 20;
    config->index_interval_bytes = 4096;
    config->preallocate = false;
    config->cleanup_delete = true;
    config->cleanup_compact = false;
    config->retention_bytes = -1;
    config->retention_ms = INT64_C(604800000);
    config->file_delete_delay_ms = 60000;
    config->min_compaction_lag_ms = 0;
    config->max_compaction_lag_ms = INT64_MAX;
    config->delete_retention_ms = 86400000;
    config->min_cleanable_dirty_ratio = 0.5;
    config->flush_messages = INT64_MAX;
    config->flush_ms = INT64_MAX;
    config->max_message_bytes = 1048588;
    config->min_insync_replicas = 1;
    config->timestamp_append_time = false;
    config->timestamp_before_max_ms = INT64_MAX;
    config->timestamp_after_max_ms = INT64_MAX;
    config->compression = -1;
    config->unclean_leader_election = false;
    config->message_downconversion = true;
    config->producer_expiration_ms = 86400000;
}
