/* Connections with TLS, by keys made for the test. */
#include "keeper/ktls.h"

#include <openssl/ssl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper/kcore.h"
#include "keeper/keeper.h"
#include "tests/support/tls_keys.h"
#include "tests/support/dial.h"
#include "tests/support/unit.h"

static struct tls_keys keys;

static struct keeper *start(const char *const more[][2])
{
    struct keeper_config config;
    struct keeper *keeper = NULL;
    struct errmsg why = { "" };
    const char *const rows[][2] = {
        { "dataDir", tls_keys_path(&keys, "data") },
        { "clientPort", "0" },
        { "clientPortAddress", "127.0.0.1" },
        { "client.portUnification", "true" },
        { "secureClientPort", "0" },
        { "secureClientPortAddress", "127.0.0.1" },
        { "ssl.keyStore.location", tls_keys_write_pem(&keys, "key.pem", NULL) },
        { "ssl.trustStore.location", tls_keys_write_cert(&keys, "trust.pem") },
    };

    (void)signal(SIGPIPE, SIG_IGN);
    keeper_config_init(&config);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        ck_assert_err(keeper_config_set(&config, bytes_of(rows[i][0]),
                                        bytes_of(rows[i][1]), &why),
                      ERR_OK);
    for (; (*more)[0] != NULL; more++)
        ck_assert_err(keeper_config_set(&config, bytes_of((*more)[0]),
                                        bytes_of((*more)[1]), &why),
                      ERR_OK);
    ck_assert_msg(keeper_start(&keeper, &config, &why) == ERR_OK, "%s",
                  why.text);
    keeper_config_fini(&config);
    return keeper;
}

/* A client with our certificate, or none; NULL when it was turned away. */
static SSL *dial_tls(uint16_t port, bool certified)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl;

    if (certified)
        ck_assert_int_eq(
            SSL_CTX_use_cert_and_key(ctx, keys.cert, keys.key, NULL, 1), 1);
    ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    SSL_set_fd(ssl, dial(port));
    if (SSL_connect(ssl) == 1)
        return ssl;
    close(SSL_get_fd(ssl));
    SSL_free(ssl);
    return NULL;
}

static void hang_up(SSL *ssl)
{
    (void)SSL_shutdown(ssl);
    close(SSL_get_fd(ssl));
    SSL_free(ssl);
}

/* False when the connection is over. */
static bool say(SSL *ssl, struct wr *w)
{
    size_t n = 0;
    bool ok;

    wr_patch_i32(w, 0, (int32_t)w->len - 4);
    ok = SSL_write_ex(ssl, w->data, w->len, &n) == 1 && n == w->len;
    wr_fini(w);
    return ok;
}

static bool hear(SSL *ssl, void *out, size_t len)
{
    for (size_t n = 0, got; n < len; n += got)
        if (SSL_read_ex(ssl, (uint8_t *)out + n, len - n, &got) != 1)
            return false;
    return true;
}

/* The frame's length, 0 at the end of the connection. */
static size_t hear_frame(SSL *ssl, uint8_t *out, size_t size)
{
    uint32_t len;

    if (!hear(ssl, &len, 4))
        return 0;
    len = be32toh(len);
    ck_assert_uint_le(len, size);
    ck_assert(hear(ssl, out, len));
    return len;
}

static bool hello(SSL *ssl)
{
    uint8_t answer[64];
    struct wr w;

    wr_init(&w, 100);
    wr_i32(&w, 0);
    wr_i32(&w, 0);
    wr_i64(&w, 0);
    wr_i32(&w, 10000);
    wr_i64(&w, 0);
    wr_jute(&w, BYTES_NULL);
    return say(ssl, &w) && hear_frame(ssl, answer, sizeof answer) == 36;
}

/* What whoAmI answers, behind the header. */
static struct bytes who(SSL *ssl, uint8_t *out, size_t size)
{
    struct wr w;

    wr_init(&w, 100);
    wr_i32(&w, 0);
    wr_i32(&w, 1);
    wr_i32(&w, KOP_WHO_AM_I);
    ck_assert(say(ssl, &w));
    size_t len = hear_frame(ssl, out, size);
    ck_assert_uint_gt(len, 16);
    return bytes_make(out + 16, len - 16);
}

static const char *const nothing_more[][2] = { { NULL, NULL } };

