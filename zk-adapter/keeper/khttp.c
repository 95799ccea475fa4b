/* khttp.c - accept, read a head, answer; see khttp.h. */
#include "keeper/khttp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "keeper/ktext.h"

static void conn_close(struct khttp_conn *conn)
{
    struct khttp *http = conn->http;

    if (conn->io.fd < 0)
        return;
    if ((conn->state == KHTTP_WAIT || conn->taking) && http->gone != NULL)
        http->gone(http->to, conn);
    loop_timer_stop(&conn->idle);
    int fd = conn->io.fd;
    loop_io_fini(&conn->io);
    conn->io.fd = -1;
    close(fd);
    if (conn->file >= 0)
        close(conn->file);
    wr_fini(&conn->headers);
    wr_fini(&conn->body);
    wr_fini(&conn->out);
    mem_free(conn->in);
    list_remove(&conn->link);
    list_append(&http->dead, &conn->link);
    http->n--;
}

static void on_turn(struct loop_hook *hook)
{
    struct khttp *http = CONTAINER_OF(hook, struct khttp, turn);

    while (!list_is_empty(&http->dead)) {
        struct khttp_conn *conn =
            CONTAINER_OF(http->dead.next, struct khttp_conn, link);

        list_remove(&conn->link);
        mem_free(conn);
    }
}

static void idle_again(struct khttp_conn *conn)
{
    loop_timer_set(&conn->idle, conn->http->idle_ms * 1000);
}

static void on_idle(struct loop_timer *timer)
{
    conn_close(CONTAINER_OF(timer, struct khttp_conn, idle));
}

/* -- the request ----------------------------------------------------------- */

static struct bytes word_take(struct bytes *line)
{
    size_t n = 0;
    struct bytes word;

    while (n < line->len && line->at[n] != ' ')
        n++;
    word = bytes_make(line->at, n);
    n += n < line->len;
    *line = bytes_make(line->at + n, line->len - n);
    return word;
}

static bool name_is(struct bytes line, const char *name, struct bytes *value)
{
    size_t n = strlen(name);

    if (line.len <= n || line.at[n] != ':' ||
        strncasecmp((const char *)line.at, name, n) != 0)
        return false;
    *value = bytes_make(line.at + n + 1, line.len - n - 1);
    while (value->len > 0 && (value->at[0] == ' ' || value->at[0] == '\t'))
        *value = bytes_make(value->at + 1, value->len - 1);
    while (value->len > 0 && value->at[value->len - 1] == ' ')
        value->len--;
    return true;
}

/* 0, or the status that refuses it. */
static int header_read(struct khttp_conn *conn, struct bytes line)
{
    struct bytes value;

    if (name_is(line, "Content-Length", &value) &&
        !bytes_to_int64(value, 0, INT64_MAX, &conn->body_left))
        return 413;
    if (name_is(line, "Transfer-Encoding", &value))
        return 411;
    if (name_is(line, "Authorization", &value))
        conn->authorization = value;
    if (name_is(line, "Connection", &value)) {
        if (value.len == 5 &&
            strncasecmp((const char *)value.at, "close", 5) == 0)
            conn->keep = false;
        if (value.len == 10 &&
            strncasecmp((const char *)value.at, "keep-alive", 10) == 0)
            conn->keep = true;
    }
    return 0;
}

static int first_read(struct khttp_conn *conn, struct bytes line)
{
    const uint8_t *mark;

    conn->method = word_take(&line);
    conn->path = word_take(&line);
    conn->query = BYTES("");
    conn->authorization = BYTES_NULL;
    conn->body_left = 0;
    conn->taking = false;
    conn->keep = bytes_is(line, "HTTP/1.1");
    if (!conn->keep && !bytes_is(line, "HTTP/1.0"))
        return 400;
    if (conn->path.len == 0 || conn->path.at[0] != '/')
        return 400;
    mark = memchr(conn->path.at, '?', conn->path.len);
    if (mark != NULL) {
        size_t n = (size_t)(mark - conn->path.at);

        conn->query = bytes_make(mark + 1, conn->path.len - n - 1);
        conn->path.len = n;
    }
    conn->head_only = bytes_is(conn->method, "HEAD");
    return 0;
}

