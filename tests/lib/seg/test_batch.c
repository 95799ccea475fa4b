/* test_batch.c - batches that Kafka wrote are read; what we write is the same.
 */
#include <check.h>
#include <stdlib.h>

#include "seg/batch.h"
#include "tests/lib/seg/golden.h"

#define NO_LIMIT (UINT64_C(1) << 30)

static struct batch_reader reader;

static void start(void)
{
    batch_reader_init(&reader);
}

static void stop(void)
{
    batch_reader_fini(&reader);
}

/* Read the file as one range and check that it holds the five records. */
static void expect_records(const char *name, bool big, int64_t base,
                           bool headers, int64_t timestamp)
{
    size_t len;
    uint8_t *bytes = golden_read(name, &len);
    struct batch_iter iter = batch_iter_make(bytes_make(bytes, len));
    struct batch_record record;
    struct batch batch;
    enum err err;
    int i = 0;

    while ((err = batch_iter_next(&iter, &batch)) == ERR_OK) {
        ck_assert_int_eq(batch_check(batch.bytes), ERR_OK);
        ck_assert_int_eq(batch_reader_start(&reader, batch.bytes, NO_LIMIT),
                         ERR_OK);
        while ((err = batch_reader_next(&reader, &record)) == ERR_OK) {
            golden_check_record(&record, i, big, base, headers);
            ck_assert_int_eq(record.timestamp,
                             timestamp ? timestamp
                                       : golden_record(i, big)->timestamp);
            i++;
        }
        ck_assert_int_eq(err, ERR_ABSENT);
    }
    ck_assert_int_eq(err, ERR_ABSENT);
    ck_assert_int_eq(i, GOLDEN_RECORDS);
    ck_assert_uint_eq(iter.position, len);
    free(bytes);
}

START_TEST(kafkas_batches_of_every_codec_are_read)
{
    char name[64];

    snprintf(name, sizeof name, "v2-%s.bin", codec_name((enum codec)_i));
    expect_records(name, _i != CODEC_NONE, 100, true, 0);
}
END_TEST

START_TEST(kafkas_old_sets_of_every_codec_are_read)
{
    char name[64];

    snprintf(name, sizeof name, "v1-%s.bin", codec_name((enum codec)_i));
    expect_records(name, _i != CODEC_NONE, 100, false, 0);
    snprintf(name, sizeof name, "v0-%s.bin", codec_name((enum codec)_i));
    expect_records(name, _i != CODEC_NONE, 100, false, -1);
}
END_TEST

START_TEST(append_time_stands_for_every_records_time)
{
    expect_records("v2-append.bin", false, 100, true, GOLDEN_APPEND_TIME);
    expect_records("v1-append.bin", false, 100, false, GOLDEN_APPEND_TIME);
    expect_records("v1-append-gzip.bin", false, 100, false, GOLDEN_APPEND_TIME);
}
END_TEST

START_TEST(a_delete_horizon_is_the_base_of_the_timestamps)
{
    size_t len;
    uint8_t *bytes = golden_read("v2-horizon.bin", &len);
    struct batch_header h;

    expect_records("v2-horizon.bin", false, 100, true, 0);
    ck_assert_int_eq(batch_header_read(bytes_make(bytes, len), &h), ERR_OK);
    ck_assert_int_eq(batch_delete_horizon(&h), GOLDEN_APPEND_TIME);
    free(bytes);
}
END_TEST

