/* What the generated code makes of single fields: versions, defaults, null,
 * tagged fields, secrets, file ranges. */
#include <stdlib.h>

#include "tests/support/unit.h"
#include "wire/apis.h"
#include "wire/errors.h"
#include "wire/msg_api_versions.h"
#include "wire/msg_delete_topics.h"
#include "wire/msg_fetch.h"
#include "wire/msg_jute_proto.h"
#include "wire/msg_jute_txn.h"
#include "wire/msg_leave_group.h"
#include "wire/msg_produce.h"
#include "wire/msg_sasl_authenticate.h"

enum { PLENTY = 1 << 20 };

/* Messages live in `arena` and `w` until fini(). */
static struct arena arena;
static struct wr w;

static void init(void)
{
    arena_init(&arena, PLENTY);
    wr_init(&w, PLENTY);
}

static void fini(void)
{
    arena_fini(&arena);
    wr_fini(&w);
}

static struct bytes written(void)
{
    return bytes_make(w.data, w.len);
}

START_TEST(a_request_of_a_real_client_is_understood)
{
    /* ApiVersions version 3 as librdkafka 2.0.2 sends it, after the header. */
    static const uint8_t sent[] = "\x0blibrdkafka\x06"
                                  "2.0.2\0";
    struct rd r = { sent, sizeof sent - 1, ERR_OK };
    struct wire_api_versions_request request;

    init();
    ck_assert_err(wire_api_versions_request_read(&r, 3, &arena, &request),
                  ERR_OK);
    ck_assert_bytes(request.client_software_name, BYTES("librdkafka"));
    ck_assert_bytes(request.client_software_version, BYTES("2.0.2"));
    ck_assert_uint_eq(r.left, 0);
    fini();
}
END_TEST

START_TEST(fields_a_version_lacks_have_their_default)
{
    struct wire_fetch_request request;

    init();
    wire_fetch_request_init(&request);
    request.max_wait_ms = 500;
    request.max_bytes = 7;
    wire_fetch_request_write(&w, 2, &request);
    struct rd r = rd_make(written());
    ck_assert_err(wire_fetch_request_read(&r, 2, &arena, &request), ERR_OK);
    ck_assert_int_eq(request.max_wait_ms, 500);
    ck_assert_int_eq(request.max_bytes, INT32_MAX); /* since version 3 */
    ck_assert_int_eq(request.session_epoch, -1);    /* since version 7 */
    ck_assert_bytes(request.rack_id, BYTES(""));
    ck_assert(bytes_is_null(request.cluster_id));
    ck_assert_int_eq(request.replica_state.replica_epoch, -1);
    fini();
}
END_TEST

START_TEST(null_is_refused_in_versions_that_do_not_allow_it)
{
    struct wire_delete_topics_request_topics topic;
    struct wire_delete_topics_request request;
    static const uint8_t null_name[] = { 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0 };
    struct rd r = { null_name, sizeof null_name, ERR_OK };

    init();
    ck_assert_err(wire_delete_topics_request_read(&r, 1, &arena, &request),
                  ERR_FORMAT);
    wire_delete_topics_request_topics_init(&topic);
    wire_delete_topics_request_init(&request);
    request.topics = &topic;
    request.n_topics = 1;
    topic.name = BYTES_NULL;
    wire_delete_topics_request_write(&w, 6, &request);
    r = rd_make(written());
    ck_assert_err(wire_delete_topics_request_read(&r, 6, &arena, &request),
                  ERR_OK);
    ck_assert(bytes_is_null(request.topics[0].name));
    fini();
}
END_TEST

START_TEST(a_null_is_written_as_empty_where_null_is_not_allowed)
{
    struct wire_leave_group_request request;

    init();
    memset(&request, 0, sizeof request);
    wire_leave_group_request_write(&w, 0, &request);
    ck_assert_bytes(written(), bytes_make("\0\0\0\0", 4));
    fini();
}
END_TEST

START_TEST(a_null_array_and_an_empty_one_stay_apart)
{
    struct wire_fetch_response_responses_partitions partition;
    struct wire_fetch_response_responses topic;
    struct wire_fetch_response response;

    for (int null = 0; null < 2; null++) {
        init();
        wire_fetch_response_init(&response);
        wire_fetch_response_responses_init(&topic);
        wire_fetch_response_responses_partitions_init(&partition);
        partition.aborted_transactions_null = null != 0;
        topic.partitions = &partition;
        topic.n_partitions = 1;
        response.responses = &topic;
        response.n_responses = 1;
        wire_fetch_response_write(&w, 11, &response);
        struct rd r = rd_make(written());
        struct wire_fetch_response read;
        ck_assert_err(wire_fetch_response_read(&r, 11, &arena, &read), ERR_OK);
        ck_assert_int_eq(
            read.responses[0].partitions[0].aborted_transactions_null, null);
        ck_assert(bytes_is_null(read.responses[0].partitions[0].records.mem));
        fini();
    }
}
END_TEST

