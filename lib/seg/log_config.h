/* log_config.h - a topic's settings, as far as its logs need them, resolved.
 *
 * Plain values: whoever knows the configuration (topic over broker over
 * default) fills the struct and hands it to log_open() or log_config_set().
 */
#ifndef GREGOR_SEG_LOG_CONFIG_H
#define GREGOR_SEG_LOG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

struct log_config {
    /* Roll */
    int32_t segment_bytes;        /* segment.bytes */
    int64_t segment_ms;           /* segment.ms */
    int64_t segment_jitter_ms;    /* segment.jitter.ms */
    int32_t segment_index_bytes;  /* segment.index.bytes */
    int32_t index_interval_bytes; /* index.interval.bytes */
    bool preallocate;             /* preallocate */
    /* Retention and deletion */
    bool cleanup_delete;          /* cleanup.policy has "delete" */
    bool cleanup_compact;         /* cleanup.policy has "compact" */
    int64_t retention_bytes;      /* retention.bytes; -1 none */
    int64_t retention_ms;         /* retention.ms; -1 none */
    int64_t file_delete_delay_ms; /* file.delete.delay.ms */
    /* Compaction */
    int64_t min_compaction_lag_ms; /* min.compaction.lag.ms */
    int64_t max_compaction_lag_ms; /* max.compaction.lag.ms; caps segment_ms */
    int64_t delete_retention_ms;   /* delete.retention.ms */
    double min_cleanable_dirty_ratio; /* min.cleanable.dirty.ratio */
    /* Flush */
    int64_t flush_messages; /* flush.messages; INT64_MAX never */
    int64_t flush_ms;       /* flush.ms; INT64_MAX never */
    /* What the partition checks before it appends; the log only keeps it */
    int32_t max_message_bytes;       /* max.message.bytes */
    int32_t min_insync_replicas;     /* min.insync.replicas */
    bool timestamp_append_time;      /* message.timestamp.type=LogAppendTime */
    int64_t timestamp_before_max_ms; /* message.timestamp.before.max.ms */
    int64_t timestamp_after_max_ms;  /* message.timestamp.after.max.ms */
    int8_t compression;              /* compression.type: -1 producer, else
                                        enum codec */
    bool unclean_leader_election;    /* unclean.leader.election.enable */
    bool message_downconversion;     /* message.downconversion.enable */
    /* The broker's, the same for all topics */
    int32_t producer_expiration_ms; /* producer.id.expiration.ms */
};

/* Apache Kafka 3.7's defaults. */
void log_config_init(struct log_config *config);

#endif
