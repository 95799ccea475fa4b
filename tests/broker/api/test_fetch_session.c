/* test_fetch_session.c - what sessions remember, and who may push out whom. */
#include "api/fetch_session.h"

#include "tests/support/unit.h"
#include "wire/errors.h"

static struct arena arena;

/* Ids whose first byte is odd have a name. */
static struct bytes name_of(void *context, struct uuid id, struct arena *a)
{
    (void)context;
    return id.b[0] % 2 ? arena_format(a, "topic-%d", id.b[0]) : BYTES_NULL;
}

/* A request for partitions 0 .. n-1 of topic "t" (from version 13 on: of id 1).
 */
static struct wire_fetch_request ask(int32_t session, int32_t epoch, int32_t n)
{
    struct wire_fetch_request q;

    wire_fetch_request_init(&q);
    q.session_id = session;
    q.session_epoch = epoch;
    q.topics = arena_array(&arena, 1, sizeof *q.topics);
    q.topics->topic = BYTES("t");
    q.topics->topic_id.b[0] = 1;
    q.topics->partitions =
        arena_array(&arena, (size_t)n, sizeof *q.topics->partitions);
    q.topics->n_partitions = (size_t)n;
    for (int32_t i = 0; i < n; i++) {
        wire_fetch_request_topics_partitions_init(&q.topics->partitions[i]);
        q.topics->partitions[i].partition = i;
        q.topics->partitions[i].fetch_offset = 100 + i;
    }
    q.n_topics = n > 0;
    return q;
}

static void forget(struct wire_fetch_request *q, int32_t partition)
{
    q->forgotten_topics_data =
        arena_array(&arena, 1, sizeof *q->forgotten_topics_data);
    q->forgotten_topics_data->topic = BYTES("t");
    q->forgotten_topics_data->topic_id.b[0] = 1;
    q->forgotten_topics_data->partitions = arena_array(&arena, 1, 4);
    q->forgotten_topics_data->partitions[0] = partition;
    q->forgotten_topics_data->n_partitions = 1;
    q->n_forgotten_topics_data = 1;
}

static struct fetch_context open_at(struct fetch_sessions *s,
                                    const struct wire_fetch_request *q,
                                    int16_t version, bool follower, int64_t now)
{
    struct fetch_context c;

    ck_assert_err(fetch_context_open(s, q, version, follower, name_of, NULL,
                                     &arena, now, &c),
                  ERR_OK);
    return c;
}

static bool included[64];

/* Answer with high watermark `high` everywhere, records in partition `with`. */
static int32_t answer_at(struct fetch_sessions *s, struct fetch_context *c,
                         int64_t high, int with, int64_t now, int16_t *error)
{
    struct fetch_told told[64] = { { 0 } };
    int32_t id;

    for (size_t i = 0; i < c->n_wants; i++) {
        told[i].high_watermark = high;
        told[i].has_records = c->wants[i].partition == with;
    }
    fetch_context_answer(s, c, told, included, now, error, &id);
    fetch_context_close(c);
    return id;
}

/* A full request of `n` partitions, answered; gives the session's id. */
static int32_t start(struct fetch_sessions *s, int32_t n, bool follower,
                     int64_t now)
{
    struct wire_fetch_request q = ask(0, 0, n);
    struct fetch_context c = open_at(s, &q, 12, follower, now);
    int16_t error;
    int32_t id = answer_at(s, &c, 5, -1, now, &error);

    ck_assert_int_eq(error, KAFKA_NONE);
    return id;
}

static void setup(void)
{
    arena_init(&arena, 1 << 24);
}

START_TEST(a_request_without_session_is_answered_whole)
{
    struct fetch_sessions *s;
    struct wire_fetch_request q;
    struct fetch_context c;
    int16_t error;

    setup();
    s = fetch_sessions_new(10);
    q = ask(0, -1, 3);
    c = open_at(s, &q, 12, false, 0);
    ck_assert_int_eq(c.kind, FETCH_SESSIONLESS);
    ck_assert_uint_eq(c.n_wants, 3);
    ck_assert_int_eq(c.wants[2].offset, 102);
    ck_assert_int_eq(answer_at(s, &c, 5, -1, 0, &error), 0);
    ck_assert(included[0] && included[1] && included[2]);
    ck_assert_uint_eq(fetch_sessions_count(s), 0);
    fetch_sessions_free(&s);
    arena_fini(&arena);
}
END_TEST

