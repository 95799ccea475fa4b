/* out.h - replies on their way: memory and file ranges, in order.
 *
 *     wr.data: | header ... | ... |        cuts: file A at 120, file B at 188
 *                     ^ sent                     ^ cut, cut_sent
 *
 * Small ranges are copied and leave in one call with the memory around them.
 * Others go by sendfile(2), what is in front of them with MSG_MORE, so that a
 * header and the first record bytes share a segment.
 *
 * Threads: the connection's reactor.
 */
#ifndef GREGOR_NET_OUT_H
#define GREGOR_NET_OUT_H

#include "wire/wr.h"

struct out {
    struct wr wr;      /* replies, gathered */
    size_t sent;       /* memory bytes sent */
    size_t cut;        /* first range not sent whole */
    uint32_t cut_sent; /* bytes of it that were sent */
};

/* Nothing to send; memory bytes at most `limit`. Never NULL. */
struct out *out_new(size_t limit);
/* Gives back the references of ranges that were not sent. */
void out_free(struct out **out);
/* All was sent: ready for the next replies; a large buffer is freed. */
void out_reset(struct out *out);

/* Undo all that was written after `len` and `n_cuts`, a failure too. */
void out_cut_back(struct out *out, size_t len, size_t n_cuts);

static inline bool out_is_empty(const struct out *out)
{
    return out->sent == out->wr.len && out->cut == out->wr.n_cuts;
}

/* Send to `fd` what it takes, at most about `quota` bytes; `*sent` grows by
 * what left.
 * ERR_OK      all was sent
 * ERR_AGAIN   the socket takes no more now
 * ERR_LIMIT   the quota is used up; more could leave
 * ERR_NET     the connection is broken
 * ERR_IO      a file could not be read, or is shorter than planned */
enum err out_flush(struct out *out, int fd, size_t quota, size_t *sent);

#endif
