/* log_close.c - the end of a log, clean or not.
 *
 * A clean close leaves all files as Apache Kafka does, but does not sync them
 * one by one: log_dir_close() has the file system do it once for all logs.
 */
#include <errno.h>

#include "base/diag.h"
#include "base/mem.h"
#include "seg/log_private.h"

/* Headers that the next start may have to read, before a snapshot is worth its
 * file although there is no producer. */
enum { SNAPSHOT_WORTH_BYTES = 1 << 20 };

static bool wants_snapshot(struct log *log)
{
    bool wants;

    lock_take(&log->lock);
    wants = log->producers.map.count > 0 || log->n_snapshots > 0 ||
            log_active(log)->size > SNAPSHOT_WORTH_BYTES;
    lock_give(&log->lock);
    return wants;
}

static enum err close_files(struct log *log, struct errmsg *why)
{
    enum err err = log_roll_end(log, why);

    if (err == ERR_OK)
        err = log_small_write(log, false, why);
    if (err == ERR_OK && wants_snapshot(log))
        err = log_snapshot_take(log, atomic_load(&log->end), why);
    return err;
}

enum err log_close(struct log **out, struct errmsg *why)
{
    struct log *log = *out;
    enum err err;

    *out = NULL;
    lock_take(&log->writer);
    err = log_usable(log, why);
    if (err == ERR_OK)
        err = log_failed(log, close_files(log, why), why);
    if (err == ERR_OK) {
        atomic_store(&log->dir->unsynced, true);
        atomic_store(&log->recovery, atomic_load(&log->end));
    }
    lock_give(&log->writer);
    dir_log_remove(log->dir, log, err == ERR_OK ? DIR_CLOSED : DIR_ABANDONED);
    log_free(log);
    return err;
}

void log_abandon(struct log **out)
{
    struct log *log = *out;

    *out = NULL;
    dir_log_remove(log->dir, log, DIR_ABANDONED);
    log_free(log);
}

static enum err rename_dir(struct log *log, const char *name,
                           char to[static SEG_PATH_MOST], struct errmsg *why)
{
    char from[SEG_PATH_MOST];
    enum err err = log_own_path(log, from, why);

    if (err == ERR_OK)
        err = io_path(to, log->dir->path, name, why);
    if (err != ERR_OK)
        return err;
    if (log_fs(log)->rename(log_fs(log), from, to) != 0)
        return io_fail(why, "rename", from);
    return ERR_OK;
}

enum err log_delete(struct log **out, int64_t now_ms, struct errmsg *why)
{
    struct log *log = *out;
    char name[256], to[SEG_PATH_MOST];
    int64_t delay;
    enum err err;

    *out = NULL;
    lock_take(&log->writer);
    lock_take(&log->lock);
    delay = log->config.file_delete_delay_ms;
    lock_give(&log->lock);
    err = log_usable(log, why);
    dir_name_delete(name, log->topic, log->partition);
    if (err == ERR_OK)
        err = log_failed(log, rename_dir(log, name, to, why), why);
    if (err == ERR_OK)
        dir_waste_add(log->dir, to, true,
                      delay > INT64_MAX - now_ms ? INT64_MAX : now_ms + delay);
    lock_give(&log->writer);
    dir_log_remove(log->dir, log, DIR_DELETED);
    log_free(log);
    return err;
}

enum err log_rename(struct log *log, const char *name, struct errmsg *why)
{
    char to[SEG_PATH_MOST];
    char *copy, *old;
    enum err err;

    lock_take(&log->writer);
    err = log_usable(log, why);
    if (err == ERR_OK)
        err = log_failed(log, rename_dir(log, name, to, why), why);
    if (err == ERR_OK) {
        copy = mem_need_text(bytes_of(name));
        lock_take(&log->lock);
        old = log->name;
        log->name = copy;
        lock_give(&log->lock);
        mem_free(old);
    }
    lock_give(&log->writer);
    return err;
}
