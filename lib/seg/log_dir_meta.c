/* log_dir_meta.c - meta.properties: which broker, which cluster.
 *
 * A Java properties file. Only `version`, `broker.id` and `cluster.id` mean
 * something here; other keys (directory.id) are kept when it is written anew.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "seg/log_dir_private.h"
#include "wire/wr.h"

enum { META_BYTES_MOST = 64 * 1024 };

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\f' || c == '\r';
}

static struct bytes trim(struct bytes b)
{
    while (b.len > 0 && is_blank(*b.at))
        b = bytes_make(b.at + 1, b.len - 1);
    while (b.len > 0 && is_blank(b.at[b.len - 1]))
        b.len--;
    return b;
}

/* The next property of the text; comments and blank lines are passed over. */
static bool next_property(struct bytes *text, struct bytes *key,
                          struct bytes *value)
{
    while (text->len > 0) {
        const uint8_t *end = memchr(text->at, '\n', text->len);
        size_t n = end ? (size_t)(end - text->at) : text->len;
        struct bytes line = trim(bytes_make(text->at, n));
        size_t split = 0;

        *text = bytes_make(text->at + n, text->len - n);
        if (end != NULL)
            *text = bytes_make(end + 1, text->len - 1);
        if (line.len == 0 || *line.at == '#' || *line.at == '!')
            continue;
        while (split < line.len && line.at[split] != '=' &&
               line.at[split] != ':')
            split++;
        *key = trim(bytes_make(line.at, split));
        *value =
            split < line.len
                ? trim(bytes_make(line.at + split + 1, line.len - split - 1))
                : bytes_make(line.at + line.len, 0);
        return true;
    }
    return false;
}

static enum err take(struct log_dir *dir, struct bytes key, struct bytes value,
                     bool *versioned, struct errmsg *why)
{
    int64_t number;

    if (bytes_is(key, "version")) {
        if (!bytes_to_int64(value, 0, 0, &number))
            return err_set(why, ERR_VERSION,
                           "%s/" DIR_META ": version=%.*s, but a broker on "
                           "ZooKeeper needs 0; is this the directory of a "
                           "KRaft node?",
                           dir->path, BYTES_ARG(value));
        *versioned = true;
    } else if (bytes_is(key, "broker.id")) {
        if (!bytes_to_int64(value, -1, INT32_MAX, &number))
            return err_set(why, ERR_FORMAT,
                           "%s/" DIR_META ": broker.id=%.*s is no number",
                           dir->path, BYTES_ARG(value));
        dir->meta.broker_id = (int32_t)number;
    } else if (bytes_is(key, "cluster.id")) {
        if (value.len >= sizeof dir->meta.cluster_id)
            return err_set(why, ERR_FORMAT,
                           "%s/" DIR_META ": cluster.id is too long",
                           dir->path);
        memcpy(dir->meta.cluster_id, value.at, value.len);
        dir->meta.cluster_id[value.len] = '\0';
    }
    return ERR_OK;
}

static enum err load(struct log_dir *dir, uint8_t **data, size_t *len,
                     struct errmsg *why)
{
    char path[SEG_PATH_MOST];
    enum err err = io_path(path, dir->path, DIR_META, why);

    return err != ERR_OK
               ? err
               : io_load(dir->fs, path, META_BYTES_MOST, data, len, why);
}

enum err dir_meta_read(struct log_dir *dir, struct errmsg *why)
{
    struct bytes text, key, value;
    bool versioned = false;
    uint8_t *data;
    size_t len;
    enum err err = load(dir, &data, &len, why);

    dir->meta.broker_id = -1;
    if (err == ERR_ABSENT)
        return ERR_OK;
    if (err != ERR_OK)
        return err;
    text = bytes_make(data ? data : (const uint8_t *)"", len);
    while (err == ERR_OK && next_property(&text, &key, &value))
        err = take(dir, key, value, &versioned, why);
    if (err == ERR_OK && !versioned)
        err = err_set(why, ERR_FORMAT,
                      "%s/" DIR_META " has no line version=0; restore it, or "
                      "remove it to have it made anew",
                      dir->path);
    dir->meta.present = err == ERR_OK;
    mem_free(data);
    return err;
}

const struct log_dir_meta *log_dir_meta(const struct log_dir *dir)
{
    return &dir->meta;
}

static enum err check_cluster(const struct log_dir *dir,
                              struct bytes cluster_id, struct errmsg *why)
{
    if (bytes_is_null(cluster_id) || dir->meta.cluster_id[0] == '\0' ||
        bytes_is(cluster_id, dir->meta.cluster_id))
        return ERR_OK;
    return err_set(why, ERR_CONFLICT,
                   "%s/" DIR_META " belongs to cluster %s, but ZooKeeper says "
                   "%.*s; zookeeper.connect may be wrong, or the directory is "
                   "another cluster's",
                   dir->path, dir->meta.cluster_id, BYTES_ARG(cluster_id));
}

