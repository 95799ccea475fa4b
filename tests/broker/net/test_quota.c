/* Counting alone: two listeners, of which the second is between brokers. */
#include "net/quota.h"

#include "base/mem.h"
#include "tests/support/unit.h"

enum { OUT = 0, INT = 1 };

static struct quota quota;
static int32_t most;

static struct in6_addr address(uint8_t last)
{
    struct in6_addr addr = { .s6_addr = { 0xfe, 0x80 } };

    addr.s6_addr[15] = last;
    return addr;
}

static bool enter(size_t listener, uint8_t last)
{
    struct in6_addr addr = address(last);

    return quota_enter(&quota, listener, &addr, &most);
}

static void leave(size_t listener, uint8_t last)
{
    struct in6_addr addr = address(last);

    quota_leave(&quota, listener, &addr);
}

static struct net_quota limits(int32_t in_all)
{
    struct net_quota q = NET_UNLIMITED;

    q.most = in_all;
    return q;
}

START_TEST(the_broker_is_full_for_all_listeners_but_the_exempt_one)
{
    int32_t own[2] = { 2, 3 };
    struct net_quota q = limits(2);

    q.listeners = own;
    quota_init(&quota, 2, INT, &q);
    ck_assert(enter(OUT, 1));
    ck_assert_int_eq(quota_slot(&quota, OUT, &most), QUOTA_ROOM);
    ck_assert(enter(INT, 1));
    ck_assert_int_eq(quota_slot(&quota, OUT, &most), QUOTA_BROKER_FULL);
    ck_assert_int_eq(most, 2);
    ck_assert_int_eq(quota_slot(&quota, INT, &most), QUOTA_ROOM);
    ck_assert(!quota_is_exceeded(&quota, &most));
    ck_assert(enter(INT, 2));
    ck_assert(quota_is_exceeded(&quota, &most));
    leave(OUT, 1);
    ck_assert(!quota_is_exceeded(&quota, &most));
    ck_assert(enter(INT, 3)); /* more than may be, and none that may go */
    ck_assert(!quota_is_exceeded(&quota, &most));
    ck_assert_int_eq(quota_slot(&quota, INT, &most), QUOTA_LISTENER_FULL);
    ck_assert_int_eq(most, 3);
    ck_assert_uint_eq(quota_count(&quota), 3);
    for (uint8_t i = 1; i <= 3; i++)
        leave(INT, i);
    ck_assert_uint_eq(quota_count(&quota), 0);
    quota_fini(&quota);
}
END_TEST

START_TEST(a_listener_alone_is_not_exempt)
{
    struct net_quota q = limits(1);

    quota_init(&quota, 1, 0, &q);
    ck_assert(enter(0, 1));
    ck_assert_int_ne(quota_slot(&quota, 0, &most), QUOTA_ROOM);
    q = limits(0);
    quota_set(&quota, &q);
    ck_assert(quota_is_exceeded(&quota, &most));
    leave(0, 1);
    ck_assert(!quota_is_exceeded(&quota, &most));
    quota_fini(&quota);
}
END_TEST

START_TEST(the_last_exception_of_an_address_stands_for_the_limit_of_all)
{
    struct net_ip_limit exceptions[] = { { .most = 9 },
                                         { .most = -1 },
                                         { .most = 2 } };
    const uint8_t whose[] = { 1, 2, 1 };
    struct net_quota q = limits(NET_NO_LIMIT);

    for (size_t i = 0; i < 3; i++) {
        struct in6_addr addr = address(whose[i]);

        memcpy(exceptions[i].addr, &addr, sizeof addr);
    }
    q.per_ip = 1;
    q.exceptions = exceptions;
    q.n_exceptions = 3;
    quota_init(&quota, 2, INT, &q);
    ck_assert(enter(OUT, 1));
    ck_assert(enter(INT, 1));
    ck_assert(!enter(OUT, 1));
    ck_assert_int_eq(most, 2);
    ck_assert(!enter(OUT, 2));
    ck_assert_int_eq(most, -1);
    ck_assert(enter(OUT, 3));
    ck_assert(!enter(OUT, 3));
    ck_assert_int_eq(most, 1);
    ck_assert_uint_eq(quota_count(&quota), 3);
    leave(OUT, 1);
    ck_assert(enter(OUT, 1));
    quota_fini(&quota);
}
END_TEST

START_TEST(other_limits_judge_those_that_are_there_already)
{
    struct net_quota q = limits(NET_NO_LIMIT);

    quota_init(&quota, 2, INT, &q);
    ck_assert(enter(OUT, 1));
    ck_assert(enter(OUT, 1));
    q.per_ip = 2;
    quota_set(&quota, &q);
    ck_assert(!enter(OUT, 1));
    q.per_ip = 3;
    q.most = 2;
    quota_set(&quota, &q);
    ck_assert(!quota_is_exceeded(&quota, &most));
    ck_assert_int_eq(quota_slot(&quota, OUT, &most), QUOTA_BROKER_FULL);
    q.most = 1;
    quota_set(&quota, &q);
    ck_assert(quota_is_exceeded(&quota, &most));
    leave(OUT, 1);
    leave(OUT, 1);
    quota_fini(&quota);
}
END_TEST

START_TEST(a_rate_binds_all_listeners_but_the_exempt_one)
{
    const int32_t rates[2] = { 4, 2 };
    struct net_quota q = limits(NET_NO_LIMIT);

    q.rate = 3;
    q.rates = rates;
    q.rate_windows = 2;
    quota_init(&quota, 2, INT, &q);
    ck_assert_int_eq(quota_wait_ms(&quota, INT, 0, &most), 0);
    ck_assert_int_eq(quota_wait_ms(&quota, INT, 0, &most), 0);
    ck_assert_int_eq(quota_wait_ms(&quota, INT, 0, &most), 500);
    ck_assert_int_eq(most, 2);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(quota_wait_ms(&quota, OUT, 0, &most), 0);
    ck_assert_int_eq(quota_wait_ms(&quota, OUT, 0, &most), 333);
    ck_assert_int_eq(most, 3);
    quota_fini(&quota);
}
END_TEST

START_TEST(another_rate_judges_those_that_came_already)
{
    struct net_quota q = limits(NET_NO_LIMIT);

    q.rate_windows = 2;
    quota_init(&quota, 1, 0, &q);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(quota_wait_ms(&quota, 0, 0, &most), 0);
    q.rate = 100;
    quota_set(&quota, &q);
    ck_assert_int_eq(quota_wait_ms(&quota, 0, 0, &most), 10);
    ck_assert_int_eq(most, 100);
    q.rate = 1000;
    quota_set(&quota, &q);
    ck_assert_int_eq(quota_wait_ms(&quota, 0, 0, &most), 0);
    quota_fini(&quota);
}
END_TEST

UNIT_MAIN("quota", the_broker_is_full_for_all_listeners_but_the_exempt_one,
          a_listener_alone_is_not_exempt,
          the_last_exception_of_an_address_stands_for_the_limit_of_all,
          other_limits_judge_those_that_are_there_already,
          a_rate_binds_all_listeners_but_the_exempt_one,
          another_rate_judges_those_that_came_already)
