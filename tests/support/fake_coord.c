/* fake_coord.c - the tree in memory behind fake_coord.h.
 *
 * The rules are ZooKeeper's as far as the project uses them: versions, null
 * data, ephemerals, sequential names, one-shot watches, multi that is all or
 * nothing (executed on the tree and undone by a log when a part fails). A watch
 * fires before the completion of what fired it, as the real client delivers.
 */
#include "tests/support/fake_coord.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"

struct fake_node {
    struct map_link link; /* in the parent's children */
    struct fake_node *parent;
    char *name;
    char *data; /* NULL: null; else NUL-terminated behind its end */
    size_t len;
    struct map children;
    struct zk_stat stat;
    int32_t next_sequence;
};

enum op_kind {
    OP_CREATE,
    OP_DELETE,
    OP_SET,
    OP_GET,
    OP_EXISTS,
    OP_CHILDREN,
    OP_MULTI,
    OP_MAKE
};

struct fake_op {
    struct list link;
    struct fake_coord *coord;
    struct zk_op *op;
    enum op_kind kind;
    char *path;
    char *data;
    size_t len;
    enum zk_create_mode mode;
    int32_t version;
    struct zk_watch *watch;
    struct zk_part *parts;
    char **part_paths; /* copies, as the real client encodes at once */
    char **part_data;
    size_t n_parts;
};

enum { WATCH_DATA, WATCH_CHILD };

struct armed {
    struct list link;
    struct zk_watch *watch;
    char *path;
    int kind;
};

/* What undoes one part of a multi. */
struct undo {
    enum zk_part_kind kind;
    char *path;
    struct fake_node *node; /* deleted node, kept whole */
    struct fake_node *parent;
    char *data; /* old data of a set */
    size_t len;
    struct zk_stat stat;
};

/* -- nodes ---------------------------------------------------------------- */

static bool node_is(const struct map_link *link, const void *key)
{
    const struct fake_node *node = CONTAINER_OF(link, struct fake_node, link);

    return bytes_equal(bytes_of(node->name), *(const struct bytes *)key);
}

static struct fake_node *child_find(const struct fake_node *parent,
                                    struct bytes name)
{
    struct map_link *link;

    link = map_find(&parent->children, bytes_hash(name, parent->children.seed),
                    node_is, &name);
    return link ? CONTAINER_OF(link, struct fake_node, link) : NULL;
}

static void child_put(struct fake_node *parent, struct fake_node *node)
{
    map_put(&parent->children, &node->link,
            bytes_hash(bytes_of(node->name), parent->children.seed));
    node->parent = parent;
    parent->stat.n_children++;
}

static void child_remove(struct fake_node *node)
{
    map_remove(&node->parent->children, &node->link);
    node->parent->stat.n_children--;
}

static struct fake_node *node_new(struct bytes name)
{
    struct fake_node *node = mem_need(sizeof *node);

    node->name = mem_need_text(name);
    map_init(&node->children);
    return node;
}

static void node_free(struct fake_node *node)
{
    struct map_link *link;

    while ((link = map_next(&node->children, NULL)) != NULL) {
        map_remove(&node->children, link);
        node_free(CONTAINER_OF(link, struct fake_node, link));
    }
    map_fini(&node->children);
    mem_free(node->name);
    mem_free(node->data);
    mem_free(node);
}

static void node_data(struct fake_node *node, const char *data, size_t len)
{
    char *copy = NULL;

    if (data != NULL) {
        copy = mem_need(len + 1);
        memcpy(copy, data, len);
    }
    mem_free(node->data);
    node->data = copy;
    node->len = data ? len : 0;
    node->stat.data_len = (int32_t)node->len;
}

static struct fake_node *node_find(const struct fake_tree *tree,
                                   const char *path)
{
    struct fake_node *node = tree->root;

    while (node != NULL && *path == '/' && path[1] != '\0') {
        size_t n = strcspn(path + 1, "/");

        node = child_find(node, bytes_make(path + 1, n));
        path += 1 + n;
    }
    return node;
}

