/* kread.c - requests that change nothing. */
#include "keeper/kop.h"
#include "keeper/kpath.h"
#include "keeper/kquota.h"

void kstat_write(struct wr *w, const struct ktree_node *node)
{
    const uint64_t front[4] = { htobe64((uint64_t)node->czxid),
                                htobe64((uint64_t)node->mzxid),
                                htobe64((uint64_t)node->ctime),
                                htobe64((uint64_t)node->mtime) };
    const uint32_t versions[3] = { htobe32((uint32_t)node->version),
                                   htobe32((uint32_t)ktree_wire_cversion(node)),
                                   htobe32((uint32_t)node->aversion) };
    const uint64_t owner = htobe64((uint64_t)ktree_wire_owner(node));
    const uint32_t sizes[2] = { htobe32(node->data_len),
                                htobe32(node->n_children) };
    const uint64_t pzxid = htobe64((uint64_t)node->pzxid);
    uint8_t *p = wr_room(w, 68);

    if (p == NULL)
        return;
    memcpy(p, front, 32);
    memcpy(p + 32, versions, 12);
    memcpy(p + 44, &owner, 8);
    memcpy(p + 52, sizes, 8);
    memcpy(p + 60, &pzxid, 8);
}

/* The newest change an answer about this node shows. ACL changes leave no trace
 * in a Stat's zxids, so the newest of all stands for them. */
static int64_t shown_by(const struct kcore *core, const struct ktree_node *node)
{
    int64_t zxid = node->mzxid > node->pzxid ? node->mzxid : node->pzxid;
    int64_t quota = kquota_shown(core, node);

    if (quota > zxid)
        zxid = quota;
    return zxid > core->acl_zxid ? zxid : core->acl_zxid;
}

/* A node may be missing because of a delete that is not durable yet: its
 * nearest ancestor's pzxid tells. */
static int64_t shown_by_absence(const struct kcore *core, struct bytes path)
{
    return shown_by(core, ktree_nearest(&core->tree, path));
}

static void children_write(struct wr *w, const struct ktree_node *node)
{
    wr_i32(w, (int32_t)node->n_children);
    for (const struct ktree_node *child = node->children; child != NULL;
         child = child->next)
        wr_jute(w, ktree_name(child));
}

static bool allowed(const struct kreq *req, const struct ktree_node *node,
                    int32_t perms)
{
    return req->core->config->skip_acl ||
           kacl_allows(node->acl, &req->peer->ids, perms);
}

static void watch(const struct kreq *req, struct bytes path, unsigned mode)
{
    kwatch_add(&req->core->watches, &req->peer->watcher, path, mode);
}

/* The body of an answer about `node`, and the watch that goes with it. */
static void body_write(struct kreq *req, const struct ktree_node *node,
                       struct bytes path, bool watched)
{
    struct wr *out = &req->peer->out;

    switch (req->type) {
    case KOP_EXISTS:
        kstat_write(out, node);
        break;
    case KOP_GET_DATA:
        wr_jute(out, ktree_data(node));
        kstat_write(out, node);
        if (watched)
            watch(req, path, KWATCH_DATA);
        break;
    case KOP_GET_CHILDREN:
    case KOP_GET_CHILDREN2:
        children_write(out, node);
        if (req->type == KOP_GET_CHILDREN2)
            kstat_write(out, node);
        if (watched)
            watch(req, path, KWATCH_CHILD);
        break;
    case KOP_GET_ACL:
        if (allowed(req, node, KACL_ADMIN))
            kacl_write(out, node->acl);
        else
            kacl_write_masked(out, node->acl);
        kstat_write(out, node);
        break;
    default:
        break;
    }
}

