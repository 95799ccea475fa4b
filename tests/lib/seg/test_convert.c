/* test_convert.c - batches told to clients that only know the old formats. */
#include <check.h>
#include <stdlib.h>

#include "seg/convert.h"
#include "tests/lib/seg/golden.h"

#define NO_LIMIT (UINT64_C(1) << 30)

static struct converter converter;
static struct wr out;
static size_t consumed;

static void start(void)
{
    converter_init(&converter);
    wr_init(&out, 1 << 20);
}

static void stop(void)
{
    converter_fini(&converter);
    wr_fini(&out);
}

static enum err down(struct bytes batches, int8_t magic, int64_t fetch_offset)
{
    out.len = 0;
    return convert_down(&converter, batches, magic, fetch_offset, NO_LIMIT,
                        &out, &consumed);
}

static enum err down_file(const char *name, int8_t magic, int64_t fetch_offset)
{
    size_t len;
    uint8_t *bytes = golden_read(name, &len);
    enum err err = down(bytes_make(bytes, len), magic, fetch_offset);

    free(bytes);
    return err;
}

static void expect_file(const char *name)
{
    size_t len;
    uint8_t *bytes = golden_read(name, &len);

    ck_assert_uint_eq(out.len, len);
    ck_assert_mem_eq(out.data, bytes, len);
    free(bytes);
}

/* Read all records of a range; the number of them. */
static int read_all(struct bytes range, struct batch_record *last,
                    int64_t *sum_offsets)
{
    struct batch_iter iter = batch_iter_make(range);
    struct batch_reader r;
    struct batch batch;
    int n = 0;

    batch_reader_init(&r);
    *sum_offsets = 0;
    while (batch_iter_next(&iter, &batch) == ERR_OK) {
        ck_assert_int_eq(batch_check(batch.bytes), ERR_OK);
        ck_assert_int_eq(batch_reader_start(&r, batch.bytes, NO_LIMIT), ERR_OK);
        while (batch_reader_next(&r, last) == ERR_OK) {
            *sum_offsets += last->offset;
            n++;
        }
        ck_assert_int_eq(r.err, ERR_ABSENT);
    }
    ck_assert_uint_eq(iter.left.len, 0);
    batch_reader_fini(&r);
    return n;
}

START_TEST(plain_batches_become_kafkas_old_sets)
{
    ck_assert_int_eq(down_file("v2-none.bin", 0, 102), ERR_OK);
    expect_file("down-none-v0.bin");
    ck_assert_int_eq(down_file("v2-none.bin", 1, 102), ERR_OK);
    expect_file("down-none-v1.bin");
    ck_assert_int_eq(down_file("v2-append.bin", 1, 0), ERR_OK);
    expect_file("down-append-v1.bin");
    ck_assert_uint_eq(consumed, 193);
}
END_TEST

/* Compressed bytes may differ from Kafka's; what is in them may not. */
START_TEST(compressed_batches_become_wrappers_with_the_same_records)
{
    struct batch_reader ours, theirs;
    struct batch_record a, b;
    char name[64];

    batch_reader_init(&ours);
    batch_reader_init(&theirs);
    for (int8_t magic = 0; magic < 2; magic++) {
        size_t len;
        uint8_t *kafkas;
        enum err err;
        int n = 0;

        snprintf(name, sizeof name, "v2-%s.bin", codec_name((enum codec)_i));
        ck_assert_int_eq(down_file(name, magic, 102), ERR_OK);
        snprintf(name, sizeof name, "down-%s-v%d.bin",
                 codec_name((enum codec)_i), magic);
        kafkas = golden_read(name, &len);
        ck_assert_int_eq(batch_check(bytes_make(out.data, out.len)), ERR_OK);
        ck_assert_int_eq(
            batch_reader_start(&ours, bytes_make(out.data, out.len), NO_LIMIT),
            ERR_OK);
        ck_assert_int_eq(
            batch_reader_start(&theirs, bytes_make(kafkas, len), NO_LIMIT),
            ERR_OK);
        ck_assert_int_eq(ours.batch.header.base_offset, 104);
        ck_assert_int_eq(ours.batch.header.max_timestamp,
                         theirs.batch.header.max_timestamp);
        ck_assert_int_eq(ours.batch.header.attributes,
                         theirs.batch.header.attributes);
        while ((err = batch_reader_next(&ours, &a)) == ERR_OK) {
            ck_assert_int_eq(batch_reader_next(&theirs, &b), ERR_OK);
            ck_assert_int_eq(a.offset, b.offset);
            ck_assert_int_eq(a.timestamp, b.timestamp);
            ck_assert_int_eq(a.size, b.size);
            ck_assert(bytes_equal(a.key, b.key));
            ck_assert(bytes_equal(a.value, b.value));
            n++;
        }
        ck_assert_int_eq(err, ERR_ABSENT);
        ck_assert_int_eq(batch_reader_next(&theirs, &b), ERR_ABSENT);
        ck_assert_int_eq(n, 5); /* whole, though the fetch was for 102 */
        free(kafkas);
    }
    batch_reader_fini(&ours);
    batch_reader_fini(&theirs);
}
END_TEST

