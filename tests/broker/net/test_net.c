#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/support/net_rig.h"
#include "tests/support/unit.h"
#include "wire/msg_api_versions.h"
#include "wire/msg_fetch.h"
#include "wire/msg_leave_group.h"
#include "wire/msg_produce.h"

static struct rig rig;

static void start(void)
{
    rig_init(&rig);
    rig_start(&rig);
}

static void send_api_versions(int fd, int16_t version)
{
    struct wire_api_versions_request request;

    wire_api_versions_request_init(&request);
    request.client_software_name = BYTES("rig");
    request.client_software_version = BYTES("1");
    rig_send_request(fd, WIRE_API_VERSIONS, version, 5, &request);
}

static int16_t recv_api_versions(int fd, int16_t version)
{
    const struct wire_api_versions_response *response;
    struct arena arena;
    int16_t code;

    arena_init(&arena, 4096);
    response = rig_recv_response(fd, WIRE_API_VERSIONS, version, 5, &arena);
    ck_assert_uint_eq(response->n_api_keys, 2);
    code = response->error_code;
    arena_fini(&arena);
    return code;
}

START_TEST(api_versions_is_answered_in_every_version)
{
    start();
    int fd = rig_connect(&rig);
    for (int16_t version = 0; version <= 3; version++) {
        send_api_versions(fd, version);
        ck_assert_int_eq(recv_api_versions(fd, version), 0);
    }
    close(fd);
    rig_stop(&rig);
}
END_TEST

START_TEST(api_versions_of_an_unknown_version_is_answered_in_version_0)
{
    /* a header that nobody can read after the correlation id */
    static const uint8_t frame[] = { 0, 0, 0, 12, 0,    18,   0x7f, 0xff,
                                     0, 0, 0, 5,  0xff, 0x01, 0x02, 0x03 };

    start();
    int fd = rig_connect(&rig);
    rig_send(fd, frame, sizeof frame);
    ck_assert_int_eq(recv_api_versions(fd, 0), 35);
    send_api_versions(fd, 3);
    ck_assert_int_eq(recv_api_versions(fd, 3), 0);
    close(fd);
    rig_stop(&rig);
}
END_TEST

START_TEST(a_frame_torn_into_single_bytes_is_served)
{
    struct wire_produce_request request;
    size_t len;

    start();
    int fd = rig_connect(&rig);
    for (int32_t n = 1; n <= 3; n++) {
        struct arena arena;
        const struct wire_produce_response *response;

        wire_produce_request_init(&request);
        request.acks = 1;
        uint8_t *frame = rig_frame(WIRE_PRODUCE, 9, n, &request, &len);
        for (size_t i = 0; i < len; i++)
            rig_send(fd, frame + i, 1);
        mem_free(frame);
        arena_init(&arena, 4096);
        response = rig_recv_response(fd, WIRE_PRODUCE, 9, n, &arena);
        ck_assert_uint_eq(response->n_responses, 1);
        arena_fini(&arena);
    }
    close(fd);
    rig_stop(&rig);
}
END_TEST

static const struct {
    const char *name;
    uint8_t bytes[24];
    size_t n;
} absurd[] = {
    { "negative", { 0xff, 0xff, 0xff, 0xff }, 4 },
    { "zero", { 0, 0, 0, 0 }, 4 },
    { "shorter than a header", { 0, 0, 0, 7, 0, 18, 0, 0, 0, 0, 0 }, 11 },
    { "two gigabytes", { 0x7f, 0xff, 0xff, 0xff, 0, 18, 0, 0 }, 8 },
    { "one above the limit", { 0x06, 0x40, 0x00, 0x01, 0, 18 }, 6 },
    { "TLS", { 0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3 }, 11 },
    { "HTTP", "GET / HTTP/1.1\r\n\r\n", 18 },
    { "unknown key",
      { 0, 0, 0, 10, 0x03, 0xe8, 0, 0, 0, 0, 0, 1, 0xff, 0xff },
      14 },
    { "negative key",
      { 0, 0, 0, 10, 0xff, 0xff, 0, 0, 0, 0, 0, 1, 0xff, 0xff },
      14 },
    { "key nobody serves",
      { 0, 0, 0, 10, 0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff },
      14 },
    { "unknown version",
      { 0, 0, 0, 10, 0, 12, 0, 99, 0, 0, 0, 1, 0xff, 0xff },
      14 },
    { "negative version",
      { 0, 0, 0, 10, 0, 12, 0xff, 0xfe, 0, 0, 0, 1, 0xff, 0xff },
      14 },
    { "client id too long",
      { 0, 0, 0, 10, 0, 12, 0, 0, 0, 0, 0, 1, 0x7f, 0xff },
      14 },
    { "no client id", { 0, 0, 0, 8, 0, 12, 0, 0, 0, 0, 0, 1 }, 12 },
    { "malformed body",
      { 0, 0, 0, 12, 0, 12, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff },
      16 },
};

