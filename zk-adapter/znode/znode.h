/* znode.h - every znode of Kafka: where it is, what it holds.
 *
 * Three kinds of functions, none of which talks to ZooKeeper:
 *
 *   znode_path_X()   builds a path into a `struct znode_path`
 *   znode_X_write()  appends a payload to a buffer, byte for byte as Apache
 *                    Kafka 3.7 writes it (order of keys included)
 *   znode_X_read()   reads what any Kafka release may have written there, as
 *                    tolerantly as Kafka 3.7 does: unknown keys are ignored,
 *                    missing optional ones have their default
 *
 * Readers take the bytes of the znode (null allowed), put strings and arrays
 * into the arena, and never keep the input. They answer ERR_FORMAT with a
 * sentence when Kafka would fail too, ERR_LIMIT above ZNODE_DATA_MAX bytes,
 * ERR_NOMEM. Where Kafka takes bytes that are no JSON for an empty value, so do
 * they; it is said at the function.
 *
 * Nothing else in the project knows the JSON of znodes.
 *
 * Threads: any; all state is the caller's.
 */
#ifndef GREGOR_ZNODE_H
#define GREGOR_ZNODE_H

#include "base/bytes.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/mem.h"
#include "wire/wr.h"

enum {
    ZNODE_PATH_MAX = 4096,           /* longest path built here, with NUL */
    ZNODE_DATA_MAX = 4 * 1024 * 1024 /* largest payload looked at */
};

/* -- fixed paths ---------------------------------------------------------- */

#define ZNODE_BROKER_IDS "/brokers/ids"
#define ZNODE_BROKER_SEQID "/brokers/seqid"
#define ZNODE_TOPICS "/brokers/topics"
#define ZNODE_CLUSTER_ID "/cluster/id"
#define ZNODE_CONTROLLER "/controller"
#define ZNODE_CONTROLLER_EPOCH "/controller_epoch"
#define ZNODE_FEATURE "/feature"
#define ZNODE_CONFIG_TOPICS "/config/topics"
#define ZNODE_CONFIG_BROKERS "/config/brokers"
#define ZNODE_CONFIG_CLIENTS "/config/clients"
#define ZNODE_CONFIG_USERS "/config/users"
#define ZNODE_CONFIG_IPS "/config/ips"
#define ZNODE_CONFIG_CHANGES "/config/changes"
#define ZNODE_DELETE_TOPICS "/admin/delete_topics"
#define ZNODE_REASSIGN "/admin/reassign_partitions"
#define ZNODE_PREFERRED_ELECTION "/admin/preferred_replica_election"
#define ZNODE_ISR_CHANGES "/isr_change_notification"
#define ZNODE_LOG_DIR_EVENTS "/log_dir_event_notification"
#define ZNODE_PRODUCER_IDS "/latest_producer_id_block"
#define ZNODE_ACLS "/kafka-acl"
#define ZNODE_ACL_CHANGES "/kafka-acl-changes"
#define ZNODE_ACLS_PREFIXED "/kafka-acl-extended/prefixed"
#define ZNODE_ACL_EXTENDED_CHANGES "/kafka-acl-extended-changes"
#define ZNODE_TOKENS "/delegation_token/tokens"
#define ZNODE_TOKEN_CHANGES "/delegation_token/token_changes"
#define ZNODE_MIGRATION "/migration"
#define ZNODE_CONSUMERS "/consumers"

/* What a broker creates at start when missing: persistent, null data, parents
 * as needed, in this order. NULL ends the list. */
extern const char *const znode_startup_paths[];

/* -- built paths ---------------------------------------------------------- */

struct znode_path {
    char text[ZNODE_PATH_MAX]; /* NUL-terminated */
};

/* Each returns path->text, or NULL when it would not fit or a name is empty or
 * contains '/' or NUL. Topic and entity names are borrowed for the call. */
const char *znode_path_broker(struct znode_path *path, int32_t broker);
/* /brokers/topics/T, and what lies below it: .../partitions, .../partitions/P,
 * .../partitions/P/state. */
const char *znode_path_topic(struct znode_path *path, struct bytes topic);
const char *znode_path_partitions(struct znode_path *path, struct bytes topic);
const char *znode_path_partition(struct znode_path *path, struct bytes topic,
                                 int32_t partition);
const char *znode_path_state(struct znode_path *path, struct bytes topic,
                             int32_t partition);
/* /admin/delete_topics/T: there while the topic is to be deleted. */
const char *znode_path_delete_topic(struct znode_path *path,
                                    struct bytes topic);
