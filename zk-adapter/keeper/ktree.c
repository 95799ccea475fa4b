/* ktree.c - nodes in memory; see ktree.h. */
#include "keeper/ktree.h"

#include <assert.h>

enum {
    PIECE = 4096,       /* chains in a piece of the table */
    INLINE_MOST = 1024, /* longer data goes into a block of its own */
};

struct ktree_chains {
    struct ktree_node *chain[PIECE];
};

void ktree_init(struct ktree *tree)
{
    *tree = (struct ktree){ 0 };
    kacls_init(&tree->acls);
    map_init(&tree->owners);
    tree->seed = tree->owners.seed;
    list_init(&tree->containers);
    list_init(&tree->ttls);
}

static struct ktree_owned *owned_of(const struct ktree_node *node)
{
    return CONTAINER_OF(node, struct ktree_owned, node);
}

/* -- the hash table -------------------------------------------------------- */

/* Linear hashing: chains [0, n) exist; a hash falls into the chain of its low
 * bits, with one bit less when that chain does not exist yet. */
static size_t chain_index(const struct ktree *tree, uint32_t hash)
{
    size_t mask = ((size_t)1 << (64 - __builtin_clzll(tree->n_chains | 1))) - 1;
    size_t i = hash & mask;

    return i < tree->n_chains ? i : i & (mask >> 1);
}

static struct ktree_node **chain_at(const struct ktree *tree, size_t i)
{
    return &tree->pieces[i / PIECE]->chain[i % PIECE];
}

static void piece_add(struct ktree *tree)
{
    tree->pieces =
        mem_need_more(tree->pieces, tree->n_pieces + 1, sizeof(void *));
    tree->pieces[tree->n_pieces++] = mem_need(sizeof(struct ktree_chains));
}

void ktree_reserve(struct ktree *tree, size_t n)
{
    assert(tree->n == 0);
    while (tree->n_pieces * PIECE < n)
        piece_add(tree);
    if (n > tree->n_chains)
        tree->n_chains = n;
}

static void table_grow(struct ktree *tree)
{
    size_t i = tree->n_chains;

    if (i / PIECE == tree->n_pieces)
        piece_add(tree);
    tree->n_chains++;
    if (i == 0)
        return;
    /* The new chain takes its share of the one that held it until now. */
    size_t top = (size_t)1 << (63 - __builtin_clzll(i));
    struct ktree_node **from = chain_at(tree, i - top);
    struct ktree_node **to = chain_at(tree, i);
    while (*from != NULL) {
        struct ktree_node *node = *from;

        if (chain_index(tree, node->hash) == i) {
            *from = node->chain;
            node->chain = *to;
            *to = node;
        } else {
            from = &node->chain;
        }
    }
}

static void table_put(struct ktree *tree, struct ktree_node *node)
{
    if (tree->n >= tree->n_chains)
        table_grow(tree);
    struct ktree_node **chain = chain_at(tree, chain_index(tree, node->hash));
    node->chain = *chain;
    *chain = node;
    tree->n++;
}

static void table_remove(struct ktree *tree, struct ktree_node *node)
{
    struct ktree_node **at = chain_at(tree, chain_index(tree, node->hash));

    while (*at != node) {
        assert(*at != NULL);
        at = &(*at)->chain;
    }
    *at = node->chain;
    tree->n--;
}

static uint32_t path_hash(const struct ktree *tree, struct bytes path)
{
    uint64_t h = bytes_hash(path, tree->seed);

    return (uint32_t)(h ^ h >> 32);
}

/* Compare backwards: the last components differ most often. */
static bool node_is_at(const struct ktree_node *node, struct bytes path)
{
    size_t left = path.len;

    while (node->parent != NULL) {
        size_t n = node->name_len;

        if (n >= left || memcmp(path.at + left - n, node->name, n) != 0 ||
            path.at[left - n - 1] != '/')
            return false;
        left -= n + 1;
        node = node->parent;
    }
    return left == 0;
}

static struct ktree_node *find_hashed(const struct ktree *tree,
                                      struct bytes path, uint32_t hash)
{
    struct ktree_node *node;

    if (path.len == 0 || (path.len == 1 && path.at[0] == '/'))
        return tree->root;
    if (tree->n_chains == 0)
        return NULL;
    node = *chain_at(tree, chain_index(tree, hash));
    while (node != NULL && !(node->hash == hash && node_is_at(node, path)))
        node = node->chain;
    return node;
}

struct ktree_node *ktree_find(const struct ktree *tree, struct bytes path)
{
    return find_hashed(tree, path, path_hash(tree, path));
}

struct ktree_node *ktree_nearest(const struct ktree *tree, struct bytes path)
{
    while (path.len > 1) {
        do
            path.len--;
        while (path.len > 0 && path.at[path.len] != '/');
        struct ktree_node *node = ktree_find(tree, path);
        if (node != NULL)
            return node;
    }
    return tree->root;
}

