/* acceptor.c - listening sockets, and who may come in.
 *
 * All listeners are served by the first reactor's loop; each connection goes to
 * the reactor that has the fewest.
 *
 * Out of descriptors: the spare one is closed to accept the next connection and
 * refuse it, so that its peer knows and the backlog does not spin; then
 * accepting rests for a moment. A listener that has no slot (quota.h) rests
 * until one goes, as in Kafka. A connection that came too soon after others is
 * held until its time has come; meanwhile its listener accepts no other one.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/net_in.h"

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

struct entry { /* one listening socket */
    struct loop_io io;
    struct acceptor *acceptor;
    const struct listener *listener;
    int port;              /* bound */
    bool full;             /* rests because of max.connections; the loop's */
    int held;              /* accepted too soon; -1: none */
    union address from;    /* whom `held` connects us with */
    struct loop_timer due; /* when `held` may come in */
};

struct acceptor {
    struct net *net;
    struct loop *loop;
    struct entry *entries;
    size_t n_entries;
    struct loop_timer rest; /* ends a pause for lack of descriptors */
    struct job start;
    struct job resume;
    _Atomic bool resume_posted;
    _Atomic bool full; /* one of the entries is */
    bool open;         /* accepting has begun and not ended */
    int spare;         /* a descriptor in reserve; -1: none */
    size_t next;       /* reactor to begin looking at */
};

static void address_of(const union address *from, struct in6_addr *addr,
                       uint16_t *port)
{
    if (from->any.sa_family == AF_INET) {
        *addr = (struct in6_addr)IN6ADDR_ANY_INIT;
        addr->s6_addr[10] = 0xff;
        addr->s6_addr[11] = 0xff;
        memcpy(&addr->s6_addr[12], &from->v4.sin_addr, 4);
        *port = ntohs(from->v4.sin_port);
    } else {
        *addr = from->v6.sin6_addr;
        *port = ntohs(from->v6.sin6_port);
    }
}

/* -- opening
 * ------------------------------------------------------------------- */

static int bound_port(int fd)
{
    union address bound = { .v6 = { .sin6_family = AF_UNSPEC } };
    socklen_t len = sizeof bound;
    struct in6_addr addr;
    uint16_t port;

    if (getsockname(fd, &bound.any, &len) != 0)
        return 0;
    address_of(&bound, &addr, &port);
    return port;
}

static void acceptor_on_ready(struct loop_io *io, unsigned ready);

static enum err entry_open(struct entry *entry, const struct net_config *config,
                           struct errmsg *why)
{
    int fd;
    enum err err = bind_listener(config, entry->listener, &fd, why);

    if (err != ERR_OK)
        return err;
    loop_io_init(&entry->io, entry->acceptor->loop, fd, acceptor_on_ready);
    entry->port = bound_port(fd);
    return ERR_OK;
}

/* -- room, and rest
 * ------------------------------------------------------------------- */

static size_t index_of(const struct entry *entry)
{
    return (size_t)(entry - entry->acceptor->entries);
}

static void entry_want(struct entry *entry, bool accept_now)
{
    if (entry->io.fd >= 0)
        loop_io_want(&entry->io, accept_now ? LOOP_READ : 0);
}

static void acceptor_go_on(struct acceptor *acceptor)
{
    if (!acceptor->open || loop_timer_is_set(&acceptor->rest))
        return;
    for (size_t i = 0; i < acceptor->n_entries; i++) {
        struct entry *entry = &acceptor->entries[i];

        entry_want(entry, !entry->full && entry->held < 0);
    }
}

static void acceptor_on_rested(struct loop_timer *timer)
{
    acceptor_go_on(CONTAINER_OF(timer, struct acceptor, rest));
}

static void acceptor_post_resume(struct acceptor *acceptor)
{
    if (!atomic_exchange(&acceptor->resume_posted, true))
        loop_post(acceptor->loop, &acceptor->resume);
}

/* True: it has no slot, and rests until there may be one. */
static bool entry_is_full(struct entry *entry)
{
    struct acceptor *acceptor = entry->acceptor;
    struct quota *quota = &acceptor->net->quota;
    int32_t most;
    enum quota_slot slot = quota_slot(quota, index_of(entry), &most);

    if (slot == QUOTA_ROOM)
        return false;
    DIAG_SELDOM(DIAG_WARN,
                "event=connections_full listener=%s limit=%s "
                "max.connections=%d remedy=\"raise max.connections, or have "
                "clients close\"",
                entry->listener->name,
                slot == QUOTA_LISTENER_FULL ? "listener" : "broker", most);
    entry_want(entry, false);
    entry->full = true;
    acceptor->full = true;
    /* one went before it could see that we wait */
    if (quota_slot(quota, index_of(entry), &most) == QUOTA_ROOM)
        acceptor_post_resume(acceptor);
    return true;
}

