/* keeper_config.c - zoo.cfg, as ZooKeeper reads it.
 *
 * One table names every key we honour. A key that ZooKeeper would turn into the
 * Java property zookeeper.K may be written with that prefix too. What can not
 * be honoured (ensembles, revocation lists, Kerberos) is refused with what to
 * do instead; keys that mean nothing to a single server are accepted.
 */
#include "keeper/keeper.h"

#include <stdio.h>
#include <strings.h>

#include "base/diag.h"
#include "base/mem.h"
#include "keeper/keeper_security.h"

enum kind { TEXT, INT, LONG, BOOL, YES_NO };

struct setting {
    const char *key;
    enum kind kind;
    size_t offset; /* in struct keeper_config */
    int64_t min;
    int64_t max;
};

/* clang-format off */
#define AT(field) offsetof(struct keeper_config, field)
static const struct setting settings[] = {
    { "dataDir",                    TEXT, AT(data_dir), 0, 0 },
    { "dataLogDir",                 TEXT, AT(data_log_dir), 0, 0 },
    { "clientPortAddress",          TEXT, AT(client_port_address), 0, 0 },
    { "clientPort",                 INT,  AT(client_port), 0, 65535 },
    { "clientPortListenBacklog",    INT,  AT(listen_backlog), -1, 65535 },
    { "tickTime",                   INT,  AT(tick_time_ms), 1, 3600000 },
    { "minSessionTimeout",          INT,  AT(min_session_ms), -1, INT32_MAX },
    { "maxSessionTimeout",          INT,  AT(max_session_ms), -1, INT32_MAX },
    { "maxClientCnxns",             INT,  AT(max_client_cnxns), 0, INT32_MAX },
    { "maxCnxns",                   INT,  AT(max_cnxns), 0, INT32_MAX },
    { "snapCount",                  INT,  AT(snap_count), 2, INT32_MAX },
    { "snapSizeLimitInKb",          LONG, AT(snap_size_kb), INT64_MIN, INT64_MAX / 1024 },
    { "txnLogSizeLimitInKb",        LONG, AT(log_size_kb), -1, INT64_MAX / 1024 },
    { "preAllocSize",               INT,  AT(pre_alloc_kb), 1, 4194304 },
    { "jute.maxbuffer",             INT,  AT(jute_max_buffer), 1024, 1073741824 },
    { "autopurge.snapRetainCount",  INT,  AT(purge_retain), 0, INT32_MAX },
    { "autopurge.purgeInterval",    INT,  AT(purge_hours), 0, 8784 },
    { "fsync.warningthresholdms",   INT,  AT(fsync_warning_ms), 0, INT32_MAX },
    { "nio.sessionlessCnxnTimeout", INT,  AT(sessionless_ms), 1, INT32_MAX },
    { "znode.container.checkIntervalMs", INT, AT(container_check_ms), 1, INT32_MAX },
    { "znode.container.maxPerMinute", INT, AT(container_per_minute), 1, INT32_MAX },
    { "znode.container.maxNeverUsedIntervalMs", LONG, AT(container_unused_ms), 0, INT64_MAX },
    { "forceSync",                  YES_NO, AT(force_sync), 0, 0 },
    { "skipACL",                    YES_NO, AT(skip_acl), 0, 0 },
    { "extendedTypesEnabled",       BOOL, AT(extended_types), 0, 0 },
    { "snapshot.trust.empty",       BOOL, AT(trust_empty), 0, 0 },
    { "datadir.autocreate",         BOOL, AT(autocreate), 0, 0 },
    { "reconfigEnabled",            BOOL, AT(reconfig), 0, 0 },
    { "enforceQuota",               BOOL, AT(enforce_quota), 0, 0 },
    { "clientTcpKeepAlive",         BOOL, AT(tcp_keepalive), 0, 0 },
    { "admin.enableServer",         BOOL, AT(admin), 0, 0 },
    { "admin.serverAddress",        TEXT, AT(admin_address), 0, 0 },
    { "admin.serverPort",           INT,  AT(admin_port), 0, 65535 },
    { "admin.commandURL",           TEXT, AT(admin_url), 0, 0 },
    { "admin.idleTimeout",          INT,  AT(admin_idle_ms), 1, INT32_MAX },
    { "admin.snapshot.enabled",     BOOL, AT(admin_snapshot), 0, 0 },
    { "admin.restore.enabled",      BOOL, AT(admin_restore), 0, 0 },
    { "admin.rateLimiterIntervalInMS", LONG, AT(admin_rate_ms), 0, INT64_MAX },
    { "metricsProvider.className",  TEXT, AT(metrics_provider), 0, 0 },
    { "metricsProvider.httpHost",   TEXT, AT(metrics_host), 0, 0 },
    { "metricsProvider.httpPort",   INT,  AT(metrics_port), 0, 65535 },
    { "metricsProvider.exportJvmInfo", BOOL, AT(metrics_process), 0, 0 },
    { "snapshot.compression.method", TEXT, AT(snap_compression), 0, 0 },
    { "dynamicConfigFile",          TEXT, AT(dynamic_file), 0, 0 },
    { "4lw.commands.whitelist",     TEXT, AT(words), 0, 0 },
    { "DigestAuthenticationProvider.superDigest", TEXT, AT(super_digest), 0, 0 },
    { "secureClientPort",           INT,  AT(secure_port), 0, 65535 },
    { "secureClientPortAddress",    TEXT, AT(secure_port_address), 0, 0 },
    { "client.portUnification",     BOOL, AT(port_unification), 0, 0 },
    { "ssl.keyStore.location",      TEXT, AT(key_store), 0, 0 },
    { "ssl.keyStore.password",      TEXT, AT(key_store_password), 0, 0 },
    { "ssl.keyStore.passwordPath",  TEXT, AT(key_store_password_path), 0, 0 },
    { "ssl.keyStore.type",          TEXT, AT(key_store_type), 0, 0 },
    { "ssl.trustStore.location",    TEXT, AT(trust_store), 0, 0 },
    { "ssl.trustStore.password",    TEXT, AT(trust_store_password), 0, 0 },
    { "ssl.trustStore.passwordPath", TEXT, AT(trust_store_password_path), 0, 0 },
    { "ssl.trustStore.type",        TEXT, AT(trust_store_type), 0, 0 },
    { "ssl.clientAuth",             TEXT, AT(tls_client_auth), 0, 0 },
    { "ssl.protocol",               TEXT, AT(tls_protocol), 0, 0 },
    { "ssl.enabledProtocols",       TEXT, AT(tls_protocols), 0, 0 },
    { "ssl.ciphersuites",           TEXT, AT(tls_ciphers), 0, 0 },
    { "ssl.hostnameVerification",   BOOL, AT(tls_host_check), 0, 0 },
    { "ssl.clientHostnameVerification", BOOL, AT(tls_client_host_check), 0, 0 },
    { "ssl.authProvider",           TEXT, AT(tls_auth_provider), 0, 0 },
    { "netty.server.outstandingHandshake.limit", INT, AT(tls_handshakes_most), INT32_MIN, INT32_MAX },
    { "X509AuthenticationProvider.superUser", TEXT, AT(x509_super), 0, 0 },
    { "letAnySaslUserDoX",          TEXT, AT(sasl_any), 0, 0 },
    { "java.security.auth.login.config", TEXT, AT(jaas_file), 0, 0 },
    { "sasl.serverconfig",          TEXT, AT(jaas_section), 0, 0 },
    { "SASLAuthenticationProvider.superPassword", TEXT, AT(sasl_super_password), 0, 0 },
    { "allowSaslFailedClients",     BOOL, AT(sasl_failed_stay), 0, 0 },
    { "sessionRequireClientSASLAuth", BOOL, AT(require_sasl), 0, 0 },
    { "enforce.auth.enabled",       BOOL, AT(enforce_auth), 0, 0 },
    { "enforce.auth.schemes",       TEXT, AT(enforce_schemes), 0, 0 },
};

