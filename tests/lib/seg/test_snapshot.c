/* test_snapshot.c - producer state as a file, byte for byte. */
#include "seg/snapshot.h"

#include "tests/support/unit.h"

static struct producers producers;
static struct wr w;

static void one(int64_t id, int16_t epoch, int32_t sequence, int64_t offset,
                int64_t txn)
{
    struct producer p = { .id = id,
                          .epoch = epoch,
                          .coordinator_epoch = 2,
                          .last_timestamp = 5000,
                          .txn_first_offset = txn,
                          .n_batches = 1 };

    p.batches[0] = (struct producer_batch){ .last_offset = offset,
                                            .timestamp = 5000,
                                            .last_sequence = sequence,
                                            .offset_delta = 3 };
    producers_put(&producers, &p);
}

START_TEST(the_bytes_are_kafkas)
{
    static const uint8_t entry[] = {
        0,    0,    0,    1,                            /* count */
        0,    0,    0,    0,    0,    0,    0,    7,    /* producer id */
        0,    4,                                        /* epoch */
        0,    0,    0,    9,                            /* last sequence */
        0,    0,    0,    0,    0,    0,    0,    100,  /* last offset */
        0,    0,    0,    3,                            /* offset delta */
        0,    0,    0,    0,    0,    0,    0x13, 0x88, /* timestamp */
        0,    0,    0,    2,                            /* coordinator epoch */
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
    };

    producers_init(&producers);
    wr_init(&w, 1 << 20);
    one(7, 4, 9, 100, LOG_NO_OFFSET);
    snapshot_write(&w, &producers);
    ck_assert_uint_eq(w.len, SNAPSHOT_HEAD + SNAPSHOT_ENTRY);
    ck_assert_mem_eq(w.data, "\0\1", 2);
    ck_assert_mem_eq(w.data + 6, entry, sizeof entry);
    producers_fini(&producers);
    wr_fini(&w);
}
END_TEST

START_TEST(what_was_written_is_read)
{
    const struct producer *p;
    struct bytes file;

    producers_init(&producers);
    wr_init(&w, 1 << 20);
    for (int i = 0; i < 200; i++)
        one(i, 1, i, i * 10, i % 2 ? i * 10 - 3 : LOG_NO_OFFSET);
    snapshot_write(&w, &producers);
    producers_clear(&producers);
    file = bytes_make(w.data, w.len);
    ck_assert_err(snapshot_read(file, 5001, 1000, &producers), ERR_OK);
    ck_assert_uint_eq(producers.map.count, 200);
    p = producers_find(&producers, 33);
    ck_assert_int_eq(p->batches[0].last_sequence, 33);
    ck_assert_int_eq(p->txn_first_offset, 327);
    ck_assert_int_eq(producers_first_unstable(&producers), 7);
    /* Expired ones stay out, unless their transaction is open. */
    producers_clear(&producers);
    ck_assert_err(snapshot_read(file, 6000, 1000, &producers), ERR_OK);
    ck_assert_uint_eq(producers.map.count, 100);
    producers_fini(&producers);
    wr_fini(&w);
}
END_TEST

START_TEST(damage_is_found_at_every_byte)
{
    producers_init(&producers);
    wr_init(&w, 1 << 20);
    one(7, 4, 9, 100, LOG_NO_OFFSET);
    snapshot_write(&w, &producers);
    producers_clear(&producers);
    for (size_t i = 0; i < w.len; i++) {
        w.data[i] ^= 1;
        ck_assert_int_ne(
            snapshot_read(bytes_make(w.data, w.len), 5001, 1000, &producers),
            ERR_OK);
        w.data[i] ^= 1;
        ck_assert_int_ne(
            snapshot_read(bytes_make(w.data, i), 5001, 1000, &producers),
            ERR_OK);
        ck_assert_uint_eq(producers.map.count, 0);
    }
    producers_fini(&producers);
    wr_fini(&w);
}
END_TEST

UNIT_MAIN("snapshot", the_bytes_are_kafkas, what_was_written_is_read,
          damage_is_found_at_every_byte)
