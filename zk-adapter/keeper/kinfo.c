/* kinfo.c - facts for whoever asks; see kinfo.h. */
#include "keeper/kinfo.h"

#include <dirent.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

const char *kinfo_op_name(int32_t op)
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

uint64_t kinfo_dir_size(const char *data_dir)
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

/* -- watches --------------------------------------------------------------- */

bool kinfo_peer_watches(const struct kpeer *peer)
{
    for (const struct list *l = peer->watcher.watches.next;
         l != &peer->watcher.watches; l = l->next)
        if (kwatch_in_data(
                CONTAINER_OF((void *)(uintptr_t)l, struct kwatch, of_peer)
                    ->modes))
            return true;
    return false;
}

bool kinfo_path_is_watched(const struct kwatch_path *path)
{
    for (const struct list *l = path->watches.next; l != &path->watches;
         l = l->next)
        if (kwatch_in_data(
                CONTAINER_OF((void *)(uintptr_t)l, struct kwatch, of_path)
                    ->modes))
            return true;
    return false;
}

struct kinfo_watches kinfo_watches(const struct kcore *core)
{
    struct kinfo_watches sum = { .total = core->watches.n_data };
    const struct map_link *link = NULL;

    for (const struct list *l = core->peers.next; l != &core->peers;
         l = l->next)
        sum.peers += kinfo_peer_watches(
            CONTAINER_OF((void *)(uintptr_t)l, struct kpeer, link));
    while ((link = map_next(&core->watches.by_path, link)) != NULL)
        sum.paths += kinfo_path_is_watched(
            CONTAINER_OF(link, const struct kwatch_path, link));
    return sum;
}

/* -- who expires when ------------------------------------------------------ */

static int by_time(const void *a, const void *b)
{
    const struct kinfo_expiry *x = a;
    const struct kinfo_expiry *y = b;

    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static struct kinfo_expiry *sorted(struct kinfo_expiry *list, size_t n)
{
    if (n > 1)
        qsort(list, n, sizeof *list, by_time);
    return list;
}

struct kinfo_expiry *kinfo_sessions(const struct kcore *core, size_t *n)
{
    struct kinfo_expiry *list =
        mem_need_array(core->sessions.by_id.count + 1, sizeof *list);
    const struct map_link *link = NULL;

    *n = 0;
    while ((link = map_next(&core->sessions.by_id, link)) != NULL) {
        const struct ksession *s =
            CONTAINER_OF(link, const struct ksession, link);

        list[(*n)++] =
            (struct kinfo_expiry){ .at_ms = s->tick * core->sessions.tick_ms,
                                   .id = s->id };
    }
    return sorted(list, *n);
}

/* Connections have buckets of their own, as wide as the time that one without a
 * session is given. */
struct kinfo_expiry *kinfo_connections(const struct kcore *core, size_t *n)
{
    int64_t wide = core->config->sessionless_ms;
    struct kinfo_expiry *list = mem_need_array(core->n_peers + 1, sizeof *list);

    *n = 0;
    for (const struct list *l = core->peers.next; l != &core->peers;
         l = l->next) {
        const struct kpeer *p =
            CONTAINER_OF((void *)(uintptr_t)l, struct kpeer, link);
        int64_t heard = p->stats.last_response_ms > p->since_ms
                            ? p->stats.last_response_ms
                            : p->since_ms;
        int64_t timeout = p->session ? p->timeout_ms : wide;

        list[(*n)++] = (struct kinfo_expiry){
            .at_ms = ((heard + timeout) / wide + 1) * wide,
            .id = p->session_id,
            .address = p->address,
        };
    }
    return sorted(list, *n);
}

size_t kinfo_buckets(const struct kinfo_expiry *list, size_t n)
{
    size_t buckets = n > 0;

    for (size_t i = 1; i < n; i++)
        buckets += list[i].at_ms != list[i - 1].at_ms;
    return buckets;
}

int64_t kinfo_average(const struct kpeer_stats *stats)
{
    return stats->latency_n
               ? (int64_t)(stats->latency_sum_ms / stats->latency_n)
               : 0;
}

/* -- environment ----------------------------------------------------------- */

void kinfo_environment(void (*each)(void *to, const char *key,
                                    const char *value),
                       void *to)
{
    struct utsname u;
    struct sysinfo memory = { 0 };
    const struct passwd *user = getpwuid(getuid());
    char text[1024];
    const char *home = getenv("HOME");

    if (uname(&u) != 0)
        memset(&u, 0, sizeof u);
    (void)sysinfo(&memory);
    each(to, "zookeeper.version", KINFO_VERSION);
    each(to, "host.name", u.nodename);
    each(to, "os.name", u.sysname);
    each(to, "os.arch", strcmp(u.machine, "x86_64") == 0 ? "amd64" : u.machine);
    each(to, "os.version", u.release);
    each(to, "user.name", user ? user->pw_name : "?");
    each(to, "user.home", home ? home : "?");
    each(to, "user.dir", getcwd(text, sizeof text) ? text : "?");
    (void)snprintf(text, sizeof text, "%lluMB",
                   (unsigned long long)memory.freeram * memory.mem_unit >> 20);
    each(to, "os.memory.free", text);
    (void)snprintf(text, sizeof text, "%lluMB",
                   (unsigned long long)memory.totalram * memory.mem_unit >> 20);
    each(to, "os.memory.max", text);
    each(to, "os.memory.total", text);
}