static void acceptor_rest(struct acceptor *acceptor, int errnum)
{
    DIAG_SELDOM(DIAG_ERROR,
                "event=accept_failed error=\"%s\" connections=%zu "
                "remedy=\"raise the limit of open files (ulimit -n)\"",
                strerror(errnum), quota_count(&acceptor->net->quota));
    for (size_t i = 0; i < acceptor->n_entries; i++)
        entry_want(&acceptor->entries[i], false);
    loop_timer_set(&acceptor->rest, NET_ACCEPT_PAUSE_US);
}

void acceptor_on_slot(struct acceptor *acceptor)
{
    if (acceptor->full)
        acceptor_post_resume(acceptor);
}

static struct reactor *least_busy(struct acceptor *acceptor)
{
    struct net *net = acceptor->net;
    struct reactor *best;

    acceptor->next = (acceptor->next + 1) % net->n_reactors;
    best = &net->reactors[acceptor->next];
    for (size_t i = 1; i < net->n_reactors; i++) {
        struct reactor *reactor =
            &net->reactors[(acceptor->next + i) % net->n_reactors];

        if (reactor->n_conns < best->n_conns)
            best = reactor;
    }
    return best;
}

static void acceptor_admit(struct entry *entry, int fd,
                           const union address *from)
{
    struct acceptor *acceptor = entry->acceptor;
    struct in6_addr addr;
    struct conn *conn;
    uint16_t port;
    int32_t most;

    address_of(from, &addr, &port);
    conn = conn_new(entry->listener, fd, &addr, port);
    if (!quota_enter(&acceptor->net->quota, index_of(entry), &addr, &most)) {
        CONN_LINE(conn,
                  "its address has max.connections.per.ip, or its exception "
                  "(%d), already",
                  most);
        close(fd);
        mem_free(conn);
        return;
    }
    reactor_take(least_busy(acceptor), conn);
    excess_look(acceptor->net);
}

/* -- holding those that came too soon
 * ------------------------------------------------- */

static int64_t entry_wait_ms(const struct entry *entry)
{
    const struct acceptor *acceptor = entry->acceptor;
    int32_t most;
    int64_t wait_ms = quota_wait_ms(&acceptor->net->quota, index_of(entry),
                                    loop_now_us(acceptor->loop) / 1000, &most);

    if (wait_ms > 0)
        DIAG_SELDOM(DIAG_WARN,
                    "event=connections_too_fast listener=%s "
                    "max.connection.creation.rate=%d wait_ms=%lld "
                    "remedy=\"raise max.connection.creation.rate, or have "
                    "clients keep their connections\"",
                    entry->listener->name, most, (long long)wait_ms);
    return wait_ms;
}

static void entry_hold(struct entry *entry, int fd, const union address *from,
                       int64_t wait_ms)
{
    entry->held = fd;
    entry->from = *from;
    entry_want(entry, false);
    loop_timer_set(&entry->due, wait_ms * 1000);
}

/* Let it in if it has waited long enough and has a slot. */
static void entry_release(struct entry *entry)
{
    int fd = entry->held;

    if (fd < 0 || loop_timer_is_set(&entry->due) || entry_is_full(entry))
        return;
    entry->held = -1;
    acceptor_admit(entry, fd, &entry->from);
}

static void entry_on_due(struct loop_timer *timer)
{
    struct entry *entry = CONTAINER_OF(timer, struct entry, due);

    entry_release(entry);
    acceptor_go_on(entry->acceptor);
}

/* -- accepting
 * ------------------------------------------------------------------- */

static void acceptor_on_resume(struct job *job)
{
    struct acceptor *acceptor = CONTAINER_OF(job, struct acceptor, resume);
    bool full = false;
    int32_t most;

    acceptor->resume_posted = false;
    for (size_t i = 0; i < acceptor->n_entries; i++) {
        struct entry *entry = &acceptor->entries[i];

        if (entry->full)
            entry->full =
                quota_slot(&acceptor->net->quota, i, &most) != QUOTA_ROOM;
        if (!entry->full)
            entry_release(entry);
        full = full || entry->full;
    }
    acceptor->full = full;
    acceptor_go_on(acceptor);
}

