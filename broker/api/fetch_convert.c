/* fetch_convert.c - records for clients that know old messages only (v0-v3).
 *
 * The answer holds as much as was planned, or one converted batch when that is
 * larger. Runs in the pool. */
#include "api/fetch.h"

#include "base/diag.h"
#include "seg/convert.h"
#include "wire/errors.h"

enum {
    CONVERT_MOST = 64 * 1024 * 1024, /* bytes of one converted batch */
};

static int16_t error_of(enum err err)
{
    switch ((int)err) {
    case ERR_OK:
        return KAFKA_NONE;
    case ERR_CODEC:
        return KAFKA_UNSUPPORTED_COMPRESSION_TYPE;
    case ERR_IO:
    case ERR_CLOSED:
        return KAFKA_KAFKA_STORAGE_ERROR;
    case ERR_RECORD:
    case ERR_FORMAT:
    case ERR_SHORT:
    case ERR_VERSION:
        return KAFKA_CORRUPT_MESSAGE;
    default:
        return KAFKA_UNKNOWN_SERVER_ERROR;
    }
}

static enum err convert(struct converter *converter, struct fetch *f,
                        struct fetch_item *item, const uint8_t *at, size_t n)
{
    size_t limits[] = { item->plan.length, CONVERT_MOST };
    enum err err = ERR_LIMIT;
    size_t consumed;

    for (size_t i = 0; i < 2 && err == ERR_LIMIT; i++) {
        struct wr out;

        wr_init(&out, limits[i]);
        err = convert_down(converter, bytes_make(at, n),
                           convert_fetch_magic(f->request->version),
                           item->want->offset, CONVERT_MOST, &out, &consumed);
        if (err == ERR_OK) {
            item->converted = out.data; /* taken over */
            item->converted_len = out.len;
        } else {
            wr_fini(&out);
        }
    }
    return err;
}

static enum err convert_item(struct converter *converter, struct fetch *f,
                             struct fetch_item *item)
{
    struct partition_view view;
    struct errmsg why = { "" };
    uint8_t *at;
    size_t n;
    enum err err;

    if (partition_enter(item->partition, -1, false, &view) != KAFKA_NONE)
        return ERR_CLOSED;
    at = mem_try(item->plan.length);
    err = at ? log_plan_load(view.log, &item->plan, at, &n, &why) : ERR_NOMEM;
    partition_leave(item->partition);
    if (err == ERR_OK)
        err = convert(converter, f, item, at, n);
    mem_free(at);
    return err;
}

/* What the topic's settings forbid to old clients. */
static int16_t forbidden(const struct fetch *f, struct partition *p)
{
    int16_t error = KAFKA_NONE;

    lock_take(&p->lock);
    if (p->settings && p->settings->log.compression == CODEC_ZSTD)
        error = KAFKA_UNSUPPORTED_COMPRESSION_TYPE;
    else if (p->settings && !p->settings->log.message_downconversion &&
             !fetch_is_follower(f))
        error = KAFKA_UNSUPPORTED_VERSION;
    lock_give(&p->lock);
    return error;
}

void fetch_convert(struct fetch *f)
{
    struct converter converter;

    converter_init(&converter);
    for (size_t i = 0; i < f->n_items; i++) {
        struct fetch_item *item = &f->items[i];
        enum err err = ERR_OK;

        if (!item->plan.file)
            continue;
        item->error = forbidden(f, item->partition);
        if (item->error == KAFKA_NONE) {
            err = convert_item(&converter, f, item);
            item->error = error_of(err);
        }
        if (err != ERR_OK)
            diag_warn("event=conversion_failed topic=%s partition=%d "
                      "offset=%lld error=%s",
                      item->partition->topic, item->partition->index,
                      (long long)item->want->offset, err_name(err));
        seg_file_unref(&item->plan.file);
    }
    converter_fini(&converter);
}
