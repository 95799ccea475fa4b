/* Replies of memory and file ranges arrive whole, however the socket takes
 * them. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/out.h"
#include "seg/seg_files.h"
#include "tests/support/unit.h"

enum { FILE_BYTES = 1 << 20, REPLIES = 400, MOST = 4 << 20 };

static char dir[] = "/tmp/gregor-out-XXXXXX";
static char path[64];
static uint8_t content[FILE_BYTES];
static uint8_t want[MOST];
static uint8_t got[MOST];
static struct seg_files *files;
static struct seg_file *file;
static int ends[2];

static void setup(void)
{
    struct seg_key key = { .log = 1 };
    struct errmsg why;
    int small = 4096;
    int fd;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/log", dir);
    srand(7);
    for (size_t i = 0; i < sizeof content; i++)
        content[i] = (uint8_t)rand();
    fd = open(path, O_CREAT | O_WRONLY, 0600);
    ck_assert_int_eq(write(fd, content, sizeof content), sizeof content);
    close(fd);
    files = seg_files_new(fs_real(), 16);
    ck_assert_err(seg_files_open(files, &key, path, false, &file, &why),
                  ERR_OK);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends),
                     0);
    (void)setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof small);
}

static void teardown(void)
{
    close(ends[0]);
    close(ends[1]);
    seg_file_unref(&file);
    seg_files_free(&files);
    unlink(path);
    rmdir(dir);
}

/* Memory and ranges in turn, some of either empty, some large. */
static size_t reply_make(struct out *out)
{
    int pieces = rand() % 100;
    size_t len = 0;

    for (int i = 0; i < pieces; i++) {
        size_t memory = (size_t)(rand() % 3 == 0 ? 0 : rand() % 200);
        size_t most = rand() % 20 == 0 ? 60000 : 2000;
        size_t range = rand() % 8 == 0 ? 0 : (size_t)rand() % most;
        size_t at = (size_t)rand() % (sizeof content - range);

        wr_raw(&out->wr, content + at / 2, memory);
        memcpy(want + len, content + at / 2, memory);
        len += memory;
        wr_cut(&out->wr, seg_file_ref(file), (int64_t)at, (uint32_t)range);
        memcpy(want + len, content + at, range);
        len += range;
    }
    wr_raw(&out->wr, "end", 3);
    memcpy(want + len, "end", 3);
    return len + 3;
}

static size_t receive(size_t at)
{
    ssize_t n;

    while ((n = recv(ends[1], got + at, sizeof got - at, 0)) > 0)
        at += (size_t)n;
    return at;
}

START_TEST(memory_and_ranges_arrive_in_order_whatever_the_socket_takes)
{
    setup();
    struct out *out = out_new(MOST);

    for (int i = 0; i < REPLIES; i++) {
        size_t len = reply_make(out), sent = 0, have = 0;

        while (!out_is_empty(out)) {
            size_t quota = (size_t)rand() % 100000 + 1;
            enum err err = out_flush(out, ends[0], quota, &sent);

            ck_assert(err == ERR_OK || err == ERR_AGAIN || err == ERR_LIMIT);
            ck_assert(err != ERR_OK || out_is_empty(out));
            have = receive(have);
        }
        have = receive(have);
        ck_assert_uint_eq(sent, len);
        ck_assert_uint_eq(have, len);
        ck_assert_mem_eq(got, want, len);
        out_reset(out);
    }
    out_free(&out);
    teardown();
}
END_TEST

START_TEST(small_ranges_and_memory_leave_together)
{
    setup();
    struct out *out = out_new(MOST);
    size_t sent = 0;

    for (int i = 0; i < 10; i++) {
        wr_raw(&out->wr, "head", 4);
        wr_cut(&out->wr, seg_file_ref(file), i * 100, 100);
    }
    close(ends[0]);
    close(ends[1]);
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    ck_assert_err(out_flush(out, ends[0], MOST, &sent), ERR_OK);
    ck_assert_int_eq(recv(ends[1], got, sizeof got, 0), 1040);
    out_free(&out);
    teardown();
}
END_TEST

START_TEST(a_range_behind_the_end_of_its_file_is_an_error)
{
    setup();
    for (uint32_t length = 2; length < 100000; length += 90000) {
        struct out *out = out_new(MOST);
        enum err err = ERR_OK;
        size_t sent = 0;

        wr_cut(&out->wr, seg_file_ref(file), FILE_BYTES - 1, length);
        while (err == ERR_OK)
            err = out_flush(out, ends[0], MOST, &sent);
        ck_assert_err(err, ERR_IO);
        out_free(&out);
    }
    teardown();
}
END_TEST

UNIT_MAIN("out", memory_and_ranges_arrive_in_order_whatever_the_socket_takes,
          small_ranges_and_memory_leave_together,
          a_range_behind_the_end_of_its_file_is_an_error)
