/* tls_keys.h - a key, its certificate, and files of both, for tests.
 *
 * tls_keys_start() makes the key, a certificate that it signed itself, and a
 * directory, which tls_keys_stop() removes with all that is in it.
 *
 * Failures end the test.
 */
#ifndef GREGOR_TESTS_TLS_KEYS_H
#define GREGOR_TESTS_TLS_KEYS_H

#include <openssl/x509.h>

#include "base/bytes.h"

struct tls_keys {
    char dir[64];
    EVP_PKEY *key;
    X509 *cert; /* CN "a, b", O "Gregor" */
};

void tls_keys_start(struct tls_keys *keys);
void tls_keys_stop(struct tls_keys *keys);

/* A path in the directory; the eighth call from now, of this one and of those
 * below, uses its memory again. */
const char *tls_keys_path(const struct tls_keys *keys, const char *name);

/* Each writes a file and gives its path: key and certificate, in PEM or
 * PKCS12; the certificate in PEM; any bytes. A password of NULL: none. */
const char *tls_keys_write_pem(const struct tls_keys *keys, const char *name,
                               const char *password);
const char *tls_keys_write_p12(const struct tls_keys *keys, const char *name,
                               const char *password);
const char *tls_keys_write_cert(const struct tls_keys *keys, const char *name);
const char *tls_keys_write_bytes(const struct tls_keys *keys, const char *name,
                                 struct bytes b);

#endif
