/* sink.c - the floor of producing: a broker that does nothing it need not do.
 *
 *   sink PORT FILE [PARTITIONS]
 *
 * Speaks just enough to librdkafka (ApiVersions, Metadata 1, Produce 3-7) to be
 * produced to: receives a request whole into one buffer that is used again and
 * again, checks the CRC-32C of each batch, appends it to FILE with one
 * write(2), acknowledges. One thread, poll(2). Every topic exists, with
 * PARTITIONS (1) partitions. Runs until it is killed, or until FILE cannot be
 * written.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <isa-l.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNS = 64, FRAME_MOST = 128 << 20, REPLY = 1 << 16 };

struct conn {
    int fd;
    uint8_t *data; /* length and frame */
    size_t size;
    size_t got;
};

struct in { /* what is left of a request */
    const uint8_t *at;
    size_t left;
    int bad;
};

struct out {
    uint8_t data[REPLY];
    size_t len;
};

static int file;
static int port;
static int partitions = 1;
static uint64_t next_offset;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* -- bytes
 * ---------------------------------------------------------------------- */

static const uint8_t *take(struct in *in, size_t n)
{
    static const uint8_t nothing[8];

    if (in->bad || n > in->left) {
        in->bad = 1;
        return nothing;
    }
    in->at += n;
    in->left -= n;
    return in->at - n;
}

static int16_t take16(struct in *in)
{
    uint16_t v;

    memcpy(&v, take(in, 2), 2);
    return (int16_t)be16toh(v);
}

static int32_t take32(struct in *in)
{
    uint32_t v;

    memcpy(&v, take(in, 4), 4);
    return (int32_t)be32toh(v);
}

static const uint8_t *take_string(struct in *in, size_t *len)
{
    int16_t n = take16(in);

    *len = n > 0 ? (size_t)n : 0;
    return take(in, *len);
}

static void put(struct out *out, const void *at, size_t n)
{
    if (n <= REPLY - out->len) {
        memcpy(out->data + out->len, at, n);
        out->len += n;
    }
}

static void put8(struct out *out, uint8_t v)
{
    put(out, &v, 1);
}

static void put16(struct out *out, int v)
{
    uint16_t be = htobe16((uint16_t)v);

    put(out, &be, 2);
}

static void put32(struct out *out, int32_t v)
{
    uint32_t be = htobe32((uint32_t)v);

    put(out, &be, 4);
}

static void put64(struct out *out, uint64_t v)
{
    uint64_t be = htobe64(v);

    put(out, &be, 8);
}

static void put_string(struct out *out, const void *at, size_t len)
{
    put16(out, (int)len);
    put(out, at, len);
}

/* -- the three requests
 * ------------------------------------------------------------ */

static void api_versions(struct out *out, int version)
{
    static const int served[][3] = {
        { 0, 0, 7 }, { 1, 0, 4 }, { 3, 0, 1 }, { 18, 0, 3 }
    };
    size_t n = sizeof served / sizeof *served;

    put16(out, version > 3 ? 35 : 0);
    if (version == 3)
        put8(out, (uint8_t)(n + 1));
    else
        put32(out, (int32_t)n);
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < 3; k++)
            put16(out, served[i][k]);
        if (version == 3)
            put8(out, 0);
    }
    if (version >= 1 && version <= 3)
        put32(out, 0);
    if (version == 3)
        put8(out, 0);
}

static void metadata(struct in *in, struct out *out, int version)
{
    int32_t n = take32(in);

    put32(out, 1); /* brokers */
    put32(out, 0);
    put_string(out, "127.0.0.1", 9);
    put32(out, port);
    if (version >= 1) {
        put16(out, -1); /* rack */
        put32(out, 0);  /* controller */
    }
    put32(out, n > 0 ? n : 0);
    for (int32_t i = 0; i < n && !in->bad; i++) {
        size_t len;
        const uint8_t *name = take_string(in, &len);

        put16(out, 0);
        put_string(out, name, len);
        if (version >= 1)
            put8(out, 0); /* internal */
        put32(out, partitions);
        for (int p = 0; p < partitions; p++) {
            put16(out, 0);
            put32(out, p);
            put32(out, 0); /* leader, replicas, in sync */
            put32(out, 1);
            put32(out, 0);
            put32(out, 1);
            put32(out, 0);
        }
    }
}

/* Check and append one batch; gives Kafka's error code. */
static int append(const uint8_t *batch, size_t len, uint64_t *first)
{
    uint32_t crc;
    uint32_t count;

    if (len < 61)
        return 2;
    memcpy(&crc, batch + 17, 4);
    memcpy(&count, batch + 57, 4);
    if ((crc32_iscsi((unsigned char *)(uintptr_t)batch + 21, (int)len - 21,
                     0xffffffffu) ^
         0xffffffffu) != be32toh(crc))
        return 2;
    if (write(file, batch, len) != (ssize_t)len)
        die("sink: write");
    *first = next_offset;
    next_offset += be32toh(count);
    return 0;
}

