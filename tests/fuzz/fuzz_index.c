/* Any bytes as indexes of a good log: recovery and reading are not led astray.
 * The first byte says how many of the others are the offset index; the rest is
 * the time index and the index of aborted transactions. */
#include "tests/fuzz/fuzz_log.h"

enum { RECORDS = 60 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fuzz_log f;
static struct wr content;

static void make_content(void)
{
    struct batch_builder builder;

    wr_init(&content, 1 << 20);
    batch_builder_init(&builder);
    for (int i = 0; i < RECORDS; i++) {
        struct batch_spec spec = batch_spec_make();
        struct batch_record record = { .offset = i,
                                       .timestamp = 1000 + i * 10,
                                       .value = BYTES("some value") };

        spec.base_offset = i;
        if (batch_builder_start(&builder, &spec, &content) != ERR_OK)
            abort();
        batch_builder_add(&builder, &record);
        if (batch_builder_finish(&builder, NULL) != ERR_OK)
            abort();
    }
    batch_builder_fini(&builder);
}

static void check(void)
{
    struct log_offset found;
    struct errmsg why;

    if (log_end_offset(f.log) != RECORDS)
        abort();
    fuzz_log_read(&f);
    for (int64_t at = 0; at < RECORDS; at += 7) {
        if (log_offset_by_time(f.log, 1000 + at * 10, &found, &why) != ERR_OK ||
            found.offset != at)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[128];
    size_t n;
    bool opened;

    if (size < 1 || size > 1 << 14)
        return 0;
    if (content.len == 0)
        make_content();
    if (f.root[0] == '\0')
        fuzz_log_make(&f);
    else if (mkdir(f.root, 0700) != 0)
        abort();
    snprintf(path, sizeof path, "%s/t-0", f.root);
    if (access(path, F_OK) != 0 && mkdir(path, 0700) != 0)
        abort();
    n = size - 1 < data[0] ? size - 1 : data[0];
    fuzz_log_put(&f, "t-0/00000000000000000000.log", content.data, content.len);
    fuzz_log_put(&f, "t-0/00000000000000000000.index", data + 1, n);
    fuzz_log_put(&f, "t-0/00000000000000000000.timeindex", data + 1 + n,
                 size - 1 - n);
    if (size % 3 == 0)
        fuzz_log_put(&f, "t-0/00000000000000000000.txnindex", data + 1 + n,
                     size - 1 - n);
    if (size % 2 == 0)
        fuzz_log_put(&f, "recovery-point-offset-checkpoint", "0\n1\nt 0 30\n",
                     12);
    opened = fuzz_log_open(&f) == ERR_OK;
    if (!opened)
        abort();
    if (size % 2 != 0)
        check();
    else
        fuzz_log_read(&f);
    fuzz_log_close(&f, true);
    /* A clean start trusts them: nothing may crash or loop. */
    fuzz_log_put(&f, "t-0/00000000000000000000.index", data + 1, n);
    fuzz_log_put(&f, "t-0/00000000000000000000.timeindex", data + 1 + n,
                 size - 1 - n);
    fuzz_log_put(&f, ".kafka_cleanshutdown", "", 0);
    opened = fuzz_log_open(&f) == ERR_OK;
    if (opened)
        fuzz_log_read(&f);
    fuzz_log_close(&f, opened);
    fuzz_log_remove(&f);
    return 0;
}
