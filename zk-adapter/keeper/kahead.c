/* kahead.c - see kahead.h. */
#include "keeper/kahead.h"

#include "wire/rd.h"

enum { PATH_USUAL = 256 }; /* a longer path is not worth a second look */

void kahead_start(struct kahead *ahead, const struct kahead_form *form,
                  size_t at)
{
    *ahead = (struct kahead){ .form = form, .at = at };
}

static uint32_t word_at(struct bytes in, size_t at)
{
    struct rd r = rd_make(bytes_make(in.at + at, 4));

    return rd_u32(&r);
}

void kahead_look(struct kahead *ahead, const struct ktree *tree,
                 struct bytes in)
{
    const struct kahead_form *form = ahead->form;
    size_t path_at = ahead->at + form->path_at + 4;
    size_t end;
    uint32_t len;

    if (ahead->known)
        ktree_expect(tree, ahead->hash);
    ahead->known = false;
    if (path_at > in.len)
        return;
    end = ahead->at + form->besides + word_at(in, ahead->at + form->len_at);
    len = word_at(in, path_at - 4);
    if (end > in.len) {
        ahead->at = in.len;
        return;
    }
    ahead->at = end;
    if (len > PATH_USUAL || path_at + len > end)
        return;
    ahead->hash = ktree_hash(tree, bytes_make(in.at + path_at, len));
    ahead->known = true;
}
