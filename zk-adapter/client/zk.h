/* zk.h - one ZooKeeper session on a loop.
 *
 * Wraps the ZooKeeper C client (single-threaded library, driven by our loop):
 * connects, keeps the session alive, pipelines operations, delivers watches,
 * says when the session expired. Nothing else in the project includes the
 * client's header.
 *
 *      zk_start ─▶ CONNECTING ◀─▶ CONNECTED
 *                      └─▶ EXPIRED ─ zk_renew ─▶ CONNECTING ...
 *
 * An operation issued while there is no connection waits for one. Reads are
 * sent again after a lost connection. A write that was on its way when the
 * connection was lost completes with ERR_LOST (outcome unknown), or, with
 * `op->retry`, is sent again; `op->retried` then says that ERR_EXISTS,
 * ERR_CONFLICT or ERR_ABSENT may be the effect of the first try. When the
 * session expires, everything issued before completes with ERR_EXPIRED.
 *
 * Order: operations reach the server in the order of the calls (those sent
 * again come first), and complete in that order. A watch set by a read fires
 * only after that read has completed.
 *
 * Threads: everything on the loop's thread (or before the loop runs); callbacks
 * come from the loop, never from inside the call that asked. All calls are
 * allowed inside callbacks. Names are resolved and handles closed in the pool.
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

enum zk_event {               /* of the session, to zk_config.on_session */
                ZK_CONNECTED, /* first connection of a session: a new session id
                               */
                ZK_RECONNECTED,  /* same session again, watches are set again */
                ZK_DISCONNECTED, /* may come back within the session timeout */
                ZK_OVERDUE, /* no connection for a whole session timeout: others
                               may hold our ephemerals' places by now, so a
                               controller stops acting. RECONNECTED or EXPIRED
                               settles it */
                ZK_EXPIRED, /* the session is gone; call zk_renew() for a new
                               one. Comes before the ERR_EXPIRED of its
                               operations */
                ZK_CLOSED   /* zk_close() has finished; the last call ever */
};

enum { ZK_PASSWD_LEN = 16 };

struct zk_config {
    const char *hosts;  /* "a:2181,b:2181" without chroot, as
                           zk_parse_connect() writes it; copied */
    const char *chroot; /* "" or "/x/y"; prefixed here to every path; copied.
                           zk_make_path() creates it */
    int session_timeout_ms; /* asked for; the server may bound it */
    int64_t saved_session;  /* re-attach this session first, only to end it;
                               0: none */
    uint8_t saved_passwd[ZK_PASSWD_LEN];
    void (*on_session)(void *arg, enum zk_event event); /* may be NULL */
    void *arg;
};

enum { ZK_CONNECT_MAX = 4096 }; /* longest zookeeper.connect taken, with NUL */

/* Parse `zookeeper.connect` as Java's ConnectStringParser does: hosts split at
 * commas, blanks trimmed, port 2181 by default, IPv6 in brackets, chroot from
 * the first '/', with or without a trailing slash. Copies into `hosts` (a port
 * always present, IPv6 in brackets) and `chroot` ("" for none), both of `size`
 * bytes. ERR_INVALID with a sentence that shows what is allowed. */
MUST_USE enum err zk_parse_connect(struct bytes text, char *hosts, char *chroot,
                                   size_t size, struct errmsg *why);

/* Start connecting; keeps trying for ever, with one line at first and then at
 * growing intervals. Never blocks. */
MUST_USE enum err zk_start(struct zk **zk, struct loop *loop, struct pool *pool,
                           const struct zk_config *config, struct errmsg *why);

/* After ZK_EXPIRED (also inside its callback): open a new session. All watches
 * are gone. Operations issued after this call wait for the new session; those
 * issued between ZK_EXPIRED and this call complete with ERR_EXPIRED. */
void zk_renew(struct zk *zk);

/* Close the session (ephemerals go at once), then free. Operations that are not
 * complete get ERR_CLOSED first; ZK_CLOSED comes when all is done, at most 5 s
 * later. Sets *zk to NULL. */
void zk_close(struct zk **zk);

int64_t zk_session_id(const struct zk *zk); /* 0 before the first connection */
int zk_session_timeout_ms(const struct zk *zk); /* as negotiated, else asked */
/* Session id and password, to be saved for the next start (zk_saved.h); valid
 * from ZK_CONNECTED on. */
void zk_session_secret(const struct zk *zk, int64_t *id,
                       uint8_t passwd[ZK_PASSWD_LEN]);

/* -- operations -----------------------------------------------------------
 *
 * An operation is a struct in the caller's object, lent until on_done. Zero it,
 * set `on_done` (and `retry`), call a verb. Paths and data are copied before
 * the call returns. In on_done, `err` tells; results are borrowed until it
 * returns: ERR_OK · ERR_ABSENT (NoNode) · ERR_EXISTS · ERR_CONFLICT
 * (BadVersion) · ERR_NOT_EMPTY · ERR_DENIED (NoAuth) · ERR_LOST · ERR_EXPIRED ·
 * ERR_CLOSED · ERR_INVALID (bad path, or refused by the server) · ERR_NOMEM
 * (the answer was too large) · ERR_IO (the service takes no writes: its disk is
 * full, say) · ERR_LIMIT (a watch too many, see ZK_WATCH_BYTES_MAX). on_done
 * may reuse or free the op. Paths are absolute below the chroot ("/a"); a
 * malformed one is ERR_INVALID.
 */
