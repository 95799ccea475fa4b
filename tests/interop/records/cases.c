/* cases.c - random produced and logged batches, and what we make of them.
 *
 *     cases SEED COUNT
 *
 * writes COUNT cases to stdout for Judge.java, which has Apache Kafka do the
 * same. Each: i8 kind, its arguments, the input, our error, our output; numbers
 * big endian, bytes with an i32 length.
 *
 *   kind 0  produce: i8 append time, i8 compacted, i8 codec (-1 the
 * producer's), i16 version, i64 now, i64 before, i64 after, input, i16 Kafka's
 * error code, output (offset 500, leader epoch 9), i8 rewritten, i32 records
 * refused kind 1  down: i8 magic, i64 fetch offset, input, i16 error code,
 * output
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "seg/convert.h"
#include "seg/validate.h"
#include "wire/errors.h"

static uint64_t seed_state;

/* xorshift64*; the cases must be the same everywhere. */
static uint32_t random_below(uint32_t n)
{
    seed_state ^= seed_state >> 12;
    seed_state ^= seed_state << 25;
    seed_state ^= seed_state >> 27;
    return (uint32_t)((seed_state * 0x2545f4914f6cdd1dULL) >> 33) % n;
}

static bool one_in(uint32_t n)
{
    return random_below(n) == 0;
}

static int16_t kafka_code(enum err err)
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
    case ERR_CODEC:
        return KAFKA_UNSUPPORTED_COMPRESSION_TYPE;
    case ERR_TOO_LARGE:
    case ERR_LIMIT:
        return KAFKA_MESSAGE_TOO_LARGE;
    default:
        return KAFKA_UNKNOWN_SERVER_ERROR;
    }
}

static struct bytes random_bytes(uint8_t *room, uint32_t most)
{
    uint32_t len = one_in(20) ? most : random_below(40);

    for (uint32_t i = 0; i < len; i++)
        room[i] = (uint8_t)("abcdefgh"[random_below(8)]);
    return one_in(8) ? BYTES_NULL : bytes_make(room, len);
}

static const int64_t base_time = 1700000000000;

static void random_record(struct batch_record *record)
{
    static uint8_t key[100], value[70000];

    record->timestamp = one_in(10) ? -1 : base_time + (int)random_below(5000);
    record->key = random_bytes(key, sizeof key);
    record->value = random_bytes(value, one_in(10) ? sizeof value : 300);
    record->n_headers = 0;
    record->headers = BYTES("");
    if (one_in(5)) {
        record->n_headers = 2;
        record->headers = BYTES("\2h\6val\0\1");
    }
}

/* A batch of magic 2. `mutate` bends bytes of the records before they are
 * compressed. */
static void random_batch(struct wr *out, int64_t base, enum codec codec,
                         bool mutate)
{
    struct batch_spec spec = batch_spec_make();
    struct batch_record record = { .offset = base };
    struct batch_builder b;
    struct batch_header h;
    struct wr plain;
    int n = 1 + (int)random_below(one_in(10) ? 200 : 6);

    wr_init(&plain, 1 << 24);
    spec.base_offset = base;
    if (one_in(3)) {
        spec.producer_id = 77;
        spec.producer_epoch = 1;
        spec.base_sequence = (int32_t)random_below(100);
        if (one_in(2))
            spec.attributes |= BATCH_TRANSACTIONAL;
    }
    batch_builder_init(&b);
    assert(batch_builder_start(&b, &spec, &plain) == ERR_OK);
    for (int i = 0; i < n; i++) {
        random_record(&record);
        batch_builder_add(&b, &record);
        record.offset += one_in(60) ? 2 : 1;
    }
    assert(batch_builder_finish(&b, &h) == ERR_OK);
    batch_builder_fini(&b);
    if (mutate) {
        size_t at =
            BATCH_HEADER + random_below((uint32_t)(plain.len - BATCH_HEADER));
        if (one_in(2) && at > BATCH_HEADER + 12)
            at = BATCH_HEADER + random_below(12);
        plain.data[at] = (uint8_t)(plain.data[at] ^ 1 << random_below(8));
    }
    size_t start = out->len;
    wr_room(out, BATCH_HEADER);
    assert(codec_deflate(
               codec, false,
               bytes_make(plain.data + BATCH_HEADER, plain.len - BATCH_HEADER),
               out) == ERR_OK);
    h.attributes |= (int16_t)codec;
    h.length = (int32_t)(out->len - start - BATCH_OVERHEAD);
    batch_header_write(out->data + start, &h);
    batch_seal(out->data + start, out->len - start);
    wr_fini(&plain);
}

static void random_set(struct wr *out, int8_t magic, enum codec codec)
{
    struct msgset_builder b;
    struct batch_record record = { .offset = 0 };
    int n = 1 + (int)random_below(6);

    msgset_builder_init(&b);
    assert(msgset_builder_start(&b, magic, codec, false, -1, out) == ERR_OK);
    for (int i = 0; i < n; i++) {
        random_record(&record);
        msgset_builder_add(&b, &record);
        record.offset++;
    }
    assert(msgset_builder_finish(&b) == ERR_OK);
    msgset_builder_fini(&b);
}

