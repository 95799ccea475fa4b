/* test_offsets.c - ListOffsets, OffsetForLeaderEpoch, DeleteRecords,
 * DescribeProducers, DescribeLogDirs, LeaderAndIsr and StopReplica by wire. */
#include <stdio.h>

#include "tests/support/data_broker.h"

#include "tests/support/unit.h"
#include "wire/errors.h"
#include "wire/msg_delete_records.h"
#include "wire/msg_describe_log_dirs.h"
#include "wire/msg_describe_producers.h"
#include "wire/msg_leader_and_isr.h"
#include "wire/msg_list_offsets.h"
#include "wire/msg_offset_for_leader_epoch.h"
#include "wire/msg_produce.h"
#include "wire/msg_stop_replica.h"

static struct data_broker db;
static struct data_client client;

static void begin(const char *topic, int factor)
{
    data_broker_init(&db);
    data_broker_start(&db, 0);
    data_broker_host(&db, topic, 2, factor, 1);
    data_client_open(&client, &db);
}

static void end(void)
{
    data_client_close(&client);
    data_broker_stop(&db);
    data_broker_fini(&db);
}

static void produce(const char *topic, const struct data_batch *batch)
{
    struct wr w;

    wr_init(&w, 1 << 20);
    data_batch_write(&w, batch);
    ck_assert_int_eq(
        data_client_produce(&client, topic, 0, 1, 9, bytes_make(w.data, w.len))
            ->error_code,
        KAFKA_NONE);
    wr_fini(&w);
}

/* Records with timestamps from..from+n-1. */
static void produce_at(const char *topic, int32_t n, int64_t from)
{
    struct data_batch batch = data_batch_make(n);

    batch.timestamp = from;
    produce(topic, &batch);
}

/* -- ListOffsets
 * ---------------------------------------------------------------- */

static struct wire_list_offsets_request_topics_partitions lo_partitions[2];

static const struct wire_list_offsets_response_topics_partitions *
list_offsets(const char *topic, int16_t version, int64_t timestamp,
             int8_t isolation)
{
    struct wire_list_offsets_request_topics t = { .name = bytes_of(topic),
                                                  .partitions = lo_partitions,
                                                  .n_partitions = 1 };
    const struct wire_list_offsets_response *r;
    struct wire_list_offsets_request q;

    wire_list_offsets_request_init(&q);
    wire_list_offsets_request_topics_partitions_init(&lo_partitions[0]);
    lo_partitions[0].timestamp = timestamp;
    q.replica_id = -1;
    q.isolation_level = isolation;
    q.topics = &t;
    q.n_topics = 1;
    r = data_client_call(&client, WIRE_LIST_OFFSETS, version, &q);
    ck_assert_ptr_nonnull(r);
    return &r->topics[0].partitions[0];
}

