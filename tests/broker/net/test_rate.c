/* Rates on a stepped clock. Kafka 3.7's own meter gives the same figures for
 * the same events. */
#include "net/rate.h"

#include "tests/support/unit.h"

static struct rate rate;

static const struct rate_limit ten = { .most = 10,
                                       .windows = 11,
                                       .window_ms = 1000 };

static void count(const struct rate_limit *limit, int64_t now_ms, int n)
{
    for (int i = 0; i < n; i++)
        ck_assert_int_eq(rate_count(&rate, limit, now_ms), 0);
}

static void begin(void)
{
    rate = (struct rate){ .n = 0 };
}

START_TEST(the_first_burst_may_be_as_large_as_all_whole_windows_allow)
{
    begin();
    count(&ten, 5000, 100); /* in 10 windows of the 11 */
    ck_assert_int_eq(rate_count(&rate, &ten, 5000), 100);
    ck_assert_int_eq(rate_count(&rate, &ten, 5000), 200);
    ck_assert_int_eq(rate_count(&rate, &ten, 5150), 150);
    rate_fini(&rate);
}
END_TEST

START_TEST(nobody_waits_longer_than_a_window)
{
    begin();
    count(&ten, 0, 100);
    for (int i = 1; i < 10; i++)
        ck_assert_int_eq(rate_count(&rate, &ten, 0), i * 100);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(rate_count(&rate, &ten, 0), 1000);
    rate_fini(&rate);
}
END_TEST

START_TEST(a_steady_rate_below_the_limit_never_waits)
{
    begin();
    for (int64_t now_ms = 0; now_ms < 60000; now_ms += 111)
        ck_assert_int_eq(rate_count(&rate, &ten, now_ms), 0);
    rate_fini(&rate);
}
END_TEST

START_TEST(what_lies_behind_all_windows_is_forgotten)
{
    begin();
    count(&ten, 0, 60);
    count(&ten, 1000, 40);
    ck_assert_int_gt(rate_count(&rate, &ten, 1000), 0);
    /* the first 60 are gone, 41 and these 59 are left, over ten windows */
    count(&ten, 11000, 59);
    ck_assert_int_eq(rate_count(&rate, &ten, 11000), 100);
    /* nothing is left of any */
    count(&ten, 60000, 100);
    ck_assert_int_eq(rate_count(&rate, &ten, 60000), 100);
    rate_fini(&rate);
}
END_TEST

START_TEST(one_window_counts_what_came_since_it_began)
{
    const struct rate_limit one = { .most = 5,
                                    .windows = 1,
                                    .window_ms = 2000 };

    begin();
    /* a window that has just begun counts as a millisecond */
    ck_assert_int_eq(rate_count(&rate, &one, 100), 199);
    ck_assert_int_eq(rate_count(&rate, &one, 200), 300);
    ck_assert_int_eq(rate_count(&rate, &one, 2099), 0);
    ck_assert_int_eq(rate_count(&rate, &one, 2100), 199);
    rate_fini(&rate);
}
END_TEST

START_TEST(at_a_limit_of_none_one_comes_in_each_window)
{
    const struct rate_limit none = { .windows = 3, .window_ms = 1000 };

    begin();
    ck_assert_int_eq(rate_count(&rate, &none, 0), 1000);
    ck_assert_int_eq(rate_count(&rate, &none, 100000), 1000);
    rate_fini(&rate);
}
END_TEST

START_TEST(absurd_windows_are_counted_like_others)
{
    const struct rate_limit absurd = { .most = INT32_MAX,
                                       .windows = INT32_MAX,
                                       .window_ms = INT32_MAX * 1000ll };

    begin();
    count(&absurd, 0, 10);
    count(&absurd, INT64_MAX / 4, 10);
    rate_fini(&rate);
}
END_TEST

UNIT_MAIN("rate", the_first_burst_may_be_as_large_as_all_whole_windows_allow,
          nobody_waits_longer_than_a_window,
          a_steady_rate_below_the_limit_never_waits,
          what_lies_behind_all_windows_is_forgotten,
          one_window_counts_what_came_since_it_began,
          at_a_limit_of_none_one_comes_in_each_window,
          absurd_windows_are_counted_like_others)