static struct fake_node *parent_find(const struct fake_tree *tree,
                                     const char *path, const char **name)
{
    const char *slash = strrchr(path, '/');
    char *up;
    struct fake_node *node;

    assert(slash != NULL);
    *name = slash + 1;
    if (slash == path)
        return tree->root;
    up = mem_need_text(bytes_make(path, (size_t)(slash - path)));
    node = node_find(tree, up);
    mem_free(up);
    return node;
}

static char *node_path(const struct fake_node *node)
{
    char *path = NULL;

    for (; node->parent != NULL; node = node->parent) {
        char *more = NULL;
        int n = asprintf(&more, "/%s%s", node->name, path ? path : "");

        assert(n >= 0);
        (void)n;
        free(path);
        path = more;
    }
    return path ? path : strdup("/");
}

/* -- watches -------------------------------------------------------------- */

static void watch_arm(struct fake_coord *coord, struct zk_watch *watch,
                      const char *path, int kind)
{
    struct armed *armed;

    if (zk_watch_is_set(watch))
        return;
    armed = mem_need(sizeof *armed);
    armed->watch = watch;
    armed->path = mem_need_text(bytes_of(path));
    armed->kind = kind;
    list_append(&coord->watches, &armed->link);
    watch->private_ = armed;
}

static void armed_free(struct armed *armed)
{
    list_remove(&armed->link);
    mem_free(armed->path);
    mem_free(armed);
}

static void fire_armed(struct armed *armed, bool fired)
{
    struct zk_watch *watch = armed->watch;

    watch->private_ = NULL;
    armed_free(armed);
    watch->on_fire(watch, fired);
}

static void fire_one(struct fake_tree *tree, const char *path, int kind)
{
    LIST_EACH(s, &tree->sessions) {
        struct fake_coord *coord = CONTAINER_OF(s, struct fake_coord, link);
        bool again = true;

        while (again) {
            again = false;
            LIST_EACH(w, &coord->watches) {
                struct armed *armed = CONTAINER_OF(w, struct armed, link);

                if (armed->kind == kind && strcmp(armed->path, path) == 0) {
                    fire_armed(armed, true);
                    again = true;
                    break;
                }
            }
        }
    }
}

static void fire_up(struct fake_tree *tree, const char *path)
{
    const char *slash = strrchr(path, '/');
    char *up = mem_need_text(
        slash == path ? BYTES("/") : bytes_make(path, (size_t)(slash - path)));

    fire_one(tree, up, WATCH_CHILD);
    mem_free(up);
}

static void fire(struct fake_tree *tree, const char *path,
                 enum zk_part_kind kind)
{
    fire_one(tree, path, WATCH_DATA);
    if (kind == ZK_PART_DELETE)
        fire_one(tree, path, WATCH_CHILD);
    if (kind == ZK_PART_CREATE || kind == ZK_PART_DELETE)
        fire_up(tree, path);
}

/* -- transactions --------------------------------------------------------- */

static enum err do_create(struct fake_tree *tree, const char *path,
                          const char *data, size_t len,
                          enum zk_create_mode mode, int64_t owner,
                          struct fake_node **out)
{
    const char *name;
    struct fake_node *parent = parent_find(tree, path, &name);
    struct fake_node *node;
    char text[512];

    if (parent == NULL)
        return ERR_ABSENT;
    if (mode & ZK_SEQUENTIAL) {
        snprintf(text, sizeof text, "%s%010d", name, parent->next_sequence);
        name = text;
    }
    if (*name == '\0')
        return ERR_INVALID;
    if (child_find(parent, bytes_of(name)) != NULL)
        return ERR_EXISTS;
    node = node_new(bytes_of(name));
    node_data(node, data, len);
    node->stat.czxid = node->stat.mzxid = node->stat.pzxid = tree->zxid;
    node->stat.ctime_ms = node->stat.mtime_ms = tree->now_ms;
    node->stat.ephemeral_owner = mode & ZK_EPHEMERAL ? owner : 0;
    child_put(parent, node);
    parent->stat.cversion++;
    parent->stat.pzxid = tree->zxid;
    parent->next_sequence++;
    *out = node;
    return ERR_OK;
}

