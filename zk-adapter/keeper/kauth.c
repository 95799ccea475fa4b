/* kauth.c - who a connection is: auth packets, SASL tokens, certificates. */
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>

#include "base/diag.h"
#include "keeper/kop.h"

/* -- digest ---------------------------------------------------------------- */

/* user:base64(sha1(user:password)), the user being what precedes the first ':'.
 * In the arena. */
static struct bytes digest_id(struct arena *arena, struct bytes secret)
{
    uint8_t hash[SHA_DIGEST_LENGTH];
    uint8_t text[4 * ((SHA_DIGEST_LENGTH + 2) / 3) + 1];
    const uint8_t *colon =
        secret.len ? memchr(secret.at, ':', secret.len) : NULL;
    size_t user = colon ? (size_t)(colon - secret.at) : secret.len;

    SHA1(secret.at, secret.len, hash);
    EVP_EncodeBlock(text, hash, SHA_DIGEST_LENGTH);
    return arena_format(arena, "%.*s:%s", (int)user, (const char *)secret.at,
                        (const char *)text);
}

bool kauth_add_digest(struct kcore *core, struct kids *ids, struct bytes secret)
{
    const char *super = core->config->super_digest;
    struct bytes id;

    if (bytes_is_null(secret))
        secret = BYTES("");
    id = digest_id(&core->arena, secret);
    if (bytes_is_null(id))
        return false;
    if (super != NULL && bytes_is(id, super) &&
        kids_add(ids, BYTES("super"), BYTES("")) != ERR_OK)
        return false;
    return kids_add(ids, BYTES("digest"), id) == ERR_OK;
}

static void auth_reply(struct kreq *req, enum kcode code)
{
    kreply_end(req->core, req->peer,
               kframe_begin(req->peer, req->xid, 0, code));
    if (code == K_OK)
        return;
    req->core->stats.auth_failed++;
    DIAG_SELDOM(DIAG_WARN, "event=keeper_auth_failed peer=%s",
                req->peer->address);
    kpeer_end(req->core, req->peer, KPEER_LAST);
}

/* A certificate was looked at when the connection came: it has one, or not. */
static bool has_certificate(const struct kreq *req)
{
    const struct kids *ids = &req->peer->ids;

    if (!req->core->schemes.x509)
        return false;
    for (size_t i = 0; i < ids->n; i++)
        if (bytes_is(ids->at[i].scheme, "x509"))
            return true;
    return false;
}

void kpeer_certified(struct kcore *core, struct kpeer *peer, struct bytes name)
{
    const char *super = core->config->x509_super;

    if (super != NULL && bytes_is(name, super))
        err_ignore(kids_add(&peer->ids, BYTES("super"), name),
                   "the first ones fit");
    err_ignore(kids_add(&peer->ids, BYTES("x509"), name), "the first ones fit");
}

/* -- SASL ------------------------------------------------------------------ */

static bool nonce_make(struct kcore *core, char nonce[KSASL_NONCE + 1])
{
    uint8_t raw[KSASL_NONCE / 4 * 3];

    return core->random(raw, sizeof raw) &&
           EVP_EncodeBlock((uint8_t *)nonce, raw, sizeof raw) == KSASL_NONCE;
}

static bool is_super_user(const struct keeper_config *config, struct bytes user)
{
    char line[256];

    if (config->super_users == NULL ||
        snprintf(line, sizeof line, "\n%.*s\n", BYTES_ARG(user)) >=
            (int)sizeof line)
        return false;
    return strstr(config->super_users, line) != NULL;
}

/* Is the scheme in the comma list? */
static bool list_has(const char *list, struct bytes scheme)
{
    while (*list != '\0') {
        size_t n = strcspn(list, ",");
        size_t from = strspn(list, " ");
        size_t to = n;

        while (to > from && list[to - 1] == ' ')
            to--;
        if (from < to &&
            bytes_equal(bytes_make(list + from, to - from), scheme))
            return true;
        list += n + (list[n] == ',');
    }
    return false;
}

static bool sasl_enforced(const struct keeper_config *config)
{
    return config->enforce_auth &&
           list_has(config->enforce_schemes, BYTES("sasl"));
}

static void sasl_reply(struct kreq *req, enum kcode code, struct bytes token)
{
    size_t frame = kframe_begin(req->peer, req->xid, 0, code);

    wr_jute(&req->peer->out, token);
    kreply_end(req->core, req->peer, frame);
}

