/* batch.c - what brokers are told, gathered per step of the state machines.
 *
 * Entries are gathered in any order, and twice if need be; batch_send() sorts
 * and merges them (isNew and deletePartition stay true once set) and makes the
 * requests from what the context holds then: per broker LeaderAndIsr, then
 * UpdateMetadata (the same for all but for the receiver's epoch, built once),
 * then StopReplica.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/diag.h"
#include "controller/internal.h"

typedef struct wire_leader_and_isr_request_topic_states lai_topic;
typedef struct wire_leader_and_isr_request_topic_states_partition_states
    lai_partition;
typedef struct wire_leader_and_isr_request_live_leaders lai_leader;
typedef struct wire_update_metadata_request_topic_states um_topic;
typedef struct wire_update_metadata_request_topic_states_partition_states
    um_partition;
typedef struct wire_update_metadata_request_live_brokers um_broker;
typedef struct wire_update_metadata_request_live_brokers_endpoints um_endpoint;
typedef struct wire_stop_replica_request_topic_states stop_topic;
typedef struct wire_stop_replica_request_topic_states_partition_states
    stop_partition;

void batch_fini(struct batch *batch)
{
    mem_free(batch->lai);
    mem_free(batch->stop);
    mem_free(batch->um);
    memset(batch, 0, sizeof *batch);
}

static void *grow(void *list, size_t n, size_t *size, size_t element)
{
    if (n < *size)
        return list;
    *size = *size ? *size * 2 : 64;
    return mem_need_more(list, *size, element);
}

void batch_add_um(struct controller *ctl, struct ctx_topic *topic,
                  int32_t index)
{
    struct batch *b = &ctl->batch;
    struct ctx_partition *p = ctx_partition_find(topic, index);

    if (p == NULL || p->in_update || (!ctx_has_state(p) && !topic->to_delete))
        return;
    p->in_update = true;
    b->um = grow(b->um, b->n_um, &b->size_um, sizeof *b->um);
    b->um[b->n_um++] = (struct um_entry){ topic, index };
}

void batch_add_um_brokers(struct controller *ctl)
{
    ctl->batch.um_brokers = true;
}

void batch_add_lai(struct controller *ctl, struct ctx_topic *topic,
                   int32_t index, int32_t broker, bool is_new)
{
    struct batch *b = &ctl->batch;
    struct ctx_partition *p = ctx_partition_find(topic, index);

    if (p == NULL || !ctx_has_state(p) ||
        ctx_broker_find(&ctl->context, broker) == NULL)
        return;
    b->lai = grow(b->lai, b->n_lai, &b->size_lai, sizeof *b->lai);
    b->lai[b->n_lai++] = (struct lai_entry){ topic, index, broker, is_new };
}

void batch_add_stop(struct controller *ctl, struct ctx_topic *topic,
                    int32_t index, int32_t broker, bool delete)
{
    struct batch *b = &ctl->batch;

    if (ctx_broker_find(&ctl->context, broker) == NULL)
        return;
    b->stop = grow(b->stop, b->n_stop, &b->size_stop, sizeof *b->stop);
    b->stop[b->n_stop++] = (struct stop_entry){ topic, index, broker, delete };
}

/* -- order ---------------------------------------------------------------- */

static int compare_place(const struct ctx_topic *a, int32_t i,
                         const struct ctx_topic *b, int32_t j)
{
    if (a != b)
        return bytes_compare(a->name, b->name);
    return i < j ? -1 : i > j;
}

static int lai_compare(const void *a, const void *b)
{
    const struct lai_entry *x = a;
    const struct lai_entry *y = b;

    if (x->broker != y->broker)
        return x->broker < y->broker ? -1 : 1;
    return compare_place(x->topic, x->index, y->topic, y->index);
}

