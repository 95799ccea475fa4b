/* The writing buffer: growth, the ceiling, and places for file ranges. */
#include "wire/wr.h"

#include "tests/support/unit.h"
#include "wire/message.h"
#include "wire/rd.h"

enum { PLENTY = 1 << 20 };

static struct bytes written(const struct wr *w)
{
    return bytes_make(w->data, w->len);
}

START_TEST(what_is_written_is_read_again)
{
    struct wr w;

    wr_init(&w, PLENTY);
    wr_i8(&w, -1);
    wr_u16(&w, 0xfffe);
    wr_i32(&w, INT32_MIN);
    wr_i64(&w, INT64_MIN);
    wr_f64(&w, -0.5);
    wr_uvarint(&w, UINT32_MAX);
    wr_varint(&w, INT32_MIN);
    wr_varlong(&w, INT64_MIN);
    wr_string(&w, false, BYTES_NULL);
    wr_string(&w, true, BYTES("a"));
    wr_bytes(&w, true, BYTES_NULL);
    wr_count(&w, false, 7, false);
    wr_count(&w, true, 0, true);
    wr_jute(&w, BYTES(""));
    ck_assert_err(w.err, ERR_OK);

    struct rd r = rd_make(written(&w));
    bool is_null;
    ck_assert_int_eq(rd_i8(&r), -1);
    ck_assert_uint_eq(rd_u16(&r), 0xfffe);
    ck_assert_int_eq(rd_i32(&r), INT32_MIN);
    ck_assert_int_eq(rd_i64(&r), INT64_MIN);
    ck_assert_double_eq(rd_f64(&r), -0.5);
    ck_assert_uint_eq(rd_uvarint(&r), UINT32_MAX);
    ck_assert_int_eq(rd_varint(&r), INT32_MIN);
    ck_assert_int_eq(rd_varlong(&r), INT64_MIN);
    ck_assert_bytes(rd_string(&r, false, true), BYTES_NULL);
    ck_assert_bytes(rd_string(&r, true, true), BYTES("a"));
    ck_assert_bytes(rd_bytes(&r, true, true), BYTES_NULL);
    ck_assert_int_eq(rd_i32(&r), 7);
    rd_count(&r, true, 1, 1, &is_null);
    ck_assert(is_null);
    ck_assert_bytes(rd_jute(&r, 1), BYTES(""));
    ck_assert_uint_eq(r.left, 0);
    ck_assert_err(r.err, ERR_OK);
    wr_fini(&w);
}
END_TEST

START_TEST(the_ceiling_holds_to_the_byte_and_sticks)
{
    struct wr w;

    wr_init(&w, 5);
    wr_i32(&w, 1);
    wr_u8(&w, 2);
    ck_assert_err(w.err, ERR_OK);
    wr_u8(&w, 3);
    ck_assert_err(w.err, ERR_LIMIT);
    ck_assert_uint_eq(w.len, 5);
    wr_string(&w, false, BYTES("x"));
    ck_assert_uint_eq(w.len, 5);
    wr_fini(&w);
}
END_TEST

START_TEST(it_grows_over_many_sizes_and_keeps_what_it_has)
{
    struct wr w;

    wr_init(&w, PLENTY);
    for (int32_t i = 0; i < 50000; i++)
        wr_i32(&w, i);
    ck_assert_err(w.err, ERR_OK);
    struct rd r = rd_make(written(&w));
    for (int32_t i = 0; i < 50000; i++)
        ck_assert_int_eq(rd_i32(&r), i);
    wr_fini(&w);
    ck_assert_ptr_null(w.data);
}
END_TEST

START_TEST(what_is_reserved_stays_where_it_is_and_counts_only_when_written)
{
    struct wr w;

    wr_init(&w, 1000);
    wr_u8(&w, 1);
    wr_reserve(&w, 999);
    const uint8_t *data = w.data;
    ck_assert_uint_eq(w.len, 1);
    for (int i = 0; i < 999; i++)
        wr_u8(&w, 2);
    ck_assert_ptr_eq(w.data, data);
    ck_assert_uint_eq(w.len, 1000);
    /* more than the ceiling may never come */
    wr_reserve(&w, 1);
    ck_assert_err(w.err, ERR_OK);
    wr_fini(&w);
}
END_TEST

