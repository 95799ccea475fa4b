/* ktls.h - TLS for the connections of the service: keys, trust, rules, and what
 * to say when a client fails. What moves bytes is tls/tls_conn.h.
 *
 * Threads: a context may serve several.
 */
#ifndef GREGOR_KEEPER_KTLS_H
#define GREGOR_KEEPER_KTLS_H

#include "base/bytes.h"
#include "base/err.h"
#include "tls/tls_conn.h"
#include "wire/wr.h"

struct keeper_config;
struct ktls; /* keys, trust, rules */

/* Read the stores and rules of the configuration. ERR_INVALID, ERR_ABSENT,
 * ERR_DENIED, ERR_IO; `why` names key and remedy. */
MUST_USE enum err ktls_new(struct ktls **out,
                           const struct keeper_config *config,
                           struct errmsg *why);
/* NULL inside is fine; it becomes NULL. Connections keep what they need. */
void ktls_free(struct ktls **at);

/* A server's side on a connected, non-blocking socket, which stays the
 * caller's. `ip` is the peer's address as text. NULL: no memory. */
struct tls_conn *ktls_conn_new(struct ktls *tls, int fd, const char *ip);

/* Go on with the handshake. After TLS_FAILED `why` holds what failed, and
 * `*remedy` what to do (static). */
enum tls_step ktls_shake(struct tls_conn *conn, struct errmsg *why,
                         const char **remedy);

/* Append the subject of the peer's certificate (see kdn.h). False when it sent
 * none, or one whose name can not be written. */
bool ktls_subject(struct tls_conn *conn, struct wr *out);

#endif
