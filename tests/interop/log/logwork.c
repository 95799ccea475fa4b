/* logwork.c - writes and reads log directories through libseg, for run.
 *
 *     logwork write DIR       logs of every kind: codecs, rolls, producers,
 *                             transactions; a clean stop
 *     logwork kill DIR        more of it, and no stop at all
 *     logwork read DIR        every record, then the facts of each log
 *
 * What read prints has one line for each record, batch fact or producer, in a
 * form that run makes from Kafka's own tools as well.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "seg/seg.h"

static struct seg_files *files;
static struct log_dir *dir;
static struct errmsg why;
static const int64_t start_ms = 1700000000000;
static int64_t now_ms = 1700000000000;

static void need(enum err err, const char *what)
{
    if (err == ERR_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, err_name(err), why.text);
    exit(1);
}

static void open_dir(const char *path)
{
    files = seg_files_new(fs_real(), 64);
    need(log_dir_open(&dir, fs_real(), files, path, &why), path);
}

static struct log *open_log(const char *topic, int32_t segment_bytes)
{
    struct log_config config;
    struct log *log;
    struct uuid id = { { 0 } };

    log_config_init(&config);
    config.segment_bytes = segment_bytes;
    need(log_open(&log, dir, bytes_of(topic), 0, LOG_OPEN_CREATE, &config,
                  start_ms, &why),
         topic);
    memset(id.b, topic[0], sizeof id.b);
    need(log_topic_id_set(log, id, &why), topic);
    return log;
}

/* -- writing
 * ----------------------------------------------------------------------- */

struct source {
    int64_t producer_id;
    int16_t epoch;
    int32_t sequence;
    bool transactional;
};

static void append(struct log *log, struct wr *w, enum log_origin origin)
{
    struct log_append set = { .at = w->data,
                              .size = w->len,
                              .origin = origin,
                              .leader_epoch = (int32_t)(now_ms / 1000 % 5) };
    struct log_append *sets[] = { &set };

    set.leader_epoch = log_end_offset(log) < 100 ? 0 : 3;
    need(log_append(log, sets, 1, now_ms, NULL, &why), "append");
    need(set.err, "append");
    log_high_watermark_set(log, log_end_offset(log));
}

static void append_records(struct log *log, int count, enum codec codec,
                           struct source *source)
{
    struct batch_spec spec = batch_spec_make();
    struct batch_builder builder;
    struct wr w;

    spec.attributes = (int16_t)codec;
    if (source != NULL) {
        spec.producer_id = source->producer_id;
        spec.producer_epoch = source->epoch;
        spec.base_sequence = source->sequence;
        source->sequence += count;
        if (source->transactional)
            spec.attributes |= BATCH_TRANSACTIONAL;
    }
    wr_init(&w, 16 << 20);
    batch_builder_init(&builder);
    need(batch_builder_start(&builder, &spec, &w), "build");
    for (int i = 0; i < count; i++) {
        char key[32], value[256];
        struct batch_record record = { .offset = i, .timestamp = now_ms++ };
        int n = snprintf(key, sizeof key, "k%d", i);

        if (i % 5 != 4)
            record.key = bytes_make(key, (size_t)n);
        n = snprintf(value, sizeof value, "value-%lld-%0*d",
                     (long long)log_end_offset(log), 10 + i % 90, i);
        if (i % 7 != 6)
            record.value = bytes_make(value, (size_t)n);
        batch_builder_add(&builder, &record);
    }
    need(batch_builder_finish(&builder, NULL), "build");
    batch_builder_fini(&builder);
    append(log, &w, LOG_CLIENT);
    wr_fini(&w);
}

static void append_marker(struct log *log, bool commit, struct source *source)
{
    struct wr w;

    wr_init(&w, 4096);
    batch_write_marker(&w, commit, source->producer_id, source->epoch, 5,
                       now_ms++);
    append(log, &w, LOG_COORDINATOR);
    wr_fini(&w);
}

static struct log *logs[3];

static void open_logs(const char *path)
{
    open_dir(path);
    logs[0] = open_log("plain", 30000);
    logs[1] = open_log("idem", 20000);
    logs[2] = open_log("txn", 20000);
}

static void write_all(int64_t first_id)
{
    struct source idem[3], txn[4];

    for (int i = 0; i < 200; i++)
        append_records(logs[0], 1 + i % 17, (enum codec)(i % 5), NULL);
    for (int i = 0; i < 3; i++)
        idem[i] = (struct source){ first_id + i, (int16_t)i, 0, false };
    for (int i = 0; i < 150; i++)
        append_records(logs[1], 1 + i % 3, (enum codec)(i % 5), &idem[i % 3]);
    for (int i = 0; i < 4; i++)
        txn[i] = (struct source){ first_id + 100 + i, 0, 0, true };
    for (int i = 0; i < 300; i++) {
        struct source *source = &txn[(i * 7) % 4];

        append_records(logs[2], 1 + i % 4, (enum codec)(i % 5), source);
        if (i % 5 == 4)
            append_marker(logs[2], i % 3 == 0, source);
        if (i == 200)
            txn[3].epoch++, txn[3].sequence = 0,
                            append_marker(logs[2], false, &txn[3]);
    }
    append_marker(logs[2], true, &txn[0]);
    append_marker(logs[2], false, &txn[1]);
}

