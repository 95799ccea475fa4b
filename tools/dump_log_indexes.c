/* dump_log_indexes.c - kafka-dump-log of indexes and snapshots. */
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "seg/log_private.h"
#include "seg/snapshot.h"
#include "tools/dump_log.h"
#include "wire/rd.h"

/* The whole file in memory; freed with mem_free(). */
static bool load(const struct dump_file *file, struct bytes *content)
{
    size_t size = (size_t)file->size, got = 0;
    uint8_t *at = size <= INT32_MAX ? mem_try(size > 0 ? size : 1) : NULL;

    if (at != NULL &&
        io_read(fs_real(), file->fd, at, size, 0, &got) == ERR_OK) {
        *content = bytes_make(at, got);
        return true;
    }
    mem_free(at);
    fprintf(stderr, "%s: cannot be read\n", file->path);
    return false;
}

static void release(struct bytes content)
{
    mem_free((void *)(uintptr_t)content.at);
}

struct offset_entry {
    int64_t offset;
    int64_t position;
};

static struct offset_entry offset_at(struct bytes index, int64_t base, size_t i)
{
    struct rd r = rd_make(bytes_make(index.at + i * INDEX_ENTRY, INDEX_ENTRY));
    int32_t relative = rd_i32(&r);

    return (struct offset_entry){ base + relative, rd_i32(&r) };
}

static bool sane(const struct dump_file *file, struct bytes content,
                 size_t entry, int64_t last_offset)
{
    if (content.len % entry != 0 ||
        (content.len > 0 && last_offset < file->base)) {
        fprintf(stderr,
                "Corrupt index found, index file (%s): length %zu, last offset "
                "%" PRId64 ", base offset %" PRId64 "\n",
                file->path, content.len, last_offset, file->base);
        return false;
    }
    printf("%s passed sanity check.\n", file->path);
    return true;
}

static bool check_offsets(const struct dump *dump, const struct dump_file *file,
                          const struct dump_file *log, struct bytes index)
{
    struct dump_batch b = { .position = 0 };
    bool bad = false;
    char head[4096];

    snprintf(head, sizeof head, "Mismatches in :%s", file->path);
    for (size_t i = 0; i < index.len / INDEX_ENTRY; i++) {
        struct offset_entry entry = offset_at(index, file->base, i);

        if (entry.offset == file->base && i > 0)
            break; /* zeros of a file that was set aside */
        b.position = entry.position;
        if (entry.position < 0 ||
            !dump_batch_read(log, &b, entry.position + dump->max_message,
                             &bad)) {
            fprintf(stderr, "%s: no batch at position %" PRId64 "\n", log->path,
                    entry.position);
            bad = true;
            break;
        }
        if (batch_last_offset(&b.batch.header) != entry.offset)
            dump_complain(dump->complaints, head,
                          "  Index offset: %" PRId64 ", log offset: %" PRId64,
                          entry.offset, batch_last_offset(&b.batch.header));
        if (!dump->verify_only)
            printf("offset: %" PRId64 " position: %" PRId64 "\n", entry.offset,
                   entry.position);
    }
    mem_free(b.bytes);
    return !bad;
}

bool dump_index_file(const struct dump *dump, const struct dump_file *file)
{
    struct dump_file log;
    struct bytes index;
    size_t n;
    bool ok;

    if (!dump_open_beside(&log, file, ".log"))
        return false;
    ok = load(file, &index);
    if (!ok) {
        dump_close(&log);
        return false;
    }
    n = index.len / INDEX_ENTRY;
    if (n == 0)
        printf("%s is empty.\n", file->path);
    else if (dump->sanity_only)
        ok = sane(file, index, INDEX_ENTRY,
                  offset_at(index, file->base, n - 1).offset);
    else
        ok = check_offsets(dump, file, &log, index);
    release(index);
    dump_close(&log);
    return ok;
}

/* -- time index
 * -------------------------------------------------------------------- */

struct time_file {
    const struct dump_file *file;
    struct dump_file log;
    struct bytes index; /* of offsets */
    struct bytes times;
};

static int64_t position_of(const struct time_file *t, int64_t offset)
{
    int64_t position = 0;

    for (size_t i = 0; i < t->index.len / INDEX_ENTRY; i++) {
        struct offset_entry entry = offset_at(t->index, t->file->base, i);

        if (entry.offset > offset || (entry.offset == t->file->base && i > 0))
            break;
        position = entry.position;
    }
    return position;
}

static int64_t largest_time(const struct batch *batch)
{
    struct batch_reader reader;
    struct batch_record record;
    int64_t largest = LOG_NO_TIMESTAMP;

    batch_reader_init(&reader);
    if (batch_reader_start(&reader, batch->bytes, UINT64_C(1) << 32) == ERR_OK)
        while (batch_reader_next(&reader, &record) == ERR_OK)
            if (record.timestamp > largest)
                largest = record.timestamp;
    batch_reader_fini(&reader);
    return largest;
}

