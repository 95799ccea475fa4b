/* Borrowed bytes, ids as text, integers from text. */
#include "base/bytes.h"

#include "tests/support/unit.h"

START_TEST(null_and_empty_differ)
{
    ck_assert(bytes_is_null(BYTES_NULL));
    ck_assert(bytes_is_null(bytes_of(NULL)));
    ck_assert(!bytes_is_null(BYTES("")));
    ck_assert(!bytes_equal(BYTES_NULL, BYTES("")));
    ck_assert(bytes_equal(BYTES_NULL, BYTES_NULL));
    ck_assert(bytes_is(BYTES(""), ""));
    ck_assert(!bytes_is(BYTES_NULL, ""));
}
END_TEST

START_TEST(equality_is_of_content)
{
    ck_assert(bytes_equal(BYTES("abc"), bytes_make("abcd", 3)));
    ck_assert(!bytes_equal(BYTES("abc"), BYTES("abd")));
    ck_assert(!bytes_equal(BYTES("abc"), BYTES("ab")));
    ck_assert(bytes_is(BYTES("orders"), "orders"));
    ck_assert_bytes(BYTES("a\0b"), bytes_make("a\0b", 3));
}
END_TEST

START_TEST(order_is_bytewise_and_shorter_first)
{
    ck_assert_int_lt(bytes_compare(BYTES("a"), BYTES("b")), 0);
    ck_assert_int_gt(bytes_compare(BYTES("b"), BYTES("ab")), 0);
    ck_assert_int_lt(bytes_compare(BYTES("a"), BYTES("ab")), 0);
    ck_assert_int_eq(bytes_compare(BYTES("a"), BYTES("a")), 0);
    ck_assert_int_lt(bytes_compare(BYTES("a"), BYTES("\xff")), 0);
    ck_assert_int_eq(bytes_compare(BYTES_NULL, BYTES("")), 0);
}
END_TEST

START_TEST(hashes_depend_on_content_and_seed)
{
    ck_assert_uint_eq(bytes_hash(BYTES("x"), 1),
                      bytes_hash(bytes_make("xy", 1), 1));
    ck_assert_uint_ne(bytes_hash(BYTES("x"), 1), bytes_hash(BYTES("y"), 1));
    ck_assert_uint_ne(bytes_hash(BYTES("x"), 1), bytes_hash(BYTES("x"), 2));
}
END_TEST

START_TEST(ids_become_the_text_kafka_writes)
{
    const struct uuid one = { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                1 } };
    struct uuid all, read;
    char text[UUID_TEXT_LEN + 1];

    uuid_to_text(one, text);
    ck_assert_str_eq(text, "AAAAAAAAAAAAAAAAAAAAAQ");
    memset(all.b, 0xff, sizeof all.b);
    uuid_to_text(all, text);
    ck_assert_str_eq(text, "_____________________w");
    ck_assert(uuid_from_text(bytes_of(text), &read));
    ck_assert(uuid_equal(read, all));
}
END_TEST

START_TEST(random_ids_differ_are_version_4_and_survive_their_text)
{
    struct uuid last = { { 0 } };

    for (int i = 0; i < 1000; i++) {
        struct uuid u = uuid_random(), read;
        char text[UUID_TEXT_LEN + 1];

        uuid_to_text(u, text);
        ck_assert_int_ne(text[0], '-');
        ck_assert_int_eq(u.b[6] >> 4, 4);
        ck_assert_int_eq(u.b[8] >> 6, 2);
        ck_assert(uuid_from_text(bytes_of(text), &read));
        ck_assert(uuid_equal(u, read));
        ck_assert(!uuid_equal(u, last));
        last = u;
    }
}
END_TEST

START_TEST(what_is_no_id_is_refused)
{
    struct uuid u;

    ck_assert(!uuid_from_text(BYTES(""), &u));
    ck_assert(!uuid_from_text(BYTES("AAAAAAAAAAAAAAAAAAAAA"), &u));
    ck_assert(!uuid_from_text(BYTES("AAAAAAAAAAAAAAAAAAAAAAA"), &u));
    ck_assert(!uuid_from_text(BYTES("AAAAAAAAAAAAAAAAAAAA+A"), &u));
    ck_assert(!uuid_from_text(BYTES("AAAAAAAAAAAAAAAAAAAA\0A"), &u));
}
END_TEST

START_TEST(integers_fill_their_text_whole)
{
    const struct {
        const char *text;
        bool ok;
        int64_t value;
    } cases[] = {
        { "0", true, 0 },
        { "-17", true, -17 },
        { "+17", true, 17 },
        { "007", true, 7 },
        { "9223372036854775807", true, INT64_MAX },
        { "-9223372036854775808", true, INT64_MIN },
        { "9223372036854775808", false, 0 },
        { "-9223372036854775809", false, 0 },
        { "99999999999999999999999", false, 0 },
        { "", false, 0 },
        { "-", false, 0 },
        { "1 ", false, 0 },
        { " 1", false, 0 },
        { "1x", false, 0 },
        { "--1", false, 0 },
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t v = 0;
        bool ok =
            bytes_to_int64(bytes_of(cases[i].text), INT64_MIN, INT64_MAX, &v);

        ck_assert_msg(ok == cases[i].ok && v == cases[i].value, "\"%s\"",
                      cases[i].text);
    }
}
END_TEST

START_TEST(integers_outside_of_the_range_are_refused)
{
    int64_t v = 42;

    ck_assert(!bytes_to_int64(BYTES("11"), 1, 10, &v));
    ck_assert(!bytes_to_int64(BYTES("0"), 1, 10, &v));
    ck_assert_int_eq(v, 42);
    ck_assert(bytes_to_int64(BYTES("10"), 1, 10, &v));
    ck_assert_int_eq(v, 10);
}
END_TEST

UNIT_MAIN("bytes", null_and_empty_differ, equality_is_of_content,
          order_is_bytewise_and_shorter_first,
          hashes_depend_on_content_and_seed, ids_become_the_text_kafka_writes,
          random_ids_differ_are_version_4_and_survive_their_text,
          what_is_no_id_is_refused, integers_fill_their_text_whole,
          integers_outside_of_the_range_are_refused)
