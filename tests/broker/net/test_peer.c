#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "tests/support/net_rig.h"
#include "tests/support/unit.h"
#include "wire/msg_api_versions.h"
#include "wire/msg_fetch.h"
#include "wire/msg_heartbeat.h"
#include "wire/msg_leave_group.h"

static struct rig rig;
static struct loop *loop;
static struct pool *pool;
static struct peer *peer;

static void open_peer_with(const struct peer_config *config)
{
    struct errmsg why;

    ck_assert_err(loop_new(&loop, "peer", &why), ERR_OK);
    ck_assert_err(pool_new(&pool, "names", 1, &why), ERR_OK);
    ck_assert_err(peer_new(&peer, loop, pool, config, &why), ERR_OK);
}

static void open_peer(const char *host, int port, bool handshake)
{
    open_peer_with(&(struct peer_config){ .host = host,
                                          .port = port,
                                          .client_id = "test",
                                          .handshake = handshake,
                                          .backoff_us = 5000 });
}

static void close_peer(void)
{
    peer_free(&peer);
    pool_free(&pool);
    loop_turn(loop, 0);
    loop_free(&loop);
}

struct call {
    struct peer_call call;
    int order; /* in which it was completed; 0: not yet */
    int16_t code;
    bool free_peer;
};

static int completed;

static void on_heartbeat(struct peer_call *pc)
{
    struct call *call = CONTAINER_OF(pc, struct call, call);
    const struct wire_heartbeat_response *response = pc->response;

    ck_assert_int_eq(call->order, 0);
    call->order = ++completed;
    if (pc->err == ERR_OK)
        call->code = response->error_code;
    else
        ck_assert_ptr_null(response);
    if (call->free_peer)
        peer_free(&peer);
}

static void send_heartbeat(struct call *call, int16_t version, int32_t n)
{
    struct wire_heartbeat_request request;

    *call = (struct call){ .call = { .key = WIRE_HEARTBEAT,
                                     .version = version,
                                     .timeout_us = call->call.timeout_us,
                                     .on_done = on_heartbeat } };
    wire_heartbeat_request_init(&request);
    request.group_id = BYTES("g");
    request.generation_id = n;
    request.member_id = BYTES("m");
    peer_send(peer, &call->call, &request);
    ck_assert_int_eq(call->order, 0);
}

static void turn_until(int n)
{
    while (completed < n)
        loop_turn(loop, -1);
}

START_TEST(a_call_is_lowered_to_what_the_other_side_serves)
{
    struct call early = { .code = 0 };
    struct call late = { .code = 0 };

    rig_init(&rig);
    rig_start(&rig);
    open_peer("127.0.0.1", rig.port, true);
    send_heartbeat(&early, 4, 11); /* encoded before anything is known */
    turn_until(1);
    send_heartbeat(&late, 4, 12);
    turn_until(2);
    ck_assert_err(early.call.err, ERR_OK);
    ck_assert_int_eq(early.code, 11);
    ck_assert_int_eq(early.call.version, 3);
    ck_assert_int_eq(late.code, 12);
    ck_assert_int_eq(late.call.version, 3);
    close_peer();
    rig_stop(&rig);
}
END_TEST

START_TEST(a_name_is_resolved_and_many_calls_are_answered_in_order)
{
    enum { N = 2000 };
    static struct call calls[N];

    rig_init(&rig);
    rig_start(&rig);
    open_peer("localhost", rig.port, false);
    for (int i = 0; i < N; i++)
        send_heartbeat(&calls[i], 4, i);
    turn_until(N);
    for (int i = 0; i < N; i++) {
        ck_assert_err(calls[i].call.err, ERR_OK);
        ck_assert_int_eq(calls[i].code, i);
        ck_assert_int_eq(calls[i].order, i + 1);
    }
    close_peer();
    rig_stop(&rig);
}
END_TEST

