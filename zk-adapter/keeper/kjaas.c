/* kjaas.c - see kjaas.h. A tokenizer, and a parser of three rules. */
#include "keeper/kjaas.h"

#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"

enum token { END, WORD, MARK, BAD }; /* MARK: one of { } ; = */

struct reader {
    struct bytes rest;
    const char *file;
    unsigned line;
    enum token token;
    uint8_t mark; /* of MARK and BAD */
    char *text;   /* of WORD, as long as the input */
    size_t len;
    bool unquoted; /* of WORD */
};

/* -- tokens ---------------------------------------------------------------- */

static uint8_t peek(const struct reader *r)
{
    return r->rest.len ? *r->rest.at : 0;
}

static uint8_t take(struct reader *r)
{
    uint8_t c = *r->rest.at++;

    r->rest.len--;
    if (c == '\n')
        r->line++;
    return c;
}

static void skip_line(struct reader *r)
{
    while (r->rest.len > 0 && peek(r) != '\n')
        (void)take(r);
}

static void skip_comment(struct reader *r)
{
    (void)take(r);
    if (peek(r) != '*') {
        skip_line(r);
        return;
    }
    (void)take(r);
    while (r->rest.len > 0)
        if (take(r) == '*' && peek(r) == '/') {
            (void)take(r);
            return;
        }
}

static bool starts_word(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0xa0 ||
           c == '$' || c == '_' || c == '*';
}

static bool in_word(uint8_t c)
{
    return starts_word(c) || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
           c >= 0x80;
}

static void put(struct reader *r, uint8_t c)
{
    r->text[r->len++] = (char)c;
}

/* \ooo: as many octal digits as stay below 256; its code point as UTF-8. */
static void put_octal(struct reader *r, uint8_t c)
{
    unsigned n = (unsigned)(c - '0');

    for (int i = 1; i < (c <= '3' ? 3 : 2) && r->rest.len > 0; i++) {
        if (peek(r) < '0' || peek(r) > '7')
            break;
        n = n * 8 + (unsigned)(take(r) - '0');
    }
    if (n < 0x80) {
        put(r, (uint8_t)n);
    } else {
        put(r, (uint8_t)(0xc0 | n >> 6));
        put(r, (uint8_t)(0x80 | (n & 0x3f)));
    }
}

static void put_escaped(struct reader *r)
{
    static const char from[] = "abfnrtv";
    uint8_t c = take(r);
    const char *known = c ? strchr(from, c) : NULL;

    if (c >= '0' && c <= '7')
        put_octal(r, c);
    else
        put(r, known ? (uint8_t) "\a\b\f\n\r\t\v"[known - from] : c);
}

static void read_quoted(struct reader *r)
{
    (void)take(r);
    while (r->rest.len > 0 && peek(r) != '"' && peek(r) != '\n') {
        uint8_t c = take(r);

        if (c == '\\' && r->rest.len > 0)
            put_escaped(r);
        else
            put(r, c);
    }
    r->token = peek(r) == '"' ? WORD : BAD;
    r->mark = '"';
    if (r->token == WORD)
        (void)take(r);
}

static void next(struct reader *r)
{
    r->len = 0;
    r->unquoted = false;
    while (r->rest.len > 0 && (peek(r) <= ' ' || peek(r) == '/'))
        if (peek(r) == '/')
            skip_comment(r);
        else
            (void)take(r);
    if (r->rest.len == 0) {
        r->token = END;
    } else if (peek(r) == '"') {
        read_quoted(r);
    } else if (starts_word(peek(r))) {
        r->token = WORD;
        r->unquoted = true;
        while (r->rest.len > 0 && in_word(peek(r)))
            put(r, take(r));
    } else {
        r->mark = take(r);
        r->token = strchr("{};=", r->mark) && r->mark ? MARK : BAD;
    }
}

/* -- rules ----------------------------------------------------------------- */

static bool is_mark(const struct reader *r, char mark)
{
    return r->token == MARK && r->mark == (uint8_t)mark;
}

static enum err expected(const struct reader *r, const char *what,
                         struct errmsg *why)
{
    return err_set(why, ERR_INVALID, "%s:%u: %s expected%s", r->file, r->line,
                   what,
                   r->token == END                     ? " before the end"
                   : r->token == BAD && r->mark == '"' ? "; a quote is not "
                                                         "closed on its line"
                                                       : "");
}

static enum err want_mark(struct reader *r, char mark, struct errmsg *why)
{
    char what[] = { '\'', mark, '\'', '\0' };

    if (!is_mark(r, mark))
        return expected(r, what, why);
    next(r);
    return ERR_OK;
}

/* A word, copied when it is to be kept. */
static enum err want_word(struct reader *r, const char *what, char **copy,
                          struct errmsg *why)
{
    if (r->token != WORD)
        return expected(r, what, why);
    if (memchr(r->text, '\0', r->len) != NULL)
        return err_set(why, ERR_INVALID, "%s:%u: a NUL character", r->file,
                       r->line);
    if (copy != NULL)
        *copy = mem_need_text(bytes_make(r->text, r->len));
    next(r);
    return ERR_OK;
}

