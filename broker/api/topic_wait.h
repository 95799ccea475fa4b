/* topic_wait.h - requests that wait until this broker's metadata shows a
 * change.
 *
 * CreateTopics, CreatePartitions and DeleteTopics write to ZooKeeper; their
 * answer leaves when UpdateMetadata has brought the result to this broker, or
 * at the request's deadline. A wait is a struct lent from the request's arena;
 * each metadata update posts to the request's reactor, which looks again.
 *
 * Threads: topic_wait_start() and the callbacks on the request's reactor.
 */
#ifndef GREGOR_TOPIC_WAIT_H
#define GREGOR_TOPIC_WAIT_H

#include "loop/loop.h"
#include "net/net.h"

struct topic_waits;
struct topic_wait;

struct topic_wait {
    struct list link; /* in topic_waits while waiting */
    struct loop_timer deadline;
    struct request *request;
    struct topic_waits *waits;
    bool posted; /* a look is on its way; under the lock */
    /* Is it there? */
    bool (*is_done)(struct topic_wait *wait);
    /* Called once: it is there, or (timed_out) the deadline passed. */
    void (*on_end)(struct topic_wait *wait, bool timed_out);
    void *arg;
};

/* Observes the broker's metadata, which must outlive it. */
MUST_USE enum err topic_waits_new(struct topic_waits **waits,
                                  struct broker *broker);
/* The broker stops: all that wait, and whoever would wait from now on, end as
 * if their time were up. Call it before the requests are taken away. Threads:
 * any. */
void topic_waits_stop(struct topic_waits *waits);
/* No request waits any more. */
void topic_waits_free(struct topic_waits **waits);

/* Wait at most `timeout_ms`; looks at once. on_end may come from inside. Fill
 * is_done, on_end and arg before. */
void topic_wait_start(struct topic_wait *wait, struct request *request,
                      int64_t timeout_ms);

#endif
