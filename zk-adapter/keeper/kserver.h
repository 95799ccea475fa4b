/* kserver.h - the doing half: sockets, timers and files around a core.
 *
 * Private to the keeper. One turn of its loop: read what is ready and feed the
 * core · hand the open batch to keeper sync, if that is idle (or write it, when
 * nobody else waits) · send what may go · free what was closed.
 */
#ifndef GREGOR_KEEPER_KSERVER_H
#define GREGOR_KEEPER_KSERVER_H

#include <pthread.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "keeper/kadmin.h"
#include "keeper/kcore.h"
#include "keeper/klog.h"
#include "keeper/krestore.h"
#include "keeper/ksnap.h"
#include "keeper/ksnap_file.h"
#include "keeper/ksnap_name.h"
#include "keeper/ktls.h"
#include "loop/loop.h"
#include "loop/pool.h"

enum {
    K_SCRATCH = 256 << 10,  /* bytes read from a socket at once */
    K_SNAP_CHUNK = 1 << 20, /* bytes of a snapshot written at once */
    K_SNAP_SLICE_US = 500,  /* time a turn may spend on a snapshot */
    K_SNAP_REST = 9,        /* times a snapshot's duration till the next */
    K_RETRY_US = 1000000,   /* between attempts to write to a bad disk */
    K_SLOW_US = 10000,      /* a sync longer than this is not the loop's */
    K_SHAKES_A_TURN = 4,    /* steps of TLS handshakes; each up to 1 ms */
};

/*  DETECT ─▶ SHAKE ─▶ OPEN      detect: TLS or plain text? The first byte
 *     └────────────────┘         tells. Who takes too long in front of OPEN is
 *                                 ended like any connection without session. */
enum kconn_phase { KCONN_DETECT, KCONN_SHAKE, KCONN_OPEN };

struct kconn {
    struct kpeer peer;
    struct keeper *keeper;
    enum kconn_phase phase;
    struct tls_conn *tls; /* NULL: plain text */
    bool shake_writes;    /* the handshake waits for room to write */
    struct list shaking;  /* in keeper.shaking: waits for its next step */
    struct list link;     /* in keeper.conns or keeper.dead */
    struct list hello;    /* in keeper.strangers: no session yet */
    struct list paused;   /* in keeper.paused */
    struct loop_io io;
    uint8_t *in; /* an unfinished frame, or paused input */
    size_t in_len;
    size_t in_size;
    struct klistener *listener; /* which it came to */
    struct kaddress *address;   /* counts connections of one peer address */
};

/* A batch on its way to the disk; lent to keeper sync and back. */
struct kbatch {
    struct job write;
    struct job done;
    struct keeper *keeper;
    struct wr records;
    int64_t first_zxid;
    int64_t started_us;
    enum err err;
    struct errmsg why;
    bool busy;
    bool roll; /* start a new file with it */
    bool low;  /* out: the disk is nearly full */
    bool slow; /* the last sync took long: keeper sync does the next one */
};

/* A snapshot under way. Nodes are gathered on the loop, a chunk at a time is
 * written by the snapshot thread. */
struct ksnap_job {
    struct ksnap snap;
    struct job write;
    struct job done;
    struct keeper *keeper;
    struct wr chunk;
    uint32_t sum;
    struct ksnap_file file;
    enum codec codec; /* what the file is compressed with */
    struct codec_writer packer;
    struct wr packed; /* compressed bytes of the chunk at hand */
    bool packing;     /* the packer has begun */
    char *temp;
    char *name;
    int64_t end_zxid; /* newest change it may show */
    int64_t started_us;
    int64_t rest_until_us; /* the next one not before */
    enum { KSNAP_IDLE, KSNAP_NODES, KSNAP_WAIT, KSNAP_SEALED } state;
    bool busy; /* the chunk is with the thread */
    bool last; /* finish the file with this chunk */
    enum err err;
    struct errmsg why;
};

/* A port that clients come to. */
struct klistener {
    struct loop_io accept;
    struct keeper *keeper;
    int fd; /* -1: closed */
    uint16_t port;
    enum kconn_phase first; /* where its connections begin */
    /* The limits of connections count by port. */
    size_t n_conns;
    struct map addresses;
};

