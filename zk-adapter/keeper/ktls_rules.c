/* ktls_rules.c - zoo.cfg's ssl.* turned into an OpenSSL context. */
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/diag.h"
#include "base/mem.h"
#include "keeper/keeper.h"
#include "keeper/kstore.h"
#include "keeper/ktls.h"
#include "keeper/ktls_in.h"

enum { NAME_MOST = 128, CIPHERS_MOST = 64 << 10 };

/* Take the next name off a comma list; false at its end. */
static bool list_next(const char **list, struct bytes *name)
{
    size_t n;

    *list += strspn(*list, ", \t");
    n = strcspn(*list, ",");
    *name = bytes_make(*list, n);
    *list += n;
    while (name->len > 0 &&
           (name->at[name->len - 1] == ' ' || name->at[name->len - 1] == '\t'))
        name->len--;
    return name->len > 0;
}

/* -- protocols ------------------------------------------------------------- */

/* Unless something is set, TLS 1.2 and 1.3, as at ZooKeeper from 3.9.3. */
static enum err protocols_set(SSL_CTX *ctx, const struct keeper_config *config,
                              struct errmsg *why)
{
    const char *key =
        config->tls_protocols ? "ssl.enabledProtocols" : "ssl.protocol";
    const char *list =
        config->tls_protocols ? config->tls_protocols : config->tls_protocol;
    bool has_12 = false;
    bool has_13 = false;
    struct bytes name;

    if (list == NULL)
        list = "TLS";
    while (list_next(&list, &name)) {
        bool any = !config->tls_protocols && bytes_is(name, "TLS");

        has_12 = has_12 || any || bytes_is(name, "TLSv1.2");
        has_13 = has_13 || any || bytes_is(name, "TLSv1.3");
        if (!any && !bytes_is(name, "TLSv1.2") && !bytes_is(name, "TLSv1.3") &&
            !bytes_is(name, "TLSv1") && !bytes_is(name, "TLSv1.1") &&
            !bytes_is(name, "SSLv3") && !bytes_is(name, "SSLv2Hello"))
            return err_set(why, ERR_INVALID,
                           "%s: \"%.*s\" is unknown; there are TLSv1.2 and "
                           "TLSv1.3",
                           key, BYTES_ARG(name));
    }
    if (!has_12 && !has_13)
        return err_set(why, ERR_INVALID,
                       "%s names none that is still safe: set "
                       "TLSv1.2,TLSv1.3",
                       key);
    SSL_CTX_set_min_proto_version(ctx,
                                  has_12 ? TLS1_2_VERSION : TLS1_3_VERSION);
    SSL_CTX_set_max_proto_version(ctx,
                                  has_13 ? TLS1_3_VERSION : TLS1_2_VERSION);
    return ERR_OK;
}

/* -- ciphers --------------------------------------------------------------- */

static void cipher_put(struct wr *list, const char *name)
{
    if (list->len > 0)
        wr_u8(list, ':');
    wr_raw(list, name, strlen(name));
}

/* Every cipher OpenSSL has, by either of its names. */
static const SSL_CIPHER *cipher_find(const STACK_OF(SSL_CIPHER) * all,
                                     struct bytes name)
{
    for (int i = 0; i < sk_SSL_CIPHER_num(all); i++) {
        const SSL_CIPHER *c = sk_SSL_CIPHER_value(all, i);
        const char *standard = SSL_CIPHER_standard_name(c);

        if (bytes_is(name, SSL_CIPHER_get_name(c)) ||
            (standard != NULL && bytes_is(name, standard)))
            return c;
    }
    return NULL;
}

static enum err ciphers_find(const STACK_OF(SSL_CIPHER) * all,
                             const char *names, struct wr *old, struct wr *now,
                             struct errmsg *why)
{
    struct bytes name;