/* Accepted, and without effect here. */
static const char *const quiet[] = {
    /* of ensembles */
    "initLimit", "syncLimit", "electionAlg", "standaloneEnabled",
    "quorumListenOnAllIPs", "localSessionsEnabled", "electionPortBindRetry",
    "localSessionsUpgradingEnabled", "connectToLearnerMasterLimit", "cnxTimeout",
    "quorumCnxnTimeoutMs", "observerMasterPort", "oraclePath", "syncEnabled",
    "multiAddress.enabled", "multiAddress.reachabilityCheckEnabled",
    "multiAddress.reachabilityCheckTimeoutMs", "leaderServes", "tcpKeepAlive",
    "fastleader.maxNotificationInterval", "fastleader.minNotificationInterval",
    "leader.closeSocketAsync", "learner.closeSocketAsync", "learner.asyncSending",
    "version", "maxConcurrentSnapSyncs", "maxConcurrentDiffSyncs",
    "maxTimeToWaitForEpoch", "observer.reconnectDelayMs", "observer.election.DelayMs",
    "ensembleAuthName", "follower.skipLearnerRequestToNextProcessor",
    "messageTracker.Enabled", "messageTracker.BufferSize", "commitLogCount",
    /* threads, queues and caches of the JVM's server */
    "globalOutstandingLimit", "flushDelay", "maxBatchSize", "maxWriteQueuePollTime",
    "maxResponseCacheSize", "maxGetChildrenResponseCacheSize", "bitHashCacheSize",
    "watchManagerName", "watcherCleanIntervalInSeconds", "watcherCleanThreadsNum",
    "watcherCleanThreshold", "maxInProcessingDeadWatchers", "serverCnxnFactory",
    "nio.numSelectorThreads", "nio.numWorkerThreads", "nio.directBufferBytes",
    "nio.shutdownTimeout", "advancedFlowControlEnabled", "enableEagerACLCheck",
    "commitProcessor.numWorkerThreads", "commitProcessor.shutdownTimeout",
    "commitProcessor.maxReadBatchSize", "commitProcessor.maxCommitBatchSize",
    "request_throttler.shutdownTimeout", "requestThrottleLimit",
    "requestThrottleStallTime", "requestThrottleDropStale",
    "requestStaleLatencyCheck", "requestStaleConnectionCheck",
    "request_throttle_max_requests", "request_throttle_stall_time",
    "request_throttle_drop_stale", "request_stale_latency_check",
    "request_stale_connection_check", "throttled_op_wait_time",
    "connectionMaxTokens", "connectionTokenFillTime", "connectionTokenFillCount",
    "connectionFreezeTime", "connectionDropIncrease", "connectionDropDecrease",
    "connectionDecreaseRatio", "connection_throttle_weight_enabled",
    "connection_throttle_tokens", "connection_throttle_fill_time",
    "connection_throttle_fill_count", "connection_throttle_freeze_time",
    "connection_throttle_drop_increase", "connection_throttle_drop_decrease",
    "connection_throttle_decrease_ratio", "connection_throttle_global_session_weight",
    "connection_throttle_local_session_weight",
    "connection_throttle_renew_session_weight", "jvm.pause.monitor",
    "jvm.pause.warn-threshold.ms", "jvm.pause.info-threshold.ms",
    "jvm.pause.sleep.time.ms", "metricsProvider.maxQueueSize",
    "metricsProvider.numWorkerThreads", "metricsProvider.workerShutdownTimeoutMs",
    /* forms of records and files that any release reads, or that we bound
     * ourselves */
    "digest.enabled", "closeSessionTxn.enabled", "jute.maxbuffer.extrasize",
    "serializeLastProcessedZxid.enabled", "largeRequestMaxBytes",
    "largeRequestThreshold", "readonlymode.enabled",
    "admin.portUnification", "admin.needClientAuth", "audit.impl.class",
    /* TLS and Kerberos of the JVM's server */
    "ssl.sslProvider", "ssl.handshakeDetectionTimeoutMillis", "fips-mode",
    "ssl.allowReverseDnsLookup", "netty.advancedFlowControl.enabled", "sslQuorum",
    "netty.server.earlyDropSecureConnectionHandshakes", "portUnification",
    "sslQuorumReloadCertFiles", "requireKerberosConfig", "client.certReload",
    "kerberos.removeHostFromPrincipal", "kerberos.removeRealmFromPrincipal",
};

