/* test_producers.c - the rules of idempotence and transactions, as a table. */
#include "seg/producers.h"

#include "tests/support/unit.h"

static struct producers producers;

static struct batch_header data(int64_t id, int16_t epoch, int32_t sequence,
                                int count, int64_t offset)
{
    return (struct batch_header){ .magic = 2,
                                  .base_offset = offset,
                                  .last_offset_delta = count - 1,
                                  .count = count,
                                  .max_timestamp = 1000 + offset,
                                  .producer_id = id,
                                  .producer_epoch = epoch,
                                  .base_sequence = sequence };
}

static struct batch_header txn_data(int64_t id, int16_t epoch, int32_t sequence,
                                    int64_t offset)
{
    struct batch_header h = data(id, epoch, sequence, 1, offset);

    h.attributes = BATCH_TRANSACTIONAL;
    return h;
}

static struct batch_header control(int64_t id, int16_t epoch, int64_t offset)
{
    struct batch_header h = data(id, epoch, BATCH_NO_SEQUENCE, 1, offset);

    h.attributes = BATCH_TRANSACTIONAL | BATCH_CONTROL;
    return h;
}

static const struct txn_marker no_marker = { .present = false };

static struct txn_completed put(struct batch_header h, struct txn_marker marker)
{
    struct txn_completed completed;

    producers_apply(&producers, &h, &marker, &completed);
    return completed;
}

static enum err ask(struct batch_header h, struct txn_marker marker,
                    enum log_origin origin)
{
    struct producer_batch old;

    return producers_check(&producers, &h, &marker, origin, &old);
}

static struct txn_marker ends(bool abort, int32_t coordinator_epoch)
{
    return (struct txn_marker){ true, abort, coordinator_epoch, 777 };
}

/* One earlier batch of producer 1: epoch 3, sequences 10 to 14. */
static const struct {
    const char *name;
    int16_t epoch;
    int32_t sequence;
    int count;
    enum log_origin origin;
    enum err want;
} rules[] = {
    { "the next one", 3, 15, 2, LOG_CLIENT, ERR_OK },
    { "the same again", 3, 10, 5, LOG_CLIENT, ERR_DUPLICATE },
    { "the same start, shorter", 3, 10, 4, LOG_CLIENT, ERR_SEQUENCE },
    { "a gap", 3, 16, 1, LOG_CLIENT, ERR_SEQUENCE },
    { "older", 3, 9, 1, LOG_CLIENT, ERR_SEQUENCE },
    { "a new epoch from 0", 4, 0, 1, LOG_CLIENT, ERR_OK },
    { "a new epoch not from 0", 4, 15, 1, LOG_CLIENT, ERR_SEQUENCE },
    { "an old epoch", 2, 15, 1, LOG_CLIENT, ERR_FENCED },
    { "an old epoch of a coordinator", 2, 0, 1, LOG_COORDINATOR, ERR_FENCED },
    { "any sequence of a coordinator", 3, 99, 1, LOG_COORDINATOR, ERR_OK },
    { "a gap of a replica", 3, 99, 1, LOG_REPLICA, ERR_OK },
    { "an old epoch of a replica", 2, 0, 1, LOG_REPLICA, ERR_OK },
};

START_TEST(each_rule_of_sequences_holds)
{
    producers_init(&producers);
    ck_assert_err(ask(data(1, 3, 10, 5, 0), no_marker, LOG_CLIENT), ERR_OK);
    put(data(1, 3, 10, 5, 0), no_marker);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        enum err got =
            ask(data(1, rules[i].epoch, rules[i].sequence, rules[i].count, 5),
                no_marker, rules[i].origin);

        ck_assert_msg(got == rules[i].want, "%s: %s", rules[i].name,
                      err_name(got));
    }
    ck_assert_err(ask(data(2, 0, 77, 1, 5), no_marker, LOG_CLIENT), ERR_OK);
    producers_fini(&producers);
}
END_TEST

START_TEST(five_batches_are_remembered)
{
    struct producer_batch old;
    struct batch_header h;

    producers_init(&producers);
    for (int i = 0; i < 8; i++)
        put(data(1, 0, i * 2, 2, i * 2), no_marker);
    for (int i = 0; i < 8; i++) {
        h = data(1, 0, i * 2, 2, 99);
        ck_assert_err(
            producers_check(&producers, &h, &no_marker, LOG_CLIENT, &old),
            i < 3 ? ERR_SEQUENCE : ERR_DUPLICATE);
        if (i >= 3) {
            ck_assert_int_eq(old.last_offset - old.offset_delta, i * 2);
            ck_assert_int_eq(old.timestamp, 1000 + i * 2);
        }
    }
    producers_fini(&producers);
}
END_TEST

