/* dump_log_batches.c - kafka-dump-log of a .log file. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "codec/codec.h"
#include "seg/seg_io.h"
#include "tools/dump_log.h"

/* Inflated bytes of one batch. */
#define INFLATE_MOST (UINT64_C(1) << 32)

bool dump_batch_read(const struct dump_file *file, struct dump_batch *batch,
                     int64_t end, bool *bad)
{
    uint8_t head[BATCH_HEADER];
    size_t got, size;
    int8_t magic;
    enum err err;

    mem_free(batch->bytes);
    batch->bytes = NULL;
    end = end < file->size ? end : file->size;
    if (end - batch->position < BATCH_PREFIX)
        return false;
    size = end - batch->position < (int64_t)sizeof head
               ? (size_t)(end - batch->position)
               : sizeof head;
    err = io_read(fs_real(), file->fd, head, size, batch->position, &got);
    if (err == ERR_OK)
        err = batch_peek(bytes_make(head, got), &size, &magic);
    /* What is not all there is the end, whatever it is. */
    if (err == ERR_SHORT || ((err == ERR_OK || err == ERR_VERSION) &&
                             (int64_t)size > end - batch->position))
        return false;
    if (err == ERR_OK)
        err = batch_header_read(bytes_make(head, got), &batch->batch.header);
    if (err == ERR_OK) {
        batch->bytes = mem_try(size);
        err = batch->bytes == NULL ? ERR_NOMEM
                                   : io_read(fs_real(), file->fd, batch->bytes,
                                             size, batch->position, &got);
        if (err == ERR_OK && got == size) {
            batch->batch.bytes = bytes_make(batch->bytes, size);
            return true;
        }
    }
    fflush(stdout);
    fprintf(stderr, "%s: at byte %" PRId64 ": %s\n", file->path,
            batch->position, err_words(err));
    *bad = true;
    return false;
}

static const char *time_type(const struct batch_header *h)
{
    return h->magic == 0              ? "NoTimestampType"
           : batch_has_append_time(h) ? "LogAppendTime"
                                      : "CreateTime";
}

static const char *codec_name_of(const struct batch_header *h)
{
    static const char *const names[] = { "none", "gzip", "snappy", "lz4",
                                         "zstd" };
    int codec = (int)batch_codec(h);

    return codec < 5 ? names[codec] : "unknown";
}

static void print_batch(const struct dump_batch *b)
{
    const struct batch_header *h = &b->batch.header;
    char horizon[48] = "OptionalLong.empty";

    if (batch_delete_horizon(h) != BATCH_NO_TIMESTAMP)
        snprintf(horizon, sizeof horizon, "OptionalLong[%" PRId64 "]",
                 batch_delete_horizon(h));
    if (h->magic >= 2)
        printf("baseOffset: %" PRId64 " lastOffset: %" PRId64 " count: %d "
               "baseSequence: %d lastSequence: %d producerId: %" PRId64
               " producerEpoch: %d partitionLeaderEpoch: %d "
               "isTransactional: %s isControl: %s deleteHorizonMs: %s",
               h->base_offset, batch_last_offset(h), h->count, h->base_sequence,
               batch_last_sequence(h), h->producer_id, h->producer_epoch,
               h->leader_epoch, batch_is_transactional(h) ? "true" : "false",
               batch_is_control(h) ? "true" : "false", horizon);
    else
        printf("offset: %" PRId64, batch_last_offset(h));
    printf(" position: %" PRId64 " %s: %" PRId64 " size: %zu magic: %d "
           "compresscodec: %s crc: %" PRIu32 " isvalid: %s\n",
           b->position, time_type(h), h->max_timestamp, batch_size(h), h->magic,
           codec_name_of(h), h->crc,
           batch_check(b->batch.bytes) == ERR_OK ? "true" : "false");
}

/* Length of the UTF-8 character at `b`; when it is none, 0, and `*bad` says how
 * many bytes stand for one replacement character. */
static size_t utf8_length(struct bytes b, size_t *bad)
{
    uint8_t c = b.at[0], low = 0x80, high = 0xbf;
    size_t n = c < 0x80   ? 1
               : c < 0xc2 ? 0
               : c < 0xe0 ? 2
               : c < 0xf0 ? 3
               : c < 0xf5 ? 4
                          : 0;

    *bad = 1;
    if (n < 2)
        return n;
    low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : low;
    high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : high;
    for (size_t i = 1; i < n; i++) {
        *bad = i;
        if (i >= b.len || b.at[i] < low || b.at[i] > high)
            return 0;
        low = 0x80;
        high = 0xbf;
    }
    return n;
}

/* Print bytes as Java prints a string made of them. */
static void print_text(struct bytes b)
{
    while (b.len > 0) {
        size_t bad, n = utf8_length(b, &bad);

        if (n > 0) {
            fwrite(b.at, 1, n, stdout);
        } else {
            fputs("\xef\xbf\xbd", stdout);
            n = bad;
        }
        b = bytes_make(b.at + n, b.len - n);
    }
}