START_TEST(every_field_of_the_header_is_found)
{
    size_t len;
    uint8_t *bytes = golden_read("v2-gzip.bin", &len);
    struct batch_header h;

    ck_assert_int_eq(batch_header_read(bytes_make(bytes, BATCH_HEADER), &h),
                     ERR_OK);
    ck_assert_uint_eq(batch_size(&h), len);
    ck_assert_int_eq(h.base_offset, 100);
    ck_assert_int_eq(batch_last_offset(&h), 104);
    ck_assert_int_eq(batch_next_offset(&h), 105);
    ck_assert_int_eq(h.leader_epoch, 7);
    ck_assert_int_eq(h.magic, 2);
    ck_assert_int_eq(batch_codec(&h), CODEC_GZIP);
    ck_assert(batch_is_transactional(&h) && !batch_is_control(&h));
    ck_assert(!batch_has_append_time(&h) && batch_has_producer(&h));
    ck_assert_int_eq(batch_delete_horizon(&h), BATCH_NO_TIMESTAMP);
    ck_assert_int_eq(h.base_timestamp, GOLDEN_TIME);
    ck_assert_int_eq(h.max_timestamp, GOLDEN_TIME + 3000);
    ck_assert_int_eq(h.producer_id, 4711);
    ck_assert_int_eq(h.producer_epoch, 3);
    ck_assert_int_eq(h.base_sequence, INT32_MAX - 1);
    ck_assert_int_eq(batch_last_sequence(&h), 2); /* past 2147483647 comes 0 */
    ck_assert_int_eq(h.count, 5);
    free(bytes);
}
END_TEST

START_TEST(a_header_written_is_the_header_read)
{
    static const char *const names[] = { "v2-none.bin", "v2-zstd.bin",
                                         "v2-empty.bin", "v2-abort.bin" };

    for (size_t i = 0; i < 4; i++) {
        uint8_t out[BATCH_HEADER];
        struct batch_header h;
        size_t len;
        uint8_t *bytes = golden_read(names[i], &len);

        ck_assert_int_eq(batch_header_read(bytes_make(bytes, len), &h), ERR_OK);
        batch_header_write(out, &h);
        ck_assert_mem_eq(out, bytes, sizeof out);
        free(bytes);
    }
}
END_TEST

/* Build the five records as `name` has them. */
static void build(const struct batch_spec *spec, bool big, struct wr *out,
                  struct batch_header *header)
{
    struct batch_builder b;

    batch_builder_init(&b);
    ck_assert_int_eq(batch_builder_start(&b, spec, out), ERR_OK);
    for (int i = 0; i < GOLDEN_RECORDS; i++) {
        const struct golden_record *g = golden_record(i, big);
        struct batch_record record = {
            .offset = spec->base_offset + i,
            .timestamp = g->timestamp,
            .key = g->key,
            .value = g->value,
        };
        if (i == 3) {
            record.n_headers = 3;
            record.headers = BYTES("\x0atrace\x06"
                                   "abc\x08none\x01\x00\x00");
        }
        batch_builder_add(&b, &record);
    }
    ck_assert_int_eq(batch_builder_finish(&b, header), ERR_OK);
    batch_builder_fini(&b);
}

START_TEST(what_we_build_is_what_kafka_builds)
{
    static const char *const names[] = { "v2-none.bin", "v2-append.bin",
                                         "v2-horizon.bin" };

    for (size_t i = 0; i < 3; i++) {
        struct batch_header h, made;
        struct batch_spec spec;
        struct wr out;
        size_t len;
        uint8_t *bytes = golden_read(names[i], &len);

        wr_init(&out, 4096);
        ck_assert_int_eq(batch_header_read(bytes_make(bytes, len), &h), ERR_OK);
        spec = batch_spec_like(&h);
        build(&spec, false, &out, &made);
        ck_assert_uint_eq(out.len, len);
        ck_assert_mem_eq(out.data, bytes, len);
        ck_assert_uint_eq(made.crc, h.crc);
        wr_fini(&out);
        free(bytes);
    }
}
END_TEST

START_TEST(what_we_compress_is_read_back)
{
    struct batch_spec spec = batch_spec_make();
    struct batch_record record;
    struct batch_header h;
    struct wr out;
    int i = 0;

    wr_init(&out, 1 << 20);
    wr_raw(&out, "before", 6); /* a batch may begin anywhere in a buffer */
    spec.base_offset = 70;
    spec.attributes = (int16_t)_i;
    build(&spec, true, &out, &h);
    struct bytes batch = bytes_make(out.data + 6, out.len - 6);
    ck_assert_int_eq(batch_check(batch), ERR_OK);
    ck_assert_int_eq(batch_reader_start(&reader, batch, NO_LIMIT), ERR_OK);
    while (batch_reader_next(&reader, &record) == ERR_OK)
        golden_check_record(&record, i++, true, 70, true);
    ck_assert_int_eq(i, GOLDEN_RECORDS);
    wr_fini(&out);
}
END_TEST

