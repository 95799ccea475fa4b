/* names_twice.h - which names of a request stand in it more than once.
 *
 * A frame may carry millions of names, so they are sorted, not compared each
 * with each.
 */
#ifndef GREGOR_NAMES_TWICE_H
#define GREGOR_NAMES_TWICE_H

#include "base/bytes.h"
#include "base/mem.h"

struct named {
    struct bytes name; /* borrowed */
    int8_t kind;       /* names of different kinds are different names */
    bool twice;        /* set by names_mark_twice(): another one is equal */
    bool again;        /* likewise: an equal one stands before it */
};

/* Set `twice` and `again` in each of the `n`. False when the arena is full. */
bool names_mark_twice(struct arena *arena, struct named *names, size_t n);

#endif
