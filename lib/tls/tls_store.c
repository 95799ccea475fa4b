/* tls_store.c - see tls_store.h. */
#include "tls/tls_store.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <stdio.h>
#include <strings.h>

#include "base/mem.h"

/* What OpenSSL says about its last failure; the queue is empty afterwards. */
static const char *openssl_words(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *words = code ? ERR_reason_error_string(code) : NULL;

    ERR_clear_error();
    return words ? words : "unknown reason";
}

/* -- files ----------------------------------------------------------------- */

static enum err file_read(const char *setting, const char *part,
                          const char *path, size_t most, char **text,
                          size_t *len, struct errmsg *why)
{
    FILE *file = fopen(path, "rbe");
    bool bad;

    if (file == NULL)
        return err_set(why, err_from_errno(errno), "%s.%s=%s: %s", setting,
                       part, path, strerror(errno));
    *text = mem_need(most + 2);
    *len = fread(*text, 1, most + 1, file);
    bad = ferror(file) != 0;
    (void)fclose(file);
    if (!bad && *len <= most)
        return ERR_OK;
    mem_free(*text);
    *text = NULL;
    return err_set(why, ERR_INVALID, "%s.%s=%s: %s", setting, part, path,
                   bad ? "can not be read" : "is too long");
}

/* The password: from its file less the line's end, or as set, or empty. */
static enum err password_get(const struct tls_store_place *place, char **out,
                             struct errmsg *why)
{
    size_t len;
    enum err err;

    if (place->password_path == NULL) {
        *out = mem_need_text(bytes_of(place->password ? place->password : ""));
        return ERR_OK;
    }
    err = file_read(place->setting, "passwordPath", place->password_path, 4096,
                    out, &len, why);
    if (err != ERR_OK)
        return err;
    while (len > 0 && ((*out)[len - 1] == '\n' || (*out)[len - 1] == '\r'))
        len--;
    (*out)[len] = '\0';
    return ERR_OK;
}

static void secret_free(char *secret)
{
    OPENSSL_cleanse(secret, strlen(secret));
    mem_free(secret);
}

/* -- PEM ------------------------------------------------------------------- */

static int give_password(char *out, int size, int rwflag, void *arg)
{
    const char *password = arg;
    int len = (int)strlen(password);

    (void)rwflag;
    if (len > size)
        return -1;
    memcpy(out, password, (size_t)len);
    return len;
}

/* Keys and certificates may stand in any order; the first certificate is the
 * key's when there is a key. */
static enum err pem_read(struct tls_store *out,
                         const struct tls_store_place *place, struct bytes text,
                         char *password, struct errmsg *why)
{
    BIO *bio = BIO_new_mem_buf(text.at, (int)text.len);
    bool has_key = memmem(text.at, text.len, "PRIVATE KEY-----", 16) != NULL;
    X509 *cert;

    if (has_key) {
        out->key = PEM_read_bio_PrivateKey(bio, NULL, give_password, password);
        if (out->key == NULL) {
            BIO_free(bio);
            return err_set(why, ERR_INVALID,
                           "%s.location=%s: the private key can not be read "
                           "(%s): is %s.password right?",
                           place->setting, place->path, openssl_words(),
                           place->setting);
        }
        BIO_free(bio);
        bio = BIO_new_mem_buf(text.at, (int)text.len);
    }
    while ((cert = PEM_read_bio_X509(bio, NULL, give_password, password)) !=
           NULL) {
        if (has_key && out->cert == NULL)
            out->cert = cert;
        else if (sk_X509_push(out->others, cert) == 0)
            X509_free(cert);
    }
    BIO_free(bio);
    bool at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    const char *words = openssl_words();

    return at_end ? ERR_OK
                  : err_set(why, ERR_INVALID,
                            "%s.location=%s: a certificate can not be read: %s",
                            place->setting, place->path, words);
}

/* -- PKCS12 ---------------------------------------------------------------- */

static bool p12_parse(struct tls_store *out, PKCS12 *p12, const char *password)
{
    STACK_OF(X509) *others = NULL;

    if (PKCS12_parse(p12, password, &out->key, &out->cert, &others) != 1)
        return false;
    if (others != NULL) {
        sk_X509_free(out->others);
        out->others = others;
    }
    return true;
}

/* Move a key out of a library context that is about to go. */
static bool key_move(EVP_PKEY **key)
{
    unsigned char *der = NULL;
    int len = *key ? i2d_PrivateKey(*key, &der) : 0;

    EVP_PKEY_free(*key);
    *key = NULL;
    if (len <= 0)
        return len == 0;
    const unsigned char *at = der;
    *key = d2i_AutoPrivateKey(NULL, &at, len);
    OPENSSL_clear_free(der, (size_t)len);
    return *key != NULL;
}

/* The same for a certificate. */
static X509 *cert_move(X509 *cert)
{
    unsigned char *der = NULL;
    int len = i2d_X509(cert, &der);
    const unsigned char *at = der;
    X509 *moved = len > 0 ? d2i_X509(NULL, &at, len) : NULL;

    OPENSSL_free(der);
    X509_free(cert);
    return moved;
}

