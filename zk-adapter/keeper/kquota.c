/* kquota.c - limits and counters of subtrees; see kquota.h.
 *
 * There is no index of quotas: whether a path has one is a look-up of its
 * limits node. A server without any (core.n_limits is 0) pays one comparison a
 * change; the others pay a look-up for each component of the path. */
#include "keeper/kquota.h"

#include <stdio.h>

#include "base/diag.h"
#include "keeper/kpath.h"

#define QUOTA "/zookeeper/quota"
#define LIMITS "zookeeper_limits"
#define STATS "zookeeper_stats"

enum { QUOTA_LEN = sizeof QUOTA - 1, AROUND = QUOTA_LEN + sizeof LIMITS + 1 };

static bool starts_with(struct bytes b, const char *prefix, size_t n)
{
    return b.len >= n && memcmp(b.at, prefix, n) == 0;
}

/* -- texts ----------------------------------------------------------------- */

static void pair_read(struct kquota *quota, struct bytes pair)
{
    const uint8_t *eq = pair.len ? memchr(pair.at, '=', pair.len) : NULL;
    struct bytes key;
    struct bytes value;
    const uint8_t *end;
    int64_t n;

    if (eq == NULL)
        return;
    key = bytes_make(pair.at, (size_t)(eq - pair.at));
    value = bytes_make(eq + 1, pair.len - key.len - 1);
    /* A second '=' makes readers of old stop; it is no part of the number. */
    end = value.len ? memchr(value.at, '=', value.len) : NULL;
    if (end != NULL)
        value.len = (size_t)(end - value.at);
    if (!bytes_to_int64(value, INT64_MIN, INT64_MAX, &n))
        n = -1;
    if (bytes_is(key, "count"))
        quota->count = n;
    else if (bytes_is(key, "bytes"))
        quota->bytes = n;
    else if (bytes_is(key, "countHardLimit"))
        quota->count_hard = n;
    else if (bytes_is(key, "byteHardLimit"))
        quota->bytes_hard = n;
}

struct kquota kquota_read(struct bytes text)
{
    struct kquota quota = { -1, -1, -1, -1 };
    size_t from = 0;

    if (text.len == 0)
        return quota;
    for (size_t i = 0; i <= text.len; i++) {
        if (i < text.len && text.at[i] != ',' && text.at[i] != ';')
            continue;
        pair_read(&quota, bytes_make(text.at + from, i - from));
        from = i + 1;
    }
    return quota;
}

/* The stats fit into the node's own block mostly; without memory for them they
 * stay as they are until the next change. */
static void stats_write(struct kcore *core, struct ktree_node *node,
                        int64_t count, int64_t bytes)
{
    char text[64];
    int n = snprintf(text, sizeof text, "count=%lld,bytes=%lld",
                     (long long)count, (long long)bytes);

    err_ignore(ktree_set_data(&core->tree, node, bytes_make(text, (size_t)n)),
               "an old count is better than none");
}

/* -- where ----------------------------------------------------------------- */

static struct ktree_node *quota_node(const struct kcore *core,
                                     struct bytes path, const char *name)
{
    char small[512];
    size_t size = path.len + AROUND;
    char *full = size <= sizeof small ? small : mem_need(size);
    struct ktree_node *node;
    size_t len = QUOTA_LEN;

    memcpy(full, QUOTA, QUOTA_LEN);
    if (path.len)
        memcpy(full + len, path.at, path.len);
    len += path.len;
    full[len++] = '/';
    memcpy(full + len, name, strlen(name));
    len += strlen(name);
    node = ktree_find(&core->tree, bytes_make(full, len));
    if (full != small)
        mem_free(full);
    return node;
}

/* The deepest path at or above `path` that has limits; null: none. The root can
 * have no quota. */
static struct bytes prefix_of(const struct kcore *core, struct bytes path)
{
    while (path.len > 1) {
        ptrdiff_t up;

        if (quota_node(core, path, LIMITS) != NULL)
            return path;
        up = kpath_parent(path);
        path.len = up < 0 ? 0 : (size_t)up;
    }
    return BYTES_NULL;
}

/* If `path` is QUOTA/<p>/<name> with a <p>: that. */
static struct bytes quoted_path(struct bytes path, const char *name)
{
    size_t n = strlen(name);

    if (path.len < QUOTA_LEN + 1 + n + 2 ||
        !starts_with(path, QUOTA "/", QUOTA_LEN + 1) ||
        memcmp(path.at + path.len - n, name, n) != 0 ||
        path.at[path.len - n - 1] != '/')
        return BYTES_NULL;
    return bytes_make(path.at + QUOTA_LEN, path.len - QUOTA_LEN - n - 1);
}

/* -- counting -------------------------------------------------------------- */

static void count_below(const struct ktree_node *under, int64_t *count,
                        int64_t *bytes)
{
    for (const struct ktree_node *at = under; at != NULL;
         at = ktree_next(at, under)) {
        *count += 1;
        *bytes += (int64_t)at->data_len;
    }
}

static struct ktree_node *count_path(struct kcore *core, struct bytes path)
{
    struct ktree_node *stats = quota_node(core, path, STATS);
    const struct ktree_node *under = ktree_find(&core->tree, path);
    int64_t count = 0;
    int64_t bytes = 0;

    if (stats == NULL)
        return NULL;
    if (under != NULL)
        count_below(under, &count, &bytes);
    stats_write(core, stats, count, bytes);
    return stats;
}

