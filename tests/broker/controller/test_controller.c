/* The controller on a tree in memory: election, topics, brokers, deletion. */
#include <check.h>
#include <stdlib.h>

#include "controller/requests.h"
#include "tests/support/controller_rig.h"
#include "wire/errors.h"

static struct rig *rig;

static void set_up(void)
{
    rig = malloc(sizeof *rig);
    ctl_rig_init(rig);
}

static void tear_down(void)
{
    ctl_rig_fini(rig);
    free(rig);
}

static struct ctl_rig_controller *elected(void)
{
    struct ctl_rig_controller *c;

    ctl_rig_broker(rig, 1);
    c = ctl_rig_start(rig, 0, 1);
    ctl_rig_run(rig);
    return c;
}

#define STATE(topic, partition, leader, epoch, isr, controller)                \
    ck_assert_str_eq(ctl_rig_state(rig, topic, partition),                     \
                     "{\"controller_epoch\":" controller ",\"leader\":" leader \
                     ",\"version\":1,\"leader_epoch\":" epoch ",\"isr\":[" isr \
                     "]}")

/* -- election ------------------------------------------------------------- */

START_TEST(the_first_broker_becomes_controller_with_epoch_one)
{
    struct ctl_rig_controller *c = elected();

    ck_assert(controller_is_active(c->ctl));
    ck_assert_int_eq(controller_active_id(c->ctl), 1);
    ck_assert_str_eq(fake_tree_text(&rig->tree, "/controller_epoch"), "1");
    ck_assert_int_eq(fake_tree_version(&rig->tree, "/controller_epoch"), 1);
    ck_assert_str_eq(fake_tree_text(&rig->tree, "/controller"),
                     "{\"version\":2,\"brokerid\":1,\"timestamp\":"
                     "\"1700000000000\",\"kraftControllerEpoch\":-1}");
    ck_assert_str_eq(fake_tree_text(&rig->tree, "/feature"),
                     "{\"features\":{},\"version\":2,\"status\":1}");
    /* The broker hears of itself. */
    ck_assert_uint_eq(ctl_rig_count(rig, 1, WIRE_UPDATE_METADATA, "h1"), 1);
}
END_TEST

START_TEST(the_second_broker_waits_and_takes_over_when_the_first_dies)
{
    struct ctl_rig_controller *a = elected();
    struct ctl_rig_controller *b;

    ctl_rig_broker(rig, 2);
    b = ctl_rig_start(rig, 1, 2);
    ctl_rig_run(rig);
    ck_assert(!controller_is_active(b->ctl));
    ck_assert_int_eq(controller_active_id(b->ctl), 1);

    ctl_rig_kill(a);
    ctl_rig_broker_gone(rig, 1);
    ctl_rig_run(rig);
    ck_assert(controller_is_active(b->ctl));
    ck_assert_str_eq(fake_tree_text(&rig->tree, "/controller_epoch"), "2");
}
END_TEST

START_TEST(a_lost_answer_to_the_winning_multi_is_recognised_as_won)
{
    for (int after = 0; after < 2; after++) {
        struct ctl_rig_controller *c;

        fake_tree_drop(&rig->tree, "/controller");
        fake_tree_put(&rig->tree, "/controller_epoch", "6");
        c = ctl_rig_start(rig, 0, 1);
        c->coord.lose_in = 1;
        c->coord.loss = after ? FAKE_LOSE_AFTER : FAKE_LOSE_BEFORE;
        ctl_rig_run(rig);
        ck_assert(controller_is_active(c->ctl));
        ck_assert_str_eq(fake_tree_text(&rig->tree, "/controller_epoch"), "7");
        ck_assert_int_eq(c->ctl->epoch, 7);
        ck_assert_int_eq(c->ctl->epoch_zk_version,
                         fake_tree_version(&rig->tree, "/controller_epoch"));
        ctl_rig_kill(c);
    }
}
END_TEST

