/* channel.c - a line of requests to one broker.
 *
 * One request is out at a time; it is sent again, 100 ms after it failed, until
 * it is answered or the broker leaves the cluster, whereupon all that waits is
 * thrown away. So a broker sees everything, in order, or is treated as dead.
 *
 * Answers matter in two cases: a log directory that failed (LeaderAndIsr) and
 * replicas deleted (StopReplica); both become events.
 */
#include "base/diag.h"
#include "controller/internal.h"
#include "wire/errors.h"

enum { RETRY_US = 100000, PAYLOAD_MAX = 1 << 30 };

struct channel {
    struct list link; /* in ctl->channels */
    struct controller *ctl;
    int32_t broker;
    int64_t epoch;     /* the broker's, put into each request */
    void *peer;        /* NULL: could not be opened */
    struct list queue; /* struct message; the first may be out */
    bool out;          /* the first was sent */
    bool closing;
    bool failing; /* the last try failed; said once */
    struct peer_call call;
    struct loop_timer retry;
};

struct payload *payload_new(void)
{
    struct payload *payload = mem_need(sizeof *payload);

    payload->refs = 1;
    arena_init(&payload->arena, PAYLOAD_MAX);
    return payload;
}

void payload_unref(struct payload *payload)
{
    if (--payload->refs > 0)
        return;
    arena_fini(&payload->arena);
    mem_free(payload);
}

void *payload_take(struct payload *payload, size_t count, size_t size)
{
    void *p = arena_array(&payload->arena, count, size);

    if (p == NULL)
        p = mem_need_array(count, size); /* ends the process with a line */
    return p;
}

static void message_free(struct message *message)
{
    list_remove(&message->link);
    payload_unref(message->payload);
    mem_free(message);
}

/* -- answers -------------------------------------------------------------- */

/* An event with room for `n` answers and `bytes` of names behind them. */
static struct ctl_event *answers_new(enum ctl_event_kind kind, int32_t broker,
                                     size_t n, size_t bytes)
{
    struct ctl_event *event = ctl_event_new(kind);

    event->broker = broker;
    event->answers = mem_need(n * sizeof *event->answers + bytes + 1);
    return event;
}

static void answer_add(struct ctl_event *event, char **room, struct bytes topic,
                       int32_t index, bool ok)
{
    memcpy(*room, topic.at, topic.len);
    event->answers[event->n_answers++] = (struct ctl_answer){
        .topic = bytes_make(*room, topic.len), .index = index, .ok = ok
    };
    *room += topic.len;
}

static bool matters(int16_t code)
{
    return code == KAFKA_NONE || code == KAFKA_KAFKA_STORAGE_ERROR;
}

/* What one topic's partition errors say: storage errors become answers that are
 * not ok; `unmark` those that were marked and are fine now. */
static bool changes_dir(const struct ctx_topic *topic, int32_t index,
                        int32_t broker, int16_t code)
{
    const struct ctx_partition *p =
        topic ? ctx_partition_find(topic, index) : NULL;
    int place = p ? ctx_replica_place(p, broker) : -1;

    return place >= 0 && matters(code) &&
           ctx_replica_dir_failed(p, place) == (code == KAFKA_NONE);
}

static void lai_answered(struct channel *ch,
                         const struct wire_leader_and_isr_response *r)
{
    struct controller *ctl = ch->ctl;
    struct ctl_event *event = NULL;
    size_t n = r->n_partition_errors;
    size_t bytes = 0;
    char *room = NULL;

    for (size_t t = 0; t < r->n_topics; t++) {
        const struct ctx_topic *topic =
            ctx_topic_find_id(&ctl->context, r->topics[t].topic_id);

        n += r->topics[t].n_partition_errors;
        if (topic != NULL)
            bytes += topic->name.len * r->topics[t].n_partition_errors;
    }
    for (size_t i = 0; i < r->n_partition_errors; i++)
        bytes += r->partition_errors[i].topic_name.len;

    for (size_t t = 0; t < r->n_topics; t++) {
        const struct ctx_topic *topic =
            ctx_topic_find_id(&ctl->context, r->topics[t].topic_id);

        for (size_t i = 0; i < r->topics[t].n_partition_errors; i++) {
            int32_t index = r->topics[t].partition_errors[i].partition_index;
            int16_t code = r->topics[t].partition_errors[i].error_code;

            if (!changes_dir(topic, index, ch->broker, code))
                continue;
            if (event == NULL) {
                event = answers_new(EVENT_STORAGE_ERRORS, ch->broker, n, bytes);
                room = (char *)(event->answers + n);
            }
            answer_add(event, &room, topic->name, index, code == KAFKA_NONE);
        }
    }
    for (size_t i = 0; i < r->n_partition_errors; i++) {
        struct bytes name = r->partition_errors[i].topic_name;
        int32_t index = r->partition_errors[i].partition_index;
        int16_t code = r->partition_errors[i].error_code;

        if (!changes_dir(ctx_topic_find(&ctl->context, name), index, ch->broker,
                         code))
            continue;
        if (event == NULL) {
            event = answers_new(EVENT_STORAGE_ERRORS, ch->broker, n, bytes);
            room = (char *)(event->answers + n);
        }
        answer_add(event, &room, name, index, code == KAFKA_NONE);
    }
    if (event != NULL)
        ctl_event_put_later(ctl, event);
}

static bool was_deletion(const struct message *m)
{
    if (m->version < 3)
        return m->request.stop.delete_partitions;
    for (size_t t = 0; t < m->request.stop.n_topic_states; t++)
        for (size_t i = 0;
             i < m->request.stop.topic_states[t].n_partition_states; i++)
            if (m->request.stop.topic_states[t]
                    .partition_states[i]
                    .delete_partition)
                return true;
    return false;
}

