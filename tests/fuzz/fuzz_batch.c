/* fuzz_batch.c - any bytes as record batches: walked, read, validated, told.
 *
 * The first three bytes choose the rules. The rest is taken as it is, and once
 * more with the header made plausible and the CRC right, so that the records
 * behind it are reached.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "seg/convert.h"
#include "seg/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_LIMIT = 256 * 1024 };

static struct validate_rules fuzz_rules(const uint8_t *choice)
{
    struct validate_rules rules = validate_rules_make();

    rules.append_time = choice[0] & 1;
    rules.compacted = choice[0] & 2;
    rules.keep_codec = choice[0] & 4;
    rules.origin = choice[0] & 8 ? VALIDATE_COORDINATOR : VALIDATE_CLIENT;
    rules.codec = (enum codec)(choice[1] % 5);
    rules.produce_version = choice[2] % 10;
    rules.now_ms = choice[1] & 0x80 ? 5 : 1700000000000;
    rules.before_max_ms = choice[1] & 0x40 ? 1000 : INT64_MAX;
    rules.max_message_bytes = 64 * 1024;
    rules.inflate_limit = FUZZ_LIMIT;
    return rules;
}

static void fuzz_walk(struct bytes range)
{
    struct batch_iter iter = batch_iter_make(range);
    struct batch_reader reader;
    struct batch_record record;
    struct batch_marker marker;
    struct batch batch;

    batch_reader_init(&reader);
    while (batch_iter_next(&iter, &batch) == ERR_OK) {
        err_ignore(batch_check(batch.bytes), "only its reading matters");
        err_ignore(batch_marker_find(batch.bytes, &marker), "the same");
        if (batch_reader_start(&reader, batch.bytes, FUZZ_LIMIT) != ERR_OK)
            continue;
        while (batch_reader_next(&reader, &record) == ERR_OK) {
            struct bytes headers = record.headers, key, value;
            int32_t n = 0;

            while (batch_record_header(&headers, &key, &value) == ERR_OK)
                n++;
            assert(n == record.n_headers);
        }
        assert(reader.window_size <= 2 * (FUZZ_LIMIT + BATCH_WINDOW));
    }
    batch_reader_fini(&reader);
}

/* What was accepted is one whole batch with the offsets 0, 1, 2 ... */
static void fuzz_accepted(const struct validate_rules *rules,
                          const struct validate_result *result)
{
    struct bytes batch = bytes_make(result->at, result->size);
    struct batch_reader reader;
    struct batch_record record;
    int32_t n = 0;

    assert(result->size <= rules->max_message_bytes);
    assert(batch_check(batch) == ERR_OK);
    if (rules->origin != VALIDATE_CLIENT)
        return;
    assert(result->count == result->header.count && result->count > 0);
    batch_reader_init(&reader);
    assert(batch_reader_start(&reader, batch, FUZZ_LIMIT * 4) == ERR_OK);
    while (batch_reader_next(&reader, &record) == ERR_OK)
        assert(record.offset == n++);
    assert(reader.err == ERR_ABSENT && n == result->count);
    batch_reader_fini(&reader);
}

static void fuzz_validate(const struct validate_rules *rules, uint8_t *bytes,
                          size_t len)
{
    struct validate_result result;
    struct validator validator;
    struct arena arena;
    struct wr rewrite;

    validator_init(&validator);
    arena_init(&arena, 1 << 20);
    wr_init(&rewrite, 0);
    if (validate_records(&validator, rules, bytes, len, &arena, &rewrite,
                         &result) == ERR_OK &&
        result.at != NULL)
        fuzz_accepted(rules, &result);
    validator_fini(&validator);
    arena_fini(&arena);
    wr_fini(&rewrite);
}

static void fuzz_down(struct bytes range, int8_t magic)
{
    struct converter converter;
    size_t consumed;
    struct wr out;

    converter_init(&converter);
    wr_init(&out, FUZZ_LIMIT);
    err_ignore(
        convert_down(&converter, range, magic, 1, FUZZ_LIMIT, &out, &consumed),
        "malformed ranges fail");
    assert(consumed <= range.len && out.len <= FUZZ_LIMIT);
    converter_fini(&converter);
    wr_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    struct validate_rules rules = fuzz_rules(data);
    size_t len = size - 3;
    uint8_t *bytes = malloc(len ? len : 1);

    memcpy(bytes, data + 3, len);
    fuzz_walk(bytes_make(bytes, len));
    fuzz_down(bytes_make(bytes, len), data[0] & 1);
    fuzz_validate(&rules, bytes, len);
    if (len >= BATCH_HEADER) {
        struct batch_header h = { .magic = 2 };

        memcpy(bytes, data + 3, len);
        bytes[16] = 2;
        memset(bytes, 0, 12);
        bytes[10] = (uint8_t)((len - BATCH_OVERHEAD) >> 8);
        bytes[11] = (uint8_t)(len - BATCH_OVERHEAD);
        if (batch_header_read(bytes_make(bytes, len), &h) == ERR_OK) {
            if (h.count > 0)
                h.last_offset_delta = h.count - 1;
            batch_header_write(bytes, &h);
            batch_seal(bytes, batch_size(&h));
            fuzz_down(bytes_make(bytes, len), data[0] & 1);
            fuzz_validate(&rules, bytes, len);
        }
    }
    free(bytes);
    return 0;
}
