/* api_delete_topics.c - DeleteTopics: mark, and wait until the topic is gone.
 *
 * The mark is /admin/delete_topics/<t>; the controller does the rest. Served by
 * the active controller's broker, by name or (version 6) by id.
 */
#include <assert.h>

#include "api/topic_plan.h"
#include "api/topic_wait.h"
#include "api/topic_write.h"
#include "api/api_table.h"
#include "broker.h"
#include "config/config.h"
#include "controller/controller.h"
#include "wire/errors.h"
#include "wire/msg_delete_topics.h"

struct delete
{
    const struct wire_delete_topics_request *in;
    struct topic_plan *plans;
    size_t n;
    struct topic_wait wait;
};

/* Name and id of the i-th topic of the request, whatever its version. */
static int16_t plan_target(struct request *request,
                           const struct wire_delete_topics_request *in,
                           size_t i, struct topic_plan *plan,
                           struct errmsg *why)
{
    struct meta_topic *topic;
    bool by_id = request->version >= 6 && bytes_is_null(in->topics[i].name);

    if (request->version < 6)
        plan->name = in->topic_names[i];
    else
        plan->name = in->topics[i].name;
    if (!by_id) {
        if (request->version >= 6 && !uuid_is_zero(in->topics[i].topic_id)) {
            err_set(why, ERR_INVALID,
                    "Topic name and topic ID can not both be specified.");
            return KAFKA_INVALID_REQUEST;
        }
        /* Names that cannot be are names of no topic. */
        if (topic_name_check(plan->name, NULL) != KAFKA_NONE)
            return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
        return KAFKA_NONE;
    }
    plan->id = in->topics[i].topic_id;
    topic = metadata_topic_find_id(request->broker->metadata, plan->id);
    if (topic == NULL)
        return KAFKA_UNKNOWN_TOPIC_ID;
    plan->name = arena_copy(&request->arena, topic->name);
    meta_topic_unref(topic);
    return KAFKA_NONE;
}

static void delete_answer(struct request *request, const struct delete *delete)
{
    struct wire_delete_topics_response response;

    wire_delete_topics_response_init(&response);
    response.n_responses = delete->n;
    response.responses =
        arena_array(&request->arena, delete->n, sizeof *response.responses);
    for (size_t i = 0; response.responses && i < delete->n; i++) {
        struct wire_delete_topics_response_responses *out =
            &response.responses[i];
        const struct topic_plan *plan = &delete->plans[i];

        wire_delete_topics_response_responses_init(out);
        out->name = plan->name;
        out->topic_id = plan->id;
        out->error_code = plan->error;
        if (plan->error == KAFKA_UNKNOWN_SERVER_ERROR) /* Kafka tells none */
            out->error_message = plan->message;
    }
    if (request->arena.err != ERR_OK)
        request_close(request, "DeleteTopics: the answer is too large");
    else
        request_reply(request, &response);
}

static bool topic_is_there(struct request *request,
                           const struct topic_plan *plan)
{
    struct meta_topic *topic =
        metadata_topic_find(request->broker->metadata, plan->name);
    bool same = topic != NULL && uuid_equal(topic->id, plan->id);

    if (topic != NULL)
        meta_topic_unref(topic);
    return same;
}

static bool delete_is_done(struct topic_wait *wait)
{
    const struct delete *delete = wait->arg;

    for (size_t i = 0; i < delete->n; i++) {
        if (delete->plans[i].error == KAFKA_NONE &&
            topic_is_there(wait->request, &delete->plans[i]))
            return false;
    }
    return true;
}

static void delete_end(struct topic_wait *wait, bool timed_out)
{
    struct delete *delete = wait->arg;

    for (size_t i = 0; timed_out && i < delete->n; i++) {
        struct topic_plan *plan = &delete->plans[i];

        if (plan->error == KAFKA_NONE && (delete->in->timeout_ms <= 0 ||
                                          topic_is_there(wait->request, plan)))
            plan->error = KAFKA_REQUEST_TIMED_OUT;
    }
    delete_answer(wait->request, delete);
}

static void delete_written(struct request *request)
{
    struct topic_write *write = request->park;
    struct delete *delete = write->arg;

    delete->wait.arg = delete;
    delete->wait.is_done = delete_is_done;
    delete->wait.on_end = delete_end;
    topic_wait_start(&delete->wait, request, delete->in->timeout_ms);
}

/* What keeps all topics of the request from being deleted, if anything does. */
static int16_t delete_refusal(const struct request *request)
{
    if (!controller_is_active(request->broker->controller))
        return KAFKA_NOT_CONTROLLER;
    if (!config_bool(request->broker->config, CFG_DELETE_TOPIC_ENABLE))
        return request->version < 3 ? KAFKA_INVALID_REQUEST
                                    : KAFKA_TOPIC_DELETION_DISABLED;
    return KAFKA_NONE;
}

/* The id of a topic named by name, so that "gone" means this topic and not a
 * new one of the same name. */
static void plan_identify(struct request *request, struct topic_plan *plan)
{
    struct meta_topic *topic =
        metadata_topic_find(request->broker->metadata, plan->name);

    if (topic == NULL)
        return;
    plan->id = topic->id;
    meta_topic_unref(topic);
}

void api_delete_topics(struct request *request)
{
    const struct wire_delete_topics_request *in = request_read(request);
    int16_t refusal;
    size_t n;

    if (in == NULL)
        return;
    n = request->version < 6 ? in->n_topic_names : in->n_topics;
    refusal = delete_refusal(request);
    struct delete *delete = arena_take(&request->arena, sizeof *delete);
    struct topic_plan *plans = arena_array(&request->arena, n, sizeof *plans);
    struct topic_write *write = topic_write_new(request, plans, n);
    if (delete == NULL || plans == NULL || write == NULL) {
        request_close(request, "DeleteTopics: too many topics in one request");
        return;
    }
    *delete = (struct delete){ .in = in, .plans = plans, .n = n };
    for (size_t i = 0; i < n; i++) {
        struct errmsg why = { "" };
        int16_t error = plan_target(request, in, i, &plans[i], &why);

        topic_plan_fail(&plans[i], &request->arena,
                        refusal != KAFKA_NONE ? refusal : error, &why);
        if (plans[i].error == KAFKA_NONE)
            plan_identify(request, &plans[i]);
    }
    if (refusal != KAFKA_NONE) {
        delete_answer(request, delete);
        return;
    }
    write->step = topic_step_delete;
    write->on_done = delete_written;
    write->arg = delete;
    request->park = write;
    topic_write_start(write, request);
}
