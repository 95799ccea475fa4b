/* topic_table.c - the topics' keys, and the broker's that stand in for them.
 *
 * Names, types, defaults and bounds are those of Apache Kafka 3.7;
 * the sentences are our own. The order is Kafka's.
 */
#include <math.h>

#include "config/config_in.h"

#define ANY 0, 0
#define LEAST(n) (n), INFINITY
#define WITHIN(a, b) (a), (b)
#define LONG_MAX_TEXT "9223372036854775807"
#define VERSIONS NULL  /* checked by code: config_version_number() */
#define THROTTLED NULL /* checked by code: partition:broker,... or * */

/* clang-format off */
const struct conf_key topic_table[TOPIC_KEY_COUNT] = {
    [TOPIC_SEGMENT_BYTES] = { "segment.bytes", CONF_INT,
        "1073741824", LEAST(14), NULL, CONF_CLUSTER, 0,
        "Size at which a log segment is closed and a new one begun." },
    [TOPIC_SEGMENT_MS] = { "segment.ms", CONF_LONG,
        "604800000", LEAST(1), NULL, CONF_CLUSTER, 0,
        "Age at which a log segment is closed and a new one begun, even if "
        "it is not full." },
    [TOPIC_SEGMENT_JITTER_MS] = { "segment.jitter.ms", CONF_LONG,
        "0", LEAST(0), NULL, CONF_CLUSTER, 0,
        "Random part taken off segment.ms, so that segments do not roll all "
        "at once." },
    [TOPIC_SEGMENT_INDEX_BYTES] = { "segment.index.bytes", CONF_INT,
        "10485760", LEAST(4), NULL, CONF_CLUSTER, 0,
        "Largest size of an offset or time index." },
    [TOPIC_FLUSH_MESSAGES] = { "flush.messages", CONF_LONG,
        LONG_MAX_TEXT, LEAST(1), NULL, CONF_CLUSTER, 0,
        "Records after which a partition's log is forced to disk." },
    [TOPIC_FLUSH_MS] = { "flush.ms", CONF_LONG,
        LONG_MAX_TEXT, LEAST(0), NULL, CONF_CLUSTER, 0,
        "How long records may stay without being forced to disk." },
    [TOPIC_RETENTION_BYTES] = { "retention.bytes", CONF_LONG,
        "-1", ANY, NULL, CONF_CLUSTER, 0,
        "Size of a partition's log above which the oldest segments go; -1 "
        "sets no bound." },
    [TOPIC_RETENTION_MS] = { "retention.ms", CONF_LONG,
        "604800000", LEAST(-1), NULL, CONF_CLUSTER, 0,
        "How long records are kept; -1 keeps them for ever." },
    [TOPIC_MAX_MESSAGE_BYTES] = { "max.message.bytes", CONF_INT,
        "1048588", LEAST(0), NULL, CONF_CLUSTER, 0,
        "Largest record batch that is accepted, in bytes." },
    [TOPIC_INDEX_INTERVAL_BYTES] = { "index.interval.bytes", CONF_INT,
        "4096", LEAST(0), NULL, CONF_CLUSTER, 0,
        "Bytes of log between two entries of the offset index." },
    [TOPIC_DELETE_RETENTION_MS] = { "delete.retention.ms", CONF_LONG,
        "86400000", LEAST(0), NULL, CONF_CLUSTER, 0,
        "How long deletion markers are kept in a compacted log." },
    [TOPIC_MIN_COMPACTION_LAG_MS] = { "min.compaction.lag.ms", CONF_LONG,
        "0", LEAST(0), NULL, CONF_CLUSTER, 0,
        "How long a record stays uncompacted at least." },
    [TOPIC_MAX_COMPACTION_LAG_MS] = { "max.compaction.lag.ms", CONF_LONG,
        LONG_MAX_TEXT, LEAST(1), NULL, CONF_CLUSTER, 0,
        "How long a record stays uncompacted at most." },
    [TOPIC_FILE_DELETE_DELAY_MS] = { "file.delete.delay.ms", CONF_LONG,
        "60000", LEAST(0), NULL, CONF_CLUSTER, 0,
        "How long the files of a removed segment stay before they are "
        "deleted." },
    [TOPIC_MIN_CLEANABLE_DIRTY_RATIO] = {
        "min.cleanable.dirty.ratio", CONF_DOUBLE,
        "0.5", WITHIN(0, 1), NULL, CONF_CLUSTER, 0,
        "Share of the log that must be uncompacted before it is compacted "
        "again." },
    [TOPIC_CLEANUP_POLICY] = { "cleanup.policy", CONF_LIST,
        "delete", ANY, "compact,delete", CONF_CLUSTER, 0,
        "What happens to old segments: delete, compact, or both." },
    [TOPIC_UNCLEAN_LEADER_ELECTION_ENABLE] = {
        "unclean.leader.election.enable", CONF_BOOL,
        "false", ANY, NULL, CONF_CLUSTER, 0,
        "Allow a replica that is not in sync to lead, which may lose "
        "records." },
    [TOPIC_MIN_INSYNC_REPLICAS] = { "min.insync.replicas", CONF_INT,
        "1", LEAST(1), NULL, CONF_CLUSTER, 0,
        "In-sync replicas that must hold a record sent with acks=all." },
    [TOPIC_COMPRESSION_TYPE] = { "compression.type", CONF_STRING,
        "producer", ANY, "uncompressed,zstd,lz4,snappy,gzip,producer",
        CONF_CLUSTER, 0,
        "Compression of stored batches; producer keeps what the producer "
        "chose." },
    [TOPIC_PREALLOCATE] = { "preallocate", CONF_BOOL,
        "false", ANY, NULL, CONF_CLUSTER, 0,
        "Reserve the whole size of a segment's file when it is made." },
    [TOPIC_MESSAGE_FORMAT_VERSION] = { "message.format.version", CONF_STRING,
        "3.0-IV1", ANY, VERSIONS, CONF_CLUSTER, 0,
        "Record format of old releases; without effect since 3.0." },
    [TOPIC_MESSAGE_TIMESTAMP_TYPE] = { "message.timestamp.type", CONF_STRING,
        "CreateTime", ANY, "CreateTime,LogAppendTime", CONF_CLUSTER, 0,
        "Whether a record's time is set by its producer (CreateTime) or on "
        "arrival (LogAppendTime)." },
    [TOPIC_MESSAGE_TIMESTAMP_DIFFERENCE_MAX_MS] = {
        "message.timestamp.difference.max.ms", CONF_LONG,
        LONG_MAX_TEXT, LEAST(0), NULL, CONF_CLUSTER, 0,
        "How far a producer's timestamp may differ from the broker's clock; "
        "the before and after settings win." },
    [TOPIC_MESSAGE_TIMESTAMP_BEFORE_MAX_MS] = {
        "message.timestamp.before.max.ms", CONF_LONG,
        LONG_MAX_TEXT, LEAST(0), NULL, CONF_CLUSTER, 0,
        "How far a producer's timestamp may lie before the broker's clock." },
    [TOPIC_MESSAGE_TIMESTAMP_AFTER_MAX_MS] = {
        "message.timestamp.after.max.ms", CONF_LONG,
        LONG_MAX_TEXT, LEAST(0), NULL, CONF_CLUSTER, 0,
        "How far a producer's timestamp may lie after the broker's clock." },
    [TOPIC_LEADER_REPLICATION_THROTTLED_REPLICAS] = {
        "leader.replication.throttled.replicas", CONF_LIST,
        "", ANY, THROTTLED, CONF_CLUSTER, 0,
        "Replicas whose replication is throttled on the leader's side: "
        "partition:broker,... or *." },
    [TOPIC_FOLLOWER_REPLICATION_THROTTLED_REPLICAS] = {
        "follower.replication.throttled.replicas", CONF_LIST,
        "", ANY, THROTTLED, CONF_CLUSTER, 0,
        "Replicas whose replication is throttled on the follower's side: "
        "partition:broker,... or *." },
    [TOPIC_MESSAGE_DOWNCONVERSION_ENABLE] = {
        "message.downconversion.enable", CONF_BOOL,
        "true", ANY, NULL, CONF_CLUSTER, 0,
        "Convert record batches for old consumers; otherwise they get an "
        "error." },
    [TOPIC_REMOTE_STORAGE_ENABLE] = { "remote.storage.enable", CONF_BOOL,
        "false", ANY, NULL, CONF_CLUSTER, CONF_REMOTE,
        "Tiered storage; not available here." },
    [TOPIC_LOCAL_RETENTION_MS] = { "local.retention.ms", CONF_LONG,
        "-2", LEAST(-2), NULL, CONF_CLUSTER, CONF_REMOTE,
        "Tiered storage: how long local segments are kept; -2 as "
        "retention.ms." },
    [TOPIC_LOCAL_RETENTION_BYTES] = { "local.retention.bytes", CONF_LONG,
        "-2", LEAST(-2), NULL, CONF_CLUSTER, CONF_REMOTE,
        "Tiered storage: size of local segments that is kept; -2 as "
        "retention.bytes." },
};

