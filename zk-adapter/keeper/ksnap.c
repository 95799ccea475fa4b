/* ksnap.c - snapshots in ZooKeeper's format; see ksnap.h. */
#include "keeper/ksnap.h"

#include <assert.h>
#include <isa-l/igzip_lib.h>

#include "keeper/kpath.h"

enum {
    SNAP_MAGIC = 0x5a4b534e,
    SNAP_VERSION = 2,
    DIGEST_VERSION = 2,
    NODE_USUAL = 160 /* bytes of a small node */
};

/* -- writing --------------------------------------------------------------- */

uint32_t ksnap_sum(uint32_t sum, struct bytes more)
{
    return more.len ? isal_adler32(sum, more.at, more.len) : sum;
}

static void sessions_write(const struct kcore *core, struct wr *w)
{
    const struct map *map = &core->sessions.by_id;
    struct map_link *link = NULL;

    wr_i32(w, (int32_t)map->count);
    while ((link = map_next(map, link)) != NULL) {
        const struct ksession *session =
            CONTAINER_OF(link, struct ksession, link);

        wr_i64(w, session->id);
        wr_i32(w, session->timeout_ms);
    }
}

static void acls_write(struct ksnap *snap, struct wr *w)
{
    const struct kacls *acls = &snap->core->tree.acls;

    wr_i32(w, (int32_t)acls->map.count + 1);
    for (uint32_t i = 0; i < acls->n; i++) {
        if (acls->at[i] == NULL)
            continue;
        wr_i64(w, (int64_t)i + 1);
        kacl_write(w, acls->at[i]);
    }
    snap->closed_id = (int64_t)acls->n + 1;
    wr_i64(w, snap->closed_id);
    wr_i32(w, 1);
    wr_i32(w, 0);
    wr_jute(w, BYTES("world"));
    wr_jute(w, BYTES("anyone"));
}

void ksnap_start(struct ksnap *snap, struct kcore *core, struct wr *w)
{
    *snap = (struct ksnap){ .core = core, .zxid = core->zxid, .started = true };
    wr_i32(w, SNAP_MAGIC);
    wr_i32(w, SNAP_VERSION);
    wr_i64(w, -1);
    sessions_write(core, w);
    acls_write(snap, w);
    ktree_walk_start(&core->tree, &snap->walk);
}

static int64_t acl_id(const struct ksnap *snap, const struct ktree_node *node)
{
    if (node->acl == NULL)
        return -1;
    return node->acl->since > snap->zxid ? snap->closed_id
                                         : (int64_t)node->acl->index + 1;
}

static void node_write(const struct ksnap *snap, const struct ktree_node *node,
                       struct wr *w)
{
    size_t len = node->parent ? ktree_path_len(node) : 0;
    uint8_t *path;

    wr_i32(w, (int32_t)len);
    path = wr_room(w, len);
    if (path != NULL && len > 0)
        ktree_path(node, path, len);
    wr_jute(w, ktree_data(node));
    wr_i64(w, acl_id(snap, node));
    wr_i64(w, node->czxid);
    wr_i64(w, node->mzxid);
    wr_i64(w, node->ctime);
    wr_i64(w, node->mtime);
    wr_i32(w, node->version);
    wr_i32(w, node->cversion);
    wr_i32(w, node->aversion);
    wr_i64(w, ktree_owner(node));
    wr_i64(w, node->pzxid);
}

bool ksnap_more(struct ksnap *snap, struct wr *w, size_t most)
{
    for (size_t i = 0; i < most; i++) {
        const struct ktree_node *node = ktree_walk_next(&snap->walk);

        if (node == NULL)
            return false;
        if (node->czxid <= snap->zxid)
            node_write(snap, node, w);
    }
    return true;
}

void ksnap_end(struct ksnap *snap, struct wr *w)
{
    wr_jute(w, BYTES("/"));
    ksnap_stop(snap);
}

void ksnap_stop(struct ksnap *snap)
{
    if (snap->started)
        ktree_walk_stop(&snap->core->tree);
    snap->started = false;
}

static uint32_t seal_part(struct wr *w, size_t *from, uint32_t sum)
{
    sum = ksnap_sum(sum, bytes_make(w->data + *from, w->len - *from));
    *from = w->len;
    wr_i64(w, (int64_t)sum);
    wr_jute(w, BYTES("/"));
    return sum;
}

void ksnap_seal(struct wr *w, uint32_t sum, int64_t zxid)
{
    size_t from = w->len;

    sum = seal_part(w, &from, sum);
    wr_i64(w, 0); /* no digest: zxid 0 is what a fresh server writes */
    wr_i32(w, DIGEST_VERSION);
    wr_i64(w, 0);
    sum = seal_part(w, &from, sum);
    wr_i64(w, zxid);
    seal_part(w, &from, sum);
}

