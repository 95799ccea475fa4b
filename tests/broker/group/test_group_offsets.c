/* test_group_offsets.c - the table of offsets, records, hashes, subscriptions.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "group/group.h"
#include "group/group_offsets.h"
#include "group/group_record.h"
#include "group/group_topics.h"
#include "tests/support/group_rig.h"
#include "tests/support/unit.h"
#include "wire/errors.h"

static struct group_commit commit_of(int64_t offset, const char *metadata)
{
    return (struct group_commit){ offset, -1, bytes_of(metadata), 1000, -1 };
}

/* -- the table ------------------------------------------------------------ */

START_TEST(what_lies_further_behind_in_the_log_wins_in_either_order)
{
    struct group_offsets offsets = { 0 };
    struct group_commit a = commit_of(10, "a"), b = commit_of(20, "");

    group_offsets_expect(&offsets, BYTES("t"), 0);
    group_offsets_expect(&offsets, BYTES("t"), 0);
    ck_assert_uint_eq(offsets.n_committed, 0);
    group_offsets_ended(&offsets, BYTES("t"), 0, &b, 6);
    group_offsets_ended(&offsets, BYTES("t"), 0, &a, 5);
    struct group_offset *o = group_offsets_find(&offsets, BYTES("t"), 0);
    ck_assert_int_eq(o->offset, 20);
    ck_assert_uint_eq(o->pending, 0);
    ck_assert_uint_eq(offsets.n_committed, 1);
    group_offsets_fini(&offsets);
}
END_TEST

START_TEST(a_commit_that_failed_leaves_nothing_behind)
{
    struct group_offsets offsets = { 0 };
    struct group_commit a = commit_of(10, "a");

    group_offsets_expect(&offsets, BYTES("t"), 3);
    group_offsets_ended(&offsets, BYTES("t"), 3, &a, GROUP_OFFSET_NONE);
    ck_assert_uint_eq(offsets.n_entries, 0);
    ck_assert_uint_eq(offsets.n, 0);
    group_offsets_fini(&offsets);
}
END_TEST

START_TEST(metadata_and_expiry_come_and_go_with_the_commits)
{
    struct group_offsets offsets = { 0 };
    struct group_commit c = commit_of(1, "some words");

    c.expire_ms = 77;
    ck_assert_err(group_offsets_put(&offsets, BYTES("t"), 0, &c, 1), ERR_OK);
    struct group_offset *o = group_offsets_find(&offsets, BYTES("t"), 0);
    ck_assert_bytes(group_offset_metadata(o), BYTES("some words"));
    ck_assert_int_eq(group_offset_expire_ms(o), 77);
    c = commit_of(2, "");
    ck_assert_err(group_offsets_put(&offsets, BYTES("t"), 0, &c, 2), ERR_OK);
    o = group_offsets_find(&offsets, BYTES("t"), 0);
    ck_assert_bytes(group_offset_metadata(o), BYTES(""));
    ck_assert_int_eq(group_offset_expire_ms(o), -1);
    group_offsets_fini(&offsets);
}
END_TEST

START_TEST(a_table_agrees_with_a_plain_list_after_random_changes)
{
    enum { TOPICS = 5, PARTITIONS = 40 };
    int64_t plain[TOPICS][PARTITIONS];
    struct group_offsets offsets = { 0 };
    size_t count = 0;

    memset(plain, -1, sizeof plain);
    srand(4711);
    for (int i = 0; i < 20000; i++) {
        int t = rand() % TOPICS, p = rand() % PARTITIONS;
        char name[8];

        snprintf(name, sizeof name, "t%d", t);
        if (rand() % 3) {
            struct group_commit c = commit_of(i, rand() % 2 ? "x" : "");
            ck_assert_err(group_offsets_put(&offsets, bytes_of(name), p, &c, i),
                          ERR_OK);
            count += plain[t][p] < 0;
            plain[t][p] = i;
        } else {
            bool had = group_offsets_remove(&offsets, bytes_of(name), p);
            ck_assert(had == (plain[t][p] >= 0));
            count -= had;
            plain[t][p] = -1;
        }
        ck_assert_uint_eq(offsets.n_committed, count);
        int ft = rand() % TOPICS, fp = rand() % PARTITIONS;
        snprintf(name, sizeof name, "t%d", ft);
        struct group_offset *o =
            group_offsets_find(&offsets, bytes_of(name), fp);
        ck_assert_int_eq(o ? o->offset : -1, plain[ft][fp]);
    }
    group_offsets_fini(&offsets);
}
END_TEST

