/* kwrite.c - single changes, and the ends of sessions.
 *
 * A request that fails its checks uses up a zxid too and is logged as an error
 * record, as ZooKeeper does, so that zxids of replies agree. */
#include <assert.h>

#include "keeper/kop.h"

static const struct kids nobody = { .is_super = true };

static void reply_write(struct kreq *req, const struct kop *op,
                        const struct kchange *change)
{
    struct wr *out = &req->peer->out;
    size_t frame =
        kreply_begin(req->core, req->peer, req->xid, req->core->zxid, K_OK);

    switch (op->type) {
    case KOP_CREATE:
        wr_jute(out, change->path);
        break;
    case KOP_CREATE2:
    case KOP_CREATE_CONTAINER:
    case KOP_CREATE_TTL:
        wr_jute(out, change->path);
        kstat_write(out, change->node);
        break;
    case KOP_SET_DATA:
    case KOP_SET_ACL:
        kstat_write(out, change->node);
        break;
    default:
        break;
    }
    kreply_end(req->core, req->peer, frame);
}

static void log_error(struct kcore *core, int64_t session, int32_t cxid,
                      enum kcode code)
{
    size_t record = krecord_begin(core, session, cxid, KOP_ERROR);

    wr_i32(&core->log, code);
    krecord_end(core, record);
}

/* Apply one change under a record of its own; on success it is told and done.
 * The record's type is known only afterwards, so it is patched. */
static enum kcode apply_logged(struct kcore *core, const struct kact *act,
                               int32_t cxid, struct kop *op,
                               struct kchange *change)
{
    size_t record = krecord_begin(core, act->session, cxid, op->type);
    enum kcode code = kop_apply(act, op, change);

    if (code != K_OK) {
        krecord_cut(core, record);
        log_error(core, act->session, cxid, code);
        return code;
    }
    if (core->log.err == ERR_OK)
        wr_patch_i32(&core->log, record + 12 + 28, change->log_type);
    krecord_end(core, record);
    kchange_tell(core, change, act->zxid);
    return K_OK;
}

static void session_close(struct kreq *req)
{
    struct kcore *core = req->core;
    struct kpeer *peer = req->peer;
    struct ksession *session = peer->session;

    /* Its own watches hear of its ephemerals before the answer. */
    ksession_end(core, session, req->xid);
    peer->session = NULL;
    kreply_error(core, peer, req->xid, core->zxid, K_OK);
    kpeer_end(core, peer, KPEER_LAST);
}

static void change_handle(struct kreq *req)
{
    struct kcore *core = req->core;
    struct kact act = { .core = core,
                        .ids = &req->peer->ids,
                        .session = req->peer->session_id,
                        .zxid = core->zxid + 1,
                        .time = core->wall_ms };
    struct kop op;
    struct kchange change;
    enum kcode code = kop_read(&req->rd, req->type, &core->arena, &op);

    if (req->rd.err != ERR_OK) {
        /* Unreadable: no zxid is used up, and nothing is logged. */
        kreply_error(core, req->peer, req->xid, core->zxid, code);
        return;
    }
    if (code == K_OK)
        code = kop_check_flags(core, &op);
    if (code != K_OK)
        log_error(core, act.session, req->xid, code);
    else
        code = apply_logged(core, &act, req->xid, &op, &change);
    if (code != K_OK) {
        kreply_error(core, req->peer, req->xid, core->zxid, code);
        return;
    }
    reply_write(req, &op, &change);
    kchange_done(core, &change);
}

/* A single server has nothing to reconfigure; the refusal uses up a zxid. */
static void reconfig_refuse(struct kreq *req)
{
    struct kcore *core = req->core;
    enum kcode code =
        core->config->reconfig ? K_UNIMPLEMENTED : K_RECONFIG_DISABLED;

    for (int i = 0; i < 3; i++)
        (void)rd_jute(&req->rd, INT32_MAX);
    (void)rd_i64(&req->rd);
    if (req->rd.err != ERR_OK)
        code = K_MARSHALLING;
    else
        log_error(core, req->peer->session_id, req->xid, code);
    kreply_error(core, req->peer, req->xid, core->zxid, code);
}

