/* Every message in every version: random values survive the wire, and no cut of
 * the bytes is taken for the whole. Buffers have their exact size, so that a
 * sanitizer sees a read beyond the end. */
#include "wire/apis.h"

#include <stdlib.h>

#include "tests/support/unit.h"

enum { ROUNDS = 60, ARENA_BYTES = 4 << 20 };

typedef void check_fn(const struct wire_message *message, int16_t version,
                      uint64_t seed);

static void each_version(const struct wire_message *message, check_fn *check)
{
    for (int16_t version = message->min; version <= message->max; version++)
        for (uint64_t seed = 0; seed < ROUNDS; seed++)
            check(message, version, seed);
}

static void each_message(check_fn *check)
{
    for (size_t i = 0; i < n_wire_apis; i++) {
        each_version(&wire_apis[i].request, check);
        each_version(&wire_apis[i].response, check);
    }
    for (size_t i = 0; i < n_wire_record_messages; i++)
        each_version(&wire_record_messages[i], check);
    for (size_t i = 0; i < n_jute_messages; i++)
        each_version(&jute_messages[i], check);
}

/* The bytes of a random message, in memory of their exact size. */
static struct bytes make(const struct wire_message *message, int16_t version,
                         uint64_t seed)
{
    struct wire_random rnd = { seed };
    struct arena arena;
    struct wr w;
    void *m = mem_need(message->size);

    arena_init(&arena, ARENA_BYTES);
    wr_init(&w, ARENA_BYTES);
    message->random(&rnd, version, &arena, m);
    message->write(&w, version, m);
    ck_assert_int_eq(arena.err, ERR_OK);
    ck_assert_int_eq(w.err, ERR_OK);
    uint8_t *copy = malloc(w.len ? w.len : 1);
    ck_assert_ptr_nonnull(copy);
    if (w.len)
        memcpy(copy, w.data, w.len);
    struct bytes bytes = bytes_make(copy, w.len);
    wr_fini(&w);
    arena_fini(&arena);
    mem_free(m);
    return bytes;
}

static void drop(struct bytes b)
{
    free((void *)(uintptr_t)b.at);
}

static char *text(const struct wire_message *message, int16_t version,
                  const void *m)
{
    char *out = NULL;
    size_t size;
    FILE *f = open_memstream(&out, &size);

    ck_assert_ptr_nonnull(f);
    message->print(f, version, m);
    ck_assert_int_eq(fclose(f), 0);
    return out;
}

static void check_round_trip(const struct wire_message *message,
                             int16_t version, uint64_t seed)
{
    struct bytes first = make(message, version, seed);
    struct rd r = rd_make(first);
    struct arena arena;
    struct wr w;
    void *m = mem_need(message->size);

    arena_init(&arena, ARENA_BYTES);
    wr_init(&w, ARENA_BYTES);
    enum err err = message->read(&r, version, &arena, m);
    ck_assert_msg(err == ERR_OK && r.left == 0,
                  "%s version %d seed %llu: %s, %zu bytes left", message->name,
                  version, (unsigned long long)seed, err_name(err), r.left);
    message->write(&w, version, m);
    if (w.len != first.len || (w.len && memcmp(w.data, first.at, w.len) != 0)) {
        char *words = text(message, version, m);

        ck_abort_msg("%s version %d seed %llu: other bytes: %s", message->name,
                     version, (unsigned long long)seed, words);
    }
    wr_fini(&w);
    arena_fini(&arena);
    mem_free(m);
    drop(first);
}

/* Where one optional field at the end is missing, the rest is whole. */
static bool may_end_early(const struct wire_message *message)
{
    return strcmp(message->name, "connect_request") == 0 ||
           strcmp(message->name, "connect_response") == 0 ||
           strcmp(message->name, "create_txn") == 0 ||
           strcmp(message->name, "close_session_txn") == 0;
}

static void check_cuts(const struct wire_message *message, int16_t version,
                       uint64_t seed)
{
    struct bytes whole = make(message, version, seed);
    struct arena arena;
    void *m = mem_need(message->size);
    int passed = 0;

    arena_init(&arena, ARENA_BYTES);
    for (size_t len = 0; len < whole.len && seed < 4; len++) {
        uint8_t *part = malloc(len ? len : 1);
        struct rd r = { part, len, ERR_OK };

        ck_assert_ptr_nonnull(part);
        memcpy(part, whole.at, len);
        if (message->read(&r, version, &arena, m) == ERR_OK)
            passed++;
        arena_reset(&arena);
        free(part);
    }
    ck_assert_msg(passed <= (may_end_early(message) ? 1 : 0),
                  "%s version %d seed %llu: %d cuts were accepted",
                  message->name, version, (unsigned long long)seed, passed);
    arena_fini(&arena);
    mem_free(m);
    drop(whole);
}

