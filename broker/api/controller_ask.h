/* controller_ask.h - handlers of requests that the controller answers.
 *
 *     reactor: decode ─▶ coordination loop: an event in its turn ─▶ reply
 *
 * The connection waits meanwhile; request, arena and both structs are the
 * controller's alone. A handler that uses this is one line.
 */
#ifndef GREGOR_CONTROLLER_ASK_H
#define GREGOR_CONTROLLER_ASK_H

#include "controller/requests.h"
#include "net/net.h"

typedef void controller_ask_fn(struct controller *ctl, struct ctl_request *r);

/* Decode, hand over to `ask` (one of controller/requests.h), reply. */
void controller_ask(struct request *request, controller_ask_fn *ask);

#endif
