/* events.c - the queue: one event at a time, in order of arrival.
 *
 * What a watch says is "look again", so one waiting event of a kind is enough;
 * further ones of that kind are not queued.
 */
#include <stdlib.h>

#include "controller/internal.h"

struct ctl_event *ctl_event_new(enum ctl_event_kind kind)
{
    struct ctl_event *event = mem_need(sizeof *event);

    list_init(&event->link);
    event->kind = kind;
    return event;
}

void ctl_event_free(struct ctl_event *event)
{
    mem_free(event->topic);
    mem_free(event->answers);
    mem_free(event);
}

void ctl_event_put_whole(struct controller *ctl, struct ctl_event *event)
{
    list_append(&ctl->events, &event->link);
    ctl->queued[event->kind]++;
    flow_go(ctl);
}

void ctl_event_put_later(struct controller *ctl, struct ctl_event *event)
{
    list_append(&ctl->events, &event->link);
    ctl->queued[event->kind]++;
    flow_go_later(ctl);
}

void ctl_event_put(struct controller *ctl, enum ctl_event_kind kind)
{
    if (ctl->queued[kind] == 0)
        ctl_event_put_whole(ctl, ctl_event_new(kind));
}

void ctl_event_put_broker(struct controller *ctl, enum ctl_event_kind kind,
                          int32_t broker)
{
    struct ctl_event *event = ctl_event_new(kind);

    event->broker = broker;
    ctl_event_put_whole(ctl, event);
}

void ctl_event_put_topic(struct controller *ctl, struct bytes topic)
{
    struct ctl_event *event = ctl_event_new(EVENT_TOPIC_MODIFIED);

    event->topic = mem_need_text(topic);
    ctl_event_put_whole(ctl, event);
}

static void watch_fired(struct zk_watch *zk_watch, bool fired)
{
    struct ctl_watch *watch = CONTAINER_OF(zk_watch, struct ctl_watch, watch);

    if (!fired)
        return; /* the session is gone, and all that it watched */
    if (watch->kind == EVENT_TOPIC_MODIFIED)
        ctl_event_put_topic(watch->ctl, watch->topic->name);
    else if (watch->kind == EVENT_BROKER_MODIFIED)
        ctl_event_put_broker(watch->ctl, watch->kind, watch->broker);
    else
        ctl_event_put(watch->ctl, watch->kind);
}

void ctl_watch_init(struct ctl_watch *watch, struct controller *ctl,
                    enum ctl_event_kind kind)
{
    memset(watch, 0, sizeof *watch);
    list_init(&watch->watch.link);
    watch->watch.on_fire = watch_fired;
    watch->ctl = ctl;
    watch->kind = kind;
}
