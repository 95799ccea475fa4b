/* zkc.h - one session with a ZooKeeper, for a program that waits for answers.
 *
 *   zkc_open ─▶ CONNECTING ◀─▶ CONNECTED ─▶ CLOSED        (zkc_close, expired)
 *                                  └──────▶ AUTH_FAILED   (addauth was refused)
 *
 * A call sends one request and waits for its reply. What arrives meanwhile, or
 * during zkc_pump(), goes to on_event: changes of the connection, and watches
 * that fired. The session outlives its connection: the next call or pump
 * connects again, to any of the servers, in the same session, with the auth
 * that was added and the watches that are still set.
 *
 * Debian's C client knows neither watches of addWatch nor getEphemerals,
 * getAllChildrenNumber and whoAmI, and would need a second loop beside the one
 * that reads lines: hence frames over a socket, with the wire code that the
 * service itself uses.
 *
 * Threads: one. Everything may block for as long as the session's timeout.
 */
#ifndef GREGOR_TOOLS_SHELL_ZKC_H
#define GREGOR_TOOLS_SHELL_ZKC_H

#include "base/mem.h"
#include "tools/shell/zkc_tls.h"
#include "wire/msg_jute_proto.h"

enum zkc_state {
    ZKC_CONNECTING,
    ZKC_CONNECTED,
    ZKC_CONNECTED_READONLY,
    ZKC_CLOSED,
    ZKC_AUTH_FAILED,
};

/* ZooKeeper's opcodes and errors, as on the wire. */
enum {
    ZKC_OP_CREATE = 1,
    ZKC_OP_DELETE = 2,
    ZKC_OP_EXISTS = 3,
    ZKC_OP_GET_DATA = 4,
    ZKC_OP_SET_DATA = 5,
    ZKC_OP_GET_ACL = 6,
    ZKC_OP_SET_ACL = 7,
    ZKC_OP_GET_CHILDREN = 8,
    ZKC_OP_SYNC = 9,
    ZKC_OP_PING = 11,
    ZKC_OP_GET_CHILDREN2 = 12,
    ZKC_OP_MULTI = 14,
    ZKC_OP_RECONFIG = 16,
    ZKC_OP_REMOVE_WATCHES = 18,
    ZKC_OP_CREATE_CONTAINER = 19,
    ZKC_OP_CREATE_TTL = 21,
    ZKC_OP_AUTH = 100,
    ZKC_OP_GET_EPHEMERALS = 103,
    ZKC_OP_GET_ALL_CHILDREN_NUMBER = 104,
    ZKC_OP_SET_WATCHES2 = 105,
    ZKC_OP_ADD_WATCH = 106,
    ZKC_OP_WHO_AM_I = 107,
    ZKC_OP_CLOSE = -11,

    ZKC_OK = 0,
    ZKC_CONNECTION_LOSS = -4,
    ZKC_MARSHALLING = -5,
    ZKC_NO_NODE = -101,
    ZKC_SESSION_EXPIRED = -112,
    ZKC_AUTH_REFUSED = -115,
    ZKC_NO_WATCHER = -121,
};

/* As on the wire. */
enum zkc_event_type {
    ZKC_EVENT_NONE = -1, /* the connection changed: see the state */
    ZKC_EVENT_CREATED = 1,
    ZKC_EVENT_DELETED = 2,
    ZKC_EVENT_DATA = 3,
    ZKC_EVENT_CHILDREN = 4,
    ZKC_EVENT_DATA_WATCH_REMOVED = 5,
    ZKC_EVENT_CHILD_WATCH_REMOVED = 6,
    ZKC_EVENT_PERSISTENT_WATCH_REMOVED = 7,
};

struct zkc_event {
    const char *state;        /* "SyncConnected", ... */
    enum zkc_event_type type; /* */
    struct bytes path;        /* null: of the connection; borrowed */
    int64_t zxid;             /* of the change; -1: unknown */
};

enum zkc_watch_kind { /* bits: one path may have several */
                      ZKC_WATCH_DATA = 1,
                      ZKC_WATCH_EXIST = 2,
                      ZKC_WATCH_CHILD = 4,
                      ZKC_WATCH_PERSISTENT = 8,
                      ZKC_WATCH_RECURSIVE = 16,
};

