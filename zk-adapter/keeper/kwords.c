/* kwords.c - the four-letter words, with ZooKeeper's output.
 *
 * The words about watches and expiry are in kwords_list.c. */
#include "keeper/kwords.h"

#include "keeper/ktext.h"

/* -- the small ones -------------------------------------------------------- */

static void word_ruok(struct kword *word)
{
    ktext_say(&word->w, "imok");
}

static void word_isro(struct kword *word)
{
    ktext_say(&word->w, "rw");
}

static void word_gtmk(struct kword *word)
{
    ktext_say(&word->w, "%lld", (long long)word->core->trace_mask);
}

/* The only word with an argument. */
static void word_stmk(struct kword *word)
{
    struct rd r = rd_make(word->argument);

    word->core->trace_mask = rd_i64(&r);
    word_gtmk(word);
}

/* Digests of the tree are not kept: the list is empty, as it is at a server
 * with digest.enabled=false. */
static void word_hash(struct kword *word)
{
    (void)word;
}

static void word_dirs(struct kword *word)
{
    const struct keeper_config *c = word->core->config;

    ktext_say(&word->w, "datadir_size: %llu\nlogdir_size: %llu\n",
              (unsigned long long)kinfo_dir_size(c->data_dir),
              (unsigned long long)kinfo_dir_size(c->data_log_dir));
}

static void word_conf(struct kword *word)
{
    const struct keeper_config *c = word->core->config;
    struct wr *w = &word->w;

    ktext_say(w, "clientPort=%d\nsecureClientPort=%d\n", (int)c->client_port,
              (int)c->secure_port);
    ktext_say(w, "dataDir=%s/version-2\ndataDirSize=%llu\n", c->data_dir,
              (unsigned long long)kinfo_dir_size(c->data_dir));
    ktext_say(w, "dataLogDir=%s/version-2\ndataLogSize=%llu\n", c->data_log_dir,
              (unsigned long long)kinfo_dir_size(c->data_log_dir));
    ktext_say(w,
              "tickTime=%d\nmaxClientCnxns=%d\nminSessionTimeout=%d\n"
              "maxSessionTimeout=%d\nclientPortListenBacklog=%d\nserverId=0\n",
              (int)c->tick_time_ms, (int)c->max_client_cnxns,
              (int)c->min_session_ms, (int)c->max_session_ms,
              (int)c->listen_backlog);
}

static void environment_line(void *to, const char *key, const char *value)
{
    ktext_say(to, "%s=%s\n", key, value);
}

static void word_envi(struct kword *word)
{
    ktext_say(&word->w, "Environment:\n");
    kinfo_environment(environment_line, &word->w);
}

static void word_crst(struct kword *word)
{
    for (struct list *l = word->core->peers.next; l != &word->core->peers;
         l = l->next)
        kpeer_stats_reset(CONTAINER_OF(l, struct kpeer, link));
    ktext_say(&word->w, "Connection stats reset.\n");
}

static void word_srst(struct kword *word)
{
    kcore_stats_reset(word->core);
    ktext_say(&word->w, "Server stats reset.\n");
}

/* -- stat, srvr, cons ------------------------------------------------------ */

static void peer_line(struct kword *word, const struct kpeer *peer, bool whole)
{
    const struct kpeer_stats *s = &peer->stats;
    struct wr *w = &word->w;

    ktext_say(w, " %s[%d](queued=0,recved=%llu,sent=%llu", peer->address,
              peer == word->peer ? 0 : 1, (unsigned long long)s->received,
              (unsigned long long)s->sent);
    if (whole && peer->session != NULL) {
        ktext_say(w, ",sid=0x%llx,lop=%s,est=%lld,to=%d",
                  (unsigned long long)peer->session_id,
                  kinfo_op_name(s->last_op), (long long)peer->since_wall_ms,
                  (int)peer->timeout_ms);
        if (s->last_cxid >= 0)
            ktext_say(w, ",lcxid=0x%x", (unsigned)s->last_cxid);
        ktext_say(w,
                  ",lzxid=0x%llx,lresp=%lld,llat=%lld,minlat=%lld,avglat=%lld,"
                  "maxlat=%lld",
                  (unsigned long long)s->last_zxid,
                  (long long)s->last_response_ms, (long long)s->latency_last_ms,
                  (long long)s->latency_min_ms, (long long)kinfo_average(s),
                  (long long)s->latency_max_ms);
    }
    ktext_say(w, ")\n");
}

static void peer_lines(struct kword *word, bool whole)
{
    for (struct list *l = word->core->peers.next; l != &word->core->peers;
         l = l->next)
        peer_line(word, CONTAINER_OF(l, struct kpeer, link), whole);
    ktext_say(&word->w, "\n");
}

