/* test_epochs.c - which leader epoch began where. */
#include "seg/epochs.h"

#include "tests/support/unit.h"

static struct epochs epochs;

static void expect_end(int32_t asked, int32_t epoch, int64_t end)
{
    int32_t found;
    int64_t at;

    epochs_end(&epochs, asked, 1000, &found, &at);
    ck_assert_int_eq(found, epoch);
    ck_assert_int_eq(at, end);
}

START_TEST(the_end_of_an_epoch_is_the_start_of_the_next)
{
    expect_end(0, -1, -1);
    epochs_assign(&epochs, 2, 0);
    epochs_assign(&epochs, 3, 100);
    epochs_assign(&epochs, 7, 400);
    expect_end(7, 7, 1000);
    expect_end(3, 3, 400);
    expect_end(5, 3, 400);
    expect_end(2, 2, 100);
    expect_end(1, 1, 0);
    expect_end(8, -1, -1);
    expect_end(-1, -1, -1);
    ck_assert_int_eq(epochs_at(&epochs, 99), 2);
    ck_assert_int_eq(epochs_at(&epochs, 100), 3);
    ck_assert_int_eq(epochs_at(&epochs, 5000), 7);
    epochs_fini(&epochs);
}
END_TEST

START_TEST(an_assignment_removes_what_contradicts)
{
    epochs_assign(&epochs, 2, 0);
    epochs_assign(&epochs, 3, 100);
    epochs_assign(&epochs, 4, 200);
    epochs.dirty = false;
    epochs_assign(&epochs, 4, 250); /* known, and later: nothing */
    ck_assert(!epochs.dirty);
    epochs_assign(&epochs, 5, 200); /* epoch 4 never wrote */
    ck_assert_uint_eq(epochs.n, 3);
    ck_assert_int_eq(epochs_latest(&epochs), 5);
    epochs_assign(&epochs, 3, 150);
    ck_assert_uint_eq(epochs.n, 2);
    ck_assert_int_eq(epochs.entries[1].start, 150);
    epochs_assign(&epochs, -1, 500);
    ck_assert_uint_eq(epochs.n, 2);
    epochs_fini(&epochs);
}
END_TEST

START_TEST(both_ends_can_be_cut)
{
    epochs_assign(&epochs, 2, 0);
    epochs_assign(&epochs, 3, 100);
    epochs_assign(&epochs, 4, 200);
    epochs_cut_end(&epochs, 200);
    ck_assert_int_eq(epochs_latest(&epochs), 3);
    epochs_cut_start(&epochs, 150);
    ck_assert_uint_eq(epochs.n, 1);
    ck_assert_int_eq(epochs.entries[0].epoch, 3);
    ck_assert_int_eq(epochs.entries[0].start, 150);
    epochs.dirty = false;
    epochs_cut_start(&epochs, 150);
    ck_assert(!epochs.dirty);
    epochs_cut_start(&epochs, 50);
    ck_assert_int_eq(epochs.entries[0].start, 150);
    epochs_clear(&epochs);
    ck_assert_int_eq(epochs_latest(&epochs), -1);
    epochs_fini(&epochs);
}
END_TEST

UNIT_MAIN("epochs", the_end_of_an_epoch_is_the_start_of_the_next,
          an_assignment_removes_what_contradicts, both_ends_can_be_cut)