START_TEST(a_record_larger_than_allowed_is_not_gathered)
{
    size_t len;
    uint8_t *bytes = golden_read("v2-zstd.bin", &len);
    struct batch_record record;
    enum err err;

    ck_assert_int_eq(batch_reader_start(&reader, bytes_make(bytes, len), 60000),
                     ERR_OK);
    while ((err = batch_reader_next(&reader, &record)) == ERR_OK)
        ;
    ck_assert_int_eq(err, ERR_LIMIT);
    ck_assert_int_eq(batch_reader_next(&reader, &record), ERR_LIMIT);
    free(bytes);
}
END_TEST

START_TEST(offsets_that_do_not_rise_are_not_built)
{
    struct batch_spec spec = batch_spec_make();
    struct batch_record record = { .offset = 3 };
    struct batch_builder b;
    struct wr out;

    wr_init(&out, 4096);
    batch_builder_init(&b);
    ck_assert_int_eq(batch_builder_start(&b, &spec, &out), ERR_OK);
    batch_builder_add(&b, &record);
    batch_builder_add(&b, &record);
    ck_assert_int_eq(batch_builder_finish(&b, NULL), ERR_INVALID);
    out.len = 0;
    ck_assert_int_eq(batch_builder_start(&b, &spec, &out), ERR_OK);
    record.offset = INT64_C(1) << 31;
    batch_builder_add(&b, &record);
    ck_assert_int_eq(batch_builder_finish(&b, NULL), ERR_INVALID);
    batch_builder_fini(&b);
    wr_fini(&out);
}
END_TEST

START_TEST(a_batch_keeps_its_last_offset_when_records_go)
{
    struct batch_spec spec = batch_spec_make();
    struct batch_record record = { .offset = 12, .timestamp = 5 };
    struct batch_builder b;
    struct batch_header h;
    struct wr out;

    wr_init(&out, 4096);
    batch_builder_init(&b);
    spec.base_offset = 10;
    spec.last_offset_delta = 9;
    ck_assert_int_eq(batch_builder_start(&b, &spec, &out), ERR_OK);
    batch_builder_add(&b, &record);
    ck_assert_int_eq(batch_builder_finish(&b, &h), ERR_OK);
    ck_assert_int_eq(batch_last_offset(&h), 19);
    ck_assert_int_eq(h.count, 1);
    batch_builder_fini(&b);
    wr_fini(&out);
}
END_TEST

START_TEST(a_builder_without_records_leaves_nothing)
{
    struct batch_spec spec = batch_spec_make();
    struct batch_builder b;
    struct batch_header h;
    struct wr out;

    wr_init(&out, 4096);
    batch_builder_init(&b);
    ck_assert_int_eq(batch_builder_start(&b, &spec, &out), ERR_OK);
    ck_assert_int_eq(batch_builder_finish(&b, &h), ERR_OK);
    ck_assert_int_eq(h.count, 0);
    ck_assert_uint_eq(out.len, 0);
    batch_builder_fini(&b);
    wr_fini(&out);
}
END_TEST

START_TEST(an_empty_batch_is_kafkas_empty_batch)
{
    size_t len;
    uint8_t *bytes = golden_read("v2-empty.bin", &len);
    struct batch_record record;
    struct batch_header h;
    struct wr out;

    wr_init(&out, 4096);
    ck_assert_int_eq(batch_header_read(bytes_make(bytes, len), &h), ERR_OK);
    ck_assert_int_eq(h.count, 0);
    batch_write_empty(&out, &h);
    ck_assert_uint_eq(out.len, len);
    ck_assert_mem_eq(out.data, bytes, len);
    ck_assert_int_eq(batch_reader_start(&reader, bytes_make(bytes, len), 0),
                     ERR_OK);
    ck_assert_int_eq(batch_reader_next(&reader, &record), ERR_ABSENT);
    wr_fini(&out);
    free(bytes);
}
END_TEST

