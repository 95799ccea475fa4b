/* test_checkpoint.c - the small text files. */
#include "seg/checkpoint.h"

#include "tests/support/unit.h"

static int n_seen;
static int64_t sum;

static enum err each(void *context, struct bytes topic, int32_t partition,
                     int64_t offset)
{
    (void)context;
    ck_assert(topic.len > 0);
    n_seen++;
    sum += partition + offset;
    return ERR_OK;
}

static enum err each_epoch(void *context, int32_t epoch, int64_t start)
{
    (void)context;
    n_seen++;
    sum += epoch + start;
    return ERR_OK;
}

static enum err read_text(const char *text, int *line)
{
    n_seen = 0;
    sum = 0;
    return checkpoint_read(bytes_of(text), each, NULL, line);
}

START_TEST(offsets_are_written_and_read)
{
    struct wr w;
    int line;

    wr_init(&w, 1000);
    checkpoint_write_head(&w, 2);
    checkpoint_write_entry(&w, "orders", 0, 1500);
    checkpoint_write_entry(&w, "a-b.c", 17, 9);
    ck_assert_bytes(bytes_make(w.data, w.len),
                    BYTES("0\n2\norders 0 1500\na-b.c 17 9\n"));
    n_seen = 0;
    sum = 0;
    ck_assert_err(checkpoint_read(bytes_make(w.data, w.len), each, NULL, &line),
                  ERR_OK);
    ck_assert_int_eq(n_seen, 2);
    ck_assert_int_eq(sum, 1526);
    wr_fini(&w);
}
END_TEST

START_TEST(malformed_offsets_name_their_line)
{
    static const struct {
        const char *text;
        int line;
    } bad[] = {
        { "", 1 },
        { "1\n0\n", 1 },
        { "x\n0\n", 1 },
        { "0\n", 2 },
        { "0\n-1\n", 2 },
        { "0\n99999999999\n", 2 },
        { "0\n1\n", 3 },
        { "0\n2\na 0 1\n", 4 },
        { "0\n1\na 0 1\nb 0 1\n", 4 },
        { "0\n1\na 0\n", 3 },
        { "0\n1\na 0 1 2\n", 3 },
        { "0\n1\na -1 1\n", 3 },
        { "0\n1\na 0 x\n", 3 },
        { "0\n1\na 0 99999999999999999999\n", 3 },
    };
    int line;

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        ck_assert_err(read_text(bad[i].text, &line), ERR_FORMAT);
        ck_assert_int_eq(line, bad[i].line);
    }
    ck_assert_err(read_text("0\n1\r\na  0\t1\n\n", &line), ERR_OK);
    ck_assert_err(read_text("0\n1\na 0 1", &line), ERR_OK);
}
END_TEST

START_TEST(epochs_are_written_and_read)
{
    struct wr w;
    int line;

    wr_init(&w, 1000);
    checkpoint_write_head(&w, 2);
    checkpoint_epochs_write_entry(&w, 0, 0);
    checkpoint_epochs_write_entry(&w, 4, 120);
    ck_assert_bytes(bytes_make(w.data, w.len), BYTES("0\n2\n0 0\n4 120\n"));
    n_seen = 0;
    sum = 0;
    ck_assert_err(checkpoint_epochs_read(bytes_make(w.data, w.len), each_epoch,
                                         NULL, &line),
                  ERR_OK);
    ck_assert_int_eq(sum, 124);
    ck_assert_err(
        checkpoint_epochs_read(BYTES("0\n1\n-1 0\n"), each_epoch, NULL, &line),
        ERR_FORMAT);
    wr_fini(&w);
}
END_TEST

START_TEST(topic_ids_are_written_and_read)
{
    struct uuid id, back;
    struct wr w;

    memset(id.b, 't', sizeof id.b);
    wr_init(&w, 1000);
    partition_metadata_write(&w, id);
    ck_assert_bytes(bytes_make(w.data, w.len),
                    BYTES("version: 0\ntopic_id: dHR0dHR0dHR0dHR0dHR0dA"));
    ck_assert_err(partition_metadata_read(bytes_make(w.data, w.len), &back),
                  ERR_OK);
    ck_assert(uuid_equal(id, back));
    ck_assert_err(partition_metadata_read(BYTES("version: 1\ntopic_id: "
                                                "dHR0dHR0dHR0dHR0dHR0dA"),
                                          &back),
                  ERR_FORMAT);
    ck_assert_err(
        partition_metadata_read(BYTES("version: 0\ntopic_id: x"), &back),
        ERR_FORMAT);
    ck_assert_err(partition_metadata_read(BYTES(""), &back), ERR_FORMAT);
    wr_fini(&w);
}
END_TEST

UNIT_MAIN("checkpoint", offsets_are_written_and_read,
          malformed_offsets_name_their_line, epochs_are_written_and_read,
          topic_ids_are_written_and_read)
