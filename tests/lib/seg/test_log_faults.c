/* test_log_faults.c - each call to the disk fails once: nothing that was said
 * to be appended is lost, and the log opens again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "seg/log.h"
#include "tests/support/faulty_fs.h"
#include "tests/support/log_rig.h"
#include "tests/support/unit.h"

static struct log_rig rig;
static struct faulty_fs faulty;
static struct errmsg why;

/* What was promised while the disk was failing. */
static int64_t promised; /* offsets below were acknowledged */
static int32_t sequence; /* next one of producer 1 */

static bool append_one(void)
{
    struct log_rig_batch spec = {
        .count = 2, .producer = true, .producer_id = 1, .sequence = sequence
    };
    struct log_append set = log_rig_append(&rig, LOG_CLIENT, &spec);

    if (set.err == ERR_OK) {
        promised = set.last_offset + 1;
        sequence += 2;
    }
    return set.err == ERR_OK;
}

/* A life: appends over several segments, transactions, flush, truncation,
 * retention, checkpoints. Errors are expected at any point. */
static void live(void)
{
    struct log_rig_batch txn = {
        .count = 1, .producer = true, .producer_id = 2, .transactional = true
    };
    struct log_rig_batch marker = { .producer_id = 2, .abort = true };

    for (int i = 0; i < 12; i++)
        append_one();
    if (log_rig_append(&rig, LOG_CLIENT, &txn).err == ERR_OK)
        promised = log_end_offset(rig.log);
    append_one();
    if (log_rig_append(&rig, LOG_COORDINATOR, &marker).err == ERR_OK)
        promised = log_end_offset(rig.log);
    err_ignore(log_flush(rig.log, rig.now_ms, &why), "may fail");
    err_ignore(log_dir_write_recovery_points(rig.dir, &why), "may fail");
    for (int i = 0; i < 6; i++)
        append_one();
    log_high_watermark_set(rig.log, log_end_offset(rig.log));
    if (log_start_raise(rig.log, 8, &why) == ERR_OK)
        err_ignore(log_retain(rig.log, rig.now_ms, NULL, &why), "may fail");
    for (int i = 0; i < 3; i++)
        append_one();
    err_ignore(log_dir_write_log_starts(rig.dir, &why), "may fail");
}

static void close_somehow(void)
{
    err_ignore(log_close(&rig.log, &why), "may fail");
    err_ignore(log_dir_close(&rig.dir, true, &why), "may fail");
    seg_files_free(&rig.files);
}

/* The disk is well again: all that was promised must be there. */
static void check_life(void)
{
    struct log_rig_batch spec = {
        .count = 2, .producer = true, .producer_id = 1, .sequence = sequence
    };

    rig.fs = fs_real();
    log_rig_open(&rig);
    ck_assert_int_ge(log_end_offset(rig.log), promised);
    log_rig_check(&rig, log_start_offset(rig.log), log_end_offset(rig.log));
    ck_assert_int_le(log_start_offset(rig.log), 8);
    /* A batch whose append failed may be there all the same; the producer's
     * repetition is then a duplicate, else it is new. */
    struct log_append set = log_rig_append(&rig, LOG_CLIENT, &spec);
    ck_assert_msg(set.err == ERR_OK || set.err == ERR_DUPLICATE, "%s",
                  err_name(set.err));
    log_rig_stop(&rig);
}

