/* khello.c - the handshake: a session begun, or taken up again. */
#include "base/diag.h"
#include "keeper/kop.h"

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
