/* test_clean.c - what compaction keeps of a log.
 *
 * A log is written in a small language and read back in it:
 *
 *     "a=1 b=2 c"   records of one batch; c is a tombstone, "=5" has no key
 *     dump          "0:a=1 1:b=2 ..." records that are there, with offsets;
 *                   "!3" an abort marker, "^3" a commit marker at offset 3,
 *                   "(4-6)" an empty batch
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "seg/clean.h"
#include "seg/clean_map.h"
#include "seg/log_private.h"
#include "seg/msgset.h"
#include "tests/support/log_rig.h"
#include "tests/support/unit.h"

static struct log_rig rig;
static struct errmsg why;
static char seen[65536];
static uint64_t bypass_from;

struct how {
    int codec;
    int64_t producer; /* 0: none */
    int32_t sequence;
    int16_t epoch;
    bool transactional;
};

static void start_on(const struct fs *fs)
{
    log_rig_start_on(&rig, fs);
    rig.config.cleanup_compact = true;
    rig.config.cleanup_delete = false;
    rig.config.min_cleanable_dirty_ratio = 0;
    rig.config.delete_retention_ms = 1000;
    rig.config.file_delete_delay_ms = 0;
    log_config_set(rig.log, &rig.config);
}

static void start(void)
{
    start_on(fs_real());
}

/* The next record of the text; false when none is left. */
static bool next_record(const char **at, struct batch_record *record)
{
    const char *p = *at, *end, *equals;

    while (*p == ' ')
        p++;
    if (*p == '\0')
        return false;
    end = strchrnul(p, ' ');
    equals = memchr(p, '=', (size_t)(end - p));
    *record = (struct batch_record){ .timestamp = rig.now_ms };
    record->key = p == equals
                      ? BYTES_NULL
                      : bytes_make(p, (size_t)((equals ? equals : end) - p));
    record->value = equals ? bytes_make(equals + 1, (size_t)(end - equals - 1))
                           : BYTES_NULL;
    *at = end;
    return true;
}

static void append(uint8_t *at, size_t size, enum log_origin origin)
{
    struct log_append set = { .at = at, .size = size, .origin = origin };
    struct log_append *sets[] = { &set };

    ck_assert_err(log_append(rig.log, sets, 1, rig.now_ms, NULL, &why), ERR_OK);
    ck_assert_err(set.err, ERR_OK);
    log_high_watermark_set(rig.log, log_end_offset(rig.log));
}

static void put_as(const char *text, struct how how)
{
    struct batch_spec spec = batch_spec_make();
    struct batch_builder builder;
    struct batch_record record;
    int64_t offset = 0;

    spec.attributes = (int16_t)how.codec;
    if (how.producer != 0) {
        spec.producer_id = how.producer;
        spec.producer_epoch = how.epoch;
        spec.base_sequence = how.sequence;
        if (how.transactional)
            spec.attributes |= BATCH_TRANSACTIONAL;
    }
    rig.batch.len = 0;
    batch_builder_init(&builder);
    ck_assert_err(batch_builder_start(&builder, &spec, &rig.batch), ERR_OK);
    while (next_record(&text, &record)) {
        record.offset = offset++;
        batch_builder_add(&builder, &record);
    }
    ck_assert_err(batch_builder_finish(&builder, NULL), ERR_OK);
    batch_builder_fini(&builder);
    append(rig.batch.data, rig.batch.len, LOG_CLIENT);
}

static void put(const char *text)
{
    put_as(text, (struct how){ .codec = CODEC_NONE });
}

static void end_txn(int64_t producer, bool commit)
{
    rig.batch.len = 0;
    batch_write_marker(&rig.batch, commit, producer, 0, 0, rig.now_ms);
    append(rig.batch.data, rig.batch.len, LOG_COORDINATOR);
}

/* A set of old messages, as a follower gets them. */
static void put_old(const char *text, int8_t magic, int codec)
{
    struct msgset_builder builder;
    struct batch_record record;
    int64_t offset = log_end_offset(rig.log);

    rig.batch.len = 0;
    msgset_builder_init(&builder);
    ck_assert_err(msgset_builder_start(&builder, magic, (enum codec)codec,
                                       false, 0, &rig.batch),
                  ERR_OK);
    while (next_record(&text, &record)) {
        record.offset = offset++;
        msgset_builder_add(&builder, &record);
    }
    ck_assert_err(msgset_builder_finish(&builder), ERR_OK);
    msgset_builder_fini(&builder);
    append(rig.batch.data, rig.batch.len, LOG_REPLICA);
}

