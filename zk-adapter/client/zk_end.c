/* zk_end.c - ending a session of an earlier run.
 *
 * A second handle attaches to it with its id and password. Is it alive, then
 * closing that handle ends it; is it gone, the server says so. The library's
 * closing does not tell whether it reached the server (anything readable ends
 * its wait), so this is repeated until the server says that the session is
 * gone: mostly the second time.
 */
#include <string.h>

#include "base/mem.h"
#include "client/zk_in.h"

struct zk_end {
    struct zk_wire wire;
    struct zk_req *req;
    clientid_t id;
    bool gone; /* the server said so */
};

static void on_up(struct zk_wire *wire)
{
    zk_wire_drop(wire); /* which closes the session */
}

static void on_down(struct zk_wire *wire)
{
    (void)wire; /* the library tries on */
}

static void on_expired(struct zk_wire *wire)
{
    struct zk_end *end = wire->context;

    end->gone = true;
    zk_wire_drop(wire);
}

static void on_dropped(struct zk_wire *wire)
{
    struct zk_end *end = wire->context;
    struct zk_req *req = end->req;
    struct zk *zk = req->zk;
    bool gone = end->gone;
    bool closing = zk->phase == ZK_PHASE_CLOSING;

    if (!gone && !closing) {
        zk_wire_open(wire, &end->id);
        return;
    }
    zk_wire_fini(wire);
    mem_free(end);
    zk_req_finish(req, gone ? ERR_OK : ERR_CLOSED);
    if (closing)
        zk_maybe_closed(zk);
}

static const struct zk_wire_calls calls = { on_up, on_down, on_expired,
                                            on_dropped };

static void on_watch(zhandle_t *zh, int type, int state, const char *path,
                     void *context)
{
    (void)zh;
    (void)type;
    (void)state;
    (void)path;
    (void)context; /* nothing is watched there */
}

void zk_end_session(struct zk *zk, struct zk_op *op, int64_t session,
                    const uint8_t passwd[ZK_PASSWD_LEN])
{
    struct zk_req *req = zk_req_new(zk, op, ZK_REQ_END, "/", BYTES_NULL);
    struct zk_end *end;

    if (session == 0 || zk->phase == ZK_PHASE_CLOSING) {
        zk_req_ready(req, session == 0 ? ERR_INVALID : ERR_CLOSED);
        return;
    }
    end = mem_need(sizeof *end);
    req->end = end;
    end->req = req;
    end->id.client_id = session;
    memcpy(end->id.passwd, passwd, ZK_PASSWD_LEN);
    end->wire.loop = zk->loop;
    end->wire.pool = zk->pool;
    end->wire.calls = &calls;
    end->wire.on_watch = on_watch;
    end->wire.context = end;
    end->wire.purpose = "ending_of_earlier_session";
    zk_wire_init(&end->wire, zk->hosts, zk->timeout_ms);
    list_append(&zk->ends, &req->link);
    zk_wire_open(&end->wire, &end->id);
}

void zk_end_drop_all(struct zk *zk)
{
    LIST_EACH(link, &zk->ends)
        zk_wire_drop(&CONTAINER_OF(link, struct zk_req, link)->end->wire);
}