/* -- owners ---------------------------------------------------------------- */

static bool owner_is(const struct map_link *link, const void *key)
{
    return CONTAINER_OF(link, const struct ktree_owner, link)->session ==
           *(const int64_t *)key;
}

struct ktree_owner *ktree_owner_find(const struct ktree *tree, int64_t session)
{
    struct map_link *link = map_find(
        &tree->owners, map_hash_int((uint64_t)session, tree->owners.seed),
        owner_is, &session);

    return link ? CONTAINER_OF(link, struct ktree_owner, link) : NULL;
}

static void owner_add(struct ktree *tree, struct ktree_owned *owned)
{
    if (owned->owner == KTREE_CONTAINER) {
        list_append(&tree->containers, &owned->link);
        return;
    }
    if (!ktree_owner_is_session(owned->owner)) {
        list_append(&tree->ttls, &owned->link);
        return;
    }
    struct ktree_owner *owner = ktree_owner_find(tree, owned->owner);
    if (owner == NULL) {
        owner = mem_need(sizeof *owner);
        owner->session = owned->owner;
        list_init(&owner->nodes);
        map_put(&tree->owners, &owner->link,
                map_hash_int((uint64_t)owner->session, tree->owners.seed));
    }
    list_append(&owner->nodes, &owned->link);
    owner->n++;
    tree->n_ephemerals++;
}

static void owner_remove(struct ktree *tree, struct ktree_owned *owned)
{
    list_remove(&owned->link);
    if (!ktree_owner_is_session(owned->owner))
        return;
    struct ktree_owner *owner = ktree_owner_find(tree, owned->owner);
    assert(owner != NULL);
    tree->n_ephemerals--;
    if (--owner->n == 0) {
        map_remove(&tree->owners, &owner->link);
        mem_free(owner);
    }
}

int64_t ktree_owner(const struct ktree_node *node)
{
    return (node->flags & KTREE_OWNED) ? owned_of(node)->owner : 0;
}

/* -- data ------------------------------------------------------------------ */

static uint8_t *outside_get(const struct ktree_node *node)
{
    uint8_t *p;

    memcpy(&p, node->name + node->name_len, sizeof p);
    return p;
}

static void outside_set(struct ktree_node *node, uint8_t *p)
{
    memcpy(node->name + node->name_len, &p, sizeof p);
}

struct bytes ktree_data(const struct ktree_node *node)
{
    if (node->flags & KTREE_NULL_DATA)
        return BYTES_NULL;
    if (node->flags & KTREE_OUTSIDE)
        return bytes_make(outside_get(node), node->data_len);
    return bytes_make(node->name + node->name_len, node->data_len);
}

static void set_flag(struct ktree_node *node, enum ktree_flag flag, bool on)
{
    node->flags =
        (on ? node->flags | (unsigned)flag : node->flags & ~(unsigned)flag) &
        0xffu;
}

static enum err put_data(struct ktree_node *node, struct bytes data)
{
    uint8_t *old = (node->flags & KTREE_OUTSIDE) ? outside_get(node) : NULL;

    if (data.len <= node->room) {
        if (data.len)
            memcpy(node->name + node->name_len, data.at, data.len);
        set_flag(node, KTREE_OUTSIDE, false);
    } else {
        uint8_t *block = mem_try(data.len);

        if (block == NULL)
            return ERR_NOMEM;
        memcpy(block, data.at, data.len);
        outside_set(node, block);
        set_flag(node, KTREE_OUTSIDE, true);
    }
    mem_free(old);
    node->data_len = (uint32_t)data.len;
    set_flag(node, KTREE_NULL_DATA, bytes_is_null(data));
    return ERR_OK;
}

enum err ktree_set_data(struct ktree *tree, struct ktree_node *node,
                        struct bytes data)
{
    int64_t before = node->data_len;
    enum err err = put_data(node, data);

    if (err == ERR_OK)
        tree->data_size += (int64_t)node->data_len - before;
    return err;
}

void ktree_set_acl(struct ktree *tree, struct ktree_node *node,
                   struct kacl *acl)
{
    kacl_unref(&tree->acls, node->acl);
    node->acl = acl;
}

/* -- nodes ----------------------------------------------------------------- */

static struct ktree_node *node_new(struct bytes name, struct bytes data,
                                   int64_t owner)
{
    size_t front = owner ? offsetof(struct ktree_owned, node) : 0;
    size_t room = data.len <= INLINE_MOST ? data.len : 0;
    uint8_t *block;
    struct ktree_node *node;

    if (room < sizeof(void *))
        room = sizeof(void *);
    block =
        mem_try(front + offsetof(struct ktree_node, name) + name.len + room);
    if (block == NULL)
        return NULL;
    node = (struct ktree_node *)(void *)(block + front);
    memset(node, 0, offsetof(struct ktree_node, name));
    node->name_len = (uint32_t)name.len & 0xffffffu;
    node->room = (uint32_t)room;
    if (name.len)
        memcpy(node->name, name.at, name.len);
    if (owner) {
        set_flag(node, KTREE_OWNED, true);
        owned_of(node)->owner = owner;
        list_init(&owned_of(node)->link);
    }
    if (put_data(node, data) != ERR_OK) {
        mem_free(block);
        return NULL;
    }
    return node;
}

