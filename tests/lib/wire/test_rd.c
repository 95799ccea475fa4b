/* The reading cursor: borders of each kind of value, and what a first failure
 * does to all that follows. */
#include "wire/rd.h"

#include <stdlib.h>

#include "tests/support/unit.h"

#define RD(...)                                                                \
    rd_make(bytes_make((const uint8_t[]){ __VA_ARGS__ },                       \
                       sizeof((const uint8_t[]){ __VA_ARGS__ })))

START_TEST(numbers_are_big_endian)
{
    struct rd r = RD(0xff, 0x80, 0x01, 0xff, 0xfe, 0xff, 0xff, 0xff, 0xfd, 0x80,
                     0, 0, 0, 0, 0, 0, 1, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0);

    ck_assert_int_eq(rd_i8(&r), -1);
    ck_assert_uint_eq(rd_u16(&r), 0x8001);
    ck_assert_int_eq(rd_i16(&r), -2);
    ck_assert_int_eq(rd_i32(&r), -3);
    ck_assert_int_eq(rd_i64(&r), INT64_MIN + 1);
    ck_assert_double_eq(rd_f64(&r), 1.5);
    ck_assert_uint_eq(r.left, 0);
    ck_assert_err(r.err, ERR_OK);
}
END_TEST

START_TEST(every_byte_but_zero_is_true)
{
    struct rd r = RD(0, 1, 2, 0xff);

    ck_assert(!rd_bool(&r));
    ck_assert(rd_bool(&r));
    ck_assert(rd_bool(&r));
    ck_assert(rd_bool(&r));
}
END_TEST

START_TEST(the_first_failure_sticks_and_all_else_is_zero)
{
    struct rd r = RD(1, 2, 3);

    ck_assert_int_eq(rd_i32(&r), 0);
    ck_assert_err(r.err, ERR_SHORT);
    ck_assert_uint_eq(r.left, 3); /* nothing was taken */
    ck_assert_int_eq(rd_i8(&r), 0);
    ck_assert_uint_eq(rd_uvarint(&r), 0);
    ck_assert(bytes_is_null(rd_string(&r, false, true)));
    ck_assert_uint_eq(rd_count(&r, true, 1, 10, NULL), 0);
    struct uuid u = rd_uuid(&r);
    ck_assert(uuid_is_zero(u));
    rd_fail(&r, ERR_FORMAT);
    ck_assert_err(r.err, ERR_SHORT);
}
END_TEST

START_TEST(a_take_of_almost_everything_does_not_wrap)
{
    struct rd r = RD(1, 2, 3);

    rd_take(&r, 1);
    ck_assert_ptr_null(rd_take(&r, SIZE_MAX));
    ck_assert_err(r.err, ERR_SHORT);
}
END_TEST

START_TEST(unsigned_varints_end_at_32_bits)
{
    struct rd zero = RD(0), two = RD(0x80, 0x01),
              most = RD(0xff, 0xff, 0xff, 0xff, 0x0f),
              beyond = RD(0xff, 0xff, 0xff, 0xff, 0x1f),
              six = RD(0x80, 0x80, 0x80, 0x80, 0x80, 0x01), cut = RD(0x80);

    ck_assert_uint_eq(rd_uvarint(&zero), 0);
    ck_assert_uint_eq(rd_uvarint(&two), 128);
    ck_assert_uint_eq(rd_uvarint(&most), UINT32_MAX);
    ck_assert_uint_eq(rd_uvarint(&beyond), 0);
    ck_assert_err(beyond.err, ERR_FORMAT);
    ck_assert_uint_eq(rd_uvarint(&six), 0);
    ck_assert_err(six.err, ERR_FORMAT);
    ck_assert_uint_eq(rd_uvarint(&cut), 0);
    ck_assert_err(cut.err, ERR_SHORT);
}
END_TEST

START_TEST(signed_varints_are_zigzag)
{
    struct rd minus = RD(0x01), plus = RD(0x02),
              lowest = RD(0xff, 0xff, 0xff, 0xff, 0x0f),
              long_lowest = RD(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                               0xff, 0x01),
              long_beyond = RD(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                               0xff, 0x03);

    ck_assert_int_eq(rd_varint(&minus), -1);
    ck_assert_int_eq(rd_varint(&plus), 1);
    ck_assert_int_eq(rd_varint(&lowest), INT32_MIN);
    ck_assert_int_eq(rd_varlong(&long_lowest), INT64_MIN);
    ck_assert_int_eq(rd_varlong(&long_beyond), 0);
    ck_assert_err(long_beyond.err, ERR_FORMAT);
}
END_TEST

START_TEST(strings_are_slices_of_the_input)
{
    struct rd r = RD(0, 2, 'a', 'b', 3, 'c', 'd', 0, 0, 1);
    const uint8_t *start = r.at;

    ck_assert_ptr_eq(rd_string(&r, false, false).at, start + 2);
    ck_assert_bytes(rd_string(&r, true, false), BYTES("cd"));
    ck_assert_bytes(rd_string(&r, false, false), BYTES(""));
    ck_assert_bytes(rd_string(&r, true, false), BYTES(""));
    ck_assert_err(r.err, ERR_OK);
}
END_TEST

