/* group_shard.h - the groups of one partition of the offsets topic (private to
 * broker/group).
 *
 *   NONE ──leader here──▶ LOADING ──▶ READY        FAILED: the log could not be
 *     ▲                      │          │                  read
 *     └──── led elsewhere ───┴──────────┘
 *
 * A shard is made when its partition first gets its leader here, and then
 * stays. Loading and unloading go through one of two lanes in front of the
 * pool, always the same for a shard: so they never overlap, and do not take all
 * of the pool. Each loading begins a new term ("life"); what was begun in an
 * older one is not written any more.
 *
 * Writing: under the lock a batch is put into the queue, outside of it the
 * queue is emptied into the partition's append lane, by one thread at a time.
 * So the order of batches in the log is the order of decisions.
 */
#ifndef GREGOR_GROUP_SHARD_H
#define GREGOR_GROUP_SHARD_H

#include <stdatomic.h>

#include "base/lock.h"
#include "group/group.h"
#include "group/group_record.h"
#include "group/group_state.h"
#include "loop/wheel.h"
#include "metadata/metadata.h"
#include "partition/replicas.h"

enum shard_phase { SHARD_NONE, SHARD_LOADING, SHARD_READY, SHARD_FAILED };

struct group_shard {
    struct groups *groups;
    int32_t index;    /* of the partition */
    struct lock lock; /* for all below */
    enum shard_phase phase;
    uint32_t life; /* goes up with each loading */
    int32_t leader_epoch;
    struct partition *partition; /* counted; not NULL while LOADING, READY */
    struct map by_id;       /* groups; while LOADING the loader's business */
    struct list all;        /* the same; swept in turn */
    struct wheel wheel;     /* the groups' timers */
    _Atomic int64_t due_us; /* when the loop is to look here; written under the
                                lock */
    struct list queue;      /* group_write, to be appended */
    bool writing;           /* somebody empties the queue */
    struct list waiting;    /* group_write, for the ISR; due earliest first */
};

/* One batch on its way into the log. */
struct group_write {
    struct list link; /* in queue, or in waiting */
    struct append append;
    struct park park;
    struct park_wait wait;
    struct group_shard *shard;
    struct partition *partition; /* counted */
    struct group *group; /* counted, under the shard's lock; may be NULL */
    uint32_t life;
    int16_t acks;
    struct wr bytes;           /* owned */
    int64_t due_us;            /* while waiting */
    struct group_store *store; /* with one of these two, or with neither */
    struct groups_commit *commit;
    bool in_arena; /* of the commit's request; else freed at the end */
};

/* A commit is mostly stored before its handler returns: then the handler
 * answers, and the replies of several requests leave together. Else, who stores
 * it posts. The second of the two to come sees that the other was there. */
enum { COMMIT_BEGUN, COMMIT_LEFT, COMMIT_ENDED };

enum { GROUP_LANES = 2 };

struct shard_table {
    struct shard_table *older; /* replaced by this one; readers may be in it */
    int32_t n;
    struct group_shard *of[]; /* NULL: never led here */
};

struct groups {
    struct broker *broker;
    _Atomic bool active;
    _Atomic bool creating;        /* the offsets topic, by some request */
    _Atomic bool warned;          /* that it cannot be made yet */
    _Atomic int32_t n_partitions; /* of the offsets topic; 0 not known */
    _Atomic(struct shard_table *) table; /* grown on the control lane */
    struct lane lanes[GROUP_LANES];
    struct loop *loop; /* thread "groups": deadlines, schedules */
    struct loop_timer tick;
    struct job wake;          /* look at the shards' due_us again */
    _Atomic bool waking;      /* it is posted */
    _Atomic int64_t armed_us; /* when the loop looks by itself */
    struct loop_timer expiry; /* offsets.retention.check.interval.ms */
    struct job expire;        /* in the pool */
    _Atomic bool expiring;
    struct job end; /* the loop's last one */
    struct replicas_observer on_replica;
    struct metadata_observer on_metadata;
    struct lock gone_lock;
    struct group_offsets gone; /* partitions of topics that were deleted; under
                                gone_lock */
    bool gone_posted;
    struct job gone_job; /* in the pool */
};