START_TEST(of_two_that_stand_at_once_one_wins)
{
    struct ctl_rig_controller *a;
    struct ctl_rig_controller *b;

    ctl_rig_broker(rig, 1);
    ctl_rig_broker(rig, 2);
    a = ctl_rig_start(rig, 0, 1);
    b = ctl_rig_start(rig, 1, 2);
    ctl_rig_run(rig);
    ck_assert(controller_is_active(a->ctl) != controller_is_active(b->ctl));
    ck_assert_str_eq(fake_tree_text(&rig->tree, "/controller_epoch"), "1");
    ck_assert_int_eq(controller_active_id(a->ctl),
                     controller_active_id(b->ctl));
}
END_TEST

START_TEST(an_expired_session_stops_the_controller_and_the_next_one_elects)
{
    struct ctl_rig_controller *c = elected();

    controller_on_expired(c->ctl);
    ck_assert(!controller_is_active(c->ctl));
    fake_coord_expire(&c->coord);
    ctl_rig_run(rig);
    ck_assert(!fake_tree_has(&rig->tree, "/controller"));
    fake_coord_renew(&c->coord);
    controller_on_registered(c->ctl);
    ctl_rig_run(rig);
    ck_assert(controller_is_active(c->ctl));
    ck_assert_int_eq(c->ctl->epoch, 2);
}
END_TEST

START_TEST(our_own_left_over_controller_znode_is_deleted_and_stood_for_again)
{
    struct ctl_rig_controller *c = elected();

    controller_on_expired(c->ctl); /* only overdue: the session came back */
    controller_on_registered(c->ctl);
    ctl_rig_run(rig);
    ck_assert(controller_is_active(c->ctl));
    ck_assert_int_eq(c->ctl->epoch, 2);
}
END_TEST

START_TEST(a_zombie_controller_is_fenced_by_the_epoch_check)
{
    struct ctl_rig_controller *a = elected();
    int32_t version;

    ctl_rig_topic(rig, "before", "0:1");
    ctl_rig_run(rig);
    /* Somebody else wins while we do not notice: our watch is gone too. */
    a->coord.coord.watch_cancel(&a->coord.coord,
                                &a->ctl->controller_watch.watch);
    fake_tree_put(&rig->tree, "/controller_epoch", "9");
    version = fake_tree_version(&rig->tree, "/controller_epoch");
    ctl_rig_topic(rig, "t", "0:1");
    ctl_rig_run(rig);
    ck_assert_str_eq(ctl_rig_state(rig, "t", 0), "absent");
    ck_assert(!controller_is_active(a->ctl));
    ck_assert_int_eq(fake_tree_version(&rig->tree, "/controller_epoch"),
                     version);
}
END_TEST

/* -- topics --------------------------------------------------------------- */

START_TEST(a_new_topic_gets_its_znodes_leaders_and_metadata)
{
    const char *lai;

    elected();
    ctl_rig_broker(rig, 2);
    ctl_rig_run(rig);
    ctl_rig_forget(rig);
    ctl_rig_topic(rig, "t", "0:1,2;1:2,1;2:7,2");
    ctl_rig_run(rig);

    ck_assert(fake_tree_is_null(&rig->tree, "/brokers/topics/t/partitions"));
    ck_assert(fake_tree_is_null(&rig->tree, "/brokers/topics/t/partitions/0"));
    STATE("t", 0, "1", "0", "1,2", "1");
    STATE("t", 1, "2", "0", "2,1", "1");
    STATE("t", 2, "2", "0", "2", "1"); /* 7 is not there */
    ck_assert_uint_eq(ctl_rig_count(rig, 1, WIRE_LEADER_AND_ISR, NULL), 1);
    ck_assert_uint_eq(ctl_rig_count(rig, 2, WIRE_LEADER_AND_ISR, NULL), 1);
    ck_assert_uint_eq(ctl_rig_count(rig, 1, WIRE_UPDATE_METADATA, NULL), 1);
    ck_assert_uint_eq(ctl_rig_count(rig, 2, WIRE_UPDATE_METADATA, NULL), 1);
    ck_assert_uint_eq(ctl_rig_count(rig, -1, WIRE_STOP_REPLICA, NULL), 0);
    lai = ctl_rig_find(rig, 1, WIRE_LEADER_AND_ISR, NULL);
    ck_assert_ptr_nonnull(strstr(lai, "true")); /* isNew */
    /* LeaderAndIsr comes before UpdateMetadata. */
    ck_assert_int_eq(rig->sent[0].key, WIRE_LEADER_AND_ISR);
}
END_TEST