START_TEST(what_nobody_serves_fails_with_the_version)
{
    struct call known = { .code = 0 };
    struct call unknown = { .call = { .key = WIRE_LEAVE_GROUP,
                                      .version = 4,
                                      .on_done = on_heartbeat } };
    struct wire_leave_group_request request;

    rig_init(&rig);
    rig_start(&rig);
    open_peer("127.0.0.1", rig.port, true);
    wire_leave_group_request_init(&request);
    peer_send(peer, &unknown.call, &request);
    send_heartbeat(&known, 2, 5);
    turn_until(2);
    ck_assert_err(unknown.call.err, ERR_VERSION);
    ck_assert_err(known.call.err, ERR_OK);
    send_heartbeat(&known, 77, 5);
    turn_until(3);
    ck_assert_int_eq(known.call.version, 3);
    close_peer();
    rig_stop(&rig);
}
END_TEST

/* -- a server that misbehaves
 * ------------------------------------------------------ */

static int listen_somewhere(int *port)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    getsockname(fd, (struct sockaddr *)&at, &len);
    *port = ntohs(at.sin_port);
    return fd;
}

START_TEST(a_call_to_nobody_ends_in_time_and_says_why)
{
    struct call call = { .call.timeout_us = 30000 };
    int64_t begin = clock_mono_us();
    int port;

    close(listen_somewhere(&port));
    open_peer("127.0.0.1", port, true);
    send_heartbeat(&call, 4, 1);
    turn_until(1);
    ck_assert_err(call.call.err, ERR_TIMEOUT);
    ck_assert_int_ge(clock_mono_us() - begin, 30000);
    ck_assert_ptr_nonnull(strstr(call.call.why.text, "refused"));
    close_peer();
}
END_TEST

START_TEST(an_impatient_call_ends_with_the_first_refusal)
{
    struct call call = { .call.timeout_us = 3600 * 1000000LL };
    struct peer_config config = { .host = "127.0.0.1",
                                  .client_id = "tester",
                                  .backoff_us = 1000,
                                  .impatient = true };

    close(listen_somewhere(&config.port));
    open_peer_with(&config);
    send_heartbeat(&call, 4, 1);
    turn_until(1);
    ck_assert_err(call.call.err, ERR_NET);
    ck_assert_ptr_nonnull(strstr(call.call.why.text, "refused"));
    close_peer();
}
END_TEST

static uint32_t read_frame(int fd, uint8_t *to, size_t size)
{
    uint32_t be;

    ck_assert(rig_recv(fd, &be, 4));
    ck_assert_uint_le(be32toh(be), size);
    ck_assert(rig_recv(fd, to, be32toh(be)));
    return be32toh(be);
}

/* Accept the peer's connection while its loop turns. */
static int accept_turning(int server)
{
    struct timeval wait = { 0, 1000 };
    int fd;

    setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    while ((fd = accept(server, NULL, NULL)) < 0)
        loop_turn(loop, 1000);
    return fd;
}

START_TEST(a_broken_connection_fails_what_was_sent_and_is_made_anew)
{
    struct call first = { .code = 0 };
    struct call second = { .code = 0 };
    uint8_t frame[1000];
    int port;
    int server = listen_somewhere(&port);

    open_peer("127.0.0.1", port, false);
    send_heartbeat(&first, 3, 1);
    int fd = accept_turning(server);
    while (recv(fd, frame, sizeof frame, MSG_DONTWAIT) <= 0)
        loop_turn(loop, 1000);
    close(fd);
    turn_until(1);
    ck_assert_err(first.call.err, ERR_NET);
    send_heartbeat(&second, 3, 2);
    fd = accept_turning(server);
    while (second.order == 0) {
        ssize_t n = recv(fd, frame, sizeof frame, MSG_DONTWAIT);

        if (n > 0) { /* correlation id at 8; throttle 0, error 9 */
            uint8_t answer[14] = { 0,        0,         0,         10, frame[8],
                                   frame[9], frame[10], frame[11], 0,  0,
                                   0,        0,         0,         9 };
            rig_send(fd, answer, sizeof answer);
        }
        loop_turn(loop, 1000);
    }
    ck_assert_err(second.call.err, ERR_OK);
    ck_assert_int_eq(second.code, 9);
    close_peer();
    close(fd);
    close(server);
}
END_TEST

