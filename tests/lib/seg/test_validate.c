/* test_validate.c - what a leader takes, changes and refuses. */
#include <check.h>
#include <stdlib.h>

#include "seg/validate.h"
#include "tests/lib/seg/golden.h"

static struct validator validator;
static struct validate_rules rules;
static struct validate_result result;
static struct arena arena;
static struct wr rewrite;
static struct wr batch; /* what a test sends */

static void start(void)
{
    validator_init(&validator);
    rules = validate_rules_make();
    rules.topic = BYTES("orders");
    rules.partition = 3;
    rules.now_ms = GOLDEN_APPEND_TIME;
    arena_init(&arena, 1 << 20);
    wr_init(&rewrite, 0);
    wr_init(&batch, 32 << 20);
}

static void stop(void)
{
    validator_fini(&validator);
    arena_fini(&arena);
    wr_fini(&rewrite);
    wr_fini(&batch);
}

static enum err validate(void)
{
    rewrite.len = 0;
    rewrite.err = ERR_OK;
    return validate_records(&validator, &rules, batch.data, batch.len, &arena,
                            &rewrite, &result);
}

static void load(const char *name)
{
    size_t len;
    uint8_t *bytes = golden_read(name, &len);

    batch.len = 0;
    wr_raw(&batch, bytes, len);
    free(bytes);
}

/* A batch of `n` records as a producer sends it: key "k", 100 bytes of value,
 * timestamps GOLDEN_TIME, +1, +2 ... */
static void produce_with(struct batch_spec spec, int n)
{
    static const uint8_t value[100] = "value";
    struct batch_builder b;

    batch.len = 0;
    batch_builder_init(&b);
    ck_assert_int_eq(batch_builder_start(&b, &spec, &batch), ERR_OK);
    for (int i = 0; i < n; i++) {
        struct batch_record record = { .offset = i,
                                       .timestamp = GOLDEN_TIME + i,
                                       .key = BYTES("k"),
                                       .value = bytes_make(value, 100) };
        batch_builder_add(&b, &record);
    }
    ck_assert_int_eq(batch_builder_finish(&b, NULL), ERR_OK);
    batch_builder_fini(&b);
}

static void produce(enum codec codec, int n)
{
    struct batch_spec spec = batch_spec_make();

    spec.attributes = (int16_t)codec;
    produce_with(spec, n);
}

/* Change a field of the header; the CRC is made right again. */
static void set_i32(size_t at, int32_t v)
{
    wr_patch_i32(&batch, at, v);
    batch_seal(batch.data, batch.len);
}

static void set_u8(size_t at, uint8_t v)
{
    batch.data[at] = v;
    batch_seal(batch.data, batch.len);
}

static void expect_result_whole(void)
{
    struct bytes whole = bytes_make(result.at, result.size);
    uint8_t as_told[BATCH_HEADER];
    struct batch_header h;

    ck_assert_int_eq(batch_check(whole), ERR_OK);
    ck_assert_int_eq(batch_header_read(whole, &h), ERR_OK);
    batch_header_write(as_told, &result.header);
    ck_assert_mem_eq(as_told, result.at, BATCH_HEADER);
    ck_assert_uint_eq(batch_size(&h), result.size);
}

static void expect_golden_records(int64_t timestamp)
{
    struct batch_reader r;
    struct batch_record record;
    int i = 0;

    batch_reader_init(&r);
    ck_assert_int_eq(
        batch_reader_start(&r, bytes_make(result.at, result.size), 1 << 20),
        ERR_OK);
    for (; batch_reader_next(&r, &record) == ERR_OK; i++) {
        golden_check_record(&record, i, false, 0, true);
        ck_assert_int_eq(record.timestamp,
                         timestamp ? timestamp
                                   : golden_record(i, false)->timestamp);
    }
    ck_assert_int_eq(i, GOLDEN_RECORDS);
    batch_reader_fini(&r);
}

START_TEST(a_good_batch_is_taken_as_it_is)
{
    uint8_t before[256];
    char name[64];

    snprintf(name, sizeof name, "v2-produce-%s.bin",
             codec_name((enum codec)_i));
    load(name);
    memcpy(before, batch.data, batch.len);
    ck_assert_int_eq(validate(), ERR_OK);
    ck_assert_ptr_eq(result.at, batch.data);
    ck_assert_uint_eq(result.size, batch.len);
    ck_assert_mem_eq(before, batch.data, batch.len);
    ck_assert(!result.rewritten);
    ck_assert_int_eq(result.count, 5);
    ck_assert_int_eq(result.max_timestamp, GOLDEN_TIME + 3000);
    ck_assert_int_eq(result.max_timestamp_delta, 3);
    ck_assert_uint_eq(result.inflated, 193 - BATCH_HEADER);
    ck_assert_uint_eq(arena.used_bytes, 0);
    ck_assert_uint_eq(rewrite.size, 0);
    expect_result_whole();
}
END_TEST

