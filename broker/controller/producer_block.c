/* producer_block.c - the next block of producer ids, for a broker that asks.
 *
 * /latest_producer_id_block holds the last block given out; the next follows
 * it. When somebody was faster, or the answer was lost, the znode is read again
 * and the block after it claimed: one may be lost, none is given out twice.
 */
#include "base/diag.h"
#include "controller/internal.h"
#include "controller/requests.h"
#include "wire/errors.h"
#include "wire/msg_allocate_producer_ids.h"

enum { BLOCK_SIZE = 1000, BLOCK_TRIES_MAX = 100 };

typedef struct wire_allocate_producer_ids_request ids_request;
typedef struct wire_allocate_producer_ids_response ids_response;

struct block {
    struct znode_producer_ids ids;
    unsigned tries;
};

static void read_step(struct controller *ctl);

static struct ctl_request *request_of(struct controller *ctl)
{
    return CONTAINER_OF(ctl->work.event->external, struct ctl_request, event);
}

static void finish(struct ctl_request *r)
{
    controller_event_done(&r->event);
    r->on_done(r);
}

static void fail(struct controller *ctl, int16_t code)
{
    struct ctl_request *r = request_of(ctl);

    ctl->flow.on_abort = NULL;
    ((ids_response *)r->out)->error_code = code;
    finish(r);
}

static void aborted(struct controller *ctl)
{
    fail(ctl, KAFKA_NOT_CONTROLLER);
}

static void written(struct controller *ctl, struct ctl_op *op)
{
    struct block *b = op->arg;
    ids_response *out = request_of(ctl)->out;

    if (op->op.err == ERR_CONFLICT && ++b->tries < BLOCK_TRIES_MAX) {
        flow_then(ctl, read_step);
        return;
    }
    if (op->op.err != ERR_OK) {
        diag_warn("event=producer_ids_failed reason=\"%s\"",
                  err_words(op->op.err));
        fail(ctl, KAFKA_UNKNOWN_SERVER_ERROR);
        return;
    }
    out->producer_id_start = b->ids.first;
    out->producer_id_len = BLOCK_SIZE;
    fail(ctl, KAFKA_NONE);
}

static bool next_block(struct controller *ctl, struct zk_op *op,
                       struct block *b)
{
    const ids_request *in = request_of(ctl)->in;
    struct znode_producer_ids last = { .last = -1 };
    struct errmsg why;
    enum err err = znode_producer_ids_read(op->data, &last, &why);

    if (err != ERR_OK && err != ERR_ABSENT) {
        diag_error("event=producer_ids_malformed path=%s reason=\"%s\" "
                   "remedy=\"mend the znode: ids must never be given out "
                   "twice\"",
                   ZNODE_PRODUCER_IDS, why.text);
        return false;
    }
    if (err == ERR_ABSENT)
        last.last = -1;
    if (last.last > INT64_MAX - BLOCK_SIZE) {
        diag_error("event=producer_ids_exhausted remedy=\"none\"");
        return false;
    }
    b->ids.broker = in->broker_id;
    b->ids.first = last.last + 1;
    b->ids.last = last.last + BLOCK_SIZE;
    return true;
}

static void block_read(struct controller *ctl, struct ctl_op *op)
{
    struct block *b = op->arg;
    struct zk_part *parts = flow_take(ctl, 2, sizeof *parts);
    bool absent = op->op.err == ERR_ABSENT;
    struct wr w;

    if ((op->op.err != ERR_OK && !absent) || !next_block(ctl, &op->op, b)) {
        fail(ctl, KAFKA_UNKNOWN_SERVER_ERROR);
        return;
    }
    wr_init(&w, 4096);
    znode_producer_ids_write(&w, &b->ids);
    parts[1] = (struct zk_part){
        .kind = absent ? ZK_PART_CREATE : ZK_PART_SET,
        .path = ZNODE_PRODUCER_IDS,
        .data = flow_copy(ctl, bytes_make(w.data, w.len)),
        .version = op->op.stat.version,
    };
    wr_fini(&w);
    ctl_guarded(ctl, parts, 2, written, b);
}

static void read_step(struct controller *ctl)
{
    ctl_get(ctl, ZNODE_PRODUCER_IDS, NULL, block_read, ctl->work.private_);
}

static int16_t check(const struct controller *ctl, const ids_request *in,
                     bool active)
{
    const struct ctx_broker *broker;

    if (!active)
        return KAFKA_NOT_CONTROLLER;
    broker = ctx_broker_find(&ctl->context, in->broker_id);
    if (broker == NULL)
        return KAFKA_BROKER_ID_NOT_REGISTERED;
    if (broker->epoch != in->broker_epoch)
        return KAFKA_STALE_BROKER_EPOCH;
    return KAFKA_NONE;
}

static void run(struct controller_event *event, bool active)
{
    struct ctl_request *r = CONTAINER_OF(event, struct ctl_request, event);
    struct controller *ctl = event->ctl;
    ids_response *out = r->out;

    out->error_code = check(ctl, r->in, active);
    if (out->error_code != KAFKA_NONE) {
        finish(r);
        return;
    }
    ctl->work.private_ = flow_take(ctl, 1, sizeof(struct block));
    ctl->flow.on_abort = aborted;
    flow_then(ctl, read_step);
}

void controller_allocate_producer_ids(struct controller *ctl,
                                      struct ctl_request *r)
{
    r->event.run = run;
    controller_submit(ctl, &r->event);
}
