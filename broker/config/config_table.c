/* config_table.c - the broker's keys.
 *
 * Names, types, defaults and bounds are those of Apache Kafka 3.7;
 * the sentences are our own. The order is Kafka's.
 */
#include <math.h>

#include "config/config_in.h"

#define ANY 0, 0
#define LEAST(n) (n), INFINITY
#define WITHIN(a, b) (a), (b)
#define INT_MAX_TEXT "2147483647"
#define LONG_MAX_TEXT "9223372036854775807"
#define VERSIONS NULL /* checked by code: config_version_number() */

/* clang-format off */
const struct conf_key config_table[CONFIG_KEY_COUNT] = {
    [CFG_ZOOKEEPER_CONNECT] = { "zookeeper.connect", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Hosts of the ZooKeeper ensemble (host:port,... with an optional "
        "/chroot behind the last), or embedded[:port][/chroot] for the "
        "coordination service inside this broker." },
    [CFG_ZOOKEEPER_SESSION_TIMEOUT_MS] = {
        "zookeeper.session.timeout.ms", CONF_INT,
        "18000", ANY, NULL, CONF_STATIC, 0,
        "How long ZooKeeper keeps this broker's session, and with it its "
        "registration, when nothing is heard from it." },
    [CFG_ZOOKEEPER_CONNECTION_TIMEOUT_MS] = {
        "zookeeper.connection.timeout.ms", CONF_INT,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "How long connecting to ZooKeeper may take; the session timeout "
        "when not set." },
    [CFG_ZOOKEEPER_SET_ACL] = { "zookeeper.set.acl", CONF_BOOL,
        "false", ANY, NULL, CONF_STATIC, 0,
        "Protect this broker's znodes with ZooKeeper ACLs; needs a client "
        "with SASL or TLS, so true is refused here." },
    [CFG_ZOOKEEPER_MAX_IN_FLIGHT_REQUESTS] = {
        "zookeeper.max.in.flight.requests", CONF_INT,
        "10", LEAST(1), NULL, CONF_STATIC, 0,
        "Accepted for compatibility; operations are pipelined without this "
        "bound." },
    [CFG_ZOOKEEPER_SSL_CLIENT_ENABLE] = {
        "zookeeper.ssl.client.enable", CONF_BOOL,
        "false", ANY, NULL, CONF_STATIC, 0,
        "Use TLS to ZooKeeper; refused here, since Debian's ZooKeeper "
        "client has no TLS." },
    [CFG_ZOOKEEPER_CLIENT_CNXN_SOCKET] = {
        "zookeeper.clientCnxnSocket", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Java class of the ZooKeeper connection; only meaningful with TLS, "
        "so refused here." },
    [CFG_ZOOKEEPER_SSL_KEYSTORE_LOCATION] = {
        "zookeeper.ssl.keystore.location", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Key store for TLS to ZooKeeper." },
    [CFG_ZOOKEEPER_SSL_KEYSTORE_PASSWORD] = {
        "zookeeper.ssl.keystore.password", CONF_PASSWORD,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Password of the key store for TLS to ZooKeeper." },
    [CFG_ZOOKEEPER_SSL_KEYSTORE_TYPE] = {
        "zookeeper.ssl.keystore.type", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Format of the key store for TLS to ZooKeeper." },
    [CFG_ZOOKEEPER_SSL_TRUSTSTORE_LOCATION] = {
        "zookeeper.ssl.truststore.location", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Trust store for TLS to ZooKeeper." },
    [CFG_ZOOKEEPER_SSL_TRUSTSTORE_PASSWORD] = {
        "zookeeper.ssl.truststore.password", CONF_PASSWORD,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Password of the trust store for TLS to ZooKeeper." },
    [CFG_ZOOKEEPER_SSL_TRUSTSTORE_TYPE] = {
        "zookeeper.ssl.truststore.type", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Format of the trust store for TLS to ZooKeeper." },
    [CFG_ZOOKEEPER_SSL_PROTOCOL] = { "zookeeper.ssl.protocol", CONF_STRING,
        "TLSv1.2", ANY, NULL, CONF_STATIC, 0,
        "TLS version used to ZooKeeper." },
    [CFG_ZOOKEEPER_SSL_ENABLED_PROTOCOLS] = {
        "zookeeper.ssl.enabled.protocols", CONF_LIST,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "TLS versions allowed to ZooKeeper." },
    [CFG_ZOOKEEPER_SSL_CIPHER_SUITES] = {
        "zookeeper.ssl.cipher.suites", CONF_LIST,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Cipher suites allowed to ZooKeeper." },
    [CFG_ZOOKEEPER_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM] = {
        "zookeeper.ssl.endpoint.identification.algorithm", CONF_STRING,
        "HTTPS", ANY, NULL, CONF_STATIC, 0,
        "How the host name in ZooKeeper's certificate is checked." },
    [CFG_ZOOKEEPER_SSL_CRL_ENABLE] = { "zookeeper.ssl.crl.enable", CONF_BOOL,
        "false", ANY, NULL, CONF_STATIC, 0,
        "Check certificate revocation lists on TLS to ZooKeeper." },
    [CFG_ZOOKEEPER_SSL_OCSP_ENABLE] = { "zookeeper.ssl.ocsp.enable", CONF_BOOL,
        "false", ANY, NULL, CONF_STATIC, 0,
        "Check revocation by OCSP on TLS to ZooKeeper." },
    [CFG_BROKER_ID_GENERATION_ENABLE] = {
        "broker.id.generation.enable", CONF_BOOL,
        "true", ANY, NULL, CONF_STATIC, 0,
        "Let a broker without broker.id take a new one from ZooKeeper, "
        "above reserved.broker.max.id." },
    [CFG_RESERVED_BROKER_MAX_ID] = { "reserved.broker.max.id", CONF_INT,
        "1000", LEAST(0), NULL, CONF_STATIC, 0,
        "Highest id that may be given by hand in broker.id while generated "
        "ids are in use." },
    [CFG_BROKER_ID] = { "broker.id", CONF_INT,
        "-1", ANY, NULL, CONF_STATIC, 0,
        "Number of this broker, unique in the cluster; -1 takes the one in "
        "meta.properties or a generated one." },
    [CFG_MESSAGE_MAX_BYTES] = { "message.max.bytes", CONF_INT,
        "1048588", LEAST(0), NULL, CONF_CLUSTER, 0,
        "Largest record batch that is accepted, in bytes, for topics that "
        "set no max.message.bytes." },
    [CFG_NUM_NETWORK_THREADS] = { "num.network.threads", CONF_INT,
        "3", LEAST(1), NULL, CONF_CLUSTER, 0,
        "Reactor threads that own the connections of each broker." },
    [CFG_NUM_IO_THREADS] = { "num.io.threads", CONF_INT,
        "8", LEAST(1), NULL, CONF_CLUSTER, 0,
        "Pool threads for what may block, such as disk access." },
    [CFG_NUM_REPLICA_ALTER_LOG_DIRS_THREADS] = {
        "num.replica.alter.log.dirs.threads", CONF_INT,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Threads that move replicas between log directories; one for each "
        "directory when not set." },
    [CFG_BACKGROUND_THREADS] = { "background.threads", CONF_INT,
        "10", LEAST(1), NULL, CONF_CLUSTER, 0,
        "Threads for background work such as deleting files." },
    [CFG_QUEUED_MAX_REQUESTS] = { "queued.max.requests", CONF_INT,
        "500", LEAST(1), NULL, CONF_STATIC, 0,
        "Requests that may wait before no more are read from connections." },
    [CFG_QUEUED_MAX_REQUEST_BYTES] = { "queued.max.request.bytes", CONF_LONG,
        "-1", ANY, NULL, CONF_STATIC, 0,
        "Bytes of requests that may wait before no more are read; -1 sets "
        "no bound." },
    [CFG_REQUEST_TIMEOUT_MS] = { "request.timeout.ms", CONF_INT,
        "30000", ANY, NULL, CONF_STATIC, 0,
        "How long a request to another broker may take before it is given "
        "up." },
    [CFG_SOCKET_CONNECTION_SETUP_TIMEOUT_MS] = {
        "socket.connection.setup.timeout.ms", CONF_LONG,
        "10000", ANY, NULL, CONF_STATIC, 0,
        "How long setting up a connection to another broker may take at "
        "first." },
    [CFG_SOCKET_CONNECTION_SETUP_TIMEOUT_MAX_MS] = {
        "socket.connection.setup.timeout.max.ms", CONF_LONG,
        "30000", ANY, NULL, CONF_STATIC, 0,
        "How long setting up a connection may take at most, after it has "
        "failed repeatedly." },
    [CFG_METADATA_LOG_MAX_RECORD_BYTES_BETWEEN_SNAPSHOTS] = {
        "metadata.log.max.record.bytes.between.snapshots", CONF_LONG,
        "20971520", LEAST(1), NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: bytes of metadata records after which a snapshot is "
        "made." },
    [CFG_METADATA_LOG_MAX_SNAPSHOT_INTERVAL_MS] = {
        "metadata.log.max.snapshot.interval.ms", CONF_LONG,
        "3600000", LEAST(0), NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: longest time between two metadata snapshots." },
    [CFG_PROCESS_ROLES] = { "process.roles", CONF_LIST,
        "", ANY, "broker,controller", CONF_STATIC, CONF_KRAFT,
        "KRaft only: roles of this process; must be empty in ZooKeeper "
        "mode." },
    [CFG_NODE_ID] = { "node.id", CONF_INT,
        "-1", ANY, NULL, CONF_STATIC, 0,
        "Another name for broker.id; when both are given they must agree." },
    [CFG_INITIAL_BROKER_REGISTRATION_TIMEOUT_MS] = {
        "initial.broker.registration.timeout.ms", CONF_INT,
        "60000", ANY, NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: how long the first registration may take." },
    [CFG_BROKER_HEARTBEAT_INTERVAL_MS] = {
        "broker.heartbeat.interval.ms", CONF_INT,
        "2000", ANY, NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: time between heartbeats to the controller." },
    [CFG_BROKER_SESSION_TIMEOUT_MS] = { "broker.session.timeout.ms", CONF_INT,
        "9000", ANY, NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: how long a broker without heartbeats keeps its "
        "registration." },
    [CFG_CONTROLLER_LISTENER_NAMES] = {
        "controller.listener.names", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: listeners of the controller; must be empty in "
        "ZooKeeper mode." },
    [CFG_SASL_MECHANISM_CONTROLLER_PROTOCOL] = {
        "sasl.mechanism.controller.protocol", CONF_STRING,
        "GSSAPI", ANY, NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: SASL mechanism towards controllers." },
    [CFG_METADATA_LOG_DIR] = { "metadata.log.dir", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: directory of the metadata log." },
    [CFG_METADATA_LOG_SEGMENT_BYTES] = { "metadata.log.segment.bytes", CONF_INT,
        "1073741824", LEAST(12), NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: size of a metadata log segment." },
    [CFG_METADATA_LOG_SEGMENT_MIN_BYTES] = {
        "metadata.log.segment.min.bytes", CONF_INT,
        "8388608", LEAST(12), NULL, CONF_STATIC, CONF_INTERNAL |
        CONF_KRAFT,
        "KRaft only: smallest allowed size of a metadata log segment." },
    [CFG_METADATA_LOG_SEGMENT_MS] = { "metadata.log.segment.ms", CONF_LONG,
        "604800000", ANY, NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: age at which a metadata log segment is rolled." },
    [CFG_METADATA_MAX_RETENTION_BYTES] = {
        "metadata.max.retention.bytes", CONF_LONG,
        "104857600", ANY, NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: size of metadata log and snapshots above which old "
        "ones go." },
    [CFG_METADATA_MAX_RETENTION_MS] = { "metadata.max.retention.ms", CONF_LONG,
        "604800000", ANY, NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: age above which metadata snapshots go." },
    [CFG_METADATA_MAX_IDLE_INTERVAL_MS] = {
        "metadata.max.idle.interval.ms", CONF_INT,
        "500", LEAST(0), NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: time between no-op records of an idle controller." },
    [CFG_SERVER_MAX_STARTUP_TIME_MS] = {
        "server.max.startup.time.ms", CONF_LONG,
        LONG_MAX_TEXT, LEAST(0), NULL, CONF_STATIC, CONF_INTERNAL |
        CONF_KRAFT,
        "KRaft only: how long the start may take." },
    [CFG_ZOOKEEPER_METADATA_MIGRATION_ENABLE] = {
        "zookeeper.metadata.migration.enable", CONF_BOOL,
        "false", ANY, NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: migrate metadata from ZooKeeper; must be false here." },
    [CFG_ELIGIBLE_LEADER_REPLICAS_ENABLE] = {
        "eligible.leader.replicas.enable", CONF_BOOL,
        "false", ANY, NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: keep a list of eligible leader replicas." },
    [CFG_ZOOKEEPER_METADATA_MIGRATION_MIN_BATCH_SIZE] = {
        "zookeeper.metadata.migration.min.batch.size", CONF_INT,
        "200", LEAST(1), NULL, CONF_STATIC, CONF_INTERNAL | CONF_KRAFT,
        "KRaft only: least records in a migration batch." },
    [CFG_AUTHORIZER_CLASS_NAME] = { "authorizer.class.name", CONF_STRING,
        "", ANY, NULL, CONF_STATIC, 0,
        "Authorizer; empty allows everything, "
        "kafka.security.authorizer.AclAuthorizer checks the ACLs in "
        "ZooKeeper." },
    [CFG_EARLY_START_LISTENERS] = { "early.start.listeners", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: listeners that open before the authorizer is ready." },
    [CFG_LISTENERS] = { "listeners", CONF_STRING,
        "PLAINTEXT://:9092", ANY, NULL, CONF_PER_BROKER, 0,
        "Where to listen: NAME://host:port,...; an empty host means all "
        "interfaces." },
    [CFG_ADVERTISED_LISTENERS] = { "advertised.listeners", CONF_STRING,
        NULL, ANY, NULL, CONF_PER_BROKER, 0,
        "What clients and brokers are told to connect to, by listener; the "
        "listeners themselves when not set." },
    [CFG_LISTENER_SECURITY_PROTOCOL_MAP] = {
        "listener.security.protocol.map", CONF_STRING,
        "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL",
        ANY, NULL, CONF_PER_BROKER, 0,
        "Security protocol of each listener name: NAME:PROTOCOL,..." },
    [CFG_CONTROL_PLANE_LISTENER_NAME] = {
        "control.plane.listener.name", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Listener for the controller's requests to brokers; shares the "
        "inter-broker listener when not set." },
    [CFG_SOCKET_SEND_BUFFER_BYTES] = { "socket.send.buffer.bytes", CONF_INT,
        "102400", ANY, NULL, CONF_STATIC, 0,
        "Send buffer of client connections; -1 leaves the system's default." },
    [CFG_SOCKET_RECEIVE_BUFFER_BYTES] = {
        "socket.receive.buffer.bytes", CONF_INT,
        "102400", ANY, NULL, CONF_STATIC, 0,
        "Receive buffer of client connections; -1 leaves the system's "
        "default." },
    [CFG_SOCKET_REQUEST_MAX_BYTES] = { "socket.request.max.bytes", CONF_INT,
        "104857600", LEAST(1), NULL, CONF_STATIC, 0,
        "Largest request that is accepted, in bytes." },
    [CFG_SOCKET_LISTEN_BACKLOG_SIZE] = { "socket.listen.backlog.size", CONF_INT,
        "50", LEAST(1), NULL, CONF_STATIC, 0,
        "Connections that may wait to be accepted on a listener." },
    [CFG_MAX_CONNECTIONS_PER_IP] = { "max.connections.per.ip", CONF_INT,
        INT_MAX_TEXT, LEAST(0), NULL, CONF_CLUSTER, 0,
        "Connections one address may hold; 0 only with exceptions in "
        "max.connections.per.ip.overrides." },
    [CFG_MAX_CONNECTIONS_PER_IP_OVERRIDES] = {
        "max.connections.per.ip.overrides", CONF_STRING,
        "", ANY, NULL, CONF_CLUSTER, 0,
        "Exceptions from max.connections.per.ip: host:count,..." },
    [CFG_MAX_CONNECTIONS] = { "max.connections", CONF_INT,
        INT_MAX_TEXT, LEAST(0), NULL, CONF_CLUSTER, 0,
        "Connections this broker holds at most." },
    [CFG_MAX_CONNECTION_CREATION_RATE] = {
        "max.connection.creation.rate", CONF_INT,
        INT_MAX_TEXT, LEAST(0), NULL, CONF_CLUSTER, 0,
        "New connections a second that are accepted at most." },
    [CFG_CONNECTIONS_MAX_IDLE_MS] = { "connections.max.idle.ms", CONF_LONG,
        "600000", ANY, NULL, CONF_STATIC, 0,
        "A connection without requests for this long is closed." },
    [CFG_CONNECTION_FAILED_AUTHENTICATION_DELAY_MS] = {
        "connection.failed.authentication.delay.ms", CONF_INT,
        "100", LEAST(0), NULL, CONF_STATIC, 0,
        "How long the answer to a failed authentication is held back." },
    [CFG_BROKER_RACK] = { "broker.rack", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Rack of this broker, used to spread replicas and to fetch from "
        "near ones." },
    [CFG_NUM_PARTITIONS] = { "num.partitions", CONF_INT,
        "1", LEAST(1), NULL, CONF_STATIC, 0,
        "Partitions of a topic that is created without saying how many." },
    [CFG_LOG_DIR] = { "log.dir", CONF_STRING,
        "/tmp/kafka-logs", ANY, NULL, CONF_STATIC, 0,
        "Directory for the logs, used when log.dirs is not set." },
    [CFG_LOG_DIRS] = { "log.dirs", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Directories for the logs, comma separated." },
    [CFG_LOG_SEGMENT_BYTES] = { "log.segment.bytes", CONF_INT,
        "1073741824", LEAST(14), NULL, CONF_CLUSTER, 0,
        "Size at which a log segment is closed and a new one begun." },
    [CFG_LOG_ROLL_MS] = { "log.roll.ms", CONF_LONG,
        NULL, ANY, NULL, CONF_CLUSTER, 0,
        "Age at which a log segment is closed and a new one begun, in "
        "milliseconds." },
    [CFG_LOG_ROLL_HOURS] = { "log.roll.hours", CONF_INT,
        "168", LEAST(1), NULL, CONF_STATIC, 0,
        "Age at which a log segment is closed and a new one begun, in "
        "hours; log.roll.ms wins." },
    [CFG_LOG_ROLL_JITTER_MS] = { "log.roll.jitter.ms", CONF_LONG,
        NULL, ANY, NULL, CONF_CLUSTER, 0,
        "Random part taken off the segment age, so that segments do not "
        "roll all at once, in milliseconds." },
    [CFG_LOG_ROLL_JITTER_HOURS] = { "log.roll.jitter.hours", CONF_INT,
        "0", LEAST(0), NULL, CONF_STATIC, 0,
        "Random part taken off the segment age, in hours; "
        "log.roll.jitter.ms wins." },
    [CFG_LOG_RETENTION_MS] = { "log.retention.ms", CONF_LONG,
        NULL, ANY, NULL, CONF_CLUSTER, 0,
        "How long records are kept, in milliseconds; -1 keeps them for "
        "ever." },
    [CFG_LOG_RETENTION_MINUTES] = { "log.retention.minutes", CONF_INT,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "How long records are kept, in minutes; log.retention.ms wins." },
    [CFG_LOG_RETENTION_HOURS] = { "log.retention.hours", CONF_INT,
        "168", ANY, NULL, CONF_STATIC, 0,
        "How long records are kept, in hours; log.retention.ms and .minutes "
        "win." },
    [CFG_LOG_RETENTION_BYTES] = { "log.retention.bytes", CONF_LONG,
        "-1", ANY, NULL, CONF_CLUSTER, 0,
        "Size of a partition's log above which the oldest segments go; -1 "
        "sets no bound." },
    [CFG_LOG_RETENTION_CHECK_INTERVAL_MS] = {
        "log.retention.check.interval.ms", CONF_LONG,
        "300000", LEAST(1), NULL, CONF_STATIC, 0,
        "How often logs are looked at for segments that may go." },
    [CFG_LOG_CLEANUP_POLICY] = { "log.cleanup.policy", CONF_LIST,
        "delete", ANY, "compact,delete", CONF_CLUSTER, 0,
        "What happens to old segments: delete, compact, or both." },
    [CFG_LOG_CLEANER_THREADS] = { "log.cleaner.threads", CONF_INT,
        "1", LEAST(0), NULL, CONF_CLUSTER, 0,
        "Threads that compact logs." },
    [CFG_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND] = {
        "log.cleaner.io.max.bytes.per.second", CONF_DOUBLE,
        "1.7976931348623157E308", ANY, NULL, CONF_CLUSTER, 0,
        "Bytes a second the compaction may read and write together." },
    [CFG_LOG_CLEANER_DEDUPE_BUFFER_SIZE] = {
        "log.cleaner.dedupe.buffer.size", CONF_LONG,
        "134217728", ANY, NULL, CONF_CLUSTER, 0,
        "Memory for the keys of all compaction threads together." },
    [CFG_LOG_CLEANER_IO_BUFFER_SIZE] = { "log.cleaner.io.buffer.size", CONF_INT,
        "524288", LEAST(0), NULL, CONF_CLUSTER, 0,
        "Memory for reading and writing of all compaction threads together." },
    [CFG_LOG_CLEANER_IO_BUFFER_LOAD_FACTOR] = {
        "log.cleaner.io.buffer.load.factor", CONF_DOUBLE,
        "0.9", ANY, NULL, CONF_CLUSTER, 0,
        "How full the table of keys may become during compaction." },
    [CFG_LOG_CLEANER_BACKOFF_MS] = { "log.cleaner.backoff.ms", CONF_LONG,
        "15000", LEAST(0), NULL, CONF_CLUSTER, 0,
        "How long a compaction thread pauses when there is nothing to do." },
    [CFG_LOG_CLEANER_MIN_CLEANABLE_RATIO] = {
        "log.cleaner.min.cleanable.ratio", CONF_DOUBLE,
        "0.5", WITHIN(0, 1), NULL, CONF_CLUSTER, 0,
        "Share of a log that must be uncompacted before it is compacted "
        "again." },
    [CFG_LOG_CLEANER_ENABLE] = { "log.cleaner.enable", CONF_BOOL,
        "true", ANY, NULL, CONF_STATIC, 0,
        "Compact logs of topics with the compact policy." },
    [CFG_LOG_CLEANER_DELETE_RETENTION_MS] = {
        "log.cleaner.delete.retention.ms", CONF_LONG,
        "86400000", LEAST(0), NULL, CONF_CLUSTER, 0,
        "How long deletion markers are kept in compacted logs." },
    [CFG_LOG_CLEANER_MIN_COMPACTION_LAG_MS] = {
        "log.cleaner.min.compaction.lag.ms", CONF_LONG,
        "0", LEAST(0), NULL, CONF_CLUSTER, 0,
        "How long a record stays uncompacted at least." },
    [CFG_LOG_CLEANER_MAX_COMPACTION_LAG_MS] = {
        "log.cleaner.max.compaction.lag.ms", CONF_LONG,
        LONG_MAX_TEXT, LEAST(1), NULL, CONF_CLUSTER, 0,
        "How long a record stays uncompacted at most." },
    [CFG_LOG_INDEX_SIZE_MAX_BYTES] = { "log.index.size.max.bytes", CONF_INT,
        "10485760", LEAST(4), NULL, CONF_CLUSTER, 0,
        "Largest size of an offset or time index." },
    [CFG_LOG_INDEX_INTERVAL_BYTES] = { "log.index.interval.bytes", CONF_INT,
        "4096", LEAST(0), NULL, CONF_CLUSTER, 0,
        "Bytes of log between two entries of the offset index." },
    [CFG_LOG_FLUSH_INTERVAL_MESSAGES] = {
        "log.flush.interval.messages", CONF_LONG,
        LONG_MAX_TEXT, LEAST(1), NULL, CONF_CLUSTER, 0,
        "Records after which a partition's log is forced to disk." },
    [CFG_LOG_SEGMENT_DELETE_DELAY_MS] = {
        "log.segment.delete.delay.ms", CONF_LONG,
        "60000", LEAST(0), NULL, CONF_CLUSTER, 0,
        "How long the files of a removed segment stay before they are "
        "deleted." },
    [CFG_LOG_FLUSH_SCHEDULER_INTERVAL_MS] = {
        "log.flush.scheduler.interval.ms", CONF_LONG,
        LONG_MAX_TEXT, ANY, NULL, CONF_STATIC, 0,
        "How often logs are looked at for what must be forced to disk." },
    [CFG_LOG_FLUSH_INTERVAL_MS] = { "log.flush.interval.ms", CONF_LONG,
        NULL, ANY, NULL, CONF_CLUSTER, 0,
        "How long records may stay unforced; "
        "log.flush.scheduler.interval.ms when not set." },
    [CFG_LOG_FLUSH_OFFSET_CHECKPOINT_INTERVAL_MS] = {
        "log.flush.offset.checkpoint.interval.ms", CONF_INT,
        "60000", LEAST(0), NULL, CONF_STATIC, 0,
        "How often the recovery points are written." },
    [CFG_LOG_FLUSH_START_OFFSET_CHECKPOINT_INTERVAL_MS] = {
        "log.flush.start.offset.checkpoint.interval.ms", CONF_INT,
        "60000", LEAST(0), NULL, CONF_STATIC, 0,
        "How often the log start offsets are written." },
    [CFG_LOG_PREALLOCATE] = { "log.preallocate", CONF_BOOL,
        "false", ANY, NULL, CONF_CLUSTER, 0,
        "Reserve the whole size of a segment's file when it is made." },
    [CFG_NUM_RECOVERY_THREADS_PER_DATA_DIR] = {
        "num.recovery.threads.per.data.dir", CONF_INT,
        "1", LEAST(1), NULL, CONF_CLUSTER, 0,
        "Threads for each log directory that load and recover logs at start "
        "and flush them at the end." },
    [CFG_AUTO_CREATE_TOPICS_ENABLE] = { "auto.create.topics.enable", CONF_BOOL,
        "true", ANY, NULL, CONF_STATIC, 0,
        "Create topics that clients ask about." },
    [CFG_MIN_INSYNC_REPLICAS] = { "min.insync.replicas", CONF_INT,
        "1", LEAST(1), NULL, CONF_CLUSTER, 0,
        "In-sync replicas that must hold a record sent with acks=all." },
    [CFG_LOG_MESSAGE_FORMAT_VERSION] = {
        "log.message.format.version", CONF_STRING,
        "3.0-IV1", ANY, VERSIONS, CONF_STATIC, 0,
        "Record format of old releases; without effect since 3.0." },
    [CFG_LOG_MESSAGE_TIMESTAMP_TYPE] = {
        "log.message.timestamp.type", CONF_STRING,
        "CreateTime", ANY, "CreateTime,LogAppendTime", CONF_CLUSTER, 0,
        "Whether a record's time is set by its producer (CreateTime) or on "
        "arrival (LogAppendTime)." },
    [CFG_LOG_MESSAGE_TIMESTAMP_DIFFERENCE_MAX_MS] = {
        "log.message.timestamp.difference.max.ms", CONF_LONG,
        LONG_MAX_TEXT, LEAST(0), NULL, CONF_CLUSTER, 0,
        "How far a producer's timestamp may differ from the broker's clock; "
        "the before and after settings win." },
    [CFG_LOG_MESSAGE_TIMESTAMP_BEFORE_MAX_MS] = {
        "log.message.timestamp.before.max.ms", CONF_LONG,
        LONG_MAX_TEXT, LEAST(0), NULL, CONF_CLUSTER, 0,
        "How far a producer's timestamp may lie before the broker's clock." },
    [CFG_LOG_MESSAGE_TIMESTAMP_AFTER_MAX_MS] = {
        "log.message.timestamp.after.max.ms", CONF_LONG,
        LONG_MAX_TEXT, LEAST(0), NULL, CONF_CLUSTER, 0,
        "How far a producer's timestamp may lie after the broker's clock." },
    [CFG_CREATE_TOPIC_POLICY_CLASS_NAME] = {
        "create.topic.policy.class.name", CONF_CLASS,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Java class that checks new topics; no such class can be loaded "
        "here." },
    [CFG_ALTER_CONFIG_POLICY_CLASS_NAME] = {
        "alter.config.policy.class.name", CONF_CLASS,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Java class that checks configuration changes; no such class can be "
        "loaded here." },
    [CFG_LOG_MESSAGE_DOWNCONVERSION_ENABLE] = {
        "log.message.downconversion.enable", CONF_BOOL,
        "true", ANY, NULL, CONF_CLUSTER, 0,
        "Convert record batches for old consumers; otherwise they get an "
        "error." },
    [CFG_CONTROLLER_SOCKET_TIMEOUT_MS] = {
        "controller.socket.timeout.ms", CONF_INT,
        "30000", ANY, NULL, CONF_STATIC, 0,
        "How long the controller's connections to brokers may be silent in "
        "the middle of a request." },
    [CFG_DEFAULT_REPLICATION_FACTOR] = { "default.replication.factor", CONF_INT,
        "1", ANY, NULL, CONF_STATIC, 0,
        "Replicas of a topic that is created without saying how many." },
    [CFG_REPLICA_LAG_TIME_MAX_MS] = { "replica.lag.time.max.ms", CONF_LONG,
        "30000", ANY, NULL, CONF_STATIC, 0,
        "A follower that has not caught up for this long leaves the in-sync "
        "replicas." },
    [CFG_REPLICA_SOCKET_TIMEOUT_MS] = { "replica.socket.timeout.ms", CONF_INT,
        "30000", ANY, NULL, CONF_STATIC, 0,
        "How long a follower's connection to a leader may be silent in the "
        "middle of a request." },
    [CFG_REPLICA_SOCKET_RECEIVE_BUFFER_BYTES] = {
        "replica.socket.receive.buffer.bytes", CONF_INT,
        "65536", ANY, NULL, CONF_STATIC, 0,
        "Receive buffer of followers' connections." },
    [CFG_REPLICA_FETCH_MAX_BYTES] = { "replica.fetch.max.bytes", CONF_INT,
        "1048576", LEAST(0), NULL, CONF_STATIC, 0,
        "Bytes a follower asks for from one partition at a time." },
    [CFG_REPLICA_FETCH_WAIT_MAX_MS] = { "replica.fetch.wait.max.ms", CONF_INT,
        "500", ANY, NULL, CONF_STATIC, 0,
        "How long a leader may wait for data before it answers a follower." },
    [CFG_REPLICA_FETCH_BACKOFF_MS] = { "replica.fetch.backoff.ms", CONF_INT,
        "1000", LEAST(0), NULL, CONF_STATIC, 0,
        "How long a follower pauses after an error." },
    [CFG_REPLICA_FETCH_MIN_BYTES] = { "replica.fetch.min.bytes", CONF_INT,
        "1", ANY, NULL, CONF_STATIC, 0,
        "Bytes a leader waits for before it answers a follower." },
    [CFG_REPLICA_FETCH_RESPONSE_MAX_BYTES] = {
        "replica.fetch.response.max.bytes", CONF_INT,
        "10485760", LEAST(0), NULL, CONF_STATIC, 0,
        "Bytes a follower asks for altogether at a time." },
    [CFG_NUM_REPLICA_FETCHERS] = { "num.replica.fetchers", CONF_INT,
        "1", ANY, NULL, CONF_CLUSTER, 0,
        "Connections to each leader through which followers fetch." },
    [CFG_REPLICA_HIGH_WATERMARK_CHECKPOINT_INTERVAL_MS] = {
        "replica.high.watermark.checkpoint.interval.ms", CONF_LONG,
        "5000", ANY, NULL, CONF_STATIC, 0,
        "How often the high watermarks are written to disk." },
    [CFG_FETCH_PURGATORY_PURGE_INTERVAL_REQUESTS] = {
        "fetch.purgatory.purge.interval.requests", CONF_INT,
        "1000", ANY, NULL, CONF_STATIC, 0,
        "Accepted for compatibility; parked fetches are removed when they "
        "are done." },
    [CFG_PRODUCER_PURGATORY_PURGE_INTERVAL_REQUESTS] = {
        "producer.purgatory.purge.interval.requests", CONF_INT,
        "1000", ANY, NULL, CONF_STATIC, 0,
        "Accepted for compatibility; parked produce requests are removed "
        "when they are done." },
    [CFG_DELETE_RECORDS_PURGATORY_PURGE_INTERVAL_REQUESTS] = {
        "delete.records.purgatory.purge.interval.requests", CONF_INT,
        "1", ANY, NULL, CONF_STATIC, 0,
        "Accepted for compatibility; parked delete requests are removed "
        "when they are done." },
    [CFG_AUTO_LEADER_REBALANCE_ENABLE] = {
        "auto.leader.rebalance.enable", CONF_BOOL,
        "true", ANY, NULL, CONF_STATIC, 0,
        "Move leadership back to the preferred replicas from time to time." },
    [CFG_LEADER_IMBALANCE_PER_BROKER_PERCENTAGE] = {
        "leader.imbalance.per.broker.percentage", CONF_INT,
        "10", ANY, NULL, CONF_STATIC, 0,
        "Share of a broker's partitions that may be led elsewhere before "
        "leadership is moved back." },
    [CFG_LEADER_IMBALANCE_CHECK_INTERVAL_SECONDS] = {
        "leader.imbalance.check.interval.seconds", CONF_LONG,
        "300", LEAST(1), NULL, CONF_STATIC, 0,
        "How often the balance of leaders is looked at." },
    [CFG_UNCLEAN_LEADER_ELECTION_ENABLE] = {
        "unclean.leader.election.enable", CONF_BOOL,
        "false", ANY, NULL, CONF_CLUSTER, 0,
        "Allow a replica that is not in sync to lead, which may lose "
        "records." },
    [CFG_SECURITY_INTER_BROKER_PROTOCOL] = {
        "security.inter.broker.protocol", CONF_STRING,
        "PLAINTEXT", ANY, "PLAINTEXT,SSL,SASL_PLAINTEXT,SASL_SSL",
        CONF_STATIC, 0,
        "Security protocol between brokers; not together with "
        "inter.broker.listener.name." },
    [CFG_INTER_BROKER_PROTOCOL_VERSION] = {
        "inter.broker.protocol.version", CONF_STRING,
        "3.7-IV4", ANY, VERSIONS, CONF_STATIC, 0,
        "Release whose protocol and znode formats brokers use among "
        "themselves." },
    [CFG_INTER_BROKER_LISTENER_NAME] = {
        "inter.broker.listener.name", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Listener that brokers use among themselves; found by "
        "security.inter.broker.protocol when not set." },
    [CFG_REPLICA_SELECTOR_CLASS] = { "replica.selector.class", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Which replica a consumer is sent to; "
        "org.apache.kafka.common.replica.RackAwareReplicaSelector picks one "
        "in its rack." },
    [CFG_CONTROLLED_SHUTDOWN_MAX_RETRIES] = {
        "controlled.shutdown.max.retries", CONF_INT,
        "3", ANY, NULL, CONF_STATIC, 0,
        "How often handing over leadership is tried at shutdown." },
    [CFG_CONTROLLED_SHUTDOWN_RETRY_BACKOFF_MS] = {
        "controlled.shutdown.retry.backoff.ms", CONF_LONG,
        "5000", ANY, NULL, CONF_STATIC, 0,
        "How long to wait between these tries." },
    [CFG_CONTROLLED_SHUTDOWN_ENABLE] = {
        "controlled.shutdown.enable", CONF_BOOL,
        "true", ANY, NULL, CONF_STATIC, 0,
        "Hand over leadership before the broker stops." },
    [CFG_GROUP_MIN_SESSION_TIMEOUT_MS] = {
        "group.min.session.timeout.ms", CONF_INT,
        "6000", ANY, NULL, CONF_STATIC, 0,
        "Shortest session timeout a group member may ask for." },
    [CFG_GROUP_MAX_SESSION_TIMEOUT_MS] = {
        "group.max.session.timeout.ms", CONF_INT,
        "1800000", ANY, NULL, CONF_STATIC, 0,
        "Longest session timeout a group member may ask for." },
    [CFG_GROUP_INITIAL_REBALANCE_DELAY_MS] = {
        "group.initial.rebalance.delay.ms", CONF_INT,
        "3000", ANY, NULL, CONF_STATIC, 0,
        "How long an empty group waits for more members before its first "
        "rebalance." },
    [CFG_GROUP_MAX_SIZE] = { "group.max.size", CONF_INT,
        INT_MAX_TEXT, LEAST(1), NULL, CONF_STATIC, 0,
        "Members a group may have." },
    [CFG_GROUP_COORDINATOR_REBALANCE_PROTOCOLS] = {
        "group.coordinator.rebalance.protocols", CONF_LIST,
        "classic", ANY, "consumer,classic", CONF_STATIC, 0,
        "Group protocols that are offered." },
    [CFG_GROUP_COORDINATOR_THREADS] = { "group.coordinator.threads", CONF_INT,
        "1", LEAST(1), NULL, CONF_STATIC, 0,
        "Threads of the new group coordinator." },
    [CFG_GROUP_COORDINATOR_NEW_ENABLE] = {
        "group.coordinator.new.enable", CONF_BOOL,
        "false", ANY, NULL, CONF_STATIC, CONF_INTERNAL,
        "Use the new group coordinator." },
    [CFG_GROUP_CONSUMER_SESSION_TIMEOUT_MS] = {
        "group.consumer.session.timeout.ms", CONF_INT,
        "45000", LEAST(1), NULL, CONF_STATIC, 0,
        "Session timeout of members of the new consumer protocol." },
    [CFG_GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS] = {
        "group.consumer.min.session.timeout.ms", CONF_INT,
        "45000", LEAST(1), NULL, CONF_STATIC, 0,
        "Shortest session timeout of the new consumer protocol." },
    [CFG_GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS] = {
        "group.consumer.max.session.timeout.ms", CONF_INT,
        "60000", LEAST(1), NULL, CONF_STATIC, 0,
        "Longest session timeout of the new consumer protocol." },
    [CFG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS] = {
        "group.consumer.heartbeat.interval.ms", CONF_INT,
        "5000", LEAST(1), NULL, CONF_STATIC, 0,
        "Heartbeat interval of the new consumer protocol." },
    [CFG_GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS] = {
        "group.consumer.min.heartbeat.interval.ms", CONF_INT,
        "5000", LEAST(1), NULL, CONF_STATIC, 0,
        "Shortest heartbeat interval of the new consumer protocol." },
    [CFG_GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS] = {
        "group.consumer.max.heartbeat.interval.ms", CONF_INT,
        "15000", LEAST(1), NULL, CONF_STATIC, 0,
        "Longest heartbeat interval of the new consumer protocol." },
    [CFG_GROUP_CONSUMER_MAX_SIZE] = { "group.consumer.max.size", CONF_INT,
        INT_MAX_TEXT, LEAST(1), NULL, CONF_STATIC, 0,
        "Members a group of the new consumer protocol may have." },
    [CFG_GROUP_CONSUMER_ASSIGNORS] = { "group.consumer.assignors", CONF_LIST,
        "org.apache.kafka.coordinator.group.assignor.UniformAssignor,"
        "org.apache.kafka.coordinator.group.assignor.RangeAssignor", ANY, NULL, CONF_STATIC, 0,
        "Assignors of the new consumer protocol, the first being the "
        "default." },
    [CFG_OFFSET_METADATA_MAX_BYTES] = { "offset.metadata.max.bytes", CONF_INT,
        "4096", ANY, NULL, CONF_STATIC, 0,
        "Bytes of metadata a committed offset may carry." },
    [CFG_OFFSETS_LOAD_BUFFER_SIZE] = { "offsets.load.buffer.size", CONF_INT,
        "5242880", LEAST(1), NULL, CONF_STATIC, 0,
        "Bytes read at a time while committed offsets are loaded." },
    [CFG_OFFSETS_TOPIC_REPLICATION_FACTOR] = {
        "offsets.topic.replication.factor", CONF_SHORT,
        "3", LEAST(1), NULL, CONF_STATIC, 0,
        "Replicas of the topic of committed offsets." },
    [CFG_OFFSETS_TOPIC_NUM_PARTITIONS] = {
        "offsets.topic.num.partitions", CONF_INT,
        "50", LEAST(1), NULL, CONF_STATIC, 0,
        "Partitions of the topic of committed offsets; not to be changed "
        "later." },
    [CFG_OFFSETS_TOPIC_SEGMENT_BYTES] = {
        "offsets.topic.segment.bytes", CONF_INT,
        "104857600", LEAST(1), NULL, CONF_STATIC, 0,
        "Segment size of the topic of committed offsets." },
    [CFG_OFFSETS_TOPIC_COMPRESSION_CODEC] = {
        "offsets.topic.compression.codec", CONF_INT,
        "0", ANY, NULL, CONF_STATIC, 0,
        "Compression of the topic of committed offsets: 0 none, 1 gzip, 2 "
        "snappy, 3 lz4, 4 zstd." },
    [CFG_OFFSETS_RETENTION_MINUTES] = { "offsets.retention.minutes", CONF_INT,
        "10080", LEAST(1), NULL, CONF_STATIC, 0,
        "How long offsets of an empty group are kept." },
    [CFG_OFFSETS_RETENTION_CHECK_INTERVAL_MS] = {
        "offsets.retention.check.interval.ms", CONF_LONG,
        "600000", LEAST(1), NULL, CONF_STATIC, 0,
        "How often expired offsets are looked for." },
    [CFG_OFFSETS_COMMIT_TIMEOUT_MS] = { "offsets.commit.timeout.ms", CONF_INT,
        "5000", LEAST(1), NULL, CONF_STATIC, 0,
        "How long a commit waits for the replicas." },
    [CFG_OFFSETS_COMMIT_REQUIRED_ACKS] = {
        "offsets.commit.required.acks", CONF_SHORT,
        "-1", ANY, NULL, CONF_STATIC, 0,
        "Acknowledgements a commit waits for; -1 all in-sync replicas." },
    [CFG_DELETE_TOPIC_ENABLE] = { "delete.topic.enable", CONF_BOOL,
        "true", ANY, NULL, CONF_STATIC, 0,
        "Allow topics to be deleted." },
    [CFG_COMPRESSION_TYPE] = { "compression.type", CONF_STRING,
        "producer", ANY, "uncompressed,zstd,lz4,snappy,gzip,producer",
        CONF_CLUSTER, 0,
        "Compression of stored batches; producer keeps what the producer "
        "chose." },
    [CFG_TRANSACTIONAL_ID_EXPIRATION_MS] = {
        "transactional.id.expiration.ms", CONF_INT,
        "604800000", LEAST(1), NULL, CONF_STATIC, 0,
        "How long an unused transactional id is remembered." },
    [CFG_TRANSACTION_MAX_TIMEOUT_MS] = { "transaction.max.timeout.ms", CONF_INT,
        "900000", LEAST(1), NULL, CONF_STATIC, 0,
        "Longest transaction timeout a producer may ask for." },
    [CFG_TRANSACTION_STATE_LOG_MIN_ISR] = {
        "transaction.state.log.min.isr", CONF_INT,
        "2", LEAST(1), NULL, CONF_STATIC, 0,
        "min.insync.replicas of the topic of transaction states." },
    [CFG_TRANSACTION_STATE_LOG_LOAD_BUFFER_SIZE] = {
        "transaction.state.log.load.buffer.size", CONF_INT,
        "5242880", LEAST(1), NULL, CONF_STATIC, 0,
        "Bytes read at a time while transaction states are loaded." },
    [CFG_TRANSACTION_STATE_LOG_REPLICATION_FACTOR] = {
        "transaction.state.log.replication.factor", CONF_SHORT,
        "3", LEAST(1), NULL, CONF_STATIC, 0,
        "Replicas of the topic of transaction states." },
    [CFG_TRANSACTION_STATE_LOG_NUM_PARTITIONS] = {
        "transaction.state.log.num.partitions", CONF_INT,
        "50", LEAST(1), NULL, CONF_STATIC, 0,
        "Partitions of the topic of transaction states; not to be changed "
        "later." },
    [CFG_TRANSACTION_STATE_LOG_SEGMENT_BYTES] = {
        "transaction.state.log.segment.bytes", CONF_INT,
        "104857600", LEAST(1), NULL, CONF_STATIC, 0,
        "Segment size of the topic of transaction states." },
    [CFG_TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS] = {
        "transaction.abort.timed.out.transaction.cleanup.interval.ms", CONF_INT,
        "10000", LEAST(1), NULL, CONF_STATIC, 0,
        "How often transactions that took too long are looked for and "
        "aborted." },
    [CFG_TRANSACTION_REMOVE_EXPIRED_TRANSACTION_CLEANUP_INTERVAL_MS] = {
        "transaction.remove.expired.transaction.cleanup.interval.ms", CONF_INT,
        "3600000", LEAST(1), NULL, CONF_STATIC, 0,
        "How often expired transactional ids are looked for and removed." },
    [CFG_TRANSACTION_PARTITION_VERIFICATION_ENABLE] = {
        "transaction.partition.verification.enable", CONF_BOOL,
        "true", ANY, NULL, CONF_CLUSTER, 0,
        "Check with the coordinator that a partition belongs to a "
        "transaction before its records are taken." },
    [CFG_PRODUCER_ID_EXPIRATION_MS] = { "producer.id.expiration.ms", CONF_INT,
        "86400000", LEAST(1), NULL, CONF_CLUSTER, 0,
        "How long a partition remembers an idle producer." },
    [CFG_PRODUCER_ID_EXPIRATION_CHECK_INTERVAL_MS] = {
        "producer.id.expiration.check.interval.ms", CONF_INT,
        "600000", LEAST(1), NULL, CONF_STATIC, CONF_INTERNAL,
        "How often idle producers are looked for." },
    [CFG_MAX_INCREMENTAL_FETCH_SESSION_CACHE_SLOTS] = {
        "max.incremental.fetch.session.cache.slots", CONF_INT,
        "1000", LEAST(0), NULL, CONF_STATIC, 0,
        "Fetch sessions that are kept at most." },
    [CFG_FETCH_MAX_BYTES] = { "fetch.max.bytes", CONF_INT,
        "57671680", LEAST(1024), NULL, CONF_STATIC, 0,
        "Bytes a fetch is answered with at most, whatever it asks for." },
    [CFG_METRICS_NUM_SAMPLES] = { "metrics.num.samples", CONF_INT,
        "2", LEAST(1), NULL, CONF_STATIC, 0,
        "Windows a metric is averaged over." },
    [CFG_METRICS_SAMPLE_WINDOW_MS] = { "metrics.sample.window.ms", CONF_LONG,
        "30000", LEAST(1), NULL, CONF_STATIC, 0,
        "Length of such a window." },
    [CFG_METRIC_REPORTERS] = { "metric.reporters", CONF_LIST,
        "", ANY, NULL, CONF_CLUSTER, 0,
        "Java classes that report metrics; without effect here." },
    [CFG_METRICS_RECORDING_LEVEL] = { "metrics.recording.level", CONF_STRING,
        "INFO", ANY, NULL, CONF_STATIC, 0,
        "Which metrics are recorded." },
    [CFG_AUTO_INCLUDE_JMX_REPORTER] = { "auto.include.jmx.reporter", CONF_BOOL,
        "true", ANY, NULL, CONF_STATIC, 0,
        "Java setting; without effect here." },
    [CFG_KAFKA_METRICS_REPORTERS] = { "kafka.metrics.reporters", CONF_LIST,
        "", ANY, NULL, CONF_STATIC, 0,
        "Java classes that report metrics; without effect here." },
    [CFG_KAFKA_METRICS_POLLING_INTERVAL_SECS] = {
        "kafka.metrics.polling.interval.secs", CONF_INT,
        "10", LEAST(1), NULL, CONF_STATIC, 0,
        "How often such classes poll; without effect here." },
    [CFG_TELEMETRY_MAX_BYTES] = { "telemetry.max.bytes", CONF_INT,
        "1048576", LEAST(1), NULL, CONF_STATIC, 0,
        "Bytes of telemetry a client may push." },
    [CFG_QUOTA_WINDOW_NUM] = { "quota.window.num", CONF_INT,
        "11", LEAST(1), NULL, CONF_STATIC, 0,
        "Windows client quotas are measured over." },
    [CFG_REPLICATION_QUOTA_WINDOW_NUM] = {
        "replication.quota.window.num", CONF_INT,
        "11", LEAST(1), NULL, CONF_STATIC, 0,
        "Windows replication quotas are measured over." },
    [CFG_ALTER_LOG_DIRS_REPLICATION_QUOTA_WINDOW_NUM] = {
        "alter.log.dirs.replication.quota.window.num", CONF_INT,
        "11", LEAST(1), NULL, CONF_STATIC, 0,
        "Windows the quota for moves between log directories is measured "
        "over." },
    [CFG_CONTROLLER_QUOTA_WINDOW_NUM] = {
        "controller.quota.window.num", CONF_INT,
        "11", LEAST(1), NULL, CONF_STATIC, 0,
        "Windows the controller mutation quota is measured over." },
    [CFG_QUOTA_WINDOW_SIZE_SECONDS] = { "quota.window.size.seconds", CONF_INT,
        "1", LEAST(1), NULL, CONF_STATIC, 0,
        "Length of a window of client quotas." },
    [CFG_REPLICATION_QUOTA_WINDOW_SIZE_SECONDS] = {
        "replication.quota.window.size.seconds", CONF_INT,
        "1", LEAST(1), NULL, CONF_STATIC, 0,
        "Length of a window of replication quotas." },
    [CFG_ALTER_LOG_DIRS_REPLICATION_QUOTA_WINDOW_SIZE_SECONDS] = {
        "alter.log.dirs.replication.quota.window.size.seconds", CONF_INT,
        "1", LEAST(1), NULL, CONF_STATIC, 0,
        "Length of a window of the quota for moves between log directories." },
    [CFG_CONTROLLER_QUOTA_WINDOW_SIZE_SECONDS] = {
        "controller.quota.window.size.seconds", CONF_INT,
        "1", LEAST(1), NULL, CONF_STATIC, 0,
        "Length of a window of the controller mutation quota." },
    [CFG_CLIENT_QUOTA_CALLBACK_CLASS] = {
        "client.quota.callback.class", CONF_CLASS,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Java class that decides quotas; no such class can be loaded here." },
    [CFG_CONNECTIONS_MAX_REAUTH_MS] = { "connections.max.reauth.ms", CONF_LONG,
        "0", ANY, NULL, CONF_STATIC, 0,
        "After this long a SASL connection must authenticate again; 0 never "
        "asks." },
    [CFG_SASL_SERVER_MAX_RECEIVE_SIZE] = {
        "sasl.server.max.receive.size", CONF_INT,
        "524288", ANY, NULL, CONF_STATIC, 0,
        "Largest SASL message that is accepted before authentication." },
    [CFG_SECURITY_PROVIDERS] = { "security.providers", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Java security providers; without effect here." },
    [CFG_PRINCIPAL_BUILDER_CLASS] = { "principal.builder.class", CONF_CLASS,
        "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder",
        ANY, NULL, CONF_PER_BROKER, 0,
        "Java class that makes principals; only the default's behaviour "
        "exists here." },
    [CFG_SSL_PROTOCOL] = { "ssl.protocol", CONF_STRING,
        "TLSv1.3", ANY, NULL, CONF_PER_BROKER, 0,
        "TLS version preferred." },
    [CFG_SSL_PROVIDER] = { "ssl.provider", CONF_STRING,
        NULL, ANY, NULL, CONF_PER_BROKER, 0,
        "Java setting; without effect here." },
    [CFG_SSL_ENABLED_PROTOCOLS] = { "ssl.enabled.protocols", CONF_LIST,
        "TLSv1.2,TLSv1.3", ANY, NULL, CONF_PER_BROKER, 0,
        "TLS versions allowed." },
    [CFG_SSL_KEYSTORE_TYPE] = { "ssl.keystore.type", CONF_STRING,
        "JKS", ANY, NULL, CONF_PER_BROKER, 0,
        "Format of the key store: PEM, PKCS12 or JKS." },
    [CFG_SSL_KEYSTORE_LOCATION] = { "ssl.keystore.location", CONF_STRING,
        NULL, ANY, NULL, CONF_PER_BROKER, 0,
        "File with this broker's key and certificates." },
    [CFG_SSL_KEYSTORE_PASSWORD] = { "ssl.keystore.password", CONF_PASSWORD,
        NULL, ANY, NULL, CONF_PER_BROKER, 0,
        "Password of that file." },
    [CFG_SSL_KEY_PASSWORD] = { "ssl.key.password", CONF_PASSWORD,
        NULL, ANY, NULL, CONF_PER_BROKER, 0,
        "Password of the private key in it." },
    [CFG_SSL_KEYSTORE_KEY] = { "ssl.keystore.key", CONF_PASSWORD,
        NULL, ANY, NULL, CONF_PER_BROKER, 0,
        "Private key as PEM text, instead of a file." },
    [CFG_SSL_KEYSTORE_CERTIFICATE_CHAIN] = {
        "ssl.keystore.certificate.chain", CONF_PASSWORD,
        NULL, ANY, NULL, CONF_PER_BROKER, 0,
        "Certificates as PEM text, instead of a file." },
    [CFG_SSL_TRUSTSTORE_TYPE] = { "ssl.truststore.type", CONF_STRING,
        "JKS", ANY, NULL, CONF_PER_BROKER, 0,
        "Format of the trust store: PEM, PKCS12 or JKS." },
    [CFG_SSL_TRUSTSTORE_LOCATION] = { "ssl.truststore.location", CONF_STRING,
        NULL, ANY, NULL, CONF_PER_BROKER, 0,
        "File with the certificates that are trusted." },
    [CFG_SSL_TRUSTSTORE_PASSWORD] = { "ssl.truststore.password", CONF_PASSWORD,
        NULL, ANY, NULL, CONF_PER_BROKER, 0,
        "Password of that file." },
    [CFG_SSL_TRUSTSTORE_CERTIFICATES] = {
        "ssl.truststore.certificates", CONF_PASSWORD,
        NULL, ANY, NULL, CONF_PER_BROKER, 0,
        "Trusted certificates as PEM text, instead of a file." },
    [CFG_SSL_KEYMANAGER_ALGORITHM] = { "ssl.keymanager.algorithm", CONF_STRING,
        "SunX509", ANY, NULL, CONF_PER_BROKER, 0,
        "Java setting; without effect here." },
    [CFG_SSL_TRUSTMANAGER_ALGORITHM] = {
        "ssl.trustmanager.algorithm", CONF_STRING,
        "PKIX", ANY, NULL, CONF_PER_BROKER, 0,
        "Java setting; without effect here." },
    [CFG_SSL_ENDPOINT_IDENTIFICATION_ALGORITHM] = {
        "ssl.endpoint.identification.algorithm", CONF_STRING,
        "https", ANY, NULL, CONF_PER_BROKER, 0,
        "How the host name in another broker's certificate is checked; "
        "empty does not check it." },
    [CFG_SSL_SECURE_RANDOM_IMPLEMENTATION] = {
        "ssl.secure.random.implementation", CONF_STRING,
        NULL, ANY, NULL, CONF_PER_BROKER, 0,
        "Java setting; without effect here." },
    [CFG_SSL_CLIENT_AUTH] = { "ssl.client.auth", CONF_STRING,
        "none", ANY, "required,requested,none", CONF_PER_BROKER, 0,
        "Whether clients must show a certificate: required, requested or "
        "none." },
    [CFG_SSL_CIPHER_SUITES] = { "ssl.cipher.suites", CONF_LIST,
        "", ANY, NULL, CONF_PER_BROKER, 0,
        "Cipher suites allowed; empty allows the library's defaults." },
    [CFG_SSL_PRINCIPAL_MAPPING_RULES] = {
        "ssl.principal.mapping.rules", CONF_STRING,
        "DEFAULT", ANY, NULL, CONF_STATIC, 0,
        "Rules that make short names of certificates' distinguished names." },
    [CFG_SSL_ENGINE_FACTORY_CLASS] = { "ssl.engine.factory.class", CONF_CLASS,
        NULL, ANY, NULL, CONF_PER_BROKER, 0,
        "Java class that makes TLS engines; no such class can be loaded "
        "here." },
    [CFG_SSL_ALLOW_DN_CHANGES] = { "ssl.allow.dn.changes", CONF_BOOL,
        "false", ANY, NULL, CONF_STATIC, 0,
        "Allow a reloaded certificate to have another distinguished name." },
    [CFG_SSL_ALLOW_SAN_CHANGES] = { "ssl.allow.san.changes", CONF_BOOL,
        "false", ANY, NULL, CONF_STATIC, 0,
        "Allow a reloaded certificate to have other alternative names." },
    [CFG_SASL_MECHANISM_INTER_BROKER_PROTOCOL] = {
        "sasl.mechanism.inter.broker.protocol", CONF_STRING,
        "GSSAPI", ANY, NULL, CONF_PER_BROKER, 0,
        "SASL mechanism between brokers." },
    [CFG_SASL_JAAS_CONFIG] = { "sasl.jaas.config", CONF_PASSWORD,
        NULL, ANY, NULL, CONF_PER_BROKER, 0,
        "Login module and its options in JAAS syntax." },
    [CFG_SASL_ENABLED_MECHANISMS] = { "sasl.enabled.mechanisms", CONF_LIST,
        "GSSAPI", ANY, NULL, CONF_PER_BROKER, 0,
        "SASL mechanisms offered to clients." },
    [CFG_SASL_SERVER_CALLBACK_HANDLER_CLASS] = {
        "sasl.server.callback.handler.class", CONF_CLASS,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Java class for SASL on the server's side; no such class can be "
        "loaded here." },
    [CFG_SASL_CLIENT_CALLBACK_HANDLER_CLASS] = {
        "sasl.client.callback.handler.class", CONF_CLASS,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Java class for SASL on the client's side; no such class can be "
        "loaded here." },
    [CFG_SASL_LOGIN_CLASS] = { "sasl.login.class", CONF_CLASS,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Java class that logs in; no such class can be loaded here." },
    [CFG_SASL_LOGIN_CALLBACK_HANDLER_CLASS] = {
        "sasl.login.callback.handler.class", CONF_CLASS,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Java class for logging in; no such class can be loaded here." },
    [CFG_SASL_KERBEROS_SERVICE_NAME] = {
        "sasl.kerberos.service.name", CONF_STRING,
        NULL, ANY, NULL, CONF_PER_BROKER, 0,
        "Kerberos principal name of the brokers." },
    [CFG_SASL_KERBEROS_KINIT_CMD] = { "sasl.kerberos.kinit.cmd", CONF_STRING,
        "/usr/bin/kinit", ANY, NULL, CONF_PER_BROKER, 0,
        "Path of kinit." },
    [CFG_SASL_KERBEROS_TICKET_RENEW_WINDOW_FACTOR] = {
        "sasl.kerberos.ticket.renew.window.factor", CONF_DOUBLE,
        "0.8", ANY, NULL, CONF_PER_BROKER, 0,
        "Share of a ticket's life after which it is renewed." },
    [CFG_SASL_KERBEROS_TICKET_RENEW_JITTER] = {
        "sasl.kerberos.ticket.renew.jitter", CONF_DOUBLE,
        "0.05", ANY, NULL, CONF_PER_BROKER, 0,
        "Random part added to that." },
    [CFG_SASL_KERBEROS_MIN_TIME_BEFORE_RELOGIN] = {
        "sasl.kerberos.min.time.before.relogin", CONF_LONG,
        "60000", ANY, NULL, CONF_PER_BROKER, 0,
        "Least time between two Kerberos logins." },
    [CFG_SASL_KERBEROS_PRINCIPAL_TO_LOCAL_RULES] = {
        "sasl.kerberos.principal.to.local.rules", CONF_LIST,
        "DEFAULT", ANY, NULL, CONF_PER_BROKER, 0,
        "Rules that make short names of Kerberos principals." },
    [CFG_SASL_LOGIN_REFRESH_WINDOW_FACTOR] = {
        "sasl.login.refresh.window.factor", CONF_DOUBLE,
        "0.8", ANY, NULL, CONF_PER_BROKER, 0,
        "Share of a token's life after which it is renewed." },
    [CFG_SASL_LOGIN_REFRESH_WINDOW_JITTER] = {
        "sasl.login.refresh.window.jitter", CONF_DOUBLE,
        "0.05", ANY, NULL, CONF_PER_BROKER, 0,
        "Random part added to that." },
    [CFG_SASL_LOGIN_REFRESH_MIN_PERIOD_SECONDS] = {
        "sasl.login.refresh.min.period.seconds", CONF_SHORT,
        "60", ANY, NULL, CONF_PER_BROKER, 0,
        "Least time between two renewals of a token." },
    [CFG_SASL_LOGIN_REFRESH_BUFFER_SECONDS] = {
        "sasl.login.refresh.buffer.seconds", CONF_SHORT,
        "300", ANY, NULL, CONF_PER_BROKER, 0,
        "Time before a token's end that renewals keep free." },
    [CFG_SASL_LOGIN_CONNECT_TIMEOUT_MS] = {
        "sasl.login.connect.timeout.ms", CONF_INT,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "How long connecting to the token service may take." },
    [CFG_SASL_LOGIN_READ_TIMEOUT_MS] = { "sasl.login.read.timeout.ms", CONF_INT,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "How long reading from the token service may take." },
    [CFG_SASL_LOGIN_RETRY_BACKOFF_MAX_MS] = {
        "sasl.login.retry.backoff.max.ms", CONF_LONG,
        "10000", ANY, NULL, CONF_STATIC, 0,
        "Longest pause between tries to reach the token service." },
    [CFG_SASL_LOGIN_RETRY_BACKOFF_MS] = {
        "sasl.login.retry.backoff.ms", CONF_LONG,
        "100", ANY, NULL, CONF_STATIC, 0,
        "First pause between tries to reach the token service." },
    [CFG_SASL_OAUTHBEARER_SCOPE_CLAIM_NAME] = {
        "sasl.oauthbearer.scope.claim.name", CONF_STRING,
        "scope", ANY, NULL, CONF_STATIC, 0,
        "Claim of a token that holds its scope." },
    [CFG_SASL_OAUTHBEARER_SUB_CLAIM_NAME] = {
        "sasl.oauthbearer.sub.claim.name", CONF_STRING,
        "sub", ANY, NULL, CONF_STATIC, 0,
        "Claim of a token that holds its subject." },
    [CFG_SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL] = {
        "sasl.oauthbearer.token.endpoint.url", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Address of the token service." },
    [CFG_SASL_OAUTHBEARER_JWKS_ENDPOINT_URL] = {
        "sasl.oauthbearer.jwks.endpoint.url", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Address of the keys that tokens are checked with." },
    [CFG_SASL_OAUTHBEARER_JWKS_ENDPOINT_REFRESH_MS] = {
        "sasl.oauthbearer.jwks.endpoint.refresh.ms", CONF_LONG,
        "3600000", ANY, NULL, CONF_STATIC, 0,
        "How often these keys are fetched again." },
    [CFG_SASL_OAUTHBEARER_JWKS_ENDPOINT_RETRY_BACKOFF_MS] = {
        "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", CONF_LONG,
        "100", ANY, NULL, CONF_STATIC, 0,
        "First pause between tries to fetch them." },
    [CFG_SASL_OAUTHBEARER_JWKS_ENDPOINT_RETRY_BACKOFF_MAX_MS] = {
        "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", CONF_LONG,
        "10000", ANY, NULL, CONF_STATIC, 0,
        "Longest pause between tries to fetch them." },
    [CFG_SASL_OAUTHBEARER_CLOCK_SKEW_SECONDS] = {
        "sasl.oauthbearer.clock.skew.seconds", CONF_INT,
        "30", ANY, NULL, CONF_STATIC, 0,
        "How far the token service's clock may differ." },
    [CFG_SASL_OAUTHBEARER_EXPECTED_AUDIENCE] = {
        "sasl.oauthbearer.expected.audience", CONF_LIST,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Audiences a token may be made for." },
    [CFG_SASL_OAUTHBEARER_EXPECTED_ISSUER] = {
        "sasl.oauthbearer.expected.issuer", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Issuer a token must come from." },
    [CFG_DELEGATION_TOKEN_MASTER_KEY] = {
        "delegation.token.master.key", CONF_PASSWORD,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Old name of delegation.token.secret.key." },
    [CFG_DELEGATION_TOKEN_SECRET_KEY] = {
        "delegation.token.secret.key", CONF_PASSWORD,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Secret from which delegation tokens are made, the same on all "
        "brokers; unset turns them off." },
    [CFG_DELEGATION_TOKEN_MAX_LIFETIME_MS] = {
        "delegation.token.max.lifetime.ms", CONF_LONG,
        "604800000", LEAST(1), NULL, CONF_STATIC, 0,
        "Longest life of a delegation token." },
    [CFG_DELEGATION_TOKEN_EXPIRY_TIME_MS] = {
        "delegation.token.expiry.time.ms", CONF_LONG,
        "86400000", LEAST(1), NULL, CONF_STATIC, 0,
        "Life of a delegation token until it is renewed." },
    [CFG_DELEGATION_TOKEN_EXPIRY_CHECK_INTERVAL_MS] = {
        "delegation.token.expiry.check.interval.ms", CONF_LONG,
        "3600000", LEAST(1), NULL, CONF_STATIC, 0,
        "How often expired delegation tokens are looked for." },
    [CFG_PASSWORD_ENCODER_SECRET] = { "password.encoder.secret", CONF_PASSWORD,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Secret that protects passwords in dynamic configuration." },
    [CFG_PASSWORD_ENCODER_OLD_SECRET] = {
        "password.encoder.old.secret", CONF_PASSWORD,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "The secret before the last change, to decode what is stored." },
    [CFG_PASSWORD_ENCODER_KEYFACTORY_ALGORITHM] = {
        "password.encoder.keyfactory.algorithm", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, 0,
        "Key derivation for that protection; PBKDF2WithHmacSHA512 when not "
        "set." },
    [CFG_PASSWORD_ENCODER_CIPHER_ALGORITHM] = {
        "password.encoder.cipher.algorithm", CONF_STRING,
        "AES/CBC/PKCS5Padding", ANY, NULL, CONF_STATIC, 0,
        "Cipher for that protection." },
    [CFG_PASSWORD_ENCODER_KEY_LENGTH] = {
        "password.encoder.key.length", CONF_INT,
        "128", LEAST(8), NULL, CONF_STATIC, 0,
        "Key length for that protection, in bits." },
    [CFG_PASSWORD_ENCODER_ITERATIONS] = {
        "password.encoder.iterations", CONF_INT,
        "4096", LEAST(1024), NULL, CONF_STATIC, 0,
        "Iterations of the key derivation." },
    [CFG_CONTROLLER_QUORUM_VOTERS] = { "controller.quorum.voters", CONF_LIST,
        "", ANY, NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: the controllers' ids and addresses." },
    [CFG_CONTROLLER_QUORUM_ELECTION_TIMEOUT_MS] = {
        "controller.quorum.election.timeout.ms", CONF_INT,
        "1000", ANY, NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: how long a voter waits for a leader." },
    [CFG_CONTROLLER_QUORUM_FETCH_TIMEOUT_MS] = {
        "controller.quorum.fetch.timeout.ms", CONF_INT,
        "2000", ANY, NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: how long a voter waits for the leader's data." },
    [CFG_CONTROLLER_QUORUM_ELECTION_BACKOFF_MAX_MS] = {
        "controller.quorum.election.backoff.max.ms", CONF_INT,
        "1000", ANY, NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: longest pause before another election." },
    [CFG_CONTROLLER_QUORUM_APPEND_LINGER_MS] = {
        "controller.quorum.append.linger.ms", CONF_INT,
        "25", ANY, NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: how long the leader gathers records." },
    [CFG_CONTROLLER_QUORUM_REQUEST_TIMEOUT_MS] = {
        "controller.quorum.request.timeout.ms", CONF_INT,
        "2000", ANY, NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: how long a request between controllers may take." },
    [CFG_CONTROLLER_QUORUM_RETRY_BACKOFF_MS] = {
        "controller.quorum.retry.backoff.ms", CONF_INT,
        "20", ANY, NULL, CONF_STATIC, CONF_KRAFT,
        "KRaft only: pause before a request is repeated." },
    [CFG_UNSTABLE_API_VERSIONS_ENABLE] = {
        "unstable.api.versions.enable", CONF_BOOL,
        "false", ANY, NULL, CONF_STATIC, CONF_INTERNAL,
        "Offer API versions that are still in development." },
    [CFG_UNSTABLE_METADATA_VERSIONS_ENABLE] = {
        "unstable.metadata.versions.enable", CONF_BOOL,
        "false", ANY, NULL, CONF_STATIC, CONF_INTERNAL,
        "Allow metadata versions that are still in development." },
    [CFG_REMOTE_LOG_STORAGE_SYSTEM_ENABLE] = {
        "remote.log.storage.system.enable", CONF_BOOL,
        "false", ANY, NULL, CONF_STATIC, CONF_REMOTE,
        "Tiered storage; not available here." },
    [CFG_REMOTE_LOG_STORAGE_MANAGER_IMPL_PREFIX] = {
        "remote.log.storage.manager.impl.prefix", CONF_STRING,
        "rsm.config.", ANY, NULL, CONF_STATIC, CONF_REMOTE |
        CONF_NOT_EMPTY,
        "Tiered storage: prefix of settings for the storage plugin." },
    [CFG_REMOTE_LOG_METADATA_MANAGER_IMPL_PREFIX] = {
        "remote.log.metadata.manager.impl.prefix", CONF_STRING,
        "rlmm.config.", ANY, NULL, CONF_STATIC, CONF_REMOTE |
        CONF_NOT_EMPTY,
        "Tiered storage: prefix of settings for the metadata plugin." },
    [CFG_REMOTE_LOG_STORAGE_MANAGER_CLASS_NAME] = {
        "remote.log.storage.manager.class.name", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, CONF_REMOTE | CONF_NOT_EMPTY,
        "Tiered storage: Java class of the storage plugin." },
    [CFG_REMOTE_LOG_STORAGE_MANAGER_CLASS_PATH] = {
        "remote.log.storage.manager.class.path", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, CONF_REMOTE,
        "Tiered storage: class path of the storage plugin." },
    [CFG_REMOTE_LOG_METADATA_MANAGER_CLASS_NAME] = {
        "remote.log.metadata.manager.class.name", CONF_STRING,
        "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager",
        ANY, NULL, CONF_STATIC, CONF_REMOTE | CONF_NOT_EMPTY,
        "Tiered storage: Java class of the metadata plugin." },
    [CFG_REMOTE_LOG_METADATA_MANAGER_CLASS_PATH] = {
        "remote.log.metadata.manager.class.path", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, CONF_REMOTE,
        "Tiered storage: class path of the metadata plugin." },
    [CFG_REMOTE_LOG_METADATA_MANAGER_LISTENER_NAME] = {
        "remote.log.metadata.manager.listener.name", CONF_STRING,
        NULL, ANY, NULL, CONF_STATIC, CONF_REMOTE | CONF_NOT_EMPTY,
        "Tiered storage: listener the metadata plugin uses." },
    [CFG_REMOTE_LOG_METADATA_CUSTOM_METADATA_MAX_BYTES] = {
        "remote.log.metadata.custom.metadata.max.bytes", CONF_INT,
        "128", LEAST(0), NULL, CONF_STATIC, CONF_REMOTE,
        "Tiered storage: bytes of a plugin's own metadata." },
    [CFG_REMOTE_LOG_INDEX_FILE_CACHE_TOTAL_SIZE_BYTES] = {
        "remote.log.index.file.cache.total.size.bytes", CONF_LONG,
        "1073741824", LEAST(1), NULL, CONF_CLUSTER, CONF_REMOTE,
        "Tiered storage: size of the cache of remote indexes." },
    [CFG_REMOTE_LOG_MANAGER_THREAD_POOL_SIZE] = {
        "remote.log.manager.thread.pool.size", CONF_INT,
        "10", LEAST(1), NULL, CONF_STATIC, CONF_REMOTE,
        "Tiered storage: threads that copy and remove segments." },
    [CFG_REMOTE_LOG_MANAGER_TASK_INTERVAL_MS] = {
        "remote.log.manager.task.interval.ms", CONF_LONG,
        "30000", LEAST(1), NULL, CONF_STATIC, CONF_REMOTE,
        "Tiered storage: how often segments are looked at." },
    [CFG_REMOTE_LOG_MANAGER_TASK_RETRY_BACKOFF_MS] = {
        "remote.log.manager.task.retry.backoff.ms", CONF_LONG,
        "500", LEAST(1), NULL, CONF_STATIC, CONF_INTERNAL | CONF_REMOTE,
        "Tiered storage: first pause after an error." },
    [CFG_REMOTE_LOG_MANAGER_TASK_RETRY_BACKOFF_MAX_MS] = {
        "remote.log.manager.task.retry.backoff.max.ms", CONF_LONG,
        "30000", LEAST(1), NULL, CONF_STATIC, CONF_INTERNAL |
        CONF_REMOTE,
        "Tiered storage: longest pause after an error." },
    [CFG_REMOTE_LOG_MANAGER_TASK_RETRY_JITTER] = {
        "remote.log.manager.task.retry.jitter", CONF_DOUBLE,
        "0.2", WITHIN(0, 0.5), NULL, CONF_STATIC, CONF_INTERNAL |
        CONF_REMOTE,
        "Tiered storage: random part of the pause." },
    [CFG_REMOTE_LOG_READER_THREADS] = { "remote.log.reader.threads", CONF_INT,
        "10", LEAST(1), NULL, CONF_STATIC, CONF_REMOTE,
        "Tiered storage: threads that read remote segments." },
    [CFG_REMOTE_LOG_READER_MAX_PENDING_TASKS] = {
        "remote.log.reader.max.pending.tasks", CONF_INT,
        "100", LEAST(1), NULL, CONF_STATIC, CONF_REMOTE,
        "Tiered storage: reads that may wait." },
    [CFG_LOG_LOCAL_RETENTION_MS] = { "log.local.retention.ms", CONF_LONG,
        "-2", LEAST(-2), NULL, CONF_CLUSTER, CONF_REMOTE,
        "Tiered storage: how long local segments are kept; -2 as "
        "log.retention.ms." },
    [CFG_LOG_LOCAL_RETENTION_BYTES] = { "log.local.retention.bytes", CONF_LONG,
        "-2", LEAST(-2), NULL, CONF_CLUSTER, CONF_REMOTE,
        "Tiered storage: size of local segments that is kept; -2 as "
        "log.retention.bytes." },
};
/* clang-format on */
