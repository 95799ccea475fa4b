/* Random histories: controllers that come, go, expire and lose answers, brokers
 * that die and return, topics made and deleted, everything in an order that a
 * printed seed decides. What must always hold is looked at after each step:
 *
 *   - leader epochs, controller epochs and versions of a state only rise
 *   - a leader epoch has one leader for ever
 *   - the leader is in the ISR, the ISR in the assignment, and never empty
 *
 * and, when all has come to rest: one controller, with the epoch in
 * /controller_epoch; every partition with a live ISR member is led by one.
 *
 * HISTORY_SEED=n runs one history again, HISTORY_RUNS=n that many; SEED is
 * where they begin, without it the time.
 */
#include <assert.h>
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/diag.h"

#include "tests/support/controller_rig.h"

enum { TOPICS = 5, PARTITIONS = 3, BROKERS = 4, EPOCHS_MAX = 512 };

struct seen {
    int64_t czxid; /* of the state znode: its incarnation */
    int32_t version, leader_epoch, controller_epoch;
    int32_t leader_of[EPOCHS_MAX]; /* by leader epoch; -2: not seen */
};

struct history {
    struct rig rig;
    uint64_t seed, random;
    bool broker_up[BROKERS + 1];
    bool expired[RIG_CONTROLLERS_MAX];
    bool exists[TOPICS];
    char assignment[TOPICS][64];
    struct seen seen[TOPICS][PARTITIONS];
};

static uint64_t draw(struct history *h, uint64_t n)
{
    h->random ^= h->random << 13;
    h->random ^= h->random >> 7;
    h->random ^= h->random << 17;
    return h->random % n;
}

#define HOLDS(h, what)                                                         \
    ck_assert_msg(what, "seed %llu: %s does not hold",                         \
                  (unsigned long long)(h)->seed, #what)

/* -- looking -------------------------------------------------------------- */

static bool state_get(struct history *h, int t, int p, struct arena *arena,
                      struct znode_state *state, char *path, size_t size)
{
    const char *text;
    struct errmsg why;

    snprintf(path, size, "/brokers/topics/t%d/partitions/%d/state", t, p);
    text = fake_tree_text(&h->rig.tree, path);
    if (text == NULL)
        return false;
    HOLDS(h, znode_state_read(bytes_of(text), arena, state, &why) == ERR_OK);
    return true;
}

static void seen_clear(struct seen *seen, int64_t czxid)
{
    memset(seen, 0, sizeof *seen);
    seen->czxid = czxid;
    seen->version = -1;
    for (int e = 0; e < EPOCHS_MAX; e++)
        seen->leader_of[e] = -2;
}

static bool has(const int32_t *ids, size_t n, int32_t id)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] == id)
            return true;
    return false;
}

static void look_at(struct history *h, int t, int p, struct arena *arena)
{
    struct seen *seen = &h->seen[t][p];
    struct znode_state s;
    char path[128];
    int64_t czxid;
    int32_t version;

    if (!state_get(h, t, p, arena, &s, path, sizeof path))
        return;
    czxid = fake_tree_czxid(&h->rig.tree, path);
    version = fake_tree_version(&h->rig.tree, path);
    if (seen->czxid != czxid)
        seen_clear(seen, czxid);
    if (seen->version == version)
        return;
    HOLDS(h, version > seen->version);
    HOLDS(h, s.leader_epoch >= seen->leader_epoch);
    HOLDS(h, s.controller_epoch >= seen->controller_epoch);
    HOLDS(h, s.n_isr > 0);
    HOLDS(h, s.leader == NO_LEADER || has(s.isr, s.n_isr, s.leader));
    for (size_t i = 0; i < s.n_isr; i++)
        HOLDS(h, strchr(h->assignment[t], '0' + s.isr[i]) != NULL);
    HOLDS(h, s.leader_epoch < EPOCHS_MAX);
    if (seen->leader_of[s.leader_epoch] == -2)
        seen->leader_of[s.leader_epoch] = s.leader;
    HOLDS(h, seen->leader_of[s.leader_epoch] == s.leader);
    seen->version = version;
    seen->leader_epoch = s.leader_epoch;
    seen->controller_epoch = s.controller_epoch;
}

