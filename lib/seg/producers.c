/* producers.c - the rules of idempotence and transactions on a partition. */
#include "seg/producers.h"

#include "base/list.h"
#include "base/mem.h"

void producers_init(struct producers *producers)
{
    memset(producers, 0, sizeof *producers);
}

void producers_clear(struct producers *producers)
{
    struct map_link *link = map_next(&producers->map, NULL);

    while (link != NULL) {
        struct map_link *next = map_next(&producers->map, link);

        mem_free(CONTAINER_OF(link, struct producer, link));
        link = next;
    }
    map_fini(&producers->map);
    mem_free(producers->open.items);
    mem_free(producers->closed.items);
    producers->open = producers->closed = (struct txns){ NULL, 0, 0 };
}

void producers_fini(struct producers *producers)
{
    producers_clear(producers);
}

static bool id_is(const struct map_link *link, const void *key)
{
    return CONTAINER_OF(link, struct producer, link)->id ==
           *(const int64_t *)key;
}

static uint64_t id_hash(const struct producers *producers, int64_t id)
{
    return map_hash_int((uint64_t)id, producers->map.seed);
}

struct producer *producers_find(const struct producers *producers, int64_t id)
{
    struct map_link *link;

    if (producers->map.count == 0)
        return NULL;
    link = map_find(&producers->map, id_hash(producers, id), id_is, &id);
    return link == NULL ? NULL : CONTAINER_OF(link, struct producer, link);
}

/* The map is born with its first producer: most partitions have none. */
static struct producer *producer_new(struct producers *producers, int64_t id)
{
    struct producer *producer = mem_need(sizeof *producer);

    if (producers->map.chains == NULL)
        map_init(&producers->map);
    producer->id = id;
    producer->epoch = BATCH_NO_EPOCH;
    producer->coordinator_epoch = -1;
    producer->last_timestamp = LOG_NO_TIMESTAMP;
    producer->txn_first_offset = LOG_NO_OFFSET;
    map_put(&producers->map, &producer->link, id_hash(producers, id));
    return producer;
}

/* -- transactions by first offset
 * ---------------------------------------------- */

static void txns_add(struct txns *txns, struct txn txn)
{
    uint32_t at = txns->n;

    if (txns->n == txns->size) {
        txns->size = txns->size == 0 ? 4 : txns->size * 2;
        txns->items =
            mem_need_more(txns->items, txns->size, sizeof *txns->items);
    }
    while (at > 0 && txns->items[at - 1].first_offset > txn.first_offset) {
        txns->items[at] = txns->items[at - 1];
        at--;
    }
    txns->items[at] = txn;
    txns->n++;
}

static void txns_remove(struct txns *txns, uint32_t at)
{
    txns->n--;
    for (uint32_t i = at; i < txns->n; i++)
        txns->items[i] = txns->items[i + 1];
    if (txns->n == 0) {
        mem_free(txns->items);
        *txns = (struct txns){ NULL, 0, 0 };
    }
}

static void txns_remove_first_offset(struct txns *txns, int64_t first_offset)
{
    for (uint32_t i = 0; i < txns->n; i++)
        if (txns->items[i].first_offset == first_offset) {
            txns_remove(txns, i);
            return;
        }
}

int64_t producers_first_unstable(const struct producers *producers)
{
    int64_t first = LOG_NO_OFFSET;

    if (producers->open.n > 0)
        first = producers->open.items[0].first_offset;
    if (producers->closed.n > 0 &&
        (first < 0 || producers->closed.items[0].first_offset < first))
        first = producers->closed.items[0].first_offset;
    return first;
}

void producers_stable(struct producers *producers, int64_t offset)
{
    uint32_t i = 0;

    while (i < producers->closed.n)
        if (producers->closed.items[i].last_offset < offset)
            txns_remove(&producers->closed, i);
        else
            i++;
}

/* -- check
 * ----------------------------------------------------------------------- */

int32_t producer_first_sequence(const struct producer_batch *batch)
{
    if (batch->last_sequence == BATCH_NO_SEQUENCE)
        return BATCH_NO_SEQUENCE;
    /* Before 0 comes 2147483647. */
    return (int32_t)(((uint32_t)batch->last_sequence -
                      (uint32_t)batch->offset_delta) &
                     0x7fffffffu);
}

