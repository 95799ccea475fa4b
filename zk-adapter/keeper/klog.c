/* klog.c - log files; see klog.h. */
#include "keeper/klog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/mem.h"
#include "keeper/ktxn.h"

enum {
    STEP_FIRST = 1 << 20,
    STEP_LEAST = 1 << 16,
    NAME_MOST = 64,
    BATCH_SMALL = 16 << 10, /* a larger batch is worth a journal commit */
    ZEROS = 4096,
    ZEROS_AHEAD = 64, /* times that behind a small batch */
};

void klog_init(struct klog *log, const char *dir, int64_t pre_alloc_bytes,
               bool force_sync)
{
    *log = (struct klog){ .dir = mem_need_text(bytes_of(dir)),
                          .fd = -1,
                          .step_most = pre_alloc_bytes > STEP_LEAST
                                           ? pre_alloc_bytes
                                           : STEP_LEAST,
                          .force_sync = force_sync };
}

void klog_roll(struct klog *log)
{
    if (log->fd < 0)
        return;
    /* Give back what was allocated ahead; readers stop at the end as well. */
    if (ftruncate(log->fd, log->position) != 0)
        diag_warn("event=keeper_log_trim_failed error=\"%s\"", strerror(errno));
    close(log->fd);
    log->fd = -1;
}

void klog_fini(struct klog *log)
{
    klog_roll(log);
    mem_free(log->dir);
}

enum err klog_write_at(int fd, struct bytes b, int64_t position,
                       struct errmsg *why)
{
    while (b.len > 0) {
        ssize_t n = pwrite(fd, b.at, b.len, position);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return err_set(why, n < 0 ? err_from_errno(errno) : ERR_IO,
                           "write: %s",
                           n < 0 ? strerror(errno) : "no progress");
        b.at += n;
        b.len -= (size_t)n;
        position += n;
    }
    return ERR_OK;
}

enum err klog_sync_dir(const char *dir, struct errmsg *why)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum err err = ERR_OK;

    if (fd < 0)
        return err_set(why, err_from_errno(errno), "open %s: %s", dir,
                       strerror(errno));
    if (fsync(fd) != 0)
        err = err_set(why, err_from_errno(errno), "sync %s: %s", dir,
                      strerror(errno));
    close(fd);
    return err;
}

/* A nearly full disk may still have room for a smaller step. */
bool klog_reserve(struct klog *log)
{
    if (log->fd < 0)
        return !log->low;
    for (int64_t step = log->step; step >= STEP_LEAST; step /= 2) {
        if (fallocate(log->fd, 0, log->allocated, step) == 0) {
            log->allocated += step;
            log->low = false;
            log->step = step * 2 < log->step_most ? step * 2 : log->step_most;
            return true;
        }
        if (errno != ENOSPC && errno != EDQUOT) {
            /* The file system can not: let it grow as it is written. */
            log->allocated = INT64_MAX / 2;
            return true;
        }
    }
    log->low = true;
    return false;
}

static enum err sync_fd(const struct klog *log, struct errmsg *why)
{
    if (log->force_sync && fdatasync(log->fd) != 0)
        return err_set(why, err_from_errno(errno), "sync: %s", strerror(errno));
    return ERR_OK;
}

/* Zeros from the position on, for the batches to come; see klog.h. */
static enum err zeros_write(struct klog *log, int64_t position,
                            struct errmsg *why)
{
    static const uint8_t zeros[ZEROS];
    struct iovec parts[ZEROS_AHEAD];
    int64_t left = log->allocated - position;
    int n = 0;
    ssize_t done;

    for (; n < ZEROS_AHEAD && left > 0; left -= ZEROS)
        parts[n++] =
            (struct iovec){ .iov_base = (void *)(uintptr_t)zeros,
                            .iov_len = left < ZEROS ? (size_t)left : ZEROS };
    if (n == 0)
        return ERR_OK;
    do
        done = pwritev(log->fd, parts, n, position);
    while (done < 0 && errno == EINTR);
    if (done < 0)
        return err_set(why, err_from_errno(errno), "write: %s",
                       strerror(errno));
    log->written = position + done;
    return ERR_OK;
}

static enum err batch_write(struct klog *log, struct bytes records,
                            struct errmsg *why)
{
    int64_t end = log->position + (int64_t)records.len;
    enum err err = klog_write_at(log->fd, records, log->position, why);

    if (err != ERR_OK || end <= log->written)
        return err;
    log->written = end;
    return records.len <= BATCH_SMALL ? zeros_write(log, end, why) : ERR_OK;
}

static enum err file_fill(struct klog *log, struct bytes records,
                          const char *temp, const char *name,
                          struct errmsg *why)
{
    uint8_t header[KTXN_FILE_HEADER];
    enum err err;

    ktxn_file_header(header);
    err = klog_write_at(log->fd, bytes_make(header, sizeof header), 0, why);
    if (err == ERR_OK)
        err = klog_write_at(log->fd, records, sizeof header, why);
    if (err != ERR_OK)
        return err;
    log->position = (int64_t)(sizeof header + records.len);
    log->written = log->position;
    log->allocated = log->position;
    log->step = STEP_FIRST < log->step_most ? STEP_FIRST : log->step_most;
    klog_reserve(log);
    if (records.len <= BATCH_SMALL)
        err = zeros_write(log, log->position, why);
    if (err != ERR_OK)
        return err;
    if (log->force_sync && fsync(log->fd) != 0)
        return err_set(why, err_from_errno(errno), "sync: %s", strerror(errno));
    if (rename(temp, name) != 0)
        return err_set(why, err_from_errno(errno), "rename: %s",
                       strerror(errno));
    return log->force_sync ? klog_sync_dir(log->dir, why) : ERR_OK;
}

static enum err file_new(struct klog *log, struct bytes records, int64_t zxid,
                         struct errmsg *why)
{
    size_t size = strlen(log->dir) + NAME_MOST;
    char *name = mem_need(size);
    char *temp = mem_need(size);
    enum err err;

    (void)snprintf(name, size, "%s/log.%llx", log->dir,
                   (unsigned long long)zxid);
    (void)snprintf(temp, size, "%s/new-log.%llx", log->dir,
                   (unsigned long long)zxid);
    log->fd = open(temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (log->fd < 0) {
        err = err_set(why, err_from_errno(errno), "open: %s", strerror(errno));
    } else {
        err = file_fill(log, records, temp, name, why);
        if (err != ERR_OK) {
            close(log->fd);
            log->fd = -1;
            unlink(temp);
        }
    }
    if (err != ERR_OK)
        err_prefix(why, "%s", temp);
    mem_free(name);
    mem_free(temp);
    return err;
}

enum err klog_append(struct klog *log, struct bytes records, int64_t zxid,
                     struct errmsg *why)
{
    enum err err;

    if (log->fd < 0)
        return file_new(log, records, zxid, why);
    while ((int64_t)records.len > log->allocated - log->position &&
           klog_reserve(log))
        continue;
    err = batch_write(log, records, why);
    if (err == ERR_OK)
        err = sync_fd(log, why);
    if (err == ERR_OK) {
        log->position += (int64_t)records.len;
        if (log->size_most > 0 && log->position > log->size_most)
            klog_roll(log);
        else if (log->allocated - log->position < log->step / 4)
            klog_reserve(log);
        return ERR_OK;
    }
    klog_roll(log); /* cuts the tail off, and never syncs this file again */
    err_prefix(why, "%s: the current log", log->dir);
    return err;
}
