/* kpath.h - which paths may be written. */
#ifndef GREGOR_KEEPER_KPATH_H
#define GREGOR_KEEPER_KPATH_H

#include "base/bytes.h"

/* True for a path ZooKeeper accepts in writes: starts with '/', no empty, "."
 * or ".." component, not ending with '/', no control or private characters, no
 * character beyond the basic plane, well-formed UTF-8. */
bool kpath_is_valid(struct bytes path);

/* Length of the parent's path: 0 for top-level nodes (the root), -1 when there
 * is no '/' in it. */
ptrdiff_t kpath_parent(struct bytes path);

static inline bool kpath_has_nul(struct bytes path)
{
    return path.len > 0 && memchr(path.at, 0, path.len) != NULL;
}

#endif
