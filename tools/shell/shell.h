/* shell.h - zookeeper-shell and zkCli: what the commands have in common.
 *
 * Both are one program with two manners, as scripts know them: zkCli.sh prints
 * what ZooKeeper 3.9's does, zookeeper-shell.sh what Apache Kafka 3.7's does,
 * whose ZooKeeper client is 3.8 (events without zxid, another usage).
 *
 * A command is a row in the table of shell_commands.c and a function that reads
 * its words, asks the server, prints, and gives the exit status. What is
 * printed goes to standard output, errors go to standard error, one line each.
 */
#ifndef GREGOR_TOOLS_SHELL_SHELL_H
#define GREGOR_TOOLS_SHELL_SHELL_H

#include <stdio.h>

#include "tools/shell/zkc.h"

enum {
    SHELL_WORDS_MOST = 4096,      /* words of one line */
    SHELL_LINE_MOST = 1 << 20,    /* bytes of one line */
    SHELL_ARENA_MOST = 512 << 20, /* bytes that one command may hold */
    SHELL_EXIT_FAILED = 1,
    SHELL_EXIT_NO_COMMAND = 127,
};

/* One option of a command; a table of them ends with a NULL name. */
struct shell_option {
    const char *name; /* without the dash */
    bool has_value;
    bool alone;        /* one of a group of which only one may be given */
    const char *words; /* for messages */
    bool given;        /* out */
    const char *value; /* out: the first one given */
};

#define SHELL_FLAG(name, words)                                                \
    {                                                                          \
        name, false, false, words, false, NULL                                 \
    }
#define SHELL_VALUE(name, words)                                               \
    {                                                                          \
        name, true, false, words, false, NULL                                  \
    }
#define SHELL_FLAG_ALONE(name, words)                                          \
    {                                                                          \
        name, false, true, words, false, NULL                                  \
    }
#define SHELL_VALUE_ALONE(name, words)                                         \
    {                                                                          \
        name, true, true, words, false, NULL                                   \
    }
#define SHELL_END SHELL_FLAG(NULL, NULL)

struct shell {
    struct zkc zkc;
    struct arena arena; /* of the command that runs */
    bool kafka;         /* the manners of zookeeper-shell.sh */
    bool print_watches;
    int exit_status; /* of the last command */
    bool ended;      /* quit was said */

    char *connect; /* host:port,.../chroot; owned */
    int timeout_ms;
    bool read_only;

    char **history; /* lines by number; owned */
    size_t n_history;
    unsigned redo_depth;
};

struct shell_command {
    const char *name;
    const char *usage; /* what follows the name */
    /* words[0] is the name. NULL: shell.c's own. */
    int (*run)(struct shell *shell, const struct shell_command *command,
               char **words, size_t n);
};

/* Sorted by name; ends with a NULL name. */
extern const struct shell_command shell_commands[];

const struct shell_command *shell_command_find(const char *name);

/* -- lines to people
 * -------------------------------------------------------------- */

/* One line on standard error; gives SHELL_EXIT_FAILED. */
int shell_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The command's usage as the error. */
int shell_fail_usage(const struct shell_command *command);
/* What an error code of the server means for this path. */
int shell_fail_code(int code, const char *path);
/* The words of KeeperException for a code. */
const char *shell_code_words(int code);
void shell_print_stat(const struct jute_stat *stat);
/* Bytes as text: what is no UTF-8 becomes U+FFFD. */
void shell_print_text(struct bytes text);

/* -- words and numbers (shell_words.c)
 * -------------------------------------------- */

/* Cut a line into words, quotes taken away; they live in the line's copy in
 * the arena. Gives their number, at most SHELL_WORDS_MOST. */
size_t shell_words_cut(struct arena *arena, const char *line, char **words);

/* Take the options out of words[0..n): what remains is moved to the front and
 * counted. False: the error has been printed. */
MUST_USE bool shell_options_take(struct shell_option *options, char **words,
                                 size_t *n);
/* The same, and see that `least` words remain: else the usage is printed. */
MUST_USE bool shell_words_take(const struct shell_command *command,
                               struct shell_option *options, char **words,
                               size_t *n, size_t least);
/* The same for a command whose first word is a path: checked too. */
MUST_USE bool shell_path_take(const struct shell_command *command,
                              struct shell_option *options, char **words,
                              size_t *n, size_t least);
bool shell_given(const struct shell_option *options, const char *name);
const char *shell_value(const struct shell_option *options, const char *name);

/* A number as Java's parseInt and parseLong take it. */
bool shell_number(const char *text, int64_t min, int64_t max, int64_t *out);