START_TEST(bytes_after_the_batch_are_cut_off)
{
    produce(CODEC_NONE, 3);
    size_t len = batch.len;

    wr_raw(&batch, "\0\0\0\0\0\0\0\0\0\0\1\0\0", 13); /* 256 bytes to come */
    ck_assert_int_eq(validate(), ERR_OK);
    ck_assert_uint_eq(result.size, len);
    batch.len = len;
    wr_raw(&batch, "\0\0\0\0\0\0\0\0\0\0\0\5", 12); /* no such size */
    ck_assert_int_eq(validate(), ERR_CORRUPT);
}
END_TEST

START_TEST(nothing_at_all_depends_on_the_version)
{
    batch.len = 0;
    ck_assert_int_eq(validate(), ERR_RECORD);
    ck_assert_int_eq(validate_records(&validator, &rules, NULL, 0, &arena,
                                      &rewrite, &result),
                     ERR_RECORD);
    rules.produce_version = 2;
    ck_assert_int_eq(validate(), ERR_OK);
    ck_assert_ptr_null(result.at);
}
END_TEST

START_TEST(a_changed_byte_is_corrupt)
{
    produce(CODEC_NONE, 3);
    batch.data[batch.len - 20] ^= 1;
    ck_assert_int_eq(validate(), ERR_CORRUPT);
}
END_TEST

START_TEST(a_batch_that_is_cut_is_none)
{
    produce(CODEC_NONE, 3);
    batch.len -= 1;
    ck_assert_int_eq(validate(), ERR_RECORD);
}
END_TEST

START_TEST(two_batches_are_one_too_many)
{
    produce(CODEC_NONE, 3);
    size_t len = batch.len;
    uint8_t copy[1000];

    memcpy(copy, batch.data, len);
    wr_raw(&batch, copy, len);
    ck_assert_int_eq(validate(), ERR_RECORD);
    rules.produce_version = 2;
    ck_assert_int_eq(validate(), ERR_RECORD);
}
END_TEST

START_TEST(a_batch_above_the_limit_is_too_large)
{
    produce(CODEC_NONE, 100);
    rules.max_message_bytes = (uint32_t)batch.len;
    ck_assert_int_eq(validate(), ERR_OK);
    rules.max_message_bytes--;
    ck_assert_int_eq(validate(), ERR_TOO_LARGE);
}
END_TEST

START_TEST(headers_that_contradict_themselves_are_refused)
{
    static const struct {
        size_t at;
        int32_t value;
    } bent[] = {
        { 4, 1 },  /* base offset 1 */
        { 23, 2 }, /* last offset delta, of 4 records */
        { 23, -1 }, { 23, INT32_MAX }, { 57, 3 }, /* count */
        { 57, 5 },  { 57, 0 },         { 57, -1 }, { 57, INT32_MAX },
    };

    for (size_t i = 0; i < sizeof bent / sizeof *bent; i++) {
        produce(CODEC_NONE, 4);
        set_i32(bent[i].at, bent[i].value);
        ck_assert_int_eq(validate(), ERR_RECORD);
        produce(CODEC_LZ4, 4);
        set_i32(bent[i].at, bent[i].value);
        ck_assert_int_eq(validate(), ERR_RECORD);
    }
    /* Both agree, but there are only 4 records. */
    produce(CODEC_NONE, 4);
    set_i32(23, 4);
    set_i32(57, 5);
    ck_assert_int_eq(validate(), ERR_RECORD);
    produce(CODEC_NONE, 4);
    set_i32(23, 2);
    set_i32(57, 3);
    ck_assert_int_eq(validate(), ERR_RECORD);
}
END_TEST

START_TEST(clients_write_no_control_batches)
{
    wr_raw(&batch, "", 0);
    batch_write_marker(&batch, true, 1, 0, 0, GOLDEN_TIME);
    ck_assert_int_eq(validate(), ERR_RECORD);
    rules.origin = VALIDATE_COORDINATOR;
    ck_assert_int_eq(validate(), ERR_OK);
    rules.keep_codec = false; /* a marker is never compressed */
    rules.codec = CODEC_GZIP;
    ck_assert_int_eq(validate(), ERR_OK);
    ck_assert(!result.rewritten);
}
END_TEST

