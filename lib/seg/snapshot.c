/* snapshot.c - producer state as a file. */
#include "seg/snapshot.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/mem.h"
#include "wire/rd.h"

enum { SNAPSHOT_VERSION = 1, CRC_FROM = 6 };

static int by_id(const void *a, const void *b)
{
    const struct producer *const *x = a, *const *y = b;

    return ((*x)->id > (*y)->id) - ((*x)->id < (*y)->id);
}

static void write_entry(struct wr *w, const struct producer *producer)
{
    struct producer_batch none = { .last_offset = LOG_NO_OFFSET,
                                   .last_sequence = BATCH_NO_SEQUENCE };
    const struct producer_batch *last =
        producer->n_batches > 0 ? &producer->batches[producer->n_batches - 1]
                                : &none;

    wr_i64(w, producer->id);
    wr_i16(w, producer->epoch);
    wr_i32(w, last->last_sequence);
    wr_i64(w, last->last_offset);
    wr_i32(w, last->offset_delta);
    wr_i64(w, producer->last_timestamp);
    wr_i32(w, producer->coordinator_epoch);
    wr_i64(w, producer->txn_first_offset);
}

void snapshot_write(struct wr *w, const struct producers *producers)
{
    size_t start = w->len, n = 0, count = producers->map.count;
    const struct producer **sorted = NULL;

    wr_i16(w, SNAPSHOT_VERSION);
    wr_i32(w, 0);
    wr_i32(w, (int32_t)count);
    if (count > 0) {
        sorted = mem_need_array(count, sizeof *sorted);
        for (struct map_link *link = map_next(&producers->map, NULL);
             link != NULL; link = map_next(&producers->map, link))
            sorted[n++] = CONTAINER_OF(link, struct producer, link);
        qsort(sorted, n, sizeof *sorted, by_id);
        for (size_t i = 0; i < n; i++)
            write_entry(w, sorted[i]);
        mem_free(sorted);
    }
    if (w->err == ERR_OK)
        wr_patch_i32(
            w, start + 2,
            (int32_t)codec_crc32c(0, bytes_make(w->data + start + CRC_FROM,
                                                w->len - start - CRC_FROM)));
}

static void read_entry(struct rd *r, struct producer *producer)
{
    struct producer_batch *batch = &producer->batches[0];

    memset(producer, 0, sizeof *producer);
    producer->id = rd_i64(r);
    producer->epoch = rd_i16(r);
    batch->last_sequence = rd_i32(r);
    batch->last_offset = rd_i64(r);
    batch->offset_delta = rd_i32(r);
    producer->last_timestamp = rd_i64(r);
    producer->coordinator_epoch = rd_i32(r);
    producer->txn_first_offset = rd_i64(r);
    if (producer->txn_first_offset < 0)
        producer->txn_first_offset = LOG_NO_OFFSET;
    batch->timestamp = producer->last_timestamp;
    producer->n_batches = batch->last_offset >= 0 ? 1 : 0;
}

enum err snapshot_each(struct bytes file, snapshot_each_fn *each, void *context)
{
    struct rd r = rd_make(file);
    int16_t version = rd_i16(&r);
    uint32_t crc = rd_u32(&r);
    size_t count = rd_count(&r, false, SNAPSHOT_ENTRY, INT32_MAX, NULL);

    if (r.err == ERR_SHORT && file.len >= SNAPSHOT_HEAD)
        return ERR_FORMAT;
    if (r.err != ERR_OK)
        return r.err;
    if (version != SNAPSHOT_VERSION)
        return ERR_VERSION;
    if (crc !=
        codec_crc32c(0, bytes_make(file.at + CRC_FROM, file.len - CRC_FROM)))
        return ERR_CORRUPT;
    for (size_t i = 0; i < count; i++) {
        struct producer producer;

        read_entry(&r, &producer);
        each(context, &producer);
    }
    return ERR_OK;
}

struct put_sink {
    struct producers *producers;
    int64_t now_ms;
    int64_t expire_ms;
};

static void put_each(void *context, const struct producer *producer)
{
    struct put_sink *sink = context;

    if (!producer_is_expired(producer, sink->now_ms, sink->expire_ms))
        producers_put(sink->producers, producer);
}

enum err snapshot_read(struct bytes file, int64_t now_ms, int64_t expire_ms,
                       struct producers *producers)
{
    struct put_sink sink = { producers, now_ms, expire_ms };

    return snapshot_each(file, put_each, &sink);
}
