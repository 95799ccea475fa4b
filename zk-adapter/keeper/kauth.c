/* kauth.c - who a connection is: the handshake, and auth packets. */
#include <openssl/evp.h>
#include <openssl/sha.h>

#include "base/diag.h"
#include "keeper/kop.h"

/* -- auth ------------------------------------------------------------------ */

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

static bool add_digest(struct kreq *req, struct bytes secret)
{
    struct kids *ids = &req->peer->ids;
    const char *super = req->core->config->super_digest;
    struct bytes id;

    if (bytes_is_null(secret))
        secret = BYTES("");
    id = digest_id(&req->core->arena, secret);
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

void kauth_handle(struct kreq *req)
{
    struct bytes scheme;
    struct bytes secret;

    if (req->type == KOP_SASL) { /* no SASL here: an empty success */
        size_t frame = kframe_begin(req->peer, req->xid, 0, K_OK);

        wr_jute(&req->peer->out, BYTES_NULL);
        kreply_end(req->core, req->peer, frame);
        return;
    }
    (void)rd_i32(&req->rd);
    scheme = rd_jute(&req->rd, INT32_MAX);
    secret = rd_jute(&req->rd, INT32_MAX);
    if (req->rd.err != ERR_OK)
        kpeer_end(req->core, req->peer, KPEER_DEAD);
    else if (bytes_is(scheme, "digest"))
        auth_reply(req, add_digest(req, secret) ? K_OK : K_AUTH_FAILED);
    else
        auth_reply(req, bytes_is(scheme, "ip") ? K_OK : K_AUTH_FAILED);
}

/* -- the handshake --------------------------------------------------------- */

struct hello {
    int64_t last_zxid;
    int32_t timeout_ms;
    int64_t session;
    struct bytes password;
    bool has_read_only; /* clients before 3.4 do not send the byte */
};

static bool hello_read(struct bytes frame, struct hello *hello)
{
    struct rd r = rd_make(frame);

    (void)rd_i32(&r);
    hello->last_zxid = rd_i64(&r);
    hello->timeout_ms = rd_i32(&r);
    hello->session = rd_i64(&r);
    hello->password = rd_jute(&r, INT32_MAX);
    hello->has_read_only = r.left > 0;
    return r.err == ERR_OK;
}

static void hello_reply(struct kcore *core, struct kpeer *peer,
                        const struct hello *hello, int32_t timeout_ms,
                        int64_t id)
{
    uint8_t password[KSESSION_PASSWORD] = { 0 };
    struct wr *out = &peer->out;
    size_t frame = out->len;

    if (id != 0)
        ksession_password(id, password);
    wr_i32(out, 0);
    wr_i32(out, 0);
    wr_i32(out, timeout_ms);
    wr_i64(out, id);
    wr_jute(out, bytes_make(password, sizeof password));
    if (hello->has_read_only)
        wr_bool(out, false);
    kreply_end(core, peer, frame);
}

static void session_bind(struct kpeer *peer, struct ksession *session,
                         int32_t timeout_ms)
{
    session->live_ms = timeout_ms;
    session->peer = peer;
    peer->session = session;
    peer->session_id = session->id;
    peer->timeout_ms = timeout_ms;
}

static void session_new(struct kcore *core, struct kpeer *peer,
                        const struct hello *hello, int32_t timeout_ms)
{
    struct ksession *session;
    size_t record;

    if (core->refuse_writes) {
        kpeer_end(core, peer, KPEER_DEAD);
        return;
    }
    session = ksession_add(&core->sessions, ksessions_new_id(&core->sessions),
                           timeout_ms, core->now_ms);
    record = krecord_begin(core, session->id, 0, KOP_CREATE_SESSION);
    wr_i32(&core->log, timeout_ms);
    krecord_end(core, record);
    session_bind(peer, session, timeout_ms);
    kpeer_gate(core, peer, core->zxid);
    hello_reply(core, peer, hello, timeout_ms, session->id);
}

/* Whoever else holds the session is cut off first, whatever the password: so it
 * is at the real server, and clients that moved rely on it. */
static void session_again(struct kcore *core, struct kpeer *peer,
                          const struct hello *hello, int32_t timeout_ms)
{
    struct ksession *session = ksession_find(&core->sessions, hello->session);
    uint8_t password[KSESSION_PASSWORD];

    ksession_password(hello->session, password);
    if (session != NULL && session->peer != NULL) {
        struct kpeer *other = session->peer;

        session->peer = NULL;
        other->session = NULL;
        kpeer_end(core, other, KPEER_DEAD);
    }
    if (session == NULL ||
        !bytes_equal(hello->password, bytes_make(password, sizeof password))) {
        hello_reply(core, peer, hello, 0, 0);
        kpeer_end(core, peer, KPEER_LAST);
        return;
    }
    session_bind(peer, session, timeout_ms);
    ksession_touch(&core->sessions, session, core->now_ms);
    hello_reply(core, peer, hello, timeout_ms, session->id);
}

void kconnect_handle(struct kcore *core, struct kpeer *peer, struct bytes frame)
{
    const struct keeper_config *config = core->config;
    struct hello hello;
    int32_t timeout_ms;

    if (!hello_read(frame, &hello)) {
        kpeer_end(core, peer, KPEER_DEAD);
        return;
    }
    if (hello.last_zxid > core->zxid) {
        DIAG_SELDOM(DIAG_WARN,
                    "event=keeper_client_is_ahead peer=%s "
                    "client_zxid=0x%llx our_zxid=0x%llx remedy=\"restart the "
                    "client; the data here is older than what it saw\"",
                    peer->address, (unsigned long long)hello.last_zxid,
                    (unsigned long long)core->zxid);
        kpeer_end(core, peer, KPEER_DEAD);
        return;
    }
    peer->hello = true;
    timeout_ms = hello.timeout_ms;
    if (timeout_ms < config->min_session_ms)
        timeout_ms = config->min_session_ms;
    if (timeout_ms > config->max_session_ms)
        timeout_ms = config->max_session_ms;
    if (hello.session == 0)
        session_new(core, peer, &hello, timeout_ms);
    else
        session_again(core, peer, &hello, timeout_ms);
}
