/* peer_in.h - what the files of a peer share; private to the folder.
 *
 *   IDLE ─▶ RESOLVING ─▶ CONNECTING ─▶ (HELLO ─▶) READY
 *    ▲          └────────────┴───────────┴──────────┤ broken
 *    └────────────────── BACKOFF ◀──────────────────┘
 *
 *   IDLE       nothing to send
 *   RESOLVING  the pool looks the name up (a numeric address needs no pool)
 *   CONNECTING until the socket is writable; then the next address
 *   HELLO      ApiVersions is under way, calls wait
 *   READY      calls are sent as they come
 *   BACKOFF    until the timer; then again when calls wait, else IDLE
 */
#ifndef GREGOR_NET_PEER_IN_H
#define GREGOR_NET_PEER_IN_H

#include "net/net.h"

struct addrinfo;
struct resolve;

enum peer_limits {
    PEER_KEYS = 128,                 /* API keys a handshake may tell of */
    PEER_BUF_FIRST = 64 * 1024,      /* of an answer; doubles as bytes come */
    PEER_BUF_KEEP = 2 * 1024 * 1024, /* kept for the next answer for a while */
    PEER_RESPONSE_MOST = 100 * 1024 * 1024,
    PEER_TURN = 8,    /* recv() before others have their turn */
    PEER_GATHER = 16, /* frames in one send */
};

#define PEER_CONNECT_US (10 * 1000000ll) /* for the way to READY */
#define PEER_TIMEOUT_US (30 * 1000000ll) /* a call's, when it says 0 */
#define PEER_KEEP_US (1000000ll)         /* memory kept without any call */

enum peer_state {
    PEER_IDLE,
    PEER_RESOLVING,
    PEER_CONNECTING,
    PEER_HELLO,
    PEER_READY,
    PEER_BACKOFF
};

struct peer_range {
    int16_t min, max; /* max < min: not served */
};

struct peer {
    struct loop *loop;
    struct pool *pool;
    char *host;
    char *client_id;
    int port;
    bool handshake;
    bool impatient;
    int64_t backoff_us;
    size_t response_max;

    enum peer_state state;
    struct loop_io io;      /* io.fd -1: no socket */
    struct loop_timer step; /* end of BACKOFF, or of patience before READY */
    struct loop_timer deadline; /* of the call that is due first */
    struct loop_timer keep;     /* gives memory back that nobody used */
    struct loop_timer kick;     /* "look at the queues", in the next turn */
    struct resolve *resolve;    /* under way in the pool; NULL: none */
    struct addrinfo *addrs;     /* of the last look-up */
    const struct addrinfo *next_addr;
    struct errmsg trouble; /* why it is not READY */

    struct list waiting;    /* calls not sent whole, in order */
    struct list sent;       /* calls that wait for their answer, in order */
    struct list failed;     /* refused by peer_send(); told of by `kick` */
    size_t out_at;          /* bytes of the first waiting frame sent */
    int32_t correlation_id; /* of the next call */

    uint8_t *buf; /* the answer being received */
    size_t buf_size;
    uint32_t need; /* its length; 0: length not known yet */
    uint32_t got;
    uint8_t head[4];
    uint8_t head_got;
    struct arena arena; /* the decoded answer */

    struct peer_call hello; /* the handshake's own */
    int16_t hello_version;
    bool ranged; /* ranges[] are this connection's */
    struct peer_range ranges[PEER_KEYS];

    unsigned depth; /* callbacks we are inside of */
    bool dead;      /* peer_free() was called */
};

/* -- peer.c
 * --------------------------------------------------------------------- */

/* Complete a call that is in no list any more. The peer may be dead then. */
void peer_done(struct peer *peer, struct peer_call *call, enum err err,
               const void *response);
/* The connection is of no use: answers that are due will not come (ERR_NET, or
 * `first` for the first one), back off. The peer may be dead afterwards. */
void peer_break(struct peer *peer, enum err first);
/* Look at the queues in the next turn. */
void peer_kick(struct peer *peer);
/* A callback from the loop begins and ends; the end may free the peer. */
void peer_enter(struct peer *peer);
/* After the outermost one, a peer that was freed meanwhile is gone. */
void peer_leave(struct peer *peer);
/* Encode a request into call->frame. */
enum err peer_encode(struct peer *peer, struct peer_call *call, int16_t version,
                     const void *request);

/* -- peer_link.c
 * ------------------------------------------------------------------ */

/* From IDLE or BACKOFF towards READY. */
void peer_connect(struct peer *peer);
/* Forget socket, look-up and what was received in part. */
void peer_disconnect(struct peer *peer);
/* Send what waits and may be sent; ERR_NET when the connection broke. */
enum err peer_flush(struct peer *peer);

/* -- peer_hello.c
 * ----------------------------------------------------------------- */

/* Connected: ask for versions, or be READY at once. */
void peer_hello_start(struct peer *peer);
/* The frame of the answer to hello. False: this connection is of no use. */
bool peer_hello_read(struct peer *peer, struct rd *r);
/* Encode anew what is too high for the other side; what has no common version
 * goes to peer->failed. */
void peer_lower_waiting(struct peer *peer);
/* The version in which a call is sent now. ERR_VERSION. */
enum err peer_version(const struct peer *peer, const struct peer_call *call,
                      int16_t *version);

#endif
