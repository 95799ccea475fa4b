/* kwatch_op.c - requests about watches: set again, add, check, remove. */
#include "keeper/kop.h"

enum { PATH_SMALLEST = 4 };

static void event_send(struct kreq *req, enum kwatch_event event,
                       struct bytes path)
{
    size_t frame = kframe_begin(req->peer, -1, -1, K_OK);

    wr_i32(&req->peer->out, (int32_t)event);
    wr_i32(&req->peer->out, 3);
    wr_jute(&req->peer->out, path);
    kreply_end(req->core, req->peer, frame);
}

/* What a client that was away hears of, or the watch it gets back. */
static void catch_up(struct kreq *req, unsigned list, int64_t since,
                     struct bytes path)
{
    struct kcore *core = req->core;
    const struct ktree_node *node = ktree_find(&core->tree, path);
    static const unsigned modes[] = { KWATCH_DATA, KWATCH_DATA, KWATCH_CHILD,
                                      KWATCH_PERSISTENT, KWATCH_RECURSIVE };

    if ((list == 0 || list == 2) && node == NULL)
        event_send(req, KWATCH_DELETED, path);
    else if (list == 0 && node->mzxid > since)
        event_send(req, KWATCH_CHANGED, path);
    else if (list == 1 && node != NULL)
        event_send(req, KWATCH_CREATED, path);
    else if (list == 2 && node->pzxid > since)
        event_send(req, KWATCH_CHILDREN, path);
    else
        kwatch_add(&core->watches, &req->peer->watcher, path, modes[list]);
}

/* Walk the lists; with `act` false only to see whether they can be read. */
static bool lists_walk(struct kreq *req, struct rd r, bool act)
{
    int64_t since = rd_i64(&r);
    unsigned lists = req->type == KOP_SET_WATCHES2 ? 5 : 3;

    for (unsigned list = 0; list < lists; list++) {
        int32_t count = rd_i32(&r);

        if (count > 0 && (size_t)count > r.left / PATH_SMALLEST)
            return false;
        for (int32_t i = 0; i < count; i++) {
            struct bytes path = rd_jute(&r, INT32_MAX);

            if (r.err != ERR_OK || bytes_is_null(path))
                return false;
            if (act)
                catch_up(req, list, since, path);
        }
    }
    return r.err == ERR_OK;
}

static void set_watches(struct kreq *req)
{
    if (!lists_walk(req, req->rd, false)) {
        kreply_error(req->core, req->peer, req->xid, 0, K_MARSHALLING);
        return;
    }
    /* The events speak of the tree as it is now, durable or not yet. */
    kpeer_gate(req->core, req->peer, req->core->zxid);
    lists_walk(req, req->rd, true);
    kreply_error(req->core, req->peer, req->xid, req->core->zxid, K_OK);
}

static void add_watch(struct kreq *req, struct bytes path, int32_t mode)
{
    size_t frame;

    if (mode != 0 && mode != 1) {
        kreply_error(req->core, req->peer, req->xid, 0, K_MARSHALLING);
        return;
    }
    if (!bytes_is_null(path)) /* nothing will ever happen to no path */
        kwatch_add(&req->core->watches, &req->peer->watcher, path,
                   mode == 0 ? KWATCH_PERSISTENT : KWATCH_RECURSIVE);
    frame = kreply_begin(req->core, req->peer, req->xid, 0, K_OK);
    wr_i32(&req->peer->out, 0);
    kreply_end(req->core, req->peer, frame);
}

static void check_watch(struct kreq *req, struct bytes path, int32_t type)
{
    static const unsigned modes[] = { 0,
                                      KWATCH_CHILD,
                                      KWATCH_DATA,
                                      KWATCH_CHILD | KWATCH_DATA |
                                          KWATCH_PERSISTENT | KWATCH_RECURSIVE,
                                      KWATCH_PERSISTENT,
                                      KWATCH_RECURSIVE };
    enum kcode code = K_OK;

    if (type < 1 || type > 5)
        code = K_MARSHALLING;
    else if ((kwatch_modes(&req->core->watches, &req->peer->watcher, path) &
              modes[type]) == 0)
        code = K_NO_WATCHER;
    else if (req->type == KOP_REMOVE_WATCHES)
        kwatch_remove(&req->core->watches, &req->peer->watcher, path,
                      modes[type]);
    kreply_error(req->core, req->peer, req->xid, 0, code);
}

void kwatch_handle(struct kreq *req)
{
    struct bytes path;
    int32_t number;

    if (req->type == KOP_SET_WATCHES || req->type == KOP_SET_WATCHES2) {
        set_watches(req);
        return;
    }
    path = rd_jute(&req->rd, INT32_MAX);
    number = rd_i32(&req->rd);
    if (req->rd.err != ERR_OK)
        kreply_error(req->core, req->peer, req->xid, 0, K_MARSHALLING);
    else if (req->type == KOP_ADD_WATCH)
        add_watch(req, path, number);
    else
        check_watch(req, path, number);
}
