/* server_session.c - the broker's session in ZooKeeper: first, lost, renewed.
 *
 *   start: connect ─▶ end the session of a killed run ─▶ tree ─▶ id ─▶ register
 *   later: EXPIRED ─▶ controller stops acting ─▶ new session ─▶ register anew
 *                  ─▶ elect, follow configuration changes
 *
 * The session's id and password are saved (mode 0600, beside the first log
 * directory's files, under its lock). After kill -9 the next start finds its
 * old znode; when the owner is the saved session and nobody answers at the
 * endpoint in it, that session is ended, and the znode goes at once instead of
 * after the session timeout.
 */
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "controller/controller.h"
#include "server_private.h"
#include "znode/znode.h"

enum { REGISTER_RETRY_US = 1000 * 1000, ENDPOINT_WAIT_MS = 500 };

/* -- the saved session ------------------------------------------------------
 */

static void session_save(struct job *job)
{
    struct server *server = CONTAINER_OF(job, struct server, save);
    struct errmsg why;

    if (zk_saved_write(server->session_file, &server->saved, &why) != ERR_OK)
        diag_warn(
            "event=session_not_saved file=%s why=\"%s\" effect=\"after kill -9 "
            "the next start waits for the session timeout\"",
            server->session_file, why.text);
}

/* Someone accepts connections at the endpoint: that broker lives. */
static bool endpoint_answers(const struct znode_endpoint *endpoint)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct addrinfo *found;
    struct timeval wait = { .tv_usec = ENDPOINT_WAIT_MS * 1000 };
    char *host = mem_need_text(endpoint->host);
    char port[16];
    bool answers = false;

    snprintf(port, sizeof port, "%d", endpoint->port);
    if (getaddrinfo(host, port, &hints, &found) == 0) {
        int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
        answers =
            fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0;
        if (fd >= 0)
            close(fd);
        freeaddrinfo(found);
    }
    mem_free(host);
    return answers;
}

/* -- end the session of a killed run ----------------------------------------
 */

struct ending {
    struct zk_op op;
    struct server *server;
    struct zk_saved saved;
    struct znode_endpoint endpoint; /* host in `host` */
    char host[256];
    bool owned; /* the znode is the saved session's */
};

static void ending_read(struct zk_op *op)
{
    struct ending *ending = CONTAINER_OF(op, struct ending, op);
    struct znode_broker old;
    struct arena arena;

    arena_init(&arena, 1 << 20);
    ending->owned =
        op->err == ERR_OK && op->stat.ephemeral_owner == ending->saved.session;
    if (ending->owned &&
        znode_broker_read(op->data, &arena, &old, NULL) == ERR_OK &&
        old.n_endpoints > 0 &&
        old.endpoints[0].host.len < sizeof ending->host) {
        memcpy(ending->host, old.endpoints[0].host.at,
               old.endpoints[0].host.len);
        ending->endpoint.host =
            bytes_make(ending->host, old.endpoints[0].host.len);
        ending->endpoint.port = old.endpoints[0].port;
    }
    arena_fini(&arena);
    server_step_done(ending->server, ERR_OK, NULL);
}

static void ending_done(struct zk_op *op)
{
    struct ending *ending = CONTAINER_OF(op, struct ending, op);

    diag_info("event=old_session_ended session=0x%llx result=%s",
              (unsigned long long)ending->saved.session, err_name(op->err));
    server_step_done(ending->server, ERR_OK, NULL);
}

static void ending_look(struct server *server)
{
    struct ending *ending = server->step_arg;
    struct znode_path path;

    ending->op = (struct zk_op){ .on_done = ending_read, .retry = true };
    zk_get(server->broker.zk, &ending->op,
           znode_path_broker(&path, server->broker.id), NULL);
}

static void ending_end(struct server *server)
{
    struct ending *ending = server->step_arg;

    ending->op = (struct zk_op){ .on_done = ending_done, .retry = true };
    zk_end_session(server->broker.zk, &ending->op, ending->saved.session,
                   ending->saved.passwd);
}

/* After kill -9: what the last run left registered goes now. */
static enum err session_end_old(struct server *server, struct errmsg *why)
{
    struct ending *ending = mem_need(sizeof *ending);
    enum err err;

