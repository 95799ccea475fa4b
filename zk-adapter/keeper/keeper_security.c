/* keeper_security.c - authentication providers, super users, what must be on.
 *
 * A setting that would be weaker here than at ZooKeeper is refused: nobody
 * shall find out later that a list of revoked certificates was not read. */
#include "keeper/keeper_security.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

static bool starts_with(struct bytes b, const char *prefix)
{
    size_t n = strlen(prefix);

    return b.len >= n && memcmp(b.at, prefix, n) == 0;
}

static bool is_provider(struct bytes key)
{
    return starts_with(key, "authProvider.");
}

static bool is_super(struct bytes key)
{
    return bytes_is(key, "superUser") || starts_with(key, "superUser.");
}

bool keeper_security_knows(struct bytes key)
{
    return is_provider(key) || is_super(key) || bytes_is(key, "ssl.crl") ||
           bytes_is(key, "ssl.ocsp") || bytes_is(key, "security.auth_to_local");
}

static enum err set_provider(struct keeper_config *config, struct bytes key,
                             struct bytes value, struct errmsg *why)
{
    static const char package[] = "org.apache.zookeeper.server.auth.";
    struct bytes name = value;

    if (starts_with(value, package))
        name =
            bytes_make(value.at + strlen(package), value.len - strlen(package));
    if (bytes_is(name, "SASLAuthenticationProvider"))
        config->provider_sasl = true;
    else if (bytes_is(name, "X509AuthenticationProvider"))
        config->provider_x509 = true;
    else if (!bytes_is(name, "DigestAuthenticationProvider") &&
             !bytes_is(name, "IPAuthenticationProvider"))
        return err_set(why, ERR_INVALID,
                       "%.*s=%.*s: not offered; there are "
                       "SASLAuthenticationProvider (DIGEST-MD5), "
                       "X509AuthenticationProvider, and digest and ip always",
                       BYTES_ARG(key), BYTES_ARG(value));
    return ERR_OK;
}

/* Each name between two newlines, which no name of a JAAS file holds. */
static void add_super(struct keeper_config *config, struct bytes name)
{
    const char *old = config->super_users ? config->super_users : "\n";
    size_t size = strlen(old) + name.len + 2;
    char *all;

    if (name.len == 0)
        return;
    all = mem_need(size);
    (void)snprintf(all, size, "%s%.*s\n", old, BYTES_ARG(name));
    mem_free(config->super_users);
    config->super_users = all;
}

enum err keeper_security_set(struct keeper_config *config, struct bytes key,
                             struct bytes value, struct errmsg *why)
{
    if (is_provider(key))
        return set_provider(config, key, value, why);
    if (is_super(key))
        add_super(config, value);
    else if (bytes_is(key, "security.auth_to_local"))
        return bytes_is(value, "DEFAULT")
                   ? ERR_OK
                   : err_set(why, ERR_INVALID,
                             "security.auth_to_local: there is no Kerberos; "
                             "remove the key");
    else if (!bytes_is(value, "false"))
        return err_set(why, ERR_INVALID,
                       "%.*s=%.*s: revocation is not checked here; set it to "
                       "false, and give clients short-lived certificates or "
                       "take a revoked issuer out of ssl.trustStore.location",
                       BYTES_ARG(key), BYTES_ARG(value));
    return ERR_OK;
}

/* -- the whole ------------------------------------------------------------- */

static bool has_scheme(const struct keeper_config *config, struct bytes scheme)
{
    return bytes_is(scheme, "digest") || bytes_is(scheme, "ip") ||
           (bytes_is(scheme, "sasl") && config->provider_sasl) ||
           (bytes_is(scheme, "x509") && config->provider_x509);
}

static enum err check_schemes(const struct keeper_config *config,
                              struct errmsg *why)
{
    const char *at = config->enforce_schemes;

