/* names_twice.c - equal names stand side by side once they are sorted. */
#include "api/names_twice.h"

#include <stdlib.h>

static int compare(const struct named *x, const struct named *y)
{
    int c = (x->kind > y->kind) - (x->kind < y->kind);

    return c ? c : bytes_compare(x->name, y->name);
}

/* Equal ones in the order they stand in. */
static int by_name(const void *a, const void *b)
{
    const struct named *x = *(struct named *const *)a;
    const struct named *y = *(struct named *const *)b;
    int c = compare(x, y);

    return c ? c : (x > y) - (x < y);
}

bool names_mark_twice(struct arena *arena, struct named *names, size_t n)
{
    struct named **order = arena_array(arena, n, sizeof(*order));

    if (order == NULL)
        return false;
    for (size_t i = 0; i < n; i++) {
        names[i].twice = names[i].again = false;
        order[i] = &names[i];
    }
    qsort(order, n, sizeof(*order), by_name);
    for (size_t i = 1; i < n; i++) {
        if (compare(order[i - 1], order[i]) == 0)
            order[i - 1]->twice = order[i]->twice = order[i]->again = true;
    }
    return true;
}
