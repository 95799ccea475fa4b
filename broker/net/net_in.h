/* net_in.h - what the files of broker/net share; private to the folder.
 *
 * A connection is in exactly one list of its reactor, by state; each list is in
 * order of last activity, so the first one is the first to be late:
 *
 *   IDLE ─▶ FRAME ─▶ BUSY ─▶ SENDING ─▶ IDLE       any ─▶ DEAD
 *     └──▶ STARVED ──┘
 *
 *   IDLE     nothing received yet       closed after connections.max.idle.ms
 *   FRAME    part of a frame is here    closed after 30 s without progress
 *   STARVED  would read, but the budget is used up; woken when there is room
 *   BUSY     a handler has its request; no deadline of ours
 *   SENDING  the peer does not take its replies; closed after the idle time
 *            without progress
 *   DEAD     closed; freed at the end of the turn, or with its request
 */
#ifndef GREGOR_NET_IN_H
#define GREGOR_NET_IN_H

#include <netinet/in.h>

#include "base/diag.h"
#include "base/list.h"
#include "base/lock.h"
#include "base/map.h"
#include "net/budget.h"
#include "net/bufs.h"
#include "net/net.h"
#include "net/out.h"
#include "net/quota.h"

enum net_limits {
    NET_SCRATCH = 64 * 1024,      /* bytes of one recv() between frames */
    NET_RECV_MOST = 1024 * 1024,  /* bytes of one recv() into a frame */
    NET_TURN_BYTES = 1024 * 1024, /* received or sent of one connection before
                                     the others have their turn */
    NET_TURN_REQUESTS = 32,       /* handled of one connection, likewise */
    NET_NO_HURRY = 2,             /* requests in a row of which it was said that
                                     the next can wait: then it does */
    NET_OUT_SOFT = 64 * 1024,     /* bytes of replies gathered before sending */
    NET_REQUESTS_KEPT = 1024,     /* free structs, until the next housekeeping:
                                     what a group's members joined with, they
                                     ask for their parts with */
    NET_WEIGHT_BYTES = 16 * 1024, /* in or out: as busy as a request more */
    NET_BACKLOG = 1024,           /* least length of the accept queue */
    NET_ACCEPT_TURN = 64,         /* connections accepted in one turn */
    NET_REPLY_MOST = 512 * 1024 * 1024, /* memory bytes of one connection's
                                           replies, file ranges not counted */
};

#define NET_FRAME_TIMEOUT_US (30 * 1000000ll)
#define NET_ACCEPT_PAUSE_US (100 * 1000ll)
#define NET_ARENA_LEAST                                                        \
    (64ul * 1024 * 1024) /* ceiling of a request's arena                       \
                          */

enum conn_state {
    CONN_IDLE,
    CONN_FRAME,
    CONN_STARVED,
    CONN_BUSY,
    CONN_SENDING,
    CONN_DEAD,
    CONN_STATES
};

struct request_in {
    struct request request; /* first: what handlers see */
    struct buf frame;       /* body lies in it; none after the drop */
    size_t counted;         /* bytes of it in the budget */
    enum budget_kind kind;
    struct list link; /* reactor's requests or free_requests */
};

/* Bytes that were received and could not be looked at yet. */
struct stash {
    uint8_t *data; /* NULL: none */
    uint32_t at;   /* next byte */
    uint32_t end;
};

struct conn {
    struct loop_io io;
    struct list link;      /* in reactor->conns[state] */
    struct list turn_link; /* in reactor->due: look at it at end of turn */
    struct reactor *reactor;
    const struct listener *listener;
    struct request_in *request; /* the one being served; NULL: none */
    struct out *out;            /* replies that wait; NULL: none */
    struct buf frame;           /* of the frame being received */
    uint32_t need;              /* its length; 0: length not known yet */
    uint32_t got;               /* bytes of it in `frame` */
    uint32_t counted;           /* bytes of it in the budget */
    uint8_t head[4];            /* its length, as far as known */
    uint8_t head_got;
    uint8_t state;      /* enum conn_state; conn_settle() writes it */
    bool heard;         /* readable while BUSY or SENDING: not asked
                           again until we can read */
    bool bulky;         /* the last frame was large: read the next
                           length alone, then straight into its buffer */
    bool starved;       /* waits for the budget */
    bool in_handler;    /* replies come from inside conn_serve() */
    bool drained;       /* the socket gave less than was asked for */
    bool no_hurry;      /* said of the request being served */
    uint8_t n_no_hurry; /* requests in a row of which it was said; counted up
                           to NET_NO_HURRY */
    struct stash stash;
    int64_t active_us;    /* last progress, monotonic */
    int64_t window_us;    /* since then `weight` counts */
    size_t weight;        /* requests; large ones count for several */
    struct job job;       /* from the acceptor to its reactor */
    struct in6_addr addr; /* IPv4 is mapped */
    uint16_t port;
    char host[INET6_ADDRSTRLEN];
};

