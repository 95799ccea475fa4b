/* zkc.c - calls, events, pings and the life of a session. */
#include <string.h>

#include "tools/shell/zkc_in.h"

enum { XID_EVENT = -1, XID_PING = -2, XID_AUTH = -4, XID_WATCHES = -8 };

/* -- life
 * ------------------------------------------------------------------------- */

enum err zkc_open(struct zkc *zkc, const char *connect, int timeout_ms,
                  bool read_only, struct errmsg *why)
{
    const char *slash = strchr(connect, '/');
    size_t n = slash ? (size_t)(slash - connect) : strlen(connect);

    if (n == 0)
        return err_set(why, ERR_INVALID, "%s names no server", connect);
    zkc_fini(zkc);
    zkc->state = ZKC_CONNECTING;
    zkc->hosts = mem_need_text(bytes_make(connect, n));
    zkc->chroot =
        mem_need_text(bytes_of(slash != NULL && slash[1] != '\0' ? slash : ""));
    zkc->timeout_ms = timeout_ms;
    zkc->read_only = read_only;
    wr_init(&zkc->out, ZKC_FRAME_MOST);
    return ERR_OK;
}

void zkc_fini(struct zkc *zkc)
{
    void (*on_event)(void *, const struct zkc_event *) = zkc->on_event;
    void *context = zkc->context;
    struct zkc_tls *tls = zkc->tls;

    if (zkc->hosts != NULL) {
        zkc_hang_up(zkc, true);
        wr_fini(&zkc->out);
    }
    for (size_t i = 0; i < zkc->n_watches; i++)
        mem_free(zkc->watches[i].path);
    for (size_t i = 0; i < zkc->n_auths; i++) {
        mem_free(zkc->auths[i].scheme);
        mem_free(zkc->auths[i].auth);
    }
    mem_free(zkc->watches);
    mem_free(zkc->auths);
    mem_free(zkc->hosts);
    mem_free(zkc->chroot);
    mem_free(zkc->in);
    *zkc = (struct zkc){
        .fd = -1,
        .state = ZKC_CLOSED,
        .tls = tls,
        .on_event = on_event,
        .context = context,
    };
}

void zkc_close(struct zkc *zkc)
{
    struct rd reply;

    if (!zkc_is_alive(zkc))
        return;
    if (zkc->fd >= 0) {
        (void)zkc_begin(zkc, ZKC_OP_CLOSE);
        (void)zkc_call(zkc, &reply);
    }
    zkc_hang_up(zkc, true);
    zkc->state = ZKC_CLOSED;
    zkc_tell(zkc, "Closed");
}

bool zkc_is_alive(const struct zkc *zkc)
{
    return zkc->hosts != NULL && zkc->state != ZKC_CLOSED &&
           zkc->state != ZKC_AUTH_FAILED;
}

const char *zkc_state_words(const struct zkc *zkc)
{
    static const char *const words[] = {
        [ZKC_CONNECTING] = "CONNECTING",
        [ZKC_CONNECTED] = "CONNECTED",
        [ZKC_CONNECTED_READONLY] = "CONNECTEDREADONLY",
        [ZKC_CLOSED] = "CLOSED",
        [ZKC_AUTH_FAILED] = "AUTH_FAILED",
    };

    return words[zkc->state];
}

void zkc_tell(struct zkc *zkc, const char *state)
{
    struct zkc_event event = { state, ZKC_EVENT_NONE, BYTES_NULL, -1 };

    if (zkc->on_event != NULL)
        zkc->on_event(zkc->context, &event);
}

/* -- paths
 * ------------------------------------------------------------------------ */

struct bytes zkc_path(const struct zkc *zkc, struct arena *arena,
                      const char *path)
{
    if (zkc->chroot[0] == '\0')
        return bytes_of(path);
    return arena_format(arena, "%s%s", zkc->chroot,
                        strcmp(path, "/") == 0 ? "" : path);
}

struct bytes zkc_path_own(const struct zkc *zkc, struct bytes path)
{
    size_t n = strlen(zkc->chroot);

    if (n == 0 || path.len < n || memcmp(path.at, zkc->chroot, n) != 0)
        return path;
    return path.len == n ? bytes_of("/")
                         : bytes_make(path.at + n, path.len - n);
}

/* -- what arrives
 * ----------------------------------------------------------------- */

static void take_event(struct zkc *zkc, int64_t zxid, struct rd *r)
{
    struct zkc_event event = { "SyncConnected", ZKC_EVENT_NONE, BYTES_NULL,
                               zxid };
    struct jute_watcher_event e;
    struct arena arena;

    arena_init(&arena, 4096);
    jute_watcher_event_init(&e);
    if (jute_watcher_event_read(r, &arena, &e) == ERR_OK &&
        e.type >= ZKC_EVENT_CREATED && e.type <= ZKC_EVENT_CHILDREN) {
        event.type = (enum zkc_event_type)e.type;
        event.path = zkc_path_own(zkc, e.path);
        if (zkc_watch_fired(zkc, event.type, event.path) &&
            zkc->on_event != NULL)
            zkc->on_event(zkc->context, &event);
    }
    arena_fini(&arena);
}

/* One frame. True: it is the reply with this xid. */
static bool take(struct zkc *zkc, struct bytes frame, int32_t xid,
                 struct rd *reply, int *code)
{
    struct rd r = rd_make(frame);
    int32_t got = rd_i32(&r);
    int64_t zxid = rd_i64(&r);
    int32_t err = rd_i32(&r);

