/* controller.h - the broker that is elected runs the cluster's state machines.
 *
 * Every broker starts one; it watches /controller and takes part in elections.
 * While elected ("active") it keeps the cluster's context in memory, reacts to
 * znode events and to requests, writes partition states under the guard of
 * /controller_epoch, and tells brokers by LeaderAndIsr, UpdateMetadata and
 * StopReplica, over real connections, itself included.
 *
 *   IDLE ─▶ ELECTING ─▶ ACTIVE ─▶ RESIGNING ─▶ IDLE
 *
 * Events are handled one at a time, in order, on the coordination loop. What
 * decides (state machines, election strategies) is written as functions over
 * the context and makes no system call; the doing (ZooKeeper operations,
 * peers) is behind two small tables.
 *
 * Threads: all calls on the coordination loop, but for controller_is_active()
 * and controller_submit().
 */
#ifndef GREGOR_CONTROLLER_H
#define GREGOR_CONTROLLER_H

#include "base/bytes.h"
#include "base/err.h"
#include "loop/loop.h"

struct broker;
struct controller;

/* Takes world and settings from the broker: config, id, zk, pool, coord_loop,
 * inter_broker must be there; overrides, if there are any, must outlive it. */
MUST_USE enum err controller_new(struct controller **ctl, struct broker *broker,
                                 struct errmsg *why);

/* Watch /controller and elect; call once this broker is registered. */
void controller_start(struct controller *ctl);

/* The session expired (ZK_EXPIRED), or may have by now (ZK_OVERDUE): stop
 * acting at once, before anything else. */
void controller_on_expired(struct controller *ctl);

/* A new session is up and the broker registered again, or the old session came
 * back after ZK_OVERDUE: elect. */
void controller_on_registered(struct controller *ctl);

/* Resign (nothing is written) and stop taking events; `on_done` on the loop. */
void controller_stop(struct controller *ctl, struct job *on_done);
/* After on_done, or before controller_start(). */
void controller_free(struct controller **owner);

/* A moment's answer; any thread. */
bool controller_is_active(const struct controller *ctl);
/* The id in /controller as last read; -1: none. Any thread. */
int32_t controller_active_id(const struct controller *ctl);

/* A request for the active controller, handled as an event in its turn. Lent
 * until on_done, which comes on the coordination loop. */
struct controller_event {
    struct job job; /* the controller's */
    struct controller *ctl;
    /* Runs in turn on the coordination loop; `active` false: answer
     * NOT_CONTROLLER. Ends with controller_event_done() now or later (other
     * events wait until then). */
    void (*run)(struct controller_event *event, bool active);
};

/* Queue an event; any thread. */
void controller_submit(struct controller *ctl, struct controller_event *event);
/* The event has ended: the next one may begin before this returns. Coordination
 * loop. */
void controller_event_done(struct controller_event *event);

#endif
