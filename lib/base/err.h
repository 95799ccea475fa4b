/* err.h - the one list of ways a call can fail.
 *
 * Every call that can fail returns `enum err`; ERR_OK is 0. Calls that meet the
 * outside (disk, peer, configuration, ZooKeeper) also take a `struct errmsg *`
 * as last argument and leave a sentence for people in it. Code decides by the
 * enum, never by the text. Foreign codes (errno, ZooKeeper's, Kafka's) are
 * turned into ours at the border, in one function for each border.
 *
 * A failing call leaves everything as it was, and ownership where it was,
 * unless its header says otherwise.
 *
 * Threads: all functions work on the caller's memory; any thread may call.
 */
#ifndef GREGOR_BASE_ERR_H
#define GREGOR_BASE_ERR_H

#include <stdarg.h>
#include <stddef.h>

/* clang-format off */
#define ERR_LIST(X) \
    X(ERR_OK,          "no error") \
    X(ERR_NOMEM,       "not enough memory") \
    X(ERR_LIMIT,       "a configured limit was reached") \
    X(ERR_SHORT,       "the input ends too early") \
    X(ERR_FORMAT,      "the input is malformed") \
    X(ERR_CORRUPT,     "the input is corrupt (checksum)") \
    X(ERR_VERSION,     "the version is not supported") \
    X(ERR_INVALID,     "an argument is not allowed") \
    X(ERR_ABSENT,      "there is no such thing") \
    X(ERR_EXISTS,      "there is one already") \
    X(ERR_RANGE,       "the offset is out of range") \
    X(ERR_IO,          "input or output failed") \
    X(ERR_SPACE,       "no space is left on the device") \
    X(ERR_BUSY,        "in use, or not ready yet") \
    X(ERR_AGAIN,       "nothing now; try again later") \
    X(ERR_CLOSED,      "closed, or being closed") \
    X(ERR_TIMEOUT,     "the deadline passed") \
    X(ERR_NET,         "the connection failed") \
    X(ERR_DENIED,      "not permitted") \
    X(ERR_FENCED,      "a newer epoch or owner exists") \
    X(ERR_MOVED,       "the controller moved") \
    X(ERR_CONFLICT,    "the version differs from the one expected") \
    X(ERR_NOT_EMPTY,   "it still has children") \
    X(ERR_EXPIRED,     "the coordination session has expired") \
    X(ERR_LOST,        "the connection was lost; the outcome is unknown") \
    X(ERR_DUPLICATE,   "the batch was appended before") \
    X(ERR_SEQUENCE,    "the sequence number is out of order") \
    X(ERR_TIMESTAMP,   "the timestamp is out of the allowed range") \
    X(ERR_TOO_LARGE,   "the message is too large") \
    X(ERR_TXN_STATE,   "the transaction state does not allow it") \
    X(ERR_CODEC,       "the compression type is not supported here") \
    X(ERR_RECORD,      "a record is not valid") \
    X(ERR_INTERNAL,    "unexpected state")
/* clang-format on */

enum err {
#define X(code, words) code,
    ERR_LIST(X)
#undef X
};

/* A result that must not be dropped in silence. */
#define MUST_USE __attribute__((warn_unused_result))

/* What happened, for people: one line, no newline, always terminated. */
struct errmsg {
    char text[512]; /* empty: nothing was said */
};

/* The name of the code (e.g. "ERR_LIMIT"); static storage. */
const char *err_name(enum err err);

/* The words of the code; static storage. */
const char *err_words(enum err err);

/* Set the message and return `err`, so that callers can `return err_set(...)`.
 * `why` may be NULL: then only the code is returned. */
enum err err_set(struct errmsg *why, enum err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put what the caller knows in front: "<prefix>: <old text>". */
void err_prefix(struct errmsg *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The border to errno: the code that stands for `errnum`. ENOSPC and EDQUOT
 * become ERR_SPACE, ENOMEM ERR_NOMEM, EAGAIN ERR_AGAIN, ENOENT ERR_ABSENT,
 * EEXIST ERR_EXISTS, EACCES and EPERM ERR_DENIED, all else ERR_IO. */
enum err err_from_errno(int errnum);

/* A deliberate "don't care", with the reason spelled out where it happens. */
static inline void err_ignore(enum err err, const char *reason)
{
    (void)err;
    (void)reason;
}

#endif
