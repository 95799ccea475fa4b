/* The file of a snapshot. */
#include "keeper/ksnap_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "tests/support/unit.h"

/* Write `total` bytes in pieces of `each`, and see that they are there. */
static void check_sizes(const char *name, size_t total, size_t each)
{
    struct ksnap_file file;
    struct errmsg why;
    uint8_t *bytes = mem_need(total + 1);
    uint8_t *back = mem_need(total + 1);
    int fd;

    for (size_t i = 0; i < total; i++)
        bytes[i] = (uint8_t)(i * 31 + (i >> 8));
    ck_assert_err(ksnap_file_open(&file, name, &why), ERR_OK);
    for (size_t at = 0; at < total; at += each) {
        size_t n = total - at < each ? total - at : each;

        ck_assert_err(ksnap_file_write(&file, bytes_make(bytes + at, n), &why),
                      ERR_OK);
    }
    ck_assert_err(ksnap_file_finish(&file, &why), ERR_OK);
    ksnap_file_close(&file);
    fd = open(name, O_RDONLY);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(read(fd, back, total + 1), (ssize_t)total);
    ck_assert_bytes(bytes_make(back, total), bytes_make(bytes, total));
    close(fd);
    mem_free(bytes);
    mem_free(back);
}

static void check_dir(const char *pattern)
{
    char dir[64];
    char name[80];

    snprintf(dir, sizeof dir, "%s", pattern);
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(name, sizeof name, "%s/file", dir);
    check_sizes(name, 3000000, 700001); /* the next ones are shorter */
    check_sizes(name, 0, 1);
    check_sizes(name, 1, 1);
    check_sizes(name, 4096, 4096);
    check_sizes(name, 262144, 100);
    check_sizes(name, 262145, 1000000);
    unlink(name);
    rmdir(dir);
}

START_TEST(a_file_holds_what_was_written_whatever_the_pieces)
{
    check_dir("/tmp/ksnap_file.XXXXXX");
    if (access("/dev/shm", W_OK) == 0) /* knows no direct writes, or does */
        check_dir("/dev/shm/ksnap_file.XXXXXX");
}
END_TEST

START_TEST(a_file_that_can_not_be_made_is_an_error_with_words)
{
    struct ksnap_file file;
    struct errmsg why;

    ck_assert(ksnap_file_open(&file, "/nowhere/at/all", &why) != ERR_OK);
    ck_assert_str_ne(why.text, "");
    ck_assert_int_eq(file.fd, -1);
    ksnap_file_close(&file);
}
END_TEST

UNIT_MAIN("ksnap_file", a_file_holds_what_was_written_whatever_the_pieces,
          a_file_that_can_not_be_made_is_an_error_with_words)
