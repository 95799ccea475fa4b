/* ktree.h - the znodes.
 *
 * A tree of nodes, found by path through one hash table. A node keeps only the
 * last component of its path; the rest is spelled by its ancestors. Small data
 * lies in the node's own block:
 *
 *     | owner, link |  struct ktree_node  | name | data (or a pointer to it) |
 *      only when ephemeral, container, TTL
 *
 * A node of 100 bytes of data costs about 240 bytes. The table grows by one
 * chain with each new node (linear hashing), so no request pays for a rehash. A
 * link of a chain carries some bits of the hash of the node it leads to, and
 * whether that is the last one, so that most nodes that are not looked for are
 * never touched.
 *
 * Everything here is a change to memory: no system calls, no time, no checks of
 * versions or rights (kwrite.c does those). Both live requests and the replay
 * of a log go through the same functions.
 *
 * Threads: one at a time.
 */
#ifndef GREGOR_KEEPER_KTREE_H
#define GREGOR_KEEPER_KTREE_H

#include "base/list.h"
#include "keeper/kacl.h"

/* Stored values of ephemeralOwner that are no session. */
#define KTREE_CONTAINER INT64_MIN
#define KTREE_TTL_MASK ((int64_t)0xff00000000000000u)
#define KTREE_TTL_MOST 0xffffffffffll

enum { KTREE_NAME_MOST = (1 << 24) - 1 }; /* bytes of one component */

enum ktree_flag {
    KTREE_OWNED = 1,     /* has a struct ktree_tail in front */
    KTREE_OUTSIDE = 2,   /* the tail holds a pointer to the data */
    KTREE_NULL_DATA = 4, /* data is null, not empty */
};

struct ktree_node {
    uint64_t chain;              /* to the next in the hash table; ktree.c */
    struct ktree_node *parent;   /* NULL: the root */
    struct ktree_node *next;     /* sibling */
    struct ktree_node *prev;     /* sibling; NULL: the first */
    struct ktree_node *children; /* first child */
    struct kacl *acl;            /* NULL: open; counted */
    int64_t czxid;
    int64_t mzxid;
    int64_t pzxid;
    int64_t ctime; /* wall ms */
    int64_t mtime;
    int32_t version;
    int32_t cversion; /* stored: counts creates only */
    int32_t aversion;
    uint32_t n_children;
    uint32_t hash;
    uint32_t data_len;
    uint32_t name_len : 24;
    uint32_t flags : 8; /* enum ktree_flag */
    uint32_t room;      /* bytes behind the name */
    uint8_t name[];
};

/* In front of nodes that have an owner value. */
struct ktree_owned {
    struct list link; /* in ktree_owner.nodes, tree.containers or tree.ttls */
    int64_t owner;    /* as stored: session, KTREE_CONTAINER, or TTL */
    struct ktree_node node;
};

/* A session that has ephemerals. */
struct ktree_owner {
    struct map_link link; /* in tree.owners */
    int64_t session;
    struct list nodes;
    size_t n;
};

struct ktree_chains; /* a piece of the hash table */

struct ktree_walk {
    struct ktree_node *at; /* next node to give out; NULL: done */
};

struct ktree {
    struct ktree_chains **pieces;
    size_t n_pieces; /* allocated pieces */
    size_t n_chains; /* chains in use */
    size_t n;        /* nodes, the root too */
    size_t n_ephemerals;
    int64_t data_size; /* sum of path and data lengths */
    uint64_t seed;
    struct ktree_node *root;
    struct kacls acls;
    struct map owners;
    struct list containers;
    struct list ttls;
    struct ktree_walk *walk; /* a snapshot under way, or NULL */
};

/* A tree with nothing in it, not even a root (a snapshot brings its own). */
void ktree_init(struct ktree *tree);
/* Frees nodes and access lists, without recursion. */
void ktree_fini(struct ktree *tree);

/* Change all of two trees, neither of which is walked. */
void ktree_swap(struct ktree *a, struct ktree *b);

/* The nodes of an empty server: / /zookeeper /zookeeper/quota
 * /zookeeper/config. */
void ktree_plant(struct ktree *tree);

/* Make the table ready for about `n` nodes; only while there are none. */
void ktree_reserve(struct ktree *tree, size_t n);

/* The node at a path, or NULL. "" is the root. */
struct ktree_node *ktree_find(const struct ktree *tree, struct bytes path);

