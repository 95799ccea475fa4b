/* kcore.h - the deciding half of the service: frames in, frames out.
 *
 * The core knows the tree, the sessions, the watches and what is not on disk
 * yet. It is given bytes of connections (kcore_feed), the time, and word that
 * records became durable (kcore_durable); it fills output buffers and a log
 * buffer. It makes no system calls, so it runs in tests, fuzzers and
 * simulations without sockets or files.
 *
 * Order of things. A write is checked and applied at once, its record is
 * appended to the open batch, and its answer is queued behind a gate that opens
 * when that batch is durable:
 *
 *     peer.out:  | sent | may go | gate: batch 7 | ... | gate: batch 8 | ... |
 *
 * A read that shows only durable state needs no gate of its own; one that shows
 * a change still on its way (a node's zxids tell) gets the gate of that change.
 * The zxid in a read's header is the last durable one, or the newest this
 * connection's own gates wait for. At most two batches are not durable: one
 * being synced and the open one, so a connection has at most two gates.
 *
 * Threads: the keeper loop only.
 */
#ifndef GREGOR_KEEPER_KCORE_H
#define GREGOR_KEEPER_KCORE_H

#include "base/list.h"
#include "base/mem.h"
#include "keeper/kacl.h"
#include "keeper/keeper.h"
#include "keeper/kmetric.h"
#include "keeper/ksasl.h"
#include "keeper/ksession.h"
#include "keeper/ktree.h"
#include "keeper/kwatch.h"
#include "wire/rd.h"
#include "wire/wr.h"

/* ZooKeeper's error codes that a single server sends. */
enum kcode {
    K_OK = 0,
    K_SYSTEM_ERROR = -1,
    K_RUNTIME_INCONSISTENCY = -2,
    K_MARSHALLING = -5,
    K_UNIMPLEMENTED = -6,
    K_BAD_ARGUMENTS = -8,
    K_NO_NODE = -101,
    K_NO_AUTH = -102,
    K_BAD_VERSION = -103,
    K_NO_CHILDREN_FOR_EPHEMERALS = -108,
    K_NODE_EXISTS = -110,
    K_NOT_EMPTY = -111,
    K_SESSION_EXPIRED = -112,
    K_INVALID_ACL = -114,
    K_AUTH_FAILED = -115,
    K_NO_WATCHER = -121,
    K_RECONFIG_DISABLED = -123,
    K_SESSION_REQUIRES_AUTH = -124,
    K_QUOTA_EXCEEDED = -125,
};

enum kopcode {
    KOP_ERROR = -1,
    KOP_CREATE_SESSION = -10,
    KOP_CLOSE_SESSION = -11,
    KOP_CREATE = 1,
    KOP_DELETE = 2,
    KOP_EXISTS = 3,
    KOP_GET_DATA = 4,
    KOP_SET_DATA = 5,
    KOP_GET_ACL = 6,
    KOP_SET_ACL = 7,
    KOP_GET_CHILDREN = 8,
    KOP_SYNC = 9,
    KOP_PING = 11,
    KOP_GET_CHILDREN2 = 12,
    KOP_CHECK = 13,
    KOP_MULTI = 14,
    KOP_CREATE2 = 15,
    KOP_RECONFIG = 16,
    KOP_CHECK_WATCHES = 17,
    KOP_REMOVE_WATCHES = 18,
    KOP_CREATE_CONTAINER = 19,
    KOP_DELETE_CONTAINER = 20,
    KOP_CREATE_TTL = 21,
    KOP_MULTI_READ = 22,
    KOP_AUTH = 100,
    KOP_SET_WATCHES = 101,
    KOP_SASL = 102,
    KOP_GET_EPHEMERALS = 103,
    KOP_GET_ALL_CHILDREN_NUMBER = 104,
    KOP_SET_WATCHES2 = 105,
    KOP_ADD_WATCH = 106,
    KOP_WHO_AM_I = 107,
};

