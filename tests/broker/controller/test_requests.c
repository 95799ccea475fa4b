/* What brokers ask the controller: AlterPartition, ControlledShutdown,
 * AllocateProducerIds. */
#include <check.h>
#include <stdlib.h>

#include "controller/requests.h"
#include "tests/support/controller_rig.h"
#include "tests/support/unit.h"
#include "wire/errors.h"
#include "wire/msg_allocate_producer_ids.h"
#include "wire/msg_alter_partition.h"
#include "wire/msg_controlled_shutdown.h"

static struct rig *rig;
static struct ctl_rig_controller *one;
static int64_t epoch2;

static void set_up(void)
{
    rig = malloc(sizeof *rig);
    ctl_rig_init(rig);
    ctl_rig_broker(rig, 1);
    epoch2 = ctl_rig_broker(rig, 2);
    ctl_rig_broker(rig, 3);
    one = ctl_rig_start(rig, 0, 1);
    ctl_rig_run(rig);
    ctl_rig_topic(rig, "t", "0:2,1,3");
    ctl_rig_run(rig);
    ctl_rig_forget(rig);
}

static void tear_down(void)
{
    ctl_rig_fini(rig);
    free(rig);
}

struct asked {
    struct ctl_request r;
    struct arena arena;
    bool done;
};

static void answered(struct ctl_request *r)
{
    CONTAINER_OF(r, struct asked, r)->done = true;
}

static void ask(struct asked *a, int16_t version, const void *in, void *out,
                void (*fn)(struct controller *, struct ctl_request *))
{
    memset(a, 0, sizeof *a);
    arena_init(&a->arena, 1 << 20);
    a->r.in = in;
    a->r.out = out;
    a->r.version = version;
    a->r.arena = &a->arena;
    a->r.on_done = answered;
    fn(one->ctl, &a->r);
    ctl_rig_run(rig);
    ck_assert(a->done);
}

/* -- AlterPartition ------------------------------------------------------- */

struct alter {
    int64_t broker_epoch;
    int32_t leader_epoch, partition_epoch;
    int32_t isr[4];
    size_t n_isr;
    int8_t recovery;
    int32_t index;
    bool other_id; /* an id nobody knows */
    int16_t version;
};

static struct alter alter_of(void)
{
    return (struct alter){
        .broker_epoch = epoch2, .isr = { 2, 1 }, .n_isr = 2, .version = 3
    };
}

static struct asked asked;

static int16_t alter(struct alter a, struct wire_alter_partition_response *out)
{
    struct wire_alter_partition_request_topics_partitions_new_isr_with_epochs
        members[4];
    struct wire_alter_partition_request_topics_partitions p = {
        .partition_index = a.index,
        .leader_epoch = a.leader_epoch,
        .partition_epoch = a.partition_epoch,
        .leader_recovery_state = a.recovery,
    };
    struct wire_alter_partition_request_topics t = { .topic_name = BYTES("t"),
                                                     .partitions = &p,
                                                     .n_partitions = 1 };
    struct wire_alter_partition_request in = { .broker_id = 2,
                                               .broker_epoch = a.broker_epoch,
                                               .topics = &t,
                                               .n_topics = 1 };

    for (size_t i = 0; i < a.n_isr; i++)
        members[i].broker_id = a.isr[i];
    p.new_isr_with_epochs = members;
    p.n_new_isr_with_epochs = a.n_isr;
    if (controller_is_active(one->ctl))
        t.topic_id = ctx_topic_find(&one->ctl->context, BYTES("t"))->id;
    if (a.other_id)
        t.topic_id.b[0] ^= 1;
    wire_alter_partition_response_init(out);
    arena_fini(&asked.arena);
    ask(&asked, a.version, &in, out, controller_alter_partition);
    if (out->error_code != KAFKA_NONE)
        return out->error_code;
    ck_assert_uint_eq(out->n_topics, 1);
    return out->topics[0].partitions[0].error_code;
}

START_TEST(an_isr_change_is_written_and_told_without_a_new_leader_epoch)
{
    struct wire_alter_partition_response out;

    ck_assert_int_eq(alter(alter_of(), &out), KAFKA_NONE);
    ck_assert_int_eq(out.topics[0].partitions[0].partition_epoch, 1);
    ck_assert_int_eq(out.topics[0].partitions[0].leader_epoch, 0);
    ck_assert_int_eq(out.topics[0].partitions[0].leader_id, 2);
    ck_assert_uint_eq(out.topics[0].partitions[0].n_isr, 2);
    ck_assert_str_eq(ctl_rig_state(rig, "t", 0),
                     "{\"controller_epoch\":1,\"leader\":2,\"version\":1,"
                     "\"leader_epoch\":0,\"isr\":[2,1]}");
    ck_assert_uint_eq(ctl_rig_count(rig, -1, WIRE_LEADER_AND_ISR, NULL), 0);
    ck_assert_uint_eq(ctl_rig_count(rig, -1, WIRE_UPDATE_METADATA, "\"t\""), 3);
    arena_fini(&asked.arena);
}
END_TEST