START_TEST(a_certificate_names_who_comes)
{
    struct keeper *keeper;
    uint8_t out[512];

    tls_keys_start(&keys);
    keeper = start(nothing_more);
    for (int i = 0; i < 2; i++) {
        SSL *ssl = dial_tls(
            i ? keeper_port(keeper) : keeper_secure_port(keeper), true);
        ck_assert_ptr_nonnull(ssl);
        ck_assert(hello(ssl));
        ck_assert_bytes(
            who(ssl, out, sizeof out),
            BYTES("\0\0\0\2\0\0\0\2ip\0\0\0\011127.0.0.1\0\0\0\4x509"
                  "\0\0\0\021CN=a\\, b,O=Gregor"));
        hang_up(ssl);
    }
    keeper_stop(&keeper);
    tls_keys_stop(&keys);
}
END_TEST

START_TEST(without_a_certificate_nobody_comes_unless_that_is_wanted)
{
    static const char *const want[][2] = { { "ssl.clientAuth", "WANT" },
                                           { NULL, NULL } };

    for (int i = 0; i < 2; i++) {
        struct keeper *keeper;
        SSL *ssl;

        tls_keys_start(&keys);
        keeper = start(i ? want : nothing_more);
        /* TLS 1.3 tells a client of its missing certificate after its own
         * handshake is done. */
        ssl = dial_tls(keeper_secure_port(keeper), false);
        ck_assert_int_eq(ssl != NULL && hello(ssl), i);
        if (ssl != NULL)
            hang_up(ssl);
        keeper_stop(&keeper);
        tls_keys_stop(&keys);
    }
}
END_TEST

START_TEST(plain_text_on_the_tls_port_is_turned_away_and_large_frames_pass)
{
    struct keeper *keeper;
    uint8_t byte;
    SSL *ssl;
    struct wr w;
    enum { BIG = 700000 };
    static uint8_t big[BIG + 200];

    tls_keys_start(&keys);
    keeper = start(nothing_more);
    int fd = dial(keeper_secure_port(keeper));
    ck_assert_int_eq(send(fd, "ruok\0\0\0\0\0\0\0\0", 12, MSG_NOSIGNAL), 12);
    while (recv(fd, &byte, 1, 0) > 0)
        continue; /* an alert may come, then the end */
    close(fd);

    ssl = dial_tls(keeper_secure_port(keeper), true);
    ck_assert(ssl != NULL && hello(ssl));
    wr_init(&w, BIG + 200);
    wr_i32(&w, 0);
    wr_i32(&w, 1);
    wr_i32(&w, KOP_CREATE);
    wr_jute(&w, BYTES("/b"));
    memset(big, 'x', BIG);
    wr_jute(&w, bytes_make(big, BIG));
    kacl_write(&w, NULL);
    wr_i32(&w, 0);
    ck_assert(say(ssl, &w));
    ck_assert_uint_eq(hear_frame(ssl, big, sizeof big), 16 + 4 + 2);
    for (int i = 0; i < 8; i++) {
        wr_init(&w, 100);
        wr_i32(&w, 0);
        wr_i32(&w, 2);
        wr_i32(&w, KOP_GET_DATA);
        wr_jute(&w, BYTES("/b"));
        wr_bool(&w, false);
        ck_assert(say(ssl, &w));
    }
    for (int i = 0; i < 8; i++)
        ck_assert_uint_eq(hear_frame(ssl, big, sizeof big), 16 + 4 + BIG + 68);
    hang_up(ssl);
    keeper_stop(&keeper);
    tls_keys_stop(&keys);
}
END_TEST

START_TEST(limits_of_connections_count_by_port)
{
    const char *const limits[][2][2] = {
        { { "maxClientCnxns", "1" }, { NULL, NULL } },
        { { "maxCnxns", "1" }, { NULL, NULL } },
    };

    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        tls_keys_start(&keys);
        struct keeper *keeper = start(limits[i]);
        SSL *plain = dial_tls(keeper_port(keeper), true);
        SSL *secure = dial_tls(keeper_secure_port(keeper), true);

        ck_assert(plain != NULL && hello(plain));
        ck_assert(secure != NULL && hello(secure));
        ck_assert_ptr_null(dial_tls(keeper_port(keeper), true));
        ck_assert_ptr_null(dial_tls(keeper_secure_port(keeper), true));
        hang_up(plain);
        hang_up(secure);
        keeper_stop(&keeper);
        tls_keys_stop(&keys);
    }
}
END_TEST

UNIT_MAIN("ktls", a_certificate_names_who_comes,
          without_a_certificate_nobody_comes_unless_that_is_wanted,
          plain_text_on_the_tls_port_is_turned_away_and_large_frames_pass,
          limits_of_connections_count_by_port)
