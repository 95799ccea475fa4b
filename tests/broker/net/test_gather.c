/* Quiet connections move together, all while little is to do; any leave where
 * too much is to do. */
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "net/net_in.h"
#include "tests/support/net_rig.h"
#include "tests/support/unit.h"

enum { N = 40, ROUNDS = 20 };

/* -- the choice ----------------------------------------------------------- */

static struct reactor reactors[3];
static struct net net;
static struct conn conn;

static void choice_init(size_t n)
{
    struct errmsg why;

    net = (struct net){ .reactors = reactors, .n_reactors = n };
    for (size_t i = 0; i < n; i++) {
        reactors[i] = (struct reactor){ .net = &net };
        ck_assert_int_eq(loop_new(&reactors[i].loop, "r", &why), ERR_OK);
    }
}

static void choice_fini(void)
{
    for (size_t i = 0; i < net.n_reactors; i++)
        loop_free(&reactors[i].loop);
}

/* The place of one on reactor `at` that had `weight` in the last two seconds;
 * -1 where it is. */
static int place(size_t at, size_t weight)
{
    struct reactor *to;

    conn = (struct conn){ .reactor = &reactors[at], .weight = weight };
    conn.window_us = loop_now_us(reactors[at].loop) - 2000000;
    to = gather_where(&conn);
    return to != NULL ? (int)(to - reactors) : -1;
}

START_TEST(a_quiet_one_moves_to_the_first_while_that_has_room)
{
    choice_init(3);
    ck_assert_int_eq(place(1, 1), -1);
    reactors[0].takes = 2;
    ck_assert_int_eq(place(1, 1), 0);
    ck_assert_int_eq(place(2, 1), 0);
    ck_assert_int_eq(place(2, 1), -1);
    choice_fini();
}
END_TEST

START_TEST(a_busy_one_among_busy_ones_and_one_just_come_stay)
{
    choice_init(3);
    reactors[0].takes = 2;
    reactors[1].used_percent = 25;
    reactors[2].used_percent = 5;
    ck_assert_int_eq(place(1, 100000), -1);
    conn = (struct conn){ .reactor = &reactors[1], .weight = 1 };
    conn.window_us = loop_now_us(reactors[1].loop);
    ck_assert_ptr_null(gather_where(&conn));
    ck_assert_int_eq(reactors[0].takes, 2);
    choice_fini();
}
END_TEST

START_TEST(a_busy_one_moves_to_the_first_while_one_could_do_all)
{
    choice_init(3);
    reactors[0].takes = 2;
    reactors[0].used_percent = reactors[1].used_percent = 10;
    reactors[2].used_percent = 10;
    ck_assert_int_eq(place(1, 100000), -1);
    reactors[2].used_percent = 9;
    ck_assert_int_eq(place(1, 100000), 0);
    choice_fini();
}
END_TEST

START_TEST(none_moves_to_a_first_one_that_hangs)
{
    choice_init(3);
    reactors[0].takes = 2;
    reactors[0].n_conns = 1;
    reactors[0].round_us = loop_now_us(reactors[0].loop) - 60 * 1000000;
    ck_assert_int_eq(place(1, 1), -1);
    ck_assert_int_eq(place(1, 100000), -1);
    reactors[0].round_us = loop_now_us(reactors[0].loop);
    ck_assert_int_eq(place(1, 1), 0);
    reactors[0].round_us = loop_now_us(reactors[0].loop) - 60 * 1000000;
    reactors[0].n_conns = 0; /* it makes no rounds */
    ck_assert_int_eq(place(1, 1), 0);
    choice_fini();
}
END_TEST

START_TEST(few_move_in_a_turn_that_serves_many)
{
    size_t moved = 0;

    choice_init(3);
    reactors[0].takes = 100;
    for (int i = 0; i < 100; i++)
        moved += place(1, 1) == 0;
    ck_assert_uint_gt(moved, 0);
    ck_assert_uint_lt(moved, 10);
    ck_assert_int_eq(place(2, 1), 0); /* a turn of another one */
    reactors[1].moving = 0;           /* the next turn */
    ck_assert_int_eq(place(1, 1), 0);
    choice_fini();
}
END_TEST

