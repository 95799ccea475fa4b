/* world.c - the controller of a real broker: its tables and settings.
 */
#include <stdio.h>

#include "base/diag.h"
#include "broker.h"
#include "config/config.h"
#include "config/overrides.h"
#include "controller/internal.h"
#include "controller/requests.h"

enum { PEER_BACKOFF_US = 100000 };

struct real_world {
    struct coord_zk coord;
    struct exec_loop exec;
    struct peers peers;
    struct broker *broker;
    struct controller *ctl;
    struct overrides_observer on_config;
};

static void *real_open(struct peers *peers, int32_t id, const char *host,
                       int port)
{
    struct broker *broker =
        CONTAINER_OF(peers, struct real_world, peers)->broker;
    struct peer_config config = { .host = host,
                                  .port = port,
                                  .client_id = broker->client_id,
                                  .handshake = false,
                                  .backoff_us = PEER_BACKOFF_US };
    struct errmsg why = { "" };
    struct peer *peer;

    if (peer_new(&peer, broker->coord_loop, broker->pool, &config, &why) ==
        ERR_OK)
        return peer;
    diag_error("event=broker_unreachable broker=%d host=\"%s\" port=%d "
               "reason=\"%s\" remedy=\"mend its advertised.listeners\"",
               id, host, port, why.text);
    return NULL;
}

static void real_send(struct peers *peers, void *peer, struct peer_call *call,
                      const void *request)
{
    (void)peers;
    peer_send(peer, call, request);
}

static void real_close(struct peers *peers, void *peer)
{
    struct peer *p = peer;

    (void)peers;
    peer_free(&p);
}

static bool real_unclean(void *arg)
{
    const struct broker *broker = arg;

    return config_bool(broker->config, CFG_UNCLEAN_LEADER_ELECTION_ENABLE);
}

/* Unclean elections may have been allowed, for a topic or for all. */
static void config_changed(struct overrides_observer *observer,
                           struct bytes topic)
{
    struct real_world *real =
        CONTAINER_OF(observer, struct real_world, on_config);
    bool unclean = real_unclean(real->broker);

    if (!controller_is_active(real->ctl))
        return;
    if (topic.at != NULL) {
        struct topic_config config;

        overrides_topic_config(real->broker->overrides, topic, &config);
        unclean = config.unclean_leader_election;
    }
    if (unclean)
        controller_on_unclean_enabled(real->ctl);
}

/* Versions by inter.broker.protocol.version, from the highest: the first row
 * that is not above it. */
struct version_row {
    int ibp;
    int16_t version;
};

static int16_t version_of(const struct version_row *rows, int ibp)
{
    while (rows->ibp > ibp)
        rows++;
    return rows->version;
}

static void versions_fill(struct ctl_settings *s, int ibp)
{
    static const struct version_row leader_and_isr[] = {
        { 30400, 7 }, { 30200, 6 }, { 20801, 5 },
        { 20401, 4 }, { 20400, 3 }, { 0, 2 },
    };
    static const struct version_row update_metadata[] = {
        { 30400, 8 },
        { 20801, 7 },
        { 20401, 6 },
        { 0, 5 },
    };
    static const struct version_row stop_replica[] = {
        { 30400, 4 },
        { 20600, 3 },
        { 20401, 2 },
        { 0, 1 },
    };

    s->leader_and_isr_version = version_of(leader_and_isr, ibp);
    s->update_metadata_version = version_of(update_metadata, ibp);
    s->stop_replica_version = version_of(stop_replica, ibp);
    s->topic_ids = ibp >= IBP_2_8_IV0;
    s->recovery_state = ibp >= IBP_3_2_IV0;
    s->feature_version = ibp >= IBP_3_3_IV0 ? 2 : 1;
    s->feature_enabled = ibp >= IBP_2_7_IV0;
}

static const char *control_listener(const struct broker *broker)
{
    size_t n;
    const struct config_listener *l = config_listeners(broker->config, &n);

    for (size_t i = 0; i < n; i++)
        if (l[i].control_plane)
            return l[i].name;
    return broker->inter_broker->name;
}

enum err controller_new(struct controller **ctl, struct broker *broker,
                        struct errmsg *why)
{
    const struct config *cfg = broker->config;
    int ibp = config_ibp(cfg);
    struct real_world *real;
    struct ctl_settings s = { .broker_id = broker->id };
    struct ctl_world world;

    if (ibp < IBP_2_2_IV0)
        return err_set(why, ERR_INVALID,
                       "inter.broker.protocol.version: at least 2.2 is needed "
                       "here, for requests that carry broker epochs");
    real = mem_need(sizeof *real);
    real->broker = broker;
    coord_zk_init(&real->coord, broker->zk);
    exec_loop_init(&real->exec, broker->coord_loop);
    real->peers = (struct peers){ real_open, real_send, real_close };
    world = (struct ctl_world){ &real->coord.coord, &real->exec.exec,
                                &real->peers, real };
    versions_fill(&s, ibp);
    s.listener = control_listener(broker);
    s.request_timeout_us =
        config_int64(cfg, CFG_CONTROLLER_SOCKET_TIMEOUT_MS) * 1000;
    s.delete_topics = config_bool(cfg, CFG_DELETE_TOPIC_ENABLE);
    s.rebalance = config_bool(cfg, CFG_AUTO_LEADER_REBALANCE_ENABLE);
    s.rebalance_us =
        config_int64(cfg, CFG_LEADER_IMBALANCE_CHECK_INTERVAL_SECONDS) *
        1000000;
    s.rebalance_percent =
        (int)config_int64(cfg, CFG_LEADER_IMBALANCE_PER_BROKER_PERCENTAGE);
    s.unclean = real_unclean;
    s.unclean_arg = broker;
    *ctl = controller_new_in(&world, &s);
    real->ctl = *ctl;
    real->on_config.on_change = config_changed;
    if (broker->overrides != NULL)
        overrides_observe(broker->overrides, &real->on_config);
    return ERR_OK;
}
