/* test_direct.c - a file that is written past the page cache is the file that
 * was meant, whatever the file system thinks of it. */
#include "seg/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"
#include "seg/seg_io.h"
#include "tests/support/unit.h"

enum { BIG = (5 << 19) + 777 }; /* two stages, a half, and no whole page */

/* A file system that looks at what it is asked to do. */
struct strict {
    struct fs fs;
    bool refuses;  /* to have it on */
    bool lies;     /* it is on, and each write meanwhile is EINVAL */
    int fail_at;   /* the write that fails, from 1; 0: none */
    bool on;       /* now */
    int n_direct;  /* writes past the page cache */
    int n_through; /* the others */
};

static struct strict strict;
static char path[64];
static uint8_t *content;
static int fd;

static struct strict *strict_of(const struct fs *fs)
{
    return (struct strict *)(uintptr_t)CONTAINER_OF(fs, struct strict, fs);
}

static int strict_direct(const struct fs *fs, int file, bool on)
{
    struct strict *s = strict_of(fs);

    (void)file;
    if (s->refuses && on) {
        errno = EINVAL;
        return -1;
    }
    s->on = on;
    return 0;
}

static ssize_t strict_pwritev(const struct fs *fs, int file,
                              const struct iovec *iov, int n_iov,
                              int64_t position)
{
    struct strict *s = strict_of(fs);

    *(s->on ? &s->n_direct : &s->n_through) += 1;
    for (int i = 0; i < n_iov && s->on; i++) {
        ck_assert_uint_eq((uintptr_t)iov[i].iov_base % FS_DIRECT_UNIT, 0);
        ck_assert_uint_eq(iov[i].iov_len % FS_DIRECT_UNIT, 0);
        ck_assert_int_eq(position % FS_DIRECT_UNIT, 0);
    }
    errno = s->on && s->lies ? EINVAL : EIO;
    if ((s->on && s->lies) || s->n_direct + s->n_through == s->fail_at)
        return -1;
    return fs_real()->pwritev(fs, file, iov, n_iov, position);
}

static void start(struct strict how)
{
    strict = how;
    strict.fs = *fs_real();
    strict.fs.direct = strict_direct;
    strict.fs.pwritev = strict_pwritev;
    strcpy(path, "/tmp/direct-XXXXXX");
    fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    content = malloc(BIG);
    for (size_t i = 0; i < BIG; i++)
        content[i] = (uint8_t)(i * 31 + i / 4096);
}

static void stop(void)
{
    free(content);
    close(fd);
    unlink(path);
}

static enum err write_all(const struct fs *fs, bool wanted, size_t piece)
{
    struct direct direct;
    enum err err = ERR_OK;

    direct_init(&direct, fs, fd, wanted);
    for (size_t at = 0; at < BIG && err == ERR_OK; at += piece)
        err = direct_write(&direct, content + at,
                           piece < BIG - at ? piece : BIG - at);
    if (err == ERR_OK)
        err = direct_finish(&direct);
    direct_fini(&direct);
    return err;
}

static void check_file(void)
{
    struct errmsg why;
    uint8_t *found;
    size_t n;

    ck_assert_err(io_load(fs_real(), path, 2 * BIG, &found, &n, &why), ERR_OK);
    ck_assert_uint_eq(n, BIG);
    ck_assert(memcmp(found, content, BIG) == 0);
    mem_free(found);
}

START_TEST(whole_stages_go_past_the_page_cache)
{
    start((struct strict){ .fail_at = 0 });
    ck_assert_err(write_all(&strict.fs, true, 12345), ERR_OK);
    ck_assert_int_eq(strict.n_direct, 2);
    ck_assert_int_eq(strict.n_through, 1);
    check_file();
    stop();
}
END_TEST

START_TEST(a_piece_larger_than_a_stage_is_cut)
{
    start((struct strict){ .fail_at = 0 });
    ck_assert_err(write_all(&strict.fs, true, BIG), ERR_OK);
    ck_assert_int_eq(strict.n_direct, 2);
    check_file();
    stop();
}
END_TEST

START_TEST(a_file_system_that_cannot_is_written_as_ever)
{
    start((struct strict){ .refuses = true });
    ck_assert_err(write_all(&strict.fs, true, 100000), ERR_OK);
    ck_assert_int_eq(strict.n_direct, 0);
    check_file();
    stop();
}
END_TEST

START_TEST(a_device_that_wants_other_bounds_is_written_as_ever)
{
    start((struct strict){ .lies = true });
    ck_assert_err(write_all(&strict.fs, true, 100000), ERR_OK);
    ck_assert_int_eq(strict.n_direct, 1);
    check_file();
    stop();
}
END_TEST

START_TEST(it_is_not_asked_when_not_wanted)
{
    start((struct strict){ .fail_at = 0 });
    ck_assert_err(write_all(&strict.fs, false, 1 << 20), ERR_OK);
    ck_assert_int_eq(strict.n_direct, 0);
    check_file();
    stop();
}
END_TEST

START_TEST(each_failing_write_is_told)
{
    for (int i = 1; i <= 3; i++) {
        start((struct strict){ .fail_at = i });
        ck_assert_err(write_all(&strict.fs, true, 4096), ERR_IO);
        ck_assert_int_eq(strict.n_direct + strict.n_through, i);
        stop();
    }
}
END_TEST

/* Whether it can here or not. */
START_TEST(the_real_file_system_holds_what_was_written)
{
    start((struct strict){ .fail_at = 0 });
    ck_assert_err(write_all(fs_real(), true, 54321), ERR_OK);
    check_file();
    stop();
}
END_TEST

UNIT_MAIN("direct", whole_stages_go_past_the_page_cache,
          a_piece_larger_than_a_stage_is_cut,
          a_file_system_that_cannot_is_written_as_ever,
          a_device_that_wants_other_bounds_is_written_as_ever,
          it_is_not_asked_when_not_wanted, each_failing_write_is_told,
          the_real_file_system_holds_what_was_written)
