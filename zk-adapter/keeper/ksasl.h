/* ksasl.h - SASL with mechanism DIGEST-MD5, as the service of ZooKeeper.
 *
 *     client: ""  ──▶  challenge: realm, nonce
 *     client: username, realm, nonce, cnonce, digest-uri, response, ...
 *                 ──▶  rspauth, and the connection is `sasl:<username>`
 *
 * RFC 2831 with realm "zk-sasl-md5", service "zookeeper" and qop "auth", and
 * with the answers of Java's server in the corners: one exchange for each
 * connection, no subsequent authentication, authzid hashed but not followed.
 * The users come from the `Server` section of a JAAS file.
 *
 * Threads: any; a talk belongs to one at a time.
 */
#ifndef GREGOR_KEEPER_KSASL_H
#define GREGOR_KEEPER_KSASL_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/mem.h"

enum { KSASL_TOKEN_MOST = 4096, KSASL_NONCE = 40, KSASL_HEX = 32 };

struct keeper_config;

struct ksasl_user {
    char *name;     /* UTF-8 */
    char *password; /* UTF-8 */
};

/* Who may come in; empty is possible: then nobody. */
struct ksasl {
    struct ksasl_user *users;
    size_t n;
};

/* What one connection has said so far. */
struct ksasl_talk {
    enum { KSASL_NEW, KSASL_ASKED, KSASL_OVER } state;
    char nonce[KSASL_NONCE + 1];
};

/* Read the users of `config`'s JAAS file. `*out` becomes NULL when no file is
 * named, or it has no such section: then there is no SASL.
 * ERR_INVALID  the file is malformed, or asks for another login module than
 *              DigestLoginModule; ERR_ABSENT, ERR_DENIED, ERR_IO the file. */
MUST_USE enum err ksasl_load(struct ksasl **out,
                             const struct keeper_config *config,
                             struct errmsg *why);
/* From text instead of a file; `super_password` NULL or the one that user
 * `super` has whatever the file says. */
MUST_USE enum err ksasl_read(struct ksasl **out, struct bytes text,
                             const char *file, const char *section,
                             const char *super_password, struct errmsg *why);
/* NULL inside is fine; it becomes NULL. */
void ksasl_free(struct ksasl **at);

/* What the proof of a password is made of; texts are borrowed, without NUL. */
struct ksasl_proof {
    struct bytes user, password; /* UTF-8; hashed as ISO 8859-1 if they fit */
    struct bytes realm;
    struct bytes nonce, cnonce;
    struct bytes authzid; /* null: none */
    struct bytes uri;     /* service/host */
};

/* RFC 2831, 2.1.2.1 for qop "auth" and the first use of a nonce. `method`:
 * "AUTHENTICATE" for the client's proof, "" for the service's. False: the arena
 * is full. */
MUST_USE bool ksasl_prove(const struct ksasl_proof *in, struct arena *arena,
                          const char *method, char out[KSASL_HEX + 1]);

/* Answer one token. The reply lives in the arena.
 *
 * nonce   KSASL_NONCE base64 characters, used for a first token only.
 * user    out: null, or who has just proved to be that user; borrows from
 *         `sasl`.
 *
 * ERR_FORMAT, ERR_LIMIT, ERR_DENIED, ERR_CLOSED (the talk is over): it failed;
 * `why` says how, without secrets. The talk is over then. */
MUST_USE enum err ksasl_answer(const struct ksasl *sasl,
                               struct ksasl_talk *talk, struct bytes token,
                               const char *nonce, struct arena *arena,
                               struct bytes *reply, struct bytes *user,
                               struct errmsg *why);

#endif
