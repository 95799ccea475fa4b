/* shell.c - zookeeper-shell and zkCli: options, history, one command at a time.
 *
 *   zookeeper-shell.sh host:port[/path] [-zk-tls-config-file FILE]
 *                      [COMMAND [WORD...]]
 *   zkCli.sh [-server host:port[/path]] [-timeout ms] [-r] [-waitforconnection]
 *            [-client-configuration FILE] [COMMAND [WORD...]]
 *
 * With a command the exit status is its own; without one, lines are read until
 * the end of standard input or `quit`, and it is the last one's. As with
 * Apache's, only quit and close end the session: after a single command or the
 * end of input it runs out by itself, and its ephemerals with it. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "tools/shell/shell.h"
#include "tools/shell/shell_tls.h"
#include "tools/tool.h"

enum { TIMEOUT_MS = 30000, TIMEOUT_MOST_MS = 86400000, REDO_MOST = 64 };

static const char *event_words(enum zkc_event_type type)
{
    switch (type) {
    case ZKC_EVENT_NONE:
        return "None";
    case ZKC_EVENT_CREATED:
        return "NodeCreated";
    case ZKC_EVENT_DELETED:
        return "NodeDeleted";
    case ZKC_EVENT_DATA:
        return "NodeDataChanged";
    case ZKC_EVENT_CHILDREN:
        return "NodeChildrenChanged";
    case ZKC_EVENT_DATA_WATCH_REMOVED:
        return "DataWatchRemoved";
    case ZKC_EVENT_CHILD_WATCH_REMOVED:
        return "ChildWatchRemoved";
    case ZKC_EVENT_PERSISTENT_WATCH_REMOVED:
        return "PersistentWatchRemoved";
    }
    return "None";
}

static void on_event(void *context, const struct zkc_event *event)
{
    struct shell *shell = context;

    if (!shell->print_watches)
        return;
    printf("\nWATCHER::\n\nWatchedEvent state:%s type:%s path:", event->state,
           event_words(event->type));
    shell_print_text(bytes_is_null(event->path) ? BYTES("null") : event->path);
    if (!shell->kafka)
        printf(" zxid: %lld", (long long)event->zxid);
    printf("\n");
    (void)fflush(stdout);
}

static int connect_to(struct shell *shell, const char *connect)
{
    struct errmsg why = { "" };
    char *copy = mem_need_text(bytes_of(connect));

    zkc_close(&shell->zkc);
    mem_free(shell->connect);
    shell->connect = copy;
    if (zkc_open(&shell->zkc, copy, shell->timeout_ms, shell->read_only,
                 &why) != ERR_OK)
        return shell_fail("%s", why.text);
    return 0;
}

/* -- commands of the shell itself
 * ------------------------------------------------- */

static void usage(const struct shell *shell)
{
    (void)fflush(stdout);
    (void)fprintf(stderr, "ZooKeeper -server host:port %s cmd args\n",
                  shell->kafka ? "[-zk-tls-config-file <file>]"
                               : "-client-configuration properties-file");
    for (const struct shell_command *c = shell_commands; c->name != NULL; c++)
        (void)fprintf(stderr, "\t%s %s\n", c->name, c->usage);
}

static int run_line(struct shell *shell, const char *text);

static int redo(struct shell *shell, const char *word)
{
    int64_t number;
    char *line;
    int status;

    if (!shell_number(word, INT32_MIN, INT32_MAX, &number) || number < 0 ||
        (uint64_t)number + 1 >= shell->n_history)
        return shell_fail("Command index out of range");
    line = shell->history[number];
    if (strncmp(line, "redo", 4) == 0 || shell->redo_depth >= REDO_MOST)
        return shell_fail("No redoing redos");
    mem_free(shell->history[shell->n_history - 1]);
    shell->history[shell->n_history - 1] = mem_need_text(bytes_of(line));
    shell->redo_depth++;
    status = run_line(shell, shell->history[shell->n_history - 1]);
    shell->redo_depth--;
    return status;
}

/* The line that runs is already the last of the history. */
static void print_history(const struct shell *shell)
{
    size_t from = shell->n_history > 11 ? shell->n_history - 11 : 0;

    for (size_t i = from; i < shell->n_history; i++)
        printf("%zu - %s\n", i, shell->history[i]);
    if (shell->n_history == 0)
        printf("0 - null\n");
}

