/* wheel.c - the timing wheel.
 *
 * A bit may be set for a slot that has become empty (taking out touches only
 * the list); whoever looks for the next slot clears such bits as it goes.
 */
#include "loop/wheel.h"

#include <stdbool.h>

#include "loop/loop.h"

static int far_shift(int level)
{
    return WHEEL_NEAR_BITS + level * WHEEL_FAR_BITS;
}

void wheel_init(struct wheel *wheel, int64_t now_us)
{
    *wheel = (struct wheel){ .tick = now_us / 1000 };
    list_init(&wheel->overdue);
    for (int i = 0; i < WHEEL_NEAR; i++)
        list_init(&wheel->near[i]);
    for (int level = 0; level < WHEEL_FARS; level++) {
        for (int i = 0; i < WHEEL_FAR; i++)
            list_init(&wheel->far[level][i]);
    }
}

/* The first tick at which the timer may be handed out. */
static int64_t timer_tick(const struct loop_timer *timer)
{
    return timer->due_us / 1000 + (timer->due_us % 1000 > 0);
}

/* Put into the finest wheel that reaches `tick`, which is not in the past. What
 * is too far for all waits in the last slot of the coarsest and is put again
 * from there. */
static void wheel_place(struct wheel *wheel, struct loop_timer *timer,
                        int64_t tick)
{
    int64_t ahead = tick - wheel->tick;
    int level = 0;

    if (ahead < WHEEL_NEAR) {
        size_t slot = (size_t)tick & (WHEEL_NEAR - 1);

        wheel->near_bits[slot / 64] |= 1ull << (slot % 64);
        list_append(&wheel->near[slot], &timer->link);
        return;
    }
    while (level < WHEEL_FARS - 1 && ahead >> far_shift(level + 1) != 0)
        level++;
    if (ahead >> far_shift(WHEEL_FARS) != 0)
        tick = wheel->tick + (1ll << far_shift(WHEEL_FARS)) - 1;
    size_t slot = (size_t)(tick >> far_shift(level)) & (WHEEL_FAR - 1);
    wheel->far_bits[level] |= 1ull << slot;
    list_append(&wheel->far[level][slot], &timer->link);
}

void wheel_put(struct wheel *wheel, struct loop_timer *timer)
{
    int64_t tick = timer_tick(timer);

    if (tick <= wheel->tick)
        list_append(&wheel->overdue, &timer->link);
    else
        wheel_place(wheel, timer, tick);
}

/* Ticks from now to the first slot of the near wheel that is not empty, 1 to
 * 255; 0 when all are empty. */
static int64_t near_distance(struct wheel *wheel)
{
    for (int64_t ahead = 1; ahead < WHEEL_NEAR; ahead++) {
        size_t slot = (size_t)(wheel->tick + ahead) & (WHEEL_NEAR - 1);
        uint64_t bits = wheel->near_bits[slot / 64] >> (slot % 64);

        if (bits == 0) { /* on to the next word, which the loop steps into */
            ahead += 63 - (int64_t)(slot % 64);
            continue;
        }
        int zeros = __builtin_ctzll(bits);
        ahead += zeros;
        slot = (size_t)(wheel->tick + ahead) & (WHEEL_NEAR - 1);
        if (ahead < WHEEL_NEAR && !list_is_empty(&wheel->near[slot]))
            return ahead;
        if (list_is_empty(&wheel->near[slot]))
            wheel->near_bits[slot / 64] &= ~(1ull << (slot % 64));
    }
    return 0;
}

/* The tick at which the first slot of a coarse wheel falls down; INT64_MAX when
 * all are empty. The slot of the present is a whole round away. */
static int64_t far_tick(struct wheel *wheel, int level)
{
    int64_t round = wheel->tick >> far_shift(level);
    unsigned now = (unsigned)round & (WHEEL_FAR - 1);
    unsigned turn = (now + 1) & (WHEEL_FAR - 1);

    while (wheel->far_bits[level] != 0) {
        uint64_t bits = wheel->far_bits[level];

        /* rotate so that the slot after the present one is bit 0 */
        if (turn != 0)
            bits = bits >> turn | bits << (64 - turn);
        unsigned ahead = (unsigned)__builtin_ctzll(bits) + 1;
        unsigned slot = (now + ahead) & (WHEEL_FAR - 1);
        if (!list_is_empty(&wheel->far[level][slot]))
            return (round + ahead) << far_shift(level);
        wheel->far_bits[level] &= ~(1ull << slot);
    }
    return INT64_MAX;
}

static int64_t wheel_next_tick(struct wheel *wheel)
{
    int64_t ahead = near_distance(wheel);
    int64_t next = ahead != 0 ? wheel->tick + ahead : INT64_MAX;

    for (int level = 0; level < WHEEL_FARS; level++) {
        int64_t tick = far_tick(wheel, level);

        if (tick < next)
            next = tick;
    }
    return next;
}

int64_t wheel_next_us(struct wheel *wheel)
{
    int64_t next;

    if (!list_is_empty(&wheel->overdue))
        return 0;
    next = wheel_next_tick(wheel);
    return next == INT64_MAX ? INT64_MAX : next * 1000;
}

static void wheel_cascade(struct wheel *wheel, int level)
{
    size_t slot = (size_t)(wheel->tick >> far_shift(level)) & (WHEEL_FAR - 1);
    struct list fallen;

    list_init(&fallen);
    list_move_all(&fallen, &wheel->far[level][slot]);
    wheel->far_bits[level] &= ~(1ull << slot);
    LIST_EACH(link, &fallen) {
        struct loop_timer *timer = CONTAINER_OF(link, struct loop_timer, link);

        list_remove(link);
        wheel_place(wheel, timer, timer_tick(timer));
    }
}

/* Go to a tick before which there is nothing, and hand out what it holds. */
static void wheel_step(struct wheel *wheel, int64_t tick, struct list *due)
{
    size_t slot = (size_t)tick & (WHEEL_NEAR - 1);

    wheel->tick = tick;
    for (int level = 0; level < WHEEL_FARS; level++) {
        if ((tick & ((1ll << far_shift(level)) - 1)) == 0)
            wheel_cascade(wheel, level);
    }
    list_move_all(due, &wheel->near[slot]);
    wheel->near_bits[slot / 64] &= ~(1ull << (slot % 64));
}

void wheel_take_due(struct wheel *wheel, int64_t now_us, struct list *due)
{
    int64_t now = now_us / 1000;

    list_move_all(due, &wheel->overdue);
    for (;;) {
        int64_t next = wheel_next_tick(wheel);

        if (next > now)
            break;
        wheel_step(wheel, next, due);
    }
    if (now > wheel->tick)
        wheel->tick = now;
}
