/* Codes, words and messages. */
#include "base/err.h"

#include <errno.h>
#include <string.h>

#include "tests/support/unit.h"

START_TEST(no_code_is_without_name_and_words)
{
    for (int i = ERR_OK; i <= ERR_INTERNAL; i++) {
        ck_assert_int_eq(strncmp(err_name((enum err)i), "ERR_", 4), 0);
        ck_assert_uint_gt(strlen(err_words((enum err)i)), 0);
    }
    ck_assert_str_eq(err_name(ERR_LIMIT), "ERR_LIMIT");
    ck_assert_str_eq(err_name((enum err)10000), "ERR_INTERNAL");
}
END_TEST

START_TEST(a_message_says_what_happened_and_callers_add_what_they_know)
{
    struct errmsg why = { "" };

    ck_assert_err(err_set(&why, ERR_IO, "sync: %s", "broken"), ERR_IO);
    err_prefix(&why, "partition %s-%d", "orders", 3);
    ck_assert_str_eq(why.text, "partition orders-3: sync: broken");
}
END_TEST

START_TEST(whoever_does_not_want_the_message_still_gets_the_code)
{
    ck_assert_err(err_set(NULL, ERR_BUSY, "nobody %s", "reads"), ERR_BUSY);
    err_prefix(NULL, "this");
}
END_TEST

START_TEST(long_messages_are_cut_and_terminated)
{
    struct errmsg why;
    char text[2000];

    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    err_set(&why, ERR_IO, "%s", text);
    ck_assert_uint_eq(strlen(why.text), sizeof why.text - 1);
    err_prefix(&why, "%s", text);
    ck_assert_uint_eq(strlen(why.text), sizeof why.text - 1);
    err_set(&why, ERR_IO, "short");
    err_prefix(&why, "front");
    ck_assert_str_eq(why.text, "front: short");
}
END_TEST

START_TEST(errno_is_turned_into_our_codes)
{
    ck_assert_err(err_from_errno(0), ERR_OK);
    ck_assert_err(err_from_errno(ENOSPC), ERR_SPACE);
    ck_assert_err(err_from_errno(EDQUOT), ERR_SPACE);
    ck_assert_err(err_from_errno(ENOMEM), ERR_NOMEM);
    ck_assert_err(err_from_errno(EWOULDBLOCK), ERR_AGAIN);
    ck_assert_err(err_from_errno(ENOENT), ERR_ABSENT);
    ck_assert_err(err_from_errno(EEXIST), ERR_EXISTS);
    ck_assert_err(err_from_errno(EPERM), ERR_DENIED);
    ck_assert_err(err_from_errno(EIO), ERR_IO);
    ck_assert_err(err_from_errno(12345), ERR_IO);
}
END_TEST

UNIT_MAIN("err", no_code_is_without_name_and_words,
          a_message_says_what_happened_and_callers_add_what_they_know,
          whoever_does_not_want_the_message_still_gets_the_code,
          long_messages_are_cut_and_terminated, errno_is_turned_into_our_codes)
