#include "loop/wheel.h"

#include <check.h>
#include <stdlib.h>

#include "loop/loop.h"

static struct wheel wheel;

static struct loop_timer timer_at(int64_t due_us)
{
    struct loop_timer timer = { .due_us = due_us };

    return timer;
}

static void put(struct loop_timer *timer)
{
    list_init(&timer->link);
    wheel_put(&wheel, timer);
}

/* Advance to `now_us`; the number handed out, their dues checked for order. */
static int take_due(int64_t now_us)
{
    struct list due;
    int64_t last = 0;
    int n = 0;

    list_init(&due);
    wheel_take_due(&wheel, now_us, &due);
    LIST_EACH(link, &due) {
        struct loop_timer *timer = CONTAINER_OF(link, struct loop_timer, link);

        ck_assert_int_le(timer->due_us, now_us);
        ck_assert_int_ge(timer->due_us / 1000 + 1, last / 1000);
        last = timer->due_us;
        list_remove(link);
        n++;
    }
    return n;
}

START_TEST(an_empty_wheel_never_rings)
{
    wheel_init(&wheel, 5000);
    ck_assert_int_eq(wheel_next_us(&wheel), INT64_MAX);
    ck_assert_int_eq(take_due(1000000000), 0);
}
END_TEST

START_TEST(a_timer_is_due_at_the_next_whole_millisecond_and_not_before)
{
    struct loop_timer timer = timer_at(7200);

    wheel_init(&wheel, 5000);
    put(&timer);
    ck_assert_int_eq(wheel_next_us(&wheel), 8000);
    ck_assert_int_eq(take_due(7999), 0);
    ck_assert_int_eq(take_due(8000), 1);
}
END_TEST

START_TEST(what_is_due_already_comes_at_once)
{
    struct loop_timer timer = timer_at(4000);

    wheel_init(&wheel, 5000);
    put(&timer);
    ck_assert_int_eq(wheel_next_us(&wheel), 0);
    ck_assert_int_eq(take_due(5000), 1);
}
END_TEST

START_TEST(a_timer_taken_out_leaves_no_trace)
{
    struct loop_timer near = timer_at(100000);
    struct loop_timer far = timer_at(100000000);

    wheel_init(&wheel, 0);
    put(&near);
    put(&far);
    list_remove(&near.link);
    list_remove(&far.link);
    ck_assert_int_eq(wheel_next_us(&wheel), INT64_MAX);
}
END_TEST

START_TEST(a_timer_beyond_the_last_wheel_is_kept)
{
    int64_t year_us = 365ll * 86400 * 1000000;
    struct loop_timer timer = timer_at(year_us);
    int64_t now = 0;

    wheel_init(&wheel, 0);
    put(&timer);
    while (now < year_us) {
        int64_t next = wheel_next_us(&wheel);

        ck_assert_int_gt(next, now);
        ck_assert_int_le(next, year_us);
        now = next;
        ck_assert_int_eq(take_due(now), now == year_us);
    }
}
END_TEST

START_TEST(a_jump_over_everything_hands_out_everything_in_order)
{
    enum { N = 2000 };
    static struct loop_timer timers[N];

    wheel_init(&wheel, 123456789);
    for (int i = 0; i < N; i++) {
        timers[i] = timer_at(123456789 + (int64_t)i * i * 1000);
        put(&timers[i]);
    }
    ck_assert_int_eq(take_due(123456789 + 5000000000), N);
    ck_assert_int_eq(wheel_next_us(&wheel), INT64_MAX);
}
END_TEST

/* Against the plain truth: an array that is searched whole. */
START_TEST(random_use_agrees_with_a_plain_array)
{
    enum { N = 300 };
    static struct loop_timer timers[N];
    int64_t now = (int64_t)_i * 777777;

    srandom(77 + (unsigned)_i);
    wheel_init(&wheel, now);
    for (int i = 0; i < N; i++)
        list_init(&timers[i].link);
    for (int round = 0; round < 20000; round++) {
        struct loop_timer *timer = &timers[random() % N];
        int64_t range = (int64_t)1 << (random() % 37);
        int expected = 0;

        list_remove(&timer->link);
        if (random() % 4) {
            timer->due_us = now + random() % range;
            put(timer);
        }
        if (random() % 3 == 0) {
            int64_t soonest = INT64_MAX;

            now += random() % ((int64_t)1 << (random() % 32));
            for (int i = 0; i < N; i++) {
                struct loop_timer *t = &timers[i];

                if (list_is_empty(&t->link))
                    continue;
                if ((t->due_us + 999) / 1000 <= now / 1000)
                    expected++;
                else if (t->due_us < soonest)
                    soonest = t->due_us;
            }
            /* what was put when due on its very tick may come now or then */
            ck_assert_int_ge(take_due(now), expected);
            if (soonest == INT64_MAX)
                ck_assert_int_eq(wheel_next_us(&wheel), INT64_MAX);
            else
                ck_assert_int_le(wheel_next_us(&wheel),
                                 (soonest + 999) / 1000 * 1000);
        }
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("wheel");
    TCase *tc = tcase_create("wheel");

    tcase_add_test(tc, an_empty_wheel_never_rings);
    tcase_add_test(tc,
                   a_timer_is_due_at_the_next_whole_millisecond_and_not_before);
    tcase_add_test(tc, what_is_due_already_comes_at_once);
    tcase_add_test(tc, a_timer_taken_out_leaves_no_trace);
    tcase_add_test(tc, a_timer_beyond_the_last_wheel_is_kept);
    tcase_add_test(tc, a_jump_over_everything_hands_out_everything_in_order);
    tcase_add_loop_test(tc, random_use_agrees_with_a_plain_array, 0, 5);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
