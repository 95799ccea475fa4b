/* echo.c - the floor of heartbeats: a server that only answers.
 *
 *   echo ANSWER_BYTES
 *
 * Listens on a port of the kernel's choice of 127.0.0.1 and prints it ("port
 * N"). One thread: epoll_wait(2), one read(2) and one write(2) a connection
 * that is ready; each whole frame is answered by one of ANSWER_BYTES, with the
 * frame's correlation id. Runs until it is killed.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { IN = 1 << 16, EVENTS = 64, HEAD = 12 };

static uint8_t in[IN];
static uint8_t out[IN];
static uint32_t answer_bytes;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int listen_any(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (void *)&at, len) != 0 || listen(fd, 1024) != 0 ||
        getsockname(fd, (void *)&at, &len) != 0)
        die("echo: listen");
    printf("port %d\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static void add(int epfd, int fd)
{
    struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
    int on = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (epoll_ctl(epfd, EPOLL_CTL_ADD, fd, &event) != 0)
        die("echo: epoll_ctl");
}

/* The load sends frames whole, and waits for an answer before it goes on. */
static void serve(int fd)
{
    ssize_t n = read(fd, in, sizeof in);
    uint32_t be = htobe32(answer_bytes - 4), length;
    size_t len = 0;

    if (n <= 0) {
        close(fd);
        return;
    }
    for (size_t at = 0; at + HEAD <= (size_t)n; at += length + 4) {
        memcpy(&length, in + at, 4);
        length = be32toh(length);
        if (length > IN || len + answer_bytes > sizeof out)
            break;
        memcpy(out + len, &be, 4);
        memcpy(out + len + 4, in + at + 8, 4);
        len += answer_bytes;
    }
    if (write(fd, out, len) < 0)
        close(fd);
}

int main(int argc, char **argv)
{
    struct epoll_event events[EVENTS];
    struct rlimit files;
    int listener, epfd = epoll_create1(0);

    answer_bytes = argc == 2 ? (uint32_t)atoi(argv[1]) : 0;
    if (answer_bytes < 8 || answer_bytes > IN) {
        fprintf(stderr, "usage: echo ANSWER_BYTES\n");
        return 2;
    }
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    listener = listen_any();
    add(epfd, listener);
    for (;;) {
        int n = epoll_wait(epfd, events, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            if (events[i].data.fd != listener)
                serve(events[i].data.fd);
            else
                add(epfd, accept(listener, NULL, NULL));
        }
    }
}
