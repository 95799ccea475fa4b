/* context.c - see context.h. */
#include "controller/context.h"

#include <assert.h>
#include <stdlib.h>

#include "base/list.h"

static bool topic_is_name(const struct map_link *link, const void *key)
{
    const struct ctx_topic *t = CONTAINER_OF(link, struct ctx_topic, by_name);

    return bytes_equal(t->name, *(const struct bytes *)key);
}

static bool topic_is_id(const struct map_link *link, const void *key)
{
    const struct ctx_topic *t = CONTAINER_OF(link, struct ctx_topic, by_id);

    return uuid_equal(t->id, *(const struct uuid *)key);
}

void context_init(struct context *ctx)
{
    memset(ctx, 0, sizeof *ctx);
    map_init(&ctx->by_name);
    map_init(&ctx->by_id);
}

void context_fini(struct context *ctx)
{
    struct ctx_topic *topic;

    while ((topic = ctx_topic_next(ctx, NULL)) != NULL)
        ctx_topic_drop(ctx, topic);
    while (ctx->n_brokers > 0)
        ctx_broker_drop(ctx, ctx->brokers[ctx->n_brokers - 1]->id);
    mem_free(ctx->brokers);
    map_fini(&ctx->by_name);
    map_fini(&ctx->by_id);
    ctx->brokers = NULL;
}

/* -- brokers -------------------------------------------------------------- */

