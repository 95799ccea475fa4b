/* group_state.h - one consumer group, as a machine that decides and does not
 * do.
 *
 *   EMPTY ──join──▶ PREPARING ──all joined, or time is up──▶ COMPLETING
 *     ▲                 │  ▲                                     │
 *     └── nobody left ──┘  └── join, leave, member lost ── STABLE ◀┘ leader's
 *                                                          assignment stored
 *   DEAD: unloaded or deleted; every request is sent to look for a coordinator.
 *
 * A round ("generation"): members join and wait; when all are there the leader
 * is told who they are; it hands in an assignment; that is stored in the log;
 * then each gets its part. Rules: Kafka 3.7's classic protocol (with KIP-62,
 * KIP-134, KIP-345, KIP-394, KIP-559, KIP-800, KIP-814).
 *
 * Who waits is an opaque pointer (the request). Answers, things to be stored
 * and notes for the operator leave through struct group_env, which is also
 * where the time comes in: nothing here makes a system call.
 *
 * Deadlines are kept lazily: `due_us` is when group_expire() wants to be called
 * next, which looks at all members then. A heartbeat moves its member's
 * deadline and nothing else; so a quiet group costs one timer, however many
 * heartbeats come in.
 *
 * Threads: one at a time (the lock of the group's shard).
 */
#ifndef GREGOR_GROUP_STATE_H
#define GREGOR_GROUP_STATE_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/list.h"
#include "base/map.h"
#include "group/group_offsets.h"
#include "loop/loop.h"

#define GROUP_NEVER INT64_MAX

/* A new member that waits for its first round longer than this is given up. */
#define GROUP_NEW_MEMBER_MS INT64_C(300000)

enum group_phase {
    GROUP_EMPTY,
    GROUP_PREPARING,
    GROUP_COMPLETING,
    GROUP_STABLE,
    GROUP_DEAD,
};

/* Kafka's name: "Empty", "PreparingRebalance", ... */
const char *group_phase_name(enum group_phase phase);

/* -- members -------------------------------------------------------------- */

struct group_protocol {
    struct bytes name;     /* an assignor, for consumers */
    struct bytes metadata; /* opaque, but for a consumer's list of topics */
};

/* The protocols of one member, its favourite first; one piece of memory. */
struct group_protocols {
    size_t n;
    struct group_protocol of[];
};

/* A copy of everything; NULL when memory is out. */
MUST_USE struct group_protocols *
group_protocols_new(const struct group_protocol *of, size_t n);

/* The same names with the same metadata in the same order. */
bool group_protocols_equal(const struct group_protocols *a,
                           const struct group_protocols *b);

struct group_member {
    struct list link; /* in group.members, oldest first */
    struct map_link by_id;
    struct map_link by_instance; /* only with an instance id */
    struct bytes id;             /* owned */
    struct bytes instance_id;    /* null: a dynamic member; lies behind the
                                    struct, as the two below it */
    struct bytes client_id;
    struct bytes client_host;          /* "/1.2.3.4" */
    struct group_protocols *protocols; /* owned */
    struct bytes assignment;           /* owned; empty: none */
    int32_t session_ms;
    int32_t rebalance_ms;
    int64_t deadline_us; /* lost unless it is heard of before; GROUP_NEVER */
    bool is_new;         /* was in no finished round yet */
    bool sync_due;       /* was told the round, has not asked for its part */
    void *join_waiter;   /* NULL: none */
    void *sync_waiter;
};

/* What a member is made of; borrowed for the call. */
struct group_member_spec {
    struct bytes id, instance_id, client_id, client_host;
    const struct group_protocol *protocols;
    size_t n_protocols;
    int32_t session_ms, rebalance_ms;
};

/* A member in no group; NULL when memory is out. */
MUST_USE struct group_member *
group_member_new(const struct group_member_spec *spec);
/* Leaves NULL; NULL is fine. It must be in no group, nobody may wait. */
void group_member_free(struct group_member **out);

static inline bool group_member_is_static(const struct group_member *member)
{
    return !bytes_is_null(member->instance_id);
}

/* Its metadata for a protocol; null when it does not have that. */
struct bytes group_member_metadata(const struct group_member *member,
                                   struct bytes protocol);

/* An id that was given out with MEMBER_ID_REQUIRED and not used yet. */
struct group_pending {
    struct list link;
    struct map_link by_id;
    int64_t deadline_us;
    size_t len;
    uint8_t id[];
};

/* -- the group ------------------------------------------------------------ */

