/* config_zookeeper.c - where the coordination service is, and what it must not
 * be asked for.
 *
 * Habits of the Java broker that would change its security in silence (TLS,
 * SASL and ACLs towards ZooKeeper) stop the start: Debian's ZooKeeper client
 * library has neither TLS nor SASL.
 */
#include <stdio.h>
#include <string.h>

#include "client/zk.h"
#include "config/config_in.h"

#define KEEPER_PREFIX "keeper."
#define EMBEDDED "embedded"

enum { JAAS_FILE_MAX = 1024 * 1024 };

/* "embedded", "embedded:2181", "embedded:2181/chroot", "embedded/chroot". */
static bool read_embedded(struct config *cfg, const char *text)
{
    struct config_zookeeper *z = &cfg->zookeeper;
    const char *rest = text + sizeof EMBEDDED - 1;
    const char *slash = strchr(text, '/');
    int64_t port = 2181;
    char hosts[ZK_CONNECT_MAX];
    char *chroot = arena_take(&cfg->arena, ZK_CONNECT_MAX);
    struct bytes like_ensemble; /* a host in front, for the same parser */

    if (*rest == ':') {
        size_t n = slash ? (size_t)(slash - rest) - 1 : strlen(rest + 1);

        if (!bytes_to_int64(bytes_make(rest + 1, n), 0, 65535, &port))
            return false;
    }
    like_ensemble = arena_format(&cfg->arena, "h%s", slash ? slash : "");
    if (chroot == NULL || bytes_is_null(like_ensemble))
        return false;
    z->embedded = true;
    z->embedded_port = (int)port;
    z->hosts = "";
    z->chroot = chroot;
    return zk_parse_connect(like_ensemble, hosts, chroot, ZK_CONNECT_MAX,
                            NULL) == ERR_OK;
}

static bool is_embedded(const char *text)
{
    size_t n = sizeof EMBEDDED - 1;

    return strncmp(text, EMBEDDED, n) == 0 &&
           (text[n] == '\0' || text[n] == ':' || text[n] == '/');
}

static enum err read_ensemble(struct config *cfg, const char *text,
                              struct errmsg *why)
{
    struct config_zookeeper *z = &cfg->zookeeper;
    char *hosts = arena_take(&cfg->arena, ZK_CONNECT_MAX);
    char *chroot = arena_take(&cfg->arena, ZK_CONNECT_MAX);
    struct errmsg because;

    if (hosts == NULL || chroot == NULL)
        return err_set(why, ERR_NOMEM, "not enough memory");
    if (zk_parse_connect(bytes_of(text), hosts, chroot, ZK_CONNECT_MAX,
                         &because) != ERR_OK)
        return config_refuse(cfg, CFG_ZOOKEEPER_CONNECT, why, "%s",
                             because.text);
    z->hosts = hosts;
    z->chroot = chroot;
    return ERR_OK;
}

static void read_keeper(struct config *cfg)
{
    struct config_zookeeper *z = &cfg->zookeeper;
    size_t n = sizeof KEEPER_PREFIX - 1;
    struct conf_pair *pairs =
        arena_array(&cfg->arena, cfg->file.n + 1, sizeof *pairs);

    z->keeper = pairs;
    for (size_t i = 0; pairs != NULL && i < cfg->file.n; i++) {
        const struct property *p = &cfg->file.items[i];

        if (p->name.len <= n || memcmp(p->name.at, KEEPER_PREFIX, n) != 0)
            continue;
        pairs[z->n_keeper].name = bytes_make(p->name.at + n, p->name.len - n);
        pairs[z->n_keeper++].value = p->value;
    }
}

enum err config_read_zookeeper(struct config *cfg, struct errmsg *why)
{
    const char *text = config_text(cfg, CFG_ZOOKEEPER_CONNECT);

    read_keeper(cfg);
    if (text == NULL || *text == '\0')
        return err_set(
            why, ERR_INVALID,
            "%s: zookeeper.connect is missing: set it to the hosts of "
            "a ZooKeeper ensemble (host:port,.../chroot), or to "
            "\"embedded\" for the service inside this broker",
            cfg->file.file);
    if (!is_embedded(text))
        return read_ensemble(cfg, text, why);
    if (!read_embedded(cfg, text))
        return config_refuse(
            cfg, CFG_ZOOKEEPER_CONNECT, why,
            "must be embedded[:port][/chroot] with a port from "
            "0 to 65535");
    return ERR_OK;
}

/* -- Java's ways ------------------------------------------------------- */