START_TEST(a_producer_id_needs_a_sequence)
{
    struct batch_spec spec = batch_spec_make();

    spec.producer_id = 9;
    spec.producer_epoch = 0;
    produce_with(spec, 2);
    ck_assert_int_eq(validate(), ERR_RECORD);
    spec.base_sequence = 0;
    produce_with(spec, 2);
    ck_assert_int_eq(validate(), ERR_OK);
    ck_assert_int_eq(result.header.producer_id, 9);
}
END_TEST

START_TEST(zstd_needs_produce_v7)
{
    produce(CODEC_ZSTD, 2);
    rules.produce_version = 6;
    ck_assert_int_eq(validate(), ERR_CODEC);
    rules.produce_version = 7;
    ck_assert_int_eq(validate(), ERR_OK);
}
END_TEST

START_TEST(codecs_that_are_not_assigned_are_refused)
{
    for (uint8_t codec = 5; codec < 8; codec++) {
        produce(CODEC_NONE, 2);
        set_u8(22, codec);
        ck_assert_int_eq(validate(), ERR_CODEC);
    }
}
END_TEST

START_TEST(new_versions_take_magic_2_only)
{
    load("v1-produce-none.bin");
    ck_assert_int_eq(validate(), ERR_RECORD);
    rules.produce_version = 2;
    ck_assert_int_eq(validate(), ERR_OK);
    batch.data[16] = 3;
    ck_assert_int_eq(validate(), ERR_CORRUPT);
}
END_TEST

/* -- timestamps --------------------------------------------------------------
 */

START_TEST(timestamps_out_of_range_are_listed)
{
    enum codec codec = (enum codec)_i;

    produce(codec, 5); /* GOLDEN_TIME + 0 ... 4 */
    rules.now_ms = GOLDEN_TIME + 12;
    rules.before_max_ms = 10;
    ck_assert_int_eq(validate(), ERR_TIMESTAMP);
    ck_assert_uint_eq(result.n_errors, 2);
    ck_assert_uint_eq(result.n_refused, 2);
    ck_assert_int_eq(result.errors[0].index, 0);
    ck_assert_int_eq(result.errors[1].index, 1);
    ck_assert_msg(result.errors[1].message.len > 20, "%.*s",
                  BYTES_ARG(result.errors[1].message));
    ck_assert(!bytes_is_null(result.message));
    rules.now_ms = GOLDEN_TIME;
    rules.after_max_ms = 3;
    ck_assert_int_eq(validate(), ERR_TIMESTAMP);
    ck_assert_uint_eq(result.n_errors, 1);
    ck_assert_int_eq(result.errors[0].index, 4);
    rules.after_max_ms = 4;
    ck_assert_int_eq(validate(), ERR_OK);
}
END_TEST

START_TEST(append_time_is_not_for_clients)
{
    produce(CODEC_NONE, 2);
    set_u8(22, BATCH_APPEND_TIME);
    rules.append_time = true;
    ck_assert_int_eq(validate(), ERR_TIMESTAMP);
    ck_assert_uint_eq(result.n_errors, 2);
    /* In a topic of create time Kafka takes it, and takes the bit away. */
    rules.append_time = false;
    ck_assert_int_eq(validate(), ERR_OK);
    ck_assert(!batch_has_append_time(&result.header));
    expect_result_whole();
}
END_TEST

START_TEST(append_time_is_written_into_the_header)
{
    char name[64];

    snprintf(name, sizeof name, "v2-produce-%s.bin",
             codec_name((enum codec)_i));
    load(name);
    rules.append_time = true;
    ck_assert_int_eq(validate(), ERR_OK);
    ck_assert(!result.rewritten);
    ck_assert(batch_has_append_time(&result.header));
    ck_assert_int_eq(result.header.max_timestamp, GOLDEN_APPEND_TIME);
    ck_assert_int_eq(result.max_timestamp, GOLDEN_APPEND_TIME);
    ck_assert_int_eq(result.max_timestamp_delta, 4);
    expect_result_whole();
    expect_golden_records(GOLDEN_APPEND_TIME);
    /* Again, as after a failed append: no harm. */
    rules.append_time = false;
    ck_assert_int_eq(validate(), ERR_OK);
}
END_TEST

START_TEST(a_wrong_max_timestamp_is_put_right)
{
    produce(CODEC_NONE, 4);
    batch_patch_times(batch.data, batch.len, 0, 17);
    ck_assert_int_eq(validate(), ERR_OK);
    ck_assert_int_eq(result.header.max_timestamp, GOLDEN_TIME + 3);
    expect_result_whole();
}
END_TEST

