/* kwords.c - the four-letter words, with ZooKeeper's output. */
#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "keeper/kserver.h"

#define VERSION "3.9.2-gregor, built on 2024-02-12 20:59 UTC"

typedef void word_fn(struct kcore *core, struct kpeer *peer, struct wr *w);

static void say(struct wr *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct wr *w, const char *format, ...)
{
    char line[1024];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n > 0)
        wr_raw(w, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

/* Java prints a double with at most four decimals here, and always one. */
static void average(char out[static 32], uint64_t sum, uint64_t n)
{
    size_t len;

    (void)snprintf(out, 32, "%.4f", n ? (double)sum / (double)n : 0.0);
    len = strlen(out);
    while (out[len - 1] == '0' && out[len - 2] != '.')
        out[--len] = '\0';
}

static uint64_t dir_size(const char *data_dir)
{
    char path[4096];
    DIR *d;
    struct dirent *entry;
    uint64_t sum = 0;

    (void)snprintf(path, sizeof path, "%s/version-2", data_dir);
    d = opendir(path);
    while (d != NULL && (entry = readdir(d)) != NULL) {
        struct stat st;

        if (fstatat(dirfd(d), entry->d_name, &st, 0) == 0 &&
            S_ISREG(st.st_mode))
            sum += (uint64_t)st.st_size;
    }
    if (d != NULL)
        closedir(d);
    return sum;
}

static size_t count_peers(const struct kcore *core)
{
    size_t n = 0;

    for (const struct list *l = core->peers.next; l != &core->peers;
         l = l->next)
        n++;
    return n;
}

/* -- the small ones -------------------------------------------------------- */

static void word_ruok(struct kcore *core, struct kpeer *peer, struct wr *w)
{
    (void)core;
    (void)peer;
    say(w, "imok");
}

static void word_isro(struct kcore *core, struct kpeer *peer, struct wr *w)
{
    (void)core;
    (void)peer;
    say(w, "rw");
}

static void word_mask(struct kcore *core, struct kpeer *peer, struct wr *w)
{
    (void)core;
    (void)peer;
    say(w, "306");
}

static void word_hash(struct kcore *core, struct kpeer *peer, struct wr *w)
{
    (void)core;
    (void)peer;
    (void)w;
}

static void word_dirs(struct kcore *core, struct kpeer *peer, struct wr *w)
{
    (void)peer;
    say(w, "datadir_size: %llu\nlogdir_size: %llu\n",
        (unsigned long long)dir_size(core->config->data_dir),
        (unsigned long long)dir_size(core->config->data_log_dir));
}

static void word_conf(struct kcore *core, struct kpeer *peer, struct wr *w)
{
    const struct keeper_config *c = core->config;

    (void)peer;
    say(w, "clientPort=%d\nsecureClientPort=-1\n", (int)c->client_port);
    say(w, "dataDir=%s/version-2\ndataDirSize=%llu\n", c->data_dir,
        (unsigned long long)dir_size(c->data_dir));
    say(w, "dataLogDir=%s/version-2\ndataLogSize=%llu\n", c->data_log_dir,
        (unsigned long long)dir_size(c->data_log_dir));
    say(w,
        "tickTime=%d\nmaxClientCnxns=%d\nminSessionTimeout=%d\n"
        "maxSessionTimeout=%d\nclientPortListenBacklog=%d\nserverId=0\n",
        (int)c->tick_time_ms, (int)c->max_client_cnxns, (int)c->min_session_ms,
        (int)c->max_session_ms, (int)c->listen_backlog);
}

static void word_envi(struct kcore *core, struct kpeer *peer, struct wr *w)
{
    struct utsname u;
    char dir[1024];

    (void)core;
    (void)peer;
    if (uname(&u) != 0)
        memset(&u, 0, sizeof u);
    if (getcwd(dir, sizeof dir) == NULL)
        strcpy(dir, "?");
    say(w, "Environment:\nzookeeper.version=" VERSION "\nhost.name=%s\n",
        u.nodename);
    say(w, "os.name=%s\nos.arch=%s\nos.version=%s\nuser.dir=%s\n", u.sysname,
        u.machine, u.release, dir);
}

static void word_crst(struct kcore *core, struct kpeer *peer, struct wr *w)
{
    (void)peer;
    for (struct list *l = core->peers.next; l != &core->peers; l = l->next) {
        struct kpeer_stats *s = &CONTAINER_OF(l, struct kpeer, link)->stats;

        *s = (struct kpeer_stats){ .latency_min_ms = INT64_MAX,
                                   .last_cxid = s->last_cxid,
                                   .last_zxid = s->last_zxid,
                                   .last_op = s->last_op };
    }
    say(w, "Connection stats reset.\n");
}

static void word_srst(struct kcore *core, struct kpeer *peer, struct wr *w)
{
    (void)peer;
    core->stats.received = core->stats.sent = 0;
    core->stats.latency_n = core->stats.latency_sum_ms = 0;
    core->stats.latency_min_ms = core->stats.latency_max_ms = 0;
    say(w, "Server stats reset.\n");
}

/* -- stat, srvr, cons ------------------------------------------------------ */

static const char *op_name(int32_t op)
{
    static const struct {
        int32_t op;
        const char *name;
    } names[] = {
        { 0, "NA" },     { -10, "SESS" }, { -11, "CLOS" },   { 11, "PING" },
        { 1, "CREA" },   { 15, "CREA" },  { 19, "CREA" },    { 21, "CREA" },
        { 2, "DELE" },   { 3, "EXIS" },   { 4, "GETD" },     { 5, "SETD" },
        { 8, "GETC" },   { 12, "GETC" },  { 104, "GETACN" }, { 6, "GETA" },
        { 7, "SETA" },   { 9, "SYNC" },   { 13, "CHEC" },    { 14, "MULT" },
        { 22, "MLTR" },  { 16, "RECO" },  { 101, "SETW" },   { 105, "STW2" },
        { 106, "ADDW" }, { 17, "CHKW" },  { 18, "REMW" },    { 107, "HOMI" },
        { 103, "GETE" },
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].op == op)
            return names[i].name;
    return "UNKN";
}

