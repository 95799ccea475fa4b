/* group.h - the group coordinator: consumer groups and their offsets.
 *
 *     __consumer_offsets-7 leads here ──▶ shard 7 ── groups, by id ──▶ members,
 *                                            │                         offsets
 *       reactors: lock, decide, answer, unlock; what has to be written waits
 *       in the shard's queue ──▶ append lane ──▶ (ISR) ──▶ answer
 *
 * A group belongs to one partition of the offsets topic, by a hash of its id,
 * and to the broker that leads it. When this broker becomes leader the
 * partition is read from its start (in the pool, two at a time); requests hear
 * COORDINATOR_LOAD_IN_PROGRESS meanwhile. When it stops leading, all who wait
 * hear NOT_COORDINATOR.
 *
 * What decides about a group is group_state.h; here it is put between requests
 * and the log. Each shard has a lock, held for microseconds and never across a
 * write; a heartbeat takes it once, finds its member, moves a deadline, and
 * takes no memory. Deadlines lie in a timing wheel a shard; one loop ("groups")
 * turns them all, and sleeps while nothing is due.
 *
 * Threads: requests on their reactor; a request that was handed in is not
 * touched any more by who did. Lock order: shard, partition, log.
 */
#ifndef GREGOR_GROUP_H
#define GREGOR_GROUP_H

#include <stdatomic.h>

#include "base/bytes.h"
#include "base/err.h"
#include "group/group_offsets.h"
#include "net/net.h"

struct broker;
struct groups;
struct wire_join_group_request;
struct wire_sync_group_request;
struct wire_leave_group_request;
struct wire_leave_group_response;
struct wire_list_groups_request;
struct wire_list_groups_response;
struct wire_offset_fetch_request_groups;
struct wire_offset_fetch_response_groups;
struct wire_describe_groups_response_groups;

#define GROUP_TOPIC "__consumer_offsets"

/* -- life ----------------------------------------------------------------- */

/* Needs config, pool, metadata and replicas of the broker; begins to observe
 * the latter two. */
MUST_USE enum err groups_new(struct groups **out, struct broker *broker,
                             struct errmsg *why);

/* Answer all who wait, and stop; before net_stop(). Requests hear
 * COORDINATOR_NOT_AVAILABLE from then on. Blocks for a moment. */
void groups_stop(struct groups *groups);

/* After the pool has ended. */
void groups_free(struct groups **out);

/* -- where groups are ----------------------------------------------------- */

/* Java's hash of the id's UTF-16 text, as Kafka uses it. */
int32_t group_hash(struct bytes group_id);

/* The partition of the offsets topic, when that has `n` of them. */
int32_t group_partition(struct bytes group_id, int32_t n);

/* The offsets topic is to be made on first use, by one request at a time: true
 * for who is to do it, followed by groups_create_end(). */
bool groups_create_begin(struct groups *groups);
/* Made or not: the next one may try. */
void groups_create_end(struct groups *groups);

/* Too few brokers live to make it: say so, once until there are enough. */
void groups_create_wait(struct groups *groups, size_t live, int64_t wanted);

/* -- members -------------------------------------------------------------- */

/* These answer the request themselves, now or later; `in` was read from it. */
void groups_join(struct groups *groups, struct request *request,
                 const struct wire_join_group_request *in);
/* Now, or when the leader's assignment is in the log. `in` is copied. */
void groups_sync(struct groups *groups, struct request *request,
                 const struct wire_sync_group_request *in);

/* enum kafka_error. `now_us`: when it was said, monotonic. */
int16_t groups_heartbeat(struct groups *groups, struct bytes group_id,
                         struct bytes member_id, struct bytes instance_id,
                         int32_t generation, int64_t now_us);

/* Fills the answer but for versions; members' order is the request's. */
void groups_leave(struct groups *groups, struct request *request,
                  const struct wire_leave_group_request *in,
                  struct wire_leave_group_response *out);

/* -- offsets -------------------------------------------------------------- */

struct groups_commit_item {
    struct bytes topic;
    int32_t partition;
    struct group_commit commit;
    int16_t error;  /* in: NONE, or why it is left out; out: result */
    bool too_large; /* its metadata is; told when the group has agreed */
};

/* A commit; it and all it points to live until on_done. */
struct groups_commit {
    struct request *request;
    struct bytes group_id, member_id, instance_id; /* instance: null for none */
    int32_t generation;                            /* -1: not a member's */
    int64_t now_ms;                                /* wall clock */
    struct groups_commit_item *items;
    size_t n;
    void (*on_done)(struct request *request); /* on the reactor; may come before
                                groups_commit() has returned */
    _Atomic int turn; /* the coordinator's: who is to call it */
};

/* `commit` lies in the request's arena, where more is taken for it. */
void groups_commit(struct groups *groups, struct groups_commit *commit);

/* One group of an OffsetFetch; what the answer needs is copied to the arena. */
void groups_fetch(struct groups *groups, struct arena *arena,
                  const struct wire_offset_fetch_request_groups *in,
                  bool require_stable,
                  struct wire_offset_fetch_response_groups *out);

/* -- administration ------------------------------------------------------- */

/* Fills `out` from copies in the arena. A group nobody knows is "Dead", without
 * an error; members' metadata and parts are told of a stable one only. */
void groups_describe(struct groups *groups, struct arena *arena,
                     struct bytes group_id,
                     struct wire_describe_groups_response_groups *out);

/* The groups of all partitions led here, in no order, by the states asked for;
 * COORDINATOR_LOAD_IN_PROGRESS beside them while one is being read. */
void groups_list(struct groups *groups, struct arena *arena,
                 const struct wire_list_groups_request *in,
                 struct wire_list_groups_response *out);

/* Forget an empty group with its offsets; tombstones are written, not waited
 * for. GROUP_ID_NOT_FOUND, NON_EMPTY_GROUP, or why it is not here. */
int16_t groups_delete(struct groups *groups, struct bytes group_id);

/* Forget single offsets; returns the group's error, and each partition's in
 * errors[i]. */
int16_t groups_delete_offsets(struct groups *groups, struct bytes group_id,
                              const struct bytes *topics,
                              const int32_t *partitions, int16_t *errors,
                              size_t n);

/* -- figures -------------------------------------------------------------- */

struct groups_figures {
    size_t groups, members, offsets;
    size_t phases[5]; /* enum group_phase */
    size_t loading;   /* partitions */
};
/* A moment's sums; takes each shard's lock in turn. Any thread. */
void groups_figures(struct groups *groups, struct groups_figures *out);

#endif