static void count_change(struct kcore *core, struct bytes path, int64_t count,
                         int64_t bytes, int64_t zxid)
{
    struct bytes prefix = prefix_of(core, path);
    struct ktree_node *stats;
    struct kquota now;

    if (bytes_is_null(prefix))
        return;
    stats = quota_node(core, prefix, STATS);
    if (stats == NULL)
        return;
    /* A count within the same multi has seen this change already. */
    if (stats == core->counted && zxid == core->counted_zxid)
        return;
    now = kquota_read(ktree_data(stats));
    stats_write(core, stats, now.count + count, now.bytes + bytes);
    core->quota_zxid = zxid;
}

void kquota_change(struct kcore *core, const struct kchange *change,
                   int64_t zxid)
{
    bool created = change->type != KOP_DELETE && change->type != KOP_SET_DATA;
    struct bytes path;

    if (change->node == NULL || change->type == KOP_SET_ACL)
        return;
    if (change->type != KOP_SET_DATA &&
        starts_with(change->path, QUOTA "/", QUOTA_LEN + 1)) {
        if (!bytes_is_null(quoted_path(change->path, LIMITS)))
            core->n_limits += created ? 1 : (size_t)-1;
        path = quoted_path(change->path, STATS);
        if (created && !bytes_is_null(path)) {
            core->counted = count_path(core, path);
            core->counted_zxid = zxid;
            core->quota_zxid = zxid;
        }
    }
    if (core->n_limits > 0)
        count_change(core, change->path,
                     created                      ? 1
                     : change->type == KOP_DELETE ? -1
                                                  : 0,
                     change->bytes_diff, zxid);
}

static const struct ktree_node *quota_root(const struct kcore *core)
{
    return ktree_find(&core->tree, BYTES(QUOTA));
}

void kquota_each(const struct kcore *core,
                 void (*each)(void *to, struct bytes path,
                              const struct kquota *limits,
                              const struct kquota *usage),
                 void *to)
{
    const struct ktree_node *root = quota_root(core);

    if (root == NULL)
        return;
    for (const struct ktree_node *at = ktree_next(root, root); at != NULL;
         at = ktree_next(at, root)) {
        size_t len;
        uint8_t *full;
        struct bytes path;

        if (!bytes_is(ktree_name(at), LIMITS))
            continue;
        len = ktree_path_len(at);
        full = mem_need(len);
        ktree_path(at, full, len);
        path = quoted_path(bytes_make(full, len), LIMITS);
        if (!bytes_is_null(path)) {
            const struct ktree_node *stats = quota_node(core, path, STATS);
            struct kquota limits = kquota_read(ktree_data(at));
            struct kquota usage =
                kquota_read(stats ? ktree_data(stats) : BYTES(""));

            each(to, path, &limits, &usage);
        }
        mem_free(full);
    }
}

static void recount_one(void *to, struct bytes path,
                        const struct kquota *limits, const struct kquota *usage)
{
    struct kcore *core = to;

    (void)limits;
    (void)usage;
    core->n_limits++;
    (void)count_path(core, path);
}

void kquota_recount(struct kcore *core)
{
    core->n_limits = 0;
    kquota_each(core, recount_one, core);
}

int64_t kquota_shown(const struct kcore *core, const struct ktree_node *node)
{
    return core->quota_zxid > core->durable_zxid &&
                   bytes_is(ktree_name(node), STATS)
               ? core->quota_zxid
               : 0;
}

/* -- limits ---------------------------------------------------------------- */

static enum kcode one_check(struct bytes prefix, const char *what, int64_t now,
                            int64_t soft, int64_t hard)
{
    bool is_hard = hard > -1;

    if (now <= (is_hard ? hard : soft))
        return K_OK;
    DIAG_SELDOM(DIAG_WARN,
                "event=keeper_quota_exceeded path=%.*s %s=%lld %s_limit=%lld",
                BYTES_ARG(prefix), what, (long long)now,
                is_hard ? "hard" : "soft", (long long)(is_hard ? hard : soft));
    return is_hard ? K_QUOTA_EXCEEDED : K_OK;
}

enum kcode kquota_check(struct kcore *core, struct bytes path, int64_t count,
                        int64_t bytes)
{
    struct bytes prefix;
    const struct ktree_node *limits_at;
    const struct ktree_node *stats_at;
    struct kquota limits;
    struct kquota now;
    enum kcode code = K_OK;

    if (!core->config->enforce_quota || core->n_limits == 0)
        return K_OK;
    prefix = prefix_of(core, path);
    if (bytes_is_null(prefix))
        return K_OK;
    limits_at = quota_node(core, prefix, LIMITS);
    stats_at = quota_node(core, prefix, STATS);
    if (limits_at == NULL || stats_at == NULL)
        return K_OK;
    limits = kquota_read(ktree_data(limits_at));
    now = kquota_read(ktree_data(stats_at));
    if (count != 0 && (limits.count > -1 || limits.count_hard > -1))
        code = one_check(prefix, "count", now.count + count, limits.count,
                         limits.count_hard);
    if (code == K_OK && bytes != 0 &&
        (limits.bytes > -1 || limits.bytes_hard > -1))
        code = one_check(prefix, "bytes", now.bytes + bytes, limits.bytes,
                         limits.bytes_hard);
    if (code != K_OK)
        core->stats.quota_exceeded++;
    return code;
}
