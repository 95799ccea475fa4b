/* zkc_tls.h - TLS under a session: keys and trust, and a client's handshake.
 *
 * Threads: one, that of the session.
 */
#ifndef GREGOR_TOOLS_SHELL_ZKC_TLS_H
#define GREGOR_TOOLS_SHELL_ZKC_TLS_H

#include "tls/tls_conn.h"
#include "tls/tls_store.h"

/* Texts are borrowed for the call; a name is that of the setting, for
 * messages. */
struct zkc_tls_config {
    struct tls_store_place key;   /* path NULL: no certificate is shown */
    struct tls_store_place trust; /* path NULL: whom the system trusts */
    const char *protocols_name;
    const char *protocols; /* NULL: TLS 1.2 and 1.3 */
    const char *ciphers_name;
    const char *ciphers; /* NULL: all that are good */
    bool check_host;     /* the certificate must name the host */
};

struct zkc_tls;

/* The errors of tls_rules.h; `why` names setting and remedy. */
MUST_USE enum err zkc_tls_new(struct zkc_tls **out,
                              const struct zkc_tls_config *config,
                              struct errmsg *why);
void zkc_tls_free(struct zkc_tls **at);

/* Shake hands on a connected, non-blocking socket, which stays the caller's,
 * waiting at most `wait_ms`. `host` is as the user named it: a name or an
 * address. ERR_DENIED: its certificate is not good; ERR_NET, ERR_TIMEOUT. */
MUST_USE enum err zkc_tls_connect(struct zkc_tls *tls, int fd, const char *host,
                                  int wait_ms, struct tls_conn **out,
                                  struct errmsg *why);

#endif
