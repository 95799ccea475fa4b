/* test_fetch.c - Fetch over a real connection, from real logs. */
#include <stdlib.h>

#include "tests/support/data_broker.h"

#include "base/clock.h"
#include "tests/support/unit.h"
#include "wire/errors.h"
#include "wire/msg_fetch.h"
#include "wire/msg_produce.h"

typedef struct wire_fetch_response_responses_partitions answer;

enum { MOST = 8 };

static struct data_broker db;
static struct data_client client, producer;

/* A request of one topic that tests change before they send it. */
static struct wire_fetch_request ask;
static struct wire_fetch_request_topics ask_topic;
static struct wire_fetch_request_topics_partitions ask_partitions[MOST];

static void begin(const char *topic, int factor)
{
    data_broker_init(&db);
    data_broker_start(&db, 0);
    struct uuid id = data_broker_host(&db, topic, MOST, factor, 1);
    data_client_open(&client, &db);
    data_client_open(&producer, &db);
    wire_fetch_request_init(&ask);
    ask.max_wait_ms = 0;
    ask.min_bytes = 1;
    ask.max_bytes = 1 << 20;
    ask.topics = &ask_topic;
    ask.n_topics = 1;
    ask_topic =
        (struct wire_fetch_request_topics){ .topic = bytes_of(topic),
                                            .topic_id = id,
                                            .partitions = ask_partitions,
                                            .n_partitions = 1 };
    for (int32_t i = 0; i < MOST; i++) {
        wire_fetch_request_topics_partitions_init(&ask_partitions[i]);
        ask_partitions[i].partition = i;
        ask_partitions[i].partition_max_bytes = 1 << 20;
    }
}

static void end(void)
{
    data_client_close(&client);
    data_client_close(&producer);
    data_broker_stop(&db);
    data_broker_fini(&db);
}

static void produce(const char *topic, int32_t index,
                    const struct data_batch *b)
{
    struct wr w;

    wr_init(&w, 64 << 20);
    data_batch_write(&w, b);
    ck_assert_int_eq(data_client_produce(&producer, topic, index, 1, 9,
                                         bytes_make(w.data, w.len))
                         ->error_code,
                     KAFKA_NONE);
    wr_fini(&w);
}

static void produce_plain(const char *topic, int32_t index, int32_t n)
{
    struct data_batch batch = data_batch_make(n);

    produce(topic, index, &batch);
}

static const struct wire_fetch_response *fetch(int16_t version)
{
    const struct wire_fetch_response *r =
        data_client_call(&client, WIRE_FETCH, version, &ask);

    ck_assert_ptr_nonnull(r);
    return r;
}

static const answer *fetch_one(int16_t version)
{
    const struct wire_fetch_response *r = fetch(version);

    ck_assert_uint_eq(r->n_responses, 1);
    ck_assert_uint_eq(r->responses[0].n_partitions, 1);
    return &r->responses[0].partitions[0];
}

/* Count whole batches' records, from `offset` on. */
static int64_t count(const answer *a, int64_t offset)
{
    struct batch_iter iter = batch_iter_make(a->records.mem);
    struct batch batch;
    int64_t n = 0;

    while (batch_iter_next(&iter, &batch) == ERR_OK) {
        ck_assert_err(batch_check(batch.bytes), ERR_OK);
        ck_assert_int_eq(batch.header.base_offset, offset);
        offset = batch_next_offset(&batch.header);
        n += batch.header.count;
    }
    return n;
}

START_TEST(every_version_gets_the_records)
{
    begin("t", 1);
    for (int i = 0; i < 3; i++)
        produce_plain("t", 0, 4);
    for (int16_t version = 4; version <= 16; version++) {
        const answer *a = fetch_one(version);

        ck_assert_int_eq(a->error_code, KAFKA_NONE);
        ck_assert_int_eq(a->high_watermark, 12);
        ck_assert_int_eq(a->last_stable_offset, 12);
        ck_assert_int_eq(count(a, 0), 12);
        ck_assert(a->aborted_transactions_null);
    }
    end();
}
END_TEST

