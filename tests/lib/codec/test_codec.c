/* test_codec.c - streams of every codec: there and back, cut, bent, too large.
 */
#include <check.h>
#include <lz4.h>
#include <lz4frame.h>
#include <snappy-c.h>
#include <stdlib.h>
#include <zlib.h>
#include <zstd.h>

#include "codec/codec.h"

enum { BIG = 300 * 1024 };

static uint8_t big[BIG];

/* Half text-like, half noise, so that lz4 stores some blocks as they are. */
static void fill_big(void)
{
    srand(7);
    for (size_t i = 0; i < BIG; i++)
        big[i] = (uint8_t)(i < BIG / 2 ? "abcdefgh"[i / 13 % 8] : rand());
}

static struct wr deflate_all(enum codec codec, bool magic0, struct bytes in)
{
    struct wr w;

    wr_init(&w, 1 << 20);
    ck_assert_int_eq(codec_deflate(codec, magic0, in, &w), ERR_OK);
    return w;
}

static void expect_inflated(enum codec codec, bool magic0, struct bytes in,
                            struct bytes want)
{
    struct wr w;

    wr_init(&w, want.len);
    ck_assert_int_eq(codec_inflate(codec, magic0, in, &w), ERR_OK);
    ck_assert_uint_eq(w.len, want.len);
    if (want.len)
        ck_assert_mem_eq(w.data, want.at, want.len);
    wr_fini(&w);
}

static enum err inflate_err(enum codec codec, struct bytes in, size_t limit)
{
    struct wr w;
    enum err err;

    wr_init(&w, limit);
    err = codec_inflate(codec, false, in, &w);
    wr_fini(&w);
    return err;
}

START_TEST(every_codec_gives_back_what_it_was_given)
{
    enum codec codec = (enum codec)_i;
    static const size_t sizes[] = { 1, 100, 32768, 65536, 65537, BIG };

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct bytes in = bytes_make(big, sizes[i]);
        struct wr w = deflate_all(codec, false, in);

        expect_inflated(codec, false, bytes_make(w.data, w.len), in);
        wr_fini(&w);
    }
}
END_TEST

START_TEST(a_reader_and_a_writer_serve_one_stream_after_the_other)
{
    struct codec_reader r;
    struct codec_writer w;
    uint8_t window[1000];
    struct wr out;

    codec_reader_init(&r);
    codec_writer_init(&w);
    wr_init(&out, 1 << 20);
    for (int i = 0; i < 15; i++) {
        enum codec codec = (enum codec)(i % 5);
        size_t total = 0, n;

        out.len = 0;
        ck_assert_int_eq(codec_writer_start(&w, codec, false, &out), ERR_OK);
        for (size_t at = 0; at < 100000; at += 10)
            codec_writer_write(&w, bytes_make(big + at, 10));
        ck_assert_int_eq(codec_writer_finish(&w), ERR_OK);
        ck_assert_int_eq(codec_reader_start(&r, codec, false,
                                            bytes_make(out.data, out.len),
                                            100000),
                         ERR_OK);
        while (codec_reader_read(&r, window, sizeof window, &n) == ERR_OK) {
            ck_assert_mem_eq(window, big + total, n);
            total += n;
        }
        ck_assert_uint_eq(total, 100000);
        ck_assert_int_eq(codec_reader_read(&r, window, 1, &n), ERR_ABSENT);
    }
    codec_reader_fini(&r);
    codec_writer_fini(&w);
    wr_fini(&out);
}
END_TEST

START_TEST(one_byte_more_than_the_limit_is_refused)
{
    enum codec codec = (enum codec)_i;
    struct wr w = deflate_all(codec, false, bytes_make(big, 100000));

    ck_assert_int_eq(inflate_err(codec, bytes_make(w.data, w.len), 100000),
                     ERR_OK);
    ck_assert_int_eq(inflate_err(codec, bytes_make(w.data, w.len), 99999),
                     ERR_LIMIT);
    wr_fini(&w);
}
END_TEST