START_TEST(a_thousand_partitions_take_one_multi_and_two_requests)
{
    char *text = malloc(20000);
    size_t at = 0;
    size_t writes;

    elected();
    for (int i = 0; i < 1000; i++)
        at += (size_t)sprintf(text + at, "%s%d:1", i ? ";" : "", i);
    ctl_rig_forget(rig);
    ctl_rig_topic(rig, "big", text);
    writes = rig->tree.n_writes;
    ctl_rig_run(rig);
    STATE("big", 999, "1", "0", "1", "1");
    ck_assert_uint_le(rig->tree.n_writes - writes, 2);
    ck_assert_uint_eq(rig->n_sent, 2);
    free(text);
}
END_TEST

START_TEST(a_topic_without_a_live_replica_is_made_when_one_comes)
{
    elected();
    ctl_rig_topic(rig, "t", "0:2");
    ctl_rig_run(rig);
    ck_assert_str_eq(ctl_rig_state(rig, "t", 0), "absent");
    ctl_rig_broker(rig, 2);
    ctl_rig_run(rig);
    STATE("t", 0, "2", "0", "2", "1");
    ck_assert_uint_eq(ctl_rig_count(rig, 2, WIRE_LEADER_AND_ISR, "true"), 1);
}
END_TEST

START_TEST(a_topic_without_id_is_given_one)
{
    elected();
    fake_tree_put(&rig->tree, "/brokers/topics/old",
                  "{\"version\":1,\"partitions\":{\"0\":[1]}}");
    ctl_rig_run(rig);
    ck_assert_ptr_nonnull(
        strstr(fake_tree_text(&rig->tree, "/brokers/topics/old"), "topic_id"));
    STATE("old", 0, "1", "0", "1", "1");
}
END_TEST

START_TEST(a_topic_that_grows_gets_the_new_partitions_only)
{
    elected();
    ctl_rig_topic(rig, "t", "0:1");
    ctl_rig_run(rig);
    ctl_rig_forget(rig);
    ctl_rig_topic(rig, "t", "0:1;1:1");
    ctl_rig_run(rig);
    STATE("t", 1, "1", "0", "1", "1");
    ck_assert_int_eq(
        fake_tree_version(&rig->tree, "/brokers/topics/t/partitions/0/state"),
        0);
    ck_assert_uint_eq(ctl_rig_count(rig, 1, WIRE_LEADER_AND_ISR, NULL), 1);
    ck_assert_ptr_null(strstr(ctl_rig_find(rig, 1, WIRE_LEADER_AND_ISR, NULL),
                              "\"partitionIndex\":0"));
}
END_TEST

START_TEST(a_creation_that_stopped_half_way_is_completed)
{
    elected();
    fake_tree_put(&rig->tree, "/brokers/topics/t/partitions/1", NULL);
    ctl_rig_topic(rig, "t", "0:1;1:1");
    ctl_rig_run(rig);
    STATE("t", 0, "1", "0", "1", "1");
    STATE("t", 1, "1", "0", "1", "1");
}
END_TEST

START_TEST(a_lost_answer_to_the_creation_is_found_to_have_worked)
{
    struct ctl_rig_controller *c = elected();

    c->coord.lose_in = 1;
    c->coord.loss = FAKE_LOSE_AFTER;
    ctl_rig_topic(rig, "t", "0:1;1:1");
    ctl_rig_run(rig);
    STATE("t", 0, "1", "0", "1", "1");
    STATE("t", 1, "1", "0", "1", "1");
    ck_assert_int_eq(
        fake_tree_version(&rig->tree, "/brokers/topics/t/partitions/0/state"),
        0);
    ck_assert_uint_ge(ctl_rig_count(rig, 1, WIRE_LEADER_AND_ISR, "true"), 1);
}
END_TEST

