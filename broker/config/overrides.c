/* overrides.c - topics' and brokers' configuration, followed in ZooKeeper.
 *
 * Following a change: list /config/changes (which re-arms the watch), then go
 * through the children in order of their numbers. Each is read; one that is
 * newer than the last executed names an entity, whose znode is read afresh; one
 * older than 15 minutes is deleted, as every listener does. While that goes on
 * another event only asks for one more round.
 *
 *     IDLE ─ watch fires ─▶ list ─▶ read child ─▶ read entity ─▶ next child …
 */
#include "config/overrides.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/lock.h"
#include "base/map.h"
#include "broker.h"
#include "client/zk.h"
#include "znode/znode.h"

enum {
    CHANGE_OLD_MS = 15 * 60 * 1000, /* when a notification may be purged */
    ENTITY_ARENA_MOST = 4 << 20,    /* a znode is 1 MB at most */
};

/* What a topic's znode holds; name, pairs and texts in one block. */
struct entry {
    struct map_link link;
    struct bytes name;
    struct conf_pair *pairs;
    size_t n;
};

struct change {
    char name[64]; /* of the child of /config/changes */
    int64_t number;
};

struct overrides {
    struct broker *broker;
    struct lock lock;        /* entries */
    struct map entries;      /* struct entry by topic */
    struct entry *layers[2]; /* the broker's, the cluster's; or NULL */
    struct overrides_observer *observers;

    /* start; coordination loop */
    struct job *start_done;
    size_t start_open; /* reads not answered */

    /* following; coordination loop */
    struct zk_watch watch;
    struct zk_op op;
    bool busy, again;
    struct change *changes; /* of this round, ascending number */
    size_t n_changes, at;
    int64_t executed;    /* highest number executed */
    struct bytes entity; /* being read, "topics/t"; in `arena` */
    struct arena arena;
};

/* One read of an entity at start or for a loader. */
struct fetch {
    struct zk_op op;
    struct overrides *ov;
    struct load *load;  /* NULL: at start */
    struct bytes topic; /* owned copy; null: a broker's layer */
    enum config_layer layer;
};

/* A pool thread that waits for topics. */
struct load {
    struct job job;
    struct overrides *ov;
    const struct bytes *topics;
    size_t n;
    size_t open; /* coordination loop */
    enum err err;
    bool done; /* under the lock */
    pthread_mutex_t mutex;
    pthread_cond_t cond;
};

/* -- entries -------------------------------------------------------------- */

static bool entry_is(const struct map_link *link, const void *key)
{
    return bytes_equal(CONTAINER_OF(link, struct entry, link)->name,
                       *(const struct bytes *)key);
}

static struct entry *entry_find(const struct overrides *ov, struct bytes name)
{
    struct map_link *link = map_find(
        &ov->entries, bytes_hash(name, ov->entries.seed), entry_is, &name);

    return link ? CONTAINER_OF(link, struct entry, link) : NULL;
}

static struct bytes block_put(uint8_t **at, struct bytes b)
{
    struct bytes copy = bytes_make(*at, b.len);

    if (b.len > 0)
        memcpy(*at, b.at, b.len);
    *at += b.len;
    return copy;
}

static struct entry *entry_new(struct bytes name, const struct conf_pair *pairs,
                               size_t n)
{
    size_t size = sizeof(struct entry) + n * sizeof *pairs + name.len;
    struct entry *entry;

    for (size_t i = 0; i < n; i++)
        size += pairs[i].name.len + pairs[i].value.len;
    entry = mem_need(size);
    entry->pairs = (struct conf_pair *)(void *)(entry + 1);
    entry->n = n;
    uint8_t *at = (uint8_t *)(entry->pairs + n);
    entry->name = block_put(&at, name);
    for (size_t i = 0; i < n; i++) {
        entry->pairs[i].name = block_put(&at, pairs[i].name);
        entry->pairs[i].value = block_put(&at, pairs[i].value);
    }
    return entry;
}

static void entry_remove(struct overrides *ov, struct bytes name)
{
    struct entry *old = entry_find(ov, name);

    if (old == NULL)
        return;
    map_remove(&ov->entries, &old->link);
    mem_free(old);
}

