/* krestore.h - all data replaced by a snapshot that somebody sends.
 *
 * The admin server's `restore`: the body of its request is a snapshot, as
 * `snapshot` gives it and Apache ZooKeeper writes it (not compressed).
 *
 *     BODY ─▶ LOAD ─▶ DRAIN ─▶ COMMIT ─▶ SWAP ─▶ FREE ─▶ IDLE
 *
 * BODY    it comes into a file without a name, in dataDir.
 * LOAD    a thread reads it into a second core and checks it to its last byte,
 *         and writes that core into a new-snapshot file, all but the end.
 *         The service goes on meanwhile.
 * DRAIN   no snapshot of our own is under way; no frame is handled and no
 *         session ends any more; what was logged becomes durable. Z is the
 *         first zxid above all: ours and those of the new tree.
 * COMMIT  the file is ended with Z, synced, and renamed to snapshot.Z.
 * SWAP    every connection ends, trees and sessions change places, the next
 *         record is Z + 1 and starts a log of its own.
 * FREE    a thread frees the old tree.
 *
 * A kill at any point leaves one of the two states, whole. Up to the rename:
 * the old one, with all that was ever answered, for no reader looks at the
 * files of BODY and LOAD. From the rename on: the restored one, for snapshot.Z
 * is the newest and the logs have nothing behind Z; and no new record is made
 * before the rename is synced. A failure up to the rename is an answer, and
 * nothing else has changed; a sync of the directory that fails behind it is
 * tried again until it is done or the process ends, and everybody waits.
 *
 * Clients connect again. Those whose session is in the snapshot go on with it,
 * and set their watches again; the sessions of the others have expired.
 *
 * Private to the keeper. Threads: the keeper loop; start and stop as the
 * keeper's. The bounds: K_RESTORE_MOST, room in dataDir for the file twice and
 * K_RESTORE_SPARE, one restore at a time, and admin.rateLimiterIntervalInMS
 * between two.
 */
#ifndef GREGOR_KEEPER_KRESTORE_H
#define GREGOR_KEEPER_KRESTORE_H

#include "keeper/khttp.h"
#include "keeper/ksnap_file.h"
#include "loop/loop.h"

/* Bytes of a snapshot that is taken, and bytes of the disk it must leave. */
#define K_RESTORE_MOST (1ll << 36)
#define K_RESTORE_SPARE (16ll << 20)

struct keeper;
struct kcore;

struct krestore {
    struct keeper *keeper;
    enum {
        KRESTORE_IDLE,
        KRESTORE_BODY,
        KRESTORE_LOAD,
        KRESTORE_DRAIN,
        KRESTORE_COMMIT,
        KRESTORE_SWAP,
        KRESTORE_FREE,
    } state;
    struct khttp_conn *conn; /* waits for the answer; NULL: it went */
    int64_t asked_us;        /* monotonic, of the last one let in; 0: none */
    int64_t started_us;      /* monotonic, of LOAD */
    int fd;                  /* what came; -1: none */
    int64_t size;            /* its bytes, as announced */
    int64_t got;             /* of them, here */

    struct kcore *fresh;    /* the other core; NULL: none */
    int64_t snapshot_zxid;  /* as the snapshot says; -1: it does not */
    int64_t most_zxid;      /* the newest that its nodes show */
    int64_t zxid;           /* Z */
    struct ksnap_file file; /* the new-snapshot */
    char *temp;             /* its name; NULL: not there */
    uint32_t sum;           /* over what it holds */
    bool renamed;           /* it is snapshot.Z */

    struct job work; /* LOAD, COMMIT or FREE, on the snapshot thread */
    struct job done;
    struct loop_timer again; /* COMMIT */
    enum err err;            /* of the work */
    struct errmsg why;
};

void krestore_init(struct keeper *keeper);
/* The loop ends: nothing is to be started any more. */
void krestore_end(struct keeper *keeper);
/* The threads have ended: give back everything. */
void krestore_stop(struct keeper *keeper);

/* A request whose rights were checked announces its body: conn->taking, or
 * false and its refusal is filled in. */
bool krestore_begin(struct keeper *keeper, struct khttp_conn *conn);
/* A piece of that body; false as above. */
bool krestore_take(struct keeper *keeper, struct khttp_conn *conn,
                   struct bytes piece);
/* The body is whole; khttp_answer() comes later. */
void krestore_go(struct keeper *keeper, struct khttp_conn *conn);
/* The connection ended; no harm if it was not one of those. */
void krestore_gone(struct keeper *keeper, const struct khttp_conn *conn);

/* The last part of a turn. */
void krestore_turn(struct keeper *keeper);

/* krestore_file.c: LOAD and COMMIT, on the snapshot thread. After an error
 * r->why says what; before r->renamed nothing has changed. */
MUST_USE enum err krestore_load(struct krestore *r);
MUST_USE enum err krestore_commit(struct krestore *r);

#endif
