/* net.h - listeners, reactors, connections and requests.
 *
 * A reactor is a thread with a loop that owns connections. Each connection
 * reads one frame at a time into a pooled buffer that holds it whole, decodes
 * the header, and calls the API's handler inline. As in Kafka, the next request
 * of a connection is not looked at before the reply of the last one is queued:
 * so replies leave in order, and a connection whose replies pile up is not read
 * from.
 *
 *   socket ─▶ frame ─▶ struct request ─▶ api handler ─▶ request_reply() ─▶ …
 *                            │ must wait                      ▲
 *                            └─▶ parked on an object ─▶ request_post()
 *
 * Between two requests a connection may move to another reactor: quiet ones
 * gather on the first, and all do while little is to do (gather.c).
 *
 * A handler ends in exactly one of request_reply(), request_reply_none() (acks
 * 0) or request_close(), now or later; until then the request is the handler's,
 * also when the peer has gone meanwhile (the reply is then dropped).
 *
 * Threads: a request, its arena and its connection are touched on their
 * reactor's thread only. Other threads call request_post() to get there.
 */
#ifndef GREGOR_NET_H
#define GREGOR_NET_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"
#include "loop/loop.h"
#include "loop/pool.h"
#include "wire/apis.h"
#include "wire/wr.h"

struct broker; /* broker.h: what handlers reach everything else through */
struct net;
struct conn;
struct reactor;

/* One entry of `listeners`, resolved. */
struct listener {
    const char *name; /* upper case, e.g. "PLAINTEXT", "INT" */
    int16_t protocol; /* 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL */
    const char *host; /* bind address; "" all interfaces */
    int port;         /* bound port (after net_bind, never 0) */
    const char *advertised_host; /* NULL: not advertised */
    int advertised_port;
};

struct request {
    struct conn *conn;
    struct reactor *reactor;
    struct broker *broker;
    const struct listener *listener; /* the request came in on it */
    const struct wire_api *api;
    int16_t version;
    int32_t correlation_id;
    struct bytes client_id;   /* may be null; lives as long as the request */
    struct bytes client_host; /* "1.2.3.4", "fe80::1"; as long as the request */
    struct bytes body;        /* undecoded body, slice of the frame */
    struct arena arena;       /* for all that lives as long as the request */
    int64_t arrived_us;       /* monotonic: when the frame was whole */
    struct job job;           /* for request_post() */
    void (*on_post)(struct request *request);
    void *park; /* the handler's own state, in the arena */
};

/* A handler: decodes request->body with request->api's reader (or calls
 * request_read()), does the work, ends as told above. */
typedef void api_fn(struct request *request);

/* Decode the body into the API's request struct in the arena. NULL: the body
 * was malformed; the connection has been closed with one line, the request is
 * no longer the handler's. Trailing bytes are tolerated as Kafka does.
 *
 * ApiVersions alone reaches its handler with any version, also one that is not
 * ours: the handler then does not decode the body, sets request->version to 0
 * and replies UNSUPPORTED_VERSION. */
MUST_USE void *request_read(struct request *request);

/* Write header and `response` (the API's generated response struct, in
 * request->version) and queue them. Cuts' file references pass to the
 * connection. The request is gone afterwards, with its arena and frame; what
 * `response` refers to may lie there. Reactor thread only. */
void request_reply(struct request *request, const void *response);

/* Before it waits for long: acknowledge it now, and what this client asks next
 * with its answer, which will come at once. Left to itself TCP acknowledges
 * this request 40 ms late and concludes that nothing is answered here: it then
 * acknowledges what comes next by itself, a packet for each of a group's
 * members just when all are served. Reactor thread only. */
void request_expect_wait(struct request *request);

/* Before the answer: what this client asks next can wait a little, as one
 * heartbeat after another can. After two such requests in a row the next one
 * may be read LOOP_UNHURRIED_US late where there are many such connections.
 * Reactor thread only. */
void request_expect_no_hurry(struct request *request);

/* No answer (Produce acks=0), go on with the next request. */
void request_reply_none(struct request *request);

/* Close the connection, with one line that says why; the request is gone. */
void request_close(struct request *request, const char *why);

/* Run `fn(request)` on the request's reactor; any thread. Not again before it
 * ran. */
void request_post(struct request *request, void (*fn)(struct request *));

/* The record bytes in the frame are no longer needed (they were appended):
 * gives the frame's memory back while the request is parked. body and all
 * slices of it become invalid; what must survive was copied to the arena.
 * client_id stays good. */
void request_drop_frame(struct request *request);

/* The reactor's loop, for timers of parked requests. */
struct loop *request_loop(const struct request *request);

/* -- file ranges in replies -----------------------------------------------
 *
 * wr cuts carry a `struct seg_file *` (seg/seg.h). The connection sends the
 * range with sendfile and gives the reference back (seg_file_unref). */

/* -- life cycle ------------------------------------------------------------ */

/* Limits of connections; a number that is NET_NO_LIMIT does not bind. */
struct net_quota {
    int32_t most;             /* max.connections */
    const int32_t *listeners; /* each listener's own, in the order of
                                 net_config.listeners; NULL: `most` */
    int32_t per_ip;           /* max.connections.per.ip */
    const struct net_ip_limit {
        uint8_t addr[16]; /* of IPv6; IPv4 is mapped */
        int32_t most;     /* instead of per_ip; below 0 as 0 */
    } * exceptions;       /* the last one of an address counts */
    size_t n_exceptions;
    int32_t rate;           /* max.connection.creation.rate, a second */
    const int32_t *rates;   /* each listener's own; NULL: `rate` */
    int32_t rate_windows;   /* quota.window.num, 1 or more */
    int64_t rate_window_ms; /* quota.window.size.seconds, above 0 */
};