void overrides_topic_put(struct overrides *ov, struct bytes topic,
                         const struct conf_pair *pairs, size_t n)
{
    struct entry *entry = entry_new(topic, pairs, n);

    lock_take(&ov->lock);
    entry_remove(ov, topic);
    map_put(&ov->entries, &entry->link, bytes_hash(topic, ov->entries.seed));
    lock_give(&ov->lock);
}

size_t overrides_topic_count(struct overrides *ov)
{
    size_t n;

    lock_take(&ov->lock);
    n = ov->entries.count;
    lock_give(&ov->lock);
    return n;
}

bool overrides_topic_known(struct overrides *ov, struct bytes topic)
{
    bool known;

    lock_take(&ov->lock);
    known = entry_find(ov, topic) != NULL;
    lock_give(&ov->lock);
    return known;
}

void overrides_topic_drop(struct overrides *ov, struct bytes topic)
{
    lock_take(&ov->lock);
    entry_remove(ov, topic);
    lock_give(&ov->lock);
}

void overrides_topic_config(struct overrides *ov, struct bytes topic,
                            struct topic_config *out)
{
    const struct entry *entry;

    lock_take(&ov->lock);
    entry = entry_find(ov, topic);
    topic_config_resolve(ov->broker->config, entry ? entry->pairs : NULL,
                         entry ? entry->n : 0, out);
    lock_give(&ov->lock);
}

static void entry_copy(const struct entry *entry, struct arena *arena,
                       struct conf_pair **pairs, size_t *n)
{
    *pairs = NULL;
    *n = 0;
    if (entry != NULL && entry->n > 0)
        *pairs = arena_array(arena, entry->n, sizeof **pairs);
    for (size_t i = 0; *pairs && i < entry->n; i++) {
        (*pairs)[i].name = arena_copy(arena, entry->pairs[i].name);
        (*pairs)[i].value = arena_copy(arena, entry->pairs[i].value);
        *n = i + 1;
    }
}

void overrides_topic_pairs(struct overrides *ov, struct bytes topic,
                           struct arena *arena, struct conf_pair **pairs,
                           size_t *n)
{
    lock_take(&ov->lock);
    entry_copy(entry_find(ov, topic), arena, pairs, n);
    lock_give(&ov->lock);
}

static struct entry **layer_of(struct overrides *ov, enum config_layer layer)
{
    assert(layer == CONFIG_BROKER || layer == CONFIG_CLUSTER);
    return &ov->layers[layer == CONFIG_CLUSTER];
}

void overrides_layer_pairs(struct overrides *ov, enum config_layer layer,
                           struct arena *arena, struct conf_pair **pairs,
                           size_t *n)
{
    lock_take(&ov->lock);
    entry_copy(*layer_of(ov, layer), arena, pairs, n);
    lock_give(&ov->lock);
}

/* -- life ----------------------------------------------------------------- */

static void changes_on_fire(struct zk_watch *watch, bool fired);

enum err overrides_new(struct overrides **out, struct broker *broker)
{
    struct overrides *ov = mem_need(sizeof *ov);

    ov->broker = broker;
    ov->executed = -1;
    ov->watch.on_fire = changes_on_fire;
    lock_init(&ov->lock);
    map_init(&ov->entries);
    arena_init(&ov->arena, ENTITY_ARENA_MOST);
    *out = ov;
    return ERR_OK;
}

void overrides_free(struct overrides **out)
{
    struct overrides *ov = *out;
    struct map_link *link;

    if (ov == NULL)
        return;
    zk_watch_cancel(&ov->watch);
    while ((link = map_next(&ov->entries, NULL)) != NULL) {
        map_remove(&ov->entries, link);
        mem_free(CONTAINER_OF(link, struct entry, link));
    }
    map_fini(&ov->entries);
    mem_free(ov->layers[0]);
    mem_free(ov->layers[1]);
    arena_fini(&ov->arena);
    lock_fini(&ov->lock);
    mem_free(ov->changes);
    mem_free(ov);
    *out = NULL;
}

void overrides_observe(struct overrides *ov,
                       struct overrides_observer *observer)
{
    observer->next = ov->observers;
    ov->observers = observer;
}

static void tell(struct overrides *ov, struct bytes topic)
{
    for (struct overrides_observer *o = ov->observers; o != NULL; o = o->next)
        o->on_change(o, topic);
}

/* -- taking over what was read -------------------------------------------- */

