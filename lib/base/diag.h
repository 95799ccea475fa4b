/* diag.h - lines for the operator.
 *
 * One event, one line: `event=leader_elected topic=orders partition=3 epoch=7`,
 * stable keys, no secrets, no payload. *error*: someone must act, and the line
 * says what to do (remedy="..."); *warn*: we coped; *info*: rare changes;
 * *debug*: each move. The sink puts time and level in front:
 *
 *     [2026-11-21 04:16:56,123] INFO event=... (stdout)
 *
 * What repeats is counted, not repeated: DIAG_SELDOM() lets one line a second
 * through from a place in the code, and says how many it held back.
 *
 * Threads: any. A line is written with one write(2).
 */
#ifndef GREGOR_BASE_DIAG_H
#define GREGOR_BASE_DIAG_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/bytes.h"

enum diag_level { DIAG_DEBUG, DIAG_INFO, DIAG_WARN, DIAG_ERROR };

/* Set once at start: where lines go and the lowest level that is written.
 * Before that: stdout, DIAG_INFO. */
void diag_open(int fd, enum diag_level lowest);

/* Write a line; a value with blanks or quotes should be passed through "%s"
 * inside double quotes by the caller. Control bytes are replaced by '?'. */
void diag_write(enum diag_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#define diag_error(...) diag_write(DIAG_ERROR, __VA_ARGS__)
#define diag_warn(...) diag_write(DIAG_WARN, __VA_ARGS__)
#define diag_info(...) diag_write(DIAG_INFO, __VA_ARGS__)
#define diag_debug(...) diag_write(DIAG_DEBUG, __VA_ARGS__)

/* State of one place that may repeat; zero-initialised, static there. */
struct diag_seldom {
    _Atomic int64_t next_us;    /* monotonic time of the next line allowed */
    _Atomic uint64_t held_back; /* lines swallowed since the last one */
};

/* True when this place may write now; `*held_back` then says how many lines
 * were swallowed before. */
bool diag_seldom_now(struct diag_seldom *seldom, uint64_t *held_back);

/* A line that is written at most once a second from this place. */
#define DIAG_SELDOM(level, format, ...)                                        \
    do {                                                                       \
        static struct diag_seldom seldom_;                                     \
        uint64_t held_;                                                        \
        if (diag_seldom_now(&seldom_, &held_))                                 \
            diag_write(level, format " held_back=%llu", ##__VA_ARGS__,         \
                       (unsigned long long)held_);                             \
    } while (0)

#endif