static void look(struct history *h)
{
    struct arena arena;

    arena_init(&arena, 1 << 20);
    for (int t = 0; t < TOPICS; t++)
        for (int p = 0; p < PARTITIONS; p++)
            look_at(h, t, p, &arena);
    arena_fini(&arena);
}

/* -- what may happen ------------------------------------------------------ */

static void broker_flip(struct history *h, int32_t id)
{
    h->broker_up[id] = !h->broker_up[id];
    if (h->broker_up[id])
        ctl_rig_broker(&h->rig, id);
    else
        ctl_rig_broker_gone(&h->rig, id);
}

static void controller_flip(struct history *h, int i)
{
    struct ctl_rig_controller *c = &h->rig.controllers[i];

    if (c->ctl == NULL) {
        h->expired[i] = false;
        ctl_rig_start(&h->rig, i, i + 1);
    } else {
        ctl_rig_kill(c);
    }
}

static void session_flip(struct history *h, int i)
{
    struct ctl_rig_controller *c = &h->rig.controllers[i];

    if (c->ctl == NULL)
        return;
    if (!h->expired[i]) {
        controller_on_expired(c->ctl);
        fake_coord_expire(&c->coord);
    } else {
        fake_coord_renew(&c->coord);
        controller_on_registered(c->ctl);
    }
    h->expired[i] = !h->expired[i];
}

static void topic_flip(struct history *h, int t)
{
    char name[16], path[64];

    snprintf(name, sizeof name, "t%d", t);
    snprintf(path, sizeof path, "/brokers/topics/%s", name);
    if (fake_tree_has(&h->rig.tree, path)) {
        snprintf(path, sizeof path, "/admin/delete_topics/%s", name);
        if (!fake_tree_has(&h->rig.tree, path))
            fake_tree_put(&h->rig.tree, path, NULL);
        return;
    }
    {
        uint64_t a = 1 + draw(h, BROKERS), b = 1 + draw(h, BROKERS - 1);

        b += b >= a;
        snprintf(h->assignment[t], sizeof h->assignment[t],
                 "0:%d,%d;1:%d,%d;2:%d", (int)a, (int)b, (int)b, (int)a,
                 (int)a);
    }
    ctl_rig_topic(&h->rig, name, h->assignment[t]);
}

static void lose(struct history *h, int i)
{
    struct ctl_rig_controller *c = &h->rig.controllers[i];

    if (c->ctl == NULL)
        return;
    c->coord.lose_in = 1 + (unsigned)draw(h, 3);
    c->coord.loss = draw(h, 2) ? FAKE_LOSE_AFTER : FAKE_LOSE_BEFORE;
}

static void something(struct history *h)
{
    switch (draw(h, 12)) {
    case 0:
    case 1:
    case 2:
        broker_flip(h, 1 + (int32_t)draw(h, BROKERS));
        break;
    case 3:
        controller_flip(h, (int)draw(h, 3));
        break;
    case 4:
        session_flip(h, (int)draw(h, 3));
        break;
    case 5:
    case 6:
    case 7:
    case 8:
        topic_flip(h, (int)draw(h, TOPICS));
        break;
    case 9:
        lose(h, (int)draw(h, 3));
        break;
    case 10:
        h->rig.deaf_broker =
            h->rig.deaf_broker < 0 ? 1 + (int32_t)draw(h, BROKERS) : -1;
        break;
    default:
        fake_exec_skip(&h->rig.exec);
        break;
    }
}

static void step(struct history *h)
{
    switch (draw(h, 12)) {
    case 0:
        something(h);
        break;
    case 1:
    case 2:
    case 3:
        ctl_rig_answer(&h->rig);
        break;
    case 4:
    case 5:
    case 6:
        fake_exec_step(&h->rig.exec);
        break;
    default:
        fake_tree_step(&h->rig.tree);
        break;
    }
    if (h->rig.n_sent > RIG_SENT_MAX - 64)
        ctl_rig_forget(&h->rig);
    look(h);
}

/* -- at rest -------------------------------------------------------------- */

