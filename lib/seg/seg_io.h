/* seg_io.h - whole transfers, small files, and paths; private to seg.
 *
 * What the table of fs.h does piecemeal is done whole here: short reads and
 * writes are continued, EINTR is repeated, and errors become `enum err` with a
 * message that names the file.
 */
#ifndef GREGOR_SEG_IO_H
#define GREGOR_SEG_IO_H

#include "base/bytes.h"
#include "base/err.h"
#include "seg/fs.h"

#define SEG_PATH_MOST 4096

/* Turn errno into a code and a message "<what> <path>: <words>". */
enum err io_fail(struct errmsg *why, const char *what, const char *path);

/* Join with '/'; ERR_LIMIT when it does not fit. */
MUST_USE enum err io_path(char path[static SEG_PATH_MOST], const char *dir,
                          const char *name, struct errmsg *why);

/* Read up to `n` bytes; `*got` is less only at the end of the file. */
MUST_USE enum err io_read(const struct fs *fs, int fd, void *at, size_t n,
                          int64_t position, size_t *got);

/* As io_read() for what is in the page cache; ERR_AGAIN when it is not. */
MUST_USE enum err io_read_cached(const struct fs *fs, int fd, void *at,
                                 size_t n, int64_t position, size_t *got);

/* Write all bytes. After a failure some may be written. */
MUST_USE enum err io_write(const struct fs *fs, int fd, const void *at,
                           size_t n, int64_t position);

/* Write all of `iov`, which is used up on the way. */
MUST_USE enum err io_writev(const struct fs *fs, int fd, struct iovec *iov,
                            int n_iov, int64_t position);

/* The whole content of a file, at most `limit` bytes (ERR_LIMIT). Freed with
 * mem_free(); NULL for an empty file. ERR_ABSENT when there is none. */
MUST_USE enum err io_load(const struct fs *fs, const char *path, size_t limit,
                          uint8_t **data, size_t *len, struct errmsg *why);

/* Replace `<dir>/<name>`: write `<name>.tmp`, rename. With `sync` the file is
 * fsynced before and the directory after. */
MUST_USE enum err io_replace(const struct fs *fs, const char *dir,
                             const char *name, struct bytes content, bool sync,
                             struct errmsg *why);

/* fsync a directory, or a file, by path. */
MUST_USE enum err io_sync_path(const struct fs *fs, const char *path,
                               bool directory, struct errmsg *why);

/* Remove a file; that it is gone already is fine. */
MUST_USE enum err io_unlink(const struct fs *fs, const char *path,
                            struct errmsg *why);

/* Remove a directory with all plain files in it. */
MUST_USE enum err io_remove_dir(const struct fs *fs, const char *path,
                                struct errmsg *why);

#endif
