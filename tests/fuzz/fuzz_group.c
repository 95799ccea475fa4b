/* What the group coordinator reads that others wrote: a member's subscription,
 * and keys and values of __consumer_offsets. The first byte chooses which. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mem.h"
#include "group/group.h"
#include "group/group_record.h"
#include "group/group_topics.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was read as a commit is written and read again. */
static void commit(struct bytes value)
{
    struct group_commit c, again;
    struct group_batch batch;
    struct batch_reader reader;
    struct batch_record record;

    if (group_record_commit_read(value, &c) != ERR_OK || c.metadata.len > 32767)
        return;
    group_batch_start(&batch, CODEC_NONE, 30704, 1);
    group_batch_offset(&batch, BYTES("g"), BYTES("t"), 0, &c);
    batch_reader_init(&reader);
    if (group_batch_finish(&batch) == ERR_OK &&
        batch_reader_start(&reader,
                           bytes_make(batch.bytes.data, batch.bytes.len),
                           1 << 20) == ERR_OK &&
        batch_reader_next(&reader, &record) == ERR_OK) {
        assert(group_record_commit_read(record.value, &again) == ERR_OK);
        assert(again.offset == c.offset && again.commit_ms == c.commit_ms);
        assert(bytes_equal(again.metadata, c.metadata));
    }
    batch_reader_fini(&reader);
    group_batch_fini(&batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wire_group_metadata_value value;
    struct group_record_key key;
    struct arena arena;
    struct bytes rest;
    struct group_offsets topics = { 0 };

    if (size == 0)
        return 0;
    rest = bytes_make(data + 1, size - 1);
    switch (data[0] % 5) {
    case 0:
        group_offsets_expect(&topics, BYTES("a"), 0);
        err_ignore(group_subscription_mark(rest, &topics), "any");
        group_offsets_fini(&topics);
        break;
    case 1:
        err_ignore(group_record_key_read(rest, &key), "any");
        break;
    case 2:
        commit(rest);
        break;
    case 3:
        arena_init(&arena, 1 << 20);
        err_ignore(group_record_group_read(rest, &arena, &value), "any");
        arena_fini(&arena);
        break;
    case 4:
        assert(group_partition(rest, 50) >= 0 &&
               group_partition(rest, 50) < 50);
        break;
    }
    return 0;
}