START_TEST(markers_are_kafkas_markers)
{
    bool commit = _i == 1;
    size_t len;
    uint8_t *bytes =
        golden_read(commit ? "v2-commit.bin" : "v2-abort.bin", &len);
    struct batch_marker marker;
    struct wr out;

    ck_assert_int_eq(batch_marker_find(bytes_make(bytes, len), &marker),
                     ERR_OK);
    ck_assert_int_eq(marker.type, commit ? BATCH_COMMIT : BATCH_ABORT);
    ck_assert_int_eq(marker.coordinator_epoch, 42);
    wr_init(&out, 4096);
    batch_write_marker(&out, commit, 4711, 3, 42, GOLDEN_TIME);
    batch_patch_offset(out.data, 100, 7);
    ck_assert_uint_eq(out.len, len);
    ck_assert_mem_eq(out.data, bytes, len);
    for (size_t cut = 0; cut < len; cut++)
        ck_assert_int_ne(batch_marker_find(bytes_make(bytes, cut), &marker),
                         ERR_OK);
    wr_fini(&out);
    free(bytes);
}
END_TEST

START_TEST(a_marker_too_short_is_no_marker)
{
    struct batch_record record = { .key = BYTES("\0\0\0\1"),
                                   .value = BYTES("\0\0\0\0\0") };
    struct batch_marker marker;

    ck_assert_int_eq(batch_marker_read(&record, &marker), ERR_RECORD);
    record.value = BYTES("\xff\xff\0\0\0\1");
    ck_assert_int_eq(batch_marker_read(&record, &marker), ERR_RECORD);
    record.value = BYTES("\0\1\0\0\0\5later fields");
    ck_assert_int_eq(batch_marker_read(&record, &marker), ERR_OK);
    ck_assert_int_eq(marker.coordinator_epoch, 5);
    record.key = BYTES("\0\0\0\2"); /* leader change: value of its own */
    ck_assert_int_eq(batch_marker_read(&record, &marker), ERR_OK);
    ck_assert_int_eq(marker.type, BATCH_LEADER_CHANGE);
}
END_TEST

START_TEST(patches_leave_the_crc_right)
{
    size_t len;
    uint8_t *bytes = golden_read("v2-lz4.bin", &len);
    struct bytes batch = bytes_make(bytes, len);
    struct batch_header h;

    batch_patch_offset(bytes, 123456789012, 77);
    ck_assert_int_eq(batch_check(batch), ERR_OK);
    batch_patch_times(bytes, len, CODEC_LZ4 | BATCH_APPEND_TIME, 99);
    ck_assert_int_eq(batch_check(batch), ERR_OK);
    batch_patch_header(bytes, len, CODEC_LZ4 | BATCH_DELETE_HORIZON, 1, 2);
    ck_assert_int_eq(batch_check(batch), ERR_OK);
    ck_assert_int_eq(batch_header_read(batch, &h), ERR_OK);
    ck_assert_int_eq(h.base_offset, 123456789012);
    ck_assert_int_eq(h.leader_epoch, 77);
    ck_assert_int_eq(batch_delete_horizon(&h), 1);
    ck_assert_int_eq(h.max_timestamp, 2);
    uint32_t crc = h.crc;
    batch_seal(bytes, len);
    ck_assert_int_eq(batch_header_read(batch, &h), ERR_OK);
    ck_assert_uint_eq(h.crc, crc);
    free(bytes);
}
END_TEST