static bool all_move(struct tls_store *out)
{
    bool ok = key_move(&out->key);

    if (out->cert != NULL)
        out->cert = cert_move(out->cert);
    for (int i = 0; i < sk_X509_num(out->others); i++) {
        X509 *moved = cert_move(sk_X509_value(out->others, i));

        ok = sk_X509_set(out->others, i, moved) != NULL && ok;
    }
    return ok;
}

/* keytool before Java 16 encrypts with RC2 of 40 bits, which OpenSSL keeps in a
 * provider of its own: asked in a context of its own, so that nothing else in
 * the process is allowed more than before. */
static bool p12_parse_legacy(struct tls_store *out, struct bytes text,
                             const char *password)
{
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
    OSSL_PROVIDER *legacy = ctx ? OSSL_PROVIDER_load(ctx, "legacy") : NULL;
    OSSL_PROVIDER *usual = legacy ? OSSL_PROVIDER_load(ctx, "default") : NULL;
    const unsigned char *at = text.at;
    PKCS12 *p12 = usual ? PKCS12_init_ex(NID_pkcs7_data, ctx, NULL) : NULL;
    bool ok = p12 != NULL && d2i_PKCS12(&p12, &at, (long)text.len) != NULL &&
              p12_parse(out, p12, password) && all_move(out);

    PKCS12_free(p12);
    if (usual != NULL)
        OSSL_PROVIDER_unload(usual);
    if (legacy != NULL)
        OSSL_PROVIDER_unload(legacy);
    OSSL_LIB_CTX_free(ctx);
    return ok;
}

static enum err p12_read(struct tls_store *out,
                         const struct tls_store_place *place, struct bytes text,
                         const char *password, struct errmsg *why)
{
    const unsigned char *at = text.at;
    PKCS12 *p12 = d2i_PKCS12(NULL, &at, (long)text.len);
    bool ok;

    if (p12 == NULL)
        return err_set(why, ERR_INVALID,
                       "%s.location=%s: neither PEM nor PKCS12: %s",
                       place->setting, place->path, openssl_words());
    if (PKCS12_verify_mac(p12, password, -1) != 1 &&
        (*password != '\0' || PKCS12_verify_mac(p12, NULL, 0) != 1)) {
        PKCS12_free(p12);
        ERR_clear_error();
        return err_set(why, ERR_INVALID, "%s.location=%s: wrong %s.password",
                       place->setting, place->path, place->setting);
    }
    ok = p12_parse(out, p12, password);
    PKCS12_free(p12);
    if (!ok)
        ok = p12_parse_legacy(out, text, password);
    return ok ? ERR_OK
              : err_set(why, ERR_INVALID,
                        "%s.location=%s: the PKCS12 store can not be read: %s",
                        place->setting, place->path, openssl_words());
}

/* -- which of them --------------------------------------------------------- */

static bool starts_with(struct bytes text, const char *magic, size_t len)
{
    return text.len >= len && memcmp(text.at, magic, len) == 0;
}

static enum err check_type(const struct tls_store_place *place,
                           struct errmsg *why)
{
    const char *type = place->type;

    if (type == NULL || strcasecmp(type, "JKS") == 0 ||
        strcasecmp(type, "PEM") == 0 || strcasecmp(type, "PKCS12") == 0)
        return ERR_OK;
    return err_set(why, ERR_INVALID,
                   "%s.type=%.64s: PEM and PKCS12 are read here (and JKS that "
                   "is PKCS12 inside)",
                   place->setting, type);
}

static enum err store_parse(struct tls_store *out,
                            const struct tls_store_place *place,
                            struct bytes text, char *password,
                            struct errmsg *why)
{
    if (starts_with(text, "\xfe\xed\xfe\xed", 4) ||
        starts_with(text, "\xce\xce\xce\xce", 4))
        return err_set(why, ERR_INVALID,
                       "%s.location=%s is in Java's old JKS format: keytool "
                       "-importkeystore -srckeystore %s -destkeystore %s.p12 "
                       "-deststoretype PKCS12, then set %s.location=%s.p12",
                       place->setting, place->path, place->path, place->path,
                       place->setting, place->path);
    if (memmem(text.at, text.len, "-----BEGIN ", 11) != NULL)
        return pem_read(out, place, text, password, why);
    return p12_read(out, place, text, password, why);
}

enum err tls_store_read(struct tls_store *out,
                        const struct tls_store_place *place, struct errmsg *why)
{
    char *text = NULL;
    char *password = NULL;
    size_t len = 0;
    enum err err = check_type(place, why);

    *out = (struct tls_store){ NULL, NULL, sk_X509_new_null() };
    ERR_clear_error();
    if (err == ERR_OK)
        err = password_get(place, &password, why);
    if (err == ERR_OK)
        err = file_read(place->setting, "location", place->path,
                        TLS_STORE_FILE_MOST, &text, &len, why);
    if (err == ERR_OK)
        err = store_parse(out, place, bytes_make(text, len), password, why);
    if (password != NULL)
        secret_free(password);
    if (text != NULL)
        OPENSSL_cleanse(text, len);
    mem_free(text);
    if (err != ERR_OK)
        tls_store_fini(out);
    return err;
}

void tls_store_fini(struct tls_store *store)
{
    EVP_PKEY_free(store->key);
    X509_free(store->cert);
    sk_X509_pop_free(store->others, X509_free);
    *store = (struct tls_store){ NULL, NULL, NULL };
}