START_TEST(records_without_timestamp_are_taken)
{
    produce(CODEC_NONE, 1);
    batch_patch_header(batch.data, batch.len, 0, -1, -1);
    rules.before_max_ms = 1;
    ck_assert_int_eq(validate(), ERR_OK);
    ck_assert_int_eq(result.max_timestamp, -1);
    ck_assert_int_eq(result.max_timestamp_delta, -1);
}
END_TEST

/* -- keys --------------------------------------------------------------------
 */

START_TEST(compacted_topics_need_keys)
{
    char name[64];

    snprintf(name, sizeof name, "v2-produce-%s.bin",
             codec_name((enum codec)_i));
    load(name);
    rules.compacted = true;
    ck_assert_int_eq(validate(), ERR_RECORD);
    ck_assert_uint_eq(result.n_errors, 1);
    ck_assert_int_eq(result.errors[0].index, 1);
    ck_assert(!bytes_is_null(result.message));
}
END_TEST

START_TEST(the_list_of_errors_is_bounded)
{
    produce(CODEC_NONE, 3000);
    rules.now_ms = 0;
    rules.after_max_ms = 1;
    rules.max_message_bytes = 1 << 20;
    ck_assert_int_eq(validate(), ERR_TIMESTAMP);
    ck_assert_uint_eq(result.n_errors, VALIDATE_ERRORS_MOST);
    ck_assert_uint_eq(result.n_refused, 3000);
    ck_assert_int_eq(result.errors[999].index, 999);
}
END_TEST

START_TEST(a_full_arena_shortens_the_list_and_nothing_else)
{
    arena.limit_bytes = 200;
    produce(CODEC_NONE, 50);
    rules.now_ms = 0;
    rules.after_max_ms = 1;
    ck_assert_int_eq(validate(), ERR_TIMESTAMP);
    ck_assert_uint_eq(result.n_refused, 50);
    ck_assert_uint_lt(result.n_errors, 50);
}
END_TEST

/* -- records -----------------------------------------------------------------
 */

/* One record of the bytes given, in a batch of the codec. */
static void produce_raw(enum codec codec, struct bytes record)
{
    struct batch_header h = { .magic = 2,
                              .attributes = (int16_t)codec,
                              .leader_epoch = -1,
                              .producer_id = -1,
                              .producer_epoch = -1,
                              .base_sequence = -1,
                              .base_timestamp = -1,
                              .max_timestamp = -1,
                              .count = 1 };

    batch.len = 0;
    wr_room(&batch, BATCH_HEADER);
    ck_assert_int_eq(codec_deflate(codec, false, record, &batch), ERR_OK);
    h.length = (int32_t)(batch.len - BATCH_OVERHEAD);
    batch_header_write(batch.data, &h);
    batch_seal(batch.data, batch.len);
}

#define RAW(literal)                                                           \
    {                                                                          \
        BYTES(literal)                                                         \
    }

START_TEST(malformed_records_are_refused)
{
    /* length, attributes, timestamp, offset, key, value, headers */
    const struct {
        struct bytes bytes;
    } bent[] = {
        RAW(""),
        RAW("\x0c"),
        RAW("\x0c\0\0\0\1\1"),       /* cut */
        RAW("\x0b\0\0\0\1\1\0"),     /* negative length */
        RAW("\x0e\0\0\0\1\1\0\0"),   /* a byte after the headers */
        RAW("\x0c\0\0\0\1\1\0\0"),   /* a byte after the record */
        RAW("\x0a\0\0\0\1\1\0"),     /* length one too small */
        RAW("\x0c\0\0\0\x0a\1\0"),   /* key runs over */
        RAW("\x0c\0\0\0\1\x0a\0"),   /* value runs over */
        RAW("\x0c\0\0\0\1\1\1"),     /* negative header count */
        RAW("\x0c\0\0\0\1\1\2"),     /* a header announced, none there */
        RAW("\x10\0\0\0\1\1\2\1\1"), /* header without key */
        RAW("\x10\0\0\0\1\1\2\0\2"), /* header value runs over */
        RAW("\x14\0\0\0\1\1\xfe\xff\xff\xff\x0f"), /* 2^31 headers */
        RAW("\xff\xff\xff\xff\xff\x01"),           /* length of six bytes */
        RAW("\x22\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02\0\1\1\0\0\0"),
    };

    for (size_t i = 0; i < sizeof bent / sizeof *bent; i++) {
        for (int codec = 0; codec <= CODEC_MOST; codec++) {
            produce_raw((enum codec)codec, bent[i].bytes);
            ck_assert_msg(validate() == ERR_RECORD, "%zu, codec %d", i, codec);
        }
    }
    produce_raw(CODEC_NONE, BYTES("\x0c\0\0\0\1\1\0"));
    ck_assert_int_eq(validate(), ERR_OK);
    produce_raw(CODEC_NONE, BYTES("\x10\0\0\0\1\1\2\0\1"));
    ck_assert_int_eq(validate(), ERR_OK);
}
END_TEST