/* -- brokers -------------------------------------------------------------- */

START_TEST(the_only_replica_goes_and_comes_back)
{
    elected();
    ctl_rig_broker(rig, 2);
    ctl_rig_topic(rig, "t", "0:2");
    ctl_rig_run(rig);
    ctl_rig_broker_gone(rig, 2);
    ctl_rig_run(rig);
    STATE("t", 0, "-1", "1", "2", "1"); /* the ISR stays */
    ctl_rig_forget(rig);
    ctl_rig_broker(rig, 2);
    ctl_rig_run(rig);
    STATE("t", 0, "2", "2", "2", "1");
    ck_assert_uint_ge(ctl_rig_count(rig, 2, WIRE_LEADER_AND_ISR, NULL), 1);
    ck_assert_uint_ge(
        ctl_rig_count(rig, 1, WIRE_UPDATE_METADATA, "\"leader\":2"), 1);
}
END_TEST

START_TEST(with_three_replicas_the_next_of_the_isr_leads)
{
    elected();
    ctl_rig_broker(rig, 2);
    ctl_rig_broker(rig, 3);
    ctl_rig_topic(rig, "t", "0:2,3,1;1:1,2,3");
    ctl_rig_run(rig);
    ctl_rig_forget(rig);
    ctl_rig_broker_gone(rig, 2);
    ctl_rig_run(rig);
    STATE("t", 0, "3", "1", "3,1", "1");
    STATE("t", 1, "1", "1", "1,3", "1");
    ctl_rig_broker_gone(rig, 3);
    ctl_rig_run(rig);
    STATE("t", 0, "1", "2", "1", "1");
    ctl_rig_broker(rig, 2);
    ctl_rig_run(rig);
    /* Back as a follower, out of the ISR. */
    STATE("t", 0, "1", "2", "1", "1");
    ck_assert_uint_ge(ctl_rig_count(rig, 2, WIRE_LEADER_AND_ISR, NULL), 1);
}
END_TEST

START_TEST(a_broker_that_bounced_is_dead_first_then_new)
{
    elected();
    ctl_rig_broker(rig, 2);
    ctl_rig_topic(rig, "t", "0:2,1");
    ctl_rig_run(rig);
    ctl_rig_forget(rig);
    /* Gone and back before the controller looks. */
    ctl_rig_broker_gone(rig, 2);
    ctl_rig_broker(rig, 2);
    ctl_rig_run(rig);
    STATE("t", 0, "1", "1", "1", "1");
    ck_assert_uint_ge(ctl_rig_count(rig, 2, WIRE_LEADER_AND_ISR, NULL), 1);
}
END_TEST

START_TEST(unclean_elections_are_held_only_where_allowed)
{
    elected();
    ctl_rig_broker(rig, 2);
    ctl_rig_topic(rig, "t", "0:2,1");
    ctl_rig_topic(rig, "u", "0:2,1");
    fake_tree_put(&rig->tree, "/config/topics/u",
                  "{\"version\":1,\"config\":"
                  "{\"unclean.leader.election.enable\":\"true\"}}");
    ctl_rig_run(rig);
    ctl_rig_broker_gone(rig, 2);
    ctl_rig_run(rig);
    STATE("t", 0, "1", "1", "1", "1");
    /* Now 2 alone is in the ISR. */
    fake_tree_put(&rig->tree, "/brokers/topics/t/partitions/0/state",
                  "{\"controller_epoch\":1,\"leader\":2,\"version\":1,"
                  "\"leader_epoch\":1,\"isr\":[2]}");
    fake_tree_put(&rig->tree, "/brokers/topics/u/partitions/0/state",
                  "{\"controller_epoch\":1,\"leader\":2,\"version\":1,"
                  "\"leader_epoch\":1,\"isr\":[2]}");
    ctl_rig_kill(&rig->controllers[0]);
    ctl_rig_start(rig, 0, 1);
    ctl_rig_run(rig);
    STATE("t", 0, "-1", "2", "2", "2");
    ck_assert_str_eq(ctl_rig_state(rig, "u", 0),
                     "{\"controller_epoch\":2,\"leader\":1,\"version\":1,"
                     "\"leader_recovery_state\":1,\"leader_epoch\":3,"
                     "\"isr\":[1]}");
}
END_TEST

