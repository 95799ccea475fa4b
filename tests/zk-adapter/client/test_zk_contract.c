/* test_zk_contract.c - a session against real coordination services.
 *
 * The same tests run against our own keeper and against Apache ZooKeeper; the
 * latter is skipped with a line where it is missing.
 */
#include <arpa/inet.h>
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "base/mem.h"
#include "client/zk.h"
#include "tests/support/zk_server.h"

enum { TIMEOUT_MS = 4000, LONG_US = 20 * 1000000 };

static struct zk_server server;
static enum zk_server_kind server_kind;

/* -- one session with what it told ------------------------------------- */

struct client {
    struct zk *zk;
    unsigned seen[ZK_CLOSED + 1]; /* how often each event came */
    bool renew;                   /* call zk_renew() on expiry */
};

static struct loop *loop;
static struct pool *pool;
static char root[64]; /* a chroot of this test's own */

static void on_session(void *arg, enum zk_event event)
{
    struct client *c = arg;

    c->seen[event]++;
    if (event == ZK_EXPIRED && c->renew)
        zk_renew(c->zk);
}

static void start(struct client *c, const char *hosts, const char *chroot,
                  int64_t saved, const uint8_t *passwd)
{
    struct zk_config config = { .hosts = hosts,
                                .chroot = chroot,
                                .session_timeout_ms = TIMEOUT_MS,
                                .saved_session = saved,
                                .on_session = on_session,
                                .arg = c };
    struct errmsg why;

    memset(c, 0, sizeof *c);
    if (saved != 0)
        memcpy(config.saved_passwd, passwd, ZK_PASSWD_LEN);
    ck_assert_int_eq(zk_start(&c->zk, loop, pool, &config, &why), ERR_OK);
}

