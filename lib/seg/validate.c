/* validate.c - a producer's records, from what came to what is appended.
 *
 * In order, as Kafka's broker does it: what the request's version allows; per
 * batch base offset, size, CRC; then the one batch's header; then its records,
 * whose errors are collected; then in place or rewritten.
 */
#include "seg/validate.h"

#include "seg/convert.h"
#include "seg/validate_records.h"
#include "wire/rd.h"

enum {
    PRODUCE_ONE_BATCH = 3, /* from this version on: one batch, magic 2 */
    PRODUCE_ZSTD = 7,
};

struct validate_rules validate_rules_make(void)
{
    return (struct validate_rules){
        .topic = BYTES(""),
        .origin = VALIDATE_CLIENT,
        .produce_version = INT16_MAX,
        .before_max_ms = INT64_MAX,
        .after_max_ms = INT64_MAX,
        .keep_codec = true,
        .max_message_bytes = 1048588,
        .inflate_limit = VALIDATE_INFLATE_LIMIT,
    };
}

void validator_init(struct validator *validator)
{
    batch_reader_init(&validator->reader);
    batch_builder_init(&validator->builder);
}

void validator_fini(struct validator *validator)
{
    batch_reader_fini(&validator->reader);
    batch_builder_fini(&validator->builder);
}

bool validate_is_costly(const struct validate_rules *rules,
                        struct bytes records)
{
    struct batch_header h;

    if (batch_header_read(records, &h) != ERR_OK)
        return false;
    return h.magic < 2 || batch_codec(&h) != CODEC_NONE ||
           (!rules->keep_codec && rules->codec != CODEC_NONE);
}

enum err validate_replica_batch(struct bytes batch)
{
    return batch_check(batch);
}

/* -- what came ---------------------------------------------------------------
 */

/* The next whole batch. ERR_ABSENT at the end, where a part of a batch may
 * follow: it is cut off. ERR_CORRUPT for a size or magic that cannot be. */
static enum err validate_next(struct batch_iter *iter, struct batch *batch)
{
    struct rd r = rd_make(iter->left);
    size_t size;
    int8_t magic;
    enum err err = batch_peek(iter->left, &size, &magic);

    if (err == ERR_SHORT) {
        rd_i64(&r);
        int32_t length = rd_i32(&r);
        bool impossible =
            r.err == ERR_OK && length < BATCH_LEAST_0 - BATCH_OVERHEAD;
        return impossible ? ERR_CORRUPT : ERR_ABSENT;
    }
    if (err != ERR_OK)
        return ERR_CORRUPT;
    if (size > iter->left.len)
        return ERR_ABSENT;
    return batch_iter_next(iter, batch) == ERR_OK ? ERR_OK : ERR_CORRUPT;
}

/* What the version of the request allows. */
static enum err validate_version(const struct validate_rules *rules,
                                 struct bytes records)
{
    struct batch_iter iter = batch_iter_make(records);
    struct batch batch;
    enum err err;

    if (rules->produce_version < PRODUCE_ONE_BATCH)
        return ERR_OK;
    err = validate_next(&iter, &batch);
    if (err != ERR_OK)
        return err == ERR_ABSENT ? ERR_RECORD : err;
    if (batch.header.magic != 2)
        return ERR_RECORD;
    if (rules->produce_version < PRODUCE_ZSTD &&
        batch_codec(&batch.header) == CODEC_ZSTD)
        return ERR_CODEC;
    err = validate_next(&iter, &batch);
    if (err == ERR_ABSENT)
        return ERR_OK;
    return err == ERR_OK ? ERR_RECORD : err;
}

/* Base offset, size, CRC and codec of each batch. */
static enum err validate_batch(const struct validate_rules *rules,
                               const struct batch *batch)
{
    const struct batch_header *h = &batch->header;

    if (h->magic == 2 && rules->origin == VALIDATE_CLIENT &&
        h->base_offset != 0)
        return ERR_RECORD;
    if (batch->bytes.len > rules->max_message_bytes)
        return ERR_TOO_LARGE;
    if (batch_check(batch->bytes) != ERR_OK)
        return ERR_CORRUPT;
    return (int)batch_codec(h) > CODEC_MOST ? ERR_CODEC : ERR_OK;
}

