/* shell_write.c - commands that change something. */
#include <stdlib.h>
#include <string.h>

#include "tools/shell/shell.h"

/* -- create
 * ----------------------------------------------------------------------- */

enum {
    FLAG_EPHEMERAL = 1,
    FLAG_SEQUENTIAL = 2,
    FLAG_CONTAINER = 4,
    FLAG_TTL = 5,
    FLAG_TTL_SEQUENTIAL = 6
};
#define TTL_MOST 0xffffffffffLL /* ms; more does not fit into the node */

struct creation {
    int opcode;
    int32_t flags;
    int64_t ttl;
};

/* What the options ask for; false: they cannot be had together. */
static bool creation_read(const struct shell_option *options,
                          struct creation *c)
{
    bool e = shell_given(options, "e"), s = shell_given(options, "s");
    bool container = shell_given(options, "c"), t = shell_given(options, "t");
    const char *wrong = NULL;

    *c = (struct creation){ ZKC_OP_CREATE, 0, 0 };
    if (container && (e || s))
        wrong = "-c cannot be combined with -s or -e. Containers cannot be "
                "ephemeral or sequential.";
    else if (t && !shell_number(shell_value(options, "t"), INT64_MIN, INT64_MAX,
                                &c->ttl))
        wrong = "-t argument must be a long value";
    else if (t && e)
        wrong = "TTLs cannot be used with Ephemeral znodes";
    else if (t && container)
        wrong = "TTLs cannot be used with Container znodes";
    else if (t && (c->ttl <= 0 || c->ttl > TTL_MOST))
        wrong = "ttl must be positive and cannot be larger than: "
                "1099511627775";
    if (wrong != NULL) {
        (void)shell_fail("%s", wrong);
        return false;
    }
    c->flags = (e ? FLAG_EPHEMERAL : 0) | (s ? FLAG_SEQUENTIAL : 0);
    if (container)
        *c = (struct creation){ ZKC_OP_CREATE_CONTAINER, FLAG_CONTAINER, 0 };
    else if (t) {
        c->opcode = ZKC_OP_CREATE_TTL;
        c->flags = s ? FLAG_TTL_SEQUENTIAL : FLAG_TTL;
    }
    return true;
}

static int creation_send(struct shell *shell, const struct creation *c,
                         struct jute_create_request *ask, struct rd *reply)
{
    struct wr *w = zkc_begin(&shell->zkc, c->opcode);

    ask->flags = c->flags;
    jute_create_request_write(w, ask);
    if (c->opcode == ZKC_OP_CREATE_TTL)
        wr_i64(w, c->ttl);
    return zkc_call(&shell->zkc, reply);
}

SHELL_COMMAND(create)
{
    struct shell_option options[] = {
        SHELL_FLAG("e", "ephemeral"),
        SHELL_FLAG("s", "sequential"),
        SHELL_FLAG("c", "container"),
        SHELL_VALUE("t", "ttl"),
        SHELL_END,
    };
    struct jute_acl open = { 31, { BYTES("world"), BYTES("anyone") } };
    struct jute_create_request ask = { .acl = &open, .n_acl = 1 };
    struct jute_create_response got = { BYTES_NULL };
    struct creation c;
    struct rd reply;
    int code;

    if (!shell_words_take(command, options, words, &n, 2))
        return SHELL_EXIT_FAILED;
    if (!creation_read(options, &c))
        return SHELL_EXIT_FAILED;
    if (n > 3)
        shell_acl_read(shell, words[3], &ask.acl, &ask.n_acl);
    if (!shell_path_ok(words[1], shell_given(options, "s")))
        return SHELL_EXIT_FAILED;
    if (ask.n_acl == 0)
        return shell_fail("KeeperErrorCode = InvalidACL\n"
                          "Acl is not valid : null");
    ask.path = zkc_path(&shell->zkc, &shell->arena, words[1]);
    ask.data = n > 2 ? bytes_of(words[2]) : BYTES_NULL;
    code = creation_send(shell, &c, &ask, &reply);
    if (code == ZKC_OK &&
        jute_create_response_read(&reply, &shell->arena, &got) != ERR_OK)
        code = ZKC_MARSHALLING;
    if (code == -114)
        (void)shell_fail("KeeperErrorCode = InvalidACL for %s", words[1]);
    if (code != ZKC_OK)
        return shell_fail_code(code, words[1]);
    got.path = zkc_path_own(&shell->zkc, got.path);
    (void)shell_fail("Created %.*s", BYTES_ARG(got.path));
    return 0;
}

