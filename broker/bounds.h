/* bounds.h - the broker's bounds that have no Kafka setting, in one list. */
#ifndef GREGOR_BOUNDS_H
#define GREGOR_BOUNDS_H

#include <stddef.h>

enum {
    LIMIT_OPEN_SEGMENT_FILES = 4096, /* kept open over all logs; older ones are
                                        closed and opened again on use */
    LIMIT_STOP_GRACE_MS = 1000,      /* for replies to leave at the end */
};

/* Bytes received of requests that are not whole or not answered yet, over all
 * reactors; at the bound reading pauses. */
#define LIMIT_REQUEST_MEMORY ((size_t)256 << 20)

#endif