struct zk_op;
typedef void zk_op_fn(struct zk_op *op);

struct zk_op {
    zk_op_fn *on_done;
    void *private_; /* the session's; NULL while not lent */
    bool retry;     /* in: send a write again after a lost connection; a
                       tenth time lost is ERR_LOST (too large, maybe) */
    bool retried;   /* out: it was sent more than once */
    enum err err;
    struct bytes data; /* get: content (null when the znode holds null) */
    struct bytes path; /* create: the final path, without chroot */
    const struct bytes *children; /* children: names, unsorted */
    size_t n_children;
    struct zk_stat stat; /* get, exists, set, children */
    size_t failed_part;  /* multi: index of the part whose error is `err` */
};

/* Forget an operation: on_done will not come, the struct (and the parts of a
 * multi) may go at once. What was sent may still take effect. No harm when the
 * op is not lent. */
void zk_op_cancel(struct zk_op *op);

enum zk_create_mode { ZK_PERSISTENT = 0, ZK_EPHEMERAL = 1, ZK_SEQUENTIAL = 2 };

/* `data` null creates a znode with null data. ACL world:anyone:cdrwa. */
void zk_create(struct zk *zk, struct zk_op *op, const char *path,
               struct bytes data, enum zk_create_mode mode);
/* version -1: any. */
void zk_delete(struct zk *zk, struct zk_op *op, const char *path,
               int32_t version);
/* op->stat tells the new version. `data` null: the znode then holds null. */
void zk_set(struct zk *zk, struct zk_op *op, const char *path,
            struct bytes data, int32_t version);

/* Create a persistent znode with null data, and whatever parents it lacks, the
 * chroot included ("/" makes the chroot alone). ERR_OK also when it was there.
 * Sent again after a lost connection. */
void zk_make_path(struct zk *zk, struct zk_op *op, const char *path);

/* A session's watches are sent again in one packet after a reconnect, and a
 * server drops packets above its jute.maxbuffer (1 MB), for ever. So a session
 * takes no more watches than this many bytes of path text (and 8 for each); a
 * read with a watch beyond is ERR_LIMIT and may be asked again without one. */
enum { ZK_WATCH_BYTES_MAX = 512 * 1024 };

/* A watch: called once when it fires, on the loop, then it may be set again.
 * Also called (fired = false) when the session expired or closed and it is
 * void; then op->err of the read has been told before. Zero it, set on_fire,
 * pass it to a read. The struct is lent from a successful read until the call
 * of on_fire or zk_watch_cancel(). A watch that is set already stays set
 * (once), as long as the path is the same; it must not be in two reads at a
 * time. */
struct zk_watch {
    struct list link; /* the session's */
    void (*on_fire)(struct zk_watch *watch, bool fired);
    void *private_; /* the session's; NULL while not set */
    void *pending_; /* the session's; the read that is to set it */
};

/* Forget a watch, also one whose read is not complete: on_fire will not come.
 */
void zk_watch_cancel(struct zk_watch *watch);

static inline bool zk_watch_is_set(const struct zk_watch *watch)
{
    return watch->private_ != NULL;
}

/* Reads; `watch` may be NULL. exists: the watch is set also when the znode is
 * absent (ERR_ABSENT); get and children: only when it is there. After any other
 * error the watch is as it was. */
void zk_get(struct zk *zk, struct zk_op *op, const char *path,
            struct zk_watch *watch);
void zk_exists(struct zk *zk, struct zk_op *op, const char *path,
               struct zk_watch *watch);
void zk_children(struct zk *zk, struct zk_op *op, const char *path,
                 struct zk_watch *watch);

/* -- multi ---------------------------------------------------------------- */

enum zk_part_kind {
    ZK_PART_CREATE,
    ZK_PART_DELETE,
    ZK_PART_SET,
    ZK_PART_CHECK
};

struct zk_part {
    enum zk_part_kind kind;
    const char *path;         /* borrowed until the call returns */
    struct bytes data;        /* create, set; borrowed until the call returns */
    enum zk_create_mode mode; /* create */
    int32_t version;          /* delete, set, check; -1 any */
    enum err err;             /* result: ERR_OK, its own error, or ERR_CLOSED:
                                 rolled back because of another part */
    struct zk_stat stat;      /* result of set */
};

/* All or nothing. op->err is the first real error of the parts (op->failed_part
 * its index), or ERR_OK. `parts` must live until on_done. An empty multi is
 * ERR_INVALID. Keep one below 512 KiB of paths and data. */
void zk_multi(struct zk *zk, struct zk_op *op, struct zk_part *parts,
              size_t n_parts);

/* -- sessions of earlier runs --------------------------------------------- */

/* Attach to another session, only to end it, so that its ephemerals go at once.
 * ERR_OK: it is gone now (or was before). Waits for a connection like any
 * operation, and is not ended by this session's expiry; ERR_CLOSED by
 * zk_close(). zk_config.saved_session does this before connecting; use this one
 * when something must be looked at first. */
void zk_end_session(struct zk *zk, struct zk_op *op, int64_t session,
                    const uint8_t passwd[ZK_PASSWD_LEN]);

#endif