START_TEST(allowing_unclean_elections_elects_for_what_waits)
{
    struct ctl_rig_controller *c = elected();

    ctl_rig_broker(rig, 2);
    ctl_rig_topic(rig, "t", "0:2,1");
    ctl_rig_run(rig);
    ctl_rig_broker_gone(rig, 1);
    ctl_rig_run(rig);
    STATE("t", 0, "2", "1", "2", "1");
    ctl_rig_broker(rig, 1);
    ctl_rig_broker_gone(rig, 2);
    ctl_rig_run(rig);
    STATE("t", 0, "-1", "2", "2", "1");
    rig->unclean = true;
    controller_on_unclean_enabled(c->ctl);
    ctl_rig_run(rig);
    ck_assert_str_eq(ctl_rig_state(rig, "t", 0),
                     "{\"controller_epoch\":1,\"leader\":1,\"version\":1,"
                     "\"leader_recovery_state\":1,\"leader_epoch\":3,"
                     "\"isr\":[1]}");
}
END_TEST

START_TEST(a_state_changed_by_a_leader_is_read_again_before_an_election)
{
    elected();
    ctl_rig_broker(rig, 2);
    ctl_rig_broker(rig, 3);
    ctl_rig_topic(rig, "t", "0:2,3,1");
    ctl_rig_run(rig);
    /* An old leader took 3 out by itself. */
    fake_tree_put(&rig->tree, "/brokers/topics/t/partitions/0/state",
                  "{\"controller_epoch\":1,\"leader\":2,\"version\":1,"
                  "\"leader_epoch\":0,\"isr\":[2,1]}");
    ctl_rig_broker_gone(rig, 2);
    ctl_rig_run(rig);
    STATE("t", 0, "1", "1", "1", "1");
}
END_TEST

START_TEST(a_failed_log_directory_moves_the_leader)
{
    elected();
    ctl_rig_broker(rig, 2);
    ctl_rig_topic(rig, "t", "0:2,1");
    ctl_rig_run(rig);
    rig->lai_error = KAFKA_KAFKA_STORAGE_ERROR;
    rig->lai_error_broker = 2;
    fake_tree_put(&rig->tree,
                  "/log_dir_event_notification/log_dir_event_0000000000",
                  "{\"version\":1,\"broker\":2,\"event\":1}");
    ctl_rig_run(rig);
    STATE("t", 0, "1", "1", "1", "1");
    ck_assert_uint_eq(
        fake_tree_n_children(&rig->tree, "/log_dir_event_notification"), 0);
}
END_TEST

START_TEST(changed_endpoints_are_told_to_all)
{
    elected();
    ctl_rig_broker(rig, 2);
    ctl_rig_run(rig);
    ctl_rig_forget(rig);
    fake_tree_put(&rig->tree, "/brokers/ids/2",
                  "{\"version\":5,\"host\":\"new\",\"port\":9092,"
                  "\"endpoints\":[\"PLAINTEXT://new:9092\"],"
                  "\"listener_security_protocol_map\":{\"PLAINTEXT\":"
                  "\"PLAINTEXT\"},\"jmx_port\":-1,\"timestamp\":\"1\","
                  "\"features\":{}}");
    ctl_rig_run(rig);
    ck_assert_uint_eq(ctl_rig_count(rig, 1, WIRE_UPDATE_METADATA, "new"), 1);
    ck_assert_uint_eq(ctl_rig_count(rig, 2, WIRE_UPDATE_METADATA, "new"), 1);
}
END_TEST

