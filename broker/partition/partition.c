/* partition.c - life of a partition, and entering it to read.
 *
 * References keep the struct alive; `users` keep its log open. The two differ,
 * because a parked request holds references for seconds, while a log that is to
 * be deleted or closed waits for its users: each of them is busy with the disk
 * right now and leaves soon.
 */
#include "partition/partition_private.h"

#include "base/clock.h"
#include "base/mem.h"
#include "broker.h"
#include "wire/errors.h"

struct partition *partition_new(struct replicas *replicas, struct bytes topic,
                                int32_t index)
{
    struct partition *p = mem_need(sizeof *p + topic.len + 1);

    assert(topic.len <= UINT16_MAX);
    atomic_init(&p->refs, 1);
    atomic_init(&p->users, 0);
    p->replicas = replicas;
    p->index = index;
    p->topic_len = (uint16_t)topic.len;
    memcpy(p->topic, topic.at, topic.len);
    lock_init(&p->lock);
    p->state = PARTITION_LOADED;
    p->leader = -1;
    p->leader_epoch = -1;
    p->epoch_start = -1;
    list_init(&p->waits);
    list_init(&p->acks);
    return p;
}

struct partition *partition_ref(struct partition *partition)
{
    atomic_fetch_add_explicit(&partition->refs, 1, memory_order_relaxed);
    return partition;
}

void partition_unref(struct partition **partition)
{
    struct partition *p = *partition;

    *partition = NULL;
    if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
        return;
    assert(list_is_empty(&p->waits) && list_is_empty(&p->acks));
    assert(!p->lane_busy && !p->lane_first);
    if (p->log)
        log_abandon(&p->log);
    topic_settings_unref(&p->settings);
    mem_free(p->ids);
    mem_free(p->followers);
    lock_fini(&p->lock);
    mem_free(p);
}

bool partition_leads_locked(const struct partition *p)
{
    return p->state == PARTITION_ONLINE && p->log &&
           p->leader == p->replicas->broker->id;
}

static int16_t check_epoch_locked(const struct partition *p, int32_t epoch)
{
    if (epoch == -1 || epoch == p->leader_epoch)
        return KAFKA_NONE;
    return epoch < p->leader_epoch ? KAFKA_FENCED_LEADER_EPOCH
                                   : KAFKA_UNKNOWN_LEADER_EPOCH;
}

static int16_t may_enter_locked(const struct partition *p, int32_t epoch,
                                bool leader_only)
{
    int16_t error;

    if (p->state == PARTITION_OFFLINE)
        return KAFKA_KAFKA_STORAGE_ERROR;
    if (p->state != PARTITION_ONLINE || !p->log)
        return KAFKA_NOT_LEADER_OR_FOLLOWER;
    error = check_epoch_locked(p, epoch);
    if (error == KAFKA_NONE && leader_only && !partition_leads_locked(p))
        error = KAFKA_NOT_LEADER_OR_FOLLOWER;
    return error;
}

int16_t partition_enter(struct partition *p, int32_t current_epoch,
                        bool leader_only, struct partition_view *view)
{
    int16_t error;

    lock_take(&p->lock);
    error = may_enter_locked(p, current_epoch, leader_only);
    if (error == KAFKA_NONE) {
        atomic_fetch_add(&p->users, 1);
        *view = (struct partition_view){
            .log = p->log,
            .leader = p->leader,
            .leader_epoch = p->leader_epoch,
            .epoch_start = p->epoch_start,
            .topic_id = p->topic_id,
        };
    }
    lock_give(&p->lock);
    if (error != KAFKA_NONE)
        return error;
    /* In this order: what is read later is never behind what was read first. */
    view->log_start = log_start_offset(view->log);
    view->last_stable = log_last_stable(view->log);
    view->high_watermark = log_high_watermark(view->log);
    view->log_end = log_end_offset(view->log);
    return KAFKA_NONE;
}

struct log *partition_use_log(struct partition *p)
{
    struct log *log = NULL;

    lock_take(&p->lock);
    if (!atomic_load(&p->closed) && p->log) {
        log = p->log;
        atomic_fetch_add(&p->users, 1);
    }
    lock_give(&p->lock);
    return log;
}

void partition_leave(struct partition *p)
{
    /* The closer sets the state first and looks at the users then; so one of
     * the two sees the other. Nothing of `p` is touched afterwards but through
     * the reference that the caller holds. */
    if (atomic_fetch_sub(&p->users, 1) == 1 && atomic_load(&p->closed))
        gate_notify(&p->replicas->gate);
}

bool partition_is_leader(struct partition *p)
{
    bool leads;

    lock_take(&p->lock);
    leads = partition_leads_locked(p);
    lock_give(&p->lock);
    return leads;
}

void partition_set_log(struct partition *p, struct log *log,
                       struct topic_settings *settings)
{
    lock_take(&p->lock);
    assert(!p->log && !p->settings);
    p->log = log;
    p->settings = settings;
    p->topic_id = log_topic_id(log);
    lock_give(&p->lock);
}

void partition_set_settings(struct partition *p,
                            struct topic_settings *settings)
{
    struct wakes wakes = { NULL };
    struct topic_settings *old;

    lock_take(&p->lock);
    old = p->settings;
    p->settings = settings;
    if (p->log)
        log_config_set(p->log, &settings->log);
    if (partition_leads_locked(p) &&
        partition_advance_locked(p, clock_wall_ms()))
        partition_wake_locked(p, &wakes);
    lock_give(&p->lock);
    wakes_post(&wakes);
    topic_settings_unref(&old);
}

void partition_stop(struct partition *p)
{
    struct wakes wakes = { NULL };

    lock_take(&p->lock);
    partition_void_locked(p, &wakes);
    lock_give(&p->lock);
    wakes_post(&wakes);
}

void partition_close(struct partition *p, enum partition_state state)
{
    struct wakes wakes = { NULL };

    assert(state == PARTITION_OFFLINE || state == PARTITION_DELETED);
    lock_take(&p->lock);
    if (p->state != PARTITION_DELETED)
        p->state = (uint8_t)state;
    atomic_store(&p->closed, true);
    p->leader = -1;
    partition_void_locked(p, &wakes);
    lock_give(&p->lock);
    wakes_post(&wakes);
}

struct log *partition_take_log(struct partition *p)
{
    struct gate *gate = &p->replicas->gate;
    struct log *log;

    lock_take(&gate->lock);
    while (atomic_load(&p->users) != 0)
        gate_wait(gate);
    lock_give(&gate->lock);
    lock_take(&p->lock);
    assert(atomic_load(&p->closed));
    log = p->log;
    p->log = NULL;
    lock_give(&p->lock);
    return log;
}
