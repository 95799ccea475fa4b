/* test_log_threads.c - one appends, others read, flush, look and retain. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "seg/log.h"
#include "tests/support/log_rig.h"
#include "tests/support/unit.h"

enum { APPENDS = 1500 };

static struct log_rig rig;
static _Atomic bool done;

static void *read_on(void *unused)
{
    int64_t offset = 0;

    (void)unused;
    while (!atomic_load(&done) || offset < log_end_offset(rig.log)) {
        struct log_plan plan;
        struct batch_iter iter;
        struct batch batch;
        struct errmsg why;
        uint8_t *bytes;
        size_t n;
        enum err err = log_read(rig.log, offset, INT64_MAX, 5000, LOG_READ_ONE,
                                &plan, &why);

        if (err == ERR_RANGE) { /* retention was faster */
            offset = log_start_offset(rig.log);
            continue;
        }
        ck_assert_msg(err == ERR_OK, "%s", why.text);
        if (plan.file == NULL)
            continue;
        bytes = mem_need(plan.length);
        ck_assert_err(log_plan_load(rig.log, &plan, bytes, &n, &why), ERR_OK);
        seg_file_unref(&plan.file);
        iter = batch_iter_make(bytes_make(bytes, n));
        while (batch_iter_next(&iter, &batch) == ERR_OK) {
            ck_assert_err(batch_check(batch.bytes), ERR_OK);
            ck_assert_int_ge(batch_last_offset(&batch.header), offset);
            offset = batch_next_offset(&batch.header);
        }
        mem_free(bytes);
    }
    return NULL;
}

static void *keep_house(void *unused)
{
    struct errmsg why = { "" };

    (void)unused;
    while (!atomic_load(&done)) {
        struct log_producer *producers;
        struct log_offset out;
        struct arena arena;
        size_t n;
        enum err err;

        ck_assert_err(log_flush(rig.log, rig.now_ms, &why), ERR_OK);
        ck_assert_err(log_retain(rig.log, rig.now_ms, NULL, &why), ERR_OK);
        log_dir_sweep(rig.dir, INT64_MAX);
        ck_assert_err(log_dir_write_recovery_points(rig.dir, &why), ERR_OK);
        ck_assert_err(log_dir_write_high_watermarks(rig.dir, &why), ERR_OK);
        err = log_offset_max_time(rig.log, &out, &why);
        ck_assert_msg(err == ERR_OK, "%s", why.text);
        arena_init(&arena, 1 << 20);
        ck_assert_err(log_producers(rig.log, &arena, &producers, &n), ERR_OK);
        arena_fini(&arena);
        log_producers_expire(rig.log, rig.now_ms);
        ck_assert_int_ge(log_size(rig.log), 0);
        ck_assert_int_le(log_last_stable(rig.log), log_end_offset(rig.log));
    }
    return NULL;
}

START_TEST(appends_reads_and_housekeeping_go_together)
{
    struct log_rig_batch spec = { .count = 3,
                                  .producer = true,
                                  .producer_id = 1 };
    pthread_t readers[2], house;

    log_rig_start(&rig);
    rig.config.segment_bytes = 20000;
    rig.config.index_interval_bytes = 200;
    rig.config.retention_bytes = 60000;
    rig.config.file_delete_delay_ms = 0;
    log_config_set(rig.log, &rig.config);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&readers[i], NULL, read_on, NULL), 0);
    ck_assert_int_eq(pthread_create(&house, NULL, keep_house, NULL), 0);
    for (int i = 0; i < APPENDS; i++) {
        spec.sequence = i * 3;
        ck_assert_err(log_rig_append(&rig, LOG_CLIENT, &spec).err, ERR_OK);
        log_high_watermark_set(rig.log, log_end_offset(rig.log));
    }
    atomic_store(&done, true);
    for (int i = 0; i < 2; i++)
        pthread_join(readers[i], NULL);
    pthread_join(house, NULL);
    ck_assert_int_eq(log_end_offset(rig.log), APPENDS * 3);
    log_rig_close(&rig);
    log_rig_open(&rig);
    ck_assert_int_eq(log_end_offset(rig.log), APPENDS * 3);
    log_rig_stop(&rig);
}
END_TEST

UNIT_MAIN("log_threads", appends_reads_and_housekeeping_go_together)