/* Bounds of the service, apart from those of the configuration. */
enum {
    K_OUT_PAUSE = 1 << 20, /* unsent bytes at which a peer's requests wait */
    K_OUT_EVENTS_MOST = 16 << 20, /* the same at which events end it */
    K_OUT_MOST = 1 << 28, /* one connection's output with a large reply */
    K_SET_WATCHES_MOST = 16 << 20, /* frame of op 101 and 105 */
    K_BATCH_PAUSE = 8 << 20, /* bytes of the open batch at which all wait */
    K_ARENA_MOST = 64 << 20, /* decoded form of one request */
    K_RECORD_SNAP = 1 << 20, /* a longer log record asks for a snapshot */
    K_EXPIRE_SLICE = 200,    /* sessions ended in one turn */
    K_CLEAN_SLICE = 200,     /* containers removed in one turn */
};

enum kpeer_close {
    KPEER_OPEN,
    KPEER_LAST, /* no more requests; close when all output is sent */
    KPEER_DEAD, /* close now */
};

struct kgate {
    uint64_t batch;
    size_t at;        /* bytes of out.data from here wait for the batch */
    uint32_t n_reads; /* requests answered behind it */
    uint32_t n_writes;
    int64_t since_ms; /* when the first of them came */
};

struct kpeer_stats {
    uint64_t received; /* frames */
    uint64_t sent;
    uint64_t latency_n;
    uint64_t latency_sum_ms;
    int64_t latency_min_ms;
    int64_t latency_max_ms;
    int64_t latency_last_ms;
    int64_t last_response_ms; /* monotonic */
    int64_t last_zxid;        /* -1: none yet */
    int32_t last_cxid;        /* -1: none yet */
    int32_t last_op;          /* opcode; 0: none yet */
};

/* One connection, as the core sees it. The owner embeds it. */
struct kpeer {
    struct list link;      /* in kcore.peers */
    struct list dirty;     /* in kcore.dirty: has something to send or close */
    struct list gated;     /* in kcore.gated: a gate is closed */
    struct wr out;         /* replies and events, whole frames */
    size_t sent;           /* bytes of `out` the owner has sent */
    struct kgate gates[2]; /* oldest first */
    unsigned n_gates;
    enum kpeer_close close;
    bool hello;               /* the handshake was read */
    bool paused;              /* kcore_feed() stopped for want of room */
    int64_t shown_zxid;       /* newest zxid in `out` so far */
    struct ksession *session; /* NULL before the handshake */
    int64_t session_id;       /* for lines; 0: none */
    int32_t timeout_ms;       /* negotiated */
    struct kwatcher watcher;
    struct kids ids;
    struct ksasl_talk *sasl; /* owned; NULL before the first token */
    bool known;              /* enforced authentication is done */
    char address[64];        /* "/127.0.0.1:38312" as the words print it */
    int64_t since_ms;        /* monotonic time of accept */
    int64_t since_wall_ms;
    struct kpeer_stats stats;
};

/* What `srst` resets, apart from the metrics. */
struct kcore_stats {
    uint64_t received;
    uint64_t sent;
    uint64_t latency_n;
    uint64_t latency_sum_ms;
    int64_t latency_min_ms;
    int64_t latency_max_ms;
    int64_t response_last; /* bytes of a reply; -1: none yet */
    int64_t response_min;
    int64_t response_max;
    uint64_t auth_failed;
    uint64_t slow_syncs; /* over fsync.warningthresholdms */
    uint64_t quota_exceeded;
};

struct kcore {
    const struct keeper_config *config;
    struct ktree tree;
    struct ksessions sessions;
    struct kwatches watches;
    struct list peers;
    size_t n_peers;
    struct list dirty;
    struct list gated;
    struct arena arena; /* of the request under way */

