/* kop.c - the changes; see kop.h. The order of checks is the contract: clients
 * tell situations apart by which error comes first. */
#include "keeper/kop.h"

#include <assert.h>
#include <stdio.h>

#include "keeper/kpath.h"
#include "keeper/kquota.h"

enum { PATH_MOST = INT32_MAX };

static bool is_create(int32_t type)
{
    return type == KOP_CREATE || type == KOP_CREATE2 ||
           type == KOP_CREATE_CONTAINER || type == KOP_CREATE_TTL;
}

enum kcode kop_read(struct rd *r, int32_t type, struct arena *arena,
                    struct kop *op)
{
    *op = (struct kop){ .type = type, .ttl = -1 };
    op->path = rd_jute(r, PATH_MOST);
    if (is_create(type)) {
        op->data = rd_jute(r, INT32_MAX);
        err_ignore(kacl_read(r, arena, &op->acl), "kept in the cursor");
        op->flags = rd_i32(r);
        if (type == KOP_CREATE_TTL)
            op->ttl = rd_i64(r);
    } else if (type == KOP_SET_DATA) {
        op->data = rd_jute(r, INT32_MAX);
        op->version = rd_i32(r);
    } else if (type == KOP_SET_ACL) {
        err_ignore(kacl_read(r, arena, &op->acl), "kept in the cursor");
        op->version = rd_i32(r);
    } else {
        op->version = rd_i32(r);
    }
    return r->err == ERR_OK ? K_OK : K_MARSHALLING;
}

enum kcode kop_check_flags(const struct kcore *core, const struct kop *op)
{
    if (!is_create(op->type))
        return K_OK;
    if (op->flags < 0 || op->flags > 6)
        return K_BAD_ARGUMENTS;
    if (op->flags >= 5) {
        if (!core->config->extended_types)
            return K_UNIMPLEMENTED;
        if (op->ttl <= 0 || op->ttl > KTREE_TTL_MOST)
            return K_BAD_ARGUMENTS;
    } else if (op->type == KOP_CREATE_TTL) {
        /* A ttl of -1 passes at the real server and ruins its log. */
        return K_BAD_ARGUMENTS;
    }
    return K_OK;
}

static bool allowed(const struct kact *act, const struct ktree_node *node,
                    int32_t perms)
{
    return act->core->config->skip_acl ||
           kacl_allows(node->acl, act->ids, perms);
}

static bool version_differs(int32_t expected, int32_t current)
{
    return expected != -1 && expected != current;
}

/* -- create ---------------------------------------------------------------- */

/* What becomes of a create: the kind of log record and the stored owner. */
static void create_kind(const struct kact *act, const struct kop *op,
                        int32_t *log_type, int64_t *owner)
{
    *log_type = KOP_CREATE;
    *owner = 0;
    if (op->type == KOP_CREATE_CONTAINER) {
        *log_type = KOP_CREATE_CONTAINER;
        *owner = KTREE_CONTAINER;
    } else if (op->type == KOP_CREATE_TTL) {
        *log_type = KOP_CREATE_TTL;
        *owner = KTREE_TTL_MASK | op->ttl;
    } else if (op->flags == 1 || op->flags == 3) {
        *owner = act->session;
    }
}

static void create_log(struct kcore *core, const struct kop *op,
                       const struct ktree_node *node, int32_t log_type)
{
    struct wr *w = &core->log;

    wr_jute(w, op->path);
    wr_jute(w, op->data);
    kacl_write(w, node->acl);
    if (log_type == KOP_CREATE)
        wr_bool(w, ktree_owner(node) != 0);
    wr_i32(w, node->parent->cversion);
    if (log_type == KOP_CREATE_TTL)
        wr_i64(w, op->ttl);
}

static enum kcode create_check(const struct kact *act, struct kop *op,
                               struct ktree_node **parent, uint32_t *hash)
{
    struct kcore *core = act->core;
    ptrdiff_t up = kpath_parent(op->path);

    *hash = ktree_hash(&core->tree, op->path);