struct keeper {
    struct keeper_config config;
    struct kcore core;
    struct loop *loop;
    pthread_t thread;
    bool running;
    struct klistener plain;  /* clientPort */
    struct klistener secure; /* secureClientPort */
    struct ktls *tls;        /* NULL: nowhere TLS */
    struct list shaking;     /* connections that wait for a turn's allowance */
    unsigned shakes_left;    /* of this turn's allowance */
    size_t n_shaking;        /* connections in the handshake */
    struct loop_timer tick;
    struct loop_timer retry;
    struct loop_timer resume;
    struct loop_hook turn;
    struct list conns;
    struct list dead;
    struct list strangers;
    struct list paused;
    uint8_t *scratch;
    struct pool *sync_pool;
    struct pool *snap_pool;
    struct klog log;
    struct kbatch batch;
    struct ksnap_job snap;
    int64_t last_snapshot; /* zxid of the newest one */
    int64_t last_snapshot_ms;
    uint64_t snap_records; /* records after which the next one is due */
    bool want_roll;
    bool ticking_late; /* the last tick came late: hear everybody first */
    int64_t last_tick_ms;
    int64_t purge_due_ms;
    struct job purge;
    bool purging;
    struct kadmin admin;
    struct krestore restore;
    struct job stop;
    int lock_fds[2]; /* of the directories; -1: none */
    char *snap_dir;  /* dataDir/version-2 */
    char *log_dir;   /* dataLogDir/version-2 */
};

/* Give the core the time of now. Every callback of the loop that lets the core
 * do something calls it first. */
void kserver_time(struct keeper *keeper);

/* klisten.c */
/* Both closed, so that klisteners_close() is allowed from here on. */
void klisteners_init(struct keeper *keeper);
/* Bind, listen, and accept as soon as the loop runs. ERR_NET: what was opened
 * stays open for klisteners_close(). */
MUST_USE enum err klisteners_open(struct keeper *keeper, struct errmsg *why);
/* Accept again, in case it had stopped for want of descriptors. */
void klisteners_wake(struct keeper *keeper);
void klisteners_close(struct keeper *keeper);

/* kshake.c */
/* The socket of a connection in DETECT or SHAKE is ready: one step, or a place
 * in keeper.shaking once the turn's allowance is used up. */
void kshake_ready(struct kconn *conn);
/* A new allowance; those who wait go first. Asks for another turn when some are
 * left. */
void kshake_turn(struct keeper *keeper);
/* The connection is done with the handshake, or closes: leave the counts. */
void kshake_end(struct kconn *conn);

/* kconn.c */
/* False: maxCnxns or maxClientCnxns (for this address) is reached. */
bool kconn_may_come(const struct klistener *listener,
                    const struct sockaddr_storage *ss);
/* Takes over `fd`. It counts against the limits until it is closed. */
void kconn_new(struct klistener *listener, int fd,
               const struct sockaddr_storage *ss);
/* The port of an address, in host order. */
uint16_t kconn_port(const struct sockaddr_storage *ss);
/* Send what may go of every dirty peer, close those that are to be closed, free
 * the dead: at the end of a turn, as nothing points to them any more. */
void kconn_flush(struct keeper *keeper);
/* Feed connections that were paused, as far as there is room for more. */
void kconn_resume(struct keeper *keeper);
/* Once a tick: end connections that have been without a session for longer than
 * sessionless_ms. */
void kconn_sweep(struct keeper *keeper);
/* End all connections; only as the last step of a turn. */
void kconn_end_all(struct keeper *keeper);
/* Close listeners and connections at once, unsent output and all. */
void kconn_close_all(struct keeper *keeper);

/* kbatch.c */
void kbatch_init(struct keeper *keeper);
/* Let the open batch go to the disk, if none is under way. `flushed`: answers
 * that may leave have left, so that the loop itself may write it. */
void kbatch_submit(struct keeper *keeper, bool flushed);
/* Once in K_RETRY_US while writes are refused: the batch that failed again, or
 * only a look whether the disk has room. */
void kbatch_retry(struct keeper *keeper);

/* ksnap_job.c */
/* Write a first snapshot, blocking, before the loop runs: without one the logs
 * of a directory are not trusted. ERR_IO, ERR_SPACE ...; a part stays under its
 * temporary name. */
MUST_USE enum err ksnap_first(struct keeper *keeper, struct errmsg *why);
/* Idle. The next one is due after half to all of snapCount records, drawn anew
 * each time, so that servers started together do not write together; or after
 * half of snapSizeLimitInKb. */
void ksnap_job_init(struct keeper *keeper);
/* Once a turn: begin when one is due, gather nodes for K_SNAP_SLICE_US, and
 * seal the file when all it shows is durable. */
void ksnap_job_turn(struct keeper *keeper);
/* After the threads have ended: remove a file that is not whole. */
void ksnap_job_stop(struct keeper *keeper);
/* When purgeInterval is over, let the snapshot thread remove old files. */
void kpurge_turn(struct keeper *keeper);

#endif
