/* test_properties.c - Java's properties syntax, as java.util.Properties reads.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/properties.h"

static struct properties props;

static void setup(void)
{
    properties_init(&props, "f");
}

static void teardown(void)
{
    properties_fini(&props);
}

static void parse(const char *text)
{
    struct errmsg why = { "" };

    ck_assert_msg(properties_parse(&props, bytes_of(text), &why) == ERR_OK,
                  "%s", why.text);
}

static void expect(const char *name, const char *value, unsigned line)
{
    const struct property *p = properties_find(&props, name);

    ck_assert_msg(p != NULL, "%s is missing", name);
    ck_assert_str_eq((const char *)p->value.at, value);
    ck_assert_uint_eq(p->line, line);
}

START_TEST(the_three_separators_are_one)
{
    parse("a=1\nb:2\nc 3\n d\t=\t4\ne = =5\nf");
    expect("a", "1", 1);
    expect("b", "2", 2);
    expect("c", "3", 3);
    expect("d", "4", 4);
    expect("e", "=5", 5);
    expect("f", "", 6);
}
END_TEST

START_TEST(comments_and_blank_lines_are_skipped)
{
    parse("# x=1\n  ! y=2 \\\n\n\r\n  z = 3 # stays\n");
    ck_assert_uint_eq(props.n, 1);
    expect("z", "3 # stays", 5);
}
END_TEST

START_TEST(a_backslash_joins_lines_and_drops_their_leading_blanks)
{
    parse("a = one, \\\n      two\\\n\t,three\nb=x\\\\\nc=\\\n\nd=end\\");
    expect("a", "one, two,three", 1);
    expect("b", "x\\", 4);
    expect("c", "", 5);
    expect("d", "end", 7);
}
END_TEST

START_TEST(escapes_stand_for_characters_in_names_too)
{
    parse("a\\ b\\=c = \\t\\n\\r\\f\\q\\u00e9\\ud83d\\ude00\\ud83d\n");
    expect("a b=c", "\t\n\r\fq\xc3\xa9\xf0\x9f\x98\x80?", 1);
}
END_TEST

START_TEST(line_ends_of_all_systems_count_as_one)
{
    parse("a=1\r\nb=2\rc=3\n");
    expect("a", "1", 1);
    expect("b", "2", 2);
    expect("c", "3", 3);
}
END_TEST

START_TEST(blanks_at_the_end_of_a_value_stay)
{
    parse("a = 1 \t\n");
    expect("a", "1 \t", 1);
}
END_TEST

START_TEST(the_last_of_a_name_wins)
{
    parse("a=1\na=2\n");
    expect("a", "2", 2);
    ck_assert_int_eq(properties_add(&props, BYTES("a"), BYTES("3"), 0), ERR_OK);
    expect("a", "3", 0);
    ck_assert_uint_eq(props.n, 3);
}
END_TEST

START_TEST(utf8_is_read_as_it_is_and_anything_else_as_latin1)
{
    parse("a=\xc3\xa9\n");
    expect("a", "\xc3\xa9", 1);
    parse("b=\xe9\n");
    expect("b", "\xc3\xa9", 1);
}
END_TEST

START_TEST(a_broken_escape_names_file_and_line)
{
    static const char *const bad[] = { "\n\nx=\\u12", "\n\nx=\\u12g4",
                                       "\n\nx=\\u0000", "\n\n\\u=1" };

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct errmsg why;

        ck_assert_int_eq(properties_parse(&props, bytes_of(bad[i]), &why),
                         ERR_FORMAT);
        ck_assert_msg(strncmp(why.text, "f:3: ", 5) == 0, "%s", why.text);
    }
}
END_TEST

START_TEST(a_nul_byte_is_refused)
{
    struct errmsg why;

    ck_assert_int_eq(properties_parse(&props, bytes_make("a=\0b", 4), &why),
                     ERR_FORMAT);
}
END_TEST

START_TEST(a_missing_file_is_absent)
{
    struct properties none;
    struct errmsg why;

    properties_init(&none, "/nonexistent/x.properties");
    ck_assert_int_eq(properties_load(&none, &why), ERR_ABSENT);
    properties_fini(&none);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("properties");
    TCase *t = tcase_create("all");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, the_three_separators_are_one);
    tcase_add_test(t, comments_and_blank_lines_are_skipped);
    tcase_add_test(t, a_backslash_joins_lines_and_drops_their_leading_blanks);
    tcase_add_test(t, escapes_stand_for_characters_in_names_too);
    tcase_add_test(t, line_ends_of_all_systems_count_as_one);
    tcase_add_test(t, blanks_at_the_end_of_a_value_stay);
    tcase_add_test(t, the_last_of_a_name_wins);
    tcase_add_test(t, utf8_is_read_as_it_is_and_anything_else_as_latin1);
    tcase_add_test(t, a_broken_escape_names_file_and_line);
    tcase_add_test(t, a_nul_byte_is_refused);
    tcase_add_test(t, a_missing_file_is_absent);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