    /* A null path is unreadable where a parent is looked for; elsewhere it is
     * just an invalid one. */
    if (bytes_is_null(op->path))
        return K_MARSHALLING;
    if (up < 0 || kpath_has_nul(op->path))
        return K_BAD_ARGUMENTS;
    if (!kacl_fix(&op->acl, act->ids, &core->arena))
        return K_INVALID_ACL;
    *parent = ktree_find(&core->tree, bytes_make(op->path.at, (size_t)up));
    if (*parent == NULL)
        return K_NO_NODE;
    if (!allowed(act, *parent, KACL_CREATE))
        return K_NO_AUTH;
    if (op->flags == 2 || op->flags == 3 || op->flags == 6) {
        op->path = arena_format(&core->arena, "%.*s%010d", BYTES_ARG(op->path),
                                (int)(*parent)->cversion);
        if (bytes_is_null(op->path))
            return K_SYSTEM_ERROR;
        *hash = ktree_hash(&core->tree, op->path);
    }
    if (!kpath_is_valid(op->path))
        return K_BAD_ARGUMENTS;
    if (ktree_find_hashed(&core->tree, op->path, *hash) != NULL)
        return K_NODE_EXISTS;
    if (ktree_owner_is_session(ktree_owner(*parent)))
        return K_NO_CHILDREN_FOR_EPHEMERALS;
    return kquota_check(core, op->path, 1, (int64_t)op->data.len);
}

static enum kcode create_apply(const struct kact *act, struct kop *op,
                               struct kchange *change)
{
    struct kcore *core = act->core;
    struct ktree_node *parent;
    struct ktree_node *node;
    int64_t owner;
    uint32_t hash;
    enum kcode code = create_check(act, op, &parent, &hash);

    if (code != K_OK)
        return code;
    create_kind(act, op, &change->log_type, &owner);
    node = ktree_add_hashed(&core->tree, parent, op->path, op->data,
                            kacl_intern(&core->tree.acls, &op->acl, act->zxid),
                            owner, hash);
    if (node == NULL)
        return K_SYSTEM_ERROR;
    node->czxid = node->mzxid = node->pzxid = act->zxid;
    node->ctime = node->mtime = act->time;
    change->parent_pzxid = parent->pzxid;
    parent->cversion = (int32_t)((uint32_t)parent->cversion + 1u);
    parent->pzxid = act->zxid;
    create_log(core, op, node, change->log_type);
    change->bytes_diff = (int64_t)node->data_len;
    change->node = node;
    change->path = op->path;
    return K_OK;
}

/* -- the others ------------------------------------------------------------ */

static bool is_protected(struct bytes path)
{
    return bytes_is(path, "/") || bytes_is(path, "/zookeeper") ||
           bytes_is(path, "/zookeeper/quota") ||
           bytes_is(path, "/zookeeper/config");
}

static enum kcode delete_apply(const struct kact *act, const struct kop *op,
                               struct kchange *change)
{
    struct kcore *core = act->core;
    ptrdiff_t up = kpath_parent(op->path);
    struct ktree_node *parent;
    struct ktree_node *node;

    if (bytes_is_null(op->path))
        return K_MARSHALLING;
    if (up < 0 || kpath_has_nul(op->path) || is_protected(op->path))
        return K_BAD_ARGUMENTS;
    parent = ktree_find(&core->tree, bytes_make(op->path.at, (size_t)up));
    if (parent == NULL)
        return K_NO_NODE;
    if (!allowed(act, parent, KACL_DELETE))
        return K_NO_AUTH;
    node = ktree_find(&core->tree, op->path);
    if (node == NULL || node->parent == NULL)
        return K_NO_NODE;
    if (version_differs(op->version, node->version))
        return K_BAD_VERSION;
    if (node->children != NULL)
        return K_NOT_EMPTY;
    wr_jute(&core->log, op->path);
    change->parent_pzxid = parent->pzxid;
    parent->pzxid = act->zxid;
    ktree_detach(&core->tree, node);
    change->bytes_diff = -(int64_t)node->data_len;
    change->node = node;
    change->path = op->path;
    change->log_type = KOP_DELETE;
    return K_OK;
}

