/* bytes.c - hashing, ids as text, integers from text. */
#include "base/bytes.h"

#include <assert.h>
#include <sys/random.h>

uint64_t bytes_hash(struct bytes b, uint64_t seed)
{
    uint64_t h = 0xcbf29ce484222325u ^ seed;

    for (size_t i = 0; i < b.len; i++)
        h = (h ^ b.at[i]) * 0x100000001b3u;
    h ^= h >> 32;
    h *= 0x9e3779b97f4a7c15u;
    return h ^ (h >> 29);
}

static const char base64_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

struct uuid uuid_random(void)
{
    struct uuid u;

    do {
        ssize_t n = getrandom(u.b, sizeof u.b, 0);

        assert(n == (ssize_t)sizeof u.b); /* 16 bytes are never cut short */
        u.b[6] = (uint8_t)((u.b[6] & 0x0f) | 0x40);
        u.b[8] = (uint8_t)((u.b[8] & 0x3f) | 0x80);
    } while (u.b[0] >> 2 == 62); /* its text would start with '-' */
    return u;
}

void uuid_to_text(struct uuid u, char text[static UUID_TEXT_LEN + 1])
{
    size_t at = 0;

    for (size_t i = 0; i < 16; i += 3) {
        uint32_t v = (uint32_t)u.b[i] << 16;

        if (i + 1 < 16)
            v |= (uint32_t)u.b[i + 1] << 8;
        if (i + 2 < 16)
            v |= u.b[i + 2];
        for (int shift = 18; shift >= 0 && at < UUID_TEXT_LEN; shift -= 6)
            text[at++] = base64_url[v >> shift & 63];
    }
    text[at] = '\0';
}

bool uuid_from_text(struct bytes text, struct uuid *u)
{
    uint32_t acc = 0;
    int bits = 0;
    size_t out = 0;

    if (text.len != UUID_TEXT_LEN)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char *p = text.at[i] ? strchr(base64_url, text.at[i]) : NULL;

        if (p == NULL)
            return false;
        acc = acc << 6 | (uint32_t)(p - base64_url);
        bits += 6;
        if (bits >= 8 && out < 16) {
            bits -= 8;
            u->b[out++] = (uint8_t)(acc >> bits);
        }
    }
    return out == 16;
}

bool bytes_to_int64(struct bytes text, int64_t min, int64_t max, int64_t *out)
{
    bool negative = text.len > 0 && text.at[0] == '-';
    uint64_t v = 0;
    uint64_t most = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
    size_t i = negative || (text.len > 0 && text.at[0] == '+') ? 1 : 0;

    if (i == text.len)
        return false;
    for (; i < text.len; i++) {
        uint64_t digit = (uint64_t)text.at[i] - '0';

        if (digit > 9 || v > (most - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    int64_t signed_v = negative ? (int64_t)(0 - v) : (int64_t)v;
    if (signed_v < min || signed_v > max)
        return false;
    *out = signed_v;
    return true;
}
