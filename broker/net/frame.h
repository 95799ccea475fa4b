/* frame.h - what stands in front of a request: length and header.
 *
 *     | length i32 | api key i16 | version i16 | correlation i32 |
 *     | client id string? (header 1+) | tags (header 2+) | body ... |
 *
 * Pure functions over bytes; nothing is read or written elsewhere.
 */
#ifndef GREGOR_NET_FRAME_H
#define GREGOR_NET_FRAME_H

#include "base/bytes.h"
#include "base/err.h"

enum {
    FRAME_HEAD_LEAST = 8, /* key, version, correlation id (header 0) */
};

struct frame_head {
    int16_t key;
    int16_t version;
    int32_t correlation_id;
    struct bytes client_id; /* slice of the frame; may be null */
    struct bytes body;      /* what follows the header */
};

/* ERR_OK when a frame of `length` bytes (without the length itself) may follow;
 * ERR_FORMAT below the shortest header, ERR_LIMIT above `most`. */
enum err frame_check_length(int32_t length, size_t most);

/* Read the header of a whole frame (without its length).
 * ERR_SHORT, ERR_FORMAT  malformed
 * ERR_ABSENT             the key is not known; key and version are set
 * For ApiVersions what follows the correlation id is allowed to be unreadable
 * when the version is not known: client id and body are empty then. */
enum err frame_read_head(struct bytes frame, struct frame_head *head);

/* What the first four bytes look like when they are no sane length: static
 * words for the operator ("a TLS client hello", ...). */
const char *frame_guess(const uint8_t first[static 4]);

#endif
