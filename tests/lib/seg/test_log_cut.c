/* test_log_cut.c - truncation, log start, retention. */
#include "base/mem.h"
#include "seg/log.h"
#include "tests/support/log_rig.h"
#include "tests/support/unit.h"

static struct log_rig rig;
static struct errmsg why;

static void many_segments(int records)
{
    log_rig_start(&rig);
    rig.config.segment_bytes = 2000;
    rig.config.file_delete_delay_ms = 0;
    log_config_set(rig.log, &rig.config);
    log_rig_fill(&rig, records);
}

START_TEST(a_log_can_be_cut_at_every_offset)
{
    for (int64_t at = 60; at >= 0; at -= 3) {
        many_segments(60);
        log_high_watermark_set(rig.log, 60);
        ck_assert_err(log_truncate(rig.log, at, rig.now_ms, &why), ERR_OK);
        ck_assert_int_eq(log_end_offset(rig.log), at);
        ck_assert_int_eq(log_high_watermark(rig.log), at);
        log_rig_check(&rig, 0, at);
        log_rig_fill(&rig, 30);
        log_rig_check(&rig, 0, at + 30);
        log_rig_kill(&rig);
        log_rig_open(&rig);
        log_rig_check(&rig, 0, at + 30);
        log_rig_stop(&rig);
    }
}
END_TEST

