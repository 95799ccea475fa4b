/* partition_wait.c - requests that wait for a partition to change.
 *
 * Two sides meet here. The owner (the request's reactor) attaches and detaches;
 * the waker (whoever moves an offset) claims. A park is claimed once: either by
 * a waker, who then posts on_wake, or by the owner, whose deadline came. So the
 * request is neither woken twice nor freed while a post is on its way.
 */
#include "partition/partition_private.h"

#include "wire/errors.h"

void park_init(struct park *park, struct request *request,
               void (*on_wake)(struct request *request), int64_t missing)
{
    park->request = request;
    park->on_wake = on_wake;
    park->on_ready = NULL;
    atomic_init(&park->missing, missing);
    atomic_init(&park->claimed, false);
    park->next = NULL;
}

void park_init_call(struct park *park, void (*on_ready)(struct park *park),
                    int64_t missing)
{
    park_init(park, NULL, NULL, missing);
    park->on_ready = on_ready;
}

bool park_claim(struct park *park)
{
    return !atomic_exchange(&park->claimed, true);
}

static void wake(struct park *park, struct wakes *wakes)
{
    if (park_claim(park)) {
        park->next = wakes->first;
        wakes->first = park;
    }
}

void wakes_post(struct wakes *wakes)
{
    for (struct park *park = wakes->first, *next; park; park = next) {
        next = park->next; /* gone once it is posted */
        if (park->request)
            request_post(park->request, park->on_wake);
        else
            park->on_ready(park);
    }
    wakes->first = NULL;
}

/* How far a fetch of this kind may read now. */
static int64_t bound_locked(const struct partition *p, enum park_for what)
{
    switch (what) {
    case PARK_END:
        return log_end_offset(p->log);
    case PARK_STABLE:
        return log_last_stable(p->log);
    case PARK_HIGH:
    case PARK_ACKED:
        return log_high_watermark(p->log);
    case PARK_LOW:
        return partition_low_locked(p);
    }
    return 0;
}

/* Count what came since the wait last looked; true when that suffices. With one
 * byte missing, any will do, and the log need not be asked how many came. */
static bool fetch_satisfied_locked(struct partition *p, struct park_wait *wait)
{
    int64_t bound = bound_locked(p, wait->what);
    int64_t missing, gained;

    if (bound <= wait->offset)
        return false;
    missing = atomic_load(&wait->park->missing);
    gained = missing <= 1 ? 1 : log_bytes_between(p->log, wait->offset, bound);
    wait->offset = bound;
    return atomic_fetch_sub(&wait->park->missing, gained) <= gained;
}

/* Note that one of several partitions is through; true when it was the last. */
static bool ack_satisfied_locked(struct park_wait *wait)
{
    wait->met = true;
    list_remove(&wait->link);
    return atomic_fetch_sub(&wait->park->missing, 1) == 1;
}

void partition_wake_locked(struct partition *p, struct wakes *wakes)
{
    if (!p->log)
        return;
    LIST_EACH(link, &p->waits) {
        struct park_wait *wait = CONTAINER_OF(link, struct park_wait, link);

        if (fetch_satisfied_locked(p, wait)) {
            list_remove(&wait->link);
            wake(wait->park, wakes);
        }
    }
    LIST_EACH(link, &p->acks) {
        struct park_wait *wait = CONTAINER_OF(link, struct park_wait, link);

        if (bound_locked(p, wait->what) >= wait->offset &&
            ack_satisfied_locked(wait))
            wake(wait->park, wakes);
    }
}

void partition_void_locked(struct partition *p, struct wakes *wakes)
{
    LIST_EACH(link, &p->waits) {
        struct park_wait *wait = CONTAINER_OF(link, struct park_wait, link);

        wait->met = true;
        list_remove(&wait->link);
        wake(wait->park, wakes);
    }
    LIST_EACH(link, &p->acks) {
        struct park_wait *wait = CONTAINER_OF(link, struct park_wait, link);

        if (ack_satisfied_locked(wait))
            wake(wait->park, wakes);
    }
}

static bool is_fetch(const struct park_wait *wait)
{
    return wait->what == PARK_END || wait->what == PARK_HIGH ||
           wait->what == PARK_STABLE;
}

/* A consumer may wait on a follower; all else needs the leader. */
static bool may_wait_locked(const struct partition *p,
                            const struct park_wait *wait)
{
    if (p->state != PARTITION_ONLINE || !p->log ||
        atomic_load(&p->replicas->draining))
        return false;
    return is_fetch(wait) || partition_leads_locked(p);
}

bool partition_attach(struct partition *p, struct park_wait *wait)
{
    bool attach;

    list_init(&wait->link);
    lock_take(&p->lock);
    attach = may_wait_locked(p, wait);
    if (attach && is_fetch(wait)) {
        attach = !fetch_satisfied_locked(p, wait);
        wait->met = false;
    } else {
        attach = attach && bound_locked(p, wait->what) < wait->offset;
        wait->met = !attach;
    }
    if (attach)
        list_append(is_fetch(wait) ? &p->waits : &p->acks, &wait->link);
    lock_give(&p->lock);
    return attach;
}

void partition_detach(struct partition *p, struct park_wait *wait)
{
    lock_take(&p->lock);
    list_remove(&wait->link);
    lock_give(&p->lock);
}