/* The nearest existing ancestor of a path with no node (the root at last). */
struct ktree_node *ktree_nearest(const struct ktree *tree, struct bytes path);

/* Add a node below `parent`; the parent's counters are the caller's matter.
 * path   full path, parent's + '/' + name; nothing is there yet.
 * acl    the reference passes to the node, also after a failure.
 * owner  stored ephemeralOwner.
 * All stats of the new node are zero. NULL: no memory, or a component of more
 * than KTREE_NAME_MOST bytes. */
struct ktree_node *ktree_add(struct ktree *tree, struct ktree_node *parent,
                             struct bytes path, struct bytes data,
                             struct kacl *acl, int64_t owner);

/* The hash of a path, for those who need it more than once. Its place in the
 * table is fetched meanwhile: ask early. */
uint32_t ktree_hash(const struct ktree *tree, struct bytes path);

/* This node will be detached soon: fetch its place in the table. */
void ktree_expect_end(const struct ktree *tree, const struct ktree_node *node);

/* The path with this hash will be looked up soon: fetch its node, too. */
void ktree_expect(const struct ktree *tree, uint32_t hash);

/* ktree_find() and ktree_add() with the path's hash. */
struct ktree_node *ktree_find_hashed(const struct ktree *tree,
                                     struct bytes path, uint32_t hash);
struct ktree_node *ktree_add_hashed(struct ktree *tree,
                                    struct ktree_node *parent,
                                    struct bytes path, struct bytes data,
                                    struct kacl *acl, int64_t owner,
                                    uint32_t hash);

/* Take a node without children out of the tree, its links kept so that
 * ktree_attach() in reverse order puts it back where it was. */
void ktree_detach(struct ktree *tree, struct ktree_node *node);
/* Cannot fail. `node`: the one detached last and neither freed nor put back. */
void ktree_attach(struct ktree *tree, struct ktree_node *node);
/* Free a detached node. */
void ktree_free(struct ktree *tree, struct ktree_node *node);

/* Replace the data; ERR_NOMEM leaves it as it was. */
enum err ktree_set_data(struct ktree *tree, struct ktree_node *node,
                        struct bytes data);

/* Replace the list; takes over the reference. */
void ktree_set_acl(struct ktree *tree, struct ktree_node *node,
                   struct kacl *acl);

/* Borrowed until the node is changed or freed; null when its data is null. */
struct bytes ktree_data(const struct ktree_node *node);

/* Stored ephemeralOwner. */
int64_t ktree_owner(const struct ktree_node *node);

static inline bool ktree_owner_is_session(int64_t owner)
{
    return owner != 0 && owner != KTREE_CONTAINER &&
           (owner & KTREE_TTL_MASK) != KTREE_TTL_MASK;
}

/* ephemeralOwner as clients see it: containers and TTL nodes show 0. */
static inline int64_t ktree_wire_owner(const struct ktree_node *node)
{
    int64_t owner = ktree_owner(node);

    return ktree_owner_is_session(owner) ? owner : 0;
}

static inline int32_t ktree_wire_cversion(const struct ktree_node *node)
{
    return (int32_t)(2u * (uint32_t)node->cversion - node->n_children);
}

static inline struct bytes ktree_name(const struct ktree_node *node)
{
    return bytes_make(node->name, node->name_len);
}

/* Bytes of the full path ("/" is 1). */
size_t ktree_path_len(const struct ktree_node *node);
/* Write the full path into `out` of that length. */
void ktree_path(const struct ktree_node *node, uint8_t *out, size_t len);

/* The session's ephemerals, or NULL when it has none. */
struct ktree_owner *ktree_owner_find(const struct ktree *tree, int64_t session);

/* The next node of `under`'s descendants after `node`, in depth-first order;
 * NULL at the end. Starts with node == under. */
struct ktree_node *ktree_next(const struct ktree_node *node,
                              const struct ktree_node *under);

/* A walk over all nodes, parents first, that survives changes in between: what
 * exists from start to end is given exactly once. One at a time. */
void ktree_walk_start(struct ktree *tree, struct ktree_walk *walk);
/* NULL: all were given. The node may be changed or detached before the next
 * call. */
struct ktree_node *ktree_walk_next(struct ktree_walk *walk);
void ktree_walk_stop(struct ktree *tree);

#endif
