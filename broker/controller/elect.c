/* elect.c - see elect.h. */
#include "controller/elect.h"

/* The ids of `in` for which the replica is online; order stays. */
static const int32_t *online_of(const struct context *ctx,
                                const struct ctx_partition *p,
                                const int32_t *in, size_t n,
                                bool or_shutting_down, struct arena *arena,
                                size_t *n_out)
{
    int32_t *out = arena_array(arena, n, sizeof *out);

    *n_out = 0;
    for (size_t i = 0; out != NULL && i < n; i++)
        if (ctx_replica_is_online(ctx, p, in[i], or_shutting_down))
            out[(*n_out)++] = in[i];
    return out;
}

static bool is_shutting_down(const struct context *ctx, int32_t id)
{
    const struct ctx_broker *broker = ctx_broker_find(ctx, id);

    return broker != NULL && broker->shutting_down;
}

static bool elect_offline(const struct context *ctx,
                          const struct ctx_partition *p, bool unclean,
                          bool recovering, struct arena *arena,
                          struct election *out)
{
    const int32_t *live = out->recipients;

    for (size_t i = 0; i < out->n_recipients; i++) {
        if (!ctx_isr_has(p, live[i]))
            continue;
        out->leader = live[i];
        out->isr =
            online_of(ctx, p, ctx_isr(p), p->n_isr, false, arena, &out->n_isr);
        return true;
    }
    if (!unclean || out->n_recipients == 0)
        return false;
    out->leader = live[0];
    out->isr = live;
    out->n_isr = 1;
    if (recovering)
        out->recovery = 1;
    return true;
}

static bool elect_preferred(const struct context *ctx,
                            const struct ctx_partition *p, struct arena *arena,
                            struct election *out)
{
    int32_t head = ctx_replicas(p)[0];
    int32_t *isr;

    if (!ctx_replica_is_online(ctx, p, head, false) || !ctx_isr_has(p, head))
        return false;
    isr = arena_array(arena, p->n_isr, sizeof *isr);
    if (isr == NULL)
        return false;
    memcpy(isr, ctx_isr(p), p->n_isr * sizeof *isr);
    out->leader = head;
    out->isr = isr;
    out->n_isr = p->n_isr;
    out->recipients = ctx_replicas(p);
    out->n_recipients = p->n_replicas;
    return true;
}

static bool elect_shutdown(const struct context *ctx,
                           const struct ctx_partition *p, struct arena *arena,
                           struct election *out)
{
    int32_t *isr = arena_array(arena, p->n_isr, sizeof *isr);

    for (size_t i = 0; isr != NULL && i < p->n_isr; i++)
        if (!is_shutting_down(ctx, ctx_isr(p)[i]))
            isr[out->n_isr++] = ctx_isr(p)[i];
    for (size_t i = 0; i < out->n_recipients; i++) {
        int32_t id = out->recipients[i];

        if (ctx_isr_has(p, id) && !is_shutting_down(ctx, id)) {
            out->leader = id;
            out->isr = isr;
            return true;
        }
    }
    return false;
}

bool elect(const struct context *ctx, const struct ctx_partition *p,
           enum elect_strategy strategy, bool unclean, bool recovering,
           struct arena *arena, struct election *out)
{
    *out = (struct election){ .leader = NO_LEADER, .recovery = p->recovery };
    if (strategy == ELECT_PREFERRED)
        return elect_preferred(ctx, p, arena, out);
    out->recipients =
        online_of(ctx, p, ctx_replicas(p), p->n_replicas,
                  strategy == ELECT_SHUTDOWN, arena, &out->n_recipients);
    if (strategy == ELECT_SHUTDOWN)
        return elect_shutdown(ctx, p, arena, out);
    return elect_offline(ctx, p, unclean, recovering, arena, out);
}

bool elect_first(const struct context *ctx, const struct ctx_partition *p,
                 struct arena *arena, struct election *out)
{
    *out = (struct election){ .leader = NO_LEADER };
    out->isr = online_of(ctx, p, ctx_replicas(p), p->n_replicas, false, arena,
                         &out->n_isr);
    if (out->n_isr == 0)
        return false;
    out->leader = out->isr[0];
    out->recipients = out->isr;
    out->n_recipients = out->n_isr;
    return true;
}

bool elect_needs_unclean(const struct context *ctx,
                         const struct ctx_partition *p)
{
    for (size_t i = 0; i < p->n_isr; i++)
        if (ctx_replica_place(p, ctx_isr(p)[i]) >= 0 &&
            ctx_replica_is_online(ctx, p, ctx_isr(p)[i], false))
            return false;
    return true;
}
