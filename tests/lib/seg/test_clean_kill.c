/* test_clean_kill.c - a log is compacted past the page cache, as large ones
 * are, by two threads of a process that is killed meanwhile: each group of
 * segments is what it was, or its compacted self, and no half-made file stays.
 *
 *     | group 0 .............. | group 1 | active |
 *     0            500         950       1150     1155
 *
 * Of group 0 more is kept than both stages of the writer hold; group 1 is less
 * than one. Each process has a copy of the log that was filled once.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "seg/clean.h"
#include "tests/support/faulty_fs.h"
#include "tests/support/log_rig.h"
#include "tests/support/unit.h"

/* The first four are offsets. */
enum {
    HALF = 500, /* of group 0, which is two segments */
    FIRST = 950,
    BOTH = 1150,
    RECORDS = 1155,
    KEYS = 3000,
    VALUE = 3001, /* bytes */
    TOGETHER = 5, /* records of a batch */
    MOMENTS = 20,
    MOST = 500 /* calls to the disk; a compaction makes far fewer */
};

/* What the processes know of each other. */
struct common {
    _Atomic long steps;    /* of the compaction, so far */
    _Atomic long threaded; /* writes that were not the main thread's */
};

static struct log_rig rig;
static char filled[64]; /* the directory that is copied */
static struct common *common;
static struct errmsg why;
static uint8_t values[RECORDS + VALUE]; /* each begins a byte later */
static bool stays[RECORDS];             /* after compaction */
static bool there[RECORDS];             /* now */

/* -- records --------------------------------------------------------------- */

