/* shell_watch.c - addWatch and removewatches. */
#include <string.h>
#include <strings.h>

#include "tools/shell/shell.h"

SHELL_COMMAND(add_watch)
{
    struct shell_option options[] = { SHELL_VALUE("m", ""), SHELL_END };
    struct jute_add_watch_request ask = { BYTES_NULL, 1 };
    const char *mode;
    struct rd reply;
    int code;

    if (!shell_options_take(options, words, &n))
        return SHELL_EXIT_FAILED;
    if (n != 2)
        return shell_fail_usage(command);
    mode = shell_value(options, "m");
    if (mode != NULL && strcasecmp(mode, "PERSISTENT") == 0)
        ask.mode = 0;
    else if (mode != NULL && strcasecmp(mode, "PERSISTENT_RECURSIVE") != 0)
        return shell_fail_usage(command);
    if (!shell_path_ok(words[1], false))
        return SHELL_EXIT_FAILED;
    ask.path = zkc_path(&shell->zkc, &shell->arena, words[1]);
    jute_add_watch_request_write(zkc_begin(&shell->zkc, ZKC_OP_ADD_WATCH),
                                 &ask);
    code = zkc_call(&shell->zkc, &reply);
    if (code != ZKC_OK)
        return shell_fail_code(code, words[1]);
    zkc_watch_add(&shell->zkc, words[1],
                  ask.mode == 0 ? ZKC_WATCH_PERSISTENT : ZKC_WATCH_RECURSIVE);
    return 0;
}

/* -- removewatches
 * ---------------------------------------------------------------- */

struct removal {
    const char *option;
    int32_t type; /* on the wire */
    unsigned kinds;
};

static const struct removal removals[] = {
    { "c", 1, ZKC_WATCH_CHILD },
    { "d", 2, ZKC_WATCH_DATA | ZKC_WATCH_EXIST },
    { "p", 4, ZKC_WATCH_PERSISTENT },
    { "r", 5, ZKC_WATCH_RECURSIVE },
    { "a", 3, ~0U },
};

static const struct removal *removal_of(const struct shell_option *options)
{
    for (size_t i = 0; i < 4; i++)
        if (shell_given(options, removals[i].option))
            return &removals[i];
    return &removals[4];
}

/* One event for each kind that went, as Apache's clients tell it. */
static void tell_removed(struct shell *shell, const char *path, unsigned kinds)
{
    static const struct {
        unsigned kinds;
        enum zkc_event_type type;
    } told[] = {
        { ZKC_WATCH_CHILD, ZKC_EVENT_CHILD_WATCH_REMOVED },
        { ZKC_WATCH_DATA | ZKC_WATCH_EXIST, ZKC_EVENT_DATA_WATCH_REMOVED },
        { ZKC_WATCH_PERSISTENT | ZKC_WATCH_RECURSIVE,
          ZKC_EVENT_PERSISTENT_WATCH_REMOVED },
    };

    for (size_t i = 0; i < sizeof told / sizeof told[0]; i++) {
        struct zkc_event event = { "SyncConnected", told[i].type,
                                   bytes_of(path), -1 };

        if ((kinds & told[i].kinds) && shell->zkc.on_event != NULL)
            shell->zkc.on_event(shell->zkc.context, &event);
    }
}

SHELL_COMMAND(remove_watches)
{
    struct shell_option options[] = {
        SHELL_FLAG("c", "child watcher type"),
        SHELL_FLAG("d", "data watcher type"),
        SHELL_FLAG("a", "any watcher type"),
        SHELL_FLAG("l", "remove locally when there is no server connection"),
        SHELL_FLAG("p", "persistent watcher type"), /* here: since 3.9 */
        SHELL_FLAG("r", "persistent recursive watcher type"),
        SHELL_END,
    };
    struct jute_remove_watches_request ask;
    const struct removal *removal;
    struct rd reply;
    int code;

    if (shell->kafka)
        options[4].name = NULL;
    if (!shell_path_take(command, options, words, &n, 2))
        return SHELL_EXIT_FAILED;
    removal = removal_of(options);
    ask.path = zkc_path(&shell->zkc, &shell->arena, words[1]);
    ask.type = removal->type;
    jute_remove_watches_request_write(
        zkc_begin(&shell->zkc, ZKC_OP_REMOVE_WATCHES), &ask);
    code = zkc_call(&shell->zkc, &reply);
    if (!(zkc_watch_get(&shell->zkc, bytes_of(words[1])) & removal->kinds))
        code = ZKC_NO_WATCHER;
    if (code != ZKC_OK && !shell_given(options, "l"))
        return shell_fail_code(code, words[1]);
    tell_removed(
        shell, words[1],
        zkc_watch_drop(&shell->zkc, bytes_of(words[1]), removal->kinds));
    return code == ZKC_NO_WATCHER ? shell_fail_code(code, words[1]) : 0;
}
