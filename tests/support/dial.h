/* dial.h - a connection to a port of this machine, for tests of servers. */
#ifndef GREGOR_TESTS_DIAL_H
#define GREGOR_TESTS_DIAL_H

#include <arpa/inet.h>
#include <sys/socket.h>

#include "tests/support/unit.h"

/* A connected, blocking socket; the caller closes it. The test fails when
 * nobody listens. */
static inline int dial(uint16_t port)
{
    struct sockaddr_in sin = { .sin_family = AF_INET,
                               .sin_port = htons(port),
                               .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_eq(connect(fd, (struct sockaddr *)&sin, sizeof sin), 0);
    return fd;
}

#endif