START_TEST(what_is_no_request_closes_the_connection_and_harms_nobody)
{
    start();
    int other = rig_connect(&rig);
    for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++) {
        int fd = rig_connect(&rig);

        rig_send(fd, absurd[i].bytes, absurd[i].n);
        ck_assert_msg(rig_is_closed(fd), "%s", absurd[i].name);
        close(fd);
        rig_send_heartbeat(other, (int32_t)i);
        rig_recv_heartbeat(other, (int32_t)i);
    }
    close(other);
    rig_stop(&rig);
}
END_TEST

START_TEST(pipelined_requests_are_answered_in_order)
{
    enum { N = 5000 };

    rig_init(&rig);
    rig.config.idle_us = -1000; /* never idle */
    rig_start(&rig);
    int fd = rig_connect(&rig);
    for (int round = 0; round < 3; round++) {
        struct wr all;

        wr_init(&all, SIZE_MAX);
        for (int32_t n = 0; n < N; n++)
            rig_send_heartbeat(fd, n);
        for (int32_t n = 0; n < N; n++)
            rig_recv_heartbeat(fd, n);
        wr_fini(&all);
    }
    close(fd);
    rig_stop(&rig);
}
END_TEST

static void send_leave(int fd, int32_t n)
{
    struct wire_leave_group_request request;

    wire_leave_group_request_init(&request);
    request.group_id = BYTES("g");
    rig_send_request(fd, WIRE_LEAVE_GROUP, 4, n, &request);
}

static void recv_leave(int fd, int32_t n)
{
    const struct wire_leave_group_response *response;
    struct arena arena;

    arena_init(&arena, 4096);
    response = rig_recv_response(fd, WIRE_LEAVE_GROUP, 4, n, &arena);
    ck_assert_int_eq(response->error_code, 77);
    arena_fini(&arena);
}

START_TEST(what_is_behind_a_parked_request_waits_for_it)
{
    start();
    int fd = rig_connect(&rig);
    for (int round = 0; round < 20; round++) {
        rig_send_heartbeat(fd, 1);
        send_leave(fd, 2);
        for (int32_t n = 3; n < 1000; n++)
            rig_send_heartbeat(fd, n);
        rig_recv_heartbeat(fd, 1);
        rig_await_parked(1);
        ck_assert_uint_eq(rig_release(), 1);
        recv_leave(fd, 2);
        for (int32_t n = 3; n < 1000; n++)
            rig_recv_heartbeat(fd, n);
    }
    close(fd);
    rig_stop(&rig);
}
END_TEST

START_TEST(a_peer_that_goes_while_its_request_is_parked_is_forgotten_later)
{
    start();
    for (int i = 0; i < 50; i++) {
        int fd = rig_connect(&rig);

        send_leave(fd, i);
        if (i % 2)
            rig_send_heartbeat(fd, 1);
        rig_await_parked(1);
        struct linger reset = { 1, 0 };
        if (i % 3 == 0)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
        rig_release();
    }
    rig_await_connections(&rig, 0);
    rig_stop(&rig);
}
END_TEST

START_TEST(parked_requests_are_answered_before_the_stop)
{
    start();
    int fd[20];
    for (int i = 0; i < 20; i++) {
        fd[i] = rig_connect(&rig);
        send_leave(fd[i], i);
    }
    rig_await_parked(20);
    rig_release();
    net_stop(&rig.net, 5000);
    for (int i = 0; i < 20; i++) {
        recv_leave(fd[i], i);
        ck_assert(rig_is_closed(fd[i]));
        close(fd[i]);
    }
    rig_stop(&rig);
}
END_TEST

/* -- large frames -------------------------------------------------------------
 */

