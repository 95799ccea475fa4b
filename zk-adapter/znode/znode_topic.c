/* znode_topic.c - a topic's assignment, and a partition's state. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "znode/znode_in.h"

/* -- writing the assignment -------------------------------------------- */

enum which { ALL, ADDING, REMOVING };

static const int32_t *replicas_of(const struct znode_replicas *p,
                                  enum which which, size_t *n)
{
    switch (which) {
    case ALL:
        *n = p->n_replicas;
        return p->replicas;
    case ADDING:
        *n = p->n_adding;
        return p->adding;
    case REMOVING:
        break;
    }
    *n = p->n_removing;
    return p->removing;
}

/* {"0":[1,2],"1":[2,3]}, in the order of Scala's mutable map; of adding and
 * removing replicas only partitions that have some. */
static void write_map(struct wr *w, const struct znode_topic *topic,
                      enum which which)
{
    size_t n = topic->n_partitions, used = 0, len;
    char(*texts)[12] = mem_need_array(n + 1, sizeof *texts);
    struct bytes *keys = mem_need_array(n + 1, sizeof *keys);
    size_t *from = mem_need_array(n + 1, sizeof *from);
    size_t *order = mem_need_array(n + 1, sizeof *order);

    for (size_t i = 0; i < n; i++) {
        const struct znode_replicas *p = &topic->partitions[i];

        replicas_of(p, which, &len);
        if (which != ALL && len == 0)
            continue;
        snprintf(texts[used], sizeof texts[used], "%" PRId32, p->partition);
        keys[used] = bytes_of(texts[used]);
        from[used++] = i;
    }
    znode_order_scala(keys, used, order);
    wr_u8(w, '{');
    for (size_t i = 0; i < used; i++) {
        const int32_t *ids =
            replicas_of(&topic->partitions[from[order[i]]], which, &len);

        jw_comma(w, i);
        jw_string(w, keys[order[i]]);
        wr_u8(w, ':');
        jw_ints(w, ids, len);
    }
    wr_u8(w, '}');
    mem_free(texts);
    mem_free(keys);
    mem_free(from);
    mem_free(order);
}

void znode_topic_write(struct wr *w, const struct znode_topic *topic)
{
    char id[UUID_TEXT_LEN + 1];

    jw_text(w, "{\"partitions\":");
    write_map(w, topic, ALL);
    if (!uuid_is_zero(topic->id)) {
        uuid_to_text(topic->id, id);
        jw_text(w, ",\"topic_id\":\"");
        jw_text(w, id);
        wr_u8(w, '"');
    }
    jw_text(w, ",\"adding_replicas\":");
    write_map(w, topic, ADDING);
    jw_text(w, ",\"removing_replicas\":");
    write_map(w, topic, REMOVING);
    jw_text(w, ",\"version\":3}");
}

/* -- reading it -------------------------------------------------------- */

static int by_partition(const void *a, const void *b)
{
    const struct znode_replicas *x = a, *y = b;

    return x->partition < y->partition ? -1 : x->partition > y->partition;
}

static void read_extra(struct jr *jr, json_t *map, const char *key,
                       int32_t **out, size_t *n)
{
    json_t *array = json_object_get(map, key);

    if (array != NULL)
        *out = jr_ints(jr, array, key, n);
}

