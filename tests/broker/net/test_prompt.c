/* When TCP acknowledges a request that waits, and the one after it. */
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

static bool acks_at_once(int fd)
{
    int on = -1;
    socklen_t size = sizeof on;

    ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, &size), 0);
    return on;
}

/* Segments that `fd` has sent and the other side has not acknowledged. */
static unsigned unacked(int fd)
{
    struct tcp_info info;
    socklen_t size = sizeof info;

    ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size), 0);
    return info.tcpi_unacked;
}

static void expect_wait(enum conn_state state)
{
    struct reactor reactor = { .loop = loop };
    struct conn conn = { .io.fd = server, .state = (uint8_t)state };
    struct request request = { .conn = &conn, .reactor = &reactor };

    request_expect_wait(&request);
}

static void quickack(int fd, int on)
{
    ck_assert_int_eq(setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on),
                     0);
}

START_TEST(a_request_that_waits_is_acknowledged_at_once)
{
    char byte;

    pair_open();
    quickack(server, 0);
    ck_assert_int_eq(write(client, "x", 1), 1);
    ck_assert_int_eq(read(server, &byte, 1), 1);
    ck_assert_uint_eq(unacked(client), 1);
    expect_wait(CONN_BUSY);
    ck_assert_uint_eq(unacked(client), 0);
    pair_close();
}
END_TEST

START_TEST(and_what_comes_next_with_its_answer)
{
    char byte;

    pair_open();
    quickack(server, 1);
    expect_wait(CONN_BUSY);
    ck_assert(!acks_at_once(server));
    ck_assert_int_eq(write(client, "x", 1), 1);
    ck_assert_int_eq(read(server, &byte, 1), 1);
    expect_wait(CONN_BUSY);
    ck_assert(!acks_at_once(server));
    pair_close();
}
END_TEST

START_TEST(a_connection_that_is_gone_is_left_alone)
{
    pair_open();
    quickack(server, 1);
    expect_wait(CONN_DEAD);
    ck_assert(acks_at_once(server));
    pair_close();
}
END_TEST

UNIT_MAIN("prompt", a_request_that_waits_is_acknowledged_at_once,
          and_what_comes_next_with_its_answer,
          a_connection_that_is_gone_is_left_alone)
