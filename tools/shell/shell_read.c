/* shell_read.c - commands that look: ls, get, stat, getAcl and their like. */
#include <string.h>

#include "tools/shell/shell.h"

/* Options of a command that once was "name path [watch]": a third word that is
 * left over makes the third of all words a -w, whatever it was. */
static bool take_options(struct shell *shell,
                         const struct shell_command *command,
                         struct shell_option *options, char **words, size_t *n,
                         const char *new_usage)
{
    static char dash_w[] = "-w";
    size_t n_all = *n;
    char **all = arena_array(&shell->arena, n_all, sizeof *all);

    if (all == NULL)
        return false;
    memcpy(all, words, n_all * sizeof *all);
    if (!shell_options_take(options, words, n))
        return false;
    if (*n <= 2)
        return true;
    all[2] = dash_w;
    (void)shell_fail("'%s path [watch]' has been deprecated. Please use '%s' "
                     "instead.",
                     command->name, new_usage);
    memcpy(words, all, n_all * sizeof *all);
    *n = n_all;
    return shell_options_take(options, words, n);
}

/* -- ls
 * ---------------------------------------------------------------------------
 */

static void print_path(struct shell *shell, const char *path, void *context)
{
    (void)shell;
    (void)context;
    shell_print_text(bytes_of(path));
    printf("\n");
}

static void print_names(const struct bytes *names, size_t n)
{
    printf("[");
    for (size_t i = 0; i < n; i++) {
        printf("%s", i ? ", " : "");
        shell_print_text(names[i]);
    }
    printf("]\n");
}

SHELL_COMMAND(ls)
{
    struct shell_option options[] = {
        SHELL_FLAG("?", "help"),
        SHELL_FLAG("s", "stat"),
        SHELL_FLAG("w", "watch"),
        SHELL_FLAG("R", "recurse"),
        SHELL_END,
    };
    struct jute_get_children2_response got;
    bool watch;
    int code;

    if (!take_options(shell, command, options, words, &n, "ls [-w] path"))
        return SHELL_EXIT_FAILED;
    if (shell_given(options, "?"))
        printf("usage: ls [options] path\n -?   help\n -R   recurse\n"
               " -s   stat\n -w   watch\n");
    if (n < 2)
        return shell_fail_usage(command);
    if (!shell_path_ok(words[1], false))
        return SHELL_EXIT_FAILED;
    watch = shell_given(options, "w");
    if (shell_given(options, "R")) {
        code = shell_walk(shell, words[1], watch, print_path, NULL);
        return code == ZKC_OK ? 0 : shell_fail_code(code, words[1]);
    }
    code = shell_ask_children(shell, words[1], watch, &got);
    if (code != ZKC_OK)
        return shell_fail_code(code, words[1]);
    shell_sort(got.children, got.n_children);
    print_names(got.children, got.n_children);
    if (shell_given(options, "s"))
        shell_print_stat(&got.stat);
    return 0;
}

/* -- get, stat
 * -------------------------------------------------------------------- */

SHELL_COMMAND(get)
{
    struct shell_option options[] = { SHELL_FLAG("s", "stats"),
                                      SHELL_FLAG("w", "watch"), SHELL_END };
    struct jute_get_data_response got;
    int code;

    if (!take_options(shell, command, options, words, &n, "get [-s] [-w] path"))
        return SHELL_EXIT_FAILED;
    if (n < 2)
        return shell_fail_usage(command);
    if (!shell_path_ok(words[1], false))
        return SHELL_EXIT_FAILED;
    code = shell_ask_data(shell, words[1], shell_given(options, "w"), &got);
    if (code != ZKC_OK)
        return shell_fail_code(code, words[1]);
    shell_print_text(bytes_is_null(got.data) ? BYTES("null") : got.data);
    printf("\n");
    if (shell_given(options, "s"))
        shell_print_stat(&got.stat);
    return 0;
}

