/* out.c - sending memory and file ranges. */
#include "net/out.h"

#include <errno.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "seg/seg_file.h"

enum { OUT_KEEP = 64 * 1024 }; /* bytes of buffer kept for the next replies */

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

static enum err from_send(ssize_t n)
{
    if (n > 0)
        return ERR_OK;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return ERR_AGAIN;
    return errno == EINTR ? ERR_OK : ERR_NET;
}

static enum err flush_memory(struct out *out, int fd, size_t end, bool more,
                             size_t *sent)
{
    ssize_t n = send(fd, out->wr.data + out->sent, end - out->sent,
                     MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));

    if (n > 0) {
        out->sent += (size_t)n;
        *sent += (size_t)n;
    }
    return from_send(n);
}

static enum err flush_cut(struct out *out, int fd, size_t quota, size_t *sent)
{
    struct wr_cut *cut = &out->wr.cuts[out->cut];
    off_t at = cut->position + out->cut_sent;
    size_t left = cut->length - out->cut_sent;
    ssize_t n = 0;

    if (left > 0) {
        n = sendfile(fd, seg_file_fd(cut->file), &at,
                     left < quota ? left : quota);
        if (n == 0 || (n < 0 && errno == EIO))
            return ERR_IO;
        if (n < 0)
            return from_send(n);
    }
    out->cut_sent += (uint32_t)n;
    *sent += (size_t)n;
    if (out->cut_sent == cut->length) {
        give_cut(cut);
        out->cut++;
        out->cut_sent = 0;
    }
    return ERR_OK;
}

enum err out_flush(struct out *out, int fd, size_t quota, size_t *sent)
{
    size_t begin = *sent;
    enum err err = ERR_OK;

    while (err == ERR_OK && !out_is_empty(out)) {
        bool more = out->cut < out->wr.n_cuts;
        size_t end = more ? out->wr.cuts[out->cut].at : out->wr.len;
        size_t done = *sent - begin;

        if (done >= quota)
            return ERR_LIMIT;
        if (out->sent < end)
            err = flush_memory(out, fd, end, more, sent);
        else
            err = flush_cut(out, fd, quota - done, sent);
    }
    return err;
}