/* The length of the head at the start of `in`, 0 while it is not whole. */
static size_t head_len(const struct khttp_conn *conn)
{
    const char *end = memmem(conn->in, conn->in_len, "\r\n\r\n", 4);

    return end ? (size_t)(end - conn->in) + 4 : 0;
}

static int head_read(struct khttp_conn *conn, size_t len)
{
    struct bytes rest = bytes_make(conn->in, len - 2);
    bool first = true;
    int bad = 0;

    while (rest.len > 0 && bad == 0) {
        const uint8_t *end = memmem(rest.at, rest.len, "\r\n", 2);
        size_t n = (size_t)(end - rest.at);
        struct bytes line = bytes_make(rest.at, n);

        bad = first ? first_read(conn, line) : header_read(conn, line);
        first = false;
        rest = bytes_make(end + 2, rest.len - n - 2);
    }
    return bad;
}

struct bytes khttp_parameter(struct bytes query, const char *name)
{
    size_t n = strlen(name);

    while (query.len > 0) {
        const uint8_t *end = memchr(query.at, '&', query.len);
        size_t len = end ? (size_t)(end - query.at) : query.len;

        if (len > n && memcmp(query.at, name, n) == 0 && query.at[n] == '=')
            return bytes_make(query.at + n + 1, len - n - 1);
        if (end == NULL)
            break;
        query = bytes_make(end + 1, query.len - len - 1);
    }
    return BYTES_NULL;
}

/* -- the answer ------------------------------------------------------------ */

static const char *status_words(int status)
{
    switch (status) {
    case 200:
        return "OK";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 411:
        return "Length Required";
    case 413:
        return "Payload Too Large";
    case 429:
        return "Too Many Requests";
    case 503:
        return "Service Unavailable";
    default:
        return "Internal Server Error";
    }
}

static void out_ready(struct khttp_conn *conn);

