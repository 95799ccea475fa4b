/* shell_tls.c - see shell_tls.h. */
#include "tools/shell/shell_tls.h"

#include <openssl/crypto.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/properties.h"

#define SSL_NAME "zookeeper.ssl."

/* Kafka spells its own; NULL: it has no name for that. */
static const struct {
    const char *zookeeper, *kafka;
} names[SHELL_TLS_N] = {
    [SHELL_TLS_SECURE] = { "zookeeper.client.secure",
                           SSL_NAME "client.enable" },
    [SHELL_TLS_KEY_LOCATION] = { SSL_NAME "keyStore.location",
                                 SSL_NAME "keystore.location" },
    [SHELL_TLS_KEY_PASSWORD] = { SSL_NAME "keyStore.password",
                                 SSL_NAME "keystore.password" },
    [SHELL_TLS_KEY_PASSWORD_PATH] = { SSL_NAME "keyStore.passwordPath", NULL },
    [SHELL_TLS_KEY_TYPE] = { SSL_NAME "keyStore.type",
                             SSL_NAME "keystore.type" },
    [SHELL_TLS_TRUST_LOCATION] = { SSL_NAME "trustStore.location",
                                   SSL_NAME "truststore.location" },
    [SHELL_TLS_TRUST_PASSWORD] = { SSL_NAME "trustStore.password",
                                   SSL_NAME "truststore.password" },
    [SHELL_TLS_TRUST_PASSWORD_PATH] = { SSL_NAME "trustStore.passwordPath",
                                        NULL },
    [SHELL_TLS_TRUST_TYPE] = { SSL_NAME "trustStore.type",
                               SSL_NAME "truststore.type" },
    [SHELL_TLS_PROTOCOL] = { SSL_NAME "protocol", SSL_NAME "protocol" },
    [SHELL_TLS_PROTOCOLS] = { SSL_NAME "enabledProtocols",
                              SSL_NAME "enabled.protocols" },
    [SHELL_TLS_CIPHERS] = { SSL_NAME "ciphersuites", SSL_NAME "cipher.suites" },
    [SHELL_TLS_CHECK_HOST] = { SSL_NAME "hostnameVerification",
                               SSL_NAME "endpoint.identification.algorithm" },
    [SHELL_TLS_CRL] = { SSL_NAME "crl", SSL_NAME "crl.enable" },
    [SHELL_TLS_OCSP] = { SSL_NAME "ocsp", SSL_NAME "ocsp.enable" },
    [SHELL_TLS_SUPPLIER] = { SSL_NAME "context.supplier.class", NULL },
};

/* -- the settings ---------------------------------------------------------- */

static void forget(char *value)
{
    if (value != NULL)
        OPENSSL_cleanse(value, strlen(value));
    mem_free(value);
}

void shell_tls_init(struct shell_tls *tls)
{
    for (int i = 0; i < SHELL_TLS_N; i++) {
        tls->names[i] = names[i].zookeeper;
        tls->values[i] = NULL;
    }
}

void shell_tls_fini(struct shell_tls *tls)
{
    for (int i = 0; i < SHELL_TLS_N; i++)
        forget(tls->values[i]);
    shell_tls_init(tls);
}

/* An algorithm switches the verification of hostnames on, another text off. */
static struct bytes kafka_value(enum shell_tls_key key, struct bytes value)
{
    if (key != SHELL_TLS_CHECK_HOST)
        return value;
    return value.len == 5 &&
                   strncasecmp((const char *)value.at, "HTTPS", 5) == 0
               ? BYTES("true")
               : BYTES("false");
}

static void setting_put(struct shell_tls *tls, struct bytes name,
                        struct bytes value, bool kafka)
{
    for (int i = 0; i < SHELL_TLS_N; i++) {
        const char *own = kafka ? names[i].kafka : names[i].zookeeper;

        if (own == NULL || !bytes_is(name, own))
            continue;
        forget(tls->values[i]);
        tls->values[i] = mem_need_text(
            kafka ? kafka_value((enum shell_tls_key)i, value) : value);
        tls->names[i] = own;
    }
}

void shell_tls_flag(struct shell_tls *tls, struct bytes word)
{
    struct bytes rest;
    const uint8_t *equals;

    if (word.len < 3 || memcmp(word.at, "-D", 2) != 0)
        return;
    rest = bytes_make(word.at + 2, word.len - 2);
    equals = memchr(rest.at, '=', rest.len);
    if (equals == NULL)
        return;
    setting_put(
        tls, bytes_make(rest.at, (size_t)(equals - rest.at)),
        bytes_make(equals + 1, rest.len - 1 - (size_t)(equals - rest.at)),
        false);
}

