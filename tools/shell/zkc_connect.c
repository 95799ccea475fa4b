/* zkc_connect.c - connect to one of the servers and take up the session. */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/shell/zkc_in.h"

/* -- the socket
 * ------------------------------------------------------------------- */

static int dial(const struct addrinfo *at, int wait_ms)
{
    int fd =
        socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct pollfd out = { fd, POLLOUT, 0 };
    int one = 1, failed = 0;
    socklen_t size = sizeof failed;

    if (fd < 0)
        return -1;
    if (connect(fd, at->ai_addr, at->ai_addrlen) != 0) {
        if (errno == EINPROGRESS) {
            if (poll(&out, 1, wait_ms) != 1)
                failed = ETIMEDOUT;
            else
                getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size);
        } else {
            failed = errno;
        }
    }
    if (failed != 0) {
        close(fd);
        errno = failed;
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* "host:port", "[::1]:2181", "host" (then the port is 2181). */
static void host_split(const char *one, char *host, size_t size,
                       const char **port)
{
    const char *colon = strrchr(one, ':'), *bracket = strchr(one, ']');
    size_t n = strlen(one);

    *port = "2181";
    if (colon != NULL && (bracket == NULL || colon > bracket)) {
        n = (size_t)(colon - one);
        *port = colon + 1;
    }
    if (n >= 2 && one[0] == '[' && one[n - 1] == ']') {
        one++;
        n -= 2;
    }
    (void)snprintf(host, size, "%.*s", (int)n, one);
}

static int dial_host(const char *one, const char *host, const char *port,
                     int wait_ms, struct errmsg *why)
{
    struct addrinfo want = { .ai_socktype = SOCK_STREAM }, *all, *at;
    int fd = -1, rc;

    rc = getaddrinfo(host, port, &want, &all);
    if (rc != 0) {
        (void)err_set(why, ERR_NET, "%s: %s", one, gai_strerror(rc));
        return -1;
    }
    for (at = all; at != NULL && fd < 0; at = at->ai_next) {
        fd = dial(at, wait_ms);
        if (fd < 0)
            (void)err_set(why, ERR_NET, "%s: %s", one, strerror(errno));
    }
    freeaddrinfo(all);
    return fd;
}

/* -- the handshake
 * ---------------------------------------------------------------- */

static enum err hello_send(struct zkc *zkc)
{
    struct jute_connect_request hello = {
        .last_zxid_seen = zkc->last_zxid,
        .time_out = zkc->timeout_ms,
        .session_id = zkc->session,
        .passwd = bytes_make(zkc->password, sizeof zkc->password),
        .read_only = zkc->read_only,
    };

    zkc_frame_begin(zkc);
    jute_connect_request_write(&zkc->out, &hello);
    return zkc_frame_send(zkc);
}

/* After a reconnect: auth first, so that watches are set with its rights. */
static enum err resume(struct zkc *zkc)
{
    enum err err = ERR_OK;

    for (size_t i = 0; i < zkc->n_auths && err == ERR_OK; i++) {
        struct jute_auth_packet auth = { 0, bytes_of(zkc->auths[i].scheme),
                                         bytes_of(zkc->auths[i].auth) };

        zkc_frame_begin(zkc);
        wr_i32(&zkc->out, -4);
        wr_i32(&zkc->out, ZKC_OP_AUTH);
        jute_auth_packet_write(&zkc->out, &auth);
        err = zkc_frame_send(zkc);
    }
    if (err != ERR_OK || zkc->n_watches == 0)
        return err;
    zkc_frame_begin(zkc);
    wr_i32(&zkc->out, -8);
    wr_i32(&zkc->out, ZKC_OP_SET_WATCHES2);
    zkc_watch_write(zkc, &zkc->out);
    return zkc_frame_send(zkc);
}

static enum err hello_read(struct zkc *zkc, int wait_ms)
{
    struct jute_connect_response hello;
    struct arena arena;
    struct bytes frame;
    struct rd r;
    enum err err = zkc_frame_read(zkc, wait_ms, &frame);

    if (err != ERR_OK)
        return err;
    arena_init(&arena, 4096);
    r = rd_make(frame);
    jute_connect_response_init(&hello);
    err = jute_connect_response_read(&r, &arena, &hello);
    arena_fini(&arena);
    if (err != ERR_OK)
        return err;
    if (hello.time_out <= 0)
        return ERR_EXPIRED;
    if (hello.passwd.len != sizeof zkc->password)
        return ERR_FORMAT;
    memcpy(zkc->password, hello.passwd.at, sizeof zkc->password);
    zkc->session = hello.session_id;
    zkc->granted_ms = hello.time_out;
    zkc->state = hello.read_only ? ZKC_CONNECTED_READONLY : ZKC_CONNECTED;
    return ERR_OK;
}

void zkc_hang_up(struct zkc *zkc, bool clean)
{
    tls_conn_free(&zkc->conn, clean);
    if (zkc->fd >= 0)
        close(zkc->fd);
    zkc->fd = -1;
    zkc->in_len = zkc->in_used = 0;
}

/* What ended a new connection; with TLS 1.3 a server looks at a certificate
 * only after the handshake. */
static void say_why(const struct zkc *zkc, const char *one, enum err err,
                    struct errmsg *why)
{
    (void)err_set(why, err, "%s: %s%s", one, err_words(err),
                  zkc->conn != NULL && err == ERR_NET
                      ? ": the server may want a certificate that it trusts"
                      : "");
}

/* Connect to one server, by TLS where that is set. */
static enum err reach(struct zkc *zkc, const char *one, int wait_ms,
                      struct errmsg *why)
{
    char host[256];
    const char *port;
    enum err err;

    host_split(one, host, sizeof host, &port);
    zkc->fd = dial_host(one, host, port, wait_ms, why);
    if (zkc->fd < 0)
        return ERR_NET;
    zkc->in_len = zkc->in_used = 0;
    zkc->heard_ms = zkc_now_ms();
    if (zkc->tls == NULL)
        return ERR_OK;
    err = zkc_tls_connect(zkc->tls, zkc->fd, host, wait_ms, &zkc->conn, why);
    if (err != ERR_OK) {
        err_prefix(why, "%s", one);
        zkc_hang_up(zkc, false);
    }
    return err;
}

static bool try_host(struct zkc *zkc, const char *one, int wait_ms,
                     struct errmsg *why)
{
    enum err err = reach(zkc, one, wait_ms, why);

    if (err != ERR_OK)
        return false;
    err = hello_send(zkc);
    if (err == ERR_OK)
        err = hello_read(zkc, wait_ms);
    if (err == ERR_EXPIRED) {
        zkc_hang_up(zkc, true);
        zkc->state = ZKC_CLOSED;
        zkc_tell(zkc, "Expired");
        return false;
    }
    if (err == ERR_OK)
        err = resume(zkc);
    if (err == ERR_OK)
        return true;
    say_why(zkc, one, err, why);
    zkc_hang_up(zkc, false);
    zkc->state = ZKC_CONNECTING;
    return false;
}

bool zkc_connect(struct zkc *zkc)
{
    struct errmsg why = { "no server is named" };
    char *hosts = mem_need_text(bytes_of(zkc->hosts)), *save = NULL;
    bool done = false;
    int n = 1;

    for (const char *c = hosts; *c != '\0'; c++)
        n += *c == ',';
    zkc->tried_ms = zkc_now_ms();
    for (char *one = strtok_r(hosts, ",", &save);
         one != NULL && !done && zkc->state == ZKC_CONNECTING;
         one = strtok_r(NULL, ",", &save))
        done = try_host(zkc, one, zkc->timeout_ms / n, &why);
    mem_free(hosts);
    zkc->tried_ms = zkc_now_ms();
    if (done) {
        zkc->complained = false;
        zkc_tell(zkc, zkc->state == ZKC_CONNECTED ? "SyncConnected"
                                                  : "ConnectedReadOnly");
    } else if (zkc->state == ZKC_CONNECTING && !zkc->complained) {
        zkc->complained = true;
        (void)fflush(stdout);
        (void)fprintf(stderr, "No server answers: %s\n", why.text);
    }
    return done;
}

void zkc_disconnect(struct zkc *zkc)
{
    zkc_hang_up(zkc, false);
    if (!zkc_is_alive(zkc))
        return;
    zkc->state = ZKC_CONNECTING;
    zkc->tried_ms = 0;
    zkc_tell(zkc, "Disconnected");
}