START_TEST(what_is_old_enough_is_copied)
{
    ck_assert_int_eq(down_file("v1-gzip.bin", 1, 100), ERR_OK);
    expect_file("v1-gzip.bin");
    ck_assert_int_eq(down_file("v0-snappy.bin", 1, 100), ERR_OK);
    expect_file("v0-snappy.bin");
    ck_assert_int_eq(down_file("v1-none.bin", 0, 100), ERR_OK);
    expect_file("v0-none.bin");
}
END_TEST

START_TEST(control_batches_are_left_out)
{
    struct batch_record last;
    struct wr range;
    int64_t sum;

    wr_init(&range, 4096);
    batch_write_marker(&range, true, 1, 0, 0, 5);
    batch_write_marker(&range, false, 1, 0, 0, 5);
    size_t len;
    uint8_t *bytes = golden_read("v2-none.bin", &len);
    wr_raw(&range, bytes, len);
    batch_write_marker(&range, true, 1, 0, 0, 5);
    ck_assert_int_eq(down(bytes_make(range.data, range.len), 1, 0), ERR_OK);
    ck_assert_uint_eq(consumed, range.len);
    ck_assert_int_eq(read_all(bytes_make(out.data, out.len), &last, &sum), 5);
    ck_assert_int_eq(sum, 100 + 101 + 102 + 103 + 104);
    free(bytes);
    wr_fini(&range);
}
END_TEST

START_TEST(when_nothing_can_be_told_the_answer_is_a_cut_message)
{
    size_t size;
    int8_t magic;

    ck_assert_int_eq(down_file("v2-commit.bin", 1, 0), ERR_OK);
    ck_assert_uint_eq(out.len, 12);
    wr_raw(&out, "\0\0\0\0\0", 5);
    ck_assert_int_eq(batch_peek(bytes_make(out.data, out.len), &size, &magic),
                     ERR_OK);
    ck_assert_uint_gt(size, out.len);
    ck_assert_int_eq(down(BYTES(""), 1, 0), ERR_OK);
    ck_assert_uint_eq(out.len, 0);
    /* The same when all records lie below the offset asked for. */
    ck_assert_int_eq(down_file("v2-none.bin", 1, 105), ERR_OK);
    ck_assert_uint_eq(out.len, 12);
}
END_TEST

START_TEST(zstd_cannot_be_told)
{
    struct batch_record last;
    struct wr range;
    int64_t sum;
    size_t len, zlen;
    uint8_t *bytes = golden_read("v2-none.bin", &len);
    uint8_t *zstd = golden_read("v2-zstd.bin", &zlen);

    ck_assert_int_eq(down(bytes_make(zstd, zlen), 1, 0), ERR_CODEC);
    ck_assert_uint_eq(consumed, 0);
    wr_init(&range, 4096);
    wr_raw(&range, bytes, len);
    wr_raw(&range, zstd, zlen);
    ck_assert_int_eq(down(bytes_make(range.data, range.len), 1, 0), ERR_OK);
    ck_assert_uint_eq(consumed, len);
    ck_assert_int_eq(read_all(bytes_make(out.data, out.len), &last, &sum), 5);
    /* A marker before it does not count as something told. */
    range.len = 0;
    batch_write_marker(&range, true, 1, 0, 0, 5);
    wr_raw(&range, zstd, zlen);
    ck_assert_int_eq(down(bytes_make(range.data, range.len), 1, 0), ERR_CODEC);
    free(bytes);
    free(zstd);
    wr_fini(&range);
}
END_TEST

