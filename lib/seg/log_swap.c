/* log_swap.c - finish or undo an interrupted compaction or split.
 *
 *     *.cleaned   output in progress: of no use
 *     *.swap      output complete, old segments perhaps still there
 *
 * Steps (6.6): `.swap` files at or beyond the lowest `.cleaned` belong to a
 * split that was not complete: they go, and so do all `.cleaned`. What is left
 * of
 * `.swap` replaces every segment whose base lies in the range it covers.
 */
#include <errno.h>
#include <stdio.h>

#include "base/diag.h"
#include "base/mem.h"
#include "seg/log_private.h"

struct names {
    char (*items)[256];
    size_t n;
    size_t size;
};

static enum err names_each(void *context, const char *name, enum fs_kind kind)
{
    struct names *names = context;

    if (kind == FS_DIRECTORY || strlen(name) >= 256)
        return ERR_OK;
    if (names->n == names->size) {
        names->size = names->size == 0 ? 16 : names->size * 2;
        names->items = mem_need_more(names->items, names->size, 256);
    }
    strcpy(names->items[names->n++], name);
    return ERR_OK;
}

static bool has_suffix(const char *name, const char *end, int64_t *base)
{
    size_t n = strlen(name), m = strlen(end);
    const char *rest;

    return n > m && strcmp(name + n - m, end) == 0 &&
           log_file_name_read(name, base, &rest);
}

static enum err unlink_name(struct log *log, const char *dir, const char *name,
                            struct errmsg *why)
{
    char path[SEG_PATH_MOST];
    enum err err = io_path(path, dir, name, why);

    if (err != ERR_OK)
        return err;
    diag_info("event=swap_remove file=%s", path);
    return io_unlink(log_fs(log), path, why);
}

/* The offset after the last batch of a `.log.swap`. */
static enum err swap_next(struct log *log, const char *dir, const char *name,
                          int64_t base, int64_t *next, struct errmsg *why)
{
    char path[SEG_PATH_MOST];
    struct batch batch;
    struct fs_stat st;
    struct scan scan;
    enum err err = io_path(path, dir, name, why);
    int fd;

    *next = base;
    if (err != ERR_OK)
        return err;
    fd = log_fs(log)->open(log_fs(log), path, 0, 0);
    if (fd < 0 || log_fs(log)->fstat(log_fs(log), fd, &st) != 0) {
        err = io_fail(why, "open", path);
        if (fd >= 0)
            log_fs(log)->close(log_fs(log), fd);
        return err;
    }
    scan_init(&scan, log_fs(log), fd, 0,
              st.size > INT32_MAX ? INT32_MAX : (uint32_t)st.size, false);
    while ((err = scan_next(&scan, &batch)) == ERR_OK)
        *next = batch_next_offset(&batch.header);
    scan_fini(&scan);
    log_fs(log)->close(log_fs(log), fd);
    if (err == ERR_ABSENT || scan_is_damage(err))
        return ERR_OK;
    return err_set(why, err, "read %s", path);
}

/* Remove `.cleaned`, and `.swap` of a split that was not complete. */
static enum err remove_halves(struct log *log, const char *dir,
                              struct names *names, struct errmsg *why)
{
    int64_t base, lowest = INT64_MAX;
    enum err err = ERR_OK;

    for (size_t i = 0; i < names->n; i++)
        if (has_suffix(names->items[i], ".cleaned", &base) && base < lowest)
            lowest = base;
    for (size_t i = 0; i < names->n && err == ERR_OK; i++) {
        const char *name = names->items[i];

        if ((has_suffix(name, ".swap", &base) && base >= lowest) ||
            has_suffix(name, ".cleaned", &base)) {
            err = unlink_name(log, dir, name, why);
            names->items[i][0] = '\0';
        }
    }
    return err;
}

static enum err put_in_place(struct log *log, const char *dir, const char *name,
                             struct errmsg *why)
{
    char from[SEG_PATH_MOST], to[SEG_PATH_MOST];
    enum err err = io_path(from, dir, name, why);

    if (err != ERR_OK)
        return err;
    snprintf(to, sizeof to, "%.*s", (int)(strlen(from) - strlen(".swap")),
             from);
    diag_info("event=swap_finish file=%s", to);
    if (log_fs(log)->rename(log_fs(log), from, to) != 0)
        return io_fail(why, "rename", from);
    return ERR_OK;
}

static enum err finish(struct log *log, const char *dir, struct names *names,
                       struct errmsg *why)
{
    int64_t base, next, low = INT64_MAX, high = INT64_MIN;
    enum err err = remove_halves(log, dir, names, why);

    for (size_t i = 0; i < names->n && err == ERR_OK; i++) {
        if (!has_suffix(names->items[i], ".log.swap", &base))
            continue;
        err = swap_next(log, dir, names->items[i], base, &next, why);
        low = base < low ? base : low;
        high = next > high ? next : high;
    }
    for (size_t i = 0; i < names->n && err == ERR_OK; i++) {
        const char *name = names->items[i], *rest;

        if (name[0] == '\0' || has_suffix(name, ".swap", &base) ||
            !log_file_name_read(name, &base, &rest))
            continue;
        if (base >= low && base < high)
            err = unlink_name(log, dir, name, why);
    }
    for (size_t i = 0; i < names->n && err == ERR_OK; i++)
        if (has_suffix(names->items[i], ".swap", &base))
            err = put_in_place(log, dir, names->items[i], why);
    return err;
}

enum err log_swap_finish(struct log *log, struct errmsg *why)
{
    struct names names = { NULL, 0, 0 };
    char dir[SEG_PATH_MOST];
    enum err err = log_own_path(log, dir, why);

    if (err == ERR_OK)
        err = log_fs(log)->list(log_fs(log), dir, names_each, &names, why);
    if (err == ERR_OK)
        err = finish(log, dir, &names, why);
    mem_free(names.items);
    return err;
}
