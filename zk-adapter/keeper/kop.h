/* kop.h - changes of the tree: read, checked, applied, undone, told.
 *
 * One struct stands for every kind of change, alone or inside a multi. Applying
 * checks in ZooKeeper's order and then changes the tree and writes the body of
 * the log record; what it did is noted in a struct kchange, with which it can
 * be undone in reverse order (a failed multi) or told to the watchers.
 */
#ifndef GREGOR_KEEPER_KOP_H
#define GREGOR_KEEPER_KOP_H

#include "keeper/kcore.h"

struct kop {
    int32_t type;    /* enum kopcode */
    int32_t flags;   /* create */
    int32_t version; /* delete, setData, setACL, check */
    int64_t ttl;     /* createTTL; else -1 */
    struct bytes path;
    struct bytes data;
    struct kacl_list acl;
};

/* Who changes, and when. */
struct kact {
    struct kcore *core;
    const struct kids *ids;
    int64_t session;
    int64_t zxid;
    int64_t time;
    bool multi; /* may have to be undone */
};

struct kchange {
    int32_t type;            /* enum kopcode; 0: nothing was changed */
    struct ktree_node *node; /* what it happened to; detached after a delete */
    struct bytes path;       /* final, borrowed from request or arena */
    int32_t log_type;        /* type of the log record */
    int64_t mzxid;           /* before a setData */
    int64_t mtime;
    struct bytes data;
    int64_t bytes_diff; /* of the node's data; all of it when it came or went */
    int64_t parent_pzxid; /* before a create or delete */
};

/* Read the body of a change; K_MARSHALLING when it is unreadable. The path may
 * be null. */
enum kcode kop_read(struct rd *r, int32_t type, struct arena *arena,
                    struct kop *op);

/* The checks that come before the session's: create flags and TTL. */
enum kcode kop_check_flags(const struct kcore *core, const struct kop *op);

/* Check and apply, with the record's body appended to core->log on success. On
 * failure nothing has happened. */
enum kcode kop_apply(const struct kact *act, struct kop *op,
                     struct kchange *change);

/* Undo; changes must be undone newest first. */
void kchange_undo(struct kcore *core, const struct kchange *change);
/* It is final: count it for its quota and tell the watchers. */
void kchange_tell(struct kcore *core, const struct kchange *change,
                  int64_t zxid);
/* Free what a delete detached; after telling. */
void kchange_done(struct kcore *core, const struct kchange *change);

#endif
