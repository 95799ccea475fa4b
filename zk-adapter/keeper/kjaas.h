/* kjaas.h - the file that java.security.auth.login.config names.
 *
 *     Server {
 *         org.apache.zookeeper.server.auth.DigestLoginModule required
 *         user_alice="her password" user_bob="his";
 *     };
 *
 * Read as the JDK reads it: words and "quoted strings" with Java's escapes,
 * // and block comments, and all of a line behind a lone slash. Every section
 * is checked, one is kept. Expansion of ${properties} is refused: there are
 * none here.
 *
 * Threads: any; all state is the caller's.
 */
#ifndef GREGOR_KEEPER_KJAAS_H
#define GREGOR_KEEPER_KJAAS_H

#include "base/bytes.h"
#include "base/err.h"

enum { KJAAS_FILE_MOST = 1 << 20 }; /* bytes of a file */

struct kjaas_option {
    char *name;
    char *value;
    size_t module; /* index of the module that has it */
};

struct kjaas {
    bool found;     /* the section is there */
    char **modules; /* class names in order */
    size_t n_modules;
    struct kjaas_option *options; /* of all modules in order; unique for each
                                     module: the last one counts, as in Java */
    size_t n_options;
};

/* Read `text`; keep `section`. `file` is its name for messages.
 * ERR_INVALID with file, line and what is wrong; then `*out` is empty. */
MUST_USE enum err kjaas_read(struct kjaas *out, struct bytes text,
                             const char *file, const char *section,
                             struct errmsg *why);
/* Frees all and zeroes it; of a failed kjaas_read() too. */
void kjaas_fini(struct kjaas *jaas);

#endif