struct reactor {
    struct net *net;
    struct loop *loop;
    struct loop_hook hook;  /* end of turn: due, starved, dead */
    struct loop_timer keep; /* housekeeping: deadlines, trimming */
    struct list conns[CONN_STATES];
    struct list due;  /* connections to look at again */
    struct job again; /* makes the loop turn once more for `due` */
    bool again_posted;
    struct job roomy; /* from another reactor: the budget has room */
    _Atomic bool roomy_posted;
    struct job draining; /* from net_stop(): answer, then close */
    struct job closing;  /* from net_stop(): close now */
    bool is_draining;
    int64_t hook_us;          /* loop_now_us() when the hook ran last */
    _Atomic int64_t round_us; /* when the round of housekeeping began */
    int64_t measured_us;      /* when the two below were measured */
    int64_t used_us;          /* CPU time of its thread */
    _Atomic int used_percent; /* of a core, since the round before */
    bool patient;             /* takes no core from others (patience.c) */
    unsigned moving;          /* connections that might have moved this turn */
    size_t gives;             /* connections it may give away in this round */
    _Atomic int takes;        /* and may be given (the first one's; gather.c) */
    struct conn *favoured;    /* goes on reading in spite of the budget */
    _Atomic size_t n_conns;   /* given to it and not freed yet */
    _Atomic size_t n_starved;
    struct bufs bufs;
    struct list requests; /* open ones, for net_stop() */
    struct list free_requests;
    size_t n_free_requests;
    struct out *spare_out;
    uint8_t *scratch; /* NET_SCRATCH bytes */
};

struct acceptor;

/* Looking for a connection to close; one at a time (excess.c). */
struct excess {
    struct job job;
    _Atomic bool runs;    /* the rest is the job's, wherever it is */
    bool closing;         /* all were asked */
    struct reactor *at;   /* where the job is now */
    struct reactor *best; /* has the oldest seen so far; NULL: none */
    int64_t best_us;      /* when that one was active last */
};

struct net {
    struct net_config config;
    struct broker *broker;
    struct budget budget;
    struct reactor *reactors;
    size_t n_reactors; /* with a loop */
    struct acceptor *acceptor;
    struct quota quota; /* counts the open connections */
    struct excess excess;
    _Atomic bool stopping;
    struct lock lock;        /* with all_gone, while stopping */
    pthread_cond_t all_gone; /* no reactor has a connection any more */
};

/* One line for a connection that is closed because of its peer, a few a second
 * at most from each place. */
