/* fake_coord.h - ZooKeeper as a tree in memory, for tests.
 *
 * One `struct fake_tree` is the ensemble; each `struct fake_coord` is one
 * session on it, with the table of client/coord.h in front. Operations are
 * queued by the verbs and executed one at a time by fake_tree_step(), in order
 * of issue over all sessions; completions and watches come from there, never
 * from inside a verb, as with the real client.
 *
 * Faults: a session can be told to lose the answer of its n-th next write
 * (executed or not), and to expire.
 *
 * Threads: one.
 */
#ifndef GREGOR_TESTS_FAKE_COORD_H
#define GREGOR_TESTS_FAKE_COORD_H

#include "client/coord.h"

struct fake_node;

struct fake_tree {
    struct fake_node *root;
    struct list queue; /* operations not yet executed */
    struct list sessions;
    int64_t zxid; /* last transaction */
    int64_t next_session;
    int64_t now_ms;  /* for ctime and mtime; the test moves it */
    size_t n_writes; /* transactions executed since start */
    size_t n_reads;  /* reads executed since start */
};

enum fake_loss { FAKE_LOSE_NONE, FAKE_LOSE_BEFORE, FAKE_LOSE_AFTER };

struct fake_coord {
    struct coord coord; /* pass this to what is tested */
    struct fake_tree *tree;
    struct list link;
    struct list watches; /* armed */
    int64_t session;     /* 0 once expired */
    unsigned lose_in;    /* 1: the next write; 0: none */
    enum fake_loss loss; /* how it is lost */
};

void fake_tree_init(struct fake_tree *tree);
void fake_tree_fini(struct fake_tree *tree);

void fake_coord_init(struct fake_coord *coord, struct fake_tree *tree);
/* Forgets the session's watches and drops its queued operations. */
void fake_coord_fini(struct fake_coord *coord);

/* Execute the oldest queued operation, or deliver nothing: false. */
bool fake_tree_step(struct fake_tree *tree);
/* Step until nothing is queued. */
void fake_tree_run(struct fake_tree *tree);

/* End the session: its ephemerals go, its queued operations complete with
 * ERR_EXPIRED, its watches are told fired = false. */
void fake_coord_expire(struct fake_coord *coord);
/* A new session after expiry. */
void fake_coord_renew(struct fake_coord *coord);

/* -- the test's own hands: at once, with watches fired -------------------- */

/* Create (parents as needed) or overwrite; `text` NULL: null data. */
void fake_tree_put(struct fake_tree *tree, const char *path, const char *text);
/* As a foreign session's ephemeral; returns the node's czxid. */
int64_t fake_tree_put_ephemeral(struct fake_tree *tree, const char *path,
                                const char *text, int64_t owner);
/* Delete with everything below. False: absent. */
bool fake_tree_drop(struct fake_tree *tree, const char *path);
/* The content as text, or NULL when absent ("" for null data). Valid until
 * the node changes. */
const char *fake_tree_text(const struct fake_tree *tree, const char *path);
bool fake_tree_has(const struct fake_tree *tree, const char *path);
bool fake_tree_is_null(const struct fake_tree *tree, const char *path);
int32_t fake_tree_version(const struct fake_tree *tree, const char *path);
int64_t fake_tree_czxid(const struct fake_tree *tree, const char *path);
size_t fake_tree_n_children(const struct fake_tree *tree, const char *path);

#endif
