/* Limits of connections on real sockets, with a listener for clients and one
 * between brokers. */
#include <arpa/inet.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/net_rig.h"
#include "tests/support/unit.h"

enum { OUT = 0, INT = 1 };

static struct rig rig;
static struct listener listeners[2];

static void init(void)
{
    rig_init(&rig);
    listeners[OUT] = rig.listener;
    listeners[INT] = rig.listener;
    listeners[INT].name = "INT";
    rig.config.listeners = listeners;
    rig.config.n_listeners = 2;
    rig.config.inter_broker = INT;
}

static int connect_from(const char *source, size_t listener)
{
    struct sockaddr_in to = { .sin_family = AF_INET };
    struct sockaddr_in from = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    to.sin_port = htons((uint16_t)net_port(rig.net, listener));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(inet_pton(AF_INET, source, &from.sin_addr), 1);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&from, sizeof from), 0);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static int connect_to(size_t listener)
{
    return connect_from("127.0.0.1", listener);
}

static void serve(int fd)
{
    rig_send_heartbeat(fd, 7);
    rig_recv_heartbeat(fd, 7);
}

static int served(size_t listener)
{
    int fd = connect_to(listener);

    serve(fd);
    return fd;
}

START_TEST(a_listener_that_is_full_waits_and_the_others_go_on)
{
    int32_t own[2] = { 1, NET_NO_LIMIT };

    init();
    rig.config.quota.listeners = own;
    rig_start(&rig);
    int first = served(OUT);
    int late = connect_to(OUT);
    rig_send_heartbeat(late, 7);
    int other = served(INT);
    int another = served(INT);
    ck_assert_uint_eq(net_connections(rig.net), 3);
    close(first);
    rig_recv_heartbeat(late, 7);
    close(late);
    close(other);
    close(another);
    rig_stop(&rig);
}
END_TEST

START_TEST(brokers_come_in_and_the_client_that_was_silent_longest_goes)
{
    int32_t own[2] = { 3, 4 };

    init();
    rig.config.quota.most = 3;
    rig.config.quota.listeners = own;
    rig.config.reactors = 1; /* none moves, which would count as activity */
    rig_start(&rig);
    int broker = served(INT);
    int a = served(OUT);
    int b = served(OUT);
    serve(a);
    int other = served(INT);
    ck_assert(rig_is_closed(b));
    serve(a);
    int third = served(INT);
    ck_assert(rig_is_closed(a));
    int fourth = served(INT);    /* more than three, and nobody who may go */
    int fifth = connect_to(INT); /* its own limit binds it all the same */
    rig_send_heartbeat(fifth, 7);
    serve(broker);
    serve(other);
    serve(third);
    serve(fourth);
    int late = connect_to(OUT);
    rig_send_heartbeat(late, 7);
    close(broker);
    rig_recv_heartbeat(fifth, 7);
    close(fifth);
    close(other);
    rig_recv_heartbeat(late, 7);
    close(a);
    close(b);
    close(late);
    close(third);
    close(fourth);
    rig_stop(&rig);
}
END_TEST

START_TEST(an_exception_stands_for_the_limit_of_its_address)
{
    struct net_ip_limit exception = {
        .addr = { [10] = 0xff, 0xff, 127, 0, 0, 2 }, .most = 2
    };

    init();
    rig.config.quota.per_ip = 1;
    rig.config.quota.exceptions = &exception;
    rig.config.quota.n_exceptions = 1;
    rig_start(&rig);
    int a = served(OUT);
    int b = connect_to(INT);
    ck_assert(rig_is_closed(b));
    int c = connect_from("127.0.0.2", OUT);
    int d = connect_from("127.0.0.2", OUT);
    serve(c);
    serve(d);
    int e = connect_from("127.0.0.2", OUT);
    ck_assert(rig_is_closed(e));
    close(a);
    close(b);
    close(c);
    close(d);
    close(e);
    rig_await_connections(&rig, 0);
    rig_stop(&rig);
}
END_TEST

