/* offsets_log.c - a log of committed offsets, made without a broker.
 *
 *     offsets_log DIR PARTITIONS GROUPS TOPIC TOPIC_PARTITIONS
 *
 * Makes DIR/__consumer_offsets-0 .. PARTITIONS - 1. Each group "loaded-I" has
 * one batch, as its commit of all partitions of TOPIC would have left it, in
 * the partition that it belongs to. The offset of partition P is I * 1000 + P.
 *
 * Prints "name value" lines. Build with libseg, as clean_bench.c says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "seg/seg.h"
#include "wire/msg_offset_commit_key.h"
#include "wire/msg_offset_commit_value.h"

enum { KEY_VERSION = 1, VALUE_VERSION = 3, FILES = 1024 };

static struct errmsg why;

static void must(enum err err, const char *what)
{
    if (err == ERR_OK)
        return;
    fprintf(stderr, "%s: %s %s\n", what, err_name(err), why.text);
    exit(1);
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Java's hash of an ASCII string decides, less its sign. */
static size_t partition_of(struct bytes group, size_t n)
{
    uint32_t hash = 0;

    for (size_t i = 0; i < group.len; i++)
        hash = 31 * hash + group.at[i];
    return (hash & 0x80000000u ? -hash : hash) % n;
}

static void add(struct batch_builder *builder, struct wr *scratch,
                const struct wire_offset_commit_key *key, int64_t offset,
                int64_t now)
{
    struct batch_record record = { .offset = key->partition, .timestamp = now };
    struct wire_offset_commit_value value;
    size_t split;

    wire_offset_commit_value_init(&value);
    value.offset = offset;
    value.metadata = BYTES("");
    value.commit_timestamp = now;
    scratch->len = 0;
    wr_i16(scratch, KEY_VERSION);
    wire_offset_commit_key_write(scratch, KEY_VERSION, key);
    split = scratch->len;
    wr_i16(scratch, VALUE_VERSION);
    wire_offset_commit_value_write(scratch, VALUE_VERSION, &value);
    must(scratch->err, "record");
    record.key = bytes_make(scratch->data, split);
    record.value = bytes_make(scratch->data + split, scratch->len - split);
    batch_builder_add(builder, &record);
}

static void commit(struct log *log, struct bytes group, int64_t first,
                   struct bytes topic, int32_t partitions)
{
    struct batch_spec spec = batch_spec_make();
    struct log_append set = { .origin = LOG_COORDINATOR };
    struct log_append *sets[] = { &set };
    struct batch_builder builder;
    int64_t now = now_ms();
    struct wr batch, scratch;

    wr_init(&batch, SIZE_MAX);
    wr_init(&scratch, SIZE_MAX);
    batch_builder_init(&builder);
    must(batch_builder_start(&builder, &spec, &batch), "batch");
    for (int32_t p = 0; p < partitions; p++) {
        const struct wire_offset_commit_key key = { group, topic, p };

        add(&builder, &scratch, &key, first + p, now);
    }
    must(batch_builder_finish(&builder, NULL), "batch");
    set.at = batch.data;
    set.size = batch.len;
    must(log_append(log, sets, 1, now, NULL, &why), "append");
    must(set.err, "append");
    batch_builder_fini(&builder);
    wr_fini(&scratch);
    wr_fini(&batch);
}

int main(int argc, char **argv)
{
    struct seg_files *files = seg_files_new(fs_real(), FILES);
    size_t n = argc == 6 ? strtoull(argv[2], NULL, 10) : 0;
    struct log **logs = calloc(n + 1, sizeof(struct log *));
    struct log_config config;
    struct log_dir *dir;
    int64_t bytes = 0;

    if (n == 0) {
        fprintf(stderr, "usage: offsets_log DIR PARTITIONS GROUPS TOPIC "
                        "TOPIC_PARTITIONS\n");
        return 2;
    }
    log_config_init(&config);
    must(log_dir_open(&dir, fs_real(), files, argv[1], &why), "directory");
    for (size_t i = 0; i < n; i++)
        must(log_open(&logs[i], dir, BYTES("__consumer_offsets"), (int32_t)i,
                      LOG_OPEN_CREATE, &config, now_ms(), &why),
             "log");
    log_dir_loaded(dir);
    for (int64_t i = 0; i < atoll(argv[3]); i++) {
        char text[32];
        struct bytes group =
            bytes_make(text, (size_t)snprintf(text, sizeof text, "loaded-%lld",
                                              (long long)i));

        commit(logs[partition_of(group, n)], group, i * 1000, bytes_of(argv[4]),
               atoi(argv[5]));
    }
    for (size_t i = 0; i < n; i++) {
        bytes += log_size(logs[i]);
        must(log_close(&logs[i], &why), "close");
    }
    printf("MB %.1f\n", (double)bytes / 1e6);
    must(log_dir_close(&dir, true, &why), "close");
    seg_files_free(&files);
    free(logs);
    return 0;
}
