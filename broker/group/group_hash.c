/* group_hash.c - to which partition of the offsets topic a group belongs. */
#include "group/group.h"

/* One code point of UTF-8; what is none counts as U+FFFD, a byte. */
static uint32_t code_point(const uint8_t **at, const uint8_t *end)
{
    static const uint32_t least[] = { 0, 0x80, 0x800, 0x10000 };
    uint8_t c = *(*at)++;
    uint32_t v;
    int more;

    if (c < 0x80)
        return c;
    more = c >= 0xf0 && c < 0xf8 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
    if (more == 0 || c >= 0xf8 || end - *at < more)
        return 0xfffd;
    v = c & (0x3fu >> more);
    for (int i = 0; i < more; i++) {
        if (((*at)[i] & 0xc0) != 0x80)
            return 0xfffd;
        v = v << 6 | ((*at)[i] & 0x3fu);
    }
    if (v < least[more] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
        return 0xfffd;
    *at += more;
    return v;
}

int32_t group_hash(struct bytes id)
{
    const uint8_t *at = id.at, *end = id.at + id.len;
    uint32_t hash = 0;

    while (at < end) {
        uint32_t c = code_point(&at, end);

        if (c >= 0x10000) { /* two units of UTF-16 */
            hash = 31 * hash + (0xd7c0u + (c >> 10));
            c = 0xdc00u | (c & 0x3ffu);
        }
        hash = 31 * hash + c;
    }
    return (int32_t)hash;
}

int32_t group_partition(struct bytes id, int32_t n)
{
    int32_t hash = group_hash(id);

    if (hash == INT32_MIN)
        return 0;
    return (hash < 0 ? -hash : hash) % n;
}
