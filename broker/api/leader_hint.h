/* leader_hint.h - where a partition's leader is, for a client that asked the
 * wrong broker (KIP-951): Produce 10+ and Fetch 16+.
 *
 * Endpoints are those of the listener that the request came in on. */
#ifndef GREGOR_LEADER_HINT_H
#define GREGOR_LEADER_HINT_H

#include "net/net.h"

struct leader_node {
    int32_t id;
    struct bytes host;
    int32_t port;
    struct bytes rack;
};

/* The leaders an answer has named; in the request's arena. */
struct leader_hints {
    struct leader_node *nodes;
    size_t n;
    size_t room;
};

/* Leader and epoch as far as known here, else -1; its address, when it is alive
 * and has the listener, goes into `hints`, once. */
void leader_hint(struct request *request, struct leader_hints *hints,
                 struct bytes topic, int32_t partition, int32_t *leader,
                 int32_t *leader_epoch);

#endif