/* An entity's content: pairs in `arena`. Bytes that are no configuration count
 * as none, with a line: the znode may have been written by anyone. */
static void entity_read(const struct zk_op *op, const char *entity,
                        struct arena *arena, struct conf_pair **pairs,
                        size_t *n)
{
    struct errmsg why;

    *pairs = NULL;
    *n = 0;
    if (op->err == ERR_OK &&
        znode_config_read(op->data, arena, pairs, n, &why) != ERR_OK) {
        diag_warn(
            "event=config_znode_unreadable entity=%s why=\"%s\" remedy=\"set "
            "the entity's configuration anew with kafka-configs\"",
            entity, why.text);
        *pairs = NULL;
        *n = 0;
    }
}

static void take_topic(struct overrides *ov, const struct zk_op *op,
                       struct bytes topic)
{
    struct arena arena;
    struct conf_pair *pairs;
    size_t n;

    arena_init(&arena, ENTITY_ARENA_MOST);
    entity_read(op, "topic", &arena, &pairs, &n);
    overrides_topic_put(ov, topic, pairs, n);
    arena_fini(&arena);
}

static void layer_put(struct overrides *ov, enum config_layer layer,
                      const struct conf_pair *pairs, size_t n)
{
    struct entry *entry = entry_new(BYTES("layer"), pairs, n);
    struct entry *old;

    lock_take(&ov->lock);
    old = *layer_of(ov, layer);
    *layer_of(ov, layer) = entry;
    lock_give(&ov->lock);
    mem_free(old);
    /* Values in force are one broker's own memory: the one place that writes.
     */
    config_apply((struct config *)(uintptr_t)ov->broker->config, layer, pairs,
                 n);
}

static void take_layer(struct overrides *ov, const struct zk_op *op,
                       enum config_layer layer)
{
    struct arena arena;
    struct conf_pair *pairs;
    size_t n;

    arena_init(&arena, ENTITY_ARENA_MOST);
    entity_read(op,
                layer == CONFIG_CLUSTER ? "brokers/<default>" : "brokers/<id>",
                &arena, &pairs, &n);
    layer_put(ov, layer, pairs, n);
    arena_fini(&arena);
}

void overrides_layer_put(struct overrides *ov, enum config_layer layer,
                         const struct conf_pair *pairs, size_t n)
{
    layer_put(ov, layer, pairs, n);
    tell(ov, BYTES_NULL);
}

/* -- start ---------------------------------------------------------------- */

static void load_close(struct load *load)
{
    pthread_mutex_lock(&load->mutex);
    load->done = true;
    pthread_cond_signal(&load->cond);
    pthread_mutex_unlock(&load->mutex);
}

static void fetch_end(struct fetch *fetch)
{
    struct overrides *ov = fetch->ov;
    struct load *load = fetch->load;

    if (load == NULL) {
        if (--ov->start_open == 0)
            loop_post(ov->broker->coord_loop, ov->start_done);
    } else {
        if (fetch->op.err != ERR_OK && fetch->op.err != ERR_ABSENT)
            load->err = fetch->op.err;
        if (--load->open == 0)
            load_close(load);
    }
    mem_free(fetch);
}

static void fetch_done(struct zk_op *op)
{
    struct fetch *fetch = CONTAINER_OF(op, struct fetch, op);
    bool known = op->err == ERR_OK || op->err == ERR_ABSENT;

    if (known && !bytes_is_null(fetch->topic))
        take_topic(fetch->ov, op, fetch->topic);
    else if (known)
        take_layer(fetch->ov, op, fetch->layer);
    fetch_end(fetch);
}

static struct fetch *fetch_new(struct overrides *ov, struct load *load,
                               struct bytes topic)
{
    struct fetch *fetch = mem_need(sizeof *fetch + topic.len + 1);

    fetch->ov = ov;
    fetch->load = load;
    fetch->op.on_done = fetch_done;
    if (!bytes_is_null(topic)) {
        memcpy(fetch + 1, topic.at, topic.len);
        fetch->topic = bytes_make(fetch + 1, topic.len);
    }
    return fetch;
}

static void fetch_topic(struct overrides *ov, struct load *load,
                        struct bytes topic)
{
    struct fetch *fetch = fetch_new(ov, load, topic);
    struct znode_path path;

    zk_get(ov->broker->zk, &fetch->op, znode_path_config_topic(&path, topic),
           NULL);
}