static long run(long fail_at, int errnum, bool torn, bool once)
{
    enum err err;

    promised = 0;
    sequence = 0;
    faulty_fs_init(&faulty);
    memset(&rig, 0, sizeof rig);
    rig.fs = &faulty.fs;
    strcpy(rig.path, "/tmp/log-rig-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(rig.path));
    log_config_init(&rig.config);
    rig.config.segment_bytes = 700;
    rig.config.index_interval_bytes = 100;
    rig.config.file_delete_delay_ms = 0;
    rig.now_ms = 1700000000000;
    wr_init(&rig.batch, 1 << 20);
    faulty.fail_at = fail_at;
    faulty.errnum = errnum;
    faulty.torn = torn;
    faulty.once = once;
    err = log_rig_try_open(&rig, &why);
    if (err == ERR_OK) {
        live();
        close_somehow();
    }
    check_life();
    return faulty.calls;
}

static void every_fault(int errnum, bool torn, bool once)
{
    long all = run(0, 0, false, false);

    ck_assert_int_gt(all, 50);
    for (long i = 1; i <= all; i++) {
        run(i, errnum, torn, once);
        ck_assert_msg(faulty.failed, "call %ld of %ld never came", i, all);
    }
}

START_TEST(a_dead_disk_loses_nothing_promised)
{
    every_fault(EIO, false, false);
}
END_TEST

START_TEST(a_torn_write_loses_nothing_promised)
{
    every_fault(EIO, true, false);
}
END_TEST

START_TEST(one_failure_loses_nothing_promised)
{
    every_fault(EIO, true, true);
}
END_TEST

START_TEST(a_full_disk_loses_nothing_promised)
{
    every_fault(ENOSPC, true, true);
}
END_TEST

START_TEST(a_log_lives_on_when_space_comes_back)
{
    struct log_rig_batch spec = { .count = 1 };

    faulty_fs_init(&faulty);
    log_rig_start_on(&rig, &faulty.fs);
    log_rig_fill(&rig, 3);
    faulty.fail_at = faulty.calls + 1;
    faulty.errnum = ENOSPC;
    faulty.torn = true;
    faulty.once = true;
    ck_assert_err(log_rig_append(&rig, LOG_CLIENT, &spec).err, ERR_SPACE);
    ck_assert(!log_dir_offline(rig.dir));
    ck_assert_int_eq(log_end_offset(rig.log), 3);
    log_rig_fill(&rig, 3);
    log_rig_check(&rig, 0, 6);
    log_rig_kill(&rig);
    log_rig_open(&rig);
    ck_assert_int_eq(log_end_offset(rig.log), 6);
    log_rig_stop(&rig);
}
END_TEST

/* Contract of the table, on both. */
static void contract(const struct fs *fs)
{
    char root[] = "/tmp/fs-XXXXXX", a[64], b[64], got[8];
    struct iovec iov[2] = { { (char[]){ "abc" }, 3 }, { (char[]){ "de" }, 2 } };
    struct fs_stat st;
    int fd;

    ck_assert_ptr_nonnull(mkdtemp(root));
    snprintf(a, sizeof a, "%s/a", root);
    snprintf(b, sizeof b, "%s/b", root);
    ck_assert_int_eq(fs->open(fs, a, 2, 0), -1);
    ck_assert_int_eq(errno, ENOENT);
    fd = fs->open(fs, a, 0102, 0600); /* O_CREAT | O_RDWR */
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fs->pwritev(fs, fd, iov, 2, 1), 5);
    ck_assert_int_eq(fs->pread(fs, fd, got, 8, 0), 6);
    ck_assert_mem_eq(got, "\0abcde", 6);
    ck_assert_int_eq(fs->ftruncate(fs, fd, 4), 0);
    ck_assert_int_eq(fs->fstat(fs, fd, &st), 0);
    ck_assert_int_eq(st.size, 4);
    ck_assert_int_eq(fs->fsync(fs, fd), 0);
    ck_assert_int_eq(fs->fdatasync(fs, fd), 0);
    ck_assert_int_eq(fs->utimes(fs, a, 1234567), 0);
    ck_assert_int_eq(fs->stat(fs, a, &st), 0);
    ck_assert_int_eq(st.mtime_ms, 1234567);
    ck_assert_int_eq(fs->close(fs, fd), 0);
    ck_assert_int_eq(fs->rename(fs, a, b), 0);
    ck_assert_int_eq(fs->stat(fs, a, &st), -1);
    ck_assert_int_eq(fs->mkdir(fs, a, 0700), 0);
    ck_assert_int_eq(fs->mkdir(fs, a, 0700), -1);
    ck_assert_int_eq(errno, EEXIST);
    ck_assert_int_eq(fs->rmdir(fs, a), 0);
    ck_assert_int_eq(fs->unlink(fs, b), 0);
    ck_assert_int_eq(fs->unlink(fs, b), -1);
    ck_assert_int_eq(fs->rmdir(fs, root), 0);
}

START_TEST(both_file_systems_keep_the_contract)
{
    contract(fs_real());
    faulty_fs_init(&faulty);
    contract(&faulty.fs);
}
END_TEST

UNIT_MAIN("log_faults", both_file_systems_keep_the_contract,
          a_dead_disk_loses_nothing_promised,
          a_torn_write_loses_nothing_promised,
          one_failure_loses_nothing_promised,
          a_full_disk_loses_nothing_promised,
          a_log_lives_on_when_space_comes_back)
