/* Log records: as a file with its checksums, and as payloads without, so that
 * the fuzzer gets past them. */
#include "keeper/ktxn.h"
#include "tests/support/kworld.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void as_file(struct bytes file)
{
    size_t at = KTXN_FILE_HEADER;
    struct bytes payload;

    if (!ktxn_file_is_log(file))
        return;
    while (ktxn_next(file, &at, &payload) == ERR_OK)
        (void)ktxn_zxid(payload);
    (void)ktxn_any_behind(file, at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kworld world;
    struct rd r = rd_make(bytes_make(data, size));

    as_file(bytes_make(data, size));
    kworld_init(&world);
    while (r.left > 2) {
        size_t len = rd_u16(&r);

        if (len > r.left)
            len = r.left;
        err_ignore(ktxn_replay(&world.core, bytes_make(rd_take(&r, len), len)),
                   "any answer is right, but no crash");
    }
    kworld_fini(&world);
    return 0;
}
