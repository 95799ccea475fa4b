/* offload.c - from the reactor to the pool and back. */
#include "api/offload.h"

#include <inttypes.h>

#include "base/diag.h"
#include "broker.h"
#include "wire/errors.h"

struct offload {
    struct job job;
    struct request *request;
    const void *in;
    void *out;
    offload_fn *work;
};

static void answer(struct request *request)
{
    struct offload *offload = request->park;

    if (request->arena.err != ERR_OK)
        request_close(request, "the request needs too much memory");
    else
        request_reply(request, offload->out);
}

static void run(struct job *job)
{
    struct offload *offload = CONTAINER_OF(job, struct offload, job);

    offload->work(offload->request, offload->in, offload->out);
    request_post(offload->request, answer);
}

static struct offload *make(struct request *request, const void *in,
                            offload_fn *work)
{
    struct arena *arena = &request->arena;
    struct offload *offload = arena_take(arena, sizeof *offload);

    if (offload)
        offload->out = arena_take(arena, request->api->response.size);
    if (!offload || !offload->out) {
        request_close(request, "the request needs too much memory");
        return NULL;
    }
    request->api->response.init(offload->out);
    offload->job.run = run;
    offload->request = request;
    offload->in = in;
    offload->work = work;
    request->park = offload;
    return offload;
}

void offload_decoded(struct request *request, const void *in, offload_fn *work)
{
    struct offload *offload = make(request, in, work);

    if (offload)
        pool_submit(request->broker->pool, &offload->job);
}

void offload_to_pool(struct request *request, offload_fn *work)
{
    const void *in = request_read(request);

    if (in)
        offload_decoded(request, in, work);
}

void offload_to_control_lane(struct request *request, offload_fn *work)
{
    const void *in = request_read(request);
    struct offload *offload = in ? make(request, in, work) : NULL;

    if (offload)
        lane_submit(&request->broker->control_lane, &offload->job);
}

int16_t control_epochs_check(struct broker *broker, const char *api,
                             int32_t controller_id, int32_t controller_epoch,
                             int64_t broker_epoch)
{
    int64_t own = atomic_load(&broker->epoch);
    int32_t known = atomic_load(&broker->controller_epoch);

    /* A newer broker epoch than ours is right: the controller may hear of our
     * registration before we do. */
    if (broker_epoch != -1 && broker_epoch < own) {
        diag_info("event=stale_broker_epoch api=%s controller=%d "
                  "controller_epoch=%d epoch=%" PRId64 " own_epoch=%" PRId64,
                  api, controller_id, controller_epoch, broker_epoch, own);
        return KAFKA_STALE_BROKER_EPOCH;
    }
    if (controller_epoch < known) {
        diag_warn("event=stale_controller_epoch api=%s controller=%d "
                  "controller_epoch=%d known_epoch=%d",
                  api, controller_id, controller_epoch, known);
        return KAFKA_STALE_CONTROLLER_EPOCH;
    }
    atomic_store(&broker->controller_epoch, controller_epoch);
    return KAFKA_NONE;
}
