/* bind.c - listening sockets.
 *
 * What is set on one (no delay, keep-alive, buffers) its connections inherit.
 */
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/net_in.h"

static void set_option(int fd, int level, int name, int value)
{
    /* a socket without the option still serves */
    (void)setsockopt(fd, level, name, &value, sizeof value);
}

/* Whether the kernel sizes such a buffer by itself up to `bytes` and beyond.
 * Asking for a fixed size switches that off: Kafka's default of 100 KiB doubles
 * the system time of receiving (0.15 to 0.33 CPU s/GB on loopback) and helps
 * nobody. `limits` is tcp_rmem or tcp_wmem: least, default, most. */
static bool grows_by_itself(const char *limits, int bytes)
{
    long most = 0;
    FILE *file = fopen(limits, "re");

    if (file == NULL)
        return false;
    if (fscanf(file, "%*s %*s %ld", &most) != 1)
        most = 0;
    (void)fclose(file);
    return most >= bytes;
}

static void set_buffers(const struct net_config *config, int fd)
{
    if (config->send_buffer > 0 &&
        !grows_by_itself("/proc/sys/net/ipv4/tcp_wmem", config->send_buffer))
        set_option(fd, SOL_SOCKET, SO_SNDBUF, config->send_buffer);
    if (config->receive_buffer > 0 &&
        !grows_by_itself("/proc/sys/net/ipv4/tcp_rmem", config->receive_buffer))
        set_option(fd, SOL_SOCKET, SO_RCVBUF, config->receive_buffer);
}

static int bind_one(const struct net_config *config, const struct addrinfo *ai)
{
    int backlog = config->backlog > NET_BACKLOG ? config->backlog : NET_BACKLOG;
    int fd =
        socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (ai->ai_family == AF_INET6)
        set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    set_buffers(config, fd);
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) != 0 ||
        listen(fd, backlog) != 0) {
        int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

/* The first address that can be bound: for a name IPv4 before IPv6, as Java
 * does; for all interfaces the IPv6 wildcard, which takes IPv4 as well. */
static int bind_any(const struct net_config *config, const struct addrinfo *all,
                    bool wildcard)
{
    const int order[2] = { wildcard ? AF_INET6 : AF_INET,
                           wildcard ? AF_INET : AF_INET6 };
    int fd = -1;

    for (int i = 0; i < 2; i++) {
        for (const struct addrinfo *ai = all; ai && fd < 0; ai = ai->ai_next) {
            if (ai->ai_family == order[i])
                fd = bind_one(config, ai);
        }
    }
    return fd;
}

enum err bind_listener(const struct net_config *config,
                       const struct listener *listener, int *out,
                       struct errmsg *why)
{
    struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                              .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    struct addrinfo *all = NULL;
    bool wildcard = listener->host[0] == '\0';
    char port[8];
    int rc;
    int fd;

    (void)snprintf(port, sizeof port, "%u", (unsigned)listener->port & 0xffffu);
    rc = getaddrinfo(wildcard ? NULL : listener->host, port, &hints, &all);
    if (rc != 0)
        return err_set(why, ERR_NET, "listener %s: host \"%s\": %s",
                       listener->name, listener->host, gai_strerror(rc));
    fd = bind_any(config, all, wildcard);
    freeaddrinfo(all);
    if (fd < 0)
        return err_set(
            why, ERR_NET, "listener %s: %s:%d cannot be bound: %s%s",
            listener->name, wildcard ? "*" : listener->host, listener->port,
            strerror(errno),
            errno == EADDRINUSE
                ? "; stop the program that listens there, or set other "
                  "listeners"
                : "");
    *out = fd;
    return ERR_OK;
}
