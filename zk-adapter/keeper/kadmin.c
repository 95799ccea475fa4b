/* kadmin.c - requests to the admin server and the metrics page; see kadmin.h.
 */
#include "keeper/kadmin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/diag.h"
#include "keeper/kinfo.h"
#include "keeper/kserver.h"
#include "keeper/ktext.h"

static const char json_type[] = "application/json";

/* -- /commands ------------------------------------------------------------- */

static const char *url_of(const struct keeper *keeper)
{
    const char *url = keeper->config.admin_url;

    return url ? url : "/commands";
}

static void list_commands(const struct keeper *keeper, struct wr *w)
{
    const struct kadmin_command *c;

    for (size_t i = 0; (c = kadmin_command_at(i)) != NULL; i++)
        ktext_say(w, "<a href=\"%s/%s\">%s</a>\n<br/>\n", url_of(keeper),
                  c->names[0], c->names[0]);
}

/* An answer without a body of its own. */
static void tell_bare(struct khttp_conn *conn, int status, struct bytes command,
                      const char *error)
{
    struct kjson json;

    conn->status = status;
    conn->type = json_type;
    kjson_init(&json, &conn->body);
    kjson_object(&json, NULL);
    kjson_text(&json, "command", command);
    if (error != NULL)
        kjson_text(&json, "error", bytes_of(error));
    else
        kjson_null(&json, "error");
    kjson_end(&json);
}

static void tell(struct keeper *keeper, const struct kadmin_command *c,
                 struct khttp_conn *conn)
{
    struct kjson json;
    char error[256] = "";

    conn->type = json_type;
    kjson_init(&json, &conn->body);
    kjson_object(&json, NULL);
    if (c->run(keeper, conn->query, &json, error)) {
        kjson_text(&json, "command", bytes_of(c->names[0]));
        kjson_null(&json, "error");
    } else {
        kjson_text(&json, "error", bytes_of(error));
        kjson_text(&json, "command", bytes_of(c->names[0]));
    }
    kjson_end(&json);
}

/* -- rights ---------------------------------------------------------------- */

/* "digest user:password" or "ip": the identities, or false. */
static bool identities(struct keeper *keeper, const struct khttp_conn *conn,
                       struct kids *ids)
{
    struct bytes scheme = conn->authorization;
    const uint8_t *blank = memchr(scheme.at, ' ', scheme.len);
    struct bytes secret = BYTES("");

    if (blank != NULL) {
        scheme.len = (size_t)(blank - scheme.at);
        secret =
            bytes_make(blank + 1, conn->authorization.len - scheme.len - 1);
    }
    if (bytes_is(scheme, "ip"))
        return kids_add(ids, BYTES("ip"), bytes_of(conn->ip)) == ERR_OK;
    return bytes_is(scheme, "digest") && secret.len > 0 &&
           kauth_add_digest(&keeper->core, ids, secret);
}

/* Whoever may do everything with the root may do this. 200, or the refusal. */
static int may(struct keeper *keeper, const struct khttp_conn *conn,
               const char **error)
{
    const struct ktree_node *root = keeper->core.tree.root;
    struct kids ids;
    int status = 200;

    if (bytes_is_null(conn->authorization)) {
        *error = "Auth info is missing for the command";
        return 401;
    }
    kids_init(&ids);
    if (!identities(keeper, conn, &ids)) {
        *error = "Not authenticated";
        status = 401;
    }
    for (int bit = 1; status == 200 && bit <= KACL_ADMIN; bit <<= 1) {
        if (keeper->config.skip_acl || kacl_allows(root->acl, &ids, bit))
            continue;
        *error = "Not authorized";
        status = 403;
    }
    kids_fini(&ids);
    arena_reset(&keeper->core.arena);
    return status;
}

/* -- snapshot -------------------------------------------------------------- */

static bool snapshot_ask(struct keeper *keeper, struct khttp_conn *conn,
                         struct bytes command)
{
    struct kadmin *admin = &keeper->admin;
    struct kmetrics *metrics = &keeper->core.metrics;
    int64_t now_us = clock_mono_us();

    if (!keeper->config.admin_snapshot) {
        tell_bare(conn, 503, command, NULL);
        return true;
    }
    /* The interval is called milliseconds and taken as microseconds, as by the
     * release whose version we tell. */
    if (admin->waiting != NULL ||
        (admin->snapshot_us != 0 &&
         now_us - admin->snapshot_us < keeper->config.admin_rate_ms)) {
        kmetric_count(metrics, KM_snapshot_rate_limited_count, 1);
        tell_bare(conn, 429, command, NULL);
        return true;
    }
    admin->snapshot_us = now_us;
    admin->waiting = conn;
    admin->waiting_zxid = keeper->core.zxid;
    admin->waiting_stream =
        !bytes_is(khttp_parameter(conn->query, "streaming"), "false");
    keeper->core.want_snapshot = true;
    keeper->snap.rest_until_us = 0;
    loop_timer_set(&keeper->resume, 0);
    return false;
}