START_TEST(null_is_refused_where_it_is_not_allowed)
{
    struct rd yes = RD(0xff, 0xff), no = RD(0xff, 0xff), compact = RD(0),
              odd = RD(0xff, 0xfe);

    ck_assert(bytes_is_null(rd_string(&yes, false, true)));
    ck_assert_err(yes.err, ERR_OK);
    rd_string(&no, false, false);
    ck_assert_err(no.err, ERR_FORMAT);
    rd_bytes(&compact, true, false);
    ck_assert_err(compact.err, ERR_FORMAT);
    rd_string(&odd, false, true); /* -2 is no length at all */
    ck_assert_err(odd.err, ERR_FORMAT);
}
END_TEST

START_TEST(a_compact_string_is_no_longer_than_a_long_one_can_be)
{
    struct rd r = RD(0x81, 0x80, 0x02, 'a'); /* 32769 - 1 */

    rd_string(&r, true, true);
    ck_assert_err(r.err, ERR_LIMIT);
}
END_TEST

START_TEST(a_length_beyond_the_end_is_refused)
{
    struct rd bytes = RD(0x7f, 0xff, 0xff, 0xff, 1), string = RD(0, 2, 'a');

    ck_assert(bytes_is_null(rd_bytes(&bytes, false, true)));
    ck_assert_err(bytes.err, ERR_SHORT);
    rd_string(&string, false, true);
    ck_assert_err(string.err, ERR_SHORT);
}
END_TEST

START_TEST(a_count_is_believed_while_the_smallest_elements_fit)
{
    struct rd fits = RD(0, 0, 0, 2, 1, 2, 3, 4),
              not = RD(0, 0, 0, 2, 1, 2, 3, 4),
              billion = RD(0x3b, 0x9a, 0xca, 0x00);

    ck_assert_uint_eq(rd_count(&fits, false, 2, 100, NULL), 2);
    ck_assert_uint_eq(rd_count(&not, false, 3, 100, NULL), 0);
    ck_assert_err(not .err, ERR_SHORT);
    ck_assert_uint_eq(rd_count(&billion, false, 4, SIZE_MAX, NULL), 0);
    ck_assert_err(billion.err, ERR_SHORT);
}
END_TEST

START_TEST(a_count_above_the_bound_is_refused)
{
    struct rd r = RD(0, 0, 0, 3, 1, 2, 3);

    ck_assert_uint_eq(rd_count(&r, false, 1, 2, NULL), 0);
    ck_assert_err(r.err, ERR_LIMIT);
}
END_TEST

START_TEST(a_null_array_is_told_from_an_empty_one)
{
    struct rd null = RD(0xff, 0xff, 0xff, 0xff), empty = RD(1), no = RD(0),
              odd = RD(0xff, 0xff, 0xff, 0xfe);
    bool is_null = false;

    ck_assert_uint_eq(rd_count(&null, false, 1, 9, &is_null), 0);
    ck_assert(is_null);
    ck_assert_uint_eq(rd_count(&empty, true, 1, 9, &is_null), 0);
    ck_assert(!is_null);
    ck_assert_err(empty.err, ERR_OK);
    rd_count(&no, true, 1, 9, NULL);
    ck_assert_err(no.err, ERR_FORMAT);
    rd_count(&odd, false, 1, 9, &is_null);
    ck_assert_err(odd.err, ERR_FORMAT);
    ck_assert(!is_null);
}
END_TEST

START_TEST(unknown_tags_are_skipped_whole)
{
    struct rd r = RD(2, 0, 1, 'x', 7, 2, 'y', 'z', 42),
              liar = RD(0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0);

    rd_skip_tags(&r);
    ck_assert_uint_eq(rd_u8(&r), 42);
    ck_assert_err(r.err, ERR_OK);
    rd_skip_tags(&liar); /* four billion of them: ends with the input */
    ck_assert_err(liar.err, ERR_SHORT);
}
END_TEST

START_TEST(jute_buffers_are_bounded_by_the_caller)
{
    struct rd null = RD(0xff, 0xff, 0xff, 0xff), fits = RD(0, 0, 0, 1, 'a'),
              large = RD(0, 0, 0, 2, 'a', 'b'), odd = RD(0x80, 0, 0, 0);

    ck_assert(bytes_is_null(rd_jute(&null, 1)));
    ck_assert_err(null.err, ERR_OK);
    ck_assert_bytes(rd_jute(&fits, 1), BYTES("a"));
    rd_jute(&large, 1);
    ck_assert_err(large.err, ERR_LIMIT);
    rd_jute(&odd, 1);
    ck_assert_err(odd.err, ERR_FORMAT);
}
END_TEST

UNIT_MAIN("rd", numbers_are_big_endian, every_byte_but_zero_is_true,
          the_first_failure_sticks_and_all_else_is_zero,
          a_take_of_almost_everything_does_not_wrap,
          unsigned_varints_end_at_32_bits, signed_varints_are_zigzag,
          strings_are_slices_of_the_input,
          null_is_refused_where_it_is_not_allowed,
          a_compact_string_is_no_longer_than_a_long_one_can_be,
          a_length_beyond_the_end_is_refused,
          a_count_is_believed_while_the_smallest_elements_fit,
          a_count_above_the_bound_is_refused,
          a_null_array_is_told_from_an_empty_one,
          unknown_tags_are_skipped_whole,
          jute_buffers_are_bounded_by_the_caller)
