/* Descriptors that may be told of late: when they are, and when not. */
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "loop/loop_in.h"
#include "tests/support/unit.h"

enum { PAIRS = 20, LONE_MANY = 1000 };

struct end {
    struct loop_io io;
    int other; /* what is written here, `io` may read */
    int told;
    struct end *victim; /* is finished when it is told */
};

static struct loop *loop;
static struct end ends[PAIRS];

static void on_ready(struct loop_io *io, unsigned ready)
{
    struct end *end = CONTAINER_OF(io, struct end, io);
    char bytes[64];

    ck_assert_uint_eq(ready, LOOP_READ);
    ck_assert_int_gt(read(io->fd, bytes, sizeof bytes), 0);
    end->told++;
    if (end->victim != NULL)
        loop_io_fini(&end->victim->io);
}

static void open_all(void)
{
    struct errmsg why;
    int fds[2];

    ck_assert_err(loop_new(&loop, "test", &why), ERR_OK);
    for (int i = 0; i < PAIRS; i++) {
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        loop_io_init(&ends[i].io, loop, fds[0], on_ready);
        ends[i].other = fds[1];
        loop_io_want(&ends[i].io, LOOP_READ);
        loop_io_set_unhurried(&ends[i].io, true);
    }
}

static void close_all(void)
{
    for (int i = 0; i < PAIRS; i++)
        loop_io_fini(&ends[i].io); /* the descriptors end with the process */
    loop_free(&loop);
}

static void write_to(int i)
{
    ck_assert_int_eq(write(ends[i].other, "x", 1), 1);
}

static void turn_until_told(int i, int times)
{
    while (ends[i].told < times)
        loop_turn(loop, -1);
}

static bool is_waited_for(void)
{
    return loop->unhurried.io.want != 0;
}

/* One alone shows so often that the loop does not wait for them any more. */
static void make_busy(void)
{
    for (int n = 1; is_waited_for(); n++) {
        ck_assert_int_le(n, LONE_MANY);
        write_to(0);
        turn_until_told(0, n);
    }
    ends[0].told = 0;
}

START_TEST(what_shows_seldom_is_told_in_the_same_turn)
{
    open_all();
    for (int i = 0; i < PAIRS; i++) {
        write_to(i);
        loop_turn(loop, -1);
        ck_assert_int_eq(ends[i].told, 1);
    }
    close_all();
}
END_TEST

START_TEST(those_that_show_one_by_one_and_often_are_told_together)
{
    int64_t from;

    open_all();
    make_busy();
    from = clock_mono_us();
    for (int i = 1; i < PAIRS; i++) {
        write_to(i);
        loop_turn(loop, 0);
    }
    /* on a slow machine that took as long: then it was told of them by rights
     */
    if (clock_mono_us() - from < LOOP_UNHURRIED_US / 2)
        ck_assert_int_eq(ends[1].told + ends[PAIRS - 1].told, 0);
    turn_until_told(PAIRS - 1, 1);
    for (int i = 1; i < PAIRS; i++)
        ck_assert_int_eq(ends[i].told, 1);
    ck_assert(!is_waited_for());
    close_all();
}
END_TEST

START_TEST(after_a_look_that_finds_none_they_are_waited_for_again)
{
    open_all();
    make_busy();
    while (!is_waited_for())
        loop_turn(loop, -1);
    write_to(7);
    loop_turn(loop, -1);
    ck_assert_int_eq(ends[7].told, 1);
    close_all();
}
END_TEST

START_TEST(where_several_show_at_once_they_are_always_waited_for)
{
    open_all();
    for (int n = 1; n <= LONE_MANY; n++) {
        write_to(3);
        write_to(4);
        turn_until_told(4, n);
        ck_assert(is_waited_for());
    }
    close_all();
}
END_TEST

START_TEST(one_that_is_in_a_hurry_again_is_told_at_once)
{
    open_all();
    make_busy();
    write_to(5);
    loop_io_set_unhurried(&ends[5].io, false);
    loop_turn(loop, 0);
    ck_assert_int_eq(ends[5].told, 1);
    close_all();
}
END_TEST

START_TEST(one_of_which_nothing_is_wanted_is_not_told)
{
    open_all();
    loop_io_want(&ends[2].io, 0);
    write_to(2);
    write_to(3);
    turn_until_told(3, 1);
    ck_assert_int_eq(ends[2].told, 0);
    loop_io_want(&ends[2].io, LOOP_READ);
    turn_until_told(2, 1);
    close_all();
}
END_TEST

START_TEST(one_may_be_the_end_of_another_that_shows_too)
{
    open_all();
    ends[8].victim = &ends[9];
    ends[9].victim = &ends[8];
    write_to(8);
    write_to(9);
    loop_turn(loop, -1);
    loop_turn(loop, 0);
    ck_assert_int_eq(ends[8].told + ends[9].told, 1);
    close_all();
}
END_TEST

UNIT_MAIN("unhurried", what_shows_seldom_is_told_in_the_same_turn,
          those_that_show_one_by_one_and_often_are_told_together,
          after_a_look_that_finds_none_they_are_waited_for_again,
          where_several_show_at_once_they_are_always_waited_for,
          one_that_is_in_a_hurry_again_is_told_at_once,
          one_of_which_nothing_is_wanted_is_not_told,
          one_may_be_the_end_of_another_that_shows_too)