/* splitmix64 */
static uint64_t scatter(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static int key_of(int i)
{
    return (int)(scatter((uint64_t)i) % KEYS);
}

static struct bytes value_of(int i)
{
    return bytes_make(values + i, VALUE);
}

static void put_batch(int i)
{
    struct batch_spec spec = batch_spec_make();
    struct log_append set = { .origin = LOG_CLIENT };
    struct log_append *sets[] = { &set };
    struct batch_builder builder;
    char key[16];

    rig.batch.len = 0;
    batch_builder_init(&builder);
    ck_assert_err(batch_builder_start(&builder, &spec, &rig.batch), ERR_OK);
    for (int n = 0; n < TOGETHER; n++) {
        struct batch_record record = { .offset = n, .timestamp = rig.now_ms };

        snprintf(key, sizeof key, "%d", key_of(i + n));
        record.key = bytes_of(key);
        record.value = value_of(i + n);
        batch_builder_add(&builder, &record);
    }
    ck_assert_err(batch_builder_finish(&builder, NULL), ERR_OK);
    batch_builder_fini(&builder);
    set.at = rig.batch.data;
    set.size = rig.batch.len;
    ck_assert_err(log_append(rig.log, sets, 1, rig.now_ms, NULL, &why), ERR_OK);
    ck_assert_err(set.err, ERR_OK);
}

static void find_what_stays(void)
{
    bool later[KEYS] = { false };

    for (int i = RECORDS - 1; i >= 0; i--) {
        stays[i] = i >= BOTH || !later[key_of(i)];
        if (i < BOTH)
            later[key_of(i)] = true;
    }
}

static void start(void)
{
    log_rig_start(&rig);
    rig.config.segment_bytes = 3 << 20;
    rig.config.cleanup_compact = true;
    rig.config.cleanup_delete = false;
    rig.config.file_delete_delay_ms = 0;
    log_config_set(rig.log, &rig.config);
    for (size_t i = 0; i < sizeof values; i++)
        values[i] = (uint8_t)scatter(i);
    for (int i = 0; i < RECORDS; i += TOGETHER) {
        if (i == HALF || i == FIRST || i == BOTH)
            ck_assert_err(log_roll(rig.log, rig.now_ms, &why), ERR_OK);
        put_batch(i);
    }
    log_rig_close(&rig);
    find_what_stays();
    strcpy(filled, rig.path);
    ck_assert_int_gt(snprintf(rig.path, sizeof rig.path, "%s-copy", filled), 0);
    common = mmap(NULL, sizeof *common, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(common, MAP_FAILED);
}

static void shell(const char *command)
{
    ck_assert_msg(system(command) == 0, "%s", command);
}

static void copy_filled(void)
{
    char line[256];

    snprintf(line, sizeof line, "rm -rf %s && cp -r %s %s", rig.path, filled,
             rig.path);
    shell(line);
}

static void stop(void)
{
    char line[128];

    log_rig_stop(&rig);
    snprintf(line, sizeof line, "rm -r %s", filled);
    shell(line);
    munmap(common, sizeof *common);
}

/* -- what is there --------------------------------------------------------- */

/* Check writes a note of each assertion it passes: too many here. */
static void take_record(const struct batch_record *record)
{
    char key[16];
    int64_t i = record->offset;

    if (i < 0 || i >= RECORDS || there[i])
        ck_abort_msg("offset %lld twice, or too large", (long long)i);
    there[i] = true;
    snprintf(key, sizeof key, "%d", key_of((int)i));
    if (!bytes_equal(record->key, bytes_of(key)) ||
        !bytes_equal(record->value, value_of((int)i)))
        ck_abort_msg("record %lld is another one", (long long)i);
}

static void read_all(void)
{
    size_t n;
    uint8_t *all = log_rig_read(&rig, 0, &n);
    struct batch_iter iter = batch_iter_make(bytes_make(all, n));
    struct batch_reader reader;
    struct batch_record record;
    struct batch batch;

    memset(there, 0, sizeof there);
    batch_reader_init(&reader);
    while (batch_iter_next(&iter, &batch) == ERR_OK) {
        ck_assert_err(batch_reader_start(&reader, batch.bytes, 1 << 20),
                      ERR_OK);
        while (batch_reader_next(&reader, &record) == ERR_OK)
            take_record(&record);
    }
    batch_reader_fini(&reader);
    mem_free(all);
}

/* Whether these records were compacted; all of them, or none. */
static bool compacted(int from, int to, const char *when)
{
    int superseded = 0, gone = 0;

    for (int i = from; i < to; i++) {
        superseded += !stays[i];
        gone += !there[i];
        if (stays[i] && !there[i])
            ck_abort_msg("%s: record %d is lost", when, i);
    }
    ck_assert_msg(gone == 0 || gone == superseded, "%s: %d of %d went in %d-%d",
                  when, gone, superseded, from, to);
    return gone > 0;
}

/* Gives how many groups were compacted. */
static int check(const char *when)
{
    bool first, second;
    char path[128];
    struct dirent *entry;
    DIR *dir;

    snprintf(path, sizeof path, "%s/orders-0", rig.path);
    dir = opendir(path);
    ck_assert_ptr_nonnull(dir);
    while ((entry = readdir(dir)) != NULL)
        if (strstr(entry->d_name, ".cleaned") || strstr(entry->d_name, ".swap"))
            ck_abort_msg("%s: %s is left", when, entry->d_name);
    closedir(dir);
    ck_assert_int_eq(log_start_offset(rig.log), 0);
    ck_assert_int_eq(log_end_offset(rig.log), RECORDS);
    read_all();
    first = compacted(0, FIRST, when);
    second = compacted(FIRST, BOTH, when);
    ck_assert_msg(first || !second, "%s: group 1 went before", when);
    ck_assert(!compacted(BOTH, RECORDS, when));
    return first + second;
}

/* -- compaction ------------------------------------------------------------ */

/* To whom the process tells its step number `at`. */
struct teller {
    long at; /* 0: never */
    int fd;
};

static bool step(void *context, size_t bytes)
{
    const struct teller *teller = context;

    (void)bytes;
    if (++common->steps == teller->at)
        ck_assert_int_eq(write(teller->fd, "", 1), 1);
    return true;
}

static enum err clean(uint64_t bypass_from, struct teller *teller)
{
    struct log_clean_options options = { .map_bytes = 1 << 20,
                                         .map_load = 0.9,
                                         .io_bytes = 1 << 16,
                                         .bypass_from = bypass_from,
                                         .go_on = step,
                                         .context = teller };
    struct log_clean_range range;
    struct log_clean_stats stats;
    enum err err;

    log_high_watermark_set(rig.log, RECORDS);
    err = log_clean_range_find(rig.log, rig.now_ms, &range, &why);
    if (err == ERR_OK)
        err = log_clean(rig.log, &range, &options, rig.now_ms, &stats, &why);
    if (err == ERR_OK)
        err = log_dir_write_clean_points(rig.dir, &why);
    return err;
}

/* Where the page cache cannot be bypassed, the thread writes all the same. */
static int direct(const struct fs *fs, int fd, bool on)
{
    int rc = fs_real()->direct(fs, fd, on);

    return on ? 0 : rc;
}

/* A process that is killed leaves the page cache as it is: syncs would only
 * take time. */
static int no_sync(const struct fs *fs, int fd)
{
    (void)fs;
    (void)fd;
    return 0;
}

static void leave_syncs_out(struct fs *fs)
{
    fs->fsync = fs->fdatasync = fs->syncfs = no_sync;
}

static ssize_t (*counted_pwritev)(const struct fs *, int, const struct iovec *,
                                  int, int64_t);

static ssize_t pwritev_seen(const struct fs *fs, int fd,
                            const struct iovec *iov, int n_iov,
                            int64_t position)
{
    common->threaded += gettid() != getpid();
    return counted_pwritev(fs, fd, iov, n_iov, position);
}

/* The process that may be killed. */
static void compact(long call, struct teller *teller)
{
    struct faulty_fs faulty;
    enum err err;

    faulty_fs_init(&faulty);
    faulty.torn = faulty.kills = true;
    counted_pwritev = faulty.fs.pwritev;
    faulty.fs.pwritev = pwritev_seen;
    faulty.fs.direct = direct;
    leave_syncs_out(&faulty.fs);
    rig.fs = &faulty.fs;
    log_rig_open(&rig);
    faulty.fail_at = call == 0 ? 0 : faulty.calls + call;
    err = clean(1, teller);
    _exit(err == ERR_OK ? 0 : 1);
}

/* Compact a new copy in a process that dies at that call to the disk, or is
 * killed once it told of that step; 0: none. Whether it was killed. */
static bool run(long call, long at)
{
    struct teller teller = { .at = at };
    int ends[2], status;
    char told;
    pid_t pid;

    copy_filled();
    common->steps = common->threaded = 0;
    ck_assert_int_eq(pipe(ends), 0);
    teller.fd = ends[1];
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        compact(call, &teller);
    close(ends[1]);
    if (read(ends[0], &told, 1) == 1)
        kill(pid, SIGKILL);
    close(ends[0]);
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_msg(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL
                                      : WEXITSTATUS(status) == 0,
                  "call %ld, step %ld: status %d", call, at, status);
    return WIFSIGNALED(status);
}

/* The log as a start finds it. Gives how many groups were compacted. */
static int recover(const char *when)
{
    struct teller nobody = { .at = 0 };
    struct fs fs = *fs_real();
    int groups;

    leave_syncs_out(&fs);
    rig.fs = &fs;
    log_rig_open(&rig);
    groups = check(when);
    ck_assert_err(clean(0, &nobody), ERR_OK);
    ck_assert_int_eq(check(when), 2);
    log_rig_kill(&rig);
    rig.fs = fs_real();
    return groups;
}

/* -- tests ----------------------------------------------------------------- */

START_TEST(a_kill_at_each_call_loses_nothing)
{
    int seen[3] = { 0, 0, 0 };
    char when[64];
    long call = 1;

    start();
    for (bool killed = true; killed && call < MOST; call++) {
        killed = run(call, 0);
        snprintf(when, sizeof when, "call %ld", call);
        seen[recover(when)]++;
    }
    ck_assert_int_lt(call, MOST);
    /* Kills came before, between and after the two exchanges; and in the one
     * that went through, the thread had its share. */
    ck_assert(seen[0] > 5 && seen[1] > 5 && seen[2] > 1);
    ck_assert_int_ge(common->threaded, 1);
    stop();
}
END_TEST

START_TEST(a_kill_at_any_moment_loses_nothing)
{
    char when[96];
    uint64_t seed;
    long steps;

    ck_assert_int_eq(getrandom(&seed, sizeof seed, 0), sizeof seed);
    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    start();
    ck_assert(!run(0, 0));
    steps = common->steps;
    ck_assert_int_eq(recover("no kill"), 2);
    ck_assert_int_ge(steps, 2);
    for (uint64_t i = 0; i < MOMENTS; i++) {
        /* First come those of the map. */
        long at = steps - (long)(scatter(seed + i) % (uint64_t)(steps / 2));

        run(0, at);
        snprintf(when, sizeof when, "seed %llu, step %ld of %ld",
                 (unsigned long long)seed, at, steps);
        recover(when);
    }
    stop();
}
END_TEST

UNIT_MAIN("clean_kill", a_kill_at_each_call_loses_nothing,
          a_kill_at_any_moment_loses_nothing)
