/* msgset_parse.c - see msgset_parse.h. */
#include "seg/msgset_parse.h"

#include "codec/codec.h"
#include "seg/batch.h"
#include "wire/rd.h"

/* A length of any negative value is null. */
static struct bytes message_bytes(struct rd *r)
{
    int32_t n = rd_i32(r);

    if (n < 0 || r->err != ERR_OK)
        return BYTES_NULL;
    const uint8_t *at = rd_take(r, (size_t)n);
    return at ? bytes_make(at, (size_t)n) : BYTES_NULL;
}

enum err msgset_message_read(struct bytes bytes, struct msgset_message *message)
{
    struct rd r = rd_make(bytes);

    message->crc = rd_u32(&r);
    message->magic = rd_i8(&r);
    message->attributes = rd_i8(&r);
    if (r.err == ERR_OK && message->magic != 0 && message->magic != 1)
        return ERR_VERSION;
    message->timestamp = message->magic == 1 ? rd_i64(&r) : BATCH_NO_TIMESTAMP;
    message->key = message_bytes(&r);
    message->value = message_bytes(&r);
    return r.err;
}

bool msgset_message_check(struct bytes bytes)
{
    struct rd r = rd_make(bytes);
    uint32_t crc = rd_u32(&r);

    return r.err == ERR_OK && codec_crc32(0, bytes_make(r.at, r.left)) == crc;
}
