/* reactor.c - one thread's connections: end of turn, deadlines, the budget. */
#include "base/mem.h"
#include "net/net_in.h"

enum {
    KEEP_MOST_US = 1000 * 1000, /* between two rounds of housekeeping */
    KEEP_LEAST_US = 1000,
    REQUESTS_IDLE = 4, /* free request structs kept by a round */
};

/* -- end of turn
 * ---------------------------------------------------------------- */

void reactor_later(struct reactor *reactor, struct conn *conn)
{
    if (list_is_empty(&conn->turn_link))
        list_append(&reactor->due, &conn->turn_link);
    /* the time is read once a turn: equal means our hook has run in this one */
    if (reactor->hook_us == loop_now_us(reactor->loop) &&
        !reactor->again_posted) {
        reactor->again_posted = true;
        loop_post(reactor->loop, &reactor->again);
    }
}

static void reactor_on_again(struct job *job)
{
    struct reactor *reactor = CONTAINER_OF(job, struct reactor, again);

    reactor->again_posted = false; /* the hook does the rest */
}

static void reactor_on_roomy(struct job *job)
{
    struct reactor *reactor = CONTAINER_OF(job, struct reactor, roomy);

    reactor->roomy_posted = false;
}

static struct conn *first_of(struct reactor *reactor, enum conn_state state)
{
    struct list *list = &reactor->conns[state];

    return list_is_empty(list) ? NULL
                               : CONTAINER_OF(list->next, struct conn, link);
}

static void reactor_feed_starved(struct reactor *reactor)
{
    size_t n = reactor->n_starved; /* each at most once a turn */
    struct conn *conn;

    while (n-- > 0 && (conn = first_of(reactor, CONN_STARVED)) != NULL) {
        if (!reactor_may_read(reactor, conn, budget_kind_of(conn->need)))
            return;
        conn_go_on(conn, true);
    }
}

static void reactor_on_turn(struct loop_hook *hook)
{
    struct reactor *reactor = CONTAINER_OF(hook, struct reactor, hook);
    struct list due;
    struct conn *conn;

    reactor->hook_us = loop_now_us(reactor->loop);
    list_init(&due);
    list_move_all(&due, &reactor->due);
    while (!list_is_empty(&due)) {
        conn = CONTAINER_OF(due.next, struct conn, turn_link);
        list_remove(&conn->turn_link);
        conn_go_on(conn, false);
    }
    if (reactor->n_starved > 0)
        reactor_feed_starved(reactor);
    while ((conn = first_of(reactor, CONN_DEAD)) != NULL)
        conn_free(conn);
    reactor->moving = 0;
}

/* -- budget
 * ---------------------------------------------------------------------- */

bool reactor_may_read(struct reactor *reactor, struct conn *conn,
                      enum budget_kind kind)
{
    const struct budget *budget = &reactor->net->budget;

    if (budget_has_room(budget, kind) || reactor->favoured == conn)
        return true;
    if (reactor->favoured != NULL || budget->serving[kind] > 0)
        return false;
    reactor->favoured = conn;
    return true;
}

void reactor_budget_give(struct reactor *reactor, enum budget_kind kind,
                         size_t n)
{
    struct net *net = reactor->net;

    if (n == 0 || !budget_give(&net->budget, kind, n))
        return;
    for (size_t i = 0; i < net->n_reactors; i++) {
        struct reactor *other = &net->reactors[i];

        if (other->n_starved > 0 &&
            !atomic_exchange(&other->roomy_posted, true))
            loop_post(other->loop, &other->roomy);
    }
}

/* -- housekeeping
 * ------------------------------------------------------------------ */

static void reactor_expire(struct reactor *reactor, enum conn_state state,
                           int64_t after_us)
{
    int64_t before = loop_now_us(reactor->loop) - after_us;
    struct conn *conn;

    if (after_us <= 0)
        return;

    while ((conn = first_of(reactor, state)) != NULL &&
           conn->active_us <= before)
        conn_expire(conn);
}

static int64_t frame_timeout_us(const struct reactor *reactor)
{
    int64_t idle_us = reactor->net->config.idle_us;

    return idle_us > 0 && idle_us < NET_FRAME_TIMEOUT_US ? idle_us
                                                         : NET_FRAME_TIMEOUT_US;
}

void reactor_keep_on(struct reactor *reactor)
{
    int64_t every = frame_timeout_us(reactor) / 4;

    if (loop_timer_is_set(&reactor->keep))
        return;
    if (every > KEEP_MOST_US)
        every = KEEP_MOST_US;
    reactor->round_us = loop_now_us(reactor->loop);
    loop_timer_set(&reactor->keep,
                   every > KEEP_LEAST_US ? every : KEEP_LEAST_US);
}

