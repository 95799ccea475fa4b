/* sendfile_loop.c - the floor of fetching: sendfile(2) and nothing else.
 *
 *   sendfile_loop MEGABYTES
 *
 * Sends a file that lies in the page cache over loopback, 1 MB a call, again
 * and again until so many megabytes have left, to a process that reads and
 * forgets them. The file is as large as the amount, at most 1 GB, so that it
 * does not fit into the processor's caches. Prints lines "name value unit":
 *
 *   cpu_s_per_gb       of the sender, user and system
 *   user_s_per_gb      user alone
 *   mb_per_s
 *
 * BENCH_DIR says where the file goes (/tmp).
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { MB = 1000000, FILE_MOST = 1000 };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static int file_of(long mb)
{
    const char *dir = getenv("BENCH_DIR");
    static char block[MB];
    char path[4096];
    int fd;

    snprintf(path, sizeof path, "%s/sendfile-XXXXXX", dir ? dir : "/tmp");
    fd = mkstemp(path);
    if (fd < 0)
        die("sendfile_loop: file");
    unlink(path);
    for (int i = 0; i < MB; i++)
        block[i] = (char)(i * 31 >> 5);
    for (long i = 0; i < mb; i++) {
        if (write(fd, block, MB) != MB)
            die("sendfile_loop: write");
    }
    return fd;
}

static void forget(int fd)
{
    static char block[1 << 20];

    while (read(fd, block, sizeof block) > 0)
        ;
    _exit(0);
}

/* A connected pair over loopback; the other end belongs to a process of its
 * own. */
static int connect_reader(pid_t *reader)
{
    struct sockaddr_in at = { .sin_family = AF_INET,
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof at;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int to = socket(AF_INET, SOCK_STREAM, 0);
    int one = 1;
    int from;

    setsockopt(to, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 ||
        listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&at, &len) != 0 ||
        connect(to, (struct sockaddr *)&at, sizeof at) != 0)
        die("sendfile_loop: loopback");
    from = accept(listener, NULL, NULL);
    *reader = fork();
    if (*reader == 0) {
        close(to);
        forget(from);
    }
    close(from);
    close(listener);
    return to;
}

int main(int argc, char **argv)
{
    long mb = argc == 2 ? atol(argv[1]) : 0;
    long file_mb = mb < FILE_MOST ? mb : FILE_MOST;
    struct rusage before, after;
    double began, took;
    pid_t reader;
    int file, to;

    if (mb < 1) {
        fputs("usage: sendfile_loop MEGABYTES\n", stderr);
        return 2;
    }
    file = file_of(file_mb);
    to = connect_reader(&reader);
    getrusage(RUSAGE_SELF, &before);
    began = seconds();
    for (long i = 0; i < mb; i++) {
        off_t at = (off_t)(i % file_mb) * MB;
        size_t left = MB;

        while (left > 0) {
            ssize_t n = sendfile(to, file, &at, left);

            if (n <= 0)
                die("sendfile_loop: sendfile");
            left -= (size_t)n;
        }
    }
    took = seconds() - began;
    getrusage(RUSAGE_SELF, &after);
    close(to);
    waitpid(reader, NULL, 0);
    double user = of(after.ru_utime) - of(before.ru_utime);
    double system = of(after.ru_stime) - of(before.ru_stime);
    double gb = (double)mb / 1000;
    printf("cpu_s_per_gb %.4f s/GB\n", (user + system) / gb);
    printf("user_s_per_gb %.4f s/GB\n", user / gb);
    printf("mb_per_s %.1f MB/s\n", (double)mb / took);
    return 0;
}
