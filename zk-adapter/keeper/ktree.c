/* ktree.c - nodes in memory; see ktree.h. */
#include "keeper/ktree.h"

#include <assert.h>

enum {
    PIECE = 4096,       /* chains in a piece of the table */
    INLINE_MOST = 1024, /* longer data goes into a block of its own */
    SPLITS_AHEAD = 4,   /* chains looked at before they are split */
};

struct ktree_chains {
    uint64_t chain[PIECE];
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

static uint64_t *chain_at(const struct ktree *tree, size_t i)
{
    return &tree->pieces[i / PIECE]->chain[i % PIECE];
}

/* A link: | 1: leads to the last | 15 bits of the hash | 48 bits of address |,
 * 0 when it leads nowhere. The bits of the hash are those by which chains part
 * next while there are between 2^10 and 2^25 of them, so that a chain can be
 * split by its links. */
enum { LINK_ADDRESS = 48, LINK_BITS_FROM = 10, LINK_BITS = 15 };
#define LINK_LAST ((uint64_t)1 << 63)

static uint64_t link_bits(uint32_t hash)
{
    return (uint64_t)(hash >> LINK_BITS_FROM & ((1u << LINK_BITS) - 1))
           << LINK_ADDRESS;
}

/* To `node`, with `next` behind it. */
static uint64_t link_to(const struct ktree_node *node, uint64_t next)
{
    uint64_t at = (uint64_t)(uintptr_t)node;

    assert(at >> LINK_ADDRESS == 0);
    return at | link_bits(node->hash) | (next ? 0 : LINK_LAST);
}

static struct ktree_node *link_node(uint64_t link)
{
    return (
        struct ktree_node *)(uintptr_t)(link &
                                        (((uint64_t)1 << LINK_ADDRESS) - 1));
}

static bool link_may_be(uint64_t link, uint32_t hash)
{
    return (link & ~LINK_LAST) >> LINK_ADDRESS ==
           link_bits(hash) >> LINK_ADDRESS;
}

static uint64_t link_next(uint64_t link)
{
    if (link == 0)
        return 0;
    return link & LINK_LAST ? 0 : link_node(link)->chain;
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

/* The bit of the hash by which the chains part, as far as the link tells. */
static bool link_hash_bit(uint64_t link, unsigned bit)
{
    if (bit >= LINK_BITS_FROM && bit < LINK_BITS_FROM + LINK_BITS)
        return link >> (LINK_ADDRESS + bit - LINK_BITS_FROM) & 1;
    return link_node(link)->hash >> bit & 1;
}

/* The new chain takes its share of the one that held it until now. */
static void chain_split(struct ktree *tree, size_t from, size_t to)
{
    unsigned bit = 63 - (unsigned)__builtin_clzll(to);
    uint64_t link = *chain_at(tree, from);
    uint64_t ends[2] = { 0, 0 };

    if (link & LINK_LAST) { /* one node: it need not be touched */
        if (link_hash_bit(link, bit)) {
            *chain_at(tree, to) = link;
            *chain_at(tree, from) = 0;
        }
        return;
    }
    while (link != 0) {
        struct ktree_node *node = link_node(link);
        uint64_t *end = &ends[link_hash_bit(link, bit)];
        uint64_t next = link_next(link);

        node->chain = *end;
        *end = (link & ~LINK_LAST) | (*end ? 0 : LINK_LAST);
        link = next;
    }
    *chain_at(tree, from) = ends[0];
    *chain_at(tree, to) = ends[1];
}

/* Chains that will be split soon: their first nodes shall be at hand then, and
 * those behind them. */
static void chains_expect(const struct ktree *tree, size_t i)
{
    uint64_t far = *chain_at(tree, i + 2 * SPLITS_AHEAD);
    uint64_t near = *chain_at(tree, i + SPLITS_AHEAD);

    if (far != 0 && !(far & LINK_LAST))
        __builtin_prefetch(link_node(far), 1);
    near = link_next(near);
    if (near != 0 && !(near & LINK_LAST))
        __builtin_prefetch(link_node(near), 1);
}

static void table_grow(struct ktree *tree)
{
    size_t i = tree->n_chains;
    size_t from;

    if (i / PIECE == tree->n_pieces)
        piece_add(tree);
    tree->n_chains++;
    if (i == 0)
        return;
    from = i - ((size_t)1 << (63 - __builtin_clzll(i)));
    if (from + 2 * SPLITS_AHEAD < i)
        chains_expect(tree, from);
    chain_split(tree, from, i);
}

static void table_put(struct ktree *tree, struct ktree_node *node)
{
    if (tree->n >= tree->n_chains)
        table_grow(tree);
    uint64_t *chain = chain_at(tree, chain_index(tree, node->hash));
    node->chain = *chain;
    *chain = link_to(node, node->chain);
    tree->n++;
}

static void table_remove(struct ktree *tree, struct ktree_node *node)
{
    uint64_t *at = chain_at(tree, chain_index(tree, node->hash));
    uint64_t *before = NULL; /* the link that leads to the one before */

    while (link_node(*at) != node) {
        assert(*at != 0 && !(*at & LINK_LAST));
        before = at;
        at = &link_node(*at)->chain;
    }
    *at = node->chain;
    if (*at == 0 && before != NULL)
        *before |= LINK_LAST;
    tree->n--;
}

/* Eight bytes at once; keyed, so that nobody can choose paths of one chain. */
static uint64_t mix(uint64_t a, uint64_t b)
{
    __extension__ unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint32_t path_hash(const struct ktree *tree, struct bytes path)
{
    uint64_t h = tree->seed ^ path.len;
    uint64_t word;

    for (; path.len >= sizeof word; path.len -= sizeof word) {
        memcpy(&word, path.at, sizeof word);
        h = mix(h ^ word ^ 0x9e3779b97f4a7c15u, tree->seed | 1);
        path.at += sizeof word;
    }
    word = 0;
    if (path.len > 0)
        memcpy(&word, path.at, path.len);
    h = mix(h ^ word ^ 0xe7037ed1a0b428dbu, 0x8ebc6af09c88c6e3u);
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

uint32_t ktree_hash(const struct ktree *tree, struct bytes path)
{
    uint32_t hash = path_hash(tree, path);

    if (tree->n_chains > 0)
        __builtin_prefetch(chain_at(tree, chain_index(tree, hash)), 1);
    return hash;
}

void ktree_expect_end(const struct ktree *tree, const struct ktree_node *node)
{
    __builtin_prefetch(chain_at(tree, chain_index(tree, node->hash)), 1);
}

void ktree_expect(const struct ktree *tree, uint32_t hash)
{
    uint64_t link;

    if (tree->n_chains == 0)
        return;
    link = *chain_at(tree, chain_index(tree, hash));
    if (link != 0 && (!(link & LINK_LAST) || link_may_be(link, hash)))
        __builtin_prefetch(link_node(link));
}

struct ktree_node *ktree_find_hashed(const struct ktree *tree,
                                     struct bytes path, uint32_t hash)
{
    if (path.len == 0 || (path.len == 1 && path.at[0] == '/'))
        return tree->root;
    if (tree->n_chains == 0)
        return NULL;
    for (uint64_t link = *chain_at(tree, chain_index(tree, hash)); link != 0;
         link = link_next(link)) {
        struct ktree_node *node = link_node(link);

        if (link_may_be(link, hash) && node->hash == hash &&
            node_is_at(node, path))
            return node;
    }
    return NULL;
}

struct ktree_node *ktree_find(const struct ktree *tree, struct bytes path)
{
    return ktree_find_hashed(tree, path, path_hash(tree, path));
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

struct ktree_node *ktree_add_hashed(struct ktree *tree,
                                    struct ktree_node *parent,
                                    struct bytes path, struct bytes data,
                                    struct kacl *acl, int64_t owner,
                                    uint32_t hash)
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
    return ktree_add_hashed(tree, parent, path, data, acl, owner,
                            path_hash(tree, path));
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