static int run_own(struct shell *shell, const char *name, char **words,
                   size_t n)
{
    if (strcmp(name, "quit") == 0) {
        zkc_close(&shell->zkc);
        shell->ended = true;
        return shell->exit_status;
    }
    if (strcmp(name, "redo") == 0 && n >= 2)
        return redo(shell, words[1]);
    if (strcmp(name, "history") == 0)
        print_history(shell);
    else if (strcmp(name, "printwatches") == 0 && n < 2)
        printf("printwatches is %s\n", shell->print_watches ? "on" : "off");
    else if (strcmp(name, "printwatches") == 0)
        shell->print_watches = strcmp(words[1], "on") == 0;
    else if (strcmp(name, "connect") == 0) {
        int status = connect_to(shell, n >= 2 ? words[1] : shell->connect);

        if (status != 0)
            return status;
        (void)zkc_pump(&shell->zkc);
    }
    if (!zkc_is_alive(&shell->zkc))
        printf("Not connected\n");
    return 0;
}

static int run_words(struct shell *shell, char **words, size_t n)
{
    const struct shell_command *command;

    if (n == 0) {
        usage(shell);
        return shell_fail("No command entered");
    }
    command = shell_command_find(words[0]);
    if (command == NULL) {
        usage(shell);
        (void)shell_fail("Command not found: Command not found %s", words[0]);
        return SHELL_EXIT_NO_COMMAND;
    }
    if (command->run == NULL)
        return run_own(shell, command->name, words, n);
    if (!zkc_is_alive(&shell->zkc)) {
        printf("Not connected\n");
        return 0;
    }
    return command->run(shell, command, words, n);
}

/* -- lines
 * ------------------------------------------------------------------------ */

static int run_line(struct shell *shell, const char *text)
{
    char **words = mem_need_array(SHELL_WORDS_MOST, sizeof *words);
    size_t n = shell_words_cut(&shell->arena, text, words);
    int status = run_words(shell, words, n);

    if (shell->redo_depth == 0) {
        if (shell->arena.err != ERR_OK)
            status = shell_fail("The answer is too large for this shell");
        arena_reset(&shell->arena);
    }
    mem_free(words);
    return status;
}

static void run_lines(struct shell *shell)
{
    struct shell_line *lines = shell_line_new(shell);
    const char *text;

    printf("Welcome to ZooKeeper!\nJLine support is %s\n",
           shell_line_edits(lines) ? "enabled" : "disabled");
    (void)fflush(stdout);
    (void)zkc_pump(&shell->zkc);
    while (!shell->ended && (text = shell_line_read(lines)) != NULL) {
        if (text[0] == '\0')
            continue;
        shell->history = mem_need_more(shell->history, shell->n_history + 1,
                                       sizeof *shell->history);
        shell->history[shell->n_history++] = mem_need_text(bytes_of(text));
        shell->exit_status = run_line(shell, text);
        (void)fflush(stdout);
    }
    shell_line_free(&lines);
}

/* -- the command line
 * ------------------------------------------------------------- */

struct start {
    const char *server;
    char **words; /* the command, or NULL */
    size_t n;
    bool wait; /* -waitforconnection */
    int64_t timeout_ms;
    struct shell_tls tls;
    struct zkc_tls *stores; /* NULL: plain text */
};

static bool tls_file(struct start *start, const char *path, bool kafka)
{
    struct errmsg why;

    if (shell_tls_file(&start->tls, path, kafka, &why) == ERR_OK)
        return true;
    (void)shell_fail("%s", why.text);
    return false;
}

/* An option that takes a value. False: the error has been printed. */
static bool option_read(struct start *start, const char *opt, const char *value)
{
    if (strcmp(opt, "-server") == 0) {
        start->server = value;
        return true;
    }
    if (strcmp(opt, "-timeout") != 0)
        return tls_file(start, value, strcmp(opt, "-zk-tls-config-file") == 0);
    if (shell_number(value, 1, TIMEOUT_MOST_MS, &start->timeout_ms))
        return true;
    (void)shell_fail("-timeout %s is not a number of ms from 1 to %d", value,
                     TIMEOUT_MOST_MS);
    return false;
}

