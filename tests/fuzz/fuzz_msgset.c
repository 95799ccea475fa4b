/* fuzz_msgset.c - any bytes as what lies inside an old wrapper.
 *
 * The first byte chooses magic and codec, and whether the inner CRCs are made
 * right; the rest is compressed and wrapped, so that every input gets through
 * to the reading of inner messages, which batch and wrapper alike do.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "seg/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUZZ_LIMIT = 256 * 1024 };

static void put_i32(uint8_t *at, uint32_t v)
{
    v = htobe32(v);
    memcpy(at, &v, 4);
}

/* Make the CRC of every whole inner message right. */
static void fuzz_seal(uint8_t *at, size_t len)
{
    while (len >= 12) {
        uint32_t size;

        memcpy(&size, at + 8, 4);
        size = be32toh(size);
        if (size < 14 || size > len - 12)
            return;
        put_i32(at + 12, codec_crc32(0, bytes_make(at + 16, size - 4)));
        at += 12 + size;
        len -= 12 + size;
    }
}

static void fuzz_wrap(struct wr *w, int magic, enum codec codec, int64_t offset,
                      struct bytes inner)
{
    size_t head = magic == 0 ? 26 : 34;

    wr_i64(w, offset);
    wr_i64(w, 0); /* size, CRC */
    wr_i8(w, (int8_t)magic);
    wr_i8(w, (int8_t)codec);
    if (magic == 1)
        wr_i64(w, 77);
    wr_i32(w, -1);
    wr_i32(w, 0);
    assert(codec_deflate(codec, magic == 0, inner, w) == ERR_OK);
    wr_patch_i32(w, head - 4, (int32_t)(w->len - head));
    wr_patch_i32(w, 8, (int32_t)(w->len - 12));
    wr_patch_i32(
        w, 12, (int32_t)codec_crc32(0, bytes_make(w->data + 16, w->len - 16)));
}

static void fuzz_produce(struct wr *w)
{
    struct validate_rules rules = validate_rules_make();
    struct validate_result result;
    struct validator validator;
    struct arena arena;
    struct wr rewrite;

    rules.produce_version = 2;
    rules.inflate_limit = FUZZ_LIMIT;
    validator_init(&validator);
    arena_init(&arena, 1 << 20);
    wr_init(&rewrite, 0);
    if (validate_records(&validator, &rules, w->data, w->len, &arena, &rewrite,
                         &result) == ERR_OK &&
        result.at != NULL) {
        assert(result.rewritten && result.count > 0);
        assert(batch_check(bytes_make(result.at, result.size)) == ERR_OK);
    }
    validator_fini(&validator);
    arena_fini(&arena);
    wr_fini(&rewrite);
}

static void fuzz_read(struct bytes bytes)
{
    struct batch_reader reader;
    struct batch_record record;

    batch_reader_init(&reader);
    if (batch_reader_start(&reader, bytes, FUZZ_LIMIT) == ERR_OK) {
        while (batch_reader_next(&reader, &record) == ERR_OK)
            ;
    }
    batch_reader_fini(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > FUZZ_LIMIT)
        return 0;
    int magic = data[0] & 1;
    enum codec codec = (enum codec)(data[0] >> 1 & 3);
    uint8_t *inner = malloc(size);
    struct wr w;

    memcpy(inner, data + 1, size - 1);
    if (data[0] & 0x80)
        fuzz_seal(inner, size - 1);
    wr_init(&w, 1 << 20);
    if (codec == CODEC_NONE)
        wr_raw(&w, inner, size - 1);
    else
        fuzz_wrap(&w, magic, codec, data[0] & 0x40 ? 1000 : 0,
                  bytes_make(inner, size - 1));
    fuzz_read(bytes_make(w.data, w.len));
    fuzz_produce(&w);
    wr_fini(&w);
    free(inner);
    return 0;
}
