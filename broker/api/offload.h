/* offload.h - handlers whose work may block: run it elsewhere, then answer.
 *
 *     reactor: decode ─▶ pool, or control lane: work() ─▶ reactor: reply
 *
 * The connection waits meanwhile; the request, its arena and both structs are
 * the work's alone. A handler that uses this is one line.
 */
#ifndef GREGOR_OFFLOAD_H
#define GREGOR_OFFLOAD_H

#include "net/net.h"

/* Fill `out` (the API's response struct, initialised) from `in` (its decoded
 * request). A full arena closes the connection afterwards. */
typedef void offload_fn(struct request *request, const void *in, void *out);

/* Decode, work in the pool, reply. */
void offload_to_pool(struct request *request, offload_fn *work);

/* The same with a request that is decoded already; `out` is made here. */
void offload_decoded(struct request *request, const void *in, offload_fn *work);

/* Decode, work on the control lane (one after another, in order), reply. */
void offload_to_control_lane(struct request *request, offload_fn *work);

/* Judge the epochs of a control request, on the lane: NONE,
 * STALE_BROKER_EPOCH, STALE_CONTROLLER_EPOCH. A newer controller epoch is
 * remembered. */
int16_t control_epochs_check(struct broker *broker, const char *api,
                             int32_t controller_id, int32_t controller_epoch,
                             int64_t broker_epoch);

#endif
