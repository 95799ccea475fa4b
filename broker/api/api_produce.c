/* api_produce.c - Produce: records for partitions this broker leads.
 *
 * Happy path: one small uncompressed batch. It is checked in the frame where it
 * lies, appended on this thread, and answered before the handler returns;
 * nothing is allocated but in the request's arena, and nothing is copied.
 */
#include "api/api_table.h"
#include "api/produce.h"
#include "base/clock.h"
#include "broker.h"
#include "metadata/metadata.h"
#include "wire/errors.h"

/* -- decoding
 * -------------------------------------------------------------------- */

static struct produce *produce_new(struct request *request,
                                   const struct wire_produce_request *in)
{
    struct arena *arena = &request->arena;
    struct produce *p = arena_take(arena, sizeof *p);
    size_t n = 0, at = 0;

    if (!p)
        return NULL;
    for (size_t i = 0; i < in->n_topic_data; i++)
        n += in->topic_data[i].n_partition_data;
    p->request = request;
    p->acks = in->acks;
    p->timeout_ms = in->timeout_ms;
    p->has_txn_id = in->transactional_id.at != NULL;
    p->topics = arena_array(arena, in->n_topic_data, sizeof *p->topics);
    p->parts = arena_array(arena, n, sizeof *p->parts);
    if (!p->topics || !p->parts)
        return NULL;
    p->n_topics = in->n_topic_data;
    p->n_parts = n;
    for (size_t i = 0; i < in->n_topic_data; i++) {
        const struct wire_produce_request_topic_data *t = &in->topic_data[i];

        p->topics[i].name = t->name;
        p->topics[i].parts = &p->parts[at];
        p->topics[i].n_parts = t->n_partition_data;
        for (size_t j = 0; j < t->n_partition_data; j++) {
            struct bytes records = t->partition_data[j].records.mem;
            struct produce_part *part = &p->parts[at++];

            part->index = t->partition_data[j].index;
            /* The frame is ours: batches are finished where they lie. */
            part->at = (uint8_t *)(uintptr_t)records.at;
            part->size = records.len;
            part->base_offset = part->append_time = part->log_start = -1;
            list_init(&part->wait.link);
        }
    }
    loop_timer_init(&p->timer, request_loop(request), NULL);
    return p;
}

static bool is_transactional(const struct produce_part *part)
{
    struct batch_header header;

    return batch_header_read(bytes_make(part->at, part->size), &header) ==
               ERR_OK &&
           batch_is_transactional(&header);
}

/* What is wrong with the request as a whole: then nothing is appended. */
static int16_t check_whole(const struct produce *p)
{
    if (!p->has_txn_id)
        for (size_t i = 0; i < p->n_parts; i++)
            if (is_transactional(&p->parts[i]))
                return KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    return KAFKA_NONE;
}

/* -- finding
 * --------------------------------------------------------------------- */

static bool is_internal(struct bytes topic)
{
    return bytes_is(topic, "__consumer_offsets") ||
           bytes_is(topic, "__transaction_state");
}

static void find_topic(struct produce *p, struct produce_topic *t)
{
    struct request *request = p->request;
    struct broker *broker = request->broker;
    struct meta_topic *topic = metadata_topic_find(broker->metadata, t->name);
    bool allowed =
        !is_internal(t->name) || bytes_is(request->client_id, "__admin_client");

    for (size_t i = 0; i < t->n_parts; i++) {
        struct produce_part *part = &t->parts[i];

        if (!topic || !meta_partition_find(topic, part->index))
            part->error = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
        else if (p->acks < -1 || p->acks > 1)
            part->error = KAFKA_INVALID_REQUIRED_ACKS;
        else if (!allowed)
            part->error = KAFKA_INVALID_TOPIC_EXCEPTION;
        else
            part->error = replicas_get(broker->replicas, t->name, part->index,
                                       &part->partition);
        if (part->partition) {
            part->rules = validate_rules_make();
            part->rules.produce_version = request->version;
            part->error = partition_rules(part->partition, &part->rules);
        }
    }
    if (topic)
        meta_topic_unref(topic);
}

/* Whether a reactor should not do this by itself. */
static bool is_heavy(const struct produce *p)
{
    size_t size = 0;

    for (size_t i = 0; i < p->n_parts; i++) {
        const struct produce_part *part = &p->parts[i];

        if (part->error != KAFKA_NONE)
            continue;
        if (validate_is_costly(&part->rules, bytes_make(part->at, part->size)))
            return true;
        size += part->size;
    }
    return !replicas_may_write_inline(p->request->broker->replicas, size);
}

/* -- waiting for the ISR
 * ------------------------------------------------------------ */

