/* internal.h - the parts of the controller, as its files see each other.
 *
 * One event at a time. Handling an event is a list of steps; a step may start
 * ZooKeeper operations, and the next one runs when all of them are done:
 *
 *     queue ──▶ event ──▶ step ─(operations)─▶ step ─▶ ... ──▶ next event
 *                           └ flow_then() puts further steps in front
 *
 * So a file reads from top to bottom in the order in which things happen. A
 * step that calls flow_then() several times has those run in that order, before
 * whatever was planned earlier. What must not go on (epoch check failed,
 * session gone) calls ctl_abort(): the operations that are out are forgotten,
 * no further step runs, the controller resigns, the next event begins.
 *
 * The driver gives the loop back after 5 ms of steps. Steps over many
 * partitions keep a cursor and ask flow_is_late().
 *
 * Private to the folder. Threads: the coordination loop's.
 */
#ifndef GREGOR_CTL_INTERNAL_H
#define GREGOR_CTL_INTERNAL_H

#include "client/coord.h"
#include "controller/context.h"
#include "controller/controller.h"
#include "controller/elect.h"
#include "controller/world.h"
#include "wire/msg_leader_and_isr.h"
#include "wire/msg_stop_replica.h"
#include "wire/msg_update_metadata.h"

/* -- events --------------------------------------------------------------- */

/* clang-format off */
#define CTL_EVENTS(X) /* kind, handled by inactive controllers too */ \
    X(ELECT, true)             /* /controller may have changed */ \
    X(BROKER_CHANGE, false)    /* children of /brokers/ids */ \
    X(BROKER_MODIFIED, false)  /* data of /brokers/ids/N */ \
    X(TOPIC_CHANGE, false)     /* children of /brokers/topics */ \
    X(TOPIC_MODIFIED, false)   /* data of /brokers/topics/T */ \
    X(TOPIC_DELETION, false)   /* children of /admin/delete_topics */ \
    X(ISR_CHANGE, false)       /* children of /isr_change_notification */ \
    X(LOG_DIR_EVENT, false)    /* children of /log_dir_event_notification */ \
    X(PREFERRED_ZNODE, false)  /* /admin/preferred_replica_election */ \
    X(PREFERRED_TIMER, false)  /* time to look for imbalance */ \
    X(UNCLEAN_ENABLED, false)  /* elections that may succeed now */ \
    X(STORAGE_ERRORS, false)   /* LeaderAndIsr answers with offline dirs */ \
    X(STOP_ANSWERS, false)     /* StopReplica answers for deletions */ \
    X(EXTERNAL, true)          /* controller_submit() */
/* clang-format on */

enum ctl_event_kind {
#define X(kind, inactive) EVENT_##kind,
    CTL_EVENTS(X)
#undef X
        N_EVENTS
};

/* A partition and what a broker said about it. */
struct ctl_answer {
    struct bytes topic; /* in the event */
    int32_t index;
    bool ok;
};

struct ctl_event {
    struct list link;
    enum ctl_event_kind kind;
    int32_t broker;             /* BROKER_MODIFIED, answers */
    char *topic;                /* TOPIC_MODIFIED; owned */
    struct ctl_answer *answers; /* owned, with the names they point to */
    size_t n_answers;
    struct controller_event *external;
};

/* A watch that queues an event of one kind, unless one is queued already; one
 * of a broker or topic always does. */
struct ctl_watch {
    struct zk_watch watch;
    struct controller *ctl;
    enum ctl_event_kind kind;
    int32_t broker;          /* BROKER_MODIFIED */
    struct ctx_topic *topic; /* TOPIC_MODIFIED */
};

/* -- flow ----------------------------------------------------------------- */

typedef void step_fn(struct controller *ctl);

enum { FLOW_STEPS_MAX = 64, FLOW_SLICE_US = 5000 };

struct flow {
    step_fn *steps[FLOW_STEPS_MAX]; /* a stack; the top runs next */
    size_t depth;
    struct list pending; /* operations that are out (struct ctl_op) */
    bool driving;        /* flow_go() is on the C stack */
    bool aborted;
    bool resume_posted;
    const char *why;    /* of the abort */
    int64_t started_us; /* of this slice */
    struct job resume;
    struct arena arena; /* what lives as long as the event */
    void (*on_abort)(struct controller *ctl); /* an answer that is owed */
};

