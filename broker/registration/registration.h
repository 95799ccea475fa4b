/* registration.h - a broker's place in the cluster: its znode, the initial
 * tree, the cluster id, a generated broker id.
 *
 * The order at start, which is Kafka's:
 *
 *   registration_prepare()   the top-level znodes, then /cluster/id
 *   registration_take_id()   only when the id is to be generated
 *   registration_register()  /brokers/ids/N: its czxid is the broker epoch
 *
 * After an expired session registration_register() again, with a new epoch,
 * before the controller takes part in elections.
 *
 * A znode that belongs to somebody else's session (a broker killed a moment
 * ago, or a copy of this one) is waited for: one line at once, ERR_EXISTS after
 * the time given, naming the endpoint in the znode.
 *
 * Threads: everything on the loop of coord and exec. One call at a time; each
 * ends in `on_done`, never from inside the call.
 */
#ifndef GREGOR_REGISTRATION_H
#define GREGOR_REGISTRATION_H

#include "client/coord.h"
#include "loop/exec.h"
#include "znode/znode.h"

struct registration;

struct registration_config {
    struct coord *coord;
    struct exec *exec;
    int64_t wait_us; /* for a foreign znode to go: the session timeout */
    void *arg;       /* for the callbacks */
};

/* What a call brought. ERR_EXPIRED, ERR_CLOSED: the session went meanwhile,
 * call again with the next one. */
typedef void registration_fn(struct registration *reg, void *arg, enum err err,
                             const struct errmsg *why);

/* `config` is copied; coord and exec are borrowed for its life. */
struct registration *registration_new(const struct registration_config *config);
/* Forgets a call that runs; its on_done will not come. */
void registration_free(struct registration **reg);

/* Create what is missing of the top-level paths; read or make /cluster/id. */
void registration_prepare(struct registration *reg, registration_fn *on_done);
/* The id read or made by the above; empty before. */
const char *registration_cluster_id(const struct registration *reg);

/* Draw the next broker id from /brokers/seqid. */
void registration_take_id(struct registration *reg, int32_t reserved_max,
                          registration_fn *on_done);
/* The id drawn; -1 before. */
int32_t registration_drawn_id(const struct registration *reg);

/* Write /brokers/ids/<id> (ephemeral) in the current session. `self` is copied;
 * its timestamp is set here. Another broker that advertises one of its
 * endpoints: ERR_INVALID, naming both. */
void registration_register(struct registration *reg, int32_t id,
                           const struct znode_broker *self,
                           registration_fn *on_done);
/* czxid of the znode; -1 before. */
int64_t registration_epoch(const struct registration *reg);

#endif
