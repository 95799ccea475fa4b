#include "loop/pool.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"

static struct pool *pool;

static void open_pool(void)
{
    struct errmsg why;

    ck_assert_int_eq(pool_new(&pool, "test", 4, &why), ERR_OK);
}

static void close_pool(void)
{
    pool_free(&pool);
    ck_assert_ptr_null(pool);
}

struct work {
    struct job job;
    int number;
};

static atomic_int done;

static void count(struct job *job)
{
    (void)job;
    done++;
}

START_TEST(all_that_was_submitted_runs_before_the_pool_is_gone)
{
    static struct work works[10000];

    for (int i = 0; i < 10000; i++) {
        works[i].job.run = count;
        pool_submit(pool, &works[i].job);
    }
    pool_free(&pool);
    ck_assert_int_eq(done, 10000);
}
END_TEST

static void free_self(struct job *job)
{
    mem_free(CONTAINER_OF(job, struct work, job));
    done++;
}

START_TEST(a_job_may_free_the_object_around_it)
{
    for (int i = 0; i < 1000; i++) {
        struct work *work = mem_need(sizeof *work);

        work->job.run = free_self;
        pool_submit(pool, &work->job);
    }
    pool_free(&pool);
    ck_assert_int_eq(done, 1000);
}
END_TEST

static void *submit(void *job)
{
    pool_submit(pool, job);
    return NULL;
}

START_TEST(a_pool_may_be_freed_as_soon_as_its_last_job_ran)
{
    for (int i = 0; i < 500; i++) {
        struct job job = { NULL, count };
        struct errmsg why;
        pthread_t other;

        ck_assert_int_eq(pthread_create(&other, NULL, submit, &job), 0);
        while (done == i)
            sched_yield();
        pool_free(&pool); /* the submitter may still be inside */
        ck_assert_int_eq(pthread_join(other, NULL), 0);
        ck_assert_int_eq(pool_new(&pool, "test", 1, &why), ERR_OK);
    }
}
END_TEST

enum { LANES = 3, LINE = 5000 };

static struct lane lanes[LANES];
static struct work line[LANES][LINE];
static int next[LANES]; /* not atomic: the lane is the lock */

static void in_line(struct job *job)
{
    struct work *work = CONTAINER_OF(job, struct work, job);
    int lane = work->number % LANES;

    if (work->number / LANES != next[lane]++)
        abort();
    done++;
}

START_TEST(a_lane_runs_its_jobs_in_order_and_never_two_at_once)
{
    for (int i = 0; i < LANES; i++)
        lane_init(&lanes[i], pool);
    for (int n = 0; n < LINE; n++) {
        for (int i = 0; i < LANES; i++) {
            line[i][n] = (struct work){ { NULL, in_line }, n * LANES + i };
            lane_submit(&lanes[i], &line[i][n].job);
        }
    }
    while (done < LANES * LINE)
        sched_yield();
    for (int i = 0; i < LANES; i++) {
        lane_fini(&lanes[i]);
        ck_assert_int_eq(next[i], LINE);
    }
    pool_free(&pool);
}
END_TEST

static struct loop *loop;

static void back_home(struct job *job)
{
    (void)job;
    ck_assert(loop_is_mine(loop));
    if (++done == 100)
        loop_stop(loop);
}

static void in_pool(struct job *job)
{
    job->run = back_home;
    loop_post(loop, job);
}

START_TEST(a_job_comes_home_by_the_same_struct)
{
    static struct work works[100];
    struct errmsg why;

    ck_assert_int_eq(loop_new(&loop, "home", &why), ERR_OK);
    for (int i = 0; i < 100; i++) {
        works[i].job.run = in_pool;
        pool_submit(pool, &works[i].job);
    }
    loop_run(loop);
    ck_assert_int_eq(done, 100);
    loop_free(&loop);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pool");
    TCase *tc = tcase_create("pool");

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, open_pool, close_pool);
    tcase_add_test(tc, all_that_was_submitted_runs_before_the_pool_is_gone);
    tcase_add_test(tc, a_job_may_free_the_object_around_it);
    tcase_add_test(tc, a_pool_may_be_freed_as_soon_as_its_last_job_ran);
    tcase_add_test(tc, a_lane_runs_its_jobs_in_order_and_never_two_at_once);
    tcase_add_test(tc, a_job_comes_home_by_the_same_struct);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
