/* tls_conn.c - see tls_conn.h. */
#include "tls/tls_conn.h"

#include <openssl/err.h>

#include "base/mem.h"

struct tls_conn {
    SSL *ssl;
    bool wants_write; /* the last read did */
    bool over;        /* OpenSSL must not be asked again */
};

struct tls_conn *tls_conn_new(SSL *ssl)
{
    struct tls_conn *conn = mem_need(sizeof *conn);

    conn->ssl = ssl;
    return conn;
}

void tls_conn_free(struct tls_conn **at, bool clean)
{
    struct tls_conn *conn = *at;

    *at = NULL;
    if (conn == NULL)
        return;
    if (clean && !conn->over && SSL_is_init_finished(conn->ssl))
        (void)SSL_shutdown(conn->ssl);
    ERR_clear_error();
    SSL_free(conn->ssl);
    mem_free(conn);
}

SSL *tls_conn_ssl(struct tls_conn *conn)
{
    return conn->ssl;
}

enum tls_step tls_conn_shake(struct tls_conn *conn)
{
    int rc;

    ERR_clear_error();
    rc = SSL_do_handshake(conn->ssl);
    if (rc == 1)
        return TLS_DONE;
    switch (SSL_get_error(conn->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANT_WRITE;
    default:
        conn->over = true;
        return TLS_FAILED;
    }
}

/* -- bytes ----------------------------------------------------------------- */

ssize_t tls_conn_read(struct tls_conn *conn, void *at, size_t size)
{
    size_t n = 0;
    int rc;

    conn->wants_write = false;
    if (conn->over)
        return -1;
    ERR_clear_error();
    rc = SSL_read_ex(conn->ssl, at, size, &n);
    if (rc == 1)
        return (ssize_t)n;
    switch (SSL_get_error(conn->ssl, rc)) {
    case SSL_ERROR_WANT_WRITE:
        conn->wants_write = true;
        return 0;
    case SSL_ERROR_WANT_READ:
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        return -1;
    default:
        conn->over = true;
        ERR_clear_error();
        return -1;
    }
}

ssize_t tls_conn_write(struct tls_conn *conn, const void *at, size_t size)
{
    size_t n = 0;
    int rc;

    if (conn->over)
        return -1;
    ERR_clear_error();
    rc = SSL_write_ex(conn->ssl, at, size, &n);
    if (rc == 1)
        return (ssize_t)n;
    rc = SSL_get_error(conn->ssl, rc);
    if (rc == SSL_ERROR_WANT_WRITE || rc == SSL_ERROR_WANT_READ)
        return 0;
    conn->over = true;
    ERR_clear_error();
    return -1;
}

bool tls_conn_wants_write(const struct tls_conn *conn)
{
    return conn->wants_write;
}
