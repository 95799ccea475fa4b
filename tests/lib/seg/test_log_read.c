/* test_log_read.c - plans are exact, and offsets are found by time. */
#include "base/mem.h"
#include "seg/log.h"
#include "tests/support/log_rig.h"
#include "tests/support/unit.h"

static struct log_rig rig;
static struct errmsg why;
static struct log_plan plan;

static size_t one_batch(void)
{
    struct log_rig_batch spec = { .count = 1 };

    log_rig_make(&rig, &spec);
    return rig.batch.len;
}

static enum err read_at(int64_t offset, int64_t limit, size_t most,
                        unsigned flags)
{
    seg_file_unref(&plan.file);
    return log_read(rig.log, offset, limit, (uint32_t)most, flags, &plan, &why);
}

START_TEST(a_plan_ends_at_the_limit)
{
    size_t one;

    log_rig_start(&rig);
    log_rig_fill(&rig, 300);
    one = one_batch();
    for (int64_t limit = 0; limit <= 300; limit += 7) {
        ck_assert_err(read_at(0, limit, 1 << 20, 0), ERR_OK);
        ck_assert_uint_eq(plan.length, one * (size_t)limit);
        ck_assert_err(read_at(limit, 300, 1 << 20, 0), ERR_OK);
        ck_assert_uint_eq(plan.length, one * (size_t)(300 - limit));
        if (limit < 300)
            ck_assert_int_eq(plan.position, (int64_t)one * limit);
    }
    seg_file_unref(&plan.file);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_plan_ends_at_max_bytes_but_one_batch_comes)
{
    size_t one;

    log_rig_start(&rig);
    log_rig_fill(&rig, 300);
    one = one_batch();
    ck_assert_err(read_at(5, 300, one * 3 + 5, 0), ERR_OK);
    ck_assert_uint_eq(plan.length, one * 3 + 5);
    ck_assert(!plan.incomplete);
    ck_assert_err(read_at(5, 300, 10, 0), ERR_OK);
    ck_assert_uint_eq(plan.length, 10);
    ck_assert(plan.incomplete);
    ck_assert_err(read_at(5, 300, 10, LOG_READ_ONE), ERR_OK);
    ck_assert_uint_eq(plan.length, one);
    ck_assert_err(read_at(5, 300, 0, LOG_READ_ONE), ERR_OK);
    ck_assert_uint_eq(plan.length, one);
    ck_assert_err(read_at(5, 300, 0, 0), ERR_OK);
    ck_assert_ptr_null(plan.file);
    seg_file_unref(&plan.file);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(offsets_outside_are_told)
{
    log_rig_start(&rig);
    log_rig_fill(&rig, 10);
    log_high_watermark_set(rig.log, 10);
    ck_assert_err(log_start_raise(rig.log, 4, &why), ERR_OK);
    ck_assert_err(read_at(3, 10, 100, 0), ERR_RANGE);
    ck_assert_err(read_at(11, 10, 100, 0), ERR_RANGE);
    ck_assert_err(read_at(10, 10, 100, 0), ERR_OK);
    ck_assert_ptr_null(plan.file);
    ck_assert_err(read_at(4, 10, 100, 0), ERR_OK);
    ck_assert_ptr_nonnull(plan.file);
    seg_file_unref(&plan.file);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(the_end_of_the_log_needs_no_file_read)
{
    log_rig_start(&rig);
    log_rig_fill(&rig, 1000);
    for (int64_t offset = 985; offset < 1000; offset++)
        ck_assert_err(read_at(offset, 1000, 1 << 20, LOG_READ_NO_BLOCK),
                      ERR_OK);
    ck_assert(plan.hot);
    seg_file_unref(&plan.file);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(an_offset_within_a_batch_gives_the_batch)
{
    struct log_rig_batch spec = { .count = 10 };

    log_rig_start(&rig);
    for (int i = 0; i < 50; i++)
        ck_assert_err(log_rig_append(&rig, LOG_CLIENT, &spec).err, ERR_OK);
    ck_assert_err(read_at(105, 500, 1 << 20, 0), ERR_OK);
    ck_assert_int_eq(plan.position, (int64_t)rig.batch.len * 10);
    seg_file_unref(&plan.file);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(distances_are_told)
{
    size_t one;

    log_rig_start(&rig);
    log_rig_fill(&rig, 100);
    one = one_batch();
    ck_assert_int_eq(log_bytes_between(rig.log, 0, 100), (int64_t)one * 100);
    ck_assert_int_eq(log_bytes_between(rig.log, 95, 100), (int64_t)one * 5);
    ck_assert_int_eq(log_bytes_between(rig.log, 100, 100), 0);
    ck_assert_int_gt(log_bytes_between(rig.log, 7, 8), 0);
    log_rig_stop(&rig);
}
END_TEST

static void expect_time(int64_t timestamp, int64_t offset, int64_t found)
{
    struct log_offset out;
    enum err err = log_offset_by_time(rig.log, timestamp, &out, &why);

    ck_assert_msg(err == ERR_OK, "%s", why.text);
    ck_assert_int_eq(out.offset, offset);
    ck_assert_int_eq(out.timestamp, found);
}

static void check_times(void)
{
    struct log_offset out;

    for (int64_t i = 0; i < 1000; i += 13) {
        expect_time(1000 + i * 10, i, 1000 + i * 10);
        expect_time(1000 + i * 10 - 5, i, 1000 + i * 10);
    }
    expect_time(1000 + 999 * 10 + 1, LOG_NO_OFFSET, LOG_NO_TIMESTAMP);
    ck_assert_err(log_offset_max_time(rig.log, &out, &why), ERR_OK);
    ck_assert_int_eq(out.offset, 999);
    ck_assert_int_eq(out.timestamp, 1000 + 999 * 10);
}

START_TEST(offsets_are_found_by_time)
{
    struct log_rig_batch spec = { .count = 1 };

    log_rig_start(&rig);
    rig.config.segment_bytes = 20000;
    log_config_set(rig.log, &rig.config);
    for (int i = 0; i < 1000; i++) {
        spec.timestamp = 1000 + i * 10;
        ck_assert_err(log_rig_append(&rig, LOG_CLIENT, &spec).err, ERR_OK);
    }
    check_times();
    log_rig_close(&rig);
    log_rig_open(&rig);
    check_times();
    log_rig_kill(&rig);
    log_rig_open(&rig);
    check_times();
    log_rig_stop(&rig);
}
END_TEST

START_TEST(the_first_of_equal_timestamps_is_found)
{
    struct log_rig_batch spec = { .count = 1, .timestamp = 5000 };
    struct log_offset out;

    log_rig_start(&rig);
    for (int i = 0; i < 400; i++)
        ck_assert_err(log_rig_append(&rig, LOG_CLIENT, &spec).err, ERR_OK);
    expect_time(5000, 0, 5000);
    expect_time(4000, 0, 5000);
    ck_assert_err(log_offset_max_time(rig.log, &out, &why), ERR_OK);
    ck_assert_int_eq(out.offset, 0);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(times_that_go_back_do_not_confuse)
{
    struct log_rig_batch spec = { .count = 5, .codec = CODEC_LZ4 };
    struct log_offset out;

    log_rig_start(&rig);
    for (int i = 0; i < 200; i++) {
        spec.timestamp = i == 77 ? 1000000 : 1000 - i;
        ck_assert_err(log_rig_append(&rig, LOG_CLIENT, &spec).err, ERR_OK);
    }
    expect_time(900000, 77 * 5, 1000000);
    expect_time(1000002, 77 * 5 + 2, 1000002);
    ck_assert_err(log_offset_max_time(rig.log, &out, &why), ERR_OK);
    ck_assert_int_eq(out.offset, 77 * 5 + 4);
    log_rig_stop(&rig);
}
END_TEST

UNIT_MAIN("log_read", a_plan_ends_at_the_limit,
          a_plan_ends_at_max_bytes_but_one_batch_comes,
          offsets_outside_are_told, the_end_of_the_log_needs_no_file_read,
          an_offset_within_a_batch_gives_the_batch, distances_are_told,
          offsets_are_found_by_time, the_first_of_equal_timestamps_is_found,
          times_that_go_back_do_not_confuse)
