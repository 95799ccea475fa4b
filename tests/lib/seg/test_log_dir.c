/* test_log_dir.c - one entry of log.dirs. */
#include "seg/log_dir.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seg/log.h"
#include "tests/support/unit.h"

static char root[64];
static struct seg_files *files;
static struct log_dir *dir;
static struct errmsg why;
static struct log_config config;

static void start(void)
{
    strcpy(root, "/tmp/log-dir-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    log_config_init(&config);
    files = seg_files_new(fs_real(), 64);
}

static void stop(void)
{
    char command[128];

    seg_files_free(&files);
    snprintf(command, sizeof command, "rm -rf %s", root);
    ck_assert_int_eq(system(command), 0);
}

static enum err open_dir(void)
{
    return log_dir_open(&dir, fs_real(), files, root, &why);
}

static void close_dir(bool clean)
{
    enum err err = log_dir_close(&dir, clean, &why);

    ck_assert_msg(err == ERR_OK, "%s", why.text);
}

static void put(const char *name, const char *text)
{
    char path[300];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", root, name);
    file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void make(const char *name)
{
    char path[300];

    snprintf(path, sizeof path, "%s/%s", root, name);
    ck_assert_int_eq(mkdir(path, 0755), 0);
}

static bool has(const char *name)
{
    char path[300];

    snprintf(path, sizeof path, "%s/%s", root, name);
    return access(path, F_OK) == 0;
}

static const char *get(const char *name)
{
    static char text[4096];
    char path[300];
    FILE *file;

    snprintf(path, sizeof path, "%s/%s", root, name);
    file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

START_TEST(a_second_process_is_refused)
{
    int status;

    start();
    ck_assert_err(open_dir(), ERR_OK);
    if (fork() == 0) {
        enum err err = open_dir();

        _exit(err == ERR_BUSY ? 7 : 8);
    }
    wait(&status);
    ck_assert_int_eq(WEXITSTATUS(status), 7);
    close_dir(false);
    stop();
}
END_TEST

START_TEST(the_clean_marker_is_taken_and_written)
{
    start();
    ck_assert_err(open_dir(), ERR_OK);
    ck_assert(!log_dir_was_clean(dir));
    close_dir(true);
    ck_assert_str_eq(get(".kafka_cleanshutdown"),
                     "{\"version\":0,\"brokerEpoch\":-1}");
    ck_assert_err(open_dir(), ERR_OK);
    ck_assert(log_dir_was_clean(dir));
    ck_assert(!has(".kafka_cleanshutdown"));
    close_dir(false);
    ck_assert(!has(".kafka_cleanshutdown"));
    stop();
}
END_TEST

START_TEST(names_are_told_apart)
{
    const struct log_dir_entry *entries;
    size_t n, futures = 0;

    start();
    make("orders-0");
    make("a-b-17");
    make("orders-1.0123456789abcdef0123456789abcdef-future");
    make("old-3.0123456789abcdef0123456789abcdef-delete");
    make("lost-3.0123456789abcdef0123456789abcdef-stray");
    make("remote-log-index-cache");
    put("plain-file", "");
    ck_assert_err(open_dir(), ERR_OK);
    entries = log_dir_entries(dir, &n);
    ck_assert_uint_eq(n, 3);
    for (size_t i = 0; i < n; i++) {
        if (entries[i].kind == LOG_DIR_FUTURE) {
            futures++;
            ck_assert_bytes(entries[i].topic, BYTES("orders"));
            ck_assert_int_eq(entries[i].partition, 1);
        } else if (bytes_is(entries[i].topic, "a-b")) {
            ck_assert_int_eq(entries[i].partition, 17);
        }
    }
    ck_assert_uint_eq(futures, 1);
    log_dir_loaded(dir);
    log_dir_sweep(dir, 1);
    ck_assert(!has("old-3.0123456789abcdef0123456789abcdef-delete"));
    ck_assert(has("lost-3.0123456789abcdef0123456789abcdef-stray"));
    close_dir(false);
    stop();
}
END_TEST

START_TEST(foreign_directories_stop_the_start)
{
    static const char *const bad[] = {
        "lost+found", "orders",          "orders-",         "orders-x",
        "-3",         "orders-0-delete", "orders-0.-delete"
    };

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        start();
        make(bad[i]);
        ck_assert_msg(open_dir() == ERR_FORMAT, "%s", bad[i]);
        ck_assert_ptr_nonnull(strstr(why.text, bad[i]));
        stop();
    }
}
END_TEST

START_TEST(meta_properties_are_written_and_kept)
{
    struct log_dir *dirs[1];
    int32_t id;

    start();
    ck_assert_err(open_dir(), ERR_OK);
    ck_assert(!log_dir_meta(dir)->present);
    dirs[0] = dir;
    ck_assert_err(log_dir_meta_check(dirs, 1, -1, BYTES_NULL, &id, &why),
                  ERR_OK);
    ck_assert_int_eq(id, -1);
    ck_assert_err(
        log_dir_meta_write(dir, 7, BYTES("abcdefghijklmnopqrstuv"), &why),
        ERR_OK);
    close_dir(false);
    ck_assert_ptr_nonnull(strstr(get("meta.properties"), "\nbroker.id=7\n"));
    ck_assert_ptr_nonnull(strstr(get("meta.properties"), "\nversion=0\n"));
    ck_assert_err(open_dir(), ERR_OK);
    dirs[0] = dir;
    ck_assert_err(log_dir_meta_check(
                      dirs, 1, -1, BYTES("abcdefghijklmnopqrstuv"), &id, &why),
                  ERR_OK);
    ck_assert_int_eq(id, 7);
    ck_assert_err(log_dir_meta_check(dirs, 1, 8, BYTES_NULL, &id, &why),
                  ERR_CONFLICT);
    ck_assert_err(log_dir_meta_check(dirs, 1, -1, BYTES("other"), &id, &why),
                  ERR_CONFLICT);
    close_dir(false);
    stop();
}
END_TEST

START_TEST(kafkas_meta_properties_are_read)
{
    start();
    put("meta.properties", "#\n#Sat Nov 21 04:36:22 UTC 2026\n"
                           "cluster.id=HHhsqvMUT_-5C1UO8Q5YRA\nversion=0\n"
                           "broker.id = 3\ndirectory.id=abc\n");
    ck_assert_err(open_dir(), ERR_OK);
    ck_assert_int_eq(log_dir_meta(dir)->broker_id, 3);
    ck_assert_str_eq(log_dir_meta(dir)->cluster_id, "HHhsqvMUT_-5C1UO8Q5YRA");
    ck_assert_err(log_dir_meta_write(dir, 4, BYTES("x"), &why), ERR_OK);
    ck_assert_ptr_nonnull(strstr(get("meta.properties"), "directory.id=abc\n"));
    close_dir(false);
    put("meta.properties", "version=1\nnode.id=3\n");
    ck_assert_err(open_dir(), ERR_VERSION);
    put("meta.properties", "version=0\nbroker.id=x\n");
    ck_assert_err(open_dir(), ERR_FORMAT);
    put("meta.properties", "broker.id=1\n");
    ck_assert_err(open_dir(), ERR_FORMAT);
    stop();
}
END_TEST

START_TEST(checkpoints_follow_the_logs)
{
    struct log *log, *other;

    start();
    put("cleaner-offset-checkpoint", "0\n1\nsomething 0 5\n");
    ck_assert_err(open_dir(), ERR_OK);
    ck_assert_err(log_open(&log, dir, BYTES("a"), 0, LOG_OPEN_CREATE, &config,
                           1000, &why),
                  ERR_OK);
    ck_assert_err(log_open(&other, dir, BYTES("b"), 5, LOG_OPEN_CREATE, &config,
                           1000, &why),
                  ERR_OK);
    ck_assert_uint_eq(log_dir_count(dir), 2);
    ck_assert_err(log_reset(log, 40, 1000, &why), ERR_OK);
    ck_assert_err(log_dir_write_high_watermarks(dir, &why), ERR_OK);
    ck_assert_ptr_nonnull(
        strstr(get("replication-offset-checkpoint"), "a 0 40\n"));
    ck_assert_err(log_dir_write_recovery_points(dir, &why), ERR_OK);
    ck_assert_err(log_dir_write_log_starts(dir, &why), ERR_OK);
    ck_assert_str_eq(get("log-start-offset-checkpoint"), "0\n0\n");
    ck_assert_err(log_delete(&other, 1000, &why), ERR_OK);
    ck_assert_err(log_close(&log, &why), ERR_OK);
    close_dir(true);
    ck_assert_str_eq(get("recovery-point-offset-checkpoint"), "0\n1\na 0 40\n");
    ck_assert_str_eq(get("cleaner-offset-checkpoint"), "0\n1\nsomething 0 5\n");
    stop();
}
END_TEST

START_TEST(points_of_logs_not_opened_yet_are_kept)
{
    struct log *log;

    start();
    make("a-0");
    make("b-0");
    put("recovery-point-offset-checkpoint", "0\n2\na 0 0\nb 0 77\n");
    put("replication-offset-checkpoint", "0\n1\nb 0 70\n");
    ck_assert_err(open_dir(), ERR_OK);
    ck_assert_err(log_open(&log, dir, BYTES("a"), 0, LOG_OPEN_EXISTING, &config,
                           1000, &why),
                  ERR_OK);
    ck_assert_err(log_dir_write_recovery_points(dir, &why), ERR_OK);
    ck_assert_ptr_nonnull(
        strstr(get("recovery-point-offset-checkpoint"), "b 0 77\n"));
    log_abandon(&log);
    close_dir(false);
    stop();
}
END_TEST

START_TEST(malformed_checkpoints_are_passed_over_but_high_watermarks)
{
    start();
    put("recovery-point-offset-checkpoint", "junk");
    put("log-start-offset-checkpoint", "0\n5\n");
    ck_assert_err(open_dir(), ERR_OK);
    close_dir(false);
    put("replication-offset-checkpoint", "junk");
    ck_assert_err(open_dir(), ERR_FORMAT);
    ck_assert_ptr_nonnull(strstr(why.text, "replication-offset-checkpoint"));
    stop();
}
END_TEST

static int n_offline;

static void on_offline(void *context, struct log_dir *failed)
{
    (void)context;
    (void)failed;
    n_offline++;
}

START_TEST(a_failed_directory_takes_no_more)
{
    struct log *log;

    start();
    ck_assert_err(open_dir(), ERR_OK);
    log_dir_on_offline(dir, on_offline, NULL);
    ck_assert_err(log_open(&log, dir, BYTES("a"), 0, LOG_OPEN_CREATE, &config,
                           1000, &why),
                  ERR_OK);
    log_dir_fail(dir, "test");
    log_dir_fail(dir, "again");
    ck_assert_int_eq(n_offline, 1);
    ck_assert_err(log_roll(log, 1000, &why), ERR_IO);
    ck_assert_err(log_close(&log, &why), ERR_IO);
    ck_assert_err(log_dir_close(&dir, true, &why), ERR_IO);
    ck_assert(!has(".kafka_cleanshutdown"));
    stop();
}
END_TEST

START_TEST(long_names_are_cut_for_deletion)
{
    char topic[250];
    struct log *log;

    start();
    memset(topic, 't', 249);
    topic[249] = '\0';
    ck_assert_err(open_dir(), ERR_OK);
    ck_assert_err(log_open(&log, dir, bytes_of(topic), 123, LOG_OPEN_CREATE,
                           &config, 1000, &why),
                  ERR_OK);
    ck_assert_err(log_delete(&log, 1000, &why), ERR_OK);
    close_dir(true);
    ck_assert_err(open_dir(), ERR_OK); /* the name parses */
    close_dir(true);
    stop();
}
END_TEST

UNIT_MAIN("log_dir", a_second_process_is_refused,
          the_clean_marker_is_taken_and_written, names_are_told_apart,
          foreign_directories_stop_the_start,
          meta_properties_are_written_and_kept, kafkas_meta_properties_are_read,
          checkpoints_follow_the_logs, points_of_logs_not_opened_yet_are_kept,
          malformed_checkpoints_are_passed_over_but_high_watermarks,
          a_failed_directory_takes_no_more, long_names_are_cut_for_deletion)
