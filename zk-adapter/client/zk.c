/* zk.c - the session: connecting, expiring, renewing, closing.
 *
 * What happened is told first (on_session), then to the operations it hit. So a
 * controller that hears ZK_EXPIRED has stopped before any of its writes comes
 * back.
 */
#include "client/zk.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/diag.h"
#include "base/mem.h"
#include "client/zk_in.h"

enum { DRAIN_US = 1000 * 1000 };

static void close_step(struct zk *zk);

static void tell(struct zk *zk, enum zk_event event)
{
    if (zk->on_session != NULL)
        zk->on_session(zk->arg, event);
}

/* -- sending what waits ------------------------------------------------ */

static void send_all(struct zk *zk, struct list *from)
{
    while (!list_is_empty(from) && zk_wire_can_send(&zk->wire))
        zk_send(CONTAINER_OF(from->next, struct zk_req, link));
}

static void on_run(struct job *job)
{
    struct zk *zk = CONTAINER_OF(job, struct zk, run);
    struct list ready;

    zk->run_posted = false;
    list_init(&ready);
    list_move_all(&ready, &zk->ready);
    zk_req_finish_all(&ready, ERR_OK);
    zk_req_finish_all(&zk->lost, ERR_LOST);
    send_all(zk, &zk->again);
    send_all(zk, &zk->waiting);
    if (zk->phase == ZK_PHASE_CLOSING)
        close_step(zk);
}

/* -- what the handle tells --------------------------------------------- */

static void on_up(struct zk_wire *wire)
{
    struct zk *zk = wire->context;
    const clientid_t *id = zoo_client_id(wire->zh);
    bool again = zk->had_connection;

    if (zk->phase == ZK_PHASE_CLOSING)
        return;
    loop_timer_stop(&zk->overdue);
    zk->session = id->client_id;
    memcpy(zk->passwd, id->passwd, ZK_PASSWD_LEN);
    zk->agreed_ms = zoo_recv_timeout(wire->zh);
    zk->had_connection = true;
    zk->phase = ZK_PHASE_UP;
    diag_info("event=zookeeper_%s session=0x%" PRIx64 " timeout_ms=%d hosts=%s",
              again ? "reconnected" : "connected", (uint64_t)zk->session,
              zk->agreed_ms, zk->hosts);
    tell(zk, again ? ZK_RECONNECTED : ZK_CONNECTED);
    zk_run_soon(zk);
}

static void on_down(struct zk_wire *wire)
{
    struct zk *zk = wire->context;
    int64_t left =
        wire->heard_us + (int64_t)zk->agreed_ms * 1000 - loop_now_us(zk->loop);

    if (zk->phase == ZK_PHASE_CLOSING) {
        close_step(zk);
        return;
    }
    zk->phase = ZK_PHASE_CONNECTING;
    loop_timer_set(&zk->overdue, left);
    diag_warn("event=zookeeper_disconnected session=0x%" PRIx64,
              (uint64_t)zk->session);
    tell(zk, ZK_DISCONNECTED);
    zk_req_finish_all(&zk->lost, ERR_LOST);
}

static void on_overdue(struct loop_timer *timer)
{
    struct zk *zk = CONTAINER_OF(timer, struct zk, overdue);

    if (zk->phase != ZK_PHASE_CONNECTING)
        return;
    diag_warn("event=zookeeper_overdue session=0x%" PRIx64 " timeout_ms=%d",
              (uint64_t)zk->session, zk->agreed_ms);
    tell(zk, ZK_OVERDUE);
}

/* Tell the operations that are with the library, which still has to complete
 * the requests. */
static void tell_all(struct list *reqs, enum err err)
{
    LIST_EACH(link, reqs) {
        struct zk_req *req = CONTAINER_OF(link, struct zk_req, link);

        if (req->op != NULL) {
            struct zk_op *op = req->op;

            zk_watch_done(req, false);
            req->op = NULL;
            op->private_ = NULL;
            op->err = err;
            op->on_done(op);
        }
    }
}

/* What is still in flight is left to the library, which completes it from
 * within zookeeper_close(). */
static void orphan_all(struct list *reqs)
{
    while (!list_is_empty(reqs)) {
        struct zk_req *req = CONTAINER_OF(reqs->next, struct zk_req, link);

        list_remove(&req->link);
        req->zk = NULL;
    }
}

/* Take every request out of the session's lists, oldest first. */
static void collect(struct zk *zk, struct list *all)
{
    list_init(all);
    list_move_all(all, &zk->ready);
    list_move_all(all, &zk->lost);
    list_move_all(all, &zk->again);
    list_move_all(all, &zk->waiting);
}

static void on_expired(struct zk_wire *wire)
{
    struct zk *zk = wire->context;
    struct list all;

    zk_wire_drop(wire);
    if (zk->phase == ZK_PHASE_CLOSING)
        return;
    loop_timer_stop(&zk->overdue);
    collect(zk, &all);
    zk->phase = ZK_PHASE_EXPIRED;
    zk->had_connection = false;
    diag_warn("event=zookeeper_session_expired session=0x%" PRIx64,
              (uint64_t)zk->session);
    tell(zk, ZK_EXPIRED);
    tell_all(&zk->in_flight, ERR_EXPIRED); /* the library has left none */
    orphan_all(&zk->in_flight);
    zk_req_finish_all(&all, ERR_EXPIRED);
    zk_watch_void_all(zk);
}

static void on_dropped(struct zk_wire *wire)
{
    struct zk *zk = wire->context;

    zk->wire_busy = false;
    if (zk->phase == ZK_PHASE_CLOSING) {
        zk_maybe_closed(zk);
    } else if (zk->phase == ZK_PHASE_CONNECTING) { /* renewed meanwhile */
        zk->wire_busy = true;
        zk_wire_open(wire, NULL);
    }
}

