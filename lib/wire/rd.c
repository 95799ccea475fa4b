/* rd.c - variable-length parts of the cursor. */
#include "wire/rd.h"

uint32_t rd_uvarint(struct rd *r)
{
    uint32_t v = 0;

    for (unsigned shift = 0; shift < 35; shift += 7) {
        uint8_t b = rd_u8(r);

        if (r->err != ERR_OK)
            return 0;
        if (shift == 28 && b > 0x0f)
            break;
        v |= (uint32_t)(b & 0x7f) << shift;
        if (b < 0x80)
            return v;
    }
    rd_fail(r, ERR_FORMAT);
    return 0;
}

int32_t rd_varint(struct rd *r)
{
    uint32_t v = rd_uvarint(r);

    return (int32_t)(v >> 1 ^ -(v & 1));
}

int64_t rd_varlong(struct rd *r)
{
    uint64_t v = 0;

    for (unsigned shift = 0; shift < 70; shift += 7) {
        uint8_t b = rd_u8(r);

        if (r->err != ERR_OK)
            return 0;
        if (shift == 63 && b > 0x01)
            break;
        v |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80)
            return (int64_t)(v >> 1 ^ -(v & 1));
    }
    rd_fail(r, ERR_FORMAT);
    return 0;
}

/* The slice after a length was read: -1 is null, below is malformed. */
static struct bytes rd_slice(struct rd *r, int64_t len, bool nullable)
{
    if (r->err != ERR_OK)
        return BYTES_NULL;
    if (len < 0) {
        if (len != -1 || !nullable)
            rd_fail(r, ERR_FORMAT);
        return BYTES_NULL;
    }
    const uint8_t *p = rd_take(r, (size_t)len);
    return p ? bytes_make(p, (size_t)len) : BYTES_NULL;
}

struct bytes rd_string(struct rd *r, bool compact, bool nullable)
{
    int64_t len = compact ? (int64_t)rd_uvarint(r) - 1 : rd_i16(r);

    if (len > INT16_MAX) {
        rd_fail(r, ERR_LIMIT);
        return BYTES_NULL;
    }
    return rd_slice(r, len, nullable);
}

struct bytes rd_bytes(struct rd *r, bool compact, bool nullable)
{
    int64_t len = compact ? (int64_t)rd_uvarint(r) - 1 : rd_i32(r);

    return rd_slice(r, len, nullable);
}

size_t rd_count(struct rd *r, bool compact, size_t smallest, size_t most,
                bool *is_null)
{
    int64_t n = compact ? (int64_t)rd_uvarint(r) - 1 : rd_i32(r);

    if (is_null)
        *is_null = false;
    if (r->err != ERR_OK)
        return 0;
    if (n < 0) {
        if (n != -1 || is_null == NULL)
            rd_fail(r, ERR_FORMAT);
        else
            *is_null = true;
        return 0;
    }
    if ((uint64_t)n > most) {
        rd_fail(r, ERR_LIMIT);
        return 0;
    }
    if ((uint64_t)n > r->left / (smallest ? smallest : 1)) {
        rd_fail(r, ERR_SHORT);
        return 0;
    }
    return (size_t)n;
}

void rd_skip_tags(struct rd *r)
{
    uint32_t n = rd_uvarint(r);

    while (n-- > 0 && r->err == ERR_OK) {
        rd_uvarint(r);
        rd_take(r, rd_uvarint(r));
    }
}

struct bytes rd_jute(struct rd *r, size_t most)
{
    int32_t len = rd_i32(r);

    if (len >= 0 && (size_t)len > most) {
        rd_fail(r, ERR_LIMIT);
        return BYTES_NULL;
    }
    return rd_slice(r, len, true);
}