static void node_free(struct ktree_node *node)
{
    if (node->flags & KTREE_OUTSIDE)
        mem_free(outside_get(node));
    if (node->flags & KTREE_OWNED)
        mem_free(owned_of(node));
    else
        mem_free(node);
}

static void count_in(struct ktree *tree, const struct ktree_node *node,
                     int64_t sign)
{
    tree->data_size += sign * (int64_t)(ktree_path_len(node) + node->data_len);
}

static void node_link(struct ktree *tree, struct ktree_node *parent,
                      struct ktree_node *node)
{
    node->parent = parent;
    if (parent == NULL) {
        tree->root = node;
        tree->n++;
    } else {
        node->next = parent->children;
        if (node->next != NULL)
            node->next->prev = node;
        parent->children = node;
        parent->n_children++;
        table_put(tree, node);
    }
    if (node->flags & KTREE_OWNED)
        owner_add(tree, owned_of(node));
    count_in(tree, node, 1);
}

static struct ktree_node *
add_hashed(struct ktree *tree, struct ktree_node *parent, struct bytes path,
           struct bytes data, struct kacl *acl, int64_t owner, uint32_t hash)
{
    size_t above =
        parent ? (parent->parent ? ktree_path_len(parent) : 0) + 1 : 0;
    struct bytes name =
        parent ? bytes_make(path.at + above, path.len - above) : BYTES("");
    struct ktree_node *node = NULL;

    if (name.len <= KTREE_NAME_MOST && data.len < UINT32_MAX)
        node = node_new(name, data, owner);
    if (node == NULL) {
        kacl_unref(&tree->acls, acl);
        return NULL;
    }
    node->acl = acl;
    node->hash = hash;
    node_link(tree, parent, node);
    return node;
}

struct ktree_node *ktree_add(struct ktree *tree, struct ktree_node *parent,
                             struct bytes path, struct bytes data,
                             struct kacl *acl, int64_t owner)
{
    return add_hashed(tree, parent, path, data, acl, owner,
                      path_hash(tree, path));
}

struct ktree_node *ktree_add_new(struct ktree *tree, struct ktree_node *parent,
                                 struct bytes path, struct bytes data,
                                 struct kacl *acl, int64_t owner, bool *exists)
{
    uint32_t hash = path_hash(tree, path);

    *exists = find_hashed(tree, path, hash) != NULL;
    if (*exists) {
        kacl_unref(&tree->acls, acl);
        return NULL;
    }
    return add_hashed(tree, parent, path, data, acl, owner, hash);
}

void ktree_detach(struct ktree *tree, struct ktree_node *node)
{
    assert(node->parent != NULL && node->children == NULL);
    count_in(tree, node, -1);
    table_remove(tree, node);
    if (node->prev != NULL)
        node->prev->next = node->next;
    else
        node->parent->children = node->next;
    if (node->next != NULL)
        node->next->prev = node->prev;
    node->parent->n_children--;
    if (node->flags & KTREE_OWNED)
        owner_remove(tree, owned_of(node));
}

void ktree_attach(struct ktree *tree, struct ktree_node *node)
{
    if (node->prev != NULL)
        node->prev->next = node;
    else
        node->parent->children = node;
    if (node->next != NULL)
        node->next->prev = node;
    node->parent->n_children++;
    table_put(tree, node);
    if (node->flags & KTREE_OWNED)
        owner_add(tree, owned_of(node));
    count_in(tree, node, 1);
}

void ktree_free(struct ktree *tree, struct ktree_node *node)
{
    /* A snapshot that stands on this node goes on behind it: the links of a
     * detached node still lead to what followed it. */
    if (tree->walk != NULL && tree->walk->at == node)
        tree->walk->at = ktree_next(node, NULL);
    kacl_unref(&tree->acls, node->acl);
    node_free(node);
}

void ktree_fini(struct ktree *tree)
{
    struct ktree_node *node = tree->root;

    while (node != NULL) { /* children before their parents, no recursion */
        if (node->children != NULL) {
            node = node->children;
            continue;
        }
        struct ktree_node *up = node->parent;
        if (up != NULL)
            up->children = node->next;
        if (node->flags & KTREE_OWNED)
            owner_remove(tree, owned_of(node));
        node_free(node);
        node = up;
    }
    for (size_t i = 0; i < tree->n_pieces; i++)
        mem_free(tree->pieces[i]);
    mem_free(tree->pieces);
    map_fini(&tree->owners);
    kacls_fini(&tree->acls);
}
