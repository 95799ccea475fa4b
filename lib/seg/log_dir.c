/* log_dir.c - one entry of log.dirs: life, failure, removal. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/mem.h"
#include "seg/log_private.h"

/* -- open
 * ------------------------------------------------------------------------ */

/* mkdir -p */
static enum err make_parents(const struct fs *fs, const char *path,
                             struct errmsg *why)
{
    char part[SEG_PATH_MOST];
    size_t n = strlen(path);

    if (n >= sizeof part)
        return err_set(why, ERR_LIMIT, "the path %s is too long", path);
    if (fs->mkdir(fs, path, 0755) == 0 || errno == EEXIST)
        return ERR_OK;
    if (errno != ENOENT)
        return io_fail(why, "create", path);
    for (size_t i = 1; i <= n; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (fs->mkdir(fs, part, 0755) != 0 && errno != EEXIST)
            return io_fail(why, "create", part);
    }
    return ERR_OK;
}

/* An absolute path without trailing slashes. */
static char *path_clean(const char *path)
{
    char full[SEG_PATH_MOST * 2], cwd[SEG_PATH_MOST];
    size_t n;

    if (path[0] == '/' || getcwd(cwd, sizeof cwd) == NULL)
        cwd[0] = '\0';
    n = (size_t)snprintf(full, sizeof full, "%s%s%s", cwd, cwd[0] ? "/" : "",
                         path);
    n = n < sizeof full ? n : sizeof full - 1;
    while (n > 1 && full[n - 1] == '/')
        n--;
    return mem_need_text(bytes_make(full, n));
}

static enum err take_lock(struct log_dir *dir, struct errmsg *why)
{
    char path[SEG_PATH_MOST];
    enum err err = io_path(path, dir->path, DIR_LOCK, why);

    if (err != ERR_OK)
        return err;
    dir->lock_fd = dir->fs->open(dir->fs, path, O_RDWR | O_CREAT, 0644);
    if (dir->lock_fd < 0)
        return io_fail(why, "open", path);
    if (dir->fs->lock(dir->fs, dir->lock_fd) == 0)
        return ERR_OK;
    if (errno == EAGAIN || errno == EACCES)
        return err_set(why, ERR_BUSY,
                       "%s is locked: another broker uses this directory; "
                       "stop it, or set another log.dirs",
                       path);
    return io_fail(why, "lock", path);
}

/* The marker is remembered and removed: should this start fail half way, the
 * next one recovers. */
static enum err take_clean_marker(struct log_dir *dir, struct errmsg *why)
{
    char path[SEG_PATH_MOST];
    enum err err = io_path(path, dir->path, DIR_CLEAN, why);

    if (err != ERR_OK)
        return err;
    if (dir->fs->unlink(dir->fs, path) == 0)
        dir->was_clean = true;
    else if (errno != ENOENT)
        return io_fail(why, "remove", path);
    return ERR_OK;
}

static void entry_add(struct log_dir *dir, const char *name,
                      enum log_dir_kind kind)
{
    struct log_dir_entry *entry;

    if (dir->n_entries == dir->size_entries) {
        dir->size_entries = dir->size_entries == 0 ? 64 : dir->size_entries * 2;
        dir->entries = mem_need_more(dir->entries, dir->size_entries,
                                     sizeof *dir->entries);
    }
    entry = &dir->entries[dir->n_entries++];
    entry->kind = kind;
    entry->name = mem_need_text(bytes_of(name));
    dir_name_read(entry->name, &entry->topic, &entry->partition);
}

struct list_walk {
    struct log_dir *dir;
    struct errmsg *why;
};

static enum err list_each(void *context, const char *name, enum fs_kind kind)
{
    struct list_walk *walk = context;
    struct log_dir *dir = walk->dir;
    char path[SEG_PATH_MOST];
    struct bytes topic;
    int32_t partition;
    enum err err;

