/* relay.c - the floor of latency: records through a relay that only copies.
 *
 *   relay RATE SECONDS SIZE
 *
 * A sender writes one record of SIZE bytes to a socket RATE times a second, a
 * relay reads it from there and writes it to another, a receiver takes the time
 * since just before the first write. Three threads, TCP over loopback, no
 * delay. The first second does not count. Prints lines "name value unit".
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BLOCK = 1 << 16 };

static long rate;
static long seconds;
static size_t size;
static int64_t *took; /* nanoseconds, by record */
static size_t n_took;
static int64_t counts_from;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void pair(int ends[2])
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;

    ends[0] = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &len) != 0 ||
        connect(ends[0], (struct sockaddr *)&at, sizeof at) != 0)
        die("relay: loopback");
    ends[1] = accept(listener, NULL, NULL);
    close(listener);
    setsockopt(ends[0], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(ends[1], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static void write_all(int fd, const uint8_t *at, size_t n)
{
    while (n > 0) {
        ssize_t k = send(fd, at, n, MSG_NOSIGNAL);

        if (k <= 0)
            die("relay: send");
        at += k;
        n -= (size_t)k;
    }
}

static int in[2];
static int out[2];

static void *relay(void *arg)
{
    static uint8_t block[BLOCK];
    ssize_t n;

    (void)arg;
    while ((n = recv(in[1], block, sizeof block, 0)) > 0)
        write_all(out[0], block, (size_t)n);
    close(out[0]);
    return NULL;
}

static void *receiver(void *arg)
{
    uint8_t *record = malloc(size);
    size_t most = (size_t)rate * (size_t)seconds + 16;
    size_t got = 0;
    ssize_t n;

    (void)arg;
    while ((n = recv(out[1], record + got, size - got, 0)) > 0) {
        int64_t sent;

        got += (size_t)n;
        if (got < size)
            continue;
        got = 0;
        memcpy(&sent, record, sizeof sent);
        if (sent >= counts_from && n_took < most)
            took[n_took++] = now_ns() - sent;
    }
    free(record);
    return NULL;
}

static void send_paced(void)
{
    uint8_t *record = calloc(1, size);
    int64_t next = now_ns();
    int64_t end = counts_from + seconds * 1000000000;

    while (next < end) {
        struct timespec until = { next / 1000000000, next % 1000000000 };
        int64_t now;

        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        now = now_ns();
        memcpy(record, &now, sizeof now);
        write_all(in[0], record, size);
        next += 1000000000 / rate;
    }
    close(in[0]);
    free(record);
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    pthread_t threads[2];

    if (argc != 4 || (rate = atol(argv[1])) < 1 ||
        (seconds = atol(argv[2])) < 1 || (size = (size_t)atol(argv[3])) < 8) {
        fputs("usage: relay RATE SECONDS SIZE\n", stderr);
        return 2;
    }
    took = calloc((size_t)rate * (size_t)seconds + 16, sizeof *took);
    pair(in);
    pair(out);
    counts_from = now_ns() + 1000000000;
    pthread_create(&threads[0], NULL, relay, NULL);
    pthread_create(&threads[1], NULL, receiver, NULL);
    send_paced();
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    if (n_took == 0)
        die("relay: no record came through");
    qsort(took, n_took, sizeof *took, by_value);
    printf("records %zu number\n", n_took);
    printf("p50_ms %.3f ms\n", (double)took[n_took / 2] / 1e6);
    printf("p99_ms %.3f ms\n", (double)took[n_took * 99 / 100] / 1e6);
    printf("p999_ms %.3f ms\n", (double)took[n_took * 999 / 1000] / 1e6);
    free(took);
    return 0;
}
