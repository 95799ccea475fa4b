/* kworld.h - a keeper core without sockets and files, for tests and fuzzers.
 *
 * The disk is a buffer: kworld_sync() makes the open batch durable. Users are
 * connections that keep what they were sent until it is asked for.
 */
#ifndef GREGOR_TESTS_KWORLD_H
#define GREGOR_TESTS_KWORLD_H

#include "keeper/kcore.h"

struct kworld {
    struct keeper_config config;
    struct kcore core;
    struct wr disk; /* a log file: header and durable records */
};

struct kuser {
    struct kpeer peer;
    struct kworld *world;
    int32_t xid;
    size_t read; /* bytes of what is sendable already looked at */
};

struct kanswer {
    bool there;
    int32_t xid;
    int64_t zxid;
    int32_t err;
    struct rd body; /* valid until the user's next output */
};

/* An empty server at time 0 with ticks of 1 s. */
void kworld_init(struct kworld *world);
void kworld_fini(struct kworld *world);
/* Make the open batch durable; true if there was one. */
bool kworld_sync(struct kworld *world);
/* The clocks go on. */
void kworld_pass(struct kworld *world, int64_t ms);

/* A connection without, and one with a session. */
void kuser_come(struct kworld *world, struct kuser *user);
void kuser_hello(struct kworld *world, struct kuser *user, int32_t timeout_ms);
void kuser_go(struct kuser *user);
/* Give the core bytes of this connection; what it consumed. */
size_t kuser_feed(struct kuser *user, struct bytes in);
/* Send a request; the body's buffer is emptied. */
void kuser_send(struct kuser *user, int32_t op, struct wr *body);
/* The next frame that may leave, if any. */
struct kanswer kuser_next(struct kuser *user);
/* Send, sync, and the answer; events before it are skipped. */
struct kanswer kuser_call(struct kuser *user, int32_t op, struct wr *body);

/* Requests. */
struct kanswer kuser_create(struct kuser *user, const char *path,
                            const char *data, int32_t flags);
struct kanswer kuser_delete(struct kuser *user, const char *path,
                            int32_t version);
struct kanswer kuser_set(struct kuser *user, const char *path, const char *data,
                         int32_t version);
struct kanswer kuser_exists(struct kuser *user, const char *path, bool watch);
/* Bodies. */
void kbody_create(struct wr *w, const char *path, const char *data,
                  int32_t flags);
void kbody_path_int(struct wr *w, const char *path, int32_t n);
void kbody_path_bool(struct wr *w, const char *path, bool b);

#endif