void khttp_answer(struct khttp_conn *conn)
{
    struct wr *out = &conn->out;
    time_t now = time(NULL);
    struct tm tm;
    char date[64];
    off_t len;

    conn->taking = false;
    if (conn->body.err != ERR_OK) {
        conn->status = 500;
        conn->type = NULL;
        wr_fini(&conn->body);
        wr_init(&conn->body, K_HTTP_ANSWER);
    }
    len = (off_t)conn->body.len + (conn->file_end - conn->file_at);
    (void)gmtime_r(&now, &tm);
    (void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    ktext_say(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", conn->status,
              status_words(conn->status), date);
    wr_raw(out, conn->headers.data, conn->headers.len);
    if (conn->type != NULL)
        ktext_say(out, "Content-Type: %s\r\n", conn->type);
    ktext_say(out, "Content-Length: %lld\r\n%s\r\n", (long long)len,
              conn->keep ? "" : "Connection: close\r\n");
    if (conn->head_only)
        conn->file_at = conn->file_end;
    else
        wr_raw(out, conn->body.data, conn->body.len);
    conn->state = KHTTP_ANSWER;
    if (out->err != ERR_OK)
        conn_close(conn);
    else
        out_ready(conn);
}

static void refuse(struct khttp_conn *conn, int status)
{
    conn->keep = false;
    conn->status = status;
    khttp_answer(conn);
}

static void handle(struct khttp_conn *conn)
{
    conn->state = KHTTP_WAIT;
    conn->status = 200;
    loop_io_want(&conn->io, LOOP_READ);
    if (conn->http->handle(conn->http->to, conn))
        khttp_answer(conn);
    else
        loop_timer_stop(&conn->idle);
}

static void answer_fini(struct khttp_conn *conn)
{
    if (conn->file >= 0)
        close(conn->file);
    conn->file = -1;
    conn->file_at = conn->file_end = 0;
    conn->type = NULL;
    conn->sent = 0;
    wr_fini(&conn->headers);
    wr_fini(&conn->body);
    wr_fini(&conn->out);
    wr_init(&conn->headers, K_HTTP_HEAD);
    wr_init(&conn->body, K_HTTP_ANSWER);
    wr_init(&conn->out, K_HTTP_ANSWER + K_HTTP_HEAD * 2);
}

static bool send_some(struct khttp_conn *conn)
{
    while (conn->sent < conn->out.len) {
        ssize_t n = send(conn->io.fd, conn->out.data + conn->sent,
                         conn->out.len - conn->sent, MSG_NOSIGNAL);

        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
        conn->sent += (size_t)n;
    }
    /* One piece of a file a turn: it may have to come from the disk. */
    if (conn->file_at < conn->file_end) {
        size_t left = (size_t)(conn->file_end - conn->file_at);
        ssize_t n = sendfile(conn->io.fd, conn->file, &conn->file_at,
                             left < 262144 ? left : 262144);

        if (n == 0)
            return false;
        if (n < 0)
            return errno == EAGAIN || errno == EINTR;
    }
    return true;
}

/* The peer is told that nothing follows; what it still sends is thrown away, so
 * that it is not cut off before it has read the answer. */
static void linger(struct khttp_conn *conn)
{
    conn->state = KHTTP_LINGER;
    (void)shutdown(conn->io.fd, SHUT_WR);
    loop_io_want(&conn->io, LOOP_READ);
}

static void out_ready(struct khttp_conn *conn)
{
    if (!send_some(conn)) {
        conn_close(conn);
        return;
    }
    idle_again(conn);
    if (conn->sent < conn->out.len || conn->file_at < conn->file_end) {
        loop_io_want(&conn->io, LOOP_WRITE);
        return;
    }
    answer_fini(conn);
    if (!conn->keep) {
        linger(conn);
        return;
    }
    conn->state = KHTTP_HEAD;
    loop_io_want(&conn->io, LOOP_READ);
}

/* -- input ----------------------------------------------------------------- */

/* The answer was given in front of the body's end: what is left of it has no
 * place on a connection that is kept. */
static void answer_early(struct khttp_conn *conn)
{
    conn->keep = false;
    khttp_answer(conn);
}

/* Bytes behind the head; more of them than the body has are thrown away. */
static bool body_take(struct khttp_conn *conn, const char *at, size_t n)
{
    struct khttp *http = conn->http;
    size_t most = n;
    bool ok = true;

    if (conn->body_left < (int64_t)n)
        most = conn->body_left > 0 ? (size_t)conn->body_left : 0;
    conn->body_left -= (int64_t)n;
    if (conn->taking && most > 0)
        ok = http->take(http->to, conn, bytes_make(at, most));
    if (!ok)
        answer_early(conn);
    return ok;
}

/* The head is whole, `len` bytes. False: the request is answered. */
static bool head_done(struct khttp_conn *conn, size_t len)
{
    struct khttp *http = conn->http;
    size_t more = conn->in_len - len;
    int bad = head_read(conn, len);

    if (bad != 0) {
        refuse(conn, bad);
        return false;
    }
    /* A request behind this one would overwrite what is borrowed from the
     * buffer: who pipelines is answered once. */
    if (more > 0 && conn->body_left == 0)
        conn->keep = false;
    conn->in_len = 0;
    conn->state = KHTTP_BODY;
    conn->status = 200;
    if (http->begin != NULL && !http->begin(http->to, conn)) {
        answer_early(conn);
        return false;
    }
    if (!conn->taking && conn->body_left > K_HTTP_BODY) {
        refuse(conn, 413);
        return false;
    }
    return body_take(conn, conn->in + len, more);
}

static void input(struct khttp_conn *conn)
{
    if (conn->state == KHTTP_HEAD) {
        size_t len = head_len(conn);

        if (len == 0 && conn->in_len == K_HTTP_HEAD)
            refuse(conn, 413);
        if (len == 0 || !head_done(conn, len))
            return;
    }
    if (conn->state == KHTTP_BODY && conn->body_left <= 0)
        handle(conn);
}

static void on_readable(struct khttp_conn *conn)
{
    char piece[K_HTTP_HEAD];
    bool head = conn->state == KHTTP_HEAD;
    ssize_t n = recv(conn->io.fd, head ? conn->in + conn->in_len : piece,
                     head ? K_HTTP_HEAD - conn->in_len : sizeof piece, 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        conn_close(conn);
        return;
    }
    if (conn->state == KHTTP_LINGER || conn->state == KHTTP_WAIT)
        return;
    idle_again(conn);
    if (head)
        conn->in_len += (size_t)n;
    else if (!body_take(conn, piece, (size_t)n))
        return;
    input(conn);
}

static void on_ready(struct loop_io *io, unsigned ready)
{
    struct khttp_conn *conn = CONTAINER_OF(io, struct khttp_conn, io);

    if (ready & LOOP_WRITE)
        out_ready(conn);
    else if (ready & LOOP_READ)
        on_readable(conn);
}

/* -- coming ---------------------------------------------------------------- */

static void ip_show(char *ip, size_t size, const struct sockaddr *sa)
{
    const struct sockaddr_in6 *six = (const void *)sa;
    const struct sockaddr_in *four = (const void *)sa;

    if (sa->sa_family == AF_INET)
        inet_ntop(AF_INET, &four->sin_addr, ip, (socklen_t)size);
    else if (sa->sa_family != AF_INET6)
        ip[0] = '\0';
    else if (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr))
        inet_ntop(AF_INET, six->sin6_addr.s6_addr + 12, ip, (socklen_t)size);
    else
        inet_ntop(AF_INET6, &six->sin6_addr, ip, (socklen_t)size);
}