static void fetch_layer(struct overrides *ov, enum config_layer layer)
{
    struct fetch *fetch = fetch_new(ov, NULL, BYTES_NULL);
    struct znode_path path;

    fetch->layer = layer;
    zk_get(ov->broker->zk, &fetch->op,
           znode_path_config_broker(
               &path, layer == CONFIG_CLUSTER ? -1 : ov->broker->id),
           NULL);
}

static void topics_listed(struct zk_op *op)
{
    struct overrides *ov = CONTAINER_OF(op, struct overrides, op);

    ov->start_open = 1; /* this function's own, so that it ends last */
    for (size_t i = 0; op->err == ERR_OK && i < op->n_children; i++) {
        ov->start_open++;
        fetch_topic(ov, NULL, op->children[i]);
    }
    ov->start_open += 2;
    fetch_layer(ov, CONFIG_CLUSTER);
    fetch_layer(ov, CONFIG_BROKER);
    if (--ov->start_open == 0)
        loop_post(ov->broker->coord_loop, ov->start_done);
}

void overrides_start(struct overrides *ov, struct job *on_done)
{
    ov->start_done = on_done;
    ov->op = (struct zk_op){ .on_done = topics_listed };
    zk_children(ov->broker->zk, &ov->op, ZNODE_CONFIG_TOPICS, NULL);
}

/* -- loaders -------------------------------------------------------------- */

static void load_run(struct job *job)
{
    struct load *load = CONTAINER_OF(job, struct load, job);

    load->open = 1;
    for (size_t i = 0; i < load->n; i++) {
        bool known;

        lock_take(&load->ov->lock);
        known = entry_find(load->ov, load->topics[i]) != NULL;
        lock_give(&load->ov->lock);
        if (known)
            continue;
        load->open++;
        fetch_topic(load->ov, load, load->topics[i]);
    }
    if (--load->open == 0)
        load_close(load);
}

enum err overrides_topics_load(struct overrides *ov, const struct bytes *topics,
                               size_t n)
{
    struct load load = { .ov = ov, .topics = topics, .n = n };
    bool known = true;

    lock_take(&ov->lock);
    for (size_t i = 0; known && i < n; i++)
        known = entry_find(ov, topics[i]) != NULL;
    lock_give(&ov->lock);
    if (known)
        return ERR_OK;
    pthread_mutex_init(&load.mutex, NULL);
    pthread_cond_init(&load.cond, NULL);
    load.job.run = load_run;
    loop_post(ov->broker->coord_loop, &load.job);
    pthread_mutex_lock(&load.mutex);
    while (!load.done)
        pthread_cond_wait(&load.cond, &load.mutex);
    pthread_mutex_unlock(&load.mutex);
    pthread_cond_destroy(&load.cond);
    pthread_mutex_destroy(&load.mutex);
    return load.err;
}

/* -- following ------------------------------------------------------------ */

static void changes_list(struct overrides *ov);
static void change_next(struct overrides *ov);

static void changes_on_fire(struct zk_watch *watch, bool fired)
{
    struct overrides *ov = CONTAINER_OF(watch, struct overrides, watch);

    if (!fired)
        return; /* expired: overrides_follow() comes with the new session */
    if (ov->busy)
        ov->again = true;
    else
        changes_list(ov);
}

static void round_end(struct overrides *ov)
{
    ov->busy = false;
    if (ov->again) {
        ov->again = false;
        changes_list(ov);
    }
}

static void entity_done(struct zk_op *op)
{
    struct overrides *ov = CONTAINER_OF(op, struct overrides, op);
    struct bytes entity = ov->entity;
    static const struct bytes topics = BYTES("topics/");

    if (op->err != ERR_OK && op->err != ERR_ABSENT) {
        round_end(ov);
        return;
    }
    if (entity.len > topics.len &&
        memcmp(entity.at, topics.at, topics.len) == 0) {
        struct bytes topic =
            bytes_make(entity.at + topics.len, entity.len - topics.len);

        take_topic(ov, op, topic);
        diag_info("event=topic_config_changed topic=%.*s", BYTES_ARG(topic));
        tell(ov, topic);
    } else {
        bool all = bytes_is(entity, "brokers/<default>");

        take_layer(ov, op, all ? CONFIG_CLUSTER : CONFIG_BROKER);
        diag_info("event=broker_config_changed entity=%.*s", BYTES_ARG(entity));
        tell(ov, BYTES_NULL);
    }
    ov->at++;
    change_next(ov);
}

