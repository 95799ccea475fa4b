/* znode_lists.c - lists of partitions, log directory events, producer ids. */
#include <string.h>

#include "znode/znode_in.h"

static void write_list(struct wr *w, const struct znode_partition *parts,
                       size_t n, bool with_replicas)
{
    jw_text(w, "{\"version\":1,\"partitions\":[");
    for (size_t i = 0; i < n; i++) {
        jw_comma(w, i);
        jw_text(w, "{\"topic\":");
        jw_string(w, parts[i].topic);
        jw_text(w, ",\"partition\":");
        jw_int(w, parts[i].partition);
        if (with_replicas) {
            jw_text(w, ",\"replicas\":");
            jw_ints(w, parts[i].replicas, parts[i].n_replicas);
        }
        jw_text(w, "}");
    }
    jw_text(w, "]}");
}

void znode_partitions_write(struct wr *w, const struct znode_partition *parts,
                            size_t n)
{
    write_list(w, parts, n, false);
}

void znode_reassign_write(struct wr *w, const struct znode_partition *parts,
                          size_t n)
{
    write_list(w, parts, n, true);
}

/* Fails when the object has a member that is not in the list. */
static void only(struct jr *jr, json_t *object, const char *const *keys)
{
    const char *key;
    json_t *value;

    json_object_foreach(object, key, value) {
        const char *const *known = keys;

        while (*known != NULL && strcmp(*known, key) != 0)
            known++;
        if (*known == NULL)
            jr_fail(jr, key, "absent: it is not known here");
    }
}

static void read_list(struct jr *jr, struct znode_partition **parts, size_t *n,
                      bool strict)
{
    static const char *const keys[] = { "topic", "partition", "replicas",
                                        NULL };
    json_t *array = jr_array(jr, jr->root, "partitions");
    size_t count = json_array_size(array);

    *parts = arena_array(jr->arena, count, sizeof **parts);
    for (size_t i = 0; *parts != NULL && i < count && jr->err == ERR_OK; i++) {
        struct znode_partition *p = &(*parts)[i];
        json_t *item = json_array_get(array, i);

        p->topic = jr_string(jr, item, "topic");
        p->partition =
            (int32_t)jr_int(jr, item, "partition", INT32_MIN, INT32_MAX);
        if (!strict)
            continue;
        only(jr, item, keys);
        p->replicas = jr_ints(jr, json_object_get(item, "replicas"), "replicas",
                              &p->n_replicas);
    }
    *n = *parts && jr->err == ERR_OK ? count : 0;
}

enum err znode_partitions_read(struct bytes data, struct arena *arena,
                               struct znode_partition **parts, size_t *n,
                               struct errmsg *why)
{
    struct jr jr;

    *parts = NULL;
    *n = 0;
    jr_open(&jr, data, "list of partitions", arena, why);
    if (jr.root != NULL) {
        jr_need_object(&jr);
        read_list(&jr, parts, n, false);
    }
    return jr_close(&jr);
}

enum err znode_reassign_read(struct bytes data, struct arena *arena,
                             struct znode_partition **parts, size_t *n,
                             struct errmsg *why)
{
    static const char *const keys[] = { "version", "partitions", NULL };
    struct jr jr;

    *parts = NULL;
    *n = 0;
    jr_open(&jr, data, ZNODE_REASSIGN, arena, why);
    jr_need_object(&jr);
    only(&jr, jr.root, keys);
    read_list(&jr, parts, n, true);
    return jr_close(&jr);
}

/* -- log directory events ---------------------------------------------- */

void znode_log_dir_event_write(struct wr *w, int32_t broker)
{
    jw_text(w, "{\"version\":1,\"broker\":");
    jw_int(w, broker);
    jw_text(w, ",\"event\":1}");
}

enum err znode_log_dir_event_read(struct bytes data, int32_t *broker,
                                  struct errmsg *why)
{
    struct jr jr;

    jr_open(&jr, data, "log directory event", NULL, why);
    jr_need_object(&jr);
    *broker = (int32_t)jr_int(&jr, jr.root, "broker", INT32_MIN, INT32_MAX);
    return jr_close(&jr);
}

/* -- producer ids ------------------------------------------------------ */

void znode_producer_ids_write(struct wr *w,
                              const struct znode_producer_ids *ids)
{
    jw_text(w, "{\"version\":1,\"broker\":");
    jw_int(w, ids->broker);
    jw_text(w, ",\"block_start\":\"");
    jw_int(w, ids->first);
    jw_text(w, "\",\"block_end\":\"");
    jw_int(w, ids->last);
    jw_text(w, "\"}");
}

static int64_t number_in_string(struct jr *jr, const char *key)
{
    json_t *v = jr_member(jr, jr->root, key, true);
    int64_t number = 0;

    if (v != NULL && (!json_is_string(v) ||
                      !bytes_to_int64(bytes_make(json_string_value(v),
                                                 json_string_length(v)),
                                      0, INT64_MAX, &number)))
        jr_fail(jr, key, "a number from 0 on, in a string");
    return number;
}

enum err znode_producer_ids_read(struct bytes data,
                                 struct znode_producer_ids *ids,
                                 struct errmsg *why)
{
    struct jr jr;

    *ids = (struct znode_producer_ids){ 0 };
    if (bytes_is_null(data))
        return ERR_ABSENT;
    jr_open(&jr, data, ZNODE_PRODUCER_IDS, NULL, why);
    jr_need_object(&jr);
    ids->broker = (int32_t)jr_int(&jr, jr.root, "broker", INT32_MIN, INT32_MAX);
    ids->first = number_in_string(&jr, "block_start");
    ids->last = number_in_string(&jr, "block_end");
    if (jr.err == ERR_OK && ids->last < ids->first)
        jr_fail(&jr, "block_end", "at least block_start");
    return jr_close(&jr);
}
