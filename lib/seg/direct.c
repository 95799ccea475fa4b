/* direct.c - a stage of aligned memory between the writer and the disk. */
#include "seg/direct.h"

#include <errno.h>

#include "base/mem.h"
#include "seg/seg_io.h"

/* Written at once: where disks are about as fast as they get. */
#define STAGE ((size_t)1 << 20)

void direct_init(struct direct *direct, const struct fs *fs, int fd,
                 bool wanted)
{
    uintptr_t skip;

    *direct = (struct direct){ .fs = fs, .fd = fd };
    if (!wanted)
        return;
    direct->memory = mem_try(STAGE + FS_DIRECT_UNIT);
    if (direct->memory == NULL)
        return;
    skip = FS_DIRECT_UNIT - (uintptr_t)direct->memory % FS_DIRECT_UNIT;
    direct->stage = direct->memory + skip;
    direct->on = fs->direct(fs, fd, true) == 0;
}

void direct_fini(struct direct *direct)
{
    mem_free(direct->memory);
    *direct = (struct direct){ .fd = -1 };
}

static enum err write_plain(struct direct *direct, const uint8_t *at, size_t n)
{
    enum err err =
        n == 0 ? ERR_OK
               : io_write(direct->fs, direct->fd, at, n, direct->position);

    if (err == ERR_OK)
        direct->position += (int64_t)n;
    return err;
}

/* Write the stage through the page cache, and all that comes after it. */
static enum err fall_back(struct direct *direct)
{
    size_t n = direct->staged;

    direct->on = false;
    if (direct->fs->direct(direct->fs, direct->fd, false) != 0)
        return err_from_errno(errno);
    direct->staged = 0;
    return write_plain(direct, direct->stage, n);
}

/* Write the whole stage. */
static enum err write_stage(struct direct *direct)
{
    enum err err = write_plain(direct, direct->stage, direct->staged);

    if (err == ERR_OK)
        direct->staged = 0;
    /* The device wants other bounds than pages. Or the rest of a write that
     * was cut short began where none may: the repetition tells why it was. */
    else if (errno == EINVAL)
        err = fall_back(direct);
    return err;
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
            err = write_stage(direct);
    }
    return err == ERR_OK ? write_plain(direct, at, n) : err;
}

enum err direct_finish(struct direct *direct)
{
    return direct->on ? fall_back(direct) : ERR_OK;
}
