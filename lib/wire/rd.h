/* rd.h - the one cursor through which foreign bytes are read.
 *
 * A cursor remembers its first failure; after it every read gives zero, null or
 * empty. So a decoder is straight lines and one question at the end. Lengths
 * are compared with what is left, by subtraction: sums wrap.
 *
 * Strings, buffers and records come back as slices of the input: they live as
 * long as the input does. Arrays are counted here and allocated by the caller.
 */
#ifndef GREGOR_WIRE_RD_H
#define GREGOR_WIRE_RD_H

#include <endian.h>

#include "base/bytes.h"
#include "base/err.h"

struct rd {
    const uint8_t *at; /* next byte */
    size_t left;       /* bytes that remain */
    enum err err;      /* first failure: ERR_SHORT, ERR_FORMAT, ERR_LIMIT */
};

/* A cursor at the front of `b`, which must outlive it and every slice that it
 * gives. */
static inline struct rd rd_make(struct bytes b)
{
    return (struct rd){ b.at, b.len, ERR_OK };
}

/* Remember a failure, the first one only. */
static inline void rd_fail(struct rd *r, enum err err)
{
    if (r->err == ERR_OK)
        r->err = err;
}

/* The next `n` bytes, or NULL after a failure. */
static inline const uint8_t *rd_take(struct rd *r, size_t n)
{
    if (r->err != ERR_OK)
        return NULL;
    if (n > r->left) {
        r->err = ERR_SHORT;
        return NULL;
    }
    const uint8_t *p = r->at;
    r->at += n;
    r->left -= n;
    return p;
}

/* Fixed sizes, big-endian, signed ones in two's complement; after a failure, or
 * when fewer bytes are left (ERR_SHORT), 0. Every byte but 0 is a true bool,
 * as Kafka and jute read it. */
static inline uint8_t rd_u8(struct rd *r)
{
    const uint8_t *p = rd_take(r, 1);

    return p ? *p : 0;
}

static inline int8_t rd_i8(struct rd *r)
{
    return (int8_t)rd_u8(r);
}

static inline bool rd_bool(struct rd *r)
{
    return rd_u8(r) != 0;
}

static inline uint16_t rd_u16(struct rd *r)
{
    const uint8_t *p = rd_take(r, 2);
    uint16_t v = 0;

    if (p)
        memcpy(&v, p, 2);
    return be16toh(v);
}

static inline int16_t rd_i16(struct rd *r)
{
    return (int16_t)rd_u16(r);
}

static inline uint32_t rd_u32(struct rd *r)
{
    const uint8_t *p = rd_take(r, 4);
    uint32_t v = 0;

    if (p)
        memcpy(&v, p, 4);
    return be32toh(v);
}

static inline int32_t rd_i32(struct rd *r)
{
    return (int32_t)rd_u32(r);
}

static inline uint64_t rd_u64(struct rd *r)
{
    const uint8_t *p = rd_take(r, 8);
    uint64_t v = 0;

    if (p)
        memcpy(&v, p, 8);
    return be64toh(v);
}

static inline int64_t rd_i64(struct rd *r)
{
    return (int64_t)rd_u64(r);
}

/* 8 bytes, IEEE 754 binary64; any bits, NaN too. */
static inline double rd_f64(struct rd *r)
{
    uint64_t v = rd_u64(r);
    double d;

    memcpy(&d, &v, sizeof d);
    return d;
}

/* 16 bytes, most significant first; zero after a failure. */
static inline struct uuid rd_uuid(struct rd *r)
{
    const uint8_t *p = rd_take(r, 16);
    struct uuid u = { { 0 } };

    if (p)
        memcpy(u.b, p, 16);
    return u;
}

/* Unsigned varint of at most 32 bits (5 bytes); more is ERR_FORMAT. */
uint32_t rd_uvarint(struct rd *r);

/* Zigzag varint of 32 bits; more is ERR_FORMAT. */
int32_t rd_varint(struct rd *r);

/* Zigzag varint of 64 bits (10 bytes); more is ERR_FORMAT. */
int64_t rd_varlong(struct rd *r);

/* Kafka strings: i16 length, or compact (uvarint length + 1, 0 null; beyond
 * 32767 bytes ERR_LIMIT). Null is given back as null; a reader of a
 * non-nullable field passes nullable = false and null is ERR_FORMAT, as is a
 * length below -1. Whether it is UTF-8 is not looked at. */
struct bytes rd_string(struct rd *r, bool compact, bool nullable);

/* Kafka bytes and records: i32 length, or compact; null as in rd_string(). */
struct bytes rd_bytes(struct rd *r, bool compact, bool nullable);

/* An array's count: i32, or compact. It is believed only while that many of
 * the smallest elements (`smallest` bytes each, at least 1) still fit into what
 * is left (else ERR_SHORT) and never above `most` (else ERR_LIMIT). A null
 * array sets *is_null when the caller passes one, else it is ERR_FORMAT. */
size_t rd_count(struct rd *r, bool compact, size_t smallest, size_t most,
                bool *is_null);

/* Skip one tagged-field section whose tags nobody here knows: a uvarint count,
 * then tag, size and bytes of each (KIP-482). */
void rd_skip_tags(struct rd *r);

/* Jute (ZooKeeper) string or buffer: i32 length, -1 null, below that
 * ERR_FORMAT; bounded by `most` bytes (else ERR_LIMIT). */
struct bytes rd_jute(struct rd *r, size_t most);

#endif
