/* znode_config.c - overrides of entities, and the notices that they changed. */
#include <string.h>

#include "znode/znode_in.h"

void znode_config_write(struct wr *w, const struct conf_pair *pairs, size_t n)
{
    struct bytes *keys = mem_need_array(n + 1, sizeof *keys);
    size_t *order = mem_need_array(n + 1, sizeof *order);

    for (size_t i = 0; i < n; i++)
        keys[i] = pairs[i].name;
    znode_order_properties(keys, n, order);
    jw_text(w, "{\"version\":1,\"config\":{");
    for (size_t i = 0; i < n; i++) {
        jw_comma(w, i);
        jw_string(w, pairs[order[i]].name);
        wr_u8(w, ':');
        jw_string(w, pairs[order[i]].value);
    }
    jw_text(w, "}}");
    mem_free(keys);
    mem_free(order);
}

enum err znode_config_read(struct bytes data, struct arena *arena,
                           struct conf_pair **pairs, size_t *n,
                           struct errmsg *why)
{
    struct jr jr;
    json_t *map, *value;
    const char *key;
    size_t used = 0;

    *pairs = NULL;
    *n = 0;
    jr_open(&jr, data, "/config", arena, why);
    if (jr.root == NULL && jr.err == ERR_OK && data.len > 0)
        return err_set(why, ERR_FORMAT, "/config: no JSON");
    map = json_object_get(jr.root, "config");
    if (json_is_object(map) && jr.err == ERR_OK)
        *pairs = arena_array(arena, json_object_size(map), sizeof **pairs);
    if (*pairs == NULL)
        return jr_close(&jr);
    json_object_foreach(map, key, value) {
        struct conf_pair *pair = &(*pairs)[used];

        if (!json_is_string(value)) {
            jr_fail(&jr, key, "a string");
            break;
        }
        pair->name = arena_format(arena, "%s", key); /* with a NUL behind */
        pair->value = jr_copy(&jr, value);
        used++;
    }
    *n = jr.err == ERR_OK ? used : 0;
    return jr_close(&jr);
}

void znode_config_change_write(struct wr *w, struct bytes entity_path)
{
    jw_text(w, "{\"version\":2,\"entity_path\":");
    jw_string(w, entity_path);
    jw_text(w, "}");
}

/* Version 1 knew topics and clients only. */
static struct bytes read_version_1(struct jr *jr)
{
    struct bytes type = jr_string(jr, jr->root, "entity_type");
    struct bytes name = jr_string(jr, jr->root, "entity_name");

    if (jr->err != ERR_OK)
        return BYTES_NULL;
    if (!bytes_is(type, "topics") && !bytes_is(type, "clients")) {
        jr_fail(jr, "entity_type", "topics or clients");
        return BYTES_NULL;
    }
    return arena_format(jr->arena, "%.*s/%.*s", BYTES_ARG(type),
                        BYTES_ARG(name));
}

enum err znode_config_change_read(struct bytes data, struct arena *arena,
                                  struct bytes *entity_path, struct errmsg *why)
{
    struct jr jr;
    int64_t version;

    *entity_path = BYTES_NULL;
    jr_open(&jr, data, "config change", arena, why);
    if (jr.root == NULL && jr.err == ERR_OK)
        return err_set(why, ERR_ABSENT, "config change: no JSON");
    jr_need_object(&jr);
    version = jr_int(&jr, jr.root, "version", 1, 2);
    if (jr.err == ERR_OK && version == 1)
        *entity_path = read_version_1(&jr);
    else if (jr.err == ERR_OK)
        *entity_path = jr_string(&jr, jr.root, "entity_path");
    if (jr.err == ERR_OK && !bytes_is_null(*entity_path) &&
        (entity_path->len == 0 ||
         memchr(entity_path->at, '/', entity_path->len) == NULL))
        jr_fail(&jr, "entity_path", "type/name");
    return jr_close(&jr);
}
