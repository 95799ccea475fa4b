/* xxh32.c - the 32-bit xxHash with seed 0 (lz4 frame format, its checksum).
 *
 * liblz4 has it inside, but does not give it out.
 */
#include "codec/codec_impl.h"

#define XXH_P1 0x9e3779b1u
#define XXH_P2 0x85ebca77u
#define XXH_P3 0xc2b2ae3du
#define XXH_P4 0x27d4eb2fu
#define XXH_P5 0x165667b1u

static uint32_t xxh_rotate(uint32_t v, unsigned by)
{
    return v << by | v >> (32 - by);
}

static uint32_t xxh_word(const uint8_t *at)
{
    uint32_t v;

    memcpy(&v, at, 4);
    return le32toh(v);
}

static uint32_t xxh_round(uint32_t lane, const uint8_t *at)
{
    return xxh_rotate(lane + xxh_word(at) * XXH_P2, 13) * XXH_P1;
}

uint32_t codec_xxh32(struct bytes bytes)
{
    const uint8_t *at = bytes.at;
    const uint8_t *end = at + bytes.len;
    uint32_t h = XXH_P5;

    if (bytes.len >= 16) {
        uint32_t a = XXH_P1 + XXH_P2, b = XXH_P2, c = 0, d = 0u - XXH_P1;

        for (; end - at >= 16; at += 16) {
            a = xxh_round(a, at);
            b = xxh_round(b, at + 4);
            c = xxh_round(c, at + 8);
            d = xxh_round(d, at + 12);
        }
        h = xxh_rotate(a, 1) + xxh_rotate(b, 7) + xxh_rotate(c, 12) +
            xxh_rotate(d, 18);
    }
    h += (uint32_t)bytes.len;
    for (; end - at >= 4; at += 4)
        h = xxh_rotate(h + xxh_word(at) * XXH_P3, 17) * XXH_P4;
    for (; at < end; at++)
        h = xxh_rotate(h + *at * XXH_P5, 11) * XXH_P1;
    h = (h ^ h >> 15) * XXH_P2;
    h = (h ^ h >> 13) * XXH_P3;
    return h ^ h >> 16;
}
