/* err.c - names, words and messages of the error codes. */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct err_row {
    const char *name;
    const char *words;
};

static const struct err_row err_rows[] = {
#define X(code, text) { #code, text },
    ERR_LIST(X)
#undef X
};

static const struct err_row *err_row(enum err err)
{
    size_t i = (size_t)err;

    if (i >= sizeof err_rows / sizeof err_rows[0])
        i = ERR_INTERNAL;
    return &err_rows[i];
}

const char *err_name(enum err err)
{
    return err_row(err)->name;
}

const char *err_words(enum err err)
{
    return err_row(err)->words;
}

enum err err_set(struct errmsg *why, enum err err, const char *format, ...)
{
    va_list args;

    if (why != NULL) {
        va_start(args, format);
        vsnprintf(why->text, sizeof why->text, format, args);
        va_end(args);
    }
    return err;
}

void err_prefix(struct errmsg *why, const char *format, ...)
{
    struct errmsg old;
    va_list args;
    size_t n;

    if (why == NULL)
        return;
    old = *why;
    va_start(args, format);
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    n = strlen(why->text);
    snprintf(why->text + n, sizeof why->text - n, ": %s", old.text);
}

enum err err_from_errno(int errnum)
{
    switch (errnum) {
    case 0:
        return ERR_OK;
    case ENOMEM:
        return ERR_NOMEM;
    case ENOSPC:
    case EDQUOT:
        return ERR_SPACE;
    case EAGAIN:
        return ERR_AGAIN;
    case ENOENT:
        return ERR_ABSENT;
    case EEXIST:
        return ERR_EXISTS;
    case EACCES:
    case EPERM:
        return ERR_DENIED;
    default:
        return ERR_IO;
    }
}
