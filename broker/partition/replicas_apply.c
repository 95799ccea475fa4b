/* replicas_apply.c - LeaderAndIsr and StopReplica.
 *
 * Two passes: the first decides, in order, what may happen to each partition,
 * and chooses directories for new logs; the second does it, in parallel: a
 * thousand new partitions are a thousand mkdir(2).
 */
#include "partition/partition_private.h"

#include <ctype.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "broker.h"
#include "metadata/metadata.h"
#include "wire/errors.h"

enum {
    APPLY_THREADS = 4,     /* that make logs at once */
    APPLY_ALONE = 8,       /* partitions not worth waking anyone */
    TOPIC_NAME_MOST = 249, /* bytes, Kafka's limit */
    IDS_MOST = 10000,      /* replicas of one partition */
    INDEX_MOST = 200000,   /* no topic's znode lists as many partitions */
};

/* What is to be done for one partition of the request. */
struct work {
    struct partition *partition; /* a reference; NULL: nothing to do */
    struct log_dir *dir;         /* where its log is to be made; NULL: it is */
    bool fresh;                  /* put into the map by this request */
    bool only_log;               /* follower of a leader that is not alive */
};

struct apply {
    struct replicas *replicas;
    struct replicas_change *changes;
    struct work *work;
    size_t n;
    size_t *counts;                   /* logs in each directory, as planned */
    struct topic_settings **settings; /* of changes[i].topic; shared */
    int64_t now_ms;
};

/* -- deciding
 * ---------------------------------------------------------------------- */

static bool replica_here(const struct replicas *r,
                         const struct partition_change *c)
{
    for (size_t i = 0; i < c->n_replicas; i++)
        if (c->replicas[i] == r->broker->id)
            return true;
    return false;
}

static bool any_offline(const struct replicas *r)
{
    if (r->n_dirs < r->config.n_log_dirs)
        return true;
    for (size_t i = 0; i < r->n_dirs; i++)
        if (log_dir_offline(r->dirs[i]))
            return true;
    return false;
}

static struct log_dir *choose_dir(struct apply *a)
{
    struct replicas *r = a->replicas;
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < r->n_dirs; i++)
        if (!log_dir_offline(r->dirs[i]) &&
            (best == SIZE_MAX || a->counts[i] < a->counts[best]))
            best = i;
    if (best == SIZE_MAX)
        return NULL;
    a->counts[best]++;
    return r->dirs[best];
}

/* The epochs are equal: nothing changes but, perhaps, the topic id. */
static int16_t same_epoch(const struct replicas *r, struct partition *p,
                          const struct partition_change *c)
{
    struct errmsg why = { "" };

    if (!uuid_is_zero(c->topic_id) && uuid_is_zero(p->topic_id) && p->log) {
        if (log_topic_id_set(p->log, c->topic_id, &why) != ERR_OK)
            return KAFKA_KAFKA_STORAGE_ERROR;
        lock_take(&p->lock);
        p->topic_id = c->topic_id;
        lock_give(&p->lock);
        return KAFKA_NONE;
    }
    if (uuid_is_zero(c->topic_id) && !uuid_is_zero(p->topic_id) &&
        c->leader != r->broker->id)
        return KAFKA_NONE;
    return KAFKA_STALE_CONTROLLER_EPOCH;
}

static void other_topic(const struct partition *p,
                        const struct partition_change *c)
{
    struct bytes topic = partition_topic(p);
    char ours[UUID_TEXT_LEN + 1], theirs[UUID_TEXT_LEN + 1];

    uuid_to_text(p->topic_id, ours);
    uuid_to_text(c->topic_id, theirs);
    DIAG_SELDOM(DIAG_ERROR,
                "event=replica_refused topic=%.*s partition=%d "
                "reason=\"its log is of the topic with id %s, the controller "
                "names %s\" remedy=\"put the id of the log's "
                "partition.metadata back into /brokers/topics/%.*s, or move "
                "the log away\"",
                BYTES_ARG(topic), p->index, ours, theirs, BYTES_ARG(topic));
}

/* NONE with *go: it is to be applied. Epochs, ids and the log of a partition
 * are written on this lane only, but for a failing disk. */
static int16_t judge(const struct replicas *r, struct partition *p,
                     const struct partition_change *c, bool *go)
{
    *go = false;
    if (p->state == PARTITION_OFFLINE)
        return KAFKA_KAFKA_STORAGE_ERROR;
    if (!uuid_is_zero(c->topic_id) && !uuid_is_zero(p->topic_id) &&
        !uuid_equal(c->topic_id, p->topic_id)) {
        other_topic(p, c);
        return KAFKA_INCONSISTENT_TOPIC_ID;
    }
    if (c->leader_epoch < p->leader_epoch)
        return KAFKA_STALE_CONTROLLER_EPOCH;
    if (c->leader_epoch == p->leader_epoch)
        return same_epoch(r, p, c);
    if (!replica_here(r, c))
        return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    *go = true;
    return KAFKA_NONE;
}

