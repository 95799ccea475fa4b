/* batch_parse.c - the rarer parts of reading a record. */
#include "seg/batch_parse.h"

#include "seg/batch.h"

bool batch_parse_long(const uint8_t **at, const uint8_t *end, unsigned most,
                      uint64_t *v)
{
    const uint8_t *p = *at;
    uint64_t sum = 0;

    for (unsigned shift = 0; shift < most; shift += 7) {
        if (p >= end)
            return false;
        uint8_t b = *p++;
        if (most - shift < 7 && b >> (most - shift) != 0)
            return false;
        sum |= (uint64_t)(b & 0x7f) << shift;
        if (b < 0x80) {
            *v = sum;
            *at = p;
            return true;
        }
    }
    return false;
}

/* One header; false when it is malformed. Its key must not be null. */
static bool batch_parse_header(const uint8_t **at, const uint8_t *end,
                               struct bytes *key, struct bytes *value)
{
    const uint8_t *p;
    int32_t len;

    if (!batch_parse_bytes(at, end, &len, &p) || len < 0)
        return false;
    *key = bytes_make(p, (size_t)len);
    if (!batch_parse_bytes(at, end, &len, &p))
        return false;
    *value = len < 0 ? BYTES_NULL : bytes_make(p, (size_t)len);
    return true;
}

bool batch_parse_headers(const uint8_t *at, const uint8_t *end, int32_t n)
{
    struct bytes key, value;

    if (n < 0)
        return false;
    while (n-- > 0) {
        if (!batch_parse_header(&at, end, &key, &value))
            return false;
    }
    return at == end;
}

enum err batch_record_header(struct bytes *headers, struct bytes *key,
                             struct bytes *value)
{
    const uint8_t *at = headers->at;

    if (headers->len == 0)
        return ERR_ABSENT;
    if (!batch_parse_header(&at, headers->at + headers->len, key, value))
        return ERR_FORMAT;
    headers->len -= (size_t)(at - headers->at);
    headers->at = at;
    return ERR_OK;
}
