/* zk.h - one ZooKeeper session on a loop.
 *
 * Wraps the ZooKeeper C client (single-threaded library, driven by our loop):
 * connects, keeps the session alive, pipelines operations, delivers watches,
 * says when the session expired. Nothing else in the project includes the
 * client's header.
 *
 *      zk_start ─▶ CONNECTING ◀─▶ CONNECTED ─▶ EXPIRED (zk_renew) ─▶ ...
 *
 * Operations never fail because of a lost connection when they are safe to
 * repeat (reads): they wait and are sent again. A write whose outcome is
 * unknown completes with ERR_LOST, and whoever issued it decides (see
 * "result checks needed after retries" in the reference); zk_multi with a
 * `retry` of true is sent again and may then see its own effect.
 * After expiry everything in flight completes with ERR_EXPIRED.
 *
 * Threads: everything on the loop's thread; callbacks come from the loop, never
 * from inside the call that asked. Names are resolved and handles closed in
 * the pool.
 */
#ifndef GREGOR_ZK_H
#define GREGOR_ZK_H

#include "base/bytes.h"
#include "base/err.h"
#include "loop/loop.h"
#include "loop/pool.h"

struct zk;

/* Facts about a znode (ZooKeeper's Stat). */
struct zk_stat {
    int64_t czxid, mzxid, pzxid;
    int64_t ctime_ms, mtime_ms;
    int32_t version, cversion, aversion;
    int64_t ephemeral_owner; /* session id; 0: persistent */
    int32_t data_len, n_children;
};

enum zk_event { /* of the session, to zk_config.on_session */
    ZK_CONNECTED,    /* first connection of a session: a new session id */
    ZK_RECONNECTED,  /* same session again */
    ZK_DISCONNECTED, /* may come back within the session timeout */
    ZK_EXPIRED,      /* the session is gone; call zk_renew() for a new one */
    ZK_CLOSED        /* zk_close() has finished; the last call ever */
};

struct zk_config {
    const char *hosts;    /* "a:2181,b:2181" without chroot; copied */
    const char *chroot;   /* "" or "/x/y"; prefixed here to every path; copied */
    int session_timeout_ms;
    int64_t saved_session;/* re-attach this session first, only to close it;
                             0: none (see "restarted broker" in the design) */
    uint8_t saved_passwd[16];
    void (*on_session)(void *arg, enum zk_event event);
    void *arg;
};

/* Parse `zookeeper.connect` as Java's ConnectStringParser does: hosts split at
 * commas, blanks trimmed, port 2181 by default, IPv6 in brackets, chroot from
 * the first '/', with or without a trailing slash. Copies into `hosts` (numeric
 * port always present) and `chroot` (each at most `size` bytes).
 * ERR_INVALID with a sentence that shows what is allowed. */
MUST_USE enum err zk_parse_connect(struct bytes text, char *hosts, char *chroot,
                                   size_t size, struct errmsg *why);

/* Start connecting; keeps trying for ever, with one line at first and then at
 * growing intervals. Never blocks. */
MUST_USE enum err zk_start(struct zk **zk, struct loop *loop, struct pool *pool,
                           const struct zk_config *config, struct errmsg *why);

/* After ZK_EXPIRED: open a new session. All watches are gone. */
void zk_renew(struct zk *zk);

/* Close the session (ephemerals go at once), then free; ZK_CLOSED comes when
 * done, at most 3 s later. Pending operations complete with ERR_CLOSED first. */
void zk_close(struct zk **zk);

bool zk_is_connected(const struct zk *zk);
int64_t zk_session_id(const struct zk *zk); /* 0 before the first connection */
/* Session id and password, to be saved for the next start. */
void zk_session_secret(const struct zk *zk, int64_t *id, uint8_t passwd[16]);

/* -- operations -----------------------------------------------------------
 *
 * An operation is a struct in the caller's object. Fill `path` (and others),
 * set `on_done`, call the verb. Paths and data are copied before the call
 * returns. In on_done, `err` tells; results are borrowed until it returns:
 *   ERR_OK · ERR_ABSENT (NoNode) · ERR_EXISTS · ERR_CONFLICT (BadVersion) ·
 *   ERR_NOT_EMPTY · ERR_DENIED (NoAuth) · ERR_LOST · ERR_EXPIRED · ERR_CLOSED ·
 *   ERR_INVALID (bad path or data refused by the server)
 */
struct zk_op;
typedef void zk_op_fn(struct zk_op *op);

struct zk_op {
    struct list link;      /* the session's; not the caller's to touch */
    zk_op_fn *on_done;
    enum err err;
    struct bytes data;     /* get: content (null when the znode holds null) */
    struct bytes path;     /* create: the final path, without chroot */
    const struct bytes *children; /* children: names, unsorted */
    size_t n_children;
    struct zk_stat stat;   /* get, exists, set, children */
    void *private_;        /* the session's */
};

enum zk_create_mode {
    ZK_PERSISTENT = 0, ZK_EPHEMERAL = 1, ZK_SEQUENTIAL = 2
};

/* `data` null creates a znode with null data. */
void zk_create(struct zk *zk, struct zk_op *op, const char *path,
               struct bytes data, enum zk_create_mode mode);
void zk_delete(struct zk *zk, struct zk_op *op, const char *path,
               int32_t version);
void zk_set(struct zk *zk, struct zk_op *op, const char *path,
            struct bytes data, int32_t version);

/* A watch: called once when it fires, on the loop, then it may be set again.
 * Also called (fired = false) when the session expired and it is void. The
 * struct is lent until the call or zk_watch_cancel(). */
struct zk_watch {
    struct list link;      /* the session's */
    void (*on_fire)(struct zk_watch *watch, bool fired);
    void *private_;
    bool set;              /* armed at the server */
};

/* Forget a watch; on_fire will not come. */
void zk_watch_cancel(struct zk *zk, struct zk_watch *watch);

/* Reads; `watch` may be NULL. exists: the watch is set also when the znode is
 * absent (ERR_ABSENT); get and children: only when it is there. */
void zk_get(struct zk *zk, struct zk_op *op, const char *path,
            struct zk_watch *watch);
void zk_exists(struct zk *zk, struct zk_op *op, const char *path,
               struct zk_watch *watch);
void zk_children(struct zk *zk, struct zk_op *op, const char *path,
                 struct zk_watch *watch);

/* -- multi ---------------------------------------------------------------- */

enum zk_part_kind { ZK_PART_CREATE, ZK_PART_DELETE, ZK_PART_SET, ZK_PART_CHECK };

struct zk_part {
    enum zk_part_kind kind;
    const char *path;          /* borrowed until the call returns */
    struct bytes data;         /* create, set */
    enum zk_create_mode mode;  /* create */
    int32_t version;           /* delete, set, check; -1 any */
    enum err err;              /* result: ERR_OK, its error, or ERR_CLOSED for
                                  "rolled back because of another part" */
    struct zk_stat stat;       /* result of set */
};

/* All or nothing. op->err is the first real error of the parts (and
 * op->stat.version then holds the index of that part), or ERR_OK. `parts` must
 * live until on_done. */
void zk_multi(struct zk *zk, struct zk_op *op, struct zk_part *parts,
              size_t n_parts);

#endif
