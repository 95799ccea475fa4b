/* The deciding half: order of checks, multis, gates, sessions. */
#include <stdio.h>

#include "tests/support/kworld.h"
#include "tests/support/unit.h"

static struct kworld world;
static struct kuser user;

static void setup(void)
{
    kworld_init(&world);
    kuser_hello(&world, &user, 5000);
}

static void teardown(void)
{
    kuser_go(&user);
    kworld_fini(&world);
}

static int32_t create(const char *path, int32_t flags)
{
    return kuser_create(&user, path, "x", flags).err;
}

START_TEST(checks_of_create_come_in_the_order_of_zookeeper)
{
    setup();
    ck_assert_int_eq(create("/missing//x", 0), K_NO_NODE);
    ck_assert_int_eq(create("nopath", 0), K_BAD_ARGUMENTS);
    ck_assert_int_eq(create("/a", 7), K_BAD_ARGUMENTS);
    ck_assert_int_eq(create("/a", 5), K_BAD_ARGUMENTS);
    ck_assert_int_eq(create("/a", 0), K_OK);
    ck_assert_int_eq(create("/a", 0), K_NODE_EXISTS);
    ck_assert_int_eq(create("/", 0), K_NODE_EXISTS);
    ck_assert_int_eq(create("/a/", 0), K_BAD_ARGUMENTS);
    ck_assert_int_eq(create("/e", 1), K_OK);
    ck_assert_int_eq(create("/e/x", 0), K_NO_CHILDREN_FOR_EPHEMERALS);
    ck_assert_int_eq(kuser_delete(&user, "/zookeeper", -1).err,
                     K_BAD_ARGUMENTS);
    ck_assert_int_eq(kuser_delete(&user, "/x", -1).err, K_NO_NODE);
    ck_assert_int_eq(kuser_delete(&user, "/a", 3).err, K_BAD_VERSION);
    ck_assert_int_eq(create("/a/b", 0), K_OK);
    ck_assert_int_eq(kuser_delete(&user, "/a", 3).err, K_BAD_VERSION);
    ck_assert_int_eq(kuser_delete(&user, "/a", -1).err, K_NOT_EMPTY);
    ck_assert_int_eq(kuser_set(&user, "/a", "y", 1).err, K_BAD_VERSION);
    ck_assert_int_eq(kuser_set(&user, "/a/", "y", 1).err, K_BAD_ARGUMENTS);
    ck_assert_int_eq(kuser_set(&user, "/a", "y", 0).err, K_OK);
    teardown();
}
END_TEST

START_TEST(failed_writes_use_up_a_zxid)
{
    setup();
    int64_t before = kuser_create(&user, "/a", "x", 0).zxid;

    ck_assert_int_eq(kuser_create(&user, "/a", "x", 0).zxid, before + 1);
    ck_assert_int_eq(kuser_exists(&user, "/a", false).zxid, before + 1);
    teardown();
}
END_TEST

START_TEST(sequence_numbers_count_all_creates_of_the_parent)
{
    struct kanswer a;

    setup();
    create("/s", 0);
    create("/s/plain", 0);
    kuser_delete(&user, "/s/plain", -1);
    a = kuser_create(&user, "/s/n-", "x", 2);
    ck_assert_bytes(rd_jute(&a.body, 100), BYTES("/s/n-0000000001"));
    a = kuser_create(&user, "/s/", "x", 2);
    ck_assert_bytes(rd_jute(&a.body, 100), BYTES("/s/0000000002"));
    ktree_find(&world.core.tree, BYTES("/s"))->cversion = INT32_MAX;
    a = kuser_create(&user, "/s/", "x", 2);
    ck_assert_bytes(rd_jute(&a.body, 100), BYTES("/s/2147483647"));
    a = kuser_create(&user, "/s/", "x", 2);
    ck_assert_bytes(rd_jute(&a.body, 100), BYTES("/s/-2147483648"));
    teardown();
}
END_TEST

/* -- multis ---------------------------------------------------------------- */

static void op_begin(struct wr *w, int32_t type)
{
    wr_i32(w, type);
    wr_bool(w, false);
    wr_i32(w, -1);
}