static enum err do_check(struct fake_tree *tree, const char *path,
                         int32_t version, struct fake_node **out)
{
    struct fake_node *node = node_find(tree, path);

    if (node == NULL)
        return ERR_ABSENT;
    if (version != -1 && version != node->stat.version)
        return ERR_CONFLICT;
    *out = node;
    return ERR_OK;
}

static enum err do_delete(struct fake_tree *tree, const char *path,
                          int32_t version, struct fake_node **out)
{
    enum err err = do_check(tree, path, version, out);

    if (err != ERR_OK)
        return err;
    if ((*out)->children.count > 0)
        return ERR_NOT_EMPTY;
    child_remove(*out);
    (*out)->parent->stat.cversion++;
    (*out)->parent->stat.pzxid = tree->zxid;
    return ERR_OK;
}

static void undo_all(struct undo *log, size_t n)
{
    while (n-- > 0) {
        struct undo *u = &log[n];

        switch (u->kind) {
        case ZK_PART_CREATE:
            child_remove(u->node);
            u->parent->stat = u->stat;
            u->parent->next_sequence--;
            node_free(u->node);
            break;
        case ZK_PART_DELETE:
            child_put(u->parent, u->node);
            u->parent->stat = u->stat;
            break;
        case ZK_PART_SET:
            node_data(u->node, u->data, u->len);
            u->node->stat = u->stat;
            break;
        case ZK_PART_CHECK:
            break;
        }
    }
}

static enum err part_run(struct fake_coord *coord, struct zk_part *part,
                         const char *path, const char *data, size_t len,
                         struct undo *u)
{
    struct fake_tree *tree = coord->tree;
    struct fake_node *node = NULL;
    const char *name;
    enum err err = ERR_OK;

    u->kind = part->kind;
    switch (part->kind) {
    case ZK_PART_CREATE:
        u->parent = parent_find(tree, path, &name);
        if (u->parent != NULL)
            u->stat = u->parent->stat;
        err =
            do_create(tree, path, data, len, part->mode, coord->session, &node);
        break;
    case ZK_PART_DELETE:
        node = node_find(tree, path);
        if (node != NULL && node->parent != NULL)
            u->stat = node->parent->stat;
        err = do_delete(tree, path, part->version, &node);
        if (err == ERR_OK)
            u->parent = node->parent;
        break;
    case ZK_PART_SET:
        err = do_check(tree, path, part->version, &node);
        if (err != ERR_OK)
            break;
        u->stat = node->stat;
        u->len = node->len;
        if (node->data != NULL) {
            u->data = mem_need(node->len + 1);
            memcpy(u->data, node->data, node->len);
        }
        node_data(node, data, len);
        node->stat.version++;
        node->stat.mzxid = tree->zxid;
        node->stat.mtime_ms = tree->now_ms;
        part->stat = node->stat;
        break;
    case ZK_PART_CHECK:
        err = do_check(tree, path, part->version, &node);
        break;
    }
    u->node = node;
    return err;
}

