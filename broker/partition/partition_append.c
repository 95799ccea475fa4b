/* partition_append.c - the append lane.
 *
 * Happy path: the lane is idle; the caller's batch is the whole group; it is
 * written on the caller's thread, the log end is published, waiters are woken,
 * and the caller goes on with its result at once.
 *
 * The lane moves to the pool when the group contains something large that a
 * reactor must not write, when a reactor has written for others long enough, or
 * when the log wants a flush before batches are acknowledged (flush.messages).
 * It stays busy meanwhile: what comes is gathered, and one fsync serves it all.
 *
 *            idle ──put──▶ writing ──empty──▶ idle
 *                            │  ▲
 *                 to the pool▼  │next group
 *                          in the pool ──flush──▶ acknowledge
 */
#include "partition/partition_private.h"

#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "broker.h"
#include "wire/errors.h"

/* A group that is being written, or is written and waits for its flush. */
struct group {
    struct append *of[LANE_GROUP];
    size_t n;
    bool failed; /* the log could not be asked at all */
};

/* The lane on its way to the pool. */
struct lane_job {
    struct job job;
    struct partition *partition; /* a reference */
    struct group group; /* to flush and acknowledge first; may be empty */
};

static int16_t error_of(enum err err)
{
    switch ((int)err) {
    case ERR_OK:
    case ERR_DUPLICATE:
        return KAFKA_NONE;
    case ERR_SEQUENCE:
        return KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER;
    case ERR_FENCED:
        return KAFKA_INVALID_PRODUCER_EPOCH;
    case ERR_CONFLICT:
        return KAFKA_TRANSACTION_COORDINATOR_FENCED;
    case ERR_TXN_STATE:
        return KAFKA_INVALID_TXN_STATE;
    case ERR_TOO_LARGE:
        return KAFKA_RECORD_LIST_TOO_LARGE;
    case ERR_FORMAT:
    case ERR_CORRUPT:
        return KAFKA_CORRUPT_MESSAGE;
    case ERR_IO:
    case ERR_SPACE:
    case ERR_CLOSED:
        return KAFKA_KAFKA_STORAGE_ERROR;
    default:
        return KAFKA_UNKNOWN_SERVER_ERROR;
    }
}

/* -- what may be appended
 * --------------------------------------------------------- */

static int16_t may_append_locked(const struct partition *p, int16_t acks)
{
    if (p->state == PARTITION_OFFLINE)
        return KAFKA_KAFKA_STORAGE_ERROR;
    if (!partition_leads_locked(p))
        return KAFKA_NOT_LEADER_OR_FOLLOWER;
    if (acks == -1 && p->n_isr < partition_min_isr_locked(p))
        return KAFKA_NOT_ENOUGH_REPLICAS;
    return KAFKA_NONE;
}

int16_t partition_rules(struct partition *p, struct validate_rules *rules)
{
    const struct log_config *c;
    int16_t error;

    lock_take(&p->lock);
    error = may_append_locked(p, 1);
    if (error == KAFKA_NONE) {
        c = &p->settings->log;
        rules->append_time = c->timestamp_append_time;
        rules->before_max_ms = c->timestamp_before_max_ms;
        rules->after_max_ms = c->timestamp_after_max_ms;
        rules->compacted = c->cleanup_compact;
        rules->keep_codec = c->compression < 0;
        rules->codec =
            c->compression < 0 ? CODEC_NONE : (enum codec)c->compression;
        rules->max_message_bytes = (uint32_t)c->max_message_bytes;
    }
    lock_give(&p->lock);
    rules->topic = partition_topic(p);
    rules->partition = p->index;
    return error;
}

bool partition_txn_is_open(struct partition *p, int64_t producer_id)
{
    struct partition_view view;
    bool open;

    if (partition_enter(p, -1, true, &view) != KAFKA_NONE)
        return false;
    open = log_txn_is_open(view.log, producer_id);
    partition_leave(p);
    return open;
}

/* -- one group
 * -------------------------------------------------------------------- */

static void refuse(struct append *a, int16_t error, int64_t log_start)
{
    a->error = error;
    a->duplicate = false;
    a->set.first_offset = -1;
    a->set.timestamp = -1;
    a->end_offset = -1;
    a->log_start = log_start;
    a->acked = false;
}

/* Take what waits, up to a group's size. A `run` item is a group by itself.
 * False when something in it must not be written on this thread. */