static const struct zk_wire_calls calls = { on_up, on_down, on_expired,
                                            on_dropped };

/* -- life -------------------------------------------------------------- */

static void open_session(struct zk *zk)
{
    zk->wire_busy = true;
    zk_wire_open(&zk->wire, NULL);
}

static void on_saved_ended(struct zk_op *op)
{
    struct zk *zk = CONTAINER_OF(op, struct zk, saved_end);

    if (op->err != ERR_OK || zk->phase == ZK_PHASE_CLOSING)
        return;
    diag_info("event=zookeeper_earlier_session_ended");
    open_session(zk);
}

enum err zk_start(struct zk **out, struct loop *loop, struct pool *pool,
                  const struct zk_config *config, struct errmsg *why)
{
    struct zk *zk;

    if (config->session_timeout_ms < 1)
        return err_set(why, ERR_INVALID, "a session timeout must be positive");
    zoo_set_debug_level((ZooLogLevel)0); /* our own lines say it better */
    zk = mem_need(sizeof *zk);
    zk->loop = loop;
    zk->pool = pool;
    zk->timeout_ms = config->session_timeout_ms;
    zk->hosts = mem_need_text(bytes_of(config->hosts));
    zk->chroot = mem_need_text(bytes_of(config->chroot));
    zk->chroot_len = strlen(zk->chroot);
    zk->on_session = config->on_session;
    zk->arg = config->arg;
    list_init(&zk->waiting);
    list_init(&zk->in_flight);
    list_init(&zk->again);
    list_init(&zk->lost);
    list_init(&zk->ready);
    list_init(&zk->ends);
    zk->run.run = on_run;
    loop_timer_init(&zk->overdue, loop, on_overdue);
    map_init(&zk->watched);
    zk->wire.loop = loop;
    zk->wire.pool = pool;
    zk->wire.calls = &calls;
    zk->wire.on_watch = zk_watch_event;
    zk->wire.context = zk;
    zk->wire.purpose = "session";
    zk_wire_init(&zk->wire, zk->hosts, zk->timeout_ms);
    if (config->saved_session != 0) {
        zk->saved_end.on_done = on_saved_ended;
        zk_end_session(zk, &zk->saved_end, config->saved_session,
                       config->saved_passwd);
    } else {
        open_session(zk);
    }
    *out = zk;
    return ERR_OK;
}

void zk_renew(struct zk *zk)
{
    if (zk->phase != ZK_PHASE_EXPIRED)
        return;
    zk->phase = ZK_PHASE_CONNECTING;
    zk->session = 0;
    if (!zk->wire_busy)
        open_session(zk);
}

/* Closing: everything is told ERR_CLOSED at once, but the answers that are
 * still on their way are awaited, for DRAIN_US at most. The library closes its
 * socket as soon as anything can be read after its closeSession; with answers
 * unread the kernel then resets the connection, and the server may never see
 * the closeSession behind them. */
static void close_step(struct zk *zk)
{
    if (zk->wire_busy && zk->drained) {
        orphan_all(&zk->in_flight);
        zk_wire_drop(&zk->wire);
    } else if (zk->wire_busy && (list_is_empty(&zk->in_flight) ||
                                 !zk_wire_can_send(&zk->wire))) {
        zk->drained = true;
        loop_timer_stop(&zk->overdue);
        close_step(zk);
    } else {
        zk_maybe_closed(zk);
    }
}

static void on_drained(struct loop_timer *timer)
{
    struct zk *zk = CONTAINER_OF(timer, struct zk, overdue);

    zk->drained = true;
    close_step(zk);
}

static void on_close(struct job *job)
{
    struct zk *zk = CONTAINER_OF(job, struct zk, run);
    struct list all;

    zk->run.run = on_run;
    zk->run_posted = false;
    tell_all(&zk->in_flight, ERR_CLOSED);
    collect(zk, &all);
    zk_req_finish_all(&all, ERR_CLOSED);
    zk_watch_void_all(zk);
    zk_end_drop_all(zk);
    loop_timer_init(&zk->overdue, zk->loop, on_drained);
    loop_timer_set(&zk->overdue, DRAIN_US);
    close_step(zk);
}

void zk_close(struct zk **out)
{
    struct zk *zk = *out;

    if (zk == NULL)
        return;
    *out = NULL;
    assert(zk->phase != ZK_PHASE_CLOSING);
    zk->phase = ZK_PHASE_CLOSING;
    loop_timer_stop(&zk->overdue);
    zk->run.run = on_close; /* also when it is posted already */
    zk_run_soon(zk);
}

/* The last one to finish turns off the light. */
void zk_maybe_closed(struct zk *zk)
{
    if (zk->wire_busy || !list_is_empty(&zk->ends))
        return;
    if (zk->run_posted) /* an operation was issued meanwhile */
        return;
    loop_timer_stop(&zk->overdue);
    tell(zk, ZK_CLOSED);
    zk_wire_fini(&zk->wire);
    map_fini(&zk->watched);
    mem_free(zk->hosts);
    mem_free(zk->chroot);
    mem_free(zk);
}

/* -- facts ------------------------------------------------------------- */

int64_t zk_session_id(const struct zk *zk)
{
    return zk->session;
}

int zk_session_timeout_ms(const struct zk *zk)
{
    return zk->agreed_ms ? zk->agreed_ms : zk->timeout_ms;
}

void zk_session_secret(const struct zk *zk, int64_t *id,
                       uint8_t passwd[ZK_PASSWD_LEN])
{
    *id = zk->session;
    memcpy(passwd, zk->passwd, ZK_PASSWD_LEN);
}