START_TEST(a_payload_that_does_not_inflate_is_refused)
{
    for (int codec = 1; codec <= CODEC_MOST; codec++) {
        produce(CODEC_NONE, 10);
        set_u8(22, (uint8_t)codec); /* records are not what they claim */
        ck_assert_int_eq(validate(), ERR_RECORD);
        produce((enum codec)codec, 10);
        wr_patch_i32(&batch, 8, (int32_t)(batch.len - 1 - BATCH_OVERHEAD));
        batch.len -= 1; /* its last byte is missing */
        batch_seal(batch.data, batch.len);
        ck_assert_int_eq(validate(), ERR_RECORD);
    }
}
END_TEST

START_TEST(what_inflates_too_far_is_refused)
{
    produce(CODEC_ZSTD, 1000);
    rules.inflate_limit = 50000;
    ck_assert_int_eq(validate(), ERR_LIMIT);
    rules.inflate_limit = 200000;
    ck_assert_int_eq(validate(), ERR_OK);
}
END_TEST

/* A record of 40 MB is checked through the window alone. */
START_TEST(a_huge_record_is_never_put_together)
{
    enum { HUGE = 40 << 20 };
    uint8_t *value = calloc(1, HUGE);
    struct batch_spec spec = batch_spec_make();
    struct batch_builder b;
    struct batch_record record = {
        .timestamp = 5,
        .key = BYTES("k"),
        .value = bytes_make(value, HUGE),
        .n_headers = 2,
        .headers = BYTES("\2h\2v\2i\1"),
    };

    spec.attributes = CODEC_ZSTD;
    batch_builder_init(&b);
    ck_assert_int_eq(batch_builder_start(&b, &spec, &batch), ERR_OK);
    batch_builder_add(&b, &record);
    ck_assert_int_eq(batch_builder_finish(&b, NULL), ERR_OK);
    batch_builder_fini(&b);
    free(value);
    ck_assert_int_eq(validate(), ERR_OK);
    ck_assert_uint_gt(result.inflated, HUGE);
    ck_assert_uint_eq(validator.reader.window_size, BATCH_WINDOW);
    rules.keep_codec = false; /* uncompressed it is above the limit */
    ck_assert_int_eq(validate(), ERR_TOO_LARGE);
    ck_assert_uint_le(rewrite.len, rules.max_message_bytes);
}
END_TEST

/* -- rewriting ---------------------------------------------------------------
 */

START_TEST(the_topics_codec_wins)
{
    enum codec from = (enum codec)(_i / 5), to = (enum codec)(_i % 5);
    char name[64];

    snprintf(name, sizeof name, "v2-produce-%s.bin", codec_name(from));
    load(name);
    rules.keep_codec = false;
    rules.codec = to;
    ck_assert_int_eq(
        validate_is_costly(&rules, bytes_make(batch.data, batch.len)),
        from != CODEC_NONE || to != CODEC_NONE);
    ck_assert_int_eq(validate(), ERR_OK);
    ck_assert_int_eq(result.rewritten, from != to);
    ck_assert_int_eq(batch_codec(&result.header), to);
    ck_assert_int_eq(result.count, 5);
    ck_assert_int_eq(result.max_timestamp, GOLDEN_TIME + 3000);
    ck_assert_int_eq(result.header.max_timestamp, GOLDEN_TIME + 3000);
    expect_result_whole();
    expect_golden_records(0);
}
END_TEST

