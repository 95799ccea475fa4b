/* shell_quota.c - setquota, listquota, delquota.
 *
 * A quota on /a/b lives in /zookeeper/quota/a/b: zookeeper_limits holds what is
 * allowed, zookeeper_stats what there is, which the server keeps. Both hold
 * text: "count=5,bytes=-1=;byteHardLimit=-1;countHardLimit=-1". */
#include <stdlib.h>
#include <string.h>

#include "tools/shell/shell.h"

#define QUOTA "/zookeeper/quota"
#define LIMITS "zookeeper_limits"
#define STATS "zookeeper_stats"

/* -- the text
 * --------------------------------------------------------------------- */

enum { COUNT, BYTES_SOFT, BYTES_HARD, COUNT_HARD, N_FIELDS };

static const char *const field_names[N_FIELDS] = { "count", "bytes",
                                                   "byteHardLimit",
                                                   "countHardLimit" };
static const char *const field_options[N_FIELDS] = { "n", "b", "B", "N" };

struct track {
    int64_t value[N_FIELDS]; /* -1: no limit */
    bool present[N_FIELDS];
};

static void track_set(struct track *track, int field, int64_t value)
{
    track->value[field] = value;
    track->present[field] = true;
}

static struct track track_read(struct bytes data)
{
    struct track track = { { -1, -1, -1, -1 }, { false } };
    char *text = mem_need_text(data), *save = NULL;

    for (char *pair = strtok_r(text, ",;", &save); pair != NULL;
         pair = strtok_r(NULL, ",;", &save)) {
        char *equals = strchr(pair, '=');

        if (equals == NULL)
            continue;
        *equals = '\0';
        for (int i = 0; i < N_FIELDS; i++)
            if (strcmp(pair, field_names[i]) == 0)
                track_set(&track, i,
                          equals[1] == '\0' || equals[1] == '='
                              ? -1
                              : strtoll(equals + 1, NULL, 10));
    }
    mem_free(text);
    return track;
}

static struct bytes track_text(struct shell *shell, const struct track *track)
{
    struct bytes text = arena_format(
        &shell->arena, "count=%lld,bytes=%lld%s",
        (long long)track->value[COUNT], (long long)track->value[BYTES_SOFT],
        track->present[BYTES_HARD] || track->present[COUNT_HARD] ? "=" : "");

    for (int i = BYTES_HARD; i < N_FIELDS; i++)
        if (track->present[i])
            text = arena_format(&shell->arena, "%.*s;%s=%lld", BYTES_ARG(text),
                                field_names[i], (long long)track->value[i]);
    return text;
}

static int track_ask(struct shell *shell, const char *path, struct track *out)
{
    struct jute_get_data_response got;
    int code = shell_ask_data(shell, path, false, &got);

    if (code == ZKC_OK)
        *out = track_read(got.data);
    return code;
}

static const char *quota_path(struct shell *shell, const char *path,
                              const char *leaf)
{
    struct bytes made = arena_format(&shell->arena, QUOTA "%s%s%s", path,
                                     leaf ? "/" : "", leaf ? leaf : "");

    return (const char *)made.at;
}

/* -- setquota
 * --------------------------------------------------------------------- */

static bool limits_read(const struct shell_option *options, struct track *track)
{
    for (int i = 0; i < N_FIELDS; i++) {
        bool count = i == COUNT || i == COUNT_HARD;
        int64_t value;

        track_set(track, i, -1);
        if (!shell_given(options, field_options[i]))
            continue;
        if (!shell_number(shell_value(options, field_options[i]),
                          count ? INT32_MIN : INT64_MIN,
                          count ? INT32_MAX : INT64_MAX, &value)) {
            (void)shell_fail("NumberFormatException happens when parsing the "
                             "option value");
            return false;
        }
        if (value < (count ? 1 : 0)) {
            (void)shell_fail(count ? "the num quota must be greater than zero"
                                   : "the bytes quota must be greater than or "
                                     "equal to zero");
            return false;
        }
        track->value[i] = value;
    }
    return true;
}

struct search {
    const char *own; /* the quota node of the path itself */
    const char *found;
};

static void look_for_limits(struct shell *shell, const char *path,
                            void *context)
{
    struct search *search = context;
    const char *slash = strrchr(path, '/');

    (void)shell;
    if (search->found == NULL && strcmp(slash + 1, LIMITS) == 0 &&
        (strlen(search->own) != (size_t)(slash - path) ||
         strncmp(search->own, path, (size_t)(slash - path)) != 0))
        search->found = path;
}