#define UNTIL(condition)                                                       \
    do {                                                                       \
        int64_t give_up_ = clock_mono_us() + LONG_US;                          \
        while (!(condition)) {                                                 \
            ck_assert_msg(clock_mono_us() < give_up_, "%s",                    \
                          "waited in vain for " #condition);                   \
            loop_turn(loop, 50 * 1000);                                        \
        }                                                                      \
    } while (0)

static void stop(struct client *c)
{
    zk_close(&c->zk);
    UNTIL(c->seen[ZK_CLOSED] == 1);
}

/* -- one operation, waited for ----------------------------------------- */

struct asked {
    struct zk_op op;
    bool done;
    char text[256]; /* data, or path, or children joined by blanks */
    size_t len;
    bool null;
    struct zk_stat stat;
    unsigned order; /* which completion of this test it was */
};

static unsigned completions;

static int by_bytes(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

static void on_done(struct zk_op *op)
{
    struct asked *a = CONTAINER_OF(op, struct asked, op);
    size_t used = 0;

    ck_assert(!a->done);
    a->done = true;
    a->order = completions++;
    a->stat = op->stat;
    a->null = bytes_is_null(op->data);
    a->len = op->data.len;
    if (!bytes_is_null(op->data) && op->data.len < sizeof a->text)
        snprintf(a->text, sizeof a->text, "%.*s", BYTES_ARG(op->data));
    else if (!bytes_is_null(op->path))
        snprintf(a->text, sizeof a->text, "%.*s", BYTES_ARG(op->path));
    if (op->n_children > 0 && op->n_children < 20) {
        struct bytes sorted[20];

        memcpy(sorted, op->children, op->n_children * sizeof *sorted);
        qsort(sorted, op->n_children, sizeof *sorted, by_bytes);
        for (size_t i = 0; i < op->n_children; i++)
            used +=
                (size_t)snprintf(a->text + used, sizeof a->text - used,
                                 "%s%.*s", i ? " " : "", BYTES_ARG(sorted[i]));
    }
    a->len = op->n_children ? op->n_children : a->len;
}

static struct asked *fresh(struct asked *a)
{
    memset(a, 0, sizeof *a);
    a->op.on_done = on_done;
    return a;
}

static enum err wait_for(struct asked *a)
{
    UNTIL(a->done);
    return a->op.err;
}

static enum err create(struct client *c, const char *path, const char *data,
                       enum zk_create_mode mode)
{
    struct asked a;

    zk_create(c->zk, &fresh(&a)->op, path, bytes_of(data), mode);
    return wait_for(&a);
}

static enum err set(struct client *c, const char *path, const char *data,
                    int32_t version)
{
    struct asked a;

    zk_set(c->zk, &fresh(&a)->op, path, bytes_of(data), version);
    return wait_for(&a);
}

static enum err get(struct client *c, struct asked *a, const char *path,
                    struct zk_watch *watch)
{
    zk_get(c->zk, &fresh(a)->op, path, watch);
    return wait_for(a);
}

/* -- fixtures ---------------------------------------------------------- */

static struct client client;

static void server_up(void)
{
    zk_server_init(&server, server_kind);
}

static void server_down(void)
{
    zk_server_fini(&server);
}

static void setup(void)
{
    struct errmsg why;
    struct asked a;

    ck_assert_int_eq(loop_new(&loop, "test", &why), ERR_OK);
    ck_assert_int_eq(pool_new(&pool, "test", 2, &why), ERR_OK);
    snprintf(root, sizeof root, "/t%" PRId64 "/x", clock_mono_us());
    start(&client, server.hosts, root, 0, NULL);
    zk_make_path(client.zk, &fresh(&a)->op, "/");
    ck_assert_int_eq(wait_for(&a), ERR_OK);
}

static void teardown(void)
{
    if (client.zk != NULL)
        stop(&client);
    pool_free(&pool);
    loop_free(&loop);
}

/* -- tests ------------------------------------------------------------- */

START_TEST(what_is_created_can_be_read_changed_and_deleted)
{
    struct asked a;

    ck_assert_int_eq(create(&client, "/a", "one", ZK_PERSISTENT), ERR_OK);
    ck_assert_int_eq(create(&client, "/a", "two", ZK_PERSISTENT), ERR_EXISTS);
    ck_assert_int_eq(create(&client, "/no/b", "x", ZK_PERSISTENT), ERR_ABSENT);
    ck_assert_int_eq(get(&client, &a, "/a", NULL), ERR_OK);
    ck_assert_str_eq(a.text, "one");
    ck_assert_int_eq(a.stat.version, 0);
    ck_assert_int_eq(set(&client, "/a", "three", 0), ERR_OK);
    ck_assert_int_eq(set(&client, "/a", "four", 0), ERR_CONFLICT);
    ck_assert_int_eq(create(&client, "/a/b", NULL, ZK_PERSISTENT), ERR_OK);
    zk_delete(client.zk, &fresh(&a)->op, "/a", -1);
    ck_assert_int_eq(wait_for(&a), ERR_NOT_EMPTY);
    zk_delete(client.zk, &fresh(&a)->op, "/a/b", 7);
    ck_assert_int_eq(wait_for(&a), ERR_CONFLICT);
    zk_delete(client.zk, &fresh(&a)->op, "/a/b", 0);
    ck_assert_int_eq(wait_for(&a), ERR_OK);
    ck_assert_int_eq(get(&client, &a, "/a/b", NULL), ERR_ABSENT);
}
END_TEST

START_TEST(null_data_differs_from_empty_data)
{
    struct asked a;

    ck_assert_int_eq(create(&client, "/null", NULL, ZK_PERSISTENT), ERR_OK);
    ck_assert_int_eq(create(&client, "/empty", "", ZK_PERSISTENT), ERR_OK);
    ck_assert_int_eq(get(&client, &a, "/null", NULL), ERR_OK);
    ck_assert(a.null);
    ck_assert_int_eq(get(&client, &a, "/empty", NULL), ERR_OK);
    ck_assert(!a.null);
    ck_assert_uint_eq(a.len, 0);
}
END_TEST

START_TEST(children_are_listed_and_sequential_ones_counted)
{
    struct asked a;

    ck_assert_int_eq(create(&client, "/p", NULL, ZK_PERSISTENT), ERR_OK);
    ck_assert_int_eq(create(&client, "/p/z", NULL, ZK_PERSISTENT), ERR_OK);
    zk_create(client.zk, &fresh(&a)->op, "/p/n_", BYTES("x"), ZK_SEQUENTIAL);
    ck_assert_int_eq(wait_for(&a), ERR_OK);
    ck_assert_str_eq(a.text, "/p/n_0000000001");
    zk_children(client.zk, &fresh(&a)->op, "/p", NULL);
    ck_assert_int_eq(wait_for(&a), ERR_OK);
    ck_assert_str_eq(a.text, "n_0000000001 z");
    ck_assert_int_eq(a.stat.n_children, 2);
}
END_TEST

START_TEST(a_path_is_made_with_all_its_parents)
{
    struct asked a;

    zk_make_path(client.zk, &fresh(&a)->op, "/q/r/s/t");
    ck_assert_int_eq(wait_for(&a), ERR_OK);
    zk_make_path(client.zk, &fresh(&a)->op, "/q/r/s/t");
    ck_assert_int_eq(wait_for(&a), ERR_OK);
    ck_assert_int_eq(get(&client, &a, "/q/r/s/t", NULL), ERR_OK);
    ck_assert(a.null);
}
END_TEST

START_TEST(malformed_paths_are_refused_from_the_loop)
{
    static const char *const bad[] = { "a",     "",     "/a/",   "//a",
                                       "/a//b", "/./a", "/a/..", "/a\001" };
    struct asked a;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct zk_part part = { .kind = ZK_PART_DELETE, .path = bad[i] };

        zk_get(client.zk, &fresh(&a)->op, bad[i], NULL);
        ck_assert(!a.done);
        ck_assert_msg(wait_for(&a) == ERR_INVALID, "%s", bad[i]);
        zk_multi(client.zk, &fresh(&a)->op, &part, 1);
        ck_assert_msg(wait_for(&a) == ERR_INVALID, "%s", bad[i]);
    }
}
END_TEST

START_TEST(a_multi_does_all_or_nothing_and_names_what_failed)
{
    struct zk_part good[] = {
        { .kind = ZK_PART_CREATE, .path = "/e", .mode = ZK_EPHEMERAL },
        { .kind = ZK_PART_SET, .path = "/e", .data = BYTES("v"), .version = 0 },
        { .kind = ZK_PART_CHECK, .path = "/e", .version = 1 },
    };
    struct zk_part bad[] = {
        { .kind = ZK_PART_CREATE, .path = "/f", .data = BYTES("x") },
        { .kind = ZK_PART_CHECK, .path = "/e", .version = 9 },
        { .kind = ZK_PART_DELETE, .path = "/e", .version = -1 },
    };
    struct asked a;

    zk_multi(client.zk, &fresh(&a)->op, good, 3);
    ck_assert_int_eq(wait_for(&a), ERR_OK);
    ck_assert_int_eq(good[1].stat.version, 1);
    ck_assert_int_eq(good[1].stat.ephemeral_owner, zk_session_id(client.zk));
    ck_assert_int_gt(good[1].stat.czxid, 0);
    zk_multi(client.zk, &fresh(&a)->op, bad, 3);
    ck_assert_int_eq(wait_for(&a), ERR_CONFLICT);
    ck_assert_uint_eq(a.op.failed_part, 1);
    ck_assert_int_eq(bad[0].err, ERR_CLOSED);
    ck_assert_int_eq(bad[1].err, ERR_CONFLICT);
    ck_assert_int_eq(bad[2].err, ERR_CLOSED);
    ck_assert_int_eq(get(&client, &a, "/f", NULL), ERR_ABSENT);
}
END_TEST

struct seen_watch {
    struct zk_watch watch;
    unsigned fired, voided;
};

static void on_fire(struct zk_watch *watch, bool fired)
{
    struct seen_watch *w = CONTAINER_OF(watch, struct seen_watch, watch);

    if (fired)
        w->fired++;
    else
        w->voided++;
}

START_TEST(watches_fire_once_for_what_they_were_set_on)
{
    struct seen_watch data = { .watch.on_fire = on_fire };
    struct seen_watch absent = { .watch.on_fire = on_fire };
    struct seen_watch child = { .watch.on_fire = on_fire };
    struct seen_watch cancelled = { .watch.on_fire = on_fire };
    struct asked a;

    ck_assert_int_eq(create(&client, "/w", "1", ZK_PERSISTENT), ERR_OK);
    ck_assert_int_eq(get(&client, &a, "/w", &data.watch), ERR_OK);
    ck_assert_int_eq(get(&client, &a, "/w", &cancelled.watch), ERR_OK);
    ck_assert(zk_watch_is_set(&data.watch));
    zk_watch_cancel(&cancelled.watch);
    zk_children(client.zk, &fresh(&a)->op, "/w", &child.watch);
    ck_assert_int_eq(wait_for(&a), ERR_OK);
    zk_exists(client.zk, &fresh(&a)->op, "/w/new", &absent.watch);
    ck_assert_int_eq(wait_for(&a), ERR_ABSENT);
    ck_assert(zk_watch_is_set(&absent.watch));

    ck_assert_int_eq(set(&client, "/w", "2", -1), ERR_OK);
    UNTIL(data.fired == 1);
    ck_assert_int_eq(set(&client, "/w", "3", -1), ERR_OK);
    ck_assert_int_eq(create(&client, "/w/new", "x", ZK_PERSISTENT), ERR_OK);
    UNTIL(absent.fired == 1 && child.fired == 1);
    ck_assert_uint_eq(data.fired, 1);
    ck_assert_uint_eq(cancelled.fired + cancelled.voided, 0);
    ck_assert(!zk_watch_is_set(&data.watch));

    /* a get of what is absent sets nothing */
    ck_assert_int_eq(get(&client, &a, "/none", &data.watch), ERR_ABSENT);
    ck_assert(!zk_watch_is_set(&data.watch));
}
END_TEST

START_TEST(a_watch_is_void_when_the_session_closes)
{
    struct seen_watch data = { .watch.on_fire = on_fire };
    struct asked a;

    ck_assert_int_eq(create(&client, "/w", "1", ZK_PERSISTENT), ERR_OK);
    ck_assert_int_eq(get(&client, &a, "/w", &data.watch), ERR_OK);
    stop(&client);
    ck_assert_uint_eq(data.voided, 1);
    ck_assert_uint_eq(data.fired, 0);
}
END_TEST

START_TEST(ten_thousand_reads_at_once_complete_in_order)
{
    enum { N = 10000 };
    struct asked *all = mem_need_array(N, sizeof *all);
    int64_t start_us;

    ck_assert_int_eq(create(&client, "/r", "value", ZK_PERSISTENT), ERR_OK);
    completions = 0;
    start_us = clock_mono_us();
    for (unsigned i = 0; i < N; i++)
        zk_get(client.zk, &fresh(&all[i])->op, i % 2 ? "/r" : "/none", NULL);
    UNTIL(completions == N);
    printf("10000 pipelined reads: %.0f ms\n",
           (double)(clock_mono_us() - start_us) / 1000);
    for (unsigned i = 0; i < N; i++) {
        ck_assert_uint_eq(all[i].order, i);
        ck_assert_int_eq(all[i].op.err, i % 2 ? ERR_OK : ERR_ABSENT);
    }
    mem_free(all);
}
END_TEST

START_TEST(a_large_value_arrives_whole)
{
    size_t len = 900 * 1000;
    uint8_t *data = mem_need(len);
    struct asked a;

    memset(data, 'x', len);
    zk_create(client.zk, &fresh(&a)->op, "/big", bytes_make(data, len),
              ZK_PERSISTENT);
    ck_assert_int_eq(wait_for(&a), ERR_OK);
    ck_assert_int_eq(get(&client, &a, "/big", NULL), ERR_OK);
    ck_assert_uint_eq(a.len, len);
    mem_free(data);
}
END_TEST

START_TEST(a_cancelled_operation_is_not_told)
{
    struct asked a, b;

    zk_create(client.zk, &fresh(&a)->op, "/c", BYTES("x"), ZK_PERSISTENT);
    zk_op_cancel(&a.op);
    zk_op_cancel(&a.op);
    ck_assert_int_eq(get(&client, &b, "/c", NULL), ERR_OK);
    ck_assert(!a.done);
}
END_TEST

START_TEST(closing_completes_everything_and_ends_ephemerals_at_once)
{
    struct client other;
    struct asked all[100], a;

    start(&other, server.hosts, root, 0, NULL);
    ck_assert_int_eq(create(&other, "/mine", "x", ZK_EPHEMERAL), ERR_OK);
    for (size_t i = 0; i < 100; i++)
        zk_get(other.zk, &fresh(&all[i])->op, "/mine", NULL);
    stop(&other);
    for (size_t i = 0; i < 100; i++) {
        ck_assert(all[i].done); /* answered just before, or not any more */
        ck_assert(all[i].op.err == ERR_OK || all[i].op.err == ERR_CLOSED);
    }
    ck_assert_int_eq(get(&client, &a, "/mine", NULL), ERR_ABSENT);
}
END_TEST

START_TEST(closing_while_there_is_no_server_works_too)
{
    struct client other;
    struct asked a;

    start(&other, "127.0.0.1:1", "", 0, NULL);
    zk_get(other.zk, &fresh(&a)->op, "/x", NULL);
    loop_turn(loop, 1000);
    stop(&other);
    ck_assert_int_eq(a.op.err, ERR_CLOSED);
    start(&other, "does-not-exist.invalid:2181", "", 0, NULL);
    zk_get(other.zk, &fresh(&a)->op, "/x", NULL);
    stop(&other);
    ck_assert_int_eq(a.op.err, ERR_CLOSED);
}
END_TEST

/* A listener that takes connections and never says a word. */
static int mute(int *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, len), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

START_TEST(a_server_that_says_nothing_is_given_up_soon)
{
    struct client other;
    char hosts[200];
    int fds[3], ports[3];
    int64_t start_us = clock_mono_us();

    for (int i = 0; i < 3; i++)
        fds[i] = mute(&ports[i]);
    snprintf(hosts, sizeof hosts,
             "localhost:%d,127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d", ports[0],
             ports[1], ports[2], server.port);
    start(&other, hosts, "", 0, NULL);
    UNTIL(other.seen[ZK_CONNECTED] == 1);
    /* one second for each mute one; the library alone would take 2.7 s */
    ck_assert_int_lt(clock_mono_us() - start_us, 4500 * 1000);
    stop(&other);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
}
END_TEST

START_TEST(a_saved_session_is_ended_before_the_new_one_starts)
{
    struct client old, new;
    uint8_t passwd[ZK_PASSWD_LEN];
    int64_t id, start_us;
    struct asked a;

    /* given a session that is still alive, with an ephemeral */
    start(&old, server.hosts, root, 0, NULL);
    ck_assert_int_eq(create(&old, "/eph", "x", ZK_EPHEMERAL), ERR_OK);
    zk_session_secret(old.zk, &id, passwd);
    /* when another starts with it saved */
    start_us = clock_mono_us();
    start(&new, server.hosts, root, id, passwd);
    ck_assert_int_eq(get(&new, &a, "/eph", NULL), ERR_ABSENT);
    printf("saved session ended, new one up: %.1f ms\n",
           (double)(clock_mono_us() - start_us) / 1000);
    ck_assert_int_lt(clock_mono_us() - start_us, 1000000);
    ck_assert_int_ne(zk_session_id(new.zk), id);
    /* then the old one learns that it is gone */
    UNTIL(old.seen[ZK_EXPIRED] == 1);
    stop(&old);
    stop(&new);
    /* and one that is gone already is no obstacle */
    start_us = clock_mono_us();
    start(&new, server.hosts, root, id, passwd);
    UNTIL(new.seen[ZK_CONNECTED] == 1);
    ck_assert_int_lt(clock_mono_us() - start_us, 1000000);
    stop(&new);
}
END_TEST

START_TEST(closing_while_an_earlier_session_is_being_ended_works)
{
    static const uint8_t passwd[ZK_PASSWD_LEN] = { 1 };
    struct client other;

    for (int turns = 0; turns < 12; turns++) {
        start(&other, turns % 2 ? "127.0.0.1:1" : server.hosts, root, 77,
              passwd);
        for (int i = 0; i < turns; i++)
            loop_turn(loop, 0);
        stop(&other);
    }
}
END_TEST

START_TEST(an_expired_session_tells_all_and_can_be_renewed)
{
    struct seen_watch watch = { .watch.on_fire = on_fire };
    struct client other;
    uint8_t passwd[ZK_PASSWD_LEN];
    int64_t id;
    struct asked a;

    start(&other, server.hosts, root, 0, NULL);
    ck_assert_int_eq(create(&other, "/x", "x", ZK_EPHEMERAL), ERR_OK);
    ck_assert_int_eq(get(&other, &a, "/x", &watch.watch), ERR_OK);
    zk_session_secret(other.zk, &id, passwd);
    zk_end_session(client.zk, &fresh(&a)->op, id, passwd);
    ck_assert_int_eq(wait_for(&a), ERR_OK);
    UNTIL(other.seen[ZK_EXPIRED] == 1);
    UNTIL(watch.fired + watch.voided == 1);
    /* between the two: refused */
    zk_get(other.zk, &fresh(&a)->op, "/", NULL);
    ck_assert_int_eq(wait_for(&a), ERR_EXPIRED);
    zk_renew(other.zk);
    ck_assert_int_eq(create(&other, "/x", "y", ZK_EPHEMERAL), ERR_OK);
    ck_assert_int_ne(zk_session_id(other.zk), id);
    ck_assert_uint_eq(other.seen[ZK_CONNECTED], 2);
    stop(&other);
}
END_TEST

START_TEST(a_restarted_server_is_found_again_with_session_and_watches)
{
    struct seen_watch watch = { .watch.on_fire = on_fire };
    struct asked a, waiting;
    int64_t id;

    ck_assert_int_eq(create(&client, "/k", "1", ZK_PERSISTENT), ERR_OK);
    ck_assert_int_eq(get(&client, &a, "/k", &watch.watch), ERR_OK);
    id = zk_session_id(client.zk);
    zk_server_kill(&server);
    UNTIL(client.seen[ZK_DISCONNECTED] == 1);
    zk_get(client.zk, &fresh(&waiting)->op, "/k", NULL);
    zk_server_start(&server);
    ck_assert_int_eq(wait_for(&waiting), ERR_OK);
    ck_assert_uint_eq(client.seen[ZK_RECONNECTED], 1);
    ck_assert_int_eq(zk_session_id(client.zk), id);
    ck_assert_int_eq(set(&client, "/k", "2", -1), ERR_OK);
    UNTIL(watch.fired == 1);
}
END_TEST

START_TEST(writes_cut_off_by_a_dead_server_are_lost_or_sent_again)
{
    struct asked plain, again, read;

    ck_assert_int_eq(create(&client, "/v", "0", ZK_PERSISTENT), ERR_OK);
    zk_server_pause(&server); /* takes the requests, answers nothing */
    zk_set(client.zk, &fresh(&plain)->op, "/v", BYTES("1"), -1);
    fresh(&again)->op.retry = true;
    zk_set(client.zk, &again.op, "/v", BYTES("2"), -1);
    zk_get(client.zk, &fresh(&read)->op, "/v", NULL);
    for (int i = 0; i < 20; i++)
        loop_turn(loop, 1000);
    zk_server_kill(&server);
    ck_assert_int_eq(wait_for(&plain), ERR_LOST);
    ck_assert(!again.done);
    zk_server_start(&server);
    ck_assert_int_eq(wait_for(&again), ERR_OK);
    ck_assert(again.op.retried);
    ck_assert_int_eq(wait_for(&read), ERR_OK);
    ck_assert_str_eq(read.text, "2");
    ck_assert(again.order < read.order);
}
END_TEST

START_TEST(a_silent_server_makes_the_session_overdue_and_comes_back)
{
    struct asked a;

    zk_get(client.zk, &fresh(&a)->op, "/", NULL);
    ck_assert_int_eq(wait_for(&a), ERR_OK);
    client.renew = true;
    zk_server_pause(&server);
    UNTIL(client.seen[ZK_DISCONNECTED] == 1);
    UNTIL(client.seen[ZK_OVERDUE] == 1);
    zk_server_resume(&server);
    ck_assert_int_eq(get(&client, &a, "/", NULL), ERR_OK);
    ck_assert_uint_eq(client.seen[ZK_RECONNECTED] + client.seen[ZK_EXPIRED], 1);
}
END_TEST

START_TEST(a_session_takes_watches_up_to_its_bound)
{
    enum { PATH = 200, N = ZK_WATCH_BYTES_MAX / PATH + 10 };
    struct seen_watch *all = mem_need_array(N, sizeof *all);
    struct asked *asked = mem_need_array(N, sizeof *asked);
    size_t limited = 0;
    char path[PATH];

    completions = 0;
    for (unsigned i = 0; i < N; i++) {
        memset(path, 'p', sizeof path);
        snprintf(path, sizeof path, "/%0*u", PATH - 2, i);
        all[i].watch.on_fire = on_fire;
        zk_exists(client.zk, &fresh(&asked[i])->op, path, &all[i].watch);
    }
    UNTIL(completions == N);
    for (unsigned i = 0; i < N; i++)
        limited += asked[i].op.err == ERR_LIMIT;
    ck_assert_uint_gt(limited, 0);
    ck_assert_uint_lt(limited, N / 4);
    /* and they all survive a reconnect */
    zk_server_kill(&server);
    zk_server_start(&server);
    UNTIL(client.seen[ZK_RECONNECTED] == 1);
    snprintf(path, sizeof path, "/%0*u", PATH - 2, 7u);
    ck_assert_int_eq(create(&client, path, "x", ZK_PERSISTENT), ERR_OK);
    UNTIL(all[7].fired == 1);
    stop(&client);
    mem_free(all);
    mem_free(asked);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create(server_kind == ZK_SERVER_APACHE
                                ? "session on Apache ZooKeeper"
                                : "session on our keeper");
    TCase *quiet = tcase_create("server stays");
    TCase *rough = tcase_create("server goes");

    tcase_add_unchecked_fixture(quiet, server_up, server_down);
    tcase_add_checked_fixture(quiet, setup, teardown);
    tcase_set_timeout(quiet, 60);
    tcase_add_test(quiet, what_is_created_can_be_read_changed_and_deleted);
    tcase_add_test(quiet, null_data_differs_from_empty_data);
    tcase_add_test(quiet, children_are_listed_and_sequential_ones_counted);
    tcase_add_test(quiet, a_path_is_made_with_all_its_parents);
    tcase_add_test(quiet, malformed_paths_are_refused_from_the_loop);
    tcase_add_test(quiet, a_multi_does_all_or_nothing_and_names_what_failed);
    tcase_add_test(quiet, watches_fire_once_for_what_they_were_set_on);
    tcase_add_test(quiet, a_watch_is_void_when_the_session_closes);
    tcase_add_test(quiet, ten_thousand_reads_at_once_complete_in_order);
    tcase_add_test(quiet, a_large_value_arrives_whole);
    tcase_add_test(quiet, a_cancelled_operation_is_not_told);
    tcase_add_test(quiet,
                   closing_completes_everything_and_ends_ephemerals_at_once);
    tcase_add_test(quiet, closing_while_there_is_no_server_works_too);
    tcase_add_test(quiet, a_server_that_says_nothing_is_given_up_soon);
    tcase_add_test(quiet, a_saved_session_is_ended_before_the_new_one_starts);
    tcase_add_test(quiet,
                   closing_while_an_earlier_session_is_being_ended_works);
    tcase_add_test(quiet, an_expired_session_tells_all_and_can_be_renewed);
    suite_add_tcase(s, quiet);
    tcase_add_checked_fixture(rough, server_up, server_down);
    tcase_add_checked_fixture(rough, setup, teardown);
    tcase_set_timeout(rough, 120);
    tcase_add_test(rough,
                   a_restarted_server_is_found_again_with_session_and_watches);
    tcase_add_test(rough,
                   writes_cut_off_by_a_dead_server_are_lost_or_sent_again);
    tcase_add_test(rough,
                   a_silent_server_makes_the_session_overdue_and_comes_back);
    tcase_add_test(rough, a_session_takes_watches_up_to_its_bound);
    suite_add_tcase(s, rough);
    return s;
}

static int run(enum zk_server_kind kind)
{
    SRunner *runner;
    int failed;

    server_kind = kind;
    if (!zk_server_is_there(kind))
        return 0;
    runner = srunner_create(suite());
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed;
}

int main(int argc, char **argv)
{
    int status = zk_server_main(argc, argv);

    if (status >= 0)
        return status;
    diag_open(1, DIAG_ERROR);
    return run(ZK_SERVER_GREGOR) + run(ZK_SERVER_APACHE) == 0 ? 0 : 1;
}