START_TEST(a_stream_cut_anywhere_is_no_stream)
{
    enum codec codec = (enum codec)_i;
    struct wr w = deflate_all(codec, false, bytes_make(big, 70000));

    for (size_t len = 0; len < w.len; len += len < 64 ? 1 : 997) {
        enum err err = inflate_err(codec, bytes_make(w.data, len), 100000);

        /* The snappy container may end after its header or any chunk. */
        if (codec == CODEC_SNAPPY && err == ERR_OK)
            continue;
        ck_assert_msg(err == ERR_SHORT || err == ERR_FORMAT, "%s at %zu: %s",
                      codec_name(codec), len, err_name(err));
    }
    wr_fini(&w);
}
END_TEST

START_TEST(an_output_that_is_full_stops_the_writer)
{
    enum codec codec = (enum codec)_i;
    struct wr w;

    wr_init(&w, 1000);
    ck_assert_int_eq(codec_deflate(codec, false, bytes_make(big, BIG), &w),
                     ERR_LIMIT);
    wr_fini(&w);
}
END_TEST

START_TEST(numbers_that_are_not_assigned_are_refused)
{
    struct codec_reader r;
    struct codec_writer w;
    struct wr out;

    wr_init(&out, 100);
    codec_reader_init(&r);
    codec_writer_init(&w);
    ck_assert_int_eq(
        codec_reader_start(&r, (enum codec)5, false, BYTES("x"), 1), ERR_CODEC);
    ck_assert_int_eq(codec_writer_start(&w, (enum codec)7, false, &out),
                     ERR_CODEC);
    codec_reader_fini(&r);
    codec_writer_fini(&w);
    wr_fini(&out);
}
END_TEST

START_TEST(names_are_those_of_the_compression_type_setting)
{
    enum codec codec;

    for (unsigned i = 0; i <= CODEC_MOST; i++) {
        ck_assert(codec_from_name(bytes_of(codec_name((enum codec)i)), &codec));
        ck_assert_int_eq(codec, (enum codec)i);
    }
    ck_assert(codec_from_name(BYTES("uncompressed"), &codec));
    ck_assert_int_eq(codec, CODEC_NONE);
    ck_assert(!codec_from_name(BYTES("producer"), &codec));
    ck_assert_str_eq(codec_name((enum codec)5), "unknown");
}
END_TEST

/* -- gzip --------------------------------------------------------------------
 */

START_TEST(gzip_members_follow_one_another_and_rubbish_ends_them)
{
    struct wr w = deflate_all(CODEC_GZIP, false, BYTES("one "));

    ck_assert_int_eq(codec_deflate(CODEC_GZIP, false, BYTES("two"), &w),
                     ERR_OK);
    wr_raw(&w, "rubbish", 7);
    expect_inflated(CODEC_GZIP, false, bytes_make(w.data, w.len),
                    BYTES("one two"));
    wr_fini(&w);
}
END_TEST

START_TEST(a_wrong_gzip_checksum_is_seen)
{
    struct wr w = deflate_all(CODEC_GZIP, false, BYTES("some text"));

    w.data[w.len - 5] ^= 1;
    ck_assert_int_eq(inflate_err(CODEC_GZIP, bytes_make(w.data, w.len), 100),
                     ERR_FORMAT);
    wr_fini(&w);
}
END_TEST

/* -- snappy ------------------------------------------------------------------
 */

START_TEST(a_raw_snappy_block_is_read)
{
    size_t len = snappy_max_compressed_length(BIG);
    char *raw = malloc(len);

    ck_assert_int_eq(snappy_compress((char *)big, BIG, raw, &len), SNAPPY_OK);
    expect_inflated(CODEC_SNAPPY, false, bytes_make(raw, len),
                    bytes_make(big, BIG));
    free(raw);
}
END_TEST

START_TEST(snappy_containers_follow_one_another)
{
    struct wr w = deflate_all(CODEC_SNAPPY, false, BYTES("one "));

    ck_assert_int_eq(codec_deflate(CODEC_SNAPPY, false, BYTES("two"), &w),
                     ERR_OK);
    expect_inflated(CODEC_SNAPPY, false, bytes_make(w.data, w.len),
                    BYTES("one two"));
    wr_fini(&w);
}
END_TEST

