/* shell_tls.h - where the shell is told to speak TLS, and how.
 *
 *   environment     CLIENT_JVMFLAGS, JVMFLAGS (zkCli.sh), KAFKA_OPTS
 *                   (zookeeper-shell.sh): -Dzookeeper.client.secure=true ...
 *   command line    -DNAME=VALUE
 *   a file          -client-configuration: ZooKeeper's names;
 *                   -zk-tls-config-file: Kafka's, zookeeper.ssl.client.enable
 * ...
 *
 * What comes later wins, so a file over the rest. Names that are not about TLS
 * are passed over.
 *
 * Threads: one.
 */
#ifndef GREGOR_TOOLS_SHELL_SHELL_TLS_H
#define GREGOR_TOOLS_SHELL_SHELL_TLS_H

#include "tools/shell/zkc_tls.h"

enum shell_tls_key {
    SHELL_TLS_SECURE, /* true or false */
    SHELL_TLS_KEY_LOCATION,
    SHELL_TLS_KEY_PASSWORD,
    SHELL_TLS_KEY_PASSWORD_PATH,
    SHELL_TLS_KEY_TYPE,
    SHELL_TLS_TRUST_LOCATION,
    SHELL_TLS_TRUST_PASSWORD,
    SHELL_TLS_TRUST_PASSWORD_PATH,
    SHELL_TLS_TRUST_TYPE,
    SHELL_TLS_PROTOCOL,
    SHELL_TLS_PROTOCOLS,
    SHELL_TLS_CIPHERS,
    SHELL_TLS_CHECK_HOST, /* true or false */
    SHELL_TLS_CRL,        /* true or false */
    SHELL_TLS_OCSP,       /* true or false */
    SHELL_TLS_SUPPLIER,   /* a Java class */
    SHELL_TLS_N,
};

struct shell_tls {
    const char *names[SHELL_TLS_N]; /* the name last used; static */
    char *values[SHELL_TLS_N];      /* NULL: not set; owned */
};

void shell_tls_init(struct shell_tls *tls);
void shell_tls_fini(struct shell_tls *tls);

/* One word "-DNAME=VALUE"; others are passed over. */
void shell_tls_flag(struct shell_tls *tls, struct bytes word);
/* The words of an environment variable's text; NULL: there is none. */
void shell_tls_flags(struct shell_tls *tls, const char *flags);

/* A properties file, with Kafka's names or ZooKeeper's. The errors of
 * properties_load(). */
MUST_USE enum err shell_tls_file(struct shell_tls *tls, const char *path,
                                 bool kafka, struct errmsg *why);

/* Read the stores. *out stays NULL when TLS is not asked for. ERR_INVALID and
 * the errors of zkc_tls_new(). */
MUST_USE enum err shell_tls_open(const struct shell_tls *tls,
                                 struct zkc_tls **out, struct errmsg *why);

#endif
