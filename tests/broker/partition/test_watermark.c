/* test_watermark.c - the high watermark, followers, min.insync.replicas. */
#include <stdio.h>

#include "partition/replicas.h"

#include "base/clock.h"
#include "tests/support/data_broker.h"
#include "tests/support/unit.h"
#include "wire/errors.h"

static struct data_broker db;

static struct partition *host(const char *topic, int factor)
{
    struct partition *p;

    data_broker_init(&db);
    data_broker_start(&db, 0);
    data_broker_host(&db, topic, 1, factor, 1);
    p = replicas_find(db.broker.replicas, bytes_of(topic), 0);
    ck_assert_ptr_nonnull(p);
    return p;
}

static void done(struct partition *p)
{
    partition_unref(&p);
    data_broker_stop(&db);
    data_broker_fini(&db);
}

static struct append append(struct partition *p, int16_t acks, int32_t records)
{
    struct data_batch batch = data_batch_make(records);
    struct append a;
    struct wr w;

    wr_init(&w, 1 << 20);
    data_batch_write(&w, &batch);
    a = (struct append){ .set = { .at = w.data, .size = w.len }, .acks = acks };
    ck_assert(partition_append(p, &a));
    wr_fini(&w);
    return a;
}

static int64_t high_of(struct partition *p)
{
    struct partition_view view;

    ck_assert_int_eq(partition_enter(p, -1, true, &view), KAFKA_NONE);
    partition_leave(p);
    return view.high_watermark;
}

static void fetched(struct partition *p, int64_t offset, int64_t end,
                    int64_t at_ms)
{
    struct follower_fetch fetch = { .id = DATA_FOLLOWER_ID,
                                    .broker_epoch = -1,
                                    .offset = offset,
                                    .log_start = 0,
                                    .leader_end = end,
                                    .now_ms = at_ms };

    partition_follower_fetched(p, &fetch);
}

START_TEST(a_leader_without_followers_commits_at_once)
{
    struct partition *p = host("t", 1);
    struct append a = append(p, -1, 4);

    ck_assert_int_eq(a.error, KAFKA_NONE);
    ck_assert(a.acked);
    ck_assert_int_eq(a.set.first_offset, 0);
    ck_assert_int_eq(a.end_offset, 4);
    ck_assert_int_eq(a.log_start, 0);
    ck_assert_int_eq(high_of(p), 4);
    done(p);
}
END_TEST

START_TEST(the_high_watermark_waits_for_who_is_in_sync)
{
    struct partition *p = host("t", 2);
    struct append a = append(p, -1, 4);
    int64_t now = clock_wall_ms();

    ck_assert_int_eq(a.error, KAFKA_NONE);
    ck_assert(!a.acked);
    ck_assert_int_eq(high_of(p), 0);
    ck_assert_int_eq(partition_acked(p, 4), KAFKA_REQUEST_TIMED_OUT);
    fetched(p, 0, 4, now);
    ck_assert_int_eq(high_of(p), 0);
    fetched(p, 3, 4, now);
    ck_assert_int_eq(high_of(p), 3);
    fetched(p, 4, 4, now);
    ck_assert_int_eq(high_of(p), 4);
    ck_assert_int_eq(partition_acked(p, 4), KAFKA_NONE);
    /* it never goes back */
    fetched(p, 1, 4, now);
    ck_assert_int_eq(high_of(p), 4);
    done(p);
}
END_TEST

START_TEST(min_insync_counts_at_most_the_replicas)
{
    struct partition *p = host("min", 1); /* min.insync.replicas=2, factor 1 */
    struct append a = append(p, -1, 1);

    ck_assert_int_eq(a.error, KAFKA_NONE);
    ck_assert(a.acked);
    done(p);
}
END_TEST

START_TEST(too_few_in_sync_refuse_acks_all_and_hold_the_watermark)
{
    static const int32_t replicas[] = { DATA_BROKER_ID, DATA_FOLLOWER_ID };
    struct partition *p = host("min", 2);
    struct partition_change change = {
        .controller_epoch = 1,
        .leader = DATA_BROKER_ID,
        .leader_epoch = 2,
        .partition_epoch = 1,
        .replicas = replicas,
        .n_replicas = 2,
        .isr = replicas,
        .n_isr = 1,
    };
    struct append a;

    partition_change(p, &change); /* the ISR shrinks to the leader */
    a = append(p, -1, 1);
    ck_assert_int_eq(a.error, KAFKA_NOT_ENOUGH_REPLICAS);
    ck_assert_int_eq(a.log_start, 0);
    a = append(p, 1, 1);
    ck_assert_int_eq(a.error, KAFKA_NONE);
    ck_assert_int_eq(high_of(p), 0);
    done(p);
}
END_TEST