START_TEST(a_rewritten_batch_keeps_its_producer)
{
    struct batch_spec spec = batch_spec_make();

    spec.producer_id = 9;
    spec.producer_epoch = 4;
    spec.base_sequence = 77;
    spec.attributes = BATCH_TRANSACTIONAL | CODEC_GZIP;
    produce_with(spec, 20);
    rules.keep_codec = false;
    rules.codec = CODEC_LZ4;
    rules.append_time = true;
    ck_assert_int_eq(validate(), ERR_OK);
    ck_assert(result.rewritten);
    ck_assert_int_eq(result.header.producer_id, 9);
    ck_assert_int_eq(result.header.producer_epoch, 4);
    ck_assert_int_eq(result.header.base_sequence, 77);
    ck_assert_int_eq(result.header.attributes,
                     BATCH_TRANSACTIONAL | BATCH_APPEND_TIME | CODEC_LZ4);
    ck_assert_int_eq(result.header.max_timestamp, GOLDEN_APPEND_TIME);
    expect_result_whole();
}
END_TEST

START_TEST(offsets_with_gaps_are_written_anew)
{
    for (int codec = 0; codec <= CODEC_MOST; codec++) {
        struct batch_record record = { .timestamp = 1, .key = BYTES("k") };
        struct batch_spec spec = batch_spec_make();
        struct batch_builder b;
        struct batch_reader r;

        spec.attributes = (int16_t)codec;
        spec.last_offset_delta = 2;
        batch.len = 0;
        batch_builder_init(&b);
        ck_assert_int_eq(batch_builder_start(&b, &spec, &batch), ERR_OK);
        for (int i = 0; i < 3; i++) {
            record.offset = i * 10;
            batch_builder_add(&b, &record);
        }
        ck_assert_int_eq(batch_builder_finish(&b, NULL), ERR_OK);
        batch_builder_fini(&b);
        ck_assert_int_eq(validate(), ERR_OK);
        ck_assert(result.rewritten);
        expect_result_whole();
        batch_reader_init(&r);
        ck_assert_int_eq(
            batch_reader_start(&r, bytes_make(result.at, result.size), 1000),
            ERR_OK);
        for (int i = 0; i < 3; i++) {
            ck_assert_int_eq(batch_reader_next(&r, &record), ERR_OK);
            ck_assert_int_eq(record.offset, i);
        }
        batch_reader_fini(&r);
    }
}
END_TEST

START_TEST(what_a_new_batch_cannot_say_is_refused)
{
    struct batch_spec spec = batch_spec_make();

    rules.keep_codec = false;
    rules.codec = CODEC_LZ4;
    spec.attributes = BATCH_TRANSACTIONAL; /* without a producer */
    produce_with(spec, 2);
    ck_assert_int_eq(validate(), ERR_RECORD);
    spec.producer_id = 5;
    spec.base_sequence = 0; /* without an epoch */
    produce_with(spec, 2);
    ck_assert_int_eq(validate(), ERR_RECORD);
    produce(CODEC_NONE, 1);
    batch_patch_header(batch.data, batch.len, 0, -7, -7);
    ck_assert_int_eq(validate(), ERR_TIMESTAMP);
    ck_assert_uint_eq(result.n_refused, 0);
}
END_TEST

START_TEST(a_pass_that_breaks_off_blames_no_single_record)
{
    load("v2-produce-none.bin");
    rules.compacted = true;        /* record 1 has no key */
    batch.data[batch.len - 1] = 2; /* the last one is malformed */
    batch_seal(batch.data, batch.len);
    ck_assert_int_eq(validate(), ERR_RECORD);
    ck_assert_uint_eq(result.n_errors, 0);
    ck_assert_uint_eq(result.n_refused, 0);
}
END_TEST

START_TEST(a_batch_that_grows_above_the_limit_is_too_large)
{
    produce(CODEC_ZSTD, 1000);
    rules.keep_codec = false;
    rules.max_message_bytes = 50000;
    ck_assert_int_eq(validate(), ERR_TOO_LARGE);
}
END_TEST

/* -- magic 0 and 1 -----------------------------------------------------------
 */

/* Set a batch's offset and epoch as the log will, and compare with Kafka's. */
static void expect_kafkas(const char *name)
{
    size_t len;
    uint8_t *bytes = golden_read(name, &len);

    expect_result_whole();
    batch_patch_offset(result.at, 500, 9);
    ck_assert_uint_eq(result.size, len);
    ck_assert_mem_eq(result.at, bytes, len);
    free(bytes);
}

