/* faulty_fs.c - the real file system, until the n-th change fails. */
#include "tests/support/faulty_fs.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/list.h"

static struct faulty_fs *faulty_of(const struct fs *fs)
{
    return (struct faulty_fs *)(uintptr_t)CONTAINER_OF(fs, struct faulty_fs,
                                                       fs);
}

/* True when this call is to fail. */
static bool strikes(const struct fs *fs)
{
    struct faulty_fs *faulty = faulty_of(fs);
    long call = ++faulty->calls;

    if (faulty->fail_at == 0 || call < faulty->fail_at ||
        (faulty->once && faulty->failed))
        return false;
    faulty->failed = true;
    errno = faulty->errnum;
    return true;
}

/* What it does then. */
static int failure(const struct fs *fs)
{
    while (faulty_of(fs)->kills)
        (void)kill(getpid(), SIGKILL);
    return -1;
}

static int faulty_open(const struct fs *fs, const char *path, int flags,
                       mode_t mode)
{
    if ((flags & O_CREAT) && strikes(fs))
        return failure(fs);
    return fs_real()->open(fs, path, flags, mode);
}

static ssize_t faulty_pwritev(const struct fs *fs, int fd,
                              const struct iovec *iov, int n_iov,
                              int64_t position)
{
    struct faulty_fs *faulty = faulty_of(fs);
    bool first = !faulty->failed;

    if (!strikes(fs))
        return fs_real()->pwritev(fs, fd, iov, n_iov, position);
    if (faulty->torn && first && iov[0].iov_len > 1) {
        struct iovec half = { iov[0].iov_base, iov[0].iov_len / 2 };

        fs_real()->pwritev(fs, fd, &half, 1, position);
        errno = faulty->errnum;
    }
    return failure(fs);
}

#define FAULTY(name, parameters, arguments)                                    \
    static int faulty_##name parameters                                        \
    {                                                                          \
        return strikes(fs) ? failure(fs) : fs_real()->name arguments;          \
    }

FAULTY(fsync, (const struct fs *fs, int fd), (fs, fd))
FAULTY(fdatasync, (const struct fs *fs, int fd), (fs, fd))
FAULTY(syncfs, (const struct fs *fs, int fd), (fs, fd))
FAULTY(ftruncate, (const struct fs *fs, int fd, int64_t size), (fs, fd, size))
FAULTY(fallocate, (const struct fs *fs, int fd, int64_t size), (fs, fd, size))
FAULTY(rename, (const struct fs *fs, const char *from, const char *to),
       (fs, from, to))
FAULTY(unlink, (const struct fs *fs, const char *path), (fs, path))
FAULTY(mkdir, (const struct fs *fs, const char *path, mode_t mode),
       (fs, path, mode))
FAULTY(rmdir, (const struct fs *fs, const char *path), (fs, path))

void faulty_fs_init(struct faulty_fs *faulty)
{
    *faulty = (struct faulty_fs){ .fs = *fs_real(), .errnum = EIO };
    faulty->fs.open = faulty_open;
    faulty->fs.pwritev = faulty_pwritev;
    faulty->fs.fsync = faulty_fsync;
    faulty->fs.fdatasync = faulty_fdatasync;
    faulty->fs.syncfs = faulty_syncfs;
    faulty->fs.ftruncate = faulty_ftruncate;
    faulty->fs.fallocate = faulty_fallocate;
    faulty->fs.rename = faulty_rename;
    faulty->fs.unlink = faulty_unlink;
    faulty->fs.mkdir = faulty_mkdir;
    faulty->fs.rmdir = faulty_rmdir;
}
