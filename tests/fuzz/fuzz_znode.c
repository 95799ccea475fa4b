/* fuzz_znode.c - every reader of znode payloads, and what is read written
 * again.
 *
 * The first byte chooses the reader. What one accepts is written and must be
 * accepted again. */
#include <stdlib.h>

#include "znode/znode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct arena arena;
static struct wr w;
static struct errmsg why;

static struct bytes written(void)
{
    return w.data ? bytes_make(w.data, w.len) : BYTES("");
}

/* Read, write, read again: the second time must succeed too. */
#define AGAIN(type, name)                                                      \
    do {                                                                       \
        struct type v_;                                                        \
        if (name##_read(in, &arena, &v_, &why) != ERR_OK)                      \
            break;                                                             \
        name##_write(&w, &v_);                                                 \
        if (name##_read(written(), &arena, &v_, &why) != ERR_OK)               \
            abort();                                                           \
    } while (0)

static void broker(struct bytes in)
{
    struct znode_broker v;

    if (znode_broker_read(in, &arena, &v, &why) == ERR_OK)
        znode_broker_write(&w, &v); /* host names may hold anything */
}

static void config(struct bytes in)
{
    struct conf_pair *v;
    size_t n, again;

    if (znode_config_read(in, &arena, &v, &n, &why) != ERR_OK)
        return;
    znode_config_write(&w, v, n);
    if (znode_config_read(written(), &arena, &v, &again, &why) != ERR_OK ||
        again != n)
        abort();
}

static void lists(struct bytes in)
{
    struct znode_partition *v;
    struct znode_acl *acls;
    size_t n;

    if (znode_partitions_read(in, &arena, &v, &n, &why) == ERR_OK)
        znode_partitions_write(&w, v, n);
    w.len = 0;
    if (znode_reassign_read(in, &arena, &v, &n, &why) == ERR_OK) {
        znode_reassign_write(&w, v, n);
        if (znode_reassign_read(written(), &arena, &v, &n, &why) != ERR_OK)
            abort();
    }
    w.len = 0;
    if (znode_acls_read(in, &arena, &acls, &n, &why) == ERR_OK)
        znode_acls_write(&w, acls, n);
}

static void small(struct bytes in)
{
    struct znode_controller controller;
    struct znode_producer_ids ids;
    struct znode_migration migration;
    struct znode_acl_change change;
    struct znode_path path;
    struct bytes text;
    int64_t number;
    int32_t id;

    err_ignore(znode_controller_read(in, &controller, &why), "fuzzing");
    err_ignore(znode_producer_ids_read(in, &ids, &why), "fuzzing");
    err_ignore(znode_migration_read(in, &migration, &why), "fuzzing");
    err_ignore(znode_log_dir_event_read(in, &id, &why), "fuzzing");
    err_ignore(znode_cluster_id_read(in, &arena, &text, &why), "fuzzing");
    err_ignore(znode_config_change_read(in, &arena, &text, &why), "fuzzing");
    err_ignore(znode_acl_change_read(in, true, &arena, &change, &why), "");
    err_ignore(znode_acl_change_read(in, false, &arena, &change, &why), "");
    err_ignore(znode_number_read(in, 0, INT64_MAX, &number, &why), "fuzzing");
    znode_sequence(in, ZNODE_CONFIG_CHANGE_PREFIX, &number);
    znode_path_config(&path, in);
    znode_path_state(&path, in, 1);
    znode_sanitize(&w, in);
    if (znode_desanitize(written(), &arena, &text) != ERR_OK ||
        !bytes_equal(text, in))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in;

    if (size == 0)
        return 0;
    in = bytes_make(data + 1, size - 1);
    arena_init(&arena, 64 << 20);
    wr_init(&w, 64 << 20);
    switch (data[0] % 8) {
    case 0:
        AGAIN(znode_topic, znode_topic);
        break;
    case 1:
        AGAIN(znode_state, znode_state);
        break;
    case 2:
        AGAIN(znode_features, znode_features);
        break;
    case 3:
        AGAIN(znode_token, znode_token);
        break;
    case 4:
        broker(in);
        break;
    case 5:
        config(in);
        break;
    case 6:
        lists(in);
        break;
    default:
        small(in);
        break;
    }
    arena_fini(&arena);
    wr_fini(&w);
    return 0;
}
