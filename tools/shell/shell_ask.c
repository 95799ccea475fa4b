/* shell_ask.c - requests that several commands make. */
#include <stdlib.h>
#include <string.h>

#include "tools/shell/shell.h"

SHELL_CALL(exists, ZKC_OP_EXISTS, exists)
SHELL_CALL(get_data, ZKC_OP_GET_DATA, get_data)
SHELL_CALL(get_children2, ZKC_OP_GET_CHILDREN2, get_children2)
SHELL_CALL(set_data, ZKC_OP_SET_DATA, set_data)

int shell_ask_exists(struct shell *shell, const char *path, bool watch,
                     struct jute_stat *stat)
{
    struct jute_exists_request ask = {
        zkc_path(&shell->zkc, &shell->arena, path), watch
    };
    struct jute_exists_response got;
    int code = call_exists(shell, &ask, &got);

    if (watch && code == ZKC_OK)
        zkc_watch_add(&shell->zkc, path, ZKC_WATCH_DATA);
    if (watch && code == ZKC_NO_NODE)
        zkc_watch_add(&shell->zkc, path, ZKC_WATCH_EXIST);
    if (code == ZKC_OK)
        *stat = got.stat;
    return code;
}

int shell_ask_data(struct shell *shell, const char *path, bool watch,
                   struct jute_get_data_response *out)
{
    struct jute_get_data_request ask = {
        zkc_path(&shell->zkc, &shell->arena, path), watch
    };
    int code = call_get_data(shell, &ask, out);

    if (watch && code == ZKC_OK)
        zkc_watch_add(&shell->zkc, path, ZKC_WATCH_DATA);
    out->data = arena_copy(&shell->arena, out->data);
    return code;
}

int shell_ask_children(struct shell *shell, const char *path, bool watch,
                       struct jute_get_children2_response *out)
{
    struct jute_get_children2_request ask = {
        zkc_path(&shell->zkc, &shell->arena, path), watch
    };
    int code = call_get_children2(shell, &ask, out);

    if (watch && code == ZKC_OK)
        zkc_watch_add(&shell->zkc, path, ZKC_WATCH_CHILD);
    for (size_t i = 0; i < out->n_children; i++)
        out->children[i] = arena_copy(&shell->arena, out->children[i]);
    return shell->arena.err == ERR_OK ? code : ZKC_MARSHALLING;
}

int shell_ask_create(struct shell *shell, const char *path, struct bytes data)
{
    struct jute_acl open = { 31, { BYTES("world"), BYTES("anyone") } };
    struct jute_create_request ask = {
        .path = zkc_path(&shell->zkc, &shell->arena, path),
        .data = data,
        .acl = &open,
        .n_acl = 1,
    };
    struct rd reply;

    jute_create_request_write(zkc_begin(&shell->zkc, ZKC_OP_CREATE), &ask);
    return zkc_call(&shell->zkc, &reply);
}

int shell_ask_set(struct shell *shell, const char *path, struct bytes data,
                  int32_t version, struct jute_stat *stat)
{
    struct jute_set_data_request ask = {
        zkc_path(&shell->zkc, &shell->arena, path), data, version
    };
    struct jute_set_data_response got;
    int code = call_set_data(shell, &ask, &got);

    if (code == ZKC_OK)
        *stat = got.stat;
    return code;
}

int shell_ask_delete(struct shell *shell, const char *path, int32_t version)
{
    struct jute_delete_request ask = {
        zkc_path(&shell->zkc, &shell->arena, path), version
    };
    struct rd reply;

    jute_delete_request_write(zkc_begin(&shell->zkc, ZKC_OP_DELETE), &ask);
    return zkc_call(&shell->zkc, &reply);
}

/* -- names
 * ------------------------------------------------------------------------ */

