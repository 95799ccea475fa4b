/* clean_txns.c - transactions while a log is walked for compaction. */
#include "seg/clean_txns.h"

#include <stdlib.h>

#include "base/mem.h"

/* What is known of a producer's transaction at this point of the walk. */
struct open_txn {
    struct map_link link;
    int64_t producer_id;
    bool committed;         /* data was seen outside of an aborted one */
    bool aborted;           /* an aborted one has begun: */
    bool seen;              /* ... and data of it was seen */
    struct txn_entry entry; /* ... which is this one */
};

/* -- loading ------------------------------------------------------------------
 */

struct load {
    struct clean_txns *txns;
    size_t size;
    int64_t from;
    int64_t to;
};

static enum err load_each(void *context, const struct txn_entry *entry)
{
    struct load *load = context;
    struct clean_txns *txns = load->txns;

    if (entry->last_offset >= load->from && entry->first_offset < load->to) {
        if (txns->n_aborted == load->size) {
            size_t size = load->size == 0 ? 16 : load->size * 2;
            void *more =
                mem_try_more(txns->aborted, size, sizeof *txns->aborted);

            if (more == NULL)
                return ERR_NOMEM;
            txns->aborted = more;
            load->size = size;
        }
        txns->aborted[txns->n_aborted++] = *entry;
    }
    return entry->last_stable >= load->to ? ERR_EXISTS : ERR_OK;
}

static int by_first(const void *a, const void *b)
{
    const struct txn_entry *x = a, *y = b;

    return (x->first_offset > y->first_offset) -
           (x->first_offset < y->first_offset);
}

enum err clean_txns_load(struct clean_txns *txns, struct log *log, int64_t from,
                         int64_t to, struct errmsg *why)
{
    struct load load = { .txns = txns, .from = from, .to = to };
    struct segment segment;
    int64_t at = from;
    bool last = false;
    enum err err = ERR_OK;

    *txns = (struct clean_txns){ .next = 0 };
    map_init(&txns->open);
    while (err == ERR_OK && !last) {
        log_segment_of(log, at, &segment, &at, &last);
        if (segment.n_txn != 0)
            err =
                txn_index_each(log, segment.base, false, load_each, &load, why);
    }
    if (err != ERR_OK && err != ERR_EXISTS) {
        clean_txns_fini(txns);
        return err;
    }
    if (txns->n_aborted > 0)
        qsort(txns->aborted, txns->n_aborted, sizeof *txns->aborted, by_first);
    return ERR_OK;
}

void clean_txns_fini(struct clean_txns *txns)
{
    struct map_link *link = map_next(&txns->open, NULL);

    while (link != NULL) {
        struct map_link *next = map_next(&txns->open, link);

        mem_free(CONTAINER_OF(link, struct open_txn, link));
        link = next;
    }
    map_fini(&txns->open);
    mem_free(txns->aborted);
    txns->aborted = NULL;
    txns->n_aborted = 0;
}

/* -- walking ------------------------------------------------------------------
 */

static bool is_producer(const struct map_link *link, const void *key)
{
    return CONTAINER_OF(link, struct open_txn, link)->producer_id ==
           *(const int64_t *)key;
}

static struct open_txn *open_find(const struct clean_txns *txns, int64_t id)
{
    struct map_link *link =
        map_find(&txns->open, map_hash_int((uint64_t)id, txns->open.seed),
                 is_producer, &id);

    return link == NULL ? NULL : CONTAINER_OF(link, struct open_txn, link);
}

static struct open_txn *open_need(struct clean_txns *txns, int64_t id)
{
    struct open_txn *txn = open_find(txns, id);

    if (txn != NULL)
        return txn;
    txn = mem_need(sizeof *txn);
    txn->producer_id = id;
    map_put(&txns->open, &txn->link,
            map_hash_int((uint64_t)id, txns->open.seed));
    return txn;
}

/* Forget a producer of whom nothing is known any more. */
static void open_tidy(struct clean_txns *txns, struct open_txn *txn)
{
    if (txn->committed || txn->aborted)
        return;
    map_remove(&txns->open, &txn->link);
    mem_free(txn);
}

/* Aborted transactions that have begun at or before `offset`. */
static void begin_up_to(struct clean_txns *txns, int64_t offset)
{
    while (txns->next < txns->n_aborted &&
           txns->aborted[txns->next].first_offset <= offset) {
        const struct txn_entry *entry = &txns->aborted[txns->next++];
        struct open_txn *txn = open_need(txns, entry->producer_id);

        if (txn->aborted)
            continue;
        txn->aborted = true;
        txn->seen = false;
        txn->entry = *entry;
    }
}

bool clean_txns_data(struct clean_txns *txns, const struct batch_header *h)
{
    struct open_txn *txn;

    begin_up_to(txns, batch_last_offset(h));
    if (!batch_is_transactional(h))
        return false;
    txn = open_need(txns, h->producer_id);
    if (txn->aborted) {
        txn->seen = true;
        return true;
    }
    txn->committed = true;
    return false;
}

enum err clean_txns_control(struct clean_txns *txns, const struct batch *batch,
                            bool *needless, bool *has_entry,
                            struct txn_entry *entry)
{
    struct txn_marker marker;
    struct open_txn *txn;
    enum err err;

    *needless = false;
    *has_entry = false;
    begin_up_to(txns, batch_last_offset(&batch->header));
    if (batch->header.count == 0) {
        *needless = true; /* emptied by an earlier compaction */
        return ERR_OK;
    }
    err = txn_marker_read(batch, &marker);
    if (err != ERR_OK || !marker.present)
        return err;
    txn = open_find(txns, batch->header.producer_id);
    *needless = true;
    if (txn == NULL)
        return ERR_OK;
    if (marker.abort && txn->aborted) {
        *needless = !txn->seen;
        *has_entry = txn->seen;
        *entry = txn->entry;
        txn->aborted = false;
    } else if (!marker.abort && txn->committed) {
        *needless = false;
        txn->committed = false;
    }
    open_tidy(txns, txn);
    return ERR_OK;
}