static void multi_run(struct fake_op *o)
{
    struct fake_tree *tree = o->coord->tree;
    struct undo *log = mem_need_array(o->n_parts + 1, sizeof *log);
    size_t i;
    enum err err = ERR_OK;

    tree->zxid++;
    for (i = 0; i < o->n_parts && err == ERR_OK; i++) {
        size_t len = o->parts[i].data.len;

        err = part_run(o->coord, &o->parts[i], o->part_paths[i],
                       o->part_data[i], len, &log[i]);
        o->parts[i].err = err;
    }
    o->op->err = err;
    if (err != ERR_OK) {
        o->op->failed_part = i - 1;
        undo_all(log, i - 1);
        for (size_t j = 0; j < o->n_parts; j++)
            if (j != i - 1)
                o->parts[j].err = ERR_CLOSED;
    } else {
        for (i = 0; i < o->n_parts; i++) {
            if (log[i].kind == ZK_PART_DELETE)
                node_free(log[i].node);
            if (log[i].kind != ZK_PART_CHECK)
                fire(tree, o->part_paths[i], log[i].kind);
        }
    }
    for (i = 0; i < o->n_parts; i++)
        mem_free(log[i].data);
    mem_free(log);
}

/* -- single operations ---------------------------------------------------- */

static char *single_write(struct fake_op *o)
{
    struct fake_tree *tree = o->coord->tree;
    struct fake_node *node = NULL;
    char *path = NULL;

    tree->zxid++;
    switch (o->kind) {
    case OP_CREATE:
        o->op->err = do_create(tree, o->path, o->data, o->len, o->mode,
                               o->coord->session, &node);
        if (o->op->err != ERR_OK)
            return NULL;
        path = node_path(node);
        o->op->path = bytes_of(path);
        o->op->stat = node->stat;
        fire(tree, path, ZK_PART_CREATE);
        return path;
    case OP_DELETE:
        o->op->err = do_delete(tree, o->path, o->version, &node);
        if (o->op->err != ERR_OK)
            return NULL;
        node_free(node);
        fire(tree, o->path, ZK_PART_DELETE);
        return NULL;
    case OP_SET:
        o->op->err = do_check(tree, o->path, o->version, &node);
        if (o->op->err != ERR_OK)
            return NULL;
        node_data(node, o->data, o->len);
        node->stat.version++;
        node->stat.mzxid = tree->zxid;
        node->stat.mtime_ms = tree->now_ms;
        o->op->stat = node->stat;
        fire(tree, o->path, ZK_PART_SET);
        return NULL;
    case OP_GET:
    case OP_EXISTS:
    case OP_CHILDREN:
    case OP_MULTI:
    case OP_MAKE:
        break;
    }
    assert(false);
    return NULL;
}

static struct bytes *read_run(struct fake_op *o)
{
    struct fake_node *node = node_find(o->coord->tree, o->path);
    struct bytes *names = NULL;

    o->coord->tree->n_reads++;
    o->op->err = node ? ERR_OK : ERR_ABSENT;
    if (o->watch != NULL && (node != NULL || o->kind == OP_EXISTS))
        watch_arm(o->coord, o->watch, o->path,
                  o->kind == OP_CHILDREN ? WATCH_CHILD : WATCH_DATA);
    if (node == NULL)
        return NULL;
    o->op->stat = node->stat;
    if (o->kind == OP_GET)
        o->op->data = bytes_make(node->data, node->len);
    if (o->kind == OP_CHILDREN) {
        struct map_link *link = NULL;

        names = mem_need_array(node->children.count + 1, sizeof *names);
        while ((link = map_next(&node->children, link)) != NULL)
            names[o->op->n_children++] =
                bytes_of(CONTAINER_OF(link, struct fake_node, link)->name);
        o->op->children = names;
    }
    return names;
}

static void op_done(struct fake_op *o)
{
    o->op->private_ = NULL;
    o->op->on_done(o->op);
}

static void fake_op_free(struct fake_op *o)
{
    for (size_t i = 0; i < o->n_parts; i++) {
        mem_free(o->part_paths[i]);
        mem_free(o->part_data[i]);
    }
    mem_free(o->part_paths);
    mem_free(o->part_data);
    mem_free(o->path);
    mem_free(o->data);
    mem_free(o);
}

static bool is_write(const struct fake_op *o)
{
    return o->kind == OP_CREATE || o->kind == OP_DELETE || o->kind == OP_SET ||
           o->kind == OP_MULTI || o->kind == OP_MAKE;
}