void kwrite_handle(struct kreq *req)
{
    if (req->core->refuse_writes)
        kreply_error(req->core, req->peer, req->xid, 0, K_SYSTEM_ERROR);
    else if (req->type == KOP_CLOSE_SESSION)
        session_close(req);
    else if (req->type == KOP_RECONFIG)
        reconfig_refuse(req);
    else
        change_handle(req);
}

/* -- ends of sessions ------------------------------------------------------ */

static struct bytes node_path(struct kcore *core, const struct ktree_node *node)
{
    size_t len = ktree_path_len(node);
    uint8_t *path = mem_need(len);

    (void)core;
    ktree_path(node, path, len);
    return bytes_make(path, len);
}

/* Two places among the nodes of an owner, ahead of the one at work: `far`,
 * whose node is fetched, and `near`, which is there by now and names its place
 * in the table. While a session's nodes go, everybody waits, and mostly for
 * memory. */
struct ending {
    const struct ktree *tree;
    const struct list *end;
    struct list *far;
    struct list *near;
};

enum { PATH_USUAL = 256, ROOM_MOST = 16 << 20 };
enum { ENDING_FAR = 8, ENDING_NEAR = 4, ENDING_BYTES = 192, CACHE_LINE = 64 };

static void ending_step(struct ending *ending, bool near)
{
    if (ending->far != ending->end) {
        ending->far = ending->far->next;
        for (size_t i = 0; i < ENDING_BYTES; i += CACHE_LINE)
            __builtin_prefetch((const uint8_t *)ending->far + i, 1);
    }
    if (near && ending->near != ending->end) {
        ktree_expect_end(
            ending->tree,
            &CONTAINER_OF(ending->near, struct ktree_owned, link)->node);
        ending->near = ending->near->next;
    }
}

static void ending_start(struct ending *ending, const struct kcore *core,
                         struct ktree_owner *owner)
{
    *ending = (struct ending){ .tree = &core->tree,
                               .end = &owner->nodes,
                               .far = owner->nodes.next,
                               .near = owner->nodes.next };
    for (int i = 0; i < ENDING_FAR; i++)
        ending_step(ending, i < ENDING_NEAR);
}

static void end_node(struct kcore *core, struct ktree_node *node, int64_t zxid)
{
    struct kchange change = { .type = KOP_DELETE, .node = node };
    size_t len = ktree_path_len(node);
    uint8_t small[PATH_USUAL];
    uint8_t *path = len <= sizeof small ? small : mem_need(len);

    ktree_path(node, path, len);
    change.path = bytes_make(path, len);
    change.bytes_diff = -(int64_t)node->data_len;
    node->parent->pzxid = zxid;
    ktree_detach(&core->tree, node);
    kchange_tell(core, &change, zxid);
    kchange_done(core, &change);
    if (path != small)
        mem_free(path);
}

/* Room for about all paths at once, judged by the first: a buffer that grows
 * step by step is copied, and touches new memory, again and again. */
static void log_room(struct wr *log, const struct ktree_owner *owner)
{
    const struct ktree_node *first =
        &CONTAINER_OF(owner->nodes.next, struct ktree_owned, link)->node;
    size_t each = sizeof(int32_t) + ktree_path_len(first);
    size_t need = owner->n < ROOM_MOST / each ? owner->n * each : ROOM_MOST;
    size_t len = log->len;

    if (need <= log->limit - len && wr_room(log, need) != NULL)
        log->len = len;
}

static void log_close(struct kcore *core, struct ktree_owner *owner, int64_t id,
                      int32_t cxid)
{
    size_t record = krecord_begin(core, id, cxid, KOP_CLOSE_SESSION);
    struct wr *log = &core->log;
    struct ending ending;

    if (owner != NULL) {
        log_room(log, owner);
        ending_start(&ending, core, owner);
    }
    wr_i32(log, owner ? (int32_t)owner->n : 0);
    for (struct list *l = owner ? owner->nodes.next : NULL;
         l != NULL && l != &owner->nodes; l = l->next) {
        struct ktree_node *node =
            &CONTAINER_OF(l, struct ktree_owned, link)->node;
        size_t len = ktree_path_len(node);

        ending_step(&ending, false);
        wr_i32(log, (int32_t)len);
        uint8_t *room = wr_room(log, len);
        if (room != NULL)
            ktree_path(node, room, len);
    }
    krecord_end(core, record);
}