static enum kcode set_data_apply(const struct kact *act, const struct kop *op,
                                 struct kchange *change)
{
    struct kcore *core = act->core;
    struct ktree_node *node;
    enum kcode code;

    if (!kpath_is_valid(op->path))
        return K_BAD_ARGUMENTS;
    node = ktree_find(&core->tree, op->path);
    if (node == NULL)
        return K_NO_NODE;
    if (!allowed(act, node, KACL_WRITE))
        return K_NO_AUTH;
    change->bytes_diff = (int64_t)op->data.len - (int64_t)node->data_len;
    code = kquota_check(core, op->path, 0, change->bytes_diff);
    if (code != K_OK)
        return code;
    if (version_differs(op->version, node->version))
        return K_BAD_VERSION;
    if (act->multi) {
        struct bytes old = ktree_data(node);

        change->data = arena_copy(&core->arena, old);
        if (core->arena.err != ERR_OK)
            return K_SYSTEM_ERROR;
    }
    if (ktree_set_data(&core->tree, node, op->data) != ERR_OK)
        return K_SYSTEM_ERROR;
    change->mzxid = node->mzxid;
    change->mtime = node->mtime;
    node->mzxid = act->zxid;
    node->mtime = act->time;
    node->version = (int32_t)((uint32_t)node->version + 1u);
    wr_jute(&core->log, op->path);
    wr_jute(&core->log, op->data);
    wr_i32(&core->log, node->version);
    change->node = node;
    change->path = op->path;
    change->log_type = KOP_SET_DATA;
    return K_OK;
}

static enum kcode set_acl_apply(const struct kact *act, struct kop *op,
                                struct kchange *change)
{
    struct kcore *core = act->core;
    struct ktree_node *node;

    assert(!act->multi);
    if (!kpath_is_valid(op->path))
        return K_BAD_ARGUMENTS;
    if (!kacl_fix(&op->acl, act->ids, &core->arena))
        return K_INVALID_ACL;
    node = ktree_find(&core->tree, op->path);
    if (node == NULL)
        return K_NO_NODE;
    if (!allowed(act, node, KACL_ADMIN))
        return K_NO_AUTH;
    if (version_differs(op->version, node->aversion))
        return K_BAD_VERSION;
    ktree_set_acl(&core->tree, node,
                  kacl_intern(&core->tree.acls, &op->acl, act->zxid));
    node->aversion = (int32_t)((uint32_t)node->aversion + 1u);
    core->acl_zxid = act->zxid;
    wr_jute(&core->log, op->path);
    kacl_write(&core->log, node->acl);
    wr_i32(&core->log, node->aversion);
    change->node = node;
    change->path = op->path;
    change->log_type = KOP_SET_ACL;
    return K_OK;
}

static enum kcode check_apply(const struct kact *act, const struct kop *op,
                              struct kchange *change)
{
    const struct ktree_node *node;

    if (!kpath_is_valid(op->path))
        return K_BAD_ARGUMENTS;
    node = ktree_find(&act->core->tree, op->path);
    if (node == NULL)
        return K_NO_NODE;
    if (!allowed(act, node, KACL_READ))
        return K_NO_AUTH;
    if (version_differs(op->version, node->version))
        return K_BAD_VERSION;
    wr_jute(&act->core->log, op->path);
    wr_i32(&act->core->log,
           op->version == -1 ? -1 : (int32_t)((uint32_t)node->version + 1u));
    change->log_type = KOP_CHECK;
    return K_OK;
}

enum kcode kop_apply(const struct kact *act, struct kop *op,
                     struct kchange *change)
{
    enum kcode code;

    *change = (struct kchange){ 0 };
    if (is_create(op->type))
        code = create_apply(act, op, change);
    else if (op->type == KOP_DELETE)
        code = delete_apply(act, op, change);
    else if (op->type == KOP_SET_DATA)
        code = set_data_apply(act, op, change);
    else if (op->type == KOP_SET_ACL)
        code = set_acl_apply(act, op, change);
    else
        code = check_apply(act, op, change);
    if (code == K_OK)
        change->type = op->type;
    return code;
}

