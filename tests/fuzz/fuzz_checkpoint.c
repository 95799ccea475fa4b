/* Small text files beside the logs: the first byte chooses which. */
#include <stdlib.h>

#include "seg/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
    struct wr w;
    size_t n;
};

static enum err each(void *context, struct bytes topic, int32_t partition,
                     int64_t offset)
{
    struct seen *seen = context;
    char name[64];

    if (topic.len == 0 || partition < 0)
        abort();
    seen->n++;
    if (topic.len < sizeof name) {
        memcpy(name, topic.at, topic.len);
        name[topic.len] = '\0';
        checkpoint_write_entry(&seen->w, name, partition, offset);
    }
    return ERR_OK;
}

static enum err each_epoch(void *context, int32_t epoch, int64_t start)
{
    struct seen *seen = context;

    if (epoch < 0 || start < 0)
        abort();
    seen->n++;
    return ERR_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct seen seen = { .n = 0 };
    struct bytes text;
    struct uuid id;
    int line = 0;

    if (size == 0)
        return 0;
    text = bytes_make(data + 1, size - 1);
    wr_init(&seen.w, 1 << 20);
    if (data[0] % 3 == 0)
        err_ignore(checkpoint_read(text, each, &seen, &line), "may fail");
    else if (data[0] % 3 == 1)
        err_ignore(checkpoint_epochs_read(text, each_epoch, &seen, &line),
                   "may fail");
    else if (partition_metadata_read(text, &id) == ERR_OK && uuid_is_zero(id))
        abort();
    if (seen.n > size)
        abort();
    wr_fini(&seen.w);
    return 0;
}