START_TEST(a_follower_that_lags_long_does_not_hold_the_watermark)
{
    static const int32_t replicas[] = { DATA_BROKER_ID, DATA_FOLLOWER_ID };
    struct partition *p = host("t", 2);
    struct partition_change change = {
        .controller_epoch = 1,
        .leader = DATA_BROKER_ID,
        .leader_epoch = 2,
        .partition_epoch = 1,
        .replicas = replicas,
        .n_replicas = 2,
        .isr = replicas,
        .n_isr = 1,
    };

    partition_change(p, &change);
    append(p, 1, 5);
    ck_assert_int_eq(high_of(p), 5);   /* it is neither in sync nor caught up */
    fetched(p, 5, 5, clock_wall_ms()); /* now it is caught up, and alive */
    append(p, 1, 5);
    ck_assert_int_eq(high_of(p), 5); /* so it is waited for */
    fetched(p, 10, 10, clock_wall_ms());
    ck_assert_int_eq(high_of(p), 10);
    done(p);
}
END_TEST

START_TEST(who_does_not_lead_appends_nothing)
{
    struct partition *p = host("t", 2);
    struct partition_view view;
    struct append a;

    data_broker_unlead(&db, "t", 1, 2);
    a = append(p, 1, 1);
    ck_assert_int_eq(a.error, KAFKA_NOT_LEADER_OR_FOLLOWER);
    ck_assert_int_eq(a.set.first_offset, -1);
    ck_assert_int_eq(partition_enter(p, -1, true, &view),
                     KAFKA_NOT_LEADER_OR_FOLLOWER);
    ck_assert_int_eq(partition_enter(p, 1, false, &view),
                     KAFKA_FENCED_LEADER_EPOCH);
    ck_assert_int_eq(partition_enter(p, 3, false, &view),
                     KAFKA_UNKNOWN_LEADER_EPOCH);
    ck_assert_int_eq(partition_enter(p, 2, false, &view), KAFKA_NONE);
    partition_leave(p);
    done(p);
}
END_TEST

/* -- LeaderAndIsr and StopReplica
 * ----------------------------------------------------- */

static int16_t apply_one(const char *topic, int32_t index, int32_t leader_epoch,
                         int32_t replica, struct uuid id)
{
    struct replicas_change change = {
        .topic = bytes_of(topic),
        .index = index,
        .change = { .controller_epoch = 1,
                    .leader = replica,
                    .leader_epoch = leader_epoch,
                    .topic_id = id,
                    .is_new = true,
                    .replicas = &replica,
                    .n_replicas = 1,
                    .isr = &replica,
                    .n_isr = 1 },
    };

    replicas_apply(db.broker.replicas, &change, 1);
    return change.error;
}

