/* group_rig.h - one consumer group on a stepped clock, for tests.
 *
 * Waiters are small structs that remember what they were told; a store waits in
 * a list until the test lets it end. After each event the group's own
 * invariants are checked.
 */
#ifndef GREGOR_TESTS_GROUP_RIG_H
#define GREGOR_TESTS_GROUP_RIG_H

#include "group/group_state.h"

enum { RIG_ID_MOST = 64, RIG_MEMBERS_MOST = 64 };

struct group_waiter {
    int told; /* how often; at most once */
    int16_t error;
    int32_t generation;
    char member[RIG_ID_MOST];
    char leader[RIG_ID_MOST];
    char protocol[RIG_ID_MOST];
    char part[RIG_ID_MOST];
    size_t n_members; /* told to the leader */
    char members[RIG_MEMBERS_MOST][RIG_ID_MOST];
    bool skip;
};

struct group_rig {
    struct group_env env; /* first: the callbacks get back to the rig by it */
    struct group *group;
    struct group_store *stores[64]; /* in flight, oldest first */
    size_t n_stores;
    int next_id;
    struct group_waiter *handed_in[4096]; /* waiters of this history */
    size_t n_handed_in;
};

void group_rig_start(struct group_rig *rig);
void group_rig_stop(struct group_rig *rig);

/* Let time pass, calling group_expire() at each deadline on the way. */
void group_rig_pass(struct group_rig *rig, int64_t ms);

/* What a client says; zero means the usual. */
struct rig_join {
    const char *id;        /* NULL: new */
    const char *instance;  /* NULL: dynamic */
    const char *type;      /* "consumer" */
    const char *protocols; /* "range", or a list with blanks */
    const char *metadata;  /* "" */
    struct bytes raw;      /* metadata that is no text; null: none */
    int32_t session_ms;    /* 10000 */
    int32_t rebalance_ms;  /* 60000 */
    bool id_required, may_skip;
};
struct group_waiter *group_rig_join(struct group_rig *rig,
                                    const struct rig_join *join);

/* `parts`: "member=part member=part", or NULL. */
struct group_waiter *group_rig_sync(struct group_rig *rig, const char *id,
                                    const char *instance, int32_t generation,
                                    const char *parts);
int16_t group_rig_beat(struct group_rig *rig, const char *id,
                       int32_t generation);
int16_t group_rig_leave(struct group_rig *rig, const char *id,
                        const char *instance);
/* Let the oldest store end. */
void group_rig_stored(struct group_rig *rig, int16_t error);

/* A stable group of `n` members "m0", "m1", ...: all joined, parts "p0", ... */
void group_rig_stable(struct group_rig *rig, int n);

#endif
