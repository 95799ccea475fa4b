/* zk_names.c - `zookeeper.connect`: parsing it, and resolving its names. */
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "client/zk.h"
#include "client/zk_wire.h"

enum { DEFAULT_PORT = 2181, SERVERS_MAX = 64, NUMERIC_MAX = 64 };

static struct bytes trim(struct bytes b)
{
    while (b.len > 0 && (b.at[0] == ' ' || b.at[0] == '\t')) {
        b.at++;
        b.len--;
    }
    while (b.len > 0 && (b.at[b.len - 1] == ' ' || b.at[b.len - 1] == '\t'))
        b.len--;
    return b;
}

static enum err refuse(struct errmsg *why, struct bytes what,
                       const char *because)
{
    return err_set(why, ERR_INVALID,
                   "\"%.*s\": %s; allowed is host[:port],...[/chroot], with "
                   "IPv6 addresses in brackets",
                   BYTES_ARG(what), because);
}

/* One "host", "host:port", "[v6]" or "[v6]:port". */
static enum err split_host(struct bytes item, struct bytes *host, int64_t *port,
                           struct errmsg *why)
{
    struct bytes rest = { NULL, 0 };
    const uint8_t *at;

    *port = DEFAULT_PORT;
    if (item.len > 0 && item.at[0] == '[') {
        at = memchr(item.at, ']', item.len);
        if (at == NULL)
            return refuse(why, item, "a bracket is not closed");
        *host = bytes_make(item.at + 1, (size_t)(at - item.at) - 1);
        rest = bytes_make(at + 1, item.len - host->len - 2);
        if (rest.len > 0 && rest.at[0] != ':')
            return refuse(why, item, "a colon must follow the bracket");
    } else {
        at = memchr(item.at, ':', item.len);
        *host = at ? bytes_make(item.at, (size_t)(at - item.at)) : item;
        rest = bytes_make(item.at + host->len, item.len - host->len);
        if (rest.len > 1 && memchr(rest.at + 1, ':', rest.len - 1) != NULL)
            return refuse(why, item, "an IPv6 address needs brackets");
    }
    if (host->len == 0)
        return refuse(why, item, "a host is empty");
    if (rest.len > 0 &&
        !bytes_to_int64(bytes_make(rest.at + 1, rest.len - 1), 1, 65535, port))
        return refuse(why, item, "a port must be 1-65535");
    for (size_t i = 0; i < host->len; i++)
        if (host->at[i] <= ' ' || host->at[i] == 127)
            return refuse(why, item, "a host contains blanks");
    return ERR_OK;
}

static enum err copy_chroot(struct bytes path, char *chroot, size_t size,
                            struct errmsg *why)
{
    while (path.len > 0 && path.at[path.len - 1] == '/')
        path.len--;
    if (path.len >= size)
        return refuse(why, path, "the chroot is too long");
    for (size_t i = 0; i + 1 < path.len; i++)
        if (path.at[i] == '/' && path.at[i + 1] == '/')
            return refuse(why, path, "the chroot has an empty part");
    for (size_t i = 0; i < path.len; i++)
        if (path.at[i] < ' ')
            return refuse(why, path, "the chroot has control characters");
    if (path.len > 0)
        memcpy(chroot, path.at, path.len);
    chroot[path.len] = '\0';
    return ERR_OK;
}

enum err zk_parse_connect(struct bytes text, char *hosts, char *chroot,
                          size_t size, struct errmsg *why)
{
    struct bytes whole = trim(text);
    struct bytes rest = whole;
    const uint8_t *slash = rest.len ? memchr(rest.at, '/', rest.len) : NULL;
    size_t used = 0;
    enum err err;

    if (slash != NULL)
        rest.len = (size_t)(slash - rest.at);
    err = copy_chroot(bytes_make(whole.at + rest.len, whole.len - rest.len),
                      chroot, size, why);
    while (err == ERR_OK && rest.len > 0) {
        const uint8_t *comma = memchr(rest.at, ',', rest.len);
        size_t n = comma ? (size_t)(comma - rest.at) : rest.len;
        struct bytes item = trim(bytes_make(rest.at, n));
        struct bytes host = BYTES_NULL;
        int64_t port = 0;
        bool v6;
        int len;

        rest.at += comma ? n + 1 : n;
        rest.len -= comma ? n + 1 : n;
        if (item.len == 0) /* Java drops them too: "a:1,,b:1," */
            continue;
        err = split_host(item, &host, &port, why);
        if (err != ERR_OK)
            return err;
        v6 = memchr(host.at, ':', host.len) != NULL;
        len = snprintf(hosts + used, size - used, "%s%s%.*s%s:%d",
                       used ? "," : "", v6 ? "[" : "", BYTES_ARG(host),
                       v6 ? "]" : "", (int)port);
        if (len < 0 || (size_t)len >= size - used)
            return refuse(why, whole, "it is too long");
        used += (size_t)len;
    }
    if (err == ERR_OK && used == 0)
        return refuse(why, whole, "there is no host");
    return err;
}

/* The addresses found so far, as text. */
struct found {
    char items[SERVERS_MAX][NUMERIC_MAX];
    size_t n;
};

/* Add the addresses of one "host:port"; the code of getaddrinfo(3). */
static int resolve_one(char *item, struct found *found)
{
    char *colon = strrchr(item, ':');
    struct addrinfo hints = { .ai_family = AF_UNSPEC,
                              .ai_socktype = SOCK_STREAM };
    struct addrinfo *all = NULL;
    int rc;

    if (colon == NULL)
        return EAI_NONAME;
    *colon = '\0';
    if (item[0] == '[' && colon[-1] == ']') {
        colon[-1] = '\0';
        item++;
    }
    rc = getaddrinfo(item, NULL, &hints, &all);
    for (struct addrinfo *a = all; rc == 0 && a != NULL; a = a->ai_next) {
        char text[NUMERIC_MAX - 8];

        if (found->n == SERVERS_MAX)
            break;
        if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, NULL, 0,
                        NI_NUMERICHOST) == 0)
            snprintf(found->items[found->n++], NUMERIC_MAX, "%s:%.5s", text,
                     colon + 1);
    }
    if (all != NULL)
        freeaddrinfo(all);
    return rc;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Sorted, since name servers like to turn their answers round, and the same
 * servers in another order are no news. */
static char *join(struct found *found)
{
    size_t used = 0, size = found->n * NUMERIC_MAX;
    char *out = mem_need(size);

    qsort(found->items, found->n, NUMERIC_MAX, by_text);
    for (size_t i = 0; i < found->n; i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? "," : "",
                                 found->items[i]);
    return out;
}

char *zk_names_resolve(const char *hosts, size_t *n, char *error,
                       size_t error_size)
{
    struct found *found = mem_need(sizeof *found);
    char *copy = mem_need_text(bytes_of(hosts));
    char *rest = NULL, *out = NULL;

    snprintf(error, error_size, "no host");
    for (char *item = strtok_r(copy, ",", &rest); item != NULL;
         item = strtok_r(NULL, ",", &rest)) {
        int rc = resolve_one(item, found);

        if (rc != 0)
            snprintf(error, error_size, "%.60s: %s", item, gai_strerror(rc));
    }
    *n = found->n;
    if (found->n > 0)
        out = join(found);
    mem_free(copy);
    mem_free(found);
    return out;
}
