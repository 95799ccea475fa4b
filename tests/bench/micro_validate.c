/* micro_validate.c - what checking a produced batch costs, CRC and records.
 *
 *     make build/tests/bench/micro_validate && build/tests/bench/micro_validate
 *
 * For records of 100 B and 1 KB of value, in batches of about 1 MB and 16 KB:
 * nanoseconds a record and CPU milliseconds a GB, for the CRC alone, for the
 * whole of validate_records(), and for the same with append time (which makes
 * the CRC anew). Compressed batches are inflated, as they must be.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "seg/validate.h"

static double cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

struct subject {
    struct wr batch;
    int count;
    double bytes; /* of records, not compressed */
};

static void subject_make(struct subject *s, enum codec codec, size_t value_len,
                         size_t batch_len)
{
    struct batch_spec spec = batch_spec_make();
    struct batch_builder b;
    uint8_t value[1024];

    for (size_t i = 0; i < sizeof value; i++)
        value[i] = (uint8_t)("the quick brown fox"[i % 19] ^ (i % 37 == 0));
    wr_init(&s->batch, 64 << 20);
    s->count = (int)(batch_len / value_len);
    spec.attributes = (int16_t)codec;
    batch_builder_init(&b);
    if (batch_builder_start(&b, &spec, &s->batch) != ERR_OK)
        abort();
    for (int i = 0; i < s->count; i++) {
        struct batch_record record = { .offset = i,
                                       .timestamp = 1700000000000 + i / 10,
                                       .key = BYTES("key-12345"),
                                       .value = bytes_make(value, value_len) };

        value[i % (int)value_len] = (uint8_t)(i * 7);
        batch_builder_add(&b, &record);
    }
    if (batch_builder_finish(&b, NULL) != ERR_OK)
        abort();
    s->bytes = (double)b.inflated;
    batch_builder_fini(&b);
}

enum what { CRC, VALIDATE, APPEND_TIME };

static void measure(struct subject *s, enum what what)
{
    struct validate_rules rules = validate_rules_make();
    struct validate_result result;
    struct validator validator;
    struct arena arena;
    struct wr rewrite;
    double rounds = 0, start;

    rules.max_message_bytes = 64 << 20;
    rules.now_ms = 1700000000000;
    validator_init(&validator);
    arena_init(&arena, 1 << 20);
    wr_init(&rewrite, 0);
    start = cpu_ns();
    while (cpu_ns() - start < 4e8) {
        for (int i = 0; i < 10; i++) {
            enum err err = ERR_OK;

            if (what == CRC) {
                err = batch_check(bytes_make(s->batch.data, s->batch.len));
            } else {
                if (what == APPEND_TIME) /* the time moves on */
                    batch_patch_times(s->batch.data, s->batch.len,
                                      (int16_t)(s->batch.data[22] & 7),
                                      (int64_t)rounds);
                rules.append_time = what == APPEND_TIME;
                err = validate_records(&validator, &rules, s->batch.data,
                                       s->batch.len, &arena, &rewrite, &result);
            }
            if (err != ERR_OK)
                abort();
        }
        rounds += 10;
    }
    double ns = (cpu_ns() - start) / rounds;
    printf("  %-12s %8.2f ns/record %8.1f ms/GB\n",
           what == CRC        ? "crc"
           : what == VALIDATE ? "validate"
                              : "append time",
           ns / s->count, ns / s->bytes * 1e3);
    validator_fini(&validator);
    arena_fini(&arena);
    wr_fini(&rewrite);
}

int main(void)
{
    static const size_t batches[] = { 16384, 1000000 };
    static const size_t values[] = { 100, 1000 };

    for (int codec = 0; codec <= CODEC_MOST; codec++) {
        for (size_t i = 0; i < 4; i++) {
            struct subject s;

            if (codec != CODEC_NONE && i != 3)
                continue;
            subject_make(&s, (enum codec)codec, values[i % 2], batches[i / 2]);
            printf("%s, %d records of %zu bytes, batch of %zu\n",
                   codec_name((enum codec)codec), s.count, values[i % 2],
                   s.batch.len);
            measure(&s, CRC);
            measure(&s, VALIDATE);
            if (codec == CODEC_NONE)
                measure(&s, APPEND_TIME);
            wr_fini(&s.batch);
        }
    }
    return 0;
}
