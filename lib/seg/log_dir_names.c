/* log_dir_names.c - names of directories in a log directory. */
#include <stdio.h>
#include <sys/random.h>

#include "seg/log_dir_private.h"

static bool ends_with(struct bytes name, const char *end)
{
    size_t n = strlen(end);

    return name.len >= n && memcmp(name.at + name.len - n, end, n) == 0;
}

static bool has_blank(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.at[i] == ' ' || (name.at[i] >= '\t' && name.at[i] <= '\r'))
            return true;
    return false;
}

/* "<topic>-<p>", split at the last '-'. */
static bool split(struct bytes name, struct bytes *topic, int32_t *partition)
{
    const uint8_t *dash = memrchr(name.at, '-', name.len);
    int64_t number;
    size_t n;

    if (dash == NULL || dash == name.at)
        return false;
    n = (size_t)(dash - name.at);
    if (!bytes_to_int64(bytes_make(dash + 1, name.len - n - 1), 0, INT32_MAX,
                        &number))
        return false;
    *topic = bytes_make(name.at, n);
    *partition = (int32_t)number;
    return true;
}

/* "<topic>-<p>.<id><suffix>": what stands before the last '.'. */
static bool strip(struct bytes name, size_t suffix, struct bytes *before)
{
    struct bytes body = bytes_make(name.at, name.len - suffix);
    const uint8_t *dot = memrchr(body.at, '.', body.len);

    if (dot == NULL || dot == body.at ||
        (size_t)(dot - body.at) + 1 == body.len || has_blank(body))
        return false;
    *before = bytes_make(body.at, (size_t)(dot - body.at));
    return true;
}

enum dir_name dir_name_read(const char *text, struct bytes *topic,
                            int32_t *partition)
{
    static const struct {
        const char *suffix;
        enum dir_name kind;
    } suffixes[] = { { "-delete", DIR_NAME_DELETE },
                     { "-future", DIR_NAME_FUTURE },
                     { "-stray", DIR_NAME_STRAY } };
    struct bytes name = bytes_of(text);
    enum dir_name kind = DIR_NAME_LOG;

    if (bytes_is(name, "remote-log-index-cache"))
        return DIR_NAME_IGNORED;
    for (size_t i = 0; i < 3; i++) {
        if (!ends_with(name, suffixes[i].suffix))
            continue;
        kind = suffixes[i].kind;
        if (!strip(name, strlen(suffixes[i].suffix), &name))
            return DIR_NAME_BAD;
        break;
    }
    return split(name, topic, partition) ? kind : DIR_NAME_BAD;
}

void dir_name_delete(char name[static 256], const char *topic,
                     int32_t partition)
{
    char suffix[64];
    uint8_t id[16];
    ssize_t got = getrandom(id, sizeof id, 0);
    int n = snprintf(suffix, sizeof suffix, "-%d.", partition);
    size_t keep;

    if (got != (ssize_t)sizeof id)
        memset(id, 0, sizeof id);
    for (size_t i = 0; i < sizeof id; i++)
        n += snprintf(suffix + n, sizeof suffix - (size_t)n, "%02x", id[i]);
    keep = 255 - (size_t)n - strlen("-delete");
    snprintf(name, 256, "%.*s%s-delete", (int)keep, topic, suffix);
}