START_TEST(a_string_of_32768_bytes_is_refused)
{
    static const uint8_t text[32768];
    struct wr w;

    wr_init(&w, PLENTY);
    wr_string(&w, true, bytes_make(text, 32767));
    ck_assert_err(w.err, ERR_OK);
    wr_string(&w, true, bytes_make(text, 32768));
    ck_assert_err(w.err, ERR_LIMIT);
    wr_fini(&w);
}
END_TEST

START_TEST(a_length_is_patched_in_place)
{
    struct wr w;

    wr_init(&w, PLENTY);
    wr_i32(&w, 0);
    wr_raw(&w, "abc", 3);
    wr_patch_i32(&w, 0, 3);
    ck_assert_bytes(written(&w), bytes_make("\0\0\0\3abc", 7));
    wr_fini(&w);
}
END_TEST

START_TEST(file_ranges_are_noted_where_they_belong)
{
    struct wire_records range = { .position = 7, .length = 100 };
    int file;
    struct wr w;

    range.file = &file;
    wr_init(&w, PLENTY);
    for (size_t i = 0; i < 9; i++)
        wr_records(&w, true, &range);
    ck_assert_uint_eq(w.n_cuts, 9);
    ck_assert_uint_eq(w.cut_bytes, 900);
    for (size_t i = 0; i < 9; i++) {
        ck_assert_uint_eq(w.cuts[i].at, i + 1); /* 101 is one byte */
        ck_assert_ptr_eq(w.cuts[i].file, &file);
        ck_assert_int_eq(w.cuts[i].position, 7);
    }
    wr_fini(&w);
}
END_TEST

START_TEST(every_cut_handed_in_is_kept_also_after_a_failure)
{
    struct wire_records range = { .length = 1 };
    int file;
    struct wr w;

    range.file = &file;
    wr_init(&w, 2);
    wr_i32(&w, 0);
    ck_assert_err(w.err, ERR_LIMIT);
    wr_records(&w, false, &range);
    ck_assert_uint_eq(w.n_cuts, 1);
    ck_assert_ptr_eq(w.cuts[0].file, &file);
    wr_fini(&w);
}
END_TEST

START_TEST(a_tagged_field_of_any_length_has_its_length_in_front)
{
    static const uint8_t text[20000] = { 1, 2, 3 };
    const size_t lengths[] = { 0, 1, 127, 128, 16383, 16384, 20000 };

    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        struct wr w;

        wr_init(&w, PLENTY);
        wr_u8(&w, 0xaa);
        size_t begin = wire_tag_begin(&w, 300);
        wr_raw(&w, text, lengths[i]);
        wire_tag_end(&w, begin);
        wr_u8(&w, 0xbb);
        ck_assert_err(w.err, ERR_OK);

        struct rd r = rd_make(written(&w));
        ck_assert_uint_eq(rd_u8(&r), 0xaa);
        ck_assert_uint_eq(rd_uvarint(&r), 300);
        struct rd field = wire_tag_open(&r);
        ck_assert_bytes(bytes_make(field.at, field.left),
                        bytes_make(text, lengths[i]));
        ck_assert_uint_eq(rd_u8(&r), 0xbb);
        ck_assert_uint_eq(r.left, 0);
        wr_fini(&w);
    }
}
END_TEST

START_TEST(a_tagged_field_at_the_ceiling_fails_and_stays_inside)
{
    static const uint8_t text[200];

    for (size_t limit = 0; limit < 204; limit++) {
        struct wr w;

        wr_init(&w, limit);
        size_t begin = wire_tag_begin(&w, 1);
        wr_raw(&w, text, sizeof text);
        wire_tag_end(&w, begin);
        ck_assert_err(w.err, limit < 203 ? ERR_LIMIT : ERR_OK);
        wr_fini(&w);
    }
}
END_TEST

UNIT_MAIN("wr", what_is_written_is_read_again,
          the_ceiling_holds_to_the_byte_and_sticks,
          it_grows_over_many_sizes_and_keeps_what_it_has,
          what_is_reserved_stays_where_it_is_and_counts_only_when_written,
          a_string_of_32768_bytes_is_refused, a_length_is_patched_in_place,
          file_ranges_are_noted_where_they_belong,
          every_cut_handed_in_is_kept_also_after_a_failure,
          a_tagged_field_of_any_length_has_its_length_in_front,
          a_tagged_field_at_the_ceiling_fails_and_stays_inside)
