/* test_group_state.c - the group machine, phase by phase, on a stepped clock.
 */
#include "group/group_state.h"

#include "tests/support/group_rig.h"
#include "tests/support/unit.h"
#include "wire/errors.h"

static struct group_rig rig;

static void begin(void)
{
    group_rig_start(&rig);
}

#define JOIN(...) group_rig_join(&rig, &(struct rig_join){ __VA_ARGS__ })

/* -- first round ---------------------------------------------------------- */

START_TEST(a_new_member_is_given_an_id_and_comes_again_with_it)
{
    begin();
    struct group_waiter *w = JOIN(.id_required = true);
    ck_assert_int_eq(w->error, KAFKA_MEMBER_ID_REQUIRED);
    ck_assert_str_eq(w->member, "m-0");
    ck_assert(group_is_pending(rig.group, BYTES("m-0")));

    struct group_waiter *again = JOIN(.id = "m-0", .id_required = true);
    ck_assert_int_eq(again->told, 0);
    ck_assert(!group_is_pending(rig.group, BYTES("m-0")));
    group_rig_pass(&rig, 3000);
    ck_assert_int_eq(again->error, KAFKA_NONE);
    ck_assert_int_eq(again->generation, 1);
    ck_assert_str_eq(again->leader, "m-0");
    ck_assert_uint_eq(again->n_members, 1);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(an_id_that_is_not_used_is_forgotten_after_the_session_timeout)
{
    begin();
    JOIN(.id_required = true, .session_ms = 7000);
    group_rig_pass(&rig, 6999);
    ck_assert(group_is_pending(rig.group, BYTES("m-0")));
    group_rig_pass(&rig, 1);
    ck_assert(!group_is_pending(rig.group, BYTES("m-0")));
    ck_assert_int_eq(JOIN(.id = "m-0")->error, KAFKA_UNKNOWN_MEMBER_ID);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(the_first_round_waits_and_each_newcomer_lets_it_wait_again)
{
    begin();
    struct group_waiter *a = JOIN(.rebalance_ms = 10000);
    group_rig_pass(&rig, 2000);
    struct group_waiter *b = JOIN(.rebalance_ms = 10000);
    group_rig_pass(&rig, 1000); /* 3 s: somebody came, 3 s more */
    ck_assert_int_eq(a->told, 0);
    group_rig_pass(&rig, 2999);
    ck_assert_int_eq(a->told, 0);
    group_rig_pass(&rig, 1);
    ck_assert_int_eq(a->generation, 1);
    ck_assert_int_eq(b->generation, 1);
    ck_assert_str_eq(b->leader, a->member);
    ck_assert_uint_eq(a->n_members, 2);
    ck_assert_uint_eq(b->n_members, 0);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(the_first_round_waits_no_longer_than_the_rebalance_timeout)
{
    begin();
    struct group_waiter *a = JOIN(.rebalance_ms = 5000);
    for (int i = 0; i < 5; i++) { /* someone new each second */
        group_rig_pass(&rig, 999);
        if (a->told)
            break;
        JOIN(.rebalance_ms = 5000);
    }
    group_rig_pass(&rig, 5000);
    ck_assert_int_eq(a->told, 1);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(the_leaders_parts_are_stored_first_and_then_told_to_all)
{
    begin();
    struct group_waiter *a = JOIN(0);
    struct group_waiter *b = JOIN(0);
    group_rig_pass(&rig, 6000);
    ck_assert_int_eq(a->told + b->told, 2);
    struct group_waiter *sb = group_rig_sync(&rig, "m-1", NULL, 1, NULL);
    struct group_waiter *sa =
        group_rig_sync(&rig, "m-0", NULL, 1, "m-0=left m-1=right");
    ck_assert_uint_eq(rig.n_stores, 1);
    ck_assert_int_eq(sa->told + sb->told, 0);
    group_rig_stored(&rig, KAFKA_NONE);
    ck_assert_str_eq(sa->part, "left");
    ck_assert_str_eq(sb->part, "right");
    ck_assert_str_eq(sb->protocol, "range");
    ck_assert_int_eq(rig.group->phase, GROUP_STABLE);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(a_member_the_leader_forgot_gets_an_empty_part)
{
    begin();
    JOIN(0);
    JOIN(0);
    group_rig_pass(&rig, 6000);
    struct group_waiter *sb = group_rig_sync(&rig, "m-1", NULL, 1, NULL);
    group_rig_sync(&rig, "m-0", NULL, 1, "m-0=all stranger=none");
    group_rig_stored(&rig, KAFKA_NONE);
    ck_assert_int_eq(sb->error, KAFKA_NONE);
    ck_assert_str_eq(sb->part, "");
    group_rig_stop(&rig);
}
END_TEST

START_TEST(parts_that_could_not_be_stored_begin_a_new_round)
{
    begin();
    JOIN(0);
    group_rig_pass(&rig, 3000);
    struct group_waiter *s = group_rig_sync(&rig, "m-0", NULL, 1, "m-0=x");
    group_rig_stored(&rig, KAFKA_NOT_COORDINATOR);
    ck_assert_int_eq(s->error, KAFKA_NOT_COORDINATOR);
    ck_assert_int_eq(rig.group->phase, GROUP_PREPARING);
    group_rig_stop(&rig);
}
END_TEST

/* -- protocols ------------------------------------------------------------ */

START_TEST(the_protocol_all_have_and_most_prefer_is_chosen)
{
    begin();
    struct group_waiter *a = JOIN(.protocols = "x range sticky");
    JOIN(.protocols = "sticky range");
    JOIN(.protocols = "sticky range y");
    group_rig_pass(&rig, 6000);
    ck_assert_str_eq(a->protocol, "sticky");
    ck_assert_int_eq(JOIN(.protocols = "x")->error,
                     KAFKA_INCONSISTENT_GROUP_PROTOCOL);
    ck_assert_int_eq(JOIN(.type = "connect")->error,
                     KAFKA_INCONSISTENT_GROUP_PROTOCOL);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(a_protocol_named_twice_counts_once)
{
    begin();
    JOIN(.protocols = "a a b");
    ck_assert_int_eq(JOIN(.protocols = "c c c")->error,
                     KAFKA_INCONSISTENT_GROUP_PROTOCOL);
    struct group_waiter *b = JOIN(.protocols = "b b");
    group_rig_pass(&rig, 6000);
    ck_assert_str_eq(b->protocol, "b");
    group_rig_stop(&rig);
}
END_TEST

START_TEST(an_empty_group_takes_no_member_without_protocols)
{
    begin();
    ck_assert_int_eq(JOIN(.protocols = " ")->error,
                     KAFKA_INCONSISTENT_GROUP_PROTOCOL);
    ck_assert_int_eq(JOIN(.type = "")->error,
                     KAFKA_INCONSISTENT_GROUP_PROTOCOL);
    group_rig_stop(&rig);
}
END_TEST

/* -- rounds --------------------------------------------------------------- */

START_TEST(a_newcomer_begins_a_round_that_ends_when_all_are_back)
{
    begin();
    group_rig_stable(&rig, 2);
    struct group_waiter *c = JOIN(0);
    ck_assert_int_eq(group_rig_beat(&rig, "m-0", 1),
                     KAFKA_REBALANCE_IN_PROGRESS);
    struct group_waiter *a = JOIN(.id = "m-0");
    ck_assert_int_eq(a->told, 0);
    struct group_waiter *b = JOIN(.id = "m-1");
    ck_assert_int_eq(a->generation, 2);
    ck_assert_int_eq(b->generation, 2);
    ck_assert_int_eq(c->generation, 2);
    ck_assert_str_eq(c->leader, "m-0"); /* it came back: it stays leader */
    group_rig_stop(&rig);
}
END_TEST

START_TEST(who_does_not_come_back_in_time_is_out_and_another_leads)
{
    begin();
    group_rig_stable(&rig, 3);
    struct group_waiter *b = JOIN(.id = "m-1", .metadata = "new");
    for (int i = 0; i < 30 && !b->told; i++) {
        group_rig_beat(&rig, "m-0", 1); /* lives, but does not join */
        group_rig_beat(&rig, "m-2", 1);
        group_rig_pass(&rig, 2000);
    }
    ck_assert_int_eq(b->generation, 2);
    ck_assert_str_eq(b->leader, "m-1");
    ck_assert_uint_eq(b->n_members, 1);
    ck_assert_int_eq(group_rig_beat(&rig, "m-0", 1), KAFKA_UNKNOWN_MEMBER_ID);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(a_follower_that_joins_again_unchanged_is_told_the_running_round)
{
    begin();
    group_rig_stable(&rig, 2);
    struct group_waiter *b = JOIN(.id = "m-1");
    ck_assert_int_eq(b->generation, 1);
    ck_assert_int_eq(b->error, KAFKA_NONE);
    ck_assert_int_eq(rig.group->phase, GROUP_STABLE);
    struct group_waiter *s = group_rig_sync(&rig, "m-1", NULL, 1, NULL);
    ck_assert_str_eq(s->part, "p1");
    JOIN(.id = "m-0"); /* the leader means it */
    ck_assert_int_eq(rig.group->phase, GROUP_PREPARING);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(who_waits_for_parts_is_called_back_when_a_round_begins)
{
    begin();
    JOIN(0);
    JOIN(0);
    group_rig_pass(&rig, 6000);
    struct group_waiter *s = group_rig_sync(&rig, "m-1", NULL, 1, NULL);
    JOIN(0);
    ck_assert_int_eq(s->error, KAFKA_REBALANCE_IN_PROGRESS);
    ck_assert_int_eq(group_rig_sync(&rig, "m-0", NULL, 1, NULL)->error,
                     KAFKA_REBALANCE_IN_PROGRESS);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(a_store_of_an_older_round_does_not_make_the_group_stable)
{
    begin();
    JOIN(0);
    group_rig_pass(&rig, 3000);
    group_rig_sync(&rig, "m-0", NULL, 1, "m-0=x");
    JOIN(0);
    JOIN(.id = "m-0");
    ck_assert_int_eq(rig.group->generation, 2);
    group_rig_stored(&rig, KAFKA_NONE);
    ck_assert_int_eq(rig.group->phase, GROUP_COMPLETING);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(a_leader_that_never_syncs_is_removed_with_a_new_round)
{
    begin();
    JOIN(.rebalance_ms = 20000);
    JOIN(.rebalance_ms = 20000);
    group_rig_pass(&rig, 6000);
    struct group_waiter *s = group_rig_sync(&rig, "m-1", NULL, 1, NULL);
    for (int i = 0; i < 10; i++) {
        group_rig_beat(&rig, "m-0", 1); /* it lives */
        group_rig_pass(&rig, 2000);
    }
    ck_assert_int_eq(s->error, KAFKA_REBALANCE_IN_PROGRESS);
    ck_assert_ptr_null(group_member_find(rig.group, BYTES("m-0")));
    struct group_waiter *b = JOIN(.id = "m-1");
    ck_assert_str_eq(b->leader, "m-1");
    group_rig_stop(&rig);
}
END_TEST

START_TEST(two_requests_of_one_member_leave_nobody_waiting_for_ever)
{
    begin();
    group_rig_stable(&rig, 2);
    struct group_waiter *first = JOIN(.id = "m-0");
    struct group_waiter *second = JOIN(.id = "m-0");
    ck_assert_int_eq(first->error, KAFKA_REBALANCE_IN_PROGRESS);
    ck_assert_int_eq(second->told, 0);
    JOIN(.id = "m-1");
    ck_assert_int_eq(second->generation, 2);
    struct group_waiter *s1 = group_rig_sync(&rig, "m-1", NULL, 2, NULL);
    struct group_waiter *s2 = group_rig_sync(&rig, "m-1", NULL, 2, NULL);
    ck_assert_int_eq(s1->error, KAFKA_REBALANCE_IN_PROGRESS);
    ck_assert_int_eq(s2->told, 0);
    group_rig_stop(&rig);
}
END_TEST

/* -- signs of life -------------------------------------------------------- */

START_TEST(heartbeats_are_checked_for_member_generation_and_phase)
{
    begin();
    ck_assert_int_eq(group_rig_beat(&rig, "m-0", 0), KAFKA_UNKNOWN_MEMBER_ID);
    group_rig_stable(&rig, 1);
    ck_assert_int_eq(group_rig_beat(&rig, "m-0", 1), KAFKA_NONE);
    ck_assert_int_eq(group_rig_beat(&rig, "m-0", 0), KAFKA_ILLEGAL_GENERATION);
    ck_assert_int_eq(group_rig_beat(&rig, "other", 1), KAFKA_UNKNOWN_MEMBER_ID);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(a_member_that_is_not_heard_of_is_removed_after_its_session_timeout)
{
    begin();
    group_rig_stable(&rig, 2);
    for (int i = 0; i < 4; i++) {
        group_rig_pass(&rig, 3000);
        ck_assert_int_eq(group_rig_beat(&rig, "m-0", 1),
                         i < 3 ? KAFKA_NONE : KAFKA_REBALANCE_IN_PROGRESS);
    }
    ck_assert_ptr_null(group_member_find(rig.group, BYTES("m-1")));
    ck_assert_int_eq(rig.group->phase, GROUP_PREPARING);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(the_last_member_leaves_an_empty_group_which_is_stored)
{
    begin();
    group_rig_stable(&rig, 1);
    ck_assert_int_eq(group_rig_leave(&rig, "m-0", NULL), KAFKA_NONE);
    ck_assert_int_eq(rig.group->phase, GROUP_EMPTY);
    ck_assert_int_eq(rig.group->generation, 2);
    ck_assert_uint_eq(rig.n_stores, 1);
    ck_assert_int_eq(rig.stores[0]->why, GROUP_STORE_EMPTY);
    ck_assert(bytes_is_null(rig.group->protocol));
    ck_assert_int_eq(group_rig_leave(&rig, "m-0", NULL),
                     KAFKA_UNKNOWN_MEMBER_ID);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(a_new_member_that_waits_too_long_is_told_to_begin_anew)
{
    begin();
    group_rig_stable(&rig, 1);
    struct group_waiter *w = JOIN(.rebalance_ms = 600000);
    for (int i = 0; i < 100 && !w->told; i++) {
        group_rig_beat(&rig, "m-0", 1);
        group_rig_pass(&rig, 5000);
    }
    ck_assert_int_eq(w->error, KAFKA_UNKNOWN_MEMBER_ID);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(a_pending_id_holds_a_round_up_until_it_leaves)
{
    begin();
    group_rig_stable(&rig, 1);
    struct group_waiter *p = JOIN(.id_required = true);
    struct group_waiter *a = JOIN(.id = "m-0");
    ck_assert_int_eq(a->told, 0);
    ck_assert_int_eq(group_rig_leave(&rig, p->member, NULL), KAFKA_NONE);
    ck_assert_int_eq(a->generation, 2);
    group_rig_stop(&rig);
}
END_TEST

/* -- size ----------------------------------------------------------------- */

START_TEST(a_full_group_turns_newcomers_away)
{
    begin();
    rig.env.rules.size_max = 2;
    JOIN(0);
    JOIN(0);
    ck_assert_int_eq(JOIN(0)->error, KAFKA_GROUP_MAX_SIZE_REACHED);
    group_rig_pass(&rig, 6000);
    ck_assert_int_eq(JOIN(0)->error, KAFKA_GROUP_MAX_SIZE_REACHED);
    ck_assert_uint_eq(group_size(rig.group), 2);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(a_round_that_is_full_sheds_who_comes_back_last)
{
    begin();
    group_rig_stable(&rig, 3);
    rig.env.rules.size_max = 2;
    JOIN(.id = "m-0");
    JOIN(.id = "m-1");
    struct group_waiter *c = JOIN(.id = "m-2");
    ck_assert_int_eq(c->error, KAFKA_GROUP_MAX_SIZE_REACHED);
    ck_assert_int_eq(rig.group->phase, GROUP_COMPLETING);
    ck_assert_uint_eq(group_size(rig.group), 2);
    group_rig_stop(&rig);
}
END_TEST

/* -- static members ------------------------------------------------------- */

static void static_stable(void)
{
    begin();
    JOIN(.instance = "one");
    JOIN(.instance = "two");
    group_rig_pass(&rig, 6000);
    group_rig_sync(&rig, "two-1", "two", 1, NULL);
    group_rig_sync(&rig, "one-0", "one", 1, "one-0=left two-1=right");
    group_rig_stored(&rig, KAFKA_NONE);
}

START_TEST(a_static_member_comes_back_without_a_round)
{
    static_stable();
    struct group_waiter *w = JOIN(.instance = "two");
    ck_assert_int_eq(rig.stores[0]->why, GROUP_STORE_STATIC);
    ck_assert_int_eq(w->told, 0);
    group_rig_stored(&rig, KAFKA_NONE);
    ck_assert_int_eq(w->error, KAFKA_NONE);
    ck_assert_int_eq(w->generation, 1);
    ck_assert_str_eq(w->member, "two-2");
    ck_assert_int_eq(rig.group->phase, GROUP_STABLE);
    struct group_waiter *s = group_rig_sync(&rig, "two-2", "two", 1, NULL);
    ck_assert_str_eq(s->part, "right");
    s = group_rig_sync(&rig, "two-1", "two", 1, NULL);
    ck_assert_int_eq(s->error, KAFKA_FENCED_INSTANCE_ID);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(a_static_leader_that_comes_back_does_not_share_out_again)
{
    static_stable();
    struct group_waiter *old = JOIN(.instance = "one");
    group_rig_stored(&rig, KAFKA_NONE);
    ck_assert_str_eq(old->leader, "one-0"); /* not itself */
    ck_assert_uint_eq(old->n_members, 0);
    struct group_waiter *new = JOIN(.instance = "one", .may_skip = true);
    group_rig_stored(&rig, KAFKA_NONE);
    ck_assert_str_eq(new->leader, new->member);
    ck_assert(new->skip);
    ck_assert_uint_eq(new->n_members, 2);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(a_static_member_that_could_not_be_stored_keeps_its_old_id)
{
    static_stable();
    struct group_waiter *w = JOIN(.instance = "two");
    group_rig_stored(&rig, KAFKA_COORDINATOR_NOT_AVAILABLE);
    ck_assert_int_eq(w->error, KAFKA_COORDINATOR_NOT_AVAILABLE);
    ck_assert_ptr_nonnull(group_member_find(rig.group, BYTES("two-1")));
    group_rig_stop(&rig);
}
END_TEST

START_TEST(a_static_member_that_comes_back_during_parts_begins_a_round)
{
    begin();
    JOIN(.instance = "one");
    JOIN(.instance = "two");
    group_rig_pass(&rig, 6000);
    struct group_waiter *s = group_rig_sync(&rig, "two-1", "two", 1, NULL);
    JOIN(.instance = "two");
    ck_assert_int_eq(s->error, KAFKA_FENCED_INSTANCE_ID);
    ck_assert_int_eq(rig.group->phase, GROUP_PREPARING);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(a_static_member_that_waits_is_fenced_by_its_double)
{
    static_stable();
    struct group_waiter *first = JOIN(.id = "one-0", .instance = "one");
    ck_assert_int_eq(first->told, 0);
    struct group_waiter *second = JOIN(.instance = "one");
    ck_assert_int_eq(first->error, KAFKA_FENCED_INSTANCE_ID);
    ck_assert_int_eq(second->told, 0);
    JOIN(.id = "two-1", .instance = "two");
    ck_assert_int_eq(second->generation, 2);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(static_members_outlive_a_round_they_miss_but_not_their_session)
{
    begin();
    JOIN(.instance = "one", .session_ms = 30000, .rebalance_ms = 6000);
    struct group_waiter *b = JOIN(.session_ms = 30000, .rebalance_ms = 6000);
    group_rig_pass(&rig, 6000);
    ck_assert_int_eq(b->generation, 1);
    group_rig_sync(&rig, "m-1", NULL, 1, NULL);
    group_rig_sync(&rig, "one-0", "one", 1, "one-0=x");
    group_rig_stored(&rig, KAFKA_NONE);
    b = JOIN(.id = "m-1", .metadata = "new", .session_ms = 30000,
             .rebalance_ms = 6000);
    group_rig_pass(&rig, 6000);
    ck_assert_int_eq(b->generation, 2);
    ck_assert_ptr_nonnull(group_instance_find(rig.group, BYTES("one")));
    for (int i = 0; i < 30; i++) {
        group_rig_beat(&rig, "m-1", rig.group->generation);
        group_rig_pass(&rig, 1000);
    }
    ck_assert_ptr_null(group_instance_find(rig.group, BYTES("one")));
    group_rig_stop(&rig);
}
END_TEST

START_TEST(an_operator_removes_a_static_member_by_its_instance_id)
{
    static_stable();
    ck_assert_int_eq(group_rig_leave(&rig, "", "two"), KAFKA_NONE);
    ck_assert_int_eq(group_rig_leave(&rig, "", "two"), KAFKA_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(group_rig_leave(&rig, "wrong", "one"),
                     KAFKA_FENCED_INSTANCE_ID);
    ck_assert_int_eq(rig.group->phase, GROUP_PREPARING);
    group_rig_stop(&rig);
}
END_TEST

/* -- commits -------------------------------------------------------------- */

static int16_t may_commit(const char *id, int32_t generation)
{
    return group_commit_check(rig.group, bytes_of(id), BYTES_NULL, generation,
                              &rig.env);
}

START_TEST(commits_are_allowed_by_phase_and_generation)
{
    begin();
    ck_assert_int_eq(may_commit("", -1), KAFKA_NONE); /* simple consumers */
    ck_assert_int_eq(may_commit("m-0", 1), KAFKA_UNKNOWN_MEMBER_ID);
    group_rig_stable(&rig, 1);
    ck_assert_int_eq(may_commit("", -1), KAFKA_UNKNOWN_MEMBER_ID);
    ck_assert_int_eq(may_commit("m-0", 1), KAFKA_NONE);
    ck_assert_int_eq(may_commit("m-0", 2), KAFKA_ILLEGAL_GENERATION);
    JOIN(0);
    ck_assert_int_eq(may_commit("m-0", 1), KAFKA_NONE); /* before it joins */
    JOIN(.id = "m-0");
    ck_assert_int_eq(may_commit("m-0", 2), KAFKA_REBALANCE_IN_PROGRESS);
    group_rig_stop(&rig);
}
END_TEST

/* -- unloading and loading ------------------------------------------------ */

START_TEST(unloading_sends_everybody_to_look_for_the_coordinator)
{
    begin();
    group_rig_stable(&rig, 2);
    struct group_waiter *a = JOIN(.id = "m-0");
    group_unload(rig.group, &rig.env);
    ck_assert_int_eq(a->error, KAFKA_NOT_COORDINATOR);
    ck_assert_int_eq(group_rig_beat(&rig, "m-0", 1),
                     KAFKA_COORDINATOR_NOT_AVAILABLE);
    ck_assert_int_eq(JOIN(0)->error, KAFKA_COORDINATOR_NOT_AVAILABLE);
    ck_assert_int_eq(may_commit("", -1), KAFKA_COORDINATOR_NOT_AVAILABLE);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(a_loaded_group_expects_its_members_from_then_on)
{
    const struct group_protocol p = { BYTES("range"), BYTES("") };
    const struct group_member_spec spec = {
        .id = BYTES("m-7"),
        .client_id = BYTES("c"),
        .client_host = BYTES("/h"),
        .protocols = &p,
        .n_protocols = 1,
        .session_ms = 10000,
        .rebalance_ms = 60000,
    };
    struct group_member *m = group_member_new(&spec);

    begin();
    group_restore(rig.group, 41, BYTES("consumer"), BYTES("range"), 17);
    ck_assert(group_restore_member(rig.group, m));
    ck_assert(!group_restore_member(rig.group, m));
    group_restored(rig.group, BYTES("m-7"), &rig.env);
    group_check(rig.group);
    ck_assert_int_eq(rig.group->phase, GROUP_STABLE);
    ck_assert_int_eq(group_rig_beat(&rig, "m-7", 41), KAFKA_NONE);
    group_rig_pass(&rig, 10000);
    ck_assert_int_eq(rig.group->phase, GROUP_EMPTY);
    ck_assert_int_eq(rig.group->generation, 42);
    group_rig_stop(&rig);
}
END_TEST

UNIT_MAIN("group_state", a_new_member_is_given_an_id_and_comes_again_with_it,
          an_id_that_is_not_used_is_forgotten_after_the_session_timeout,
          the_first_round_waits_and_each_newcomer_lets_it_wait_again,
          the_first_round_waits_no_longer_than_the_rebalance_timeout,
          the_leaders_parts_are_stored_first_and_then_told_to_all,
          a_member_the_leader_forgot_gets_an_empty_part,
          parts_that_could_not_be_stored_begin_a_new_round,
          the_protocol_all_have_and_most_prefer_is_chosen,
          a_protocol_named_twice_counts_once,
          an_empty_group_takes_no_member_without_protocols,
          a_newcomer_begins_a_round_that_ends_when_all_are_back,
          who_does_not_come_back_in_time_is_out_and_another_leads,
          a_follower_that_joins_again_unchanged_is_told_the_running_round,
          who_waits_for_parts_is_called_back_when_a_round_begins,
          a_store_of_an_older_round_does_not_make_the_group_stable,
          a_leader_that_never_syncs_is_removed_with_a_new_round,
          two_requests_of_one_member_leave_nobody_waiting_for_ever,
          heartbeats_are_checked_for_member_generation_and_phase,
          a_member_that_is_not_heard_of_is_removed_after_its_session_timeout,
          the_last_member_leaves_an_empty_group_which_is_stored,
          a_new_member_that_waits_too_long_is_told_to_begin_anew,
          a_pending_id_holds_a_round_up_until_it_leaves,
          a_full_group_turns_newcomers_away,
          a_round_that_is_full_sheds_who_comes_back_last,
          a_static_member_comes_back_without_a_round,
          a_static_leader_that_comes_back_does_not_share_out_again,
          a_static_member_that_could_not_be_stored_keeps_its_old_id,
          a_static_member_that_comes_back_during_parts_begins_a_round,
          a_static_member_that_waits_is_fenced_by_its_double,
          static_members_outlive_a_round_they_miss_but_not_their_session,
          an_operator_removes_a_static_member_by_its_instance_id,
          commits_are_allowed_by_phase_and_generation,
          unloading_sends_everybody_to_look_for_the_coordinator,
          a_loaded_group_expects_its_members_from_then_on)
