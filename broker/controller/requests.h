/* requests.h - what brokers ask the controller, each as an event in its turn.
 *
 *     handler (reactor) ─▶ controller_X(ctl, r) ─▶ event ─▶ r->on_done ─▶ reply
 *
 * `in` and `out` are the API's request and response structs; arrays of the
 * answer are taken from `arena`. All three belong to the controller from the
 * call until on_done, which comes exactly once, on the coordination loop.
 *
 * Threads: the calls from any.
 */
#ifndef GREGOR_CTL_REQUESTS_H
#define GREGOR_CTL_REQUESTS_H

#include "controller/controller.h"
#include "base/mem.h"

struct ctl_request {
    struct controller_event event; /* the controller's */
    const void *in;
    void *out;
    int16_t version;
    struct arena *arena;
    void (*on_done)(struct ctl_request *r);
    void *private_; /* the controller's */
};

/* AlterPartition: write what leaders say of their ISR. Each partition has its
 * own error; INVALID_UPDATE_VERSION when somebody was faster. */
void controller_alter_partition(struct controller *ctl, struct ctl_request *r);
/* ControlledShutdown: move the leaders away from a broker (its epoch is
 * checked, KIP-380). The answer lists the partitions it still leads. */
void controller_controlled_shutdown(struct controller *ctl,
                                    struct ctl_request *r);
/* AllocateProducerIds (KIP-730): the next block, written to ZooKeeper before it
 * is answered. */
void controller_allocate_producer_ids(struct controller *ctl,
                                      struct ctl_request *r);

/* unclean.leader.election.enable was turned on, for a topic or for all: elect
 * for what waits, in a later turn. Coordination loop. */
void controller_on_unclean_enabled(struct controller *ctl);

#endif
