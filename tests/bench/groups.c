/* groups.c - the load of the benchmark on consumer groups, in plain requests.
 *
 *   groups beats   HOST PORT GROUPS MEMBERS SECONDS  (each member every 3 s)
 *   groups echo    HOST PORT CONNECTIONS SECONDS     (ApiVersions at that rate)
 *   groups commits HOST PORT TOPIC PARTITIONS CONNECTIONS DEPTH SECONDS
 *   groups round   HOST PORT MEMBERS   (first JoinGroup answer - last
 * SyncGroup's) groups fill    HOST PORT TOPIC PARTITIONS GROUPS (commit each
 * once)
 *
 * Each prints lines "name value". One thread, one connection for each member.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    BUFFER = 1 << 16,
    JOIN = 11,
    HEARTBEAT = 12,
    SYNC = 14,
    COMMIT = 8,
    VERSIONS = 18
};

struct conn {
    int fd;
    int group;
    char id[128]; /* member id */
    int32_t generation;
    size_t have;
    uint8_t *in;
    double due;  /* of the next heartbeat */
    int waiting; /* requests without an answer */
    bool leader;
    char (*all)[128]; /* leader: members' ids */
    int n_all;
};

static double now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* -- writing
 * ----------------------------------------------------------------------- */

static uint8_t out[1 << 20];
static size_t len;

static void i16(int v)
{
    out[len++] = (uint8_t)(v >> 8);
    out[len++] = (uint8_t)v;
}
static void i32(int32_t v)
{
    i16(v >> 16);
    i16(v);
}
static void i64(int64_t v)
{
    i32((int32_t)(v >> 32));
    i32((int32_t)v);
}
static void str(const char *s)
{
    size_t n = strlen(s);

    i16((int)n);
    memcpy(out + len, s, n);
    len += n;
}

static void begin(int key, int version)
{
    len = 4;
    i16(key);
    i16(version);
    i32(key);
    str("bench");
}

static void send_all(struct conn *c)
{
    size_t n = len;

    len = 0;
    i32((int32_t)(n - 4));
    for (size_t at = 0; at < n;) {
        ssize_t w = write(c->fd, out + at, n - at);

        if (w <= 0)
            die("write");
        at += (size_t)w;
    }
    c->waiting++;
}

static const char *group_name(int group)
{
    static char name[64];

    /* each run has groups of its own */
    snprintf(name, sizeof name, "bench-%d-%d", (int)getpid(), group);
    return name;
}

static void join(struct conn *c)
{
    begin(JOIN, 2);
    str(group_name(c->group));
    i32(10000);
    i32(60000);
    str(c->id);
    str("consumer");
    i32(1);
    str("range");
    i32(4);
    i32(0);
    send_all(c);
}

static void sync_(struct conn *c)
{
    begin(SYNC, 1);
    str(group_name(c->group));
    i32(c->generation);
    str(c->id);
    i32(c->leader ? c->n_all : 0);
    for (int i = 0; c->leader && i < c->n_all; i++) {
        str(c->all[i]);
        i32(16);
        i64(0);
        i64(0);
    }
    send_all(c);
}

static void beat(struct conn *c)
{
    begin(HEARTBEAT, 1);
    str(group_name(c->group));
    i32(c->generation);
    str(c->id);
    send_all(c);
}

static void versions(struct conn *c)
{
    begin(VERSIONS, 0);
    send_all(c);
}

static void commit(struct conn *c, const char *topic, int partitions,
                   int64_t offset)
{
    begin(COMMIT, 3);
    str(group_name(c->group));
    i32(-1);
    str("");
    i64(-1);
    i32(1);
    str(topic);
    i32(partitions);
    for (int p = 0; p < partitions; p++) {
        i32(p);
        i64(offset);
        str("");
    }
    send_all(c);
}

/* -- reading
 * ----------------------------------------------------------------------- */

static int epfd;

static void open_conn(struct conn *c, const char *host, int port)
{
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port) };
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
    int on = 1;

    inet_pton(AF_INET, host, &to.sin_addr);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (void *)&to, sizeof to) != 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    epoll_ctl(epfd, EPOLL_CTL_ADD, c->fd, &event);
    c->in = malloc(BUFFER);
}