/* One byte changed: whatever comes out, reading ends and stays inside. */
static void check_damage(const struct wire_message *message, int16_t version,
                         uint64_t seed)
{
    struct bytes whole = make(message, version, seed);
    struct wire_random rnd = { seed };
    struct arena arena;
    void *m = mem_need(message->size);

    arena_init(&arena, ARENA_BYTES);
    for (size_t i = 0; i < 8 && whole.len > 0; i++) {
        uint8_t *at =
            (uint8_t *)(uintptr_t)whole.at + wire_random_u64(&rnd) % whole.len;
        uint8_t old = *at;
        struct rd r = rd_make(whole);

        *at = (uint8_t)wire_random_u64(&rnd);
        if (message->read(&r, version, &arena, m) == ERR_OK)
            free(text(message, version, m));
        *at = old;
        arena_reset(&arena);
    }
    arena_fini(&arena);
    mem_free(m);
    drop(whole);
}

START_TEST(random_values_of_every_version_survive_the_wire)
{
    each_message(check_round_trip);
}
END_TEST

START_TEST(no_truncated_message_is_accepted)
{
    each_message(check_cuts);
}
END_TEST

START_TEST(damaged_messages_do_no_harm)
{
    each_message(check_damage);
}
END_TEST

START_TEST(versions_outside_of_the_range_are_refused)
{
    for (size_t i = 0; i < n_wire_apis; i++) {
        const struct wire_message *message = &wire_apis[i].request;
        uint8_t byte = 0;
        struct rd r = { &byte, 1, ERR_OK };
        struct arena arena;
        void *m = mem_need(message->size);

        arena_init(&arena, ARENA_BYTES);
        ck_assert_int_eq(
            message->read(&r, (int16_t)(message->max + 1), &arena, m),
            ERR_VERSION);
        r = (struct rd){ &byte, 1, ERR_OK };
        ck_assert_int_eq(message->read(&r, -1, &arena, m), ERR_VERSION);
        arena_fini(&arena);
        mem_free(m);
    }
}
END_TEST

START_TEST(headers_follow_the_flexible_versions_with_two_exceptions)
{
    ck_assert_int_eq(wire_request_header_version(WIRE_PRODUCE, 8), 1);
    ck_assert_int_eq(wire_request_header_version(WIRE_PRODUCE, 9), 2);
    ck_assert_int_eq(wire_response_header_version(WIRE_PRODUCE, 8), 0);
    ck_assert_int_eq(wire_response_header_version(WIRE_PRODUCE, 9), 1);
    ck_assert_int_eq(wire_request_header_version(WIRE_OFFSET_DELETE, 0), 1);
    ck_assert_int_eq(wire_request_header_version(WIRE_CONTROLLED_SHUTDOWN, 0),
                     0);
    ck_assert_int_eq(wire_request_header_version(WIRE_CONTROLLED_SHUTDOWN, 1),
                     1);
    ck_assert_int_eq(wire_request_header_version(WIRE_API_VERSIONS, 99), 2);
    ck_assert_int_eq(wire_response_header_version(WIRE_API_VERSIONS, 3), 0);
    ck_assert_int_eq(wire_request_header_version(9999, 0), -1);
    ck_assert_int_eq(wire_response_header_version(9999, 0), -1);
}
END_TEST

START_TEST(the_table_is_found_by_key)
{
    for (size_t i = 0; i < n_wire_apis; i++)
        ck_assert_ptr_eq(wire_api_find(wire_apis[i].key), &wire_apis[i]);
    ck_assert_ptr_null(wire_api_find(-1));
    ck_assert_str_eq(wire_api_find(WIRE_LEADER_AND_ISR)->name, "LeaderAndIsr");
}
END_TEST

UNIT_MAIN("messages", random_values_of_every_version_survive_the_wire,
          no_truncated_message_is_accepted, damaged_messages_do_no_harm,
          versions_outside_of_the_range_are_refused,
          headers_follow_the_flexible_versions_with_two_exceptions,
          the_table_is_found_by_key)