static bool waits(const struct produce_part *part)
{
    return part->partition && part->error == KAFKA_NONE && part->appended &&
           !part->append.acked;
}

/* The high watermark came, the leadership went, or the time is over: ask each
 * partition that was waited for. */
static void settle(struct produce *p)
{
    loop_timer_stop(&p->timer);
    for (size_t i = 0; i < p->n_parts; i++) {
        struct produce_part *part = &p->parts[i];

        if (!waits(part))
            continue;
        partition_detach(part->partition, &part->wait);
        part->error = partition_acked(part->partition, part->append.end_offset);
    }
    produce_answer(p);
}

static void wake(struct request *request)
{
    settle(request->park);
}

static void on_due(struct loop_timer *timer)
{
    struct produce *p = CONTAINER_OF(timer, struct produce, timer);

    if (park_claim(&p->park))
        settle(p);
}

/* The batches are in the log: of the frame only names are still needed. */
static bool keep_names(struct produce *p)
{
    for (size_t i = 0; i < p->n_topics; i++)
        p->topics[i].name = arena_copy(&p->request->arena, p->topics[i].name);
    return p->request->arena.err == ERR_OK;
}

static void park(struct produce *p)
{
    bool all_met;

    if (keep_names(p))
        request_drop_frame(p->request);
    park_init(&p->park, p->request, wake, 1);
    p->timer.on_due = on_due;
    for (size_t i = 0; i < p->n_parts; i++) {
        struct produce_part *part = &p->parts[i];

        if (!waits(part))
            continue;
        part->wait.park = &p->park;
        part->wait.what = PARK_ACKED;
        part->wait.offset = part->append.end_offset;
        atomic_fetch_add(&p->park.missing, 1);
        if (!partition_attach(part->partition, &part->wait))
            atomic_fetch_sub(&p->park.missing, 1);
    }
    /* One was kept back, so that nobody claims before all are attached. */
    all_met = atomic_fetch_sub(&p->park.missing, 1) == 1;
    if (all_met) {
        if (park_claim(&p->park))
            settle(p);
        return;
    }
    loop_timer_set(&p->timer,
                   p->timeout_ms > 0 ? (int64_t)p->timeout_ms * 1000 : 0);
}

/* -- the steps
 * ------------------------------------------------------------------------ */

static void collect(struct produce_part *part)
{
    const struct append *a = &part->append;

    if (!part->appended)
        return;
    part->error = a->error;
    part->log_start = a->log_start;
    part->base_offset = a->set.first_offset;
    if (a->duplicate)
        part->append_time = a->set.timestamp;
    else if (part->rules.append_time && a->set.first_offset >= 0)
        part->append_time = part->rules.now_ms;
}

/* On the reactor: every append has its result. */
static void appended(struct request *request)
{
    struct produce *p = request->park;
    bool must_wait = false;

    for (size_t i = 0; i < p->n_parts; i++) {
        collect(&p->parts[i]);
        must_wait |= p->acks == -1 && waits(&p->parts[i]);
    }
    if (must_wait)
        park(p);
    else
        produce_answer(p);
}

static void run_parts(struct produce *p)
{
    struct validator validator;

    validator_init(&validator);
    for (size_t i = 0; i < p->n_parts; i++)
        if (p->parts[i].error == KAFKA_NONE)
            produce_part_run(p, &p->parts[i], &validator);
    validator_fini(&validator);
}

static void in_pool(struct job *job)
{
    struct produce *p = CONTAINER_OF(job, struct produce, job);

    run_parts(p);
    if (atomic_fetch_sub(&p->left, 1) == 1)
        request_post(p->request, appended);
}

static void run(struct produce *p)
{
    struct request *request = p->request;

    atomic_init(&p->left, 1);
    p->on_appended = appended;
    if (is_heavy(p)) {
        p->on_pool = true;
        p->job.run = in_pool;
        pool_submit(request->broker->pool, &p->job);
        return;
    }
    run_parts(p);
    if (atomic_fetch_sub(&p->left, 1) == 1)
        appended(request);
}

void api_produce(struct request *request)
{
    const struct wire_produce_request *in = request_read(request);
    struct produce *p;
    int16_t error;

    if (!in)
        return;
    p = produce_new(request, in);
    if (!p) {
        request_close(request, "a produce request needs too much memory");
        return;
    }
    request->park = p;
    error = check_whole(p);
    for (size_t i = 0; i < p->n_topics && error == KAFKA_NONE; i++)
        find_topic(p, &p->topics[i]);
    for (size_t i = 0; i < p->n_parts && error != KAFKA_NONE; i++)
        p->parts[i].error = error;
    run(p);
}