static int stop_compare(const void *a, const void *b)
{
    const struct stop_entry *x = a;
    const struct stop_entry *y = b;

    if (x->broker != y->broker)
        return x->broker < y->broker ? -1 : 1;
    return compare_place(x->topic, x->index, y->topic, y->index);
}

static int um_compare(const void *a, const void *b)
{
    const struct um_entry *x = a;
    const struct um_entry *y = b;

    return compare_place(x->topic, x->index, y->topic, y->index);
}

static void merge(struct batch *b)
{
    size_t n = 0;

    if (b->n_lai > 0)
        qsort(b->lai, b->n_lai, sizeof *b->lai, lai_compare);
    for (size_t i = 0; i < b->n_lai; i++) {
        if (n > 0 && lai_compare(&b->lai[n - 1], &b->lai[i]) == 0)
            b->lai[n - 1].is_new |= b->lai[i].is_new;
        else
            b->lai[n++] = b->lai[i];
    }
    b->n_lai = n;
    n = 0;
    if (b->n_stop > 0)
        qsort(b->stop, b->n_stop, sizeof *b->stop, stop_compare);
    for (size_t i = 0; i < b->n_stop; i++) {
        if (n > 0 && stop_compare(&b->stop[n - 1], &b->stop[i]) == 0)
            b->stop[n - 1].delete |= b->stop[i].delete;
        else
            b->stop[n++] = b->stop[i];
    }
    b->n_stop = n;
    if (b->n_um > 0)
        qsort(b->um, b->n_um, sizeof *b->um, um_compare);
}

/* -- pieces of requests --------------------------------------------------- */

static int32_t *ids(struct payload *pl, const int32_t *in, size_t n)
{
    int32_t *copy = payload_take(pl, n, sizeof *copy);

    if (n > 0)
        memcpy(copy, in, n * sizeof *copy);
    return copy;
}

static struct bytes text(struct payload *pl, struct bytes in)
{
    uint8_t *copy;

    if (in.at == NULL)
        return in;
    copy = payload_take(pl, in.len + 1, 1);
    if (in.len > 0)
        memcpy(copy, in.at, in.len);
    return bytes_make(copy, in.len);
}

static void lai_partition_fill(struct payload *pl, lai_partition *out,
                               const struct lai_entry *entry)
{
    const struct ctx_partition *p =
        ctx_partition_find(entry->topic, entry->index);

    out->partition_index = entry->index;
    out->controller_epoch = p->controller_epoch;
    out->leader = p->leader;
    out->leader_epoch = p->leader_epoch;
    out->isr = ids(pl, ctx_isr(p), p->n_isr);
    out->n_isr = p->n_isr;
    out->partition_epoch = p->zk_version;
    out->replicas = ids(pl, ctx_replicas(p), p->n_replicas);
    out->n_replicas = p->n_replicas;
    out->adding_replicas = ids(pl, ctx_adding(p), p->n_adding);
    out->n_adding_replicas = p->n_adding;
    out->removing_replicas = ids(pl, ctx_removing(p), p->n_removing);
    out->n_removing_replicas = p->n_removing;
    out->is_new = entry->is_new;
    out->leader_recovery_state = p->recovery;
}

/* Brokers that lead one of the entries' partitions, and can be named. */
static void lai_leaders_fill(struct controller *ctl, struct payload *pl,
                             struct wire_leader_and_isr_request *r,
                             const struct lai_entry *entries, size_t n)
{
    const struct context *ctx = &ctl->context;
    bool *leads = payload_take(pl, ctx->n_brokers + 1, sizeof *leads);

    for (size_t i = 0; i < n; i++) {
        int32_t leader =
            ctx_partition_find(entries[i].topic, entries[i].index)->leader;

        for (size_t b = 0; b < ctx->n_brokers; b++)
            if (ctx->brokers[b]->id == leader)
                leads[b] = true;
    }
    r->live_leaders = payload_take(pl, ctx->n_brokers + 1, sizeof(lai_leader));
    for (size_t b = 0; b < ctx->n_brokers; b++) {
        const struct znode_endpoint *e =
            ctx_endpoint_find(ctx->brokers[b], ctl->settings.listener);
        lai_leader *out = &r->live_leaders[r->n_live_leaders];

        if (!leads[b] || e == NULL)
            continue;
        out->broker_id = ctx->brokers[b]->id;
        out->host_name = text(pl, e->host);
        out->port = e->port;
        r->n_live_leaders++;
    }
}