/* -- afterwards ------------------------------------------------------------ */

void kchange_undo(struct kcore *core, const struct kchange *change)
{
    struct ktree_node *node = change->node;

    if (node == NULL)
        return;
    if (is_create(change->type)) {
        struct ktree_node *parent = node->parent;

        parent->cversion = (int32_t)((uint32_t)parent->cversion - 1u);
        parent->pzxid = change->parent_pzxid;
        ktree_detach(&core->tree, node);
        ktree_free(&core->tree, node);
    } else if (change->type == KOP_DELETE) {
        ktree_attach(&core->tree, node);
        node->parent->pzxid = change->parent_pzxid;
    } else {
        assert(change->type == KOP_SET_DATA);
        /* The old value was in memory a moment ago; if it does not fit back,
         * the process has no memory left for anything. */
        enum err err = ktree_set_data(&core->tree, node, change->data);
        assert(err == ERR_OK);
        (void)err;
        node->version = (int32_t)((uint32_t)node->version - 1u);
        node->mzxid = change->mzxid;
        node->mtime = change->mtime;
    }
}

/* Whom to tell, as kwatch_fire() wants it. */
struct telling {
    struct kcore *core;
    const struct ktree_node *node;
    int64_t zxid;
    uint32_t n[KWATCH_CHILDREN + 1]; /* told, by event */
};

static void tell_one(void *to, struct kwatcher *watcher,
                     enum kwatch_event event, struct bytes path)
{
    struct telling *telling = to;
    struct kcore *core = telling->core;
    struct kpeer *peer = CONTAINER_OF(watcher, struct kpeer, watcher);
    const struct ktree_node *about =
        event == KWATCH_CHILDREN ? telling->node->parent : telling->node;

    if (peer->close != KPEER_OPEN)
        return;
    if (!core->config->skip_acl &&
        !kacl_allows(about->acl, &peer->ids, KACL_READ))
        return;
    kpeer_gate(core, peer, telling->zxid);
    size_t frame = kframe_begin(peer, -1, telling->zxid, K_OK);
    wr_i32(&peer->out, (int32_t)event);
    wr_i32(&peer->out, 3); /* SyncConnected */
    wr_jute(&peer->out, path);
    kreply_end(core, peer, frame);
    kmetric_count(&core->metrics, KM_watch_bytes, peer->out.len - frame);
    telling->n[event]++;
    if (kpeer_unsent(peer) > K_OUT_EVENTS_MOST)
        kpeer_end(core, peer, KPEER_DEAD);
}

void kchange_tell(struct kcore *core, const struct kchange *change,
                  int64_t zxid)
{
    static const enum kmetric_summary counted[] = {
        [KWATCH_CREATED] = KM_node_created_watch_count,
        [KWATCH_DELETED] = KM_node_deleted_watch_count,
        [KWATCH_CHANGED] = KM_node_changed_watch_count,
        [KWATCH_CHILDREN] = KM_node_children_watch_count,
    };
    struct telling telling = { .core = core,
                               .node = change->node,
                               .zxid = zxid };

    kquota_change(core, change, zxid);
    if (change->node == NULL || change->type == KOP_SET_ACL)
        return;
    kwatch_fire(&core->watches,
                is_create(change->type)      ? KWATCH_CREATED
                : change->type == KOP_DELETE ? KWATCH_DELETED
                                             : KWATCH_CHANGED,
                change->path, tell_one, &telling);
    for (unsigned i = KWATCH_CREATED; i <= KWATCH_CHILDREN; i++)
        if (telling.n[i] > 0)
            kmetric_add(&core->metrics, counted[i], telling.n[i], 1);
}

void kchange_done(struct kcore *core, const struct kchange *change)
{
    if (change->type == KOP_DELETE)
        ktree_free(&core->tree, change->node);
}