    if (kind != FS_DIRECTORY)
        return ERR_OK;
    switch (dir_name_read(name, &topic, &partition)) {
    case DIR_NAME_LOG:
        entry_add(dir, name, LOG_DIR_LOG);
        break;
    case DIR_NAME_FUTURE:
        entry_add(dir, name, LOG_DIR_FUTURE);
        break;
    case DIR_NAME_DELETE:
        err = io_path(path, dir->path, name, walk->why);
        if (err != ERR_OK)
            return err;
        dir_waste_add(dir, path, true, 0);
        break;
    case DIR_NAME_STRAY:
    case DIR_NAME_IGNORED:
        break;
    case DIR_NAME_BAD:
        return err_set(walk->why, ERR_FORMAT,
                       "%s/%s is no log: its name is not <topic>-<partition>; "
                       "move it away, log.dirs hold nothing but logs",
                       dir->path, name);
    }
    return ERR_OK;
}

enum err log_dir_open(struct log_dir **out, const struct fs *fs,
                      struct seg_files *files, const char *path,
                      struct errmsg *why)
{
    struct log_dir *dir = mem_need(sizeof *dir);
    struct list_walk walk = { dir, why };
    enum err err;

    dir->fs = fs;
    dir->files = files;
    dir->path = path_clean(path);
    dir->lock_fd = -1;
    dir->meta.broker_id = -1;
    lock_init(&dir->lock);
    for (size_t i = 0; i < DIR_CHECKPOINTS; i++)
        lock_init(&dir->checkpoint_lock[i]);
    list_init(&dir->logs);
    list_init(&dir->waste);

    err = make_parents(fs, dir->path, why);
    if (err == ERR_OK)
        err = take_lock(dir, why);
    if (err == ERR_OK)
        err = dir_meta_read(dir, why);
    if (err == ERR_OK)
        err = dir_points_read(dir, why);
    if (err == ERR_OK)
        err = fs->list(fs, dir->path, list_each, &walk, why);
    if (err == ERR_OK)
        err = take_clean_marker(dir, why);
    if (err != ERR_OK) {
        struct errmsg ignored;

        err_ignore(log_dir_close(&dir, false, &ignored), "it never opened");
        return err;
    }
    *out = dir;
    return ERR_OK;
}

/* -- close
 * ----------------------------------------------------------------------- */

static enum err write_clean_marker(struct log_dir *dir, struct errmsg *why)
{
    static const char text[] = "{\"version\":0,\"brokerEpoch\":-1}";
    char path[SEG_PATH_MOST];
    enum err err = io_path(path, dir->path, DIR_CLEAN, why);
    int fd;

    if (err != ERR_OK)
        return err;
    fd = dir->fs->open(dir->fs, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (fd < 0)
        return io_fail(why, "create", path);
    err = io_write(dir->fs, fd, text, sizeof text - 1, 0);
    if (err != ERR_OK)
        err = io_fail(why, "write", path);
    else if (dir->fs->fsync(dir->fs, fd) != 0)
        err = io_fail(why, "fsync", path);
    dir->fs->close(dir->fs, fd);
    return err;
}

static enum err close_clean(struct log_dir *dir, struct errmsg *why)
{
    enum err err;

    if (log_dir_offline(dir))
        return err_set(why, ERR_IO, "%s is offline", dir->path);
    if (dir->any_unclean || !list_is_empty(&dir->logs))
        return err_set(why, ERR_IO, "a log in %s was not closed cleanly",
                       dir->path);
    err = log_dir_write_recovery_points(dir, why);
    if (err == ERR_OK)
        err = log_dir_write_log_starts(dir, why);
    if (err == ERR_OK)
        err = log_dir_write_high_watermarks(dir, why);
    if (err == ERR_OK)
        err = log_dir_write_clean_points(dir, why);
    return err == ERR_OK ? write_clean_marker(dir, why) : err;
}

enum err log_dir_close(struct log_dir **out, bool clean, struct errmsg *why)
{
    struct log_dir *dir = *out;
    enum err err = clean ? close_clean(dir, why) : ERR_OK;

