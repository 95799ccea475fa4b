/* controller_rig.h - controllers on a tree in memory, with brokers that answer.
 *
 * One tree, one clock; any number of controllers, each with a session of its
 * own, whose requests to brokers are written down as text and answered at once
 * (or held back). Everything moves in ctl_rig_run() only.
 */
#ifndef GREGOR_TESTS_CONTROLLER_RIG_H
#define GREGOR_TESTS_CONTROLLER_RIG_H

#include "controller/internal.h"
#include "tests/support/fake_coord.h"
#include "tests/support/fake_exec.h"

enum { RIG_CONTROLLERS_MAX = 4, RIG_SENT_MAX = 4096 };

struct ctl_rig_sent {
    int32_t broker;
    int16_t key;
    char *text; /* the request as printed by the generated code */
    int by;     /* which controller */
};

struct ctl_rig_peer {
    struct list link;
    struct ctl_rig_controller *owner;
    int32_t broker;
    struct peer_call *call; /* waits for its answer; NULL: none */
    void *request;          /* copied pieces needed for the answer */
};

struct ctl_rig_controller {
    struct rig *rig;
    int number;
    struct fake_coord coord;
    struct peers peers;
    struct controller *ctl;
};

struct rig {
    struct fake_tree tree;
    struct fake_exec exec;
    struct ctl_rig_controller controllers[RIG_CONTROLLERS_MAX];
    struct list peers; /* struct ctl_rig_peer */
    struct ctl_rig_sent sent[RIG_SENT_MAX];
    size_t n_sent;
    int16_t lai_error;        /* answered for each partition */
    int32_t lai_error_broker; /* of this broker only */
    int16_t stop_error;       /* likewise, all brokers */
    int32_t deaf_broker;      /* does not answer; -1: none */
    bool unclean;
};

void ctl_rig_init(struct rig *rig);
void ctl_rig_fini(struct rig *rig);

/* A controller as broker `id`, started. */
struct ctl_rig_controller *ctl_rig_start(struct rig *rig, int number,
                                         int32_t id);
/* Free it as if its process were gone; its session expires. */
void ctl_rig_kill(struct ctl_rig_controller *c);

/* Register a broker (endpoint PLAINTEXT://h<id>:9092) in a session of its own;
 * returns its epoch. */
int64_t ctl_rig_broker(struct rig *rig, int32_t id);
void ctl_rig_broker_gone(struct rig *rig, int32_t id);
/* A topic's znode with these partitions: "0:1,2;1:2,1". */
void ctl_rig_topic(struct rig *rig, const char *name, const char *assignment);

/* Until nothing moves by itself (timers do not run). */
void ctl_rig_run(struct rig *rig);

/* One answer of a broker to one request; false: none waits. */
bool ctl_rig_answer(struct rig *rig);

/* What was sent since the last ctl_rig_forget(): how many requests of a key
 * went to a broker (-1: any) whose text holds `part` (NULL: any). */
size_t ctl_rig_count(const struct rig *rig, int32_t broker, int16_t key,
                     const char *part);
/* The first of them, or NULL. */
const char *ctl_rig_find(const struct rig *rig, int32_t broker, int16_t key,
                         const char *part);
void ctl_rig_forget(struct rig *rig);
/* Print all that was sent (for failing tests). */
void ctl_rig_print(const struct rig *rig);

/* The state znode's text. */
const char *ctl_rig_state(struct rig *rig, const char *topic,
                          int32_t partition);

#endif
