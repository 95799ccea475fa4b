/* test_names_twice.c - which names of a request stand in it more than once. */
#include "api/names_twice.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

START_TEST(names_of_one_kind_are_marked_where_they_repeat)
{
    struct named names[] = { { .name = BYTES("b") },
                             { .name = BYTES("a") },
                             { .name = BYTES("b") },
                             { .name = BYTES("") },
                             { .name = BYTES("a"), .kind = 4 } };
    const bool expect[] = { true, false, true, false, false };
    struct arena arena;

    arena_init(&arena, 4096);
    ck_assert(names_mark_twice(&arena, names, 5));
    for (size_t i = 0; i < 5; i++)
        ck_assert_int_eq(names[i].twice, expect[i]);
    ck_assert(names_mark_twice(&arena, names, 0));
    arena_fini(&arena);
}
END_TEST

START_TEST(a_million_names_take_no_time_worth_speaking_of)
{
    enum { N = 1000000 };
    struct named *names = calloc(N, sizeof *names);
    char(*texts)[16] = calloc(N, sizeof *texts);
    struct arena arena;

    arena_init(&arena, 64 << 20);
    for (int i = 0; i < N; i++) {
        snprintf(texts[i], sizeof texts[i], "%06d", i);
        names[i].name = bytes_make(texts[i], 6);
    }
    ck_assert(names_mark_twice(&arena, names, N));
    for (int i = 0; i < N; i++)
        ck_assert(!names[i].twice);
    arena_fini(&arena);
    free(texts);
    free(names);
}
END_TEST

START_TEST(a_full_arena_is_told)
{
    struct named names[64] = { { .name = BYTES("a") } };
    struct arena arena;

    arena_init(&arena, 16);
    ck_assert(!names_mark_twice(&arena, names, 64));
    arena_fini(&arena);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("names_twice");
    TCase *tc = tcase_create("names");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, names_of_one_kind_are_marked_where_they_repeat);
    tcase_add_test(tc, a_million_names_take_no_time_worth_speaking_of);
    tcase_add_test(tc, a_full_arena_is_told);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
