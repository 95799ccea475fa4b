/* controller_ask.c - from the reactor to the controller and back. */
#include "api/controller_ask.h"

#include "broker.h"

struct asking {
    struct ctl_request r;
    struct request *request;
};

static void answer(struct request *request)
{
    struct asking *asking = request->park;

    if (request->arena.err != ERR_OK)
        request_close(request, "the request needs too much memory");
    else
        request_reply(request, asking->r.out);
}

static void answered(struct ctl_request *r)
{
    request_post(CONTAINER_OF(r, struct asking, r)->request, answer);
}

void controller_ask(struct request *request, controller_ask_fn *ask)
{
    const void *in = request_read(request);
    struct asking *asking;

    if (in == NULL)
        return;
    asking = arena_take(&request->arena, sizeof *asking);
    if (asking != NULL)
        asking->r.out =
            arena_take(&request->arena, request->api->response.size);
    if (asking == NULL || asking->r.out == NULL) {
        request_close(request, "the request needs too much memory");
        return;
    }
    request->api->response.init(asking->r.out);
    asking->r.in = in;
    asking->r.version = request->version;
    asking->r.arena = &request->arena;
    asking->r.on_done = answered;
    asking->request = request;
    request->park = asking;
    ask(request->broker->controller, &asking->r);
}