static void peer_line(const struct kpeer *peer, const struct kpeer *asking,
                      bool whole, struct wr *w)
{
    const struct kpeer_stats *s = &peer->stats;
    char avg[32];

    say(w, " %s[%d](queued=0,recved=%llu,sent=%llu", peer->address,
        peer == asking ? 0 : 1, (unsigned long long)s->received,
        (unsigned long long)s->sent);
    if (whole && peer->session != NULL) {
        average(avg, s->latency_sum_ms, s->latency_n);
        say(w, ",sid=0x%llx,lop=%s,est=%lld,to=%d",
            (unsigned long long)peer->session_id, op_name(s->last_op),
            (long long)peer->since_wall_ms, (int)peer->timeout_ms);
        if (s->last_cxid >= 0)
            say(w, ",lcxid=0x%x", (unsigned)s->last_cxid);
        say(w,
            ",lzxid=0x%llx,lresp=%lld,llat=%lld,minlat=%lld,avglat=%.0f,"
            "maxlat=%lld",
            (unsigned long long)s->last_zxid, (long long)s->last_response_ms,
            (long long)s->latency_last_ms,
            (long long)(s->latency_n ? s->latency_min_ms : 0),
            s->latency_n ? (double)s->latency_sum_ms / (double)s->latency_n : 0,
            (long long)s->latency_max_ms);
    }
    say(w, ")\n");
}

static void peer_lines(const struct kcore *core, const struct kpeer *asking,
                       bool whole, struct wr *w)
{
    for (const struct list *l = core->peers.next; l != &core->peers;
         l = l->next)
        peer_line(CONTAINER_OF((void *)(uintptr_t)l, struct kpeer, link),
                  asking, whole, w);
    say(w, "\n");
}

static void word_cons(struct kcore *core, struct kpeer *peer, struct wr *w)
{
    peer_lines(core, peer, true, w);
}

