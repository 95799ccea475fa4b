/* fs_real.c - the file system table over the system calls. */
#include "seg/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static int real_open(const struct fs *fs, const char *path, int flags,
                     mode_t mode)
{
    (void)fs;
    return open(path, flags | O_CLOEXEC, mode);
}

static int real_close(const struct fs *fs, int fd)
{
    (void)fs;
    return close(fd);
}

static ssize_t real_pread(const struct fs *fs, int fd, void *at, size_t n,
                          int64_t position)
{
    (void)fs;
    return pread(fd, at, n, position);
}

static ssize_t real_pread_cached(const struct fs *fs, int fd, void *at,
                                 size_t n, int64_t position)
{
    struct iovec iov = { at, n };

    (void)fs;
    return preadv2(fd, &iov, 1, position, RWF_NOWAIT);
}

static ssize_t real_pwritev(const struct fs *fs, int fd,
                            const struct iovec *iov, int n_iov,
                            int64_t position)
{
    (void)fs;
    if (n_iov == 1)
        return pwrite(fd, iov[0].iov_base, iov[0].iov_len, position);
    return pwritev(fd, iov, n_iov, position);
}

static int real_direct(const struct fs *fs, int fd, bool on)
{
    int flags = fcntl(fd, F_GETFL);

    (void)fs;
    if (flags < 0)
        return -1;
    return fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT);
}

static int real_fsync(const struct fs *fs, int fd)
{
    (void)fs;
    return fsync(fd);
}

static int real_fdatasync(const struct fs *fs, int fd)
{
    (void)fs;
    return fdatasync(fd);
}

static void real_begin_sync(const struct fs *fs, int fd, int64_t position,
                            int64_t n)
{
    (void)fs;
    (void)sync_file_range(fd, position, n, SYNC_FILE_RANGE_WRITE);
}

static void real_forget(const struct fs *fs, int fd, int64_t position,
                        int64_t n)
{
    (void)fs;
    (void)posix_fadvise(fd, position, n, POSIX_FADV_DONTNEED);
}

static int real_syncfs(const struct fs *fs, int fd)
{
    (void)fs;
    return syncfs(fd);
}

static int real_ftruncate(const struct fs *fs, int fd, int64_t size)
{
    (void)fs;
    return ftruncate(fd, size);
}

/* Space is set aside without changing the size, so that a crash leaves no tail
 * of zeros. A file system that cannot do it is no failure. */
static int real_fallocate(const struct fs *fs, int fd, int64_t size)
{
    (void)fs;
    if (fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, size) == 0 || errno == EOPNOTSUPP)
        return 0;
    return -1;
}

static void stat_take(const struct stat *st, struct fs_stat *out)
{
    out->size = st->st_size;
    out->mtime_ms =
        (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
    out->kind = S_ISREG(st->st_mode)   ? FS_FILE
                : S_ISDIR(st->st_mode) ? FS_DIRECTORY
                                       : FS_OTHER;
}

static int real_fstat(const struct fs *fs, int fd, struct fs_stat *out)
{
    struct stat st;

    (void)fs;
    if (fstat(fd, &st) != 0)
        return -1;
    stat_take(&st, out);
    return 0;
}

static int real_stat(const struct fs *fs, const char *path, struct fs_stat *out)
{
    struct stat st;

    (void)fs;
    if (stat(path, &st) != 0)
        return -1;
    stat_take(&st, out);
    return 0;
}

static int real_utimes(const struct fs *fs, const char *path, int64_t mtime_ms)
{
    struct timespec t[2];

    (void)fs;
    t[0].tv_sec = 0;
    t[0].tv_nsec = UTIME_OMIT;
    t[1].tv_sec = mtime_ms / 1000;
    t[1].tv_nsec = mtime_ms % 1000 * 1000000;
    return utimensat(AT_FDCWD, path, t, 0);
}

static int real_rename(const struct fs *fs, const char *from, const char *to)
{
    (void)fs;
    return rename(from, to);
}

static int real_unlink(const struct fs *fs, const char *path)
{
    (void)fs;
    return unlink(path);
}

static int real_mkdir(const struct fs *fs, const char *path, mode_t mode)
{
    (void)fs;
    return mkdir(path, mode);
}

static int real_rmdir(const struct fs *fs, const char *path)
{
    (void)fs;
    return rmdir(path);
}

static int real_lock(const struct fs *fs, int fd)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    (void)fs;
    return fcntl(fd, F_SETLK, &lock);
}

static enum fs_kind entry_kind(const char *dir, const struct dirent *entry)
{
    char path[4096];
    struct stat st;
    int n;

    if (entry->d_type == DT_REG)
        return FS_FILE;
    if (entry->d_type == DT_DIR)
        return FS_DIRECTORY;
    /* A symbolic link, or a file system that does not tell. */
    n = snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
    if (n < 0 || (size_t)n >= sizeof path || stat(path, &st) != 0)
        return FS_OTHER;
    return S_ISREG(st.st_mode)   ? FS_FILE
           : S_ISDIR(st.st_mode) ? FS_DIRECTORY
                                 : FS_OTHER;
}

static enum err real_list(const struct fs *fs, const char *path,
                          fs_each_fn *each, void *context, struct errmsg *why)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    enum err err = ERR_OK;

    (void)fs;
    if (dir == NULL)
        return err_set(why, err_from_errno(errno), "list %s: %s", path,
                       strerror(errno));
    while (err == ERR_OK) {
        errno = 0;
        entry = readdir(dir);
        if (entry == NULL) {
            if (errno != 0)
                err = err_set(why, err_from_errno(errno), "list %s: %s", path,
                              strerror(errno));
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        err = each(context, entry->d_name, entry_kind(path, entry));
    }
    closedir(dir);
    return err;
}

const struct fs *fs_real(void)
{
    static const struct fs real = {
        .open = real_open,
        .close = real_close,
        .pread = real_pread,
        .pread_cached = real_pread_cached,
        .pwritev = real_pwritev,
        .direct = real_direct,
        .fsync = real_fsync,
        .fdatasync = real_fdatasync,
        .begin_sync = real_begin_sync,
        .forget = real_forget,
        .syncfs = real_syncfs,
        .ftruncate = real_ftruncate,
        .fallocate = real_fallocate,
        .fstat = real_fstat,
        .stat = real_stat,
        .utimes = real_utimes,
        .rename = real_rename,
        .unlink = real_unlink,
        .mkdir = real_mkdir,
        .rmdir = real_rmdir,
        .lock = real_lock,
        .list = real_list,
    };

    return &real;
}
