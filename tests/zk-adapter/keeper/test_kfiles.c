/* Log records and snapshots: written, damaged, read back. */
#include "keeper/ksnap.h"
#include "keeper/ktxn.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keeper/klog.h"
#include "keeper/krecover.h"
#include "tests/support/kworld.h"
#include "tests/support/unit.h"

static void change_some(struct kuser *user, unsigned n)
{
    char path[64];

    for (unsigned i = 0; i < n; i++) {
        snprintf(path, sizeof path, "/n%d", rand() % 40);
        switch (rand() % 8) {
        case 0:
            kuser_delete(user, path, -1);
            break;
        case 1:
        case 2:
            kuser_set(user, path, "changed", -1);
            break;
        case 3: {
            struct wr w;

            wr_init(&w, 1000);
            wr_jute(&w, bytes_of(path));
            wr_i32(&w, 1);
            wr_i32(&w, 1 + rand() % 31);
            wr_jute(&w, BYTES("world"));
            wr_jute(&w, BYTES("anyone"));
            wr_i32(&w, -1);
            kuser_call(user, KOP_SET_ACL, &w);
            break;
        }
        case 4:
            strcat(path, "/s-");
            kuser_create(user, path, "x", 2 + rand() % 2);
            break;
        default:
            kuser_create(user, path, "data", rand() % 5 ? 0 : 1);
            break;
        }
    }
}

static void same_node(const struct ktree *want, const struct ktree *got,
                      const struct ktree_node *node)
{
    size_t len = ktree_path_len(node);
    uint8_t path[256];

    ck_assert_uint_lt(len, sizeof path);
    ktree_path(node, path, len);
    const struct ktree_node *other = ktree_find(got, bytes_make(path, len));
    ck_assert_msg(other != NULL, "%.*s is missing", (int)len, path);
    ck_assert_bytes(ktree_data(other), ktree_data(node));
    ck_assert_int_eq(other->czxid, node->czxid);
    ck_assert_int_eq(other->mzxid, node->mzxid);
    ck_assert_int_eq(other->pzxid, node->pzxid);
    ck_assert_int_eq(other->ctime, node->ctime);
    ck_assert_int_eq(other->mtime, node->mtime);
    ck_assert_int_eq(other->version, node->version);
    ck_assert_int_eq(other->cversion, node->cversion);
    ck_assert_int_eq(other->aversion, node->aversion);
    ck_assert_uint_eq(other->n_children, node->n_children);
    ck_assert_int_eq(ktree_owner(other), ktree_owner(node));
    ck_assert_int_eq(other->acl == NULL, node->acl == NULL);
    if (node->acl != NULL)
        ck_assert_bytes(other->acl->encoded, node->acl->encoded);
    (void)want;
}

static void same_core(const struct kcore *want, const struct kcore *got)
{
    ck_assert_uint_eq(got->tree.n, want->tree.n);
    ck_assert_int_eq(got->zxid, want->zxid);
    ck_assert_uint_eq(got->sessions.by_id.count, want->sessions.by_id.count);
    ck_assert_uint_eq(got->tree.n_ephemerals, want->tree.n_ephemerals);
    ck_assert_int_eq(got->tree.data_size, want->tree.data_size);
    for (const struct ktree_node *n = want->tree.root; n != NULL;
         n = ktree_next(n, NULL))
        same_node(&want->tree, &got->tree, n);
}

static void replay_all(struct kcore *core, struct bytes log)
{
    size_t at = KTXN_FILE_HEADER;
    struct bytes payload;

    ck_assert(ktxn_file_is_log(log));
    while (ktxn_next(log, &at, &payload) == ERR_OK)
        if (ktxn_zxid(payload) > core->zxid)
            ck_assert_err(ktxn_replay(core, payload), ERR_OK);
    ck_assert_uint_eq(at, log.len);
}

START_TEST(replaying_the_log_gives_the_same_tree)
{
    struct kworld world;
    struct kworld again;
    struct kuser user;

    srand(3);
    kworld_init(&world);
    kuser_hello(&world, &user, 5000);
    change_some(&user, 3000);
    kworld_init(&again);
    replay_all(&again.core, bytes_make(world.disk.data, world.disk.len));
    same_core(&world.core, &again.core);
    kuser_go(&user);
    kworld_fini(&world);
    kworld_fini(&again);
}
END_TEST