/* One operation of a step, in the event's arena. `on_done` is called for every
 * outcome but those that end the event (expired, closed). */
struct ctl_op;
typedef void ctl_op_fn(struct controller *ctl, struct ctl_op *op);

struct ctl_op {
    struct list link; /* in flow.pending */
    struct zk_op op;
    struct controller *ctl;
    ctl_op_fn *on_done;
    void *arg;
    struct zk_part *parts; /* of a multi; the first is the epoch check */
    size_t n_parts;
};

/* -- writing partition states --------------------------------------------- */

enum item_status {
    ITEM_DECIDE,   /* the decide function is to be asked (again) */
    ITEM_WRITE,    /* decided, to be written */
    ITEM_SENT,     /* in a multi that is out */
    ITEM_CONFLICT, /* its version differs: read it again */
    ITEM_WRITTEN,  /* done, the context holds what was written */
    ITEM_KEPT,     /* decided: nothing to write */
    ITEM_FAILED    /* decided: cannot be; or the write failed for good */
};

struct state_item {
    struct ctx_topic *topic;
    int32_t index;
    int32_t broker; /* what it is about, for the decide function */
    enum item_status status;
    bool single; /* write it in a multi of its own */
    bool is_new; /* first state: LeaderAndIsr says isNew */
    uint8_t tries;
    uint8_t made;              /* creation one by one: parents known made */
    int16_t error;             /* Kafka's, for AlterPartition */
    struct znode_state next;   /* what is to be written */
    const int32_t *recipients; /* of LeaderAndIsr afterwards */
    size_t n_recipients;
    void *arg; /* the decide function's */
};

/* Fill item->next and set ITEM_WRITE, or set ITEM_KEPT or ITEM_FAILED. The
 * context holds what is known of the partition. */
typedef void decide_fn(struct controller *ctl, struct state_item *item,
                       struct ctx_partition *p);

struct update {
    struct state_item *items; /* in the flow's arena */
    size_t n_items;
    size_t cursor;
    decide_fn *decide;
};

/* -- requests to brokers -------------------------------------------------- */

struct lai_entry {
    struct ctx_topic *topic;
    int32_t index;
    int32_t broker;
    bool is_new;
};

struct stop_entry {
    struct ctx_topic *topic;
    int32_t index;
    int32_t broker;
    bool delete;
};

struct um_entry {
    struct ctx_topic *topic;
    int32_t index;
};

/* What one step of the state machines wants to tell brokers. */
struct batch {
    struct lai_entry *lai;
    size_t n_lai, size_lai;
    struct stop_entry *stop;
    size_t n_stop, size_stop;
    struct um_entry *um;
    size_t n_um, size_um;
    bool um_brokers; /* UpdateMetadata even without partitions */
};

/* -- the controller ------------------------------------------------------- */

struct work { /* of the event that is handled, zeroed before */
    struct ctl_event *event;
    struct bytes *names; /* listed children, copied */
    size_t n_names;
    size_t cursor;
    struct ctx_topic **topics; /* gathered */
    size_t n_topics;
    int32_t *brokers; /* gathered */
    size_t n_brokers;
    enum elect_strategy strategy;
    bool any;                    /* something happened that others look at */
    struct unclean_set *unclean; /* partitions.c */
    void *private_;              /* of the file that handles the event */
    struct seen_brokers *seen;   /* brokers.c */
};

struct controller {
    struct ctl_world world;
    struct ctl_settings settings;
    _Atomic bool active;
    _Atomic int32_t active_id;
    bool started, stopping;
    bool electing;            /* between winning and the end of failover */
    int32_t epoch;            /* of this controller, while active */
    int32_t epoch_zk_version; /* of /controller_epoch */
    int64_t session;          /* in which it was elected */

    struct context context;
    struct list events;        /* struct ctl_event */
    unsigned queued[N_EVENTS]; /* how many of each kind wait */
    bool external_running;
    struct flow flow;
    struct work work;
    struct update update;
    struct batch batch;
    uint32_t mark; /* for listings */

