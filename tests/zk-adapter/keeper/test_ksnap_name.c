/* Names of snapshot files. */
#include "keeper/ksnap_name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/support/unit.h"

START_TEST(methods_and_suffixes_name_the_same_codecs)
{
    enum codec codec;

    ck_assert_int_eq(ksnap_codec(NULL), CODEC_NONE);
    ck_assert_int_eq(ksnap_codec(""), CODEC_NONE);
    ck_assert_int_eq(ksnap_codec("GZ"), CODEC_GZIP);
    ck_assert_int_eq(ksnap_codec("snappy"), CODEC_SNAPPY);
    ck_assert_int_eq(ksnap_codec("zstd"), CODEC_NONE);
    ck_assert_uint_eq(ksnap_name_stem("snapshot.1f", &codec), 11);
    ck_assert_int_eq(codec, CODEC_NONE);
    ck_assert_uint_eq(ksnap_name_stem("snapshot.1f.gz", &codec), 11);
    ck_assert_int_eq(codec, CODEC_GZIP);
    ck_assert_uint_eq(ksnap_name_stem("snapshot.1f.snappy", &codec), 11);
    ck_assert_int_eq(codec, CODEC_SNAPPY);
}
END_TEST

START_TEST(the_form_that_is_there_is_found_and_all_are_removed)
{
    char dir[] = "/tmp/test_ksnap_name.XXXXXX";
    enum codec codec;
    char *name;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    name = ksnap_name(dir, "snapshot.", 0x1f, CODEC_SNAPPY);
    ck_assert_ptr_nonnull(strstr(name, "/snapshot.1f.snappy"));
    FILE *f = fopen(name, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fclose(f), 0);
    mem_free(name);
    name = ksnap_name_find(dir, 0x1f, &codec);
    ck_assert_int_eq(codec, CODEC_SNAPPY);
    ck_assert_int_eq(access(name, F_OK), 0);
    ck_assert(ksnap_name_remove(dir, 0x1f));
    ck_assert_int_ne(access(name, F_OK), 0);
    ck_assert(ksnap_name_remove(dir, 0x1f));
    mem_free(name);
    name = ksnap_name_find(dir, 0x1f, &codec);
    ck_assert_int_eq(codec, CODEC_NONE);
    mem_free(name);
    ck_assert_int_eq(rmdir(dir), 0);
}
END_TEST

UNIT_MAIN("ksnap_name", methods_and_suffixes_name_the_same_codecs,
          the_form_that_is_there_is_found_and_all_are_removed)
