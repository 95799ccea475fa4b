/* groups.c - the load of the benchmark on consumer groups, in plain requests.
 *
 *   groups beats   HOST PORT PID GROUPS MEMBERS WARM_S SECONDS
 *   groups echo    HOST PORT PID GROUPS MEMBERS WARM_S SECONDS
 *   groups commits HOST PORT PID TOPIC PARTITIONS CONNECTIONS DEPTH WARM_S
 *                  SECONDS
 *   groups round   HOST PORT MEMBERS
 *   groups killed  HOST PORT SESSION_MS INTERVAL_MS
 *   groups fetch   HOST PORT GROUP TOPIC PARTITION
 *
 * beats: each member sends a heartbeat every 3 s, all spread evenly; ten times
 * as often in the first WARM_S seconds, which are not counted. echo: the same
 * bytes at the same times to one who knows no groups (echo.c). Members have a
 * connection each, or share them where there may not be so many files.
 * commits: DEPTH commits of all partitions are always on their way on each
 * connection; the first WARM_S seconds are not counted. round: from the first
 * JoinGroup answer to the last SyncGroup's. killed: one of four members gets
 * SIGKILL just after a heartbeat; from then until the others have all
 * partitions. fetch: the offset that GROUP has committed; -1 is none.
 *
 * After beats the members leave: no deadline of theirs disturbs what is
 * measured next.
 *
 * Prints lines "name value". CPU is that of process PID alone, while the load
 * runs at its rate: not while it begins, nor when connections are closed.
 */
#include <signal.h>
#include <sys/wait.h>

#include "groups_load.h"

enum {
    PERIOD_S = 3,
    FILES_SPARE = 2000,
    JOIN_MOST = 3000,
    LEAVE_SOME = 64 /* farewells between two looks for answers */
};

enum phase { JOINING, SYNCING, STABLE };

struct member {
    struct conn *conn;
    int group;
    char id[ID];
    int32_t generation;
    enum phase phase;
    bool leader;
    bool waiting;    /* a heartbeat has no answer yet */
    char (*all)[ID]; /* leader: members' ids */
    int n_all;
};

static struct member *members;
static int n_members, n_conns;
static int session_ms = 120000;
static struct conn *conns;
static int left; /* members that have no part yet */
static double first_join, last_sync;
static uint64_t answers;
static int run_id;       /* this process, or who made it */
static int tell_fd = -1; /* gets a byte for each heartbeat that was answered */

/* -- a member's requests -------------------------------------------------- */

static const char *group_name(int group)
{
    static char name[64];

    /* each run has groups of its own */
    snprintf(name, sizeof name, "bench-%d-%d", run_id, group);
    return name;
}

static int index_of(const struct member *m)
{
    return (int)(m - members);
}

static void join(struct member *m)
{
    m->phase = JOINING;
    begin(JOIN, 2, index_of(m));
    str(group_name(m->group));
    i32(session_ms);
    i32(60000);
    str(m->id);
    str("consumer");
    i32(1);
    str("range");
    i32(4);
    i32(0);
    send_all(m->conn);
}

static void sync_(struct member *m)
{
    m->phase = SYNCING;
    begin(SYNC, 1, index_of(m));
    str(group_name(m->group));
    i32(m->generation);
    str(m->id);
    i32(m->leader ? m->n_all : 0);
    for (int i = 0; m->leader && i < m->n_all; i++) {
        str(m->all[i]);
        i32(16);
        i64(0);
        i64(0);
    }
    send_all(m->conn);
}

static void beat(struct member *m)
{
    begin(HEARTBEAT, 1, index_of(m));
    str(group_name(m->group));
    i32(m->generation);
    str(m->id);
    send_all(m->conn);
    m->waiting = true;
}

/* -- and the answers ------------------------------------------------------ */

static void joined(struct member *m, const uint8_t *p)
{
    char leader[ID], text[ID];

    m->generation = get32(p);
    p = take_str(p + 4, text);
    p = take_str(p, leader);
    p = take_str(p, m->id);
    m->leader = strcmp(leader, m->id) == 0;
    m->n_all = get32(p);
    p += 4;
    if (!m->leader)
        return;
    m->all = realloc(m->all, (size_t)m->n_all * ID + 1);
    for (int i = 0; i < m->n_all; i++) {
        p = take_str(p, m->all[i]);
        p += 4 + get32(p);
    }
}

