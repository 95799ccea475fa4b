/* conf.h - tables of configuration keys, and values checked against them.
 *
 * A key is a row: name, type, default, bounds, allowed values, where it may be
 * changed at run time, whether it is secret, and one sentence for people. The
 * broker's keys and the topics' keys are two such tables (config/config.h); the
 * manual and DescribeConfigs are made from them.
 *
 * Threads: any; tables are constant, values are the caller's.
 */
#ifndef GREGOR_BASE_CONF_H
#define GREGOR_BASE_CONF_H

#include "base/bytes.h"
#include "base/err.h"

/* A name and a value as text, borrowed: from files, znodes and requests. */
struct conf_pair {
    struct bytes name;
    struct bytes value;
};

/* The numbers are those of DescribeConfigs' ConfigType. */
enum conf_type {
    CONF_BOOL = 1,
    CONF_STRING = 2,
    CONF_INT = 3,
    CONF_SHORT = 4,
    CONF_LONG = 5,
    CONF_DOUBLE = 6,
    CONF_LIST = 7,  /* comma separated */
    CONF_CLASS = 8, /* a Java class name; kept as text */
    CONF_PASSWORD = 9
};

enum conf_scope {
    CONF_STATIC,     /* in the file only */
    CONF_PER_BROKER, /* also in /config/brokers/<id> */
    CONF_CLUSTER     /* also in /config/brokers/<default> */
};

enum {                     /* conf_key.flags */
       CONF_INTERNAL = 1,  /* works, but is not shown */
       CONF_KRAFT = 2,     /* accepted, without effect in ZooKeeper mode */
       CONF_NOT_EMPTY = 4, /* the empty text or list is refused */
       CONF_REMOTE = 8     /* of tiered storage */
};

struct conf_key {
    const char *name;
    enum conf_type type;
    const char *default_text; /* NULL: null */
    double min, max;          /* of numbers; both 0: any of the type */
    const char *allowed;      /* "a,b,c" or NULL: any; each item of a list */
    enum conf_scope scope;
    unsigned flags;
    const char *doc; /* one sentence */
};

/* A checked value. */
struct conf_value {
    bool is_null;
    int64_t number;    /* bool (0, 1), int, short, long */
    double real;       /* double; also set for the integer types */
    struct bytes text; /* all types: the text, blanks around it removed;
                          borrowed from the text that was checked */
};

/* Check `text` (null allowed only when the default is null) and give its value.
 * ERR_INVALID with Kafka's kind of sentence: "Invalid value 0 for configuration
 * segment.ms: Value must be at least 1". Secrets are shown as [hidden]. */
MUST_USE enum err conf_check(const struct conf_key *key, struct bytes text,
                             struct conf_value *value, struct errmsg *why);

/* Its value is never shown: answers hold null, lines [hidden]. */
static inline bool conf_is_secret(const struct conf_key *key)
{
    return key->type == CONF_PASSWORD;
}

/* The next item of a comma separated list, blanks removed; empty items are
 * given too. Start with *rest = the text; false at the end (an empty text has
 * no items). */
bool conf_list_next(struct bytes *rest, struct bytes *item);

/* What is allowed, in words ("an integer of at least 1"), for messages. */
void conf_allowed(const struct conf_key *key, char *text, size_t size);

#endif
