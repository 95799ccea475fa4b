/* Nodes in memory. */
#include "keeper/ktree.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/support/unit.h"

static struct ktree_node *add(struct ktree *tree, const char *path,
                              const char *data, int64_t owner)
{
    struct bytes p = bytes_of(path);
    struct bytes above = p;

    while (above.at[--above.len] != '/')
        continue;
    return ktree_add(tree, ktree_find(tree, above), p, bytes_of(data), NULL,
                     owner);
}

START_TEST(an_empty_server_has_four_nodes)
{
    struct ktree tree;

    ktree_init(&tree);
    ktree_plant(&tree);
    ck_assert_uint_eq(tree.n, 4);
    ck_assert_int_eq(tree.data_size, 44);
    ck_assert_ptr_eq(ktree_find(&tree, BYTES("")), tree.root);
    ck_assert_ptr_eq(ktree_find(&tree, BYTES("/")), tree.root);
    ck_assert_int_eq(ktree_find(&tree, BYTES("/zookeeper/config"))->aversion,
                     -1);
    ck_assert_int_eq(ktree_wire_cversion(tree.root), -1);
    ck_assert_ptr_null(ktree_find(&tree, BYTES("zookeeper")));
    ck_assert_ptr_null(ktree_find(&tree, BYTES("/zookeeper/")));
    ck_assert_ptr_null(ktree_find(&tree, BYTES("//")));
    ktree_fini(&tree);
}
END_TEST

START_TEST(many_nodes_are_found_and_leave_nothing_behind)
{
    struct ktree tree;
    enum { N = 30000 };
    char path[64];

    ktree_init(&tree);
    ktree_plant(&tree);
    for (int i = 0; i < N; i++) {
        snprintf(path, sizeof path, i % 2 ? "/n%d/c" : "/n%d", i / 2);
        ck_assert_ptr_nonnull(add(&tree, path, path, 0));
    }
    for (int i = N - 1; i >= 0; i--) {
        snprintf(path, sizeof path, i % 2 ? "/n%d/c" : "/n%d", i / 2);
        struct ktree_node *node = ktree_find(&tree, bytes_of(path));
        uint8_t spelled[64];

        ck_assert_ptr_nonnull(node);
        ck_assert_bytes(ktree_data(node), bytes_of(path));
        ck_assert_uint_eq(ktree_path_len(node), strlen(path));
        ktree_path(node, spelled, strlen(path));
        ck_assert_mem_eq(spelled, path, strlen(path));
        ktree_detach(&tree, node);
        ktree_free(&tree, node);
        ck_assert_ptr_null(ktree_find(&tree, bytes_of(path)));
    }
    ck_assert_uint_eq(tree.n, 4);
    ck_assert_int_eq(tree.data_size, 44);
    ktree_fini(&tree);
}
END_TEST

START_TEST(nodes_come_and_go_in_any_order)
{
    enum { N = 20000, TURNS = 100000 };
    struct ktree tree;
    struct ktree_node **nodes = mem_need_array(N, sizeof *nodes);
    size_t n = 0;
    uint64_t x = 88172645463325252u;
    char path[32];

    ktree_init(&tree);
    ktree_plant(&tree);
    for (int turn = 0; turn < TURNS; turn++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        size_t i = x % N;
        snprintf(path, sizeof path, "/node-%zu", i);
        struct ktree_node *node = ktree_find(&tree, bytes_of(path));
        ck_assert_ptr_eq(node, nodes[i]);
        if (node == NULL) {
            nodes[i] = add(&tree, path, "", 0);
            n++;
        } else {
            ktree_detach(&tree, node);
            if (x >> 63) { /* as a failed multi puts it back */
                ktree_attach(&tree, node);
                continue;
            }
            ktree_free(&tree, node);
            nodes[i] = NULL;
            n--;
        }
        ck_assert_uint_eq(tree.n, n + 4);
    }
    ktree_fini(&tree);
    mem_free(nodes);
}
END_TEST

START_TEST(data_moves_in_and_out_of_the_node)
{
    struct ktree tree;
    static const size_t sizes[] = { 0, 5, 8, 9, 1024, 1025, 100000, 3, 0 };
    uint8_t *bytes = mem_need(100000);

    ktree_init(&tree);
    ktree_plant(&tree);
    for (size_t i = 0; i < 9; i++) {
        char path[16];

        snprintf(path, sizeof path, "/s%zu", i);
        struct ktree_node *node =
            ktree_add(&tree, tree.root, bytes_of(path),
                      bytes_make(bytes, sizes[i]), NULL, 0);
        for (size_t k = 0; k < 9; k++) {
            memset(bytes, (int)(i * 9 + k), sizes[k]);
            ck_assert_err(
                ktree_set_data(&tree, node, bytes_make(bytes, sizes[k])),
                ERR_OK);
            ck_assert_bytes(ktree_data(node), bytes_make(bytes, sizes[k]));
            ck_assert_err(ktree_set_data(&tree, node, BYTES_NULL), ERR_OK);
            ck_assert(bytes_is_null(ktree_data(node)));
        }
    }
    mem_free(bytes);
    ktree_fini(&tree);
}
END_TEST

