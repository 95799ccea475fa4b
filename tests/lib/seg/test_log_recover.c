/* test_log_recover.c - what a crash leaves is found, what it tore is cut. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "seg/log.h"
#include "tests/support/log_rig.h"
#include "tests/support/unit.h"

static struct log_rig rig;
static struct errmsg why;

#define FIRST_LOG "00000000000000000000.log"

START_TEST(a_batch_torn_at_any_byte_is_cut)
{
    struct log_rig_batch spec = { .count = 2,
                                  .producer = true,
                                  .producer_id = 9 };
    size_t whole, two, n;
    uint8_t *bytes;

    log_rig_start(&rig);
    for (int i = 0; i < 3; i++) {
        spec.sequence = i * 2;
        ck_assert_err(log_rig_append(&rig, LOG_CLIENT, &spec).err, ERR_OK);
    }
    bytes = log_rig_file(&rig, 0, ".log", &whole);
    two = whole - rig.batch.len;
    for (size_t cut = two; cut <= whole; cut++) {
        log_rig_kill(&rig);
        log_rig_put(&rig, FIRST_LOG, bytes, cut);
        log_rig_open(&rig);
        ck_assert_int_eq(log_end_offset(rig.log), cut == whole ? 6 : 4);
        mem_free(log_rig_file(&rig, 0, ".log", &n));
        ck_assert_uint_eq(n, cut == whole ? whole : two);
        log_rig_check(&rig, 0, cut == whole ? 6 : 4);
        /* The producer goes on where the log ends. */
        spec.sequence = cut == whole ? 6 : 4;
        ck_assert_err(log_rig_append(&rig, LOG_CLIENT, &spec).err, ERR_OK);
    }
    mem_free(bytes);
    log_rig_stop(&rig);
}
END_TEST

/* Segments and their snapshots, cut in the middle: the state that is made anew
 * knows what the log holds, nothing beyond it, and takes no other grouping of
 * the same sequences for a duplicate. */