SHELL_COMMAND(stat)
{
    struct shell_option options[] = { SHELL_FLAG("w", "watch"), SHELL_END };
    struct jute_stat stat;
    int code;

    if (!take_options(shell, command, options, words, &n, "stat [-w] path"))
        return SHELL_EXIT_FAILED;
    if (n < 2)
        return shell_fail_usage(command);
    if (!shell_path_ok(words[1], false))
        return SHELL_EXIT_FAILED;
    code = shell_ask_exists(shell, words[1], shell_given(options, "w"), &stat);
    if (code != ZKC_OK)
        return shell_fail_code(code, words[1]);
    shell_print_stat(&stat);
    return 0;
}

/* -- getAcl
 * ----------------------------------------------------------------------- */

/* A string in ZooKeeper's text form of records. */
static void print_csv(struct bytes text)
{
    if (bytes_is_null(text))
        return;
    printf("'");
    for (size_t i = 0; i < text.len; i++) {
        if (strchr("\n\r,}%", text.at[i]) != NULL)
            printf("%%%02X", text.at[i]);
        else
            (void)putchar(text.at[i]);
    }
}

static void print_acl(const struct jute_acl *acl)
{
    static const struct {
        int32_t bit;
        char letter;
    } perms[] = { { 4, 'c' }, { 8, 'd' }, { 1, 'r' }, { 2, 'w' }, { 16, 'a' } };

    print_csv(acl->id.scheme);
    printf(",");
    print_csv(acl->id.id);
    printf("\n: ");
    for (size_t i = 0; i < sizeof perms / sizeof perms[0]; i++)
        if (acl->perms & perms[i].bit)
            (void)putchar(perms[i].letter);
    printf("\n");
}

SHELL_CALL(get_acl, ZKC_OP_GET_ACL, get_acl)

SHELL_COMMAND(get_acl)
{
    struct shell_option options[] = { SHELL_FLAG("s", "stats"), SHELL_END };
    struct jute_get_acl_response got;
    struct jute_get_acl_request ask;
    int code;

    if (!shell_path_take(command, options, words, &n, 2))
        return SHELL_EXIT_FAILED;
    ask.path = zkc_path(&shell->zkc, &shell->arena, words[1]);
    code = call_get_acl(shell, &ask, &got);
    if (code != ZKC_OK)
        return shell_fail_code(code, words[1]);
    for (size_t i = 0; i < got.n_acl; i++)
        print_acl(&got.acl[i]);
    if (shell_given(options, "s"))
        shell_print_stat(&got.stat);
    return 0;
}

/* -- lists and numbers
 * ------------------------------------------------------------ */

SHELL_CALL(get_all_children_number, ZKC_OP_GET_ALL_CHILDREN_NUMBER,
           get_all_children_number)
SHELL_CALL(get_ephemerals, ZKC_OP_GET_EPHEMERALS, get_ephemerals)

SHELL_COMMAND(get_all_children_number)
{
    struct shell_option options[] = { SHELL_END };
    struct jute_get_all_children_number_response got;
    struct jute_get_all_children_number_request ask;
    int code;

    if (!shell_path_take(command, options, words, &n, 2))
        return SHELL_EXIT_FAILED;
    ask.path = zkc_path(&shell->zkc, &shell->arena, words[1]);
    code = call_get_all_children_number(shell, &ask, &got);
    if (code != ZKC_OK)
        return shell_fail_code(code, words[1]);
    printf("%d\n", got.total_number);
    return 0;
}

SHELL_COMMAND(get_ephemerals)
{
    struct shell_option options[] = { SHELL_END };
    struct jute_get_ephemerals_response got;
    struct jute_get_ephemerals_request ask;
    const char *path = "/";
    int code;

    (void)command;
    if (!shell_options_take(options, words, &n))
        return SHELL_EXIT_FAILED;
    if (n >= 2)
        path = words[1];
    if (!shell_path_ok(path, false))
        return SHELL_EXIT_FAILED;
    ask.prefix_path = zkc_path(&shell->zkc, &shell->arena, path);
    code = call_get_ephemerals(shell, &ask, &got);
    if (code != ZKC_OK)
        return shell_fail_code(code, n >= 2 ? path : "");
    print_names(got.ephemerals, got.n_ephemerals);
    return 0;
}

/* -- the server
 * ------------------------------------------------------------------- */

