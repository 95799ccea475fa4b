/* Snapshots with the right checksum, whatever else they are: what loads must
 * come out the same when written and loaded again. */
#include <assert.h>

#include "keeper/ksnap.h"
#include "tests/support/kworld.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void seal(struct wr *w)
{
    ksnap_seal(w, ksnap_sum(KSNAP_SUM_FIRST, bytes_make(w->data, w->len)), 7);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kworld world;
    struct kcore again;
    struct ksnap snap;
    struct wr w;

    kworld_init(&world);
    kcore_fini(&world.core);
    kcore_init(&world.core, &world.config, 0, 0);
    world.core.zxid = INT64_MAX;
    wr_init(&w, 1 << 24);
    wr_raw(&w, "ZKSN\0\0\0\2\377\377\377\377\377\377\377\377", 16);
    wr_raw(&w, data, size);
    wr_jute(&w, BYTES("/"));
    seal(&w);
    if (ksnap_load(&world.core, bytes_make(w.data, w.len), NULL) == ERR_OK) {
        w.len = 0;
        ksnap_start(&snap, &world.core, &w);
        while (ksnap_more(&snap, &w, 1000))
            continue;
        ksnap_end(&snap, &w);
        seal(&w);
        kcore_init(&again, &world.config, 0, 0);
        if (ksnap_load(&again, bytes_make(w.data, w.len), NULL) != ERR_OK)
            assert(false);
        assert(again.tree.n == world.core.tree.n);
        assert(again.tree.data_size == world.core.tree.data_size);
        kcore_fini(&again);
    }
    wr_fini(&w);
    kworld_fini(&world);
    return 0;
}