static void op_create(struct wr *w, const char *path)
{
    op_begin(w, KOP_CREATE);
    wr_jute(w, bytes_of(path));
    wr_jute(w, BYTES("x"));
    kacl_write(w, NULL);
    wr_i32(w, 0);
}

static void op_version(struct wr *w, int32_t type, const char *path,
                       int32_t version)
{
    op_begin(w, type);
    wr_jute(w, bytes_of(path));
    if (type == KOP_SET_DATA)
        wr_jute(w, BYTES("multi"));
    wr_i32(w, version);
}

static void multi_end(struct wr *w)
{
    wr_i32(w, -1);
    wr_bool(w, true);
    wr_i32(w, -1);
}

static int32_t result(struct rd *r)
{
    int32_t type = rd_i32(r);

    (void)rd_bool(r);
    (void)rd_i32(r);
    return type == -1 ? rd_i32(r) : 0;
}

START_TEST(a_failed_multi_changes_nothing_and_says_which_op_failed)
{
    struct wr w;
    struct kanswer a;
    struct ktree_node before;

    setup();
    create("/m", 0);
    create("/m/old", 0);
    before = *ktree_find(&world.core.tree, BYTES("/m"));
    wr_init(&w, 1 << 16);
    op_create(&w, "/m/new");
    op_create(&w, "/m/new/below");
    op_version(&w, KOP_SET_DATA, "/m/old", 0);
    op_version(&w, KOP_DELETE, "/m/old", 1);
    op_version(&w, KOP_CHECK, "/m", 77);
    op_create(&w, "/never");
    multi_end(&w);
    a = kuser_call(&user, KOP_MULTI, &w);
    ck_assert_int_eq(a.err, 0);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(result(&a.body), 0);
    ck_assert_int_eq(result(&a.body), K_BAD_VERSION);
    ck_assert_int_eq(result(&a.body), K_RUNTIME_INCONSISTENCY);
    const struct ktree_node *m = ktree_find(&world.core.tree, BYTES("/m"));
    ck_assert_int_eq(m->cversion, before.cversion);
    ck_assert_int_eq(m->pzxid, before.pzxid);
    ck_assert_uint_eq(m->n_children, 1);
    const struct ktree_node *old =
        ktree_find(&world.core.tree, BYTES("/m/old"));
    ck_assert_bytes(ktree_data(old), BYTES("x"));
    ck_assert_int_eq(old->version, 0);
    ck_assert_ptr_null(ktree_find(&world.core.tree, BYTES("/m/new")));
    teardown();
}
END_TEST

START_TEST(later_ops_of_a_multi_see_the_earlier_ones)
{
    struct wr w;
    struct kanswer a;

    setup();
    wr_init(&w, 1 << 16);
    op_create(&w, "/m");
    op_create(&w, "/m/c");
    op_version(&w, KOP_SET_DATA, "/m", 0);
    op_version(&w, KOP_CHECK, "/m", 1);
    op_version(&w, KOP_DELETE, "/m/c", 0);
    op_create(&w, "/m/c");
    multi_end(&w);
    a = kuser_call(&user, KOP_MULTI, &w);
    ck_assert_int_eq(a.err, 0);
    ck_assert_int_eq(rd_i32(&a.body), KOP_CREATE);
    ck_assert_int_eq(ktree_find(&world.core.tree, BYTES("/m"))->cversion, 2);
    ck_assert_int_eq(
        ktree_wire_cversion(ktree_find(&world.core.tree, BYTES("/m"))), 3);
    teardown();
}
END_TEST

/* -- gates ----------------------------------------------------------------- */