/* "/config/<entity_path>": entity_path as in change notifications
 * ("topics/t", "users/u/clients/c", "brokers/<default>"), sanitized parts. */
const char *znode_path_config(struct znode_path *path,
                              struct bytes entity_path);
/* /config/topics/T. No topic name needs sanitizing. */
const char *znode_path_config_topic(struct znode_path *path,
                                    struct bytes topic);
/* broker -1: the cluster-wide default entity. */
const char *znode_path_config_broker(struct znode_path *path, int32_t broker);
/* Type "Topic", "Group", ...; prefixed chooses the extended store. */
const char *znode_path_acl(struct znode_path *path, bool prefixed,
                           const char *type, struct bytes name);
/* /delegation_token/tokens/ID. */
const char *znode_path_token(struct znode_path *path, struct bytes token_id);
/* /consumers/G/offsets/T/P: what consumers older than 0.9 commit to, and
 * OffsetCommit and OffsetFetch of version 0. */
const char *znode_path_consumer_offset(struct znode_path *path,
                                       struct bytes group, struct bytes topic,
                                       int32_t partition);
/* "<parent>/<child>", for children as ZooKeeper lists them. */
const char *znode_path_child(struct znode_path *path, const char *parent,
                             struct bytes child);

/* -- sequential children (notifications) ---------------------------------- */

/* Where to create them: give this path to a create of mode ZK_SEQUENTIAL. */
#define ZNODE_CONFIG_CHANGE_NEW "/config/changes/config_change_"
#define ZNODE_ISR_CHANGE_NEW "/isr_change_notification/isr_change_"
#define ZNODE_LOG_DIR_EVENT_NEW "/log_dir_event_notification/log_dir_event_"
#define ZNODE_ACL_CHANGE_NEW "/kafka-acl-changes/acl_changes_"
#define ZNODE_ACL_EXTENDED_CHANGE_NEW "/kafka-acl-extended-changes/acl_changes_"
#define ZNODE_TOKEN_CHANGE_NEW "/delegation_token/token_changes/token_change_"

/* The names' fixed parts, for znode_sequence(). */
#define ZNODE_CONFIG_CHANGE_PREFIX "config_change_"
#define ZNODE_ISR_CHANGE_PREFIX "isr_change_"
#define ZNODE_LOG_DIR_EVENT_PREFIX "log_dir_event_"
#define ZNODE_ACL_CHANGE_PREFIX "acl_changes_"
#define ZNODE_TOKEN_CHANGE_PREFIX "token_change_"

/* The number at the end of a sequential child's name (or of its path); false
 * when `name` is not `prefix` and digits. */
bool znode_sequence(struct bytes name, const char *prefix, int64_t *number);

/* -- entity names --------------------------------------------------------- */

/* Kafka's sanitizing of user and client names for paths: URL encoding of the
 * UTF-8 bytes, with %2A for '*' and %20 for ' '. Appends to `w`. "<default>"
 * is the caller's matter and never goes through here. */
void znode_sanitize(struct wr *w, struct bytes name);

/* The reverse. ERR_FORMAT for a broken escape. */
MUST_USE enum err znode_desanitize(struct bytes text, struct arena *arena,
                                   struct bytes *name);

/* -- /cluster/id ---------------------------------------------------------- */

/* `id` is 22 characters of base64; that is not checked here. */
void znode_cluster_id_write(struct wr *w, struct bytes id);
/* Any string under "id" will do; the version is not looked at. */
MUST_USE enum err znode_cluster_id_read(struct bytes data, struct arena *arena,
                                        struct bytes *id, struct errmsg *why);

/* -- /brokers/ids/N ------------------------------------------------------- */

struct znode_endpoint {
    struct bytes listener; /* name, upper case */
    int16_t protocol;  /* 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL */
    struct bytes host; /* without brackets; may be empty */
    int32_t port;
};

struct znode_feature {
    struct bytes name;
    int16_t min, max;
};

struct znode_broker {
    int32_t version; /* 2, 4 or 5 when written; 1-5 and above when read */
    struct znode_endpoint *endpoints;
    size_t n_endpoints;
    struct bytes rack;    /* null: none */
    int32_t jmx_port;     /* -1: none */
    int64_t timestamp_ms; /* of the registration; 0 when not readable */
    struct znode_feature *features;
    size_t n_features;
};

/* `host` and `port` for old clients are those of the first PLAINTEXT endpoint;
 * null and -1 without one. */