START_TEST(each_partition_of_a_request_is_judged)
{
    struct partition *p = host("t", 1);
    struct uuid none = { { 0 } }, other = { { 9 } }, own = p->topic_id;

    ck_assert_int_eq(apply_one("t", 0, 1, 1, own),
                     KAFKA_STALE_CONTROLLER_EPOCH);
    ck_assert_int_eq(apply_one("t", 0, 0, 1, own),
                     KAFKA_STALE_CONTROLLER_EPOCH);
    ck_assert_int_eq(apply_one("t", 0, 2, 1, other),
                     KAFKA_INCONSISTENT_TOPIC_ID);
    ck_assert_int_eq(apply_one("t", 0, 2, 7, own),
                     KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(apply_one("t", 0, 2, 1, none), KAFKA_NONE);
    ck_assert_int_eq(apply_one("u", 0, 0, 1, none), KAFKA_NONE);
    ck_assert_int_eq(apply_one("../evil", 0, 0, 1, none),
                     KAFKA_INVALID_TOPIC_EXCEPTION);
    ck_assert_int_eq(apply_one("..", 0, 0, 1, none),
                     KAFKA_INVALID_TOPIC_EXCEPTION);
    ck_assert_int_eq(apply_one("v", -1, 0, 1, none),
                     KAFKA_INVALID_TOPIC_EXCEPTION);
    ck_assert_int_eq(apply_one("v", INT32_MAX, 0, 1, none),
                     KAFKA_INVALID_TOPIC_EXCEPTION);
    /* a topic without an id is given one later */
    ck_assert_int_eq(apply_one("u", 0, 0, 1, other), KAFKA_NONE);
    ck_assert_int_eq(apply_one("u", 0, 1, 1, own), KAFKA_INCONSISTENT_TOPIC_ID);
    done(p);
}
END_TEST

static int16_t stop_one(const char *topic, int32_t leader_epoch, bool deleted)
{
    struct replicas_stop_one stop = { bytes_of(topic), 0, leader_epoch, deleted,
                                      -1 };

    replicas_stop_replicas(db.broker.replicas, &stop, 1);
    return stop.error;
}

START_TEST(a_deleted_partition_is_gone_and_may_be_made_anew)
{
    struct partition *p = host("t", 1), *q;
    struct uuid other = { { 9 } };
    struct append a = append(p, 1, 3);

    ck_assert_int_eq(stop_one("t", 0, true), KAFKA_FENCED_LEADER_EPOCH);
    ck_assert_int_eq(stop_one("t", 1, false), KAFKA_NONE);
    ck_assert(partition_is_leader(p));
    ck_assert_int_eq(stop_one("t", -2, true), KAFKA_NONE);
    ck_assert_ptr_null(replicas_find(db.broker.replicas, BYTES("t"), 0));
    a = append(p, 1, 3); /* someone still has a reference */
    ck_assert_int_eq(a.error, KAFKA_NOT_LEADER_OR_FOLLOWER);
    ck_assert_int_eq(stop_one("t", -2, true), KAFKA_NONE);
    ck_assert_int_eq(apply_one("t", 0, 0, 1, other), KAFKA_NONE);
    q = replicas_find(db.broker.replicas, BYTES("t"), 0);
    ck_assert_ptr_ne(p, q);
    a = append(q, 1, 3);
    ck_assert_int_eq(a.set.first_offset, 0);
    partition_unref(&q);
    done(p);
}
END_TEST

START_TEST(what_was_appended_is_there_after_a_kill_and_after_a_stop)
{
    struct partition *p = host("t", 1);

    append(p, 1, 3);
    partition_unref(&p);
    data_broker_kill(&db);
    data_broker_start(&db, 0);
    /* loaded, but not hosted before the controller says so */
    ck_assert_ptr_null(replicas_find(db.broker.replicas, BYTES("t"), 0));
    data_broker_host(&db, "t", 1, 1, 2);
    p = replicas_find(db.broker.replicas, BYTES("t"), 0);
    ck_assert_int_eq(high_of(p), 3);
    append(p, 1, 3);
    partition_unref(&p);
    data_broker_stop(&db);
    data_broker_start(&db, 0);
    data_broker_host(&db, "t", 1, 1, 3);
    p = replicas_find(db.broker.replicas, BYTES("t"), 0);
    ck_assert_int_eq(high_of(p), 6);
    done(p);
}
END_TEST

START_TEST(a_thousand_partitions_are_hosted_quickly)
{
    struct partition *p = host("t", 1);
    int64_t began = clock_mono_us();

    data_broker_host(&db, "many", 1000, 1, 1);
    ck_assert_int_lt(clock_mono_us() - began, 10000000); /* aim: 0.2 s */
    printf("1000 partitions hosted in %lld us\n",
           (long long)(clock_mono_us() - began));
    partition_unref(&p);
    data_broker_kill(&db);
    began = clock_mono_us();
    data_broker_start(&db, 0);
    printf("and loaded after a kill in %lld us\n",
           (long long)(clock_mono_us() - began));
    data_broker_host(&db, "t", 1, 1, 2);
    p = replicas_find(db.broker.replicas, BYTES("t"), 0);
    done(p);
}
END_TEST

UNIT_MAIN("watermark", a_leader_without_followers_commits_at_once,
          the_high_watermark_waits_for_who_is_in_sync,
          min_insync_counts_at_most_the_replicas,
          too_few_in_sync_refuse_acks_all_and_hold_the_watermark,
          a_follower_that_lags_long_does_not_hold_the_watermark,
          who_does_not_lead_appends_nothing,
          each_partition_of_a_request_is_judged,
          a_deleted_partition_is_gone_and_may_be_made_anew,
          what_was_appended_is_there_after_a_kill_and_after_a_stop,
          a_thousand_partitions_are_hosted_quickly)
