/* znode_cluster.c - cluster id, controller, features, migration, numbers. */
#include <inttypes.h>
#include <stdio.h>

#include "znode/znode_in.h"

void znode_cluster_id_write(struct wr *w, struct bytes id)
{
    jw_text(w, "{\"version\":\"1\",\"id\":");
    jw_string(w, id);
    jw_text(w, "}");
}

enum err znode_cluster_id_read(struct bytes data, struct arena *arena,
                               struct bytes *id, struct errmsg *why)
{
    struct jr jr;

    jr_open(&jr, data, ZNODE_CLUSTER_ID, arena, why);
    jr_need_object(&jr);
    *id = jr_string(&jr, jr.root, "id");
    return jr_close(&jr);
}

/* -- /controller ------------------------------------------------------- */

static void write_time(struct wr *w, int64_t ms)
{
    wr_u8(w, '"');
    jw_int(w, ms);
    wr_u8(w, '"');
}

void znode_controller_write(struct wr *w,
                            const struct znode_controller *controller)
{
    jw_text(w, "{\"version\":2,\"brokerid\":");
    jw_int(w, controller->broker);
    jw_text(w, ",\"timestamp\":");
    write_time(w, controller->timestamp_ms);
    jw_text(w, ",\"kraftControllerEpoch\":");
    jw_int(w, controller->kraft_epoch);
    jw_text(w, "}");
}

enum err znode_controller_read(struct bytes data,
                               struct znode_controller *controller,
                               struct errmsg *why)
{
    struct jr jr;

    jr_open(&jr, data, ZNODE_CONTROLLER, NULL, why);
    jr_need_object(&jr);
    controller->broker =
        (int32_t)jr_int(&jr, jr.root, "brokerid", INT32_MIN, INT32_MAX);
    controller->timestamp_ms = jr_number_text(jr.root, "timestamp");
    controller->kraft_epoch = (int32_t)jr_int_or(
        &jr, jr.root, "kraftControllerEpoch", INT32_MIN, INT32_MAX, -1);
    return jr_close(&jr);
}

/* -- numbers ----------------------------------------------------------- */

void znode_number_write(struct wr *w, int64_t number)
{
    jw_int(w, number);
}

enum err znode_number_read(struct bytes data, int64_t min, int64_t max,
                           int64_t *number, struct errmsg *why)
{
    if (bytes_to_int64(data, min, max, number))
        return ERR_OK;
    return err_set(why, ERR_FORMAT,
                   "\"%.*s\" is no number from %" PRId64 " to %" PRId64,
                   (int)(data.len < 40 ? data.len : 40),
                   data.at ? (const char *)data.at : "", min, max);
}

/* -- /feature ---------------------------------------------------------- */

void znode_features_write(struct wr *w, const struct znode_features *features)
{
    jw_text(w, "{\"features\":{");
    for (size_t i = 0; i < features->n_features; i++) {
        const struct znode_feature *f = &features->features[i];

        jw_comma(w, i);
        jw_string(w, f->name);
        jw_text(w, ":{\"max_version_level\":");
        jw_int(w, f->max);
        if (features->version == 1) {
            jw_text(w, ",\"min_version_level\":");
            jw_int(w, f->min);
        }
        jw_text(w, "}");
    }
    jw_text(w, "},\"version\":");
    jw_int(w, features->version);
    jw_text(w, ",\"status\":");
    jw_int(w, features->enabled);
    jw_text(w, "}");
}

static void read_levels(struct jr *jr, struct znode_features *out, json_t *map)
{
    const char *name;
    json_t *entry;
    size_t n = 0;

    out->features =
        arena_array(jr->arena, json_object_size(map), sizeof *out->features);
    if (out->features == NULL)
        return;
    json_object_foreach(map, name, entry) {
        struct znode_feature *f = &out->features[n];
        json_t *text = json_string(name);

        if (!json_is_object(entry))
            jr_fail(jr, name, "an object");
        f->max = (int16_t)jr_int(jr, entry, "max_version_level", 1, INT16_MAX);
        f->min = f->max;
        if (out->version == 1)
            f->min = (int16_t)jr_int(jr, entry, "min_version_level", 1, f->max);
        f->name = text ? jr_copy(jr, text) : BYTES_NULL;
        json_decref(text);
        if (jr->err != ERR_OK)
            return;
        n++;
    }
    out->n_features = n;
}

enum err znode_features_read(struct bytes data, struct arena *arena,
                             struct znode_features *features,
                             struct errmsg *why)
{
    struct jr jr;
    json_t *map;

    *features = (struct znode_features){ 0 };
    jr_open(&jr, data, ZNODE_FEATURE, arena, why);
    jr_need_object(&jr);
    features->version = (int32_t)jr_int(&jr, jr.root, "version", 1, 2);
    features->enabled = jr_int(&jr, jr.root, "status", 0, 1) != 0;
    map = jr_object_or_null(&jr, jr.root, "features");
    if (map == NULL)
        jr_fail(&jr, "features", "present");
    if (jr.err == ERR_OK)
        read_levels(&jr, features, map);
    return jr_close(&jr);
}

/* -- /migration -------------------------------------------------------- */

enum err znode_migration_read(struct bytes data,
                              struct znode_migration *migration,
                              struct errmsg *why)
{
    struct jr jr;

    jr_open(&jr, data, ZNODE_MIGRATION, NULL, why);
    jr_need_object(&jr);
    jr_int(&jr, jr.root, "version", 0, 0);
    migration->kraft_controller_id = (int32_t)jr_int(
        &jr, jr.root, "kraft_controller_id", INT32_MIN, INT32_MAX);
    migration->kraft_controller_epoch = (int32_t)jr_int(
        &jr, jr.root, "kraft_controller_epoch", INT32_MIN, INT32_MAX);
    migration->kraft_metadata_offset =
        jr_int(&jr, jr.root, "kraft_metadata_offset", INT64_MIN, INT64_MAX);
    migration->kraft_metadata_epoch = (int32_t)jr_int(
        &jr, jr.root, "kraft_metadata_epoch", INT32_MIN, INT32_MAX);
    return jr_close(&jr);
}
