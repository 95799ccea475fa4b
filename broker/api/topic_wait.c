/* topic_wait.c - one observer of the metadata for all waiting requests. */
#include "api/topic_wait.h"

#include "base/lock.h"
#include "base/mem.h"
#include "broker.h"
#include "metadata/metadata.h"

struct topic_waits {
    struct metadata_observer observer;
    struct metadata *metadata;
    struct lock lock;
    struct list waiting; /* struct topic_wait */
    bool stopped;        /* nobody waits any more; under the lock */
};

static void wait_look(struct request *request);

static void post_all_locked(struct topic_waits *waits)
{
    LIST_EACH(link, &waits->waiting) {
        struct topic_wait *wait = CONTAINER_OF(link, struct topic_wait, link);

        if (!wait->posted) {
            wait->posted = true;
            request_post(wait->request, wait_look);
        }
    }
}

/* Control lane: the metadata changed, everyone looks again. */
static void waits_on_update(struct metadata_observer *observer)
{
    struct topic_waits *waits =
        CONTAINER_OF(observer, struct topic_waits, observer);

    lock_take(&waits->lock);
    post_all_locked(waits);
    lock_give(&waits->lock);
}

void topic_waits_stop(struct topic_waits *waits)
{
    lock_take(&waits->lock);
    waits->stopped = true;
    post_all_locked(waits);
    lock_give(&waits->lock);
}

enum err topic_waits_new(struct topic_waits **out, struct broker *broker)
{
    struct topic_waits *waits = mem_need(sizeof *waits);

    lock_init(&waits->lock);
    list_init(&waits->waiting);
    waits->metadata = broker->metadata;
    waits->observer.on_update = waits_on_update;
    metadata_observe(waits->metadata, &waits->observer);
    *out = waits;
    return ERR_OK;
}

void topic_waits_free(struct topic_waits **out)
{
    struct topic_waits *waits = *out;

    if (waits == NULL)
        return;
    assert(list_is_empty(&waits->waiting));
    metadata_unobserve(waits->metadata, &waits->observer);
    lock_fini(&waits->lock);
    mem_free(waits);
    *out = NULL;
}

/* Take the wait out. False when a look is on its way: it will see to the end.
 */
static bool wait_remove(struct topic_wait *wait)
{
    bool posted;

    lock_take(&wait->waits->lock);
    posted = wait->posted;
    if (!posted)
        list_remove(&wait->link);
    lock_give(&wait->waits->lock);
    return !posted;
}

static void wait_on_due(struct loop_timer *timer)
{
    struct topic_wait *wait = CONTAINER_OF(timer, struct topic_wait, deadline);

    if (wait_remove(wait))
        wait->on_end(wait, !wait->is_done(wait));
}

static void wait_look(struct request *request)
{
    struct topic_wait *wait = request->park;
    bool done, stopped;

    lock_take(&wait->waits->lock);
    wait->posted = false;
    stopped = wait->waits->stopped;
    lock_give(&wait->waits->lock);
    done = wait->is_done(wait);
    if (!done && !stopped && loop_timer_is_set(&wait->deadline))
        return;
    if (wait_remove(wait)) {
        loop_timer_stop(&wait->deadline);
        wait->on_end(wait, !done);
    }
}

void topic_wait_start(struct topic_wait *wait, struct request *request,
                      int64_t timeout_ms)
{
    struct topic_waits *waits = request->broker->topic_waits;

    wait->waits = waits;
    wait->request = request;
    wait->posted = false;
    request->park = wait;
    list_init(&wait->link);
    loop_timer_init(&wait->deadline, request_loop(request), wait_on_due);
    if (timeout_ms <= 0 || wait->is_done(wait)) {
        wait->on_end(wait, timeout_ms <= 0);
        return;
    }
    loop_timer_set(&wait->deadline, timeout_ms * 1000);
    lock_take(&waits->lock);
    bool stopped = waits->stopped;
    if (!stopped)
        list_append(&waits->waiting, &wait->link);
    lock_give(&waits->lock);
    if (stopped) {
        loop_timer_stop(&wait->deadline);
        wait->on_end(wait, true);
        return;
    }
    if (wait->is_done(wait) && wait_remove(wait)) { /* came in between */
        loop_timer_stop(&wait->deadline);
        wait->on_end(wait, false);
    }
}