static void make_run(struct fake_op *o)
{
    if (!fake_tree_has(o->coord->tree, o->path))
        fake_tree_put(o->coord->tree, o->path, NULL);
    o->op->err = ERR_OK;
}

static void op_run(struct fake_op *o)
{
    struct bytes *names = NULL;
    char *path = NULL;
    enum fake_loss loss = FAKE_LOSE_NONE;

    if (is_write(o)) {
        if (o->coord->lose_in > 0 && --o->coord->lose_in == 0)
            loss = o->coord->loss;
        if (loss != FAKE_LOSE_BEFORE) {
            o->coord->tree->n_writes++;
            if (o->kind == OP_MULTI)
                multi_run(o);
            else if (o->kind == OP_MAKE)
                make_run(o);
            else
                path = single_write(o);
        }
        if (loss != FAKE_LOSE_NONE && o->op->retry) {
            o->op->retried = true;
            list_prepend(&o->coord->tree->queue, &o->link);
            free(path);
            return;
        }
        if (loss != FAKE_LOSE_NONE)
            o->op->err = ERR_LOST;
    } else {
        names = read_run(o);
    }
    op_done(o);
    mem_free(names);
    free(path);
    fake_op_free(o);
}

bool fake_tree_step(struct fake_tree *tree)
{
    struct fake_op *o;

    if (list_is_empty(&tree->queue))
        return false;
    o = CONTAINER_OF(tree->queue.next, struct fake_op, link);
    list_remove(&o->link);
    if (o->coord->session == 0) {
        o->op->err = ERR_EXPIRED;
        op_done(o);
        fake_op_free(o);
        return true;
    }
    op_run(o);
    return true;
}

void fake_tree_run(struct fake_tree *tree)
{
    while (fake_tree_step(tree))
        ;
}

/* -- the table ------------------------------------------------------------ */

static struct fake_op *op_new(struct coord *coord, struct zk_op *op,
                              enum op_kind kind, const char *path)
{
    struct fake_op *o = mem_need(sizeof *o);

    o->coord = CONTAINER_OF(coord, struct fake_coord, coord);
    o->op = op;
    o->kind = kind;
    o->path = path ? mem_need_text(bytes_of(path)) : NULL;
    op->private_ = o;
    op->retried = false;
    op->err = ERR_OK;
    op->data = BYTES_NULL;
    op->path = BYTES_NULL;
    op->children = NULL;
    op->n_children = 0;
    memset(&op->stat, 0, sizeof op->stat);
    list_append(&o->coord->tree->queue, &o->link);
    return o;
}

static char *data_copy(struct bytes data)
{
    char *copy;

    if (data.at == NULL)
        return NULL;
    copy = mem_need(data.len + 1);
    memcpy(copy, data.at, data.len);
    return copy;
}

static void fake_create(struct coord *coord, struct zk_op *op, const char *path,
                        struct bytes data, enum zk_create_mode mode)
{
    struct fake_op *o = op_new(coord, op, OP_CREATE, path);

    o->data = data_copy(data);
    o->len = data.len;
    o->mode = mode;
}

static void fake_remove(struct coord *coord, struct zk_op *op, const char *path,
                        int32_t version)
{
    op_new(coord, op, OP_DELETE, path)->version = version;
}

static void fake_set(struct coord *coord, struct zk_op *op, const char *path,
                     struct bytes data, int32_t version)
{
    struct fake_op *o = op_new(coord, op, OP_SET, path);

    o->data = data_copy(data);
    o->len = data.len;
    o->version = version;
}

static void fake_get(struct coord *coord, struct zk_op *op, const char *path,
                     struct zk_watch *watch)
{
    op_new(coord, op, OP_GET, path)->watch = watch;
}

static void fake_exists(struct coord *coord, struct zk_op *op, const char *path,
                        struct zk_watch *watch)
{
    op_new(coord, op, OP_EXISTS, path)->watch = watch;
}

