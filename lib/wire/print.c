/* print.c - the printer's pieces: JSON strings, base64, ids, numbers.
 *
 * A FILE remembers its errors; whoever needs to know asks it once at the end.
 */
#include <inttypes.h>

#include "wire/message.h"

/* NOLINTBEGIN(cert-err33-c): see above */

void wire_print_name(FILE *f, bool *first, const char *name)
{
    fprintf(f, "%s\"%s\":", *first ? "" : ",", name);
    *first = false;
}

void wire_print_string(FILE *f, struct bytes b)
{
    if (bytes_is_null(b)) {
        fputs("null", f);
        return;
    }
    fputc('"', f);
    for (size_t i = 0; i < b.len; i++) {
        uint8_t c = b.at[i];

        if (c == '"' || c == '\\')
            fprintf(f, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            fprintf(f, "\\u%04x", c);
        else
            fputc(c, f);
    }
    fputc('"', f);
}

void wire_print_bytes(FILE *f, struct bytes b)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    if (bytes_is_null(b)) {
        fputs("null", f);
        return;
    }
    fputc('"', f);
    for (size_t i = 0; i < b.len; i += 3) {
        size_t n = b.len - i < 3 ? b.len - i : 3;
        uint32_t v = (uint32_t)b.at[i] << 16;

        if (n > 1)
            v |= (uint32_t)b.at[i + 1] << 8;
        if (n > 2)
            v |= b.at[i + 2];
        for (size_t k = 0; k < 4; k++)
            fputc(k <= n ? digits[v >> (18 - 6 * k) & 63] : '=', f);
    }
    fputc('"', f);
}

void wire_print_secret(FILE *f, struct bytes b)
{
    fputs(bytes_is_null(b) ? "null" : "\"***\"", f);
}

void wire_print_uuid(FILE *f, struct uuid u)
{
    char text[UUID_TEXT_LEN + 1];

    uuid_to_text(u, text);
    fprintf(f, "\"%s\"", text);
}

void wire_print_records(FILE *f, const struct wire_records *records)
{
    if (records->file != NULL)
        fprintf(f, "%" PRIu32, records->length);
    else if (bytes_is_null(records->mem))
        fputs("null", f);
    else
        fprintf(f, "%zu", records->mem.len);
}

void wire_print_float(FILE *f, double d)
{
    if (__builtin_isfinite(d))
        fprintf(f, "%.17g", d);
    else
        fprintf(f, "\"%f\"", d); /* JSON has no such numbers */
}

/* NOLINTEND(cert-err33-c) */