/* While requests change the tree between its slices. */
START_TEST(a_snapshot_taken_under_way_and_the_log_give_the_same_tree)
{
    for (unsigned seed = 1; seed < 30; seed++) {
        struct kworld world;
        struct kuser user;
        struct ksnap snap;
        struct wr file;
        struct kcore again;
        struct errmsg why = { "" };

        srand(seed);
        kworld_init(&world);
        kuser_hello(&world, &user, 5000);
        change_some(&user, 300);
        wr_init(&file, INT32_MAX);
        ksnap_start(&snap, &world.core, &file);
        while (ksnap_more(&snap, &file, 3))
            change_some(&user, 8);
        ksnap_end(&snap, &file);
        ksnap_seal(&file,
                   ksnap_sum(KSNAP_SUM_FIRST, bytes_make(file.data, file.len)),
                   snap.zxid);
        change_some(&user, 50);

        ck_assert(ksnap_looks_whole(bytes_make(file.data, file.len)));
        kcore_init(&again, &world.config, 0, 0);
        ck_assert_msg(
            ksnap_load(&again, bytes_make(file.data, file.len), &why) == ERR_OK,
            "%s", why.text);
        again.zxid = snap.zxid;
        replay_all(&again, bytes_make(world.disk.data, world.disk.len));
        same_core(&world.core, &again);
        kcore_fini(&again);
        wr_fini(&file);
        kuser_go(&user);
        kworld_fini(&world);
    }
}
END_TEST

START_TEST(any_cut_of_the_log_ends_it_cleanly)
{
    struct kworld world;
    struct kuser user;

    srand(5);
    kworld_init(&world);
    kuser_hello(&world, &user, 5000);
    change_some(&user, 20);
    for (size_t len = KTXN_FILE_HEADER; len <= world.disk.len; len++) {
        struct bytes log = bytes_make(world.disk.data, len);
        size_t at = KTXN_FILE_HEADER;
        struct bytes payload;
        enum err err;

        while ((err = ktxn_next(log, &at, &payload)) == ERR_OK)
            continue;
        ck_assert_err(err, ERR_ABSENT);
        ck_assert_uint_le(at, len);
    }
    kuser_go(&user);
    kworld_fini(&world);
}
END_TEST

START_TEST(a_bad_record_is_noticed_and_good_ones_behind_it_too)
{
    struct kworld world;
    struct kuser user;
    struct bytes payload;
    size_t at = KTXN_FILE_HEADER;
    size_t second;

    kworld_init(&world);
    kuser_hello(&world, &user, 5000);
    kuser_create(&user, "/a", "x", 0);
    kuser_create(&user, "/b", "x", 0);
    struct bytes log = bytes_make(world.disk.data, world.disk.len);
    ck_assert_err(ktxn_next(log, &at, &payload), ERR_OK);
    second = at;
    world.disk.data[second + 20] ^= 1;
    ck_assert_err(ktxn_next(log, &at, &payload), ERR_CORRUPT);
    ck_assert_uint_eq(at, second);
    ck_assert(ktxn_any_behind(log, second));
    world.disk.data[world.disk.len - 3] ^= 1;
    ck_assert(!ktxn_any_behind(log, second));
    kuser_go(&user);
    kworld_fini(&world);
}
END_TEST

/* The parts at the end came with one release and another: a snapshot may end
 * behind each of them. */
static void sealed_check(struct kworld *world, const struct wr *file,
                         size_t len, bool right)
{
    struct kcore again;
    struct errmsg why = { "" };
    int64_t zxid = 0;
    enum err err;

    kcore_init(&again, &world->config, 0, 0);
    err = ksnap_load_sealed(&again, bytes_make(file->data, len), &zxid, &why);
    if (file->len - len == 21 || file->len - len == 54)
        ck_assert(err == ERR_OK && zxid == -1);
    else
        ck_assert_int_eq(err == ERR_OK, right);
    ck_assert(!right || zxid == world->core.zxid);
    kcore_fini(&again);
}

START_TEST(a_damaged_snapshot_is_refused)
{
    struct kworld world;
    struct kuser user;
    struct ksnap snap;
    struct wr file;

    srand(6);
    kworld_init(&world);
    kuser_hello(&world, &user, 5000);
    change_some(&user, 30);
    wr_init(&file, INT32_MAX);
    ksnap_start(&snap, &world.core, &file);
    while (ksnap_more(&snap, &file, 100))
        continue;
    ksnap_end(&snap, &file);
    size_t nodes = file.len;
    ksnap_seal(&file, ksnap_sum(1, bytes_make(file.data, file.len)), snap.zxid);
    for (size_t i = 0; i < nodes; i += 7) {
        struct kcore again;
        struct errmsg why = { "" };

        file.data[i] ^= 0x10;
        kcore_init(&again, &world.config, 0, 0);
        ck_assert_int_ne(
            ksnap_load(&again, bytes_make(file.data, file.len), &why), ERR_OK);
        ck_assert_int_ne(why.text[0], 0);
        kcore_fini(&again);
        file.data[i] ^= 0x10;
    }
    for (size_t i = 0; i <= file.len - nodes; i++) {
        sealed_check(&world, &file, file.len - i, i == 0);
        if (i == 0)
            continue;
        file.data[file.len - i] ^= 0x10;
        sealed_check(&world, &file, file.len, false);
        file.data[file.len - i] ^= 0x10;
    }
    wr_fini(&file);
    kuser_go(&user);
    kworld_fini(&world);
}
END_TEST

/* -- directories ----------------------------------------------------------- */

static char dir[64];