START_TEST(other_limits_let_those_in_that_wait_and_close_those_too_many)
{
    enum { N = 60 };
    struct net_quota q = NET_UNLIMITED;
    int fd[N];

    init();
    rig.config.quota.most = N / 2;
    rig.config.reactors = 4;
    rig_start(&rig);
    for (int i = 0; i < N; i++) {
        fd[i] = connect_to(OUT);
        rig_send_heartbeat(fd[i], 7);
    }
    rig_await_connections(&rig, N / 2);
    q.most = N;
    net_quota_set(rig.net, &q);
    for (int i = 0; i < N; i++)
        rig_recv_heartbeat(fd[i], 7);
    int broker = served(INT); /* too many: one has gone before this or will */
    rig_await_connections(&rig, N);
    q.most = 5;
    net_quota_set(rig.net, &q);
    rig_await_connections(&rig, 5);
    serve(broker);
    q.most = 0;
    q.listeners = (const int32_t[]){ 0, 1 };
    net_quota_set(rig.net, &q);
    rig_await_connections(&rig, 1);
    serve(broker);
    for (int i = 0; i < N; i++) {
        ck_assert(rig_is_closed(fd[i]));
        close(fd[i]);
    }
    close(broker);
    rig_stop(&rig);
}
END_TEST

START_TEST(a_stop_amid_changes_and_closings_leaves_nothing)
{
    for (int round = 0; round < 10; round++) {
        struct net_quota q = NET_UNLIMITED;
        int fd[20];

        q.most = 3;
        init();
        rig.config.reactors = 3;
        rig_start(&rig);
        for (int i = 0; i < 20; i++)
            fd[i] = connect_to(i % 2 ? OUT : INT);
        rig_await_connections(&rig, 20);
        net_quota_set(rig.net, &q);
        net_stop(&rig.net, 5000);
        for (int i = 0; i < 20; i++)
            close(fd[i]);
        rig_stop(&rig);
    }
}
END_TEST

static int64_t now_ms(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000ll + now.tv_nsec / 1000000;
}

START_TEST(who_comes_too_soon_waits_and_the_other_listener_goes_on)
{
    const int32_t rates[2] = { 1, NET_NO_LIMIT };
    int64_t since;
    int fd[3];

    init();
    rig.config.quota.rates = rates;
    rig.config.quota.rate_windows = 2; /* one at once */
    rig.config.quota.rate_window_ms = 1000;
    rig.config.reactors = 1;
    rig_start(&rig);
    since = now_ms();
    for (int i = 0; i < 3; i++) {
        fd[i] = connect_to(OUT);
        rig_send_heartbeat(fd[i], 7);
    }
    rig_recv_heartbeat(fd[0], 7);
    for (int i = 0; i < 20; i++)
        close(served(INT));
    for (int i = 1; i < 3; i++)
        rig_recv_heartbeat(fd[i], 7);
    ck_assert_int_ge(now_ms() - since, 1000);
    for (int i = 0; i < 3; i++)
        close(fd[i]);
    rig_stop(&rig);
}
END_TEST

START_TEST(who_was_held_still_needs_a_slot)
{
    const int32_t own[2] = { NET_NO_LIMIT, NET_NO_LIMIT };
    const int32_t rates[2] = { 1, NET_NO_LIMIT };

    init();
    rig.config.quota.most = 2;
    rig.config.quota.listeners = own;
    rig.config.quota.rates = rates;
    rig.config.quota.rate_windows = 2;
    rig.config.quota.rate_window_ms = 200;
    rig_start(&rig);
    int first = served(OUT);
    int late = connect_to(OUT); /* held for 200 ms */
    rig_send_heartbeat(late, 7);
    int broker = served(INT); /* takes the slot, unless we were too slow */
    serve(broker);
    close(first);
    rig_recv_heartbeat(late, 7);
    close(late);
    close(broker);
    rig_stop(&rig);
}
END_TEST

START_TEST(a_stop_while_one_is_held_closes_it)
{
    init();
    rig.config.quota.rate = 1;
    rig.config.quota.rate_windows = 1;
    rig.config.quota.rate_window_ms = 3600 * 1000ll;
    rig_start(&rig);
    int held = connect_to(OUT);
    int behind = connect_to(OUT);
    close(served(INT)); /* the acceptor has had its turn */
    net_stop(&rig.net, 5000);
    ck_assert(rig_is_closed(held));
    ck_assert(rig_is_closed(behind));
    close(held);
    close(behind);
    rig_stop(&rig);
}
END_TEST

UNIT_MAIN("limits", a_listener_that_is_full_waits_and_the_others_go_on,
          brokers_come_in_and_the_client_that_was_silent_longest_goes,
          an_exception_stands_for_the_limit_of_its_address,
          other_limits_let_those_in_that_wait_and_close_those_too_many,
          a_stop_amid_changes_and_closings_leaves_nothing,
          who_comes_too_soon_waits_and_the_other_listener_goes_on,
          who_was_held_still_needs_a_slot, a_stop_while_one_is_held_closes_it)
