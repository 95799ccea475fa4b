/* coord.c - the real table of coord.h: a session of zk.h. */
#include "client/coord.h"

static struct zk *zk_of(struct coord *coord)
{
    return CONTAINER_OF(coord, struct coord_zk, coord)->zk;
}

static void real_create(struct coord *coord, struct zk_op *op, const char *path,
                        struct bytes data, enum zk_create_mode mode)
{
    zk_create(zk_of(coord), op, path, data, mode);
}

static void real_remove(struct coord *coord, struct zk_op *op, const char *path,
                        int32_t version)
{
    zk_delete(zk_of(coord), op, path, version);
}

static void real_set(struct coord *coord, struct zk_op *op, const char *path,
                     struct bytes data, int32_t version)
{
    zk_set(zk_of(coord), op, path, data, version);
}

static void real_get(struct coord *coord, struct zk_op *op, const char *path,
                     struct zk_watch *watch)
{
    zk_get(zk_of(coord), op, path, watch);
}

static void real_exists(struct coord *coord, struct zk_op *op, const char *path,
                        struct zk_watch *watch)
{
    zk_exists(zk_of(coord), op, path, watch);
}

static void real_children(struct coord *coord, struct zk_op *op,
                          const char *path, struct zk_watch *watch)
{
    zk_children(zk_of(coord), op, path, watch);
}

static void real_multi(struct coord *coord, struct zk_op *op,
                       struct zk_part *parts, size_t n_parts)
{
    zk_multi(zk_of(coord), op, parts, n_parts);
}

static void real_make_path(struct coord *coord, struct zk_op *op,
                           const char *path)
{
    zk_make_path(zk_of(coord), op, path);
}

static void real_op_cancel(struct coord *coord, struct zk_op *op)
{
    (void)coord;
    zk_op_cancel(op);
}

static void real_watch_cancel(struct coord *coord, struct zk_watch *watch)
{
    (void)coord;
    zk_watch_cancel(watch);
}

static int64_t real_session_id(struct coord *coord)
{
    return zk_session_id(zk_of(coord));
}

void coord_zk_init(struct coord_zk *coord, struct zk *zk)
{
    coord->zk = zk;
    coord->coord = (struct coord){
        .create = real_create,
        .remove = real_remove,
        .set = real_set,
        .get = real_get,
        .exists = real_exists,
        .children = real_children,
        .multi = real_multi,
        .make_path = real_make_path,
        .op_cancel = real_op_cancel,
        .watch_cancel = real_watch_cancel,
        .session_id = real_session_id,
    };
}
