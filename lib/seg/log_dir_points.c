/* log_dir_points.c - checkpoints of all logs of a directory.
 *
 * A line is written for each open log, and for each log that is known but not
 * open: not opened yet after the start, or closed already before the end.
 */
#include "base/diag.h"
#include "base/mem.h"
#include "seg/checkpoint.h"
#include "seg/log_private.h"

/* Largest checkpoint that is read: about a million partitions. */
#define CHECKPOINT_BYTES_MOST ((size_t)256 << 20)

enum point_kind { POINT_RECOVERY, POINT_START, POINT_HIGH, POINT_CLEAN };

static const char *const point_files[] = { DIR_RECOVERY, DIR_START, DIR_HIGH,
                                           DIR_CLEANED };

struct point_key {
    struct bytes topic;
    int32_t partition;
};

static uint64_t point_hash(const struct map *map, struct bytes topic,
                           int32_t partition)
{
    return bytes_hash(topic, map->seed ^ (uint64_t)(uint32_t)partition *
                                             0x9e3779b97f4a7c15u);
}

static bool point_is(const struct map_link *link, const void *key)
{
    const struct dir_point *point = CONTAINER_OF(link, struct dir_point, link);
    const struct point_key *k = key;

    return point->partition == k->partition && bytes_is(k->topic, point->topic);
}

static struct dir_point *point_find(struct log_dir *dir, struct bytes topic,
                                    int32_t partition)
{
    struct point_key key = { topic, partition };
    struct map_link *link =
        map_find(&dir->points, point_hash(&dir->points, topic, partition),
                 point_is, &key);

    return link == NULL ? NULL : CONTAINER_OF(link, struct dir_point, link);
}

static struct dir_point *point_need(struct log_dir *dir, struct bytes topic,
                                    int32_t partition)
{
    struct dir_point *point = point_find(dir, topic, partition);

    if (point != NULL)
        return point;
    point = mem_need(sizeof *point);
    point->topic = mem_need_text(topic);
    point->partition = partition;
    point->recovery = point->start = point->high = point->clean = -1;
    map_put(&dir->points, &point->link,
            point_hash(&dir->points, topic, partition));
    return point;
}

static int64_t *point_value(struct dir_point *point, enum point_kind kind)
{
    return kind == POINT_RECOVERY ? &point->recovery
           : kind == POINT_START  ? &point->start
           : kind == POINT_HIGH   ? &point->high
                                  : &point->clean;
}

static void point_free(struct dir_point *point)
{
    mem_free(point->topic);
    mem_free(point);
}

void dir_points_fini(struct log_dir *dir)
{
    struct map_link *link = map_next(&dir->points, NULL);

    while (link != NULL) {
        struct map_link *next = map_next(&dir->points, link);

        point_free(CONTAINER_OF(link, struct dir_point, link));
        link = next;
    }
    map_fini(&dir->points);
}

void dir_point_find(struct log_dir *dir, struct bytes topic, int32_t partition,
                    struct dir_point *out)
{
    struct dir_point *point;

    *out = (struct dir_point){
        .recovery = -1, .start = -1, .high = -1, .clean = -1
    };
    lock_take(&dir->lock);
    point = point_find(dir, topic, partition);
    if (point != NULL) {
        out->recovery = point->recovery;
        out->start = point->start;
        out->high = point->high;
        out->clean = point->clean;
        out->closed = point->closed;
    }
    if (dir->was_clean && !dir->loaded)
        out->closed = true;
    lock_give(&dir->lock);
}

void dir_point_forget(struct log_dir *dir, struct bytes topic,
                      int32_t partition)
{
    struct dir_point *point;

    lock_take(&dir->lock);
    point = point_find(dir, topic, partition);
    if (point != NULL)
        map_remove(&dir->points, &point->link);
    lock_give(&dir->lock);
    if (point != NULL)
        point_free(point);
}

/* -- reading
 * --------------------------------------------------------------------- */

struct point_sink {
    struct log_dir *dir;
    enum point_kind kind;
};