enum err log_dir_meta_check(struct log_dir *const *dirs, size_t n,
                            int32_t configured_id, struct bytes cluster_id,
                            int32_t *broker_id, struct errmsg *why)
{
    const struct log_dir *first = NULL, *first_cluster = NULL;
    enum err err = ERR_OK;

    for (size_t i = 0; i < n && err == ERR_OK; i++) {
        const struct log_dir *dir = dirs[i];

        if (!dir->meta.present)
            continue;
        err = check_cluster(dir, cluster_id, why);
        if (err != ERR_OK)
            return err;
        if (dir->meta.cluster_id[0] != '\0') {
            if (first_cluster == NULL)
                first_cluster = dir;
            if (strcmp(first_cluster->meta.cluster_id, dir->meta.cluster_id) !=
                0)
                return err_set(why, ERR_CONFLICT,
                               "%s and %s belong to different clusters (%s, "
                               "%s in " DIR_META ")",
                               first_cluster->path, dir->path,
                               first_cluster->meta.cluster_id,
                               dir->meta.cluster_id);
        }
        if (dir->meta.broker_id < 0)
            continue;
        if (first == NULL)
            first = dir;
        if (first->meta.broker_id != dir->meta.broker_id)
            return err_set(why, ERR_CONFLICT,
                           "broker.id %d in %s/" DIR_META ", but %d in "
                           "%s/" DIR_META "; a directory may be another "
                           "broker's",
                           first->meta.broker_id, first->path,
                           dir->meta.broker_id, dir->path);
    }
    if (first != NULL && configured_id >= 0 &&
        first->meta.broker_id != configured_id)
        return err_set(why, ERR_CONFLICT,
                       "broker.id is %d in the configuration, but %d in "
                       "%s/" DIR_META "; correct one, or use another directory",
                       configured_id, first->meta.broker_id, first->path);
    *broker_id = configured_id >= 0 ? configured_id
                 : first != NULL    ? first->meta.broker_id
                                    : -1;
    return ERR_OK;
}

/* Lines of the old file that are not ours to say. */
static void keep_others(struct wr *w, struct bytes text)
{
    struct bytes key, value;

    while (next_property(&text, &key, &value)) {
        if (bytes_is(key, "version") || bytes_is(key, "broker.id") ||
            bytes_is(key, "cluster.id"))
            continue;
        wr_raw(w, key.at, key.len);
        wr_raw(w, "=", 1);
        wr_raw(w, value.at, value.len);
        wr_raw(w, "\n", 1);
    }
}

static void write_date(struct wr *w)
{
    time_t now = time(NULL);
    struct tm tm;
    char text[64];
    size_t n;

    gmtime_r(&now, &tm);
    n = strftime(text, sizeof text, "#\n#%a %b %d %H:%M:%S UTC %Y\n", &tm);
    wr_raw(w, text, n);
}

enum err log_dir_meta_write(struct log_dir *dir, int32_t broker_id,
                            struct bytes cluster_id, struct errmsg *why)
{
    char text[256];
    uint8_t *data = NULL;
    size_t len = 0;
    struct wr w;
    enum err err;
    int n;

    if (dir->meta.present && dir->meta.broker_id == broker_id &&
        bytes_is(cluster_id, dir->meta.cluster_id))
        return ERR_OK;
    if (cluster_id.len >= sizeof dir->meta.cluster_id)
        return err_set(why, ERR_INVALID, "the cluster id is too long");
    err = load(dir, &data, &len, why);
    if (err != ERR_OK && err != ERR_ABSENT)
        return err;
    wr_init(&w, META_BYTES_MOST);
    write_date(&w);
    n = snprintf(text, sizeof text,
                 "broker.id=%d\nversion=0\ncluster.id=%.*s\n", broker_id,
                 BYTES_ARG(cluster_id));
    wr_raw(&w, text, (size_t)n);
    if (data != NULL)
        keep_others(&w, bytes_make(data, len));
    err = w.err != ERR_OK
              ? err_set(why, w.err, "%s/" DIR_META " is too long", dir->path)
              : io_replace(dir->fs, dir->path, DIR_META,
                           bytes_make(w.data, w.len), true, why);
    if (err == ERR_OK) {
        dir->meta.present = true;
        dir->meta.broker_id = broker_id;
        memcpy(dir->meta.cluster_id, cluster_id.at, cluster_id.len);
        dir->meta.cluster_id[cluster_id.len] = '\0';
    }
    wr_fini(&w);
    mem_free(data);
    return err;
}