    struct ctl_watch controller_watch, brokers_watch, topics_watch,
        deletions_watch, isr_watch, log_dir_watch, preferred_watch;
    struct loop_timer preferred_timer;
    struct loop_timer retry_timer; /* election again after an odd failure */
    struct list channels;          /* all open ones */
    struct job *on_stopped;
};

/* events.c */
/* Queue an event, unless one of its kind waits. What comes to an inactive
 * controller and is not for it is dropped in its turn. All of these may begin
 * to handle events before they return. */
void ctl_event_put(struct controller *ctl, enum ctl_event_kind kind);
/* One of a broker, or of a topic's znode (name copied): always queued. */
void ctl_event_put_broker(struct controller *ctl, enum ctl_event_kind kind,
                          int32_t broker);
void ctl_event_put_topic(struct controller *ctl, struct bytes topic);
/* Takes over the event's memory. */
void ctl_event_put_whole(struct controller *ctl, struct ctl_event *event);
/* As above, but begins in a later turn: for callbacks in which a channel must
 * not be closed. */
void ctl_event_put_later(struct controller *ctl, struct ctl_event *event);
/* An event in no queue, all else zero; ctl_event_free() frees what it owns,
 * too. */
struct ctl_event *ctl_event_new(enum ctl_event_kind kind);
void ctl_event_free(struct ctl_event *event);
/* Not set yet. For BROKER_MODIFIED and TOPIC_MODIFIED fill broker or topic. */
void ctl_watch_init(struct ctl_watch *watch, struct controller *ctl,
                    enum ctl_event_kind kind);

/* flow.c */
/* Idle; the end forgets the operations that are out. */
void flow_init(struct controller *ctl);
void flow_fini(struct controller *ctl);
/* Put a step in front of what is planned, behind those this step put there. */
void flow_then(struct controller *ctl, step_fn *step);
/* Has this slice taken FLOW_SLICE_US? Then plan yourself again and return. */
bool flow_is_late(struct controller *ctl);
/* Go on with whatever can go on; safe to call at any time. */
void flow_go(struct controller *ctl);
/* Go on in a later turn of the loop. */
void flow_go_later(struct controller *ctl);
/* Memory that lives as long as the event; never NULL. */
void *flow_take(struct controller *ctl, size_t count, size_t size);
/* With a NUL behind it; null stays null. */
struct bytes flow_copy(struct controller *ctl, struct bytes b);
/* See above; `why` is one word for the line, static. The first one counts. */
void ctl_abort(struct controller *ctl, const char *why);

/* Operations of the step that runs; the next step waits for all of them. Paths
 * and data are copied; `watch` may be NULL. Writes are sent again after a lost
 * connection: op.retried tells when ERR_EXISTS or ERR_CONFLICT may be our own
 * doing. These do not look at the epoch. */
void ctl_get(struct controller *ctl, const char *path, struct ctl_watch *watch,
             ctl_op_fn *on_done, void *arg);
void ctl_exists(struct controller *ctl, const char *path,
                struct ctl_watch *watch, ctl_op_fn *on_done, void *arg);
void ctl_children(struct controller *ctl, const char *path,
                  struct ctl_watch *watch, ctl_op_fn *on_done, void *arg);
void ctl_create(struct controller *ctl, const char *path, struct bytes data,
                ctl_op_fn *on_done, void *arg);
void ctl_set(struct controller *ctl, const char *path, struct bytes data,
             int32_t version, ctl_op_fn *on_done, void *arg);
/* `parts` are in the flow's arena, with paths and data. Unguarded. */
void ctl_multi(struct controller *ctl, struct zk_part *parts, size_t n,
               ctl_op_fn *on_done, void *arg);
/* Guarded: leave parts[0] free, it becomes the check of /controller_epoch. A
 * failed check aborts; other outcomes go to on_done, with op.failed_part
 * counting from parts[0]. Sent again after a lost connection. */
void ctl_guarded(struct controller *ctl, struct zk_part *parts, size_t n,
                 ctl_op_fn *on_done, void *arg);
/* Delete these paths under the guard, cut into multis; what is absent is fine.
 * Ends when all are gone or an abort was called. */