#define CONN_LINE(conn, reason, ...)                                           \
    DIAG_SELDOM(                                                               \
        DIAG_WARN,                                                             \
        "event=connection_closed peer=%s:%u listener=%s reason=\"" reason      \
        "\"",                                                                  \
        (conn)->host, (unsigned)(conn)->port, (conn)->listener->name,          \
        ##__VA_ARGS__)

/* -- conn.c ------------------------------------------------------------------
 */

/* A connection over an accepted socket, which it owns; any thread. */
struct conn *conn_new(const struct listener *listener, int fd,
                      const struct in6_addr *addr, uint16_t port);
/* Begin on the reactor's thread. */
void conn_attach(struct conn *conn, struct reactor *reactor);
/* Close the socket now; the struct goes at the end of the turn, or when its
 * request has ended. May be called again. */
void conn_close(struct conn *conn);
/* A closed one whose request is gone. */
void conn_free(struct conn *conn);
/* Send what waits, serve what was received, put it where it belongs.
 * `readable`: the socket may have something for us. It may move to another
 * reactor: not ours any more then. */
void conn_go_on(struct conn *conn, bool readable);
/* The list of its state is older than it should be: close, with a line. */
void conn_expire(struct conn *conn);

/* -- conn_read.c
 * --------------------------------------------------------------- */

/* Read and serve until nothing is left, a reply must wait, or it is the others'
 * turn; true in the last case with something left that no readiness tells of.
 */
bool conn_read(struct conn *conn);
/* Forget the frame being received and the stash. */
void conn_drop_input(struct conn *conn);

/* -- request.c
 * ----------------------------------------------------------------- */

/* A whole frame is there: find its handler and call it. */
void conn_serve(struct conn *conn, const struct buf *frame, uint32_t len);
/* Free those that are open, with their connections; gives their number. */
size_t requests_drop_all(struct reactor *reactor);
/* Free spare ones down to `keep`. */
void requests_trim(struct reactor *reactor, size_t keep);

/* -- gather.c
 * ------------------------------------------------------------------ */

/* An answer has left: the reactor on which the connection is better off from
 * now on; NULL: it stays. */
struct reactor *gather_where(struct conn *conn);
/* A round of housekeeping: how much of a core the reactor uses. */
void gather_measure(struct reactor *reactor);
/* How much of a core all reactors used together, each in its last round; any
 * thread. */
int gather_used_percent(const struct net *net);

/* -- patience.c
 * ---------------------------------------------------------------- */

/* After a round's measurement, on the reactor's thread: whether it takes a core
 * from others when it is woken. */
void patience_choose(struct reactor *reactor);

/* -- reactor.c
 * ----------------------------------------------------------------- */

/* Its loop is made, not started. After an error there is nothing to fini. */
MUST_USE enum err reactor_init(struct reactor *reactor, struct net *net,
                               size_t index, struct errmsg *why);
/* Its loop has ended: free what is closed, and requests nobody ended. */
void reactor_drop_all(struct reactor *reactor);
/* After reactor_drop_all(). */
void reactor_fini(struct reactor *reactor);
/* Look at a connection again at the end of this turn, or of the next one when
 * the end has come already. */
void reactor_later(struct reactor *reactor, struct conn *conn);
/* Whether a connection may read (more) bytes of a frame of this kind. */
bool reactor_may_read(struct reactor *reactor, struct conn *conn,
                      enum budget_kind kind);
/* Bytes of frames are free again: let those that wait know, of all reactors. */
void reactor_budget_give(struct reactor *reactor, enum budget_kind kind,
                         size_t n);
/* Take over a connection from the acceptor; any thread. */
void reactor_take(struct reactor *reactor, struct conn *conn);
/* See to it that the housekeeping timer runs. */
void reactor_keep_on(struct reactor *reactor);
/* Memory for replies, and back. */
struct out *reactor_out_take(struct reactor *reactor);
/* Leaves NULL; one is kept for the next reply. */
void reactor_out_give(struct reactor *reactor, struct out **out);

/* -- net.c -------------------------------------------------------------------
 */

/* A connection was freed. */
void net_on_gone(struct net *net);

/* -- bind.c
 * ---------------------------------------------------------------------------
 */

/* A socket that listens, nonblocking; the caller closes it. ERR_NET. */
MUST_USE enum err bind_listener(const struct net_config *config,
                                const struct listener *listener, int *fd,
                                struct errmsg *why);

/* -- acceptor.c
 * ---------------------------------------------------------------- */

/* Bind all listeners; `loop` is the first reactor's. */
MUST_USE enum err acceptor_new(struct acceptor **acceptor, struct net *net,
                               struct loop *loop, struct errmsg *why);
/* The bound port of listener `i`. */
int acceptor_port(const struct acceptor *acceptor, size_t i);
/* Begin to accept; any thread. */
void acceptor_start(struct acceptor *acceptor);
/* On the loop's thread, or when it does not run. */
void acceptor_close(struct acceptor *acceptor);
/* Closes first. Leaves NULL; NULL is fine. */
void acceptor_free(struct acceptor **acceptor);
/* There may be slots again, a connection went or limits changed; any thread. */
void acceptor_on_slot(struct acceptor *acceptor);

/* -- excess.c ----------------------------------------------------------------
 */

/* Nothing runs. */
void excess_init(struct net *net);
/* When there are more connections than may be, begin to close some; any
 * thread. */
void excess_look(struct net *net);

#endif
