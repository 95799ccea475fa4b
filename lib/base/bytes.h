/* bytes.h - borrowed bytes, and the 16-byte ids of topics.
 *
 * `struct bytes` never owns what it points to; whoever keeps the bytes copies
 * them. `at == NULL` means null (Kafka's and ZooKeeper's null string, buffer or
 * array), which differs from empty: empty has a pointer and length 0.
 */
#ifndef GREGOR_BASE_BYTES_H
#define GREGOR_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
    const uint8_t *at; /* NULL: null; else readable for `len` bytes */
    size_t len;        /* counts bytes; 0 when null */
};

/* Bytes of a string literal, usable in initializers; the NUL is not counted. */
#define BYTES(literal)                                                         \
    ((struct bytes){ (const uint8_t *)("" literal), sizeof(literal) - 1 })

#define BYTES_NULL ((struct bytes){ NULL, 0 })

/* printf with "%.*s": `printf("topic=%.*s", BYTES_ARG(name))`. */
#define BYTES_ARG(b)                                                           \
    (int)(b).len, (const char *)((b).at ? (b).at : (const uint8_t *)"")

/* Borrow `len` bytes at `at`; NULL and 0 make null. */
static inline struct bytes bytes_make(const void *at, size_t len)
{
    return (struct bytes){ (const uint8_t *)at, len };
}

/* Borrow a C string; NULL becomes null. */
static inline struct bytes bytes_of(const char *s)
{
    return (struct bytes){ (const uint8_t *)s, s ? strlen(s) : 0 };
}

/* Null, as a string, buffer or array of Kafka or ZooKeeper; empty is not. */
static inline bool bytes_is_null(struct bytes b)
{
    return b.at == NULL;
}

/* Equal in content; null and empty differ. */
static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    if (a.len != b.len || (a.at == NULL) != (b.at == NULL))
        return false;
    return a.len == 0 || a.at == NULL || memcmp(a.at, b.at, a.len) == 0;
}

/* Equal to a C string. */
static inline bool bytes_is(struct bytes a, const char *s)
{
    return bytes_equal(a, bytes_of(s));
}

/* Order as memcmp(3), less than, equal to or greater than 0; a prefix comes
 * first. Null and empty are equal here. */
static inline int bytes_compare(struct bytes a, struct bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.at, b.at, n) : 0;

    return c ? c : (a.len > b.len) - (a.len < b.len);
}

/* 64-bit hash, seeded (FNV-1a with a final mix); not for untrusted flooding
 * unless the seed is random. */
uint64_t bytes_hash(struct bytes b, uint64_t seed);

/* A topic id, most significant byte first (Kafka's Uuid). */
struct uuid {
    uint8_t b[16];
};

#define UUID_TEXT_LEN 22 /* URL-safe base64 without padding */

/* All zero: Kafka's "no topic id". */
static inline bool uuid_is_zero(struct uuid u)
{
    static const uint8_t zero[16];

    return memcmp(u.b, zero, 16) == 0;
}

/* The same 16 bytes. */
static inline bool uuid_equal(struct uuid a, struct uuid b)
{
    return memcmp(a.b, b.b, 16) == 0;
}

/* A random version 4 id whose text does not start with '-', as Kafka makes
 * topic and cluster ids. Randomness from getrandom(2). */
struct uuid uuid_random(void);

/* Write the 22 characters and a NUL. */
void uuid_to_text(struct uuid u, char text[static UUID_TEXT_LEN + 1]);

/* Read 22 characters; false if it is not such a text, and `*u` is then of no
 * meaning. Bits beyond the 128th are not looked at. */
bool uuid_from_text(struct bytes text, struct uuid *u);

/* Read a decimal integer that fills `text` whole, with '-' or '+' or neither in
 * front, within [min, max]. False: it is none, and `*out` is left alone. */
bool bytes_to_int64(struct bytes text, int64_t min, int64_t max, int64_t *out);

#endif
