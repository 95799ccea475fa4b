/* kwatch.c - tables of watches; see kwatch.h. */
#include "keeper/kwatch.h"

#include <assert.h>

#include "base/mem.h"
#include "keeper/kpath.h"

void kwatches_init(struct kwatches *watches)
{
    *watches = (struct kwatches){ .change = 1 };
    map_init(&watches->by_path);
}

void kwatches_fini(struct kwatches *watches)
{
    assert(watches->n == 0);
    map_fini(&watches->by_path);
}

void kwatcher_init(struct kwatcher *watcher)
{
    *watcher = (struct kwatcher){ .told = 0 };
    list_init(&watcher->watches);
}

static bool path_is(const struct map_link *link, const void *key)
{
    const struct kwatch_path *path =
        CONTAINER_OF(link, const struct kwatch_path, link);
    const struct bytes *text = key;

    return path->len == text->len &&
           (path->len == 0 || memcmp(path->text, text->at, text->len) == 0);
}

static struct kwatch_path *path_find(const struct kwatches *watches,
                                     struct bytes text)
{
    struct map_link *link;

    if (watches->by_path.count == 0)
        return NULL;
    link = map_find(&watches->by_path, bytes_hash(text, watches->by_path.seed),
                    path_is, &text);
    return link ? CONTAINER_OF(link, struct kwatch_path, link) : NULL;
}

static struct kwatch_path *path_get(struct kwatches *watches, struct bytes text)
{
    struct kwatch_path *path = path_find(watches, text);

    if (path != NULL)
        return path;
    path = mem_need(sizeof *path + text.len);
    path->len = (uint32_t)text.len;
    if (text.len)
        memcpy(path->text, text.at, text.len);
    list_init(&path->watches);
    map_put(&watches->by_path, &path->link,
            bytes_hash(text, watches->by_path.seed));
    return path;
}

/* The watch of one connection among those of a path. Both lists are walked in
 * step, so the shorter one bounds the search. */
static struct kwatch *watch_find(const struct kwatch_path *path,
                                 const struct kwatcher *watcher)
{
    const struct list *a = path->watches.next;
    const struct list *b = watcher->watches.next;

    while (a != &path->watches && b != &watcher->watches) {
        struct kwatch *x =
            CONTAINER_OF((void *)(uintptr_t)a, struct kwatch, of_path);
        struct kwatch *y =
            CONTAINER_OF((void *)(uintptr_t)b, struct kwatch, of_peer);

        if (x->owner == watcher)
            return x;
        if (y->path == path)
            return y;
        a = a->next;
        b = b->next;
    }
    return NULL;
}

/* The one place where modes change. */
static void modes_set(struct kwatches *watches, struct kwatch *watch,
                      unsigned modes)
{
    unsigned old = watch->modes;

    watches->n_data -= (size_t)kwatch_in_data(old);
    watches->n_data += (size_t)kwatch_in_data(modes);
    watches->n_child -= (size_t)kwatch_in_child(old);
    watches->n_child += (size_t)kwatch_in_child(modes);
    watches->n_recursive -= (old & KWATCH_RECURSIVE) ? 1 : 0;
    watches->n_recursive += (modes & KWATCH_RECURSIVE) ? 1 : 0;
    watch->modes = modes;
}

static void watch_free(struct kwatches *watches, struct kwatch *watch)
{
    struct kwatch_path *path = watch->path;

    modes_set(watches, watch, 0);
    list_remove(&watch->of_path);
    list_remove(&watch->of_peer);
    watch->owner->n--;
    watches->n--;
    mem_free(watch);
    if (list_is_empty(&path->watches)) {
        map_remove(&watches->by_path, &path->link);
        mem_free(path);
    }
}

static void watch_drop(struct kwatches *watches, struct kwatch *watch,
                       unsigned modes)
{
    if ((watch->modes & ~modes) == 0) {
        watch_free(watches, watch);
        return;
    }
    modes_set(watches, watch, watch->modes & ~modes);
}