static void come_to_rest(struct history *h)
{
    h->rig.deaf_broker = -1;
    for (int i = 0; i < 3; i++) {
        if (h->rig.controllers[i].ctl == NULL)
            controller_flip(h, i);
        if (h->expired[i])
            session_flip(h, i);
        h->rig.controllers[i].coord.lose_in = 0;
    }
    ctl_rig_run(&h->rig);
    fake_exec_pass(&h->rig.exec, 2000000);
    ctl_rig_run(&h->rig);
    ctl_rig_forget(&h->rig);
    look(h);
}

static void check_led(struct history *h, int t, int p, struct arena *arena)
{
    struct znode_state s;
    char path[128];
    bool live = false;

    snprintf(path, sizeof path, "/brokers/topics/t%d", t);
    if (!fake_tree_has(&h->rig.tree, path))
        return;
    snprintf(path, sizeof path, "/admin/delete_topics/t%d", t);
    if (fake_tree_has(&h->rig.tree, path))
        return; /* waits for a broker */
    if (!state_get(h, t, p, arena, &s, path, sizeof path)) {
        const char *a = h->assignment[t];

        for (int32_t id = 1; id <= BROKERS; id++)
            HOLDS(h, p == 2 || !h->broker_up[id] ||
                         strchr(strchr(a, ':'), '0' + id) == NULL ||
                         strchr(strchr(a, ':'), '0' + id) > strchr(a, ';'));
        return;
    }
    for (size_t i = 0; i < s.n_isr; i++)
        live |= h->broker_up[s.isr[i]];
    if (live)
        HOLDS(h, s.leader > 0 && h->broker_up[s.leader]);
    else
        HOLDS(h, s.leader == NO_LEADER);
}

static void check_rest(struct history *h)
{
    struct arena arena;
    int active = 0;

    arena_init(&arena, 1 << 20);
    for (int i = 0; i < 3; i++) {
        struct controller *ctl = h->rig.controllers[i].ctl;

        if (!controller_is_active(ctl))
            continue;
        active++;
        HOLDS(h, ctl->epoch ==
                     atoi(fake_tree_text(&h->rig.tree, "/controller_epoch")));
        HOLDS(h, ctl->epoch_zk_version ==
                     fake_tree_version(&h->rig.tree, "/controller_epoch"));
    }
    HOLDS(h, active == 1);
    for (int t = 0; t < TOPICS; t++)
        for (int p = 0; p < PARTITIONS; p++)
            check_led(h, t, p, &arena);
    arena_fini(&arena);
}

static void history_run(uint64_t seed)
{
    struct history *h = calloc(1, sizeof *h);

    h->seed = seed;
    h->random = seed * 0x9e3779b97f4a7c15u + 1;
    ctl_rig_init(&h->rig);
    for (int i = 0; i < 3; i++)
        ctl_rig_start(&h->rig, i, i + 1);
    for (int32_t id = 1; id <= BROKERS; id++)
        broker_flip(h, id);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 1500; i++)
            step(h);
        come_to_rest(h);
        check_rest(h);
    }
    ctl_rig_fini(&h->rig);
    free(h);
}

START_TEST(whatever_happens_states_stay_right)
{
    const char *one = getenv("HISTORY_SEED");
    const char *runs = getenv("HISTORY_RUNS");
    const char *seed = getenv("SEED"); /* of all random tests */
    uint64_t first = one    ? strtoull(one, NULL, 10)
                     : seed ? strtoull(seed, NULL, 10) * 1000
                            : (uint64_t)time(NULL) * 1000;
    uint64_t n = one ? 1 : runs ? strtoull(runs, NULL, 10) : 25;

    diag_open(2, DIAG_ERROR);
    printf("seeds %llu and the %llu that follow\n", (unsigned long long)first,
           (unsigned long long)n);
    for (uint64_t i = 0; i < n; i++)
        history_run(first + i);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("history");
    TCase *tc = tcase_create("all");
    SRunner *runner;
    int failed;

    tcase_set_timeout(tc, 600);
    tcase_add_test(tc, whatever_happens_states_stay_right);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