START_TEST(an_answer_waits_for_its_record_and_a_read_of_durable_state_does_not)
{
    struct kuser other;
    struct wr w;
    struct kanswer a;
    int64_t durable;

    setup();
    kuser_hello(&world, &other, 5000);
    create("/old", 0);
    durable = world.core.durable_zxid;
    kbody_create(&w, "/new", "x", 0);
    kuser_send(&user, KOP_CREATE, &w);
    ck_assert(!kuser_next(&user).there);

    kbody_path_bool(&w, "/old", false);
    kuser_send(&other, KOP_EXISTS, &w);
    a = kuser_next(&other);
    ck_assert(a.there && a.err == 0);
    ck_assert_int_eq(a.zxid, durable);

    kbody_path_bool(&w, "/new", false);
    kuser_send(&other, KOP_EXISTS, &w);
    ck_assert(!kuser_next(&other).there);
    kbody_path_bool(&w, "/old", false);
    kuser_send(&other, KOP_EXISTS, &w); /* queues behind */
    ck_assert(!kuser_next(&other).there);

    kworld_sync(&world);
    ck_assert_int_eq(kuser_next(&user).zxid, durable + 1);
    a = kuser_next(&other);
    ck_assert(a.there && a.err == 0 && a.zxid == durable + 1);
    ck_assert(kuser_next(&other).there);
    kuser_go(&other);
    teardown();
}
END_TEST

START_TEST(the_absence_of_a_node_waits_for_its_delete)
{
    struct kuser other;
    struct wr w;

    setup();
    kuser_hello(&world, &other, 5000);
    create("/a", 0);
    create("/a/b", 0);
    kbody_path_int(&w, "/a/b", -1);
    kuser_send(&user, KOP_DELETE, &w);
    kbody_path_int(&w, "/a", -1);
    kuser_send(&user, KOP_DELETE, &w);
    kbody_path_bool(&w, "/a/b", false);
    kuser_send(&other, KOP_EXISTS, &w);
    ck_assert(!kuser_next(&other).there);
    kworld_sync(&world);
    ck_assert_int_eq(kuser_next(&other).err, K_NO_NODE);
    kuser_go(&other);
    teardown();
}
END_TEST

START_TEST(two_batches_open_their_gates_one_after_the_other)
{
    struct wr w;
    struct wr batch;

    setup();
    kbody_create(&w, "/a", "x", 0);
    kuser_send(&user, KOP_CREATE, &w);
    wr_init(&batch, 1 << 20);
    ck_assert(kcore_take_batch(&world.core, &batch));
    kbody_create(&w, "/b", "x", 0);
    kuser_send(&user, KOP_CREATE, &w);
    ck_assert(!kcore_take_batch(&world.core, &batch));
    wr_fini(&batch);
    kcore_durable(&world.core);
    ck_assert(kuser_next(&user).there);
    ck_assert(!kuser_next(&user).there);
    kworld_sync(&world);
    ck_assert(kuser_next(&user).there);
    teardown();
}
END_TEST

START_TEST(an_event_precedes_the_answer_and_waits_for_the_same_record)
{
    struct wr w;
    struct kanswer a;

    setup();
    kuser_exists(&user, "/a", true);
    kbody_create(&w, "/a", "x", 0);
    kuser_send(&user, KOP_CREATE, &w);
    ck_assert(!kuser_next(&user).there);
    kworld_sync(&world);
    a = kuser_next(&user);
    ck_assert_int_eq(a.xid, -1);
    ck_assert_int_eq(rd_i32(&a.body), KWATCH_CREATED);
    ck_assert_int_eq(rd_i32(&a.body), 3);
    ck_assert_bytes(rd_jute(&a.body, 100), BYTES("/a"));
    ck_assert_int_gt(kuser_next(&user).xid, 0);
    teardown();
}
END_TEST

/* -- sessions -------------------------------------------------------------- */

START_TEST(ephemerals_go_when_their_session_expires)
{
    struct kuser other;
    struct kanswer a;

    setup();
    kuser_hello(&world, &other, 20000);
    create("/e", 1);
    kuser_exists(&other, "/e", true);
    kworld_pass(&world, 4000);
    kcore_expire(&world.core);
    ck_assert_int_eq(user.peer.close, KPEER_OPEN);
    kuser_exists(&other, "/", false);
    kworld_pass(&world, 3000);
    kcore_expire(&world.core);
    ck_assert_int_eq(user.peer.close, KPEER_DEAD);
    ck_assert(!kuser_next(&other).there);
    kworld_sync(&world);
    a = kuser_next(&other);
    ck_assert_int_eq(a.xid, -1);
    ck_assert_int_eq(rd_i32(&a.body), KWATCH_DELETED);
    ck_assert_ptr_null(ktree_find(&world.core.tree, BYTES("/e")));
    kuser_go(&other);
    teardown();
}
END_TEST

