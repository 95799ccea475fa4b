/* seg_io.c - whole transfers and small files. */
#include "seg/seg_io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum err io_fail(struct errmsg *why, const char *what, const char *path)
{
    int errnum = errno;

    return err_set(why, err_from_errno(errnum), "%s %s: %s", what, path,
                   strerror(errnum));
}

enum err io_path(char path[static SEG_PATH_MOST], const char *dir,
                 const char *name, struct errmsg *why)
{
    int n = snprintf(path, SEG_PATH_MOST, "%s/%s", dir, name);

    if (n < 0 || n >= SEG_PATH_MOST)
        return err_set(why, ERR_LIMIT, "the path %s/%s is too long", dir, name);
    return ERR_OK;
}

enum err io_read(const struct fs *fs, int fd, void *at, size_t n,
                 int64_t position, size_t *got)
{
    size_t done = 0;

    while (done < n) {
        ssize_t r = fs->pread(fs, fd, (uint8_t *)at + done, n - done,
                              position + (int64_t)done);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return err_from_errno(errno);
        if (r == 0)
            break;
        done += (size_t)r;
    }
    *got = done;
    return ERR_OK;
}

enum err io_read_cached(const struct fs *fs, int fd, void *at, size_t n,
                        int64_t position, size_t *got)
{
    size_t done = 0;

    while (done < n) {
        ssize_t r = fs->pread_cached(fs, fd, (uint8_t *)at + done, n - done,
                                     position + (int64_t)done);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return errno == EIO ? ERR_IO : ERR_AGAIN;
        if (r == 0)
            break;
        done += (size_t)r;
    }
    *got = done;
    return ERR_OK;
}

enum err io_writev(const struct fs *fs, int fd, struct iovec *iov, int n_iov,
                   int64_t position)
{
    while (n_iov > 0) {
        if (iov->iov_len == 0) {
            iov++;
            n_iov--;
            continue;
        }
        ssize_t w = fs->pwritev(fs, fd, iov, n_iov, position);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return err_from_errno(errno);
        if (w == 0) {
            errno = EIO;
            return ERR_IO;
        }
        position += w;
        for (size_t left = (size_t)w; left > 0;) {
            size_t part = left < iov->iov_len ? left : iov->iov_len;

            iov->iov_base = (uint8_t *)iov->iov_base + part;
            iov->iov_len -= part;
            left -= part;
            if (iov->iov_len == 0) {
                iov++;
                n_iov--;
            }
        }
    }
    return ERR_OK;
}

enum err io_write(const struct fs *fs, int fd, const void *at, size_t n,
                  int64_t position)
{
    struct iovec iov;

    iov.iov_base = (void *)(uintptr_t)at;
    iov.iov_len = n;
    return io_writev(fs, fd, &iov, 1, position);
}

enum err io_load(const struct fs *fs, const char *path, size_t limit,
                 uint8_t **data, size_t *len, struct errmsg *why)
{
    uint8_t small[1024];
    size_t size = sizeof small, got = 0;
    uint8_t *buffer = NULL;
    struct fs_stat st;
    enum err err;
    int fd = fs->open(fs, path, O_RDONLY, 0);

    *data = NULL;
    *len = 0;
    if (fd < 0)
        return io_fail(why, "open", path);
    /* Most such files are small: one read tells, and no call for the size. */
    err = io_read(fs, fd, small, size, 0, &got);
    if (err != ERR_OK) {
        err = io_fail(why, "read", path);
        goto close_file;
    }
    if (got == size) {
        if (fs->fstat(fs, fd, &st) != 0) {
            err = io_fail(why, "stat", path);
            goto close_file;
        }
        size = (size_t)st.size;
        if (st.size < 0 || size > limit) {
            err = err_set(why, ERR_LIMIT, "%s has %lld bytes, more than %zu",
                          path, (long long)st.size, limit);
            goto close_file;
        }
    } else {
        size = got;
    }
    if (size == 0)
        goto close_file;
    buffer = mem_try(size);
    if (buffer == NULL) {
        err = err_set(why, ERR_NOMEM, "read %s: no memory for %zu bytes", path,
                      size);
        goto close_file;
    }
    got = got < size ? got : size;
    memcpy(buffer, small, got);
    if (got < size) {
        size_t more = 0;

        err = io_read(fs, fd, buffer + got, size - got, (int64_t)got, &more);
        if (err != ERR_OK) {
            err = io_fail(why, "read", path);
            mem_free(buffer);
            goto close_file;
        }
        got += more;
    }
    *data = buffer;
    *len = got;
close_file:
    fs->close(fs, fd);
    return err;
}

