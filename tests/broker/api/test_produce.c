/* test_produce.c - Produce over a real connection, into real logs. */
#include "tests/support/data_broker.h"

#include "seg/msgset.h"
#include "tests/support/unit.h"
#include "wire/errors.h"
#include "wire/msg_produce.h"

typedef struct wire_produce_response_responses_partition_responses answer;

static struct data_broker db;
static struct data_client client;
static struct wr records;

static void begin(const char *topic, int factor)
{
    data_broker_init(&db);
    data_broker_start(&db, 0);
    data_broker_host(&db, topic, 2, factor, 1);
    data_client_open(&client, &db);
}

static void end(void)
{
    wr_fini(&records);
    data_client_close(&client);
    data_broker_stop(&db);
    data_broker_fini(&db);
}

static struct bytes batch_of(const struct data_batch *batch)
{
    wr_fini(&records);
    wr_init(&records, 64 << 20);
    data_batch_write(&records, batch);
    return bytes_make(records.data, records.len);
}

static struct bytes plain(int32_t n)
{
    struct data_batch batch = data_batch_make(n);

    return batch_of(&batch);
}

static const answer *produce(const char *topic, struct bytes bytes)
{
    const answer *a = data_client_produce(&client, topic, 0, 1, 9, bytes);

    ck_assert_ptr_nonnull(a);
    return a;
}

START_TEST(offsets_are_given_out_in_order)
{
    const answer *a;

    begin("t", 1);
    a = produce("t", plain(3));
    ck_assert_int_eq(a->error_code, KAFKA_NONE);
    ck_assert_int_eq(a->base_offset, 0);
    ck_assert_int_eq(a->log_append_time_ms, -1);
    ck_assert_int_eq(a->log_start_offset, 0);
    a = data_client_produce(&client, "t", 0, -1, 10, plain(2));
    ck_assert_int_eq(a->base_offset, 3);
    a = data_client_produce(&client, "t", 1, 1, 3, plain(2));
    ck_assert_int_eq(a->base_offset, 0);
    end();
}
END_TEST

START_TEST(compressed_and_large_batches_go_the_long_way)
{
    struct data_batch batch = data_batch_make(100);

    begin("t", 1);
    batch.value_bytes = 1000;
    for (int16_t codec = 0; codec <= 4; codec++) {
        const answer *a;

        batch.attributes = codec;
        a = produce("t", batch_of(&batch));
        ck_assert_int_eq(a->error_code, KAFKA_NONE);
        ck_assert_int_eq(a->base_offset, codec * 100);
    }
    end();
}
END_TEST

START_TEST(old_message_sets_become_batches)
{
    struct msgset_builder builder;

    begin("t", 1);
    for (int8_t magic = 0; magic <= 1; magic++) {
        const answer *a;

        wr_fini(&records);
        wr_init(&records, 1 << 20);
        msgset_builder_init(&builder);
        ck_assert_err(msgset_builder_start(&builder, magic, CODEC_NONE, false,
                                           0, &records),
                      ERR_OK);
        for (int64_t i = 0; i < 5; i++) {
            struct batch_record record = { .offset = i,
                                           .timestamp = 1000 + i,
                                           .value = BYTES("old") };

            msgset_builder_add(&builder, &record);
        }
        ck_assert_err(msgset_builder_finish(&builder), ERR_OK);
        msgset_builder_fini(&builder);
        a = data_client_produce(&client, "t", 0, 1, magic ? 2 : 0,
                                bytes_make(records.data, records.len));
        ck_assert_int_eq(a->error_code, KAFKA_NONE);
        ck_assert_int_eq(a->base_offset, magic * 5);
    }
    end();
}
END_TEST

START_TEST(no_answer_comes_with_acks_0_and_an_error_closes)
{
    begin("t", 1);
    struct wire_produce_request_topic_data_partition_data partition = {
        .index = 0, .records = { .mem = plain(1) }
    };
    struct wire_produce_request_topic_data data = {
        .name = BYTES("t"), .partition_data = &partition, .n_partition_data = 1
    };
    struct wire_produce_request request;
    const answer *a;

    wire_produce_request_init(&request);
    request.acks = 0;
    request.topic_data = &data;
    request.n_topic_data = 1;
    data_client_send(&client, WIRE_PRODUCE, 9, &request);
    /* the next answer is that of the next request */
    a = produce("t", plain(1));
    ck_assert_int_eq(a->base_offset, 1);
    data.name = BYTES("nowhere");
    partition.records.mem = plain(1);
    data_client_send(&client, WIRE_PRODUCE, 9, &request);
    ck_assert_ptr_null(data_client_receive(&client, WIRE_PRODUCE, 9));
    end();
}
END_TEST