/* Bend the header of a magic 2 batch at `at`, keeping size and magic. */
static void bend_header(struct wr *w)
{
    static const uint8_t places[] = { 7,  21, 22, 26, 34, 42,
                                      50, 52, 53, 56, 57, 60 };
    uint8_t place = places[random_below(sizeof places)];

    w->data[place] = (uint8_t)(w->data[place] ^ 1 << random_below(8));
    if (!one_in(6))
        batch_seal(w->data, w->len);
}

static void put_bytes(struct wr *w, const uint8_t *at, size_t len)
{
    wr_i32(w, (int32_t)len);
    wr_raw(w, at, len);
}

static void produce_case(struct wr *out)
{
    struct validate_rules rules = validate_rules_make();
    struct validate_result result;
    struct validator validator;
    struct arena arena;
    struct wr rewrite, in;
    enum err err;

    wr_init(&in, 1 << 24);
    if (one_in(3)) {
        rules.produce_version = (int16_t)random_below(3);
        random_set(&in, (int8_t)random_below(2), (enum codec)random_below(4));
        if (one_in(6))
            random_set(&in, (int8_t)random_below(2),
                       (enum codec)random_below(4));
        if (one_in(12))
            in.data[random_below((uint32_t)in.len)] ^= 1;
    } else {
        rules.produce_version = (int16_t)(3 + random_below(8));
        random_batch(&in, one_in(40) ? 1 : 0, (enum codec)random_below(5),
                     one_in(3));
        if (one_in(3))
            bend_header(&in);
        if (one_in(20))
            random_batch(&in, 0, CODEC_NONE, false);
    }
    if (one_in(20))
        in.len -= random_below(20);
    else if (one_in(20))
        wr_raw(&in, "\0\0\0\0\0\0\0\0\0\0\0\x0f\0\0\0\0\2\0\0", 19);
    rules.append_time = one_in(4);
    rules.compacted = one_in(6);
    rules.keep_codec = !one_in(3);
    rules.codec = (enum codec)random_below(5);
    rules.now_ms = base_time + 2500;
    rules.before_max_ms = one_in(8) ? 2400 : INT64_MAX;
    rules.after_max_ms = one_in(8) ? 2400 : INT64_MAX;
    wr_i8(out, 0);
    wr_bool(out, rules.append_time);
    wr_bool(out, rules.compacted);
    wr_i8(out, rules.keep_codec ? -1 : (int8_t)rules.codec);
    wr_i16(out, rules.produce_version);
    wr_i64(out, rules.now_ms);
    wr_i64(out, rules.before_max_ms);
    wr_i64(out, rules.after_max_ms);
    put_bytes(out, in.data, in.len);

    validator_init(&validator);
    arena_init(&arena, 1 << 20);
    wr_init(&rewrite, 0);
    err = validate_records(&validator, &rules, in.data, in.len, &arena,
                           &rewrite, &result);
    if (err == ERR_OK && result.at != NULL)
        batch_patch_offset(result.at, 500, 9);
    wr_i16(out, kafka_code(err));
    put_bytes(out, result.at, err == ERR_OK ? result.size : 0);
    wr_bool(out, result.rewritten);
    wr_i32(out, (int32_t)result.n_refused);
    validator_fini(&validator);
    arena_fini(&arena);
    wr_fini(&rewrite);
    wr_fini(&in);
}

static void down_case(struct wr *out)
{
    int8_t magic = (int8_t)random_below(2);
    struct converter converter;
    struct wr in, told;
    int64_t next = 1000, fetch;
    size_t consumed;
    enum err err;

    wr_init(&in, 1 << 24);
    wr_init(&told, 1 << 24);
    for (uint32_t n = 1 + random_below(4); n > 0; n--) {
        struct batch_header h;
        size_t start = in.len;

        if (one_in(5)) {
            batch_write_marker(&in, one_in(2), 77, 1, 3, base_time);
            batch_patch_offset(in.data + start, next, 5);
        } else {
            random_batch(&in, next,
                         (enum codec)random_below(one_in(10) ? 5 : 4), false);
        }
        assert(batch_header_read(bytes_make(in.data + start, in.len - start),
                                 &h) == ERR_OK);
        if (one_in(4))
            batch_patch_times(in.data + start, in.len - start,
                              (int16_t)(h.attributes | BATCH_APPEND_TIME),
                              base_time + 9);
        next = batch_next_offset(&h);
    }
    fetch = 1000 + random_below(8);
    wr_i8(out, 1);
    wr_i8(out, magic);
    wr_i64(out, fetch);
    put_bytes(out, in.data, in.len);
    converter_init(&converter);
    err = convert_down(&converter, bytes_make(in.data, in.len), magic, fetch,
                       1 << 24, &told, &consumed);
    wr_i16(out, kafka_code(err));
    put_bytes(out, told.data, told.len);
    converter_fini(&converter);
    wr_fini(&in);
    wr_fini(&told);
}

int main(int argc, char **argv)
{
    struct wr out;

    if (argc != 3)
        return 2;
    seed_state = strtoull(argv[1], NULL, 10) * 2 + 1;
    for (int i = 0; i < 20; i++)
        random_below(2);
    for (long n = strtol(argv[2], NULL, 10); n > 0; n--) {
        wr_init(&out, 1 << 26);
        if (one_in(4))
            down_case(&out);
        else
            produce_case(&out);
        if (out.err != ERR_OK ||
            fwrite(out.data, 1, out.len, stdout) != out.len)
            return 1;
        wr_fini(&out);
    }
    return 0;
}