static int32_t get32(const uint8_t *p)
{
    return (int32_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
                     (uint32_t)p[2] << 8 | p[3]);
}

/* The next whole answer; its size with the length, 0 none. */
static size_t whole(struct conn *c)
{
    size_t n = c->have >= 4 ? (size_t)get32(c->in) + 4 : 0;

    if (n > BUFFER)
        c->in = realloc(c->in, n + BUFFER);
    return n && c->have >= n ? n : 0;
}

static void drop(struct conn *c, size_t n)
{
    memmove(c->in, c->in + n, c->have - n);
    c->have -= n;
    c->waiting--;
}

static void fill(struct conn *c)
{
    size_t want = c->have >= 4 ? (size_t)get32(c->in) + 4 - c->have : BUFFER;
    ssize_t n;

    if (c->have < 4 || want > BUFFER * 64)
        want = BUFFER - c->have;
    n = read(c->fd, c->in + c->have, want);
    if (n <= 0)
        die("the broker closed the connection");
    c->have += (size_t)n;
}

static const uint8_t *take_str(const uint8_t *p, char *to)
{
    int n = p[0] << 8 | p[1];

    memcpy(to, p + 2, (size_t)n);
    to[n] = 0;
    return p + 2 + n;
}

static void on_join(struct conn *c)
{
    const uint8_t *p = c->in + 8 + 4;
    char text[256];
    int error = p[0] << 8 | p[1];

    if (error) {
        fprintf(stderr, "join error %d\n", error);
        exit(1);
    }
    c->generation = get32(p + 2);
    p = take_str(p + 6, text);
    p = take_str(p, text);
    p = take_str(p, c->id);
    c->leader = strcmp(text, c->id) == 0;
    c->n_all = get32(p);
    p += 4;
    if (!c->leader)
        return;
    c->all = realloc(c->all, (size_t)c->n_all * 128 + 1);
    for (int i = 0; i < c->n_all; i++) {
        p = take_str(p, c->all[i]);
        p += 4 + get32(p);
    }
}

static int check_error(const struct conn *c, const char *what)
{
    int error = c->in[12] << 8 | c->in[13];

    if (error) {
        fprintf(stderr, "%s error %d\n", what, error);
        exit(1);
    }
    return error;
}

/* Wait for events; each connection with a whole answer goes to `on`. */
static void turn(int wait_ms, void (*on)(struct conn *c))
{
    struct epoll_event events[256];
    int n = epoll_wait(epfd, events, 256, wait_ms);

    for (int i = 0; i < n; i++) {
        struct conn *c = events[i].data.ptr;
        size_t size;

        fill(c);
        while ((size = whole(c)) != 0) {
            if (on)
                on(c);
            drop(c, size);
        }
    }
}

/* -- joining
 * ------------------------------------------------------------------------- */

static int left;
static double first_join, last_sync;

static void on_joining(struct conn *c)
{
    if (get32(c->in + 4) == JOIN) {
        if (first_join == 0)
            first_join = now_s();
        on_join(c);
        sync_(c);
    } else {
        check_error(c, "sync");
        last_sync = now_s();
        left--;
    }
}

static struct conn *join_all(const char *host, int port, int groups,
                             int members)
{
    int n = groups * members;
    struct conn *conns = calloc((size_t)n, sizeof *conns);

    left = n;
    for (int i = 0; i < n; i++) {
        conns[i].group = i / members;
        open_conn(&conns[i], host, port);
    }
    for (int i = 0; i < n; i++)
        join(&conns[i]);
    while (left > 0)
        turn(1000, on_joining);
    return conns;
}

static uint64_t answers;

static void on_beat(struct conn *c)
{
    check_error(c, "heartbeat");
    answers++;
}

static void on_any(struct conn *c)
{
    (void)c;
    answers++;
}

