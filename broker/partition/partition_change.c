/* partition_change.c - becoming leader or follower.
 *
 * A change runs alone in the append lane: every batch before it was written
 * with the old leader epoch, every batch after it is checked against the new
 * one. So the epoch's start offset is the log end, exactly.
 */
#include "partition/partition_private.h"

#include "base/clock.h"
#include "base/diag.h"
#include "broker.h"

struct change_run {
    struct partition *partition;
    const struct partition_change *change;
};

static void lead_locked(struct partition *p, const struct partition_change *c,
                        bool new_epoch, struct wakes *wakes)
{
    int64_t now = clock_wall_ms();
    bool new_leader = !partition_leads_locked(p);

    partition_assign_locked(p, c, true);
    if (new_epoch) {
        p->epoch_start = log_end_offset(p->log);
        partition_followers_reset_locked(p, now, p->epoch_start, new_leader);
        p->leader_epoch = c->leader_epoch;
    }
    p->partition_epoch = c->partition_epoch;
    p->leader = c->leader;
    p->state = PARTITION_ONLINE;
    partition_advance_locked(p, now);
    partition_wake_locked(p, wakes);
}

static void follow_locked(struct partition *p, const struct partition_change *c,
                          struct wakes *wakes)
{
    p->leader = c->leader;
    p->leader_epoch = c->leader_epoch;
    p->epoch_start = -1;
    p->partition_epoch = c->partition_epoch;
    p->state = PARTITION_ONLINE;
    partition_assign_locked(p, c, false);
    partition_void_locked(p, wakes);
}

static void run(void *context)
{
    struct change_run *r = context;
    struct partition *p = r->partition;
    const struct partition_change *c = r->change;
    bool leader = c->leader == p->replicas->broker->id;
    struct wakes wakes = { NULL };
    bool new_epoch;

    /* Only the control lane, which is us, writes these; so they may be read
     * without the lock, and the epochs' file be written outside of it. */
    if (atomic_load(&p->closed) || c->partition_epoch < p->partition_epoch)
        return;
    new_epoch = c->leader_epoch > p->leader_epoch;
    if (leader && new_epoch)
        log_epoch_assign(p->log, c->leader_epoch, log_end_offset(p->log));
    lock_take(&p->lock);
    p->controller_epoch = c->controller_epoch;
    if (!atomic_load(&p->closed)) {
        if (leader)
            lead_locked(p, c, new_epoch, &wakes);
        else
            follow_locked(p, c, &wakes);
    }
    lock_give(&p->lock);
    wakes_post(&wakes);
    diag_debug("event=%s topic=%s partition=%d leader=%d leader_epoch=%d "
               "partition_epoch=%d log_end=%lld",
               leader ? "partition_leads" : "partition_follows", p->topic,
               p->index, c->leader, c->leader_epoch, c->partition_epoch,
               (long long)log_end_offset(p->log));
}

void partition_change(struct partition *partition,
                      const struct partition_change *change)
{
    struct change_run r = { partition, change };

    assert(partition->log);
    partition_in_lane(partition, run, &r);
}