static void dir_make(void)
{
    strcpy(dir, "/tmp/keeper-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void dir_remove(void)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    char path[512];

    while ((e = readdir(d)) != NULL) {
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        unlink(path);
    }
    closedir(d);
    ck_assert_int_eq(rmdir(dir), 0);
}

/* Records of a world that made `n` nodes, from the `from`th on. */
static void log_batches(struct klog *log, unsigned n)
{
    struct kworld world;
    struct kuser user;
    size_t before;
    char path[32];

    kworld_init(&world);
    before = world.disk.len;
    kuser_hello(&world, &user, 5000);
    for (unsigned i = 0; i < n; i++) {
        int64_t zxid = ktxn_zxid(
            bytes_make(world.disk.data + before + KTXN_FRONT, KTXN_HEADER));

        ck_assert_err(klog_append(log,
                                  bytes_make(world.disk.data + before,
                                             world.disk.len - before),
                                  zxid, NULL),
                      ERR_OK);
        before = world.disk.len;
        snprintf(path, sizeof path, "/n%u", i);
        kuser_create(&user, path, "x", 0);
        if (i % 10 == 9)
            klog_roll(log);
    }
    kuser_go(&user);
    kworld_fini(&world);
}

static enum err recover(struct kworld *world, struct krecover_result *result,
                        struct errmsg *why)
{
    kworld_init(world);
    kcore_fini(&world->core);
    kcore_init(&world->core, &world->config, 0, 0);
    return krecover(&world->core, dir, dir, result, why);
}

START_TEST(a_directory_of_rolled_logs_is_recovered)
{
    struct klog log;
    struct kworld world;
    struct krecover_result result;
    struct errmsg why = { "" };

    dir_make();
    klog_init(&log, dir, 1 << 16, true);
    log_batches(&log, 35);
    klog_fini(&log);
    ck_assert_msg(recover(&world, &result, &why) == ERR_OK, "%s", why.text);
    ck_assert_uint_eq(result.records, 35);
    ck_assert_uint_eq(world.core.tree.n, 4 + 34);
    ck_assert_int_eq(world.core.zxid, 35);
    kworld_fini(&world);
    dir_remove();
}
END_TEST

static void file_poke(const char *name, off_t at, size_t n)
{
    char path[512];
    uint8_t byte;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_RDWR);
    ck_assert_int_ge(fd, 0);
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(pread(fd, &byte, 1, at + (off_t)i), 1);
        byte ^= 0x55;
        ck_assert_int_eq(pwrite(fd, &byte, 1, at + (off_t)i), 1);
    }
    close(fd);
}

static off_t file_size(const char *name)
{
    char path[512];
    struct stat st;

    snprintf(path, sizeof path, "%s/%s", dir, name);
    ck_assert_int_eq(stat(path, &st), 0);
    return st.st_size;
}

START_TEST(a_torn_tail_is_cut_and_damage_before_good_records_is_refused)
{
    struct klog log;
    struct kworld world;
    struct krecover_result result;
    struct errmsg why = { "" };

    dir_make();
    klog_init(&log, dir, 1 << 16, true);
    log_batches(&log, 15);
    klog_fini(&log);
    file_poke("log.b", file_size("log.b") - 20, 4);
    ck_assert_err(recover(&world, &result, &why), ERR_OK);
    ck_assert_uint_eq(result.records, 14);
    kworld_fini(&world);
    ck_assert_err(recover(&world, &result, &why), ERR_OK);
    ck_assert_uint_eq(result.records, 14);
    kworld_fini(&world);

    file_poke("log.b", KTXN_FILE_HEADER + 30, 4);
    ck_assert_err(recover(&world, &result, &why), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(why.text, "log.b"));
    kworld_fini(&world);
    file_poke("log.b", KTXN_FILE_HEADER + 30, 4);
    file_poke("log.1", file_size("log.1") - 20, 4);
    ck_assert_err(recover(&world, &result, &why), ERR_CORRUPT);
    kworld_fini(&world);
    dir_remove();
}
END_TEST

START_TEST(logs_without_their_beginning_are_not_trusted)
{
    struct klog log;
    struct kworld world;
    struct krecover_result result;
    struct errmsg why = { "" };
    char path[512];

    dir_make();
    klog_init(&log, dir, 1 << 16, true);
    log_batches(&log, 15);
    klog_fini(&log);
    snprintf(path, sizeof path, "%s/log.1", dir);
    unlink(path);
    ck_assert_err(recover(&world, &result, &why), ERR_CORRUPT);
    kworld_fini(&world);
    dir_remove();
}
END_TEST

UNIT_MAIN("kfiles", replaying_the_log_gives_the_same_tree,
          a_snapshot_taken_under_way_and_the_log_give_the_same_tree,
          any_cut_of_the_log_ends_it_cleanly,
          a_bad_record_is_noticed_and_good_ones_behind_it_too,
          a_damaged_snapshot_is_refused,
          a_directory_of_rolled_logs_is_recovered,
          a_torn_tail_is_cut_and_damage_before_good_records_is_refused,
          logs_without_their_beginning_are_not_trusted)
