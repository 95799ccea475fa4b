/* ktext.c - numbers as Java prints them; see ktext.h. */
#include "keeper/ktext.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void ktext_say(struct wr *w, const char *format, ...)
{
    char line[1024];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (n > 0)
        wr_raw(w, line, (size_t)n < sizeof line ? (size_t)n : sizeof line - 1);
}

void ktext_average(char out[static KTEXT_NUMBER], int64_t sum, uint64_t n)
{
    size_t len;

    (void)snprintf(out, KTEXT_NUMBER, "%.4f",
                   n ? (double)sum / (double)n : 0.0);
    len = strlen(out);
    while (out[len - 1] == '0' && out[len - 2] != '.')
        out[--len] = '\0';
}

/* The fewest digits that read back as the same number: d.ddde+xx. */
static void shortest(char out[static KTEXT_NUMBER], double value)
{
    for (int digits = 0; digits <= 16; digits++) {
        (void)snprintf(out, KTEXT_NUMBER, "%.*e", digits, value);
        if (strtod(out, NULL) == value)
            return;
    }
}

void ktext_double(char out[static KTEXT_NUMBER], double value)
{
    char text[KTEXT_NUMBER];
    char *e;
    int exponent;
    int decimals;

    if (isnan(value) || isinf(value)) {
        (void)snprintf(out, KTEXT_NUMBER, "%s",
                       isnan(value) ? "NaN"
                       : value > 0  ? "Infinity"
                                    : "-Infinity");
        return;
    }
    shortest(text, value);
    e = strchr(text, 'e');
    exponent = (int)strtol(e + 1, NULL, 10);
    if (value == 0 || (fabs(value) >= 1e-3 && fabs(value) < 1e7)) {
        char *point = strchr(text, '.');

        decimals = (point ? (int)(e - point) - 1 : 0) - exponent;
        (void)snprintf(out, KTEXT_NUMBER, "%.*f", decimals < 1 ? 1 : decimals,
                       value);
        return;
    }
    *e = '\0';
    (void)snprintf(out, KTEXT_NUMBER, "%.24s%sE%d", text,
                   strchr(text, '.') ? "" : ".0", exponent);
}
