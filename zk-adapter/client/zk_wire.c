/* zk_wire.c - driving one handle of the ZooKeeper C client; see zk_wire.h.
 *
 * Happy path: open resolves the names in the pool; back on the loop the handle
 * is made and pumped. A pump asks interest, arms the descriptor and the timer
 * accordingly, and tells changes of state. The descriptor's callback processes
 * frames and pumps again.
 *
 * When there is no connection the library tries one server after the other by
 * itself; meanwhile names are resolved again from time to time, and the
 * operator hears about it at growing intervals.
 */
#include "client/zk_wire.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"

enum {
    FAILED_PAUSE_US = 100 * 1000,     /* after interest failed */
    RESOLVE_FIRST_US = 200 * 1000,    /* between tries to resolve ... */
    RESOLVE_AGAIN_US = 5 * 1000000,   /* ... and while not connected */
    FIRST_COMPLAINT_US = 1000 * 1000, /* without a connection, at start */
    CONNECT_LEAST_US = 1000 * 1000,   /* limit for one server, at least */
    COMPLAIN_FIRST_US = 5 * 1000000,
    COMPLAIN_MOST_US = 300 * 1000000,
    BURST_FRAMES = 2000, /* in one go, before others get a turn */
    BURST_US = 5000
};

static void pump(struct zk_wire *wire);

/* -- lines for the operator -------------------------------------------- */

static void complain(struct zk_wire *wire, const char *because)
{
    int64_t now = loop_now_us(wire->loop);

    if (now < wire->complain_us)
        return;
    if (wire->complain_step_us == 0)
        wire->complain_step_us = COMPLAIN_FIRST_US;
    else if (wire->complain_step_us < COMPLAIN_MOST_US / 2)
        wire->complain_step_us *= 2;
    else
        wire->complain_step_us = COMPLAIN_MOST_US;
    wire->complain_us = now + wire->complain_step_us;
    diag_warn("event=zookeeper_unreachable for=%s hosts=%s seconds=%" PRId64
              " reason=\"%s\" remedy=\"start it or check zookeeper.connect; "
              "trying on\"",
              wire->purpose, wire->hosts, (now - wire->down_us) / 1000000,
              because);
}

static void content(struct zk_wire *wire)
{
    wire->complain_us = 0;
    wire->complain_step_us = 0;
}

/* -- names ------------------------------------------------------------- */

static void resolve_start(struct zk_wire *wire)
{
    if (wire->resolving)
        return;
    wire->resolving = true;
    pool_submit(wire->pool, &wire->resolve);
}

static void handle_make(struct zk_wire *wire)
{
    wire->zh = zookeeper_init2(wire->servers, wire->on_watch, wire->timeout_ms,
                               wire->id.client_id ? &wire->id : NULL,
                               wire->context, ZOO_NO_LOG_CLIENTENV, NULL);
    if (wire->zh == NULL) {
        loop_timer_set(&wire->retry, RESOLVE_FIRST_US);
        return;
    }
    zoo_set_servers_resolution_delay(wire->zh, -1);
    loop_timer_set(&wire->retry, FIRST_COMPLAINT_US);
    pump(wire);
}

static void on_resolved(struct job *job)
{
    struct zk_wire *wire = CONTAINER_OF(job, struct zk_wire, resolve);
    char *found = wire->resolved;
    bool changed = found != NULL &&
                   (wire->servers == NULL || strcmp(found, wire->servers) != 0);

    wire->resolved = NULL;
    wire->resolving = false;
    if (wire->dropping || !wire->open) {
        mem_free(found);
        if (!wire->dropping && wire->drop_wanted) {
            wire->drop_wanted = false;
            wire->calls->on_dropped(wire);
        }
        return;
    }
    if (found == NULL) {
        complain(wire, wire->resolve_error);
        loop_timer_set(&wire->retry,
                       wire->zh ? RESOLVE_AGAIN_US : RESOLVE_FIRST_US);
        return;
    }
    if (changed) {
        mem_free(wire->servers);
        wire->servers = found;
        wire->n_servers = wire->n_resolved;
    } else {
        mem_free(found);
    }
    if (wire->zh == NULL) {
        handle_make(wire);
    } else if (!wire->up) {
        if (changed && zoo_state(wire->zh) != ZOO_CONNECTED_STATE) {
            wire->inside++;
            zoo_set_servers(wire->zh, wire->servers);
            wire->inside--;
            zk_wire_kick(wire);
        }
        loop_timer_set(&wire->retry, RESOLVE_AGAIN_US);
    }
}

static void resolve_run(struct job *job) /* in the pool */
{
    struct zk_wire *wire = CONTAINER_OF(job, struct zk_wire, resolve);

    wire->resolved =
        zk_names_resolve(wire->hosts, &wire->n_resolved, wire->resolve_error,
                         sizeof wire->resolve_error);
    job->run = on_resolved;
    loop_post(wire->loop, job);
}