    int64_t zxid;       /* last given out */
    int64_t acl_zxid;   /* last change of an ACL: no stat shows it */
    int64_t quota_zxid; /* the same of a quota's stats */
    size_t n_limits;    /* quotas there are */
    const struct ktree_node *counted; /* stats counted whole last, and when */
    int64_t counted_zxid;
    int64_t durable_zxid;     /* everything up to here is on disk */
    int64_t syncing_zxid;     /* last one of the batch being synced */
    struct wr log;            /* records of the open batch */
    uint64_t batch_open;      /* its number */
    uint64_t batch_done;      /* last durable batch */
    uint64_t batch_records;   /* in the open batch */
    uint64_t syncing_records; /* in the batch being synced */
    uint64_t records;         /* since the last snapshot was begun */
    uint64_t record_bytes;    /* the same in bytes */
    bool want_snapshot;       /* a record was too long for other readers */
    bool refuse_writes;       /* the disk takes no more */
    bool hold;                /* no frame is handled, no session ends: the tree
                                 is about to be replaced */

    int64_t now_ms; /* monotonic; the owner sets both */
    int64_t wall_ms;
    int64_t started_ms;
    size_t expire_left; /* sessions that wait for the next slice: hint */
    int64_t containers_due_ms;

    struct kschemes schemes;
    struct ksasl *sasl;                    /* owned; NULL: no SASL */
    bool (*random)(void *out, size_t len); /* for nonces; false: none left */

    struct bytes (*word)(struct kcore *core, struct kpeer *peer,
                         struct bytes in, struct arena *arena, size_t *need);
    /* answers a four-letter word; NULL: none */
    int64_t trace_mask; /* of gtmk and stmk; nothing hangs on it */
    struct kcore_stats stats;
    struct kmetrics metrics;
};

/* A core with an empty tree (not even a root). `config` is borrowed. */
void kcore_init(struct kcore *core, const struct keeper_config *config,
                int64_t now_ms, int64_t wall_ms);
/* Free everything; each peer has had its kpeer_fini() before. */
void kcore_fini(struct kcore *core);

/* A connection came or went. kpeer_fini() keeps the session. */
void kpeer_init(struct kcore *core, struct kpeer *peer, struct bytes ip,
                const char *address);
/* Frees the output and the watches too; the struct stays the owner's. Allowed
 * while a gate is closed. */
void kpeer_fini(struct kcore *core, struct kpeer *peer);

/* Forget what a connection, or the server, has counted, as crst and srst do. */
void kpeer_stats_reset(struct kpeer *peer);
/* The metrics, too, unless they are shown to Prometheus: there counters never
 * fall. */
void kcore_stats_reset(struct kcore *core);

/* The connection's certificate was checked; its subject is `name`. */
void kpeer_certified(struct kcore *core, struct kpeer *peer, struct bytes name);

/* Handle the whole frames at the start of `in`. Returns the bytes consumed; the
 * rest must be given again, with more behind. `*need`: bytes the first
 * unfinished frame takes in all (at least 4), when known. Look at peer->close
 * and peer->paused afterwards. */
size_t kcore_feed(struct kcore *core, struct kpeer *peer, struct bytes in,
                  size_t *need);

/* Bytes that may be sent now, behind peer->sent. */
struct bytes kpeer_sendable(const struct kpeer *peer);
/* `n` of them were sent. */
void kpeer_sent(struct kpeer *peer, size_t n);
static inline size_t kpeer_unsent(const struct kpeer *peer)
{
    return peer->out.len - peer->sent;
}

/* Take the open batch for writing: its bytes move into `records`, a new batch
 * is opened. False when there is nothing, or one is still being synced. */
bool kcore_take_batch(struct kcore *core, struct wr *records);
/* The batch taken last is on disk. */
void kcore_durable(struct kcore *core);

/* End sessions whose time is over, at most a slice of them. True: more wait. */
bool kcore_expire(struct kcore *core);

/* Remove containers and TTL nodes that are due, at most a slice. */
bool kcore_clean(struct kcore *core);