START_TEST(cutting_keeps_indexes_right)
{
    log_rig_start(&rig);
    log_rig_fill(&rig, 1000);
    ck_assert_err(log_truncate(rig.log, 500, rig.now_ms, &why), ERR_OK);
    log_rig_fill(&rig, 500);
    for (int64_t from = 0; from < 1000; from += 111)
        log_rig_check(&rig, from, 1000);
    log_rig_close(&rig);
    log_rig_open(&rig);
    for (int64_t from = 0; from < 1000; from += 111)
        log_rig_check(&rig, from, 1000);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_batch_that_spans_the_cut_goes_whole)
{
    struct log_rig_batch spec = { .count = 10 };

    log_rig_start(&rig);
    for (int i = 0; i < 5; i++)
        ck_assert_err(log_rig_append(&rig, LOG_CLIENT, &spec).err, ERR_OK);
    ck_assert_err(log_truncate(rig.log, 25, rig.now_ms, &why), ERR_OK);
    ck_assert_int_eq(log_end_offset(rig.log), 25);
    log_rig_check(&rig, 0, 20);
    spec.base_offset = 25;
    ck_assert_err(log_rig_append(&rig, LOG_REPLICA, &spec).err, ERR_OK);
    ck_assert_int_eq(log_end_offset(rig.log), 35);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_reset_log_begins_elsewhere)
{
    many_segments(60);
    ck_assert_err(log_reset(rig.log, 5000, rig.now_ms, &why), ERR_OK);
    ck_assert_int_eq(log_start_offset(rig.log), 5000);
    ck_assert_int_eq(log_end_offset(rig.log), 5000);
    ck_assert_int_eq(log_size(rig.log), 0);
    log_rig_kill(&rig);
    log_rig_open(&rig);
    ck_assert_int_eq(log_start_offset(rig.log), 5000);
    log_rig_fill(&rig, 50);
    log_rig_check(&rig, 5000, 5050);
    /* Below the first segment a truncation is a reset. */
    ck_assert_err(log_truncate(rig.log, 100, rig.now_ms, &why), ERR_OK);
    ck_assert_int_eq(log_start_offset(rig.log), 100);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(deleted_records_are_gone_and_stay_so)
{
    size_t gone;

    many_segments(60);
    ck_assert_err(log_start_raise(rig.log, 30, &why), ERR_RANGE);
    log_high_watermark_set(rig.log, 60);
    ck_assert_err(log_start_raise(rig.log, 40, &why), ERR_OK);
    ck_assert_int_eq(log_start_offset(rig.log), 40);
    ck_assert_err(log_retain(rig.log, rig.now_ms, &gone, &why), ERR_OK);
    ck_assert_uint_gt(gone, 0);
    log_rig_check(&rig, 40, 60);
    ck_assert_err(log_dir_write_log_starts(rig.dir, &why), ERR_OK);
    log_rig_kill(&rig);
    log_rig_open(&rig);
    ck_assert_int_eq(log_start_offset(rig.log), 40);
    log_rig_check(&rig, 40, 60);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(retention_by_size_keeps_enough)
{
    size_t gone;
    int64_t size;

    many_segments(200);
    log_high_watermark_set(rig.log, 200);
    rig.config.retention_bytes = 5000;
    log_config_set(rig.log, &rig.config);
    size = log_size(rig.log);
    ck_assert_err(log_retain(rig.log, rig.now_ms, &gone, &why), ERR_OK);
    ck_assert_uint_gt(gone, 0);
    ck_assert_int_ge(log_size(rig.log), 5000);
    ck_assert_int_lt(log_size(rig.log), 7000);
    ck_assert_int_lt(log_size(rig.log), size);
    log_rig_check(&rig, log_start_offset(rig.log), 200);
    log_dir_sweep(rig.dir, rig.now_ms);
    ck_assert(!log_rig_has(&rig, "00000000000000000000.log"));
    ck_assert(!log_rig_has(&rig, "00000000000000000000.log.deleted"));
    log_rig_stop(&rig);
}
END_TEST

START_TEST(retention_by_time_may_take_all)
{
    size_t gone;

    many_segments(60);
    log_high_watermark_set(rig.log, 60);
    rig.now_ms += rig.config.retention_ms + 1000;
    ck_assert_err(log_retain(rig.log, rig.now_ms, &gone, &why), ERR_OK);
    ck_assert_int_eq(log_start_offset(rig.log), 60);
    ck_assert_int_eq(log_end_offset(rig.log), 60);
    ck_assert_int_eq(log_size(rig.log), 0);
    log_rig_kill(&rig);
    log_rig_open(&rig);
    ck_assert_int_eq(log_start_offset(rig.log), 60);
    log_rig_fill(&rig, 5);
    log_rig_check(&rig, 60, 65);
    log_rig_stop(&rig);
}
END_TEST

/* -- the choice
 * -------------------------------------------------------------------- */

static const struct log_segment_fact facts[] = {
    { .base = 0, .next = 10, .bytes = 100, .largest_ms = 1000 },
    { .base = 10, .next = 20, .bytes = 100, .largest_ms = 2000 },
    { .base = 20, .next = 30, .bytes = 100, .largest_ms = 3000 },
    { .base = 30, .next = 40, .bytes = 100, .largest_ms = 4000 },
};

static size_t choose(int64_t bytes, int64_t ms, int64_t high, int64_t start,
                     int64_t now)
{
    struct log_config config;

    log_config_init(&config);
    config.retention_bytes = bytes;
    config.retention_ms = ms;
    return log_retention_choose(facts, 4, &config, high, start, now);
}

START_TEST(the_choice_follows_kafka)
{
    struct log_config compact;

    ck_assert_uint_eq(choose(-1, -1, 40, 0, 999999), 0);
    ck_assert_uint_eq(choose(-1, 1000, 40, 0, 3000), 1); /* strictly older */
    ck_assert_uint_eq(choose(-1, 1000, 40, 0, 3001), 2);
    ck_assert_uint_eq(choose(-1, 1000, 40, 0, 99999), 4);
    ck_assert_uint_eq(choose(-1, 1000, 19, 0, 99999), 1); /* high watermark */
    ck_assert_uint_eq(choose(-1, 1000, 9, 0, 99999), 0);
    ck_assert_uint_eq(choose(400, -1, 40, 0, 0), 0);
    ck_assert_uint_eq(choose(301, -1, 40, 0, 0), 0);
    ck_assert_uint_eq(choose(300, -1, 40, 0, 0), 1);
    ck_assert_uint_eq(choose(0, -1, 40, 0, 0), 4);
    ck_assert_uint_eq(choose(-1, -1, 40, 20, 0), 2);
    ck_assert_uint_eq(choose(-1, -1, 40, 29, 0), 2);
    ck_assert_uint_eq(choose(-1, -1, 40, 40, 0), 3); /* not the active one */
    ck_assert_uint_eq(choose(200, -1, 40, 10, 0), 2);
    log_config_init(&compact);
    compact.cleanup_delete = false;
    compact.retention_ms = 0;
    ck_assert_uint_eq(log_retention_choose(facts, 4, &compact, 40, 10, 99999),
                      1);
}
END_TEST

UNIT_MAIN("log_cut", a_log_can_be_cut_at_every_offset,
          cutting_keeps_indexes_right, a_batch_that_spans_the_cut_goes_whole,
          a_reset_log_begins_elsewhere, deleted_records_are_gone_and_stay_so,
          retention_by_size_keeps_enough, retention_by_time_may_take_all,
          the_choice_follows_kafka)
