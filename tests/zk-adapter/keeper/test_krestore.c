/* Restores over loopback: what was sent is there, or nothing has changed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper/kcore.h"
#include "keeper/keeper.h"
#include "tests/support/dial.h"
#include "tests/support/unit.h"

static char dir[64];

struct session {
    int fd;
    int64_t id;
    uint8_t password[16];
};

static void setup(void)
{
    strcpy(dir, "/tmp/test_krestore.XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void teardown(void)
{
    char command[128];

    (void)snprintf(command, sizeof command, "rm -rf %s", dir);
    ck_assert_int_eq(system(command), 0);
}

static enum err try_start(struct keeper **keeper, const char *key,
                          const char *value, struct errmsg *why)
{
    const char *const settings[][2] = {
        { "clientPort", "0" },
        { "clientPortAddress", "127.0.0.1" },
        { "admin.enableServer", "true" },
        { "admin.serverAddress", "127.0.0.1" },
        { "admin.serverPort", "0" },
        { "dataDir", dir },
        { key, value },
    };
    struct keeper_config config;
    enum err err;

    keeper_config_init(&config);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        ck_assert_err(keeper_config_set(&config, bytes_of(settings[i][0]),
                                        bytes_of(settings[i][1]), why),
                      ERR_OK);
    err = keeper_start(keeper, &config, why);
    keeper_config_fini(&config);
    return err;
}

static struct keeper *start_with(const char *key, const char *value)
{
    struct keeper *keeper = NULL;
    struct errmsg why = { "" };

    ck_assert_msg(try_start(&keeper, key, value, &why) == ERR_OK, "%s",
                  why.text);
    return keeper;
}

static struct keeper *start(void)
{
    return start_with("admin.rateLimiterIntervalInMS", "0");
}

/* -- clients --------------------------------------------------------------- */

static void send_bytes(int fd, const void *at, size_t len)
{
    ck_assert_int_eq(send(fd, at, len, MSG_NOSIGNAL), (ssize_t)len);
}

static void send_frame(int fd, struct wr *w)
{
    wr_patch_i32(w, 0, (int32_t)w->len - 4);
    send_bytes(fd, w->data, w->len);
    wr_fini(w);
}

static struct rd recv_frame(int fd, uint8_t *room, size_t size)
{
    uint32_t len;

    ck_assert_int_eq(recv(fd, &len, 4, MSG_WAITALL), 4);
    len = be32toh(len);
    ck_assert_uint_le(len, size);
    ck_assert_int_eq(recv(fd, room, len, MSG_WAITALL), (int)len);
    return rd_make(bytes_make(room, len));
}

/* Begin a session, or take that of `*s` up again. */
static void hello(const struct keeper *keeper, struct session *s)
{
    uint8_t room[64];
    struct wr w;
    struct rd r;

    s->fd = dial(keeper_port(keeper));
    wr_init(&w, 100);
    wr_i32(&w, 0);
    wr_i32(&w, 0);
    wr_i64(&w, 0);
    wr_i32(&w, 30000);
    wr_i64(&w, s->id);
    wr_jute(&w, bytes_make(s->password, sizeof s->password));
    send_frame(s->fd, &w);
    r = recv_frame(s->fd, room, sizeof room);
    (void)rd_i32(&r);
    (void)rd_i32(&r);
    s->id = rd_i64(&r);
    struct bytes password = rd_jute(&r, 16);
    ck_assert_uint_eq(password.len, 16);
    memcpy(s->password, password.at, 16);
}

static int32_t ask(const struct session *s, int32_t type, const char *path,
                   int32_t flags)
{
    uint8_t room[512];
    struct wr w;
    struct rd r;

    wr_init(&w, 1000);
    wr_i32(&w, 0);
    wr_i32(&w, 1);
    wr_i32(&w, type);
    wr_jute(&w, bytes_of(path));
    if (type == KOP_CREATE) {
        wr_jute(&w, BYTES("x"));
        kacl_write(&w, NULL);
        wr_i32(&w, flags);
    } else {
        wr_bool(&w, false);
    }
    send_frame(s->fd, &w);
    r = recv_frame(s->fd, room, sizeof room);
    (void)rd_i32(&r);
    (void)rd_i64(&r);
    return rd_i32(&r);
}