static void
fill_produce(struct wire_produce_request *request,
             struct wire_produce_request_topic_data *topic,
             struct wire_produce_request_topic_data_partition_data *part,
             size_t size, int16_t acks)
{
    uint8_t *bytes = mem_need(size);

    for (size_t i = 0; i < size; i++)
        bytes[i] = rig_file_byte(i ^ size);
    wire_produce_request_init(request);
    wire_produce_request_topic_data_init(topic);
    wire_produce_request_topic_data_partition_data_init(part);
    part->records.mem = bytes_make(bytes, size);
    topic->name = BYTES("t");
    topic->partition_data = part;
    topic->n_partition_data = 1;
    request->acks = acks;
    request->topic_data = topic;
    request->n_topic_data = 1;
}

static uint8_t *produce_frame(size_t size, int16_t acks, size_t *len)
{
    struct wire_produce_request request;
    struct wire_produce_request_topic_data topic;
    struct wire_produce_request_topic_data_partition_data part;
    uint8_t *frame;

    fill_produce(&request, &topic, &part, size, acks);
    frame = rig_frame(WIRE_PRODUCE, 8, 3, &request, len);
    free((void *)(uintptr_t)part.records.mem.at);
    return frame;
}

static int64_t sum_of_body(const uint8_t *frame, size_t len)
{
    uint64_t sum = 0;

    for (size_t i = 4 + 8 + 2 + 3; i < len; i++)
        sum = sum * 31 + frame[i];
    return (int64_t)sum;
}

static int64_t recv_produce(int fd)
{
    const struct wire_produce_response *response;
    struct arena arena;
    int64_t sum;

    arena_init(&arena, 4096);
    response = rig_recv_response(fd, WIRE_PRODUCE, 8, 3, &arena);
    sum = response->responses[0].partition_responses[0].base_offset;
    arena_fini(&arena);
    return sum;
}

START_TEST(frames_of_every_size_arrive_whole_one_after_another)
{
    static const size_t sizes[] = { 1,      1000,    16300,  16384,    20000,
                                    65536,  70000,   262144, 1000000,  1048576,
                                    300000, 4500000, 10,     30000000, 90 };

    start();
    int fd = rig_connect(&rig);
    for (int16_t acks = 1; acks <= 9; acks = (int16_t)(acks + 8)) {
        for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
            size_t len;
            uint8_t *frame = produce_frame(sizes[i], acks, &len);

            rig_send(fd, frame, len);
            if (acks == 9) {
                rig_await_parked(1);
                rig_release();
            }
            ck_assert_int_eq(recv_produce(fd), sum_of_body(frame, len));
            mem_free(frame);
        }
    }
    close(fd);
    rig_stop(&rig);
}
END_TEST

START_TEST(acks_0_gets_no_answer_and_the_next_request_is_served)
{
    size_t len;
    uint8_t *frame = produce_frame(50000, 0, &len);

    start();
    int fd = rig_connect(&rig);
    for (int i = 0; i < 40; i++)
        rig_send(fd, frame, len);
    rig_send_heartbeat(fd, 4);
    rig_recv_heartbeat(fd, 4);
    mem_free(frame);
    frame = produce_frame(10, 7, &len);
    rig_send(fd, frame, len);
    ck_assert(rig_is_closed(fd));
    mem_free(frame);
    close(fd);
    rig_stop(&rig);
}
END_TEST

static void *produce_much(void *arg)
{
    size_t len;
    uint8_t *frame = produce_frame(700000, 1, &len);
    int fd = rig_connect(&rig);
    int64_t sum = sum_of_body(frame, len);

    (void)arg;
    for (int i = 0; i < 20; i++) {
        rig_send(fd, frame, len);
        ck_assert_int_eq(recv_produce(fd), sum);
    }
    mem_free(frame);
    close(fd);
    return NULL;
}

/* Unfinished frames hold the whole budget; each must still come through. */
START_TEST(a_budget_smaller_than_what_comes_slows_and_does_not_stop)
{
    pthread_t threads[12];

    rig_init(&rig);
    rig.config.memory_budget = 500000;
    rig_start(&rig);
    for (int i = 0; i < 12; i++)
        pthread_create(&threads[i], NULL, produce_much, NULL);
    for (int i = 0; i < 12; i++)
        pthread_join(threads[i], NULL);
    rig_stop(&rig);
}
END_TEST

static long resident_kib(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");

    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "%*s %ld", &pages), 1);
    fclose(f);
    return pages * 4;
}

