/* clean_filter.c - what compaction keeps of a batch.
 *
 * A batch is read once to decide; when it must be written anew, once more. The
 * decisions wait in a bit for each record, so that a compressed batch needs no
 * memory for its records.
 */
#include "seg/clean_filter.h"

#include "base/mem.h"

/* Inflated bytes that one batch may have. */
#define INFLATE_MOST (UINT64_C(1) << 31)

void clean_filter_init(struct clean_filter *filter)
{
    *filter = (struct clean_filter){ .keep = NULL };
    map_init(&filter->tails);
    batch_reader_init(&filter->reader);
    batch_builder_init(&filter->builder);
    msgset_builder_init(&filter->old_builder);
}

/* -- tails --------------------------------------------------------------------
 */

static void tails_clear(struct clean_filter *filter)
{
    struct map_link *link = map_next(&filter->tails, NULL);

    while (link != NULL) {
        struct map_link *next = map_next(&filter->tails, link);

        map_remove(&filter->tails, link);
        mem_free(CONTAINER_OF(link, struct clean_tail, link));
        link = next;
    }
}

void clean_filter_fini(struct clean_filter *filter)
{
    tails_clear(filter);
    map_fini(&filter->tails);
    batch_reader_fini(&filter->reader);
    batch_builder_fini(&filter->builder);
    msgset_builder_fini(&filter->old_builder);
    mem_free(filter->keep);
}

void clean_filter_tails(struct clean_filter *filter,
                        const struct producers *producers)
{
    tails_clear(filter);
    map_fini(&filter->tails);
    map_init(&filter->tails);
    for (struct map_link *link = map_next(&producers->map, NULL); link != NULL;
         link = map_next(&producers->map, link)) {
        const struct producer *p = CONTAINER_OF(link, struct producer, link);
        struct clean_tail *tail = mem_need(sizeof *tail);

        tail->producer_id = p->id;
        tail->epoch = p->epoch;
        tail->last_offset = p->n_batches > 0
                                ? p->batches[p->n_batches - 1].last_offset
                                : LOG_NO_OFFSET;
        map_put(&filter->tails, &tail->link,
                map_hash_int((uint64_t)p->id, filter->tails.seed));
    }
}

static bool tail_is(const struct map_link *link, const void *key)
{
    return CONTAINER_OF(link, struct clean_tail, link)->producer_id ==
           *(const int64_t *)key;
}

/* Whether a live producer's sequence or epoch hangs on this batch. */
static bool is_tail(const struct clean_filter *filter,
                    const struct batch_header *h)
{
    const struct clean_tail *tail;
    struct map_link *link;

    if (!batch_has_producer(h))
        return false;
    link = map_find(&filter->tails,
                    map_hash_int((uint64_t)h->producer_id, filter->tails.seed),
                    tail_is, &h->producer_id);
    if (link == NULL)
        return false;
    tail = CONTAINER_OF(link, struct clean_tail, link);
    if (tail->last_offset >= 0)
        return batch_last_offset(h) == tail->last_offset;
    return batch_is_control(h) && h->producer_epoch == tail->epoch;
}

/* -- deciding -----------------------------------------------------------------
 */

/* Whether tombstones of the batch stay that are the last of their key. */
static bool keeps_tombstones(const struct clean_filter *f,
                             const struct batch_header *h)
{
    if (h->magic < 2)
        return f->keep_old_deletes;
    return (h->attributes & BATCH_DELETE_HORIZON) == 0 ||
           f->now_ms < batch_delete_horizon(h);
}

/* What the pass over a batch found. */
struct verdict {
    uint64_t kept;
    bool rewrite;    /* not all stays as it is */
    bool tombstones; /* among what stays */
};

