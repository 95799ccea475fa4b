/* ksession.h - who is connected, and until when they are believed alive.
 *
 * Sessions expire in buckets of one tick, as ZooKeeper's do: a touch at `now`
 * moves the session to the bucket of floor((now + timeout) / tick) + 1.
 *
 * Threads: one at a time. Time is monotonic milliseconds, passed in.
 */
#ifndef GREGOR_KEEPER_KSESSION_H
#define GREGOR_KEEPER_KSESSION_H

#include "base/list.h"
#include "base/map.h"

enum { KSESSION_PASSWORD = 16 };

struct kpeer;

struct ksession {
    struct map_link link; /* in ksessions.by_id */
    struct list bucket;   /* in a bucket's list */
    int64_t id;
    int64_t tick;       /* number of the bucket */
    int32_t timeout_ms; /* of the first handshake: what is persisted */
    int32_t live_ms;    /* of the latest handshake: what counts */
    struct kpeer *peer; /* its connection now, or NULL */
};

struct ksessions {
    struct map by_id;
    struct map buckets; /* struct bucket by tick number */
    int64_t next_id;
    int64_t next_tick; /* first bucket not yet expired */
    int32_t tick_ms;
};

/* `seed_ms`: monotonic ms that the first id is made of. */
void ksessions_init(struct ksessions *sessions, int32_t tick_ms,
                    int64_t seed_ms, int64_t now_ms);
/* Frees the sessions too. */
void ksessions_fini(struct ksessions *sessions);

/* Give `to` the sessions of `from` and the other way round. Ids go on where
 * they were; all that `to` has now showed life at `now_ms`, and nobody's
 * timeout is less than `live_ms`. None has a connection. */
void ksessions_swap(struct ksessions *to, struct ksessions *from,
                    int32_t live_ms, int64_t now_ms);

/* An id that no session has. */
int64_t ksessions_new_id(struct ksessions *sessions);

/* Add a session, fresh. An existing one only gets the timeout. */
struct ksession *ksession_add(struct ksessions *sessions, int64_t id,
                              int32_t timeout_ms, int64_t now_ms);
/* NULL: there is none. */
struct ksession *ksession_find(const struct ksessions *sessions, int64_t id);
/* Frees it. Ephemerals, log and peer are the caller's matter; see
 * ksession_end(). */
void ksession_remove(struct ksessions *sessions, struct ksession *session);

/* It showed life. */
void ksession_touch(struct ksessions *sessions, struct ksession *session,
                    int64_t now_ms);

/* A session whose bucket is over at `now_ms`, or NULL. Remove it, then ask
 * again. */
struct ksession *ksessions_expired(struct ksessions *sessions, int64_t now_ms);

/* The password ZooKeeper computes for a session id. */
void ksession_password(int64_t id, uint8_t out[static KSESSION_PASSWORD]);

#endif
