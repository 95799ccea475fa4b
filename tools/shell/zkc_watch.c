/* zkc_watch.c - which watches a session has set, as Apache's clients count. */
#include <string.h>

#include "tools/shell/zkc.h"

static struct zkc_watch *find(const struct zkc *zkc, struct bytes path)
{
    for (size_t i = 0; i < zkc->n_watches; i++)
        if (bytes_is(path, zkc->watches[i].path))
            return &zkc->watches[i];
    return NULL;
}

void zkc_watch_add(struct zkc *zkc, const char *path, unsigned kinds)
{
    struct zkc_watch *watch = find(zkc, bytes_of(path));

    if (watch == NULL) {
        zkc->watches = mem_need_more(zkc->watches, zkc->n_watches + 1,
                                     sizeof *zkc->watches);
        watch = &zkc->watches[zkc->n_watches++];
        *watch = (struct zkc_watch){ mem_need_text(bytes_of(path)), 0 };
    }
    watch->kinds |= kinds;
}

unsigned zkc_watch_get(const struct zkc *zkc, struct bytes path)
{
    const struct zkc_watch *watch = find(zkc, path);

    return watch ? watch->kinds : 0;
}

unsigned zkc_watch_drop(struct zkc *zkc, struct bytes path, unsigned kinds)
{
    struct zkc_watch *watch = find(zkc, path);
    unsigned had;

    if (watch == NULL)
        return 0;
    had = watch->kinds & kinds;
    watch->kinds &= ~kinds;
    if (watch->kinds == 0) {
        mem_free(watch->path);
        *watch = zkc->watches[--zkc->n_watches];
    }
    return had;
}

/* A recursive watch on the path or on one above it. */
static bool is_below_recursive(const struct zkc *zkc, struct bytes path)
{
    for (size_t n = path.len; n > 0; n--) {
        bool ends = n == path.len || path.at[n] == '/' || n == 1;

        if (ends &&
            (zkc_watch_get(zkc, bytes_make(path.at, n)) & ZKC_WATCH_RECURSIVE))
            return true;
    }
    return false;
}

bool zkc_watch_fired(struct zkc *zkc, enum zkc_event_type type,
                     struct bytes path)
{
    unsigned once = ZKC_WATCH_DATA | ZKC_WATCH_EXIST;
    bool wanted = (zkc_watch_get(zkc, path) & ZKC_WATCH_PERSISTENT) != 0;

    if (type == ZKC_EVENT_CHILDREN)
        once = ZKC_WATCH_CHILD;
    else if (type == ZKC_EVENT_DELETED)
        once |= ZKC_WATCH_CHILD;
    if (type != ZKC_EVENT_CHILDREN)
        wanted = wanted || is_below_recursive(zkc, path);
    return zkc_watch_drop(zkc, path, once) != 0 || wanted;
}

static void write_kind(const struct zkc *zkc, struct wr *w, unsigned kind)
{
    int32_t n = 0;

    for (size_t i = 0; i < zkc->n_watches; i++)
        n += (zkc->watches[i].kinds & kind) != 0;
    wr_i32(w, n);
    for (size_t i = 0; i < zkc->n_watches; i++) {
        const char *path = zkc->watches[i].path;
        size_t prefix = strlen(zkc->chroot), rest = strlen(path);

        if (!(zkc->watches[i].kinds & kind))
            continue;
        if (prefix > 0 && rest == 1)
            rest = 0;
        wr_i32(w, (int32_t)(prefix + rest));
        wr_raw(w, zkc->chroot, prefix);
        wr_raw(w, path, rest);
    }
}

void zkc_watch_write(const struct zkc *zkc, struct wr *w)
{
    wr_i64(w, zkc->last_zxid);
    write_kind(zkc, w, ZKC_WATCH_DATA);
    write_kind(zkc, w, ZKC_WATCH_EXIST);
    write_kind(zkc, w, ZKC_WATCH_CHILD);
    write_kind(zkc, w, ZKC_WATCH_PERSISTENT);
    write_kind(zkc, w, ZKC_WATCH_RECURSIVE);
}