static void create(const struct session *s, const char *path)
{
    ck_assert_int_eq(ask(s, KOP_CREATE, path, 0), 0);
}

static bool exists(const struct session *s, const char *path)
{
    int32_t code = ask(s, KOP_EXISTS, path, 0);

    ck_assert(code == 0 || code == K_NO_NODE);
    return code == 0;
}

static void is_cut_off(struct session *s)
{
    uint8_t byte;

    ck_assert_int_le(recv(s->fd, &byte, 1, 0), 0);
    close(s->fd);
}

/* -- the admin server ------------------------------------------------------ */

/* Send a head and a body, read to the end. Owned; ends with a zero. */
static struct bytes http(const struct keeper *keeper, const char *head,
                         struct bytes body)
{
    enum { MOST = 1 << 20 };
    uint8_t *answer = calloc(1, MOST);
    size_t n = 0;
    ssize_t got;
    int fd = dial(keeper_admin_port(keeper));

    send_bytes(fd, head, strlen(head));
    if (body.len > 0)
        send_bytes(fd, body.at, body.len);
    while ((got = recv(fd, answer + n, MOST - n - 1, 0)) > 0)
        n += (size_t)got;
    close(fd);
    return bytes_make(answer, n);
}

static void answers(const struct keeper *keeper, const char *head,
                    struct bytes body, const char *has)
{
    struct bytes answer = http(keeper, head, body);

    ck_assert_msg(strstr((const char *)answer.at, has) != NULL, "%s\n%s", has,
                  (const char *)answer.at);
    free((void *)(uintptr_t)answer.at);
}

static void restore(const struct keeper *keeper, struct bytes body,
                    const char *has)
{
    char head[256];

    (void)snprintf(head, sizeof head,
                   "POST /commands/restore HTTP/1.0\r\n"
                   "Authorization: digest root:secret\r\n"
                   "Content-Type: application/octet-stream\r\n"
                   "Content-Length: %zu\r\n\r\n",
                   body.len);
    answers(keeper, head, body, has);
}

/* Owned by `*answer`. */
static struct bytes snapshot(const struct keeper *keeper, struct bytes *answer)
{
    const char *body;

    *answer = http(keeper,
                   "GET /commands/snapshot HTTP/1.0\r\n"
                   "Authorization: digest root:secret\r\n\r\n",
                   BYTES(""));
    body = strstr((const char *)answer->at, "\r\n\r\n") + 4;
    ck_assert_int_eq(memcmp(body, "ZKSN", 4), 0);
    return bytes_make(body, answer->len -
                                (size_t)((const uint8_t *)body - answer->at));
}

START_TEST(a_snapshot_replaces_everything_and_a_restart_shows_it)
{
    setup();
    struct keeper *keeper = start();
    struct session stays = { .id = 0 };
    struct session late = { .id = 0 };
    struct session fresh = { .id = 0 };
    struct bytes answer;

    hello(keeper, &stays);
    create(&stays, "/a");
    ck_assert_int_eq(ask(&stays, KOP_CREATE, "/mine", 1), 0);
    struct bytes file = snapshot(keeper, &answer);
    hello(keeper, &late);
    create(&late, "/b");
    ck_assert_int_eq(ask(&late, KOP_CREATE, "/his", 1), 0);
    int64_t late_id = late.id;
    restore(keeper, file, " 200 OK");
    is_cut_off(&stays);
    is_cut_off(&late);
    for (int turn = 0; turn < 3; turn++) {
        int64_t id = stays.id;

        hello(keeper, &stays);
        ck_assert_int_eq(stays.id, id);
        ck_assert(exists(&stays, "/a"));
        ck_assert(exists(&stays, "/mine"));
        ck_assert(!exists(&stays, "/b"));
        ck_assert(!exists(&stays, "/his"));
        late.id = late_id;
        hello(keeper, &late);
        ck_assert_int_eq(late.id, 0);
        close(late.fd);
        ck_assert_int_eq(exists(&stays, "/c"), turn == 2);
        if (turn == 1) { /* the first turn ends without a record */
            create(&stays, "/c");
            hello(keeper, &fresh);
            ck_assert_int_ne(fresh.id, late_id);
            close(fresh.fd);
        }
        keeper_stop(&keeper);
        close(stays.fd);
        keeper = start();
    }
    keeper_stop(&keeper);
    free((void *)(uintptr_t)answer.at);
    teardown();
}
END_TEST

