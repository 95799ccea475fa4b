/* ksnap_file.c - see ksnap_file.h. */
#include "keeper/ksnap_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/klog.h"

enum {
    PIECE = 128 << 10, /* bytes written at once */
    REST_MOST_US = 20000,
    AHEAD = 8 << 20,  /* bytes allocated at once */
    ALIGNMENT = 4096, /* what any disk asks of direct writes */
};

void ksnap_file_init(struct ksnap_file *file)
{
    *file = (struct ksnap_file){ .fd = -1 };
}

enum err ksnap_file_open(struct ksnap_file *file, const char *name,
                         struct errmsg *why)
{
    const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
    void *stage;

    ksnap_file_init(file);
    if (posix_memalign(&stage, ALIGNMENT, PIECE) != 0)
        return err_set(why, ERR_NOMEM, "no memory");
    file->stage = stage;
    file->fd = open(name, flags | O_DIRECT, 0644);
    file->direct = file->fd >= 0;
    if (file->fd < 0 && errno == EINVAL)
        file->fd = open(name, flags, 0644);
    if (file->fd >= 0)
        return ERR_OK;
    ksnap_file_close(file);
    return err_set(why, err_from_errno(errno), "open: %s", strerror(errno));
}

/* Fewer changes of the file's map, so less for the journal to carry. A disk
 * without room says so when it is written to. */
static void make_room(struct ksnap_file *file)
{
    if (file->position + PIECE <= file->allocated)
        return;
    if (fallocate(file->fd, 0, file->position, AHEAD) == 0)
        file->allocated = file->position + AHEAD;
}

/* Some file systems take the flag and refuse the write. */
static enum err go_buffered(struct ksnap_file *file, struct errmsg *why)
{
    int flags = fcntl(file->fd, F_GETFL);

    if (flags < 0 || fcntl(file->fd, F_SETFL, flags & ~O_DIRECT) != 0)
        return err_set(why, err_from_errno(errno), "fcntl: %s",
                       strerror(errno));
    file->direct = false;
    return ERR_OK;
}

static enum err piece_write(struct ksnap_file *file, size_t len,
                            struct errmsg *why)
{
    struct bytes b = bytes_make(file->stage, len);
    enum err err;

    if (len == PIECE) /* a small file is not worth it */
        make_room(file);
    err = klog_write_at(file->fd, b, file->position, why);
    if (err != ERR_OK && file->direct && errno == EINVAL) {
        err = go_buffered(file, why);
        if (err == ERR_OK)
            err = klog_write_at(file->fd, b, file->position, why);
    }
    if (err != ERR_OK)
        return err;
    if (!file->direct)
        (void)sync_file_range(file->fd, file->position, (off_t)len,
                              SYNC_FILE_RANGE_WRITE |
                                  SYNC_FILE_RANGE_WAIT_AFTER);
    file->position += (off_t)len;
    file->staged = 0;
    return ERR_OK;
}

/* The disk is the log's for as long as it was ours: a sync waits for what was
 * written before it, and so for half as much. */
static void rest(int64_t began_us)
{
    int64_t us = clock_mono_us() - began_us;
    struct timespec time = {
        .tv_nsec = 1000 * (us < REST_MOST_US ? us : REST_MOST_US)
    };

    (void)nanosleep(&time, NULL);
}

/* A whole piece, and a pause behind it. */
static enum err piece_paced(struct ksnap_file *file, struct errmsg *why)
{
    int64_t began_us = clock_mono_us();
    enum err err = piece_write(file, PIECE, why);

    if (err == ERR_OK)
        rest(began_us);
    return err;
}

enum err ksnap_file_write(struct ksnap_file *file, struct bytes b,
                          struct errmsg *why)
{
    enum err err = ERR_OK;

    while (b.len > 0 && err == ERR_OK) {
        size_t room = PIECE - file->staged;
        size_t n = b.len < room ? b.len : room;

        memcpy(file->stage + file->staged, b.at, n);
        file->staged += n;
        b = bytes_make(b.at + n, b.len - n);
        if (file->staged == PIECE)
            err = piece_paced(file, why);
    }
    return err;
}

/* A direct write has to be whole blocks: the last one is filled up, and what is
 * too much cut off. */
enum err ksnap_file_finish(struct ksnap_file *file, struct errmsg *why)
{
    off_t size = file->position + (off_t)file->staged;
    size_t len = (file->staged + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    enum err err = ERR_OK;

    memset(file->stage + file->staged, 0, len - file->staged);
    if (len > 0)
        err = piece_write(file, len, why);
    if (err != ERR_OK)
        return err;
    if (ftruncate(file->fd, size) != 0)
        return err_set(why, err_from_errno(errno), "truncate: %s",
                       strerror(errno));
    if (fsync(file->fd) != 0)
        return err_set(why, err_from_errno(errno), "sync: %s", strerror(errno));
    return ERR_OK;
}

void ksnap_file_close(struct ksnap_file *file)
{
    int saved = errno;

    if (file->fd >= 0)
        close(file->fd);
    free(file->stage);
    ksnap_file_init(file);
    errno = saved;
}
