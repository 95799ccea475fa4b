/* registration.c - the steps of registration.h, one call at a time.
 *
 *   prepare:   top-level znodes (all at once) ─▶ read or make /cluster/id
 *   register:  read the others' znodes ─▶ multi[create null, set]
 *                 │ somebody advertises one of our endpoints: ERR_INVALID
 *                 └ there is one already ─▶ ours: done
 *                                         ─▶ foreign: watch, wait, try again
 *
 * A lost connection leaves the outcome of a write unknown; the write is then
 * tried again and meets its own effect, which the owner of the znode tells.
 */
#include "registration/registration.h"

#include <assert.h>
#include <stdio.h>

#include "base/diag.h"
#include "base/mem.h"
#include "wire/wr.h"

enum { PAYLOAD_MOST = 64 * 1024, REGISTER_ARENA_MOST = 1 << 20 };

/* One of several operations that run at once. */
struct round_op {
    struct zk_op op;
    struct registration *reg;
    int32_t id; /* of another broker */
};

struct registration {
    struct registration_config config;
    registration_fn *on_done; /* NULL: nothing runs */
    struct errmsg why;
    enum err failed;        /* first failure of a round of reads */
    struct round_op *round; /* operations at once; owned */
    size_t n_round, open;   /* how many; of them, not answered */
    struct zk_op op, parent_op;
    char cluster_id[64];
    int32_t reserved_max, drawn;

    int32_t id;         /* being registered */
    struct arena arena; /* the copy of `self` */
    struct znode_broker self;
    struct znode_path path;
    struct zk_part parts[2];
    struct wr payload;
    int64_t epoch;
    struct zk_watch watch; /* on a foreign znode */
    struct loop_timer deadline;
    bool waiting;      /* the line was written */
    char holder[300];  /* endpoint in the foreign znode */
    struct job finish; /* on_done never from inside a call */
    enum err result;
};

static void reg_finish(struct job *job)
{
    struct registration *reg = CONTAINER_OF(job, struct registration, finish);
    registration_fn *on_done = reg->on_done;

    reg->on_done = NULL;
    on_done(reg, reg->config.arg, reg->result, &reg->why);
}

static void reg_end(struct registration *reg, enum err err)
{
    struct exec *exec = reg->config.exec;

    exec->timer_stop(exec, &reg->deadline);
    reg->config.coord->watch_cancel(reg->config.coord, &reg->watch);
    reg->result = err;
    if (err == ERR_OK)
        reg->why.text[0] = '\0';
    else if (reg->why.text[0] == '\0')
        err_set(&reg->why, err, "ZooKeeper: %s", err_words(err));
    exec->post(exec, &reg->finish);
}

static void reg_begin(struct registration *reg, registration_fn *on_done)
{
    assert(reg->on_done == NULL);
    reg->on_done = on_done;
    reg->why.text[0] = '\0';
    reg->failed = ERR_OK;
}

static struct registration *reg_of(struct zk_op *op)
{
    return CONTAINER_OF(op, struct registration, op);
}

/* -- the tree and the cluster id ------------------------------------------ */

static void cluster_read(struct registration *reg);

static void cluster_created(struct zk_op *op)
{
    struct registration *reg = reg_of(op);

    if (op->err == ERR_OK || op->err == ERR_EXISTS || op->err == ERR_LOST)
        cluster_read(reg);
    else if (op->err == ERR_ABSENT) /* its parent could not be created */
        reg_end(reg, reg->parent_op.err);
    else
        reg_end(reg, op->err);
}

static void cluster_parent_created(struct zk_op *op)
{
    (void)op; /* what matters is whether the id behind it could be created */
}

static void cluster_create(struct registration *reg)
{
    struct coord *coord = reg->config.coord;
    char id[UUID_TEXT_LEN + 1];
    struct wr w;

    reg->parent_op = (struct zk_op){ .on_done = cluster_parent_created };
    coord->create(coord, &reg->parent_op, "/cluster", BYTES_NULL,
                  ZK_PERSISTENT);

    uuid_to_text(uuid_random(), id);
    wr_init(&w, PAYLOAD_MOST);
    znode_cluster_id_write(&w, bytes_of(id));
    assert(w.err == ERR_OK);
    reg->op = (struct zk_op){ .on_done = cluster_created };
    coord->create(coord, &reg->op, ZNODE_CLUSTER_ID, bytes_make(w.data, w.len),
                  ZK_PERSISTENT);
    wr_fini(&w);
}

