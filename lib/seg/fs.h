/* fs.h - the file system as a small table, so that tests can break it.
 *
 * All of libseg reaches disks through one of these. fs_real() is the thin one
 * over the system calls; the faulty one of the tests fails or tears the n-th
 * write. Functions behave like the system calls they are named after: -1 and
 * errno on failure, no retry on short transfers (seg's own helpers do that).
 *
 * Threads: the real one from any thread.
 */
#ifndef GREGOR_SEG_FS_H
#define GREGOR_SEG_FS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/err.h"

enum fs_kind { FS_FILE, FS_DIRECTORY, FS_OTHER };

enum { FS_DIRECT_UNIT = 4096 }; /* bytes */

struct fs_stat {
    int64_t size;     /* bytes */
    int64_t mtime_ms; /* since 1970 */
    enum fs_kind kind;
};

/* Called for each name in a directory but "." and ".."; `name` is borrowed. A
 * result other than ERR_OK ends the listing. */
typedef enum err fs_each_fn(void *context, const char *name, enum fs_kind kind);

struct fs {
    int (*open)(const struct fs *fs, const char *path, int flags, mode_t mode);
    int (*close)(const struct fs *fs, int fd);
    ssize_t (*pread)(const struct fs *fs, int fd, void *at, size_t n,
                     int64_t position);
    /* Reads only what is in the page cache already; -1 with EAGAIN when it is
     * not, or EOPNOTSUPP when the file system cannot tell. */
    ssize_t (*pread_cached)(const struct fs *fs, int fd, void *at, size_t n,
                            int64_t position);
    ssize_t (*pwritev)(const struct fs *fs, int fd, const struct iovec *iov,
                       int n_iov, int64_t position);
    /* Has writes bypass the page cache from now on, or no longer. Meanwhile
     * memory, position and length of each must be multiples of FS_DIRECT_UNIT;
     * a device that wants still more says EINVAL. */
    int (*direct)(const struct fs *fs, int fd, bool on);
    int (*fsync)(const struct fs *fs, int fd);
    int (*fdatasync)(const struct fs *fs, int fd);
    /* Begins to write a range to the disk and does not wait for it: a hint. */
    void (*begin_sync)(const struct fs *fs, int fd, int64_t position,
                       int64_t n);
    /* Takes a range out of the page cache, but for what is not on the disk yet
     * or in use: a hint. */
    void (*forget)(const struct fs *fs, int fd, int64_t position, int64_t n);
    int (*syncfs)(const struct fs *fs, int fd); /* all of the file system */
    int (*ftruncate)(const struct fs *fs, int fd, int64_t size);
    int (*fallocate)(const struct fs *fs, int fd, int64_t size);
    int (*fstat)(const struct fs *fs, int fd, struct fs_stat *out);
    int (*stat)(const struct fs *fs, const char *path, struct fs_stat *out);
    int (*utimes)(const struct fs *fs, const char *path, int64_t mtime_ms);
    int (*rename)(const struct fs *fs, const char *from, const char *to);
    int (*unlink)(const struct fs *fs, const char *path);
    int (*mkdir)(const struct fs *fs, const char *path, mode_t mode);
    int (*rmdir)(const struct fs *fs, const char *path);
    /* An exclusive POSIX record lock over the whole file, as Java's
     * FileChannel.tryLock() takes; EAGAIN or EACCES when another process has
     * it. Gone when the process closes any descriptor of the file. */
    int (*lock)(const struct fs *fs, int fd);
    /* Calls `each` for every entry. Failures of the disk are errors of their
     * own; those of `each` are passed on. */
    enum err (*list)(const struct fs *fs, const char *path, fs_each_fn *each,
                     void *context, struct errmsg *why);
};

/* The system's; static storage. */
const struct fs *fs_real(void);

#endif