static void fake_children(struct coord *coord, struct zk_op *op,
                          const char *path, struct zk_watch *watch)
{
    op_new(coord, op, OP_CHILDREN, path)->watch = watch;
}

static void fake_multi(struct coord *coord, struct zk_op *op,
                       struct zk_part *parts, size_t n_parts)
{
    struct fake_op *o = op_new(coord, op, OP_MULTI, NULL);

    o->parts = parts;
    o->n_parts = n_parts;
    o->part_paths = mem_need_array(n_parts + 1, sizeof *o->part_paths);
    o->part_data = mem_need_array(n_parts + 1, sizeof *o->part_data);
    for (size_t i = 0; i < n_parts; i++) {
        o->part_paths[i] = mem_need_text(bytes_of(parts[i].path));
        o->part_data[i] = data_copy(parts[i].data);
    }
}

static void fake_make_path(struct coord *coord, struct zk_op *op,
                           const char *path)
{
    op_new(coord, op, OP_MAKE, path);
}

static void fake_op_cancel(struct coord *coord, struct zk_op *op)
{
    struct fake_op *o = op->private_;

    (void)coord;
    if (o == NULL)
        return;
    op->private_ = NULL;
    list_remove(&o->link);
    fake_op_free(o);
}

static void fake_watch_cancel(struct coord *coord, struct zk_watch *watch)
{
    struct fake_coord *fake = CONTAINER_OF(coord, struct fake_coord, coord);

    LIST_EACH(q, &fake->tree->queue) {
        struct fake_op *o = CONTAINER_OF(q, struct fake_op, link);

        if (o->watch == watch)
            o->watch = NULL;
    }
    if (watch->private_ != NULL)
        armed_free(watch->private_);
    watch->private_ = NULL;
}

static int64_t fake_session_id(struct coord *coord)
{
    return CONTAINER_OF(coord, struct fake_coord, coord)->session;
}

/* -- life cycle ----------------------------------------------------------- */

void fake_tree_init(struct fake_tree *tree)
{
    memset(tree, 0, sizeof *tree);
    tree->root = node_new(BYTES(""));
    list_init(&tree->queue);
    list_init(&tree->sessions);
    tree->next_session = 0x1000;
    tree->now_ms = 1700000000000;
}

void fake_tree_fini(struct fake_tree *tree)
{
    assert(list_is_empty(&tree->sessions));
    node_free(tree->root);
    tree->root = NULL;
}

void fake_coord_init(struct fake_coord *coord, struct fake_tree *tree)
{
    memset(coord, 0, sizeof *coord);
    coord->tree = tree;
    coord->session = tree->next_session++;
    list_init(&coord->watches);
    list_append(&tree->sessions, &coord->link);
    coord->coord = (struct coord){
        .create = fake_create,
        .remove = fake_remove,
        .set = fake_set,
        .get = fake_get,
        .exists = fake_exists,
        .children = fake_children,
        .multi = fake_multi,
        .make_path = fake_make_path,
        .op_cancel = fake_op_cancel,
        .watch_cancel = fake_watch_cancel,
        .session_id = fake_session_id,
    };
}

void fake_coord_fini(struct fake_coord *coord)
{
    LIST_EACH(w, &coord->watches)
        armed_free(CONTAINER_OF(w, struct armed, link));
    LIST_EACH(q, &coord->tree->queue) {
        struct fake_op *o = CONTAINER_OF(q, struct fake_op, link);

        if (o->coord == coord) {
            list_remove(&o->link);
            fake_op_free(o);
        }
    }
    list_remove(&coord->link);
}

static struct fake_node *owned_find(struct fake_node *node, int64_t owner)
{
    struct map_link *link = NULL;

    if (node->stat.ephemeral_owner == owner)
        return node;
    while ((link = map_next(&node->children, link)) != NULL) {
        struct fake_node *found =
            owned_find(CONTAINER_OF(link, struct fake_node, link), owner);

        if (found != NULL)
            return found;
    }
    return NULL;
}

