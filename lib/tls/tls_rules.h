/* tls_rules.h - settings in Java's words, put into an OpenSSL context.
 *
 * What the coordination service and the clients of one have in common: each
 * side makes its own SSL_CTX, gives it these rules, and adds its own.
 *
 * Every call names the setting in `why`; after an error the context is to be
 * freed. Threads: any; all state is the caller's.
 */
#ifndef GREGOR_TLS_TLS_RULES_H
#define GREGOR_TLS_TLS_RULES_H

#include <openssl/ssl.h>

#include "tls/tls_store.h"
#include "wire/wr.h"

/* No renegotiation, compression, tickets or sessions to resume; writes may stop
 * half way and go on from another buffer. */
void tls_rules_init(SSL_CTX *ctx);

/* Allow the versions of a comma list ("TLSv1.2,TLSv1.3"); older ones in it are
 * passed over. NULL: both. ERR_INVALID: one is unknown, or none is left. */
MUST_USE enum err tls_rules_protocols(SSL_CTX *ctx, const char *setting,
                                      const char *list, struct errmsg *why);

/* Allow these cipher suites only, by Java's or OpenSSL's names; a version
 * without any is taken away, as in Java. After tls_rules_protocols(). NULL: all
 * that OpenSSL finds good. ERR_INVALID. */
MUST_USE enum err tls_rules_ciphers(SSL_CTX *ctx, const char *setting,
                                    const char *names, struct errmsg *why);

/* The OpenSSL cipher lists that those names mean, each in its wr with ':'
 * between; `old` for TLS 1.2, `now` for 1.3. ERR_INVALID names the one that is
 * unknown; ERR_NOMEM. */
MUST_USE enum err tls_rules_cipher_lists(const char *setting, const char *names,
                                         struct wr *old, struct wr *now,
                                         struct errmsg *why);

/* Show the key, its certificate and chain of that store. The errors of
 * tls_store_read(); ERR_INVALID also when it holds no key. */
MUST_USE enum err tls_rules_key(SSL_CTX *ctx,
                                const struct tls_store_place *place,
                                struct errmsg *why);

/* Trust each certificate of that store by itself, a root or not; a server
 * offers their names to clients that have several to choose from. The errors of
 * tls_store_read(); ERR_INVALID also when it holds none. */
MUST_USE enum err tls_rules_trust(SSL_CTX *ctx,
                                  const struct tls_store_place *place,
                                  struct errmsg *why);

#endif
