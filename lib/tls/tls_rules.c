/* tls_rules.c - see tls_rules.h. */
#include "tls/tls_rules.h"

#include <openssl/err.h>
#include <string.h>

enum { NAME_MOST = 128, CIPHERS_MOST = 64 << 10 };

void tls_rules_init(SSL_CTX *ctx)
{
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_NO_TICKET |
                                 SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
}

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

static bool is_old_protocol(struct bytes name)
{
    return bytes_is(name, "TLSv1") || bytes_is(name, "TLSv1.1") ||
           bytes_is(name, "SSLv3") || bytes_is(name, "SSLv2Hello");
}

enum err tls_rules_protocols(SSL_CTX *ctx, const char *setting,
                             const char *list, struct errmsg *why)
{
    bool has_12 = list == NULL;
    bool has_13 = list == NULL;
    struct bytes name;

    while (list != NULL && list_next(&list, &name)) {
        has_12 = has_12 || bytes_is(name, "TLSv1.2");
        has_13 = has_13 || bytes_is(name, "TLSv1.3");
        if (!bytes_is(name, "TLSv1.2") && !bytes_is(name, "TLSv1.3") &&
            !is_old_protocol(name))
            return err_set(why, ERR_INVALID,
                           "%s: \"%.*s\" is unknown; there are TLSv1.2 and "
                           "TLSv1.3",
                           setting, BYTES_ARG(name));
    }
    if (!has_12 && !has_13)
        return err_set(why, ERR_INVALID,
                       "%s names none that is still safe: set "
                       "TLSv1.2,TLSv1.3",
                       setting);
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
                             const char *setting, const char *names,
                             struct wr *old, struct wr *now, struct errmsg *why)
{
    struct bytes name;

    while (list_next(&names, &name)) {
        const SSL_CIPHER *c = cipher_find(all, name);

        if (c == NULL)
            return err_set(why, ERR_INVALID,
                           "%s: \"%.*s\" is unknown or too weak; names are "
                           "those of Java, as "
                           "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
                           setting,
                           name.len > NAME_MOST ? NAME_MOST : (int)name.len,
                           (const char *)name.at);
        cipher_put(strcmp(SSL_CIPHER_get_version(c), "TLSv1.3") == 0 ? now
                                                                     : old,
                   SSL_CIPHER_get_name(c));
    }
    return old->len + now->len > 0
               ? ERR_OK
               : err_set(why, ERR_INVALID, "%s names none", setting);
}

enum err tls_rules_cipher_lists(const char *setting, const char *names,
                                struct wr *old, struct wr *now,
                                struct errmsg *why)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    enum err err = ERR_NOMEM;

    if (ctx != NULL && SSL_CTX_set_cipher_list(ctx, "ALL") == 1)
        err = ciphers_find(SSL_CTX_get_ciphers(ctx), setting, names, old, now,
                           why);
    else
        err_ignore(err_set(why, err, "TLS: no memory for it"), "set above");
    SSL_CTX_free(ctx);
    return err;
}

/* A list without suites of one version takes that version away, as in Java. */
enum err tls_rules_ciphers(SSL_CTX *ctx, const char *setting, const char *names,
                           struct errmsg *why)
{
    struct wr old;
    struct wr now;
    enum err err;

    if (names == NULL)
        return ERR_OK;
    wr_init(&old, CIPHERS_MOST);
    wr_init(&now, CIPHERS_MOST);
    err = tls_rules_cipher_lists(setting, names, &old, &now, why);
    wr_u8(&old, 0);
    wr_u8(&now, 0);
    if (err == ERR_OK && (old.err != ERR_OK || now.err != ERR_OK))
        err = err_set(why, ERR_INVALID, "%s is too long", setting);
    if (err == ERR_OK && now.len == 1)
        SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
    if (err == ERR_OK && old.len == 1)
        SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
    if (err == ERR_OK &&
        ((old.len > 1 && SSL_CTX_set_cipher_list(ctx, (char *)old.data) != 1) ||
         (now.len > 1 && SSL_CTX_set_ciphersuites(ctx, (char *)now.data) != 1)))
        err = err_set(why, ERR_INVALID, "%s: none can be used", setting);
    if (err == ERR_OK &&
        SSL_CTX_get_min_proto_version(ctx) > SSL_CTX_get_max_proto_version(ctx))
        err = err_set(why, ERR_INVALID,
                      "%s and the protocols allowed have no TLS version in "
                      "common",
                      setting);
    wr_fini(&old);
    wr_fini(&now);
    return err;
}

/* -- key and trust --------------------------------------------------------- */

enum err tls_rules_key(SSL_CTX *ctx, const struct tls_store_place *place,
                       struct errmsg *why)
{
    struct tls_store store;
    enum err err = tls_store_read(&store, place, why);

    if (err != ERR_OK)
        return err;
    if (store.key == NULL || store.cert == NULL)
        err = err_set(why, ERR_INVALID,
                      "%s.location=%s holds no private key with its "
                      "certificate",
                      place->setting, place->path);
    else if (SSL_CTX_use_cert_and_key(ctx, store.cert, store.key, NULL, 1) != 1)
        err = err_set(why, ERR_INVALID,
                      "%s.location=%s: key and certificate can not "
                      "be used: %s",
                      place->setting, place->path,
                      ERR_reason_error_string(ERR_peek_last_error()));
    else if (sk_X509_num(store.others) > 0 &&
             SSL_CTX_set1_chain(ctx, store.others) == 1)
        /* Puts them into order and drops what is not of the chain. */
        (void)SSL_CTX_build_cert_chain(ctx,
                                       SSL_BUILD_CHAIN_FLAG_UNTRUSTED |
                                           SSL_BUILD_CHAIN_FLAG_IGNORE_ERROR |
                                           SSL_BUILD_CHAIN_FLAG_CLEAR_ERROR);
    ERR_clear_error();
    tls_store_fini(&store);
    return err;
}

/* Each certificate of the store is trusted by itself, a root or not, and its
 * subject is offered to clients that have several to choose from. */
static enum err trust_put(SSL_CTX *ctx, const struct tls_store *store,
                          const char *setting, struct errmsg *why)
{
    X509_STORE *trusted = SSL_CTX_get_cert_store(ctx);

    for (int i = 0; i < sk_X509_num(store->others); i++) {
        X509 *cert = sk_X509_value(store->others, i);

        if (X509_STORE_add_cert(trusted, cert) != 1 ||
            SSL_CTX_add_client_CA(ctx, cert) != 1)
            return err_set(why, ERR_INVALID,
                           "%s.location: a certificate can not be used",
                           setting);
    }
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx),
                                X509_V_FLAG_PARTIAL_CHAIN);
    return ERR_OK;
}

enum err tls_rules_trust(SSL_CTX *ctx, const struct tls_store_place *place,
                         struct errmsg *why)
{
    struct tls_store store;
    enum err err = tls_store_read(&store, place, why);

    if (err != ERR_OK)
        return err;
    if (sk_X509_num(store.others) == 0)
        err = err_set(why, ERR_INVALID,
                      "%s.location=%s holds no certificate to trust: put in "
                      "the issuer of the other side's certificates (keytool "
                      "-importcert)",
                      place->setting, place->path);
    else
        err = trust_put(ctx, &store, place->setting, why);
    ERR_clear_error();
    tls_store_fini(&store);
    return err;
}