START_TEST(unknown_tagged_fields_are_skipped_and_known_ones_read)
{
    /* Fetch version 12, all empty, with tag 99 and then tag 0, cluster id. */
    static const uint8_t before[] = {
        0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0,
        0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1
    };
    static const uint8_t tags[] = { 2, 99, 2, 7, 7, 0, 3, 3, 'i', 'd' };
    struct wire_fetch_request request;

    init();
    wr_raw(&w, before, sizeof before);
    wr_raw(&w, tags, sizeof tags);
    struct rd r = rd_make(written());
    ck_assert_err(wire_fetch_request_read(&r, 12, &arena, &request), ERR_OK);
    ck_assert_bytes(request.cluster_id, BYTES("id"));
    ck_assert_uint_eq(r.left, 0);
    fini();
}
END_TEST

START_TEST(a_tagged_field_with_a_wrong_length_is_malformed)
{
    static const uint8_t before[] = {
        0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0,
        0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1
    };
    static const uint8_t tags[][6] = { { 1, 0, 2, 3, 'i', 'd' },
                                       { 1, 0, 3, 2, 'i', 'd' } };

    for (size_t i = 0; i < 2; i++) {
        struct wire_fetch_request request;

        init();
        wr_raw(&w, before, sizeof before);
        wr_raw(&w, tags[i], sizeof tags[i]);
        struct rd r = rd_make(written());
        ck_assert_err(wire_fetch_request_read(&r, 12, &arena, &request),
                      ERR_FORMAT);
        fini();
    }
}
END_TEST

START_TEST(a_tagged_field_at_its_default_is_not_written)
{
    struct wire_produce_response_responses_partition_responses partition;
    struct wire_produce_response_responses topic;
    struct wire_produce_response response;

    init();
    wire_produce_response_init(&response);
    wire_produce_response_responses_init(&topic);
    wire_produce_response_responses_partition_responses_init(&partition);
    topic.partition_responses = &partition;
    topic.n_partition_responses = 1;
    response.responses = &topic;
    response.n_responses = 1;
    wire_produce_response_write(&w, 10, &response);
    size_t plain = w.len;
    partition.current_leader.leader_id = 5;
    w.len = 0;
    wire_produce_response_write(&w, 10, &response);
    ck_assert_uint_eq(w.len, plain + 2 + 9); /* tag, length; 4 + 4 + no tags */
    fini();
}
END_TEST

START_TEST(a_count_that_lies_takes_no_memory)
{
    /* Produce version 7 that claims 100 million topics in 20 bytes. */
    static const uint8_t lie[32] = { 0xff, 0xff, 0, 1,    0,    0,
                                     0,    0,    5, 0xf5, 0xe1, 0 };
    struct rd r = { lie, sizeof lie, ERR_OK };
    struct wire_produce_request request;

    init();
    ck_assert_err(wire_produce_request_read(&r, 7, &arena, &request),
                  ERR_SHORT);
    ck_assert_uint_eq(arena.used_bytes, 0);
    fini();
}
END_TEST

START_TEST(the_ceiling_of_the_arena_ends_the_reading)
{
    struct wire_fetch_request request;
    struct arena small;

    init();
    wr_raw(&w, (const uint8_t[25]){ 0 }, 25); /* up to the topics, version 7 */
    wr_i32(&w, 100);
    for (int i = 0; i < 100; i++)
        wr_raw(&w, (const uint8_t[6]){ 0 }, 6); /* no name, no partitions */
    wr_i32(&w, 0);
    struct rd r = rd_make(written());
    ck_assert_err(wire_fetch_request_read(&r, 7, &arena, &request), ERR_OK);
    ck_assert_uint_eq(request.n_topics, 100);
    arena_init(&small, 1000);
    r = rd_make(written());
    ck_assert_err(wire_fetch_request_read(&r, 7, &small, &request), ERR_LIMIT);
    arena_fini(&small);
    fini();
}
END_TEST