/* -- reading --------------------------------------------------------------- */

bool ksnap_looks_whole(struct bytes file)
{
    static const uint8_t end[5] = { 0, 0, 0, 1, '/' };

    return file.len >= 10 && memcmp(file.at + file.len - 5, end, 5) == 0;
}

struct acl_ref {
    struct map_link link;
    int64_t id;
    struct kacl *acl;
    bool known;
};

struct load {
    struct kcore *core;
    struct rd r;
    struct map acls;           /* struct acl_ref by id */
    struct ktree_node *parent; /* of the last node read */
    struct bytes parent_path;
    struct errmsg *why;
};

static bool acl_ref_is(const struct map_link *link, const void *key)
{
    return CONTAINER_OF(link, const struct acl_ref, link)->id ==
           *(const int64_t *)key;
}

static struct acl_ref *acl_ref_find(const struct load *load, int64_t id)
{
    struct map_link *link =
        map_find(&load->acls, map_hash_int((uint64_t)id, load->acls.seed),
                 acl_ref_is, &id);

    return link ? CONTAINER_OF(link, struct acl_ref, link) : NULL;
}

static void acl_ref_put(struct load *load, int64_t id, struct kacl *acl)
{
    struct acl_ref *ref = acl_ref_find(load, id);

    if (ref != NULL) {
        kacl_unref(&load->core->tree.acls, acl);
        return;
    }
    ref = mem_need(sizeof *ref);
    ref->id = id;
    ref->acl = acl;
    map_put(&load->acls, &ref->link,
            map_hash_int((uint64_t)id, load->acls.seed));
}

static void load_fini(struct load *load)
{
    struct map_link *link;

    while ((link = map_next(&load->acls, NULL)) != NULL) {
        struct acl_ref *ref = CONTAINER_OF(link, struct acl_ref, link);

        map_remove(&load->acls, link);
        kacl_unref(&load->core->tree.acls, ref->acl);
        mem_free(ref);
    }
    map_fini(&load->acls);
}

static enum err sessions_load(struct load *load)
{
    int32_t count = rd_i32(&load->r);

    for (int32_t i = 0; i < count && load->r.err == ERR_OK; i++) {
        int64_t id = rd_i64(&load->r);
        int32_t timeout_ms = rd_i32(&load->r);

        if (load->r.err == ERR_OK)
            ksession_add(&load->core->sessions, id,
                         timeout_ms > 0 ? timeout_ms : 1, load->core->now_ms);
    }
    return load->r.err;
}

static enum err acls_load(struct load *load)
{
    struct kcore *core = load->core;
    int32_t count = rd_i32(&load->r);

    for (int32_t i = 0; i < count && load->r.err == ERR_OK; i++) {
        int64_t id = rd_i64(&load->r);
        struct kacl_list list;

        if (kacl_read(&load->r, &core->arena, &list) != ERR_OK)
            break;
        if (list.n > 0)
            acl_ref_put(load, id, kacl_intern(&core->tree.acls, &list, 0));
        arena_reset(&core->arena);
    }
    return load->r.err;
}

/* An id that is not in the table: a fuzzy snapshot of another make. The node is
 * closed to all until replay says what its rights are. */
static struct kacl *acl_of(struct load *load, int64_t id)
{
    struct kacl_entry closed = { 0, BYTES("world"), BYTES("anyone") };
    struct kacl_list list = { &closed, 1, false };
    struct acl_ref *ref;

    if (id == -1)
        return NULL;
    ref = acl_ref_find(load, id);
    if (ref == NULL) {
        acl_ref_put(load, id, kacl_intern(&load->core->tree.acls, &list, 0));
        ref = acl_ref_find(load, id);
    }
    return kacl_ref(ref->acl);
}

static struct ktree_node *parent_of(struct load *load, struct bytes path)
{
    ptrdiff_t up = kpath_parent(path);
    struct bytes above = bytes_make(path.at, up < 0 ? 0 : (size_t)up);

    if (up < 0 || load->core->tree.root == NULL || path.len < 2)
        return NULL;
    if (load->parent == NULL || !bytes_equal(above, load->parent_path)) {
        load->parent = ktree_find(&load->core->tree, above);
        load->parent_path = above;
    }
    return load->parent;
}

static enum err node_load(struct load *load, struct bytes path)
{
    struct ktree *tree = &load->core->tree;
    struct rd *r = &load->r;
    struct bytes data = rd_jute(r, INT32_MAX);
    int64_t acl = rd_i64(r);
    int64_t czxid = rd_i64(r);
    int64_t mzxid = rd_i64(r);
    int64_t ctime = rd_i64(r);
    int64_t mtime = rd_i64(r);
    int32_t version = rd_i32(r);
    int32_t cversion = rd_i32(r);
    int32_t aversion = rd_i32(r);
    int64_t owner = rd_i64(r);
    int64_t pzxid = rd_i64(r);
    struct ktree_node *parent = NULL;
    struct ktree_node *node;
    uint32_t hash;

