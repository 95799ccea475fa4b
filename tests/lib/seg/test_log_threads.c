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
        int64_t end = log_end_offset(rig.log);

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
            /* nobody is given what does not count as there yet */
            ck_assert_int_le(offset, end);
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

/* Sets of one write are taken into account one by one, which takes a while. */
static void append_group(const struct wr *one)
{
    enum { SETS = 32 };
    struct log_append sets[SETS], *all[SETS];
    uint8_t *bytes = mem_need(one->len * SETS);
    struct errmsg why;

    for (size_t i = 0; i < SETS; i++) {
        sets[i] = (struct log_append){ .at = bytes + i * one->len,
                                       .size = one->len,
                                       .origin = LOG_CLIENT };
        memcpy(sets[i].at, one->data, one->len);
        all[i] = &sets[i];
    }
    ck_assert_err(log_append(rig.log, all, SETS, rig.now_ms, NULL, &why),
                  ERR_OK);
    mem_free(bytes);
}

/* The last batch that counts, again and again. */
static void *read_the_end(void *unused)
{
    static uint8_t bytes[2][65536];
    uint8_t *at = bytes[unused != NULL];

    while (!atomic_load(&done)) {
        int64_t from = log_end_offset(rig.log) - 1, end;
        struct log_plan plan;
        struct batch_iter iter;
        struct batch batch;
        struct errmsg why;
        size_t n;

        if (from < 0)
            continue;
        ck_assert_err(
            log_read(rig.log, from, INT64_MAX, sizeof bytes[0], 0, &plan, &why),
            ERR_OK);
        end = log_end_offset(rig.log);
        if (plan.file == NULL)
            continue;
        ck_assert_err(log_plan_load(rig.log, &plan, at, &n, &why), ERR_OK);
        seg_file_unref(&plan.file);
        iter = batch_iter_make(bytes_make(at, n));
        while (batch_iter_next(&iter, &batch) == ERR_OK)
            ck_assert_int_lt(batch_last_offset(&batch.header), end);
    }
    return NULL;
}

START_TEST(no_reader_is_given_what_is_above_the_end)
{
    struct log_rig_batch spec = { .count = 1 };
    pthread_t readers[2];

    log_rig_start(&rig);
    log_rig_make(&rig, &spec);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&readers[i], NULL, read_the_end,
                                        i == 0 ? NULL : &rig),
                         0);
    for (int i = 0; i < APPENDS; i++)
        append_group(&rig.batch);
    atomic_store(&done, true);
    for (int i = 0; i < 2; i++)
        pthread_join(readers[i], NULL);
    log_rig_stop(&rig);
}
END_TEST

UNIT_MAIN("log_threads", appends_reads_and_housekeeping_go_together,
          no_reader_is_given_what_is_above_the_end)
