/* zk_req.c - the life of a request; see the picture in zk_in.h. */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "client/zk_in.h"

void zk_run_soon(struct zk *zk)
{
    if (zk->run_posted)
        return;
    zk->run_posted = true;
    loop_post(zk->loop, &zk->run);
}

/* A request with copies of path and data; its outcome is known already when the
 * path is no good. */
struct zk_req *zk_req_new(struct zk *zk, struct zk_op *op, enum zk_kind kind,
                          const char *path, struct bytes data)
{
    size_t path_len = strlen(path);
    struct zk_req *req;

    assert(op->private_ == NULL && op->on_done != NULL);
    if (path_len == 1 && path[0] == '/' && zk->chroot_len > 0)
        path_len = 0; /* the root of a chroot is the chroot */
    req = mem_need(sizeof *req + zk->chroot_len + path_len + 1 + data.len);
    list_init(&req->link);
    req->zk = zk;
    req->op = op;
    req->kind = kind;
    req->path = (char *)(req + 1);
    memcpy(req->path, zk->chroot, zk->chroot_len);
    memcpy(req->path + zk->chroot_len, path, path_len);
    req->data = (uint8_t *)req->path + zk->chroot_len + path_len + 1;
    req->data_len = bytes_is_null(data) ? -1 : (int)data.len;
    if (data.len > 0)
        memcpy(req->data, data.at, data.len);
    op->private_ = req;
    op->retried = false;
    op->err = ERR_OK;
    op->data = BYTES_NULL;
    op->path = BYTES_NULL;
    op->children = NULL;
    op->n_children = 0;
    op->failed_part = 0;
    memset(&op->stat, 0, sizeof op->stat);
    if (path[0] != '/')
        req->err = ERR_INVALID;
    return req;
}

void zk_req_free(struct zk_req *req)
{
    if (req->multi != NULL)
        zk_multi_free(req->multi);
    mem_free(req);
}

void zk_req_ready(struct zk_req *req, enum err err)
{
    list_remove(&req->link);
    req->on_way = false;
    req->err = err;
    list_append(&req->zk->ready, &req->link);
    zk_run_soon(req->zk);
}

void zk_req_start(struct zk_req *req)
{
    struct zk *zk = req->zk;

    if (zk->phase == ZK_PHASE_CLOSING)
        zk_req_ready(req, ERR_CLOSED);
    else if (req->err != ERR_OK)
        zk_req_ready(req, req->err);
    else if (zk->phase == ZK_PHASE_EXPIRED)
        zk_req_ready(req, ERR_EXPIRED);
    else if (!zk_wire_can_send(&zk->wire) || !list_is_empty(&zk->again) ||
             !list_is_empty(&zk->waiting))
        list_append(&zk->waiting, &req->link);
    else
        zk_send(req);
}

void zk_req_finish(struct zk_req *req, enum err err)
{
    struct zk_op *op = req->op;

    list_remove(&req->link);
    req->on_way = false;
    zk_watch_done(req, err == ERR_OK ||
                           (err == ERR_ABSENT && req->kind == ZK_REQ_EXISTS));
    if (op != NULL) {
        op->private_ = NULL;
        op->retried = req->tries > 1;
        op->err = err;
        op->on_done(op);
    }
    zk_req_free(req);
}

void zk_req_finish_all(struct list *reqs, enum err err)
{
    while (!list_is_empty(reqs)) {
        struct zk_req *req = CONTAINER_OF(reqs->next, struct zk_req, link);

        zk_req_finish(req, req->err != ERR_OK ? req->err : err);
    }
}

void zk_op_cancel(struct zk_op *op)
{
    struct zk_req *req = op->private_;

    if (req == NULL)
        return;
    op->private_ = NULL;
    req->op = NULL;
    zk_watch_done(req, false);
    if (!req->on_way && req->kind != ZK_REQ_END) {
        list_remove(&req->link);
        zk_req_free(req);
    }
}
