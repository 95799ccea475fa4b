/* api_init_producer_id.c - InitProducerId, for idempotent producers.
 *
 * A transactional id needs a transaction coordinator, which this broker does
 * not have yet: such a producer is refused for good, not told to try again. */
#include "api/api_table.h"
#include "api/producer_ids.h"
#include "broker.h"
#include "wire/errors.h"
#include "wire/msg_init_producer_id.h"

typedef struct wire_init_producer_id_request request_in;
typedef struct wire_init_producer_id_response response_out;

struct init {
    struct producer_ids_call call;
    struct request *request;
};

static int16_t error_of(enum err err)
{
    switch ((int)err) {
    case ERR_OK:
        return KAFKA_NONE;
    case ERR_BUSY:
        return KAFKA_COORDINATOR_LOAD_IN_PROGRESS;
    case ERR_CLOSED:
        return KAFKA_COORDINATOR_NOT_AVAILABLE;
    default:
        return KAFKA_UNKNOWN_SERVER_ERROR;
    }
}

static void answer(struct request *request, int16_t error, int64_t id)
{
    response_out out;

    wire_init_producer_id_response_init(&out);
    out.error_code = error;
    out.producer_id = error == KAFKA_NONE ? id : -1;
    out.producer_epoch = error == KAFKA_NONE ? 0 : -1;
    request_reply(request, &out);
}

static void taken(struct request *request)
{
    const struct init *init = request->park;

    answer(request, error_of(init->call.err), init->call.id);
}

/* On the coordination loop. */
static void on_done(struct producer_ids_call *call)
{
    struct init *init = CONTAINER_OF(call, struct init, call);

    request_post(init->request, taken);
}

static int16_t check(const request_in *in)
{
    if ((in->producer_id == -1) != (in->producer_epoch == -1))
        return KAFKA_INVALID_REQUEST;
    if (in->transactional_id.at && in->transactional_id.len == 0)
        return KAFKA_INVALID_REQUEST;
    return in->transactional_id.at ? KAFKA_UNSUPPORTED_VERSION : KAFKA_NONE;
}

void api_init_producer_id(struct request *request)
{
    const request_in *in = request_read(request);
    struct init *init;
    int64_t id;
    int16_t error;

    if (!in)
        return;
    error = check(in);
    if (error != KAFKA_NONE) {
        answer(request, error, -1);
        return;
    }
    init = arena_take(&request->arena, sizeof *init);
    if (!init) {
        request_close(request, "the request needs too much memory");
        return;
    }
    init->request = request;
    init->call.on_done = on_done;
    list_init(&init->call.link);
    request->park = init;
    if (producer_ids_take(request->broker->producer_ids, &init->call, &id))
        answer(request, KAFKA_NONE, id);
}
