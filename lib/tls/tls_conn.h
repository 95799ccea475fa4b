/* tls_conn.h - one TLS connection on a non-blocking socket.
 *
 *     SHAKE ──▶ OPEN        a step of the handshake costs up to a millisecond
 *       └──────┴──▶ over    of CPU: a server counts them
 *
 * Nothing blocks: each call does what the socket allows and says what to wait
 * for.
 *
 * Threads: a connection belongs to one at a time.
 */
#ifndef GREGOR_TLS_TLS_CONN_H
#define GREGOR_TLS_TLS_CONN_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <sys/types.h>

enum { TLS_RECORD = 16 << 10 }; /* most bytes of one record's content */

struct tls_conn;

/* On `ssl`, made by the caller with its side, socket and rules, and owned from
 * here on; the socket stays the caller's. */
struct tls_conn *tls_conn_new(SSL *ssl);

/* `clean`: say goodbye first, as far as the socket takes it. */
void tls_conn_free(struct tls_conn **at, bool clean);

SSL *tls_conn_ssl(struct tls_conn *conn); /* borrowed, for questions */

enum tls_step { TLS_DONE, TLS_WANT_READ, TLS_WANT_WRITE, TLS_FAILED };

/* Go on with the handshake. After TLS_FAILED OpenSSL's error queue of this
 * thread holds the reason, or nothing when the peer hung up; the caller empties
 * it. */
enum tls_step tls_conn_shake(struct tls_conn *conn);

/* As recv and send: bytes moved; 0: not now (see tls_conn_wants_write()); -1:
 * over. A read takes one record at most, and all of it when `size` is
 * TLS_RECORD. */
ssize_t tls_conn_read(struct tls_conn *conn, void *at, size_t size);
ssize_t tls_conn_write(struct tls_conn *conn, const void *at, size_t size);

/* Did the last tls_conn_read() stop for want of room to write? (A key
 * update.) */
bool tls_conn_wants_write(const struct tls_conn *conn);

#endif
