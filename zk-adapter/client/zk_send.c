/* zk_send.c - requests to the library, and its completions back.
 *
 * The border to the library's codes and types. A completion comes from within
 * process (the loop's thread), or, for orphans, from within zookeeper_close()
 * on a pool thread; there nothing but the request itself is touched.
 */
#include <string.h>

#include "base/mem.h"
#include "client/zk_in.h"

/* A server drops a connection whose request is above its jute.maxbuffer:
 * sending that again for ever would keep the session down. */
enum { TRIES_MAX = 10 };

enum err zk_err_from_library(int rc)
{
    switch (rc) {
    case ZOK:
        return ERR_OK;
    case ZNONODE:
        return ERR_ABSENT;
    case ZNODEEXISTS:
        return ERR_EXISTS;
    case ZBADVERSION:
        return ERR_CONFLICT;
    case ZNOTEMPTY:
        return ERR_NOT_EMPTY;
    case ZNOAUTH:
        return ERR_DENIED;
    case ZSESSIONEXPIRED:
        return ERR_EXPIRED;
    case ZCONNECTIONLOSS:
    case ZOPERATIONTIMEOUT:
    case ZINVALIDSTATE:
        return ERR_LOST;
    case ZMARSHALLINGERROR:
        return ERR_NOMEM;
    case ZSYSTEMERROR: /* the service refuses: its disk is full, say */
        return ERR_IO;
    default:
        return ERR_INVALID;
    }
}

void zk_stat_from_library(struct zk_stat *to, const struct Stat *from)
{
    to->czxid = from->czxid;
    to->mzxid = from->mzxid;
    to->pzxid = from->pzxid;
    to->ctime_ms = from->ctime;
    to->mtime_ms = from->mtime;
    to->version = from->version;
    to->cversion = from->cversion;
    to->aversion = from->aversion;
    to->ephemeral_owner = from->ephemeralOwner;
    to->data_len = from->dataLength;
    to->n_children = from->numChildren;
}

/* ZooKeeper's rules for paths. The library crashes on an invalid path inside a
 * multi, so they are checked here. */
bool zk_path_is_valid(const char *path, bool sequential)
{
    size_t part = 1; /* where the current part starts */
    size_t len = strlen(path);

    if (path[0] != '/')
        return false;
    if (len == 1)
        return true;
    for (size_t i = 1; i <= len; i++) {
        unsigned char c = (unsigned char)path[i];
        size_t n = i - part;

        if (c != '/' && c != '\0') {
            if (c < 0x20 || c == 0x7f)
                return false;
            continue;
        }
        if (c == '\0' && sequential)
            return true; /* the number completes the part */
        if (n == 0 || (n == 1 && path[part] == '.') ||
            (n == 2 && path[part] == '.' && path[part + 1] == '.'))
            return false;
        part = i + 1;
    }
    return true;
}

/* -- back -------------------------------------------------------------- */

static bool may_repeat(const struct zk_req *req)
{
    return req->kind <= ZK_REQ_CHILDREN || req->kind == ZK_REQ_MAKE_PATH ||
           (req->op != NULL && req->op->retry && req->tries < TRIES_MAX);
}

static bool was_lost(const struct zk *zk, int rc)
{
    if (rc == ZOK)
        return false;
    return rc == ZCONNECTIONLOSS || rc == ZOPERATIONTIMEOUT ||
           rc == ZSESSIONMOVED || rc == ZSESSIONEXPIRED ||
           (rc > ZAPIERROR && zoo_state(zk->wire.zh) != ZOO_CONNECTED_STATE);
}

bool zk_req_answered(struct zk_req *req, int rc)
{
    struct zk *zk = req->zk;

    if (zk == NULL) {
        zk_req_free(req); /* an orphan, perhaps on a pool thread */
        return false;
    }
    if (was_lost(zk, rc)) {
        list_remove(&req->link);
        req->on_way = false;
        if (req->op == NULL)
            zk_req_free(req);
        else
            list_append(may_repeat(req) ? &zk->again : &zk->lost, &req->link);
        zk_run_soon(zk);
        return false;
    }
    if (req->op == NULL) {
        list_remove(&req->link);
        zk_req_free(req);
        if (zk->phase == ZK_PHASE_CLOSING && list_is_empty(&zk->in_flight))
            zk_run_soon(zk);
        return false;
    }
    return true;
}

static void on_stat(int rc, const struct Stat *stat, const void *data)
{
    struct zk_req *req = (struct zk_req *)(uintptr_t)data;

    if (!zk_req_answered(req, rc))
        return;
    if (rc == ZOK && stat != NULL)
        zk_stat_from_library(&req->op->stat, stat);
    zk_req_finish(req, zk_err_from_library(rc));
}