static void pace(struct conn *conns, int n, double seconds,
                 void (*say)(struct conn *), void (*on)(struct conn *))
{
    double begin_s = now_s(), end = begin_s + seconds;
    int next = 0;

    for (int i = 0; i < n; i++)
        conns[i].due = begin_s + 3.0 * i / n;
    printf("started %.3f\n", begin_s);
    fflush(stdout);
    while (now_s() < end) {
        double now = now_s();

        while (conns[next].due <= now) {
            if (!conns[next].waiting)
                say(&conns[next]);
            conns[next].due += 3.0;
            next = (next + 1) % n;
        }
        turn(1, on);
    }
    printf("answers %llu\n", (unsigned long long)answers);
}

/* -- commits
 * -------------------------------------------------------------------------- */

static const char *topic;
static int partitions;
static bool going = true;
static int64_t offset;

static void on_commit(struct conn *c)
{
    answers++;
    if (going)
        commit(c, topic, partitions, offset++);
}

static void commits(const char *host, int port, int n, int depth,
                    double seconds)
{
    struct conn *conns = calloc((size_t)n, sizeof *conns);
    double end, began;
    uint64_t before;

    for (int i = 0; i < n; i++) {
        conns[i].group = i;
        open_conn(&conns[i], host, port);
        for (int d = 0; d < depth; d++)
            commit(&conns[i], topic, partitions, offset++);
    }
    for (end = now_s() + 2; now_s() < end;) /* warm */
        turn(100, on_commit);
    printf("started %.3f\n", now_s());
    fflush(stdout);
    began = now_s();
    before = answers;
    for (end = began + seconds; now_s() < end;)
        turn(100, on_commit);
    printf("all %llu\n", (unsigned long long)answers);
    printf("commits_s %.0f\n", (double)(answers - before) / (now_s() - began));
    going = false;
}

static int fill_next, fill_groups;

static void on_fill(struct conn *c)
{
    answers++;
    if (fill_next < fill_groups) {
        c->group = fill_next++;
        commit(c, topic, partitions, offset++);
    }
}

static void fill_all(const char *host, int port, int groups)
{
    enum { CONNS = 16 };
    struct conn *conns = calloc(CONNS, sizeof *conns);

    fill_groups = groups;
    for (int i = 0; i < CONNS && fill_next < groups; i++) {
        open_conn(&conns[i], host, port);
        conns[i].group = fill_next++;
        commit(&conns[i], topic, partitions, offset++);
    }
    while (answers < (uint64_t)groups)
        turn(100, on_fill);
    printf("commits %llu\n", (unsigned long long)answers);
}

int main(int argc, char **argv)
{
    struct rlimit files;
    const char *host = argc > 3 ? argv[2] : NULL;
    int port = host ? atoi(argv[3]) : 0;

    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    epfd = epoll_create1(0);
    if (argc == 7 && strcmp(argv[1], "beats") == 0) {
        int groups = atoi(argv[4]), members = atoi(argv[5]);

        pace(join_all(host, port, groups, members), groups * members,
             atof(argv[6]), beat, on_beat);
    } else if (argc == 6 && strcmp(argv[1], "echo") == 0) {
        int n = atoi(argv[4]);
        struct conn *conns = calloc((size_t)n, sizeof *conns);

        for (int i = 0; i < n; i++)
            open_conn(&conns[i], host, port);
        pace(conns, n, atof(argv[5]), versions, on_any);
    } else if (argc == 9 && strcmp(argv[1], "commits") == 0) {
        topic = argv[4];
        partitions = atoi(argv[5]);
        commits(host, port, atoi(argv[6]), atoi(argv[7]), atof(argv[8]));
    } else if (argc == 7 && strcmp(argv[1], "fill") == 0) {
        topic = argv[4];
        partitions = atoi(argv[5]);
        fill_all(host, port, atoi(argv[6]));
    } else if (argc == 5 && strcmp(argv[1], "round") == 0) {
        join_all(host, port, 1, atoi(argv[4]));
        printf("round_ms %.1f\n", (last_sync - first_join) * 1000);
    } else {
        fprintf(stderr, "see the head of groups.c\n");
        return 2;
    }
    return 0;
}
