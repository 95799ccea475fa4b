/* test_log_txn.c - producers and transactions in a log, over restarts. */
#include "base/mem.h"
#include "seg/log.h"
#include "tests/support/log_rig.h"
#include "tests/support/unit.h"

static struct log_rig rig;
static struct errmsg why;

static enum err send(int64_t id, int16_t epoch, int32_t sequence, bool txn)
{
    struct log_rig_batch spec = { .count = 1,
                                  .producer = true,
                                  .producer_id = id,
                                  .producer_epoch = epoch,
                                  .sequence = sequence,
                                  .transactional = txn };

    return log_rig_append(&rig, LOG_CLIENT, &spec).err;
}

static enum err end(int64_t id, int16_t epoch, bool commit)
{
    struct log_rig_batch spec = { .producer_id = id,
                                  .producer_epoch = epoch,
                                  .commit = commit,
                                  .abort = !commit,
                                  .coordinator_epoch = 1 };

    return log_rig_append(&rig, LOG_COORDINATOR, &spec).err;
}

static void all_high(void)
{
    log_high_watermark_set(rig.log, log_end_offset(rig.log));
}

enum restart { STAY, CLOSE, KILL, RESTARTS };

static void restart(int how)
{
    if (how == CLOSE)
        log_rig_close(&rig);
    if (how == KILL)
        log_rig_kill(&rig);
    if (how != STAY)
        log_rig_open(&rig);
    all_high();
}

START_TEST(a_duplicate_is_answered_over_restarts)
{
    for (int how = STAY; how < RESTARTS; how++) {
        struct log_rig_batch spec = { .count = 3,
                                      .producer = true,
                                      .producer_id = 4 };
        struct log_append set;

        log_rig_start(&rig);
        log_rig_fill(&rig, 7);
        ck_assert_err(log_rig_append(&rig, LOG_CLIENT, &spec).err, ERR_OK);
        restart(how);
        set = log_rig_append(&rig, LOG_CLIENT, &spec);
        ck_assert_err(set.err, ERR_DUPLICATE);
        ck_assert_int_eq(set.first_offset, 7);
        ck_assert_int_eq(set.last_offset, 9);
        ck_assert_int_eq(set.timestamp, rig.now_ms + 2);
        spec.sequence = 4;
        ck_assert_err(log_rig_append(&rig, LOG_CLIENT, &spec).err,
                      ERR_SEQUENCE);
        spec.sequence = 3;
        ck_assert_err(log_rig_append(&rig, LOG_CLIENT, &spec).err, ERR_OK);
        log_rig_stop(&rig);
    }
}
END_TEST

