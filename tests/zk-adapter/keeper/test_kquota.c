/* Quotas: what is counted, when, and what is refused. */
#include "keeper/kquota.h"

#include "tests/support/kworld.h"
#include "tests/support/unit.h"

#define QUOTA "/zookeeper/quota"

static struct kworld world;
static struct kuser user;

static void setup(void)
{
    kworld_init(&world);
    world.config.enforce_quota = true;
    kuser_hello(&world, &user, 5000);
}

static void teardown(void)
{
    kuser_go(&user);
    kworld_fini(&world);
}

static void create(const char *path, const char *data, int32_t err)
{
    ck_assert_int_eq(kuser_create(&user, path, data, 0).err, err);
}

static void quota_set(const char *limits)
{
    create("/a", "12345", K_OK);
    create(QUOTA "/a", "", K_OK);
    create(QUOTA "/a/zookeeper_limits", limits, K_OK);
    create(QUOTA "/a/zookeeper_stats", "count=0,bytes=0", K_OK);
}

static void assert_stats(const char *expected)
{
    const struct ktree_node *node =
        ktree_find(&world.core.tree, BYTES(QUOTA "/a/zookeeper_stats"));

    ck_assert_ptr_nonnull(node);
    ck_assert_bytes(ktree_data(node), bytes_of(expected));
    ck_assert_int_eq(node->version, 0);
}

START_TEST(texts_of_all_versions_are_read)
{
    struct kquota q = kquota_read(
        BYTES("count=5,bytes=-1=;byteHardLimit=7;countHardLimit=9"));

    ck_assert_int_eq(q.count, 5);
    ck_assert_int_eq(q.bytes, -1);
    ck_assert_int_eq(q.bytes_hard, 7);
    ck_assert_int_eq(q.count_hard, 9);
    q = kquota_read(BYTES(",;=count=,bytes=x,what"));
    ck_assert_int_eq(q.count, -1);
    ck_assert_int_eq(q.bytes, -1);
    q = kquota_read(BYTES_NULL);
    ck_assert_int_eq(q.count_hard, -1);
}
END_TEST

START_TEST(stats_follow_every_change_without_a_version)
{
    setup();
    quota_set("count=-1,bytes=-1");
    assert_stats("count=1,bytes=5");
    create("/a/b", "xyz", K_OK);
    create("/ab", "not below", K_OK);
    assert_stats("count=2,bytes=8");
    kuser_set(&user, "/a/b", "x", -1);
    assert_stats("count=2,bytes=6");
    ck_assert_int_eq(kuser_create(&user, "/a/e", "four", 1).err, K_OK);
    assert_stats("count=3,bytes=10");
    kuser_delete(&user, "/a/b", -1);
    assert_stats("count=2,bytes=9");
    kworld_pass(&world, 20000);
    while (kcore_expire(&world.core))
        continue;
    kworld_sync(&world);
    assert_stats("count=1,bytes=5");
    teardown();
}
END_TEST

START_TEST(a_hard_limit_refuses_and_a_soft_one_does_not)
{
    setup();
    quota_set("count=2,bytes=-1=;byteHardLimit=10");
    create("/a/b", "", K_OK);
    create("/a/c", "", K_OK);
    create("/a/d", "123456", K_QUOTA_EXCEEDED);
    ck_assert_int_eq(kuser_set(&user, "/a/c", "123456", 7).err,
                     K_QUOTA_EXCEEDED);
    ck_assert_int_eq(kuser_set(&user, "/a/c", "12345", -1).err, K_OK);
    assert_stats("count=3,bytes=10");
    ck_assert_int_eq(
        kuser_set(&user, QUOTA "/a/zookeeper_limits", "countHardLimit=3", -1)
            .err,
        K_OK);
    create("/a/d", "", K_QUOTA_EXCEEDED);
    world.config.enforce_quota = false;
    create("/a/d", "", K_OK);
    ck_assert_uint_eq(world.core.stats.quota_exceeded, 3);
    teardown();
}
END_TEST

START_TEST(the_deepest_quota_counts_and_a_deleted_one_does_not)
{
    setup();
    quota_set("count=-1,bytes=-1");
    create("/a/b", "", K_OK);
    create(QUOTA "/a/b", "", K_OK);
    create(QUOTA "/a/b/zookeeper_limits", "count=1", K_OK);
    create(QUOTA "/a/b/zookeeper_stats", "", K_OK);
    create("/a/b/c", "", K_OK);
    assert_stats("count=2,bytes=5");
    kuser_delete(&user, QUOTA "/a/b/zookeeper_limits", -1);
    create("/a/b/d", "", K_OK);
    assert_stats("count=3,bytes=5");
    ck_assert_uint_eq(world.core.n_limits, 1);
    kuser_delete(&user, QUOTA "/a/zookeeper_limits", -1);
    create("/a/x", "", K_OK);
    assert_stats("count=3,bytes=5");
    ck_assert_uint_eq(world.core.n_limits, 0);
    kquota_recount(&world.core);
    assert_stats("count=3,bytes=5");
    teardown();
}
END_TEST

START_TEST(a_recovery_counts_anew)
{
    setup();
    quota_set("count=-1,bytes=-1");
    create("/a/b", "xyz", K_OK);
    kuser_set(&user, QUOTA "/a/zookeeper_stats", "count=99,bytes=99", -1);
    world.core.n_limits = 7;
    kquota_recount(&world.core);
    ck_assert_uint_eq(world.core.n_limits, 1);
    ck_assert_bytes(ktree_data(ktree_find(&world.core.tree,
                                          BYTES(QUOTA "/a/zookeeper_stats"))),
                    BYTES("count=2,bytes=8"));
    teardown();
}
END_TEST

START_TEST(stats_are_shown_when_their_change_is_durable)
{
    struct kuser reader;
    struct wr body;

    setup();
    kuser_hello(&world, &reader, 5000);
    quota_set("count=-1,bytes=-1");
    while (kuser_next(&reader).there)
        continue;
    wr_init(&body, 1000);
    kbody_create(&body, "/a/b", "xyz", 0);
    kuser_send(&user, KOP_CREATE, &body);
    kbody_path_bool(&body, QUOTA "/a/zookeeper_stats", false);
    kuser_send(&reader, KOP_GET_DATA, &body);
    ck_assert(!kuser_next(&reader).there);
    kworld_sync(&world);
    ck_assert(kuser_next(&reader).there);
    wr_fini(&body);
    kuser_go(&reader);
    teardown();
}
END_TEST

UNIT_MAIN("kquota", texts_of_all_versions_are_read,
          stats_follow_every_change_without_a_version,
          a_hard_limit_refuses_and_a_soft_one_does_not,
          the_deepest_quota_counts_and_a_deleted_one_does_not,
          a_recovery_counts_anew, stats_are_shown_when_their_change_is_durable)
