/* random.c - random pieces of messages, for tests.
 *
 * The generator is splitmix64: small, good enough, and the same everywhere, so
 * that a failure is repeated from its seed.
 */
#include "wire/message.h"

enum { TEXT_MOST = 12, LONG_TEXT = 200, ARRAY_MOST = 3 };

uint64_t wire_random_u64(struct wire_random *rnd)
{
    uint64_t z = (rnd->state += 0x9e3779b97f4a7c15u);

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

int64_t wire_random_int(struct wire_random *rnd, unsigned bits)
{
    uint64_t v = wire_random_u64(rnd);
    uint64_t top = (uint64_t)1 << (bits - 1);

    switch (v % 8) {
    case 0:
        v = 0;
        break;
    case 1:
        v = UINT64_MAX; /* -1, the usual "none" */
        break;
    case 2:
        v = top; /* the lowest */
        break;
    case 3:
        v = top - 1; /* the highest */
        break;
    case 4:
    case 5:
        v = v >> 8 & 0x7f;
        break;
    default:
        v >>= 64 - bits;
        break;
    }
    /* Sign-extend from `bits`. */
    v &= top | (top - 1);
    return (int64_t)((v ^ top) - top);
}

bool wire_random_bool(struct wire_random *rnd)
{
    return wire_random_u64(rnd) >> 63;
}

double wire_random_float(struct wire_random *rnd)
{
    return (double)wire_random_int(rnd, 53) / 1024.0;
}

struct uuid wire_random_uuid(struct wire_random *rnd)
{
    struct uuid u = { { 0 } };
    bool zero = wire_random_u64(rnd) % 8 == 0;

    for (size_t i = 0; i < sizeof u.b && !zero; i++)
        u.b[i] = (uint8_t)wire_random_u64(rnd);
    return u;
}

static uint8_t *random_room(struct wire_random *rnd, struct arena *arena,
                            size_t *len)
{
    *len = wire_random_u64(rnd) % (TEXT_MOST + 1);
    if (wire_random_u64(rnd) % 64 == 0)
        *len += LONG_TEXT; /* lengths of two bytes */
    uint8_t *p = arena_take(arena, *len);
    if (p == NULL)
        *len = 0;
    return p;
}

struct bytes wire_random_string(struct wire_random *rnd, struct arena *arena,
                                bool nullable)
{
    static const uint8_t umlaut[2] = { 0xc3, 0xb6 };
    size_t len;

    if (nullable && wire_random_u64(rnd) % 4 == 0)
        return BYTES_NULL;
    uint8_t *p = random_room(rnd, arena, &len);
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(' ' + wire_random_u64(rnd) % 95);
    if (len > 2 && wire_random_u64(rnd) % 4 == 0)
        memcpy(p, umlaut, sizeof umlaut);
    return p ? bytes_make(p, len) : BYTES("");
}

struct bytes wire_random_bytes(struct wire_random *rnd, struct arena *arena,
                               bool nullable)
{
    size_t len;

    if (nullable && wire_random_u64(rnd) % 4 == 0)
        return BYTES_NULL;
    uint8_t *p = random_room(rnd, arena, &len);
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)wire_random_u64(rnd);
    return p ? bytes_make(p, len) : BYTES("");
}

size_t wire_random_array(struct wire_random *rnd, struct arena *arena,
                         size_t size, void *array_out)
{
    size_t n = wire_random_u64(rnd) % (ARRAY_MOST + 1);
    void *p = n ? arena_array(arena, n, size) : NULL;

    memcpy(array_out, &p, sizeof p);
    return p ? n : 0;
}
