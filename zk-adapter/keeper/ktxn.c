/* ktxn.c - reading and replaying log records; see ktxn.h. */
#include "keeper/ktxn.h"

#include <isa-l/igzip_lib.h>

#include "keeper/kop.h"
#include "keeper/kpath.h"

enum { LOG_MAGIC = 0x5a4b4c47, LOG_VERSION = 2, RECORD_END = 0x42 };

void ktxn_file_header(uint8_t out[static KTXN_FILE_HEADER])
{
    const uint32_t words[4] = { htobe32(LOG_MAGIC), htobe32(LOG_VERSION), 0,
                                0 };

    memcpy(out, words, sizeof words);
}

bool ktxn_file_is_log(struct bytes file)
{
    struct rd r = rd_make(file);
    int32_t magic = rd_i32(&r);
    int32_t version = rd_i32(&r);

    (void)rd_i64(&r);
    return r.err == ERR_OK && magic == LOG_MAGIC && version == LOG_VERSION;
}

enum err ktxn_next(struct bytes file, size_t *at, struct bytes *payload)
{
    struct rd r;
    uint64_t sum;
    int32_t len;
    const uint8_t *body;

    if (*at > file.len)
        return ERR_ABSENT;
    r = rd_make(bytes_make(file.at + *at, file.len - *at));
    sum = rd_u64(&r);
    len = rd_i32(&r);
    if (r.err != ERR_OK || len <= 0)
        return ERR_ABSENT;
    body = rd_take(&r, (size_t)len);
    if (rd_u8(&r) != RECORD_END || r.err != ERR_OK)
        return ERR_ABSENT;
    if (isal_adler32(1, body, (uint64_t)len) != sum)
        return ERR_CORRUPT;
    *payload = bytes_make(body, (size_t)len);
    *at += KTXN_FRONT + (size_t)len + 1;
    return ERR_OK;
}

bool ktxn_any_behind(struct bytes file, size_t at)
{
    struct bytes payload;

    while (at + KTXN_FRONT <= file.len) {
        struct rd r = rd_make(bytes_make(file.at + at, file.len - at));
        int32_t len;
        enum err err = ktxn_next(file, &at, &payload);

        if (err == ERR_OK)
            return true;
        if (err != ERR_CORRUPT)
            return false;
        (void)rd_u64(&r);
        len = rd_i32(&r);
        at += KTXN_FRONT + (size_t)len + 1;
    }
    return false;
}

int64_t ktxn_zxid(struct bytes payload)
{
    struct rd r = rd_make(payload);

    (void)rd_i64(&r);
    (void)rd_i32(&r);
    int64_t zxid = rd_i64(&r);
    return r.err == ERR_OK ? zxid : 0;
}

/* -- replay ---------------------------------------------------------------- */

struct replay {
    struct kcore *core;
    int64_t client;
    int64_t zxid;
    int64_t time;
};

static void parent_raise(struct ktree_node *parent, int32_t cversion,
                         int64_t zxid)
{
    if (cversion == -1) /* very old records do not say */
        cversion = (int32_t)((uint32_t)parent->cversion + 1u);
    if (cversion > parent->cversion) {
        parent->cversion = cversion;
        if (zxid > parent->pzxid)
            parent->pzxid = zxid;
    }
}

/* A node that is there already came with the snapshot, which may have caught it
 * before or after later changes: only its ACL is taken from the record, because
 * a fuzzy snapshot can lack the list (ZOOKEEPER-4846). */