START_TEST(sequences_wrap)
{
    producers_init(&producers);
    put(data(1, 0, INT32_MAX - 1, 2, 0), no_marker);
    ck_assert_err(ask(data(1, 0, 0, 1, 2), no_marker, LOG_CLIENT), ERR_OK);
    ck_assert_err(ask(data(1, 0, 1, 1, 2), no_marker, LOG_CLIENT),
                  ERR_SEQUENCE);
    put(data(1, 0, INT32_MAX, 3, 2), no_marker); /* to 1 */
    ck_assert_err(ask(data(1, 0, INT32_MAX, 3, 5), no_marker, LOG_CLIENT),
                  ERR_DUPLICATE);
    ck_assert_err(ask(data(1, 0, 2, 1, 5), no_marker, LOG_CLIENT), ERR_OK);
    producers_fini(&producers);
}
END_TEST

START_TEST(transactions_open_and_close)
{
    struct txn_completed done;

    producers_init(&producers);
    ck_assert_int_eq(producers_first_unstable(&producers), -1);
    put(txn_data(1, 0, 0, 10), no_marker);
    put(txn_data(2, 0, 0, 11), no_marker);
    put(txn_data(1, 0, 1, 12), no_marker);
    ck_assert_int_eq(producers_first_unstable(&producers), 10);
    ck_assert_err(ask(data(1, 0, 2, 1, 13), no_marker, LOG_CLIENT),
                  ERR_TXN_STATE);
    done = put(control(1, 0, 13), ends(true, 4));
    ck_assert(done.present && done.abort);
    ck_assert_int_eq(done.first_offset, 10);
    ck_assert_int_eq(done.last_offset, 13);
    ck_assert_int_eq(done.last_stable, 11); /* the other one is open */
    /* Until the marker is below the high watermark it is not stable. */
    ck_assert_int_eq(producers_first_unstable(&producers), 10);
    producers_stable(&producers, 13);
    ck_assert_int_eq(producers_first_unstable(&producers), 10);
    producers_stable(&producers, 14);
    ck_assert_int_eq(producers_first_unstable(&producers), 11);
    done = put(control(2, 0, 14), ends(false, 4));
    ck_assert(done.present && !done.abort);
    ck_assert_int_eq(done.last_stable, 15);
    producers_stable(&producers, 15);
    ck_assert_int_eq(producers_first_unstable(&producers), -1);
    done = put(control(2, 0, 15), ends(true, 4));
    ck_assert(!done.present); /* nothing was open */
    producers_fini(&producers);
}
END_TEST

START_TEST(markers_fence)
{
    producers_init(&producers);
    put(txn_data(1, 5, 0, 0), no_marker);
    put(control(1, 5, 1), ends(true, 4));
    ck_assert_err(ask(control(1, 5, 2), ends(true, 3), LOG_COORDINATOR),
                  ERR_CONFLICT);
    ck_assert_err(ask(control(1, 4, 2), ends(true, 4), LOG_COORDINATOR),
                  ERR_FENCED);
    ck_assert_err(ask(control(1, 5, 2), ends(true, 3), LOG_REPLICA), ERR_OK);
    put(control(1, 6, 2), ends(true, 4));
    ck_assert_err(ask(data(1, 5, 1, 1, 3), no_marker, LOG_CLIENT), ERR_FENCED);
    ck_assert_err(ask(data(1, 6, 1, 1, 3), no_marker, LOG_CLIENT),
                  ERR_SEQUENCE);
    ck_assert_err(ask(data(1, 6, 0, 1, 3), no_marker, LOG_CLIENT), ERR_OK);
    producers_fini(&producers);
}
END_TEST

START_TEST(idle_producers_are_forgotten_but_not_open_transactions)
{
    producers_init(&producers);
    for (int i = 0; i < 100; i++)
        put(data(i, 0, 0, 1, i), no_marker);
    put(txn_data(500, 0, 0, 100), no_marker);
    producers_expire(&producers, 1050 + 60, 60);
    ck_assert_uint_eq(producers.map.count, 49 + 1);
    ck_assert_ptr_null(producers_find(&producers, 50));
    ck_assert_ptr_nonnull(producers_find(&producers, 51));
    producers_expire(&producers, INT64_MAX, 60);
    ck_assert_uint_eq(producers.map.count, 1);
    ck_assert_ptr_nonnull(producers_find(&producers, 500));
    producers_fini(&producers);
}
END_TEST

UNIT_MAIN("producers", each_rule_of_sequences_holds,
          five_batches_are_remembered, sequences_wrap,
          transactions_open_and_close, markers_fence,
          idle_producers_are_forgotten_but_not_open_transactions)