static void synced(struct member *m)
{
    m->phase = STABLE;
    last_sync = now_s();
    left--;
}

static void on_answer(struct conn *c, const uint8_t *answer)
{
    struct member *m = &members[get32(answer + 4)];
    const uint8_t *p = answer + HEAD + 4;
    int error = get16(p);

    (void)c;
    if (error == REBALANCE_IN_PROGRESS && m->phase != JOINING) {
        left += m->phase == STABLE;
        m->waiting = false;
        join(m);
    } else if (error != NO_ERROR) {
        fprintf(stderr, "member %d in phase %d hears error %d\n", index_of(m),
                (int)m->phase, error);
        exit(1);
    } else if (m->phase == JOINING) {
        if (first_join == 0)
            first_join = now_s();
        joined(m, p + 2);
        sync_(m);
    } else if (m->phase == SYNCING) {
        synced(m);
    } else {
        m->waiting = false;
        answers++;
        if (tell_fd >= 0 && write(tell_fd, "", 1) != 1)
            exit(1);
    }
}

/* -- members on connections ----------------------------------------------- */

static void members_open(const char *host, int port, int groups, int size)
{
    int most = files_most() - FILES_SPARE, shares = 1;

    n_members = groups * size;
    while (n_members / shares > most)
        shares++;
    n_conns = (groups + shares - 1) / shares * size;
    members = calloc((size_t)n_members, sizeof *members);
    conns = calloc((size_t)n_conns, sizeof *conns);
    for (int i = 0; i < n_conns; i++)
        open_conn(&conns[i], host, port);
    for (int i = 0; i < n_members; i++) {
        members[i].group = i / size;
        members[i].conn = &conns[i % n_conns];
    }
}

/* Some groups at a time, so that a group's members come within its delay, and
 * those who share a connection one after another: a join that waits blocks it.
 * Where one comes too late all the same, the others learn by a heartbeat. */
static void join_some(int from, int to)
{
    double nudge = now_s() + PERIOD_S;

    left = to - from;
    for (int i = from; i < to; i++)
        join(&members[i]);
    while (left > 0) {
        turn(100, on_answer);
        if (now_s() < nudge)
            continue;
        for (int i = from; i < to; i++)
            if (members[i].phase == STABLE && !members[i].waiting)
                beat(&members[i]);
        nudge += PERIOD_S;
    }
}

static void join_all(int size)
{
    int some = size > JOIN_MOST ? size : JOIN_MOST / size * size;

    for (int from = 0; from < n_members; from += some)
        join_some(from, from + some < n_members ? from + some : n_members);
}

/* -- farewells ------------------------------------------------------------ */

/* Heartbeats that are on their way are answered first. */
static void on_left(struct conn *c, const uint8_t *answer)
{
    struct member *m = &members[get32(answer + 4)];

    (void)c;
    if (m->waiting)
        m->waiting = false;
    else
        left--;
}

static void leave_all(void)
{
    double limit = now_s() + 60;

    left = n_members;
    for (int i = 0; i < n_members; i++) {
        begin(LEAVE, 1, i);
        str(group_name(members[i].group));
        str(members[i].id);
        send_all(members[i].conn);
        if (i % LEAVE_SOME == 0)
            turn(0, on_left);
    }
    while (left > 0 && now_s() < limit)
        turn(100, on_left);
}

/* -- heartbeats ----------------------------------------------------------- */

static void on_echo(struct conn *c, const uint8_t *answer)
{
    (void)c;
    members[get32(answer + 4)].waiting = false;
    answers++;
}

/* Heartbeats until `end`: member i's times are i steps after `start`, and each
 * period from there. */
static void pace(double start, double period_s, uint64_t *next, double end,
                 answer_fn *on)
{
    double step = period_s / n_members;

    for (double now = now_s(); now < end; now = now_s()) {
        for (; start + (double)*next * step <= now; ++*next) {
            struct member *m = &members[*next % (uint64_t)n_members];

            if (!m->waiting && m->phase == STABLE)
                beat(m);
        }
        turn(1, on);
    }
}