/* A quota on something below the path, or above it, excludes one here. */
static bool quota_allowed(struct shell *shell, const char *path)
{
    struct search search = { quota_path(shell, path, NULL), NULL };
    const char *next = path;
    struct jute_stat stat;

    if (!shell_path_ok(search.own, false))
        return false;
    if (shell_walk(shell, search.own, false, look_for_limits, &search) ==
            ZKC_OK &&
        search.found != NULL) {
        const char *at = search.found + sizeof QUOTA - 1;

        (void)shell_fail("%s has a child %.*s which has a quota", path,
                         (int)(strrchr(at, '/') - at), at);
        return false;
    }
    while ((next = strchr(next + 1, '/')) != NULL) {
        struct bytes above =
            arena_format(&shell->arena, "%.*s", (int)(next - path), path);
        const char *limits = quota_path(shell, (const char *)above.at, LIMITS);

        if (shell_ask_exists(shell, limits, false, &stat) == ZKC_OK) {
            (void)shell_fail("%s has a parent %.*s which has a quota", path,
                             BYTES_ARG(above));
            return false;
        }
    }
    return true;
}

static int make_parents(struct shell *shell, const char *path)
{
    const char *own = quota_path(shell, path, NULL);
    const char *next = own;
    struct jute_stat stat;

    do {
        struct bytes part;
        int code;

        next = strchr(next + 1, '/');
        part =
            arena_format(&shell->arena, "%.*s",
                         (int)(next ? (size_t)(next - own) : strlen(own)), own);
        if (part.at == NULL)
            return ZKC_MARSHALLING;
        if (shell_ask_exists(shell, (const char *)part.at, false, &stat) ==
            ZKC_OK)
            continue;
        code = shell_ask_create(shell, (const char *)part.at, BYTES_NULL);
        if (code != ZKC_OK && code != -110)
            return code;
    } while (next != NULL);
    return ZKC_OK;
}

static bool is_below(int64_t limit, int64_t there)
{
    return limit > -1 && limit < there;
}

static void warn(const struct track *limit, const struct track *there)
{
    if (is_below(limit->value[COUNT], there->value[COUNT]) ||
        is_below(limit->value[COUNT_HARD], there->value[COUNT]))
        printf("[Warning]: the count quota you create is less than the "
               "existing count:%lld\n",
               (long long)there->value[COUNT]);
    if (is_below(limit->value[BYTES_SOFT], there->value[BYTES_SOFT]) ||
        is_below(limit->value[BYTES_HARD], there->value[BYTES_SOFT]))
        printf("[Warning]: the bytes quota you create is less than the "
               "existing bytes:%lld\n",
               (long long)there->value[BYTES_SOFT]);
}

static int quota_create(struct shell *shell, const char *limits,
                        const char *stats, const struct track *quota)
{
    struct track there;
    int code = shell_ask_create(shell, limits, track_text(shell, quota));

    if (code == ZKC_OK)
        code = shell_ask_create(shell, stats, BYTES("count=0,bytes=0"));
    if (code == ZKC_OK)
        code = track_ask(shell, stats, &there);
    if (code == ZKC_OK)
        warn(quota, &there);
    return code;
}

static int quota_change(struct shell *shell, const char *limits,
                        const char *stats, const struct track *quota,
                        struct track *old)
{
    struct track there;
    struct jute_stat stat;
    int code = track_ask(shell, stats, &there);

    if (code != ZKC_OK)
        return code;
    for (int i = 0; i < N_FIELDS; i++)
        if (quota->value[i] > -1)
            track_set(old, i, quota->value[i]);
    warn(old, &there);
    return shell_ask_set(shell, limits, track_text(shell, old), -1, &stat);
}

