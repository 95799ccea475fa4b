/* Sessions: passwords, ids, expiry on a stepped clock. */
#include "keeper/ksession.h"

#include <stdio.h>

#include "tests/support/unit.h"

static void password_is(int64_t id, const char *hex)
{
    uint8_t got[KSESSION_PASSWORD];
    char text[2 * KSESSION_PASSWORD + 1];

    ksession_password(id, got);
    for (int i = 0; i < KSESSION_PASSWORD; i++)
        sprintf(text + 2 * i, "%02x", got[i]);
    ck_assert_str_eq(text, hex);
}

START_TEST(passwords_are_those_of_zookeeper)
{
    password_is(0x01000007e1540000, "4ec6c175c3b4287cdcf480d5443258dc");
    password_is(0x01000007e1540009, "faef8c75635d02e87b4f225cb5011112");
}
END_TEST

START_TEST(a_session_expires_between_timeout_and_timeout_plus_tick)
{
    for (int64_t start = 0; start < 3000; start += 7) {
        struct ksessions s;
        struct ksession *session;
        int64_t now = start;

        ksessions_init(&s, 1000, 5, start);
        session = ksession_add(&s, 7, 4000, now);
        while (ksessions_expired(&s, now) == NULL)
            now++;
        ck_assert_int_gt(now - start, 4000);
        ck_assert_int_le(now - start, 5000);
        ck_assert_ptr_eq(ksessions_expired(&s, now), session);
        ksession_remove(&s, session);
        ck_assert_ptr_null(ksessions_expired(&s, now));
        ksessions_fini(&s);
    }
}
END_TEST

START_TEST(a_touch_puts_the_end_off)
{
    struct ksessions s;
    struct ksession *session;

    ksessions_init(&s, 1000, 5, 0);
    session = ksession_add(&s, 7, 4000, 0);
    for (int64_t now = 0; now < 60000; now += 3000) {
        ck_assert_ptr_null(ksessions_expired(&s, now));
        ksession_touch(&s, session, now);
    }
    ck_assert_ptr_nonnull(ksessions_expired(&s, 70000));
    ksessions_fini(&s);
}
END_TEST

START_TEST(ids_skip_those_of_restored_sessions)
{
    struct ksessions s;
    int64_t first;

    ksessions_init(&s, 1000, 0x1234, 0);
    first = (0x1234ll << 16) | 1ll << 56;
    ksession_add(&s, first, 4000, 0);
    ksession_add(&s, first + 1, 4000, 0);
    ck_assert_int_eq(ksessions_new_id(&s), first + 2);
    ck_assert_int_eq(ksessions_new_id(&s), first + 3);
    ksessions_fini(&s);
}
END_TEST

START_TEST(thousands_expire_one_after_the_other)
{
    struct ksessions s;
    struct ksession *session;
    size_t n = 0;

    ksessions_init(&s, 1000, 5, 0);
    for (int64_t id = 1; id <= 10000; id++)
        ksession_add(&s, id, 4000 + (int32_t)(id % 3000), 0);
    ck_assert_ptr_null(ksessions_expired(&s, 4000));
    while ((session = ksessions_expired(&s, 9000)) != NULL) {
        ksession_remove(&s, session);
        n++;
    }
    ck_assert_uint_eq(n, 10000);
    ksessions_fini(&s);
}
END_TEST

START_TEST(sessions_that_take_over_live_from_now_on)
{
    struct ksessions s;
    struct ksessions other;
    int64_t next;

    ksessions_init(&s, 1000, 5, 0);
    ksessions_init(&other, 1000, 9, 0);
    ksession_add(&s, 1, 4000, 0);
    ksession_add(&other, 2, 6000, 0);
    ksession_add(&other, 3, 1, 0);
    next = ksessions_new_id(&s) + 1;
    ksessions_swap(&s, &other, 4000, 50000);
    ck_assert_int_eq(ksessions_new_id(&s), next);
    ck_assert_ptr_null(ksession_find(&s, 1));
    ck_assert_ptr_nonnull(ksession_find(&other, 1));
    ck_assert_ptr_null(ksessions_expired(&s, 54000));
    ck_assert_int_eq(ksessions_expired(&s, 55000)->id, 3);
    ksession_remove(&s, ksession_find(&s, 3));
    ck_assert_ptr_null(ksessions_expired(&s, 56000));
    ck_assert_int_eq(ksessions_expired(&s, 57000)->id, 2);
    ksessions_fini(&s);
    ksessions_fini(&other);
}
END_TEST

UNIT_MAIN("ksession", passwords_are_those_of_zookeeper,
          a_session_expires_between_timeout_and_timeout_plus_tick,
          a_touch_puts_the_end_off, ids_skip_those_of_restored_sessions,
          thousands_expire_one_after_the_other,
          sessions_that_take_over_live_from_now_on)