static bool take_group_locked(struct partition *p, struct group *group,
                              bool on_pool)
{
    group->n = 0;
    group->failed = false;
    while (p->lane_first && group->n < LANE_GROUP) {
        struct append *a = p->lane_first;

        if ((a->may_block || a->run) && !on_pool)
            return group->n > 0;
        if (a->run && group->n > 0)
            break;
        p->lane_first = a->next;
        if (!p->lane_first)
            p->lane_last = NULL;
        group->of[group->n++] = a;
        if (a->run)
            break;
    }
    return true;
}

/* Write the group; leadership was looked at under the lock just before, and the
 * lane keeps it from changing until the group is published. True when a flush
 * is due before it may be acknowledged. */
static bool write_group(struct partition *p, struct group *group,
                        int32_t leader_epoch)
{
    struct log_append *sets[LANE_GROUP];
    struct log_appended done = { 0 };
    struct errmsg why = { "" };
    int64_t began = clock_mono_us();
    size_t n = 0;
    enum err err;

    for (size_t i = 0; i < group->n; i++) {
        if (group->of[i]->error != KAFKA_NONE)
            continue;
        group->of[i]->set.leader_epoch = leader_epoch;
        sets[n++] = &group->of[i]->set;
    }
    if (n == 0)
        return false;
    err = log_append(p->log, sets, n, clock_wall_ms(), &done, &why);
    replicas_note_write(p->replicas, clock_mono_us() - began);
    if (err != ERR_OK)
        DIAG_SELDOM(DIAG_ERROR,
                    "event=append_failed topic=%s partition=%d error=%s "
                    "reason=\"%s\"",
                    p->topic, p->index, err_name(err), why.text);
    for (size_t i = 0; i < n; i++) {
        struct append *a = CONTAINER_OF(sets[i], struct append, set);

        if (a->set.err == ERR_SPACE)
            DIAG_SELDOM(DIAG_ERROR,
                        "event=disk_full topic=%s partition=%d reason=\"%s\" "
                        "remedy=\"make room; producers try again until then\"",
                        p->topic, p->index, why.text);
        a->error = error_of(a->set.err);
        a->duplicate = a->set.err == ERR_DUPLICATE;
    }
    return done.flush_due;
}

/* Kafka tells the log start offset with those errors only that it did not
 * expect (ReplicaManager). */
static int64_t start_told(int16_t error, int64_t start)
{
    switch (error) {
    case KAFKA_KAFKA_STORAGE_ERROR:
    case KAFKA_NOT_LEADER_OR_FOLLOWER:
    case KAFKA_MESSAGE_TOO_LARGE:
    case KAFKA_RECORD_LIST_TOO_LARGE:
    case KAFKA_CORRUPT_MESSAGE:
        return -1;
    default:
        return start;
    }
}

static void publish_one_locked(struct partition *p, struct append *a,
                               int64_t high, int64_t start)
{
    if (a->error != KAFKA_NONE) {
        refuse(a, a->error, start_told(a->error, start));
        return;
    }
    a->end_offset = a->set.last_offset + 1;
    a->log_start = start;
    a->acked = high >= a->end_offset;
    if (a->acked && a->acks == -1)
        a->error = partition_acked_locked(p);
}

/* Move the high watermark, fill the results, wake who waits, tell everyone but
 * `own`; true when `own` was among them. */
static bool publish_group(struct partition *p, struct group *group,
                          const struct append *own)
{
    struct wakes wakes = { NULL };
    bool own_done = false;

    lock_take(&p->lock);
    if (p->log) {
        int64_t high, start = log_start_offset(p->log);

        if (partition_leads_locked(p))
            partition_advance_locked(p, clock_wall_ms());
        high = log_high_watermark(p->log);
        for (size_t i = 0; i < group->n; i++)
            publish_one_locked(p, group->of[i], high, start);
        partition_wake_locked(p, &wakes);
    }
    lock_give(&p->lock);
    wakes_post(&wakes);
    for (size_t i = 0; i < group->n; i++) {
        if (group->of[i] == own)
            own_done = true;
        else
            group->of[i]->on_done(group->of[i]);
    }
    return own_done;
}

/* -- the lane
 * --------------------------------------------------------------------- */

static void on_pool(struct job *job);

/* Hand the lane over, with a group that wants to be flushed first. */
static void to_pool(struct partition *p, const struct group *group)
{
    struct lane_job *lane = mem_need(sizeof *lane);

    lane->job.run = on_pool;
    lane->partition = partition_ref(p);
    if (group) {
        memcpy(lane->group.of, group->of, group->n * sizeof(struct append *));
        lane->group.n = group->n;
    }
    pool_submit(p->replicas->broker->pool, &lane->job);
}