START_TEST(a_damaged_or_cut_snapshot_changes_nothing)
{
    setup();
    struct keeper *keeper = start();
    struct session s = { .id = 0 };
    struct bytes answer;

    hello(keeper, &s);
    create(&s, "/a");
    struct bytes file = snapshot(keeper, &answer);
    uint8_t *bytes = (void *)(uintptr_t)file.at;
    create(&s, "/b");
    for (size_t i = 0; i < file.len; i += 23) {
        bytes[i] ^= 0x20;
        restore(keeper, file, " 500 ");
        bytes[i] ^= 0x20;
    }
    for (size_t i = 0; i < file.len - 54; i += 29)
        restore(keeper, bytes_make(file.at, i), " 500 ");
    restore(keeper, bytes_make(file.at, file.len - 1),
            "\"error\" : \"The data is as it was: it does not end");
    ck_assert(exists(&s, "/b"));
    create(&s, "/c");
    restore(keeper, file,
            "\"last_zxid\" : 2,\n  \"command\" : \"restore\",\n"
            "  \"error\" : null");
    is_cut_off(&s);
    keeper_stop(&keeper);
    free((void *)(uintptr_t)answer.at);
    teardown();
}
END_TEST

START_TEST(what_a_kill_leaves_lying_about_is_of_no_meaning)
{
    setup();
    static const char *const names[] = { "new-restore.0",
                                         "new-snapshot.restored.0" };
    struct keeper *keeper = start();
    struct session s = { .id = 0 };
    struct bytes answer;

    hello(keeper, &s);
    create(&s, "/a");
    struct bytes file = snapshot(keeper, &answer);
    keeper_stop(&keeper);
    close(s.fd);
    for (size_t i = 0; i < 2; i++) {
        char name[128];
        FILE *f;

        (void)snprintf(name, sizeof name, "%s/version-2/%s", dir, names[i]);
        f = fopen(name, "w");
        ck_assert_ptr_nonnull(f);
        ck_assert_int_gt(fputs("ZKSN and then nothing of sense", f), 0);
        fclose(f);
    }
    keeper = start();
    s.id = 0;
    hello(keeper, &s);
    ck_assert(exists(&s, "/a"));
    restore(keeper, file, " 200 OK");
    is_cut_off(&s);
    keeper_stop(&keeper);
    free((void *)(uintptr_t)answer.at);
    teardown();
}
END_TEST