START_TEST(a_transactions_offsets_count_when_it_commits_and_not_when_it_aborts)
{
    struct group_offsets offsets = { 0 };
    struct group_commit c = commit_of(9, "m");
    struct list txns;

    list_init(&txns);
    for (int64_t producer = 1; producer <= 2; producer++)
        ck_assert_err(
            group_offsets_put(&group_txn_get(&txns, producer)->offsets,
                              BYTES("t"), (int32_t)producer, &c, 3),
            ERR_OK);
    group_txn_end(&txns, &offsets, 1, true);
    group_txn_end(&txns, &offsets, 2, false);
    ck_assert(list_is_empty(&txns));
    ck_assert_int_eq(group_offsets_find(&offsets, BYTES("t"), 1)->offset, 9);
    ck_assert_ptr_null(group_offsets_find(&offsets, BYTES("t"), 2));
    group_offsets_fini(&offsets);
}
END_TEST

START_TEST(offsets_are_unstable_while_a_commit_or_a_transaction_is_open)
{
    struct group_offsets offsets = { 0 };
    struct group_commit c = commit_of(9, "m");
    struct list txns;

    list_init(&txns);
    ck_assert_err(group_offsets_put(&offsets, BYTES("t"), 0, &c, 1), ERR_OK);
    ck_assert(!group_offsets_unstable(&offsets, &txns, BYTES("t"), 0));
    for (int64_t producer = 1; producer <= 2; producer++)
        ck_assert_err(
            group_offsets_put(&group_txn_get(&txns, producer)->offsets,
                              BYTES("t"), 0, &c, 1 + producer),
            ERR_OK);
    ck_assert(group_offsets_unstable(&offsets, &txns, BYTES("t"), 0));
    ck_assert(!group_offsets_unstable(&offsets, &txns, BYTES("t"), 1));
    ck_assert(!group_offsets_unstable(&offsets, &txns, BYTES("u"), 0));
    group_txn_end(&txns, &offsets, 1, false);
    ck_assert(group_offsets_unstable(&offsets, &txns, BYTES("t"), 0));
    group_txn_end(&txns, &offsets, 2, true);
    ck_assert(!group_offsets_unstable(&offsets, &txns, BYTES("t"), 0));

    group_offsets_expect(&offsets, BYTES("t"), 0);
    group_offsets_expect(&offsets, BYTES("t"), 0);
    group_offsets_ended(&offsets, BYTES("t"), 0, &c, 9);
    ck_assert(group_offsets_unstable(&offsets, &txns, BYTES("t"), 0));
    group_offsets_ended(&offsets, BYTES("t"), 0, &c, GROUP_OFFSET_NONE);
    ck_assert(!group_offsets_unstable(&offsets, &txns, BYTES("t"), 0));
    group_offsets_fini(&offsets);
}
END_TEST

/* -- where groups belong -------------------------------------------------- */

START_TEST(hashes_are_javas)
{
    ck_assert_int_eq(group_hash(BYTES("")), 0);
    ck_assert_int_eq(group_hash(BYTES("hello")), 99162322);
    ck_assert_int_eq(group_hash(BYTES("polygenelubricants")), INT32_MIN);
    ck_assert_int_eq(group_partition(BYTES("polygenelubricants"), 50), 0);
    ck_assert_int_eq(group_hash(BYTES("\xc3\xa4")), 0xe4);
    ck_assert_int_eq(group_hash(BYTES("\xe2\x82\xac")), 0x20ac);
    /* U+1F600 is D83D DE00 */
    ck_assert_int_eq(group_hash(BYTES("\xf0\x9f\x98\x80")),
                     31 * 0xd83d + 0xde00);
    ck_assert_int_eq(group_hash(BYTES("\xff")), 0xfffd);
}
END_TEST

/* -- records -------------------------------------------------------------- */

static struct batch_record only_record(struct group_batch *batch,
                                       struct batch_reader *reader)
{
    struct batch_record record;