void ctl_delete_all(struct controller *ctl, const char *const *paths, size_t n);
/* A copy that lives as long as the event. */
const char *flow_path(struct controller *ctl, const char *path);

/* election.c */
/* Look at /controller; stand for election when it is absent. */
void elect_begin(struct controller *ctl);
/* Stop being active: forget context, channels, watches and the events that only
 * an active controller handles. Nothing is written. No effect when it is
 * inactive. */
void ctl_resign(struct controller *ctl, const char *why);

/* failover.c */
/* What the winner does first: read all, then tell all. */
void failover_begin(struct controller *ctl);

/* load.c: topics and states out of ZooKeeper into the context. */
/* List a znode's children into work.names (watched); absent: none. */
void load_names(struct controller *ctl, const char *path,
                struct ctl_watch *watch);
/* work.names are topics' names; those that were not known are added to
 * work.topics, with watch, id (made when missing) and assignment. */
void load_topics(struct controller *ctl);
/* Read a topic's znode into the flow's arena. False, and says so, when it makes
 * no sense: the topic stays as it was, and nothing is written over its znode.
 */
bool topic_parse(struct controller *ctl, struct ctx_topic *topic,
                 struct bytes data, struct znode_topic *out);
/* The state znodes of work.topics' partitions. */
void load_states(struct controller *ctl);
/* Set the watch of a topic's znode to be read. */
struct ctl_watch *topic_watch_get(struct controller *ctl,
                                  struct ctx_topic *topic);
/* Cancel and free it; none is fine. */
void topic_watch_drop(struct controller *ctl, struct ctx_topic *topic);

/* update.c: decide, write, and again where somebody was faster. */
/* `n` zeroed items (ITEM_DECIDE) in place of those before; fill topic and
 * index. */
struct state_item *update_items(struct controller *ctl, size_t n);
/* Plan it: when the steps behind it run, each item is WRITTEN, KEPT or FAILED.
 * Written in multis of up to 400 KiB; conflicts are read and decided again. */
void update_run(struct controller *ctl, decide_fn *decide);

/* partitions.c: partition state machine over update items. */
/* Elect for partitions; afterwards LeaderAndIsr and UpdateMetadata are in the
 * batch for all that succeeded. ctl->update.items hold topic and index. */
void partitions_elect(struct controller *ctl, enum elect_strategy strategy);
/* New partitions of work.topics (state NEW) to online. */
void partitions_create(struct controller *ctl);
/* All partitions in state NEW or OFFLINE: offline elections. With `topic`, of
 * that one alone. */
void partitions_elect_waiting(struct controller *ctl);

/* replicas.c */
/* Replicas go offline: items hold topic, index, broker. Moves their state, adds
 * StopReplica, takes them out of the ISR, adds LeaderAndIsr for the others. */
void replicas_offline(struct controller *ctl);

/* batch.c */
/* Frees the lists; what was gathered is not sent. */
void batch_fini(struct batch *batch);
/* Left out when the broker is gone or the partition has no state znode. */
void batch_add_lai(struct controller *ctl, struct ctx_topic *topic,
                   int32_t index, int32_t broker, bool is_new);
/* Left out when the broker is gone. `delete`: the log too; it answers as a
 * STOP_ANSWERS event. */
void batch_add_stop(struct controller *ctl, struct ctx_topic *topic,
                    int32_t index, int32_t broker, bool delete);
/* To all brokers, once however often it is added; one without state only while
 * its topic is to be deleted. */
void batch_add_um(struct controller *ctl, struct ctx_topic *topic,
                  int32_t index);
/* UpdateMetadata to all, whatever else there is. */
void batch_add_um_brokers(struct controller *ctl);
/* The step that makes the requests and queues them, then empties the batch. */
void batch_send(struct controller *ctl);
/* At once, to one broker: all partitions with leadership info. */
void batch_send_all_metadata(struct controller *ctl, struct ctx_broker *to);
/* At once: brokers without partitions to those for which `to` holds (all when
 * NULL). */
void batch_send_brokers(struct controller *ctl,
                        bool (*to)(struct controller *, struct ctx_broker *));

/* channel.c: a line of requests to one broker. */
struct payload { /* counted; what requests point to */
    unsigned refs;
    struct arena arena;
};

