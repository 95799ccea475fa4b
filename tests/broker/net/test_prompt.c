/* When TCP is told that what comes next is answered at once. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net_in.h"
#include "tests/support/unit.h"

static struct loop *loop;
static int client, server;

static void pair_open(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct errmsg why;

    ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, size), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    getsockname(listener, (struct sockaddr *)&at, &size);
    client = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(connect(client, (struct sockaddr *)&at, size), 0);
    server = accept(listener, NULL, NULL);
    ck_assert_int_ge(server, 0);
    close(listener);
    ck_assert_int_eq(loop_new(&loop, "r", &why), ERR_OK);
}

static void pair_close(void)
{
    close(client);
    close(server);
    loop_free(&loop);
}

/* Whether TCP acknowledges by itself what comes next, after a request that took
 * so long. */
static bool acks_at_once(int64_t took_us, enum conn_state state)
{
    struct reactor reactor = { .loop = loop };
    struct conn conn = { .io.fd = server, .state = (uint8_t)state };
    struct request request = { .conn = &conn, .reactor = &reactor };
    int on = 1;
    socklen_t size = sizeof on;

    request.arrived_us = loop_now_us(loop) - took_us;
    setsockopt(server, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    request_expect_prompt(&request);
    ck_assert_int_eq(
        getsockopt(server, IPPROTO_TCP, TCP_QUICKACK, &on, &size), 0);
    return on;
}

START_TEST(after_a_late_answer_the_next_acknowledgement_goes_with_an_answer)
{
    pair_open();
    ck_assert(!acks_at_once(1000000, CONN_BUSY));
    pair_close();
}
END_TEST

START_TEST(after_a_quick_one_tcp_knows_best)
{
    pair_open();
    ck_assert(acks_at_once(1000, CONN_BUSY));
    pair_close();
}
END_TEST

START_TEST(a_connection_that_is_gone_is_left_alone)
{
    pair_open();
    ck_assert(acks_at_once(1000000, CONN_DEAD));
    pair_close();
}
END_TEST

UNIT_MAIN("prompt",
          after_a_late_answer_the_next_acknowledgement_goes_with_an_answer,
          after_a_quick_one_tcp_knows_best,
          a_connection_that_is_gone_is_left_alone)
