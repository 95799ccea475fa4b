/* shell_words.c - lines into words, words into options, numbers and paths. */
#include <stdlib.h>
#include <string.h>

#include "tools/shell/shell.h"

/* -- words
 * ------------------------------------------------------------------------ */

static bool is_space(char c)
{
    return c != '\0' && strchr(" \t\n\v\f\r", c) != NULL;
}

static char *skip_spaces(char *at)
{
    while (is_space(*at))
        at++;
    return at;
}

/* A word starts at `at` or it is a lone quote, which is skipped. A quote that
 * is not closed, after a space, takes the space into the word: so does the
 * expression that Apache's shell cuts with. */
size_t shell_words_cut(struct arena *arena, const char *line, char **words)
{
    char *copy =
        (char *)(uintptr_t)arena_copy(arena, bytes_make(line, strlen(line) + 1))
            .at;
    char *at = copy;
    size_t n = 0;

    while (at != NULL && *at != '\0' && n < SHELL_WORDS_MOST) {
        char *start = skip_spaces(at), *end;

        if (*start == '"' || *start == '\'') {
            end = strchr(start + 1, *start);
            if (end != NULL) {
                words[n++] = start + 1;
                *end = '\0';
                at = skip_spaces(end + 1);
                continue;
            }
            if (start == at) {
                at++;
                continue;
            }
            start--;
        } else if (*start == '\0') {
            start--;
        }
        end = start + 1;
        while (*end != '\0' && !is_space(*end))
            end++;
        at = skip_spaces(end);
        *end = '\0';
        words[n++] = start;
    }
    return n;
}

/* -- options
 * ---------------------------------------------------------------------- */

#define CLI "org.apache.commons.cli."

struct taking {
    struct shell_option *options;
    struct shell_option *open; /* waits for its value */
};

static struct shell_option *find(struct shell_option *options, const char *name,
                                 size_t n)
{
    for (struct shell_option *o = options; o->name != NULL; o++)
        if (strlen(o->name) == n && strncmp(o->name, name, n) == 0)
            return o;
    return NULL;
}

static bool value_missing(const struct taking *t)
{
    if (t->open == NULL)
        return false;
    (void)shell_fail(CLI "MissingArgumentException: Missing argument for "
                         "option: %s",
                     t->open->name);
    return true;
}

static bool option_take(struct taking *t, struct shell_option *option)
{
    if (value_missing(t))
        return false;
    for (struct shell_option *o = t->options; option->alone && o->name; o++)
        if (o->alone && o->given && o != option) {
            (void)shell_fail(CLI "AlreadySelectedException: The option '%s' "
                                 "was specified but an option from this group "
                                 "has already been selected: '%s'",
                             option->name, o->name);
            return false;
        }
    option->given = true;
    t->open = option->has_value ? option : NULL;
    return true;
}

static void value_take(struct taking *t, const char *value)
{
    if (t->open->value == NULL)
        t->open->value = value;
    t->open = NULL;
}

static bool unknown(const char *word)
{
    (void)shell_fail(CLI "UnrecognizedOptionException: Unrecognized option: %s",
                     word);
    return false;
}

/* "-ab" is -a -b, "-vX" is -v X. */
static bool joined_take(struct taking *t, const char *word)
{
    for (const char *c = word + 1; *c != '\0'; c++) {
        struct shell_option *option = find(t->options, c, 1);

        if (option == NULL)
            return unknown(word);
        if (!option_take(t, option))
            return false;
        if (t->open != NULL && c[1] != '\0') {
            value_take(t, c + 1);
            return true;
        }
    }
    return true;
}

static bool dashed_take(struct taking *t, const char *word)
{
    const char *equals = strchr(word, '=');
    struct shell_option *option;

    if (word[1] == '-')
        return unknown(word);
    if (equals == NULL) {
        option = find(t->options, word + 1, strlen(word + 1));
        return option != NULL ? option_take(t, option) : joined_take(t, word);
    }
    option = find(t->options, word + 1, (size_t)(equals - word - 1));
    if (option == NULL || equals != word + 2 || !option->has_value)
        return unknown(word);
    if (!option_take(t, option))
        return false;
    value_take(t, equals + 1);
    return true;
}

static bool is_number(const char *word)
{
    char *end;

    (void)strtod(word, &end);
    return end != word && *end == '\0';
}

/* What may follow an option as its value: no option itself. */
static bool is_value(const struct taking *t, const char *word)
{
    size_t n = strcspn(word, "=");

    if (word[0] != '-' || word[1] == '\0' || is_number(word))
        return true;
    return find(t->options, word + 1, n - 1) == NULL &&
           find(t->options, word + 1, 1) == NULL;
}

static bool group_missing(const struct shell_option *options)
{
    bool any = false;

    for (const struct shell_option *o = options; o->name != NULL; o++) {
        if (o->given && o->alone)
            return false;
        any = any || (o->alone && o->has_value);
    }
    if (!any)
        return false;
    (void)fflush(stdout);
    (void)fputs(CLI "MissingOptionException: Missing required option: [",
                stderr);
    for (const struct shell_option *o = options; o->name != NULL; o++)
        (void)fprintf(stderr, "%s-%s %s", o == options ? "" : ", ", o->name,
                      o->words);
    (void)fputs("]\n", stderr);
    return true;
}

