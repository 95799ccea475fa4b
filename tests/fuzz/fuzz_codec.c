/* fuzz_codec.c - any bytes as a compressed stream; any bytes there and back. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever comes in, no more than the limit comes out. */
static void fuzz_inflate(enum codec codec, bool magic0, struct bytes in)
{
    const uint64_t limit = 256 * 1024;
    struct codec_reader reader;
    uint8_t window[5000];
    uint64_t total = 0;
    size_t n;

    codec_reader_init(&reader);
    if (codec_reader_start(&reader, codec, magic0, in, limit) == ERR_OK) {
        while (codec_reader_read(&reader, window, sizeof window, &n) ==
               ERR_OK) {
            assert(n > 0 && n <= sizeof window);
            total += n;
        }
        assert(n == 0 && total <= limit);
    }
    codec_reader_fini(&reader);
}

static void fuzz_round(enum codec codec, bool magic0, struct bytes in)
{
    struct wr deflated, inflated;

    wr_init(&deflated, 2 * in.len + 1000);
    wr_init(&inflated, in.len + 1);
    assert(codec_deflate(codec, magic0, in, &deflated) == ERR_OK);
    if (in.len != 0) {
        assert(codec_inflate(codec, magic0,
                             bytes_make(deflated.data, deflated.len),
                             &inflated) == ERR_OK);
        assert(inflated.len == in.len &&
               memcmp(inflated.data, in.at, in.len) == 0);
    }
    wr_fini(&deflated);
    wr_fini(&inflated);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    enum codec codec = (enum codec)(data[0] % 5);
    bool magic0 = data[0] & 0x80;
    struct bytes in = bytes_make(data + 1, size - 1);

    fuzz_inflate(codec, magic0, in);
    fuzz_round(codec, magic0, in);
    return 0;
}