static enum err validate_scan(struct validate *v, struct bytes records)
{
    struct batch_iter iter = batch_iter_make(records);
    struct batch batch;
    enum err err = validate_version(v->rules, records);

    if (err != ERR_OK)
        return err;
    while ((err = validate_next(&iter, &batch)) == ERR_OK) {
        err = validate_batch(v->rules, &batch);
        if (err != ERR_OK)
            return err;
        if (v->n_batches++ == 0)
            v->result->header = batch.header;
        if (batch_codec(&batch.header) != CODEC_NONE)
            v->source = batch_codec(&batch.header);
        v->len = iter.position;
    }
    v->target = v->rules->keep_codec ? v->source : v->rules->codec;
    return err == ERR_ABSENT ? ERR_OK : err;
}

/* The header of the one batch of magic 2. */
static enum err validate_header(const struct validate *v)
{
    const struct batch_header *h = &v->result->header;

    if (v->n_batches != 1)
        return ERR_RECORD;
    if (v->rules->origin != VALIDATE_CLIENT)
        return h->count < 0 ? ERR_RECORD : ERR_OK;
    if (h->last_offset_delta < 0 || h->count <= 0 ||
        h->count - 1 != h->last_offset_delta || batch_is_control(h))
        return ERR_RECORD;
    return batch_has_producer(h) && h->base_sequence < 0 ? ERR_RECORD : ERR_OK;
}

/* -- what is appended --------------------------------------------------------
 */

static void validate_in_place(struct validate *v)
{
    enum {
        KNOWN = BATCH_CODEC_MASK | BATCH_TRANSACTIONAL | BATCH_CONTROL |
                BATCH_DELETE_HORIZON,
    };
    struct validate_result *result = v->result;
    struct batch_header *h = &result->header;
    int append = v->rules->append_time ? BATCH_APPEND_TIME : 0;

    result->at = v->records;
    result->size = v->len;
    if ((h->attributes & BATCH_APPEND_TIME) == append &&
        h->max_timestamp == result->max_timestamp)
        return;
    batch_patch_times(v->records, v->len,
                      (int16_t)((h->attributes & KNOWN) | append),
                      result->max_timestamp);
    err_ignore(batch_header_read(bytes_make(v->records, v->len), h),
               "it was read before; only times and CRC have changed");
}

/* The rest of the result, once a new batch lies in `rewrite`. */
static enum err validate_rewritten(struct validate *v, size_t start,
                                   enum err err)
{
    struct validate_result *result = v->result;

    if (v->rewrite->err == ERR_LIMIT)
        return ERR_TOO_LARGE;
    if (err != ERR_OK)
        return err;
    result->at = v->rewrite->data + start;
    result->size = v->rewrite->len - start;
    result->rewritten = true;
    return ERR_OK;
}

static struct batch_spec validate_spec(const struct validate *v)
{
    struct batch_spec spec = batch_spec_make();

    spec.attributes = (int16_t)v->target;
    if (v->rules->append_time) {
        spec.attributes |= BATCH_APPEND_TIME;
        spec.append_time = v->rules->now_ms;
    }
    return spec;
}

/* What a new batch may say of its producer; Kafka minds it only here. */
static bool validate_producer(const struct batch_header *h)
{
    if (h->producer_id == BATCH_NO_PRODUCER_ID)
        return !batch_is_transactional(h);
    return h->producer_epoch != BATCH_NO_EPOCH &&
           (h->base_sequence >= 0 || batch_is_control(h));
}

/* Write the records of the batch anew, with consecutive offsets from 0. */
static enum err validate_rewrite(struct validate *v)
{
    const struct batch_header *h = &v->result->header;
    struct batch_reader *reader = &v->validator->reader;
    struct batch_builder *builder = &v->validator->builder;
    struct batch_spec spec = validate_spec(v);
    size_t start = v->rewrite->len;
    struct batch_record record;
    enum err err;

