/* excess.c - above max.connections: who was served longest ago has to go.
 *
 * One job goes from reactor to reactor and asks each for the connection that
 * was active longest ago; then it goes back to the one that holds the oldest of
 * all and closes it, and begins again while there are too many. The listener
 * between brokers is spared.
 *
 *   reactor 0 ─▶ 1 ─▶ … ─▶ n-1 ─▶ the one with the oldest: close ─▶ …
 *
 * What one reactor answered may have changed when the job comes back: then it
 * closes what is the oldest there by now, or begins again.
 */
#include "net/net_in.h"

static bool is_spared(const struct net *net, const struct conn *conn)
{
    return conn->listener == &net->config.listeners[net->quota.exempt];
}

/* The oldest of one state that may be closed. */
static struct conn *oldest_in(const struct net *net, const struct list *list)
{
    for (struct list *at = list->next; at != list; at = at->next) {
        struct conn *conn = CONTAINER_OF(at, struct conn, link);

        if (net->quota.exempt >= net->quota.n_listeners ||
            !is_spared(net, conn))
            return conn;
    }
    return NULL;
}

static struct conn *oldest_of(const struct reactor *reactor)
{
    struct conn *oldest = NULL;

    for (int state = 0; state < CONN_DEAD; state++) {
        struct conn *conn = oldest_in(reactor->net, &reactor->conns[state]);

        if (conn != NULL &&
            (oldest == NULL || conn->active_us < oldest->active_us))
            oldest = conn;
    }
    return oldest;
}

static void excess_go(struct excess *excess, struct reactor *to)
{
    excess->at = to;
    loop_post(to->loop, &excess->job);
}

static void excess_begin(struct net *net)
{
    net->excess.best = NULL;
    net->excess.closing = false;
    excess_go(&net->excess, &net->reactors[0]);
}

void excess_look(struct net *net)
{
    int32_t most;

    if (!net->stopping && quota_is_exceeded(&net->quota, &most) &&
        !atomic_exchange(&net->excess.runs, true))
        excess_begin(net);
}

/* The round is over; what came meanwhile may need another one. */
static void excess_end(struct net *net)
{
    net->excess.runs = false;
    excess_look(net);
}

static void excess_ask(struct net *net)
{
    struct excess *excess = &net->excess;
    struct reactor *reactor = excess->at;
    const struct conn *conn = oldest_of(reactor);

    if (conn != NULL &&
        (excess->best == NULL || conn->active_us < excess->best_us)) {
        excess->best = reactor;
        excess->best_us = conn->active_us;
    }
    if (reactor + 1 < net->reactors + net->n_reactors) {
        excess_go(excess, reactor + 1);
    } else if (excess->best != NULL) {
        excess->closing = true;
        excess_go(excess, excess->best);
    } else {
        excess_end(net); /* they were on their way between two reactors */
    }
}

static void excess_close(struct net *net)
{
    struct conn *conn = oldest_of(net->excess.at);
    int32_t most;

    if (conn != NULL && quota_is_exceeded(&net->quota, &most)) {
        CONN_LINE(conn,
                  "max.connections (%d) is exceeded and it was silent longest",
                  most);
        conn_close(conn);
    }
    excess_end(net);
}

static void excess_on_job(struct job *job)
{
    struct excess *excess = CONTAINER_OF(job, struct excess, job);
    struct net *net = CONTAINER_OF(excess, struct net, excess);

    if (net->stopping) /* all are closed */
        return;
    if (excess->closing)
        excess_close(net);
    else
        excess_ask(net);
}

void excess_init(struct net *net)
{
    net->excess.job.run = excess_on_job;
}