static void about_node(struct kreq *req)
{
    struct kcore *core = req->core;
    struct bytes path = rd_jute(&req->rd, INT32_MAX);
    bool watched = req->type != KOP_GET_ACL && rd_bool(&req->rd);
    int32_t perms =
        req->type == KOP_GET_ACL ? KACL_READ | KACL_ADMIN : KACL_READ;
    const struct ktree_node *node;
    size_t frame;

    if (req->rd.err != ERR_OK || bytes_is_null(path)) {
        kreply_error(core, req->peer, req->xid, 0, K_MARSHALLING);
        return;
    }
    if (req->type == KOP_EXISTS && kpath_has_nul(path)) {
        kreply_error(core, req->peer, req->xid, 0, K_BAD_ARGUMENTS);
        return;
    }
    node = ktree_find(&core->tree, path);
    if (node != NULL && !allowed(req, node, perms)) {
        kreply_error(core, req->peer, req->xid, shown_by(core, node),
                     K_NO_AUTH);
        return;
    }
    if (req->type == KOP_EXISTS && watched)
        watch(req, path, KWATCH_DATA);
    if (node == NULL) {
        kreply_error(core, req->peer, req->xid, shown_by_absence(core, path),
                     K_NO_NODE);
        return;
    }
    frame = kreply_begin(core, req->peer, req->xid, shown_by(core, node), K_OK);
    body_write(req, node, path, watched);
    kreply_end(core, req->peer, frame);
}

static void sync_reply(struct kreq *req)
{
    struct bytes path = rd_jute(&req->rd, INT32_MAX);
    size_t frame;

    if (req->rd.err != ERR_OK) {
        kreply_error(req->core, req->peer, req->xid, 0, K_MARSHALLING);
        return;
    }
    frame = kreply_begin(req->core, req->peer, req->xid, req->core->zxid, K_OK);
    wr_jute(&req->peer->out, path);
    kreply_end(req->core, req->peer, frame);
}

/* The real server knows the root by two names, and asked for the empty one it
 * counts the other. */
static size_t count_below(const struct kcore *core,
                          const struct ktree_node *node, struct bytes path)
{
    size_t n = 0;

    if (node->parent == NULL)
        return path.len == 0 ? core->tree.n : core->tree.n - 1;
    for (const struct ktree_node *at = ktree_next(node, node); at != NULL;
         at = ktree_next(at, node))
        n++;
    return n;
}

static void all_children_number(struct kreq *req)
{
    struct kcore *core = req->core;
    struct bytes path = rd_jute(&req->rd, INT32_MAX);
    enum kcode code = K_OK;
    const struct ktree_node *node = NULL;
    size_t frame;

    if (req->rd.err != ERR_OK || bytes_is_null(path))
        code = K_MARSHALLING;
    else if ((node = ktree_find(&core->tree, path)) == NULL)
        code = K_NO_NODE;
    else if (!allowed(req, node, KACL_READ))
        code = K_NO_AUTH;
    frame = kreply_begin(core, req->peer, req->xid, core->zxid, code);
    if (code == K_OK)
        wr_i32(&req->peer->out, (int32_t)count_below(core, node, path));
    kreply_end(core, req->peer, frame);
}

static bool is_blank(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        if (b.at[i] > ' ')
            return false;
    return true;
}

static void ephemerals(struct kreq *req)
{
    struct kcore *core = req->core;
    struct wr *out = &req->peer->out;
    struct bytes prefix = rd_jute(&req->rd, INT32_MAX);
    struct ktree_owner *owner;
    int32_t n = 0;

    if (req->rd.err != ERR_OK) {
        kreply_error(core, req->peer, req->xid, 0, K_MARSHALLING);
        return;
    }
    if (is_blank(prefix) || bytes_is(prefix, "/"))
        prefix = BYTES("");
    owner = ktree_owner_find(&core->tree, req->peer->session_id);
    size_t frame = kreply_begin(core, req->peer, req->xid, core->zxid, K_OK);
    size_t count_at = out->len;
    wr_i32(out, 0);
    for (struct list *l = owner ? owner->nodes.next : NULL;
         l != NULL && l != &owner->nodes; l = l->next) {
        const struct ktree_node *node =
            &CONTAINER_OF(l, struct ktree_owned, link)->node;
        size_t len = ktree_path_len(node);
        size_t at = out->len;

        wr_i32(out, (int32_t)len);
        uint8_t *room = wr_room(out, len);
        if (room == NULL)
            break;
        ktree_path(node, room, len);
        if (len < prefix.len ||
            (prefix.len && memcmp(room, prefix.at, prefix.len) != 0))
            out->len = at;
        else
            n++;
    }
    wr_patch_i32(out, count_at, n);
    kreply_end(core, req->peer, frame);
}

/* Digest identities show the user only, not the hash; those of a scheme without
 * provider, as super, show nothing. */