START_TEST(what_is_wrong_is_told_for_each_partition)
{
    const answer *a;

    begin("t", 1);
    a = data_client_produce(&client, "t", 0, 2, 9, plain(1));
    ck_assert_int_eq(a->error_code, KAFKA_INVALID_REQUIRED_ACKS);
    ck_assert_int_eq(a->base_offset, -1);
    a = data_client_produce(&client, "t", 7, 1, 9, plain(1));
    ck_assert_int_eq(a->error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    a = produce("t", BYTES_NULL);
    ck_assert_int_eq(a->error_code, KAFKA_INVALID_RECORD);
    plain(2);
    records.data[70] ^= 1; /* CRC */
    a = produce("t", bytes_make(records.data, records.len));
    ck_assert_int_eq(a->error_code, KAFKA_CORRUPT_MESSAGE);
    plain(2);
    a = produce("t", bytes_make(records.data, records.len - 1));
    ck_assert_int_ne(a->error_code, KAFKA_NONE);
    a = produce("t", plain(1));
    ck_assert_int_eq(a->base_offset, 0);
    end();
}
END_TEST

START_TEST(a_compacted_topic_says_which_records_lack_a_key)
{
    const answer *a;

    begin("compact", 1);
    a = produce("compact", plain(3));
    ck_assert_int_eq(a->error_code, KAFKA_INVALID_RECORD);
    ck_assert_uint_eq(a->n_record_errors, 3);
    ck_assert_int_eq(a->record_errors[2].batch_index, 2);
    ck_assert(!bytes_is_null(a->error_message));
    ck_assert_int_eq(a->log_start_offset, 0);
    end();
}
END_TEST

START_TEST(the_broker_sets_the_time_when_the_topic_says_so)
{
    const answer *a;

    begin("time", 1);
    a = produce("time", plain(3));
    ck_assert_int_eq(a->error_code, KAFKA_NONE);
    ck_assert_int_gt(a->log_append_time_ms, 1700000000000);
    end();
}
END_TEST

START_TEST(an_idempotent_producer_is_answered_with_its_first_offset)
{
    struct data_batch batch = data_batch_make(3);
    const answer *a;

    begin("t", 1);
    batch.producer_id = 77;
    batch.producer_epoch = 0;
    batch.base_sequence = 0;
    a = produce("t", batch_of(&batch));
    ck_assert_int_eq(a->base_offset, 0);
    a = produce("t", batch_of(&batch));
    ck_assert_int_eq(a->error_code, KAFKA_NONE);
    ck_assert_int_eq(a->base_offset, 0);
    batch.base_sequence = 5;
    a = produce("t", batch_of(&batch));
    ck_assert_int_eq(a->error_code, KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER);
    batch.base_sequence = 3;
    a = produce("t", batch_of(&batch));
    ck_assert_int_eq(a->base_offset, 3);
    batch.producer_epoch = -1;
    batch.base_sequence = 6;
    a = produce("t", batch_of(&batch));
    ck_assert_int_ne(a->error_code, KAFKA_NONE);
    end();
}
END_TEST

START_TEST(transactions_nobody_opened_are_refused)
{
    struct data_batch batch = data_batch_make(1);
    const answer *a;

    begin("t", 1);
    batch.attributes = BATCH_TRANSACTIONAL;
    batch.producer_id = 77;
    batch.producer_epoch = 0;
    batch.base_sequence = 0;
    a = produce("t", batch_of(&batch)); /* without a transactional id */
    ck_assert_int_eq(a->error_code,
                     KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    end();
}
END_TEST

START_TEST(acks_all_waits_for_the_follower_or_the_timeout)
{
    struct partition *p;
    struct follower_fetch fetch = {
        .id = DATA_FOLLOWER_ID, .offset = 1, .leader_end = 1, .now_ms = 1
    };

    begin("t", 2);
    struct wire_produce_request_topic_data_partition_data partition = {
        .index = 0, .records = { .mem = plain(1) }
    };
    struct wire_produce_request_topic_data data = {
        .name = BYTES("t"), .partition_data = &partition, .n_partition_data = 1
    };
    const struct wire_produce_response *response;
    struct wire_produce_request request;

    wire_produce_request_init(&request);
    request.acks = -1;
    request.timeout_ms = 60000;
    request.topic_data = &data;
    request.n_topic_data = 1;
    data_client_send(&client, WIRE_PRODUCE, 9, &request);
    ck_assert(!data_client_is_readable(&client, 100));
    p = replicas_find(db.broker.replicas, BYTES("t"), 0);
    partition_follower_fetched(p, &fetch);
    partition_unref(&p);
    response = data_client_receive(&client, WIRE_PRODUCE, 9);
    ck_assert_bytes(response->responses[0].name, BYTES("t"));
    ck_assert_int_eq(response->responses[0].partition_responses[0].error_code,
                     KAFKA_NONE);
    /* nobody fetches this one */
    request.timeout_ms = 50;
    response = data_client_call(&client, WIRE_PRODUCE, 9, &request);
    ck_assert_int_eq(response->responses[0].partition_responses[0].error_code,
                     KAFKA_REQUEST_TIMED_OUT);
    ck_assert_int_eq(response->responses[0].partition_responses[0].base_offset,
                     1);
    /* and here the leadership goes while it waits */
    request.timeout_ms = 60000;
    data_client_send(&client, WIRE_PRODUCE, 10, &request);
    ck_assert(!data_client_is_readable(&client, 100));
    data_broker_unlead(&db, "t", 2, 2);
    response = data_client_receive(&client, WIRE_PRODUCE, 10);
    ck_assert_int_eq(response->responses[0].partition_responses[0].error_code,
                     KAFKA_NOT_LEADER_OR_FOLLOWER);
    ck_assert_int_eq(
        response->responses[0].partition_responses[0].current_leader.leader_id,
        DATA_FOLLOWER_ID);
    ck_assert_uint_eq(response->n_node_endpoints, 1);
    ck_assert_int_eq(response->node_endpoints[0].port, 1);
    end();
}
END_TEST

UNIT_MAIN("produce", offsets_are_given_out_in_order,
          compressed_and_large_batches_go_the_long_way,
          old_message_sets_become_batches,
          no_answer_comes_with_acks_0_and_an_error_closes,
          what_is_wrong_is_told_for_each_partition,
          a_compacted_topic_says_which_records_lack_a_key,
          the_broker_sets_the_time_when_the_topic_says_so,
          an_idempotent_producer_is_answered_with_its_first_offset,
          transactions_nobody_opened_are_refused,
          acks_all_waits_for_the_follower_or_the_timeout)
