/* Producer snapshots: what is read can be written, and is read the same. */
#include <stdlib.h>

#include "seg/snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_and_write(struct bytes file)
{
    struct producers producers, again;
    struct wr w;

    producers_init(&producers);
    producers_init(&again);
    wr_init(&w, 64 << 20);
    if (snapshot_read(file, 0, INT64_MAX, &producers) == ERR_OK) {
        snapshot_write(&w, &producers);
        if (w.err != ERR_OK ||
            snapshot_read(bytes_make(w.data, w.len), 0, INT64_MAX, &again) !=
                ERR_OK ||
            again.map.count != producers.map.count ||
            producers_first_unstable(&again) !=
                producers_first_unstable(&producers))
            abort();
    }
    wr_fini(&w);
    producers_fini(&producers);
    producers_fini(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy;
    uint32_t crc;

    read_and_write(bytes_make(data, size));
    if (size < SNAPSHOT_HEAD)
        return 0;
    /* The same with a right CRC, so that what is behind it is reached. */
    copy = malloc(size);
    if (copy == NULL)
        return 0;
    memcpy(copy, data, size);
    copy[0] = 0;
    copy[1] = 1;
    crc = htobe32(codec_crc32c(0, bytes_make(copy + 6, size - 6)));
    memcpy(copy + 2, &crc, 4);
    read_and_write(bytes_make(copy, size));
    free(copy);
    return 0;
}
