/* ktls_rules.c - zoo.cfg's ssl.* turned into an OpenSSL context. */
#include <openssl/err.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "keeper/keeper.h"
#include "keeper/ktls.h"
#include "keeper/ktls_in.h"
#include "tls/tls_rules.h"

/* Unless something is set, TLS 1.2 and 1.3, as at ZooKeeper from 3.9.3. */
static enum err protocols_set(SSL_CTX *ctx, const struct keeper_config *config,
                              struct errmsg *why)
{
    const char *one = config->tls_protocol;

    if (config->tls_protocols != NULL)
        return tls_rules_protocols(ctx, "ssl.enabledProtocols",
                                   config->tls_protocols, why);
    if (one != NULL && strcmp(one, "TLS") == 0)
        one = NULL;
    return tls_rules_protocols(ctx, "ssl.protocol", one, why);
}

static enum err key_set(SSL_CTX *ctx, const struct keeper_config *config,
                        struct errmsg *why)
{
    struct tls_store_place place = {
        "ssl.keyStore",
        config->key_store,
        config->key_store_password,
        config->key_store_password_path,
        config->key_store_type,
    };

    if (place.path == NULL)
        return err_set(why, ERR_INVALID,
                       "ssl.keyStore.location is not set: TLS wants the "
                       "service's key and certificate, in PEM or PKCS12");
    return tls_rules_key(ctx, &place, why);
}

static enum err trust_set(SSL_CTX *ctx, const struct keeper_config *config,
                          struct errmsg *why)
{
    struct tls_store_place place = {
        "ssl.trustStore",
        config->trust_store,
        config->trust_store_password,
        config->trust_store_password_path,
        config->trust_store_type,
    };

    return tls_rules_trust(ctx, &place, why);
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
    tls_rules_init(ctx);
    SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_num_tickets(ctx, 0);
    err = protocols_set(ctx, config, why);
    if (err == ERR_OK)
        err = tls_rules_ciphers(ctx, "ssl.ciphersuites", config->tls_ciphers,
                                why);
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