void khttp_serve(struct khttp *http, int fd, const struct sockaddr *peer)
{
    struct khttp_conn *conn = mem_need(sizeof *conn);

    conn->http = http;
    conn->in = mem_need(K_HTTP_HEAD);
    conn->file = -1;
    ip_show(conn->ip, sizeof conn->ip, peer);
    answer_fini(conn);
    list_append(&http->conns, &conn->link);
    http->n++;
    loop_timer_init(&conn->idle, http->loop, on_idle);
    loop_io_init(&conn->io, http->loop, fd, on_ready);
    loop_io_want(&conn->io, LOOP_READ);
    idle_again(conn);
}

static void on_accept(struct loop_io *io, unsigned ready)
{
    struct khttp *http = CONTAINER_OF(io, struct khttp, accept);

    (void)ready;
    for (int i = 0; i < 16; i++) {
        struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
        socklen_t len = sizeof ss;
        int fd = accept4(io->fd, (struct sockaddr *)&ss, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0)
            return;
        if (http->n >= K_HTTP_CONNS)
            close(fd);
        else
            khttp_serve(http, fd, (const struct sockaddr *)&ss);
    }
}

static int listen_one(const struct addrinfo *ai)
{
    int on = 1;
    int off = 0;
    int fd =
        socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (ai->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, 64) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

/* A v6 socket takes v4 too: it is tried first. */
static int listen_any(const struct addrinfo *first)
{
    static const int families[] = { AF_INET6, AF_INET };
    int fd = -1;

    for (int k = 0; k < 2; k++)
        for (const struct addrinfo *ai = first; ai != NULL && fd < 0;
             ai = ai->ai_next)
            if (ai->ai_family == families[k])
                fd = listen_one(ai);
    return fd;
}

enum err khttp_start(struct khttp *http, struct loop *loop, const char *address,
                     int32_t port, struct errmsg *why)
{
    struct addrinfo hints = { .ai_flags = AI_PASSIVE,
                              .ai_socktype = SOCK_STREAM };
    struct addrinfo *found;
    struct sockaddr_in6 six;
    socklen_t len = sizeof six;
    char text[16];
    int fd;
    int rc;

    (void)snprintf(text, sizeof text, "%d", (int)port);
    rc = getaddrinfo(address, text, &hints, &found);
    if (rc != 0)
        return err_set(why, ERR_NET, "%s: %s", address ? address : "*",
                       gai_strerror(rc));
    fd = listen_any(found);
    freeaddrinfo(found);
    if (fd < 0)
        return err_set(why, ERR_NET, "listen on %s:%s: %s",
                       address ? address : "*", text, strerror(errno));
    if (getsockname(fd, (struct sockaddr *)&six, &len) == 0)
        http->port = ntohs(six.sin6_port);
    http->loop = loop;
    http->n = 0;
    list_init(&http->conns);
    list_init(&http->dead);
    http->turn.on_turn = on_turn;
    loop_hook_add(loop, &http->turn);
    loop_io_init(&http->accept, loop, fd, on_accept);
    loop_io_want(&http->accept, LOOP_READ);
    http->on = true;
    return ERR_OK;
}

void khttp_stop(struct khttp *http)
{
    if (!http->on)
        return;
    http->on = false;
    int fd = http->accept.fd;
    loop_io_fini(&http->accept);
    close(fd);
    LIST_EACH(link, &http->conns)
        conn_close(CONTAINER_OF(link, struct khttp_conn, link));
    on_turn(&http->turn);
    loop_hook_remove(&http->turn);
}
