/* batch_parse.h - one record of magic 2 in contiguous memory; private.
 *
 * Inline, because validation runs through here for every record a client
 * sends. Nothing is read at or after `end`.
 */
#ifndef GREGOR_SEG_BATCH_PARSE_H
#define GREGOR_SEG_BATCH_PARSE_H

#include "base/bytes.h"

#define BATCH_LIKELY(x) __builtin_expect(!!(x), 1)

/* Where things stand in a header (see batch.h). */
enum {
    BATCH_AT_LENGTH = 8,
    BATCH_AT_EPOCH = 12,
    BATCH_AT_MAGIC = 16,
    BATCH_AT_CRC = 17,
    BATCH_AT_ATTRIBUTES = 21, /* the CRC covers from here on */
    BATCH_AT_BASE_TIMESTAMP = 27,
    BATCH_AT_MAX_TIMESTAMP = 35,
    BATCH_LEGACY_AT_CRC = 12,
};

/* A record as it stands in the bytes; lengths below 0 mean null. */
struct batch_raw {
    int64_t timestamp_delta;
    int32_t offset_delta;
    int32_t key_len;
    int32_t value_len;
    int32_t n_headers;
    int8_t attributes;
    const uint8_t *key;     /* after the key's length */
    const uint8_t *value;   /* after the value's length */
    const uint8_t *headers; /* after their count; they end with the record */
};

/* The general case: any length, up to `most` bits. */
bool batch_parse_long(const uint8_t **at, const uint8_t *end, unsigned most,
                      uint64_t *v);

/* 0, 1, 2, 3 ... mean 0, -1, 1, -2 ... */
static inline int32_t batch_unzigzag32(uint32_t v)
{
    return (int32_t)(v >> 1 ^ -(v & 1));
}

/* The same, wider. */
static inline int64_t batch_unzigzag64(uint64_t v)
{
    return (int64_t)(v >> 1 ^ -(v & 1));
}

/* The unsigned varint at `*at` when it has up to three bytes, which nearly all
 * have; else `*v` is left alone. Short ones go by predicted branches. */
static inline bool batch_parse_short(const uint8_t **at, const uint8_t *end,
                                     uint32_t *v)
{
    const uint8_t *p = *at;

    if (BATCH_LIKELY(p < end && p[0] < 0x80)) {
        *v = p[0];
        *at = p + 1;
        return true;
    }
    if (BATCH_LIKELY(end - p >= 2 && p[1] < 0x80)) {
        *v = (p[0] & 0x7fu) | (uint32_t)p[1] << 7;
        *at = p + 2;
        return true;
    }
    if (BATCH_LIKELY(end - p >= 3 && p[2] < 0x80)) {
        *v = (p[0] & 0x7fu) | (p[1] & 0x7fu) << 7 | (uint32_t)p[2] << 14;
        *at = p + 3;
        return true;
    }
    return false;
}

/* Zigzag varint of 32 bits; false when it is malformed or runs over. */
static inline bool batch_parse_varint(const uint8_t **at, const uint8_t *end,
                                      int32_t *out)
{
    uint32_t narrow;
    uint64_t v;

    if (BATCH_LIKELY(batch_parse_short(at, end, &narrow))) {
        *out = batch_unzigzag32(narrow);
        return true;
    }
    if (!batch_parse_long(at, end, 32, &v))
        return false;
    *out = batch_unzigzag32((uint32_t)v);
    return true;
}

/* Zigzag varint of 64 bits. */
static inline bool batch_parse_varlong(const uint8_t **at, const uint8_t *end,
                                       int64_t *out)
{
    uint32_t narrow;
    uint64_t v;

    if (BATCH_LIKELY(batch_parse_short(at, end, &narrow))) {
        *out = batch_unzigzag32(narrow);
        return true;
    }
    if (!batch_parse_long(at, end, 64, &v))
        return false;
    *out = batch_unzigzag64(v);
    return true;
}

/* A length and so many bytes; a negative length is null, as Kafka reads it. */
static inline bool batch_parse_bytes(const uint8_t **at, const uint8_t *end,
                                     int32_t *len, const uint8_t **bytes)
{
    if (!batch_parse_varint(at, end, len))
        return false;
    *bytes = *at;
    if (*len > 0) {
        if (*len > end - *at)
            return false;
        *at += *len;
    }
    return true;
}

/* Walk `n` headers, which must fill the rest exactly. */
bool batch_parse_headers(const uint8_t *at, const uint8_t *end, int32_t n);

/* The body of a record, which must fill [at, end) exactly. */
static inline bool batch_parse_body(const uint8_t *at, const uint8_t *end,
                                    struct batch_raw *raw)
{
    if (!BATCH_LIKELY(at < end))
        return false;
    raw->attributes = (int8_t)*at++;
    if (!batch_parse_varlong(&at, end, &raw->timestamp_delta) ||
        !batch_parse_varint(&at, end, &raw->offset_delta) ||
        !batch_parse_bytes(&at, end, &raw->key_len, &raw->key) ||
        !batch_parse_bytes(&at, end, &raw->value_len, &raw->value) ||
        !batch_parse_varint(&at, end, &raw->n_headers))
        return false;
    raw->headers = at;
    if (BATCH_LIKELY(raw->n_headers == 0))
        return at == end;
    return batch_parse_headers(at, end, raw->n_headers);
}

/* The record at `*at`, length included; moves `*at` behind it. */
static inline bool batch_parse_record(const uint8_t **at, const uint8_t *end,
                                      struct batch_raw *raw)
{
    int32_t len;

    if (!batch_parse_varint(at, end, &len) || len < 0 || len > end - *at)
        return false;
    const uint8_t *body = *at;
    *at += len;
    return batch_parse_body(body, *at, raw);
}

#endif