START_TEST(what_is_announced_and_not_sent_costs_nothing)
{
    enum { N = 500 };
    static const uint8_t hundred_mb[] = { 0x06, 0x3f, 0xff, 0xff, 0, 0 };
    int fd[N];

    start();
    long before = resident_kib();
    for (int i = 0; i < N; i++) {
        fd[i] = rig_connect(&rig);
        rig_send(fd[i], hundred_mb, sizeof hundred_mb);
    }
    int other = rig_connect(&rig);
    rig_send_heartbeat(other, 1);
    rig_recv_heartbeat(other, 1);
    ck_assert_int_lt(resident_kib() - before, 16 * 1024);
    for (int i = 0; i < N; i++)
        close(fd[i]);
    close(other);
    rig_stop(&rig);
}
END_TEST

/* -- file ranges --------------------------------------------------------------
 */

static void send_fetch(int fd, int32_t repeat)
{
    struct wire_fetch_request request;

    wire_fetch_request_init(&request);
    request.session_id = repeat;
    rig_send_request(fd, WIRE_FETCH, 12, 6, &request);
}

static void check_fetch(const struct wire_fetch_response *response,
                        int32_t repeat)
{
    const struct wire_fetch_response_responses_partitions *parts =
        response->responses[0].partitions;

    ck_assert_uint_eq(response->responses[0].n_partitions, (size_t)repeat * 2);
    for (size_t i = 0; i < (size_t)repeat * 2; i++) {
        struct bytes records = parts[i].records.mem;
        size_t from = i % 2 ? 1000 : 0;

        ck_assert_uint_eq(records.len, i % 2 ? RIG_FILE - 1000 : 5);
        for (size_t k = 0; k < records.len; k++) {
            if (records.at[k] != rig_file_byte(from + k))
                ck_abort_msg("byte %zu of part %zu differs", k, i);
        }
    }
}

START_TEST(file_ranges_arrive_intact_through_a_slow_reader)
{
    struct arena arena;

    start();
    int fd = rig_connect(&rig);
    int small = 100 * 1024;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    send_fetch(fd, 2);
    rig_send_heartbeat(fd, 8);
    send_fetch(fd, 1);
    arena_init(&arena, SIZE_MAX);
    check_fetch(rig_recv_response(fd, WIRE_FETCH, 12, 6, &arena), 2);
    rig_recv_heartbeat(fd, 8);
    check_fetch(rig_recv_response(fd, WIRE_FETCH, 12, 6, &arena), 1);
    arena_fini(&arena);
    close(fd);
    rig_stop(&rig);
}
END_TEST

START_TEST(others_are_served_while_one_does_not_read_its_answer)
{
    start();
    int lazy = rig_connect(&rig);
    int fd = rig_connect(&rig);
    int third = rig_connect(&rig); /* one of the two shares a reactor */
    send_fetch(lazy, 20);
    send_fetch(lazy, 20);
    for (int32_t n = 0; n < 100; n++) {
        rig_send_heartbeat(fd, n);
        rig_send_heartbeat(third, n);
        rig_recv_heartbeat(fd, n);
        rig_recv_heartbeat(third, n);
    }
    close(lazy);
    close(fd);
    close(third);
    rig_await_connections(&rig, 0);
    rig_stop(&rig);
}
END_TEST

/* -- limits and deadlines
 * -------------------------------------------------------- */

START_TEST(idle_half_sent_and_unread_connections_are_closed_in_time)
{
    static const uint8_t half[] = { 0, 0, 0, 100, 0, 18 };

    rig_init(&rig);
    rig.config.idle_us = 60000;
    rig_start(&rig);
    int64_t begin = clock_mono_us();
    int idle = rig_connect(&rig);
    int torn = rig_connect(&rig);
    int lazy = rig_connect(&rig);
    rig_send(torn, half, sizeof half);
    send_fetch(lazy, 20);
    ck_assert(rig_is_closed(idle));
    ck_assert(rig_is_closed(torn));
    ck_assert_int_ge(clock_mono_us() - begin, 60000);
    rig_await_connections(&rig, 0);
    close(idle);
    close(torn);
    close(lazy);
    rig_stop(&rig);
}
END_TEST

