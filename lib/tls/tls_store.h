/* tls_store.h - key and trust stores: PEM and PKCS12.
 *
 * What a file is, its first bytes say, not its name: since Java 9 keytool
 * writes PKCS12 into x.jks. The old JKS format is refused with the command that
 * converts it.
 *
 * Threads: any; all state is the caller's. Files are read when called.
 */
#ifndef GREGOR_TLS_TLS_STORE_H
#define GREGOR_TLS_TLS_STORE_H

#include <openssl/x509.h>

#include "base/bytes.h"
#include "base/err.h"

enum { TLS_STORE_FILE_MOST = 4 << 20 }; /* bytes of a file */

struct tls_store {
    EVP_PKEY *key;           /* NULL: none in it */
    X509 *cert;              /* the key's; NULL: none */
    STACK_OF(X509) * others; /* chain, or trusted certificates */
};

/* Where a store is, in Java's words; texts are borrowed. */
struct tls_store_place {
    const char
        *setting;     /* "ssl.keyStore"; what messages put before .location */
    const char *path; /* must be set */
    const char *password;      /* NULL: none */
    const char *password_path; /* a file that holds it; goes before */
    const char *type;          /* JKS, PEM, PKCS12 in any case, or NULL */
};

/* Read it all. ERR_INVALID, ERR_ABSENT, ERR_DENIED, ERR_IO; `why` names the
 * setting and the remedy, and never the password. */
MUST_USE enum err tls_store_read(struct tls_store *out,
                                 const struct tls_store_place *place,
                                 struct errmsg *why);
void tls_store_fini(struct tls_store *store);

#endif
