/* kadmin.h - the admin server (/commands/NAME, JSON) and the metrics page.
 *
 * Both answer on the keeper loop, from the core as it is: an answer is as long
 * as what it lists, and nothing waits for the disk but `snapshot`, which waits
 * for the next snapshot and then sends its file, a piece a turn, and `restore`,
 * which takes one (krestore.h).
 *
 * Private to the keeper. Threads: the keeper loop only, but start and stop.
 */
#ifndef GREGOR_KEEPER_KADMIN_H
#define GREGOR_KEEPER_KADMIN_H

#include "keeper/khttp.h"
#include "keeper/kjson.h"

struct keeper;

struct kadmin {
    struct khttp commands;
    struct khttp metrics;
    struct khttp_conn *waiting; /* for a snapshot; NULL: nobody */
    int64_t waiting_zxid;       /* a snapshot from here on will do */
    bool waiting_stream;        /* send the file, not only its headers */
    int64_t snapshot_us;        /* monotonic time of the last one asked for */
};

/* Listen as the configuration says; nothing when it says off. ERR_NET. */
MUST_USE enum err kadmin_start(struct keeper *keeper, struct errmsg *why);
void kadmin_stop(struct keeper *keeper);

/* A snapshot of `zxid` is there under this name; NULL: it failed. */
void kadmin_snapshot_done(struct keeper *keeper, const char *name,
                          int64_t zxid);

/* kadmin_command.c: the body of a command's JSON. Commands are found by any of
 * their names; NULL: none. */
struct kadmin_command {
    const char *names[4]; /* the primary one first */
    /* NULL: snapshot and restore, which kadmin.c does. False: `*error` says
     * why not, and stands before the command's name. */
    bool (*run)(struct keeper *keeper, struct bytes query, struct kjson *json,
                char error[static 256]);
};

const struct kadmin_command *kadmin_command_find(struct bytes name);
/* The i-th in order of primary names; NULL behind the last. */
const struct kadmin_command *kadmin_command_at(size_t i);

#endif
