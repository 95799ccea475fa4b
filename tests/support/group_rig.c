/* group_rig.c - see group_rig.h. */
#include "group_rig.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "wire/errors.h"

static void keep(char *to, struct bytes from)
{
    snprintf(to, RIG_ID_MOST, "%.*s", BYTES_ARG(from));
}

static void on_join(struct group_env *env, void *waiter,
                    const struct group_join_answer *a)
{
    struct group_waiter *w = waiter;

    (void)env;
    assert(w->told == 0);
    w->told++;
    w->error = a->error;
    w->generation = a->generation;
    w->skip = a->skip_assignment;
    keep(w->member, a->member_id);
    keep(w->leader, a->leader);
    keep(w->protocol, a->protocol);
    if (!a->members)
        return;
    LIST_EACH(link, (struct list *)(uintptr_t)&a->members->members) {
        const struct group_member *m =
            CONTAINER_OF(link, struct group_member, link);

        if (w->n_members < RIG_MEMBERS_MOST)
            keep(w->members[w->n_members], m->id);
        w->n_members++;
    }
}

static void on_sync(struct group_env *env, void *waiter,
                    const struct group_sync_answer *a)
{
    struct group_waiter *w = waiter;

    (void)env;
    assert(w->told == 0);
    w->told++;
    w->error = a->error;
    keep(w->protocol, a->protocol);
    keep(w->part, a->assignment);
}

static void on_store(struct group_env *env, struct group *group,
                     struct group_store *store)
{
    struct group_rig *rig = CONTAINER_OF(env, struct group_rig, env);

    (void)group;
    assert(rig->n_stores < sizeof rig->stores / sizeof rig->stores[0]);
    rig->stores[rig->n_stores++] = store;
}

static void on_note(struct group_env *env, const struct group *group,
                    const char *what, struct bytes member, struct bytes reason)
{
    (void)env;
    (void)group;
    (void)what;
    (void)member;
    (void)reason;
}

void group_rig_start(struct group_rig *rig)
{
    *rig = (struct group_rig){
        .env = {
            .rules = { 6000, 1800000, 3000, SIZE_MAX },
            .now_us = 1000000,
            .wall_ms = 1700000000000,
            .on_join = on_join,
            .on_sync = on_sync,
            .store = on_store,
            .note = on_note,
        },
    };
    rig->group = group_new(BYTES("g"), rig->env.wall_ms);
}

void group_rig_stop(struct group_rig *rig)
{
    while (rig->n_stores > 0)
        group_rig_stored(rig, KAFKA_NONE);
    group_unload(rig->group, &rig->env);
    for (size_t i = 0; i < rig->n_handed_in; i++) {
        assert(rig->handed_in[i]->told == 1); /* nobody waits for ever */
        free(rig->handed_in[i]);
    }
    group_unref(&rig->group);
}

static struct group_waiter *waiter(struct group_rig *rig)
{
    struct group_waiter *w = calloc(1, sizeof *w);

    assert(w &&
           rig->n_handed_in < sizeof rig->handed_in / sizeof rig->handed_in[0]);
    rig->handed_in[rig->n_handed_in++] = w;
    return w;
}

void group_rig_pass(struct group_rig *rig, int64_t ms)
{
    int64_t end = rig->env.now_us + ms * 1000;
    int still = 0; /* calls without progress of the clock */

    while (rig->group->due_us <= end) {
        int64_t step = rig->group->due_us - rig->env.now_us;

        if (step > 0) {
            rig->env.now_us += step;
            rig->env.wall_ms += step / 1000;
        }
        group_expire(rig->group, &rig->env);
        group_check(rig->group);
        still = rig->group->due_us > rig->env.now_us ? 0 : still + 1;
        assert(still < 4);
    }
    rig->env.wall_ms += (end - rig->env.now_us) / 1000;
    rig->env.now_us = end;
}

