/* kmulti.c - many changes or none; many reads in one step. */
#include <assert.h>

#include "keeper/kop.h"

enum { OP_SMALLEST = 9 + 8 }; /* header, empty path, an int */

struct multi {
    struct kop *ops;
    struct kchange *changes;
    size_t n;
    bool no_zxid; /* unreadable in the way that uses up no zxid */
};

static bool header_read(struct rd *r, int32_t *type)
{
    bool done;

    *type = rd_i32(r);
    done = rd_bool(r);
    (void)rd_i32(r);
    return r->err == ERR_OK && !done;
}

static void header_write(struct wr *w, int32_t type, bool done, int32_t err)
{
    wr_i32(w, type);
    wr_bool(w, done);
    wr_i32(w, err);
}

static bool is_change(int32_t type)
{
    return type == KOP_CREATE || type == KOP_CREATE2 ||
           type == KOP_CREATE_CONTAINER || type == KOP_CREATE_TTL ||
           type == KOP_DELETE || type == KOP_SET_DATA || type == KOP_CHECK;
}

/* Inside a multi the flags have a say in what kind of create it is: 4 always
 * means a container, and createTTL without a TTL mode is a plain create. Flags
 * nobody knows, or a TTL mode without a ttl, spoil the whole request. */
static bool create_settle(struct kop *op)
{
    bool known = op->flags >= 0 && op->flags <= 6;

    if (op->type == KOP_CREATE_TTL) {
        if (known && op->flags >= 5)
            return true;
        op->type = op->flags == 4 ? KOP_CREATE_CONTAINER : KOP_CREATE;
        op->ttl = -1;
        return true;
    }
    if (!known || op->flags >= 5)
        return false;
    if (op->flags == 4)
        op->type = KOP_CREATE_CONTAINER;
    return true;
}

/* The whole request is read before anything is done: what can not be read, or
 * has create flags nobody knows, fails as one. */
static enum kcode multi_read(struct kreq *req, struct multi *multi)
{
    struct arena *arena = &req->core->arena;
    size_t most = req->rd.left / OP_SMALLEST;
    bool null_path = false; /* one spoils the whole, once all is read */
    int32_t type;

    *multi = (struct multi){ .n = 0 };
    multi->ops = arena_array(arena, most, sizeof *multi->ops);
    multi->changes = arena_array(arena, most, sizeof *multi->changes);
    if (multi->ops == NULL || multi->changes == NULL)
        return K_MARSHALLING;
    while (header_read(&req->rd, &type)) {
        if (!is_change(type) || multi->n == most)
            return K_MARSHALLING;
        struct kop *op = &multi->ops[multi->n++];
        if (kop_read(&req->rd, type, arena, op) != K_OK)
            return K_MARSHALLING;
        null_path = null_path || bytes_is_null(op->path);
        if (type == KOP_DELETE || type == KOP_SET_DATA || type == KOP_CHECK)
            continue;
        if (type != KOP_CREATE_TTL && op->flags >= 0 && op->flags <= 6 &&
            op->acl.is_null) {
            multi->no_zxid = true;
            return K_MARSHALLING;
        }
        if (!create_settle(op))
            return K_MARSHALLING;
    }
    return req->rd.err == ERR_OK && !null_path ? K_OK : K_MARSHALLING;
}

/* One sub-record: its type, the length of its body, its body. */
static enum kcode multi_apply_one(const struct kact *act, struct kop *op,
                                  struct kchange *change)
{
    struct wr *log = &act->core->log;
    size_t at = log->len;
    enum kcode code = kop_check_flags(act->core, op);

    wr_i32(log, 0);
    wr_i32(log, 0);
    if (code == K_OK)
        code = kop_apply(act, op, change);
    if (code == K_OK && log->err == ERR_OK) {
        wr_patch_i32(log, at, change->log_type);
        wr_patch_i32(log, at + 4, (int32_t)(log->len - at - 8));
    }
    return code;
}

static enum kcode code_of(size_t i, size_t failed, enum kcode code)
{
    return i < failed ? K_OK : i == failed ? code : K_RUNTIME_INCONSISTENCY;
}

static void multi_log_failed(struct kreq *req, const struct multi *multi,
                             size_t failed, enum kcode code)
{
    struct kcore *core = req->core;
    size_t record =
        krecord_begin(core, req->peer->session_id, req->xid, KOP_MULTI);

    wr_i32(&core->log, (int32_t)multi->n);
    for (size_t i = 0; i < multi->n; i++) {
        wr_i32(&core->log, KOP_ERROR);
        wr_i32(&core->log, 4);
        wr_i32(&core->log, code_of(i, failed, code));
    }
    krecord_end(core, record);
}