START_TEST(old_sets_become_kafkas_batch)
{
    char name[64];

    for (int magic = 0; magic < 2; magic++) {
        snprintf(name, sizeof name, "v%d-produce-%s.bin", magic,
                 codec_name((enum codec)_i));
        load(name);
        ck_assert(
            validate_is_costly(&rules, bytes_make(batch.data, batch.len)));
        rules.produce_version = (int16_t)(magic + 1);
        rules.keep_codec = false;
        ck_assert_int_eq(validate(), ERR_OK);
        ck_assert(result.rewritten);
        ck_assert_int_eq(result.count, 5);
        ck_assert_int_eq(result.max_timestamp,
                         magic == 0 ? -1 : GOLDEN_TIME + 3000);
        ck_assert_int_eq(result.max_timestamp_delta, magic == 0 ? -1 : 3);
        snprintf(name, sizeof name, "up-v%d-%s.bin", magic,
                 codec_name((enum codec)_i));
        expect_kafkas(name);
    }
}
END_TEST

START_TEST(old_sets_get_the_append_time)
{
    load("v1-produce-none.bin");
    rules.produce_version = 2;
    rules.append_time = true;
    ck_assert_int_eq(validate(), ERR_OK);
    ck_assert_int_eq(result.max_timestamp, GOLDEN_APPEND_TIME);
    ck_assert_int_eq(result.max_timestamp_delta, 4);
    expect_kafkas("up-v1-none-append.bin");
}
END_TEST

START_TEST(old_sets_keep_their_codec_when_the_topic_says_so)
{
    char name[64];

    snprintf(name, sizeof name, "v1-produce-%s.bin",
             codec_name((enum codec)_i));
    load(name);
    rules.produce_version = 2;
    ck_assert_int_eq(validate(), ERR_OK);
    ck_assert_int_eq(batch_codec(&result.header), (enum codec)_i);
    expect_result_whole();
}
END_TEST

START_TEST(old_sets_obey_the_same_rules)
{
    load("v1-produce-gzip.bin");
    rules.produce_version = 2;
    rules.compacted = true;
    ck_assert_int_eq(validate(), ERR_RECORD);
    ck_assert_uint_eq(result.n_errors, 1);
    ck_assert_int_eq(result.errors[0].index, 1);
    rules.compacted = false;
    rules.before_max_ms = 1;
    ck_assert_int_eq(validate(), ERR_TIMESTAMP);
    ck_assert_uint_eq(result.n_errors, 5);
}
END_TEST

START_TEST(two_wrappers_are_one_too_many)
{
    uint8_t copy[500];

    load("v1-produce-gzip.bin");
    memcpy(copy, batch.data, batch.len);
    wr_raw(&batch, copy, batch.len);
    rules.produce_version = 2;
    ck_assert_int_eq(validate(), ERR_RECORD);
}
END_TEST

START_TEST(magics_do_not_mix)
{
    size_t len;
    uint8_t *bytes = golden_read("v0-produce-none.bin", &len);

    load("v1-produce-none.bin");
    wr_raw(&batch, bytes, len);
    rules.produce_version = 2;
    ck_assert_int_eq(validate(), ERR_RECORD);
    free(bytes);
    produce(CODEC_NONE, 1);
    bytes = golden_read("v1-produce-none.bin", &len);
    wr_raw(&batch, bytes, len);
    ck_assert_int_eq(validate(), ERR_RECORD);
    free(bytes);
}
END_TEST

/* A wrapper of magic 1 around the bytes, with a right CRC. */
static void wrap(struct bytes inner)
{
    batch.len = 0;
    wr_i64(&batch, 0);
    wr_i32(&batch, 0);
    wr_i32(&batch, 0);
    wr_i8(&batch, 1);
    wr_i8(&batch, CODEC_GZIP);
    wr_i64(&batch, -1);
    wr_i32(&batch, -1);
    wr_i32(&batch, 0);
    ck_assert_int_eq(codec_deflate(CODEC_GZIP, false, inner, &batch), ERR_OK);
    wr_patch_i32(&batch, 30, (int32_t)batch.len - 34);
    wr_patch_i32(&batch, 8, (int32_t)batch.len - 12);
    wr_patch_i32(
        &batch, 12,
        (int32_t)codec_crc32(0, bytes_make(batch.data + 16, batch.len - 16)));
}

START_TEST(what_lies_in_a_wrapper_is_checked)
{
    size_t len;
    uint8_t *inner = golden_read("v1-produce-none.bin", &len);

    rules.produce_version = 2;
    wrap(bytes_make(inner, len));
    ck_assert_int_eq(validate(), ERR_OK);
    ck_assert_int_eq(result.count, 5);
    inner[len - 1] ^= 1; /* an inner CRC is wrong */
    wrap(bytes_make(inner, len));
    ck_assert_int_eq(validate(), ERR_CORRUPT);
    wrap(bytes_make(inner, 0));
    ck_assert_int_eq(validate(), ERR_RECORD);
    free(inner);
    inner = golden_read("v1-produce-gzip.bin", &len); /* a wrapper inside */
    wrap(bytes_make(inner, len));
    ck_assert_int_eq(validate(), ERR_RECORD);
    free(inner);
    inner = golden_read("v0-produce-none.bin", &len); /* magic 0 inside */
    wrap(bytes_make(inner, len));
    ck_assert_int_eq(validate(), ERR_RECORD);
    free(inner);
}
END_TEST