enum err io_sync_path(const struct fs *fs, const char *path, bool directory,
                      struct errmsg *why)
{
    int fd =
        fs->open(fs, path, directory ? O_RDONLY | O_DIRECTORY : O_RDONLY, 0);
    enum err err = ERR_OK;

    if (fd < 0)
        return io_fail(why, "open", path);
    if (fs->fsync(fs, fd) != 0)
        err = io_fail(why, "fsync", path);
    fs->close(fs, fd);
    return err;
}

static enum err write_new(const struct fs *fs, const char *path,
                          struct bytes content, bool sync, struct errmsg *why)
{
    int fd = fs->open(fs, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    enum err err;

    if (fd < 0)
        return io_fail(why, "create", path);
    err = io_write(fs, fd, content.at, content.len, 0);
    if (err != ERR_OK)
        err = io_fail(why, "write", path);
    else if (sync && fs->fsync(fs, fd) != 0)
        err = io_fail(why, "fsync", path);
    if (fs->close(fs, fd) != 0 && err == ERR_OK)
        err = io_fail(why, "close", path);
    return err;
}

enum err io_replace(const struct fs *fs, const char *dir, const char *name,
                    struct bytes content, bool sync, struct errmsg *why)
{
    char path[SEG_PATH_MOST], tmp[SEG_PATH_MOST];
    enum err err = io_path(path, dir, name, why);
    int n;

    if (err != ERR_OK)
        return err;
    n = snprintf(tmp, sizeof tmp, "%s/%s.tmp", dir, name);
    if (n < 0 || (size_t)n >= sizeof tmp)
        return err_set(why, ERR_LIMIT, "the path %s/%s is too long", dir, name);
    err = write_new(fs, tmp, content, sync, why);
    if (err != ERR_OK)
        return err;
    if (fs->rename(fs, tmp, path) != 0)
        return io_fail(why, "rename to", path);
    return sync ? io_sync_path(fs, dir, true, why) : ERR_OK;
}

enum err io_unlink(const struct fs *fs, const char *path, struct errmsg *why)
{
    if (fs->unlink(fs, path) != 0 && errno != ENOENT)
        return io_fail(why, "remove", path);
    return ERR_OK;
}

struct remove_walk {
    const struct fs *fs;
    const char *dir;
    struct errmsg *why;
};

static enum err remove_each(void *context, const char *name, enum fs_kind kind)
{
    struct remove_walk *walk = context;
    char path[SEG_PATH_MOST];
    enum err err = io_path(path, walk->dir, name, walk->why);

    (void)kind;
    return err != ERR_OK ? err : io_unlink(walk->fs, path, walk->why);
}

enum err io_remove_dir(const struct fs *fs, const char *path,
                       struct errmsg *why)
{
    struct remove_walk walk = { fs, path, why };
    enum err err = fs->list(fs, path, remove_each, &walk, why);

    if (err == ERR_ABSENT)
        return ERR_OK;
    if (err != ERR_OK)
        return err;
    if (fs->rmdir(fs, path) != 0 && errno != ENOENT)
        return io_fail(why, "remove", path);
    return ERR_OK;
}