/* How many members have a protocol. */
struct group_tally {
    struct map_link link;
    size_t members;
    size_t votes;     /* while one is chosen */
    const void *seen; /* the member counted last: a name twice is one */
    size_t len;
    uint8_t name[];
};

struct group {
    /* the shard's */
    struct map_link link;
    struct list all;         /* in the shard's list */
    struct loop_timer timer; /* in the shard's wheel */
    uint32_t refs;
    struct group_offsets offsets;
    struct list txns; /* group_txn: committed inside a transaction that
                                has not ended */
    /* the machine's */
    enum group_phase phase;
    int32_t generation;
    int64_t phase_ms;           /* wall clock of entering it; -1 unknown */
    struct bytes protocol_type; /* owned; null: none yet (offsets only) */
    struct bytes protocol;      /* owned; null: none chosen */
    struct group_member *leader;
    struct list members;
    struct map by_id;
    struct map by_instance;
    struct map tallies;  /* group_tally */
    struct list pending; /* group_pending */
    struct map pending_by_id;
    size_t n_awaiting; /* members with a join_waiter */
    size_t n_sync_due;
    bool initial;     /* PREPARING: the first round, which waits for more */
    bool came_more;   /* members joined since the delay began */
    int32_t delay_ms; /* of the initial delay running now */
    int32_t delay_left_ms; /* by how much it may be extended */
    int64_t join_due_us;   /* PREPARING: the round goes on without the rest */
    int64_t sync_due_us;   /* COMPLETING, STABLE: who did not sync is removed */
    int64_t due_us;        /* call group_expire() then; GROUP_NEVER */
    size_t id_len;
    uint8_t id[];
};

static inline struct bytes group_id(const struct group *group)
{
    return bytes_make(group->id, group->id_len);
}

static inline size_t group_size(const struct group *group)
{
    return group->by_id.count;
}

/* An empty group with one reference. */
struct group *group_new(struct bytes id, int64_t wall_ms);
/* One reference more, under the shard's lock. */
struct group *group_ref(struct group *group);
/* Leaves NULL. Nobody may wait when the last one goes. */
void group_unref(struct group **group);

/* NULL when there is none. */
struct group_member *group_member_find(const struct group *group,
                                       struct bytes id);
struct group_member *group_instance_find(const struct group *group,
                                         struct bytes instance_id);
/* Was this id given out, and not used yet? */
bool group_is_pending(const struct group *group, struct bytes id);

/* Mark those of `topics` that a member of a consumer group asks for
 * (group_topic.asked). False: who asks for what is not known, since a list
 * cannot be read, or the group is no consumers'. */
bool group_mark_asked(const struct group *group, struct group_offsets *topics);

/* Whether a committed offset has had its time (KIP-211): counted from
 * when the group became empty; for consumers that are there, from the commit,
 * unless one of them asks for the topic; without a group protocol, from the
 * commit. An expiry that the commit asked for goes before the broker's
 * retention.
 *
 * known   as group_mark_asked() has said of group->offsets; the topic is
 *         marked as it did. Looked at while the group is STABLE. */
bool group_offset_expired(const struct group *group, bool known,
                          const struct group_topic *topic,
                          const struct group_offset *offset, int64_t now_ms,
                          int64_t retention_ms);

/* -- what is stored ------------------------------------------------------- */

enum group_store_why {
    GROUP_STORE_ASSIGNMENT, /* the leader has handed one in */
    GROUP_STORE_EMPTY,      /* the last member has gone */
    GROUP_STORE_STATIC,     /* a static member came back with another id */
};

/* A member id with its part. */
struct group_part {
    struct bytes member_id;
    struct bytes assignment;
};

/* The group's state on its way into the log. */
struct group_store {
    enum group_store_why why;
    int32_t generation;
    struct group_part *parts; /* ASSIGNMENT: owned with all bytes; sorted by
                                    member id */
    size_t n_parts;
    struct bytes old_id, new_id; /* STATIC: owned */
    struct bytes
        told_leader; /* STATIC: owned; the leader before; may be null */
    bool may_skip;   /* STATIC: the client knows SkipAssignment */
};

/* A store of a leader's assignment; copies. NULL when memory is out. */
MUST_USE struct group_store *group_store_new(const struct group_part *parts,
                                             size_t n);
/* Leaves NULL; NULL is fine. */
void group_store_free(struct group_store **store);
/* A member's part; empty when it was given none. */
struct bytes group_store_part(const struct group_store *store,
                              struct bytes member_id);

/* -- the outside ---------------------------------------------------------- */