    ck_assert_err(group_batch_finish(batch), ERR_OK);
    ck_assert_err(
        batch_reader_start(
            reader, bytes_make(batch->bytes.data, batch->bytes.len), 1 << 20),
        ERR_OK);
    ck_assert_err(batch_reader_next(reader, &record), ERR_OK);
    return record;
}

static void check_commit(int ibp, int64_t expire_ms, int version)
{
    struct group_commit c = commit_of(123, "meta"), back;
    struct group_record_key key;
    struct batch_reader reader;
    struct group_batch batch;

    c.leader_epoch = 7;
    c.expire_ms = expire_ms;
    batch_reader_init(&reader);
    group_batch_start(&batch, CODEC_NONE, ibp, 5000);
    group_batch_offset(&batch, BYTES("g"), BYTES("t"), 4, &c);
    struct batch_record record = only_record(&batch, &reader);
    ck_assert_int_eq(record.timestamp, 5000);
    ck_assert_int_eq(record.value.at[1], version);
    ck_assert_err(group_record_key_read(record.key, &key), ERR_OK);
    ck_assert_int_eq(key.kind, GROUP_RECORD_OFFSET);
    ck_assert_bytes(key.group, BYTES("g"));
    ck_assert_bytes(key.topic, BYTES("t"));
    ck_assert_int_eq(key.partition, 4);
    ck_assert_err(group_record_commit_read(record.value, &back), ERR_OK);
    ck_assert_int_eq(back.offset, 123);
    ck_assert_bytes(back.metadata, BYTES("meta"));
    ck_assert_int_eq(back.leader_epoch, version == 3 ? 7 : -1);
    ck_assert_int_eq(back.expire_ms, version == 1 ? expire_ms : -1);
    batch_reader_fini(&reader);
    group_batch_fini(&batch);
}

START_TEST(commits_are_written_in_the_version_that_the_cluster_reads)
{
    check_commit(30704, -1, 3);
    check_commit(30704, 99, 1); /* an expiry has a place in version 1 only */
    check_commit(20100, -1, 2);
    check_commit(20005, -1, 1);
}
END_TEST

START_TEST(a_commit_has_kafkas_bytes)
{
    static const uint8_t key[] = { 0, 1, 0, 1, 'g', 0, 1, 't', 0, 0, 0, 4 };
    static const uint8_t value[] = { 0, 3, 0,   0,    0,    0,    0,
                                     0, 0, 123, 0xff, 0xff, 0xff, 0xff,
                                     0, 1, 'm', 0,    0,    0,    0,
                                     0, 0, 3,   0xe8 };
    struct group_commit c = commit_of(123, "m");
    struct batch_reader reader;
    struct group_batch batch;

    batch_reader_init(&reader);
    group_batch_start(&batch, CODEC_NONE, 30704, 5000);
    group_batch_offset(&batch, BYTES("g"), BYTES("t"), 4, &c);
    struct batch_record record = only_record(&batch, &reader);
    ck_assert_bytes(record.key, bytes_make(key, sizeof key));
    ck_assert_bytes(record.value, bytes_make(value, sizeof value));
    batch_reader_fini(&reader);
    group_batch_fini(&batch);
}
END_TEST

START_TEST(a_group_is_read_back_as_it_was_written)
{
    struct wire_group_metadata_value value;
    struct group_record_key key;
    struct batch_reader reader;
    struct group_batch batch;
    struct group_rig rig;
    struct arena arena;
    struct group_store store = { .why = GROUP_STORE_STATIC };

    group_rig_start(&rig);
    group_rig_stable(&rig, 3);
    arena_init(&arena, 1 << 20);
    batch_reader_init(&reader);
    group_batch_start(&batch, CODEC_NONE, 30704, 5000);
    group_batch_group(&batch, rig.group, &store);
    struct batch_record record = only_record(&batch, &reader);
    ck_assert_err(group_record_key_read(record.key, &key), ERR_OK);
    ck_assert_int_eq(key.kind, GROUP_RECORD_GROUP);
    ck_assert_bytes(key.group, BYTES("g"));
    ck_assert_err(group_record_group_read(record.value, &arena, &value),
                  ERR_OK);
    ck_assert_int_eq(value.generation, 1);
    ck_assert_bytes(value.protocol_type, BYTES("consumer"));
    ck_assert_bytes(value.protocol, BYTES("range"));
    ck_assert_bytes(value.leader, BYTES("m-0"));
    ck_assert_uint_eq(value.n_members, 3);
    ck_assert_bytes(value.members[2].member_id, BYTES("m-2"));
    ck_assert_bytes(value.members[2].assignment, BYTES("p2"));
    ck_assert_bytes(value.members[2].client_host, BYTES("/127.0.0.1"));
    ck_assert_int_eq(value.members[2].session_timeout, 10000);
    arena_fini(&arena);
    batch_reader_fini(&reader);
    group_batch_fini(&batch);
    group_rig_stop(&rig);
}
END_TEST