struct message {
    struct list link;
    int16_t key, version;
    struct payload *payload;
    union {
        struct wire_leader_and_isr_request lai;
        struct wire_update_metadata_request um;
        struct wire_stop_replica_request stop;
    } request;
};

/* One reference, an empty arena. */
struct payload *payload_new(void);
void payload_unref(struct payload *payload);
/* Zeroed and never NULL; lives as long as the payload. */
void *payload_take(struct payload *payload, size_t count, size_t size);
/* Queue a request; takes a reference of the payload. The broker's epoch is put
 * in here. */
void channel_put(struct ctx_broker *broker, const struct message *message);
/* Open the broker's line on the controller's listener. Where that cannot be
 * reached it is there all the same: what is put waits. */
void channel_open(struct controller *ctl, struct ctx_broker *broker);
/* Close it and drop what waits; answers will not come. None is fine. Not from
 * inside an answer of the channel. */
void channel_close(struct controller *ctl, struct ctx_broker *broker);

/* brokers.c */
/* The beginnings of events. Brokers that left (or came back with another epoch)
 * are handled before those that came. */
void broker_change_begin(struct controller *ctl);
/* Endpoints or rack of one broker: told to all if they changed. */
void broker_modified_begin(struct controller *ctl);
/* Replicas whose log directory failed, or is well again (KIP-112). */
void storage_errors_begin(struct controller *ctl);
/* Cancel and free it; none is fine. */
void broker_watch_drop(struct controller *ctl, struct ctx_broker *broker);
/* The watch of a broker's znode, made when it has none; not set yet. */
struct ctl_watch *broker_watch_get(struct controller *ctl,
                                   struct ctx_broker *broker);
/* Read all of /brokers/ids into work.seen. */
struct seen_broker {
    int32_t id;
    bool there;  /* read, and well-formed */
    bool joined; /* was not in the context before this event */
    int64_t czxid;
    int32_t version;
    struct znode_broker data;
};
struct seen_brokers {
    struct seen_broker *list;
    size_t n;
};
/* Plans the reading; work.seen is there for the step behind it. */
void brokers_read(struct controller *ctl);
/* NULL: not there, or its znode makes no sense. */
struct seen_broker *broker_seen(const struct controller *ctl, int32_t id);
/* Into the context, with channel and watch. */
void broker_add(struct controller *ctl, const struct seen_broker *seen);
/* Out of the context, with channel and watch. */
void broker_drop(struct controller *ctl, struct ctx_broker *broker);

/* topics.c */
/* Topics that came are created, those that vanished are forgotten. */
void topic_change_begin(struct controller *ctl);
/* One topic's znode: new partitions are created. */
void topic_modified_begin(struct controller *ctl);

/* deletion.c */
/* Topics to be deleted: mark them and go on as far as that is possible now. */
void topic_deletion_begin(struct controller *ctl);
/* As above, but takes work.names as the list (failover). */
void deletions_mark(struct controller *ctl);
/* Replicas that were deleted, or could not be. */
void stop_answers_begin(struct controller *ctl);
/* Start or go on with whatever deletions can go on. */
void deletions_resume(struct controller *ctl);

/* notify.c */
/* Leaders wrote an ISR by themselves (before KIP-497): read it, tell all. */
void isr_change_begin(struct controller *ctl);
/* Brokers that lost a log directory are asked by LeaderAndIsr which replicas it
 * took (KIP-112). */
void log_dir_event_begin(struct controller *ctl);

/* Delete work.names below this path; ctl->work.names stays. */
void notifications_delete(struct controller *ctl, const char *parent);

/* preferred.c */
/* Elections that waited for unclean ones being allowed. */
void unclean_enabled_begin(struct controller *ctl);
/* What the znode asks for; then it is deleted. */
void preferred_znode_begin(struct controller *ctl);
/* Leaders back to their preferred replica, on brokers that are out of balance
 * (leader.imbalance.per.broker.percentage); sets the timer anew. */
void preferred_timer_begin(struct controller *ctl);
/* (Re)start the timer of PREFERRED_TIMER. */
void preferred_timer_start(struct controller *ctl, int64_t delay_us);

#endif