static void server_lines(const struct kcore *core, struct wr *w)
{
    const struct kcore_stats *s = &core->stats;
    char avg[32];

    average(avg, s->latency_sum_ms, s->latency_n);
    say(w, "Latency min/avg/max: %lld/%s/%lld\n", (long long)s->latency_min_ms,
        avg, (long long)s->latency_max_ms);
    say(w, "Received: %llu\nSent: %llu\nConnections: %zu\nOutstanding: %llu\n",
        (unsigned long long)s->received, (unsigned long long)s->sent,
        count_peers(core), (unsigned long long)core->batch_records);
    say(w, "Zxid: 0x%llx\nMode: standalone\nNode count: %zu\n",
        (unsigned long long)core->durable_zxid, core->tree.n + 1);
}

static void word_srvr(struct kcore *core, struct kpeer *peer, struct wr *w)
{
    (void)peer;
    say(w, "Zookeeper version: " VERSION "\n");
    server_lines(core, w);
}

static void word_stat(struct kcore *core, struct kpeer *peer, struct wr *w)
{
    say(w, "Zookeeper version: " VERSION "\nClients:\n");
    peer_lines(core, peer, false, w);
    server_lines(core, w);
}

/* -- watches --------------------------------------------------------------- */

/* These words know the data table only, as at the real server. */
static bool in_data_table(const struct kwatch *watch)
{
    return (watch->modes & ~(unsigned)KWATCH_CHILD) != 0;
}

static size_t data_watches(const struct kpeer *peer)
{
    size_t n = 0;

    for (const struct list *l = peer->watcher.watches.next;
         l != &peer->watcher.watches; l = l->next)
        n += in_data_table(
            CONTAINER_OF((void *)(uintptr_t)l, struct kwatch, of_peer));
    return n;
}

static bool path_has_data(const struct kwatch_path *path)
{
    for (const struct list *l = path->watches.next; l != &path->watches;
         l = l->next)
        if (in_data_table(
                CONTAINER_OF((void *)(uintptr_t)l, struct kwatch, of_path)))
            return true;
    return false;
}

static void word_wchs(struct kcore *core, struct kpeer *peer, struct wr *w)
{
    size_t peers = 0;
    size_t total = 0;
    size_t paths = 0;
    struct map_link *link = NULL;

    (void)peer;
    for (struct list *l = core->peers.next; l != &core->peers; l = l->next) {
        size_t n = data_watches(CONTAINER_OF(l, struct kpeer, link));

        peers += n > 0;
        total += n;
    }
    while ((link = map_next(&core->watches.by_path, link)) != NULL)
        paths += path_has_data(CONTAINER_OF(link, struct kwatch_path, link));
    say(w, "%zu connections watching %zu paths\nTotal watches:%zu\n", peers,
        paths, total);
}

static void word_wchc(struct kcore *core, struct kpeer *peer, struct wr *w)
{
    (void)peer;
    for (struct list *l = core->peers.next; l != &core->peers; l = l->next) {
        const struct kpeer *p = CONTAINER_OF(l, struct kpeer, link);

        if (data_watches(p) == 0)
            continue;
        say(w, "0x%llx\n", (unsigned long long)p->session_id);
        for (struct list *m = p->watcher.watches.next; m != &p->watcher.watches;
             m = m->next) {
            const struct kwatch *watch =
                CONTAINER_OF(m, struct kwatch, of_peer);

            if (!in_data_table(watch))
                continue;
            say(w, "\t");
            wr_raw(w, watch->path->text, watch->path->len);
            say(w, "\n");
        }
    }
    say(w, "\n");
}

static void word_wchp(struct kcore *core, struct kpeer *peer, struct wr *w)
{
    struct map_link *link = NULL;

    (void)peer;
    while ((link = map_next(&core->watches.by_path, link)) != NULL) {
        struct kwatch_path *path = CONTAINER_OF(link, struct kwatch_path, link);

        if (!path_has_data(path))
            continue;
        wr_raw(w, path->text, path->len);
        say(w, "\n");
        for (struct list *l = path->watches.next; l != &path->watches;
             l = l->next) {
            struct kwatch *watch = CONTAINER_OF(l, struct kwatch, of_path);

            if (in_data_table(watch))
                say(w, "\t0x%llx\n",
                    (unsigned long long)CONTAINER_OF(watch->owner, struct kpeer,
                                                     watcher)
                        ->session_id);
        }
    }
    say(w, "\n");
}

