/* test_crc.c - checksums against published values, and their arithmetic. */
#include <check.h>
#include <stdlib.h>

#include "codec/codec.h"
#include "codec/codec_impl.h"

START_TEST(crc32c_matches_the_published_vectors)
{
    uint8_t zeros[32] = { 0 }, ones[32];

    memset(ones, 0xff, sizeof ones);
    ck_assert_uint_eq(codec_crc32c(0, BYTES("123456789")), 0xe3069283u);
    /* RFC 3720, B.4 */
    ck_assert_uint_eq(codec_crc32c(0, bytes_make(zeros, 32)), 0x8a9136aau);
    ck_assert_uint_eq(codec_crc32c(0, bytes_make(ones, 32)), 0x62a8ab43u);
    ck_assert_uint_eq(codec_crc32c(0, BYTES_NULL), 0);
}
END_TEST

START_TEST(crc32_matches_the_published_vector)
{
    ck_assert_uint_eq(codec_crc32(0, BYTES("123456789")), 0xcbf43926u);
    ck_assert_uint_eq(codec_crc32(7, BYTES_NULL), 7);
}
END_TEST

START_TEST(a_crc_goes_on_where_it_stopped)
{
    uint32_t crc = codec_crc32c(0, BYTES("1234"));

    ck_assert_uint_eq(codec_crc32c(crc, BYTES("56789")), 0xe3069283u);
}
END_TEST

START_TEST(crcs_of_two_parts_join_to_that_of_both)
{
    static uint8_t bytes[70001];

    srand(1);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)rand();
    for (size_t cut = 0; cut < sizeof bytes; cut = cut * 3 + 1) {
        uint32_t a = codec_crc32c(0, bytes_make(bytes, cut));
        uint32_t b =
            codec_crc32c(0, bytes_make(bytes + cut, sizeof bytes - cut));

        ck_assert_uint_eq(codec_crc32c_join(a, b, sizeof bytes - cut),
                          codec_crc32c(0, bytes_make(bytes, sizeof bytes)));
    }
}
END_TEST

START_TEST(a_changed_head_changes_the_crc_as_if_all_were_read)
{
    static uint8_t bytes[5000];

    for (size_t len = 40; len <= sizeof bytes; len += 311) {
        uint8_t old[40];
        uint32_t crc;

        memcpy(old, bytes, sizeof old);
        crc = codec_crc32c(0, bytes_make(bytes, len));
        for (size_t i = 0; i < sizeof old; i++)
            bytes[i] = (uint8_t)(bytes[i] + i * len);
        crc = codec_crc32c_exchange(crc, bytes_make(old, sizeof old),
                                    bytes_make(bytes, sizeof old),
                                    len - sizeof old);
        ck_assert_uint_eq(crc, codec_crc32c(0, bytes_make(bytes, len)));
    }
}
END_TEST

START_TEST(joining_holds_for_very_long_parts)
{
    /* (a join b) join c = a join (b join c), with lengths past 2^32. */
    uint64_t b = UINT64_C(5000000000), c = UINT64_C(70000000000);
    uint32_t left = codec_crc32c_join(codec_crc32c_join(1, 2, b), 3, c);
    uint32_t right = codec_crc32c_join(1, codec_crc32c_join(2, 3, c), b + c);

    ck_assert_uint_eq(left, right);
}
END_TEST

START_TEST(xxh32_matches_the_published_vectors)
{
    ck_assert_uint_eq(codec_xxh32(BYTES("")), 0x02cc5d05u);
    ck_assert_uint_eq(codec_xxh32(BYTES("a")), 0x550d7456u);
    ck_assert_uint_eq(codec_xxh32(BYTES("Nobody inspects the spammish "
                                        "repetition")),
                      0xe2293b2fu);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("crc");
    TCase *t = tcase_create("crc");
    SRunner *r;

    tcase_add_test(t, crc32c_matches_the_published_vectors);
    tcase_add_test(t, crc32_matches_the_published_vector);
    tcase_add_test(t, a_crc_goes_on_where_it_stopped);
    tcase_add_test(t, crcs_of_two_parts_join_to_that_of_both);
    tcase_add_test(t, a_changed_head_changes_the_crc_as_if_all_were_read);
    tcase_add_test(t, joining_holds_for_very_long_parts);
    tcase_add_test(t, xxh32_matches_the_published_vectors);
    suite_add_tcase(s, t);
    r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed != 0;
}
