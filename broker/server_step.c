/* server_step.c - the main thread waits for the coordination loop.
 *
 * Start and stop read best as a straight line; what they start lives on the
 * loop. The main thread sleeps on an eventfd and the signals at once, so that
 * Ctrl-C also ends a start that waits for ZooKeeper.
 */
#include "server_private.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum err server_step_wait(struct server *server, struct errmsg *why)
{
    struct pollfd fds[2] = {
        { .fd = server->step.event_fd, .events = POLLIN },
        { .fd = server->signal_fd, .events = POLLIN },
    };
    uint64_t n;

    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return err_set(why, ERR_IO, "poll: %s", strerror(errno));
        if (fds[0].revents & POLLIN) {
            if (read(server->step.event_fd, &n, sizeof n) != sizeof n)
                continue;
            if (why != NULL)
                *why = server->step.why;
            return server->step.err;
        }
        if (fds[1].revents & POLLIN) {
            struct signalfd_siginfo info;

            if (read(server->signal_fd, &info, sizeof info) != sizeof info)
                continue;
            if (server->stopping) /* a second signal: no patience left */
                _exit(130);
            server->interrupted = true;
            return err_set(why, ERR_CLOSED, "interrupted by signal %u",
                           info.ssi_signo);
        }
    }
}

void server_step_done(struct server *server, enum err err,
                      const struct errmsg *why)
{
    uint64_t one = 1;

    server->step.err = err;
    if (why != NULL)
        server->step.why = *why;
    else
        server->step.why.text[0] = '\0';
    if (write(server->step.event_fd, &one, sizeof one) != sizeof one)
        abort(); /* an eventfd of ours takes a 1 */
}

struct coord_job {
    struct job job;
    struct server *server;
    void (*fn)(struct server *server);
};

static void coord_job_run(struct job *job)
{
    struct coord_job *call = CONTAINER_OF(job, struct coord_job, job);
    struct server *server = call->server;
    void (*fn)(struct server * server) = call->fn;

    mem_free(call);
    fn(server);
}

enum err server_on_coord(struct server *server,
                         void (*fn)(struct server *server), struct errmsg *why)
{
    struct coord_job *call = mem_need(sizeof *call);

    call->job.run = coord_job_run;
    call->server = server;
    call->fn = fn;
    loop_post(server->broker.coord_loop, &call->job);
    return server_step_wait(server, why);
}
