/* test_cleaner.c - compaction while a broker runs. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"
#include "partition/partition_private.h"
#include "seg/clean.h"
#include "tests/support/data_broker.h"
#include "tests/support/unit.h"
#include "wire/msg_produce.h"

enum { BATCHES = 200, KEYS = 10, DEADLINE_US = 60 * 1000000 };

static struct data_broker db;

static void start(double bytes_per_second)
{
    data_broker_init(&db);
    db.defaults.cleanup_compact = true;
    db.defaults.cleanup_delete = false;
    db.defaults.segment_bytes = 4096;
    db.defaults.min_cleanable_dirty_ratio = 0.1;
    db.defaults.file_delete_delay_ms = 0;
    db.cleaner.backoff_ms = 10;
    db.cleaner.threads = 2;
    db.cleaner.bytes_per_second = bytes_per_second;
    data_broker_start(&db, 0);
    data_broker_host(&db, "state", 1, 1, 0);
}

static void produce(void)
{
    struct data_client client;
    struct wr w;

    data_client_open(&client, &db);
    wr_init(&w, 1 << 20);
    for (int i = 0; i < BATCHES; i++) {
        struct batch_spec spec = batch_spec_make();
        struct batch_record record = { .timestamp = clock_wall_ms() };
        struct batch_builder builder;
        char key[16], value[128];

        snprintf(key, sizeof key, "%d", i % KEYS);
        record.key = bytes_of(key);
        record.value = bytes_make(
            value, (size_t)snprintf(value, sizeof value, "%100d", i));
        w.len = 0;
        batch_builder_init(&builder);
        ck_assert_err(batch_builder_start(&builder, &spec, &w), ERR_OK);
        batch_builder_add(&builder, &record);
        ck_assert_err(batch_builder_finish(&builder, NULL), ERR_OK);
        batch_builder_fini(&builder);
        ck_assert_int_eq(data_client_produce(&client, "state", 0, 1, 9,
                                             bytes_make(w.data, w.len))
                             ->error_code,
                         0);
        arena_reset(&client.arena);
    }
    wr_fini(&w);
    data_client_close(&client);
}

/* What of the log there is to compact. */
static struct log_clean_range range_now(int64_t *size)
{
    struct partition *p = replicas_find(db.broker.replicas, BYTES("state"), 0);
    struct log *log = partition_use_log(p);
    struct log_clean_range range;
    struct errmsg why;

    ck_assert_err(log_clean_range_find(log, clock_wall_ms(), &range, &why),
                  ERR_OK);
    *size = log_size(log);
    partition_leave(p);
    partition_unref(&p);
    return range;
}

static bool before_deadline(int64_t began)
{
    nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
    return clock_mono_us() - began < DEADLINE_US;
}

/* All of the last value of each key must be there. */
static void check_values(void)
{
    struct partition *p = replicas_find(db.broker.replicas, BYTES("state"), 0);
    struct log *log = partition_use_log(p);
    int64_t at = 0, last[KEYS];
    struct batch_reader reader;
    struct batch_record record;
    struct errmsg why;
    uint8_t *bytes = mem_need(1 << 20);

    memset(last, 0xff, sizeof last);
    batch_reader_init(&reader);
    while (at < log_end_offset(log)) {
        struct log_plan plan;
        struct batch_iter iter;
        struct batch batch;
        size_t n;

        ck_assert_err(
            log_read(log, at, INT64_MAX, 1 << 20, LOG_READ_ONE, &plan, &why),
            ERR_OK);
        ck_assert_ptr_nonnull(plan.file);
        ck_assert_err(log_plan_load(log, &plan, bytes, &n, &why), ERR_OK);
        seg_file_unref(&plan.file);
        iter = batch_iter_make(bytes_make(bytes, n));
        while (batch_iter_next(&iter, &batch) == ERR_OK) {
            ck_assert_err(batch_check(batch.bytes), ERR_OK);
            ck_assert_err(batch_reader_start(&reader, batch.bytes, 1 << 20),
                          ERR_OK);
            while (batch_reader_next(&reader, &record) == ERR_OK) {
                ck_assert_uint_eq(record.value.len, 100);
                last[record.key.at[0] - '0'] = record.offset;
            }
            at = batch_next_offset(&batch.header);
        }
    }
    for (int i = 0; i < KEYS; i++)
        ck_assert_int_eq(last[i], BATCHES - KEYS + i);
    batch_reader_fini(&reader);
    mem_free(bytes);
    partition_leave(p);
    partition_unref(&p);
}

static bool is_checkpointed(void)
{
    char path[256], line[256] = "";
    bool found = false;
    FILE *file;

    snprintf(path, sizeof path, "%s/cleaner-offset-checkpoint",
             log_dir_path(db.broker.replicas->dirs[0]));
    file = fopen(path, "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL)
        found |= strncmp(line, "state 0 ", 8) == 0;
    if (file != NULL)
        ck_assert_int_eq(fclose(file), 0);
    return found;
}

START_TEST(a_compacted_topic_is_compacted_while_it_is_read)
{
    int64_t began, size, whole;

    start(1e300);
    produce();
    whole = (int64_t)BATCHES * 170;
    began = clock_mono_us();
    do {
        check_values();
        range_now(&size);
        ck_assert(before_deadline(began));
    } while (size > whole / 4 || !is_checkpointed());
    check_values();
    data_broker_stop(&db);
    data_broker_start(&db, 0);
    data_broker_host(&db, "state", 1, 1, 1);
    check_values();
    data_broker_stop(&db);
    data_broker_fini(&db);
}
END_TEST

START_TEST(a_throttled_compaction_ends_with_the_broker)
{
    int64_t began, size;

    start(1000); /* it would take a minute */
    produce();
    began = clock_mono_us();
    ck_assert_int_gt(range_now(&size).cleanable_bytes, 20000);
    data_broker_stop(&db);
    ck_assert_int_lt(clock_mono_us() - began, DEADLINE_US / 2);
    data_broker_start(&db, 0);
    data_broker_host(&db, "state", 1, 1, 1);
    check_values();
    data_broker_kill(&db);
    data_broker_fini(&db);
}
END_TEST

UNIT_MAIN("cleaner", a_compacted_topic_is_compacted_while_it_is_read,
          a_throttled_compaction_ends_with_the_broker)
