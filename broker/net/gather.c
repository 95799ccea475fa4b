/* gather.c - connections together on one reactor while it can serve them.
 *
 * To wake a sleeping thread costs as much as answering a heartbeat. Thousands
 * of consumers that say something every few seconds, spread over all reactors,
 * wake each of them for one request at a time; on one reactor a single turn
 * serves several. And what a producer sends reaches a waiting consumer without
 * a second thread when both are on one reactor. So a connection that was quiet
 * for a while moves to the first reactor, and any does while all reactors
 * together would leave that one room. When it has more to do than is good for
 * it, connections leave it as they are served (so mostly busy ones) for the one
 * that is used least.
 *
 *     reactor 0  ◀── quiet, while it has room ── reactors 1 …
 *                ◀── any, while all is calm ────
 *                ──── any, while it is full ───▶
 *
 * How quiet a connection is shows in a window of a second or more that ends
 * with a request: nothing is done for one that is silent. How full a reactor is
 * shows in its thread's CPU time. Between room and full nothing moves, and in
 * each round of housekeeping only some do: so it settles. Nothing moves to a
 * first reactor that hangs, in a write to a disk that stalls say: it uses no
 * CPU time, but its round of housekeeping does not end either. And few move in
 * one turn: where it serves many, none had to be woken for, and to move them
 * would cost as much again, in the midst of a group's new beginning say. Those
 * without hurry may all move: they are served together in any case.
 *
 * A connection moves between two requests, with nothing received and nothing to
 * send; what arrives meanwhile is seen by the reactor it comes to.
 */
#include <time.h>

#include "net/net_in.h"

enum {
    WINDOW_US = 1000 * 1000,
    QUIET_PER_S = 10,       /* requests a second, at most */
    ROOM_PERCENT = 30,      /* of a core: below, the first takes more */
    FULL_PERCENT = 60,      /* above, it gives some away */
    HANGS_US = 3000 * 1000, /* a round takes a second at most */
    TAKES_A_ROUND = 4096,
    MOVES_A_TURN = 4,
    GIVEN_PERCENT = 5, /* what one that is given away is thought to use, until
                          it is measured */
};

static struct reactor *first_of_all(const struct reactor *reactor)
{
    return &reactor->net->reactors[0];
}

static struct reactor *least_used_other(const struct net *net)
{
    struct reactor *best = &net->reactors[1];

    for (size_t i = 2; i < net->n_reactors; i++)
        if (net->reactors[i].used_percent < best->used_percent)
            best = &net->reactors[i];
    return best;
}

static struct reactor *give(struct reactor *first)
{
    struct reactor *to;

    if (first->gives == 0)
        return NULL;
    to = least_used_other(first->net);
    if (to->used_percent > FULL_PERCENT)
        return NULL;
    first->gives--;
    to->used_percent += GIVEN_PERCENT;
    return to;
}

/* Without connections it makes no rounds. */
static bool hangs(const struct reactor *reactor, int64_t now)
{
    return reactor->n_conns > 0 && now - reactor->round_us > HANGS_US;
}

static struct reactor *take(struct reactor *first, int64_t now)
{
    return first->takes > 0 && !hangs(first, now) &&
                   atomic_fetch_sub(&first->takes, 1) > 0
               ? first
               : NULL;
}

int gather_used_percent(const struct net *net)
{
    int percent = 0;

    for (size_t i = 0; i < net->n_reactors; i++)
        percent += net->reactors[i].used_percent;
    return percent;
}

/* One reactor could do what all do now. */
static bool is_calm(const struct net *net)
{
    return gather_used_percent(net) < ROOM_PERCENT;
}

struct reactor *gather_where(struct conn *conn)
{
    struct reactor *first = first_of_all(conn->reactor);
    int64_t now = loop_now_us(conn->reactor->loop);
    int64_t elapsed = now - conn->window_us;
    bool quiet;

    if (conn->reactor->net->n_reactors == 1)
        return NULL;
    if (conn->reactor == first)
        return give(first);
    if (elapsed < WINDOW_US)
        return NULL;
    if (!conn->io.unhurried && conn->reactor->moving++ >= MOVES_A_TURN)
        return NULL;
    quiet = (int64_t)conn->weight * 1000000 <= elapsed * QUIET_PER_S;
    conn->window_us = now;
    conn->weight = 0;
    return quiet || is_calm(conn->reactor->net) ? take(first, now) : NULL;
}

static int64_t thread_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

void gather_measure(struct reactor *reactor)
{
    int64_t now = loop_now_us(reactor->loop), used = thread_us();
    int64_t elapsed = now - reactor->measured_us;
    int percent;

    if (elapsed <= 0)
        return;
    /* without connections it is not measured again before it has one */
    percent = reactor->n_conns > 0
                  ? (int)((used - reactor->used_us) * 100 / elapsed)
                  : 0;
    reactor->measured_us = now;
    reactor->used_us = used;
    reactor->used_percent = percent;
    reactor->takes = percent < ROOM_PERCENT ? TAKES_A_ROUND : 0;
    reactor->gives = percent > FULL_PERCENT ? reactor->n_conns / 4 + 1 : 0;
}
