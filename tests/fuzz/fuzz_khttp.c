/* Arbitrary bytes to the HTTP server of the keeper, in pieces as TCP may cut
 * them, answered by a handler that reads all that a request says.
 *
 * The first byte says how long the pieces are; the rest is sent.
 */
#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper/khttp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool handle(void *to, struct khttp_conn *conn)
{
    (void)to;
    wr_raw(&conn->body, conn->method.at, conn->method.len);
    wr_raw(&conn->body, conn->path.at, conn->path.len);
    struct bytes value = khttp_parameter(conn->query, "a");
    wr_raw(&conn->body, value.at, value.len);
    wr_raw(&conn->body, conn->authorization.at, conn->authorization.len);
    conn->type = "text/plain";
    return true;
}

/* Some bodies are taken, some requests refused in front of theirs. */
static bool begin(void *to, struct khttp_conn *conn)
{
    (void)to;
    conn->taking = conn->path.len % 2 == 0;
    conn->status = conn->path.len == 4 ? 401 : 200;
    return conn->status == 200;
}

static bool take(void *to, struct khttp_conn *conn, struct bytes piece)
{
    (void)to;
    assert(conn->taking && piece.len > 0);
    conn->status = memchr(piece.at, '!', piece.len) == NULL ? 200 : 500;
    return conn->status == 200;
}

/* A pair of sockets needs no port, of which a fuzzer would use up all. */
static int dial(struct khttp *http)
{
    struct sockaddr none = { .sa_family = AF_UNIX };
    int pair[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0)
        abort();
    khttp_serve(http, pair[1], &none);
    return pair[0];
}

static void turns(struct loop *loop, int fd)
{
    uint8_t answer[65536];

    for (int i = 0; i < 4; i++)
        loop_turn(loop, 0);
    while (recv(fd, answer, sizeof answer, MSG_DONTWAIT) > 0)
        loop_turn(loop, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct loop *loop;
    static struct khttp http = {
        .idle_ms = 1000, .handle = handle, .begin = begin, .take = take
    };
    struct errmsg why;

    if (loop == NULL) {
        if (loop_new(&loop, "fuzz", &why) != ERR_OK ||
            khttp_start(&http, loop, "127.0.0.1", 0, &why) != ERR_OK)
            abort();
    }
    if (size < 2)
        return 0;
    int fd = dial(&http);
    size_t piece = data[0] ? (size_t)data[0] * 8 : size;

    for (size_t at = 1; at < size; at += piece) {
        size_t n = size - at < piece ? size - at : piece;

        if (send(fd, data + at, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            break;
        turns(loop, fd);
    }
    (void)shutdown(fd, SHUT_WR);
    turns(loop, fd);
    close(fd);
    turns(loop, -1);
    assert(http.n == 0);
    return 0;
}