static void stop(void)
{
    for (int i = 0; i < 3; i++)
        need(log_close(&logs[i], &why), "close");
    need(log_dir_close(&dir, true, &why), "close");
    seg_files_free(&files);
}

/* -- reading
 * ----------------------------------------------------------------------- */

static void print_bytes(const char *name, struct bytes b)
{
    if (!bytes_is_null(b))
        printf(" %s=%.*s", name, BYTES_ARG(b));
}

static void print_batch(const struct batch *batch)
{
    struct batch_reader reader;
    struct batch_record record;
    enum err err;

    if (batch_is_control(&batch->header)) {
        struct batch_marker marker;

        need(batch_marker_find(batch->bytes, &marker), "marker");
        printf("marker offset=%lld producer=%lld type=%d\n",
               (long long)batch->header.base_offset,
               (long long)batch->header.producer_id, marker.type);
        return;
    }
    batch_reader_init(&reader);
    need(batch_reader_start(&reader, batch->bytes, 1 << 30), "batch");
    while ((err = batch_reader_next(&reader, &record)) == ERR_OK) {
        printf("record offset=%lld time=%lld", (long long)record.offset,
               (long long)record.timestamp);
        print_bytes("key", record.key);
        print_bytes("value", record.value);
        printf("\n");
    }
    batch_reader_fini(&reader);
    need(err == ERR_ABSENT ? ERR_OK : err, "record");
}

static void print_records(struct log *log)
{
    int64_t offset = log_start_offset(log), end = log_end_offset(log);

    while (offset < end) {
        struct log_plan plan;
        struct batch_iter iter;
        struct batch batch;
        uint8_t *bytes;
        size_t n;

        need(log_read(log, offset, end, 1 << 20, LOG_READ_ONE, &plan, &why),
             "read");
        if (plan.file == NULL)
            break;
        bytes = mem_need(plan.length);
        need(log_plan_load(log, &plan, bytes, &n, &why), "load");
        seg_file_unref(&plan.file);
        iter = batch_iter_make(bytes_make(bytes, n));
        while (batch_iter_next(&iter, &batch) == ERR_OK) {
            need(batch_check(batch.bytes), "crc");
            print_batch(&batch);
            offset = batch_next_offset(&batch.header);
        }
        mem_free(bytes);
    }
}

static void print_facts(struct log *log)
{
    struct log_aborted *aborted;
    struct log_producer *producers;
    struct arena arena;
    char id[UUID_TEXT_LEN + 1];
    size_t n;

    arena_init(&arena, 64 << 20);
    uuid_to_text(log_topic_id(log), id);
    log_high_watermark_set(log, log_end_offset(log));
    printf("log start=%lld end=%lld stable=%lld epoch=%d id=%s\n",
           (long long)log_start_offset(log), (long long)log_end_offset(log),
           (long long)log_last_stable(log), log_epoch_latest(log), id);
    need(log_aborted_find(log, 0, log_end_offset(log), &arena, &aborted, &n,
                          &why),
         "aborted");
    for (size_t i = 0; i < n; i++)
        printf("aborted producer=%lld first=%lld\n",
               (long long)aborted[i].producer_id,
               (long long)aborted[i].first_offset);
    need(log_producers(log, &arena, &producers, &n), "producers");
    for (size_t i = 0; i < n; i++)
        printf("producer id=%lld epoch=%d sequence=%d coordinator=%d txn=%lld "
               "time=%lld\n",
               (long long)producers[i].producer_id, producers[i].epoch,
               producers[i].last_sequence, producers[i].coordinator_epoch,
               (long long)producers[i].txn_first_offset,
               (long long)producers[i].last_timestamp);
    arena_fini(&arena);
}

static void read_all(const char *path)
{
    const struct log_dir_entry *entries;
    struct log_config config;
    size_t n;

    open_dir(path);
    log_config_init(&config);
    config.producer_expiration_ms = INT32_MAX;
    entries = log_dir_entries(dir, &n);
    for (size_t i = 0; i < n; i++) {
        struct log *log;

        need(log_open(&log, dir, entries[i].topic, entries[i].partition,
                      LOG_OPEN_EXISTING, &config, start_ms, &why),
             entries[i].name);
        printf("partition %s\n", entries[i].name);
        print_records(log);
        print_facts(log);
        log_abandon(&log);
    }
    need(log_dir_close(&dir, false, &why), "close");
    seg_files_free(&files);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: logwork write|kill|read DIR\n");
        return 2;
    }
    if (strcmp(argv[1], "read") == 0) {
        read_all(argv[2]);
        return 0;
    }
    open_logs(argv[2]);
    write_all(strcmp(argv[1], "kill") == 0 ? 5000 : 1000);
    if (strcmp(argv[1], "kill") == 0) {
        fflush(stdout);
        _exit(0);
    }
    stop();
    return 0;
}