START_TEST(old_clients_get_old_messages)
{
    begin("t", 1);
    for (int i = 0; i < 3; i++)
        produce_plain("t", 0, 4);
    for (int16_t version = 0; version <= 3; version++) {
        int64_t offset = 2;

        /* Converted records may be longer than what was asked for; then the
         * answer ends earlier. */
        while (offset < 12) {
            struct batch_iter iter;
            struct batch batch;
            const answer *a;

            ask_partitions[0].fetch_offset = offset;
            a = fetch_one(version);
            iter = batch_iter_make(a->records.mem);
            ck_assert_int_eq(a->error_code, KAFKA_NONE);
            ck_assert_uint_gt(a->records.mem.len, 0);
            while (batch_iter_next(&iter, &batch) == ERR_OK) {
                ck_assert_int_eq(batch.header.magic, version < 2 ? 0 : 1);
                ck_assert_int_eq(batch.header.base_offset, offset++);
            }
        }
        ck_assert_int_eq(offset, 12);
    }
    end();
}
END_TEST

START_TEST(limits_cut_but_let_one_batch_through)
{
    struct data_batch batch = data_batch_make(10);
    const struct wire_fetch_response *r;

    begin("t", 1);
    batch.value_bytes = 1000;
    for (int32_t i = 0; i < 3; i++)
        produce("t", i, &batch);
    ask_topic.n_partitions = 3;
    /* each may have little: the first gets one batch, the others nothing */
    for (int32_t i = 0; i < 3; i++)
        ask_partitions[i].partition_max_bytes = 100;
    r = fetch(12);
    ck_assert_int_eq(count(&r->responses[0].partitions[0], 0), 10);
    ck_assert_uint_eq(r->responses[0].partitions[1].records.mem.len, 0);
    ck_assert_uint_eq(r->responses[0].partitions[2].records.mem.len, 0);
    ck_assert_int_eq(r->responses[0].partitions[2].high_watermark, 10);
    /* the response as a whole may have little */
    for (int32_t i = 0; i < 3; i++)
        ask_partitions[i].partition_max_bytes = 1 << 20;
    ask.max_bytes = 1;
    r = fetch(12);
    ck_assert_int_eq(count(&r->responses[0].partitions[0], 0), 10);
    ck_assert_uint_eq(r->responses[0].partitions[1].records.mem.len, 0);
    ask.max_bytes = 15000;
    r = fetch(12);
    ck_assert_int_eq(count(&r->responses[0].partitions[0], 0), 10);
    ck_assert_uint_eq(r->responses[0].partitions[1].records.mem.len, 0);
    ask.max_bytes = 1 << 20;
    r = fetch(12);
    for (int32_t i = 0; i < 3; i++)
        ck_assert_int_eq(count(&r->responses[0].partitions[i], 0), 10);
    end();
}
END_TEST

START_TEST(a_fetch_waits_for_bytes_and_for_its_deadline)
{
    struct data_batch batch = data_batch_make(1);
    const struct wire_fetch_response *r;
    int64_t began;

    begin("t", 1);
    ask_topic.n_partitions = 4;
    ask.max_wait_ms = 60000;
    data_client_send(&client, WIRE_FETCH, 12, &ask);
    ck_assert(!data_client_is_readable(&client, 50));
    produce_plain("t", 2, 1);
    r = data_client_receive(&client, WIRE_FETCH, 12);
    ck_assert_uint_eq(r->responses[0].n_partitions, 4);
    ck_assert_int_eq(count(&r->responses[0].partitions[2], 0), 1);
    /* more than one append is needed */
    ask_partitions[2].fetch_offset = 1;
    ask.min_bytes = 2500;
    batch.value_bytes = 1000;
    data_client_send(&client, WIRE_FETCH, 12, &ask);
    produce("t", 2, &batch);
    produce("t", 0, &batch);
    ck_assert(!data_client_is_readable(&client, 50));
    produce("t", 1, &batch);
    r = data_client_receive(&client, WIRE_FETCH, 12);
    ck_assert_int_eq(count(&r->responses[0].partitions[1], 0), 1);
    ck_assert_int_eq(count(&r->responses[0].partitions[2], 1), 1);
    /* nothing comes */
    ask.max_wait_ms = 60;
    ask.min_bytes = 1;
    ask_topic.n_partitions = 1;
    ask_partitions[0].fetch_offset = 1;
    began = clock_mono_us();
    ck_assert_uint_eq(fetch_one(12)->records.mem.len, 0);
    ck_assert_int_ge(clock_mono_us() - began, 59000);
    end();
}
END_TEST

