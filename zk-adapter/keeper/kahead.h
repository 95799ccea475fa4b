/* kahead.h - what the next requests are about, fetched from memory early.
 *
 * In a tree of a million nodes each path that is looked up costs two visits to
 * main memory, one after the other: its chain in the table, and the node there.
 * Requests come in heaps, and so do log records at a start. While one is worked
 * on, the node of the next and the chain of the one after that are fetched:
 *
 *     | now | next: node | after: chain | ...
 *                                       ^ at
 *
 * Nothing depends on it but speed; bytes that are no path do no harm.
 *
 * Threads: that of the tree.
 */
#ifndef GREGOR_KEEPER_KAHEAD_H
#define GREGOR_KEEPER_KAHEAD_H

#include "keeper/ktree.h"

/* Where lengths and paths lie in what is looked at, in bytes from the start of
 * one piece. */
struct kahead_form {
    size_t len_at;  /* the length (i32) ... */
    size_t besides; /* ... and what it does not count */
    size_t path_at; /* the path, a jute string */
};

struct kahead {
    const struct kahead_form *form;
    size_t at;     /* start of the piece that is looked at next */
    uint32_t hash; /* of the path in the one before */
    bool known;    /* there is such a path */
};

/* Begin with the piece at `at`. */
void kahead_start(struct kahead *ahead, const struct kahead_form *form,
                  size_t at);

/* Work on one piece begins; `in` holds those behind it, as far as they came. */
void kahead_look(struct kahead *ahead, const struct ktree *tree,
                 struct bytes in);

#endif
