/* api_table.h - which API is served by which function.
 *
 * The one list; ApiVersions answers from it, and net calls by it. A handler
 * lives in a file of its own, api_<name>.c.
 */
#ifndef GREGOR_API_TABLE_H
#define GREGOR_API_TABLE_H

#include "net/net.h"

/* The handler of an API key, or NULL: not served, and not advertised. */
api_fn *api_handler(int16_t key);

#endif
