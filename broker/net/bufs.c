/* bufs.c - the classes, and mappings. */
#include "net/bufs.h"

#include <assert.h>
#include <sys/mman.h>

#include "base/mem.h"

enum { LARGE_FIRST = 1024 * 1024 };

/* A little above the powers of two: a batch of exactly 1 MiB comes in a frame
 * that is longer by its headers. */
static const size_t class_size[BUFS_CLASSES] = {
    64 << 10, 128 << 10, 256 << 10, 544 << 10, 1088 << 10, 4352 << 10,
};

void bufs_init(struct bufs *bufs)
{
    *bufs = (struct bufs){ .idle_bytes = 0 };
}

static int class_for(size_t len)
{
    int c = 0;

    while (c < BUFS_CLASSES && class_size[c] < len)
        c++;
    return c;
}

static uint8_t *map_new(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return p == MAP_FAILED ? NULL : p;
}

enum err bufs_take(struct bufs *bufs, size_t len, struct buf *buf)
{
    int c = class_for(len);

    if (len <= BUFS_MALLOC_MOST) {
        buf->size = len;
        buf->data = mem_try(len);
    } else if (c == BUFS_CLASSES) {
        buf->size = LARGE_FIRST;
        buf->data = map_new(LARGE_FIRST);
    } else if (bufs->idle[c] != NULL) {
        struct bufs_idle *idle = bufs->idle[c];

        bufs->idle[c] = idle->next;
        bufs->idle_bytes -= class_size[c];
        if (--bufs->n_idle[c] < bufs->least[c])
            bufs->least[c] = bufs->n_idle[c];
        buf->size = class_size[c];
        buf->data = (uint8_t *)idle;
    } else {
        buf->size = class_size[c];
        buf->data = map_new(class_size[c]);
    }
    return buf->data != NULL ? ERR_OK : ERR_NOMEM;
}

void bufs_give(struct bufs *bufs, struct buf *buf)
{
    if (buf->data == NULL)
        return;
    if (buf->size <= BUFS_MALLOC_MOST) {
        mem_free(buf->data);
    } else {
        int c = class_for(buf->size);

        if (c < BUFS_CLASSES && class_size[c] == buf->size &&
            bufs->idle_bytes + buf->size <= BUFS_IDLE_MOST) {
            struct bufs_idle *idle = (void *)buf->data;

            idle->next = bufs->idle[c];
            bufs->idle[c] = idle;
            bufs->n_idle[c]++;
            bufs->idle_bytes += buf->size;
        } else {
            munmap(buf->data, buf->size);
        }
    }
    *buf = (struct buf){ NULL, 0 };
}

enum err buf_grow(struct buf *buf, size_t used, size_t len)
{
    size_t size = buf->size * 2;
    void *p;

    if (used < buf->size)
        return ERR_OK;
    assert(buf->size >= LARGE_FIRST && used < len);
    /* whole mebibytes: so it is never taken for one of a class */
    if (size > len)
        size = (len + LARGE_FIRST - 1) & ~(size_t)(LARGE_FIRST - 1);
    p = mremap(buf->data, buf->size, size, MREMAP_MAYMOVE);
    if (p == MAP_FAILED)
        return ERR_NOMEM;
    *buf = (struct buf){ p, size };
    return ERR_OK;
}

static void drop_idle(struct bufs *bufs, int c, size_t n)
{
    while (n-- > 0) {
        struct bufs_idle *idle = bufs->idle[c];

        bufs->idle[c] = idle->next;
        bufs->n_idle[c]--;
        bufs->idle_bytes -= class_size[c];
        munmap(idle, class_size[c]);
    }
}

bool bufs_trim(struct bufs *bufs)
{
    for (int c = 0; c < BUFS_CLASSES; c++) {
        drop_idle(bufs, c, bufs->least[c]);
        bufs->least[c] = bufs->n_idle[c];
    }
    return bufs->idle_bytes > 0;
}

void bufs_fini(struct bufs *bufs)
{
    for (int c = 0; c < BUFS_CLASSES; c++)
        drop_idle(bufs, c, bufs->n_idle[c]);
}