void znode_broker_write(struct wr *w, const struct znode_broker *broker);
/* Listener names come out in upper case. ERR_FORMAT also for an endpoint whose
 * security protocol is unknown; version 1 has one endpoint, PLAINTEXT. */
MUST_USE enum err znode_broker_read(struct bytes data, struct arena *arena,
                                    struct znode_broker *broker,
                                    struct errmsg *why);

/* -- /brokers/topics/T ---------------------------------------------------- */

struct znode_replicas {
    int32_t partition;
    int32_t *replicas; /* first: preferred leader */
    size_t n_replicas;
    int32_t *adding;
    size_t n_adding;
    int32_t *removing;
    size_t n_removing;
};

struct znode_topic {
    struct uuid id;                    /* zero: none (written before 2.8) */
    struct znode_replicas *partitions; /* read: sorted by partition */
    size_t n_partitions;
};

/* Always version 3 (KIP-516, KIP-455); no "topic_id" for a zero id. */
void znode_topic_write(struct wr *w, const struct znode_topic *topic);
/* Bytes that are no JSON: ERR_FORMAT. Apache Kafka takes them for a topic
 * without partitions and writes that back; a damaged znode is kept for mending
 * here. */
MUST_USE enum err znode_topic_read(struct bytes data, struct arena *arena,
                                   struct znode_topic *topic,
                                   struct errmsg *why);

/* -- /brokers/topics/T/partitions/P/state --------------------------------- */

struct znode_state {
    int32_t leader; /* -1: none */
    int32_t leader_epoch;
    int32_t *isr;
    size_t n_isr;
    int32_t controller_epoch;
    int8_t recovery; /* 0 RECOVERED, 1 RECOVERING */
};

/* Version 1; "leader_recovery_state" (KIP-704) unless it is RECOVERED. */
void znode_state_write(struct wr *w, const struct znode_state *state);
/* ERR_ABSENT for bytes that are no JSON (Kafka: as if the znode were not
 * there). */
MUST_USE enum err znode_state_read(struct bytes data, struct arena *arena,
                                   struct znode_state *state,
                                   struct errmsg *why);

/* -- /controller, /controller_epoch --------------------------------------- */

struct znode_controller {
    int32_t broker;
    int64_t timestamp_ms; /* 0 when not readable */
    int32_t kraft_epoch;  /* -1 in ZooKeeper mode and when absent */
};

/* Version 2, with the KRaft epoch (KIP-866) also where it is -1. */
void znode_controller_write(struct wr *w,
                            const struct znode_controller *controller);
/* Every version; only "brokerid" must be there. */
MUST_USE enum err znode_controller_read(struct bytes data,
                                        struct znode_controller *controller,
                                        struct errmsg *why);

/* Plain decimal text: controller epochs, and offsets below /consumers. */
void znode_number_write(struct wr *w, int64_t number);
/* ERR_FORMAT for anything but digits, with or without a sign, in this range. */
MUST_USE enum err znode_number_read(struct bytes data, int64_t min, int64_t max,
                                    int64_t *number, struct errmsg *why);

/* -- /feature ------------------------------------------------------------- */

struct znode_features {
    int32_t version;                /* 1, or 2 from IBP 3.3-IV0 on */
    bool enabled;                   /* status; from IBP 2.7-IV0 on */
    struct znode_feature *features; /* min is written in version 1 only */
    size_t n_features;
};

/* KIP-584's finalized levels, in the order given. */
void znode_features_write(struct wr *w, const struct znode_features *features);
/* ERR_FORMAT for versions other than 1 and 2, and for levels below 1 or a least
 * one above the largest. Version 2 has no least one: it is the largest. */
MUST_USE enum err znode_features_read(struct bytes data, struct arena *arena,
                                      struct znode_features *features,
                                      struct errmsg *why);

/* -- /config/TYPE/NAME, /config/changes ----------------------------------- */

/* Pairs in the order given. */
void znode_config_write(struct wr *w, const struct conf_pair *pairs, size_t n);
/* Null, empty, or JSON without "config": no pairs. No JSON: ERR_FORMAT, as
 * defaults in place of what somebody set could delete records. */
MUST_USE enum err znode_config_read(struct bytes data, struct arena *arena,
                                    struct conf_pair **pairs, size_t *n,
                                    struct errmsg *why);

/* Version 2: `entity_path` as znode_path_config() takes it. */
void znode_config_change_write(struct wr *w, struct bytes entity_path);
/* Version 1 (topics and clients only) is turned into an entity path. ERR_ABSENT
 * for null data and for bytes that are no JSON: to be ignored. */