START_TEST(keys_of_later_coordinators_are_told_apart_and_short_ones_refused)
{
    struct group_record_key key;
    struct group_commit c;
    const uint8_t newer[] = { 0, 3, 0, 1, 'g' };
    const uint8_t cut[] = { 0, 1, 0, 9, 'g' };

    ck_assert_err(group_record_key_read(bytes_make(newer, sizeof newer), &key),
                  ERR_OK);
    ck_assert_int_eq(key.kind, GROUP_RECORD_OTHER);
    ck_assert_err(group_record_key_read(bytes_make(cut, sizeof cut), &key),
                  ERR_SHORT);
    ck_assert_err(group_record_key_read(bytes_make(cut, 1), &key), ERR_SHORT);
    ck_assert_err(group_record_commit_read(bytes_make("\0\x9", 2), &c),
                  ERR_VERSION);
}
END_TEST

START_TEST(a_commit_that_expired_before_1970_is_over_and_not_without_expiry)
{
    static const uint8_t value[] = { 0,    1,    0,    0,    0,    0,    0,
                                     0,    0,    9,    0,    0,    0,    0,
                                     0,    0,    0,    0,    0,    5,    0xff,
                                     0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe };
    struct group_commit c;

    ck_assert_err(group_record_commit_read(bytes_make(value, sizeof value), &c),
                  ERR_OK);
    ck_assert_int_eq(c.offset, 9);
    ck_assert_int_eq(c.commit_ms, 5);
    ck_assert_int_eq(c.expire_ms, 0);
}
END_TEST

/* -- expiry --------------------------------------------------------------- */

static bool expired(struct group *group, const char *topic, int64_t now_ms)
{
    struct group_topic *t =
        group_offsets_topic(&group->offsets, bytes_of(topic));

    return group_offset_expired(group, group_mark_asked(group, &group->offsets),
                                t, &t->of[0], now_ms, 1000);
}

static void put(struct group *group, const char *topic, int64_t commit_ms,
                int64_t expire_ms)
{
    const struct group_commit c = { 1, -1, BYTES(""), commit_ms, expire_ms };

    ck_assert_err(group_offsets_put(&group->offsets, bytes_of(topic), 0, &c, 1),
                  ERR_OK);
}

START_TEST(offsets_without_a_group_protocol_expire_from_their_commit_on)
{
    struct group *group = group_new(BYTES("g"), 0);

    put(group, "t", 5000, -1);
    ck_assert(!expired(group, "t", 5999));
    ck_assert(expired(group, "t", 6000));
    group_offsets_expect(&group->offsets, BYTES("t"), 0);
    ck_assert(!expired(group, "t", 9000)); /* a new one is on its way */
    put(group, "asked", 5000, 5100);
    ck_assert(!expired(group, "asked", 5099));
    ck_assert(expired(group, "asked", 5100));
    group_unref(&group);
}
END_TEST

START_TEST(offsets_of_an_empty_group_expire_from_its_emptiness_on)
{
    struct group *group = group_new(BYTES("g"), 0);

    group_restore(group, 3, BYTES("consumer"), BYTES_NULL, 7000);
    put(group, "t", 100, -1);
    ck_assert(!expired(group, "t", 7999));
    ck_assert(expired(group, "t", 8000));
    group_restore(group, 3, BYTES("consumer"), BYTES_NULL, -1);
    ck_assert(
        expired(group, "t", 1100)); /* from before that was written down */
    group_unref(&group);
}
END_TEST

/* Version 0: the topic "a", no user's data. */
static const uint8_t wants_a[] = { 0, 0, 0, 0, 0, 1, 0, 1, 'a', 0, 0, 0, 0 };

