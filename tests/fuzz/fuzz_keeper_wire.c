/* Arbitrary requests against the keeper's deciding half, and the promise that
 * replaying its log gives the same tree.
 *
 * The input is a list of steps: who and what (1 byte), opcode (1 byte), length
 * (2 bytes), body. Some steps feed raw bytes, sync, or let time pass instead.
 */
#include <assert.h>

#include "keeper/ktxn.h"
#include "tests/support/kworld.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { USERS = 3, STEPS_MOST = 200 };

static const int32_t ops[] = { 1,   2,   3,   4,   5,   6,   7,   8,   9,
                               11,  12,  13,  14,  15,  16,  17,  18,  19,
                               20,  21,  22,  100, 101, 102, 103, 104, 105,
                               106, 107, -10, -11, 0,   99 };

static void request(struct kuser *user, uint8_t op, struct bytes body)
{
    struct wr w;

    wr_init(&w, 1 << 20);
    wr_raw(&w, body.at, body.len);
    kuser_send(user, ops[op % (sizeof ops / sizeof ops[0])], &w);
}

static void step(struct kworld *world, struct kuser *users, struct rd *r)
{
    uint8_t what = rd_u8(r);
    uint8_t op = rd_u8(r);
    size_t len = rd_u16(r);
    struct kuser *user = &users[what % USERS];

    if (len > r->left)
        len = r->left;
    struct bytes body = bytes_make(rd_take(r, len), len);
    if (user->peer.close != KPEER_OPEN) {
        kuser_go(user);
        kuser_hello(world, user, 5000);
    }
    if (what >= 250)
        kuser_feed(user, body);
    else if (what >= 240)
        kworld_pass(world, op * 50);
    else
        request(user, op, body);
    if (what & 0x40)
        kworld_sync(world);
    if (what & 0x20) {
        kcore_expire(&world->core);
        kcore_clean(&world->core);
    }
    while (kuser_next(user).there)
        continue;
}

static void replay_agrees(struct kworld *world)
{
    struct kworld again;
    struct bytes payload;
    size_t at = KTXN_FILE_HEADER;

    while (kworld_sync(world))
        continue;
    struct bytes log = bytes_make(world->disk.data, world->disk.len);
    kworld_init(&again);
    while (ktxn_next(log, &at, &payload) == ERR_OK)
        if (ktxn_replay(&again.core, payload) != ERR_OK)
            assert(false);
    assert(at == log.len);
    assert(again.core.tree.n == world->core.tree.n);
    assert(again.core.tree.data_size == world->core.tree.data_size);
    assert(again.core.tree.n_ephemerals == world->core.tree.n_ephemerals);
    assert(again.core.sessions.by_id.count == world->core.sessions.by_id.count);
    kworld_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kworld world;
    struct kuser users[USERS];
    struct rd r = rd_make(bytes_make(data, size));

    kworld_init(&world);
    for (int i = 0; i < USERS; i++)
        kuser_hello(&world, &users[i], 5000);
    for (int i = 0; i < STEPS_MOST && r.left > 4; i++)
        step(&world, users, &r);
    replay_agrees(&world);
    for (int i = 0; i < USERS; i++)
        kuser_go(&users[i]);
    kworld_fini(&world);
    return 0;
}