    if (r->err != ERR_OK)
        return r->err;
    if (path.len > 0) {
        parent = parent_of(load, path);
        if (parent == NULL)
            return err_set(load->why, ERR_FORMAT, "node %.*s has no parent",
                           BYTES_ARG(path));
    } else if (tree->root != NULL) {
        return err_set(load->why, ERR_FORMAT, "a second root");
    }
    hash = ktree_hash(tree, path);
    if (ktree_find_hashed(tree, path, hash) != NULL)
        return err_set(load->why, ERR_FORMAT, "node %.*s is there twice",
                       BYTES_ARG(path));
    node = ktree_add_hashed(tree, parent, path, data, acl_of(load, acl), owner,
                            hash);
    if (node == NULL)
        return err_set(load->why, ERR_NOMEM, "no memory for the tree");
    node->czxid = czxid;
    node->mzxid = mzxid;
    node->ctime = ctime;
    node->mtime = mtime;
    node->version = version;
    node->cversion = cversion;
    node->aversion = aversion;
    node->pzxid = pzxid;
    return ERR_OK;
}

static enum err nodes_load(struct load *load)
{
    for (;;) {
        struct bytes path = rd_jute(&load->r, INT32_MAX);
        enum err err;

        if (load->r.err != ERR_OK)
            return load->r.err;
        if (bytes_is(path, "/"))
            return load->core->tree.root ? ERR_OK : ERR_FORMAT;
        err = node_load(load, path);
        if (err != ERR_OK)
            return err;
    }
}

static enum err sum_check(struct load *load, struct bytes file)
{
    size_t len = file.len - load->r.left;
    uint64_t sum = rd_u64(&load->r);

    if (load->r.err != ERR_OK)
        return load->r.err;
    if (ksnap_sum(KSNAP_SUM_FIRST, bytes_make(file.at, len)) != sum)
        return err_set(load->why, ERR_CORRUPT, "the checksum is wrong");
    return ERR_OK;
}

/* What ksnap_seal() writes; the digest came with 3.6, the zxid with 3.9. */
static enum err tail_load(struct load *load, struct bytes file, int64_t *zxid)
{
    enum { DIGEST = 20, ZXID = 8, SEAL = 13 };
    struct rd *r = &load->r;
    enum err err = ERR_OK;
    bool right = bytes_is(rd_jute(r, INT32_MAX), "/");

    *zxid = -1;
    if (r->left == DIGEST + SEAL || r->left == DIGEST + ZXID + 2 * SEAL) {
        (void)rd_take(r, DIGEST);
        err = sum_check(load, file);
        right = bytes_is(rd_jute(r, INT32_MAX), "/") && right;
    }
    if (err == ERR_OK && r->left == ZXID + SEAL) {
        *zxid = rd_i64(r);
        err = sum_check(load, file);
        right = bytes_is(rd_jute(r, INT32_MAX), "/") && right;
    }
    if (err == ERR_OK && (!right || r->left > 0 || r->err != ERR_OK))
        err = err_set(load->why, ERR_FORMAT,
                      "it does not end as a snapshot does");
    return err;
}

static enum err load_all(struct kcore *core, struct bytes file, int64_t *zxid,
                         struct errmsg *why)
{
    struct load load = { .core = core, .r = rd_make(file), .why = why };
    int32_t magic = rd_i32(&load.r);
    int32_t version = rd_i32(&load.r);
    enum err err = load.r.err;

    (void)rd_i64(&load.r);
    map_init(&load.acls);
    if (err == ERR_OK && (magic != SNAP_MAGIC || version != SNAP_VERSION))
        err = err_set(why, ERR_FORMAT, "not a snapshot of version 2");
    if (err == ERR_OK)
        err = sessions_load(&load);
    if (err == ERR_OK)
        err = acls_load(&load);
    /* About as many as there are; only the speed of what follows hangs on it.
     */
    ktree_reserve(&core->tree, load.r.left / NODE_USUAL);
    if (err == ERR_OK)
        err = nodes_load(&load);
    if (err == ERR_OK)
        err = sum_check(&load, file);
    if (err == ERR_OK && zxid != NULL)
        err = tail_load(&load, file, zxid);
    load_fini(&load);
    if (err != ERR_OK && why != NULL && why->text[0] == '\0')
        err_set(why, err, "%s at byte %zu", err_words(err),
                file.len - load.r.left);
    return err;
}

enum err ksnap_load(struct kcore *core, struct bytes file, struct errmsg *why)
{
    return load_all(core, file, NULL, why);
}

enum err ksnap_load_sealed(struct kcore *core, struct bytes file, int64_t *zxid,
                           struct errmsg *why)
{
    return load_all(core, file, zxid, why);
}