static void print_headers(const struct batch_record *record)
{
    struct bytes left = record->headers, key, value;

    printf(" headerKeys: [");
    for (int32_t i = 0; i < record->n_headers; i++) {
        if (batch_record_header(&left, &key, &value) != ERR_OK)
            break;
        fputs(i > 0 ? "," : "", stdout);
        print_text(key);
    }
    printf("]");
}

/* The CRC of an old message, which the reader does not keep. */
static uint32_t message_crc(const struct batch_record *record)
{
    uint8_t head[10] = { (uint8_t)record->magic, (uint8_t)record->attributes };
    size_t n = 2;
    uint32_t crc;

    if (record->magic == 1) {
        uint64_t time = htobe64((uint64_t)record->timestamp);

        memcpy(head + 2, &time, 8);
        n = 10;
    }
    crc = codec_crc32(0, bytes_make(head, n));
    for (int i = 0; i < 2; i++) {
        struct bytes b = i == 0 ? record->key : record->value;
        uint32_t len = bytes_is_null(b) ? UINT32_MAX : htobe32((uint32_t)b.len);

        crc = codec_crc32(crc, bytes_make(&len, 4));
        if (b.len > 0)
            crc = codec_crc32(crc, b);
    }
    return crc;
}

static void print_metadata(const struct batch *batch,
                           const struct batch_record *record)
{
    struct batch_marker marker;

    printf("| offset: %" PRId64 " %s: %" PRId64 " keySize: %d valueSize: %d",
           record->offset, time_type(&batch->header), record->timestamp,
           bytes_is_null(record->key) ? -1 : (int)record->key.len,
           bytes_is_null(record->value) ? -1 : (int)record->value.len);
    if (batch->header.magic >= 2) {
        printf(" sequence: %d", record->sequence);
        print_headers(record);
    } else {
        printf(" isValid: true crc: %" PRIu32 "}", message_crc(record));
    }
    if (!batch_is_control(&batch->header) ||
        batch_marker_read(record, &marker) != ERR_OK)
        return;
    if (marker.type == BATCH_ABORT || marker.type == BATCH_COMMIT)
        printf(" endTxnMarker: %s coordinatorEpoch: %d",
               marker.type == BATCH_COMMIT ? "COMMIT" : "ABORT",
               marker.coordinator_epoch);
    else
        printf(" controlType: %s(%d)",
               marker.type == BATCH_LEADER_CHANGE ? "LEADER_CHANGE" : "UNKNOWN",
               marker.type);
}

static void print_record(const struct dump *dump, const struct batch *batch,
                         const struct batch_record *record)
{
    const char *prefix = "| ";

    if (!dump->skip_metadata) {
        print_metadata(batch, record);
        prefix = " ";
    }
    if (dump->print && !batch_is_control(&batch->header)) {
        if (!bytes_is_null(record->key)) {
            printf("%skey: ", prefix);
            print_text(record->key);
        }
        if (!bytes_is_null(record->value)) {
            printf(" payload: ");
            print_text(record->value);
        }
    }
    printf("\n");
}

/* Print the records; `*last` is the offset of the last one before. */
static enum err print_records(const struct dump *dump,
                              const struct dump_file *file,
                              const struct batch *batch, int64_t *last)
{
    struct batch_reader reader;
    struct batch_record record;
    char head[4096];
    enum err err;

    batch_reader_init(&reader);
    err = batch_reader_start(&reader, batch->bytes, INFLATE_MOST);
    while (err == ERR_OK) {
        err = batch_reader_next(&reader, &record);
        if (err != ERR_OK)
            break;
        if (*last != -1 && record.offset != *last + 1) {
            snprintf(head, sizeof head, "Non-consecutive offsets in %s",
                     file->path);
            dump_complain(dump->complaints, head,
                          "  %" PRId64 " is followed by %" PRId64, *last,
                          record.offset);
        }
        *last = record.offset;
        print_record(dump, batch, &record);
    }
    batch_reader_fini(&reader);
    return err == ERR_ABSENT ? ERR_OK : err;
}

bool dump_log_file(const struct dump *dump, const struct dump_file *file)
{
    struct dump_batch b = { .position = 0 };
    int64_t last = -1, trailing;
    bool bad = false;
    enum err err = ERR_OK;

    while (err == ERR_OK && dump_batch_read(file, &b, dump->max_bytes, &bad)) {
        print_batch(&b);
        if (dump->deep)
            err = print_records(dump, file, &b.batch, &last);
        b.position += (int64_t)batch_size(&b.batch.header);
    }
    mem_free(b.bytes);
    if (err != ERR_OK) {
        fflush(stdout);
        fprintf(stderr, "%s: in the batch before byte %" PRId64 ": %s\n",
                file->path, b.position, err_words(err));
    }
    if (err != ERR_OK || bad)
        return false;
    trailing = file->size - b.position;
    if (trailing > 0 && dump->max_bytes == INT32_MAX)
        printf("Found %" PRId64 " invalid bytes at the end of %s\n", trailing,
               file->name);
    return true;
}
