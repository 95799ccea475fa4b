#include "loop/loop.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

static struct loop *loop;

static void open_loop(void)
{
    struct errmsg why;

    ck_assert_int_eq(loop_new(&loop, "test", &why), ERR_OK);
}

static void close_loop(void)
{
    loop_free(&loop);
    ck_assert_ptr_null(loop);
}

/* -- timers ---------------------------------------------------------------- */

struct ring {
    struct loop_timer timer;
    int64_t set_us;
    int64_t delay_us;
    bool last;
};

static int64_t last_due_us;

static void on_ring(struct loop_timer *timer)
{
    struct ring *ring = CONTAINER_OF(timer, struct ring, timer);
    int64_t now = clock_mono_us();

    ck_assert_int_ge(now, ring->set_us + ring->delay_us);
    ck_assert_int_ge(timer->due_us / 1000 + 1, last_due_us / 1000);
    last_due_us = timer->due_us;
    if (ring->last)
        loop_stop(loop);
}

START_TEST(timers_fire_in_order_and_never_early)
{
    struct ring rings[40];

    for (int i = 0; i < 40; i++) {
        rings[i].set_us = clock_mono_us();
        rings[i].delay_us = (i * 17 % 40) * 1100;
        rings[i].last = i * 17 % 40 == 39;
        loop_timer_init(&rings[i].timer, loop, on_ring);
        loop_timer_set(&rings[i].timer, rings[i].delay_us);
    }
    loop_run(loop);
    for (int i = 0; i < 40; i++)
        ck_assert(!loop_timer_is_set(&rings[i].timer));
}
END_TEST

struct pair {
    struct loop_timer a;
    struct loop_timer b;
    int fired;
};

static void stop_the_other(struct loop_timer *timer)
{
    struct pair *pair = CONTAINER_OF(timer, struct pair, a);

    loop_timer_stop(&pair->b);
    pair->fired++;
}

static void count_b(struct loop_timer *timer)
{
    CONTAINER_OF(timer, struct pair, b)->fired += 100;
}

START_TEST(a_timer_may_stop_another_that_is_due_in_the_same_turn)
{
    struct pair pair = { .fired = 0 };

    loop_timer_init(&pair.a, loop, stop_the_other);
    loop_timer_init(&pair.b, loop, count_b);
    loop_timer_set(&pair.a, -5);
    loop_timer_set(&pair.b, 0);
    loop_turn(loop, 0);
    loop_turn(loop, 0);
    ck_assert_int_eq(pair.fired, 1);
}
END_TEST

static void free_me(struct loop_timer *timer)
{
    mem_free(timer);
    loop_stop(loop);
}

START_TEST(a_timer_may_free_itself)
{
    struct loop_timer *timer = mem_need(sizeof *timer);

    loop_timer_init(timer, loop, free_me);
    loop_timer_set(timer, 1000);
    loop_run(loop);
}
END_TEST

START_TEST(a_turn_ends_when_its_wait_is_over)
{
    int64_t begin = clock_mono_us();

    loop_turn(loop, 3000);
    ck_assert_int_ge(clock_mono_us() - begin, 3000);
}
END_TEST

/* -- mailbox ----------------------------------------------------------------
 */

enum { POSTERS = 4, POSTS = 20000 };

struct post {
    struct job job;
    int poster;
    int number;
};

static struct post *posts[POSTERS];
static int next_number[POSTERS];
static int ran;

static void on_post(struct job *job)
{
    struct post *post = CONTAINER_OF(job, struct post, job);

    ck_assert(loop_is_mine(loop));
    ck_assert_int_eq(post->number, next_number[post->poster]++);
    if (++ran == POSTERS * POSTS)
        loop_stop(loop);
}

static void *poster(void *arg)
{
    int me = *(int *)arg;

    for (int i = 0; i < POSTS; i++) {
        posts[me][i] = (struct post){ { NULL, on_post }, me, i };
        loop_post(loop, &posts[me][i].job);
        if (i % 1000 == 0)
            usleep(1); /* let the loop fall asleep now and then */
    }
    return NULL;
}

START_TEST(jobs_of_many_threads_all_run_each_threads_in_order)
{
    pthread_t threads[POSTERS];
    int ids[POSTERS];

    for (int i = 0; i < POSTERS; i++) {
        ids[i] = i;
        posts[i] = mem_need_array(POSTS, sizeof **posts);
        pthread_create(&threads[i], NULL, poster, &ids[i]);
    }
    loop_run(loop);
    for (int i = 0; i < POSTERS; i++) {
        pthread_join(threads[i], NULL);
        mem_free(posts[i]);
    }
    ck_assert_int_eq(ran, POSTERS * POSTS);
}
END_TEST

struct chain {
    struct job job;
    int left;
};

static void on_chain(struct job *job)
{
    struct chain *chain = CONTAINER_OF(job, struct chain, job);

    if (--chain->left > 0)
        loop_post(loop, job);
}

START_TEST(jobs_posted_before_the_stop_run_with_those_they_post)
{
    struct chain chain = { { NULL, on_chain }, 5 };
    struct errmsg why;

    ck_assert_int_eq(loop_start(loop, &why), ERR_OK);
    loop_post(loop, &chain.job);
    loop_stop(loop);
    loop_join(loop);
    ck_assert_int_eq(chain.left, 0);
}
END_TEST

/* Ping-pong between two loops: a lost wake-up would hang it. */
struct ball {
    struct job job;
    struct loop *other;
    struct loop *home;
    int left;
};