START_TEST(a_full_one_gives_to_the_least_used)
{
    choice_init(3);
    ck_assert_int_eq(place(0, 1), -1);
    reactors[0].gives = 3;
    reactors[1].used_percent = 3;
    ck_assert_int_eq(place(0, 1), 2);
    ck_assert_int_eq(place(0, 1), 1);
    reactors[1].used_percent = reactors[2].used_percent = 95;
    ck_assert_int_eq(place(0, 1), -1);
    choice_fini();
}
END_TEST

START_TEST(the_only_one_keeps_all)
{
    choice_init(1);
    reactors[0].gives = 1;
    reactors[0].takes = 1;
    ck_assert_int_eq(place(0, 1), -1);
    choice_fini();
}
END_TEST

/* -- the move ------------------------------------------------------------- */

static struct rig rig;
static int fds[N];

/* On a reactor's thread. */
struct change {
    struct job job;
    struct reactor *reactor;
    bool away; /* give all away; else take all */
    _Atomic bool done;
};

static void on_change(struct job *job)
{
    struct change *change = CONTAINER_OF(job, struct change, job);
    struct reactor *reactor = change->reactor;

    reactor->gives = change->away ? N : 0;
    reactor->takes = change->away ? 0 : N;
    LIST_EACH(link, &reactor->conns[CONN_IDLE])
        CONTAINER_OF(link, struct conn, link)->window_us -= 3600000000;
    change->done = true;
}

static void change_all(bool away)
{
    struct net *of = rig.net;

    for (size_t i = 0; i < of->n_reactors; i++) {
        struct change change = { .job.run = on_change,
                                 .reactor = &of->reactors[i],
                                 .away = away };

        loop_post(of->reactors[i].loop, &change.job);
        while (!change.done)
            sched_yield();
    }
}

static void exchange(int32_t n)
{
    for (int i = 0; i < N; i++)
        for (int32_t k = 0; k < 3; k++)
            rig_send_heartbeat(fds[i], n + k);
    for (int i = 0; i < N; i++)
        for (int32_t k = 0; k < 3; k++)
            rig_recv_heartbeat(fds[i], n + k);
}

static void start_all(void)
{
    rig_init(&rig);
    rig.config.reactors = 3;
    rig_start(&rig);
    for (int i = 0; i < N; i++)
        fds[i] = rig_connect(&rig);
    exchange(0);
}

/* Whether one request brings more to the first reactor or away from it; what is
 * measured each second may turn a round over, so several are tried. */
static bool moved(bool away)
{
    struct reactor *first = &rig.net->reactors[0];

    for (int round = 0; round < ROUNDS; round++) {
        size_t before = first->n_conns;

        change_all(away);
        exchange(round);
        if (away ? first->n_conns < before : first->n_conns > before)
            return true;
    }
    return false;
}

START_TEST(those_that_moved_are_served_as_before)
{
    start_all();
    ck_assert(moved(false));
    ck_assert(moved(true));
    ck_assert(moved(false));
    for (int i = 0; i < N; i++)
        close(fds[i]);
    rig_await_connections(&rig, 0);
    rig_stop(&rig);
}
END_TEST

START_TEST(a_stop_closes_those_on_their_way)
{
    for (int round = 0; round < ROUNDS; round++) {
        start_all();
        change_all(round % 2 == 0);
        for (int i = 0; i < N; i++)
            rig_send_heartbeat(fds[i], round);
        net_stop(&rig.net, 10000);
        for (int i = 0; i < N; i++)
            close(fds[i]);
        rig_stop(&rig);
    }
}
END_TEST

UNIT_MAIN("gather", a_quiet_one_moves_to_the_first_while_that_has_room,
          a_busy_one_among_busy_ones_and_one_just_come_stay,
          a_busy_one_moves_to_the_first_while_one_could_do_all,
          none_moves_to_a_first_one_that_hangs,
          few_move_in_a_turn_that_serves_many,
          a_full_one_gives_to_the_least_used, the_only_one_keeps_all,
          those_that_moved_are_served_as_before,
          a_stop_closes_those_on_their_way)