START_TEST(a_snappy_block_that_announces_gigabytes_gets_no_memory)
{
    /* varint 0xffffffff, then one literal */
    static const uint8_t claim[] = { 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00, 'x' };

    ck_assert_int_eq(inflate_err(CODEC_SNAPPY, bytes_make(claim, sizeof claim),
                                 SIZE_MAX / 2),
                     ERR_FORMAT);
}
END_TEST

START_TEST(a_snappy_chunk_of_negative_length_is_refused)
{
    struct wr w = deflate_all(CODEC_SNAPPY, false, BYTES("x"));

    w.data[16] = 0xff;
    ck_assert_int_eq(inflate_err(CODEC_SNAPPY, bytes_make(w.data, w.len), 100),
                     ERR_FORMAT);
    wr_fini(&w);
}
END_TEST

/* -- lz4 ---------------------------------------------------------------------
 */

static size_t lz4_library(struct bytes in, const LZ4F_preferences_t *p,
                          uint8_t **out)
{
    size_t room = LZ4F_compressFrameBound(in.len, p);

    *out = malloc(room);
    size_t len = LZ4F_compressFrame(*out, room, in.at, in.len, p);
    ck_assert(!LZ4F_isError(len));
    return len;
}

START_TEST(lz4_frames_of_the_library_are_read_with_all_their_checksums)
{
    LZ4F_preferences_t p = {
        .frameInfo = { .blockSizeID = (LZ4F_blockSizeID_t)(4 + _i),
                       .blockMode = LZ4F_blockIndependent,
                       .contentChecksumFlag = LZ4F_contentChecksumEnabled,
                       .blockChecksumFlag = LZ4F_blockChecksumEnabled,
                       .contentSize = BIG }
    };
    uint8_t *frame;
    size_t len = lz4_library(bytes_make(big, BIG), &p, &frame);

    expect_inflated(CODEC_LZ4, false, bytes_make(frame, len),
                    bytes_make(big, BIG));
    frame[len / 2] ^= 1; /* some block's checksum is wrong now */
    ck_assert_int_eq(inflate_err(CODEC_LZ4, bytes_make(frame, len), BIG),
                     ERR_FORMAT);
    free(frame);
}
END_TEST

START_TEST(lz4_frames_are_read_by_the_library)
{
    struct wr w = deflate_all(CODEC_LZ4, false, bytes_make(big, BIG));
    LZ4F_dctx *d;
    uint8_t *out = malloc(BIG);
    size_t from = 0, to = 0;

    ck_assert(!LZ4F_isError(LZ4F_createDecompressionContext(&d, LZ4F_VERSION)));
    while (from < w.len) {
        size_t in = w.len - from, n = BIG - to;

        ck_assert(!LZ4F_isError(
            LZ4F_decompress(d, out + to, &n, w.data + from, &in, NULL)));
        from += in;
        to += n;
    }
    ck_assert_uint_eq(to, BIG);
    ck_assert_mem_eq(out, big, BIG);
    LZ4F_freeDecompressionContext(d);
    free(out);
    wr_fini(&w);
}
END_TEST

START_TEST(dependent_lz4_blocks_are_refused)
{
    LZ4F_preferences_t p = { .frameInfo = { .blockMode = LZ4F_blockLinked } };
    uint8_t *frame;
    size_t len = lz4_library(bytes_make(big, BIG), &p, &frame);

    ck_assert_int_eq(inflate_err(CODEC_LZ4, bytes_make(frame, len), BIG),
                     ERR_FORMAT);
    free(frame);
}
END_TEST

START_TEST(the_lz4_header_checksum_of_magic_0_is_wrong_on_purpose)
{
    struct bytes in = BYTES("text");
    struct wr w = deflate_all(CODEC_LZ4, true, in);
    struct wr right = deflate_all(CODEC_LZ4, false, in);

    ck_assert_uint_ne(w.data[6], right.data[6]);
    expect_inflated(CODEC_LZ4, true, bytes_make(w.data, w.len), in);
    expect_inflated(CODEC_LZ4, true, bytes_make(right.data, right.len), in);
    ck_assert_int_eq(inflate_err(CODEC_LZ4, bytes_make(w.data, w.len), 100),
                     ERR_FORMAT);
    wr_fini(&w);
    wr_fini(&right);
}
END_TEST

