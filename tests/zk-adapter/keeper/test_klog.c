/* The log as a file. */
#include "keeper/klog.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "keeper/ktxn.h"
#include "tests/support/unit.h"

enum { ROOM = 4 << 20 };

static size_t file_read(const char *name, uint8_t *out)
{
    int fd = open(name, O_RDONLY);
    ssize_t n;

    ck_assert_int_ge(fd, 0);
    n = read(fd, out, ROOM);
    ck_assert_int_ge(n, 0);
    close(fd);
    return (size_t)n;
}

START_TEST(batches_of_all_sizes_lie_end_to_end_with_nothing_but_zeros_behind)
{
    static const size_t sizes[] = { 10,  200000, 1,      300, 16384,
                                    400, 16385,  262144, 7,   500000 };
    char dir[] = "/tmp/klog.XXXXXX";
    char name[64];
    struct klog log;
    struct errmsg why;
    uint8_t *want = mem_need(ROOM);
    uint8_t *got = mem_need(ROOM);
    size_t len = KTXN_FILE_HEADER;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(name, sizeof name, "%s/log.1", dir);
    klog_init(&log, dir, 1 << 20, true);
    ktxn_file_header(want);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        for (size_t k = 0; k < sizes[i]; k++)
            want[len + k] = (uint8_t)(k * 7 + i + 1) | 1;
        ck_assert_err(
            klog_append(&log, bytes_make(want + len, sizes[i]), 1, &why),
            ERR_OK);
        len += sizes[i];
        size_t there = file_read(name, got);
        ck_assert_uint_ge(there, len);
        ck_assert_mem_eq(got, want, len);
        while (there > len)
            ck_assert_uint_eq(got[--there], 0);
    }
    klog_fini(&log); /* gives back what was ahead */
    ck_assert_uint_eq(file_read(name, got), len);
    unlink(name);
    rmdir(dir);
    mem_free(want);
    mem_free(got);
}
END_TEST

UNIT_MAIN("klog",
          batches_of_all_sizes_lie_end_to_end_with_nothing_but_zeros_behind)
