/* loop_io.c - descriptors, by way of libevent.
 *
 * One event a descriptor, made when something is wanted and freed when nothing
 * is: a descriptor that is only kept costs no memory here, nor does one among
 * the unhurried, which lie in a set of their own (unhurried.c). To change what
 * is wanted, the new event is added before the old one goes; libevent counts
 * events per descriptor, so the kernel hears of it once.
 */
#include <event2/event.h>

#include <assert.h>
#include <stdlib.h>

#include "base/diag.h"
#include "base/mem.h"
#include "loop/loop_in.h"

static void io_on_event(evutil_socket_t fd, short what, void *arg)
{
    struct loop_io *io = arg;
    unsigned ready = 0;

    (void)fd;
    loop_wake_now(io->loop);
    if (what & EV_READ)
        ready |= LOOP_READ;
    if (what & EV_WRITE)
        ready |= LOOP_WRITE;
    ready &= io->want;
    if (ready != 0)
        io->on_ready(io, ready);
}

void loop_io_init(struct loop_io *io, struct loop *loop, int fd,
                  loop_io_fn *on_ready)
{
    *io = (struct loop_io){ .loop = loop, .fd = fd, .on_ready = on_ready };
    list_init(&io->shown_link);
}

static struct event *io_event(struct loop_io *io, unsigned want)
{
    short what = EV_PERSIST;
    struct event *event = mem_need(event_get_struct_event_size());

    if (want & LOOP_READ)
        what |= EV_READ;
    if (want & LOOP_WRITE)
        what |= EV_WRITE;
    if (event_assign(event, io->loop->base, io->fd, what, io_on_event, io) ||
        event_add(event, NULL) != 0) {
        /* the kernel's bound on watched descriptors is far above the one on
         * open ones: what is left is lack of memory, or a bug */
        diag_error("event=loop_watch_failed loop=%s fd=%d remedy=\"give the "
                   "machine more memory\"",
                   io->loop->name, io->fd);
        abort();
    }
    return event;
}

static void io_event_free(struct event **event)
{
    if (*event == NULL)
        return;
    event_del(*event);
    mem_free(*event);
    *event = NULL;
}

static void io_leave_set(struct loop_io *io)
{
    if (io->in_set)
        unhurried_remove(&io->loop->unhurried, io);
    io->in_set = false;
}

static void io_watch(struct loop_io *io, unsigned want, bool unhurried)
{
    struct event *old = io->event;

    assert(io->fd >= 0);
    io_leave_set(io);
    io->event = NULL;
    if (unhurried && want == LOOP_READ)
        io->in_set = unhurried_add(&io->loop->unhurried, io);
    if (want != 0 && !io->in_set)
        io->event = io_event(io, want);
    io_event_free(&old);
}

void loop_io_want(struct loop_io *io, unsigned want)
{
    assert(loop_is_mine(io->loop));
    if (want == io->want)
        return;
    io_watch(io, want, io->unhurried);
    io->want = want;
}

void loop_io_set_unhurried(struct loop_io *io, bool unhurried)
{
    assert(loop_is_mine(io->loop));
    if (unhurried == io->unhurried)
        return;
    if (io->want == LOOP_READ)
        io_watch(io, io->want, unhurried);
    io->unhurried = unhurried;
}

void loop_io_fini(struct loop_io *io)
{
    if (io->loop == NULL)
        return;
    assert(loop_is_mine(io->loop));
    io_event_free(&io->event);
    io_leave_set(io);
    io->fd = -1;
    io->want = 0;
    io->unhurried = false;
}