    while (list_next(&names, &name)) {
        const SSL_CIPHER *c = cipher_find(all, name);

        if (c == NULL)
            return err_set(why, ERR_INVALID,
                           "ssl.ciphersuites: \"%.*s\" is unknown or too weak; "
                           "names are those of Java, as "
                           "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                           name.len > NAME_MOST ? NAME_MOST : (int)name.len,
                           (const char *)name.at);
        cipher_put(strcmp(SSL_CIPHER_get_version(c), "TLSv1.3") == 0 ? now
                                                                     : old,
                   SSL_CIPHER_get_name(c));
    }
    return old->len + now->len > 0
               ? ERR_OK
               : err_set(why, ERR_INVALID, "ssl.ciphersuites names none");
}

enum err ktls_ciphers(const char *names, struct wr *old, struct wr *now,
                      struct errmsg *why)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    enum err err = ERR_NOMEM;

    if (ctx != NULL && SSL_CTX_set_cipher_list(ctx, "ALL") == 1)
        err = ciphers_find(SSL_CTX_get_ciphers(ctx), names, old, now, why);
    else
        err_ignore(err_set(why, err, "TLS: no memory for it"), "set above");
    SSL_CTX_free(ctx);
    return err;
}

/* A list without suites of one version takes that version away, as in Java. */
static enum err ciphers_set(SSL_CTX *ctx, const char *names, struct errmsg *why)
{
    struct wr old;
    struct wr now;
    enum err err;

    if (names == NULL)
        return ERR_OK;
    wr_init(&old, CIPHERS_MOST);
    wr_init(&now, CIPHERS_MOST);
    err = ktls_ciphers(names, &old, &now, why);
    wr_u8(&old, 0);
    wr_u8(&now, 0);
    if (err == ERR_OK && (old.err != ERR_OK || now.err != ERR_OK))
        err = err_set(why, ERR_INVALID, "ssl.ciphersuites is too long");
    if (err == ERR_OK && now.len == 1)
        SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    if (err == ERR_OK && old.len == 1)
        SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
    if (err == ERR_OK &&
        ((old.len > 1 && SSL_CTX_set_cipher_list(ctx, (char *)old.data) != 1) ||
         (now.len > 1 && SSL_CTX_set_ciphersuites(ctx, (char *)now.data) != 1)))
        err = err_set(why, ERR_INVALID, "ssl.ciphersuites: none can be used");
    if (err == ERR_OK &&
        SSL_CTX_get_min_proto_version(ctx) > SSL_CTX_get_max_proto_version(ctx))
        err = err_set(why, ERR_INVALID,
                      "ssl.ciphersuites and ssl.enabledProtocols have no TLS "
                      "version in common");
    wr_fini(&old);
    wr_fini(&now);
    return err;
}

/* -- our certificate ------------------------------------------------------- */

static enum err key_set(SSL_CTX *ctx, const struct keeper_config *config,
                        struct errmsg *why)
{
    struct kstore_place place = {
        "ssl.keyStore",
        config->key_store,
        config->key_store_password,
        config->key_store_password_path,
        config->key_store_type,
    };
    struct kstore store;
    enum err err;

    if (place.path == NULL)
        return err_set(why, ERR_INVALID,
                       "ssl.keyStore.location is not set: TLS wants the "
                       "service's key and certificate, in PEM or PKCS12");
    err = kstore_read(&store, &place, why);
    if (err != ERR_OK)
        return err;
    if (store.key == NULL || store.cert == NULL)
        err = err_set(why, ERR_INVALID,
                      "ssl.keyStore.location=%s holds no private key with its "
                      "certificate",
                      place.path);
    else if (SSL_CTX_use_cert_and_key(ctx, store.cert, store.key, NULL, 1) != 1)
        err =
            err_set(why, ERR_INVALID,
                    "ssl.keyStore.location=%s: key and certificate can not "
                    "be used: %s",
                    place.path, ERR_reason_error_string(ERR_peek_last_error()));
    else if (sk_X509_num(store.others) > 0 &&
             SSL_CTX_set1_chain(ctx, store.others) == 1)
        /* Puts them into order and drops what is not of the chain. */
        (void)SSL_CTX_build_cert_chain(ctx,
                                       SSL_BUILD_CHAIN_FLAG_UNTRUSTED |
                                           SSL_BUILD_CHAIN_FLAG_IGNORE_ERROR |
                                           SSL_BUILD_CHAIN_FLAG_CLEAR_ERROR);
    ERR_clear_error();
    kstore_fini(&store);
    return err;
}

