/* api_fetch.c - Fetch: records for consumers and followers.
 *
 * Happy path of a consumer at the end of the log: its session tells what it
 * wants; nothing is there; it parks on its partitions; a producer's append
 * claims the park and posts it; it reads (plans lie at the hot end: no file is
 * touched), answers, and is sent with sendfile.
 *
 * Ways out: a session error answers alone; an error of any partition answers at
 * once; the deadline answers with whatever there is.
 */
#include "api/api_table.h"
#include "api/fetch.h"
#include "base/clock.h"
#include "broker.h"
#include "config/config.h"
#include "metadata/metadata.h"
#include "wire/errors.h"
#include "wire/msg_fetch.h"

enum {
    FETCH_WAIT_MOST_MS = 5 * 60 * 1000, /* whoever asks to wait longer is
                                         answered then: a peer that has gone
                                         meanwhile is not noticed before */
};

static void run(struct fetch *f);

/* -- names
 * ---------------------------------------------------------------------- */

static struct bytes name_of(void *context, struct uuid id, struct arena *arena)
{
    struct broker *broker = context;
    struct meta_topic *t = metadata_topic_find_id(broker->metadata, id);
    struct bytes name = BYTES_NULL;

    if (t) {
        name = arena_copy(arena, t->name);
        meta_topic_unref(t);
    }
    return name;
}

/* -- opening
 * -------------------------------------------------------------------- */

static struct fetch *fetch_new(struct request *request,
                               const struct wire_fetch_request *in)
{
    struct fetch *f = arena_take(&request->arena, sizeof *f);
    int64_t most = config_int64(request->broker->config, CFG_FETCH_MAX_BYTES);

    if (!f)
        return NULL;
    f->request = request;
    f->replicas = request->broker->replicas;
    f->replica =
        request->version >= 15 ? in->replica_state.replica_id : in->replica_id;
    f->replica_epoch =
        request->version >= 15 ? in->replica_state.replica_epoch : -1;
    f->max_wait_ms = in->max_wait_ms < FETCH_WAIT_MOST_MS ? in->max_wait_ms
                                                          : FETCH_WAIT_MOST_MS;
    f->max_bytes = in->max_bytes < most ? in->max_bytes : most;
    f->min_bytes = in->min_bytes < f->max_bytes ? in->min_bytes : f->max_bytes;
    f->committed = in->isolation_level == 1;
    f->hard_limit = request->version <= 2;
    f->leader_only = fetch_is_follower(f) || request->version < 11;
    loop_timer_init(&f->timer, request_loop(request), NULL);
    return f;
}

/* Find the partition of each want; the topic is looked up once for a row. */
static enum err find_items(struct fetch *f)
{
    struct broker *broker = f->request->broker;
    struct meta_topic *topic = NULL;
    const struct bytes *last = NULL;

    f->items =
        arena_array(&f->request->arena, f->context.n_wants, sizeof *f->items);
    if (!f->items)
        return f->request->arena.err;
    f->n_items = f->context.n_wants;
    for (size_t i = 0; i < f->n_items; i++) {
        struct fetch_item *item = &f->items[i];

        item->want = &f->context.wants[i];
        item->high_watermark = item->last_stable = item->log_start = -1;
        list_init(&item->wait.link);
        item->unknown = true;
        if (!item->want->topic.at) {
            item->error = KAFKA_UNKNOWN_TOPIC_ID;
            continue;
        }
        if (!last || !bytes_equal(*last, item->want->topic)) {
            if (topic)
                meta_topic_unref(topic);
            topic = metadata_topic_find(broker->metadata, item->want->topic);
            last = &item->want->topic;
        }
        item->error = KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
        if (!topic || !meta_partition_find(topic, item->want->partition))
            continue;
        item->unknown = false;
        f->n_known++;
        item->error = replicas_get(f->replicas, item->want->topic,
                                   item->want->partition, &item->partition);
    }
    if (topic)
        meta_topic_unref(topic);
    return ERR_OK;
}

