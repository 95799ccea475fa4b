/* fuzz_frame.c - any bytes, torn anywhere, into a connection.
 *
 * The first byte says how the rest is torn: it is sent over a socket pair in
 * pieces of that size, and a reactor's loop turns in between. Every API is
 * served by a handler that decodes the body and answers nothing. Nothing may be
 * left over: neither bytes in the budget nor requests.
 */
#include <assert.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/frame.h"
#include "net/net_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_request(struct request *request)
{
    if (request->api->key == WIRE_API_VERSIONS &&
        request->version > request->api->max)
        request_reply_none(request);
    else if (request_read(request) != NULL)
        request_reply_none(request);
}

static api_fn *handler_of(int16_t key)
{
    return key == WIRE_METADATA ? NULL : on_request;
}

static void send_torn(struct reactor *reactor, int fd, const uint8_t *data,
                      size_t size, size_t piece)
{
    while (size > 0) {
        size_t n = size < piece ? size : piece;

        if (send(fd, data, n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)n)
            break;
        data += n;
        size -= n;
        loop_turn(reactor->loop, 0);
    }
    shutdown(fd, SHUT_WR);
    for (int i = 0; i < 10; i++)
        loop_turn(reactor->loop, 0);
}

static void try_connection(const uint8_t *data, size_t size, size_t piece)
{
    static const struct listener listener = { .name = "PLAINTEXT", .host = "" };
    static const struct in6_addr nowhere = IN6ADDR_ANY_INIT;
    static const struct net_quota no_limits = NET_UNLIMITED;
    /* One listener to count for, none to accept on. */
    struct net net = { .config = { .listeners = &listener,
                                   .handler = handler_of,
                                   .request_max_bytes = 1 << 20,
                                   .idle_us = 600 * 1000000ll } };
    struct reactor reactor;
    struct errmsg why;
    int32_t most;
    int fd[2];

    quota_init(&net.quota, 1, 0, &no_limits);
    excess_init(&net);
    budget_init(&net.budget, 1 << 20);
    net.reactors = &reactor;
    net.n_reactors = 1;
    err_ignore(reactor_init(&reactor, &net, 0, &why), "there is room");
    err_ignore(acceptor_new(&net.acceptor, &net, reactor.loop, &why),
               "the same");
    assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd) == 0);
    (void)quota_enter(&net.quota, 0, &nowhere, &most);
    reactor_take(&reactor, conn_new(&listener, fd[0], &nowhere, 1));
    send_torn(&reactor, fd[1], data, size, piece);
    assert(quota_count(&net.quota) ==
           0); /* it saw the end, or something worse */
    assert(net.budget.used[0] == 0 && net.budget.used[1] == 0);
    assert(list_is_empty(&reactor.requests));
    close(fd[1]);
    reactor_drop_all(&reactor);
    acceptor_free(&net.acceptor);
    reactor_fini(&reactor);
    quota_fini(&net.quota);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct frame_head head;

    diag_open(-1, DIAG_ERROR);
    if (size < 1)
        return 0;
    if (size >= 5)
        frame_guess(data + 1);
    err_ignore(frame_read_head(bytes_make(data + 1, size - 1), &head),
               "any is");
    if (size < 60000)
        try_connection(data + 1, size - 1, data[0] == 0 ? size : data[0]);
    return 0;
}