START_TEST(each_reason_to_refuse_an_isr_change_has_its_code)
{
    struct wire_alter_partition_response out;
    struct alter a;

    a = alter_of();
    a.broker_epoch = epoch2 + 1;
    ck_assert_int_eq(alter(a, &out), KAFKA_STALE_BROKER_EPOCH);
    a = alter_of();
    a.other_id = true;
    ck_assert_int_eq(alter(a, &out), KAFKA_UNKNOWN_TOPIC_ID);
    a = alter_of();
    a.index = 7;
    ck_assert_int_eq(alter(a, &out), KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    a = alter_of();
    a.leader_epoch = 1;
    ck_assert_int_eq(alter(a, &out), KAFKA_NOT_CONTROLLER);
    a = alter_of();
    a.partition_epoch = 1;
    ck_assert_int_eq(alter(a, &out), KAFKA_NOT_CONTROLLER);
    a = alter_of();
    a.leader_epoch = -1;
    ck_assert_int_eq(alter(a, &out), KAFKA_FENCED_LEADER_EPOCH);
    a = alter_of();
    a.recovery = 1;
    ck_assert_int_eq(alter(a, &out), KAFKA_INVALID_REQUEST);
    a = alter_of();
    a.isr[1] = 9;
    ck_assert_int_eq(alter(a, &out), KAFKA_INELIGIBLE_REPLICA);
    a.version = 1;
    ck_assert_int_eq(alter(a, &out), KAFKA_OPERATION_NOT_ATTEMPTED);
    /* Rejected ones are told as they are, all the same. */
    ck_assert_uint_ge(ctl_rig_count(rig, -1, WIRE_UPDATE_METADATA, "\"t\""), 3);
    ck_assert_int_eq(
        fake_tree_version(&rig->tree, "/brokers/topics/t/partitions/0/state"),
        0);
    /* An old partition epoch: fine if it changes nothing, else refused. */
    ck_assert_int_eq(alter(alter_of(), &out), KAFKA_NONE);
    ck_assert_int_eq(alter(alter_of(), &out), KAFKA_NONE);
    a = alter_of();
    a.n_isr = 1;
    ck_assert_int_eq(alter(a, &out), KAFKA_INVALID_UPDATE_VERSION);
    controller_on_expired(one->ctl);
    ck_assert_int_eq(alter(alter_of(), &out), KAFKA_NOT_CONTROLLER);
    arena_fini(&asked.arena);
}
END_TEST

START_TEST(an_isr_change_that_conflicts_in_zookeeper_is_refused)
{
    struct wire_alter_partition_response out;

    fake_tree_put(&rig->tree, "/brokers/topics/t/partitions/0/state",
                  "{\"controller_epoch\":1,\"leader\":2,\"version\":1,"
                  "\"leader_epoch\":0,\"isr\":[2,3]}");
    ck_assert_int_eq(alter(alter_of(), &out), KAFKA_INVALID_UPDATE_VERSION);
    arena_fini(&asked.arena);
}
END_TEST

START_TEST(a_controller_fenced_in_the_middle_answers_not_controller)
{
    struct wire_alter_partition_response out;

    fake_tree_put(&rig->tree, "/controller_epoch", "8");
    ck_assert_int_eq(alter(alter_of(), &out), KAFKA_NOT_CONTROLLER);
    ck_assert(!controller_is_active(one->ctl) || one->ctl->epoch == 9);
    arena_fini(&asked.arena);
}
END_TEST

/* -- ControlledShutdown --------------------------------------------------- */

START_TEST(a_broker_that_stops_gives_its_leaders_away_and_leaves_the_isr)
{
    struct wire_controlled_shutdown_request in = { .broker_id = 2,
                                                   .broker_epoch = epoch2 };
    struct wire_controlled_shutdown_response out;

    ctl_rig_topic(rig, "f", "0:1,2");
    ctl_rig_topic(rig, "single", "0:2");
    ctl_rig_run(rig);
    wire_controlled_shutdown_response_init(&out);
    ask(&asked, 3, &in, &out, controller_controlled_shutdown);
    ck_assert_int_eq(out.error_code, KAFKA_NONE);
    ck_assert_uint_eq(out.n_remaining_partitions, 0);
    ck_assert_str_eq(ctl_rig_state(rig, "t", 0),
                     "{\"controller_epoch\":1,\"leader\":1,\"version\":1,"
                     "\"leader_epoch\":1,\"isr\":[1,3]}");
    ck_assert_str_eq(ctl_rig_state(rig, "f", 0),
                     "{\"controller_epoch\":1,\"leader\":1,\"version\":1,"
                     "\"leader_epoch\":1,\"isr\":[1]}");
    ck_assert_uint_eq(ctl_rig_count(rig, 2, WIRE_STOP_REPLICA, "\"f\""), 2);
    arena_fini(&asked.arena);
}
END_TEST

START_TEST(what_a_stopping_broker_must_keep_is_answered_as_remaining)
{
    struct wire_controlled_shutdown_request in = { .broker_id = 2,
                                                   .broker_epoch = -1 };
    struct wire_controlled_shutdown_response out;
    struct alter a = alter_of();
    struct wire_alter_partition_response altered;

    a.n_isr = 1; /* 2 alone */
    ck_assert_int_eq(alter(a, &altered), KAFKA_NONE);
    arena_fini(&asked.arena);
    wire_controlled_shutdown_response_init(&out);
    ask(&asked, 3, &in, &out, controller_controlled_shutdown);
    ck_assert_uint_eq(out.n_remaining_partitions, 1);
    ck_assert_bytes(out.remaining_partitions[0].topic_name, BYTES("t"));
    arena_fini(&asked.arena);
}
END_TEST

START_TEST(a_shutdown_is_refused_with_the_code_that_fits)
{
    struct wire_controlled_shutdown_request in = { .broker_id = 2,
                                                   .broker_epoch = epoch2 - 1 };
    struct wire_controlled_shutdown_response out = { 0 };

    ask(&asked, 3, &in, &out, controller_controlled_shutdown);
    ck_assert_int_eq(out.error_code, KAFKA_STALE_BROKER_EPOCH);
    in.broker_id = 77;
    ask(&asked, 3, &in, &out, controller_controlled_shutdown);
    ck_assert_int_eq(out.error_code, KAFKA_UNKNOWN_SERVER_ERROR);
    in.broker_epoch = -1;
    ask(&asked, 3, &in, &out, controller_controlled_shutdown);
    ck_assert_int_eq(out.error_code, KAFKA_BROKER_NOT_AVAILABLE);
    controller_on_expired(one->ctl);
    ask(&asked, 3, &in, &out, controller_controlled_shutdown);
    ck_assert_int_eq(out.error_code, KAFKA_STALE_CONTROLLER_EPOCH);
}
END_TEST

/* -- AllocateProducerIds -------------------------------------------------- */

static int64_t block(int16_t *code)
{
    struct wire_allocate_producer_ids_request in = { .broker_id = 2,
                                                     .broker_epoch = epoch2 };
    struct wire_allocate_producer_ids_response out = { 0 };

    ask(&asked, 0, &in, &out, controller_allocate_producer_ids);
    *code = out.error_code;
    ck_assert(out.error_code != KAFKA_NONE || out.producer_id_len == 1000);
    return out.producer_id_start;
}

START_TEST(blocks_of_producer_ids_follow_each_other)
{
    int16_t code;

    ck_assert_int_eq(block(&code), 0);
    ck_assert_int_eq(code, KAFKA_NONE);
    ck_assert_str_eq(fake_tree_text(&rig->tree, "/latest_producer_id_block"),
                     "{\"version\":1,\"broker\":2,\"block_start\":\"0\","
                     "\"block_end\":\"999\"}");
    ck_assert_int_eq(block(&code), 1000);
}
END_TEST

START_TEST(a_lost_answer_loses_a_block_but_gives_none_out_twice)
{
    int16_t code;

    one->coord.lose_in = 1;
    one->coord.loss = FAKE_LOSE_AFTER;
    ck_assert_int_eq(block(&code), 1000);
    ck_assert_int_eq(block(&code), 2000);
}
END_TEST

START_TEST(a_malformed_block_gives_out_nothing)
{
    int16_t code;

    fake_tree_put(&rig->tree, "/latest_producer_id_block", "{}");
    block(&code);
    ck_assert_int_eq(code, KAFKA_UNKNOWN_SERVER_ERROR);
    epoch2++;
    block(&code);
    ck_assert_int_eq(code, KAFKA_STALE_BROKER_EPOCH);
    ctl_rig_broker_gone(rig, 2);
    ctl_rig_run(rig);
    block(&code);
    ck_assert_int_eq(code, KAFKA_BROKER_ID_NOT_REGISTERED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("requests");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(
        tc, an_isr_change_is_written_and_told_without_a_new_leader_epoch);
    tcase_add_test(tc, each_reason_to_refuse_an_isr_change_has_its_code);
    tcase_add_test(tc, an_isr_change_that_conflicts_in_zookeeper_is_refused);
    tcase_add_test(tc,
                   a_controller_fenced_in_the_middle_answers_not_controller);
    tcase_add_test(
        tc, a_broker_that_stops_gives_its_leaders_away_and_leaves_the_isr);
    tcase_add_test(tc,
                   what_a_stopping_broker_must_keep_is_answered_as_remaining);
    tcase_add_test(tc, a_shutdown_is_refused_with_the_code_that_fits);
    tcase_add_test(tc, blocks_of_producer_ids_follow_each_other);
    tcase_add_test(tc, a_lost_answer_loses_a_block_but_gives_none_out_twice);
    tcase_add_test(tc, a_malformed_block_gives_out_nothing);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