START_TEST(an_isr_change_notification_updates_the_metadata)
{
    elected();
    ctl_rig_broker(rig, 2);
    ctl_rig_topic(rig, "t", "0:1,2");
    ctl_rig_run(rig);
    ctl_rig_forget(rig);
    fake_tree_put(&rig->tree, "/brokers/topics/t/partitions/0/state",
                  "{\"controller_epoch\":1,\"leader\":1,\"version\":1,"
                  "\"leader_epoch\":0,\"isr\":[1]}");
    fake_tree_put(&rig->tree, "/isr_change_notification/isr_change_0000000000",
                  "{\"version\":1,\"partitions\":[{\"topic\":\"t\","
                  "\"partition\":0}]}");
    ctl_rig_run(rig);
    ck_assert_uint_eq(ctl_rig_count(rig, 2, WIRE_UPDATE_METADATA, "\"t\""), 1);
    ck_assert_uint_eq(
        fake_tree_n_children(&rig->tree, "/isr_change_notification"), 0);
}
END_TEST

/* -- deletion ------------------------------------------------------------- */

START_TEST(a_deleted_topic_is_forgotten_stopped_and_removed)
{
    elected();
    ctl_rig_broker(rig, 2);
    ctl_rig_topic(rig, "t", "0:1,2;1:2,1");
    ctl_rig_run(rig);
    ctl_rig_forget(rig);
    fake_tree_put(&rig->tree, "/admin/delete_topics/t", NULL);
    ctl_rig_run(rig);
    ck_assert(!fake_tree_has(&rig->tree, "/brokers/topics/t"));
    ck_assert(!fake_tree_has(&rig->tree, "/config/topics/t"));
    ck_assert(!fake_tree_has(&rig->tree, "/admin/delete_topics/t"));
    ck_assert_int_eq(rig->sent[0].key, WIRE_UPDATE_METADATA);
    ck_assert_uint_eq(
        ctl_rig_count(rig, -1, WIRE_UPDATE_METADATA, "\"leader\":-2"), 2);
    /* Stop first, then delete, to each of both. */
    ck_assert_uint_eq(ctl_rig_count(rig, -1, WIRE_STOP_REPLICA, NULL), 4);
    ck_assert_uint_eq(ctl_rig_count(rig, 2, WIRE_STOP_REPLICA, "true"), 1);
    /* The name can be used again. */
    ctl_rig_topic(rig, "t", "0:1");
    ctl_rig_run(rig);
    STATE("t", 0, "1", "0", "1", "1");
}
END_TEST

START_TEST(a_deletion_waits_for_a_broker_that_is_away)
{
    elected();
    ctl_rig_broker(rig, 2);
    ctl_rig_topic(rig, "t", "0:1,2");
    ctl_rig_run(rig);
    ctl_rig_broker_gone(rig, 2);
    ctl_rig_run(rig);
    fake_tree_put(&rig->tree, "/admin/delete_topics/t", NULL);
    ctl_rig_run(rig);
    ck_assert(fake_tree_has(&rig->tree, "/brokers/topics/t"));
    ctl_rig_broker(rig, 2);
    ctl_rig_run(rig);
    ck_assert(!fake_tree_has(&rig->tree, "/brokers/topics/t"));
    ck_assert(!fake_tree_has(&rig->tree, "/admin/delete_topics/t"));
}
END_TEST

START_TEST(a_broker_that_dies_during_a_deletion_does_not_block_it_for_ever)
{
    elected();
    ctl_rig_broker(rig, 2);
    ctl_rig_topic(rig, "t", "0:1,2");
    ctl_rig_run(rig);
    rig->deaf_broker = 2;
    fake_tree_put(&rig->tree, "/admin/delete_topics/t", NULL);
    ctl_rig_run(rig);
    ck_assert(fake_tree_has(&rig->tree, "/brokers/topics/t"));
    ctl_rig_broker_gone(rig, 2);
    ctl_rig_run(rig);
    rig->deaf_broker = -1;
    ctl_rig_broker(rig, 2);
    ctl_rig_run(rig);
    ck_assert(!fake_tree_has(&rig->tree, "/brokers/topics/t"));
}
END_TEST

