/* shell_line.c - lines from standard input, while the session lives on.
 *
 * On a terminal libedit edits them: history with the arrow keys, Tab completes
 * commands and, after a slash, the nodes that are there. Its characters are
 * read here, so that events are printed and pings sent while nobody types. */
#include <errno.h>
#include <histedit.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "tools/shell/shell.h"

struct shell_line {
    struct shell *shell; /* borrowed */
    EditLine *edit;      /* NULL: standard input is no terminal */
    History *history;
    char prompt[512];
    bool prompted; /* the prompt is on the screen */
    bool ended;

    char *in; /* bytes read, without a terminal; owned */
    size_t in_len, in_size, in_used;
};

/* Wait until there is something to read; the session is kept alive. False: it
 * cannot be read any more. */
static bool wait_input(struct shell_line *line)
{
    struct zkc *zkc = &line->shell->zkc;

    for (;;) {
        int wait_ms = zkc_pump(zkc);
        struct pollfd in[2] = { { STDIN_FILENO, POLLIN, 0 },
                                { zkc->fd, POLLIN, 0 } };

        (void)fflush(stdout);
        if (poll(in, zkc->fd >= 0 ? 2 : 1, wait_ms) < 0 && errno != EINTR)
            return false;
        if (in[0].revents != 0)
            return true;
    }
}

/* -- a terminal
 * ------------------------------------------------------------------- */