/* Check the group against the leadership of this moment. */
static int32_t check_group_locked(const struct partition *p,
                                  struct group *group)
{
    for (size_t i = 0; i < group->n; i++)
        group->of[i]->error = may_append_locked(p, group->of[i]->acks);
    return p->leader_epoch;
}

/* Write group after group until nothing waits, or the lane has to move. The
 * caller has taken the lane. True when `own` is done. */
static bool run_lane(struct partition *p, bool pool, const struct append *own)
{
    struct group group;
    bool own_done = false;
    int32_t epoch;

    for (int round = 0;; round++) {
        lock_take(&p->lock);
        if (!p->lane_first) {
            p->lane_busy = false;
            lock_give(&p->lock);
            partition_leave(p);
            return own_done;
        }
        if ((!pool && round >= LANE_ROUNDS) ||
            !take_group_locked(p, &group, pool)) {
            lock_give(&p->lock);
            to_pool(p, NULL);
            return own_done;
        }
        if (group.of[0]->run) {
            lock_give(&p->lock);
            group.of[0]->run(group.of[0]);
            if (group.of[0] == own)
                own_done = true;
            else
                group.of[0]->on_done(group.of[0]);
            continue;
        }
        epoch = check_group_locked(p, &group);
        lock_give(&p->lock);
        if (write_group(p, &group, epoch)) {
            to_pool(p, &group);
            return own_done;
        }
        if (publish_group(p, &group, own))
            own_done = true;
    }
}

static void flush_group(struct partition *p, struct group *group)
{
    struct errmsg why = { "" };
    enum err err = log_flush(p->log, clock_wall_ms(), &why);

    if (err != ERR_OK) {
        diag_error("event=flush_failed topic=%s partition=%d reason=\"%s\"",
                   p->topic, p->index, why.text);
        for (size_t i = 0; i < group->n; i++)
            group->of[i]->error = KAFKA_KAFKA_STORAGE_ERROR;
    }
    publish_group(p, group, NULL);
}

static void on_pool(struct job *job)
{
    struct lane_job *lane = CONTAINER_OF(job, struct lane_job, job);
    struct partition *p = lane->partition;

    if (lane->group.n > 0)
        flush_group(p, &lane->group);
    mem_free(lane);
    run_lane(p, true, NULL);
    partition_unref(&p);
}

static void put_locked(struct partition *p, struct append *a)
{
    a->next = NULL;
    if (p->lane_last)
        p->lane_last->next = a;
    else
        p->lane_first = a;
    p->lane_last = a;
}

bool partition_append(struct partition *p, struct append *a)
{
    int16_t error = KAFKA_NONE;

    lock_take(&p->lock);
    if (!a->run)
        error = may_append_locked(p, a->acks);
    if (error != KAFKA_NONE) {
        refuse(a, error,
               p->log ? start_told(error, log_start_offset(p->log)) : -1);
        lock_give(&p->lock);
        return true;
    }
    put_locked(p, a);
    if (p->lane_busy) {
        lock_give(&p->lock);
        return false;
    }
    p->lane_busy = true;
    atomic_fetch_add(&p->users, 1);
    lock_give(&p->lock);
    return run_lane(p, a->on_pool, a);
}

/* -- alone in the lane
 * -------------------------------------------------------------- */

struct alone {
    struct append append;
    void (*run)(void *context);
    void *context;
    struct gate *gate;
    bool done; /* under the gate's lock */
};

static void alone_run(struct append *append)
{
    struct alone *alone = CONTAINER_OF(append, struct alone, append);

    alone->run(alone->context);
}

static void alone_done(struct append *append)
{
    struct alone *alone = CONTAINER_OF(append, struct alone, append);
    struct gate *gate = alone->gate;

    lock_take(&gate->lock);
    alone->done = true;
    pthread_cond_broadcast(&gate->changed);
    lock_give(&gate->lock);
}

void partition_in_lane(struct partition *p, void (*run)(void *context),
                       void *context)
{
    struct gate *gate = &p->replicas->gate;
    struct alone alone = {
        .append = { .run = alone_run, .on_done = alone_done, .on_pool = true },
        .run = run,
        .context = context,
        .gate = gate,
    };

    if (partition_append(p, &alone.append))
        return;
    lock_take(&gate->lock);
    while (!alone.done)
        gate_wait(gate);
    lock_give(&gate->lock);
}