static enum err point_each(void *context, struct bytes topic, int32_t partition,
                           int64_t offset)
{
    struct point_sink *sink = context;

    if (offset < 0)
        return ERR_OK;
    *point_value(point_need(sink->dir, topic, partition), sink->kind) = offset;
    return ERR_OK;
}

static void kind_forget(struct log_dir *dir, enum point_kind kind)
{
    for (struct map_link *link = map_next(&dir->points, NULL); link != NULL;
         link = map_next(&dir->points, link))
        *point_value(CONTAINER_OF(link, struct dir_point, link), kind) = -1;
}

static enum err point_file_read(struct log_dir *dir, enum point_kind kind,
                                struct errmsg *why)
{
    struct point_sink sink = { dir, kind };
    char path[SEG_PATH_MOST];
    uint8_t *data;
    size_t len;
    int line = 0;
    enum err err = io_path(path, dir->path, point_files[kind], why);

    if (err == ERR_OK)
        err = io_load(dir->fs, path, CHECKPOINT_BYTES_MOST, &data, &len, why);
    if (err == ERR_ABSENT)
        return ERR_OK;
    if (err != ERR_OK)
        return err;
    err = checkpoint_read(bytes_make(data ? data : (const uint8_t *)"", len),
                          point_each, &sink, &line);
    mem_free(data);
    if (err == ERR_OK)
        return ERR_OK;
    if (kind == POINT_HIGH)
        return err_set(why, ERR_FORMAT,
                       "%s is malformed in line %d; remove it, and high "
                       "watermarks begin at the start of each log",
                       path, line);
    /* These can be found out anew, at a price. */
    kind_forget(dir, kind);
    diag_warn("event=checkpoint_malformed file=%s line=%d "
              "consequence=\"%s\"",
              path, line,
              kind == POINT_RECOVERY ? "all segments are recovered"
              : kind == POINT_START  ? "logs start at their first segment"
                                     : "compaction starts from the beginning");
    return ERR_OK;
}

enum err dir_points_read(struct log_dir *dir, struct errmsg *why)
{
    enum err err = ERR_OK;

    map_init(&dir->points);
    for (int kind = 0; kind < DIR_CHECKPOINTS && err == ERR_OK; kind++)
        err = point_file_read(dir, (enum point_kind)kind, why);
    return err;
}

/* -- writing
 * --------------------------------------------------------------------- */

static int64_t log_point(struct log *log, enum point_kind kind)
{
    int64_t start;

    switch (kind) {
    case POINT_RECOVERY:
        return atomic_load(&log->recovery);
    case POINT_HIGH:
        return atomic_load(&log->high);
    case POINT_CLEAN:
        return atomic_load(&log->clean);
    case POINT_START:
        break;
    }
    /* Only what the first segment's name does not say. */
    lock_take(&log->lock);
    start = atomic_load(&log->start);
    if (start <= log->segments[0].base)
        start = -1;
    lock_give(&log->lock);
    return start;
}

/* Under the directory's lock: count lines, or write them when `w` is there. */
static size_t points_each(struct log_dir *dir, enum point_kind kind,
                          struct wr *w, size_t most)
{
    size_t n = 0;

    LIST_EACH(link, &dir->logs) {
        struct log *log = CONTAINER_OF(link, struct log, link);
        int64_t value = log_point(log, kind);

        if (value < 0 || n == most)
            continue;
        n++;
        if (w != NULL)
            checkpoint_write_entry(w, log->topic, log->partition, value);
    }
    for (struct map_link *link = map_next(&dir->points, NULL); link != NULL;
         link = map_next(&dir->points, link)) {
        struct dir_point *point = CONTAINER_OF(link, struct dir_point, link);
        int64_t value = *point_value(point, kind);

        if (value < 0 || n == most)
            continue;
        n++;
        if (w != NULL)
            checkpoint_write_entry(w, point->topic, point->partition, value);
    }
    return n;
}

static enum err points_text(struct log_dir *dir, enum point_kind kind,
                            struct wr *w, size_t *count)
{
    struct wr body;
    size_t n;