START_TEST(detached_nodes_go_back_to_where_they_were)
{
    struct ktree tree;
    struct ktree_node *n[5];
    char path[16];

    ktree_init(&tree);
    ktree_plant(&tree);
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "/n%d", i);
        n[i] = add(&tree, path, "", i == 2 ? 77 : 0);
    }
    ktree_detach(&tree, n[2]);
    ktree_detach(&tree, n[3]);
    ktree_detach(&tree, n[1]);
    ck_assert_ptr_null(ktree_owner_find(&tree, 77));
    ktree_attach(&tree, n[1]);
    ktree_attach(&tree, n[3]);
    ktree_attach(&tree, n[2]);
    ck_assert_uint_eq(ktree_owner_find(&tree, 77)->n, 1);
    struct ktree_node *at = tree.root->children;
    for (int i = 4; i >= 0; i--, at = at->next)
        ck_assert_ptr_eq(at, n[i]);
    ktree_fini(&tree);
}
END_TEST

START_TEST(a_walk_survives_deletions_under_its_feet)
{
    struct ktree tree;
    struct ktree_walk walk;
    char path[32];
    struct ktree_node *node;
    size_t seen = 0;

    ktree_init(&tree);
    ktree_plant(&tree);
    for (int i = 0; i < 300; i++) {
        snprintf(path, sizeof path, "/d%d", i);
        add(&tree, path, "", 0);
        snprintf(path, sizeof path, "/d%d/x", i);
        add(&tree, path, "", 0);
    }
    srand(7);
    ktree_walk_start(&tree, &walk);
    while ((node = ktree_walk_next(&walk)) != NULL) {
        seen++;
        node->version = 1; /* stands for: it was given */
        /* Take away what the walk stands on, now and then. */
        if (rand() % 3 == 0 && walk.at != NULL && walk.at->children == NULL &&
            walk.at->name[0] == 'x') {
            struct ktree_node *gone = walk.at;

            ktree_detach(&tree, gone);
            ktree_free(&tree, gone);
        }
    }
    ktree_walk_stop(&tree);
    ck_assert_uint_eq(seen, tree.n);
    for (node = tree.root; node != NULL; node = ktree_next(node, NULL))
        ck_assert_int_eq(node->version, 1);
    ktree_fini(&tree);
}
END_TEST

START_TEST(the_nearest_ancestor_is_found)
{
    struct ktree tree;

    ktree_init(&tree);
    ktree_plant(&tree);
    add(&tree, "/a", "", 0);
    add(&tree, "/a/b", "", 0);
    ck_assert_ptr_eq(ktree_nearest(&tree, BYTES("/a/b/c/d")),
                     ktree_find(&tree, BYTES("/a/b")));
    ck_assert_ptr_eq(ktree_nearest(&tree, BYTES("/x/y")), tree.root);
    ck_assert_ptr_eq(ktree_nearest(&tree, BYTES("x")), tree.root);
    ck_assert_ptr_eq(ktree_nearest(&tree, BYTES("")), tree.root);
    ktree_fini(&tree);
}
END_TEST

START_TEST(two_trees_change_places_with_all_they_list)
{
    struct ktree trees[2];

    for (int i = 0; i < 2; i++) {
        ktree_init(&trees[i]);
        ktree_plant(&trees[i]);
    }
    ck_assert_ptr_nonnull(add(&trees[0], "/c", "", KTREE_CONTAINER));
    ck_assert_ptr_nonnull(add(&trees[0], "/t", "", KTREE_TTL_MASK | 5));
    ck_assert_ptr_nonnull(add(&trees[0], "/e", "", 7));
    for (int turn = 0; turn < 3; turn++) {
        struct ktree *full = &trees[turn % 2];
        struct ktree *bare = &trees[1 - turn % 2];

        ck_assert_uint_eq(full->n, 7);
        ck_assert_uint_eq(bare->n, 4);
        ck_assert_ptr_eq(full->containers.next, full->containers.prev);
        ck_assert_ptr_eq(full->containers.next->next, &full->containers);
        ck_assert_ptr_eq(full->ttls.next->next, &full->ttls);
        ck_assert(list_is_empty(&bare->containers));
        ck_assert(list_is_empty(&bare->ttls));
        ck_assert_ptr_nonnull(ktree_find(full, BYTES("/c")));
        ck_assert_ptr_null(ktree_find(bare, BYTES("/c")));
        ck_assert_uint_eq(ktree_owner_find(full, 7)->n, 1);
        ck_assert_ptr_null(ktree_owner_find(bare, 7));
        ktree_swap(&trees[0], &trees[1]);
    }
    for (int i = 0; i < 2; i++)
        ktree_fini(&trees[i]);
}
END_TEST

UNIT_MAIN("ktree", an_empty_server_has_four_nodes,
          many_nodes_are_found_and_leave_nothing_behind,
          nodes_come_and_go_in_any_order, data_moves_in_and_out_of_the_node,
          detached_nodes_go_back_to_where_they_were,
          a_walk_survives_deletions_under_its_feet,
          the_nearest_ancestor_is_found,
          two_trees_change_places_with_all_they_list)