static void cluster_got(struct zk_op *op)
{
    struct registration *reg = reg_of(op);
    struct arena arena;
    struct errmsg id_why;
    struct bytes id;
    enum err err;

    if (op->err == ERR_ABSENT) {
        cluster_create(reg);
        return;
    }
    if (op->err != ERR_OK) {
        reg_end(reg, op->err);
        return;
    }
    arena_init(&arena, PAYLOAD_MOST);
    err = znode_cluster_id_read(op->data, &arena, &id, &id_why);
    if (err == ERR_OK)
        snprintf(reg->cluster_id, sizeof reg->cluster_id, "%.*s",
                 BYTES_ARG(id));
    else
        err_set(&reg->why, err,
                "%s is malformed (%.*s); remedy: set it to "
                "{\"version\":\"1\",\"id\":\"I\"} with the cluster.id I of a "
                "broker's meta.properties",
                ZNODE_CLUSTER_ID, 200, id_why.text);
    arena_fini(&arena);
    reg_end(reg, err);
}

static void cluster_read(struct registration *reg)
{
    struct coord *coord = reg->config.coord;

    reg->op = (struct zk_op){ .on_done = cluster_got };
    coord->get(coord, &reg->op, ZNODE_CLUSTER_ID, NULL);
}

static void path_made(struct zk_op *op)
{
    struct round_op *one = CONTAINER_OF(op, struct round_op, op);
    struct registration *reg = one->reg;

    if (op->err != ERR_OK && op->err != ERR_EXISTS)
        reg->failed = op->err;
    if (--reg->open > 0)
        return;
    if (reg->failed != ERR_OK)
        reg_end(reg, reg->failed);
    else
        cluster_read(reg);
}

/* Room for `n` operations at once; those of the round before have ended. */
static void round_begin(struct registration *reg, size_t n, zk_op_fn *on_done)
{
    mem_free(reg->round);
    reg->round = mem_need_array(n, sizeof *reg->round);
    reg->open = reg->n_round = n;
    for (size_t i = 0; i < n; i++) {
        reg->round[i].reg = reg;
        reg->round[i].op = (struct zk_op){ .on_done = on_done, .retry = true };
    }
}

/* How many znodes a path asks for: itself and its parents. */
static size_t path_depth(const char *path)
{
    size_t n = 0;

    for (; *path; path++)
        n += *path == '/';
    return n;
}

/* Create a path from its first part on. All at once: the service takes requests
 * in order, so parents are there before their children, and one flush of its
 * log serves all. */
static void path_create(struct registration *reg, const char *path,
                        struct round_op **next)
{
    struct coord *coord = reg->config.coord;
    char prefix[128];

    for (const char *end = path + 1;; end++) {
        if (*end != '/' && *end != '\0')
            continue;
        snprintf(prefix, sizeof prefix, "%.*s", (int)(end - path), path);
        coord->create(coord, &(*next)++->op, prefix, BYTES_NULL, ZK_PERSISTENT);
        if (*end == '\0')
            return;
    }
}

static void chroot_made(struct zk_op *op)
{
    struct registration *reg = reg_of(op);
    struct round_op *next;
    size_t n = 0;

    if (op->err != ERR_OK) {
        reg_end(reg, op->err);
        return;
    }
    for (size_t i = 0; znode_startup_paths[i] != NULL; i++)
        n += path_depth(znode_startup_paths[i]);
    round_begin(reg, n, path_made);
    next = reg->round;
    for (size_t i = 0; znode_startup_paths[i] != NULL; i++)
        path_create(reg, znode_startup_paths[i], &next);
}

void registration_prepare(struct registration *reg, registration_fn *on_done)
{
    struct coord *coord = reg->config.coord;

    reg_begin(reg, on_done);
    reg->op = (struct zk_op){ .on_done = chroot_made, .retry = true };
    coord->make_path(coord, &reg->op, "/");
}

const char *registration_cluster_id(const struct registration *reg)
{
    return reg->cluster_id;
}

/* -- a generated id ---------------------------------------------------------
 */

static void id_taken(struct zk_op *op)
{
    struct registration *reg = reg_of(op);

    /* Each write draws a number; one whose answer was lost is left unused. */
    if (op->err == ERR_OK)
        reg->drawn = reg->reserved_max + op->stat.version;
    reg_end(reg, op->err);
}

void registration_take_id(struct registration *reg, int32_t reserved_max,
                          registration_fn *on_done)
{
    struct coord *coord = reg->config.coord;

    reg_begin(reg, on_done);
    reg->reserved_max = reserved_max;
    reg->op = (struct zk_op){ .on_done = id_taken, .retry = true };
    coord->set(coord, &reg->op, ZNODE_BROKER_SEQID, BYTES(""), -1);
}

int32_t registration_drawn_id(const struct registration *reg)
{
    return reg->drawn;
}