static bool file_attach(struct khttp_conn *conn, const char *name, bool stream,
                        int64_t zxid)
{
    struct stat st;

    conn->file = open(name, O_RDONLY | O_CLOEXEC);
    if (conn->file < 0 || fstat(conn->file, &st) != 0 || st.st_size == 0)
        return false;
    ktext_say(&conn->headers, "last_zxid: 0x%llx\r\nsnapshot_size: %lld\r\n",
              (unsigned long long)zxid, (long long)st.st_size);
    if (stream) {
        conn->file_end = st.st_size;
        conn->type = "application/octet-stream";
    } else {
        tell_bare(conn, 200, BYTES("snapshot"), NULL);
    }
    return true;
}

void kadmin_snapshot_done(struct keeper *keeper, const char *name, int64_t zxid)
{
    struct kadmin *admin = &keeper->admin;
    struct khttp_conn *conn = admin->waiting;

    if (conn == NULL)
        return;
    if (name != NULL && zxid < admin->waiting_zxid) {
        /* It had begun before it was asked for: the next one is it. */
        keeper->core.want_snapshot = true;
        keeper->snap.rest_until_us = 0;
        return;
    }
    admin->waiting = NULL;
    if (name == NULL || !file_attach(conn, name, admin->waiting_stream, zxid)) {
        kmetric_count(&keeper->core.metrics, KM_snapshot_error_count, 1);
        tell_bare(conn, 500, BYTES("snapshot"), NULL);
    }
    khttp_answer(conn);
}

static void on_gone(void *to, struct khttp_conn *conn)
{
    struct keeper *keeper = to;

    if (keeper->admin.waiting == conn)
        keeper->admin.waiting = NULL;
    krestore_gone(keeper, conn);
}

/* -- requests -------------------------------------------------------------- */

static bool is_restore(const struct kadmin_command *c)
{
    return bytes_is(bytes_of(c->names[0]), "restore");
}

/* snapshot and restore: with rights, and not at once. */
static bool guarded(struct keeper *keeper, struct khttp_conn *conn,
                    const struct kadmin_command *c, struct bytes name)
{
    const char *error = NULL;
    int status = may(keeper, conn, &error);

    if (status != 200) {
        tell_bare(conn, status, name, error);
        return true;
    }
    if (!is_restore(c))
        return snapshot_ask(keeper, conn, bytes_of(c->names[0]));
    if (conn->taking) {
        krestore_go(keeper, conn);
        return false;
    }
    conn->status = 405;
    return true;
}

static bool command(struct keeper *keeper, struct khttp_conn *conn,
                    struct bytes name)
{
    const struct kadmin_command *c = kadmin_command_find(name);
    bool post = bytes_is(conn->method, "POST");
    char unknown[256];

    if (c == NULL) {
        (void)snprintf(unknown, sizeof unknown, "Unknown command: %.*s",
                       (int)(name.len < 200 ? name.len : 200),
                       (const char *)name.at);
        tell_bare(conn, 200, name, unknown);
        return true;
    }
    if (c->run == NULL)
        return guarded(keeper, conn, c, name);
    if (post) {
        conn->status = 405;
        return true;
    }
    tell(keeper, c, conn);
    return true;
}

/* Is it below our URL? `*name`: what follows, empty for the list. */
static bool name_of(const struct keeper *keeper, const struct khttp_conn *conn,
                    struct bytes *name)
{
    const char *url = url_of(keeper);
    size_t n = strlen(url);
    struct bytes path = conn->path;

    *name = BYTES("");
    if (path.len < n || memcmp(path.at, url, n) != 0 ||
        (path.len > n && path.at[n] != '/'))
        return false;
    if (path.len > n + 1)
        *name = bytes_make(path.at + n + 1, path.len - n - 1);
    return true;
}

/* Only a snapshot to restore is taken, and only from whoever may. */
static bool on_begin(void *to, struct khttp_conn *conn)
{
    struct keeper *keeper = to;
    const struct kadmin_command *c;
    const char *error = NULL;
    struct bytes name;
    int status;

    if (!bytes_is(conn->method, "POST") || !name_of(keeper, conn, &name))
        return true;
    c = kadmin_command_find(name);
    if (c == NULL || !is_restore(c))
        return true;
    kserver_time(keeper);
    status = may(keeper, conn, &error);
    if (status == 200)
        return krestore_begin(keeper, conn);
    tell_bare(conn, status, name, error);
    return false;
}

