/* unit.h - what test programs share: our assertions, and their main().
 *
 *     UNIT_MAIN("bytes", null_and_empty_differ, ...)
 *
 * runs the tests in that order, each in a process of its own.
 */
#ifndef GREGOR_TESTS_UNIT_H
#define GREGOR_TESTS_UNIT_H

#include <check.h>

#include "base/bytes.h"
#include "base/err.h"

enum { UNIT_SECONDS = 120 }; /* a test that takes longer has failed */

#define ck_assert_err(got, want)                                               \
    do {                                                                       \
        enum err got_ = (got);                                                 \
        enum err want_ = (want);                                               \
        ck_assert_msg(got_ == want_, "%s is %s, not %s", #got, err_name(got_), \
                      err_name(want_));                                        \
    } while (0)

#define ck_assert_bytes(got, want)                                             \
    do {                                                                       \
        struct bytes got_ = (got);                                             \
        struct bytes want_ = (want);                                           \
        ck_assert_msg(bytes_equal(got_, want_),                                \
                      "%s is \"%.*s\", not \"%.*s\"", #got, BYTES_ARG(got_),   \
                      BYTES_ARG(want_));                                       \
    } while (0)

static inline int unit_run(const char *name, const TTest *const *tests,
                           size_t n)
{
    Suite *suite = suite_create(name);
    TCase *tcase = tcase_create(name);
    SRunner *runner = srunner_create(suite);

    tcase_set_timeout(tcase, UNIT_SECONDS);
    for (size_t i = 0; i < n; i++)
        tcase_add_test(tcase, tests[i]);
    suite_add_tcase(suite, tcase);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}

#define UNIT_MAIN(name, ...)                                                   \
    int main(void)                                                             \
    {                                                                          \
        const TTest *const tests[] = { __VA_ARGS__ };                          \
        return unit_run(name, tests, sizeof tests / sizeof tests[0]);          \
    }

#endif
