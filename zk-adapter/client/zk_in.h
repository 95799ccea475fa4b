/* zk_in.h - inside one session: its requests, its watches, its lists.
 *
 * A request (`struct zk_req`) is the session's side of an operation. It is in
 * exactly one list, and the list is its state:
 *
 *   waiting ─▶ in_flight ─▶ (done)          waiting: no connection yet
 *      ▲           ├─▶ again ─▶ in_flight   again: to be sent once more, first
 *      │           └─▶ lost ─▶ (ERR_LOST)
 *    verbs ─▶ ready ─▶ (done)               ready: its outcome is known, but
 *                                           told from the loop only
 *
 * A request whose caller has cancelled has op == NULL. One that was in flight
 * when its handle was let go is an orphan (zk == NULL, in no list): the library
 * completes it from within zookeeper_close(), on a pool thread, and all that is
 * done there is to free it.
 */
#ifndef GREGOR_ZK_IN_H
#define GREGOR_ZK_IN_H

#include "base/map.h"
#include "client/zk.h"
#include "client/zk_wire.h"

enum zk_kind {
    ZK_REQ_GET,
    ZK_REQ_EXISTS,
    ZK_REQ_CHILDREN,
    ZK_REQ_CREATE,
    ZK_REQ_DELETE,
    ZK_REQ_SET,
    ZK_REQ_MULTI,
    ZK_REQ_MAKE_PATH,
    ZK_REQ_END
};

enum zk_phase {                      /* of the session */
                ZK_PHASE_CONNECTING, /* or ending a saved session before that */
                ZK_PHASE_UP,
                ZK_PHASE_EXPIRED, /* until zk_renew() */
                ZK_PHASE_CLOSING
};

struct zk {
    struct loop *loop;
    struct pool *pool;
    struct zk_wire wire;
    bool wire_busy; /* from open to dropped */
    enum zk_phase phase;
    bool had_connection; /* of this session */
    char *hosts;
    char *chroot; /* "" or "/x" */
    size_t chroot_len;
    int timeout_ms; /* asked for */
    int agreed_ms;  /* negotiated; 0: not yet */
    int64_t session;
    uint8_t passwd[ZK_PASSWD_LEN];
    void (*on_session)(void *arg, enum zk_event event);
    void *arg;
    struct list waiting, in_flight, again, lost, ready;
    struct list ends;       /* requests of kind END */
    struct zk_op saved_end; /* of the saved session, at start */
    struct job run;         /* completes what is ready, sends what waits */
    bool run_posted;
    bool drained;              /* closing: no more answers are awaited */
    struct loop_timer overdue; /* also the limit for draining */
    struct map watched;        /* of struct zk_watched, by full path */
    size_t watch_bytes;        /* path text of armed and coming watches */
};

struct zk_multi;
struct zk_end;

struct zk_req {
    struct list link; /* in one of the session's lists */
    struct zk *zk;    /* NULL: an orphan */
    struct zk_op *op; /* NULL: cancelled */
    enum zk_kind kind;
    enum err err;           /* of what is ready */
    bool on_way;            /* in_flight */
    unsigned tries;         /* times it was sent */
    struct zk_watch *watch; /* NULL: none */
    size_t watch_cost;      /* counted in zk->watch_bytes meanwhile */
    int mode;               /* create */
    int32_t version;        /* delete, set */
    int data_len;           /* -1: null */
    size_t make_len;        /* make_path: bytes of the path being created */
    struct zk_multi *multi;
    struct zk_end *end;
    uint8_t *data; /* behind the path */
    char *path;    /* full, with chroot; behind the struct */
};

/* zk_req.c: life of requests. */
struct zk_req *zk_req_new(struct zk *zk, struct zk_op *op, enum zk_kind kind,
                          const char *path, struct bytes data);
/* Send it, or have it wait for a connection behind those that wait already;
 * what cannot be sent (closing, expired, req->err) is told soon, from the loop.
 */
void zk_req_start(struct zk_req *req);
/* Tell the outcome soon, from the loop. */
void zk_req_ready(struct zk_req *req, enum err err);
/* Tell the outcome and free; results are in req->op. */
void zk_req_finish(struct zk_req *req, enum err err);
/* Free without telling; it must be in no list. Safe on any thread for an
 * orphan. */
void zk_req_free(struct zk_req *req);
/* Tell all of a list. */
void zk_req_finish_all(struct list *reqs, enum err err);
/* Post the session's run job. */
void zk_run_soon(struct zk *zk);

/* zk_send.c: to the library and back. */
/* Move it to in_flight and give it to the library; needs zk_wire_can_send(). */
void zk_send(struct zk_req *req);
/* ZooKeeper's rules for a path. `sequential`: it may end in '/', as a number
 * follows. The library crashes on a bad path inside a multi: check before. */
bool zk_path_is_valid(const char *path, bool sequential);
/* The border: ZooKeeper's codes into ours; ERR_INVALID for those without a
 * meaning here. */
enum err zk_err_from_library(int rc);
/* A copy, field by field. */
void zk_stat_from_library(struct zk_stat *to, const struct Stat *from);
/* From the library's completions: sort by what happened. True when the caller
 * may go on to the results (the request is ours, alive, and was answered). */
bool zk_req_answered(struct zk_req *req, int rc);

/* zk_multi.c */
/* Returns the library's code; the answer comes to its own completion. */
int zk_multi_send(struct zk_req *req);
void zk_multi_free(struct zk_multi *multi);

/* zk_path.c */
/* The outcome `rc` of creating req->path up to make_len: go up to the parent
 * when it lacks one, down when it is there, finish at the end. */
void zk_make_step(struct zk_req *req, int rc);

/* zk_watch.c */
/* Bind `watch` to a read about to start. Without room for it
 * (ZK_WATCH_BYTES_MAX) req->err becomes ERR_LIMIT and the watch is left alone.
 */
void zk_watch_take(struct zk_req *req, struct zk_watch *watch);
/* The read is over or cancelled: set its watch, or leave it as it was. Allowed
 * without one. */
void zk_watch_done(struct zk_req *req, bool set);
/* The library's watcher. Fires what is set on the path; events of the session
 * and of a handle let go are nothing to it. */
void zk_watch_event(zhandle_t *zh, int type, int state, const char *path,
                    void *context);
/* The session is gone: all watches are void. */
void zk_watch_void_all(struct zk *zk);

/* zk_end.c */
/* Closing: drop the handles of all requests of kind END. */
void zk_end_drop_all(struct zk *zk);

/* zk.c */
/* Called whenever something has ended while closing: the last one tells
 * ZK_CLOSED and frees the session. */
void zk_maybe_closed(struct zk *zk);

#endif
