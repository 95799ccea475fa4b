/* Which batches a reactor writes itself. */
#include "base/clock.h"
#include "partition/partition_private.h"
#include "tests/support/unit.h"

enum { SMALL = 1000, MIDDLE = 100000, LARGE = 100 << 20 };

static struct replicas r;

START_TEST(a_small_batch_is_written_at_once_unless_a_write_stalled)
{
    int64_t before = clock_mono_us();

    ck_assert(replicas_may_write_inline(&r, SMALL));
    replicas_note_write(&r, 5000);
    ck_assert(replicas_may_write_inline(&r, SMALL));
    replicas_note_write(&r, 50000);
    ck_assert_int_gt(r.stalled_until_us, before);
    r.stalled_until_us = INT64_MAX;
    ck_assert(!replicas_may_write_inline(&r, SMALL));
    r.stalled_until_us = before;
    ck_assert(replicas_may_write_inline(&r, SMALL));
}
END_TEST

START_TEST(the_longer_a_write_stalled_the_longer_others_write)
{
    int64_t before = clock_mono_us(), until;

    r.stalled_until_us = 0;
    replicas_note_write(&r, 30000);
    ck_assert_int_ge(r.stalled_until_us, before + 300000);
    replicas_note_write(&r, 5000000);
    until = r.stalled_until_us;
    ck_assert_int_ge(until, before + 50000000);
    replicas_note_write(&r, 30000); /* meanwhile */
    ck_assert_int_eq(r.stalled_until_us, until);
}
END_TEST

START_TEST(a_larger_one_is_while_writes_are_quick_and_the_largest_never)
{
    int64_t before = clock_mono_us();

    replicas_note_write(&r, 500);
    ck_assert(replicas_may_write_inline(&r, MIDDLE));
    ck_assert(!replicas_may_write_inline(&r, LARGE));
    replicas_note_write(&r, 5000);
    ck_assert_int_gt(r.slow_until_us, before);
    r.slow_until_us = INT64_MAX;
    ck_assert(!replicas_may_write_inline(&r, MIDDLE));
}
END_TEST

UNIT_MAIN("write inline",
          a_small_batch_is_written_at_once_unless_a_write_stalled,
          the_longer_a_write_stalled_the_longer_others_write,
          a_larger_one_is_while_writes_are_quick_and_the_largest_never)
