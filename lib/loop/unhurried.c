/* unhurried.c - many descriptors that may be told of late, looked at together.
 *
 * To wake a thread costs more than to answer a heartbeat, and a heartbeat can
 * wait. So descriptors without hurry lie in an epoll set of their own, whose
 * descriptor is one among the loop's:
 *
 *   hurried   ──────────────────────────▶ the loop's wait ──▶ on_ready
 *   unhurried ──▶ set ──┬── seldom ─────▶       ▲
 *                       └── often: a timer ─────┘
 *
 * While something shows seldom, the loop waits for the set as for any other
 * descriptor, and nobody is told late. Where one alone shows again and again
 * within LOOP_UNHURRIED_US the loop stops waiting for the set, and looks into
 * it each LOOP_UNHURRIED_US until it finds nothing. So what comes one by one
 * wakes the loop a hundred times a second at most. Where several show at once,
 * there is nothing to be gained: they share a wake-up already.
 *
 * The set tells of each arrival once (EPOLLET): it need not look again at those
 * that were told of, which costs as much as a tenth of an answer. Whoever
 * leaves something unread is in a hurry, by the contract of
 * loop_io_set_unhurried().
 */
#include <sys/epoll.h>
#include <unistd.h>

#include "loop/loop_in.h"

enum {
    SHOWN_MOST = 256, /* in one look; the rest in the next turn */
    LONE_LOOKS = 64,  /* in a row that show one alone: that is often */
};

/* Tells those that show something; how many. */
static int set_look(struct unhurried *set)
{
    struct epoll_event events[SHOWN_MOST];
    int n = epoll_wait(set->io.fd, events, SHOWN_MOST, 0);

    for (int i = 0; i < n; i++) {
        struct loop_io *io = events[i].data.ptr;

        list_append(&set->shown, &io->shown_link);
    }
    /* each may be the end of any other */
    while (!list_is_empty(&set->shown)) {
        struct loop_io *io =
            CONTAINER_OF(set->shown.next, struct loop_io, shown_link);

        list_remove(&io->shown_link);
        io->on_ready(io, LOOP_READ);
    }
    return n;
}

static void set_on_ready(struct loop_io *io, unsigned ready)
{
    struct unhurried *set = CONTAINER_OF(io, struct unhurried, io);
    int64_t now = loop_now_us(io->loop);
    bool soon = now - set->looked_us < LOOP_UNHURRIED_US;

    (void)ready;
    set->looked_us = now;
    set->n_lone = set_look(set) == 1 && soon ? set->n_lone + 1 : 0;
    if (set->n_lone == LONE_LOOKS) {
        set->n_lone = 0;
        loop_io_want(io, 0);
        loop_timer_set(&set->timer, LOOP_UNHURRIED_US);
    }
}

static void set_on_due(struct loop_timer *timer)
{
    struct unhurried *set = CONTAINER_OF(timer, struct unhurried, timer);
    int n = set_look(set);

    if (n > 0)
        loop_timer_set(timer, n < SHOWN_MOST ? LOOP_UNHURRIED_US : 0);
    else
        loop_io_want(&set->io, LOOP_READ);
}

void unhurried_init(struct unhurried *set)
{
    set->io.fd = -1;
    list_init(&set->shown);
}

static bool set_open(struct unhurried *set, struct loop *loop)
{
    int fd;

    if (set->io.fd >= 0)
        return true;
    fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0)
        return false;
    loop_io_init(&set->io, loop, fd, set_on_ready);
    loop_timer_init(&set->timer, loop, set_on_due);
    loop_io_want(&set->io, LOOP_READ);
    return true;
}

bool unhurried_add(struct unhurried *set, struct loop_io *io)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.ptr = io };

    return set_open(set, io->loop) &&
           epoll_ctl(set->io.fd, EPOLL_CTL_ADD, io->fd, &event) == 0;
}

void unhurried_remove(struct unhurried *set, struct loop_io *io)
{
    struct epoll_event none = { 0 };

    /* fails when the descriptor was closed: then it is gone from the set */
    (void)epoll_ctl(set->io.fd, EPOLL_CTL_DEL, io->fd, &none);
    list_remove(&io->shown_link);
}

void unhurried_fini(struct unhurried *set)
{
    int fd = set->io.fd;

    if (fd < 0)
        return;
    loop_timer_stop(&set->timer);
    loop_io_fini(&set->io);
    close(fd);
}