static void roll(void)
{
    ck_assert_err(log_roll(rig.log, rig.now_ms, &why), ERR_OK);
}

static struct log_clean_range range_now(void)
{
    struct log_clean_range range;

    ck_assert_err(log_clean_range_find(rig.log, rig.now_ms, &range, &why),
                  ERR_OK);
    return range;
}

static enum err try_clean_with(size_t map_bytes, struct log_clean_stats *stats)
{
    struct log_clean_range range;
    struct log_clean_options options = { .map_bytes = map_bytes,
                                         .map_load = 0.9,
                                         .bypass_from = bypass_from };
    enum err err = log_clean_range_find(rig.log, rig.now_ms, &range, &why);

    return err != ERR_OK
               ? err
               : log_clean(rig.log, &range, &options, rig.now_ms, stats, &why);
}

static struct log_clean_stats clean(void)
{
    struct log_clean_stats stats;
    enum err err = try_clean_with(1 << 20, &stats);

    ck_assert_msg(err == ERR_OK, "%s: %s", err_name(err), why.text);
    return stats;
}

static size_t dump_batch(const struct batch *batch, struct batch_reader *reader,
                         size_t n)
{
    const struct batch_header *h = &batch->header;
    struct batch_marker marker;
    struct batch_record r;

    if (h->count == 0)
        return n + (size_t)sprintf(seen + n, "(%d-%d) ", (int)h->base_offset,
                                   (int)batch_last_offset(h));
    if (batch_is_control(h)) {
        ck_assert_err(batch_marker_find(batch->bytes, &marker), ERR_OK);
        return n + (size_t)sprintf(seen + n, "%s%d ",
                                   marker.type == BATCH_COMMIT ? "^" : "!",
                                   (int)h->base_offset);
    }
    ck_assert_err(batch_reader_start(reader, batch->bytes, 1 << 30), ERR_OK);
    while (batch_reader_next(reader, &r) == ERR_OK) {
        n += (size_t)sprintf(seen + n, "%d:%.*s", (int)r.offset,
                             BYTES_ARG(r.key));
        if (!bytes_is_null(r.value))
            n += (size_t)sprintf(seen + n, "=%.*s", BYTES_ARG(r.value));
        n += (size_t)sprintf(seen + n, " ");
    }
    return n;
}

static const char *dump(void)
{
    size_t size, n = 0;
    uint8_t *all = log_rig_read(&rig, log_start_offset(rig.log), &size);
    struct batch_iter iter = batch_iter_make(bytes_make(all, size));
    struct batch_reader reader;
    struct batch batch;

    seen[0] = '\0';
    batch_reader_init(&reader);
    while (batch_iter_next(&iter, &batch) == ERR_OK)
        n = dump_batch(&batch, &reader, n);
    batch_reader_fini(&reader);
    mem_free(all);
    if (n > 0)
        seen[n - 1] = '\0';
    return seen;
}

/* The first batch of the log. */
static struct batch_header first_batch(void)
{
    size_t size;
    uint8_t *all = log_rig_read(&rig, log_start_offset(rig.log), &size);
    struct batch_header header;

    ck_assert_err(batch_header_read(bytes_make(all, size), &header), ERR_OK);
    mem_free(all);
    return header;
}

#define ck_assert_dump(want) ck_assert_str_eq(dump(), want)

/* -- what stays ---------------------------------------------------------------
 */