static enum err replay_create(const struct replay *rp, struct rd *r,
                              int32_t type)
{
    struct ktree *tree = &rp->core->tree;
    struct bytes path = rd_jute(r, INT32_MAX);
    struct bytes data = rd_jute(r, INT32_MAX);
    struct kacl_list acl;
    int64_t owner = 0;
    int32_t cversion = -1;

    err_ignore(kacl_read(r, &rp->core->arena, &acl), "kept in the cursor");
    if (type == KOP_CREATE || type == KOP_CREATE2)
        owner = rd_bool(r) ? rp->client : 0;
    else if (type == KOP_CREATE_CONTAINER)
        owner = KTREE_CONTAINER;
    if (r->left >= 4 || type != KOP_CREATE)
        cversion = rd_i32(r);
    if (type == KOP_CREATE_TTL)
        owner = KTREE_TTL_MASK | (rd_i64(r) & KTREE_TTL_MOST);
    ptrdiff_t up = kpath_parent(path);
    if (r->err != ERR_OK || up < 0 || path.len < 2)
        return r->err != ERR_OK ? r->err : ERR_FORMAT;
    uint32_t hash = ktree_hash(tree, path);
    struct ktree_node *parent =
        ktree_find(tree, bytes_make(path.at, (size_t)up));
    struct ktree_node *node = ktree_find_hashed(tree, path, hash);
    if (parent == NULL)
        return ERR_OK;
    struct kacl *shared =
        acl.n ? kacl_intern(&tree->acls, &acl, rp->zxid) : NULL;
    if (node != NULL) {
        ktree_set_acl(tree, node, shared);
    } else {
        node = ktree_add_hashed(tree, parent, path, data, shared, owner, hash);
        if (node == NULL)
            return ERR_NOMEM;
        node->czxid = node->mzxid = node->pzxid = rp->zxid;
        node->ctime = node->mtime = rp->time;
    }
    parent_raise(parent, cversion, rp->zxid);
    return ERR_OK;
}

static enum err delete_path(const struct replay *rp, struct bytes path)
{
    struct ktree *tree = &rp->core->tree;
    ptrdiff_t up = kpath_parent(path);
    struct ktree_node *parent =
        up < 0 ? NULL : ktree_find(tree, bytes_make(path.at, (size_t)up));
    struct ktree_node *node = ktree_find(tree, path);

    if (parent == NULL)
        return ERR_OK;
    if (rp->zxid > parent->pzxid)
        parent->pzxid = rp->zxid;
    if (node == NULL || node->parent == NULL)
        return ERR_OK;
    if (node->children != NULL)
        return ERR_FORMAT;
    ktree_detach(tree, node);
    ktree_free(tree, node);
    return ERR_OK;
}

static enum err replay_set(const struct replay *rp, struct rd *r, int32_t type)
{
    struct ktree *tree = &rp->core->tree;
    struct bytes path = rd_jute(r, INT32_MAX);
    struct bytes data = BYTES_NULL;
    struct kacl_list acl = { .n = 0 };
    int32_t version;
    struct ktree_node *node;

    if (type == KOP_SET_ACL)
        err_ignore(kacl_read(r, &rp->core->arena, &acl), "kept in the cursor");
    else
        data = rd_jute(r, INT32_MAX);
    version = rd_i32(r);
    if (r->err != ERR_OK)
        return r->err;
    node = ktree_find(tree, path);
    if (node == NULL)
        return ERR_OK;
    if (type == KOP_SET_ACL) {
        ktree_set_acl(tree, node,
                      acl.n ? kacl_intern(&tree->acls, &acl, rp->zxid) : NULL);
        node->aversion = version;
        return ERR_OK;
    }
    node->version = version;
    node->mzxid = rp->zxid;
    node->mtime = rp->time;
    return ktree_set_data(tree, node, data);
}

/* The list of paths is there since 3.6; what can not be read as one is a digest
 * (closeSessionTxn.enabled=false) and counts as none. */