START_TEST(no_file_range_is_lost_when_a_response_does_not_fit)
{
    struct wire_fetch_response_responses_partitions partitions[20];
    struct wire_fetch_response_responses topic;
    struct wire_fetch_response response;
    int file;

    wire_fetch_response_init(&response);
    wire_fetch_response_responses_init(&topic);
    for (size_t i = 0; i < 20; i++) {
        wire_fetch_response_responses_partitions_init(&partitions[i]);
        partitions[i].records.file = &file;
        partitions[i].records.length = 10;
    }
    topic.partitions = partitions;
    topic.n_partitions = 20;
    response.responses = &topic;
    response.n_responses = 1;
    for (size_t limit = 0; limit < 600; limit += 30) {
        arena_init(&arena, PLENTY);
        wr_init(&w, limit);
        wire_fetch_response_write(&w, 12, &response);
        ck_assert_err(w.err, ERR_LIMIT);
        ck_assert_uint_eq(w.n_cuts, 20);
        fini();
    }
}
END_TEST

START_TEST(secrets_are_not_printed)
{
    struct wire_sasl_authenticate_request request;
    char *text;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    ck_assert_ptr_nonnull(f);
    wire_sasl_authenticate_request_init(&request);
    request.auth_bytes = BYTES("\0user\0password");
    wire_sasl_authenticate_request_print(f, 2, &request);
    ck_assert_int_eq(fclose(f), 0);
    ck_assert_str_eq(text, "{\"authBytes\":\"***\"}");
    free(text);
}
END_TEST

START_TEST(old_clients_of_zookeeper_end_before_the_last_field)
{
    struct jute_connect_request request;
    uint8_t bytes[45] = { 0 };
    struct rd with = { bytes, 45, ERR_OK }, without = { bytes, 44, ERR_OK };

    init();
    bytes[27] = 16; /* length of the password */
    ck_assert_err(jute_connect_request_read(&without, &arena, &request),
                  ERR_OK);
    ck_assert(!request.has_read_only);
    jute_connect_request_write(&w, &request);
    ck_assert_uint_eq(w.len, 44);
    ck_assert_err(jute_connect_request_read(&with, &arena, &request), ERR_OK);
    ck_assert(request.has_read_only);
    ck_assert_uint_eq(with.left, 0);
    fini();
}
END_TEST

START_TEST(the_oldest_create_transaction_knows_no_parent_version)
{
    static const uint8_t old[] = { 0,    0,    0, 2, '/', 'a', 0xff, 0xff,
                                   0xff, 0xff, 0, 0, 0,   0,   1 };
    struct rd r = { old, sizeof old, ERR_OK };
    struct jute_create_txn txn;

    init();
    ck_assert_err(jute_create_txn_read(&r, &arena, &txn), ERR_OK);
    ck_assert_bytes(txn.path, BYTES("/a"));
    ck_assert(bytes_is_null(txn.data));
    ck_assert(txn.ephemeral);
    ck_assert_int_eq(txn.parent_cversion, -1);
    fini();
}
END_TEST

START_TEST(error_codes_have_kafkas_names)
{
    ck_assert_int_eq(KAFKA_UNKNOWN_SERVER_ERROR, -1);
    ck_assert_int_eq(KAFKA_INVALID_REGISTRATION, 119);
    ck_assert_str_eq(kafka_error_name(0), "NONE");
    ck_assert_str_eq(kafka_error_name(-1), "UNKNOWN_SERVER_ERROR");
    for (int16_t code = 0; code <= 119; code++)
        ck_assert_str_ne(kafka_error_name(code), "UNKNOWN");
    ck_assert_str_eq(kafka_error_name(120), "UNKNOWN");
}
END_TEST

UNIT_MAIN("fields", a_request_of_a_real_client_is_understood,
          fields_a_version_lacks_have_their_default,
          null_is_refused_in_versions_that_do_not_allow_it,
          a_null_is_written_as_empty_where_null_is_not_allowed,
          a_null_array_and_an_empty_one_stay_apart,
          unknown_tagged_fields_are_skipped_and_known_ones_read,
          a_tagged_field_with_a_wrong_length_is_malformed,
          a_tagged_field_at_its_default_is_not_written,
          a_count_that_lies_takes_no_memory,
          the_ceiling_of_the_arena_ends_the_reading,
          no_file_range_is_lost_when_a_response_does_not_fit,
          secrets_are_not_printed,
          old_clients_of_zookeeper_end_before_the_last_field,
          the_oldest_create_transaction_knows_no_parent_version,
          error_codes_have_kafkas_names)