static int read_char(EditLine *edit, wchar_t *out)
{
    struct shell_line *line;
    unsigned char bytes[4];
    size_t want = 1, n = 0;

    el_get(edit, EL_CLIENTDATA, &line);
    line->prompted = true;
    while (n < want) {
        ssize_t got;

        if (!wait_input(line))
            return -1;
        got = read(STDIN_FILENO, &bytes[n], 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return (int)got;
        if (n++ == 0 && bytes[0] >= 0xc0)
            want = bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
    }
    *out = want == 1 ? bytes[0] : bytes[0] & (wchar_t)(0x7f >> want);
    for (size_t i = 1; i < want; i++)
        *out = *out << 6 | (bytes[i] & 0x3f);
    return 1;
}

static char *prompt(EditLine *edit)
{
    struct shell_line *line;

    el_get(edit, EL_CLIENTDATA, &line);
    (void)snprintf(line->prompt, sizeof line->prompt, "[zk: %.400s(%s) %zu] ",
                   line->shell->connect, zkc_state_words(&line->shell->zkc),
                   line->shell->n_history);
    return line->prompt;
}

/* -- completion
 * ------------------------------------------------------------------- */

struct completion {
    const char *word; /* what is there */
    size_t len;
    char common[4096]; /* what all candidates begin with */
    size_t n;
    bool list; /* print them */
};

static void candidate(struct completion *c, const char *text)
{
    size_t i = 0;

    if (strncmp(text, c->word, c->len) != 0 || strlen(text) >= sizeof c->common)
        return;
    if (c->list)
        printf("%s%s", c->n ? "   " : "\n", text);
    if (c->n++ == 0)
        (void)snprintf(c->common, sizeof c->common, "%s", text);
    while (c->common[i] != '\0' && c->common[i] == text[i])
        i++;
    c->common[i] = '\0';
}

static void candidates_nodes(struct shell *shell, struct completion *c)
{
    const char *slash = memrchr(c->word, '/', c->len);
    struct jute_get_children2_response got;
    size_t n = slash == c->word ? 1 : (size_t)(slash - c->word);
    struct bytes parent = arena_format(&shell->arena, "%.*s", (int)n, c->word);

    if (parent.at == NULL || shell_ask_children(shell, (const char *)parent.at,
                                                false, &got) != ZKC_OK)
        return;
    shell_sort(got.children, got.n_children);
    for (size_t i = 0; i < got.n_children; i++) {
        const char *path =
            shell_path_join(shell, (const char *)parent.at, got.children[i]);

        if (path != NULL)
            candidate(c, path);
    }
}

static void candidates(struct shell *shell, struct completion *c)
{
    c->n = 0;
    if (c->len > 0 && c->word[0] == '/') {
        candidates_nodes(shell, c);
        return;
    }
    for (const struct shell_command *k = shell_commands; k->name != NULL; k++)
        candidate(c, k->name);
}

static unsigned char complete(EditLine *edit, wint_t key)
{
    const LineInfo *info = el_line(edit);
    struct completion c = { info->cursor, 0, "", 0, false };
    struct shell_line *line;
    unsigned char result = CC_ERROR;

    (void)key;
    el_get(edit, EL_CLIENTDATA, &line);
    while (c.word > info->buffer && c.word[-1] != ' ') {
        c.word--;
        c.len++;
    }
    candidates(line->shell, &c);
    if (c.n > 0 && strlen(c.common) > c.len) {
        (void)el_insertstr(edit, c.common + c.len);
        result = CC_REFRESH;
    }
    if (c.n == 1) {
        (void)el_insertstr(edit, " ");
        result = CC_REFRESH;
    } else if (c.n > 1 && result == CC_ERROR) {
        c.list = true;
        candidates(line->shell, &c);
        printf("\n");
        (void)fflush(stdout);
        result = CC_REDISPLAY;
    }
    arena_reset(&line->shell->arena);
    return result;
}

static void edit_open(struct shell_line *line)
{
    HistEvent event;

    line->edit = el_init("zookeeper-shell", stdin, stdout, stderr);
    line->history = history_init();
    if (line->edit == NULL || line->history == NULL)
        return;
    (void)history(line->history, &event, H_SETSIZE, 1000);
    el_set(line->edit, EL_CLIENTDATA, line);
    el_set(line->edit, EL_PROMPT, prompt);
    el_set(line->edit, EL_EDITOR, "emacs");
    el_set(line->edit, EL_SIGNAL, 1);
    el_set(line->edit, EL_HIST, history, line->history);
    el_set(line->edit, EL_GETCFN, read_char);
    /* Wide: of narrow names el_set() makes copies that nothing frees. */
    el_wset(line->edit, EL_ADDFN, L"complete", L"complete a word", complete);
    el_set(line->edit, EL_BIND, "^I", "complete", NULL);
}

static const char *edit_read(struct shell_line *line)
{
    HistEvent event;
    int n = 0;
    char *text = (char *)(uintptr_t)el_gets(line->edit, &n);

    if (text == NULL || n <= 0)
        return NULL;
    text[strcspn(text, "\n")] = '\0';
    if (text[0] != '\0')
        (void)history(line->history, &event, H_ENTER, text);
    return text;
}

/* -- a pipe or a file
 * ------------------------------------------------------------- */

static bool fill(struct shell_line *line)
{
    ssize_t n;

    line->in_len -= line->in_used;
    memmove(line->in, line->in + line->in_used, line->in_len);
    line->in_used = 0;
    if (line->in_len == line->in_size)
        return false; /* a line longer than we take: see shell_line_read() */
    if (!wait_input(line))
        return false;
    do
        n = read(STDIN_FILENO, line->in + line->in_len,
                 line->in_size - line->in_len);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        line->ended = true;
    else
        line->in_len += (size_t)n;
    return true;
}

static const char *pipe_read(struct shell_line *line)
{
    for (;;) {
        char *start = line->in + line->in_used;
        size_t left = line->in_len - line->in_used;
        char *end = memchr(start, '\n', left);

        if (end == NULL && line->ended && left > 0)
            end = start + left; /* in_size leaves room for the NUL */
        if (end != NULL) {
            line->in_used = (size_t)(end - line->in) + (end < start + left);
            *end = '\0';
            if (end > start && end[-1] == '\r')
                end[-1] = '\0';
            return start;
        }
        if (line->ended)
            return NULL;
        if (!fill(line)) {
            (void)shell_fail("A line is longer than %d bytes", SHELL_LINE_MOST);
            return NULL;
        }
    }
}

/* -- both
 * ------------------------------------------------------------------------- */

struct shell_line *shell_line_new(struct shell *shell)
{
    struct shell_line *line = mem_need(sizeof *line);

    line->shell = shell;
    if (isatty(STDIN_FILENO)) {
        edit_open(line);
        if (line->edit != NULL && line->history != NULL)
            return line;
    }
    line->in_size = SHELL_LINE_MOST;
    line->in = mem_need(SHELL_LINE_MOST + 1);
    return line;
}

void shell_line_free(struct shell_line **line)
{
    if ((*line)->edit != NULL)
        el_end((*line)->edit);
    if ((*line)->history != NULL)
        history_end((*line)->history);
    mem_free((*line)->in);
    mem_free(*line);
    *line = NULL;
}

bool shell_line_edits(const struct shell_line *line)
{
    return line->in == NULL;
}

const char *shell_line_read(struct shell_line *line)
{
    return shell_line_edits(line) ? edit_read(line) : pipe_read(line);
}
