/* controller.c - life, the queue's door for others, questions from any thread.
 */
#include "controller/controller.h"

#include <assert.h>

#include "base/diag.h"
#include "controller/internal.h"
#include "controller/requests.h"

static void preferred_due(struct loop_timer *timer)
{
    struct controller *ctl =
        CONTAINER_OF(timer, struct controller, preferred_timer);

    ctl_event_put(ctl, EVENT_PREFERRED_TIMER);
}

static void retry_due(struct loop_timer *timer)
{
    struct controller *ctl =
        CONTAINER_OF(timer, struct controller, retry_timer);

    ctl_event_put(ctl, EVENT_ELECT);
}

struct controller *controller_new_in(const struct ctl_world *world,
                                     const struct ctl_settings *settings)
{
    struct controller *ctl = mem_need(sizeof *ctl);
    struct exec *exec = world->exec;

    ctl->world = *world;
    ctl->settings = *settings;
    ctl->active_id = -1;
    list_init(&ctl->events);
    list_init(&ctl->channels);
    context_init(&ctl->context);
    flow_init(ctl);
    ctl_watch_init(&ctl->controller_watch, ctl, EVENT_ELECT);
    ctl_watch_init(&ctl->brokers_watch, ctl, EVENT_BROKER_CHANGE);
    ctl_watch_init(&ctl->topics_watch, ctl, EVENT_TOPIC_CHANGE);
    ctl_watch_init(&ctl->deletions_watch, ctl, EVENT_TOPIC_DELETION);
    ctl_watch_init(&ctl->isr_watch, ctl, EVENT_ISR_CHANGE);
    ctl_watch_init(&ctl->log_dir_watch, ctl, EVENT_LOG_DIR_EVENT);
    ctl_watch_init(&ctl->preferred_watch, ctl, EVENT_PREFERRED_ZNODE);
    exec->timer_init(exec, &ctl->preferred_timer, preferred_due);
    exec->timer_init(exec, &ctl->retry_timer, retry_due);
    return ctl;
}

void controller_start(struct controller *ctl)
{
    assert(!ctl->started);
    ctl->started = true;
    ctl_event_put(ctl, EVENT_ELECT);
}

void controller_on_expired(struct controller *ctl)
{
    ctl->active_id = -1;
    ctl_abort(ctl, "session_expired");
    flow_go(ctl);
}

void controller_on_registered(struct controller *ctl)
{
    if (ctl->started)
        ctl_event_put(ctl, EVENT_ELECT);
}

/* Events of others still get their turn, as those of an inactive controller. */
static void externals_refuse(struct controller *ctl)
{
    LIST_EACH(l, &ctl->events) {
        struct ctl_event *event = CONTAINER_OF(l, struct ctl_event, link);

        if (event->kind != EVENT_EXTERNAL)
            continue;
        list_remove(l);
        ctl->queued[EVENT_EXTERNAL]--;
        event->external->run(event->external, false);
        ctl_event_free(event);
    }
}

void controller_stop(struct controller *ctl, struct job *on_done)
{
    ctl_abort(ctl, "stopping");
    flow_go(ctl);
    ctl->stopping = true;
    ctl->world.exec->timer_stop(ctl->world.exec, &ctl->retry_timer);
    ctl->world.exec->timer_stop(ctl->world.exec, &ctl->preferred_timer);
    ctl->world.coord->watch_cancel(ctl->world.coord,
                                   &ctl->controller_watch.watch);
    externals_refuse(ctl);
    ctl->world.exec->post(ctl->world.exec, on_done);
}

void controller_free(struct controller **owner)
{
    struct controller *ctl = *owner;

    if (ctl == NULL)
        return;
    ctl_resign(ctl, "stopping");
    flow_fini(ctl);
    ctl->world.exec->timer_stop(ctl->world.exec, &ctl->retry_timer);
    ctl->world.coord->watch_cancel(ctl->world.coord,
                                   &ctl->controller_watch.watch);
    if (ctl->work.event != NULL)
        ctl_event_free(ctl->work.event);
    LIST_EACH(l, &ctl->events) {
        list_remove(l);
        ctl_event_free(CONTAINER_OF(l, struct ctl_event, link));
    }
    context_fini(&ctl->context);
    batch_fini(&ctl->batch);
    mem_free(ctl->world.own);
    mem_free(ctl);
    *owner = NULL;
}

bool controller_is_active(const struct controller *ctl)
{
    return ctl->active;
}

int32_t controller_active_id(const struct controller *ctl)
{
    return ctl->active_id;
}

/* -- events of others ----------------------------------------------------- */

static void submitted(struct job *job)
{
    struct controller_event *event =
        CONTAINER_OF(job, struct controller_event, job);
    struct controller *ctl = event->ctl;
    struct ctl_event *queued;

    if (ctl->stopping) {
        event->run(event, false);
        return;
    }
    queued = ctl_event_new(EVENT_EXTERNAL);
    queued->external = event;
    ctl_event_put_whole(ctl, queued);
}

void controller_submit(struct controller *ctl, struct controller_event *event)
{
    event->ctl = ctl;
    event->job.run = submitted;
    ctl->world.exec->post(ctl->world.exec, &event->job);
}

void controller_event_done(struct controller_event *event)
{
    struct controller *ctl = event->ctl;

    if (ctl->work.event == NULL || ctl->work.event->external != event)
        return; /* refused while stopping */
    ctl->external_running = false;
    flow_go(ctl);
}

void controller_on_unclean_enabled(struct controller *ctl)
{
    if (ctl->active && !ctl->stopping &&
        ctl->queued[EVENT_UNCLEAN_ENABLED] == 0)
        ctl_event_put_later(ctl, ctl_event_new(EVENT_UNCLEAN_ENABLED));
}
