/* zk_path.c - creating a path with all its parents.
 *
 * First the whole path is tried: mostly only the last part is missing. When its
 * parent is missing, the parent is tried instead, and so on up; once something
 * exists, the parts below follow one by one.
 */
#include <string.h>

#include "client/zk_in.h"

void zk_make_path(struct zk *zk, struct zk_op *op, const char *path)
{
    struct zk_req *req = zk_req_new(zk, op, ZK_REQ_MAKE_PATH, path, BYTES_NULL);

    req->make_len = strlen(req->path);
    if (req->err == ERR_OK && !zk_path_is_valid(req->path, false))
        req->err = ERR_INVALID;
    if (req->err == ERR_OK && req->make_len <= 1)
        zk_req_ready(req, ERR_OK); /* "/" without a chroot is always there */
    else
        zk_req_start(req);
}

static void send_or_wait(struct zk_req *req)
{
    list_remove(&req->link);
    req->on_way = false;
    if (zk_wire_can_send(&req->zk->wire))
        zk_send(req);
    else
        list_append(&req->zk->again, &req->link);
}

void zk_make_step(struct zk_req *req, int rc)
{
    size_t len = req->make_len;

    if (rc == ZNONODE) {
        do
            len--;
        while (len > 0 && req->path[len] != '/');
        if (len == 0) {
            zk_req_finish(req,
                          ERR_ABSENT); /* the root itself: no server does */
            return;
        }
    } else if (rc == ZOK || rc == ZNODEEXISTS) {
        if (req->path[len] == '\0') {
            zk_req_finish(req, ERR_OK);
            return;
        }
        do
            len++;
        while (req->path[len] != '/' && req->path[len] != '\0');
    } else {
        zk_req_finish(req, zk_err_from_library(rc));
        return;
    }
    req->make_len = len;
    send_or_wait(req);
}
