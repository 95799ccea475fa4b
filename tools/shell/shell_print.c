/* shell_print.c - lines to people: errors, stats, data. */
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "tools/shell/shell.h"

int shell_fail(const char *format, ...)
{
    va_list args;

    (void)fflush(stdout);
    va_start(args, format);
    (void)vfprintf(stderr, format, args);
    va_end(args);
    (void)fputc('\n', stderr);
    return SHELL_EXIT_FAILED;
}

int shell_fail_usage(const struct shell_command *command)
{
    return shell_fail("%s %s", command->name, command->usage);
}

struct code_words {
    int code;
    const char *words;  /* KeeperException's */
    const char *phrase; /* what the shell says instead, before a path */
};

static const struct code_words code_table[] = {
    { -1, "SystemError", NULL },
    { -2, "RuntimeInconsistency", NULL },
    { -3, "DataInconsistency", NULL },
    { -4, "ConnectionLoss", NULL },
    { -5, "MarshallingError", NULL },
    { -6, "Unimplemented", NULL },
    { -7, "OperationTimeout", NULL },
    { -8, "BadArguments", "Arguments are not valid : " },
    { -100, "APIError", NULL },
    { -101, "NoNode", "Node does not exist: " },
    { -102, "NoAuth", "Insufficient permission : " },
    { -103, "BadVersion", "version No is not valid : " },
    { -108, "NoChildrenForEphemerals", "Ephemerals cannot have children: " },
    { -110, "NodeExists", "Node already exists: " },
    { -111, "Directory not empty", "Node not empty: " },
    { -112, "Session expired", NULL },
    { -113, "Invalid callback", NULL },
    { -114, "InvalidACL", "Acl is not valid : " },
    { -115, "AuthFailed", NULL },
    { -118, "Session moved", NULL },
    { -119, "Not a read-only call", "Not a read-only call: " },
    { -120, "Ephemeral node on local session", NULL },
    { -121, "No such watcher", NULL },
    { -123, "Reconfig is disabled", NULL },
    { -124, "Session closed because client failed to authenticate", NULL },
    { -125, "Quota has exceeded", "Quota has exceeded : " },
    { -127, "Op throttled due to high load", NULL },
};

static const struct code_words *code_find(int code)
{
    for (size_t i = 0; i < sizeof code_table / sizeof code_table[0]; i++)
        if (code_table[i].code == code)
            return &code_table[i];
    return NULL;
}

const char *shell_code_words(int code)
{
    const struct code_words *found = code_find(code);

    return found ? found->words : "Unknown error";
}

int shell_fail_code(int code, const char *path)
{
    const struct code_words *found = code_find(code);

    if (found == NULL)
        return shell_fail("KeeperErrorCode = Unknown error %d%s%s", code,
                          path[0] ? " for " : "", path);
    if (found->phrase != NULL)
        return shell_fail("%s%s", found->phrase, path);
    return shell_fail("KeeperErrorCode = %s%s%s", found->words,
                      path[0] ? " for " : "", path);
}

static void print_time(const char *name, int64_t ms)
{
    time_t s = (time_t)(ms >= 0 ? ms / 1000 : (ms - 999) / 1000);
    char text[64] = "";
    struct tm tm;

    if (localtime_r(&s, &tm) != NULL)
        (void)strftime(text, sizeof text, "%a %b %d %H:%M:%S %Z %Y", &tm);
    printf("%s = %s\n", name, text);
}

void shell_print_stat(const struct jute_stat *stat)
{
    printf("cZxid = 0x%llx\n", (unsigned long long)stat->czxid);
    print_time("ctime", stat->ctime);
    printf("mZxid = 0x%llx\n", (unsigned long long)stat->mzxid);
    print_time("mtime", stat->mtime);
    printf("pZxid = 0x%llx\n", (unsigned long long)stat->pzxid);
    printf("cversion = %d\n", stat->cversion);
    printf("dataVersion = %d\n", stat->version);
    printf("aclVersion = %d\n", stat->aversion);
    printf("ephemeralOwner = 0x%llx\n",
           (unsigned long long)stat->ephemeral_owner);
    printf("dataLength = %d\n", stat->data_length);
    printf("numChildren = %d\n", stat->num_children);
}

/* The length of the UTF-8 character at `p`; 0: there is none, and `bad` bytes
 * make one replacement character. */
static size_t utf8_len(const uint8_t *p, size_t left, size_t *bad)
{
    uint8_t low = 0x80, high = 0xbf;
    size_t n = 0;

    *bad = 1;
    if (p[0] < 0x80)
        return 1;
    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        n = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef)
        n = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        n = 4;
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    for (size_t i = 1; i < n; i++) {
        if (i >= left || p[i] < low || p[i] > high) {
            *bad = i;
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return n;
}

void shell_print_text(struct bytes text)
{
    size_t from = 0, at = 0;

    while (at < text.len) {
        size_t bad, n = utf8_len(text.at + at, text.len - at, &bad);

        if (n > 0) {
            at += n;
            continue;
        }
        (void)fwrite(text.at + from, 1, at - from, stdout);
        (void)fputs("\xef\xbf\xbd", stdout);
        at += bad;
        from = at;
    }
    if (text.len > from)
        (void)fwrite(text.at + from, 1, text.len - from, stdout);
}
