/* coord.h - the coordination service as a table of functions.
 *
 * What decides (controller, registration, admin) speaks to ZooKeeper through
 * this table, so that tests and the simulation can put a tree in memory
 * (tests/support/fake_coord.h) in its place. The types, the results and the
 * rules are those of zk.h: operations complete from the loop, exactly once,
 * never from inside the call.
 *
 * Threads: as zk.h; all on one loop.
 */
#ifndef GREGOR_ZK_COORD_H
#define GREGOR_ZK_COORD_H

#include "client/zk.h"

struct coord {
    void (*create)(struct coord *coord, struct zk_op *op, const char *path,
                   struct bytes data, enum zk_create_mode mode);
    void (*remove)(struct coord *coord, struct zk_op *op, const char *path,
                   int32_t version);
    void (*set)(struct coord *coord, struct zk_op *op, const char *path,
                struct bytes data, int32_t version);
    void (*get)(struct coord *coord, struct zk_op *op, const char *path,
                struct zk_watch *watch);
    void (*exists)(struct coord *coord, struct zk_op *op, const char *path,
                   struct zk_watch *watch);
    void (*children)(struct coord *coord, struct zk_op *op, const char *path,
                     struct zk_watch *watch);
    void (*multi)(struct coord *coord, struct zk_op *op, struct zk_part *parts,
                  size_t n_parts);
    void (*make_path)(struct coord *coord, struct zk_op *op, const char *path);
    void (*op_cancel)(struct coord *coord, struct zk_op *op);
    void (*watch_cancel)(struct coord *coord, struct zk_watch *watch);
    /* Id of the session of the moment; 0 before the first connection. */
    int64_t (*session_id)(struct coord *coord);
};

/* The real table: each entry hands on to the session's function. */
struct coord_zk {
    struct coord coord;
    struct zk *zk;
};

/* `zk` is borrowed; closing it is the caller's matter. */
void coord_zk_init(struct coord_zk *coord, struct zk *zk);

#endif