bool shell_options_take(struct shell_option *options, char **words, size_t *n)
{
    struct taking t = { options, NULL };
    size_t kept = 0;
    bool skip = false, ok = true;

    for (struct shell_option *o = options; o->name != NULL; o++) {
        o->given = false;
        o->value = NULL;
    }
    for (size_t i = 0; i < *n && ok; i++) {
        if (!skip && strcmp(words[i], "--") == 0)
            skip = true;
        else if (!skip && t.open != NULL && is_value(&t, words[i]))
            value_take(&t, words[i]);
        else if (!skip && words[i][0] == '-' && words[i][1] != '\0')
            ok = dashed_take(&t, words[i]);
        else
            words[kept++] = words[i];
    }
    *n = kept;
    return ok && !value_missing(&t) && !group_missing(options);
}

bool shell_words_take(const struct shell_command *command,
                      struct shell_option *options, char **words, size_t *n,
                      size_t least)
{
    if (!shell_options_take(options, words, n))
        return false;
    if (*n < least)
        (void)shell_fail_usage(command);
    return *n >= least;
}

bool shell_path_take(const struct shell_command *command,
                     struct shell_option *options, char **words, size_t *n,
                     size_t least)
{
    return shell_words_take(command, options, words, n, least) &&
           shell_path_ok(words[1], false);
}

bool shell_given(const struct shell_option *options, const char *name)
{
    while (options->name != NULL && strcmp(options->name, name) != 0)
        options++;
    return options->given;
}

const char *shell_value(const struct shell_option *options, const char *name)
{
    while (strcmp(options->name, name) != 0)
        options++;
    return options->value;
}

/* -- numbers
 * ---------------------------------------------------------------------- */

bool shell_number(const char *text, int64_t min, int64_t max, int64_t *out)
{
    return bytes_to_int64(bytes_of(text[0] == '+' ? text + 1 : text), min, max,
                          out);
}

bool shell_version(const struct shell_option *options, int32_t *out)
{
    const char *value = shell_value(options, "v");
    int64_t number = -1;

    if (value != NULL && !shell_number(value, INT32_MIN, INT32_MAX, &number)) {
        (void)shell_fail("-v argument must be an int value");
        return false;
    }
    *out = (int32_t)number;
    return true;
}

/* -- paths
 * ------------------------------------------------------------------------ */

/* The next character and how many UTF-16 units it counts for. */
static uint32_t next_char(const uint8_t **at, size_t *units)
{
    const uint8_t *p = *at;
    size_t n = p[0] < 0x80 ? 1 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
    uint32_t c = n == 1 ? p[0] : p[0] & (0x7fU >> n);

    for (size_t i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            n = i;
            c = 0xfffd;
            break;
        }
        c = c << 6 | (p[i] & 0x3f);
    }
    *at = p + n;
    *units = c > 0xffff ? 2 : 1;
    return c;
}

static bool is_refused(uint32_t c)
{
    return c <= 0x1f || (c >= 0x7f && c <= 0x9f) ||
           (c >= 0xd800 && c <= 0xf8ff) || c >= 0xfff0;
}

/* Why the characters after the first one are refused; NULL: they are not. */
static const char *path_fault(const char *path, size_t *index)
{
    const uint8_t *at = (const uint8_t *)path + 1;
    size_t units = 1;

    for (*index = 1; *at != '\0'; *index += units) {
        const char *s = (const char *)at;
        bool ends;

        if (*s == '/' && s[-1] == '/')
            return "empty node name specified";
        ends = s[0] == '.' && (s[1] == '\0' || s[1] == '/');
        if (ends && (s[-1] == '/' || (s[-1] == '.' && s[-2] == '/')))
            return "relative paths not allowed";
        if (is_refused(next_char(&at, &units)))
            return "invalid character";
    }
    return NULL;
}

bool shell_path_ok(const char *path, bool sequential)
{
    char text[64] = "";
    const char *fault = NULL;
    size_t n = strlen(path), index = 0;
    bool ends = n > 0 && path[n - 1] == '/';

    /* A sequence number follows: "/a/" and "/." are beginnings. */
    if (n == 0 && !sequential)
        fault = "Path length must be > 0";
    else if (path[0] != '/')
        fault = "Path must start with / character";
    else if (n > 1 && ends && !sequential)
        fault = "Path must not end with / character";
    if (fault != NULL) {
        (void)shell_fail("%s", fault);
        return false;
    }
    if (n == 1)
        return true;
    fault = path_fault(path, &index);
    if (fault == NULL)
        return true;
    if (sequential && index + 1 == n && path[n - 1] == '.')
        return true;
    (void)snprintf(text, sizeof text, "%s @%zu", fault, index);
    (void)shell_fail("Invalid path string \"%s%s\" caused by %s", path,
                     sequential ? "1" : "", text);
    return false;
}