    /* A log start may move while lines are written: count what was written. */
    wr_init(&body, CHECKPOINT_BYTES_MOST);
    lock_take(&dir->lock);
    n = points_each(dir, kind, &body, SIZE_MAX);
    lock_give(&dir->lock);
    *count = n;
    checkpoint_write_head(w, n);
    wr_raw(w, body.data, body.len);
    if (body.err != ERR_OK && w->err == ERR_OK)
        w->err = body.err;
    wr_fini(&body);
    return w->err;
}

/* Logs that were closed say that all of them is flushed: make it true. */
static enum err dir_sync_closed(struct log_dir *dir, struct errmsg *why)
{
    if (!atomic_exchange(&dir->unsynced, false))
        return ERR_OK;
    if (dir->fs->syncfs(dir->fs, dir->lock_fd) == 0)
        return ERR_OK;
    atomic_store(&dir->unsynced, true);
    return io_fail(why, "sync", dir->path);
}

static enum err points_write(struct log_dir *dir, enum point_kind kind,
                             struct errmsg *why)
{
    struct wr w;
    uint64_t hash;
    size_t n = 0;
    enum err err;

    if (log_dir_offline(dir))
        return err_set(why, ERR_IO, "%s is offline", dir->path);
    wr_init(&w, CHECKPOINT_BYTES_MOST);
    lock_take(&dir->checkpoint_lock[kind]);
    err = kind == POINT_RECOVERY ? dir_sync_closed(dir, why) : ERR_OK;
    if (err == ERR_OK)
        err = points_text(dir, kind, &w, &n);
    hash = err == ERR_OK ? bytes_hash(bytes_make(w.data, w.len), 0) | 1 : 0;
    if (err == ERR_LIMIT)
        err = err_set(why, err, "%s/%s is too long", dir->path,
                      point_files[kind]);
    else if (kind == POINT_CLEAN && n == 0 && dir->written[kind] == 0)
        hash = 0; /* nothing is compacted here: no file */
    else if (err == ERR_OK && dir->written[kind] != hash)
        err = io_replace(dir->fs, dir->path, point_files[kind],
                         bytes_make(w.data, w.len), true, why);
    if (err == ERR_OK)
        dir->written[kind] = hash;
    else if (err != ERR_NOMEM && err != ERR_LIMIT && err != ERR_SPACE)
        log_dir_fail(dir, why ? why->text : err_words(err));
    lock_give(&dir->checkpoint_lock[kind]);
    wr_fini(&w);
    return err;
}

enum err log_dir_write_recovery_points(struct log_dir *dir, struct errmsg *why)
{
    return points_write(dir, POINT_RECOVERY, why);
}

enum err log_dir_write_log_starts(struct log_dir *dir, struct errmsg *why)
{
    return points_write(dir, POINT_START, why);
}

enum err log_dir_write_high_watermarks(struct log_dir *dir, struct errmsg *why)
{
    return points_write(dir, POINT_HIGH, why);
}

enum err log_dir_write_clean_points(struct log_dir *dir, struct errmsg *why)
{
    return points_write(dir, POINT_CLEAN, why);
}

/* -- logs come and go
 * -------------------------------------------------------------- */

void dir_log_add(struct log_dir *dir, struct log *log)
{
    lock_take(&dir->lock);
    list_append(&dir->logs, &log->link);
    dir->n_logs++;
    lock_give(&dir->lock);
    dir_point_forget(dir, log_topic(log), log->partition);
}

void dir_log_remove(struct log_dir *dir, struct log *log, enum dir_gone gone)
{
    int64_t start = gone == DIR_CLOSED ? log_point(log, POINT_START) : -1;

    lock_take(&dir->lock);
    list_remove(&log->link);
    dir->n_logs--;
    if (gone == DIR_CLOSED) {
        struct dir_point *point =
            point_need(dir, bytes_of(log->topic), log->partition);

        point->recovery = atomic_load(&log->recovery);
        point->high = atomic_load(&log->high);
        point->start = start;
        point->clean = atomic_load(&log->clean);
        point->closed = true;
    } else if (gone == DIR_ABANDONED) {
        dir->any_unclean = true;
    }
    lock_give(&dir->lock);
}
