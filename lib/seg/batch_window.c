/* batch_window.c - moving the window over a compressed stream. */
#include "seg/batch_window.h"

#include "base/mem.h"
#include "seg/batch_parse.h"

/* A window above this is given back with the next batch. */
enum { BATCH_WINDOW_KEPT = 1024 * 1024 };

void batch_window_clear(struct batch_reader *reader)
{
    reader->window_at = 0;
    reader->window_end = 0;
    if (reader->window_size > BATCH_WINDOW_KEPT) {
        mem_free(reader->window);
        reader->window = NULL;
        reader->window_size = 0;
    }
}

/* Free room behind the bytes that are here: move them to the front, and when
 * they fill all of it, take twice as much. */
static enum err batch_window_room(struct batch_reader *reader)
{
    size_t here = batch_window_here(reader);

    if (reader->window_end < reader->window_size)
        return ERR_OK;
    if (reader->window_at != 0) {
        memmove(reader->window, reader->window + reader->window_at, here);
        reader->window_at = 0;
        reader->window_end = here;
        return ERR_OK;
    }
    size_t size = reader->window_size ? reader->window_size * 2 : BATCH_WINDOW;
    uint8_t *window = mem_try_more(reader->window, size, 1);
    if (window == NULL)
        return ERR_NOMEM;
    reader->window = window;
    reader->window_size = size;
    return ERR_OK;
}

enum err batch_window_need(struct batch_reader *reader, size_t n)
{
    size_t came;
    enum err err;

    while (batch_window_here(reader) < n) {
        err = batch_window_room(reader);
        if (err != ERR_OK)
            return err;
        err = codec_reader_read(
            &reader->codec, reader->window + reader->window_end,
            reader->window_size - reader->window_end, &came);
        if (err != ERR_OK)
            return err;
        reader->window_end += came;
    }
    return ERR_OK;
}

enum err batch_window_skip(struct batch_reader *reader, size_t n)
{
    enum err err = ERR_OK;

    while (n != 0 && err == ERR_OK) {
        size_t here = batch_window_here(reader);

        if (here > n)
            here = n;
        reader->window_at += here;
        n -= here;
        if (n != 0) {
            reader->window_at = 0;
            reader->window_end = 0;
            err = batch_window_need(reader, 1);
        }
    }
    return err;
}

/* -- skimming ----------------------------------------------------------------
 */

/* A record larger than the window, taken piece by piece. */
struct skim {
    struct batch_reader *reader;
    int32_t left; /* bytes of the body that remain */
    enum err err; /* first failure; sticks; ERR_ABSENT: the stream ended */
};

static int64_t skim_number(struct skim *s, bool wide)
{
    int32_t narrow = 0;
    int64_t v = 0;

    if (s->err != ERR_OK)
        return 0;
    enum err err = batch_window_need(s->reader, 10); /* the longest varint */
    if (err != ERR_OK && err != ERR_ABSENT) {
        s->err = err;
        return 0;
    }
    const uint8_t *from = batch_window_at(s->reader);
    const uint8_t *at = from;
    const uint8_t *end = at + batch_window_here(s->reader);
    if (end - at > s->left)
        end = at + s->left;
    if (wide ? !batch_parse_varlong(&at, end, &v)
             : !batch_parse_varint(&at, end, &narrow)) {
        s->err = ERR_RECORD;
        return 0;
    }
    s->reader->window_at += (size_t)(at - from);
    s->left -= (int32_t)(at - from);
    return wide ? v : narrow;
}

/* A length and so many bytes; says whether they are not null. */
static bool skim_bytes(struct skim *s)
{
    int64_t n = skim_number(s, false);

    if (s->err != ERR_OK || n <= 0)
        return n == 0;
    if (n > s->left) {
        s->err = ERR_RECORD;
        return false;
    }
    s->left -= (int32_t)n;
    s->err = batch_window_skip(s->reader, (size_t)n);
    return true;
}

static enum err skim_large(struct batch_reader *reader, int32_t body,
                           struct batch_raw *raw)
{
    struct skim s = { reader, body, ERR_OK };

    s.err = batch_window_skip(reader, 1); /* attributes; the body is large */
    s.left -= 1;
    raw->timestamp_delta = skim_number(&s, true);
    raw->offset_delta = (int32_t)skim_number(&s, false);
    raw->key_len = skim_bytes(&s) ? 0 : -1;
    skim_bytes(&s);
    int64_t n = skim_number(&s, false);
    if (n < 0)
        return ERR_RECORD;
    for (; n > 0 && s.err == ERR_OK; n--) {
        if (!skim_bytes(&s) && s.err == ERR_OK)
            s.err = ERR_RECORD; /* a header's key is never null */
        skim_bytes(&s);
    }
    return s.err == ERR_OK && s.left != 0 ? ERR_RECORD : s.err;
}

static enum err skim_record(struct batch_reader *reader, struct batch_raw *raw,
                            uint32_t *size)
{
    enum err err = batch_window_need(reader, 5);
    int32_t body;

    if (err != ERR_OK && err != ERR_ABSENT)
        return err;
    const uint8_t *from = batch_window_at(reader);
    const uint8_t *at = from;
    if (!batch_parse_varint(&at, from + batch_window_here(reader), &body) ||
        body < 0)
        return ERR_RECORD;
    reader->window_at += (size_t)(at - from);
    *size = (uint32_t)(at - from) + (uint32_t)body;
    if ((size_t)body > BATCH_WINDOW)
        return skim_large(reader, body, raw);
    err = batch_window_need(reader, (size_t)body);
    if (err != ERR_OK)
        return err;
    at = batch_window_at(reader);
    reader->window_at += (size_t)body;
    return batch_parse_body(at, at + body, raw) ? ERR_OK : ERR_RECORD;
}

static enum err skim_end(struct batch_reader *reader)
{
    enum err err = batch_window_need(reader, 1);

    return err == ERR_OK ? ERR_RECORD : err;
}

enum err batch_reader_skim(struct batch_reader *reader, struct batch_skim *skim)
{
    const struct batch_header *h = &reader->batch.header;
    struct batch_raw raw = { .timestamp_delta = 0 };

    if (reader->err != ERR_OK)
        return reader->err;
    if (reader->done >= h->count) {
        reader->err = h->count > 0 ? skim_end(reader) : ERR_ABSENT;
        return reader->err;
    }
    reader->err = skim_record(reader, &raw, &skim->size);
    if (reader->err == ERR_ABSENT)
        reader->err = ERR_RECORD;
    if (reader->err != ERR_OK)
        return reader->err;
    reader->done++;
    skim->offset_delta = raw.offset_delta;
    skim->has_key = raw.key_len >= 0;
    skim->timestamp = batch_has_append_time(h)
                          ? h->max_timestamp
                          : (int64_t)((uint64_t)h->base_timestamp +
                                      (uint64_t)raw.timestamp_delta);
    return ERR_OK;
}