static void on_retry(struct loop_timer *timer)
{
    struct zk_wire *wire = CONTAINER_OF(timer, struct zk_wire, retry);

    if (!wire->open || wire->up || wire->resolving)
        return;
    if (wire->zh != NULL)
        complain(wire, "no server answers");
    wire->resolve.run = resolve_run;
    resolve_start(wire);
}

/* -- dropping ---------------------------------------------------------- */

static void on_closed(struct job *job)
{
    struct zk_wire *wire = CONTAINER_OF(job, struct zk_wire, close);

    wire->dropping = false;
    wire->drop_wanted = wire->resolving; /* then on_resolved tells */
    if (!wire->resolving)
        wire->calls->on_dropped(wire);
}

static void close_run(struct job *job) /* in the pool */
{
    struct zk_wire *wire = CONTAINER_OF(job, struct zk_wire, close);

    if (wire->closing != NULL)
        zookeeper_close(wire->closing);
    wire->closing = NULL;
    job->run = on_closed;
    loop_post(wire->loop, job);
}

static void drop_now(struct zk_wire *wire)
{
    assert(wire->inside == 0 && wire->open);
    loop_io_fini(&wire->io);
    loop_timer_stop(&wire->timer);
    loop_timer_stop(&wire->connect);
    loop_timer_stop(&wire->retry);
    wire->drop_wanted = false;
    wire->dropping = true;
    wire->open = false;
    wire->closing = wire->zh;
    wire->zh = NULL;
    wire->up = false;
    wire->close.run = close_run;
    pool_submit(wire->pool, &wire->close);
}

void zk_wire_drop(struct zk_wire *wire)
{
    if (!wire->open || wire->drop_wanted)
        return;
    wire->drop_wanted = true;
    if (wire->inside == 0)
        drop_now(wire);
}

/* -- the handle -------------------------------------------------------- */

/* Tell what changed; called with no library frame on the stack but ours. */
static void tell_state(struct zk_wire *wire)
{
    int state = zoo_state(wire->zh);

    if (state == ZOO_EXPIRED_SESSION_STATE || state == ZOO_AUTH_FAILED_STATE) {
        if (!wire->expired) {
            wire->expired = true;
            wire->up = false;
            wire->calls->on_expired(wire);
        }
    } else if (state == ZOO_CONNECTED_STATE && !wire->up) {
        wire->up = true;
        loop_timer_stop(&wire->connect);
        loop_timer_stop(&wire->retry);
        content(wire);
        wire->calls->on_up(wire);
    } else if (state != ZOO_CONNECTED_STATE && wire->up) {
        wire->up = false;
        wire->down_us = loop_now_us(wire->loop);
        wire->complain_us = wire->down_us + COMPLAIN_FIRST_US;
        loop_timer_set(&wire->retry, 0);
        wire->calls->on_down(wire);
    }
}

/* Forget the descriptor and take it anew: the number may stand for another
 * socket by now. */
static void arm_anew(struct zk_wire *wire, int fd, int mask)
{
    loop_io_fn *on_ready = wire->io.on_ready;

    loop_io_fini(&wire->io);
    loop_io_init(&wire->io, wire->loop, fd, on_ready);
    if (fd >= 0)
        loop_io_want(&wire->io,
                     ((mask & ZOOKEEPER_READ) ? LOOP_READ : 0u) |
                         ((mask & ZOOKEEPER_WRITE) ? LOOP_WRITE : 0u));
}

static void arm_connect_limit(struct zk_wire *wire, int state)
{
    int64_t limit = (int64_t)wire->timeout_ms * 1000 / 3 /
                    (int64_t)(wire->n_servers ? wire->n_servers : 1);

    if (state != ZOO_CONNECTING_STATE && state != ZOO_ASSOCIATING_STATE)
        loop_timer_stop(&wire->connect);
    else if (!loop_timer_is_set(&wire->connect))
        loop_timer_set(&wire->connect,
                       limit > CONNECT_LEAST_US ? limit : CONNECT_LEAST_US);
}

static void pump(struct zk_wire *wire)
{
    struct timeval tv = { 0, 0 };
    int fd = -1, mask = 0, before, after, rc;

    if (wire->zh == NULL)
        return;
    wire->inside++;
    before = zoo_state(wire->zh);
    rc = zookeeper_interest(wire->zh, &fd, &mask, &tv);
    after = zoo_state(wire->zh);
    if (rc != ZOK || before != ZOO_CONNECTED_STATE || fd != wire->io.fd ||
        after != ZOO_CONNECTED_STATE || !wire->up)
        arm_anew(wire, rc == ZOK ? fd : -1, mask);
    else
        loop_io_want(&wire->io,
                     LOOP_READ | ((mask & ZOOKEEPER_WRITE) ? LOOP_WRITE : 0u));
    arm_connect_limit(wire, after);
    loop_timer_set(&wire->timer,
                   rc != ZOK ? FAILED_PAUSE_US
                             : (int64_t)tv.tv_sec * 1000000 + tv.tv_usec);
    wire->kicked = false;
    tell_state(wire);
    wire->inside--;
    if (wire->drop_wanted && wire->inside == 0)
        drop_now(wire);
    else if (wire->expired)
        loop_timer_stop(&wire->timer);
    else if (wire->kicked)
        zk_wire_kick(wire);
}