/* Known, but with one value only: another would promise what is not kept. */
static const struct { const char *key; const char *value; const char *remedy; } only[] = {
    { "emulate353TTLNodes", "false", "TTL nodes of 3.5.3 are not read; remove the key" },
    { "DigestAuthenticationProvider.enabled", "true", "digest can not be switched off; remove the key" },
    { "DigestAuthenticationProvider.digestAlg", "SHA1", "only SHA1 digests are known; remove the key" },
    { "IPAuthenticationProvider.usexforwardedfor", "false", "addresses are those of the connections; remove the key" },
    { "audit.enable", "false", "there is no audit log; set it to false" },
    { "admin.forceHttps", "false", "the admin server has no TLS; put a proxy in front" },
    { "metricsProvider.httpsPort", "", "the metrics page has no TLS; use metricsProvider.httpPort" },
};

/* Would change who may do what, or on what port: refused, not ignored. */
static const struct { const char *key; const char *remedy; } refused[] = {
    { "ssl.context.supplier.class", "classes of the JVM can not be loaded; set ssl.keyStore.location and ssl.trustStore.location" },
};
/* clang-format on */

enum { N_SETTINGS = sizeof settings / sizeof settings[0] };

void keeper_config_init(struct keeper_config *config)
{
    *config = (struct keeper_config){
        .client_port = -1,
        .listen_backlog = -1,
        .tick_time_ms = 3000,
        .min_session_ms = -1,
        .max_session_ms = -1,
        .max_client_cnxns = 60,
        .snap_count = 100000,
        .snap_size_kb = 4194304,
        .log_size_kb = -1,
        .pre_alloc_kb = 65536,
        .jute_max_buffer = 0xfffff,
        .purge_retain = 3,
        .fsync_warning_ms = 1000,
        .sessionless_ms = 10000,
        .container_check_ms = 60000,
        .container_per_minute = 10000,
        .force_sync = true,
        .autocreate = true,
        .secure_port = -1,
        .tls_host_check = true,
        .admin_port = -1,
        .admin_idle_ms = 30000,
        .admin_snapshot = true,
        .admin_restore = true,
        .admin_rate_ms = 300000,
        .metrics_port = 7000,
        .metrics_process = true,
    };
}