/* How many entries from `i` on have the topic of entry `i`; entries are of any
 * type whose first field is the topic. */
static size_t run_of(const void *entries, size_t i, size_t n, size_t size)
{
    const char *at = entries;
    struct ctx_topic *const *first = (const void *)(at + i * size);
    size_t end = i + 1;

    while (end < n &&
           *(struct ctx_topic *const *)(const void *)(at + end * size) ==
               *first)
        end++;
    return end - i;
}

static void send_lai(struct controller *ctl, struct ctx_broker *to,
                     const struct lai_entry *entries, size_t n)
{
    struct payload *pl = payload_new();
    struct message m = { .key = WIRE_LEADER_AND_ISR,
                         .version = ctl->settings.leader_and_isr_version,
                         .payload = pl };
    struct wire_leader_and_isr_request *r = &m.request.lai;

    wire_leader_and_isr_request_init(r);
    r->controller_id = ctl->settings.broker_id;
    r->controller_epoch = ctl->epoch;
    r->topic_states = payload_take(pl, n, sizeof(lai_topic));
    for (size_t i = 0, run; i < n; i += run) {
        lai_topic *t = &r->topic_states[r->n_topic_states++];

        run = run_of(entries, i, n, sizeof *entries);
        t->topic_name = text(pl, entries[i].topic->name);
        t->topic_id = entries[i].topic->id;
        t->n_partition_states = run;
        t->partition_states = payload_take(pl, run, sizeof(lai_partition));
        for (size_t k = 0; k < run; k++)
            lai_partition_fill(pl, &t->partition_states[k], &entries[i + k]);
    }
    lai_leaders_fill(ctl, pl, r, entries, n);
    channel_put(to, &m);
    payload_unref(pl);
}

/* -- UpdateMetadata ------------------------------------------------------- */

static void um_brokers_fill(struct controller *ctl, struct payload *pl,
                            struct wire_update_metadata_request *r)
{
    const struct context *ctx = &ctl->context;

    r->live_brokers = payload_take(pl, ctx->n_brokers + 1, sizeof(um_broker));
    r->n_live_brokers = ctx->n_brokers;
    for (size_t b = 0; b < ctx->n_brokers; b++) {
        const struct ctx_broker *in = ctx->brokers[b];
        um_broker *out = &r->live_brokers[b];

        out->id = in->id;
        out->rack = text(pl, in->rack);
        out->endpoints =
            payload_take(pl, in->n_endpoints + 1, sizeof(um_endpoint));
        out->n_endpoints = in->n_endpoints;
        for (size_t e = 0; e < in->n_endpoints; e++) {
            out->endpoints[e].port = in->endpoints[e].port;
            out->endpoints[e].host = text(pl, in->endpoints[e].host);
            out->endpoints[e].listener = text(pl, in->endpoints[e].listener);
            out->endpoints[e].security_protocol = in->endpoints[e].protocol;
        }
    }
}

