/* broker.h - the parts of one broker, as main wires them together.
 *
 * Handlers and parts reach each other through this struct and nothing else. It
 * is filled at start in the order below (broker/server.c tells it in prose) and
 * taken down in reverse; a part may use those above it.
 */
#ifndef GREGOR_BROKER_H
#define GREGOR_BROKER_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "loop/loop.h"
#include "loop/pool.h"
#include "net/net.h"

struct config;
struct metadata;
struct replicas;
struct overrides;
struct topic_waits;
struct groups;
struct controller;
struct producer_ids;
struct zk;

struct broker {
    const struct config *config;    /* config/config.h; static keys */
    int32_t id;                     /* broker.id in force */
    char cluster_id[64];            /* /cluster/id */
    char client_id[16];             /* own id as text, for peers */
    _Atomic int64_t features_epoch; /* /feature's version; -1: not read yet */
    int64_t started_us;             /* monotonic: when it began to serve */
    _Atomic int64_t epoch;          /* czxid of /brokers/ids/N; -1 before */
    /* Highest controller epoch seen in LeaderAndIsr, UpdateMetadata and
     * StopReplica; written on the control lane only. */
    _Atomic int32_t controller_epoch;

    struct pool *pool;        /* num.io.threads; what may block */
    struct lane control_lane; /* LeaderAndIsr, UpdateMetadata, StopReplica
                                 in order, one at a time */
    struct loop *coord_loop;  /* coordination loop: zk, controller */
    struct zk *zk;            /* client/zk.h; coordination loop only */

    struct overrides *overrides;     /* config/overrides.h: topics' and brokers'
                                        configuration in ZooKeeper; any thread */
    struct topic_waits *topic_waits; /* api/topic_wait.h; any thread */
    struct metadata *metadata;       /* metadata/metadata.h; any thread */
    struct replicas *replicas;       /* partition/replicas.h; any thread */
    struct groups *groups;           /* group/group.h; any thread */
    struct controller *controller;   /* controller/controller.h */
    struct producer_ids *producer_ids; /* api/producer_ids.h */
    struct net *net;
    const struct listener *listeners; /* as configured, ports bound */
    size_t n_listeners;
    const struct listener *inter_broker; /* one of them */
};

#endif
