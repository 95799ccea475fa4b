/* zk_op.c - the verbs. */
#include "client/zk_in.h"

static void start_with_path(struct zk_req *req, bool sequential)
{
    if (req->err == ERR_OK && !zk_path_is_valid(req->path, sequential))
        req->err = ERR_INVALID;
    zk_req_start(req);
}

void zk_create(struct zk *zk, struct zk_op *op, const char *path,
               struct bytes data, enum zk_create_mode mode)
{
    struct zk_req *req = zk_req_new(zk, op, ZK_REQ_CREATE, path, data);

    req->mode = (int)mode; /* our bits are the protocol's */
    start_with_path(req, (mode & ZK_SEQUENTIAL) != 0);
}

void zk_delete(struct zk *zk, struct zk_op *op, const char *path,
               int32_t version)
{
    struct zk_req *req = zk_req_new(zk, op, ZK_REQ_DELETE, path, BYTES_NULL);

    req->version = version;
    start_with_path(req, false);
}

void zk_set(struct zk *zk, struct zk_op *op, const char *path,
            struct bytes data, int32_t version)
{
    struct zk_req *req = zk_req_new(zk, op, ZK_REQ_SET, path, data);

    req->version = version;
    start_with_path(req, false);
}

static void start_read(struct zk *zk, struct zk_op *op, enum zk_kind kind,
                       const char *path, struct zk_watch *watch)
{
    struct zk_req *req = zk_req_new(zk, op, kind, path, BYTES_NULL);

    if (watch != NULL)
        zk_watch_take(req, watch);
    start_with_path(req, false);
}

void zk_get(struct zk *zk, struct zk_op *op, const char *path,
            struct zk_watch *watch)
{
    start_read(zk, op, ZK_REQ_GET, path, watch);
}

void zk_exists(struct zk *zk, struct zk_op *op, const char *path,
               struct zk_watch *watch)
{
    start_read(zk, op, ZK_REQ_EXISTS, path, watch);
}

void zk_children(struct zk *zk, struct zk_op *op, const char *path,
                 struct zk_watch *watch)
{
    start_read(zk, op, ZK_REQ_CHILDREN, path, watch);
}