START_TEST(a_producer_goes_on_exactly_where_a_cut_log_ends)
{
    struct log_rig_batch spec = { .count = 3,
                                  .producer = true,
                                  .producer_id = 9 };
    char name[32];
    uint8_t *bytes;
    int end;
    size_t n;

    log_rig_start(&rig);
    rig.config.segment_bytes = 1000;
    log_config_set(rig.log, &rig.config);
    for (; spec.sequence < 90; spec.sequence += 3)
        ck_assert_err(log_rig_append(&rig, LOG_CLIENT, &spec).err, ERR_OK);
    log_rig_kill(&rig);
    /* The last byte of the second segment: the others after it go. */
    for (end = 3; !(bytes = log_rig_file(&rig, end, ".log", &n)); end += 3)
        ck_assert_int_lt(end, 90);
    snprintf(name, sizeof name, "%020d.log", end);
    log_rig_put(&rig, name, bytes, n - 1);
    mem_free(bytes);
    log_rig_open(&rig);
    end = (int)log_end_offset(rig.log);
    ck_assert_int_gt(end, 15);
    ck_assert_int_lt(end, 87);
    for (int back = 1; back <= 5; back++) {
        spec.count = 3;
        spec.sequence = end - back * 3;
        ck_assert_err(log_rig_append(&rig, LOG_CLIENT, &spec).err,
                      ERR_DUPLICATE);
        spec.count = 2;
        ck_assert_err(log_rig_append(&rig, LOG_CLIENT, &spec).err,
                      ERR_SEQUENCE);
        spec.count = 4;
        ck_assert_err(log_rig_append(&rig, LOG_CLIENT, &spec).err,
                      ERR_SEQUENCE);
    }
    spec.count = 3;
    spec.sequence = end + 3;
    ck_assert_err(log_rig_append(&rig, LOG_CLIENT, &spec).err, ERR_SEQUENCE);
    spec.sequence = end;
    ck_assert_err(log_rig_append(&rig, LOG_CLIENT, &spec).err, ERR_OK);
    log_rig_check(&rig, 0, end + 3);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_flipped_bit_ends_the_log_there)
{
    size_t whole, one;
    uint8_t *bytes;

    log_rig_start(&rig);
    log_rig_fill(&rig, 3);
    bytes = log_rig_file(&rig, 0, ".log", &whole);
    one = whole / 3;
    for (size_t at = one; at < one * 2; at++) {
        /* Base offset and epoch lie outside the CRC: a change of the offset
         * shows as a jump only when it goes down. */
        if (at - one < 8 || (at - one >= 12 && at - one < 16))
            continue;
        log_rig_kill(&rig);
        bytes[at] ^= 0x10;
        log_rig_put(&rig, FIRST_LOG, bytes, whole);
        bytes[at] ^= 0x10;
        log_rig_open(&rig);
        ck_assert_int_eq(log_end_offset(rig.log), 1);
    }
    mem_free(bytes);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(segments_after_a_damaged_one_go)
{
    struct stat st;
    char path[128];
    uint8_t *bytes;
    size_t n;

    log_rig_start(&rig);
    rig.config.segment_bytes = 1000;
    log_config_set(rig.log, &rig.config);
    log_rig_fill(&rig, 50);
    log_rig_kill(&rig);
    bytes = log_rig_file(&rig, 0, ".log", &n);
    bytes[n - 1] ^= 1;
    log_rig_put(&rig, FIRST_LOG, bytes, n);
    mem_free(bytes);
    log_rig_open(&rig);
    ck_assert_int_gt(log_end_offset(rig.log), 5);
    ck_assert_int_lt(log_end_offset(rig.log), 20);
    log_rig_check(&rig, 0, log_end_offset(rig.log));
    log_dir_sweep(rig.dir, INT64_MAX);
    snprintf(path, sizeof path, "%s/orders-0/%020d.log", rig.path,
             (int)log_end_offset(rig.log) + 1);
    ck_assert_int_ne(stat(path, &st), 0);
    log_rig_fill(&rig, 50);
    log_rig_check(&rig, 0, log_end_offset(rig.log));
    log_rig_stop(&rig);
}
END_TEST

START_TEST(below_the_recovery_point_nothing_is_read_again)
{
    uint8_t *bytes;
    size_t n;

    log_rig_start(&rig);
    rig.config.segment_bytes = 1000;
    log_config_set(rig.log, &rig.config);
    log_rig_fill(&rig, 50);
    ck_assert_err(log_flush(rig.log, rig.now_ms, &why), ERR_OK);
    ck_assert_int_eq(log_recovery_point(rig.log), 50);
    ck_assert_err(log_dir_write_recovery_points(rig.dir, &why), ERR_OK);
    log_rig_fill(&rig, 20);
    log_rig_kill(&rig);
    /* A flipped bit there is not found: proof that it was not read. */
    bytes = log_rig_file(&rig, 0, ".log", &n);
    bytes[n - 1] ^= 1;
    log_rig_put(&rig, FIRST_LOG, bytes, n);
    mem_free(bytes);
    log_rig_open(&rig);
    ck_assert_int_eq(log_end_offset(rig.log), 70);
    ck_assert_int_eq(log_recovery_point(rig.log), 50);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_recovery_point_within_a_segment_is_used)
{
    uint8_t *bytes;
    size_t n;

    log_rig_start(&rig);
    log_rig_fill(&rig, 1000);
    log_rig_close(&rig); /* recovery point 1000, indexes written */
    log_rig_open(&rig);
    log_rig_fill(&rig, 300);
    log_rig_kill(&rig);
    bytes = log_rig_file(&rig, 0, ".log", &n);
    bytes[200] ^= 1;
    log_rig_put(&rig, FIRST_LOG, bytes, n);
    log_rig_open(&rig);
    ck_assert_int_eq(log_end_offset(rig.log), 1300);
    /* The damage was not seen, and the log below and above is served. */
    bytes[200] ^= 1;
    log_rig_kill(&rig);
    log_rig_put(&rig, FIRST_LOG, bytes, n);
    mem_free(bytes);
    log_rig_open(&rig);
    log_rig_check(&rig, 0, 1300);
    log_rig_check(&rig, 999, 1300);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_wrong_index_is_made_anew)
{
    uint8_t junk[800];

    log_rig_start(&rig);
    log_rig_fill(&rig, 1000);
    log_rig_close(&rig);
    log_rig_open(&rig);
    log_rig_fill(&rig, 300);
    log_rig_kill(&rig);
    for (size_t i = 0; i < sizeof junk; i++)
        junk[i] =
            i % 8 < 4 ? (i % 8 == 3 ? (uint8_t)(i / 8) : 0) : (uint8_t)(i * 7);
    log_rig_put(&rig, "00000000000000000000.index", junk, sizeof junk);
    log_rig_open(&rig);
    ck_assert_int_eq(log_end_offset(rig.log), 1300);
    for (int64_t from = 0; from < 1300; from += 97)
        log_rig_check(&rig, from, 1300);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(zeros_that_kafka_set_aside_are_no_entries)
{
    uint8_t *index, *all;
    size_t n;

    log_rig_start(&rig);
    log_rig_fill(&rig, 1000);
    log_rig_close(&rig);
    index = log_rig_file(&rig, 0, ".index", &n);
    ck_assert_uint_gt(n, 8);
    all = mem_need(n + 10000 * 8);
    memcpy(all, index, n);
    log_rig_put(&rig, "00000000000000000000.index", all, n + 10000 * 8);
    mem_free(all);
    mem_free(index);
    all = mem_need(12000);
    log_rig_put(&rig, "00000000000000000000.timeindex", all, 12000);
    mem_free(all);
    log_rig_open(&rig);
    log_rig_kill(&rig); /* an unclean start follows */
    log_rig_open(&rig);
    ck_assert_int_eq(log_end_offset(rig.log), 1000);
    log_rig_fill(&rig, 500);
    for (int64_t from = 0; from < 1500; from += 131)
        log_rig_check(&rig, from, 1500);
    log_rig_close(&rig);
    mem_free(log_rig_file(&rig, 0, ".index", &n));
    ck_assert_uint_lt(n, 1000);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(what_a_dead_compaction_left_is_finished)
{
    uint8_t *bytes;
    size_t n;

    log_rig_start(&rig);
    rig.config.segment_bytes = 1000;
    log_config_set(rig.log, &rig.config);
    log_rig_fill(&rig, 50);
    log_rig_close(&rig);
    bytes = log_rig_file(&rig, 0, ".log", &n);
    /* The new first segment is the old one; the old one is still there. */
    log_rig_put(&rig, "00000000000000000000.log.swap", bytes, n);
    log_rig_put(&rig, "00000000000000000000.index.swap", bytes, 0);
    log_rig_put(&rig, "00000000000000000000.timeindex.swap", bytes, 0);
    log_rig_put(&rig, "00000000000000000040.log.cleaned", bytes, n);
    log_rig_put(&rig, "00000000000000000003.log.deleted", bytes, n);
    mem_free(bytes);
    log_rig_open(&rig);
    ck_assert(!log_rig_has(&rig, "00000000000000000000.log.swap"));
    ck_assert(!log_rig_has(&rig, "00000000000000000040.log.cleaned"));
    ck_assert(!log_rig_has(&rig, "00000000000000000003.log.deleted"));
    log_rig_check(&rig, 0, 50);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(an_index_without_log_goes_and_a_missing_one_comes)
{
    char path[128];

    log_rig_start(&rig);
    rig.config.segment_bytes = 20000;
    log_config_set(rig.log, &rig.config);
    log_rig_fill(&rig, 500);
    log_rig_close(&rig);
    log_rig_put(&rig, "00000000000000007777.index", "12345678", 8);
    snprintf(path, sizeof path, "%s/orders-0/00000000000000000000.index",
             rig.path);
    ck_assert_int_eq(unlink(path), 0);
    log_rig_open(&rig);
    ck_assert(!log_rig_has(&rig, "00000000000000007777.index"));
    ck_assert(log_rig_has(&rig, "00000000000000000000.index"));
    log_rig_check(&rig, 0, 500);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_log_below_its_start_begins_anew)
{
    static const char starts[] = "0\n1\norders 0 900\n";
    char path[128];
    FILE *file;

    log_rig_start(&rig);
    log_rig_fill(&rig, 50);
    log_rig_close(&rig);
    snprintf(path, sizeof path, "%s/log-start-offset-checkpoint", rig.path);
    file = fopen(path, "w");
    fputs(starts, file);
    fclose(file);
    log_rig_open(&rig);
    ck_assert_int_eq(log_end_offset(rig.log), 900);
    ck_assert_int_eq(log_start_offset(rig.log), 900);
    log_rig_fill(&rig, 5);
    log_rig_check(&rig, 900, 905);
    log_rig_kill(&rig);
    log_rig_open(&rig);
    ck_assert_int_eq(log_end_offset(rig.log), 905);
    log_rig_stop(&rig);
}
END_TEST

UNIT_MAIN("log_recover", a_batch_torn_at_any_byte_is_cut,
          a_producer_goes_on_exactly_where_a_cut_log_ends,
          a_flipped_bit_ends_the_log_there, segments_after_a_damaged_one_go,
          below_the_recovery_point_nothing_is_read_again,
          a_recovery_point_within_a_segment_is_used, a_wrong_index_is_made_anew,
          zeros_that_kafka_set_aside_are_no_entries,
          what_a_dead_compaction_left_is_finished,
          an_index_without_log_goes_and_a_missing_one_comes,
          a_log_below_its_start_begins_anew)