/* Place of the first broker whose id is not below. */
static size_t broker_place(const struct context *ctx, int32_t id)
{
    size_t low = 0;
    size_t high = ctx->n_brokers;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (ctx->brokers[mid]->id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

struct ctx_broker *ctx_broker_find(const struct context *ctx, int32_t id)
{
    size_t at = broker_place(ctx, id);

    return at < ctx->n_brokers && ctx->brokers[at]->id == id ? ctx->brokers[at]
                                                             : NULL;
}

static struct ctx_broker *broker_add(struct context *ctx, int32_t id)
{
    size_t at = broker_place(ctx, id);
    struct ctx_broker *broker = mem_need(sizeof *broker);

    broker->id = id;
    arena_init(&broker->arena, ZNODE_DATA_MAX);
    ctx->brokers = mem_need_more(ctx->brokers, ctx->n_brokers + 1,
                                 sizeof(struct ctx_broker *));
    memmove(ctx->brokers + at + 1, ctx->brokers + at,
            (ctx->n_brokers - at) * sizeof(struct ctx_broker *));
    ctx->brokers[at] = broker;
    ctx->n_brokers++;
    return broker;
}

struct ctx_broker *ctx_broker_put(struct context *ctx, int32_t id,
                                  int64_t epoch,
                                  const struct znode_broker *data)
{
    struct ctx_broker *broker = ctx_broker_find(ctx, id);
    struct znode_endpoint *copy;

    if (broker == NULL)
        broker = broker_add(ctx, id);
    arena_reset(&broker->arena);
    broker->epoch = epoch;
    broker->rack = arena_copy(&broker->arena, data->rack);
    copy = arena_array(&broker->arena, data->n_endpoints, sizeof *copy);
    for (size_t i = 0; copy != NULL && i < data->n_endpoints; i++) {
        copy[i] = data->endpoints[i];
        copy[i].listener = arena_copy(&broker->arena, copy[i].listener);
        copy[i].host = arena_copy(&broker->arena, copy[i].host);
    }
    broker->endpoints = copy;
    /* Cannot fail within the limit of a znode's size; without memory the
     * broker counts as one that cannot be reached. */
    broker->n_endpoints = broker->arena.err == ERR_OK ? data->n_endpoints : 0;
    return broker;
}

void ctx_broker_drop(struct context *ctx, int32_t id)
{
    size_t at = broker_place(ctx, id);

    assert(at < ctx->n_brokers && ctx->brokers[at]->id == id);
    arena_fini(&ctx->brokers[at]->arena);
    mem_free(ctx->brokers[at]);
    ctx->n_brokers--;
    memmove(ctx->brokers + at, ctx->brokers + at + 1,
            (ctx->n_brokers - at) * sizeof(struct ctx_broker *));
}

bool ctx_broker_is_live(const struct context *ctx, int32_t id)
{
    const struct ctx_broker *broker = ctx_broker_find(ctx, id);

    return broker != NULL && !broker->shutting_down;
}

const struct znode_endpoint *ctx_endpoint_find(const struct ctx_broker *broker,
                                               const char *listener)
{
    for (size_t i = 0; i < broker->n_endpoints; i++)
        if (bytes_is(broker->endpoints[i].listener, listener))
            return &broker->endpoints[i];
    return NULL;
}

bool ctx_broker_is_same(const struct ctx_broker *broker,
                        const struct znode_broker *data)
{
    if (broker->n_endpoints != data->n_endpoints ||
        !bytes_equal(broker->rack, data->rack))
        return false;
    for (size_t i = 0; i < data->n_endpoints; i++) {
        const struct znode_endpoint *a = &broker->endpoints[i];
        const struct znode_endpoint *b = &data->endpoints[i];

        if (a->port != b->port || a->protocol != b->protocol ||
            !bytes_equal(a->listener, b->listener) ||
            !bytes_equal(a->host, b->host))
            return false;
    }
    return true;
}

/* -- topics --------------------------------------------------------------- */

struct ctx_topic *ctx_topic_find(const struct context *ctx, struct bytes name)
{
    struct map_link *link;

    link = map_find(&ctx->by_name, bytes_hash(name, ctx->by_name.seed),
                    topic_is_name, &name);
    return link ? CONTAINER_OF(link, struct ctx_topic, by_name) : NULL;
}

static uint64_t id_hash(const struct context *ctx, struct uuid id)
{
    return bytes_hash(bytes_make(id.b, sizeof id.b), ctx->by_id.seed);
}

struct ctx_topic *ctx_topic_find_id(const struct context *ctx, struct uuid id)
{
    struct map_link *link;

    if (uuid_is_zero(id))
        return NULL;
    link = map_find(&ctx->by_id, id_hash(ctx, id), topic_is_id, &id);
    return link ? CONTAINER_OF(link, struct ctx_topic, by_id) : NULL;
}

struct ctx_topic *ctx_topic_add(struct context *ctx, struct bytes name,
                                struct uuid id)
{
    struct ctx_topic *topic = mem_need(sizeof *topic);

    topic->name = bytes_make(mem_need_text(name), name.len);
    map_put(&ctx->by_name, &topic->by_name,
            bytes_hash(name, ctx->by_name.seed));
    ctx_topic_set_id(ctx, topic, id);
    return topic;
}

void ctx_topic_set_id(struct context *ctx, struct ctx_topic *topic,
                      struct uuid id)
{
    if (!uuid_is_zero(topic->id))
        map_remove(&ctx->by_id, &topic->by_id);
    topic->id = id;
    if (!uuid_is_zero(id))
        map_put(&ctx->by_id, &topic->by_id, id_hash(ctx, id));
}

static void partition_free_words(struct ctx_partition *p)
{
    if (ctx_n_words(p) > CTX_INLINE_WORDS)
        mem_free(p->words.out);
}

void ctx_topic_drop(struct context *ctx, struct ctx_topic *topic)
{
    struct uuid none = { { 0 } };

    assert(topic->watch == NULL);
    ctx_topic_set_id(ctx, topic, none);
    map_remove(&ctx->by_name, &topic->by_name);
    if (topic->to_delete)
        ctx->n_to_delete--;
    for (size_t i = 0; i < topic->n_partitions; i++)
        partition_free_words(&topic->partitions[i]);
    mem_free(topic->partitions);
    mem_free((void *)(uintptr_t)topic->name.at);
    mem_free(topic);
}

struct ctx_topic *ctx_topic_next(const struct context *ctx,
                                 const struct ctx_topic *topic)
{
    struct map_link *link =
        map_next(&ctx->by_name, topic ? &topic->by_name : NULL);

    return link ? CONTAINER_OF(link, struct ctx_topic, by_name) : NULL;
}

bool ctx_walk_next(const struct context *ctx, struct ctx_walk *walk)
{
    if (walk->topic != NULL)
        walk->index++;
    for (;;) {
        if (walk->topic == NULL ||
            (size_t)walk->index >= walk->topic->n_partitions) {
            walk->topic = ctx_topic_next(ctx, walk->topic);
            walk->index = 0;
            if (walk->topic == NULL)
                return false;
            continue;
        }
        walk->p = &walk->topic->partitions[walk->index];
        if (walk->p->n_replicas > 0)
            return true;
        walk->index++;
    }
}

/* -- partitions ----------------------------------------------------------- */

struct ctx_partition *ctx_partition_find(const struct ctx_topic *topic,
                                         int32_t index)
{
    struct ctx_partition *p;

    if (index < 0 || (size_t)index >= topic->n_partitions)
        return NULL;
    p = &topic->partitions[index];
    return p->n_replicas > 0 ? p : NULL;
}

static uint8_t *states_of(const struct ctx_partition *p)
{
    return (uint8_t *)(ctx_words_(p) + p->n_replicas + p->n_isr + p->n_adding +
                       p->n_removing);
}

/* The id lists a partition is to have. */
struct lists {
    const int32_t *replicas, *isr, *adding, *removing;
    size_t n_replicas, n_isr, n_adding, n_removing;
};

static void list_put(int32_t **at, const int32_t *ids, size_t n)
{
    if (n > 0)
        memcpy(*at, ids, n * sizeof **at);
    *at += n;
}

/* Lay out the words anew; the lists may point into the old ones. States of
 * replicas that stay go with them. */
static void relayout(struct ctx_partition *p, const struct lists *lists)
{
    struct ctx_partition old = *p;
    struct ctx_partition new = *p;
    int32_t *at;
    size_t n;

    new.n_replicas = (uint16_t)lists->n_replicas;
    new.n_isr = (uint16_t)lists->n_isr;
    new.n_adding = (uint16_t)lists->n_adding;
    new.n_removing = (uint16_t)lists->n_removing;
    n = ctx_n_words(&new);
    memset(&new.words, 0, sizeof new.words);
    if (n > CTX_INLINE_WORDS)
        new.words.out = mem_need_array(n, sizeof *new.words.out);
    at = ctx_words_(&new);
    list_put(&at, lists->replicas, lists->n_replicas);
    list_put(&at, lists->isr, lists->n_isr);
    list_put(&at, lists->adding, lists->n_adding);
    list_put(&at, lists->removing, lists->n_removing);
    for (size_t i = 0; i < lists->n_replicas; i++) {
        int place = ctx_replica_place(&old, ctx_replicas(&new)[i]);

        if (place >= 0)
            states_of(&new)[i] = states_of(&old)[place];
    }
    partition_free_words(&old);
    *p = new;
}

static bool assignment_is_sane(const struct znode_replicas *a)
{
    return a->partition >= 0 && a->partition < CTX_PARTITIONS_MAX &&
           a->n_replicas <= CTX_REPLICAS_MAX &&
           a->n_adding <= CTX_REPLICAS_MAX && a->n_removing <= CTX_REPLICAS_MAX;
}

enum err ctx_partition_assign(struct ctx_topic *topic,
                              const struct znode_replicas *a)
{
    struct ctx_partition *p;
    int32_t isr[CTX_INLINE_WORDS];
    int32_t *kept = isr;
    struct lists lists = { a->replicas,   NULL, a->adding,   a->removing,
                           a->n_replicas, 0,    a->n_adding, a->n_removing };

    if (!assignment_is_sane(a))
        return ERR_LIMIT;
    if ((size_t)a->partition >= topic->n_partitions) {
        size_t n = (size_t)a->partition + 1;

        topic->partitions =
            mem_need_more(topic->partitions, n, sizeof *topic->partitions);
        memset(topic->partitions + topic->n_partitions, 0,
               (n - topic->n_partitions) * sizeof *topic->partitions);
        topic->n_partitions = n;
    }
    p = &topic->partitions[a->partition];
    if (p->n_replicas == 0 && p->state == PARTITION_NONE) {
        p->leader = NO_LEADER;
        p->zk_version = -1;
    }
    if (p->n_isr > CTX_INLINE_WORDS)
        kept = mem_need_array(p->n_isr, sizeof *kept);
    memcpy(kept, ctx_isr(p), p->n_isr * sizeof *kept);
    lists.isr = kept;
    lists.n_isr = p->n_isr;
    relayout(p, &lists);
    if (kept != isr)
        mem_free(kept);
    return ERR_OK;
}

int ctx_replica_place(const struct ctx_partition *p, int32_t broker)
{
    const int32_t *replicas = ctx_replicas(p);

    for (int i = 0; i < p->n_replicas; i++)
        if (replicas[i] == broker)
            return i;
    return -1;
}

enum replica_state ctx_replica_state(const struct ctx_partition *p, int place)
{
    return (enum replica_state)(states_of(p)[place] & ~REPLICA_DIR_OFFLINE);
}

bool ctx_replica_dir_failed(const struct ctx_partition *p, int place)
{
    return (states_of(p)[place] & REPLICA_DIR_OFFLINE) != 0;
}

#define FROM(s) (1u << REPLICA_##s)
/* From which states each may be entered. */
static const unsigned replica_before[] = {
    [REPLICA_NONE] = FROM(DELETED),
    [REPLICA_NEW] = FROM(NONE),
    [REPLICA_ONLINE] =
        FROM(NEW) | FROM(ONLINE) | FROM(OFFLINE) | FROM(INELIGIBLE),
    [REPLICA_OFFLINE] =
        FROM(NEW) | FROM(ONLINE) | FROM(OFFLINE) | FROM(INELIGIBLE),
    [REPLICA_DELETING] = FROM(OFFLINE),
    [REPLICA_DELETED] = FROM(DELETING),
    [REPLICA_INELIGIBLE] = FROM(OFFLINE) | FROM(DELETING),
};
#undef FROM

void ctx_replica_init(struct ctx_partition *p, int place,
                      enum replica_state state)
{
    uint8_t *at = &states_of(p)[place];

    *at = (uint8_t)((*at & REPLICA_DIR_OFFLINE) | (unsigned)state);
}

void ctx_replica_move(struct ctx_partition *p, int place, enum replica_state to)
{
    assert(replica_before[to] & (1u << ctx_replica_state(p, place)));
    ctx_replica_init(p, place, to);
}

void ctx_replica_set_dir_failed(struct ctx_partition *p, int place, bool failed)
{
    uint8_t *at = &states_of(p)[place];

    if (failed)
        *at |= REPLICA_DIR_OFFLINE;
    else
        *at &= (uint8_t)~REPLICA_DIR_OFFLINE;
}

#define FROM(s) (1u << PARTITION_##s)
static const unsigned partition_before[] = {
    [PARTITION_NONE] = FROM(OFFLINE),
    [PARTITION_NEW] = FROM(NONE),
    [PARTITION_ONLINE] = FROM(NEW) | FROM(ONLINE) | FROM(OFFLINE),
    [PARTITION_OFFLINE] = FROM(NEW) | FROM(ONLINE) | FROM(OFFLINE),
};
#undef FROM

void ctx_partition_move(struct ctx_partition *p, enum partition_state to)
{
    assert(partition_before[to] & (1u << p->state));
    p->state = (uint8_t)to;
}

void ctx_partition_set_state(struct ctx_partition *p,
                             const struct znode_state *state,
                             int32_t zk_version)
{
    size_t n_isr =
        state->n_isr < CTX_REPLICAS_MAX ? state->n_isr : CTX_REPLICAS_MAX;
    struct lists lists = { ctx_replicas(p), state->isr,    ctx_adding(p),
                           ctx_removing(p), p->n_replicas, n_isr,
                           p->n_adding,     p->n_removing };

    p->leader = state->leader;
    p->leader_epoch = state->leader_epoch;
    p->controller_epoch = state->controller_epoch;
    p->recovery = state->recovery;
    p->zk_version = zk_version;
    if (n_isr == p->n_isr) {
        if (n_isr > 0)
            memmove(ctx_words_(p) + p->n_replicas, state->isr,
                    n_isr * sizeof(int32_t));
        return;
    }
    relayout(p, &lists);
}

bool ctx_isr_has(const struct ctx_partition *p, int32_t broker)
{
    const int32_t *isr = ctx_isr(p);

    for (size_t i = 0; i < p->n_isr; i++)
        if (isr[i] == broker)
            return true;
    return false;
}

bool ctx_replica_is_online(const struct context *ctx,
                           const struct ctx_partition *p, int32_t broker,
                           bool or_shutting_down)
{
    const struct ctx_broker *b = ctx_broker_find(ctx, broker);
    int place;

    if (b == NULL || (b->shutting_down && !or_shutting_down))
        return false;
    place = ctx_replica_place(p, broker);
    return place < 0 || !ctx_replica_dir_failed(p, place);
}
