/* partition_watermark.c - the high watermark, and the followers it depends on.
 *
 * Leader side of replication, as Kafka 3.7 does it: the high watermark is the
 * smallest log end among the in-sync replicas and those that are about to join
 * them (caught up within replica.lag.time.max.ms, and alive); it stands still
 * while fewer than min.insync.replicas are in sync.
 */
#include "partition/partition_private.h"

#include "base/clock.h"
#include "base/mem.h"
#include "broker.h"
#include "metadata/metadata.h"
#include "wire/errors.h"

int32_t partition_min_isr_locked(const struct partition *p)
{
    int32_t wanted = p->settings ? p->settings->log.min_insync_replicas : 1;
    int32_t replicas = p->n_followers + 1;

    return wanted < replicas ? wanted : replicas;
}

static bool is_alive(const struct partition *p, int32_t id)
{
    struct meta_cluster *cluster =
        metadata_cluster(p->replicas->broker->metadata);
    bool alive = meta_broker_find(cluster, id) != NULL;

    meta_cluster_unref(cluster);
    return alive;
}

static bool caught_up(const struct partition *p, const struct follower *f,
                      int64_t leader_end, int64_t now_ms)
{
    return f->log_end == leader_end ||
           now_ms - f->caught_up_ms <= p->replicas->config.lag_max_ms;
}

bool partition_advance_locked(struct partition *p, int64_t now_ms)
{
    int64_t leader_end, high;

    if (p->n_isr < partition_min_isr_locked(p))
        return false;
    leader_end = high = log_end_offset(p->log);
    for (size_t i = 0; i < p->n_followers; i++) {
        const struct follower *f = &p->followers[i];

        if (f->log_end < high &&
            (f->in_sync ||
             (caught_up(p, f, leader_end, now_ms) && is_alive(p, f->id))))
            high = f->log_end;
    }
    if (high <= log_high_watermark(p->log))
        return false;
    log_high_watermark_set(p->log, high);
    return true;
}

int16_t partition_acked_locked(const struct partition *p)
{
    return p->n_isr < partition_min_isr_locked(p)
               ? KAFKA_NOT_ENOUGH_REPLICAS_AFTER_APPEND
               : KAFKA_NONE;
}

int16_t partition_acked(struct partition *p, int64_t offset)
{
    int16_t error;

    lock_take(&p->lock);
    if (p->state == PARTITION_OFFLINE)
        error = KAFKA_KAFKA_STORAGE_ERROR;
    else if (!partition_leads_locked(p))
        error = KAFKA_NOT_LEADER_OR_FOLLOWER;
    else if (log_high_watermark(p->log) >= offset)
        error = partition_acked_locked(p);
    else
        error = KAFKA_REQUEST_TIMED_OUT;
    lock_give(&p->lock);
    return error;
}

/* -- followers ----------------------------------------------------------------
 */

static struct follower *follower_find(const struct partition *p, int32_t id)
{
    for (size_t i = 0; i < p->n_followers; i++)
        if (p->followers[i].id == id)
            return &p->followers[i];
    return NULL;
}

static bool contains(const int32_t *ids, size_t n, int32_t id)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == id)
            return true;
    return false;
}

static struct follower follower_make(int32_t id)
{
    return (struct follower){
        .id = id, .log_end = -1, .log_start = -1, .broker_epoch = -1
    };
}

static void assign_followers_locked(struct partition *p,
                                    const struct partition_change *change)
{
    int32_t self = p->replicas->broker->id;
    struct follower *old = p->followers, *list = NULL;
    size_t others = 0;
    uint16_t n = 0;

    for (size_t i = 0; i < change->n_replicas; i++)
        others += change->replicas[i] != self;
    if (others > 0)
        list = mem_need_array(others, sizeof *list);
    for (size_t i = 0; i < change->n_replicas; i++) {
        struct follower *known = follower_find(p, change->replicas[i]);

        if (change->replicas[i] == self || list == NULL)
            continue;
        list[n] = known ? *known : follower_make(change->replicas[i]);
        list[n].in_sync = contains(change->isr, change->n_isr, list[n].id);
        n++;
    }
    p->followers = list;
    p->n_followers = n;
    mem_free(old);
}

static int32_t *copy_ids(int32_t *at, const int32_t *from, size_t n)
{
    if (at != NULL && n > 0)
        memcpy(at, from, n * sizeof *at);
    return at + n;
}

void partition_assign_locked(struct partition *p,
                             const struct partition_change *change, bool leader)
{
    size_t n_isr = leader ? change->n_isr : 0;
    size_t n =
        change->n_replicas + n_isr + change->n_adding + change->n_removing;
    int32_t *at;

    if (leader) {
        assign_followers_locked(p, change);
    } else {
        mem_free(p->followers);
        p->followers = NULL;
        p->n_followers = 0;
    }
    mem_free(p->ids);
    p->ids = at = n ? mem_need_array(n, sizeof *at) : NULL;
    at = copy_ids(at, change->replicas, change->n_replicas);
    at = copy_ids(at, change->isr, n_isr);
    at = copy_ids(at, change->adding, change->n_adding);
    copy_ids(at, change->removing, change->n_removing);
    p->n_replicas = (uint16_t)change->n_replicas;
    p->n_isr = (uint16_t)n_isr;
    p->n_adding = (uint16_t)change->n_adding;
    p->n_removing = (uint16_t)change->n_removing;
}