static const struct {
    const char *name;
    uint8_t bytes[24];
    size_t n;
    enum err err;
} bad[] = {
    { "negative length", { 0xff, 0xff, 0xff, 0xff }, 4, ERR_NET },
    { "too long", { 0x7f, 0xff, 0xff, 0xff }, 4, ERR_NET },
    { "too short", { 0, 0, 0, 3, 0, 0, 0 }, 7, ERR_NET },
    { "other correlation", { 0, 0, 0, 10, 0, 0, 9, 9 }, 14, ERR_NET },
    { "torn body", { 0, 0, 0, 9, 0, 0, 0, 0 }, 13, ERR_FORMAT },
};

START_TEST(a_bad_answer_fails_the_call_and_closes)
{
    struct call call = { .code = 0 };
    struct call behind = { .code = 0 };
    uint8_t frame[1000];
    int port;
    int server = listen_somewhere(&port);

    open_peer("127.0.0.1", port, false);
    send_heartbeat(&call, 3, 1);
    send_heartbeat(&behind, 3, 1);
    int fd = accept_turning(server);
    while (recv(fd, frame, sizeof frame, MSG_DONTWAIT) <= 0)
        loop_turn(loop, 1000);
    rig_send(fd, bad[_i].bytes, bad[_i].n);
    turn_until(2);
    ck_assert_msg(call.call.err == bad[_i].err, "%s: %s", bad[_i].name,
                  err_name(call.call.err));
    ck_assert_err(behind.call.err, ERR_NET);
    while (recv(fd, frame, 1, 0) > 0)
        ;
    close_peer();
    close(fd);
    close(server);
}
END_TEST

/* Answers ApiVersions as a broker that knows version 0 only. */
static void *old_broker(void *arg)
{
    static const uint8_t no[] = { 0, 35, 0, 0, 0, 0 };
    static const uint8_t yes[] = { 0, 0, 0, 0, 0, 1, 0, 12, 0, 0, 0, 1 };
    static const uint8_t beat[] = { 0, 0, 0, 0, 0, 9 }; /* version 1 */
    int server = *(int *)arg;
    int fd = accept(server, NULL, NULL);
    uint8_t frame[1000];

    for (int i = 0; i < 3; i++) {
        uint8_t head[8] = { 0 };
        const uint8_t *body = i == 0 ? no : i == 1 ? yes : beat;
        size_t n = i == 1 ? sizeof yes : 6;

        read_frame(fd, frame, sizeof frame);
        ck_assert_int_eq(frame[1], i < 2 ? WIRE_API_VERSIONS : WIRE_HEARTBEAT);
        ck_assert_int_eq(frame[3], i == 0 ? 3 : i == 1 ? 0 : 1);
        head[3] = (uint8_t)(4 + n);
        memcpy(head + 4, frame + 4, 4);
        rig_send(fd, head, 8);
        rig_send(fd, body, n);
    }
    return (void *)(intptr_t)fd;
}

START_TEST(an_old_broker_is_asked_again_in_version_0)
{
    struct call call = { .code = 0 };
    pthread_t thread;
    void *fd;
    int port;
    int server = listen_somewhere(&port);

    pthread_create(&thread, NULL, old_broker, &server);
    open_peer("127.0.0.1", port, true);
    send_heartbeat(&call, 4, 1);
    turn_until(1);
    pthread_join(thread, &fd);
    ck_assert_err(call.call.err, ERR_OK);
    ck_assert_int_eq(call.call.version, 1);
    ck_assert_int_eq(call.code, 9);
    close_peer();
    close((int)(intptr_t)fd);
    close(server);
}
END_TEST