static bool start_read(struct shell *shell, struct start *start, int argc,
                       char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *opt = argv[i];
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        bool takes = strcmp(opt, "-server") == 0 ||
                     strcmp(opt, "-timeout") == 0 ||
                     strcmp(opt, "-client-configuration") == 0 ||
                     strcmp(opt, "-zk-tls-config-file") == 0;

        if (opt[0] != '-') {
            start->words = argv + i;
            start->n = (size_t)(argc - i);
            return true;
        }
        if (strcmp(opt, "-r") == 0)
            shell->read_only = true;
        if (strcmp(opt, "-waitforconnection") == 0)
            start->wait = true;
        shell_tls_flag(&start->tls, bytes_of(opt));
        if (!takes)
            continue;
        if (value == NULL) {
            (void)shell_fail("Error: no argument found for option %s", opt);
            return false;
        }
        i++;
        if (!option_read(start, opt, value))
            return false;
    }
    return true;
}

/* What the scripts hand to Java. */
static void environment_read(struct shell_tls *tls, bool kafka)
{
    if (kafka) {
        shell_tls_flags(tls, getenv("KAFKA_OPTS"));
        return;
    }
    shell_tls_flags(tls, getenv("CLIENT_JVMFLAGS"));
    shell_tls_flags(tls, getenv("JVMFLAGS"));
}

static int run(struct shell *shell, struct start *start)
{
    struct errmsg why;

    if (shell_tls_open(&start->tls, &start->stores, &why) != ERR_OK)
        return shell_fail("%s", why.text);
    shell->zkc.tls = start->stores;
    printf("Connecting to %s\n", start->server);
    (void)fflush(stdout);
    shell->timeout_ms = (int)start->timeout_ms;
    shell->exit_status = connect_to(shell, start->server);
    if (shell->exit_status != 0)
        return shell->exit_status;
    if (start->wait) {
        (void)zkc_pump(&shell->zkc);
        if (shell->zkc.fd < 0)
            return shell_fail("KeeperErrorCode = ConnectionLoss");
    }
    if (start->words == NULL) {
        run_lines(shell);
        return shell->exit_status;
    }
    return run_words(shell, start->words, start->n);
}

static int shell_main(bool kafka, int argc, char **argv)
{
    struct shell shell = { .kafka = kafka, .print_watches = true };
    struct start start = { .server = "localhost:2181",
                           .timeout_ms = TIMEOUT_MS };
    int status = SHELL_EXIT_FAILED;

    (void)setlocale(LC_CTYPE, "");
    arena_init(&shell.arena, SHELL_ARENA_MOST);
    shell.zkc.on_event = on_event;
    shell.zkc.context = &shell;
    shell.zkc.fd = -1;
    shell_tls_init(&start.tls);
    environment_read(&start.tls, kafka);
    if (start_read(&shell, &start, argc, argv))
        status = run(&shell, &start);
    (void)fflush(stdout);
    zkc_fini(&shell.zkc);
    zkc_tls_free(&start.stores);
    shell_tls_fini(&start.tls);
    arena_fini(&shell.arena);
    for (size_t i = 0; i < shell.n_history; i++)
        mem_free(shell.history[i]);
    mem_free(shell.history);
    mem_free(shell.connect);
    return status;
}

int zk_cli(int argc, char **argv)
{
    return shell_main(false, argc, argv);
}

/* zookeeper-shell.sh takes its option anywhere, even behind the command. False:
 * its file is missing. */
static bool tls_option_first(char **argv, size_t n)
{
    static const char option[] = "-zk-tls-config-file";

    for (size_t i = 1; i < n; i++) {
        char *pair[2] = { argv[i], argv[i + 1] };

        if (strcmp(argv[i], option) != 0)
            continue;
        if (i + 1 == n) {
            (void)shell_fail("Error: no filename provided with option %s",
                             option);
            return false;
        }
        memmove(argv + 3, argv + 1, (i - 1) * sizeof *argv);
        memcpy(argv + 1, pair, sizeof pair);
        return true;
    }
    return true;
}

int zookeeper_shell(int argc, char **argv)
{
    char **with = NULL;
    int status = SHELL_EXIT_FAILED;

    if (argc < 2) {
        printf("USAGE: %s zookeeper_host:port[/path] [-zk-tls-config-file "
               "file] [args...]\n",
               argv[0]);
        return SHELL_EXIT_FAILED;
    }
    with = mem_need_array((size_t)argc + 2, sizeof *with);
    with[0] = argv[0];
    with[1] = (char *)(uintptr_t) "-server";
    memcpy(with + 2, argv + 1, (size_t)(argc - 1) * sizeof *with);
    if (tls_option_first(with, (size_t)argc + 1))
        status = shell_main(true, argc + 1, with);
    mem_free(with);
    return status;
}