    *out = NULL;
    log_dir_loaded(dir);
    dir_points_fini(dir);
    LIST_EACH(link, &dir->waste) {
        mem_free(CONTAINER_OF(link, struct dir_waste, link));
    }
    if (dir->lock_fd >= 0)
        dir->fs->close(dir->fs, dir->lock_fd);
    for (size_t i = 0; i < DIR_CHECKPOINTS; i++)
        lock_fini(&dir->checkpoint_lock[i]);
    lock_fini(&dir->lock);
    mem_free(dir->path);
    mem_free(dir);
    return err;
}

/* -- questions
 * ------------------------------------------------------------------- */

const char *log_dir_path(const struct log_dir *dir)
{
    return dir->path;
}

bool log_dir_was_clean(const struct log_dir *dir)
{
    return dir->was_clean;
}

const struct log_dir_entry *log_dir_entries(const struct log_dir *dir,
                                            size_t *n)
{
    *n = dir->n_entries;
    return dir->entries;
}

void log_dir_loaded(struct log_dir *dir)
{
    for (size_t i = 0; i < dir->n_entries; i++)
        mem_free((char *)(uintptr_t)dir->entries[i].name);
    mem_free(dir->entries);
    dir->entries = NULL;
    dir->n_entries = dir->size_entries = 0;
    lock_take(&dir->lock);
    dir->loaded = true;
    lock_give(&dir->lock);
}

size_t log_dir_count(struct log_dir *dir)
{
    size_t n;

    lock_take(&dir->lock);
    n = dir->n_logs;
    lock_give(&dir->lock);
    return n;
}

enum err log_dir_space(const struct log_dir *dir, int64_t *total,
                       int64_t *usable)
{
    struct statvfs st;

    if (statvfs(dir->path, &st) != 0)
        return err_from_errno(errno);
    *total = (int64_t)(st.f_blocks * st.f_frsize);
    *usable = (int64_t)(st.f_bavail * st.f_frsize);
    return ERR_OK;
}

/* -- removal
 * --------------------------------------------------------------------- */

void dir_waste_add(struct log_dir *dir, const char *path, bool directory,
                   int64_t due_ms)
{
    size_t n = strlen(path) + 1;
    struct dir_waste *waste = mem_need(sizeof *waste + n);

    waste->due_ms = due_ms;
    waste->directory = directory;
    memcpy(waste->path, path, n);
    lock_take(&dir->lock);
    list_append(&dir->waste, &waste->link);
    lock_give(&dir->lock);
}

int64_t log_dir_sweep(struct log_dir *dir, int64_t now_ms)
{
    struct list due;
    int64_t next = INT64_MAX;

    list_init(&due);
    if (log_dir_offline(dir))
        return next;
    lock_take(&dir->lock);
    LIST_EACH(link, &dir->waste) {
        struct dir_waste *waste = CONTAINER_OF(link, struct dir_waste, link);

        if (waste->due_ms <= now_ms) {
            list_remove(link);
            list_append(&due, link);
        } else if (waste->due_ms < next) {
            next = waste->due_ms;
        }
    }
    lock_give(&dir->lock);
    LIST_EACH(link, &due) {
        struct dir_waste *waste = CONTAINER_OF(link, struct dir_waste, link);
        struct errmsg why;
        enum err err = waste->directory
                           ? io_remove_dir(dir->fs, waste->path, &why)
                           : io_unlink(dir->fs, waste->path, &why);

        if (err != ERR_OK)
            diag_warn("event=remove_failed path=%s reason=\"%s\"", waste->path,
                      why.text);
        mem_free(waste);
    }
    return next;
}

/* -- failure
 * --------------------------------------------------------------------- */

bool log_dir_offline(const struct log_dir *dir)
{
    return atomic_load_explicit(&dir->offline, memory_order_relaxed);
}

void log_dir_fail(struct log_dir *dir, const char *reason)
{
    if (atomic_exchange(&dir->offline, true))
        return;
    diag_error("event=log_dir_offline dir=%s reason=\"%s\" remedy=\"replace "
               "the disk or free it, then restart the broker\"",
               dir->path, reason);
    if (dir->on_offline != NULL)
        dir->on_offline(dir->on_offline_context, dir);
}

void log_dir_on_offline(struct log_dir *dir, log_dir_offline_fn *fn,
                        void *context)
{
    dir->on_offline = fn;
    dir->on_offline_context = context;
}
