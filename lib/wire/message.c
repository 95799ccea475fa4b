/* message.c - arrays and tagged fields of generated messages. */
#include "wire/message.h"

void *wire_array(struct rd *r, struct arena *arena, size_t n, size_t size)
{
    if (n == 0 || r->err != ERR_OK)
        return NULL;
    void *p = arena_array(arena, n, size);
    if (p == NULL)
        rd_fail(r, arena->err);
    return p;
}

struct rd wire_tag_open(struct rd *r)
{
    size_t len = rd_uvarint(r);
    const uint8_t *p = rd_take(r, len);

    return (struct rd){ p, p ? len : 0, r->err };
}

void wire_tag_close(struct rd *r, const struct rd *field)
{
    /* Too short inside its own length is not too short on the wire. */
    if (field->err == ERR_SHORT || (field->err == ERR_OK && field->left > 0))
        rd_fail(r, ERR_FORMAT);
    else if (field->err != ERR_OK)
        rd_fail(r, field->err);
}

size_t wire_tag_begin(struct wr *w, uint32_t tag)
{
    wr_uvarint(w, tag);
    size_t begin = w->len;
    wr_u8(w, 0); /* the length, while it fits into one byte */
    return begin;
}

void wire_tag_end(struct wr *w, size_t begin)
{
    if (w->err != ERR_OK)
        return;
    size_t len = w->len - begin - 1;
    size_t more = 0; /* bytes of the length beyond the first */

    for (size_t v = len; v >= 0x80; v >>= 7)
        more++;
    if (more > 0) {
        if (wr_room(w, more) == NULL)
            return;
        memmove(w->data + begin + 1 + more, w->data + begin + 1, len);
    }
    for (size_t i = 0; i <= more; i++, len >>= 7)
        w->data[begin + i] = (uint8_t)((len & 0x7f) | (i < more ? 0x80 : 0));
}

void wire_records_write(struct wr *w, bool compact, bool nullable,
                        const struct wire_records *records)
{
    if (records->file == NULL)
        wr_bytes(w, compact, wire_present(records->mem, nullable));
    else
        wr_records(w, compact, records);
}
