/* diag.c - the sink of diag.h. */
#include "base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

enum { DIAG_LINE_MOST = 4096 };

static int diag_fd = STDOUT_FILENO;
static enum diag_level diag_lowest = DIAG_INFO;

void diag_open(int fd, enum diag_level lowest)
{
    diag_fd = fd;
    diag_lowest = lowest;
}

static size_t diag_head(char *line, size_t size, enum diag_level level)
{
    static const char *const names[] = { "DEBUG", "INFO", "WARN", "ERROR" };
    struct timespec now;
    struct tm tm;
    size_t n;

    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    n = strftime(line, size, "[%Y-%m-%d %H:%M:%S", &tm);
    int more = snprintf(line + n, size - n, ",%03d] %s ",
                        (int)(now.tv_nsec / 1000000), names[level]);
    return n + (size_t)more;
}

void diag_write(enum diag_level level, const char *format, ...)
{
    char line[DIAG_LINE_MOST];
    size_t head;
    size_t n;
    va_list args;

    if (level < diag_lowest)
        return;
    head = diag_head(line, sizeof line, level);
    va_start(args, format);
    int more = vsnprintf(line + head, sizeof line - head, format, args);
    va_end(args);
    n = head + (more > 0 ? (size_t)more : 0);
    if (n > sizeof line - 1)
        n = sizeof line - 1;
    for (size_t i = head; i < n; i++) {
        if ((unsigned char)line[i] < ' ' || line[i] == 127)
            line[i] = '?';
    }
    line[n] = '\n';
    ssize_t written = write(diag_fd, line, n + 1);
    (void)written; /* nowhere left to complain */
}

bool diag_seldom_now(struct diag_seldom *seldom, uint64_t *held_back)
{
    int64_t now = clock_mono_us();
    int64_t next = atomic_load(&seldom->next_us);

    if (now < next || !atomic_compare_exchange_strong(&seldom->next_us, &next,
                                                      now + 1000000)) {
        atomic_fetch_add(&seldom->held_back, 1);
        return false;
    }
    *held_back = atomic_exchange(&seldom->held_back, 0);
    return true;
}
