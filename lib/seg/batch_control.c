/* batch_control.c - the records by which transactions end.
 *
 * A control batch holds one record. Its key is two i16: version and type; the
 * value of an abort or commit is an i16 version and an i32 coordinator epoch.
 * Later versions may only add fields behind, so any version is read as 0.
 */
#include "seg/batch.h"

#include "seg/batch_parse.h"
#include "wire/rd.h"

enum err batch_marker_read(const struct batch_record *record,
                           struct batch_marker *marker)
{
    struct rd key = rd_make(record->key);
    struct rd value = rd_make(record->value);

    marker->coordinator_epoch = -1;
    int16_t version = rd_i16(&key);
    marker->type = rd_i16(&key);
    if (key.err != ERR_OK || version < 0)
        return ERR_RECORD;
    if (marker->type != BATCH_ABORT && marker->type != BATCH_COMMIT)
        return ERR_OK;
    version = rd_i16(&value);
    marker->coordinator_epoch = rd_i32(&value);
    return value.err != ERR_OK || version < 0 ? ERR_RECORD : ERR_OK;
}

enum err batch_marker_find(struct bytes bytes, struct batch_marker *marker)
{
    struct batch_reader reader;
    struct batch_record record;
    enum err err;

    batch_reader_init(&reader);
    err = batch_header_read(bytes, &reader.batch.header);
    if (err != ERR_OK)
        return err;
    if (batch_codec(&reader.batch.header) != CODEC_NONE)
        return ERR_CODEC; /* no memory is taken for a plain one */
    err = batch_reader_start(&reader, bytes, 0);
    if (err == ERR_OK)
        err = batch_reader_next(&reader, &record);
    if (err != ERR_OK)
        return err == ERR_ABSENT ? ERR_RECORD : err;
    return batch_marker_read(&record, marker);
}

void batch_write_marker(struct wr *out, bool commit, int64_t producer_id,
                        int16_t producer_epoch, int32_t coordinator_epoch,
                        int64_t timestamp_ms)
{
    /* Length, attributes, deltas, key, value, no headers: always the same
     * sizes, so the record is written out here. */
    enum { BODY = 1 + 1 + 1 + 1 + 4 + 1 + 6 + 1 };
    struct batch_header header = {
        .length = BATCH_HEADER - BATCH_OVERHEAD + 1 + BODY,
        .leader_epoch = BATCH_NO_EPOCH,
        .magic = 2,
        .attributes = BATCH_TRANSACTIONAL | BATCH_CONTROL,
        .base_timestamp = timestamp_ms,
        .max_timestamp = timestamp_ms,
        .producer_id = producer_id,
        .producer_epoch = producer_epoch,
        .base_sequence = BATCH_NO_SEQUENCE,
        .count = 1,
    };
    size_t start = out->len;

    wr_room(out, BATCH_HEADER);
    wr_varint(out, BODY);
    wr_i8(out, 0);
    wr_varlong(out, 0);
    wr_varint(out, 0);
    wr_varint(out, 4);
    wr_i16(out, 0);
    wr_i16(out, commit ? BATCH_COMMIT : BATCH_ABORT);
    wr_varint(out, 6);
    wr_i16(out, 0);
    wr_i32(out, coordinator_epoch);
    wr_varint(out, 0);
    if (out->err != ERR_OK)
        return;
    batch_header_write(out->data + start, &header);
    batch_seal(out->data + start, out->len - start);
}
