/* test_topic_plan.c - names and assignments of new topics. */
#include "api/topic_plan.h"

#include <check.h>
#include <stdlib.h>

#include "wire/errors.h"

static struct arena arena;

static void set_up(void)
{
    arena_init(&arena, 64 << 20);
}

static void tear_down(void)
{
    arena_fini(&arena);
}

static struct meta_cluster *cluster_of(size_t n, const char *const *racks)
{
    struct meta_cluster *cluster = arena_take(&arena, sizeof *cluster);

    cluster->brokers = arena_array(&arena, n, sizeof *cluster->brokers);
    cluster->n_brokers = n;
    for (size_t i = 0; i < n; i++) {
        cluster->brokers[i].id = (int32_t)i + 10;
        cluster->brokers[i].rack = racks ? racks[i] : NULL;
    }
    return cluster;
}

START_TEST(names_outside_kafkas_alphabet_are_refused)
{
    char longest[251];

    memset(longest, 'a', sizeof longest);
    ck_assert_int_eq(topic_name_check(bytes_make(longest, 249), NULL),
                     KAFKA_NONE);
    ck_assert_int_eq(topic_name_check(BYTES("a.b_c-9"), NULL), KAFKA_NONE);
    ck_assert_int_eq(topic_name_check(bytes_make(longest, 250), NULL),
                     KAFKA_INVALID_TOPIC_EXCEPTION);
    ck_assert_int_eq(topic_name_check(BYTES(""), NULL),
                     KAFKA_INVALID_TOPIC_EXCEPTION);
    ck_assert_int_eq(topic_name_check(BYTES(".."), NULL),
                     KAFKA_INVALID_TOPIC_EXCEPTION);
    ck_assert_int_eq(topic_name_check(BYTES("a/b"), NULL),
                     KAFKA_INVALID_TOPIC_EXCEPTION);
}
END_TEST

START_TEST(leaders_are_spread_evenly_and_replicas_differ)
{
    struct meta_cluster *cluster = cluster_of(5, NULL);
    struct znode_replicas out[50] = { 0 };
    int led[5] = { 0 };

    ck_assert_int_eq(topic_assign(&arena, cluster, 50, 3, 0, 2, 1, out, NULL),
                     KAFKA_NONE);
    ck_assert_int_eq(topic_assignment_check(out, 50, 0, NULL), KAFKA_NONE);
    for (int i = 0; i < 50; i++)
        led[out[i].replicas[0] - 10]++;
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(led[i], 10);
}
END_TEST

START_TEST(no_rack_holds_two_replicas_while_another_has_none)
{
    static const char *const racks[] = { "a", "a", "b", "b", "c", "c" };
    struct meta_cluster *cluster = cluster_of(6, racks);
    struct znode_replicas out[24] = { 0 };

    ck_assert_int_eq(topic_assign(&arena, cluster, 24, 3, 0, 0, 0, out, NULL),
                     KAFKA_NONE);
    for (int i = 0; i < 24; i++) {
        int seen[3] = { 0 };

        for (size_t r = 0; r < 3; r++)
            seen[(out[i].replicas[r] - 10) / 2]++;
        ck_assert_int_eq(seen[0], 1);
        ck_assert_int_eq(seen[1], 1);
        ck_assert_int_eq(seen[2], 1);
    }
}
END_TEST

START_TEST(more_replicas_than_brokers_are_refused_with_both_numbers)
{
    struct znode_replicas out[1] = { 0 };
    struct errmsg why;

    ck_assert_int_eq(
        topic_assign(&arena, cluster_of(2, NULL), 1, 3, 0, 0, 0, out, &why),
        KAFKA_INVALID_REPLICATION_FACTOR);
    ck_assert_str_eq(why.text,
                     "Replication factor: 3 larger than available brokers: "
                     "2.");
}
END_TEST

START_TEST(given_assignments_must_be_consecutive_equal_and_without_duplicates)
{
    int32_t one[] = { 1 }, two[] = { 1, 2 }, twice[] = { 1, 1 };
    struct znode_replicas gap[] = {
        { .partition = 0, .replicas = one, .n_replicas = 1 },
        { .partition = 2, .replicas = one, .n_replicas = 1 }
    };
    struct znode_replicas uneven[] = {
        { .partition = 0, .replicas = one, .n_replicas = 1 },
        { .partition = 1, .replicas = two, .n_replicas = 2 }
    };
    struct znode_replicas same[] = {
        { .partition = 0, .replicas = twice, .n_replicas = 2 }
    };

    ck_assert_int_eq(topic_assignment_check(gap, 2, 0, NULL),
                     KAFKA_INVALID_REPLICA_ASSIGNMENT);
    ck_assert_int_eq(topic_assignment_check(uneven, 2, 0, NULL),
                     KAFKA_INVALID_REPLICA_ASSIGNMENT);
    ck_assert_int_eq(topic_assignment_check(same, 1, 0, NULL),
                     KAFKA_INVALID_REPLICA_ASSIGNMENT);
    ck_assert_int_eq(topic_assignment_check(gap, 1, 0, NULL), KAFKA_NONE);
}
END_TEST

START_TEST(an_assignment_of_more_replicas_than_a_cluster_has_is_refused)
{
    static int32_t many[1001];
    struct znode_replicas wide = { .replicas = many, .n_replicas = 1001 };

    for (int32_t i = 0; i < 1001; i++)
        many[i] = i;
    ck_assert_int_eq(topic_assignment_check(&wide, 1, 0, NULL),
                     KAFKA_INVALID_REPLICA_ASSIGNMENT);
    wide.n_replicas = 1000;
    ck_assert_int_eq(topic_assignment_check(&wide, 1, 0, NULL), KAFKA_NONE);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("topic_plan");
    TCase *tc = tcase_create("plan");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, names_outside_kafkas_alphabet_are_refused);
    tcase_add_test(tc, leaders_are_spread_evenly_and_replicas_differ);
    tcase_add_test(tc, no_rack_holds_two_replicas_while_another_has_none);
    tcase_add_test(tc,
                   more_replicas_than_brokers_are_refused_with_both_numbers);
    tcase_add_test(
        tc, given_assignments_must_be_consecutive_equal_and_without_duplicates);
    tcase_add_test(
        tc, an_assignment_of_more_replicas_than_a_cluster_has_is_refused);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