/* Room for one more decision: to drop it. */
static enum err keep_room(struct clean_filter *f, size_t i)
{
    if (i / 8 >= f->keep_size) {
        size_t size = f->keep_size == 0 ? 256 : f->keep_size * 2;
        uint8_t *more = mem_try_more(f->keep, size, 1);

        if (more == NULL)
            return ERR_NOMEM;
        f->keep = more;
        f->keep_size = size;
    }
    if (i % 8 == 0)
        f->keep[i / 8] = 0;
    return ERR_OK;
}

static void keep_note(struct clean_filter *f, struct verdict *v, size_t i,
                      bool tombstone)
{
    f->keep[i / 8] |= (uint8_t)(1u << i % 8);
    v->kept++;
    v->tombstones |= tombstone;
}

static bool keep_noted(const struct clean_filter *f, size_t i)
{
    return (f->keep[i / 8] >> i % 8) & 1;
}

/* Judge what waits for it. */
static void decide(struct clean_filter *f, const struct batch_header *h,
                   struct verdict *v)
{
    for (unsigned i = 0; i < f->n_doubts; i++) {
        const struct clean_doubt *doubt = &f->doubts[i];

        if (doubt->offset >= clean_map_get(f->map, &doubt->key) &&
            (!doubt->tombstone || keeps_tombstones(f, h)))
            keep_note(f, v, doubt->at, doubt->tombstone);
        else
            v->rewrite = true;
    }
    f->n_doubts = 0;
}

/* Judge the i-th record of a batch, or have it wait. */
static void judge_record(struct clean_filter *f, const struct batch_header *h,
                         const struct batch_record *record, size_t i,
                         struct verdict *v)
{
    bool tombstone = bytes_is_null(record->value);

    if (batch_is_control(h) || record->offset > f->map->latest) {
        keep_note(f, v, i, tombstone);
    } else if (bytes_is_null(record->key)) {
        f->no_key++;
        v->rewrite = true;
    } else {
        f->doubts[f->n_doubts++] =
            (struct clean_doubt){ .key = clean_map_key(f->map, record->key),
                                  .offset = record->offset,
                                  .at = i,
                                  .tombstone = tombstone };
        if (f->n_doubts == CLEAN_AHEAD)
            decide(f, h, v);
    }
}

static enum err judge(struct clean_filter *f, const struct batch *batch,
                      struct verdict *v)
{
    const struct batch_header *h = &batch->header;
    struct batch_record record;
    size_t i = 0;
    enum err err = batch_reader_start(&f->reader, batch->bytes, INFLATE_MOST);

    *v = (struct verdict){ .kept = 0 };
    f->n_doubts = 0;
    while (err == ERR_OK) {
        err = batch_reader_next(&f->reader, &record);
        if (err == ERR_OK)
            err = keep_room(f, i);
        if (err != ERR_OK)
            break;
        judge_record(f, h, &record, i++, v);
        /* A wrapper that holds messages of another magic (an old bug of
         * Apache Kafka's) is put right. */
        v->rewrite |= h->magic < 2 && record.magic != h->magic;
    }
    decide(f, h, v);
    f->records_read += i;
    f->records_kept += v->kept;
    return err == ERR_ABSENT ? ERR_OK : err;
}

/* -- writing ------------------------------------------------------------------
 */

static enum err write_new(struct clean_filter *f, const struct batch *batch,
                          int64_t new_horizon, struct wr *out,
                          struct clean_kept *kept)
{
    struct batch_spec spec = batch_spec_like(&batch->header);
    struct batch_record record;
    struct batch_header header;
    enum err err;

    if (new_horizon >= 0) {
        spec.attributes |= BATCH_DELETE_HORIZON;
        spec.delete_horizon = new_horizon;
    }
    err = batch_reader_start(&f->reader, batch->bytes, INFLATE_MOST);
    if (err == ERR_OK)
        err = batch_builder_start(&f->builder, &spec, out);
    for (size_t i = 0; err == ERR_OK; i++) {
        err = batch_reader_next(&f->reader, &record);
        if (err == ERR_OK && keep_noted(f, i))
            batch_builder_add(&f->builder, &record);
    }
    if (err != ERR_ABSENT)
        return err;
    err = batch_builder_finish(&f->builder, &header);
    if (err != ERR_OK)
        return err;
    kept->last_offset = batch_last_offset(&header);
    kept->max_timestamp = header.max_timestamp;
    return ERR_OK;
}