START_TEST(what_does_not_fit_any_more_is_for_the_next_fetch)
{
    struct batch_record last;
    struct wr range;
    int64_t sum;
    size_t len;
    uint8_t *bytes = golden_read("v2-none.bin", &len);

    wr_init(&range, 4096);
    wr_raw(&range, bytes, len);
    wr_raw(&range, bytes, len);
    wr_fini(&out);
    wr_init(&out, 300); /* one set has 246 bytes */
    ck_assert_int_eq(down(bytes_make(range.data, range.len), 1, 0), ERR_OK);
    ck_assert_uint_eq(consumed, len);
    ck_assert_int_eq(read_all(bytes_make(out.data, out.len), &last, &sum), 5);
    ck_assert_int_eq(out.err, ERR_OK);
    wr_fini(&out);
    wr_init(&out, 200);
    ck_assert_int_eq(down(bytes_make(range.data, range.len), 1, 0), ERR_LIMIT);
    ck_assert_uint_eq(out.len, 0);
    free(bytes);
    wr_fini(&range);
}
END_TEST

START_TEST(a_batch_that_is_cut_is_left_out)
{
    size_t len;
    uint8_t *bytes = golden_read("v2-none.bin", &len);

    ck_assert_int_eq(down(bytes_make(bytes, len - 1), 1, 0), ERR_OK);
    ck_assert_uint_eq(out.len, 0);
    free(bytes);
}
END_TEST

START_TEST(fetch_versions_name_their_magic)
{
    ck_assert_int_eq(convert_fetch_magic(0), 0);
    ck_assert_int_eq(convert_fetch_magic(1), 0);
    ck_assert_int_eq(convert_fetch_magic(2), 1);
    ck_assert_int_eq(convert_fetch_magic(3), 1);
    ck_assert_int_eq(convert_fetch_magic(4), 2);
}
END_TEST

START_TEST(old_sets_we_build_are_kafkas)
{
    struct msgset_builder b;
    char name[64];

    msgset_builder_init(&b);
    for (int8_t magic = 0; magic < 2; magic++) {
        out.len = 0;
        ck_assert_int_eq(
            msgset_builder_start(&b, magic, CODEC_NONE, false, -1, &out),
            ERR_OK);
        for (int i = 0; i < GOLDEN_RECORDS; i++) {
            const struct golden_record *g = golden_record(i, false);
            struct batch_record record = { .offset = 100 + i,
                                           .timestamp = g->timestamp,
                                           .key = g->key,
                                           .value = g->value };
            msgset_builder_add(&b, &record);
        }
        ck_assert_int_eq(msgset_builder_finish(&b), ERR_OK);
        snprintf(name, sizeof name, "v%d-none.bin", magic);
        expect_file(name);
    }
    ck_assert_int_eq(msgset_builder_start(&b, 1, CODEC_ZSTD, false, -1, &out),
                     ERR_CODEC);
    out.len = 0;
    ck_assert_int_eq(msgset_builder_start(&b, 1, CODEC_LZ4, false, -1, &out),
                     ERR_OK);
    ck_assert_int_eq(msgset_builder_finish(&b), ERR_OK);
    ck_assert_uint_eq(out.len, 0);
    msgset_builder_fini(&b);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("convert");
    TCase *t = tcase_create("convert");
    SRunner *r;

    tcase_add_checked_fixture(t, start, stop);
    tcase_add_test(t, plain_batches_become_kafkas_old_sets);
    tcase_add_loop_test(
        t, compressed_batches_become_wrappers_with_the_same_records, 1, 4);
    tcase_add_test(t, what_is_old_enough_is_copied);
    tcase_add_test(t, control_batches_are_left_out);
    tcase_add_test(t, when_nothing_can_be_told_the_answer_is_a_cut_message);
    tcase_add_test(t, zstd_cannot_be_told);
    tcase_add_test(t, what_does_not_fit_any_more_is_for_the_next_fetch);
    tcase_add_test(t, a_batch_that_is_cut_is_left_out);
    tcase_add_test(t, fetch_versions_name_their_magic);
    tcase_add_test(t, old_sets_we_build_are_kafkas);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