/* -- /brokers/ids/N ---------------------------------------------------------
 */

static void register_write(struct registration *reg);

/* Copy what is to be written; the caller's struct may go. */
static void self_copy(struct registration *reg, const struct znode_broker *self)
{
    struct arena *arena = &reg->arena;
    size_t n = self->n_endpoints;

    arena_reset(arena);
    reg->self = *self;
    reg->self.endpoints = arena_array(arena, n, sizeof *self->endpoints);
    assert(reg->self.endpoints != NULL);
    for (size_t i = 0; i < n; i++) {
        reg->self.endpoints[i] = self->endpoints[i];
        reg->self.endpoints[i].listener =
            arena_copy(arena, self->endpoints[i].listener);
        reg->self.endpoints[i].host =
            arena_copy(arena, self->endpoints[i].host);
    }
    reg->self.rack = arena_copy(arena, self->rack);
}

static void watch_fired(struct zk_watch *watch, bool fired)
{
    struct registration *reg = CONTAINER_OF(watch, struct registration, watch);

    if (fired && reg->on_done != NULL)
        register_write(reg);
}

static void waited_too_long(struct loop_timer *timer)
{
    struct registration *reg =
        CONTAINER_OF(timer, struct registration, deadline);

    zk_op_cancel(&reg->op);
    err_set(&reg->why, ERR_EXISTS,
            "%s is held by another broker, which registered "
            "%s: stop that broker, or give this one another broker.id",
            reg->path.text, reg->holder);
    reg_end(reg, ERR_EXISTS);
}

static void foreign_wait(struct registration *reg, const struct zk_op *op)
{
    struct exec *exec = reg->config.exec;
    struct znode_broker other;
    struct arena arena;

    if (reg->waiting)
        return;
    reg->waiting = true;
    arena_init(&arena, PAYLOAD_MOST);
    snprintf(reg->holder, sizeof reg->holder, "no endpoint");
    if (znode_broker_read(op->data, &arena, &other, NULL) == ERR_OK &&
        other.n_endpoints > 0)
        snprintf(reg->holder, sizeof reg->holder, "%.*s:%d",
                 BYTES_ARG(other.endpoints[0].host), other.endpoints[0].port);
    arena_fini(&arena);
    diag_warn("event=registration_waits broker=%d owner=0x%llx endpoint=%s "
              "why=\"the znode of an earlier run or of another broker is still "
              "there\" wait_ms=%lld",
              reg->id, (unsigned long long)op->stat.ephemeral_owner,
              reg->holder, (long long)reg->config.wait_us / 1000);
    exec->timer_set(exec, &reg->deadline, reg->config.wait_us);
}

static void holder_got(struct zk_op *op)
{
    struct registration *reg = reg_of(op);
    struct coord *coord = reg->config.coord;

    if (op->err == ERR_ABSENT) {
        coord->watch_cancel(coord, &reg->watch);
        register_write(reg);
    } else if (op->err != ERR_OK) {
        reg_end(reg, op->err);
    } else if (op->stat.ephemeral_owner == coord->session_id(coord)) {
        reg->epoch =
            op->stat.czxid; /* ours, by a write whose answer was lost */
        reg_end(reg, ERR_OK);
    } else {
        foreign_wait(reg, op);
    }
}

static void register_written(struct zk_op *op)
{
    struct registration *reg = reg_of(op);
    struct coord *coord = reg->config.coord;

    if (op->err == ERR_OK) {
        reg->epoch = reg->parts[1].stat.czxid;
        reg_end(reg, ERR_OK);
    } else if (op->err == ERR_EXISTS || op->err == ERR_LOST) {
        reg->op = (struct zk_op){ .on_done = holder_got };
        coord->get(coord, &reg->op, reg->path.text, &reg->watch);
    } else {
        reg_end(reg, op->err);
    }
}

/* Created with null data and then set, as Kafka does: so its data version is 1,
 * and the czxid comes back with the second part. */
static void register_write(struct registration *reg)
{
    struct coord *coord = reg->config.coord;
    struct exec *exec = reg->config.exec;

    reg->self.timestamp_ms = exec->wall_ms(exec);
    wr_fini(&reg->payload);
    wr_init(&reg->payload, PAYLOAD_MOST);
    znode_broker_write(&reg->payload, &reg->self);
    if (reg->payload.err != ERR_OK) {
        err_set(&reg->why, reg->payload.err,
                "too many or too long listeners for %s", reg->path.text);
        reg_end(reg, reg->payload.err);
        return;
    }
    reg->parts[0] = (struct zk_part){ .kind = ZK_PART_CREATE,
                                      .path = reg->path.text,
                                      .data = BYTES_NULL,
                                      .mode = ZK_EPHEMERAL };
    reg->parts[1] = (struct zk_part){
        .kind = ZK_PART_SET,
        .path = reg->path.text,
        .data = bytes_make(reg->payload.data, reg->payload.len),
        .version = 0,
    };
    reg->op = (struct zk_op){ .on_done = register_written };
    coord->multi(coord, &reg->op, reg->parts, 2);
}