static void on_data(int rc, const char *value, int len, const struct Stat *stat,
                    const void *data)
{
    struct zk_req *req = (struct zk_req *)(uintptr_t)data;

    if (!zk_req_answered(req, rc))
        return;
    if (rc == ZOK) {
        if (len >= 0) /* empty has a pointer, null has none */
            req->op->data = bytes_make(value ? value : "", (size_t)len);
        if (stat != NULL)
            zk_stat_from_library(&req->op->stat, stat);
    }
    zk_req_finish(req, zk_err_from_library(rc));
}

static void on_children(int rc, const struct String_vector *names,
                        const struct Stat *stat, const void *data)
{
    struct zk_req *req = (struct zk_req *)(uintptr_t)data;
    struct bytes *list = NULL;
    enum err err = zk_err_from_library(rc);

    if (!zk_req_answered(req, rc))
        return;
    if (rc == ZOK && names != NULL && names->count > 0) {
        size_t n = (size_t)names->count;

        list = mem_try_more(NULL, n, sizeof *list);
        if (list == NULL)
            err = ERR_NOMEM;
        for (size_t i = 0; list != NULL && i < n; i++)
            list[i] = bytes_of(names->data[i]);
        req->op->n_children = list ? n : 0;
    }
    req->op->children = list;
    if (rc == ZOK && stat != NULL)
        zk_stat_from_library(&req->op->stat, stat);
    zk_req_finish(req, err);
    mem_free(list);
}

static void on_string(int rc, const char *value, const void *data)
{
    struct zk_req *req = (struct zk_req *)(uintptr_t)data;

    if (!zk_req_answered(req, rc))
        return;
    if (req->kind == ZK_REQ_MAKE_PATH) {
        zk_make_step(req, rc);
        return;
    }
    if (rc == ZOK && value != NULL && strlen(value) >= req->zk->chroot_len)
        req->op->path = bytes_of(value + req->zk->chroot_len);
    zk_req_finish(req, zk_err_from_library(rc));
}

static void on_void(int rc, const void *data)
{
    struct zk_req *req = (struct zk_req *)(uintptr_t)data;

    if (zk_req_answered(req, rc))
        zk_req_finish(req, zk_err_from_library(rc));
}

/* -- to the library ---------------------------------------------------- */

static int send_one(struct zk_req *req)
{
    struct zk *zk = req->zk;
    zhandle_t *zh = zk->wire.zh;
    watcher_fn watcher = NULL;
    const char *data = (const char *)req->data;
    char cut;
    int rc;

    if (req->watch != NULL)
        watcher = zk_watch_event;
    switch (req->kind) {
    case ZK_REQ_GET:
        return zoo_awget(zh, req->path, watcher, zk, on_data, req);
    case ZK_REQ_EXISTS:
        return zoo_awexists(zh, req->path, watcher, zk, on_stat, req);
    case ZK_REQ_CHILDREN:
        return zoo_awget_children2(zh, req->path, watcher, zk, on_children,
                                   req);
    case ZK_REQ_CREATE:
        return zoo_acreate(zh, req->path, data, req->data_len,
                           &ZOO_OPEN_ACL_UNSAFE, req->mode, on_string, req);
    case ZK_REQ_MAKE_PATH:
        cut = req->path[req->make_len];
        req->path[req->make_len] = '\0';
        rc = zoo_acreate(zh, req->path, NULL, -1, &ZOO_OPEN_ACL_UNSAFE, 0,
                         on_string, req);
        req->path[req->make_len] = cut;
        return rc;
    case ZK_REQ_DELETE:
        return zoo_adelete(zh, req->path, req->version, on_void, req);
    case ZK_REQ_SET:
        return zoo_aset(zh, req->path, data, req->data_len, req->version,
                        on_stat, req);
    case ZK_REQ_MULTI:
        return zk_multi_send(req);
    case ZK_REQ_END:
        break;
    }
    return ZSYSTEMERROR;
}

/* Hand a request to the library; what it refuses is told from the loop. */
void zk_send(struct zk_req *req)
{
    struct zk *zk = req->zk;
    int rc;

    list_remove(&req->link);
    list_append(&zk->in_flight, &req->link);
    req->on_way = true;
    req->tries++;
    rc = send_one(req);
    if (rc != ZOK)
        zk_req_ready(req, zk_err_from_library(rc));
    zk_wire_kick(&zk->wire);
}