static void reply_failed(struct kreq *req, const struct multi *multi,
                         size_t failed, enum kcode code)
{
    struct wr *out = &req->peer->out;
    size_t frame =
        kreply_begin(req->core, req->peer, req->xid, req->core->zxid, K_OK);

    for (size_t i = 0; i < multi->n; i++) {
        header_write(out, -1, false, code_of(i, failed, code));
        wr_i32(out, code_of(i, failed, code));
    }
    header_write(out, -1, true, -1);
    kreply_end(req->core, req->peer, frame);
}

/* The Stat of a result is that right after its own op; later ops of the same
 * multi may change the node, so results are encoded while applying. */
static void result_write(struct wr *w, const struct kop *op,
                         const struct kchange *change)
{
    switch (op->type) {
    case KOP_CREATE:
    case KOP_CREATE2:
    case KOP_CREATE_CONTAINER:
    case KOP_CREATE_TTL:
        if (op->type == KOP_CREATE) {
            header_write(w, KOP_CREATE, false, 0);
            wr_jute(w, change->path);
        } else {
            header_write(w, KOP_CREATE2, false, 0);
            wr_jute(w, change->path);
            kstat_write(w, change->node);
        }
        break;
    case KOP_SET_DATA:
        header_write(w, KOP_SET_DATA, false, 0);
        kstat_write(w, change->node);
        break;
    default:
        header_write(w, op->type, false, 0);
        break;
    }
}

static void multi_done(struct kreq *req, const struct multi *multi,
                       const struct wr *results)
{
    struct kcore *core = req->core;
    size_t frame;

    for (size_t i = 0; i < multi->n; i++)
        kchange_tell(core, &multi->changes[i], core->zxid);
    frame = kreply_begin(core, req->peer, req->xid, core->zxid, K_OK);
    wr_raw(&req->peer->out, results->data, results->len);
    header_write(&req->peer->out, -1, true, -1);
    kreply_end(core, req->peer, frame);
    for (size_t i = 0; i < multi->n; i++)
        kchange_done(core, &multi->changes[i]);
}

static void reply_unreadable(struct kreq *req)
{
    struct kcore *core = req->core;
    size_t record =
        krecord_begin(core, req->peer->session_id, req->xid, KOP_ERROR);

    wr_i32(&core->log, K_MARSHALLING);
    krecord_end(core, record);
    kreply_error(core, req->peer, req->xid, core->zxid, K_MARSHALLING);
}

static void multi_run(struct kreq *req, const struct multi *multi,
                      struct wr *results)
{
    struct kcore *core = req->core;
    struct kact act = { .core = core,
                        .ids = &req->peer->ids,
                        .session = req->peer->session_id,
                        .zxid = core->zxid + 1,
                        .time = core->wall_ms,
                        .multi = true };
    size_t record = krecord_begin(core, act.session, req->xid, KOP_MULTI);
    enum kcode code = K_OK;
    size_t done = 0;

    wr_i32(&core->log, (int32_t)multi->n);
    while (done < multi->n) {
        code = multi_apply_one(&act, &multi->ops[done], &multi->changes[done]);
        if (code != K_OK)
            break;
        result_write(results, &multi->ops[done], &multi->changes[done]);
        done++;
    }
    if (code == K_OK) {
        krecord_end(core, record);
        multi_done(req, multi, results);
        return;
    }
    for (size_t i = done; i > 0; i--)
        kchange_undo(core, &multi->changes[i - 1]);
    krecord_cut(core, record);
    multi_log_failed(req, multi, done, code);
    reply_failed(req, multi, done, code);
}

void kmulti_handle(struct kreq *req)
{
    struct kcore *core = req->core;
    struct multi multi;
    struct wr results;

    if (core->refuse_writes) {
        kreply_error(core, req->peer, req->xid, 0, K_SYSTEM_ERROR);
        return;
    }
    if (multi_read(req, &multi) == K_OK) {
        wr_init(&results, K_OUT_MOST);
        multi_run(req, &multi, &results);
        wr_fini(&results);
    } else if (multi.no_zxid) {
        kreply_error(core, req->peer, req->xid, core->zxid, K_MARSHALLING);
    } else {
        reply_unreadable(req);
    }
}