    if (r.err != ERR_OK)
        return false;
    if (got == XID_EVENT) {
        take_event(zkc, zxid, &r);
        return false;
    }
    if (got == XID_AUTH && err != 0) {
        zkc->state = ZKC_AUTH_FAILED;
        zkc_tell(zkc, "AuthFailed");
        return false;
    }
    if (zxid > 0)
        zkc->last_zxid = zxid;
    if (got != xid || got < 0)
        return false;
    *reply = r;
    *code = err;
    return true;
}

static bool ping(struct zkc *zkc)
{
    zkc_frame_begin(zkc);
    wr_i32(&zkc->out, XID_PING);
    wr_i32(&zkc->out, ZKC_OP_PING);
    return zkc_frame_send(zkc) == ERR_OK;
}

/* Ping when it is time. ERR_TIMEOUT: the server has been silent too long. */
static enum err keep_alive(struct zkc *zkc, int *wait_ms)
{
    int64_t now = zkc_now_ms();
    int64_t last = zkc->sent_ms < zkc->heard_ms ? zkc->sent_ms : zkc->heard_ms;
    int64_t due = last + zkc->granted_ms / 3;

    if (now - zkc->heard_ms > (int64_t)zkc->granted_ms * 2 / 3)
        return ERR_TIMEOUT;
    if (now >= due && now - zkc->sent_ms >= zkc->granted_ms / 6) {
        if (!ping(zkc))
            return ERR_NET;
    }
    *wait_ms = zkc->granted_ms / 6 + 1;
    return ERR_OK;
}

int zkc_pump(struct zkc *zkc)
{
    struct bytes frame;
    struct rd reply;
    int wait_ms = ZKC_RETRY_MS, code;
    enum err err;

    if (!zkc_is_alive(zkc))
        return 60000;
    if (zkc->fd < 0) {
        int64_t since = zkc_now_ms() - zkc->tried_ms;

        if (zkc->tried_ms != 0 && since < ZKC_RETRY_MS)
            return (int)(ZKC_RETRY_MS - since);
        if (!zkc_connect(zkc))
            return ZKC_RETRY_MS;
    }
    while ((err = zkc_frame_read(zkc, 0, &frame)) == ERR_OK) {
        (void)take(zkc, frame, 0, &reply, &code);
        if (!zkc_is_alive(zkc))
            return 60000;
    }
    if (err == ERR_AGAIN)
        err = keep_alive(zkc, &wait_ms);
    if (err != ERR_OK) {
        zkc_disconnect(zkc);
        return 1;
    }
    return wait_ms;
}

/* -- calls
 * ------------------------------------------------------------------------ */

struct wr *zkc_begin(struct zkc *zkc, int opcode)
{
    zkc->xid = zkc->xid == INT32_MAX ? 1 : zkc->xid + 1;
    if (zkc->fd < 0 && zkc_is_alive(zkc) && !zkc_connect(zkc))
        zkc->fd = -1; /* zkc_call() will say so */
    zkc_frame_begin(zkc);
    wr_i32(&zkc->out, zkc->xid);
    wr_i32(&zkc->out, opcode);
    return &zkc->out;
}

static int wait_reply(struct zkc *zkc, struct rd *reply)
{
    int32_t xid = zkc->xid;
    int code = ZKC_CONNECTION_LOSS, wait_ms = 1;
    struct bytes frame;
    enum err err;

    for (;;) {
        err = keep_alive(zkc, &wait_ms);
        if (err == ERR_OK)
            err = zkc_frame_read(zkc, wait_ms, &frame);
        if (err == ERR_AGAIN)
            continue;
        if (err != ERR_OK)
            return ZKC_CONNECTION_LOSS;
        if (take(zkc, frame, xid, reply, &code))
            return code;
        if (zkc->state == ZKC_AUTH_FAILED)
            return ZKC_AUTH_REFUSED;
    }
}

int zkc_call(struct zkc *zkc, struct rd *reply)
{
    int code = ZKC_CONNECTION_LOSS;

    *reply = rd_make(BYTES_NULL);
    if (zkc->state == ZKC_AUTH_FAILED)
        return ZKC_AUTH_REFUSED;
    if (!zkc_is_alive(zkc))
        return ZKC_SESSION_EXPIRED;
    if (zkc->fd < 0)
        return ZKC_CONNECTION_LOSS;
    if (zkc->out.err != ERR_OK)
        return ZKC_MARSHALLING;
    if (zkc_frame_send(zkc) == ERR_OK)
        code = wait_reply(zkc, reply);
    if (code == ZKC_CONNECTION_LOSS)
        zkc_disconnect(zkc);
    return code;
}

void zkc_add_auth(struct zkc *zkc, const char *scheme, const char *auth)
{
    struct jute_auth_packet packet = { 0, bytes_of(scheme), bytes_of(auth) };

    zkc->auths =
        mem_need_more(zkc->auths, zkc->n_auths + 1, sizeof *zkc->auths);
    zkc->auths[zkc->n_auths++] = (struct zkc_auth){
        mem_need_text(bytes_of(scheme)),
        auth ? mem_need_text(bytes_of(auth)) : NULL,
    };
    if (zkc->fd < 0)
        return;
    zkc_frame_begin(zkc);
    wr_i32(&zkc->out, XID_AUTH);
    wr_i32(&zkc->out, ZKC_OP_AUTH);
    jute_auth_packet_write(&zkc->out, &packet);
    if (zkc_frame_send(zkc) != ERR_OK)
        zkc_disconnect(zkc);
}