START_TEST(who_waits_is_told_when_the_leader_goes)
{
    const struct wire_fetch_response *r;
    const answer *a;

    begin("t", 2);
    ask.max_wait_ms = 60000;
    ask_partitions[0].current_leader_epoch = 1;
    data_client_send(&client, WIRE_FETCH, 16, &ask);
    ck_assert(!data_client_is_readable(&client, 50));
    data_broker_unlead(&db, "t", MOST, 2);
    r = data_client_receive(&client, WIRE_FETCH, 16);
    a = &r->responses[0].partitions[0];
    ck_assert_int_eq(a->error_code, KAFKA_FENCED_LEADER_EPOCH);
    ck_assert_int_eq(a->current_leader.leader_id, DATA_FOLLOWER_ID);
    ck_assert_int_eq(a->current_leader.leader_epoch, 2);
    ck_assert_uint_eq(r->n_node_endpoints, 1);
    /* a consumer of today may read from a follower, one of old may not */
    ask_partitions[0].current_leader_epoch = -1;
    ask.max_wait_ms = 0;
    ck_assert_int_eq(fetch_one(12)->error_code, KAFKA_NONE);
    ck_assert_int_eq(fetch_one(10)->error_code, KAFKA_NOT_LEADER_OR_FOLLOWER);
    end();
}
END_TEST

START_TEST(a_consumer_sees_what_is_committed_and_a_follower_all)
{
    const answer *a;

    begin("t", 2);
    produce_plain("t", 0, 5);
    a = fetch_one(12);
    ck_assert_int_eq(a->high_watermark, 0);
    ck_assert_uint_eq(a->records.mem.len, 0);
    ask.replica_id = DATA_FOLLOWER_ID;
    a = fetch_one(12);
    ck_assert_int_eq(count(a, 0), 5);
    ask_partitions[0].fetch_offset = 5; /* it has all now */
    fetch_one(12);
    ask.replica_id = -1;
    ask_partitions[0].fetch_offset = 0;
    a = fetch_one(12);
    ck_assert_int_eq(a->high_watermark, 5);
    ck_assert_int_eq(count(a, 0), 5);
    ask.replica_id = 9; /* not assigned */
    ck_assert_int_eq(fetch_one(12)->error_code, KAFKA_NOT_LEADER_OR_FOLLOWER);
    ask_partitions[0].current_leader_epoch = 1;
    ck_assert_int_eq(fetch_one(12)->error_code, KAFKA_UNKNOWN_LEADER_EPOCH);
    end();
}
END_TEST

START_TEST(a_diverging_epoch_is_told)
{
    const answer *a;

    begin("t", 2);
    produce_plain("t", 0, 5);
    data_broker_host(&db, "t", MOST, 2, 3);
    produce_plain("t", 0, 5);
    ask.replica_id = DATA_FOLLOWER_ID;
    ask_partitions[0].fetch_offset = 7; /* of epoch 2, which ended at 5 */
    ask_partitions[0].last_fetched_epoch = 2;
    a = fetch_one(12);
    ck_assert_int_eq(a->error_code, KAFKA_NONE);
    ck_assert_int_eq(a->diverging_epoch.epoch, 1);
    ck_assert_int_eq(a->diverging_epoch.end_offset, 5);
    ck_assert_uint_eq(a->records.mem.len, 0);
    ask_partitions[0].last_fetched_epoch = 3;
    a = fetch_one(12);
    ck_assert_int_eq(a->diverging_epoch.epoch, -1);
    ask_partitions[0].last_fetched_epoch = 9;
    ck_assert_int_eq(fetch_one(12)->error_code, KAFKA_OFFSET_OUT_OF_RANGE);
    end();
}
END_TEST

