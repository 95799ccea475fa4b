/* ktree_walk.c - paths, order, and the first nodes. */
#include <assert.h>

#include "keeper/ktree.h"

size_t ktree_path_len(const struct ktree_node *node)
{
    size_t len = 0;

    if (node->parent == NULL)
        return 1;
    for (; node->parent != NULL; node = node->parent)
        len += node->name_len + 1u;
    return len;
}

void ktree_path(const struct ktree_node *node, uint8_t *out, size_t len)
{
    if (node->parent == NULL) {
        out[0] = '/';
        return;
    }
    for (; node->parent != NULL; node = node->parent) {
        len -= node->name_len;
        memcpy(out + len, node->name, node->name_len);
        out[--len] = '/';
    }
    assert(len == 0);
}

struct ktree_node *ktree_next(const struct ktree_node *node,
                              const struct ktree_node *under)
{
    if (node->children != NULL)
        return node->children;
    while (node != under && node != NULL) {
        if (node->next != NULL)
            return node->next;
        node = node->parent;
    }
    return NULL;
}

void ktree_walk_start(struct ktree *tree, struct ktree_walk *walk)
{
    assert(tree->walk == NULL);
    walk->at = tree->root;
    tree->walk = walk;
}

struct ktree_node *ktree_walk_next(struct ktree_walk *walk)
{
    struct ktree_node *node = walk->at;

    if (node != NULL)
        walk->at = ktree_next(node, NULL);
    return node;
}

void ktree_walk_stop(struct ktree *tree)
{
    tree->walk = NULL;
}

void ktree_plant(struct ktree *tree)
{
    struct kacl_entry read_only = { KACL_READ, BYTES("world"),
                                    BYTES("anyone") };
    struct kacl_list list = { &read_only, 1, false };
    struct ktree_node *root =
        ktree_add(tree, NULL, BYTES("/"), BYTES(""), NULL, 0);
    struct ktree_node *own;
    struct ktree_node *config;

    assert(root != NULL);
    own = ktree_add(tree, root, BYTES("/zookeeper"), BYTES(""), NULL, 0);
    assert(own != NULL);
    config =
        ktree_add(tree, own, BYTES("/zookeeper/quota"), BYTES(""), NULL, 0);
    assert(config != NULL);
    config = ktree_add(tree, own, BYTES("/zookeeper/config"), BYTES(""),
                       kacl_intern(&tree->acls, &list, 0), 0);
    assert(config != NULL);
    config->aversion = -1;
}

/* -- exchange -------------------------------------------------------------- */

/* A head whose struct was copied from `old`: its ring still leads there. */
static void list_moved(struct list *head, const struct list *old)
{
    if (head->next == old) {
        list_init(head);
        return;
    }
    head->next->prev = head;
    head->prev->next = head;
}

void ktree_swap(struct ktree *a, struct ktree *b)
{
    struct ktree old = *a;

    assert(a->walk == NULL && b->walk == NULL);
    *a = *b;
    *b = old;
    list_moved(&a->containers, &b->containers);
    list_moved(&b->containers, &a->containers);
    list_moved(&a->ttls, &b->ttls);
    list_moved(&b->ttls, &a->ttls);
}
