/* frame.c - lengths, headers, and who might have sent what is neither. */
#include "net/frame.h"

#include "wire/apis.h"
#include "wire/rd.h"

enum err frame_check_length(int32_t length, size_t most)
{
    if (length < FRAME_HEAD_LEAST)
        return ERR_FORMAT;
    return (size_t)length > most ? ERR_LIMIT : ERR_OK;
}

enum err frame_read_head(struct bytes frame, struct frame_head *head)
{
    struct rd r = rd_make(frame);
    const struct wire_api *api;
    int16_t header;

    *head = (struct frame_head){ 0 };
    head->key = rd_i16(&r);
    head->version = rd_i16(&r);
    head->correlation_id = rd_i32(&r);
    if (r.err != ERR_OK)
        return r.err;
    api = wire_api_find(head->key);
    header = wire_request_header_version(head->key, head->version);
    if (api == NULL || header < 0)
        return ERR_ABSENT;
    if (header >= 1)
        head->client_id = rd_string(&r, false, true);
    if (header >= 2)
        rd_skip_tags(&r);
    if (r.err != ERR_OK) {
        if (head->key != WIRE_API_VERSIONS || head->version <= api->max)
            return r.err;
        head->client_id = BYTES_NULL;
        head->body = BYTES("");
        return ERR_OK;
    }
    head->body = bytes_make(r.at, r.left);
    return ERR_OK;
}

const char *frame_guess(const uint8_t first[static 4])
{
    static const struct {
        const char *start;
        const char *words;
    } known[] = {
        { "GET ", "an HTTP request" },     { "POST", "an HTTP request" },
        { "PUT ", "an HTTP request" },     { "HEAD", "an HTTP request" },
        { "OPTI", "an HTTP request" },     { "PRI ", "an HTTP/2 request" },
        { "SSH-", "an SSH client" },       { "ruok", "a ZooKeeper command" },
        { "stat", "a ZooKeeper command" }, { "srvr", "a ZooKeeper command" },
        { "mntr", "a ZooKeeper command" },
    };

    if (first[0] == 0x16 && first[1] == 3)
        return "a TLS client hello on a listener without TLS";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (memcmp(first, known[i].start, 4) == 0)
            return known[i].words;
    }
    return "no Kafka client";
}