static void um_partition_fill(struct controller *ctl, struct payload *pl,
                              um_partition *out, const struct um_entry *entry)
{
    struct ctx_partition *p = ctx_partition_find(entry->topic, entry->index);
    const int32_t *replicas = ctx_replicas(p);
    bool deleted = entry->topic->to_delete;

    p->in_update = false;
    out->partition_index = entry->index;
    out->controller_epoch = deleted ? ctl->epoch : p->controller_epoch;
    out->leader = deleted ? LEADER_DURING_DELETE : p->leader;
    out->leader_epoch = deleted ? 0 : p->leader_epoch;
    out->zk_version = deleted ? 0 : p->zk_version;
    out->isr = ids(pl, ctx_isr(p), p->n_isr);
    out->n_isr = p->n_isr;
    out->replicas = ids(pl, replicas, p->n_replicas);
    out->n_replicas = p->n_replicas;
    out->offline_replicas =
        payload_take(pl, p->n_replicas, sizeof *out->offline_replicas);
    for (size_t i = 0; i < p->n_replicas; i++)
        if (!ctx_replica_is_online(&ctl->context, p, replicas[i], false))
            out->offline_replicas[out->n_offline_replicas++] = replicas[i];
}

static void um_make(struct controller *ctl, struct message *m,
                    const struct um_entry *entries, size_t n)
{
    struct wire_update_metadata_request *r = &m->request.um;
    struct payload *pl = payload_new();

    memset(m, 0, sizeof *m);
    m->key = WIRE_UPDATE_METADATA;
    m->version = ctl->settings.update_metadata_version;
    m->payload = pl;
    wire_update_metadata_request_init(r);
    r->controller_id = ctl->settings.broker_id;
    r->controller_epoch = ctl->epoch;
    r->topic_states = payload_take(pl, n, sizeof(um_topic));
    for (size_t i = 0, run; i < n; i += run) {
        um_topic *t = &r->topic_states[r->n_topic_states++];

        run = run_of(entries, i, n, sizeof *entries);
        t->topic_name = text(pl, entries[i].topic->name);
        t->topic_id = entries[i].topic->id;
        t->n_partition_states = run;
        t->partition_states = payload_take(pl, run, sizeof(um_partition));
        for (size_t k = 0; k < run; k++)
            um_partition_fill(ctl, pl, &t->partition_states[k],
                              &entries[i + k]);
    }
    um_brokers_fill(ctl, pl, r);
}

void batch_send_brokers(struct controller *ctl,
                        bool (*to)(struct controller *, struct ctx_broker *))
{
    struct message m;

    um_make(ctl, &m, NULL, 0);
    for (size_t b = 0; b < ctl->context.n_brokers; b++)
        if (to == NULL || to(ctl, ctl->context.brokers[b]))
            channel_put(ctl->context.brokers[b], &m);
    payload_unref(m.payload);
}

void batch_send_all_metadata(struct controller *ctl, struct ctx_broker *to)
{
    struct ctx_topic *topic = NULL;
    struct um_entry *entries;
    struct message m;
    size_t n = 0;

    while ((topic = ctx_topic_next(&ctl->context, topic)) != NULL)
        n += topic->n_partitions;
    entries = mem_need_array(n + 1, sizeof *entries);
    n = 0;
    while ((topic = ctx_topic_next(&ctl->context, topic)) != NULL)
        for (size_t i = 0; i < topic->n_partitions; i++)
            if (topic->partitions[i].n_replicas > 0 &&
                ctx_has_state(&topic->partitions[i]))
                entries[n++] = (struct um_entry){ topic, (int32_t)i };
    um_make(ctl, &m, entries, n);
    channel_put(to, &m);
    payload_unref(m.payload);
    mem_free(entries);
}

/* -- StopReplica ---------------------------------------------------------- */

static int32_t stop_epoch(const struct stop_entry *entry)
{
    const struct ctx_partition *p;

    if (entry->topic->to_delete)
        return EPOCH_DURING_DELETE;
    p = ctx_partition_find(entry->topic, entry->index);
    return p != NULL && ctx_has_state(p) ? p->leader_epoch : EPOCH_UNKNOWN;
}

static void stop_header(struct controller *ctl, struct message *m,
                        struct payload *pl)
{
    memset(m, 0, sizeof *m);
    m->key = WIRE_STOP_REPLICA;
    m->version = ctl->settings.stop_replica_version;
    m->payload = pl;
    wire_stop_replica_request_init(&m->request.stop);
    m->request.stop.controller_id = ctl->settings.broker_id;
    m->request.stop.controller_epoch = ctl->epoch;
}