static void on_ball(struct job *job)
{
    struct ball *ball = CONTAINER_OF(job, struct ball, job);
    struct loop *to = ball->other;

    ball->other = ball->home;
    ball->home = to;
    if (--ball->left > 0) {
        loop_post(to, job);
        return;
    }
    loop_stop(ball->home);
    loop_stop(ball->other);
}

START_TEST(no_wake_up_is_lost_between_two_loops)
{
    struct errmsg why;
    struct loop *second = NULL;
    struct ball ball = { { NULL, on_ball }, NULL, loop, 50000 };

    ck_assert_int_eq(loop_new(&second, "second", &why), ERR_OK);
    ball.other = second;
    ck_assert_int_eq(loop_start(second, &why), ERR_OK);
    loop_post(loop, &ball.job);
    loop_run(loop);
    loop_join(second);
    ck_assert_int_eq(ball.left, 0);
    loop_free(&second);
}
END_TEST

/* -- descriptors -------------------------------------------------------------
 */

struct end {
    struct loop_io io;
    unsigned seen;
    int calls;
};

static void on_ready(struct loop_io *io, unsigned ready)
{
    struct end *end = CONTAINER_OF(io, struct end, io);

    end->seen |= ready;
    end->calls++;
}

START_TEST(readiness_is_told_for_what_is_wanted_and_again_until_served)
{
    int fd[2];
    struct end end = { .seen = 0 };
    char byte;

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    loop_io_init(&end.io, loop, fd[0], on_ready);
    loop_io_want(&end.io, LOOP_READ);
    loop_turn(loop, 0);
    ck_assert_int_eq(end.calls, 0);
    ck_assert_int_eq(write(fd[1], "x", 1), 1);
    loop_turn(loop, 0);
    loop_turn(loop, 0);
    ck_assert_int_eq(end.calls, 2);
    ck_assert_uint_eq(end.seen, LOOP_READ);
    loop_io_want(&end.io, LOOP_READ | LOOP_WRITE);
    loop_turn(loop, 0);
    ck_assert_uint_eq(end.seen, LOOP_READ | LOOP_WRITE);
    ck_assert_int_eq(read(fd[0], &byte, 1), 1);
    loop_io_want(&end.io, 0);
    ck_assert_ptr_null(end.io.event);
    end.calls = 0;
    loop_turn(loop, 0);
    ck_assert_int_eq(end.calls, 0);
    loop_io_want(&end.io, LOOP_READ);
    close(fd[1]);
    loop_turn(loop, 0);
    ck_assert_int_eq(end.calls, 1);
    loop_io_fini(&end.io);
    close(fd[0]);
}
END_TEST

START_TEST(a_closed_and_reused_descriptor_is_no_trouble)
{
    int fd[2];
    int again[2];
    struct end end = { .seen = 0 };

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    loop_io_init(&end.io, loop, fd[0], on_ready);
    loop_io_want(&end.io, LOOP_READ);
    close(fd[0]);
    close(fd[1]);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, again), 0);
    ck_assert_int_eq(again[0], fd[0]);
    loop_io_fini(&end.io);
    loop_io_init(&end.io, loop, again[0], on_ready);
    loop_io_want(&end.io, LOOP_READ);
    ck_assert_int_eq(write(again[1], "x", 1), 1);
    loop_turn(loop, 0);
    ck_assert_int_eq(end.calls, 1);
    loop_io_fini(&end.io);
    close(again[0]);
    close(again[1]);
}
END_TEST

/* -- hooks -------------------------------------------------------------------
 */

struct hook {
    struct loop_hook hook;
    struct hook *victim;
    int calls;
    int order;
};

static int hook_order;

static void on_turn(struct loop_hook *self)
{
    struct hook *hook = CONTAINER_OF(self, struct hook, hook);

    hook->calls++;
    hook->order = ++hook_order;
    if (hook->victim != NULL)
        loop_hook_remove(&hook->victim->hook);
}

START_TEST(hooks_run_in_order_and_may_remove_each_other)
{
    struct hook a = { .hook.on_turn = on_turn };
    struct hook b = { .hook.on_turn = on_turn };
    struct hook c = { .hook.on_turn = on_turn };

    loop_hook_add(loop, &a.hook);
    loop_hook_add(loop, &b.hook);
    loop_hook_add(loop, &c.hook);
    loop_turn(loop, 0);
    ck_assert_int_eq(a.order, 1);
    ck_assert_int_eq(b.order, 2);
    ck_assert_int_eq(c.order, 3);
    a.victim = &b;
    c.victim = &c;
    loop_turn(loop, 0);
    loop_turn(loop, 0);
    ck_assert_int_eq(a.calls, 3);
    ck_assert_int_eq(b.calls, 1);
    ck_assert_int_eq(c.calls, 2);
    loop_hook_remove(&a.hook);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loop");
    TCase *tc = tcase_create("loop");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, open_loop, close_loop);
    tcase_add_test(tc, timers_fire_in_order_and_never_early);
    tcase_add_test(tc, a_timer_may_stop_another_that_is_due_in_the_same_turn);
    tcase_add_test(tc, a_timer_may_free_itself);
    tcase_add_test(tc, a_turn_ends_when_its_wait_is_over);
    tcase_add_test(tc, jobs_of_many_threads_all_run_each_threads_in_order);
    tcase_add_test(tc, jobs_posted_before_the_stop_run_with_those_they_post);
    tcase_add_test(tc, no_wake_up_is_lost_between_two_loops);
    tcase_add_test(tc,
                   readiness_is_told_for_what_is_wanted_and_again_until_served);
    tcase_add_test(tc, a_closed_and_reused_descriptor_is_no_trouble);
    tcase_add_test(tc, hooks_run_in_order_and_may_remove_each_other);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