/* Does the JAAS file have a section of that name ("Client {")? Comments are
 * skipped; anything that cannot be read counts as yes: better a question. */
static bool jaas_has_section(const char *file, const char *section)
{
    char *text = mem_need(JAAS_FILE_MAX + 1);
    FILE *f = fopen(file, "re");
    size_t len = f ? fread(text, 1, JAAS_FILE_MAX, f) : 0, n = strlen(section);
    bool found = f == NULL;

    if (f != NULL)
        fclose(f);
    text[len] = '\0';
    for (char *at = text; !found && *at != '\0'; at++) {
        if (at[0] == '/' && at[1] == '/') {
            at += strcspn(at, "\n") - 1;
        } else if (at[0] == '/' && at[1] == '*') {
            char *end = strstr(at + 2, "*/");
            at = end ? end + 1 : text + len - 1;
        } else if (strncmp(at, section, n) == 0 &&
                   (at == text || strchr(" \t\r\n;}/", at[-1]) != NULL)) {
            char *rest = at + n + strspn(at + n, " \t\r\n");
            found = *rest == '{';
        }
    }
    mem_free(text);
    return found;
}

/* The value of "-D<name>=value" in $KAFKA_OPTS, the last one; false: none. */
static bool java_option(const char *opts, const char *name, char *value,
                        size_t size)
{
    size_t n = strlen(name);
    bool found = false;

    for (const char *at = opts; (at = strstr(at, "-D")) != NULL; at += 2) {
        const char *v = at + 2 + n + 1;
        size_t len;

        if (strncmp(at + 2, name, n) != 0 || at[2 + n] != '=')
            continue;
        if (*v == '"' || *v == '\'')
            len = strcspn(v + 1, *v == '"' ? "\"" : "'"), v++;
        else
            len = strcspn(v, " \t\n\"'");
        snprintf(value, size, "%.*s", (int)len, v);
        found = true;
    }
    return found;
}

static enum err refuse_options(const char *opts, struct errmsg *why)
{
    char file[1024], section[128] = "Client", flag[16];

    if (java_option(opts, "zookeeper.client.secure", flag, sizeof flag) &&
        strcmp(flag, "true") == 0)
        return err_set(why, ERR_INVALID,
                       "KAFKA_OPTS: zookeeper.client.secure=true: there is no "
                       "TLS to ZooKeeper here; remove it, or put a TLS proxy "
                       "between");
    if (!java_option(opts, "java.security.auth.login.config", file,
                     sizeof file))
        return ERR_OK;
    if (java_option(opts, "zookeeper.sasl.client", flag, sizeof flag) &&
        strcmp(flag, "false") == 0)
        return ERR_OK;
    java_option(opts, "zookeeper.sasl.clientconfig", section, sizeof section);
    if (!jaas_has_section(file, section))
        return ERR_OK;
    return err_set(
        why, ERR_INVALID,
        "KAFKA_OPTS: java.security.auth.login.config=%s: its section "
        "\"%s\" asks for SASL to ZooKeeper (or the file cannot be "
        "read), which is not available here; remove the section or "
        "the option",
        file, section);
}

enum err config_refuse_java(const struct config *cfg, const char *kafka_opts,
                            struct errmsg *why)
{
    if (config_bool(cfg, CFG_ZOOKEEPER_SSL_CLIENT_ENABLE))
        return config_refuse(cfg, CFG_ZOOKEEPER_SSL_CLIENT_ENABLE, why,
                             "there is no TLS to ZooKeeper here; remove it, or "
                             "put a TLS proxy between");
    if (config_text(cfg, CFG_ZOOKEEPER_CLIENT_CNXN_SOCKET) != NULL)
        return config_refuse(cfg, CFG_ZOOKEEPER_CLIENT_CNXN_SOCKET, why,
                             "Java connections (TLS) to ZooKeeper do not exist "
                             "here; remove it");
    if (config_bool(cfg, CFG_ZOOKEEPER_SET_ACL))
        return config_refuse(cfg, CFG_ZOOKEEPER_SET_ACL, why,
                             "znode ACLs need SASL or TLS to ZooKeeper, which "
                             "are not available here; set it to false");
    if (config_bool(cfg, CFG_ZOOKEEPER_METADATA_MIGRATION_ENABLE))
        return config_refuse(cfg, CFG_ZOOKEEPER_METADATA_MIGRATION_ENABLE, why,
                             "there is no migration to KRaft here; set it to "
                             "false");
    return kafka_opts ? refuse_options(kafka_opts, why) : ERR_OK;
}
