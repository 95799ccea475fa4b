/* direct.c - two stages of aligned memory between the writer and the disk. */
#include "seg/direct.h"

#include <errno.h>

#include "base/mem.h"
#include "seg/seg_io.h"

/* Written at once: where disks are about as fast as they get. */
#define STAGE ((size_t)1 << 20)

/* -- the thread ---------------------------------------------------------------
 */

static enum err write_other(const struct direct *direct)
{
    return io_write(direct->fs, direct->fd, direct->other, STAGE,
                    direct->other_at);
}

static void *direct_main(void *context)
{
    struct direct *direct = context;

    lock_take(&direct->lock);
    for (;;) {
        int errnum;

        while (!direct->busy && !direct->stopping)
            pthread_cond_wait(&direct->turn, &direct->lock.mutex);
        if (!direct->busy)
            break;
        lock_give(&direct->lock);
        errnum = write_other(direct) == ERR_OK ? 0 : errno;
        lock_take(&direct->lock);
        direct->errnum = errnum;
        direct->busy = false;
        pthread_cond_signal(&direct->turn);
    }
    lock_give(&direct->lock);
    return NULL;
}

/* -- life ---------------------------------------------------------------------
 */

static bool thread_start(struct direct *direct)
{
    lock_init(&direct->lock);
    pthread_cond_init(&direct->turn, NULL);
    direct->threaded =
        pthread_create(&direct->thread, NULL, direct_main, direct) == 0;
    if (direct->threaded) {
        pthread_setname_np(direct->thread, "cleaner-write");
    } else {
        pthread_cond_destroy(&direct->turn);
        lock_fini(&direct->lock);
    }
    return direct->threaded;
}

void direct_init(struct direct *direct, const struct fs *fs, int fd,
                 bool wanted)
{
    uintptr_t skip;

    *direct = (struct direct){ .fs = fs, .fd = fd };
    if (!wanted)
        return;
    direct->memory = mem_try(2 * STAGE + FS_DIRECT_UNIT);
    if (direct->memory == NULL)
        return;
    skip = FS_DIRECT_UNIT - (uintptr_t)direct->memory % FS_DIRECT_UNIT;
    direct->stage = direct->memory + skip;
    direct->other = direct->stage + STAGE;
    /* Whatever is short here, the page cache takes the bytes as well. */
    direct->on = fs->direct(fs, fd, true) == 0;
    if (direct->on && !thread_start(direct))
        direct->on = fs->direct(fs, fd, false) != 0;
}

void direct_fini(struct direct *direct)
{
    if (direct->threaded) {
        lock_take(&direct->lock);
        direct->stopping = true;
        pthread_cond_signal(&direct->turn);
        lock_give(&direct->lock);
        pthread_join(direct->thread, NULL);
        pthread_cond_destroy(&direct->turn);
        lock_fini(&direct->lock);
    }
    mem_free(direct->memory);
    *direct = (struct direct){ .fd = -1 };
}

/* -- writing ------------------------------------------------------------------
 */

static enum err write_plain(struct direct *direct, const uint8_t *at, size_t n)
{
    enum err err =
        n == 0 ? ERR_OK
               : io_write(direct->fs, direct->fd, at, n, direct->position);

    if (err == ERR_OK)
        direct->position += (int64_t)n;
    return err;
}

/* From here on through the page cache. */
static enum err turn_off(struct direct *direct)
{
    direct->on = false;
    return direct->fs->direct(direct->fs, direct->fd, false) == 0
               ? ERR_OK
               : err_from_errno(errno);
}

/* Write what the stage holds that way. */
static enum err write_rest(struct direct *direct)
{
    size_t n = direct->staged;

    direct->staged = 0;
    return write_plain(direct, direct->stage, n);
}

/* Wait for what is on its way. */
static enum err await(struct direct *direct)
{
    int errnum;
    enum err err = ERR_OK;

    lock_take(&direct->lock);
    while (direct->busy)
        pthread_cond_wait(&direct->turn, &direct->lock.mutex);
    errnum = direct->errnum;
    direct->errnum = 0;
    lock_give(&direct->lock);
    /* The device wants other bounds than pages. Or the rest of a write that
     * was cut short began where none may: the repetition tells why it was. */
    if (errnum == EINVAL) {
        err = turn_off(direct);
        if (err == ERR_OK)
            err = write_other(direct);
    } else if (errnum != 0) {
        errno = errnum;
        err = err_from_errno(errnum);
    }
    return err;
}

/* The stage is full: the thread is to write it. */
static enum err pass_on(struct direct *direct)
{
    enum err err = await(direct);
    uint8_t *full = direct->stage;

    if (err != ERR_OK)
        return err;
    if (!direct->on)
        return write_rest(direct);
    direct->stage = direct->other;
    direct->staged = 0;
    lock_take(&direct->lock);
    direct->other = full;
    direct->other_at = direct->position;
    direct->busy = true;
    pthread_cond_signal(&direct->turn);
    lock_give(&direct->lock);
    direct->position += (int64_t)STAGE;
    return ERR_OK;
}

enum err direct_write(struct direct *direct, const uint8_t *at, size_t n)
{
    enum err err = ERR_OK;

    while (n > 0 && direct->on && err == ERR_OK) {
        size_t part = STAGE - direct->staged;

        part = part < n ? part : n;
        memcpy(direct->stage + direct->staged, at, part);
        direct->staged += part;
        at += part;
        n -= part;
        if (direct->staged == STAGE)
            err = pass_on(direct);
    }
    return err == ERR_OK ? write_plain(direct, at, n) : err;
}

enum err direct_finish(struct direct *direct)
{
    enum err err = direct->on ? await(direct) : ERR_OK;

    if (err == ERR_OK && direct->on)
        err = turn_off(direct);
    return err == ERR_OK ? write_rest(direct) : err;
}
