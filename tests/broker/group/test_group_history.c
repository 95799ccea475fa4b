/* test_group_history.c - random histories of one group, from a printed seed.
 *
 * Clients join, sync, beat, leave, vanish and come back, statically and not, in
 * any order, while time jumps and stores end well or badly. Whatever happens:
 * every request is answered exactly once, generations only rise, parts are told
 * to members of their own round only, the fields agree with each other, and the
 * group ends up empty when everyone falls silent.
 *
 * GROUP_SEED=n begins there; GROUP_HISTORIES=n runs that many.
 */
#include <stdio.h>
#include <stdlib.h>

#include "group/group_state.h"
#include "tests/support/group_rig.h"
#include "tests/support/unit.h"
#include "wire/errors.h"

enum { STEPS = 400, CLIENTS = 12 };

struct client {
    char id[RIG_ID_MOST]; /* empty: has none */
    const char *instance;
    int32_t generation;
    struct group_waiter *join, *sync;
};

static uint64_t state;

static uint32_t chance(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state >> 33) % n;
}

static const char *const protocols[] = { "range", "sticky range",
                                         "range sticky", "sticky",
                                         "other range" };
static const char *const instances[] = { "i0", "i1", "i2", "i3" };

/* Clients hear what they were told. */
static void listen(struct client *c)
{
    if (c->join && c->join->told) {
        if (c->join->error == KAFKA_NONE) {
            ck_assert_int_ge(c->join->generation, c->generation);
            c->generation = c->join->generation;
        }
        if (c->join->error == KAFKA_NONE ||
            c->join->error == KAFKA_MEMBER_ID_REQUIRED)
            snprintf(c->id, sizeof c->id, "%s", c->join->member);
        else
            c->id[0] = '\0';
        c->join = NULL;
    }
    if (c->sync && c->sync->told) {
        /* A static one keeps the part it had under its old id. */
        if (c->sync->error == KAFKA_NONE && c->sync->part[0] && !c->instance)
            ck_assert_str_eq(c->sync->part, c->id);
        if (c->sync->error == KAFKA_NONE && c->sync->part[0] && c->instance)
            ck_assert_mem_eq(c->sync->part, c->instance, strlen(c->instance));
        c->sync = NULL;
    }
}

/* Each member's part is its own id. */
static void sync_as_leader(struct group_rig *rig, struct client *c)
{
    char parts[RIG_MEMBERS_MOST * 2 * RIG_ID_MOST] = "";

    LIST_EACH(link, &rig->group->members) {
        const struct group_member *m =
            CONTAINER_OF(link, struct group_member, link);
        size_t at = strlen(parts);

        snprintf(parts + at, sizeof parts - at, "%.*s=%.*s ", BYTES_ARG(m->id),
                 BYTES_ARG(m->id));
    }
    c->sync = group_rig_sync(rig, c->id, c->instance, c->generation, parts);
}

static void act(struct group_rig *rig, struct client *c)
{
    switch (chance(10)) {
    case 0:
    case 1:
    case 2:
        c->join = group_rig_join(
            rig, &(struct rig_join){ .id = c->id[0] ? c->id : NULL,
                                     .instance = c->instance,
                                     .protocols = protocols[chance(5)],
                                     .metadata = chance(2) ? "a" : "b",
                                     .session_ms = 6000 + (int)chance(20000),
                                     .rebalance_ms = (int)chance(30000),
                                     .id_required = chance(2) && !c->instance,
                                     .may_skip = chance(2) });
        break;
    case 3:
    case 4:
    case 5:
        if (c->id[0])
            sync_as_leader(rig, c);
        break;
    case 6:
    case 7:
        if (c->id[0] && group_rig_beat(rig, c->id, c->generation) ==
                            KAFKA_UNKNOWN_MEMBER_ID)
            c->id[0] = '\0';
        break;
    case 8:
        if (c->id[0] && chance(3) == 0) {
            group_rig_leave(rig, c->id, c->instance);
            c->id[0] = '\0';
        } else if (c->instance && chance(4) == 0) {
            group_rig_leave(rig, "", c->instance);
        }
        break;
    case 9: /* it dies, and forgets who it was */
        c->id[0] = '\0';
        c->join = c->sync = NULL;
        break;
    }
}

static void history(uint64_t seed)
{
    struct group_rig *rig = calloc(1, sizeof *rig);
    struct client clients[CLIENTS] = { 0 };

    state = seed * 0x9e3779b97f4a7c15u + 1;
    group_rig_start(rig);
    rig->env.rules.size_max = chance(3) ? SIZE_MAX : 2 + chance(6);
    rig->env.rules.initial_delay_ms = chance(2) ? 0 : (int32_t)chance(5000);
    for (size_t i = 0; i < CLIENTS; i++)
        clients[i].instance = chance(3) ? NULL : instances[chance(4)];
    for (int step = 0; step < STEPS; step++) {
        struct client *c = &clients[chance(CLIENTS)];

        listen(c);
        if (!c->join && !c->sync)
            act(rig, c);
        else if (chance(20) == 0)
            c->join = c->sync = NULL; /* it does not listen any more */
        if (rig->n_stores > 0 && chance(2))
            group_rig_stored(rig,
                             chance(6) ? KAFKA_NONE : KAFKA_NOT_COORDINATOR);
        if (chance(4) == 0)
            group_rig_pass(rig, chance(20) ? chance(3000) : chance(60000));
    }
    while (rig->n_stores > 0)
        group_rig_stored(rig, KAFKA_NONE);
    group_rig_pass(rig, 2 * GROUP_NEW_MEMBER_MS);
    while (rig->n_stores > 0)
        group_rig_stored(rig, KAFKA_NONE);
    group_rig_pass(rig, 2 * GROUP_NEW_MEMBER_MS);
    ck_assert_uint_eq(group_size(rig->group), 0);
    ck_assert_int_eq(rig->group->phase, GROUP_EMPTY);
    group_rig_stop(rig);
    free(rig);
}

START_TEST(
    whatever_happens_everybody_is_answered_once_and_the_group_comes_to_rest)
{
    const char *seed = getenv("GROUP_SEED"), *n = getenv("GROUP_HISTORIES");
    uint64_t first = seed ? strtoull(seed, NULL, 10) : 1;
    uint64_t count = n ? strtoull(n, NULL, 10) : seed ? 1 : 1000;

    for (uint64_t i = 0; i < count; i++) {
        if (i % 100 == 0)
            fprintf(stderr, "GROUP_SEED=%llu GROUP_HISTORIES=100\n",
                    (unsigned long long)(first + i));
        history(first + i);
    }
}
END_TEST

UNIT_MAIN(
    "group_history",
    whatever_happens_everybody_is_answered_once_and_the_group_comes_to_rest)
