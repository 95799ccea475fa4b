/* klisten.c - the ports: listen, accept. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/diag.h"
#include "keeper/kserver.h"

static void on_accept(struct loop_io *io, unsigned ready)
{
    struct klistener *listener = CONTAINER_OF(io, struct klistener, accept);
    struct keeper *keeper = listener->keeper;

    (void)ready;
    kserver_time(keeper);
    for (int i = 0; i < 64; i++) {
        struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
        socklen_t len = sizeof ss;
        int fd = accept4(io->fd, (struct sockaddr *)&ss, &len,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE) {
                DIAG_SELDOM(DIAG_ERROR,
                            "event=keeper_no_descriptors "
                            "remedy=\"raise the limit of open files\"");
                loop_io_want(io, 0); /* until the next sweep */
            }
            return;
        }
        if (kconn_may_come(listener, &ss)) {
            kconn_new(listener, fd, &ss);
            continue;
        }
        kmetric_count(&keeper->core.metrics, KM_connection_rejected, 1);
        DIAG_SELDOM(DIAG_WARN, "event=keeper_too_many_connections "
                               "remedy=\"raise maxClientCnxns\"");
        close(fd);
    }
}

static int listen_one(const struct addrinfo *ai, int backlog)
{
    int fd =
        socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1;
    int off = 0;

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (ai->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, backlog) == 0)
        return fd;
    int saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

static int listen_any(const struct addrinfo *first, int backlog)
{
    int fd = -1;

    /* A v6 socket takes v4 too: prefer it when the address is a wildcard. */
    for (const struct addrinfo *ai = first; ai != NULL && fd < 0;
         ai = ai->ai_next)
        if (ai->ai_family == AF_INET6)
            fd = listen_one(ai, backlog);
    for (const struct addrinfo *ai = first; ai != NULL && fd < 0;
         ai = ai->ai_next)
        if (ai->ai_family == AF_INET)
            fd = listen_one(ai, backlog);
    return fd;
}

/* `address` NULL: all; `port` below 0: none. The names are the settings'. */
static enum err listener_open(struct klistener *listener, const char *address,
                              int32_t port, const char *setting,
                              struct errmsg *why)
{
    const struct keeper_config *config = &listener->keeper->config;
    struct addrinfo hints = { .ai_flags = AI_PASSIVE,
                              .ai_socktype = SOCK_STREAM };
    struct addrinfo *found;
    struct sockaddr_storage ss = { .ss_family = AF_UNSPEC };
    socklen_t len = sizeof ss;
    char text[16];
    int rc;

    if (port < 0)
        return ERR_OK;
    (void)snprintf(text, sizeof text, "%d", (int)port);
    rc = getaddrinfo(address, text, &hints, &found);
    if (rc != 0)
        return err_set(why, ERR_NET, "%sAddress=%s: %s", setting, address,
                       gai_strerror(rc));
    listener->fd = listen_any(
        found, config->listen_backlog < 0 ? 128 : config->listen_backlog);
    freeaddrinfo(found);
    if (listener->fd < 0)
        return err_set(why, ERR_NET, "%s: listen on port %s: %s%s", setting,
                       text, strerror(errno),
                       errno == EADDRINUSE
                           ? "; stop the program that listens there, or set "
                             "another port"
                           : "");
    if (getsockname(listener->fd, (struct sockaddr *)&ss, &len) == 0)
        listener->port = kconn_port(&ss);
    loop_io_init(&listener->accept, listener->keeper->loop, listener->fd,
                 on_accept);
    loop_io_want(&listener->accept, LOOP_READ);
    return ERR_OK;
}

void klisteners_init(struct keeper *keeper)
{
    keeper->plain = (struct klistener){ .keeper = keeper, .fd = -1 };
    keeper->plain.accept.fd = -1;
    keeper->secure = keeper->plain;
    map_init(&keeper->plain.addresses);
    map_init(&keeper->secure.addresses);
}

enum err klisteners_open(struct keeper *keeper, struct errmsg *why)
{
    const struct keeper_config *config = &keeper->config;
    enum err err;

    keeper->plain.first = config->port_unification ? KCONN_DETECT : KCONN_OPEN;
    keeper->secure.first = KCONN_SHAKE;
    err = listener_open(&keeper->plain, config->client_port_address,
                        config->client_port, "clientPort", why);
    if (err == ERR_OK)
        err = listener_open(&keeper->secure, config->secure_port_address,
                            config->secure_port, "secureClientPort", why);
    return err;
}

/* Take newcomers again, in case that descriptors had run out. */
void klisteners_wake(struct keeper *keeper)
{
    if (keeper->plain.fd >= 0)
        loop_io_want(&keeper->plain.accept, LOOP_READ);
    if (keeper->secure.fd >= 0)
        loop_io_want(&keeper->secure.accept, LOOP_READ);
}

static void listener_close(struct klistener *listener)
{
    if (listener->fd < 0)
        return;
    loop_io_fini(&listener->accept);
    close(listener->fd);
    listener->fd = -1;
}

void klisteners_close(struct keeper *keeper)
{
    listener_close(&keeper->plain);
    listener_close(&keeper->secure);
}
