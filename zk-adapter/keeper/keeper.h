/* keeper.h - the coordination service: a single ZooKeeper server of our own.
 *
 * It speaks ZooKeeper's protocol on a client port and keeps znodes, sessions
 * and ephemerals in ZooKeeper's own transaction log and snapshot files, so that
 * a data directory may be handed to Apache ZooKeeper and back.
 *
 *     clients -> keeper loop: sessions, tree, watches --records--> keeper sync
 *                    ^                                                  |
 *                    +------------- "durable up to batch n" -----------+
 *
 * Nothing that shows a change leaves before the change's log record is on disk;
 * one fdatasync serves all that waits at the moment. The
 * loop itself syncs the change of a client that is alone.
 *
 * It may answer on two HTTP ports more: the admin server (/commands, JSON) and
 * the metrics page for Prometheus. Embedded, the admin server is off until
 * admin.enableServer=true asks for it; `gregor keeper` has it on, as ZooKeeper,
 * at 8080 or not at all when somebody else has that port. A port that is named
 * is taken, or the start fails.
 *
 * Life cycle: keeper_config_init(), keeper_config_read() or _set() for each
 * key, keeper_start() (recovers, binds, listens), keeper_stop().
 *
 * Threads: keeper_start() makes three threads of its own (loop, sync and
 * snapshots). All functions here may be called from any one thread that owns
 * the object.
 */
#ifndef GREGOR_KEEPER_KEEPER_H
#define GREGOR_KEEPER_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

/* Settings under the names of zoo.cfg. Texts are owned by the struct. */
struct keeper_config {
    char *data_dir;               /* dataDir; must be set */
    char *data_log_dir;           /* dataLogDir; NULL: as dataDir */
    char *client_port_address;    /* NULL: all addresses */
    int32_t client_port;          /* -1: no listener; 0: the kernel chooses */
    int32_t listen_backlog;       /* clientPortListenBacklog; -1: 128 */
    int32_t tick_time_ms;         /* tickTime */
    int32_t min_session_ms;       /* minSessionTimeout; -1: 2 ticks */
    int32_t max_session_ms;       /* maxSessionTimeout; -1: 20 ticks */
    int32_t max_client_cnxns;     /* per address and port; 0: no limit */
    int32_t max_cnxns;            /* per port; 0: no limit */
    int32_t snap_count;           /* snapCount: a snapshot after half to
                                    all of so many records */
    int64_t snap_size_kb;         /* snapSizeLimitInKb; <= 0: no limit */
    int64_t log_size_kb;          /* txnLogSizeLimitInKb; <= 0: no limit */
    int32_t pre_alloc_kb;         /* preAllocSize */
    int32_t jute_max_buffer;      /* longest request frame, bytes */
    int32_t purge_retain;         /* autopurge.snapRetainCount, at least 3 */
    int32_t purge_hours;          /* autopurge.purgeInterval; 0: never */
    int32_t fsync_warning_ms;     /* fsync.warningthresholdms */
    int32_t sessionless_ms;       /* nio.sessionlessCnxnTimeout */
    int32_t container_check_ms;   /* znode.container.checkIntervalMs */
    int32_t container_per_minute; /* znode.container.maxPerMinute */
    int64_t container_unused_ms;  /* znode.container.maxNeverUsedIntervalMs */
    bool force_sync;              /* forceSync; false: no fdatasync */
    bool skip_acl;                /* skipACL */
    bool extended_types;          /* extendedTypesEnabled (TTL nodes) */
    bool trust_empty;             /* snapshot.trust.empty */
    bool autocreate;              /* datadir.autocreate */
    bool reconfig;                /* reconfigEnabled */
    bool enforce_quota;           /* enforceQuota */
    bool admin;                   /* admin.enableServer */
    char *admin_address;          /* admin.serverAddress; NULL: all */
    char *admin_url;              /* admin.commandURL; NULL: /commands */
    int32_t admin_port;           /* admin.serverPort; 0: the kernel chooses;
                                     -1: 8080, or none when that is taken */
    int32_t admin_idle_ms;        /* admin.idleTimeout */
    bool admin_snapshot;          /* admin.snapshot.enabled */
    bool admin_restore;           /* admin.restore.enabled */
    int64_t admin_rate_ms;        /* admin.rateLimiterIntervalInMS */
    char *metrics_provider;       /* metricsProvider.className */
    bool prometheus;              /* it is the one for Prometheus */
    char *metrics_host;           /* metricsProvider.httpHost; NULL: all */
    int32_t metrics_port;         /* metricsProvider.httpPort; 0: any */
    bool metrics_process;         /* metricsProvider.exportJvmInfo */
    char *snap_compression;       /* snapshot.compression.method; NULL: none */
    char *dynamic_file;           /* dynamicConfigFile: server.N lines */
    char *file_text;              /* the file that was read; NULL: none */
    bool tcp_keepalive;           /* clientTcpKeepAlive */
    char *words;                  /* 4lw.commands.whitelist: comma list or * */
    char *super_digest; /* super:<base64 sha1>; NULL: nobody is super */
    uint32_t n_servers; /* server.N lines seen; 2 and more are refused */