static char **text_at(struct keeper_config *config, const struct setting *s)
{
    return (char **)(void *)((char *)config + s->offset);
}

void keeper_config_fini(struct keeper_config *config)
{
    for (size_t i = 0; i < N_SETTINGS; i++)
        if (settings[i].kind == TEXT)
            mem_free(*text_at(config, &settings[i]));
    mem_free(config->super_users);
    mem_free(config->file_text);
    *config = (struct keeper_config){ 0 };
}

void keeper_config_copy(struct keeper_config *to,
                        const struct keeper_config *from)
{
    *to = *from;
    for (size_t i = 0; i < N_SETTINGS; i++) {
        char **text = text_at(to, &settings[i]);

        if (settings[i].kind == TEXT && *text != NULL)
            *text = mem_need_text(bytes_of(*text));
    }
    if (to->super_users != NULL)
        to->super_users = mem_need_text(bytes_of(to->super_users));
    if (to->file_text != NULL)
        to->file_text = mem_need_text(bytes_of(to->file_text));
}

static enum err set_bool(bool *out, struct bytes key, struct bytes value,
                         const char *yes, const char *no, struct errmsg *why)
{
    if (bytes_is(value, yes) || bytes_is(value, no)) {
        *out = bytes_is(value, yes);
        return ERR_OK;
    }
    return err_set(why, ERR_INVALID, "%.*s=%.*s: allowed are %s and %s",
                   BYTES_ARG(key), BYTES_ARG(value), yes, no);
}

static enum err set_number(struct keeper_config *config,
                           const struct setting *s, struct bytes value,
                           struct errmsg *why)
{
    int64_t n;
    void *field = (char *)config + s->offset;

    if (!bytes_to_int64(value, s->min, s->max, &n))
        return err_set(why, ERR_INVALID,
                       "%s=%.*s: allowed are whole numbers from %lld to %lld",
                       s->key, BYTES_ARG(value), (long long)s->min,
                       (long long)s->max);
    if (s->kind == INT)
        *(int32_t *)field = (int32_t)n;
    else
        *(int64_t *)field = n;
    return ERR_OK;
}

static enum err set_known(struct keeper_config *config, const struct setting *s,
                          struct bytes value, struct errmsg *why)
{
    char *field = (char *)config + s->offset;

    switch (s->kind) {
    case TEXT:
        mem_free(*text_at(config, s));
        *text_at(config, s) = value.len ? mem_need_text(value) : NULL;
        return ERR_OK;
    case INT:
    case LONG:
        return set_number(config, s, value, why);
    case BOOL:
        return set_bool((bool *)field, bytes_of(s->key), value, "true", "false",
                        why);
    case YES_NO:
        return set_bool((bool *)field, bytes_of(s->key), value, "yes", "no",
                        why);
    }
    return ERR_INTERNAL;
}

static bool starts_with(struct bytes b, const char *prefix)
{
    size_t n = strlen(prefix);

    return b.len > n && memcmp(b.at, prefix, n) == 0;
}

/* server.N=host:2888:3888[:role][;[addr:]clientPort] may carry our port. */
static enum err set_server(struct keeper_config *config, struct bytes value,
                           struct errmsg *why)
{
    const uint8_t *semi = value.len ? memchr(value.at, ';', value.len) : NULL;
    int64_t port;

