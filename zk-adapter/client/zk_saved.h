/* zk_saved.h - the session of this run, kept in a file for the next start.
 *
 * A broker that was killed finds its old session here, ends it, and so need not
 * wait for its expiry. Whoever has the password can act as the session: the
 * file has mode 0600 and is replaced atomically. Text, one line:
 *
 *     gregor-session 1 <session id, 16 hex> <password, 32 hex> <check, 16 hex>
 *
 * Both calls block (a few system calls); call them in the pool or at start.
 */
#ifndef GREGOR_ZK_SAVED_H
#define GREGOR_ZK_SAVED_H

#include "base/err.h"
#include "client/zk.h"

struct zk_saved {
    int64_t session; /* never 0 in a file */
    uint8_t passwd[ZK_PASSWD_LEN];
};

/* Read `file`. ERR_ABSENT when there is none; ERR_FORMAT when its content is
 * not ours or damaged, or others may read it; ERR_IO, ERR_DENIED. */
MUST_USE enum err zk_saved_read(const char *file, struct zk_saved *saved,
                                struct errmsg *why);

/* Write `file`: new content under a temporary name beside it, mode 0600,
 * synced, renamed. After an error the old file is as it was. */
MUST_USE enum err zk_saved_write(const char *file, const struct zk_saved *saved,
                                 struct errmsg *why);

/* Remove `file` (the session was closed in order); none there is ERR_OK. */
MUST_USE enum err zk_saved_remove(const char *file, struct errmsg *why);

#endif