/* "version host:port,..." of a dynamic configuration: where clients connect. */
static void print_client_config(struct shell *shell, struct bytes config)
{
    char *text = mem_need_text(config), *save = NULL;
    struct bytes version = BYTES("");
    bool first = true;

    for (char *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save))
        if (strncmp(line, "version=", 8) == 0)
            version = arena_copy(&shell->arena, bytes_of(line + 8));
    printf("%.*s ", BYTES_ARG(version));
    mem_free(text);
    text = mem_need_text(config);
    for (char *line = strtok_r(text, "\n", &save); line != NULL;
         line = strtok_r(NULL, "\n", &save)) {
        const char *semicolon = strchr(line, ';');

        if (strncmp(line, "server.", 7) != 0)
            continue;
        if (!first)
            printf(",");
        first = false;
        if (semicolon != NULL && strchr(semicolon, ':') != NULL)
            printf("%s", semicolon + 1);
    }
    printf("\n");
    mem_free(text);
}

SHELL_CALL(get_data, ZKC_OP_GET_DATA, get_data)

/* The configuration is the same for every chroot. */
static int ask_config(struct shell *shell, bool watch,
                      struct jute_get_data_response *got)
{
    struct jute_get_data_request ask = { BYTES("/zookeeper/config"), watch };
    int code = call_get_data(shell, &ask, got);

    if (code == ZKC_OK && watch)
        zkc_watch_add(&shell->zkc, "/zookeeper/config", ZKC_WATCH_DATA);
    return code;
}

SHELL_COMMAND(config)
{
    struct shell_option options[] = {
        SHELL_FLAG("s", "stats"),
        SHELL_FLAG("w", "watch"),
        SHELL_FLAG("c", "client connection string"),
        SHELL_END,
    };
    struct jute_get_data_response got;
    int code;

    (void)command;
    if (!shell_options_take(options, words, &n))
        return SHELL_EXIT_FAILED;
    code = ask_config(shell, shell_given(options, "w"), &got);
    if (code != ZKC_OK)
        return shell_fail_code(code, "/zookeeper/config");
    if (shell_given(options, "c")) {
        print_client_config(shell, got.data);
    } else {
        shell_print_text(bytes_is_null(got.data) ? BYTES("null") : got.data);
        printf("\n");
    }
    if (shell_given(options, "s"))
        shell_print_stat(&got.stat);
    return 0;
}

SHELL_COMMAND(whoami)
{
    struct jute_who_am_i_response got;
    struct rd reply;
    int code;

    (void)command;
    (void)words;
    (void)n;
    (void)zkc_begin(&shell->zkc, ZKC_OP_WHO_AM_I);
    code = zkc_call(&shell->zkc, &reply);
    jute_who_am_i_response_init(&got);
    if (code == ZKC_OK &&
        jute_who_am_i_response_read(&reply, &shell->arena, &got) != ERR_OK)
        code = ZKC_MARSHALLING;
    if (code != ZKC_OK)
        return shell_fail_code(code, "");
    printf("Auth scheme: User\n");
    for (size_t i = 0; i < got.n_client_info; i++) {
        shell_print_text(got.client_info[i].auth_scheme);
        printf(": ");
        shell_print_text(got.client_info[i].user);
        printf("\n");
    }
    return 0;
}

SHELL_COMMAND(sync)
{
    struct shell_option options[] = { SHELL_END };
    struct jute_sync_request ask;
    struct rd reply;
    int code;

    if (!shell_path_take(command, options, words, &n, 2))
        return SHELL_EXIT_FAILED;
    ask.path = zkc_path(&shell->zkc, &shell->arena, words[1]);
    jute_sync_request_write(zkc_begin(&shell->zkc, ZKC_OP_SYNC), &ask);
    code = zkc_call(&shell->zkc, &reply);
    if (code == ZKC_OK)
        printf("Sync is OK\n");
    else
        printf("Sync has failed. rc=%d\n", code);
    return 0;
}

SHELL_COMMAND(version_cmd)
{
    struct shell_option options[] = { SHELL_END };

    if (!shell_options_take(options, words, &n))
        return SHELL_EXIT_FAILED;
    if (n > 1)
        return shell_fail_usage(command);
    printf("ZooKeeper CLI version: %s-gregor, built on 2024-02-12 20:59 UTC\n",
           shell->kafka ? "3.8.3" : "3.9.2");
    return 0;
}
