/* server_leave.c - controlled shutdown, as the broker that leaves sees it.
 *
 * ControlledShutdown goes to the controller's inter-broker listener; it answers
 * when it has moved what it could, with the partitions that remain. A
 * controller that cannot be reached, or leaders that cannot move, are tried
 * again, and then the broker leaves all the same: the controller will notice.
 * When another broker (perhaps this one) becomes controller meanwhile, as when
 * a whole cluster stops at once, that one is asked.
 */
#include "base/diag.h"
#include "metadata/metadata.h"
#include "server_private.h"
#include "wire/apis.h"
#include "wire/errors.h"
#include "wire/msg_controlled_shutdown.h"

enum { LOOK_US = 200 * 1000 };

struct leave {
    struct server *server;
    struct peer *peer;
    struct peer_call call;
    struct loop_timer again;
    struct loop_timer look; /* whether the controller is still the same */
    struct job release;
    int64_t left; /* attempts */
    char host[256];
    int port;
};

static int16_t leave_version(const struct server *server)
{
    int ibp = config_ibp(server->config);

    if (ibp >= IBP_2_4_IV1)
        return 3;
    if (ibp >= IBP_2_2_IV0)
        return 2;
    return ibp >= IBP_0_9_0 ? 1 : 0;
}

/* Not from inside the peer's own callback. */
static void leave_release(struct job *job)
{
    struct leave *leave = CONTAINER_OF(job, struct leave, release);
    struct server *server = leave->server;

    peer_free(&leave->peer);
    mem_free(leave);
    server_step_done(server, ERR_OK, NULL);
}

static void leave_end(struct leave *leave, const char *result, size_t remaining)
{
    loop_timer_stop(&leave->look);
    diag_info("event=controlled_shutdown broker=%d result=%s remaining=%zu",
              leave->server->broker.id, result, remaining);
    leave->release.run = leave_release;
    loop_post(leave->server->broker.coord_loop, &leave->release);
}

static void leave_send(struct leave *leave);

static void leave_again(struct loop_timer *timer)
{
    leave_send(CONTAINER_OF(timer, struct leave, again));
}

static void leave_answered(struct peer_call *call)
{
    struct leave *leave = CONTAINER_OF(call, struct leave, call);
    const struct wire_controlled_shutdown_response *answer = call->response;
    size_t remaining = 0;

    if (call->err == ERR_OK && answer->error_code == KAFKA_NONE) {
        remaining = answer->n_remaining_partitions;
        if (remaining == 0) {
            leave_end(leave, "done", 0);
            return;
        }
    }
    if (call->err == ERR_CLOSED)
        return;
    if (--leave->left <= 0) {
        leave_end(leave,
                  call->err != ERR_OK ? err_name(call->err) : "incomplete",
                  remaining);
        return;
    }
    loop_timer_set(&leave->again,
                   config_int64(leave->server->config,
                                CFG_CONTROLLED_SHUTDOWN_RETRY_BACKOFF_MS) *
                       1000);
}

static void leave_send(struct leave *leave)
{
    const struct server *server = leave->server;
    struct wire_controlled_shutdown_request request;

    wire_controlled_shutdown_request_init(&request);
    request.broker_id = server->broker.id;
    request.broker_epoch = atomic_load(&server->broker.epoch);
    leave->call = (struct peer_call){
        .key = WIRE_CONTROLLED_SHUTDOWN,
        .version = leave_version(server),
        .timeout_us =
            config_int64(server->config, CFG_CONTROLLER_SOCKET_TIMEOUT_MS) *
            1000,
        .on_done = leave_answered,
    };
    peer_send(leave->peer, &leave->call, &request);
}

/* Where the controller listens for brokers; false when nobody knows. */
static bool controller_find(const struct server *server, struct leave *leave)
{
    struct meta_cluster *cluster = metadata_cluster(server->broker.metadata);
    const struct meta_broker *b =
        meta_broker_find(cluster, cluster->controller_id);
    const struct meta_endpoint *at =
        b ? meta_endpoint_find(b, server->broker.inter_broker->name) : NULL;

    if (at != NULL) {
        snprintf(leave->host, sizeof leave->host, "%s", at->host);
        leave->port = at->port;
    }
    meta_cluster_unref(cluster);
    return at != NULL;
}

static enum err leave_connect(struct leave *leave, struct errmsg *why)
{
    struct broker *broker = &leave->server->broker;
    struct peer_config config = {
        .host = leave->host,
        .port = leave->port,
        .client_id = broker->client_id,
        .backoff_us = 100 * 1000,
        .impatient = true, /* a dead controller must not hold the end up */
    };

    return peer_new(&leave->peer, broker->coord_loop, broker->pool, &config,
                    why);
}

static void leave_look(struct loop_timer *timer)
{
    struct leave *leave = CONTAINER_OF(timer, struct leave, look);
    struct leave now = *leave;
    struct peer *old = leave->peer;
    struct errmsg why;

    loop_timer_set(&leave->look, LOOK_US);
    if (!controller_find(leave->server, &now) ||
        (now.port == leave->port && strcmp(now.host, leave->host) == 0))
        return;
    memcpy(leave->host, now.host, sizeof leave->host);
    leave->port = now.port;
    if (leave_connect(leave, &why) != ERR_OK) {
        leave->peer = old;
        return;
    }
    /* What it still had to answer completes as closed, and is ignored. */
    peer_free(&old);
    loop_timer_stop(&leave->again);
    leave_send(leave);
}

static void leave_begin(struct server *server)
{
    struct leave *leave = server->step_arg;
    struct errmsg why;
    enum err err = leave_connect(leave, &why);

    if (err != ERR_OK) {
        mem_free(leave);
        server_step_done(server, err, &why);
        return;
    }
    loop_timer_init(&leave->again, server->broker.coord_loop, leave_again);
    loop_timer_init(&leave->look, server->broker.coord_loop, leave_look);
    loop_timer_set(&leave->look, LOOK_US);
    leave_send(leave);
}

void server_leave(struct server *server)
{
    struct leave *leave;
    struct errmsg why;

    if (!config_bool(server->config, CFG_CONTROLLED_SHUTDOWN_ENABLE))
        return;
    leave = mem_need(sizeof *leave);
    leave->server = server;
    leave->left =
        config_int64(server->config, CFG_CONTROLLED_SHUTDOWN_MAX_RETRIES);
    if (!controller_find(server, leave)) {
        diag_warn("event=controlled_shutdown broker=%d result=no_controller",
                  server->broker.id);
        mem_free(leave);
        return;
    }
    server->step_arg = leave;
    err_ignore(server_on_coord(server, leave_begin, &why),
               "leaving all the same");
}