static const struct producer_batch *
find_duplicate(const struct producer *producer,
               const struct batch_header *header)
{
    if (header->producer_epoch != producer->epoch)
        return NULL;
    for (uint8_t i = 0; i < producer->n_batches; i++) {
        const struct producer_batch *batch = &producer->batches[i];

        if (producer_first_sequence(batch) == header->base_sequence &&
            batch->last_sequence == batch_last_sequence(header))
            return batch;
    }
    return NULL;
}

static bool follows(int32_t last, int32_t next)
{
    return next == (int64_t)last + 1 || (next == 0 && last == INT32_MAX);
}

static enum err check_sequence(const struct producer *producer,
                               const struct batch_header *header)
{
    int32_t last = BATCH_NO_SEQUENCE;

    if (producer->epoch == BATCH_NO_EPOCH)
        return ERR_OK;
    if (header->producer_epoch != producer->epoch)
        return header->base_sequence == 0 ? ERR_OK : ERR_SEQUENCE;
    if (producer->n_batches > 0)
        last = producer->batches[producer->n_batches - 1].last_sequence;
    return follows(last, header->base_sequence) ? ERR_OK : ERR_SEQUENCE;
}

static enum err check_marker(const struct producer *producer,
                             const struct txn_marker *marker)
{
    if (marker->present &&
        producer->coordinator_epoch > marker->coordinator_epoch)
        return ERR_CONFLICT;
    return ERR_OK;
}

enum err producers_check(const struct producers *producers,
                         const struct batch_header *header,
                         const struct txn_marker *marker,
                         enum log_origin origin, struct producer_batch *old)
{
    const struct producer *producer;
    const struct producer_batch *duplicate;
    enum err err;

    if (!batch_has_producer(header))
        return ERR_OK;
    producer = producers_find(producers, header->producer_id);
    if (producer == NULL)
        return ERR_OK;
    if (origin == LOG_CLIENT) {
        duplicate = find_duplicate(producer, header);
        if (duplicate != NULL) {
            *old = *duplicate;
            return ERR_DUPLICATE;
        }
    }
    if (origin != LOG_REPLICA && header->producer_epoch < producer->epoch)
        return ERR_FENCED;
    if (batch_is_control(header))
        return origin == LOG_REPLICA ? ERR_OK : check_marker(producer, marker);
    if (origin == LOG_CLIENT) {
        err = check_sequence(producer, header);
        if (err != ERR_OK)
            return err;
    }
    if (producer->txn_first_offset >= 0 && !batch_is_transactional(header))
        return ERR_TXN_STATE;
    return ERR_OK;
}

/* -- apply
 * ----------------------------------------------------------------------- */

static void set_epoch(struct producer *producer, int16_t epoch)
{
    if (producer->epoch == epoch)
        return;
    producer->epoch = epoch;
    producer->n_batches = 0;
}

static void add_batch(struct producer *producer,
                      const struct batch_header *header)
{
    if (producer->n_batches == PRODUCER_BATCHES) {
        memmove(&producer->batches[0], &producer->batches[1],
                (PRODUCER_BATCHES - 1) * sizeof producer->batches[0]);
        producer->n_batches--;
    }
    producer->batches[producer->n_batches++] = (struct producer_batch){
        .last_offset = batch_last_offset(header),
        .timestamp = header->max_timestamp,
        .last_sequence = batch_last_sequence(header),
        .offset_delta = header->last_offset_delta,
    };
}

static void apply_data(struct producers *producers, struct producer *producer,
                       const struct batch_header *header)
{
    set_epoch(producer, header->producer_epoch);
    add_batch(producer, header);
    producer->last_timestamp = header->max_timestamp;
    if (batch_is_transactional(header) && producer->txn_first_offset < 0) {
        producer->txn_first_offset = header->base_offset;
        txns_add(&producers->open, (struct txn){ header->base_offset,
                                                 LOG_NO_OFFSET, producer->id });
    }
}

/* The LSO after the marker: the first offset of the oldest transaction of any
 * other producer, or what follows the marker. */
static int64_t stable_after(const struct producers *producers, int64_t id,
                            int64_t marker_offset)
{
    for (uint32_t i = 0; i < producers->open.n; i++)
        if (producers->open.items[i].producer_id != id)
            return producers->open.items[i].first_offset;
    return marker_offset + 1;
}