static int produce(struct in *in, struct out *out, int version)
{
    size_t len;
    int acks;
    int32_t topics;

    if (version >= 3)
        take_string(in, &len);
    acks = take16(in);
    take32(in);
    topics = take32(in);
    put32(out, topics);
    for (int32_t t = 0; t < topics && !in->bad; t++) {
        const uint8_t *name = take_string(in, &len);
        int32_t parts = take32(in);

        put_string(out, name, len);
        put32(out, parts);
        for (int32_t p = 0; p < parts && !in->bad; p++) {
            int32_t index = take32(in);
            int32_t size = take32(in);
            const uint8_t *batch = take(in, size > 0 ? (size_t)size : 0);
            uint64_t first = 0;

            put32(out, index);
            put16(out, in->bad ? 2 : append(batch, (size_t)size, &first));
            put64(out, first);
            if (version >= 2)
                put64(out, UINT64_MAX);
            if (version >= 5)
                put64(out, 0);
        }
    }
    if (version >= 1)
        put32(out, 0);
    return acks != 0;
}

/* One whole frame, without its length; -1: close. */
static int serve(int fd, const uint8_t *frame, size_t len)
{
    static struct out out;
    struct in in = { frame, len, 0 };
    int key = take16(&in);
    int version = take16(&in);
    int32_t correlation = take32(&in);
    size_t ignored;
    int answer = 1;
    uint32_t be;

    out.len = 0;
    put32(&out, 0);
    put32(&out, correlation);
    take_string(&in, &ignored);
    if (key == 18)
        api_versions(&out, version);
    else if (key == 3)
        metadata(&in, &out, version);
    else if (key == 0)
        answer = produce(&in, &out, version);
    else
        return -1;
    if (in.bad)
        return -1;
    be = htobe32((uint32_t)out.len - 4);
    memcpy(out.data, &be, 4);
    if (!answer)
        return 0;
    return send(fd, out.data, out.len, MSG_NOSIGNAL) == (ssize_t)out.len ? 0
                                                                         : -1;
}

/* -- connections
 * ---------------------------------------------------------------------- */

static void drop(struct conn *conn)
{
    close(conn->fd);
    free(conn->data);
    *conn = (struct conn){ .fd = -1 };
}

/* First the length, then the rest straight to its place. */
static int receive(struct conn *conn)
{
    size_t want = 4;
    uint32_t be = 0;
    ssize_t n;

    if (conn->got >= 4) {
        memcpy(&be, conn->data, 4);
        want = 4 + (size_t)be32toh(be);
        if (want > FRAME_MOST)
            return -1;
    }
    if (want > conn->size) {
        conn->size = want < (2 << 20) ? 2 << 20 : want;
        conn->data = realloc(conn->data, conn->size);
        if (conn->data == NULL)
            die("sink: memory");
    }
    n = recv(conn->fd, conn->data + conn->got, want - conn->got, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n <= 0)
        return -1;
    conn->got += (size_t)n;
    if (want == 4)
        return conn->got == 4 ? receive(conn) : 0;
    if (conn->got < want)
        return 0;
    conn->got = 0;
    return serve(conn->fd, conn->data + 4, want - 4);
}

static int listen_on(void)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 64) != 0)
        die("sink: listen");
    getsockname(fd, (struct sockaddr *)&at, &len);
    port = ntohs(at.sin_port);
    return fd;
}

static void run(int listener)
{
    static struct conn conns[CONNS];
    struct pollfd polled[CONNS + 1];

    for (int i = 0; i < CONNS; i++)
        conns[i].fd = -1;
    for (;;) {
        polled[CONNS] = (struct pollfd){ .fd = listener, .events = POLLIN };
        for (int i = 0; i < CONNS; i++)
            polled[i] = (struct pollfd){ .fd = conns[i].fd, .events = POLLIN };
        if (poll(polled, CONNS + 1, -1) < 0)
            continue;
        for (int i = 0; i < CONNS; i++) {
            if (conns[i].fd >= 0 && polled[i].revents && receive(&conns[i]) < 0)
                drop(&conns[i]);
        }
        if (polled[CONNS].revents) {
            int fd = accept(listener, NULL, NULL);
            int i = 0;

            while (i < CONNS && conns[i].fd >= 0)
                i++;
            if (fd >= 0 && i < CONNS)
                conns[i].fd = fd;
            else if (fd >= 0)
                close(fd);
        }
    }
}

int main(int argc, char **argv)
{
    int listener;

    if (argc < 3) {
        fputs("usage: sink PORT FILE [PARTITIONS]\n", stderr);
        return 2;
    }
    port = atoi(argv[1]);
    if (argc > 3)
        partitions = atoi(argv[3]);
    file = open(argv[2], O_WRONLY | O_CREAT | O_APPEND, 0644);
    if (file < 0)
        die("sink: file");
    signal(SIGPIPE, SIG_IGN);
    listener = listen_on();
    printf("port %d number\n", port);
    fflush(stdout);
    run(listener);
    return 0;
}