/* Up to version 2 one flag holds for the whole request. */
static void send_stop_split(struct controller *ctl, struct ctx_broker *to,
                            const struct stop_entry *entries, size_t n,
                            bool delete)
{
    struct payload *pl = payload_new();
    struct wire_stop_replica_request_topics *t = NULL;
    const struct ctx_topic *last = NULL;
    struct message m;

    stop_header(ctl, &m, pl);
    m.request.stop.delete_partitions = delete;
    m.request.stop.topics = payload_take(pl, n, sizeof *t);
    for (size_t i = 0; i < n; i++) {
        if (entries[i].delete != delete)
            continue;
        if (t == NULL || entries[i].topic != last) {
            last = entries[i].topic;
            t = &m.request.stop.topics[m.request.stop.n_topics++];
            t->name = text(pl, last->name);
            t->partition_indexes =
                payload_take(pl, n - i, sizeof *t->partition_indexes);
        }
        t->partition_indexes[t->n_partition_indexes++] = entries[i].index;
    }
    if (m.request.stop.n_topics > 0)
        channel_put(to, &m);
    payload_unref(pl);
}

static void send_stop(struct controller *ctl, struct ctx_broker *to,
                      const struct stop_entry *entries, size_t n)
{
    struct payload *pl;
    struct wire_stop_replica_request *r;
    struct message m;

    if (ctl->settings.stop_replica_version < 3) {
        send_stop_split(ctl, to, entries, n, false);
        send_stop_split(ctl, to, entries, n, true);
        return;
    }
    pl = payload_new();
    stop_header(ctl, &m, pl);
    r = &m.request.stop;
    r->topic_states = payload_take(pl, n, sizeof(stop_topic));
    for (size_t i = 0, run; i < n; i += run) {
        stop_topic *t = &r->topic_states[r->n_topic_states++];

        run = run_of(entries, i, n, sizeof *entries);
        t->topic_name = text(pl, entries[i].topic->name);
        t->n_partition_states = run;
        t->partition_states = payload_take(pl, run, sizeof(stop_partition));
        for (size_t k = 0; k < run; k++) {
            t->partition_states[k].partition_index = entries[i + k].index;
            t->partition_states[k].leader_epoch = stop_epoch(&entries[i + k]);
            t->partition_states[k].delete_partition = entries[i + k].delete;
        }
    }
    channel_put(to, &m);
    payload_unref(pl);
}

/* -- sending -------------------------------------------------------------- */

void batch_send(struct controller *ctl)
{
    struct batch *b = &ctl->batch;
    struct message um;
    bool has_um = b->n_um > 0 || b->um_brokers;
    size_t lai = 0;
    size_t stop = 0;

    merge(b);
    if (has_um)
        um_make(ctl, &um, b->um, b->n_um);
    for (size_t i = 0; i < ctl->context.n_brokers; i++) {
        struct ctx_broker *to = ctl->context.brokers[i];
        size_t end = lai;

        while (end < b->n_lai && b->lai[end].broker == to->id)
            end++;
        if (end > lai)
            send_lai(ctl, to, b->lai + lai, end - lai);
        lai = end;
        if (has_um)
            channel_put(to, &um);
        end = stop;
        while (end < b->n_stop && b->stop[end].broker == to->id)
            end++;
        if (end > stop)
            send_stop(ctl, to, b->stop + stop, end - stop);
        stop = end;
    }
    /* Brokers are ascending in both, and none left meanwhile. */
    assert(lai == b->n_lai && stop == b->n_stop);
    if (has_um)
        payload_unref(um.payload);
    b->n_lai = b->n_stop = b->n_um = 0;
    b->um_brokers = false;
}
