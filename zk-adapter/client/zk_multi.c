/* zk_multi.c - transactions.
 *
 * The library wants arrays of operations and results that live until the
 * completion, which may come after the caller's have gone (cancelled, closed):
 * so they, and copies of paths and data, are in one block of the request's own.
 */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "client/zk_in.h"

struct multi_part {
    enum zk_part_kind kind;
    const char *path; /* full, in the block */
    const char *data;
    int data_len; /* -1: null */
    int mode;
    int32_t version;
    struct Stat stat;
};

struct zk_multi {
    struct zk_part *parts; /* the caller's; valid while req->op is */
    size_t n;
    struct multi_part *own;
    zoo_op_t *ops;
    zoo_op_result_t *results;
    char *text; /* paths and data */
};

void zk_multi_free(struct zk_multi *multi)
{
    mem_free(multi->own);
    mem_free(multi->ops);
    mem_free(multi->results);
    mem_free(multi->text);
    mem_free(multi);
}

static char *put(char *at, const void *from, size_t n)
{
    if (n > 0)
        memcpy(at, from, n);
    return at + n;
}

static void copy_parts(struct zk_multi *m, const struct zk *zk)
{
    size_t total = 1;
    char *at;

    for (size_t i = 0; i < m->n; i++)
        total += zk->chroot_len + strlen(m->parts[i].path) + 1 +
                 m->parts[i].data.len;
    m->text = mem_need(total);
    at = m->text;
    for (size_t i = 0; i < m->n; i++) {
        const struct zk_part *part = &m->parts[i];
        struct multi_part *own = &m->own[i];

        own->kind = part->kind;
        own->mode = (int)part->mode;
        own->version = part->version;
        own->path = at;
        at = put(at, zk->chroot, zk->chroot_len);
        at = put(at, part->path, strlen(part->path) + 1);
        own->data = at;
        own->data_len = bytes_is_null(part->data) ? -1 : (int)part->data.len;
        at = put(at, part->data.at, part->data.len);
    }
}

void zk_multi(struct zk *zk, struct zk_op *op, struct zk_part *parts,
              size_t n_parts)
{
    struct zk_req *req = zk_req_new(zk, op, ZK_REQ_MULTI, "/", BYTES_NULL);
    struct zk_multi *m = mem_need(sizeof *m);

    req->multi = m;
    m->parts = parts;
    m->n = n_parts;
    if (n_parts == 0) {
        zk_req_ready(req, ERR_INVALID);
        return;
    }
    m->own = mem_need_array(n_parts, sizeof *m->own);
    m->ops = mem_need_array(n_parts, sizeof *m->ops);
    m->results = mem_need_array(n_parts, sizeof *m->results);
    copy_parts(m, zk);
    for (size_t i = 0; i < n_parts && req->err == ERR_OK; i++) {
        bool sequential = parts[i].kind == ZK_PART_CREATE &&
                          (parts[i].mode & ZK_SEQUENTIAL) != 0;

        parts[i].err = ERR_OK;
        if (parts[i].path[0] != '/' ||
            !zk_path_is_valid(m->own[i].path, sequential)) {
            req->err = ERR_INVALID;
            op->failed_part = i;
        }
    }
    zk_req_start(req);
}

/* The server answers, for each part of a failed multi: 0 before the one that
 * failed, its error, and "rolled back" after it. */
static void on_multi(int rc, const void *data)
{
    struct zk_req *req = (struct zk_req *)(uintptr_t)data;
    struct zk_multi *m = req->multi;
    bool failed = rc != ZOK;

    if (!zk_req_answered(req, rc))
        return;
    for (size_t i = 0; i < m->n; i++) {
        struct zk_part *part = &m->parts[i];
        int code = m->results[i].err;

        part->err = zk_err_from_library(code);
        if (failed && (code == ZOK || code == ZRUNTIMEINCONSISTENCY))
            part->err = ERR_CLOSED;
        else if (failed && req->op->err == ERR_OK) {
            req->op->err = part->err; /* marks that the index is set */
            req->op->failed_part = i;
        }
        if (!failed && part->kind == ZK_PART_SET)
            zk_stat_from_library(&part->stat, &m->own[i].stat);
    }
    zk_req_finish(req, zk_err_from_library(rc));
}

int zk_multi_send(struct zk_req *req)
{
    struct zk_multi *m = req->multi;

    for (size_t i = 0; i < m->n; i++) {
        struct multi_part *own = &m->own[i];
        zoo_op_t *op = &m->ops[i];

        memset(&m->results[i], 0, sizeof m->results[i]);
        switch (own->kind) {
        case ZK_PART_CREATE:
            zoo_create_op_init(op, own->path, own->data, own->data_len,
                               &ZOO_OPEN_ACL_UNSAFE, own->mode, NULL, 0);
            break;
        case ZK_PART_DELETE:
            zoo_delete_op_init(op, own->path, own->version);
            break;
        case ZK_PART_SET:
            zoo_set_op_init(op, own->path, own->data, own->data_len,
                            own->version, &own->stat);
            break;
        case ZK_PART_CHECK:
            zoo_check_op_init(op, own->path, own->version);
            break;
        }
    }
    return zoo_amulti(req->zk->wire.zh, (int)m->n, m->ops, m->results, on_multi,
                      req);
}