START_TEST(errors_are_told_at_once_and_by_partition)
{
    const struct wire_fetch_response *r;

    begin("t", 1);
    ask.max_wait_ms = 60000;
    ask_topic.n_partitions = 2;
    ask_partitions[0].fetch_offset = 1; /* beyond the end */
    r = fetch(12);
    ck_assert_int_eq(r->responses[0].partitions[0].error_code,
                     KAFKA_OFFSET_OUT_OF_RANGE);
    ck_assert_int_eq(r->responses[0].partitions[0].high_watermark, -1);
    ck_assert_int_eq(r->responses[0].partitions[1].error_code, KAFKA_NONE);
    ask_topic.n_partitions = 1;
    ask_topic.topic_id.b[3] ^= 1;
    ck_assert_int_eq(fetch_one(13)->error_code, KAFKA_UNKNOWN_TOPIC_ID);
    ask_topic.topic = BYTES("nowhere");
    ck_assert_int_eq(fetch_one(12)->error_code,
                     KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    end();
}
END_TEST

START_TEST(a_session_carries_on_over_requests)
{
    const struct wire_fetch_response *r;

    begin("t", 1);
    ask_topic.n_partitions = 3;
    ask.session_epoch = 0;
    r = fetch(13);
    ck_assert_int_gt(r->session_id, 0);
    ck_assert_uint_eq(r->responses[0].n_partitions, 3);
    ask.session_id = r->session_id;
    ask.session_epoch = 1;
    ask.n_topics = 0;
    ask.max_wait_ms = 60000;
    data_client_send(&client, WIRE_FETCH, 13, &ask);
    produce_plain("t", 1, 2);
    r = data_client_receive(&client, WIRE_FETCH, 13);
    ck_assert_int_eq(r->error_code, KAFKA_NONE);
    ck_assert_uint_eq(r->n_responses, 1);
    ck_assert_uint_eq(r->responses[0].n_partitions, 1);
    ck_assert_int_eq(r->responses[0].partitions[0].partition_index, 1);
    ask.session_epoch = 7;
    r = fetch(13);
    ck_assert_int_eq(r->error_code, KAFKA_INVALID_FETCH_SESSION_EPOCH);
    ck_assert_uint_eq(r->n_responses, 0);
    end();
}
END_TEST

START_TEST(many_partitions_and_producers_lose_nothing)
{
    int64_t at[MOST] = { 0 };
    int64_t total = 0;

    begin("t", 1);
    ask.session_epoch = -1;
    ask.max_wait_ms = 60000;
    ask.max_bytes = 3000;
    ask_topic.n_partitions = MOST;
    for (int round = 0; round < 200; round++)
        produce_plain("t", rand() % MOST, 1 + rand() % 5);
    while (total < 200) { /* batches hold one record at least */
        const struct wire_fetch_response *r;

        for (int i = 0; i < MOST; i++)
            ask_partitions[i].fetch_offset = at[i];
        r = fetch(12);
        for (int i = 0; i < MOST; i++) {
            int64_t n = count(&r->responses[0].partitions[i], at[i]);

            at[i] += n;
            total += n;
        }
        if (total < 200)
            produce_plain("t", 0, 1); /* never waits for ever */
    }
    end();
}
END_TEST

UNIT_MAIN("fetch", every_version_gets_the_records, old_clients_get_old_messages,
          limits_cut_but_let_one_batch_through,
          a_fetch_waits_for_bytes_and_for_its_deadline,
          who_waits_is_told_when_the_leader_goes,
          a_consumer_sees_what_is_committed_and_a_follower_all,
          a_diverging_epoch_is_told, errors_are_told_at_once_and_by_partition,
          a_session_carries_on_over_requests,
          many_partitions_and_producers_lose_nothing)