/* Long and short paths, more than are fetched ahead of their end. */
START_TEST(all_ephemerals_of_a_session_go_with_it)
{
    enum { MANY = 40, LONG = 700 };
    static char path[LONG];

    setup();
    create("/p", 0);
    for (int i = 0; i < MANY; i++) {
        size_t width = i % 3 == 0 ? sizeof path - 8 : 8;

        (void)snprintf(path, sizeof path, "/p/%0*d", (int)width, i);
        ck_assert_int_eq(create(path, i % 5 == 0 ? 0 : 1), 0);
    }
    kworld_pass(&world, 10000);
    kcore_expire(&world.core);
    ck_assert_int_eq(user.peer.close, KPEER_DEAD);
    ck_assert_uint_eq(ktree_find(&world.core.tree, BYTES("/p"))->n_children,
                      MANY / 5);
    ck_assert_uint_eq(world.core.tree.n_ephemerals, 0);
    teardown();
}
END_TEST

START_TEST(containers_go_when_their_last_child_has_gone)
{
    struct wr w;

    setup();
    kbody_create(&w, "/c", "x", 4);
    kuser_call(&user, KOP_CREATE_CONTAINER, &w);
    kworld_pass(&world, 60000);
    kcore_clean(&world.core);
    ck_assert_ptr_nonnull(ktree_find(&world.core.tree, BYTES("/c")));
    create("/c/x", 0);
    kworld_pass(&world, 60000);
    kcore_clean(&world.core);
    kuser_delete(&user, "/c/x", -1);
    kworld_pass(&world, 60000);
    kcore_clean(&world.core);
    ck_assert_ptr_null(ktree_find(&world.core.tree, BYTES("/c")));
    teardown();
}
END_TEST

START_TEST(a_full_disk_refuses_writes_and_lets_reads_live)
{
    setup();
    create("/a", 0);
    world.core.refuse_writes = true;
    ck_assert_int_eq(create("/b", 0), K_SYSTEM_ERROR);
    ck_assert_int_eq(kuser_exists(&user, "/a", false).err, K_OK);
    ck_assert_int_eq(kuser_exists(&user, "/b", false).err, K_NO_NODE);
    world.core.refuse_writes = false;
    ck_assert_int_eq(create("/b", 0), K_OK);
    teardown();
}
END_TEST

/* -- rights ---------------------------------------------------------------- */

static int32_t auth(const char *secret)
{
    struct wr w;

    wr_init(&w, 1000);
    wr_i32(&w, 0);
    wr_jute(&w, BYTES("digest"));
    wr_jute(&w, bytes_of(secret));
    return kuser_call(&user, KOP_AUTH, &w).err;
}

static int32_t set_acl(const char *path, int32_t perms, const char *scheme,
                       const char *id)
{
    struct wr w;

    wr_init(&w, 1000);
    wr_jute(&w, bytes_of(path));
    wr_i32(&w, 1);
    wr_i32(&w, perms);
    wr_jute(&w, bytes_of(scheme));
    wr_jute(&w, bytes_of(id));
    wr_i32(&w, -1);
    return kuser_call(&user, KOP_SET_ACL, &w).err;
}