START_TEST(a_deletion_goes_on_under_the_next_controller)
{
    struct ctl_rig_controller *a = elected();

    ctl_rig_broker(rig, 2);
    ctl_rig_topic(rig, "t", "0:1,2");
    ctl_rig_run(rig);
    rig->deaf_broker = 2;
    fake_tree_put(&rig->tree, "/admin/delete_topics/t", NULL);
    ctl_rig_run(rig);
    ctl_rig_kill(a);
    rig->deaf_broker = -1;
    ctl_rig_start(rig, 0, 1);
    ctl_rig_run(rig);
    ck_assert(!fake_tree_has(&rig->tree, "/brokers/topics/t"));
}
END_TEST

START_TEST(the_mark_of_an_unknown_topic_is_removed)
{
    elected();
    fake_tree_put(&rig->tree, "/admin/delete_topics/nobody", NULL);
    ctl_rig_run(rig);
    ck_assert(!fake_tree_has(&rig->tree, "/admin/delete_topics/nobody"));
}
END_TEST

/* -- preferred leaders ---------------------------------------------------- */

START_TEST(leadership_goes_back_to_the_preferred_replica_in_time)
{
    struct ctl_rig_controller *c = elected();

    ctl_rig_broker(rig, 2);
    ctl_rig_topic(rig, "t", "0:2,1");
    ctl_rig_run(rig);
    ctl_rig_broker_gone(rig, 2);
    ctl_rig_run(rig);
    ctl_rig_broker(rig, 2);
    ctl_rig_run(rig);
    STATE("t", 0, "1", "1", "1", "1");
    /* 2 catches up; the leader wrote that through the old path. */
    fake_tree_put(&rig->tree, "/brokers/topics/t/partitions/0/state",
                  "{\"controller_epoch\":1,\"leader\":1,\"version\":1,"
                  "\"leader_epoch\":1,\"isr\":[1,2]}");
    fake_tree_put(&rig->tree, "/isr_change_notification/isr_change_0000000000",
                  "{\"version\":1,\"partitions\":[{\"topic\":\"t\","
                  "\"partition\":0}]}");
    ctl_rig_run(rig);
    fake_exec_pass(&rig->exec, 400000000);
    ctl_rig_run(rig);
    STATE("t", 0, "2", "2", "1,2", "1");
    ck_assert(controller_is_active(c->ctl));
}
END_TEST

START_TEST(preferred_elections_by_znode_are_held_and_the_znode_removed)
{
    elected();
    ctl_rig_broker(rig, 2);
    ctl_rig_topic(rig, "t", "0:2,1");
    ctl_rig_run(rig);
    fake_tree_put(&rig->tree, "/brokers/topics/t/partitions/0/state",
                  "{\"controller_epoch\":1,\"leader\":1,\"version\":1,"
                  "\"leader_epoch\":1,\"isr\":[1,2]}");
    fake_tree_put(&rig->tree, "/isr_change_notification/isr_change_0000000000",
                  "{\"version\":1,\"partitions\":[{\"topic\":\"t\","
                  "\"partition\":0}]}");
    ctl_rig_run(rig);
    fake_tree_put(&rig->tree, "/admin/preferred_replica_election",
                  "{\"version\":1,\"partitions\":[{\"topic\":\"t\","
                  "\"partition\":0}]}");
    ctl_rig_run(rig);
    STATE("t", 0, "2", "2", "1,2", "1");
    ck_assert(!fake_tree_has(&rig->tree, "/admin/preferred_replica_election"));
}
END_TEST

/* -- failover ------------------------------------------------------------- */

START_TEST(after_a_failover_brokers_know_each_other_before_they_hear_of_leaders)
{
    struct ctl_rig_controller *a = elected();

    ctl_rig_broker(rig, 2);
    ctl_rig_topic(rig, "t", "0:1,2;1:2,1");
    ctl_rig_run(rig);
    ctl_rig_kill(a);
    ctl_rig_broker_gone(rig, 1);
    ctl_rig_forget(rig);
    ctl_rig_start(rig, 1, 2);
    ctl_rig_run(rig);
    ck_assert_int_eq(rig->sent[0].key, WIRE_UPDATE_METADATA);
    ck_assert_ptr_null(strstr(rig->sent[0].text, "\"t\""));
    STATE("t", 0, "2", "2", "2", "2");
    STATE("t", 1, "2", "1", "2", "2");
    ck_assert_uint_ge(ctl_rig_count(rig, 2, WIRE_LEADER_AND_ISR, NULL), 1);
}
END_TEST