static bool is_flag(const char *word)
{
    return strcasecmp(word, "required") == 0 ||
           strcasecmp(word, "requisite") == 0 ||
           strcasecmp(word, "sufficient") == 0 ||
           strcasecmp(word, "optional") == 0;
}

static void option_keep(struct kjaas *out, char *name, char *value)
{
    size_t module = out->n_modules - 1;

    for (size_t i = out->n_options; i > 0; i--) {
        struct kjaas_option *o = &out->options[i - 1];

        if (o->module != module)
            break;
        if (strcmp(o->name, name) == 0) {
            mem_free(o->value);
            o->value = value;
            mem_free(name);
            return;
        }
    }
    if ((out->n_options & (out->n_options + 1)) == 0)
        out->options = mem_need_more(out->options, 2 * out->n_options + 2,
                                     sizeof *out->options);
    out->options[out->n_options++] =
        (struct kjaas_option){ name, value, module };
}

static enum err read_option(struct reader *r, struct kjaas *out, bool keep,
                            struct errmsg *why)
{
    char *name = NULL;
    char *value = NULL;
    enum err err = want_word(r, "the name of an option", &name, why);

    if (err == ERR_OK)
        err = want_mark(r, '=', why);
    if (err == ERR_OK)
        err = want_word(r, "the value of an option, a word or \"quoted\",",
                        &value, why);
    if (err == ERR_OK && keep && strstr(value, "${") != NULL)
        err = err_set(why, ERR_INVALID,
                      "%s:%u: ${...} is not expanded here; write the value "
                      "out",
                      r->file, r->line);
    if (err == ERR_OK && keep) {
        option_keep(out, name, value);
        return ERR_OK;
    }
    mem_free(name);
    mem_free(value);
    return err;
}

static enum err read_module(struct reader *r, struct kjaas *out, bool keep,
                            struct errmsg *why)
{
    char *module = NULL;
    char *flag = NULL;
    enum err err = want_word(r, "a login module", &module, why);

    if (err == ERR_OK)
        err = want_word(r, "required, requisite, sufficient or optional", &flag,
                        why);
    if (err == ERR_OK && !is_flag(flag))
        err = err_set(why, ERR_INVALID,
                      "%s:%u: \"%.64s\" is not one of required, requisite, "
                      "sufficient, optional",
                      r->file, r->line, flag);
    mem_free(flag);
    if (err != ERR_OK || !keep) {
        mem_free(module);
    } else {
        out->modules = mem_need_more(out->modules, out->n_modules + 1,
                                     sizeof *out->modules);
        out->modules[out->n_modules++] = module;
    }
    while (err == ERR_OK && !is_mark(r, ';'))
        err = read_option(r, out, keep, why);
    return err == ERR_OK ? want_mark(r, ';', why) : err;
}

static enum err read_section(struct reader *r, struct kjaas *out,
                             const char *section, struct errmsg *why)
{
    char *name = NULL;
    bool keep = false;
    enum err err = want_word(r, "the name of a section", &name, why);

    if (err == ERR_OK) {
        keep = strcmp(name, section) == 0;
        if (keep && out->found)
            err = err_set(why, ERR_INVALID, "%s:%u: a second section %s",
                          r->file, r->line, section);
    }
    out->found = out->found || keep;
    mem_free(name);
    if (err == ERR_OK)
        err = want_mark(r, '{', why);
    while (err == ERR_OK && !is_mark(r, '}'))
        err = read_module(r, out, keep, why);
    if (err == ERR_OK)
        err = want_mark(r, '}', why);
    return err == ERR_OK ? want_mark(r, ';', why) : err;
}

enum err kjaas_read(struct kjaas *out, struct bytes text, const char *file,
                    const char *section, struct errmsg *why)
{
    struct reader r = { .rest = text, .file = file, .line = 1 };
    enum err err = ERR_OK;

    *out = (struct kjaas){ 0 };
    if (text.len > KJAAS_FILE_MOST)
        return err_set(why, ERR_INVALID, "%s is longer than 1 MiB", file);
    /* No token is longer than its source: \ooo takes 4 bytes for 2. */
    r.text = mem_try(text.len + 1);
    if (r.text == NULL)
        return err_set(why, ERR_NOMEM, "%s: no memory for it", file);
    next(&r);
    while (err == ERR_OK && r.token != END)
        err = read_section(&r, out, section, why);
    mem_free(r.text);
    if (err != ERR_OK)
        kjaas_fini(out);
    return err;
}

void kjaas_fini(struct kjaas *jaas)
{
    for (size_t i = 0; i < jaas->n_modules; i++)
        mem_free(jaas->modules[i]);
    for (size_t i = 0; i < jaas->n_options; i++) {
        mem_free(jaas->options[i].name);
        mem_free(jaas->options[i].value);
    }
    mem_free(jaas->modules);
    mem_free(jaas->options);
    *jaas = (struct kjaas){ 0 };
}
