/* kwatch.h - who wants to hear of which path.
 *
 * A watch is (connection, path) with a set of modes. It dies with the
 * connection. Finding who is concerned is decided here; building and queueing
 * the events is the caller's, through a function that is called once for each
 * connection and change.
 *
 * Threads: one at a time.
 */
#ifndef GREGOR_KEEPER_KWATCH_H
#define GREGOR_KEEPER_KWATCH_H

#include "base/bytes.h"
#include "base/list.h"
#include "base/map.h"

enum kwatch_mode {
    KWATCH_DATA = 1,       /* one shot: exists, getData */
    KWATCH_CHILD = 2,      /* one shot: getChildren */
    KWATCH_PERSISTENT = 4, /* data and children, until removed */
    KWATCH_RECURSIVE = 8,  /* data of the path and all below it */
};

enum kwatch_event {
    KWATCH_CREATED = 1,
    KWATCH_DELETED = 2,
    KWATCH_CHANGED = 3,
    KWATCH_CHILDREN = 4,
};

struct kwatch_path {
    struct map_link link; /* in kwatches.by_path */
    struct list watches;
    uint32_t len;
    uint8_t text[];
};

struct kwatch {
    struct list of_path; /* in kwatch_path.watches */
    struct list of_peer; /* in the owner's list */
    struct kwatch_path *path;
    struct kwatcher *owner;
    unsigned modes; /* enum kwatch_mode bits, never 0 */
};

/* The side of a connection. */
struct kwatcher {
    struct list watches;
    uint64_t told; /* number of the last change told to it */
    size_t n;
};

struct kwatches {
    struct map by_path;
    size_t n_recursive;
    size_t n;        /* watches */
    size_t n_data;   /* as the real server counts them in its data table */
    size_t n_child;  /* and in its child table; a persistent one is in both */
    uint64_t change; /* counts changes, for `told` */
};

/* A watch with these modes is in the real server's data table, child table. */
static inline bool kwatch_in_data(unsigned modes)
{
    return (modes & (KWATCH_DATA | KWATCH_PERSISTENT | KWATCH_RECURSIVE)) != 0;
}

static inline bool kwatch_in_child(unsigned modes)
{
    return (modes & (KWATCH_CHILD | KWATCH_PERSISTENT)) != 0;
}

typedef void kwatch_tell_fn(void *to, struct kwatcher *watcher,
                            enum kwatch_event event, struct bytes path);

/* No watch may be left when it ends: that is asserted. */
void kwatches_init(struct kwatches *watches);
void kwatches_fini(struct kwatches *watches);

/* A connection without watches. */
void kwatcher_init(struct kwatcher *watcher);
/* Forget all watches of a connection. */
void kwatcher_fini(struct kwatches *watches, struct kwatcher *watcher);

/* Add modes for a path. */
void kwatch_add(struct kwatches *watches, struct kwatcher *watcher,
                struct bytes text, unsigned modes);

/* The modes set for (watcher, path); 0 when none. */
unsigned kwatch_modes(const struct kwatches *watches,
                      const struct kwatcher *watcher, struct bytes text);

/* Take modes away; those not set do not matter. */
void kwatch_remove(struct kwatches *watches, struct kwatcher *watcher,
                   struct bytes text, unsigned modes);

/* A node was created, deleted or changed: tell everybody concerned, of the node
 * and then (created, deleted) of its parent. One-shot watches are taken out
 * before they are told of. */
void kwatch_fire(struct kwatches *watches, enum kwatch_event event,
                 struct bytes path, kwatch_tell_fn *tell, void *to);

#endif
