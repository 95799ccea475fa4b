/* produce_part.c - one partition of a Produce request: check and append. */
#include "api/produce.h"

#include "base/clock.h"
#include "base/diag.h"
#include "wire/errors.h"

static int16_t error_of(enum err err)
{
    switch ((int)err) {
    case ERR_OK:
        return KAFKA_NONE;
    case ERR_RECORD:
        return KAFKA_INVALID_RECORD;
    case ERR_TIMESTAMP:
        return KAFKA_INVALID_TIMESTAMP;
    case ERR_CORRUPT:
        return KAFKA_CORRUPT_MESSAGE;
    case ERR_TOO_LARGE:
    case ERR_LIMIT:
        return KAFKA_MESSAGE_TOO_LARGE;
    case ERR_CODEC:
        return KAFKA_UNSUPPORTED_COMPRESSION_TYPE;
    default:
        return KAFKA_UNKNOWN_SERVER_ERROR;
    }
}

static int64_t log_start_of(struct partition *partition)
{
    struct partition_view view;

    if (partition_enter(partition, -1, true, &view) != KAFKA_NONE)
        return -1;
    partition_leave(partition);
    return view.log_start;
}

static void refuse(struct produce_part *part, enum err err,
                   const struct validate_result *result)
{
    part->error = error_of(err);
    part->message = result->message;
    part->refused = result->errors;
    part->n_refused = result->n_errors;
    if (result->n_errors > 0)
        part->log_start = log_start_of(part->partition);
    DIAG_SELDOM(DIAG_DEBUG,
                "event=records_refused topic=%s partition=%d "
                "error=%s",
                part->partition->topic, part->index,
                kafka_error_name(part->error));
}

/* On whichever thread wrote the batch. */
static void on_done(struct append *append)
{
    struct produce *p = append->owner;

    if (atomic_fetch_sub(&p->left, 1) == 1)
        request_post(p->request, p->on_appended);
}

/* Without a transaction coordinator nobody can have opened a transaction here,
 * but one that another broker left open may go on. */
static bool may_join_txn(struct produce_part *part,
                         const struct batch_header *header)
{
    if (!batch_is_transactional(header) ||
        partition_txn_is_open(part->partition, header->producer_id))
        return true;
    part->error = KAFKA_INVALID_TXN_STATE;
    part->message = BYTES("Partition was not added to the transaction");
    return false;
}

void produce_part_run(struct produce *p, struct produce_part *part,
                      struct validator *validator)
{
    struct append *a = &part->append;
    struct validate_result result;
    enum err err;

    part->rules.now_ms = clock_wall_ms();
    wr_init(&part->rewritten, part->rules.max_message_bytes);
    err = validate_records(validator, &part->rules, part->at, part->size,
                           &p->request->arena, &part->rewritten, &result);
    if (err != ERR_OK) {
        refuse(part, err, &result);
        return;
    }
    if (!result.at) { /* an empty message set: nothing to do, and no error */
        part->log_start = log_start_of(part->partition);
        return;
    }
    if (!may_join_txn(part, &result.header))
        return;
    *a = (struct append){
        .set = { .at = result.at, .size = result.size, .origin = LOG_CLIENT },
        .acks = p->acks,
        .may_block = p->on_pool,
        .on_pool = p->on_pool,
        .on_done = on_done,
        .owner = p,
    };
    part->appended = true;
    atomic_fetch_add(&p->left, 1);
    if (partition_append(part->partition, a))
        atomic_fetch_sub(&p->left, 1);
}