START_TEST(first_last_and_by_time)
{
    const struct wire_list_offsets_response_topics_partitions *a;

    begin("t", 1);
    ck_assert_int_eq(list_offsets("t", 8, -1, 0)->offset, 0);
    ck_assert_int_eq(list_offsets("t", 8, 1000, 0)->offset, -1);
    produce_at("t", 5, 1000);
    produce_at("t", 5, 2000);
    for (int16_t version = 1; version <= 8; version++) {
        a = list_offsets("t", version, -1, 0);
        ck_assert_int_eq(a->error_code, KAFKA_NONE);
        ck_assert_int_eq(a->offset, 10);
        ck_assert_int_eq(a->timestamp, -1);
        if (version >= 4)
            ck_assert_int_eq(a->leader_epoch, 1);
        ck_assert_int_eq(list_offsets("t", version, -2, 0)->offset, 0);
        a = list_offsets("t", version, 1003, 0);
        ck_assert_int_eq(a->offset, 3);
        ck_assert_int_eq(a->timestamp, 1003);
        ck_assert_int_eq(list_offsets("t", version, 1500, 0)->offset, 5);
        ck_assert_int_eq(list_offsets("t", version, 3000, 0)->offset, -1);
    }
    a = list_offsets("t", 7, -3, 0);
    ck_assert_int_eq(a->offset, 9);
    ck_assert_int_eq(a->timestamp, 2004);
    ck_assert_int_eq(list_offsets("t", 8, -4, 0)->offset, 0);
    a = list_offsets("t", 0, -1, 0);
    ck_assert_uint_eq(a->n_old_style_offsets, 1);
    ck_assert_int_eq(a->old_style_offsets[0], 10);
    a = list_offsets("t", 0, 1000, 0); /* older than the segment's file */
    ck_assert_uint_eq(a->n_old_style_offsets, 0);
    a = list_offsets("t", 0, INT64_MAX, 0);
    ck_assert_uint_eq(a->n_old_style_offsets, 1);
    ck_assert_int_eq(a->old_style_offsets[0], 10);
    a = list_offsets("nowhere", 5, -1, 0);
    ck_assert_int_eq(a->error_code, KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    end();
}
END_TEST

START_TEST(last_is_what_is_committed)
{
    begin("t", 2);
    produce_at("t", 5, 1000);
    ck_assert_int_eq(list_offsets("t", 8, -1, 0)->offset, 0);
    ck_assert_int_eq(list_offsets("t", 8, 1001, 0)->offset, -1);
    /* a new epoch begins above the high watermark: not known yet */
    data_broker_host(&db, "t", 2, 2, 2);
    ck_assert_int_eq(list_offsets("t", 8, -1, 0)->error_code,
                     KAFKA_OFFSET_NOT_AVAILABLE);
    ck_assert_int_eq(list_offsets("t", 4, -1, 0)->error_code,
                     KAFKA_LEADER_NOT_AVAILABLE);
    ck_assert_int_eq(list_offsets("t", 8, -2, 0)->offset, 0);
    end();
}
END_TEST

/* -- OffsetForLeaderEpoch
 * --------------------------------------------------------- */

START_TEST(an_epoch_ends_where_the_next_begins)
{
    struct wire_offset_for_leader_epoch_request_topics_partitions p;
    struct wire_offset_for_leader_epoch_request_topics t = {
        .topic = BYTES("t"), .partitions = &p, .n_partitions = 1
    };
    const struct wire_offset_for_leader_epoch_response *r;
    struct wire_offset_for_leader_epoch_request q;

    begin("t", 1);
    produce_at("t", 5, 1000);
    data_broker_host(&db, "t", 2, 1, 4);
    produce_at("t", 5, 1000);
    wire_offset_for_leader_epoch_request_init(&q);
    wire_offset_for_leader_epoch_request_topics_partitions_init(&p);
    q.topics = &t;
    q.n_topics = 1;
    p.leader_epoch = 3;
    r = data_client_call(&client, WIRE_OFFSET_FOR_LEADER_EPOCH, 4, &q);
    ck_assert_int_eq(r->topics[0].partitions[0].error_code, KAFKA_NONE);
    ck_assert_int_eq(r->topics[0].partitions[0].leader_epoch, 1);
    ck_assert_int_eq(r->topics[0].partitions[0].end_offset, 5);
    p.leader_epoch = 4;
    r = data_client_call(&client, WIRE_OFFSET_FOR_LEADER_EPOCH, 4, &q);
    ck_assert_int_eq(r->topics[0].partitions[0].end_offset, 10);
    p.leader_epoch = 9;
    r = data_client_call(&client, WIRE_OFFSET_FOR_LEADER_EPOCH, 4, &q);
    ck_assert_int_eq(r->topics[0].partitions[0].leader_epoch, -1);
    p.current_leader_epoch = 3;
    r = data_client_call(&client, WIRE_OFFSET_FOR_LEADER_EPOCH, 4, &q);
    ck_assert_int_eq(r->topics[0].partitions[0].error_code,
                     KAFKA_FENCED_LEADER_EPOCH);
    end();
}
END_TEST

/* -- DeleteRecords
 * ------------------------------------------------------------------ */

static struct wire_delete_records_response_topics_partitions
delete_records(const char *topic, int64_t offset)
{
    struct wire_delete_records_request_topics_partitions p = { 0, offset };
    struct wire_delete_records_request_topics t = { .name = bytes_of(topic),
                                                    .partitions = &p,
                                                    .n_partitions = 1 };
    struct wire_delete_records_request q = { .topics = &t,
                                             .n_topics = 1,
                                             .timeout_ms = 100 };
    const struct wire_delete_records_response *r =
        data_client_call(&client, WIRE_DELETE_RECORDS, 2, &q);

    ck_assert_ptr_nonnull(r);
    return r->topics[0].partitions[0];
}

START_TEST(records_are_deleted_up_to_an_offset)
{
    struct wire_delete_records_response_topics_partitions a;

    begin("t", 1);
    produce_at("t", 5, 1000);
    a = delete_records("t", 3);
    ck_assert_int_eq(a.error_code, KAFKA_NONE);
    ck_assert_int_eq(a.low_watermark, 3);
    ck_assert_int_eq(list_offsets("t", 8, -2, 0)->offset, 3);
    ck_assert_int_eq(delete_records("t", 6).error_code,
                     KAFKA_OFFSET_OUT_OF_RANGE);
    ck_assert_int_eq(delete_records("t", -5).error_code,
                     KAFKA_OFFSET_OUT_OF_RANGE);
    ck_assert_int_eq(delete_records("t", -1).low_watermark, 5);
    ck_assert_int_eq(delete_records("nowhere", -1).error_code,
                     KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    end();
}
END_TEST

START_TEST(a_compacted_topic_keeps_its_records)
{
    begin("compact", 1);
    ck_assert_int_eq(delete_records("compact", 0).error_code,
                     KAFKA_POLICY_VIOLATION);
    end();
}
END_TEST

START_TEST(deletion_waits_for_replicas_that_live)
{
    struct follower_fetch fetch = { .id = DATA_FOLLOWER_ID,
                                    .offset = 5,
                                    .leader_end = 5,
                                    .log_start = 0,
                                    .now_ms = 1 };
    struct partition *p;

    begin("t", 2);
    produce_at("t", 5, 1000);
    p = replicas_find(db.broker.replicas, BYTES("t"), 0);
    partition_follower_fetched(p, &fetch);
    ck_assert_int_eq(delete_records("t", 3).error_code,
                     KAFKA_REQUEST_TIMED_OUT);
    fetch.log_start = 3;
    partition_follower_fetched(p, &fetch);
    ck_assert_int_eq(delete_records("t", 3).low_watermark, 3);
    partition_unref(&p);
    end();
}
END_TEST

/* -- describing
 * ---------------------------------------------------------------------- */

START_TEST(producers_are_described)
{
    int32_t index = 0;
    struct wire_describe_producers_request_topics t = { .name = BYTES("t"),
                                                        .partition_indexes =
                                                            &index,
                                                        .n_partition_indexes =
                                                            1 };
    struct wire_describe_producers_request q = { .topics = &t, .n_topics = 1 };
    const struct wire_describe_producers_response *r;
    struct data_batch batch = data_batch_make(3);

    begin("t", 1);
    batch.producer_id = 77;
    batch.producer_epoch = 2;
    batch.base_sequence = 0;
    produce("t", &batch);
    r = data_client_call(&client, WIRE_DESCRIBE_PRODUCERS, 0, &q);
    ck_assert_int_eq(r->topics[0].partitions[0].error_code, KAFKA_NONE);
    ck_assert_uint_eq(r->topics[0].partitions[0].n_active_producers, 1);
    ck_assert_int_eq(r->topics[0].partitions[0].active_producers[0].producer_id,
                     77);
    ck_assert_int_eq(
        r->topics[0].partitions[0].active_producers[0].last_sequence, 2);
    t.name = BYTES("nowhere");
    r = data_client_call(&client, WIRE_DESCRIBE_PRODUCERS, 0, &q);
    ck_assert_int_eq(r->topics[0].partitions[0].error_code,
                     KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    end();
}
END_TEST

START_TEST(log_directories_are_described)
{
    int32_t indexes[] = { 1, 0, 9 };
    struct wire_describe_log_dirs_request_topics t = { .topic = BYTES("t"),
                                                       .partitions = indexes,
                                                       .n_partitions = 3 };
    const struct wire_describe_log_dirs_response *r;
    struct wire_describe_log_dirs_request q;

    begin("t", 1);
    data_broker_host(&db, "u", 1, 1, 1);
    produce_at("t", 5, 1000);
    wire_describe_log_dirs_request_init(&q);
    q.topics_null = true;
    r = data_client_call(&client, WIRE_DESCRIBE_LOG_DIRS, 4, &q);
    ck_assert_uint_eq(r->n_results, 1);
    ck_assert_bytes(r->results[0].log_dir, bytes_of(db.dir));
    ck_assert_int_gt(r->results[0].total_bytes, 0);
    ck_assert_uint_eq(r->results[0].n_topics, 2);
    q.topics_null = false;
    q.topics = &t;
    q.n_topics = 1;
    r = data_client_call(&client, WIRE_DESCRIBE_LOG_DIRS, 1, &q);
    ck_assert_uint_eq(r->results[0].n_topics, 1);
    ck_assert_uint_eq(r->results[0].topics[0].n_partitions, 2);
    ck_assert_int_gt(r->results[0].topics[0].partitions[0].partition_size, 60);
    ck_assert_int_eq(r->results[0].topics[0].partitions[0].offset_lag, 0);
    end();
}
END_TEST

/* -- the controller's requests
 * --------------------------------------------------------- */

START_TEST(the_controller_is_obeyed_and_stale_ones_are_not)
{
    int32_t self = DATA_BROKER_ID;
    struct wire_leader_and_isr_request_topic_states_partition_states s;
    struct wire_leader_and_isr_request_topic_states t = {
        .topic_name = BYTES("new"),
        .partition_states = &s,
        .n_partition_states = 1
    };
    const struct wire_leader_and_isr_response *r;
    struct wire_leader_and_isr_request q;

    begin("t", 1);
    atomic_store(&db.broker.epoch, 100);
    wire_leader_and_isr_request_init(&q);
    wire_leader_and_isr_request_topic_states_partition_states_init(&s);
    q.controller_id = 1;
    q.controller_epoch = 5;
    q.broker_epoch = 99;
    q.topic_states = &t;
    q.n_topic_states = 1;
    t.topic_id.b[0] = 1;
    s.leader = self;
    s.replicas = s.isr = &self;
    s.n_replicas = s.n_isr = 1;
    s.is_new = true;
    r = data_client_call(&client, WIRE_LEADER_AND_ISR, 7, &q);
    ck_assert_int_eq(r->error_code, KAFKA_STALE_BROKER_EPOCH);
    q.broker_epoch = 101; /* may be newer than what we know */
    for (int16_t version = 2; version <= 7; version++) {
        s.leader_epoch = version;
        r = data_client_call(&client, WIRE_LEADER_AND_ISR, version, &q);
        ck_assert_int_eq(r->error_code, KAFKA_NONE);
        if (version >= 5)
            ck_assert_int_eq(r->topics[0].partition_errors[0].error_code,
                             KAFKA_NONE);
        else
            ck_assert_int_eq(r->partition_errors[0].error_code, KAFKA_NONE);
    }
    q.controller_epoch = 4;
    r = data_client_call(&client, WIRE_LEADER_AND_ISR, 7, &q);
    ck_assert_int_eq(r->error_code, KAFKA_STALE_CONTROLLER_EPOCH);
    ck_assert_int_eq(atomic_load(&db.broker.controller_epoch), 5);
    end();
}
END_TEST

START_TEST(stop_replica_in_each_form)
{
    int32_t index = 0;
    struct wire_stop_replica_request_ungrouped_partitions v0 = { BYTES("t"),
                                                                 0 };
    struct wire_stop_replica_request_topics v1 = { .name = BYTES("t"),
                                                   .partition_indexes = &index,
                                                   .n_partition_indexes = 1 };
    struct wire_stop_replica_request_topic_states_partition_states s = {
        .partition_index = 0, .leader_epoch = -2, .delete_partition = true
    };
    struct wire_stop_replica_request_topic_states v3 = { .topic_name =
                                                             BYTES("t"),
                                                         .partition_states = &s,
                                                         .n_partition_states =
                                                             1 };
    const struct wire_stop_replica_response *r;
    struct wire_stop_replica_request q;

    begin("t", 1);
    wire_stop_replica_request_init(&q);
    q.ungrouped_partitions = &v0;
    q.n_ungrouped_partitions = 1;
    q.topics = &v1;
    q.n_topics = 1;
    q.topic_states = &v3;
    q.n_topic_states = 1;
    for (int16_t version = 0; version <= 4; version++) {
        struct partition *p;

        q.delete_partitions = version == 2;
        r = data_client_call(&client, WIRE_STOP_REPLICA, version, &q);
        ck_assert_int_eq(r->error_code, KAFKA_NONE);
        ck_assert_uint_eq(r->n_partition_errors, 1);
        ck_assert_int_eq(r->partition_errors[0].error_code, KAFKA_NONE);
        p = replicas_find(db.broker.replicas, BYTES("t"), 0);
        ck_assert_int_eq(p == NULL, version >= 2);
        partition_unref(&p);
        if (version >= 2)
            data_broker_host(&db, "t", 1, 1, version + 2);
    }
    end();
}
END_TEST

UNIT_MAIN("offsets", first_last_and_by_time, last_is_what_is_committed,
          an_epoch_ends_where_the_next_begins,
          records_are_deleted_up_to_an_offset,
          a_compacted_topic_keeps_its_records,
          deletion_waits_for_replicas_that_live, producers_are_described,
          log_directories_are_described,
          the_controller_is_obeyed_and_stale_ones_are_not,
          stop_replica_in_each_form)
