/* log_files.c - names and open files of a log; disk failures. */
#include <stdio.h>

#include "base/diag.h"
#include "seg/log_private.h"

const char *seg_kind_suffix(enum seg_kind kind)
{
    static const char *const suffixes[] = { ".log", ".index", ".timeindex",
                                            ".txnindex" };

    return suffixes[kind];
}

enum err log_file_path(const struct log *log, int64_t base, const char *suffix,
                       char path[static SEG_PATH_MOST], struct errmsg *why)
{
    int n = snprintf(path, SEG_PATH_MOST, "%s/%s/%020lld%s", log->dir->path,
                     log->name, (long long)base, suffix);

    if (n < 0 || n >= SEG_PATH_MOST)
        return err_set(why, ERR_LIMIT, "a path in %s/%s is too long",
                       log->dir->path, log->name);
    return ERR_OK;
}

enum err log_own_path(const struct log *log, char path[static SEG_PATH_MOST],
                      struct errmsg *why)
{
    return io_path(path, log->dir->path, log->name, why);
}

bool log_file_name_read(const char *name, int64_t *base, const char **suffix)
{
    enum { DIGITS = 20 };

    if (strnlen(name, DIGITS + 1) <= DIGITS || name[DIGITS] != '.')
        return false;
    *suffix = name + DIGITS;
    return bytes_to_int64(bytes_make(name, DIGITS), 0, INT64_MAX, base);
}

enum err log_file_get(struct log *log, int64_t base, enum seg_kind kind,
                      bool create, struct seg_file **file, struct errmsg *why)
{
    struct seg_key key = { atomic_load(&log->number), base, kind };
    char path[SEG_PATH_MOST];
    enum err err;

    *file = seg_files_find(log->dir->files, &key);
    if (*file != NULL)
        return ERR_OK;
    err = log_file_path(log, base, seg_kind_suffix(kind), path, why);
    if (err != ERR_OK)
        return err;
    if (create) {
        lock_take(&log->lock);
        log->files_dirty = true;
        lock_give(&log->lock);
    }
    return seg_files_open(log->dir->files, &key, path, create, file, why);
}

void log_renumber(struct log *log)
{
    uint64_t old = atomic_load(&log->number);

    atomic_store(&log->number, seg_files_number(log->dir->files));
    for (uint32_t i = 0; i < log->n_segments; i++)
        seg_files_drop(log->dir->files, old, log->segments[i].base);
}

enum err log_failed(struct log *log, enum err err, const struct errmsg *why)
{
    if (err == ERR_OK || err == ERR_NOMEM || err == ERR_LIMIT ||
        err == ERR_SPACE)
        return err;
    atomic_store(&log->failed, true);
    log_dir_fail(log->dir, why ? why->text : err_words(err));
    return ERR_IO;
}

enum err log_usable(struct log *log, struct errmsg *why)
{
    if (log_dir_offline(log->dir))
        return err_set(why, ERR_IO, "%s is offline", log->dir->path);
    if (atomic_load(&log->failed))
        return err_set(why, ERR_IO, "%s/%s has failed", log->dir->path,
                       log->name);
    return ERR_OK;
}