static struct rig_join joins(const char *id, const char *type)
{
    return (struct rig_join){ .id = id,
                              .type = type,
                              .raw = bytes_make(wants_a, sizeof wants_a) };
}

/* "m-0" alone, STABLE, and four offsets from long ago. */
static void start_stable(struct group_rig *rig, const struct rig_join *join)
{
    group_rig_start(rig);
    group_rig_join(rig, join);
    while (rig->group->phase != GROUP_COMPLETING)
        group_rig_pass(rig, 1000);
    group_rig_sync(rig, "m-0", NULL, rig->group->generation, "m-0=p");
    group_rig_stored(rig, KAFKA_NONE);
    ck_assert_int_eq(rig->group->phase, GROUP_STABLE);
    put(rig->group, "a", 100, -1);
    put(rig->group, "b", 100, -1);
    put(rig->group, "a-until", 100, 5000);
    put(rig->group, "b-until", 100, 5000);
}

static bool none_expired(struct group *group, int64_t now_ms)
{
    return !expired(group, "a", now_ms) && !expired(group, "b", now_ms) &&
           !expired(group, "a-until", now_ms) &&
           !expired(group, "b-until", now_ms);
}

START_TEST(offsets_of_topics_that_members_ask_for_do_not_expire)
{
    const struct rig_join join = joins(NULL, NULL);
    struct group_rig rig;

    start_stable(&rig, &join);
    ck_assert(!expired(rig.group, "a", INT64_MAX));
    ck_assert(!expired(rig.group, "b", 1099));
    ck_assert(expired(rig.group, "b", 1100));
    ck_assert(!expired(rig.group, "b-until", 4999));
    ck_assert(expired(rig.group, "b-until", 5000));
    put(rig.group, "a", 100, 5000); /* an expiry of its own helps nothing */
    ck_assert(!expired(rig.group, "a", INT64_MAX));
    group_offsets_expect(&rig.group->offsets, BYTES("b"), 0);
    ck_assert(!expired(rig.group, "b", INT64_MAX));
    group_rig_stop(&rig);
}
END_TEST

START_TEST(offsets_do_not_expire_when_nobody_knows_what_members_ask_for)
{
    struct rig_join connect = joins(NULL, "connect");
    struct rig_join torn = joins(NULL, NULL);
    struct group_rig rig;

    start_stable(&rig, &connect);
    ck_assert(none_expired(rig.group, INT64_MAX));
    group_rig_stop(&rig);
    torn.raw.len -= 1; /* the user's data is cut off */
    start_stable(&rig, &torn);
    ck_assert(none_expired(rig.group, INT64_MAX));
    group_rig_stop(&rig);
}
END_TEST

START_TEST(offsets_do_not_expire_during_a_round)
{
    const struct rig_join join = joins(NULL, NULL), back = joins("m-0", NULL);
    struct group_rig rig;

    start_stable(&rig, &join);
    group_rig_join(&rig, &join);
    ck_assert_int_eq(rig.group->phase, GROUP_PREPARING);
    ck_assert(none_expired(rig.group, INT64_MAX));
    group_rig_join(&rig, &back);
    ck_assert_int_eq(rig.group->phase, GROUP_COMPLETING);
    ck_assert(none_expired(rig.group, INT64_MAX));
    group_rig_stop(&rig);
}
END_TEST

START_TEST(when_the_last_member_has_gone_the_clock_begins_anew_for_all_offsets)
{
    const struct rig_join join = joins(NULL, NULL);
    struct group_rig rig;
    int64_t left_ms;

    start_stable(&rig, &join);
    group_rig_pass(&rig, 5000);
    left_ms = rig.env.wall_ms;
    ck_assert_int_eq(group_rig_leave(&rig, "m-0", NULL), KAFKA_NONE);
    ck_assert_int_eq(rig.group->phase, GROUP_EMPTY);
    put(rig.group, "late", left_ms + 900, -1);
    ck_assert(!expired(rig.group, "a", left_ms + 999));
    ck_assert(expired(rig.group, "a", left_ms + 1000));
    ck_assert(expired(rig.group, "b", left_ms + 1000));
    ck_assert(expired(rig.group, "late", left_ms + 1000));
    ck_assert(expired(rig.group, "a-until", 5000));
    group_rig_stop(&rig);
}
END_TEST