START_TEST(one_address_gets_no_more_than_its_connections)
{
    rig_init(&rig);
    rig.config.quota.per_ip = 2;
    rig_start(&rig);
    int a = rig_connect(&rig);
    int b = rig_connect(&rig);
    rig_await_connections(&rig, 2);
    int c = rig_connect(&rig);
    ck_assert(rig_is_closed(c));
    close(b);
    rig_await_connections(&rig, 1);
    int d = rig_connect(&rig);
    rig_send_heartbeat(d, 1);
    rig_recv_heartbeat(d, 1);
    close(a);
    close(c);
    close(d);
    rig_stop(&rig);
}
END_TEST

START_TEST(above_the_limit_of_connections_the_next_waits_for_one_to_go)
{
    rig_init(&rig);
    rig.config.quota.most = 3;
    rig_start(&rig);
    int fd[3];
    for (int i = 0; i < 3; i++)
        fd[i] = rig_connect(&rig);
    rig_await_connections(&rig, 3);
    int late = rig_connect(&rig);
    rig_send_heartbeat(late, 1);
    for (int i = 0; i < 3; i++) {
        rig_send_heartbeat(fd[i], i);
        rig_recv_heartbeat(fd[i], i);
        close(fd[i]);
    }
    rig_recv_heartbeat(late, 1);
    close(late);
    rig_stop(&rig);
}
END_TEST

START_TEST(without_descriptors_connections_are_refused_and_later_accepted)
{
    struct rlimit old;
    struct rlimit low;

    start();
    int before = rig_connect(&rig);
    rig_send_heartbeat(before, 1);
    rig_recv_heartbeat(before, 1);
    int late = socket(AF_INET, SOCK_STREAM, 0);
    int free_fd = dup(late);
    getrlimit(RLIMIT_NOFILE, &old);
    low = old;
    low.rlim_cur = (rlim_t)free_fd;
    close(free_fd);
    close(late);
    setrlimit(RLIMIT_NOFILE, &low);
    int fd = rig_connect(&rig); /* takes the last descriptor but none is left */
    ck_assert(rig_is_closed(fd));
    setrlimit(RLIMIT_NOFILE, &old);
    close(fd);
    fd = rig_connect(&rig);
    rig_send_heartbeat(fd, 2);
    rig_recv_heartbeat(fd, 2);
    close(fd);
    close(before);
    rig_stop(&rig);
}
END_TEST

/* Neither a sanitizer nor valgrind blows memory up. */
static bool memory_is_plain(void)
{
    const char *preload = getenv("LD_PRELOAD");

#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
    return false;
#endif
    return preload == NULL || strstr(preload, "valgrind") == NULL;
}

START_TEST(two_thousand_connections_are_served_and_cost_little)
{
    enum { N = 2000 };
    static int fd[N];
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    start();
    long before = resident_kib();
    for (int i = 0; i < N; i++)
        fd[i] = rig_connect(&rig);
    rig_await_connections(&rig, N);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < N; i++)
            rig_send_heartbeat(fd[i], i);
        for (int i = 0; i < N; i++)
            rig_recv_heartbeat(fd[i], i);
    }
    long kib = resident_kib() - before;
    printf("RSS of %d idle connections: %ld KiB\n", N, kib);
    if (memory_is_plain())
        ck_assert_int_lt(kib, N * 2);
    for (int i = 0; i < N; i++)
        close(fd[i]);
    rig_await_connections(&rig, 0);
    rig_stop(&rig);
}
END_TEST

UNIT_MAIN("net", api_versions_is_answered_in_every_version,
          api_versions_of_an_unknown_version_is_answered_in_version_0,
          a_frame_torn_into_single_bytes_is_served,
          what_is_no_request_closes_the_connection_and_harms_nobody,
          pipelined_requests_are_answered_in_order,
          what_is_behind_a_parked_request_waits_for_it,
          a_peer_that_goes_while_its_request_is_parked_is_forgotten_later,
          parked_requests_are_answered_before_the_stop,
          frames_of_every_size_arrive_whole_one_after_another,
          acks_0_gets_no_answer_and_the_next_request_is_served,
          a_budget_smaller_than_what_comes_slows_and_does_not_stop,
          what_is_announced_and_not_sent_costs_nothing,
          file_ranges_arrive_intact_through_a_slow_reader,
          others_are_served_while_one_does_not_read_its_answer,
          idle_half_sent_and_unread_connections_are_closed_in_time,
          one_address_gets_no_more_than_its_connections,
          above_the_limit_of_connections_the_next_waits_for_one_to_go,
          without_descriptors_connections_are_refused_and_later_accepted,
          two_thousand_connections_are_served_and_cost_little)