START_TEST(an_incremental_answer_tells_only_what_changed)
{
    struct fetch_sessions *s;
    struct wire_fetch_request q;
    struct fetch_context c;
    int16_t error;
    int32_t id;

    setup();
    s = fetch_sessions_new(10);
    id = start(s, 3, false, 0);
    ck_assert_int_gt(id, 0);
    /* nothing new */
    q = ask(id, 1, 0);
    c = open_at(s, &q, 12, false, 1);
    ck_assert_int_eq(c.kind, FETCH_INCREMENTAL);
    ck_assert_uint_eq(c.n_wants, 3);
    ck_assert_bytes(c.wants[0].topic, BYTES("t"));
    ck_assert_int_eq(answer_at(s, &c, 5, -1, 1, &error), id);
    ck_assert(!included[0] && !included[1] && !included[2]);
    /* records in partition 0, which goes last then */
    q = ask(id, 2, 0);
    c = open_at(s, &q, 12, false, 2);
    answer_at(s, &c, 5, 0, 2, &error);
    ck_assert(included[0] && !included[1] && !included[2]);
    q = ask(id, 3, 0);
    c = open_at(s, &q, 12, false, 3);
    ck_assert_int_eq(c.wants[0].partition, 1);
    ck_assert_int_eq(c.wants[2].partition, 0);
    /* a new high watermark everywhere */
    answer_at(s, &c, 6, -1, 3, &error);
    ck_assert(included[0] && included[1] && included[2]);
    fetch_sessions_free(&s);
    arena_fini(&arena);
}
END_TEST

START_TEST(a_session_takes_in_changes_and_forgets)
{
    struct fetch_sessions *s;
    struct wire_fetch_request q;
    struct fetch_context c;
    int16_t error;
    int32_t id;

    setup();
    s = fetch_sessions_new(10);
    id = start(s, 2, false, 0);
    q = ask(id, 1, 3);
    q.topics->partitions[0].fetch_offset = 500;
    forget(&q, 1);
    c = open_at(s, &q, 12, false, 1);
    ck_assert_uint_eq(c.n_wants, 2); /* 0 and the new 2 */
    ck_assert_int_eq(c.wants[0].offset, 500);
    ck_assert_int_eq(c.wants[1].partition, 2);
    answer_at(s, &c, 5, -1, 1, &error);
    /* forgetting all closes it */
    q = ask(id, 2, 0);
    forget(&q, 0);
    c = open_at(s, &q, 12, false, 2);
    ck_assert_int_eq(c.kind, FETCH_INCREMENTAL);
    answer_at(s, &c, 5, -1, 2, &error);
    q = ask(id, 3, 0);
    forget(&q, 2);
    c = open_at(s, &q, 12, false, 3);
    ck_assert_int_eq(c.kind, FETCH_SESSIONLESS);
    ck_assert_int_eq(answer_at(s, &c, 5, -1, 3, &error), 0);
    ck_assert_uint_eq(fetch_sessions_count(s), 0);
    fetch_sessions_free(&s);
    arena_fini(&arena);
}
END_TEST