START_TEST(a_call_that_is_not_answered_takes_the_connection_down)
{
    struct call late = { .call = { .key = WIRE_LEAVE_GROUP,
                                   .version = 4,
                                   .timeout_us = 20000,
                                   .on_done = on_heartbeat } };
    struct call behind = { .code = 0 };
    struct call next = { .code = 0 };
    struct wire_leave_group_request request;

    rig_init(&rig);
    rig_start(&rig);
    open_peer("127.0.0.1", rig.port, false);
    wire_leave_group_request_init(&request);
    peer_send(peer, &late.call, &request);
    send_heartbeat(&behind, 4, 3);
    turn_until(2);
    ck_assert_err(late.call.err, ERR_TIMEOUT);
    ck_assert_err(behind.call.err, ERR_NET);
    send_heartbeat(&next, 4, 4);
    turn_until(3);
    ck_assert_int_eq(next.code, 4);
    rig_await_parked(1);
    rig_release();
    close_peer();
    rig_stop(&rig);
}
END_TEST

START_TEST(a_large_answer_arrives_whole)
{
    struct wire_fetch_request request;
    struct call call = {
        .call = { .key = WIRE_FETCH, .version = 12, .on_done = on_heartbeat }
    };

    rig_init(&rig);
    rig_start(&rig);
    open_peer("127.0.0.1", rig.port, false);
    for (int i = 0; i < 5; i++) {
        wire_fetch_request_init(&request);
        request.session_id = 3;
        call.order = 0;
        peer_send(peer, &call.call, &request);
        turn_until(i + 1);
        ck_assert_err(call.call.err, ERR_OK);
    }
    close_peer();
    rig_stop(&rig);
}
END_TEST

START_TEST(closing_completes_all_calls_and_may_happen_in_a_callback)
{
    struct call calls[10];

    rig_init(&rig);
    rig_start(&rig);
    memset(calls, 0, sizeof calls);
    open_peer("127.0.0.1", rig.port, false);
    for (int i = 0; i < 10; i++)
        send_heartbeat(&calls[i], 4, i);
    calls[2].free_peer = true;
    turn_until(10);
    ck_assert_err(calls[2].call.err, ERR_OK);
    for (int i = 3; i < 10; i++)
        ck_assert_err(calls[i].call.err, ERR_CLOSED);
    close_peer();
    open_peer("localhost", rig.port, false);
    for (int i = 0; i < 10; i++) {
        calls[i].order = 0;
        send_heartbeat(&calls[i], 4, i);
    }
    loop_turn(loop, 0); /* the name is being looked up */
    peer_free(&peer);
    ck_assert_int_eq(completed, 20);
    close_peer();
    rig_stop(&rig);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("peer");
    TCase *tc = tcase_create("peer");

    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, a_call_is_lowered_to_what_the_other_side_serves);
    tcase_add_test(tc, a_name_is_resolved_and_many_calls_are_answered_in_order);
    tcase_add_test(tc, what_nobody_serves_fails_with_the_version);
    tcase_add_test(tc, a_call_to_nobody_ends_in_time_and_says_why);
    tcase_add_test(tc, an_impatient_call_ends_with_the_first_refusal);
    tcase_add_test(tc,
                   a_broken_connection_fails_what_was_sent_and_is_made_anew);
    tcase_add_loop_test(tc, a_bad_answer_fails_the_call_and_closes, 0,
                        sizeof bad / sizeof *bad);
    tcase_add_test(tc, an_old_broker_is_asked_again_in_version_0);
    tcase_add_test(tc, a_call_that_is_not_answered_takes_the_connection_down);
    tcase_add_test(tc, a_large_answer_arrives_whole);
    tcase_add_test(tc,
                   closing_completes_all_calls_and_may_happen_in_a_callback);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