/* -- set, setAcl
 * ------------------------------------------------------------------ */

SHELL_COMMAND(set)
{
    struct shell_option options[] = { SHELL_FLAG("s", "stats"),
                                      SHELL_VALUE("v", "version"), SHELL_END };
    struct jute_stat stat;
    int32_t version;
    int code;

    if (!shell_words_take(command, options, words, &n, 3))
        return SHELL_EXIT_FAILED;
    if (!shell_version(options, &version) || !shell_path_ok(words[1], false))
        return SHELL_EXIT_FAILED;
    code = shell_ask_set(shell, words[1], bytes_of(words[2]), version, &stat);
    if (code != ZKC_OK)
        return shell_fail_code(code, words[1]);
    if (shell_given(options, "s"))
        shell_print_stat(&stat);
    return 0;
}

struct acl_change {
    struct jute_acl *acl;
    size_t n;
    int32_t version;
    struct jute_stat stat; /* after the last one */
};

SHELL_CALL(set_acl, ZKC_OP_SET_ACL, set_acl)

static int acl_set(struct shell *shell, const char *path,
                   struct acl_change *change)
{
    struct jute_set_acl_request ask = {
        .path = zkc_path(&shell->zkc, &shell->arena, path),
        .acl = change->acl,
        .n_acl = change->n,
        .version = change->version,
    };
    struct jute_set_acl_response got;
    int code = call_set_acl(shell, &ask, &got);

    if (code == ZKC_OK)
        change->stat = got.stat;
    return code;
}

static void acl_visit(struct shell *shell, const char *path, void *context)
{
    int code = acl_set(shell, path, context);

    if (code != ZKC_OK)
        printf("KeeperErrorCode = %s for %s", shell_code_words(code), path);
}

SHELL_COMMAND(set_acl)
{
    struct shell_option options[] = {
        SHELL_FLAG("s", "stats"),
        SHELL_VALUE("v", "version"),
        SHELL_FLAG("R", "recursive"),
        SHELL_END,
    };
    struct acl_change change = { NULL, 0, -1, { 0 } };
    int code;

    if (!shell_words_take(command, options, words, &n, 3))
        return SHELL_EXIT_FAILED;
    shell_acl_read(shell, words[2], &change.acl, &change.n);
    if (!shell_version(options, &change.version) ||
        !shell_path_ok(words[1], false))
        return SHELL_EXIT_FAILED;
    if (change.n == 0)
        return shell_fail("Acl is not valid : null");
    code = shell_given(options, "R")
               ? shell_walk(shell, words[1], false, acl_visit, &change)
               : acl_set(shell, words[1], &change);
    if (code != ZKC_OK)
        return shell_fail_code(code, words[1]);
    if (shell_given(options, "s") && !shell_given(options, "R"))
        shell_print_stat(&change.stat);
    return 0;
}

/* -- delete, deleteall
 * ------------------------------------------------------------ */

SHELL_COMMAND(delete)
{
    struct shell_option options[] = { SHELL_VALUE("v", "version"), SHELL_END };
    int32_t version;
    int code;

    if (!shell_words_take(command, options, words, &n, 2))
        return SHELL_EXIT_FAILED;
    if (n > 2)
        (void)shell_fail("'delete path [version]' has been deprecated. Please "
                         "use 'delete [-v version] path' instead.");
    if (!shell_version(options, &version) || !shell_path_ok(words[1], false))
        return SHELL_EXIT_FAILED;
    code = shell_ask_delete(shell, words[1], version);
    return code == ZKC_OK ? 0 : shell_fail_code(code, words[1]);
}

struct tree {
    const char **paths; /* parents before children */
    size_t n, size;
};

static bool tree_add(struct tree *tree, const char *path)
{
    if (tree->n == tree->size) {
        size_t size = tree->size ? tree->size * 2 : 1024;
        const char **more =
            mem_try_more(tree->paths, size, sizeof *tree->paths);

        if (more == NULL)
            return false;
        tree->paths = more;
        tree->size = size;
    }
    tree->paths[tree->n++] = path;
    return path != NULL;
}

