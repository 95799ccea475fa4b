/* Any bytes as a segment: recovery keeps the valid beginning, and the log can
 * be read, appended to and recovered again. The first byte chooses the kind of
 * start and whether CRCs are made right. */
#include "tests/fuzz/fuzz_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fuzz_log f;

/* Give each batch of magic 2 that fits a right CRC. */
static void seal(uint8_t *at, size_t n)
{
    while (n >= BATCH_HEADER) {
        size_t size;
        int8_t magic;

        if (batch_peek(bytes_make(at, n), &size, &magic) != ERR_OK ||
            size > n || (magic >= 2 && size < BATCH_HEADER))
            return;
        if (magic >= 2)
            batch_seal(at, size);
        at += size;
        n -= size;
    }
}

static void append(void)
{
    struct batch_spec spec = batch_spec_make();
    struct batch_record record = { .timestamp = 1500, .value = BYTES("v") };
    struct log_append set = { .origin = LOG_CLIENT }, *sets[] = { &set };
    struct batch_builder builder;
    struct errmsg why;
    struct wr w;

    wr_init(&w, 1000);
    batch_builder_init(&builder);
    if (batch_builder_start(&builder, &spec, &w) != ERR_OK)
        abort();
    batch_builder_add(&builder, &record);
    if (batch_builder_finish(&builder, NULL) != ERR_OK)
        abort();
    set.at = w.data;
    set.size = w.len;
    if (log_append(f.log, sets, 1, 1000, NULL, &why) != ERR_OK)
        abort();
    if (set.err != ERR_OK && set.err != ERR_RANGE)
        abort();
    wr_fini(&w);
    batch_builder_fini(&builder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool clean, opened;
    int64_t end;
    uint8_t *copy;

    if (size < 1 || size > 1 << 16)
        return 0;
    if (f.root[0] == '\0')
        fuzz_log_make(&f);
    else if (mkdir(f.root, 0700) != 0)
        abort();
    clean = data[0] & 1;
    copy = malloc(size);
    if (copy == NULL)
        abort();
    memcpy(copy, data, size);
    if (data[0] & 2)
        seal(copy + 1, size - 1);
    {
        char path[128];

        snprintf(path, sizeof path, "%s/t-0", f.root);
        if (access(path, F_OK) != 0 && mkdir(path, 0700) != 0)
            abort();
    }
    f.config.index_interval_bytes = 64;
    fuzz_log_put(&f, "t-0/00000000000000000000.log", copy + 1, size - 1);
    if (clean)
        fuzz_log_put(&f, ".kafka_cleanshutdown", "", 0);
    free(copy);
    opened = fuzz_log_open(&f) == ERR_OK;
    if (opened) {
        if (!clean)
            fuzz_log_read(&f);
        append();
        end = log_end_offset(f.log);
        fuzz_log_close(&f, true);
        opened = fuzz_log_open(&f) == ERR_OK;
        if (!clean && (!opened || log_end_offset(f.log) != end))
            abort();
        if (opened)
            fuzz_log_read(&f);
    }
    fuzz_log_close(&f, opened);
    fuzz_log_remove(&f);
    return 0;
}
