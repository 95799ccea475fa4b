/* The metadata cache: what UpdateMetadata does to it, and what readers see. */
#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "metadata/metadata.h"
#include "wire/msg_update_metadata.h"

typedef struct wire_update_metadata_request request;
typedef struct wire_update_metadata_request_topic_states topic_states;
typedef struct wire_update_metadata_request_topic_states_partition_states
    partition_states;

static struct metadata *md;
static int32_t one_two[] = { 1, 2 };

static void set_up(void)
{
    ck_assert_int_eq(metadata_new(&md), ERR_OK);
}

static void tear_down(void)
{
    metadata_free(&md);
    ck_assert_ptr_null(md);
}

static partition_states partition(int32_t index, int32_t leader)
{
    return (partition_states){ .partition_index = index,
                               .leader = leader,
                               .leader_epoch = 5,
                               .zk_version = 7,
                               .controller_epoch = 3,
                               .isr = one_two,
                               .n_isr = 1,
                               .replicas = one_two,
                               .n_replicas = 2 };
}

/* Send one topic with partitions first..first+n-1 and this leader. */
static void send(const char *name, uint8_t id, int32_t first, size_t n,
                 int32_t leader)
{
    partition_states p[8];
    topic_states t = { .topic_name = bytes_of(name),
                       .partition_states = p,
                       .n_partition_states = n };
    request r;

    t.topic_id.b[0] = id;
    for (size_t i = 0; i < n; i++)
        p[i] = partition(first + (int32_t)i, leader);
    wire_update_metadata_request_init(&r);
    r.topic_states = &t;
    r.n_topic_states = 1;
    metadata_update(md, &r);
}

START_TEST(a_topic_that_was_sent_is_found_by_name_and_by_id)
{
    struct uuid id = { { 9 } };
    struct meta_topic *topic;
    struct meta_topic *same;

    send("orders", 9, 0, 3, 1);
    topic = metadata_topic_find(md, BYTES("orders"));
    same = metadata_topic_find_id(md, id);

    ck_assert_ptr_nonnull(topic);
    ck_assert_ptr_eq(topic, same);
    ck_assert_uint_eq(topic->n_partitions, 3);
    ck_assert_str_eq((const char *)topic->name.at, "orders");
    ck_assert_int_eq(topic->partitions[2].index, 2);
    ck_assert_int_eq(topic->partitions[2].leader, 1);
    ck_assert_int_eq(topic->partitions[2].leader_epoch, 5);
    ck_assert_int_eq(topic->partitions[2].zk_version, 7);
    ck_assert_int_eq(topic->partitions[2].replicas[1], 2);
    ck_assert_uint_eq(topic->partitions[2].n_isr, 1);
    ck_assert_ptr_null(metadata_topic_find(md, BYTES("order")));
    ck_assert_uint_eq(metadata_topic_count(md), 1);
    meta_topic_unref(topic);
    meta_topic_unref(same);
}
END_TEST

START_TEST(partitions_are_merged_and_the_old_entry_stays_for_its_readers)
{
    struct meta_topic *old;
    struct meta_topic *new;

    send("t", 1, 0, 2, 1);
    old = metadata_topic_find(md, BYTES("t"));
    send("t", 1, 1, 3, 2);
    new = metadata_topic_find(md, BYTES("t"));

    ck_assert_uint_eq(old->n_partitions, 2);
    ck_assert_int_eq(old->partitions[1].leader, 1);
    ck_assert_uint_eq(new->n_partitions, 4);
    ck_assert_int_eq(meta_partition_find(new, 0)->leader, 1);
    ck_assert_int_eq(meta_partition_find(new, 1)->leader, 2);
    ck_assert_int_eq(meta_partition_find(new, 3)->leader, 2);
    ck_assert_ptr_null(meta_partition_find(new, 4));
    ck_assert_ptr_null(meta_partition_find(new, -1));
    meta_topic_unref(old);
    meta_topic_unref(new);
}
END_TEST

