/* world.h - what the controller is given: the outside, as tables, and settings.
 *
 * The real tables are in world.c; tests put coord and exec of tests/support and
 * recorded peers in their place.
 */
#ifndef GREGOR_CTL_WORLD_H
#define GREGOR_CTL_WORLD_H

#include "client/coord.h"
#include "loop/exec.h"
#include "net/net.h"

/* Connections to brokers; the meaning is that of struct peer in net.h. */
struct peers {
    /* NULL: cannot be opened (said in one line). */
    void *(*open)(struct peers *peers, int32_t broker, const char *host,
                  int port);
    /* `request` is encoded before it returns. */
    void (*send)(struct peers *peers, void *peer, struct peer_call *call,
                 const void *request);
    void (*close)(struct peers *peers, void *peer);
};

struct ctl_world {
    struct coord *coord;
    struct exec *exec;
    struct peers *peers;
    void *own; /* freed with the controller (mem_free); or NULL */
};

struct ctl_settings {
    int32_t broker_id;
    int16_t leader_and_isr_version; /* by inter.broker.protocol.version */
    int16_t update_metadata_version;
    int16_t stop_replica_version;
    bool topic_ids;             /* IBP >= 2.8-IV0 */
    bool recovery_state;        /* IBP >= 3.2-IV0 */
    int32_t feature_version;    /* 1, or 2 from IBP 3.3-IV0 on */
    bool feature_enabled;       /* IBP >= 2.7-IV0 */
    const char *listener;       /* control plane or inter-broker; upper
                                   case; lives as long as the broker */
    int64_t request_timeout_us; /* controller.socket.timeout.ms */
    bool delete_topics;         /* delete.topic.enable */
    bool rebalance;             /* auto.leader.rebalance.enable */
    int64_t rebalance_us;       /* leader.imbalance.check.interval */
    int rebalance_percent;      /* leader.imbalance.per.broker.percentage */
    bool (*unclean)(void *arg); /* unclean.leader.election.enable of the
                                   moment */
    void *unclean_arg;
};

struct controller;

/* The controller on given tables; controller_new() fills them for a broker.
 * `world` and `settings` are copied, what they point to is not. */
struct controller *controller_new_in(const struct ctl_world *world,
                                     const struct ctl_settings *settings);

#endif
