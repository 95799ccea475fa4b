/* zkc_tls.c - see zkc_tls.h. */
#include "tools/shell/zkc_tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include "base/mem.h"
#include "tls/tls_rules.h"
#include "tools/shell/zkc_in.h"

struct zkc_tls {
    SSL_CTX *ctx;
    bool check_host;
};

/* -- the context ----------------------------------------------------------- */

static enum err trust_set(SSL_CTX *ctx, const struct tls_store_place *trust,
                          struct errmsg *why)
{
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    if (trust->path != NULL)
        return tls_rules_trust(ctx, trust, why);
    return SSL_CTX_set_default_verify_paths(ctx) == 1
               ? ERR_OK
               : err_set(why, ERR_INVALID,
                         "%s.location is not set, and the system's "
                         "certificates can not be read",
                         trust->setting);
}

static enum err rules_set(SSL_CTX *ctx, const struct zkc_tls_config *config,
                          struct errmsg *why)
{
    enum err err = tls_rules_protocols(ctx, config->protocols_name,
                                       config->protocols, why);

    if (err == ERR_OK)
        err =
            tls_rules_ciphers(ctx, config->ciphers_name, config->ciphers, why);
    if (err == ERR_OK && config->key.path != NULL)
        err = tls_rules_key(ctx, &config->key, why);
    if (err == ERR_OK)
        err = trust_set(ctx, &config->trust, why);
    return err;
}

enum err zkc_tls_new(struct zkc_tls **out, const struct zkc_tls_config *config,
                     struct errmsg *why)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    enum err err;

    if (ctx == NULL)
        return err_set(why, ERR_NOMEM, "TLS: no memory for it");
    tls_rules_init(ctx);
    err = rules_set(ctx, config, why);
    ERR_clear_error();
    if (err != ERR_OK) {
        SSL_CTX_free(ctx);
        return err;
    }
    *out = mem_need(sizeof **out);
    (*out)->ctx = ctx;
    (*out)->check_host = config->check_host;
    return ERR_OK;
}

void zkc_tls_free(struct zkc_tls **at)
{
    struct zkc_tls *tls = *at;

    *at = NULL;
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->ctx);
    mem_free(tls);
}

/* -- the handshake --------------------------------------------------------- */

static bool is_address(const char *host)
{
    uint8_t bytes[16];

    return inet_pton(AF_INET, host, bytes) == 1 ||
           inet_pton(AF_INET6, host, bytes) == 1;
}

/* Whom the certificate must name, by the rules of HTTPS, and whom we ask for
 * when one server has several names. */
static bool host_set(const struct zkc_tls *tls, SSL *ssl, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    bool address = is_address(host);

    if (!address && SSL_set_tlsext_host_name(ssl, host) != 1)
        return false;
    if (!tls->check_host)
        return true;
    X509_VERIFY_PARAM_set_hostflags(param,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return (address ? X509_VERIFY_PARAM_set1_ip_asc(param, host)
                    : X509_VERIFY_PARAM_set1_host(param, host, 0)) == 1;
}

static struct tls_conn *conn_new(const struct zkc_tls *tls, int fd,
                                 const char *host)
{
    SSL *ssl = SSL_new(tls->ctx);

    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || !host_set(tls, ssl, host)) {
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_connect_state(ssl);
    return tls_conn_new(ssl);
}

/* What failed, and what to do; OpenSSL's queue is empty afterwards. */
static enum err shake_failed(struct tls_conn *conn, struct errmsg *why)
{
    unsigned long code = ERR_peek_error();
    const char *words = code ? ERR_reason_error_string(code) : NULL;
    long verify = SSL_get_verify_result(tls_conn_ssl(conn));

    ERR_clear_error();
    if (verify == X509_V_ERR_HOSTNAME_MISMATCH ||
        verify == X509_V_ERR_IP_ADDRESS_MISMATCH)
        return err_set(why, ERR_DENIED,
                       "the server's certificate names another host: connect "
                       "to a name that is in it, or switch the verification "
                       "of hostnames off");
    if (verify != X509_V_OK)
        return err_set(why, ERR_DENIED,
                       "the server's certificate: %s: put its issuer into the "
                       "trust store",
                       X509_verify_cert_error_string(verify));
    if (code == 0)
        return err_set(why, ERR_NET,
                       "the server hung up in the handshake of TLS: does this "
                       "port speak TLS?");
    return err_set(why, ERR_NET, "TLS: %s", words ? words : "unknown reason");
}

enum err zkc_tls_connect(struct zkc_tls *tls, int fd, const char *host,
                         int wait_ms, struct tls_conn **out, struct errmsg *why)
{
    int64_t end = zkc_now_ms() + wait_ms;
    struct tls_conn *conn = conn_new(tls, fd, host);
    enum err err = ERR_OK;
    enum tls_step step;

    if (conn == NULL)
        return err_set(why, ERR_NOMEM, "TLS: no memory for it");
    while (err == ERR_OK && (step = tls_conn_shake(conn)) != TLS_DONE) {
        struct pollfd ready = { fd, step == TLS_WANT_READ ? POLLIN : POLLOUT,
                                0 };
        int64_t left = end - zkc_now_ms();

        if (step == TLS_FAILED)
            err = shake_failed(conn, why);
        else if (left <= 0 || poll(&ready, 1, (int)left) == 0)
            err = err_set(why, ERR_TIMEOUT,
                          "no answer in the handshake of TLS: does this port "
                          "speak TLS?");
    }
    if (err != ERR_OK)
        tls_conn_free(&conn, false);
    *out = conn;
    return err;
}