/* -- dump ------------------------------------------------------------------ */

static void dump_ephemerals(const struct kcore *core, struct wr *w)
{
    struct map_link *link = NULL;

    say(w, "ephemeral nodes dump:\nSessions with Ephemerals (%zu):\n",
        core->tree.owners.count);
    while ((link = map_next(&core->tree.owners, link)) != NULL) {
        struct ktree_owner *owner =
            CONTAINER_OF(link, struct ktree_owner, link);

        say(w, "0x%llx:\n", (unsigned long long)owner->session);
        for (struct list *l = owner->nodes.next; l != &owner->nodes;
             l = l->next) {
            const struct ktree_node *node =
                &CONTAINER_OF(l, struct ktree_owned, link)->node;
            size_t len = ktree_path_len(node);
            uint8_t *room;

            say(w, "\t");
            room = wr_room(w, len);
            if (room != NULL)
                ktree_path(node, room, len);
            say(w, "\n");
        }
    }
}

static void word_dump(struct kcore *core, struct kpeer *peer, struct wr *w)
{
    struct map_link *link = NULL;
    size_t n = core->sessions.by_id.count;

    (void)peer;
    say(w, "SessionTracker dump:\nSession Sets (%zu)/(%zu):\n",
        core->sessions.buckets.count, n);
    while ((link = map_next(&core->sessions.by_id, link)) != NULL) {
        const struct ksession *s = CONTAINER_OF(link, struct ksession, link);
        int64_t left = s->tick * core->sessions.tick_ms - core->now_ms;
        time_t at = (time_t)((core->wall_ms + left) / 1000);
        struct tm tm;
        char when[64];

        (void)gmtime_r(&at, &tm);
        (void)strftime(when, sizeof when, "%a %b %d %H:%M:%S UTC %Y", &tm);
        say(w, "1 expire at %s:\n\t0x%llx\n", when, (unsigned long long)s->id);
    }
    dump_ephemerals(core, w);
    say(w, "Connections dump:\nConnections Sets (%zu)/(%zu):\n",
        count_peers(core), count_peers(core));
    for (struct list *l = core->peers.next; l != &core->peers; l = l->next) {
        const struct kpeer *p = CONTAINER_OF(l, struct kpeer, link);

        say(w, "\tip: %s sessionId: 0x%llx\n", p->address,
            (unsigned long long)p->session_id);
    }
}

/* -- mntr ------------------------------------------------------------------ */

static void mntr_int(struct wr *w, const char *name, int64_t value)
{
    say(w, "zk_%s\t%lld\n", name, (long long)value);
}

static size_t open_files(void)
{
    DIR *d = opendir("/proc/self/fd");
    size_t n = 0;

    while (d != NULL && readdir(d) != NULL)
        n++;
    if (d != NULL)
        closedir(d);
    return n > 3 ? n - 3 : 0; /* . and .. and this directory itself */
}

static int64_t watch_count(const struct kcore *core)
{
    struct map_link *link = NULL;
    int64_t n = 0;

    while ((link = map_next(&core->watches.by_path, link)) != NULL) {
        const struct kwatch_path *path =
            CONTAINER_OF(link, const struct kwatch_path, link);

        for (const struct list *l = path->watches.next; l != &path->watches;
             l = l->next) {
            const struct kwatch *watch =
                CONTAINER_OF((void *)(uintptr_t)l, struct kwatch, of_path);

            n += in_data_table(watch);
            n += (watch->modes & (KWATCH_CHILD | KWATCH_PERSISTENT)) != 0;
        }
    }
    return n;
}

static void mntr_sync(const struct kcore_stats *s, struct wr *w)
{
    char avg[32];

    average(avg, (uint64_t)s->fsync_sum_ms, s->fsync_n);
    say(w, "zk_avg_fsynctime\t%s\n", avg);
    mntr_int(w, "min_fsynctime", s->fsync_min_ms);
    mntr_int(w, "max_fsynctime", s->fsync_max_ms);
    mntr_int(w, "cnt_fsynctime", (int64_t)s->fsync_n);
    mntr_int(w, "sum_fsynctime", s->fsync_sum_ms);
}