START_TEST(a_restored_file_that_was_damaged_is_not_passed_over)
{
    setup();
    struct keeper *keeper = start();
    struct session s = { .id = 0 };
    struct errmsg why = { "" };
    struct bytes answer;
    char name[128];

    hello(keeper, &s);
    struct bytes file = snapshot(keeper, &answer);
    create(&s, "/a");
    restore(keeper, file, " 200 OK");
    is_cut_off(&s);
    (void)snprintf(name, sizeof name, "%s/version-2/snapshot.3", dir);
    for (int turn = 0; turn < 2; turn++) {
        if (turn == 1) {
            keeper = start();
            hello(keeper, &s);
            create(&s, "/b");
            close(s.fd);
        }
        keeper_stop(&keeper);
        ck_assert_int_eq(truncate(name, 100), 0);
        ck_assert_err(try_start(&keeper, "tickTime", "2000", &why),
                      ERR_CORRUPT);
        ck_assert_ptr_nonnull(strstr(why.text, "snapshot.3 "));
        FILE *f = fopen(name, "w");
        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(fwrite(file.at, 1, file.len, f), file.len);
        fclose(f);
    }
    keeper = start();
    hello(keeper, &s);
    ck_assert(exists(&s, "/b"));
    ck_assert(!exists(&s, "/a"));
    keeper_stop(&keeper);
    close(s.fd);
    free((void *)(uintptr_t)answer.at);
    teardown();
}
END_TEST

#define POST "POST /commands/restore HTTP/1.1\r\n"

START_TEST(who_may_not_is_refused_in_front_of_the_body)
{
    setup();
    struct keeper *keeper = start_with("admin.restore.enabled", "false");

    answers(keeper, POST "Content-Length: 1000000\r\n\r\n", BYTES("abc"),
            " 401 ");
    answers(keeper,
            POST "Authorization: sasl x\r\nContent-Length: 1000000\r\n\r\n",
            BYTES("abc"), " 401 ");
    restore(keeper, BYTES("abc"), " 503 ");
    keeper_stop(&keeper);
    keeper = start_with("admin.rateLimiterIntervalInMS", "3600000");
    answers(keeper,
            "GET /commands/restore HTTP/1.0\r\nAuthorization: ip\r\n\r\n",
            BYTES(""), " 405 ");
    answers(keeper,
            POST "Authorization: ip\r\nContent-Length: 68719476737\r\n\r\n",
            BYTES("abc"), " 413 ");
    answers(keeper, POST "Authorization: ip\r\nConnection: close\r\n\r\n",
            BYTES(""), " 500 ");
    restore(keeper, BYTES("abc"), " 429 ");
    keeper_stop(&keeper);
    teardown();
}
END_TEST

START_TEST(one_that_goes_before_its_body_ends_makes_place_for_the_next)
{
    setup();
    struct keeper *keeper = start();
    int fd = dial(keeper_admin_port(keeper));
    const char head[] = POST "Authorization: ip\r\nContent-Length: 9\r\n\r\nab";
    struct bytes answer;

    send_bytes(fd, head, sizeof head - 1);
    shutdown(fd, SHUT_WR);
    ck_assert_int_eq(recv(fd, (char[1]){ 0 }, 1, 0), 0);
    close(fd);
    struct bytes file = snapshot(keeper, &answer);
    restore(keeper, file, " 200 OK");
    keeper_stop(&keeper);
    free((void *)(uintptr_t)answer.at);
    teardown();
}
END_TEST

START_TEST(a_stop_under_way_ends_it)
{
    setup();
    const char head[] = POST "Authorization: ip\r\nContent-Length: 9\r\n\r\nab";

    for (int whole = 0; whole < 2; whole++) {
        struct keeper *keeper = start();
        int fd = dial(keeper_admin_port(keeper));

        send_bytes(fd, head, sizeof head - 1);
        if (whole)
            send_bytes(fd, "cdefghi", 7);
        keeper_stop(&keeper);
        close(fd);
    }
    teardown();
}
END_TEST

UNIT_MAIN("krestore", a_snapshot_replaces_everything_and_a_restart_shows_it,
          a_damaged_or_cut_snapshot_changes_nothing,
          what_a_kill_leaves_lying_about_is_of_no_meaning,
          a_restored_file_that_was_damaged_is_not_passed_over,
          who_may_not_is_refused_in_front_of_the_body,
          one_that_goes_before_its_body_ends_makes_place_for_the_next,
          a_stop_under_way_ends_it)