    ending->server = server;
    server->step_arg = ending;
    err = zk_saved_read(server->session_file, &ending->saved, why);
    if (err != ERR_OK) {
        if (err != ERR_ABSENT)
            diag_warn(
                "event=saved_session_unreadable why=\"%s\" effect=\"an old "
                "registration is waited for instead of ended\"",
                why->text);
        mem_free(ending);
        return ERR_OK;
    }
    err = server_on_coord(server, ending_look, why);
    if (err == ERR_OK && ending->owned) {
        if (endpoint_answers(&ending->endpoint))
            diag_warn(
                "event=old_session_kept endpoint=%s:%d why=\"a broker answers "
                "there\"",
                ending->host, ending->endpoint.port);
        else
            err = server_on_coord(server, ending_end, why);
    }
    /* An interrupted step may still complete: then the struct must stay. */
    if (err != ERR_CLOSED)
        mem_free(ending);
    return err;
}

/* -- registering ------------------------------------------------------------
 */

static void session_register(struct server *server);

static void registered_first(struct registration *reg, void *arg, enum err err,
                             const struct errmsg *why)
{
    struct server *server = arg;

    if (err == ERR_EXPIRED) { /* the next session comes; then again */
        session_register(server);
        return;
    }
    if (err == ERR_OK) {
        server->registered = true;
        atomic_store(&server->broker.epoch, registration_epoch(reg));
    }
    server_step_done(server, err, why);
}

static void registered_again(struct registration *reg, void *arg, enum err err,
                             const struct errmsg *why)
{
    struct server *server = arg;

    if (server->stopping || err == ERR_CLOSED)
        return;
    if (err != ERR_OK) {
        if (err != ERR_EXPIRED) {
            diag_error(
                "event=registration_failed broker=%d why=\"%s\" effect=\"tried "
                "again every second\"",
                server->broker.id, why->text);
            loop_timer_set(&server->retry, REGISTER_RETRY_US);
        }
        return;
    }
    atomic_store(&server->broker.epoch, registration_epoch(reg));
    diag_info("event=registered_again broker=%d epoch=%lld", server->broker.id,
              (long long)registration_epoch(reg));
    controller_on_registered(server->broker.controller);
    overrides_follow(server->broker.overrides);
}

static void session_register(struct server *server)
{
    registration_register(
        server->registration, server->broker.id, &server->self,
        server->registered ? registered_again : registered_first);
}

static void session_retry(struct loop_timer *timer)
{
    session_register(CONTAINER_OF(timer, struct server, retry));
}

enum err server_register(struct server *server, struct errmsg *why)
{
    return server_on_coord(server, session_register, why);
}

/* -- events of the session --------------------------------------------------
 */

static void session_on_event(void *arg, enum zk_event event)
{
    struct server *server = arg;
    struct broker *broker = &server->broker;

    switch (event) {
    case ZK_CONNECTED:
        zk_session_secret(broker->zk, &server->saved.session,
                          server->saved.passwd);
        diag_info("event=session_up session=0x%llx timeout_ms=%d",
                  (unsigned long long)server->saved.session,
                  zk_session_timeout_ms(broker->zk));
        if (!server->connected) {
            server->connected = true;
            server_step_done(server, ERR_OK, NULL);
        } else if (server->registered) {
            pool_submit(broker->pool, &server->save);
            session_register(server);
        }
        break;
    case ZK_RECONNECTED:
        diag_info("event=session_reconnected session=0x%llx",
                  (unsigned long long)zk_session_id(broker->zk));
        break;
    case ZK_DISCONNECTED:
        if (!server->stopping)
            diag_warn("event=zookeeper_disconnected effect=\"metadata does not "
                      "change; produce and fetch go on\"");
        break;
    case ZK_OVERDUE:
        /* Nothing to undo: what a controller cut off from ZooKeeper decides
         * cannot be written, and its requests carry an epoch that is fenced. */
        diag_warn(
            "event=zookeeper_away_too_long effect=\"the session may be gone; "
            "registering anew when ZooKeeper is back\"");
        break;
    case ZK_EXPIRED:
        diag_warn("event=session_expired effect=\"registering anew\"");
        atomic_store(&broker->epoch, -1);
        loop_timer_stop(&server->retry);
        if (broker->controller != NULL)
            controller_on_expired(broker->controller);
        if (!server->stopping)
            zk_renew(broker->zk);
        break;
    case ZK_CLOSED:
        server_step_done(server, ERR_OK, NULL);
        break;
    }
}

void server_session_init(struct server *server)
{
    loop_timer_init(&server->retry, server->broker.coord_loop, session_retry);
    server->save.run = session_save;
}

/* -- connecting -------------------------------------------------------------
 */

