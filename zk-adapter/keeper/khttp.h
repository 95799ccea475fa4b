/* khttp.h - a small HTTP server on a loop: requests of one line, answers whole.
 *
 * For the admin server and the metrics page. GET, HEAD and POST with a bounded
 * head; a body is read and thrown away (bounded too), unless `begin` asks for
 * it: then it is given away in pieces as it comes. The handler fills the answer
 * at once, or keeps the request and gives the answer later.
 *
 *     HEAD -> BODY -> ANSWER -> HEAD (kept alive) or LINGER -> gone
 *
 * Bounds: K_HTTP_CONNS connections, K_HTTP_HEAD bytes of a head, `idle_ms`
 * without a byte in either direction.
 *
 * Threads: the loop's only.
 */
#ifndef GREGOR_KEEPER_KHTTP_H
#define GREGOR_KEEPER_KHTTP_H

#include <sys/socket.h>
#include <sys/types.h>

#include "base/list.h"
#include "loop/loop.h"
#include "wire/wr.h"

enum {
    K_HTTP_CONNS = 64,
    K_HTTP_HEAD = 16 << 10,
    K_HTTP_BODY = 1 << 30, /* thrown away, not kept */
    K_HTTP_ANSWER = 256 << 20,
};

struct khttp;

struct khttp_conn {
    struct list link; /* in khttp.conns or khttp.dead */
    struct khttp *http;
    struct loop_io io;
    struct loop_timer idle;
    char ip[64];
    enum {
        KHTTP_HEAD,
        KHTTP_BODY,
        KHTTP_WAIT,
        KHTTP_ANSWER,
        KHTTP_LINGER
    } state;
    char *in; /* K_HTTP_HEAD bytes */
    size_t in_len;
    int64_t body_left; /* bytes of the request's body still to come */
    bool taking;       /* the body goes to khttp.take; set by `begin` */
    bool keep;         /* the connection, after the answer */
    bool head_only;    /* HEAD */

    /* The request; borrowed from `in` until the answer is given. */
    struct bytes method;
    struct bytes path; /* without the query, not unescaped */
    struct bytes query;
    struct bytes authorization; /* null: none */

    /* The answer, filled by the handler. */
    int status;
    const char *type;  /* Content-Type; NULL: none */
    struct wr headers; /* further lines, each ended by \r\n */
    struct wr body;
    int file; /* sent after `body`; -1: none; closed by the server */
    off_t file_at;
    off_t file_end;

    struct wr out;
    size_t sent;
};

/* Fill the answer's fields. False: khttp_answer() will be called later. */
typedef bool khttp_fn(void *to, struct khttp_conn *conn);

/* The head is read, the body is not: may set `taking`. False: the answer is
 * filled in already; it is sent, and the connection ends behind it. */
typedef bool khttp_begin_fn(void *to, struct khttp_conn *conn);

/* A piece of a body that is taken, borrowed. False: as above. */
typedef bool khttp_take_fn(void *to, struct khttp_conn *conn,
                           struct bytes piece);

struct khttp {
    struct loop *loop;
    struct loop_io accept;
    struct loop_hook turn;
    struct list conns;
    struct list dead;
    size_t n;
    int64_t idle_ms;
    khttp_fn *handle;
    khttp_begin_fn *begin; /* NULL: all bodies are thrown away */
    khttp_take_fn *take;
    /* One that waits, or whose body is taken, ended. */
    void (*gone)(void *to, struct khttp_conn *conn);
    void *to;
    uint16_t port;
    bool on;
};

/* Listen on address (NULL: all) and port (0: any). ERR_NET. */
MUST_USE enum err khttp_start(struct khttp *http, struct loop *loop,
                              const char *address, int32_t port,
                              struct errmsg *why);
/* Serve a connected, non-blocking stream socket, which belongs to the server
 * from now on. `peer` gives khttp_conn.ip, "" when it is no internet address.
 */
void khttp_serve(struct khttp *http, int fd, const struct sockaddr *peer);
/* Close everything. No harm when it was not started. */
void khttp_stop(struct khttp *http);

/* The answer of a request that waited is filled in. */
void khttp_answer(struct khttp_conn *conn);

/* The value of a query's parameter, not unescaped; null when absent. */
struct bytes khttp_parameter(struct bytes query, const char *name);

#endif