START_TEST(unknown_ids_wrong_epochs_and_other_names_are_refused)
{
    struct fetch_sessions *s;
    struct wire_fetch_request q;
    struct fetch_context c;
    int16_t error;
    int32_t id;

    setup();
    s = fetch_sessions_new(10);
    id = start(s, 1, false, 0);
    q = ask(id == 7 ? 8 : 7, 1, 0);
    c = open_at(s, &q, 12, false, 0);
    answer_at(s, &c, 5, -1, 0, &error);
    ck_assert_int_eq(error, KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    q = ask(id, 2, 0);
    c = open_at(s, &q, 12, false, 0);
    answer_at(s, &c, 5, -1, 0, &error);
    ck_assert_int_eq(error, KAFKA_INVALID_FETCH_SESSION_EPOCH);
    q = ask(id, 1, 0);
    c = open_at(s, &q, 13, false, 0);
    answer_at(s, &c, 5, -1, 0, &error);
    ck_assert_int_eq(error, KAFKA_FETCH_SESSION_TOPIC_ID_ERROR);
    /* none of them moved it on */
    q = ask(id, 1, 0);
    c = open_at(s, &q, 12, false, 0);
    ck_assert_int_eq(c.kind, FETCH_INCREMENTAL);
    answer_at(s, &c, 5, -1, 0, &error);
    ck_assert_int_eq(error, KAFKA_NONE);
    /* a full request closes it */
    q = ask(id, -1, 1);
    c = open_at(s, &q, 12, false, 0);
    answer_at(s, &c, 5, -1, 0, &error);
    ck_assert_uint_eq(fetch_sessions_count(s), 0);
    fetch_sessions_free(&s);
    arena_fini(&arena);
}
END_TEST

START_TEST(an_id_is_looked_up_until_its_name_is_known)
{
    struct fetch_sessions *s;
    struct wire_fetch_request q;
    struct fetch_context c;
    int16_t error;
    int32_t id;

    setup();
    s = fetch_sessions_new(10);
    q = ask(0, 0, 1);
    q.topics->topic_id.b[0] = 2; /* no name */
    c = open_at(s, &q, 13, false, 0);
    ck_assert(bytes_is_null(c.wants[0].topic));
    id = answer_at(s, &c, 5, -1, 0, &error);
    q = ask(id, 1, 1); /* adds one with a name */
    c = open_at(s, &q, 13, false, 0);
    ck_assert_uint_eq(c.n_wants, 2);
    ck_assert(bytes_is_null(c.wants[0].topic));
    ck_assert_bytes(c.wants[1].topic, BYTES("topic-1"));
    answer_at(s, &c, 5, -1, 0, &error);
    fetch_sessions_free(&s);
    arena_fini(&arena);
}
END_TEST

START_TEST(a_newcomer_pushes_out_who_is_stale_or_smaller_and_old)
{
    struct fetch_sessions *s;
    int64_t old = FETCH_SESSION_STALE_MS + 2;
    struct wire_fetch_request q;
    struct fetch_context c;
    int16_t error;
    int32_t a, b;

    setup();
    s = fetch_sessions_new(2);
    a = start(s, 2, false, 0);
    b = start(s, 4, false, 0);
    ck_assert_int_ne(a, b);
    /* both are young: a consumer finds no room, a follower pushes out */
    ck_assert_int_eq(start(s, 9, false, 1), 0);
    ck_assert_int_gt(start(s, 1, true, 1), 0);
    ck_assert_uint_eq(fetch_sessions_count(s), 2);
    q = ask(a, 1, 0); /* the smaller one went */
    c = open_at(s, &q, 12, false, 2);
    ck_assert_int_eq(c.error, KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    fetch_context_close(&c);
    /* b is in use and old now: who is larger may have its place */
    q = ask(b, 1, 0);
    c = open_at(s, &q, 12, false, old);
    answer_at(s, &c, 5, -1, old, &error);
    ck_assert_int_gt(start(s, 5, false, old),
                     0); /* pushes the stale follower */
    ck_assert_int_eq(start(s, 3, false, old + 1), 0);
    ck_assert_int_gt(start(s, 5, false, old + 2), 0);
    q = ask(b, 2, 0);
    c = open_at(s, &q, 12, false, old + 3);
    ck_assert_int_eq(c.error, KAFKA_FETCH_SESSION_ID_NOT_FOUND);
    fetch_context_close(&c);
    fetch_sessions_free(&s);
    arena_fini(&arena);
}
END_TEST

START_TEST(a_session_that_was_pushed_out_meanwhile_is_still_answered)
{
    struct fetch_sessions *s;
    struct wire_fetch_request q;
    struct fetch_context c;
    int16_t error;
    int32_t id;

    setup();
    s = fetch_sessions_new(1);
    id = start(s, 2, false, 0);
    q = ask(id, 1, 0);
    c = open_at(s, &q, 12, false, 1);
    ck_assert_int_gt(start(s, 1, true, 2), 0);
    ck_assert_int_eq(answer_at(s, &c, 9, -1, 3, &error), id);
    ck_assert_int_eq(error, KAFKA_NONE);
    fetch_sessions_free(&s);
    arena_fini(&arena);
}
END_TEST

START_TEST(a_partition_named_twice_counts_once)
{
    struct fetch_sessions *s;
    struct wire_fetch_request q;
    struct fetch_context c;
    int16_t error;

    setup();
    s = fetch_sessions_new(10);
    q = ask(0, 0, 3);
    q.topics->partitions[2].partition = 0;
    c = open_at(s, &q, 12, false, 0);
    ck_assert_uint_eq(c.n_wants, 2);
    ck_assert_int_eq(c.wants[0].offset, 102);
    ck_assert_int_gt(answer_at(s, &c, 5, -1, 0, &error), 0);
    fetch_sessions_free(&s);
    arena_fini(&arena);
}
END_TEST

UNIT_MAIN("fetch_session", a_request_without_session_is_answered_whole,
          an_incremental_answer_tells_only_what_changed,
          a_session_takes_in_changes_and_forgets,
          unknown_ids_wrong_epochs_and_other_names_are_refused,
          an_id_is_looked_up_until_its_name_is_known,
          a_newcomer_pushes_out_who_is_stale_or_smaller_and_old,
          a_session_that_was_pushed_out_meanwhile_is_still_answered,
          a_partition_named_twice_counts_once)