/* The value of a "-v version" option, -1 when not given. */
MUST_USE bool shell_version(const struct shell_option *options, int32_t *out);

/* Refuse what no ZooKeeper accepts as a path, with Java's client's words. */
MUST_USE bool shell_path_ok(const char *path, bool sequential);

/* -- requests ------------------------------------------------------------- */

/* Make call_NAME(shell, ask, got): send the request `ask` (struct
 * jute_NAME_request) and read its reply into `got` (struct
 * jute_REPLY_response), whose strings lie in the frame until the next request.
 * It gives the server's code; a reply that cannot be read is MarshallingError,
 * as for Java's client. `got` is initialised in any case. */
#define SHELL_CALL(NAME, OPCODE, REPLY)                                        \
    static int call_##NAME(struct shell *shell,                                \
                           const struct jute_##NAME##_request *ask,            \
                           struct jute_##REPLY##_response *got)                \
    {                                                                          \
        struct rd reply;                                                       \
        int code;                                                              \
                                                                               \
        jute_##NAME##_request_write(zkc_begin(&shell->zkc, OPCODE), ask);      \
        code = zkc_call(&shell->zkc, &reply);                                  \
        jute_##REPLY##_response_init(got);                                     \
        if (code == ZKC_OK && jute_##REPLY##_response_read(                    \
                                  &reply, &shell->arena, got) != ERR_OK)       \
            code = ZKC_MARSHALLING;                                            \
        return code;                                                           \
    }

/* -- requests that several commands make (shell_ask.c)
 * ---------------------------- */

/* Each gives the server's code and fills its last argument when that is 0; what
 * is filled lives as long as the command. */
int shell_ask_exists(struct shell *shell, const char *path, bool watch,
                     struct jute_stat *stat);
int shell_ask_data(struct shell *shell, const char *path, bool watch,
                   struct jute_get_data_response *out);
int shell_ask_children(struct shell *shell, const char *path, bool watch,
                       struct jute_get_children2_response *out);
int shell_ask_create(struct shell *shell, const char *path, struct bytes data);
int shell_ask_set(struct shell *shell, const char *path, struct bytes data,
                  int32_t version, struct jute_stat *stat);
int shell_ask_delete(struct shell *shell, const char *path, int32_t version);

/* "/a" and "b" as "/a/b", in the command's arena. */
char *shell_path_join(struct shell *shell, const char *path,
                      struct bytes child);
void shell_sort(struct bytes *names, size_t n);

/* "world:anyone:r,..." as access rules; what is wrong is said and left out. */
void shell_acl_read(struct shell *shell, const char *text,
                    struct jute_acl **acl, size_t *n);

/* Call `visit` for the node and all below it, each level before the next one
 * down, children in order. Gives the server's code for the node itself. */
int shell_walk(struct shell *shell, const char *path, bool watch,
               void (*visit)(struct shell *shell, const char *path,
                             void *context),
               void *context);

/* -- commands
 * --------------------------------------------------------------------- */

#define SHELL_COMMAND(name)                                                    \
    int shell_##name(struct shell *shell, const struct shell_command *command, \
                     char **words, size_t n)
SHELL_COMMAND(ls);
SHELL_COMMAND(get);
SHELL_COMMAND(stat);
SHELL_COMMAND(get_acl);
SHELL_COMMAND(get_all_children_number);
SHELL_COMMAND(get_ephemerals);
SHELL_COMMAND(config);
SHELL_COMMAND(whoami);
SHELL_COMMAND(version_cmd);
SHELL_COMMAND(sync);
SHELL_COMMAND(create);
SHELL_COMMAND(set);
SHELL_COMMAND(delete);
SHELL_COMMAND(deleteall);
SHELL_COMMAND(set_acl);
SHELL_COMMAND(reconfig);
SHELL_COMMAND(add_auth);
SHELL_COMMAND(close);
SHELL_COMMAND(setquota);
SHELL_COMMAND(listquota);
SHELL_COMMAND(delquota);
SHELL_COMMAND(add_watch);
SHELL_COMMAND(remove_watches);

/* -- reading lines (shell_line.c)
 * -------------------------------------------------- */

struct shell_line;

/* Standard input: with editing, history and completion on a terminal. */
struct shell_line *shell_line_new(struct shell *shell);
void shell_line_free(struct shell_line **line);
bool shell_line_edits(const struct shell_line *line);
/* The next line without its end, the session kept alive meanwhile; NULL at the
 * end. Borrowed until the next call. */
const char *shell_line_read(struct shell_line *line);

#endif