START_TEST(the_last_record_of_each_key_stays_at_its_offset)
{
    struct log_clean_stats stats;

    start();
    put("a=1 b=2 c=3");
    put("b=4");
    put("a=5 d=6");
    roll();
    put("d=7");
    stats = clean();
    ck_assert_dump("2:c=3 3:b=4 4:a=5 5:d=6 6:d=7");
    ck_assert_int_eq(stats.next_dirty, 6);
    ck_assert_int_eq(log_end_offset(rig.log), 7);
    ck_assert_uint_eq(stats.records_read, 6);
    ck_assert_uint_eq(stats.records_kept, 4);
    ck_assert_uint_eq(stats.keys, 4);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(the_active_segment_is_never_touched)
{
    start();
    put("a=1");
    put("a=2");
    ck_assert_int_eq(range_now().cleanable_bytes, 0);
    ck_assert_int_eq(clean().next_dirty, 0);
    ck_assert_dump("0:a=1 1:a=2");
    log_rig_stop(&rig);
}
END_TEST

START_TEST(nothing_beyond_the_last_stable_offset_is_touched)
{
    start();
    put("a=1");
    roll();
    put("a=2");
    roll();
    put_as("a=3", (struct how){ .producer = 7, .transactional = true });
    put("a=4");
    roll();
    ck_assert_int_eq(log_last_stable(rig.log), 2);
    ck_assert_int_eq(range_now().uncleanable, 2);
    clean();
    ck_assert_dump("1:a=2 2:a=3 3:a=4");
    log_rig_stop(&rig);
}
END_TEST

START_TEST(records_without_a_key_are_dropped)
{
    struct log_clean_stats stats;

    start();
    put("a=1 =2 =3");
    roll();
    stats = clean();
    ck_assert_dump("0:a=1");
    ck_assert_uint_eq(stats.no_key, 2);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_tombstone_stays_until_its_horizon)
{
    int64_t begin;

    start();
    begin = rig.now_ms;
    put("a=1 b=2");
    put("a");
    roll();
    put("x=1");
    roll();
    clean();
    ck_assert_dump("1:b=2 2:a 3:x=1");
    rig.now_ms += 999;
    put("x=2");
    roll();
    clean();
    ck_assert_dump("1:b=2 2:a 4:x=2");
    rig.now_ms = begin + 1000;
    put("x=3");
    roll();
    clean();
    ck_assert_dump("1:b=2 5:x=3");
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_horizon_is_set_once_and_keeps_timestamps)
{
    struct batch_header h;
    struct batch_record r;
    struct batch_reader reader;
    int64_t begin;
    size_t n;
    uint8_t *all;

    start();
    begin = rig.now_ms;
    put("b=0 a");
    roll();
    rig.now_ms += 10;
    clean();
    h = first_batch();
    ck_assert_int_eq(batch_delete_horizon(&h), begin + 10 + 1000);
    ck_assert_int_eq(h.max_timestamp, begin);
    all = log_rig_read(&rig, 0, &n);
    batch_reader_init(&reader);
    ck_assert_err(batch_reader_start(&reader, bytes_make(all, n), 1 << 20),
                  ERR_OK);
    ck_assert_err(batch_reader_next(&reader, &r), ERR_OK);
    ck_assert_int_eq(r.timestamp, begin);
    batch_reader_fini(&reader);
    mem_free(all);
    rig.now_ms += 10;
    put("b=1");
    roll();
    clean();
    h = first_batch();
    ck_assert_int_eq(batch_delete_horizon(&h), begin + 10 + 1000);
    ck_assert_dump("1:a 2:b=1");
    log_rig_stop(&rig);
}
END_TEST

START_TEST(gaps_and_batch_bounds_are_kept)
{
    struct batch_header h;

    start();
    put("a=1 b=2 c=3 d=4");
    put("a=5 d=6");
    roll();
    clean();
    h = first_batch();
    ck_assert_int_eq(h.base_offset, 0);
    ck_assert_int_eq(h.last_offset_delta, 3);
    ck_assert_int_eq(h.count, 2);
    ck_assert_dump("1:b=2 2:c=3 4:a=5 5:d=6");
    log_rig_stop(&rig);
}
END_TEST

START_TEST(compressed_batches_keep_their_codec)
{
    start();
    for (int codec = CODEC_NONE; codec <= CODEC_ZSTD; codec++)
        put_as("a=1 b=2 c=3 d=4", (struct how){ .codec = codec });
    put("a=9 b=9");
    roll();
    clean();
    ck_assert_dump("18:c=3 19:d=4 20:a=9 21:b=9");
    ck_assert_int_eq(batch_codec(&(struct batch_header){
                         .attributes = first_batch().attributes }),
                     CODEC_ZSTD);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(each_codec_is_written_anew)
{
    char want[64];

    for (int codec = CODEC_NONE; codec <= CODEC_ZSTD; codec++) {
        start();
        put_as("a=1 b=2 c=3", (struct how){ .codec = codec });
        put("b=4");
        roll();
        clean();
        ck_assert_dump("0:a=1 2:c=3 3:b=4");
        snprintf(want, sizeof want, "%d", first_batch().attributes);
        ck_assert_int_eq(atoi(want), codec);
        log_rig_stop(&rig);
    }
}
END_TEST

START_TEST(old_messages_are_compacted_too)
{
    for (int magic = 0; magic < 2; magic++)
        for (int codec = CODEC_NONE; codec <= CODEC_LZ4; codec++) {
            start();
            put_old("a=1 b=2 c=3 d", (int8_t)magic, codec);
            put_old("b=5", (int8_t)magic, codec);
            put("c=6");
            roll();
            clean();
            /* First pass: the tombstone is younger than what was compacted. */
            ck_assert_dump("0:a=1 3:d 4:b=5 5:c=6");
            log_rig_stop(&rig);
        }
}
END_TEST

START_TEST(an_old_tombstone_goes_by_the_time_of_its_file)
{
    start();
    put_old("a=1 d", 1, CODEC_NONE);
    roll();
    put("c=6");
    roll();
    clean();
    ck_assert_dump("0:a=1 1:d 2:c=6");
    /* The compacted part was modified later than the tombstone's segment by
     * more than delete.retention.ms. Merged segments have one time, so the
     * setting is what makes the difference here. */
    rig.config.delete_retention_ms = -1;
    log_config_set(rig.log, &rig.config);
    put("c=7");
    roll();
    clean();
    ck_assert_dump("0:a=1 3:c=7");
    log_rig_stop(&rig);
}
END_TEST

/* -- producers and transactions
 * ------------------------------------------------ */

START_TEST(a_live_producer_keeps_its_last_batch_empty)
{
    struct batch_header h;

    start();
    put_as("a=1", (struct how){ .producer = 5, .sequence = 0 });
    put_as("a=2 a=3", (struct how){ .producer = 5, .sequence = 1 });
    put("a=4");
    roll();
    clean();
    ck_assert_dump("(1-2) 3:a=4");
    h = first_batch();
    ck_assert_int_eq(h.producer_id, 5);
    ck_assert_int_eq(h.base_sequence, 1);
    ck_assert_int_eq(batch_last_sequence(&h), 2);
    ck_assert_int_eq(h.length, BATCH_HEADER - BATCH_OVERHEAD);
    /* The producer goes on, also after a crash that loses the snapshots. */
    log_rig_kill(&rig);
    log_rig_open(&rig);
    put_as("a=5", (struct how){ .producer = 5, .sequence = 3 });
    roll();
    clean();
    ck_assert_dump("4:a=5");
    log_rig_stop(&rig);
}
END_TEST

START_TEST(an_empty_batch_goes_when_the_producer_moved_on)
{
    start();
    put_as("a=1", (struct how){ .producer = 5, .sequence = 0 });
    put("a=2");
    roll();
    clean();
    ck_assert_dump("(0-0) 1:a=2");
    put_as("b=3", (struct how){ .producer = 5, .sequence = 1 });
    roll();
    clean();
    ck_assert_dump("1:a=2 2:b=3");
    log_rig_stop(&rig);
}
END_TEST

static void txn(const char *text, int64_t producer, int32_t sequence,
                bool commit)
{
    put_as(text, (struct how){ .producer = producer,
                               .sequence = sequence,
                               .transactional = true });
    end_txn(producer, commit);
}

START_TEST(aborted_records_go_and_supersede_nothing)
{
    struct log_aborted *aborted;
    struct arena arena;
    size_t n;

    start();
    put("a=1 b=2");
    txn("a=3 c=4", 9, 0, false);
    put("d=5");
    roll();
    clean();
    /* The batch is the producer's last one. */
    ck_assert_dump("0:a=1 1:b=2 (2-3) !4 5:d=5");
    arena_init(&arena, 1 << 20);
    ck_assert_err(log_aborted_find(rig.log, 0, 100, &arena, &aborted, &n, &why),
                  ERR_OK);
    ck_assert_uint_eq(n, 1);
    ck_assert_int_eq(aborted[0].first_offset, 2);
    arena_fini(&arena);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_marker_goes_after_its_records_and_its_horizon)
{
    start();
    txn("a=1", 9, 0, true); /* 0, 1 */
    txn("a=2", 9, 1, true); /* 2, 3 */
    put("a=3");
    roll();
    clean(); /* 0 goes; 2 stays empty, it is the tail */
    ck_assert_dump("^1 (2-2) ^3 4:a=3");
    txn("b=4", 9, 2, true); /* 5, 6 */
    roll();
    clean(); /* nothing is left that 1 ends: it gets a horizon */
    ck_assert_dump("^1 ^3 4:a=3 5:b=4 ^6");
    rig.now_ms += 1000;
    put("c=1");
    roll();
    clean(); /* 1 is past it; 3 gets one */
    ck_assert_dump("^3 4:a=3 5:b=4 ^6 7:c=1");
    rig.now_ms += 1000;
    put("c=2");
    roll();
    clean();
    ck_assert_dump("4:a=3 5:b=4 ^6 8:c=2");
    log_rig_stop(&rig);
}
END_TEST

START_TEST(an_abort_marker_leaves_the_index_with_its_records)
{
    size_t n;
    uint8_t *index;

    start();
    txn("a=1", 9, 0, false);
    txn("b=1", 9, 1, true);
    put("c=5");
    roll();
    clean();
    ck_assert_dump("!1 2:b=1 ^3 4:c=5");
    index = log_rig_file(&rig, 0, ".txnindex", &n);
    ck_assert_ptr_nonnull(index);
    ck_assert_uint_eq(n, 34);
    mem_free(index);
    put("c=6");
    roll();
    clean();
    ck_assert(!log_rig_has(&rig, "00000000000000000000.txnindex"));
    log_rig_stop(&rig);
}
END_TEST

START_TEST(the_last_marker_of_a_producer_keeps_its_epoch)
{
    start();
    txn("a=1", 9, 0, true);
    /* A new epoch: a marker is all there is of it. */
    rig.batch.len = 0;
    batch_write_marker(&rig.batch, false, 9, 1, 0, rig.now_ms);
    append(rig.batch.data, rig.batch.len, LOG_COORDINATOR);
    put("a=2");
    roll();
    clean();
    rig.now_ms += 1000;
    put("b=1");
    roll();
    clean();
    rig.now_ms += 1000;
    put("b=2");
    roll();
    clean();
    ck_assert_dump("(2-2) 3:a=2 5:b=2");
    log_rig_stop(&rig);
}
END_TEST

/* -- ranges and choice
 * ---------------------------------------------------------- */

START_TEST(segments_are_put_together_up_to_their_size)
{
    struct log_segment_fact *facts;
    struct arena arena;
    size_t n;

    start();
    for (int i = 0; i < 10; i++) {
        char text[32];

        snprintf(text, sizeof text, "k%d=1", i);
        put(text);
        roll();
    }
    rig.config.segment_bytes = 300; /* four batches of 75 bytes or so */
    log_config_set(rig.log, &rig.config);
    clean();
    arena_init(&arena, 1 << 20);
    ck_assert_err(log_segment_facts(rig.log, &arena, &facts, &n, &why), ERR_OK);
    ck_assert_uint_eq(n, 4);
    ck_assert_int_eq(facts[1].base, 4);
    ck_assert_int_eq(facts[2].base, 8);
    ck_assert_int_eq(facts[3].base, 10);
    arena_fini(&arena);
    ck_assert_dump("0:k0=1 1:k1=1 2:k2=1 3:k3=1 4:k4=1 5:k5=1 6:k6=1 7:k7=1 "
                   "8:k8=1 9:k9=1");
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_full_map_compacts_in_several_rounds)
{
    struct log_clean_stats stats;
    int rounds = 0;

    start();
    for (int i = 0; i < 100; i++) {
        char text[32];

        snprintf(text, sizeof text, "k%d=%d", i % 50, i);
        put(text);
    }
    roll();
    do {
        ck_assert_err(try_clean_with(24 * 30, &stats), ERR_OK);
        ck_assert_uint_le(stats.keys, 30);
        rounds++;
    } while (stats.next_dirty < 100 && rounds < 20);
    ck_assert_int_eq(rounds, 4); /* 27 keys a round */
    dump();
    ck_assert_ptr_null(strstr(seen, ":k0=0 "));
    ck_assert_int_eq(strncmp(seen, "50:k0=50 51:k1=51", 17), 0);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(the_range_follows_ratio_and_lags)
{
    struct log_clean_range range;

    start();
    put("a=1");
    roll();
    put("a=2");
    roll();
    put("a=3");
    range = range_now();
    ck_assert_int_eq(range.first_dirty, 0);
    ck_assert_int_eq(range.uncleanable, 2);
    ck_assert(log_clean_ratio(&range) > 0.99);
    ck_assert(log_clean_is_due(rig.log, &range));
    clean();
    range = range_now();
    ck_assert_int_eq(range.first_dirty, 2);
    ck_assert_int_eq(range.cleanable_bytes, 0);
    ck_assert(!log_clean_is_due(rig.log, &range));
    /* A third of the log is dirty. */
    put("b=1");
    roll();
    rig.config.min_cleanable_dirty_ratio = 0.9;
    log_config_set(rig.log, &rig.config);
    range = range_now();
    ck_assert(!log_clean_is_due(rig.log, &range));
    rig.config.max_compaction_lag_ms = 50;
    log_config_set(rig.log, &rig.config);
    rig.now_ms += 51;
    range = range_now();
    ck_assert_int_eq(range.overdue_ms, 1);
    ck_assert(log_clean_is_due(rig.log, &range));
    rig.config.min_compaction_lag_ms = 100;
    log_config_set(rig.log, &rig.config);
    range = range_now();
    ck_assert_int_eq(range.cleanable_bytes, 0);
    log_rig_stop(&rig);
}
END_TEST

START_TEST(progress_is_remembered_and_lowered_by_truncation)
{
    start();
    put("a=1");
    put("a=2");
    roll();
    put("a=3");
    roll();
    clean();
    ck_assert_err(log_dir_write_clean_points(rig.dir, &why), ERR_OK);
    log_rig_kill(&rig);
    log_rig_open(&rig);
    log_high_watermark_set(rig.log, 3);
    ck_assert_int_eq(range_now().first_dirty, 3);
    ck_assert_err(log_truncate(rig.log, 2, rig.now_ms, &why), ERR_OK);
    put("b=1");
    put("b=2");
    roll();
    /* What was cut off was compacted; what came instead was not. */
    ck_assert_int_le(range_now().first_dirty, 2);
    clean();
    ck_assert_dump("3:b=2");
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_checkpoint_beyond_the_log_starts_anew)
{
    start();
    put("a=1");
    put("a=2");
    roll();
    atomic_store(&rig.log->clean, 1000);
    ck_assert_int_eq(range_now().first_dirty, 0);
    clean();
    ck_assert_dump("1:a=2");
    log_rig_stop(&rig);
}
END_TEST

static bool two_more(void *context, size_t bytes)
{
    int *left = context;

    ck_assert_uint_gt(bytes, 0);
    return (*left)-- > 0;
}

START_TEST(it_ends_when_told_to)
{
    struct log_clean_stats stats;
    struct log_clean_range range;
    struct log_clean_options options = { .map_bytes = 1 << 20,
                                         .map_load = 0.9 };

    start();
    put("a=1");
    put("a=2");
    roll();
    range = range_now();
    options.go_on = two_more;
    for (int most = 0; most < 4; most++) {
        int left = most;

        options.context = &left;
        ck_assert_err(
            log_clean(rig.log, &range, &options, rig.now_ms, &stats, &why),
            ERR_CLOSED);
        ck_assert(!log_rig_has(&rig, "00000000000000000000.log.cleaned"));
        ck_assert_dump("0:a=1 1:a=2");
    }
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_damaged_batch_is_refused_and_kept)
{
    struct log_clean_stats stats;
    char path[256];
    FILE *file;

    start();
    put("a=1");
    put("a=2");
    roll();
    snprintf(path, sizeof path, "%s/orders-0/%020d.log", rig.path, 0);
    file = fopen(path, "r+");
    ck_assert_int_eq(fseek(file, 70, SEEK_SET), 0);
    ck_assert_int_ne(fputc(0x55, file), EOF);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_err(try_clean_with(1 << 20, &stats), ERR_CORRUPT);
    ck_assert(range_now().refused);
    ck_assert(!log_dir_offline(rig.dir));
    ck_assert(!log_rig_has(&rig, "00000000000000000000.log.cleaned"));
    log_rig_stop(&rig);
}
END_TEST

START_TEST(a_plan_of_before_reads_the_old_file)
{
    struct log_plan plan;
    uint8_t buffer[1024];
    struct batch_header h;
    size_t n;

    start();
    put("a=1 b=1");
    put("a=2");
    roll();
    put("x=1");
    ck_assert_err(log_read(rig.log, 0, 100, 1024, LOG_READ_ONE, &plan, &why),
                  ERR_OK);
    clean();
    ck_assert_err(log_plan_load(rig.log, &plan, buffer, &n, &why), ERR_OK);
    seg_file_unref(&plan.file);
    ck_assert_err(batch_header_read(bytes_make(buffer, n), &h), ERR_OK);
    ck_assert_int_eq(h.count, 2);
    ck_assert_dump("1:b=1 2:a=2 3:x=1");
    log_rig_stop(&rig);
}
END_TEST

START_TEST(indexes_lead_to_what_is_left)
{
    start();
    rig.config.index_interval_bytes = 0;
    log_config_set(rig.log, &rig.config);
    for (int i = 0; i < 300; i++) {
        char text[32];

        snprintf(text, sizeof text, "k%d=%d", i % 7 == 0 ? i : 1, i);
        rig.now_ms++;
        put(text);
        if (i % 100 == 99)
            roll();
    }
    clean();
    for (int reopened = 0; reopened < 2; reopened++) {
        for (int64_t at = 0; at < 300; at++) {
            struct log_plan plan;
            uint8_t buffer[256];
            struct batch_header h;
            size_t n;
            int64_t want = at % 7 == 0 ? at : at - at % 7 + 7;

            want = want > 299 ? 299 : want;
            ck_assert_err(
                log_read(rig.log, at, 300, 256, LOG_READ_ONE, &plan, &why),
                ERR_OK);
            ck_assert_err(log_plan_load(rig.log, &plan, buffer, &n, &why),
                          ERR_OK);
            seg_file_unref(&plan.file);
            ck_assert_err(batch_header_read(bytes_make(buffer, n), &h), ERR_OK);
            ck_assert_int_eq(h.base_offset, want);
        }
        for (int64_t t = 1; t <= 300; t++) {
            struct log_offset found;
            int64_t i = t - 1, want = i % 7 == 0 ? i : i - i % 7 + 7;

            want = want > 299 ? 299 : want;
            ck_assert_err(
                log_offset_by_time(rig.log, rig.now_ms - 300 + t, &found, &why),
                ERR_OK);
            ck_assert_int_eq(found.offset, want);
        }
        log_rig_close(&rig);
        log_rig_open(&rig);
        log_high_watermark_set(rig.log, 300);
    }
    log_rig_stop(&rig);
}
END_TEST

static struct clean_key map_key(const struct clean_map *map, int i)
{
    char text[32];

    snprintf(text, sizeof text, "key %d", i);
    return clean_map_key(map, bytes_of(text));
}

/* A batch of so many keys, over and over. */
static void put_many(int records, int keys)
{
    char text[4096];
    size_t n = 0;

    for (int i = 0; i < records; i++)
        n +=
            (size_t)snprintf(text + n, sizeof text - n, "k%d=%d ", i % keys, i);
    put(text);
}

START_TEST(keys_of_a_large_batch_supersede_each_other)
{
    struct log_clean_stats stats;

    start();
    put_many(200, 90);
    put("k3=new k89=new");
    roll();
    stats = clean();
    ck_assert_uint_eq(stats.keys, 90);
    ck_assert_uint_eq(stats.records_read, 202);
    ck_assert_uint_eq(stats.records_kept, 90);
    dump();
    ck_assert_ptr_nonnull(strstr(seen, "110:k20=110 111:k21=111"));
    ck_assert_ptr_nonnull(strstr(seen, "199:k19=199 200:k3=new 201:k89=new"));
    log_rig_stop(&rig);
}
END_TEST

static int n_direct, n_forgotten;

static int count_direct(const struct fs *fs, int fd, bool on)
{
    n_direct += on;
    return fs_real()->direct(fs, fd, on);
}

static void count_forget(const struct fs *fs, int fd, int64_t position,
                         int64_t n)
{
    n_forgotten++;
    fs_real()->forget(fs, fd, position, n);
}

START_TEST(only_a_large_log_bypasses_the_page_cache)
{
    struct fs fs = *fs_real();
    char small[sizeof seen];

    fs.direct = count_direct;
    fs.forget = count_forget;
    for (int large = 0; large < 2; large++) {
        start_on(&fs);
        put_many(200, 90);
        roll();
        put_many(20, 20);
        roll();
        bypass_from = large ? 1000 : 1000000;
        clean();
        dump();
        log_rig_stop(&rig);
        ck_assert_int_eq(n_direct, large ? 1 : 0);
        ck_assert_int_eq(n_forgotten, large ? 2 : 0);
        if (!large)
            strcpy(small, seen);
    }
    ck_assert_str_eq(seen, small);
}
END_TEST

START_TEST(a_map_finds_what_was_put)
{
    struct clean_map map;
    struct clean_key one_more;

    ck_assert_err(clean_map_init(&map, 24 * 1000, 0.9, UINT64_MAX), ERR_OK);
    ck_assert_uint_eq(map.most, 900);
    for (int i = 0; i < 900; i++) {
        struct clean_key key = map_key(&map, i);

        ck_assert_int_eq(clean_map_get(&map, &key), -1);
        ck_assert(clean_map_put(&map, &key, i));
    }
    one_more = map_key(&map, 900);
    ck_assert(!clean_map_put(&map, &one_more, 900));
    for (int i = 0; i < 900; i++) {
        struct clean_key key = map_key(&map, i);

        ck_assert_int_eq(clean_map_get(&map, &key), i);
    }
    ck_assert_int_eq(map.latest, 899);
    clean_map_fini(&map);
    /* Small when little is to come. */
    ck_assert_err(clean_map_init(&map, (size_t)1 << 30, 0.9, 10), ERR_OK);
    ck_assert_uint_lt(map.n_slots, 20);
    clean_map_fini(&map);
}
END_TEST

UNIT_MAIN("clean", a_map_finds_what_was_put,
          the_last_record_of_each_key_stays_at_its_offset,
          the_active_segment_is_never_touched,
          nothing_beyond_the_last_stable_offset_is_touched,
          records_without_a_key_are_dropped,
          a_tombstone_stays_until_its_horizon,
          a_horizon_is_set_once_and_keeps_timestamps,
          gaps_and_batch_bounds_are_kept, compressed_batches_keep_their_codec,
          each_codec_is_written_anew, old_messages_are_compacted_too,
          an_old_tombstone_goes_by_the_time_of_its_file,
          a_live_producer_keeps_its_last_batch_empty,
          an_empty_batch_goes_when_the_producer_moved_on,
          aborted_records_go_and_supersede_nothing,
          a_marker_goes_after_its_records_and_its_horizon,
          an_abort_marker_leaves_the_index_with_its_records,
          the_last_marker_of_a_producer_keeps_its_epoch,
          segments_are_put_together_up_to_their_size,
          a_full_map_compacts_in_several_rounds,
          the_range_follows_ratio_and_lags,
          progress_is_remembered_and_lowered_by_truncation,
          a_checkpoint_beyond_the_log_starts_anew, it_ends_when_told_to,
          a_damaged_batch_is_refused_and_kept,
          keys_of_a_large_batch_supersede_each_other,
          only_a_large_log_bypasses_the_page_cache,
          a_plan_of_before_reads_the_old_file, indexes_lead_to_what_is_left)
