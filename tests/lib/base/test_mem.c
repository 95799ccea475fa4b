/* The memory policy and the arena. */
#include "base/mem.h"

#include "tests/support/unit.h"

START_TEST(needed_memory_is_zeroed)
{
    uint8_t *p = mem_need(100);
    uint64_t *a = mem_need_array(10, sizeof *a);

    for (size_t i = 0; i < 100; i++)
        ck_assert_uint_eq(p[i], 0);
    for (size_t i = 0; i < 10; i++)
        ck_assert_uint_eq(a[i], 0);
    mem_free(p);
    mem_free(a);
    mem_free(NULL);
}
END_TEST

START_TEST(memory_tried_for_may_be_refused_and_the_old_stays)
{
    /* Beyond what malloc is ever asked for; the compiler must not see it. */
    volatile size_t absurd = SIZE_MAX / 2;
    uint8_t *p = mem_try(4);

    ck_assert_ptr_nonnull(p);
    p[0] = 7;
    ck_assert_ptr_null(mem_try_more(p, absurd, 4)); /* the product wraps */
    ck_assert_uint_eq(p[0], 7);
    p = mem_try_more(p, 1000, 4);
    ck_assert_ptr_nonnull(p);
    ck_assert_uint_eq(p[0], 7);
    mem_free(p);
}
END_TEST

START_TEST(bytes_become_c_text)
{
    char *text = mem_need_text(bytes_make("orders", 3));
    char *none = mem_need_text(BYTES_NULL);

    ck_assert_str_eq(text, "ord");
    ck_assert_str_eq(none, "");
    mem_free(text);
    mem_free(none);
}
END_TEST

START_TEST(pieces_are_zeroed_aligned_and_apart)
{
    struct arena arena;
    uint8_t *last = NULL;

    arena_init(&arena, 1 << 20);
    for (size_t size = 1; size < 400; size++) {
        uint8_t *p = arena_take(&arena, size);

        ck_assert_ptr_nonnull(p);
        ck_assert_uint_eq((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < size; i++)
            ck_assert_uint_eq(p[i], 0);
        memset(p, 0xee, size);
        if (last != NULL)
            ck_assert_uint_eq(last[0], 0xee);
        last = p;
    }
    ck_assert_ptr_nonnull(arena_take(&arena, 0));
    ck_assert_uint_eq(arena.used_bytes, 399 * 400 / 2);
    arena_fini(&arena);
}
END_TEST

START_TEST(the_ceiling_holds_and_the_failure_sticks)
{
    struct arena arena;

    arena_init(&arena, 100);
    ck_assert_ptr_nonnull(arena_take(&arena, 60));
    ck_assert_ptr_null(arena_take(&arena, 41));
    ck_assert_err(arena.err, ERR_LIMIT);
    ck_assert_ptr_null(arena_take(&arena, 1));
    ck_assert(bytes_is_null(arena_copy(&arena, BYTES("x"))));
    arena_reset(&arena);
    ck_assert_err(arena.err, ERR_OK);
    ck_assert_ptr_nonnull(arena_take(&arena, 100));
    arena_fini(&arena);
}
END_TEST

START_TEST(an_array_whose_size_wraps_is_refused)
{
    struct arena arena;

    arena_init(&arena, SIZE_MAX / 4);
    ck_assert_ptr_null(arena_array(&arena, SIZE_MAX / 2, 4));
    ck_assert_err(arena.err, ERR_LIMIT);
    arena_fini(&arena);
}
END_TEST

START_TEST(a_reset_arena_is_used_again_and_zeroed_again)
{
    struct arena arena;

    arena_init(&arena, 1 << 20);
    for (int round = 0; round < 3; round++) {
        for (size_t size = 16; size < 200000; size *= 3) {
            uint8_t *p = arena_take(&arena, size);

            ck_assert_ptr_nonnull(p);
            ck_assert_uint_eq(p[0], 0);
            ck_assert_uint_eq(p[size - 1], 0);
            memset(p, 0xee, size);
        }
        arena_reset(&arena);
        ck_assert_uint_eq(arena.used_bytes, 0);
    }
    arena_fini(&arena);
    ck_assert_ptr_null(arena.chunks);
}
END_TEST

START_TEST(copies_and_formatted_text_live_in_the_arena)
{
    struct arena arena;
    char text[] = "abc";

    arena_init(&arena, 1000);
    struct bytes copy = arena_copy(&arena, bytes_of(text));
    text[0] = 'x';
    ck_assert_bytes(copy, BYTES("abc"));
    ck_assert(bytes_is_null(arena_copy(&arena, BYTES_NULL)));
    ck_assert_bytes(arena_copy(&arena, BYTES("")), BYTES(""));
    struct bytes line = arena_format(&arena, "%s-%d", "orders", 3);
    ck_assert_bytes(line, BYTES("orders-3"));
    ck_assert_uint_eq(line.at[line.len], 0);
    ck_assert(bytes_is_null(arena_format(&arena, "%2000d", 1)));
    ck_assert_err(arena.err, ERR_LIMIT);
    arena_fini(&arena);
}
END_TEST

UNIT_MAIN("mem", needed_memory_is_zeroed,
          memory_tried_for_may_be_refused_and_the_old_stays,
          bytes_become_c_text, pieces_are_zeroed_aligned_and_apart,
          the_ceiling_holds_and_the_failure_sticks,
          an_array_whose_size_wraps_is_refused,
          a_reset_arena_is_used_again_and_zeroed_again,
          copies_and_formatted_text_live_in_the_arena)