static void reactor_on_keep(struct loop_timer *timer)
{
    struct reactor *reactor = CONTAINER_OF(timer, struct reactor, keep);
    int64_t idle_us = reactor->net->config.idle_us;
    bool more;

    reactor_expire(reactor, CONN_IDLE, idle_us);
    reactor_expire(reactor, CONN_SENDING, idle_us);
    reactor_expire(reactor, CONN_FRAME, frame_timeout_us(reactor));
    requests_trim(reactor, REQUESTS_IDLE);
    gather_measure(reactor);
    patience_choose(reactor);
    more = bufs_trim(&reactor->bufs);
    if (reactor->n_conns > 0 || more)
        reactor_keep_on(reactor);
}

struct out *reactor_out_take(struct reactor *reactor)
{
    struct out *out = reactor->spare_out;

    reactor->spare_out = NULL;
    return out != NULL ? out : out_new(NET_REPLY_MOST);
}

void reactor_out_give(struct reactor *reactor, struct out **out)
{
    out_reset(*out);
    if (reactor->spare_out != NULL) {
        out_free(out);
        return;
    }
    reactor->spare_out = *out;
    *out = NULL;
}

/* -- from the acceptor and from net_stop()
 * ------------------------------------------- */

static void reactor_on_take(struct job *job)
{
    struct conn *conn = CONTAINER_OF(job, struct conn, job);

    conn_attach(conn, conn->reactor);
    if (conn->reactor->is_draining)
        conn_close(conn);
}

void reactor_take(struct reactor *reactor, struct conn *conn)
{
    reactor->n_conns++;
    conn->reactor = reactor;
    conn->job.run = reactor_on_take;
    loop_post(reactor->loop, &conn->job);
}

static void close_all(struct reactor *reactor, enum conn_state state)
{
    struct conn *conn;

    while ((conn = first_of(reactor, state)) != NULL)
        conn_close(conn);
}

static void reactor_on_draining(struct job *job)
{
    struct reactor *reactor = CONTAINER_OF(job, struct reactor, draining);
    struct net *net = reactor->net;

    reactor->is_draining = true;
    if (reactor == net->reactors)
        acceptor_close(net->acceptor);
    close_all(reactor, CONN_IDLE);
    close_all(reactor, CONN_FRAME);
    close_all(reactor, CONN_STARVED);
}

static void reactor_on_closing(struct job *job)
{
    struct reactor *reactor = CONTAINER_OF(job, struct reactor, closing);

    close_all(reactor, CONN_SENDING);
    close_all(reactor, CONN_BUSY);
}

/* -- life
 * ------------------------------------------------------------------------------
 */

enum err reactor_init(struct reactor *reactor, struct net *net, size_t index,
                      struct errmsg *why)
{
    char name[16];
    enum err err;

    *reactor = (struct reactor){ .net = net };
    (void)snprintf(name, sizeof name, "reactor-%zu", index % 1000);
    err = loop_new(&reactor->loop, name, why);
    if (err != ERR_OK)
        return err;
    for (int i = 0; i < CONN_STATES; i++)
        list_init(&reactor->conns[i]);
    list_init(&reactor->due);
    list_init(&reactor->requests);
    list_init(&reactor->free_requests);
    bufs_init(&reactor->bufs);
    reactor->scratch = mem_need(NET_SCRATCH);
    reactor->again.run = reactor_on_again;
    reactor->roomy.run = reactor_on_roomy;
    reactor->draining.run = reactor_on_draining;
    reactor->closing.run = reactor_on_closing;
    reactor->hook.on_turn = reactor_on_turn;
    loop_hook_add(reactor->loop, &reactor->hook);
    loop_timer_init(&reactor->keep, reactor->loop, reactor_on_keep);
    return ERR_OK;
}

void reactor_drop_all(struct reactor *reactor)
{
    struct conn *conn;
    size_t n;

    while ((conn = first_of(reactor, CONN_DEAD)) != NULL)
        conn_free(conn);
    n = requests_drop_all(reactor);
    if (n > 0)
        diag_warn("event=requests_dropped_at_stop count=%zu", n);
}

void reactor_fini(struct reactor *reactor)
{
    requests_trim(reactor, 0);
    loop_timer_stop(&reactor->keep);
    loop_hook_remove(&reactor->hook);
    out_free(&reactor->spare_out);
    bufs_fini(&reactor->bufs);
    mem_free(reactor->scratch);
    loop_free(&reactor->loop);
}