static void stop_answered(struct channel *ch, const struct message *m,
                          const struct wire_stop_replica_response *r)
{
    struct ctl_event *event;
    size_t bytes = 0;
    char *room;

    if (!was_deletion(m) || r->n_partition_errors == 0)
        return;
    for (size_t i = 0; i < r->n_partition_errors; i++)
        bytes += r->partition_errors[i].topic_name.len;
    event = answers_new(EVENT_STOP_ANSWERS, ch->broker, r->n_partition_errors,
                        bytes);
    room = (char *)(event->answers + r->n_partition_errors);
    for (size_t i = 0; i < r->n_partition_errors; i++)
        answer_add(event, &room, r->partition_errors[i].topic_name,
                   r->partition_errors[i].partition_index,
                   r->partition_errors[i].error_code == KAFKA_NONE &&
                       r->error_code == KAFKA_NONE);
    ctl_event_put_later(ch->ctl, event);
}

static void answered(struct channel *ch, const struct message *m,
                     const void *response)
{
    int16_t code = 0;

    if (m->key == WIRE_LEADER_AND_ISR) {
        const struct wire_leader_and_isr_response *r = response;

        code = r->error_code;
        if (code == KAFKA_NONE)
            lai_answered(ch, r);
    } else if (m->key == WIRE_STOP_REPLICA) {
        const struct wire_stop_replica_response *r = response;

        code = r->error_code;
        stop_answered(ch, m, r);
    } else {
        code = ((const struct wire_update_metadata_response *)response)
                   ->error_code;
    }
    if (code != KAFKA_NONE)
        diag_warn("event=control_request_refused broker=%d api=%d error=%s",
                  ch->broker, m->key, kafka_error_name(code));
}

/* -- sending -------------------------------------------------------------- */

static void send_next(struct channel *ch);

static void call_done(struct peer_call *call)
{
    struct channel *ch = CONTAINER_OF(call, struct channel, call);
    struct message *m;

    ch->out = false;
    if (ch->closing || list_is_empty(&ch->queue))
        return;
    m = CONTAINER_OF(ch->queue.next, struct message, link);
    if (call->err != ERR_OK) {
        if (!ch->failing)
            diag_warn("event=control_request_failed broker=%d api=%d "
                      "reason=\"%s\" next=retry",
                      ch->broker, m->key, call->why.text);
        ch->failing = true;
        ch->ctl->world.exec->timer_set(ch->ctl->world.exec, &ch->retry,
                                       RETRY_US);
        return;
    }
    ch->failing = false;
    answered(ch, m, call->response);
    message_free(m);
    send_next(ch);
}

static void send_next(struct channel *ch)
{
    struct message *m;

    if (ch->out || ch->peer == NULL || ch->closing ||
        list_is_empty(&ch->queue) || loop_timer_is_set(&ch->retry))
        return;
    m = CONTAINER_OF(ch->queue.next, struct message, link);
    ch->out = true;
    memset(&ch->call, 0, sizeof ch->call);
    list_init(&ch->call.link);
    ch->call.key = m->key;
    ch->call.version = m->version;
    ch->call.timeout_us = ch->ctl->settings.request_timeout_us;
    ch->call.on_done = call_done;
    ch->ctl->world.peers->send(ch->ctl->world.peers, ch->peer, &ch->call,
                               &m->request);
}

static void retry_due(struct loop_timer *timer)
{
    send_next(CONTAINER_OF(timer, struct channel, retry));
}

void channel_put(struct ctx_broker *broker, const struct message *message)
{
    struct channel *ch = broker->channel;
    struct message *m;

    if (ch == NULL)
        return;
    m = mem_need(sizeof *m);
    *m = *message;
    m->payload->refs++;
    list_init(&m->link);
    if (m->key == WIRE_LEADER_AND_ISR)
        m->request.lai.broker_epoch = ch->epoch;
    else if (m->key == WIRE_STOP_REPLICA)
        m->request.stop.broker_epoch = ch->epoch;
    else
        m->request.um.broker_epoch = ch->epoch;
    list_append(&ch->queue, &m->link);
    send_next(ch);
}

void channel_open(struct controller *ctl, struct ctx_broker *broker)
{
    const struct znode_endpoint *e =
        ctx_endpoint_find(broker, ctl->settings.listener);
    struct channel *ch = mem_need(sizeof *ch);

    ch->ctl = ctl;
    ch->broker = broker->id;
    ch->epoch = broker->epoch;
    list_init(&ch->queue);
    list_init(&ch->link);
    list_append(&ctl->channels, &ch->link);
    ctl->world.exec->timer_init(ctl->world.exec, &ch->retry, retry_due);
    broker->channel = ch;
    if (e == NULL) {
        diag_error("event=broker_unreachable broker=%d listener=%s "
                   "remedy=\"give all brokers the same listener names\"",
                   broker->id, ctl->settings.listener);
        return;
    }
    {
        char *host = mem_need_text(e->host);

        ch->peer =
            ctl->world.peers->open(ctl->world.peers, broker->id, host, e->port);
        mem_free(host);
    }
}

void channel_close(struct controller *ctl, struct ctx_broker *broker)
{
    struct channel *ch = broker->channel;

    if (ch == NULL)
        return;
    broker->channel = NULL;
    ch->closing = true;
    ctl->world.exec->timer_stop(ctl->world.exec, &ch->retry);
    if (ch->peer != NULL)
        ctl->world.peers->close(ctl->world.peers, ch->peer);
    while (!list_is_empty(&ch->queue))
        message_free(CONTAINER_OF(ch->queue.next, struct message, link));
    list_remove(&ch->link);
    mem_free(ch);
}