static void session_open(struct server *server)
{
    const struct config_zookeeper *at = config_zookeeper(server->config);
    struct zk_config config = {
        .hosts = at->hosts,
        .chroot = at->chroot,
        .session_timeout_ms =
            (int)config_int64(server->config, CFG_ZOOKEEPER_SESSION_TIMEOUT_MS),
        .on_session = session_on_event,
        .arg = server,
    };
    struct broker *broker = &server->broker;
    struct errmsg why;
    char local[64];
    enum err err;

    if (at->embedded) {
        snprintf(local, sizeof local, "127.0.0.1:%u",
                 (unsigned)keeper_port(server->keeper));
        config.hosts = local;
    }
    err =
        zk_start(&broker->zk, broker->coord_loop, broker->pool, &config, &why);
    if (err != ERR_OK) {
        server_step_done(server, err, &why);
        return;
    }
    coord_zk_init(&server->coord, broker->zk);
    exec_loop_init(&server->exec, broker->coord_loop);
    /* server_step_done() comes with ZK_CONNECTED */
}

static void prepared(struct registration *reg, void *arg, enum err err,
                     const struct errmsg *why)
{
    struct server *server = arg;

    if (err == ERR_OK)
        snprintf(server->broker.cluster_id, sizeof server->broker.cluster_id,
                 "%s", registration_cluster_id(reg));
    server_step_done(server, err, why);
}

static void session_prepare(struct server *server)
{
    struct registration_config config = {
        .coord = &server->coord.coord,
        .exec = &server->exec.exec,
        .wait_us = (int64_t)zk_session_timeout_ms(server->broker.zk) * 1000 * 2,
        .arg = server,
    };

    if (server->registration == NULL)
        server->registration = registration_new(&config);
    registration_prepare(server->registration, prepared);
}

enum err server_connect(struct server *server, struct errmsg *why)
{
    enum err err = server_on_coord(server, session_open, why);

    if (err != ERR_OK)
        return err;
    do {
        err = server_on_coord(server, session_prepare, why);
    } while (err == ERR_EXPIRED);
    return err;
}

/* -- the broker id ----------------------------------------------------------
 */

static void id_drawn(struct registration *reg, void *arg, enum err err,
                     const struct errmsg *why)
{
    struct server *server = arg;

    if (err == ERR_OK)
        server->broker.id = registration_drawn_id(reg);
    server_step_done(server, err, why);
}

static void id_draw(struct server *server)
{
    registration_take_id(
        server->registration,
        (int32_t)config_int64(server->config, CFG_RESERVED_BROKER_MAX_ID),
        id_drawn);
}

enum err server_identify(struct server *server, struct errmsg *why)
{
    struct broker *broker = &server->broker;
    struct bytes cluster = bytes_of(broker->cluster_id);
    struct log_dir *const *dirs;
    size_t n;
    enum err err;

    dirs = replicas_dirs(broker->replicas, &n);
    err = log_dir_meta_check(
        dirs, n, (int32_t)config_int64(server->config, CFG_BROKER_ID), cluster,
        &broker->id, why);
    if (err != ERR_OK)
        return err;
    if (broker->id < 0) {
        if (!config_bool(server->config, CFG_BROKER_ID_GENERATION_ENABLE))
            return err_set(why, ERR_INVALID,
                           "no broker.id: set it, or "
                           "broker.id.generation.enable=true");
        err = server_on_coord(server, id_draw, why);
        if (err != ERR_OK)
            return err;
    }
    snprintf(broker->client_id, sizeof broker->client_id, "%d", broker->id);
    for (size_t i = 0; i < n; i++) {
        err = log_dir_meta_write(dirs[i], broker->id, cluster, why);
        if (err != ERR_OK)
            return err;
    }
    snprintf(server->session_file, sizeof server->session_file, "%s/.session",
             log_dir_path(dirs[0]));
    err = session_end_old(server, why);
    if (err == ERR_OK)
        pool_submit(broker->pool, &server->save);
    return err;
}

/* -- the end ----------------------------------------------------------------
 */

static void session_close(struct server *server)
{
    loop_timer_stop(&server->retry);
    registration_free(&server->registration);
    if (server->broker.zk == NULL)
        server_step_done(server, ERR_OK, NULL);
    else
        zk_close(&server->broker.zk); /* ZK_CLOSED ends the step */
}

void server_disconnect(struct server *server)
{
    struct errmsg why;

    err_ignore(server_on_coord(server, session_close, &why), "ended anyway");
    if (server->session_file[0] != '\0')
        err_ignore(zk_saved_remove(server->session_file, &why),
                   "the session is gone; the file is then of no use");
}