static bool on_take(void *to, struct khttp_conn *conn, struct bytes piece)
{
    return krestore_take(to, conn, piece);
}

static bool on_command(void *to, struct khttp_conn *conn)
{
    struct keeper *keeper = to;
    struct bytes name;

    kserver_time(keeper);
    if (!bytes_is(conn->method, "GET") && !bytes_is(conn->method, "HEAD") &&
        !bytes_is(conn->method, "POST")) {
        conn->status = bytes_is(conn->method, "TRACE") ? 403 : 405;
        return true;
    }
    if (!name_of(keeper, conn, &name)) {
        conn->status = 404;
        return true;
    }
    if (name.len > 0)
        return command(keeper, conn, name);
    list_commands(keeper, &conn->body);
    return true;
}

/* -- /metrics -------------------------------------------------------------- */

static void metric_line(void *to, const struct ksample *s)
{
    struct wr *w = to;
    char number[KTEXT_NUMBER];

    if (s->type != NULL)
        ktext_say(w, "# HELP %s %s\n# TYPE %s %s\n", s->family, s->family,
                  s->family, s->type);
    if (s->none)
        return;
    ktext_say(w, "%s%s%s", s->before, s->family, s->after);
    if (s->label != NULL) {
        ktext_say(w, "{%s=\"", s->label);
        for (size_t i = 0; i < s->key.len; i++) {
            if (s->key.at[i] == '"' || s->key.at[i] == '\\')
                wr_raw(w, "\\", 1);
            wr_raw(w, s->key.at + i, 1);
        }
        ktext_say(w, "\",}");
    }
    ktext_double(number, s->d);
    ktext_say(w, " %s\n", number);
}

static bool on_metrics(void *to, struct khttp_conn *conn)
{
    struct keeper *keeper = to;

    kserver_time(keeper);
    if (!bytes_is(conn->method, "GET") && !bytes_is(conn->method, "HEAD") &&
        !bytes_is(conn->method, "POST")) {
        conn->status = 405;
        return true;
    }
    if (!bytes_is(conn->path, "/metrics") &&
        !bytes_is(conn->path, "/metrics/")) {
        conn->status = 404;
        return true;
    }
    conn->type = "text/plain; version=0.0.4; charset=utf-8";
    kmetrics_each(&keeper->core, KMETRIC_PROMETHEUS,
                  keeper->config.metrics_process, metric_line, &conn->body);
    return true;
}

/* -- start and stop -------------------------------------------------------- */

static void http_init(struct keeper *keeper, struct khttp *http,
                      khttp_fn *handle)
{
    http->handle = handle;
    http->gone = on_gone;
    http->to = keeper;
    http->idle_ms = keeper->config.admin_idle_ms;
}

/* A port that nobody asked for is not worth the service. */
static enum err commands_start(struct keeper *keeper, struct errmsg *why)
{
    const struct keeper_config *c = &keeper->config;
    struct khttp *http = &keeper->admin.commands;
    enum err err;

    if (!c->admin)
        return ERR_OK;
    http_init(keeper, http, on_command);
    http->begin = on_begin;
    http->take = on_take;
    err = khttp_start(http, keeper->loop, c->admin_address,
                      c->admin_port < 0 ? 8080 : c->admin_port, why);
    if (err == ERR_OK) {
        diag_info("event=keeper_admin_started port=%u url=%s", http->port,
                  url_of(keeper));
    } else if (c->admin_port < 0) {
        diag_warn("event=keeper_admin_not_started error=\"%s\" "
                  "remedy=\"set admin.serverPort, or "
                  "admin.enableServer=false\"",
                  why->text);
        err = ERR_OK;
    } else {
        err_prefix(why, "admin.serverPort (admin.enableServer=false does "
                        "without)");
    }
    return err;
}

enum err kadmin_start(struct keeper *keeper, struct errmsg *why)
{
    const struct keeper_config *c = &keeper->config;
    struct khttp *http = &keeper->admin.metrics;
    enum err err = commands_start(keeper, why);

    if (err != ERR_OK || !c->prometheus)
        return err;
    http_init(keeper, http, on_metrics);
    err =
        khttp_start(http, keeper->loop, c->metrics_host, c->metrics_port, why);
    if (err == ERR_OK)
        diag_info("event=keeper_metrics_started port=%u", http->port);
    else
        err_prefix(why, "metricsProvider.httpPort");
    return err;
}

void kadmin_stop(struct keeper *keeper)
{
    khttp_stop(&keeper->admin.commands);
    khttp_stop(&keeper->admin.metrics);
}
