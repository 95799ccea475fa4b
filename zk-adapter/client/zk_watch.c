/* zk_watch.c - who is told when a znode changes.
 *
 * The library is given one watcher function with one context for all paths, so
 * its own tables hold each path once and a lost connection causes one event,
 * not thousands. Who waits for which path is kept here.
 *
 * A path stays armed until its event comes, also when all who waited have
 * cancelled: the library still sends it after a reconnect, so it still counts
 * for the limit.
 */
#include <assert.h>
#include <string.h>

#include "base/mem.h"
#include "client/zk_in.h"

enum { PER_PATH_BYTES = 8 }; /* length prefix and some more, in setWatches */

/* One path with something armed. */
struct zk_watched {
    struct map_link link;
    struct zk *zk;
    struct list data;  /* of struct zk_watch: get and exists */
    struct list child; /* of struct zk_watch: children */
    bool data_armed, child_armed;
    size_t cost;
    unsigned firing; /* on_fire is running for this path */
    char path[];
};

static bool is_path(const struct map_link *link, const void *key)
{
    return strcmp(CONTAINER_OF(link, struct zk_watched, link)->path, key) == 0;
}

static struct zk_watched *find(struct zk *zk, const char *path)
{
    struct map_link *link =
        map_find(&zk->watched, bytes_hash(bytes_of(path), zk->watched.seed),
                 is_path, path);

    return link ? CONTAINER_OF(link, struct zk_watched, link) : NULL;
}

static struct zk_watched *get(struct zk *zk, const char *path)
{
    struct zk_watched *w = find(zk, path);
    size_t len = strlen(path);

    if (w != NULL)
        return w;
    w = mem_need(sizeof *w + len + 1);
    w->zk = zk;
    w->cost = len + PER_PATH_BYTES;
    list_init(&w->data);
    list_init(&w->child);
    memcpy(w->path, path, len);
    map_put(&zk->watched, &w->link,
            bytes_hash(bytes_of(w->path), zk->watched.seed));
    return w;
}

static void release(struct zk_watched *w)
{
    if (w->data_armed || w->child_armed || w->firing > 0 ||
        !list_is_empty(&w->data) || !list_is_empty(&w->child))
        return;
    map_remove(&w->zk->watched, &w->link);
    mem_free(w);
}

static void disarm(struct zk_watched *w, bool *armed)
{
    if (*armed)
        w->zk->watch_bytes -= w->cost;
    *armed = false;
}

/* -- setting ----------------------------------------------------------- */

/* A read that is to set `watch` is about to start: is there room for it? */
void zk_watch_take(struct zk_req *req, struct zk_watch *watch)
{
    struct zk *zk = req->zk;
    struct zk_watched *w = find(zk, req->path);
    size_t cost = strlen(req->path) + PER_PATH_BYTES;

    assert(watch->pending_ == NULL && watch->on_fire != NULL);
    if (w != NULL &&
        (req->kind == ZK_REQ_CHILDREN ? w->child_armed : w->data_armed))
        cost = 0;
    if (cost > ZK_WATCH_BYTES_MAX - zk->watch_bytes) {
        if (req->err == ERR_OK)
            req->err = ERR_LIMIT;
        return;
    }
    zk->watch_bytes += cost;
    req->watch_cost = cost;
    req->watch = watch;
    watch->pending_ = req;
}

static void set(struct zk_req *req, struct zk_watch *watch)
{
    struct zk_watched *w = get(req->zk, req->path);
    bool child = req->kind == ZK_REQ_CHILDREN;
    bool *armed = child ? &w->child_armed : &w->data_armed;

    if (!*armed)
        req->zk->watch_bytes += w->cost;
    *armed = true;
    if (watch->private_ != NULL)
        list_remove(&watch->link); /* set already: once is enough */
    else
        list_init(&watch->link);
    watch->private_ = w;
    list_append(child ? &w->child : &w->data, &watch->link);
}

/* The read is over, or forgotten: the watch is set, or as it was. */
void zk_watch_done(struct zk_req *req, bool is_set)
{
    struct zk_watch *watch = req->watch;

    req->zk->watch_bytes -= req->watch_cost;
    req->watch_cost = 0;
    req->watch = NULL;
    if (watch == NULL)
        return;
    watch->pending_ = NULL;
    if (is_set)
        set(req, watch);
}

void zk_watch_cancel(struct zk_watch *watch)
{
    struct zk_req *req = watch->pending_;
    struct zk_watched *w = watch->private_;

    if (req != NULL)
        zk_watch_done(req, false);
    if (w == NULL)
        return;
    watch->private_ = NULL;
    list_remove(&watch->link);
    release(w);
}

/* -- firing ------------------------------------------------------------ */

static void fire(struct zk_watched *w, struct list *whom, bool fired)
{
    struct list now;

    list_init(&now);
    list_move_all(&now, whom);
    w->firing++;
    while (!list_is_empty(&now)) {
        struct zk_watch *watch = CONTAINER_OF(now.next, struct zk_watch, link);

        list_remove(&watch->link);
        watch->private_ = NULL;
        watch->on_fire(watch, fired);
    }
    w->firing--;
}

void zk_watch_event(zhandle_t *zh, int type, int state, const char *path,
                    void *context)
{
    struct zk *zk = context;
    struct zk_watched *w;

    (void)state;
    if (type == ZOO_SESSION_EVENT || zh != zk->wire.zh)
        return;
    w = find(zk, path);
    if (w == NULL)
        return;
    w->firing++; /* keeps it while we look at both lists */
    if (type != ZOO_CHILD_EVENT) {
        disarm(w, &w->data_armed);
        fire(w, &w->data, true);
    }
    if (type == ZOO_CHILD_EVENT || type == ZOO_DELETED_EVENT) {
        disarm(w, &w->child_armed);
        fire(w, &w->child, true);
    }
    w->firing--;
    release(w);
}

void zk_watch_void_all(struct zk *zk)
{
    struct map_link *link;

    /* on_fire may set watches of the next session only after it is connected,
     * so nothing is added to the table meanwhile */
    while ((link = map_next(&zk->watched, NULL)) != NULL) {
        struct zk_watched *w = CONTAINER_OF(link, struct zk_watched, link);

        w->firing++;
        disarm(w, &w->data_armed);
        disarm(w, &w->child_armed);
        fire(w, &w->data, false);
        fire(w, &w->child, false);
        w->firing--;
        release(w);
    }
}