/* Whether this broker keeps the entity's configuration. */
static bool entity_is_ours(const struct overrides *ov, struct bytes entity)
{
    char own[32];

    if (entity.len > 7 && memcmp(entity.at, "topics/", 7) == 0)
        return true;
    snprintf(own, sizeof own, "brokers/%d", ov->broker->id);
    return bytes_is(entity, own) || bytes_is(entity, "brokers/<default>");
}

static void purged(struct zk_op *op)
{
    mem_free(op);
}

static void change_purge(struct overrides *ov, const char *path)
{
    struct zk_op *op = mem_need(sizeof *op);

    op->on_done = purged;
    zk_delete(ov->broker->zk, op, path, -1);
}

static void change_done(struct zk_op *op)
{
    struct overrides *ov = CONTAINER_OF(op, struct overrides, op);
    const struct change *change = &ov->changes[ov->at];
    struct znode_path path;
    struct errmsg why;
    bool fresh = change->number > ov->executed;

    if (op->err != ERR_OK && op->err != ERR_ABSENT) {
        round_end(ov);
        return;
    }
    if (op->err == ERR_OK && !bytes_is_null(op->data)) {
        enum err err;

        if (clock_wall_ms() - op->stat.ctime_ms > CHANGE_OLD_MS &&
            znode_path_child(&path, ZNODE_CONFIG_CHANGES,
                             bytes_of(change->name)) != NULL)
            change_purge(ov, path.text);
        arena_reset(&ov->arena);
        err = znode_config_change_read(op->data, &ov->arena, &ov->entity, &why);
        if (fresh)
            ov->executed = change->number;
        if (fresh && err != ERR_OK && err != ERR_ABSENT)
            diag_warn("event=config_change_unreadable znode=%s/%s why=\"%s\"",
                      ZNODE_CONFIG_CHANGES, change->name, why.text);
        if (fresh && err == ERR_OK && entity_is_ours(ov, ov->entity) &&
            znode_path_config(&path, ov->entity) != NULL) {
            ov->op = (struct zk_op){ .on_done = entity_done };
            zk_get(ov->broker->zk, &ov->op, path.text, NULL);
            return;
        }
    }
    ov->at++;
    change_next(ov);
}

static void change_next(struct overrides *ov)
{
    struct znode_path path;

    if (ov->at == ov->n_changes) {
        round_end(ov);
        return;
    }
    ov->op = (struct zk_op){ .on_done = change_done };
    zk_get(ov->broker->zk, &ov->op,
           znode_path_child(&path, ZNODE_CONFIG_CHANGES,
                            bytes_of(ov->changes[ov->at].name)),
           NULL);
}

static int by_number(const void *a, const void *b)
{
    const struct change *x = a, *y = b;

    return (x->number > y->number) - (x->number < y->number);
}

static void changes_listed(struct zk_op *op)
{
    struct overrides *ov = CONTAINER_OF(op, struct overrides, op);

    if (op->err != ERR_OK) {
        round_end(ov);
        return;
    }
    ov->changes =
        mem_need_more(ov->changes, op->n_children, sizeof *ov->changes);
    ov->n_changes = 0;
    ov->at = 0;
    for (size_t i = 0; i < op->n_children; i++) {
        struct change *change = &ov->changes[ov->n_changes];
        struct bytes name = op->children[i];

        if (name.len >= sizeof change->name ||
            !znode_sequence(name, ZNODE_CONFIG_CHANGE_PREFIX, &change->number))
            continue;
        memcpy(change->name, name.at, name.len);
        change->name[name.len] = '\0';
        ov->n_changes++;
    }
    qsort(ov->changes, ov->n_changes, sizeof *ov->changes, by_number);
    change_next(ov);
}

static void changes_list(struct overrides *ov)
{
    ov->busy = true;
    ov->op = (struct zk_op){ .on_done = changes_listed };
    zk_children(ov->broker->zk, &ov->op, ZNODE_CONFIG_CHANGES, &ov->watch);
}

void overrides_follow(struct overrides *ov)
{
    if (ov->busy)
        ov->again = true;
    else
        changes_list(ov);
}