/* The broker key whose value in force is a topic's default; -1: none. Its other
 * names (log.retention.hours) are found from there. */
const int topic_broker_key[TOPIC_KEY_COUNT] = {
    [TOPIC_SEGMENT_BYTES] = CFG_LOG_SEGMENT_BYTES,
    [TOPIC_SEGMENT_MS] = CFG_LOG_ROLL_MS,
    [TOPIC_SEGMENT_JITTER_MS] = CFG_LOG_ROLL_JITTER_MS,
    [TOPIC_SEGMENT_INDEX_BYTES] = CFG_LOG_INDEX_SIZE_MAX_BYTES,
    [TOPIC_FLUSH_MESSAGES] = CFG_LOG_FLUSH_INTERVAL_MESSAGES,
    [TOPIC_FLUSH_MS] = CFG_LOG_FLUSH_INTERVAL_MS,
    [TOPIC_RETENTION_BYTES] = CFG_LOG_RETENTION_BYTES,
    [TOPIC_RETENTION_MS] = CFG_LOG_RETENTION_MS,
    [TOPIC_MAX_MESSAGE_BYTES] = CFG_MESSAGE_MAX_BYTES,
    [TOPIC_INDEX_INTERVAL_BYTES] = CFG_LOG_INDEX_INTERVAL_BYTES,
    [TOPIC_DELETE_RETENTION_MS] = CFG_LOG_CLEANER_DELETE_RETENTION_MS,
    [TOPIC_MIN_COMPACTION_LAG_MS] = CFG_LOG_CLEANER_MIN_COMPACTION_LAG_MS,
    [TOPIC_MAX_COMPACTION_LAG_MS] = CFG_LOG_CLEANER_MAX_COMPACTION_LAG_MS,
    [TOPIC_FILE_DELETE_DELAY_MS] = CFG_LOG_SEGMENT_DELETE_DELAY_MS,
    [TOPIC_MIN_CLEANABLE_DIRTY_RATIO] = CFG_LOG_CLEANER_MIN_CLEANABLE_RATIO,
    [TOPIC_CLEANUP_POLICY] = CFG_LOG_CLEANUP_POLICY,
    [TOPIC_UNCLEAN_LEADER_ELECTION_ENABLE] = CFG_UNCLEAN_LEADER_ELECTION_ENABLE,
    [TOPIC_MIN_INSYNC_REPLICAS] = CFG_MIN_INSYNC_REPLICAS,
    [TOPIC_COMPRESSION_TYPE] = CFG_COMPRESSION_TYPE,
    [TOPIC_PREALLOCATE] = CFG_LOG_PREALLOCATE,
    [TOPIC_MESSAGE_FORMAT_VERSION] = CFG_LOG_MESSAGE_FORMAT_VERSION,
    [TOPIC_MESSAGE_TIMESTAMP_TYPE] = CFG_LOG_MESSAGE_TIMESTAMP_TYPE,
    [TOPIC_MESSAGE_TIMESTAMP_DIFFERENCE_MAX_MS] = CFG_LOG_MESSAGE_TIMESTAMP_DIFFERENCE_MAX_MS,
    [TOPIC_MESSAGE_TIMESTAMP_BEFORE_MAX_MS] = CFG_LOG_MESSAGE_TIMESTAMP_BEFORE_MAX_MS,
    [TOPIC_MESSAGE_TIMESTAMP_AFTER_MAX_MS] = CFG_LOG_MESSAGE_TIMESTAMP_AFTER_MAX_MS,
    [TOPIC_LEADER_REPLICATION_THROTTLED_REPLICAS] = -1,
    [TOPIC_FOLLOWER_REPLICATION_THROTTLED_REPLICAS] = -1,
    [TOPIC_MESSAGE_DOWNCONVERSION_ENABLE] = CFG_LOG_MESSAGE_DOWNCONVERSION_ENABLE,
    [TOPIC_REMOTE_STORAGE_ENABLE] = -1,
    [TOPIC_LOCAL_RETENTION_MS] = CFG_LOG_LOCAL_RETENTION_MS,
    [TOPIC_LOCAL_RETENTION_BYTES] = CFG_LOG_LOCAL_RETENTION_BYTES,
};
/* clang-format on */
