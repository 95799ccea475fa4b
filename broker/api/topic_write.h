/* topic_write.h - planned topics on their way into ZooKeeper.
 *
 * A write belongs to a request and lives in its arena: the reactor fills it and
 * hands it over; the coordination loop works through all plans at once and
 * posts the request back when each has its result in `error`.
 *
 *     reactor: plans ──▶ coordination loop: exists? config, topic ──▶ reactor
 */
#ifndef GREGOR_TOPIC_WRITE_H
#define GREGOR_TOPIC_WRITE_H

#include "api/topic_plan.h"
#include "client/zk.h"
#include "net/net.h"

struct topic_write;

/* One plan's step in ZooKeeper. */
struct topic_step {
    struct zk_op op;
    struct topic_write *write;
    struct topic_plan *plan;
    void *arg; /* the API's own */
};

struct topic_write {
    struct job job;
    struct request *request;
    struct topic_step *steps;
    size_t n;
    size_t open; /* steps not ended; coordination loop */
    void (*step)(struct topic_step *step);    /* begins one plan */
    void (*on_done)(struct request *request); /* on the reactor */
    void *arg;
};

/* Hand over; steps whose plan has an error already are not begun. The request
 * and its arena are the write's until on_done. */
void topic_write_start(struct topic_write *write, struct request *request);

/* A plan's step is at its end: KAFKA_NONE or an error. */
void topic_step_end(struct topic_step *step, int16_t error,
                    const char *message);

/* Turn a failed operation into the plan's error and end it. */
void topic_step_fail(struct topic_step *step);

/* Beginnings: create the topic, after its configuration (an error when it is
 * there); mark it for deletion. */
void topic_step_create(struct topic_step *step);
/* Only a mark: the controller deletes. An error when the topic is not there. */
void topic_step_delete(struct topic_step *step);

/* Make a write of `n` plans in the request's arena; NULL when it is full. */
struct topic_write *topic_write_new(struct request *request,
                                    struct topic_plan *plans, size_t n);

#endif