static void beats(int pid, double warm_s, double seconds, answer_fn *on)
{
    double start = now_s(), settled;
    uint64_t next = 0;
    struct cpu a, b;

    pace(start, PERIOD_S / 10.0, &next, start + warm_s, on);
    start = now_s();
    settled = start + 2 * PERIOD_S;
    next = 0;
    pace(start, PERIOD_S, &next, settled, on);
    answers = 0;
    a = cpu_of(pid);
    pace(start, PERIOD_S, &next, settled + seconds, on);
    b = cpu_of(pid);
    printf("connections %d\nanswers %llu\n", n_conns,
           (unsigned long long)answers);
    printf("user_us %.2f\n", (b.user_s - a.user_s) / (double)answers * 1e6);
    printf("all_us %.2f\n", (b.user_s + b.system_s - a.user_s - a.system_s) /
                                (double)answers * 1e6);
    printf("core_percent %.2f\n",
           (b.user_s + b.system_s - a.user_s - a.system_s) / seconds * 100);
}

/* Names of the length that brokers give. */
static void pretend(void)
{
    for (int i = 0; i < n_members; i++) {
        members[i].phase = STABLE;
        snprintf(members[i].id, ID, "bench-%036d", i);
    }
}

/* -- a member that is killed ---------------------------------------------- */

enum { SURVIVORS = 3 };

static double *due;

static void live(double interval_s, double end)
{
    do {
        for (int i = 0; i < n_members; i++) {
            if (due[i] > now_s())
                continue;
            due[i] += interval_s;
            if (members[i].phase == STABLE && !members[i].waiting)
                beat(&members[i]);
        }
        turn(1, on_answer);
    } while (now_s() < end);
}

static void live_begin(const char *host, int port, int size, double interval_s)
{
    epfd = epoll_create1(0);
    members_open(host, port, 1, size);
    due = calloc((size_t)size, sizeof *due);
    for (int i = 0; i < size; i++)
        due[i] = now_s() + interval_s * (i + 1) / size;
    left = size;
    for (int i = 0; i < size; i++)
        join(&members[i]);
}

/* All have their parts, of a round with `size` members. */
static bool all_stable(int size)
{
    bool led = false;

    for (int i = 0; i < n_members; i++) {
        led = led || (members[i].leader && members[i].n_all == size);
        if (members[i].phase != STABLE)
            return false;
    }
    return led;
}

/* Lives until it is killed; begins when it is told to. */
static void victim(const char *host, int port, double interval_s, int fd)
{
    char byte;

    if (read(fd, &byte, 1) != 1)
        exit(1);
    tell_fd = fd;
    live_begin(host, port, 1, interval_s);
    live(interval_s, now_s() + 120);
    exit(1);
}

static void live_until_stable(int size, double interval_s, double limit)
{
    while (!all_stable(size)) {
        if (now_s() >= limit) {
            fprintf(stderr, "a group of %d does not become stable\n", size);
            exit(1);
        }
        live(interval_s, now_s());
    }
}

/* The victim comes last: so it does not lead the group, whose leader alone
 * knows how many there are. */
static void killed(const char *host, int port, double interval_s)
{
    double limit = now_s() + 120, at;
    char bytes[64];
    int ends[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0 || (pid = fork()) < 0)
        die("fork");
    if (pid == 0)
        victim(host, port, interval_s, ends[0]);
    live_begin(host, port, SURVIVORS, interval_s);
    live_until_stable(SURVIVORS, interval_s, limit);
    if (write(ends[1], "", 1) != 1)
        die("write");
    live_until_stable(SURVIVORS + 1, interval_s, limit);
    live(interval_s, now_s() + interval_s);
    while (recv(ends[1], bytes, sizeof bytes, MSG_DONTWAIT) > 0)
        continue;
    while (recv(ends[1], bytes, 1, MSG_DONTWAIT) != 1 && now_s() < limit)
        live(interval_s, now_s());
    kill(pid, SIGKILL);
    at = now_s();
    waitpid(pid, NULL, 0);
    live_until_stable(SURVIVORS, interval_s, limit);
    printf("killed_ms %.0f\n", (last_sync - at) * 1000);
}

/* -- commits -------------------------------------------------------------- */

