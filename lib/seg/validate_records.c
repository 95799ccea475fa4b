/* validate_records.c - keys, timestamps, lengths and offsets of each record.
 *
 * validate_plain() is the hottest loop of the broker: every record that is not
 * compressed comes through here. It reads some ten bytes of each and steps over
 * key and value; what is refused leaves the loop through cold functions.
 */
#include "seg/validate_records.h"

#include "seg/batch_parse.h"
#include "seg/batch_window.h"

#define COLD __attribute__((noinline, cold))

/* Room for one more error in the list, or NULL when it is full or memory is. */
static struct validate_error *validate_room(struct validate *v)
{
    struct validate_result *result = v->result;
    size_t n = result->n_errors;

    if (n == VALIDATE_ERRORS_MOST)
        return NULL;
    if ((n & (n - 1)) == 0) { /* full at 0, 1, 2, 4, 8 ... */
        struct validate_error *errors =
            arena_array(v->arena, n ? n * 2 : 1, sizeof *errors);

        if (errors == NULL)
            return NULL;
        if (n != 0)
            memcpy(errors, result->errors, n * sizeof *errors);
        result->errors = errors;
    }
    return &result->errors[result->n_errors++];
}

COLD static void validate_refuse_key(struct validate *v, int32_t index)
{
    struct validate_error *error = validate_room(v);

    v->result->n_refused++;
    if (error == NULL)
        return;
    error->index = index;
    error->message =
        arena_format(v->arena,
                     "a record without key cannot go to the compacted topic "
                     "partition %.*s-%d",
                     BYTES_ARG(v->rules->topic), v->rules->partition);
}

COLD static void validate_refuse_time(struct validate *v, int32_t index,
                                      int64_t timestamp, int64_t offset)
{
    const struct validate_rules *rules = v->rules;
    struct validate_error *error = validate_room(v);
    uint64_t now = (uint64_t)rules->now_ms;

    v->result->n_refused++;
    v->any_timestamp = true;
    if (error == NULL)
        return;
    error->index = index;
    error->message = arena_format(
        v->arena,
        "timestamp %lld of the record at offset %lld lies outside of "
        "[%lld, %lld]",
        (long long)timestamp, (long long)offset,
        (long long)(now - (uint64_t)rules->before_max_ms),
        (long long)(now + (uint64_t)rules->after_max_ms));
}

COLD static void validate_refuse_type(struct validate *v, int32_t index)
{
    struct validate_error *error = validate_room(v);

    v->result->n_refused++;
    v->any_timestamp = true;
    if (error == NULL)
        return;
    error->index = index;
    error->message = BYTES("a producer must not set the timestamp type to "
                           "LogAppendTime");
}

/* The rules for one record. A timestamp of -1 means none and is always right;
 * differences wrap, as in Java. */
static inline void validate_check(struct validate *v, int32_t index,
                                  int64_t timestamp, bool has_key,
                                  int64_t offset)
{
    const struct validate_rules *rules = v->rules;

    if (rules->compacted && !has_key) {
        validate_refuse_key(v, index);
        return;
    }
    if (!rules->append_time && timestamp != BATCH_NO_TIMESTAMP) {
        int64_t age = (int64_t)((uint64_t)rules->now_ms - (uint64_t)timestamp);

        if (age > rules->before_max_ms ||
            (int64_t)(0 - (uint64_t)age) > rules->after_max_ms)
            validate_refuse_time(v, index, timestamp, offset);
    } else if (v->client_append_time) {
        validate_refuse_type(v, index);
    }
}

static inline void validate_max(struct validate_result *result, int32_t index,
                                int64_t timestamp)
{
    if (timestamp > result->max_timestamp) {
        result->max_timestamp = timestamp;
        result->max_timestamp_delta = index;
    }
}

void validate_one(struct validate *v, int32_t index, int64_t timestamp,
                  bool has_key, int64_t offset)
{
    validate_check(v, index, timestamp, has_key, offset);
    validate_max(v->result, index, timestamp);
}

enum err validate_verdict(struct validate *v)
{
    struct validate_result *result = v->result;
    size_t n = result->n_errors;

    if (result->n_refused == 0)
        return ERR_OK;
    if (v->any_timestamp) {
        result->message = BYTES("records were refused because of their "
                                "timestamps");
        return ERR_TIMESTAMP;
    }
    struct bytes first = n ? result->errors[0].message : BYTES("");
    result->message = arena_format(
        v->arena, "%llu record(s) were refused; the first is record %d: %.*s",
        (unsigned long long)result->n_refused, n ? result->errors[0].index : -1,
        BYTES_ARG(first));
    return ERR_RECORD;
}

enum err validate_plain(struct validate *v)
{
    const struct batch_header h = v->result->header;
    const uint8_t *at = v->records + BATCH_HEADER;
    const uint8_t *end = v->records + v->len;
    bool append = batch_has_append_time(&h);
    int32_t gaps = 0;

    v->result->inflated = (uint64_t)(end - at);
    for (int32_t i = 0; i < h.count; i++) {
        struct batch_raw raw;
        int64_t timestamp;

        if (!BATCH_LIKELY(batch_parse_record(&at, end, &raw)))
            return ERR_RECORD;
        timestamp = append ? h.max_timestamp
                           : (int64_t)((uint64_t)h.base_timestamp +
                                       (uint64_t)raw.timestamp_delta);
        gaps |= raw.offset_delta ^ i;
        validate_check(v, i, timestamp, raw.key_len >= 0, raw.offset_delta);
        validate_max(v->result, i, timestamp);
    }
    if (h.count != 0 && at != end)
        return ERR_RECORD;
    v->gaps = gaps != 0;
    return validate_verdict(v);
}

enum err validate_inflated(struct validate *v)
{
    struct batch_reader *reader = &v->validator->reader;
    struct batch_skim skim;
    int32_t gaps = 0;
    enum err err;

    err = batch_reader_start(reader, bytes_make(v->records, v->len),
                             v->rules->inflate_limit);
    for (int32_t i = 0; err == ERR_OK; i++) {
        err = batch_reader_skim(reader, &skim);
        if (err != ERR_OK)
            break;
        gaps |= skim.offset_delta ^ i;
        validate_check(v, i, skim.timestamp, skim.has_key, skim.offset_delta);
        validate_max(v->result, i, skim.timestamp);
        v->result->inflated += skim.size;
    }
    v->gaps = gaps != 0;
    return err == ERR_ABSENT ? validate_verdict(v) : err;
}