void partition_followers_reset_locked(struct partition *p, int64_t now_ms,
                                      int64_t leader_end, bool new_leader)
{
    for (size_t i = 0; i < p->n_followers; i++) {
        struct follower *f = &p->followers[i];

        if (new_leader) {
            f->log_end = f->log_start = f->broker_epoch = -1;
            f->fetch_ms = 0;
            f->fetch_leader_end = -1;
        } else {
            f->fetch_leader_end = leader_end;
            f->fetch_ms = f->in_sync ? now_ms : 0;
        }
        f->caught_up_ms = f->in_sync ? now_ms : 0;
    }
}

int16_t partition_follower_check(struct partition *p, int32_t id,
                                 bool has_epoch)
{
    bool known;

    lock_take(&p->lock);
    known = follower_find(p, id) != NULL;
    lock_give(&p->lock);
    if (known)
        return KAFKA_NONE;
    return has_epoch ? KAFKA_UNKNOWN_LEADER_EPOCH
                     : KAFKA_NOT_LEADER_OR_FOLLOWER;
}

/* A follower that asks from our end has caught up now; one that has what was
 * our end when it asked last had caught up then (KIP-16). */
static void note_fetch(struct follower *f, const struct follower_fetch *fetch)
{
    if (fetch->offset >= fetch->leader_end) {
        if (fetch->now_ms > f->caught_up_ms)
            f->caught_up_ms = fetch->now_ms;
    } else if (fetch->offset >= f->fetch_leader_end &&
               f->fetch_ms > f->caught_up_ms) {
        f->caught_up_ms = f->fetch_ms;
    }
    f->log_end = fetch->offset;
    f->log_start = fetch->log_start;
    f->broker_epoch = fetch->broker_epoch;
    if (fetch->leader_end > f->fetch_leader_end)
        f->fetch_leader_end = fetch->leader_end;
    f->fetch_ms = fetch->now_ms;
}

void partition_follower_fetched(struct partition *p,
                                const struct follower_fetch *fetch)
{
    struct wakes wakes = { NULL };
    struct follower *f;

    lock_take(&p->lock);
    f = follower_find(p, fetch->id);
    if (f && partition_leads_locked(p)) {
        bool low_may_move = f->log_start != fetch->log_start;

        note_fetch(f, fetch);
        if (partition_advance_locked(p, fetch->now_ms) || low_may_move)
            partition_wake_locked(p, &wakes);
    }
    lock_give(&p->lock);
    wakes_post(&wakes);
}

/* -- low watermark ------------------------------------------------------------
 */

int64_t partition_low_locked(const struct partition *p)
{
    int64_t low = log_start_offset(p->log);

    for (size_t i = 0; i < p->n_followers; i++)
        if (p->followers[i].log_start < low && is_alive(p, p->followers[i].id))
            low = p->followers[i].log_start;
    return low;
}

int64_t partition_low_watermark(struct partition *p, int16_t *error)
{
    int64_t low = -1;

    lock_take(&p->lock);
    *error = KAFKA_NONE;
    if (p->state == PARTITION_OFFLINE)
        *error = KAFKA_KAFKA_STORAGE_ERROR;
    else if (!partition_leads_locked(p))
        *error = KAFKA_NOT_LEADER_OR_FOLLOWER;
    else
        low = partition_low_locked(p);
    lock_give(&p->lock);
    return low;
}

int16_t partition_delete_records(struct partition *p, int64_t offset,
                                 int64_t *target)
{
    struct partition_view view;
    struct wakes wakes = { NULL };
    struct log_config config;
    struct errmsg why;
    enum err err;
    int16_t error = partition_enter(p, -1, true, &view);

    if (error != KAFKA_NONE)
        return error;
    *target = offset == -1 ? view.high_watermark : offset;
    log_config_get(view.log, &config);
    if (!config.cleanup_delete) {
        partition_leave(p);
        return KAFKA_POLICY_VIOLATION;
    }
    err = *target < 0 ? ERR_RANGE : log_start_raise(view.log, *target, &why);
    if (err == ERR_OK) {
        lock_take(&p->lock);
        partition_wake_locked(p, &wakes);
        lock_give(&p->lock);
    }
    partition_leave(p);
    wakes_post(&wakes);
    if (err == ERR_OK)
        return KAFKA_NONE;
    return err == ERR_RANGE ? KAFKA_OFFSET_OUT_OF_RANGE
                            : KAFKA_KAFKA_STORAGE_ERROR;
}
