/* Which paths may be written. */
#include "keeper/kpath.h"

#include "tests/support/unit.h"

START_TEST(ordinary_paths_are_valid)
{
    static const char *const good[] = {
        "/",    "/a",        "/a/b",
        "/...", "/a..b",     "/.b",
        "/a b", "/\xc2\xa0", "/\xc3\xa9/\xe4\xb8\xad"
    };

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        ck_assert_msg(kpath_is_valid(bytes_of(good[i])), "%s", good[i]);
}
END_TEST

START_TEST(odd_paths_are_refused)
{
    static const char *const bad[] = {
        "",
        "a",
        "//",
        "/a/",
        "/a//b",
        "/.",
        "/..",
        "/./a",
        "/a/../b",
        "/a/.",
        "/\x01",
        "/\x1f",
        "/\x7f",
        "/\xc2\x80",
        "/\xc2\x9f",
        "/\xed\xa0\x80",
        "/\xee\x80\x80",
        "/\xef\xbf\xb0",
        "/\xef\xbf\xbd",
        "/\xf0\x9f\x98\x80",
        "/\xff",
        "/\xc3",
        "/\xc0\x80",
        "/\xe0\x80\x80",
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!kpath_is_valid(bytes_of(bad[i])), "%zu: %s", i, bad[i]);
    ck_assert(!kpath_is_valid(BYTES("/a\0b")));
    ck_assert(!kpath_is_valid(BYTES_NULL));
}
END_TEST

START_TEST(the_parent_of_a_top_level_node_has_no_length)
{
    ck_assert_int_eq(kpath_parent(BYTES("/a")), 0);
    ck_assert_int_eq(kpath_parent(BYTES("/a/b")), 2);
    ck_assert_int_eq(kpath_parent(BYTES("a")), -1);
    ck_assert_int_eq(kpath_parent(BYTES_NULL), -1);
}
END_TEST

UNIT_MAIN("kpath", ordinary_paths_are_valid, odd_paths_are_refused,
          the_parent_of_a_top_level_node_has_no_length)