    if (at == NULL)
        return err_set(why, ERR_INVALID,
                       "enforce.auth.enabled=true wants "
                       "enforce.auth.schemes=SCHEME,... too");
    while (*at != '\0') {
        size_t n = strcspn(at, ",");
        struct bytes scheme = bytes_make(at, n);

        while (scheme.len > 0 && *scheme.at == ' ')
            scheme = bytes_make(scheme.at + 1, scheme.len - 1);
        while (scheme.len > 0 && scheme.at[scheme.len - 1] == ' ')
            scheme.len--;
        if (!has_scheme(config, scheme))
            return err_set(
                why, ERR_INVALID,
                "enforce.auth.schemes: \"%.*s\" is not available; %s",
                BYTES_ARG(scheme),
                bytes_is(scheme, "sasl")
                    ? "set authProvider.1=org.apache.zookeeper.server.auth."
                      "SASLAuthenticationProvider"
                    : "there are digest, ip, sasl and x509");
        at += n + (at[n] == ',');
    }
    return ERR_OK;
}

static enum err check_ports(const struct keeper_config *config,
                            struct errmsg *why)
{
    if (config->secure_port_address != NULL && config->secure_port < 0)
        return err_set(why, ERR_INVALID,
                       "secureClientPortAddress is set, but secureClientPort "
                       "is not");
    if (config->secure_port > 0 && config->secure_port == config->client_port)
        return err_set(why, ERR_INVALID,
                       "secureClientPort and clientPort are both %d; for TLS "
                       "and plain text on one port set clientPort and "
                       "client.portUnification=true",
                       (int)config->client_port);
    if (config->port_unification && config->client_port < 0)
        return err_set(why, ERR_INVALID,
                       "client.portUnification=true wants a clientPort");
    return ERR_OK;
}

enum err keeper_security_finish(struct keeper_config *config,
                                struct errmsg *why)
{
    if (check_ports(config, why) != ERR_OK)
        return ERR_INVALID;
    if (keeper_config_has_tls(config))
        config->provider_x509 = true;
    if (config->tls_auth_provider != NULL &&
        strcmp(config->tls_auth_provider, "x509") != 0)
        return err_set(why, ERR_INVALID,
                       "ssl.authProvider=%.100s: only x509 is offered",
                       config->tls_auth_provider);
    if (config->require_sasl) {
        config->enforce_auth = true;
        mem_free(config->enforce_schemes);
        config->enforce_schemes = mem_need_text(BYTES("sasl"));
    }
    return config->enforce_auth ? check_schemes(config, why) : ERR_OK;
}

/* -- the environment ------------------------------------------------------- */

static enum err set_flag(struct keeper_config *config, struct bytes flag,
                         struct errmsg *why)
{
    const uint8_t *equals;
    struct bytes key;
    struct bytes value;

    flag = bytes_make(flag.at + 2, flag.len - 2);
    equals = flag.len ? memchr(flag.at, '=', flag.len) : NULL;
    if (equals == NULL)
        return ERR_OK;
    key = bytes_make(flag.at, (size_t)(equals - flag.at));
    value = bytes_make(equals + 1, flag.len - key.len - 1);
    if (bytes_is(key, "java.security.auth.login.config")) {
        /* Java's "==FILE" means this file only, "file:" is a URL. */
        if (starts_with(value, "="))
            value = bytes_make(value.at + 1, value.len - 1);
        if (starts_with(value, "file:"))
            value = bytes_make(value.at + 5, value.len - 5);
    } else if (!starts_with(key, "zookeeper.") &&
               !bytes_is(key, "jute.maxbuffer")) {
        return ERR_OK;
    }
    return keeper_config_set(config, key, value, why);
}

static enum err set_flags(struct keeper_config *config, const char *flags,
                          struct errmsg *why)
{
    while (*flags != '\0') {
        size_t n = strcspn(flags, " \t\n");

        if (n > 2 && flags[0] == '-' && flags[1] == 'D' &&
            set_flag(config, bytes_make(flags, n), why) != ERR_OK)
            return ERR_INVALID;
        flags += n;
        flags += strspn(flags, " \t\n");
    }
    return ERR_OK;
}

enum err keeper_config_environment(struct keeper_config *config,
                                   struct errmsg *why)
{
    static const char *const names[] = { "KAFKA_OPTS", "JVMFLAGS",
                                         "SERVER_JVMFLAGS" };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *flags = getenv(names[i]);

        if (flags != NULL && set_flags(config, flags, why) != ERR_OK) {
            err_prefix(why, "environment variable %s", names[i]);
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}
