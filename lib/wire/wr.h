/* wr.h - the one buffer into which bytes for others are written.
 *
 * Born with a ceiling; grows by doubling; remembers its first failure
 * (ERR_LIMIT at the ceiling, ERR_NOMEM), after which all writing is ignored.
 * Ask `w->err` once at the end.
 *
 * Record data that lies in a file never passes through: wr_cut() notes that at
 * this point of the stream `length` bytes of a file follow, and whoever sends
 * the buffer (broker/net) uses sendfile there.
 *
 *     memory: | header ... length | ... length | ... |
 *     cuts:                       ^ file A     ^ file B
 */
#ifndef GREGOR_WIRE_WR_H
#define GREGOR_WIRE_WR_H

#include <endian.h>

#include "base/bytes.h"
#include "base/err.h"

/* What a `records` field holds: bytes in memory, or a range of a file, or
 * neither (null when `mem.at` and `file` are NULL). */
struct wire_records {
    struct bytes mem; /* used when file is NULL; borrowed */
    void *file;       /* counted reference to a segment file; the creator's
                         until wr_cut() takes it over, see there */
    int64_t position; /* byte position in the file */
    uint32_t length;  /* bytes of the file that follow */
};

/* A place in the stream where a file range is to be inserted. */
struct wr_cut {
    size_t at;  /* memory bytes that precede it */
    void *file; /* as in wire_records */
    int64_t position;
    uint32_t length;
};

struct wr {
    uint8_t *data;       /* owned; NULL while empty */
    size_t len;          /* memory bytes written */
    size_t size;         /* bytes allocated */
    size_t limit;        /* ceiling of len */
    struct wr_cut *cuts; /* owned; in order of `at` */
    size_t n_cuts;
    uint64_t cut_bytes; /* sum of the cuts' lengths */
    enum err err;       /* first failure; sticks */
};

/* An empty buffer; takes no memory yet. */
void wr_init(struct wr *w, size_t limit);

/* Free the memory. The cuts' file references are the caller's to give back. */
void wr_fini(struct wr *w);

/* Have memory for `n` more bytes, all at once, where that many will come. What
 * goes wrong shows when they are written. */
void wr_reserve(struct wr *w, size_t n);

/* Make room for `n` bytes at the end and return it, counted as written; NULL
 * after a failure. */
uint8_t *wr_room_slow(struct wr *w, size_t n);

/* The quick way of wr_room_slow(). The caller fills all `n` bytes before the
 * next call, which may move them. */
static inline uint8_t *wr_room(struct wr *w, size_t n)
{
    if (w->err == ERR_OK && n <= w->size - w->len && n <= w->limit - w->len) {
        uint8_t *p = w->data + w->len;
        w->len += n;
        return p;
    }
    return wr_room_slow(w, n);
}

/* Copy `n` bytes to the end; `p` may be NULL when n is 0. */
static inline void wr_raw(struct wr *w, const void *p, size_t n)
{
    uint8_t *room = n ? wr_room(w, n) : NULL;

    if (room)
        memcpy(room, p, n);
}

/* Fixed sizes, big-endian; a bool is one byte, 0 or 1. */
static inline void wr_u8(struct wr *w, uint8_t v)
{
    wr_raw(w, &v, 1);
}

static inline void wr_i8(struct wr *w, int8_t v)
{
    wr_raw(w, &v, 1);
}

static inline void wr_bool(struct wr *w, bool v)
{
    wr_u8(w, v ? 1 : 0);
}

static inline void wr_i16(struct wr *w, int16_t v)
{
    uint16_t be = htobe16((uint16_t)v);

    wr_raw(w, &be, 2);
}

static inline void wr_u16(struct wr *w, uint16_t v)
{
    wr_i16(w, (int16_t)v);
}

static inline void wr_i32(struct wr *w, int32_t v)
{
    uint32_t be = htobe32((uint32_t)v);

    wr_raw(w, &be, 4);
}

static inline void wr_u32(struct wr *w, uint32_t v)
{
    wr_i32(w, (int32_t)v);
}

static inline void wr_i64(struct wr *w, int64_t v)
{
    uint64_t be = htobe64((uint64_t)v);

    wr_raw(w, &be, 8);
}

/* 8 bytes, IEEE 754 binary64. */
static inline void wr_f64(struct wr *w, double v)
{
    uint64_t bits;

    memcpy(&bits, &v, sizeof bits);
    wr_i64(w, (int64_t)bits);
}

/* 16 bytes, most significant first. */
static inline void wr_uuid(struct wr *w, struct uuid u)
{
    wr_raw(w, u.b, 16);
}

/* Base 128, least significant group first: wr_uvarint() unsigned, 1 to 5 bytes;
 * wr_varint() and wr_varlong() zigzag, 1 to 5 and 1 to 10 bytes. */
void wr_uvarint(struct wr *w, uint32_t v);
void wr_varint(struct wr *w, int32_t v);
void wr_varlong(struct wr *w, int64_t v);

/* Kafka string (i16 length or compact); null becomes -1 (compact 0). Longer
 * than 32767 bytes is ERR_LIMIT. */
void wr_string(struct wr *w, bool compact, struct bytes b);

/* Kafka bytes (i32 length or compact); null becomes -1 (compact 0). 2^31 - 1
 * bytes and more is ERR_LIMIT. */
void wr_bytes(struct wr *w, bool compact, struct bytes b);

/* Kafka records: as wr_bytes(), or a length followed by a cut, which takes the
 * reference of `records->file` over (see wr_cut()). */
void wr_records(struct wr *w, bool compact, const struct wire_records *records);

/* Array count (i32 or compact); `is_null` writes the null array (n is 0).
 * 2^31 - 1 and more is ERR_LIMIT. */
void wr_count(struct wr *w, bool compact, size_t n, bool is_null);

/* Jute string or buffer: i32 length, -1 null; errors as wr_bytes(). */
void wr_jute(struct wr *w, struct bytes b);

/* Note that a range of a file follows here. The reference in `file` passes to
 * the buffer's sender also after a failure: every cut handed in is in `cuts`
 * (a failed buffer is given back by its owner, cut by cut). */
void wr_cut(struct wr *w, void *file, int64_t position, uint32_t length);

/* Overwrite 4 bytes written before at position `at` (frame lengths), counted in
 * bytes of memory: cuts do not count. Nothing after a failure. */
void wr_patch_i32(struct wr *w, size_t at, int32_t v);

#endif