    spec.attributes =
        (int16_t)(spec.attributes |
                  (h->attributes & (BATCH_TRANSACTIONAL | BATCH_CONTROL)));
    spec.producer_id = h->producer_id;
    spec.producer_epoch = h->producer_epoch;
    spec.base_sequence = h->base_sequence;
    if (v->source != v->target && !validate_producer(h))
        return ERR_RECORD;
    err = batch_reader_start(reader, bytes_make(v->records, v->len),
                             v->rules->inflate_limit);
    if (err == ERR_OK)
        err = batch_builder_start(builder, &spec, v->rewrite);
    while (err == ERR_OK) {
        err = batch_reader_next(reader, &record);
        if (err != ERR_OK)
            break;
        if (record.timestamp < BATCH_NO_TIMESTAMP)
            return ERR_TIMESTAMP;
        record.offset = builder->last_offset + 1;
        batch_builder_add(builder, &record);
        err = builder->err != ERR_OK ? builder->err : v->rewrite->err;
    }
    if (err == ERR_ABSENT)
        err = batch_builder_finish(builder, &v->result->header);
    return validate_rewritten(v, start, err);
}

static enum err validate_new(struct validate *v)
{
    const struct batch_header *h = &v->result->header;
    /* Markers stay as they are, and so does what has no records. */
    bool keep = v->source == v->target || h->count == 0 ||
                (v->source == CODEC_NONE && batch_is_control(h));
    enum err err = validate_header(v);

    if (err == ERR_OK)
        err =
            v->source == CODEC_NONE ? validate_plain(v) : validate_inflated(v);
    if (err != ERR_OK)
        return err;
    v->result->count = h->count;
    if (v->rules->append_time) {
        v->result->max_timestamp = v->rules->now_ms;
        v->result->max_timestamp_delta = h->count - 1;
    }
    /* The coordinators' batches may have gaps on purpose. */
    if (!v->gaps || v->rules->origin != VALIDATE_CLIENT) {
        if (keep) {
            validate_in_place(v);
            return ERR_OK;
        }
    }
    return validate_rewrite(v);
}

/* -- magic 0 and 1 -----------------------------------------------------------
 */

static enum err validate_each(void *context, int32_t index,
                              const struct batch_record *record)
{
    struct validate *v = context;

    validate_one(v, index, record->timestamp, !bytes_is_null(record->key),
                 record->offset);
    /* Each message that stands alone is a batch, and the first one decides. */
    if (v->source == CODEC_NONE && v->result->n_refused != 0)
        return validate_verdict(v);
    return record->timestamp < BATCH_NO_TIMESTAMP ? ERR_TIMESTAMP : ERR_OK;
}

static enum err validate_old(struct validate *v)
{
    struct validate_result *result = v->result;
    struct batch_spec spec = validate_spec(v);
    size_t start = v->rewrite->len;
    enum err err;

    err = convert_up(&v->validator->reader, &v->validator->builder,
                     bytes_make(v->records, v->len), &spec,
                     v->rules->inflate_limit, validate_each, v, v->rewrite,
                     &result->header);
    if (err == ERR_OK)
        err = validate_verdict(v);
    result->inflated = v->validator->builder.inflated;
    result->count = result->header.count;
    if (v->rules->append_time) {
        result->max_timestamp = v->rules->now_ms;
        result->max_timestamp_delta = result->count - 1;
    }
    return validate_rewritten(v, start, err);
}

/* -- all ---------------------------------------------------------------------
 */

/* Failures of streams inside a batch are the producer's fault. */
static enum err validate_blame(enum err err)
{
    return err == ERR_FORMAT || err == ERR_SHORT || err == ERR_VERSION
               ? ERR_RECORD
               : err;
}

enum err validate_records(struct validator *validator,
                          const struct validate_rules *rules, uint8_t *records,
                          size_t len, struct arena *arena, struct wr *rewrite,
                          struct validate_result *result)
{
    struct validate v = {
        .validator = validator,
        .rules = rules,
        .records = records,
        .arena = arena,
        .rewrite = rewrite,
        .result = result,
    };
    enum err err;

    *result = (struct validate_result){ .max_timestamp = BATCH_NO_TIMESTAMP,
                                        .max_timestamp_delta = -1 };
    rewrite->limit = rewrite->len + rules->max_message_bytes;
    err = validate_scan(&v, bytes_make(records, len));
    if (err != ERR_OK || v.n_batches == 0)
        return err;
    v.client_append_time = batch_has_append_time(&result->header);
    err = result->header.magic == 2 ? validate_new(&v) : validate_old(&v);
    if (bytes_is_null(result->message)) {
        /* What broke off the pass is not the fault of single records. */
        result->n_errors = 0;
        result->n_refused = 0;
    }
    return validate_blame(err);
}