void ksession_end(struct kcore *core, struct ksession *session, int32_t cxid)
{
    int64_t id = session->id;
    struct ktree_owner *owner = ktree_owner_find(&core->tree, id);
    struct ending ending;

    log_close(core, owner, id, cxid);
    ksession_remove(&core->sessions, session);
    if (owner != NULL)
        ending_start(&ending, core, owner);
    while (owner != NULL) {
        struct ktree_owned *owned =
            CONTAINER_OF(owner->nodes.next, struct ktree_owned, link);
        bool last = owner->n == 1;

        ending_step(&ending, true);
        end_node(core, &owned->node, core->zxid);
        if (last)
            break; /* the owner went with its last node */
    }
}

bool kcore_expire(struct kcore *core)
{
    for (int i = 0; i < K_EXPIRE_SLICE; i++) {
        struct ksession *session;
        struct kpeer *peer;

        if (core->refuse_writes)
            return false;
        session = ksessions_expired(&core->sessions, core->now_ms);
        if (session == NULL)
            return false;
        peer = session->peer;
        if (peer != NULL) {
            peer->session = NULL;
            kpeer_end(core, peer, KPEER_DEAD);
        }
        kmetric_count(&core->metrics, KM_stale_sessions_expired, 1);
        ksession_end(core, session, 0);
    }
    return true;
}

/* -- containers and TTL nodes ---------------------------------------------- */

static bool is_due(const struct kcore *core, const struct ktree_owned *owned)
{
    const struct ktree_node *node = &owned->node;
    int64_t age = core->wall_ms - node->mtime;

    if (node->children != NULL)
        return false;
    if (owned->owner != KTREE_CONTAINER)
        return age > (owned->owner & KTREE_TTL_MOST);
    if (node->cversion > 0)
        return true;
    return core->config->container_unused_ms > 0 &&
           age > core->config->container_unused_ms;
}

static void clean_one(struct kcore *core, struct ktree_owned *owned)
{
    struct kact act = { .core = core,
                        .ids = &nobody,
                        .zxid = core->zxid + 1,
                        .time = core->wall_ms };
    struct kop op = { .type = KOP_DELETE, .version = -1, .ttl = -1 };
    struct kchange change;
    enum kcode code;
    size_t record;

    op.path = node_path(core, &owned->node);
    record = krecord_begin(core, 0, 0, KOP_DELETE_CONTAINER);
    code = kop_apply(&act, &op, &change);
    if (code == K_OK) {
        krecord_end(core, record);
        kchange_tell(core, &change, act.zxid);
        kchange_done(core, &change);
    } else {
        krecord_cut(core, record);
    }
    mem_free((void *)(uintptr_t)op.path.at);
}

static unsigned clean_list(struct kcore *core, struct list *list, unsigned most)
{
    unsigned n = 0;

    LIST_EACH(link, list) {
        struct ktree_owned *owned =
            CONTAINER_OF(link, struct ktree_owned, link);

        if (n == most)
            break;
        if (!is_due(core, owned))
            continue;
        clean_one(core, owned);
        n++;
    }
    return n;
}

bool kcore_clean(struct kcore *core)
{
    unsigned most = (unsigned)core->config->container_per_minute;
    unsigned n;

    if (core->now_ms < core->containers_due_ms || core->refuse_writes)
        return false;
    if (most > K_CLEAN_SLICE)
        most = K_CLEAN_SLICE;
    n = clean_list(core, &core->tree.containers, most);
    if (core->config->extended_types)
        n += clean_list(core, &core->tree.ttls, most - n);
    if (n == most && n == K_CLEAN_SLICE)
        return true;
    core->containers_due_ms = core->now_ms + core->config->container_check_ms;
    return false;
}