START_TEST(batches_of_one_group_see_each_other)
{
    struct log_rig_batch spec = { .count = 1,
                                  .producer = true,
                                  .producer_id = 4 };
    struct log_append sets[4], *pointers[4];
    static const int32_t sequences[] = { 0, 1, 1, 3 };
    static const enum err want[] = { ERR_OK, ERR_OK, ERR_DUPLICATE,
                                     ERR_SEQUENCE };
    uint8_t *copies[4];

    log_rig_start(&rig);
    for (int i = 0; i < 4; i++) {
        spec.sequence = sequences[i];
        log_rig_make(&rig, &spec);
        copies[i] = mem_need(rig.batch.len);
        memcpy(copies[i], rig.batch.data, rig.batch.len);
        sets[i] = (struct log_append){ .at = copies[i],
                                       .size = rig.batch.len,
                                       .origin = LOG_CLIENT };
        pointers[i] = &sets[i];
    }
    ck_assert_err(log_append(rig.log, pointers, 4, rig.now_ms, NULL, &why),
                  ERR_OK);
    for (int i = 0; i < 4; i++) {
        ck_assert_err(sets[i].err, want[i]);
        mem_free(copies[i]);
    }
    ck_assert_int_eq(log_end_offset(rig.log), 2);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(read_committed_ends_at_open_transactions)
{
    for (int how = STAY; how < RESTARTS; how++) {
        log_rig_start(&rig);
        log_rig_fill(&rig, 5);
        ck_assert_err(send(1, 0, 0, true), ERR_OK); /* 5 */
        ck_assert_err(send(2, 0, 0, true), ERR_OK); /* 6 */
        log_rig_fill(&rig, 5);
        all_high();
        ck_assert_int_eq(log_last_stable(rig.log), 5);
        ck_assert(log_txn_is_open(rig.log, 1));
        restart(how);
        ck_assert_int_eq(log_last_stable(rig.log), 5);
        ck_assert_err(send(1, 0, 1, false), ERR_TXN_STATE);
        ck_assert_err(end(1, 0, true), ERR_OK); /* 12 */
        ck_assert(!log_txn_is_open(rig.log, 1));
        ck_assert_int_eq(log_last_stable(rig.log), 5); /* not yet replicated */
        all_high();
        ck_assert_int_eq(log_last_stable(rig.log), 6);
        ck_assert_err(end(2, 0, false), ERR_OK); /* 13 */
        all_high();
        ck_assert_int_eq(log_last_stable(rig.log), 14);
        log_rig_stop(&rig);
    }
}
END_TEST

static void expect_aborted(int64_t from, int64_t to, int n, int64_t first)
{
    struct log_aborted *aborted;
    struct arena arena;
    size_t got;

    arena_init(&arena, 1 << 20);
    ck_assert_err(
        log_aborted_find(rig.log, from, to, &arena, &aborted, &got, &why),
        ERR_OK);
    ck_assert_int_eq((int)got, n);
    if (n > 0)
        ck_assert_int_eq(aborted[0].first_offset, first);
    arena_fini(&arena);
}

START_TEST(aborted_transactions_are_found)
{
    for (int how = STAY; how < RESTARTS; how++) {
        log_rig_start(&rig);
        rig.config.segment_bytes = 1000;
        log_config_set(rig.log, &rig.config);
        for (int i = 0; i < 60; i++) { /* each takes three offsets */
            ck_assert_err(send(1, 0, i, true), ERR_OK);
            log_rig_fill(&rig, 1);
            ck_assert_err(end(1, 0, i % 2 == 0), ERR_OK);
        }
        all_high();
        restart(how);
        expect_aborted(0, 180, 30, 3);
        expect_aborted(3, 4, 1, 3);
        expect_aborted(5, 6, 1, 3);
        expect_aborted(6, 9, 0, 0);
        expect_aborted(100, 130, 6, 99);
        expect_aborted(180, 180, 0, 0);
        log_rig_stop(&rig);
    }
}
END_TEST

/* What a fetch of at most `most` bytes from `from` on is told. */
static void expect_told(int64_t from, uint32_t most, int n, int64_t first)
{
    struct log_aborted *aborted;
    struct log_plan plan;
    struct arena arena;
    size_t got;

    arena_init(&arena, 1 << 20);
    ck_assert_err(
        log_read(rig.log, from, INT64_MAX, most, LOG_READ_ONE, &plan, &why),
        ERR_OK);
    ck_assert_ptr_nonnull(plan.file);
    ck_assert_err(
        log_plan_aborted(rig.log, &plan, from, 0, &arena, &aborted, &got, &why),
        ERR_OK);
    ck_assert_int_eq((int)got, n);
    if (n > 0)
        ck_assert_int_eq(aborted[0].first_offset, first);
    seg_file_unref(&plan.file);
    arena_fini(&arena);
}

START_TEST(a_fetch_is_told_what_was_aborted_in_its_range)
{
    for (int how = STAY; how < RESTARTS; how++) {
        log_rig_start(&rig);
        rig.config.index_interval_bytes = 1; /* an entry for each batch */
        log_config_set(rig.log, &rig.config);
        for (int i = 0; i < 60; i++) { /* each takes three offsets */
            if (i == 40)
                ck_assert_err(log_roll(rig.log, rig.now_ms, &why), ERR_OK);
            ck_assert_err(send(1, 0, i, true), ERR_OK);
            log_rig_fill(&rig, 1);
            ck_assert_err(end(1, 0, i % 2 == 0), ERR_OK);
        }
        all_high();
        restart(how);
        expect_told(0, 1, 0, 0); /* the first one was committed */
        expect_told(3, 1, 1, 3);
        expect_told(4, 1, 1, 3);
        expect_told(5, 1, 1, 3);
        expect_told(6, 1, 0, 0);
        expect_told(0, 1 << 20, 20, 3);     /* up to the segment's end */
        expect_told(100, 1 << 20, 4, 99);   /* that, from its middle */
        expect_told(117, 1, 1, 117);        /* its last transaction */
        expect_told(120, 1 << 20, 10, 123); /* up to the log's end */
        expect_told(179, 1, 1, 177);
        log_rig_stop(&rig);
    }
}
END_TEST

START_TEST(a_coarse_index_tells_more)
{
    log_rig_start(&rig); /* too small for any entry of the index */
    for (int i = 0; i < 10; i++) {
        ck_assert_err(send(1, 0, i, true), ERR_OK);
        ck_assert_err(end(1, 0, false), ERR_OK);
    }
    all_high();
    expect_told(0, 1, 10, 0);
    expect_told(10, 1, 5, 10);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(truncation_opens_transactions_again)
{
    log_rig_start(&rig);
    rig.config.segment_bytes = 600;
    log_config_set(rig.log, &rig.config);
    ck_assert_err(send(1, 0, 0, true), ERR_OK); /* 0 */
    log_rig_fill(&rig, 20);
    ck_assert_err(end(1, 0, false), ERR_OK); /* 21 */
    log_rig_fill(&rig, 5);
    all_high();
    expect_aborted(0, 27, 1, 0);
    ck_assert_int_eq(log_last_stable(rig.log), 27);
    ck_assert_err(log_truncate(rig.log, 21, rig.now_ms, &why), ERR_OK);
    expect_aborted(0, 27, 0, 0);
    all_high();
    ck_assert_int_eq(log_last_stable(rig.log), 0);
    ck_assert_err(end(1, 0, false), ERR_OK);
    all_high();
    expect_aborted(0, 27, 1, 0);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_damaged_txn_index_is_made_anew)
{
    log_rig_start(&rig);
    rig.config.segment_bytes = 1000;
    log_config_set(rig.log, &rig.config);
    for (int i = 0; i < 60; i++) {
        ck_assert_err(send(1, 0, i, true), ERR_OK);
        log_rig_fill(&rig, 1);
        ck_assert_err(end(1, 0, i % 2 == 0), ERR_OK);
    }
    log_rig_close(&rig);
    log_rig_put(&rig, "00000000000000000000.txnindex",
                "\0\7aaaaaaaabbbbbbbbccccccccdddddddd", 34);
    log_rig_open(&rig);
    all_high();
    expect_aborted(0, 180, 30, 3);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_damaged_snapshot_is_not_used)
{
    log_rig_start(&rig);
    rig.config.segment_bytes = 1000;
    log_config_set(rig.log, &rig.config);
    for (int i = 0; i < 30; i++)
        ck_assert_err(send(9, 0, i, false), ERR_OK);
    log_rig_close(&rig);
    ck_assert(log_rig_has(&rig, "00000000000000000030.snapshot"));
    log_rig_put(&rig, "00000000000000000030.snapshot", "junk", 4);
    log_rig_open(&rig);
    ck_assert(!log_rig_has(&rig, "00000000000000000030.snapshot"));
    ck_assert_err(send(9, 0, 29, false), ERR_DUPLICATE);
    ck_assert_err(send(9, 0, 30, false), ERR_OK);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(producers_are_told_and_expire)
{
    struct log_producer *producers;
    struct arena arena;
    size_t n;

    log_rig_start(&rig);
    ck_assert_err(send(9, 3, 0, false), ERR_OK);
    ck_assert_err(send(8, 0, 0, true), ERR_OK);
    arena_init(&arena, 1 << 20);
    ck_assert_err(log_producers(rig.log, &arena, &producers, &n), ERR_OK);
    ck_assert_uint_eq(n, 2);
    ck_assert_int_eq(producers[0].producer_id, 8);
    ck_assert_int_eq(producers[0].txn_first_offset, 1);
    ck_assert_int_eq(producers[1].epoch, 3);
    ck_assert_int_eq(producers[1].txn_first_offset, -1);
    log_producers_expire(rig.log,
                         rig.now_ms + rig.config.producer_expiration_ms);
    ck_assert_err(log_producers(rig.log, &arena, &producers, &n), ERR_OK);
    ck_assert_uint_eq(n, 1);
    arena_fini(&arena);
    log_rig_stop(&rig);
}
END_TEST

UNIT_MAIN("log_txn", a_duplicate_is_answered_over_restarts,
          batches_of_one_group_see_each_other,
          read_committed_ends_at_open_transactions,
          aborted_transactions_are_found,
          a_fetch_is_told_what_was_aborted_in_its_range,
          a_coarse_index_tells_more, truncation_opens_transactions_again,
          a_damaged_txn_index_is_made_anew, a_damaged_snapshot_is_not_used,
          producers_are_told_and_expire)
