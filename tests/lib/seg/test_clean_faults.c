/* test_clean_faults.c - compaction ends at each call to the disk once, as kill
 * -9 or a failing disk would end it: the last record of each key is there, and
 * the next compaction comes to the same result. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "seg/clean.h"
#include "tests/support/faulty_fs.h"
#include "tests/support/log_rig.h"
#include "tests/support/unit.h"

enum { KEYS = 7, RECORDS = 30 };

static struct log_rig rig;
static struct faulty_fs faulty;
static struct errmsg why;

static void append(enum log_origin origin)
{
    struct log_append set = { .at = rig.batch.data,
                              .size = rig.batch.len,
                              .origin = origin };
    struct log_append *sets[] = { &set };

    ck_assert_err(log_append(rig.log, sets, 1, rig.now_ms, NULL, &why), ERR_OK);
    ck_assert_err(set.err, ERR_OK);
}

static void put(int key, int value, int64_t producer, int32_t sequence)
{
    struct batch_spec spec = batch_spec_make();
    struct batch_builder builder;
    struct batch_record record = { .timestamp = rig.now_ms };
    char texts[2][16];

    snprintf(texts[0], 16, "%d", key);
    snprintf(texts[1], 16, "%d", value);
    record.key = bytes_of(texts[0]);
    record.value = bytes_of(texts[1]);
    if (producer > 0) {
        spec.producer_id = producer;
        spec.producer_epoch = 0;
        spec.base_sequence = sequence;
        spec.attributes = BATCH_TRANSACTIONAL;
    }
    rig.batch.len = 0;
    batch_builder_init(&builder);
    ck_assert_err(batch_builder_start(&builder, &spec, &rig.batch), ERR_OK);
    batch_builder_add(&builder, &record);
    ck_assert_err(batch_builder_finish(&builder, NULL), ERR_OK);
    batch_builder_fini(&builder);
    append(LOG_CLIENT);
}

/* Seven keys over and over; every tenth record in a transaction that is
 * aborted, with a key that must not be found. */
static void fill(void)
{
    int32_t sequence = 0;

    for (int i = 0; i < RECORDS; i++) {
        put(i % KEYS, i, 0, 0);
        if (i % 10 == 9) {
            put(1000 + i, i, 4, sequence++);
            rig.batch.len = 0;
            batch_write_marker(&rig.batch, false, 4, 0, 0, rig.now_ms);
            append(LOG_COORDINATOR);
        }
    }
    log_high_watermark_set(rig.log, log_end_offset(rig.log));
    ck_assert_err(log_roll(rig.log, rig.now_ms, &why), ERR_OK);
    put(KEYS, RECORDS, 0, 0);
    log_high_watermark_set(rig.log, log_end_offset(rig.log));
    ck_assert_err(log_flush(rig.log, rig.now_ms, &why), ERR_OK);
    ck_assert_err(log_dir_write_recovery_points(rig.dir, &why), ERR_OK);
    ck_assert_err(log_dir_write_high_watermarks(rig.dir, &why), ERR_OK);
}

static enum err clean(void)
{
    struct log_clean_range range;
    struct log_clean_stats stats;
    struct log_clean_options options = { .map_bytes = 1 << 16,
                                         .map_load = 0.9 };
    enum err err = log_clean_range_find(rig.log, rig.now_ms, &range, &why);

    if (err == ERR_OK)
        err = log_clean(rig.log, &range, &options, rig.now_ms, &stats, &why);
    if (err == ERR_OK)
        err = log_dir_write_clean_points(rig.dir, &why);
    return err;
}

/* Offsets rise, and the last value of each key is the last one written.
 * `*records` counts those that are not in an aborted transaction. */
