/* kshake.c - connections on their way to TLS.
 *
 * A step of a handshake costs as much as hundreds of reads of a znode. A turn
 * of the loop makes K_SHAKES_A_TURN of them; who comes later waits in a queue,
 * so that a storm of newcomers delays newcomers and nobody else. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/diag.h"
#include "keeper/kserver.h"

enum { TLS_HANDSHAKE = 0x16, NAME_MOST = 64 << 10 };

static void conn_fail(struct kconn *conn)
{
    kpeer_end(&conn->keeper->core, &conn->peer, KPEER_DEAD);
}

/* -- the handshake --------------------------------------------------------- */

/* Its first step: false when there are too many, or no memory. */
static bool shake_begin(struct kconn *conn)
{
    struct keeper *keeper = conn->keeper;
    int32_t most = keeper->config.tls_handshakes_most;

    if (most > 0 && keeper->n_shaking >= (size_t)most) {
        DIAG_SELDOM(DIAG_WARN,
                    "event=keeper_tls_crowd peer=%s handshakes=%d "
                    "remedy=\"raise netty.server.outstandingHandshake.limit\"",
                    conn->peer.address, (int)most);
        kmetric_count(&keeper->core.metrics, KM_tls_handshake_exceeded, 1);
        return false;
    }
    conn->tls = ktls_conn_new(keeper->tls, conn->io.fd,
                              (const char *)conn->peer.ids.at[0].id.at);
    if (conn->tls == NULL)
        return false;
    keeper->n_shaking++;
    return true;
}

/* Nothing of ours follows a finished handshake, so the kernel would put off its
 * acknowledgement for 40 ms; and a client that gathers small writes (Nagle)
 * would hold back its first request for as long. */
static void shake_done(struct kconn *conn)
{
    struct wr name;
    int on = 1;

    kshake_end(conn);
    setsockopt(conn->io.fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
    conn->phase = KCONN_OPEN;
    wr_init(&name, NAME_MOST);
    if (ktls_subject(conn->tls, &name))
        kpeer_certified(
            &conn->keeper->core, &conn->peer,
            bytes_make(name.data ? name.data : (void *)"", name.len));
    wr_fini(&name);
    kpeer_end(&conn->keeper->core, &conn->peer, KPEER_OPEN);
}

static void shake_step(struct kconn *conn)
{
    struct keeper *keeper = conn->keeper;
    struct errmsg why = { "" };
    const char *remedy = "";
    enum tls_step step;

    if (conn->tls == NULL && !shake_begin(conn)) {
        conn_fail(conn);
        return;
    }
    step = ktls_shake(conn->tls, &why, &remedy);
    switch (step) {
    case TLS_DONE:
        shake_done(conn);
        return;
    case TLS_WANT_READ:
    case TLS_WANT_WRITE:
        conn->shake_writes = step == TLS_WANT_WRITE;
        kpeer_end(&keeper->core, &conn->peer, KPEER_OPEN);
        return;
    case TLS_FAILED:
        break;
    }
    keeper->core.stats.auth_failed++;
    kmetric_count(&keeper->core.metrics, KM_unsuccessful_handshake, 1);
    DIAG_SELDOM(DIAG_WARN,
                "event=keeper_tls_failed peer=%s error=\"%s\" remedy=\"%s\"",
                conn->peer.address, why.text, remedy);
    conn_fail(conn);
}

/* -- turns ----------------------------------------------------------------- */

/* Look at the first byte without taking it: a frame of ZooKeeper never starts
 * with that of a TLS handshake, it would be 352 MiB long. */
static void detect(struct kconn *conn)
{
    uint8_t first;
    ssize_t n = recv(conn->io.fd, &first, 1, MSG_PEEK | MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (n <= 0)
        conn_fail(conn);
    else
        conn->phase = first == TLS_HANDSHAKE ? KCONN_SHAKE : KCONN_OPEN;
}

void kshake_ready(struct kconn *conn)
{
    struct keeper *keeper = conn->keeper;

    if (conn->peer.close != KPEER_OPEN)
        return;
    if (conn->phase == KCONN_DETECT)
        detect(conn);
    if (conn->phase != KCONN_SHAKE || conn->peer.close != KPEER_OPEN)
        return;
    if (keeper->shakes_left > 0) {
        keeper->shakes_left--;
        shake_step(conn);
    } else if (list_is_empty(&conn->shaking)) {
        list_append(&keeper->shaking, &conn->shaking);
        kpeer_end(&keeper->core, &conn->peer, KPEER_OPEN);
    }
}

void kshake_turn(struct keeper *keeper)
{
    keeper->shakes_left = K_SHAKES_A_TURN;
    while (keeper->shakes_left > 0 && !list_is_empty(&keeper->shaking)) {
        struct kconn *conn =
            CONTAINER_OF(keeper->shaking.next, struct kconn, shaking);

        list_remove(&conn->shaking);
        keeper->shakes_left--;
        shake_step(conn);
    }
    if (!list_is_empty(&keeper->shaking))
        loop_timer_set(&keeper->resume, 0);
}

void kshake_end(struct kconn *conn)
{
    list_remove(&conn->shaking);
    if (conn->phase == KCONN_SHAKE && conn->tls != NULL)
        conn->keeper->n_shaking--;
}
