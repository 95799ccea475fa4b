/* group_record.h - the records of __consumer_offsets, as Kafka 3.7 writes them.
 *
 * Threads: any; a batch belongs to one at a time.
 */
#ifndef GREGOR_GROUP_RECORD_H
#define GREGOR_GROUP_RECORD_H

#include "group/group_state.h"
#include "seg/batch.h"
#include "wire/msg_group_metadata_value.h"

/* -- writing -------------------------------------------------------------- */

/* One record batch being made. */
struct group_batch {
    struct wr bytes;   /* the batch */
    struct wr scratch; /* key and value of the record at hand */
    struct batch_builder builder;
    int64_t now_ms; /* of all records */
    int ibp;        /* config_ibp(): decides the values' versions */
    size_t n;       /* records */
    enum err err;   /* first failure; sticks */
};

/* To be followed by group_batch_fini(), also after errors; they stick until
 * group_batch_finish(). */
void group_batch_start(struct group_batch *batch, enum codec codec, int ibp,
                       int64_t now_ms);
/* A committed offset; NULL: a tombstone. */
void group_batch_offset(struct group_batch *batch, struct bytes group_id,
                        struct bytes topic, int32_t partition,
                        const struct group_commit *commit);
/* The group as it is, with the parts of `store` where it brings any. */
void group_batch_group(struct group_batch *batch, const struct group *group,
                       const struct group_store *store);
/* The group's tombstone; those of its offsets are records of their own. */
void group_batch_group_gone(struct group_batch *batch, struct bytes group_id);
/* ERR_LIMIT, ERR_NOMEM, ERR_CODEC. The bytes are to be taken, or given back
 * with the rest by group_batch_fini(). */
MUST_USE enum err group_batch_finish(struct group_batch *batch);
/* Frees what was not taken. */
void group_batch_fini(struct group_batch *batch);

/* -- reading -------------------------------------------------------------- */

enum group_record_kind {
    GROUP_RECORD_OFFSET,
    GROUP_RECORD_GROUP,
    GROUP_RECORD_OTHER, /* of the newer coordinator, or of a later Kafka */
};

struct group_record_key {
    enum group_record_kind kind;
    struct bytes group;
    struct bytes topic; /* OFFSET */
    int32_t partition;  /* OFFSET */
};

/* Slices of the record. ERR_SHORT, ERR_FORMAT: it cannot be read. */
MUST_USE enum err group_record_key_read(struct bytes key,
                                        struct group_record_key *out);
/* A slice of `value`. ERR_VERSION: written by a later Kafka; ERR_SHORT,
 * ERR_FORMAT: it cannot be read. */
MUST_USE enum err group_record_commit_read(struct bytes value,
                                           struct group_commit *out);
/* A member without a rebalance timeout gets its session timeout. */
MUST_USE enum err
group_record_group_read(struct bytes value, struct arena *arena,
                        struct wire_group_metadata_value *out);

#endif