char *shell_path_join(struct shell *shell, const char *path, struct bytes child)
{
    struct bytes joined =
        arena_format(&shell->arena, "%s/%.*s",
                     strcmp(path, "/") == 0 ? "" : path, BYTES_ARG(child));

    return (char *)(uintptr_t)joined.at;
}

static int compare(const void *a, const void *b)
{
    return bytes_compare(*(const struct bytes *)a, *(const struct bytes *)b);
}

void shell_sort(struct bytes *names, size_t n)
{
    if (n > 1)
        qsort(names, n, sizeof *names, compare);
}

/* -- access rules
 * ----------------------------------------------------------------- */

static int32_t perms_read(const char *text, size_t n)
{
    static const char letters[] = "rwcda";
    int32_t perms = 0;

    for (size_t i = 0; i < n; i++) {
        const char *letter = strchr(letters, text[i]);

        if (letter != NULL)
            perms |= 1 << (letter - letters);
        else
            (void)shell_fail("Unknown perm type: %c", text[i]);
    }
    return perms;
}

static bool acl_read(struct bytes text, struct jute_acl *acl)
{
    const char *at = (const char *)text.at;
    const char *first = memchr(at, ':', text.len);
    const char *last = memrchr(at, ':', text.len);
    const char *end = at + text.len;

    if (first == last) {
        (void)shell_fail("%.*s does not have the form scheme:id:perm",
                         BYTES_ARG(text));
        return false;
    }
    acl->id.scheme = bytes_make(at, (size_t)(first - at));
    acl->id.id = bytes_make(first + 1, (size_t)(last - first - 1));
    acl->perms = perms_read(last + 1, (size_t)(end - last - 1));
    return true;
}

void shell_acl_read(struct shell *shell, const char *text,
                    struct jute_acl **acl, size_t *n)
{
    size_t most = 1, len = strlen(text);

    while (len > 1 && text[len - 1] == ',')
        len--;
    for (size_t i = 0; i < len; i++)
        most += text[i] == ',';
    *n = 0;
    *acl = arena_array(&shell->arena, most, sizeof **acl);
    for (size_t at = 0; *acl != NULL && at <= len;) {
        const char *comma = memchr(text + at, ',', len - at);
        size_t end = comma ? (size_t)(comma - text) : len;

        *n += acl_read(bytes_make(text + at, end - at), &(*acl)[*n]);
        at = end + 1;
    }
}

/* -- a subtree
 * -------------------------------------------------------------------- */

/* Children first as one level, then each of them in depth. A node that went
 * meanwhile is passed over. The stack is in the arena, not in calls: a tree may
 * be deeper than a thread's stack. */
struct step {
    struct step *next;
    const char *path;
};

int shell_walk(struct shell *shell, const char *path, bool watch,
               void (*visit)(struct shell *, const char *, void *),
               void *context)
{
    struct step *stack = NULL, *free_steps = NULL;
    struct jute_get_data_response root;
    int code = shell_ask_data(shell, path, watch, &root);

    if (code != ZKC_OK)
        return code;
    visit(shell, path, context);
    for (;;) {
        struct jute_get_children2_response got;
        struct step **end = &free_steps;

        code = shell_ask_children(shell, path, watch, &got);
        if (code != ZKC_OK && code != ZKC_NO_NODE)
            return code;
        if (code == ZKC_NO_NODE)
            got.n_children = 0;
        shell_sort(got.children, got.n_children);
        free_steps = NULL;
        for (size_t i = 0; i < got.n_children; i++) {
            struct step *step = arena_take(&shell->arena, sizeof *step);
            char *child = shell_path_join(shell, path, got.children[i]);

            if (step == NULL || child == NULL)
                return ZKC_MARSHALLING;
            visit(shell, child, context);
            *step = (struct step){ NULL, child };
            *end = step;
            end = &step->next;
        }
        *end = stack;
        stack = free_steps;
        if (stack == NULL)
            return ZKC_OK;
        path = stack->path;
        stack = stack->next;
    }
}
