/* out.c - sending memory and file ranges. */
#include "net/out.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "seg/seg_file.h"

enum {
    OUT_KEEP = 64 * 1024, /* bytes of buffer kept for the next replies */
    PARCEL_PARTS = 64,
    PARCEL_ROOM = 16 * 1024, /* bytes of ranges copied for one call */
};

struct out *out_new(size_t limit)
{
    struct out *out = mem_need(sizeof *out);

    wr_init(&out->wr, limit);
    return out;
}

static void give_cut(struct wr_cut *cut)
{
    struct seg_file *file = cut->file;

    seg_file_unref(&file);
    cut->file = NULL;
}

void out_cut_back(struct out *out, size_t len, size_t n_cuts)
{
    struct wr *w = &out->wr;

    while (w->n_cuts > n_cuts) {
        w->n_cuts--;
        w->cut_bytes -= w->cuts[w->n_cuts].length;
        give_cut(&w->cuts[w->n_cuts]);
    }
    w->len = len;
    w->err = ERR_OK;
}

void out_free(struct out **out)
{
    if (*out == NULL)
        return;
    for (size_t i = (*out)->cut; i < (*out)->wr.n_cuts; i++)
        give_cut(&(*out)->wr.cuts[i]);
    wr_fini(&(*out)->wr);
    mem_free(*out);
    *out = NULL;
}

void out_reset(struct out *out)
{
    struct wr *w = &out->wr;

    if (w->size > OUT_KEEP)
        wr_fini(w);
    w->len = 0;
    w->n_cuts = 0;
    w->cut_bytes = 0;
    out->sent = 0;
    out->cut = 0;
    out->cut_sent = 0;
}

/* What errno says of a send that failed. */
static enum err from_send(void)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return ERR_AGAIN;
    return errno == EINTR ? ERR_OK : ERR_NET;
}

/* What leaves with one call: pieces of memory, and copies of small ranges. */
struct parcel {
    struct iovec parts[PARCEL_PARTS];
    size_t n;
    size_t bytes;
    size_t room_used;
    bool whole; /* nothing follows it */
    uint8_t room[PARCEL_ROOM];
};

static void parcel_add(struct parcel *parcel, const void *at, size_t len)
{
    if (len == 0)
        return;
    parcel->parts[parcel->n++] = (struct iovec){
        .iov_base = (void *)(uintptr_t)at,
        .iov_len = len,
    };
    parcel->bytes += len;
}

/* A copy of `len` bytes of a range from `from` on. */
static enum err parcel_read(struct parcel *parcel, const struct wr_cut *cut,
                            uint32_t from, size_t len)
{
    uint8_t *at = parcel->room + parcel->room_used;
    ssize_t n;

    do
        n = pread(seg_file_fd(cut->file), at, len,
                  (off_t)(cut->position + from));
    while (n < 0 && errno == EINTR);
    if (n != (ssize_t)len)
        return ERR_IO;
    parcel->room_used += len;
    parcel_add(parcel, at, len);
    return ERR_OK;
}

static enum err parcel_fill(struct parcel *parcel, const struct out *out,
                            size_t quota)
{
    const struct wr *w = &out->wr;
    size_t at = out->sent;
    uint32_t from = out->cut_sent;
    enum err err = ERR_OK;

    for (size_t i = out->cut; err == ERR_OK; i++) {
        const struct wr_cut *cut = i < w->n_cuts ? &w->cuts[i] : NULL;
        size_t end = cut != NULL ? cut->at : w->len;

        parcel_add(parcel, w->data + at, end - at);
        parcel->whole = cut == NULL;
        if (cut == NULL || parcel->bytes >= quota ||
            parcel->n + 2 > PARCEL_PARTS ||
            cut->length - from > sizeof parcel->room - parcel->room_used)
            break;
        err = parcel_read(parcel, cut, from, cut->length - from);
        at = end;
        from = 0;
    }
    return err;
}

/* `n` more bytes have left. */
static void out_advance(struct out *out, size_t n)
{
    struct wr *w = &out->wr;

    for (;;) {
        bool cuts = out->cut < w->n_cuts;
        struct wr_cut *cut = cuts ? &w->cuts[out->cut] : NULL;
        size_t memory = (cuts ? cut->at : w->len) - out->sent;
        size_t part = n < memory ? n : memory;

        out->sent += part;
        n -= part;
        if (!cuts || part < memory)
            return;
        part = cut->length - out->cut_sent;
        if (n < part) {
            out->cut_sent += (uint32_t)n;
            return;
        }
        n -= part;
        give_cut(cut);
        out->cut++;
        out->cut_sent = 0;
    }
}

/* Memory, with small ranges in between: to copy them costs less than to have
 * the kernel pass on their pages, one call for each. */
static enum err flush_parcel(struct out *out, int fd, size_t quota,
                             size_t *sent)
{
    struct parcel parcel;
    struct msghdr message = { .msg_iov = parcel.parts };
    ssize_t n;

    parcel.n = parcel.bytes = parcel.room_used = 0;
    if (parcel_fill(&parcel, out, quota) != ERR_OK)
        return ERR_IO;
    message.msg_iovlen = parcel.n;
    n = parcel.n == 0 ? 0
                      : sendmsg(fd, &message,
                                MSG_NOSIGNAL | MSG_DONTWAIT |
                                    (parcel.whole ? 0 : MSG_MORE));
    if (n < 0)
        return from_send();
    out_advance(out, (size_t)n); /* also past ranges of no length */
    *sent += (size_t)n;
    return ERR_OK;
}

static enum err flush_cut(struct out *out, int fd, size_t quota, size_t *sent)
{
    const struct wr_cut *cut = &out->wr.cuts[out->cut];
    off_t at = cut->position + out->cut_sent;
    size_t left = cut->length - out->cut_sent;
    ssize_t n =
        sendfile(fd, seg_file_fd(cut->file), &at, left < quota ? left : quota);

    if (n == 0 || (n < 0 && errno == EIO))
        return ERR_IO;
    if (n < 0)
        return from_send();
    out_advance(out, (size_t)n);
    *sent += (size_t)n;
    return ERR_OK;
}

static bool at_large_cut(const struct out *out)
{
    const struct wr_cut *cut;

    if (out->cut == out->wr.n_cuts)
        return false;
    cut = &out->wr.cuts[out->cut];
    return out->sent == cut->at && cut->length - out->cut_sent > PARCEL_ROOM;
}

enum err out_flush(struct out *out, int fd, size_t quota, size_t *sent)
{
    size_t begin = *sent;
    enum err err = ERR_OK;

    while (err == ERR_OK && !out_is_empty(out)) {
        size_t done = *sent - begin;

        if (done >= quota)
            return ERR_LIMIT;
        if (at_large_cut(out))
            err = flush_cut(out, fd, quota - done, sent);
        else
            err = flush_parcel(out, fd, quota - done, sent);
    }
    return err;
}