/* -- for the files of the core only --------------------------------------- */

/* Start a frame in the peer's output that shows state up to `zxid`; then body,
 * then kreply_end(). */
size_t kreply_begin(struct kcore *core, struct kpeer *peer, int32_t xid,
                    int64_t zxid, enum kcode code);
/* End the frame that began at `frame`: its length is written, it is counted,
 * and the peer becomes dirty. A peer whose output is full (K_OUT_MOST) is
 * ended. */
void kreply_end(struct kcore *core, struct kpeer *peer, size_t frame);
/* A reply without a body. */
void kreply_error(struct kcore *core, struct kpeer *peer, int32_t xid,
                  int64_t zxid, enum kcode code);

/* The same without a gate and with this very zxid in the header; the frame is
 * also ended by kreply_end(). */
size_t kframe_begin(struct kpeer *peer, int32_t xid, int64_t zxid,
                    enum kcode code);

/* Put a gate in front of what follows in the peer's output. */
void kpeer_gate(struct kcore *core, struct kpeer *peer, int64_t zxid);
/* Raise peer->close to `how`, never lower it, and make the peer dirty;
 * KPEER_OPEN only does the latter. The owner closes it. */
void kpeer_end(struct kcore *core, struct kpeer *peer, enum kpeer_close how);

/* A log record in the open batch: begin (zxid is core->zxid + 1), body, end.
 * krecord_cut() takes back what was begun. */
size_t krecord_begin(struct kcore *core, int64_t client, int32_t cxid,
                     int32_t type);
/* Adds checksum and length, and makes its zxid core->zxid. Without memory for
 * it the process ends: what is applied could be neither logged nor taken back.
 */
void krecord_end(struct kcore *core, size_t record);
/* The zxid it would have had goes to the next one. */
void krecord_cut(struct kcore *core, size_t record);

/* ZooKeeper's Stat, 68 bytes, as clients see the node. */
void kstat_write(struct wr *w, const struct ktree_node *node);

/* A request: what the handlers get. */
struct kreq {
    struct kcore *core;
    struct kpeer *peer;
    struct rd rd; /* behind the header */
    int32_t xid;
    int32_t type;
};

/* The handshake: a new session, or an old one again. A peer that has seen a
 * newer zxid than ours is ended; so is a newcomer while writes are refused. */
void kconnect_handle(struct kcore *core, struct kpeer *peer,
                     struct bytes frame);
/* Requests that change nothing, but for watches. Each of these handlers answers
 * exactly once (an error is an answer), or ends the peer. What it needs of
 * memory it takes from the core's arena. */
void kread_handle(struct kreq *req);
/* One change, closeSession included: checked, applied, logged, then answered
 * behind a gate. K_SYSTEM_ERROR while writes are refused. */
void kwrite_handle(struct kreq *req);
/* All or nothing: at the first part that fails, those before it are undone. */
void kmulti_handle(struct kreq *req);
/* Parts fail on their own. First pass: are they all readable, and what do they
 * show? So that one gate in front is enough. */
void kmulti_read_handle(struct kreq *req);
/* setWatches (both), addWatch, checkWatches, removeWatches. */
void kwatch_handle(struct kreq *req);
/* auth and sasl: a failure is told, and mostly ends the peer. */
void kauth_handle(struct kreq *req);
/* May this request be served? Where authentication is enforced and the peer has
 * none, it is told so, ended, and false comes back. */
bool kauth_enforce(struct kreq *req);
/* Add the identities that a digest secret ("user:password") stands for. Uses
 * the arena. False: no memory for them. */
bool kauth_add_digest(struct kcore *core, struct kids *ids,
                      struct bytes secret);

/* End a session: its record, its ephemerals, their events. `cxid` 0 when it
 * expired. The peer, if any, is left to the caller. */
void ksession_end(struct kcore *core, struct ksession *session, int32_t cxid);

#endif