static enum err write_old(struct clean_filter *f, const struct batch *batch,
                          struct wr *out, struct clean_kept *kept)
{
    const struct batch_header *h = &batch->header;
    struct msgset_builder *builder = &f->old_builder;
    struct batch_record record;
    enum err err = batch_reader_start(&f->reader, batch->bytes, INFLATE_MOST);

    if (err == ERR_OK)
        err = msgset_builder_start(builder, h->magic, batch_codec(h),
                                   batch_has_append_time(h), h->max_timestamp,
                                   out);
    for (size_t i = 0; err == ERR_OK; i++) {
        err = batch_reader_next(&f->reader, &record);
        if (err == ERR_OK && keep_noted(f, i))
            msgset_builder_add(builder, &record);
    }
    if (err != ERR_ABSENT)
        return err;
    err = msgset_builder_finish(builder);
    kept->last_offset = builder->last_offset;
    kept->max_timestamp =
        batch_has_append_time(h) ? h->max_timestamp : builder->max_timestamp;
    return err;
}

static enum err write_empty(const struct batch *batch, struct wr *out,
                            struct clean_kept *kept)
{
    struct batch_header like = batch->header;

    /* There is nothing left that a horizon could be about. */
    like.attributes &= ~BATCH_DELETE_HORIZON;
    batch_write_empty(out, &like);
    kept->any = true;
    kept->last_offset = batch_last_offset(&like);
    /* The time index leads to records: it must not lead here. */
    kept->max_timestamp = BATCH_NO_TIMESTAMP;
    return out->err;
}

static int64_t horizon_of(const struct clean_filter *f)
{
    int64_t horizon;

    return __builtin_add_overflow(f->now_ms, f->delete_retention_ms, &horizon)
               ? INT64_MAX
               : horizon;
}

enum err clean_filter_batch(struct clean_filter *f, const struct batch *batch,
                            struct wr *out, struct clean_kept *kept)
{
    const struct batch_header *h = &batch->header;
    bool control = batch_is_control(h), needless, drop;
    struct verdict v;
    enum err err = ERR_OK;

    *kept = (struct clean_kept){ .last_offset = batch_last_offset(h),
                                 .max_timestamp = h->max_timestamp };
    if (control)
        err = clean_txns_control(f->txns, batch, &needless, &kept->has_entry,
                                 &kept->entry);
    else
        needless = clean_txns_data(f->txns, h);
    if (err != ERR_OK)
        return err;
    drop = needless;
    if (control) /* one that ends nothing stays until its horizon */
        drop = needless && (h->attributes & BATCH_DELETE_HORIZON) != 0 &&
               batch_delete_horizon(h) <= f->now_ms;
    if (drop) {
        f->records_read += h->count > 0 ? (uint64_t)h->count : 0;
        return is_tail(f, h) ? write_empty(batch, out, kept) : ERR_OK;
    }
    err = judge(f, batch, &v);
    if (err != ERR_OK)
        return err;
    if (v.kept == 0)
        return is_tail(f, h) ? write_empty(batch, out, kept) : ERR_OK;
    kept->any = true;
    if (h->magic < 2 && v.rewrite)
        return write_old(f, batch, out, kept);
    if (h->magic >= 2 && (h->attributes & BATCH_DELETE_HORIZON) == 0 &&
        (v.tombstones || (control && needless)))
        return write_new(f, batch, horizon_of(f), out, kept);
    if (v.rewrite)
        return write_new(f, batch, LOG_NO_TIMESTAMP, out, kept);
    wr_raw(out, batch->bytes.at, batch->bytes.len);
    return out->err;
}