enum { NET_NO_LIMIT = INT32_MAX };

/* To begin with: nothing binds. */
#define NET_UNLIMITED                                                          \
    {                                                                          \
        .most = NET_NO_LIMIT, .per_ip = NET_NO_LIMIT, .rate = NET_NO_LIMIT,    \
        .rate_windows = 11, .rate_window_ms = 1000                             \
    }

struct net_config {
    const struct listener *listeners; /* borrowed until net_stop(); requests
                                         point into it, so the caller writes the
                                         bound ports back before net_accept() */
    size_t n_listeners;
    unsigned reactors;               /* num.network.threads */
    size_t request_max_bytes;        /* socket.request.max.bytes */
    int send_buffer, receive_buffer; /* bytes, at least; -1: the system's. What
                                        the kernel reaches by itself is left to
                                        it, which costs half the CPU time */
    int backlog;                     /* at least; 1024 or more are taken */
    int64_t idle_us;        /* connections.max.idle.ms; 0 or less: never
                               closed for being idle */
    struct net_quota quota; /* at the start; borrowed for the call */
    size_t inter_broker;    /* this listener may have more than
                               quota.most, when there are others: one of
                               theirs is closed instead; neither does
                               quota.rate bind it then */
    size_t memory_budget;   /* bytes received of frames in flight, all
                               reactors; frames of at most 16 KiB have
                               an eighth of it on top for themselves.
                               At the bound reading pauses. */
    /* handler of an API key, or NULL when it is not served */
    api_fn *(*handler)(int16_t key);
};

/* Bind the listeners (port 0: the kernel's choice, readable afterwards) and
 * start the reactors; connections are not accepted before net_accept(). */
MUST_USE enum err net_start(struct net **net, struct broker *broker,
                            const struct net_config *config,
                            struct errmsg *why);
/* The bound port of listener `i`. */
int net_port(const struct net *net, size_t i);
/* Begin to accept; once. Any thread. */
void net_accept(struct net *net);
/* Stop accepting and reading, let parked requests end and replies leave (at
 * most `grace_ms`), close, join the threads. Requests that are still parked
 * then are counted in one line and freed: stop whoever would wake them before,
 * or at least before the next thing is freed. Threads: not a reactor's. */
void net_stop(struct net **net, int grace_ms);

/* Other limits from now on; `quota` is borrowed for the call. Where there are
 * more than quota.most now, those that were silent longest are closed. Any
 * thread, between net_start() and net_stop(). */
void net_quota_set(struct net *net, const struct net_quota *quota);

/* Connections open now (a moment's figure). */
size_t net_connections(struct net *net);

/* -- peers: connections to other brokers ------------------------------------
 *
 * A peer is a client connection to one broker, on any loop. Requests are sent
 * in order, answers come in order. It connects when there is something to send
 * and reconnects with back-off; a request that was sent when the connection
 * broke completes with ERR_NET, those that wait stay and go to the next
 * connection. A call that is not answered in time completes with ERR_TIMEOUT,
 * and takes the connection down if it was sent (answers come in order, so what
 * is behind it would wait as well).
 *
 * Threads: all on the loop's thread, or before the loop runs.
 */
struct peer;

struct peer_call {
    int16_t key;
    int16_t version;    /* highest wanted; lowered by the handshake to the
                           one in use, which stands here in on_done */
    int64_t timeout_us; /* from peer_send(), connecting included; 0: 30 s */
    void (*on_done)(struct peer_call *call);
    /* results, borrowed until on_done returns: */
    enum err err;         /* ERR_OK, ERR_NET, ERR_TIMEOUT, ERR_FORMAT,
                             ERR_VERSION (handshake: no common version) */
    const void *response; /* the API's response struct */
    struct errmsg why;
    /* the peer's own: */
    struct list link;
    uint8_t *frame; /* encoded, with its length in front; owned */
    size_t frame_len;
    int16_t frame_version; /* it is encoded in */
    int32_t correlation_id;
    int64_t due_us;
};

struct peer_config {
    const char *host; /* name or address; copied; resolved in the pool */
    int port;
    const char *client_id; /* copied */
    bool handshake;        /* send ApiVersions first, and lower each call's
                              version to the highest common one */
    int64_t backoff_us;    /* between connection attempts */
    size_t response_max;   /* bytes of one answer; 0: 100 MiB */
    bool impatient;        /* calls that wait end with ERR_NET when a
                              connection fails, instead of waiting for the next */
};

/* Does not connect yet. ERR_INVALID: no host, or no port from 1 to 65535. */
MUST_USE enum err peer_new(struct peer **peer, struct loop *loop,
                           struct pool *pool, const struct peer_config *config,
                           struct errmsg *why);

/* Encode `request` (the API's request struct; borrowed for the call) now and
 * send it when possible. on_done comes later, exactly once; it may send the
 * same call again, or free it, but not free the peer. A `request` with file
 * ranges is refused (ERR_INVALID). */
void peer_send(struct peer *peer, struct peer_call *call, const void *request);

/* Close; calls that wait complete with ERR_CLOSED before it returns. */
void peer_free(struct peer **peer);

#endif