struct zkc_watch {
    char *path; /* as the caller says it, without chroot; owned */
    unsigned kinds;
};

struct zkc_auth {
    char *scheme; /* owned */
    char *auth;   /* owned; NULL: none */
};

struct zkc {
    enum zkc_state state;
    int fd;                /* -1: not connected */
    struct zkc_tls *tls;   /* NULL: plain text; set by the caller, borrowed */
    struct tls_conn *conn; /* on fd; NULL: plain text, or not connected */
    char *hosts;           /* "a:1,b:2" without chroot; owned */
    char *chroot;          /* "" or "/x"; owned */
    int timeout_ms;
    bool read_only;   /* a read-only server will do */
    bool complained;  /* that nobody answers has been said */
    size_t next_host; /* which one is asked next */

    int64_t session; /* 0: none yet */
    uint8_t password[16];
    int granted_ms; /* timeout that the server agreed to */
    int64_t last_zxid;
    int32_t xid;
    int64_t sent_ms, heard_ms, tried_ms; /* monotonic */

    struct wr out; /* the frame being made */
    uint8_t *in;   /* bytes received; owned */
    size_t in_len, in_size;
    size_t in_used; /* bytes of the frame last looked at, dropped by the next */

    struct zkc_watch *watches; /* owned */
    size_t n_watches;
    struct zkc_auth *auths; /* owned */
    size_t n_auths;

    void (*on_event)(void *context, const struct zkc_event *event);
    void *context;
};

/* Start a session with `connect` ("host:port,host:port/chroot"); it is
 * connected by the first pump or call. The zkc is zeroed, or was closed; `tls`
 * and `on_event` stay as they are. */
MUST_USE enum err zkc_open(struct zkc *zkc, const char *connect, int timeout_ms,
                           bool read_only, struct errmsg *why);

/* End the session, if there is a connection to say so, and the connection. */
void zkc_close(struct zkc *zkc);

/* Free what it holds; the session is left to the server's timeout. */
void zkc_fini(struct zkc *zkc);

bool zkc_is_alive(const struct zkc *zkc);
const char *zkc_state_words(const struct zkc *zkc);

/* Connect when there is no connection (at most once a second), take what has
 * arrived, ping when it is time. Gives the ms until it wants to be called
 * again; 0 to wait for `fd` alone is never asked. */
int zkc_pump(struct zkc *zkc);

/* Begin a request: what is written to the buffer given is its body. */
struct wr *zkc_begin(struct zkc *zkc, int opcode);

/* Send it and wait for the reply. Gives ZooKeeper's error code; `reply` reads
 * the body, which is borrowed until the next use of this session. */
int zkc_call(struct zkc *zkc, struct rd *reply);

/* Add auth to the session: sent now and after each new connection. A refusal
 * comes as an event. */
void zkc_add_auth(struct zkc *zkc, const char *scheme, const char *auth);

/* -- paths
 * ------------------------------------------------------------------------ */

/* The path as the server knows it. */
struct bytes zkc_path(const struct zkc *zkc, struct arena *arena,
                      const char *path);
/* The path as the caller knows it; the same bytes, further on. */
struct bytes zkc_path_own(const struct zkc *zkc, struct bytes path);

/* -- watches (zkc_watch.c)
 * -------------------------------------------------------- */

void zkc_watch_add(struct zkc *zkc, const char *path, unsigned kinds);
/* The kinds of watches that are set on a path. */
unsigned zkc_watch_get(const struct zkc *zkc, struct bytes path);
/* Take away some kinds; gives those that were there. */
unsigned zkc_watch_drop(struct zkc *zkc, struct bytes path, unsigned kinds);
/* A watch fired: what it used up goes. True: somebody asked for it. */
bool zkc_watch_fired(struct zkc *zkc, enum zkc_event_type type,
                     struct bytes path);
/* The request that sets all of them again, for zkc alone. */
void zkc_watch_write(const struct zkc *zkc, struct wr *w);

#endif
