/* test_log.c - a log is written, read, closed and found again. */
#include "seg/log.h"

#include <unistd.h>

#include "base/mem.h"
#include "tests/support/log_rig.h"
#include "tests/support/unit.h"

static struct log_rig rig;
static struct errmsg why;

START_TEST(a_new_log_is_an_empty_directory)
{
    log_rig_start(&rig);
    ck_assert_int_eq(log_end_offset(rig.log), 0);
    ck_assert(!log_rig_has(&rig, "00000000000000000000.log"));
    log_rig_close(&rig);
    log_rig_open(&rig);
    ck_assert_int_eq(log_end_offset(rig.log), 0);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(appends_give_out_offsets_in_order)
{
    struct log_rig_batch spec = { .count = 3, .leader_epoch = 7 };
    struct batch_header header;
    struct log_append set;
    uint8_t *all;
    size_t n;

    log_rig_start(&rig);
    set = log_rig_append(&rig, LOG_CLIENT, &spec);
    ck_assert_err(set.err, ERR_OK);
    ck_assert_int_eq(set.first_offset, 0);
    ck_assert_int_eq(set.last_offset, 2);
    set = log_rig_append(&rig, LOG_CLIENT, &spec);
    ck_assert_int_eq(set.first_offset, 3);
    ck_assert_int_eq(log_end_offset(rig.log), 6);
    all = log_rig_read(&rig, 3, &n);
    ck_assert_err(batch_header_read(bytes_make(all, n), &header), ERR_OK);
    ck_assert_int_eq(header.base_offset, 3);
    ck_assert_int_eq(header.leader_epoch, 7);
    ck_assert_int_eq(log_epoch_latest(rig.log), 7);
    mem_free(all);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_clean_stop_keeps_all)
{
    log_rig_start(&rig);
    log_rig_fill(&rig, 500);
    log_high_watermark_set(rig.log, 400);
    log_rig_close(&rig);
    log_rig_open(&rig);
    ck_assert(log_dir_was_clean(rig.dir));
    ck_assert_int_eq(log_end_offset(rig.log), 500);
    ck_assert_int_eq(log_high_watermark(rig.log), 400);
    ck_assert_int_eq(log_recovery_point(rig.log), 500);
    log_rig_check(&rig, 0, 500);
    log_rig_fill(&rig, 10);
    log_rig_check(&rig, 200, 510);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_kill_keeps_all_that_reached_the_page_cache)
{
    log_rig_start(&rig);
    log_rig_fill(&rig, 500);
    log_rig_kill(&rig);
    log_rig_open(&rig);
    ck_assert(!log_dir_was_clean(rig.dir));
    ck_assert_int_eq(log_end_offset(rig.log), 500);
    ck_assert_int_eq(log_recovery_point(rig.log), 0);
    log_rig_check(&rig, 0, 500);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(segments_roll_by_size)
{
    log_rig_start(&rig);
    rig.config.segment_bytes = 1000;
    log_config_set(rig.log, &rig.config);
    log_rig_fill(&rig, 100);
    ck_assert_int_gt(log_size(rig.log), 5000);
    log_rig_check(&rig, 0, 100);
    log_rig_check(&rig, 55, 100);
    log_rig_kill(&rig);
    log_rig_open(&rig);
    log_rig_check(&rig, 0, 100);
    log_rig_close(&rig);
    log_rig_open(&rig);
    log_rig_check(&rig, 33, 100);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_group_of_appends_is_written_at_once)
{
    struct log_rig_batch spec = { .count = 2 };
    struct log_append sets[100], *pointers[100];
    uint8_t *copies[100];
    struct log_appended done;

    log_rig_start(&rig);
    for (int i = 0; i < 100; i++) {
        log_rig_make(&rig, &spec);
        copies[i] = mem_need(rig.batch.len);
        memcpy(copies[i], rig.batch.data, rig.batch.len);
        sets[i] = (struct log_append){ .at = copies[i],
                                       .size = rig.batch.len,
                                       .origin = LOG_CLIENT };
        pointers[i] = &sets[i];
    }
    ck_assert_err(log_append(rig.log, pointers, 100, rig.now_ms, &done, &why),
                  ERR_OK);
    ck_assert_int_eq(done.end_offset, 200);
    for (int i = 0; i < 100; i++) {
        ck_assert_err(sets[i].err, ERR_OK);
        ck_assert_int_eq(sets[i].first_offset, i * 2);
        mem_free(copies[i]);
    }
    log_rig_check(&rig, 0, 200);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_replica_keeps_offsets_and_epochs)
{
    struct log_rig_batch spec = { .count = 2,
                                  .base_offset = 10,
                                  .leader_epoch = 3 };

    log_rig_start(&rig);
    ck_assert_err(log_rig_append(&rig, LOG_REPLICA, &spec).err, ERR_OK);
    ck_assert_int_eq(log_end_offset(rig.log), 12);
    ck_assert_int_eq(log_epoch_at(rig.log, 11), 3);
    ck_assert_err(log_rig_append(&rig, LOG_REPLICA, &spec).err, ERR_RANGE);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(what_is_no_batch_is_refused)
{
    uint8_t junk[100] = { 0 };
    struct log_append set = { .at = junk,
                              .size = sizeof junk,
                              .origin = LOG_CLIENT };
    struct log_append *sets[] = { &set };

    log_rig_start(&rig);
    for (int origin = LOG_CLIENT; origin <= LOG_REPLICA; origin++) {
        set.origin = (enum log_origin)origin;
        ck_assert_err(log_append(rig.log, sets, 1, rig.now_ms, NULL, &why),
                      ERR_OK);
        ck_assert_err(set.err, ERR_FORMAT);
    }
    ck_assert_int_eq(log_end_offset(rig.log), 0);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(plans_outlive_deletion)
{
    struct log_plan plan;
    uint8_t bytes[4096];

    log_rig_start(&rig);
    log_rig_fill(&rig, 10);
    ck_assert_err(log_read(rig.log, 0, INT64_MAX, 4096, 0, &plan, &why),
                  ERR_OK);
    ck_assert_err(log_delete(&rig.log, rig.now_ms, &why), ERR_OK);
    ck_assert_int_eq(log_dir_sweep(rig.dir, rig.now_ms),
                     rig.now_ms + rig.config.file_delete_delay_ms);
    ck_assert_int_eq(log_dir_sweep(rig.dir, INT64_MAX), INT64_MAX);
    ck_assert_int_eq(pread(seg_file_fd(plan.file), bytes, plan.length, 0),
                     (ssize_t)plan.length);
    seg_file_unref(&plan.file);
    ck_assert_err(log_dir_close(&rig.dir, true, &why), ERR_OK);
    seg_files_free(&rig.files);
    log_rig_stop(&rig);
}
END_TEST

UNIT_MAIN("log", a_new_log_is_an_empty_directory,
          appends_give_out_offsets_in_order, a_clean_stop_keeps_all,
          a_kill_keeps_all_that_reached_the_page_cache, segments_roll_by_size,
          a_group_of_appends_is_written_at_once,
          a_replica_keeps_offsets_and_epochs, what_is_no_batch_is_refused,
          plans_outlive_deletion)
