/* Stores, rules and connections of TLS, with keys made for the test. */
#include "keeper/ktls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper/kcore.h"
#include "keeper/keeper.h"
#include "tls/tls_rules.h"
#include "tests/support/unit.h"

static char dir[64];
static EVP_PKEY *key;
static X509 *cert;

/* -- keys ------------------------------------------------------------------ */

static const char *path(const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *out = paths[next++ % 8];

    (void)snprintf(out, sizeof paths[0], "%s/%s", dir, name);
    return out;
}

static void setup(void)
{
    X509_NAME *name;

    (void)signal(SIGPIPE, SIG_IGN);
    strcpy(dir, "/tmp/ktls-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    key = EVP_EC_gen("P-256");
    cert = X509_new();
    X509_set_version(cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
    name = X509_get_subject_name(cert);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
                               (const uint8_t *)"Gregor", -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               (const uint8_t *)"a, b", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, key);
    ck_assert_int_gt(X509_sign(cert, key, EVP_sha256()), 0);
}

static void teardown(void)
{
    char command[128];

    X509_free(cert);
    EVP_PKEY_free(key);
    (void)snprintf(command, sizeof command, "rm -r %s", dir);
    ck_assert_int_eq(system(command), 0);
}

static const char *write_pem(const char *name, const char *password)
{
    const char *at = path(name);
    FILE *f = fopen(at, "w");

    ck_assert_int_eq(PEM_write_X509(f, cert), 1);
    ck_assert_int_eq(PEM_write_PKCS8PrivateKey(
                         f, key, password ? EVP_aes_256_cbc() : NULL, password,
                         password ? (int)strlen(password) : 0, NULL, NULL),
                     1);
    fclose(f);
    return at;
}

static const char *write_cert(const char *name)
{
    const char *at = path(name);
    FILE *f = fopen(at, "w");

    ck_assert_int_eq(PEM_write_X509(f, cert), 1);
    fclose(f);
    return at;
}

static const char *write_p12(const char *name, const char *password)
{
    const char *at = path(name);
    FILE *f = fopen(at, "w");
    PKCS12 *p12 = PKCS12_create(password, "x", key, cert, NULL, 0, 0, 0, 0, 0);

    ck_assert_int_eq(i2d_PKCS12_fp(f, p12), 1);
    PKCS12_free(p12);
    fclose(f);
    return at;
}

static const char *write_bytes(const char *name, struct bytes b)
{
    const char *at = path(name);
    FILE *f = fopen(at, "w");

    ck_assert_uint_eq(fwrite(b.at, 1, b.len, f), b.len);
    fclose(f);
    return at;
}

/* -- stores ---------------------------------------------------------------- */

static enum err read_store(struct tls_store *out, const char *at,
                           const char *password, struct errmsg *why)
{
    struct tls_store_place place = { .setting = "ssl.keyStore",
                                     .path = at,
                                     .password = password };

    return tls_store_read(out, &place, why);
}

START_TEST(stores_are_told_by_their_content)
{
    struct tls_store store;
    struct errmsg why = { "" };

    setup();
    const char *const rows[][2] = {
        { write_pem("x.jks", NULL), NULL },
        { write_pem("y.p12", "open sesame"), "open sesame" },
        { write_p12("z.pem", "changeit"), "changeit" },
        { write_p12("empty.p12", ""), NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum err err = read_store(&store, rows[i][0], rows[i][1], &why);

        ck_assert_msg(err == ERR_OK, "%s: %s", rows[i][0], why.text);
        ck_assert(EVP_PKEY_eq(store.key, key) == 1);
        ck_assert_int_eq(X509_cmp(store.cert, cert), 0);
        tls_store_fini(&store);
    }
    ck_assert_err(read_store(&store, write_cert("trust"), NULL, &why), ERR_OK);
    ck_assert(store.key == NULL && sk_X509_num(store.others) == 1);
    tls_store_fini(&store);
    teardown();
}
END_TEST

START_TEST(what_is_no_store_is_refused_with_a_remedy)
{
    struct tls_store store;
    struct errmsg why;

    setup();
    const char *const rows[][3] = {
        { write_bytes("a", BYTES("\xfe\xed\xfe\xed\0\0\0\2")), "x",
          "keytool -importkeystore" },
        { write_bytes("b", BYTES("hello")), "x", "neither PEM nor PKCS12" },
        { write_bytes("c", BYTES("")), "x", "neither PEM nor PKCS12" },
        { write_bytes("d", BYTES("-----BEGIN CERTIFICATE-----\nAAAA\n"
                                 "-----END CERTIFICATE-----\n")),
          "x", "certificate can not be read" },
        { write_pem("e", "right"), "wrong", "ssl.keyStore.password" },
        { write_p12("f", "right"), "wrong", "wrong ssl.keyStore.password" },
        { path("nowhere"), "x", "nowhere" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert(read_store(&store, rows[i][0], rows[i][1], &why) != ERR_OK);
        ck_assert_msg(strstr(why.text, rows[i][2]) != NULL, "%s", why.text);
        ck_assert_ptr_null(store.key);
    }
    teardown();
}
END_TEST

START_TEST(a_cut_store_is_refused)
{
    struct tls_store store;
    uint8_t bytes[8192];

    setup();
    const char *whole[] = { write_p12("w", "p"), write_pem("v", NULL) };
    for (size_t k = 0; k < 2; k++) {
        FILE *f = fopen(whole[k], "r");
        size_t len = fread(bytes, 1, sizeof bytes, f);

        fclose(f);
        for (size_t n = 0; n + 30 < len; n += 7)
            if (read_store(&store, write_bytes("cut", bytes_make(bytes, n)),
                           "p", NULL) == ERR_OK) {
                ck_assert(k == 1 && store.key == NULL);
                tls_store_fini(&store);
            }
    }
    teardown();
}
END_TEST

/* -- rules ----------------------------------------------------------------- */

START_TEST(ciphers_have_the_names_of_java)
{
    struct wr old;
    struct wr now;
    struct errmsg why;

    wr_init(&old, 4096);
    wr_init(&now, 4096);
    ck_assert_err(
        tls_rules_cipher_lists("ssl.ciphersuites",
                               "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 , "
                               "TLS_AES_256_GCM_SHA384,ECDHE-ECDSA-AES256-GCM-"
                               "SHA384",
                               &old, &now, &why),
        ERR_OK);
    ck_assert_bytes(bytes_make(old.data, old.len),
                    BYTES("ECDHE-RSA-AES128-GCM-SHA256:"
                          "ECDHE-ECDSA-AES256-GCM-SHA384"));
    ck_assert_bytes(bytes_make(now.data, now.len),
                    BYTES("TLS_AES_256_GCM_SHA384"));
    ck_assert_err(tls_rules_cipher_lists("ssl.ciphersuites", "TLS_NO_SUCH",
                                         &old, &now, &why),
                  ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(why.text, "TLS_NO_SUCH"));
    ck_assert_err(
        tls_rules_cipher_lists("ssl.ciphersuites", " , ", &old, &now, &why),
        ERR_OK);
    wr_fini(&old);
    wr_fini(&now);
}
END_TEST

/* -- connections ----------------------------------------------------------- */

static struct keeper *start(const char *const more[][2])
{
    struct keeper_config config;
    struct keeper *keeper = NULL;
    struct errmsg why = { "" };
    const char *const rows[][2] = {
        { "dataDir", path("data") },
        { "clientPort", "0" },
        { "clientPortAddress", "127.0.0.1" },
        { "client.portUnification", "true" },
        { "secureClientPort", "0" },
        { "secureClientPortAddress", "127.0.0.1" },
        { "ssl.keyStore.location", write_pem("key.pem", NULL) },
        { "ssl.trustStore.location", write_cert("trust.pem") },
    };

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

static int dial(uint16_t port)
{
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_port = htons(port),
                               .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(connect(fd, (struct sockaddr *)&sin, sizeof sin), 0);
    return fd;
}

/* A client with our certificate, or none; NULL when it was turned away. */
static SSL *dial_tls(uint16_t port, bool certified)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl;

    if (certified)
        ck_assert_int_eq(SSL_CTX_use_cert_and_key(ctx, cert, key, NULL, 1), 1);
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

    setup();
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
    teardown();
}
END_TEST

START_TEST(without_a_certificate_nobody_comes_unless_that_is_wanted)
{
    static const char *const want[][2] = { { "ssl.clientAuth", "WANT" },
                                           { NULL, NULL } };

    for (int i = 0; i < 2; i++) {
        struct keeper *keeper;
        SSL *ssl;

        setup();
        keeper = start(i ? want : nothing_more);
        /* TLS 1.3 tells a client of its missing certificate after its own
         * handshake is done. */
        ssl = dial_tls(keeper_secure_port(keeper), false);
        ck_assert_int_eq(ssl != NULL && hello(ssl), i);
        if (ssl != NULL)
            hang_up(ssl);
        keeper_stop(&keeper);
        teardown();
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

    setup();
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
    teardown();
}
END_TEST

START_TEST(limits_of_connections_count_by_port)
{
    const char *const limits[][2][2] = {
        { { "maxClientCnxns", "1" }, { NULL, NULL } },
        { { "maxCnxns", "1" }, { NULL, NULL } },
    };

    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        setup();
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
        teardown();
    }
}
END_TEST

UNIT_MAIN("ktls", stores_are_told_by_their_content,
          what_is_no_store_is_refused_with_a_remedy, a_cut_store_is_refused,
          ciphers_have_the_names_of_java, a_certificate_names_who_comes,
          without_a_certificate_nobody_comes_unless_that_is_wanted,
          plain_text_on_the_tls_port_is_turned_away_and_large_frames_pass,
          limits_of_connections_count_by_port)