START_TEST(a_large_batch_is_patched_without_reading_it)
{
    static uint8_t value[100000];
    struct batch_record record = { .timestamp = 7,
                                   .value = bytes_make(value, sizeof value) };
    struct batch_spec spec = batch_spec_make();
    struct batch_builder b;
    struct wr out;

    wr_init(&out, 1 << 20);
    batch_builder_init(&b);
    ck_assert_int_eq(batch_builder_start(&b, &spec, &out), ERR_OK);
    batch_builder_add(&b, &record);
    ck_assert_int_eq(batch_builder_finish(&b, NULL), ERR_OK);
    batch_patch_times(out.data, out.len, BATCH_APPEND_TIME, 99);
    ck_assert_int_eq(batch_check(bytes_make(out.data, out.len)), ERR_OK);
    batch_patch_header(out.data, out.len, 0, 5, 123456789);
    ck_assert_int_eq(batch_check(bytes_make(out.data, out.len)), ERR_OK);
    batch_builder_fini(&b);
    wr_fini(&out);
}
END_TEST

START_TEST(any_bit_changed_is_seen_by_the_crc)
{
    static const char *const names[] = { "v2-none.bin", "v1-none.bin",
                                         "v0-gzip.bin" };
    size_t len;
    uint8_t *bytes = golden_read(names[_i], &len);
    struct batch_header h;

    ck_assert_int_eq(batch_header_read(bytes_make(bytes, len), &h), ERR_OK);
    len = batch_size(&h);
    for (size_t at = h.magic == 2 ? 17 : 12; at < len; at++) {
        if (h.magic < 2 && at == 16)
            continue; /* the magic: another format altogether */
        bytes[at] ^= 0x10;
        ck_assert_int_eq(batch_check(bytes_make(bytes, len)), ERR_CORRUPT);
        bytes[at] ^= 0x10;
    }
    ck_assert_int_eq(batch_check(bytes_make(bytes, len)), ERR_OK);
    free(bytes);
}
END_TEST

START_TEST(a_range_cut_anywhere_gives_its_whole_batches)
{
    size_t len;
    uint8_t *bytes = golden_read("v1-none.bin", &len);
    struct batch batch;

    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *copy = malloc(cut ? cut : 1);
        struct batch_iter iter = batch_iter_make(bytes_make(copy, cut));
        enum err err;

        memcpy(copy, bytes, cut);
        while ((err = batch_iter_next(&iter, &batch)) == ERR_OK)
            ;
        ck_assert_int_eq(err, iter.left.len ? ERR_SHORT : ERR_ABSENT);
        ck_assert_uint_eq(iter.position + iter.left.len, cut);
        free(copy);
    }
    free(bytes);
}
END_TEST

START_TEST(sizes_and_magics_that_cannot_be_are_refused)
{
    uint8_t bytes[64] = { [11] = 13, [16] = 1 };
    struct bytes all = bytes_make(bytes, sizeof bytes);
    struct batch_header h;
    size_t size;
    int8_t magic;

    ck_assert_int_eq(batch_peek(all, &size, &magic), ERR_FORMAT);
    bytes[11] = 14;
    ck_assert_int_eq(batch_peek(all, &size, &magic), ERR_OK);
    ck_assert_int_eq(batch_header_read(all, &h), ERR_FORMAT);
    bytes[11] = 22;
    ck_assert_int_eq(batch_header_read(all, &h), ERR_OK);
    bytes[16] = 2;
    bytes[11] = 48;
    ck_assert_int_eq(batch_header_read(all, &h), ERR_FORMAT);
    bytes[16] = 3;
    ck_assert_int_eq(batch_peek(all, &size, &magic), ERR_VERSION);
    ck_assert_uint_eq(size, 60);
    bytes[16] = 0x80;
    ck_assert_int_eq(batch_peek(all, &size, &magic), ERR_VERSION);
    bytes[8] = 0x80; /* a negative length */
    ck_assert_int_eq(batch_peek(all, &size, &magic), ERR_FORMAT);
}
END_TEST