static void word_mntr(struct kcore *core, struct kpeer *peer, struct wr *w)
{
    const struct kcore_stats *s = &core->stats;
    struct rlimit files = { 0, 0 };
    char avg[32];

    (void)peer;
    getrlimit(RLIMIT_NOFILE, &files);
    average(avg, s->latency_sum_ms, s->latency_n);
    say(w, "zk_version\t" VERSION "\nzk_server_state\tstandalone\n");
    say(w, "zk_avg_latency\t%s\n", avg);
    mntr_int(w, "max_latency", s->latency_max_ms);
    mntr_int(w, "min_latency", s->latency_min_ms);
    mntr_int(w, "packets_received", (int64_t)s->received);
    mntr_int(w, "packets_sent", (int64_t)s->sent);
    mntr_int(w, "num_alive_connections", (int64_t)count_peers(core));
    mntr_int(w, "outstanding_requests", (int64_t)core->batch_records);
    mntr_int(w, "znode_count", (int64_t)core->tree.n + 1);
    mntr_int(w, "watch_count", watch_count(core));
    mntr_int(w, "ephemerals_count", (int64_t)core->tree.n_ephemerals);
    mntr_int(w, "approximate_data_size", core->tree.data_size);
    mntr_int(w, "open_file_descriptor_count", (int64_t)open_files());
    mntr_int(w, "max_file_descriptor_count", (int64_t)files.rlim_cur);
    mntr_int(w, "uptime", core->now_ms - core->started_ms);
    mntr_int(w, "global_sessions", (int64_t)core->sessions.by_id.count);
    mntr_int(w, "local_sessions", 0);
    mntr_int(w, "auth_failed_count", (int64_t)s->auth_failed);
    mntr_int(w, "connection_request_count", (int64_t)s->connections);
    mntr_int(w, "connection_rejected", (int64_t)s->rejected);
    mntr_int(w, "connection_drop_count", (int64_t)s->dropped);
    mntr_int(w, "stale_sessions_expired", (int64_t)s->sessions_expired);
    mntr_int(w, "bytes_received_count", (int64_t)s->bytes_received);
    mntr_int(w, "watch_bytes", (int64_t)s->watch_bytes);
    mntr_int(w, "snap_count", (int64_t)s->snapshots);
    mntr_sync(s, w);
}

/* -- which one ------------------------------------------------------------- */

static const struct {
    const char *name;
    word_fn *run;
} words[] = {
    { "ruok", word_ruok }, { "srvr", word_srvr }, { "stat", word_stat },
    { "mntr", word_mntr }, { "conf", word_conf }, { "cons", word_cons },
    { "envi", word_envi }, { "isro", word_isro }, { "dirs", word_dirs },
    { "wchs", word_wchs }, { "wchc", word_wchc }, { "wchp", word_wchp },
    { "dump", word_dump }, { "crst", word_crst }, { "srst", word_srst },
    { "gtmk", word_mask }, { "stmk", word_mask }, { "hash", word_hash },
};

/* srvr alone unless the configuration says more. */
static bool is_allowed(const struct keeper_config *config, const char *name)
{
    const char *list = config->words ? config->words : "srvr";

    while (*list != '\0') {
        size_t n = strcspn(list, ", ");

        if ((n == 1 && *list == '*') || (n == 4 && memcmp(list, name, 4) == 0))
            return true;
        list += n;
        list += strspn(list, ", ");
    }
    return false;
}

struct bytes kword_answer(struct kcore *core, struct kpeer *peer,
                          struct bytes word, struct arena *arena)
{
    struct wr w;
    struct bytes answer;

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (memcmp(word.at, words[i].name, 4) != 0)
            continue;
        if (!is_allowed(core->config, words[i].name))
            return arena_format(arena,
                                "%s is not executed because it is not in "
                                "the whitelist.\n",
                                words[i].name);
        wr_init(&w, K_ARENA_MOST / 2);
        words[i].run(core, peer, &w);
        answer = arena_copy(
            arena, bytes_make(w.data ? w.data : (const uint8_t *)"", w.len));
        wr_fini(&w);
        return answer;
    }
    return BYTES_NULL;
}
