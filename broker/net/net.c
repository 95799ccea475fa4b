/* net.c - the whole: start, and a stop that lets answers leave. */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/mem.h"
#include "net/net_in.h"

static void net_fini(struct net *net)
{
    for (size_t i = 0; i < net->n_reactors; i++) {
        loop_stop(net->reactors[i].loop);
        loop_join(net->reactors[i].loop);
    }
    /* one that moved to a reactor that had ended */
    for (size_t i = 0; i < net->n_reactors; i++)
        loop_turn(net->reactors[i].loop, 0);
    /* requests that are freed now may make room in any reactor's budget, and
     * connections are counted off at the acceptor */
    for (size_t i = 0; i < net->n_reactors; i++)
        reactor_drop_all(&net->reactors[i]);
    acceptor_free(&net->acceptor);
    for (size_t i = 0; i < net->n_reactors; i++)
        reactor_fini(&net->reactors[i]);
    pthread_cond_destroy(&net->all_gone);
    lock_fini(&net->lock);
    quota_fini(&net->quota);
    mem_free(net->reactors);
    mem_free(net);
}

static enum err net_open(struct net *net, struct errmsg *why)
{
    size_t n = net->config.reactors > 0 ? net->config.reactors : 1;
    enum err err = ERR_OK;

    net->reactors = mem_need_array(n, sizeof *net->reactors);
    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        err = reactor_init(&net->reactors[i], net, i, why);
        if (err == ERR_OK)
            net->n_reactors++;
    }
    if (err == ERR_OK)
        err = acceptor_new(&net->acceptor, net, net->reactors[0].loop, why);
    for (size_t i = 0; i < n && err == ERR_OK; i++)
        err = loop_start(net->reactors[i].loop, why);
    return err;
}

static enum err check_listeners(const struct net_config *config,
                                struct errmsg *why)
{
    if (config->n_listeners == 0)
        return err_set(why, ERR_INVALID, "there is no listener");
    for (size_t i = 0; i < config->n_listeners; i++) {
        if (config->listeners[i].protocol != 0)
            return err_set(why, ERR_INVALID,
                           "listener %s: only PLAINTEXT is served",
                           config->listeners[i].name);
    }
    return ERR_OK;
}

enum err net_start(struct net **out, struct broker *broker,
                   const struct net_config *config, struct errmsg *why)
{
    enum err err = check_listeners(config, why);
    pthread_condattr_t attr;
    struct net *net;

    if (err != ERR_OK)
        return err;
    (void)signal(SIGPIPE, SIG_IGN); /* sendfile(2) has no MSG_NOSIGNAL */
    net = mem_need(sizeof *net);
    net->config = *config;
    net->broker = broker;
    budget_init(&net->budget, config->memory_budget);
    quota_init(&net->quota, config->n_listeners, config->inter_broker,
               &config->quota);
    net->config.quota = (struct net_quota){ .most = 0 }; /* was borrowed */
    excess_init(net);
    lock_init(&net->lock);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&net->all_gone, &attr);
    pthread_condattr_destroy(&attr);
    err = net_open(net, why);
    if (err != ERR_OK)
        net_fini(net);
    else
        *out = net;
    return err;
}

int net_port(const struct net *net, size_t i)
{
    assert(i < net->config.n_listeners);
    return acceptor_port(net->acceptor, i);
}

void net_accept(struct net *net)
{
    acceptor_start(net->acceptor);
}

void net_quota_set(struct net *net, const struct net_quota *quota)
{
    quota_set(&net->quota, quota);
    acceptor_on_slot(net->acceptor);
    excess_look(net);
}

size_t net_connections(struct net *net)
{
    return quota_count(&net->quota);
}

/* -- stopping
 * ------------------------------------------------------------------ */

static bool all_gone(const struct net *net)
{
    size_t n = 0;

    for (size_t i = 0; i < net->n_reactors; i++)
        n += net->reactors[i].n_conns;
    return n == 0;
}

void net_on_gone(struct net *net)
{
    if (!net->stopping)
        return;
    lock_take(&net->lock);
    if (all_gone(net))
        pthread_cond_signal(&net->all_gone);
    lock_give(&net->lock);
}

static struct timespec after_ms(int ms)
{
    struct timespec at;

    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += ms / 1000;
    at.tv_nsec += ms % 1000 * 1000000l;
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    return at;
}

void net_stop(struct net **net, int grace_ms)
{
    struct net *dead = *net;
    struct timespec until = after_ms(grace_ms > 0 ? grace_ms : 0);
    int rc = 0;

    if (dead == NULL)
        return;
    dead->stopping = true;
    for (size_t i = 0; i < dead->n_reactors; i++)
        loop_post(dead->reactors[i].loop, &dead->reactors[i].draining);
    lock_take(&dead->lock);
    while (!all_gone(dead) && rc == 0)
        rc = pthread_cond_timedwait(&dead->all_gone, &dead->lock.mutex, &until);
    lock_give(&dead->lock);
    for (size_t i = 0; i < dead->n_reactors; i++)
        loop_post(dead->reactors[i].loop, &dead->reactors[i].closing);
    net_fini(dead);
    *net = NULL;
}
