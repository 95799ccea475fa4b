/* Reactors of a busy broker take no core from others; those of a calm one do,
 * and a class that somebody else chose stays. */
#include <sched.h>

#include "net/net_in.h"
#include "tests/support/unit.h"

static struct reactor reactors[3];
static struct net net = { .reactors = reactors, .n_reactors = 3 };

static int busy_class; /* SCHED_BATCH, where the system grants it */

static void begin(void)
{
    const struct sched_param none = { .sched_priority = 0 };

    busy_class = sched_setscheduler(0, SCHED_BATCH, &none) == 0 ? SCHED_BATCH
                                                                : SCHED_OTHER;
    ck_assert_int_eq(sched_setscheduler(0, SCHED_OTHER, &none), 0);
    for (size_t i = 0; i < net.n_reactors; i++)
        reactors[i] = (struct reactor){ .net = &net };
}

/* The class of this thread, the first reactor's, when the three used that
 * much. */
static int class_after(int first, int second, int third)
{
    reactors[0].used_percent = first;
    reactors[1].used_percent = second;
    reactors[2].used_percent = third;
    patience_choose(&reactors[0]);
    return sched_getscheduler(0);
}

START_TEST(a_calm_broker_answers_at_once)
{
    begin();
    ck_assert_int_eq(class_after(0, 0, 0), SCHED_OTHER);
    ck_assert_int_eq(class_after(20, 20, 20), SCHED_OTHER);
}
END_TEST

START_TEST(a_busy_broker_waits_for_its_turn)
{
    begin();
    ck_assert_int_eq(class_after(1, 60, 0), busy_class);
    ck_assert_int_eq(class_after(90, 90, 90), busy_class);
}
END_TEST

START_TEST(between_busy_and_calm_it_stays_as_it_is)
{
    begin();
    ck_assert_int_eq(class_after(25, 25, 0), SCHED_OTHER);
    ck_assert_int_eq(class_after(61, 0, 0), busy_class);
    ck_assert_int_eq(class_after(25, 25, 0), busy_class);
    ck_assert_int_eq(class_after(45, 0, 0), SCHED_OTHER);
    ck_assert_int_eq(class_after(60, 0, 0), SCHED_OTHER);
}
END_TEST

START_TEST(a_class_somebody_chose_is_kept)
{
    const struct sched_param none = { .sched_priority = 0 };

    begin();
    if (busy_class != SCHED_BATCH)
        return; /* nobody can choose one */
    ck_assert_int_eq(sched_setscheduler(0, SCHED_BATCH, &none), 0);
    ck_assert_int_eq(class_after(90, 0, 0), SCHED_BATCH);
    ck_assert_int_eq(class_after(0, 0, 0), SCHED_BATCH);
    ck_assert_int_eq(sched_setscheduler(0, SCHED_IDLE, &none), 0);
    ck_assert_int_eq(class_after(90, 0, 0), SCHED_IDLE);
    ck_assert_int_eq(class_after(0, 0, 0), SCHED_IDLE);
}
END_TEST

UNIT_MAIN("patience", a_calm_broker_answers_at_once,
          a_busy_broker_waits_for_its_turn,
          between_busy_and_calm_it_stays_as_it_is,
          a_class_somebody_chose_is_kept)
