/* test_zk_saved.c - the file with the session of this run. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/zk_saved.h"

static char dir[64], file[96];
static struct errmsg why;
static const struct zk_saved saved = {
    0x10000ab12cd0001, { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255 }
};

static void setup(void)
{
    snprintf(dir, sizeof dir, "/tmp/gregor-saved-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(file, sizeof file, "%s/session", dir);
}

static void teardown(void)
{
    chmod(dir, 0700);
    unlink(file);
    ck_assert_int_eq(rmdir(dir), 0); /* no temporary file stays */
}

static size_t slurp(char *text, size_t size)
{
    FILE *f = fopen(file, "r");
    size_t n = fread(text, 1, size, f);

    fclose(f);
    return n;
}

static void spill(const char *text, size_t n)
{
    FILE *f = fopen(file, "w");

    ck_assert_uint_eq(fwrite(text, 1, n, f), n);
    fclose(f);
}

START_TEST(what_is_written_is_read_again_and_nobody_else_may)
{
    struct zk_saved again;
    struct stat st;

    ck_assert_int_eq(zk_saved_read(file, &again, &why), ERR_ABSENT);
    ck_assert_int_eq(zk_saved_write(file, &saved, &why), ERR_OK);
    ck_assert_int_eq(zk_saved_write(file, &saved, &why), ERR_OK);
    ck_assert_int_eq(stat(file, &st), 0);
    ck_assert_int_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(zk_saved_read(file, &again, &why), ERR_OK);
    ck_assert_int_eq(again.session, saved.session);
    ck_assert_mem_eq(again.passwd, saved.passwd, ZK_PASSWD_LEN);
    ck_assert_int_eq(zk_saved_remove(file, &why), ERR_OK);
    ck_assert_int_eq(zk_saved_remove(file, &why), ERR_OK);
    ck_assert_int_eq(zk_saved_read(file, &again, &why), ERR_ABSENT);
}
END_TEST

START_TEST(any_damaged_byte_is_noticed)
{
    char text[200], damaged[200];
    struct zk_saved again;
    size_t n;

    ck_assert_int_eq(zk_saved_write(file, &saved, &why), ERR_OK);
    n = slurp(text, sizeof text);
    for (size_t i = 0; i < n; i++) {
        memcpy(damaged, text, n);
        damaged[i] ^= 1;
        spill(damaged, n);
        ck_assert_int_eq(zk_saved_read(file, &again, &why), ERR_FORMAT);
    }
    for (size_t cut = 0; cut < n; cut++) {
        spill(text, cut);
        ck_assert_int_eq(zk_saved_read(file, &again, &why), ERR_FORMAT);
    }
    text[n] = '\n';
    spill(text, n + 1);
    ck_assert_int_eq(zk_saved_read(file, &again, &why), ERR_FORMAT);
    spill(text, n);
    ck_assert_int_eq(zk_saved_read(file, &again, &why), ERR_OK);
}
END_TEST

START_TEST(a_file_that_others_may_read_is_refused)
{
    struct zk_saved again;

    ck_assert_int_eq(zk_saved_write(file, &saved, &why), ERR_OK);
    ck_assert_int_eq(chmod(file, 0640), 0);
    ck_assert_int_eq(zk_saved_read(file, &again, &why), ERR_FORMAT);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("saved session");
    TCase *t = tcase_create("all");
    SRunner *r = srunner_create(s);
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, what_is_written_is_read_again_and_nobody_else_may);
    tcase_add_test(t, any_damaged_byte_is_noticed);
    tcase_add_test(t, a_file_that_others_may_read_is_refused);
    suite_add_tcase(s, t);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