/* Accept and refuse one with the spare descriptor. */
static void acceptor_refuse(struct acceptor *acceptor, struct entry *entry)
{
    int fd;

    if (acceptor->spare >= 0)
        close(acceptor->spare);
    fd = accept4(entry->io.fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        close(fd);
    acceptor->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* False: no more of this listener now. */
static bool acceptor_failed(struct acceptor *acceptor, struct entry *entry,
                            int errnum)
{
    switch (errnum) {
    case EAGAIN:
        return false;
    case EMFILE:
    case ENFILE:
        acceptor_refuse(acceptor, entry);
        acceptor_rest(acceptor, errnum);
        return false;
    case ENOBUFS:
    case ENOMEM:
    case EINVAL:
    case EBADF:
        acceptor_rest(acceptor, errnum);
        return false;
    default: /* this one connection's trouble, see accept(2) */
        return true;
    }
}

static void acceptor_on_ready(struct loop_io *io, unsigned ready)
{
    struct entry *entry = CONTAINER_OF(io, struct entry, io);
    struct acceptor *acceptor = entry->acceptor;

    (void)ready;
    for (int i = 0; i < NET_ACCEPT_TURN; i++) {
        union address from = { .v6 = { .sin6_family = AF_UNSPEC } };
        socklen_t len = sizeof from;
        int64_t wait_ms;
        int fd;

        if (entry_is_full(entry))
            return;
        fd = accept4(io->fd, &from.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (!acceptor_failed(acceptor, entry, errno))
                return;
            continue;
        }
        wait_ms = entry_wait_ms(entry);
        if (wait_ms > 0) {
            entry_hold(entry, fd, &from, wait_ms);
            return;
        }
        acceptor_admit(entry, fd, &from);
    }
}

/* -- life
 * ---------------------------------------------------------------------------
 */

static void acceptor_on_start(struct job *job)
{
    struct acceptor *acceptor = CONTAINER_OF(job, struct acceptor, start);

    acceptor->open = true;
    acceptor_go_on(acceptor);
}

enum err acceptor_new(struct acceptor **out, struct net *net, struct loop *loop,
                      struct errmsg *why)
{
    const struct net_config *config = &net->config;
    struct acceptor *acceptor = mem_need(sizeof *acceptor);
    enum err err = ERR_OK;

    acceptor->net = net;
    acceptor->loop = loop;
    acceptor->entries =
        mem_need_array(config->n_listeners, sizeof *acceptor->entries);
    loop_timer_init(&acceptor->rest, loop, acceptor_on_rested);
    acceptor->start.run = acceptor_on_start;
    acceptor->resume.run = acceptor_on_resume;
    acceptor->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; i < config->n_listeners && err == ERR_OK; i++) {
        struct entry *entry = &acceptor->entries[i];

        entry->acceptor = acceptor;
        entry->listener = &config->listeners[i];
        entry->io.fd = -1;
        entry->held = -1;
        loop_timer_init(&entry->due, loop, entry_on_due);
        acceptor->n_entries++;
        err = entry_open(entry, config, why);
    }
    if (err != ERR_OK)
        acceptor_free(&acceptor);
    *out = acceptor;
    return err;
}

int acceptor_port(const struct acceptor *acceptor, size_t i)
{
    return acceptor->entries[i].port;
}

void acceptor_start(struct acceptor *acceptor)
{
    loop_post(acceptor->loop, &acceptor->start);
}

void acceptor_close(struct acceptor *acceptor)
{
    acceptor->open = false;
    loop_timer_stop(&acceptor->rest);
    for (size_t i = 0; i < acceptor->n_entries; i++) {
        struct entry *entry = &acceptor->entries[i];
        int fd = entry->io.fd;

        loop_timer_stop(&entry->due);
        if (entry->held >= 0)
            close(entry->held);
        entry->held = -1;
        if (fd < 0)
            continue;
        loop_io_fini(&entry->io);
        close(fd);
    }
}

void acceptor_free(struct acceptor **acceptor)
{
    struct acceptor *dead = *acceptor;

    if (dead == NULL)
        return;
    acceptor_close(dead);
    if (dead->spare >= 0)
        close(dead->spare);
    mem_free(dead->entries);
    mem_free(dead);
    *acceptor = NULL;
}