void shell_tls_flags(struct shell_tls *tls, const char *flags)
{
    while (flags != NULL && *flags != '\0') {
        size_t n = strcspn(flags, " \t\n");

        shell_tls_flag(tls, bytes_make(flags, n));
        flags += n;
        flags += strspn(flags, " \t\n");
    }
}

static struct bytes trim(struct bytes text)
{
    while (text.len > 0 && text.at[0] <= ' ')
        text = bytes_make(text.at + 1, text.len - 1);
    while (text.len > 0 && text.at[text.len - 1] <= ' ')
        text.len--;
    return text;
}

enum err shell_tls_file(struct shell_tls *tls, const char *path, bool kafka,
                        struct errmsg *why)
{
    struct properties file;
    enum err err;

    properties_init(&file, path);
    err = properties_load(&file, why);
    for (size_t i = 0; err == ERR_OK && i < file.n; i++)
        setting_put(tls, file.items[i].name,
                    kafka ? file.items[i].value : trim(file.items[i].value),
                    kafka);
    properties_fini(&file);
    return err;
}

/* -- what they mean -------------------------------------------------------- */

static bool is_true(const struct shell_tls *tls, enum shell_tls_key key)
{
    return tls->values[key] != NULL &&
           strcasecmp(tls->values[key], "true") == 0;
}

/* The text of a setting; NULL: not set, or empty, which means the same. */
static const char *text_get(const struct shell_tls *tls, enum shell_tls_key key)
{
    const char *text = tls->values[key];

    return text != NULL && *text != '\0' ? text : NULL;
}

/* A setting that would be weaker here than with Java is refused. */
static enum err check(const struct shell_tls *tls, struct errmsg *why)
{
    static const enum shell_tls_key revoked[] = { SHELL_TLS_CRL,
                                                  SHELL_TLS_OCSP };

    for (size_t i = 0; i < sizeof revoked / sizeof revoked[0]; i++)
        if (is_true(tls, revoked[i]))
            return err_set(why, ERR_INVALID,
                           "%s=true: revocation is not checked here; set it "
                           "to false",
                           tls->names[revoked[i]]);
    if (text_get(tls, SHELL_TLS_SUPPLIER) != NULL)
        return err_set(why, ERR_INVALID,
                       "%s: there is no Java here; name the stores by "
                       "zookeeper.ssl.keyStore.location and its like",
                       tls->names[SHELL_TLS_SUPPLIER]);
    return ERR_OK;
}

/* The name less its last part, in which the names of a store differ. */
static void stem(char *out, size_t size, const char *name)
{
    const char *dot = strrchr(name, '.');

    (void)snprintf(out, size, "%.*s", (int)(dot - name), name);
}

enum err shell_tls_open(const struct shell_tls *tls, struct zkc_tls **out,
                        struct errmsg *why)
{
    char key[64], trust[64];
    bool listed = text_get(tls, SHELL_TLS_PROTOCOLS) != NULL;
    enum shell_tls_key protocols =
        listed ? SHELL_TLS_PROTOCOLS : SHELL_TLS_PROTOCOL;
    const char *host = tls->values[SHELL_TLS_CHECK_HOST];
    struct zkc_tls_config config = {
        .key = { key, text_get(tls, SHELL_TLS_KEY_LOCATION),
                 tls->values[SHELL_TLS_KEY_PASSWORD],
                 text_get(tls, SHELL_TLS_KEY_PASSWORD_PATH),
                 text_get(tls, SHELL_TLS_KEY_TYPE) },
        .trust = { trust, text_get(tls, SHELL_TLS_TRUST_LOCATION),
                   tls->values[SHELL_TLS_TRUST_PASSWORD],
                   text_get(tls, SHELL_TLS_TRUST_PASSWORD_PATH),
                   text_get(tls, SHELL_TLS_TRUST_TYPE) },
        .protocols_name = tls->names[protocols],
        .protocols = text_get(tls, protocols),
        .ciphers_name = tls->names[SHELL_TLS_CIPHERS],
        .ciphers = text_get(tls, SHELL_TLS_CIPHERS),
        .check_host = host == NULL || strcasecmp(host, "true") == 0,
    };
    enum err err;

    *out = NULL;
    if (!is_true(tls, SHELL_TLS_SECURE))
        return ERR_OK;
    stem(key, sizeof key, tls->names[SHELL_TLS_KEY_LOCATION]);
    stem(trust, sizeof trust, tls->names[SHELL_TLS_TRUST_LOCATION]);
    if (!listed && config.protocols != NULL &&
        strcmp(config.protocols, "TLS") == 0)
        config.protocols = NULL;
    err = check(tls, why);
    return err == ERR_OK ? zkc_tls_new(out, &config, why) : err;
}