static void replay_close(const struct replay *rp, struct rd *r)
{
    struct kcore *core = rp->core;
    struct rd probe = *r;
    int32_t count = rd_i32(&probe);
    bool readable = count >= 0;
    struct ksession *session = ksession_find(&core->sessions, rp->client);
    struct ktree_owner *owner;

    for (int32_t i = 0; readable && i < count; i++) {
        struct bytes path = rd_jute(&probe, INT32_MAX);

        readable = probe.err == ERR_OK && !bytes_is_null(path);
    }
    if (readable && probe.err == ERR_OK) {
        count = rd_i32(r);
        for (int32_t i = 0; i < count; i++)
            err_ignore(delete_path(rp, rd_jute(r, INT32_MAX)),
                       "ephemerals have no children");
    }
    while ((owner = ktree_owner_find(&core->tree, rp->client)) != NULL) {
        struct ktree_node *node =
            &CONTAINER_OF(owner->nodes.next, struct ktree_owned, link)->node;

        if (rp->zxid > node->parent->pzxid)
            node->parent->pzxid = rp->zxid;
        if (node->children != NULL)
            break; /* damaged: never written by anyone; found at the end */
        ktree_detach(&core->tree, node);
        ktree_free(&core->tree, node);
    }
    if (session != NULL)
        ksession_remove(&core->sessions, session);
}

static enum err replay_one(const struct replay *rp, struct rd *r, int32_t type)
{
    switch (type) {
    case KOP_CREATE:
    case KOP_CREATE2:
    case KOP_CREATE_CONTAINER:
    case KOP_CREATE_TTL:
        return replay_create(rp, r, type);
    case KOP_DELETE:
    case KOP_DELETE_CONTAINER: {
        struct bytes path = rd_jute(r, INT32_MAX);

        return r->err == ERR_OK ? delete_path(rp, path) : r->err;
    }
    case KOP_SET_DATA:
    case KOP_RECONFIG:
    case KOP_SET_ACL:
        return replay_set(rp, r, type);
    case KOP_CREATE_SESSION: {
        int32_t timeout_ms = rd_i32(r);

        if (r->err == ERR_OK && timeout_ms > 0)
            ksession_add(&rp->core->sessions, rp->client, timeout_ms,
                         rp->core->now_ms);
        return r->err;
    }
    case KOP_CLOSE_SESSION:
        replay_close(rp, r);
        return ERR_OK;
    case KOP_CHECK: /* inside multis; a bare one comes from a defect of 3.8 */
    case KOP_ERROR:
        return ERR_OK;
    default:
        return ERR_FORMAT;
    }
}

/* The real server logs the ops before the failing one as if they had been done;
 * one error among them means that none was. */
static bool multi_failed(struct rd r)
{
    int32_t count = rd_i32(&r);

    for (int32_t i = 0; i < count && r.err == ERR_OK; i++) {
        if (rd_i32(&r) == KOP_ERROR)
            return true;
        (void)rd_jute(&r, INT32_MAX);
    }
    return false;
}

static enum err replay_multi(const struct replay *rp, struct rd *r)
{
    int32_t count;

    if (multi_failed(*r))
        return ERR_OK;
    count = rd_i32(r);
    for (int32_t i = 0; i < count; i++) {
        int32_t type = rd_i32(r);
        struct bytes body = rd_jute(r, INT32_MAX);
        struct rd sub = rd_make(body);
        enum err err;

        if (r->err != ERR_OK)
            return r->err;
        err = type == KOP_MULTI ? ERR_FORMAT : replay_one(rp, &sub, type);
        if (err != ERR_OK)
            return err;
    }
    return r->err;
}

enum err ktxn_replay(struct kcore *core, struct bytes payload)
{
    struct rd r = rd_make(payload);
    struct replay rp = { .core = core };
    int32_t type;
    enum err err;

    rp.client = rd_i64(&r);
    (void)rd_i32(&r);
    rp.zxid = rd_i64(&r);
    rp.time = rd_i64(&r);
    type = rd_i32(&r);
    if (r.err != ERR_OK)
        return r.err;
    err = type == KOP_MULTI ? replay_multi(&rp, &r) : replay_one(&rp, &r, type);
    arena_reset(&core->arena);
    if (rp.zxid > core->zxid)
        core->zxid = rp.zxid;
    return err;
}