START_TEST(digest_rights_bind_and_the_super_user_passes)
{
    setup();
    world.config.super_digest =
        mem_need_text(BYTES("super:D/InIHSb7yEEbrWz8b9l71RjZJU="));
    create("/a", 0);
    ck_assert_int_eq(set_acl("/a", 31, "nosuch", "x"), K_INVALID_ACL);
    ck_assert_int_eq(set_acl("/a", 31, "auth", ""), K_INVALID_ACL);
    ck_assert_int_eq(
        set_acl("/a", 31, "digest", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM="), K_OK);
    ck_assert_int_eq(kuser_exists(&user, "/a", false).err, K_NO_AUTH);
    ck_assert_int_eq(create("/a/b", 0), K_NO_AUTH);
    ck_assert_int_eq(auth("bob:pw"), K_OK);
    ck_assert_int_eq(kuser_exists(&user, "/a", false).err, K_OK);
    ck_assert_int_eq(create("/a/b", 0), K_OK);
    ck_assert_int_eq(set_acl("/a", 0, "world", "anyone"), K_OK);
    ck_assert_int_eq(kuser_exists(&user, "/a", false).err, K_NO_AUTH);
    ck_assert_int_eq(auth("super:test"), K_OK);
    ck_assert_int_eq(kuser_exists(&user, "/a", false).err, K_OK);
    teardown();
}
END_TEST

START_TEST(address_rights_count_bits)
{
    setup();
    create("/a", 0);
    create("/b", 0);
    ck_assert_int_eq(set_acl("/a", 1, "ip", "127.0.0.0/33"), K_INVALID_ACL);
    ck_assert_int_eq(set_acl("/a", 1, "ip", "127.0.0.0/8"), K_OK);
    ck_assert_int_eq(set_acl("/b", 1, "ip", "126.0.0.0/7"), K_OK);
    ck_assert_int_eq(kuser_exists(&user, "/a", false).err, K_OK);
    ck_assert_int_eq(kuser_exists(&user, "/b", false).err, K_OK);
    create("/c", 0);
    ck_assert_int_eq(set_acl("/c", 1, "ip", "128.0.0.0/1"), K_OK);
    ck_assert_int_eq(kuser_exists(&user, "/c", false).err, K_NO_AUTH);
    teardown();
}
END_TEST

/* -- bad input ------------------------------------------------------------- */

START_TEST(truncated_bodies_are_answered_and_bad_frames_end_the_connection)
{
    static const uint8_t huge[] = { 0x7f, 0xff, 0xff, 0xff };
    struct wr w;

    setup();
    wr_init(&w, 100);
    wr_i32(&w, 1000);
    ck_assert_int_eq(kuser_call(&user, KOP_CREATE, &w).err, K_MARSHALLING);
    wr_init(&w, 100);
    wr_i32(&w, 1000);
    ck_assert_int_eq(kuser_call(&user, KOP_GET_DATA, &w).err, K_MARSHALLING);
    kuser_feed(&user, bytes_make(huge, sizeof huge));
    kuser_feed(&user, bytes_make(huge, sizeof huge));
    uint8_t more[12] = { 0x7f, 0xff, 0xff, 0xff };
    kuser_feed(&user, bytes_make(more, sizeof more));
    ck_assert_int_eq(user.peer.close, KPEER_DEAD);
    teardown();
}
END_TEST

START_TEST(a_peer_that_does_not_read_is_not_read_from)
{
    char big[70000];

    setup();
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    kuser_create(&user, "/big", big, 0);
    kpeer_sent(&user.peer, kpeer_sendable(&user.peer).len);
    user.read = 0;
    for (int i = 0; i < 1000 && !user.peer.paused; i++) {
        uint8_t frame[4 + 8 + 4 + 4 + 1] = { 0, 0, 0,   17,  0,   0,   0,
                                             1, 0, 0,   0,   4,   0,   0,
                                             0, 4, '/', 'b', 'i', 'g', 0 };

        kuser_feed(&user, bytes_make(frame, sizeof frame));
    }
    ck_assert(user.peer.paused);
    ck_assert_uint_lt(kpeer_unsent(&user.peer), K_OUT_PAUSE + 100000);
    teardown();
}
END_TEST

UNIT_MAIN("kcore", checks_of_create_come_in_the_order_of_zookeeper,
          failed_writes_use_up_a_zxid,
          sequence_numbers_count_all_creates_of_the_parent,
          a_failed_multi_changes_nothing_and_says_which_op_failed,
          later_ops_of_a_multi_see_the_earlier_ones,
          an_answer_waits_for_its_record_and_a_read_of_durable_state_does_not,
          the_absence_of_a_node_waits_for_its_delete,
          two_batches_open_their_gates_one_after_the_other,
          an_event_precedes_the_answer_and_waits_for_the_same_record,
          ephemerals_go_when_their_session_expires,
          all_ephemerals_of_a_session_go_with_it,
          containers_go_when_their_last_child_has_gone,
          a_full_disk_refuses_writes_and_lets_reads_live,
          digest_rights_bind_and_the_super_user_passes,
          address_rights_count_bits,
          truncated_bodies_are_answered_and_bad_frames_end_the_connection,
          a_peer_that_does_not_read_is_not_read_from)