static bool leader_alive(const struct replicas *r, int32_t id)
{
    struct meta_cluster *cluster = metadata_cluster(r->broker->metadata);
    bool alive = meta_broker_find(cluster, id) != NULL;

    meta_cluster_unref(cluster);
    return alive;
}

/* Names become directories: what no topic may be called is refused, whoever
 * asks. */
static bool is_legal(const struct replicas_change *change)
{
    const struct partition_change *c = &change->change;
    struct bytes name = change->topic;

    if (name.len == 0 || name.len > TOPIC_NAME_MOST || bytes_is(name, ".") ||
        bytes_is(name, "..") || change->index < 0 ||
        change->index > INDEX_MOST || c->n_replicas > IDS_MOST ||
        c->n_isr > IDS_MOST || c->n_adding > IDS_MOST ||
        c->n_removing > IDS_MOST)
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!isalnum(name.at[i]) && !strchr("._-", name.at[i]))
            return false;
    return true;
}

static void decide(struct apply *a, size_t i)
{
    struct replicas *r = a->replicas;
    struct replicas_change *change = &a->changes[i];
    const struct partition_change *c = &change->change;
    struct work *w = &a->work[i];
    bool go;

    if (!is_legal(change)) {
        change->error = KAFKA_INVALID_TOPIC_EXCEPTION;
        return;
    }
    w->partition = replicas_lookup(r, change->topic, change->index);
    if (!w->partition) {
        w->partition = partition_new(r, change->topic, change->index);
        w->fresh = replicas_put(r, w->partition);
    }
    change->error = judge(r, w->partition, c, &go);
    if (go && w->partition->changing) { /* twice in one request */
        change->error = KAFKA_STALE_CONTROLLER_EPOCH;
        go = false;
    }
    if (go && !w->partition->log) {
        w->dir = !c->is_new && any_offline(r) ? NULL : choose_dir(a);
        if (!w->dir) {
            change->error = KAFKA_KAFKA_STORAGE_ERROR;
            go = false;
        }
    }
    if (go) {
        w->partition->changing = true;
        w->only_log = c->leader != r->broker->id && !leader_alive(r, c->leader);
        return;
    }
    if (w->fresh)
        replicas_drop(r, w->partition);
    partition_unref(&w->partition);
}

/* -- settings
 * ---------------------------------------------------------------------- */

/* The settings of topics that get logs; the request lists the partitions of a
 * topic in a row, so each topic is asked for once. */
static void find_settings(struct apply *a)
{
    for (size_t i = 0, last = SIZE_MAX; i < a->n; i++) {
        if (!a->work[i].dir)
            continue;
        if (last != SIZE_MAX &&
            bytes_equal(a->changes[last].topic, a->changes[i].topic))
            a->settings[i] = topic_settings_ref(a->settings[last]);
        else
            a->settings[i] =
                replicas_settings(a->replicas, a->changes[i].topic);
        last = i;
    }
}

/* -- doing
 * ------------------------------------------------------------------------- */

static enum err make_log(struct apply *a, size_t i, struct errmsg *why)
{
    struct replicas_change *change = &a->changes[i];
    struct work *w = &a->work[i];
    struct topic_settings *settings = topic_settings_ref(a->settings[i]);
    struct log *log;
    enum err err;

    err = log_open(&log, w->dir, change->topic, change->index, LOG_OPEN_CREATE,
                   &settings->log, a->now_ms, why);
    if (err == ERR_OK && !uuid_is_zero(change->change.topic_id) &&
        (err = log_topic_id_set(log, change->change.topic_id, why)) != ERR_OK)
        log_abandon(&log);
    if (err != ERR_OK) {
        topic_settings_unref(&settings);
        return err;
    }
    partition_set_log(w->partition, log, settings);
    return ERR_OK;
}

static void become_online(struct partition *p)
{
    lock_take(&p->lock);
    if (p->state == PARTITION_LOADED)
        p->state = PARTITION_ONLINE;
    lock_give(&p->lock);
}

static void set_missing_id(struct partition *p, struct uuid id)
{
    struct errmsg why = { "" };

    if (uuid_is_zero(id) || !uuid_is_zero(p->topic_id))
        return;
    if (log_topic_id_set(p->log, id, &why) != ERR_OK) {
        diag_warn("event=topic_id_not_stored topic=%s partition=%d "
                  "reason=\"%s\"",
                  p->topic, p->index, why.text);
        return;
    }
    lock_take(&p->lock);
    p->topic_id = id;
    lock_give(&p->lock);
}

static void apply_one(void *context, size_t i)
{
    struct apply *a = context;
    struct work *w = &a->work[i];
    struct replicas_change *change = &a->changes[i];
    struct errmsg why = { "" };

    if (!w->partition)
        return;
    if (w->dir && make_log(a, i, &why) != ERR_OK) {
        diag_error("event=log_not_created topic=%.*s partition=%d path=%s "
                   "reason=\"%s\"",
                   BYTES_ARG(change->topic), change->index,
                   log_dir_path(w->dir), why.text);
        change->error = KAFKA_KAFKA_STORAGE_ERROR;
        return;
    }
    if (!w->dir)
        set_missing_id(w->partition, change->change.topic_id);
    if (w->only_log)
        become_online(w->partition);
    else
        partition_change(w->partition, &change->change);
}