void fake_coord_expire(struct fake_coord *coord)
{
    int64_t owner = coord->session;
    struct fake_node *node;
    struct list mine;

    coord->session = 0;
    list_init(&mine);
    LIST_EACH(q, &coord->tree->queue) {
        struct fake_op *o = CONTAINER_OF(q, struct fake_op, link);

        if (o->coord == coord) {
            list_remove(&o->link);
            list_append(&mine, &o->link);
        }
    }
    while (!list_is_empty(&coord->watches))
        fire_armed(CONTAINER_OF(coord->watches.next, struct armed, link),
                   false);
    while (!list_is_empty(&mine)) {
        struct fake_op *o = CONTAINER_OF(mine.next, struct fake_op, link);

        list_remove(&o->link);
        o->op->err = ERR_EXPIRED;
        op_done(o);
        fake_op_free(o);
    }
    while (owner != 0 && (node = owned_find(coord->tree->root, owner))) {
        char *path = node_path(node);

        fake_tree_drop(coord->tree, path);
        free(path);
    }
}

void fake_coord_renew(struct fake_coord *coord)
{
    assert(coord->session == 0);
    coord->session = coord->tree->next_session++;
}

/* -- the test's own hands ------------------------------------------------- */

int64_t fake_tree_put_ephemeral(struct fake_tree *tree, const char *path,
                                const char *text, int64_t owner)
{
    struct fake_node *node = node_find(tree, path);
    const char *slash = strrchr(path, '/');

    if (node == NULL && slash != path) {
        char *up = mem_need_text(bytes_make(path, (size_t)(slash - path)));

        if (node_find(tree, up) == NULL)
            fake_tree_put(tree, up, NULL);
        mem_free(up);
    }
    tree->zxid++;
    if (node == NULL) {
        enum err err =
            do_create(tree, path, text, text ? strlen(text) : 0,
                      owner ? ZK_EPHEMERAL : ZK_PERSISTENT, owner, &node);
        assert(err == ERR_OK);
        (void)err;
        fire(tree, path, ZK_PART_CREATE);
    } else {
        node_data(node, text, text ? strlen(text) : 0);
        node->stat.version++;
        node->stat.mzxid = tree->zxid;
        fire(tree, path, ZK_PART_SET);
    }
    return fake_tree_czxid(tree, path);
}

void fake_tree_put(struct fake_tree *tree, const char *path, const char *text)
{
    fake_tree_put_ephemeral(tree, path, text, 0);
}

bool fake_tree_drop(struct fake_tree *tree, const char *path)
{
    struct fake_node *node = node_find(tree, path);

    if (node == NULL)
        return false;
    tree->zxid++;
    child_remove(node);
    node->parent->stat.cversion++;
    node_free(node);
    fire(tree, path, ZK_PART_DELETE);
    return true;
}

const char *fake_tree_text(const struct fake_tree *tree, const char *path)
{
    const struct fake_node *node = node_find(tree, path);

    return node == NULL ? NULL : node->data ? node->data : "";
}

bool fake_tree_has(const struct fake_tree *tree, const char *path)
{
    return node_find(tree, path) != NULL;
}

bool fake_tree_is_null(const struct fake_tree *tree, const char *path)
{
    const struct fake_node *node = node_find(tree, path);

    return node != NULL && node->data == NULL;
}

int32_t fake_tree_version(const struct fake_tree *tree, const char *path)
{
    const struct fake_node *node = node_find(tree, path);

    return node ? node->stat.version : -1;
}

int64_t fake_tree_czxid(const struct fake_tree *tree, const char *path)
{
    const struct fake_node *node = node_find(tree, path);

    return node ? node->stat.czxid : -1;
}

size_t fake_tree_n_children(const struct fake_tree *tree, const char *path)
{
    const struct fake_node *node = node_find(tree, path);

    return node ? node->children.count : 0;
}