static bool check_time(const struct dump *dump, const struct time_file *t,
                       int64_t timestamp, int64_t offset, int64_t before)
{
    static const char missing[] =
        "The following indexed offsets are not found in the log.";
    struct dump_batch b = { .position = position_of(t, offset) };
    bool bad = false, there = false;
    char head[4096];
    int64_t largest;

    while (!there && dump_batch_read(&t->log, &b, INT64_MAX, &bad)) {
        there = batch_last_offset(&b.batch.header) >= offset;
        if (!there)
            b.position += (int64_t)batch_size(&b.batch.header);
    }
    if (!there || batch_last_offset(&b.batch.header) != offset) {
        dump_complain(dump->complaints, missing,
                      "Indexed offset: %" PRId64 ", found log offset: %" PRId64,
                      offset, there ? batch_last_offset(&b.batch.header) : -1);
    } else {
        largest = largest_time(&b.batch);
        if (largest != timestamp) {
            snprintf(head, sizeof head, "Found timestamp mismatch in :%s",
                     t->file->path);
            dump_complain(dump->complaints, head,
                          "  Index timestamp: %" PRId64
                          ", log timestamp: %" PRId64,
                          timestamp, largest);
        }
        if (before >= timestamp) {
            snprintf(head, sizeof head, "Found out of order timestamp in :%s",
                     t->file->path);
            dump_complain(dump->complaints, head,
                          "  Index timestamp: %" PRId64
                          ", Previously indexed timestamp: %" PRId64,
                          timestamp, before);
        }
    }
    mem_free(b.bytes);
    return !bad;
}

static bool check_times(const struct dump *dump, const struct time_file *t)
{
    int64_t before = LOG_NO_TIMESTAMP;

    for (size_t i = 0; i < t->times.len / TIME_ENTRY; i++) {
        struct rd r =
            rd_make(bytes_make(t->times.at + i * TIME_ENTRY, TIME_ENTRY));
        int64_t timestamp = rd_i64(&r), offset = t->file->base + rd_i32(&r);

        if (offset == t->file->base && i > 0)
            break;
        if (!check_time(dump, t, timestamp, offset, before))
            return false;
        if (!dump->verify_only)
            printf("timestamp: %" PRId64 " offset: %" PRId64 "\n", timestamp,
                   offset);
        before = timestamp;
    }
    return true;
}

static bool sane_times(const struct time_file *t)
{
    size_t n = t->times.len / TIME_ENTRY;
    int64_t first, last = 0, offset = t->file->base;
    struct rd r;

    if (n > 0) {
        r = rd_make(bytes_make(t->times.at, TIME_ENTRY));
        first = rd_i64(&r);
        r = rd_make(bytes_make(t->times.at + (n - 1) * TIME_ENTRY, TIME_ENTRY));
        last = rd_i64(&r);
        offset += rd_i32(&r);
        if (last < first) {
            fprintf(stderr,
                    "Corrupt time index found, time index file (%s): the last "
                    "timestamp is %" PRId64 ", the first one %" PRId64 "\n",
                    t->file->path, last, first);
            return false;
        }
    }
    return sane(t->file, t->times, TIME_ENTRY, offset);
}

bool dump_time_index_file(const struct dump *dump, const struct dump_file *file)
{
    struct time_file t = { .file = file };
    struct dump_file index;
    bool ok = false;

    if (!dump_open_beside(&t.log, file, ".log"))
        return false;
    if (!dump_open_beside(&index, file, ".index"))
        goto close_log;
    if (!load(&index, &t.index))
        goto close_index;
    if (load(file, &t.times)) {
        ok = dump->sanity_only ? sane_times(&t) : check_times(dump, &t);
        release(t.times);
    }
    release(t.index);
close_index:
    dump_close(&index);
close_log:
    dump_close(&t.log);
    return ok;
}

/* -- transactions and producers
 * ------------------------------------------------------ */

bool dump_txn_index_file(const struct dump_file *file)
{
    struct txn_entry entry;
    struct bytes content;
    bool ok = load(file, &content);

    if (!ok)
        return false;
    for (size_t i = 0; ok && i < content.len / TXN_ENTRY; i++) {
        ok = txn_entry_read(content.at + i * TXN_ENTRY, &entry) == ERR_OK;
        if (ok)
            printf("version: 0 producerId: %" PRId64 " firstOffset: %" PRId64
                   " lastOffset: %" PRId64 " lastStableOffset: %" PRId64 "\n",
                   entry.producer_id, entry.first_offset, entry.last_offset,
                   entry.last_stable);
        else
            fprintf(stderr, "%s: entry %zu has an unknown version\n",
                    file->path, i);
    }
    release(content);
    return ok;
}

static void print_producer(void *context, const struct producer *p)
{
    char txn[48] = "OptionalLong.empty";

    (void)context;
    if (p->txn_first_offset >= 0)
        snprintf(txn, sizeof txn, "OptionalLong[%" PRId64 "]",
                 p->txn_first_offset);
    printf("producerId: %" PRId64 " producerEpoch: %d coordinatorEpoch: %d "
           "currentTxnFirstOffset: %s lastTimestamp: %" PRId64 " ",
           p->id, p->epoch, p->coordinator_epoch, txn, p->last_timestamp);
    if (p->n_batches > 0) {
        const struct producer_batch *b = &p->batches[0];

        printf("firstSequence: %d lastSequence: %d lastOffset: %" PRId64
               " offsetDelta: %d timestamp: %" PRId64,
               producer_first_sequence(b), b->last_sequence, b->last_offset,
               b->offset_delta, b->timestamp);
    }
    printf("\n");
}

bool dump_snapshot_file(const struct dump_file *file)
{
    struct bytes content;
    enum err err;

    if (!load(file, &content))
        return false;
    err = snapshot_each(content, print_producer, NULL);
    if (err != ERR_OK)
        fprintf(stderr, "%s: %s\n", file->path, err_words(err));
    release(content);
    return true;
}