MUST_USE enum err znode_config_change_read(struct bytes data,
                                           struct arena *arena,
                                           struct bytes *entity_path,
                                           struct errmsg *why);

/* -- lists of partitions --------------------------------------------------- */

struct znode_partition {
    struct bytes topic;
    int32_t partition;
    int32_t *replicas; /* reassignment only */
    size_t n_replicas;
};

/* isr_change_N and /admin/preferred_replica_election (same payload). No JSON:
 * no partitions. */
void znode_partitions_write(struct wr *w, const struct znode_partition *parts,
                            size_t n);
/* `replicas` of what is read stay empty. */
MUST_USE enum err znode_partitions_read(struct bytes data, struct arena *arena,
                                        struct znode_partition **parts,
                                        size_t *n, struct errmsg *why);

/* /admin/reassign_partitions. Strict as Kafka: an unknown key is ERR_FORMAT
 * (the controller then ignores the node). */
void znode_reassign_write(struct wr *w, const struct znode_partition *parts,
                          size_t n);
/* Bytes that are no JSON are ERR_FORMAT, too. */
MUST_USE enum err znode_reassign_read(struct bytes data, struct arena *arena,
                                      struct znode_partition **parts, size_t *n,
                                      struct errmsg *why);

/* -- log_dir_event_N, /latest_producer_id_block --------------------------- */

/* `broker` has lost a log directory (KIP-112): the only event there is. */
void znode_log_dir_event_write(struct wr *w, int32_t broker);
/* The kind is not looked at. */
MUST_USE enum err znode_log_dir_event_read(struct bytes data, int32_t *broker,
                                           struct errmsg *why);

struct znode_producer_ids {
    int32_t broker;      /* that asked for the block */
    int64_t first, last; /* both inside the block */
};

/* Version 1 (KIP-730). */
void znode_producer_ids_write(struct wr *w,
                              const struct znode_producer_ids *ids);
/* ERR_ABSENT for null data: no block was given out yet. */
MUST_USE enum err znode_producer_ids_read(struct bytes data,
                                          struct znode_producer_ids *ids,
                                          struct errmsg *why);

/* -- ACLs ----------------------------------------------------------------- */

struct znode_acl {
    struct bytes principal;  /* "User:alice" */
    struct bytes permission; /* "Allow", "Deny"; read: in any case */
    struct bytes operation;  /* "Read", ...; read: in any case */
    struct bytes host;       /* "*" or an address */
};

/* Version 1, in the order given; the words as they are, unchecked. */
void znode_acls_write(struct wr *w, const struct znode_acl *acls, size_t n);
/* Null or empty data: none. A version other than 1 is ERR_FORMAT. */
MUST_USE enum err znode_acls_read(struct bytes data, struct arena *arena,
                                  struct znode_acl **acls, size_t *n,
                                  struct errmsg *why);

struct znode_acl_change {
    struct bytes type; /* "TOPIC"; read: as found */
    struct bytes name;
    struct bytes pattern; /* "LITERAL", "PREFIXED" */
};

/* LITERAL patterns become "TYPE:name", others the extended store's JSON. */
void znode_acl_change_write(struct wr *w,
                            const struct znode_acl_change *change);
/* `extended` tells the store it comes from. */
MUST_USE enum err znode_acl_change_read(struct bytes data, bool extended,
                                        struct arena *arena,
                                        struct znode_acl_change *change,
                                        struct errmsg *why);

/* -- delegation tokens ---------------------------------------------------- */

struct znode_token {
    struct bytes owner, requester; /* "User:alice", not sanitized */
    struct bytes *renewers;
    size_t n_renewers;
    int64_t issued_ms, max_ms, expiry_ms;
    struct bytes id;
};

/* Version 3, with requester (KIP-373); principals are sanitized here. */
void znode_token_write(struct wr *w, const struct znode_token *token);
/* Before version 3 the owner is the requester as well. ERR_FORMAT also for a
 * principal with a broken escape. */
MUST_USE enum err znode_token_read(struct bytes data, struct arena *arena,
                                   struct znode_token *token,
                                   struct errmsg *why);

/* -- /migration (read only) ----------------------------------------------- */

struct znode_migration {
    int32_t kraft_controller_id; /* -1: none */
    int32_t kraft_controller_epoch;
    int64_t kraft_metadata_offset;
    int32_t kraft_metadata_epoch;
};

/* ERR_FORMAT for a version other than 0 (KIP-866). */
MUST_USE enum err znode_migration_read(struct bytes data,
                                       struct znode_migration *migration,
                                       struct errmsg *why);

#endif