static void apply_marker(struct producers *producers, struct producer *producer,
                         const struct batch_header *header,
                         const struct txn_marker *marker,
                         struct txn_completed *completed)
{
    if (producer->txn_first_offset >= 0) {
        *completed = (struct txn_completed){
            .present = true,
            .abort = marker->abort,
            .producer_id = producer->id,
            .first_offset = producer->txn_first_offset,
            .last_offset = header->base_offset,
            .last_stable =
                stable_after(producers, producer->id, header->base_offset),
        };
        txns_remove_first_offset(&producers->open, producer->txn_first_offset);
        txns_add(&producers->closed,
                 (struct txn){ producer->txn_first_offset, header->base_offset,
                               producer->id });
    }
    set_epoch(producer, header->producer_epoch);
    producer->coordinator_epoch = marker->coordinator_epoch;
    producer->txn_first_offset = LOG_NO_OFFSET;
    producer->last_timestamp = marker->timestamp;
}

void producers_apply(struct producers *producers,
                     const struct batch_header *header,
                     const struct txn_marker *marker,
                     struct txn_completed *completed)
{
    struct producer *producer;

    *completed = (struct txn_completed){ .present = false };
    if (!batch_has_producer(header))
        return;
    if (batch_is_control(header) && !marker->present)
        return;
    producer = producers_find(producers, header->producer_id);
    if (producer == NULL)
        producer = producer_new(producers, header->producer_id);
    if (batch_is_control(header))
        apply_marker(producers, producer, header, marker, completed);
    else
        apply_data(producers, producer, header);
}

void producers_put(struct producers *producers, const struct producer *from)
{
    struct producer *producer = producers_find(producers, from->id);
    struct map_link link;

    if (producer == NULL)
        producer = producer_new(producers, from->id);
    else if (producer->txn_first_offset >= 0)
        txns_remove_first_offset(&producers->open, producer->txn_first_offset);
    link = producer->link;
    *producer = *from;
    producer->link = link;
    if (from->txn_first_offset >= 0)
        txns_add(&producers->open, (struct txn){ from->txn_first_offset,
                                                 LOG_NO_OFFSET, from->id });
}

/* -- expiry
 * ---------------------------------------------------------------------- */

bool producer_is_expired(const struct producer *producer, int64_t now_ms,
                         int64_t expire_ms)
{
    return producer->txn_first_offset < 0 &&
           now_ms - producer->last_timestamp >= expire_ms;
}

void producers_expire(struct producers *producers, int64_t now_ms,
                      int64_t expire_ms)
{
    struct producer **gone;
    size_t n = 0;

    if (producers->map.count == 0)
        return;
    /* Removing reorders the table: collect first. */
    gone = mem_need_array(producers->map.count, sizeof *gone);
    for (struct map_link *link = map_next(&producers->map, NULL); link != NULL;
         link = map_next(&producers->map, link)) {
        struct producer *producer = CONTAINER_OF(link, struct producer, link);

        if (producer_is_expired(producer, now_ms, expire_ms))
            gone[n++] = producer;
    }
    while (n > 0) {
        n--;
        map_remove(&producers->map, &gone[n]->link);
        mem_free(gone[n]);
    }
    mem_free(gone);
}

/* -- markers
 * --------------------------------------------------------------------- */

/* Inflated bytes of a control batch: its one record has a few. */
enum { MARKER_LIMIT = 64 * 1024 };

enum err txn_marker_read(const struct batch *batch, struct txn_marker *marker)
{
    struct batch_reader reader;
    struct batch_record record;
    struct batch_marker end;
    enum err err;

    *marker = (struct txn_marker){ .present = false };
    if (!batch_is_control(&batch->header) || batch->header.count == 0)
        return ERR_OK;
    batch_reader_init(&reader);
    err = batch_reader_start(&reader, batch->bytes, MARKER_LIMIT);
    if (err == ERR_OK)
        err = batch_reader_next(&reader, &record);
    if (err == ERR_OK)
        err = batch_marker_read(&record, &end);
    if (err == ERR_OK &&
        (end.type == BATCH_ABORT || end.type == BATCH_COMMIT)) {
        marker->present = true;
        marker->abort = end.type == BATCH_ABORT;
        marker->coordinator_epoch = end.coordinator_epoch;
        marker->timestamp = record.timestamp;
    }
    batch_reader_fini(&reader);
    return err == ERR_ABSENT ? ERR_OK : err;
}
