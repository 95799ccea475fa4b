/* producer_ids.h - producer ids for InitProducerId, by the block.
 *
 * Only the controller gives out blocks (AllocateProducerIds, a real request to
 * whichever broker is controller, itself included). A broker keeps one block in
 * use and asks for the next when 90 % of it are taken; who asks while there is
 * none waits for it.
 *
 *     | taken ........... 90 % | .... |   next block (asked for here)
 *
 * Threads: producer_ids_take() from any; the asking happens on the coordination
 * loop.
 */
#ifndef GREGOR_PRODUCER_IDS_H
#define GREGOR_PRODUCER_IDS_H

#include "base/err.h"
#include "base/list.h"
#include "loop/loop.h"

struct broker;
struct producer_ids;

/* Asks for nothing before the first call. Needs coord_loop of the broker. */
struct producer_ids *producer_ids_new(struct broker *broker);
/* Coordination loop. Calls that wait complete with ERR_CLOSED before it
 * returns. */
void producer_ids_free(struct producer_ids **ids);

/* A call; lent until on_done, which comes exactly once, on the coordination
 * loop, never from inside producer_ids_take(). */
struct producer_ids_call {
    struct list link; /* the module's */
    void (*on_done)(struct producer_ids_call *call);
    enum err err; /* ERR_OK; ERR_BUSY: none came in time, answer
                     COORDINATOR_LOAD_IN_PROGRESS; ERR_CLOSED */
    int64_t id;   /* the new producer id */
};

/* One id, at once when there is one: true and `*id`, and on_done will not come.
 * False: on_done will. Any thread. */
bool producer_ids_take(struct producer_ids *ids, struct producer_ids_call *call,
                       int64_t *id);

#endif