static void sasl_failed(struct kreq *req, const struct errmsg *why)
{
    const struct keeper_config *config = req->core->config;

    req->core->stats.auth_failed++;
    DIAG_SELDOM(DIAG_WARN,
                "event=keeper_sasl_failed peer=%s error=\"%s\" "
                "remedy=\"compare the client's JAAS section with the "
                "service's\"",
                req->peer->address, why->text);
    if (config->sasl_failed_stay && !sasl_enforced(config)) {
        sasl_reply(req, K_OK, BYTES_NULL);
        return;
    }
    sasl_reply(req,
               sasl_enforced(config) ? K_SESSION_REQUIRES_AUTH : K_AUTH_FAILED,
               BYTES_NULL);
    kpeer_end(req->core, req->peer, KPEER_LAST);
}

static enum err sasl_step(struct kreq *req, struct bytes token,
                          struct bytes *reply, struct errmsg *why)
{
    struct kpeer *peer = req->peer;
    char nonce[KSASL_NONCE + 1] = "";
    struct bytes user;
    enum err err;

    if (peer->sasl == NULL)
        peer->sasl = mem_need(sizeof *peer->sasl);
    if (peer->sasl->state == KSASL_NEW && !nonce_make(req->core, nonce))
        return err_set(why, ERR_IO, "no random bytes");
    err = ksasl_answer(req->core->sasl, peer->sasl, token, nonce,
                       &req->core->arena, reply, &user, why);
    if (err != ERR_OK || bytes_is_null(user))
        return err;
    if (is_super_user(req->core->config, user) &&
        kids_add(&peer->ids, BYTES("super"), BYTES("")) != ERR_OK)
        return err_set(why, ERR_LIMIT, "too many identities");
    if (kids_add(&peer->ids, BYTES("sasl"), user) != ERR_OK)
        return err_set(why, ERR_LIMIT, "too many identities");
    return ERR_OK;
}

static void sasl_handle(struct kreq *req)
{
    struct bytes token = rd_jute(&req->rd, INT32_MAX);
    struct bytes reply = BYTES_NULL;
    struct errmsg why = { "" };

    if (req->rd.err != ERR_OK || bytes_is_null(token))
        kpeer_end(req->core, req->peer, KPEER_DEAD);
    else if (req->core->sasl != NULL &&
             sasl_step(req, token, &reply, &why) != ERR_OK)
        sasl_failed(req, &why);
    else /* without SASL here: an empty success */
        sasl_reply(req, K_OK, reply);
}

/* -- what comes in --------------------------------------------------------- */

void kauth_handle(struct kreq *req)
{
    struct bytes scheme;
    struct bytes secret;

    if (req->type == KOP_SASL) {
        sasl_handle(req);
        return;
    }
    (void)rd_i32(&req->rd);
    scheme = rd_jute(&req->rd, INT32_MAX);
    secret = rd_jute(&req->rd, INT32_MAX);
    if (req->rd.err != ERR_OK)
        kpeer_end(req->core, req->peer, KPEER_DEAD);
    else if (bytes_is(scheme, "digest"))
        auth_reply(req, kauth_add_digest(req->core, &req->peer->ids, secret)
                            ? K_OK
                            : K_AUTH_FAILED);
    else if (bytes_is(scheme, "x509"))
        auth_reply(req, has_certificate(req) ? K_OK : K_AUTH_FAILED);
    else
        auth_reply(req, bytes_is(scheme, "ip") ? K_OK : K_AUTH_FAILED);
}

bool kauth_enforce(struct kreq *req)
{
    const struct keeper_config *config = req->core->config;
    const struct kids *ids = &req->peer->ids;

    if (req->type == KOP_AUTH || req->type == KOP_SASL)
        return true;
    req->peer->known = !config->enforce_auth;
    for (size_t i = 0; i < ids->n && !req->peer->known; i++)
        req->peer->known = list_has(config->enforce_schemes, ids->at[i].scheme);
    if (req->peer->known)
        return true;
    DIAG_SELDOM(DIAG_WARN,
                "event=keeper_auth_required peer=%s schemes=\"%s\" "
                "remedy=\"let the client authenticate with one of them\"",
                req->peer->address, config->enforce_schemes);
    kreply_end(req->core, req->peer,
               kframe_begin(req->peer, req->xid, 0, K_SESSION_REQUIRES_AUTH));
    kpeer_end(req->core, req->peer, KPEER_LAST);
    return false;
}