static void check_content(int *records)
{
    size_t n;
    uint8_t *all = log_rig_read(&rig, log_start_offset(rig.log), &n);
    struct batch_iter iter = batch_iter_make(bytes_make(all, n));
    struct batch_reader reader;
    struct batch_record record;
    struct batch batch;
    int64_t last[KEYS + 1], before = -1;

    memset(last, 0xff, sizeof last);
    *records = 0;
    batch_reader_init(&reader);
    while (batch_iter_next(&iter, &batch) == ERR_OK) {
        ck_assert_int_gt(batch.header.base_offset, before);
        before = batch_last_offset(&batch.header);
        if (batch_is_transactional(&batch.header))
            continue;
        ck_assert_err(batch_reader_start(&reader, batch.bytes, 1 << 20),
                      ERR_OK);
        while (batch_reader_next(&reader, &record) == ERR_OK) {
            int64_t key, value;

            ck_assert(bytes_to_int64(record.key, 0, KEYS, &key));
            ck_assert(bytes_to_int64(record.value, 0, RECORDS, &value));
            last[key] = value;
            ++*records;
        }
    }
    batch_reader_fini(&reader);
    mem_free(all);
    for (int i = 0; i < KEYS; i++)
        ck_assert_int_eq(last[i], RECORDS - 1 - (RECORDS - 1 - i) % KEYS);
    ck_assert_int_eq(last[KEYS], RECORDS);
}

static void check_aborted(void)
{
    struct log_aborted *aborted;
    struct arena arena;
    size_t n;

    /* The producer's last transaction keeps its empty batch, and so its
     * entry. */
    arena_init(&arena, 1 << 20);
    ck_assert_err(
        log_aborted_find(rig.log, 0, 1000, &arena, &aborted, &n, &why), ERR_OK);
    ck_assert_uint_ge(n, 1);
    arena_fini(&arena);
}

/* The disk is well again. */
static void check_reopened(int64_t end)
{
    int records;

    rig.fs = fs_real();
    log_rig_open(&rig);
    ck_assert_int_eq(log_end_offset(rig.log), end);
    ck_assert_int_eq(log_start_offset(rig.log), 0);
    check_content(&records);
    check_aborted();
    log_high_watermark_set(rig.log, end);
    ck_assert_err(clean(), ERR_OK);
    check_content(&records);
    ck_assert_int_eq(records, KEYS + 1);
    check_aborted();
}

static void start(void)
{
    faulty_fs_init(&faulty);
    memset(&rig, 0, sizeof rig);
    rig.fs = &faulty.fs;
    strcpy(rig.path, "/tmp/log-rig-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(rig.path));
    log_config_init(&rig.config);
    rig.config.segment_bytes = 700;
    rig.config.index_interval_bytes = 100;
    rig.config.file_delete_delay_ms = 0;
    rig.config.cleanup_compact = true;
    rig.config.cleanup_delete = false;
    rig.now_ms = 1700000000000;
    wr_init(&rig.batch, 1 << 20);
    log_rig_open(&rig);
    fill();
}

/* Gives how many calls a whole compaction makes. */
static long run(long fail_at, int errnum, bool torn, bool once)
{
    int64_t end;
    long before;
    int records;
    enum err err;

    start();
    end = log_end_offset(rig.log);
    before = faulty.calls;
    faulty.fail_at = fail_at == 0 ? 0 : before + fail_at;
    faulty.errnum = errnum;
    faulty.torn = torn;
    faulty.once = once;
    err = clean();
    ck_assert_int_eq(err == ERR_OK, fail_at == 0);
    before = faulty.calls - before;
    if (!log_dir_offline(rig.dir)) { /* it lives on */
        check_content(&records);
        check_aborted();
    }
    log_abandon(&rig.log);
    err_ignore(log_dir_close(&rig.dir, false, &why), "may fail");
    seg_files_free(&rig.files);
    check_reopened(end);
    log_rig_stop(&rig);
    return before;
}

static void every_fault(int errnum, bool torn, bool once)
{
    long all = run(0, 0, false, false);

    ck_assert_int_gt(all, 50);
    for (long i = 1; i <= all; i++) {
        run(i, errnum, torn, once);
        ck_assert_msg(faulty.failed, "call %ld of %ld never came", i, all);
    }
}

START_TEST(a_kill_at_any_point_loses_nothing)
{
    every_fault(EIO, false, false);
}
END_TEST

START_TEST(a_torn_write_loses_nothing)
{
    every_fault(EIO, true, false);
}
END_TEST

START_TEST(one_failure_loses_nothing)
{
    every_fault(EIO, true, true);
}
END_TEST

START_TEST(a_full_disk_loses_nothing)
{
    every_fault(ENOSPC, true, true);
}
END_TEST

UNIT_MAIN("clean_faults", a_kill_at_any_point_loses_nothing,
          a_torn_write_loses_nothing, one_failure_loses_nothing,
          a_full_disk_loses_nothing)
