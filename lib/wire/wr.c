/* wr.c - growth and the variable-length parts of the buffer. */
#include "wire/wr.h"

#include <assert.h>

#include "base/mem.h"

enum { WR_FIRST = 256 };

void wr_init(struct wr *w, size_t limit)
{
    *w = (struct wr){ .limit = limit };
}

void wr_fini(struct wr *w)
{
    mem_free(w->data);
    mem_free(w->cuts);
    *w = (struct wr){ .limit = w->limit };
}

uint8_t *wr_room_slow(struct wr *w, size_t n)
{
    size_t size = w->size ? w->size : WR_FIRST;

    if (w->err != ERR_OK)
        return NULL;
    if (n > w->limit - w->len) {
        w->err = ERR_LIMIT;
        return NULL;
    }
    while (size - w->len < n)
        size *= 2;
    if (size != w->size) {
        uint8_t *data = mem_try_more(w->data, size, 1);

        if (data == NULL) {
            w->err = ERR_NOMEM;
            return NULL;
        }
        w->data = data;
        w->size = size;
    }
    uint8_t *p = w->data + w->len;
    w->len += n;
    return p;
}

void wr_reserve(struct wr *w, size_t n)
{
    if (n <= w->limit - w->len && wr_room(w, n) != NULL)
        w->len -= n;
}

void wr_uvarint(struct wr *w, uint32_t v)
{
    uint8_t b[5];
    size_t n = 0;

    if (v < 0x80) { /* most are */
        wr_u8(w, (uint8_t)v);
        return;
    }
    while (v >= 0x80) {
        b[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    b[n++] = (uint8_t)v;
    wr_raw(w, b, n);
}

void wr_varint(struct wr *w, int32_t v)
{
    wr_uvarint(w, (uint32_t)v << 1 ^ (uint32_t)(v >> 31));
}

void wr_varlong(struct wr *w, int64_t v)
{
    uint64_t z = (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
    uint8_t b[10];
    size_t n = 0;

    if (z < 0x80) {
        wr_u8(w, (uint8_t)z);
        return;
    }
    while (z >= 0x80) {
        b[n++] = (uint8_t)(z | 0x80);
        z >>= 7;
    }
    b[n++] = (uint8_t)z;
    wr_raw(w, b, n);
}

void wr_string(struct wr *w, bool compact, struct bytes b)
{
    if (b.len > INT16_MAX) {
        if (w->err == ERR_OK)
            w->err = ERR_LIMIT;
        return;
    }
    if (compact)
        wr_uvarint(w, bytes_is_null(b) ? 0 : (uint32_t)b.len + 1);
    else
        wr_i16(w, (int16_t)(bytes_is_null(b) ? -1 : (int)b.len));
    wr_raw(w, b.at, b.len);
}

static void wr_length(struct wr *w, bool compact, size_t len, bool is_null)
{
    if (len > INT32_MAX - 1) {
        if (w->err == ERR_OK)
            w->err = ERR_LIMIT;
        return;
    }
    if (compact)
        wr_uvarint(w, is_null ? 0 : (uint32_t)len + 1);
    else
        wr_i32(w, is_null ? -1 : (int32_t)len);
}

void wr_bytes(struct wr *w, bool compact, struct bytes b)
{
    wr_length(w, compact, b.len, bytes_is_null(b));
    wr_raw(w, b.at, b.len);
}

void wr_records(struct wr *w, bool compact, const struct wire_records *records)
{
    if (records->file == NULL) {
        wr_bytes(w, compact, records->mem);
        return;
    }
    wr_length(w, compact, records->length, false);
    wr_cut(w, records->file, records->position, records->length);
}

void wr_count(struct wr *w, bool compact, size_t n, bool is_null)
{
    wr_length(w, compact, n, is_null);
}

void wr_jute(struct wr *w, struct bytes b)
{
    wr_length(w, false, b.len, bytes_is_null(b));
    wr_raw(w, b.at, b.len);
}

void wr_cut(struct wr *w, void *file, int64_t position, uint32_t length)
{
    if ((w->n_cuts & (w->n_cuts - 1)) == 0) /* full at 0, 1, 2, 4, 8 ... */
        w->cuts = mem_need_more(w->cuts, w->n_cuts ? w->n_cuts * 2 : 1,
                                sizeof *w->cuts);
    w->cuts[w->n_cuts++] = (struct wr_cut){ w->len, file, position, length };
    w->cut_bytes += length;
}

void wr_patch_i32(struct wr *w, size_t at, int32_t v)
{
    uint32_t be = htobe32((uint32_t)v);

    if (w->err != ERR_OK)
        return;
    assert(at + 4 <= w->len);
    memcpy(w->data + at, &be, 4);
}