SHELL_COMMAND(setquota)
{
    struct shell_option options[] = {
        SHELL_VALUE_ALONE("n", "num soft quota"),
        SHELL_VALUE_ALONE("b", "bytes soft quota"),
        SHELL_VALUE_ALONE("N", "num hard quota"),
        SHELL_VALUE_ALONE("B", "bytes hard quota"),
        SHELL_END,
    };
    const char *path, *limits, *stats;
    struct track quota, old;
    struct jute_stat stat;
    int code;

    if (!shell_words_take(command, options, words, &n, 2))
        return SHELL_EXIT_FAILED;
    path = words[1];
    if (strncmp(path, QUOTA, sizeof QUOTA - 1) == 0) {
        (void)shell_fail("cannot set a quota under the path: " QUOTA);
        return 0;
    }
    memset(&quota, 0, sizeof quota);
    if (!limits_read(options, &quota))
        return 0;
    if (!shell_path_ok(path, false))
        return SHELL_EXIT_FAILED;
    code = shell_ask_exists(shell, path, false, &stat);
    if (code == ZKC_NO_NODE)
        return shell_fail("%s does not exist.", path);
    if (code != ZKC_OK)
        return shell_fail_code(code, path);
    if (!quota_allowed(shell, path))
        return SHELL_EXIT_FAILED;
    limits = quota_path(shell, path, LIMITS);
    stats = quota_path(shell, path, STATS);
    code = make_parents(shell, path);
    if (code == ZKC_OK) {
        code = track_ask(shell, limits, &old);
        code = code == ZKC_NO_NODE ? quota_create(shell, limits, stats, &quota)
               : code == ZKC_OK
                   ? quota_change(shell, limits, stats, &quota, &old)
                   : code;
    }
    return code == ZKC_OK ? 0 : shell_fail_code(code, limits);
}

/* -- listquota
 * -------------------------------------------------------------------- */

SHELL_COMMAND(listquota)
{
    struct shell_option options[] = { SHELL_END };
    const char *limits, *stats;
    struct track track, there;
    int code;

    if (!shell_words_take(command, options, words, &n, 2))
        return SHELL_EXIT_FAILED;
    limits = quota_path(shell, words[1], LIMITS);
    stats = quota_path(shell, words[1], STATS);
    (void)shell_fail("absolute path is %s", limits);
    if (!shell_path_ok(limits, false))
        return SHELL_EXIT_FAILED;
    code = track_ask(shell, limits, &track);
    if (code == ZKC_OK)
        code = track_ask(shell, stats, &there);
    if (code == ZKC_NO_NODE) {
        (void)shell_fail("quota for %s does not exist.", words[1]);
        return 0;
    }
    if (code != ZKC_OK)
        return shell_fail_code(code, limits);
    printf("Output quota for %s %.*s\n", words[1],
           BYTES_ARG(track_text(shell, &track)));
    printf("Output stat for %s %.*s\n", words[1],
           BYTES_ARG(track_text(shell, &there)));
    return 0;
}

/* -- delquota
 * --------------------------------------------------------------------- */

/* Delete what is in the quota node, then it and those above that are empty. */
static int quota_delete(struct shell *shell, const char *path)
{
    char *at = (char *)(uintptr_t)quota_path(shell, path, NULL);
    struct jute_get_children2_response got;
    int code = shell_ask_children(shell, at, false, &got);

    for (size_t i = 0; i < got.n_children && code == ZKC_OK; i++)
        code = shell_ask_delete(
            shell, shell_path_join(shell, at, got.children[i]), -1);
    while (code == ZKC_OK && strcmp(at, QUOTA) != 0) {
        code = shell_ask_children(shell, at, false, &got);
        if (code != ZKC_OK || got.n_children > 0)
            break;
        code = shell_ask_delete(shell, at, -1);
        *strrchr(at, '/') = '\0';
    }
    return code;
}

SHELL_COMMAND(delquota)
{
    struct shell_option options[] = {
        SHELL_FLAG_ALONE("n", "num soft quota"),
        SHELL_FLAG_ALONE("b", "bytes soft quota"),
        SHELL_FLAG_ALONE("N", "num hard quota"),
        SHELL_FLAG_ALONE("B", "bytes hard quota"),
        SHELL_END,
    };
    const char *limits;
    struct jute_stat stat;
    struct track track;
    bool some = false;
    int code;

    if (!shell_words_take(command, options, words, &n, 2))
        return SHELL_EXIT_FAILED;
    limits = quota_path(shell, words[1], LIMITS);
    if (!shell_path_ok(limits, false))
        return SHELL_EXIT_FAILED;
    code = track_ask(shell, limits, &track);
    if (code == ZKC_NO_NODE) {
        printf("Quota does not exist for %s\n", words[1]);
        return 0;
    }
    for (int i = 0; i < N_FIELDS; i++)
        if (shell_given(options, field_options[i])) {
            track_set(&track, i, -1);
            some = true;
        }
    if (code == ZKC_OK)
        code = some ? shell_ask_set(shell, limits, track_text(shell, &track),
                                    -1, &stat)
                    : quota_delete(shell, words[1]);
    if (code == ZKC_NO_NODE) {
        (void)shell_fail("quota for %s does not exist.", words[1]);
        return 0;
    }
    return code == ZKC_OK ? 0 : shell_fail_code(code, limits);
}
