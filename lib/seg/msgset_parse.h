/* msgset_parse.h - one message of magic 0 or 1; private. */
#ifndef GREGOR_SEG_MSGSET_PARSE_H
#define GREGOR_SEG_MSGSET_PARSE_H

#include "base/bytes.h"
#include "base/err.h"

struct msgset_message {
    uint32_t crc;
    int8_t magic;
    int8_t attributes;
    int64_t timestamp; /* -1 for magic 0 */
    struct bytes key;
    struct bytes value;
};

/* Decode the bytes after offset and size, which are the whole message. Bytes
 * behind the value are not minded, as Kafka does not.
 * ERR_SHORT  a length runs over the end;  ERR_VERSION  magic not 0 or 1 */
enum err msgset_message_read(struct bytes bytes,
                             struct msgset_message *message);

/* Whether the CRC is that of the bytes (as given to msgset_message_read()). */
bool msgset_message_check(struct bytes bytes);

#endif