static int tree_list(struct shell *shell, const char *root, struct tree *tree,
                     const char **failed)
{
    *failed = root;
    if (!tree_add(tree, root))
        return ZKC_MARSHALLING;
    for (size_t i = 0; i < tree->n; i++) {
        struct jute_get_children2_response got;
        int code = shell_ask_children(shell, tree->paths[i], false, &got);

        *failed = tree->paths[i];
        if (code != ZKC_OK)
            return code;
        for (size_t k = 0; k < got.n_children; k++)
            if (!tree_add(tree, shell_path_join(shell, tree->paths[i],
                                                got.children[k])))
                return ZKC_MARSHALLING;
    }
    return ZKC_OK;
}

/* Delete paths[from - count .. from), the last one first, in one multi. */
static int delete_batch(struct shell *shell, const struct tree *tree,
                        size_t from, size_t count)
{
    struct wr *w = zkc_begin(&shell->zkc, ZKC_OP_MULTI);
    struct jute_multi_header head = { ZKC_OP_DELETE, false, -1 };
    struct jute_multi_header end = { -1, true, -1 };
    struct rd reply;
    int32_t kind;
    int code;

    for (size_t i = 0; i < count; i++) {
        struct jute_delete_request ask = {
            zkc_path(&shell->zkc, &shell->arena, tree->paths[from - 1 - i]), -1
        };

        jute_multi_header_write(w, &head);
        jute_delete_request_write(w, &ask);
    }
    jute_multi_header_write(w, &end);
    code = zkc_call(&shell->zkc, &reply);
    if (code != ZKC_OK)
        return code;
    kind = rd_i32(&reply); /* of the first result; -1: none was done */
    return reply.err == ERR_OK && kind == ZKC_OP_DELETE ? ZKC_OK : ZKC_NO_NODE;
}

static int tree_delete(struct shell *shell, const struct tree *tree,
                       int64_t batch, const char **failed)
{
    for (size_t left = tree->n; left > 0;) {
        size_t count =
            batch > 0 && (uint64_t)batch < left ? (size_t)batch : left;
        int code;

        if (batch > 0) {
            if (delete_batch(shell, tree, left, count) != ZKC_OK) {
                (void)shell_fail("Failed to delete some node(s) in the "
                                 "subtree!");
                return ZKC_OK;
            }
            left -= count;
            continue;
        }
        *failed = tree->paths[--left];
        code = shell_ask_delete(shell, *failed, -1);
        if (code != ZKC_OK)
            return code;
    }
    return ZKC_OK;
}

SHELL_COMMAND(deleteall)
{
    struct shell_option options[] = { SHELL_VALUE("b", "batch size"),
                                      SHELL_END };
    struct tree tree = { NULL, 0, 0 };
    const char *failed = NULL;
    int64_t batch = 1000;
    int code;

    if (!shell_words_take(command, options, words, &n, 2))
        return SHELL_EXIT_FAILED;
    if (shell_given(options, "b") &&
        !shell_number(shell_value(options, "b"), INT32_MIN, INT32_MAX, &batch))
        return shell_fail("-b argument must be an int value");
    if (!shell_path_ok(words[1], false))
        return SHELL_EXIT_FAILED;
    code = tree_list(shell, words[1], &tree, &failed);
    if (code == ZKC_OK)
        code = tree_delete(shell, &tree, batch, &failed);
    mem_free(tree.paths);
    return code == ZKC_OK ? 0 : shell_fail_code(code, failed);
}

/* -- the session and the ensemble
 * ------------------------------------------------- */

SHELL_COMMAND(add_auth)
{
    struct shell_option options[] = { SHELL_END };

    if (!shell_words_take(command, options, words, &n, 2))
        return SHELL_EXIT_FAILED;
    zkc_add_auth(&shell->zkc, words[1], n >= 3 ? words[2] : NULL);
    return 0;
}

SHELL_COMMAND(close)
{
    (void)command;
    (void)words;
    (void)n;
    zkc_close(&shell->zkc);
    return 0;
}