/* Process frames until there is nothing left or it has been long enough; the
 * descriptor is level-triggered, so the rest comes back. */
static void process(struct zk_wire *wire, int events)
{
    int64_t start = clock_mono_us();
    int state = 0, rc, n = 0;

    if (wire->zh == NULL)
        return;
    wire->inside++;
    do {
        int before = zoo_state(wire->zh);

        rc = zookeeper_process(wire->zh, events);
        state = zoo_state(wire->zh);
        if (rc == ZOK && (events & ZOOKEEPER_READ))
            wire->heard_us = loop_now_us(wire->loop);
        events = ZOOKEEPER_READ;
        if (before != ZOO_CONNECTED_STATE)
            break;
    } while (rc == ZOK && state == ZOO_CONNECTED_STATE && !wire->drop_wanted &&
             ++n < BURST_FRAMES &&
             ((n & 63) != 0 || clock_mono_us() - start < BURST_US));
    if (state != ZOO_CONNECTED_STATE || (rc != ZOK && rc != ZNOTHING) ||
        !wire->up)
        arm_anew(wire, -1, 0);
    tell_state(wire);
    wire->inside--;
    if (wire->drop_wanted && wire->inside == 0)
        drop_now(wire);
    else if (!wire->expired)
        pump(wire);
}

static void on_ready(struct loop_io *io, unsigned ready)
{
    struct zk_wire *wire = CONTAINER_OF(io, struct zk_wire, io);

    process(wire, ((ready & LOOP_READ) ? ZOOKEEPER_READ : 0) |
                      ((ready & LOOP_WRITE) ? ZOOKEEPER_WRITE : 0));
}

static void on_timer(struct loop_timer *timer)
{
    pump(CONTAINER_OF(timer, struct zk_wire, timer));
}

static void on_connect_limit(struct loop_timer *timer)
{
    struct zk_wire *wire = CONTAINER_OF(timer, struct zk_wire, connect);
    int fd = wire->io.fd;

    if (wire->zh == NULL || wire->up || fd < 0)
        return;
    shutdown(fd, SHUT_RDWR);
    process(wire, ZOOKEEPER_READ | ZOOKEEPER_WRITE);
}

static void on_pump(struct job *job)
{
    struct zk_wire *wire = CONTAINER_OF(job, struct zk_wire, pump);

    wire->pump_posted = false;
    if (!wire->expired)
        pump(wire);
}

void zk_wire_kick(struct zk_wire *wire)
{
    if (wire->inside > 0)
        wire->kicked = true; /* whoever is inside sees to it */
    if (wire->pump_posted || wire->inside > 0 || !wire->open)
        return;
    wire->pump_posted = true;
    loop_post(wire->loop, &wire->pump);
}

/* -- life -------------------------------------------------------------- */

void zk_wire_init(struct zk_wire *wire, const char *hosts, int timeout_ms)
{
    wire->hosts = mem_need_text(bytes_of(hosts));
    wire->timeout_ms = timeout_ms;
    loop_io_init(&wire->io, wire->loop, -1, on_ready);
    loop_timer_init(&wire->timer, wire->loop, on_timer);
    loop_timer_init(&wire->connect, wire->loop, on_connect_limit);
    loop_timer_init(&wire->retry, wire->loop, on_retry);
    wire->pump.run = on_pump;
}

void zk_wire_fini(struct zk_wire *wire)
{
    assert(!wire->open && !wire->dropping && !wire->resolving);
    mem_free(wire->hosts);
    mem_free(wire->servers);
    wire->hosts = NULL;
    wire->servers = NULL;
}

void zk_wire_open(struct zk_wire *wire, const clientid_t *id)
{
    assert(!wire->open && !wire->dropping);
    wire->open = true;
    wire->drop_wanted = false;
    wire->expired = false;
    wire->up = false;
    wire->down_us = loop_now_us(wire->loop);
    wire->heard_us = wire->down_us;
    content(wire);
    memset(&wire->id, 0, sizeof wire->id);
    if (id != NULL)
        wire->id = *id;
    /* Always resolved anew: the old answer may be the reason we are here. */
    if (!wire->resolving) {
        wire->resolve.run = resolve_run;
        resolve_start(wire);
    }
}
