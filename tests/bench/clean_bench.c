/* clean_bench.c - how fast a log is compacted.
 *
 *     clean_bench DIR write RECORDS KEYS [VALUE_BYTES]   make DIR/bench-0
 *     clean_bench DIR clean [MAP_MIB]                    compact it
 *
 * Records of 1 KB with random keys, 16 in a batch, segments of 1 GiB. Prints
 * "name value" lines: megabytes of log compacted each second (map and copy
 * together, as Apache Kafka's cleaner counts it), rounds, the largest resident
 * memory. Build with libseg:
 *
 *     gcc -std=gnu11 -D_GNU_SOURCE -O2 -Ilib -Ibuild/gen -o clean_bench \
 *         tests/bench/clean_bench.c -Lbuild -lseg -Wl,-rpath,$PWD/build
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "seg/clean.h"
#include "seg/seg.h"

enum { BATCH = 16 };

static struct errmsg why;

static void must(enum err err, const char *what)
{
    if (err == ERR_OK)
        return;
    fprintf(stderr, "%s: %s %s\n", what, err_name(err), why.text);
    exit(1);
}

static int64_t now_us(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static uint64_t random_next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void add(struct batch_builder *builder, int i, uint64_t key,
                uint8_t *value, size_t size, uint64_t *state)
{
    struct batch_record record = { .offset = i,
                                   .timestamp = now_us(CLOCK_REALTIME) / 1000 };
    char text[32];

    record.key =
        bytes_make(text, (size_t)snprintf(text, sizeof text, "key-%012llu",
                                          (unsigned long long)key));
    for (size_t at = 0; at + 8 <= size && at < 64; at += 8) {
        uint64_t noise = random_next(state);

        memcpy(value + at, &noise, 8);
    }
    record.value = bytes_make(value, size);
    batch_builder_add(builder, &record);
}

static void write_log(struct log *log, uint64_t records, uint64_t keys,
                      size_t size)
{
    struct batch_spec spec = batch_spec_make();
    struct batch_builder builder;
    uint8_t *value = calloc(1, size);
    uint64_t state = 1;
    struct wr w;

    wr_init(&w, SIZE_MAX);
    batch_builder_init(&builder);
    for (uint64_t done = 0; done < records; done += BATCH) {
        struct log_append set = { .origin = LOG_CLIENT };
        struct log_append *sets[] = { &set };

        w.len = 0;
        must(batch_builder_start(&builder, &spec, &w), "batch");
        for (int i = 0; i < BATCH; i++)
            add(&builder, i, random_next(&state) % keys, value, size, &state);
        must(batch_builder_finish(&builder, NULL), "batch");
        set.at = w.data;
        set.size = w.len;
        must(
            log_append(log, sets, 1, now_us(CLOCK_REALTIME) / 1000, NULL, &why),
            "append");
        must(set.err, "append");
    }
    must(log_roll(log, now_us(CLOCK_REALTIME) / 1000, &why), "roll");
    printf("MB %.1f\n", (double)log_size(log) / 1e6);
    batch_builder_fini(&builder);
    wr_fini(&w);
    free(value);
}

static void clean_log(struct log *log, size_t map_bytes)
{
    struct log_clean_options options = { .map_bytes = map_bytes,
                                         .map_load = 0.9 };
    struct log_clean_range range;
    struct log_clean_stats stats;
    double bytes = 0, map = 0, kept = 0;
    struct rusage usage;
    int64_t began, took, cpu;
    int rounds = 0;

    log_high_watermark_set(log, log_end_offset(log));
    began = now_us(CLOCK_MONOTONIC);
    cpu = now_us(CLOCK_PROCESS_CPUTIME_ID);
    for (;;) {
        int64_t now = now_us(CLOCK_REALTIME) / 1000;

        must(log_clean_range_find(log, now, &range, &why), "range");
        if (range.first_dirty >= range.uncleanable)
            break;
        must(log_clean(log, &range, &options, now, &stats, &why), "clean");
        bytes += (double)stats.bytes_read;
        map += (double)stats.map_bytes;
        kept += (double)stats.bytes_kept;
        rounds++;
    }
    took = now_us(CLOCK_MONOTONIC) - began;
    cpu = now_us(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    getrusage(RUSAGE_SELF, &usage);
    printf("MB_per_s %.1f\n", bytes / (double)took);
    printf("seconds %.2f\ncpu_seconds %.2f\n", (double)took / 1e6,
           (double)cpu / 1e6);
    printf("MB_mapped %.1f\nMB_read %.1f\nMB_kept %.1f\n", map / 1e6,
           bytes / 1e6, kept / 1e6);
    printf("rounds %d\nmax_rss_MB %.1f\n", rounds,
           (double)usage.ru_maxrss / 1024);
}

int main(int argc, char **argv)
{
    struct seg_files *files = seg_files_new(fs_real(), 64);
    struct log_config config;
    struct log_dir *dir;
    struct log *log;
    int64_t now = now_us(CLOCK_REALTIME) / 1000;

    if (argc < 3 || (strcmp(argv[2], "write") == 0 && argc < 5)) {
        fprintf(stderr, "usage: clean_bench DIR write RECORDS KEYS "
                        "[VALUE_BYTES] | clean [MAP_MIB]\n");
        return 2;
    }
    log_config_init(&config);
    config.cleanup_delete = false;
    config.cleanup_compact = true;
    config.file_delete_delay_ms = 0;
    must(log_dir_open(&dir, fs_real(), files, argv[1], &why), "directory");
    must(log_open(&log, dir, BYTES("bench"), 0, LOG_OPEN_CREATE, &config, now,
                  &why),
         "log");
    log_dir_loaded(dir);
    if (strcmp(argv[2], "write") == 0)
        write_log(log, strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10),
                  argc > 5 ? strtoull(argv[5], NULL, 10) : 1000);
    else
        clean_log(log, (argc > 3 ? strtoull(argv[3], NULL, 10) : 128) << 20);
    must(log_close(&log, &why), "close");
    (void)log_dir_sweep(dir, INT64_MAX);
    must(log_dir_close(&dir, true, &why), "close");
    seg_files_free(&files);
    return 0;
}
