/* znode_path.c - paths, sequence numbers, and names made fit for paths. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "wire/wr.h"
#include "znode/znode_in.h"

const char *const znode_startup_paths[] = {
    ZNODE_CONSUMERS,      ZNODE_BROKER_IDS,     ZNODE_TOPICS,
    ZNODE_CONFIG_CHANGES, ZNODE_DELETE_TOPICS,  ZNODE_BROKER_SEQID,
    ZNODE_ISR_CHANGES,    ZNODE_PRODUCER_IDS,   ZNODE_LOG_DIR_EVENTS,
    ZNODE_CONFIG_TOPICS,  ZNODE_CONFIG_CLIENTS, ZNODE_CONFIG_USERS,
    ZNODE_CONFIG_BROKERS, ZNODE_CONFIG_IPS,     NULL
};

/* -- building ---------------------------------------------------------- */

struct builder {
    struct znode_path *path;
    size_t len;
    bool bad;
};

static struct builder start(struct znode_path *path)
{
    path->text[0] = '\0';
    return (struct builder){ .path = path };
}

static void add(struct builder *b, const void *at, size_t n)
{
    if (b->bad || n >= sizeof b->path->text - b->len) {
        b->bad = true;
        return;
    }
    memcpy(b->path->text + b->len, at, n);
    b->len += n;
    b->path->text[b->len] = '\0';
}

static void add_text(struct builder *b, const char *text)
{
    add(b, text, strlen(text));
}

/* "/name"; a name that would be more or less than one part is refused. */
static void add_part(struct builder *b, struct bytes name)
{
    if (name.len == 0 || memchr(name.at, '/', name.len) != NULL ||
        memchr(name.at, 0, name.len) != NULL) {
        b->bad = true;
        return;
    }
    add_text(b, "/");
    add(b, name.at, name.len);
}

static void add_number(struct builder *b, int32_t number)
{
    char text[16];

    snprintf(text, sizeof text, "/%" PRId32, number);
    add_text(b, text);
}

static const char *done(struct builder *b)
{
    return b->bad ? NULL : b->path->text;
}

const char *znode_path_broker(struct znode_path *path, int32_t broker)
{
    struct builder b = start(path);

    add_text(&b, ZNODE_BROKER_IDS);
    add_number(&b, broker);
    return done(&b);
}

const char *znode_path_topic(struct znode_path *path, struct bytes topic)
{
    return znode_path_child(path, ZNODE_TOPICS, topic);
}

const char *znode_path_partitions(struct znode_path *path, struct bytes topic)
{
    struct builder b = start(path);

    add_text(&b, ZNODE_TOPICS);
    add_part(&b, topic);
    add_text(&b, "/partitions");
    return done(&b);
}

static const char *partition_path(struct znode_path *path, struct bytes topic,
                                  int32_t partition, const char *tail)
{
    struct builder b = start(path);

    add_text(&b, ZNODE_TOPICS);
    add_part(&b, topic);
    add_text(&b, "/partitions");
    add_number(&b, partition);
    add_text(&b, tail);
    return done(&b);
}

const char *znode_path_partition(struct znode_path *path, struct bytes topic,
                                 int32_t partition)
{
    return partition_path(path, topic, partition, "");
}

const char *znode_path_state(struct znode_path *path, struct bytes topic,
                             int32_t partition)
{
    return partition_path(path, topic, partition, "/state");
}

const char *znode_path_delete_topic(struct znode_path *path, struct bytes topic)
{
    return znode_path_child(path, ZNODE_DELETE_TOPICS, topic);
}

const char *znode_path_config(struct znode_path *path, struct bytes entity_path)
{
    struct builder b = start(path);

    add_text(&b, "/config");
    do {
        const uint8_t *slash =
            entity_path.len ? memchr(entity_path.at, '/', entity_path.len)
                            : NULL;
        size_t n = slash ? (size_t)(slash - entity_path.at) : entity_path.len;

        add_part(&b, bytes_make(entity_path.at, n));
        if (slash == NULL)
            return done(&b);
        entity_path = bytes_make(slash + 1, entity_path.len - n - 1);
    } while (!b.bad);
    return NULL;
}

const char *znode_path_config_topic(struct znode_path *path, struct bytes topic)
{
    return znode_path_child(path, ZNODE_CONFIG_TOPICS, topic);
}

const char *znode_path_config_broker(struct znode_path *path, int32_t broker)
{
    struct builder b = start(path);

    add_text(&b, ZNODE_CONFIG_BROKERS);
    if (broker < 0)
        add_text(&b, "/<default>");
    else
        add_number(&b, broker);
    return done(&b);
}

const char *znode_path_acl(struct znode_path *path, bool prefixed,
                           const char *type, struct bytes name)
{
    struct builder b = start(path);

    add_text(&b, prefixed ? ZNODE_ACLS_PREFIXED : ZNODE_ACLS);
    add_part(&b, bytes_of(type));
    add_part(&b, name);
    return done(&b);
}

const char *znode_path_token(struct znode_path *path, struct bytes token_id)
{
    return znode_path_child(path, ZNODE_TOKENS, token_id);
}

const char *znode_path_consumer_offset(struct znode_path *path,
                                       struct bytes group, struct bytes topic,
                                       int32_t partition)
{
    struct builder b = start(path);

    add_text(&b, ZNODE_CONSUMERS);
    add_part(&b, group);
    add_text(&b, "/offsets");
    add_part(&b, topic);
    add_number(&b, partition);
    return done(&b);
}

const char *znode_path_child(struct znode_path *path, const char *parent,
                             struct bytes child)
{
    struct builder b = start(path);

    if (strcmp(parent, "/") != 0)
        add_text(&b, parent);
    add_part(&b, child);
    return done(&b);
}

/* -- sequence numbers -------------------------------------------------- */

bool znode_sequence(struct bytes name, const char *prefix, int64_t *number)
{
    size_t n = strlen(prefix);
    const uint8_t *slash = name.len ? memrchr(name.at, '/', name.len) : NULL;

    if (slash != NULL)
        name = bytes_make(slash + 1, name.len - (size_t)(slash - name.at) - 1);
    if (name.len <= n || memcmp(name.at, prefix, n) != 0 || name.at[n] == '+')
        return false;
    return bytes_to_int64(bytes_make(name.at + n, name.len - n), INT32_MIN,
                          INT32_MAX, number);
}

/* -- entity names ------------------------------------------------------ */

static bool is_plain(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

void znode_sanitize(struct wr *w, struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.at[i];
        char text[4];

        if (is_plain(c)) {
            wr_u8(w, c);
            continue;
        }
        snprintf(text, sizeof text, "%%%02X", c);
        wr_raw(w, text, 3);
    }
}

static int digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum err znode_desanitize(struct bytes text, struct arena *arena,
                          struct bytes *name)
{
    uint8_t *to = arena_take(arena, text.len + 1);
    size_t n = 0;

    if (to == NULL)
        return arena->err;
    for (size_t i = 0; i < text.len; i++) {
        int high, low;

        if (text.at[i] != '%') {
            to[n++] = text.at[i] == '+' ? ' ' : text.at[i];
            continue;
        }
        if (text.len - i < 3)
            return ERR_FORMAT;
        high = digit(text.at[i + 1]);
        low = digit(text.at[i + 2]);
        if (high < 0 || low < 0)
            return ERR_FORMAT;
        to[n++] = (uint8_t)(high << 4 | low);
        i += 2;
    }
    *name = bytes_make(to, n);
    return ERR_OK;
}