START_TEST(a_restart_with_a_thousand_partitions_writes_nothing)
{
    struct ctl_rig_controller *c = elected();
    char *text = malloc(20000);
    size_t at = 0;
    size_t writes;

    for (int i = 0; i < 1000; i++)
        at += (size_t)sprintf(text + at, "%s%d:1", i ? ";" : "", i);
    ctl_rig_topic(rig, "big", text);
    ctl_rig_run(rig);
    ctl_rig_kill(c);
    ctl_rig_forget(rig);
    writes = rig->tree.n_writes;
    ctl_rig_start(rig, 0, 1);
    ctl_rig_run(rig);
    ck_assert_uint_eq(rig->tree.n_writes - writes, 1); /* the election */
    ck_assert_uint_eq(ctl_rig_count(rig, 1, WIRE_LEADER_AND_ISR, NULL), 1);
    free(text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("controller");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, the_first_broker_becomes_controller_with_epoch_one);
    tcase_add_test(tc,
                   the_second_broker_waits_and_takes_over_when_the_first_dies);
    tcase_add_test(tc, a_lost_answer_to_the_winning_multi_is_recognised_as_won);
    tcase_add_test(tc, of_two_that_stand_at_once_one_wins);
    tcase_add_test(
        tc, an_expired_session_stops_the_controller_and_the_next_one_elects);
    tcase_add_test(
        tc, our_own_left_over_controller_znode_is_deleted_and_stood_for_again);
    tcase_add_test(tc, a_zombie_controller_is_fenced_by_the_epoch_check);
    tcase_add_test(tc, a_new_topic_gets_its_znodes_leaders_and_metadata);
    tcase_add_test(tc, a_thousand_partitions_take_one_multi_and_two_requests);
    tcase_add_test(tc, a_topic_without_a_live_replica_is_made_when_one_comes);
    tcase_add_test(tc, a_topic_without_id_is_given_one);
    tcase_add_test(tc, a_topic_that_grows_gets_the_new_partitions_only);
    tcase_add_test(tc, a_creation_that_stopped_half_way_is_completed);
    tcase_add_test(tc, a_lost_answer_to_the_creation_is_found_to_have_worked);
    tcase_add_test(tc, the_only_replica_goes_and_comes_back);
    tcase_add_test(tc, with_three_replicas_the_next_of_the_isr_leads);
    tcase_add_test(tc, a_broker_that_bounced_is_dead_first_then_new);
    tcase_add_test(tc, unclean_elections_are_held_only_where_allowed);
    tcase_add_test(tc, allowing_unclean_elections_elects_for_what_waits);
    tcase_add_test(
        tc, a_state_changed_by_a_leader_is_read_again_before_an_election);
    tcase_add_test(tc, a_failed_log_directory_moves_the_leader);
    tcase_add_test(tc, changed_endpoints_are_told_to_all);
    tcase_add_test(tc, an_isr_change_notification_updates_the_metadata);
    tcase_add_test(tc, a_deleted_topic_is_forgotten_stopped_and_removed);
    tcase_add_test(tc, a_deletion_waits_for_a_broker_that_is_away);
    tcase_add_test(
        tc, a_broker_that_dies_during_a_deletion_does_not_block_it_for_ever);
    tcase_add_test(tc, a_deletion_goes_on_under_the_next_controller);
    tcase_add_test(tc, the_mark_of_an_unknown_topic_is_removed);
    tcase_add_test(tc, leadership_goes_back_to_the_preferred_replica_in_time);
    tcase_add_test(tc,
                   preferred_elections_by_znode_are_held_and_the_znode_removed);
    tcase_add_test(
        tc,
        after_a_failover_brokers_know_each_other_before_they_hear_of_leaders);
    tcase_add_test(tc, a_restart_with_a_thousand_partitions_writes_nothing);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