static void word_cons(struct kword *word)
{
    peer_lines(word, true);
}

static void server_lines(struct kword *word)
{
    const struct kcore *core = word->core;
    const struct kcore_stats *s = &core->stats;
    struct wr *w = &word->w;
    char avg[KTEXT_NUMBER];

    ktext_average(avg, (int64_t)s->latency_sum_ms, s->latency_n);
    ktext_say(w, "Latency min/avg/max: %lld/%s/%lld\n",
              (long long)s->latency_min_ms, avg, (long long)s->latency_max_ms);
    ktext_say(w,
              "Received: %llu\nSent: %llu\nConnections: %zu\n"
              "Outstanding: %llu\n",
              (unsigned long long)s->received, (unsigned long long)s->sent,
              core->n_peers, (unsigned long long)core->batch_records);
    ktext_say(w, "Zxid: 0x%llx\nMode: standalone\nNode count: %zu\n",
              (unsigned long long)core->durable_zxid, core->tree.n + 1);
}

static void word_srvr(struct kword *word)
{
    ktext_say(&word->w, "Zookeeper version: " KINFO_VERSION "\n");
    server_lines(word);
}

static void word_stat(struct kword *word)
{
    ktext_say(&word->w, "Zookeeper version: " KINFO_VERSION "\nClients:\n");
    peer_lines(word, false);
    server_lines(word);
}

/* -- mntr ------------------------------------------------------------------ */

static void mntr_line(void *to, const struct ksample *s)
{
    struct wr *w = to;
    char number[KTEXT_NUMBER];

    if (s->none)
        return;
    ktext_say(w, "zk_%s", s->before);
    if (s->key_in_front) {
        wr_raw(w, s->key.at, s->key.len);
        wr_raw(w, "_", 1);
    }
    ktext_say(w, "%s%s", s->family, s->after);
    if (s->label != NULL && !s->key_in_front) {
        ktext_say(w, "{%s=\"", s->label);
        wr_raw(w, s->key.at, s->key.len);
        ktext_say(w, "\"}");
    }
    if (s->is_double) {
        ktext_double(number, s->d);
        ktext_say(w, "\t%s\n", number);
    } else {
        ktext_say(w, "\t%lld\n", (long long)s->i);
    }
}

static void word_mntr(struct kword *word)
{
    const struct keeper_config *c = word->core->config;

    ktext_say(&word->w,
              "zk_version\t" KINFO_VERSION "\nzk_server_state\tstandalone\n");
    kmetrics_each(word->core,
                  c->prometheus ? KMETRIC_PROMETHEUS : KMETRIC_PLAIN,
                  c->prometheus && c->metrics_process, mntr_line, &word->w);
}

/* -- which one ------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*run)(struct kword *word);
    size_t argument; /* bytes it takes behind its name */
} words[] = {
    { "ruok", word_ruok, 0 },  { "srvr", word_srvr, 0 },
    { "stat", word_stat, 0 },  { "mntr", word_mntr, 0 },
    { "conf", word_conf, 0 },  { "cons", word_cons, 0 },
    { "envi", word_envi, 0 },  { "isro", word_isro, 0 },
    { "dirs", word_dirs, 0 },  { "wchs", kword_wchs, 0 },
    { "wchc", kword_wchc, 0 }, { "wchp", kword_wchp, 0 },
    { "dump", kword_dump, 0 }, { "crst", word_crst, 0 },
    { "srst", word_srst, 0 },  { "gtmk", word_gtmk, 0 },
    { "stmk", word_stmk, 8 },  { "hash", word_hash, 0 },
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
                          struct bytes in, struct arena *arena, size_t *need)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct kword word = { .core = core, .peer = peer };
        struct bytes answer;

        if (memcmp(in.at, words[i].name, 4) != 0)
            continue;
        if (!is_allowed(core->config, words[i].name))
            return arena_format(arena,
                                "%s is not executed because it is not in "
                                "the whitelist.\n",
                                words[i].name);
        *need = 4 + words[i].argument;
        if (in.len < *need)
            return BYTES_NULL;
        word.argument = bytes_make(in.at + 4, words[i].argument);
        wr_init(&word.w, K_ARENA_MOST / 2);
        words[i].run(&word);
        answer = arena_copy(
            arena, bytes_make(word.w.data ? word.w.data : (const uint8_t *)"",
                              word.w.len));
        wr_fini(&word.w);
        return answer;
    }
    *need = 0;
    return BYTES_NULL;
}
