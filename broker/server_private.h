/* server_private.h - what the files of the server share. */
#ifndef GREGOR_SERVER_PRIVATE_H
#define GREGOR_SERVER_PRIVATE_H

#include <pthread.h>

#include "broker.h"
#include "client/coord.h"
#include "client/zk.h"
#include "client/zk_saved.h"
#include "config/overrides.h"
#include "keeper/keeper.h"
#include "loop/exec.h"
#include "loop/pool.h"
#include "metadata/metadata.h"
#include "net/net.h"
#include "partition/replicas.h"
#include "registration/registration.h"
#include "server.h"

enum { SERVER_PATH_MAX = 4096 };

/* Waiting of the main thread for something on the coordination loop. */
struct server_step {
    int event_fd; /* readable when done */
    enum err err;
    struct errmsg why;
};

struct server {
    struct broker broker;
    struct config *config;
    struct listener *listeners; /* broker.listeners, writable */
    int signal_fd;              /* SIGINT, SIGTERM */
    bool interrupted;           /* a signal came */
    struct server_step step;    /* of the main thread */
    void *step_arg;             /* for the function the step runs */
    pthread_t coord_thread;
    bool coord_runs;
    struct keeper *keeper; /* embedded; else NULL */

    /* coordination loop */
    struct coord_zk coord;
    struct exec_loop exec;
    struct registration *registration;
    struct znode_broker self; /* what is registered */
    bool registered;          /* once: later sessions register anew */
    bool connected;           /* a session was up once */
    bool stopping;
    char session_file[SERVER_PATH_MAX];
    struct job save;         /* pool: writes the session file */
    struct job step_job;     /* ends a step */
    struct zk_saved saved;   /* what it writes */
    struct loop_timer retry; /* registering again */
    struct overrides_observer on_config;
    struct metadata_observer on_metadata;

    /* limits of connections (server_quota.c) */
    struct lane quota_lane;     /* one reading of them after another */
    struct job quota_job;       /* in it */
    _Atomic bool quota_waiting; /* it has not begun */
    struct lock net_lock;       /* of net_runs, and of using broker.net off the
                                   main thread */
    bool net_runs;
};

/* -- steps (server_step.c) ------------------------------------------------- */

/* Block until server_step_done(); ERR_CLOSED when a signal came first (then the
 * step may still complete later, harmlessly). */
MUST_USE enum err server_step_wait(struct server *server, struct errmsg *why);
/* End the step the main thread waits for; `why` is copied, NULL: no words. Any
 * thread. */
void server_step_done(struct server *server, enum err err,
                      const struct errmsg *why);

/* Run `fn(server)` on the coordination loop and wait for server_step_done(). */
MUST_USE enum err server_on_coord(struct server *server,
                                  void (*fn)(struct server *server),
                                  struct errmsg *why);

/* -- the session (server_session.c) --------------------------------------- */

/* Once the coordination loop is there. */
void server_session_init(struct server *server);
/* Connect, end a killed run's session, make the tree, know the cluster id. */
MUST_USE enum err server_connect(struct server *server, struct errmsg *why);
/* The broker id, from the configuration, the directories or ZooKeeper; written
 * to meta.properties. */
MUST_USE enum err server_identify(struct server *server, struct errmsg *why);
/* Write /brokers/ids/N. */
MUST_USE enum err server_register(struct server *server, struct errmsg *why);
/* Close the session; its ephemerals go. */
void server_disconnect(struct server *server);

/* -- limits of connections (server_quota.c) -------------------------------- */

/* As the configuration says, hosts resolved. */
struct server_quota {
    struct net_quota limits; /* borrows from the arena */
    struct arena arena;
};

/* Once the pool is there. The end: when its job can not run any more. */
void server_quota_init(struct server *server);
void server_quota_fini(struct server *server);
/* Read them; blocks for names. `quota` is given back with arena_fini(), also
 * after an error: ERR_ABSENT names a host that cannot be resolved. */
MUST_USE enum err server_quota_read(const struct server *server,
                                    struct server_quota *quota,
                                    struct errmsg *why);
/* The configuration changed: read them again, on the pool. */
void server_quota_changed(struct server *server);

/* -- leaving (server_leave.c) ---------------------------------------------- */

/* Ask the controller to move this broker's leaders away (ControlledShutdown);
 * gives up after controlled.shutdown.max.retries. Main thread. */
void server_leave(struct server *server);

#endif