/* -- zstd --------------------------------------------------------------------
 */

START_TEST(zstd_frames_follow_one_another)
{
    struct wr w = deflate_all(CODEC_ZSTD, false, BYTES("one "));

    ck_assert_int_eq(codec_deflate(CODEC_ZSTD, false, BYTES("two"), &w),
                     ERR_OK);
    expect_inflated(CODEC_ZSTD, false, bytes_make(w.data, w.len),
                    BYTES("one two"));
    wr_fini(&w);
}
END_TEST

START_TEST(a_zstd_window_above_the_bound_is_refused)
{
    /* magic; descriptor: no content size, window byte for 2^28 */
    static const uint8_t frame[] = { 0x28,    0xb5, 0x2f, 0xfd, 0x00,
                                     18 << 3, 0x01, 0x00, 0x00 };

    ck_assert_int_eq(
        inflate_err(CODEC_ZSTD, bytes_make(frame, sizeof frame), 100),
        ERR_LIMIT);
}
END_TEST

START_TEST(a_bomb_stops_at_the_limit)
{
    struct codec_reader r;
    uint8_t *zeros = calloc(1, 100 << 20);
    struct wr w;
    uint8_t window[4096];
    size_t n, total = 0;
    enum err err;

    wr_init(&w, 1 << 20);
    ck_assert_int_eq(
        codec_deflate(CODEC_ZSTD, false, bytes_make(zeros, 100 << 20), &w),
        ERR_OK);
    codec_reader_init(&r);
    ck_assert_int_eq(codec_reader_start(&r, CODEC_ZSTD, false,
                                        bytes_make(w.data, w.len), 1 << 20),
                     ERR_OK);
    while ((err = codec_reader_read(&r, window, sizeof window, &n)) == ERR_OK)
        total += n;
    ck_assert_int_eq(err, ERR_LIMIT);
    ck_assert_uint_le(total, 1 << 20);
    codec_reader_fini(&r);
    wr_fini(&w);
    free(zeros);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("codec");
    TCase *t = tcase_create("codec");
    SRunner *r;

    fill_big();
    tcase_add_loop_test(t, every_codec_gives_back_what_it_was_given, 0, 5);
    tcase_add_test(t, a_reader_and_a_writer_serve_one_stream_after_the_other);
    tcase_add_loop_test(t, one_byte_more_than_the_limit_is_refused, 0, 5);
    tcase_add_loop_test(t, a_stream_cut_anywhere_is_no_stream, 1, 5);
    tcase_add_loop_test(t, an_output_that_is_full_stops_the_writer, 0, 5);
    tcase_add_test(t, numbers_that_are_not_assigned_are_refused);
    tcase_add_test(t, names_are_those_of_the_compression_type_setting);
    tcase_add_test(t, gzip_members_follow_one_another_and_rubbish_ends_them);
    tcase_add_test(t, a_wrong_gzip_checksum_is_seen);
    tcase_add_test(t, a_raw_snappy_block_is_read);
    tcase_add_test(t, snappy_containers_follow_one_another);
    tcase_add_test(t, a_snappy_block_that_announces_gigabytes_gets_no_memory);
    tcase_add_test(t, a_snappy_chunk_of_negative_length_is_refused);
    tcase_add_loop_test(
        t, lz4_frames_of_the_library_are_read_with_all_their_checksums, 0, 4);
    tcase_add_test(t, lz4_frames_are_read_by_the_library);
    tcase_add_test(t, dependent_lz4_blocks_are_refused);
    tcase_add_test(t, the_lz4_header_checksum_of_magic_0_is_wrong_on_purpose);
    tcase_add_test(t, zstd_frames_follow_one_another);
    tcase_add_test(t, a_zstd_window_above_the_bound_is_refused);
    tcase_add_test(t, a_bomb_stops_at_the_limit);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