/* -- parking
 * -------------------------------------------------------------------- */

static void detach_all(struct fetch *f)
{
    loop_timer_stop(&f->timer);
    for (size_t i = 0; i < f->n_items; i++)
        if (f->items[i].partition)
            partition_detach(f->items[i].partition, &f->items[i].wait);
    f->parked = false;
}

static void wake(struct request *request)
{
    struct fetch *f = request->park;

    detach_all(f);
    f->again = true;
    run(f);
}

static void on_due(struct loop_timer *timer)
{
    struct fetch *f = CONTAINER_OF(timer, struct fetch, timer);

    if (park_claim(&f->park))
        wake(f->request);
}

static enum park_for wait_for(const struct fetch *f)
{
    return fetch_is_follower(f) ? PARK_END
           : f->committed       ? PARK_STABLE
                                : PARK_HIGH;
}

/* Wait on all partitions. False: enough came meanwhile, or something changed;
 * nothing is attached and the park is ours. */
static bool park(struct fetch *f)
{
    f->request->park = f;
    park_init(&f->park, f->request, wake, f->min_bytes - f->bytes);
    fetch_drop_plans(f);
    request_drop_frame(f->request);
    f->parked = true;
    for (size_t i = 0; i < f->n_items; i++) {
        struct fetch_item *item = &f->items[i];

        if (!item->partition)
            continue;
        item->wait.park = &f->park;
        item->wait.what = wait_for(f);
        item->wait.offset = item->bound;
        if (!partition_attach(item->partition, &item->wait)) {
            if (!park_claim(&f->park))
                return true; /* a waker was quicker: on_wake comes */
            detach_all(f);
            return false;
        }
    }
    f->timer.on_due = on_due;
    loop_timer_set(&f->timer, (int64_t)f->max_wait_ms * 1000);
    return true;
}

/* -- the steps
 * ------------------------------------------------------------------- */

static bool may_answer(const struct fetch *f)
{
    return f->again || f->max_wait_ms <= 0 || f->n_known == 0 ||
           f->bytes >= f->min_bytes || f->failed || f->diverged;
}

static void back(struct request *request)
{
    struct fetch *f = request->park;

    f->blocking = false;
    if (!may_answer(f)) {
        if (park(f))
            return;
        f->again = true;
        run(f);
        return;
    }
    fetch_answer(f);
}

static void in_pool(struct job *job)
{
    struct fetch *f = CONTAINER_OF(job, struct fetch, job);

    if (f->must_block) {
        fetch_drop_plans(f);
        fetch_read_all(f);
    }
    if (f->request->version <= 3 && may_answer(f))
        fetch_convert(f);
    request_post(f->request, back);
}

static void to_pool(struct fetch *f)
{
    f->request->park = f;
    f->blocking = true;
    f->job.run = in_pool;
    pool_submit(f->request->broker->pool, &f->job);
}

static void run(struct fetch *f)
{
    f->blocking = false;
    fetch_read_all(f);
    if (f->must_block ||
        (f->request->version <= 3 && f->bytes > 0 && may_answer(f))) {
        to_pool(f);
        return;
    }
    back(f->request);
}

void api_fetch(struct request *request)
{
    const struct wire_fetch_request *in = request_read(request);
    struct fetch *f;
    enum err err;

    if (!in)
        return;
    f = fetch_new(request, in);
    if (!f) {
        request_close(request, "a fetch needs too much memory");
        return;
    }
    request->park = f;
    err = fetch_context_open(replicas_fetch_sessions(f->replicas), in,
                             request->version, fetch_is_follower(f), name_of,
                             request->broker, &request->arena, clock_wall_ms(),
                             &f->context);
    if (err == ERR_OK)
        err = find_items(f);
    if (err != ERR_OK) {
        fetch_release(f);
        request_close(request, "a fetch needs too much memory");
        return;
    }
    run(f);
}
