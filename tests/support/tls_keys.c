/* tls_keys.c - a key, its certificate, and files of both, for tests. */
#include "tests/support/tls_keys.h"

#include <check.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *tls_keys_path(const struct tls_keys *keys, const char *name)
{
    static char paths[8][128];
    static unsigned next;
    char *out = paths[next++ % 8];

    (void)snprintf(out, sizeof paths[0], "%s/%s", keys->dir, name);
    return out;
}

static FILE *open_new(const char *at)
{
    FILE *f = fopen(at, "w");

    ck_assert_ptr_nonnull(f);
    return f;
}

void tls_keys_start(struct tls_keys *keys)
{
    X509_NAME *name;

    memset(keys, 0, sizeof *keys);
    strcpy(keys->dir, "/tmp/tls-keys-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(keys->dir));
    keys->key = EVP_EC_gen("P-256");
    keys->cert = X509_new();
    X509_set_version(keys->cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(keys->cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(keys->cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(keys->cert), 86400);
    name = X509_get_subject_name(keys->cert);
    X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
                               (const uint8_t *)"Gregor", -1, -1, 0);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                               (const uint8_t *)"a, b", -1, -1, 0);
    X509_set_issuer_name(keys->cert, name);
    X509_set_pubkey(keys->cert, keys->key);
    ck_assert_int_gt(X509_sign(keys->cert, keys->key, EVP_sha256()), 0);
}

void tls_keys_stop(struct tls_keys *keys)
{
    char command[128];

    X509_free(keys->cert);
    EVP_PKEY_free(keys->key);
    (void)snprintf(command, sizeof command, "rm -r %s", keys->dir);
    ck_assert_int_eq(system(command), 0);
}

const char *tls_keys_write_pem(const struct tls_keys *keys, const char *name,
                               const char *password)
{
    const char *at = tls_keys_path(keys, name);
    FILE *f = open_new(at);

    ck_assert_int_eq(PEM_write_X509(f, keys->cert), 1);
    ck_assert_int_eq(PEM_write_PKCS8PrivateKey(
                         f, keys->key, password ? EVP_aes_256_cbc() : NULL,
                         password, password ? (int)strlen(password) : 0, NULL,
                         NULL),
                     1);
    fclose(f);
    return at;
}

const char *tls_keys_write_cert(const struct tls_keys *keys, const char *name)
{
    const char *at = tls_keys_path(keys, name);
    FILE *f = open_new(at);

    ck_assert_int_eq(PEM_write_X509(f, keys->cert), 1);
    fclose(f);
    return at;
}

const char *tls_keys_write_p12(const struct tls_keys *keys, const char *name,
                               const char *password)
{
    const char *at = tls_keys_path(keys, name);
    FILE *f = open_new(at);
    PKCS12 *p12 = PKCS12_create(password, "x", keys->key, keys->cert, NULL, 0,
                                0, 0, 0, 0);

    ck_assert_int_eq(i2d_PKCS12_fp(f, p12), 1);
    PKCS12_free(p12);
    fclose(f);
    return at;
}

const char *tls_keys_write_bytes(const struct tls_keys *keys, const char *name,
                                 struct bytes b)
{
    const char *at = tls_keys_path(keys, name);
    FILE *f = open_new(at);

    ck_assert_uint_eq(fwrite(b.at, 1, b.len, f), b.len);
    fclose(f);
    return at;
}