/* An event under a shard's lock: where the machine's answers go. */
struct shard_env {
    struct group_env env;
    struct group_shard *shard;
};

/* -- shards (group_shard.c) ----------------------------------------------- */

/* The shard, or NULL when it was never led here. */
struct group_shard *groups_shard(struct groups *groups, int32_t index);
/* Made if need be; control lane only. */
struct group_shard *groups_shard_get(struct groups *groups, int32_t index);

/* With the rules in force and the time of now; `shard` is borrowed. */
void shard_env_init(struct shard_env *env, struct group_shard *shard);

/* Take the lock of the shard a group belongs to. NONE, or (unlocked)
 * COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, COORDINATOR_LOAD_IN_PROGRESS. */
int16_t groups_enter(struct groups *groups, struct bytes group_id,
                     struct group_shard **shard);
/* The same for what needs a name: INVALID_GROUP_ID for the empty one. */
int16_t groups_enter_named(struct groups *groups, struct bytes group_id,
                           struct group_shard **shard);
/* Give the lock back, write what was decided. */
void shard_leave(struct group_shard *shard);

/* NULL: there is none; lock held, as for all down to shard_due(). */
struct group *shard_find(const struct group_shard *shard,
                         struct bytes group_id);
/* Found, or made: an empty one, as of `wall_ms`. */
struct group *shard_get(struct group_shard *shard, struct bytes group_id,
                        int64_t wall_ms);
/* Put a group in; the reference passes to the shard. */
void shard_put(struct group_shard *shard, struct group *group);
/* Take it out; it may be gone afterwards. */
void shard_remove(struct group_shard *shard, struct group *group);
/* The group's deadline may have come nearer: set its timer. */
void shard_arm(struct group_shard *shard, struct group *group);
/* Look at the shard no later than this. */
void shard_due(struct group_shard *shard, int64_t at_us);
/* All deadlines that have passed; called by the loop. Returns the next one. */
int64_t shard_tick(struct group_shard *shard, int64_t now_us);

/* -- writing (group_write.c) ---------------------------------------------- */

/* Queue a batch (its bytes pass over); lock held. `write` is a new one, or part
 * of a commit. */
void shard_write(struct group_shard *shard, struct group_write *write,
                 struct group_batch *batch, struct group *group, int16_t acks);
/* Empty the queue; no lock held. */
void shard_pump(struct group_shard *shard);
/* A write's time is up; no lock held, taken out of `waiting` and claimed. */
void group_write_settle(struct group_write *write);
/* A batch for this broker's settings and time. */
void shard_batch(const struct group_shard *shard, struct group_batch *batch);

/* -- loading (group_load.c) ----------------------------------------------- */

/* Both in the pool, through the shard's lane. `life` is the term it is for. */
void shard_load_later(struct group_shard *shard, uint32_t life);
/* It forgets all groups; who waits hears NOT_COORDINATOR. */
void shard_unload_later(struct group_shard *shard);

/* -- sweeping (group_sweep.c) --------------------------------------------- */

/* Forget a group's offsets that `wants` says, with tombstones; bury the group
 * if nothing is left of it (it may be gone afterwards). Lock held. Returns how
 * many went. */
size_t shard_forget(struct group_shard *shard, struct group *group,
                    bool (*wants)(const struct group *group,
                                  const struct group_topic *topic,
                                  const struct group_offset *offset,
                                  const void *context),
                    const void *context);
/* The pool's jobs. */
void groups_expire_job(struct job *job);
/* Offsets of topics that were deleted. */
void groups_gone_job(struct job *job);

/* -- answers (group_answer.c) --------------------------------------------- */

/* The machine's callbacks: fill the response at request->park, post it (env may
 * be NULL for these two). */
void shard_on_join(struct group_env *env, void *waiter,
                   const struct group_join_answer *answer);
/* The same of SyncGroup. */
void shard_on_sync(struct group_env *env, void *waiter,
                   const struct group_sync_answer *answer);
/* One line: event=group_<what>. */
void shard_note(struct group_env *env, const struct group *group,
                const char *what, struct bytes member, struct bytes reason);
/* Queue the group's record; group_stored() comes from who writes it. */
void shard_store(struct group_env *env, struct group *group,
                 struct group_store *store);

#endif