void kwatcher_fini(struct kwatches *watches, struct kwatcher *watcher)
{
    LIST_EACH(link, &watcher->watches)
        watch_free(watches, CONTAINER_OF(link, struct kwatch, of_peer));
}

void kwatch_add(struct kwatches *watches, struct kwatcher *watcher,
                struct bytes text, unsigned modes)
{
    struct kwatch_path *path = path_get(watches, text);
    struct kwatch *watch = watch_find(path, watcher);

    if (watch == NULL) {
        watch = mem_need(sizeof *watch);
        watch->path = path;
        watch->owner = watcher;
        list_append(&path->watches, &watch->of_path);
        list_append(&watcher->watches, &watch->of_peer);
        watcher->n++;
        watches->n++;
    }
    modes_set(watches, watch, watch->modes | modes);
}

unsigned kwatch_modes(const struct kwatches *watches,
                      const struct kwatcher *watcher, struct bytes text)
{
    const struct kwatch_path *path = path_find(watches, text);
    const struct kwatch *watch = path ? watch_find(path, watcher) : NULL;

    return watch ? watch->modes : 0;
}

void kwatch_remove(struct kwatches *watches, struct kwatcher *watcher,
                   struct bytes text, unsigned modes)
{
    struct kwatch_path *path = path_find(watches, text);
    struct kwatch *watch = path ? watch_find(path, watcher) : NULL;

    if (watch != NULL)
        watch_drop(watches, watch, modes);
}

/* -- firing ---------------------------------------------------------------- */

struct fire {
    struct kwatches *watches;
    enum kwatch_event event;
    struct bytes path;
    kwatch_tell_fn *tell;
    void *to;
};

/* Those at `at` whose modes are among `modes`; `once` modes go. */
static void fire_at(const struct fire *fire, struct bytes at, unsigned modes,
                    unsigned once)
{
    struct kwatch_path *path = path_find(fire->watches, at);
    bool more = path != NULL;

    for (struct list *l = more ? path->watches.next : NULL; more;) {
        struct kwatch *watch = CONTAINER_OF(l, struct kwatch, of_path);
        struct kwatcher *owner = watch->owner;
        unsigned hit = watch->modes & modes;

        l = l->next;
        more = l != &path->watches; /* the last drop may free the path */
        if (hit == 0)
            continue;
        watch_drop(fire->watches, watch, hit & once);
        if (owner->told == fire->watches->change)
            continue;
        owner->told = fire->watches->change;
        fire->tell(fire->to, owner, fire->event, fire->path);
    }
}

static void fire_above(const struct fire *fire)
{
    struct bytes at = fire->path;
    ptrdiff_t up;

    while (at.len > 1 && (up = kpath_parent(at)) >= 0) {
        at.len = up ? (size_t)up : 1;
        fire_at(fire, at, KWATCH_RECURSIVE, 0);
    }
}

void kwatch_fire(struct kwatches *watches, enum kwatch_event event,
                 struct bytes path, kwatch_tell_fn *tell, void *to)
{
    struct fire fire = { watches, event, path, tell, to };
    ptrdiff_t up = kpath_parent(path);

    if (watches->n == 0)
        return;
    watches->change++;
    fire_at(&fire, path, KWATCH_DATA | KWATCH_PERSISTENT | KWATCH_RECURSIVE,
            KWATCH_DATA);
    if (watches->n_recursive > 0)
        fire_above(&fire);
    if (event == KWATCH_CHANGED)
        return;
    if (event == KWATCH_DELETED)
        fire_at(&fire, path, KWATCH_CHILD, KWATCH_CHILD);
    if (up < 0 || path.len <= 1)
        return;
    watches->change++;
    fire.event = KWATCH_CHILDREN;
    fire.path = up ? bytes_make(path.at, (size_t)up) : BYTES("/");
    fire_at(&fire, fire.path, KWATCH_CHILD | KWATCH_PERSISTENT, KWATCH_CHILD);
}
