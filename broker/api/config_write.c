/* config_write.c - edits on their way into ZooKeeper.
 *
 *   read the entity ─▶ merge ─▶ write it (under the version read) ─▶ notify
 *
 * The entity is read afresh, so that two edits at once, on any two brokers,
 * cannot lose one: the later writer finds another version and starts over.
 */
#include <assert.h>

#include "api/config_edit.h"
#include "api/names_twice.h"
#include "api/topic_plan.h"
#include "broker.h"
#include "config/overrides.h"
#include "metadata/metadata.h"
#include "wire/errors.h"
#include "wire/wr.h"
#include "znode/znode.h"

enum { CONFIG_PAYLOAD_MOST = 1000 * 1000 };

struct config_edits *config_edits_new(struct request *request, size_t n)
{
    struct config_edits *edits = arena_take(&request->arena, sizeof *edits);
    struct config_edit *array = arena_array(&request->arena, n, sizeof *array);

    if (edits == NULL || array == NULL)
        return NULL;
    edits->request = request;
    edits->edits = array;
    edits->n = n;
    for (size_t i = 0; i < n; i++)
        array[i].all = edits;
    return edits;
}

static void edits_close(struct config_edits *edits)
{
    if (--edits->open == 0)
        request_post(edits->request, edits->on_done);
}

static void edit_end(struct config_edit *edit, int16_t error,
                     const char *message)
{
    edit->error = error;
    if (message != NULL)
        edit->message =
            arena_copy(&edit->all->request->arena, bytes_of(message));
    edits_close(edit->all);
}

static void edit_fail_zk(struct config_edit *edit)
{
    struct errmsg why;

    err_set(&why, edit->op.err, "ZooKeeper: %s", err_words(edit->op.err));
    edit_end(edit, KAFKA_UNKNOWN_SERVER_ERROR, why.text);
}

static struct config_edit *edit_of(struct zk_op *op)
{
    return CONTAINER_OF(op, struct config_edit, op);
}

/* "topics/t", "brokers/0", "brokers/<default>"; in the arena. */
static struct bytes edit_entity(const struct config_edit *edit)
{
    struct arena *arena = &edit->all->request->arena;

    if (edit->type == RESOURCE_TOPIC)
        return arena_format(arena, "topics/%.*s", BYTES_ARG(edit->name));
    return arena_format(
        arena, "brokers/%.*s",
        BYTES_ARG(edit->name.len ? edit->name : BYTES("<default>")));
}

static void edit_begin(struct config_edit *edit);

static void edit_notified(struct zk_op *op)
{
    struct config_edit *edit = edit_of(op);
    struct overrides *ov = edit->all->request->broker->overrides;

    if (op->err != ERR_OK) {
        edit_fail_zk(edit);
        return;
    }
    if (edit->type == RESOURCE_TOPIC)
        overrides_topic_put(ov, edit->name, edit->pairs, edit->n_pairs);
    else
        overrides_layer_put(ov, edit->name.len ? CONFIG_BROKER : CONFIG_CLUSTER,
                            edit->pairs, edit->n_pairs);
    edit_end(edit, KAFKA_NONE, NULL);
}

static void edit_written(struct zk_op *op)
{
    struct config_edit *edit = edit_of(op);
    struct wr w;

    if (op->err == ERR_CONFLICT || op->err == ERR_EXISTS ||
        op->err == ERR_ABSENT) {
        edit_begin(edit); /* changed by somebody else meanwhile */
        return;
    }
    if (op->err != ERR_OK) {
        edit_fail_zk(edit);
        return;
    }
    wr_init(&w, CONFIG_PAYLOAD_MOST);
    znode_config_change_write(&w, edit_entity(edit));
    assert(w.err == ERR_OK);
    /* A notification too many does no harm, so it may be sent again. */
    edit->op = (struct zk_op){ .on_done = edit_notified, .retry = true };
    zk_create(edit->all->request->broker->zk, &edit->op,
              ZNODE_CONFIG_CHANGE_NEW, bytes_make(w.data, w.len),
              ZK_SEQUENTIAL);
    wr_fini(&w);
}

static void edit_write(struct config_edit *edit, bool fresh, int32_t version)
{
    struct zk *zk = edit->all->request->broker->zk;
    struct znode_path path;
    struct wr w;

    wr_init(&w, CONFIG_PAYLOAD_MOST);
    znode_config_write(&w, edit->pairs, edit->n_pairs);
    if (w.err != ERR_OK) {
        edit_end(edit, KAFKA_INVALID_CONFIG,
                 "The configuration is too large for a znode.");
    } else {
        const char *at = znode_path_config(&path, edit_entity(edit));

        edit->op = (struct zk_op){ .on_done = edit_written };
        if (fresh)
            zk_create(zk, &edit->op, at, bytes_make(w.data, w.len),
                      ZK_PERSISTENT);
        else
            zk_set(zk, &edit->op, at, bytes_make(w.data, w.len), version);
    }
    wr_fini(&w);
}

