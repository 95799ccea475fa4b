/* ktext.h - numbers and lines as Java prints them. */
#ifndef GREGOR_KEEPER_KTEXT_H
#define GREGOR_KEEPER_KTEXT_H

#include "wire/wr.h"

enum { KTEXT_NUMBER = 32 };

/* Append a formatted text, at most 1 KiB of it. */
void ktext_say(struct wr *w, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* sum / n with at most four decimals, and always one; "0.0" for no values. */
void ktext_average(char out[static KTEXT_NUMBER], int64_t sum, uint64_t n);

/* A double as Double.toString() has it: 1.0, 12.25, 1.7908736E7, NaN. */
void ktext_double(char out[static KTEXT_NUMBER], double value);

#endif