    config->n_servers++;
    if (semi == NULL || config->client_port >= 0)
        return ERR_OK;
    struct bytes tail =
        bytes_make(semi + 1, value.len - (size_t)(semi + 1 - value.at));
    for (size_t i = tail.len; i > 0; i--) {
        if (tail.at[i - 1] == ':') {
            tail = bytes_make(tail.at + i, tail.len - i);
            break;
        }
    }
    if (!bytes_to_int64(tail, 0, 65535, &port))
        return err_set(why, ERR_INVALID,
                       "server.N=%.*s: the client port after "
                       "';' is no port",
                       BYTES_ARG(value));
    config->client_port = (int32_t)port;
    return ERR_OK;
}

enum err keeper_config_set(struct keeper_config *config, struct bytes key,
                           struct bytes value, struct errmsg *why)
{
    if (starts_with(key, "zookeeper."))
        key = bytes_make(key.at + 10, key.len - 10);
    for (size_t i = 0; i < N_SETTINGS; i++)
        if (bytes_is(key, settings[i].key))
            return set_known(config, &settings[i], value, why);
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (bytes_is(key, refused[i].key))
            return err_set(why, ERR_INVALID, "%.*s: %s", BYTES_ARG(key),
                           refused[i].remedy);
    for (size_t i = 0; i < sizeof only / sizeof only[0]; i++)
        if (bytes_is(key, only[i].key))
            return bytes_is(value, only[i].value)
                       ? ERR_OK
                       : err_set(why, ERR_INVALID, "%.*s=%.*s: %s",
                                 BYTES_ARG(key), BYTES_ARG(value),
                                 only[i].remedy);
    if (bytes_is(key, "peerType") && !bytes_is(value, "participant") &&
        !bytes_is(value, "observer"))
        return err_set(why, ERR_INVALID,
                       "peerType=%.*s: allowed are participant and observer",
                       BYTES_ARG(value));
    if (starts_with(key, "server."))
        return set_server(config, value, why);
    if (keeper_security_knows(key))
        return keeper_security_set(config, key, value, why);
    for (size_t i = 0; i < sizeof quiet / sizeof quiet[0]; i++)
        if (bytes_is(key, quiet[i]))
            return ERR_OK;
    if (!starts_with(key, "group.") && !starts_with(key, "weight.") &&
        !starts_with(key, "ssl.quorum.") && !starts_with(key, "quorum."))
        diag_warn("event=keeper_config_unknown key=%.*s remedy=\"remove it, or "
                  "correct its name; it has no effect\"",
                  BYTES_ARG(key));
    return ERR_OK;
}

/* -- properties syntax ----------------------------------------------------- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\f' || c == '\r';
}

/* Take one logical line (continuations joined, escapes of the line ends only)
 * out of the text into `line`; returns the raw lines it spanned, 0 at the end.
 */
static unsigned next_line(struct bytes *text, char *line, size_t size,
                          size_t *len)
{
    unsigned lines = 0;
    bool more = true;

    *len = 0;
    while (more && text->len > 0) {
        const uint8_t *nl = memchr(text->at, '\n', text->len);
        size_t n = nl ? (size_t)(nl - text->at) : text->len;
        size_t from = 0;
        size_t to = n;

        while (to > 0 && text->at[to - 1] == '\r')
            to--;
        while (from < to && is_blank(text->at[from]))
            from++;
        bool comment = lines == 0 && from < to &&
                       (text->at[from] == '#' || text->at[from] == '!');
        size_t slashes = 0;
        while (to - slashes > from && text->at[to - slashes - 1] == '\\')
            slashes++;
        more = !comment && slashes % 2 == 1;
        if (more)
            to--;
        for (size_t i = from; !comment && i < to && *len < size; i++)
            line[(*len)++] = (char)text->at[i];
        text->at += nl ? n + 1 : n;
        text->len -= nl ? n + 1 : n;
        lines++;
    }
    return lines;
}

/* Undo the escapes of properties files in place: \t \n \r \f and \<any>. */
static struct bytes unescape(char *at, size_t len)
{
    size_t out = 0;

    for (size_t i = 0; i < len; i++) {
        char c = at[i];

        if (c == '\\' && i + 1 < len) {
            static const char from[] = "tnrf";
            const char *known = strchr(from, at[++i]);

            c = at[i];
            if (known != NULL && *known != '\0')
                c = "\t\n\r\f"[known - from];
        }
        at[out++] = c;
    }
    return bytes_make(at, out);
}

static void split_line(char *line, size_t len, struct bytes *key,
                       struct bytes *value)
{
    size_t end = 0;
    size_t from;