static void edit_read(struct zk_op *op)
{
    struct config_edit *edit = edit_of(op);
    struct request *request = edit->all->request;
    bool fresh = op->err == ERR_ABSENT;
    int32_t version = op->stat.version;
    struct conf_pair *old = NULL;
    size_t n_old = 0;
    enum err err = ERR_OK;
    struct errmsg why;

    if (op->err != ERR_OK && !fresh) {
        edit_fail_zk(edit);
        return;
    }
    if (!fresh && !edit->all->replace)
        err = znode_config_read(op->data, &request->arena, &old, &n_old, &why);
    if (err != ERR_OK && err != ERR_FORMAT) {
        edit_end(edit, KAFKA_UNKNOWN_SERVER_ERROR, why.text);
        return;
    }
    if (err == ERR_FORMAT) /* counts as none, or it could never be mended */
        n_old = 0;
    config_edit_merge(edit, &request->arena, request->broker->config,
                      edit->all->replace, old, n_old);
    if (edit->error != KAFKA_NONE || edit->all->validate_only)
        edits_close(edit->all);
    else
        edit_write(edit, fresh, version);
}

static void edit_begin(struct config_edit *edit)
{
    struct znode_path path;

    edit->op = (struct zk_op){ .on_done = edit_read };
    zk_get(edit->all->request->broker->zk, &edit->op,
           znode_path_config(&path, edit_entity(edit)), NULL);
}

static void edits_run(struct job *job)
{
    struct config_edits *edits = CONTAINER_OF(job, struct config_edits, job);

    edits->open = 1;
    for (size_t i = 0; i < edits->n; i++) {
        if (edits->edits[i].error != KAFKA_NONE)
            continue;
        edits->open++;
        edit_begin(&edits->edits[i]);
    }
    edits_close(edits);
}

/* Is there such a resource, may it be edited here, and only once? */
static int16_t edit_refusal(const struct config_edit *edit, bool twice,
                            struct errmsg *why)
{
    struct request *request = edit->all->request;
    enum config_layer layer;
    struct meta_topic *topic;
    int16_t error;

    if (twice) {
        err_set(why, ERR_INVALID, "Each resource must appear at most once.");
        return KAFKA_INVALID_REQUEST;
    }
    error = config_changes_check(edit, why);
    if (error != KAFKA_NONE)
        return error;
    if (edit->type == RESOURCE_BROKER)
        return config_resource_layer(request, edit->name, CONFIG_ALTER, &layer,
                                     why);
    if (edit->type != RESOURCE_TOPIC) {
        err_set(why, ERR_INVALID, "Unknown resource type %d", edit->type);
        return KAFKA_INVALID_REQUEST;
    }
    if (edit->name.len == 0) {
        err_set(why, ERR_INVALID, "Default topic resources are not allowed.");
        return KAFKA_INVALID_REQUEST;
    }
    topic = metadata_topic_find(request->broker->metadata, edit->name);
    if (topic == NULL) {
        err_set(why, ERR_ABSENT, "The topic '%.*s' does not exist.",
                BYTES_ARG(edit->name));
        return KAFKA_UNKNOWN_TOPIC_OR_PARTITION;
    }
    meta_topic_unref(topic);
    return KAFKA_NONE;
}

void config_edits_start(struct config_edits *edits)
{
    struct request *request = edits->request;
    struct named *names = arena_array(&request->arena, edits->n, sizeof *names);

    for (size_t i = 0; names && i < edits->n; i++)
        names[i] = (struct named){ .name = edits->edits[i].name,
                                   .kind = edits->edits[i].type };
    if (names == NULL || !names_mark_twice(&request->arena, names, edits->n)) {
        request_close(request, "too many resources in one request");
        return;
    }
    for (size_t i = 0; i < edits->n; i++) {
        struct errmsg why = { "" };
        struct config_edit *edit = &edits->edits[i];

        edit->error = edit_refusal(edit, names[i].twice, &why);
        if (edit->error != KAFKA_NONE)
            edit->message = arena_copy(&request->arena, bytes_of(why.text));
    }
    request->park = edits;
    edits->job.run = edits_run;
    loop_post(request->broker->coord_loop, &edits->job);
}