START_TEST(leader_minus_two_removes_a_partition_and_the_last_one_the_topic)
{
    struct uuid id = { { 1 } };
    struct meta_topic *topic;

    send("t", 1, 0, 2, 1);
    send("t", 1, 0, 1, -2);
    topic = metadata_topic_find(md, BYTES("t"));
    ck_assert_uint_eq(topic->n_partitions, 1);
    ck_assert_int_eq(topic->partitions[0].index, 1);
    ck_assert_ptr_nonnull(meta_partition_find(topic, 1));
    meta_topic_unref(topic);

    send("t", 1, 1, 1, -2);
    ck_assert_ptr_null(metadata_topic_find(md, BYTES("t")));
    ck_assert_ptr_null(metadata_topic_find_id(md, id));
    ck_assert_uint_eq(metadata_topic_count(md), 0);
    send("never", 0, 0, 1, -2);
    ck_assert_uint_eq(metadata_topic_count(md), 0);
}
END_TEST

START_TEST(an_id_of_zero_removes_the_id_and_a_new_id_replaces_it)
{
    struct uuid one = { { 1 } };
    struct uuid two = { { 2 } };
    struct meta_topic *topic;

    send("t", 1, 0, 1, 1);
    send("t", 0, 0, 1, 1);
    ck_assert_ptr_null(metadata_topic_find_id(md, one));
    send("t", 2, 0, 1, 1);
    topic = metadata_topic_find_id(md, two);
    ck_assert_ptr_nonnull(topic);
    meta_topic_unref(topic);
}
END_TEST

START_TEST(the_brokers_are_replaced_whole)
{
    struct wire_update_metadata_request_live_brokers_endpoints ends[2] = {
        { .port = 9092, .host = BYTES("a"), .listener = BYTES("PLAINTEXT") },
        { .port = 9093,
          .host = BYTES("b"),
          .listener = BYTES("INT"),
          .security_protocol = 1 },
    };
    struct wire_update_metadata_request_live_brokers live[2] = {
        { .id = 7, .endpoints = ends, .n_endpoints = 2, .rack = BYTES("r") },
        { .id = 3, .endpoints = ends, .n_endpoints = 1 },
    };
    struct meta_cluster *before = metadata_cluster(md);
    struct meta_cluster *cluster;
    request r;

    wire_update_metadata_request_init(&r);
    r.controller_id = 7;
    r.live_brokers = live;
    r.n_live_brokers = 2;
    metadata_update(md, &r);
    cluster = metadata_cluster(md);

    ck_assert_int_eq(before->controller_id, -1);
    ck_assert_uint_eq(before->n_brokers, 0);
    ck_assert_int_eq(cluster->controller_id, 7);
    ck_assert_int_eq(cluster->brokers[0].id, 3);
    ck_assert_int_eq(cluster->brokers[1].id, 7);
    ck_assert_str_eq(meta_broker_find(cluster, 7)->rack, "r");
    ck_assert_ptr_null(meta_broker_find(cluster, 3)->rack);
    ck_assert_ptr_null(meta_broker_find(cluster, 4));
    ck_assert_int_eq(
        meta_endpoint_find(meta_broker_find(cluster, 7), "INT")->port, 9093);
    ck_assert_ptr_null(meta_endpoint_find(meta_broker_find(cluster, 3), "INT"));
    meta_cluster_unref(before);
    meta_cluster_unref(cluster);

    r.n_live_brokers = 1;
    metadata_update(md, &r);
    cluster = metadata_cluster(md);
    ck_assert_uint_eq(cluster->n_brokers, 1);
    meta_cluster_unref(cluster);
}
END_TEST

