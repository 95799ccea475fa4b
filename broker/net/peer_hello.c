/* peer_hello.c - which versions the other broker speaks.
 *
 * ApiVersions is asked in our highest version. Who does not know that version
 * answers in version 0 with UNSUPPORTED_VERSION and his own ranges, or closes
 * the connection (before 0.10.2): then the next attempt asks in version 0.
 *
 * Calls were encoded when they were made. Where the other side's highest
 * version is lower, the bytes are read back and written again: seldom, and then
 * only for what waited for the connection.
 */
#include "net/peer_in.h"
#include "wire/errors.h"
#include "wire/msg_api_versions.h"

static void hello_send(struct peer *peer)
{
    struct wire_api_versions_request request;
    struct peer_call *hello = &peer->hello;

    wire_api_versions_request_init(&request);
    request.client_software_name = BYTES("gregor");
    request.client_software_version = BYTES("3.7.0");
    hello->key = WIRE_API_VERSIONS;
    hello->correlation_id = peer->correlation_id++;
    hello->due_us = INT64_MAX; /* the step timer watches over it */
    err_ignore(peer_encode(peer, hello, peer->hello_version, &request),
               "our own request always fits");
    list_prepend(&peer->waiting, &hello->link);
    if (peer_flush(peer) != ERR_OK)
        peer_break(peer, ERR_NET);
}

static void peer_be_ready(struct peer *peer)
{
    loop_timer_stop(&peer->step);
    peer->trouble.text[0] = '\0';
    peer->state = PEER_READY;
    peer_lower_waiting(peer);
    peer_kick(peer);
}

void peer_hello_start(struct peer *peer)
{
    if (!peer->handshake) {
        loop_io_want(&peer->io, LOOP_READ);
        peer_be_ready(peer);
        return;
    }
    peer->state = PEER_HELLO;
    hello_send(peer);
}

static void take_ranges(struct peer *peer,
                        const struct wire_api_versions_response *response)
{
    for (size_t i = 0; i < PEER_KEYS; i++)
        peer->ranges[i] = (struct peer_range){ 0, -1 };
    for (size_t i = 0; i < response->n_api_keys; i++) {
        int16_t key = response->api_keys[i].api_key;

        if (key >= 0 && key < PEER_KEYS)
            peer->ranges[key] =
                (struct peer_range){ response->api_keys[i].min_version,
                                     response->api_keys[i].max_version };
    }
    peer->ranged = true;
}

bool peer_hello_read(struct peer *peer, struct rd *r)
{
    struct wire_api_versions_response response;
    int16_t version = peer->hello.frame_version;
    struct rd peek = *r;
    bool unsupported = rd_i16(&peek) == KAFKA_UNSUPPORTED_VERSION;
    enum err err;

    if (unsupported)
        version = 0;
    peer->arena.limit_bytes = 1024ul * 1024;
    err = wire_api_versions_response_read(r, version, &peer->arena, &response);
    if (unsupported && peer->hello.frame_version > 0) {
        /* ask again on the same connection, in what it told or in the oldest */
        peer->hello_version = 0;
        hello_send(peer);
        return true;
    }
    if (err != ERR_OK || response.error_code != KAFKA_NONE)
        return false;
    take_ranges(peer, &response);
    peer->hello_version = wire_api_find(WIRE_API_VERSIONS)->max;
    peer_be_ready(peer);
    return true;
}

enum err peer_version(const struct peer *peer, const struct peer_call *call,
                      int16_t *version)
{
    const struct peer_range *range;

    *version = call->version;
    if (!peer->ranged || call->key < 0 || call->key >= PEER_KEYS)
        return ERR_OK;
    range = &peer->ranges[call->key];
    if (*version > range->max)
        *version = range->max;
    return *version < range->min || *version < 0 ? ERR_VERSION : ERR_OK;
}

static enum err call_lower(struct peer *peer, struct peer_call *call,
                           int16_t version)
{
    const struct wire_message *message = &wire_api_find(call->key)->request;
    struct rd r = rd_make(bytes_make(call->frame + 12, call->frame_len - 12));
    int16_t header =
        wire_request_header_version(call->key, call->frame_version);
    struct arena arena;
    void *request;
    enum err err;

    if (header >= 1)
        (void)rd_string(&r, false, true);
    if (header >= 2)
        rd_skip_tags(&r);
    arena_init(&arena, SIZE_MAX);
    request = arena_take(&arena, message->size);
    err = request == NULL
              ? ERR_NOMEM
              : message->read(&r, call->frame_version, &arena, request);
    if (err == ERR_OK) {
        uint8_t *old = call->frame; /* the struct refers to it */

        call->frame = NULL;
        err = peer_encode(peer, call, version, request);
        mem_free(old);
    }
    arena_fini(&arena);
    return err;
}

void peer_lower_waiting(struct peer *peer)
{
    LIST_EACH(link, &peer->waiting) {
        struct peer_call *call = CONTAINER_OF(link, struct peer_call, link);
        int16_t version;
        enum err err = peer_version(peer, call, &version);

        if (err == ERR_OK && version < call->frame_version)
            err = call_lower(peer, call, version);
        if (err == ERR_OK)
            continue;
        call->err = err;
        if (call->why.text[0] == '\0')
            err_set(&call->why, err,
                    "%s:%d serves no version of API %d that we "
                    "want",
                    peer->host, peer->port, call->key);
        list_remove(link);
        list_append(&peer->failed, link);
    }
}
