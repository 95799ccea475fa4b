/* batch_window.h - inflated bytes of a batch, seen through a window; private.
 *
 *     window   | consumed | here, contiguous | free |
 *              0       window_at        window_end  window_size
 */
#ifndef GREGOR_SEG_BATCH_WINDOW_H
#define GREGOR_SEG_BATCH_WINDOW_H

#include "seg/batch.h"

/* Have `n` contiguous bytes here, or as many as there are. The window grows
 * beyond BATCH_WINDOW only when it is full of bytes that belong together.
 *
 * ERR_ABSENT  the stream ended before that many; what it had is here
 * or as codec_reader_read() */
enum err batch_window_need(struct batch_reader *reader, size_t n);

/* Drop the next `n` bytes, whether here or still to come. Errors as above. */
enum err batch_window_skip(struct batch_reader *reader, size_t n);

/* The inflated bytes that are here: first one and number. Good until the next
 * need or skip. */
static inline const uint8_t *batch_window_at(const struct batch_reader *reader)
{
    return reader->window + reader->window_at;
}

static inline size_t batch_window_here(const struct batch_reader *reader)
{
    return reader->window_end - reader->window_at;
}

/* Forget the bytes here; give a large window back. */
void batch_window_clear(struct batch_reader *reader);

/* What validation wants to know of a record. */
struct batch_skim {
    int64_t timestamp;    /* as batch_record.timestamp */
    int32_t offset_delta; /* less the batch's base offset */
    bool has_key;
    uint32_t size; /* as batch_record.size */
};

/* As batch_reader_next() for a compressed magic 2 batch, but the record is
 * never put together: memory stays at BATCH_WINDOW however large it is. */
enum err batch_reader_skim(struct batch_reader *reader,
                           struct batch_skim *skim);

#endif