static const char *topic;
static int partitions;
static bool going = true;
static int64_t offset;

/* Connection `who` commits for `group`. */
static void commit(int who, int group)
{
    begin(COMMIT, 3, who);
    str(group_name(group));
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
    offset++;
    send_all(&conns[who]);
}

/* The error of the answer's last partition. */
static void commit_check(const uint8_t *answer)
{
    int error = get16(answer + get32(answer) + 2);

    answers++;
    if (error != NO_ERROR) {
        fprintf(stderr, "commit error %d\n", error);
        exit(1);
    }
}

static void on_commit(struct conn *c, const uint8_t *answer)
{
    (void)c;
    commit_check(answer);
    if (going)
        commit(get32(answer + 4), get32(answer + 4));
}

static void run_until(double end)
{
    while (now_s() < end)
        turn(100, on_commit);
}

static void commits(const char *host, int port, int pid, int n, int depth,
                    double warm_s, double seconds)
{
    double began, took;
    struct cpu a, b;

    conns = calloc((size_t)n, sizeof *conns);
    for (int i = 0; i < n; i++) {
        open_conn(&conns[i], host, port);
        for (int d = 0; d < depth; d++)
            commit(i, i);
    }
    run_until(now_s() + warm_s);
    answers = 0;
    began = now_s();
    a = cpu_of(pid);
    run_until(began + seconds);
    b = cpu_of(pid);
    took = now_s() - began;
    printf("commits_s %.0f\n", (double)answers / took);
    printf("user_us %.2f\n", (b.user_s - a.user_s) / (double)answers * 1e6);
    printf("all_us %.2f\n", (b.user_s + b.system_s - a.user_s - a.system_s) /
                                (double)answers * 1e6);
    going = false;
}

/* -- what was committed --------------------------------------------------- */

static void on_fetched(struct conn *c, const uint8_t *answer)
{
    const uint8_t *p = answer + HEAD + 4; /* the number of topics, one */
    char name[ID];

    (void)c;
    p = take_str(p, name) + 8; /* of partitions, one, and its index */
    printf("offset %lld\n", (long long)get64(p));
    answers++;
}

static void fetch(const char *host, int port, const char *group, int partition)
{
    struct conn conn;

    open_conn(&conn, host, port);
    begin(OFFSET_FETCH, 1, 0);
    str(group);
    i32(1);
    str(topic);
    i32(1);
    i32(partition);
    send_all(&conn);
    while (answers == 0)
        turn(100, on_fetched);
}

/* -- what is asked for ---------------------------------------------------- */

int main(int argc, char **argv)
{
    const char *what = argc > 3 ? argv[1] : "", *host = argv[2];
    int port = argc > 3 ? atoi(argv[3]) : 0;
    int number[11] = { 0 };

    for (int i = 4; i < argc && i < 11; i++)
        number[i] = atoi(argv[i]);
    files_most();
    run_id = (int)getpid();
    if (strcmp(what, "killed") == 0 && argc == 6) { /* forks: before epoll */
        session_ms = number[4];
        killed(host, port, number[5] / 1e3);
        return 0;
    }
    epfd = epoll_create1(0);
    if (strcmp(what, "beats") == 0 && argc == 9) {
        members_open(host, port, number[5], number[6]);
        join_all(number[6]);
        beats(number[4], number[7], number[8], on_answer);
        leave_all();
    } else if (strcmp(what, "echo") == 0 && argc == 9) {
        members_open(host, port, number[5], number[6]);
        pretend();
        beats(number[4], number[7], number[8], on_echo);
    } else if (strcmp(what, "commits") == 0 && argc == 11) {
        topic = argv[5];
        partitions = number[6];
        commits(host, port, number[4], number[7], number[8], number[9],
                number[10]);
    } else if (strcmp(what, "fetch") == 0 && argc == 7) {
        topic = argv[5];
        fetch(host, port, argv[4], number[6]);
    } else if (strcmp(what, "round") == 0 && argc == 5) {
        members_open(host, port, 1, number[4]);
        join_all(number[4]);
        printf("round_ms %.1f\n", (last_sync - first_join) * 1000);
    } else {
        fprintf(stderr, "see the head of groups.c\n");
        return 2;
    }
    return 0;
}