/* -- telling
 * ----------------------------------------------------------------------- */

void replicas_observe(struct replicas *r, struct replicas_observer *observer)
{
    observer->next = r->observers;
    r->observers = observer;
}

static void tell(struct replicas *r, struct bytes topic, int32_t index,
                 struct partition *p, int32_t leader_epoch)
{
    bool leads = p && partition_is_leader(p);

    for (struct replicas_observer *o = r->observers; o; o = o->next)
        o->on_change(o, topic, index, p, leads, leader_epoch);
}

static void finish(struct apply *a, size_t i)
{
    struct work *w = &a->work[i];

    topic_settings_unref(&a->settings[i]);
    if (!w->partition)
        return;
    w->partition->changing = false;
    tell(a->replicas, a->changes[i].topic, a->changes[i].index, w->partition,
         a->changes[i].change.leader_epoch);
    if (!w->partition->log) {
        /* Without a log it is not here, unless its disk is what failed. */
        if (w->dir && log_dir_offline(w->dir))
            partition_close(w->partition, PARTITION_OFFLINE);
        else
            replicas_drop(a->replicas, w->partition);
    }
    partition_unref(&w->partition);
}

void replicas_apply(struct replicas *r, struct replicas_change *changes,
                    size_t n)
{
    struct apply a = {
        .replicas = r, .changes = changes, .n = n, .now_ms = clock_wall_ms()
    };

    a.work = mem_need_array(n + 1, sizeof *a.work);
    a.settings = mem_need_array(n + 1, sizeof(struct topic_settings *));
    a.counts = mem_need_array(r->n_dirs + 1, sizeof *a.counts);
    for (size_t i = 0; i < r->n_dirs; i++)
        a.counts[i] = log_dir_count(r->dirs[i]);
    for (size_t i = 0; i < n; i++)
        decide(&a, i);
    find_settings(&a);
    replicas_parallel(r, n, n > APPLY_ALONE ? APPLY_THREADS : 1, apply_one, &a);
    for (size_t i = 0; i < n; i++)
        finish(&a, i);
    mem_free(a.work);
    mem_free(a.settings);
    mem_free(a.counts);
}

/* -- StopReplica
 * -------------------------------------------------------------------- */

struct stops {
    struct replicas *replicas;
    struct replicas_stop_one *of;
    struct partition **partitions; /* to be deleted; NULL: not */
    size_t n;
    int64_t now_ms;
};

enum { EPOCH_NONE = -1, EPOCH_DELETING = -2 };

static void stop_decide(struct stops *s, size_t i)
{
    struct replicas_stop_one *stop = &s->of[i];
    struct partition *p =
        replicas_lookup(s->replicas, stop->topic, stop->index);

    stop->error = KAFKA_NONE;
    if (!p)
        return;
    if (p->state == PARTITION_OFFLINE) {
        stop->error = KAFKA_KAFKA_STORAGE_ERROR;
    } else if (p->state == PARTITION_ONLINE &&
               stop->leader_epoch != EPOCH_NONE &&
               stop->leader_epoch != EPOCH_DELETING &&
               stop->leader_epoch < p->leader_epoch) {
        stop->error = KAFKA_FENCED_LEADER_EPOCH;
    } else if (stop->deleted) {
        /* From here on it is found no more; a new one may be made. */
        partition_close(p, PARTITION_DELETED);
        replicas_drop(s->replicas, p);
        s->partitions[i] = p;
        tell(s->replicas, stop->topic, stop->index, NULL, stop->leader_epoch);
        return;
    } else {
        partition_stop(p);
        tell(s->replicas, stop->topic, stop->index, NULL, stop->leader_epoch);
    }
    partition_unref(&p);
}

static void stop_one(void *context, size_t i)
{
    struct stops *s = context;
    struct partition *p = s->partitions[i];
    struct errmsg why = { "" };
    struct log *log;

    if (!p)
        return;
    log = partition_take_log(p);
    if (log && log_delete(&log, s->now_ms, &why) != ERR_OK) {
        diag_error("event=log_not_deleted topic=%s partition=%d reason=\"%s\"",
                   p->topic, p->index, why.text);
        s->of[i].error = KAFKA_KAFKA_STORAGE_ERROR;
    }
    partition_unref(&p);
}

void replicas_stop_replicas(struct replicas *r, struct replicas_stop_one *of,
                            size_t n)
{
    struct stops s = {
        .replicas = r, .of = of, .n = n, .now_ms = clock_wall_ms()
    };

    s.partitions = mem_need_array(n + 1, sizeof(struct partition *));
    for (size_t i = 0; i < n; i++)
        stop_decide(&s, i);
    replicas_parallel(r, n, n > APPLY_ALONE ? APPLY_THREADS : 1, stop_one, &s);
    mem_free(s.partitions);
}
