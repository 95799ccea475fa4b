/* test_tls_store.c - what is taken for a store of keys, and what is refused. */
#include "tls/tls_store.h"

#include <stdio.h>

#include "tests/support/tls_keys.h"
#include "tests/support/unit.h"

static struct tls_keys keys;

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

    tls_keys_start(&keys);
    const char *const rows[][2] = {
        { tls_keys_write_pem(&keys, "x.jks", NULL), NULL },
        { tls_keys_write_pem(&keys, "y.p12", "open sesame"), "open sesame" },
        { tls_keys_write_p12(&keys, "z.pem", "changeit"), "changeit" },
        { tls_keys_write_p12(&keys, "empty.p12", ""), NULL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum err err = read_store(&store, rows[i][0], rows[i][1], &why);

        ck_assert_msg(err == ERR_OK, "%s: %s", rows[i][0], why.text);
        ck_assert(EVP_PKEY_eq(store.key, keys.key) == 1);
        ck_assert_int_eq(X509_cmp(store.cert, keys.cert), 0);
        tls_store_fini(&store);
    }
    ck_assert_err(
        read_store(&store, tls_keys_write_cert(&keys, "trust"), NULL, &why),
        ERR_OK);
    ck_assert(store.key == NULL && sk_X509_num(store.others) == 1);
    tls_store_fini(&store);
    tls_keys_stop(&keys);
}
END_TEST

START_TEST(what_is_no_store_is_refused_with_a_remedy)
{
    struct tls_store store;
    struct errmsg why;

    tls_keys_start(&keys);
    const char *const rows[][3] = {
        { tls_keys_write_bytes(&keys, "a", BYTES("\xfe\xed\xfe\xed\0\0\0\2")),
          "x", "keytool -importkeystore" },
        { tls_keys_write_bytes(&keys, "b", BYTES("hello")), "x",
          "neither PEM nor PKCS12" },
        { tls_keys_write_bytes(&keys, "c", BYTES("")), "x",
          "neither PEM nor PKCS12" },
        { tls_keys_write_bytes(&keys, "d",
                               BYTES("-----BEGIN CERTIFICATE-----\nAAAA\n"
                                     "-----END CERTIFICATE-----\n")),
          "x", "certificate can not be read" },
        { tls_keys_write_pem(&keys, "e", "right"), "wrong",
          "ssl.keyStore.password" },
        { tls_keys_write_p12(&keys, "f", "right"), "wrong",
          "wrong ssl.keyStore.password" },
        { tls_keys_path(&keys, "nowhere"), "x", "nowhere" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ck_assert(read_store(&store, rows[i][0], rows[i][1], &why) != ERR_OK);
        ck_assert_msg(strstr(why.text, rows[i][2]) != NULL, "%s", why.text);
        ck_assert_ptr_null(store.key);
    }
    tls_keys_stop(&keys);
}
END_TEST

START_TEST(a_cut_store_is_refused)
{
    static const char *const whole[] = { "p12", "pem" };
    struct tls_store store;
    uint8_t bytes[8192];

    tls_keys_start(&keys);
    tls_keys_write_p12(&keys, whole[0], "p");
    tls_keys_write_pem(&keys, whole[1], NULL);
    for (size_t k = 0; k < 2; k++) {
        FILE *f = fopen(tls_keys_path(&keys, whole[k]), "r");
        size_t len = fread(bytes, 1, sizeof bytes, f);

        fclose(f);
        for (size_t n = 0; n + 30 < len; n += 7)
            if (read_store(
                    &store,
                    tls_keys_write_bytes(&keys, "cut", bytes_make(bytes, n)),
                    "p", NULL) == ERR_OK) {
                ck_assert(k == 1 && store.key == NULL);
                tls_store_fini(&store);
            }
    }
    tls_keys_stop(&keys);
}
END_TEST

UNIT_MAIN("tls_store", stores_are_told_by_their_content,
          what_is_no_store_is_refused_with_a_remedy, a_cut_store_is_refused)
