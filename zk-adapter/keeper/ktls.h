/* ktls.h - TLS for the connections of the service, by OpenSSL.
 *
 *     SHAKE ──▶ OPEN        a step of the handshake costs up to a millisecond
 *       └──────┴──▶ gone    of CPU: the owner counts them
 *
 * Nothing blocks: each call does what the socket allows and says what to wait
 * for. Without renegotiation, compression, tickets and sessions to resume.
 *
 * Threads: a context may serve several; a connection belongs to one.
 */
#ifndef GREGOR_KEEPER_KTLS_H
#define GREGOR_KEEPER_KTLS_H

#include <sys/types.h>

#include "base/bytes.h"
#include "base/err.h"
#include "wire/wr.h"

enum { KTLS_RECORD = 16 << 10 }; /* most bytes of one record's content */

struct keeper_config;
struct ktls;      /* keys, trust, rules */
struct ktls_conn; /* one connection */

/* Read the stores and rules of the configuration. ERR_INVALID, ERR_ABSENT,
 * ERR_DENIED, ERR_IO; `why` names key and remedy. */
MUST_USE enum err ktls_new(struct ktls **out,
                           const struct keeper_config *config,
                           struct errmsg *why);
void ktls_free(struct ktls **at);

/* The OpenSSL cipher lists that Java's (or OpenSSL's) names mean, each in its
 * wr with ':' between; `old` for TLS 1.2, `now` for 1.3. ERR_INVALID names the
 * one that is unknown. */
MUST_USE enum err ktls_ciphers(const char *names, struct wr *old,
                               struct wr *now, struct errmsg *why);

/* A server's side on a connected, non-blocking socket, which stays the
 * caller's. `ip` is the peer's address as text. NULL: no memory. */
struct ktls_conn *ktls_conn_new(struct ktls *tls, int fd, const char *ip);
/* `clean`: say goodbye first, as far as the socket takes it. */
void ktls_conn_free(struct ktls_conn **at, bool clean);

enum ktls_step { KTLS_DONE, KTLS_WANT_READ, KTLS_WANT_WRITE, KTLS_FAILED };

/* Go on with the handshake. After KTLS_FAILED `why` holds what failed, and
 * `*remedy` what to do (static). */
enum ktls_step ktls_shake(struct ktls_conn *conn, struct errmsg *why,
                          const char **remedy);

/* Append the subject of the peer's certificate (see kdn.h). False when it sent
 * none, or one whose name can not be written. */
bool ktls_subject(struct ktls_conn *conn, struct wr *out);

/* As recv and send: bytes moved; 0: not now (see ktls_wants()); -1: over.
 * A read takes one record at most, and all of it when `size` is KTLS_RECORD. */
ssize_t ktls_read(struct ktls_conn *conn, void *at, size_t size);
ssize_t ktls_write(struct ktls_conn *conn, const void *at, size_t size);

/* Did the last ktls_read() stop for want of room to write? (A key update.) */
bool ktls_wants_write(const struct ktls_conn *conn);

#endif