/* Whatever a record's bytes are, reading them ends and stays inside. */
START_TEST(bent_records_are_refused)
{
    static const char *const names[] = { "v2-none.bin", "v2-zstd.bin",
                                         "v1-gzip.bin", "v0-snappy.bin" };
    size_t len;
    uint8_t *bytes = golden_read(names[_i], &len);
    struct batch_record record;

    for (size_t at = 17; at < len; at++) {
        for (int bit = 0; bit < 8; bit++) {
            bytes[at] = (uint8_t)(bytes[at] ^ 1 << bit);
            if (batch_reader_start(&reader, bytes_make(bytes, len), 1 << 20) ==
                ERR_OK) {
                while (batch_reader_next(&reader, &record) == ERR_OK)
                    ;
            }
            bytes[at] = (uint8_t)(bytes[at] ^ 1 << bit);
        }
    }
    free(bytes);
}
END_TEST

START_TEST(bytes_after_the_last_record_are_refused)
{
    size_t len;
    uint8_t *bytes = golden_read("v2-none.bin", &len);
    struct batch_record record;
    enum err err;

    bytes[60] = 4; /* one record fewer than there are */
    ck_assert_int_eq(batch_reader_start(&reader, bytes_make(bytes, len), 0),
                     ERR_OK);
    while ((err = batch_reader_next(&reader, &record)) == ERR_OK)
        ;
    ck_assert_int_eq(err, ERR_RECORD);
    bytes[60] = 6; /* one more */
    ck_assert_int_eq(batch_reader_start(&reader, bytes_make(bytes, len), 0),
                     ERR_OK);
    while ((err = batch_reader_next(&reader, &record)) == ERR_OK)
        ;
    ck_assert_int_eq(err, ERR_RECORD);
    free(bytes);
}
END_TEST

START_TEST(sequences_wrap_to_zero)
{
    ck_assert_int_eq(batch_sequence_add(INT32_MAX, 1), 0);
    ck_assert_int_eq(batch_sequence_add(INT32_MAX - 1, 3), 1);
    ck_assert_int_eq(batch_sequence_add(5, 0), 5);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("batch");
    TCase *t = tcase_create("batch");
    SRunner *r;

    tcase_add_checked_fixture(t, start, stop);
    tcase_add_loop_test(t, kafkas_batches_of_every_codec_are_read, 0, 5);
    tcase_add_loop_test(t, kafkas_old_sets_of_every_codec_are_read, 0, 4);
    tcase_add_test(t, append_time_stands_for_every_records_time);
    tcase_add_test(t, a_delete_horizon_is_the_base_of_the_timestamps);
    tcase_add_test(t, every_field_of_the_header_is_found);
    tcase_add_test(t, a_header_written_is_the_header_read);
    tcase_add_test(t, what_we_build_is_what_kafka_builds);
    tcase_add_loop_test(t, what_we_compress_is_read_back, 0, 5);
    tcase_add_test(t, a_record_larger_than_allowed_is_not_gathered);
    tcase_add_test(t, offsets_that_do_not_rise_are_not_built);
    tcase_add_test(t, a_batch_keeps_its_last_offset_when_records_go);
    tcase_add_test(t, a_builder_without_records_leaves_nothing);
    tcase_add_test(t, an_empty_batch_is_kafkas_empty_batch);
    tcase_add_loop_test(t, markers_are_kafkas_markers, 0, 2);
    tcase_add_test(t, a_marker_too_short_is_no_marker);
    tcase_add_test(t, patches_leave_the_crc_right);
    tcase_add_test(t, a_large_batch_is_patched_without_reading_it);
    tcase_add_loop_test(t, any_bit_changed_is_seen_by_the_crc, 0, 3);
    tcase_add_test(t, a_range_cut_anywhere_gives_its_whole_batches);
    tcase_add_test(t, sizes_and_magics_that_cannot_be_are_refused);
    tcase_add_loop_test(t, bent_records_are_refused, 0, 4);
    tcase_add_test(t, bytes_after_the_last_record_are_refused);
    tcase_add_test(t, sequences_wrap_to_zero);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
