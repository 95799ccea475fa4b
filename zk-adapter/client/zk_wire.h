/* zk_wire.h - one handle of the ZooKeeper C client, driven by our loop.
 *
 *   zk_wire_open ─▶ resolve (pool) ─▶ zookeeper_init ─▶ interest/process ...
 *                                           on_up · on_down · on_expired
 *   zk_wire_drop ─▶ zookeeper_close (pool) ─▶ on_dropped
 *
 * The rules of the single-threaded library that are kept here, so that nothing
 * above need know them:
 *
 * - interest is asked after every process and every call that may have queued
 *   something; it is the pinger, the receive timeout and the reconnect as well;
 * - the library closes and opens its socket inside both calls, mostly with the
 *   same number, which epoll has then forgotten: whenever the state before or
 *   after is not "connected", or a call failed, the descriptor is forgotten and
 *   taken anew;
 * - process takes one frame a call: it is called until nothing is left, or the
 *   turn has been long enough;
 * - it resolves names itself, blocking: so it is given numeric addresses only,
 *   resolved in the pool, and new ones only while it is not connected;
 * - a connect or handshake that hangs is given up only after 2/3 of the session
 *   timeout: our own limit comes earlier and shuts the socket down;
 * - zookeeper_close() blocks, and frees at once: it runs in the pool, on a
 *   handle that nothing here refers to any more. Completions that come from in
 *   there run on the pool's thread (see zk_send.c).
 *
 * Threads: the loop's. Callbacks come from the loop.
 */
#ifndef GREGOR_ZK_WIRE_H
#define GREGOR_ZK_WIRE_H

#include <zookeeper/zookeeper.h>

#include "loop/loop.h"
#include "loop/pool.h"

struct zk_wire;

struct zk_wire_calls {
    void (*on_up)(struct zk_wire *wire);      /* connected, session agreed */
    void (*on_down)(struct zk_wire *wire);    /* was connected */
    void (*on_expired)(struct zk_wire *wire); /* the handle is dead: drop it */
    void (*on_dropped)(
        struct zk_wire *wire); /* may be freed, or opened again */
};

struct zk_wire {
    struct loop *loop;
    struct pool *pool;
    const struct zk_wire_calls *calls;
    watcher_fn on_watch; /* of znodes; runs inside process */
    void *context;       /* for on_watch */
    const char *purpose; /* for lines, e.g. "session" */

    zhandle_t *zh;      /* NULL: not open, or dropped */
    bool up;            /* as last told by on_up, on_down */
    bool expired;       /* told */
    unsigned inside;    /* depth of calls into the library */
    bool open;          /* between open and drop */
    bool drop_wanted;   /* drop when no longer inside */
    bool dropping;      /* zookeeper_close() runs in the pool */
    zhandle_t *closing; /* what it closes */
    clientid_t id;      /* to attach to; client_id 0: a new session */
    int timeout_ms;     /* asked for */

    struct loop_io io;         /* the library's socket */
    struct loop_timer timer;   /* when interest must be asked again */
    struct loop_timer connect; /* limit for connect and handshake */
    struct loop_timer retry;   /* next resolving */
    struct job pump;           /* interest is due */
    bool pump_posted;
    bool kicked;      /* wanted while inside */
    struct job close; /* in the pool, then back on the loop */

    char *hosts;   /* names, as configured */
    char *servers; /* numeric, as given to the library; or NULL */
    size_t n_servers;
    struct job resolve; /* in the pool, then back on the loop */
    bool resolving;
    char *resolved; /* the answer, NULL: none; the pool's until then */
    size_t n_resolved;
    char resolve_error[128];

    int64_t heard_us;    /* when the server was last heard */
    int64_t down_us;     /* since when there is no connection */
    int64_t complain_us; /* when to say so again */
    int64_t complain_step_us;
};

/* Fill loop, pool, calls, on_watch, context, purpose before; the rest zero. */
void zk_wire_init(struct zk_wire *wire, const char *hosts, int timeout_ms);
/* Only when it is neither open nor being dropped, and nothing is resolving. */
void zk_wire_fini(struct zk_wire *wire);

/* Start connecting; `id` NULL: a new session. */
void zk_wire_open(struct zk_wire *wire, const clientid_t *id);

/* Let go of the handle and close it in the pool; on_dropped follows, always
 * from the loop. Closes the session when connected. Allowed in callbacks. */
void zk_wire_drop(struct zk_wire *wire);

/* Something may have been queued: ask interest soon. */
void zk_wire_kick(struct zk_wire *wire);

/* Calls of the library may be sent now. */
static inline bool zk_wire_can_send(const struct zk_wire *wire)
{
    return wire->zh != NULL && wire->up && !wire->drop_wanted &&
           zoo_state(wire->zh) == ZOO_CONNECTED_STATE;
}

/* Resolve "a:1,[::2]:3" to "1.2.3.4:1,::2:3"; blocks. The result is owned by
 * the caller; NULL with words in `error` when no name has an address. `n`
 * counts. */
char *zk_names_resolve(const char *hosts, size_t *n, char *error,
                       size_t error_size);

#endif