START_TEST(ungrouped_states_of_old_versions_are_gathered_by_topic)
{
    struct wire_update_metadata_request_ungrouped_partition_states u[3] = {
        { .topic_name = BYTES("a"), .partition_index = 1, .leader = 1 },
        { .topic_name = BYTES("b"), .partition_index = 0, .leader = 2 },
        { .topic_name = BYTES("a"), .partition_index = 0, .leader = 3 },
    };
    struct meta_topic *a;
    request r;

    wire_update_metadata_request_init(&r);
    r.ungrouped_partition_states = u;
    r.n_ungrouped_partition_states = 3;
    metadata_update(md, &r);
    a = metadata_topic_find(md, BYTES("a"));

    ck_assert_uint_eq(metadata_topic_count(md), 2);
    ck_assert_uint_eq(a->n_partitions, 2);
    ck_assert_int_eq(a->partitions[0].leader, 3);
    ck_assert_int_eq(a->partitions[1].leader, 1);
    meta_topic_unref(a);
}
END_TEST

START_TEST(of_two_entries_for_one_partition_the_last_counts)
{
    partition_states p[2] = { partition(0, 1), partition(0, 2) };
    topic_states t = { .topic_name = BYTES("t"),
                       .partition_states = p,
                       .n_partition_states = 2 };
    struct meta_topic *topic;
    request r;

    wire_update_metadata_request_init(&r);
    r.topic_states = &t;
    r.n_topic_states = 1;
    metadata_update(md, &r);
    topic = metadata_topic_find(md, BYTES("t"));

    ck_assert_uint_eq(topic->n_partitions, 1);
    ck_assert_int_eq(topic->partitions[0].leader, 2);
    meta_topic_unref(topic);
}
END_TEST

START_TEST(names_that_differ_in_dots_and_underscores_alone_collide)
{
    struct meta_topic *topic;

    send("a.b_c", 1, 0, 1, 1);
    topic = metadata_collision_find(md, BYTES("a_b.c"));
    ck_assert_ptr_nonnull(topic);
    meta_topic_unref(topic);
    ck_assert_ptr_null(metadata_collision_find(md, BYTES("a.b_c")));
    ck_assert_ptr_null(metadata_collision_find(md, BYTES("a.b-c")));
}
END_TEST

START_TEST(all_topics_come_with_a_reference_each)
{
    struct meta_topic **topics;
    size_t n;

    send("a", 1, 0, 1, 1);
    send("b", 2, 0, 1, 1);
    metadata_topics(md, &topics, &n);
    ck_assert_uint_eq(n, 2);
    send("a", 1, 0, 1, -2);
    send("b", 2, 0, 1, -2);
    for (size_t i = 0; i < n; i++) {
        ck_assert_uint_eq(topics[i]->name.len, 1);
        meta_topic_unref(topics[i]);
    }
    mem_free(topics);
}
END_TEST

struct watcher {
    struct metadata_observer observer;
    unsigned told;
};

static void count_update(struct metadata_observer *observer)
{
    ((struct watcher *)observer)->told++;
}

START_TEST(observers_are_told_after_each_update_until_they_leave)
{
    struct watcher w = { .observer = { .on_update = count_update } };

    metadata_observe(md, &w.observer);
    send("t", 1, 0, 1, 1);
    send("t", 1, 0, 1, 2);
    metadata_unobserve(md, &w.observer);
    send("t", 1, 0, 1, 3);
    ck_assert_uint_eq(w.told, 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("metadata");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_topic_that_was_sent_is_found_by_name_and_by_id);
    tcase_add_test(
        tc, partitions_are_merged_and_the_old_entry_stays_for_its_readers);
    tcase_add_test(
        tc, leader_minus_two_removes_a_partition_and_the_last_one_the_topic);
    tcase_add_test(tc, an_id_of_zero_removes_the_id_and_a_new_id_replaces_it);
    tcase_add_test(tc, the_brokers_are_replaced_whole);
    tcase_add_test(tc, ungrouped_states_of_old_versions_are_gathered_by_topic);
    tcase_add_test(tc, of_two_entries_for_one_partition_the_last_counts);
    tcase_add_test(tc, names_that_differ_in_dots_and_underscores_alone_collide);
    tcase_add_test(tc, all_topics_come_with_a_reference_each);
    tcase_add_test(tc, observers_are_told_after_each_update_until_they_leave);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
