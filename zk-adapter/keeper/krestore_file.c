/* krestore_file.c - a restore's part beside the loop: what came is read, and
 * becomes the newest snapshot; see krestore.h. */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "keeper/krecover.h"
#include "keeper/kserver.h"

enum { NODES_AT_ONCE = 64, SEAL_MOST = 128 };

/* A zxid up to which there is room for all that will ever come. */
#define ZXID_MOST (INT64_MAX - (1ll << 32))

/* -- load ------------------------------------------------------------------ */

static enum err body_load(struct krestore *r)
{
    size_t size = (size_t)r->got;
    void *at = NULL;
    enum err err;

    if (r->got != r->size || r->got == 0)
        return err_set(&r->why, ERR_SHORT, "it is not whole");
    at = mmap(NULL, size, PROT_READ, MAP_PRIVATE, r->fd, 0);
    if (at == MAP_FAILED)
        return err_set(&r->why, err_from_errno(errno), "map: %s",
                       strerror(errno));
    r->fresh = mem_need(sizeof *r->fresh);
    kcore_init(r->fresh, &r->keeper->config, clock_mono_us() / 1000,
               clock_wall_ms());
    err = ksnap_load_sealed(r->fresh, bytes_make(at, size), &r->snapshot_zxid,
                            &r->why);
    munmap(at, size);
    close(r->fd);
    r->fd = -1;
    return err;
}

/* No node may be newer than the server will be. */
static enum err zxids_check(struct krestore *r)
{
    const struct ktree_node *root = r->fresh->tree.root;
    int64_t most = r->snapshot_zxid;

    for (const struct ktree_node *node = root; node != NULL;
         node = ktree_next(node, root)) {
        most = node->czxid > most ? node->czxid : most;
        most = node->mzxid > most ? node->mzxid : most;
        most = node->pzxid > most ? node->pzxid : most;
    }
    r->most_zxid = most;
    return most <= ZXID_MOST
               ? ERR_OK
               : err_set(&r->why, ERR_FORMAT, "zxid 0x%llx is out of range",
                         (unsigned long long)most);
}

static enum err chunk_write(struct krestore *r, struct wr *w)
{
    struct bytes chunk = bytes_make(w->data, w->len);
    enum err err;

    if (w->err != ERR_OK)
        return err_set(&r->why, w->err, "no memory");
    r->sum = ksnap_sum(r->sum, chunk);
    err = ksnap_file_write(&r->file, chunk, &r->why);
    w->len = 0;
    return err;
}

/* The file of the new tree, but for its end, which says of which zxid it is. */
static enum err nodes_write(struct krestore *r)
{
    struct ksnap snap;
    struct wr w;
    enum err err;
    bool more = true;

    err = ksnap_file_open(&r->file, r->temp, &r->why);
    wr_init(&w, INT32_MAX);
    r->fresh->zxid = ZXID_MOST; /* older ones are all of them */
    r->sum = KSNAP_SUM_FIRST;
    ksnap_start(&snap, r->fresh, &w);
    while (more && err == ERR_OK) {
        more = ksnap_more(&snap, &w, NODES_AT_ONCE);
        if (w.len >= K_SNAP_CHUNK)
            err = chunk_write(r, &w);
    }
    ksnap_end(&snap, &w);
    if (err == ERR_OK)
        err = chunk_write(r, &w);
    wr_fini(&w);
    return err;
}

enum err krestore_load(struct krestore *r)
{
    enum err err = body_load(r);

    if (err == ERR_OK)
        err = zxids_check(r);
    if (err != ERR_OK)
        return err;
    krecover_settle(r->fresh);
    r->renamed = false;
    r->temp = ksnap_name(r->keeper->snap_dir, "new-snapshot.restored.", 0,
                         CODEC_NONE);
    return nodes_write(r);
}

/* -- commit ---------------------------------------------------------------- */

static enum err file_end(struct krestore *r)
{
    struct wr w;
    enum err err;

    wr_init(&w, SEAL_MOST);
    ksnap_seal(&w, r->sum, r->zxid);
    err = w.err == ERR_OK
              ? ksnap_file_write(&r->file, bytes_make(w.data, w.len), &r->why)
              : err_set(&r->why, w.err, "no memory");
    wr_fini(&w);
    return err == ERR_OK ? ksnap_file_finish(&r->file, &r->why) : err;
}

enum err krestore_commit(struct krestore *r)
{
    char *name;
    enum err err = ERR_OK;

    if (!r->renamed) {
        err = file_end(r);
        if (err != ERR_OK)
            return err;
        name =
            ksnap_name(r->keeper->snap_dir, "snapshot.", r->zxid, CODEC_NONE);
        if (rename(r->temp, name) == 0)
            r->renamed = true;
        else
            err = err_set(&r->why, err_from_errno(errno), "rename: %s",
                          strerror(errno));
        mem_free(name);
    }
    return err == ERR_OK ? klog_sync_dir(r->keeper->snap_dir, &r->why) : err;
}