/* -- whom we trust --------------------------------------------------------- */

/* Each certificate of the store is trusted by itself, a root or not, and its
 * subject is offered to clients that have several to choose from. */
static enum err trust_put(SSL_CTX *ctx, const struct kstore *store,
                          struct errmsg *why)
{
    X509_STORE *trusted = SSL_CTX_get_cert_store(ctx);

    for (int i = 0; i < sk_X509_num(store->others); i++) {
        X509 *cert = sk_X509_value(store->others, i);

        if (X509_STORE_add_cert(trusted, cert) != 1 ||
            SSL_CTX_add_client_CA(ctx, cert) != 1)
            return err_set(why, ERR_INVALID,
                           "ssl.trustStore.location: a certificate can not be "
                           "used");
    }
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx),
                                X509_V_FLAG_PARTIAL_CHAIN);
    return ERR_OK;
}

static enum err trust_set(SSL_CTX *ctx, const struct keeper_config *config,
                          struct errmsg *why)
{
    struct kstore_place place = {
        "ssl.trustStore",
        config->trust_store,
        config->trust_store_password,
        config->trust_store_password_path,
        config->trust_store_type,
    };
    struct kstore store;
    enum err err = kstore_read(&store, &place, why);

    if (err != ERR_OK)
        return err;
    if (sk_X509_num(store.others) == 0)
        err = err_set(why, ERR_INVALID,
                      "ssl.trustStore.location=%s holds no certificate to "
                      "trust: put in the issuer of the clients' certificates "
                      "(keytool -importcert)",
                      place.path);
    else
        err = trust_put(ctx, &store, why);
    ERR_clear_error();
    kstore_fini(&store);
    return err;
}

static enum err clients_set(SSL_CTX *ctx, const struct keeper_config *config,
                            struct errmsg *why)
{
    const char *mode =
        config->tls_client_auth ? config->tls_client_auth : "need";
    bool need = strcasecmp(mode, "need") == 0;

    if (strcasecmp(mode, "none") == 0)
        return ERR_OK;
    if (!need && strcasecmp(mode, "want") != 0)
        return err_set(why, ERR_INVALID,
                       "ssl.clientAuth=%.64s: allowed are none, want and need",
                       mode);
    if (config->trust_store == NULL)
        return err_set(why, ERR_INVALID,
                       "ssl.trustStore.location is not set, and ssl.clientAuth "
                       "is %s%s: set it to a store with the issuer of the "
                       "clients' certificates, or set ssl.clientAuth=none",
                       mode, config->tls_client_auth ? "" : " unless set");
    SSL_CTX_set_verify(
        ctx, SSL_VERIFY_PEER | (need ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0),
        NULL);
    return trust_set(ctx, config, why);
}

/* -- the whole ------------------------------------------------------------- */

enum err ktls_new(struct ktls **out, const struct keeper_config *config,
                  struct errmsg *why)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    enum err err;

    if (ctx == NULL)
        return err_set(why, ERR_NOMEM, "TLS: no memory for it");
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_NO_TICKET |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 0);
    err = protocols_set(ctx, config, why);
    if (err == ERR_OK)
        err = ciphers_set(ctx, config->tls_ciphers, why);
    if (err == ERR_OK)
        err = key_set(ctx, config, why);
    if (err == ERR_OK)
        err = clients_set(ctx, config, why);
    if (err != ERR_OK) {
        SSL_CTX_free(ctx);
        ERR_clear_error();
        return err;
    }
    *out = mem_need(sizeof **out);
    (*out)->ctx = ctx;
    (*out)->check_host =
        config->tls_host_check && config->tls_client_host_check;
    return ERR_OK;
}

void ktls_free(struct ktls **at)
{
    struct ktls *tls = *at;

    *at = NULL;
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->ctx);
    mem_free(tls);
}