/* Another broker advertises one of our endpoints: clients could not tell us
 * apart. */
static bool clashes(struct registration *reg, const struct znode_broker *other,
                    int32_t id)
{
    for (size_t i = 0; i < reg->self.n_endpoints; i++) {
        const struct znode_endpoint *mine = &reg->self.endpoints[i];

        for (size_t j = 0; j < other->n_endpoints; j++) {
            const struct znode_endpoint *theirs = &other->endpoints[j];

            if (mine->port != theirs->port ||
                !bytes_equal(mine->host, theirs->host))
                continue;
            err_set(&reg->why, ERR_INVALID,
                    "listener %.*s advertises %.*s:%d, but "
                    "broker %d registered that endpoint: change "
                    "advertised.listeners of one of them",
                    BYTES_ARG(mine->listener), BYTES_ARG(mine->host),
                    mine->port, id);
            return true;
        }
    }
    return false;
}

static void other_got(struct zk_op *op)
{
    struct round_op *one = CONTAINER_OF(op, struct round_op, op);
    struct registration *reg = one->reg;
    struct znode_broker other;
    struct arena arena;

    arena_init(&arena, PAYLOAD_MOST);
    if (op->err != ERR_OK && op->err != ERR_ABSENT)
        reg->failed = op->err;
    else if (op->err == ERR_OK &&
             znode_broker_read(op->data, &arena, &other, NULL) == ERR_OK &&
             clashes(reg, &other, one->id))
        reg->failed = ERR_INVALID;
    arena_fini(&arena);
    if (--reg->open > 0)
        return;
    if (reg->failed != ERR_OK)
        reg_end(reg, reg->failed);
    else
        register_write(reg);
}

static void others_listed(struct zk_op *op)
{
    struct registration *reg = reg_of(op);
    struct coord *coord = reg->config.coord;
    size_t n = 0;

    if (op->err != ERR_OK) {
        reg_end(reg, op->err);
        return;
    }
    round_begin(reg, op->n_children, other_got);
    for (size_t i = 0; i < op->n_children; i++) {
        int64_t id;

        if (bytes_to_int64(op->children[i], 0, INT32_MAX, &id) && id != reg->id)
            reg->round[n++].id = (int32_t)id;
    }
    reg->open = n;
    if (n == 0) {
        register_write(reg);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        struct znode_path path;

        coord->get(coord, &reg->round[i].op,
                   znode_path_broker(&path, reg->round[i].id), NULL);
    }
}

void registration_register(struct registration *reg, int32_t id,
                           const struct znode_broker *self,
                           registration_fn *on_done)
{
    struct coord *coord = reg->config.coord;

    reg_begin(reg, on_done);
    reg->id = id;
    reg->epoch = -1;
    reg->waiting = false;
    self_copy(reg, self);
    znode_path_broker(&reg->path, id);
    reg->op = (struct zk_op){ .on_done = others_listed };
    coord->children(coord, &reg->op, ZNODE_BROKER_IDS, NULL);
}

int64_t registration_epoch(const struct registration *reg)
{
    return reg->epoch;
}

/* -- life -------------------------------------------------------------------
 */

struct registration *registration_new(const struct registration_config *config)
{
    struct registration *reg = mem_need(sizeof *reg);

    reg->config = *config;
    reg->drawn = -1;
    reg->epoch = -1;
    reg->finish.run = reg_finish;
    reg->watch.on_fire = watch_fired;
    config->exec->timer_init(config->exec, &reg->deadline, waited_too_long);
    arena_init(&reg->arena, REGISTER_ARENA_MOST);
    wr_init(&reg->payload, PAYLOAD_MOST);
    return reg;
}

void registration_free(struct registration **out)
{
    struct registration *reg = *out;

    if (reg == NULL)
        return;
    zk_op_cancel(&reg->op);
    zk_op_cancel(&reg->parent_op);
    for (size_t i = 0; i < reg->n_round; i++)
        zk_op_cancel(&reg->round[i].op);
    reg->config.coord->watch_cancel(reg->config.coord, &reg->watch);
    reg->config.exec->timer_stop(reg->config.exec, &reg->deadline);
    mem_free(reg->round);
    arena_fini(&reg->arena);
    wr_fini(&reg->payload);
    mem_free(reg);
    *out = NULL;
}