/* The lines of a dynamic configuration file that name members. */
static bool members_read(struct shell *shell, const char *path,
                         struct bytes *members)
{
    static const char *const keys[] = { "server.", "group.", "weight." };
    FILE *file = fopen(path, "re");
    char line[4096];

    if (file == NULL) {
        (void)shell_fail("Error processing %s%s (No such file or directory)",
                         path, path);
        return false;
    }
    *members = BYTES("");
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        for (size_t k = 0; k < 3; k++)
            if (strncmp(line, keys[k], strlen(keys[k])) == 0)
                *members =
                    arena_format(&shell->arena, "%.*s%s%s", BYTES_ARG(*members),
                                 members->len ? "\n" : "", line);
    }
    (void)fclose(file);
    return true;
}

static struct bytes lower(struct shell *shell, const char *text)
{
    struct bytes copy = arena_copy(&shell->arena, bytes_of(text));

    for (size_t i = 0; i < copy.len; i++) {
        uint8_t *c = (uint8_t *)(uintptr_t)&copy.at[i];

        if (*c >= 'A' && *c <= 'Z')
            *c = (uint8_t)(*c + 32);
    }
    return copy;
}

/* What is to change; false: the options contradict each other. */
static bool reconfig_read(struct shell *shell,
                          const struct shell_command *command,
                          const struct shell_option *options,
                          struct jute_reconfig_request *ask)
{
    bool file = shell_given(options, "file");
    bool members = shell_given(options, "members");
    bool add = shell_given(options, "add");
    bool less = shell_given(options, "remove");
    char *end = NULL;

    if (!file && !members && !add && !less) {
        (void)shell_fail_usage(command);
        return false;
    }
    ask->cur_config_id = -1;
    if (shell_given(options, "v")) {
        ask->cur_config_id = strtoll(shell_value(options, "v"), &end, 16);
        if (*end != '\0') {
            (void)shell_fail("-v must be followed by a long (configuration "
                             "version)");
            return false;
        }
    }
    if ((file || members) && (add || less)) {
        (void)shell_fail("Can't use -file or -members together with -add or "
                         "-remove (mixing incremental and non-incremental "
                         "modes is not allowed)");
        return false;
    }
    if (file && members) {
        (void)shell_fail("Can't use -file and -members together (conflicting "
                         "non-incremental modes)");
        return false;
    }
    if (add)
        ask->joining_servers = lower(shell, shell_value(options, "add"));
    if (less)
        ask->leaving_servers = lower(shell, shell_value(options, "remove"));
    if (members)
        ask->new_members = lower(shell, shell_value(options, "members"));
    return !file ||
           members_read(shell, shell_value(options, "file"), &ask->new_members);
}

SHELL_CALL(reconfig, ZKC_OP_RECONFIG, get_data)

SHELL_COMMAND(reconfig)
{
    struct shell_option options[] = {
        SHELL_FLAG("s", "stats"),
        SHELL_VALUE("v", "required current config version"),
        SHELL_VALUE("file", "path of config file to parse for membership"),
        SHELL_VALUE("members", "comma-separated list of config strings for "
                               "non-incremental reconfig"),
        SHELL_VALUE("add",
                    "comma-separated list of config strings for new servers"),
        SHELL_VALUE("remove", "comma-separated list of server IDs to remove"),
        SHELL_END,
    };
    struct jute_reconfig_request ask = { BYTES_NULL, BYTES_NULL, BYTES_NULL,
                                         -1 };
    struct jute_get_data_response got;
    int code;

    if (!shell_options_take(options, words, &n) ||
        !reconfig_read(shell, command, options, &ask))
        return SHELL_EXIT_FAILED;
    code = call_reconfig(shell, &ask, &got);
    if (code == -13)
        return shell_fail("No quorum of new config is connected and up-to-date "
                          "with the leader of last commmitted config - try "
                          "invoking reconfiguration after new servers are "
                          "connected and synced");
    if (code == -14)
        return shell_fail("Another reconfiguration is in progress -- "
                          "concurrent reconfigs not supported (yet)");
    if (code != ZKC_OK)
        return shell_fail_code(code, "");
    printf("Committed new configuration:\n");
    shell_print_text(got.data);
    printf("\n");
    if (shell_given(options, "s"))
        shell_print_stat(&got.stat);
    return 0;
}