static void read_partitions(struct jr *jr, struct znode_topic *out)
{
    json_t *map = jr_object_or_null(jr, jr->root, "partitions"), *array;
    json_t *adding = jr_object_or_null(jr, jr->root, "adding_replicas");
    json_t *removing = jr_object_or_null(jr, jr->root, "removing_replicas");
    const char *key;
    size_t n = 0;

    if (map == NULL || jr->err != ERR_OK)
        return;
    out->partitions =
        arena_array(jr->arena, json_object_size(map), sizeof *out->partitions);
    if (out->partitions == NULL)
        return;
    json_object_foreach(map, key, array) {
        struct znode_replicas *p = &out->partitions[n++];
        int64_t number;

        if (!bytes_to_int64(bytes_of(key), 0, INT32_MAX, &number)) {
            jr_fail(jr, "partitions", "keyed by partition numbers");
            return;
        }
        p->partition = (int32_t)number;
        p->replicas = jr_ints(jr, array, key, &p->n_replicas);
        read_extra(jr, adding, key, &p->adding, &p->n_adding);
        read_extra(jr, removing, key, &p->removing, &p->n_removing);
        if (jr->err != ERR_OK)
            return;
    }
    qsort(out->partitions, n, sizeof *out->partitions, by_partition);
    out->n_partitions = n;
}

/* "1" and "01" are one partition: the first stays. */
static void drop_repeats(struct znode_topic *topic)
{
    size_t kept = 0;

    for (size_t i = 0; i < topic->n_partitions; i++)
        if (kept == 0 || topic->partitions[kept - 1].partition !=
                             topic->partitions[i].partition)
            topic->partitions[kept++] = topic->partitions[i];
    topic->n_partitions = kept;
}

enum err znode_topic_read(struct bytes data, struct arena *arena,
                          struct znode_topic *topic, struct errmsg *why)
{
    struct jr jr;
    json_t *id;

    *topic = (struct znode_topic){ 0 };
    jr_open(&jr, data, ZNODE_TOPICS, arena, why);
    if (jr.root == NULL && jr.err == ERR_OK)
        return err_set(why, ERR_FORMAT, ZNODE_TOPICS ": no JSON");
    if (jr.root != NULL) {
        jr_need_object(&jr);
        id = jr_member(&jr, jr.root, "topic_id", false);
        if (id != NULL && (!json_is_string(id) ||
                           !uuid_from_text(bytes_make(json_string_value(id),
                                                      json_string_length(id)),
                                           &topic->id)))
            jr_fail(&jr, "topic_id", "22 characters of base64");
        read_partitions(&jr, topic);
        drop_repeats(topic);
    }
    return jr_close(&jr);
}

/* -- a partition's state ----------------------------------------------- */

void znode_state_write(struct wr *w, const struct znode_state *state)
{
    jw_text(w, "{\"controller_epoch\":");
    jw_int(w, state->controller_epoch);
    jw_text(w, ",\"leader\":");
    jw_int(w, state->leader);
    jw_text(w, ",\"version\":1");
    if (state->recovery != 0) {
        jw_text(w, ",\"leader_recovery_state\":");
        jw_int(w, state->recovery);
    }
    jw_text(w, ",\"leader_epoch\":");
    jw_int(w, state->leader_epoch);
    jw_text(w, ",\"isr\":");
    jw_ints(w, state->isr, state->n_isr);
    jw_text(w, "}");
}

enum err znode_state_read(struct bytes data, struct arena *arena,
                          struct znode_state *state, struct errmsg *why)
{
    struct jr jr;

    *state = (struct znode_state){ .leader = -1 };
    jr_open(&jr, data, "partition state", arena, why);
    if (jr.root == NULL && jr.err == ERR_OK)
        return err_set(why, ERR_ABSENT, "partition state: no JSON");
    jr_need_object(&jr);
    state->leader =
        (int32_t)jr_int(&jr, jr.root, "leader", INT32_MIN, INT32_MAX);
    state->leader_epoch =
        (int32_t)jr_int(&jr, jr.root, "leader_epoch", INT32_MIN, INT32_MAX);
    state->controller_epoch =
        (int32_t)jr_int(&jr, jr.root, "controller_epoch", INT32_MIN, INT32_MAX);
    state->recovery =
        (int8_t)jr_int_or(&jr, jr.root, "leader_recovery_state", 0, 1, 0);
    state->isr =
        jr_ints(&jr, json_object_get(jr.root, "isr"), "isr", &state->n_isr);
    return jr_close(&jr);
}