static void who_am_i(struct kreq *req)
{
    const struct kids *ids = &req->peer->ids;
    struct wr *out = &req->peer->out;
    size_t frame = kreply_begin(req->core, req->peer, req->xid, 0, K_OK);
    size_t count_at = out->len;
    int32_t n = 0;

    wr_i32(out, 0);
    for (size_t i = 0; i < ids->n; i++) {
        struct bytes user = ids->at[i].id;
        const uint8_t *colon = user.len ? memchr(user.at, ':', user.len) : NULL;

        if (bytes_is(ids->at[i].scheme, "digest") && colon != NULL)
            user.len = (size_t)(colon - user.at);
        if (bytes_is(ids->at[i].scheme, "super") ||
            (bytes_is(ids->at[i].scheme, "sasl") && !req->core->schemes.sasl))
            user = BYTES("");
        wr_jute(out, ids->at[i].scheme);
        wr_jute(out, user);
        n++;
    }
    wr_patch_i32(out, count_at, n);
    kreply_end(req->core, req->peer, frame);
}

void kread_handle(struct kreq *req)
{
    switch (req->type) {
    case KOP_PING:
        kreply_error(req->core, req->peer, -2, 0, K_OK);
        return;
    case KOP_SYNC:
        sync_reply(req);
        return;
    case KOP_GET_ALL_CHILDREN_NUMBER:
        all_children_number(req);
        return;
    case KOP_GET_EPHEMERALS:
        ephemerals(req);
        return;
    case KOP_WHO_AM_I:
        who_am_i(req);
        return;
    default:
        about_node(req);
        return;
    }
}

/* -- multiRead ------------------------------------------------------------- */

static void item_header(struct wr *w, int32_t type, bool done, int32_t err)
{
    wr_i32(w, type);
    wr_bool(w, done);
    wr_i32(w, err);
}

/* The newest change any of the asked nodes shows, found in a first pass so that
 * the gate stands before the frame. K_MARSHALLING: not a list of reads. */
static enum kcode multi_read_scan(const struct kreq *req, int64_t *zxid)
{
    struct rd r = req->rd;

    *zxid = 0;
    for (;;) {
        int32_t type = rd_i32(&r);
        bool done = rd_bool(&r);
        const struct ktree_node *node;
        int64_t shown;

        (void)rd_i32(&r);
        if (r.err != ERR_OK)
            return K_MARSHALLING;
        if (done)
            return K_OK;
        if (type != KOP_GET_DATA && type != KOP_GET_CHILDREN)
            return K_MARSHALLING;
        struct bytes path = rd_jute(&r, INT32_MAX);
        (void)rd_bool(&r);
        if (r.err != ERR_OK || bytes_is_null(path))
            return K_MARSHALLING;
        node = ktree_find(&req->core->tree, path);
        shown = node ? shown_by(req->core, node)
                     : shown_by_absence(req->core, path);
        if (shown > *zxid)
            *zxid = shown;
    }
}

static void multi_read_one(struct kreq *req, int32_t type, struct bytes path)
{
    struct wr *out = &req->peer->out;
    const struct ktree_node *node = ktree_find(&req->core->tree, path);
    enum kcode code = node == NULL                    ? K_NO_NODE
                      : allowed(req, node, KACL_READ) ? K_OK
                                                      : K_NO_AUTH;

    if (code != K_OK) {
        item_header(out, -1, false, code);
        wr_i32(out, code);
        return;
    }
    item_header(out, type, false, 0);
    if (type == KOP_GET_DATA) {
        wr_jute(out, ktree_data(node));
        kstat_write(out, node);
    } else {
        children_write(out, node);
    }
}

void kmulti_read_handle(struct kreq *req)
{
    int64_t zxid;
    enum kcode code = multi_read_scan(req, &zxid);
    size_t frame;

    if (code != K_OK) {
        kreply_error(req->core, req->peer, req->xid, 0, code);
        return;
    }
    frame = kreply_begin(req->core, req->peer, req->xid, zxid, K_OK);
    for (;;) {
        int32_t type = rd_i32(&req->rd);
        bool done = rd_bool(&req->rd);

        (void)rd_i32(&req->rd);
        if (done || req->peer->out.err != ERR_OK)
            break;
        struct bytes path = rd_jute(&req->rd, INT32_MAX);
        (void)rd_bool(&req->rd);
        multi_read_one(req, type, path);
    }
    item_header(&req->peer->out, -1, true, -1);
    kreply_end(req->core, req->peer, frame);
}