START_TEST(a_message_cut_inside_a_wrapper_is_passed_over)
{
    size_t len;
    uint8_t *inner = golden_read("v1-produce-none.bin", &len);

    rules.produce_version = 2;
    wrap(bytes_make(inner, len - 1));
    ck_assert_int_eq(validate(), ERR_OK);
    ck_assert_int_eq(result.count, 4);
    free(inner);
}
END_TEST

START_TEST(a_followers_check_is_the_crc)
{
    size_t len;
    uint8_t *bytes = golden_read("v2-abort.bin", &len);

    ck_assert_int_eq(validate_replica_batch(bytes_make(bytes, len)), ERR_OK);
    bytes[len - 1] ^= 1;
    ck_assert_int_eq(validate_replica_batch(bytes_make(bytes, len)),
                     ERR_CORRUPT);
    ck_assert_int_eq(validate_replica_batch(bytes_make(bytes, len - 1)),
                     ERR_SHORT);
    free(bytes);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("validate");
    TCase *t = tcase_create("validate");
    SRunner *r;

    tcase_add_checked_fixture(t, start, stop);
    tcase_add_loop_test(t, a_good_batch_is_taken_as_it_is, 0, 5);
    tcase_add_test(t, bytes_after_the_batch_are_cut_off);
    tcase_add_test(t, nothing_at_all_depends_on_the_version);
    tcase_add_test(t, a_changed_byte_is_corrupt);
    tcase_add_test(t, a_batch_that_is_cut_is_none);
    tcase_add_test(t, two_batches_are_one_too_many);
    tcase_add_test(t, a_batch_above_the_limit_is_too_large);
    tcase_add_test(t, headers_that_contradict_themselves_are_refused);
    tcase_add_test(t, clients_write_no_control_batches);
    tcase_add_test(t, a_producer_id_needs_a_sequence);
    tcase_add_test(t, zstd_needs_produce_v7);
    tcase_add_test(t, codecs_that_are_not_assigned_are_refused);
    tcase_add_test(t, new_versions_take_magic_2_only);
    tcase_add_loop_test(t, timestamps_out_of_range_are_listed, 0, 5);
    tcase_add_test(t, append_time_is_not_for_clients);
    tcase_add_loop_test(t, append_time_is_written_into_the_header, 0, 5);
    tcase_add_test(t, a_wrong_max_timestamp_is_put_right);
    tcase_add_test(t, records_without_timestamp_are_taken);
    tcase_add_loop_test(t, compacted_topics_need_keys, 0, 5);
    tcase_add_test(t, the_list_of_errors_is_bounded);
    tcase_add_test(t, a_full_arena_shortens_the_list_and_nothing_else);
    tcase_add_test(t, malformed_records_are_refused);
    tcase_add_test(t, a_payload_that_does_not_inflate_is_refused);
    tcase_add_test(t, what_inflates_too_far_is_refused);
    tcase_add_test(t, a_huge_record_is_never_put_together);
    tcase_add_loop_test(t, the_topics_codec_wins, 0, 25);
    tcase_add_test(t, a_rewritten_batch_keeps_its_producer);
    tcase_add_test(t, offsets_with_gaps_are_written_anew);
    tcase_add_test(t, what_a_new_batch_cannot_say_is_refused);
    tcase_add_test(t, a_pass_that_breaks_off_blames_no_single_record);
    tcase_add_test(t, a_batch_that_grows_above_the_limit_is_too_large);
    tcase_add_loop_test(t, old_sets_become_kafkas_batch, 0, 4);
    tcase_add_test(t, old_sets_get_the_append_time);
    tcase_add_loop_test(t, old_sets_keep_their_codec_when_the_topic_says_so, 0,
                        4);
    tcase_add_test(t, old_sets_obey_the_same_rules);
    tcase_add_test(t, two_wrappers_are_one_too_many);
    tcase_add_test(t, magics_do_not_mix);
    tcase_add_test(t, what_lies_in_a_wrapper_is_checked);
    tcase_add_test(t, a_message_cut_inside_a_wrapper_is_passed_over);
    tcase_add_test(t, a_followers_check_is_the_crc);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
