/* ktls.c - one connection; see ktls.h. The context is in ktls_rules.c. */
#include "keeper/ktls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "keeper/kdn.h"
#include "keeper/ktls_in.h"

struct tls_conn *ktls_conn_new(struct ktls *tls, int fd, const char *ip)
{
    SSL *ssl = SSL_new(tls->ctx);

    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 ||
        (tls->check_host &&
         X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), ip) != 1)) {
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_accept_state(ssl);
    return tls_conn_new(ssl);
}

/* -- the handshake --------------------------------------------------------- */

struct cure {
    int reason; /* OpenSSL's reason code */
    const char *remedy;
};

#define SPEAKS_PLAIN                                                           \
    "the client speaks plain text on a TLS port: connect it to clientPort, "   \
    "or "                                                                      \
    "give it TLS settings"
#define NOTHING_SHARED                                                         \
    "let ssl.enabledProtocols and ssl.ciphersuites allow what the client "     \
    "offers"
#define DISTRUSTS_US                                                           \
    "the client does not trust our certificate: put its issuer into the "      \
    "client's trust store, and the host's name into the certificate"

static const struct cure cures[] = {
    { SSL_R_HTTP_REQUEST, SPEAKS_PLAIN },
    { SSL_R_WRONG_VERSION_NUMBER, SPEAKS_PLAIN },
    { SSL_R_UNEXPECTED_MESSAGE, SPEAKS_PLAIN },
    { SSL_R_PACKET_LENGTH_TOO_LONG, SPEAKS_PLAIN },
    { SSL_R_BAD_PACKET_LENGTH, SPEAKS_PLAIN },
    { SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE,
      "give the client a certificate that ssl.trustStore.location trusts, or "
      "set ssl.clientAuth to want or none" },
    { SSL_R_NO_SHARED_CIPHER, NOTHING_SHARED },
    { SSL_R_UNSUPPORTED_PROTOCOL, NOTHING_SHARED },
    { SSL_R_VERSION_TOO_LOW, NOTHING_SHARED },
    { SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, NOTHING_SHARED },
    { SSL_R_TLSV1_ALERT_UNKNOWN_CA, DISTRUSTS_US },
    { SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN, DISTRUSTS_US },
    { SSL_R_SSLV3_ALERT_BAD_CERTIFICATE, DISTRUSTS_US },
    { SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED, "renew our certificate" },
};

static const char *cure_find(int reason)
{
    for (size_t i = 0; i < sizeof cures / sizeof cures[0]; i++)
        if (cures[i].reason == reason)
            return cures[i].remedy;
    return "compare the client's TLS settings with ours";
}

/* Put the failure into words; the queue is empty afterwards. */
static void shake_failed(struct tls_conn *conn, struct errmsg *why,
                         const char **remedy)
{
    unsigned long code = ERR_peek_error();
    const char *words = code ? ERR_reason_error_string(code) : NULL;
    long verify = SSL_get_verify_result(tls_conn_ssl(conn));

    ERR_clear_error();
    if (verify != X509_V_OK) {
        err_ignore(err_set(why, ERR_DENIED, "the client's certificate: %s",
                           X509_verify_cert_error_string(verify)),
                   "for the words");
        *remedy = "give the client one whose issuer is in "
                  "ssl.trustStore.location and which is valid";
    } else if (code == 0) {
        err_ignore(err_set(why, ERR_NET, "the client hung up"),
                   "for the words");
        *remedy = "look for the reason in the client's log";
    } else {
        err_ignore(
            err_set(why, ERR_NET, "%s", words ? words : "unknown reason"),
            "for the words");
        *remedy = cure_find(ERR_GET_REASON(code));
    }
}

enum tls_step ktls_shake(struct tls_conn *conn, struct errmsg *why,
                         const char **remedy)
{
    enum tls_step step = tls_conn_shake(conn);

    if (step == TLS_FAILED)
        shake_failed(conn, why, remedy);
    return step;
}

bool ktls_subject(struct tls_conn *conn, struct wr *out)
{
    X509 *cert = SSL_get1_peer_certificate(tls_conn_ssl(conn));
    const unsigned char *der = NULL;
    size_t len = 0;
    bool ok = cert != NULL &&
              X509_NAME_get0_der(X509_get_subject_name(cert), &der, &len) &&
              kdn_write(out, bytes_make(der, len));

    X509_free(cert);
    return ok;
}