    /* TLS; what the texts mean is checked by keeper_start(). */
    char *secure_port_address; /* secureClientPortAddress; NULL: all */
    int32_t secure_port;       /* secureClientPort; -1: none, 0: any */
    bool port_unification;     /* client.portUnification: TLS and plain text
                                  on clientPort */
    char *key_store;           /* ssl.keyStore.location */
    char *key_store_password;
    char *key_store_password_path; /* a file with it, before the other */
    char *key_store_type;          /* a word; the content decides */
    char *trust_store;             /* ssl.trustStore.location, ... */
    char *trust_store_password;
    char *trust_store_password_path;
    char *trust_store_type;
    char *tls_client_auth;       /* ssl.clientAuth; NULL: need */
    char *tls_protocol;          /* ssl.protocol */
    char *tls_protocols;         /* ssl.enabledProtocols, before the other */
    char *tls_ciphers;           /* ssl.ciphersuites; NULL: OpenSSL's */
    bool tls_host_check;         /* ssl.hostnameVerification, and then */
    bool tls_client_host_check;  /* ssl.clientHostnameVerification: a client's
                                    certificate must name its address */
    char *tls_auth_provider;     /* ssl.authProvider: x509 */
    int32_t tls_handshakes_most; /* netty.server.outstandingHandshake.limit;
                                    <= 0: no limit */

    /* Who clients are. */
    bool provider_sasl;        /* authProvider.N: SASL is an ACL scheme */
    bool provider_x509;        /* the same for x509; implied by TLS */
    char *x509_super;          /* X509AuthenticationProvider.superUser */
    char *super_users;         /* superUser, superUser.N: SASL names, each
                                  between two newlines */
    char *sasl_any;            /* letAnySaslUserDoX: an ACL's id that stands
                                  for every SASL user */
    char *jaas_file;           /* java.security.auth.login.config */
    char *jaas_section;        /* sasl.serverconfig; NULL: Server */
    char *sasl_super_password; /* SASLAuthenticationProvider.superPassword */
    bool sasl_failed_stay;     /* allowSaslFailedClients */
    bool require_sasl;         /* sessionRequireClientSASLAuth */
    bool enforce_auth;         /* enforce.auth.enabled */
    char *enforce_schemes;     /* enforce.auth.schemes: comma list */
};

/* TLS is spoken somewhere. */
static inline bool keeper_config_has_tls(const struct keeper_config *config)
{
    return config->secure_port >= 0 || config->port_unification;
}

/* The defaults of ZooKeeper 3.9, but with the admin server off. */
void keeper_config_init(struct keeper_config *config);
/* Frees the texts and zeroes the struct. */
void keeper_config_fini(struct keeper_config *config);

/* Set one key as a line of zoo.cfg does. Keys nobody knows are ignored as
 * ZooKeeper does, with a line for the operator.
 * ERR_INVALID  the value is not allowed; `why` names key and what is. */
MUST_USE enum err keeper_config_set(struct keeper_config *config,
                                    struct bytes key, struct bytes value,
                                    struct errmsg *why);

/* A copy with texts of its own. */
void keeper_config_copy(struct keeper_config *to,
                        const struct keeper_config *from);

/* Set what the environment says in SERVER_JVMFLAGS, JVMFLAGS or KAFKA_OPTS with
 * -Dzookeeper.KEY=VALUE, -Djute.maxbuffer=N and
 * -Djava.security.auth.login.config=FILE, as people who start the JVM do. To be
 * called before the file is read: zoo.cfg goes before it. ERR_INVALID. */
MUST_USE enum err keeper_config_environment(struct keeper_config *config,
                                            struct errmsg *why);

/* Read a whole zoo.cfg (Java properties syntax). `file` is its name for
 * messages. ERR_INVALID with file, line, key and remedy in `why`. */
MUST_USE enum err keeper_config_read(struct keeper_config *config,
                                     struct bytes text, const char *file,
                                     struct errmsg *why);

/* Check the whole and fill in what is derived (session limits, dataLogDir).
 * keeper_start() does it too. ERR_INVALID. */
MUST_USE enum err keeper_config_finish(struct keeper_config *config,
                                       struct errmsg *why);

struct keeper;

/* Recover the data directory, bind, listen and serve. Returns when clients may
 * connect. The configuration is copied.
 * ERR_INVALID configuration; ERR_CORRUPT damaged log or snapshot (file,
 * position and remedy in `why`); ERR_BUSY another server has the directory;
 * ERR_IO, ERR_SPACE, ERR_DENIED files; ERR_NET the port. */
MUST_USE enum err keeper_start(struct keeper **out,
                               const struct keeper_config *config,
                               struct errmsg *why);

/* The port it listens on; 0 without a listener. */
uint16_t keeper_port(const struct keeper *keeper);
/* The same of secureClientPort. */
uint16_t keeper_secure_port(const struct keeper *keeper);

/* The ports of the admin server and the metrics page; 0: there is none. */
uint16_t keeper_admin_port(const struct keeper *keeper);
uint16_t keeper_metrics_port(const struct keeper *keeper);

/* Stop serving, flush what is logged, end the threads, free all. Sessions and
 * ephemerals stay in the data directory, as with a stopped ZooKeeper. Blocks
 * as long as the disk does. NULL inside is fine. */
void keeper_stop(struct keeper **at);

/* The command `gregor keeper ZOO_CFG`: serve until SIGTERM or SIGINT. The exit
 * status: 0 after a clean stop, 1 when it could not start. */
int keeper_main(const char *path);

#endif