START_TEST(a_dead_groups_offsets_do_not_expire)
{
    const struct rig_join join = joins(NULL, NULL);
    struct group_rig rig;

    start_stable(&rig, &join);
    group_unload(rig.group, &rig.env);
    ck_assert_int_eq(rig.group->phase, GROUP_DEAD);
    ck_assert(none_expired(rig.group, INT64_MAX));
    group_rig_stop(&rig);
}
END_TEST

START_TEST(absurd_times_of_commits_are_judged_like_others)
{
    struct group *group = group_new(BYTES("g"), 0);

    put(group, "first", INT64_MIN, -1);
    ck_assert(expired(group, "first", 1));
    put(group, "last", INT64_MAX, -1);
    ck_assert(!expired(group, "last", 1700000000000));
    put(group, "for ever", 0, INT64_MAX);
    ck_assert(!expired(group, "for ever", 1700000000000));
    group_unref(&group);
}
END_TEST

/* -- subscriptions -------------------------------------------------------- */

/* 1: it does; -1: it cannot be read. */
static int names(struct bytes metadata, const char *topic)
{
    struct group_offsets topics = { 0 };
    int found;

    group_offsets_expect(&topics, bytes_of(topic), 0);
    found = group_subscription_mark(metadata, &topics) == ERR_OK
                ? topics.topics[0]->asked
                : -1;
    group_offsets_fini(&topics);
    return found;
}

START_TEST(a_subscription_names_its_topics_in_every_version)
{
    const uint8_t v1[] = { 0,   1,   0,    0,    0,    2,    0, 1, 'a', 0, 2,
                           'b', 'b', 0xff, 0xff, 0xff, 0xff, 0, 0, 0,   0 };
    struct bytes metadata = bytes_make(v1, sizeof v1);

    ck_assert_int_eq(names(metadata, "bb"), 1);
    ck_assert_int_eq(names(metadata, "b"), 0);
    for (size_t n = 0; n < sizeof v1 - 4; n++) /* up to the user's data */
        ck_assert_int_eq(names(bytes_make(v1, n), "bb"), -1);
}
END_TEST

START_TEST(a_subscription_cannot_claim_more_topics_than_it_has_bytes)
{
    const uint8_t claim[] = { 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 1, 'a' };
    const uint8_t negative[] = { 0, 0, 0xff, 0xff, 0xff, 0xff };
    ck_assert_int_eq(names(bytes_make(claim, sizeof claim), "a"), -1);
    ck_assert_int_eq(names(bytes_make(negative, sizeof negative), "a"), -1);
    for (size_t n = 0; n < 9; n++)
        ck_assert_int_eq(names(bytes_make(claim, n), "a"), -1);
}
END_TEST

UNIT_MAIN("group_offsets",
          what_lies_further_behind_in_the_log_wins_in_either_order,
          a_commit_that_failed_leaves_nothing_behind,
          metadata_and_expiry_come_and_go_with_the_commits,
          a_table_agrees_with_a_plain_list_after_random_changes,
          a_transactions_offsets_count_when_it_commits_and_not_when_it_aborts,
          offsets_are_unstable_while_a_commit_or_a_transaction_is_open,
          hashes_are_javas,
          commits_are_written_in_the_version_that_the_cluster_reads,
          a_commit_has_kafkas_bytes, a_group_is_read_back_as_it_was_written,
          keys_of_later_coordinators_are_told_apart_and_short_ones_refused,
          offsets_without_a_group_protocol_expire_from_their_commit_on,
          offsets_of_an_empty_group_expire_from_its_emptiness_on,
          a_commit_that_expired_before_1970_is_over_and_not_without_expiry,
          offsets_of_topics_that_members_ask_for_do_not_expire,
          offsets_do_not_expire_when_nobody_knows_what_members_ask_for,
          offsets_do_not_expire_during_a_round,
          when_the_last_member_has_gone_the_clock_begins_anew_for_all_offsets,
          a_dead_groups_offsets_do_not_expire,
          absurd_times_of_commits_are_judged_like_others,
          a_subscription_names_its_topics_in_every_version,
          a_subscription_cannot_claim_more_topics_than_it_has_bytes)