    while (end < len && line[end] != '=' && line[end] != ':' &&
           !is_blank((uint8_t)line[end]))
        end += line[end] == '\\' && end + 1 < len ? 2 : 1;
    if (end > len)
        end = len;
    from = end;
    while (from < len && is_blank((uint8_t)line[from]))
        from++;
    if (from < len && (line[from] == '=' || line[from] == ':'))
        from++;
    while (from < len && is_blank((uint8_t)line[from]))
        from++;
    while (len > from && is_blank((uint8_t)line[len - 1]))
        len--;
    *key = unescape(line, end);
    *value = unescape(line + from, len - from);
}

enum err keeper_config_read(struct keeper_config *config, struct bytes text,
                            const char *file, struct errmsg *why)
{
    char line[4096];
    size_t len;
    unsigned number = 1;
    unsigned lines;

    mem_free(config->file_text);
    config->file_text = mem_need_text(text);
    while ((lines = next_line(&text, line, sizeof line, &len)) > 0) {
        struct bytes key;
        struct bytes value;

        if (len == sizeof line)
            return err_set(why, ERR_INVALID,
                           "%s:%u: the line is longer than "
                           "4095 bytes",
                           file, number);
        split_line(line, len, &key, &value);
        if (key.len > 0) {
            enum err err = keeper_config_set(config, key, value, why);

            if (err != ERR_OK) {
                err_prefix(why, "%s:%u", file, number);
                return err;
            }
        }
        number += lines;
    }
    return ERR_OK;
}

/* Class names of the JVM's server stand for what they do. */
static enum err metrics_finish(struct keeper_config *config, struct errmsg *why)
{
    const char *name = config->metrics_provider;
    const char *last = name ? strrchr(name, '.') : NULL;

    config->prometheus = false;
    if (last == NULL || strcmp(last, ".DefaultMetricsProvider") == 0 ||
        strcmp(last, ".NullMetricsProvider") == 0)
        return ERR_OK;
    config->prometheus = strcmp(last, ".PrometheusMetricsProvider") == 0;
    if (config->prometheus)
        return ERR_OK;
    return err_set(why, ERR_INVALID,
                   "metricsProvider.className=%s: allowed are "
                   "org.apache.zookeeper.metrics.prometheus."
                   "PrometheusMetricsProvider and ZooKeeper's default",
                   name);
}

/* What is not known writes plain files, as ZooKeeper does; it is told. */
static void compression_finish(struct keeper_config *config)
{
    const char *name = config->snap_compression;

    if (name == NULL || strcasecmp(name, "gz") == 0 ||
        strcasecmp(name, "snappy") == 0)
        return;
    diag_warn("event=keeper_config_compression value=%s remedy=\"set "
              "snapshot.compression.method to gz or snappy\"",
              name);
    mem_free(config->snap_compression);
    config->snap_compression = NULL;
}

enum err keeper_config_finish(struct keeper_config *config, struct errmsg *why)
{
    enum err err = metrics_finish(config, why);

    if (err != ERR_OK)
        return err;
    compression_finish(config);
    if (config->n_servers > 1)
        return err_set(why, ERR_INVALID,
                       "%u server.N lines: this is a single "
                       "server; leave one, or run Apache ZooKeeper for an "
                       "ensemble and point zookeeper.connect at it",
                       config->n_servers);
    if (config->data_dir == NULL)
        return err_set(why, ERR_INVALID, "dataDir is not set");
    if (config->client_port_address != NULL && config->client_port < 0)
        return err_set(why, ERR_INVALID,
                       "clientPortAddress is set, but clientPort is not");
    if (keeper_security_finish(config, why) != ERR_OK)
        return ERR_INVALID;
    if (config->min_session_ms < 0)
        config->min_session_ms = 2 * config->tick_time_ms;
    if (config->max_session_ms < 0)
        config->max_session_ms = 20 * config->tick_time_ms;
    if (config->min_session_ms > config->max_session_ms)
        return err_set(why, ERR_INVALID,
                       "minSessionTimeout=%d is larger than "
                       "maxSessionTimeout=%d",
                       (int)config->min_session_ms,
                       (int)config->max_session_ms);
    if (config->data_log_dir == NULL)
        config->data_log_dir = mem_need_text(bytes_of(config->data_dir));
    if (config->purge_retain < 3)
        config->purge_retain = 3;
    if (config->snap_count < 2)
        config->snap_count = 2;
    return ERR_OK;
}