struct group_waiter *group_rig_join(struct group_rig *rig,
                                    const struct rig_join *j)
{
    struct group_waiter *w = waiter(rig);
    struct group_protocol protocols[8];
    const char *at = j->protocols ? j->protocols : "range";
    struct bytes metadata = bytes_of(j->metadata ? j->metadata : "");
    char fresh_id[RIG_ID_MOST];
    size_t n = 0;

    if (j->raw.len > 0)
        metadata = j->raw;
    for (at += strspn(at, " "); *at && n < 8; at += strspn(at, " ")) {
        size_t len = strcspn(at, " ");

        protocols[n++] =
            (struct group_protocol){ bytes_make(at, len), metadata };
        at += len;
    }
    snprintf(fresh_id, sizeof fresh_id, "%s-%d",
             j->instance ? j->instance : "m", rig->next_id++);
    struct group_member_spec spec = {
        .id = bytes_of(fresh_id),
        .instance_id = bytes_of(j->instance),
        .client_id = BYTES("client"),
        .client_host = BYTES("/127.0.0.1"),
        .protocols = protocols,
        .n_protocols = n,
        .session_ms = j->session_ms ? j->session_ms : 10000,
        .rebalance_ms = j->rebalance_ms ? j->rebalance_ms : 60000,
    };
    struct group_join join = {
        .member_id = bytes_of(j->id ? j->id : ""),
        .instance_id = bytes_of(j->instance),
        .protocol_type = bytes_of(j->type ? j->type : "consumer"),
        .reason = BYTES_NULL,
        .id_required = j->id_required,
        .may_skip = j->may_skip,
        .fresh = group_member_new(&spec),
        .waiter = w,
    };
    group_join(rig->group, &join, &rig->env);
    group_member_free(&join.fresh);
    group_check(rig->group);
    return w;
}

struct group_waiter *group_rig_sync(struct group_rig *rig, const char *id,
                                    const char *instance, int32_t generation,
                                    const char *parts)
{
    struct group_waiter *w = waiter(rig);
    struct group_part of[RIG_MEMBERS_MOST];
    size_t n = 0;

    for (const char *at = parts; at && *at && n < RIG_MEMBERS_MOST;
         at += strspn(at, " ")) {
        size_t name = strcspn(at, "="), len = strcspn(at + name + 1, " ");

        of[n++] = (struct group_part){ bytes_make(at, name),
                                       bytes_make(at + name + 1, len) };
        at += name + 1 + len;
    }
    struct group_sync sync = {
        .member_id = bytes_of(id),
        .instance_id = bytes_of(instance),
        .generation = generation,
        .protocol_type = BYTES_NULL,
        .protocol = BYTES_NULL,
        .store = group_store_new(of, n),
        .waiter = w,
    };
    group_sync(rig->group, &sync, &rig->env);
    group_store_free(&sync.store);
    group_check(rig->group);
    return w;
}

int16_t group_rig_beat(struct group_rig *rig, const char *id,
                       int32_t generation)
{
    int16_t error = group_heartbeat(rig->group, bytes_of(id), BYTES_NULL,
                                    generation, &rig->env);

    group_check(rig->group);
    return error;
}

int16_t group_rig_leave(struct group_rig *rig, const char *id,
                        const char *instance)
{
    int16_t error = group_leave(rig->group, bytes_of(id), bytes_of(instance),
                                BYTES_NULL, &rig->env);

    group_check(rig->group);
    return error;
}

void group_rig_stored(struct group_rig *rig, int16_t error)
{
    struct group_store *store = rig->stores[0];

    assert(rig->n_stores > 0);
    rig->n_stores--;
    memmove(rig->stores, rig->stores + 1, rig->n_stores * sizeof(void *));
    group_stored(rig->group, store, error, &rig->env);
    group_check(rig->group);
}

void group_rig_stable(struct group_rig *rig, int n)
{
    char parts[RIG_MEMBERS_MOST * 16] = "", id[16];
    struct group_waiter *first = NULL;

    for (int i = 0; i < n; i++) {
        struct group_waiter *w = group_rig_join(rig, &(struct rig_join){ 0 });

        if (i == 0)
            first = w;
        snprintf(parts + strlen(parts), 32, "m-%d=p%d ", i, i);
    }
    while (first && !first->told)
        group_rig_pass(rig, 1000);
    assert(first && first->told == 1 && first->error == KAFKA_NONE);
    for (int i = 1; i < n; i++) {
        snprintf(id, sizeof id, "m-%d", i);
        group_rig_sync(rig, id, NULL, first->generation, NULL);
    }
    group_rig_sync(rig, "m-0", NULL, first->generation, parts);
    group_rig_stored(rig, KAFKA_NONE);
    assert(rig->group->phase == GROUP_STABLE);
}
