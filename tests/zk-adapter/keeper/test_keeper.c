/* The whole service over loopback: serve, stop, start again. */
#include "keeper/keeper.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper/kcore.h"
#include "tests/support/unit.h"

static char dir[64];

static enum err start(struct keeper **keeper)
{
    struct keeper_config config;
    struct errmsg why = { "" };
    enum err err;

    keeper_config_init(&config);
    ck_assert_err(
        keeper_config_set(&config, BYTES("dataDir"), bytes_of(dir), &why),
        ERR_OK);
    ck_assert_err(
        keeper_config_set(&config, BYTES("clientPort"), BYTES("0"), &why),
        ERR_OK);
    ck_assert_err(keeper_config_set(&config, BYTES("clientPortAddress"),
                                    BYTES("127.0.0.1"), &why),
                  ERR_OK);
    err = keeper_start(keeper, &config, &why);
    ck_assert_int_eq(err != ERR_OK, why.text[0] != '\0');
    keeper_config_fini(&config);
    return err;
}

static void send_all(int fd, struct wr *w)
{
    wr_patch_i32(w, 0, (int32_t)w->len - 4);
    ck_assert_int_eq(send(fd, w->data, w->len, MSG_NOSIGNAL), (int)w->len);
    wr_fini(w);
}

static size_t recv_frame(int fd, uint8_t *out, size_t size)
{
    uint32_t len;

    ck_assert_int_eq(recv(fd, &len, 4, MSG_WAITALL), 4);
    len = be32toh(len);
    ck_assert_uint_le(len, size);
    ck_assert_int_eq(recv(fd, out, len, MSG_WAITALL), (int)len);
    return len;
}

static int dial(const struct keeper *keeper)
{
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_port = htons(keeper_port(keeper)),
                               .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    uint8_t answer[64];
    struct wr w;

    ck_assert_int_eq(connect(fd, (struct sockaddr *)&sin, sizeof sin), 0);
    wr_init(&w, 100);
    wr_i32(&w, 0);
    wr_i32(&w, 0);
    wr_i64(&w, 0);
    wr_i32(&w, 10000);
    wr_i64(&w, 0);
    wr_jute(&w, BYTES_NULL);
    send_all(fd, &w);
    ck_assert_uint_eq(recv_frame(fd, answer, sizeof answer), 36);
    return fd;
}

static int32_t ask(int fd, int32_t type, const char *path)
{
    uint8_t answer[512];
    struct wr w;

    wr_init(&w, 1000);
    wr_i32(&w, 0);
    wr_i32(&w, 1);
    wr_i32(&w, type);
    wr_jute(&w, bytes_of(path));
    if (type == KOP_CREATE) {
        wr_jute(&w, BYTES("x"));
        kacl_write(&w, NULL);
        wr_i32(&w, 0);
    } else {
        wr_bool(&w, false);
    }
    send_all(fd, &w);
    struct rd r =
        rd_make(bytes_make(answer, recv_frame(fd, answer, sizeof answer)));
    (void)rd_i32(&r);
    (void)rd_i64(&r);
    return rd_i32(&r);
}

static void remove_dir(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r %s", dir);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(what_was_written_is_there_after_a_restart)
{
    struct keeper *keeper = NULL;
    int fd;

    strcpy(dir, "/tmp/keeper-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    for (int turn = 0; turn < 3; turn++) {
        char path[16];

        ck_assert_err(start(&keeper), ERR_OK);
        fd = dial(keeper);
        for (int i = 0; i < turn; i++) {
            snprintf(path, sizeof path, "/n%d", i);
            ck_assert_int_eq(ask(fd, KOP_EXISTS, path), 0);
        }
        snprintf(path, sizeof path, "/n%d", turn);
        ck_assert_int_eq(ask(fd, KOP_EXISTS, path), K_NO_NODE);
        ck_assert_int_eq(ask(fd, KOP_CREATE, path), 0);
        keeper_stop(&keeper);
        ck_assert_ptr_null(keeper);
        close(fd);
    }
    keeper_stop(&keeper);
    remove_dir();
}
END_TEST

START_TEST(a_directory_in_use_is_left_alone)
{
    struct keeper *keeper = NULL;
    struct keeper *second = NULL;

    strcpy(dir, "/tmp/keeper-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert_err(start(&keeper), ERR_OK);
    ck_assert_err(start(&second), ERR_BUSY);
    keeper_stop(&keeper);
    ck_assert_err(start(&second), ERR_OK);
    keeper_stop(&second);
    remove_dir();
}
END_TEST

UNIT_MAIN("keeper", what_was_written_is_there_after_a_restart,
          a_directory_in_use_is_left_alone)