struct group_join_answer {
    int16_t error;
    int32_t generation;         /* -1 with an error */
    struct bytes protocol_type; /* null: none */
    struct bytes protocol;      /* null: none */
    struct bytes leader;        /* empty: none */
    struct bytes member_id;
    const struct group *members; /* NULL: tell none; else all of them */
    bool skip_assignment;
};

struct group_sync_answer {
    int16_t error;
    struct bytes protocol_type, protocol; /* null with an error */
    struct bytes assignment;
};

struct group_rules {
    int32_t session_min_ms,
        session_max_ms;       /* group.min/max.session.timeout.ms */
    int32_t initial_delay_ms; /* group.initial.rebalance.delay.ms */
    size_t size_max;          /* group.max.size */
};

struct group_env {
    struct group_rules rules;
    int64_t now_us;  /* monotonic */
    int64_t wall_ms; /* since 1970 */
    /* Called once for each waiter that was handed in. What the answer refers to
     * is the group's, for the call. */
    void (*on_join)(struct group_env *env, void *waiter,
                    const struct group_join_answer *answer);
    void (*on_sync)(struct group_env *env, void *waiter,
                    const struct group_sync_answer *answer);
    /* Write the group as it is now, with the parts of `store` where it has any,
     * and call group_stored() with it, later. It is taken over. */
    void (*store)(struct group_env *env, struct group *group,
                  struct group_store *store);
    /* For the operator; `what` is one word, `member` may be null. */
    void (*note)(struct group_env *env, const struct group *group,
                 const char *what, struct bytes member, struct bytes reason);
};

/* -- events --------------------------------------------------------------- */

struct group_join {
    struct bytes member_id;   /* empty: a new member */
    struct bytes instance_id; /* null: a dynamic one */
    struct bytes protocol_type;
    struct bytes reason; /* may be null */
    bool id_required;    /* a new one first gets an id (version 4 on) */
    bool may_skip;       /* the client knows SkipAssignment (9 on) */
    /* Made for this request with a new id; taken over where it is of use (then
     * NULL is left), else the caller's to free. */
    struct group_member *fresh;
    void *waiter;
};

/* The client's session timeout was checked before, and the group exists. */
void group_join(struct group *group, struct group_join *join,
                struct group_env *env);

struct group_sync {
    struct bytes member_id, instance_id; /* instance: null for none */
    int32_t generation;
    struct bytes protocol_type, protocol; /* null: not told */
    struct group_store *store; /* the parts handed in, if any; taken over where
                                    it is of use */
    void *waiter;
};

/* A member asks for its part; the leader's brings all parts along. Answered at
 * once when the group is STABLE or it is refused, else by group_stored(). */
void group_sync(struct group *group, struct group_sync *sync,
                struct group_env *env);

/* A store has ended, well or not; freed. */
void group_stored(struct group *group, struct group_store *store, int16_t error,
                  struct group_env *env);

/* NONE, REBALANCE_IN_PROGRESS, UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION,
 * FENCED_INSTANCE_ID, COORDINATOR_NOT_AVAILABLE. Of `env` it looks at the time
 * alone. */
int16_t group_heartbeat(struct group *group, struct bytes member_id,
                        struct bytes instance_id, int32_t generation,
                        struct group_env *env);

/* One member leaves; an empty id with an instance id is an operator's wish. */
int16_t group_leave(struct group *group, struct bytes member_id,
                    struct bytes instance_id, struct bytes reason,
                    struct group_env *env);

/* May these offsets be committed? Counts as a sign of life. */
int16_t group_commit_check(struct group *group, struct bytes member_id,
                           struct bytes instance_id, int32_t generation,
                           struct group_env *env);

/* Look at all deadlines; to be called when due_us has come. */
void group_expire(struct group *group, struct group_env *env);

/* The group leaves this broker: all who wait hear NOT_COORDINATOR. */
void group_unload(struct group *group, struct group_env *env);

/* The group has no members and is to be forgotten. */
void group_bury(struct group *group, struct group_env *env);

/* -- loading -------------------------------------------------------------- */

/* What the log says of a group, before its members are put in. */
void group_restore(struct group *group, int32_t generation,
                   struct bytes protocol_type, struct bytes protocol,
                   int64_t phase_ms);
/* Put a member in; it is taken over. False when its id or instance id is there
 * already: then it is the caller's still. */
MUST_USE bool group_restore_member(struct group *group,
                                   struct group_member *member);
/* All members are in; begin to expect them. */
void group_restored(struct group *group, struct bytes leader_id,
                    struct group_env *env);

/* For tests and debug builds: abort when the fields contradict each other. */
void group_check(const struct group *group);

#endif
